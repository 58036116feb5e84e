/* The pool. Jobs wait in lanes, one for each fair_key that has any; lanes stand in a ring and each gives one job in its
 * turn, so a tenant with many jobs delays another's by one job per thread at most. Within a lane there are parts (clients' addresses). Lanes are allocated at start: there can't
 * be more of them than queued jobs.
 * Invariants (under the lock): a lane is in the ring and in its bucket exactly while it holds jobs; queued is their sum. */
#include <alcove/check.h>

#include "net/job.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct lane {
	uint64_t	key;
	struct net_job *head, **last;
	size_t		n;
	struct lane    *hash_next;	/* in its bucket, or in the free list */
	struct lane    *ring_next;
};

struct net_jobs {
	pthread_mutex_t lock;
	pthread_cond_t	some;
	size_t		queued, queue_max, per_key_max;
	struct lane    *ring_last;	/* its ring_next is whose turn it is; NULL: no lane */
	struct lane    *spare, *lanes, **buckets;
	size_t		mask;
	bool		ending;
	unsigned	nthreads;
	pthread_t	threads[];
};

static struct lane **
bucket_of(struct net_jobs *p, uint64_t key)
{
	return &p->buckets[(key ^ key >> 32) & p->mask];
}

static struct lane *
find_lane(struct net_jobs *p, uint64_t key)
{
	struct lane *x = *bucket_of(p, key);

	while (x != NULL && x->key != key)
		x = x->hash_next;
	return x;
}

static struct lane *
open_lane(struct net_jobs *p, uint64_t key)
{
	struct lane *x = p->spare, **b = bucket_of(p, key);

	p->spare = x->hash_next;
	*x = (struct lane){ .key = key, .hash_next = *b };
	x->last = &x->head;
	*b = x;
	if (p->ring_last == NULL) {
		x->ring_next = x;
	} else {
		x->ring_next = p->ring_last->ring_next;
		p->ring_last->ring_next = x;
	}
	p->ring_last = x;
	return x;
}

/* x is the lane whose turn it was, and is empty. */
static void
close_lane(struct net_jobs *p, struct lane *x)
{
	struct lane **b = bucket_of(p, x->key);

	if (x->ring_next == x)
		p->ring_last = NULL;
	else
		p->ring_last->ring_next = x->ring_next;
	while (*b != x)
		b = &(*b)->hash_next;
	*b = x->hash_next;
	x->hash_next = p->spare;
	p->spare = x;
}

static struct net_job *
next_job(struct net_jobs *p)
{
	struct lane    *x = p->ring_last->ring_next;
	struct net_job *j = x->head;

	x->head = j->next;
	p->queued--;
	if (--x->n == 0)
		close_lane(p, x);
	else
		p->ring_last = x;
	return j;
}

/* On the loop's thread. */
static void
job_done(struct net_loop *l, struct net_mail *m)
{
	struct net_job *j = ALV_HOLDER(m, struct net_job, mail);

	(void)l;
	j->done(j);
}

static void *
pool_thread(void *arg)
{
	struct net_jobs *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct net_job *j;

		while (p->queued == 0 && !p->ending)
			pthread_cond_wait(&p->some, &p->lock);
		if (p->queued == 0)
			break;
		j = next_job(p);
		pthread_mutex_unlock(&p->lock);
		j->work(j);
		j->mail.fn = job_done;
		net_mail_must(j->loop, &j->mail);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are the main thread's. */
static bool
start_threads(struct net_jobs *p, unsigned n)
{
	sigset_t all, old;
	bool	 ok = true;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (ok && p->nthreads < n) {
		ok = pthread_create(&p->threads[p->nthreads], NULL, pool_thread, p) == 0;
		if (ok)
			p->nthreads++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

static bool
make_lanes(struct net_jobs *p)
{
	size_t buckets = 16;

	while (buckets < p->queue_max)
		buckets *= 2;
	p->mask = buckets - 1;
	p->buckets = calloc(buckets, sizeof(*p->buckets));
	p->lanes = calloc(p->queue_max, sizeof(*p->lanes));
	if (p->buckets == NULL || p->lanes == NULL)
		return false;
	for (size_t i = 0; i < p->queue_max; i++) {
		p->lanes[i].hash_next = p->spare;
		p->spare = &p->lanes[i];
	}
	return true;
}

struct net_jobs *
net_jobs_new(unsigned threads, size_t queue_max, size_t per_key_max)
{
	struct net_jobs *p = calloc(1, sizeof(*p) + threads * sizeof(p->threads[0]));

	if (p == NULL)
		return NULL;
	ALV_CHECK(threads > 0 && queue_max > 0 && per_key_max > 0);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->some, NULL);
	p->queue_max = queue_max;
	p->per_key_max = per_key_max;
	if (!make_lanes(p) || !start_threads(p, threads)) {
		net_jobs_free(p);
		return NULL;
	}
	return p;
}

void
net_jobs_free(struct net_jobs *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->some);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->some);
	pthread_mutex_destroy(&p->lock);
	free(p->buckets);
	free(p->lanes);
	free(p);
}

/* A part of a key has no more than what it leaves: so however much one part brings, another one finds room. */
static bool
has_room(const struct net_jobs *p, const struct lane *x, uint64_t part)
{
	size_t same = 0;

	if (p->queued == p->queue_max)
		return false;
	if (x == NULL)
		return true;
	for (const struct net_job *j = part == 0 ? NULL : x->head; j != NULL; j = j->next)
		same += j->part_key == part;
	return x->n + same < p->per_key_max;
}

enum alv_err
net_jobs_submit(struct net_jobs *p, struct net_job *j)
{
	enum alv_err err = ALV_E_FULL;
	struct lane *x;

	pthread_mutex_lock(&p->lock);
	x = find_lane(p, j->fair_key);
	if (has_room(p, x, j->part_key)) {
		if (x == NULL)
			x = open_lane(p, j->fair_key);
		j->next = NULL;
		*x->last = j;
		x->last = &j->next;
		x->n++;
		p->queued++;
		err = ALV_OK;
		pthread_cond_signal(&p->some);
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}
