/* A whole message mapped by the kinds of its fields: virtual to physical in requests, physical to virtual in responses.
 *
 * One table per direction says what happens to a field of each kind; a kind without an entry is refused, so a field
 * that a later schema brings is closed until somebody decides. Handlers have judged a request before it comes here: what
 * cannot be mapped now is a refusal of the whole.
 * In responses an element whose name or id is not this tenant's disappears from the innermost list around it, counted;
 * where there is no such list, the whole response is refused (FOREIGN).
 * Invariant: names are mapped before the other fields of the same struct, so these can ask for the virtual name. */
#include "api/kit.h"

/* The fields of one struct that others of it are judged by. */
struct peers {
	struct kfk_node *name, *id, *group, *node, *host, *port;
	int16_t		 code;		/* of this struct, else of the one around it */
	bool		 element;	/* it is an element of a list: it may disappear */
};

struct map {
	struct api_call *c;
	struct kfk_tree *t;
	uint32_t	 dropped;
	bool		 waiting;	/* ids must be resolved first */
};

/* OK: keep it; NOT_FOUND: leave the field out (its default goes); FOREIGN: the element around it goes. */
typedef enum alv_err (*rule_fn)(struct map *m, const struct peers *p, struct kfk_node *n);

static bool
nullable(const struct map *m, const struct kfk_node *n)
{
	return kfk_versions_has(n->f->nullable, m->t->version);
}

static enum alv_err
keep(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	(void)n;
	return ALV_OK;
}

static enum alv_err
leave_out(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	(void)n;
	return ALV_E_NOT_FOUND;
}

/* A string that nobody else may see: null where that is allowed, else empty. */
static enum alv_err
blank(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)p;
	n->v.is_null = nullable(m, n);
	n->v.s = n->v.is_null ? ALV_STR_NULL : ALV_STR("");
	return ALV_OK;
}

/* ---- names and ids into requests ----------------------------------------------------------------- */

static enum alv_err
in_name(struct map *m, struct kfk_node *n, enum ten_kind kind)
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
in_topic(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)p;
	return in_name(m, n, TEN_TOPIC);
}

static enum alv_err
in_group(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)p;
	return in_name(m, n, TEN_GROUP);
}

static enum alv_err
in_txn(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)p;
	return in_name(m, n, TEN_TXN);
}

static enum alv_err
in_coordinator(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)p;
	return in_name(m, n, api_memo(m->c)->key_kind);
}

/* Zero means "none" and passes; any other must be known as the tenant's own. */
static enum alv_err
in_id(struct map *m, const struct peers *p, struct kfk_node *n)
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

/* Patterns are matched by brokers against physical names: only "none" may pass. */
static enum alv_err
in_no_regex(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	return n->v.is_null || n->v.s.n == 0 ? ALV_OK : ALV_E_DENIED;
}

static enum alv_err
in_replica(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	n->v.i = -1;
	return ALV_OK;
}

/* Nodes that a client names: only "none", whatever the number for it is. */
static enum alv_err
in_no_node(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	return n->v.i < 0 ? ALV_OK : ALV_E_DENIED;
}

static enum alv_err
in_no_session(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	n->v.i = n->f->kind == KFK_KIND_SESSION_EPOCH ? -1 : 0;
	return ALV_OK;
}

/* ---- names inside bytes ----------------------------------------------------------------------------- */

static enum alv_err
embedded_in(void *arg, enum kfk_kind kind, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	struct api_call *c = arg;

	if (kind == KFK_KIND_TOPIC_NAME)
		return ten_map(&c->tenant->names, TEN_TOPIC, in, a, out);
	if (kind != KFK_KIND_RACK)
		return ALV_E_DENIED;
	*out = ALV_STR_NULL;
	return ALV_OK;
}

static enum alv_err
embedded_out(void *arg, enum kfk_kind kind, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	struct api_call *c = arg;

	if (kind == KFK_KIND_TOPIC_NAME) {
		if (ten_unmap(&c->tenant->names, TEN_TOPIC, in, out) == ALV_OK)
			return ALV_OK;
		met_dropped(c->conn->w->meter, 0, 1);
		return ALV_E_NOT_FOUND;
	}
	(void)a;
	if (kind != KFK_KIND_RACK)
		return ALV_E_DENIED;
	*out = ALV_STR_NULL;
	return ALV_OK;
}

static enum alv_err
embedded(struct map *m, struct kfk_node *n, kfk_map_fn fn, struct alv_str *out)
{
	const struct kfk_schema *s =
	    n->f->kind == KFK_KIND_SUBSCRIPTION ? &kfk_consumer_subscription : &kfk_consumer_assignment;
	struct alv_str in = kfk_node_bytes(m->t, n);

	if (in.p == NULL && !n->v.is_null)
		return ALV_E_NOMEM;
	*out = in;
	return in.n == 0 ? ALV_OK : kfk_embedded_map(s, in, fn, m->c, &m->c->arena, out);
}

static void
put_bytes(struct kfk_node *n, struct alv_str s)
{
	n->v.bytes = NULL;
	n->v.s = s;
	n->v.is_null = s.p == NULL;
}

static enum alv_err
in_embedded(struct map *m, const struct peers *p, struct kfk_node *n)
{
	struct alv_str out;
	enum alv_err   err;

	(void)p;
	if (!api_memo(m->c)->consumer || n->v.is_null)
		return ALV_OK;
	err = embedded(m, n, embedded_in, &out);
	if (!err)
		put_bytes(n, out);
	return err;
}

/* What cannot be read holds who knows what: the client gets nothing of it. */
static enum alv_err
out_embedded(struct map *m, const struct peers *p, struct kfk_node *n)
{
	struct alv_str out;

	(void)p;
	if (!api_memo(m->c)->consumer || n->v.is_null)
		return ALV_OK;
	put_bytes(n, embedded(m, n, embedded_out, &out) ? ALV_STR("") : out);
	return ALV_OK;
}

/* ---- names and ids out of responses -------------------------------------------------------------- */

static enum alv_err
out_name(struct map *m, struct kfk_node *n, enum ten_kind kind)
{
	struct alv_str virt;

	if (n->v.is_null)
		return ALV_OK;
	if (ten_unmap(&m->c->tenant->names, kind, n->v.s, &virt))
		return api_leaks(m->c) ? ALV_OK : ALV_E_FOREIGN;
	n->v.s = virt;
	return ALV_OK;
}

/* An id beside an own topic's name is learnt; one that stands alone must be known as own. */
static enum alv_err
out_id(struct map *m, const struct peers *p, struct kfk_node *n, struct alv_str phys)
{
	struct alv_str found;
	enum alv_err   err;

	(void)p;
	if (alv_uuid_zero(n->v.id))
		return ALV_OK;
	if (phys.p != NULL && phys.n > 0) {
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

/* Names and ids of the struct itself, before anything else of it. */
static enum alv_err
out_identity(struct map *m, const struct peers *p)
{
	struct alv_str phys = p->name == NULL || p->name->v.is_null ? ALV_STR_NULL : p->name->v.s;
	enum alv_err   err = p->name == NULL ? ALV_OK : out_name(m, p->name, TEN_TOPIC);

	if (!err && p->group != NULL)
		err = out_name(m, p->group, TEN_GROUP);
	if (!err && p->id != NULL)
		err = out_id(m, p, p->id, phys);
	return err;
}

/* Only elements of plain lists are left here: out_identity took the rest. */
static enum alv_err
out_topic(struct map *m, const struct peers *p, struct kfk_node *n)
{
	return n == p->name ? ALV_OK : out_name(m, n, TEN_TOPIC);
}

static enum alv_err
out_group(struct map *m, const struct peers *p, struct kfk_node *n)
{
	return n == p->group ? ALV_OK : out_name(m, n, TEN_GROUP);
}

static enum alv_err
out_plain_id(struct map *m, const struct peers *p, struct kfk_node *n)
{
	return n == p->id ? ALV_OK : out_id(m, p, n, ALV_STR_NULL);
}

static enum alv_err
out_txn(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)p;
	return out_name(m, n, TEN_TXN);
}

static enum alv_err
out_coordinator(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)p;
	return out_name(m, n, api_memo(m->c)->key_kind);
}

/* ---- nodes and texts out of responses --------------------------------------------------------------- */

static void
put_endpoint(const struct peers *p, int32_t node, struct alv_str host, int32_t port)
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
out_node(struct map *m, const struct peers *p, struct kfk_node *n)
{
	struct alv_str host = ALV_STR("");
	int32_t	       port = -1;
	bool	       known = n->v.i >= 0 && n->v.i <= INT32_MAX &&
	    api_advertise(m->c->conn, &m->c->arena, (int32_t)n->v.i, &host, &port);

	if (n->f->array)
		return ALV_OK;
	if (n == p->node && p->host != NULL) {
		if (!known && n->v.i >= 0 && p->element)
			return ALV_E_FOREIGN;
		put_endpoint(p, known ? (int32_t)n->v.i : -1, known ? host : ALV_STR(""), known ? port : -1);
	} else if (!known) {
		n->v.i = -1;
	}
	return ALV_OK;
}

/* Set by out_node; an address without a node is not one that could be replaced. */
static enum alv_err
out_address(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)m;
	(void)n;
	return p->node != NULL && p->host != NULL ? ALV_OK : ALV_E_DENIED;
}

static enum alv_err
out_cluster_id(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)p;
	n->v.is_null = false;
	n->v.s = alv_arena_str(&m->c->arena, alv_str_of(m->c->tenant->cluster_id));
	return n->v.s.p == NULL ? ALV_E_NOMEM : ALV_OK;
}

static enum alv_err
out_code(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)p;
	api_note(m->c, n->v.i);
	return ALV_OK;
}

static enum alv_err
out_text(struct map *m, const struct peers *p, struct kfk_node *n)
{
	if (n->v.is_null)
		return ALV_OK;
	n->v.s = ten_clean_text(&m->c->tenant->names, n->v.s, alv_str_of(kfk_code_text(p->code)), &m->c->arena);
	n->v.is_null = n->v.s.p == NULL;
	return ALV_OK;
}

/* The broker's value is about the gateway's rights. */
static enum alv_err
out_operations(struct map *m, const struct peers *p, struct kfk_node *n)
{
	const struct api_memo *memo = api_memo(m->c);

	n->v.i = INT32_MIN;
	if (p->code != 0)
		return ALV_OK;
	if (p->name != NULL) {
		if (memo->topic_ops && !p->name->v.is_null)
			n->v.i = api_operations(m->c, POL_TOPIC, p->name->v.s);
	} else if (p->group != NULL) {
		if (memo->group_ops)
			n->v.i = api_operations(m->c, POL_GROUP, p->group->v.s);
	} else if (memo->cluster_ops) {
		n->v.i = api_may_cluster(m->c, POL_OP_DESCRIBE)
		    ? api_operations(m->c, POL_CLUSTER, ALV_STR("kafka-cluster")) : 0;
	}
	return ALV_OK;
}

static enum alv_err
out_no_session(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	n->v.i = 0;
	return ALV_OK;
}

/* Another member's address would be the gateway's. */
static enum alv_err
out_client_host(struct map *m, const struct peers *p, struct kfk_node *n)
{
	(void)m;
	(void)p;
	n->v.s = ALV_STR("/0.0.0.0");
	return ALV_OK;
}

/* ---- the tables ----------------------------------------------------------------------------------------- */

static const rule_fn in_rules[KFK_KIND_COUNT] = {
	[KFK_KIND_NONE] = keep,
	[KFK_KIND_TOPIC_NAME] = in_topic,
	[KFK_KIND_TOPIC_ID] = in_id,
	[KFK_KIND_GROUP_ID] = in_group,
	[KFK_KIND_TXN_ID] = in_txn,
	[KFK_KIND_COORDINATOR_KEY] = in_coordinator,
	[KFK_KIND_RESOURCE_NAME] = in_topic,	/* configs.c lets no other type come here */
	[KFK_KIND_TOPIC_REGEX] = in_no_regex,
	[KFK_KIND_TXN_REGEX] = in_no_regex,
	[KFK_KIND_SUBSCRIPTION] = in_embedded,
	[KFK_KIND_ASSIGNMENT] = in_embedded,
	[KFK_KIND_BROKER_ID] = in_no_node,
	[KFK_KIND_REPLICA_ID] = in_replica,
	[KFK_KIND_RACK] = blank,
	[KFK_KIND_CLUSTER_ID] = leave_out,
	[KFK_KIND_RECORDS] = keep,
	[KFK_KIND_SESSION_ID] = in_no_session,
	[KFK_KIND_SESSION_EPOCH] = in_no_session,
	[KFK_KIND_MEMBER_ID] = keep,
	[KFK_KIND_PROTOCOL] = keep,
	[KFK_KIND_CONFIG_NAME] = keep,		/* configs.c and topics.c vet them */
	[KFK_KIND_CONFIG_VALUE] = keep,
	[KFK_KIND_STATE] = keep,
	[KFK_KIND_LOG_DIR] = leave_out,
	[KFK_KIND_OPAQUE] = keep,
};

static const rule_fn out_rules[KFK_KIND_COUNT] = {
	[KFK_KIND_NONE] = keep,
	[KFK_KIND_TOPIC_NAME] = out_topic,
	[KFK_KIND_TOPIC_ID] = out_plain_id,
	[KFK_KIND_GROUP_ID] = out_group,
	[KFK_KIND_TXN_ID] = out_txn,
	[KFK_KIND_COORDINATOR_KEY] = out_coordinator,
	[KFK_KIND_RESOURCE_NAME] = out_topic,
	[KFK_KIND_TOPIC_REGEX] = blank,		/* none was sent, so none can be ours */
	[KFK_KIND_SUBSCRIPTION] = out_embedded,
	[KFK_KIND_ASSIGNMENT] = out_embedded,
	[KFK_KIND_BROKER_ID] = out_node,
	[KFK_KIND_HOST] = out_address,
	[KFK_KIND_PORT] = out_address,
	[KFK_KIND_RACK] = blank,
	[KFK_KIND_CLUSTER_ID] = out_cluster_id,
	[KFK_KIND_ERROR_CODE] = out_code,
	[KFK_KIND_ERROR_TEXT] = out_text,
	[KFK_KIND_THROTTLE_MS] = keep,
	[KFK_KIND_AUTH_OPS] = out_operations,
	[KFK_KIND_RECORDS] = keep,
	[KFK_KIND_SESSION_ID] = out_no_session,
	[KFK_KIND_MEMBER_ID] = keep,
	[KFK_KIND_CLIENT_ID] = keep,
	[KFK_KIND_CLIENT_HOST] = out_client_host,
	[KFK_KIND_PROTOCOL] = keep,
	[KFK_KIND_CONFIG_NAME] = keep,
	[KFK_KIND_CONFIG_VALUE] = keep,
	[KFK_KIND_STATE] = keep,
	[KFK_KIND_OPAQUE] = keep,
};

/* ---- the pass ---------------------------------------------------------------------------------------------- */

static struct peers
peers_of(const struct kfk_node *parent, int16_t code, bool element)
{
	struct peers p = { .code = code, .element = element };

	for (struct kfk_node *k = parent->kids; k != NULL; k = k->next) {
		if (k->f->array)
			continue;
		switch (k->f->kind) {
		case KFK_KIND_TOPIC_NAME: p.name = k; break;
		case KFK_KIND_TOPIC_ID: p.id = k; break;
		case KFK_KIND_GROUP_ID: p.group = k; break;
		case KFK_KIND_BROKER_ID: p.node = k; break;
		case KFK_KIND_HOST: p.host = k; break;
		case KFK_KIND_PORT: p.port = k; break;
		case KFK_KIND_ERROR_CODE: p.code = (int16_t)k->v.i; break;
		default: break;
		}
	}
	return p;
}

static enum alv_err map_struct(struct map *m, struct kfk_node *parent, int16_t code, bool element);

/* One value: a field that is no list, or an element of one. */
static enum alv_err
map_value(struct map *m, const struct peers *p, struct kfk_node *n, bool element)
{
	rule_fn rule = (m->t->schema->dir == KFK_REQUEST ? in_rules : out_rules)[n->f->kind];

	if (n->f->type == KFK_STRUCT)
		return n->v.is_null ? ALV_OK : map_struct(m, n, p->code, element);
	return rule == NULL ? ALV_E_DENIED : rule(m, p, n);
}

static enum alv_err
map_list(struct map *m, const struct peers *p, struct kfk_node *list)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = list->kids; e != NULL; e = next) {
		enum alv_err err = map_value(m, p, e, true);

		next = e->next;
		if (err == ALV_E_FOREIGN && m->t->schema->dir == KFK_RESPONSE) {
			kfk_unlink(list, prev, e);
			m->dropped++;
			continue;
		}
		if (err)
			return err;
		prev = e;
	}
	return ALV_OK;
}

static enum alv_err
map_struct(struct map *m, struct kfk_node *parent, int16_t code, bool element)
{
	struct peers	 p = peers_of(parent, code, element);
	struct kfk_node *prev = NULL, *next;
	enum alv_err	 err = m->t->schema->dir == KFK_RESPONSE ? out_identity(m, &p) : ALV_OK;

	for (struct kfk_node *k = parent->kids; !err && k != NULL; k = next) {
		next = k->next;
		err = k->f->array ? map_list(m, &p, k) : map_value(m, &p, k, false);
		if (err == ALV_E_NOT_FOUND) {
			kfk_unlink(parent, prev, k);
			err = ALV_OK;
			continue;
		}
		prev = k;
	}
	return err;
}

static enum alv_err
map_tree(struct api_call *c, struct kfk_tree *t)
{
	struct map   m = { .c = c, .t = t };
	enum alv_err err = map_struct(&m, &t->root, 0, false);

	if (m.dropped > 0)
		met_dropped(c->conn->w->meter, 0, m.dropped);
	if (!err && c->arena.failed)
		err = ALV_E_LIMIT;
	return err == ALV_OK && m.waiting ? ALV_E_AGAIN : err;
}

enum alv_err
api_map_in(struct api_call *c, struct kfk_tree *q)
{
	return map_tree(c, q);
}

enum alv_err
api_map_out(struct api_call *c, struct kfk_tree *r)
{
	return map_tree(c, r);
}
