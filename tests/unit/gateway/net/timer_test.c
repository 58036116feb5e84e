/* Timers against a plain array that knows what is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <alcove/base.h>

#include "net/loop.h"

enum { TIMERS = 500, ROUNDS = 4000 };

static struct net_loop *loop;
static uint64_t		fake_us, last_at;

struct probe {
	struct net_timer timer;
	bool		 set;	/* what the heap should think */
	uint64_t	 at;
	int		 ran;
};
static struct probe probes[TIMERS];

static uint64_t
fake_clock(void)
{
	return fake_us;
}

static void
on_probe(struct net_timer *t)
{
	struct probe *p = ALV_HOLDER(t, struct probe, timer);

	assert_true(p->set);
	assert_true(p->at <= fake_us);
	assert_true(p->at >= last_at);
	assert_false(t->armed);
	last_at = p->at;
	p->set = false;
	p->ran++;
}

static int
setup(void **state)
{
	(void)state;
	fake_us = 1000;
	loop = net_loop_new();
	assert_non_null(loop);
	net_loop_clock(loop, fake_clock);
	memset(probes, 0, sizeof(probes));
	for (size_t i = 0; i < TIMERS; i++)
		net_timer_init(loop, &probes[i].timer, on_probe);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	net_loop_free(loop);
	return 0;
}

static uint32_t
dice(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* After a turn nothing that is due is left, and nothing else ran. */
static void
turn_and_compare(void)
{
	last_at = 0;
	net_loop_turn(loop, 0);
	for (size_t i = 0; i < TIMERS; i++) {
		assert_int_equal(probes[i].set, probes[i].timer.armed);
		assert_true(!probes[i].set || probes[i].at > fake_us);
	}
}

static void
test_any_order_of_set_move_stop(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (int r = 0; r < ROUNDS; r++) {
		struct probe *p = &probes[dice(&seed) % TIMERS];

		if (dice(&seed) % 4 == 0) {
			net_timer_stop(&p->timer);
			p->set = false;
		} else {
			p->at = fake_us + dice(&seed) % 500;
			p->set = true;
			net_timer_set(&p->timer, p->at);
		}
		if (dice(&seed) % 8 == 0) {
			fake_us += dice(&seed) % 40;
			turn_and_compare();
		}
	}
	fake_us += 1000;
	turn_and_compare();
}

static void
on_again(struct net_timer *t)
{
	struct probe *p = ALV_HOLDER(t, struct probe, timer);

	p->ran++;
	net_timer_set(t, 0);	/* long due */
}

static void
test_a_timer_that_sets_itself_does_not_hold_the_turn(void **state)
{
	(void)state;
	net_timer_init(loop, &probes[0].timer, on_again);
	net_timer_set(&probes[0].timer, 0);
	net_loop_turn(loop, 0);
	assert_int_equal(probes[0].ran, 1);
	fake_us++;
	net_loop_turn(loop, 0);
	assert_int_equal(probes[0].ran, 2);
}

static void
on_stop_next(struct net_timer *t)
{
	struct probe *p = ALV_HOLDER(t, struct probe, timer);

	p->ran++;
	net_timer_stop(&p[1].timer);
}

static void
test_a_timer_stops_another_that_is_due(void **state)
{
	(void)state;
	net_timer_init(loop, &probes[0].timer, on_stop_next);
	net_timer_set(&probes[0].timer, 10);
	net_timer_set(&probes[1].timer, 20);
	net_loop_turn(loop, 0);
	assert_int_equal(probes[0].ran, 1);
	assert_int_equal(probes[1].ran, 0);
}

static void
on_real(struct net_timer *t)
{
	ALV_HOLDER(t, struct probe, timer)->ran++;
}

/* By the real clock: the wait ends by itself and late rather than early. */
static void
test_the_wait_is_as_long_as_the_first_timer(void **state)
{
	struct net_loop *real = net_loop_new();
	uint64_t	 start = net_loop_now(real);

	(void)state;
	net_timer_init(real, &probes[0].timer, on_real);
	net_timer_set(&probes[0].timer, start + 3000);
	net_loop_turn(real, -1);
	assert_int_equal(probes[0].ran, 1);
	assert_true(net_loop_now(real) >= start + 3000);
	net_loop_free(real);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_any_order_of_set_move_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_timer_that_sets_itself_does_not_hold_the_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_timer_stops_another_that_is_due, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_wait_is_as_long_as_the_first_timer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
