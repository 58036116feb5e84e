/* What the tests of fetch sessions share: a client's requests, what the broker is asked, what it says, what the client is
 * told. */
#ifndef SESSION_STAGE_H
#define SESSION_STAGE_H

#include "stage.h"

#include <stdlib.h>

#include "api/fetch_session.h"

#define Q(f) KFK_FETCH_REQUEST_##f
#define R(f) KFK_FETCH_RESPONSE_##f

enum { UP = 777, BY_NAME = 12, BY_ID = 16 };

/* ---- requests ------------------------------------------------------------------------------------------ */

static inline struct kfk_tree *
ask(struct stage *s, int16_t version, int64_t id, int64_t epoch)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_FETCH, version);

	kfk_set_int(q, &q->root, Q(SESSION_ID), id);
	kfk_set_int(q, &q->root, Q(SESSION_EPOCH), epoch);
	return q;
}

static inline struct kfk_node *
list_of(struct kfk_tree *q, uint16_t id)
{
	struct kfk_node *list = kfk_get(&q->root, id);

	return list == NULL ? kfk_set_empty(q, &q->root, id) : list;
}

/* Partitions 0 to n - 1 of a topic: its name, or the letter of its id. */
static inline void
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

static inline void
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
static inline struct kfk_tree *
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
static inline struct kfk_tree *
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

static inline struct kfk_tree *
broker(struct stage *s, int64_t id, int16_t code)
{
	struct kfk_tree *r;

	alv_chain_clear(&s->call.out);
	r = stage_broker(s);
	kfk_set_int(r, &r->root, R(SESSION_ID), id);
	kfk_set_int(r, &r->root, R(ERROR_CODE), code);
	return r;
}

static inline void
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
static inline int64_t
told(struct stage *s, int16_t code, size_t topics)
{
	struct kfk_tree *r;

	assert_int_equal(stage_reply(s), API_ANSWER);
	r = stage_client(s);
	assert_int_equal(kfk_get_int(r, &r->root, R(ERROR_CODE)), code);
	assert_int_equal(stage_count(&r->root, R(RESPONSES)), topics);
	return kfk_get_int(r, &r->root, R(SESSION_ID));
}

static inline int64_t
answered(struct stage *s, int64_t id, int16_t code)
{
	(void)broker(s, id, code);
	return told(s, code, 0);
}

static inline const char *
orders(int16_t version)
{
	return version < 13 ? "orders" : "o";
}

static inline const char *
physical_orders(int16_t version)
{
	return version < 13 ? "acme.orders" : "o";
}

/* A session with two partitions of orders. */
static inline int64_t
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

static inline uint64_t
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

#endif
