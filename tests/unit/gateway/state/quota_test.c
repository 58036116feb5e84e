/* Quotas in the store: what is written is there after a reopen, with its audit; what this version does not know fails. */
#include "tests/unit/gateway/state/kit.h"

static void
quotas(void **state)
{
	struct sto_store *s = open_store(*state);
	struct pol_quota  client = { { POL_QUOTA_OF_CLIENT, { { POL_QUOTA_NAMED, ALV_STR("al") }, { .match = POL_QUOTA_DEFAULT } } },
		 .set = 1u << POL_QUOTA_PRODUCER_BYTE_RATE | 1u << POL_QUOTA_REQUEST_PERCENTAGE };
	struct pol_quota  unknown = { { POL_QUOTA_OF_GROUP, { { .match = POL_QUOTA_UNATTRIBUTED } } }, .set = 1u << POL_QUOTA_CONSUMER_BYTE_RATE };
	struct sto_parts  p;
	uint64_t	  first = add_tenant(s, "acme"), now = 0;
	size_t		  n = 0;

	client.value[POL_QUOTA_PRODUCER_BYTE_RATE] = 9223372036854775807.0;
	client.value[POL_QUOTA_REQUEST_PERCENTAGE] = 12.5;
	unknown.value[POL_QUOTA_CONSUMER_BYTE_RATE] = 7;
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_quota_put(s, ALV_STR("acme"), &unknown, &now), ALV_OK);
	assert_true(now > first);
	assert_int_equal(sto_quota_put(s, ALV_STR("acme"), &client, &now), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_int_equal(sto_quota_count(s, ALV_STR("acme"), &n), ALV_OK);
	assert_int_equal(n, 2);
	sto_close(s);
	s = open_store(*state);
	assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_OK);
	assert_int_equal(p.parts.nquotas, 2);
	assert_int_equal(pol_quota_entity_cmp(&p.parts.quotas[0].entity, &client.entity), 0);
	assert_int_equal(p.parts.quotas[0].set, client.set);
	assert_memory_equal(p.parts.quotas[0].value, client.value, sizeof(client.value));
	assert_int_equal(pol_quota_entity_cmp(&p.parts.quotas[1].entity, &unknown.entity), 0);
	sto_parts_fini(&p);
	assert_string_equal(ask(s, "SELECT after FROM audit WHERE object = 'al'"), "{\"tenant\":\"acme\",\"type\":\"client\",\"name\":\"al\","
	    "\"clientId\":\"<default>\",\"limits\":{\"producer_byte_rate\":9.22337203685478e+18,\"request_percentage\":12.5}}");
	client.set = 0;
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_quota_put(s, ALV_STR("acme"), &client, &now), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT group_concat(what || '/' || object || (before IS NULL) || (after IS NULL)) FROM audit "
	    "WHERE what LIKE 'quota%'"), "quota.put/group10,quota.put/al10,quota.delete/al01");
	assert_string_equal(ask(s, "SELECT count(*) FROM quota"), "1");
	/* What this version knows nothing of fails the tenant: no limit is dropped in silence. */
	assert_int_equal(sto_exec(s, "UPDATE quota SET key = 'later'"), ALV_OK);
	assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_E_STORE);
	assert_non_null(strstr(sto_words(s), "found a limit of \"later\""));
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_tenant_remove(s, ALV_STR("acme"), "tenant.purged"), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT count(*) FROM quota"), "0");
	sto_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(quotas, make_place, drop_place) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
