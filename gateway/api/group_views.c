/* Looking at groups: DescribeGroups (classic), ConsumerGroupDescribe (KIP-848); and DeleteGroups. Every broker has its own; what is
 * not this tenant's disappears, what the principal may not describe as well. */
#include "api/groups.h"
#include "api/hosts.h"

/* ---- DescribeGroups ------------------------------------------------------------------------------------------ */

#define R(f) KFK_DESCRIBE_GROUPS_RESPONSE_##f

static const struct api_group_list classic_list = { KFK_DESCRIBE_GROUPS_REQUEST_GROUPS, R(GROUPS), R(GROUPS_GROUP_ID),
	R(GROUPS_ERROR_CODE), POL_OP_DESCRIBE, R(GROUPS_MEMBERS), R(GROUPS_MEMBERS_MEMBER_ID), R(GROUPS_MEMBERS_CLIENT_HOST) };

enum api_result
api_describe_groups_request(struct api_call *c, struct kfk_tree *q)
{
	api_memo(c)->group_ops = kfk_get_int(q, &q->root, KFK_DESCRIBE_GROUPS_REQUEST_INCLUDE_AUTHORIZED_OPERATIONS) != 0;
	return api_split_groups_forward(c, q, &classic_list);
}

/* A field taken aside while the tree is mapped. */
struct aside {
	struct aside	*next;
	struct kfk_node *member, *field;
};

static void
take_aside(struct api_call *c, struct aside **list, struct kfk_node *member, uint16_t id)
{
	struct kfk_node *prev = NULL, *n = kfk_get(member, id);
	struct aside	*a = n == NULL ? NULL : alv_arena_alloc(&c->arena, sizeof(*a));

	if (a == NULL)
		return;
	for (struct kfk_node *k = member->kids; k != n; k = k->next)
		prev = k;
	kfk_unlink(member, prev, n);
	*a = (struct aside){ *list, member, n };
	*list = a;
}

/* What members of other protocol types say to each other is theirs: only "consumer" has names inside. */
static void
take_foreign_protocols(struct api_call *c, struct kfk_tree *r, struct aside **list)
{
	struct kfk_node *groups = kfk_get(&r->root, R(GROUPS)), *members;

	for (struct kfk_node *g = groups == NULL ? NULL : groups->kids; g != NULL; g = g->next) {
		if (alv_str_eqz(kfk_get_str(r, g, R(GROUPS_PROTOCOL_TYPE)), "consumer"))
			continue;
		members = kfk_get(g, R(GROUPS_MEMBERS));
		for (struct kfk_node *m = members == NULL ? NULL : members->kids; m != NULL; m = m->next) {
			take_aside(c, list, m, R(GROUPS_MEMBERS_MEMBER_METADATA));
			take_aside(c, list, m, R(GROUPS_MEMBERS_MEMBER_ASSIGNMENT));
		}
	}
}

enum api_result
api_describe_groups_response(struct api_call *c, struct kfk_tree *r)
{
	struct aside   *list = NULL;
	enum api_result result;

	api_memo(c)->consumer = true;
	take_foreign_protocols(c, r, &list);
	if (!api_unmap(c, r, &result))
		return result;
	for (; list != NULL; list = list->next)
		kfk_append(list->member, list->field);
	api_host_tells(c, r, &classic_list);
	api_splice_groups(c, r, &classic_list);
	return api_answer(c, r);
}
#undef R

/* ---- DeleteGroups ---------------------------------------------------------------------------------------------- */

static const struct api_group_list deleted_list = { .q_groups = KFK_DELETE_GROUPS_REQUEST_GROUPS_NAMES,
	.r_groups = KFK_DELETE_GROUPS_RESPONSE_RESULTS, .r_group = KFK_DELETE_GROUPS_RESPONSE_RESULTS_GROUP_ID,
	.r_error = KFK_DELETE_GROUPS_RESPONSE_RESULTS_ERROR_CODE, .op = POL_OP_DELETE };

enum api_result
api_delete_groups_request(struct api_call *c, struct kfk_tree *q)
{
	return api_split_groups_forward(c, q, &deleted_list);
}

enum api_result
api_delete_groups_response(struct api_call *c, struct kfk_tree *r)
{
	return api_splice_groups_answer(c, r, &deleted_list);
}

/* ---- ConsumerGroupDescribe ------------------------------------------------------------------------------------ */

#define R(f) KFK_CONSUMER_GROUP_DESCRIBE_RESPONSE_##f

static const struct api_group_list consumer_list = { KFK_CONSUMER_GROUP_DESCRIBE_REQUEST_GROUP_IDS, R(GROUPS),
	R(GROUPS_GROUP_ID), R(GROUPS_ERROR_CODE), POL_OP_DESCRIBE, R(GROUPS_MEMBERS), R(GROUPS_MEMBERS_MEMBER_ID),
	R(GROUPS_MEMBERS_CLIENT_HOST) };

enum api_result
api_consumer_group_describe_request(struct api_call *c, struct kfk_tree *q)
{
	api_memo(c)->group_ops =
	    kfk_get_int(q, &q->root, KFK_CONSUMER_GROUP_DESCRIBE_REQUEST_INCLUDE_AUTHORIZED_OPERATIONS) != 0;
	return api_split_groups_forward(c, q, &consumer_list);
}

/* May the principal describe every topic of one assignment? */
static bool
may_see(struct api_call *c, const struct kfk_tree *r, const struct kfk_node *member, uint16_t assignment, uint16_t list,
    uint16_t name)
{
	const struct kfk_node *n = kfk_get(member, assignment);
	const struct kfk_node *topics = n == NULL || n->v.is_null ? NULL : kfk_get(n, list);

	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next)
		if (!api_enforce(c, POL_OP_DESCRIBE, POL_TOPIC, kfk_get_str(r, e, name)))
			return false;
	return true;
}

static bool
may_see_members(struct api_call *c, const struct kfk_tree *r, const struct kfk_node *group)
{
	const struct kfk_node *members = kfk_get(group, R(GROUPS_MEMBERS));

	for (const struct kfk_node *m = members == NULL ? NULL : members->kids; m != NULL; m = m->next) {
		if (!may_see(c, r, m, R(GROUPS_MEMBERS_ASSIGNMENT), R(GROUPS_MEMBERS_ASSIGNMENT_TOPIC_PARTITIONS),
			R(GROUPS_MEMBERS_ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_NAME)) ||
		    !may_see(c, r, m, R(GROUPS_MEMBERS_TARGET_ASSIGNMENT),
			R(GROUPS_MEMBERS_TARGET_ASSIGNMENT_TOPIC_PARTITIONS),
			R(GROUPS_MEMBERS_TARGET_ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_NAME)))
			return false;
	}
	return true;
}

enum api_result
api_consumer_group_describe_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *groups;
	enum api_result	 result;

	if (!api_unmap(c, r, &result))
		return result;
	groups = kfk_get(&r->root, R(GROUPS));
	for (struct kfk_node *g = groups == NULL ? NULL : groups->kids; g != NULL; g = g->next) {
		if (may_see_members(c, r, g))
			continue;
		api_hide_group(r, g, R(GROUPS_GROUP_ID), R(GROUPS_ERROR_CODE), R(GROUPS_ERROR_MESSAGE), API_HIDDEN_GROUP);
	}
	api_host_tells(c, r, &consumer_list);
	api_splice_groups(c, r, &consumer_list);
	return api_answer(c, r);
}
