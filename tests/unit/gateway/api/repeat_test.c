/* Produce said again, against the way that everything goes: two stages get the same frames, one of them forgets after each.
 * What leaves must be the same byte for byte, and what is not quite the same must not be taken for a repeat. */
#include "stage.h"

#include <stdlib.h>

#include "api/repeat.h"

#define PQ(f) KFK_PRODUCE_REQUEST_##f
#define PR(f) KFK_PRODUCE_RESPONSE_##f

enum { FRONT = 61, RECORDS_MAX = 700, TRANSACTIONAL = 0x10, FIRST = 3, LAST = 13, LEAST = 5 };

struct flat {
	uint8_t *p;
	size_t	 n;
};

/* What a producer says. */
struct said {
	int16_t	    version, acks;
	const char *client_id, *topic;
	char	    id;
	int32_t	    partition;
	size_t	    records;	/* bytes; 0: null */
	uint8_t	    magic;
	uint16_t    attributes;
	size_t	    partitions;
	const char *txn;
};
static const struct said usual = { .version = LAST, .acks = -1, .client_id = "producer-1", .topic = "orders", .id = 'o', .records = 100,
	.magic = 2, .partitions = 1 };

static struct flat
flat_of(const struct alv_chain *c)
{
	struct flat f = { malloc(c->n + 1), c->n };

	assert_int_equal(c->err, ALV_OK);
	assert_true(f.p != NULL && alv_chain_peek(c, 0, f.p, f.n));
	return f;
}

static void
assert_same(struct flat a, struct flat b)
{
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	free(a.p);
	free(b.p);
}

static void
fill(struct stage *s, struct kfk_tree *q, const struct said *x)
{
	struct kfk_node *e = kfk_add(q, kfk_set_empty(q, &q->root, PQ(TOPIC_DATA))), *parts;

	if (x->txn == NULL)
		kfk_set_null(q, &q->root, PQ(TRANSACTIONAL_ID));
	else
		kfk_set_str(q, &q->root, PQ(TRANSACTIONAL_ID), alv_str_of(x->txn));
	kfk_set_int(q, &q->root, PQ(ACKS), x->acks);
	if (q->version >= 13)
		kfk_set_uuid(q, e, PQ(TOPIC_DATA_TOPIC_ID), stage_id(x->id));
	else
		kfk_set_str(q, e, PQ(TOPIC_DATA_NAME), alv_str_of(x->topic));
	parts = kfk_set_empty(q, e, PQ(TOPIC_DATA_PARTITION_DATA));
	for (size_t i = 0; i < x->partitions; i++) {
		struct kfk_node *p = kfk_add(q, parts);
		uint8_t		*b = alv_arena_alloc(&s->arena, RECORDS_MAX);

		alv_put_be32(b + 8, (uint32_t)(x->records - 12));
		b[16] = x->magic;
		alv_put_be16(b + 21, x->attributes);
		memset(b + FRONT, 0x7e, RECORDS_MAX - FRONT);
		kfk_set_int(q, p, PQ(TOPIC_DATA_PARTITION_DATA_INDEX), x->partition + (int)i);
		if (x->records == 0)
			kfk_set_null(q, p, PQ(TOPIC_DATA_PARTITION_DATA_RECORDS));
		else
			kfk_set_bytes(q, p, PQ(TOPIC_DATA_PARTITION_DATA_RECORDS), alv_str_make(b, x->records));
	}
}

static int32_t number;

/* A frame without its size. */
static struct flat
frame_of(struct stage *s, const struct said *x)
{
	struct kfk_tree	      q;
	struct kfk_req_header h = { .key = KFK_API_PRODUCE, .version = x->version, .correlation_id = ++number,
		.client_id = x->client_id == NULL ? ALV_STR_NULL : alv_str_of(x->client_id) };
	struct alv_chain      c;
	struct flat	      f;

	kfk_tree_init(&q, kfk_schema_find(KFK_API_PRODUCE, KFK_REQUEST), x->version, &s->arena);
	fill(s, &q, x);
	alv_chain_init(&c, s->worker.pool);
	kfk_req_header_write(&c, &h, 0);
	alv_chain_drop(&c, 4);
	assert_int_equal(kfk_tree_encode(&q, &c), ALV_OK);
	f = flat_of(&c);
	alv_chain_clear(&c);
	return f;
}

static void
begin(struct stage *s, size_t bytes)
{
	api_call_fini(&s->call);
	memset(&s->call, 0, sizeof(s->call));
	s->call.conn = &s->conn;
	s->call.request_bytes = bytes + 4;
	alv_arena_init(&s->call.arena, 1 << 24);
	alv_chain_init(&s->call.out, s->worker.pool);
}

/* -> what goes to the broker. *again tells whether it was taken for a repeat. `cut`: the frame comes in two pieces. */
static struct flat
ask_cut(struct stage *s, struct flat f, size_t cut, bool *again)
{
	struct api_call *c = &s->call;
	struct alv_chain frame, up;
	struct flat	 sent;

	begin(s, f.n);
	alv_chain_init(&frame, s->worker.pool);
	alv_chain_init(&up, s->worker.pool);
	for (size_t at = 0, n; at < f.n; at += n) {
		struct alv_block *b;

		n = at < cut ? cut : f.n - at;
		b = alv_block_get(s->worker.pool, n);
		memcpy(b->data, f.p + at, n);
		b->used = (uint32_t)n;
		alv_chain_ref(&frame, b, b->data, n);
		alv_block_put(b);
	}
	*again = api_again(c, &frame);
	if (!*again) {
		assert_int_equal(kfk_req_header_read(&frame, &c->arena, &c->hdr), ALV_OK);
		alv_chain_drop(&frame, c->hdr.size);
		if (api_request(c, &frame) == API_FORWARD) {
			struct kfk_req_header h = c->hdr;

			h.client_id = c->up_client_id;
			kfk_req_header_write(&up, &h, c->out.n);
		} else {
			alv_chain_clear(&c->out);
		}
	}
	alv_chain_move(&up, &c->out);
	sent = flat_of(&up);
	alv_chain_clear(&up);
	alv_chain_clear(&frame);
	return sent;
}

static struct flat
ask(struct stage *s, const struct said *x, bool *again)
{
	struct flat f = frame_of(s, x), sent = ask_cut(s, f, 0, again);

	free(f.p);
	return sent;
}

/* True: it was taken for one. */
static bool
asked_again(struct stage *s, const struct said *x)
{
	bool	    again;
	struct flat sent = ask(s, x, &again);

	free(sent.p);
	return again;
}

/* What the broker says to `x`. */
struct says {
	int16_t	    code;
	const char *text;
	char	    id;		/* 0: the topic's */
	bool	    leader;
	int32_t	    throttle;
};

/* -> what goes to the client. */
static struct flat
answer(struct stage *s, const struct said *x, const struct says *y)
{
	struct api_call *c = &s->call;
	struct kfk_tree	 r;
	struct kfk_node *e, *p;
	struct alv_chain body, out;
	struct flat	 f;

	kfk_tree_init(&r, kfk_schema_find(KFK_API_PRODUCE, KFK_RESPONSE), x->version, &s->arena);
	e = kfk_add(&r, kfk_set_empty(&r, &r.root, PR(RESPONSES)));
	if (x->version >= 13)
		kfk_set_uuid(&r, e, PR(RESPONSES_TOPIC_ID), stage_id(y->id ? y->id : x->id));
	else
		kfk_set_str(&r, e, PR(RESPONSES_NAME), y->id == 'g' ? ALV_STR("globex.orders") : ALV_STR("acme.orders"));
	p = kfk_add(&r, kfk_set_empty(&r, e, PR(RESPONSES_PARTITION_RESPONSES)));
	kfk_set_int(&r, p, PR(RESPONSES_PARTITION_RESPONSES_INDEX), x->partition);
	kfk_set_int(&r, p, PR(RESPONSES_PARTITION_RESPONSES_ERROR_CODE), y->code);
	kfk_set_int(&r, p, PR(RESPONSES_PARTITION_RESPONSES_BASE_OFFSET), 123456789 + number);
	kfk_set_int(&r, p, PR(RESPONSES_PARTITION_RESPONSES_LOG_START_OFFSET), 77);
	if (y->text == NULL)
		kfk_set_null(&r, p, PR(RESPONSES_PARTITION_RESPONSES_ERROR_MESSAGE));
	else
		kfk_set_str(&r, p, PR(RESPONSES_PARTITION_RESPONSES_ERROR_MESSAGE), alv_str_of(y->text));
	if (y->leader && x->version >= 10)
		kfk_set_int(&r, kfk_set_empty(&r, p, PR(RESPONSES_PARTITION_RESPONSES_CURRENT_LEADER)),
		    PR(RESPONSES_PARTITION_RESPONSES_CURRENT_LEADER_LEADER_ID), 1);
	kfk_set_int(&r, &r.root, PR(THROTTLE_TIME_MS), y->throttle);
	alv_chain_init(&body, s->worker.pool);
	alv_chain_init(&out, s->worker.pool);
	assert_int_equal(kfk_tree_encode(&r, &body), ALV_OK);
	assert_int_equal(api_response(c, &body), API_ANSWER);
	if (!c->framed)
		kfk_rsp_header_write(&out, c->hdr.key, c->hdr.version, c->hdr.correlation_id, c->out.n);
	alv_chain_move(&out, &c->out);
	f = flat_of(&out);
	alv_chain_clear(&out);
	alv_chain_clear(&body);
	return f;
}

/* ---- the same, byte for byte --------------------------------------------------------------------------- */

static struct flat
metrics(struct stage *s)
{
	struct alv_buf b;

	alv_buf_init(&b, 1 << 20);
	met_render(&s->worker.meter, 1, &b);
	return (struct flat){ b.p, b.n };
}

static void
all_is_as_without(int16_t version, const char *client_id, size_t *again_n)
{
	static const struct says answers[] = { { .code = 0 }, { .throttle = 1234 }, { .code = 7, .text = "of acme.orders" }, { .leader = true },
		{ .text = "" }, { .code = 6 }, { .id = 'g' } };
	struct stage with, without;
	int32_t	     first = number;

	stage_open(&with, NULL, 0);
	stage_open(&without, NULL, 0);
	for (int i = 0; i < 24; i++) {
		const struct says *y = &answers[i % (int)ALV_COUNT(answers)];
		struct said	   x = usual;
		struct flat	   sent[2];
		bool		   again, never;

		x.version = version;
		x.client_id = client_id;
		x.partition = i % 3;
		x.records = FRONT + (size_t)i * 25;
		number = first + i;
		sent[0] = ask(&with, &x, &again);
		number = first + i;
		sent[1] = ask(&without, &x, &never);
		assert_false(never);
		assert_int_equal(again, version >= LEAST && i >= 3);
		*again_n += again;
		assert_same(sent[0], sent[1]);
		assert_same(answer(&with, &x, y), answer(&without, &x, y));
		assert_int_equal(with.call.error_code, without.call.error_code);
		api_repeats_forget(&without.conn);
	}
	assert_same(metrics(&with), metrics(&without));
	stage_close(&with);
	stage_close(&without);
}

static void
a_repeat_is_the_same_byte_for_byte(void **state)
{
	static const char *const ids[] = { "producer-1", "__admin_client", "", NULL };
	size_t			 n = 0;

	(void)state;
	for (int16_t v = FIRST; v <= LAST; v++)
		for (size_t i = 0; i < ALV_COUNT(ids); i++)
			all_is_as_without(v, ids[i], &n);
	assert_int_equal(n, 21 * (LAST - LEAST + 1) * ALV_COUNT(ids));
}

/* ---- what is none ---------------------------------------------------------------------------------------- */

static void
what_differs_is_no_repeat(void **state)
{
	static const struct { const char *what; struct said x; } others[] = {
		{ "another client id", { .client_id = "producer-2" } },
		{ "another length of it", { .client_id = "producer-11" } },
		{ "other acks", { .acks = 1 } },
		{ "another partition", { .partition = 3 } },
		{ "another topic", { .id = 's' } },
		{ "another version", { .version = 12 } },
		{ "two partitions", { .partitions = 2 } },
		{ "no records", { .records = RECORDS_MAX } },	/* told apart below */
		{ "an old batch", { .magic = 1 } },
		{ "a batch of a transaction", { .attributes = TRANSACTIONAL } },
		{ "a transactional id", { .txn = "tx" } },
	};
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(others); i++) {
		const struct said *o = &others[i].x;
		struct said	   x = usual;

		stage_open(&s, NULL, 0);
		assert_false(asked_again(&s, &usual));
		assert_true(asked_again(&s, &usual));
		x.client_id = o->client_id ? o->client_id : x.client_id;
		x.acks = o->acks ? o->acks : x.acks;
		x.partition = o->partition;
		x.id = o->id ? o->id : x.id;
		x.version = o->version ? o->version : x.version;
		x.partitions = o->partitions ? o->partitions : x.partitions;
		x.records = o->records ? 0 : x.records;
		x.magic = o->magic ? o->magic : x.magic;
		x.attributes = o->attributes;
		x.txn = o->txn;
		if (asked_again(&s, &x))
			fail_msg("taken for a repeat: %s", others[i].what);
		assert_true(asked_again(&s, &usual));
		stage_close(&s);
	}
}

static bool
bytes_are_again(struct stage *s, struct flat f, size_t cut)
{
	bool	    again;
	struct flat sent = ask_cut(s, f, cut, &again);

	free(sent.p);
	return again;
}

/* Lengths that lie, batches that end early, tagged fields behind: the way that everything goes says what they are. */
static void
what_is_malformed_is_no_repeat(void **state)
{
	struct stage s;
	struct flat  f;
	size_t	     length_at;

	(void)state;
	stage_open(&s, NULL, 0);
	assert_false(asked_again(&s, &usual));
	f = frame_of(&s, &usual);
	assert_true(bytes_are_again(&s, f, 0));
	length_at = f.n - 3 - usual.records - 1;
	assert_int_equal(f.p[length_at], usual.records + 1);
	for (size_t i = 0; i < 3; i++) {
		f.p[f.n - 1 - i] = 1;
		assert_false(bytes_are_again(&s, f, 0));
		f.p[f.n - 1 - i] = 0;
	}
	f.p[length_at]++;
	assert_false(bytes_are_again(&s, f, 0));
	f.p[length_at] -= 2;
	assert_false(bytes_are_again(&s, f, 0));
	f.p[length_at] = 0;
	assert_false(bytes_are_again(&s, f, 0));
	f.p[length_at] = 0x80;
	assert_false(bytes_are_again(&s, f, 0));
	f.p[length_at] = (uint8_t)(usual.records + 1);
	f.p[length_at + 1 + 11]++;	/* the batch's own length */
	assert_false(bytes_are_again(&s, f, 0));
	f.p[length_at + 1 + 11]--;
	for (size_t n = 0; n < f.n; n++) {	/* cut off anywhere */
		struct flat part = { f.p, n };
		bool	    again;
		struct alv_chain c;

		begin(&s, n);
		alv_chain_init(&c, s.worker.pool);
		alv_chain_copy(&c, part.p, part.n);
		again = api_again(&s.call, &c);
		assert_false(again);
		alv_chain_clear(&c);
	}
	/* The frame in two pieces, cut anywhere behind what is compared, is one all the same. */
	for (size_t n = 1; n < f.n; n++)
		assert_int_equal(bytes_are_again(&s, f, n), n >= length_at);
	assert_true(bytes_are_again(&s, f, 0));
	free(f.p);
	stage_close(&s);
}

/* A tagged field behind the records whose content looks like the end of a request: were it learnt as one, later bytes would
 * be taken for records that are none. */
static void
a_request_with_tagged_fields_is_not_remembered(void **state)
{
	struct stage s;
	struct flat  f, g;
	bool	     again;

	(void)state;
	stage_open(&s, NULL, 0);
	f = frame_of(&s, &usual);
	g = (struct flat){ malloc(f.n + 7), f.n + 7 };
	memcpy(g.p, f.p, f.n - 3);
	memcpy(g.p + f.n - 3, (const uint8_t[]){ 1, 99, 5, 2, 'x', 0, 0, 0, 0, 0 }, 10);
	free(ask_cut(&s, g, 0, &again).p);
	assert_false(again);
	assert_null(s.conn.repeats.of[0]);
	assert_false(bytes_are_again(&s, g, 0));
	free(f.p);
	free(g.p);
	stage_close(&s);
}

/* ---- how long it holds ------------------------------------------------------------------------------------- */

static void
it_holds_as_long_as_what_it_was_decided_by(void **state)
{
	static const struct pol_rule no[] = { STAGE_DENY(POL_TOPIC, "orders", POL_OP_WRITE) };
	struct stage		     s;
	bool			     again;
	struct flat		     sent;

	(void)state;
	stage_open(&s, NULL, 0);
	assert_false(asked_again(&s, &usual));
	assert_true(asked_again(&s, &usual));
	stage_view(&s);
	assert_false(asked_again(&s, &usual));
	assert_true(asked_again(&s, &usual));
	s.conn.expires_us = s.worker.now_us;	/* the login is over */
	assert_false(asked_again(&s, &usual));
	assert_int_equal(s.call.close, MET_CLOSE_SESSION_EXPIRED);
	s.conn.expires_us = 0;
	assert_true(asked_again(&s, &usual));
	stage_tenant(&s, "acme", "acme-cluster-id-22char", POL_SUSPENDED, NULL, 0);
	assert_false(asked_again(&s, &usual));
	assert_int_equal(s.call.close, MET_CLOSE_TENANT_SUSPENDED);
	stage_tenant(&s, "acme", "acme-cluster-id-22char", POL_ACTIVE, no, 1);
	sent = ask(&s, &usual, &again);
	assert_false(again);
	assert_int_equal(sent.n, 0);
	free(sent.p);
	stage_close(&s);
}

static void
what_is_on_its_way_outlives_what_is_forgotten(void **state)
{
	static const struct says yes = { .code = 0 };
	struct stage		 s;
	bool			 again;

	(void)state;
	stage_open(&s, NULL, 0);
	assert_false(asked_again(&s, &usual));
	free(ask(&s, &usual, &again).p);
	assert_true(again);
	api_repeats_forget(&s.conn);
	free(answer(&s, &usual, &yes).p);
	assert_true(s.call.framed);
	assert_false(asked_again(&s, &usual));
	stage_close(&s);
}

/* Who says too many different things is not remembered each time. */
static void
few_are_remembered(void **state)
{
	struct stage s;
	struct said  x = usual;
	int	     again = 0;

	(void)state;
	stage_open(&s, NULL, 0);
	for (int i = 0; i < 200; i++) {
		x.partition = i % API_REPEATS;
		again += asked_again(&s, &x);
	}
	assert_int_equal(again, 200 - API_REPEATS);
	for (int i = 0; i < 200; i++) {
		x.partition = 100 + i;
		assert_false(asked_again(&s, &x));
	}
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repeat_is_the_same_byte_for_byte),
		cmocka_unit_test(what_differs_is_no_repeat),
		cmocka_unit_test(what_is_malformed_is_no_repeat),
		cmocka_unit_test(a_request_with_tagged_fields_is_not_remembered),
		cmocka_unit_test(it_holds_as_long_as_what_it_was_decided_by),
		cmocka_unit_test(what_is_on_its_way_outlives_what_is_forgotten),
		cmocka_unit_test(few_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
