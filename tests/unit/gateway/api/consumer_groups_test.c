/* ConsumerGroupHeartbeat: what a member subscribes to, what it owns, what it is given. */
#include "group_stage.h"

#define Q(f) KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_##f
#define R(f) KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_##f

static const struct pol_rule denies[] = { STAGE_DENY(POL_GROUP, "closed", POL_OP_READ),
	STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE) };
enum { DENIES = ALV_COUNT(denies) };

static struct kfk_tree *
beat(struct stage *s, int16_t version, const char *group)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_CONSUMER_GROUP_HEARTBEAT, version);

	stage_str(q, Q(GROUP_ID), group);
	stage_str(q, Q(MEMBER_ID), "m1");
	kfk_set_null(q, &q->root, Q(SUBSCRIBED_TOPIC_NAMES));
	kfk_set_null(q, &q->root, Q(TOPIC_PARTITIONS));
	return q;
}

static void
own(struct kfk_tree *q, struct alv_uuid id)
{
	struct kfk_node *e = stage_add(q, &q->root, Q(TOPIC_PARTITIONS));

	kfk_set_uuid(q, e, Q(TOPIC_PARTITIONS_TOPIC_ID), id);
	kfk_add(q, kfk_set_empty(q, e, Q(TOPIC_PARTITIONS_PARTITIONS)))->v.i = 1;
}

static void
subscriptions_are_mapped(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *a, *e;

	(void)state;
	for (int16_t v = 0; v <= 1; v++) {
		stage_open(&s, denies, DENIES);
		t = beat(&s, v, "billing");
		stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), "orders");
		stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), "globex.orders");
		stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), "shared");
		stage_str(t, Q(RACK_ID), "r1");
		stage_str(t, Q(SERVER_ASSIGNOR), "uniform");
		t = stage_forwarded(&s);
		stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.billing");
		stage_text(stage_at(&t->root, Q(SUBSCRIBED_TOPIC_NAMES), 0)->v.s, "acme.orders");
		stage_text(stage_at(&t->root, Q(SUBSCRIBED_TOPIC_NAMES), 1)->v.s, "acme.globex.orders");
		stage_text(stage_at(&t->root, Q(SUBSCRIBED_TOPIC_NAMES), 2)->v.s, "legacy.shared");
		stage_text(kfk_get_str(t, &t->root, Q(RACK_ID)), NULL);
		stage_text(kfk_get_str(t, &t->root, Q(SERVER_ASSIGNOR)), "uniform");
		t = stage_answers(&s);
		stage_str(t, R(ERROR_MESSAGE), "Group acme.billing is at real1 beside globex.x");
		stage_str(t, R(MEMBER_ID), "m1");
		a = kfk_set_empty(t, &t->root, R(ASSIGNMENT));
		for (const char *ids = "ogcl"; *ids != '\0'; ids++) {
			e = stage_add(t, a, R(ASSIGNMENT_TOPIC_PARTITIONS));
			kfk_set_uuid(t, e, R(ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_ID), stage_id(*ids));
		}
		t = stage_replied(&s);
		a = kfk_get(&t->root, R(ASSIGNMENT));
		assert_int_equal(stage_count(a, R(ASSIGNMENT_TOPIC_PARTITIONS)), 2);
		e = stage_at(a, R(ASSIGNMENT_TOPIC_PARTITIONS), 1);
		assert_true(alv_uuid_eq(kfk_get_uuid(t, e, R(ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_ID)), stage_id('l')));
		stage_close(&s);
	}
}

/* Null: unchanged. Empty: nothing any more. */
static void
null_and_empty_stay_what_they_are(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 1; v++) {
		stage_open(&s, denies, DENIES);
		(void)beat(&s, v, "billing");
		t = stage_forwarded(&s);
		e = kfk_get(&t->root, Q(SUBSCRIBED_TOPIC_NAMES));
		assert_true(e == NULL || e->v.is_null);
		e = kfk_get(&t->root, Q(TOPIC_PARTITIONS));
		assert_true(e == NULL || e->v.is_null);
		stage_text(kfk_get_str(t, &t->root, Q(SUBSCRIBED_TOPIC_REGEX)), NULL);
		t = beat(&s, v, "billing");
		kfk_set_empty(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES));
		own(t, stage_id('g'));
		if (v >= 1)
			stage_str(t, Q(SUBSCRIBED_TOPIC_REGEX), "");
		t = stage_forwarded(&s);
		e = kfk_get(&t->root, Q(SUBSCRIBED_TOPIC_NAMES));
		assert_true(e != NULL && !e->v.is_null && e->n == 0);
		e = kfk_get(&t->root, Q(TOPIC_PARTITIONS));
		assert_true(e != NULL && !e->v.is_null && e->n == 0);
		if (v >= 1)
			stage_text(kfk_get_str(t, &t->root, Q(SUBSCRIBED_TOPIC_REGEX)), "");
		/* No assignment in the answer: none is made up. */
		(void)stage_answers(&s);
		t = stage_replied(&s);
		e = kfk_get(&t->root, R(ASSIGNMENT));
		assert_true(e == NULL || e->v.is_null);
		stage_close(&s);
	}
}

static void
one_refusal_is_the_whole_requests(void **state)
{
	static const struct { const char *group, *first, *second; int16_t code; } cases[] = {
		{ "closed", "orders", "orders", KFK_GROUP_AUTHORIZATION_FAILED },
		{ "", "orders", "orders", KFK_INVALID_REQUEST },
		{ "a\xff", "orders", "orders", KFK_INVALID_REQUEST },
		{ "billing", "orders", "secret", KFK_TOPIC_AUTHORIZATION_FAILED },
		{ "billing", "secret", "orders", KFK_TOPIC_AUTHORIZATION_FAILED },
		{ "billing", "a b", "secret", KFK_TOPIC_AUTHORIZATION_FAILED },
		{ "billing", "orders", "a b", KFK_INVALID_TOPIC_EXCEPTION },
		{ "billing", "..", "orders", KFK_INVALID_TOPIC_EXCEPTION },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 1; v++)
		for (size_t i = 0; i < ALV_COUNT(cases); i++) {
			stage_open(&s, denies, DENIES);
			t = beat(&s, v, cases[i].group);
			stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), cases[i].first);
			stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), cases[i].second);
			t = stage_refused(&s);
			assert_int_equal(stage_int(t, R(ERROR_CODE)), cases[i].code);
			assert_int_equal(s.call.error_code, cases[i].code);
			stage_text(kfk_get_str(t, &t->root, R(MEMBER_ID)), NULL);
			assert_int_equal(stage_int(t, R(MEMBER_EPOCH)), 0);
			stage_close(&s);
		}
}

static void
what_is_owned_is_own(void **state)
{
	struct alv_uuid  metadata = { { 0 } }, zero = { { 0 } };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	metadata.b[15] = 1;
	for (int16_t v = 0; v <= 1; v++) {
		stage_open(&s, denies, DENIES);
		t = beat(&s, v, "billing");
		own(t, stage_id('g'));
		own(t, stage_id('o'));
		own(t, stage_id('c'));
		own(t, zero);
		own(t, stage_id('l'));
		clu_ids_learn(s.worker.ids, metadata, ALV_STR("__cluster_metadata"), s.worker.now_us);
		own(t, metadata);
		t = stage_forwarded(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPIC_PARTITIONS)), 2);
		assert_true(alv_uuid_eq(kfk_get_uuid(t, stage_at(&t->root, Q(TOPIC_PARTITIONS), 1), Q(TOPIC_PARTITIONS_TOPIC_ID)),
		    stage_id('l')));
		stage_close(&s);
	}
}

static void
owned_ids_may_have_to_be_asked_for(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct alv_uuid  id;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = beat(&s, 0, "billing");
	own(t, stage_id('n'));
	for (int i = 0; i < 2 * API_WAIT_IDS_MAX; i++) {
		id = stage_id('z');
		id.b[0] = (uint8_t)i;
		own(t, id);
	}
	assert_int_equal(stage_send(&s), API_WAIT);
	assert_int_equal(s.call.wait, API_WAIT_IDS);
	assert_int_equal(s.call.nids, API_WAIT_IDS_MAX);	/* however many there are */
	clu_ids_learn(s.worker.ids, stage_id('n'), ALV_STR("acme.new"), s.worker.now_us);
	s.call.ids_asked = true;
	assert_int_equal(api_request(&s.call, &s.body), API_FORWARD);
	t = stage_upstream(&s);
	assert_int_equal(stage_count(&t->root, Q(TOPIC_PARTITIONS)), 1);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subscriptions_are_mapped),
		cmocka_unit_test(null_and_empty_stay_what_they_are),
		cmocka_unit_test(one_refusal_is_the_whole_requests),
		cmocka_unit_test(what_is_owned_is_own),
		cmocka_unit_test(owned_ids_may_have_to_be_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
