/* What is charged to whom, what the client is told, and for how long it is muted. The clock is the test's. */
#include "share_stage.h"

#include "quota/table.h"

#undef Q
#undef R
#define PQ(f) KFK_PRODUCE_REQUEST_##f
#define FQ(f) KFK_FETCH_REQUEST_##f
#define FR(f) KFK_FETCH_RESPONSE_##f

#define MS UINT64_C(1000)
#define S UINT64_C(1000000)
#define MB 1000000

enum { TIME_MAX_MS = 5000, RECORDS = 100 };

#define LIMIT(key, number) .set = 1u << POL_QUOTA_##key, .value = { [POL_QUOTA_##key] = (number) }
#define OF_TENANT .entity = { .kind = POL_QUOTA_OF_TENANT }
#define OF_USER(user) .entity = { .kind = POL_QUOTA_OF_CLIENT, .part = { { POL_QUOTA_NAMED, ALV_STR(user) } } }
#define OF_CLIENT(id) .entity = { .kind = POL_QUOTA_OF_CLIENT, .part = { { .match = POL_QUOTA_NO_PART }, { POL_QUOTA_NAMED, ALV_STR(id) } } }
#define OF_EACH_CLIENT .entity = { .kind = POL_QUOTA_OF_CLIENT, .part = { { .match = POL_QUOTA_NO_PART }, { .match = POL_QUOTA_DEFAULT } } }

/* ---- the world ---------------------------------------------------------------------------------------- */

static void
publish(struct stage *s, const struct pol_quota *quotas, size_t n)
{
	static uint64_t revision = 100;

	s->quotas = quotas;
	s->nquotas = n;
	stage_tenant_at(s, "acme", "acme-cluster-id-22char", POL_ACTIVE, NULL, 0, ++revision);
}

static void
open_with(struct stage *s, const struct pol_quota *quotas, size_t n)
{
	stage_open(s, NULL, 0);
	s->shared.quotas = quo_table_new(100, 1000);
	s->conf.quota.throttle_max_ms = TIME_MAX_MS;
	s->worker.now_us = 1000 * S;
	publish(s, quotas, n);
}

static void
shut(struct stage *s)
{
	struct quo_table *t = s->shared.quotas;

	api_conn_fini(&s->conn);
	quo_table_free(t);
	s->shared.quotas = NULL;
	stage_close(s);
}

/* A Produce of so many bytes, as far as its frame's size is concerned. */
static void
produce(struct stage *s, int16_t version, size_t bytes, int16_t acks)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_PRODUCE, version);
	struct kfk_node *e = kfk_add(q, kfk_set_empty(q, &q->root, PQ(TOPIC_DATA))), *p;
	uint8_t		*b = alv_arena_alloc(&s->arena, RECORDS);

	alv_put_be32(b + 8, RECORDS - 12);
	b[16] = 2;
	kfk_set_null(q, &q->root, PQ(TRANSACTIONAL_ID));
	kfk_set_int(q, &q->root, PQ(ACKS), acks);
	if (version >= 13)
		kfk_set_uuid(q, e, PQ(TOPIC_DATA_TOPIC_ID), stage_id('o'));
	else
		kfk_set_str(q, e, PQ(TOPIC_DATA_NAME), ALV_STR("orders"));
	p = kfk_add(q, kfk_set_empty(q, e, PQ(TOPIC_DATA_PARTITION_DATA)));
	kfk_set_bytes(q, p, PQ(TOPIC_DATA_PARTITION_DATA_RECORDS), alv_str_make(b, RECORDS));
	s->call.request_bytes = bytes;
	assert_int_equal(stage_send(s), API_FORWARD);
}

/* -> what the client is told, where the broker says so many milliseconds. */
static int64_t
told(struct stage *s, int64_t by_broker)
{
	uint16_t	 id = s->call.hdr.key == KFK_API_PRODUCE ? KFK_PRODUCE_RESPONSE_THROTTLE_TIME_MS : KFK_METADATA_RESPONSE_THROTTLE_TIME_MS;
	struct kfk_tree *r = stage_broker(s);

	kfk_set_int(r, &r->root, id, by_broker);
	if (s->call.hdr.key == KFK_API_PRODUCE) {
		struct kfk_node *e = kfk_add(r, kfk_set_empty(r, &r->root, KFK_PRODUCE_RESPONSE_RESPONSES));

		kfk_set_uuid(r, e, KFK_PRODUCE_RESPONSE_RESPONSES_TOPIC_ID, stage_id('o'));
		kfk_set_str(r, e, KFK_PRODUCE_RESPONSE_RESPONSES_NAME, ALV_STR("acme.orders"));
		kfk_add(r, kfk_set_empty(r, e, KFK_PRODUCE_RESPONSE_RESPONSES_PARTITION_RESPONSES));
	}
	assert_int_equal(stage_reply(s), API_ANSWER);
	r = stage_client(s);
	return kfk_get_int(r, &r->root, id);
}

static void
muted_for(struct stage *s, uint64_t us)
{
	if (us == 0)
		assert_int_equal(s->conn.quota.muted_until_us, 0);
	else
		assert_int_equal(s->conn.quota.muted_until_us, s->worker.now_us + us);
}

/* As the proxy does when the time is over. */
static void
pass(struct stage *s, uint64_t us)
{
	s->worker.now_us += us;
	if (s->conn.quota.muted_until_us <= s->worker.now_us)
		s->conn.quota.muted_until_us = 0;
}

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
		cmocka_unit_test(time_is_charged_with_the_next_request),
		cmocka_unit_test(mutations_have_a_bucket),
		cmocka_unit_test(deletes_and_growth_are_mutations),
		cmocka_unit_test(connections_are_counted),
		cmocka_unit_test(connections_come_no_faster_than_they_may),
		cmocka_unit_test(a_change_takes_effect_at_once),
		cmocka_unit_test(before_login_nobody_is_charged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
