/* Limits on how many: what is one too many is refused with its code before a broker hears of it; what did not come true, or has
 * ended, gives its place back. */
#include "counts_stage.h"

/* ---- transactions -------------------------------------------------------------------------------------------- */

static void
init(struct stage *s, const char *txn, int64_t timeout_ms)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_INIT_PRODUCER_ID, 4);

	stage_str(q, KFK_INIT_PRODUCER_ID_REQUEST_TRANSACTIONAL_ID, txn);
	kfk_set_int(q, &q->root, KFK_INIT_PRODUCER_ID_REQUEST_TRANSACTION_TIMEOUT_MS, timeout_ms);
}

static int64_t
init_refused(struct stage *s)
{
	return stage_int(stage_refused(s), KFK_INIT_PRODUCER_ID_RESPONSE_ERROR_CODE);
}

static void
transactional_ids(void **state)
{
	struct stage s;

	(void)state;
	limit(POL_QUOTA_TRANSACTIONAL_IDS, 1);
	open_limited(&s);
	init(&s, "tx1", 60000);
	(void)stage_forwarded(&s);
	init(&s, "tx1", 60000);
	(void)stage_forwarded(&s);
	init(&s, "tx2", 60000);
	assert_int_equal(init_refused(&s), KFK_POLICY_VIOLATION);
	init(&s, NULL, INT32_MAX);	/* a producer without one */
	(void)stage_forwarded(&s);
	init(&s, "tx1", 60001);		/* the table's standard, where none is set */
	assert_int_equal(init_refused(&s), KFK_INVALID_TRANSACTION_TIMEOUT);
	stage_close(&s);
	limit(POL_QUOTA_TRANSACTION_MAX_TIMEOUT_MS, 900000);
	open_limited(&s);
	init(&s, "tx1", 900000);
	(void)stage_forwarded(&s);
	init(&s, "tx1", 900001);
	assert_int_equal(init_refused(&s), KFK_INVALID_TRANSACTION_TIMEOUT);
	stage_close(&s);
}

static void
producer_ids_per_minute(void **state)
{
	struct stage s;

	(void)state;
	limit(POL_QUOTA_PRODUCER_IDS_PER_MINUTE, 3);
	open_limited(&s);
	init(&s, NULL, 0);
	assert_int_equal(init_refused(&s), KFK_COORDINATOR_LOAD_IN_PROGRESS);	/* there is no table to count in */
	s.shared.quotas = quo_table_new(10, 10);
	s.worker.now_us = 1000 * UINT64_C(1000000);
	for (int i = 0; i < 3; i++) {
		init(&s, i == 1 ? "tx" : NULL, 0);
		(void)stage_forwarded(&s);
	}
	for (int i = 0; i < 5; i++) {
		init(&s, NULL, 0);
		assert_int_equal(init_refused(&s), KFK_COORDINATOR_LOAD_IN_PROGRESS);
	}
	/* One that goes on with its id is no new one. */
	init(&s, "tx", 0);
	kfk_set_int(&s.tree, &s.tree.root, KFK_INIT_PRODUCER_ID_REQUEST_PRODUCER_ID, 4711);
	(void)stage_forwarded(&s);
	/* Without a transactional id a broker gives a new one, whatever is said of an old one. */
	init(&s, NULL, 0);
	kfk_set_int(&s.tree, &s.tree.root, KFK_INIT_PRODUCER_ID_REQUEST_PRODUCER_ID, 4711);
	assert_int_equal(init_refused(&s), KFK_COORDINATOR_LOAD_IN_PROGRESS);
	s.worker.now_us += 20 * UINT64_C(1000000);
	init(&s, NULL, 0);
	(void)stage_forwarded(&s);
	init(&s, NULL, 0);
	assert_int_equal(init_refused(&s), KFK_COORDINATOR_LOAD_IN_PROGRESS);
	quo_table_free(s.shared.quotas);
	s.shared.quotas = NULL;
	stage_close(&s);
	limit(POL_QUOTA_PRODUCER_IDS_PER_MINUTE, 0);
	open_limited(&s);
	s.shared.quotas = quo_table_new(10, 10);
	init(&s, NULL, 0);
	assert_int_equal(init_refused(&s), KFK_COORDINATOR_LOAD_IN_PROGRESS);
	quo_table_free(s.shared.quotas);
	s.shared.quotas = NULL;
	stage_close(&s);
}

static void
add(struct stage *s, const char *txn)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_ADD_PARTITIONS_TO_TXN, 3);
	struct kfk_node *e = stage_add(q, &q->root, KFK_ADD_PARTITIONS_TO_TXN_REQUEST_V3_AND_BELOW_TOPICS);

	stage_str(q, KFK_ADD_PARTITIONS_TO_TXN_REQUEST_V3_AND_BELOW_TRANSACTIONAL_ID, txn);
	kfk_set_str(q, e, KFK_ADD_PARTITIONS_TO_TXN_REQUEST_V3_AND_BELOW_TOPICS_NAME, ALV_STR("orders"));
	kfk_add(q, kfk_set_empty(q, e, KFK_ADD_PARTITIONS_TO_TXN_REQUEST_V3_AND_BELOW_TOPICS_PARTITIONS))->v.i = 0;
}

static void
ends(struct stage *s, const char *txn, int16_t code)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_END_TXN, 4), *r;

	stage_str(t, KFK_END_TXN_REQUEST_TRANSACTIONAL_ID, txn);
	(void)stage_forwarded(s);
	r = stage_answers(s);
	kfk_set_int(r, &r->root, KFK_END_TXN_RESPONSE_ERROR_CODE, code);
	(void)stage_replied(s);
}

static void
open_transactions(void **state)
{
	struct kfk_tree *r;
	struct kfk_node *topic;
	struct stage	 s;

	(void)state;
	limit(POL_QUOTA_OPEN_TRANSACTIONS, 1);
	open_limited(&s);
	add(&s, "tx1");
	(void)stage_forwarded(&s);
	add(&s, "tx1");
	(void)stage_forwarded(&s);
	ends(&s, "tx1", KFK_INVALID_PRODUCER_EPOCH);	/* a fenced one ends nothing */
	add(&s, "tx2");
	r = stage_refused(&s);
	topic = kfk_get(&r->root, KFK_ADD_PARTITIONS_TO_TXN_RESPONSE_RESULTS_BY_TOPIC_V3_AND_BELOW)->kids;
	assert_int_equal(kfk_get_int(r, kfk_get(topic, KFK_ADD_PARTITIONS_TO_TXN_RESPONSE_RESULTS_BY_TOPIC_V3_AND_BELOW_RESULTS_BY_PARTITION)->kids,
	    KFK_ADD_PARTITIONS_TO_TXN_RESPONSE_RESULTS_BY_TOPIC_V3_AND_BELOW_RESULTS_BY_PARTITION_PARTITION_ERROR_CODE), KFK_CONCURRENT_TRANSACTIONS);
	ends(&s, "tx1", 0);
	add(&s, "tx2");
	(void)stage_forwarded(&s);
	stage_close(&s);
}

/* ---- topics --------------------------------------------------------------------------------------------------- */

/* acme has two, with three partitions. */
static void
create(struct stage *s, const char *first, const char *second, int64_t partitions)
{
	const char	*names[] = { first, second };
	struct kfk_tree *q = stage_begin(s, KFK_API_CREATE_TOPICS, 7);

	for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
		struct kfk_node *e = stage_add(q, &q->root, KFK_CREATE_TOPICS_REQUEST_TOPICS);

		kfk_set_str(q, e, KFK_CREATE_TOPICS_REQUEST_TOPICS_NAME, alv_str_of(names[i]));
		kfk_set_int(q, e, KFK_CREATE_TOPICS_REQUEST_TOPICS_NUM_PARTITIONS, partitions);
		kfk_set_int(q, e, KFK_CREATE_TOPICS_REQUEST_TOPICS_REPLICATION_FACTOR, -1);
	}
}

static void
not_created(struct stage *s, size_t n, const char *words)
{
	struct kfk_tree *r = stage_refused(s);
	struct kfk_node *list = kfk_get(&r->root, KFK_CREATE_TOPICS_RESPONSE_TOPICS);

	assert_int_equal(list->n, n);
	for (struct kfk_node *e = list->kids; e != NULL; e = e->next) {
		assert_int_equal(kfk_get_int(r, e, KFK_CREATE_TOPICS_RESPONSE_TOPICS_ERROR_CODE), KFK_POLICY_VIOLATION);
		stage_text(kfk_get_str(r, e, KFK_CREATE_TOPICS_RESPONSE_TOPICS_ERROR_MESSAGE), words);
	}
}

static const char too_many_topics[] = "Quota: this cluster may have at most 4 topics (topics); a platform administrator can raise it.";
static const char too_many_partitions[] =
	"Quota: this cluster may have at most 10 partitions (partitions); a platform administrator can raise it.";

static void
topics_and_partitions(void **state)
{
	struct kfk_tree *r;
	struct stage	 s;

	(void)state;
	limit(POL_QUOTA_TOPICS, 4);
	limit(POL_QUOTA_PARTITIONS, 10);
	open_limited(&s);
	create(&s, "a", "b", 4);
	not_created(&s, 2, too_many_partitions);
	create(&s, "orders", "a", 100);		/* one of them is there: the broker says so */
	not_created(&s, 2, too_many_partitions);
	create(&s, "orders", NULL, 100);
	(void)stage_forwarded(&s);
	/* What is on its way counts, also when its client has gone. */
	create(&s, "a", NULL, 5);
	(void)stage_forwarded(&s);
	create(&s, "b", "c", 1);
	not_created(&s, 2, too_many_topics);
	create(&s, "b", NULL, 3);
	not_created(&s, 1, too_many_partitions);
	/* A broker's refusal gives the room back. */
	create(&s, "b", NULL, -1);
	(void)stage_forwarded(&s);
	r = stage_answers(&s);
	kfk_set_int(r, stage_add(r, &r->root, KFK_CREATE_TOPICS_RESPONSE_TOPICS), KFK_CREATE_TOPICS_RESPONSE_TOPICS_ERROR_CODE,
	    KFK_INVALID_REPLICATION_FACTOR);
	kfk_set_str(r, kfk_get(&r->root, KFK_CREATE_TOPICS_RESPONSE_TOPICS)->kids, KFK_CREATE_TOPICS_RESPONSE_TOPICS_NAME, ALV_STR("acme.b"));
	(void)stage_replied(&s);
	create(&s, "b", NULL, 2);
	(void)stage_forwarded(&s);
	stage_close(&s);
}

static void
grow(struct stage *s, int64_t count)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_CREATE_PARTITIONS, 3);
	struct kfk_node *e = stage_add(q, &q->root, KFK_CREATE_PARTITIONS_REQUEST_TOPICS);

	kfk_set_str(q, e, KFK_CREATE_PARTITIONS_REQUEST_TOPICS_NAME, ALV_STR("orders"));
	kfk_set_int(q, e, KFK_CREATE_PARTITIONS_REQUEST_TOPICS_COUNT, count);
	kfk_set_null(q, e, KFK_CREATE_PARTITIONS_REQUEST_TOPICS_ASSIGNMENTS);
}

static void
more_partitions(void **state)
{
	struct kfk_tree *r;
	struct kfk_node *e;
	struct stage	 s;

	(void)state;
	limit(POL_QUOTA_TOPICS, 1);	/* there are two: that is no matter of partitions */
	limit(POL_QUOTA_PARTITIONS, 10);
	open_limited(&s);
	grow(&s, 9);	/* it has two of three */
	(void)stage_forwarded(&s);
	tal_room_give(s.shared.tally, ALV_STR("acme"), s.call.room);
	grow(&s, 10);
	r = stage_refused(&s);
	e = kfk_get(&r->root, KFK_CREATE_PARTITIONS_RESPONSE_RESULTS)->kids;
	assert_int_equal(kfk_get_int(r, e, KFK_CREATE_PARTITIONS_RESPONSE_RESULTS_ERROR_CODE), KFK_POLICY_VIOLATION);
	stage_text(kfk_get_str(r, e, KFK_CREATE_PARTITIONS_RESPONSE_RESULTS_ERROR_MESSAGE), too_many_partitions);
	stage_close(&s);
}

/* ---- share sessions, bytes -------------------------------------------------------------------------------------- */

static void
share_sessions(void **state)
{
	struct stage s;

	(void)state;
	limit(POL_QUOTA_SHARE_SESSIONS, 2);
	open_limited(&s);
	assert_true(api_count_share(&s.conn, 1));
	assert_true(api_count_share(&s.conn, 2));
	assert_false(api_count_share(&s.conn, 3));
	api_count_share_ends(&s.conn, 2);
	assert_true(api_count_share(&s.conn, 3));
	api_count_share_ends(&s.conn, 3);
	api_count_share_ends(&s.conn, 1);
	assert_int_equal(count(&s, TAL_SHARE_SESSIONS), 0);
	stage_close(&s);
}

static void
a_full_tenant_stores_no_more(void **state)
{
	struct kfk_tree *t;
	struct kfk_node *topic, *part;
	struct stage	 s;

	(void)state;
	limit(POL_QUOTA_STORED_BYTES, 1000);
	open_limited(&s);
	for (int full = 0; full < 2; full++) {
		pol_slot_set_full(s.conn.slot, full == 1);
		t = stage_begin(&s, KFK_API_PRODUCE, 9);
		kfk_set_int(t, &t->root, KFK_PRODUCE_REQUEST_ACKS, 1);
		topic = stage_add(t, &t->root, KFK_PRODUCE_REQUEST_TOPIC_DATA);
		kfk_set_str(t, topic, KFK_PRODUCE_REQUEST_TOPIC_DATA_NAME, ALV_STR("orders"));
		(void)stage_add(t, topic, KFK_PRODUCE_REQUEST_TOPIC_DATA_PARTITION_DATA);
		if (full == 0)
			(void)stage_forwarded(&s);
	}
	t = stage_refused(&s);
	topic = kfk_get(&t->root, KFK_PRODUCE_RESPONSE_RESPONSES)->kids;
	part = kfk_get(topic, KFK_PRODUCE_RESPONSE_RESPONSES_PARTITION_RESPONSES)->kids;
	assert_int_equal(kfk_get_int(t, part, KFK_PRODUCE_RESPONSE_RESPONSES_PARTITION_RESPONSES_ERROR_CODE), KFK_POLICY_VIOLATION);
	stage_text(kfk_get_str(t, part, KFK_PRODUCE_RESPONSE_RESPONSES_PARTITION_RESPONSES_ERROR_MESSAGE),
	    "Quota: this cluster may have at most 1000 bytes (stored_bytes); a platform administrator can raise it.");
	stage_close(&s);
}

/* Without limits nothing is counted; a limit without a book refuses. */
static void
no_limit_and_no_book(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	joins(&s, "billing", "m1", 0, "m1");
	assert_int_equal(count(&s, TAL_MEMBERS_CLASSIC) + count(&s, TAL_GROUPS_CLASSIC), 0);
	stage_close(&s);
	limit(POL_QUOTA_CLASSIC_MEMBERS, 10);
	limit(POL_QUOTA_TOPICS, 4);
	open_limited(&s);
	tal_book_free(s.shared.tally);
	s.shared.tally = NULL;
	does_not_join(&s, "billing", "m1", KFK_GROUP_MAX_SIZE_REACHED);
	create(&s, "a", NULL, 1);
	not_created(&s, 1, too_many_topics);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transactional_ids),
		cmocka_unit_test(producer_ids_per_minute),
		cmocka_unit_test(open_transactions),
		cmocka_unit_test(topics_and_partitions),
		cmocka_unit_test(more_partitions),
		cmocka_unit_test(share_sessions),
		cmocka_unit_test(a_full_tenant_stores_no_more),
		cmocka_unit_test(no_limit_and_no_book),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
