/* Cells on timelines with a clock of the test's own, exact to the microsecond; and under several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quota/cell.h"

#include <pthread.h>

#define S UINT64_C(1000000)
#define T0 (1000 * S)
#define MB 1000000

/* at: microseconds after T0. rate >= 0: it changes then; else `units` are charged. wait: what is to be paid afterwards. */
struct step {
	int64_t	 at;
	double	 rate;
	uint64_t units, wait;
};
#define CHARGE(at, units, wait) { at, -2, units, wait }
#define RATE(at, rate, wait) { at, rate, 0, wait }
#define NO_LIMIT(at) { at, -1, 0, 0 }

static const struct timeline {
	const char *name;
	double	    rate;
	uint64_t    burst_us;
	bool	    full;
	struct step step[12];
	size_t	    n;
} timelines[] = {
	{ "without credit the first unit is owed at once", 1 * MB, S, false, { CHARGE(0, 1, 1), CHARGE(0, 999, 1000), CHARGE(1000, 0, 0) }, 3 },
	{ "credit is used up first", 1 * MB, S, true, { CHARGE(0, MB, 0), CHARGE(0, 1, 1), CHARGE(1, 500, 500) }, 3 },
	{ "credit comes back with time, and is never more than the burst", 1 * MB, S, false,
	    { CHARGE(0, MB, S), CHARGE(S, 0, 0), CHARGE(S + S / 2, MB / 2, 0), CHARGE(S + S / 2, 1, 1), CHARGE(1000 * (int64_t)S, MB, 0),
	      CHARGE(1000 * (int64_t)S, 7, 7) }, 6 },
	{ "debt is paid by time alone", 20 * MB, S, false,
	    { CHARGE(0, 100 * MB, 5 * S), CHARGE(3 * (int64_t)S, 0, 2 * S), CHARGE(4 * (int64_t)S, 20 * MB, 2 * S), CHARGE(6 * (int64_t)S, 0, 0) }, 4 },
	{ "many small ones cost what a large one does", 3, S, false,
	    { CHARGE(0, 1, 333334), CHARGE(0, 1, 666667), CHARGE(0, 1, S), CHARGE(0, 3, 2 * S) }, 4 },
	{ "a lower rate: the same bytes are owed for longer", 20 * MB, S, false,
	    { CHARGE(0, 40 * MB, 2 * S), RATE(0, 10 * MB, 4 * S), CHARGE(2 * (int64_t)S, 0, 2 * S), CHARGE(2 * (int64_t)S, 10 * MB, 3 * S) }, 4 },
	{ "a higher one: for less", 10 * MB, S, false, { CHARGE(0, 40 * MB, 4 * S), RATE(2 * (int64_t)S, 40 * MB, S / 2) }, 2 },
	{ "a new rate brings no credit along", 10 * MB, S, true, { RATE(0, 5 * MB, 0), CHARGE(0, 5 * MB, S) }, 2 },
	{ "the same rate changes nothing", 10 * MB, S, true, { RATE(0, 10 * MB, 0), CHARGE(0, 10 * MB, 0) }, 2 },
	{ "no limit, and one again", 10 * MB, S, false,
	    { CHARGE(0, 100 * MB, 10 * S), NO_LIMIT(0), CHARGE(0, 100 * MB, 0), RATE(1, 10 * MB, 0), CHARGE(1, 10 * MB, S) }, 5 },
	{ "an hour of debt is all that is remembered", 1, S, false,
	    { CHARGE(0, 3599, 3599 * S), CHARGE(0, MB, 3600 * S), CHARGE(0, UINT64_MAX, 3600 * S), CHARGE(3600 * (int64_t)S, 0, 0) }, 4 },
	{ "nothing allowed", 0, S, false, { CHARGE(0, 1, 1000 * S), CHARGE(0, UINT32_MAX, 3600 * S) }, 2 },
	{ "a rate beyond counting", 1e18, S, false, { CHARGE(0, UINT32_MAX, 1), CHARGE(1, UINT64_MAX, 1073741824) }, 2 },
	{ "a clock that goes back: the debt is larger by as much", 1 * MB, S, false,
	    { CHARGE(5 * (int64_t)S, MB + 1000, 1000), CHARGE(4 * (int64_t)S, 0, S + 1000), CHARGE(4 * (int64_t)S, 1000, S + 2000),
	      CHARGE(6 * (int64_t)S, 0, 0) }, 4 },
	{ "a clock that leaps ahead gives a burst, no more", 1 * MB, S, false,
	    { CHARGE(0, 1000, 1000), CHARGE(86400 * (int64_t)S, 2 * MB, S) }, 2 },
	{ "half a unit a second", 0.5, 10 * S, true, { CHARGE(0, 5, 0), CHARGE(0, 1, 2 * S) }, 2 },
};

static void
timelines_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(timelines) / sizeof(timelines[0]); i++) {
		const struct timeline *t = &timelines[i];
		struct quo_cell	       c;

		quo_init(&c, t->rate, t->burst_us, T0, t->full);
		for (size_t j = 0; j < t->n; j++) {
			const struct step *s = &t->step[j];
			uint64_t	   now = T0 + (uint64_t)s->at, wait;

			if (s->rate >= -1) {
				(void)quo_set(&c, s->rate, now);
				wait = quo_debt_us(&c, now);
			} else {
				wait = quo_charge(&c, s->units, now);
				assert_int_equal(wait, quo_debt_us(&c, now));
			}
			if (wait != s->wait)
				fail_msg("%s, step %zu: %llu us to wait, expected %llu", t->name, j, (unsigned long long)wait,
				    (unsigned long long)s->wait);
		}
	}
}

/* A client that sends whenever it may, in pieces of any size: in half a minute exactly the rate passes, and a burst. */
static void
demand_gets_the_rate(void **state)
{
	static const uint64_t pieces[] = { 100, 4096, 65536, 3 * 65536 + 17, 4 * MB };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct quo_cell c;
		uint64_t	now = T0, passed = 0, from = 0, wait;

		quo_init(&c, 20 * MB, S, T0, true);
		for (; now < T0 + 40 * S; now += wait + 137) {	/* late each time */
			if (from == 0 && now >= T0 + 10 * S)
				from = passed;
			passed += pieces[i];
			wait = quo_charge(&c, pieces[i], now);
			wait = wait > 5 * S ? 5 * S : wait;
		}
		passed -= from;
		if (passed / 30 < 20 * MB / 100 * 99 - pieces[i] && pieces[i] > 4000)
			fail_msg("pieces of %zu: %zu a second", (size_t)pieces[i], (size_t)passed / 30);
		assert_true(passed / 30 <= 20 * MB / 100 * 101 + pieces[i]);
	}
}

static void
promises_are_shared_out(void **state)
{
	struct quo_cell c;
	uint64_t	now = T0 & ~((UINT64_C(1) << QUO_SLOT_BITS) - 1);

	(void)state;
	quo_init(&c, 20 * MB, S, now, false);
	assert_int_equal(quo_affords(&c, 50 * MB, 65536, S / 2, now), 10 * MB);
	assert_int_equal(quo_affords(&c, 1 * MB, 65536, S / 2, now), 1 * MB);
	quo_promise(&c, 7 * MB, now);
	assert_int_equal(quo_affords(&c, 50 * MB, 65536, S / 2, now), 3 * MB);
	quo_promise(&c, 3 * MB, now);
	assert_int_equal(quo_affords(&c, 50 * MB, 65536, S / 2, now), 65536);
	assert_int_equal(quo_affords(&c, 1000, 65536, S / 2, now), 1000);
	quo_kept(&c, 7 * MB, now, now + 1);
	assert_in_range(quo_affords(&c, 50 * MB, 65536, S / 2, now + 1), 7 * MB, 7 * MB + 20);
	/* Whoever waits for news longer than a slot has no claim. */
	quo_promise(&c, 50 * MB, now + 1);
	now += UINT64_C(1) << QUO_SLOT_BITS;
	(void)quo_charge(&c, 20 * MB / 1000 * 262, now);	/* what credit came meanwhile */
	assert_in_range(quo_affords(&c, 50 * MB, 65536, S / 2, now), 10 * MB, 10 * MB + 10000);
	quo_kept(&c, 50 * MB, now - 1, now);	/* of a slot that is over: nothing is taken twice */
	quo_promise(&c, UINT64_MAX, now);
	assert_int_equal(quo_affords(&c, 50 * MB, 65536, S / 2, now), 65536);
	quo_init(&c, 20 * MB, S, now, true);
	assert_int_equal(quo_affords(&c, 50 * MB, 65536, S / 2, now), 30 * MB);
	(void)quo_charge(&c, 100 * MB, now);
	assert_int_equal(quo_affords(&c, 50 * MB, 65536, S / 2, now), 65536);
	(void)quo_set(&c, -1, now);
	assert_int_equal(quo_affords(&c, 50 * MB, 65536, S / 2, now), 50 * MB);
}

static void
an_idle_cell_remembers_nothing(void **state)
{
	struct quo_cell c;

	(void)state;
	quo_init(&c, 1000, S, T0, true);
	assert_true(quo_idle(&c, T0));
	(void)quo_charge(&c, 1, T0);
	assert_false(quo_idle(&c, T0));
	assert_false(quo_idle(&c, T0 + 999));
	assert_true(quo_idle(&c, T0 + 1000));
}

/* ---- threads --------------------------------------------------------------------------------------------- */

enum { THREADS = 4, CHARGES = 50000 };

static struct quo_cell shared;

static void *
charge_on(void *arg)
{
	for (int i = 0; i < CHARGES; i++) {
		(void)quo_charge(&shared, 3, T0 + (uint64_t)(uintptr_t)arg);
		quo_promise(&shared, 1, T0);
	}
	return NULL;
}

static void
no_charge_is_lost(void **state)
{
	pthread_t t[THREADS];

	(void)state;
	quo_init(&shared, MB, S, T0, false);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, charge_on, (void *)(uintptr_t)i), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	/* Who began, by which clock, is left to chance: three microseconds. */
	assert_in_range(quo_debt_us(&shared, T0), 3 * CHARGES * THREADS, 3 * CHARGES * THREADS + 3);
	assert_int_equal(quo_affords(&shared, 1, 0, 10 * S, T0), 1);
	assert_int_equal(quo_affords(&shared, 100 * MB, 0, S, T0), 1000000 - 3 * CHARGES * THREADS - CHARGES * THREADS < 0 ? 0 :
	    MB - 4 * CHARGES * THREADS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timelines_are_exact),
		cmocka_unit_test(demand_gets_the_rate),
		cmocka_unit_test(promises_are_shared_out),
		cmocka_unit_test(an_idle_cell_remembers_nothing),
		cmocka_unit_test(no_charge_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
