/* Share groups (KIP-932), what their coordinator does: ShareGroupHeartbeat, ShareGroupDescribe; and the offsets where a group
 * begins: DescribeShareGroupOffsets, AlterShareGroupOffsets, DeleteShareGroupOffsets. Records go another way: share.c. */
#include "api/counts.h"
#include "api/groups.h"
#include "api/hosts.h"

bool
api_member_id_legal(struct alv_str id)
{
	enum { MEMBER_ID_MAX = 36 };	/* characters */
	size_t n = 0;

	for (size_t i = 0; i < id.n; i++)
		n += ((uint8_t)id.p[i] & 0xc0) != 0x80;
	return n > 0 && n <= MEMBER_ID_MAX;
}

/* ---- ShareGroupHeartbeat ------------------------------------------------------------------------------------- */

#define Q(f) KFK_SHARE_GROUP_HEARTBEAT_REQUEST_##f
#define R(f) KFK_SHARE_GROUP_HEARTBEAT_RESPONSE_##f

enum api_result
api_share_group_heartbeat_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str text = ALV_STR_NULL;
	int16_t	       code = api_judge_group(c, kfk_get_str(q, &q->root, Q(GROUP_ID)), POL_OP_READ);

	/* Heartbeats call an empty group id a bad request. */
	if (code == KFK_INVALID_GROUP_ID)
		return api_refuse_member(c, R(ERROR_CODE), R(ERROR_MESSAGE), KFK_INVALID_REQUEST, ALV_STR("GroupId can't be empty."));
	if (code == 0 && !api_member_id_legal(kfk_get_str(q, &q->root, Q(MEMBER_ID))))
		code = KFK_INVALID_REQUEST;
	if (code == 0)
		code = api_judge_subscription(c, q, Q(SUBSCRIBED_TOPIC_NAMES));
	if (code == 0)
		code = api_count_heartbeat(c, q, &text);
	if (code != 0)
		return api_refuse_member(c, R(ERROR_CODE), R(ERROR_MESSAGE), code, text);
	api_host_asks(c, q);
	return api_forward(c, q);
}
#undef Q
#undef R

/* ---- ShareGroupDescribe --------------------------------------------------------------------------------------- */

#define Q(f) KFK_SHARE_GROUP_DESCRIBE_REQUEST_##f
#define R(f) KFK_SHARE_GROUP_DESCRIBE_RESPONSE_##f

static const struct api_group_list share_list = { .q_groups = Q(GROUP_IDS), .r_groups = R(GROUPS), .r_group = R(GROUPS_GROUP_ID),
	.r_error = R(GROUPS_ERROR_CODE), .op = POL_OP_DESCRIBE,
	.r_members = R(GROUPS_MEMBERS), .r_member = R(GROUPS_MEMBERS_MEMBER_ID), .r_host = R(GROUPS_MEMBERS_CLIENT_HOST) };

enum api_result
api_share_group_describe_request(struct api_call *c, struct kfk_tree *q)
{
	api_memo(c)->group_ops = kfk_get_int(q, &q->root, Q(INCLUDE_AUTHORIZED_OPERATIONS)) != 0;
	return api_split_groups_forward(c, q, &share_list);
}

/* May the principal describe every topic that a member was given? */
static bool
may_see(struct api_call *c, const struct kfk_tree *r, const struct kfk_node *member)
{
	const struct kfk_node *topics =
	    kfk_get(kfk_get(member, R(GROUPS_MEMBERS_ASSIGNMENT)), R(GROUPS_MEMBERS_ASSIGNMENT_TOPIC_PARTITIONS));

	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next)
		if (!api_enforce(c, POL_OP_DESCRIBE, POL_TOPIC,
			kfk_get_str(r, e, R(GROUPS_MEMBERS_ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_NAME))))
			return false;
	return true;
}

static bool
may_see_all(struct api_call *c, const struct kfk_tree *r, const struct kfk_node *group)
{
	const struct kfk_node *members = kfk_get(group, R(GROUPS_MEMBERS));

	for (const struct kfk_node *m = members == NULL ? NULL : members->kids; m != NULL; m = m->next)
		if (!may_see(c, r, m))
			return false;
	return true;
}

enum api_result
api_share_group_describe_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *groups;
	enum api_result	 result;

	if (!api_unmap(c, r, &result))
		return result;
	groups = kfk_get(&r->root, R(GROUPS));
	for (struct kfk_node *g = groups == NULL ? NULL : groups->kids; g != NULL; g = g->next)
		if (!may_see_all(c, r, g))
			api_hide_group(r, g, R(GROUPS_GROUP_ID), R(GROUPS_ERROR_CODE), R(GROUPS_ERROR_MESSAGE), API_HIDDEN_GROUP);
	api_host_tells(c, r, &share_list);
	api_splice_groups(c, r, &share_list);
	return api_answer(c, r);
}
#undef Q
#undef R

/* ---- DescribeShareGroupOffsets ---------------------------------------------------------------------------------- */

#define Q(f) KFK_DESCRIBE_SHARE_GROUP_OFFSETS_REQUEST_##f
#define R(f) KFK_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_##f

static const struct api_group_topics described = { Q(GROUPS), Q(GROUPS_GROUP_ID), R(GROUPS), R(GROUPS_GROUP_ID),
	R(GROUPS_ERROR_CODE), API_SHAPE_DESCRIBE_SHARE_OFFSETS, .nameless = true };

enum api_result
api_describe_share_offsets_request(struct api_call *c, struct kfk_tree *q)
{
	return api_ask_groups(c, q, &described);
}

enum api_result
api_describe_share_offsets_response(struct api_call *c, struct kfk_tree *r)
{
	return api_answer_groups(c, r, &described);
}
#undef Q
#undef R

/* ---- AlterShareGroupOffsets -------------------------------------------------------------------------------------- */

enum api_result
api_alter_share_offsets_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str group = kfk_get_str(q, &q->root, KFK_ALTER_SHARE_GROUP_OFFSETS_REQUEST_GROUP_ID), text = ALV_STR_NULL;
	int16_t	       code = api_judge_group(c, group, POL_OP_READ);

	if (code == 0)
		code = api_count_offsets(c, API_SHARE, group, &text);
	if (code != 0)
		return api_refuse_member(c, KFK_ALTER_SHARE_GROUP_OFFSETS_RESPONSE_ERROR_CODE, KFK_ALTER_SHARE_GROUP_OFFSETS_RESPONSE_ERROR_MESSAGE,
		    code, text);
	return api_split_forward(c, q, api_shape(API_SHAPE_ALTER_SHARE_OFFSETS));
}

/* An error of the whole has no results. */
enum api_result
api_alter_share_offsets_response(struct api_call *c, struct kfk_tree *r)
{
	if (kfk_get_int(r, &r->root, KFK_ALTER_SHARE_GROUP_OFFSETS_RESPONSE_ERROR_CODE) != 0)
		return api_pass(c, r);
	return api_splice_answer(c, r, api_shape(API_SHAPE_ALTER_SHARE_OFFSETS));
}

/* ---- DeleteShareGroupOffsets ------------------------------------------------------------------------------------- */

#define Q(f) KFK_DELETE_SHARE_GROUP_OFFSETS_REQUEST_##f
#define R(f) KFK_DELETE_SHARE_GROUP_OFFSETS_RESPONSE_##f

static const struct api_result_fields deleted = { R(RESPONSES), R(RESPONSES_TOPIC_NAME), R(RESPONSES_TOPIC_ID),
	R(RESPONSES_ERROR_CODE), R(RESPONSES_ERROR_MESSAGE) };

static int16_t
judge_deleted(struct api_call *c, struct alv_str topic)
{
	int16_t code = api_judge_name(c, topic, POL_OP_READ, 0);

	return code == KFK_INVALID_TOPIC_EXCEPTION ? KFK_UNKNOWN_TOPIC_OR_PARTITION : code;
}

static void
split_deleted(struct api_call *c, struct kfk_tree *q, struct api_split *s)
{
	struct kfk_node *topics = kfk_get(&q->root, Q(TOPICS)), *prev = NULL, *next;

	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = next) {
		struct alv_str name = kfk_get_str(q, e, Q(TOPICS_TOPIC_NAME));
		int16_t	       code = judge_deleted(c, name);

		next = e->next;
		if (code == 0) {
			s->kept++;
			prev = e;
			continue;
		}
		api_deny(c, s, name, (struct alv_uuid){ { 0 } }, code);
		kfk_unlink(topics, prev, e);
	}
}

enum api_result
api_delete_share_offsets_request(struct api_call *c, struct kfk_tree *q)
{
	int16_t code = api_judge_group(c, kfk_get_str(q, &q->root, Q(GROUP_ID)), POL_OP_DELETE);

	if (code != 0)
		return api_answer_code(c, R(ERROR_CODE), code);
	split_deleted(c, q, &api_memo(c)->split);
	return api_forward(c, q);	/* also without topics: the group's own error is the broker's to say */
}

enum api_result
api_delete_share_offsets_response(struct api_call *c, struct kfk_tree *r)
{
	enum api_result result;

	if (!api_unmap(c, r, &result))
		return result;
	if (kfk_get_int(r, &r->root, R(ERROR_CODE)) == 0)
		api_add_results(c, r, &deleted);
	return api_answer(c, r);
}
