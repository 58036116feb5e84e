/* Blocks: four sizes, free lists per thread, a cap on what is kept, and what was kept in vain goes back.
 * Invariant: out counts the capacities of all blocks that somebody holds, kept those of the free lists. */
#include <alcove/buf.h>
#include <alcove/check.h>

#include <stdlib.h>

#include "base/piece.h"

static const uint32_t sizes[] = { ALV_BLOCK_SMALL, 16 * 1024, 64 * 1024, ALV_BLOCK_MAX };
enum { NSIZES = ALV_COUNT(sizes), PIECES_KEPT = 1024 };

struct alv_pool {
	struct alv_block *free[NSIZES];	/* chained through the first bytes of data */
	size_t		  nfree[NSIZES];
	size_t		  idle[NSIZES];	/* the least that nfree was since the last trim: nobody needed so many */
	size_t		  kept, keep_max, out;
	struct alv_piece *piece;	/* free ones */
	size_t		  npieces;
};

struct alv_pool *
alv_pool_new(size_t keep_bytes)
{
	struct alv_pool *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->keep_max = keep_bytes;
	return p;
}

static struct alv_block *
next_free(struct alv_block *b)
{
	struct alv_block *next;

	memcpy(&next, b->data, sizeof(next));
	return next;
}

static struct alv_block *
take_out(struct alv_pool *p, size_t i)
{
	struct alv_block *b = p->free[i];

	p->free[i] = next_free(b);
	p->kept -= sizes[i];
	if (--p->nfree[i] < p->idle[i])
		p->idle[i] = p->nfree[i];
	return b;
}

void
alv_pool_free(struct alv_pool *p)
{
	if (p == NULL)
		return;
	ALV_CHECK(p->out == 0);
	for (size_t i = 0; i < NSIZES; i++) {
		while (p->free[i] != NULL)
			free(take_out(p, i));
	}
	while (p->piece != NULL) {
		struct alv_piece *x = p->piece;

		p->piece = x->next;
		free(x);
	}
	free(p);
}

struct alv_piece *
alv_piece_get(struct alv_pool *p)
{
	struct alv_piece *x = p == NULL ? NULL : p->piece;

	if (x == NULL)
		return malloc(sizeof(*x));
	p->piece = x->next;
	p->npieces--;
	return x;
}

/* Not kept where what is used after it was freed is to be seen. */
void
alv_piece_put(struct alv_pool *p, struct alv_piece *x)
{
#ifndef ALV_PARANOID
	if (p != NULL && p->npieces < PIECES_KEPT) {
		x->next = p->piece;
		p->piece = x;
		p->npieces++;
		return;
	}
#endif
	(void)p;
	free(x);
}

void
alv_pool_trim(struct alv_pool *p)
{
	for (size_t i = 0; i < NSIZES; i++) {
		for (size_t n = p->idle[i]; n > 0; n--)
			free(take_out(p, i));
		p->idle[i] = p->nfree[i];
	}
}

size_t
alv_pool_out(const struct alv_pool *p)
{
	return p->out;
}

size_t
alv_pool_kept(const struct alv_pool *p)
{
	return p->kept;
}

static size_t
size_class(size_t want)
{
	size_t i = 0;

	while (i < NSIZES - 1 && sizes[i] < want)
		i++;
	return i;
}

struct alv_block *
alv_block_get(struct alv_pool *p, size_t want)
{
	size_t		  i = size_class(want);
	struct alv_block *b = p->free[i];

	if (b != NULL) {
		take_out(p, i);
	} else if ((b = malloc(sizeof(*b) + sizes[i])) == NULL) {
		return NULL;
	}
	b->pool = p;
	b->refs = 1;
	b->cap = sizes[i];
	b->used = 0;
	p->out += sizes[i];
	return b;
}

void
alv_block_rehome(struct alv_block *b, struct alv_pool *p)
{
	if (b->pool != NULL)
		b->pool->out -= b->cap;
	b->pool = p;
	if (p != NULL)
		p->out += b->cap;
}

void
alv_block_ref(struct alv_block *b)
{
	ALV_CHECK(b->refs > 0);
	b->refs++;
}

void
alv_block_put(struct alv_block *b)
{
	struct alv_pool *p;
	size_t		 i;

	if (b == NULL)
		return;
	ALV_CHECK(b->refs > 0);
	if (--b->refs > 0)
		return;
	p = b->pool;
	p->out -= b->cap;
	if (p->kept + b->cap > p->keep_max) {
		free(b);
		return;
	}
	i = size_class(b->cap);
	memcpy(b->data, &p->free[i], sizeof(p->free[i]));
	p->free[i] = b;
	p->nfree[i]++;
	p->kept += b->cap;
}
