/* What is charged to whom, what the client is told, and for how long it is muted. The clock is the test's. */
#include "quota_stage.h"

/* ---- producing ------------------------------------------------------------------------------------------- */

static void
over_the_limit(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(PRODUCER_BYTE_RATE, MB) } };
	static const int16_t	      versions[] = { 3, 8, 9, 13 };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(versions); i++) {
		struct stage s;

		open_with(&s, quotas, 1);
		produce(&s, versions[i], MB, 1);	/* its credit of a second */
		muted_for(&s, 0);
		assert_int_equal(told(&s, 0), 0);
		produce(&s, versions[i], 300, 1);	/* less than can be told */
		muted_for(&s, 0);
		assert_int_equal(told(&s, 0), 0);
		produce(&s, versions[i], 199701, 1);
		muted_for(&s, 200001);
		pass(&s, 50 * MS);	/* the broker's time counts */
		assert_int_equal(told(&s, 0), 151);
		pass(&s, 150001);
		muted_for(&s, 0);
		produce(&s, versions[i], 20 * MB, 1);	/* the longest wait; the rest stays owed */
		muted_for(&s, TIME_MAX_MS * MS);
		assert_int_equal(told(&s, 0), TIME_MAX_MS);
		pass(&s, TIME_MAX_MS * MS);
		produce(&s, versions[i], 1, 1);
		muted_for(&s, TIME_MAX_MS * MS);
		pass(&s, TIME_MAX_MS * MS);
		assert_int_equal(told(&s, 0), 0);	/* it waited for the broker as long */
		produce(&s, versions[i], 1, 1);
		assert_int_equal(told(&s, 7000), 7000);	/* the larger one counts */
		shut(&s);
	}
}

static void
nobody_waits_for_an_answer(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(PRODUCER_BYTE_RATE, MB) } };
	struct stage		      s;

	(void)state;
	open_with(&s, quotas, 1);
	produce(&s, 13, 2 * MB, 0);
	assert_true(s.call.no_response);
	muted_for(&s, S);
	shut(&s);
}

static void
each_cell_is_charged_and_the_longest_wait_counts(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(PRODUCER_BYTE_RATE, 4 * MB) },
		{ OF_USER("alice"), LIMIT(PRODUCER_BYTE_RATE, 2 * MB) }, { OF_CLIENT("test"), LIMIT(PRODUCER_BYTE_RATE, 1) } };
	struct stage s;

	(void)state;
	open_with(&s, quotas, 3);
	produce(&s, 13, 4 * MB, 1);
	muted_for(&s, S);		/* alice's number goes before her client's */
	pass(&s, S);
	produce(&s, 13, 6 * MB, 1);
	muted_for(&s, 3 * S);
	/* The tenant's was charged as well: 10 MB, with a second's credit at first and one that passed. */
	assert_int_equal(quo_debt_us(s.conn.quota.cell[API_Q_PRODUCE][API_Q_TENANT], s.worker.now_us), S / 2);
	shut(&s);
}

static void
each_client_id_has_its_own(void **state)
{
	static const struct pol_quota quotas[] = { { OF_EACH_CLIENT, LIMIT(PRODUCER_BYTE_RATE, MB) },
		{ OF_CLIENT("fast"), LIMIT(PRODUCER_BYTE_RATE, 10 * MB) } };
	struct stage	 s;
	struct quo_cell *mine;

	(void)state;
	open_with(&s, quotas, 2);
	produce(&s, 13, 3 * MB, 1);
	muted_for(&s, 2 * S);
	mine = s.conn.quota.cell[API_Q_PRODUCE][API_Q_CLIENT];
	s.conn.quota.muted_until_us = 0;
	/* The same connection says another id; stage_begin's is "test". */
	(void)stage_begin(&s, KFK_API_METADATA, 12);
	s.call.hdr.client_id = ALV_STR("fast");
	assert_int_equal(stage_send(&s), API_FORWARD);
	assert_ptr_not_equal(s.conn.quota.cell[API_Q_PRODUCE][API_Q_CLIENT], mine);
	assert_int_equal(quo_debt_us(s.conn.quota.cell[API_Q_PRODUCE][API_Q_CLIENT], s.worker.now_us), 0);
	/* And comes back to what it owes. */
	produce(&s, 13, MB, 1);
	assert_ptr_equal(s.conn.quota.cell[API_Q_PRODUCE][API_Q_CLIENT], mine);
	muted_for(&s, 3 * S);
	shut(&s);
}

static void
a_repeat_is_charged_and_told(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(PRODUCER_BYTE_RATE, MB) } };
	static const int16_t	      versions[] = { 5, 8, 9, 13 };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(versions); i++) {
		struct stage	      s;
		struct kfk_req_header h = { .key = KFK_API_PRODUCE, .version = versions[i], .correlation_id = 4, .client_id = ALV_STR("test") };
		struct alv_chain      frame;

		open_with(&s, quotas, 1);
		(void)stage_begin(&s, KFK_API_PRODUCE, versions[i]);
		alv_chain_init(&frame, s.worker.pool);
		kfk_req_header_write(&frame, &h, 0);
		h.size = frame.n - 4;
		alv_chain_clear(&frame);
		produce(&s, versions[i], MB, 1);
		/* The first one is learnt by a call that knows how long its header is. */
		s.call.hdr.size = h.size;
		alv_chain_clear(&s.call.out);
		s.call.memo = NULL;
		s.call.counted = false;
		assert_int_equal(api_request(&s.call, &s.body), API_FORWARD);
		muted_for(&s, S);
		pass(&s, S);
		kfk_req_header_write(&frame, &h, 0);
		alv_chain_drop(&frame, 4);
		assert_int_equal(kfk_tree_encode(&s.tree, &frame), ALV_OK);
		api_call_fini(&s.call);
		memset(&s.call, 0, sizeof(s.call));
		s.call.conn = &s.conn;
		s.call.request_bytes = MB / 2;
		alv_arena_init(&s.call.arena, 1 << 24);
		alv_chain_pack(&frame);
		assert_true(api_again(&s.call, &frame));
		muted_for(&s, S / 2);
		{
			struct kfk_tree *r = stage_broker(&s);
			struct kfk_node *e = kfk_add(r, kfk_set_empty(r, &r->root, KFK_PRODUCE_RESPONSE_RESPONSES));
			uint8_t		 end[5];

			kfk_set_int(r, &r->root, KFK_PRODUCE_RESPONSE_THROTTLE_TIME_MS, 3);
			kfk_set_uuid(r, e, KFK_PRODUCE_RESPONSE_RESPONSES_TOPIC_ID, stage_id('o'));
			kfk_set_str(r, e, KFK_PRODUCE_RESPONSE_RESPONSES_NAME, ALV_STR("acme.orders"));
			kfk_add(r, kfk_set_empty(r, e, KFK_PRODUCE_RESPONSE_RESPONSES_PARTITION_RESPONSES));
			assert_int_equal(stage_reply(&s), API_ANSWER);
			assert_true(s.call.framed);
			assert_true(alv_chain_peek(&s.call.out, s.call.out.n - 5, end, 5));
			assert_int_equal(alv_be32(versions[i] >= 9 ? end : end + 1), 500);
		}
		shut(&s);
	}
}

/* ---- fetching --------------------------------------------------------------------------------------------- */

static struct kfk_tree *
fetch(struct stage *s, int16_t version, int32_t max)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_FETCH, version);
	struct kfk_node *e = kfk_add(q, kfk_set_empty(q, &q->root, FQ(TOPICS))), *p;

	kfk_set_int(q, &q->root, FQ(MAX_BYTES), max);
	kfk_set_int(q, &q->root, FQ(SESSION_EPOCH), -1);
	if (version >= 13)
		kfk_set_uuid(q, e, FQ(TOPICS_TOPIC_ID), stage_id('o'));
	else
		kfk_set_str(q, e, FQ(TOPICS_TOPIC), ALV_STR("orders"));
	p = kfk_add(q, kfk_set_empty(q, e, FQ(TOPICS_PARTITIONS)));
	kfk_set_int(q, p, FQ(TOPICS_PARTITIONS_PARTITION_MAX_BYTES), max);
	assert_int_equal(stage_send(s), API_FORWARD);
	return stage_upstream(s);
}

/* The broker's answer has so many bytes of records; -> what the client is told. In pieces where it may leave. */
static int64_t
fetched(struct stage *s, size_t records, bool streamed)
{
	struct kfk_tree *r = stage_broker(s);
	struct kfk_node *e = kfk_add(r, kfk_set_empty(r, &r->root, FR(RESPONSES))), *p;
	uint8_t		*b = alv_arena_alloc(&s->arena, records + 1);
	struct alv_chain all;

	kfk_set_uuid(r, e, FR(RESPONSES_TOPIC_ID), stage_id('o'));
	kfk_set_str(r, e, FR(RESPONSES_TOPIC), ALV_STR("acme.orders"));
	p = kfk_add(r, kfk_set_empty(r, e, FR(RESPONSES_PARTITIONS)));
	kfk_set_bytes(r, p, FR(RESPONSES_PARTITIONS_RECORDS), alv_str_make(b, records));
	if (!streamed) {
		assert_int_equal(stage_reply(s), API_ANSWER);
		r = stage_client(s);
		return kfk_get_int(r, &r->root, FR(THROTTLE_TIME_MS));
	}
	alv_chain_clear(&s->body);
	alv_chain_init(&all, s->worker.pool);
	assert_int_equal(kfk_tree_encode(r, &s->body), ALV_OK);
	for (size_t n = s->body.n, i = 0; s->body.n > 0; i++) {
		struct alv_chain part;

		alv_chain_init(&part, s->worker.pool);
		alv_chain_cut(&part, &s->body, s->body.n < 1 + i * 1000 ? s->body.n : 1 + i * 1000);
		assert_int_equal(api_stream(&s->call, n, &part), s->body.n > 0 ? API_MORE : API_ANSWER);
		alv_chain_move(&all, &s->call.out);
		alv_chain_clear(&part);
	}
	assert_int_equal(all.n, s->call.answer_n);
	alv_chain_move(&s->call.out, &all);
	r = stage_client(s);
	return kfk_get_int(r, &r->root, FR(THROTTLE_TIME_MS));
}

static int64_t
asked_max(struct stage *s, int16_t version, int32_t max, int64_t *part)
{
	struct kfk_tree *up = fetch(s, version, max);

	*part = kfk_get_int(up, stage_at(stage_at(&up->root, FQ(TOPICS), 0), FQ(TOPICS_PARTITIONS), 0), FQ(TOPICS_PARTITIONS_PARTITION_MAX_BYTES));
	return kfk_get_int(up, &up->root, FQ(MAX_BYTES));
}

static void
fetches_are_lowered_and_charged_when_they_come(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(CONSUMER_BYTE_RATE, 200000) },
		{ OF_USER("alice"), LIMIT(CONSUMER_BYTE_RATE, 150000) } };
	static const int16_t versions[] = { 4, 11, 12, 13, 17 };

	(void)state;
	for (size_t i = 0; i < 2 * ALV_COUNT(versions); i++) {
		int16_t	     version = versions[i / 2];
		struct stage s;
		int64_t	     part;

		if (version < 13 && i % 2 == 1)
			continue;
		open_with(&s, quotas, 2);
		s.conf.limits.fetch_max_bytes = 600000;
		/* A second's credit and half a second: 225,000 of alice's. */
		assert_int_equal(asked_max(&s, version, 500000, &part), 225000);
		assert_int_equal(part, 500000);
		muted_for(&s, 0);
		(void)fetched(&s, 240000, i % 2 == 1);
		assert_in_range(s.conn.quota.muted_until_us - s.worker.now_us, 600 * MS, 602 * MS);
		assert_int_equal(api_throttle_ms(&s.call), (s.conn.quota.muted_until_us - s.worker.now_us + 999) / 1000);
		pass(&s, 602 * MS);
		assert_in_range(asked_max(&s, version, 500000, &part), 75000, 75300);	/* all is paid, and a little more */
		assert_in_range(fetched(&s, 15000, i % 2 == 1), 98, 100);
		/* What is small is asked for as it is. */
		assert_int_equal(asked_max(&s, version, 1000, &part), 1000);
		assert_int_equal(part, 1000);
		assert_int_equal(asked_max(&s, version, INT32_MAX, &part), 65536);
		assert_int_equal(part, version < 13 ? 600000 : INT32_MAX);
		shut(&s);
	}
}

static void
the_answer_says_how_long(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(CONSUMER_BYTE_RATE, MB) } };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct stage s;
		int16_t	     version = i == 0 ? 11 : 17;

		open_with(&s, quotas, 1);
		s.conf.limits.fetch_max_bytes = 10 * MB;
		(void)fetch(&s, version, 1000);
		assert_int_equal(fetched(&s, 10, i == 2), 0);
		(void)fetch(&s, version, 1000);
		assert_in_range(fetched(&s, MB + 500000, i == 2), 500, 501);
		shut(&s);
	}
}

static void
share_fetches_too(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(CONSUMER_BYTE_RATE, MB) } };
	struct stage		      s;
	struct kfk_tree		     *q, *up;

	(void)state;
	open_with(&s, quotas, 1);
	for (int i = 0; i < 2; i++) {
		q = share_ask(&s, 1, i);
		kfk_set_int(q, &q->root, KFK_SHARE_FETCH_REQUEST_MAX_BYTES, 50 * MB);
		share_name(q, 'o', 0, i > 0);
		assert_int_equal(stage_send(&s), API_FORWARD);
		up = stage_upstream(&s);
		assert_in_range(kfk_get_int(up, &up->root, KFK_SHARE_FETCH_REQUEST_MAX_BYTES), i == 0 ? 1500000 : 500000, i == 0 ? 1500000 : 502000);
		s.call.request_bytes = 100;
		up = stage_broker(&s);
		kfk_set_int(up, &up->root, KFK_SHARE_FETCH_RESPONSE_THROTTLE_TIME_MS, 2);
		{
			struct kfk_node *e = kfk_add(up, kfk_set_empty(up, &up->root, KFK_SHARE_FETCH_RESPONSE_RESPONSES)), *p;
			uint8_t		*b = alv_arena_alloc(&s.arena, 3 * MB);

			kfk_set_uuid(up, e, KFK_SHARE_FETCH_RESPONSE_RESPONSES_TOPIC_ID, stage_id('o'));
			p = kfk_add(up, kfk_set_empty(up, e, KFK_SHARE_FETCH_RESPONSE_RESPONSES_PARTITIONS));
			kfk_set_bytes(up, p, KFK_SHARE_FETCH_RESPONSE_RESPONSES_PARTITIONS_RECORDS, alv_str_make(b, i == 0 ? 2 * MB : 10));
		}
		assert_int_equal(stage_reply(&s), API_ANSWER);
		up = stage_client(&s);
		assert_in_range(kfk_get_int(up, &up->root, KFK_SHARE_FETCH_RESPONSE_THROTTLE_TIME_MS), i == 0 ? 1000 : 2, i == 0 ? 1002 : 2);
		pass(&s, 1002 * MS);
	}
	shut(&s);
}

/* ---- requests, changes ---------------------------------------------------------------------------------------- */

static void
requests_are_counted(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(REQUEST_RATE, 2) } };
	struct stage		      s;

	(void)state;
	open_with(&s, quotas, 1);
	for (int i = 0; i < 4; i++) {
		(void)stage_begin(&s, KFK_API_METADATA, 12);
		assert_int_equal(stage_send(&s), API_FORWARD);
		assert_int_equal(told(&s, 0), i < 2 ? 0 : (i - 1) * 500);
	}
	pass(&s, S);
	/* An answer that is made here says it, too; one without the field is only followed by silence. */
	(void)stage_begin(&s, KFK_API_API_VERSIONS, 3);
	assert_int_equal(stage_send(&s), API_ANSWER);
	assert_int_equal(kfk_get_int(stage_client(&s), &s.seen.root, KFK_API_VERSIONS_RESPONSE_THROTTLE_TIME_MS), 500);
	(void)stage_begin(&s, KFK_API_METADATA, 0);
	assert_int_equal(stage_send(&s), API_FORWARD);
	muted_for(&s, S);
	assert_int_equal(told(&s, 0), 0);
	shut(&s);
}

/* A request that waits for ids is judged twice. */
static void
one_request_is_one(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(REQUEST_RATE, 1) } };
	struct stage		      s;
	struct kfk_tree		     *q;

	(void)state;
	open_with(&s, quotas, 1);
	q = stage_begin(&s, KFK_API_FETCH, 17);
	kfk_set_int(q, &q->root, FQ(SESSION_EPOCH), -1);
	kfk_set_uuid(q, kfk_add(q, kfk_set_empty(q, &q->root, FQ(TOPICS))), FQ(TOPICS_TOPIC_ID), stage_id('?'));
	assert_int_equal(stage_send(&s), API_WAIT);
	s.call.ids_asked = true;
	assert_int_equal(api_request(&s.call, &s.body), API_ANSWER);
	muted_for(&s, 0);
	shut(&s);
}

static void
a_change_takes_effect_at_once(void **state)
{
	static const struct pol_quota slow[] = { { OF_TENANT, LIMIT(PRODUCER_BYTE_RATE, MB) } },
				      fast[] = { { OF_TENANT, LIMIT(PRODUCER_BYTE_RATE, 10 * MB) } };
	struct stage		      s;

	(void)state;
	open_with(&s, NULL, 0);
	produce(&s, 13, 100 * MB, 1);
	muted_for(&s, 0);
	/* A limit that is new has no credit, else it would show late. */
	publish(&s, slow, 1);
	produce(&s, 13, 3 * MB, 1);
	muted_for(&s, 3 * S);
	pass(&s, S);
	muted_for(&s, 2 * S);
	publish(&s, fast, 1);
	api_conn_unmute(&s.conn, s.worker.now_us);
	muted_for(&s, S / 5);
	publish(&s, slow, 1);	/* never for longer than it was told */
	api_conn_unmute(&s.conn, s.worker.now_us);
	muted_for(&s, S / 5);
	pass(&s, S);
	publish(&s, NULL, 0);
	produce(&s, 13, 100 * MB, 1);
	muted_for(&s, 0);
	assert_int_equal(s.conn.quota.limited, 0);
	shut(&s);
}

static void
before_login_nobody_is_charged(void **state)
{
	static const struct pol_quota quotas[] = { { OF_TENANT, LIMIT(REQUEST_RATE, 1) } };
	struct stage		      s;

	(void)state;
	open_with(&s, quotas, 1);
	s.conn.auth = API_AUTH_NONE;
	for (int i = 0; i < 5; i++) {
		(void)stage_begin(&s, KFK_API_API_VERSIONS, 3);
		assert_int_equal(stage_send(&s), API_ANSWER);
	}
	muted_for(&s, 0);
	shut(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(over_the_limit),
		cmocka_unit_test(nobody_waits_for_an_answer),
		cmocka_unit_test(each_cell_is_charged_and_the_longest_wait_counts),
		cmocka_unit_test(each_client_id_has_its_own),
		cmocka_unit_test(a_repeat_is_charged_and_told),
		cmocka_unit_test(fetches_are_lowered_and_charged_when_they_come),
		cmocka_unit_test(the_answer_says_how_long),
		cmocka_unit_test(share_fetches_too),
		cmocka_unit_test(requests_are_counted),
		cmocka_unit_test(one_request_is_one),
		cmocka_unit_test(a_change_takes_effect_at_once),
		cmocka_unit_test(before_login_nobody_is_charged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
