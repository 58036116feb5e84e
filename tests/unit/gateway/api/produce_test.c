/* Produce: what reaches a broker, what is refused, and how the refused comes back. */
#include "stage.h"

#define Q(f) KFK_PRODUCE_REQUEST_##f
#define R(f) KFK_PRODUCE_RESPONSE_##f

enum { TRANSACTIONAL = 0x10, FRONT = 61 };

static void
make_batch(uint8_t b[FRONT], uint16_t attributes, uint8_t magic)
{
	memset(b, 0, FRONT);
	alv_put_be32(b + 8, FRONT - 12);
	b[16] = magic;
	alv_put_be16(b + 21, attributes);
}

static void
put(struct stage *s, struct kfk_tree *q, const char *name, char id, int32_t partition, const void *records, size_t n)
{
	struct kfk_node *list = kfk_get(&q->root, Q(TOPIC_DATA)), *e, *p;

	if (list == NULL)
		list = kfk_set_empty(q, &q->root, Q(TOPIC_DATA));
	e = kfk_add(q, list);
	if (name != NULL)
		kfk_set_str(q, e, Q(TOPIC_DATA_NAME), alv_str_of(name));
	else
		kfk_set_uuid(q, e, Q(TOPIC_DATA_TOPIC_ID), stage_id(id));
	p = kfk_add(q, kfk_set_empty(q, e, Q(TOPIC_DATA_PARTITION_DATA)));
	kfk_set_int(q, p, Q(TOPIC_DATA_PARTITION_DATA_INDEX), partition);
	kfk_set_bytes(q, p, Q(TOPIC_DATA_PARTITION_DATA_RECORDS), alv_arena_str(&s->arena, alv_str_make(records, n)));
}

/* The code of a topic's first partition; -99: it is not in the answer. */
static int64_t
code_of(struct kfk_tree *t, const char *name, char id)
{
	struct kfk_node *list = kfk_get(&t->root, R(RESPONSES));

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next) {
		if (name != NULL ? !alv_str_eqz(kfk_get_str(t, e, R(RESPONSES_NAME)), name)
				 : !alv_uuid_eq(kfk_get_uuid(t, e, R(RESPONSES_TOPIC_ID)), stage_id(id)))
			continue;
		return kfk_get_int(t, stage_at(e, R(RESPONSES_PARTITION_RESPONSES), 0),
		    R(RESPONSES_PARTITION_RESPONSES_ERROR_CODE));
	}
	return -99;
}

static void
names_are_mapped_and_the_refused_come_back(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_WRITE) };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e, *p;
	uint8_t		 b[FRONT];

	(void)state;
	make_batch(b, 0, 2);
	for (int16_t v = 3; v <= 12; v++) {
		stage_open(&s, denies, 1);
		t = stage_begin(&s, KFK_API_PRODUCE, v);
		s.call.hdr.client_id = ALV_STR("__admin_client");
		kfk_set_null(t, &t->root, Q(TRANSACTIONAL_ID));
		kfk_set_int(t, &t->root, Q(ACKS), -1);
		put(&s, t, "secret", 0, 0, b, sizeof(b));
		put(&s, t, "orders", 0, 1, b, sizeof(b));
		put(&s, t, "shared", 0, 0, b, sizeof(b));	/* a read-only alias */
		put(&s, t, "..", 0, 0, b, sizeof(b));
		assert_int_equal(stage_send(&s), API_FORWARD);
		assert_false(s.call.no_response);
		assert_false(alv_str_eqz(s.call.up_client_id, "__admin_client"));
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPIC_DATA)), 1);
		e = stage_at(&t->root, Q(TOPIC_DATA), 0);
		stage_text(kfk_get_str(t, e, Q(TOPIC_DATA_NAME)), "acme.orders");
		e = kfk_get(stage_at(e, Q(TOPIC_DATA_PARTITION_DATA), 0), Q(TOPIC_DATA_PARTITION_DATA_RECORDS));
		assert_int_equal(e->v.bytes->n, FRONT);

		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		e = kfk_add(t, kfk_set_empty(t, &t->root, R(RESPONSES)));
		kfk_set_str(t, e, R(RESPONSES_NAME), ALV_STR("acme.orders"));
		p = kfk_add(t, kfk_set_empty(t, e, R(RESPONSES_PARTITION_RESPONSES)));
		kfk_set_int(t, p, R(RESPONSES_PARTITION_RESPONSES_INDEX), 1);
		kfk_set_int(t, p, R(RESPONSES_PARTITION_RESPONSES_ERROR_CODE), KFK_INVALID_RECORD);
		kfk_set_str(t, p, R(RESPONSES_PARTITION_RESPONSES_ERROR_MESSAGE), ALV_STR("bad in topic partition acme.orders-1"));
		e = kfk_add(t, kfk_get(&t->root, R(RESPONSES)));
		kfk_set_str(t, e, R(RESPONSES_NAME), ALV_STR("globex.orders"));
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(RESPONSES)), 4);
		assert_int_equal(code_of(t, "orders", 0), KFK_INVALID_RECORD);
		assert_int_equal(code_of(t, "secret", 0), KFK_TOPIC_AUTHORIZATION_FAILED);
		assert_int_equal(code_of(t, "shared", 0), KFK_TOPIC_AUTHORIZATION_FAILED);
		assert_int_equal(code_of(t, "..", 0), KFK_UNKNOWN_TOPIC_OR_PARTITION);
		stage_close(&s);
	}
}

static void
foreign_ids_are_unknown(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e, *p;
	uint8_t		 b[FRONT];

	(void)state;
	make_batch(b, 0, 2);
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_PRODUCE, 13);
	kfk_set_null(t, &t->root, Q(TRANSACTIONAL_ID));
	kfk_set_int(t, &t->root, Q(ACKS), 1);
	put(&s, t, NULL, 'g', 0, b, sizeof(b));
	put(&s, t, NULL, 'c', 0, b, sizeof(b));
	put(&s, t, NULL, 0, 0, b, sizeof(b));
	put(&s, t, NULL, 'o', 0, b, sizeof(b));
	assert_int_equal(stage_send(&s), API_FORWARD);
	t = stage_upstream(&s);
	assert_int_equal(stage_count(&t->root, Q(TOPIC_DATA)), 1);
	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	e = kfk_add(t, kfk_set_empty(t, &t->root, R(RESPONSES)));
	kfk_set_uuid(t, e, R(RESPONSES_TOPIC_ID), stage_id('o'));
	p = kfk_add(t, kfk_set_empty(t, e, R(RESPONSES_PARTITION_RESPONSES)));
	p = kfk_set_empty(t, p, R(RESPONSES_PARTITION_RESPONSES_CURRENT_LEADER));
	kfk_set_int(t, p, R(RESPONSES_PARTITION_RESPONSES_CURRENT_LEADER_LEADER_ID), 2);
	p = kfk_set_empty(t, &t->root, R(NODE_ENDPOINTS));
	for (int i = 2; i < 4; i++) {
		e = kfk_add(t, p);
		kfk_set_int(t, e, R(NODE_ENDPOINTS_NODE_ID), i);
		kfk_set_str(t, e, R(NODE_ENDPOINTS_HOST), ALV_STR("real2.internal"));
		kfk_set_int(t, e, R(NODE_ENDPOINTS_PORT), 9092);
	}
	assert_int_equal(stage_reply(&s), API_ANSWER);
	stage_clean(&s);
	t = stage_client(&s);
	assert_int_equal(code_of(t, NULL, 'o'), 0);
	assert_int_equal(code_of(t, NULL, 'g'), KFK_UNKNOWN_TOPIC_ID);
	assert_int_equal(code_of(t, NULL, 'c'), KFK_UNKNOWN_TOPIC_ID);
	assert_int_equal(code_of(t, NULL, 0), KFK_UNKNOWN_TOPIC_ID);
	/* A node that clients cannot reach is not told. */
	assert_int_equal(stage_count(&t->root, R(NODE_ENDPOINTS)), 1);
	e = stage_at(&t->root, R(NODE_ENDPOINTS), 0);
	stage_text(kfk_get_str(t, e, R(NODE_ENDPOINTS_HOST)), "b2-acme.kafka.test");
	assert_int_equal(kfk_get_int(t, e, R(NODE_ENDPOINTS_PORT)), 9093);
	stage_close(&s);
}

static void
a_refused_produce_without_acks_closes(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	uint8_t		 b[FRONT];

	(void)state;
	make_batch(b, 0, 2);
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_PRODUCE, 13);
	kfk_set_null(t, &t->root, Q(TRANSACTIONAL_ID));
	put(&s, t, NULL, 'g', 0, b, sizeof(b));
	assert_int_equal(stage_send(&s), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_ACKS0_REFUSED);
	assert_int_equal(s.call.out.n, 0);

	t = stage_begin(&s, KFK_API_PRODUCE, 12);
	kfk_set_null(t, &t->root, Q(TRANSACTIONAL_ID));
	put(&s, t, "orders", 0, 0, b, sizeof(b));
	assert_int_equal(stage_send(&s), API_FORWARD);
	assert_true(s.call.no_response);
	stage_close(&s);
}

static void
transactional_batches_need_a_right(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TXN, "tx-denied", POL_OP_WRITE) };
	static const struct { const char *id; enum api_result want; } cases[] = {
		{ NULL, API_ANSWER }, { "", API_ANSWER }, { "tx-denied", API_ANSWER }, { "tx", API_FORWARD },
	};
	struct stage	 s;
	struct kfk_tree *t;
	uint8_t		 b[FRONT];

	(void)state;
	make_batch(b, TRANSACTIONAL, 2);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, denies, 1);
		t = stage_begin(&s, KFK_API_PRODUCE, 9);
		kfk_set_str(t, &t->root, Q(TRANSACTIONAL_ID), alv_str_of(cases[i].id));
		kfk_set_int(t, &t->root, Q(ACKS), -1);
		put(&s, t, "orders", 0, 0, b, sizeof(b));
		assert_int_equal(stage_send(&s), cases[i].want);
		if (cases[i].want == API_ANSWER)
			assert_int_equal(code_of(stage_client(&s), "orders", 0), KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
		else
			stage_text(kfk_get_str(stage_upstream(&s), &s.seen.root, Q(TRANSACTIONAL_ID)), "acme.tx");
		stage_close(&s);
	}
}

static void
what_is_no_batch_never_leaves(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	uint8_t		 good[FRONT], old[FRONT];

	(void)state;
	make_batch(good, 0, 2);
	make_batch(old, 0, 1);
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_PRODUCE, 9);
	kfk_set_null(t, &t->root, Q(TRANSACTIONAL_ID));
	kfk_set_int(t, &t->root, Q(ACKS), -1);
	put(&s, t, "orders", 0, 0, good, sizeof(good));
	put(&s, t, "secret", 0, 0, old, sizeof(old));
	put(&s, t, "cut", 0, 0, good, FRONT - 1);
	assert_int_equal(stage_send(&s), API_FORWARD);
	t = stage_upstream(&s);
	assert_int_equal(stage_count(&t->root, Q(TOPIC_DATA)), 1);
	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	assert_int_equal(stage_reply(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(code_of(t, "secret", 0), KFK_INVALID_RECORD);
	assert_int_equal(code_of(t, "cut", 0), KFK_CORRUPT_MESSAGE);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_mapped_and_the_refused_come_back),
		cmocka_unit_test(foreign_ids_are_unknown),
		cmocka_unit_test(a_refused_produce_without_acks_closes),
		cmocka_unit_test(transactional_batches_need_a_right),
		cmocka_unit_test(what_is_no_batch_never_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
