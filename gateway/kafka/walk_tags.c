/* The walk at tagged fields. Known ones are walked like all others and must fill exactly the size in front of them;
 * unknown ones are left out and counted. Tags ascend, none comes twice. */
#include "kafka/walk_item.h"

enum alv_err
kfk_walk_do_tags(struct kfk_walk_state *s, const struct kfk_op *op)
{
	uint32_t     count;
	size_t	     n;
	enum alv_err err;

	err = kfk_walk_item_varint(s, 0, &count, &n);
	if (err)
		return err;
	if (count > kfk_walk_left_behind(s, n) / 2)
		return ALV_E_LENGTH;
	if (count == 0 && !kfk_walk_has_tail(s, op)) {
		kfk_walk_keep(s, n);
		s->pc = op->to;
		return ALV_OK;
	}
	(void)kfk_walk_push(s, op, n, count, 0);
	s->pc++;
	return ALV_OK;
}

static const struct kfk_plan_tag *
known_tag(const struct kfk_walk_state *s, const struct kfk_op *op, uint32_t tag)
{
	for (uint32_t i = 0; i < op->n; i++)
		if (s->plan->tags[op->first + i].tag == tag)
			return &s->plan->tags[op->first + i];
	return NULL;
}

static enum alv_err
unknown_tag(struct kfk_walk_state *s, struct kfk_frame *f, size_t n, uint32_t size)
{
	kfk_walk_used(s, n, false);
	f->kept--;
	s->walk->dropped_tags++;
	s->pass = size;
	s->pass_keep = s->pass_show = false;
	return kfk_walk_pass(s);
}

static void
add_tail(struct kfk_walk_state *s, struct kfk_frame *f)
{
	struct alv_chain extra;

	alv_chain_init(&extra, s->out.c->pool);
	kfk_walk_flush(s, s->p);
	f->kept += s->v->tail(s->arg, &extra);
	alv_chain_move(s->out.c, &extra);
	kfk_walk_recount(s, f);
}

static void
section_done(struct kfk_walk_state *s, const struct kfk_op *op, struct kfk_frame *f)
{
	kfk_walk_recount(s, f);
	if (kfk_walk_has_tail(s, op))
		add_tail(s, f);
	kfk_walk_pop(s);
	s->pc = op->to;
}

enum alv_err
kfk_walk_do_tag(struct kfk_walk_state *s, const struct kfk_op *op)
{
	struct kfk_frame	  *f = &s->frames[s->depth - 1];
	const struct kfk_plan_tag *known;
	uint32_t		   tag, size;
	size_t			   tag_n, n;
	enum alv_err		   err;

	if (f->left == 0) {
		section_done(s, op, f);
		return ALV_OK;
	}
	err = kfk_walk_item_varint(s, 0, &tag, &tag_n);
	if (!err)
		err = kfk_walk_item_varint(s, tag_n, &size, &n);
	if (err)
		return err;
	if ((int64_t)tag <= f->last_tag)
		return ALV_E_TAG;
	if (size > kfk_walk_left_behind(s, n))
		return ALV_E_LENGTH;
	f->left--;
	f->last_tag = tag;
	known = known_tag(s, op, tag);
	if (known == NULL)
		return unknown_tag(s, f, n, size);
	f->tag_size = size;
	f->outer_limit = s->limit;
	f->tag_end = s->limit = kfk_walk_offset(s) + n + size;
	kfk_walk_tag(s, f, tag_n, n - tag_n);
	s->pc = known->pc;
	return ALV_OK;
}

enum alv_err
kfk_walk_do_tag_end(struct kfk_walk_state *s, const struct kfk_op *op)
{
	struct kfk_frame *f = &s->frames[s->depth - 1];
	size_t		  at = kfk_walk_offset(s);

	if (at != f->tag_end)
		return at > f->tag_end ? ALV_E_SHORT : ALV_E_TRAILING;
	kfk_walk_tag_end(s, f);
	s->limit = f->outer_limit;
	s->pc = op->to;
	return ALV_OK;
}
