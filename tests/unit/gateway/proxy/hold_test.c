/* What connections keep in memory: admitted before it is read, given back when it left, and not kept for the slow. */
#include <alcove/clock.h>

#include "bench.h"

#include "api/fetch_session.h"

#define MIB ((size_t)1024 * 1024)

static uint64_t ahead_us;

static uint64_t
clock_us(void)
{
	return alv_mono_us() + ahead_us;
}

static void
later_s(struct proxy *p, unsigned seconds)
{
	ahead_us += seconds * 1000000ull;
	proxy_turns(p, 5);
}

static struct px_client *
begin(struct proxy *p)
{
	proxy_open(p);
	ahead_us = 0;
	p->conf.limits.arena_max_bytes = 64 * MIB;
	p->conf.upstream.connect_timeout_ms = 600000;	/* a slow build takes its time over so many names */
	net_loop_clock(p->worker->loop, clock_us);
	return proxy_client(p);
}

/* Closed for this reason, and everything given back. `c` was held with away++ so that it can be asked. */
static void
closed_as(struct px_client *c, enum met_close why)
{
	assert_int_equal(c->state, PX_CLOSED);
	assert_int_equal(c->why, why);
	px_unaway(c);
}

/* Leaves acme so much of its share. */
static struct px_cell *
occupy(struct proxy *p, size_t left)
{
	struct px_cell *c = px_cell_get(p->gateway.budget, "acme");

	assert_true(px_budget_take(p->gateway.budget, c, p->gateway.budget->share - left));
	return c;
}

static void
clear_out(struct proxy *p, struct px_cell *c, size_t left)
{
	px_budget_give(p->gateway.budget, c, p->gateway.budget->share - left);
	px_cell_put(p->gateway.budget, c);
}

static size_t
used(const struct proxy *p)
{
	return atomic_load(&p->gateway.budget->used);
}

/* The beginning of a request of `size`, and as much of it as the socket takes, up to n. */
static size_t
send_part(struct proxy *p, uint32_t size, size_t n)
{
	static uint8_t bytes[256 * 1024];
	ssize_t	       done;

	alv_put_be32(bytes, size);
	done = write(p->client, bytes, n < sizeof(bytes) ? n : sizeof(bytes));
	assert_true(done > 0);
	return (size_t)done;
}

static void
names(struct kfk_tree *q, int n)
{
	struct kfk_node *list = kfk_set_empty(q, &q->root, KFK_METADATA_REQUEST_TOPICS);

	for (int i = 0; i < n; i++)
		kfk_set_str(q, kfk_add(q, list), KFK_METADATA_REQUEST_TOPICS_NAME, ALV_STR("orders"));
}

static void
large_request(struct kfk_tree *q)
{
	names(q, 25000);	/* some 200 KB */
}

/* Some 840 KB. */
static void
large_answer(struct proxy *p, struct kfk_tree *r)
{
	struct kfk_node *list = kfk_set_empty(r, &r->root, KFK_METADATA_RESPONSE_TOPICS);

	(void)p;
	for (int i = 0; i < 40000; i++)
		kfk_set_str(r, kfk_add(r, list), KFK_METADATA_RESPONSE_TOPICS_NAME, ALV_STR("acme.orders"));
}

/* ---- admission --------------------------------------------------------------------------------------- */

static void
what_has_no_place_is_not_read(void **state)
{
	struct px_client *c;
	struct px_cell	 *others;
	struct proxy	  p;

	(void)state;
	c = begin(&p);
	others = occupy(&p, MIB / 4);
	send_part(&p, MIB / 2, 200 * 1024);
	PROXY_UNTIL(&p, c->hold.in.wait != NULL);
	assert_true(c->stream.in.n <= PX_IN_MAX);
	assert_int_equal(c->hold.reserved, 0);
	/* It is not its fault that it stands still. */
	later_s(&p, 300);
	assert_int_equal(c->state, PX_SERVING);
	clear_out(&p, others, MIB / 4);
	PROXY_UNTIL(&p, c->stream.in.n > PX_IN_MAX);
	assert_true(c->hold.reserved >= MIB / 2 + 4 - PX_FREE);
	assert_int_equal(used(&p), c->hold.reserved);
	proxy_close(&p);
}

static void
small_ones_need_no_place(void **state)
{
	struct px_client *waits;
	struct px_cell	 *others;
	struct proxy	  p;
	int		  first;

	(void)state;
	waits = begin(&p);
	others = occupy(&p, 0);
	send_part(&p, MIB / 2, 1000);
	PROXY_UNTIL(&p, waits->hold.in.wait != NULL);
	first = p.client;
	(void)proxy_client(&p);
	for (int i = 0; i < 50; i++)
		proxy_send(&p, KFK_API_METADATA, 9, i, NULL);
	for (int i = 0; i < 50; i++)
		assert_int_equal(proxy_await(&p), i);
	close(first);
	later_s(&p, 700);	/* as if it were idle: nothing says that it is gone */
	PROXY_UNTIL(&p, p.worker->clients == NULL || p.worker->clients->next == NULL);
	clear_out(&p, others, 0);
	proxy_close(&p);
}

static void
everything_is_given_back(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = begin(&p);
	p.answer = large_answer;
	for (int i = 0; i < 5; i++) {
		proxy_send(&p, KFK_API_METADATA, 9, i, large_request);
		assert_int_equal(proxy_await(&p), i);
	}
	PROXY_UNTIL(&p, c->inflight.n == 0 && c->hold.reserved == 0);
	assert_int_equal(used(&p), 0);
	assert_int_equal(alv_pool_out(p.worker->pool), 0);
	proxy_close(&p);
}

/* What a connection keeps of its fetch sessions has a place of its own: with all others taken, what passes still finds the
 * free part; and where there is no place for it, it goes, not the connection. */
static void
what_is_kept_goes_first(void **state)
{
	struct px_client *c;
	struct px_cell	 *others;
	struct api_session *s;
	struct api_call	  call = { 0 };
	struct proxy	  p;

	(void)state;
	c = begin(&p);
	p.conf.limits.fetch_sessions_max = 1;
	proxy_send(&p, KFK_API_METADATA, 9, 0, NULL);
	assert_int_equal(proxy_await(&p), 0);
	call.conn = &c->conn;
	call.tenant = pol_slot_load(c->conn.slot);
	s = api_session_begin(&call, true);
	assert_non_null(s);
	c->conn.kept = 2 * MIB;	/* as if it were so large */
	px_hold_settle(c);
	assert_int_equal(c->hold.reserved, 2 * MIB);
	assert_int_equal(used(&p), 2 * MIB);
	others = occupy(&p, 2 * MIB);
	for (int i = 1; i < 5; i++) {
		proxy_send(&p, KFK_API_METADATA, 9, i, NULL);
		assert_int_equal(proxy_await(&p), i);
	}
	c->conn.kept = p.gateway.budget->max / 8 * 9;
	px_hold_settle(c);
	assert_int_equal(c->state, PX_SERVING);
	assert_int_equal(c->conn.kept, 0);
	assert_int_equal(c->hold.reserved, 0);
	clear_out(&p, others, 2 * MIB);
	proxy_close(&p);
}

static void
a_response_waits_as_well(void **state)
{
	struct px_client *c;
	struct px_cell	 *others;
	struct proxy	  p;

	(void)state;
	for (int comes = 0; comes < 2; comes++) {
		c = begin(&p);
		p.answer = large_answer;
		others = occupy(&p, MIB / 4);
		proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
		PROXY_UNTIL(&p, c->hold.up.wait != NULL);
		assert_true(c->up.stream.in.n <= PX_IN_MAX);
		if (comes) {
			clear_out(&p, others, MIB / 4);
			assert_int_equal(proxy_await(&p), 1);
		} else {
			later_s(&p, 61);
			PROXY_UNTIL(&p, p.worker->clients == NULL);
			assert_int_equal(proxy_await(&p), -2);
			clear_out(&p, others, MIB / 4);
		}
		proxy_close(&p);
	}
}

/* The end of a frame in a large block does not keep that block. */
static void
little_does_not_keep_much(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = begin(&p);
	proxy_send(&p, KFK_API_METADATA, 9, 1, large_request);
	send_part(&p, 1000, 16);
	assert_int_equal(proxy_await(&p), 1);
	PROXY_UNTIL(&p, c->stream.in.n == 16 && c->inflight.n == 0);
	assert_int_equal(alv_pool_out(p.worker->pool), ALV_BLOCK_SMALL);
	proxy_close(&p);
}

/* A frame that is large but not huge is given room for what may come behind it, as long as there is such room; others
 * get what they need. */
static void
room_is_for_more_than_the_frame(void **state)
{
	enum { AHEAD = PX_AHEAD, ALL = 1 << 30 };
	static const struct { size_t left, frame, room, reserved; } cases[] = {
		{ ALL, 60 * 1024, 60 * 1024, 0 },	/* within what is read unasked */
		{ ALL, 70 * 1024, AHEAD, AHEAD - PX_FREE },
		{ ALL, AHEAD - 1, AHEAD, AHEAD - PX_FREE },
		{ ALL, AHEAD, AHEAD, AHEAD - PX_FREE },
		{ ALL, AHEAD + 1, AHEAD + 1, AHEAD + 1 - PX_FREE },
		{ AHEAD - PX_FREE, 200 * 1024, AHEAD, AHEAD - PX_FREE },
		{ AHEAD - PX_FREE - 1, 200 * 1024, 200 * 1024, 200 * 1024 - PX_FREE },	/* no more than for itself */
		{ 0, 70 * 1024, 70 * 1024, 0 },		/* in what is free */
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct px_cell	 *others = NULL;
		struct proxy	  p;
		struct px_client *c = begin(&p);
		size_t		  sent;

		if (cases[i].left != ALL)
			others = occupy(&p, cases[i].left);
		sent = send_part(&p, (uint32_t)cases[i].frame - 4, 50 * 1024);
		PROXY_UNTIL(&p, c->stream.in.n == sent);
		assert_true(c->hold.in.admitted);
		assert_int_equal(c->hold.in.size, cases[i].frame);
		assert_int_equal(c->hold.in.room, cases[i].room);
		assert_int_equal(c->hold.reserved, cases[i].reserved);
		assert_int_equal(c->stream.in_max, cases[i].room > PX_IN_MAX ? cases[i].room : PX_IN_MAX);
		if (others != NULL)
			clear_out(&p, others, cases[i].left);
		proxy_close(&p);
	}
}

/* ---- those who are slow ------------------------------------------------------------------------------- */

static void
a_sender_keeps_its_rate(void **state)
{
	struct px_client *c;
	struct proxy	  p;
	size_t		  sent;

	(void)state;
	c = begin(&p);
	c->away++;
	p.conf.limits.frame_timeout_ms = 600000;
	sent = send_part(&p, MIB, 70 * 1024);
	PROXY_UNTIL(&p, c->stream.in.n == sent);
	assert_true(c->hold.reserved > 0);
	for (int i = 0; i < 3; i++) {	/* 20 KB a second */
		for (int n = 0; n < 2; n++) {
			sent += send_part(&p, 0, 100 * 1000);
			PROXY_UNTIL(&p, c->stream.in.n == sent);
		}
		later_s(&p, 11);
		assert_int_equal(c->state, PX_SERVING);
	}
	send_part(&p, 0, 20 * 1000);
	later_s(&p, 11);
	closed_as(c, MET_CLOSE_SLOW_SENDER);
	PROXY_UNTIL(&p, p.worker->clients == NULL);
	assert_int_equal(used(&p), 0);
	proxy_close(&p);
}

static struct px_client *
does_not_read(struct proxy *p)
{
	struct px_client *c = begin(p);

	p->answer = large_answer;
	p->conf.limits.frame_timeout_ms = 60000;
	proxy_send(p, KFK_API_METADATA, 9, 1, NULL);
	PROXY_UNTIL(p, net_stream_left(&c->stream) > PX_FREE);
	later_s(p, 11);	/* what the socket took at first was fast enough */
	assert_true(c->hold.reserved > 0);
	c->away++;
	return c;
}

static void
a_reader_has_time_while_nobody_waits(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = does_not_read(&p);
	for (int i = 0; i < 5; i++) {
		later_s(&p, 11);
		assert_int_equal(c->state, PX_SERVING);
	}
	later_s(&p, 11);
	closed_as(c, MET_CLOSE_SLOW_READER);
	PROXY_UNTIL(&p, p.worker->clients == NULL);
	assert_int_equal(used(&p), 0);
	proxy_close(&p);
}

/* And a second client, for which there is no room as long as the first keeps what it has. */
static struct px_client *
waits_behind(struct proxy *p, struct px_cell **others)
{
	struct px_client *waits;
	int		  first = p->client;

	*others = px_cell_get(p->gateway.budget, "acme");
	assert_true(px_budget_take(p->gateway.budget, *others, p->gateway.budget->share - used(p)));
	waits = proxy_client(p);
	send_part(p, MIB / 4, 1000);
	PROXY_UNTIL(p, waits->hold.in.wait != NULL);
	close(p->client);
	p->client = first;
	return waits;
}

static void
nobody_waits_for_a_reader_for_long(void **state)
{
	struct px_client *c, *waits;
	struct px_cell	 *others;
	struct proxy	  p;

	(void)state;
	c = does_not_read(&p);
	waits = waits_behind(&p, &others);
	waits->away++;
	later_s(&p, 11);
	closed_as(c, MET_CLOSE_SLOW_READER);
	PROXY_UNTIL(&p, waits->hold.in.wait == NULL);	/* it has got its memory, or is gone */
	px_unaway(waits);
	PROXY_UNTIL(&p, p.worker->clients == NULL);
	px_budget_give(p.gateway.budget, others, used(&p));
	px_cell_put(p.gateway.budget, others);
	proxy_close(&p);
}

static void
a_reader_that_goes_on_is_left_alone(void **state)
{
	static uint8_t	  bytes[200 * 1024];
	struct px_client *c;
	struct px_cell	 *others;
	struct proxy	  p;

	(void)state;
	c = does_not_read(&p);
	(void)waits_behind(&p, &others);
	for (int i = 0; i < 2; i++) {
		uint64_t before = c->stream.sent;

		assert_true(read(p.client, bytes, sizeof(bytes)) > 190 * 1024);
		PROXY_UNTIL(&p, c->stream.sent > before + 160 * 1024);
		later_s(&p, 11);
		assert_int_equal(c->state, PX_SERVING);
	}
	px_unaway(c);
	px_budget_give(p.gateway.budget, others, atomic_load(&others->used) - c->hold.reserved);
	px_cell_put(p.gateway.budget, others);
	proxy_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_no_place_is_not_read),
		cmocka_unit_test(small_ones_need_no_place),
		cmocka_unit_test(everything_is_given_back),
		cmocka_unit_test(what_is_kept_goes_first),
		cmocka_unit_test(a_response_waits_as_well),
		cmocka_unit_test(little_does_not_keep_much),
		cmocka_unit_test(room_is_for_more_than_the_frame),
		cmocka_unit_test(a_sender_keeps_its_rate),
		cmocka_unit_test(a_reader_has_time_while_nobody_waits),
		cmocka_unit_test(nobody_waits_for_a_reader_for_long),
		cmocka_unit_test(a_reader_that_goes_on_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
