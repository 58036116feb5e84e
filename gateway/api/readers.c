/* See readers.h. Clients hang in buckets, members on their client. Invariant: what is allocated is counted in `used`, as a whole and by
 * tenant's share, and is never more than `max`. */
#include "api/readers.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { BUCKETS = 4096, LOCKS = 16, SHARES = 1024, MEMBERS_MAX = 512 };

struct member {
	struct member *next;
	uint64_t       id;	/* hash of the member's */
	uint32_t       seen_s, nparts;
	uint64_t      *part;	/* sorted; NULL: it has none */
	size_t	       group_n;
	char	       group[];
};

struct client {
	struct client	     *next;
	struct api_reader_key key;
	size_t		      n;
	struct member	     *first;
};

struct api_readers {
	uint64_t	 seed[2];
	size_t		 max;
	_Atomic size_t	 used, share[SHARES];
	pthread_mutex_t	 lock[LOCKS];
	_Atomic uint64_t version[LOCKS];
	struct client	*bucket[BUCKETS];
};

struct api_readers *
api_readers_new(size_t max_bytes)
{
	struct api_readers *r = calloc(1, sizeof(*r));

	if (r == NULL || getrandom(r->seed, sizeof(r->seed), 0) != (ssize_t)sizeof(r->seed)) {
		free(r);
		return NULL;
	}
	r->max = max_bytes;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&r->lock[i], NULL);
	return r;
}

/* ---- keys, room ---------------------------------------------------------------------------------------- */

struct api_reader_key
api_readers_key(const struct api_readers *r, struct alv_str tenant, struct alv_str principal, struct alv_str client_id, struct alv_str host)
{
	const struct alv_str  parts[] = { tenant, principal, client_id, host };
	struct api_reader_key k = { r->seed[0], r->seed[1], (uint32_t)(alv_hash(tenant.p, tenant.n, r->seed[1]) % SHARES) };

	for (size_t i = 0; i < ALV_COUNT(parts); i++) {
		k.a = alv_hash(parts[i].p, parts[i].n, k.a);
		k.b = alv_hash(parts[i].p, parts[i].n, k.b);
	}
	return k;
}

uint64_t
api_readers_part(const struct api_readers *r, struct alv_str topic, int32_t partition)
{
	return alv_hash(&partition, sizeof(partition), alv_hash(topic.p, topic.n, r->seed[0]));
}

static bool
take(struct api_readers *r, uint32_t share, size_t n)
{
	size_t all = atomic_fetch_add(&r->used, n) + n, mine = atomic_fetch_add(&r->share[share], n) + n;

	if (all <= r->max && mine <= r->max / 4)
		return true;
	atomic_fetch_sub(&r->used, n);
	atomic_fetch_sub(&r->share[share], n);
	return false;
}

static void
give(struct api_readers *r, uint32_t share, size_t n)
{
	atomic_fetch_sub(&r->used, n);
	atomic_fetch_sub(&r->share[share], n);
}

static size_t
slot_of(struct api_reader_key k)
{
	return k.a % BUCKETS;
}

static uint64_t
member_id(const struct api_readers *r, struct alv_str member)
{
	return alv_hash(member.p, member.n, r->seed[1]);
}

/* ---- under the lock ------------------------------------------------------------------------------------- */

static void
changed(struct api_readers *r, struct api_reader_key k)
{
	atomic_fetch_add_explicit(&r->version[slot_of(k) % LOCKS], 1, memory_order_release);
}

static struct client **
client_at(struct api_readers *r, struct api_reader_key k)
{
	struct client **at = &r->bucket[slot_of(k)];

	while (*at != NULL && ((*at)->key.a != k.a || (*at)->key.b != k.b))
		at = &(*at)->next;
	return at;
}

static struct member **
member_at(struct client *c, struct alv_str group, uint64_t id)
{
	struct member **at = &c->first;

	while (*at != NULL && ((*at)->id != id || !alv_str_eq(group, alv_str_make((*at)->group, (*at)->group_n))))
		at = &(*at)->next;
	return at;
}

static void
drop_parts(struct api_readers *r, uint32_t share, struct member *m)
{
	give(r, share, m->nparts * sizeof(*m->part));
	free(m->part);
	m->part = NULL;
	m->nparts = 0;
}

static void
drop_member(struct api_readers *r, struct client *c, struct member **at)
{
	struct member *m = *at;

	*at = m->next;
	c->n--;
	drop_parts(r, c->key.share, m);
	give(r, c->key.share, sizeof(*m) + m->group_n);
	free(m);
}

static void
drop_client(struct api_readers *r, struct client **at)
{
	struct client *c = *at;

	*at = c->next;
	while (c->first != NULL)
		drop_member(r, c, &c->first);
	give(r, c->key.share, sizeof(*c));
	free(c);
}

/* Those of its bucket that were not heard of. */
static void
forget_stale(struct api_readers *r, struct api_reader_key k, uint32_t now_s)
{
	struct client **at = &r->bucket[slot_of(k)];

	while (*at != NULL) {
		struct client *c = *at;

		for (struct member **m = &c->first; *m != NULL;) {
			if ((*m)->seen_s + API_READERS_STALE_S < now_s)
				drop_member(r, c, m);
			else
				m = &(*m)->next;
		}
		if (c->first == NULL)
			drop_client(r, at);
		else
			at = &c->next;
	}
}

static struct client *
client_of(struct api_readers *r, struct api_reader_key k)
{
	struct client **at = client_at(r, k);

	if (*at != NULL || !take(r, k.share, sizeof(**at)))
		return *at;
	*at = calloc(1, sizeof(**at));
	if (*at == NULL)
		give(r, k.share, sizeof(**at));
	else
		(*at)->key = k;
	return *at;
}

static struct member *
member_of(struct api_readers *r, struct client *c, struct alv_str group, uint64_t id)
{
	struct member **at = member_at(c, group, id), *m = *at;

	if (m != NULL || c->n >= MEMBERS_MAX || !take(r, c->key.share, sizeof(*m) + group.n))
		return m;
	m = malloc(sizeof(*m) + group.n);
	if (m == NULL) {
		give(r, c->key.share, sizeof(*m) + group.n);
		return NULL;
	}
	*m = (struct member){ .id = id, .group_n = group.n };
	memcpy(m->group, group.p, group.n);
	*at = m;
	c->n++;
	return m;
}

/* ---- learning ------------------------------------------------------------------------------------------- */

static void
give_parts(struct api_readers *r, uint32_t share, struct member *m, const uint64_t *parts, size_t n)
{
	drop_parts(r, share, m);
	if (n == 0 || n > API_READER_PARTS_MAX || !take(r, share, n * sizeof(*parts)))
		return;
	m->part = malloc(n * sizeof(*parts));
	if (m->part == NULL) {
		give(r, share, n * sizeof(*parts));
		return;
	}
	memcpy(m->part, parts, n * sizeof(*parts));
	m->nparts = (uint32_t)n;
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void
api_readers_set(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, uint64_t *parts, size_t n,
    uint32_t now_s)
{
	struct client *c;
	struct member *m;

	if (n > 1)
		qsort(parts, n, sizeof(*parts), by_value);
	pthread_mutex_lock(&r->lock[slot_of(k) % LOCKS]);
	forget_stale(r, k, now_s);
	c = client_of(r, k);
	m = c == NULL ? NULL : member_of(r, c, group, member_id(r, member));
	if (m != NULL) {
		m->seen_s = now_s;
		give_parts(r, k.share, m, parts, n);
	}
	changed(r, k);
	pthread_mutex_unlock(&r->lock[slot_of(k) % LOCKS]);
}

static void
look(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, bool gone, uint32_t now_s)
{
	struct client **c;
	struct member **m;

	pthread_mutex_lock(&r->lock[slot_of(k) % LOCKS]);
	c = client_at(r, k);
	m = *c == NULL ? NULL : member_at(*c, group, member_id(r, member));
	if (m != NULL && *m != NULL && gone) {
		drop_member(r, *c, m);
		if ((*c)->first == NULL)
			drop_client(r, c);
		changed(r, k);
	} else if (m != NULL && *m != NULL) {
		(*m)->seen_s = now_s;
	}
	pthread_mutex_unlock(&r->lock[slot_of(k) % LOCKS]);
}

void
api_readers_seen(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, uint32_t now_s)
{
	look(r, k, group, member, false, now_s);
}

void
api_readers_gone(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member)
{
	look(r, k, group, member, true, 0);
}

void
api_readers_free(struct api_readers *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (r->bucket[i] != NULL)
			drop_client(r, &r->bucket[i]);
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&r->lock[i]);
	free(r);
}

/* ---- finding -------------------------------------------------------------------------------------------- */

static bool
has(const struct member *m, uint64_t part)
{
	return m->nparts > 0 && bsearch(&part, m->part, m->nparts, sizeof(part), by_value) != NULL;
}

static bool
same_group(const struct member *a, const struct member *b)
{
	return a->group_n == b->group_n && memcmp(a->group, b->group, a->group_n) == 0;
}

/* Do the members of x's group have all of them between them? */
static bool
group_has(const struct client *c, const struct member *x, const uint64_t *parts, size_t n, uint32_t now_s)
{
	for (size_t i = 0; i < n; i++) {
		const struct member *m = c->first;

		while (m != NULL && (m->seen_s + API_READERS_STALE_S < now_s || !same_group(m, x) || !has(m, parts[i])))
			m = m->next;
		if (m == NULL)
			return false;
	}
	return true;
}

/* Each group is looked at once, by the first of its members that has the first partition. */
static const struct member *
only_one(const struct client *c, const uint64_t *parts, size_t n, uint32_t now_s)
{
	const struct member *found = NULL;

	for (const struct member *m = c->first; m != NULL; m = m->next) {
		if (m->seen_s + API_READERS_STALE_S < now_s || !has(m, parts[0]) || (found != NULL && same_group(found, m)) ||
		    !group_has(c, m, parts, n, now_s))
			continue;
		if (found != NULL)
			return NULL;
		found = m;
	}
	return found;
}

struct alv_str
api_readers_find(struct api_readers *r, struct api_reader_key k, const uint64_t *parts, size_t n, uint32_t now_s, struct alv_arena *a)
{
	struct alv_str	     group = ALV_STR_NULL;
	const struct client *c;
	const struct member *m;

	pthread_mutex_lock(&r->lock[slot_of(k) % LOCKS]);
	c = *client_at(r, k);
	m = c == NULL || n == 0 ? NULL : only_one(c, parts, n, now_s);
	if (m != NULL)
		group = alv_arena_str(a, alv_str_make(m->group, m->group_n));
	pthread_mutex_unlock(&r->lock[slot_of(k) % LOCKS]);
	return group;
}

uint64_t
api_readers_version(struct api_readers *r, struct api_reader_key k)
{
	return atomic_load_explicit(&r->version[slot_of(k) % LOCKS], memory_order_acquire);
}
