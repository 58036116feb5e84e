/* The admin API as a client sees it: the real server, over sockets. */
#include "fixture.h"

#include <sched.h>

static int
setup(void **state)
{
	struct fx *f = fx_new();

	fx_start(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	fx_free(*state);
	return 0;
}

static void
tokens_and_roles(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a = fx_as(f, NULL, "GET", "/v1/tenants", NULL, NULL);

	assert_int_equal(a.status, 401);
	assert_non_null(strstr(a.text, "www-authenticate: Bearer realm=\"alcove\"\r\n"));
	assert_string_equal(fx_str(&a, "type"), "urn:alcove:problem:unauthenticated");
	assert_string_equal(fx_str(&a, "instance"), "/v1/tenants");
	assert_non_null(strstr(a.text, "application/problem+json"));
	fx_done(&a);
	a = fx_as(f, "wrong", "GET", "/v1/no/such/path", NULL, NULL);
	assert_int_equal(a.status, 401);
	assert_non_null(strstr(a.text, "invalid_token"));
	fx_done(&a);
	a = fx_as(f, FX_VIEWER, "GET", "/v1/whoami", NULL, NULL);
	assert_int_equal(a.status, 200);
	assert_string_equal(fx_str(&a, "name"), "looker");
	assert_string_equal(fx_str(&a, "role"), "viewer");
	fx_done(&a);
	a = fx_as(f, FX_VIEWER, "POST", "/v1/tenants", NULL, "{\"id\":\"acme\"}");
	assert_int_equal(a.status, 403);
	fx_done(&a);
	a = fx_as(f, FX_VIEWER, "GET", "/v1/tenants", NULL, NULL);
	assert_int_equal(a.status, 200);
	fx_done(&a);
	assert_false(fx_logged(f, FX_VIEWER));
	assert_false(fx_logged(f, "wrong"));
	assert_true(fx_logged(f, "looker"));
}

static void
life_of_a_tenant(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a = fx_do(f, "POST", "/v1/tenants", "{\"id\":\"acme\",\"displayName\":\"Acme \\u00e9\"}");
	char		 etag[64];

	assert_int_equal(a.status, 201);
	assert_non_null(strstr(a.text, "location: /v1/tenants/acme\r\n"));
	assert_string_equal(fx_str(&a, "id"), "acme");
	assert_string_equal(fx_str(&a, "displayName"), "Acme \xc3\xa9");
	assert_string_equal(fx_str(&a, "state"), "active");
	fx_done(&a);
	a = fx_do(f, "POST", "/v1/tenants", "{\"id\":\"acme\"}");
	assert_int_equal(a.status, 409);
	assert_string_equal(fx_str(&a, "detail"), "the tenant exists already");
	fx_done(&a);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme", NULL, "{\"displayName\":\"A\"}"), 200);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme", NULL, "{\"displayName\":\"A\"}"), 200);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/globex", NULL, NULL), 201);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/globex", "If-None-Match: *\r\n", NULL), 412);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme", NULL, "{\"displayName\":\"B\"}"), 200);
	a = fx_as(f, FX_ADMIN, "PATCH", "/v1/tenants/acme", NULL,
	    "{\"hostNames\":[{\"bootstrap\":\"k.acme.com\",\"nodePattern\":\"b$(node).acme.com\"}]}");
	assert_int_equal(a.status, 200);
	assert_string_equal(fx_str(&a, "displayName"), "B");
	assert_non_null(strstr(a.text, "{\"bootstrap\":\"k.acme.com\",\"nodePattern\":\"b$(node).acme.com\"}"));
	fx_done(&a);
	a = fx_as(f, FX_ADMIN, "PATCH", "/v1/tenants/acme", NULL, "{\"displayName\":\"B\"}");	/* they stay */
	assert_non_null(strstr(a.text, "k.acme.com"));
	fx_done(&a);
	a = fx_as(f, FX_ADMIN, "PATCH", "/v1/tenants/acme", NULL, "{\"hostNames\":null}");
	assert_null(strstr(a.text, "k.acme.com"));
	fx_done(&a);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme", NULL, "{}"), 422);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/nobody", NULL, "{\"displayName\":\"B\"}"), 404);
	a = fx_do(f, "POST", "/v1/tenants/acme/suspend", NULL);
	assert_int_equal(a.status, 200);
	assert_string_equal(fx_str(&a, "state"), "suspended");
	assert_string_equal(fx_str(&a, "displayName"), "B");
	snprintf(etag, sizeof(etag), "etag: \"%lld\"\r\n", (long long)fx_int(&a, "revision"));
	assert_non_null(strstr(a.text, etag));
	fx_done(&a);
	a = fx_do(f, "POST", "/v1/tenants/acme/resume", NULL);
	assert_string_equal(fx_str(&a, "state"), "active");
	fx_done(&a);
	assert_int_equal(fx_try(f, "DELETE", "/v1/tenants/acme?purge=maybe", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "DELETE", "/v1/tenants/acme?purge=true", NULL, NULL), 204);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/acme", NULL, NULL), 404);
	assert_int_equal(fx_try(f, "DELETE", "/v1/tenants/acme", NULL, NULL), 404);
}

static void
conditions(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a = fx_do(f, "PUT", "/v1/tenants/acme", NULL);
	char		 match[64], none[64], list[80];

	snprintf(match, sizeof(match), "If-Match: \"%lld\"\r\n", (long long)fx_int(&a, "revision"));
	snprintf(none, sizeof(none), "If-None-Match: W/\"%lld\"\r\n", (long long)fx_int(&a, "revision"));
	snprintf(list, sizeof(list), "If-Match: \"77\", \"%lld\"\r\n", (long long)fx_int(&a, "revision") + 1);
	fx_done(&a);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/acme", none, NULL), 304);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme", match, "{\"displayName\":\"1\"}"), 200);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/acme", none, NULL), 200);
	a = fx_as(f, FX_ADMIN, "PATCH", "/v1/tenants/acme", match, "{\"displayName\":\"2\"}");
	assert_int_equal(a.status, 412);
	assert_non_null(strstr(fx_str(&a, "detail"), "changed meanwhile"));
	fx_done(&a);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme", "If-Match: 7\r\n", "{\"displayName\":\"2\"}"), 400);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/new", "If-Match: *\r\n", NULL), 412);
	assert_int_equal(fx_try(f, "DELETE", "/v1/tenants/acme", match, NULL), 412);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/acme", NULL, NULL), 200);
	assert_int_equal(fx_try(f, "DELETE", "/v1/tenants/acme", "If-Match: *\r\n", NULL), 204);
}

static void
life_of_a_user(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a;
	char		 match[64], generated[64];

	fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL);
	a = fx_do(f, "POST", "/v1/tenants/acme/users", "{\"name\":\"alice/1\",\"password\":\"s3cret-of-alice\"}");
	assert_int_equal(a.status, 201);
	assert_non_null(strstr(a.text, "location: /v1/tenants/acme/users/alice%2F1\r\n"));
	assert_null(strstr(a.text, "s3cret"));
	assert_true(json_is_true(json_object_get(a.json, "enabled")));
	assert_string_equal(f->control.tenant[0].user[0].password, "s3cret-of-alice");
	fx_done(&a);
	assert_int_equal(fx_try(f, "POST", "/v1/tenants/acme/users", NULL, "{\"name\":\"alice/1\",\"password\":\"x\"}"), 409);
	a = fx_do(f, "GET", "/v1/tenants/acme/users/alice%2F1", NULL);
	assert_int_equal(a.status, 200);
	snprintf(match, sizeof(match), "If-Match: \"%lld\"\r\n", (long long)fx_int(&a, "revision"));
	fx_done(&a);
	a = fx_do(f, "PUT", "/v1/tenants/acme/users/bob", "{\"generate\":true}");
	assert_int_equal(a.status, 201);
	snprintf(generated, sizeof(generated), "%s", fx_str(&a, "password"));
	assert_int_equal(strlen(generated), 32);
	assert_string_equal(f->control.tenant[0].user[1].password, generated);
	fx_done(&a);
	a = fx_do(f, "GET", "/v1/tenants/acme/users/bob", NULL);
	assert_null(json_object_get(a.json, "password"));
	fx_done(&a);
	/* bob's creation changed the tenant, but alice is as she was. */
	a = fx_as(f, FX_ADMIN, "PATCH", "/v1/tenants/acme/users/alice%2F1", match, "{\"enabled\":false}");
	assert_int_equal(a.status, 200);
	assert_false(json_is_true(json_object_get(a.json, "enabled")));
	assert_string_equal(f->control.tenant[0].user[0].password, "s3cret-of-alice");
	fx_done(&a);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme/users/alice%2F1", match, "{\"enabled\":true}"), 412);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme/users/carol", NULL, "{}"), 422);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme/users/carol", NULL, "{\"password\":\"p\",\"generate\":true}"), 422);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme/users/carol", NULL, "{\"enabled\":true}"), 404);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/nobody/users/carol", NULL, "{\"password\":\"p\"}"), 404);
	a = fx_do(f, "PATCH", "/v1/tenants/acme/users/bob", "{\"groups\":[\"ops\",\"dev\",\"ops\"]}");
	assert_int_equal(a.status, 200);
	assert_int_equal(json_array_size(json_object_get(a.json, "groups")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(a.json, "groups"), 0)), "dev");
	fx_done(&a);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme/users/bob", NULL, "{\"groups\":[\"*\"]}"), 422);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme/users/bob", NULL, "{\"groups\":[7]}"), 422);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme/users/bob", NULL, "{\"groups\":\"dev\"}"), 422);
	assert_int_equal(fx_try(f, "DELETE", "/v1/tenants/acme/users/bob", NULL, NULL), 204);
	assert_int_equal(fx_try(f, "DELETE", "/v1/tenants/acme/users/bob", NULL, NULL), 404);
	assert_false(fx_logged(f, "s3cret"));
	assert_false(fx_logged(f, generated));
}

static void
life_of_an_alias(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a;

	fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL);
	a = fx_do(f, "POST", "/v1/tenants/acme/aliases", "{\"kind\":\"topic\",\"name\":\"old\",\"target\":\"legacy.orders\"}");
	assert_int_equal(a.status, 201);
	assert_non_null(strstr(a.text, "location: /v1/tenants/acme/aliases/topic/old\r\n"));
	assert_true(json_is_false(json_object_get(a.json, "writable")));
	fx_done(&a);
	assert_int_equal(fx_try(f, "POST", "/v1/tenants/acme/aliases", NULL, "{\"kind\":\"queue\",\"name\":\"a\",\"target\":\"b\"}"), 422);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme/aliases/transactionalId/t", NULL, "{\"target\":\"b\",\"writable\":true}"), 201);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme/aliases/group/g", NULL, "{\"target\":\"g\"}"), 201);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme/aliases/group/g", NULL, "{\"target\":\"g2\"}"), 200);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme/aliases/group/g", "If-None-Match: *\r\n", "{\"target\":\"g2\"}"), 412);
	a = fx_do(f, "GET", "/v1/tenants/acme/aliases?limit=2", NULL);
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 2);
	assert_string_equal(fx_str(&a, "next"), "group/g");
	fx_done(&a);
	a = fx_do(f, "GET", "/v1/tenants/acme/aliases?limit=2&after=group/g", NULL);
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1);
	assert_true(json_is_null(json_object_get(a.json, "next")));
	fx_done(&a);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/acme/aliases?after=nonsense", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/acme/aliases/topic/old", NULL, NULL), 200);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/acme/aliases/group/old", NULL, NULL), 404);
	assert_int_equal(fx_try(f, "DELETE", "/v1/tenants/acme/aliases/topic/old", NULL, NULL), 204);
	assert_int_equal(fx_try(f, "DELETE", "/v1/tenants/acme/aliases/topic/old", NULL, NULL), 404);
}

static void
pages(void **state)
{
	struct fx *f = *state;
	char	   path[64], after[64] = "";
	size_t	   seen = 0, turns = 0;

	for (int i = 0; i < 7; i++) {
		snprintf(path, sizeof(path), "/v1/tenants/t%d", i);
		assert_int_equal(fx_try(f, "PUT", path, NULL, NULL), 201);
	}
	do {
		struct fx_answer a;
		char		 full[160];

		snprintf(full, sizeof(full), "/v1/tenants?limit=3%s%s", after[0] == '\0' ? "" : "&after=", after);
		a = fx_do(f, "GET", full, NULL);
		assert_int_equal(a.status, 200);
		seen += json_array_size(json_object_get(a.json, "items"));
		snprintf(after, sizeof(after), "%s", fx_str(&a, "next"));
		fx_done(&a);
		turns++;
	} while (after[0] != '\0' && turns < 10);
	assert_int_equal(seen, 7);
	assert_int_equal(turns, 3);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants?limit=0", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants?limit=501", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants?limit=1&limit=2", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants?limt=1", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants?after=%zz", NULL, NULL), 400);
}

static void
bad_bodies(void **state)
{
	static const struct {
		const char *body, *detail, *pointer;
		int	    status;
	} cases[] = {
		{ "{\"id\":\"a\"", "line 1, column 9: the JSON text ends too early", "", 400 },
		{ "{\"id\":\"a\",\"id\":\"b\"}", "a field is there twice", "", 400 },
		{ "{\"id\":\"a\"} x", "found something behind the object", "", 400 },
		{ "[1]", "found an array, expected an object", "", 400 },
		{ "{\"id\":\"\xff\"}", "not UTF-8", "", 400 },
		{ "{\"id\":\"a\\u0000b\"}", "NUL", "", 400 },
		{ "{\"id\":\"a\",\"nam\":1}", "found the unknown field \"nam\", expected only: id, displayName, adoptPrefix", "/nam", 422 },
		{ "{\"id\":7}", "found a number, expected a string", "/id", 422 },
		{ "{\"id\":\"\"}", "found 0 bytes, expected 1 to 63", "/id", 422 },
		{ "{\"id\":\"a\",\"adoptPrefix\":\"yes\"}", "found a string, expected a boolean", "/adoptPrefix", 422 },
		{ "{}", "the field \"id\" is missing", "/id", 422 },
		{ "{\"id\":\"a\",\"hostNames\":{}}", "found an object, expected an array", "/hostNames", 422 },
		{ "{\"id\":\"a\",\"hostNames\":[7]}", "expected an object with bootstrap and nodePattern", "/hostNames/0", 422 },
		{ "{\"id\":\"a\",\"hostNames\":[{\"bootstrap\":\"k.x\"}]}", "found nothing, expected a string", "/hostNames/0/nodePattern", 422 },
		{ "{\"id\":\"a\",\"hostNames\":[{\"bootstrap\":\"k.x\",\"nodePattern\":1}]}", "found a number", "/hostNames/0/nodePattern", 422 },
		{ "{\"id\":\"a\",\"hostNames\":[{\"bootstrap\":\"k.x\",\"host\":\"b\"}]}", "found nothing", "/hostNames/0/nodePattern", 422 },
		{ "{\"id\":\"a\",\"hostNames\":[1,2,3,4,5,6,7,8,9]}", "found 9 of them, expected at most 8", "/hostNames", 422 },
		{ "{\"id\":\"Acme\"}", "found an illegal id", "", 422 },
	};
	struct fx *f = *state;

	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct fx_answer a = fx_do(f, "POST", "/v1/tenants", cases[i].body);

		assert_int_equal(a.status, cases[i].status);
		if (strstr(fx_str(&a, "detail"), cases[i].detail) == NULL)
			fail_msg("found %s, expected %s", fx_str(&a, "detail"), cases[i].detail);
		assert_string_equal(fx_str(&a, "pointer"), cases[i].pointer);
		assert_int_equal(fx_int(&a, "status"), cases[i].status);
		fx_done(&a);
	}
	assert_int_equal(f->control.ntenants, 0);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants", NULL, "{}"), 400);
	assert_int_equal(fx_try(f, "POST", "/v1/tenants", "Content-Type: text/plain\r\n", "{}"), 415);
}

/* A malformed body with a password in it: not in the answer, not in the log. */
static void
secrets_in_bad_bodies(void **state)
{
	static const char *const bodies[] = {
		"{\"name\":\"a\",\"password\":\"hunter2\" hunter2}", "{\"name\":\"a\",\"password\":[\"hunter2\"]}",
		"{\"name\":\"a\",\"password\":\"hunter2\",\"nope\":1}", "{\"password\":\"hunter2"
	};
	struct fx *f = *state;

	fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL);
	for (size_t i = 0; i < ALV_COUNT(bodies); i++) {
		struct fx_answer a = fx_do(f, "POST", "/v1/tenants/acme/users", bodies[i]);

		assert_true(a.status == 400 || a.status == 422);
		assert_null(strstr(a.text, "hunter2"));
		fx_done(&a);
	}
	assert_false(fx_logged(f, "hunter2"));
}

static void
methods_and_paths(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a = fx_do(f, "DELETE", "/v1/tenants", NULL);

	assert_int_equal(a.status, 405);
	assert_non_null(strstr(a.text, "allow: GET, HEAD, POST\r\n"));
	fx_done(&a);
	assert_int_equal(fx_try(f, "GET", "/", NULL, NULL), 404);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/", NULL, NULL), 404);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants//users", NULL, NULL), 404);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/%00", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/%c3", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/%4", NULL, NULL), 400);
	a = fx_do(f, "HEAD", "/v1/tenants", NULL);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "");
	fx_done(&a);
}

/* What two HTTP implementations could read in two ways is refused, and the connection ends: nothing that follows on it
 * is taken for a request. */
static void
smuggling(void **state)
{
#define AUTH "Authorization: Bearer " FX_ADMIN "\r\n"
#define NEXT "GET /v1/whoami HTTP/1.1\r\nHost: x\r\n" AUTH "Connection: close\r\n\r\n"
	static const char *const bad[] = {
		"POST /v1/tenants HTTP/1.1\r\nHost: x\r\n" AUTH "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" NEXT,
		"POST /v1/tenants HTTP/1.1\r\nHost: x\r\n" AUTH "Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}" NEXT,
		"POST /v1/tenants HTTP/1.1\r\nHost: x\r\n" AUTH "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT,
		"POST /v1/tenants HTTP/1.1\r\nHost: x\r\n" AUTH "Transfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n" NEXT,
		"GET /v1/tenants HTTP/1.1\r\n" AUTH "\r\n" NEXT,
		"GET /v1/tenants HTTP/1.1\r\nHost: x\r\nHost: y\r\n" AUTH "\r\n" NEXT,
		"GET /v1/tenants HTTP/1.1\r\nHost: x\r\nX-A: b\r\n folded\r\n" AUTH "\r\n" NEXT,
		"GET /v1/tenants HTTP/1.1\nHost: x\n" AUTH "\n" NEXT,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	};
	struct fx	*f = *state;
	struct fx_answer a;

	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		a = fx_raw(adm_port(f->server), bad[i]);
		if (a.status != 400 || strstr(a.text, "\"role\"") != NULL)
			fail_msg("case %zu: %s", i, a.text);
		fx_done(&a);
	}
	/* The fine ones, so that the refusals above mean something. */
	a = fx_raw(adm_port(f->server), "POST /v1/tenants HTTP/1.1\r\nHost: x\r\n" AUTH "Content-Type: application/json\r\n"
		"Transfer-Encoding: chunked\r\n\r\nd\r\n{\"id\":\"smug\"}\r\n0\r\n\r\n" NEXT);
	assert_int_equal(a.status, 201);
	assert_non_null(strstr(a.text, "\"role\":\"platform-admin\""));
	fx_done(&a);
}

static void
too_large(void **state)
{
	struct fx	*f = *state;
	size_t		 n = 1024 * 1024 + 1;
	char		*body = malloc(n + 1);
	struct fx_answer a;

	a = fx_raw(adm_port(f->server), "POST /v1/tenants HTTP/1.1\r\nHost: x\r\n" AUTH "Connection: close\r\nContent-Length: 1048577\r\n\r\n");
	assert_int_equal(a.status, 413);
	fx_done(&a);
	memset(body, ' ', n);
	memcpy(body, "{\"id\":\"big\"}", 12);
	body[n - 1] = '\0';	/* one less: exactly the limit */
	assert_int_equal(fx_try(f, "POST", "/v1/tenants", NULL, body), 201);
	free(body);
}

static void
many_at_once(void **state)
{
	struct fx *f = *state;
	int	   fd[24];
	size_t	   created = 0, existing = 0;

	fx_set(f, &f->control.hold, true);
	for (size_t i = 0; i < ALV_COUNT(fd); i++) {
		char body[64];

		snprintf(body, sizeof(body), "{\"id\":\"t%zu\"}", i % 12);
		fd[i] = fx_send(f, FX_ADMIN, "POST", "/v1/tenants", NULL, body);
	}
	fx_set(f, &f->control.hold, false);
	for (size_t i = 0; i < ALV_COUNT(fd); i++) {
		struct fx_answer a = fx_read(fd[i]);

		created += a.status == 201;
		existing += a.status == 409;
		fx_done(&a);
	}
	assert_int_equal(created, 12);
	assert_int_equal(existing, 12);
}

static void
wait_queued(struct fx *f, size_t n)
{
	for (bool there = false; !there;) {
		pthread_mutex_lock(&f->control.lock);
		there = f->control.queued >= n;
		pthread_mutex_unlock(&f->control.lock);
		sched_yield();
	}
}

/* The client goes while its change is out: the change still happens, and nothing of the request is touched again. */
static void
client_leaves(void **state)
{
	struct fx *f = *state;
	int	   fd;

	fx_set(f, &f->control.hold, true);
	fd = fx_send(f, FX_ADMIN, "PUT", "/v1/tenants/acme", NULL, NULL);
	wait_queued(f, 1);
	close(fd);
	assert_int_equal(fx_try(f, "GET", "/v1/whoami", NULL, NULL), 200);
	fx_set(f, &f->control.hold, false);
	while (fx_try(f, "GET", "/v1/tenants/acme", NULL, NULL) == 404)
		sched_yield();	/* it is made all the same */
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL), 200);
}

static void
errors_of_control(void **state)
{
	static const struct {
		enum alv_err e;
		int	     status;
	} cases[] = {
		{ ALV_E_CONFLICT, 409 }, { ALV_E_NAME, 422 }, { ALV_E_STORE, 503 }, { ALV_E_UNAVAILABLE, 503 }, { ALV_E_NOMEM, 500 },
		{ ALV_E_NOT_FOUND, 404 }, { ALV_E_STALE, 409 }, { ALV_E_CRYPTO, 500 },
	};
	struct fx	*f = *state;
	struct fx_answer a;

	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		pthread_mutex_lock(&f->control.lock);
		f->control.forced = cases[i].e;
		pthread_mutex_unlock(&f->control.lock);
		a = fx_do(f, "PUT", "/v1/tenants/acme", NULL);
		assert_int_equal(a.status, cases[i].status);
		if (a.status == 503)
			assert_non_null(strstr(a.text, "retry-after: 2\r\n"));
		fx_done(&a);
	}
	fx_set(f, &f->control.full, true);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL), 503);
	fx_set(f, &f->control.full, false);
}

/* Fills "{x}" so that something is there. */
static void
concrete(const char *path, char *out, size_t room)
{
	static const char *const values[] = { "acme", "topic", "old" };
	size_t			 n = 0, param = 0;
	bool			 users = strstr(path, "/users") != NULL;

	for (const char *p = path; *p != '\0' && n + 16 < room; p++) {
		if (*p != '{') {
			out[n++] = *p;
			continue;
		}
		n += (size_t)snprintf(out + n, room - n, "%s", users && param == 1 ? "alice" : values[param]);
		param++;
		p += strcspn(p, "}");
	}
	out[n] = '\0';
}

/* Every property of an answer is in the schema of the document. */
static void
check_shape(json_t *doc, json_t *operation, json_t *answer)
{
	json_t	   *ok = json_object_get(json_object_get(operation, "responses"), "200");
	const char *to = json_string_value(json_object_get(json_object_get(json_object_get(json_object_get(ok, "content"), "application/json"), "schema"), "$ref")), *name;
	json_t	   *schema, *v;

	if (to == NULL)
		return;
	schema = json_object_get(json_object_get(json_object_get(json_object_get(doc, "components"), "schemas"), strrchr(to, '/') + 1), "properties");
	assert_non_null(schema);
	if (json_object_size(schema) == 0)
		return;
	json_object_foreach(answer, name, v) {
		if (json_object_get(schema, name) == NULL)
			fail_msg("%s is not in %s", name, to);
	}
	json_object_foreach(schema, name, v) {
		if (json_object_get(answer, name) == NULL && strcmp(name, "password") != 0)
			fail_msg("%s of %s is not in the answer", name, to);
	}
}

static void
openapi_says_what_there_is(void **state)
{
	struct fx	*f = *state;
	struct fx_answer doc = fx_as(f, NULL, "GET", "/openapi.json", NULL, NULL);
	const char	*path, *method;
	json_t		*methods, *operation;
	size_t		 n = 0;

	assert_int_equal(doc.status, 200);
	assert_non_null(doc.json);
	assert_string_equal(fx_str(&doc, "openapi"), "3.1.0");
	json_object_foreach(json_object_get(doc.json, "paths"), path, methods) {
		json_object_foreach(methods, method, operation) {
			char		 upper[8] = "", real[128];
			struct fx_answer a;

			/* DELETE may have taken them away. */
			fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL);
			fx_try(f, "PUT", "/v1/tenants/acme/users/alice", NULL, "{\"password\":\"p\"}");
			fx_try(f, "PUT", "/v1/tenants/acme/aliases/topic/old", NULL, "{\"target\":\"p\"}");
			for (size_t i = 0; method[i] != '\0'; i++)
				upper[i] = (char)(method[i] - 32);
			concrete(path, real, sizeof(real));
			if (strstr(real, "acls/explain") != NULL)	/* one has to say whose right it is about */
				snprintf(real + strlen(real), sizeof(real) - strlen(real), "?principal=User:alice&operation=READ&resourceType=CLUSTER");
			a = fx_do(f, upper, real, NULL);
			if (a.status == 404 || a.status == 405 || a.status == 0 || a.status >= 500)
				fail_msg("%s %s: %d", upper, real, a.status);
			if (strcmp(upper, "GET") == 0) {
				assert_int_equal(a.status, 200);
				check_shape(doc.json, operation, a.json);
			}
			fx_done(&a);
			n++;
		}
	}
	assert_int_equal(n, 36);
	fx_done(&doc);
}

static void
cluster(void **state)
{
	struct fx	 *f = *state;
	struct clu_broker brokers[2] = { { 1, ALV_STR("b1"), 9092, ALV_STR_NULL }, { 2, ALV_STR("b2"), 9093, ALV_STR("r") } };
	struct clu_view	  parts = { .cluster_id = ALV_STR("cid"), .controller_id = 2, .nbrokers = 2, .brokers = brokers };
	struct fx_answer  a = fx_do(f, "GET", "/v1/cluster", NULL);

	assert_true(json_is_false(json_object_get(a.json, "reachable")));
	assert_true(json_is_null(json_object_get(a.json, "clusterId")));
	fx_done(&a);
	clu_board_publish(f->board, clu_view_build(&parts));
	a = fx_do(f, "GET", "/v1/cluster", NULL);
	assert_true(json_is_true(json_object_get(a.json, "reachable")));
	assert_string_equal(fx_str(&a, "clusterId"), "cid");
	assert_int_equal(json_array_size(json_object_get(a.json, "brokers")), 2);
	fx_done(&a);
}

static void
ops(void **state)
{
	struct fx	*f = *state;
	uint16_t	 port = adm_ops_port(f->server);
	struct fx_answer a = fx_raw(port, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "ok\n");
	fx_done(&a);
	a = fx_raw(port, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(a.status, 200);
	fx_done(&a);
	fx_set(f, &f->control.not_ready, true);
	a = fx_raw(port, "GET /readyz?verbose HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(a.status, 503);
	assert_string_equal(a.body, "the cluster was not reached yet\n");
	fx_done(&a);
	met_connection(f->meter, +1);
	a = fx_raw(port, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.text, "text/plain; version=0.0.4"));
	assert_non_null(strstr(a.body, "\nalcove_connections 1\n"));
	fx_done(&a);
	a = fx_raw(port, "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(a.status, 405);
	fx_done(&a);
	a = fx_raw(port, "GET /v1/tenants HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(a.status, 404);
	fx_done(&a);
}

static void
tokens_are_read_anew(void **state)
{
	struct fx *f = *state;
	char	   hash[65], path[128];
	FILE	  *file;
	int	   status = 0;

	fx_hash("another", hash);
	snprintf(path, sizeof(path), "%s/tokens", f->tmp);
	file = fopen(path, "w");
	fprintf(file, "viewer:new:%s\n", hash);
	fclose(file);
	/* At most a second; no sleeping here, requests pass the time. */
	for (int i = 0; i < 20000 && status != 200; i++) {
		struct fx_answer a = fx_as(f, "another", "GET", "/v1/whoami", NULL, NULL);

		status = a.status;
		fx_done(&a);
	}
	assert_int_equal(status, 200);
	assert_int_equal(fx_try(f, "GET", "/v1/whoami", NULL, NULL), 401);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(tokens_and_roles), T(life_of_a_tenant), T(conditions), T(life_of_a_user), T(life_of_an_alias), T(pages),
		T(bad_bodies), T(secrets_in_bad_bodies), T(methods_and_paths), T(smuggling), T(too_large), T(many_at_once),
		T(client_leaves), T(errors_of_control), T(openapi_says_what_there_is), T(cluster), T(ops), T(tokens_are_read_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
