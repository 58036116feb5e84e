/* What the files about groups share: judging a group's id, refusing some of a list. Internal to gateway/api. */
#ifndef API_GROUPS_H
#define API_GROUPS_H

#include "api/kit.h"

/* 0, 24 (empty or impossible), 30 (denied). */
int16_t api_judge_group(struct api_call *c, struct alv_str virt, enum pol_op op);

/* Requests that name a list of groups (or transactional ids), answered by a list with one element each. */
struct api_group_list {
	uint16_t q_groups;			/* plain strings */
	uint16_t r_groups, r_group, r_error;
	enum pol_op op;
	uint16_t r_members, r_member, r_host;	/* of descriptions: of each group, of each member (hosts.h) */
};
/* Takes refused groups out of the request, into s; s->kept tells how many are left. */
void api_split_groups(struct api_call *c, struct kfk_tree *q, const struct api_group_list *l, struct api_split *s);
void api_splice_groups(struct api_call *c, struct kfk_tree *r, const struct api_group_list *l);
/* Forwards what is left, or answers here. */
enum api_result api_split_groups_forward(struct api_call *c, struct kfk_tree *q, const struct api_group_list *l) ALV_MUST;
/* And back: un-map, splice, answer. */
enum api_result api_splice_groups_answer(struct api_call *c, struct kfk_tree *r, const struct api_group_list *l) ALV_MUST;

/* A described group with a topic that the principal may not describe: nothing of it is told but that, in a broker's words. */
#define API_HIDDEN_GROUP   "The group has described topic(s) that the client is not authorized to describe."
#define API_HIDDEN_STREAMS "The described group uses topics that the client is not authorized to describe."
void api_hide_group(struct kfk_tree *r, struct kfk_node *group, uint16_t id, uint16_t code, uint16_t text, const char *words);

/* A broker's list of everybody's groups or transactional ids, of which own ones are left that may be described. `all`: the
 * principal need not be asked for each. pattern: those it matches (text that reg_compile took); null: all. NULL: out of memory. */
struct api_stream *api_listing(struct api_call *c, enum ten_kind kind, bool all, struct alv_str pattern) ALV_MUST;

/* A refusal among the topic names that a member subscribes to is the whole request's; brokers ask for rights before they look
 * at spelling. 0, 29, 17. */
int16_t api_judge_subscription(struct api_call *c, const struct kfk_tree *q, uint16_t names);

/* A heartbeat is refused as a whole; text null: the code says it all. error, message: the response's fields. */
enum api_result api_refuse_member(struct api_call *c, uint16_t error, uint16_t message, int16_t code, struct alv_str text) ALV_MUST;

/* Of share groups' members, who choose it themselves: not empty, no more than 36 characters. */
bool api_member_id_legal(struct alv_str id);

/* Requests that name a list of groups, each with a list of topics (null: all of them); see group_lists.c. */
struct api_group_topics {
	uint16_t q_groups, q_group;
	uint16_t r_groups, r_group, r_error;
	enum api_shape_id shape;		/* below a group's element */
	bool nameless;				/* brokers take the empty id for a group without offsets */
};
bool		api_asks_all(const struct kfk_node *parent, uint16_t topics);
enum api_result api_ask_groups(struct api_call *c, struct kfk_tree *q, const struct api_group_topics *l) ALV_MUST;
enum api_result api_answer_groups(struct api_call *c, struct kfk_tree *r, const struct api_group_topics *l) ALV_MUST;
/* Of "all topics" below parent those stay that the principal may describe. By id where the version has names no more. */
void		api_drop_undescribed(struct api_call *c, struct kfk_tree *r, struct kfk_node *parent, const struct api_shape *sh);

#endif
