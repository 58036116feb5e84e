/* The queue before the budget. See admit.h. All lists are under the budget's lock, which only they touch who wait, and
 * who give back while somebody waits. */
#include "proxy/admit.h"

#include <alcove/check.h>

#include <stdlib.h>

struct px_wait {
	struct net_mail	  mail;	/* first */
	struct px_budget *budget;
	struct px_cell	 *cell;	/* counted */
	size_t		  n;
	struct net_loop	 *loop;
	px_granted_fn	  granted;
	void		 *owner;	/* NULL: it was cancelled when the mail was on its way */
	struct px_wait	 *next, *prev;	/* of the same cell; of those just granted */
	bool		  done;		/* granted */
};

/* ---- the ring of tenants ---------------------------------------------------------------------------- */

static void
ring_add(struct px_budget *b, struct px_cell *c)
{
	if (b->ring == NULL) {
		c->ring_next = c->ring_prev = c;
		b->ring = c;
		return;
	}
	c->ring_next = b->ring;
	c->ring_prev = b->ring->ring_prev;
	c->ring_prev->ring_next = c->ring_next->ring_prev = c;
}

static void
ring_remove(struct px_budget *b, struct px_cell *c)
{
	if (c->ring_next == c) {
		b->ring = NULL;
	} else {
		c->ring_next->ring_prev = c->ring_prev;
		c->ring_prev->ring_next = c->ring_next;
		if (b->ring == c)
			b->ring = c->ring_next;
	}
	c->ring_next = c->ring_prev = NULL;
}

static void
append(struct px_wait *w)
{
	struct px_cell *c = w->cell;

	w->prev = c->last;
	if (c->last == NULL)
		c->first = w;
	else
		c->last->next = w;
	c->last = w;
	if (c->ring_next == NULL)
		ring_add(w->budget, c);
}

static void
detach(struct px_wait *w)
{
	struct px_cell *c = w->cell;

	if (w->prev == NULL)
		c->first = w->next;
	else
		w->prev->next = w->next;
	if (w->next == NULL)
		c->last = w->prev;
	else
		w->next->prev = w->prev;
	w->next = w->prev = NULL;
	atomic_fetch_sub(&c->waiting, 1);
	atomic_fetch_sub(&w->budget->waiting, 1);
	if (c->first == NULL)
		ring_remove(w->budget, c);
}

/* ---- serving ------------------------------------------------------------------------------------------ */

/* Is it others' bytes that it waits for, and not its own tenant's? */
static bool
within_share(const struct px_budget *b, struct px_cell *c, size_t n)
{
	size_t used = atomic_load(&c->used);

	return used <= b->share && n <= b->share - used;
}

/* Tries each tenant once, in turn. True: somebody was granted. */
static bool
serve_round(struct px_budget *b, struct px_wait ***granted, bool *blocked)
{
	struct px_cell *c = b->ring, *last = c == NULL ? NULL : c->ring_prev;
	bool		any = false;

	*blocked = false;
	while (c != NULL) {
		struct px_cell *next = c == last ? NULL : c->ring_next;
		struct px_wait *w = c->first;

		if ((!*blocked || px_budget_small(b, c, w->n)) && px_budget_claim(b, c, w->n)) {
			detach(w);
			w->done = true;
			**granted = w;
			*granted = &w->next;
			any = true;
			if (c->first != NULL) {	/* its next one is behind all others */
				ring_remove(b, c);
				ring_add(b, c);
			}
		} else if (within_share(b, c, w->n)) {
			*blocked = true;
		}
		c = next;
	}
	return any;
}

/* Under the lock. The list of those that were granted is the caller's to tell, outside of it. */
static struct px_wait *
serve(struct px_budget *b)
{
	struct px_wait *granted = NULL, **end = &granted;
	bool		blocked;

	while (serve_round(b, &end, &blocked))
		;
	atomic_store(&b->blocked, blocked);
	return granted;
}

static void
arrived(struct net_loop *l, struct net_mail *m)
{
	struct px_wait *w = ALV_HOLDER(m, struct px_wait, mail);

	(void)l;
	if (w->owner == NULL)
		px_budget_give(w->budget, w->cell, w->n);
	else
		w->granted(w->owner, w->n);
	px_cell_put(w->budget, w->cell);
	free(w);
}

static void
tell(struct px_wait *granted)
{
	while (granted != NULL) {
		struct px_wait *w = granted;

		granted = w->next;
		w->next = NULL;
		net_mail_must(w->loop, &w->mail);	/* it may be gone after this */
	}
}

void
px_admit_waiters(struct px_budget *b)
{
	struct px_wait *granted;

	if (atomic_load(&b->waiting) == 0)
		return;
	pthread_mutex_lock(&b->lock);
	granted = serve(b);
	pthread_mutex_unlock(&b->lock);
	tell(granted);
}

/* ---- coming and going ------------------------------------------------------------------------------------ */

struct px_wait *
px_admit_wait(struct px_budget *b, struct px_cell *c, size_t n, struct net_loop *loop, px_granted_fn granted, void *owner)
{
	struct px_wait *w = calloc(1, sizeof(*w)), *now;

	ALV_CHECK(n <= b->share);
	if (w == NULL)
		return NULL;
	*w = (struct px_wait){ .mail = { .fn = arrived }, .budget = b, .cell = c, .n = n, .loop = loop, .granted = granted,
		.owner = owner };
	pthread_mutex_lock(&b->lock);
	c->refs++;
	atomic_fetch_add(&c->waiting, 1);
	atomic_fetch_add(&b->waiting, 1);
	append(w);
	now = serve(b);
	pthread_mutex_unlock(&b->lock);
	tell(now);
	return w;
}

void
px_admit_cancel(struct px_wait *w)
{
	struct px_budget *b = w->budget;
	struct px_wait	 *granted;
	bool		  done;

	pthread_mutex_lock(&b->lock);
	done = w->done;
	if (!done)
		detach(w);
	granted = serve(b);	/* who stood behind it */
	pthread_mutex_unlock(&b->lock);
	tell(granted);
	w->owner = NULL;
	if (done)
		return;	/* the mail is on its way to this very loop */
	px_cell_put(b, w->cell);
	free(w);
}
