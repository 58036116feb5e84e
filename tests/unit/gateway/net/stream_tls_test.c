/* TLS streams: bytes, back-pressure and the ways they end. */
#include "tests/unit/gateway/net/tls_kit.h"

static void
talk_tls(int version, uint64_t total)
{
	struct talk *t = calloc(2, sizeof(*t));

	assert_non_null(t);
	ours(&t[0].x, &t[1].x, "localhost", version);
	talk_run(&k, &t[0], &t[1], total);
	for (int i = 0; i < 2; i++)
		assert_true(t[i].most_out <= NET_HIGH_WATER + 70000);
	ours_end(&t[0].x, &t[1].x);
	free(t);
}

static void
test_twenty_megabytes_each_way_13(void **state)
{
	(void)state;
	talk_tls(TLS1_3_VERSION, 20 * 1024 * 1024);
}

static void
test_twenty_megabytes_each_way_12(void **state)
{
	(void)state;
	talk_tls(TLS1_2_VERSION, 20 * 1024 * 1024);
}

static void
test_rsa(void **state)
{
	(void)state;
	net_tls_server_free(server);
	server = new_server(&certs.rsa);
	talk_tls(TLS1_3_VERSION, 10000);
	talk_tls(TLS1_2_VERSION, 10000);
}

/* New keys every four records, both ways, among traffic. */
static void
test_keys_are_renewed(void **state)
{
	(void)state;
	k.ctx.rekey_records = 4;
	talk_tls(TLS1_3_VERSION, 4 * 1024 * 1024);
	talk_tls(TLS1_2_VERSION, 1024 * 1024);	/* has none; goes on */
}

/* A whole megabyte is there to be read, but no more than in_max and a record is taken, and all of it arrives in the end. */
static void
test_back_pressure_is_exact(void **state)
{
	static uint8_t bytes[1024 * 1024];
	struct side    c, s;
	size_t	       total = 0;

	(void)state;
	ours(&c, &s, "localhost", 0);
	s.s.in_max = 1000;
	side_say(&k, &c, bytes, sizeof(bytes));
	while (total < sizeof(bytes)) {
		TURN_UNTIL(&k, s.s.in.n >= s.s.in_max || total + s.s.in.n == sizeof(bytes));
		for (int i = 0; i < 3; i++)
			net_loop_turn(k.loop, 0);
		assert_true(s.s.in.n <= s.s.in_max + 16384);
		assert_true(alv_pool_out(k.pool) <= 3 * sizeof(bytes));
		total += s.s.in.n;
		alv_chain_drop(&s.s.in, s.s.in.n);
		net_stream_more(&s.s);
	}
	assert_int_equal(total, sizeof(bytes));
	assert_true(c.drained == 1);
	ours_end(&c, &s);
}

/* A frame that lacks one byte has room for one byte; the record that brings it is not fetched byte by byte. */
static void
test_little_room_takes_a_whole_record(void **state)
{
	static uint8_t bytes[16384];
	struct side    c, s;

	(void)state;
	ours(&c, &s, "localhost", 0);
	s.s.in_max = 1;
	side_say(&k, &c, bytes, sizeof(bytes));
	for (int i = 0; i < 6; i++)
		net_loop_turn(k.loop, 10);
	assert_int_equal(s.s.in.n, sizeof(bytes));
	ours_end(&c, &s);
}

static void
test_an_idle_stream_holds_no_block(void **state)
{
	struct side c, s;

	(void)state;
	ours(&c, &s, "localhost", 0);
	side_say(&k, &c, "hello", 5);
	TURN_UNTIL(&k, s.s.in.n == 5);
	assert_int_equal(alv_pool_out(k.pool), ALV_BLOCK_SMALL);
	alv_chain_drop(&s.s.in, 5);
	assert_int_equal(alv_pool_out(k.pool), 0);
	ours_end(&c, &s);
}

static void
test_one_byte_at_a_time(void **state)
{
	struct peer p;
	struct side s;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	p.drip = 1;
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	for (int i = 0; i < 20; i++)
		peer_say(&p, "0123456789");
	PUMP_UNTIL(&p, s.s.in.n == 200);
	side_say(&k, &s, "back", 4);
	PUMP_UNTIL(&p, p.nheard == 4);
	side_end(&k, &s);
	peer_close(&p);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void
test_close_notify_and_half_close(void **state)
{
	struct peer p;
	struct side s;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	peer_say(&p, "ask");
	SSL_shutdown(p.ssl);
	peer_flush(&p);
	shutdown(p.fd, SHUT_WR);
	PUMP_UNTIL(&p, s.s.in_eof);
	assert_false(s.s.in_cut);
	assert_int_equal(s.s.in.n, 3);
	side_say(&k, &s, "answer", 6);
	net_stream_close(&s.s, true);
	PUMP_UNTIL(&p, s.closed && p.eof);
	peer_pump(&p);
	assert_int_equal(s.why, NET_END_EOF);
	assert_memory_equal(p.heard, "answer", 6);
	assert_true(SSL_get_shutdown(p.ssl) & SSL_RECEIVED_SHUTDOWN);	/* ours was orderly, too */
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_fin_without_close_notify(void **state)
{
	for (int halfway = 0; halfway < 2; halfway++) {
		struct peer p;
		struct side s;

		(void)state;
		peer_at_ours(&p, &s, "acme.kafka.test");
		PUMP_UNTIL(&p, s.opened && p.done == 1);
		peer_say(&p, "half a frame");
		PUMP_UNTIL(&p, s.s.in.n > 0);
		shutdown(p.fd, SHUT_WR);
		PUMP_UNTIL(&p, s.s.in_eof);
		assert_true(s.s.in_cut);
		if (!halfway)
			alv_chain_drop(&s.s.in, s.s.in.n);	/* nothing was lost: ended between frames */
		net_stream_close(&s.s, true);
		PUMP_UNTIL(&p, s.closed);
		assert_int_equal(s.why, halfway ? NET_END_TRUNCATED : NET_END_EOF);
		side_end(&k, &s);
		peer_close(&p);
	}
}

static void
test_fin_inside_a_record(void **state)
{
	struct peer p;
	struct side s;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	p.drip = 10;
	peer_say(&p, "never complete");
	shutdown(p.fd, SHUT_WR);
	TURN_UNTIL(&k, s.closed);
	assert_int_equal(s.why, NET_END_TRUNCATED);
	assert_int_equal(s.s.in.n, 0);
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_a_changed_record(void **state)
{
	struct peer p;
	struct side s;
	char	   *bytes;
	long	    n;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	peer_say(&p, "good");
	PUMP_UNTIL(&p, s.s.in.n == 4);
	assert_int_equal(SSL_write(p.ssl, "evil", 4), 4);
	n = BIO_get_mem_data(p.out, &bytes);
	bytes[n - 1] ^= 1;
	PUMP_UNTIL(&p, s.closed);
	assert_int_equal(s.why, NET_END_TLS);
	assert_string_not_equal(net_stream_tls_reason(&s.s), "");
	assert_int_equal(s.s.in.n, 4);
	PUMP_UNTIL(&p, p.reason == SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_garbage_instead_of_tls(void **state)
{
	const struct alv_str said[] = {
		ALV_STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		ALV_STR("\x16\x03\x01\x02\x00\xff\xff\xff\xff garbage garbage"),
		ALV_STR("\0\0\0\x1a\0\x12\0\3\0\0\0\1"),
		ALV_STR("\x16\x03\x01\xff\xff too long"),
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(said); i++) {
		struct side s;
		int	    fd[2];
		char	    sink[64];

		kit_pair(fd, false);
		side_accept(&k, &s, fd[0], server, 5000);
		assert_int_equal(write(fd[1], said[i].p, said[i].n), said[i].n);
		shutdown(fd[1], SHUT_WR);
		TURN_UNTIL(&k, s.closed);
		assert_int_equal(s.opened, 0);
		assert_true(s.why == NET_END_TLS || s.why == NET_END_TRUNCATED);
		while (read(fd[1], sink, sizeof(sink)) > 0)
			;
		side_end(&k, &s);
		close(fd[1]);
	}
}

/* Closing over what was not read would be a reset, which takes the alert away from the peer. */
static void
test_the_alert_survives_much_garbage(void **state)
{
	static uint8_t bytes[150 * 1024];
	struct side    s;
	uint8_t	       alert[7];
	int	       fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &s, fd[0], server, 5000);
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "\x16\x03\x01\x10\x00", 5);	/* a handshake record; what is in it isn't any */
	assert_int_equal(write(fd[1], bytes, sizeof(bytes)), sizeof(bytes));
	TURN_UNTIL(&k, s.closed);
	assert_int_equal(s.why, NET_END_TLS);
	assert_int_equal(read(fd[1], alert, sizeof(alert)), 7);
	assert_int_equal(alert[0], 21);
	assert_int_equal(read(fd[1], alert, sizeof(alert)), 0);
	side_end(&k, &s);
	close(fd[1]);
}

/* A port scan: connects and goes. */
static void
test_closed_before_a_byte(void **state)
{
	struct side s;
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &s, fd[0], server, 5000);
	close(fd[1]);
	TURN_UNTIL(&k, s.closed);
	assert_int_equal(s.why, NET_END_EOF);
	side_end(&k, &s);
}

static uint64_t fake_us;

static uint64_t
fake_clock(void)
{
	return fake_us;
}

static void
test_slow_handshake_times_out(void **state)
{
	static const uint8_t hello[9] = { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc };

	struct side s;
	int	    fd[2];

	(void)state;
	fake_us = 1;
	net_loop_clock(k.loop, fake_clock);
	kit_pair(fd, false);
	side_accept(&k, &s, fd[0], server, 100);
	for (size_t i = 0; i < sizeof(hello); i++) {
		assert_int_equal(write(fd[1], &hello[i], 1), 1);
		fake_us += 10 * 1000;	/* trickling does not buy time */
		net_loop_turn(k.loop, 0);
		assert_int_equal(s.closed, 0);
	}
	fake_us += 10 * 1000;
	TURN_UNTIL(&k, s.closed);
	assert_int_equal(s.why, NET_END_TIMEOUT);
	side_end(&k, &s);
	close(fd[1]);
}

static void
test_an_open_stream_has_no_timer(void **state)
{
	struct side c, s;

	(void)state;
	fake_us = 1;
	net_loop_clock(k.loop, fake_clock);
	ours(&c, &s, "localhost", 0);
	fake_us += UINT64_C(3600) * 1000 * 1000;
	net_loop_turn(k.loop, 0);
	net_loop_turn(k.loop, 0);
	assert_int_equal(c.closed + s.closed, 0);
	ours_end(&c, &s);
}

/* ---- names ---------------------------------------------------------------------------------- */

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_twenty_megabytes_each_way_13),
		T(test_twenty_megabytes_each_way_12),
		T(test_rsa),
		T(test_keys_are_renewed),
		T(test_back_pressure_is_exact),
		T(test_little_room_takes_a_whole_record),
		T(test_an_idle_stream_holds_no_block),
		T(test_one_byte_at_a_time),
		T(test_close_notify_and_half_close),
		T(test_fin_without_close_notify),
		T(test_fin_inside_a_record),
		T(test_a_changed_record),
		T(test_garbage_instead_of_tls),
		T(test_the_alert_survives_much_garbage),
		T(test_closed_before_a_byte),
		T(test_slow_handshake_times_out),
		T(test_an_open_stream_has_no_timer),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
