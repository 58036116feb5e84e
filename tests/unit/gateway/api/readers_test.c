/* Whose a fetch is: by what the members were given who cannot be told apart from who fetches, and nobody's where that is not certain. */
#include "reader_stage.h"

/* ---- the table ---------------------------------------------------------------------------------------- */

static void
groups_of_one_host(void **state)
{
	struct api_readers   *r = api_readers_new(1 << 20);
	struct api_reader_key k = client(r, "acme", "User:a", "rdkafka", "192.0.2.1"), other;

	(void)state;
	found(r, k, "o0", NOW, NULL);
	set(r, k, "billing", "m1", "o0 o1", NOW);
	set(r, k, "billing", "m2", "o2", NOW);
	set(r, k, "mail", "m3", "s0 s1", NOW);
	found(r, k, "o0", NOW, "billing");
	found(r, k, "o1 o0", NOW, "billing");
	found(r, k, "o2 o1", NOW, "billing");	/* of two of its members, who cannot be told apart */
	found(r, k, "s1", NOW, "mail");
	found(r, k, "s0 o0", NOW, NULL);	/* of no group all of it */
	found(r, k, "o3", NOW, NULL);
	found(r, k, "", NOW, NULL);
	/* Another group reads the same. */
	set(r, k, "audit", "m4", "o0 s0", NOW);
	found(r, k, "o0", NOW, NULL);
	found(r, k, "o0 o1", NOW, "billing");
	found(r, k, "o0 s0", NOW, "audit");
	found(r, k, "s0", NOW, NULL);
	/* Any of what tells clients apart tells these apart. */
	other = client(r, "globex", "User:a", "rdkafka", "192.0.2.1");
	found(r, other, "o1", NOW, NULL);
	other = client(r, "acme", "User:b", "rdkafka", "192.0.2.1");
	found(r, other, "o1", NOW, NULL);
	other = client(r, "acme", "User:a", "consumer-x-1", "192.0.2.1");
	found(r, other, "o1", NOW, NULL);
	other = client(r, "acme", "User:a", "rdkafka", "192.0.2.2");
	set(r, other, "audit", "m5", "o1", NOW);
	found(r, other, "o1", NOW, "audit");
	found(r, k, "o1", NOW, "billing");
	api_readers_free(r);
	api_readers_free(NULL);
}

static void
members_come_and_go(void **state)
{
	struct api_readers   *r = api_readers_new(1 << 20);
	struct api_reader_key k = client(r, "acme", "User:a", "rdkafka", "192.0.2.1");
	uint64_t	      version = api_readers_version(r, k);

	(void)state;
	set(r, k, "billing", "m1", "o0 o1", NOW);
	assert_int_not_equal(api_readers_version(r, k), version);
	version = api_readers_version(r, k);
	api_readers_seen(r, k, ALV_STR("billing"), ALV_STR("m1"), NOW + 50);
	api_readers_seen(r, k, ALV_STR("billing"), ALV_STR("nobody"), NOW + 50);
	assert_int_equal(api_readers_version(r, k), version);	/* heartbeats change nothing */
	set(r, k, "billing", "m1", "o1", NOW + 51);
	found(r, k, "o0", NOW + 51, NULL);
	found(r, k, "o1", NOW + 51, "billing");
	/* Whoever was not heard of does not count any more. */
	found(r, k, "o1", NOW + 51 + API_READERS_STALE_S, "billing");
	found(r, k, "o1", NOW + 52 + API_READERS_STALE_S, NULL);
	api_readers_seen(r, k, ALV_STR("billing"), ALV_STR("m1"), NOW + 200);
	found(r, k, "o1", NOW + 200, "billing");
	set(r, k, "mail", "m2", "o1", NOW + 200);
	found(r, k, "o1", NOW + 200, NULL);
	version = api_readers_version(r, k);
	api_readers_gone(r, k, ALV_STR("mail"), ALV_STR("m1"));	/* another's */
	found(r, k, "o1", NOW + 200, NULL);
	api_readers_gone(r, k, ALV_STR("mail"), ALV_STR("m2"));
	assert_int_not_equal(api_readers_version(r, k), version);
	found(r, k, "o1", NOW + 200, "billing");
	api_readers_gone(r, k, ALV_STR("billing"), ALV_STR("m1"));
	found(r, k, "o1", NOW + 200, NULL);
	set(r, k, "billing", "m1", "", NOW + 200);
	found(r, k, "o1", NOW + 200, NULL);
	api_readers_free(r);
}

/* One tenant fills its quarter; the others are known all the same, and what goes makes room. */
static void
nobody_fills_it(void **state)
{
	struct api_readers   *r = api_readers_new(64 * 1024);
	struct api_reader_key greedy = client(r, "acme", "User:a", "x", "h"), k = client(r, "globex", "User:a", "x", "h");
	char		      name[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "client-%d", i);
		set(r, client(r, "acme", "User:a", name, "h"), "g", "m", "o0 o1 o2 o3", NOW);
	}
	found(r, client(r, "acme", "User:a", "client-0", "h"), "o0", NOW, "g");
	found(r, client(r, "acme", "User:a", "client-999", "h"), "o0", NOW, NULL);
	set(r, k, "g", "m", "o0", NOW);
	found(r, k, "o0", NOW, "g");
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "client-%d", i);
		api_readers_gone(r, client(r, "acme", "User:a", name, "h"), ALV_STR("g"), ALV_STR("m"));
	}
	set(r, greedy, "g", "m", "o0", NOW);
	found(r, greedy, "o0", NOW, "g");
	api_readers_free(r);
}

/* ---- as clients do it -------------------------------------------------------------------------------------- */

static void
a_fetch_is_charged_to_its_group(void **state)
{
	static const int16_t versions[] = { 4, 11, 13, 17 };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(versions); i++) {
		struct stage s;

		open_with(&s);
		assert_int_equal(charged(&s, versions[i], 1, false), NOBODYS);
		sync(&s, 5, "fast", "m1", "acme.orders", 0);
		assert_int_equal(charged(&s, versions[i], 1, false), FAST);
		assert_int_equal(charged(&s, versions[i], 2, false), FAST);
		if (versions[i] >= 7)
			assert_int_equal(charged(&s, versions[i], 2, true), FAST);
		assert_int_equal(charged(&s, versions[i], 3, false), NOBODYS);	/* it was given two */
		assert_int_equal(charged(&s, versions[i], 2, false), FAST);
		/* Another group of the very same client reads the same. */
		sync(&s, 5, "slow", "m2", "acme.orders", 0);
		shut(&s);
	}
}

static void
two_groups_of_one_client(void **state)
{
	struct stage	 s;
	struct kfk_tree *q;

	(void)state;
	open_with(&s);
	sync(&s, 5, "fast", "m1", "acme.orders", 0);
	sync(&s, 5, "slow", "m2", "acme.orders", 0);
	assert_int_equal(charged(&s, 17, 1, false), NOBODYS);
	q = stage_begin(&s, KFK_API_LEAVE_GROUP, 5);
	stage_str(q, KFK_LEAVE_GROUP_REQUEST_GROUP_ID, "fast");
	stage_str(q, KFK_LEAVE_GROUP_REQUEST_MEMBER_ID, "x");
	kfk_set_str(q, stage_add(q, &q->root, KFK_LEAVE_GROUP_REQUEST_MEMBERS), KFK_LEAVE_GROUP_REQUEST_MEMBERS_MEMBER_ID, ALV_STR("m1"));
	(void)stage_forwarded(&s);
	assert_int_equal(charged(&s, 17, 1, false), SLOW);
	/* Its heartbeats say whether it is still there. */
	for (int i = 0; i < 2; i++) {
		s.worker.now_us += 50000000;
		q = stage_begin(&s, KFK_API_HEARTBEAT, 4);
		stage_str(q, KFK_HEARTBEAT_REQUEST_GROUP_ID, "slow");
		stage_str(q, KFK_HEARTBEAT_REQUEST_MEMBER_ID, "m2");
		(void)stage_forwarded(&s);
		q = stage_broker(&s);
		kfk_set_int(q, &q->root, KFK_HEARTBEAT_RESPONSE_ERROR_CODE, i == 0 ? 0 : KFK_UNKNOWN_MEMBER_ID);
		assert_int_equal(stage_reply(&s), API_ANSWER);
		assert_int_equal(charged(&s, 17, 1, false), i == 0 ? SLOW : NOBODYS);
	}
	sync(&s, 5, "slow", "m2", "acme.orders", 0);
	assert_int_equal(charged(&s, 17, 1, false), SLOW);
	s.worker.now_us += 61000000;	/* silence */
	assert_int_equal(charged(&s, 17, 1, false), NOBODYS);
	shut(&s);
}

/* A topic that is not the tenant's is no part of it; nor is what ends too early. */
static void
nothing_is_learnt_of_nonsense(void **state)
{
	struct stage s;

	(void)state;
	open_with(&s);
	sync(&s, 5, "fast", "m1", "globex.orders", 0);
	assert_int_equal(charged(&s, 17, 1, false), NOBODYS);
	for (size_t cut = 1; cut < 35; cut++)
		sync(&s, 5, "fast", "m1", "acme.orders", cut);
	shut(&s);
}

static void
the_consumer_protocol(void **state)
{
	struct stage	 s;
	struct kfk_tree *q;

	(void)state;
	open_with(&s);
	for (int i = 0; i < 4; i++) {
		q = stage_begin(&s, KFK_API_CONSUMER_GROUP_HEARTBEAT, 0);
		stage_str(q, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_GROUP_ID, "slow");
		stage_str(q, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_MEMBER_ID, i == 0 ? "" : "m9");
		kfk_set_int(q, &q->root, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_MEMBER_EPOCH, i == 3 ? -1 : i);
		kfk_set_null(q, &q->root, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_TOPIC_PARTITIONS);
		(void)stage_forwarded(&s);
		q = stage_broker(&s);
		kfk_set_str(q, &q->root, KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_MEMBER_ID, ALV_STR("m9"));
		if (i == 0) {
			struct kfk_node *a = kfk_set_empty(q, &q->root, KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_ASSIGNMENT);
			struct kfk_node *t = stage_add(q, a, KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_ASSIGNMENT_TOPIC_PARTITIONS);

			kfk_set_uuid(q, t, KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_ID, stage_id('o'));
			kfk_add(q, kfk_set_empty(q, t, KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_ASSIGNMENT_TOPIC_PARTITIONS_PARTITIONS))->v.i = 0;
		} else {
			kfk_set_null(q, &q->root, KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_ASSIGNMENT);
		}
		assert_int_equal(stage_reply(&s), API_ANSWER);
		assert_int_equal(charged(&s, 17, 1, false), i == 3 ? NOBODYS : SLOW);
		assert_int_equal(charged(&s, 17, 2, false), NOBODYS);
		s.worker.now_us += 50000000;
	}
	shut(&s);
}

/* An answer is charged to the group that it was asked for, whatever was asked meanwhile. */
static void
each_answer_to_its_own(void **state)
{
	struct stage	 s;
	struct quo_cell *slow;
	struct api_call	 first;
	struct kfk_tree	 r;
	struct alv_chain body;

	(void)state;
	open_with(&s);
	sync(&s, 5, "slow", "m1", "acme.orders", 0);
	assert_int_equal(charged(&s, 17, 1, false), SLOW);
	slow = s.call.group;
	first = s.call;
	memset(&s.call, 0, sizeof(s.call));
	assert_int_equal(charged(&s, 17, 3, false), NOBODYS);
	kfk_tree_init(&r, kfk_schema_find(KFK_API_FETCH, KFK_RESPONSE), 17, &s.arena);
	alv_chain_init(&body, s.worker.pool);
	assert_int_equal(kfk_tree_encode(&r, &body), ALV_OK);
	(void)quo_charge(slow, SLOW, s.worker.now_us);	/* its credit is gone */
	(void)quo_charge(slow, SLOW / 2, s.worker.now_us);
	assert_int_equal(api_response(&first, &body), API_ANSWER);
	assert_in_range(quo_debt_us(slow, s.worker.now_us), 500001, 500100);
	assert_int_equal(quo_debt_us(s.call.group, s.worker.now_us), 0);
	assert_null(first.group);
	assert_in_range(s.conn.quota.muted_until_us, s.worker.now_us + 500001, s.worker.now_us + 500100);
	alv_chain_clear(&body);
	api_call_fini(&first);
	shut(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_of_one_host),
		cmocka_unit_test(members_come_and_go),
		cmocka_unit_test(nobody_fills_it),
		cmocka_unit_test(a_fetch_is_charged_to_its_group),
		cmocka_unit_test(two_groups_of_one_client),
		cmocka_unit_test(nothing_is_learnt_of_nonsense),
		cmocka_unit_test(the_consumer_protocol),
		cmocka_unit_test(each_answer_to_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
