/* What the engine's tests and fuzz targets share: bodies cut into blocks of their own, so that a view that outlives
 * its reference is seen by the address sanitizer, and results laid flat to be compared. */
#ifndef TEST_KAFKA_KIT_H
#define TEST_KAFKA_KIT_H

#include <alcove/kafka.h>
#include <alcove/str.h>

#include <stdlib.h>

struct kit {
	struct alv_pool *pool;
	struct alv_arena arena;
};

static inline void
kit_init(struct kit *k)
{
	k->pool = alv_pool_new(0);
	alv_arena_init(&k->arena, 64 << 20);
}

static inline void
kit_fini(struct kit *k)
{
	alv_arena_fini(&k->arena);
	alv_pool_free(k->pool);
}

/* Feeds [p, p + n) out of a block of its own, in as many as a block's size demands. */
static inline enum alv_err
kit_feed(struct kit *k, struct kfk_walk *w, const uint8_t *p, size_t n)
{
	enum alv_err err;

	do {
		size_t		  part = n < ALV_BLOCK_MAX ? n : ALV_BLOCK_MAX;
		struct alv_block *b = alv_block_get(k->pool, part);

		if (b == NULL)
			return ALV_E_NOMEM;
		if (part > 0)
			memcpy(b->data, p, part);
		b->used = (uint32_t)part;
		err = kfk_walk_feed(w, b, b->data, part);
		alv_block_put(b);
		p += part;
		n -= part;
	} while (n > 0 && err == ALV_E_MORE);
	return err;
}

/* A chain of [p, p + n) in pieces of at most `piece` bytes, each in its own block. */
static inline void
kit_chain(struct kit *k, struct alv_chain *c, const uint8_t *p, size_t n, size_t piece)
{
	alv_chain_init(c, k->pool);
	if (piece == 0 || piece > ALV_BLOCK_MAX)
		piece = ALV_BLOCK_MAX;
	while (n > 0) {
		size_t		  part = n < piece ? n : piece;
		struct alv_block *b = alv_block_get(k->pool, part);

		if (b == NULL)
			abort();
		memcpy(b->data, p, part);
		b->used = (uint32_t)part;
		alv_chain_ref(c, b, b->data, part);
		alv_block_put(b);
		p += part;
		n -= part;
	}
}

static inline bool
kit_same(const struct alv_chain *c, const uint8_t *p, size_t n)
{
	size_t at = 0;

	if (c->err || c->n != n)
		return false;
	for (const struct alv_piece *x = c->head; x != NULL; x = x->next) {
		if (x->n == 0 || x->n > n - at || memcmp(x->p, p + at, x->n) != 0)
			return false;
		at += x->n;
	}
	return at == n;
}

/* malloc'd, *n bytes. */
static inline uint8_t *
kit_flat(const struct alv_chain *c, size_t *n)
{
	uint8_t *p = malloc(c->n + 1);

	*n = c->n;
	if (p == NULL || !alv_chain_peek(c, 0, p, c->n))
		abort();
	return p;
}

static inline uint64_t
kit_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* ---- names with a prefix, on or off, as a visitor ---- */

struct kit_map {
	const char	*prefix;
	bool		 off;
	struct alv_arena *arena;
};

#define KIT_NAMES (1ull << KFK_KIND_TOPIC_NAME | 1ull << KFK_KIND_GROUP_ID | 1ull << KFK_KIND_TXN_ID)

static inline bool
kit_map_str(const struct kit_map *m, const struct kfk_field *f, struct kfk_value *v)
{
	size_t n = strlen(m->prefix);

	if (f->type != KFK_STRING || !(KIT_NAMES >> f->kind & 1) || v->is_null)
		return false;
	if (!m->off)
		v->s = alv_arena_cat(m->arena, alv_str_of(m->prefix), v->s);
	else if (alv_str_starts(v->s, alv_str_of(m->prefix)))
		v->s = alv_str_make(v->s.p + n, v->s.n - n);
	return true;
}

static inline enum kfk_do
kit_map_field(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	(void)id;
	return kit_map_str(arg, f, v) ? KFK_REPLACE : KFK_KEEP;
}

static inline void
kit_map_tree(const struct kit_map *m, struct kfk_node *n)
{
	for (struct kfk_node *k = n->kids; k != NULL; k = k->next) {
		if (k->f->type == KFK_STRUCT || (k->f->array && n->id != k->id) || (k->f->array && n->f == NULL))
			kit_map_tree(m, k);
		else
			(void)kit_map_str(m, k->f, &k->v);
	}
}

#endif
