/* ShareFetch and ShareAcknowledge: whose session it is, what of it the broker has, what is refused and said in its place. */
#include "share_stage.h"

#include "api/share_session.h"

static const struct pol_rule no_orders[] = { STAGE_DENY(POL_TOPIC, "orders", POL_OP_READ) };

/* ---- ShareFetch: who asks ------------------------------------------------------------------------------ */

static void
a_session_is_opened_used_and_closed(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	int16_t		 lo, hi;

	(void)state;
	stage_versions(KFK_API_SHARE_FETCH, &lo, &hi);
	for (int16_t v = lo; v <= hi; v++) {
		stage_open(&s, NULL, 0);
		t = share_ask(&s, v, 0);
		share_name(t, 'o', 0, false);
		share_name(t, 'l', 3, false);
		kfk_set_int(t, &t->root, Q(MAX_BYTES), 7654321);
		t = stage_forwarded(&s);
		stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.jobs");
		stage_text(kfk_get_str(t, &t->root, Q(MEMBER_ID)), "m1");
		assert_int_equal(stage_int(t, Q(MAX_BYTES)), 7654321);
		share_sent(t, 0, "o0 l3", "");
		assert_true(api_streams(&s.call));
		t = stage_answers(&s);
		kfk_set_int(t, &t->root, R(ACQUISITION_LOCK_TIMEOUT_MS), 30000);
		(void)share_give(&s, t, 'o', 0, 10);
		share_endpoints(t, 3, "real1");
		t = stage_replied(&s);
		share_told(t, "o0");
		assert_int_equal(stage_int(t, R(ACQUISITION_LOCK_TIMEOUT_MS)), 30000);
		assert_int_equal(stage_count(&t->root, R(NODE_ENDPOINTS)), 2);
		stage_text(kfk_get_str(t, stage_at(&t->root, R(NODE_ENDPOINTS), 1), R(NODE_ENDPOINTS_HOST)), "b2-acme.kafka.test");
		stage_text(kfk_get_str(t, stage_at(&t->root, R(NODE_ENDPOINTS), 1), R(NODE_ENDPOINTS_RACK)), NULL);
		/* No topic is named: the broker's session says what comes. */
		(void)share_ask(&s, v, 1);
		share_sent(stage_forwarded(&s), 1, "", "");
		t = stage_answers(&s);
		(void)share_give(&s, t, 'l', 3, 10);
		(void)share_give(&s, t, 'o', 0, 10);
		share_told(stage_replied(&s), "l3 o0");
		/* Acknowledgements at the end. */
		t = share_ask(&s, v, -1);
		share_name(t, 'o', 0, true);
		t = stage_forwarded(&s);
		share_sent(t, -1, "o0", "");
		assert_int_equal(stage_count(stage_at(stage_at(&t->root, Q(TOPICS), 0), Q(TOPICS_PARTITIONS), 0),
		    Q(TOPICS_PARTITIONS_ACKNOWLEDGEMENT_BATCHES)), 1);
		(void)stage_answers(&s);
		(void)stage_replied(&s);
		(void)share_ask(&s, v, 2);
		assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_SHARE_SESSION_NOT_FOUND);
		stage_close(&s);
	}
}

static void
who_may_not_ask_is_told(void **state)
{
	static const struct { const char *group, *member; int16_t code; } cases[] = {
		{ NULL, "m1", KFK_INVALID_REQUEST }, { "", "m1", KFK_INVALID_REQUEST }, { "a\xff", "m1", KFK_INVALID_REQUEST },
		{ "closed", "m1", KFK_GROUP_AUTHORIZATION_FAILED }, { "closed", "", KFK_GROUP_AUTHORIZATION_FAILED },
		{ "watched", "m1", KFK_GROUP_AUTHORIZATION_FAILED }, { "jobs", "", KFK_INVALID_REQUEST },
		{ "jobs", NULL, KFK_INVALID_REQUEST }, { "jobs", "0123456789012345678901234567890123456", KFK_INVALID_REQUEST },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 1; v <= 2; v++)
		for (size_t i = 0; i < ALV_COUNT(cases); i++) {
			stage_open(&s, share_denies, SHARE_DENIES);
			t = share_ask(&s, v, 0);
			stage_str(t, Q(GROUP_ID), cases[i].group);
			stage_str(t, Q(MEMBER_ID), cases[i].member);
			share_name(t, 'o', 0, false);
			t = stage_refused(&s);
			assert_int_equal(stage_int(t, R(ERROR_CODE)), cases[i].code);
			assert_int_equal(stage_count(&t->root, R(RESPONSES)), 0);
			t = stage_begin(&s, KFK_API_SHARE_ACKNOWLEDGE, v);
			stage_str(t, KFK_SHARE_ACKNOWLEDGE_REQUEST_GROUP_ID, cases[i].group);
			stage_str(t, KFK_SHARE_ACKNOWLEDGE_REQUEST_MEMBER_ID, cases[i].member);
			kfk_set_int(t, &t->root, KFK_SHARE_ACKNOWLEDGE_REQUEST_SHARE_SESSION_EPOCH, 1);
			t = stage_refused(&s);
			assert_int_equal(stage_int(t, KFK_SHARE_ACKNOWLEDGE_RESPONSE_ERROR_CODE), cases[i].code);
			stage_close(&s);
		}
}

/* Brokers find a session by group and member, whoever asks: here it is its connection's. */
static void
another_connections_session_is_none(void **state)
{
	struct stage	  s;
	struct api_shares *theirs;
	struct kfk_tree	 *t;

	(void)state;
	for (int32_t epoch = -1; epoch <= 1; epoch += 2) {
		stage_open(&s, NULL, 0);
		share_open(&s, 2, "o");
		theirs = s.conn.shares;
		s.conn.shares = NULL;
		(void)share_ask(&s, 2, epoch);
		assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_SHARE_SESSION_NOT_FOUND);
		s.conn.shares = theirs;
		t = share_ask(&s, 2, epoch);
		stage_str(t, Q(MEMBER_ID), "m2");
		assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_SHARE_SESSION_NOT_FOUND);
		t = share_ask(&s, 2, epoch);
		stage_str(t, Q(GROUP_ID), "others");
		assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_SHARE_SESSION_NOT_FOUND);
		(void)share_ask(&s, 2, epoch);
		(void)stage_forwarded(&s);
		stage_close(&s);
	}
}

static void
sessions_are_bounded(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;
	char		 name[16];

	(void)state;
	stage_open(&s, NULL, 0);
	for (int i = 0; i <= API_SHARES_MAX; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		t = share_ask(&s, 1, 0);
		stage_str(t, Q(MEMBER_ID), name);
		if (i < API_SHARES_MAX)
			(void)stage_forwarded(&s);
		else
			assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_SHARE_SESSION_LIMIT_REACHED);
	}
	/* One partition too many ends it: the client opens another one. */
	t = share_ask(&s, 1, 0);
	e = stage_add(t, &t->root, Q(TOPICS));
	kfk_set_uuid(t, e, Q(TOPICS_TOPIC_ID), stage_id('o'));
	for (int32_t i = 0; i <= API_SHARE_PARTS_MAX; i++)
		kfk_set_int(t, stage_add(t, e, Q(TOPICS_PARTITIONS)), Q(TOPICS_PARTITIONS_PARTITION_INDEX), i);
	assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_SHARE_SESSION_LIMIT_REACHED);
	(void)share_ask(&s, 1, 1);
	assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_SHARE_SESSION_NOT_FOUND);
	stage_close(&s);
}

/* The broker knows better: its answer passes, and what was kept of the session goes. */
static void
a_session_that_the_broker_lost_is_lost(void **state)
{
	static const struct { int16_t code; bool lost; } cases[] = { { KFK_SHARE_SESSION_NOT_FOUND, true },
		{ KFK_INVALID_SHARE_SESSION_EPOCH, true }, { KFK_SHARE_SESSION_LIMIT_REACHED, true }, { KFK_INVALID_REQUEST, false } };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, NULL, 0);
		share_open(&s, 1, "o");
		(void)share_ask(&s, 1, 1);
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		kfk_set_int(t, &t->root, R(ERROR_CODE), cases[i].code);
		kfk_set_str(t, &t->root, R(ERROR_MESSAGE), ALV_STR("Session of acme.jobs at real1 beside globex.x"));
		t = stage_replied(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), cases[i].code);
		(void)share_ask(&s, 1, 2);
		assert_int_equal(stage_send(&s), cases[i].lost ? API_ANSWER : API_FORWARD);
		stage_close(&s);
	}
}

/* ---- ShareFetch: what may be read ------------------------------------------------------------------------- */

static void
what_may_not_be_read_stays_here(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *p;

	(void)state;
	stage_open(&s, share_denies, SHARE_DENIES);
	t = share_ask(&s, 2, 0);
	for (const char *ids = "sogc"; *ids != '\0'; ids++)
		share_name(t, *ids, 0, false);
	share_sent(stage_forwarded(&s), 0, "o0", "");
	t = stage_answers(&s);
	(void)share_give(&s, t, 'o', 0, 10);
	t = stage_replied(&s);
	share_told(t, "o0 c0 g0 s0");
	share_codes(t, 1, 0, KFK_UNKNOWN_TOPIC_ID, 0);
	share_codes(t, 2, 0, KFK_UNKNOWN_TOPIC_ID, 0);
	share_codes(t, 3, 0, KFK_TOPIC_AUTHORIZATION_FAILED, 0);
	p = stage_at(stage_at(&t->root, R(RESPONSES), 1), R(RESPONSES_PARTITIONS), 0);
	assert_int_equal(kfk_get_int(t, kfk_get(p, R(RESPONSES_PARTITIONS_CURRENT_LEADER)),
	    R(RESPONSES_PARTITIONS_CURRENT_LEADER_LEADER_ID)), -1);
	/* It is said each time, until the client forgets them; the broker hears nothing of them. */
	(void)share_ask(&s, 2, 1);
	share_sent(stage_forwarded(&s), 1, "", "");
	(void)stage_answers(&s);
	share_told(stage_replied(&s), "c0 g0 s0");
	t = share_ask(&s, 2, 2);
	share_forget(t, 'g', 0);
	share_forget(t, 'x', 0);
	share_forget(t, 'c', 1);
	share_sent(stage_forwarded(&s), 2, "", "");
	(void)stage_answers(&s);
	share_told(stage_replied(&s), "c0 s0");
	stage_close(&s);
}

static void
rights_change_under_a_session(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	share_open(&s, 2, "ol");
	/* Taken away: the broker forgets it, and its records do not come any more. */
	share_rules(&s, no_orders, 1);
	(void)share_ask(&s, 2, 1);
	share_sent(stage_forwarded(&s), 1, "", "o0");
	t = stage_answers(&s);
	(void)share_give(&s, t, 'l', 0, 10);
	(void)share_give(&s, t, 'o', 0, 10);
	t = stage_replied(&s);
	share_told(t, "l0 o0");
	share_codes(t, 1, 0, KFK_TOPIC_AUTHORIZATION_FAILED, 0);
	assert_int_equal(kfk_get_bytes(t, stage_at(stage_at(&t->root, R(RESPONSES), 1), R(RESPONSES_PARTITIONS), 0),
	    R(RESPONSES_PARTITIONS_RECORDS)).n, 0);
	(void)share_ask(&s, 2, 2);
	share_sent(stage_forwarded(&s), 2, "", "");
	(void)stage_answers(&s);
	share_told(stage_replied(&s), "o0");
	/* Given back: it is named again, though the client said nothing. */
	share_rules(&s, NULL, 0);
	(void)share_ask(&s, 2, 3);
	share_sent(stage_forwarded(&s), 3, "o0", "");
	t = stage_answers(&s);
	(void)share_give(&s, t, 'o', 0, 10);
	share_told(stage_replied(&s), "o0");
	/* The group's right is asked for as well. */
	share_rules(&s, (const struct pol_rule[]){ STAGE_DENY(POL_GROUP, "jobs", POL_OP_READ) }, 1);
	(void)share_ask(&s, 2, 4);
	assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
	stage_close(&s);
}

/* What was pipelined behind it changes nothing of what an answer may hold. */
static void
an_answer_is_held_against_its_own_request(void **state)
{
	struct api_call	 later;
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	share_open(&s, 2, "o");
	(void)share_ask(&s, 2, 1);
	(void)stage_forwarded(&s);
	later = s.call;
	memset(&s.call, 0, sizeof(s.call));
	t = share_ask(&s, 2, 2);
	share_name(t, 'l', 0, false);
	share_forget(t, 'o', 0);
	share_sent(stage_forwarded(&s), 2, "l0", "o0");
	api_call_fini(&s.call);
	s.call = later;		/* the first one's answer */
	t = stage_answers(&s);
	(void)share_give(&s, t, 'o', 0, 10);
	(void)share_give(&s, t, 'l', 0, 10);
	share_told(stage_replied(&s), "o0");
	stage_close(&s);
}

static void
acknowledgements_are_refused_beside_the_fetch(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, share_denies, SHARE_DENIES);
	share_open(&s, 2, "os");
	t = share_ask(&s, 2, 1);
	share_name(t, 's', 0, true);
	share_name(t, 'o', 0, true);
	share_name(t, 'g', 1, true);
	share_forget(t, 'g', 1);
	share_sent(stage_forwarded(&s), 1, "o0", "");
	t = stage_answers(&s);
	(void)share_give(&s, t, 'o', 0, 0);
	t = stage_replied(&s);
	share_told(t, "o0 g1 s0");
	share_codes(t, 0, 0, 0, 0);
	share_codes(t, 1, 0, 0, KFK_UNKNOWN_TOPIC_ID);
	share_codes(t, 2, 0, KFK_TOPIC_AUTHORIZATION_FAILED, KFK_TOPIC_AUTHORIZATION_FAILED);
	/* A renewal fetches nothing. */
	t = share_ask(&s, 2, 2);
	kfk_set_int(t, &t->root, Q(IS_RENEW_ACK), 1);
	share_name(t, 's', 0, true);
	t = stage_forwarded(&s);
	assert_int_equal(stage_int(t, Q(IS_RENEW_ACK)), 1);
	(void)stage_answers(&s);
	t = stage_replied(&s);
	share_told(t, "s0");
	share_codes(t, 0, 0, 0, KFK_TOPIC_AUTHORIZATION_FAILED);
	/* Nor does the last one. */
	t = share_ask(&s, 2, -1);
	share_name(t, 's', 0, true);
	share_name(t, 'o', 0, true);
	share_sent(stage_forwarded(&s), -1, "o0", "");
	(void)stage_answers(&s);
	t = stage_replied(&s);
	share_told(t, "s0");
	share_codes(t, 0, 0, 0, KFK_TOPIC_AUTHORIZATION_FAILED);
	stage_close(&s);
}

/* A partition that is only acknowledged is named and forgotten in one request: the broker has to forget it as well. */
static void
named_and_forgotten_is_both(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	share_open(&s, 1, "o");
	t = share_ask(&s, 1, 1);
	share_name(t, 'o', 0, true);
	share_name(t, 'o', 1, true);
	share_forget(t, 'o', 0);
	share_forget(t, 'o', 1);
	share_sent(stage_forwarded(&s), 1, "o0 o1", "o0 o1");
	t = stage_answers(&s);
	(void)share_give(&s, t, 'o', 1, 0);
	share_told(stage_replied(&s), "o1");
	(void)share_ask(&s, 1, 2);
	share_sent(stage_forwarded(&s), 2, "", "");
	t = stage_answers(&s);
	(void)share_give(&s, t, 'o', 0, 0);	/* nobody has that in a session any more */
	share_told(stage_replied(&s), "");
	stage_close(&s);
}

/* Ids that nobody knows yet are asked for before anything of the session changes. */
static void
ids_are_asked_for_first(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	share_open(&s, 1, "o");
	t = share_ask(&s, 1, 1);
	share_name(t, 'n', 0, false);
	share_name(t, 'x', 0, false);
	share_forget(t, 'o', 0);
	assert_int_equal(stage_send(&s), API_WAIT);
	assert_int_equal(s.call.wait, API_WAIT_IDS);
	assert_int_equal(s.call.nids, 2);
	clu_ids_learn(s.worker.ids, stage_id('n'), ALV_STR("acme.new"), s.worker.now_us);
	s.call.ids_asked = true;
	assert_int_equal(api_request(&s.call, &s.body), API_FORWARD);
	share_sent(stage_upstream(&s), 1, "n0", "o0");
	t = stage_answers(&s);
	(void)share_give(&s, t, 'n', 0, 10);
	t = stage_replied(&s);
	share_told(t, "n0 x0");
	share_codes(t, 1, 0, KFK_UNKNOWN_TOPIC_ID, 0);
	stage_close(&s);
}

static void
what_the_broker_says_is_cleaned(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *p;

	(void)state;
	stage_open(&s, NULL, 0);
	share_open(&s, 1, "o");
	(void)share_ask(&s, 1, 1);
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	p = share_give(&s, t, 'o', 7, 0);
	kfk_set_int(t, p, R(RESPONSES_PARTITIONS_ERROR_CODE), KFK_NOT_LEADER_OR_FOLLOWER);
	kfk_set_str(t, p, R(RESPONSES_PARTITIONS_ERROR_MESSAGE), ALV_STR("globex.x is at real2"));
	kfk_set_int(t, p, R(RESPONSES_PARTITIONS_ACKNOWLEDGE_ERROR_CODE), KFK_INVALID_RECORD_STATE);
	kfk_set_str(t, p, R(RESPONSES_PARTITIONS_ACKNOWLEDGE_ERROR_MESSAGE), ALV_STR("acme.orders has no such record"));
	for (const char *ids = "gcsx"; *ids != '\0'; ids++)
		(void)share_give(&s, t, *ids, 0, 10);
	t = stage_replied(&s);
	share_told(t, "o7");
	p = stage_at(stage_at(&t->root, R(RESPONSES), 0), R(RESPONSES_PARTITIONS), 0);
	stage_text(kfk_get_str(t, p, R(RESPONSES_PARTITIONS_ERROR_MESSAGE)), kfk_code_text(KFK_NOT_LEADER_OR_FOLLOWER));
	stage_text(kfk_get_str(t, p, R(RESPONSES_PARTITIONS_ACKNOWLEDGE_ERROR_MESSAGE)), "orders has no such record");
	assert_int_equal(kfk_get_int(t, kfk_get(p, R(RESPONSES_PARTITIONS_CURRENT_LEADER)),
	    R(RESPONSES_PARTITIONS_CURRENT_LEADER_LEADER_ID)), -1);
	stage_close(&s);
}
#undef Q
#undef R

/* ---- ShareAcknowledge ---------------------------------------------------------------------------------------- */

#define Q(f) KFK_SHARE_ACKNOWLEDGE_REQUEST_##f
#define R(f) KFK_SHARE_ACKNOWLEDGE_RESPONSE_##f

static struct kfk_tree *
acknowledge(struct stage *s, int16_t version, int32_t epoch, const char *ids)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_SHARE_ACKNOWLEDGE, version);
	struct kfk_node *e, *p, *b;

	stage_str(q, Q(GROUP_ID), "jobs");
	stage_str(q, Q(MEMBER_ID), "m1");
	kfk_set_int(q, &q->root, Q(SHARE_SESSION_EPOCH), epoch);
	for (; *ids != '\0'; ids++) {
		e = stage_add(q, &q->root, Q(TOPICS));
		kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), stage_id(*ids));
		p = stage_add(q, e, Q(TOPICS_PARTITIONS));
		b = stage_add(q, p, Q(TOPICS_PARTITIONS_ACKNOWLEDGEMENT_BATCHES));
		kfk_add(q, kfk_set_empty(q, b, Q(TOPICS_PARTITIONS_ACKNOWLEDGEMENT_BATCHES_ACKNOWLEDGE_TYPES)))->v.i = 2;
	}
	return q;
}

static void
records_are_acknowledged(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e, *p;

	(void)state;
	for (int16_t v = 1; v <= 2; v++) {
		stage_open(&s, share_denies, SHARE_DENIES);
		share_open(&s, v, "o");
		(void)acknowledge(&s, v, 1, "sog");
		t = stage_forwarded(&s);
		stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.jobs");
		assert_int_equal(stage_int(t, Q(SHARE_SESSION_EPOCH)), 1);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 1);
		t = stage_answers(&s);
		for (const char *ids = "og"; *ids != '\0'; ids++) {
			e = stage_add(t, &t->root, R(RESPONSES));
			kfk_set_uuid(t, e, R(RESPONSES_TOPIC_ID), stage_id(*ids));
			p = stage_add(t, e, R(RESPONSES_PARTITIONS));
			kfk_set_str(t, p, R(RESPONSES_PARTITIONS_ERROR_MESSAGE), ALV_STR("globex.x is at real1"));
			e = kfk_set_empty(t, p, R(RESPONSES_PARTITIONS_CURRENT_LEADER));
			kfk_set_int(t, e, R(RESPONSES_PARTITIONS_CURRENT_LEADER_LEADER_ID), 9);
		}
		for (int i = 1; i <= 3; i++) {
			e = stage_add(t, &t->root, R(NODE_ENDPOINTS));
			kfk_set_int(t, e, R(NODE_ENDPOINTS_NODE_ID), i);
			kfk_set_str(t, e, R(NODE_ENDPOINTS_HOST), ALV_STR("real1.internal"));
		}
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R(RESPONSES)), 3);
		p = stage_at(stage_at(&t->root, R(RESPONSES), 0), R(RESPONSES_PARTITIONS), 0);
		assert_int_equal(kfk_get_int(t, kfk_get(p, R(RESPONSES_PARTITIONS_CURRENT_LEADER)),
		    R(RESPONSES_PARTITIONS_CURRENT_LEADER_LEADER_ID)), -1);
		p = stage_at(stage_at(&t->root, R(RESPONSES), 1), R(RESPONSES_PARTITIONS), 0);
		assert_int_equal(kfk_get_int(t, p, R(RESPONSES_PARTITIONS_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
		p = stage_at(stage_at(&t->root, R(RESPONSES), 2), R(RESPONSES_PARTITIONS), 0);
		assert_int_equal(kfk_get_int(t, p, R(RESPONSES_PARTITIONS_ERROR_CODE)), KFK_UNKNOWN_TOPIC_ID);
		assert_int_equal(stage_count(&t->root, R(NODE_ENDPOINTS)), 2);
		/* With nothing left it goes all the same: the broker counts it. */
		(void)acknowledge(&s, v, 2, "g");
		t = stage_forwarded(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 0);
		(void)stage_answers(&s);
		assert_int_equal(stage_count(&stage_replied(&s)->root, R(RESPONSES)), 1);
		(void)acknowledge(&s, v, -1, "o");
		(void)stage_forwarded(&s);
		(void)stage_answers(&s);
		(void)stage_replied(&s);
		(void)acknowledge(&s, v, 3, "o");
		assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_SHARE_SESSION_NOT_FOUND);
		stage_close(&s);
	}
}

static void
an_acknowledgement_opens_nothing(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	(void)acknowledge(&s, 1, 0, "o");
	assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_INVALID_SHARE_SESSION_EPOCH);
	share_open(&s, 1, "o");
	(void)acknowledge(&s, 1, 7, "o");
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	kfk_set_int(t, &t->root, R(ERROR_CODE), KFK_INVALID_SHARE_SESSION_EPOCH);
	t = stage_replied(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INVALID_SHARE_SESSION_EPOCH);
	(void)acknowledge(&s, 1, 1, "o");
	assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_SHARE_SESSION_NOT_FOUND);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_is_opened_used_and_closed),
		cmocka_unit_test(who_may_not_ask_is_told),
		cmocka_unit_test(another_connections_session_is_none),
		cmocka_unit_test(sessions_are_bounded),
		cmocka_unit_test(a_session_that_the_broker_lost_is_lost),
		cmocka_unit_test(what_may_not_be_read_stays_here),
		cmocka_unit_test(rights_change_under_a_session),
		cmocka_unit_test(an_answer_is_held_against_its_own_request),
		cmocka_unit_test(acknowledgements_are_refused_beside_the_fetch),
		cmocka_unit_test(named_and_forgotten_is_both),
		cmocka_unit_test(ids_are_asked_for_first),
		cmocka_unit_test(what_the_broker_says_is_cleaned),
		cmocka_unit_test(records_are_acknowledged),
		cmocka_unit_test(an_acknowledgement_opens_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
