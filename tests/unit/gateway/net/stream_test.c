/* A stream's life without TLS: who is told what, how often, in which order; bounds; peers that misbehave. */
#include "tests/unit/gateway/net/kit.h"

#include <errno.h>

static struct kit k;

static int
setup(void **state)
{
	(void)state;
	kit_open(&k);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	kit_close(&k);
	return 0;
}

static void
test_twenty_megabytes_each_way(void **state)
{
	struct talk *t = calloc(2, sizeof(*t));
	int	     fd[2];

	(void)state;
	assert_non_null(t);
	kit_pair(fd, false);
	side_accept(&k, &t[0].x, fd[0], NULL, 1000);
	side_accept(&k, &t[1].x, fd[1], NULL, 1000);
	talk_run(&k, &t[0], &t[1], 20 * 1024 * 1024);
	for (int i = 0; i < 2; i++) {
		assert_true(t[i].most_in <= 512 * 1024);
		assert_true(t[i].most_out <= NET_HIGH_WATER + 70000);
		side_end(&k, &t[i].x);
	}
	free(t);
}

static void
test_nothing_is_read_beyond_in_max(void **state)
{
	struct side x;
	uint8_t	    bytes[5000] = { 0 };
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &x, fd[0], NULL, 1000);
	x.s.in_max = 1000;
	assert_int_equal(write(fd[1], bytes, sizeof(bytes)), sizeof(bytes));
	for (int i = 0; i < 5; i++)
		net_loop_turn(k.loop, 1);
	assert_int_equal(x.s.in.n, 1000);
	assert_int_equal(x.data, 1);
	alv_chain_drop(&x.s.in, 300);
	net_stream_more(&x.s);
	for (int i = 0; i < 5; i++)
		net_loop_turn(k.loop, 1);
	assert_int_equal(x.s.in.n, 1000);
	x.s.in_max = 0;
	net_stream_more(&x.s);
	net_loop_turn(k.loop, 1);
	assert_int_equal(x.s.in.n, 1000);
	x.s.in_max = 100000;
	net_stream_more(&x.s);
	TURN_UNTIL(&k, x.s.in.n == 4700);
	side_end(&k, &x);
	close(fd[1]);
}

static void
test_sends_of_one_turn_are_one_segment(void **state)
{
	struct side x;
	char	    got[64];
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &x, fd[0], NULL, 1000);
	TURN_UNTIL(&k, x.opened);
	side_say(&k, &x, "one ", 4);
	side_say(&k, &x, "two ", 4);
	side_say(&k, &x, "three", 5);
	assert_true(read(fd[1], got, sizeof(got)) < 0);	/* not before the turn ends */
	net_loop_turn(k.loop, 0);
	assert_int_equal(read(fd[1], got, sizeof(got)), 13);
	assert_memory_equal(got, "one two three", 13);
	assert_int_equal(x.s.bytes_out, 13);
	side_end(&k, &x);
	assert_int_equal(x.why, NET_END_OURS);
	close(fd[1]);
}

static void
test_full_and_drained(void **state)
{
	struct side    x;
	static uint8_t bytes[3 * 1024 * 1024], sink[65536];
	int	       fd[2];

	(void)state;
	kit_pair(fd, true);
	side_accept(&k, &x, fd[0], NULL, 1000);
	TURN_UNTIL(&k, x.opened);
	side_say(&k, &x, bytes, sizeof(bytes));
	assert_true(net_stream_full(&x.s));
	for (int i = 0; i < 10; i++)
		net_loop_turn(k.loop, 0);
	assert_int_equal(x.drained, 0);
	while (x.drained == 0) {
		(void)!read(fd[1], sink, sizeof(sink));
		net_loop_turn(k.loop, 1);
	}
	assert_true(x.s.out.n <= x.s.high_water / 2);
	while (x.s.out.n > 0) {
		(void)!read(fd[1], sink, sizeof(sink));
		net_loop_turn(k.loop, 1);
	}
	assert_int_equal(x.drained, 1);
	side_end(&k, &x);
	close(fd[1]);
}

/* A thousand answers of a few bytes to a peer that does not read: they share blocks, and each step of progress is told. */
static void
test_small_sends_are_dense(void **state)
{
	static char large[1 << 20];
	struct side x;
	int	    fd[2], told;

	(void)state;
	kit_pair(fd, true);
	side_accept(&k, &x, fd[0], NULL, 1000);
	TURN_UNTIL(&k, x.opened);
	side_say(&k, &x, large, sizeof(large));
	for (int i = 0; i < 5; i++)
		net_loop_turn(k.loop, 1);
	told = x.wrote;
	assert_true(told > 0 && net_stream_left(&x.s) > 0);
	for (int i = 0; i < 1000; i++)
		side_say(&k, &x, "small", 5);
	assert_int_equal(net_stream_left(&x.s) + x.s.sent, sizeof(large) + 5000);
	assert_true(alv_pool_out(k.pool) <= 5 * (size_t)ALV_BLOCK_MAX);
	while (net_stream_left(&x.s) > 0) {
		static char got[65536];

		if (read(fd[1], got, sizeof(got)) < 0)
			net_loop_turn(k.loop, 5);
	}
	assert_true(x.wrote > told);
	side_end(&k, &x);
	close(fd[1]);
}

static void
test_half_close_leaves_the_other_way_open(void **state)
{
	struct side x;
	char	    got[16];
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &x, fd[0], NULL, 1000);
	assert_int_equal(write(fd[1], "ask", 3), 3);
	assert_int_equal(shutdown(fd[1], SHUT_WR), 0);
	TURN_UNTIL(&k, x.s.in_eof);
	assert_int_equal(x.s.in.n, 3);
	assert_int_equal(x.closed, 0);
	for (int i = 0, data = x.data; i < 5; i++) {
		net_loop_turn(k.loop, 1);	/* an eof is told once */
		assert_int_equal(x.data, data);
	}
	side_say(&k, &x, "answer", 6);
	net_stream_close(&x.s, true);
	TURN_UNTIL(&k, x.closed);
	assert_int_equal(x.why, NET_END_EOF);
	assert_int_equal(read(fd[1], got, sizeof(got)), 6);
	assert_int_equal(read(fd[1], got, sizeof(got)), 0);
	side_end(&k, &x);
	close(fd[1]);
}

static void
reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(fd);
}

static void
test_reset_is_noticed_even_when_paused(void **state)
{
	for (int paused = 0; paused < 2; paused++) {
		struct side x;
		int	    fd[2];

		(void)state;
		kit_pair(fd, false);
		side_accept(&k, &x, fd[0], NULL, 1000);
		x.s.in_max = paused ? 0 : 1000;
		TURN_UNTIL(&k, x.opened);
		reset(fd[1]);
		TURN_UNTIL(&k, x.closed);
		assert_int_equal(x.why, NET_END_RESET);
		side_end(&k, &x);
	}
}

static void
test_what_was_said_before_a_reset_is_heard(void **state)
{
	struct side x;
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &x, fd[0], NULL, 1000);
	TURN_UNTIL(&k, x.opened);
	side_say(&k, &x, "lost", 4);
	net_loop_turn(k.loop, 0);
	assert_int_equal(write(fd[1], "last words", 10), 10);
	close(fd[1]);	/* over unread bytes: a reset */
	side_say(&k, &x, "into the void", 13);
	TURN_UNTIL(&k, x.closed || x.s.in_eof);
	assert_int_equal(x.s.in.n, 10);
	side_end(&k, &x);
}

struct leaver {
	struct net_later later;
	int		 fd;
};

static void
leave(struct net_later *l)
{
	struct leaver *x = ALV_HOLDER(l, struct leaver, later);

	assert_int_equal(write(x->fd, "last words", 10), 10);
	close(x->fd);	/* over unread bytes: a reset */
}

/* The same, where our write is the first to notice: the peer goes between this turn's reading and its writing. */
static void
test_what_was_said_before_a_broken_write_is_heard(void **state)
{
	struct leaver gone = { .later.fn = leave };
	struct side   x;
	int	      fd[2];

	(void)state;
	kit_pair(fd, false);
	gone.fd = fd[1];
	side_accept(&k, &x, fd[0], NULL, 1000);
	TURN_UNTIL(&k, x.opened);
	side_say(&k, &x, "lost", 4);
	net_loop_turn(k.loop, 0);
	net_later(k.loop, &gone.later);
	side_say(&k, &x, "into the void", 13);	/* behind the other in this turn's later */
	TURN_UNTIL(&k, x.closed);
	assert_int_equal(x.why, NET_END_RESET);
	assert_int_equal(x.s.in.n, 10);
	side_end(&k, &x);
}

static void
test_close_flushes_what_is_queued(void **state)
{
	struct side    x;
	static uint8_t bytes[1024 * 1024], sink[65536];
	size_t	       total = 0;
	int	       fd[2];

	(void)state;
	kit_pair(fd, true);
	side_accept(&k, &x, fd[0], NULL, 1000);
	TURN_UNTIL(&k, x.opened);
	side_say(&k, &x, bytes, sizeof(bytes));
	net_stream_close(&x.s, true);
	side_say(&k, &x, "too late", 8);
	net_stream_close(&x.s, true);	/* again: nothing */
	assert_int_equal(x.closed, 0);
	for (;;) {
		ssize_t n = read(fd[1], sink, sizeof(sink));

		if (n == 0)
			break;
		total += n > 0 ? (size_t)n : 0;
		net_loop_turn(k.loop, 1);
	}
	assert_int_equal(total, sizeof(bytes));
	TURN_UNTIL(&k, x.closed);
	assert_int_equal(x.why, NET_END_OURS);
	side_end(&k, &x);
	close(fd[1]);
}

static uint64_t fake_us;

static uint64_t
fake_clock(void)
{
	return fake_us;
}

static void
test_a_peer_that_reads_nothing_cannot_hold_a_close(void **state)
{
	struct side    x;
	static uint8_t bytes[1024 * 1024];
	int	       fd[2];

	(void)state;
	fake_us = 1;
	net_loop_clock(k.loop, fake_clock);
	kit_pair(fd, true);
	side_accept(&k, &x, fd[0], NULL, 1000);
	TURN_UNTIL(&k, x.opened);
	side_say(&k, &x, bytes, sizeof(bytes));
	net_stream_close(&x.s, true);
	fake_us += NET_CLOSE_MS * 1000 - 1;
	for (int i = 0; i < 5; i++)
		net_loop_turn(k.loop, 0);
	assert_int_equal(x.closed, 0);
	fake_us += 1;
	TURN_UNTIL(&k, x.closed);
	side_end(&k, &x);
	close(fd[1]);
}

/* ---- closing from inside the callbacks ------------------------------------------------------ */

static void
close_in_data(struct side *x)
{
	int closed = x->closed;

	net_stream_close(&x->s, x->slow);
	net_stream_close(&x->s, false);
	assert_int_equal(x->closed, closed);	/* never from inside */
}

static void
test_close_from_on_data(void **state)
{
	for (int flush = 0; flush < 2; flush++) {
		struct side x;
		int	    fd[2];

		(void)state;
		kit_pair(fd, false);
		side_accept(&k, &x, fd[0], NULL, 1000);
		x.on_data = close_in_data;
		x.slow = flush;
		assert_int_equal(write(fd[1], "x", 1), 1);
		TURN_UNTIL(&k, x.closed);
		assert_int_equal(x.why, NET_END_OURS);
		assert_int_equal(x.s.in.n, 1);	/* still the owner's to look at */
		side_end(&k, &x);
		close(fd[1]);
	}
}

/* ---- connecting ----------------------------------------------------------------------------- */

static void
test_connect(void **state)
{
	struct side x;
	int	    fd;

	(void)state;
	side_connect(&k, &x, NULL, "localhost", &fd);
	side_say(&k, &x, "early", 5);	/* waits for the connection */
	TURN_UNTIL(&k, x.opened && x.s.bytes_out == 5);
	side_end(&k, &x);
	close(fd);
}

static void
test_connect_refused(void **state)
{
	struct sockaddr_in a;
	struct side	   x = { 0 };
	int		   l;

	(void)state;
	kit_listen(&l, &a);
	close(l);
	assert_int_equal(net_stream_connect(&x.s, &k.ctx, (struct sockaddr *)&a, sizeof(a), NULL, "", 1000, &side_ops, &x), ALV_OK);
	assert_int_equal(x.closed, 0);
	TURN_UNTIL(&k, x.closed);
	assert_int_equal(x.why, NET_END_CONNECT);
	assert_int_equal(x.s.sys_errno, ECONNREFUSED);
	side_end(&k, &x);
}

/* A listener whose queue is full drops SYNs: a connect that hangs, without leaving the machine. */
static void
test_connect_timeout(void **state)
{
	struct sockaddr_in a;
	struct side	   x = { 0 };
	int		   l, fill[8];

	(void)state;
	fake_us = 1;
	net_loop_clock(k.loop, fake_clock);
	kit_listen(&l, &a);
	assert_int_equal(listen(l, 0), 0);
	for (size_t i = 0; i < ALV_COUNT(fill); i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], (struct sockaddr *)&a, sizeof(a));
	}
	assert_int_equal(net_stream_connect(&x.s, &k.ctx, (struct sockaddr *)&a, sizeof(a), NULL, "", 30, &side_ops, &x), ALV_OK);
	net_loop_turn(k.loop, 0);
	assert_int_equal(x.opened + x.closed, 0);
	fake_us += 30 * 1000;
	TURN_UNTIL(&k, x.closed);
	assert_int_equal(x.why, NET_END_TIMEOUT);
	side_end(&k, &x);
	for (size_t i = 0; i < ALV_COUNT(fill); i++)
		close(fill[i]);
	close(l);
}

/* ---- memory --------------------------------------------------------------------------------- */

static void
test_an_idle_stream_holds_no_block(void **state)
{
	struct side x;
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &x, fd[0], NULL, 1000);
	assert_int_equal(write(fd[1], "abc", 3), 3);
	TURN_UNTIL(&k, x.s.in.n == 3);
	assert_int_equal(alv_pool_out(k.pool), ALV_BLOCK_SMALL);
	alv_chain_drop(&x.s.in, 3);
	assert_int_equal(alv_pool_out(k.pool), 0);
	side_end(&k, &x);
	close(fd[1]);
}

/* A byte at a time must not cost a block, nor a piece, each. */
static void
test_single_bytes_share_a_block(void **state)
{
	struct side x;
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &x, fd[0], NULL, 1000);
	for (size_t i = 1; i <= 1000; i++) {
		assert_int_equal(write(fd[1], "x", 1), 1);
		TURN_UNTIL(&k, x.s.in.n == i);
	}
	assert_int_equal(alv_pool_out(k.pool), ALV_BLOCK_SMALL);
	assert_null(x.s.in.head->next);
	side_end(&k, &x);
	close(fd[1]);
}

/* The owner keeps a view of the first frame while the stream fills the block further. */
static void
test_filling_goes_on_behind_a_view(void **state)
{
	struct alv_chain kept;
	struct side	 x;
	char		 got[8];
	int		 fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &x, fd[0], NULL, 1000);
	assert_int_equal(write(fd[1], "firstsec", 8), 8);
	TURN_UNTIL(&k, x.s.in.n == 8);
	alv_chain_init(&kept, k.pool);
	alv_chain_cut(&kept, &x.s.in, 5);
	alv_chain_copy(&kept, "PATCH", 5);	/* must not land where the stream goes on */
	assert_int_equal(write(fd[1], "ond", 3), 3);
	TURN_UNTIL(&k, x.s.in.n == 6);
	assert_true(alv_chain_peek(&x.s.in, 0, got, 6));
	assert_memory_equal(got, "second", 6);
	assert_true(alv_chain_peek(&kept, 5, got, 5));
	assert_memory_equal(got, "PATCH", 5);
	alv_chain_clear(&kept);
	side_end(&k, &x);
	close(fd[1]);
}

static void
test_peer_text(void **state)
{
	struct sockaddr_storage	a = { .ss_family = AF_INET6 };
	struct sockaddr_in6    *v6 = (struct sockaddr_in6 *)&a;
	char			text[46];

	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.3", &v6->sin6_addr), 1);
	net_peer_text(&a, text);
	assert_string_equal(text, "10.1.2.3");
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &v6->sin6_addr), 1);
	net_peer_text(&a, text);
	assert_string_equal(text, "2001:db8::1");
	a.ss_family = AF_UNIX;
	net_peer_text(&a, text);
	assert_string_equal(text, "unknown");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_twenty_megabytes_each_way),
		T(test_nothing_is_read_beyond_in_max),
		T(test_sends_of_one_turn_are_one_segment),
		T(test_full_and_drained),
		T(test_small_sends_are_dense),
		T(test_half_close_leaves_the_other_way_open),
		T(test_reset_is_noticed_even_when_paused),
		T(test_what_was_said_before_a_reset_is_heard),
		T(test_what_was_said_before_a_broken_write_is_heard),
		T(test_close_flushes_what_is_queued),
		T(test_a_peer_that_reads_nothing_cannot_hold_a_close),
		T(test_close_from_on_data),
		T(test_connect),
		T(test_connect_refused),
		T(test_connect_timeout),
		T(test_an_idle_stream_holds_no_block),
		T(test_single_bytes_share_a_block),
		T(test_filling_goes_on_behind_a_view),
		T(test_peer_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
