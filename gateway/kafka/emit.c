/* Writing into blocks. Invariant: e->b has our reference, and what lies behind b->used in it is in no chain. */
#include "kafka/emit.h"
#include "kafka/varint.h"

enum { NEXT_BLOCK_MAX = 64 * 1024 };

/* The block at the chain's end goes on being filled where nobody else holds it: many small messages, one block. */
void
kfk_emit_init(struct kfk_emit *e, struct alv_chain *c)
{
	const struct alv_piece *x = c->tail;

	*e = (struct kfk_emit){ .c = c };
	if (x != NULL && x->block->refs == 1 && x->p + x->n == x->block->data + x->block->used) {
		e->b = x->block;
		alv_block_ref(e->b);
	}
}

void
kfk_emit_fini(struct kfk_emit *e)
{
	alv_block_put(e->b);
	e->b = NULL;
}

/* At least n bytes of room in one piece (n is small), or the chain fails. */
static bool
room(struct kfk_emit *e, size_t n)
{
	struct alv_block *b;
	size_t		  want = ALV_BLOCK_SMALL;

	if (e->c->err)
		return false;
	if (e->b != NULL) {
		if (e->b->cap - e->b->used >= n)
			return true;
		if (e->b->cap < NEXT_BLOCK_MAX)
			want = (size_t)e->b->cap * 4;
	}
	b = alv_block_get(e->c->pool, want);
	if (b == NULL) {
		e->c->err = ALV_E_NOMEM;
		return false;
	}
	alv_block_put(e->b);
	e->b = b;
	return true;
}

void
kfk_emit_copy(struct kfk_emit *e, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n > 0 && room(e, 1)) {
		struct alv_block *b = e->b;
		size_t		  part = b->cap - b->used < n ? b->cap - b->used : n;

		memcpy(b->data + b->used, p, part);
		alv_chain_ref(e->c, b, b->data + b->used, part);
		b->used += (uint32_t)part;
		p += part;
		n -= part;
	}
}

void
kfk_emit_pass(struct kfk_emit *e, struct alv_block *b, const uint8_t *p, size_t n)
{
	if (n >= KFK_BY_REFERENCE && b != NULL)
		alv_chain_ref(e->c, b, p, n);
	else
		kfk_emit_copy(e, p, n);
}

void
kfk_emit_range(struct kfk_emit *e, const struct alv_chain *src, size_t from, size_t n)
{
	if (src->err && !e->c->err)
		e->c->err = src->err;
	for (const struct alv_piece *x = src->head; x != NULL && n > 0; x = x->next) {
		size_t skip = from < x->n ? from : x->n, take = x->n - skip < n ? x->n - skip : n;

		kfk_emit_pass(e, x->block, x->p + skip, take);
		from -= skip;
		n -= take;
	}
}

void
kfk_emit_chain(struct kfk_emit *e, const struct alv_chain *src)
{
	kfk_emit_range(e, src, 0, src->n);
}

void
kfk_emit_be16(struct kfk_emit *e, uint16_t v)
{
	uint8_t b[2];

	alv_put_be16(b, v);
	kfk_emit_copy(e, b, sizeof(b));
}

void
kfk_emit_be32(struct kfk_emit *e, uint32_t v)
{
	uint8_t b[4];

	alv_put_be32(b, v);
	kfk_emit_copy(e, b, sizeof(b));
}

void
kfk_emit_be64(struct kfk_emit *e, uint64_t v)
{
	uint8_t b[8];

	alv_put_be64(b, v);
	kfk_emit_copy(e, b, sizeof(b));
}

void
kfk_emit_uvarint(struct kfk_emit *e, uint32_t v)
{
	uint8_t b[KFK_VARINT_MAX];

	kfk_emit_copy(e, b, (size_t)kfk_varint_write(b, v));
}

/* A varint may shrink or grow when it is patched, so it gets a piece of its own: a byte left unused on either side
 * keeps the chain from joining its neighbours to it. */
struct kfk_slot
kfk_emit_slot(struct kfk_emit *e, bool compact, uint32_t v)
{
	struct kfk_slot s = { .compact = compact };
	size_t		n = 4;

	if (!room(e, 1 + KFK_VARINT_MAX + 1))
		return s;
	s.at = e->b->data + e->b->used;
	if (compact) {
		s.at++;
		n = (size_t)kfk_varint_write(s.at, v);
		e->b->used += 1 + KFK_VARINT_MAX + 1;
	} else {
		alv_put_be32(s.at, v);
		e->b->used += 4;
	}
	alv_chain_ref(e->c, e->b, s.at, n);
	if (e->c->err)
		return (struct kfk_slot){ .compact = compact };
	s.piece = e->c->tail;
	return s;
}

void
kfk_emit_patch(struct kfk_emit *e, const struct kfk_slot *s, uint32_t v)
{
	size_t n;

	if (s->at == NULL || e->c->err)
		return;
	if (!s->compact) {
		alv_put_be32(s->at, v);
		return;
	}
	n = (size_t)kfk_varint_write(s->at, v);
	e->c->n = e->c->n - s->piece->n + n;
	s->piece->n = n;
}

struct kfk_emit_mark
kfk_emit_mark(const struct kfk_emit *e)
{
	return (struct kfk_emit_mark){ alv_chain_mark(e->c), e->b, e->b == NULL ? 0 : e->b->used };
}

void
kfk_emit_back(struct kfk_emit *e, struct kfk_emit_mark m)
{
	alv_chain_back(e->c, m.c);
	if (e->b == NULL)
		return;
	if (e->b == m.b)
		e->b->used = m.used;
	else if (e->b->refs == 1)
		e->b->used = 0;
}
