/* Users by REST, many at once: what a body may say, what is told, and the tenant's ETag. */
#include "fixture.h"

#define USERS "/v1/tenants/acme/users"
#define K32   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SCRAM "\"scram\":[{\"mechanism\":\"SCRAM-SHA-256\",\"iterations\":4096,\"salt\":\"c2FsdA==\",\"storedKey\":\"" K32 "\",\"serverKey\":\"" K32 "\"}]"

static const struct fx_user *
user(struct fx *f, const char *name)
{
	return fx_user_find(&f->control.tenant[0], name);
}

/* created, changed, deleted */
static struct fx_answer
alters(struct fx *f, const char *method, const char *body, int created, int changed, int deleted)
{
	struct fx_answer a = fx_do(f, method, USERS, body);

	if (a.status != 200 || fx_int(&a, "created") != created || fx_int(&a, "changed") != changed || fx_int(&a, "deleted") != deleted)
		fail_msg("%s %s: %d %s", method, body, a.status, a.text);
	return a;
}

static void
altered(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a = alters(f, "PATCH", "{\"users\":[{\"name\":\"alice\",\"password\":\"alices-own\",\"iterations\":5000,\"groups\":[\"dev\",\"ops\"]},"
	    "{\"name\":\"bob\",\"generate\":true,\"create\":true},{\"name\":\"carol\"," SCRAM ",\"enabled\":false}]}", 3, 0, 0);
	const json_t	*told = json_object_get(a.json, "passwords");

	assert_int_equal(json_array_size(told), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(told, 0), "name")), "bob");
	assert_string_equal(json_string_value(json_object_get(json_array_get(told, 0), "password")), user(f, "bob")->password);
	assert_int_equal(strlen(user(f, "bob")->password), 32);
	assert_null(strstr(a.text, "alices-own"));
	fx_done(&a);
	assert_string_equal(user(f, "alice")->password, "alices-own");
	assert_int_equal(user(f, "alice")->scram[POL_SCRAM_SHA_512].iterations, 5000);
	assert_string_equal(user(f, "alice")->group[1], "ops");
	assert_true(user(f, "alice")->enabled && !user(f, "carol")->enabled);
	assert_int_equal(user(f, "carol")->scram[POL_SCRAM_SHA_256].stored_key[31], 31);
	a = alters(f, "PATCH", "{\"users\":[{\"name\":\"alice\",\"enabled\":false},{\"name\":\"bob\",\"delete\":true}]}", 0, 1, 1);
	assert_int_equal(json_array_size(json_object_get(a.json, "passwords")), 0);
	fx_done(&a);
	assert_null(user(f, "bob"));
	a = alters(f, "PUT", "{\"users\":[{\"name\":\"dave\",\"password\":\"daves-own\"}]}", 1, 0, 2);
	fx_done(&a);
	a = alters(f, "PUT", "{\"users\":[]}", 0, 0, 1);
	fx_done(&a);
	assert_false(fx_logged(f, "alices-own") || fx_logged(f, "daves-own") || fx_logged(f, K32));
}

static void
refused(void **state)
{
	static const struct { const char *method, *users, *pointer, *words; } cases[] = {
		{ "PATCH", "7", "/users/0", "expected an object" },
		{ "PATCH", "{}", "/users/0/name", "1 to 255 bytes" },
		{ "PATCH", "{\"name\":\"a\"},{\"name\":\"\"}", "/users/1/name", "users[1].name" },
		{ "PATCH", "{\"name\":\"a\",\"rights\":1}", "/users/0/rights", "expected only name, password" },
		{ "PUT", "{\"name\":\"a\",\"delete\":true}", "/users/0/delete", "expected only name, password" },
		{ "PUT", "{\"name\":\"a\",\"create\":true}", "/users/0/create", "expected only name, password" },
		{ "PATCH", "{\"name\":\"a\",\"delete\":1}", "/users/0/delete", "true or false" },
		{ "PATCH", "{\"name\":\"a\",\"enabled\":\"yes\"}", "/users/0/enabled", "true or false" },
		{ "PATCH", "{\"name\":\"a\",\"delete\":true,\"enabled\":true}", "/users/0/enabled", "nothing beside name and delete" },
		{ "PATCH", "{\"name\":\"a\",\"password\":7}", "/users/0/password", "1 to 1023 bytes" },
		{ "PATCH", "{\"name\":\"a\",\"password\":\"\"}", "/users/0/password", "1 to 1023 bytes" },
		{ "PATCH", "{\"name\":\"a\",\"password\":\"p-a-s-s\",\"generate\":true}", "/users/0/generate", "not more" },
		{ "PATCH", "{\"name\":\"a\",\"password\":\"p-a-s-s\"," SCRAM "}", "/users/0/scram", "not more" },
		{ "PATCH", "{\"name\":\"a\",\"iterations\":5000}", "/users/0/iterations", "a password" },
		{ "PATCH", "{\"name\":\"a\",\"password\":\"p-a-s-s\",\"iterations\":4095}", "/users/0/iterations", "4096 to 1000000" },
		{ "PATCH", "{\"name\":\"a\",\"password\":\"p-a-s-s\",\"iterations\":4294971392}", "/users/0/iterations", "4096 to 1000000" },
		{ "PATCH", "{\"name\":\"a\",\"groups\":\"dev\"}", "/users/0/groups", "an array" },
		{ "PATCH", "{\"name\":\"a\"},{\"name\":\"b\",\"groups\":[\"dev\",\"*\"]}", "/users/1/groups/1", "printable text" },
		{ "PATCH", "{\"name\":\"a\",\"scram\":{}}", "/users/0/scram", "an array" },
		{ "PATCH", "{\"name\":\"a\",\"scram\":[{\"mechanism\":\"PLAIN\"}]}", "/users/0/scram/0/mechanism", "SCRAM-SHA-256" },
	};
	struct fx *f = *state;
	char	   body[1024];

	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct fx_answer a;

		snprintf(body, sizeof(body), "{\"users\":[%s]}", cases[i].users);
		a = fx_do(f, cases[i].method, USERS, body);
		if (a.status != 422 || strstr(fx_str(&a, "detail"), cases[i].words) == NULL)
			fail_msg("%s: %d %s", body, a.status, a.text);
		assert_string_equal(fx_str(&a, "pointer"), cases[i].pointer);
		assert_null(strstr(a.text, "p-a-s-s"));
		fx_done(&a);
	}
	assert_int_equal(fx_try(f, "PATCH", USERS, NULL, "{}"), 422);
	assert_int_equal(fx_try(f, "PATCH", USERS, NULL, "{\"users\":{}}"), 422);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/nobody/users", NULL, "{\"users\":[]}"), 404);
	assert_int_equal(f->control.tenant[0].nusers, 0);
	assert_false(fx_logged(f, "p-a-s-s"));
}

static void
under_the_tenants_etag(void **state)
{
	static const char *const methods[] = { "PATCH", "PUT", "DELETE" };
	struct fx		*f = *state;
	struct fx_answer	 a = fx_do(f, "GET", USERS, NULL);
	char			 now[96], query[96];

	snprintf(now, sizeof(now), "If-None-Match: \"%llu\"\r\n", (unsigned long long)f->control.tenant[0].revision);
	assert_int_equal(a.status, 200);
	fx_done(&a);
	assert_int_equal(fx_try(f, "GET", USERS, now, NULL), 304);
	for (size_t i = 0; i < ALV_COUNT(methods); i++) {
		const char *body = i == 2 ? NULL : "{\"users\":[]}";

		snprintf(query, sizeof(query), USERS "%s", i == 2 ? "?prefix=" : "");
		assert_int_equal(fx_try(f, methods[i], query, "If-Match: \"77\"\r\n", body), 412);
		snprintf(now, sizeof(now), "If-Match: \"%llu\"\r\n", (unsigned long long)f->control.tenant[0].revision);
		assert_int_equal(fx_try(f, methods[i], query, now, body), 200);
		a = fx_as(f, FX_VIEWER, methods[i], query, NULL, body);
		assert_int_equal(a.status, 403);
		fx_done(&a);
	}
}

static void
deleted_by_a_filter(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a = alters(f, "PATCH", "{\"users\":[{\"name\":\"app-1\"," SCRAM "},{\"name\":\"app-2\"," SCRAM ",\"groups\":[\"dev\"]},{\"name\":\"bob\"," SCRAM
	    ",\"groups\":[\"dev\"]}]}", 3, 0, 0);

	fx_done(&a);
	assert_int_equal(fx_try(f, "DELETE", USERS, NULL, NULL), 400);
	assert_int_equal(fx_try(f, "DELETE", USERS "?enabled=maybe", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "DELETE", USERS "?name=bob", NULL, NULL), 400);
	a = fx_do(f, "GET", USERS "?group=dev&limit=1", NULL);
	assert_string_equal(fx_str(&a, "next"), "app-2");
	fx_done(&a);
	a = fx_do(f, "DELETE", USERS "?group=dev&prefix=app-", NULL);
	assert_int_equal(fx_int(&a, "deleted"), 1);
	assert_non_null(strstr(a.text, "\"items\":[{\"name\":\"app-2\"}]"));
	fx_done(&a);
	assert_true(user(f, "app-1") != NULL && user(f, "app-2") == NULL && user(f, "bob") != NULL);
	a = fx_do(f, "DELETE", USERS "?prefix=", NULL);
	assert_int_equal(fx_int(&a, "deleted"), 2);
	fx_done(&a);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup_acme, fx_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(altered), T(refused), T(under_the_tenants_etag), T(deleted_by_a_filter) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
