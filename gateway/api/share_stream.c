/* ShareFetch's response, walked as Fetch's is: topics by id, so it leaves while it comes (stream.c). Nodes' addresses stand in a
 * list of their own at its end, which the walk may change; texts of errors become shorter at most.
 * Invariant: a topic that the principal could not read when it asked never reaches the answer, whatever the broker's session
 * held: gathered it disappears, streamed it ends the connection. */
#include "api/endpoints.h"
#include "api/share.h"

#define R(f) KFK_SHARE_FETCH_RESPONSE_##f

enum { FILLER_LEAST = 2 };	/* bytes: see stream.c */

struct pass {
	struct api_stream	        s;	/* first */
	struct api_call		       *c;
	const struct api_share_turn    *turn;
	const struct api_share_verdict *topic;	/* the one under way */
	int16_t				code;	/* the last one: a text behind it says it in words */
	uint64_t			bytes;	/* the topic's records */
	struct api_endpoints		ends;
};

/* ---- what is refused here, among the responses ------------------------------------------------------------- */

static void
add_refusal(struct kfk_tree *r, struct kfk_node *topics, const struct api_share_refusal *d)
{
	struct kfk_node *e = topics->last, *p, *parts, *leader;

	if (e == NULL || !alv_uuid_eq(kfk_get_uuid(r, e, R(RESPONSES_TOPIC_ID)), d->id)) {
		e = kfk_add(r, topics);
		kfk_set_uuid(r, e, R(RESPONSES_TOPIC_ID), d->id);
	}
	parts = kfk_get(e, R(RESPONSES_PARTITIONS));
	p = kfk_add(r, parts == NULL ? kfk_set_empty(r, e, R(RESPONSES_PARTITIONS)) : parts);
	kfk_set_int(r, p, R(RESPONSES_PARTITIONS_PARTITION_INDEX), d->index);
	kfk_set_int(r, p, R(RESPONSES_PARTITIONS_ERROR_CODE), d->code);
	kfk_set_int(r, p, R(RESPONSES_PARTITIONS_ACKNOWLEDGE_ERROR_CODE), d->acknowledge);
	leader = kfk_set_empty(r, p, R(RESPONSES_PARTITIONS_CURRENT_LEADER));
	kfk_set_int(r, leader, R(RESPONSES_PARTITIONS_CURRENT_LEADER_LEADER_ID), -1);
	kfk_set_int(r, leader, R(RESPONSES_PARTITIONS_CURRENT_LEADER_LEADER_EPOCH), -1);
}

static bool
append_refusals(struct pass *p)
{
	struct kfk_tree	 r;
	struct kfk_node *topics;

	api_answer_begin(p->c, &r);
	topics = kfk_set_empty(&r, &r.root, R(RESPONSES));
	for (const struct api_share_refusal *d = p->turn->first; d != NULL; d = d->next)
		add_refusal(&r, topics, d);
	return api_stream_append(p->c, &p->s, R(RESPONSES), &r);
}

/* ---- the walk ------------------------------------------------------------------------------------------------- */

static enum kfk_do
see_id(struct pass *p, struct kfk_value *v)
{
	const struct api_share_verdict *x = api_share_verdict(p->turn, v->id);

	p->topic = x != NULL && x->code == 0 ? x : NULL;
	if (p->topic != NULL)
		return KFK_KEEP;
	if (!p->s.leaves)
		return KFK_DROP;
	v->i = ALV_E_FOREIGN;
	return KFK_STOP;
}

static enum kfk_do
see_code(struct pass *p, uint16_t id, const struct kfk_value *v)
{
	p->code = (int16_t)v->i;
	api_note(p->c, v->i);
	if (id == R(ERROR_CODE) && api_share_lost(v->i))
		api_share_close(p->c->conn, p->turn->serial);
	return KFK_KEEP;
}

/* What has left already counted on no more than the broker's own text. */
static enum kfk_do
see_text(struct pass *p, struct kfk_value *v)
{
	struct alv_str clean;

	if (v->is_null)
		return KFK_KEEP;
	clean = ten_clean_text(&p->c->tenant->names, v->s, alv_str_of(kfk_code_text(p->code)), &p->c->arena);
	if (p->s.leaves && clean.n > v->s.n)
		clean = ALV_STR_NULL;
	v->s = clean;
	v->is_null = clean.p == NULL;
	return KFK_REPLACE;
}

static enum kfk_do
see(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct pass *p = arg;

	switch (f->kind) {
	case KFK_KIND_TOPIC_ID:
		return see_id(p, v);
	case KFK_KIND_ERROR_CODE:
		return see_code(p, id, v);
	case KFK_KIND_ERROR_TEXT:
		return see_text(p, v);
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

	if (id == R(RESPONSES) && !dropped && p->topic != NULL && p->bytes > 0)
		api_charge_topic(p->c, MET_FETCH, p->topic->virt, p->bytes);
}

static const uint64_t seen_kinds = API_SEE(TOPIC_ID) | API_SEE_ENDPOINTS | API_SEE(ERROR_CODE) | API_SEE(ERROR_TEXT) | API_SEE(RECORDS);

struct api_stream *
api_share_fetch_stream(struct api_call *c, bool leaves)
{
	static const struct kfk_visitor visitor = { .field = see, .element = topic_begins, .element_end = topic_ends,
		.array_begin = api_stream_list, .array_more = api_stream_more, .array_end = api_stream_add,
		.tail = api_stream_fill, .loose = R(NODE_ENDPOINTS) };
	struct pass *p = alv_arena_alloc(&c->arena, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->c = c;
	p->ends.node = R(NODE_ENDPOINTS_NODE_ID);
	p->ends.bounded = leaves;
	p->turn = api_memo(c)->own;
	p->s.visitor = &visitor;
	p->s.kinds = seen_kinds;
	if (!append_refusals(p)) {
		alv_chain_clear(&p->s.extra);
		return NULL;
	}
	if (leaves) {
		p->ends.room = api_endpoints_room(c);
		p->s.room = p->ends.room + FILLER_LEAST;
	}
	return &p->s;
}
