/* Who has not proved who it is: how many there may be, and who has to go. */
#include <alcove/clock.h>

#include "bench.h"

#include <errno.h>

enum { MAX = 3, PATIENCE_US = 2000000 };

static struct proxy p;
static uint64_t	    ahead_us;
static int	    fd[16];

static uint64_t
clock_us(void)
{
	return alv_mono_us() + ahead_us;
}

static int
setup(void **state)
{
	(void)state;
	proxy_open(&p);
	ahead_us = 0;
	net_loop_clock(p.worker->loop, clock_us);
	p.conf.limits.connections_max = 100;
	p.conf.limits.connections_unauthenticated_max = MAX;
	for (size_t i = 0; i < ALV_COUNT(fd); i++)
		fd[i] = -1;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	proxy_close(&p);
	for (size_t i = 0; i < ALV_COUNT(fd); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	return 0;
}

static struct px_client *
comes(int i)
{
	struct px_client *c;

	proxy_turns(&p, 1);	/* the loop's clock */
	c = proxy_accept(&p, &fd[i]);
	proxy_turns(&p, 3);
	return c;
}

/* Reads its own end: an end that was closed says so. */
static bool
is_there(int i)
{
	char b;

	proxy_turns(&p, 3);
	return recv(fd[i], &b, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void
each_worker_has_its_part(void **state)
{
	(void)state;
	assert_int_equal(px_crowd_share(100, 1000, 4), 25);
	assert_int_equal(px_crowd_share(101, 1000, 4), 26);
	assert_int_equal(px_crowd_share(0, 1000, 4), 125);
	assert_int_equal(px_crowd_share(0, 1, 1), 1);
	assert_int_equal(px_crowd_share(2, 1000, 16), 1);
}

static void
whoever_comes_last_is_turned_away_at_first(void **state)
{
	(void)state;
	for (int i = 0; i < MAX + 2; i++)
		(void)comes(i);
	for (int i = 0; i < MAX + 2; i++)
		assert_int_equal(is_there(i), i < MAX);
	assert_int_equal(p.worker->crowd.n, MAX);
	assert_int_equal(atomic_load(&p.gateway.connections), MAX);
}

static void
who_had_its_time_goes_for_who_comes(void **state)
{
	(void)state;
	for (int i = 0; i < MAX; i++)
		(void)comes(i);
	ahead_us += PATIENCE_US;
	(void)comes(MAX);
	assert_false(is_there(0));
	for (int i = 1; i <= MAX; i++)
		assert_true(is_there(i));
	assert_int_equal(p.worker->crowd.n, MAX);
	/* Those that are left have had it too, the new one has not. */
	(void)comes(MAX + 1);
	(void)comes(MAX + 2);
	(void)comes(MAX + 3);
	assert_false(is_there(1));
	assert_false(is_there(2));
	assert_true(is_there(MAX));
	assert_true(is_there(MAX + 1));
	assert_true(is_there(MAX + 2));
	assert_false(is_there(MAX + 3));
}

static void
who_waits_for_us_is_passed_over(void **state)
{
	struct px_client *c;

	(void)state;
	c = comes(0);
	c->away++;	/* its password is being worked on */
	(void)comes(1);
	(void)comes(2);
	ahead_us += PATIENCE_US;
	(void)comes(3);
	assert_true(is_there(0));
	assert_false(is_there(1));
	assert_true(is_there(2));
	px_unaway(c);
	(void)comes(4);
	(void)comes(5);
	assert_false(is_there(0));
	assert_false(is_there(2));
}

static void
who_is_known_is_no_part_of_it(void **state)
{
	struct px_client *c;

	(void)state;
	c = proxy_client(&p);
	assert_int_equal(p.worker->crowd.n, 0);
	for (int i = 0; i < MAX + 1; i++)
		(void)comes(i);
	ahead_us += PATIENCE_US;
	(void)comes(MAX + 1);
	assert_false(is_there(0));
	assert_int_equal(c->state, PX_SERVING);
	proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
	assert_int_equal(proxy_await(&p), 1);
	assert_int_equal(c->stream.in_max, PX_IN_MAX);
}

static void
who_leaves_makes_room(void **state)
{
	(void)state;
	for (int i = 0; i < MAX; i++)
		(void)comes(i);
	close(fd[1]);
	fd[1] = -1;
	proxy_turns(&p, 5);
	assert_int_equal(p.worker->crowd.n, MAX - 1);
	(void)comes(MAX);
	assert_true(is_there(0));
	assert_true(is_there(2));
	assert_true(is_there(MAX));
	for (int i = 0; i <= MAX; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	for (int i = 0; i <= MAX; i++)
		fd[i] = -1;
	proxy_turns(&p, 5);
	assert_int_equal(p.worker->crowd.n, 0);
	assert_null(p.worker->crowd.first);
	assert_null(p.worker->crowd.last);
}

/* Not so much is read of it either. */
static void
it_is_read_less_of(void **state)
{
	struct px_client *c;

	(void)state;
	c = comes(0);
	assert_int_equal(c->stream.in_max, p.conf.limits.frame_max_bytes_unauthenticated + 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_worker_has_its_part),
		T(whoever_comes_last_is_turned_away_at_first),
		T(who_had_its_time_goes_for_who_comes),
		T(who_waits_for_us_is_passed_over),
		T(who_is_known_is_no_part_of_it),
		T(who_leaves_makes_room),
		T(it_is_read_less_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
