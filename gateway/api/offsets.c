/* ListOffsets and OffsetForLeaderEpoch: offsets of topics by name.
 * Invariant: no follower's question goes upstream: those may read past the high watermark. */
#include "api/kit.h"

enum api_result
api_list_offsets_request(struct api_call *c, struct kfk_tree *q)
{
	return api_split_forward(c, q, api_shape(API_SHAPE_LIST_OFFSETS));	/* the replica id by its kind */
}

enum api_result
api_list_offsets_response(struct api_call *c, struct kfk_tree *r)
{
	return api_splice_answer(c, r, api_shape(API_SHAPE_LIST_OFFSETS));
}

enum api_result
api_leader_epoch_request(struct api_call *c, struct kfk_tree *q)
{
	return api_split_forward(c, q, api_shape(API_SHAPE_LEADER_EPOCH));
}

enum api_result
api_leader_epoch_response(struct api_call *c, struct kfk_tree *r)
{
	return api_splice_answer(c, r, api_shape(API_SHAPE_LEADER_EPOCH));
}
