/* What a client changes makes too old what its tenant was told before by answers that many share (list_groups.c, shared.c).
 * It counts from the moment when the broker's answer is here: whatever is asked after that knows of it.
 * Members that commit, and heartbeats that only say "still here", change nothing that a list shows. */
#include <alcove/clock.h>
#include <alcove/listing.h>

#include "api/kit.h"

enum { GROUPS = 1 << CLU_NEWS_GROUPS, TOPICS = 1 << CLU_NEWS_TOPICS };

/* A number below zero is "no member". */
static uint8_t
without_member(const struct kfk_tree *q, uint16_t generation)
{
	return kfk_get_int(q, &q->root, generation) < 0 ? GROUPS : 0;
}

/* Comes, goes, or says what it has. */
static uint8_t
more_than_alive(const struct kfk_tree *q, uint16_t epoch, uint16_t owned)
{
	const struct kfk_node *n = kfk_get(&q->root, owned);

	return kfk_get_int(q, &q->root, epoch) <= 0 || (n != NULL && !n->v.is_null) ? GROUPS : 0;
}

uint8_t
api_news_of(const struct kfk_tree *q)
{
	switch (q->schema->key) {
	case KFK_API_CREATE_TOPICS:
	case KFK_API_DELETE_TOPICS:
	case KFK_API_CREATE_PARTITIONS:
		return TOPICS;
	case KFK_API_JOIN_GROUP:
	case KFK_API_SYNC_GROUP:
	case KFK_API_LEAVE_GROUP:
	case KFK_API_DELETE_GROUPS:
	case KFK_API_OFFSET_DELETE:
	case KFK_API_ALTER_SHARE_GROUP_OFFSETS:
	case KFK_API_DELETE_SHARE_GROUP_OFFSETS:
		return GROUPS;
	case KFK_API_OFFSET_COMMIT:
		return without_member(q, KFK_OFFSET_COMMIT_REQUEST_GENERATION_ID_OR_MEMBER_EPOCH);
	case KFK_API_TXN_OFFSET_COMMIT:
		return without_member(q, KFK_TXN_OFFSET_COMMIT_REQUEST_GENERATION_ID_OR_MEMBER_EPOCH);
	case KFK_API_CONSUMER_GROUP_HEARTBEAT:
		return more_than_alive(q, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_MEMBER_EPOCH,
		    KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_TOPIC_PARTITIONS);
	case KFK_API_SHARE_GROUP_HEARTBEAT:
		return more_than_alive(q, KFK_SHARE_GROUP_HEARTBEAT_REQUEST_MEMBER_EPOCH,
		    KFK_SHARE_GROUP_HEARTBEAT_REQUEST_SUBSCRIBED_TOPIC_NAMES);
	case KFK_API_STREAMS_GROUP_HEARTBEAT:
		return more_than_alive(q, KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_MEMBER_EPOCH,
		    KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_ACTIVE_TASKS);
	default:
		return 0;
	}
}

/* Codes that send a client for new metadata: it must not get what led it there. */
static bool
metadata_is_old(int16_t code)
{
	switch (code) {
	case KFK_UNKNOWN_TOPIC_OR_PARTITION:
	case KFK_LEADER_NOT_AVAILABLE:
	case KFK_NOT_LEADER_OR_FOLLOWER:
	case KFK_REPLICA_NOT_AVAILABLE:
	case KFK_KAFKA_STORAGE_ERROR:
	case KFK_LISTENER_NOT_FOUND:
	case KFK_FENCED_LEADER_EPOCH:
	case KFK_UNKNOWN_LEADER_EPOCH:
	case KFK_UNKNOWN_TOPIC_ID:
	case KFK_INCONSISTENT_TOPIC_ID:
		return true;
	default:
		return false;
	}
}

void
api_news_note(struct api_call *c)
{
	uint8_t news = api_memo(c)->news;

	if (metadata_is_old(c->error_code))
		news |= TOPICS;
	for (unsigned i = 0; i < CLU_NEWS; i++)
		if (news & 1 << i)
			clu_board_note(c->conn->w->shared->board, i, alv_str_of(c->conn->tenant), alv_mono_us());
}
