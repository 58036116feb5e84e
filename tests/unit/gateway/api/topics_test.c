/* Creating, deleting and growing topics. */
#include "stage.h"

static struct kfk_node *
element(struct kfk_tree *t, uint16_t list, uint16_t name, const char *text)
{
	struct kfk_node *l = kfk_get(&t->root, list), *e;

	if (l == NULL)
		l = kfk_set_empty(t, &t->root, list);
	e = kfk_add(t, l);
	kfk_set_str(t, e, name, alv_str_of(text));
	return e;
}

/* ---- CreateTopics --------------------------------------------------------------------------------- */

#define Q(f) KFK_CREATE_TOPICS_REQUEST_##f
#define R(f) KFK_CREATE_TOPICS_RESPONSE_##f

static struct kfk_node *
create(struct kfk_tree *q, const char *name, const char *config, const char *value)
{
	struct kfk_node *e = element(q, Q(TOPICS), Q(TOPICS_NAME), name), *k;

	kfk_set_int(q, e, Q(TOPICS_NUM_PARTITIONS), 3);
	kfk_set_int(q, e, Q(TOPICS_REPLICATION_FACTOR), -1);
	if (config == NULL)
		return e;
	k = kfk_add(q, kfk_set_empty(q, e, Q(TOPICS_CONFIGS)));
	kfk_set_str(q, k, Q(TOPICS_CONFIGS_NAME), alv_str_of(config));
	kfk_set_str(q, k, Q(TOPICS_CONFIGS_VALUE), alv_str_of(value));
	return e;
}

static int64_t
create_code(struct kfk_tree *t, const char *name)
{
	struct kfk_node *e = stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), name);

	return e == NULL ? -99 : kfk_get_int(t, e, R(TOPICS_ERROR_CODE));
}

static void
names_and_configs_are_judged(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "no", POL_OP_CREATE),
		STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_CREATE) };
	static char longest[246];	/* 249 less "acme." is 244 */
	static const struct { const char *name, *config, *value; int16_t code; } cases[] = {
		{ "", NULL, NULL, KFK_INVALID_TOPIC_EXCEPTION },
		{ ".", NULL, NULL, KFK_INVALID_TOPIC_EXCEPTION },
		{ "..", NULL, NULL, KFK_INVALID_TOPIC_EXCEPTION },
		{ "a b", NULL, NULL, KFK_INVALID_TOPIC_EXCEPTION },
		{ longest, NULL, NULL, KFK_INVALID_TOPIC_EXCEPTION },
		{ "no", NULL, NULL, KFK_TOPIC_AUTHORIZATION_FAILED },
		{ "__cluster_metadata", NULL, NULL, KFK_INVALID_REQUEST },
		{ "shared", NULL, NULL, KFK_TOPIC_ALREADY_EXISTS },
		{ "t1", "diskless.enable", "true", KFK_POLICY_VIOLATION },
		{ "t2", "remote.storage.enable", "true", KFK_POLICY_VIOLATION },
		{ "t3", "unclean.leader.election.enable", "true", KFK_POLICY_VIOLATION },
		{ "t4", "segment.bytes", "1024", KFK_POLICY_VIOLATION },
		{ "t5", "max.message.bytes", "99999999", KFK_POLICY_VIOLATION },
		{ "t6", "retention.ms", "soon", KFK_INVALID_CONFIG },
		{ "t7", "some.later.switch", "true", KFK_INVALID_CONFIG },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	for (int16_t v = 2; v <= 7; v++) {
		stage_open(&s, denies, 2);
		t = stage_begin(&s, KFK_API_CREATE_TOPICS, v);
		for (size_t i = 0; i < ALV_COUNT(cases); i++)
			(void)create(t, cases[i].name, cases[i].config, cases[i].value);
		kfk_add(t, kfk_set_empty(t, create(t, "placed", NULL, NULL), Q(TOPICS_ASSIGNMENTS)));
		assert_int_equal(stage_send(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		for (size_t i = 0; i < ALV_COUNT(cases); i++)
			assert_int_equal(create_code(t, cases[i].name), cases[i].code);
		assert_int_equal(create_code(t, "placed"), KFK_INVALID_REQUEST);
		stage_close(&s);
	}
}

/* More in sync than there are: only where the request says how many there are. */
static void
replicas_in_sync(void **state)
{
	static const struct { int replicas; const char *value; bool fits; } cases[] = { { 3, "2", true }, { 3, "3", true }, { 3, "4", false },
		{ 1, "2", false }, { -1, "2", true } };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		t = stage_begin(&s, KFK_API_CREATE_TOPICS, 7);
		kfk_set_int(t, create(t, "x", "min.insync.replicas", cases[i].value), Q(TOPICS_REPLICATION_FACTOR), cases[i].replicas);
		assert_int_equal(stage_send(&s), cases[i].fits ? API_FORWARD : API_ANSWER);
		if (!cases[i].fits)
			assert_int_equal(create_code(stage_client(&s), "x"), KFK_POLICY_VIOLATION);
	}
	stage_close(&s);
}

static void
what_was_created_is_learnt_first(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "blind", POL_OP_DESCRIBE_CONFIGS) };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;
	struct alv_str	 name;

	(void)state;
	for (int16_t v = 2; v <= 7; v++) {
		stage_open(&s, denies, 1);
		t = stage_begin(&s, KFK_API_CREATE_TOPICS, v);
		(void)create(t, "new", "retention.ms", "-1");
		(void)create(t, "blind", NULL, NULL);
		(void)create(t, "..", NULL, NULL);
		assert_int_equal(stage_send(&s), API_FORWARD);
		assert_int_equal(s.call.up_version, 7);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 2);
		e = stage_at(&t->root, Q(TOPICS), 0);
		stage_text(kfk_get_str(t, e, Q(TOPICS_NAME)), "acme.new");
		assert_int_equal(kfk_get_int(t, e, Q(TOPICS_REPLICATION_FACTOR)), -1);

		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		for (int i = 0; i < 2; i++) {
			e = element(t, R(TOPICS), R(TOPICS_NAME), i == 0 ? "acme.new" : "acme.blind");
			kfk_set_uuid(t, e, R(TOPICS_TOPIC_ID), stage_id(i == 0 ? 'n' : 'b'));
			kfk_set_int(t, e, R(TOPICS_NUM_PARTITIONS), 3);
			e = kfk_add(t, kfk_set_empty(t, e, R(TOPICS_CONFIGS)));
			kfk_set_str(t, e, R(TOPICS_CONFIGS_NAME), ALV_STR("retention.ms"));
			kfk_set_int(t, e, R(TOPICS_CONFIGS_CONFIG_SOURCE), 4);
		}
		(void)element(t, R(TOPICS), R(TOPICS_NAME), "globex.new");
		assert_int_equal(stage_reply(&s), API_WAIT);
		assert_int_equal(s.call.wait, API_WAIT_LEARN);
		assert_int_equal(s.call.nlearnt, 2);
		stage_text(s.call.learnt[0].name, "acme.new");
		assert_true(alv_uuid_eq(s.call.learnt[0].id, stage_id('n')));
		assert_int_equal(s.call.learnt[0].partitions, 3);
		assert_int_equal(api_resume(&s.call), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(TOPICS)), 3);
		assert_int_equal(create_code(t, "new"), 0);
		assert_int_equal(create_code(t, ".."), KFK_INVALID_TOPIC_EXCEPTION);
		if (v >= 5) {
			e = stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), "new");
			e = stage_at(e, R(TOPICS_CONFIGS), 0);
			assert_int_equal(kfk_get_int(t, e, R(TOPICS_CONFIGS_CONFIG_SOURCE)), 5);
			e = stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), "blind");
			assert_int_equal(kfk_get_int(t, e, R(TOPICS_NUM_PARTITIONS)), -1);
			assert_true(kfk_get(e, R(TOPICS_CONFIGS))->v.is_null);
			assert_int_equal(kfk_get_int(t, e, R(TOPICS_TOPIC_CONFIG_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
		}
		/* The new id is known at once. */
		assert_int_equal(clu_ids_find(s.worker.ids, NULL, stage_id('n'), s.worker.now_us, &name), ALV_OK);
		stage_close(&s);
	}
}

static void
texts_of_brokers_are_cleaned(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_CREATE_TOPICS, 7);
	(void)create(t, "a", NULL, NULL);
	kfk_set_int(t, &t->root, Q(VALIDATE_ONLY), 1);
	assert_int_equal(stage_send(&s), API_FORWARD);
	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	e = element(t, R(TOPICS), R(TOPICS_NAME), "acme.a");
	kfk_set_int(t, e, R(TOPICS_ERROR_CODE), KFK_TOPIC_ALREADY_EXISTS);
	kfk_set_str(t, e, R(TOPICS_ERROR_MESSAGE), ALV_STR("Topic 'acme.a' already exists."));
	e = element(t, R(TOPICS), R(TOPICS_NAME), "acme.b");
	assert_int_equal(stage_reply(&s), API_ANSWER);	/* only validated: nothing to learn */
	stage_clean(&s);
	t = stage_client(&s);
	e = stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), "a");
	stage_text(kfk_get_str(t, e, R(TOPICS_ERROR_MESSAGE)), "Topic 'a' already exists.");
	stage_close(&s);
}
#undef Q
#undef R

/* ---- DeleteTopics ------------------------------------------------------------------------------------ */

#define Q(f) KFK_DELETE_TOPICS_REQUEST_##f
#define R(f) KFK_DELETE_TOPICS_RESPONSE_##f

static void
delete_one(struct kfk_tree *q, const char *name, char id)
{
	struct kfk_node *e = element(q, Q(TOPICS), Q(TOPICS_NAME), name);

	if (id != 0)
		kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), stage_id(id));
}

static void
deletes_by_name_and_id(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_DELETE),
		STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_DELETE) };
	static const struct { const char *name; char id; int16_t code; const char *shown; } cases[] = {
		{ NULL, 'g', KFK_UNKNOWN_TOPIC_ID, NULL },
		{ NULL, 'c', KFK_UNKNOWN_TOPIC_ID, NULL },
		{ NULL, 's', KFK_TOPIC_AUTHORIZATION_FAILED, "secret" },
		{ "orders", 'o', KFK_INVALID_REQUEST, "orders" },
		{ NULL, 0, KFK_INVALID_REQUEST, NULL },
		{ "shared", 0, KFK_TOPIC_AUTHORIZATION_FAILED, "shared" },
	};
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	stage_open(&s, denies, 2);
	t = stage_begin(&s, KFK_API_DELETE_TOPICS, 6);
	delete_one(t, NULL, 'o');
	for (size_t i = 0; i < ALV_COUNT(cases); i++)
		delete_one(t, cases[i].name, cases[i].id);
	assert_int_equal(stage_send(&s), API_FORWARD);
	t = stage_upstream(&s);
	assert_int_equal(stage_count(&t->root, Q(TOPICS)), 1);
	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	e = element(t, R(RESPONSES), R(RESPONSES_NAME), "acme.orders");
	kfk_set_uuid(t, e, R(RESPONSES_TOPIC_ID), stage_id('o'));
	assert_int_equal(stage_reply(&s), API_WAIT);
	assert_true(s.call.learnt[0].deleted);
	stage_text(s.call.learnt[0].name, "acme.orders");
	stage_clean(&s);
	t = stage_client(&s);
	assert_int_equal(stage_count(&t->root, R(RESPONSES)), 1 + ALV_COUNT(cases));
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		e = stage_at(&t->root, R(RESPONSES), i + 1);
		assert_int_equal(kfk_get_int(t, e, R(RESPONSES_ERROR_CODE)), cases[i].code);
		stage_text(kfk_get_str(t, e, R(RESPONSES_NAME)), cases[i].shown);
	}
	stage_close(&s);
}

/* Who may describe a topic is told that it is not there; who may not is told nothing, also if it may delete it. */
static void
deletes_of_what_may_not_be_deleted(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_DELETE),
		STAGE_DENY(POL_TOPIC, "secret", POL_OP_DELETE), STAGE_DENY(POL_TOPIC, "gone", POL_OP_DELETE),
		STAGE_DENY(POL_TOPIC, "orders", POL_OP_DESCRIBE), STAGE_DENY(POL_TOPIC, "dark", POL_OP_DESCRIBE) };
	static const struct { const char *name; int16_t code; } cases[] = {
		{ "secret", KFK_TOPIC_AUTHORIZATION_FAILED },		/* is there */
		{ "gone", KFK_UNKNOWN_TOPIC_OR_PARTITION },		/* is not */
		{ "orders", KFK_TOPIC_AUTHORIZATION_FAILED }, { "dark", KFK_TOPIC_AUTHORIZATION_FAILED },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 5; v <= 6; v++) {
		stage_open(&s, denies, ALV_COUNT(denies));
		t = stage_begin(&s, KFK_API_DELETE_TOPICS, v);
		if (v == 5)
			(void)kfk_set_empty(t, &t->root, Q(TOPIC_NAMES));
		for (size_t i = 0; i < ALV_COUNT(cases); i++)
			if (v == 5)
				kfk_add(t, kfk_get(&t->root, Q(TOPIC_NAMES)))->v.s = alv_str_of(cases[i].name);
			else
				delete_one(t, cases[i].name, 0);
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		for (size_t i = 0; i < ALV_COUNT(cases); i++) {
			struct kfk_node *e = stage_named(t, &t->root, R(RESPONSES), R(RESPONSES_NAME), cases[i].name);

			assert_int_equal(kfk_get_int(t, e, R(RESPONSES_ERROR_CODE)), cases[i].code);
		}
		stage_close(&s);
	}
}

static void
old_deletes_are_lists_of_names(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *l;

	(void)state;
	for (int16_t v = 1; v <= 5; v++) {
		stage_open(&s, NULL, 0);
		t = stage_begin(&s, KFK_API_DELETE_TOPICS, v);
		l = kfk_set_empty(t, &t->root, Q(TOPIC_NAMES));
		kfk_add(t, l)->v.s = ALV_STR("orders");
		kfk_add(t, l)->v.s = ALV_STR("..");
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPIC_NAMES)), 1);
		stage_text(stage_at(&t->root, Q(TOPIC_NAMES), 0)->v.s, "acme.orders");
		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		(void)element(t, R(RESPONSES), R(RESPONSES_NAME), "acme.orders");
		assert_int_equal(stage_reply(&s), API_WAIT);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(RESPONSES)), 2);
		stage_close(&s);
	}
}
#undef Q
#undef R

/* ---- CreatePartitions ------------------------------------------------------------------------------------ */

#define Q(f) KFK_CREATE_PARTITIONS_REQUEST_##f
#define R(f) KFK_CREATE_PARTITIONS_RESPONSE_##f

static void
partitions_grow(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_ALTER) };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 3; v++) {
		stage_open(&s, denies, 1);
		t = stage_begin(&s, KFK_API_CREATE_PARTITIONS, v);
		e = element(t, Q(TOPICS), Q(TOPICS_NAME), "orders");
		kfk_set_int(t, e, Q(TOPICS_COUNT), 8);
		kfk_set_null(t, e, Q(TOPICS_ASSIGNMENTS));
		e = element(t, Q(TOPICS), Q(TOPICS_NAME), "secret");
		kfk_set_null(t, e, Q(TOPICS_ASSIGNMENTS));
		e = element(t, Q(TOPICS), Q(TOPICS_NAME), "placed");
		kfk_add(t, kfk_set_empty(t, e, Q(TOPICS_ASSIGNMENTS)));
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 1);
		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		(void)element(t, R(RESULTS), R(RESULTS_NAME), "acme.orders");
		assert_int_equal(stage_reply(&s), API_WAIT);
		assert_int_equal(s.call.nlearnt, 1);
		assert_int_equal(s.call.learnt[0].partitions, 8);
		assert_true(alv_uuid_eq(s.call.learnt[0].id, stage_id('o')));
		t = stage_client(&s);
		e = stage_named(t, &t->root, R(RESULTS), R(RESULTS_NAME), "secret");
		assert_int_equal(kfk_get_int(t, e, R(RESULTS_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
		e = stage_named(t, &t->root, R(RESULTS), R(RESULTS_NAME), "placed");
		assert_int_equal(kfk_get_int(t, e, R(RESULTS_ERROR_CODE)), KFK_INVALID_REQUEST);
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_configs_are_judged),
		cmocka_unit_test(replicas_in_sync),
		cmocka_unit_test(what_was_created_is_learnt_first),
		cmocka_unit_test(texts_of_brokers_are_cleaned),
		cmocka_unit_test(deletes_by_name_and_id),
		cmocka_unit_test(deletes_of_what_may_not_be_deleted),
		cmocka_unit_test(old_deletes_are_lists_of_names),
		cmocka_unit_test(partitions_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
