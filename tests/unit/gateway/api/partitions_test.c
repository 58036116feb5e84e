/* DeleteRecords, DescribeProducers, ListPartitionReassignments. */
#include "stage.h"

struct ask {
	const char *name;
	int16_t	    code;	/* 0: goes upstream */
};

#define Q(f) KFK_DELETE_RECORDS_REQUEST_##f
#define R(f) KFK_DELETE_RECORDS_RESPONSE_##f

static void
records_are_deleted_in_own_topics(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_DELETE) };
	static const struct ask	     asks[] = { { "orders", 0 }, { "secret", KFK_TOPIC_AUTHORIZATION_FAILED },
		{ "shared", KFK_TOPIC_AUTHORIZATION_FAILED }, { "globex.orders", 0 }, { "", KFK_UNKNOWN_TOPIC_OR_PARTITION },
		{ "a b", KFK_UNKNOWN_TOPIC_OR_PARTITION } };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *list, *e, *p;

	(void)state;
	stage_open(&s, denies, 1);
	for (int16_t v = 0; v <= 2; v++) {
		t = stage_begin(&s, KFK_API_DELETE_RECORDS, v);
		list = kfk_set_empty(t, &t->root, Q(TOPICS));
		for (size_t i = 0; i < ALV_COUNT(asks); i++) {
			e = kfk_add(t, list);
			kfk_set_str(t, e, Q(TOPICS_NAME), alv_str_of(asks[i].name));
			p = kfk_add(t, kfk_set_empty(t, e, Q(TOPICS_PARTITIONS)));
			kfk_set_int(t, p, Q(TOPICS_PARTITIONS_PARTITION_INDEX), 1);
			kfk_set_int(t, p, Q(TOPICS_PARTITIONS_OFFSET), 7);
		}
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 2);
		stage_text(kfk_get_str(t, stage_at(&t->root, Q(TOPICS), 0), Q(TOPICS_NAME)), "acme.orders");
		stage_text(kfk_get_str(t, stage_at(&t->root, Q(TOPICS), 1), Q(TOPICS_NAME)), "acme.globex.orders");

		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		list = kfk_set_empty(t, &t->root, R(TOPICS));
		for (int i = 0; i < 2; i++) {
			e = kfk_add(t, list);
			kfk_set_str(t, e, R(TOPICS_NAME), i == 0 ? ALV_STR("acme.orders") : ALV_STR("globex.orders"));
			p = kfk_add(t, kfk_set_empty(t, e, R(TOPICS_PARTITIONS)));
			kfk_set_int(t, p, R(TOPICS_PARTITIONS_LOW_WATERMARK), 7);
		}
		assert_int_equal(stage_reply(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(TOPICS)), 1 + 4);
		e = stage_at(&t->root, R(TOPICS), 0);
		stage_text(kfk_get_str(t, e, R(TOPICS_NAME)), "orders");
		assert_int_equal(kfk_get_int(t, stage_at(e, R(TOPICS_PARTITIONS), 0), R(TOPICS_PARTITIONS_LOW_WATERMARK)), 7);
		for (size_t i = 0; i < ALV_COUNT(asks); i++) {
			if (asks[i].code == 0)
				continue;
			e = stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), asks[i].name);
			p = stage_at(e, R(TOPICS_PARTITIONS), 0);
			assert_int_equal(kfk_get_int(t, p, R(TOPICS_PARTITIONS_PARTITION_INDEX)), 1);
			assert_int_equal(kfk_get_int(t, p, R(TOPICS_PARTITIONS_ERROR_CODE)), asks[i].code);
			assert_int_equal(kfk_get_int(t, p, R(TOPICS_PARTITIONS_LOW_WATERMARK)), -1);
		}
	}
	stage_close(&s);
}
#undef Q
#undef R

#define Q(f) KFK_DESCRIBE_PRODUCERS_REQUEST_##f
#define R(f) KFK_DESCRIBE_PRODUCERS_RESPONSE_##f

static void
producers_of_own_topics(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ) };
	static const struct ask	     asks[] = { { "orders", 0 }, { "shared", 0 }, { "secret", KFK_TOPIC_AUTHORIZATION_FAILED },
		{ "..", KFK_INVALID_TOPIC_EXCEPTION } };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *list, *e, *p;

	(void)state;
	stage_open(&s, denies, 1);
	t = stage_begin(&s, KFK_API_DESCRIBE_PRODUCERS, 0);
	list = kfk_set_empty(t, &t->root, Q(TOPICS));
	for (size_t i = 0; i < ALV_COUNT(asks); i++) {
		e = kfk_add(t, list);
		kfk_set_str(t, e, Q(TOPICS_NAME), alv_str_of(asks[i].name));
		kfk_add(t, kfk_set_empty(t, e, Q(TOPICS_PARTITION_INDEXES)))->v.i = 0;
	}
	assert_int_equal(stage_send(&s), API_FORWARD);
	t = stage_upstream(&s);
	assert_int_equal(stage_count(&t->root, Q(TOPICS)), 2);
	stage_text(kfk_get_str(t, stage_at(&t->root, Q(TOPICS), 1), Q(TOPICS_NAME)), "legacy.shared");

	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	list = kfk_set_empty(t, &t->root, R(TOPICS));
	e = kfk_add(t, list);
	kfk_set_str(t, e, R(TOPICS_NAME), ALV_STR("acme.orders"));
	p = kfk_add(t, kfk_set_empty(t, e, R(TOPICS_PARTITIONS)));
	kfk_set_int(t, p, R(TOPICS_PARTITIONS_ERROR_CODE), KFK_NOT_LEADER_OR_FOLLOWER);
	kfk_set_str(t, p, R(TOPICS_PARTITIONS_ERROR_MESSAGE), ALV_STR("acme.orders-0 is led by real2.internal:9092"));
	assert_int_equal(stage_reply(&s), API_ANSWER);
	stage_clean(&s);
	t = stage_client(&s);
	assert_int_equal(stage_count(&t->root, R(TOPICS)), 3);
	for (size_t i = 2; i < ALV_COUNT(asks); i++) {
		e = stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), asks[i].name);
		assert_int_equal(kfk_get_int(t, stage_at(e, R(TOPICS_PARTITIONS), 0), R(TOPICS_PARTITIONS_ERROR_CODE)), asks[i].code);
	}
	stage_close(&s);
}
#undef Q
#undef R

#define R(f) KFK_LIST_PARTITION_REASSIGNMENTS_RESPONSE_##f

static void
nothing_is_reassigned(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_DESCRIBE) };
	struct stage		     s;
	struct kfk_tree		    *t;

	(void)state;
	for (size_t denied = 0; denied <= 1; denied++) {
		stage_open(&s, denies, denied);
		(void)stage_begin(&s, KFK_API_LIST_PARTITION_REASSIGNMENTS, 0);
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, &t->root, R(ERROR_CODE)), denied ? KFK_CLUSTER_AUTHORIZATION_FAILED : 0);
		assert_int_equal(stage_count(&t->root, R(TOPICS)), 0);
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_deleted_in_own_topics),
		cmocka_unit_test(producers_of_own_topics),
		cmocka_unit_test(nothing_is_reassigned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
