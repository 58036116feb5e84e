/* One allocation for many things, in two passes over the same code: with base NULL it only measures. */
#ifndef POLICIES_BUMP_H
#define POLICIES_BUMP_H

#include <alcove/base.h>

struct bump {
	char  *base;
	size_t n;
};

static inline void *
take(struct bump *b, size_t count, size_t size)
{
	void *p = b->base == NULL ? NULL : b->base + b->n;

	b->n += (count * size + 15) & ~(size_t)15;
	return p;
}

/* Text needs no alignment; null stays null. */
static inline struct alv_str
take_str(struct bump *b, struct alv_str s)
{
	char *p = b->base == NULL ? NULL : b->base + b->n;

	b->n += s.p == NULL ? 0 : s.n + 1;
	if (s.p == NULL || p == NULL)
		return ALV_STR_NULL;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct alv_str){ p, s.n };
}

#endif
