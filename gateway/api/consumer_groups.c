/* ConsumerGroupHeartbeat (KIP-848): the group, the topics it subscribes to by name, what it owns. Patterns are patterns.c's. */
#include "api/counts.h"
#include "api/groups.h"
#include "api/hosts.h"
#include "api/patterns.h"
#include "api/readers.h"

#define Q(f) KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_##f
#define R(f) KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_##f

enum api_result
api_refuse_member(struct api_call *c, uint16_t error, uint16_t message, int16_t code, struct alv_str text)
{
	struct kfk_tree r;

	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, error, code);
	if (text.p != NULL)
		kfk_set_str(&r, &r.root, message, text);
	api_note(c, code);
	return api_answer(c, &r);
}

int16_t
api_judge_subscription(struct api_call *c, const struct kfk_tree *q, uint16_t names)
{
	const struct kfk_node *list = kfk_get(&q->root, names);
	int16_t		       worst = 0;

	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next) {
		int16_t code = api_judge_name(c, e->v.s, POL_OP_DESCRIBE, 0);

		if (code == KFK_TOPIC_AUTHORIZATION_FAILED)
			return code;
		if (code == KFK_INVALID_TOPIC_EXCEPTION)
			worst = code;
	}
	return worst;
}

/* What a member says it owns is only compared with what it was given: an id that is not ours cannot be part of it. True:
 * ids must be resolved first. */
static bool
drop_foreign_owned(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *owned = kfk_get(&q->root, Q(TOPIC_PARTITIONS)), *prev = NULL, *next;
	bool		 waiting = false;
	struct alv_str	 phys;

	for (struct kfk_node *e = owned == NULL ? NULL : owned->kids; e != NULL; e = next) {
		enum alv_err err = api_own_id(c, kfk_get_uuid(q, e, Q(TOPIC_PARTITIONS_TOPIC_ID)), &phys);

		next = e->next;
		waiting |= err == ALV_E_AGAIN;
		if (err == ALV_OK || err == ALV_E_AGAIN)
			prev = e;
		else
			kfk_unlink(owned, prev, e);
	}
	return waiting;
}

enum api_result
api_consumer_group_heartbeat_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str group = kfk_get_str(q, &q->root, Q(GROUP_ID)), text = ALV_STR_NULL;
	int16_t	       code = api_judge_group(c, group, POL_OP_READ);

	if (code == KFK_INVALID_GROUP_ID)
		return api_refuse_member(c, R(ERROR_CODE), R(ERROR_MESSAGE), KFK_INVALID_REQUEST, ALV_STR("GroupId can't be empty."));
	if (code == 0)
		code = api_judge_subscription(c, q, Q(SUBSCRIBED_TOPIC_NAMES));
	if (code == 0)
		code = api_pattern_request(c, q, &text);
	if (code != 0)
		return api_refuse_member(c, R(ERROR_CODE), R(ERROR_MESSAGE), code, text);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	if (drop_foreign_owned(c, q))
		return api_wait_ids(c);
	code = api_count_heartbeat(c, q, &text);
	if (code != 0)
		return api_refuse_member(c, R(ERROR_CODE), R(ERROR_MESSAGE), code, text);
	api_host_asks(c, q);
	if (kfk_get_int(q, &q->root, Q(MEMBER_EPOCH)) < 0)	/* it leaves */
		api_reader_leaves(c, group, kfk_get_str(q, &q->root, Q(MEMBER_ID)));
	return api_forward(c, q);
}

enum api_result
api_consumer_group_heartbeat_response(struct api_call *c, struct kfk_tree *r)
{
	return api_pattern_response(c, r) ? api_member_response(c, r) : api_fail(c, ALV_E_NOMEM);
}
