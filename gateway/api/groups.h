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
};
/* Takes refused groups out of the request, into s; s->kept tells how many are left. */
void api_split_groups(struct api_call *c, struct kfk_tree *q, const struct api_group_list *l, struct api_split *s);
void api_splice_groups(struct api_call *c, struct kfk_tree *r, const struct api_group_list *l);
/* Forwards what is left, or answers here. */
enum api_result api_split_groups_forward(struct api_call *c, struct kfk_tree *q, const struct api_group_list *l) ALV_MUST;
/* And back: un-map, splice, answer. */
enum api_result api_splice_groups_answer(struct api_call *c, struct kfk_tree *r, const struct api_group_list *l) ALV_MUST;

/* A broker's list of everybody's groups or transactional ids, of which own ones are left that may be described. `all`: the
 * principal need not be asked for each. NULL: out of memory. */
struct api_stream *api_listing(struct api_call *c, enum ten_kind kind, bool all) ALV_MUST;

#endif
