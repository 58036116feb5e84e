/* The connections of one worker leave, within the grace time:
 *
 *   0              1/2                    3/4                      7/8        1
 *   |--- waves ----|--- served as before --|--- what has come ------|- closed -|
 *   QUIET: asked one after the other       SOON: all that are left  whatever still waits for a broker
 *
 * In the waves each leaves at the first moment at which nothing is under way, so that its client has nothing to repeat
 * and the others do not get all of them at once. A client that never has such a moment, because it always has requests
 * in flight, is stopped between two frames later on. A long poll ends in time by itself or is cut off: brokers hold it
 * for longer than we may.
 * Invariant: drain.at is a client of the list or NULL (px_worker_forget). */
#include "proxy/worker.h"

enum { STEP_US = 20 * 1000, LEAST_PER_SECOND = 100 };	/* so few cannot hurt whoever takes them */

static void
begin_round(struct px_worker *w, enum px_leave how)
{
	w->drain.how = how;
	w->drain.at = w->clients;
}

/* Asks until `due` were asked or the turn is full. */
static void
ask(struct px_worker *w, size_t due)
{
	while (w->drain.at != NULL && w->drain.asked < due && !net_loop_spent(w->loop)) {
		struct px_client *c = w->drain.at;

		w->drain.at = c->next;
		w->drain.asked++;
		px_client_leave(c, w->drain.how);
	}
}

static void
close_rest(struct px_worker *w)
{
	for (struct px_client *c = w->drain.at; c != NULL && !net_loop_spent(w->loop); c = w->drain.at) {
		w->drain.at = c->next;
		px_client_close(c, MET_CLOSE_DRAIN, true);
	}
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static size_t
due_now(const struct px_worker *w, uint64_t gone_us)
{
	uint64_t spread = w->drain.grace_us / 2;

	if (w->drain.how != PX_LEAVES_QUIET || gone_us >= spread)
		return SIZE_MAX;
	return 1 + (size_t)larger(w->drain.n * gone_us / spread, gone_us * LEAST_PER_SECOND / 1000000);
}

static void
on_step(struct net_timer *t)
{
	struct px_worker *w = ALV_HOLDER(t, struct px_worker, drain.timer);
	uint64_t	  now = net_loop_now(w->loop), gone = now - w->drain.from_us;

	if (w->drain.how == PX_LEAVES_QUIET && gone >= w->drain.grace_us * 3 / 4)
		begin_round(w, PX_LEAVES_SOON);
	if (w->drain.how == PX_LEAVES_SOON && gone >= w->drain.grace_us * 7 / 8)
		begin_round(w, PX_LEAVES_NOW);
	if (w->drain.how == PX_LEAVES_NOW)
		close_rest(w);
	else
		ask(w, due_now(w, gone));
	if (w->clients != NULL)
		net_timer_set(t, now + STEP_US);
}

void
px_drain_begin(struct px_worker *w, uint32_t grace_ms)
{
	if (w->drain.begun)
		return;
	w->drain.begun = true;
	w->drain.from_us = net_loop_now(w->loop);
	w->drain.grace_us = grace_ms * 1000ull;
	for (const struct px_client *c = w->clients; c != NULL; c = c->next)
		w->drain.n++;
	net_timer_init(w->loop, &w->drain.timer, on_step);
	begin_round(w, PX_LEAVES_QUIET);
	net_timer_set(&w->drain.timer, w->drain.from_us);
}
