/* See readers.h. Clients hang in buckets, members and claims on their client. A claim is kept as a member is, one for each group and
 * span of time: what was not committed anew goes with its span. Invariants: what is allocated is counted in `used`, as a whole and by tenant's share, and is
 * never more than `max`; claims leave half of a share to members; what one question costs is bounded by STEPS. */
#include "api/readers.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { BUCKETS = 4096, LOCKS = 16, SHARES = 1024, MEMBERS_MAX = 512, CLAIMS_MAX = 32 };
enum { STEPS = 50000 };	/* looks at a member in one question: about a millisecond's worth */

enum kind { MEMBER, CLAIM, KINDS };

struct member {
	struct member	       *next;
	uint64_t		id;	/* hash of the member's; of a claim its span */
	uint32_t		seen_s, nparts, nreads;
	uint64_t	       *part;	/* sorted; NULL: it has none */
	struct api_reader_read *reads;	/* of a streams group's member, its topology; NULL: none */
	size_t			group_n;
	char			group[];
};

struct client {
	struct client	     *next;
	struct api_reader_key key;
	size_t		      n[KINDS];
	struct member	     *first[KINDS];
	uint32_t	      unclear_s;	/* until then there may be claims that found no room */
};

static const uint32_t stale_s[KINDS] = { API_READERS_STALE_S, API_READERS_CLAIM_S };
static const size_t   many[KINDS] = { MEMBERS_MAX, CLAIMS_MAX }, part_of_all[KINDS] = { 4, 8 };

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
api_readers_topic(const struct api_readers *r, struct alv_str topic)
{
	return alv_hash(topic.p, topic.n, r->seed[0]);
}

uint64_t
api_readers_part_of(uint64_t topic, int32_t partition)
{
	return alv_hash(&partition, sizeof(partition), topic);
}

uint64_t
api_readers_part(const struct api_readers *r, struct alv_str topic, int32_t partition)
{
	return alv_hash(&partition, sizeof(partition), alv_hash(topic.p, topic.n, r->seed[0]));	/* for each partition of a fetch */
}

static bool
take(struct api_readers *r, uint32_t share, size_t n, enum kind kind)
{
	size_t all = atomic_fetch_add(&r->used, n) + n, mine = atomic_fetch_add(&r->share[share], n) + n;

	if (all <= r->max && mine <= r->max / part_of_all[kind])
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
member_at(struct client *c, enum kind kind, struct alv_str group, uint64_t id)
{
	struct member **at = &c->first[kind];

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
drop_reads(struct api_readers *r, uint32_t share, struct member *m)
{
	give(r, share, m->nreads * sizeof(*m->reads));
	free(m->reads);
	m->reads = NULL;
	m->nreads = 0;
}

static void
drop_member(struct api_readers *r, struct client *c, enum kind kind, struct member **at)
{
	struct member *m = *at;

	*at = m->next;
	c->n[kind]--;
	drop_parts(r, c->key.share, m);
	drop_reads(r, c->key.share, m);
	give(r, c->key.share, sizeof(*m) + m->group_n);
	free(m);
}

static void
drop_client(struct api_readers *r, struct client **at)
{
	struct client *c = *at;

	*at = c->next;
	for (int kind = 0; kind < KINDS; kind++)
		while (c->first[kind] != NULL)
			drop_member(r, c, (enum kind)kind, &c->first[kind]);
	give(r, c->key.share, sizeof(*c));
	free(c);
}

static bool
live(const struct member *m, enum kind kind, uint32_t now_s)
{
	return m->seen_s + stale_s[kind] >= now_s;
}

static bool
holds_nothing(const struct client *c)
{
	return c->first[MEMBER] == NULL && c->first[CLAIM] == NULL;
}

/* Those of its bucket that were not heard of. */
static void
forget_stale(struct api_readers *r, struct api_reader_key k, uint32_t now_s)
{
	struct client **at = &r->bucket[slot_of(k)];

	while (*at != NULL) {
		struct client *c = *at;

		for (int kind = 0; kind < KINDS; kind++)
			for (struct member **m = &c->first[kind]; *m != NULL;) {
				if (live(*m, (enum kind)kind, now_s))
					m = &(*m)->next;
				else
					drop_member(r, c, (enum kind)kind, m);
			}
		if (holds_nothing(c) && c->unclear_s < now_s)
			drop_client(r, at);
		else
			at = &c->next;
	}
}

static struct client *
client_of(struct api_readers *r, struct api_reader_key k, enum kind kind)
{
	struct client **at = client_at(r, k);

	if (*at != NULL || !take(r, k.share, sizeof(**at), kind))
		return *at;
	*at = calloc(1, sizeof(**at));
	if (*at == NULL)
		give(r, k.share, sizeof(**at));
	else
		(*at)->key = k;
	return *at;
}

static struct member *
member_of(struct api_readers *r, struct client *c, enum kind kind, struct alv_str group, uint64_t id)
{
	struct member **at = member_at(c, kind, group, id), *m = *at;

	if (m != NULL || c->n[kind] >= many[kind] || !take(r, c->key.share, sizeof(*m) + group.n, kind))
		return m;
	m = malloc(sizeof(*m) + group.n);
	if (m == NULL) {
		give(r, c->key.share, sizeof(*m) + group.n);
		return NULL;
	}
	*m = (struct member){ .id = id, .group_n = group.n };
	memcpy(m->group, group.p, group.n);
	*at = m;
	c->n[kind]++;
	return m;
}

/* ---- learning ------------------------------------------------------------------------------------------- */

/* A copy that is counted; NULL: nothing, or no room. */
static void *
counted(struct api_readers *r, uint32_t share, const void *p, size_t n)
{
	void *copy = NULL;

	if (n == 0 || !take(r, share, n, MEMBER))
		return NULL;
	copy = malloc(n);
	if (copy == NULL)
		give(r, share, n);
	else
		memcpy(copy, p, n);
	return copy;
}

static void
give_parts(struct api_readers *r, uint32_t share, struct member *m, const uint64_t *parts, size_t n)
{
	drop_parts(r, share, m);
	m->part = n > API_READER_PARTS_MAX ? NULL : counted(r, share, parts, n * sizeof(*parts));
	m->nparts = m->part == NULL ? 0 : (uint32_t)n;
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static pthread_mutex_t *
lock_of(struct api_readers *r, struct api_reader_key k)
{
	return &r->lock[slot_of(k) % LOCKS];
}

/* The member, which is there now; NULL: no room. */
static struct member *
here(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, uint32_t now_s)
{
	struct client *c;
	struct member *m;

	forget_stale(r, k, now_s);
	c = client_of(r, k, MEMBER);
	m = c == NULL ? NULL : member_of(r, c, MEMBER, group, member_id(r, member));
	if (m != NULL)
		m->seen_s = now_s;
	return m;
}

void
api_readers_set(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, uint64_t *parts, size_t n,
    uint32_t now_s)
{
	struct member *m;

	if (n > 1)
		qsort(parts, n, sizeof(*parts), by_value);
	pthread_mutex_lock(lock_of(r, k));
	m = here(r, k, group, member, now_s);
	if (m != NULL)
		give_parts(r, k.share, m, parts, n);
	changed(r, k);
	pthread_mutex_unlock(lock_of(r, k));
}

/* The member, where it is known. */
static struct member **
known(struct api_readers *r, struct client *c, struct alv_str group, struct alv_str member)
{
	struct member **m = c == NULL ? NULL : member_at(c, MEMBER, group, member_id(r, member));

	return m == NULL || *m == NULL ? NULL : m;
}

void
api_readers_seen(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, uint32_t now_s)
{
	struct member **m;

	pthread_mutex_lock(lock_of(r, k));
	m = known(r, *client_at(r, k), group, member);
	if (m != NULL)
		(*m)->seen_s = now_s;
	pthread_mutex_unlock(lock_of(r, k));
}

void
api_readers_gone(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member)
{
	struct client **c;
	struct member **m;

	pthread_mutex_lock(lock_of(r, k));
	c = client_at(r, k);
	m = known(r, *c, group, member);
	if (m != NULL) {
		drop_member(r, *c, MEMBER, m);
		if (holds_nothing(*c) && (*c)->unclear_s == 0)
			drop_client(r, c);
		changed(r, k);
	}
	pthread_mutex_unlock(lock_of(r, k));
}

/* ---- topologies ------------------------------------------------------------------------------------------ */

static void
give_reads(struct api_readers *r, uint32_t share, struct member *m, const struct api_reader_read *reads, size_t n)
{
	drop_reads(r, share, m);
	m->reads = n > API_READER_TOPICS_MAX ? NULL : counted(r, share, reads, n * sizeof(*reads));
	m->nreads = m->reads == NULL ? 0 : (uint32_t)n;
}

void
api_readers_topology(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member,
    const struct api_reader_read *reads, size_t n, uint32_t now_s)
{
	struct member *m;

	pthread_mutex_lock(lock_of(r, k));
	m = here(r, k, group, member, now_s);
	if (m != NULL)
		give_reads(r, k.share, m, reads, n);
	pthread_mutex_unlock(lock_of(r, k));
}

size_t
api_readers_reads(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, struct alv_arena *a,
    struct api_reader_read **reads)
{
	struct member **m;
	size_t		n = 0;

	*reads = NULL;
	pthread_mutex_lock(lock_of(r, k));
	m = known(r, *client_at(r, k), group, member);
	if (m != NULL && (*m)->nreads > 0)
		*reads = alv_arena_alloc(a, (*m)->nreads * sizeof(**reads));
	if (*reads != NULL) {
		n = (*m)->nreads;
		memcpy(*reads, (*m)->reads, n * sizeof(**reads));
	}
	pthread_mutex_unlock(lock_of(r, k));
	return n;
}

/* ---- claims ------------------------------------------------------------------------------------------------- */

static bool
has(const struct member *m, uint64_t part)
{
	return m->nparts > 0 && bsearch(&part, m->part, m->nparts, sizeof(part), by_value) != NULL;
}

/* To what it has. False: no room. *news: some were not there. */
static bool
add_parts(struct api_readers *r, uint32_t share, struct member *m, const uint64_t *parts, size_t n, bool *news)
{
	size_t	  fresh = 0, all;
	uint64_t *p;

	for (size_t i = 0; i < n; i++)
		fresh += !has(m, parts[i]);
	*news = fresh > 0;
	if (fresh == 0)
		return true;
	all = m->nparts + fresh;
	if (all > API_READER_PARTS_MAX || !take(r, share, fresh * sizeof(*p), CLAIM))
		return false;
	p = malloc(all * sizeof(*p));
	if (p == NULL) {
		give(r, share, fresh * sizeof(*p));
		return false;
	}
	if (m->nparts > 0)
		memcpy(p, m->part, m->nparts * sizeof(*p));
	for (size_t i = 0, at = m->nparts; i < n; i++)
		if (!has(m, parts[i]))
			p[at++] = parts[i];
	qsort(p, all, sizeof(*p), by_value);
	free(m->part);
	m->part = p;
	m->nparts = (uint32_t)all;
	return true;
}

void
api_readers_claim(struct api_readers *r, struct api_reader_key k, struct alv_str group, const uint64_t *parts, size_t n, bool more,
    uint32_t now_s)
{
	struct client *c;
	struct member *m;
	bool	       news = false;

	pthread_mutex_lock(lock_of(r, k));
	forget_stale(r, k, now_s);
	c = client_of(r, k, CLAIM);
	m = c == NULL ? NULL : member_of(r, c, CLAIM, group, now_s / API_READERS_CLAIM_S);
	if (m != NULL)
		m->seen_s = now_s;
	if (c != NULL && (m == NULL || more || !add_parts(r, k.share, m, parts, n, &news))) {
		news = c->unclear_s < now_s;
		c->unclear_s = now_s + 2 * API_READERS_CLAIM_S;
	}
	if (news)
		changed(r, k);
	pthread_mutex_unlock(lock_of(r, k));
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

/* What is asked; steps: how many members may still be looked at. */
struct question {
	const struct client *c;
	const uint64_t	    *parts;
	size_t		     n;
	uint32_t	     now_s;
	int		     steps;
};

static bool
same_group(const struct member *a, const struct member *b)
{
	return a->group_n == b->group_n && memcmp(a->group, b->group, a->group_n) == 0;
}

/* The first that has it, of x's group; of any where x is null. */
static const struct member *
who_has(struct question *q, enum kind kind, uint64_t part, const struct member *x)
{
	for (const struct member *m = q->c->first[kind]; m != NULL && q->steps-- > 0; m = m->next)
		if (live(m, kind, q->now_s) && (x == NULL || same_group(m, x)) && has(m, part))
			return m;
	return NULL;
}

/* Do those of x's group have all of them between them? */
static bool
group_has(struct question *q, enum kind kind, const struct member *x)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->steps-- <= 0 || (!has(x, q->parts[i]) && who_has(q, kind, q->parts[i], x) == NULL))
			return false;
	return true;
}

/* Each group is looked at once, by the first that has the first partition. */
static const struct member *
only_one(struct question *q, enum kind kind)
{
	const struct member *found = NULL;

	for (const struct member *m = q->c->first[kind]; m != NULL && q->steps-- > 0; m = m->next) {
		if (!live(m, kind, q->now_s) || !has(m, q->parts[0]) || (found != NULL && same_group(found, m)) || !group_has(q, kind, m))
			continue;
		if (found != NULL)
			return NULL;
		found = m;
	}
	return q->steps > 0 ? found : NULL;
}

/* Was any of them given to a member? Then it is no matter of claims. */
static bool
given(struct question *q)
{
	for (size_t i = 0; i < q->n; i++)
		if (who_has(q, MEMBER, q->parts[i], NULL) != NULL)
			return true;
	return q->steps <= 0;
}

static const struct member *
whose(struct question *q)
{
	const struct member *m = only_one(q, MEMBER);

	if (m != NULL || q->c->first[CLAIM] == NULL || q->c->unclear_s >= q->now_s || given(q))
		return m;
	return only_one(q, CLAIM);
}

struct alv_str
api_readers_find(struct api_readers *r, struct api_reader_key k, const uint64_t *parts, size_t n, uint32_t now_s, struct alv_arena *a)
{
	struct question	     q = { .parts = parts, .n = n, .now_s = now_s, .steps = STEPS };
	struct alv_str	     group = ALV_STR_NULL;
	const struct member *m;

	pthread_mutex_lock(lock_of(r, k));
	q.c = *client_at(r, k);
	m = q.c == NULL || n == 0 ? NULL : whose(&q);
	if (m != NULL)
		group = alv_arena_str(a, alv_str_make(m->group, m->group_n));
	pthread_mutex_unlock(lock_of(r, k));
	return group;
}

uint64_t
api_readers_version(struct api_readers *r, struct api_reader_key k)
{
	return atomic_load_explicit(&r->version[slot_of(k) % LOCKS], memory_order_acquire);
}
