/* Reading step by step. Invariant: left is what p..end and the pieces from next on still hold. */
#include "kafka/cursor.h"
#include "kafka/varint.h"

void
kfk_cursor_flat(struct kfk_cursor *c, struct alv_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	*c = (struct kfk_cursor){ .p = p, .end = s.n == 0 ? p : p + s.n, .left = s.n };
}

static bool
next_piece(struct kfk_cursor *c)
{
	if (c->next == NULL)
		return false;
	c->p = c->next->p;
	c->end = c->p + c->next->n;
	c->next = c->next->next;
	return true;
}

void
kfk_cursor_chain(struct kfk_cursor *c, const struct alv_chain *in)
{
	*c = (struct kfk_cursor){ .next = in->head, .left = in->n };
	(void)next_piece(c);
}

static void
too_short(struct kfk_cursor *c, uint8_t *out, size_t n)
{
	if (!c->err)
		c->err = ALV_E_SHORT;
	if (out != NULL)
		memset(out, 0, n);
}

/* Moves over n bytes, which go to out unless that is NULL; zeros after any error. */
static void
pass(struct kfk_cursor *c, uint8_t *out, size_t n)
{
	if (c->err || n > c->left) {
		too_short(c, out, n);
		return;
	}
	c->left -= n;
	while (n > 0) {
		size_t part = (size_t)(c->end - c->p) < n ? (size_t)(c->end - c->p) : n;

		if (part == 0) {
			if (!next_piece(c)) {	/* cannot be: left counts the pieces */
				too_short(c, out, n);
				return;
			}
			continue;
		}
		if (out != NULL) {
			memcpy(out, c->p, part);
			out += part;
		}
		c->p += part;
		n -= part;
	}
}

void
kfk_cursor_copy(struct kfk_cursor *c, void *out, size_t n)
{
	pass(c, out, n);
}

void
kfk_cursor_skip(struct kfk_cursor *c, size_t n)
{
	pass(c, NULL, n);
}

uint16_t
kfk_cursor_be16(struct kfk_cursor *c)
{
	uint8_t b[2];

	pass(c, b, sizeof(b));
	return alv_be16(b);
}

uint32_t
kfk_cursor_be32(struct kfk_cursor *c)
{
	uint8_t b[4];

	pass(c, b, sizeof(b));
	return alv_be32(b);
}

uint32_t
kfk_cursor_uvarint(struct kfk_cursor *c)
{
	uint8_t	 b[KFK_VARINT_MAX];
	uint32_t v = 0;

	for (size_t n = 0; n < sizeof(b);) {
		int r;

		pass(c, b + n, 1);
		r = c->err ? -1 : kfk_varint_read(b, ++n, &v);
		if (r > 0)
			return v;
		if (r < 0) {
			if (!c->err)
				c->err = ALV_E_VARINT;
			return 0;
		}
	}
	return 0;
}

struct alv_str
kfk_cursor_str16(struct kfk_cursor *c, struct alv_arena *a)
{
	int16_t n = (int16_t)kfk_cursor_be16(c);
	char   *p;

	if (c->err || n == -1)
		return ALV_STR_NULL;
	if (n < 0 || (size_t)n > c->left) {
		c->err = ALV_E_LENGTH;
		return ALV_STR_NULL;
	}
	p = alv_arena_alloc(a, (size_t)n + 1);
	if (p == NULL) {
		c->err = ALV_E_NOMEM;
		return ALV_STR_NULL;
	}
	pass(c, (uint8_t *)p, (size_t)n);
	return alv_str_make(p, (size_t)n);
}

uint32_t
kfk_cursor_tags(struct kfk_cursor *c)
{
	uint32_t n = kfk_cursor_uvarint(c);
	int64_t	 before = -1;

	for (uint32_t i = 0; i < n && !c->err; i++) {
		uint32_t tag = kfk_cursor_uvarint(c), size = kfk_cursor_uvarint(c);

		if (!c->err && (int64_t)tag <= before)
			c->err = ALV_E_TAG;
		else if (!c->err && size > c->left)
			c->err = ALV_E_LENGTH;
		before = tag;
		kfk_cursor_skip(c, size);
	}
	return n;
}
