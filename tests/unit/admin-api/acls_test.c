/* ACLs, and who decides in a tenant, by REST. */
#include "fixture.h"

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

#define ACLS "/v1/tenants/acme/acls"
#define ACL(name, op) "{\"resourceType\":\"TOPIC\",\"resourceName\":\"" name "\",\"principal\":\"User:a\",\"operation\":\"" op "\"}"

static void
life_of_acls(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a;

	assert_int_equal(fx_try(f, "GET", ACLS, NULL, NULL), 404);
	fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL);
	a = fx_do(f, "POST", ACLS, "{\"acls\":[" ACL("orders", "READ") "," ACL("orders", "WRITE") ",{\"resourceType\":\"GROUP\","
	    "\"resourceName\":\"g,1\",\"patternType\":\"PREFIXED\",\"principal\":\"User:*\",\"host\":\"10.0.0.0/8\","
	    "\"operation\":\"ALL\",\"permission\":\"DENY\"}]}");
	assert_int_equal(a.status, 201);
	assert_true(fx_int(&a, "created") == 3 && fx_int(&a, "existing") == 0);
	fx_done(&a);
	a = fx_do(f, "POST", ACLS, "{\"acls\":[" ACL("orders", "READ") "]}");
	assert_true(a.status == 200 && fx_int(&a, "created") == 0 && fx_int(&a, "existing") == 1);
	fx_done(&a);
	assert_int_equal(fx_try(f, "POST", ACLS, "If-Match: \"1\"\r\n", "{\"acls\":[]}"), 412);
	a = fx_do(f, "GET", "/v1/tenants/acme", NULL);
	assert_int_equal(fx_int(&a, "acls"), 3);
	fx_done(&a);
	a = fx_do(f, "GET", ACLS "?resourceType=GROUP", NULL);
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1);
	assert_non_null(strstr(a.text, "{\"resourceType\":\"GROUP\",\"resourceName\":\"g,1\",\"patternType\":\"PREFIXED\",\"principal\":\"User:*\","
	    "\"host\":\"10.0.0.0/8\",\"operation\":\"ALL\",\"permission\":\"DENY\"}"));
	assert_non_null(strstr(a.text, "etag: "));
	fx_done(&a);
	a = fx_do(f, "GET", ACLS "?patternType=MATCH&resourceName=g,1x&host=10.0.0.0/8&operation=ALL&permission=DENY&principal=User:*", NULL);
	assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1);
	fx_done(&a);
	assert_int_equal(fx_try(f, "GET", ACLS "?operation=read", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "DELETE", ACLS, NULL, NULL), 400);
	assert_int_equal(fx_try(f, "DELETE", ACLS "?resourceType=ANY", "If-Match: \"1\"\r\n", NULL), 412);
	a = fx_do(f, "DELETE", ACLS "?resourceName=orders&operation=WRITE", NULL);
	assert_true(a.status == 200 && fx_int(&a, "deleted") == 1 && strstr(a.text, "\"WRITE\"") != NULL);
	fx_done(&a);
	a = fx_do(f, "DELETE", ACLS "?resourceName=nothing", NULL);
	assert_true(a.status == 200 && fx_int(&a, "deleted") == 0);
	fx_done(&a);
	a = fx_do(f, "DELETE", ACLS "?resourceType=ANY", NULL);
	assert_int_equal(fx_int(&a, "deleted"), 2);
	fx_done(&a);
}

/* Whatever is in a name, page by page comes each ACL once. */
static void
pages_of_acls(void **state)
{
	static const char *const names[] = { "a", "a,b", "b,5,x", "%2C", "User:a", "*" };
	struct fx *f = *state;
	char	   body[512], path[512], after[256] = "";
	size_t	   seen = 0, turns = 0;

	fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL);
	for (size_t i = 0; i < ALV_COUNT(names); i++) {
		snprintf(body, sizeof(body), "{\"acls\":[{\"resourceType\":\"GROUP\",\"resourceName\":\"%s\",\"principal\":\"User:x,%s\","
		    "\"operation\":\"READ\"}]}", names[i], names[i]);
		assert_int_equal(fx_try(f, "POST", ACLS, NULL, body), 201);
	}
	do {
		struct fx_answer a;
		size_t		 n = (size_t)snprintf(path, sizeof(path), ACLS "?limit=2%s", after[0] == '\0' ? "" : "&after=");

		for (const char *p = after; *p != '\0'; p++)
			n += (size_t)snprintf(path + n, sizeof(path) - n, "%%%02X", (unsigned char)*p);
		a = fx_do(f, "GET", path, NULL);
		assert_int_equal(a.status, 200);
		seen += json_array_size(json_object_get(a.json, "items"));
		snprintf(after, sizeof(after), "%s", fx_str(&a, "next"));
		fx_done(&a);
		turns++;
	} while (after[0] != '\0' && turns < 10);
	assert_int_equal(seen, ALV_COUNT(names));
	assert_int_equal(turns, 3);
	assert_int_equal(fx_try(f, "GET", ACLS "?after=GROUP,LITERAL,READ,ALLOW,*,99,x", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", ACLS "?after=GROUP,LITERAL,READ,MAYBE,*,1,x", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", ACLS "?after=x", NULL, NULL), 400);
}

static void
bad_acls(void **state)
{
	static const struct { const char *acl, *detail, *pointer; } cases[] = {
		{ "7", "acls[1]: found a number, expected an object", "/acls/1" },
		{ "{}", "acls[1].resourceType: found nothing, expected a string", "/acls/1/resourceType" },
		{ "{\"resourceType\":\"Topic\"}", "acls[1].resourceType: found \"Topic\", expected TOPIC, GROUP", "/acls/1/resourceType" },
		{ "{\"resourceType\":\"ANY\",\"resourceName\":\"a\",\"principal\":\"User:a\",\"operation\":\"READ\"}", "found \"ANY\", expected TOPIC",
		    "/acls/1/resourceType" },
		{ "{\"resourceType\":\"TOPIC\",\"resourceName\":\"\",\"principal\":\"User:a\",\"operation\":\"READ\"}", "1 to 1024 bytes",
		    "/acls/1/resourceName" },
		{ "{\"resourceType\":\"TOPIC\",\"resourceName\":\"a\",\"principal\":\"a\",\"operation\":\"READ\"}",
		    "acls[1].principal: found \"a\", expected User:<name>", "/acls/1/principal" },
		{ "{\"resourceType\":\"TOPIC\",\"resourceName\":\"a\",\"principal\":\"User:a\",\"operation\":\"READ\",\"host\":\"x\"}",
		    "acls[1].host: found \"x\", expected *", "/acls/1/host" },
		{ "{\"resourceType\":\"TOPIC\",\"resourceName\":\"a\",\"principal\":\"User:a\",\"operation\":3}",
		    "acls[1].operation: found a number", "/acls/1/operation" },
		{ "{\"resourceType\":\"TOPIC\",\"resourceName\":\"a\",\"principal\":\"User:a\",\"operation\":\"READ\",\"hosts\":\"x\"}",
		    "acls[1]: found the unknown field \"hosts\"", "/acls/1/hosts" },
		{ "{\"resourceType\":\"CLUSTER\",\"resourceName\":\"a\",\"principal\":\"User:a\",\"operation\":\"READ\"}",
		    "kafka-cluster", "/acls/1/resourceName" },
	};
	struct fx *f = *state;

	fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		char		 body[1024];
		struct fx_answer a;

		snprintf(body, sizeof(body), "{\"acls\":[" ACL("good", "READ") ",%s]}", cases[i].acl);
		a = fx_do(f, "POST", ACLS, body);
		assert_int_equal(a.status, 422);
		if (strstr(fx_str(&a, "detail"), cases[i].detail) == NULL)
			fail_msg("found %s, expected %s", fx_str(&a, "detail"), cases[i].detail);
		assert_string_equal(fx_str(&a, "pointer"), cases[i].pointer);
		fx_done(&a);
	}
	assert_int_equal(fx_try(f, "POST", ACLS, NULL, "{}"), 422);
	assert_int_equal(fx_try(f, "POST", ACLS, NULL, "{\"acls\":{}}"), 422);
	assert_int_equal(f->control.tenant[0].rules->n, 0);
}

static void
who_decides(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a;

	assert_int_equal(fx_try(f, "POST", "/v1/tenants", NULL, "{\"id\":\"acme\",\"authorizer\":\"maybe\"}"), 422);
	a = fx_do(f, "POST", "/v1/tenants", "{\"id\":\"acme\"}");
	assert_string_equal(fx_str(&a, "authorizer"), "none");
	fx_done(&a);
	a = fx_do(f, "PATCH", "/v1/tenants/acme", "{\"authorizer\":\"acl\",\"superUsers\":[\"User:b\",\"User:a\"],\"allowEveryoneIfNoAclFound\":true}");
	assert_string_equal(fx_str(&a, "authorizer"), "acl");
	assert_non_null(strstr(a.text, "\"superUsers\":[\"User:a\",\"User:b\"],\"allowEveryoneIfNoAclFound\":true"));
	fx_done(&a);
	/* Neither a PUT nor a PATCH that says nothing of it opens a tenant. */
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme", NULL, "{\"displayName\":\"x\"}"), 200);
	a = fx_do(f, "PATCH", "/v1/tenants/acme", "{\"displayName\":\"y\"}");
	assert_string_equal(fx_str(&a, "authorizer"), "acl");
	assert_int_equal(json_array_size(json_object_get(a.json, "superUsers")), 2);
	fx_done(&a);
	a = fx_do(f, "PATCH", "/v1/tenants/acme", "{\"superUsers\":null,\"allowEveryoneIfNoAclFound\":false}");
	assert_non_null(strstr(a.text, "\"superUsers\":[],\"allowEveryoneIfNoAclFound\":false"));
	fx_done(&a);
	a = fx_do(f, "PATCH", "/v1/tenants/acme", "{\"superUsers\":[\"User:a\",7]}");
	assert_true(a.status == 422 && strcmp(fx_str(&a, "pointer"), "/superUsers/1") == 0);
	fx_done(&a);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme", NULL, "{\"superUsers\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}"), 422);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme", NULL, "{}"), 422);
}

static void
topics_that_are_asked_for(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a = fx_do(f, "POST", "/v1/tenants", "{\"id\":\"acme\",\"autoCreateTopics\":true,\"autoCreatePartitions\":6}");

	assert_non_null(strstr(a.text, "\"autoCreateTopics\":true,\"autoCreatePartitions\":6,"));
	fx_done(&a);
	a = fx_do(f, "PATCH", "/v1/tenants/acme", "{\"autoCreateReplicationFactor\":-1}");
	assert_non_null(strstr(a.text, "\"autoCreateTopics\":true,\"autoCreatePartitions\":6,\"autoCreateReplicationFactor\":-1"));
	fx_done(&a);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme", NULL, "{\"autoCreateTopics\":1}"), 422);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme", NULL, "{\"autoCreatePartitions\":\"6\"}"), 422);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme", NULL, "{\"autoCreatePartitions\":1.5}"), 422);
	assert_int_equal(fx_try(f, "PATCH", "/v1/tenants/acme", NULL, "{\"autoCreatePartitions\":4294967296}"), 422);
}

static void
lists_are_replaced(void **state)
{
	struct fx	*f = *state;
	struct fx_answer a;
	char		 match[64];

	fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL);
	a = fx_do(f, "PUT", ACLS, "{\"acls\":[" ACL("orders", "READ") "," ACL("orders", "WRITE") "," ACL("orders", "READ") "]}");
	assert_true(a.status == 200 && fx_int(&a, "created") == 2 && fx_int(&a, "deleted") == 0 && fx_int(&a, "existing") == 0);
	fx_done(&a);
	a = fx_do(f, "PUT", ACLS, "{\"acls\":[" ACL("orders", "WRITE") "," ACL("other", "READ") "]}");
	assert_true(a.status == 200 && fx_int(&a, "created") == 1 && fx_int(&a, "deleted") == 1 && fx_int(&a, "existing") == 1);
	fx_done(&a);
	assert_int_equal(fx_try(f, "PUT", ACLS, "If-Match: \"1\"\r\n", "{\"acls\":[]}"), 412);
	assert_int_equal(fx_try(f, "PUT", ACLS, NULL, "{}"), 422);
	assert_int_equal(fx_try(f, "PUT", ACLS, NULL, "{\"acls\":[" ACL("", "WRITE") "]}"), 422);
	a = fx_do(f, "GET", "/v1/tenants/acme", NULL);
	assert_int_equal(fx_int(&a, "acls"), 2);
	snprintf(match, sizeof(match), "If-Match: \"%lld\"\r\n", (long long)fx_int(&a, "revision"));
	fx_done(&a);
	a = fx_as(f, FX_ADMIN, "PUT", ACLS, match, "{\"acls\":[]}");
	assert_true(a.status == 200 && fx_int(&a, "deleted") == 2);
	fx_done(&a);
}

static void
explained(struct fx *f, const char *query, const char *expected)
{
	struct fx_answer a;
	char		 path[512];

	snprintf(path, sizeof(path), ACLS "/explain?%s", query);
	a = fx_do(f, "GET", path, NULL);
	if (a.status != 200 || strstr(a.text, expected) == NULL)
		fail_msg("%s: expected %s, found %d %s", query, expected, a.status, a.text);
	fx_done(&a);
}

static void
verdicts_are_explained(void **state)
{
	struct fx *f = *state;

	fx_try(f, "PUT", "/v1/tenants/acme", NULL, "{\"authorizer\":\"acl\",\"superUsers\":[\"User:root\",\"Group:ops\"]}");
	fx_try(f, "POST", "/v1/tenants/acme/users", NULL, "{\"name\":\"a\",\"password\":\"a-password\",\"groups\":[\"ops\"]}");
	fx_try(f, "POST", "/v1/tenants/acme/users", NULL, "{\"name\":\"bob\",\"password\":\"a-password\",\"enabled\":false}");
	fx_try(f, "POST", ACLS, NULL, "{\"acls\":[" ACL("orders", "READ") "]}");
	explained(f, "principal=User:bob&host=10.0.0.1&operation=WRITE&resourceType=TOPIC&resourceName=orders",
	    "{\"allowed\":false,\"reason\":\"NO_ALLOW\",\"text\":\"denied: no ACL allows Write on topic orders for User:bob; super users: Group:ops, "
	    "User:root\",\"acl\":null,\"superUsers\":[\"Group:ops\",\"User:root\"],\"notes\":[\"the user is disabled: it cannot log in\"]}");
	explained(f, "principal=User:a&operation=WRITE&resourceType=TOPIC&resourceName=orders", "\"reason\":\"SUPER\"");
	explained(f, "principal=User:x&groups=dev,ops&operation=WRITE&resourceType=CLUSTER", "Group:ops is a super user, and User:x is in that group");
	explained(f, "principal=User:x&operation=WRITE&resourceType=CLUSTER", "no ACL is about cluster, so none allows Write");
	explained(f, "principal=User:x&operation=WRITE&resourceType=CLUSTER", "the tenant has no such user");
	fx_try(f, "PATCH", "/v1/tenants/acme", NULL, "{\"superUsers\":[]}");
	explained(f, "principal=User:a&host=10.0.0.1&operation=DESCRIBE&resourceType=TOPIC&resourceName=orders",
	    "\"reason\":\"IMPLIED\",\"text\":\"allowed: by the ACL \\\"allow Read on topic orders for User:a from *\\\", which implies Describe\",\"acl\":{"
	    "\"resourceType\":\"TOPIC\"");
	fx_try(f, "POST", "/v1/tenants/acme/suspend", NULL, NULL);
	explained(f, "principal=User:a&operation=READ&resourceType=TOPIC&resourceName=orders", "the tenant is suspended");
	assert_int_equal(fx_try(f, "GET", ACLS "/explain?principal=User:a&operation=ANY&resourceType=TOPIC&resourceName=x", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", ACLS "/explain?operation=READ&resourceType=TOPIC&resourceName=x", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", ACLS "/explain?principal=User:a&operation=READ&resourceType=TOPIC", NULL, NULL), 400);
	assert_int_equal(fx_try(f, "GET", "/v1/tenants/none/acls/explain?principal=User:a&operation=READ&resourceType=TOPIC&resourceName=x", NULL, NULL), 404);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(life_of_acls), T(lists_are_replaced), T(verdicts_are_explained), T(pages_of_acls), T(bad_acls), T(who_decides), T(topics_that_are_asked_for) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
