/* Items: the few bytes that an instruction needs in one piece, wherever the input was cut. Inline, because every
 * instruction of the walk begins here and nearly always finds them side by side; walk_item.c has the rest.
 * An instruction either completes or is run again from its start when more has come (MORE). Lengths and counts are
 * checked against `limit` before anyone uses them, and nothing is allocated by what they say: hold grows with what
 * has really arrived. */
#ifndef KAFKA_WALK_ITEM_H
#define KAFKA_WALK_ITEM_H

#include "kafka/walk.h"

/* What item and item_varint do where the short way does not lead: the item was cut, the varint is long. */
enum alv_err kfk_walk_item_cut(struct kfk_walk_state *s, size_t n, const uint8_t **out) ALV_MUST;
enum alv_err kfk_walk_item_varint_long(struct kfk_walk_state *s, size_t from, uint32_t *v, size_t *n) ALV_MUST;
/* Passes s->pass bytes, as many as are here. */
enum alv_err kfk_walk_pass(struct kfk_walk_state *s) ALV_MUST;

/* The instructions, by opcode; walk_value.c, walk_nest.c and walk_tags.c. */
enum alv_err kfk_walk_do_skip_bytes(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;
enum alv_err kfk_walk_do_skip_array(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;
enum alv_err kfk_walk_do_fixed(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;
enum alv_err kfk_walk_do_string(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;
enum alv_err kfk_walk_do_bytes(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;
enum alv_err kfk_walk_do_struct(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;
enum alv_err kfk_walk_do_array(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;
enum alv_err kfk_walk_do_next(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;
enum alv_err kfk_walk_do_tags(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;
enum alv_err kfk_walk_do_tag(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;
enum alv_err kfk_walk_do_tag_end(struct kfk_walk_state *s, const struct kfk_op *op) ALV_MUST;

static inline size_t
kfk_walk_offset(const struct kfk_walk_state *s)
{
	return s->base + (size_t)(s->p - s->begin) - s->held;
}

/* Bytes that may follow behind n bytes of the item. */
static inline size_t
kfk_walk_left_behind(const struct kfk_walk_state *s, size_t n)
{
	size_t at = kfk_walk_offset(s) + n;

	return at < s->limit ? s->limit - at : 0;
}

/* The first n bytes of the instruction's item, in one piece. */
static inline enum alv_err
kfk_walk_item(struct kfk_walk_state *s, size_t n, const uint8_t **out)
{
	if (s->held == 0 && (size_t)(s->end - s->p) >= n) {
		*out = s->p;
		return ALV_OK;
	}
	return kfk_walk_item_cut(s, n, out);
}

/* A varint behind the first `from` bytes of the item; *n: bytes of the item up to its end. */
static inline enum alv_err
kfk_walk_item_varint(struct kfk_walk_state *s, size_t from, uint32_t *v, size_t *n)
{
	if (s->held == 0 && (size_t)(s->end - s->p) > from && s->p[from] < 0x80) {
		*v = s->p[from];
		*n = from + 1;
		return ALV_OK;
	}
	return kfk_walk_item_varint_long(s, from, v, n);
}

/* A length or count, -1: null; *n: its own bytes. */
static inline enum alv_err
kfk_walk_item_length(struct kfk_walk_state *s, const struct kfk_op *op, int64_t *len, size_t *n)
{
	const uint8_t *b;
	uint32_t       v = 0;
	enum alv_err   err;

	if (op->flags & KFK_COMPACT) {
		err = kfk_walk_item_varint(s, 0, &v, n);
		*len = (int64_t)v - 1;
	} else {
		*n = op->flags & KFK_WIDE ? 4 : 2;
		err = kfk_walk_item(s, *n, &b);
		if (!err)
			*len = op->flags & KFK_WIDE ? (int32_t)alv_be32(b) : (int16_t)alv_be16(b);
	}
	if (err)
		return err;
	if (*len == -1 && !(op->flags & KFK_NULLABLE))
		return ALV_E_NULL_VALUE;
	if (*len < -1 || *len > INT32_MAX || (*len > 0 && (uint64_t)*len > kfk_walk_left_behind(s, *n)))
		return ALV_E_LENGTH;
	return ALV_OK;
}

/* The same of bytes; strings have a ceiling of their own, as in Kafka. */
static inline enum alv_err
kfk_walk_item_size(struct kfk_walk_state *s, const struct kfk_op *op, int64_t *len, size_t *n)
{
	enum alv_err err = kfk_walk_item_length(s, op, len, n);

	if (!err && *len > INT16_MAX && op->f->type == KFK_STRING)
		err = ALV_E_LENGTH;
	return err;
}

/* The item stays: mostly that only means going on behind it. */
static inline void
kfk_walk_keep(struct kfk_walk_state *s, size_t n)
{
	if (s->held == 0)
		s->p += n;
	else
		kfk_walk_used(s, n, true);
}

static inline enum alv_err
kfk_walk_pass_quiet(struct kfk_walk_state *s, size_t n)
{
	if ((size_t)(s->end - s->p) >= n) {
		s->p += n;
		return ALV_OK;
	}
	s->pass = n;
	s->pass_keep = true;
	s->pass_show = false;
	return kfk_walk_pass(s);
}

static inline bool
kfk_walk_seen(const struct kfk_walk_state *s, const struct kfk_op *op)
{
	return (op->flags & KFK_VISIBLE) && s->drop == 0;
}

/* The message's own tagged fields, behind which the visitor may add some? */
static inline bool
kfk_walk_has_tail(const struct kfk_walk_state *s, const struct kfk_op *op)
{
	return op->f == NULL && s->v->tail != NULL && s->out.c != NULL;
}

#endif
