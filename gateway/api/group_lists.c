/* Requests that ask about many groups at once, each with topics of its own: OffsetFetch from v8 on, DescribeShareGroupOffsets.
 * What is refused of them is refused apart: a group as a whole, or topics of it. "All topics" of a group are own topics: what the
 * principal may not describe is left out of the answer.
 * Invariant: an answer's group was asked for, and is answered once. */
#include "api/groups.h"

struct asked {			/* one group of the request */
	struct asked	*next;
	struct alv_str	 group;	/* virtual */
	int16_t		 code;	/* of the whole group: it is not forwarded */
	bool		 all;	/* topics were null */
	bool		 here;	/* it is answered here, also with code 0 */
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
	*a = (struct asked){ .group = group, .code = code, .all = all, .here = code != 0, .settled = code != 0 };
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

bool
api_asks_all(const struct kfk_node *parent, uint16_t topics)
{
	const struct kfk_node *n = kfk_get(parent, topics);

	return n == NULL || n->v.is_null;
}

/* ---- request ------------------------------------------------------------------------------------------------ */

/* The empty id as brokers that take it: there are no offsets, and one that is asked for by name is too much for them. */
static void
judge_nameless(struct api_call *c, struct kfk_tree *q, struct kfk_node *e, const struct api_group_topics *l)
{
	bool	      may = api_may(c, POL_OP_DESCRIBE, POL_GROUP, ALV_STR(""));
	struct asked *a = note_asked(c, ALV_STR(""), may ? 0 : KFK_GROUP_AUTHORIZATION_FAILED, false);

	if (a == NULL || !may)
		return;
	a->here = a->settled = true;
	api_split(c, q, e, api_shape(l->shape), &a->split);
	if (a->split.kept == 0)
		return;
	a->code = KFK_UNKNOWN_SERVER_ERROR;
	api_note(c, a->code);
}

/* Judges one group; false: it does not go upstream. */
static bool
judge_asked(struct api_call *c, struct kfk_tree *q, struct kfk_node *e, const struct api_group_topics *l, bool *waiting)
{
	const struct api_shape *sh = api_shape(l->shape);
	struct alv_str		group = kfk_get_str(q, e, l->q_group);
	struct asked	       *a;
	int16_t			code;

	if (l->nameless && group.n == 0) {
		judge_nameless(c, q, e, l);
		return false;
	}
	code = api_judge_group(c, group, POL_OP_DESCRIBE);
	a = note_asked(c, group, code, api_asks_all(e, sh->q_topics));
	if (a == NULL || code != 0)
		return false;
	if (a->all)
		return true;
	api_split(c, q, e, sh, &a->split);
	*waiting |= a->split.waiting;
	return true;	/* also without topics: the group's own error is the broker's to say */
}

static void
splice_asked(struct api_call *c, struct kfk_tree *r, const struct api_group_topics *l)
{
	struct kfk_node *groups = kfk_get(&r->root, l->r_groups);

	if (groups == NULL)
		groups = kfk_set_empty(r, &r->root, l->r_groups);
	for (const struct asked *a = ((struct asking *)api_memo(c)->own)->first; a != NULL; a = a->next) {
		struct kfk_node *e;

		if (!a->here)
			continue;
		e = kfk_add(r, groups);
		kfk_set_str(r, e, l->r_group, a->group);
		kfk_set_int(r, e, l->r_error, a->code);
		if (a->code == 0)
			api_splice(c, r, e, api_shape(l->shape), &a->split);
	}
}

enum api_result
api_ask_groups(struct api_call *c, struct kfk_tree *q, const struct api_group_topics *l)
{
	struct kfk_node *groups = kfk_get(&q->root, l->q_groups), *prev = NULL, *next;
	bool		 waiting = false;
	struct kfk_tree	 r;

	api_memo(c)->own = alv_arena_alloc(&c->arena, sizeof(struct asking));
	if (api_memo(c)->own == NULL)
		return api_fail(c, ALV_E_LIMIT);
	for (struct kfk_node *e = groups == NULL ? NULL : groups->kids; e != NULL; e = next) {
		next = e->next;
		if (judge_asked(c, q, e, l, &waiting))
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
	splice_asked(c, &r, l);
	return api_answer(c, &r);
}

/* ---- response ------------------------------------------------------------------------------------------------- */

void
api_drop_undescribed(struct api_call *c, struct kfk_tree *r, struct kfk_node *parent, const struct api_shape *sh)
{
	struct kfk_node *list = kfk_get(parent, sh->r_topics), *prev = NULL, *next;
	bool		 by_id = sh->q_id != API_NO_FIELD && kfk_versions_has(r->schema->fields[sh->r_id].in, r->version);
	struct alv_str	 virt;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		bool may = by_id ? api_judge_id(c, kfk_get_uuid(r, e, sh->r_id), POL_OP_DESCRIBE, API_QUIET, &virt) == 0
				 : api_may(c, POL_OP_DESCRIBE, POL_TOPIC, kfk_get_str(r, e, sh->r_name));

		next = e->next;
		if (may)
			prev = e;
		else
			kfk_unlink(list, prev, e);
	}
}

enum api_result
api_answer_groups(struct api_call *c, struct kfk_tree *r, const struct api_group_topics *l)
{
	const struct api_shape *sh = api_shape(l->shape);
	struct kfk_node	       *groups;
	enum api_result		result;

	if (!api_unmap(c, r, &result))
		return result;
	groups = kfk_get(&r->root, l->r_groups);
	for (struct kfk_node *e = groups == NULL ? NULL : groups->kids; e != NULL; e = e->next) {
		const struct asked *a = take_asked(c, kfk_get_str(r, e, l->r_group));

		if (a == NULL)
			return api_close(c, MET_CLOSE_UPSTREAM_FOREIGN);
		if (a->all)
			api_drop_undescribed(c, r, e, sh);
		else if (kfk_get_int(r, e, l->r_error) == 0)
			api_splice(c, r, e, sh, &a->split);
	}
	splice_asked(c, r, l);
	return api_answer(c, r);
}
