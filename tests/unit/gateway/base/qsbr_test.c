/* Reclamation: nothing is freed under a reader, everything is freed in the end. */
#include <alcove/qsbr.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

static int freed;

static void
count_free(void *p)
{
	freed++;
	free(p);
}

static void
waits_for_every_reader(void **state)
{
	struct alv_qsbr *q = alv_qsbr_new();
	int		 a = alv_qsbr_join(q), b = alv_qsbr_join(q), c = alv_qsbr_join(q);

	(void)state;
	freed = 0;
	alv_qsbr_idle(q, c);	/* sleeps: not waited for */
	alv_qsbr_retire(q, malloc(1), count_free);
	alv_qsbr_reclaim(q);
	assert_int_equal(freed, 0);
	alv_qsbr_quiet(q, a);
	alv_qsbr_reclaim(q);
	assert_int_equal(freed, 0);
	alv_qsbr_quiet(q, b);
	alv_qsbr_reclaim(q);
	assert_int_equal(freed, 1);
	alv_qsbr_retire(q, malloc(1), count_free);
	alv_qsbr_free(q);
	assert_int_equal(freed, 2);
}

static void
readers_are_counted(void **state)
{
	struct alv_qsbr *q = alv_qsbr_new();

	(void)state;
	for (int i = 0; i < ALV_READERS_MAX; i++)
		assert_int_equal(alv_qsbr_join(q), i);
	assert_int_equal(alv_qsbr_join(q), -1);
	alv_qsbr_free(q);
}

/* ---- a writer and readers side by side: what TSan and ASan judge -------------------------------- */

enum { READERS = 3, ROUNDS = 20000 };

static struct alv_qsbr	 *shared;
static _Atomic(int *)	  current;
static _Atomic bool	  stop;

static void *
read_on(void *arg)
{
	int me = alv_qsbr_join(shared);

	(void)arg;
	while (!atomic_load(&stop)) {
		int *p = atomic_load(&current);

		if (p[0] != p[1])
			abort();
		alv_qsbr_quiet(shared, me);
	}
	alv_qsbr_idle(shared, me);
	return NULL;
}

static int *
pair(int v)
{
	int *p = malloc(2 * sizeof(*p));

	p[0] = p[1] = v;
	return p;
}

static void
swaps_under_readers(void **state)
{
	pthread_t threads[READERS];

	(void)state;
	shared = alv_qsbr_new();
	atomic_store(&current, pair(0));
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, NULL), 0);
	for (int i = 1; i <= ROUNDS; i++)
		alv_qsbr_retire(shared, atomic_exchange(&current, pair(i)), free);
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	free(atomic_load(&current));
	alv_qsbr_free(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_every_reader),
		cmocka_unit_test(readers_are_counted),
		cmocka_unit_test(swaps_under_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
