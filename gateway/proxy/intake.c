/* A client's frames, from the first byte of their length to the judge: read when there is room for them, taken one at a
 * time. Invariant: nothing is taken while the request before it waits to be sent, nor while more is under way than the
 * limits allow; then nothing is read either, once `in` holds PX_IN_MAX. */
#include "proxy/client.h"
#include "proxy/tap.h"
#include "proxy/worker.h"

#include <stdlib.h>
#include <unistd.h>

static uint32_t
frame_max(const struct px_client *c)
{
	const struct px_gateway *g = c->worker->gateway;

	if (c->conn.auth != API_AUTH_DONE)
		return g->conf->limits.frame_max_bytes_unauthenticated;
	return px_budget_lowered(g->budget, g->conf->limits.frame_max_bytes);
}

size_t
px_client_in_max(const struct px_client *c)
{
	size_t one = c->worker->gateway->conf->limits.frame_max_bytes_unauthenticated + (size_t)4;

	return c->conn.auth != API_AUTH_DONE && one < PX_IN_MAX ? one : PX_IN_MAX;
}

/* The one way to see the watchdog bite: a test build hangs at the client id that it is told. */
static void
stall_for_a_test(const struct px_request *r)
{
#ifdef ALV_PARANOID
	const char *id = getenv("ALCOVE_TEST_STALL");

	while (id != NULL && alv_str_eqz(r->call.hdr.client_id, id))
		pause();
#else
	(void)r;
#endif
}

static void
begin_request(struct px_client *c, uint32_t size)
{
	struct px_request *r = px_req_new(c);
	enum api_result	   result;
	enum alv_err	   err;

	if (r == NULL) {
		px_client_end(c, MET_CLOSE_INTERNAL);
		return;
	}
	if (c->leave == PX_LEAVES_FRAME)
		c->leave = PX_LEAVES_NOW;
	alv_chain_drop(&c->stream.in, 4);
	alv_chain_cut(&r->body, &c->stream.in, size);
	px_tap(c, PX_SAID, &r->body);
	r->call.request_bytes = size + 4u;
	px_mover_count(c, size, 1);
	c->worker->api.now_us = r->call.begun_us;
	px_inflight_add(&c->inflight, r);
	c->current = r;
	if (c->conn.raw_sasl && c->conn.auth != API_AUTH_DONE) {
		struct alv_str token = { alv_arena_alloc(&r->call.arena, size + 1u), size };

		result = token.p != NULL && alv_chain_peek(&r->body, 0, (void *)(uintptr_t)token.p, size)
		    ? api_raw_token(&r->call, token)
		    : API_CLOSE;
		px_judge(c, result);
		return;
	}
	if (api_again(&r->call, &r->body)) {
		atomic_store_explicit(&c->worker->doing, r->call.hdr.key + 1, memory_order_relaxed);
		px_judge(c, API_FORWARD);
		return;
	}
	err = kfk_req_header_read(&r->body, &r->call.arena, &r->call.hdr);
	atomic_store_explicit(&c->worker->doing, r->call.hdr.key + 1, memory_order_relaxed);
	stall_for_a_test(r);
	if (err && !(err == ALV_E_UNKNOWN_VERSION || err == ALV_E_UNKNOWN_API)) {
		c->words = alv_err_text(err);
		px_client_end(c, err == ALV_E_NOMEM ? MET_CLOSE_INTERNAL : MET_CLOSE_FRAME_MALFORMED);
		return;
	}
	if (err == ALV_OK)
		alv_chain_drop(&r->body, r->call.hdr.size);
	px_judge(c, api_request(&r->call, &r->body));
}

/* More of the frame at hand is to be read: up to `most` bytes of it, at the least rate if it is large. */
static void
read_on(struct px_client *c, size_t most)
{
	uint64_t now = net_loop_now(c->worker->loop);

	if (c->frame_begun_us == 0)
		c->frame_begun_us = now;
	if (c->hold.in.admitted && c->in_pace.at_us == 0)
		px_pace_begin(&c->in_pace, now, c->stream.bytes_in, c->hold.in.size - c->stream.in.n);
	c->stream.in_max = most < px_client_in_max(c) ? px_client_in_max(c) : most;
}

/* While a request waits for memory nothing is read, and that is not the sender's doing. */
static void
stand_still(struct px_client *c)
{
	c->frame_begun_us = 0;
	c->stream.in_max = 0;
}

/* Takes the next frame if it is whole. False: nothing to do until more comes. */
static bool
take_frame(struct px_client *c)
{
	uint32_t     size;
	enum alv_err err = kfk_frame_size(&c->stream.in, frame_max(c), &size);

	if (err == ALV_E_MORE && c->stream.in.n == 0) {
		c->frame_begun_us = 0;
		return false;
	}
	if (err == ALV_E_LIMIT) {
		px_client_end(c, MET_CLOSE_FRAME_TOO_LARGE);
		return false;
	}
	if (err == ALV_E_MORE) {
		read_on(c, 0);
		return false;
	}
	if (!px_hold_request(c, size + (size_t)4)) {
		stand_still(c);
		return false;
	}
	if (c->stream.in.n - 4 < size) {
		read_on(c, c->hold.in.room);
		return false;
	}
	px_hold_taken(&c->hold.in);
	c->in_pace.at_us = c->frame_begun_us = 0;
	/* Whoever leaves gets the frame that is half here completed, and no other. */
	c->stream.in_max = c->leave >= PX_LEAVES_SOON ? 0 : px_client_in_max(c);
	begin_request(c, size);
	return true;
}

/* What was taken and not yet answered is bounded in number and in bytes; the last one taken may pass that by its arena. */
static bool
may_take(const struct px_client *c)
{
	const struct pol_limits *l = &c->worker->gateway->conf->limits;

	return c->state == PX_SERVING && c->current == NULL && !c->moving.held && c->conn.quota.muted_until_us == 0 && c->inflight.n < l->in_flight_max &&
	    c->inflight.weight < l->arena_max_bytes && !net_stream_full(&c->stream);
}

enum { CROWDED_US = 20000 };

/* The tenant has as many requests in flight as it may, on whatever threads: this one is looked at again in a moment, and nothing
 * is read meanwhile. */
static bool
waits_for_others(struct px_client *c)
{
	if (c->conn.auth != API_AUTH_DONE || c->stream.in.n == 0 || c->leave != PX_STAYS || !pol_slot_crowded(c->conn.slot))
		return false;
	c->conn.quota.muted_until_us = net_loop_now(c->worker->loop) + CROWDED_US;
	return true;
}

/* All that came was taken, as far as it may be taken now. Is it time to go? */
static bool
leaves(struct px_client *c)
{
	if (c->leave == PX_STAYS || !may_take(c))
		return false;
	if (c->leave == PX_LEAVES_QUIET)	/* a request that waits in the socket is answered first */
		return c->inflight.n == 0 && c->stream.in.n == 0 && !net_stream_waiting(&c->stream);
	if (c->leave == PX_LEAVES_SOON && c->stream.in.n > 0)
		c->leave = PX_LEAVES_FRAME;
	if (c->leave == PX_LEAVES_SOON && !net_stream_waiting(&c->stream))
		c->leave = PX_LEAVES_NOW;
	if (c->leave != PX_LEAVES_NOW && c->stream.in_max == 0 && c->hold.in.wait == NULL && !c->hold.in_own)
		c->stream.in_max = px_client_in_max(c);
	return c->leave == PX_LEAVES_NOW;
}

void
px_client_pump(struct px_client *c)
{
	while (may_take(c) && !waits_for_others(c) && take_frame(c)) {
		if (net_loop_spent(c->worker->loop)) {
			net_later(c->worker->loop, &c->again);
			px_hold_settle(c);
			return;
		}
	}
	if (c->state == PX_SERVING && !(c->hold.in.admitted && c->hold.in.size > PX_IN_MAX))
		alv_chain_pack(&c->stream.in);
	px_hold_settle(c);
	if (c->state != PX_SERVING)
		return;
	if (!may_take(c))
		c->frame_begun_us = 0;	/* if it stands still now, that is not the sender's doing */
	if (c->stream.in_eof && c->eof_us == 0)
		c->eof_us = net_loop_now(c->worker->loop);
	if (c->stream.in_eof && c->current == NULL && c->inflight.n == 0 && !c->moving.held)
		px_client_close(c, MET_CLOSE_CLIENT_EOF, true);
	else if (leaves(c))
		px_client_end(c, MET_CLOSE_DRAIN);
	else {
		if (c->conn.quota.muted_until_us != 0)
			px_mute(c);
		px_work_watch(c);
		net_stream_more(&c->stream);
		px_client_watch(c);
	}
}

/* Small frames that are answered here could else keep the others waiting for as long as they come. */
void
px_client_pump_again(struct net_later *l)
{
	struct px_client *c = ALV_HOLDER(l, struct px_client, again);
	uint64_t	  begun = px_work_begins(c);

	px_client_pump(c);
	px_work_ends(c, begun);
}
