/* Limits that are not of bytes: a worker's time, partitions created and deleted, connections. */
#include "quota_stage.h"

static void
time_is_charged_with_the_next_request(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(REQUEST_PERCENTAGE, 50) } };
	struct stage		      s;

	(void)state;
	open_with(&s, quotas, 1);
	assert_false(api_conn_timed(&s.conn));
	(void)stage_begin(&s, KFK_API_METADATA, 12);
	assert_int_equal(stage_send(&s), API_FORWARD);
	assert_true(api_conn_timed(&s.conn));
	s.conn.quota.worked_us = 600000;	/* of the half second that it has, and a tenth too much: that is two tenths to wait */
	(void)stage_begin(&s, KFK_API_METADATA, 12);
	assert_int_equal(stage_send(&s), API_FORWARD);
	muted_for(&s, 200 * MS);
	assert_int_equal(told(&s, 0), 200);
	assert_int_equal(s.conn.quota.worked_us, 0);
	publish(&s, NULL, 0);
	(void)stage_begin(&s, KFK_API_METADATA, 12);
	assert_int_equal(stage_send(&s), API_FORWARD);
	assert_false(api_conn_timed(&s.conn));
	shut(&s);
}

/* Who leaves before its next request owes what the last one took to whoever comes then. */
static void
time_is_charged_at_the_end(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(REQUEST_PERCENTAGE, 50) } };
	struct stage		      s;

	(void)state;
	open_with(&s, quotas, 1);
	(void)stage_begin(&s, KFK_API_METADATA, 12);
	assert_int_equal(stage_send(&s), API_FORWARD);
	s.conn.quota.worked_us = 600000;
	api_quota_fini(&s.conn);
	for (int i = 0; i < 2; i++) {
		(void)stage_begin(&s, KFK_API_METADATA, 12);
		assert_int_equal(stage_send(&s), API_FORWARD);
		s.conn.quota.worked_us = 300;	/* more than is charged later */
	}
	muted_for(&s, 200 * MS + 600);
	shut(&s);
}

/* ---- partitions created and deleted ------------------------------------------------------------------------- */

#define CQ(f) KFK_CREATE_TOPICS_REQUEST_##f
#define CR(f) KFK_CREATE_TOPICS_RESPONSE_##f

/* n topics of three partitions each; -> how many go on. */
static size_t
create(struct stage *s, int16_t version, size_t n)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_CREATE_TOPICS, version);
	struct kfk_node *list = kfk_set_empty(q, &q->root, CQ(TOPICS)), *e;
	enum api_result	 result;

	for (size_t i = 0; i < n; i++) {
		e = kfk_add(q, list);
		kfk_set_str(q, e, CQ(TOPICS_NAME), alv_arena_printf(&s->arena, "t%zu", i));
		kfk_set_int(q, e, CQ(TOPICS_NUM_PARTITIONS), 3);
		kfk_set_int(q, e, CQ(TOPICS_REPLICATION_FACTOR), 1);
	}
	result = stage_send(s);
	if (result == API_ANSWER)
		return 0;
	assert_int_equal(result, API_FORWARD);
	q = stage_upstream(s);
	return stage_count(&q->root, CQ(TOPICS));
}

static void
mutations_have_a_bucket(void **state)
{
	static const struct pol_quota quotas[] = { { OF_USER("alice"), LIMIT(CONTROLLER_MUTATION_RATE, 1) } };
	struct stage		      s;
	struct kfk_tree		     *r;

	(void)state;
	open_with(&s, quotas, 1);
	/* Eleven seconds' worth: the fourth topic still finds two tokens, the fifth none. */
	assert_int_equal(create(&s, 7, 6), 4);
	assert_int_equal(s.call.throttle_until_us, s.worker.now_us + S);
	r = stage_broker(&s);
	assert_int_equal(stage_reply(&s), API_ANSWER);
	r = stage_client(&s);
	assert_int_equal(kfk_get_int(r, &r->root, CR(THROTTLE_TIME_MS)), 1000);
	assert_int_equal(stage_count(&r->root, CR(TOPICS)), 2);
	assert_int_equal(kfk_get_int(r, stage_at(&r->root, CR(TOPICS), 0), CR(TOPICS_ERROR_CODE)), KFK_THROTTLING_QUOTA_EXCEEDED);
	pass(&s, S / 2);
	/* All of them: answered here. */
	assert_int_equal(create(&s, 6, 2), 0);
	r = stage_client(&s);
	assert_int_equal(kfk_get_int(r, &r->root, CR(THROTTLE_TIME_MS)), 500);
	/* Who does not know the code only waits. */
	assert_int_equal(create(&s, 5, 1), 1);
	assert_int_equal(s.call.throttle_until_us, s.worker.now_us + 3500 * MS);
	pass(&s, 3500 * MS);
	assert_int_equal(create(&s, 7, 1), 1);
	assert_int_equal(s.call.throttle_until_us, 0);
	shut(&s);
}

static void
deletes_and_growth_are_mutations(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(CONTROLLER_MUTATION_RATE, 0.1) } };
	static const int16_t	      versions[] = { 1, 5, 6 };
	struct stage		      s;
	struct kfk_tree		     *q;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(versions); i++) {
		open_with(&s, quotas, 1);
		for (int j = 0; j < 2; j++) {	/* `orders` has two partitions; there is room for one */
			q = stage_begin(&s, KFK_API_DELETE_TOPICS, versions[i]);
			if (versions[i] >= 6)
				kfk_set_uuid(q, kfk_add(q, kfk_set_empty(q, &q->root, KFK_DELETE_TOPICS_REQUEST_TOPICS)),
				    KFK_DELETE_TOPICS_REQUEST_TOPICS_TOPIC_ID, stage_id('o'));
			else
				kfk_add(q, kfk_set_empty(q, &q->root, KFK_DELETE_TOPICS_REQUEST_TOPIC_NAMES))->v.s = ALV_STR("orders");
			assert_int_equal(stage_send(&s), j == 0 || versions[i] < 5 ? API_FORWARD : API_ANSWER);
			assert_int_equal(s.call.throttle_until_us != 0, j == 1 || versions[i] < 5);
		}
		shut(&s);
	}
	open_with(&s, quotas, 1);
	for (int j = 0; j < 2; j++) {
		struct kfk_node *e;

		q = stage_begin(&s, KFK_API_CREATE_PARTITIONS, 3);
		e = kfk_add(q, kfk_set_empty(q, &q->root, KFK_CREATE_PARTITIONS_REQUEST_TOPICS));
		kfk_set_str(q, e, KFK_CREATE_PARTITIONS_REQUEST_TOPICS_NAME, ALV_STR("orders"));
		kfk_set_int(q, e, KFK_CREATE_PARTITIONS_REQUEST_TOPICS_COUNT, 4);
		kfk_set_null(q, e, KFK_CREATE_PARTITIONS_REQUEST_TOPICS_ASSIGNMENTS);
		assert_int_equal(stage_send(&s), j == 0 ? API_FORWARD : API_ANSWER);
	}
	q = stage_client(&s);
	assert_int_equal(kfk_get_int(q, stage_at(&q->root, KFK_CREATE_PARTITIONS_RESPONSE_RESULTS, 0), KFK_CREATE_PARTITIONS_RESPONSE_RESULTS_ERROR_CODE),
	    KFK_THROTTLING_QUOTA_EXCEEDED);
	shut(&s);
}

/* ---- connections ---------------------------------------------------------------------------------------------- */

#define OF_EACH_ADDRESS .entity = { .kind = POL_QUOTA_OF_ADDRESS, .part = { { .match = POL_QUOTA_DEFAULT } } }

/* Another connection of the stage's client, from here. */
static struct api_conn
another(const struct stage *s, const char *host)
{
	struct api_conn c;

	memset(&c, 0, sizeof(c));
	c.w = s->conn.w;
	c.slot = s->conn.slot;
	snprintf(c.tenant, sizeof(c.tenant), "acme");
	snprintf(c.host, sizeof(c.host), "%s", host);
	return c;
}

static void
connections_are_counted(void **state)
{
	static const struct pol_quota two[] = { { OF_TENANT, LIMIT(CONNECTIONS, 3) }, { OF_EACH_ADDRESS, LIMIT(CONNECTIONS, 2) } };
	struct stage		      s;
	struct api_conn		      c[6];

	(void)state;
	open_with(&s, NULL, 0);
	for (int i = 0; i < 6; i++)
		c[i] = another(&s, i < 4 ? "192.0.2.1" : "2001:db8::1");
	assert_true(api_connection_enters(&c[0]));	/* before there is a limit: counted for the tenant all the same */
	publish(&s, two, 2);
	assert_true(api_connection_enters(&c[0]));	/* a second login of one is no second one */
	assert_true(api_connection_enters(&c[1]));
	assert_true(api_connection_enters(&c[2]));
	assert_false(api_connection_enters(&c[3]));
	assert_false(api_connection_enters(&c[4]));
	api_connection_leaves(&c[0]);
	assert_false(api_connection_enters(&c[3]));	/* two are at its address */
	api_connection_leaves(&c[3]);			/* as one that was refused ends */
	assert_true(api_connection_enters(&c[4]));
	assert_false(api_connection_enters(&c[5]));
	for (int i = 0; i < 6; i++)
		api_connection_leaves(&c[i]);
	assert_true(api_connection_enters(&c[3]));
	api_connection_leaves(&c[3]);
	shut(&s);
}

static void
connections_come_no_faster_than_they_may(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(CONNECTION_CREATION_RATE, 2) },
		{ OF_EACH_ADDRESS, LIMIT(CONNECTION_CREATION_RATE, 1) } };
	struct stage		      s;
	struct api_conn		      here, there;

	(void)state;
	open_with(&s, quotas, 2);
	here = another(&s, "192.0.2.1");
	there = another(&s, "192.0.2.2");
	for (uint64_t i = 0; i < 10; i++)	/* ten seconds' worth */
		assert_int_equal(api_connection_wait(&here, ALV_STR("acme")), 0);
	assert_int_equal(api_connection_wait(&here, ALV_STR("acme")), S);
	for (uint64_t i = 0; i < 9; i++)
		assert_int_equal(api_connection_wait(&there, ALV_STR("acme")), 0);
	assert_int_equal(api_connection_wait(&there, ALV_STR("acme")), S / 2);	/* twenty of the tenant's, and one */
	for (uint64_t i = 2; i <= 5; i++)
		assert_int_equal(api_connection_wait(&here, ALV_STR("acme")), i * S);
	/* Nobody waits longer, and those that are refused do not make it longer. */
	for (int i = 0; i < 100; i++)
		assert_true(api_connection_wait(&here, ALV_STR("acme")) == API_CONNECTION_REFUSED);
	s.worker.now_us += S;
	assert_int_equal(api_connection_wait(&here, ALV_STR("acme")), 5 * S);
	here.auth = API_AUTH_DONE;	/* who logs in again */
	assert_int_equal(api_connection_wait(&here, ALV_STR("acme")), 0);
	assert_int_equal(api_connection_wait(&there, ALV_STR("nobody")), 0);
	shut(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_is_charged_with_the_next_request),
		cmocka_unit_test(time_is_charged_at_the_end),
		cmocka_unit_test(mutations_have_a_bucket),
		cmocka_unit_test(deletes_and_growth_are_mutations),
		cmocka_unit_test(connections_are_counted),
		cmocka_unit_test(connections_come_no_faster_than_they_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
