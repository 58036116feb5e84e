/* Produce the short way: every topic allowed, every batch readable, transactional as it says. See quick.h. */
#include "api/counts.h"
#include "api/repeat.h"

#define Q(f) KFK_PRODUCE_REQUEST_##f

/* ---- request --------------------------------------------------------------------------------------- */

struct pass {
	struct api_call	      *c;
	const struct api_shape *sh;
	struct api_wanted     *topic;	/* the one under way */
	struct kfk_batches     batches;	/* of the partition under way */
	struct api_learnt_produce last;	/* the last partition that was met */
	uint32_t	       parts;
	bool		       txn;	/* there is a transactional id, and it may be written to */
	bool		       transactional, acks0, cut;
};

static enum kfk_do
see_txn(struct pass *p, struct kfk_value *v)
{
	struct alv_str phys;

	if (v->is_null)
		return KFK_KEEP;
	if (api_judge_other(p->c, TEN_TXN, v->s, POL_OP_WRITE, KFK_INVALID_REQUEST, KFK_INVALID_REQUEST) ||
	    ten_map(&p->c->tenant->names, TEN_TXN, v->s, &p->c->arena, &phys) || api_count_open_txn(p->c, v->s) != 0)
		return KFK_STOP;
	p->txn = true;
	v->s = phys;
	return KFK_REPLACE;
}

static enum kfk_do
see(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct pass *p = arg;
	enum kfk_do  what = KFK_KEEP;

	(void)id;
	switch (f->kind) {
	case KFK_KIND_TXN_ID:
		return see_txn(p, v);
	case KFK_KIND_ACKS:
		p->acks0 = v->i == 0;
		return KFK_KEEP;
	case KFK_KIND_TOPIC_NAME:
	case KFK_KIND_TOPIC_ID:
		what = api_quick_topic(p->c, p->sh, f, v);
		if (what != KFK_STOP)
			p->topic = &api_memo(p->c)->asked.topic[api_memo(p->c)->asked.n - 1];
		return what;
	default:	/* the records */
		p->batches = (struct kfk_batches){ .count = 0 };
		p->parts++;
		p->last = (struct api_learnt_produce){ .topic = p->topic, .records = v->is_null ? 0 : (size_t)v->i };
		p->topic->bytes += v->is_null ? 0 : (uint64_t)v->i;
		return KFK_KEEP;
	}
}

static enum alv_err
see_records(void *arg, uint16_t id, const uint8_t *b, size_t n)
{
	struct pass *p = arg;

	(void)id;
	if (p->last.at == NULL)
		p->last.at = b;
	return kfk_batches_feed(&p->batches, b, n);
}

static void
element_ends(void *arg, uint16_t id, bool dropped)
{
	struct pass	   *p = arg;
	struct kfk_batches *b = &p->batches;

	(void)dropped;
	if (id != Q(TOPIC_DATA_PARTITION_DATA))
		return;
	p->cut |= b->skip > 0 || (b->have > 0 && b->have < sizeof(b->front));
	p->transactional |= b->transactional;
}

static enum kfk_do
list_begins(void *arg, uint16_t id, int32_t n)
{
	struct pass *p = arg;

	return id != Q(TOPIC_DATA) || (n >= 0 && api_asked_begin(p->c, (uint32_t)n)) ? KFK_KEEP : KFK_STOP;
}

static bool
request(struct api_call *c, const struct alv_chain *body)
{
	static const struct kfk_visitor visitor = { .field = see, .records = see_records, .element_end = element_ends,
		.array_begin = list_begins };
	const struct api_asked	       *a = &api_memo(c)->asked;
	struct pass			p = { .c = c, .sh = api_shape(API_SHAPE_PRODUCE) };

	if (pol_slot_full(c->conn->slot) || !api_quick_walk(c, KFK_REQUEST, API_SEE(TXN_ID) | API_SEE(ACKS) | API_SEE(TOPIC_NAME) | API_SEE(TOPIC_ID) |
	    API_SEE(RECORDS), &visitor, &p, body))
		return false;
	/* A transactional id without transactional batches does not go upstream; the other way round is refused. */
	if (p.cut || p.txn != p.transactional) {
		alv_chain_clear(&c->out);
		return false;
	}
	for (uint32_t i = 0; i < a->n; i++)
		api_charge_topic(c, MET_PRODUCE, a->topic[i].virt, a->topic[i].bytes);
	c->no_response = p.acks0;
	if (p.parts == 1 && p.last.at != NULL && !p.txn && !p.acks0)
		api_repeat_learn(c, body, &p.last);
	return true;
}

/* ---- response -------------------------------------------------------------------------------------- */

static enum kfk_do
see_response(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct api_call		*c = arg;
	const struct api_wanted *w;

	(void)id;
	switch (f->kind) {
	case KFK_KIND_TOPIC_ID:
		return api_asked_find(c, &v->id, ALV_STR_NULL) == NULL ? KFK_STOP : KFK_KEEP;
	case KFK_KIND_TOPIC_NAME:
		w = api_asked_find(c, NULL, v->s);
		if (w == NULL)
			return KFK_STOP;
		v->s = w->virt;
		return KFK_REPLACE;
	case KFK_KIND_ERROR_CODE:
		api_note(c, v->i);
		return KFK_KEEP;
	case KFK_KIND_ERROR_TEXT:
		return v->is_null ? KFK_KEEP : KFK_STOP;
	case KFK_KIND_THROTTLE_MS:
		if (v->i >= api_throttle_ms(c))
			return KFK_KEEP;
		v->i = api_throttle_ms(c);
		return KFK_REPLACE;
	default:
		return KFK_STOP;	/* nodes and their addresses */
	}
}

static bool
response(struct api_call *c, const struct alv_chain *body)
{
	static const struct kfk_visitor visitor = { .field = see_response };

	return api_memo(c)->split.first == NULL && api_memo(c)->asked.n > 0 &&
	    api_quick_walk(c, KFK_RESPONSE, API_SEE(TOPIC_NAME) | API_SEE(TOPIC_ID) | API_SEE(ERROR_CODE) |
		API_SEE(ERROR_TEXT) | API_SEE(BROKER_ID) | API_SEE(HOST) | API_SEE(PORT) | API_SEE(RACK) |
		(c->throttle_until_us == 0 ? 0 : API_SEE(THROTTLE_MS)), &visitor, c, body);
}

const struct api_quick api_quick_produce = { .request = request, .response = response };
