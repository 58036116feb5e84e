/* The walk at values: passed unseen, or shown to the visitor, whose answer is obeyed. */
#include "kafka/value.h"
#include "kafka/walk_item.h"

#include <alcove/str.h>

enum alv_err
kfk_walk_do_skip_bytes(struct kfk_walk_state *s, const struct kfk_op *op)
{
	int64_t	     len;
	size_t	     n;
	enum alv_err err = kfk_walk_item_size(s, op, &len, &n);

	if (err)
		return err;
	kfk_walk_keep(s, n);
	s->pc++;
	return len > 0 ? kfk_walk_pass_quiet(s, (size_t)len) : ALV_OK;
}

enum alv_err
kfk_walk_do_skip_array(struct kfk_walk_state *s, const struct kfk_op *op)
{
	int64_t	     count;
	size_t	     n;
	enum alv_err err = kfk_walk_item_length(s, op, &count, &n);

	if (err)
		return err;
	if (count > 0 && (uint64_t)count > kfk_walk_left_behind(s, n) / op->n)
		return ALV_E_LENGTH;
	kfk_walk_keep(s, n);
	s->pc++;
	return count > 0 ? kfk_walk_pass_quiet(s, (size_t)count * op->n) : ALV_OK;
}

/* ---- values that are shown ---- */

static enum kfk_do
ask(struct kfk_walk_state *s, const struct kfk_op *op, struct kfk_value *v)
{
	if (s->drop != 0 || s->v->field == NULL)
		return KFK_KEEP;
	return s->v->field(s->arg, op->id, op->f, v);
}

static enum alv_err
replace(struct kfk_walk_state *s, const struct kfk_op *op, const struct kfk_value *v)
{
	struct kfk_value out = *v;

	if (op->code != KFK_OP_FIXED && v->s.p == NULL && v->bytes == NULL)
		out.is_null = true;
	if (op->code != KFK_OP_FIXED && out.is_null && !(op->flags & KFK_NULLABLE))
		return ALV_E_NULL_VALUE;
	return s->mute ? ALV_OK : kfk_value_write(&s->out, op->f, s->plan->version, &out);
}

/* Does with the item of n bytes what the visitor said, and goes on behind it. */
static enum alv_err
obey(struct kfk_walk_state *s, const struct kfk_op *op, enum kfk_do what, const struct kfk_value *v, size_t n)
{
	enum alv_err err = ALV_OK;

	if (what == KFK_KEEP) {
		kfk_walk_keep(s, n);
		s->pc++;
		return ALV_OK;
	}
	if (what == KFK_STOP)
		return v->i > 0 && v->i < ALV_E_COUNT ? (enum alv_err)v->i : ALV_E_DENIED;
	if (what == KFK_DROP)
		err = kfk_walk_drop(s);
	if (err)
		return err;
	kfk_walk_used(s, n, false);
	if (what == KFK_REPLACE)
		err = replace(s, op, v);
	s->pc++;
	return err;
}

enum alv_err
kfk_walk_do_fixed(struct kfk_walk_state *s, const struct kfk_op *op)
{
	struct kfk_value v = { 0 };
	const uint8_t	*b;
	enum alv_err	 err = kfk_walk_item(s, op->n, &b);

	if (err)
		return err;
	kfk_value_read(op->f->type, b, &v);
	return obey(s, op, ask(s, op, &v), &v, op->n);
}

/* A value that is shown whole: n bytes of length in front, len of content. */
static enum alv_err
show_whole(struct kfk_walk_state *s, const struct kfk_op *op, int64_t len, size_t n)
{
	struct kfk_value v = { .is_null = len < 0 };
	size_t		 all = n + (len > 0 ? (size_t)len : 0);
	const uint8_t	*b;
	enum alv_err	 err = kfk_walk_item(s, all, &b);

	if (err)
		return err;
	if (len >= 0)
		v.s = alv_str_make(b + n, (size_t)len);
	return obey(s, op, ask(s, op, &v), &v, all);
}

enum alv_err
kfk_walk_do_string(struct kfk_walk_state *s, const struct kfk_op *op)
{
	int64_t	     len;
	size_t	     n;
	enum alv_err err = kfk_walk_item_size(s, op, &len, &n);

	return err ? err : show_whole(s, op, len, n);
}

enum alv_err
kfk_walk_do_bytes(struct kfk_walk_state *s, const struct kfk_op *op)
{
	struct kfk_value v = { 0 };
	int64_t		 len;
	size_t		 n;
	enum kfk_do	 what;
	enum alv_err	 err = kfk_walk_item_size(s, op, &len, &n);

	if (err)
		return err;
	if (s->v->whole >> op->f->kind & 1)
		return show_whole(s, op, len, n);
	v.i = len;
	v.is_null = len < 0;
	what = ask(s, op, &v);
	err = obey(s, op, what, &v, n);
	if (err || len <= 0)
		return err;
	s->pass = (size_t)len;
	s->pass_keep = what == KFK_KEEP;
	s->pass_show = what == KFK_KEEP && s->drop == 0 && (s->v->records != NULL || s->v->piece != NULL);
	s->pass_id = op->id;
	return kfk_walk_pass(s);
}
