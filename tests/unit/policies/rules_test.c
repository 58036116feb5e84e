/* ACLs on their way: words, what is good, filters, lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>

#include <alcove/acl.h>
#include <alcove/str.h>

static const struct pol_rule good = { POL_TOPIC, POL_LITERAL, ALV_STR("orders"), ALV_STR("User:a"), ALV_STR("*"), POL_OP_READ, POL_ALLOW };

static void
words(void **state)
{
	static const int most[POL_WORDS] = { POL_USER, POL_PREFIXED, POL_OP_TWO_PHASE_COMMIT, POL_ALLOW };

	(void)state;
	for (int k = 0; k < POL_WORDS; k++) {
		for (int n = 1; n <= most[k]; n++) {
			const char *w = pol_word((enum pol_word)k, n);

			assert_non_null(w);
			assert_int_equal(pol_word_number((enum pol_word)k, alv_str_of(w)), n);
			assert_non_null(strstr(pol_word_list((enum pol_word)k, true), w));
		}
		assert_null(pol_word((enum pol_word)k, 0));
		assert_null(pol_word((enum pol_word)k, most[k] + 1));
		assert_null(strstr(pol_word_list((enum pol_word)k, false), "ANY"));
	}
	assert_int_equal(pol_word_number(POL_WORD_RESOURCE, ALV_STR("LITERAL")), 0);
	assert_int_equal(pol_word_number(POL_WORD_RESOURCE, ALV_STR("topic")), 0);
	assert_int_equal(pol_word_number(POL_WORD_RESOURCE, ALV_STR_NULL), 0);
}

static void
what_is_good(void **state)
{
	static const char *const hosts[] = { "*", "10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32" };
	static const char *const bad_hosts[] = { "", "localhost", "10.0.0.1/8", "10.0.0", "**" };
	static const char *const principals[] = { "User:*", "User:a", "User:a:b", "User:\xc3\xa4", "Group:a", "Group:/org/team a" };
	static const char *const bad_principals[] = { "", "User:", "a", "Group:", "Group:*", "group:a", "user:a", "User:a\n", "User:\xff", "*" };
	const char *field = NULL, *expected = NULL;
	char	    long_name[POL_NAME_MAX + 2];

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	assert_int_equal(pol_rule_check(&good, &field, &expected), ALV_OK);
#define CASES(member, list, want, name) \
	for (size_t i = 0; i < ALV_COUNT(list); i++) { \
		struct pol_rule r = good; \
		r.member = alv_str_of((list)[i]); \
		assert_int_equal(pol_rule_check(&r, &field, &expected), want); \
		if ((want) != ALV_OK) \
			assert_string_equal(field, name); \
	}
	CASES(host, hosts, ALV_OK, "host")
	CASES(host, bad_hosts, ALV_E_VALUE, "host")
	CASES(principal, principals, ALV_OK, "principal")
	CASES(principal, bad_principals, ALV_E_VALUE, "principal")
#undef CASES
#define ONE(change, name) \
	do { \
		struct pol_rule r = good; \
		change; \
		assert_int_equal(pol_rule_check(&r, &field, &expected), ALV_E_VALUE); \
		assert_string_equal(field, name); \
		assert_non_null(expected); \
	} while (0)
	ONE(r.resource = (enum pol_resource)POL_ANY, "resourceType");
	ONE(r.resource = (enum pol_resource)8, "resourceType");
	ONE(r.pattern = (enum pol_pattern)POL_PATTERN_MATCH, "patternType");
	ONE(r.op = (enum pol_op)POL_ANY, "operation");
	ONE(r.op = (enum pol_op)16, "operation");
	ONE(r.permission = (enum pol_permission)POL_ANY, "permission");
	ONE(r.name = ALV_STR(""), "resourceName");
	ONE(r.name = ALV_STR_NULL, "resourceName");
	ONE(r.name = ALV_STR("a\tb"), "resourceName");
	ONE(r.name = alv_str_make(long_name, POL_NAME_MAX + 1), "resourceName");
	ONE(r.resource = POL_CLUSTER, "resourceName");
#undef ONE
	assert_false(pol_principal_good(ALV_STR("User:*"), false));
	assert_true(pol_principal_good(ALV_STR("User:*"), true));
}

struct filter_case {
	struct pol_filter f;
	enum pol_pattern  pattern;
	const char	 *name;
	bool		  fits;
};

static void
filters(void **state)
{
#define F(...) { __VA_ARGS__ }
	static const struct filter_case cases[] = {
		{ F(.resource = 0), POL_LITERAL, "orders", true },
		{ F(.resource = POL_ANY, .pattern = POL_ANY, .op = POL_ANY, .permission = POL_ANY), POL_PREFIXED, "orders", true },
		{ F(.resource = POL_GROUP), POL_LITERAL, "orders", false },
		{ F(.op = POL_OP_WRITE), POL_LITERAL, "orders", false },
		{ F(.op = POL_OP_READ, .permission = POL_ALLOW), POL_LITERAL, "orders", true },
		{ F(.permission = POL_DENY), POL_LITERAL, "orders", false },
		{ F(.principal = ALV_STR("User:a")), POL_LITERAL, "orders", true },
		{ F(.principal = ALV_STR("User:*")), POL_LITERAL, "orders", false },
		{ F(.host = ALV_STR("*")), POL_LITERAL, "orders", true },
		{ F(.host = ALV_STR("10.0.0.1")), POL_LITERAL, "orders", false },
		{ F(.name = ALV_STR("orders")), POL_PREFIXED, "orders", true },
		{ F(.name = ALV_STR("orders"), .pattern = POL_LITERAL), POL_PREFIXED, "orders", false },
		{ F(.name = ALV_STR("order")), POL_PREFIXED, "orders", false },
		{ F(.name = ALV_STR("orders"), .pattern = POL_ANY), POL_PREFIXED, "ord", false },
		{ F(.name = ALV_STR("orders"), .pattern = POL_PATTERN_MATCH), POL_PREFIXED, "ord", true },
		{ F(.name = ALV_STR("orders"), .pattern = POL_PATTERN_MATCH), POL_LITERAL, "*", true },
		{ F(.name = ALV_STR("orders"), .pattern = POL_PATTERN_MATCH), POL_LITERAL, "ord", false },
		{ F(.name = ALV_STR("ord"), .pattern = POL_PATTERN_MATCH), POL_PREFIXED, "orders", false },
		{ F(.name = ALV_STR_NULL, .pattern = POL_PATTERN_MATCH), POL_LITERAL, "ord", true },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct pol_rule r = good;

		r.pattern = cases[i].pattern;
		r.name = alv_str_of(cases[i].name);
		if (pol_filter_fits(&cases[i].f, &r) != cases[i].fits)
			fail_msg("case %zu", i);
	}
}

static void
lists(void **state)
{
	struct pol_rules  *l = pol_rules_new();
	struct pol_parts   p = { .id = ALV_STR("acme") };
	struct pol_tenant *t;
	char		   name[16];

	(void)state;
	pol_rules_sort(l);	/* empty */
	for (int i = 99; i >= 0; i--) {
		struct pol_rule r = good;

		snprintf(name, sizeof(name), "t%02d", i / 2);
		r.name = alv_str_of(name);
		assert_int_equal(pol_rules_add(l, &r), ALV_OK);
	}
	assert_int_equal(l->n, 100);
	pol_rules_sort(l);
	assert_int_equal(l->n, 50);
	assert_true(alv_str_eqz(l->rule[0].name, "t00") && alv_str_eqz(l->rule[49].name, "t49"));
	p.rules = l->rule;
	p.nrules = l->n;
	t = pol_build(&p);
	assert_true(pol_rule_find(t, &l->rule[20]));
	assert_false(pol_rule_find(t, &good));
	pol_tenant_free(t);
	pol_rules_free(l);
	pol_rules_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(what_is_good),
		cmocka_unit_test(filters),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
