/* On every resource of a type: yes only where that is certain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <alcove/policy.h>
#include <alcove/str.h>

#define RULE(pat, what, who, from, operation, perm) \
	{ .resource = POL_TOPIC, .pattern = (pat), .name = ALV_STR(what), .principal = ALV_STR(who), .host = ALV_STR(from), \
	  .op = (operation), .permission = (perm) }
#define ALLOW(what, who, from, op) RULE(POL_LITERAL, what, who, from, op, POL_ALLOW)
#define DENY(what, who, from, op)  RULE(POL_LITERAL, what, who, from, op, POL_DENY)

static bool
all(const struct pol_rule *rules, size_t n, enum pol_op op)
{
	struct pol_tenant t = { .rules = rules, .nrules = n };
	struct pol_query  q = { .principal = ALV_STR("User:alice"), .host = ALV_STR("192.0.2.1"), .op = op, .resource = POL_TOPIC };

	return pol_decide_all(&t, &q);
}

static void
an_allow_on_all_is_needed(void **state)
{
	static const struct { struct pol_rule rule; bool describe, read; } cases[] = {
		{ ALLOW("*", "User:*", "*", POL_OP_ALL), true, true },
		{ ALLOW("*", "User:alice", "*", POL_OP_DESCRIBE), true, false },
		{ ALLOW("*", "User:alice", "*", POL_OP_READ), true, true },
		{ ALLOW("*", "User:alice", "*", POL_OP_WRITE), true, false },
		{ ALLOW("*", "User:alice", "*", POL_OP_CREATE), false, false },
		{ ALLOW("*", "User:bob", "*", POL_OP_ALL), false, false },
		{ ALLOW("*", "User:alice", "192.0.2.1", POL_OP_ALL), false, false },
		{ ALLOW("orders", "User:alice", "*", POL_OP_ALL), false, false },
		{ RULE(POL_PREFIXED, "", "User:alice", "*", POL_OP_ALL, POL_ALLOW), false, false },
		{ RULE(POL_PREFIXED, "*", "User:alice", "*", POL_OP_ALL, POL_ALLOW), false, false },
	};

	(void)state;
	assert_false(all(NULL, 0, POL_OP_DESCRIBE));
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		assert_int_equal(all(&cases[i].rule, 1, POL_OP_DESCRIBE), cases[i].describe);
		assert_int_equal(all(&cases[i].rule, 1, POL_OP_READ), cases[i].read);
	}
}

static void
any_deny_is_one_too_many(void **state)
{
	static const struct { struct pol_rule deny; bool stays; } cases[] = {
		{ DENY("secret", "User:alice", "*", POL_OP_DESCRIBE), false },
		{ DENY("secret", "User:alice", "*", POL_OP_ALL), false },
		{ DENY("secret", "User:*", "10.0.0.0/8", POL_OP_DESCRIBE), false },
		{ RULE(POL_PREFIXED, "s", "User:*", "*", POL_OP_DESCRIBE, POL_DENY), false },
		{ DENY("secret", "User:bob", "*", POL_OP_DESCRIBE), true },
		{ DENY("secret", "User:alice", "*", POL_OP_READ), true },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct pol_rule rules[] = { ALLOW("*", "User:*", "*", POL_OP_ALL), cases[i].deny };

		assert_int_equal(all(rules, 2, POL_OP_DESCRIBE), cases[i].stays);
	}
}

static void
groups_count_as_their_members(void **state)
{
	static const struct alv_str  dev[] = { ALV_STR("dev") }, super[] = { ALV_STR("Group:dev") };
	static const struct pol_user alice[] = { { .name = ALV_STR("alice"), .ngroups = 1, .groups = dev } };
	const struct pol_rule allow[] = { ALLOW("*", "Group:dev", "*", POL_OP_READ) }, both[] = { ALLOW("*", "User:*", "*", POL_OP_ALL),
		DENY("x", "Group:dev", "*", POL_OP_ALL) };
	struct pol_groups *claimed = pol_groups_new(dev, 1);
	struct pol_query   q = { .principal = ALV_STR("User:alice"), .host = ALV_STR("::1"), .op = POL_OP_READ, .resource = POL_TOPIC };
	struct pol_tenant  t = { .users = alice, .nusers = 1, .rules = allow, .nrules = 1 };

	(void)state;
	assert_true(pol_decide_all(&t, &q));
	t.rules = both;
	t.nrules = 2;
	assert_false(pol_decide_all(&t, &q));
	q.principal = ALV_STR("User:bob");
	assert_true(pol_decide_all(&t, &q));
	q.claimed = claimed;
	assert_false(pol_decide_all(&t, &q));
	t.supers = super;
	t.nsupers = 1;
	assert_true(pol_decide_all(&t, &q));
	pol_groups_free(claimed);
}

static void
those_who_are_not_asked(void **state)
{
	static const struct alv_str	 supers[] = { ALV_STR("User:alice"), ALV_STR("User:root") };
	static const struct pol_rule deny[] = { DENY("secret", "User:*", "*", POL_OP_ALL) };
	struct pol_query  q = { .principal = ALV_STR("User:alice"), .host = ALV_STR("*"), .op = POL_OP_DESCRIBE, .resource = POL_TOPIC };
	struct pol_tenant t = { .rules = deny, .nrules = 1 };

	(void)state;
	assert_false(pol_decide_all(&t, &q));
	t.authorizer = POL_AUTHORIZER_NONE;
	assert_true(pol_decide_all(&t, &q));
	t.authorizer = POL_AUTHORIZER_ACL;
	t.supers = supers;
	t.nsupers = 2;
	assert_true(pol_decide_all(&t, &q));
	q.principal = ALV_STR("User:carol");
	assert_false(pol_decide_all(&t, &q));
	q.principal = ALV_STR_NULL;
	t.authorizer = POL_AUTHORIZER_NONE;
	assert_false(pol_decide_all(&t, &q));
	t = (struct pol_tenant){ .everyone_if_no_acl = true };
	q.principal = ALV_STR("User:carol");
	assert_true(pol_decide_all(&t, &q));
	t.rules = deny;
	t.nrules = 1;
	assert_false(pol_decide_all(&t, &q));
	q.resource = POL_GROUP;
	assert_true(pol_decide_all(&t, &q));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allow_on_all_is_needed),
		cmocka_unit_test(any_deny_is_one_too_many),
		cmocka_unit_test(groups_count_as_their_members), cmocka_unit_test(those_who_are_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
