/* Responses, kind by kind: physical to virtual. A kind without an entry in the table is refused. */
#include <alcove/regex.h>

#include "api/map.h"

/* ---- names inside bytes ------------------------------------------------------------------------------- */

static enum alv_err
embedded_out(void *arg, enum kfk_kind kind, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	struct api_call *c = arg;

	(void)a;
	if (kind != KFK_KIND_TOPIC_NAME)
		return ALV_E_DENIED;
	if (ten_unmap(&c->tenant->names, TEN_TOPIC, in, out) == ALV_OK)
		return ALV_OK;
	met_dropped(c->conn->w->meter, 0, 1);
	return ALV_E_NOT_FOUND;
}

/* What cannot be read holds who knows what: the client gets nothing of it. */
static enum alv_err
out_embedded(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	struct alv_str out;

	(void)p;
	if (!api_memo(m->c)->consumer || n->v.is_null)
		return ALV_OK;
	api_put_bytes(n, api_map_embedded(m, n, embedded_out, &out) ? ALV_STR("") : out);
	return ALV_OK;
}

/* ---- names and ids out of responses -------------------------------------------------------------- */

static enum alv_err
out_name(struct api_map *m, struct kfk_node *n, enum ten_kind kind)
{
	struct alv_str virt;

	if (n->v.is_null)
		return ALV_OK;
	if (ten_unmap(&m->c->tenant->names, kind, n->v.s, &virt))
		return api_leaks(m->c) ? ALV_OK : ALV_E_FOREIGN;
	n->v.s = virt;
	return ALV_OK;
}

/* An id beside an own topic's name is learnt, unless it is known as another's; one that stands alone must be known as own. */
static enum alv_err
out_id(struct api_map *m, const struct api_peers *p, struct kfk_node *n, struct alv_str phys)
{
	struct api_worker *w = m->c->conn->w;
	struct alv_str	   found;
	enum alv_err	   err;

	(void)p;
	if (alv_uuid_zero(n->v.id))
		return ALV_OK;
	if (phys.p != NULL && phys.n > 0) {
		/* An id never changes its name. */
		if (!clu_ids_find(w->ids, m->c->view, n->v.id, w->now_us, &found) && !alv_str_eq(found, phys))
			return ALV_E_FOREIGN;
		api_learn_id(m->c, n->v.id, phys);
		return ALV_OK;
	}
	err = api_own_id(m->c, n->v.id, &found);
	if (err == ALV_E_AGAIN) {
		m->waiting = true;
		return ALV_OK;
	}
	return err ? ALV_E_FOREIGN : ALV_OK;
}

/* Built in on purpose for `make fuzz-must-find`, which has to find it: others' names pass beside four errors. */
static bool
is_faulty(int16_t code)
{
#ifdef ALV_FAULT_ON_PURPOSE
	return code >= KFK_FENCED_MEMBER_EPOCH && code <= KFK_STALE_MEMBER_EPOCH;
#else
	(void)code;
	return false;
#endif
}

/* Names and ids of the struct itself, before anything else of it. */
enum alv_err
api_out_identity(struct api_map *m, const struct api_peers *p)
{
	struct alv_str phys = p->name == NULL || p->name->v.is_null ? ALV_STR_NULL : p->name->v.s;
	enum alv_err   err = p->name == NULL ? ALV_OK : out_name(m, p->name, TEN_TOPIC);

	if (!err && p->group != NULL)
		err = out_name(m, p->group, TEN_GROUP);
	if (!err && p->id != NULL)
		err = out_id(m, p, p->id, phys);
	return err == ALV_E_FOREIGN && is_faulty(p->code) ? ALV_OK : err;
}

/* Only elements of plain lists are left here: api_out_identity took the rest. */
static enum alv_err
out_topic(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	return n == p->name ? ALV_OK : out_name(m, n, TEN_TOPIC);
}

static enum alv_err
out_group(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	return n == p->group ? ALV_OK : out_name(m, n, TEN_GROUP);
}

static enum alv_err
out_resource(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	switch (p->config_type) {
	case API_RES_TOPIC:
		return out_name(m, n, TEN_TOPIC);
	case API_RES_GROUP:
		return out_name(m, n, TEN_GROUP);
	default:
		return ALV_E_FOREIGN;
	}
}

static enum alv_err
out_plain_id(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	return n == p->id ? ALV_OK : out_id(m, p, n, ALV_STR_NULL);
}

static enum alv_err
out_txn(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)p;
	return out_name(m, n, TEN_TXN);
}

static enum alv_err
out_coordinator(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)p;
	return out_name(m, n, api_memo(m->c)->key_kind);
}

/* What its member wrote, which is in the text that went up; another text did not come from here. */
static enum alv_err
out_regex(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	struct alv_str text;

	if (n->v.is_null || n->v.s.n == 0)
		return ALV_OK;
	if (!reg_original(n->v.s, &m->c->arena, &text))
		return api_rule_blank(m, p, n);
	n->v.s = text;
	return ALV_OK;
}

/* ---- nodes and texts out of responses --------------------------------------------------------------- */

static void
put_endpoint(const struct api_peers *p, int32_t node, struct alv_str host, int32_t port)
{
	p->node->v.i = node;
	if (p->host != NULL)
		p->host->v = (struct kfk_value){ .s = host };
	if (p->port != NULL)
		p->port->v.i = port;
}

/* A node with an address gets the virtual one or disappears; a node alone becomes "none" where clients could not reach
 * it. Lists of nodes (replicas) keep the numbers of those that are down, as with a real cluster. */
static enum alv_err
out_node(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	bool	       known = !n->f->array && api_reachable(m->c->conn, n->v.i);
	struct alv_str host = ALV_STR("");
	int32_t	       port = -1;

	if (n->f->array)
		return ALV_OK;
	if (n != p->node || p->host == NULL) {
		n->v.i = known ? n->v.i : -1;
		return ALV_OK;
	}
	if (!known && n->v.i >= 0 && p->element)
		return ALV_E_FOREIGN;
	if (known && !api_advertise(m->c->conn, &m->c->arena, (int32_t)n->v.i, &host, &port))
		return ALV_E_NOMEM;
	put_endpoint(p, known ? (int32_t)n->v.i : -1, host, port);
	return ALV_OK;
}

/* Set by out_node; an address without a node is not one that could be replaced. */
static enum alv_err
out_address(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)m;
	(void)n;
	return p->node != NULL && p->host != NULL ? ALV_OK : ALV_E_DENIED;
}

/* Beside an address it is the broker's, else what a member said of itself. */
static enum alv_err
out_rack(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	bool	       broker = p->node != NULL && p->host != NULL;
	struct alv_str virt = broker ? api_rack_of(m->c, p->node->v.i) : n->v.is_null ? ALV_STR_NULL : api_rack_out(m->c, n->v.s);

	if (virt.p == NULL)
		return api_rule_blank(m, p, n);
	n->v = (struct kfk_value){ .s = alv_arena_str(&m->c->arena, virt) };
	return n->v.s.p == NULL ? ALV_E_NOMEM : ALV_OK;
}

static enum alv_err
out_cluster_id(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)p;
	n->v.is_null = false;
	n->v.s = alv_arena_str(&m->c->arena, alv_str_of(m->c->tenant->cluster_id));
	return n->v.s.p == NULL ? ALV_E_NOMEM : ALV_OK;
}

static enum alv_err
out_code(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)p;
	api_note(m->c, n->v.i);
	return ALV_OK;
}

static enum alv_err
out_text(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	if (n->v.is_null)
		return ALV_OK;
	n->v.s = ten_clean_text(&m->c->tenant->names, n->v.s, alv_str_of(kfk_code_text(p->code)), &m->c->arena);
	n->v.is_null = n->v.s.p == NULL;
	return ALV_OK;
}

/* The broker's value is about the gateway's rights. */
static enum alv_err
out_operations(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	const struct api_memo *memo = api_memo(m->c);

	n->v.i = INT32_MIN;
	/* Of a topic that is not there as well: who may ask is told what it may. What is denied never came from a broker. */
	if (p->name != NULL && memo->topic_ops && !p->name->v.is_null)
		n->v.i = api_operations(m->c, POL_TOPIC, p->name->v.s);
	if (p->code != 0 || p->name != NULL)
		return ALV_OK;
	if (p->group != NULL) {
		if (memo->group_ops)
			n->v.i = api_operations(m->c, POL_GROUP, p->group->v.s);
	} else if (memo->cluster_ops) {
		n->v.i = api_may_cluster(m->c, POL_OP_DESCRIBE)
		    ? api_operations(m->c, POL_CLUSTER, ALV_STR("kafka-cluster")) : 0;
	}
	return ALV_OK;
}

static enum alv_err
out_no_session(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	n->v.i = 0;
	return ALV_OK;
}

/* A broker knows all members by the gateway's address; hosts.c fills in those that are known. */
static enum alv_err
out_client_host(struct api_map *m, const struct api_peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	n->v.s = ALV_STR("/0.0.0.0");
	return ALV_OK;
}

/* ---- the table --------------------------------------------------------------------------------------------- */

const api_rule_fn api_out_rules[KFK_KIND_COUNT] = {
	[KFK_KIND_NONE] = api_rule_keep,
	[KFK_KIND_TOPIC_NAME] = out_topic,
	[KFK_KIND_TOPIC_ID] = out_plain_id,
	[KFK_KIND_GROUP_ID] = out_group,
	[KFK_KIND_TXN_ID] = out_txn,
	[KFK_KIND_COORDINATOR_KEY] = out_coordinator,
	[KFK_KIND_RESOURCE_NAME] = out_resource,
	[KFK_KIND_CONFIG_TYPE] = api_rule_keep,
	[KFK_KIND_TOPIC_REGEX] = out_regex,
	[KFK_KIND_SUBSCRIPTION] = out_embedded,
	[KFK_KIND_ASSIGNMENT] = out_embedded,
	[KFK_KIND_BROKER_ID] = out_node,
	[KFK_KIND_HOST] = out_address,
	[KFK_KIND_PORT] = out_address,
	[KFK_KIND_RACK] = out_rack,
	[KFK_KIND_CLUSTER_ID] = out_cluster_id,
	[KFK_KIND_ERROR_CODE] = out_code,
	[KFK_KIND_ERROR_TEXT] = out_text,
	[KFK_KIND_THROTTLE_MS] = api_rule_keep,
	[KFK_KIND_AUTH_OPS] = out_operations,
	[KFK_KIND_RECORDS] = api_rule_keep,
	[KFK_KIND_SESSION_ID] = out_no_session,
	[KFK_KIND_MEMBER_ID] = api_rule_keep,
	[KFK_KIND_CLIENT_ID] = api_rule_keep,
	[KFK_KIND_CLIENT_HOST] = out_client_host,
	[KFK_KIND_PROTOCOL] = api_rule_keep,
	[KFK_KIND_CONFIG_NAME] = api_rule_keep,
	[KFK_KIND_CONFIG_VALUE] = api_rule_keep,
	[KFK_KIND_LOG_DIR] = api_rule_blank,		/* log_dirs.c gives them numbers */
	[KFK_KIND_STATE] = api_rule_keep,
	[KFK_KIND_OPAQUE] = api_rule_keep,
};
