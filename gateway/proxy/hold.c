/* See hold.h. */
#include "proxy/hold.h"

#include <alcove/check.h>

#include "proxy/client.h"
#include "proxy/worker.h"

enum { WINDOW_LEAST = 16 * 1024 };

/* ---- counting --------------------------------------------------------------------------------- */

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t
arriving(const struct px_intake *i, const struct net_stream *s)
{
	return larger(i->admitted ? i->room : 0, s->in.n);
}

/* What is on its way, beyond what is free. */
static size_t
moving(const struct px_client *c)
{
	const struct px_request *r = c->current;
	size_t			 n = c->inflight.weight;

	if (r != NULL)	/* it changes under way */
		n += px_req_weight(r) - r->weight;
	n += arriving(&c->hold.in, &c->stream) + net_stream_left(&c->stream);
	n += arriving(&c->hold.up, &c->up.stream) + net_stream_left(&c->up.stream);
	return n > PX_FREE ? n - PX_FREE : 0;
}

/* And what stays: that leaves the free part to what is on its way. */
static size_t
needed(const struct px_client *c)
{
	return moving(c) + c->conn.kept;
}

/* ---- the budget ---------------------------------------------------------------------------------- */

static struct px_budget *
budget(const struct px_client *c)
{
	return c->worker->gateway->budget;
}

/* Until it has logged in a client belongs to nobody, whatever host name it came by. */
static const char *
belongs_to(const struct px_client *c)
{
	return c->conn.auth == API_AUTH_DONE ? c->conn.tenant : "";
}

static bool
have_cell(struct px_client *c)
{
	if (c->hold.cell == NULL)
		c->hold.cell = px_cell_get(budget(c), belongs_to(c));
	return c->hold.cell != NULL;
}

static void
add(struct px_client *c, size_t n)
{
	c->hold.reserved += n;
	met_memory(c->worker->api.meter, (int64_t)n);
}

static void
give(struct px_client *c, size_t n)
{
	struct px_hold *h = &c->hold;

	ALV_CHECK(n <= h->reserved);
	h->reserved -= n;
	met_memory(c->worker->api.meter, -(int64_t)n);
	px_budget_give(budget(c), h->cell, n);
	if (h->reserved == 0 && h->in.wait == NULL && h->up.wait == NULL && strcmp(h->cell->tenant, belongs_to(c)) != 0) {
		px_cell_put(budget(c), h->cell);
		h->cell = NULL;
	}
}

static bool
grow(struct px_client *c, size_t more)
{
	if (!have_cell(c) || !px_budget_grow(budget(c), c->hold.cell, more))
		return false;
	add(c, more);
	return true;
}

void
px_hold_settle(struct px_client *c)
{
	struct px_hold *h = &c->hold;
	size_t		need = needed(c);

	/* What can be spared goes before the connection does. */
	if (need > h->reserved && !grow(c, need - h->reserved)) {
		if (api_conn_release(&c->conn) > 0)
			px_hold_settle(c);
		else
			px_client_close(c, MET_CLOSE_MEMORY, false);
		return;
	}
	if (need < h->reserved)
		give(c, h->reserved - need);
}

void
px_hold_left(struct px_client *c)
{
	px_hold_settle(c);
	if (c->hold.up.wait != NULL || c->hold.up_own)
		px_up_admitted(c);
	else if ((c->hold.in_own || c->hold.in.wait != NULL) && c->state == PX_SERVING)
		px_client_pump(c);
}

/* ---- admission -------------------------------------------------------------------------------------- */

static void
granted(struct px_client *c, struct px_intake *i, size_t n)
{
	i->wait = NULL;
	i->admitted = true;
	met_waiting(c->worker->api.meter, -1);
	add(c, n);
}

static void
request_granted(void *owner, size_t n)
{
	struct px_client *c = owner;

	granted(c, &c->hold.in, n);
	px_client_pump(c);
}

static void
response_granted(void *owner, size_t n)
{
	struct px_client *c = owner;

	granted(c, &c->hold.up, n);
	px_up_admitted(c);
}

static void
stop_waiting(struct px_client *c, struct px_intake *i)
{
	if (i->wait == NULL)
		return;
	px_admit_cancel(i->wait);
	i->wait = NULL;
	met_waiting(c->worker->api.meter, -1);
}

static bool
queue_up(struct px_client *c, struct px_intake *i, size_t n)
{
	px_granted_fn fn = i == &c->hold.in ? request_granted : response_granted;

	i->wait = px_admit_wait(budget(c), c->hold.cell, n, c->worker->loop, fn, c);
	if (i->wait == NULL)
		return false;
	i->wait_us = net_loop_now(c->worker->loop);
	met_waiting(c->worker->api.meter, +1);
	return true;
}

/* What the frame at hand takes beyond what there is. */
static size_t
lacks(const struct px_client *c)
{
	size_t need = needed(c);

	return need > c->hold.reserved ? need - c->hold.reserved : 0;
}

/* A place for the frame, if there is one at once. More than the frame itself is never asked for: the rest is there, and
 * px_hold_settle's. */
static bool
admit_now(struct px_client *c, struct px_intake *i, size_t size, size_t *more)
{
	i->size = i->room = size;
	i->admitted = true;
	*more = lacks(c);
	if (*more > size)
		*more = size;
	if (*more == 0)
		return true;
	/* Who waits has asked; but by now it may lack nothing. */
	if (i->wait == NULL && have_cell(c) && px_budget_take(budget(c), c->hold.cell, *more)) {
		add(c, *more);
		return true;
	}
	i->admitted = false;
	return false;
}

static bool
admit(struct px_client *c, struct px_intake *i, size_t size)
{
	size_t more;

	if (i->admitted)
		return true;
	if (admit_now(c, i, size, &more)) {
		stop_waiting(c, i);
		return true;
	}
	if (i->wait == NULL && (c->hold.cell == NULL || !queue_up(c, i, more)))
		px_client_close(c, MET_CLOSE_INTERNAL, false);
	return false;
}

/* Whether the connection has so much under way already that it has to wait for that, which leaves by itself. */
static bool
waits_for_itself(struct px_client *c, size_t size)
{
	const struct pol_limits *l = &c->worker->gateway->conf->limits;
	size_t			 more, most = larger(l->frame_max_bytes, l->response_max_bytes);

	if (c->hold.reserved > c->conn.kept && moving(c) + size > most)
		return true;
	return size <= PX_IN_MAX && !admit_now(c, &c->hold.in, size, &more);
}

/* The frame, and room for what may come behind it. */
static bool
admit_ahead(struct px_client *c, size_t size)
{
	struct px_intake *i = &c->hold.in;
	size_t		  more;

	if (i->admitted || i->wait != NULL || size <= PX_IN_MAX || size >= PX_AHEAD || !admit_now(c, i, PX_AHEAD, &more))
		return i->admitted;
	i->size = size;
	return true;
}

bool
px_hold_request(struct px_client *c, size_t size)
{
	const struct px_intake *i = &c->hold.in;

	c->hold.in_own = !i->admitted && i->wait == NULL && waits_for_itself(c, size);
	return !c->hold.in_own && (admit_ahead(c, size) || admit(c, &c->hold.in, size));
}

bool
px_hold_response(struct px_client *c, size_t size)
{
	return admit(c, &c->hold.up, size);
}

void
px_hold_taken(struct px_intake *i)
{
	ALV_CHECK(i->wait == NULL);
	*i = (struct px_intake){ 0 };
}

size_t
px_hold_window(struct px_client *c, size_t want)
{
	size_t more, least = want < WINDOW_LEAST ? want : WINDOW_LEAST;

	c->hold.up_own = false;
	if (admit_now(c, &c->hold.up, want, &more))
		return want;
	if (want > more && want - more >= least) {	/* what is free anyway */
		px_hold_taken(&c->hold.up);
		return admit_now(c, &c->hold.up, want - more, &more) ? want - more : 0;
	}
	/* Nobody waits for itself in vain: with nothing to send there is always room for a little. */
	c->hold.up_own = net_stream_left(&c->stream) > 0;
	if (c->hold.up_own)
		return 0;
	c->hold.up = (struct px_intake){ .size = least, .room = least, .admitted = true };
	return least;
}

void
px_hold_passed(struct px_client *c, size_t n)
{
	c->hold.up.size -= n < c->hold.up.size ? n : c->hold.up.size;
}

void
px_hold_cancel(struct px_client *c, struct px_intake *i)
{
	stop_waiting(c, i);
	*i = (struct px_intake){ 0 };
}

void
px_hold_fini(struct px_client *c)
{
	px_hold_cancel(c, &c->hold.in);
	px_hold_cancel(c, &c->hold.up);
	if (c->hold.reserved > 0)
		give(c, c->hold.reserved);
	px_cell_put(budget(c), c->hold.cell);
	c->hold.cell = NULL;
}
