/* The phases of the end, by a clock of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "life/drain.h"

enum { DELAY_MS = 3000, GRACE_MS = 8000 };

static uint64_t fake_us;
static unsigned connections, closed, overs;

static uint64_t
fake_clock(void)
{
	return fake_us;
}

static void
on_close(void *arg, uint32_t grace_ms)
{
	(void)arg;
	assert_int_equal(grace_ms, GRACE_MS);
	closed++;
}

static uint32_t
left(void *arg)
{
	(void)arg;
	return connections;
}

static void
on_over(void *arg)
{
	(void)arg;
	overs++;
}

static struct net_loop *
begin(struct lif_drain *d, uint32_t delay_ms)
{
	struct net_loop *loop = net_loop_new();

	assert_non_null(loop);
	fake_us = 1000000;
	net_loop_clock(loop, fake_clock);
	connections = 5;
	closed = overs = 0;
	*d = (struct lif_drain){ .loop = loop, .delay_ms = delay_ms, .grace_ms = GRACE_MS, .close = on_close, .left = left, .over = on_over };
	lif_drain_init(d);
	return loop;
}

static void
after(struct net_loop *loop, uint32_t ms)
{
	fake_us += ms * 1000ull;
	net_loop_turn(loop, 0);
}

static void
test_one_after_the_other(void **state)
{
	struct lif_drain d;
	struct net_loop *loop = begin(&d, DELAY_MS);

	(void)state;
	lif_drain_begin(&d);
	after(loop, DELAY_MS - 1);
	assert_int_equal(closed, 0);
	after(loop, 1);
	assert_int_equal(closed, 1);
	after(loop, GRACE_MS - 10);
	assert_int_equal(overs, 0);
	connections = 0;
	after(loop, 20);
	assert_int_equal(overs, 1);
	after(loop, GRACE_MS);
	assert_int_equal(overs, 1);
	net_loop_free(loop);
}

static void
test_grace_ends(void **state)
{
	struct lif_drain d;
	struct net_loop *loop = begin(&d, 0);

	(void)state;
	lif_drain_begin(&d);
	assert_int_equal(closed, 1);	/* no delay: at once */
	after(loop, GRACE_MS - 1);
	assert_int_equal(overs, 0);
	after(loop, 20);
	assert_int_equal(overs, 1);
	net_loop_free(loop);
}

static void
test_a_second_signal_ends_it(void **state)
{
	struct lif_drain d;

	(void)state;
	for (uint32_t delay = 0; delay <= DELAY_MS; delay += DELAY_MS) {
		struct net_loop *loop = begin(&d, delay);

		lif_drain_begin(&d);
		after(loop, 1);
		lif_drain_begin(&d);
		assert_int_equal(overs, 1);
		lif_drain_begin(&d);
		after(loop, DELAY_MS + GRACE_MS);
		assert_int_equal(overs, 1);
		net_loop_free(loop);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_grace_ends),
		cmocka_unit_test(test_a_second_signal_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
