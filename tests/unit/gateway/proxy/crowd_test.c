/* Who has not proved who it is: how many there may be, and who has to go. */
#include <alcove/clock.h>

#include "bench.h"

#include <errno.h>

enum { MAX = 3, PATIENCE_US = 2000000 };

static struct proxy p;
static uint64_t	    ahead_us;
static int	    fd[16];
static struct px_worker *other, *both[2];	/* other: only where a test has two */

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
	for (struct px_client *c = other == NULL ? NULL : other->clients; c != NULL; c = c->next)
		px_client_close(c, MET_CLOSE_DRAIN, false);
	for (int i = 0; other != NULL && (i < 5 || other->clients != NULL); i++)
		net_loop_turn(other->loop, 1);
	px_worker_free(other);
	other = NULL;
	p.gateway.nworkers = 0;
	proxy_close(&p);
	assert_int_equal(atomic_load(&p.gateway.strangers), 0);
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
the_bound(void **state)
{
	(void)state;
	assert_int_equal(px_crowd_max(100, 1000), 100);
	assert_int_equal(px_crowd_max(0, 1000), 500);
	assert_int_equal(px_crowd_max(0, 1), 1);
}

/* ---- two workers ------------------------------------------------------------------------------------------------- */

static void
two_workers(void)
{
	other = px_worker_new(&p.gateway, 1);
	assert_non_null(other);
	net_loop_clock(other->loop, clock_us);
	both[0] = p.worker;
	both[1] = other;
	p.gateway.workers = both;
	p.gateway.nworkers = ALV_COUNT(both);
}

static void
all_turn(void)
{
	for (int i = 0; i < 3; i++)
		for (unsigned w = 0; w < p.gateway.nworkers; w++)
			net_loop_turn(both[w]->loop, 1);
}

/* As from the listener, while that takes the other worker for the busier one. */
static void
comes_to(struct px_worker *w, int i)
{
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	int			fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	fd[i] = fds[0];
	all_turn();	/* the loops' clocks */
	for (unsigned x = 0; x < p.gateway.nworkers; x++)
		atomic_store(&both[x]->mover.load, both[x] == w ? 0 : 1 << 30);
	px_worker_accept(&p.port, NULL, fds[1], &peer);
	all_turn();
}

static void
the_whole_bound_is_one_workers_where_the_others_have_none(void **state)
{
	(void)state;
	two_workers();
	for (int i = 0; i < MAX; i++)
		comes_to(other, i);
	assert_int_equal(other->crowd.n, MAX);
	assert_int_equal(atomic_load(&p.gateway.strangers), MAX);
	/* Wherever it comes. */
	comes_to(other, MAX);
	comes_to(p.worker, MAX + 1);
	for (int i = 0; i < MAX + 2; i++) {
		all_turn();
		assert_int_equal(is_there(i), i < MAX);
	}
	assert_int_equal(p.worker->crowd.n + other->crowd.n, MAX);
	assert_int_equal(atomic_load(&p.gateway.connections), MAX);
}

static void
a_crowd_at_one_worker_makes_room_for_who_comes_to_another(void **state)
{
	(void)state;
	two_workers();
	for (int i = 0; i < MAX; i++)
		comes_to(other, i);
	ahead_us += PATIENCE_US;
	comes_to(p.worker, MAX);
	for (int i = 0; i <= MAX; i++)
		assert_int_equal(is_there(i), i > 0);
	assert_int_equal(other->crowd.n, MAX);	/* it was accepted there */
	assert_int_equal(atomic_load(&p.worker->connections), 0);
	assert_int_equal(atomic_load(&other->connections), MAX);
	assert_int_equal(atomic_load(&p.gateway.strangers), MAX);
}

static void
who_comes_to_a_worker_with_room_of_its_own_stays_there(void **state)
{
	(void)state;
	two_workers();
	comes_to(p.worker, 0);
	comes_to(other, 1);
	comes_to(other, 2);
	ahead_us += PATIENCE_US;
	comes_to(p.worker, 3);
	for (int i = 0; i < 4; i++)
		assert_int_equal(is_there(i), i > 0);
	assert_int_equal(p.worker->crowd.n, 1);
	assert_int_equal(other->crowd.n, 2);
}

/* It looked as if somebody could go, but that one waits for us: nobody is sent round and round. */
static void
who_was_passed_on_once_is_not_again(void **state)
{
	(void)state;
	two_workers();
	for (int i = 0; i < MAX; i++) {
		comes_to(other, i);
		other->clients->away++;
	}
	ahead_us += PATIENCE_US;
	comes_to(p.worker, MAX);
	all_turn();
	assert_false(is_there(MAX));
	assert_int_equal(atomic_load(&p.gateway.connections), MAX);
	assert_int_equal(atomic_load(&other->connections), MAX);
	for (struct px_client *c = other->clients; c != NULL; c = c->next)
		px_unaway(c);
}

/* ---- one ----------------------------------------------------------------------------------------------------------- */

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
		cmocka_unit_test(the_bound),
		T(the_whole_bound_is_one_workers_where_the_others_have_none),
		T(a_crowd_at_one_worker_makes_room_for_who_comes_to_another),
		T(who_comes_to_a_worker_with_room_of_its_own_stays_there),
		T(who_was_passed_on_once_is_not_again),
		T(whoever_comes_last_is_turned_away_at_first),
		T(who_had_its_time_goes_for_who_comes),
		T(who_waits_for_us_is_passed_over),
		T(who_is_known_is_no_part_of_it),
		T(who_leaves_makes_room),
		T(it_is_read_less_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
