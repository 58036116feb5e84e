/* ShareFetch's answers that leave while they come: the same as gathered ones, wherever they are cut; a length that was right from
 * the first byte on; nothing that the request's principal may not read. */
#include "share_stage.h"

#include <stdlib.h>

enum { RECORDS = 700 };

/* A request of a session with own topics, one that is denied, one that is another's. */
static void
ask(struct stage *s, int16_t version)
{
	stage_open(s, share_denies, SHARE_DENIES);
	share_open(s, version, "slgo");
	(void)share_ask(s, version, 1);
	(void)stage_forwarded(s);
	assert_true(api_streams(&s->call));
	alv_chain_clear(&s->call.out);
}

static uint8_t *
flat_of(struct stage *s, struct kfk_tree *t, size_t *n)
{
	uint8_t *flat;

	alv_chain_clear(&s->body);
	assert_int_equal(kfk_tree_encode(t, &s->body), ALV_OK);
	*n = s->body.n;
	flat = malloc(*n);
	assert_true(flat != NULL && alv_chain_peek(&s->body, 0, flat, *n));
	return flat;
}

static uint8_t *
answer(struct stage *s, size_t *n)
{
	struct kfk_tree *t = stage_broker(s);
	struct kfk_node *p;

	p = share_give(s, t, 'l', 0, RECORDS);
	kfk_set_str(t, p, R(RESPONSES_PARTITIONS_ERROR_MESSAGE), ALV_STR("acme.orders: globex.x is at the host real2.internal, port 9092"));
	kfk_set_int(t, p, R(RESPONSES_PARTITIONS_ACKNOWLEDGE_ERROR_CODE), KFK_INVALID_RECORD_STATE);
	kfk_set_str(t, p, R(RESPONSES_PARTITIONS_ACKNOWLEDGE_ERROR_MESSAGE), ALV_STR("acme.orders has it"));
	(void)share_give(s, t, 'o', 7, RECORDS);
	share_endpoints(t, 3, "real1");
	return flat_of(s, t, n);
}

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

/* Without what only fills. */
static uint8_t *
plain(struct stage *s, const struct alv_chain *body, size_t *n)
{
	struct kfk_tree t;
	uint8_t	       *flat;

	assert_int_equal(kfk_tree_decode(&t, kfk_schema_find(KFK_API_SHARE_FETCH, KFK_RESPONSE), s->call.hdr.version, body, &s->arena),
	    ALV_OK);
	flat = flat_of(s, &t, n);
	kfk_tree_fini(&t);
	return flat;
}

static uint8_t *
gathered(int16_t version, size_t *n)
{
	struct stage s;
	uint8_t	    *flat;

	ask(&s, version);
	free(answer(&s, n));
	assert_int_equal(api_response(&s.call, &s.body), API_ANSWER);
	stage_clean(&s);
	flat = plain(&s, &s.call.out, n);
	stage_close(&s);
	return flat;
}

static void
streamed_is_as_gathered_wherever_it_is_cut(void **state)
{
	(void)state;
	for (int16_t v = 1; v <= 2; v++) {
		struct stage	 s;
		size_t		 want_n, n, got_n;
		uint8_t		*wanted = gathered(v, &want_n), *body, *got;

		ask(&s, v);
		body = answer(&s, &n);
		stage_close(&s);
		for (size_t cut = 0; cut < n; cut++) {
			struct alv_chain gone;

			if (cut > 250 && cut < n - 350 && cut % 7 != 0)
				continue;
			ask(&s, v);
			alv_chain_init(&gone, s.worker.pool);
			assert_int_equal(feed(&s, n, body, cut, &gone), API_MORE);
			assert_int_equal(feed(&s, n, body + cut, n - cut, &gone), API_ANSWER);
			assert_int_equal(gone.n, s.call.answer_n);
			got = plain(&s, &gone, &got_n);
			assert_int_equal(got_n, want_n);
			assert_memory_equal(got, wanted, want_n);
			free(got);
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
	struct stage	 s;
	struct alv_chain gone;
	size_t		 n, behind = 0;
	uint8_t		*body;

	(void)state;
	ask(&s, 2);
	body = answer(&s, &n);
	alv_chain_init(&gone, s.worker.pool);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(feed(&s, n, body + i, 1, &gone), i + 1 < n ? API_MORE : API_ANSWER);
		if (i > 20 && i < n - 350 && i > gone.n && i - gone.n > behind)
			behind = i - gone.n;
	}
	assert_in_range(behind, 0, 90);		/* one item: the longest text */
	assert_int_equal(gone.n, s.call.answer_n);
	alv_chain_clear(&gone);
	free(body);
	stage_close(&s);
}

static void
what_may_not_be_read_ends_it(void **state)
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

		ask(&s, 2);
		t = stage_broker(&s);
		(void)share_give(&s, t, 'o', 0, RECORDS);
		(void)share_give(&s, t, ids[i], 0, RECORDS);
		flat = flat_of(&s, t, &n);
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

/* Addresses stand in a list that is no tagged field: those that nobody may be told of go all the same, and the rest must fit
 * into what was announced. */
static void
endpoints_fit_or_stay_away(void **state)
{
	static const struct { int n; const char *host; size_t left; } cases[] = {
		{ 0, "", 0 }, { 1, "", 1 }, { 3, "real1.internal", 2 }, { 300, "", 2 }, { 300, "a-host-with-a-name-as-long-as-ours", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		for (size_t cut = 1; cut < 40; cut += 3) {
			struct stage	 s;
			struct kfk_tree *t;
			struct alv_chain gone;
			uint8_t		*flat;
			size_t		 n;

			ask(&s, 1);
			t = stage_broker(&s);
			(void)share_give(&s, t, 'o', 0, RECORDS);
			share_endpoints(t, cases[i].n, cases[i].host);
			flat = flat_of(&s, t, &n);
			alv_chain_init(&gone, s.worker.pool);
			for (size_t at = 0; at < n; at += n / cut + 1)
				(void)feed(&s, n, flat + at, n - at < n / cut + 1 ? n - at : n / cut + 1, &gone);
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

/* A cleaned text that would be longer than what came cannot be sent: the length was said already. */
static void
texts_do_not_grow(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct alv_chain gone;
	struct kfk_node *p;
	uint8_t		*flat;
	size_t		 n;

	(void)state;
	ask(&s, 2);
	t = stage_broker(&s);
	p = share_give(&s, t, 'o', 0, RECORDS);
	kfk_set_int(t, p, R(RESPONSES_PARTITIONS_ERROR_CODE), KFK_NOT_LEADER_OR_FOLLOWER);
	kfk_set_str(t, p, R(RESPONSES_PARTITIONS_ERROR_MESSAGE), ALV_STR("globex.x"));
	flat = flat_of(&s, t, &n);
	alv_chain_init(&gone, s.worker.pool);
	assert_int_equal(feed(&s, n, flat, n, &gone), API_ANSWER);
	assert_int_equal(gone.n, s.call.answer_n);
	alv_chain_move(&s.call.out, &gone);
	t = stage_client(&s);
	p = stage_at(stage_at(&t->root, R(RESPONSES), 0), R(RESPONSES_PARTITIONS), 0);
	stage_text(kfk_get_str(t, p, R(RESPONSES_PARTITIONS_ERROR_MESSAGE)), NULL);
	free(flat);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streamed_is_as_gathered_wherever_it_is_cut),
		cmocka_unit_test(the_first_byte_leaves_before_the_last_has_come),
		cmocka_unit_test(what_may_not_be_read_ends_it),
		cmocka_unit_test(endpoints_fit_or_stay_away),
		cmocka_unit_test(texts_do_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
