/* DescribeCluster, and DescribeTopicPartitions page by page. */
#include "stage.h"

#define R(f) KFK_DESCRIBE_CLUSTER_RESPONSE_##f

static void
the_cluster_is_virtual(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_DESCRIBE) };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 2; v++) {
		stage_open(&s, v == 2 ? denies : NULL, v == 2 ? 1 : 0);
		t = stage_begin(&s, KFK_API_DESCRIBE_CLUSTER, v);
		kfk_set_int(t, &t->root, KFK_DESCRIBE_CLUSTER_REQUEST_INCLUDE_CLUSTER_AUTHORIZED_OPERATIONS, v > 0);
		assert_int_equal(stage_send(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		stage_text(kfk_get_str(t, &t->root, R(CLUSTER_ID)), "acme-cluster-id-22char");
		assert_int_equal(kfk_get_int(t, &t->root, R(CONTROLLER_ID)), 1);
		assert_int_equal(stage_count(&t->root, R(BROKERS)), 2);
		e = stage_at(&t->root, R(BROKERS), 1);
		stage_text(kfk_get_str(t, e, R(BROKERS_HOST)), "b2-acme.kafka.test");
		assert_int_equal(kfk_get_int(t, &t->root, R(CLUSTER_AUTHORIZED_OPERATIONS)), v == 0 ? INT32_MIN : v == 2 ? 0 :
		    1 << 5 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12);
		stage_close(&s);
	}
}

static void
controllers_are_not_described(void **state)
{
	static const struct { int64_t type; int16_t code; const char *text; } cases[] = {
		{ 2, KFK_MISMATCHED_ENDPOINT_TYPE,
		  "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER" },
		{ 3, KFK_UNSUPPORTED_ENDPOINT_TYPE, "Unsupported endpoint type 3" },
		{ -128, KFK_UNSUPPORTED_ENDPOINT_TYPE, "Unsupported endpoint type -128" },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, NULL, 0);
		t = stage_begin(&s, KFK_API_DESCRIBE_CLUSTER, 1);
		kfk_set_int(t, &t->root, KFK_DESCRIBE_CLUSTER_REQUEST_ENDPOINT_TYPE, cases[i].type);
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, &t->root, R(ERROR_CODE)), cases[i].code);
		stage_text(kfk_get_str(t, &t->root, R(ERROR_MESSAGE)), cases[i].text);
		assert_int_equal(stage_count(&t->root, R(BROKERS)), 0);
		stage_close(&s);
	}
}
#undef R

#define Q(f) KFK_DESCRIBE_TOPIC_PARTITIONS_REQUEST_##f
#define R(f) KFK_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_##f

static struct kfk_tree *
pages(struct stage *s, const char *cursor)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_DESCRIBE_TOPIC_PARTITIONS, 0);

	kfk_set_empty(t, &t->root, Q(TOPICS));
	if (cursor == NULL)
		kfk_set_null(t, &t->root, Q(CURSOR));
	else
		kfk_set_str(t, kfk_set_empty(t, &t->root, Q(CURSOR)), Q(CURSOR_TOPIC_NAME), alv_str_of(cursor));
	return t;
}

static void
tell(struct kfk_tree *r, const char *name, char id)
{
	struct kfk_node *list = kfk_get(&r->root, R(TOPICS)), *e;

	if (list == NULL)
		list = kfk_set_empty(r, &r->root, R(TOPICS));
	e = kfk_add(r, list);
	kfk_set_str(r, e, R(TOPICS_NAME), alv_str_of(name));
	kfk_set_uuid(r, e, R(TOPICS_TOPIC_ID), stage_id(id));
	kfk_set_int(r, e, R(TOPICS_TOPIC_AUTHORIZED_OPERATIONS), 0x7fffffff);
}

static void
all_topics_page_inside_the_tenant(void **state)
{
	static const char *const cursors[] = { "globex.orders", "acme.secret" };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cursors); i++) {
		stage_open(&s, NULL, 0);
		(void)pages(&s, NULL);
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 3);
		assert_non_null(stage_named(t, &t->root, Q(TOPICS), Q(TOPICS_NAME), "acme.orders"));
		assert_null(stage_named(t, &t->root, Q(TOPICS), Q(TOPICS_NAME), "globex.orders"));
		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		tell(t, "acme.orders", 'o');
		tell(t, "globex.orders", 'g');
		e = kfk_set_empty(t, &t->root, R(NEXT_CURSOR));
		kfk_set_str(t, e, R(NEXT_CURSOR_TOPIC_NAME), alv_str_of(cursors[i]));
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(TOPICS)), 1);
		e = stage_at(&t->root, R(TOPICS), 0);
		stage_text(kfk_get_str(t, e, R(TOPICS_NAME)), "orders");
		assert_int_equal(kfk_get_int(t, e, R(TOPICS_TOPIC_AUTHORIZED_OPERATIONS)),
		    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11);
		e = kfk_get(&t->root, R(NEXT_CURSOR));
		assert_int_equal(e->v.is_null, i == 0);
		if (i == 1)
			stage_text(kfk_get_str(t, e, R(NEXT_CURSOR_TOPIC_NAME)), "secret");
		stage_close(&s);
	}
}

static void
a_cursor_goes_on_where_it_was(void **state)
{
	static const struct { const char *cursor; size_t left; bool kept; } cases[] = {
		{ "secret", 2, true },		/* acme.secret, legacy.shared */
		{ "p", 2, false },		/* went meanwhile */
		{ "globex.orders", 3, false },	/* only a name of its own */
	};
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, NULL, 0);
		(void)pages(&s, cases[i].cursor);
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), cases[i].left);
		e = kfk_get(&t->root, Q(CURSOR));
		assert_int_equal(!e->v.is_null, cases[i].kept);
		stage_close(&s);
	}
}

/* To a broker no names means all names: it is never asked so. */
static void
nothing_is_never_asked_for(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "*", POL_OP_DESCRIBE) };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, 1);
	(void)pages(&s, NULL);
	assert_int_equal(stage_send(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(stage_count(&t->root, R(TOPICS)), 0);
	assert_true(kfk_get(&t->root, R(NEXT_CURSOR))->v.is_null);

	t = pages(&s, NULL);
	kfk_set_str(t, kfk_add(t, kfk_get(&t->root, Q(TOPICS))), Q(TOPICS_NAME), ALV_STR("orders"));
	assert_int_equal(stage_send(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(kfk_get_int(t, stage_at(&t->root, R(TOPICS), 0), R(TOPICS_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(kfk_get_int(t, stage_at(&t->root, R(TOPICS), 0), R(TOPICS_TOPIC_AUTHORIZED_OPERATIONS)), INT32_MIN);
	stage_close(&s);

	stage_open(&s, NULL, 0);	/* what may be done to a topic does not need a name that could be one's */
	t = pages(&s, NULL);
	kfk_set_str(t, kfk_add(t, kfk_get(&t->root, Q(TOPICS))), Q(TOPICS_NAME), ALV_STR("a/b"));
	assert_int_equal(stage_send(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(kfk_get_int(t, stage_at(&t->root, R(TOPICS), 0), R(TOPICS_ERROR_CODE)), KFK_INVALID_TOPIC_EXCEPTION);
	assert_int_equal(kfk_get_int(t, stage_at(&t->root, R(TOPICS), 0), R(TOPICS_TOPIC_AUTHORIZED_OPERATIONS)),
	    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11);
	stage_close(&s);
}

static void
a_cursor_outside_the_list_spoils_the_request(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	t = pages(&s, "secret");
	kfk_set_str(t, kfk_add(t, kfk_get(&t->root, Q(TOPICS))), Q(TOPICS_NAME), ALV_STR("orders"));
	assert_int_equal(stage_send(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(kfk_get_int(t, stage_at(&t->root, R(TOPICS), 0), R(TOPICS_ERROR_CODE)), KFK_INVALID_REQUEST);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cluster_is_virtual),
		cmocka_unit_test(controllers_are_not_described),
		cmocka_unit_test(all_topics_page_inside_the_tenant),
		cmocka_unit_test(a_cursor_goes_on_where_it_was),
		cmocka_unit_test(nothing_is_never_asked_for),
		cmocka_unit_test(a_cursor_outside_the_list_spoils_the_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
