/* Networks: what an operator may write, and which addresses are in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/cidr.h>
#include <alcove/str.h>

#include <arpa/inet.h>
#include <netinet/in.h>

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage a = { .ss_family = AF_INET };

	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&a)->sin_addr) == 1)
		return a;
	a.ss_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&a)->sin6_addr), 1);
	return a;
}

static void
spellings(void **state)
{
	static const struct { const char *text; enum alv_err err; } cases[] = {
		{ "10.0.0.0/8", ALV_OK }, { "0.0.0.0/0", ALV_OK }, { "::/0", ALV_OK }, { "127.0.0.1", ALV_OK }, { "::1", ALV_OK },
		{ "2001:db8::/32", ALV_OK }, { "10.1.2.3/32", ALV_OK }, { "fe80::1/128", ALV_OK }, { "::ffff:10.0.0.0/104", ALV_OK },
		{ "10.0.0.1/8", ALV_E_VALUE }, { "2001:db8::1/64", ALV_E_VALUE }, { "128.0.0.0/0", ALV_E_VALUE },
		{ "10.0.0.0/33", ALV_E_SYNTAX }, { "::/129", ALV_E_SYNTAX }, { "10.0.0.0/", ALV_E_SYNTAX }, { "/8", ALV_E_SYNTAX },
		{ "", ALV_E_SYNTAX }, { "10.0.0/8", ALV_E_SYNTAX }, { "kafka", ALV_E_SYNTAX }, { "10.0.0.0/-1", ALV_E_SYNTAX },
		{ "10.0.0.0/8 ", ALV_E_SYNTAX }, { "[::1]", ALV_E_SYNTAX }, { "10.0.0.0/8/8", ALV_E_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct alv_cidr c;

		assert_int_equal(alv_cidr_parse(alv_str_of(cases[i].text), &c), cases[i].err);
	}
}

static void
membership(void **state)
{
	static const struct { const char *net, *addr; bool in; } cases[] = {
		{ "10.0.0.0/8", "10.255.0.1", true }, { "10.0.0.0/8", "11.0.0.1", false }, { "10.0.0.0/8", "::ffff:10.1.1.1", true },
		{ "10.0.0.0/8", "::10.1.1.1", false }, { "10.0.0.0/9", "10.127.0.1", true }, { "10.0.0.0/9", "10.128.0.1", false },
		{ "192.168.1.4/30", "192.168.1.7", true }, { "192.168.1.4/30", "192.168.1.8", false }, { "0.0.0.0/0", "1.2.3.4", true },
		{ "0.0.0.0/0", "::1", false }, { "::/0", "::1", true }, { "::/0", "1.2.3.4", false }, { "::/0", "::ffff:1.2.3.4", false },
		{ "::1", "::1", true }, { "::1", "::2", false }, { "127.0.0.1", "127.0.0.1", true }, { "127.0.0.1", "127.0.0.2", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true }, { "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::ffff:10.0.0.0/104", "10.9.9.9", true }, { "::ffff:0.0.0.0/96", "9.9.9.9", true },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct sockaddr_storage a = address(cases[i].addr);
		struct alv_cidr		c;

		assert_int_equal(alv_cidr_parse(alv_str_of(cases[i].net), &c), ALV_OK);
		assert_int_equal(alv_cidr_has(&c, &a), cases[i].in);
		assert_int_equal(alv_cidr_any(&c, 1, &a), cases[i].in);
		assert_false(alv_cidr_any(&c, 0, &a));
	}
}

static void
clients(void **state)
{
	static const struct { const char *a, *b; bool same; } cases[] = {
		{ "10.0.0.1", "10.0.0.1", true }, { "10.0.0.1", "10.0.0.2", false }, { "10.0.0.1", "::ffff:10.0.0.1", true },
		{ "2a00:1:2:3::1", "2a00:1:2:3:ffff::", true }, { "2a00:1:2:3::1", "2a00:1:2:4::1", false }, { "::1", "::2", true },
		{ "", "", true }, { "nowhere", "nowhere", true }, { "nowhere", "elsewhere", false },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct alv_cidr one, other;

		assert_int_equal(alv_str_eq(alv_cidr_client(alv_str_of(cases[i].a), &one), alv_cidr_client(alv_str_of(cases[i].b), &other)), cases[i].same);
	}
}

static void
no_address(void **state)
{
	struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
	struct alv_cidr		c;

	(void)state;
	assert_int_equal(alv_cidr_parse(ALV_STR("::/0"), &c), ALV_OK);
	assert_false(alv_cidr_has(&c, &a));
	a.ss_family = AF_UNIX;
	assert_false(alv_cidr_has(&c, &a));
}

static void
nets_in_nets(void **state)
{
	static const struct { const char *outer, *inner; bool in; } cases[] = {
		{ "10.0.0.0/8", "10.1.2.3", true }, { "10.0.0.0/8", "10.0.0.0/8", true }, { "10.0.0.0/8", "10.0.0.0/7", false },
		{ "10.0.0.0/8", "11.0.0.0", false }, { "10.1.2.3", "10.1.2.3", true }, { "10.1.2.3", "10.1.2.2", false },
		{ "0.0.0.0/0", "::1", false }, { "::/0", "10.0.0.1", false }, { "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false }, { "10.0.0.0/8", "::ffff:10.0.0.1", true },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct alv_cidr a, b;

		assert_int_equal(alv_cidr_parse(alv_str_of(cases[i].outer), &a), ALV_OK);
		assert_int_equal(alv_cidr_parse(alv_str_of(cases[i].inner), &b), ALV_OK);
		assert_int_equal(alv_cidr_in(&a, &b), cases[i].in);
		assert_int_equal(alv_cidr_cmp(&a, &b), -alv_cidr_cmp(&b, &a));
		assert_int_equal(alv_cidr_cmp(&a, &a), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nets_in_nets),
		cmocka_unit_test(spellings),
		cmocka_unit_test(membership),
		cmocka_unit_test(clients),
		cmocka_unit_test(no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
