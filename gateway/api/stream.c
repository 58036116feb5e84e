/* Responses that are walked instead of decoded: those with records, and those that hold the whole cluster's, of which a
 * tenant sees a part. What is dropped costs no memory, so nobody's answer depends on how much others have.
 *
 * Gathered (api_walk_whole): the body is here, elements may disappear, the length is known at the end.
 * Streamed (api_stream): bytes leave while later ones still come from the broker. The length is fixed at the first byte:
 *
 *     broker's body + refused topics that are spliced in + growth of the list's count + room
 *
 * Nothing can be taken back then: what is not the tenant's ends the connection. What gets shorter or longer on the way
 * (unknown tagged fields that are left out, addresses in the last tagged fields) is made even by a tagged field of ours
 * behind all others, which clients skip.
 * Invariants: nothing is in c->out before c->answer_n is known; what was taken in all is answer_n when the walk ends, or
 * the connection ends without having sent the last byte. */
#include "api/kit.h"
#include "kafka/varint.h"

enum {
	ANSWER_MAX = INT32_MAX - 1024,	/* with its header it is still one frame */
	FILLER_TAG = 120, FILLER_TAG_LONG = 9000	/* a number of one byte, one of two: any size but 1 can be filled */
};

static size_t
varint_n(uint32_t v)
{
	uint8_t b[KFK_VARINT_MAX];

	return (size_t)kfk_varint_write(b, v);
}

/* ---- what all streams' visitors do ---------------------------------------------------------------- */

enum kfk_do
api_stream_list(void *arg, uint16_t id, int32_t n)
{
	struct api_stream *s = arg;
	size_t		   grown;

	if (id != s->list || !s->leaves || n < 0)
		return KFK_KEEP;
	grown = s->extra.n + varint_n((uint32_t)n + s->nextra + 1) - varint_n((uint32_t)n + 1);
	if (s->body_n > ANSWER_MAX || grown + s->room > ANSWER_MAX - s->body_n)
		return KFK_STOP;
	s->total = s->body_n + grown + s->room;
	return KFK_KEEP;
}

uint32_t
api_stream_more(void *arg, uint16_t id, int32_t n)
{
	const struct api_stream *s = arg;

	(void)n;
	return id == s->list ? s->nextra : 0;
}

uint32_t
api_stream_add(void *arg, uint16_t id, struct alv_chain *out)
{
	struct api_stream *s = arg;

	if (id != s->list)
		return 0;
	alv_chain_move(out, &s->extra);
	return s->nextra;
}

static uint32_t
add_filler(struct alv_chain *out, size_t n)
{
	static const uint8_t  zeros[512];
	static const uint32_t tags[] = { FILLER_TAG, FILLER_TAG_LONG };
	uint8_t		      head[2 * KFK_VARINT_MAX];

	for (size_t i = 0; i < ALV_COUNT(tags); i++) {
		size_t head_n = (size_t)kfk_varint_write(head, tags[i]), size_n = 1;

		while (n >= head_n + size_n && varint_n((uint32_t)(n - head_n - size_n)) > size_n)
			size_n++;
		if (n < head_n + size_n || varint_n((uint32_t)(n - head_n - size_n)) != size_n)
			continue;
		n -= head_n + size_n;
		head_n += (size_t)kfk_varint_write(head + head_n, (uint32_t)n);
		alv_chain_copy(out, head, head_n);
		for (size_t part; n > 0; n -= part) {
			part = n < sizeof(zeros) ? n : sizeof(zeros);
			alv_chain_copy(out, zeros, part);
		}
		return 1;
	}
	return 0;	/* a gap that cannot be filled: the end finds the length wrong */
}

uint32_t
api_stream_fill(void *arg, struct alv_chain *out)
{
	const struct api_stream *s = arg;
	size_t			 now = s->gone + s->ready.n;

	return s->leaves && s->total > now ? add_filler(out, s->total - now) : 0;
}

bool
api_stream_append(struct api_call *c, struct api_stream *s, uint16_t list, const struct kfk_tree *t)
{
	const struct kfk_node *n = kfk_get(&t->root, list);

	s->list = list;
	alv_chain_init(&s->extra, c->conn->w->pool);
	for (const struct kfk_node *e = n == NULL ? NULL : n->kids; e != NULL; e = e->next, s->nextra++)
		if (kfk_emit_element(t, e, &s->extra))
			return false;
	return !c->arena.failed;
}

/* ---- one walk -------------------------------------------------------------------------------------- */

void
api_stream_fini(struct api_call *c)
{
	struct api_stream *s = c->stream;

	c->stream = NULL;
	if (s == NULL)
		return;
	if (s->fini != NULL)
		s->fini(s);
	kfk_walk_fini(&s->walk);
	alv_chain_clear(&s->extra);
	alv_chain_clear(&s->ready);
	if (s->end != NULL)
		s->end(s);
}

/* In front of the visitor's own: what the client is to wait. */
static enum kfk_do
see_throttle(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	const struct api_stream *s = arg;

	if (f->kind != KFK_KIND_THROTTLE_MS)
		return s->visitor->field(arg, id, f, v);
	if (v->i >= s->throttle_ms)
		return KFK_KEEP;
	v->i = s->throttle_ms;
	return KFK_REPLACE;
}

static enum api_result
begin(struct api_call *c, size_t body_n, bool leaves)
{
	const struct kfk_plan *plan;
	struct api_stream     *s;
	enum alv_err	       err;

	api_stream_fini(c);
	alv_chain_clear(&c->out);	/* what went to the broker, where nobody took it */
	api_quota_response(c, body_n);
	s = c->def->stream(c, leaves);
	if (s == NULL)
		return api_fail(c, ALV_E_LIMIT);
	c->stream = s;
	alv_chain_init(&s->ready, c->conn->w->pool);
	s->leaves = leaves;
	s->body_n = body_n;
	s->own = *s->visitor;
	s->own.fixed = leaves;
	s->throttle_ms = api_throttle_ms(c);
	if (s->throttle_ms > 0) {
		s->own.field = see_throttle;
		s->kinds |= UINT64_C(1) << KFK_KIND_THROTTLE_MS;
	}
	plan = kfk_plan_get(kfk_schema_find(c->up_key, KFK_RESPONSE), c->up_version, s->kinds);
	err = plan == NULL ? ALV_E_NOMEM : kfk_walk_init(&s->walk, plan, &s->own, s, &s->ready, &c->arena);
	if (err)
		return api_fail(c, err);
	kfk_walk_expect(&s->walk, body_n);
	return API_MORE;
}

static enum api_result
failed(struct api_call *c, struct api_stream *s, enum alv_err err)
{
	if (c->arena.failed || err == ALV_E_NOMEM || err == ALV_E_LIMIT)
		return api_close(c, MET_CLOSE_MEMORY);
	if (err == ALV_E_FOREIGN)
		return api_close(c, MET_CLOSE_UPSTREAM_FOREIGN);
	c->fault = alv_arena_alloc(&c->arena, sizeof(*c->fault));
	if (c->fault != NULL)
		*c->fault = s->walk.fault;
	return api_close(c, MET_CLOSE_UPSTREAM_MALFORMED);
}

static void
take(struct api_call *c, struct api_stream *s)
{
	size_t before = c->out.n;

	kfk_walk_take(&s->walk, &c->out);
	s->gone += c->out.n - before;
	c->answer_n = s->total;
}

static enum api_result
finish(struct api_call *c, struct api_stream *s)
{
	enum alv_err err = c->out.err ? c->out.err : s->ready.err;

	take(c, s);
	met_dropped(c->conn->w->meter, s->walk.dropped_tags, s->walk.dropped_elements);
	if (c->arena.failed || err)
		return api_close(c, MET_CLOSE_MEMORY);
	if (s->leaves && s->gone != s->total)
		return api_close(c, MET_CLOSE_INTERNAL);
	c->answer_n = s->gone;
	return API_ANSWER;
}

static enum api_result
feed(struct api_call *c, const struct alv_chain *in)
{
	struct api_stream *s = c->stream;
	enum alv_err	   err = ALV_E_MORE;

	if (in->head == NULL)
		err = kfk_walk_feed(&s->walk, NULL, NULL, 0);
	for (const struct alv_piece *x = in->head; x != NULL && err == ALV_E_MORE; x = x->next)
		err = kfk_walk_feed(&s->walk, x->block, x->p, x->n);
	if (err == ALV_OK)
		return finish(c, s);
	if (err != ALV_E_MORE || c->arena.failed)
		return failed(c, s, err);
	if (s->leaves && s->total > 0)
		take(c, s);
	return c->out.err ? api_close(c, MET_CLOSE_MEMORY) : API_MORE;
}

enum api_result
api_walk_whole(struct api_call *c, const struct alv_chain *body)
{
	enum api_result result = begin(c, body->n, false);

	if (result == API_MORE)
		result = feed(c, body);
	api_stream_fini(c);
	return result == API_MORE ? api_close(c, MET_CLOSE_UPSTREAM_MALFORMED) : result;
}

enum api_result
api_stream_part(struct api_call *c, size_t body_n, const struct alv_chain *in)
{
	enum api_result result = c->stream == NULL ? begin(c, body_n, true) : API_MORE;

	if (result == API_MORE)
		result = feed(c, in);
	if (result != API_MORE)
		api_stream_fini(c);
	return result;
}
