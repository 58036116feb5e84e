/* Committed offsets: OffsetCommit, OffsetDelete and OffsetFetch. OffsetFetch names one group up to v7, a list of groups from v8 on; each
 * group's topics are judged apart. "All topics" of a group are own topics: what the principal may not describe is left
 * out of the answer. */
#include "api/counts.h"
#include "api/groups.h"
#include "api/readers.h"

/* ---- OffsetCommit ---------------------------------------------------------------------------------------- */

enum api_result
api_offset_commit_request(struct api_call *c, struct kfk_tree *q)
{
	const struct api_shape *sh = api_shape(API_SHAPE_OFFSET_COMMIT);
	struct alv_str		group = kfk_get_str(q, &q->root, KFK_OFFSET_COMMIT_REQUEST_GROUP_ID), text;	/* no room for words */
	int16_t			code = api_judge_group(c, group, POL_OP_READ);

	if (code == 0 && kfk_get_int(q, &q->root, KFK_OFFSET_COMMIT_REQUEST_GENERATION_ID_OR_MEMBER_EPOCH) < 0) {
		code = api_count_offsets(c, API_CLASSIC, group, &text);
		api_reader_commits(c, group);
	}
	if (code == 0)
		return api_split_forward(c, q, sh);
	api_split_all(c, q, &q->root, sh, &api_memo(c)->split, code);
	return api_answer_denied(c, sh);
}

enum api_result
api_offset_commit_response(struct api_call *c, struct kfk_tree *r)
{
	api_reader_committed(c, r);
	return api_splice_answer(c, r, api_shape(API_SHAPE_OFFSET_COMMIT));
}

/* ---- OffsetDelete ---------------------------------------------------------------------------------------- */

enum api_result
api_offset_delete_request(struct api_call *c, struct kfk_tree *q)
{
	int16_t code = api_judge_group(c, kfk_get_str(q, &q->root, KFK_OFFSET_DELETE_REQUEST_GROUP_ID), POL_OP_DELETE);

	return code == 0 ? api_split_forward(c, q, api_shape(API_SHAPE_OFFSET_DELETE))
			 : api_answer_code(c, KFK_OFFSET_DELETE_RESPONSE_ERROR_CODE, code);
}

/* An error of the group is the whole answer. */
enum api_result
api_offset_delete_response(struct api_call *c, struct kfk_tree *r)
{
	if (kfk_get_int(r, &r->root, KFK_OFFSET_DELETE_RESPONSE_ERROR_CODE) != 0)
		return api_pass(c, r);
	return api_splice_answer(c, r, api_shape(API_SHAPE_OFFSET_DELETE));
}

/* ---- OffsetFetch --------------------------------------------------------------------------------------------- */

#define Q(f) KFK_OFFSET_FETCH_REQUEST_##f
#define R(f) KFK_OFFSET_FETCH_RESPONSE_##f

enum { MANY_GROUPS = 8 };

static const struct api_group_topics many = { Q(GROUPS), Q(GROUPS_GROUP_ID), R(GROUPS), R(GROUPS_GROUP_ID), R(GROUPS_ERROR_CODE),
	API_SHAPE_OFFSET_FETCH_GROUP, .nameless = false };

/* v1 says it of every partition, later versions at the top. */
static enum api_result
refuse_single(struct api_call *c, struct kfk_tree *q, int16_t code)
{
	const struct api_shape *sh = api_shape(API_SHAPE_OFFSET_FETCH);

	if (q->version >= 2)
		return api_answer_code(c, R(ERROR_CODE), code);
	api_split_all(c, q, &q->root, sh, &api_memo(c)->split, code);
	return api_answer_denied(c, sh);
}

static enum api_result
single_group(struct api_call *c, struct kfk_tree *q)
{
	int16_t code = api_judge_group(c, kfk_get_str(q, &q->root, Q(GROUP_ID)), POL_OP_DESCRIBE);

	if (code != 0)
		return refuse_single(c, q, code);
	api_memo(c)->all = api_asks_all(&q->root, Q(TOPICS));
	return api_memo(c)->all ? api_forward(c, q) : api_split_forward(c, q, api_shape(API_SHAPE_OFFSET_FETCH));
}

enum api_result
api_offset_fetch_request(struct api_call *c, struct kfk_tree *q)
{
	return q->version < MANY_GROUPS ? single_group(c, q) : api_ask_groups(c, q, &many);
}

static enum api_result
answer_single(struct api_call *c, struct kfk_tree *r)
{
	const struct api_shape *sh = api_shape(API_SHAPE_OFFSET_FETCH);
	enum api_result		result;

	if (!api_unmap(c, r, &result))
		return result;
	if (api_memo(c)->all)
		api_drop_undescribed(c, r, &r->root, sh);
	api_splice(c, r, &r->root, sh, &api_memo(c)->split);
	return api_answer(c, r);
}

enum api_result
api_offset_fetch_response(struct api_call *c, struct kfk_tree *r)
{
	return r->version < MANY_GROUPS ? answer_single(c, r) : api_answer_groups(c, r, &many);
}
