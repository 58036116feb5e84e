/* Every handler that api.def names, by family. Part of kit.h. */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "api/call.h"

/* versions.c, sasl.c */
enum api_result api_versions_request(struct api_call *c, struct kfk_tree *q);
/* A version of ApiVersions that the tables do not know: answered with what there is, never closed. */
enum api_result api_versions_unknown(struct api_call *c);
enum api_result api_sasl_handshake_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_sasl_authenticate_request(struct api_call *c, struct kfk_tree *q);
/* The exchange's work is done: conn->sasl goes on. */
enum api_result api_sasl_resume(struct api_call *c);
void		api_sasl_forget(struct api_conn *conn);	/* the exchange, if one is under way */

/* refused.c: every api of refused.def */
enum api_result api_refused_request(struct api_call *c, struct kfk_tree *q);

/* produce.c, fetch.c, offsets.c */
enum api_result api_produce_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_produce_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_fetch_request(struct api_call *c, struct kfk_tree *q);
struct api_stream *api_fetch_stream(struct api_call *c, bool leaves);
enum api_result api_list_offsets_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_list_offsets_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_leader_epoch_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_leader_epoch_response(struct api_call *c, struct kfk_tree *r);

/* padded.c */
/* Of a body with bytes behind its message. False: it is malformed. Else `meant` (empty, with a pool) has views of what it is. */
bool api_padded(const struct kfk_req_header *h, const struct alv_chain *body, struct alv_chain *meant) ALV_MUST;

/* metadata.c, describe.c */
enum api_result api_metadata_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_metadata_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_describe_cluster_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_topic_partitions_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_topic_partitions_response(struct api_call *c, struct kfk_tree *r);

/* topics.c, configs.c, config_alter.c */
enum api_result api_create_topics_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_create_topics_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_delete_topics_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_delete_topics_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_create_partitions_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_create_partitions_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_describe_configs_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_configs_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_incremental_alter_configs_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_incremental_alter_configs_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_alter_configs_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_alter_configs_response(struct api_call *c, struct kfk_tree *r);

/* partitions.c, log_dirs.c, config_list.c */
enum api_result api_delete_records_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_delete_records_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_describe_producers_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_producers_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_list_partition_reassignments_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_log_dirs_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_log_dirs_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_list_config_resources_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_list_config_resources_response(struct api_call *c, struct kfk_tree *r);

/* groups.c */
enum api_result api_find_coordinator_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_find_coordinator_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_join_group_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_join_group_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_sync_group_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_member_response(struct api_call *c, struct kfk_tree *r);	/* hosts.c; of all kinds of groups */
enum api_result api_heartbeat_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_leave_group_request(struct api_call *c, struct kfk_tree *q);

/* group_offsets.c */
enum api_result api_offset_commit_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_offset_commit_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_offset_delete_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_offset_delete_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_offset_fetch_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_offset_fetch_response(struct api_call *c, struct kfk_tree *r);

/* list_groups.c, group_views.c, consumer_groups.c */
enum api_result api_list_groups_request(struct api_call *c, struct kfk_tree *q);
struct api_stream *api_list_groups_stream(struct api_call *c, bool leaves);
enum api_result api_describe_groups_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_groups_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_delete_groups_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_delete_groups_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_consumer_group_describe_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_consumer_group_describe_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_consumer_group_heartbeat_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_consumer_group_heartbeat_response(struct api_call *c, struct kfk_tree *r);

/* share_groups.c, share.c, share_fetch.c, share_stream.c */
enum api_result api_share_fetch_request(struct api_call *c, struct kfk_tree *q);
struct api_stream *api_share_fetch_stream(struct api_call *c, bool leaves);
enum api_result api_share_acknowledge_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_share_acknowledge_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_share_group_heartbeat_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_share_group_describe_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_share_group_describe_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_streams_group_heartbeat_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_streams_group_describe_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_streams_group_describe_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_streams_topology_description_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_share_offsets_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_share_offsets_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_alter_share_offsets_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_alter_share_offsets_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_delete_share_offsets_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_delete_share_offsets_response(struct api_call *c, struct kfk_tree *r);

/* client_quotas.c */
enum api_result api_describe_client_quotas_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_alter_client_quotas_request(struct api_call *c, struct kfk_tree *q);

/* scram.c */
enum api_result api_describe_scram_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_alter_scram_request(struct api_call *c, struct kfk_tree *q);

/* tokens.c */
enum api_result api_create_token_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_renew_token_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_expire_token_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_tokens_request(struct api_call *c, struct kfk_tree *q);

/* acls.c */
enum api_result api_describe_acls_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_create_acls_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_delete_acls_request(struct api_call *c, struct kfk_tree *q);

/* txn.c, txn_views.c */
enum api_result api_init_producer_id_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_add_partitions_to_txn_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_add_offsets_to_txn_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_end_txn_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_end_txn_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_txn_offset_commit_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_txn_offset_commit_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_describe_transactions_request(struct api_call *c, struct kfk_tree *q);
enum api_result api_describe_transactions_response(struct api_call *c, struct kfk_tree *r);
enum api_result api_list_transactions_request(struct api_call *c, struct kfk_tree *q);
struct api_stream *api_list_transactions_stream(struct api_call *c, bool leaves);

#endif
