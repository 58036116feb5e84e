/* The reading half of the walk: runs a plan over chunks that may end at any byte.
 * An instruction either completes or is run again from its start when more has come: what it needs in one piece
 * (a number, a length, a visible string) is an item, which item() collects across chunks. Everything else is
 * passed by `pass` without being looked at. Lengths and counts are checked against `limit` before they are used,
 * and nothing is allocated by what they say: hold grows with what has really arrived. */
#include "kafka/walk.h"
#include "kafka/value.h"
#include "kafka/varint.h"

#include <alcove/str.h>

typedef struct kfk_walk_state state;	/* file-local shorthand: every function below has it first */

/* ---- reading ---- */

static size_t
offset(const state *s)
{
	return s->base + (size_t)(s->p - s->begin) - s->held;
}

/* Bytes that may follow behind n bytes of the item. */
static size_t
left_behind(const state *s, size_t n)
{
	size_t at = offset(s) + n;

	return at < s->limit ? s->limit - at : 0;
}

static bool
hold_room(state *s, size_t n)
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

static enum alv_err
item_cut(state *s, size_t n, const uint8_t **out)
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

/* The first n bytes of the instruction's item, in one piece. */
static inline enum alv_err
item(state *s, size_t n, const uint8_t **out)
{
	if (s->held == 0 && (size_t)(s->end - s->p) >= n) {
		*out = s->p;
		return ALV_OK;
	}
	return item_cut(s, n, out);
}

static enum alv_err
item_varint_long(state *s, size_t from, uint32_t *v, size_t *n)
{
	if (s->held == 0 && (size_t)(s->end - s->p) >= from + KFK_VARINT_MAX) {
		int r = kfk_varint_read(s->p + from, KFK_VARINT_MAX, v);

		*n = from + (size_t)r;
		return r > 0 ? ALV_OK : ALV_E_VARINT;
	}
	for (size_t k = 1;; k++) {
		const uint8_t *b;
		enum alv_err   err = item(s, from + k, &b);
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

/* A varint behind the first `from` bytes of the item; *n: bytes of the item up to its end. */
static inline enum alv_err
item_varint(state *s, size_t from, uint32_t *v, size_t *n)
{
	if (s->held == 0 && (size_t)(s->end - s->p) > from && s->p[from] < 0x80) {
		*v = s->p[from];
		*n = from + 1;
		return ALV_OK;
	}
	return item_varint_long(s, from, v, n);
}

/* A length or count, -1: null; *n: its own bytes. */
static inline enum alv_err
item_length(state *s, const struct kfk_op *op, int64_t *len, size_t *n)
{
	const uint8_t *b;
	uint32_t       v;
	enum alv_err   err;

	if (op->flags & KFK_COMPACT) {
		err = item_varint(s, 0, &v, n);
		*len = (int64_t)v - 1;
	} else {
		*n = op->flags & KFK_WIDE ? 4 : 2;
		err = item(s, *n, &b);
		if (!err)
			*len = op->flags & KFK_WIDE ? (int32_t)alv_be32(b) : (int16_t)alv_be16(b);
	}
	if (err)
		return err;
	if (*len == -1 && !(op->flags & KFK_NULLABLE))
		return ALV_E_NULL_VALUE;
	if (*len < -1 || *len > INT32_MAX || (*len > 0 && (uint64_t)*len > left_behind(s, *n)))
		return ALV_E_LENGTH;
	return ALV_OK;
}

/* The same of bytes; strings have a ceiling of their own, as in Kafka. */
static inline enum alv_err
item_size(state *s, const struct kfk_op *op, int64_t *len, size_t *n)
{
	enum alv_err err = item_length(s, op, len, n);

	if (!err && *len > INT16_MAX && op->f->type == KFK_STRING)
		err = ALV_E_LENGTH;
	return err;
}

/* The item stays: mostly that only means going on behind it. */
static inline void
keep(state *s, size_t n)
{
	if (s->held == 0)
		s->p += n;
	else
		kfk_walk_used(s, n, true);
}

/* ---- passing ---- */

static enum alv_err
show(state *s, const uint8_t *p, size_t n)
{
	enum alv_err err = ALV_OK;

	if (s->v->records != NULL && s->plan->schema->fields[s->pass_id].type == KFK_RECORDS)
		err = s->v->records(s->arg, s->pass_id, p, n);
	if (!err && s->v->piece != NULL)
		err = s->v->piece(s->arg, s->pass_id, s->block, p, n);
	return err;
}

static enum alv_err
pass(state *s)
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

static inline enum alv_err
pass_quiet(state *s, size_t n)
{
	if ((size_t)(s->end - s->p) >= n) {
		s->p += n;
		return ALV_OK;
	}
	s->pass = n;
	s->pass_keep = true;
	s->pass_show = false;
	return pass(s);
}

static inline enum alv_err
do_skip_bytes(state *s, const struct kfk_op *op)
{
	int64_t	     len;
	size_t	     n;
	enum alv_err err = item_size(s, op, &len, &n);

	if (err)
		return err;
	keep(s, n);
	s->pc++;
	return len > 0 ? pass_quiet(s, (size_t)len) : ALV_OK;
}

static enum alv_err
do_skip_array(state *s, const struct kfk_op *op)
{
	int64_t	     count;
	size_t	     n;
	enum alv_err err = item_length(s, op, &count, &n);

	if (err)
		return err;
	if (count > 0 && (uint64_t)count > left_behind(s, n) / op->n)
		return ALV_E_LENGTH;
	keep(s, n);
	s->pc++;
	return count > 0 ? pass_quiet(s, (size_t)count * op->n) : ALV_OK;
}

/* ---- visible values ---- */

static inline bool
seen(const state *s, const struct kfk_op *op)
{
	return (op->flags & KFK_VISIBLE) && s->drop == 0;
}

static enum kfk_do
ask(state *s, const struct kfk_op *op, struct kfk_value *v)
{
	if (s->drop != 0 || s->v->field == NULL)
		return KFK_KEEP;
	return s->v->field(s->arg, op->id, op->f, v);
}

static enum alv_err
replace(state *s, const struct kfk_op *op, const struct kfk_value *v)
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
obey(state *s, const struct kfk_op *op, enum kfk_do what, const struct kfk_value *v, size_t n)
{
	enum alv_err err = ALV_OK;

	if (what == KFK_KEEP) {
		keep(s, n);
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

static inline enum alv_err
do_fixed(state *s, const struct kfk_op *op)
{
	struct kfk_value v = { 0 };
	const uint8_t	*b;
	enum alv_err	 err = item(s, op->n, &b);

	if (err)
		return err;
	kfk_value_read(op->f->type, b, &v);
	return obey(s, op, ask(s, op, &v), &v, op->n);
}

/* A value that is shown whole: n bytes of length in front, len of content. */
static enum alv_err
show_whole(state *s, const struct kfk_op *op, int64_t len, size_t n)
{
	struct kfk_value v = { .is_null = len < 0 };
	size_t		 all = n + (len > 0 ? (size_t)len : 0);
	const uint8_t	*b;
	enum alv_err	 err = item(s, all, &b);

	if (err)
		return err;
	if (len >= 0)
		v.s = alv_str_make(b + n, (size_t)len);
	return obey(s, op, ask(s, op, &v), &v, all);
}

static inline enum alv_err
do_string(state *s, const struct kfk_op *op)
{
	int64_t	     len;
	size_t	     n;
	enum alv_err err = item_size(s, op, &len, &n);

	return err ? err : show_whole(s, op, len, n);
}

static enum alv_err
do_bytes(state *s, const struct kfk_op *op)
{
	struct kfk_value v = { 0 };
	int64_t		 len;
	size_t		 n;
	enum kfk_do	 what;
	enum alv_err	 err = item_size(s, op, &len, &n);

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
	return pass(s);
}

/* ---- structure ---- */

/* The answer to a begin: drops the element around, or stops. */
static enum alv_err
obey_begin(state *s, enum kfk_do what)
{
	if (what == KFK_DROP)
		return kfk_walk_drop(s);
	if (what == KFK_STOP)
		return ALV_E_DENIED;
	return what == KFK_KEEP ? ALV_OK : ALV_E_UNSUPPORTED;
}

static enum alv_err
do_struct(state *s, const struct kfk_op *op)
{
	bool	     null = false, boxed = op->flags & KFK_NULLABLE;
	enum alv_err err;

	if (boxed) {
		const uint8_t *b;

		err = item(s, 1, &b);
		if (err)
			return err;
		if (*b != 1 && *b != 0xff)
			return ALV_E_VALUE;
		null = *b != 1;
		keep(s, 1);
	}
	s->pc = null ? op->to : s->pc + 1;
	if (!seen(s, op) || s->v->struct_begin == NULL)
		return ALV_OK;
	return obey_begin(s, s->v->struct_begin(s->arg, op->id, null));
}

/* Behind the last element. */
static enum alv_err
array_done(state *s, const struct kfk_op *op, struct kfk_frame *f)
{
	f->part_open = f->part_out = false;
	if (seen(s, op) && s->v->array_end != NULL) {
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
element_begin(state *s, const struct kfk_op *op, struct kfk_frame *f)
{
	kfk_walk_element(s, f);
	if (s->v->element != NULL && (op->flags & KFK_STRUCTS) && seen(s, op))
		s->v->element(s->arg, op->id, f->index);
	f->index++;
}

static enum alv_err
do_array(state *s, const struct kfk_op *op)
{
	struct kfk_frame *f;
	int64_t		  count;
	uint32_t	  more = 0;
	size_t		  n;
	enum alv_err	  err = item_length(s, op, &count, &n);

	if (err)
		return err;
	if (count <= 0 && !seen(s, op)) {	/* nobody looks, nothing is in it: very often so */
		keep(s, n);
		s->pc = op->to;
		return ALV_OK;
	}
	if (count > 0 && (uint64_t)count > left_behind(s, n) / op->n)
		return ALV_E_LENGTH;
	if (seen(s, op) && s->v->array_begin != NULL)
		err = obey_begin(s, s->v->array_begin(s->arg, op->id, (int32_t)count));
	if (err)
		return err;
	if (count < 0) {
		keep(s, n);
		s->pc = op->to;
		return ALV_OK;
	}
	if (seen(s, op) && s->v->array_more != NULL && s->out.c != NULL)
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

static inline enum alv_err
do_next(state *s, const struct kfk_op *op)
{
	struct kfk_frame *f = &s->frames[s->depth - 1];
	bool		  dropped = s->drop == s->depth;

	if (dropped)
		kfk_walk_undrop(s, f);
	if (s->v->element_end != NULL && (op->flags & KFK_STRUCTS) && seen(s, op))
		s->v->element_end(s->arg, op->id, dropped);
	if (--f->left > 0) {
		s->pc = op->to;
		element_begin(s, op, f);
		return ALV_OK;
	}
	s->pc++;
	return array_done(s, op, f);
}

/* ---- tagged fields ---- */

static inline enum alv_err
do_tags(state *s, const struct kfk_op *op)
{
	uint32_t     count;
	size_t	     n;
	enum alv_err err;

	if (s->held == 0 && s->p < s->end && *s->p == 0) {	/* nearly always */
		s->p++;
		s->pc = op->to;
		return ALV_OK;
	}
	err = item_varint(s, 0, &count, &n);
	if (err)
		return err;
	if (count > left_behind(s, n) / 2)
		return ALV_E_LENGTH;
	if (count == 0) {
		keep(s, n);
		s->pc = op->to;
		return ALV_OK;
	}
	(void)kfk_walk_push(s, op, n, count, 0);
	s->pc++;
	return ALV_OK;
}

static const struct kfk_plan_tag *
known_tag(const state *s, const struct kfk_op *op, uint32_t tag)
{
	for (uint32_t i = 0; i < op->n; i++)
		if (s->plan->tags[op->first + i].tag == tag)
			return &s->plan->tags[op->first + i];
	return NULL;
}

static enum alv_err
unknown_tag(state *s, struct kfk_frame *f, size_t n, uint32_t size)
{
	kfk_walk_used(s, n, false);
	f->kept--;
	s->walk->dropped_tags++;
	s->pass = size;
	s->pass_keep = s->pass_show = false;
	return pass(s);
}

static enum alv_err
do_tag(state *s, const struct kfk_op *op)
{
	struct kfk_frame	  *f = &s->frames[s->depth - 1];
	const struct kfk_plan_tag *known;
	uint32_t		   tag, size;
	size_t			   tag_n, n;
	enum alv_err		   err;

	if (f->left == 0) {
		kfk_walk_recount(s, f);
		kfk_walk_pop(s);
		s->pc = op->to;
		return ALV_OK;
	}
	err = item_varint(s, 0, &tag, &tag_n);
	if (!err)
		err = item_varint(s, tag_n, &size, &n);
	if (err)
		return err;
	if ((int64_t)tag <= f->last_tag)
		return ALV_E_TAG;
	if (size > left_behind(s, n))
		return ALV_E_LENGTH;
	f->left--;
	f->last_tag = tag;
	known = known_tag(s, op, tag);
	if (known == NULL)
		return unknown_tag(s, f, n, size);
	f->tag_size = size;
	f->outer_limit = s->limit;
	f->tag_end = s->limit = offset(s) + n + size;
	kfk_walk_tag(s, f, tag_n, n - tag_n);
	s->pc = known->pc;
	return ALV_OK;
}

static enum alv_err
do_tag_end(state *s, const struct kfk_op *op)
{
	struct kfk_frame *f = &s->frames[s->depth - 1];
	size_t		  at = offset(s);

	if (at != f->tag_end)
		return at > f->tag_end ? ALV_E_SHORT : ALV_E_TRAILING;
	kfk_walk_tag_end(s, f);
	s->limit = f->outer_limit;
	s->pc = op->to;
	return ALV_OK;
}

/* ---- running ---- */

static enum alv_err
step(state *s, const struct kfk_op *op)
{
	switch ((enum kfk_opcode)op->code) {
	case KFK_OP_SKIP:
		s->pc++;
		return pass_quiet(s, op->n);
	case KFK_OP_SKIP_BYTES:
		return do_skip_bytes(s, op);
	case KFK_OP_SKIP_ARRAY:
		return do_skip_array(s, op);
	case KFK_OP_FIXED:
		return do_fixed(s, op);
	case KFK_OP_STRING:
		return do_string(s, op);
	case KFK_OP_BYTES:
		return do_bytes(s, op);
	case KFK_OP_ARRAY:
		return do_array(s, op);
	case KFK_OP_NEXT:
		return do_next(s, op);
	case KFK_OP_STRUCT:
		return do_struct(s, op);
	case KFK_OP_STRUCT_END:
		s->pc++;
		if (s->v->struct_end != NULL && seen(s, op))
			s->v->struct_end(s->arg, op->id);
		return ALV_OK;
	case KFK_OP_TAGS:
		return do_tags(s, op);
	case KFK_OP_TAG:
		return do_tag(s, op);
	case KFK_OP_TAG_END:
		return do_tag_end(s, op);
	case KFK_OP_END:
		break;
	}
	return ALV_OK;
}

static enum alv_err
run(state *s)
{
	const struct kfk_op *ops = s->plan->ops;
	enum alv_err	     err = s->pass > 0 ? pass(s) : ALV_OK;

	while (!err && ops[s->pc].code != KFK_OP_END)
		err = step(s, &ops[s->pc]);
	if (!err && s->p != s->end)
		err = ALV_E_TRAILING;
	return err;
}

static void
blame(state *s, enum alv_err err)
{
	/* While bytes are passed the next instruction is set already. */
	const struct kfk_op *op = &s->plan->ops[s->pc - (s->pass > 0 && s->pc > 0)];
	bool		     tags = op->code == KFK_OP_TAGS || op->code == KFK_OP_TAG;

	s->walk->fault = (struct kfk_fault){ .message = s->plan->schema->name,
		.field = tags ? "tagged fields" : op->f != NULL ? op->f->name : "end",
		.version = s->plan->version, .at = offset(s), .err = err };
}

enum alv_err
kfk_walk_init(struct kfk_walk *w, const struct kfk_plan *plan, const struct kfk_visitor *v, void *arg,
    struct alv_chain *out, struct alv_arena *a)
{
	static const struct kfk_visitor nobody;
	state			       *s = alv_arena_alloc(a, sizeof(*s));

	*w = (struct kfk_walk){ .state = s };
	if (s == NULL)
		return ALV_E_NOMEM;
	s->frames = alv_arena_alloc(a, (plan->depth + 1) * sizeof(*s->frames));
	if (s->frames == NULL) {
		w->state = NULL;
		return ALV_E_NOMEM;
	}
	s->plan = plan;
	s->v = v == NULL ? &nobody : v;
	s->arg = arg;
	s->arena = a;
	s->walk = w;
	s->limit = s->body_end = SIZE_MAX;
	s->hold = s->hold_first;
	s->hold_cap = sizeof(s->hold_first);
	s->result = ALV_E_MORE;
	s->mute = out == NULL;
	s->changeable = out != NULL && !s->v->fixed &&
	    (s->v->field != NULL || s->v->array_begin != NULL || s->v->array_end != NULL || s->v->struct_begin != NULL);
	if (out != NULL)
		kfk_emit_init(&s->out, out);
	return ALV_OK;
}

void
kfk_walk_fini(struct kfk_walk *w)
{
	if (w->state != NULL)
		kfk_emit_fini(&w->state->out);
	w->state = NULL;
}

void
kfk_walk_expect(struct kfk_walk *w, size_t body_n)
{
	w->state->limit = w->state->body_end = body_n;
}

size_t
kfk_walk_at(const struct kfk_walk *w)
{
	return w->state->base;
}

enum alv_err
kfk_walk_feed(struct kfk_walk *w, struct alv_block *b, const uint8_t *p, size_t n)
{
	static const uint8_t nothing[1];
	state		    *s = w->state;
	enum alv_err	     err;

	if (s->result != ALV_E_MORE)
		return s->result == ALV_OK && n > 0 ? ALV_E_TRAILING : s->result;
	s->block = b;
	s->begin = s->p = s->run = p == NULL ? nothing : p;
	s->end = s->begin + n;
	err = n > s->body_end - s->base ? ALV_E_TRAILING : run(s);
	if (err == ALV_E_MORE || err == ALV_OK)
		kfk_walk_flush(s, s->p);
	if (err == ALV_E_MORE && s->base + n == s->body_end)
		err = ALV_E_SHORT;
	if (err == ALV_OK && s->body_end != SIZE_MAX && s->base + n < s->body_end)
		err = ALV_E_TRAILING;
	if (s->out.c != NULL && s->out.c->err && (err == ALV_E_MORE || err == ALV_OK))
		err = s->out.c->err;
	if (err != ALV_E_MORE && err != ALV_OK)
		blame(s, err);
	s->base += n;
	s->begin = s->p = s->end = s->run = nothing;
	s->result = err;
	return err;
}

enum alv_err
kfk_walk_chain(struct kfk_walk *w, const struct alv_chain *body)
{
	enum alv_err err = ALV_E_MORE;

	kfk_walk_expect(w, body->n);
	if (body->head == NULL)
		return kfk_walk_feed(w, NULL, NULL, 0);
	for (const struct alv_piece *x = body->head; x != NULL && err == ALV_E_MORE; x = x->next)
		err = kfk_walk_feed(w, x->block, x->p, x->n);
	return err;
}
