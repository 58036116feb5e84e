/* Answers that leave while they come: the same as gathered ones, wherever they are cut; a length that was right from the
 * first byte on; and nothing of another tenant's, whatever comes in the middle. */
#include "stage.h"

#include <stdlib.h>

#include "kafka/varint.h"

#define Q(f) KFK_FETCH_REQUEST_##f
#define R(f) KFK_FETCH_RESPONSE_##f

enum { FIRST = 13, LAST = 18, RECORDS = 700 };

static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ) };

static void
want(struct kfk_tree *q, char id)
{
	struct kfk_node *list = kfk_get(&q->root, Q(TOPICS)), *e;

	if (list == NULL)
		list = kfk_set_empty(q, &q->root, Q(TOPICS));
	e = kfk_add(q, list);
	kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), stage_id(id));
	kfk_set_int(q, kfk_add(q, kfk_set_empty(q, e, Q(TOPICS_PARTITIONS))), Q(TOPICS_PARTITIONS_PARTITION), 3);
}

/* The request: own topics, one that is denied, one that is another's. */
static void
ask(struct stage *s, int16_t version)
{
	struct kfk_tree *t;

	stage_open(s, denies, 1);
	t = stage_begin(s, KFK_API_FETCH, version);
	want(t, 's');
	want(t, 'l');
	want(t, 'g');
	want(t, 'o');
	assert_int_equal(stage_send(s), API_FORWARD);
	assert_true(api_streams(&s->call));
	alv_chain_clear(&s->call.out);
}

static void
give(struct stage *s, struct kfk_tree *r, char id, size_t records)
{
	struct kfk_node *list = kfk_get(&r->root, R(RESPONSES)), *e, *parts;
	char		*bytes = alv_arena_alloc(&s->arena, records + 1);

	memset(bytes, id, records);
	if (list == NULL)
		list = kfk_set_empty(r, &r->root, R(RESPONSES));
	e = kfk_add(r, list);
	kfk_set_uuid(r, e, R(RESPONSES_TOPIC_ID), stage_id(id));
	parts = kfk_set_empty(r, e, R(RESPONSES_PARTITIONS));
	for (int i = 0; i < 2; i++) {
		struct kfk_node *p = kfk_add(r, parts), *x;

		kfk_set_int(r, p, R(RESPONSES_PARTITIONS_PARTITION_INDEX), i);
		kfk_set_int(r, p, R(RESPONSES_PARTITIONS_PREFERRED_READ_REPLICA), 7);
		kfk_set_bytes(r, p, R(RESPONSES_PARTITIONS_RECORDS), alv_str_make(bytes, records));
		x = kfk_set_empty(r, p, R(RESPONSES_PARTITIONS_CURRENT_LEADER));
		kfk_set_int(r, x, R(RESPONSES_PARTITIONS_CURRENT_LEADER_LEADER_ID), 2 + 5 * i);
	}
}

static void
give_endpoints(struct kfk_tree *r, int n, const char *host)
{
	struct kfk_node *list = kfk_set_empty(r, &r->root, R(NODE_ENDPOINTS));

	for (int i = 0; i < n; i++) {
		struct kfk_node *x = kfk_add(r, list);

		kfk_set_int(r, x, R(NODE_ENDPOINTS_NODE_ID), 1 + i % 3);
		kfk_set_str(r, x, R(NODE_ENDPOINTS_HOST), alv_str_of(host));
		kfk_set_int(r, x, R(NODE_ENDPOINTS_PORT), 9092);
		kfk_set_str(r, x, R(NODE_ENDPOINTS_RACK), ALV_STR("real1"));
	}
}

/* The broker's answer, flat. */
static uint8_t *
answer(struct stage *s, int16_t version, size_t records, size_t *n)
{
	struct kfk_tree *t = stage_broker(s);
	uint8_t		*flat;

	kfk_set_int(t, &t->root, R(SESSION_ID), 777);
	give(s, t, 'l', records);
	give(s, t, 'o', records);
	if (version >= 16)
		give_endpoints(t, 3, "real1");
	alv_chain_clear(&s->body);
	assert_int_equal(kfk_tree_encode(t, &s->body), ALV_OK);
	*n = s->body.n;
	flat = malloc(*n);
	assert_true(flat != NULL && alv_chain_peek(&s->body, 0, flat, *n));
	return flat;
}

/* Feeds [p, p + n) as part of body_n bytes; what may leave goes to `gone`. */
static enum api_result
feed(struct stage *s, size_t body_n, const uint8_t *p, size_t n, struct alv_chain *gone)
{
	struct alv_chain in;
	enum api_result	 result;
	size_t		 known = s->call.answer_n;

	alv_chain_init(&in, s->worker.pool);
	alv_chain_copy(&in, p, n);
	result = api_stream(&s->call, body_n, &in);
	alv_chain_clear(&in);
	assert_true(s->call.out.n == 0 || s->call.answer_n > 0);
	assert_true(known == 0 || result == API_CLOSE || s->call.answer_n == known);
	alv_chain_move(gone, &s->call.out);
	assert_true(gone->n == 0 || gone->n <= s->call.answer_n);
	return result;
}

/* Encoded once more from a tree, so that what only fills is gone. */
static void
plain(struct stage *s, const struct alv_chain *body, struct alv_chain *out)
{
	struct kfk_tree t;

	assert_int_equal(kfk_tree_decode(&t, kfk_schema_find(KFK_API_FETCH, KFK_RESPONSE), s->call.hdr.version, body, &s->arena),
	    ALV_OK);
	assert_int_equal(kfk_tree_encode(&t, out), ALV_OK);
	kfk_tree_fini(&t);
}

static void
assert_same(struct stage *s, const struct alv_chain *streamed, const uint8_t *want_p, size_t want_n)
{
	struct alv_chain got;
	uint8_t		*flat;

	alv_chain_init(&got, s->worker.pool);
	plain(s, streamed, &got);
	assert_int_equal(got.n, want_n);
	flat = malloc(got.n);
	assert_true(alv_chain_peek(&got, 0, flat, got.n));
	assert_memory_equal(flat, want_p, want_n);
	free(flat);
	alv_chain_clear(&got);
}

static uint8_t *
gathered(struct stage *s, int16_t version, size_t *n)
{
	struct alv_chain out;
	uint8_t		*flat;
	size_t		 body_n;

	ask(s, version);
	free(answer(s, version, RECORDS, &body_n));
	assert_int_equal(api_response(&s->call, &s->body), API_ANSWER);
	alv_chain_init(&out, s->worker.pool);
	plain(s, &s->call.out, &out);
	*n = out.n;
	flat = malloc(*n);
	assert_true(alv_chain_peek(&out, 0, flat, *n));
	alv_chain_clear(&out);
	stage_close(s);
	return flat;
}

static void
streamed_is_as_gathered_wherever_it_is_cut(void **state)
{
	(void)state;
	for (int16_t v = FIRST; v <= LAST; v++) {
		struct stage	 s;
		size_t		 want_n, n;
		uint8_t		*wanted = gathered(&s, v, &want_n), *body;

		ask(&s, v);
		body = answer(&s, v, RECORDS, &n);
		stage_close(&s);
		for (size_t cut = 0; cut < n; cut++) {
			struct alv_chain gone;
			size_t		 size;

			if (cut > 200 && cut < n - 200 && cut % 7 != 0)
				continue;
			ask(&s, v);
			free(answer(&s, v, RECORDS, &size));
			alv_chain_init(&gone, s.worker.pool);
			assert_int_equal(feed(&s, n, body, cut, &gone), API_MORE);
			assert_int_equal(feed(&s, n, body + cut, n - cut, &gone), API_ANSWER);
			assert_int_equal(gone.n, s.call.answer_n);
			assert_same(&s, &gone, wanted, want_n);
			alv_chain_clear(&gone);
			stage_close(&s);
		}
		free(wanted);
		free(body);
	}
}

static void
the_first_byte_leaves_before_the_last_has_come(void **state)
{
	(void)state;
	for (int16_t v = FIRST; v <= LAST; v++) {
		struct stage	 s;
		struct alv_chain gone;
		size_t		 want_n, n, behind = 0;
		uint8_t		*wanted = gathered(&s, v, &want_n), *body;

		ask(&s, v);
		body = answer(&s, v, RECORDS, &n);
		alv_chain_init(&gone, s.worker.pool);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(feed(&s, n, body + i, 1, &gone), i + 1 < n ? API_MORE : API_ANSWER);
			if (i > 20 && i < n - 300 && i > gone.n && i - gone.n > behind)
				behind = i - gone.n;
		}
		assert_in_range(behind, 0, 64);		/* what is held back: one item, one partition's tagged fields */
		assert_int_equal(gone.n, s.call.answer_n);
		assert_same(&s, &gone, wanted, want_n);
		alv_chain_clear(&gone);
		free(wanted);
		free(body);
		stage_close(&s);
	}
}

static void
what_was_not_asked_for_ends_it(void **state)
{
	static const char ids[] = { 'g', 's', 'c', 'x', 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(ids); i++) {
		struct stage	 s;
		struct kfk_tree *t;
		struct alv_chain gone;
		uint8_t		*flat, left[4096];
		size_t		 n, at;
		enum api_result	 result = API_MORE;

		ask(&s, 16);
		t = stage_broker(&s);
		give(&s, t, 'o', RECORDS);
		give(&s, t, ids[i], RECORDS);
		alv_chain_clear(&s.body);
		assert_int_equal(kfk_tree_encode(t, &s.body), ALV_OK);
		n = s.body.n;
		flat = malloc(n);
		assert_true(alv_chain_peek(&s.body, 0, flat, n));
		alv_chain_init(&gone, s.worker.pool);
		for (at = 0; at < n && result == API_MORE; at += 100)
			result = feed(&s, n, flat + at, n - at < 100 ? n - at : 100, &gone);
		assert_int_equal(result, API_CLOSE);
		assert_int_equal(s.call.close, MET_CLOSE_UPSTREAM_FOREIGN);
		assert_int_equal(s.call.out.n, 0);
		/* The own topic's part left, and not a byte of the other's. */
		assert_in_range(gone.n, RECORDS, sizeof(left));
		assert_true(alv_chain_peek(&gone, 0, left, gone.n));
		assert_null(ids[i] == 0 ? NULL : memmem(left, gone.n, (char[]){ ids[i], ids[i] }, 2));
		alv_chain_clear(&gone);
		free(flat);
		stage_close(&s);
	}
}

/* A body that is shorter or longer than was announced. */
static void
a_wrong_length_ends_it(void **state)
{
	(void)state;
	for (int more = -1; more <= 1; more += 2) {
		struct stage	 s;
		struct alv_chain gone;
		size_t		 n;
		uint8_t		*body;

		ask(&s, 17);
		body = answer(&s, 17, RECORDS, &n);
		alv_chain_init(&gone, s.worker.pool);
		if (more > 0) {
			assert_int_equal(feed(&s, n + 1, body, n, &gone), API_CLOSE);
		} else {
			assert_int_equal(feed(&s, n - 1, body, n / 2, &gone), API_MORE);
			assert_int_equal(feed(&s, n - 1, body + n / 2, n - 1 - n / 2, &gone), API_CLOSE);
		}
		assert_int_equal(s.call.close, MET_CLOSE_UPSTREAM_MALFORMED);
		assert_non_null(s.call.fault);
		assert_true(gone.n < s.call.answer_n || s.call.answer_n == 0);
		alv_chain_clear(&gone);
		free(body);
		stage_close(&s);
	}
}

static void
counts_that_cannot_be_end_it(void **state)
{
	/* throttle, error, session, then a count of more topics than the body can hold; and one that is null */
	static const uint8_t bad[][15] = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f },
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		struct stage	 s;
		struct alv_chain gone;

		ask(&s, 13);
		alv_chain_init(&gone, s.worker.pool);
		assert_int_equal(feed(&s, 1 << 20, bad[i], sizeof(bad[i]), &gone), API_CLOSE);
		assert_int_equal(s.call.close, MET_CLOSE_UPSTREAM_MALFORMED);
		assert_int_equal(gone.n, 0);
		alv_chain_clear(&gone);
		stage_close(&s);
	}
	for (int i = 0; i < 2; i++) {	/* what could no longer be announced, a byte below what an int32 holds */
		struct stage	 s;
		struct alv_chain gone;

		ask(&s, 13);
		alv_chain_init(&gone, s.worker.pool);
		assert_int_equal(feed(&s, i == 0 ? INT32_MAX : 0, (const uint8_t[]){ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 },
		    i == 0 ? 11 : 0, &gone), API_CLOSE);
		assert_int_equal(gone.n, 0);
		alv_chain_clear(&gone);
		stage_close(&s);
	}
}

/* Addresses of brokers that nobody has, more than there are, or with longer names: they must fit into what was announced. */
static void
endpoints_fit_or_stay_away(void **state)
{
	static const struct { int n; const char *host; size_t left; } cases[] = {
		{ 0, "", 0 }, { 1, "", 1 }, { 3, "real1.internal", 2 }, { 300, "", 2 }, { 300, "a-host-with-a-name-as-long-as-ours", 2 },
	};

	(void)state;
	for (int16_t v = 16; v <= LAST; v++) {
		for (size_t i = 0; i < ALV_COUNT(cases); i++) {
			struct stage	 s;
			struct kfk_tree *t;
			struct alv_chain gone;
			uint8_t		*flat;
			size_t		 n;

			ask(&s, v);
			t = stage_broker(&s);
			give(&s, t, 'o', RECORDS);
			give_endpoints(t, cases[i].n, cases[i].host);
			alv_chain_clear(&s.body);
			assert_int_equal(kfk_tree_encode(t, &s.body), ALV_OK);
			n = s.body.n;
			flat = malloc(n);
			assert_true(alv_chain_peek(&s.body, 0, flat, n));
			alv_chain_init(&gone, s.worker.pool);
			assert_int_equal(feed(&s, n, flat, n / 2, &gone), API_MORE);
			assert_int_equal(feed(&s, n, flat + n / 2, n - n / 2, &gone), API_ANSWER);
			assert_int_equal(gone.n, s.call.answer_n);
			alv_chain_move(&s.call.out, &gone);
			t = stage_client(&s);
			assert_int_equal(stage_count(&t->root, R(NODE_ENDPOINTS)), cases[i].left);
			for (size_t k = 0; k < cases[i].left; k++)
				assert_true(alv_str_starts(kfk_get_str(t, stage_at(&t->root, R(NODE_ENDPOINTS), k),
				    R(NODE_ENDPOINTS_HOST)), ALV_STR("b")));
			stage_clean(&s);
			free(flat);
			stage_close(&s);
		}
	}
}

/* What a broker of a later version adds is left out and made even, whatever its size. */
static void
unknown_tags_are_filled_up(void **state)
{
	static const struct { size_t from, to; } sizes[] = { { 0, 300 }, { 16370, 16400 } };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(sizes); i++) {
		for (size_t k = sizes[i].from; k < sizes[i].to; k++) {
			struct stage	 s;
			struct kfk_tree *t;
			struct alv_chain gone;
			uint8_t		*flat;
			size_t		 n;

			ask(&s, 13 + (int16_t)(k % 6));
			t = stage_broker(&s);
			give(&s, t, 'o', RECORDS);
			alv_chain_clear(&s.body);
			assert_int_equal(kfk_tree_encode(t, &s.body), ALV_OK);
			n = s.body.n;
			flat = calloc(1, n + 10 + k);
			assert_true(alv_chain_peek(&s.body, 0, flat, n));
			flat[n - 1] = 1;		/* there are no tagged fields in front of it */
			flat[n++] = 99;
			n += (size_t)kfk_varint_write(flat + n, (uint32_t)k) + k;
			alv_chain_init(&gone, s.worker.pool);
			assert_int_equal(feed(&s, n, flat, 50, &gone), API_MORE);
			assert_int_equal(feed(&s, n, flat + 50, n - 50, &gone), API_ANSWER);
			assert_int_equal(gone.n, s.call.answer_n);
			alv_chain_move(&s.call.out, &gone);
			t = stage_client(&s);
			assert_int_equal(t->dropped_tags, 1);
			assert_int_equal(stage_count(&t->root, R(RESPONSES)), 3);
			free(flat);
			stage_close(&s);
		}
	}
}

/* A tenant that was suspended while its answer came gets no more of it. */
static void
a_suspended_tenant_gets_no_more(void **state)
{
	struct stage	 s;
	struct alv_chain gone;
	size_t		 n;
	uint8_t		*body;

	(void)state;
	ask(&s, 16);
	body = answer(&s, 16, RECORDS, &n);
	alv_chain_init(&gone, s.worker.pool);
	assert_int_equal(feed(&s, n, body, n / 2, &gone), API_MORE);
	stage_tenant(&s, "acme", "acme-cluster-id-22char", POL_SUSPENDED, NULL, 0);
	assert_int_equal(feed(&s, n, body + n / 2, n - n / 2, &gone), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_TENANT_SUSPENDED);
	alv_chain_clear(&gone);
	free(body);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streamed_is_as_gathered_wherever_it_is_cut),
		cmocka_unit_test(the_first_byte_leaves_before_the_last_has_come),
		cmocka_unit_test(what_was_not_asked_for_ends_it),
		cmocka_unit_test(a_wrong_length_ends_it),
		cmocka_unit_test(counts_that_cannot_be_end_it),
		cmocka_unit_test(endpoints_fit_or_stay_away),
		cmocka_unit_test(unknown_tags_are_filled_up),
		cmocka_unit_test(a_suspended_tenant_gets_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
