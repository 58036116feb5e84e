/* Fetch. Responses are walked, not decoded: records pass by reference, only names, ids, nodes and codes are looked at.
 * From v13 on they name topics by id, which has the same length on both sides: such a response leaves while it comes
 * (stream.c). Older ones carry names between the records: they are gathered, so they are kept small.
 * Invariants: no session goes upstream or comes back (a session id is a number that any tenant could guess); nobody
 * fetches as a follower; a topic that this very request did not ask for never reaches the answer, whatever the broker
 * sent: gathered it disappears, streamed it ends the connection. */
#include "api/quick.h"
#include "kafka/varint.h"

/* What a table of endpoints may grow by beside its hosts: a size of its tag, and the least filler. */
enum { ENDPOINTS_ROOM = KFK_VARINT_MAX + 2 };

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

/* What only followers send, and what would make a response large that has to be gathered. */
static void
tame(struct api_call *c, struct kfk_tree *q)
{
	bool		 leaves = api_memo(c)->streams;
	int64_t		 max = leaves ? INT32_MAX : c->conn->w->shared->conf->limits.fetch_max_bytes;
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
		}
	}
}

/* The topics that are left in the request, for its response. False: no memory. */
static bool
remember(struct api_call *c, const struct kfk_tree *q)
{
	const struct kfk_node  *topics = kfk_get(&q->root, Q(TOPICS));
	const struct ten_names *names = &c->tenant->names;

	if (!api_asked_begin(c, topics == NULL ? 0 : topics->n))
		return false;
	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next) {
		struct alv_uuid id = kfk_get_uuid(q, e, Q(TOPICS_TOPIC_ID));
		struct alv_str	phys, virt;

		if (q->version < 13 ? ten_map(names, TEN_TOPIC, kfk_get_str(q, e, Q(TOPICS_TOPIC)), &c->arena, &phys)
				    : api_own_id(c, id, &phys))
			continue;
		if (!ten_unmap(names, TEN_TOPIC, phys, &virt))
			(void)api_asked_add(c, id, phys, alv_arena_str(&c->arena, virt));
	}
	return !c->arena.failed;
}

enum api_result
api_fetch_request(struct api_call *c, struct kfk_tree *q)
{
	const struct api_shape *sh = api_shape(API_SHAPE_FETCH);
	struct api_split       *s = &api_memo(c)->split;

	/* Nobody has a session, so nobody can go on with one. */
	if (q->version >= 7 && kfk_get_int(q, &q->root, Q(SESSION_EPOCH)) > 0)
		return api_answer_code(c, R(ERROR_CODE), KFK_FETCH_SESSION_ID_NOT_FOUND);
	if (is_follower(q)) {
		api_split_all(c, q, &q->root, sh, &api_memo(c)->split, KFK_TOPIC_AUTHORIZATION_FAILED);
		return api_answer_denied(c, sh);
	}
	api_memo(c)->streams = q->version >= 13;
	tame(c, q);
	api_split(c, q, &q->root, sh, s);
	if (s->waiting)
		return api_wait_ids(c);
	if (c->arena.failed || !remember(c, q))
		return api_fail(c, ALV_E_LIMIT);
	return s->kept == 0 && s->first != NULL ? api_answer_denied(c, sh) : api_forward(c, q);
}

/* ---- response ------------------------------------------------------------------------------------------ */

struct pass {
	struct api_stream    s;		/* first */
	struct api_call	    *c;
	const struct api_wanted *topic;	/* the one under way; NULL: none, or not ours */
	uint64_t	     bytes;	/* its records */
	struct alv_str	     host;	/* of the endpoint under way */
	int32_t		     port;
	size_t		     room;	/* what is left of the stream's for hosts */
};

static enum kfk_do
foreign(const struct pass *p, struct kfk_value *v)
{
	if (!p->s.leaves)
		return KFK_DROP;
	v->i = ALV_E_FOREIGN;
	return KFK_STOP;
}

static enum kfk_do
see_name(struct pass *p, struct kfk_value *v)
{
	p->topic = api_asked_find(p->c, NULL, v->s);
	if (p->topic == NULL)
		return foreign(p, v);
	v->s = p->topic->virt;
	return KFK_REPLACE;
}

static enum kfk_do
see_id(struct pass *p, struct kfk_value *v)
{
	p->topic = api_asked_find(p->c, &v->id, ALV_STR_NULL);
	return p->topic == NULL ? foreign(p, v) : KFK_KEEP;
}

/* An endpoint that clients can reach, and whose address fits into what was announced. */
static bool
see_endpoint(struct pass *p, int64_t node)
{
	if (!api_reachable(p->c->conn, node) || !api_advertise(p->c->conn, &p->c->arena, (int32_t)node, &p->host, &p->port))
		return false;
	if (!p->s.leaves)
		return true;
	if (p->host.n + 1 > p->room)
		return false;
	p->room -= p->host.n + 1;
	return true;
}

static enum kfk_do
see_node(struct pass *p, uint16_t id, struct kfk_value *v)
{
	if (id == R(NODE_ENDPOINTS_NODE_ID))
		return see_endpoint(p, v->i) ? KFK_KEEP : KFK_DROP;
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
	p->topic = NULL;
	p->bytes = 0;
}

static void
topic_ends(void *arg, uint16_t id, bool dropped)
{
	struct pass *p = arg;

	if (id == R(RESPONSES) && !dropped && p->bytes > 0)
		api_charge_topic(p->c, MET_FETCH, p->topic->virt, p->bytes);
}

static const uint64_t seen_kinds = API_SEE(TOPIC_NAME) | API_SEE(TOPIC_ID) | API_SEE(BROKER_ID) | API_SEE(HOST) | API_SEE(PORT) |
    API_SEE(RACK) | API_SEE(SESSION_ID) | API_SEE(ERROR_CODE) | API_SEE(RECORDS);

struct api_stream *
api_fetch_stream(struct api_call *c, bool leaves)
{
	static const struct kfk_visitor visitor = { .field = see, .element = topic_begins, .element_end = topic_ends,
		.array_begin = api_stream_list, .array_more = api_stream_more, .array_end = api_stream_add,
		.tail = api_stream_fill };
	struct pass    *p = alv_arena_alloc(&c->arena, sizeof(*p));
	struct kfk_tree denied;

	if (p == NULL)
		return NULL;
	api_answer_begin(c, &denied);		/* the client's version is the broker's here */
	api_splice(c, &denied, &denied.root, api_shape(API_SHAPE_FETCH), &api_memo(c)->split);
	p->c = c;
	p->s.visitor = &visitor;
	p->s.kinds = seen_kinds;
	if (!api_stream_append(c, &p->s, R(RESPONSES), &denied)) {
		alv_chain_clear(&p->s.extra);
		return NULL;
	}
	if (leaves && c->hdr.version >= 16) {
		p->room = api_endpoints_room(c);
		p->s.room = p->room + ENDPOINTS_ROOM;
	}
	return &p->s;
}
