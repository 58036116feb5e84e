/* The pool: fairness by key, ceilings, and answers on the asking loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <alcove/base.h>

#include "net/job.h"

#include <pthread.h>
#include <stdlib.h>

static struct net_loop *loop;
static pthread_mutex_t	gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_t	loop_thread;
static uint64_t		ran[64];	/* keys in the order of work; one pool thread writes */
static size_t		nran, ndone, ngoal;

struct probe {
	struct net_job job;
	bool	       held;	/* waits for the gate */
	bool	       worked;
};

static void
work(struct net_job *j)
{
	struct probe *p = ALV_HOLDER(j, struct probe, job);

	if (p->held) {
		pthread_mutex_lock(&gate);
		pthread_mutex_unlock(&gate);
	} else if (nran < ALV_COUNT(ran)) {
		ran[nran++] = j->fair_key;
	}
	p->worked = true;
}

static void
done(struct net_job *j)
{
	struct probe *p = ALV_HOLDER(j, struct probe, job);

	assert_true(pthread_equal(pthread_self(), loop_thread));
	assert_true(p->worked);
	free(p);
	if (++ndone == ngoal)
		net_loop_stop(loop);
}

static struct probe *
probe(uint64_t key, bool held)
{
	struct probe *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	*p = (struct probe){ .job = { .loop = loop, .fair_key = key, .work = work, .done = done }, .held = held };
	return p;
}

static void
submit(struct net_jobs *pool, uint64_t key)
{
	assert_int_equal(net_jobs_submit(pool, &probe(key, false)->job), ALV_OK);
}

static int
setup(void **state)
{
	(void)state;
	loop = net_loop_new();
	loop_thread = pthread_self();
	nran = ndone = 0;
	return loop == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	net_loop_free(loop);
	return 0;
}

/* A pool of one thread that is busy until the gate opens, so that what is queued is queued. */
static struct net_jobs *
held_pool(size_t queue_max, size_t per_key_max)
{
	struct net_jobs *pool = net_jobs_new(1, queue_max, per_key_max);
	struct probe	*p = probe(999, true);

	assert_non_null(pool);
	pthread_mutex_lock(&gate);
	assert_int_equal(net_jobs_submit(pool, &p->job), ALV_OK);
	return pool;
}

static void
test_one_of_each_key_in_turn(void **state)
{
	static const uint64_t want[] = { 1, 2, 3, 1, 2, 1, 1, 1, 1 };
	struct net_jobs	     *pool = held_pool(100, 50);

	(void)state;
	for (int i = 0; i < 6; i++)
		submit(pool, 1);
	submit(pool, 2);
	submit(pool, 2);
	submit(pool, 3);
	ngoal = 10;
	pthread_mutex_unlock(&gate);
	net_loop_run(loop);
	net_jobs_free(pool);
	assert_int_equal(nran, ALV_COUNT(want));
	assert_memory_equal(ran, want, sizeof(want));
}

static void
test_a_key_has_a_share_and_the_queue_an_end(void **state)
{
	struct net_jobs *pool = held_pool(8, 3);
	struct probe	*p = probe(1, false);
	size_t		 fit = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		submit(pool, 1);
	assert_int_equal(net_jobs_submit(pool, &p->job), ALV_E_FULL);
	submit(pool, 2);	/* another has room */
	for (uint64_t key = 10; key < 30; key++) {
		p->job.fair_key = key;
		if (net_jobs_submit(pool, &p->job) != ALV_OK)
			break;
		fit++;
		p = probe(0, false);
	}
	assert_in_range(fit, 3, 4);	/* 8 less 4; the held one may still be in the queue */
	free(p);
	ngoal = 5 + fit;
	pthread_mutex_unlock(&gate);
	net_loop_run(loop);
	net_jobs_free(pool);
}

static bool
fits(struct net_jobs *pool, uint64_t key, uint64_t part)
{
	struct probe *p = probe(key, false);

	p->job.part_key = part;
	if (net_jobs_submit(pool, &p->job) == ALV_OK) {
		ngoal++;
		return true;
	}
	free(p);
	return false;
}

static size_t
how_many_fit(struct net_jobs *pool, uint64_t key, uint64_t part)
{
	size_t n = 0;

	while (fits(pool, key, part))
		n++;
	return n;
}

/* No part of a key takes the room of all: it has no more than what it leaves, so there is room for one that comes later. */
static void
test_parts_of_a_key_leave_room(void **state)
{
	static const struct { uint64_t key, part; size_t fit; } want[] = {
		{ 1, 1, 8 }, { 1, 2, 4 }, { 1, 3, 2 }, { 1, 4, 1 }, { 1, 5, 1 }, { 1, 6, 0 },
		{ 2, 1, 8 },	/* of another key it is another one */
		{ 3, 0, 16 },	/* who is no part has all */
	};
	struct net_jobs *pool = held_pool(100, 16);
	size_t		 got[ALV_COUNT(want)];

	(void)state;
	ngoal = 1;
	for (size_t i = 0; i < ALV_COUNT(want); i++)
		got[i] = how_many_fit(pool, want[i].key, want[i].part);
	pthread_mutex_unlock(&gate);
	net_loop_run(loop);
	net_jobs_free(pool);
	for (size_t i = 0; i < ALV_COUNT(want); i++)
		assert_int_equal(got[i], want[i].fit);
}

static void
test_free_runs_what_is_queued(void **state)
{
	struct net_jobs *pool = net_jobs_new(3, 1000, 1000);

	(void)state;
	for (uint64_t i = 0; i < 500; i++) {
		struct probe *p = probe(i % 7, true);

		assert_int_equal(net_jobs_submit(pool, &p->job), ALV_OK);
	}
	net_jobs_free(pool);
	ngoal = 500;
	net_loop_run(loop);
	assert_int_equal(ndone, 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_of_each_key_in_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_key_has_a_share_and_the_queue_an_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parts_of_a_key_leave_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_runs_what_is_queued, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
