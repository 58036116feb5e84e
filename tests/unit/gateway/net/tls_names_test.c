/* Which certificate is good for which name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/tls_int.h"

#include "tests/unit/gateway/net/certs.h"

static struct certs certs;

static int
setup(void **state)
{
	(void)state;
	snprintf(certs.dir, sizeof(certs.dir), "/tmp/alcove-certs-XXXXXX");
	assert_non_null(mkdtemp(certs.dir));
	cert_make(&certs, &certs.ca, "ca", NULL, NULL, 30, false);
	cert_make(&certs, &certs.server, "server", &certs.ca, "DNS:b.Test,IP:127.0.0.1,DNS:*.Kafka.test,DNS:a.kafka.test,email:x@y.test", 30, false);
	cert_make(&certs, &certs.client, "same", &certs.ca, "DNS:a.kafka.test,DNS:b.test,DNS:*.kafka.test", 30, false);
	cert_make(&certs, &certs.rsa, "none", &certs.ca, NULL, 30, false);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	certs_drop(&certs);
	return 0;
}

static void
test_matching(void **state)
{
	static const struct { const char *name; int rank; } rows[] = {
		{ "a.kafka.test", 2 }, { "b.test", 2 }, { "c.kafka.test", 1 }, { "b3-acme.kafka.test", 1 },
		{ "kafka.test", 0 }, { ".kafka.test", 0 }, { "x.y.kafka.test", 0 }, { "c.kafka.tes", 0 }, { "", 0 },
		{ "c.b.test", 0 }, { "127.0.0.1", 0 }, { "x@y.test", 0 }, { "test", 0 }, { "*.kafka.test", 2 },
	};
	struct net_names x;

	(void)state;
	assert_true(net_names_of(certs.server.cert, &x));
	assert_int_equal(x.n, 3);
	for (size_t i = 0; i < ALV_COUNT(rows); i++)
		if (net_names_match(&x, rows[i].name) != rows[i].rank)
			fail_msg("%s: %d", rows[i].name, net_names_match(&x, rows[i].name));
	net_names_free(&x);
}

static void
test_equal_in_any_order(void **state)
{
	struct net_names a, b, c;

	(void)state;
	assert_true(net_names_of(certs.server.cert, &a));
	assert_true(net_names_of(certs.client.cert, &b));
	assert_true(net_names_of(certs.rsa.cert, &c));
	assert_true(net_names_equal(&a, &b));
	assert_false(net_names_equal(&a, &c));
	assert_int_equal(c.n, 0);
	assert_int_equal(net_names_match(&c, "none"), 0);	/* the common name is nobody's */
	net_names_free(&a);
	net_names_free(&b);
	net_names_free(&c);
}

/* "bank.test\0.evil.test" was a name once. */
static void
test_a_zero_inside_is_no_name(void **state)
{
	X509		*x = X509_new();
	GENERAL_NAME	*g = GENERAL_NAME_new();
	GENERAL_NAMES	*all = GENERAL_NAMES_new();
	ASN1_IA5STRING	*s = ASN1_IA5STRING_new();
	struct net_names n;

	(void)state;
	assert_int_equal(ASN1_STRING_set(s, "a.test\0.b.test", 14), 1);
	GENERAL_NAME_set0_value(g, GEN_DNS, s);
	sk_GENERAL_NAME_push(all, g);
	assert_int_equal(X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, 0), 1);
	assert_true(net_names_of(x, &n));
	assert_int_equal(n.n, 0);
	net_names_free(&n);
	GENERAL_NAMES_free(all);
	X509_free(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matching),
		cmocka_unit_test(test_equal_in_any_order),
		cmocka_unit_test(test_a_zero_inside_is_no_name),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
