/* A turn ends when its time is used up: what is left comes first in the next one, in its order, and each once. The clock
 * is a counter that each piece of work moves on by a millisecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <alcove/base.h>

#include "net/loop.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MANY = 10, BUDGET_US = 2000, EACH_US = 1000, PER_TURN = BUDGET_US / EACH_US };

static struct net_loop *loop;
static uint64_t		fake_us;
static int		order[4 * MANY], ran;

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
	ran = 0;
	loop = net_loop_new();
	assert_non_null(loop);
	net_loop_clock(loop, fake_clock);
	net_loop_budget(loop, BUDGET_US);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	net_loop_free(loop);
	return 0;
}

static void
work(int number)
{
	assert_true(ran < (int)ALV_COUNT(order));
	order[ran++] = number;
	fake_us += EACH_US;
}

/* All of a batch ran once, before any ran a second time. */
static void
assert_each_once(int from)
{
	for (int i = 0; i < MANY; i++) {
		int times = 0;

		for (int k = 0; k < MANY; k++)
			times += order[from + k] == i;
		assert_int_equal(times, 1);
	}
}

/* ---- events -------------------------------------------------------------------------------- */

struct source {
	struct net_fd fd;
	int	      number;
};

static void
on_event(struct net_fd *f, uint32_t events)
{
	(void)events;
	work(ALV_HOLDER(f, struct source, fd)->number);
}

static void
test_events_go_round(void **state)
{
	struct source s[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		s[i].number = i;
		assert_int_equal(net_fd_open(loop, &s[i].fd, eventfd(1, EFD_NONBLOCK), EPOLLIN, on_event), ALV_OK);
	}
	for (int turn = 1; turn <= 2 * MANY / PER_TURN; turn++) {
		net_loop_turn(loop, -1);	/* does not sleep while some are left */
		assert_int_equal(ran, turn * PER_TURN);
	}
	assert_each_once(0);
	assert_each_once(MANY);
	for (int i = 0; i < MANY; i++)
		net_fd_close(&s[i].fd);
}

static struct source *victim;

static void
close_victim(struct net_fd *f, uint32_t events)
{
	on_event(f, events);
	net_fd_close(&victim->fd);
}

/* What is left of a batch must not outlive its descriptor. */
static void
test_one_of_the_rest_is_closed(void **state)
{
	struct source s[MANY];

	(void)state;
	victim = &s[MANY - 1];
	for (int i = 0; i < MANY; i++) {
		s[i].number = i;
		assert_int_equal(net_fd_open(loop, &s[i].fd, eventfd(1, EFD_NONBLOCK), EPOLLIN, i == 0 ? close_victim : on_event), ALV_OK);
	}
	for (int turn = 0; turn < MANY; turn++)
		net_loop_turn(loop, -1);
	for (int i = 0; i < ran; i++)
		assert_int_not_equal(order[i], MANY - 1);
	assert_true(ran >= MANY);
	for (int i = 0; i < MANY; i++)
		net_fd_close(&s[i].fd);
}

/* ---- later, slow --------------------------------------------------------------------------- */

struct task {
	struct net_later later;
	int		 number;
};

static void
on_later(struct net_later *l)
{
	work(ALV_HOLDER(l, struct task, later)->number);
}

static void
test_laters_keep_their_order(void **state)
{
	struct task t[MANY + 1];

	(void)state;
	for (int i = 0; i <= MANY; i++)
		t[i] = (struct task){ .later.fn = on_later, .number = i };
	for (int i = 0; i < MANY; i++)
		net_later(loop, &t[i].later);
	net_loop_turn(loop, -1);
	assert_int_equal(ran, PER_TURN);
	net_later_cancel(loop, &t[PER_TURN].later);	/* one that was left */
	net_later(loop, &t[MANY].later);		/* behind those that were left */
	net_later(loop, &t[PER_TURN].later);
	for (int turn = 0; turn < MANY; turn++)
		net_loop_turn(loop, 0);
	assert_int_equal(ran, MANY + 1);
	for (int i = 0; i < ran; i++)
		assert_int_equal(order[i], i < PER_TURN ? i : i < MANY - 1 ? i + 1 : i == MANY - 1 ? MANY : PER_TURN);
}

/* A storm of slow ones costs the others one of them a turn. */
static void
test_slow_ones_come_last(void **state)
{
	struct task   t[MANY];
	struct source s = { .number = 100 };

	(void)state;
	for (int i = 0; i < MANY; i++) {
		t[i] = (struct task){ .later.fn = on_later, .number = i };
		net_slow(loop, &t[i].later);
	}
	assert_int_equal(net_fd_open(loop, &s.fd, eventfd(1, EFD_NONBLOCK), EPOLLIN, on_event), ALV_OK);
	for (int turn = 1; turn <= MANY; turn++) {
		net_loop_budget(loop, EACH_US);	/* the event alone uses it up */
		net_loop_turn(loop, -1);
		assert_int_equal(ran, 2 * turn);
		assert_int_equal(order[2 * turn - 2], 100);
		assert_int_equal(order[2 * turn - 1], turn - 1);
	}
	net_fd_close(&s.fd);
}

/* ---- mail, timers -------------------------------------------------------------------------- */

struct letter {
	struct net_mail mail;
	int		number;
};

static void
on_mail(struct net_loop *l, struct net_mail *m)
{
	(void)l;
	work(ALV_HOLDER(m, struct letter, mail)->number);
	free(m);
}

static void
post(int number)
{
	struct letter *m = malloc(sizeof(*m));

	assert_non_null(m);
	*m = (struct letter){ .mail.fn = on_mail, .number = number };
	assert_int_equal(net_mail_send(loop, &m->mail), ALV_OK);
}

static void
test_mail_keeps_its_order(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++)
		post(i);
	net_loop_turn(loop, -1);
	assert_int_equal(ran, PER_TURN);
	for (int i = MANY; i < 2 * MANY; i++)
		post(i);
	while (ran < 2 * MANY)
		net_loop_turn(loop, -1);
	for (int i = 0; i < ran; i++)
		assert_int_equal(order[i], i);
}

struct alarm {
	struct net_timer timer;
	int		 number;
};

static void
on_alarm(struct net_timer *t)
{
	work(ALV_HOLDER(t, struct alarm, timer)->number);
}

static void
test_timers_leave_room_for_others(void **state)
{
	struct alarm  a[MANY];
	struct source s = { .number = 100 };

	(void)state;
	for (int i = 0; i < MANY; i++) {
		net_timer_init(loop, &a[i].timer, on_alarm);
		a[i].number = i;
		net_timer_set(&a[i].timer, fake_us + (uint64_t)i);
	}
	fake_us += MANY;
	assert_int_equal(net_fd_open(loop, &s.fd, eventfd(1, EFD_NONBLOCK), EPOLLIN, on_event), ALV_OK);
	for (int turn = 1; turn <= MANY / PER_TURN; turn++) {
		net_loop_turn(loop, -1);
		assert_int_equal(ran, turn * (PER_TURN + 1));
		assert_int_equal(order[ran - 1], 100);
		assert_int_equal(order[ran - 2], turn * PER_TURN - 1);
	}
	net_fd_close(&s.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_events_go_round, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_of_the_rest_is_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_laters_keep_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_ones_come_last, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mail_keeps_its_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timers_leave_room_for_others, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
