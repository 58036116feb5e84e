/* The verdict, by steps and pulses of the test's; and the thread, over a loop that really hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <alcove/meter.h>

#include "life/watchdog.h"

#include <sched.h>

enum { STEP = 1000, WARN = 3000, ABORT = 6000 };

static enum lif_verdict
look(struct lif_watched *w, uint64_t pulse)
{
	return lif_watch(w, pulse, STEP, WARN, ABORT);
}

static void
test_what_turns_or_sleeps_is_fine(void **state)
{
	struct lif_watched w = { .name = "worker" };

	(void)state;
	for (uint64_t pulse = 1; pulse < 100; pulse += 2)
		assert_int_equal(look(&w, pulse), LIF_FINE);
	for (int i = 0; i < 100; i++)
		assert_int_equal(look(&w, 100), LIF_FINE);
}

static void
test_stuck_is_said_once_and_so_is_its_end(void **state)
{
	struct lif_watched w = { .name = "worker" };

	(void)state;
	assert_int_equal(look(&w, 7), LIF_FINE);
	assert_int_equal(look(&w, 7), LIF_FINE);
	assert_int_equal(look(&w, 7), LIF_FINE);
	assert_int_equal(look(&w, 7), LIF_STUCK);
	assert_int_equal(w.still_ms, WARN);
	assert_int_equal(look(&w, 7), LIF_STILL_STUCK);
	assert_int_equal(look(&w, 9), LIF_FREED);
	assert_int_equal(look(&w, 9), LIF_FINE);
	assert_int_equal(look(&w, 9), LIF_FINE);
	assert_int_equal(look(&w, 10), LIF_FINE);
}

static void
test_hopeless_in_the_end(void **state)
{
	struct lif_watched w = { .name = "worker" };
	int		   steps = 0;

	(void)state;
	(void)look(&w, 7);
	while (look(&w, 7) != LIF_HOPELESS)
		assert_true(++steps < 100);
	assert_int_equal(steps, ABORT / STEP - 1);
}

static void
test_never_hopeless_where_nobody_wants_it(void **state)
{
	struct lif_watched w = { .name = "worker" };

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_not_equal(lif_watch(&w, 7, STEP, WARN, 0), LIF_HOPELESS);
}

static void
test_the_thread_looks(void **state)
{
	_Atomic uint64_t     pulse = 6, other = 8;
	struct lif_watched   w[] = { { .name = "worker", .pulse = &pulse }, { .name = "worker", .number = 1, .pulse = &other } };
	struct lif_watchdog *d;
	struct alv_buf	     why;

	(void)state;
	alv_buf_init(&why, 1000);
	assert_int_equal(lif_watchdog_start(w, 2, 50, 0, &d), ALV_OK);
	assert_true(lif_watchdog_fine(d, &why));
	atomic_store(&pulse, 7);
	while (lif_watchdog_fine(d, &why))
		sched_yield();
	assert_int_equal(met_process_read(MET_STUCK), 1);
	assert_true(why.n > 0);
	atomic_store(&pulse, 8);
	while (!lif_watchdog_fine(d, &why))
		why.n = 0;
	lif_watchdog_stop(d);
	assert_int_equal(met_process_read(MET_STUCK), 0);
	assert_int_equal(met_process_read(MET_STALLS), 1);
	alv_buf_fini(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_turns_or_sleeps_is_fine),
		cmocka_unit_test(test_stuck_is_said_once_and_so_is_its_end),
		cmocka_unit_test(test_hopeless_in_the_end),
		cmocka_unit_test(test_never_hopeless_where_nobody_wants_it),
		cmocka_unit_test(test_the_thread_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
