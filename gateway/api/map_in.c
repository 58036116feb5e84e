/* Requests, kind by kind: virtual to physical. A kind without an entry in the table is refused. */
#include "api/map.h"

static enum alv_err
leave_out(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	(void)n;
	return ALV_E_NOT_FOUND;
}

/* ---- names and ids into requests ----------------------------------------------------------------- */

static enum alv_err
in_name(struct api_map *m, struct kfk_node *n, enum ten_kind kind)
{
	struct alv_str phys;
	enum alv_err   err;

	if (n->v.is_null)
		return ALV_OK;
	err = ten_map(&m->c->tenant->names, kind, n->v.s, &m->c->arena, &phys);
	if (!err)
		n->v.s = phys;
	return err;
}

static enum alv_err
in_topic(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)p;
	return in_name(m, n, TEN_TOPIC);
}

static enum alv_err
in_group(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)p;
	return in_name(m, n, TEN_GROUP);
}

static enum alv_err
in_txn(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)p;
	return in_name(m, n, TEN_TXN);
}

static enum alv_err
in_coordinator(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)p;
	return in_name(m, n, api_memo(m->c)->key_kind);
}

/* configs.c answers for every other type. */
static enum alv_err
in_resource(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	switch (p->config_type) {
	case API_RES_TOPIC:
		return in_name(m, n, TEN_TOPIC);
	case API_RES_GROUP:
		return in_name(m, n, TEN_GROUP);
	default:
		return ALV_E_DENIED;
	}
}

/* Zero means "none" and passes; any other must be known as the tenant's own. */
static enum alv_err
in_id(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	struct alv_str phys;
	enum alv_err   err;

	(void)p;
	if (alv_uuid_zero(n->v.id))
		return ALV_OK;
	err = api_own_id(m->c, n->v.id, &phys);
	if (err == ALV_E_AGAIN) {
		m->waiting = true;
		return ALV_OK;
	}
	return err ? ALV_E_FOREIGN : ALV_OK;
}

/* Patterns are matched by brokers against physical names: "none" may pass, and the very text that the handler had made. */
static enum alv_err
in_regex(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)p;
	if (n->v.is_null || n->v.s.n == 0)
		return ALV_OK;
	return n->v.s.p == api_memo(m->c)->pattern.p ? ALV_OK : ALV_E_DENIED;
}

/* Those over transactional ids are matched here (txn_views.c). */
static enum alv_err
in_no_regex(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	return n->v.is_null || n->v.s.n == 0 ? ALV_OK : ALV_E_DENIED;
}

static enum alv_err
in_replica(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	n->v.i = -1;
	return ALV_OK;
}

/* Nodes that a client names: only "none", whatever the number for it is. */
static enum alv_err
in_no_node(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	return n->v.i < 0 ? ALV_OK : ALV_E_DENIED;
}

/* A number that a client made up could be another tenant's session. Who knows better sets it afterwards (fetch.c). */
static enum alv_err
in_no_session(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	n->v.i = n->f->kind == KFK_KIND_SESSION_EPOCH ? -1 : 0;
	return ALV_OK;
}

/* No member or reader is anywhere that nobody was told of. */
static enum alv_err
in_rack(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	struct alv_str phys = n->v.is_null ? ALV_STR_NULL : api_rack_in(m->c, n->v.s);

	if (phys.p == NULL)
		return api_rule_blank(m, p, n);
	n->v.s = alv_arena_str(&m->c->arena, phys);
	return n->v.s.p == NULL ? ALV_E_NOMEM : ALV_OK;
}

/* ---- names inside bytes ------------------------------------------------------------------------------- */

static enum alv_err
embedded_in(void *arg, enum kfk_kind kind, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	struct api_call *c = arg;

	/* Other names are not in there; racks are the members' own text and stay theirs (racks.c). */
	return kind == KFK_KIND_TOPIC_NAME ? ten_map(&c->tenant->names, TEN_TOPIC, in, a, out) : ALV_E_DENIED;
}

static enum alv_err
in_embedded(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	struct alv_str out;
	enum alv_err   err;

	(void)p;
	if (!api_memo(m->c)->consumer || n->v.is_null)
		return ALV_OK;
	err = api_map_embedded(m, n, embedded_in, &out);
	if (!err)
		api_put_bytes(n, out);
	return err;
}

/* ---- the table --------------------------------------------------------------------------------------------- */

const api_rule_fn api_in_rules[KFK_KIND_COUNT] = {
	[KFK_KIND_NONE] = api_rule_keep,
	[KFK_KIND_TOPIC_NAME] = in_topic,
	[KFK_KIND_TOPIC_ID] = in_id,
	[KFK_KIND_GROUP_ID] = in_group,
	[KFK_KIND_TXN_ID] = in_txn,
	[KFK_KIND_COORDINATOR_KEY] = in_coordinator,
	[KFK_KIND_RESOURCE_NAME] = in_resource,
	[KFK_KIND_CONFIG_TYPE] = api_rule_keep,
	[KFK_KIND_TOPIC_REGEX] = in_regex,
	[KFK_KIND_TXN_REGEX] = in_no_regex,
	[KFK_KIND_SUBSCRIPTION] = in_embedded,
	[KFK_KIND_ASSIGNMENT] = in_embedded,
	[KFK_KIND_BROKER_ID] = in_no_node,
	[KFK_KIND_REPLICA_ID] = in_replica,
	[KFK_KIND_RACK] = in_rack,
	[KFK_KIND_CLUSTER_ID] = leave_out,
	[KFK_KIND_RECORDS] = api_rule_keep,
	[KFK_KIND_SESSION_ID] = in_no_session,
	[KFK_KIND_SESSION_EPOCH] = in_no_session,
	[KFK_KIND_PARTITION] = api_rule_keep,
	[KFK_KIND_ACKS] = api_rule_keep,
	[KFK_KIND_MAX_BYTES] = api_rule_keep,		/* fetch.c lowers them */
	[KFK_KIND_FOLLOWER] = leave_out,
	[KFK_KIND_MEMBER_ID] = api_rule_keep,
	[KFK_KIND_PROTOCOL] = api_rule_keep,
	[KFK_KIND_CONFIG_NAME] = api_rule_keep,		/* configs.c and topics.c vet them */
	[KFK_KIND_CONFIG_VALUE] = api_rule_keep,
	[KFK_KIND_STATE] = api_rule_keep,
	[KFK_KIND_LOG_DIR] = leave_out,
	[KFK_KIND_OPAQUE] = api_rule_keep,
};
