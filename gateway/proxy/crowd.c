/* See crowd.h. The list goes round like the hand of a clock: who is looked at and not closed goes to its end, so that those
 * who wait for us, in a storm of handshakes, are not closed for being slow, and are not looked at each time either.
 * Invariants: all of the list are OPENING, SERVING or ENDING; px_client_close takes out. px_gateway.strangers is how many are in
 * all lists, and those who are about to join; who finds it over the bound goes again, or another one goes for it. */
#include "proxy/crowd.h"

#include "proxy/client.h"
#include "proxy/worker.h"

enum { PATIENCE_US = 2 * 1000 * 1000, LOOKS = 32 };

uint32_t
px_crowd_max(uint32_t unauthenticated_max, uint32_t connections_max)
{
	uint32_t max = unauthenticated_max != 0 ? unauthenticated_max : connections_max / 2;

	return max == 0 ? 1 : max;
}

static uint32_t
most(const struct px_gateway *g)
{
	const struct pol_limits *l = &g->conf->limits;

	return px_crowd_max(l->connections_unauthenticated_max, l->connections_max);
}

/* For the other workers. */
static void
tell(struct px_crowd *k)
{
	atomic_store_explicit(&k->first_us, k->first == NULL ? 0 : k->first->opened_us, memory_order_relaxed);
}

static void
append(struct px_crowd *k, struct px_client *c)
{
	c->place = (struct px_crowd_place){ .prev = k->last, .in = true };
	if (k->last != NULL)
		k->last->place.next = c;
	else
		k->first = c;
	k->last = c;
	k->n++;
	tell(k);
}

static void
take_out(struct px_crowd *k, struct px_client *c)
{
	struct px_crowd_place *p = &c->place;

	if (p->prev != NULL)
		p->prev->place.next = p->next;
	else
		k->first = p->next;
	if (p->next != NULL)
		p->next->place.prev = p->prev;
	else
		k->last = p->prev;
	*p = (struct px_crowd_place){ .in = false };
	k->n--;
	tell(k);
}

/* It did what it could, and has not got further because of us: a signature or a key derivation is to be made. */
static bool
waits_for_us(const struct px_client *c)
{
	return c->away > 0 || c->stream.shake.queue != NULL;
}

/* Closes one that has had its time. False: of those that were looked at none has. */
static bool
make_room(struct px_worker *w)
{
	uint64_t now = net_loop_now(w->loop);
	uint32_t looks = w->crowd.n < LOOKS ? w->crowd.n : LOOKS;

	for (; looks > 0; looks--) {
		struct px_client *c = w->crowd.first;

		if (now - c->opened_us >= PATIENCE_US && !waits_for_us(c)) {
			px_client_close(c, MET_CLOSE_UNAUTHENTICATED_MAX, false);
			return true;
		}
		take_out(&w->crowd, c);
		append(&w->crowd, c);
	}
	return false;
}

static bool
had_time(const struct px_crowd *k, uint64_t now)
{
	uint64_t first_us = atomic_load_explicit(&k->first_us, memory_order_relaxed);

	return first_us != 0 && first_us + PATIENCE_US <= now;
}

struct px_worker *
px_crowd_place(struct px_worker *w)
{
	const struct px_gateway *g = w->gateway;
	uint64_t		 now = net_loop_now(w->loop);

	if (atomic_load_explicit(&g->strangers, memory_order_relaxed) < most(g) || had_time(&w->crowd, now))
		return w;
	for (unsigned i = 0; i < g->nworkers; i++)
		if (had_time(&g->workers[i]->crowd, now))
			return g->workers[i];
	return w;
}

void
px_crowd_join(struct px_client *c)
{
	struct px_worker  *w = c->worker;
	struct px_gateway *g = w->gateway;

	if (atomic_fetch_add(&g->strangers, 1) >= most(g) && !make_room(w)) {
		atomic_fetch_sub(&g->strangers, 1);
		px_client_close(c, MET_CLOSE_UNAUTHENTICATED_MAX, false);
		return;
	}
	append(&w->crowd, c);
}

void
px_crowd_leave(struct px_client *c)
{
	if (!c->place.in)
		return;
	take_out(&c->worker->crowd, c);
	atomic_fetch_sub(&c->worker->gateway->strangers, 1);
}
