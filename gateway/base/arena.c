/* Arena: chunks in a list, the newest first. Invariant: used is the sum of what was asked for,
 * rounded up; it never exceeds limit. */
#include <alcove/buf.h>
#include <alcove/check.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_FIRST = 1024, CHUNK_MAX = 64 * 1024, ALIGN = 16 };

struct alv_arena_chunk {
	struct alv_arena_chunk *next;
	size_t			cap, used;
	_Alignas(ALIGN) uint8_t data[];
};

void
alv_arena_init(struct alv_arena *a, size_t limit)
{
	*a = (struct alv_arena){ .limit = limit };
}

static void
free_chunks(struct alv_arena_chunk *c)
{
	while (c != NULL) {
		struct alv_arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void
alv_arena_fini(struct alv_arena *a)
{
	free_chunks(a->head);
	*a = (struct alv_arena){ .limit = a->limit };
}

void
alv_arena_reset(struct alv_arena *a)
{
	struct alv_arena_chunk *keep = a->head;

	/* The oldest is the smallest. */
	while (keep != NULL && (keep->next != NULL || keep->cap > CHUNK_FIRST)) {
		struct alv_arena_chunk *next = keep->next;

		free(keep);
		keep = next;
	}
	if (keep != NULL)
		keep->used = 0;
	*a = (struct alv_arena){ .limit = a->limit, .head = keep };
}

static struct alv_arena_chunk *
add_chunk(struct alv_arena *a, size_t n)
{
	size_t			cap = a->head == NULL ? CHUNK_FIRST : a->head->cap * 2;
	struct alv_arena_chunk *c;

	if (cap > CHUNK_MAX)
		cap = CHUNK_MAX;
	if (cap < n)
		cap = n;
	c = malloc(sizeof(*c) + cap);
	if (c == NULL)
		return NULL;
	c->cap = cap;
	c->used = 0;
	c->next = a->head;
	a->head = c;
	return c;
}

void *
alv_arena_alloc(struct alv_arena *a, size_t n)
{
	struct alv_arena_chunk *c = a->head;
	void		       *p;

	if (n > a->limit)
		goto fail;
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (n > a->limit || a->used > a->limit - n)
		goto fail;
	if (c == NULL || c->cap - c->used < n)
		c = add_chunk(a, n);
	if (c == NULL)
		goto fail;
	p = c->data + c->used;
	c->used += n;
	a->used += n;
	return memset(p, 0, n);
fail:
	a->failed = true;
	return NULL;
}

struct alv_str
alv_arena_cat(struct alv_arena *a, struct alv_str head, struct alv_str tail)
{
	char *p = alv_arena_alloc(a, head.n + tail.n + 1);

	if (p == NULL)
		return ALV_STR_NULL;
	if (head.n > 0)
		memcpy(p, head.p, head.n);
	if (tail.n > 0)
		memcpy(p + head.n, tail.p, tail.n);
	return (struct alv_str){ p, head.n + tail.n };
}

struct alv_str
alv_arena_str(struct alv_arena *a, struct alv_str s)
{
	if (s.p == NULL)
		return ALV_STR_NULL;
	return alv_arena_cat(a, s, (struct alv_str){ "", 0 });
}

struct alv_str
alv_arena_printf(struct alv_arena *a, const char *fmt, ...)
{
	va_list ap, again;
	int	n;
	char   *p = NULL;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && (p = alv_arena_alloc(a, (size_t)n + 1)) != NULL)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return (struct alv_str){ p, p == NULL ? 0 : (size_t)n };
}
