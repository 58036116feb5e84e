/* Records of TLS 1.3: both ends of ours, ours beside records made by hand, and what a peer may not send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway/net/record_kit.h"

static struct certs certs;
static struct shaken x;
static struct net_record *client, *server;
static struct sealer by_client, by_server;
static uint8_t wire[NET_RECORD_MAX + 64], plain[NET_RECORD_MAX + 64];

static int
setup_all(void **state)
{
	(void)state;
	certs_make(&certs);
	return 0;
}

static int
teardown_all(void **state)
{
	(void)state;
	certs_drop(&certs);
	return 0;
}

static void
begin(const char *suite)
{
	shake(&x, &certs.server, suite, TLS1_3_VERSION);
	client = net_record_new(x.client, &x.at_client);
	server = net_record_new(x.server, &x.at_server);
	assert_non_null(client);
	assert_non_null(server);
	sealer_init(&by_client, &x, true);
	sealer_init(&by_server, &x, false);
}

static void
end(void)
{
	net_record_free(client);
	net_record_free(server);
	shaken_free(&x);
}

static int
setup(void **state)
{
	(void)state;
	begin(NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	end();
	return 0;
}

/* ---- both ends of ours ---------------------------------------------------------------------------------- */

/* n bytes in pieces of any size, sealed by one and opened by the other. */
static void
carry(struct alv_pool *pool, struct net_record *from, struct net_record *to, size_t n, uint64_t *seed)
{
	static uint8_t	 said[NET_RECORD_PLAIN];
	struct alv_chain c;
	size_t		 got, k = 0;

	for (size_t i = 0; i < n; i++)
		said[i] = (uint8_t)(*seed >> 8 * (i % 7)) ^ (uint8_t)i;
	alv_chain_init(&c, pool);
	while (k < n) {
		struct alv_block *b = alv_block_get(pool, 1);
		size_t		  part = 1 + (*seed = *seed * 6364136223846793005u + 1442695040888963407u) % ALV_BLOCK_SMALL;

		assert_non_null(b);
		part = part < n - k ? part : n - k;
		memcpy(b->data, said + k, part);
		alv_chain_ref(&c, b, b->data, part);
		alv_block_put(b);
		k += part;
	}
	alv_chain_copy(&c, "not of this record", 18);
	assert_true(net_record_seal(from, &c, n, wire));
	assert_int_equal(c.n, n + 18);
	alv_chain_clear(&c);
	assert_int_equal(net_record_size(to, wire), n + NET_RECORD_MORE);
	assert_int_equal(net_record_room(n + NET_RECORD_MORE), n);
	assert_int_equal(net_record_open(to, wire, n + NET_RECORD_MORE, plain, &got), NET_RECORD_DATA);
	assert_int_equal(got, n);
	assert_memory_equal(plain, said, n);
}

static void
test_each_suite_both_ways(void **state)
{
	static const char *const suites[] = { "TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256" };
	static const size_t	 sizes[] = { 1, 2, 15, 16, 17, 100, 4095, NET_RECORD_PLAIN - 1, NET_RECORD_PLAIN };
	struct alv_pool		*pool = alv_pool_new(1 << 20);
	uint64_t		 seed = 20261129;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(suites); i++) {
		begin(suites[i]);
		for (int round = 0; round < 40; round++) {
			for (size_t k = 0; k < ALV_COUNT(sizes); k++) {
				carry(pool, client, server, sizes[k], &seed);
				carry(pool, server, client, sizes[(k + 3) % ALV_COUNT(sizes)], &seed);
			}
			if (round % 4 == 3) {	/* new keys for one way, and not for the other */
				struct net_record *a = round % 8 == 3 ? client : server;
				size_t		   n = net_record_renew(a, wire), got;

				assert_int_equal(net_record_open(a == client ? server : client, wire, n, plain, &got), NET_RECORD_DATA);
				assert_int_equal(got, 0);
			}
		}
		end();
	}
	alv_pool_free(pool);
}

static void
test_what_stays_with_openssl(void **state)
{
	struct net_secrets none = { .from_client.n = 0 };

	(void)state;
	shake(&x, &certs.server, NULL, TLS1_2_VERSION);
	assert_null(net_record_new(x.client, &x.at_client));
	shaken_free(&x);
	shake(&x, &certs.server, "TLS_AES_128_CCM_SHA256", TLS1_3_VERSION);
	assert_null(net_record_new(x.server, &x.at_server));
	shaken_free(&x);
	shake(&x, &certs.server, NULL, TLS1_3_VERSION);
	assert_null(net_record_new(x.server, &none));
	shaken_free(&x);
}

/* ---- made by hand ---------------------------------------------------------------------------------------- */

/* Opens a record with this inside. */
static enum net_record_is
opens(struct net_record *r, struct sealer *by, const void *inner, size_t n, size_t *got)
{
	size_t size = sealer_seal(by, inner, n, wire);

	assert_int_equal(net_record_size(r, wire), size);
	return net_record_open(r, wire, size, plain, got);
}

static void
check_data(struct net_record *r, struct sealer *by)
{
	size_t got;

	assert_int_equal(opens(r, by, "hello\x17", 6, &got), NET_RECORD_DATA);
	assert_int_equal(got, 5);
	assert_memory_equal(plain, "hello", 5);
}

static void
test_padding(void **state)
{
	static uint8_t inner[NET_RECORD_PLAIN + 2];
	size_t	       got;

	(void)state;
	check_data(server, &by_client);
	for (size_t pad = 0; pad < 40; pad++) {
		memcpy(inner, "abc\0\0\x17", 6);
		memset(inner + 6, 0, pad);
		assert_int_equal(opens(server, &by_client, inner, 6 + pad, &got), NET_RECORD_DATA);
		assert_int_equal(got, 5);
		assert_memory_equal(plain, "abc\0", 5);
	}
	memset(inner, 0, sizeof(inner));
	inner[0] = 1;
	inner[1] = 23;
	assert_int_equal(opens(server, &by_client, inner, NET_RECORD_PLAIN + 1, &got), NET_RECORD_DATA);
	assert_int_equal(got, 1);
	assert_int_equal(opens(server, &by_client, inner, NET_RECORD_PLAIN + 2, &got), NET_RECORD_BAD);
	assert_int_equal(got, 0);
	assert_string_equal(net_record_why(server), "data length too long");
}

/* What a peer sends, and what comes of it: is, and the alert that we answer (-1: none). */
static const struct {
	const char	  *name;
	bool		   at_client;
	size_t		   n;
	const char	  *inner;
	enum net_record_is is;
	int		   alert;
} cases[] = {
	{ "no type", false, 1, "\0", NET_RECORD_BAD, 10 },
	{ "no type, much padding", false, 5, "\0\0\0\0\0", NET_RECORD_BAD, 10 },
	{ "nothing, as data", false, 1, "\x17", NET_RECORD_DATA, 0 },
	{ "an unknown type", false, 2, "x\x42", NET_RECORD_BAD, 10 },
	{ "a change of cipher", false, 2, "\x01\x14", NET_RECORD_BAD, 10 },
	{ "close_notify", false, 3, "\x01\x00\x15", NET_RECORD_END, 0 },
	{ "close_notify that calls itself fatal", false, 3, "\x02\x00\x15", NET_RECORD_END, 0 },
	{ "user_canceled", false, 3, "\x01\x5a\x15", NET_RECORD_DATA, 0 },
	{ "a warning, of which there are none any more", false, 3, "\x01\x2a\x15", NET_RECORD_BAD, -1 },
	{ "handshake_failure", true, 3, "\x02\x28\x15", NET_RECORD_BAD, -1 },
	{ "an alert of one byte", false, 2, "\x01\x15", NET_RECORD_BAD, 50 },
	{ "two alerts", false, 5, "\x01\x5a\x01\x00\x15", NET_RECORD_BAD, 50 },
	{ "no message", false, 1, "\x16", NET_RECORD_BAD, 10 },
	{ "a ticket", true, 9, "\x04\0\0\x04" "abcd\x16", NET_RECORD_DATA, 0 },
	{ "two tickets in one record", true, 13, "\x04\0\0\x02" "ab\x04\0\0\x02" "cd\x16", NET_RECORD_DATA, 0 },
	{ "a ticket of nothing", true, 5, "\x04\0\0\0\x16", NET_RECORD_DATA, 0 },
	{ "a ticket without end", true, 5, "\x04\xff\xff\xff\x16", NET_RECORD_BAD, 10 },
	{ "a ticket of a client's", false, 9, "\x04\0\0\x04" "abcd\x16", NET_RECORD_BAD, 10 },
	{ "another ClientHello", false, 5, "\x01\0\0\0\x16", NET_RECORD_BAD, 10 },
	{ "a request for a certificate", true, 5, "\x0d\0\0\0\x16", NET_RECORD_BAD, 10 },
	{ "new keys", false, 6, "\x18\0\0\x01\0\x16", NET_RECORD_DATA, 0 },
	{ "new keys of no kind", false, 6, "\x18\0\0\x01\x02\x16", NET_RECORD_BAD, 50 },
	{ "new keys that say nothing", false, 5, "\x18\0\0\0\x16", NET_RECORD_BAD, 50 },
	{ "new keys that say too much", false, 7, "\x18\0\0\x02\0\0\x16", NET_RECORD_BAD, 50 },
	{ "new keys, and something more under the old", false, 11, "\x18\0\0\x01\0\x18\0\0\x01\0\x16", NET_RECORD_BAD, 10 },
	{ "new keys behind a ticket", true, 10, "\x04\0\0\0\x18\0\0\x01\0\x16", NET_RECORD_DATA, 0 },
};

/* The alert that r sends, opened by the other end. */
static int
alert_of(struct net_record *r, struct net_record *other)
{
	uint8_t out[NET_RECORD_SMALL];
	size_t	n = net_record_bye(r, out), got;

	if (n == 0)
		return -1;
	assert_int_equal(n, 2 + NET_RECORD_MORE);
	if (net_record_open(other, out, n, plain, &got) == NET_RECORD_END)
		return 0;
	return plain[1];
}

static void
test_what_may_come(void **state)
{
	(void)state;
	end();
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		enum net_record_is is;
		size_t		   got;

		begin(NULL);
		is = opens(cases[i].at_client ? client : server, cases[i].at_client ? &by_server : &by_client, cases[i].inner, cases[i].n, &got);
		if (is != cases[i].is)
			fail_msg("%s: %d, not %d", cases[i].name, is, cases[i].is);
		assert_int_equal(got, 0);
		if (is != NET_RECORD_BAD) {
			end();
			continue;
		}
		assert_true(strlen(net_record_why(cases[i].at_client ? client : server)) > 5);
		assert_int_equal(opens(cases[i].at_client ? client : server, cases[i].at_client ? &by_server : &by_client, "x\x17", 2, &got), NET_RECORD_BAD);
		is = alert_of(cases[i].at_client ? client : server, cases[i].at_client ? server : client);
		if ((int)is != cases[i].alert)
			fail_msg("%s: alert %d, not %d", cases[i].name, (int)is, cases[i].alert);
		end();
	}
	begin(NULL);
}

/* Each byte that a tag covers, changed. */
static void
test_forged(void **state)
{
	size_t n, got;

	(void)state;
	end();
	for (size_t at = 1; at < 5 + 6 + 16; at++) {
		begin(NULL);
		n = sealer_seal(&by_client, (const uint8_t *)"hello\x17", 6, wire);
		wire[at] ^= 0x10;
		assert_int_equal(net_record_open(server, wire, n, plain, &got), NET_RECORD_BAD);
		assert_string_equal(net_record_why(server), "decryption failed or bad record mac");
		assert_int_equal(alert_of(server, client), 20);
		end();
	}
	begin(NULL);
	n = sealer_seal(&by_client, (const uint8_t *)"once\x17", 5, wire);
	assert_int_equal(net_record_open(server, wire, n, plain, &got), NET_RECORD_DATA);
	assert_int_equal(net_record_open(server, wire, n, plain, &got), NET_RECORD_BAD);	/* twice */
}

static void
test_headers(void **state)
{
	static const struct {
		uint8_t head[5];
		size_t	size;
		const char *why;
	} heads[] = {
		{ { 23, 3, 3, 0, 17 }, 22, "" },
		{ { 23, 9, 9, 0, 17 }, 22, "" },	/* a version means nothing */
		{ { 23, 3, 3, 0x41, 0x00 }, NET_RECORD_MAX, "" },
		{ { 23, 3, 3, 0x41, 0x01 }, 0, "encrypted length too long" },
		{ { 23, 3, 3, 0xff, 0xff }, 0, "encrypted length too long" },
		{ { 23, 3, 3, 0, 16 }, 0, "length too short" },
		{ { 23, 3, 3, 0, 0 }, 0, "length too short" },
		{ { 20, 3, 3, 0, 1 }, 0, "unexpected record" },
		{ { 21, 3, 3, 0, 2 }, 0, "unexpected record" },
		{ { 22, 3, 3, 0, 30 }, 0, "unexpected record" },
		{ { 0x80, 0x2e, 1, 0, 2 }, 0, "unexpected record" },
		{ { 'G', 'E', 'T', ' ', '/' }, 0, "unexpected record" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(heads); i++) {
		assert_int_equal(net_record_size(server, heads[i].head), heads[i].size);
		if (heads[i].size == 0)
			assert_string_equal(net_record_why(server), heads[i].why);
	}
}

/* A ticket comes byte by byte; nothing may come between, and a message of ours' kind may go on, too. */
static void
test_messages_in_pieces(void **state)
{
	static const uint8_t ticket[] = { 4, 0, 0, 3, 'a', 'b', 'c', 24, 0, 0, 1, 1 };
	uint8_t		     inner[2];
	size_t		     got;

	(void)state;
	for (size_t i = 0; i < sizeof(ticket); i++) {
		inner[0] = ticket[i];
		inner[1] = 22;
		assert_int_equal(opens(client, &by_server, inner, 2, &got), NET_RECORD_DATA);
		assert_int_equal(net_record_owes(client), i + 1 == sizeof(ticket));
	}
	sealer_next(&by_server);
	check_data(client, &by_server);
	for (size_t i = 0; i < 6; i++) {	/* within its head, and within its body */
		end();
		begin(NULL);
		for (size_t k = 0; k <= i; k++) {
			inner[0] = ticket[k];
			assert_int_equal(opens(client, &by_server, inner, 2, &got), NET_RECORD_DATA);
		}
		assert_int_equal(opens(client, &by_server, "x\x17", 2, &got), NET_RECORD_BAD);
		assert_int_equal(alert_of(client, server), 10);
	}
}

static void
test_new_keys(void **state)
{
	struct alv_pool *pool = alv_pool_new(1 << 20);
	uint64_t	 seed = 1;
	size_t		 n, got;

	(void)state;
	for (int i = 0; i < 100; i++) {
		bool asks = i % 2 == 1;

		assert_int_equal(opens(server, &by_client, asks ? "\x18\0\0\x01\x01\x16" : "\x18\0\0\x01\0\x16", 6, &got), NET_RECORD_DATA);
		sealer_next(&by_client);
		assert_int_equal(net_record_owes(server), asks);
		if (asks) {
			n = net_record_renew(server, wire);
			assert_int_equal(n, 5 + NET_RECORD_MORE);
			assert_int_equal(net_record_open(client, wire, n, plain, &got), NET_RECORD_DATA);
			assert_false(net_record_owes(server) || net_record_owes(client));
		}
		check_data(server, &by_client);
		carry(pool, server, client, 10, &seed);
	}
	alv_pool_free(pool);
}

/* Records that bring nothing, of each kind: as many as OpenSSL would take. */
static void
test_idle_talk(void **state)
{
	static const struct {
		size_t	    n;
		const char *inner;
	} talk[] = { { 1, "\x17" }, { 3, "\x01\x5a\x15" }, { 6, "\x18\0\0\x01\0\x16" } };
	size_t got;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(talk); i++) {
		end();
		begin(NULL);
		for (int k = 0; k < 32; k++) {
			assert_int_equal(opens(server, &by_client, talk[i].inner, talk[i].n, &got), NET_RECORD_DATA);
			if (talk[i].n == 6)
				sealer_next(&by_client);
		}
		if (i == 0)
			check_data(server, &by_client);	/* and anew */
		for (int k = 0; k < (i == 0 ? 32 : 0); k++)
			assert_int_equal(opens(server, &by_client, talk[i].inner, talk[i].n, &got), NET_RECORD_DATA);
		assert_int_equal(opens(server, &by_client, talk[i].inner, talk[i].n, &got), NET_RECORD_BAD);
		assert_int_equal(alert_of(server, client), 10);
	}
}

static void
test_bye(void **state)
{
	(void)state;
	assert_int_equal(alert_of(server, client), 0);
	assert_int_equal(alert_of(client, server), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_suite_both_ways),
		cmocka_unit_test(test_what_stays_with_openssl),
		cmocka_unit_test_setup_teardown(test_padding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_may_come, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_talk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bye, setup, teardown),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
