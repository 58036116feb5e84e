/* A stream behind a load balancer: the header before everything else, at any cut, within its time, and only from whom it is
 * believed; what follows it belongs to TLS or to the owner, untouched. */
#include "tests/unit/gateway/net/kit.h"

#include <alcove/str.h>

#include <stdio.h>

static struct kit k;
static struct alv_cidr loopback;
static struct net_proxy_rule rule;

static const char line[] = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 9092\r\n";

static uint64_t fake_us;

static uint64_t
fake_clock(void)
{
	return fake_us;
}

static int
setup(void **state)
{
	(void)state;
	kit_open(&k);
	fake_us = 1000;
	net_loop_clock(k.loop, fake_clock);
	net_loop_turn(k.loop, 0);
	assert_int_equal(alv_cidr_parse(ALV_STR("127.0.0.0/8"), &loopback), ALV_OK);
	rule = (struct net_proxy_rule){ .versions = NET_PROXY_V1 | NET_PROXY_V2, .trusted = &loopback, .ntrusted = 1 };
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
accept_behind(struct side *x, int fd)
{
	memset(x, 0, sizeof(*x));
	assert_int_equal(net_stream_accept_behind(&x->s, &k.ctx, fd, &rule, NULL, 1000, &side_ops, x), ALV_OK);
}

static const char *
peer(const struct side *x)
{
	static char text[46];

	net_peer_text(&x->s.peer, text);
	return text;
}

static void
test_the_client_begins_behind_it(void **state)
{
	struct side x;
	char	    both[200], got[16] = "";
	int	    fd[2], n;

	(void)state;
	kit_pair(fd, false);
	accept_behind(&x, fd[0]);
	assert_string_equal(peer(&x), "127.0.0.1");
	n = snprintf(both, sizeof(both), "%s%s", line, "hello");
	assert_int_equal(write(fd[1], both, (size_t)n), n);
	TURN_UNTIL(&k, x.s.in.n == 5);
	assert_int_equal(x.opened, 1);
	assert_true(alv_chain_peek(&x.s.in, 0, got, 5));
	assert_string_equal(got, "hello");
	assert_int_equal(x.s.bytes_in, 5);
	assert_string_equal(peer(&x), "192.0.2.7");
	assert_null(x.s.proxy);
	side_end(&k, &x);
	close(fd[1]);
}

static void
test_byte_by_byte(void **state)
{
	struct side x;
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	accept_behind(&x, fd[0]);
	for (size_t i = 0; i < sizeof(line) - 1; i++) {
		assert_int_equal(x.opened, 0);
		assert_int_equal(write(fd[1], line + i, 1), 1);
		net_loop_turn(k.loop, 100);
		net_loop_turn(k.loop, 0);
	}
	TURN_UNTIL(&k, x.opened);
	assert_string_equal(peer(&x), "192.0.2.7");
	side_end(&k, &x);
	close(fd[1]);
}

static void
test_own_address_stays(void **state)
{
	static const uint8_t local[16] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0";
	struct side	     x;
	int		     fd[2];

	(void)state;
	kit_pair(fd, false);
	accept_behind(&x, fd[0]);
	assert_int_equal(write(fd[1], local, sizeof(local)), sizeof(local));
	TURN_UNTIL(&k, x.opened);
	assert_string_equal(peer(&x), "127.0.0.1");
	/* A look whether we are there: that the client hangs up now is nobody's fault. */
	close(fd[1]);
	TURN_UNTIL(&k, x.data == 1);
	assert_true(x.s.in_eof);
	side_end(&k, &x);
	assert_int_equal(x.why, NET_END_EOF);
}

static void
refused_after(const char *said, size_t n, bool hang_up, enum net_end why)
{
	struct side x;
	char	    c;
	int	    fd[2];

	kit_pair(fd, false);
	accept_behind(&x, fd[0]);
	if (n > 0)
		assert_int_equal(write(fd[1], said, n), n);
	if (hang_up)
		assert_int_equal(shutdown(fd[1], SHUT_WR), 0);
	TURN_UNTIL(&k, x.closed);
	assert_int_equal(x.opened, 0);
	assert_int_equal(x.why, why);
	if (why == NET_END_PROXY)
		assert_string_not_equal(net_stream_tls_reason(&x.s), "");
	assert_string_equal(peer(&x), "127.0.0.1");
	assert_true(read(fd[1], &c, 1) <= 0);	/* not a byte is answered */
	side_end(&k, &x);
	close(fd[1]);
}

static void
test_refused(void **state)
{
	struct alv_cidr elsewhere;

	(void)state;
	refused_after("GET / HTTP/1.1\r\n\r\n", 18, false, NET_END_PROXY);
	refused_after("\x16\x03\x01\x02\x00", 5, false, NET_END_PROXY);
	refused_after("PROXY TCP4 1.2.3.4 1.2.3.4 1 x\r\n", 32, false, NET_END_PROXY);
	refused_after(line, sizeof(line) - 2, true, NET_END_PROXY);
	refused_after("", 0, true, NET_END_EOF);
	rule.versions = NET_PROXY_V2;
	refused_after(line, sizeof(line) - 1, false, NET_END_PROXY);
	assert_int_equal(alv_cidr_parse(ALV_STR("10.0.0.0/8"), &elsewhere), ALV_OK);
	rule = (struct net_proxy_rule){ .versions = NET_PROXY_V1, .trusted = &elsewhere, .ntrusted = 1 };
	refused_after(line, sizeof(line) - 1, false, NET_END_UNTRUSTED);
	refused_after("", 0, false, NET_END_UNTRUSTED);
}

static void
test_it_has_its_time(void **state)
{
	struct side x;
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	accept_behind(&x, fd[0]);
	assert_int_equal(write(fd[1], line, 20), 20);
	net_loop_turn(k.loop, 100);
	fake_us += 999 * 1000;
	net_loop_turn(k.loop, 0);
	assert_int_equal(x.closed, 0);
	fake_us += 2 * 1000;
	net_loop_turn(k.loop, 0);
	TURN_UNTIL(&k, x.closed);
	assert_int_equal(x.why, NET_END_TIMEOUT);
	side_end(&k, &x);
	close(fd[1]);
}

static void
test_closed_by_us_meanwhile(void **state)
{
	struct side x;
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	accept_behind(&x, fd[0]);
	assert_int_equal(write(fd[1], line, 20), 20);
	net_loop_turn(k.loop, 100);
	side_end(&k, &x);
	assert_int_equal(x.why, NET_END_OURS);
	close(fd[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_client_begins_behind_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_byte_by_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_address_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_has_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_by_us_meanwhile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
