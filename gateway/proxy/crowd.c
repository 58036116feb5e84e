/* See crowd.h. The list goes round like the hand of a clock: who is looked at and not closed goes to its end, so that those
 * who wait for us, in a storm of handshakes, are not closed for being slow, and are not looked at each time either.
 * Invariant: all of the list are OPENING, SERVING or ENDING; px_client_close takes out. */
#include "proxy/crowd.h"

#include "proxy/client.h"
#include "proxy/worker.h"

enum { PATIENCE_US = 2 * 1000 * 1000, LOOKS = 32 };

uint32_t
px_crowd_share(uint32_t unauthenticated_max, uint32_t connections_max, unsigned nworkers)
{
	uint32_t max = unauthenticated_max != 0 ? unauthenticated_max : connections_max / 2;
	uint32_t n = nworkers > 1 ? nworkers : 1, share = max / n + (max % n != 0);

	return share == 0 ? 1 : share;
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

void
px_crowd_join(struct px_client *c)
{
	struct px_worker	*w = c->worker;
	const struct pol_limits *l = &w->gateway->conf->limits;

	if (w->crowd.n >= px_crowd_share(l->connections_unauthenticated_max, l->connections_max, w->gateway->nworkers) &&
	    !make_room(w)) {
		px_client_close(c, MET_CLOSE_UNAUTHENTICATED_MAX, false);
		return;
	}
	append(&w->crowd, c);
}

void
px_crowd_leave(struct px_client *c)
{
	if (c->place.in)
		take_out(&c->worker->crowd, c);
}
