/* Quotas by REST. */
#include "fixture.h"

#define QUOTAS "/v1/tenants/acme/quotas"

static size_t
listed(struct fx *f, const char *query)
{
	char		 path[256];
	struct fx_answer a;
	size_t		 n;

	snprintf(path, sizeof(path), QUOTAS "%s", query);
	a = fx_do(f, "GET", path, NULL);
	assert_int_equal(a.status, 200);
	n = json_array_size(json_object_get(a.json, "items"));
	fx_done(&a);
	return n;
}

static json_int_t
changed(struct fx *f, const char *method, const char *path, const char *body, const char *field)
{
	struct fx_answer a = fx_do(f, method, path, body);
	json_int_t	 n = fx_int(&a, field);

	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.text, "etag: "));
	fx_done(&a);
	return n;
}

static void
life_of_quotas(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a;

	assert_int_equal(fx_try(f, "GET", "/v1/tenants/nobody/quotas", NULL, NULL), 404);
	assert_int_equal(changed(f, "POST", QUOTAS, "{\"quotas\":["
	    "{\"type\":\"client\",\"user\":\"al\",\"limits\":{\"producer_byte_rate\":1048576,\"request_percentage\":12.5}},"
	    "{\"type\":\"client\",\"user\":null,\"clientId\":\"\",\"limits\":{\"producer_byte_rate\":5}},"
	    "{\"type\":\"group\",\"group\":\"g\",\"limits\":{\"consumer_byte_rate\":7}},{\"type\":\"unattributed\",\"limits\":{\"consumer_byte_rate\":8}},"
	    "{\"type\":\"address\",\"address\":null,\"limits\":{\"connections\":9}},{\"type\":\"tenant\",\"limits\":{\"topics\":0}}]}", "changed"), 6);
	a = fx_do(f, "GET", QUOTAS "?user=al", NULL);
	assert_non_null(strstr(a.text, "[{\"type\":\"client\",\"user\":\"al\",\"limits\":{\"producer_byte_rate\":1048576,\"request_percentage\":12.5}}]"));
	fx_done(&a);
	a = fx_do(f, "GET", QUOTAS "?clientId=", NULL);
	assert_non_null(strstr(a.text, "[{\"type\":\"client\",\"user\":null,\"clientId\":\"\",\"limits\":{\"producer_byte_rate\":5}}]"));
	fx_done(&a);
	assert_int_equal(listed(f, ""), 6);
	assert_int_equal(listed(f, "?type=any"), 6);
	assert_int_equal(listed(f, "?type=group"), 2);
	assert_int_equal(listed(f, "?type=unattributed"), 1);
	assert_int_equal(listed(f, "?type=tenant"), 1);
	assert_int_equal(listed(f, "?key=producer_byte_rate"), 2);
	assert_int_equal(listed(f, "?user=%3Cdefault%3E"), 1);
	assert_int_equal(listed(f, "?address=%3Cdefault%3E"), 1);
	assert_int_equal(listed(f, "?group=g"), 1);
	assert_int_equal(listed(f, "?group=g&user=al"), 0);
	assert_int_equal(fx_try(f, "GET", QUOTAS "?type=user", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", QUOTAS "?key=x", NULL, NULL), 400);
	/* What is not named stays; null goes. */
	assert_int_equal(changed(f, "POST", QUOTAS, "{\"quotas\":[{\"type\":\"client\",\"user\":\"al\",\"limits\":{\"producer_byte_rate\":null,"
	    "\"request_rate\":2}}]}", "changed"), 1);
	a = fx_do(f, "GET", QUOTAS "?user=al", NULL);
	assert_non_null(strstr(a.text, "\"limits\":{\"request_percentage\":12.5,\"request_rate\":2}}]"));
	fx_done(&a);
	assert_int_equal(fx_try(f, "POST", QUOTAS, "If-Match: \"1\"\r\n", "{\"quotas\":[]}"), 412);
	assert_int_equal(fx_try(f, "DELETE", QUOTAS, NULL, NULL), 400);
	assert_int_equal(changed(f, "DELETE", QUOTAS "?type=group", NULL, "deleted"), 2);
	assert_int_equal(changed(f, "PUT", QUOTAS, "{\"quotas\":[{\"type\":\"client\",\"user\":\"al\",\"limits\":{\"request_rate\":2}}]}", "changed"), 4);
	assert_int_equal(listed(f, ""), 1);
	assert_int_equal(changed(f, "PUT", QUOTAS, "{\"quotas\":[]}", "changed"), 1);
	assert_int_equal(listed(f, ""), 0);
}

/* Whatever is in a name, page by page comes each once. */
static void
pages_of_quotas(void **state)
{
	static const char *const names[] = { "a", "a,b", "1,2,3", "%2C", "*" };
	struct fx *f = *state;
	char	   body[512], path[512], after[256] = "";
	size_t	   seen = 0, turns = 0;

	for (size_t i = 0; i < ALV_COUNT(names); i++) {
		snprintf(body, sizeof(body), "{\"quotas\":[{\"type\":\"client\",\"user\":\"%s\",\"clientId\":\"%s,1\",\"limits\":{\"request_rate\":1}},"
		    "{\"type\":\"client\",\"clientId\":\"%s\",\"limits\":{\"request_rate\":1}}]}", names[i], names[i], names[i]);
		assert_int_equal(fx_try(f, "POST", QUOTAS, NULL, body), 200);
	}
	do {
		struct fx_answer a;
		size_t		 n = (size_t)snprintf(path, sizeof(path), QUOTAS "?limit=3%s", after[0] == '\0' ? "" : "&after=");

		for (const char *p = after; *p != '\0'; p++)
			n += (size_t)snprintf(path + n, sizeof(path) - n, "%%%02X", (unsigned char)*p);
		a = fx_do(f, "GET", path, NULL);
		assert_int_equal(a.status, 200);
		seen += json_array_size(json_object_get(a.json, "items"));
		snprintf(after, sizeof(after), "%s", fx_str(&a, "next"));
		fx_done(&a);
		turns++;
	} while (after[0] != '\0' && turns < 10);
	assert_int_equal(seen, 2 * ALV_COUNT(names));
	assert_int_equal(turns, 4);
	assert_int_equal(fx_try(f, "GET", QUOTAS "?after=x", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", QUOTAS "?after=1,2,2,9,x", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", QUOTAS "?after=7,2,2,0,x", NULL, NULL), 400);
}

static void
bad_quotas(void **state)
{
	static const struct { const char *quota, *detail, *pointer; } cases[] = {
		{ "7", "quotas[1]: found a number, expected an object", "/quotas/1" },
		{ "{}", "quotas[1].type: found nothing, expected one of tenant", "/quotas/1/type" },
		{ "{\"type\":\"user\"}", "quotas[1].type: found \"user\", expected one of tenant, client", "/quotas/1/type" },
		{ "{\"type\":3}", "quotas[1].type: found a number", "/quotas/1/type" },
		{ "{\"type\":\"client\",\"limits\":{}}", "quotas[1]: expected a user, a client id or both", "/quotas/1" },
		{ "{\"type\":\"client\",\"user\":\"\",\"limits\":{}}", "expected names of 1 to 255 bytes", "/quotas/1" },
		{ "{\"type\":\"client\",\"user\":5,\"limits\":{}}", "quotas[1].user: found a number, expected a string, or null", "/quotas/1/user" },
		{ "{\"type\":\"client\",\"group\":\"g\",\"limits\":{}}", "quotas[1].group: found a field that the type client has not", "/quotas/1/group" },
		{ "{\"type\":\"tenant\",\"user\":\"g\",\"limits\":{}}", "found a field that the type tenant has not", "/quotas/1/user" },
		{ "{\"type\":\"address\",\"address\":\"10.0.0.0/8\",\"limits\":{}}", "expected an address in its short form", "/quotas/1" },
		{ "{\"type\":\"client\",\"user\":\"a\"}", "quotas[1].limits: found nothing, expected an object", "/quotas/1/limits" },
		{ "{\"type\":\"client\",\"user\":\"a\",\"limits\":{\"x\":1}}", "limits/x: found a limit that there is none of", "/quotas/1/limits/x" },
		{ "{\"type\":\"client\",\"user\":\"a\",\"limits\":{\"request_rate\":\"1\"}}", "found a string, expected a number, or null",
		    "/quotas/1/limits/request_rate" },
	};
	struct fx *f = *state;

	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		char		 body[1024];
		struct fx_answer a;

		snprintf(body, sizeof(body), "{\"quotas\":[{\"type\":\"client\",\"user\":\"good\",\"limits\":{\"request_rate\":1}},%s]}", cases[i].quota);
		a = fx_do(f, "POST", QUOTAS, body);
		assert_int_equal(a.status, 422);
		if (strstr(fx_str(&a, "detail"), cases[i].detail) == NULL)
			fail_msg("found %s, expected %s", fx_str(&a, "detail"), cases[i].detail);
		assert_string_equal(fx_str(&a, "pointer"), cases[i].pointer);
		fx_done(&a);
	}
	assert_int_equal(fx_try(f, "POST", QUOTAS, NULL, "{}"), 422);
	assert_int_equal(fx_try(f, "PUT", QUOTAS, NULL, "{\"quotas\":{}}"), 422);
	assert_int_equal(listed(f, ""), 0);
}

static void
explained(struct fx *f, const char *query, const char *expected)
{
	char		 path[512];
	struct fx_answer a;

	snprintf(path, sizeof(path), QUOTAS "/explain?%s", query);
	a = fx_do(f, "GET", path, NULL);
	assert_int_equal(a.status, 200);
	if (strstr(a.text, expected) == NULL)
		fail_msg("%s: found %s, expected %s", query, a.body, expected);
	fx_done(&a);
}

static void
who_decides_and_why(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a;

	fx_try(f, "POST", QUOTAS, NULL, "{\"quotas\":["
	    "{\"type\":\"client\",\"user\":\"al\",\"limits\":{\"producer_byte_rate\":5}},{\"type\":\"client\",\"user\":null,\"limits\":{\"producer_byte_rate\":6}},"
	    "{\"type\":\"client\",\"user\":null,\"clientId\":null,\"limits\":{\"request_percentage\":0.5}},"
	    "{\"type\":\"group\",\"group\":null,\"limits\":{\"consumer_byte_rate\":7}},{\"type\":\"tenant\",\"limits\":{\"producer_byte_rate\":100}}]}");
	explained(f, "principal=User:al&clientId=app&key=producer_byte_rate", "\"scope\":\"Each number holds for the whole virtual cluster");
	explained(f, "principal=User:al&clientId=app&key=producer_byte_rate", "\"level\":\"client\",\"limit\":5,\"unit\":\"bytes per second\","
	    "\"decides\":\"user al\",\"for\":\"user al\",\"reason\":\"user al decides; before it come: user al, client id app; user al, client id "
	    "<default> - without such a limit\"");
	explained(f, "principal=User:al&clientId=app&key=producer_byte_rate", "\"level\":\"tenant\",\"limit\":100,\"unit\":\"bytes per second\","
	    "\"decides\":\"the tenant\"");
	explained(f, "principal=User:bob&key=producer_byte_rate", "\"limit\":6,\"unit\":\"bytes per second\",\"decides\":\"user <default>\",\"for\":\"user bob\"");
	explained(f, "principal=User:bob&clientId=x&key=request_percentage", "\"limit\":0.5,\"unit\":\"percent of one worker's time\",\"decides\":"
	    "\"user <default>, client id <default>\",\"for\":\"user bob, client id x\"");
	explained(f, "principal=User:bob&key=controller_mutation_rate", "\"limit\":null,\"unit\":\"partitions per second\",\"decides\":null,"
	    "\"for\":null,\"reason\":\"no entry has this limit\"");
	explained(f, "group=g&key=consumer_byte_rate", "\"limit\":7,\"unit\":\"bytes per second\",\"decides\":\"group <default>\",\"for\":\"group g\"");
	explained(f, "type=unattributed&key=consumer_byte_rate", "\"decides\":\"group <default>\",\"for\":\"unattributed fetches\"");
	explained(f, "address=10.0.0.7&key=connections", "\"level\":\"address\",\"limit\":null");
	explained(f, "key=transaction.max.timeout.ms", "\"limit\":60000,\"unit\":\"milliseconds\",\"decides\":null,\"for\":\"the tenant\",\"reason\":"
	    "\"no entry has this limit, so the standard one holds\"");
	a = fx_do(f, "GET", QUOTAS "/explain?principal=User:al&group=g", NULL);
	assert_true(json_array_size(json_object_get(a.json, "items")) > POL_QUOTA_KEYS);
	fx_done(&a);
	assert_int_equal(fx_try(f, "GET", QUOTAS "/explain?key=x", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/nobody/quotas/explain", NULL, NULL), 404);
}

/* Limits on some groups leave others without one: it says which. */
static void
whom_limits_on_groups_leave_out(void **state)
{
	static const char others[] = "\"consumer_byte_rate: some groups have a limit, but each other group has none",
			  nobodys[] = "\"consumer_byte_rate: some groups have a limit, but fetches of which it is not known whose they are have none";
	static const struct {
		const char *set;
		bool	    others, nobodys;
	} steps[] = {
		{ "{\"type\":\"tenant\",\"limits\":{\"consumer_byte_rate\":5}}", false, false },
		{ "{\"type\":\"unattributed\",\"limits\":{\"consumer_byte_rate\":5}}", false, false },
		{ "{\"type\":\"unattributed\",\"limits\":{\"consumer_byte_rate\":null}}", false, false },
		{ "{\"type\":\"group\",\"group\":\"g\",\"limits\":{\"consumer_byte_rate\":5}}", true, true },
		{ "{\"type\":\"unattributed\",\"limits\":{\"consumer_byte_rate\":5}}", true, false },
		{ "{\"type\":\"group\",\"group\":null,\"limits\":{\"consumer_byte_rate\":5}}", false, false },
		{ "{\"type\":\"unattributed\",\"limits\":{\"consumer_byte_rate\":null}}", false, false },
	};
	struct fx	*f = *state;
	struct fx_answer a;
	char		 body[256];

	for (size_t i = 0; i < ALV_COUNT(steps); i++) {
		snprintf(body, sizeof(body), "{\"quotas\":[%s]}", steps[i].set);
		assert_int_equal(fx_try(f, "POST", QUOTAS, NULL, body), 200);
		a = fx_do(f, "GET", QUOTAS "/explain?group=g&key=consumer_byte_rate", NULL);
		assert_int_equal(strstr(a.text, others) != NULL, steps[i].others);
		assert_int_equal(strstr(a.text, nobodys) != NULL, steps[i].nobodys);
		fx_done(&a);
		explained(f, "group=g&key=producer_byte_rate", "\"notes\":[]");
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup_acme, fx_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(life_of_quotas), T(pages_of_quotas), T(bad_quotas), T(who_decides_and_why),
		T(whom_limits_on_groups_leave_out) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
