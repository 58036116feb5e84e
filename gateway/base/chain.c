/* Chains of views into counted blocks. Invariants: n is the sum of the pieces' n; no piece is empty;
 * every piece holds one reference on its block. */
#include <alcove/buf.h>
#include <alcove/check.h>

#include "base/piece.h"

enum { PACK_BELOW = 64 * 1024 };	/* what is longer keeps at most a few times its length alive */

void
alv_chain_init(struct alv_chain *c, struct alv_pool *pool)
{
	*c = (struct alv_chain){ .pool = pool };
}

static void
free_pieces(struct alv_pool *pool, struct alv_piece *x)
{
	while (x != NULL) {
		struct alv_piece *next = x->next;

		alv_block_put(x->block);
		alv_piece_put(pool, x);
		x = next;
	}
}

void
alv_chain_clear(struct alv_chain *c)
{
	free_pieces(c->pool, c->head);
	alv_chain_init(c, c->pool);
}

static void
link_tail(struct alv_chain *c, struct alv_piece *x)
{
	x->next = NULL;
	if (c->tail == NULL)
		c->head = x;
	else
		c->tail->next = x;
	c->tail = x;
	c->n += x->n;
}

void
alv_chain_ref(struct alv_chain *c, struct alv_block *b, const uint8_t *p, size_t n)
{
	struct alv_piece *x = c->tail;

	if (c->err || n == 0)
		return;
	if (x != NULL && x->block == b && x->p + x->n == p) {
		x->n += n;
		c->n += n;
		return;
	}
	x = alv_piece_get(c->pool);
	if (x == NULL) {
		c->err = ALV_E_NOMEM;
		return;
	}
	alv_block_ref(b);
	*x = (struct alv_piece){ .block = b, .p = p, .n = n };
	link_tail(c, x);
}

/* The last piece's block, where the bytes behind the piece are unused and ours alone to fill. */
static struct alv_block *
open_end(const struct alv_chain *c)
{
	const struct alv_piece *x = c->tail;

	if (x == NULL || x->p + x->n != x->block->data + x->block->used || x->block->used == x->block->cap)
		return NULL;
	return x->block->refs == 1 ? x->block : NULL;
}

void
alv_chain_copy(struct alv_chain *c, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n > 0 && !c->err) {
		struct alv_block *old = open_end(c), *b = old;
		size_t		  part;

		if (b == NULL && (b = alv_block_get(c->pool, n)) == NULL) {
			c->err = ALV_E_NOMEM;
			return;
		}
		part = b->cap - b->used < n ? b->cap - b->used : n;
		memcpy(b->data + b->used, p, part);
		alv_chain_ref(c, b, b->data + b->used, part);
		b->used += (uint32_t)part;
		if (old == NULL)
			alv_block_put(b);	/* the piece holds its own reference */
		p += part;
		n -= part;
	}
}

void
alv_chain_move(struct alv_chain *dst, struct alv_chain *src)
{
	if (src->err && !dst->err)
		dst->err = src->err;
	if (src->head != NULL) {
		if (dst->tail == NULL)
			dst->head = src->head;
		else
			dst->tail->next = src->head;
		dst->tail = src->tail;
		dst->n += src->n;
	}
	alv_chain_init(src, src->pool);
}

static struct alv_piece *
unlink_head(struct alv_chain *c)
{
	struct alv_piece *x = c->head;

	c->head = x->next;
	if (c->head == NULL)
		c->tail = NULL;
	c->n -= x->n;
	return x;
}

void
alv_chain_cut(struct alv_chain *dst, struct alv_chain *src, size_t n)
{
	ALV_CHECK(n <= src->n);
	while (n > 0 && n >= src->head->n) {
		struct alv_piece *x = unlink_head(src);

		n -= x->n;
		link_tail(dst, x);
	}
	if (n > 0) {
		alv_chain_ref(dst, src->head->block, src->head->p, n);
		src->head->p += n;
		src->head->n -= n;
		src->n -= n;
	}
}

void
alv_chain_drop(struct alv_chain *c, size_t n)
{
	ALV_CHECK(n <= c->n);
	while (n > 0 && n >= c->head->n) {
		struct alv_piece *x = unlink_head(c);

		n -= x->n;
		alv_block_put(x->block);
		alv_piece_put(c->pool, x);
	}
	if (n > 0) {
		c->head->p += n;
		c->head->n -= n;
		c->n -= n;
	}
}

/* Capacity of the blocks that it views, each once where its views follow each other. */
static size_t
kept_alive(const struct alv_chain *c)
{
	const struct alv_block *last = NULL;
	size_t			n = 0;

	for (const struct alv_piece *x = c->head; x != NULL; x = x->next) {
		if (x->block != last)
			n += x->block->cap;
		last = x->block;
	}
	return n;
}

void
alv_chain_pack(struct alv_chain *c)
{
	struct alv_chain copy;

	if (c->n == 0 || c->n >= PACK_BELOW || kept_alive(c) <= 2 * c->n + ALV_BLOCK_SMALL)
		return;
	alv_chain_init(&copy, c->pool);
	for (const struct alv_piece *x = c->head; x != NULL; x = x->next)
		alv_chain_copy(&copy, x->p, x->n);
	if (copy.err) {
		alv_chain_clear(&copy);
		return;
	}
	alv_chain_clear(c);
	alv_chain_move(c, &copy);
}

bool
alv_chain_peek(const struct alv_chain *c, size_t at, void *out, size_t n)
{
	uint8_t *to = out;

	if (at > c->n || n > c->n - at)
		return false;
	for (const struct alv_piece *x = c->head; n > 0; x = x->next) {
		size_t part;

		if (at >= x->n) {
			at -= x->n;
			continue;
		}
		part = x->n - at < n ? x->n - at : n;
		memcpy(to, x->p + at, part);
		to += part;
		n -= part;
		at = 0;
	}
	return true;
}

struct alv_chain_mark
alv_chain_mark(const struct alv_chain *c)
{
	return (struct alv_chain_mark){ .tail = c->tail, .tail_n = c->tail == NULL ? 0 : c->tail->n, .n = c->n };
}

void
alv_chain_back(struct alv_chain *c, struct alv_chain_mark m)
{
	struct alv_piece *rest;

	if (m.tail == NULL) {
		rest = c->head;
		c->head = NULL;
	} else {
		rest = m.tail->next;
		m.tail->next = NULL;
		m.tail->n = m.tail_n;
	}
	free_pieces(c->pool, rest);
	c->tail = m.tail;
	c->n = m.n;
}

/* Pieces of one block stand side by side: they were filled, and are consumed, in order. */
static struct alv_piece *
after_block(const struct alv_piece *x, uint32_t *n)
{
	const struct alv_block *b = x->block;
	struct alv_piece       *next = x->next;

	for (*n = 1; next != NULL && next->block == b; next = next->next)
		++*n;
	return next;
}

bool
alv_chain_leave(struct alv_chain *c)
{
	struct alv_piece *next;
	uint32_t	  n;

	if (c->err)
		return false;
	for (const struct alv_piece *x = c->head; x != NULL; x = next) {
		next = after_block(x, &n);
		if (x->block->refs != n)
			return false;
	}
	for (struct alv_piece *x = c->head; x != NULL; x = next) {
		next = after_block(x, &n);
		alv_block_rehome(x->block, NULL);
	}
	c->pool = NULL;
	return true;
}

void
alv_chain_enter(struct alv_chain *c, struct alv_pool *pool)
{
	struct alv_piece *next;
	uint32_t	  n;

	for (struct alv_piece *x = c->head; x != NULL; x = next) {
		next = after_block(x, &n);
		alv_block_rehome(x->block, pool);
	}
	c->pool = pool;
}
