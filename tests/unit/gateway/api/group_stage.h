/* What the tests of the group and transaction families share: lists of plain strings, and bytes of the embedded consumer
 * protocol written by hand, so that nothing of the code under test encodes what it is judged by. */
#ifndef GROUP_STAGE_H
#define GROUP_STAGE_H

#include "stage.h"

/* Of every family here, at lowest and highest version and between: what is offered. */
static inline void
stage_versions(int16_t key, int16_t *lo, int16_t *hi)
{
	const struct api_def *d = api_def_find(key);

	assert_non_null(d);
	*lo = d->lo;
	*hi = d->hi;
}

/* One more element of a list of plain strings below parent. */
static inline void
stage_add_str(struct kfk_tree *t, struct kfk_node *parent, uint16_t list, const char *text)
{
	struct kfk_node *l = kfk_get(parent, list);

	if (l == NULL)
		l = kfk_set_empty(t, parent, list);
	kfk_add(t, l)->v.s = alv_str_of(text);
}

/* One more struct of a list below parent. */
static inline struct kfk_node *
stage_add(struct kfk_tree *t, struct kfk_node *parent, uint16_t list)
{
	struct kfk_node *l = kfk_get(parent, list);

	return kfk_add(t, l == NULL ? kfk_set_empty(t, parent, list) : l);
}

static inline void
stage_str(struct kfk_tree *t, uint16_t id, const char *text)
{
	kfk_set_str(t, &t->root, id, text == NULL ? ALV_STR_NULL : alv_str_of(text));
}

static inline int64_t
stage_int(struct kfk_tree *t, uint16_t id)
{
	return kfk_get_int(t, &t->root, id);
}

/* Sends; the broker has the request now and its answer can be written. */
static inline struct kfk_tree *
stage_forwarded(struct stage *s)
{
	assert_int_equal(stage_send(s), API_FORWARD);
	return stage_upstream(s);
}

static inline struct kfk_tree *
stage_answers(struct stage *s)
{
	alv_chain_clear(&s->call.out);
	return stage_broker(s);
}

/* What a client sees of an answer that was made here, or of one that the broker sent. */
static inline struct kfk_tree *
stage_refused(struct stage *s)
{
	assert_int_equal(stage_send(s), API_ANSWER);
	stage_clean(s);
	return stage_client(s);
}

static inline struct kfk_tree *
stage_replied(struct stage *s)
{
	assert_int_equal(stage_reply(s), API_ANSWER);
	stage_clean(s);
	return stage_client(s);
}

/* ---- bytes of ConsumerProtocolSubscription and ConsumerProtocolAssignment --------------------------- */

struct stage_bytes {
	uint8_t b[4096];
	size_t	n;
};

static inline void
stage_put(struct stage_bytes *x, const void *p, size_t n)
{
	assert_true(x->n + n <= sizeof(x->b));
	memcpy(x->b + x->n, p, n);
	x->n += n;
}

static inline void
stage_put16(struct stage_bytes *x, int v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	stage_put(x, b, 2);
}

static inline void
stage_put32(struct stage_bytes *x, int32_t v)
{
	stage_put16(x, v >> 16);
	stage_put16(x, v);
}

/* NULL: a null string. */
static inline void
stage_puts(struct stage_bytes *x, const char *s)
{
	stage_put16(x, s == NULL ? -1 : (int)strlen(s));
	if (s != NULL)
		stage_put(x, s, strlen(s));
}

/* Topics by name, user data "ud", one owned topic from v1 on, generation from v2, rack from v3. */
static inline struct stage_bytes
stage_subscription(int version, const char *t1, const char *t2, const char *owned, const char *rack)
{
	struct stage_bytes x = { .n = 0 };

	stage_put16(&x, version);
	stage_put32(&x, (t1 != NULL) + (t2 != NULL));
	if (t1 != NULL)
		stage_puts(&x, t1);
	if (t2 != NULL)
		stage_puts(&x, t2);
	stage_put32(&x, 2);
	stage_put(&x, "ud", 2);
	if (version >= 1) {
		stage_put32(&x, owned != NULL);
		if (owned != NULL) {
			stage_puts(&x, owned);
			stage_put32(&x, 1);
			stage_put32(&x, 7);
		}
	}
	if (version >= 2)
		stage_put32(&x, 42);
	if (version >= 3)
		stage_puts(&x, rack);
	return x;
}

/* Partition 7 of each topic, null user data. */
static inline struct stage_bytes
stage_assignment(int version, const char *t1, const char *t2)
{
	const char	  *topics[] = { t1, t2 };
	struct stage_bytes x = { .n = 0 };

	stage_put16(&x, version);
	stage_put32(&x, (t1 != NULL) + (t2 != NULL));
	for (size_t i = 0; i < 2; i++) {
		if (topics[i] == NULL)
			continue;
		stage_puts(&x, topics[i]);
		stage_put32(&x, 1);
		stage_put32(&x, 7);
	}
	stage_put32(&x, -1);
	return x;
}

static inline void
stage_same(struct alv_str found, const struct stage_bytes *want)
{
	assert_int_equal(found.n, want->n);
	assert_memory_equal(found.p, want->b, want->n);
}

static inline struct alv_str
stage_of(const struct stage_bytes *x)
{
	return alv_str_make(x->b, x->n);
}

#endif
