/* Produce. The records stay views into what was received; of each batch only the fixed front is read.
 * Invariants: a transactional batch needs a transactional id that the principal may write to; what is no v2 batch never
 * reaches a broker; a refused produce with acks=0 ends the connection, as there is nobody to say it to. */
#include "api/counts.h"

#define Q(f) KFK_PRODUCE_REQUEST_##f

/* 0, or the code of a partition whose records cannot be read. */
static int16_t
read_batches(const struct kfk_node *records, bool *transactional)
{
	struct kfk_batches b;
	const struct alv_chain *chain = records == NULL || records->v.is_null ? NULL : records->v.bytes;

	memset(&b, 0, sizeof(b));
	for (const struct alv_piece *x = chain == NULL ? NULL : chain->head; x != NULL; x = x->next)
		if (kfk_batches_feed(&b, x->p, x->n))
			return KFK_INVALID_RECORD;
	if (b.skip > 0 || (b.have > 0 && b.have < sizeof(b.front)))
		return KFK_CORRUPT_MESSAGE;	/* the last batch is cut off */
	*transactional |= b.transactional;
	return 0;
}

static struct api_denied *
deny_topic(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topic, int16_t code)
{
	struct alv_str name = q->version >= 13 ? ALV_STR_NULL : kfk_get_str(q, topic, Q(TOPIC_DATA_NAME));

	return api_deny(c, &api_memo(c)->split, name, kfk_get_uuid(q, topic, Q(TOPIC_DATA_TOPIC_ID)), code);
}

static void
deny_part(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topic, int32_t index, int16_t code)
{
	struct api_denied *d = deny_topic(c, q, topic, code);

	if (d == NULL || (d->parts = alv_arena_alloc(&c->arena, sizeof(*d->parts))) == NULL)
		return;
	d->parts[0] = index;
	d->nparts = 1;
}

/* Takes out the partitions whose records cannot be read. */
static void
check_records(struct api_call *c, struct kfk_tree *q, struct kfk_node *topic, bool *transactional)
{
	struct kfk_node *parts = kfk_get(topic, Q(TOPIC_DATA_PARTITION_DATA)), *prev = NULL, *next;

	for (struct kfk_node *e = parts == NULL ? NULL : parts->kids; e != NULL; e = next) {
		int16_t code = read_batches(kfk_get(e, Q(TOPIC_DATA_PARTITION_DATA_RECORDS)), transactional);

		next = e->next;
		if (code == 0) {
			prev = e;
			continue;
		}
		deny_part(c, q, topic, (int32_t)kfk_get_int(q, e, Q(TOPIC_DATA_PARTITION_DATA_INDEX)), code);
		kfk_unlink(parts, prev, e);
	}
}

static bool
may_write_txn(struct api_call *c, struct alv_str id)
{
	return api_judge_other(c, TEN_TXN, id, POL_OP_WRITE, KFK_INVALID_REQUEST, KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED) == 0;
}

static uint64_t
record_bytes(const struct kfk_node *topic)
{
	const struct kfk_node *parts = kfk_get(topic, Q(TOPIC_DATA_PARTITION_DATA));
	uint64_t	       n = 0;

	for (const struct kfk_node *e = parts == NULL ? NULL : parts->kids; e != NULL; e = e->next) {
		const struct kfk_node *rec = kfk_get(e, Q(TOPIC_DATA_PARTITION_DATA_RECORDS));

		if (rec != NULL && !rec->v.is_null && rec->v.bytes != NULL)
			n += rec->v.bytes->n;
	}
	return n;
}

static void
charge(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topics)
{
	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next) {
		struct alv_str name = kfk_get_str(q, e, Q(TOPIC_DATA_NAME)), phys;

		if (q->version >= 13 && (api_own_id(c, kfk_get_uuid(q, e, Q(TOPIC_DATA_TOPIC_ID)), &phys) ||
		    ten_unmap(&c->tenant->names, TEN_TOPIC, phys, &name)))
			continue;
		api_charge_topic(c, MET_PRODUCE, name, record_bytes(e));
	}
}

/* What is over a limit is refused whole; the words for it. txn null: no transaction is written to. */
static struct alv_str
judge_counts(struct api_call *c, struct kfk_tree *q, const struct api_shape *sh, struct alv_str txn)
{
	struct api_split *s = &api_memo(c)->split;
	struct alv_str	  text = ALV_STR_NULL;
	int16_t		  code = s->kept == 0 ? 0 : api_count_stored(c, &text);

	if (code == 0 && s->kept > 0 && txn.p != NULL)
		code = api_count_open_txn(c, txn);
	if (code != 0) {
		api_split_all(c, q, &q->root, sh, s, code);
		s->kept = 0;
	}
	return text;
}

#define R(f) KFK_PRODUCE_RESPONSE_RESPONSES##f

/* Nothing is left to send on. text: what policy it was; null: none. */
static enum api_result
answer_refused(struct api_call *c, const struct api_shape *sh, struct alv_str text)
{
	struct kfk_tree	 r;
	struct kfk_node *topics;

	api_answer_begin(c, &r);
	api_splice(c, &r, &r.root, sh, &api_memo(c)->split);
	topics = text.p == NULL ? NULL : kfk_get(&r.root, R());
	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next) {
		struct kfk_node *parts = kfk_get(e, R(_PARTITION_RESPONSES));

		for (struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next)
			if (kfk_get_int(&r, p, R(_PARTITION_RESPONSES_ERROR_CODE)) == KFK_POLICY_VIOLATION)
				kfk_set_str(&r, p, R(_PARTITION_RESPONSES_ERROR_MESSAGE), text);
	}
	return api_answer(c, &r);
}
#undef R

/* Partitions that went alone may leave topics without any. */
static void
drop_empty(struct kfk_node *topics, struct api_split *s)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = topics->kids; e != NULL; e = next) {
		const struct kfk_node *parts = kfk_get(e, Q(TOPIC_DATA_PARTITION_DATA));

		next = e->next;
		if (parts != NULL && parts->n > 0) {
			prev = e;
			continue;
		}
		kfk_unlink(topics, prev, e);
		s->kept--;
	}
}

enum api_result
api_produce_request(struct api_call *c, struct kfk_tree *q)
{
	const struct api_shape *sh = api_shape(API_SHAPE_PRODUCE);
	struct api_split       *s = &api_memo(c)->split;
	struct kfk_node	       *topics = kfk_get(&q->root, Q(TOPIC_DATA));
	struct alv_str		txn = kfk_get_str(q, &q->root, Q(TRANSACTIONAL_ID)), text;
	bool			transactional = false, acks0 = kfk_get_int(q, &q->root, Q(ACKS)) == 0;

	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next)
		check_records(c, q, e, &transactional);
	if (transactional && !may_write_txn(c, txn))
		api_split_all(c, q, &q->root, sh, s, KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	else
		api_split(c, q, &q->root, sh, s);
	if (s->waiting)
		return api_wait_ids(c);
	text = judge_counts(c, q, sh, transactional ? txn : ALV_STR_NULL);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	if (s->first != NULL && acks0)
		return api_close(c, MET_CLOSE_ACKS0_REFUSED);
	if (s->first != NULL && topics != NULL)
		drop_empty(topics, s);
	if (s->kept == 0 && s->first != NULL)
		return answer_refused(c, sh, text);
	/* Without transactional batches brokers do not look at it: nothing that needed judging goes there. */
	if (!transactional)
		kfk_set_null(q, &q->root, Q(TRANSACTIONAL_ID));
	charge(c, q, topics);
	c->no_response = acks0;
	return api_forward(c, q);
}

enum api_result
api_produce_response(struct api_call *c, struct kfk_tree *r)
{
	return api_splice_answer(c, r, api_shape(API_SHAPE_PRODUCE));
}
