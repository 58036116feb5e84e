/* Fetch sessions as timelines: how they come, go on and go, at most how many and how large, and what a broker may do to them. */
#include "session_stage.h"

static void
it_goes_on(void **state)
{
	static const int16_t versions[] = { 7, 11, 12, 13, 18 };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(versions); i++) {
		int16_t		 v = versions[i];
		struct stage	 s;
		struct kfk_tree *t;
		int64_t		 id;

		stage_open(&s, NULL, 0);
		id = open_one(&s, v, UP);
		/* nothing new */
		(void)ask(&s, v, id, 1);
		(void)goes(&s, UP, 1, 0, 0);
		assert_int_equal(answered(&s, UP, 0), id);
		/* a partition at another offset; the broker has something of it */
		want(ask(&s, v, id, 2), orders(v), 1);
		t = goes(&s, UP, 2, 1, 0);
		if (v < 13)
			stage_text(kfk_get_str(t, stage_at(&t->root, Q(TOPICS), 0), Q(TOPICS_TOPIC)), "acme.orders");
		t = broker(&s, UP, 0);
		give(t, physical_orders(v));
		assert_int_equal(told(&s, 0, 1), id);
		/* one more topic, one partition less, in one request */
		t = ask(&s, v, id, 3);
		want(t, v < 13 ? "shared" : "l", 1);
		forget(t, orders(v), 0);
		t = goes(&s, UP, 3, 1, 1);
		if (v < 13)
			stage_text(kfk_get_str(t, stage_at(&t->root, Q(FORGOTTEN_TOPICS_DATA), 0), Q(FORGOTTEN_TOPICS_DATA_TOPIC)), "acme.orders");
		t = broker(&s, UP, 0);
		give(t, v < 13 ? "legacy.shared" : "l");
		give(t, physical_orders(v));
		assert_int_equal(told(&s, 0, 2), id);
		/* the last partition of orders leaves: the topic is none of the session's any more */
		forget(ask(&s, v, id, 4), orders(v), 1);
		(void)goes(&s, UP, 4, 0, 1);
		t = broker(&s, UP, 0);
		give(t, physical_orders(v));
		assert_int_equal(told(&s, 0, 0), id);
		assert_int_equal(metric(&s, "\nalcove_fetch_sessions "), 1);
		assert_int_equal(metric(&s, "\nalcove_fetch_session_requests_total "), 4);
		stage_close(&s);
	}
}

/* As it is when it leaves while it comes: nothing can be left out there. */
static void
a_topic_that_is_not_in_it_ends_a_streamed_answer(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	int64_t		 id;

	(void)state;
	stage_open(&s, NULL, 0);
	id = open_one(&s, BY_ID, UP);
	(void)ask(&s, BY_ID, id, 1);
	(void)goes(&s, UP, 1, 0, 0);
	t = broker(&s, UP, 0);
	give(t, "s");	/* own, but nobody asked */
	alv_chain_clear(&s.body);
	assert_int_equal(kfk_tree_encode(t, &s.body), ALV_OK);
	assert_int_equal(api_stream(&s.call, s.body.n, &s.body), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_UPSTREAM_FOREIGN);
	stage_close(&s);
}

static void
wrong_numbers_are_told_as_a_broker_does(void **state)
{
	struct stage s;
	int64_t	     id;

	(void)state;
	stage_open(&s, NULL, 0);
	id = open_one(&s, BY_ID, UP);
	(void)ask(&s, BY_ID, id ^ 1, 1);
	(void)refused(&s, KFK_FETCH_SESSION_ID_NOT_FOUND, 0);
	(void)ask(&s, BY_ID, UP, 1);	/* the broker's own */
	(void)refused(&s, KFK_FETCH_SESSION_ID_NOT_FOUND, 0);
	(void)ask(&s, BY_ID, 0, 1);
	(void)refused(&s, KFK_FETCH_SESSION_ID_NOT_FOUND, 0);
	(void)ask(&s, BY_ID, id, 2);
	(void)refused(&s, KFK_INVALID_FETCH_SESSION_EPOCH, 0);
	(void)ask(&s, BY_ID, id, -2);
	(void)refused(&s, KFK_INVALID_FETCH_SESSION_EPOCH, 0);
	(void)ask(&s, BY_NAME, id, 1);
	(void)refused(&s, KFK_FETCH_SESSION_TOPIC_ID_ERROR, 0);
	/* none of that changed anything */
	(void)ask(&s, BY_ID, id, 1);
	(void)goes(&s, UP, 1, 0, 0);
	/* a second one while that is under way */
	{
		struct api_call first = s.call;

		memset(&s.call, 0, sizeof(s.call));
		(void)ask(&s, BY_ID, id, 2);
		(void)refused(&s, KFK_INVALID_FETCH_SESSION_EPOCH, 0);
		api_call_fini(&s.call);
		s.call = first;
	}
	assert_int_equal(answered(&s, UP, 0), id);
	stage_close(&s);
}

static void
epochs_begin_anew_at_their_end(void **state)
{
	struct stage s;
	int64_t	     id;

	(void)state;
	stage_open(&s, NULL, 0);
	id = open_one(&s, BY_ID, UP);
	api_session_find(&s.conn, id)->epoch = INT32_MAX;
	(void)ask(&s, BY_ID, id, INT32_MAX);
	(void)goes(&s, UP, INT32_MAX, 0, 0);
	assert_int_equal(answered(&s, UP, 0), id);
	(void)ask(&s, BY_ID, id, 1);
	(void)goes(&s, UP, 1, 0, 0);
	stage_close(&s);
}

static void
a_full_fetch_closes_the_one_it_names(void **state)
{
	struct stage s;
	int64_t	     id, second;

	(void)state;
	stage_open(&s, NULL, 0);
	id = open_one(&s, BY_ID, UP);
	/* for another one */
	want(ask(&s, BY_ID, id, 0), "o", 1);
	(void)goes(&s, UP, 0, 1, 0);
	second = answered(&s, UP + 1, 0);
	assert_int_not_equal(second, id);
	(void)ask(&s, BY_ID, id, 1);
	(void)refused(&s, KFK_FETCH_SESSION_ID_NOT_FOUND, 0);
	/* for none: without a topic, as clients that leave do */
	(void)ask(&s, BY_ID, second, -1);
	(void)goes(&s, UP + 1, -1, 0, 0);
	assert_int_equal(answered(&s, 0, 0), 0);
	assert_int_equal(s.conn.kept, 0);
	assert_int_equal(metric(&s, "\nalcove_fetch_sessions_ended_total{by=\"client\"} "), 2);
	/* a number that is nobody's here never goes up */
	want(ask(&s, BY_ID, UP, -1), "o", 1);
	(void)goes(&s, 0, -1, 1, 0);
	assert_int_equal(answered(&s, 0, 0), 0);
	stage_close(&s);
}

static void
there_are_few_of_them(void **state)
{
	struct stage s;
	int64_t	     a, b, c;

	(void)state;
	stage_open(&s, NULL, 0);
	a = open_one(&s, BY_ID, UP);
	b = open_one(&s, BY_ID, UP + 1);
	(void)ask(&s, BY_ID, a, 1);
	(void)goes(&s, UP, 1, 0, 0);
	assert_int_equal(answered(&s, UP, 0), a);
	/* b was used longest ago; the broker is told in the request that takes its place */
	want(ask(&s, BY_ID, 0, 0), "o", 1);
	(void)goes(&s, UP + 1, 0, 1, 0);
	c = answered(&s, UP + 2, 0);
	(void)ask(&s, BY_ID, b, 1);
	(void)refused(&s, KFK_FETCH_SESSION_ID_NOT_FOUND, 0);
	(void)ask(&s, BY_ID, a, 2);
	(void)goes(&s, UP, 2, 0, 0);
	assert_int_equal(answered(&s, UP, 0), a);
	assert_int_equal(metric(&s, "\nalcove_fetch_sessions_ended_total{by=\"evicted\"} "), 1);
	/* no memory: all go, and the next full fetch names one */
	assert_true(api_conn_release(&s.conn) > 0);
	assert_int_equal(s.conn.kept, 0);
	(void)ask(&s, BY_ID, c, 1);
	(void)refused(&s, KFK_FETCH_SESSION_ID_NOT_FOUND, 0);
	want(ask(&s, BY_ID, 0, -1), "o", 1);
	assert_int_equal(stage_send(&s), API_FORWARD);
	assert_int_not_equal(kfk_get_int(stage_upstream(&s), &s.seen.root, Q(SESSION_ID)), 0);
	stage_close(&s);
}

static void
one_that_is_busy_ends_when_it_is_answered(void **state)
{
	struct stage	s;
	struct api_call first;
	int64_t		id;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	id = open_one(&s, BY_ID, UP);
	(void)ask(&s, BY_ID, id, 1);
	(void)goes(&s, UP, 1, 0, 0);
	first = s.call;
	memset(&s.call, 0, sizeof(s.call));
	assert_int_equal(api_conn_release(&s.conn), 0);	/* its answer is held against it */
	want(ask(&s, BY_ID, id, -1), "o", 1);
	(void)goes(&s, UP, -1, 1, 0);
	api_call_fini(&s.call);
	s.call = first;
	t = broker(&s, UP, 0);
	give(t, "o");
	assert_int_equal(told(&s, 0, 1), 0);
	assert_int_equal(s.conn.kept, 0);
	stage_close(&s);
}

static void
it_is_not_larger_than_it_may_be(void **state)
{
	struct stage s;
	int64_t	     id;

	(void)state;
	stage_open(&s, NULL, 0);
	want(ask(&s, BY_ID, 0, 0), "o", 21);
	(void)goes(&s, 0, -1, 1, 0);
	assert_int_equal(answered(&s, 0, 0), 0);
	want(ask(&s, BY_ID, 0, 0), "o", 20);
	(void)goes(&s, 0, 0, 1, 0);
	id = answered(&s, UP, 0);
	want(ask(&s, BY_ID, id, 1), "o", 20);	/* what is there already is no more */
	(void)goes(&s, UP, 1, 1, 0);
	assert_int_equal(answered(&s, UP, 0), id);
	want(ask(&s, BY_ID, id, 2), "s", 1);
	(void)refused(&s, KFK_FETCH_SESSION_ID_NOT_FOUND, 0);
	assert_int_equal(metric(&s, "\nalcove_fetch_sessions_ended_total{by=\"evicted\"} "), 1);
	assert_int_equal(s.conn.kept, 0);
	stage_close(&s);
}

static void
where_none_may_be_every_fetch_is_a_full_one(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	s.conf.limits.fetch_sessions_max = 0;
	want(ask(&s, BY_ID, 0, 0), "o", 2);
	(void)goes(&s, 0, -1, 1, 0);
	assert_int_equal(answered(&s, 0, 0), 0);
	assert_null(s.conn.sessions);
	stage_close(&s);
}

/* A broker whose cache is full is not asked each time; then it is. */
static void
a_broker_may_have_no_place(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	want(ask(&s, BY_ID, 0, 0), "o", 2);
	(void)goes(&s, 0, 0, 1, 0);
	assert_int_equal(answered(&s, 0, 0), 0);
	assert_int_equal(s.conn.kept, 0);
	want(ask(&s, BY_ID, 0, 0), "o", 2);
	(void)goes(&s, 0, -1, 1, 0);
	s.worker.now_us += 11 * 1000 * 1000;
	(void)open_one(&s, BY_ID, UP);
	stage_close(&s);
}

static void
a_broker_may_end_it(void **state)
{
	static const struct { int16_t code; int64_t says, named; } ends[] = { { KFK_FETCH_SESSION_ID_NOT_FOUND, 0, 0 },
		{ KFK_INVALID_FETCH_SESSION_EPOCH, 0, UP }, { KFK_FETCH_SESSION_TOPIC_ID_ERROR, UP, UP }, { 0, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(ends); i++) {
		struct stage s;
		int64_t	     id;

		stage_open(&s, NULL, 0);
		id = open_one(&s, BY_ID, UP);
		(void)ask(&s, BY_ID, id, 1);
		(void)goes(&s, UP, 1, 0, 0);
		assert_int_equal(answered(&s, ends[i].says, ends[i].code), 0);
		assert_int_equal(s.conn.kept, 0);
		assert_int_equal(metric(&s, "\nalcove_fetch_sessions_ended_total{by=\"broker\"} "), 1);
		(void)ask(&s, BY_ID, id, 2);
		(void)refused(&s, KFK_FETCH_SESSION_ID_NOT_FOUND, 0);
		/* and on with a full one, which names what may still be there */
		want(ask(&s, BY_ID, id, 0), "o", 2);
		(void)goes(&s, ends[i].named, 0, 1, 0);
		assert_in_range(answered(&s, UP + 1, 0), 1, INT32_MAX);
		stage_close(&s);
	}
}

static void
a_session_of_somebody_else_ends_the_connection(void **state)
{
	struct stage s;
	int64_t	     id;

	(void)state;
	stage_open(&s, NULL, 0);
	id = open_one(&s, BY_ID, UP);
	(void)ask(&s, BY_ID, id, 1);
	(void)goes(&s, UP, 1, 0, 0);
	(void)broker(&s, UP + 1, 0);
	assert_int_equal(stage_reply(&s), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_UPSTREAM_FOREIGN);
	stage_close(&s);
	/* one that nobody asked for is not told */
	stage_open(&s, NULL, 0);
	want(ask(&s, BY_ID, 0, -1), "o", 2);
	(void)goes(&s, 0, -1, 1, 0);
	assert_int_equal(answered(&s, UP, 0), 0);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_on),
		cmocka_unit_test(a_topic_that_is_not_in_it_ends_a_streamed_answer),
		cmocka_unit_test(wrong_numbers_are_told_as_a_broker_does),
		cmocka_unit_test(epochs_begin_anew_at_their_end),
		cmocka_unit_test(a_full_fetch_closes_the_one_it_names),
		cmocka_unit_test(there_are_few_of_them),
		cmocka_unit_test(one_that_is_busy_ends_when_it_is_answered),
		cmocka_unit_test(it_is_not_larger_than_it_may_be),
		cmocka_unit_test(where_none_may_be_every_fetch_is_a_full_one),
		cmocka_unit_test(a_broker_may_have_no_place),
		cmocka_unit_test(a_broker_may_end_it),
		cmocka_unit_test(a_session_of_somebody_else_ends_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
