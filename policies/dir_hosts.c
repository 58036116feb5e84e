/* A table of tenants' own host names (bootstraps and node patterns as they are written), read without locks.
 * Invariants: readers follow chains whose links are only ever set to what they may see; what is unlinked keeps its own link
 * until every reader has passed, so nobody falls off. Growing makes all anew. Only active tenants' names are here. */
#include "policies/dir_hosts.h"

#include <alcove/check.h>
#include <alcove/str.h>

#include <stdatomic.h>
#include <stdlib.h>

struct entry {
	_Atomic(struct entry *) next;
	struct pol_slot	       *slot;
	uint64_t		hash;
	size_t			n;
	char			key[];
};

struct table {
	size_t			mask;
	_Atomic(struct entry *) chain[];
};

struct pol_hosts {
	_Atomic(struct table *) table;
	size_t			n;
};

enum { FIRST_SIZE = 16 };

static struct table *
table_new(size_t size)
{
	struct table *t = calloc(1, sizeof(*t) + size * sizeof(t->chain[0]));

	if (t != NULL)
		t->mask = size - 1;
	return t;
}

static struct entry *
entry_new(struct alv_str key, struct pol_slot *slot)
{
	struct entry *e = malloc(sizeof(*e) + key.n);

	if (e == NULL)
		return NULL;
	atomic_init(&e->next, NULL);
	e->slot = slot;
	e->hash = alv_hash(key.p, key.n, 0);
	e->n = key.n;
	memcpy(e->key, key.p, key.n);
	return e;
}

static void
link_in(struct table *t, struct entry *e)
{
	_Atomic(struct entry *) *head = &t->chain[e->hash & t->mask];

	atomic_store(&e->next, atomic_load(head));
	atomic_store(head, e);
}

static void
free_all(struct table *t)
{
	for (size_t i = 0; t != NULL && i <= t->mask; i++)
		for (struct entry *e = atomic_load(&t->chain[i]), *next; e != NULL; e = next) {
			next = atomic_load(&e->next);
			free(e);
		}
	free(t);
}

static void
free_retired(void *p)
{
	free_all(p);
}

struct pol_hosts *
pol_hosts_new(void)
{
	struct pol_hosts *h = calloc(1, sizeof(*h));
	struct table	 *t = table_new(FIRST_SIZE);

	if (h == NULL || t == NULL) {
		free(h);
		free(t);
		return NULL;
	}
	atomic_init(&h->table, t);
	return h;
}

void
pol_hosts_free(struct pol_hosts *h)
{
	if (h == NULL)
		return;
	free_all(atomic_load(&h->table));
	free(h);
}

struct pol_slot *
pol_hosts_find(const struct pol_hosts *h, struct alv_str key)
{
	const struct table *t = atomic_load(&h->table);
	uint64_t	    hash = alv_hash(key.p, key.n, 0);

	for (const struct entry *e = atomic_load(&t->chain[hash & t->mask]); e != NULL; e = atomic_load(&e->next))
		if (e->hash == hash && e->n == key.n && memcmp(e->key, key.p, key.n) == 0)
			return e->slot;
	return NULL;
}

/* ---- changes ---------------------------------------------------------------------------------------- */

/* Twice as many chains, with entries of their own: the old ones' links are still followed. */
static enum alv_err
grow(struct pol_hosts *h, struct alv_qsbr *q)
{
	struct table *old = atomic_load(&h->table), *t = table_new((old->mask + 1) * 2);

	for (size_t i = 0; t != NULL && i <= old->mask; i++)
		for (const struct entry *e = atomic_load(&old->chain[i]); e != NULL; e = atomic_load(&e->next)) {
			struct entry *copy = entry_new(alv_str_make(e->key, e->n), e->slot);

			if (copy == NULL) {
				free_all(t);
				return ALV_E_NOMEM;
			}
			link_in(t, copy);
		}
	if (t == NULL)
		return ALV_E_NOMEM;
	atomic_store(&h->table, t);
	alv_qsbr_retire(q, old, free_retired);
	return ALV_OK;
}

static void
take_out(struct pol_hosts *h, struct alv_qsbr *q, struct alv_str key, const struct pol_slot *slot)
{
	struct table		*t = atomic_load(&h->table);
	uint64_t		 hash = alv_hash(key.p, key.n, 0);
	_Atomic(struct entry *) *at = &t->chain[hash & t->mask];

	for (struct entry *e = atomic_load(at); e != NULL; at = &e->next, e = atomic_load(at)) {
		if (e->slot != slot || e->n != key.n || memcmp(e->key, key.p, key.n) != 0)
			continue;
		atomic_store(at, atomic_load(&e->next));
		alv_qsbr_retire(q, e, free);
		h->n--;
		return;
	}
}

/* Names count while the tenant is active: else they answer like names that never were. */
static size_t
count_of(const struct pol_tenant *t)
{
	return t == NULL || t->state != POL_ACTIVE ? 0 : t->nown;
}

static struct alv_str
key_of(const struct pol_tenant *t, size_t i)
{
	return i % 2 == 0 ? t->own[i / 2].bootstrap : t->own[i / 2].node_text;
}

static bool
same_names(const struct pol_tenant *a, const struct pol_tenant *b)
{
	size_t n = count_of(a);

	if (n != count_of(b))
		return false;
	for (size_t i = 0; i < 2 * n; i++)
		if (!alv_str_eq(key_of(a, i), key_of(b, i)))
			return false;
	return true;
}

enum alv_err
pol_hosts_change(struct pol_hosts *h, struct alv_qsbr *q, struct pol_slot *slot, const struct pol_tenant *was,
    const struct pol_tenant *is)
{
	struct entry *fresh[2 * TEN_OWN_MAX];
	size_t	      n = 2 * count_of(is);

	if (same_names(was, is))
		return ALV_OK;
	ALV_CHECK(n <= ALV_COUNT(fresh));
	for (size_t i = 0; i < n; i++) {
		fresh[i] = entry_new(key_of(is, i), slot);
		if (fresh[i] != NULL && (h->n + n <= atomic_load(&h->table)->mask || grow(h, q) == ALV_OK))
			continue;
		for (size_t k = 0; k <= i; k++)
			free(fresh[k]);
		return ALV_E_NOMEM;
	}
	for (size_t i = 0; i < 2 * count_of(was); i++)
		take_out(h, q, key_of(was, i), slot);
	for (size_t i = 0; i < n; i++)
		link_in(atomic_load(&h->table), fresh[i]);
	h->n += n;
	return ALV_OK;
}
