/* DeleteRecords, DescribeProducers, ListPartitionReassignments: partitions of topics by name.
 * Invariant: where replicas move is the platform's; a tenant's cluster never has a reassignment under way. */
#include "api/kit.h"

enum api_result
api_delete_records_request(struct api_call *c, struct kfk_tree *q)
{
	return api_split_forward(c, q, api_shape(API_SHAPE_DELETE_RECORDS));
}

enum api_result
api_delete_records_response(struct api_call *c, struct kfk_tree *r)
{
	return api_splice_answer(c, r, api_shape(API_SHAPE_DELETE_RECORDS));
}

enum api_result
api_describe_producers_request(struct api_call *c, struct kfk_tree *q)
{
	return api_split_forward(c, q, api_shape(API_SHAPE_DESCRIBE_PRODUCERS));
}

enum api_result
api_describe_producers_response(struct api_call *c, struct kfk_tree *r)
{
	return api_splice_answer(c, r, api_shape(API_SHAPE_DESCRIBE_PRODUCERS));
}

enum api_result
api_list_partition_reassignments_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_tree r;
	bool		may = api_enforce_cluster(c, POL_OP_DESCRIBE);

	(void)q;
	api_answer_begin(c, &r);
	kfk_set_null(&r, &r.root, KFK_LIST_PARTITION_REASSIGNMENTS_RESPONSE_ERROR_MESSAGE);
	if (!may) {
		kfk_set_int(&r, &r.root, KFK_LIST_PARTITION_REASSIGNMENTS_RESPONSE_ERROR_CODE, KFK_CLUSTER_AUTHORIZATION_FAILED);
		api_note(c, KFK_CLUSTER_AUTHORIZATION_FAILED);
	}
	return api_answer(c, &r);
}
