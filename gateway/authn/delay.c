/* Answers to failed logins leave late: by who (tenant and user, as they were said) and from where, each failure twice as
 * late as the one before, up to a bound. Nobody is ever locked out. Whoever guesses must not learn by an answer that comes
 * at once that it was right, so a login that is right waits as well, unless somebody has logged in as that user from there before.
 *
 * One table for all workers, of fixed size: sets of WAYS places, each under one of LOCKS locks. Names are anybody's to choose, so they
 * are hashed by what nobody can steer.
 * Invariant: a place is one key's for as long as it is among the newest WAYS of its set. */
#include <alcove/authn.h>
#include <alcove/cidr.h>
#include <alcove/str.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { WAYS = 8, SETS = 4096, LOCKS = 16, DOUBLINGS_MAX = 20 };
#define FORGET_US (10ull * 60 * 1000 * 1000)

struct place {
	uint64_t key;
	uint64_t seen_us;	/* when it last failed or passed; 0: nobody's */
	uint32_t failures;	/* one after the other */
	bool	 passed;
};

struct aut_delays {
	uint64_t	seed[2];
	pthread_mutex_t lock[LOCKS];
	struct place   *places;	/* touched as they are needed */
};

struct aut_delays *
aut_delays_new(void)
{
	struct aut_delays *d = calloc(1, sizeof(*d));

	if (d == NULL || (d->places = calloc((size_t)SETS * WAYS, sizeof(*d->places))) == NULL ||
	    getrandom(d->seed, sizeof(d->seed), 0) != (ssize_t)sizeof(d->seed)) {
		if (d != NULL)
			free(d->places);
		free(d);
		return NULL;
	}
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&d->lock[i], NULL);
	return d;
}

void
aut_delays_free(struct aut_delays *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&d->lock[i]);
	free(d->places);
	free(d);
}

/* Each part under a key that those before it make, so that ("a", "bc") and ("ab", "c") differ. */
static uint64_t
key_of(const struct aut_delays *d, const struct aut_attempt *a)
{
	struct alv_cidr	     room;
	const struct alv_str parts[] = { a->tenant, a->user, alv_cidr_client(a->host, &room) };
	uint64_t	     seed[] = { d->seed[0], d->seed[1] };

	for (size_t i = 0; i < ALV_COUNT(parts); i++)
		seed[0] ^= alv_hash_keyed(parts[i].p, parts[i].n, seed);
	return seed[0];
}

/* The key's place; a new one takes the place of the one that was seen longest ago. What was seen last may have been seen later than
 * now: each worker's clock is that of its turn. */
static struct place *
take(struct aut_delays *d, uint64_t key, uint64_t now_us)
{
	struct place *set = d->places + key % SETS * WAYS, *oldest = set;

	for (struct place *p = set; p < set + WAYS; p++) {
		if (p->seen_us != 0 && p->key == key) {
			if (now_us > p->seen_us && now_us - p->seen_us >= FORGET_US)
				p->failures = 0;
			return p;
		}
		if (p->seen_us < oldest->seen_us)
			oldest = p;
	}
	*oldest = (struct place){ .key = key };
	return oldest;
}

static uint64_t
lateness(const struct aut_attempt *a, uint32_t failures)
{
	uint64_t us = a->first_us << (failures < DOUBLINGS_MAX ? failures : DOUBLINGS_MAX);

	return us < a->max_us ? us : a->max_us;
}

uint64_t
aut_delays_note(struct aut_delays *d, const struct aut_attempt *a, bool passed)
{
	uint64_t	 key, late;
	pthread_mutex_t *lock;
	struct place	*p;

	if (d == NULL || a->first_us == 0)
		return 0;
	key = key_of(d, a);
	lock = &d->lock[key % SETS % LOCKS];
	pthread_mutex_lock(lock);
	p = take(d, key, a->now_us);
	late = passed && (p->passed || p->failures == 0) ? 0 : lateness(a, p->failures);
	p->failures = passed ? 0 : p->failures + (p->failures < DOUBLINGS_MAX);
	p->passed |= passed;
	if (p->seen_us < a->now_us)
		p->seen_us = a->now_us;
	pthread_mutex_unlock(lock);
	return late;
}
