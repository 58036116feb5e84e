/* Looking at transactions: described by id, listed. */
#include "group_stage.h"

static const struct pol_rule denies[] = { STAGE_DENY(POL_TXN, "closed", POL_OP_DESCRIBE),
	STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE) };
enum { DENIES = ALV_COUNT(denies) };

/* ---- DescribeTransactions ------------------------------------------------------------------------------ */

#define Q(f) KFK_DESCRIBE_TRANSACTIONS_REQUEST_##f
#define R(f) KFK_DESCRIBE_TRANSACTIONS_RESPONSE_##f

static struct kfk_node *
give_transaction(struct kfk_tree *r, const char *id, int16_t code)
{
	struct kfk_node *e = stage_add(r, &r->root, R(TRANSACTION_STATES));

	kfk_set_str(r, e, R(TRANSACTION_STATES_TRANSACTIONAL_ID), alv_str_of(id));
	kfk_set_int(r, e, R(TRANSACTION_STATES_ERROR_CODE), code);
	kfk_set_str(r, e, R(TRANSACTION_STATES_TRANSACTION_STATE), ALV_STR("Ongoing"));
	kfk_set_int(r, e, R(TRANSACTION_STATES_PRODUCER_ID), 77);
	return e;
}

static void
give_topic(struct kfk_tree *r, struct kfk_node *transaction, const char *topic)
{
	struct kfk_node *e = stage_add(r, transaction, R(TRANSACTION_STATES_TOPICS));

	kfk_set_str(r, e, R(TRANSACTION_STATES_TOPICS_TOPIC), alv_str_of(topic));
	kfk_add(r, kfk_set_empty(r, e, R(TRANSACTION_STATES_TOPICS_PARTITIONS)))->v.i = 5;
}

static struct kfk_node *
transaction(struct kfk_tree *t, const char *id)
{
	struct kfk_node *e = stage_named(t, &t->root, R(TRANSACTION_STATES), R(TRANSACTION_STATES_TRANSACTIONAL_ID), id);

	assert_non_null(e);
	return e;
}

static int64_t
described(struct kfk_tree *t, const char *id)
{
	return kfk_get_int(t, transaction(t, id), R(TRANSACTION_STATES_ERROR_CODE));
}

static void
own_transactions_are_described(void **state)
{
	static const char *const ids[] = { "transfer", "closed", "watched", "rival.tx1", "" };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = stage_begin(&s, KFK_API_DESCRIBE_TRANSACTIONS, 0);
	for (size_t i = 0; i < ALV_COUNT(ids); i++)
		stage_add_str(t, &t->root, Q(TRANSACTIONAL_IDS), ids[i]);
	t = stage_forwarded(&s);
	assert_int_equal(stage_count(&t->root, Q(TRANSACTIONAL_IDS)), 3);
	stage_text(stage_at(&t->root, Q(TRANSACTIONAL_IDS), 0)->v.s, "acme.transfer");
	stage_text(stage_at(&t->root, Q(TRANSACTIONAL_IDS), 1)->v.s, "legacy.watched");
	stage_text(stage_at(&t->root, Q(TRANSACTIONAL_IDS), 2)->v.s, "acme.rival.tx1");
	t = stage_answers(&s);
	e = give_transaction(t, "acme.transfer", 0);
	give_topic(t, e, "acme.secret");
	give_topic(t, e, "globex.orders");
	give_topic(t, e, "acme.orders");
	give_topic(t, e, "__consumer_offsets");
	give_topic(t, e, "legacy.shared");
	(void)give_transaction(t, "legacy.watched", 0);
	(void)give_transaction(t, "globex.tx1", 0);
	(void)give_transaction(t, "acme.rival.tx1", KFK_TRANSACTIONAL_ID_NOT_FOUND);
	t = stage_replied(&s);
	assert_int_equal(stage_count(&t->root, R(TRANSACTION_STATES)), ALV_COUNT(ids));
	e = transaction(t, "transfer");
	assert_int_equal(kfk_get_int(t, e, R(TRANSACTION_STATES_PRODUCER_ID)), 77);
	assert_int_equal(stage_count(e, R(TRANSACTION_STATES_TOPICS)), 2);
	stage_text(kfk_get_str(t, stage_at(e, R(TRANSACTION_STATES_TOPICS), 0), R(TRANSACTION_STATES_TOPICS_TOPIC)), "orders");
	stage_text(kfk_get_str(t, stage_at(e, R(TRANSACTION_STATES_TOPICS), 1), R(TRANSACTION_STATES_TOPICS_TOPIC)), "shared");
	assert_int_equal(described(t, "watched"), 0);
	assert_int_equal(described(t, "rival.tx1"), KFK_TRANSACTIONAL_ID_NOT_FOUND);
	assert_int_equal(described(t, "closed"), KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	assert_int_equal(described(t, ""), KFK_INVALID_REQUEST);
	stage_close(&s);
}

static void
only_refused_ids_are_answered_here(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = stage_begin(&s, KFK_API_DESCRIBE_TRANSACTIONS, 0);
	stage_add_str(t, &t->root, Q(TRANSACTIONAL_IDS), "closed");
	stage_add_str(t, &t->root, Q(TRANSACTIONAL_IDS), "a\xff");
	t = stage_refused(&s);
	assert_int_equal(described(t, "closed"), KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	assert_int_equal(described(t, "a\xff"), KFK_TRANSACTIONAL_ID_NOT_FOUND);
	stage_close(&s);
}
#undef Q
#undef R

/* ---- ListTransactions -------------------------------------------------------------------------------------- */

#define Q(f) KFK_LIST_TRANSACTIONS_REQUEST_##f
#define R(f) KFK_LIST_TRANSACTIONS_RESPONSE_##f

static void
lists_hold_own_transactions(void **state)
{
	static const char *const ids[] = { "globex.tx1", "acme.transfer", "acme", "acme.", "acme.closed", "legacy.taken", "acme-2.a", "" };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;
	int16_t		 lo, hi;

	(void)state;
	stage_versions(KFK_API_LIST_TRANSACTIONS, &lo, &hi);
	for (int16_t v = lo; v <= hi; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_LIST_TRANSACTIONS, v);
		stage_add_str(t, &t->root, Q(STATE_FILTERS), "Ongoing");
		kfk_add(t, kfk_set_empty(t, &t->root, Q(PRODUCER_ID_FILTERS)))->v.i = 4711;
		if (v >= 1)
			kfk_set_int(t, &t->root, Q(DURATION_FILTER), 5000);
		t = stage_forwarded(&s);
		stage_text(stage_at(&t->root, Q(STATE_FILTERS), 0)->v.s, "Ongoing");
		assert_int_equal(stage_at(&t->root, Q(PRODUCER_ID_FILTERS), 0)->v.i, 4711);
		assert_int_equal(stage_int(t, Q(DURATION_FILTER)), v >= 1 ? 5000 : -1);
		t = stage_answers(&s);
		stage_add_str(t, &t->root, R(UNKNOWN_STATE_FILTERS), "Odd");
		for (size_t i = 0; i < ALV_COUNT(ids); i++) {
			e = stage_add(t, &t->root, R(TRANSACTION_STATES));
			kfk_set_str(t, e, R(TRANSACTION_STATES_TRANSACTIONAL_ID), alv_str_of(ids[i]));
			kfk_set_int(t, e, R(TRANSACTION_STATES_PRODUCER_ID), (int64_t)i);
			kfk_set_str(t, e, R(TRANSACTION_STATES_TRANSACTION_STATE), ALV_STR("Ongoing"));
		}
		t = stage_replied(&s);
		stage_text(stage_at(&t->root, R(UNKNOWN_STATE_FILTERS), 0)->v.s, "Odd");
		assert_int_equal(stage_count(&t->root, R(TRANSACTION_STATES)), 2);
		e = stage_named(t, &t->root, R(TRANSACTION_STATES), R(TRANSACTION_STATES_TRANSACTIONAL_ID), "transfer");
		assert_non_null(e);
		assert_int_equal(kfk_get_int(t, e, R(TRANSACTION_STATES_PRODUCER_ID)), 1);
		e = stage_named(t, &t->root, R(TRANSACTION_STATES), R(TRANSACTION_STATES_TRANSACTIONAL_ID), "taken");
		assert_non_null(e);
		stage_close(&s);
	}
}

/* Matched here, against own ids as the client knows them; a broker sees nothing of it. */
static void
patterns_stay_here(void **state)
{
	static const struct { const char *pattern; int n; } cases[] = { { NULL, 3 }, { "", 3 }, { ".*", 3 }, { "tra.*", 1 }, { "^t.*$", 2 },
		{ "(?:^|x)transfer", 1 }, { "acme.*", 0 }, { "globex.*", 0 }, { "t", 0 }, { "a b", 1 } };
	static const char *const ids[] = { "globex.tx1", "acme.transfer", "acme.a b", "legacy.taken", "acme.closed" };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_LIST_TRANSACTIONS, 2);
		stage_str(t, Q(TRANSACTIONAL_ID_PATTERN), cases[i].pattern);
		t = stage_forwarded(&s);
		assert_true(kfk_get_str(t, &t->root, Q(TRANSACTIONAL_ID_PATTERN)).n == 0);
		t = stage_answers(&s);
		for (size_t k = 0; k < ALV_COUNT(ids); k++)
			kfk_set_str(t, stage_add(t, &t->root, R(TRANSACTION_STATES)), R(TRANSACTION_STATES_TRANSACTIONAL_ID), alv_str_of(ids[k]));
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R(TRANSACTION_STATES)), cases[i].n);
		stage_close(&s);
	}
}

static void
what_is_no_pattern(void **state)
{
	static const char *const patterns[] = { ")|(.*", "[", "(", "\\", "a)(?:b" };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(patterns); i++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_LIST_TRANSACTIONS, 2);
		stage_str(t, Q(TRANSACTIONAL_ID_PATTERN), patterns[i]);
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INVALID_REGULAR_EXPRESSION);
		assert_int_equal(stage_count(&t->root, R(TRANSACTION_STATES)), 0);
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_transactions_are_described),
		cmocka_unit_test(only_refused_ids_are_answered_here),
		cmocka_unit_test(lists_hold_own_transactions),
		cmocka_unit_test(patterns_stay_here),
		cmocka_unit_test(what_is_no_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
