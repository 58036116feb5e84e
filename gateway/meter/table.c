/* An open-addressed table of pointers, at most half full. Invariant: a slot goes from NULL to its entry once, with
 * release, after the entry's key is complete; so a reader that sees the pointer sees the key. */
#include "meter/table.h"

#include <alcove/str.h>

#include <stdlib.h>
#include <sys/random.h>

static struct alv_str
head(struct alv_str s)
{
	return (struct alv_str){ s.p, s.n < MET_PART_MAX ? s.n : MET_PART_MAX };
}

enum alv_err
met_table_init(struct met_table *t, size_t max)
{
	size_t slots = 16;

	memset(t, 0, sizeof(*t));
	if (max > SIZE_MAX / 64)
		return ALV_E_RANGE;
	while (slots < 2 * max)
		slots *= 2;
	if (getrandom(t->key, sizeof(t->key), 0) != sizeof(t->key))
		return ALV_E_SYSTEM;
	t->slot = calloc(slots, sizeof(t->slot[0]));
	if (t->slot == NULL)
		return ALV_E_NOMEM;
	t->mask = slots - 1;
	return ALV_OK;
}

void
met_table_fini(struct met_table *t)
{
	for (size_t i = 0; t->slot != NULL && i <= t->mask; i++) {
		struct met_entry *e = atomic_load_explicit(&t->slot[i], memory_order_relaxed);

		if (e != NULL) {
			free(atomic_load_explicit(&e->throttle, memory_order_relaxed));
			free(atomic_load_explicit(&e->denials, memory_order_relaxed));
		}
		free(e);
	}
	free((void *)t->slot);
	t->slot = NULL;
}

struct alv_str
met_entry_part(const struct met_entry *e, int part)
{
	const char *p = e->text;

	for (int i = 0; i < part; i++)
		p += e->len[i];
	return alv_str_make(p, e->len[part]);
}

static uint64_t
key_hash(const struct met_table *t, const struct met_key *k)
{
	uint64_t key[] = { t->key[0], t->key[1] };

	for (int i = 0; i < MET_PARTS; i++)
		key[0] = alv_hash_keyed(k->part[i].p, head(k->part[i]).n, key);
	return key[0];
}

bool
met_entry_is(const struct met_entry *e, const struct met_key *k)
{
	const char *p = e->text;

	for (int i = 0; i < MET_PARTS; i++) {
		struct alv_str s = head(k->part[i]);

		if (s.n != e->len[i] || (s.n != 0 && memcmp(p, s.p, s.n) != 0))
			return false;
		p += s.n;
	}
	return true;
}

/* The slot that holds the key, or the empty one where it belongs. */
static size_t
place(const struct met_table *t, const struct met_key *k, uint64_t hash)
{
	size_t i = (size_t)hash & t->mask;

	for (;; i = (i + 1) & t->mask) {
		const struct met_entry *e = atomic_load_explicit(&t->slot[i], memory_order_relaxed);

		if (e == NULL || (e->hash == hash && met_entry_is(e, k)))
			return i;
	}
}

struct met_entry *
met_table_find(const struct met_table *t, const struct met_key *k)
{
	return atomic_load_explicit(&t->slot[place(t, k, key_hash(t, k))], memory_order_relaxed);
}

struct met_entry *
met_table_add(struct met_table *t, const struct met_key *k)
{
	uint64_t	  hash = key_hash(t, k);
	size_t		  at = place(t, k, hash), n = 0;
	struct met_entry *e = atomic_load_explicit(&t->slot[at], memory_order_relaxed);
	char		 *p;

	if (e != NULL)
		return e;
	for (int i = 0; i < MET_PARTS; i++)
		n += head(k->part[i]).n;
	e = calloc(1, sizeof(*e) + n);
	if (e == NULL)
		return NULL;
	e->hash = hash;
	p = e->text;
	for (int i = 0; i < MET_PARTS; i++) {
		struct alv_str s = head(k->part[i]);

		e->len[i] = (uint8_t)s.n;
		if (s.n != 0)
			memcpy(p, s.p, s.n);
		p += s.n;
	}
	met_count(&t->used, 1);
	atomic_store_explicit(&t->slot[at], e, memory_order_release);
	return e;
}
