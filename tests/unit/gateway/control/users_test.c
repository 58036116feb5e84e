/* Users, many at once: all or nothing, by the rules of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/gateway/control/world.h"

static struct con_change
alter(void)
{
	struct con_change c = kit_change(CON_USERS_ALTER, "acme");

	c.users = pol_user_list_new();
	assert_non_null(c.users);
	return c;
}

static struct pol_user_item *
add(struct con_change *c, const char *name)
{
	struct pol_user_item *x = pol_user_list_add(c->users);

	assert_non_null(x);
	snprintf(x->name, sizeof(x->name), "%s", name);
	return x;
}

/* Somebody with a credential. */
static struct pol_user_item *
add_new(struct con_change *c, const char *name, uint32_t iterations)
{
	struct pol_user_item  *x = add(c, name);
	struct pol_credential *k;

	x->credentials = pol_credentials_new();
	k = pol_credentials_add(x->credentials);
	assert_non_null(k);
	k->mechanism = POL_SCRAM_SHA_512;
	k->keys = (struct pol_scram){ .iterations = iterations, .salt_n = 16, .salt = "a salt of theirs", .stored_key = "k", .server_key = "s" };
	return x;
}

/* The numbers, or the error; all of the tenant's users then, with '!' for disabled ones. */
static void
comes_to(struct world *w, struct con_change c, enum alv_err want, const char *words, const char *users)
{
	const struct pol_tenant *t;
	char			 got[2200] = "";
	int			 before = w->published;
	uint64_t		 revision = tenant(w, "acme")->revision;

	con_apply(&w->core, &c, NULL);
	if (c.err)
		snprintf(got, sizeof(got), "%s", c.detail);
	else
		snprintf(got, sizeof(got), "%zu made, %zu changed, %zu removed", c.made, c.changed, c.removed);
	if (c.err != want || strstr(got, words) == NULL)
		fail_msg("%s: found \"%s\", expected \"%s\"", alv_err_name(c.err), got, words);
	t = tenant(w, "acme");
	assert_int_equal(w->published - before, t->revision != revision);
	if (!c.err)
		assert_int_equal(c.revision, t->revision);
	else
		assert_int_equal(revision, t->revision);
	got[0] = '\0';
	for (size_t i = 0; i < t->nusers; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%.*s%s", i == 0 ? "" : " ", ALV_STR_ARG(t->users[i].name),
		    t->users[i].enabled ? "" : "!");
	assert_string_equal(got, users);
	assert_true(c.user[0] == '\0' && c.password[0] == '\0' && c.credentials == NULL && c.groups == NULL);
	pol_user_list_free(c.users);
}

static struct pol_groups *
group(const char *name)
{
	struct alv_str s = alv_str_of(name);

	return pol_groups_new(&s, 1);
}

static void
begin(struct world *w)
{
	struct con_change c = alter();

	ok(w, adopting("acme"));
	add_new(&c, "bob", 5000)->groups = group("dev");
	add_new(&c, "alice", 5000);
	comes_to(w, c, ALV_OK, "2 made, 0 changed, 0 removed", "alice bob");
}

static void
made_changed_and_deleted_at_once(void **state)
{
	struct world	     *w = *state;
	struct con_change     c;
	struct pol_user_item *x;
	uint64_t	      alice;

	begin(w);
	assert_int_equal(pol_user_find(tenant(w, "acme"), ALV_STR("bob"))->ngroups, 1);
	alice = pol_user_find(tenant(w, "acme"), ALV_STR("alice"))->revision;
	c = alter();
	add_new(&c, "carol", 6000)->only_new = true;
	add(&c, "bob")->remove = true;
	x = add(&c, "alice");
	x->enabled_set = true;
	comes_to(w, c, ALV_OK, "1 made, 1 changed, 1 removed", "alice! carol");
	assert_true(pol_user_find(tenant(w, "acme"), ALV_STR("alice"))->revision > alice);
	assert_int_equal(pol_user_find(tenant(w, "acme"), ALV_STR("alice"))->scram[POL_SCRAM_SHA_512].iterations, 5000);
	/* Groups alone: open connections go on. */
	alice = pol_user_find(tenant(w, "acme"), ALV_STR("alice"))->revision;
	c = alter();
	add(&c, "alice")->groups = group("ops");
	comes_to(w, c, ALV_OK, "0 made, 1 changed, 0 removed", "alice! carol");
	assert_int_equal(pol_user_find(tenant(w, "acme"), ALV_STR("alice"))->revision, alice);
	/* What is so already is no change. */
	c = alter();
	add(&c, "alice")->groups = group("ops");
	x = add(&c, "carol");
	x->enabled = x->enabled_set = true;
	comes_to(w, c, ALV_OK, "0 made, 0 changed, 0 removed", "alice! carol");
	comes_to(w, alter(), ALV_OK, "0 made, 0 changed, 0 removed", "alice! carol");
}

static void
all_or_nothing(void **state)
{
	static const struct { const char *name; bool remove, only_new, keys; uint32_t iterations; enum alv_err err; const char *words; } bad[] = {
		{ "d/ave", false, false, true, 5000, ALV_E_NAME, "users[1] (\"d/ave\"): the user name \"d/ave\" contains '/'" },
		{ "", false, false, true, 5000, ALV_E_NAME, "users[1] (\"\"): found a user name of 0 bytes" },
		{ "bob", false, true, true, 5000, ALV_E_EXISTS, "users[1] (\"bob\"): tenant acme has a user \"bob\" already; nothing was changed" },
		{ "nobody", true, false, false, 0, ALV_E_NOT_FOUND, "users[1] (\"nobody\"): tenant acme has no such user" },
		{ "dave", false, false, false, 0, ALV_E_MISSING, "users[1] (\"dave\"): a new user needs a password" },
		{ "dave", false, false, true, 4095, ALV_E_RANGE, "users[1] (\"dave\"): user \"dave\": found 4095 iterations" },
		{ "carol", false, false, true, 5000, ALV_E_VALUE, "users[0] and users[1] are both \"carol\"" },
	};
	struct world *w = *state;

	begin(w);
	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		struct con_change     c = alter();
		struct pol_user_item *x;

		add_new(&c, "carol", 5000);
		x = bad[i].keys ? add_new(&c, bad[i].name, bad[i].iterations) : add(&c, bad[i].name);
		x->remove = bad[i].remove;
		x->only_new = bad[i].only_new;
		comes_to(w, c, bad[i].err, bad[i].words, "alice bob");
	}
}

static void
all_are_replaced(void **state)
{
	struct world	 *w = *state;
	struct con_change c;

	begin(w);
	c = alter();
	c.users_all = true;
	add_new(&c, "carol", 5000);
	add(&c, "bob");
	comes_to(w, c, ALV_OK, "1 made, 0 changed, 1 removed", "bob carol");
	c = alter();
	c.users_all = true;
	add(&c, "carol");
	comes_to(w, c, ALV_OK, "0 made, 0 changed, 1 removed", "carol");	/* although nothing is new */
	c = alter();
	c.users_all = true;
	add(&c, "carol");
	comes_to(w, c, ALV_OK, "0 made, 0 changed, 0 removed", "carol");
	c = alter();
	c.users_all = true;
	comes_to(w, c, ALV_OK, "0 made, 0 changed, 1 removed", "");
}

static void
those_that_a_filter_fits_are_deleted(void **state)
{
	struct world	 *w = *state;
	struct con_change c;

	begin(w);
	c = kit_change(CON_USERS_DELETE, "acme");
	c.users = pol_user_list_new();
	c.user_filter = (struct pol_user_filter){ .group = ALV_STR("ops"), .enabled = -1, .mechanism = -1 };
	comes_to(w, c, ALV_OK, "0 removed", "alice bob");
	c.users = pol_user_list_new();
	c.user_filter.group = ALV_STR("dev");
	con_apply(&w->core, &c, NULL);
	assert_int_equal(c.users->n, 1);
	assert_string_equal(c.users->item[0].name, "bob");
	pol_user_list_free(c.users);
	c.users = pol_user_list_new();
	c.user_filter = (struct pol_user_filter){ .prefix = ALV_STR(""), .enabled = -1, .mechanism = -1 };
	comes_to(w, c, ALV_OK, "1 removed", "");
}

static void
what_a_filter_fits(void **state)
{
	struct alv_str	groups[] = { ALV_STR("dev"), ALV_STR("ops") };
	struct pol_user u = { .name = ALV_STR("bob"), .groups = groups, .ngroups = 2, .enabled = true };
	static const struct { struct pol_user_filter f; bool fits; } cases[] = {
		{ { { NULL, 0 }, { NULL, 0 }, -1, -1 }, true },		 { { { "", 0 }, { NULL, 0 }, -1, -1 }, true },
		{ { { "bo", 2 }, { "ops", 3 }, 1, -1 }, true },		 { { { "bo", 2 }, { "op", 2 }, 1, -1 }, false },
		{ { { "a", 1 }, { NULL, 0 }, -1, -1 }, false },		 { { { NULL, 0 }, { NULL, 0 }, 0, -1 }, false },
		{ { { NULL, 0 }, { NULL, 0 }, -1, POL_MECHANISMS }, true }, { { { NULL, 0 }, { NULL, 0 }, -1, POL_SCRAM_SHA_256 }, false },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++)
		assert_int_equal(pol_user_fits(&cases[i].f, &u), cases[i].fits);
	u.scram[POL_SCRAM_SHA_256].present = true;
	assert_false(pol_user_fits(&cases[6].f, &u));
	assert_true(pol_user_fits(&cases[7].f, &u));
}

/* 10,000 in the place of 10,000 others, in one request; one more is too many. */
static void
as_many_as_there_may_be(void **state)
{
	struct world	 *w = *state;
	struct con_change c;
	char		  name[32];

	ok(w, adopting("acme"));
	for (int turn = 0; turn < 2; turn++) {
		c = alter();
		c.users_all = true;
		for (int i = 0; i < POL_USERS_MAX; i++) {
			snprintf(name, sizeof(name), "%c%d", 'a' + turn, i);
			add_new(&c, name, 5000);
		}
		assert_null(pol_user_list_add(c.users));
		con_apply(&w->core, &c, NULL);
		assert_int_equal(c.err, ALV_OK);
		assert_int_equal(c.made, POL_USERS_MAX);
		assert_int_equal(c.removed, turn * POL_USERS_MAX);
		pol_user_list_free(c.users);
	}
	c = alter();
	add_new(&c, "one", 5000);
	con_apply(&w->core, &c, NULL);
	assert_int_equal(c.err, ALV_E_LIMIT);
	assert_int_equal(tenant(w, "acme")->nusers, POL_USERS_MAX);
	pol_user_list_free(c.users);
}

/* Passwords wait for the pool, and are not too many. */
static void
passwords_need_keys(void **state)
{
	struct world	     *w = *state;
	struct con_change     c;
	struct pol_user_item *x;

	begin(w);
	c = alter();
	add_new(&c, "carol", 5000);
	x = add(&c, "bob");
	x->password = strdup("bobs new one");
	x->iterations = 1000000;
	assert_int_equal(con_judge(&w->core, &c), CON_NEED_KEYS);
	assert_ptr_equal(pol_user_list_password(c.users), x);
	add(&c, "alice")->password = strdup("alices new one");
	assert_int_equal(con_judge(&w->core, &c), CON_NEED_END);
	assert_int_equal(c.err, ALV_E_LIMIT);
	assert_non_null(strstr(c.detail, "2008192 iterations in all, expected at most 2000000"));
	pol_user_list_free(c.users);
	c = alter();
	add(&c, "bob")->password = strdup("");
	assert_int_equal(con_judge(&w->core, &c), CON_NEED_END);
	pol_user_list_free(c.users);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(made_changed_and_deleted_at_once), T(all_or_nothing), T(all_are_replaced),
		T(those_that_a_filter_fits_are_deleted), T(as_many_as_there_may_be), T(passwords_need_keys), cmocka_unit_test(what_a_filter_fits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
