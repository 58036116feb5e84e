/* What the tests of who reads what share: partitions by a letter and a digit, a tenant with limits for two groups and for nobody, a classic
 * member's SyncGroup, a Fetch and the limit that it is charged to. */
#ifndef READER_STAGE_H
#define READER_STAGE_H

#include "group_stage.h"

#include "api/readers.h"
#include "quota/table.h"

#define NOW 1000

/* "o0 o1 s0": partitions of topics with one letter. */
static inline size_t
parts_of(const struct api_readers *r, const char *text, uint64_t out[16])
{
	size_t n = 0;

	for (const char *p = text; *p != '\0'; p += p[2] == '\0' ? 2 : 3)
		out[n++] = api_readers_part(r, alv_str_make(p, 1), p[1] - '0');
	return n;
}

static inline void
set(struct api_readers *r, struct api_reader_key k, const char *group, const char *member, const char *parts, uint32_t now_s)
{
	uint64_t p[16];
	size_t	 n = parts_of(r, parts, p);

	api_readers_set(r, k, alv_str_of(group), alv_str_of(member), p, n, now_s);
}

static inline void
found(struct api_readers *r, struct api_reader_key k, const char *parts, uint32_t now_s, const char *group)
{
	struct alv_arena a;
	uint64_t	 p[16];
	size_t		 n = parts_of(r, parts, p);

	alv_arena_init(&a, 1 << 16);
	stage_text(api_readers_find(r, k, p, n, now_s, &a), group);
	alv_arena_fini(&a);
}

static inline void
claim(struct api_readers *r, struct api_reader_key k, const char *group, const char *parts, uint32_t now_s)
{
	uint64_t p[16];
	size_t	 n = parts_of(r, parts, p);

	api_readers_claim(r, k, alv_str_of(group), p, n, false, now_s);
}

static inline struct api_reader_key
client(const struct api_readers *r, const char *tenant, const char *principal, const char *id, const char *host)
{
	return api_readers_key(r, alv_str_of(tenant), alv_str_of(principal), alv_str_of(id), alv_str_of(host));
}

#define FQ(f) KFK_FETCH_REQUEST_##f
#define LIMIT(number) .set = 1u << POL_QUOTA_CONSUMER_BYTE_RATE, .value = { [POL_QUOTA_CONSUMER_BYTE_RATE] = (number) }
#define OF_GROUP(name) .entity = { .kind = POL_QUOTA_OF_GROUP, .part = { { POL_QUOTA_NAMED, ALV_STR(name) } } }
#define OF_NOBODY .entity = { .kind = POL_QUOTA_OF_GROUP, .part = { { .match = POL_QUOTA_UNATTRIBUTED } } }

enum { FAST = 50000000, SLOW = 1000000, NOBODYS = 300000 };

static inline void
open_with(struct stage *s)
{
	static const struct pol_quota quotas[] = { { OF_GROUP("fast"), LIMIT(FAST) }, { OF_GROUP("slow"), LIMIT(SLOW) }, { OF_NOBODY, LIMIT(NOBODYS) } };

	stage_open(s, NULL, 0);
	s->shared.quotas = quo_table_new(100, 1000);
	s->shared.readers = api_readers_new(1 << 20);
	s->conf.quota.throttle_max_ms = 5000;
	s->worker.now_us = 1000000000;
	s->quotas = quotas;
	s->nquotas = ALV_COUNT(quotas);
	stage_tenant_at(s, "acme", "acme-cluster-id-22char", POL_ACTIVE, NULL, 0, 200);
}

static inline void
shut(struct stage *s)
{
	struct quo_table   *q = s->shared.quotas;
	struct api_readers *r = s->shared.readers;

	api_call_fini(&s->call);
	api_conn_fini(&s->conn);
	quo_table_free(q);
	api_readers_free(r);
	stage_close(s);
}

static inline void
put_str(uint8_t **at, const char *text)
{
	alv_put_be16(*at, (uint16_t)strlen(text));
	memcpy(*at + 2, text, strlen(text));
	*at += 2 + strlen(text);
}

/* A member of a classic group is given both partitions of a topic. `cut`: so many bytes of it are missing. */
static inline void
sync(struct stage *s, int16_t version, const char *group, const char *member, const char *topic, size_t cut)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_SYNC_GROUP, version), *r;
	uint8_t		*b = alv_arena_alloc(&s->arena, 200), *at = b + 2;

	stage_str(q, KFK_SYNC_GROUP_REQUEST_GROUP_ID, group);
	stage_str(q, KFK_SYNC_GROUP_REQUEST_MEMBER_ID, member);
	stage_str(q, KFK_SYNC_GROUP_REQUEST_PROTOCOL_TYPE, "consumer");
	stage_str(q, KFK_SYNC_GROUP_REQUEST_PROTOCOL_NAME, "range");
	(void)stage_forwarded(s);
	alv_put_be32(at, 1);
	at += 4;
	put_str(&at, topic);
	for (uint32_t i = 0; i < 3; i++, at += 4)
		alv_put_be32(at, i == 0 ? 2 : i - 1);
	alv_put_be32(at, UINT32_MAX);
	at += 4;
	r = stage_broker(s);
	kfk_set_str(r, &r->root, KFK_SYNC_GROUP_RESPONSE_PROTOCOL_TYPE, ALV_STR("consumer"));
	kfk_set_bytes(r, &r->root, KFK_SYNC_GROUP_RESPONSE_ASSIGNMENT, alv_str_make(b, (size_t)(at - b) - cut));
	if (cut == 0)
		assert_int_equal(stage_reply(s), API_ANSWER);
	else
		(void)stage_reply(s);
}

/* -> the limit of whose cell a fetch of partitions 0 to n-1 of `orders` is charged to; 0: of none. */
static inline int
charged_as(struct stage *s, const char *client_id, int16_t version, int n, bool session)
{
	struct kfk_tree	      *q = stage_begin(s, KFK_API_FETCH, version);
	struct kfk_node	      *e = kfk_add(q, kfk_set_empty(q, &q->root, FQ(TOPICS))), *parts;
	const struct quo_cell *cell;

	s->call.hdr.client_id = alv_str_of(client_id);
	kfk_set_int(q, &q->root, FQ(SESSION_EPOCH), session ? 0 : -1);
	if (version >= 13)
		kfk_set_uuid(q, e, FQ(TOPICS_TOPIC_ID), stage_id('o'));
	else
		kfk_set_str(q, e, FQ(TOPICS_TOPIC), ALV_STR("orders"));
	parts = kfk_set_empty(q, e, FQ(TOPICS_PARTITIONS));
	for (int i = 0; i < n; i++)
		kfk_set_int(q, kfk_add(q, parts), FQ(TOPICS_PARTITIONS_PARTITION), i);
	assert_int_equal(stage_send(s), API_FORWARD);
	cell = s->call.group;
	if (cell == NULL)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		static const int limits[] = { FAST, SLOW, NOBODYS };
		uint64_t	 a = quo_within(cell, 1000000);

		if (a > (uint64_t)limits[i] - 10 && a < (uint64_t)limits[i] + 10)
			return limits[i];
	}
	return -1;
}

static inline int
charged(struct stage *s, int16_t version, int n, bool session)
{
	return charged_as(s, "test", version, n, session);
}

#endif
