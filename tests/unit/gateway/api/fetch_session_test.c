/* Fetch sessions as timelines: a client's requests, what the broker is asked, what it says, what the client is told. Both ways
 * through the code are taken, as a session's usual requests and the others do. */
#include "stage.h"

#include <stdlib.h>

#include "api/fetch_session.h"

#define Q(f) KFK_FETCH_REQUEST_##f
#define R(f) KFK_FETCH_RESPONSE_##f

enum { UP = 777, BY_NAME = 12, BY_ID = 16 };

static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ), STAGE_DENY(POL_TOPIC, "orders", POL_OP_READ) };

/* ---- requests ------------------------------------------------------------------------------------------ */

static struct kfk_tree *
ask(struct stage *s, int16_t version, int64_t id, int64_t epoch)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_FETCH, version);

	kfk_set_int(q, &q->root, Q(SESSION_ID), id);
	kfk_set_int(q, &q->root, Q(SESSION_EPOCH), epoch);
	return q;
}

static struct kfk_node *
list_of(struct kfk_tree *q, uint16_t id)
{
	struct kfk_node *list = kfk_get(&q->root, id);

	return list == NULL ? kfk_set_empty(q, &q->root, id) : list;
}

/* Partitions 0 to n - 1 of a topic: its name, or the letter of its id. */
static void
want(struct kfk_tree *q, const char *topic, int n)
{
	struct kfk_node *e = kfk_add(q, list_of(q, Q(TOPICS))), *parts;

	if (q->version < 13)
		kfk_set_str(q, e, Q(TOPICS_TOPIC), alv_str_of(topic));
	else
		kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), stage_id(topic[0]));
	parts = kfk_set_empty(q, e, Q(TOPICS_PARTITIONS));
	for (int i = 0; i < n; i++) {
		struct kfk_node *p = kfk_add(q, parts);

		kfk_set_int(q, p, Q(TOPICS_PARTITIONS_PARTITION), i);
		kfk_set_int(q, p, Q(TOPICS_PARTITIONS_FETCH_OFFSET), 40 + i);
		kfk_set_int(q, p, Q(TOPICS_PARTITIONS_PARTITION_MAX_BYTES), 1000);
	}
}

static void
forget(struct kfk_tree *q, const char *topic, int index)
{
	struct kfk_node *e = kfk_add(q, list_of(q, Q(FORGOTTEN_TOPICS_DATA)));

	if (q->version < 13)
		kfk_set_str(q, e, Q(FORGOTTEN_TOPICS_DATA_TOPIC), alv_str_of(topic));
	else
		kfk_set_uuid(q, e, Q(FORGOTTEN_TOPICS_DATA_TOPIC_ID), stage_id(topic[0]));
	kfk_add(q, kfk_set_empty(q, e, Q(FORGOTTEN_TOPICS_DATA_PARTITIONS)))->v.i = index;
}

/* What the broker gets. */
static struct kfk_tree *
goes(struct stage *s, int64_t id, int64_t epoch, size_t topics, size_t forgotten)
{
	struct kfk_tree *q;

	assert_int_equal(stage_send(s), API_FORWARD);
	q = stage_upstream(s);
	assert_int_equal(kfk_get_int(q, &q->root, Q(SESSION_ID)), id);
	assert_int_equal(kfk_get_int(q, &q->root, Q(SESSION_EPOCH)), epoch);
	assert_int_equal(stage_count(&q->root, Q(TOPICS)), topics);
	assert_int_equal(stage_count(&q->root, Q(FORGOTTEN_TOPICS_DATA)), forgotten);
	return q;
}

/* A request that is answered here: the code at the top, no session, so many topics. */
static struct kfk_tree *
refused(struct stage *s, int16_t code, size_t topics)
{
	struct kfk_tree *r;

	assert_int_equal(stage_send(s), API_ANSWER);
	r = stage_client(s);
	assert_int_equal(kfk_get_int(r, &r->root, R(ERROR_CODE)), code);
	assert_int_equal(kfk_get_int(r, &r->root, R(SESSION_ID)), 0);
	assert_int_equal(stage_count(&r->root, R(RESPONSES)), topics);
	return r;
}

/* ---- responses ----------------------------------------------------------------------------------------- */

static struct kfk_tree *
broker(struct stage *s, int64_t id, int16_t code)
{
	struct kfk_tree *r;

	alv_chain_clear(&s->call.out);
	r = stage_broker(s);
	kfk_set_int(r, &r->root, R(SESSION_ID), id);
	kfk_set_int(r, &r->root, R(ERROR_CODE), code);
	return r;
}

static void
give(struct kfk_tree *r, const char *topic)
{
	struct kfk_node *e = kfk_add(r, kfk_get(&r->root, R(RESPONSES)) == NULL ? kfk_set_empty(r, &r->root, R(RESPONSES))
										: kfk_get(&r->root, R(RESPONSES)));

	if (r->version < 13)
		kfk_set_str(r, e, R(RESPONSES_TOPIC), alv_str_of(topic));
	else
		kfk_set_uuid(r, e, R(RESPONSES_TOPIC_ID), stage_id(topic[0]));
	(void)kfk_add(r, kfk_set_empty(r, e, R(RESPONSES_PARTITIONS)));
}

/* -> the session that the client is told. */
static int64_t
told(struct stage *s, int16_t code, size_t topics)
{
	struct kfk_tree *r;

	assert_int_equal(stage_reply(s), API_ANSWER);
	r = stage_client(s);
	assert_int_equal(kfk_get_int(r, &r->root, R(ERROR_CODE)), code);
	assert_int_equal(stage_count(&r->root, R(RESPONSES)), topics);
	return kfk_get_int(r, &r->root, R(SESSION_ID));
}

static int64_t
answered(struct stage *s, int64_t id, int16_t code)
{
	(void)broker(s, id, code);
	return told(s, code, 0);
}

static const char *
orders(int16_t version)
{
	return version < 13 ? "orders" : "o";
}

static const char *
physical_orders(int16_t version)
{
	return version < 13 ? "acme.orders" : "o";
}

/* A session with two partitions of orders. */
static int64_t
open_one(struct stage *s, int16_t version, int64_t up)
{
	struct kfk_tree *r;
	int64_t		 id;

	want(ask(s, version, 0, 0), orders(version), 2);
	(void)goes(s, 0, 0, 1, 0);
	r = broker(s, up, 0);
	give(r, physical_orders(version));
	id = told(s, 0, 1);
	assert_in_range(id, 1, INT32_MAX);
	assert_int_not_equal(id, up);
	return id;
}

static uint64_t
metric(struct stage *s, const char *line)
{
	struct met_worker *w = s->worker.meter;
	struct alv_buf	   out;
	const char	  *at;
	uint64_t	   v;

	alv_buf_init(&out, 1 << 20);
	met_render(&w, 1, &out);
	alv_buf_byte(&out, 0);
	assert_int_equal(out.err, ALV_OK);
	at = strstr((char *)out.p, line);
	assert_non_null(at);
	v = strtoull(at + strlen(line), NULL, 10);
	alv_buf_fini(&out);
	return v;
}

/* The rules of acme are others from now on. */
static void
publish(struct stage *s, const struct pol_rule *rules, size_t n, uint64_t revision)
{
	stage_tenant_at(s, "acme", "acme-cluster-id-22char", POL_ACTIVE, rules, n, revision);
}

/* ---- timelines ------------------------------------------------------------------------------------------ */

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

		stage_open(&s, denies, 1);
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
