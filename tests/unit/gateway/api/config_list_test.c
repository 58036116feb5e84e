/* ListConfigResources: own topics, virtual brokers, own groups. */
#include "stage.h"

enum { TOPIC = 2, BROKER = 4, BROKER_LOGGER = 8, CLIENT_METRICS = 16, GROUP = 32 };

#define Q(f) KFK_LIST_CONFIG_RESOURCES_REQUEST_##f
#define R(f) KFK_LIST_CONFIG_RESOURCES_RESPONSE_##f

static void
begin(struct stage *s, int16_t v, int type)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_LIST_CONFIG_RESOURCES, v);

	if (type != 0)
		kfk_add(t, kfk_set_empty(t, &t->root, Q(RESOURCE_TYPES)))->v.i = type;
}

static size_t
count(struct kfk_tree *t, int type)
{
	struct kfk_node *list = kfk_get(&t->root, R(CONFIG_RESOURCES));
	size_t		 n = 0;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		n += kfk_get_int(t, e, R(CONFIG_RESOURCES_RESOURCE_TYPE)) == type;
	return n;
}

static void
all_types(void **state)
{
	static const struct { int type; const char *name; } told[] = { { GROUP, "acme.g" }, { GROUP, "globex.g" }, { GROUP, "legacy.taken" },
		{ TOPIC, "acme.orders" }, { TOPIC, "globex.orders" }, { BROKER, "1" }, { CLIENT_METRICS, "acme.m" }, { 99, "acme.x" } };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *list, *e;

	(void)state;
	stage_open(&s, NULL, 0);
	begin(&s, 1, 0);
	assert_int_equal(stage_send(&s), API_FORWARD);
	t = stage_upstream(&s);
	assert_int_equal(stage_count(&t->root, Q(RESOURCE_TYPES)), 1);
	assert_int_equal(stage_at(&t->root, Q(RESOURCE_TYPES), 0)->v.i, GROUP);
	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	list = kfk_set_empty(t, &t->root, R(CONFIG_RESOURCES));
	for (size_t i = 0; i < ALV_COUNT(told); i++) {
		e = kfk_add(t, list);
		kfk_set_str(t, e, R(CONFIG_RESOURCES_RESOURCE_NAME), alv_str_of(told[i].name));
		kfk_set_int(t, e, R(CONFIG_RESOURCES_RESOURCE_TYPE), told[i].type);
	}
	assert_int_equal(stage_reply(&s), API_ANSWER);
	stage_clean(&s);
	t = stage_client(&s);
	assert_int_equal(count(t, GROUP), 2);
	assert_int_equal(count(t, TOPIC), 3);
	assert_int_equal(count(t, BROKER), 2);
	assert_int_equal(stage_count(&t->root, R(CONFIG_RESOURCES)), 7);
	assert_non_null(stage_named(t, &t->root, R(CONFIG_RESOURCES), R(CONFIG_RESOURCES_RESOURCE_NAME), "g"));
	assert_non_null(stage_named(t, &t->root, R(CONFIG_RESOURCES), R(CONFIG_RESOURCES_RESOURCE_NAME), "taken"));
	stage_close(&s);
}

static void
what_is_known_here(void **state)
{
	static const struct { int16_t version; int type; int16_t code; size_t n; } cases[] = {
		{ 0, 0, 0, 0 }, { 1, CLIENT_METRICS, 0, 0 }, { 1, BROKER_LOGGER, 0, 0 }, { 1, BROKER, 0, 2 }, { 1, TOPIC, 0, 3 },
		{ 1, 99, KFK_UNSUPPORTED_VERSION, 0 },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		begin(&s, cases[i].version, cases[i].type);
		assert_int_equal(stage_send(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, &t->root, R(ERROR_CODE)), cases[i].code);
		assert_int_equal(stage_count(&t->root, R(CONFIG_RESOURCES)), cases[i].n);
	}
	stage_close(&s);
}

static void
it_takes_the_right(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_DESCRIBE_CONFIGS) };
	struct stage		     s;
	struct kfk_tree		    *t;

	(void)state;
	stage_open(&s, denies, 1);
	for (int16_t v = 0; v <= 1; v++) {
		begin(&s, v, 0);
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, &t->root, R(ERROR_CODE)), KFK_CLUSTER_AUTHORIZATION_FAILED);
	}
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_types),
		cmocka_unit_test(what_is_known_here),
		cmocka_unit_test(it_takes_the_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
