/* Quiescent-state based reclamation. Invariant: an object retired at epoch e is freed only when every reader that
 * counts has published an epoch > e; epoch 0 marks a reader that sleeps or left. */
#include <alcove/check.h>
#include <alcove/qsbr.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct retired {
	struct retired *next;
	void	       *p;
	void (*free_fn)(void *p);
	uint64_t	epoch;
};

/* A cache line each: readers write theirs every turn. */
struct reader {
	_Alignas(64) _Atomic uint64_t seen;
};

struct alv_qsbr {
	_Atomic uint64_t epoch;
	_Atomic int	 nreaders;
	pthread_mutex_t	 lock;	/* over `old` */
	struct retired	*old;
	struct reader	 readers[ALV_READERS_MAX];
};

struct alv_qsbr *
alv_qsbr_new(void)
{
	struct alv_qsbr *q = aligned_alloc(64, (sizeof(*q) + 63) & ~(size_t)63);

	if (q == NULL)
		return NULL;
	memset(q, 0, sizeof(*q));
	atomic_store(&q->epoch, 1);
	pthread_mutex_init(&q->lock, NULL);
	return q;
}

int
alv_qsbr_join(struct alv_qsbr *q)
{
	int i = atomic_fetch_add(&q->nreaders, 1);

	if (i >= ALV_READERS_MAX) {
		atomic_fetch_sub(&q->nreaders, 1);
		return -1;
	}
	alv_qsbr_quiet(q, i);
	return i;
}

void
alv_qsbr_quiet(struct alv_qsbr *q, int reader)
{
	ALV_CHECK(reader >= 0 && reader < ALV_READERS_MAX);
	atomic_store(&q->readers[reader].seen, atomic_load(&q->epoch));
}

void
alv_qsbr_idle(struct alv_qsbr *q, int reader)
{
	ALV_CHECK(reader >= 0 && reader < ALV_READERS_MAX);
	atomic_store(&q->readers[reader].seen, 0);
}

static uint64_t
oldest_seen(struct alv_qsbr *q)
{
	uint64_t oldest = UINT64_MAX;
	int	 n = atomic_load(&q->nreaders);

	for (int i = 0; i < n && i < ALV_READERS_MAX; i++) {
		uint64_t seen = atomic_load(&q->readers[i].seen);

		if (seen != 0 && seen < oldest)
			oldest = seen;
	}
	return oldest;
}

void
alv_qsbr_reclaim(struct alv_qsbr *q)
{
	uint64_t	oldest = oldest_seen(q);
	struct retired *ready = NULL, **at;

	pthread_mutex_lock(&q->lock);
	for (at = &q->old; *at != NULL;) {
		struct retired *r = *at;

		if (r->epoch >= oldest) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		r->next = ready;
		ready = r;
	}
	pthread_mutex_unlock(&q->lock);
	while (ready != NULL) {
		struct retired *next = ready->next;

		ready->free_fn(ready->p);
		free(ready);
		ready = next;
	}
}

void
alv_qsbr_retire(struct alv_qsbr *q, void *p, void (*free_fn)(void *p))
{
	struct retired *r = malloc(sizeof(*r));
	uint64_t	epoch = atomic_fetch_add(&q->epoch, 1);

	if (r == NULL) {
		while (oldest_seen(q) <= epoch)
			sched_yield();
		free_fn(p);
		return;
	}
	*r = (struct retired){ .p = p, .free_fn = free_fn, .epoch = epoch };
	pthread_mutex_lock(&q->lock);
	r->next = q->old;
	q->old = r;
	pthread_mutex_unlock(&q->lock);
	alv_qsbr_reclaim(q);
}

void
alv_qsbr_free(struct alv_qsbr *q)
{
	if (q == NULL)
		return;
	while (q->old != NULL) {
		struct retired *r = q->old;

		q->old = r->next;
		r->free_fn(r->p);
		free(r);
	}
	pthread_mutex_destroy(&q->lock);
	free(q);
}
