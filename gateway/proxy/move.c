/* The move itself.
 *
 *   chosen --hold: no further request is taken--> quiet --leave, mail--> [other worker] enter, look at it, go on
 *      ^                                            |
 *      +------------- not quiet in HOLD_US ---------+   it is served again
 *
 * Quiet: logged in, nothing in flight, nothing on errands, nothing to send on either side; received bytes travel along.
 * Invariants: at most one connection of a worker is held; a client is in one worker's list or in one mail, and `coming` of
 * the worker where it goes counts the mail. A worker that closes sets `closed` before it looks at `coming`, and whoever
 * sends looks at `closed` after counting: one of them sees the other, so no mail arrives where nobody opens it. */
#include "proxy/move.h"

#include <alcove/check.h>
#include <alcove/log.h>

#include <stdlib.h>

#include "proxy/worker.h"

enum {
	HOLD_US = 2 * 1000 * 1000,
	LOOK_US = 2 * 1000,
	REST_US = 2 * 1000 * 1000,	/* of a worker, until the last move shows in the figures */
	STAY_US = 5 * 1000 * 1000,	/* of a connection, doubled with each move */
	STAY_DOUBLINGS = 7,
	HEAVY_PART = 64,
	WORKERS_MAX = 256,
	ROWS_MIN = 2			/* seconds in a row that make a connection heavy */
};

/* ---- counting -------------------------------------------------------------------------------- */

void
px_mover_count(struct px_client *c, uint64_t bytes, unsigned requests)
{
	struct px_mover	 *m = &c->worker->mover;
	struct px_moving *x = &c->moving;
	uint64_t	  cost = bytes + (uint64_t)requests * PX_REQUEST_BYTES;
	bool		  was_heavy;

	if (x->second != m->second) {
		if (x->second + 1 != m->second || x->cost < PX_HEAVY_BYTES)
			x->in_a_row = 0;
		x->second = m->second;
		x->cost = 0;
	}
	was_heavy = x->cost >= PX_HEAVY_BYTES;
	x->cost += cost;
	m->bytes += cost;
	if (was_heavy || x->cost < PX_HEAVY_BYTES)
		return;
	if (x->in_a_row < UINT16_MAX)
		x->in_a_row++;
	if (m->nheavy < PX_HEAVY_MAX)
		m->heavy[m->nheavy++] = c;
}

void
px_mover_forget(struct px_worker *w, const struct px_client *c)
{
	struct px_mover *m = &w->mover;

	if (m->held == c) {
		m->held = NULL;
		net_timer_stop(&m->timer);
	}
	for (unsigned i = 0; i < m->nheavy; i++)
		if (m->heavy[i] == c)
			m->heavy[i--] = m->heavy[--m->nheavy];
}

/* ---- the move -------------------------------------------------------------------------------- */

static bool
quiet(const struct px_client *c)
{
	return c->state == PX_SERVING && c->leave == PX_STAYS && c->conn.auth == API_AUTH_DONE && c->current == NULL &&
	    c->conn.quota.muted_until_us == 0 &&
	    c->inflight.n == 0 && c->away == 0 && c->passing == NULL && !c->up_paused && c->eof_us == 0 &&
	    c->later.queue == NULL && c->again.queue == NULL && c->hold.in.wait == NULL && c->hold.up.wait == NULL && net_stream_quiet(&c->stream) &&
	    (c->up_state == PX_UP_NONE || (c->up_state == PX_UP_READY && ups_link_quiet(&c->up)));
}

static void
release(struct px_worker *w)
{
	struct px_client *c = w->mover.held;

	w->mover.held = NULL;
	net_timer_stop(&w->mover.timer);
	c->moving.held = false;
	px_client_pump(c);
}

struct px_parcel {
	struct net_mail	  mail;
	struct px_client *client;
	struct px_worker *from, *to;
};

static void
arrive(struct net_loop *l, struct net_mail *mail)
{
	struct px_parcel *p = ALV_HOLDER(mail, struct px_parcel, mail);
	struct px_client *c = p->client;
	struct px_worker *w = p->to, *from = p->from;

	free(p);
	(void)l;
	px_client_enter(c, w);
	met_moved(w->api.meter, 1, c->up_state == PX_UP_READY);
	met_memory(w->api.meter, (int64_t)c->hold.reserved);
	alv_log(ALV_LOG_DEBUG, "connection moved", ALV_KV_I("from", from->number), ALV_KV_I("to", w->number),
	    ALV_KV_Z("tenant", c->conn.tenant), ALV_KV_Z("user", c->conn.user), ALV_KV_Z("peer", c->conn.host));
	atomic_fetch_sub(&w->mover.coming, 1);
	if (w->ending)
		px_client_close(c, MET_CLOSE_DRAIN, false);
	else if (w->drain.begun)
		px_client_leave(c, PX_LEAVES_QUIET);
	/* What was published meanwhile, neither of us may have looked at. */
	px_client_check(c);
	px_client_pump(c);
}

/* Counted in before it is asked whether that one still takes anybody; see the head. */
static bool
announce(struct px_worker *to)
{
	atomic_fetch_add(&to->mover.coming, 1);
	if (!atomic_load(&to->mover.closed))
		return true;
	atomic_fetch_sub(&to->mover.coming, 1);
	return false;
}

static bool
leave(struct px_client *c)
{
	if (c->up_state == PX_UP_READY && !ups_link_leave(&c->up))
		return false;
	if (net_stream_leave(&c->stream))
		return true;
	if (c->up_state == PX_UP_READY)
		ups_link_enter(&c->up, &c->worker->ups);
	return false;
}

static bool
dispatch(struct px_worker *w, struct px_client *c)
{
	struct px_worker *to = w->gateway->workers[w->mover.to];
	struct px_parcel *p = malloc(sizeof(*p));
	uint64_t	  cost = c->moving.cost, now = net_loop_now(w->loop);

	if (p == NULL || !announce(to)) {
		free(p);
		return false;
	}
	if (!leave(c)) {
		atomic_fetch_sub(&to->mover.coming, 1);
		free(p);
		return false;
	}
	c->moving = (struct px_moving){ .times = (uint8_t)(c->moving.times + (c->moving.times < STAY_DOUBLINGS)) };
	c->moving.stays_until_us = now + ((uint64_t)STAY_US << c->moving.times);
	w->mover.rest_until_us = now + REST_US;
	net_timer_stop(&c->timer);
	px_worker_forget(w, c);
	met_moved(w->api.meter, -1, c->up_state == PX_UP_READY ? -1 : 0);
	met_memory(w->api.meter, -(int64_t)c->hold.reserved);
	atomic_fetch_sub_explicit(&w->connections, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&to->connections, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&to->mover.load, cost, memory_order_relaxed);
	atomic_fetch_add_explicit(&to->mover.heavies, 1, memory_order_relaxed);
	*p = (struct px_parcel){ .mail = { .fn = arrive }, .client = c, .from = w, .to = to };
	net_mail_must(to->loop, &p->mail);
	return true;
}

static void
look(struct net_timer *t)
{
	struct px_worker *w = ALV_HOLDER(t, struct px_worker, mover.timer);
	struct px_client *c = w->mover.held;
	uint64_t	  now = net_loop_now(w->loop);

	if (quiet(c)) {
		if (!dispatch(w, c))
			release(w);
	} else if (now >= w->mover.until_us || c->state != PX_SERVING || c->leave != PX_STAYS || c->stream.in_eof) {
		release(w);
	} else {
		net_timer_set(t, now + LOOK_US);
	}
}

/* ---- every second ------------------------------------------------------------------------------ */

static bool
may_go(const struct px_worker *w, const struct px_client *c)
{
	return c->moving.in_a_row >= ROWS_MIN && c->state == PX_SERVING && c->conn.auth == API_AUTH_DONE &&
	    c->leave == PX_STAYS && net_loop_now(w->loop) >= c->moving.stays_until_us;
}

static void
publish(struct px_worker *w)
{
	struct px_mover *m = &w->mover;
	unsigned	 heavy = 0;

	for (unsigned i = 0; i < m->nheavy; i++)
		heavy += m->heavy[i]->moving.cost >= m->bytes / HEAVY_PART;
	atomic_store_explicit(&m->load, m->bytes, memory_order_relaxed);
	atomic_store_explicit(&m->heavies, heavy, memory_order_relaxed);
	atomic_store_explicit(&m->busy, (unsigned)(m->busy_us / 1000), memory_order_relaxed);
	met_heavy(w->api.meter, heavy);
}

static void
hold_one(struct px_worker *w)
{
	struct px_gateway *g = w->gateway;
	struct px_mover	  *m = &w->mover;
	struct px_load	   all[WORKERS_MAX];
	uint64_t	   cost[PX_HEAVY_MAX], now = net_loop_now(w->loop);
	int		   chosen;

	if (g->nworkers > WORKERS_MAX)
		return;
	for (unsigned i = 0; i < g->nworkers; i++) {
		const struct px_mover *o = &g->workers[i]->mover;

		all[i].bytes = atomic_load_explicit(&o->load, memory_order_relaxed);
		all[i].heavy = atomic_load_explicit(&o->heavies, memory_order_relaxed);
		all[i].busy = atomic_load_explicit(&o->busy, memory_order_relaxed);
	}
	for (unsigned i = 0; i < m->nheavy; i++)
		cost[i] = may_go(w, m->heavy[i]) ? m->heavy[i]->moving.cost : 0;
	chosen = px_balance_choose(all, g->nworkers, w->number, cost, m->nheavy, &m->to);
	if (chosen < 0)
		return;
	m->held = m->heavy[chosen];
	m->held->moving.held = true;
	m->until_us = now + HOLD_US;
	net_timer_set(&m->timer, now);
}

void
px_mover_second(struct px_worker *w)
{
	struct px_mover *m = &w->mover;

	publish(w);
	if (m->held == NULL && !w->drain.begun && !atomic_load(&m->closed) && net_loop_now(w->loop) >= m->rest_until_us)
		hold_one(w);
	m->second++;
	m->bytes = m->busy_us = 0;
	m->nheavy = 0;
}

void
px_mover_init(struct px_worker *w)
{
	w->mover.second = 2;	/* a new client's 0 is neither this second nor the one before */
	net_timer_init(w->loop, &w->mover.timer, look);
}

bool
px_mover_close(struct px_worker *w)
{
	atomic_store(&w->mover.closed, true);
	if (w->mover.held != NULL)
		release(w);
	return atomic_load(&w->mover.coming) == 0;
}
