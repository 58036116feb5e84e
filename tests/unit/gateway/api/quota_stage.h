/* What the tests of quotas share: a tenant with limits, produces of any size, what the client is told. The clock is the test's. */
#ifndef QUOTA_STAGE_H
#define QUOTA_STAGE_H

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

static inline void
publish(struct stage *s, const struct pol_quota *quotas, size_t n)
{
	static uint64_t revision = 100;

	s->quotas = quotas;
	s->nquotas = n;
	stage_tenant_at(s, "acme", "acme-cluster-id-22char", POL_ACTIVE, NULL, 0, ++revision);
}

static inline void
open_with(struct stage *s, const struct pol_quota *quotas, size_t n)
{
	stage_open(s, NULL, 0);
	s->shared.quotas = quo_table_new(100, 1000);
	s->conf.quota.throttle_max_ms = TIME_MAX_MS;
	s->worker.now_us = 1000 * S;
	publish(s, quotas, n);
}

static inline void
shut(struct stage *s)
{
	struct quo_table *t = s->shared.quotas;

	api_conn_fini(&s->conn);
	quo_table_free(t);
	s->shared.quotas = NULL;
	stage_close(s);
}

/* A Produce of so many bytes, as far as its frame's size is concerned. */
static inline void
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
static inline int64_t
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

static inline void
muted_for(struct stage *s, uint64_t us)
{
	if (us == 0)
		assert_int_equal(s->conn.quota.muted_until_us, 0);
	else
		assert_int_equal(s->conn.quota.muted_until_us, s->worker.now_us + us);
}

/* As the proxy does when the time is over. */
static inline void
pass(struct stage *s, uint64_t us)
{
	s->worker.now_us += us;
	if (s->conn.quota.muted_until_us <= s->worker.now_us)
		s->conn.quota.muted_until_us = 0;
}

#endif
