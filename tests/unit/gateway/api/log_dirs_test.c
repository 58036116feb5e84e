/* DescribeLogDirs: own partitions, and nothing of the disks. */
#include "stage.h"

#define Q(f) KFK_DESCRIBE_LOG_DIRS_REQUEST_##f
#define R(f) KFK_DESCRIBE_LOG_DIRS_RESPONSE_##f

/* A list of all is made of the own topics. */
static void
all_is_what_is_own(void **state)
{
	static const struct { const char *name; uint32_t parts; } own[] = { { "acme.orders", 2 }, { "acme.secret", 1 }, { "legacy.shared", 1 } };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	stage_open(&s, NULL, 0);
	for (int16_t v = 1; v <= 5; v++) {
		t = stage_begin(&s, KFK_API_DESCRIBE_LOG_DIRS, v);
		kfk_set_null(t, &t->root, Q(TOPICS));
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), ALV_COUNT(own));
		for (size_t i = 0; i < ALV_COUNT(own); i++) {
			e = stage_named(t, &t->root, Q(TOPICS), Q(TOPICS_TOPIC), own[i].name);
			assert_non_null(e);
			assert_int_equal(stage_count(e, Q(TOPICS_PARTITIONS)), own[i].parts);
		}
	}
	stage_close(&s);
}

static void
name_topic(struct kfk_tree *t, const char *name)
{
	struct kfk_node *list = kfk_get(&t->root, Q(TOPICS)), *e;

	e = kfk_add(t, list != NULL ? list : kfk_set_empty(t, &t->root, Q(TOPICS)));
	kfk_set_str(t, e, Q(TOPICS_TOPIC), alv_str_of(name));
	kfk_add(t, kfk_set_empty(t, e, Q(TOPICS_PARTITIONS)))->v.i = 0;
}

static void
tell_dir(struct kfk_tree *t, const char *path)
{
	static const char *const names[] = { "acme.orders", "globex.orders", "__consumer_offsets" };
	struct kfk_node		*list = kfk_get(&t->root, R(RESULTS)), *e, *topics;

	e = kfk_add(t, list != NULL ? list : kfk_set_empty(t, &t->root, R(RESULTS)));
	kfk_set_str(t, e, R(RESULTS_LOG_DIR), alv_str_of(path));
	kfk_set_int(t, e, R(RESULTS_TOTAL_BYTES), 1000000);
	kfk_set_int(t, e, R(RESULTS_USABLE_BYTES), 500000);
	kfk_set_int(t, e, R(RESULTS_IS_CORDONED), 1);
	topics = kfk_set_empty(t, e, R(RESULTS_TOPICS));
	for (size_t i = 0; i < ALV_COUNT(names); i++) {
		struct kfk_node *x = kfk_add(t, topics), *p = kfk_add(t, kfk_set_empty(t, x, R(RESULTS_TOPICS_PARTITIONS)));

		kfk_set_str(t, x, R(RESULTS_TOPICS_NAME), alv_str_of(names[i]));
		kfk_set_int(t, p, R(RESULTS_TOPICS_PARTITIONS_PARTITION_SIZE), 4711);
	}
}

static void
disks_are_nobodys_business(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e, *x;

	(void)state;
	stage_open(&s, NULL, 0);
	for (int16_t v = 1; v <= 5; v++) {
		t = stage_begin(&s, KFK_API_DESCRIBE_LOG_DIRS, v);
		name_topic(t, "orders");
		name_topic(t, "a b");
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 1);
		stage_text(kfk_get_str(t, stage_at(&t->root, Q(TOPICS), 0), Q(TOPICS_TOPIC)), "acme.orders");

		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		tell_dir(t, "/mnt/globex/b");
		tell_dir(t, "/mnt/globex/a");
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(RESULTS)), 2);
		for (size_t i = 0; i < 2; i++) {
			e = stage_at(&t->root, R(RESULTS), i);
			stage_text(kfk_get_str(t, e, R(RESULTS_LOG_DIR)), i == 0 ? "/logs/2" : "/logs/1");
			assert_int_equal(kfk_get_int(t, e, R(RESULTS_TOTAL_BYTES)), -1);
			assert_int_equal(kfk_get_int(t, e, R(RESULTS_USABLE_BYTES)), -1);
			assert_int_equal(kfk_get_int(t, e, R(RESULTS_IS_CORDONED)), 0);
			assert_int_equal(stage_count(e, R(RESULTS_TOPICS)), 1);
			x = stage_at(e, R(RESULTS_TOPICS), 0);
			stage_text(kfk_get_str(t, x, R(RESULTS_TOPICS_NAME)), "orders");
			assert_int_equal(kfk_get_int(t, stage_at(x, R(RESULTS_TOPICS_PARTITIONS), 0), R(RESULTS_TOPICS_PARTITIONS_PARTITION_SIZE)), 4711);
		}
	}
	stage_close(&s);
}

static void
it_takes_the_right(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_DESCRIBE) };
	struct stage		     s;
	struct kfk_tree		    *t;

	(void)state;
	stage_open(&s, denies, 1);
	for (int16_t v = 1; v <= 5; v++) {
		t = stage_begin(&s, KFK_API_DESCRIBE_LOG_DIRS, v);
		kfk_set_null(t, &t->root, Q(TOPICS));
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, &t->root, R(ERROR_CODE)), v >= 3 ? KFK_CLUSTER_AUTHORIZATION_FAILED : 0);
		assert_int_equal(stage_count(&t->root, R(RESULTS)), 0);
	}
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_what_is_own),
		cmocka_unit_test(disks_are_nobodys_business),
		cmocka_unit_test(it_takes_the_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
