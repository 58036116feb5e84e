/* Fetch: no followers, own topics only, records untouched. */
#include "stage.h"

#define Q(f) KFK_FETCH_REQUEST_##f
#define R(f) KFK_FETCH_RESPONSE_##f

#define BIG 200000

static struct kfk_node *
want(struct kfk_tree *q, const char *name, char id)
{
	struct kfk_node *list = kfk_get(&q->root, Q(TOPICS)), *e, *p;

	if (list == NULL)
		list = kfk_set_empty(q, &q->root, Q(TOPICS));
	e = kfk_add(q, list);
	if (name != NULL)
		kfk_set_str(q, e, Q(TOPICS_TOPIC), alv_str_of(name));
	else
		kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), stage_id(id));
	p = kfk_add(q, kfk_set_empty(q, e, Q(TOPICS_PARTITIONS)));
	kfk_set_int(q, p, Q(TOPICS_PARTITIONS_PARTITION), 3);
	kfk_set_int(q, p, Q(TOPICS_PARTITIONS_PARTITION_MAX_BYTES), INT32_MAX);
	return p;
}

static struct kfk_node *
give(struct stage *s, struct kfk_tree *r, const char *name, char id, size_t n)
{
	struct kfk_node *list = kfk_get(&r->root, R(RESPONSES)), *e, *p;
	char		*records = alv_arena_alloc(&s->arena, n + 1);

	memset(records, 'x', n);
	if (list == NULL)
		list = kfk_set_empty(r, &r->root, R(RESPONSES));
	e = kfk_add(r, list);
	if (name != NULL)
		kfk_set_str(r, e, R(RESPONSES_TOPIC), alv_str_of(name));
	else
		kfk_set_uuid(r, e, R(RESPONSES_TOPIC_ID), stage_id(id));
	p = kfk_add(r, kfk_set_empty(r, e, R(RESPONSES_PARTITIONS)));
	kfk_set_int(r, p, R(RESPONSES_PARTITIONS_PARTITION_INDEX), 3);
	kfk_set_int(r, p, R(RESPONSES_PARTITIONS_HIGH_WATERMARK), 99);
	kfk_set_int(r, p, R(RESPONSES_PARTITIONS_PREFERRED_READ_REPLICA), 7);
	kfk_set_bytes(r, p, R(RESPONSES_PARTITIONS_RECORDS), alv_str_make(records, n));
	return p;
}

static struct kfk_node *
topic_of(struct kfk_tree *t, const char *name, char id)
{
	struct kfk_node *list = kfk_get(&t->root, R(RESPONSES));

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		if (name != NULL ? alv_str_eqz(kfk_get_str(t, e, R(RESPONSES_TOPIC)), name)
				 : alv_uuid_eq(kfk_get_uuid(t, e, R(RESPONSES_TOPIC_ID)), stage_id(id)))
			return e;
	return NULL;
}

static int64_t
code_of(struct kfk_tree *t, const char *name, char id)
{
	struct kfk_node *e = topic_of(t, name, id);

	return e == NULL ? -99
	    : kfk_get_int(t, stage_at(e, R(RESPONSES_PARTITIONS), 0), R(RESPONSES_PARTITIONS_ERROR_CODE));
}

static void
requests_lose_what_followers_send(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 4; v <= 18; v++) {
		stage_open(&s, NULL, 0);
		t = stage_begin(&s, KFK_API_FETCH, v);
		kfk_set_int(t, &t->root, Q(MAX_BYTES), INT32_MAX);
		kfk_set_int(t, &t->root, Q(REPLICA_ID), -3);
		if (v >= 7) {
			kfk_set_int(t, &t->root, Q(SESSION_ID), 12345);	/* nobody's here */
			kfk_set_int(t, &t->root, Q(SESSION_EPOCH), v % 2 - 1);
			e = kfk_add(t, kfk_set_empty(t, &t->root, Q(FORGOTTEN_TOPICS_DATA)));
			kfk_set_str(t, e, Q(FORGOTTEN_TOPICS_DATA_TOPIC), ALV_STR("globex.orders"));
		}
		if (v >= 11)
			kfk_set_str(t, &t->root, Q(RACK_ID), ALV_STR("r1"));
		if (v >= 12)
			kfk_set_str(t, &t->root, Q(CLUSTER_ID), ALV_STR("mine"));
		e = want(t, v < 13 ? "orders" : NULL, 'o');
		if (v >= 15)
			kfk_set_int(t, kfk_set_empty(t, &t->root, Q(REPLICA_STATE)), Q(REPLICA_STATE_REPLICA_ID), -3);
		if (v >= 17)
			kfk_set_uuid(t, e, Q(TOPICS_PARTITIONS_REPLICA_DIRECTORY_ID), stage_id('d'));
		if (v >= 18)
			kfk_set_int(t, e, Q(TOPICS_PARTITIONS_HIGH_WATERMARK), 5);
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(kfk_get_int(t, &t->root, Q(REPLICA_ID)), -1);
		assert_null(kfk_get(&t->root, Q(REPLICA_STATE)));
		assert_null(kfk_get_str(t, &t->root, Q(CLUSTER_ID)).p);
		assert_int_equal(kfk_get_int(t, &t->root, Q(SESSION_ID)), 0);
		assert_int_equal(kfk_get_int(t, &t->root, Q(SESSION_EPOCH)), v < 7 ? -1 : v % 2 - 1);
		/* Only what has to be gathered is kept small. */
		assert_int_equal(kfk_get_int(t, &t->root, Q(MAX_BYTES)), v < 13 ? 1 << 20 : INT32_MAX);
		assert_int_equal(api_streams(&s.call), v >= 13);
		assert_int_equal(stage_count(&t->root, Q(FORGOTTEN_TOPICS_DATA)), 0);
		assert_int_equal(kfk_get_str(t, &t->root, Q(RACK_ID)).n, 0);
		e = stage_at(&t->root, Q(TOPICS), 0);
		if (v < 13)
			stage_text(kfk_get_str(t, e, Q(TOPICS_TOPIC)), "acme.orders");
		e = stage_at(e, Q(TOPICS_PARTITIONS), 0);
		assert_int_equal(kfk_get_int(t, e, Q(TOPICS_PARTITIONS_PARTITION_MAX_BYTES)), v < 13 ? 1 << 20 : INT32_MAX);
		assert_int_equal(kfk_get_int(t, e, Q(TOPICS_PARTITIONS_HIGH_WATERMARK)), INT64_MAX);
		assert_true(alv_uuid_zero(kfk_get_uuid(t, e, Q(TOPICS_PARTITIONS_REPLICA_DIRECTORY_ID))));
		stage_close(&s);
	}
}

static void
followers_are_refused(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 4; v <= 18; v++) {
		stage_open(&s, NULL, 0);
		t = stage_begin(&s, KFK_API_FETCH, v);
		if (v <= 14)
			kfk_set_int(t, &t->root, Q(REPLICA_ID), 1);
		else
			kfk_set_int(t, kfk_set_empty(t, &t->root, Q(REPLICA_STATE)), Q(REPLICA_STATE_REPLICA_ID), 0);
		(void)want(t, v < 13 ? "orders" : NULL, 'o');
		assert_int_equal(stage_send(&s), API_ANSWER);
		assert_int_equal(code_of(stage_client(&s), v < 13 ? "orders" : NULL, 'o'), KFK_TOPIC_AUTHORIZATION_FAILED);
		stage_close(&s);
	}
}

static void
nobody_goes_on_with_a_session(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_FETCH, 16);
	kfk_set_int(t, &t->root, Q(SESSION_ID), 12345);
	kfk_set_int(t, &t->root, Q(SESSION_EPOCH), 1);
	assert_int_equal(stage_send(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(kfk_get_int(t, &t->root, R(ERROR_CODE)), KFK_FETCH_SESSION_ID_NOT_FOUND);
	assert_int_equal(stage_count(&t->root, R(RESPONSES)), 0);
	stage_close(&s);
}

/* One round at each version: own, denied and foreign topics in the request; a foreign one in the answer. */
static void
answers_hold_own_topics_only(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ) };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 4; v <= 18; v++) {
		bool ids = v >= 13;

		stage_open(&s, denies, 1);
		t = stage_begin(&s, KFK_API_FETCH, v);
		(void)want(t, ids ? NULL : "secret", 's');
		(void)want(t, ids ? NULL : "orders", 'o');
		(void)want(t, ids ? NULL : "..", 'g');
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 1);

		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		kfk_set_int(t, &t->root, R(SESSION_ID), 777);
		(void)give(&s, t, ids ? NULL : "globex.orders", 'g', 1000);
		(void)give(&s, t, ids ? NULL : "acme.orders", 'o', BIG);
		e = kfk_set_empty(t, &t->root, R(NODE_ENDPOINTS));
		for (int i = 1; i < 4 && v >= 16; i++) {
			struct kfk_node *x = kfk_add(t, e);

			kfk_set_int(t, x, R(NODE_ENDPOINTS_NODE_ID), i);
			kfk_set_str(t, x, R(NODE_ENDPOINTS_HOST), ALV_STR("real1.internal"));
			kfk_set_int(t, x, R(NODE_ENDPOINTS_PORT), 9092);
			kfk_set_str(t, x, R(NODE_ENDPOINTS_RACK), ALV_STR("real1"));
		}
		assert_int_equal(stage_reply(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, &t->root, R(SESSION_ID)), 0);
		assert_int_equal(stage_count(&t->root, R(RESPONSES)), 3);
		assert_int_equal(code_of(t, ids ? NULL : "orders", 'o'), 0);
		assert_int_equal(code_of(t, ids ? NULL : "secret", 's'), KFK_TOPIC_AUTHORIZATION_FAILED);
		assert_int_equal(code_of(t, ids ? NULL : "..", 'g'),
		    ids ? KFK_UNKNOWN_TOPIC_ID : KFK_UNKNOWN_TOPIC_OR_PARTITION);
		e = stage_at(topic_of(t, ids ? NULL : "orders", 'o'), R(RESPONSES_PARTITIONS), 0);
		assert_int_equal(kfk_get_int(t, e, R(RESPONSES_PARTITIONS_HIGH_WATERMARK)), 99);
		assert_int_equal(kfk_get_int(t, e, R(RESPONSES_PARTITIONS_PREFERRED_READ_REPLICA)), -1);
		assert_int_equal(kfk_get(e, R(RESPONSES_PARTITIONS_RECORDS))->v.bytes->n, BIG);
		if (v >= 16) {
			assert_int_equal(stage_count(&t->root, R(NODE_ENDPOINTS)), 2);
			e = stage_at(&t->root, R(NODE_ENDPOINTS), 1);
			stage_text(kfk_get_str(t, e, R(NODE_ENDPOINTS_HOST)), "b2-acme.kafka.test");
			assert_int_equal(kfk_get_int(t, e, R(NODE_ENDPOINTS_PORT)), 9093);
			stage_text(kfk_get_str(t, e, R(NODE_ENDPOINTS_RACK)), NULL);
		}
		stage_close(&s);
	}
}

static void
a_malformed_answer_ends_it(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	static const uint8_t junk[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff };
	struct alv_chain body;

	(void)state;
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_FETCH, 11);
	(void)want(t, "orders", 0);
	assert_int_equal(stage_send(&s), API_FORWARD);
	alv_chain_init(&body, s.worker.pool);
	alv_chain_copy(&body, junk, sizeof(junk));
	assert_int_equal(api_response(&s.call, &body), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_UPSTREAM_MALFORMED);
	assert_non_null(s.call.fault);
	alv_chain_clear(&body);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_lose_what_followers_send),
		cmocka_unit_test(followers_are_refused),
		cmocka_unit_test(nobody_goes_on_with_a_session),
		cmocka_unit_test(answers_hold_own_topics_only),
		cmocka_unit_test(a_malformed_answer_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
