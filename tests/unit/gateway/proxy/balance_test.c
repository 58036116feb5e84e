/* The choice, by invented loads; and what it leads to when it is made again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/balance.h"

#define MB UINT64_C(1048576)

enum { MAX = 40 };

/* Connections with what each wants, on workers of a given capacity: a full worker gives each the same. */
struct world {
	unsigned nworkers, n, worker[MAX];
	uint64_t want[MAX], capacity;
	unsigned moves;
};

static unsigned
count(const struct world *w, unsigned worker)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n; i++)
		n += w->worker[i] == worker;
	return n;
}

static uint64_t
wanted(const struct world *w, unsigned worker)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < w->n; i++)
		sum += w->worker[i] == worker ? w->want[i] : 0;
	return sum;
}

/* What a connection gets; all that share a full worker get the same part of what they want. */
static uint64_t
share_of(const struct world *w, unsigned i)
{
	uint64_t all = wanted(w, w->worker[i]);

	return all <= w->capacity ? w->want[i] : w->want[i] * (w->capacity / 1024) / (all / 1024);
}

static struct px_load
load_of(const struct world *w, unsigned worker)
{
	struct px_load l = { 0 };

	for (unsigned i = 0; i < w->n; i++)
		l.bytes += w->worker[i] == worker ? share_of(w, i) : 0;
	for (unsigned i = 0; i < w->n; i++)
		l.heavy += w->worker[i] == worker && share_of(w, i) >= PX_HEAVY_BYTES && share_of(w, i) >= l.bytes / 64;
	l.busy = (unsigned)(l.bytes * 1000 / w->capacity);
	return l;
}

/* One second: every worker may send one. */
static bool
second(struct world *w)
{
	bool moved = false;

	for (unsigned self = 0; self < w->nworkers; self++) {
		struct px_load all[8];
		uint64_t       cost[MAX];
		unsigned       of[MAX], to;
		size_t	       n = 0;
		int	       chosen;

		for (unsigned i = 0; i < w->nworkers; i++)
			all[i] = load_of(w, i);
		for (unsigned i = 0; i < w->n; i++)
			if (w->worker[i] == self && share_of(w, i) >= PX_HEAVY_BYTES) {
				of[n] = i;
				cost[n++] = share_of(w, i);
			}
		chosen = px_balance_choose(all, w->nworkers, self, cost, n, &to);
		if (chosen >= 0) {
			assert_true(to != self && to < w->nworkers);
			w->worker[of[chosen]] = to;
			w->moves++;
			moved = true;
		}
	}
	return moved;
}

/* Until nothing moves any more; it must come to that. */
static void
settle(struct world *w)
{
	unsigned seconds = 0;

	while (second(w))
		assert_true(++seconds < 2 * MAX);
}

static struct world
equal_ones(unsigned nworkers, unsigned n, uint64_t want, uint64_t capacity)
{
	struct world w = { .nworkers = nworkers, .n = n, .capacity = capacity };

	for (unsigned i = 0; i < n; i++)
		w.want[i] = want;
	return w;
}

static void
test_four_on_two_end_two_and_two(void **state)
{
	(void)state;
	for (unsigned there = 0; there <= 4; there++) {
		for (uint64_t want = 2 * MB; want <= 2000 * MB; want *= 10) {
			struct world w = equal_ones(2, 4, want, 1000 * MB);

			for (unsigned i = 0; i < there; i++)
				w.worker[i] = 1;
			settle(&w);
			assert_int_equal(count(&w, 0), 2);
			assert_true(w.moves <= 2);
		}
	}
}

/* Three share a full worker, one has the other for itself and takes all that it can: the same load on both. */
static void
test_full_workers_divide_by_number(void **state)
{
	struct world w = equal_ones(2, 4, 5000 * MB, 1000 * MB);

	(void)state;
	w.worker[3] = 1;
	assert_true(load_of(&w, 0).bytes + MB > load_of(&w, 1).bytes);
	settle(&w);
	assert_int_equal(count(&w, 0), 2);
}

static void
test_many_on_many(void **state)
{
	struct world w = equal_ones(4, 32, 20 * MB, 1000 * MB);

	(void)state;
	settle(&w);
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(wanted(&w, i), 120 * MB, 200 * MB);
}

static void
test_odd_ones_stay(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 3; n += 2) {
		struct world w = equal_ones(2, n, 50 * MB, 1000 * MB);

		w.worker[0] = 1;
		settle(&w);
		assert_int_equal(w.moves, 0);
	}
}

static void
test_small_differences_move_nothing(void **state)
{
	struct world w = { .nworkers = 2, .n = 4, .worker = { 0, 0, 1, 1 }, .want = { 50 * MB, 60 * MB, 45 * MB, 40 * MB },
		.capacity = 1000 * MB };
	struct world idle = { .nworkers = 2, .n = 1, .want = { MB }, .capacity = 1000 * MB };

	(void)state;
	settle(&w);
	assert_int_equal(w.moves, 0);
	settle(&idle);
	assert_int_equal(idle.moves, 0);
}

/* The one that comes closest to making them equal. */
static void
test_the_one_that_fits(void **state)
{
	const struct px_load all[] = { { 200 * MB, 4, 200 }, { 100 * MB, 2, 100 } };
	const uint64_t	     cost[] = { 90 * MB, 10 * MB, 48 * MB, 0 };
	unsigned	     to;

	(void)state;
	assert_int_equal(px_balance_choose(all, 2, 0, cost, 4, &to), 2);
	assert_int_equal(to, 1);
	assert_int_equal(px_balance_choose(all, 2, 1, cost, 4, &to), -1);
	assert_int_equal(px_balance_choose(all, 1, 0, cost, 4, &to), -1);
	assert_int_equal(px_balance_choose(all, 2, 0, cost, 1, &to), -1);	/* too large: it would only change places */
	assert_int_equal(px_balance_choose(all, 2, 0, NULL, 0, &to), -1);
}

/* Whatever the loads are, it comes to rest, and not worse than it began. */
static void
test_it_comes_to_rest(void **state)
{
	uint64_t seed = 12345;

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct world w = { .nworkers = 2 + (unsigned)round % 5, .n = 1 + (unsigned)round % (MAX - 1), .capacity = 1000 * MB };

		for (unsigned i = 0; i < w.n; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			w.want[i] = MB + (seed >> 33) % (200 * MB);
			w.worker[i] = (unsigned)(seed >> 20) % w.nworkers;
		}
		for (int s = 0; s < 3 * MAX && second(&w); s++)
			continue;
		assert_true(w.moves <= 2 * w.n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four_on_two_end_two_and_two),
		cmocka_unit_test(test_full_workers_divide_by_number),
		cmocka_unit_test(test_many_on_many),
		cmocka_unit_test(test_odd_ones_stay),
		cmocka_unit_test(test_small_differences_move_nothing),
		cmocka_unit_test(test_the_one_that_fits),
		cmocka_unit_test(test_it_comes_to_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
