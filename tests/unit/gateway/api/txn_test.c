/* Transactions: producer ids, partitions, offsets, the end; each refused at its own level. */
#include "group_stage.h"

static const struct pol_rule denies[] = { STAGE_DENY(POL_TXN, "closed", POL_OP_WRITE),
	STAGE_DENY(POL_GROUP, "closed", POL_OP_READ), STAGE_DENY(POL_TOPIC, "secret", POL_OP_WRITE),
	STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ) };
enum { DENIES = ALV_COUNT(denies) };

/* Transactional ids that are refused, and by which code. */
static const struct { const char *id; int16_t code; } refused[] = {
	{ "closed", KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED }, { "", KFK_INVALID_REQUEST }, { "a\xff", KFK_INVALID_REQUEST },
	{ "watched", KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED },	/* an alias to look at only */
};

/* ---- InitProducerId --------------------------------------------------------------------------------------- */

#define Q(f) KFK_INIT_PRODUCER_ID_REQUEST_##f
#define R(f) KFK_INIT_PRODUCER_ID_RESPONSE_##f

static struct kfk_tree *
init(struct stage *s, int16_t version, const char *txn)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_INIT_PRODUCER_ID, version);

	stage_str(q, Q(TRANSACTIONAL_ID), txn);
	kfk_set_int(q, &q->root, Q(TRANSACTION_TIMEOUT_MS), 60000);
	return q;
}

static void
producers_fence_their_own(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 5; v++) {
		stage_open(&s, denies, DENIES);
		t = init(&s, v, "globex.tx1");
		if (v >= 3)
			kfk_set_int(t, &t->root, Q(PRODUCER_ID), 4711);
		t = stage_forwarded(&s);
		stage_text(kfk_get_str(t, &t->root, Q(TRANSACTIONAL_ID)), "acme.globex.tx1");
		assert_int_equal(kfk_get_int(t, &t->root, Q(PRODUCER_ID)), v >= 3 ? 4711 : -1);
		t = stage_answers(&s);
		kfk_set_int(t, &t->root, R(PRODUCER_ID), 7);
		kfk_set_int(t, &t->root, R(PRODUCER_EPOCH), 2);
		t = stage_replied(&s);
		assert_int_equal(stage_int(t, R(PRODUCER_ID)), 7);
		assert_int_equal(stage_int(t, R(PRODUCER_EPOCH)), 2);
		stage_close(&s);
	}
}

static void
producer_ids_are_refused(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 5; v++)
		for (size_t i = 0; i < ALV_COUNT(refused); i++) {
			stage_open(&s, denies, DENIES);
			(void)init(&s, v, refused[i].id);
			t = stage_refused(&s);
			assert_int_equal(stage_int(t, R(ERROR_CODE)), refused[i].code);
			assert_int_equal(stage_int(t, R(PRODUCER_ID)), -1);
			assert_int_equal(stage_int(t, R(PRODUCER_EPOCH)), -1);
			stage_close(&s);
		}
}

/* Without an id of its own: IDEMPOTENT_WRITE on the cluster, or WRITE on any topic. */
static void
idempotent_producers(void **state)
{
	static const struct pol_rule none[] = { STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_IDEMPOTENT_WRITE),
		STAGE_DENY(POL_TOPIC, "*", POL_OP_WRITE) };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 5; v++)
		for (size_t first = 0; first < 3; first++) {
			stage_open(&s, none + (first == 1), first == 2 ? 2 : 1);
			(void)init(&s, v, NULL);
			if (first < 2) {
				t = stage_forwarded(&s);
				stage_text(kfk_get_str(t, &t->root, Q(TRANSACTIONAL_ID)), NULL);
			} else {
				t = stage_refused(&s);
				assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_CLUSTER_AUTHORIZATION_FAILED);
			}
			stage_close(&s);
		}
}
#undef Q
#undef R

/* ---- AddPartitionsToTxn --------------------------------------------------------------------------------------- */

#define Q(f) KFK_ADD_PARTITIONS_TO_TXN_REQUEST_##f
#define R(f) KFK_ADD_PARTITIONS_TO_TXN_RESPONSE_##f
#define P(f) R(RESULTS_BY_TOPIC_V3_AND_BELOW_RESULTS_BY_PARTITION##f)

static struct kfk_tree *
add(struct stage *s, int16_t version, const char *txn, const char *const *topics, size_t n)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_ADD_PARTITIONS_TO_TXN, version);
	struct kfk_node *e, *p;

	stage_str(q, Q(V3_AND_BELOW_TRANSACTIONAL_ID), txn);
	for (size_t i = 0; i < n; i++) {
		e = stage_add(q, &q->root, Q(V3_AND_BELOW_TOPICS));
		kfk_set_str(q, e, Q(V3_AND_BELOW_TOPICS_NAME), alv_str_of(topics[i]));
		p = kfk_set_empty(q, e, Q(V3_AND_BELOW_TOPICS_PARTITIONS));
		kfk_add(q, p)->v.i = 0;
		kfk_add(q, p)->v.i = 1;
	}
	return q;
}

static int64_t
added_code(struct kfk_tree *t, const char *name)
{
	struct kfk_node *e = stage_named(t, &t->root, R(RESULTS_BY_TOPIC_V3_AND_BELOW), R(RESULTS_BY_TOPIC_V3_AND_BELOW_NAME), name);
	int64_t		 code;

	if (e == NULL)
		return -99;
	assert_int_equal(stage_count(e, P()), 2);
	assert_int_equal(kfk_get_int(t, stage_at(e, P(), 1), P(_PARTITION_INDEX)), 1);
	code = kfk_get_int(t, stage_at(e, P(), 0), P(_PARTITION_ERROR_CODE));
	assert_int_equal(kfk_get_int(t, stage_at(e, P(), 1), P(_PARTITION_ERROR_CODE)), code);
	return code;
}

static void
partitions_are_added(void **state)
{
	static const char *const topics[] = { "orders", "globex.orders" }, *const given[] = { "acme.orders", "globex.orders",
		"acme.globex.orders" };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 3; v++) {
		stage_open(&s, denies, DENIES);
		(void)add(&s, v, "tx1", topics, 2);
		t = stage_forwarded(&s);
		stage_text(kfk_get_str(t, &t->root, Q(V3_AND_BELOW_TRANSACTIONAL_ID)), "acme.tx1");
		e = stage_at(&t->root, Q(V3_AND_BELOW_TOPICS), 1);
		stage_text(kfk_get_str(t, e, Q(V3_AND_BELOW_TOPICS_NAME)), "acme.globex.orders");
		t = stage_answers(&s);
		for (size_t i = 0; i < ALV_COUNT(given); i++) {
			e = stage_add(t, &t->root, R(RESULTS_BY_TOPIC_V3_AND_BELOW));
			kfk_set_str(t, e, R(RESULTS_BY_TOPIC_V3_AND_BELOW_NAME), alv_str_of(given[i]));
			kfk_set_int(t, stage_add(t, e, P()), P(_PARTITION_INDEX), 0);
			kfk_set_int(t, stage_add(t, e, P()), P(_PARTITION_INDEX), 1);
		}
		assert_int_equal(stage_reply(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(RESULTS_BY_TOPIC_V3_AND_BELOW)), 2);
		assert_int_equal(added_code(t, "orders"), 0);
		assert_int_equal(added_code(t, "globex.orders"), 0);	/* its own one of that name */
		stage_close(&s);
	}
}

/* Beside a denied topic, as brokers: of an allowed one each partition that is there was not attempted. */
static void
partitions_beyond_a_topic_are_not_there(void **state)
{
	static const char *const topics[] = { "orders", "secret" };
	static const struct { int32_t index; int16_t code; } more[] = { { 1, KFK_OPERATION_NOT_ATTEMPTED },
		{ 2, KFK_UNKNOWN_TOPIC_OR_PARTITION }, { INT32_MAX, KFK_UNKNOWN_TOPIC_OR_PARTITION }, { -1, KFK_UNKNOWN_TOPIC_OR_PARTITION } };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(more); i++) {
		stage_open(&s, denies, DENIES);
		t = add(&s, 3, "tx1", topics, 2);
		for (size_t k = 0; k < 2; k++)
			stage_at(stage_at(&t->root, Q(V3_AND_BELOW_TOPICS), k), Q(V3_AND_BELOW_TOPICS_PARTITIONS), 1)->v.i = more[i].index;
		t = stage_refused(&s);
		e = stage_named(t, &t->root, R(RESULTS_BY_TOPIC_V3_AND_BELOW), R(RESULTS_BY_TOPIC_V3_AND_BELOW_NAME), "orders");
		assert_int_equal(kfk_get_int(t, stage_at(e, P(), 0), P(_PARTITION_ERROR_CODE)), KFK_OPERATION_NOT_ATTEMPTED);
		assert_int_equal(kfk_get_int(t, stage_at(e, P(), 1), P(_PARTITION_INDEX)), more[i].index);
		assert_int_equal(kfk_get_int(t, stage_at(e, P(), 1), P(_PARTITION_ERROR_CODE)), more[i].code);
		e = stage_named(t, &t->root, R(RESULTS_BY_TOPIC_V3_AND_BELOW), R(RESULTS_BY_TOPIC_V3_AND_BELOW_NAME), "secret");
		for (size_t k = 0; k < 2; k++)
			assert_int_equal(kfk_get_int(t, stage_at(e, P(), k), P(_PARTITION_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
		stage_close(&s);
	}
}

static void
all_or_nothing_is_added(void **state)
{
	static const char *const topics[] = { "orders", "secret", "a b", "shared", "last" };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 3; v++) {
		stage_open(&s, denies, DENIES);
		(void)add(&s, v, "tx1", topics, 5);
		t = stage_refused(&s);
		assert_int_equal(stage_count(&t->root, R(RESULTS_BY_TOPIC_V3_AND_BELOW)), 5);
		assert_int_equal(added_code(t, "orders"), KFK_OPERATION_NOT_ATTEMPTED);
		assert_int_equal(added_code(t, "last"), KFK_UNKNOWN_TOPIC_OR_PARTITION);	/* it is not there */
		assert_int_equal(added_code(t, "secret"), KFK_TOPIC_AUTHORIZATION_FAILED);
		assert_int_equal(added_code(t, "shared"), KFK_TOPIC_AUTHORIZATION_FAILED);	/* read only */
		assert_int_equal(added_code(t, "a b"), KFK_UNKNOWN_TOPIC_OR_PARTITION);
		for (size_t i = 0; i < ALV_COUNT(refused); i++) {
			(void)add(&s, v, refused[i].id, topics, 2);
			t = stage_refused(&s);
			assert_int_equal(added_code(t, "orders"), refused[i].code);
			assert_int_equal(added_code(t, "secret"), refused[i].code);
		}
		stage_close(&s);
	}
}
#undef Q
#undef R
#undef P

/* ---- AddOffsetsToTxn, EndTxn ------------------------------------------------------------------------------------ */

static void
offsets_join_a_transaction(void **state)
{
	static const struct { const char *txn, *group; int16_t code; } cases[] = {
		{ "tx1", "billing", 0 }, { "globex.tx1", "globex.billing", 0 },
		{ "closed", "billing", KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED },
		{ "closed", "closed", KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED },
		{ "", "billing", KFK_INVALID_REQUEST }, { "tx1", "closed", KFK_GROUP_AUTHORIZATION_FAILED },
		{ "tx1", "", KFK_INVALID_GROUP_ID }, { "tx1", "watched", KFK_GROUP_AUTHORIZATION_FAILED },
	};
	struct stage	 s;
	struct kfk_tree *t;
	char		 want[64];

	(void)state;
	for (int16_t v = 0; v <= 4; v++)
		for (size_t i = 0; i < ALV_COUNT(cases); i++) {
			stage_open(&s, denies, DENIES);
			t = stage_begin(&s, KFK_API_ADD_OFFSETS_TO_TXN, v);
			stage_str(t, KFK_ADD_OFFSETS_TO_TXN_REQUEST_TRANSACTIONAL_ID, cases[i].txn);
			stage_str(t, KFK_ADD_OFFSETS_TO_TXN_REQUEST_GROUP_ID, cases[i].group);
			if (cases[i].code == 0) {
				t = stage_forwarded(&s);
				snprintf(want, sizeof(want), "acme.%s", cases[i].txn);
				stage_text(kfk_get_str(t, &t->root, KFK_ADD_OFFSETS_TO_TXN_REQUEST_TRANSACTIONAL_ID), want);
				snprintf(want, sizeof(want), "acme.%s", cases[i].group);
				stage_text(kfk_get_str(t, &t->root, KFK_ADD_OFFSETS_TO_TXN_REQUEST_GROUP_ID), want);
				t = stage_answers(&s);
				kfk_set_int(t, &t->root, KFK_ADD_OFFSETS_TO_TXN_RESPONSE_ERROR_CODE, KFK_NOT_COORDINATOR);
				t = stage_replied(&s);
			} else {
				t = stage_refused(&s);
			}
			assert_int_equal(stage_int(t, KFK_ADD_OFFSETS_TO_TXN_RESPONSE_ERROR_CODE),
			    cases[i].code == 0 ? KFK_NOT_COORDINATOR : cases[i].code);
			stage_close(&s);
		}
}

static void
transactions_end(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 5; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_END_TXN, v);
		stage_str(t, KFK_END_TXN_REQUEST_TRANSACTIONAL_ID, "tx1");
		kfk_set_int(t, &t->root, KFK_END_TXN_REQUEST_COMMITTED, 1);
		t = stage_forwarded(&s);
		stage_text(kfk_get_str(t, &t->root, KFK_END_TXN_REQUEST_TRANSACTIONAL_ID), "acme.tx1");
		assert_int_equal(stage_int(t, KFK_END_TXN_REQUEST_COMMITTED), 1);
		t = stage_answers(&s);
		if (v >= 5)
			kfk_set_int(t, &t->root, KFK_END_TXN_RESPONSE_PRODUCER_ID, 9);
		t = stage_replied(&s);
		assert_int_equal(stage_int(t, KFK_END_TXN_RESPONSE_PRODUCER_ID), v >= 5 ? 9 : -1);
		for (size_t i = 0; i < ALV_COUNT(refused); i++) {
			t = stage_begin(&s, KFK_API_END_TXN, v);
			stage_str(t, KFK_END_TXN_REQUEST_TRANSACTIONAL_ID, refused[i].id);
			t = stage_refused(&s);
			assert_int_equal(stage_int(t, KFK_END_TXN_RESPONSE_ERROR_CODE), refused[i].code);
			assert_int_equal(stage_int(t, KFK_END_TXN_RESPONSE_PRODUCER_ID), -1);
		}
		stage_close(&s);
	}
}

/* ---- TxnOffsetCommit ---------------------------------------------------------------------------------------------- */

#define Q(f) KFK_TXN_OFFSET_COMMIT_REQUEST_##f
#define R(f) KFK_TXN_OFFSET_COMMIT_RESPONSE_##f

static struct kfk_tree *
commit(struct stage *s, int16_t version, const char *txn, const char *group)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_TXN_OFFSET_COMMIT, version);

	stage_str(q, Q(TRANSACTIONAL_ID), txn);
	stage_str(q, Q(GROUP_ID), group);
	return q;
}

static void
offset(struct kfk_tree *q, const char *name, char id)
{
	struct kfk_node *e = stage_add(q, &q->root, Q(TOPICS)), *p;

	if (q->version < 6)
		kfk_set_str(q, e, Q(TOPICS_NAME), alv_str_of(name));
	else
		kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), stage_id(id));
	p = stage_add(q, e, Q(TOPICS_PARTITIONS));
	kfk_set_int(q, p, Q(TOPICS_PARTITIONS_PARTITION_INDEX), 4);
	kfk_set_int(q, p, Q(TOPICS_PARTITIONS_COMMITTED_OFFSET), 99);
}

static int64_t
offset_code(struct kfk_tree *t, const char *name, char id)
{
	struct kfk_node *list = kfk_get(&t->root, R(TOPICS)), *p;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		if (t->version < 6 ? alv_str_eqz(kfk_get_str(t, e, R(TOPICS_NAME)), name)
				   : alv_uuid_eq(kfk_get_uuid(t, e, R(TOPICS_TOPIC_ID)), stage_id(id))) {
			p = stage_at(e, R(TOPICS_PARTITIONS), 0);
			assert_int_equal(kfk_get_int(t, p, R(TOPICS_PARTITIONS_PARTITION_INDEX)), 4);
			return kfk_get_int(t, p, R(TOPICS_PARTITIONS_ERROR_CODE));
		}
	return -99;
}

static void
transactional_commits(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 6; v++) {
		stage_open(&s, denies, DENIES);
		t = commit(&s, v, "tx1", "billing");
		offset(t, "a b", 'g');
		offset(t, "orders", 'o');
		offset(t, "secret", 's');
		t = stage_forwarded(&s);
		stage_text(kfk_get_str(t, &t->root, Q(TRANSACTIONAL_ID)), "acme.tx1");
		stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.billing");
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 1);
		e = stage_at(&t->root, Q(TOPICS), 0);
		if (v < 6)
			stage_text(kfk_get_str(t, e, Q(TOPICS_NAME)), "acme.orders");
		t = stage_answers(&s);
		for (const char *id = "ogc"; *id != '\0'; id++) {
			e = stage_add(t, &t->root, R(TOPICS));
			if (v < 6)
				kfk_set_str(t, e, R(TOPICS_NAME), *id == 'o' ? ALV_STR("acme.orders") : ALV_STR("globex.orders"));
			else
				kfk_set_uuid(t, e, R(TOPICS_TOPIC_ID), stage_id(*id));
			kfk_set_int(t, stage_add(t, e, R(TOPICS_PARTITIONS)), R(TOPICS_PARTITIONS_PARTITION_INDEX), 4);
		}
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R(TOPICS)), 3);
		assert_int_equal(offset_code(t, "orders", 'o'), 0);
		assert_int_equal(offset_code(t, "secret", 's'), KFK_TOPIC_AUTHORIZATION_FAILED);
		assert_int_equal(offset_code(t, "a b", 'g'), v < 6 ? KFK_UNKNOWN_TOPIC_OR_PARTITION : KFK_UNKNOWN_TOPIC_ID);
		stage_close(&s);
	}
}

static void
transactional_commits_are_refused(void **state)
{
	static const struct { const char *txn, *group; int16_t code; } cases[] = {
		{ "closed", "billing", KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED }, { "", "billing", KFK_INVALID_REQUEST },
		{ "tx1", "closed", KFK_GROUP_AUTHORIZATION_FAILED }, { "tx1", "", KFK_INVALID_GROUP_ID },
		{ "tx1", "watched", KFK_GROUP_AUTHORIZATION_FAILED }, { "watched", "taken", KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 6; v++)
		for (size_t i = 0; i < ALV_COUNT(cases); i++) {
			stage_open(&s, denies, DENIES);
			t = commit(&s, v, cases[i].txn, cases[i].group);
			offset(t, "orders", 'o');
			offset(t, "secret", 's');
			t = stage_refused(&s);
			assert_int_equal(offset_code(t, "orders", 'o'), cases[i].code);
			assert_int_equal(offset_code(t, "secret", 's'), cases[i].code);
			stage_close(&s);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(producers_fence_their_own),
		cmocka_unit_test(producer_ids_are_refused),
		cmocka_unit_test(idempotent_producers),
		cmocka_unit_test(partitions_are_added),
		cmocka_unit_test(all_or_nothing_is_added),
		cmocka_unit_test(partitions_beyond_a_topic_are_not_there),
		cmocka_unit_test(offsets_join_a_transaction),
		cmocka_unit_test(transactions_end),
		cmocka_unit_test(transactional_commits),
		cmocka_unit_test(transactional_commits_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
