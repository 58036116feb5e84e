/* Committed offsets: OffsetCommit, OffsetDelete and OffsetFetch. OffsetFetch names one group up to v7, a list of groups from v8 on; each
 * group's topics are judged apart. "All topics" of a group are own topics: what the principal may not describe is left
 * out of the answer. */
#include "api/groups.h"

/* ---- OffsetCommit ---------------------------------------------------------------------------------------- */

enum api_result
api_offset_commit_request(struct api_call *c, struct kfk_tree *q)
{
	const struct api_shape *sh = api_shape(API_SHAPE_OFFSET_COMMIT);
	int16_t code = api_judge_group(c, kfk_get_str(q, &q->root, KFK_OFFSET_COMMIT_REQUEST_GROUP_ID), POL_OP_READ);

	if (code == 0)
		return api_split_forward(c, q, sh);
	api_split_all(c, q, &q->root, sh, &api_memo(c)->split, code);
	return api_answer_denied(c, sh);
}

enum api_result
api_offset_commit_response(struct api_call *c, struct kfk_tree *r)
{
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

/* ---- OffsetFetch: what the request leaves for its response ---------------------------------------------------- */

#define Q(f) KFK_OFFSET_FETCH_REQUEST_##f
#define R(f) KFK_OFFSET_FETCH_RESPONSE_##f

enum { MANY_GROUPS = 8 };

struct asked {			/* one group of the request */
	struct asked	*next;
	struct alv_str	 group;	/* virtual */
	int16_t		 code;	/* of the whole group: it is not forwarded */
	bool		 all;	/* topics were null */
	bool		 settled;	/* refused here, or answered */
	struct api_split split;
};

struct asking {
	struct asked *first, *last, *at;	/* at: where the next answer is looked for first */
};

static struct asked *
note_asked(struct api_call *c, struct alv_str group, int16_t code, bool all)
{
	struct asking *l = api_memo(c)->own;
	struct asked  *a = alv_arena_alloc(&c->arena, sizeof(*a));

	if (a == NULL)
		return NULL;
	*a = (struct asked){ .group = group, .code = code, .all = all, .settled = code != 0 };
	if (l->last == NULL)
		l->first = l->at = a;
	else
		l->last->next = a;
	l->last = a;
	api_note(c, code);
	return a;
}

static struct asked *
find_asked(struct asked *from, const struct asked *end, struct alv_str group)
{
	while (from != end && (from->settled || !alv_str_eq(from->group, group)))
		from = from->next;
	return from == end ? NULL : from;
}

/* What was asked about the group of an answer; each once. Brokers keep the order, so it is mostly the next one. NULL:
 * nobody asked. */
static struct asked *
take_asked(struct api_call *c, struct alv_str group)
{
	struct asking *l = api_memo(c)->own;
	struct asked  *a = find_asked(l->at, NULL, group);

	if (a == NULL)
		a = find_asked(l->first, l->at, group);
	if (a == NULL)
		return NULL;
	a->settled = true;
	l->at = a->next;
	return a;
}

static bool
asks_all(const struct kfk_node *parent, uint16_t topics)
{
	const struct kfk_node *n = kfk_get(parent, topics);

	return n == NULL || n->v.is_null;
}

/* ---- request ------------------------------------------------------------------------------------------------ */

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
	api_memo(c)->all = asks_all(&q->root, Q(TOPICS));
	return api_memo(c)->all ? api_forward(c, q) : api_split_forward(c, q, api_shape(API_SHAPE_OFFSET_FETCH));
}

/* Judges one group; false: it does not go upstream. */
static bool
judge_asked(struct api_call *c, struct kfk_tree *q, struct kfk_node *e, bool *waiting)
{
	struct alv_str group = kfk_get_str(q, e, Q(GROUPS_GROUP_ID));
	int16_t	       code = api_judge_group(c, group, POL_OP_DESCRIBE);
	struct asked  *a = note_asked(c, group, code, asks_all(e, Q(GROUPS_TOPICS)));

	if (a == NULL || code != 0)
		return false;
	if (a->all)
		return true;
	api_split(c, q, e, api_shape(API_SHAPE_OFFSET_FETCH_GROUP), &a->split);
	*waiting |= a->split.waiting;
	return true;	/* also without topics: the group's own error is the broker's to say */
}

static void
splice_asked(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *groups = kfk_get(&r->root, R(GROUPS));

	if (groups == NULL)
		groups = kfk_set_empty(r, &r->root, R(GROUPS));
	for (const struct asked *a = ((struct asking *)api_memo(c)->own)->first; a != NULL; a = a->next) {
		struct kfk_node *e;

		if (a->code == 0)
			continue;
		e = kfk_add(r, groups);
		kfk_set_str(r, e, R(GROUPS_GROUP_ID), a->group);
		kfk_set_int(r, e, R(GROUPS_ERROR_CODE), a->code);
	}
}

static enum api_result
many_groups(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *groups = kfk_get(&q->root, Q(GROUPS)), *prev = NULL, *next;
	bool		 waiting = false;
	struct kfk_tree	 r;

	api_memo(c)->own = alv_arena_alloc(&c->arena, sizeof(struct asking));
	if (api_memo(c)->own == NULL)
		return api_fail(c, ALV_E_LIMIT);
	for (struct kfk_node *e = groups == NULL ? NULL : groups->kids; e != NULL; e = next) {
		next = e->next;
		if (judge_asked(c, q, e, &waiting))
			prev = e;
		else
			kfk_unlink(groups, prev, e);
	}
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	if (waiting)
		return api_wait_ids(c);
	if (groups != NULL && groups->n > 0)
		return api_forward(c, q);
	api_answer_begin(c, &r);
	splice_asked(c, &r);
	return api_answer(c, &r);
}

enum api_result
api_offset_fetch_request(struct api_call *c, struct kfk_tree *q)
{
	return q->version < MANY_GROUPS ? single_group(c, q) : many_groups(c, q);
}

/* ---- response ------------------------------------------------------------------------------------------------- */

/* Of "all topics": only those that the principal may describe. By name up to v9, by id in v10. */
static void
drop_undescribed(struct api_call *c, struct kfk_tree *r, struct kfk_node *parent, uint16_t topics, uint16_t name, uint16_t id)
{
	struct kfk_node *list = kfk_get(parent, topics), *prev = NULL, *next;
	struct alv_str	 virt;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		bool by_id = id != API_NO_FIELD && kfk_versions_has(r->schema->fields[id].in, r->version);
		bool may = by_id
		    ? api_judge_id(c, kfk_get_uuid(r, e, id), POL_OP_DESCRIBE, 0, &virt) == 0
		    : api_may(c, POL_OP_DESCRIBE, POL_TOPIC, kfk_get_str(r, e, name));

		next = e->next;
		if (may)
			prev = e;
		else
			kfk_unlink(list, prev, e);
	}
}

static enum api_result
answer_single(struct api_call *c, struct kfk_tree *r)
{
	if (api_memo(c)->all)
		drop_undescribed(c, r, &r->root, R(TOPICS), R(TOPICS_NAME), API_NO_FIELD);
	api_splice(c, r, &r->root, api_shape(API_SHAPE_OFFSET_FETCH), &api_memo(c)->split);
	return api_answer(c, r);
}

enum api_result
api_offset_fetch_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *groups;
	enum api_result	 result;

	if (!api_unmap(c, r, &result))
		return result;
	if (r->version < MANY_GROUPS)
		return answer_single(c, r);
	groups = kfk_get(&r->root, R(GROUPS));
	for (struct kfk_node *e = groups == NULL ? NULL : groups->kids; e != NULL; e = e->next) {
		const struct asked *a = take_asked(c, kfk_get_str(r, e, R(GROUPS_GROUP_ID)));

		if (a == NULL)
			return api_close(c, MET_CLOSE_UPSTREAM_FOREIGN);
		if (a->all)
			drop_undescribed(c, r, e, R(GROUPS_TOPICS), R(GROUPS_TOPICS_NAME), R(GROUPS_TOPICS_TOPIC_ID));
		else if (kfk_get_int(r, e, R(GROUPS_ERROR_CODE)) == 0)
			api_splice(c, r, e, api_shape(API_SHAPE_OFFSET_FETCH_GROUP), &a->split);
	}
	splice_asked(c, r);
	return api_answer(c, r);
}
