/* SCRAM credentials of many users: all or none, or each for itself; what becomes of users by the first and the last one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/gateway/control/world.h"

static struct pol_credential *
credential(struct con_change *c, const char *user, enum pol_mechanism m)
{
	struct pol_credential *x;

	if (c->credentials == NULL)
		c->credentials = pol_credentials_new();
	x = pol_credentials_add(c->credentials);
	assert_non_null(x);
	snprintf(x->user, sizeof(x->user), "%s", user);
	x->mechanism = m;
	x->keys = (struct pol_scram){ .iterations = 5000, .salt_n = 40, .salt = "a salt of theirs", .stored_key = "k", .server_key = "s" };
	return x;
}

static struct con_change
finish(struct world *w, struct con_change c, enum alv_err want, const char *words)
{
	con_apply(&w->core, &c, NULL);
	if (c.err != want || strstr(c.detail, words) == NULL)
		fail_msg("%s %s, expected %s", alv_err_name(c.err), c.detail, words);
	return c;
}

static const struct pol_user *
user(struct world *w, const char *name)
{
	return pol_user_find(tenant(w, "acme"), alv_str_of(name));
}

static void
credentials_of_many(void **state)
{
	struct world	 *w = *state;
	struct con_change c;
	uint64_t	  revision;

	ok(w, adopting("acme"));
	c = kit_change(CON_USER_CREDENTIALS, "acme");
	credential(&c, "bob", POL_SCRAM_SHA_256);
	credential(&c, "bob", POL_SCRAM_SHA_512)->keys.iterations = 6000;
	credential(&c, "carol", POL_SCRAM_SHA_512);
	c = finish(w, c, ALV_OK, "");
	assert_int_equal(c.changed, 3);
	pol_credentials_free(c.credentials);
	assert_int_equal(tenant(w, "acme")->nusers, 2);
	assert_true(user(w, "bob")->enabled && user(w, "bob")->scram[POL_SCRAM_SHA_256].present);
	assert_int_equal(user(w, "bob")->scram[POL_SCRAM_SHA_512].iterations, 6000);
	assert_int_equal(user(w, "bob")->scram[POL_SCRAM_SHA_512].salt_n, 40);
	assert_memory_equal(user(w, "carol")->scram[POL_SCRAM_SHA_512].salt, "a salt of theirs", 16);
	assert_int_equal(user(w, "carol")->scram[POL_SCRAM_SHA_512].stored_key[0], 'k');
	/* One that is wrong: none is set. */
	c = kit_change(CON_USER_CREDENTIALS, "acme");
	credential(&c, "dave", POL_SCRAM_SHA_256);
	credential(&c, "e/ve", POL_SCRAM_SHA_256);
	c = finish(w, c, ALV_E_NAME, "'/'");
	pol_credentials_free(c.credentials);
	c = kit_change(CON_USER_CREDENTIALS, "acme");
	credential(&c, "dave", POL_SCRAM_SHA_256)->keys.iterations = 4095;
	c = finish(w, c, ALV_E_RANGE, "user \"dave\": found 4095");
	pol_credentials_free(c.credentials);
	assert_null(user(w, "dave"));
	/* Each for itself. */
	revision = user(w, "carol")->revision;
	c = kit_change(CON_USER_CREDENTIALS, "acme");
	c.some_may_fail = true;
	credential(&c, "dave", POL_SCRAM_SHA_256);
	credential(&c, "nobody", POL_SCRAM_SHA_256)->remove = true;
	credential(&c, "bob", POL_SCRAM_SHA_256)->remove = true;
	credential(&c, "carol", POL_SCRAM_SHA_512)->keys.salt_n = 0;
	c = finish(w, c, ALV_OK, "");
	assert_int_equal(c.changed, 2);
	assert_int_equal(c.credentials->item[0].err, ALV_OK);
	assert_int_equal(c.credentials->item[1].err, ALV_E_NOT_FOUND);
	assert_int_equal(c.credentials->item[2].err, ALV_OK);
	assert_int_equal(c.credentials->item[3].err, ALV_E_LENGTH);
	pol_credentials_free(c.credentials);
	assert_true(user(w, "dave") != NULL && !user(w, "bob")->scram[POL_SCRAM_SHA_256].present);
	assert_int_equal(user(w, "carol")->revision, revision);
}

/* With the last credential the user goes; one that is disabled stays, and stays disabled. */
static void
the_last_credential(void **state)
{
	struct world	 *w = *state;
	struct con_change c;

	ok(w, adopting("acme"));
	c = kit_change(CON_USER_CREDENTIALS, "acme");
	credential(&c, "bob", POL_SCRAM_SHA_256);
	credential(&c, "off", POL_SCRAM_SHA_256);
	c = finish(w, c, ALV_OK, "");
	pol_credentials_free(c.credentials);
	c = kit_user(CON_USER_PUT, "acme", "off", "");
	c.enabled_set = true;
	ok(w, c);
	c = kit_change(CON_USER_CREDENTIALS, "acme");
	credential(&c, "bob", POL_SCRAM_SHA_256)->remove = true;
	credential(&c, "off", POL_SCRAM_SHA_256)->remove = true;
	c = finish(w, c, ALV_OK, "");
	pol_credentials_free(c.credentials);
	assert_null(user(w, "bob"));
	assert_true(user(w, "off") != NULL && !user(w, "off")->enabled && !user(w, "off")->scram[POL_SCRAM_SHA_256].present);
	c = kit_change(CON_USER_CREDENTIALS, "acme");
	credential(&c, "off", POL_SCRAM_SHA_512);
	c = finish(w, c, ALV_OK, "");
	pol_credentials_free(c.credentials);
	assert_false(user(w, "off")->enabled);
}

/* Keys from elsewhere in the place of a password are all that the user has then. */
static void
one_users_credentials(void **state)
{
	struct world	 *w = *state;
	struct con_change c;

	ok(w, adopting("acme"));
	ok(w, kit_user(CON_USER_PUT, "acme", "bob", "password"));
	assert_true(user(w, "bob")->scram[POL_SCRAM_SHA_256].present && user(w, "bob")->scram[POL_SCRAM_SHA_512].present);
	c = kit_user(CON_USER_PUT, "acme", "bob", "");
	credential(&c, "", POL_SCRAM_SHA_256);
	c = finish(w, c, ALV_OK, "");
	pol_credentials_free(c.credentials);
	assert_int_equal(user(w, "bob")->scram[POL_SCRAM_SHA_256].iterations, 5000);
	assert_false(user(w, "bob")->scram[POL_SCRAM_SHA_512].present);
	c = kit_user(CON_USER_PUT, "acme", "eve", "");
	credential(&c, "", POL_SCRAM_SHA_256);
	credential(&c, "", POL_SCRAM_SHA_256);
	c = finish(w, c, ALV_E_VALUE, "twice");
	pol_credentials_free(c.credentials);
	c = kit_user(CON_USER_PUT, "acme", "eve", "password");
	credential(&c, "", POL_SCRAM_SHA_256);
	c = finish(w, c, ALV_E_VALUE, "one of them");
	pol_credentials_free(c.credentials);
	assert_null(user(w, "eve"));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(credentials_of_many), T(the_last_credential), T(one_users_credentials) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
