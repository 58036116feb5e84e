/* Deadlines of a client connection, looked at lazily: traffic moves them without touching the timer.
 * A window that was too slow ends a sender whose request was admitted, because it holds its whole size in the budget. It
 * ends a reader only if somebody waits for memory, or if it went on so for request.receive.timeout.ms: consumers that are
 * busy with what they have are no enemies. */
#include "proxy/pace.h"

#include "proxy/client.h"
#include "proxy/worker.h"

enum { WINDOW_MS = 10000 };

void
px_pace_begin(struct px_pace *p, uint64_t now_us, uint64_t moved, uint64_t owed)
{
	*p = (struct px_pace){ .at_us = now_us, .moved = moved, .owed = owed };
}

void
px_pace_roll(struct px_pace *p, uint64_t now_us, uint64_t window_us, uint32_t rate, uint64_t moved, uint64_t owed)
{
	uint64_t due = rate * (window_us / 1000) / 1000;
	uint64_t slow_us = p->slow_us != 0 ? p->slow_us : p->at_us, did = moved - p->moved;

	if (p->at_us == 0 || now_us < p->at_us + window_us)
		return;
	if (due > p->owed)
		due = p->owed;
	if (due == 0)
		due = 1;
	px_pace_begin(p, now_us, moved, owed);
	if (did < due)
		p->slow_us = slow_us;
}

/* ---- what is due ---------------------------------------------------------------------------------- */

struct due {
	uint64_t       at;
	enum met_close why;
};

static void
sooner(struct due *d, uint64_t at, enum met_close why)
{
	if (at < d->at)
		*d = (struct due){ at, why };
}

static uint64_t
later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t
window_us(const struct pol_limits *l)
{
	return (l->frame_timeout_ms < WINDOW_MS ? l->frame_timeout_ms : WINDOW_MS) * 1000ull;
}

static bool
sends_large(const struct px_client *c)
{
	return c->hold.in.admitted && c->hold.in.size > PX_IN_MAX && c->in_pace.at_us != 0;
}

static void
sender_due(const struct px_client *c, const struct pol_limits *l, struct due *d)
{
	if (c->frame_begun_us != 0)
		sooner(d, c->frame_begun_us + l->frame_timeout_ms * 1000ull, MET_CLOSE_SLOW_SENDER);
	if (sends_large(c) && l->request_min_rate > 0)
		sooner(d, c->in_pace.slow_us != 0 ? c->in_pace.at_us : c->in_pace.at_us + window_us(l), MET_CLOSE_SLOW_SENDER);
}

static void
reader_due(const struct px_client *c, const struct pol_limits *l, struct due *d)
{
	const struct px_pace *p = &c->out_pace;
	bool		      pressed = c->hold.reserved > 0 && px_budget_pressed(c->worker->gateway->budget, c->hold.cell);

	if (p->at_us == 0)
		return;
	sooner(d, p->at_us + window_us(l), MET_CLOSE_SLOW_READER);
	if (p->slow_us != 0)
		sooner(d, pressed ? p->at_us : p->slow_us + l->frame_timeout_ms * 1000ull, MET_CLOSE_SLOW_READER);
}

/* When this connection is due to be closed if nothing more happens, and why. */
static struct due
deadline(const struct px_client *c)
{
	const struct pol_limits *l = &c->worker->gateway->conf->limits;
	const struct net_stream *s = &c->stream;
	struct due		 d = { c->ending_us + PX_ENDING_US, c->why };

	if (c->state == PX_ENDING)
		return d;
	d = (struct due){ later_of(later_of(s->last_in_us, s->last_out_us), later_of(c->unmuted_us, c->opened_us)) +
		l->connections_max_idle_ms * 1000ull, MET_CLOSE_IDLE };
	if (c->conn.quota.muted_until_us != 0)	/* its silence is our doing */
		d.at = later_of(d.at, c->conn.quota.muted_until_us + l->connections_max_idle_ms * 1000ull);
	if (c->conn.auth != API_AUTH_DONE)
		sooner(&d, c->opened_us + l->authentication_timeout_ms * 1000ull, MET_CLOSE_AUTH_TIMEOUT);
	sender_due(c, l, &d);
	/* A client that only shut its side is still answered; brokers do not wait for one that hung up either. */
	if (c->eof_us != 0)
		sooner(&d, c->eof_us + PX_ENDING_US, MET_CLOSE_CLIENT_EOF);
	reader_due(c, l, &d);
	if (c->hold.up.wait != NULL)
		sooner(&d, c->hold.up.wait_us + l->frame_timeout_ms * 1000ull, MET_CLOSE_MEMORY);
	return d;
}

/* ---- the timer -------------------------------------------------------------------------------------- */

static void
roll(struct px_client *c, uint64_t now)
{
	const struct pol_limits *l = &c->worker->gateway->conf->limits;
	const struct net_stream *s = &c->stream;
	uint64_t		 w = window_us(l);

	if (sends_large(c))
		px_pace_roll(&c->in_pace, now, w, l->request_min_rate, s->bytes_in,
		    s->in.n < c->hold.in.size ? c->hold.in.size - s->in.n : 0);
	px_pace_roll(&c->out_pace, now, w, l->response_min_rate, s->sent, net_stream_left(s));
}

void
px_client_overdue(struct net_timer *t)
{
	struct px_client *c = ALV_HOLDER(t, struct px_client, timer);
	uint64_t	  now = net_loop_now(c->worker->loop);
	struct due	  d;

	roll(c, now);
	d = deadline(c);
	/* A long poll or a rebalance is not idleness: the broker owes the answer. */
	if (d.at <= now && d.why == MET_CLOSE_IDLE && c->inflight.n > 0)
		d.at = now + c->worker->gateway->conf->limits.connections_max_idle_ms * 1000ull;
	if (d.at <= now)
		px_client_close(c, d.why, false);
	else
		net_timer_set(t, d.at);
}

void
px_client_watch(struct px_client *c)
{
	struct due d = deadline(c);

	if (!c->timer.armed || d.at < c->timer.at_us)
		net_timer_set(&c->timer, d.at);
}
