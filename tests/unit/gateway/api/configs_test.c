/* Configs: of topics and groups, under the policy, with the platform's own settings shown as defaults; of brokers a virtual set. */
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
only_topics_and_groups_are_asked_for(void **state)
{
	static const struct { int type; const char *name; int16_t code; } cases[] = {
		{ BROKER, "1", 0 }, { BROKER, "2", 0 }, { BROKER, "", 0 }, { BROKER, "3", KFK_INVALID_REQUEST },
		{ BROKER, "-1", KFK_INVALID_REQUEST }, { BROKER, "one", KFK_INVALID_REQUEST },
		{ BROKER_LOGGER, "1", KFK_CLUSTER_AUTHORIZATION_FAILED },
		{ CLIENT_METRICS, "m", 0 }, { CLIENT_METRICS, "", KFK_INVALID_REQUEST },
		{ GROUP, "hidden", KFK_GROUP_AUTHORIZATION_FAILED }, { GROUP, "", KFK_INVALID_REQUEST },
		{ TOPIC, "secret", KFK_TOPIC_AUTHORIZATION_FAILED }, { TOPIC, "..", KFK_INVALID_TOPIC_EXCEPTION },
	};
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE_CONFIGS),
		STAGE_DENY(POL_GROUP, "hidden", POL_OP_DESCRIBE_CONFIGS) };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e, *k;

	(void)state;
	for (int16_t v = 1; v <= 4; v++) {
		stage_open(&s, denies, ALV_COUNT(denies));
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
		tell_config(t, e, "quantum.enable", 1);
		(void)tell(t, TOPIC, "globex.orders");
		(void)tell(t, BROKER, "acme.x");
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(RESULTS)), 1 + ALV_COUNT(cases));
		e = stage_at(&t->root, R(RESULTS), 0);
		stage_text(kfk_get_str(t, e, R(RESULTS_RESOURCE_NAME)), "orders");
		assert_int_equal(stage_count(e, R(RESULTS_CONFIGS)), 3);	/* what the policy does not know is not shown */
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

/* Group configs go through, and a topic's name in them is a name. */
static void
groups_have_configs(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e, *k;

	(void)state;
	for (int16_t v = 1; v <= 4; v++) {
		stage_open(&s, NULL, 0);
		t = stage_begin(&s, KFK_API_DESCRIBE_CONFIGS, v);
		describe(t, GROUP, "billing");
		describe(t, GROUP, "watched");
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_non_null(stage_named(t, &t->root, Q(RESOURCES), Q(RESOURCES_RESOURCE_NAME), "acme.billing"));
		assert_non_null(stage_named(t, &t->root, Q(RESOURCES), Q(RESOURCES_RESOURCE_NAME), "legacy.watched"));
		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		e = tell(t, GROUP, "acme.billing");
		tell_config(t, e, "errors.deadletterqueue.topic.name", 8);
		for (k = kfk_get(e, R(RESULTS_CONFIGS))->kids; k != NULL; k = k->next)
			kfk_set_str(t, k, R(RESULTS_CONFIGS_VALUE), ALV_STR("acme.dead"));
		tell_config(t, e, "share.auto.offset.reset", 8);
		tell_config(t, e, "share.assignor.offload.enable", 4);
		(void)tell(t, GROUP, "globex.billing");
		e = tell(t, GROUP, "legacy.watched");
		tell_config(t, e, "errors.deadletterqueue.topic.name", 8);
		kfk_set_str(t, kfk_get(e, R(RESULTS_CONFIGS))->kids, R(RESULTS_CONFIGS_VALUE), ALV_STR("globex.dead"));
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(RESULTS)), 2);
		e = stage_named(t, &t->root, R(RESULTS), R(RESULTS_RESOURCE_NAME), "billing");
		k = stage_at(e, R(RESULTS_CONFIGS), 0);
		stage_text(kfk_get_str(t, k, R(RESULTS_CONFIGS_VALUE)), "dead");
		assert_int_equal(kfk_get_int(t, k, R(RESULTS_CONFIGS_CONFIG_SOURCE)), 8);
		k = stage_at(e, R(RESULTS_CONFIGS), 2);
		assert_int_equal(kfk_get_int(t, k, R(RESULTS_CONFIGS_READ_ONLY)), 1);
		e = stage_named(t, &t->root, R(RESULTS), R(RESULTS_RESOURCE_NAME), "watched");
		stage_text(kfk_get_str(t, stage_at(e, R(RESULTS_CONFIGS), 0), R(RESULTS_CONFIGS_VALUE)), "");
		stage_close(&s);
	}
}

/* All of it is made here, and as many as were asked for. */
static void
brokers_are_virtual(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e, *k;

	(void)state;
	stage_open(&s, NULL, 0);
	for (int16_t v = 1; v <= 4; v++) {
		t = stage_begin(&s, KFK_API_DESCRIBE_CONFIGS, v);
		describe(t, BROKER, "2");
		assert_int_equal(stage_send(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		e = stage_at(&t->root, R(RESULTS), 0);
		assert_int_equal(kfk_get_int(t, e, R(RESULTS_ERROR_CODE)), 0);
		k = stage_named(t, e, R(RESULTS_CONFIGS), R(RESULTS_CONFIGS_NAME), "node.id");
		stage_text(kfk_get_str(t, k, R(RESULTS_CONFIGS_VALUE)), "2");
		for (k = kfk_get(e, R(RESULTS_CONFIGS))->kids; k != NULL; k = k->next) {
			assert_int_equal(kfk_get_int(t, k, R(RESULTS_CONFIGS_READ_ONLY)), 1);
			assert_int_equal(kfk_get_int(t, k, R(RESULTS_CONFIGS_IS_SENSITIVE)), 0);
			assert_int_equal(kfk_get_int(t, k, R(RESULTS_CONFIGS_CONFIG_SOURCE)), 5);
		}

		t = stage_begin(&s, KFK_API_DESCRIBE_CONFIGS, v);
		describe(t, BROKER, "");
		e = kfk_set_empty(t, kfk_get(&t->root, Q(RESOURCES))->kids, Q(RESOURCES_CONFIGURATION_KEYS));
		kfk_add(t, e)->v.s = ALV_STR("auto.create.topics.enable");
		kfk_add(t, e)->v.s = ALV_STR("ssl.keystore.location");
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		e = stage_at(&t->root, R(RESULTS), 0);
		assert_int_equal(stage_count(e, R(RESULTS_CONFIGS)), 1);
		stage_text(kfk_get_str(t, stage_at(e, R(RESULTS_CONFIGS), 0), R(RESULTS_CONFIGS_VALUE)), "false");
		assert_null(stage_named(t, e, R(RESULTS_CONFIGS), R(RESULTS_CONFIGS_NAME), "num.partitions"));	/* not known here */
	}
	stage_close(&s);
}

static void
brokers_need_the_right(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_DESCRIBE_CONFIGS) };
	static const int types[] = { BROKER, BROKER_LOGGER, CLIENT_METRICS };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, 1);
	for (size_t i = 0; i < ALV_COUNT(types); i++) {
		t = stage_begin(&s, KFK_API_DESCRIBE_CONFIGS, 4);
		describe(t, types[i], "1");
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, stage_at(&t->root, R(RESULTS), 0), R(RESULTS_ERROR_CODE)), KFK_CLUSTER_AUTHORIZATION_FAILED);
		assert_int_equal(stage_count(stage_at(&t->root, R(RESULTS), 0), R(RESULTS_CONFIGS)), 0);
	}
	stage_close(&s);
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
	enum { ALLOWED = 7 };	/* the first of them */
	static const struct { int type; const char *name; int op; const char *config, *value; int16_t code; } cases[] = {
		{ TOPIC, "a", SET, "retention.ms", "1000", 0 },
		{ TOPIC, "b", DELETE, "retention.ms", NULL, 0 },
		{ TOPIC, "c", APPEND, "cleanup.policy", "compact", 0 },
		{ GROUP, "g", SET, "share.auto.offset.reset", "earliest", 0 },
		{ GROUP, "h", DELETE, "share.auto.offset.reset", NULL, 0 },
		{ GROUP, "i", SET, "errors.deadletterqueue.topic.name", "dead", 0 },
		{ GROUP, "j", SET, "errors.deadletterqueue.topic.name", "", 0 },
		{ TOPIC, "d", SET, "flush.ms", "1", KFK_POLICY_VIOLATION },
		{ TOPIC, "e", DELETE, "flush.ms", NULL, KFK_POLICY_VIOLATION },
		{ TOPIC, "f", APPEND, "retention.ms", "1", KFK_INVALID_CONFIG },
		{ TOPIC, "g", 9, "retention.ms", "1", KFK_INVALID_REQUEST },
		{ TOPIC, "shared", SET, "retention.ms", "1", KFK_TOPIC_AUTHORIZATION_FAILED },
		{ BROKER, "", SET, "retention.ms", "1", KFK_CLUSTER_AUTHORIZATION_FAILED },
		{ CLIENT_METRICS, "m", SET, "metrics", "1", KFK_CLUSTER_AUTHORIZATION_FAILED },
		{ GROUP, "k", SET, "x", "1", KFK_INVALID_CONFIG },
		{ GROUP, "", SET, "share.auto.offset.reset", "latest", KFK_INVALID_REQUEST },
		{ GROUP, "l", SET, "share.assignor.offload.enable", "true", KFK_POLICY_VIOLATION },
		{ GROUP, "m", SET, "errors.deadletterqueue.topic.name", "__x", KFK_INVALID_CONFIG },
		{ GROUP, "n", SET, "errors.deadletterqueue.topic.name", "a b", KFK_INVALID_CONFIG },
		{ GROUP, "o", SET, "errors.deadletterqueue.topic.name", "shared", KFK_INVALID_CONFIG },	/* is read-only here */
		{ GROUP, "p", APPEND, "errors.deadletterqueue.topic.name", "x", KFK_INVALID_CONFIG },
		{ GROUP, "watched", SET, "share.auto.offset.reset", "latest", KFK_GROUP_AUTHORIZATION_FAILED },
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
		assert_int_equal(stage_count(&t->root, Q(RESOURCES)), ALLOWED);
		assert_non_null(stage_named(t, &t->root, Q(RESOURCES), Q(RESOURCES_RESOURCE_NAME), "acme.a"));
		e = stage_named(t, &t->root, Q(RESOURCES), Q(RESOURCES_RESOURCE_NAME), "acme.i");
		stage_text(kfk_get_str(t, stage_at(e, Q(RESOURCES_CONFIGS), 0), Q(RESOURCES_CONFIGS_VALUE)), "acme.dead");
		e = stage_named(t, &t->root, Q(RESOURCES), Q(RESOURCES_RESOURCE_NAME), "acme.j");
		stage_text(kfk_get_str(t, stage_at(e, Q(RESOURCES_CONFIGS), 0), Q(RESOURCES_CONFIGS_VALUE)), "");
		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		e = kfk_add(t, kfk_set_empty(t, &t->root, R(RESPONSES)));
		kfk_set_int(t, e, R(RESPONSES_RESOURCE_TYPE), TOPIC);
		kfk_set_str(t, e, R(RESPONSES_RESOURCE_NAME), ALV_STR("acme.a"));
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(RESPONSES)), 1 + ALV_COUNT(cases) - ALLOWED);
		for (size_t i = ALLOWED; i < ALV_COUNT(cases); i++) {
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

/* Another's rules say what is the platform's: not those of the tenant. */
static void
what_is_the_platforms_is_not_altered(void **state)
{
	static const int types[] = { BROKER, BROKER_LOGGER, CLIENT_METRICS };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(types); i++) {
		t = stage_begin(&s, KFK_API_INCREMENTAL_ALTER_CONFIGS, 1);
		alter(t, types[i], i == 0 ? "" : "1", SET, "x", "1");
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, stage_at(&t->root, R(RESPONSES), 0), R(RESPONSES_ERROR_CODE)), KFK_CLUSTER_AUTHORIZATION_FAILED);
	}
	stage_close(&s);
}

/* What the tenant may set and does not list goes back to its default; what is the platform's is not spoken of. */
static void
the_old_way_replaces_what_is_the_tenants(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e, *k;
	size_t		 sets, deletes;

	(void)state;
	for (int16_t v = 0; v <= 2; v++) {
		stage_open(&s, NULL, 0);
		t = stage_begin(&s, KFK_API_ALTER_CONFIGS, v);
		kfk_set_int(t, &t->root, KFK_ALTER_CONFIGS_REQUEST_VALIDATE_ONLY, 1);
		for (int i = 0; i < 3; i++) {
			static const char *const names[] = { "orders", "x", "y" }, *const configs[] = { "retention.ms", "remote.storage.enable",
				"retention.ms" };

			e = kfk_get(&t->root, KFK_ALTER_CONFIGS_REQUEST_RESOURCES);
			e = kfk_add(t, e != NULL ? e : kfk_set_empty(t, &t->root, KFK_ALTER_CONFIGS_REQUEST_RESOURCES));
			kfk_set_int(t, e, KFK_ALTER_CONFIGS_REQUEST_RESOURCES_RESOURCE_TYPE, i == 2 ? BROKER : TOPIC);
			kfk_set_str(t, e, KFK_ALTER_CONFIGS_REQUEST_RESOURCES_RESOURCE_NAME, alv_str_of(names[i]));
			k = kfk_add(t, kfk_set_empty(t, e, KFK_ALTER_CONFIGS_REQUEST_RESOURCES_CONFIGS));
			kfk_set_str(t, k, KFK_ALTER_CONFIGS_REQUEST_RESOURCES_CONFIGS_NAME, alv_str_of(configs[i]));
			kfk_set_str(t, k, KFK_ALTER_CONFIGS_REQUEST_RESOURCES_CONFIGS_VALUE, ALV_STR("5000"));
		}
		assert_int_equal(stage_send(&s), API_FORWARD);
		assert_int_equal(s.call.up_key, KFK_API_INCREMENTAL_ALTER_CONFIGS);
		t = stage_upstream(&s);
		assert_int_equal(kfk_get_int(t, &t->root, Q(VALIDATE_ONLY)), 1);
		assert_int_equal(stage_count(&t->root, Q(RESOURCES)), 1);
		e = stage_at(&t->root, Q(RESOURCES), 0);
		stage_text(kfk_get_str(t, e, Q(RESOURCES_RESOURCE_NAME)), "acme.orders");
		sets = deletes = 0;
		for (k = kfk_get(e, Q(RESOURCES_CONFIGS))->kids; k != NULL; k = k->next) {
			struct alv_str name = kfk_get_str(t, k, Q(RESOURCES_CONFIGS_NAME));
			bool	       set = kfk_get_int(t, k, Q(RESOURCES_CONFIGS_CONFIG_OPERATION)) == SET;

			assert_true(set == alv_str_eqz(name, "retention.ms"));
			assert_false(alv_str_eqz(name, "remote.storage.enable") || alv_str_eqz(name, "flush.ms"));
			sets += set;
			deletes += !set;
		}
		assert_int_equal(sets, 1);
		assert_true(deletes > 20);

		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		e = kfk_add(t, kfk_set_empty(t, &t->root, R(RESPONSES)));
		kfk_set_int(t, e, R(RESPONSES_RESOURCE_TYPE), TOPIC);
		kfk_set_str(t, e, R(RESPONSES_RESOURCE_NAME), ALV_STR("acme.orders"));
		kfk_set_int(t, e, R(RESPONSES_ERROR_CODE), KFK_UNKNOWN_TOPIC_OR_PARTITION);
		kfk_set_str(t, e, R(RESPONSES_ERROR_MESSAGE), ALV_STR("no acme.orders at real1.internal:9092"));
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, KFK_ALTER_CONFIGS_RESPONSE_RESPONSES), 3);
		for (size_t i = 0; i < 3; i++) {
			static const struct { const char *name; int16_t code; } want[] = { { "orders", KFK_UNKNOWN_TOPIC_OR_PARTITION },
				{ "x", KFK_POLICY_VIOLATION }, { "y", KFK_CLUSTER_AUTHORIZATION_FAILED } };

			e = stage_named(t, &t->root, KFK_ALTER_CONFIGS_RESPONSE_RESPONSES, KFK_ALTER_CONFIGS_RESPONSE_RESPONSES_RESOURCE_NAME,
			    want[i].name);
			assert_int_equal(kfk_get_int(t, e, KFK_ALTER_CONFIGS_RESPONSE_RESPONSES_ERROR_CODE), want[i].code);
		}
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_topics_and_groups_are_asked_for),
		cmocka_unit_test(groups_have_configs),
		cmocka_unit_test(brokers_are_virtual),
		cmocka_unit_test(brokers_need_the_right),
		cmocka_unit_test(an_unknown_type_spoils_the_request),
		cmocka_unit_test(changes_pass_the_policy),
		cmocka_unit_test(what_is_the_platforms_is_not_altered),
		cmocka_unit_test(the_old_way_replaces_what_is_the_tenants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
