/* Fetch. Responses are walked, not decoded: records pass by reference, only names, ids, nodes and codes are looked at.
 * Invariants: no session goes upstream or comes back (a session id is a number that any tenant could guess); nobody
 * fetches as a follower; a topic that is not the tenant's never reaches the answer, whatever the broker sent. */
#include "api/kit.h"

#define Q(f) KFK_FETCH_REQUEST_##f
#define R(f) KFK_FETCH_RESPONSE_##f

/* ---- request --------------------------------------------------------------------------------------- */

/* Brokers read as brokers: with the rights that a client has not. Below -1 are debugging consumers, served as -1. */
static bool
is_follower(const struct kfk_tree *q)
{
	const struct kfk_node *state = kfk_get(&q->root, Q(REPLICA_STATE));

	return kfk_get_int(q, &q->root, Q(REPLICA_ID)) >= 0 ||
	    (state != NULL && kfk_get_int(q, state, Q(REPLICA_STATE_REPLICA_ID)) >= 0);
}

static void
lower(struct kfk_tree *q, struct kfk_node *parent, uint16_t id, int64_t max)
{
	if (kfk_get_int(q, parent, id) > max)
		kfk_set_int(q, parent, id, max);
}

/* What only followers send, and what would make one response large. */
static void
tame(struct api_call *c, struct kfk_tree *q)
{
	int64_t		 max = c->conn->w->shared->conf->limits.fetch_max_bytes;
	struct kfk_node *topics = kfk_get(&q->root, Q(TOPICS));

	api_drop_field(&q->root, Q(REPLICA_STATE));
	api_drop_field(&q->root, Q(FORGOTTEN_TOPICS_DATA));
	kfk_set_int(q, &q->root, Q(REPLICA_ID), -1);
	kfk_set_int(q, &q->root, Q(SESSION_ID), 0);
	kfk_set_int(q, &q->root, Q(SESSION_EPOCH), -1);
	lower(q, &q->root, Q(MAX_BYTES), max);
	for (struct kfk_node *t = topics == NULL ? NULL : topics->kids; t != NULL; t = t->next) {
		struct kfk_node *parts = kfk_get(t, Q(TOPICS_PARTITIONS));

		for (struct kfk_node *e = parts == NULL ? NULL : parts->kids; e != NULL; e = e->next) {
			lower(q, e, Q(TOPICS_PARTITIONS_PARTITION_MAX_BYTES), max);
			api_drop_field(e, Q(TOPICS_PARTITIONS_HIGH_WATERMARK));
		}
	}
}

enum api_result
api_fetch_request(struct api_call *c, struct kfk_tree *q)
{
	const struct api_shape *sh = api_shape(API_SHAPE_FETCH);

	/* Nobody has a session, so nobody can go on with one. */
	if (q->version >= 7 && kfk_get_int(q, &q->root, Q(SESSION_EPOCH)) > 0)
		return api_answer_code(c, R(ERROR_CODE), KFK_FETCH_SESSION_ID_NOT_FOUND);
	if (is_follower(q)) {
		api_split_all(c, q, &q->root, sh, &api_memo(c)->split, KFK_TOPIC_AUTHORIZATION_FAILED);
		return api_answer_denied(c, sh);
	}
	tame(c, q);
	return api_split_forward(c, q, sh);
}

/* ---- response ------------------------------------------------------------------------------------------ */

struct pass {
	struct api_call *c;
	struct kfk_tree	 denied;
	struct alv_str	 topic;		/* virtual name of the one under way; null: unknown or not ours */
	uint64_t	 bytes;		/* its records */
	struct alv_str	 host;		/* of the endpoint under way */
	int32_t		 port;
	enum alv_err	 err;
};

static enum kfk_do
see_name(struct pass *p, struct kfk_value *v)
{
	if (ten_unmap(&p->c->tenant->names, TEN_TOPIC, v->s, &p->topic))
		return KFK_DROP;
	p->topic = alv_arena_str(&p->c->arena, p->topic);
	v->s = p->topic;
	return KFK_REPLACE;
}

static enum kfk_do
see_id(struct pass *p, const struct kfk_value *v)
{
	struct alv_str phys;

	if (api_own_id(p->c, v->id, &phys) || ten_unmap(&p->c->tenant->names, TEN_TOPIC, phys, &p->topic))
		return KFK_DROP;
	p->topic = alv_arena_str(&p->c->arena, p->topic);
	return KFK_KEEP;
}

static enum kfk_do
see_node(struct pass *p, uint16_t id, struct kfk_value *v)
{
	if (id == R(NODE_ENDPOINTS_NODE_ID))
		return api_reachable(p->c->conn, v->i) &&
		    api_advertise(p->c->conn, &p->c->arena, (int32_t)v->i, &p->host, &p->port) ? KFK_KEEP : KFK_DROP;
	if (v->i == -1 || api_reachable(p->c->conn, v->i))
		return KFK_KEEP;
	v->i = -1;
	return KFK_REPLACE;
}

static enum kfk_do
see(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct pass *p = arg;

	switch (f->kind) {
	case KFK_KIND_TOPIC_NAME:
		return see_name(p, v);
	case KFK_KIND_TOPIC_ID:
		return see_id(p, v);
	case KFK_KIND_BROKER_ID:
		return see_node(p, id, v);
	case KFK_KIND_HOST:
		v->s = p->host;
		return KFK_REPLACE;
	case KFK_KIND_PORT:
		v->i = p->port;
		return KFK_REPLACE;
	case KFK_KIND_RACK:
		v->is_null = true;
		return KFK_REPLACE;
	case KFK_KIND_SESSION_ID:
		v->i = 0;
		return KFK_REPLACE;
	case KFK_KIND_ERROR_CODE:
		api_note(p->c, v->i);
		return KFK_KEEP;
	case KFK_KIND_RECORDS:
		p->bytes += v->is_null || v->i < 0 ? 0 : (uint64_t)v->i;
		return KFK_KEEP;
	default:
		return KFK_KEEP;	/* not asked for */
	}
}

static void
topic_begins(void *arg, uint16_t id, int32_t index)
{
	struct pass *p = arg;

	(void)index;
	if (id != R(RESPONSES))
		return;
	p->topic = ALV_STR_NULL;
	p->bytes = 0;
}

static void
topic_ends(void *arg, uint16_t id, bool dropped)
{
	struct pass *p = arg;

	if (id == R(RESPONSES) && !dropped && p->bytes > 0)
		api_charge_topic(p->c, MET_FETCH, p->topic, p->bytes);
}

/* Behind the last topic: those that were refused. */
static uint32_t
add_denied(void *arg, uint16_t id, struct alv_chain *out)
{
	struct pass	*p = arg;
	struct kfk_node *list;
	uint32_t	 n = 0;

	if (id != R(RESPONSES))
		return 0;
	list = kfk_get(&p->denied.root, R(RESPONSES));
	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL && !p->err; e = e->next, n++)
		p->err = kfk_emit_element(&p->denied, e, out);
	return n;
}

#define SEE(kind) (UINT64_C(1) << KFK_KIND_##kind)
static const uint64_t seen_kinds = SEE(TOPIC_NAME) | SEE(TOPIC_ID) | SEE(BROKER_ID) | SEE(HOST) | SEE(PORT) | SEE(RACK) |
    SEE(SESSION_ID) | SEE(ERROR_CODE) | SEE(RECORDS);

enum api_result
api_fetch_stream(struct api_call *c, const struct alv_chain *body)
{
	static const struct kfk_visitor visitor = { .field = see, .element = topic_begins, .element_end = topic_ends,
		.array_end = add_denied };
	struct pass	p = { .c = c };
	enum api_result result;

	api_answer_begin(c, &p.denied);		/* the client's version is the broker's here */
	api_splice(c, &p.denied, &p.denied.root, api_shape(API_SHAPE_FETCH), &api_memo(c)->split);
	result = api_walk(c, seen_kinds, &visitor, &p, body);
	return result == API_ANSWER && p.err ? api_fail(c, p.err) : result;
}
