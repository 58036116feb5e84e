/* Looking at transactions: DescribeTransactions, ListTransactions. Every broker has those of its own coordinator, of all tenants:
 * what is not this tenant's disappears, what the principal may not describe as well. */
#include "api/groups.h"

#include <alcove/regex.h>

/* ---- DescribeTransactions ------------------------------------------------------------------------------------ */

#define R(f) KFK_DESCRIBE_TRANSACTIONS_RESPONSE_##f

static const struct api_group_list described = {
	.q_groups = KFK_DESCRIBE_TRANSACTIONS_REQUEST_TRANSACTIONAL_IDS, .r_groups = R(TRANSACTION_STATES),
	.r_group = R(TRANSACTION_STATES_TRANSACTIONAL_ID), .r_error = R(TRANSACTION_STATES_ERROR_CODE), .op = POL_OP_DESCRIBE
};

enum api_result
api_describe_transactions_request(struct api_call *c, struct kfk_tree *q)
{
	return api_split_groups_forward(c, q, &described);
}

/* Of a transaction's topics those that the principal may describe. */
static void
drop_undescribed(struct api_call *c, struct kfk_tree *r, struct kfk_node *state)
{
	struct kfk_node *topics = kfk_get(state, R(TRANSACTION_STATES_TOPICS)), *prev = NULL, *next;

	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = next) {
		next = e->next;
		if (api_may(c, POL_OP_DESCRIBE, POL_TOPIC, kfk_get_str(r, e, R(TRANSACTION_STATES_TOPICS_TOPIC))))
			prev = e;
		else
			kfk_unlink(topics, prev, e);
	}
}

enum api_result
api_describe_transactions_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *states;
	enum api_result	 result;

	if (!api_unmap(c, r, &result))
		return result;
	states = kfk_get(&r->root, R(TRANSACTION_STATES));
	for (struct kfk_node *e = states == NULL ? NULL : states->kids; e != NULL; e = e->next)
		drop_undescribed(c, r, e);
	api_splice_groups(c, r, &described);
	return api_answer(c, r);
}
#undef R

/* ---- ListTransactions ---------------------------------------------------------------------------------------- */

/* A broker would match the pattern against everybody's ids; here it meets own ones only, so it stays here. */
enum api_result
api_list_transactions_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str pattern = kfk_get_str(q, &q->root, KFK_LIST_TRANSACTIONS_REQUEST_TRANSACTIONAL_ID_PATTERN), why;
	struct reg    *r;
	enum alv_err   err;

	if (pattern.n == 0)
		return api_forward(c, q);
	err = reg_compile(pattern, &c->arena, &r, &why);
	reg_free(r);
	if (err == ALV_E_VALUE)
		return api_answer_code(c, KFK_LIST_TRANSACTIONS_RESPONSE_ERROR_CODE, KFK_INVALID_REGULAR_EXPRESSION);
	if (err)
		return api_fail(c, err);
	api_memo(c)->pattern = pattern;
	kfk_set_null(q, &q->root, KFK_LIST_TRANSACTIONS_REQUEST_TRANSACTIONAL_ID_PATTERN);
	return api_forward(c, q);
}

struct api_stream *
api_list_transactions_stream(struct api_call *c, bool leaves)
{
	(void)leaves;	/* never: elements disappear */
	return api_listing(c, TEN_TXN, false, api_memo(c)->pattern);
}
