/* The audit: its words, and the bound of what tenants' own changes leave in it. */
#include "tests/unit/gateway/state/kit.h"

/* Every word that a rule can have is in the audit as Kafka calls it. */
static void
words_in_the_audit(void **state)
{
	struct sto_store *s = open_store(*state);
	struct pol_rule	  r = { POL_TOPIC, POL_LITERAL, ALV_STR("x"), ALV_STR("User:a"), ALV_STR("*"), POL_OP_ALL, POL_ALLOW };
	uint64_t	  now;
	bool		  added;

	add_tenant(s, "acme");
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	for (int op = POL_OP_ALL; op <= POL_OP_TWO_PHASE_COMMIT; op++) {
		r.op = (enum pol_op)op;
		r.resource = (enum pol_resource)(POL_TOPIC + op % 6);
		assert_int_equal(sto_rule_add(s, ALV_STR("acme"), &r, &added, &now), ALV_OK);
	}
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT group_concat(after ->> 'operation') FROM audit WHERE what = 'acl.create'"),
	    "ALL,READ,WRITE,CREATE,DELETE,ALTER,DESCRIBE,CLUSTER_ACTION,DESCRIBE_CONFIGS,ALTER_CONFIGS,IDEMPOTENT_WRITE,"
	    "CREATE_TOKENS,DESCRIBE_TOKENS,TWO_PHASE_COMMIT");
	assert_string_equal(ask(s, "SELECT group_concat(DISTINCT after ->> 'resourceType') FROM audit WHERE what = 'acl.create'"),
	    "CLUSTER,TRANSACTIONAL_ID,DELEGATION_TOKEN,USER,TOPIC,GROUP");
	sto_close(s);
}

/* n ACLs more for a tenant, as its own client makes them; -> how many rows of the audit made room. */
static size_t
flood(struct sto_store *s, const char *tenant, size_t n, size_t max)
{
	static const struct sto_who native = { .actor = "User:alice", .origin = "kafka 10.0.0.1", .native = true };
	static int		    number;
	size_t			    dropped = 99;
	uint64_t		    revision = 0;

	assert_int_equal(sto_begin(s, &native), ALV_OK);
	for (size_t i = 0; i < n; i++) {
		struct pol_rule r = { POL_TOPIC, POL_LITERAL, ALV_STR("t"), ALV_STR("User:bob"), ALV_STR("*"), POL_OP_READ, POL_ALLOW };
		char		name[16];
		bool		added;

		snprintf(name, sizeof(name), "t%d", number++);
		r.name = alv_str_of(name);
		assert_int_equal(sto_rule_add(s, alv_str_of(tenant), &r, &added, &revision), ALV_OK);
	}
	assert_int_equal(sto_audit_trim(s, alv_str_of(tenant), max, &dropped), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	return dropped;
}

#define NATIVE_OF(tenant) "SELECT count(*) || '/' || ifnull(min(n), 0) FROM audit WHERE native AND tenant = '" tenant "'"

/* A tenant's own changes make room for each other, and for nobody else's. */
static void
native_audit_is_bounded(void **state)
{
	struct sto_store *s = open_store(*state);
	struct pol_user	  bob = { .name = ALV_STR("bob"), .enabled = true };

	add_tenant(s, "acme");
	add_tenant(s, "globex");
	assert_int_equal(flood(s, "globex", 3, 5), 0);		/* rows 3 to 5 */
	assert_int_equal(flood(s, "acme", 5, 5), 0);		/* 6 to 10 */
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_user_put(s, ALV_STR("acme"), &bob), ALV_OK);	/* 11 */
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_int_equal(flood(s, "acme", 0, 5), 0);
	assert_int_equal(flood(s, "acme", 2, 5), 2);		/* 12, 13 */
	assert_string_equal(ask(s, NATIVE_OF("acme")), "5/8");
	assert_int_equal(flood(s, "acme", 20, 5), 20);
	assert_string_equal(ask(s, NATIVE_OF("acme")), "5/29");
	assert_string_equal(ask(s, NATIVE_OF("globex")), "3/3");
	assert_string_equal(ask(s, "SELECT group_concat(n || actor, ' ') FROM audit WHERE NOT native"), "1platform:ops 2platform:ops 11platform:ops");
	assert_string_equal(ask(s, "SELECT group_concat(tenant || ' ' || kept || ' ' || dropped || ' ' || (dropped_ms > 0), '; ') FROM audit_native"),
	    "acme 5 22 1; globex 3 0 0");
	sto_close(s);
}

/* Where it was lowered, or first there is any, it takes some changes: none of them is long. */
static void
a_lower_bound_is_reached_by_and_by(void **state)
{
	struct sto_store *s = open_store(*state);
	size_t		  dropped = 0, rounds = 0, now;

	add_tenant(s, "acme");
	assert_int_equal(flood(s, "acme", 1000, 0), 0);
	while ((now = flood(s, "acme", 1, 10)) > 1) {
		assert_in_range(now, 2, 200);
		dropped += now;
		rounds++;
	}
	assert_int_equal(dropped, 990 + rounds);
	assert_int_equal(now, 1);
	assert_string_equal(ask(s, "SELECT count(*) FROM audit WHERE native"), "10");
	assert_string_equal(ask(s, "SELECT kept FROM audit_native"), "10");
	sto_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(words_in_the_audit), T(native_audit_is_bounded), T(a_lower_bound_is_reached_by_and_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
