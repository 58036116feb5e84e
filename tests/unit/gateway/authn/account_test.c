/* Accounts: fakes are stable, differ by everything they are made from, and nobody gets in by one. PLAIN's tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "authn/scram.h"

static struct pol_user	users[3];
static struct pol_tenant tenant;

static int
make_tenant(void **state)
{
	(void)state;
	users[0] = (struct pol_user){ .name = ALV_STR("alice"), .revision = 7, .enabled = true };
	users[1] = (struct pol_user){ .name = ALV_STR("bob"), .revision = 8, .enabled = true };
	users[2] = (struct pol_user){ .name = ALV_STR("carol"), .revision = 9, .enabled = false };
	for (int i = 0; i < 3; i++)
		for (int m = 0; m < POL_MECHANISMS; m++)
			if (i != 1 || m == POL_SCRAM_SHA_256)
				assert_int_equal(aut_scram_make((enum pol_mechanism)m, ALV_STR("secret pw"), 4096, &users[i].scram[m]), ALV_OK);
	tenant = (struct pol_tenant){ .state = POL_ACTIVE, .nusers = 3, .users = users };
	return 0;
}

static void
fill(struct aut_account *a, const char *name)
{
	aut_account_fill(a, &tenant, ALV_STR("acme"), alv_str_of(name), ALV_STR("process secret"), 8192);
}

static void
fakes_are_stable_and_distinct(void **state)
{
	struct aut_account a, b;

	(void)state;
	aut_account_nobody(&a, NULL, ALV_STR("acme"), ALV_STR("x"), ALV_STR("s"), 8192);
	aut_account_nobody(&b, NULL, ALV_STR("acme"), ALV_STR("x"), ALV_STR("s"), 8192);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(a.scram[0].salt, a.scram[1].salt, AUT_SALT_BYTES);
	assert_int_equal(a.scram[0].iterations, 8192);
	aut_account_nobody(&b, NULL, ALV_STR("acme"), ALV_STR("x"), ALV_STR("t"), 8192);
	assert_memory_not_equal(a.scram[0].salt, b.scram[0].salt, AUT_SALT_BYTES);
	aut_account_nobody(&b, NULL, ALV_STR("acmex"), ALV_STR(""), ALV_STR("s"), 8192);
	assert_memory_not_equal(a.scram[0].salt, b.scram[0].salt, AUT_SALT_BYTES);
	aut_account_nobody(&b, NULL, ALV_STR("acme"), ALV_STR("y"), ALV_STR("s"), 8192);
	assert_memory_not_equal(a.scram[0].salt, b.scram[0].salt, AUT_SALT_BYTES);
	assert_memory_not_equal(a.scram[0].stored_key, b.scram[0].stored_key, 32);
}

static void
accounts_come_from_the_snapshot(void **state)
{
	struct aut_account a, none;

	(void)state;
	fill(&a, "alice");
	assert_true(a.known);
	assert_int_equal(a.user_revision, 7);
	assert_string_equal(a.tenant, "acme");
	assert_string_equal(a.user, "alice");
	assert_memory_equal(a.scram[1].stored_key, users[0].scram[1].stored_key, 64);
	fill(&a, "bob");
	assert_true(a.known && !a.fake[0] && a.fake[1] && a.scram[1].present);
	fill(&a, "carol");
	assert_false(a.known);
	fill(&a, "dave");
	assert_false(a.known);
	tenant.state = POL_SUSPENDED;
	fill(&a, "alice");
	assert_false(a.known);
	tenant.state = POL_ACTIVE;
	fill(&a, "dave");
	aut_account_nobody(&none, NULL, ALV_STR("acme"), ALV_STR("dave"), ALV_STR("process secret"), 8192);
	assert_memory_equal(&a, &none, sizeof(a));
}

/* What SCRAM shows of somebody who is disabled, or whose tenant is suspended, is what it showed before: a salt that changes that day
 * would tell that the name was somebody's. */
static void
what_is_shown_does_not_change_with_the_state(void **state)
{
	struct aut_account before, after;

	(void)state;
	fill(&before, "alice");
	users[0].enabled = false;
	fill(&after, "alice");
	users[0].enabled = true;
	assert_true(before.known && !after.known);
	assert_memory_equal(before.scram, after.scram, sizeof(before.scram));
	tenant.state = POL_SUSPENDED;
	fill(&after, "alice");
	tenant.state = POL_ACTIVE;
	assert_false(after.known);
	assert_memory_equal(before.scram, after.scram, sizeof(before.scram));
	assert_int_equal(before.plain, after.plain);
	fill(&before, "bob");	/* whose PLAIN is SHA-256's */
	users[1].enabled = false;
	fill(&after, "bob");
	users[1].enabled = true;
	assert_memory_equal(before.scram, after.scram, sizeof(before.scram));
	assert_int_equal(before.plain, after.plain);
	assert_int_equal(after.user_revision, before.user_revision);
}

static void
look(void *arg, struct alv_str login, struct aut_account *a)
{
	(void)arg;
	aut_account_fill(a, &tenant, ALV_STR("acme"), login, ALV_STR("process secret"), 4096);
}

static void
plain_is_judged(void **state)
{
#define T(lit) { lit, sizeof(lit) - 1 }
	static const struct { struct alv_str token; enum aut_step first, last; } cases[] = {
		{ T("\0alice\0secret pw"), AUT_WORK, AUT_OK },
		{ T("alice\0alice\0secret pw"), AUT_WORK, AUT_OK },
		{ T("\0bob\0secret pw"), AUT_WORK, AUT_OK },	/* only SHA-256 keys */
		{ T("\0alice\0secret pW"), AUT_WORK, AUT_FAIL },
		{ T("\0alice\0secret pw "), AUT_WORK, AUT_FAIL },
		{ T("\0carol\0secret pw"), AUT_WORK, AUT_FAIL },
		{ T("\0nobody\0secret pw"), AUT_WORK, AUT_FAIL },
		{ T("bob\0alice\0secret pw"), AUT_FAIL, AUT_FAIL },
		{ T("\0\0secret pw"), AUT_FAIL, AUT_FAIL },
		{ T("\0alice\0"), AUT_FAIL, AUT_FAIL },
		{ T("\0alice"), AUT_FAIL, AUT_FAIL },
		{ T("alice"), AUT_FAIL, AUT_FAIL },
		{ T(""), AUT_FAIL, AUT_FAIL },
		{ T("\0"), AUT_FAIL, AUT_FAIL },
		{ T("\0\0"), AUT_FAIL, AUT_FAIL },
		{ T("\0alice\0secret pw\0"), AUT_FAIL, AUT_FAIL },
		{ T("\0alice\0secret\0pw"), AUT_FAIL, AUT_FAIL },
		{ T("\0\xff\0secret pw"), AUT_FAIL, AUT_FAIL },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct aut_server s;
		struct alv_arena  a;
		struct alv_str	  out;

		alv_arena_init(&a, 4096);
		aut_server_init(&s, AUT_PLAIN, look, NULL);
		assert_int_equal(aut_server_token(&s, cases[i].token, &a, &out), cases[i].first);
		if (cases[i].first == AUT_WORK) {
			aut_server_work(&s);
			assert_int_equal(s.password.n, 0);
			assert_int_equal(aut_server_resume(&s, &a, &out), cases[i].last);
		}
		assert_int_equal(out.n, 0);
		aut_server_fini(&s);
		alv_arena_fini(&a);
	}
}

static void
over_long_plain_fails(void **state)
{
	static char	  token[AUT_TOKEN_MAX + 1];
	struct aut_server s;
	struct alv_arena  a;
	struct alv_str	  out;

	(void)state;
	memset(token, 'x', sizeof(token));
	token[0] = token[6] = '\0';
	alv_arena_init(&a, 4096);
	for (size_t n = AUT_TOKEN_MAX; n <= AUT_TOKEN_MAX + 1; n++) {
		aut_server_init(&s, AUT_PLAIN, look, NULL);
		assert_int_equal(aut_server_token(&s, alv_str_make(token, n), &a, &out), n == AUT_TOKEN_MAX ? AUT_WORK : AUT_FAIL);
		aut_server_fini(&s);
	}
	token[6] = 'x';
	token[600] = '\0';
	aut_server_init(&s, AUT_PLAIN, look, NULL);
	assert_int_equal(aut_server_token(&s, alv_str_make(token, 700), &a, &out), AUT_FAIL);
	aut_server_fini(&s);
	alv_arena_fini(&a);
}

static void
mechanisms_have_names(void **state)
{
	enum aut_mechanism m;

	(void)state;
	assert_true(aut_mechanism_find(ALV_STR("SCRAM-SHA-512"), &m));
	assert_int_equal(m, AUT_SCRAM_SHA_512);
	assert_string_equal(aut_mechanism_name(AUT_PLAIN), "PLAIN");
	assert_false(aut_mechanism_find(ALV_STR("plain"), &m));
	assert_false(aut_mechanism_find(ALV_STR("SCRAM-SHA-512-PLUS"), &m));
	assert_false(aut_mechanism_find(ALV_STR_NULL, &m));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fakes_are_stable_and_distinct),
		cmocka_unit_test(accounts_come_from_the_snapshot),
		cmocka_unit_test(what_is_shown_does_not_change_with_the_state),
		cmocka_unit_test(plain_is_judged),
		cmocka_unit_test(over_long_plain_fails),
		cmocka_unit_test(mechanisms_have_names),
	};

	return cmocka_run_group_tests(tests, make_tenant, NULL);
}
