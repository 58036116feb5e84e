/* The writing half of the walk; walk.h says how runs, frames and places hang together. */
#include <alcove/check.h>

#include "kafka/walk.h"

/* Nothing comes before the count of a section or array in its frame, so this is also what kfk_walk_take asks. */
static void
place_count(struct kfk_walk_state *s, struct kfk_frame *f)
{
	f->count_n = s->out.c->n;
	f->count = kfk_emit_slot(&s->out, f->compact, f->orig + (f->compact && !f->tags));
	f->count_out = true;
}

static void
place_size(struct kfk_walk_state *s, struct kfk_frame *f)
{
	f->size = kfk_emit_slot(&s->out, true, f->tag_size);
	f->size_n = s->out.c->n;
	f->part_out = true;
}

static void
write_run(struct kfk_walk_state *s, const uint8_t *to)
{
	if (to > s->run)
		kfk_emit_pass(&s->out, s->block, s->run, (size_t)(to - s->run));
	s->run = to;
}

static void
settle(struct kfk_walk_state *s, struct kfk_frame *f)
{
	if (f->plain)
		return;
	if (!f->count_out) {
		write_run(s, f->count_at);
		place_count(s, f);
		s->run = f->count_at + f->count_len;
	}
	if (!f->part_open || f->part_out)
		return;
	write_run(s, f->part_at);
	if (f->tags) {
		place_size(s, f);
		s->run = f->part_at + f->part_len;
	} else {
		f->mark = kfk_emit_mark(&s->out);
		f->part_out = true;
	}
}

void
kfk_walk_flush(struct kfk_walk_state *s, const uint8_t *to)
{
	if (!s->mute) {
		for (uint32_t i = s->settled; i < s->depth; i++)
			settle(s, &s->frames[i]);
		s->settled = s->depth;
		write_run(s, to);
	}
	s->run = to;
}

void
kfk_walk_used(struct kfk_walk_state *s, size_t n, bool keep)
{
	if (s->held > 0) {
		if (keep && !s->mute)
			kfk_emit_copy(&s->out, s->hold, n);
		s->held = 0;
		return;
	}
	if (!keep)
		kfk_walk_flush(s, s->p);
	s->p += n;
	if (!keep)
		s->run = s->p;
}

/* The top frame has something new that lies in the run. */
static void
unsettle(struct kfk_walk_state *s)
{
	if (s->settled >= s->depth)
		s->settled = s->depth - 1;
}

/* Are the first n frames around us, or one of them, tagged fields or the loose array? What is in there may change even in a
 * fixed walk. */
static bool
in_loose(const struct kfk_walk_state *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (s->frames[i].tags || s->frames[i].loose)
			return true;
	return false;
}

/* May the count of this array change? */
static bool
may_change(const struct kfk_walk_state *s, const struct kfk_op *op)
{
	return s->changeable && (op->flags & KFK_VISIBLE) &&
	    (!s->v->fixed || in_loose(s, s->depth) || (s->v->loose != 0 && op->id == s->v->loose));
}

struct kfk_frame *
kfk_walk_push(struct kfk_walk_state *s, const struct kfk_op *op, size_t n, uint32_t count, uint32_t more)
{
	struct kfk_frame *f = &s->frames[s->depth];
	bool		  tags = op->code == KFK_OP_TAGS, rewrite = more > 0 || s->held > 0;

	ALV_CHECK_SLOW(s->depth < s->plan->depth);
	f->tags = tags;
	f->loose = !tags && s->v->loose != 0 && op->id == s->v->loose;
	f->plain = s->mute || (!tags && !may_change(s, op));
	f->compact = tags || (op->flags & KFK_COMPACT);
	f->count_out = f->part_open = f->part_out = false;
	f->left = f->kept = count;
	f->orig = count + more;
	f->index = 0;
	f->last_tag = -1;
	f->count_at = s->p;
	f->count_len = (uint8_t)n;
	if (!rewrite) {
		s->p += n;
	} else if (f->plain && more == 0) {
		kfk_walk_used(s, n, true);
	} else {
		kfk_walk_used(s, n, false);
		if (!f->plain)
			place_count(s, f);
		else if (f->compact)
			kfk_emit_uvarint(&s->out, f->orig + 1);
		else
			kfk_emit_be32(&s->out, f->orig);
	}
	s->depth++;
	if (!f->plain && !f->count_out)
		unsettle(s);
	else if (s->settled == s->depth - 1)
		s->settled = s->depth;
	return f;
}

void
kfk_walk_pop(struct kfk_walk_state *s)
{
	s->depth--;
	if (s->settled > s->depth)
		s->settled = s->depth;
}

void
kfk_walk_element(struct kfk_walk_state *s, struct kfk_frame *f)
{
	if (f->plain)
		return;
	f->part_open = true;
	f->part_out = false;
	f->part_at = s->p;
	unsettle(s);
}

void
kfk_walk_tag(struct kfk_walk_state *s, struct kfk_frame *f, size_t tag_n, size_t size_n)
{
	f->part_open = true;
	f->part_out = false;
	if (s->held > 0) {
		if (!s->mute) {
			kfk_emit_copy(&s->out, s->hold, tag_n);
			place_size(s, f);
		}
		s->held = 0;
		return;
	}
	f->part_at = s->p + tag_n;
	f->part_len = (uint8_t)size_n;
	s->p += tag_n + size_n;
	if (!f->plain)
		unsettle(s);
}

void
kfk_walk_tag_end(struct kfk_walk_state *s, struct kfk_frame *f)
{
	if (f->part_out && !s->mute) {
		size_t n = s->out.c->n + (size_t)(s->p - s->run) - f->size_n;

		if (n != f->tag_size)
			kfk_emit_patch(&s->out, &f->size, (uint32_t)n);
	}
	f->part_open = f->part_out = false;
}

enum alv_err
kfk_walk_drop(struct kfk_walk_state *s)
{
	uint32_t	  i = s->depth;
	struct kfk_frame *f;

	while (i > 0 && s->frames[i - 1].tags)
		i--;
	if (i == 0)
		return ALV_E_UNSUPPORTED;
	f = &s->frames[i - 1];
	if (s->v->fixed && !f->loose && !in_loose(s, i - 1))
		return ALV_E_UNSUPPORTED;
	if (!s->mute) {
		if (f->part_out)
			kfk_emit_back(&s->out, f->mark);
		for (uint32_t k = s->settled; k < i; k++)
			settle(s, &s->frames[k]);
		s->settled = s->depth;	/* those above are gone before anything is written again */
		s->mute = true;
	}
	s->drop = i;
	return ALV_OK;
}

void
kfk_walk_undrop(struct kfk_walk_state *s, struct kfk_frame *f)
{
	s->drop = 0;
	s->mute = s->out.c == NULL;
	s->run = s->p;
	f->kept--;
	s->walk->dropped_elements++;
}

void
kfk_walk_recount(struct kfk_walk_state *s, struct kfk_frame *f)
{
	if (f->kept == f->orig || f->plain || s->mute)
		return;
	if (!f->count_out)
		kfk_walk_flush(s, s->p);
	kfk_emit_patch(&s->out, &f->count, f->kept + (f->compact && !f->tags));
	f->orig = f->kept;
}

/* ---- handing on what is final ---- */

/* Offset in the chain of the first place that may still change. */
static size_t
final_bytes(const struct kfk_walk_state *s)
{
	for (uint32_t i = 0; i < s->depth; i++)
		if (!s->frames[i].plain && s->frames[i].count_out)
			return s->frames[i].count_n;
	return s->out.c->n;
}

/* The piece that a cut after n bytes would split, and how many of its bytes go. */
static const struct alv_piece *
split_piece(const struct alv_chain *c, size_t n, size_t *gone)
{
	for (const struct alv_piece *x = c->head; x != NULL; x = x->next) {
		if (n < x->n) {
			*gone = n;
			return x;
		}
		n -= x->n;
	}
	*gone = 0;
	return NULL;
}

void
kfk_walk_take(struct kfk_walk *w, struct alv_chain *dst)
{
	struct kfk_walk_state  *s = w->state;
	const struct alv_piece *split;
	size_t			n, gone;

	if (s->out.c == NULL)
		return;
	n = final_bytes(s);
	split = split_piece(s->out.c, n, &gone);
	alv_chain_cut(dst, s->out.c, n);
	for (uint32_t i = 0; i < s->depth; i++) {
		struct kfk_frame *f = &s->frames[i];

		if (f->plain)
			continue;
		f->count_n -= n;
		f->size_n -= n;
		f->mark.c.n -= n;
		if (f->mark.c.tail == split)
			f->mark.c.tail_n -= gone;
	}
}
