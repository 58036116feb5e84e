/* Answers made here whose list is long: a part of it in each turn of the worker, so that nobody else waits for all of it.
 *
 *   handler --> api_answer_long --> part --WAIT(time)--> api_resume --> part --> ... --> api_answer
 *
 * What a part adds is encoded at once, and kept as bytes (c->kept); nodes live for one part.
 * Invariant: between two parts nothing of a snapshot is kept. A part that lists what a snapshot has goes on behind the last one that
 * it told, in the snapshot of its own turn: what was there all the time is told once, what came or went meanwhile may be told or not. */
#include "api/kit.h"

struct api_long {
	struct kfk_tree	  r;		/* all but the elements that are encoded */
	api_part_fn	 *part;
};

static enum api_result
go_on(struct api_call *c)
{
	struct api_long *l = c->more;
	enum api_result	 result;

	if (!l->part(c, &l->r)) {
		c->wait = API_WAIT_TIME;
		c->due_us = 0;	/* the next turn */
		return API_WAIT;
	}
	c->wait = API_WAIT_NONE;
	c->more = NULL;
	result = api_answer(c, &l->r);
	alv_chain_clear(&c->kept);
	api_change_forget(c);
	return result;
}

enum api_result
api_answer_long(struct api_call *c, const struct kfk_tree *r, api_part_fn *part)
{
	c->more = alv_arena_alloc(&c->arena, sizeof(*c->more));
	if (c->more == NULL)
		return api_fail(c, ALV_E_LIMIT);
	*c->more = (struct api_long){ .r = *r, .part = part };
	return go_on(c);
}

enum api_result
api_long_more(struct api_call *c)
{
	return go_on(c);
}

void
api_part_begin(struct api_call *c, struct api_part *p, struct kfk_node *array)
{
	alv_arena_init(&p->arena, c->arena.limit);
	kfk_tree_init(&p->tree, kfk_schema_find(c->hdr.key, KFK_RESPONSE), c->hdr.version, &p->arena);
	p->array = array;
	p->list = kfk_set_empty(&p->tree, &p->tree.root, array->id);
}

/* Out of memory stays in the chain, and ends the answer. */
void
api_part_end(struct api_call *c, struct api_part *p)
{
	size_t	     from = c->kept.n;
	enum alv_err err = p->arena.failed ? ALV_E_NOMEM : ALV_OK;

	for (const struct kfk_node *e = p->list->kids; e != NULL && !err; e = e->next)
		err = kfk_emit_element(&p->tree, e, &c->kept);
	if (err && !c->kept.err)
		c->kept.err = err;
	kfk_set_encoded(p->array, &c->kept, from, p->list->n);
	alv_arena_fini(&p->arena);
}

size_t
api_part_after(const void *last, const void *all, size_t n, size_t size, int (*order)(const void *a, const void *b))
{
	size_t lo = 0, hi = n;

	while (last != NULL && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (order((const char *)all + mid * size, last) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
