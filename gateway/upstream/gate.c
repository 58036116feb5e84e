/* A gate before each broker, so that neither many clients at once nor a broker that comes back make a storm.
 *
 *   OPEN --failed--> SHUT --time over, next who enters--> TRYING --reached--> OPEN
 *                     ^                                    |  |
 *                     +---- failed: longer each time ------+  +-- left: the next in the queue tries, or SHUT anew
 *
 * OPEN lets through at the configured rate, spread by jitter; the rest queues, as many as can go before their time is over:
 * in order, each tenant in a lane of its own, lanes in turn, and when it is full the newest of the longest lane has to go.
 * SHUT refuses at once with what the last attempt ended with: that is what a dead broker looks like to a client. While one
 * is TRYING others wait for TRY_US at most.
 *
 * Invariants: a pass is in a lane or let through or without a gate; `away` counts those let through and not yet reported; a
 * gate with nobody at it, OPEN and rested, may be thrown away. Each opening and shutting begins a round; a failure of an
 * earlier round is old news and ignored, a success never is. */
#include "upstream/gate.h"
#include "upstream/lane.h"

#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { GATES_KEPT = 64, TRY_US = 1000000, BACKOFF_MIN_US = 100000, BACKOFF_MAX_US = 2000000 };

struct ups_gate {
	struct ups_gates *all;
	struct ups_gate	 *next;
	char		  host[256];
	uint16_t	  port;
	enum { OPEN, SHUT, TRYING } state;
	uint32_t	  round;
	uint64_t	  full_us;	/* OPEN: when the bucket would be full again */
	uint64_t	  until_us;	/* SHUT: until then; TRYING: how long others wait */
	uint32_t	  backoff_us;
	size_t		  away;
	struct ups_lanes  lanes;	/* who waits */
	struct net_timer  timer;
	enum ups_end	  end;
	char		  words[512];
};

struct ups_gates {
	struct net_loop	     *loop;
	struct ups_gates_conf conf;
	uint64_t	      step_us, burst_us;	/* between two; how far ahead the bucket lets */
	uint64_t	      random;
	struct ups_gate	     *first;
	size_t		      n;
};

static void timer_due(struct net_timer *t);

struct ups_gates *
ups_gates_new(struct net_loop *l, const struct ups_gates_conf *c)
{
	struct ups_gates *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->loop = l;
	g->conf = *c;
	if (getrandom(&g->random, sizeof(g->random), 0) != (ssize_t)sizeof(g->random))
		g->random = (uintptr_t)g;
	g->random |= 1;
	if (c->per_second > 0) {
		g->step_us = 1000000ull * c->shares / c->per_second;
		g->burst_us = 100000 > g->step_us ? 100000 : g->step_us;
	}
	return g;
}

static void
free_gate(struct ups_gates *g, struct ups_gate **at)
{
	struct ups_gate *x = *at;

	ALV_CHECK(x->lanes.n == 0 && x->away == 0);
	net_timer_stop(&x->timer);
	*at = x->next;
	free(x);
	g->n--;
}

void
ups_gates_free(struct ups_gates *g)
{
	if (g == NULL)
		return;
	while (g->first != NULL)
		free_gate(g, &g->first);
	free(g);
}

/* Up to `most`, evenly; xorshift64: jitter only. */
static uint64_t
some(struct ups_gates *g, uint64_t most)
{
	g->random ^= g->random << 13;
	g->random ^= g->random >> 7;
	g->random ^= g->random << 17;
	return g->random % (most + 1);
}

/* ---- the set ------------------------------------------------------------------------------------------ */

/* Brokers that moved away leave their gates behind. */
static void
throw_away(struct ups_gates *g)
{
	uint64_t now = net_loop_now(g->loop);

	for (struct ups_gate **at = &g->first; *at != NULL && g->n >= GATES_KEPT;) {
		struct ups_gate *x = *at;

		if (x->lanes.n == 0 && x->away == 0 && (x->state == OPEN ? x->full_us : x->until_us) <= now)
			free_gate(g, at);
		else
			at = &x->next;
	}
}

static struct ups_gate *
find(struct ups_gates *g, const char *host, uint16_t port)
{
	struct ups_gate *x;

	for (x = g->first; x != NULL; x = x->next)
		if (x->port == port && strcmp(x->host, host) == 0)
			return x;
	throw_away(g);
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return NULL;
	x->all = g;
	x->port = port;
	snprintf(x->host, sizeof(x->host), "%s", host);
	net_timer_init(g->loop, &x->timer, timer_due);
	x->next = g->first;
	g->first = x;
	g->n++;
	return x;
}

/* ---- the queue ------------------------------------------------------------------------------------------ */

static void
count_waiting(struct ups_gate *x, int delta)
{
	if (x->all->conf.on_waiting != NULL)
		x->all->conf.on_waiting(x->all->conf.arg, delta);
}

static enum alv_err
add(struct ups_gate *x, struct ups_gate_pass *p)
{
	if (!ups_lanes_add(&x->lanes, p))
		return ALV_E_NOMEM;
	p->gate = x;
	count_waiting(x, 1);
	return ALV_E_AGAIN;
}

static void
take_out(struct ups_gate *x, struct ups_gate_pass *p)
{
	ups_lanes_remove(&x->lanes, p);
	p->gate = NULL;
	count_waiting(x, -1);
}

/* The one whose turn it is. Somebody waits. */
static struct ups_gate_pass *
take_next(struct ups_gate *x)
{
	struct ups_gate_pass *p = ups_lanes_next(&x->lanes);

	take_out(x, p);
	return p;
}

static void
refuse_all(struct ups_gate *x)
{
	while (x->lanes.n > 0) {
		struct ups_gate_pass *p = take_next(x);

		p->refused(p, x->end, x->words);
	}
}

static void
let_through(struct ups_gate *x, struct ups_gate_pass *p)
{
	p->gate = x;
	p->round = x->round;
	x->away++;
}

/* ---- OPEN ------------------------------------------------------------------------------------------------- */

static bool
has_token(const struct ups_gate *x, uint64_t now)
{
	return x->full_us <= now + x->all->burst_us - x->all->step_us;
}

/* Half a step to one and a half: as many on average, but not in step with other gateways. */
static void
take_token(struct ups_gate *x, uint64_t now)
{
	uint64_t step = x->all->step_us;

	if (x->full_us < now)
		x->full_us = now;
	x->full_us += step / 2 + some(x->all, step);
}

static void
serve(struct ups_gate *x)
{
	uint64_t now = net_loop_now(x->all->loop);

	while (x->lanes.n > 0 && has_token(x, now)) {
		struct ups_gate_pass *p = take_next(x);

		take_token(x, now);
		let_through(x, p);
		p->go(p);
	}
	if (x->lanes.n > 0)
		net_timer_set(&x->timer, x->full_us + x->all->step_us - x->all->burst_us);
}

/* ---- SHUT and TRYING --------------------------------------------------------------------------------------- */

static void
shut(struct ups_gate *x)
{
	x->state = SHUT;
	x->round++;
	x->backoff_us = x->backoff_us == 0 ? BACKOFF_MIN_US : x->backoff_us * 2 > BACKOFF_MAX_US ? BACKOFF_MAX_US : x->backoff_us * 2;
	x->until_us = net_loop_now(x->all->loop) + x->backoff_us / 2 + some(x->all, x->backoff_us / 2);
	net_timer_stop(&x->timer);
	refuse_all(x);
}

static void
try(struct ups_gate *x, struct ups_gate_pass *p)
{
	x->state = TRYING;
	x->until_us = net_loop_now(x->all->loop) + TRY_US;
	net_timer_set(&x->timer, x->until_us);
	let_through(x, p);
}

static void
timer_due(struct net_timer *t)
{
	struct ups_gate *x = ALV_HOLDER(t, struct ups_gate, timer);

	if (x->state == OPEN)
		serve(x);
	else
		refuse_all(x);	/* the attempt takes its time: the others need not */
}

static const char crowded[] = "too many connections to this broker are waiting";

/* Into the queue, if everybody in it can go before their time is over. */
static enum alv_err
enter_queue(struct ups_gate *x, uint32_t wait_ms, struct ups_gate_pass *p, enum ups_end *end, const char **words)
{
	struct ups_gate_pass *last;

	if (x->lanes.n * x->all->step_us < wait_ms * 1000ull)
		return add(x, p);
	last = ups_lanes_victim(&x->lanes, p->who);
	if (last != NULL) {
		take_out(x, last);
		last->refused(last, UPS_END_CONNECT, crowded);
		return add(x, p);
	}
	*end = UPS_END_CONNECT;
	*words = crowded;
	return ALV_E_UNAVAILABLE;
}

/* ---- calls --------------------------------------------------------------------------------------------------- */

static enum alv_err
enter_open(struct ups_gate *x, uint32_t wait_ms, struct ups_gate_pass *p, enum ups_end *end, const char **words)
{
	struct ups_gates *g = x->all;
	uint64_t	  now = net_loop_now(g->loop);
	enum alv_err	  err;

	if (x->lanes.n == 0 && (g->step_us == 0 || has_token(x, now))) {
		take_token(x, now);
		let_through(x, p);
		return ALV_OK;
	}
	err = enter_queue(x, wait_ms, p, end, words);
	if (err == ALV_E_AGAIN && !x->timer.armed)
		net_timer_set(&x->timer, x->full_us + g->step_us - g->burst_us);
	return err;
}

enum alv_err
ups_gate_enter(struct ups_gates *g, const char *host, uint16_t port, uint32_t wait_ms, struct ups_gate_pass *p,
    enum ups_end *end, const char **words)
{
	struct ups_gate *x = find(g, host, port);
	uint64_t	 now = net_loop_now(g->loop);

	ALV_CHECK(p->gate == NULL);
	if (x == NULL)
		return ALV_E_NOMEM;
	if (x->state == OPEN)
		return enter_open(x, wait_ms, p, end, words);
	if (x->state == SHUT && x->until_us <= now) {
		try(x, p);
		return ALV_OK;
	}
	if (x->state == TRYING && x->until_us > now)
		return enter_queue(x, wait_ms, p, end, words);
	*end = x->end;
	*words = x->words;
	return ALV_E_UNAVAILABLE;
}

/* It is back from wherever it was. NULL: it was nowhere. */
static struct ups_gate *
back(struct ups_gate_pass *p)
{
	struct ups_gate *x = p->gate;

	if (x == NULL)
		return NULL;
	ALV_CHECK(p->lane == NULL && x->away > 0);
	x->away--;
	p->gate = NULL;
	return x;
}

void
ups_gate_reached(struct ups_gate_pass *p)
{
	struct ups_gate *x = back(p);

	if (x == NULL || x->state == OPEN)
		return;
	alv_log(ALV_LOG_INFO, "a broker is reached again", ALV_KV_Z("host", x->host), ALV_KV_I("port", x->port));
	x->state = OPEN;
	x->round++;
	x->backoff_us = 0;
	/* Those who waited, and those who come now, come one by one. */
	x->full_us = net_loop_now(x->all->loop) + x->all->burst_us;
	net_timer_stop(&x->timer);
	serve(x);
}

void
ups_gate_failed(struct ups_gate_pass *p, enum ups_end end, const char *words)
{
	struct ups_gate *x = back(p);

	if (x == NULL || p->round != x->round || x->state == SHUT)
		return;
	if (x->state == OPEN)
		alv_log(ALV_LOG_WARN, "a broker cannot be reached", ALV_KV_Z("host", x->host), ALV_KV_I("port", x->port),
		    ALV_KV_Z("error", words));
	x->end = end;
	snprintf(x->words, sizeof(x->words), "%s", words);
	shut(x);
}

void
ups_gate_left(struct ups_gate_pass *p)
{
	struct ups_gate *x = p->gate;

	if (x != NULL && p->lane != NULL) {
		take_out(x, p);
		return;
	}
	x = back(p);
	if (x == NULL || x->state != TRYING || p->round != x->round)
		return;
	if (x->lanes.n == 0) {
		x->state = SHUT;
		x->until_us = net_loop_now(x->all->loop);	/* the next who comes tries */
		net_timer_stop(&x->timer);
		return;
	}
	p = take_next(x);
	try(x, p);
	p->go(p);
}
