/* The long way to an item: what was cut is put together in hold, and what need not be looked at is passed on. */
#include "kafka/varint.h"
#include "kafka/walk_item.h"

static bool
hold_room(struct kfk_walk_state *s, size_t n)
{
	size_t	 cap = s->hold_cap;
	uint8_t *hold;

	if (n <= cap)
		return true;
	while (cap < n)
		cap *= 2;
	hold = alv_arena_alloc(s->arena, cap);
	if (hold == NULL)
		return false;
	memcpy(hold, s->hold, s->held);
	s->hold = hold;
	s->hold_cap = cap;
	return true;
}

enum alv_err
kfk_walk_item_cut(struct kfk_walk_state *s, size_t n, const uint8_t **out)
{
	if (s->held == 0)
		kfk_walk_flush(s, s->p);
	if (s->held < n) {
		size_t part = n - s->held, here = (size_t)(s->end - s->p);

		if (part > here)
			part = here;
		if (!hold_room(s, s->held + part))
			return ALV_E_NOMEM;
		if (part > 0)
			memcpy(s->hold + s->held, s->p, part);
		s->held += part;
		s->p += part;
		s->run = s->p;
	}
	*out = s->hold;
	return s->held < n ? ALV_E_MORE : ALV_OK;
}

enum alv_err
kfk_walk_item_varint_long(struct kfk_walk_state *s, size_t from, uint32_t *v, size_t *n)
{
	if (s->held == 0 && (size_t)(s->end - s->p) >= from + KFK_VARINT_MAX) {
		int r = kfk_varint_read(s->p + from, KFK_VARINT_MAX, v);

		*n = from + (size_t)r;
		return r > 0 ? ALV_OK : ALV_E_VARINT;
	}
	for (size_t k = 1;; k++) {
		const uint8_t *b;
		enum alv_err   err = kfk_walk_item(s, from + k, &b);
		int	       r;

		if (err)
			return err;
		r = kfk_varint_read(b + from, k, v);
		if (r < 0)
			return ALV_E_VARINT;
		if (r > 0) {
			*n = from + k;
			return ALV_OK;
		}
	}
}

static enum alv_err
show(struct kfk_walk_state *s, const uint8_t *p, size_t n)
{
	enum alv_err err = ALV_OK;

	if (s->v->records != NULL && s->plan->schema->fields[s->pass_id].type == KFK_RECORDS)
		err = s->v->records(s->arg, s->pass_id, p, n);
	if (!err && s->v->piece != NULL)
		err = s->v->piece(s->arg, s->pass_id, s->block, p, n);
	return err;
}

enum alv_err
kfk_walk_pass(struct kfk_walk_state *s)
{
	size_t	     part = (size_t)(s->end - s->p);
	enum alv_err err = ALV_OK;

	if (part > s->pass)
		part = s->pass;
	if (part > 0 && s->pass_show)
		err = show(s, s->p, part);
	s->p += part;
	s->pass -= part;
	if (!s->pass_keep)
		s->run = s->p;
	if (err)
		return err;
	return s->pass > 0 ? ALV_E_MORE : ALV_OK;
}
