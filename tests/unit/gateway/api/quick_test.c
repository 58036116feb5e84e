/* The short ways of Produce and Fetch against the long one: where the short way says anything, it is the same; where all is
 * as usual, it says something; where anything is refused, it does not. Messages are made by chance, from a fixed seed. */
#include "stage.h"

#include <stdlib.h>

#include "api/quick.h"

#define PQ(f) KFK_PRODUCE_REQUEST_##f
#define PR(f) KFK_PRODUCE_RESPONSE_##f
#define FQ(f) KFK_FETCH_REQUEST_##f

enum { ROUNDS = 300, TRANSACTIONAL = 0x10, FRONT = 61, RECORDS = 400 };

static uint64_t seed;

static unsigned
dice(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

/* One time in `in`, where things may be unusual at all. */
static bool
odd(bool usual, unsigned in)
{
	return dice(in) == 0 && !usual;
}

static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_ALL),
	STAGE_DENY(POL_TXN, "tx-denied", POL_OP_WRITE) };

struct flat {
	uint8_t *p;
	size_t	 n;
};

static struct flat
flat_of(const struct alv_chain *c)
{
	struct flat f = { malloc(c->n + 1), c->n };

	assert_int_equal(c->err, ALV_OK);
	assert_true(f.p != NULL && alv_chain_peek(c, 0, f.p, f.n));
	return f;
}

static void
assert_same(struct flat *a, const struct alv_chain *c)
{
	struct flat b = flat_of(c);

	assert_int_equal(a->n, b.n);
	assert_memory_equal(a->p, b.p, a->n);
	free(a->p);
	free(b.p);
}

/* An own topic; where it is unusual also one that is denied, read-only, another's, of nobody, or impossible. */
static void
topic(struct kfk_tree *q, struct kfk_node *e, uint16_t name, uint16_t id, bool usual)
{
	static const char *const names[] = { "secret", "shared", "globex.orders", "..", "", "nobody" };
	static const char	 ids[] = { 's', 'l', 'g', 'c', 0, 'x' };
	unsigned		 other = dice(ALV_COUNT(names));
	bool			 own = !odd(usual, 4);

	if (q->version >= 13)
		kfk_set_uuid(q, e, id, stage_id(own ? 'o' : ids[other]));
	else
		kfk_set_str(q, e, name, alv_str_of(own ? "orders" : names[other]));
}

/* ---- Produce -------------------------------------------------------------------------------------------- */

static void
make_produce(struct stage *s, struct kfk_tree *q, bool usual)
{
	static const char *const txns[] = { "tx", "tx-denied", "", "taken", "watched" };
	bool			 transactional = dice(3) == 0;
	const char		*txn = transactional ? txns[odd(usual, 2) ? dice(5) : 0] : odd(usual, 4) ? "tx" : NULL;
	struct kfk_node		*list = kfk_set_empty(q, &q->root, PQ(TOPIC_DATA));

	if (txn == NULL || odd(usual, 8))
		kfk_set_null(q, &q->root, PQ(TRANSACTIONAL_ID));
	else
		kfk_set_str(q, &q->root, PQ(TRANSACTIONAL_ID), alv_str_of(txn));
	kfk_set_int(q, &q->root, PQ(ACKS), (int)dice(3) - 1);
	for (unsigned i = 0, n = 1 + dice(3); i < n; i++) {
		struct kfk_node *e = kfk_add(q, list), *parts;

		topic(q, e, PQ(TOPIC_DATA_NAME), PQ(TOPIC_DATA_TOPIC_ID), usual);
		parts = kfk_set_empty(q, e, PQ(TOPIC_DATA_PARTITION_DATA));
		for (unsigned k = 0, m = odd(usual, 9) ? 0 : 1 + dice(3); k < m; k++) {
			struct kfk_node *p = kfk_add(q, parts);
			size_t		 size = dice(2) ? FRONT : RECORDS;
			uint8_t		*b = alv_arena_alloc(&s->arena, RECORDS);

			alv_put_be32(b + 8, (uint32_t)(size - 12 + odd(usual, 9)));
			b[16] = odd(usual, 9) ? 1 : 2;
			alv_put_be16(b + 21, transactional ? TRANSACTIONAL : 0);
			kfk_set_int(q, p, PQ(TOPIC_DATA_PARTITION_DATA_INDEX), (int)k);
			if (odd(usual, 9))
				kfk_set_null(q, p, PQ(TOPIC_DATA_PARTITION_DATA_RECORDS));
			else
				kfk_set_bytes(q, p, PQ(TOPIC_DATA_PARTITION_DATA_RECORDS), alv_str_make(b, size));
		}
	}
}

static void
make_produced(struct kfk_tree *r, bool usual)
{
	struct kfk_node *list = kfk_set_empty(r, &r->root, PR(RESPONSES)), *e, *p;

	for (unsigned i = 0, n = 1 + dice(2); i < n; i++) {
		bool own = !odd(usual, 5);

		e = kfk_add(r, list);
		if (r->version >= 13)
			kfk_set_uuid(r, e, PR(RESPONSES_TOPIC_ID), stage_id(own ? 'o' : 'g'));
		else
			kfk_set_str(r, e, PR(RESPONSES_NAME), own ? ALV_STR("acme.orders") : ALV_STR("globex.orders"));
		p = kfk_add(r, kfk_set_empty(r, e, PR(RESPONSES_PARTITION_RESPONSES)));
		kfk_set_int(r, p, PR(RESPONSES_PARTITION_RESPONSES_ERROR_CODE), odd(usual, 3) ? 7 : 0);
		if (odd(usual, 3))
			kfk_set_str(r, p, PR(RESPONSES_PARTITION_RESPONSES_ERROR_MESSAGE), ALV_STR("of acme.orders"));
		else
			kfk_set_null(r, p, PR(RESPONSES_PARTITION_RESPONSES_ERROR_MESSAGE));
		if (odd(usual, 4) && r->version >= 10)
			kfk_set_int(r, kfk_set_empty(r, p, PR(RESPONSES_PARTITION_RESPONSES_CURRENT_LEADER)),
			    PR(RESPONSES_PARTITION_RESPONSES_CURRENT_LEADER_LEADER_ID), 1);
	}
}

/* ---- Fetch ------------------------------------------------------------------------------------------------ */

static void
make_fetch(struct stage *s, struct kfk_tree *q, bool usual)
{
	struct kfk_node *list = kfk_set_empty(q, &q->root, FQ(TOPICS));

	(void)s;
	kfk_set_int(q, &q->root, FQ(MAX_BYTES), (int)dice(3) << 20);
	kfk_set_int(q, &q->root, FQ(REPLICA_ID), odd(usual, 6) ? 1 : -1 - (int)dice(3));
	kfk_set_int(q, &q->root, FQ(SESSION_ID), odd(usual, 2) ? 55 : 0);
	kfk_set_int(q, &q->root, FQ(SESSION_EPOCH), odd(usual, 5) ? 3 : odd(usual, 2) ? 0 : -1);
	if (dice(2))
		kfk_set_str(q, &q->root, FQ(RACK_ID), ALV_STR("rack-7"));
	if (odd(usual, 6))
		kfk_set_str(q, &q->root, FQ(CLUSTER_ID), ALV_STR("mine"));
	if (odd(usual, 6))
		(void)kfk_set_empty(q, &q->root, FQ(REPLICA_STATE));
	if (odd(usual, 6))
		(void)kfk_add(q, kfk_set_empty(q, &q->root, FQ(FORGOTTEN_TOPICS_DATA)));
	for (unsigned i = 0, n = odd(usual, 9) ? 0 : 1 + dice(3); i < n; i++) {
		struct kfk_node *e = kfk_add(q, list), *parts;

		topic(q, e, FQ(TOPICS_TOPIC), FQ(TOPICS_TOPIC_ID), usual);
		parts = kfk_set_empty(q, e, FQ(TOPICS_PARTITIONS));
		for (unsigned k = 0, m = odd(usual, 9) ? 0 : 1 + dice(3); k < m; k++) {
			struct kfk_node *p = kfk_add(q, parts);

			kfk_set_int(q, p, FQ(TOPICS_PARTITIONS_PARTITION), (int)k);
			kfk_set_int(q, p, FQ(TOPICS_PARTITIONS_PARTITION_MAX_BYTES), (int)dice(3) << 20);
			if (odd(usual, 9))
				kfk_set_int(q, p, FQ(TOPICS_PARTITIONS_HIGH_WATERMARK), 5);
			if (odd(usual, 9))
				kfk_set_uuid(q, p, FQ(TOPICS_PARTITIONS_REPLICA_DIRECTORY_ID), stage_id('d'));
		}
	}
}

/* ---- both ways ---------------------------------------------------------------------------------------------- */

/* As the core does it where there is no short way. */
static enum api_result
the_long_way(struct stage *s, enum kfk_dir dir)
{
	struct api_call *c = &s->call;
	struct kfk_tree	 t;
	enum api_result	 result;

	alv_chain_clear(&c->out);
	assert_int_equal(kfk_tree_decode(&t, kfk_schema_find(c->hdr.key, dir), c->hdr.version, &s->body, &s->arena), ALV_OK);
	result = dir == KFK_REQUEST ? c->def->request(c, &t) : c->def->response(c, &t);
	kfk_tree_fini(&t);
	return result;
}

static void
new_memo(struct stage *s)
{
	s->call.memo = alv_arena_alloc(&s->call.arena, sizeof(struct api_memo));
	assert_non_null(s->call.memo);
	s->call.error_code = 0;
	s->call.no_response = false;
	s->call.charged = 0;
	s->call.nids = 0;
}

/* True: the short way was taken. */
static bool
request_both_ways(struct stage *s)
{
	struct api_call *c = &s->call;
	struct flat	 shortly = { 0 };
	bool		 taken, silent;
	uint64_t	 charged;

	(void)stage_send(s);	/* whatever comes of it: the call is loaded then */
	alv_chain_clear(&c->out);
	new_memo(s);
	c->ids_asked = false;
	taken = c->def->quick->request(c, &s->body);
	silent = c->no_response;
	charged = c->charged;
	if (taken)
		shortly = flat_of(&c->out);
	else
		assert_int_equal(c->out.n, 0);
	assert_true(taken || charged == 0);
	new_memo(s);
	if (!taken)
		return false;
	assert_int_equal(the_long_way(s, KFK_REQUEST), API_FORWARD);
	assert_null(api_memo(c)->split.first);
	assert_int_equal(silent, c->no_response);
	assert_int_equal(charged, c->charged);
	assert_same(&shortly, &c->out);
	return true;
}

static void
round_of(int16_t key, int16_t version, bool usual, unsigned *taken)
{
	struct stage	 s;
	struct kfk_tree *q;

	stage_open(&s, denies, ALV_COUNT(denies));
	q = stage_begin(&s, key, version);
	if (key == KFK_API_PRODUCE)
		make_produce(&s, q, usual);
	else
		make_fetch(&s, q, usual);
	*taken += request_both_ways(&s);
	stage_close(&s);
}

static void
requests_are_the_same_both_ways(void **state)
{
	static const struct { int16_t key, lo, hi; } apis[] = { { KFK_API_PRODUCE, 3, 13 }, { KFK_API_FETCH, 4, 18 } };

	(void)state;
	seed = 20261123;
	for (size_t i = 0; i < ALV_COUNT(apis); i++) {
		for (int16_t v = apis[i].lo; v <= apis[i].hi; v++) {
			unsigned usual = 0, other = 0;

			for (int k = 0; k < ROUNDS / 10; k++)
				round_of(apis[i].key, v, true, &usual);
			for (int k = 0; k < ROUNDS; k++)
				round_of(apis[i].key, v, false, &other);
			assert_int_equal(usual, ROUNDS / 10);
			assert_in_range(other, 1, ROUNDS - 1);
		}
	}
}

static void
answers_to_produce_are_the_same_both_ways(void **state)
{
	unsigned taken = 0;

	(void)state;
	seed = 4711;
	for (int k = 0; k < ROUNDS * 4; k++) {
		bool		 usual = k % 4 == 0, quick;
		struct stage	 s;
		struct kfk_tree *t;
		struct flat	 shortly = { 0 };
		int16_t		 code = 0;

		stage_open(&s, denies, ALV_COUNT(denies));
		t = stage_begin(&s, KFK_API_PRODUCE, (int16_t)(3 + k % 11));
		make_produce(&s, t, true);
		kfk_set_int(t, &t->root, PQ(ACKS), -1);
		assert_int_equal(stage_send(&s), API_FORWARD);
		assert_true(api_memo(&s.call)->asked.n > 0);
		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		make_produced(t, usual);
		alv_chain_clear(&s.body);
		assert_int_equal(kfk_tree_encode(t, &s.body), ALV_OK);
		quick = s.call.def->quick->response(&s.call, &s.body);
		assert_true(quick || !usual);
		taken += quick;
		if (quick) {
			code = s.call.error_code;
			shortly = flat_of(&s.call.out);
		}
		s.call.error_code = 0;
		assert_int_equal(the_long_way(&s, KFK_RESPONSE), API_ANSWER);
		if (quick) {
			assert_int_equal(code, s.call.error_code);
			assert_same(&shortly, &s.call.out);
		}
		stage_close(&s);
	}
	assert_in_range(taken, ROUNDS, ROUNDS * 4 - 1);
}

/* What was refused or is of nobody is spliced in on the long way. */
static void
a_denied_topic_is_answered_the_long_way(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *list;

	(void)state;
	stage_open(&s, denies, ALV_COUNT(denies));
	t = stage_begin(&s, KFK_API_FETCH, 11);
	list = kfk_set_empty(t, &t->root, FQ(TOPICS));
	kfk_set_str(t, kfk_add(t, list), FQ(TOPICS_TOPIC), ALV_STR("orders"));
	kfk_set_str(t, kfk_add(t, list), FQ(TOPICS_TOPIC), ALV_STR("secret"));
	assert_int_equal(stage_send(&s), API_FORWARD);
	assert_false(s.call.def->quick->request(&s.call, &s.body));
	assert_int_equal(api_memo(&s.call)->split.kept, 1);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_the_same_both_ways),
		cmocka_unit_test(answers_to_produce_are_the_same_both_ways),
		cmocka_unit_test(a_denied_topic_is_answered_the_long_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
