/* Transactions of clients: producer ids, partitions, offsets, the end. After mapping, a transactional id can fence only
 * producers of its own tenant. Two-phase commit and the batched forms between brokers are not offered. */
#include "api/counts.h"
#include "api/groups.h"

/* 0, 42 (empty or impossible), 53 (denied). */
static int16_t
judge_txn(struct api_call *c, struct alv_str virt)
{
	return api_judge_other(c, TEN_TXN, virt, POL_OP_WRITE, KFK_INVALID_REQUEST, KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
}

/* ---- InitProducerId ------------------------------------------------------------------------------------------ */

#define Q(f) KFK_INIT_PRODUCER_ID_REQUEST_##f
#define R(f) KFK_INIT_PRODUCER_ID_RESPONSE_##f

static int16_t
judge_idempotent(struct api_call *c)
{
	if (api_may_cluster(c, POL_OP_IDEMPOTENT_WRITE) || api_may_any(c, POL_OP_WRITE, POL_TOPIC))
		return 0;
	api_want(c, POL_OP_IDEMPOTENT_WRITE, POL_CLUSTER, ALV_STR("kafka-cluster"));
	return KFK_CLUSTER_AUTHORIZATION_FAILED;
}

enum api_result
api_init_producer_id_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str	txn = kfk_get_str(q, &q->root, Q(TRANSACTIONAL_ID));
	int16_t		code = txn.p == NULL ? judge_idempotent(c) : judge_txn(c, txn);
	struct kfk_tree r;

	if (code == 0 && txn.p != NULL)
		code = api_count_txn_id(c, txn, kfk_get_int(q, &q->root, Q(TRANSACTION_TIMEOUT_MS)));
	/* Who has an id goes on with it, but only where brokers know whose it is: without a transactional id they give a new one. */
	if (code == 0 && (txn.p == NULL || kfk_get_int(q, &q->root, Q(PRODUCER_ID)) < 0))
		code = api_count_producer_id(c);
	if (code == 0)
		return api_forward(c, q);
	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, R(ERROR_CODE), code);
	kfk_set_int(&r, &r.root, R(PRODUCER_ID), -1);
	kfk_set_int(&r, &r.root, R(PRODUCER_EPOCH), -1);
	api_note(c, code);
	return api_answer(c, &r);
}
#undef Q
#undef R

/* ---- AddPartitionsToTxn: all or nothing ------------------------------------------------------------------------ */

#define Q(f) KFK_ADD_PARTITIONS_TO_TXN_REQUEST_##f
#define R(f) KFK_ADD_PARTITIONS_TO_TXN_RESPONSE_RESULTS_BY_TOPIC_V3_AND_BELOW##f

static int32_t
partitions_of(struct api_call *c, struct alv_str topic)
{
	const struct clu_topic *t;
	struct alv_str		phys;

	if (ten_map(&c->tenant->names, TEN_TOPIC, topic, &c->arena, &phys))
		return 0;
	t = clu_topic_find(c->view, phys);
	return t == NULL ? 0 : t->partitions;
}

/* Of what was not attempted, brokers say which partitions are not there. */
static void
tell_missing(struct api_call *c, struct kfk_tree *r)
{
	const struct kfk_node *topics = kfk_get(&r->root, R());

	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next) {
		const struct kfk_node *parts = kfk_get(e, R(_RESULTS_BY_PARTITION));
		int32_t		       n = partitions_of(c, kfk_get_str(r, e, R(_NAME)));

		for (struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next) {
			int64_t index = kfk_get_int(r, p, R(_RESULTS_BY_PARTITION_PARTITION_INDEX));

			if (kfk_get_int(r, p, R(_RESULTS_BY_PARTITION_PARTITION_ERROR_CODE)) == KFK_OPERATION_NOT_ATTEMPTED &&
			    (index < 0 || index >= n))
				kfk_set_int(r, p, R(_RESULTS_BY_PARTITION_PARTITION_ERROR_CODE), KFK_UNKNOWN_TOPIC_OR_PARTITION);
		}
	}
}

enum api_result
api_add_partitions_to_txn_request(struct api_call *c, struct kfk_tree *q)
{
	const struct api_shape *sh = api_shape(API_SHAPE_ADD_PARTITIONS_TO_TXN);
	struct api_split       *s = &api_memo(c)->split;
	struct alv_str		txn = kfk_get_str(q, &q->root, Q(V3_AND_BELOW_TRANSACTIONAL_ID));
	int16_t			code = judge_txn(c, txn);
	struct kfk_tree		r;

	if (code == 0) {
		api_split(c, q, &q->root, sh, s);
		code = s->first != NULL ? KFK_OPERATION_NOT_ATTEMPTED : api_count_open_txn(c, txn);
		if (code == 0)
			return api_forward(c, q);
	}
	api_split_all(c, q, &q->root, sh, s, code);
	api_answer_begin(c, &r);
	api_splice(c, &r, &r.root, sh, s);
	tell_missing(c, &r);
	return api_answer(c, &r);
}
#undef Q
#undef R

/* ---- AddOffsetsToTxn, TxnOffsetCommit, EndTxn -------------------------------------------------------------------- */

enum api_result
api_add_offsets_to_txn_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str txn = kfk_get_str(q, &q->root, KFK_ADD_OFFSETS_TO_TXN_REQUEST_TRANSACTIONAL_ID);
	int16_t	       code = judge_txn(c, txn);

	if (code == 0)
		code = api_judge_group(c, kfk_get_str(q, &q->root, KFK_ADD_OFFSETS_TO_TXN_REQUEST_GROUP_ID), POL_OP_READ);
	if (code == 0)
		code = api_count_open_txn(c, txn);
	return code == 0 ? api_forward(c, q) : api_answer_code(c, KFK_ADD_OFFSETS_TO_TXN_RESPONSE_ERROR_CODE, code);
}

enum api_result
api_txn_offset_commit_request(struct api_call *c, struct kfk_tree *q)
{
	const struct api_shape *sh = api_shape(API_SHAPE_TXN_OFFSET_COMMIT);
	struct alv_str		txn = kfk_get_str(q, &q->root, KFK_TXN_OFFSET_COMMIT_REQUEST_TRANSACTIONAL_ID);
	struct alv_str		group = kfk_get_str(q, &q->root, KFK_TXN_OFFSET_COMMIT_REQUEST_GROUP_ID);
	struct alv_str		text;	/* there is no room for words in this answer */
	int16_t			code = judge_txn(c, txn);

	if (code == 0)
		code = api_judge_group(c, group, POL_OP_READ);
	if (code == 0 && kfk_get_int(q, &q->root, KFK_TXN_OFFSET_COMMIT_REQUEST_GENERATION_ID_OR_MEMBER_EPOCH) < 0)
		code = api_count_offsets(c, API_CLASSIC, group, &text);
	if (code == 0)
		code = api_count_open_txn(c, txn);
	if (code == 0)
		return api_split_forward(c, q, sh);
	api_split_all(c, q, &q->root, sh, &api_memo(c)->split, code);
	return api_answer_denied(c, sh);
}

enum api_result
api_txn_offset_commit_response(struct api_call *c, struct kfk_tree *r)
{
	return api_splice_answer(c, r, api_shape(API_SHAPE_TXN_OFFSET_COMMIT));
}

enum api_result
api_end_txn_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str txn = kfk_get_str(q, &q->root, KFK_END_TXN_REQUEST_TRANSACTIONAL_ID), *kept;
	int16_t	       code = judge_txn(c, txn);
	struct kfk_tree r;

	if (code == 0) {
		kept = alv_arena_alloc(&c->arena, sizeof(*kept));
		if (kept == NULL)
			return api_fail(c, ALV_E_LIMIT);
		*kept = txn;
		api_memo(c)->own = kept;
		return api_forward(c, q);
	}
	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, KFK_END_TXN_RESPONSE_ERROR_CODE, code);
	kfk_set_int(&r, &r.root, KFK_END_TXN_RESPONSE_PRODUCER_ID, -1);
	kfk_set_int(&r, &r.root, KFK_END_TXN_RESPONSE_PRODUCER_EPOCH, -1);
	api_note(c, code);
	return api_answer(c, &r);
}

/* Only now: who is fenced ends nothing. */
enum api_result
api_end_txn_response(struct api_call *c, struct kfk_tree *r)
{
	if (kfk_get_int(r, &r->root, KFK_END_TXN_RESPONSE_ERROR_CODE) == 0)
		api_count_ended_txn(c, *(const struct alv_str *)api_memo(c)->own);
	return api_pass(c, r);
}
