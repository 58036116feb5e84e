/* Configs: of topics only, under the policy, with the platform's own settings shown as defaults. */
#include "stage.h"

enum { TOPIC = 2, BROKER = 4, BROKER_LOGGER = 8, CLIENT_METRICS = 16, GROUP = 32 };

#define Q(f) KFK_DESCRIBE_CONFIGS_REQUEST_##f
#define R(f) KFK_DESCRIBE_CONFIGS_RESPONSE_##f

static void
describe(struct kfk_tree *q, int type, const char *name)
{
	struct kfk_node *list = kfk_get(&q->root, Q(RESOURCES)), *e;

	if (list == NULL)
		list = kfk_set_empty(q, &q->root, Q(RESOURCES));
	e = kfk_add(q, list);
	kfk_set_int(q, e, Q(RESOURCES_RESOURCE_TYPE), type);
	kfk_set_str(q, e, Q(RESOURCES_RESOURCE_NAME), alv_str_of(name));
	kfk_set_null(q, e, Q(RESOURCES_CONFIGURATION_KEYS));
}

static struct kfk_node *
tell(struct kfk_tree *r, int type, const char *name)
{
	struct kfk_node *list = kfk_get(&r->root, R(RESULTS)), *e;

	if (list == NULL)
		list = kfk_set_empty(r, &r->root, R(RESULTS));
	e = kfk_add(r, list);
	kfk_set_int(r, e, R(RESULTS_RESOURCE_TYPE), type);
	kfk_set_str(r, e, R(RESULTS_RESOURCE_NAME), alv_str_of(name));
	return e;
}

static void
tell_config(struct kfk_tree *r, struct kfk_node *e, const char *name, int source)
{
	struct kfk_node *list = kfk_get(e, R(RESULTS_CONFIGS)), *k, *syn;

	if (list == NULL)
		list = kfk_set_empty(r, e, R(RESULTS_CONFIGS));
	k = kfk_add(r, list);
	kfk_set_str(r, k, R(RESULTS_CONFIGS_NAME), alv_str_of(name));
	kfk_set_str(r, k, R(RESULTS_CONFIGS_VALUE), ALV_STR("1"));
	kfk_set_int(r, k, R(RESULTS_CONFIGS_CONFIG_SOURCE), source);
	syn = kfk_set_empty(r, k, R(RESULTS_CONFIGS_SYNONYMS));
	for (int i = 1; i <= 5; i++) {
		struct kfk_node *x = kfk_add(r, syn);

		kfk_set_str(r, x, R(RESULTS_CONFIGS_SYNONYMS_NAME), alv_str_of(name));
		kfk_set_str(r, x, R(RESULTS_CONFIGS_SYNONYMS_VALUE), ALV_STR("1"));
		kfk_set_int(r, x, R(RESULTS_CONFIGS_SYNONYMS_SOURCE), i);
	}
}

static void
only_topics_are_described(void **state)
{
	static const struct { int type; const char *name; int16_t code; } cases[] = {
		{ BROKER, "1", KFK_CLUSTER_AUTHORIZATION_FAILED }, { BROKER, "", KFK_CLUSTER_AUTHORIZATION_FAILED },
		{ BROKER_LOGGER, "1", KFK_CLUSTER_AUTHORIZATION_FAILED },
		{ CLIENT_METRICS, "m", KFK_CLUSTER_AUTHORIZATION_FAILED }, { GROUP, "g", KFK_GROUP_AUTHORIZATION_FAILED },
		{ TOPIC, "secret", KFK_TOPIC_AUTHORIZATION_FAILED }, { TOPIC, "..", KFK_INVALID_TOPIC_EXCEPTION },
	};
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE_CONFIGS) };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e, *k;

	(void)state;
	for (int16_t v = 1; v <= 4; v++) {
		stage_open(&s, denies, 1);
		t = stage_begin(&s, KFK_API_DESCRIBE_CONFIGS, v);
		describe(t, TOPIC, "orders");
		for (size_t i = 0; i < ALV_COUNT(cases); i++)
			describe(t, cases[i].type, cases[i].name);
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(RESOURCES)), 1);
		stage_text(kfk_get_str(t, stage_at(&t->root, Q(RESOURCES), 0), Q(RESOURCES_RESOURCE_NAME)), "acme.orders");

		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		e = tell(t, TOPIC, "acme.orders");
		tell_config(t, e, "retention.ms", 1);
		tell_config(t, e, "segment.ms", 4);
		tell_config(t, e, "flush.ms", 5);
		(void)tell(t, TOPIC, "globex.orders");
		(void)tell(t, BROKER, "acme.x");
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(RESULTS)), 1 + ALV_COUNT(cases));
		e = stage_at(&t->root, R(RESULTS), 0);
		stage_text(kfk_get_str(t, e, R(RESULTS_RESOURCE_NAME)), "orders");
		k = stage_at(e, R(RESULTS_CONFIGS), 0);
		assert_int_equal(kfk_get_int(t, k, R(RESULTS_CONFIGS_CONFIG_SOURCE)), 1);
		assert_int_equal(kfk_get_int(t, k, R(RESULTS_CONFIGS_READ_ONLY)), 0);
		assert_int_equal(stage_count(k, R(RESULTS_CONFIGS_SYNONYMS)), 2);	/* 1 and 5 */
		k = stage_at(e, R(RESULTS_CONFIGS), 1);
		assert_int_equal(kfk_get_int(t, k, R(RESULTS_CONFIGS_CONFIG_SOURCE)), 5);
		k = stage_at(e, R(RESULTS_CONFIGS), 2);
		assert_int_equal(kfk_get_int(t, k, R(RESULTS_CONFIGS_READ_ONLY)), 1);
		for (size_t i = 0; i < ALV_COUNT(cases); i++) {
			bool found = false;

			for (e = kfk_get(&t->root, R(RESULTS))->kids; e != NULL; e = e->next)
				found |= kfk_get_int(t, e, R(RESULTS_RESOURCE_TYPE)) == cases[i].type &&
				    alv_str_eqz(kfk_get_str(t, e, R(RESULTS_RESOURCE_NAME)), cases[i].name) &&
				    kfk_get_int(t, e, R(RESULTS_ERROR_CODE)) == cases[i].code;
			assert_true(found);
		}
		stage_close(&s);
	}
}

static void
an_unknown_type_spoils_the_request(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_DESCRIBE_CONFIGS, 4);
	describe(t, TOPIC, "orders");
	describe(t, 99, "orders");
	assert_int_equal(stage_send(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(stage_count(&t->root, R(RESULTS)), 2);
	assert_int_equal(kfk_get_int(t, stage_at(&t->root, R(RESULTS), 0), R(RESULTS_ERROR_CODE)), KFK_INVALID_REQUEST);
	stage_close(&s);
}
#undef Q
#undef R

#define Q(f) KFK_INCREMENTAL_ALTER_CONFIGS_REQUEST_##f
#define R(f) KFK_INCREMENTAL_ALTER_CONFIGS_RESPONSE_##f

enum { SET, DELETE, APPEND };

static void
alter(struct kfk_tree *q, int type, const char *name, int op, const char *config, const char *value)
{
	struct kfk_node *list = kfk_get(&q->root, Q(RESOURCES)), *e, *k;

	if (list == NULL)
		list = kfk_set_empty(q, &q->root, Q(RESOURCES));
	e = kfk_add(q, list);
	kfk_set_int(q, e, Q(RESOURCES_RESOURCE_TYPE), type);
	kfk_set_str(q, e, Q(RESOURCES_RESOURCE_NAME), alv_str_of(name));
	k = kfk_add(q, kfk_set_empty(q, e, Q(RESOURCES_CONFIGS)));
	kfk_set_int(q, k, Q(RESOURCES_CONFIGS_CONFIG_OPERATION), op);
	kfk_set_str(q, k, Q(RESOURCES_CONFIGS_NAME), alv_str_of(config));
	kfk_set_str(q, k, Q(RESOURCES_CONFIGS_VALUE), alv_str_of(value));
}

static void
changes_pass_the_policy(void **state)
{
	static const struct { int type; const char *name; int op; const char *config, *value; int16_t code; } cases[] = {
		{ TOPIC, "a", SET, "retention.ms", "1000", 0 },
		{ TOPIC, "b", DELETE, "retention.ms", NULL, 0 },
		{ TOPIC, "c", APPEND, "cleanup.policy", "compact", 0 },
		{ TOPIC, "d", SET, "flush.ms", "1", KFK_POLICY_VIOLATION },
		{ TOPIC, "e", DELETE, "flush.ms", NULL, KFK_POLICY_VIOLATION },
		{ TOPIC, "f", APPEND, "retention.ms", "1", KFK_INVALID_CONFIG },
		{ TOPIC, "g", 9, "retention.ms", "1", KFK_INVALID_REQUEST },
		{ TOPIC, "shared", SET, "retention.ms", "1", KFK_TOPIC_AUTHORIZATION_FAILED },
		{ BROKER, "", SET, "retention.ms", "1", KFK_CLUSTER_AUTHORIZATION_FAILED },
		{ CLIENT_METRICS, "m", SET, "metrics", "1", KFK_CLUSTER_AUTHORIZATION_FAILED },
		{ GROUP, "g", SET, "x", "1", KFK_GROUP_AUTHORIZATION_FAILED },
		{ 99, "g", SET, "x", "1", KFK_INVALID_REQUEST },
	};
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 1; v++) {
		stage_open(&s, NULL, 0);
		t = stage_begin(&s, KFK_API_INCREMENTAL_ALTER_CONFIGS, v);
		for (size_t i = 0; i < ALV_COUNT(cases); i++)
			alter(t, cases[i].type, cases[i].name, cases[i].op, cases[i].config, cases[i].value);
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(RESOURCES)), 3);
		assert_non_null(stage_named(t, &t->root, Q(RESOURCES), Q(RESOURCES_RESOURCE_NAME), "acme.a"));
		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		e = kfk_add(t, kfk_set_empty(t, &t->root, R(RESPONSES)));
		kfk_set_int(t, e, R(RESPONSES_RESOURCE_TYPE), TOPIC);
		kfk_set_str(t, e, R(RESPONSES_RESOURCE_NAME), ALV_STR("acme.a"));
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(RESPONSES)), 1 + ALV_COUNT(cases) - 3);
		for (size_t i = 3; i < ALV_COUNT(cases); i++) {
			bool found = false;

			for (e = kfk_get(&t->root, R(RESPONSES))->kids; e != NULL; e = e->next)
				found |= kfk_get_int(t, e, R(RESPONSES_RESOURCE_TYPE)) == cases[i].type &&
				    alv_str_eqz(kfk_get_str(t, e, R(RESPONSES_RESOURCE_NAME)), cases[i].name) &&
				    kfk_get_int(t, e, R(RESPONSES_ERROR_CODE)) == cases[i].code;
			assert_true(found);
		}
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_topics_are_described),
		cmocka_unit_test(an_unknown_type_spoils_the_request),
		cmocka_unit_test(changes_pass_the_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
