/* Fetch. Responses are walked, not decoded: records pass by reference, only names, ids, nodes and codes are looked at.
 * From v13 on they name topics by id, which has the same length on both sides: such a response leaves while it comes
 * (stream.c). Older ones carry names between the records: they are gathered, so they are kept small.
 * Here are the requests that are whole in themselves, which may open a session (fetch_session.h); fetch_more.c has those that
 * go on with one.
 * Invariants: a session's number is looked up among those of its own connection, on either side; nobody fetches as a
 * follower; a topic that this very request, or its session, did not ask for never reaches the answer, whatever the broker
 * sent: gathered it disappears, streamed it ends the connection. */
#include "api/endpoints.h"
#include "api/fetch_session.h"
#include "api/readers.h"

#include <alcove/str.h>

#include "kafka/varint.h"

/* What a table of endpoints may grow by beside its hosts: a size of its tag, and the least filler. */
enum { ENDPOINTS_ROOM = KFK_VARINT_MAX + 2 };

#define Q(f) KFK_FETCH_REQUEST_##f
#define R(f) KFK_FETCH_RESPONSE_##f

/* ---- request --------------------------------------------------------------------------------------- */

/* Brokers read as brokers: with the rights that a client has not. Below -1 are debugging consumers, served as -1. */
bool
api_fetch_is_follower(const struct kfk_tree *q)
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
	lower(q, &q->root, Q(MAX_BYTES), max);
	lower(q, &q->root, Q(MAX_BYTES), api_quota_fetch_max(c, kfk_get_int(q, &q->root, Q(MAX_BYTES))));
	for (struct kfk_node *t = topics == NULL ? NULL : topics->kids; t != NULL; t = t->next) {
		struct kfk_node *parts = kfk_get(t, Q(TOPICS_PARTITIONS));

		for (struct kfk_node *e = parts == NULL ? NULL : parts->kids; e != NULL; e = e->next) {
			lower(q, e, Q(TOPICS_PARTITIONS_PARTITION_MAX_BYTES), max);
		}
	}
}

/* A topic of a request that was mapped: its physical name, or its id, to all that is known of it. */
static bool
asked_topic(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *e, struct api_wanted *w)
{
	*w = (struct api_wanted){ .id = kfk_get_uuid(q, e, Q(TOPICS_TOPIC_ID)), .phys = kfk_get_str(q, e, Q(TOPICS_TOPIC)) };
	if (q->version >= 13 && api_own_id(c, w->id, &w->phys))
		return false;
	if (ten_unmap(&c->tenant->names, TEN_TOPIC, w->phys, &w->virt))
		return false;
	w->virt = alv_arena_str(&c->arena, w->virt);
	w->phys = alv_arena_str(&c->arena, w->phys);
	return !c->arena.failed;
}

static void
note_reads(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topic, struct alv_str virt)
{
	const struct kfk_node *parts = api_reader_wanted(c) ? kfk_get(topic, Q(TOPICS_PARTITIONS)) : NULL;

	for (const struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next)
		api_reader_fetches(c, virt, (int32_t)kfk_get_int(q, p, Q(TOPICS_PARTITIONS_PARTITION)));
}

/* The topics that are left in the request, for its response. False: no memory. */
static bool
remember(struct api_call *c, const struct kfk_tree *q)
{
	const struct kfk_node *topics = kfk_get(&q->root, Q(TOPICS));
	struct api_wanted      w;

	if (!api_asked_begin(c, topics == NULL ? 0 : topics->n))
		return false;
	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next)
		if (asked_topic(c, q, e, &w)) {
			(void)api_asked_add(c, w.id, w.phys, w.virt);
			note_reads(c, q, e, w.virt);
		}
	return !c->arena.failed;
}

/* ---- sessions: opening ---------------------------------------------------------------------------------- */

static bool
fill(struct api_call *c, const struct kfk_tree *q, struct api_turn *t)
{
	for (const struct kfk_node *e = kfk_get(&q->root, Q(TOPICS))->kids; e != NULL; e = e->next) {
		const struct kfk_node *parts = kfk_get(e, Q(TOPICS_PARTITIONS));
		struct api_wanted      w;

		if (!asked_topic(c, q, e, &w))
			return false;
		for (const struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next)
			if (!api_turn_change(c, t, &w, (int32_t)kfk_get_int(q, p, Q(TOPICS_PARTITIONS_PARTITION)), false))
				return false;
	}
	return true;
}

/* A session holds what is allowed, all of it: where something is refused, the client is told so with each full fetch.
 * NULL: there will be none. */
static struct api_turn *
open_session(struct api_call *c, const struct kfk_tree *q)
{
	struct api_session *s;
	struct api_turn	   *t;

	if (api_memo(c)->split.first != NULL || api_memo(c)->split.kept == 0 || !api_session_may_open(c))
		return NULL;
	s = api_session_begin(c, q->version >= 13);
	if (s == NULL)
		return NULL;
	t = api_turn_new(c, s);
	if (t != NULL && fill(c, q, t))
		return api_turn_goes(c, t) ? t : NULL;
	api_session_end(c->conn, s, MET_SESSION_EVICTED);
	return NULL;
}

/* A full fetch closes the session that it names, as a broker understands it: so it is told which one of its own to close. */
static enum api_result
forward(struct api_call *c, struct kfk_tree *q)
{
	struct api_session *named = api_session_find(c->conn, kfk_get_int(q, &q->root, Q(SESSION_ID)));
	bool		    opens = q->version >= 7 && kfk_get_int(q, &q->root, Q(SESSION_EPOCH)) == 0;
	struct api_turn	   *t = NULL;
	enum api_result	    result;

	if (!api_mapped(c, q, &result))
		return result;
	if (named != NULL)
		api_session_end(c->conn, named, MET_SESSION_CLIENT);
	if (opens)
		t = open_session(c, q);
	if (t == NULL && !remember(c, q))
		return api_fail(c, ALV_E_LIMIT);
	kfk_set_int(q, &q->root, Q(SESSION_ID), api_session_unneeded(c->conn));
	kfk_set_int(q, &q->root, Q(SESSION_EPOCH), t == NULL ? -1 : 0);
	if (q->version >= 7)
		api_session_unneeded_taken(c->conn);
	api_memo(c)->own = t;
	return api_send(c, q);
}

enum api_result
api_fetch_request(struct api_call *c, struct kfk_tree *q)
{
	const struct api_shape *sh = api_shape(API_SHAPE_FETCH);
	struct api_split       *s = &api_memo(c)->split;
	int64_t			epoch = q->version < 7 ? -1 : kfk_get_int(q, &q->root, Q(SESSION_EPOCH));
	struct api_session     *named;

	if (epoch != 0 && epoch != -1)
		return api_fetch_more(c, q);
	if (api_fetch_is_follower(q)) {
		api_split_all(c, q, &q->root, sh, &api_memo(c)->split, KFK_TOPIC_AUTHORIZATION_FAILED);
		return api_answer_denied(c, sh);
	}
	api_memo(c)->streams = q->version >= 13;
	tame(c, q);
	api_split(c, q, &q->root, sh, s);
	if (s->waiting)
		return api_wait_ids(c);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	if (s->kept > 0 || s->first == NULL)
		return forward(c, q);
	named = api_session_find(c->conn, kfk_get_int(q, &q->root, Q(SESSION_ID)));
	if (named != NULL)
		api_session_end(c->conn, named, MET_SESSION_CLIENT);
	return api_answer_denied(c, sh);
}

/* ---- response ------------------------------------------------------------------------------------------ */

struct pass {
	struct api_stream    s;		/* first */
	struct api_call	    *c;
	struct api_turn	    *turn;	/* NULL: without a session */
	const struct api_wanted *topic;	/* the one under way; NULL: none, or not ours */
	uint64_t	     bytes;	/* its records */
	struct api_endpoints ends;
};

static enum kfk_do
foreign(const struct pass *p, struct kfk_value *v)
{
	if (!p->s.leaves)
		return KFK_DROP;
	v->i = ALV_E_FOREIGN;
	return KFK_STOP;
}

/* With a session a broker may answer for any topic of it. */
static const struct api_wanted *
wanted(const struct pass *p, struct alv_uuid id, struct alv_str phys)
{
	const struct api_set *set = p->turn == NULL ? NULL : &p->turn->session->set;

	if (set != NULL)
		return set->by_id == (p->c->up_version >= 13) ? (const struct api_wanted *)api_set_find(set, id, phys) : NULL;
	return api_asked_find(p->c, p->c->up_version >= 13 ? &id : NULL, phys);
}

static enum kfk_do
see_name(struct pass *p, struct kfk_value *v)
{
	p->topic = wanted(p, (struct alv_uuid){ { 0 } }, v->s);
	if (p->topic == NULL)
		return foreign(p, v);
	v->s = p->topic->virt;
	return KFK_REPLACE;
}

static enum kfk_do
see_id(struct pass *p, struct kfk_value *v)
{
	p->topic = wanted(p, v->id, ALV_STR_NULL);
	return p->topic == NULL ? foreign(p, v) : KFK_KEEP;
}

/* Before the topics, behind the code of the whole. */
static enum kfk_do
see_session(struct pass *p, struct kfk_value *v)
{
	enum alv_err err = ALV_OK;
	int64_t	     told = 0;

	if (p->turn != NULL)
		err = api_session_came(p->c, p->turn, v->i, &told);
	v->i = err ? (int64_t)err : told;
	return err ? KFK_STOP : KFK_REPLACE;
}

static enum kfk_do
see_code(struct pass *p, uint16_t id, const struct kfk_value *v)
{
	if (id == R(ERROR_CODE) && p->turn != NULL)
		p->turn->code = (int16_t)v->i;
	api_note(p->c, v->i);
	return KFK_KEEP;
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
	case KFK_KIND_SESSION_ID:
		return see_session(p, v);
	case KFK_KIND_ERROR_CODE:
		return see_code(p, id, v);
	case KFK_KIND_RECORDS:
		p->bytes += v->is_null || v->i < 0 ? 0 : (uint64_t)v->i;
		return KFK_KEEP;
	default:
		return api_endpoints_see(&p->ends, p->c, id, f, v);
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

/* From here on the session may go on, or go. */
static void
over(struct api_stream *s)
{
	struct pass *p = (struct pass *)s;

	if (p->turn != NULL)
		api_session_done(p->c->conn, p->turn->session);
}

static const uint64_t seen_kinds = API_SEE(TOPIC_NAME) | API_SEE(TOPIC_ID) | API_SEE_ENDPOINTS | API_SEE(SESSION_ID) | API_SEE(ERROR_CODE) | API_SEE(RECORDS);

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
	p->ends.node = R(NODE_ENDPOINTS_NODE_ID);
	p->ends.bounded = leaves;
	p->turn = api_memo(c)->own;
	p->s.end = over;
	p->s.visitor = &visitor;
	p->s.kinds = seen_kinds;
	if (!api_stream_append(c, &p->s, R(RESPONSES), &denied)) {
		alv_chain_clear(&p->s.extra);
		return NULL;
	}
	if (leaves && c->hdr.version >= 16) {
		p->ends.room = api_endpoints_room(c);
		p->s.room = p->ends.room + ENDPOINTS_ROOM;
	}
	return &p->s;
}
