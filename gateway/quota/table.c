/* See table.h. Whoever makes a cell looks at a few buckets for such as may go, so nobody sweeps in the background. */
#include "quota/table.h"

#include <alcove/check.h>
#include <alcove/str.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { BUCKETS = 16384, LOOKS = 16, NAME_MAX_BYTES = 255, NONE = 0xffff };

struct tenant {
	struct tenant *next;
	size_t	       cells;	/* but for those that many share */
	size_t	       all;
	size_t	       n;
	char	       id[];
};

struct entry {
	struct quo_cell cell;	/* first */
	struct entry   *next;
	struct tenant  *tenant;
	uint64_t	hash, build;
	unsigned	refs;
	uint8_t		kind;
	bool		shared;	/* by the names that have no cell of their own */
	uint16_t	len[QUO_NAMES];	/* NONE: null */
	char		text[];
};

struct quo_table {
	pthread_mutex_t lock;
	uint64_t	key[2];		/* of hashes: client ids are their tenant's to choose */
	size_t		tenant_max, max, n, idle, hand;
	uint64_t	swept_us;	/* when all of it was looked at last */
	struct entry   *bucket[BUCKETS];
	struct tenant  *tenants[BUCKETS / 16];
};

struct quo_table *
quo_table_new(size_t tenant_max, size_t max)
{
	struct quo_table *t = calloc(1, sizeof(*t));

	if (t == NULL || getrandom(t->key, sizeof(t->key), 0) != (ssize_t)sizeof(t->key)) {
		free(t);
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	t->tenant_max = tenant_max;
	t->max = max;
	return t;
}

/* ---- keys -------------------------------------------------------------------------------------------- */

static struct quo_key
cut(const struct quo_key *k)
{
	struct quo_key x = *k;

	for (size_t i = 0; i < QUO_NAMES; i++)
		if (x.name[i].n > NAME_MAX_BYTES)
			x.name[i].n = NAME_MAX_BYTES;
	return x;
}

static uint64_t
hash_of(const struct quo_table *t, const struct quo_key *k, bool shared)
{
	uint64_t h = alv_hash(k->tenant.p, k->tenant.n, t->key[0]);

	for (size_t i = 0; !shared && i < QUO_NAMES; i++) {
		const uint64_t key[] = { h ^ (k->name[i].p == NULL), t->key[1] };

		h = alv_hash_keyed(k->name[i].p, k->name[i].n, key);
	}
	return alv_hash(&k->kind, 1, h ^ shared);
}

static bool
is(const struct entry *e, const struct quo_key *k, bool shared)
{
	const char *at = e->text;

	if (e->kind != k->kind || e->shared != shared || !alv_str_eq(k->tenant, alv_str_make(e->tenant->id, e->tenant->n)))
		return false;
	for (size_t i = 0; !shared && i < QUO_NAMES; i++) {
		struct alv_str mine = e->len[i] == NONE ? ALV_STR_NULL : alv_str_make(at, e->len[i]);

		if (!alv_str_eq(mine, k->name[i]))
			return false;
		at += mine.n;
	}
	return true;
}

/* ---- going ------------------------------------------------------------------------------------------- */

static void
tenant_goes(struct quo_table *t, struct tenant *x)
{
	struct tenant **at = &t->tenants[alv_hash(x->id, x->n, 0) % ALV_COUNT(t->tenants)];

	for (; *at != x; at = &(*at)->next)
		;
	*at = x->next;
	free(x);
}

static void
drop(struct quo_table *t, struct entry **at)
{
	struct entry  *e = *at;
	struct tenant *x = e->tenant;

	*at = e->next;
	t->n--;
	t->idle--;
	x->cells -= !e->shared;
	if (--x->all == 0)
		tenant_goes(t, x);
	free(e);
}

static void
sweep(struct quo_table *t, size_t buckets, uint64_t now_us)
{
	for (size_t i = 0; i < buckets && t->idle > 0; i++) {
		struct entry **at = &t->bucket[t->hand++ % BUCKETS];

		while (*at != NULL) {
			if ((*at)->refs == 0 && quo_idle(&(*at)->cell, now_us))
				drop(t, at);
			else
				at = &(*at)->next;
		}
	}
}

/* Room for one more? All buckets are looked at once a second at most. */
static bool
has_room(struct quo_table *t, const struct tenant *x, uint64_t now_us)
{
	sweep(t, LOOKS, now_us);
	if (x->cells < t->tenant_max && t->n < t->max)
		return true;
	if (now_us >= t->swept_us + 1000000) {
		t->swept_us = now_us;
		sweep(t, BUCKETS, now_us);
	}
	return x->cells < t->tenant_max && t->n < t->max;
}

void
quo_table_free(struct quo_table *t)
{
	if (t == NULL)
		return;
	ALV_CHECK(t->idle == t->n);
	for (size_t i = 0; i < BUCKETS; i++)
		while (t->bucket[i] != NULL)
			drop(t, &t->bucket[i]);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- coming ------------------------------------------------------------------------------------------- */

static struct tenant *
tenant_of(struct quo_table *t, struct alv_str id)
{
	struct tenant **at = &t->tenants[alv_hash(id.p, id.n, 0) % ALV_COUNT(t->tenants)], *x;

	for (x = *at; x != NULL && !alv_str_eq(id, alv_str_make(x->id, x->n)); x = x->next)
		;
	if (x != NULL || (x = malloc(sizeof(*x) + id.n)) == NULL)
		return x;
	*x = (struct tenant){ .next = *at, .n = id.n };
	memcpy(x->id, id.p, id.n);
	*at = x;
	return x;
}

static struct entry *
find(struct quo_table *t, const struct quo_key *k, bool shared)
{
	uint64_t      h = hash_of(t, k, shared);
	struct entry *e = t->bucket[h % BUCKETS];

	while (e != NULL && (e->hash != h || !is(e, k, shared)))
		e = e->next;
	return e;
}

static struct entry *
make(struct quo_table *t, struct tenant *x, const struct quo_key *k, bool shared)
{
	struct entry *e = malloc(sizeof(*e) + (shared ? 0 : k->name[0].n + k->name[1].n));
	char	     *at;

	if (e == NULL)
		return NULL;
	*e = (struct entry){ .tenant = x, .hash = hash_of(t, k, shared), .kind = k->kind, .shared = shared };
	at = e->text;
	for (size_t i = 0; i < QUO_NAMES; i++) {
		e->len[i] = shared || k->name[i].p == NULL ? NONE : (uint16_t)k->name[i].n;
		if (!shared && k->name[i].n > 0)
			at = (char *)memcpy(at, k->name[i].p, k->name[i].n) + k->name[i].n;
	}
	e->next = t->bucket[e->hash % BUCKETS];
	t->bucket[e->hash % BUCKETS] = e;
	t->n++;
	t->idle++;
	x->all++;
	x->cells += !shared;
	return e;
}

/* The key's own, or where there is no room for that the one that such share; *made: it is new. */
static struct entry *
entry_of(struct quo_table *t, const struct quo_key *k, uint64_t now_us, bool *made)
{
	struct entry  *e = find(t, k, false);
	struct tenant *x;
	bool	       shared;

	*made = false;
	if (e != NULL || (x = tenant_of(t, k->tenant)) == NULL)
		return e;
	x->all++;	/* it stays, whatever is swept */
	shared = !has_room(t, x, now_us);
	e = shared ? find(t, k, true) : NULL;
	if (e == NULL) {
		e = make(t, x, k, shared);
		*made = e != NULL;
	}
	if (--x->all == 0)
		tenant_goes(t, x);
	return e;
}

struct quo_cell *
quo_get(struct quo_table *t, const struct quo_key *k, const struct quo_limit *l, uint64_t now_us, bool fresh)
{
	struct quo_key key = cut(k);
	struct entry  *e;
	bool	       made;

	pthread_mutex_lock(&t->lock);
	e = entry_of(t, &key, now_us, &made);
	if (e != NULL) {
		t->idle -= e->refs++ == 0;
		if (made)
			quo_init(&e->cell, l->per_s, l->burst_us, now_us, fresh);
		else if (l->build > e->build)
			(void)quo_set(&e->cell, l->per_s, now_us);
		if (l->build > e->build)
			e->build = l->build;
	}
	pthread_mutex_unlock(&t->lock);
	return e == NULL ? NULL : &e->cell;
}

void
quo_hold(struct quo_table *t, struct quo_cell *c)
{
	struct entry *e = (struct entry *)c;

	pthread_mutex_lock(&t->lock);
	ALV_CHECK(e->refs > 0);
	e->refs++;
	pthread_mutex_unlock(&t->lock);
}

void
quo_put(struct quo_table *t, struct quo_cell *c, uint64_t now_us)
{
	struct entry *e = (struct entry *)c, **at;

	if (c == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	ALV_CHECK(e->refs > 0);
	if (--e->refs == 0) {
		t->idle++;
		for (at = &t->bucket[e->hash % BUCKETS]; *at != e; at = &(*at)->next)
			;
		if (quo_idle(c, now_us))
			drop(t, at);
	}
	pthread_mutex_unlock(&t->lock);
}

size_t
quo_count(struct quo_table *t, size_t *idle)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = t->n;
	*idle = t->idle;
	pthread_mutex_unlock(&t->lock);
	return n;
}
