/* The walk at structs and arrays: what is open is on the stack of frames, how deep is known from the plan. */
#include "kafka/walk_item.h"

/* The answer to a begin: drops the element around, or stops. */
static enum alv_err
obey_begin(struct kfk_walk_state *s, enum kfk_do what)
{
	if (what == KFK_DROP)
		return kfk_walk_drop(s);
	if (what == KFK_STOP)
		return ALV_E_DENIED;
	return what == KFK_KEEP ? ALV_OK : ALV_E_UNSUPPORTED;
}

enum alv_err
kfk_walk_do_struct(struct kfk_walk_state *s, const struct kfk_op *op)
{
	bool	     null = false, boxed = op->flags & KFK_NULLABLE;
	enum alv_err err;

	if (boxed) {
		const uint8_t *b;

		err = kfk_walk_item(s, 1, &b);
		if (err)
			return err;
		if (*b != 1 && *b != 0xff)
			return ALV_E_VALUE;
		null = *b != 1;
		kfk_walk_keep(s, 1);
	}
	s->pc = null ? op->to : s->pc + 1;
	if (!kfk_walk_seen(s, op) || s->v->struct_begin == NULL)
		return ALV_OK;
	return obey_begin(s, s->v->struct_begin(s->arg, op->id, null));
}

/* Behind the last element. */
static enum alv_err
array_done(struct kfk_walk_state *s, const struct kfk_op *op, struct kfk_frame *f)
{
	f->part_open = f->part_out = false;
	if (kfk_walk_seen(s, op) && s->v->array_end != NULL) {
		struct alv_chain extra;
		bool		 writing = s->out.c != NULL;

		alv_chain_init(&extra, writing ? s->out.c->pool : NULL);
		f->kept += s->v->array_end(s->arg, op->id, writing ? &extra : NULL);
		if (extra.n > 0)
			kfk_walk_flush(s, s->p);
		if (writing)
			alv_chain_move(s->out.c, &extra);
		if (writing && f->plain && f->kept != f->orig)
			return ALV_E_UNSUPPORTED;
	}
	kfk_walk_recount(s, f);
	kfk_walk_pop(s);
	return ALV_OK;
}

static inline void
element_begin(struct kfk_walk_state *s, const struct kfk_op *op, struct kfk_frame *f)
{
	kfk_walk_element(s, f);
	if (s->v->element != NULL && (op->flags & KFK_STRUCTS) && kfk_walk_seen(s, op))
		s->v->element(s->arg, op->id, f->index);
	f->index++;
}

enum alv_err
kfk_walk_do_array(struct kfk_walk_state *s, const struct kfk_op *op)
{
	struct kfk_frame *f;
	int64_t		  count;
	uint32_t	  more = 0;
	size_t		  n;
	enum alv_err	  err = kfk_walk_item_length(s, op, &count, &n);

	if (err)
		return err;
	if (count <= 0 && !kfk_walk_seen(s, op)) {	/* nobody looks, nothing is in it: very often so */
		kfk_walk_keep(s, n);
		s->pc = op->to;
		return ALV_OK;
	}
	if (count > 0 && (uint64_t)count > kfk_walk_left_behind(s, n) / op->n)
		return ALV_E_LENGTH;
	if (kfk_walk_seen(s, op) && s->v->array_begin != NULL)
		err = obey_begin(s, s->v->array_begin(s->arg, op->id, (int32_t)count));
	if (err)
		return err;
	if (count < 0) {
		kfk_walk_keep(s, n);
		s->pc = op->to;
		return ALV_OK;
	}
	if (kfk_walk_seen(s, op) && s->v->array_more != NULL && s->out.c != NULL)
		more = s->v->array_more(s->arg, op->id, (int32_t)count);
	if (more >= INT32_MAX - (uint32_t)count)
		return ALV_E_LENGTH;
	f = kfk_walk_push(s, op, n, (uint32_t)count, more);
	if (count == 0) {
		s->pc = op->to;
		return array_done(s, op, f);
	}
	s->pc++;
	element_begin(s, op, f);
	return ALV_OK;
}

enum alv_err
kfk_walk_do_next(struct kfk_walk_state *s, const struct kfk_op *op)
{
	struct kfk_frame *f = &s->frames[s->depth - 1];
	bool		  dropped = s->drop == s->depth;

	if (dropped)
		kfk_walk_undrop(s, f);
	if (s->v->element_end != NULL && (op->flags & KFK_STRUCTS) && kfk_walk_seen(s, op))
		s->v->element_end(s->arg, op->id, dropped);
	if (--f->left > 0) {
		s->pc = op->to;
		element_begin(s, op, f);
		return ALV_OK;
	}
	s->pc++;
	return array_done(s, op, f);
}
