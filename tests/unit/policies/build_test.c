/* Snapshots: whole copies, sorted, found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdlib.h>

#include <alcove/policy.h>
#include <alcove/str.h>

static struct pol_tenant *
make(struct alv_arena *a)
{
	static const char *const names[] = { "zoe", "alice", "bob", "al" };
	struct pol_user		 users[4];
	struct ten_alias	 aliases[3] = {
		    { TEN_TOPIC, alv_arena_str(a, ALV_STR("zz")), alv_arena_str(a, ALV_STR("first")), true },
		    { TEN_GROUP, alv_arena_str(a, ALV_STR("g")), alv_arena_str(a, ALV_STR("G")), true },
		    { TEN_TOPIC, alv_arena_str(a, ALV_STR("aa")), alv_arena_str(a, ALV_STR("second")), false },
	};
	struct pol_parts p = { .id = alv_arena_str(a, ALV_STR("acme")), .display_name = alv_arena_str(a, ALV_STR("Acme Inc.")),
		.state = POL_SUSPENDED, .revision = 7, .cluster_id = "abcdefghijklmnopqrstuv", .users = users, .nusers = 4,
		.aliases = aliases, .naliases = 3 };
	struct pol_tenant *t;

	memset(users, 0, sizeof(users));
	for (size_t i = 0; i < 4; i++) {
		users[i].name = alv_arena_str(a, alv_str_of(names[i]));
		users[i].revision = i;
		users[i].scram[POL_SCRAM_SHA_512].stored_key[63] = (uint8_t)i;
	}
	p.rules = pol_rules_all(&p.nrules);
	t = pol_build(&p);
	memset(users, 0xee, sizeof(users));	/* nothing of the parts is kept */
	memset(aliases, 0xee, sizeof(aliases));
	return t;
}

static void
copies_and_sorts(void **state)
{
	struct alv_arena       a;
	struct pol_tenant     *t;
	const struct pol_user *u;
	struct alv_str	       s;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	t = make(&a);
	alv_arena_fini(&a);
	assert_true(alv_str_eqz(t->names.id, "acme"));
	assert_true(alv_str_eqz(t->names.prefix, "acme."));
	assert_true(alv_str_eqz(t->display_name, "Acme Inc."));
	assert_string_equal(t->cluster_id, "abcdefghijklmnopqrstuv");
	assert_int_equal(t->state, POL_SUSPENDED);
	assert_int_equal(t->revision, 7);
	assert_int_equal(t->nusers, 4);
	assert_true(alv_str_eqz(t->users[0].name, "al"));
	assert_true(alv_str_eqz(t->users[3].name, "zoe"));
	u = pol_user_find(t, ALV_STR("bob"));
	assert_non_null(u);
	assert_int_equal(u->revision, 2);
	assert_int_equal(u->scram[POL_SCRAM_SHA_512].stored_key[63], 2);
	assert_null(pol_user_find(t, ALV_STR("bo")));
	assert_null(pol_user_find(t, ALV_STR("bobb")));
	assert_null(pol_user_find(t, ALV_STR("")));
	assert_null(pol_user_find(t, ALV_STR_NULL));
	assert_int_equal(ten_unmap(&t->names, TEN_TOPIC, ALV_STR("second"), &s), ALV_OK);
	assert_true(alv_str_eqz(s, "aa"));
	assert_int_equal(ten_unmap(&t->names, TEN_TOPIC, ALV_STR("G"), &s), ALV_E_FOREIGN);
	assert_int_equal(t->nrules, 6);
	assert_true(alv_str_eqz(t->rules[0].principal, "User:*"));
	pol_tenant_free(t);
}

static void
empty_parts(void **state)
{
	struct pol_parts   p = { .id = ALV_STR("a") };
	struct pol_tenant *t = pol_build(&p);

	(void)state;
	assert_non_null(t);
	assert_null(pol_user_find(t, ALV_STR("x")));
	assert_null(t->display_name.p);
	assert_string_equal(t->cluster_id, "");
	pol_tenant_free(t);
	pol_tenant_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_and_sorts),
		cmocka_unit_test(empty_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
