/* Hosts and ports as operators write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/str.h>

#include "policies/option.h"

static void
binds(void **state)
{
	static const struct { const char *text, *host; int port; } rows[] = {
		{ "127.0.0.1:0", "127.0.0.1", 0 }, { "0.0.0.0:65535", "0.0.0.0", 65535 }, { "[::1]:80", "::1", 80 },
		{ "[::]:80", "::", 80 }, { "localhost:1", "localhost", 1 }, { "a-b.example.com:9092", "a-b.example.com", 9092 },
		{ "127.0.0.1", NULL, 0 }, { "127.0.0.1:", NULL, 0 }, { ":80", NULL, 0 }, { "127.0.0.1:65536", NULL, 0 },
		{ "127.0.0.1:-1", NULL, 0 }, { "127.0.0.1:8x", NULL, 0 }, { "::1:80", NULL, 0 }, { "[::1:80", NULL, 0 },
		{ "[127.0.0.1]:80", NULL, 0 }, { "[]:80", NULL, 0 }, { "a b:80", NULL, 0 }, { "1.2.3:80", NULL, 0 },
		{ "256.1.1.1:80", NULL, 0 }, { "*:80", NULL, 0 }, { "", NULL, 0 }, { ":", NULL, 0 }, { "a/b:80", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		struct pol_bind b;
		bool		good = pol_bind_parse(alv_str_of(rows[i].text), 0, 65535, &b);

		if (good != (rows[i].host != NULL))
			fail_msg("%s", rows[i].text);
		if (!good)
			continue;
		assert_string_equal(b.host, rows[i].host);
		assert_int_equal(b.port, rows[i].port);
	}
	assert_false(pol_bind_parse(ALV_STR("a:0"), 1, 65535, &(struct pol_bind){ .port = 0 }));
}

static void
domains(void **state)
{
	static const char *const good[] = { "a", "a.b", "kafka.example.com", "x-1.y", "0.example", "XN--a.b" };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "*.a", "1.2.3.4", "a/b", "\xc3\xbc.de" };
	char			 label[65] = "";

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(good); i++)
		assert_true(pol_domain_legal(alv_str_of(good[i])));
	for (size_t i = 0; i < ALV_COUNT(bad); i++)
		assert_false(pol_domain_legal(alv_str_of(bad[i])));
	memset(label, 'a', 63);
	assert_true(pol_domain_legal(alv_str_of(label)));
	memset(label, 'a', 64);
	assert_false(pol_domain_legal(alv_str_of(label)));
}

static void
loopback_and_wildcard(void **state)
{
	(void)state;
	assert_true(pol_host_loopback("127.0.0.1"));
	assert_true(pol_host_loopback("127.9.9.9"));
	assert_true(pol_host_loopback("::1"));
	assert_true(pol_host_loopback("LocalHost"));
	assert_false(pol_host_loopback("0.0.0.0"));
	assert_false(pol_host_loopback("::"));
	assert_false(pol_host_loopback("10.0.0.1"));
	assert_false(pol_host_loopback("127.example.com"));
	assert_false(pol_host_loopback("localhost.example.com"));
	assert_true(pol_host_wildcard("0.0.0.0"));
	assert_true(pol_host_wildcard("::"));
	assert_false(pol_host_wildcard("127.0.0.1"));
}

static void
overlaps(void **state)
{
	static const struct { const char *a, *b; bool both; } cases[] = {
		{ "127.0.0.1", "127.0.0.1", true }, { "127.0.0.1", "127.0.0.2", false }, { "0.0.0.0", "127.0.0.1", true },
		{ "0.0.0.0", "::1", false }, { "::", "127.0.0.1", true }, { "::", "::1", true }, { "::", "0.0.0.0", true },
		{ "::1", "0:0:0:0:0:0:0:1", true }, { "::1", "::2", false }, { "::1", "127.0.0.1", false },
		{ "localhost", "LOCALHOST", true }, { "localhost", "kafka", false }, { "localhost", "0.0.0.0", true },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		assert_int_equal(pol_host_overlap(cases[i].a, cases[i].b), cases[i].both);
		assert_int_equal(pol_host_overlap(cases[i].b, cases[i].a), cases[i].both);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlaps),
		cmocka_unit_test(binds),
		cmocka_unit_test(domains),
		cmocka_unit_test(loopback_and_wildcard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
