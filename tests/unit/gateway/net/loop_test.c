/* The turn: timers by a clock of ours, later, stale events, hooks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <alcove/base.h>

#include "net/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct net_loop *loop;
static uint64_t		fake_us;

static uint64_t
fake_clock(void)
{
	return fake_us;
}

static int
setup(void **state)
{
	(void)state;
	fake_us = 1000000;
	loop = net_loop_new();
	assert_non_null(loop);
	net_loop_clock(loop, fake_clock);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	net_loop_free(loop);
	return 0;
}

/* ---- later -------------------------------------------------------------------------------- */

struct task {
	struct net_later later;
	struct task	*then;	/* queued by this one */
	struct task	*kill;	/* cancelled by this one */
	int		 ran;
};

static void
run_task(struct net_later *l)
{
	struct task *t = ALV_HOLDER(l, struct task, later);

	t->ran++;
	if (t->then != NULL)
		net_later(loop, &t->then->later);
	if (t->kill != NULL)
		net_later_cancel(loop, &t->kill->later);
}

static void
test_later_runs_once_and_nested_next_turn(void **state)
{
	struct task a = { .later.fn = run_task }, b = { .later.fn = run_task };

	(void)state;
	a.then = &b;
	net_later(loop, &a.later);
	net_later(loop, &a.later);
	net_loop_turn(loop, -1);
	assert_int_equal(a.ran, 1);
	assert_int_equal(b.ran, 0);
	net_loop_turn(loop, -1);	/* does not sleep: b waits */
	assert_int_equal(a.ran, 1);
	assert_int_equal(b.ran, 1);
}

static void
test_later_can_be_cancelled_anywhere(void **state)
{
	struct task t[4] = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		t[i].later.fn = run_task;
		net_later(loop, &t[i].later);
	}
	net_later_cancel(loop, &t[3].later);	/* the last: queueing must go on behind the one before */
	net_later_cancel(loop, &t[3].later);
	t[0].kill = &t[1];			/* while the batch runs */
	net_loop_turn(loop, -1);
	assert_int_equal(t[0].ran, 1);
	assert_int_equal(t[1].ran, 0);
	assert_int_equal(t[2].ran, 1);
	assert_int_equal(t[3].ran, 0);
	t[0].kill = NULL;
	net_later(loop, &t[3].later);
	net_later(loop, &t[1].later);
	net_loop_turn(loop, -1);
	assert_int_equal(t[3].ran + t[1].ran, 2);
}

/* ---- descriptors -------------------------------------------------------------------------- */

static struct net_fd pair[2];
static int	     events_seen;

static void
close_both(struct net_fd *f, uint32_t events)
{
	(void)f;
	(void)events;
	events_seen++;
	net_fd_close(&pair[0]);
	net_fd_close(&pair[1]);
}

static void
test_no_event_after_close_in_the_same_turn(void **state)
{
	(void)state;
	events_seen = 0;
	for (int i = 0; i < 2; i++)
		assert_int_equal(net_fd_open(loop, &pair[i], eventfd(1, EFD_NONBLOCK), EPOLLIN, close_both), 0);
	net_loop_turn(loop, 0);
	assert_int_equal(events_seen, 1);
	assert_int_equal(pair[0].fd, -1);
	net_fd_close(&pair[0]);	/* again: nothing */
}

static void
count_event(struct net_fd *f, uint32_t events)
{
	(void)f;
	assert_true(events & EPOLLIN);
	events_seen++;
}

static void
test_want_is_level_triggered(void **state)
{
	struct net_fd f;

	(void)state;
	events_seen = 0;
	assert_int_equal(net_fd_open(loop, &f, eventfd(1, EFD_NONBLOCK), EPOLLIN, count_event), 0);
	net_loop_turn(loop, 0);
	net_loop_turn(loop, 0);
	assert_int_equal(events_seen, 2);
	net_fd_want(&f, 0);
	net_loop_turn(loop, 0);
	assert_int_equal(events_seen, 2);
	net_fd_want(&f, EPOLLIN);
	net_loop_turn(loop, 0);
	assert_int_equal(events_seen, 3);
	net_fd_close(&f);
}

static void
test_a_descriptor_that_epoll_refuses(void **state)
{
	struct net_fd f;

	(void)state;
	assert_int_equal(net_fd_open(loop, &f, -1, EPOLLIN, count_event), ALV_E_SYSTEM);
	assert_int_equal(f.fd, -1);
	net_fd_close(&f);
}

/* ---- hooks and time ------------------------------------------------------------------------ */

static char order[16];

static void
note(char c)
{
	size_t n = strlen(order);

	if (n + 1 < sizeof(order))
		order[n] = c;
}

static void
hook_before(void *arg)
{
	(void)arg;
	note('b');
}

static void
hook_after(void *arg)
{
	(void)arg;
	note('a');
}

static void
hook_end(void *arg)
{
	(void)arg;
	note('e');
}

static void
test_hooks_surround_a_real_wait_only(void **state)
{
	(void)state;
	memset(order, 0, sizeof(order));
	net_loop_hooks(loop, NULL, hook_before, hook_after, hook_end);
	net_loop_turn(loop, 0);
	assert_string_equal(order, "e");
	net_loop_turn(loop, 1);
	assert_string_equal(order, "ebae");
}

static void
stop_it(struct net_later *l)
{
	(void)l;
	net_loop_stop(loop);
}

static void
test_run_until_stop_twice(void **state)
{
	struct net_later l = { .fn = stop_it };

	(void)state;
	net_later(loop, &l);
	net_loop_run(loop);
	net_later(loop, &l);
	net_loop_run(loop);
	assert_null(l.queue);
}

static void
test_the_clock_is_read_once_a_turn(void **state)
{
	(void)state;
	fake_us = 5000000;
	assert_int_equal(net_loop_now(loop), 1000000);
	net_loop_turn(loop, 0);
	assert_int_equal(net_loop_now(loop), 5000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_later_runs_once_and_nested_next_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later_can_be_cancelled_anywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_event_after_close_in_the_same_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_want_is_level_triggered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_descriptor_that_epoll_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hooks_surround_a_real_wait_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run_until_stop_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_clock_is_read_once_a_turn, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
