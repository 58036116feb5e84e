/* Fetch sessions and permissions: what is refused, revoked in the middle, and made up by somebody hostile. */
#include "session_stage.h"

static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ), STAGE_DENY(POL_TOPIC, "orders", POL_OP_READ) };

/* The rules of acme are others from now on. */
static void
publish(struct stage *s, const struct pol_rule *rules, size_t n, uint64_t revision)
{
	stage_tenant_at(s, "acme", "acme-cluster-id-22char", POL_ACTIVE, rules, n, revision);
}

/* ---- what may be read ------------------------------------------------------------------------------------ */

static void
what_is_refused_gets_no_session(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, 1);
	t = ask(&s, BY_ID, 0, 0);
	want(t, "o", 1);
	want(t, "s", 1);
	(void)goes(&s, 0, -1, 1, 0);
	(void)broker(&s, 0, 0);
	assert_int_equal(told(&s, 0, 1), 0);
	stage_close(&s);
}

static void
a_refused_topic_that_comes_later_ends_it(void **state)
{
	static const struct { const char *topic; int16_t version, code; } adds[] = { { "s", BY_ID, 29 }, { "g", BY_ID, 100 },
		{ "c", BY_ID, 100 }, { "secret", BY_NAME, 29 }, { "..", BY_NAME, 3 } };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(adds); i++) {
		struct stage	 s;
		struct kfk_tree *t;
		int64_t		 id;

		stage_open(&s, denies, 1);
		id = open_one(&s, adds[i].version, UP);
		want(ask(&s, adds[i].version, id, 1), adds[i].topic, 3);
		t = refused(&s, 0, 1);
		assert_int_equal(stage_count(stage_at(&t->root, R(RESPONSES), 0), R(RESPONSES_PARTITIONS)), 3);
		assert_int_equal(kfk_get_int(t, stage_at(stage_at(&t->root, R(RESPONSES), 0), R(RESPONSES_PARTITIONS), 0),
		    R(RESPONSES_PARTITIONS_ERROR_CODE)), adds[i].code);
		(void)ask(&s, adds[i].version, id, 1);
		(void)refused(&s, KFK_FETCH_SESSION_ID_NOT_FOUND, 0);
		assert_int_equal(metric(&s, "\nalcove_fetch_sessions_ended_total{by=\"revoked\"} "), 1);
		stage_close(&s);
	}
}

static void
revoked_in_the_middle(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		int16_t		 v = i == 0 ? BY_NAME : BY_ID;
		struct stage	 s;
		struct kfk_tree *t;
		struct kfk_node *e;
		int64_t		 id;

		stage_open(&s, denies, 1);
		id = open_one(&s, v, UP);
		/* something else of the tenant changes */
		publish(&s, denies, 1, 2);
		(void)ask(&s, v, id, 1);
		(void)goes(&s, UP, 1, 0, 0);
		assert_int_equal(answered(&s, UP, 0), id);
		/* the right to read goes: each partition is told, nothing is asked of the broker */
		publish(&s, denies, 2, 3);
		(void)ask(&s, v, id, 2);
		t = refused(&s, 0, 1);
		e = stage_at(&t->root, R(RESPONSES), 0);
		if (v == BY_NAME)
			stage_text(kfk_get_str(t, e, R(RESPONSES_TOPIC)), "orders");
		else
			assert_true(alv_uuid_eq(kfk_get_uuid(t, e, R(RESPONSES_TOPIC_ID)), stage_id('o')));
		assert_int_equal(stage_count(e, R(RESPONSES_PARTITIONS)), 2);
		for (size_t p = 0; p < 2; p++) {
			assert_int_equal(kfk_get_int(t, stage_at(e, R(RESPONSES_PARTITIONS), p), R(RESPONSES_PARTITIONS_ERROR_CODE)),
			    KFK_TOPIC_AUTHORIZATION_FAILED);
			assert_int_equal(kfk_get_int(t, stage_at(e, R(RESPONSES_PARTITIONS), p), R(RESPONSES_PARTITIONS_PARTITION_INDEX)), p);
		}
		/* granted again: a full fetch has a session again, in the place of the broker's old one */
		publish(&s, denies, 1, 4);
		want(ask(&s, v, 0, 0), orders(v), 2);
		(void)goes(&s, UP, 0, 1, 0);
		assert_in_range(answered(&s, UP + 1, 0), 1, INT32_MAX);
		stage_close(&s);
	}
}

/* ---- hostile input ------------------------------------------------------------------------------------- */

static void
foreign_topics_are_not_forgotten(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	int64_t		 id;

	(void)state;
	for (int i = 0; i < 2; i++) {
		int16_t v = i == 0 ? BY_NAME : BY_ID;

		stage_open(&s, NULL, 0);
		id = open_one(&s, v, UP);
		t = ask(&s, v, id, 1);
		forget(t, v == BY_NAME ? "globex.orders" : "g", 0);
		forget(t, v == BY_NAME ? ".." : "x", 0);
		forget(t, orders(v), 1);
		forget(t, v == BY_NAME ? "" : "c", 0);
		(void)goes(&s, UP, 1, 0, 1);
		assert_int_equal(answered(&s, UP, 0), id);
		/* one partition is left, and forgetting what is not there does nothing */
		t = ask(&s, v, id, 2);
		forget(t, orders(v), 7);
		forget(t, orders(v), 0);
		forget(t, orders(v), 0);
		(void)goes(&s, UP, 2, 0, 3);
		assert_int_equal(api_session_find(&s.conn, id)->set.nparts, 0);
		stage_close(&s);
	}
}

static void
followers_get_nothing_in_a_session(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	int64_t		 id;

	(void)state;
	stage_open(&s, NULL, 0);
	id = open_one(&s, BY_ID, UP);
	t = ask(&s, BY_ID, id, 1);
	kfk_set_int(t, kfk_set_empty(t, &t->root, Q(REPLICA_STATE)), Q(REPLICA_STATE_REPLICA_ID), 1);
	want(t, "o", 1);
	t = refused(&s, 0, 1);
	assert_int_equal(kfk_get_int(t, stage_at(stage_at(&t->root, R(RESPONSES), 0), R(RESPONSES_PARTITIONS), 0),
	    R(RESPONSES_PARTITIONS_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
	/* what only they send is left out, and the rest goes on */
	t = ask(&s, 18, id, 1);
	kfk_set_int(t, kfk_set_empty(t, &t->root, Q(REPLICA_STATE)), Q(REPLICA_STATE_REPLICA_ID), -3);
	kfk_set_str(t, &t->root, Q(CLUSTER_ID), ALV_STR("mine"));
	want(t, "o", 1);
	kfk_set_int(t, stage_at(stage_at(&t->root, Q(TOPICS), 0), Q(TOPICS_PARTITIONS), 0), Q(TOPICS_PARTITIONS_HIGH_WATERMARK), 5);
	t = goes(&s, UP, 1, 1, 0);
	assert_null(kfk_get(&t->root, Q(REPLICA_STATE)));
	assert_null(kfk_get_str(t, &t->root, Q(CLUSTER_ID)).p);
	stage_close(&s);
}

static void
another_connection_knows_nothing_of_it(void **state)
{
	struct stage	s, other;
	int64_t		id;

	(void)state;
	stage_open(&s, NULL, 0);
	stage_open(&other, NULL, 0);
	id = open_one(&s, BY_ID, UP);
	for (int epoch = 1; epoch < 4; epoch++) {
		(void)ask(&other, BY_ID, id, epoch);
		(void)refused(&other, KFK_FETCH_SESSION_ID_NOT_FOUND, 0);
	}
	for (int epoch = -1; epoch < 1; epoch++) {
		want(ask(&other, BY_ID, id, epoch), "o", 1);
		(void)goes(&other, 0, epoch, 1, 0);
		(void)answered(&other, 0, 0);
	}
	(void)ask(&s, BY_ID, id, 1);
	(void)goes(&s, UP, 1, 0, 0);
	assert_int_equal(answered(&s, UP, 0), id);
	stage_close(&other);
	stage_close(&s);
}

/* An id that nobody knows yet: the request waits, and is judged again from the start. */
static void
an_unknown_id_is_looked_up(void **state)
{
	struct stage s;
	int64_t	     id;

	(void)state;
	stage_open(&s, NULL, 0);
	id = open_one(&s, BY_ID, UP);
	want(ask(&s, BY_ID, id, 1), "n", 1);
	assert_int_equal(stage_send(&s), API_WAIT);
	assert_int_equal(s.call.nids, 1);
	clu_ids_learn(s.worker.ids, stage_id('n'), ALV_STR("acme.new"), s.worker.now_us);
	s.call.ids_asked = true;
	(void)goes(&s, UP, 1, 1, 0);
	(void)broker(&s, UP, 0);
	assert_int_equal(told(&s, 0, 0), id);
	assert_int_equal(api_session_find(&s.conn, id)->set.ntopics, 2);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_refused_gets_no_session),
		cmocka_unit_test(a_refused_topic_that_comes_later_ends_it),
		cmocka_unit_test(revoked_in_the_middle),
		cmocka_unit_test(foreign_topics_are_not_forgotten),
		cmocka_unit_test(followers_get_nothing_in_a_session),
		cmocka_unit_test(another_connection_knows_nothing_of_it),
		cmocka_unit_test(an_unknown_id_is_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
