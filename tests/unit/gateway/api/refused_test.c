/* The table of apis has a decision for each key, and what is the platform's is refused in each api's own form. */
#include "stage.h"

enum { DENIED = KFK_CLUSTER_AUTHORIZATION_FAILED };

/* ---- the table --------------------------------------------------------------------------------------- */

static void
each_key_is_decided(void **state)
{
	static const int16_t keys[] = {
#define KAPI(key, name, text, who) key,
#include <alcove/tbl/kafka_api.def>
#undef KAPI
	};
	size_t offered = 0, decided[API_PENDING + 1] = { 0 };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(keys); i++) {
		const struct api_def *d = api_def_row(keys[i]);

		assert_non_null(d);
		assert_int_equal(d->key, keys[i]);
		decided[d->decision]++;
		if (d->decision == API_DENY_X || d->decision == API_PENDING) {
			assert_null(api_def_find(keys[i]));
			continue;
		}
		assert_ptr_equal(api_def_find(keys[i]), d);
		assert_ptr_equal(api_def_at(offered++), d);
		assert_true(d->lo <= d->hi && d->lo >= 0);
		assert_non_null(d->request);
		assert_non_null(d->permission);
		assert_int_equal(d->decision == API_REWRITE, d->response != NULL || d->stream != NULL);
		/* Kafka's own lowest versions, but for those that the gateway has decided against. */
		assert_true(d->hi <= kfk_schema_find(d->key, KFK_REQUEST)->versions.hi);
	}
	assert_null(api_def_at(offered));
	assert_null(api_def_row(-1));
	assert_null(api_def_row(ALV_COUNT(keys)));
	assert_null(api_def_row(INT16_MAX));
	assert_int_equal(decided[API_DENY_E], 10);
	assert_int_equal(decided[API_DENY_X], 23);
}

/* A broker that lacks it is not spoken for, and one with more does not get us to offer what we do not know. */
static void
brokers_bound_what_is_offered(void **state)
{
	const struct api_def *rewritten = api_def_find(KFK_API_METADATA), *local = api_def_find(KFK_API_DESCRIBE_CLUSTER);
	struct clu_view	      v = { .generation = 1 };
	struct clu_range      r;

	(void)state;
	for (size_t i = 0; i < CLU_API_KEYS; i++)
		v.apis[i] = (struct clu_range){ 0, -1 };
	r = api_offered(rewritten, &v);
	assert_true(r.lo > r.hi);
	r = api_offered(local, &v);
	assert_true(r.lo == 0 && r.hi == 2);
	v.apis[KFK_API_METADATA] = (struct clu_range){ 4, 99 };
	r = api_offered(rewritten, &v);
	assert_true(r.lo == 4 && r.hi == rewritten->hi);
	v.apis[KFK_API_METADATA] = (struct clu_range){ 0, 5 };
	r = api_offered(rewritten, &v);
	assert_true(r.lo == 0 && r.hi == 5);
}

/* ---- refusals ------------------------------------------------------------------------------------------ */

static struct kfk_tree *
refused(struct stage *s)
{
	assert_int_equal(stage_send(s), API_ANSWER);
	assert_int_equal(s->call.error_code, DENIED);
	return stage_client(s);
}

static void
directories(void **state)
{
#define Q(f) KFK_ALTER_REPLICA_LOG_DIRS_REQUEST_##f
#define R(f) KFK_ALTER_REPLICA_LOG_DIRS_RESPONSE_##f
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	for (int16_t v = 1; v <= 2; v++) {
		struct kfk_tree *q = stage_begin(&s, KFK_API_ALTER_REPLICA_LOG_DIRS, v), *r;
		struct kfk_node *dirs = kfk_set_empty(q, &q->root, Q(DIRS));

		for (int i = 0; i < 2; i++) {
			struct kfk_node *d = kfk_add(q, dirs), *t = kfk_add(q, kfk_set_empty(q, d, Q(DIRS_TOPICS)));
			struct kfk_node *parts = kfk_set_empty(q, t, Q(DIRS_TOPICS_PARTITIONS));

			kfk_set_str(q, d, Q(DIRS_PATH), ALV_STR("/data"));
			kfk_set_str(q, t, Q(DIRS_TOPICS_NAME), i == 0 ? ALV_STR("orders") : ALV_STR("globex.orders"));
			kfk_add(q, parts)->v.i = 3;
			kfk_add(q, parts)->v.i = 4;
		}
		r = refused(&s);
		assert_int_equal(stage_count(&r->root, R(RESULTS)), 2);
		for (size_t i = 0; i < 4; i++) {
			struct kfk_node *t = stage_at(&r->root, R(RESULTS), i / 2);
			struct kfk_node *p = stage_at(t, R(RESULTS_PARTITIONS), i % 2);

			stage_text(kfk_get_str(r, t, R(RESULTS_TOPIC_NAME)), i < 2 ? "orders" : "globex.orders");
			assert_int_equal(kfk_get_int(r, p, R(RESULTS_PARTITIONS_PARTITION_INDEX)), 3 + i % 2);
			assert_int_equal(kfk_get_int(r, p, R(RESULTS_PARTITIONS_ERROR_CODE)), DENIED);
		}
	}
	stage_close(&s);
#undef Q
#undef R
}

/* Null topics are every partition of the cluster. */
static void
leaders(void **state)
{
#define Q(f) KFK_ELECT_LEADERS_REQUEST_##f
#define R(f) KFK_ELECT_LEADERS_RESPONSE_##f
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	for (int16_t v = 0; v <= 2; v++) {
		struct kfk_tree *q = stage_begin(&s, KFK_API_ELECT_LEADERS, v), *r;
		struct kfk_node *t, *p;

		kfk_set_null(q, &q->root, Q(TOPIC_PARTITIONS));
		r = refused(&s);
		assert_int_equal(kfk_get_int(r, &r->root, R(ERROR_CODE)), v >= 1 ? DENIED : 0);
		assert_int_equal(stage_count(&r->root, R(REPLICA_ELECTION_RESULTS)), 0);

		q = stage_begin(&s, KFK_API_ELECT_LEADERS, v);
		t = kfk_add(q, kfk_set_empty(q, &q->root, Q(TOPIC_PARTITIONS)));
		kfk_set_str(q, t, Q(TOPIC_PARTITIONS_TOPIC), ALV_STR("orders"));
		kfk_add(q, kfk_set_empty(q, t, Q(TOPIC_PARTITIONS_PARTITIONS)))->v.i = 1;
		r = refused(&s);
		t = stage_at(&r->root, R(REPLICA_ELECTION_RESULTS), 0);
		stage_text(kfk_get_str(r, t, R(REPLICA_ELECTION_RESULTS_TOPIC)), "orders");
		p = stage_at(t, R(REPLICA_ELECTION_RESULTS_PARTITION_RESULT), 0);
		assert_int_equal(kfk_get_int(r, p, R(REPLICA_ELECTION_RESULTS_PARTITION_RESULT_PARTITION_ID)), 1);
		assert_int_equal(kfk_get_int(r, p, R(REPLICA_ELECTION_RESULTS_PARTITION_RESULT_ERROR_CODE)), DENIED);
		stage_text(kfk_get_str(r, p, R(REPLICA_ELECTION_RESULTS_PARTITION_RESULT_ERROR_MESSAGE)), NULL);
	}
	stage_close(&s);
#undef Q
#undef R
}

static void
reassignments(void **state)
{
#define Q(f) KFK_ALTER_PARTITION_REASSIGNMENTS_REQUEST_##f
#define R(f) KFK_ALTER_PARTITION_REASSIGNMENTS_RESPONSE_##f
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	for (int16_t v = 0; v <= 1; v++) {
		struct kfk_tree *q = stage_begin(&s, KFK_API_ALTER_PARTITION_REASSIGNMENTS, v), *r;
		struct kfk_node *t = kfk_add(q, kfk_set_empty(q, &q->root, Q(TOPICS)));
		struct kfk_node *p = kfk_add(q, kfk_set_empty(q, t, Q(TOPICS_PARTITIONS)));

		kfk_set_str(q, t, Q(TOPICS_NAME), ALV_STR("orders"));
		kfk_set_int(q, p, Q(TOPICS_PARTITIONS_PARTITION_INDEX), 5);
		r = refused(&s);
		assert_int_equal(kfk_get_int(r, &r->root, R(ERROR_CODE)), DENIED);
		stage_text(kfk_get_str(r, &r->root, R(ERROR_MESSAGE)), NULL);
		p = stage_at(stage_at(&r->root, R(RESPONSES), 0), R(RESPONSES_PARTITIONS), 0);
		assert_int_equal(kfk_get_int(r, p, R(RESPONSES_PARTITIONS_PARTITION_INDEX)), 5);
		assert_int_equal(kfk_get_int(r, p, R(RESPONSES_PARTITIONS_ERROR_CODE)), DENIED);
	}
	stage_close(&s);
#undef Q
#undef R
}

/* Kafka's kafka-transactions --abort: markers end transactions of whomever. */
static void
markers(void **state)
{
#define Q(f) KFK_WRITE_TXN_MARKERS_REQUEST_##f
#define R(f) KFK_WRITE_TXN_MARKERS_RESPONSE_##f
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	for (int16_t v = 1; v <= 2; v++) {
		struct kfk_tree *q = stage_begin(&s, KFK_API_WRITE_TXN_MARKERS, v), *r;
		struct kfk_node *list = kfk_set_empty(q, &q->root, Q(MARKERS)), *m, *t;

		for (int i = 0; i < 2; i++) {
			m = kfk_add(q, list);
			kfk_set_int(q, m, Q(MARKERS_PRODUCER_ID), 40 + i);
			t = kfk_add(q, kfk_set_empty(q, m, Q(MARKERS_TOPICS)));
			kfk_set_str(q, t, Q(MARKERS_TOPICS_NAME), ALV_STR("__consumer_offsets"));
			kfk_add(q, kfk_set_empty(q, t, Q(MARKERS_TOPICS_PARTITION_INDEXES)))->v.i = 6;
		}
		r = refused(&s);
		assert_int_equal(stage_count(&r->root, R(MARKERS)), 2);
		for (size_t i = 0; i < 2; i++) {
			m = stage_at(&r->root, R(MARKERS), i);
			assert_int_equal(kfk_get_int(r, m, R(MARKERS_PRODUCER_ID)), 40 + i);
			t = stage_at(stage_at(m, R(MARKERS_TOPICS), 0), R(MARKERS_TOPICS_PARTITIONS), 0);
			assert_int_equal(kfk_get_int(r, t, R(MARKERS_TOPICS_PARTITIONS_PARTITION_INDEX)), 6);
			assert_int_equal(kfk_get_int(r, t, R(MARKERS_TOPICS_PARTITIONS_ERROR_CODE)), DENIED);
		}
	}
	stage_close(&s);
#undef Q
#undef R
}

/* Those that have one error and nothing else. */
static void
the_rest(void **state)
{
#define WHOLE(name, low, high, text) \
	{ KFK_API_##name, low, high, KFK_##name##_RESPONSE_ERROR_CODE, KFK_##name##_RESPONSE_ERROR_MESSAGE, text }
	static const struct { int16_t key, lo, hi; uint16_t error, text; const char *says; } cases[] = {
		WHOLE(DESCRIBE_QUORUM, 0, 1, ""),
		WHOLE(DESCRIBE_QUORUM, 2, 2, "Cluster authorization failed."),
		WHOLE(UPDATE_FEATURES, 0, 2, NULL),
		WHOLE(UNREGISTER_BROKER, 0, 0, "Cluster authorization failed."),
		WHOLE(ADD_RAFT_VOTER, 0, 1, "Cluster authorization failed."),
		WHOLE(REMOVE_RAFT_VOTER, 0, 0, "Cluster authorization failed."),
		WHOLE(UNREGISTER_CONTROLLER, 0, 0, "Cluster authorization failed."),
	};
#undef WHOLE
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(cases); i++)
		for (int16_t v = cases[i].lo; v <= cases[i].hi; v++) {
			struct kfk_tree *r;

			(void)stage_begin(&s, cases[i].key, v);
			r = refused(&s);
			assert_int_equal(kfk_get_int(r, &r->root, cases[i].error), DENIED);
			stage_text(kfk_get_str(r, &r->root, cases[i].text), cases[i].says);
		}
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_is_decided),
		cmocka_unit_test(brokers_bound_what_is_offered),
		cmocka_unit_test(directories),
		cmocka_unit_test(leaders),
		cmocka_unit_test(reassignments),
		cmocka_unit_test(markers),
		cmocka_unit_test(the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
