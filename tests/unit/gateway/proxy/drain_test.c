/* Leaving: in waves, between two requests, with everything answered that came; nothing holds beyond the grace time. */
#include <alcove/clock.h>

#include "bench.h"

enum { GRACE_MS = 8000 };

static uint64_t base_us, ahead_us;

static uint64_t
clock_us(void)
{
	return base_us + ahead_us;	/* stands still */
}

static struct px_client *
begin(struct proxy *p)
{
	proxy_open(p);
	base_us = alv_mono_us();
	ahead_us = 0;
	net_loop_clock(p->worker->loop, clock_us);
	return proxy_client(p);
}

/* To so many thousandths of the grace time. */
static void
go_to(struct proxy *p, unsigned permille)
{
	ahead_us = GRACE_MS * (uint64_t)permille;
	proxy_turns(p, 10);
}

static void
who_has_nothing_under_way_goes_at_once(void **state)
{
	struct proxy p;

	(void)state;
	(void)begin(&p);
	px_drain_begin(p.worker, GRACE_MS);
	go_to(&p, 1);
	assert_int_equal(proxy_await(&p), -2);
	assert_null(p.worker->clients);
	proxy_close(&p);
}

static void
who_waits_for_an_answer_gets_it(void **state)
{
	struct proxy p;

	(void)state;
	(void)begin(&p);
	proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
	proxy_send(&p, KFK_API_METADATA, 9, 2, NULL);
	px_drain_begin(p.worker, GRACE_MS);
	assert_int_equal(proxy_await(&p), 1);
	assert_int_equal(proxy_await(&p), 2);
	assert_int_equal(proxy_await(&p), -2);
	proxy_close(&p);
}

/* A client whose next request is always there before the last is answered: served for three quarters, then stopped
 * between two frames; of the second, half has come. */
static void
who_always_has_requests_is_stopped_between_two(void **state)
{
	struct px_client *c;
	struct proxy	  p;
	const uint8_t	  whole[19] = { 0, 0, 0, 15, 0, KFK_API_METADATA, 0, 0, 0, 0, 0, 7, 0, 1, 't', 0, 0, 0, 0 };

	(void)state;
	c = begin(&p);
	p.mute = true;
	proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
	PROXY_UNTIL(&p, p.broker.requests[KFK_API_METADATA] == 1);
	px_drain_begin(p.worker, GRACE_MS);
	for (unsigned at = 1; at < 750; at += 83) {
		go_to(&p, at);
		assert_int_equal(c->state, PX_SERVING);
		proxy_send(&p, KFK_API_METADATA, 9, (int32_t)at, NULL);
	}
	assert_int_equal(write(p.client, whole, 9), 9);
	go_to(&p, 751);
	assert_int_equal(c->state, PX_SERVING);
	assert_int_equal(c->leave, PX_LEAVES_FRAME);
	assert_int_equal(write(p.client, whole + 9, 10), 10);
	PROXY_UNTIL(&p, c->state == PX_ENDING);
	assert_int_equal(write(p.client, whole, 19), 19);	/* one too late */
	proxy_turns(&p, 10);
	assert_int_equal(c->inflight.n, 1 + 10 + 1);
	proxy_close(&p);
}

/* A long poll may wait for minutes. */
static void
nobody_holds_beyond_the_grace_time(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = begin(&p);
	p.mute = true;
	proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
	PROXY_UNTIL(&p, p.broker.requests[KFK_API_METADATA] == 1);
	px_drain_begin(p.worker, GRACE_MS);
	go_to(&p, 870);
	assert_int_not_equal(c->state, PX_CLOSED);
	go_to(&p, 876);
	PROXY_UNTIL(&p, p.worker->clients == NULL);
	proxy_close(&p);
}

/* ---- waves ------------------------------------------------------------------------------------- */

enum { MANY = 40, SHORT_MS = 200 };	/* twice the rate at which they go anyhow */

static void
they_leave_in_waves(void **state)
{
	struct proxy p;
	int	     ends[MANY];

	(void)state;
	(void)begin(&p);
	p.conf.limits.connections_max = MANY;
	ends[0] = p.client;
	for (int i = 1; i < MANY; i++) {
		(void)proxy_client(&p);
		ends[i] = p.client;
	}
	px_drain_begin(p.worker, 2 * SHORT_MS);
	for (unsigned ms = 0; ms <= SHORT_MS; ms += 20) {
		unsigned left = MANY - MANY * ms / SHORT_MS;

		ahead_us = ms * 1000;
		proxy_turns(&p, 10);
		assert_in_range(px_gateway_connections(&p.gateway), left == 0 ? 0 : left - 1, left);
	}
	for (int i = 0; i < MANY; i++)
		close(ends[i]);
	p.client = -1;
	proxy_close(&p);
}

static void
a_few_go_soon(void **state)
{
	struct proxy p;
	int	     first;

	(void)state;
	(void)begin(&p);
	first = p.client;
	(void)proxy_client(&p);
	px_drain_begin(p.worker, GRACE_MS);
	ahead_us = 20 * 1000;
	PROXY_UNTIL(&p, p.worker->clients == NULL);
	close(first);
	proxy_close(&p);
}

static void
all_of_one(struct kfk_tree *q)
{
	kfk_set_null(q, &q->root, KFK_METADATA_REQUEST_TOPICS);
}

/* Version 13 can be told to begin again elsewhere; the broker is not asked any more. */
static void
metadata_sends_them_elsewhere(void **state)
{
	struct proxy p;

	(void)state;
	(void)begin(&p);
	p.mute = true;
	proxy_send(&p, KFK_API_DESCRIBE_GROUPS, 5, 1, NULL);	/* keeps it here */
	proxy_send(&p, KFK_API_METADATA, 9, 2, NULL);
	PROXY_UNTIL(&p, p.broker.requests[KFK_API_METADATA] == 1);
	atomic_store(&p.gateway.shared.draining, true);	/* as px_gateway_drain does, before it tells the workers */
	px_drain_begin(p.worker, GRACE_MS);
	go_to(&p, 10);
	proxy_send(&p, KFK_API_METADATA, 13, 3, all_of_one);
	PROXY_UNTIL(&p, p.worker->clients->inflight.tail->state == PX_REQ_DONE);
	assert_int_equal(p.worker->clients->inflight.tail->call.error_code, KFK_REBOOTSTRAP_REQUIRED);
	assert_int_equal(p.broker.requests[KFK_API_METADATA], 1);
	proxy_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_nothing_under_way_goes_at_once),
		cmocka_unit_test(who_waits_for_an_answer_gets_it),
		cmocka_unit_test(who_always_has_requests_is_stopped_between_two),
		cmocka_unit_test(nobody_holds_beyond_the_grace_time),
		cmocka_unit_test(they_leave_in_waves),
		cmocka_unit_test(a_few_go_soon),
		cmocka_unit_test(metadata_sends_them_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
