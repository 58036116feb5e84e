/* SCRAM credentials by REST: one user's in the place of a password, many at once, and lists by what users have. */
#include "fixture.h"

#define USERS "/v1/tenants/acme/users"
#define MANY  "/v1/tenants/acme/scram-credentials"
#define K32   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define K64   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
#define KEYS(mechanism, iterations, key) "\"mechanism\":\"" mechanism "\",\"iterations\":" iterations ",\"salt\":\"c2FsdA==\",\"storedKey\":\"" \
	key "\",\"serverKey\":\"" key "\""
#define WEAK   KEYS("SCRAM-SHA-256", "4096", K32)
#define STRONG KEYS("SCRAM-SHA-512", "16384", K64)

static const struct fx_user *
user(struct fx *f, const char *name)
{
	return fx_user_find(&f->control.tenant[0], name);
}

static void
in_the_place_of_a_password(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a = fx_do(f, "POST", USERS, "{\"name\":\"bob\",\"scram\":[{" WEAK "}]}");

	assert_int_equal(a.status, 201);
	assert_non_null(strstr(a.text, "\"mechanisms\":[\"SCRAM-SHA-256\",\"PLAIN\"]"));
	assert_non_null(strstr(a.text, "\"scram\":[{\"mechanism\":\"SCRAM-SHA-256\",\"iterations\":4096}]"));
	assert_null(strstr(a.text, K32));
	fx_done(&a);
	assert_int_equal(user(f, "bob")->scram[POL_SCRAM_SHA_256].stored_key[5], 5);
	assert_int_equal(user(f, "bob")->scram[POL_SCRAM_SHA_256].salt_n, 4);
	/* What the user has then is what was said. */
	assert_int_equal(fx_try(f, "PUT", USERS "/bob", NULL, "{\"scram\":[{" STRONG "}]}"), 200);
	assert_false(user(f, "bob")->scram[POL_SCRAM_SHA_256].present);
	assert_int_equal(user(f, "bob")->scram[POL_SCRAM_SHA_512].iterations, 16384);
	assert_int_equal(fx_try(f, "PATCH", USERS "/bob", NULL, "{\"enabled\":false,\"scram\":[{" WEAK "},{" STRONG "}]}"), 200);
	assert_true(user(f, "bob")->scram[POL_SCRAM_SHA_256].present && user(f, "bob")->scram[POL_SCRAM_SHA_512].present);
	assert_int_equal(fx_try(f, "POST", USERS, NULL, "{\"name\":\"fay\",\"password\":\"a-password\",\"iterations\":12345}"), 201);
	assert_int_equal(user(f, "fay")->scram[POL_SCRAM_SHA_512].iterations, 12345);
	assert_false(fx_logged(f, K32) || fx_logged(f, K64));
}

static void
many_at_once(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a = fx_do(f, "POST", MANY, "{\"credentials\":[{\"user\":\"bob\"," WEAK "},{\"user\":\"bob\"," STRONG "},{\"user\":\"carol\"," STRONG "}]}");

	assert_int_equal(a.status, 200);
	assert_int_equal(fx_int(&a, "credentials"), 3);
	assert_int_equal(fx_int(&a, "users"), 2);
	fx_done(&a);
	assert_int_equal(user(f, "carol")->scram[POL_SCRAM_SHA_512].server_key[63], 63);
	assert_int_equal(fx_try(f, "POST", MANY, "If-Match: \"1\"\r\n", "{\"credentials\":[]}"), 412);
	assert_int_equal(fx_try(f, "POST", "/v1/tenants/nobody/scram-credentials", NULL, "{\"credentials\":[]}"), 404);
	a = fx_as(f, FX_VIEWER, "POST", MANY, NULL, "{\"credentials\":[]}");
	assert_int_equal(a.status, 403);
	fx_done(&a);
	assert_false(fx_logged(f, K32) || fx_logged(f, K64));
}

static void
refused(void **state)
{
	static const struct { const char *path, *body, *pointer, *words; } cases[] = {
		{ MANY, "{}", "/credentials", "missing" },
		{ MANY, "{\"credentials\":{}}", "/credentials", "expected an array" },
		{ MANY, "{\"credentials\":[7]}", NULL, "expected an object" },
		{ MANY, "{\"credentials\":[{" WEAK "}]}", "/credentials/0/user", "expected a string" },
		{ MANY, "{\"credentials\":[{\"user\":\"\"," WEAK "}]}", "/credentials/0/user", "expected a string" },
		{ MANY, "{\"credentials\":[{\"user\":\"a\"," WEAK "},{\"user\":\"b\"," KEYS("PLAIN", "4096", K32) "}]}", "/credentials/1/mechanism", "SCRAM-SHA-256 or" },
		{ MANY, "{\"credentials\":[{\"user\":\"a\"," KEYS("SCRAM-SHA-256", "4095", K32) "}]}", "/credentials/0/iterations", "4096 to 1000000" },
		{ MANY, "{\"credentials\":[{\"user\":\"a\"," KEYS("SCRAM-SHA-256", "\"4096\"", K32) "}]}", "/credentials/0/iterations", "4096 to 1000000" },
		{ MANY, "{\"credentials\":[{\"user\":\"a\"," KEYS("SCRAM-SHA-256", "4096", K64) "}]}", "/credentials/0/storedKey", "32 bytes" },
		{ MANY, "{\"credentials\":[{\"user\":\"a\"," KEYS("SCRAM-SHA-512", "4096", K32) "}]}", "/credentials/0/storedKey", "64 bytes" },
		{ MANY, "{\"credentials\":[{\"user\":\"a\"," KEYS("SCRAM-SHA-512", "4096", "!") "}]}", "/credentials/0/storedKey", "64 bytes" },
		{ MANY, "{\"credentials\":[{\"user\":\"a\",\"password\":\"x\"," WEAK "}]}", "/credentials/0/password", "only user, mechanism" },
		{ USERS, "{\"name\":\"a\",\"scram\":[{\"user\":\"a\"," WEAK "}]}", "/scram/0/user", "only mechanism" },
		{ USERS, "{\"name\":\"a\",\"password\":\"p\",\"scram\":[{" WEAK "}]}", "/scram", "one of them" },
		{ USERS, "{\"name\":\"a\",\"generate\":true,\"scram\":[{" WEAK "}]}", "/scram", "one of them" },
		{ USERS, "{\"name\":\"a\",\"iterations\":4096,\"scram\":[{" WEAK "}]}", "/iterations", "without a password" },
		{ USERS, "{\"name\":\"a\",\"iterations\":1000001,\"password\":\"p\"}", "/iterations", "expected 4096 to 1000000" },
		{ USERS, "{\"name\":\"a\",\"iterations\":0,\"password\":\"p\"}", "/iterations", "expected 4096 to 1000000" },
	};
	struct fx *f = *state;

	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct fx_answer a = fx_do(f, "POST", cases[i].path, cases[i].body);

		if (a.status != 422 || strstr(fx_str(&a, "detail"), cases[i].words) == NULL)
			fail_msg("%s: %d %s", cases[i].body, a.status, a.text);
		if (cases[i].pointer != NULL)
			assert_string_equal(fx_str(&a, "pointer"), cases[i].pointer);
		assert_null(strstr(a.text, K32));
		fx_done(&a);
	}
	assert_int_equal(f->control.tenant[0].nusers, 0);
}

static void
names_are(struct fx *f, const char *query, const char *want)
{
	char		 path[128], got[256] = "";
	struct fx_answer a;
	size_t		 i;
	json_t		*u;

	snprintf(path, sizeof(path), USERS "%s", query);
	a = fx_do(f, "GET", path, NULL);
	assert_int_equal(a.status, 200);
	json_array_foreach(json_object_get(a.json, "items"), i, u)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", json_string_value(json_object_get(u, "name")));
	snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s", json_is_null(json_object_get(a.json, "next")) ? "." : fx_str(&a, "next"));
	assert_string_equal(got, want);
	fx_done(&a);
}

static void
lists_by_what_users_have(void **state)
{
	struct fx *f = *state;

	fx_try(f, "POST", MANY, NULL, "{\"credentials\":[{\"user\":\"ann\"," WEAK "},{\"user\":\"bob\"," WEAK "},{\"user\":\"bob\"," STRONG "},{\"user\":\"bea\"," STRONG "}]}");
	fx_try(f, "PATCH", USERS "/bea", NULL, "{\"enabled\":false}");
	names_are(f, "", "ann bea bob .");
	names_are(f, "?prefix=b", "bea bob .");
	names_are(f, "?prefix=b&limit=1", "bea bea");
	names_are(f, "?prefix=b&limit=1&after=bea", "bob .");
	names_are(f, "?enabled=false", "bea .");
	names_are(f, "?enabled=true&prefix=b", "bob .");
	names_are(f, "?mechanism=SCRAM-SHA-256", "ann bob .");
	names_are(f, "?mechanism=SCRAM-SHA-512&limit=2", "bea bob .");
	names_are(f, "?mechanism=none", ".");
	assert_int_equal(fx_try(f, "GET", USERS "?mechanism=PLAIN", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", USERS "?enabled=yes", NULL, NULL), 400);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup_acme, fx_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(in_the_place_of_a_password), T(many_at_once), T(refused), T(lists_by_what_users_have) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
