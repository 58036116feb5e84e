/* Quotas: which entry decides, by Kafka's precedence, and what can be set at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include <alcove/policy.h>
#include <alcove/str.h>

#define PRODUCER POL_QUOTA_PRODUCER_BYTE_RATE
#define CONSUMER POL_QUOTA_CONSUMER_BYTE_RATE

/* "-" no part, "*" the default, "?" unattributed, else the name. */
static struct pol_quota_part
part(const char *text)
{
	if (strcmp(text, "-") == 0)
		return (struct pol_quota_part){ .match = POL_QUOTA_NO_PART };
	if (strcmp(text, "*") == 0)
		return (struct pol_quota_part){ .match = POL_QUOTA_DEFAULT };
	if (strcmp(text, "?") == 0)
		return (struct pol_quota_part){ .match = POL_QUOTA_UNATTRIBUTED };
	return (struct pol_quota_part){ POL_QUOTA_NAMED, alv_str_of(text) };
}

static struct pol_quota
quota(enum pol_quota_kind kind, const char *a, const char *b, enum pol_quota_key key, double value)
{
	struct pol_quota q = { .entity = { kind, { part(a), part(b) } }, .set = 1u << key };

	q.value[key] = value;
	return q;
}

static struct pol_tenant *
build(const struct pol_quota *quotas, size_t n)
{
	struct pol_parts   p = { .id = ALV_STR("acme"), .display_name = ALV_STR("Acme"), .quotas = quotas, .nquotas = n };
	struct pol_tenant *t = pol_build(&p);

	assert_non_null(t);
	return t;
}

/* From the strongest to the weakest, as DefaultQuotaCallback looks. */
static const char *const levels[][2] = { { "al", "app" }, { "al", "*" }, { "al", "-" }, { "*", "app" }, { "*", "*" }, { "*", "-" },
	{ "-", "app" }, { "-", "*" } };

static void
precedence_is_kafkas(void **state)
{
	(void)state;
	for (unsigned have = 0; have < 256; have++) {
		struct pol_quota      q[8];
		struct pol_quota_cell c;
		struct pol_tenant    *t;
		size_t		      n = 0, want = 0;

		/* In the wrong order, and with another key beside. */
		for (int i = 7; i >= 0; i--)
			if ((have & 1u << i) != 0)
				q[n++] = quota(POL_QUOTA_OF_CLIENT, levels[i][0], levels[i][1], i == 3 ? PRODUCER : CONSUMER, 100 + i);
		t = build(q, n);
		while (want < 8 && ((have & 1u << want) == 0 || want == 3))
			want++;
		assert_int_equal(pol_quota_client(t, CONSUMER, ALV_STR("User:al"), ALV_STR("app"), &c), want < 8);
		if (want < 8) {
			assert_true(c.limit == 100 + (double)want);
			assert_true(c.quota->value[CONSUMER] == c.limit);
			assert_true(strcmp(levels[want][0], "-") == 0 ? c.part[0].p == NULL : alv_str_eqz(c.part[0], "al"));
			assert_true(strcmp(levels[want][1], "-") == 0 ? c.part[1].p == NULL : alv_str_eqz(c.part[1], "app"));
		} else {
			assert_null(c.quota);
		}
		assert_int_equal(pol_quota_client(t, PRODUCER, ALV_STR("User:al"), ALV_STR("app"), &c), (have & 8u) != 0);
		pol_tenant_free(t);
	}
}

static void
others_fall_to_defaults(void **state)
{
	struct pol_quota q[] = { quota(POL_QUOTA_OF_CLIENT, "al", "-", PRODUCER, 1), quota(POL_QUOTA_OF_CLIENT, "*", "-", PRODUCER, 2),
		quota(POL_QUOTA_OF_CLIENT, "-", "", CONSUMER, 3) };
	struct pol_tenant    *t = build(q, ALV_COUNT(q));
	struct pol_quota_cell c;

	(void)state;
	assert_true(pol_quota_client(t, PRODUCER, ALV_STR("User:bob"), ALV_STR("x"), &c) && c.limit == 2 && alv_str_eqz(c.part[0], "bob"));
	assert_null(c.part[1].p);
	assert_true(pol_quota_client(t, PRODUCER, ALV_STR("User:a:l"), ALV_STR("x"), &c) && c.limit == 2 && alv_str_eqz(c.part[0], "a:l"));
	/* A null client id is the empty one. */
	assert_true(pol_quota_client(t, CONSUMER, ALV_STR("User:bob"), ALV_STR_NULL, &c) && c.limit == 3 && c.part[1].p != NULL && c.part[1].n == 0);
	assert_false(pol_quota_client(t, CONSUMER, ALV_STR("User:bob"), ALV_STR("x"), &c));
	pol_tenant_free(t);
}

static void
groups_addresses_tenant(void **state)
{
	struct pol_quota q[] = { quota(POL_QUOTA_OF_GROUP, "*", "-", CONSUMER, 5), quota(POL_QUOTA_OF_GROUP, "g", "-", CONSUMER, 6),
		quota(POL_QUOTA_OF_ADDRESS, "10.0.0.7", "-", POL_QUOTA_CONNECTIONS, 7), quota(POL_QUOTA_OF_TENANT, "-", "-", CONSUMER, 8) };
	struct pol_quota      own = quota(POL_QUOTA_OF_GROUP, "?", "-", CONSUMER, 9);
	struct pol_tenant    *t = build(q, ALV_COUNT(q)), *u = build(&own, 1);
	struct pol_quota_cell c;

	(void)state;
	assert_true(pol_quota_group(t, CONSUMER, ALV_STR("g"), &c) && c.limit == 6 && alv_str_eqz(c.part[0], "g"));
	assert_true(pol_quota_group(t, CONSUMER, ALV_STR("h"), &c) && c.limit == 5 && alv_str_eqz(c.part[0], "h"));
	assert_true(pol_quota_group(t, CONSUMER, ALV_STR_NULL, &c) && c.limit == 5 && c.part[0].p == NULL);
	assert_true(pol_quota_group(u, CONSUMER, ALV_STR_NULL, &c) && c.limit == 9 && c.part[0].p == NULL);
	assert_false(pol_quota_group(u, CONSUMER, ALV_STR("g"), &c));
	assert_false(pol_quota_group(t, POL_QUOTA_REQUEST_RATE, ALV_STR("g"), &c));
	assert_true(pol_quota_address(t, POL_QUOTA_CONNECTIONS, ALV_STR("10.0.0.7"), &c) && c.limit == 7);
	assert_false(pol_quota_address(t, POL_QUOTA_CONNECTIONS, ALV_STR("10.0.0.8"), &c));
	assert_true(pol_quota_tenant(t, CONSUMER, &c) && c.limit == 8 && c.quota != NULL);
	assert_false(pol_quota_tenant(t, PRODUCER, &c));
	assert_true(pol_quota_tenant(u, POL_QUOTA_TRANSACTION_MAX_TIMEOUT_MS, &c) && c.limit == 60000 && c.quota == NULL);
	pol_tenant_free(t);
	pol_tenant_free(u);
}

static void
nothing_set_is_no_limit(void **state)
{
	struct pol_tenant    *t = build(NULL, 0);
	struct pol_quota_cell c;

	(void)state;
	for (int k = 0; k < POL_QUOTA_KEYS; k++) {
		assert_false(pol_quota_client(t, (enum pol_quota_key)k, ALV_STR("User:al"), ALV_STR("x"), &c));
		assert_false(pol_quota_group(t, (enum pol_quota_key)k, ALV_STR("g"), &c));
		assert_false(pol_quota_address(t, (enum pol_quota_key)k, ALV_STR("::1"), &c));
		assert_int_equal(pol_quota_tenant(t, (enum pol_quota_key)k, &c), pol_quota_info((enum pol_quota_key)k)->standard > 0);
	}
	pol_tenant_free(t);
}

static void
entities_are_checked(void **state)
{
	static const struct { enum pol_quota_kind kind; const char *a, *b; bool good; } cases[] = {
		{ POL_QUOTA_OF_TENANT, "-", "-", true }, { POL_QUOTA_OF_TENANT, "x", "-", false },
		{ POL_QUOTA_OF_CLIENT, "al", "app", true }, { POL_QUOTA_OF_CLIENT, "-", "-", false }, { POL_QUOTA_OF_CLIENT, "*", "*", true },
		{ POL_QUOTA_OF_CLIENT, "-", "", true }, { POL_QUOTA_OF_CLIENT, "", "-", false }, { POL_QUOTA_OF_CLIENT, "?", "-", false },
		{ POL_QUOTA_OF_CLIENT, "a\n", "-", false }, { POL_QUOTA_OF_CLIENT, "<default>", "-", false }, { POL_QUOTA_OF_CLIENT, "\xff", "-", false }, { POL_QUOTA_OF_CLIENT, "-", "?", false },
		{ POL_QUOTA_OF_GROUP, "?", "-", true }, { POL_QUOTA_OF_GROUP, "g", "x", false }, { POL_QUOTA_OF_GROUP, "-", "-", false },
		{ POL_QUOTA_OF_ADDRESS, "10.0.0.7", "-", true }, { POL_QUOTA_OF_ADDRESS, "10.0.0.0/8", "-", false },
		{ POL_QUOTA_OF_ADDRESS, "::1", "-", true }, { POL_QUOTA_OF_ADDRESS, "0:0::1", "-", false }, { POL_QUOTA_OF_ADDRESS, "::ffff:10.0.0.7", "-", false }, { POL_QUOTA_OF_ADDRESS, "x", "-", false }, { POL_QUOTA_OF_ADDRESS, "*", "-", true },
		{ POL_QUOTA_OF_ADDRESS, "?", "-", false }, { POL_QUOTA_OF_ADDRESS, "10.0.0.7/32", "-", false }, { POL_QUOTA_KINDS, "-", "-", false },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct pol_quota_entity e = { cases[i].kind, { part(cases[i].a), part(cases[i].b) } };
		const char	       *expected;

		if ((pol_quota_entity_check(&e, &expected) == ALV_OK) != cases[i].good)
			fail_msg("case %zu", i);
		assert_int_equal(expected == NULL, cases[i].good);
	}
}

static void
values_are_checked(void **state)
{
	static const struct { enum pol_quota_kind kind; enum pol_quota_key key; double value; enum alv_err err; } cases[] = {
		{ POL_QUOTA_OF_CLIENT, PRODUCER, 1, ALV_OK }, { POL_QUOTA_OF_CLIENT, PRODUCER, 0, ALV_E_RANGE },
		{ POL_QUOTA_OF_CLIENT, PRODUCER, -1, ALV_E_RANGE }, { POL_QUOTA_OF_CLIENT, PRODUCER, 1.5, ALV_E_VALUE },
		{ POL_QUOTA_OF_CLIENT, PRODUCER, 9223372036854775807.0, ALV_OK }, { POL_QUOTA_OF_CLIENT, PRODUCER, 1e19, ALV_E_RANGE },
		{ POL_QUOTA_OF_CLIENT, PRODUCER, NAN, ALV_E_VALUE }, { POL_QUOTA_OF_CLIENT, PRODUCER, INFINITY, ALV_E_VALUE },
		{ POL_QUOTA_OF_CLIENT, POL_QUOTA_REQUEST_PERCENTAGE, 0.5, ALV_OK }, { POL_QUOTA_OF_CLIENT, POL_QUOTA_REQUEST_PERCENTAGE, 0, ALV_E_RANGE },
		{ POL_QUOTA_OF_GROUP, PRODUCER, 1, ALV_E_UNSUPPORTED }, { POL_QUOTA_OF_CLIENT, POL_QUOTA_TOPICS, 1, ALV_E_UNSUPPORTED },
		{ POL_QUOTA_OF_TENANT, POL_QUOTA_TOPICS, 0, ALV_OK }, { POL_QUOTA_OF_TENANT, POL_QUOTA_TOPICS, 1e10, ALV_E_RANGE },
		{ POL_QUOTA_OF_ADDRESS, POL_QUOTA_CONNECTIONS, 3, ALV_OK },
	};
	uint8_t	    all[POL_QUOTA_KEYS], none[POL_QUOTA_KEYS] = { 0 };
	const char *expected;

	(void)state;
	memset(all, 0xff, sizeof(all));
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		if (pol_quota_value_check(cases[i].kind, cases[i].key, cases[i].value, all, &expected) != cases[i].err)
			fail_msg("case %zu: %s", i, expected == NULL ? "good" : expected);
		assert_int_equal(expected == NULL, cases[i].err == ALV_OK);
		assert_int_equal(pol_quota_value_check(cases[i].kind, cases[i].key, cases[i].value, none, &expected), ALV_E_UNSUPPORTED);
	}
	for (int k = 0; k < POL_QUOTA_KEYS; k++) {
		const struct pol_quota_key_info *info = pol_quota_info((enum pol_quota_key)k);

		assert_int_equal(pol_quota_key_of(alv_str_of(info->name)), k);
		assert_int_equal(info->enforced & ~info->on, 0);
		for (int kind = 0; kind < POL_QUOTA_KINDS; kind++)
			assert_int_equal(pol_quota_value_check((enum pol_quota_kind)kind, (enum pol_quota_key)k, 1, NULL, &expected) == ALV_OK,
			    (info->enforced & 1u << kind) != 0);
	}
	assert_int_equal(pol_quota_key_of(ALV_STR("x")), POL_QUOTA_KEYS);
	assert_int_equal(pol_quota_key_of(ALV_STR_NULL), POL_QUOTA_KEYS);
}

/* Names live in the snapshot, and 1000 entries are found again. */
static void
many_are_found(void **state)
{
	static struct pol_quota q[1000];
	static char		names[1000][16];
	struct pol_tenant      *t;
	struct pol_quota_cell	c;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		snprintf(names[i], sizeof(names[i]), "u%zu", (i * 7) % 1000);
		q[i] = quota(POL_QUOTA_OF_CLIENT, names[i], "-", PRODUCER, 1 + (double)((i * 7) % 1000));
	}
	t = build(q, 1000);
	memset(names, 'x', sizeof(names));
	for (int i = 0; i < 1000; i++) {
		char principal[32];

		snprintf(principal, sizeof(principal), "User:u%d", i);
		assert_true(pol_quota_client(t, PRODUCER, alv_str_of(principal), ALV_STR("c"), &c) && c.limit == 1 + i);
	}
	assert_false(pol_quota_client(t, PRODUCER, ALV_STR("User:u1000"), ALV_STR("c"), &c));
	pol_tenant_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(precedence_is_kafkas),
		cmocka_unit_test(others_fall_to_defaults),
		cmocka_unit_test(groups_addresses_tenant),
		cmocka_unit_test(nothing_set_is_no_limit),
		cmocka_unit_test(entities_are_checked),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(many_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
