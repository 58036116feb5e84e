/* See wants.h. Ids come from clients, who may guess, so there are bounds: for each tenant ids per second (a bucket) and calls
 * under way; for all together ids known about at once, and ids per second towards the brokers.
 *
 *   want: QUEUED --ups_want_next--> ASKED --answer--> DONE; freed with the last call that waits for it
 *
 * What makes it fair: queues are by tenant and served in turn, and where there is no room the newest want of the longest
 * queue goes, so that a flood drowns itself. Invariant: a want is in a party's queue exactly while it is QUEUED; calls of
 * different tenants share one only when it was asked for already, so nobody waits in another's queue. */
#include "upstream/wants.h"

#include <alcove/check.h>
#include <alcove/str.h>

#include <stdlib.h>

enum { WANTS_MAX = 2048, PARTIES_MAX = 4096, PARTIES_KEPT = 64, PARTY_CALLS_MAX = 256, CALLS_MAX = 4096, BURST = 2000 };
#define ID_COST_US 5000ull	/* each tenant 200 a second, BURST at once */
#define ALL_COST_US 500ull	/* all together 2,000 a second, BURST at once; what is more waits */

struct ups_id_party {
	struct ups_follower *follower;
	struct ups_id_party *next;	/* of all */
	uint64_t	     who;
	uint64_t	     full_us;	/* when its bucket would be full */
	size_t		     ncalls, nqueued;
	struct ups_id_want  *first, *last;
};

static bool
take_token(uint64_t *full_us, uint64_t now, uint64_t cost)
{
	if (*full_us < now)
		*full_us = now;
	if (*full_us - now > (BURST - 1) * cost)
		return false;
	*full_us += cost;
	return true;
}

/* ---- parties ------------------------------------------------------------------------------------------- */

static void
forget_idle(struct ups_follower *f)
{
	uint64_t now = net_loop_now(f->loop);

	for (struct ups_id_party **at = &f->parties; *at != NULL;) {
		struct ups_id_party *p = *at;

		if (p->ncalls > 0 || p->nqueued > 0 || p->full_us > now) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		f->nparties--;
		free(p);
	}
}

static struct ups_id_party *
find_party(struct ups_follower *f, uint64_t who)
{
	struct ups_id_party *p;

	for (p = f->parties; p != NULL; p = p->next)
		if (p->who == who)
			return p;
	if (f->nparties >= PARTIES_KEPT)
		forget_idle(f);
	p = f->nparties >= PARTIES_MAX ? NULL : calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->follower = f;
	p->who = who;
	p->next = f->parties;
	f->parties = p;
	f->nparties++;
	return p;
}

struct ups_id_party *
ups_party_begin(struct ups_follower *f, uint64_t who)
{
	struct ups_id_party *p = f->ncalls >= CALLS_MAX ? NULL : find_party(f, who);

	if (p == NULL || p->ncalls >= PARTY_CALLS_MAX)
		return NULL;
	p->ncalls++;
	f->ncalls++;
	return p;
}

void
ups_party_end(struct ups_id_party *p)
{
	p->ncalls--;
	p->follower->ncalls--;
}

/* ---- queues --------------------------------------------------------------------------------------------- */

static void
enqueue(struct ups_id_party *p, struct ups_id_want *w)
{
	w->party = p;
	w->behind = NULL;
	w->before = p->last;
	*(p->last == NULL ? &p->first : &p->last->behind) = w;
	p->last = w;
	p->nqueued++;
}

static void
dequeue(struct ups_id_want *w)
{
	struct ups_id_party *p = w->party;

	ALV_CHECK(p != NULL && p->nqueued > 0);
	*(w->before == NULL ? &p->first : &w->before->behind) = w->behind;
	*(w->behind == NULL ? &p->last : &w->behind->before) = w->before;
	w->party = NULL;
	p->nqueued--;
}

/* The party at the end of the list was served longest ago: who is served goes there. */
static void
to_the_end(struct ups_follower *f, struct ups_id_party *p)
{
	struct ups_id_party **at;

	for (at = &f->parties; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	for (; *at != NULL; at = &(*at)->next)
		;
	*at = p;
	p->next = NULL;
}

struct ups_id_want *
ups_want_next(struct ups_follower *f, uint64_t *wait_us)
{
	uint64_t	     now = net_loop_now(f->loop);
	struct ups_id_party *p;
	struct ups_id_want  *w;

	*wait_us = 0;
	for (p = f->parties; p != NULL && p->nqueued == 0; p = p->next)
		;
	if (p == NULL)
		return NULL;
	if (!take_token(&f->ids_full_us, now, ALL_COST_US)) {
		*wait_us = f->ids_full_us - now - (BURST - 1) * ALL_COST_US;
		return NULL;
	}
	w = p->first;
	dequeue(w);
	to_the_end(f, p);
	w->state = UPS_ASKED;
	return w;
}

/* ---- wants ------------------------------------------------------------------------------------------------ */

/* One place, taken from whom has most; false: that is p. */
static bool
make_room(struct ups_follower *f, const struct ups_id_party *p)
{
	struct ups_id_party *most = NULL;

	for (struct ups_id_party *x = f->parties; x != NULL; x = x->next)
		if (most == NULL || x->nqueued > most->nqueued)
			most = x;
	if (most == NULL || most->nqueued <= p->nqueued + 1)
		return false;
	ups_want_settle(f, most->last, ALV_E_AGAIN, ALV_STR_NULL);
	return true;
}

static struct ups_id_want *
find_want(struct ups_follower *f, const struct ups_id_party *p, struct alv_uuid id)
{
	for (struct ups_id_want *w = f->wants; w != NULL; w = w->next)
		if (alv_uuid_eq(w->id, id) && (w->state == UPS_ASKED || w->party == p))
			return w;
	return NULL;
}

enum alv_err
ups_want(struct ups_follower *f, struct ups_id_party *p, struct alv_uuid id, struct ups_id_want **out)
{
	struct ups_id_want *w = find_want(f, p, id);

	if (w == NULL) {
		if (!take_token(&p->full_us, net_loop_now(f->loop), ID_COST_US) || (f->nwants >= WANTS_MAX && !make_room(f, p)))
			return ALV_E_AGAIN;
		w = calloc(1, sizeof(*w));
		if (w == NULL)
			return ALV_E_NOMEM;
		w->id = id;
		w->next = f->wants;
		f->wants = w;
		f->nwants++;
		enqueue(p, w);
	}
	w->refs++;
	*out = w;
	return ALV_OK;
}

void
ups_unwant(struct ups_follower *f, struct ups_id_want *w)
{
	struct ups_id_want **at = &f->wants;

	/* One that is asked for is left to its batch. */
	if (--w->refs > 0 || w->state == UPS_ASKED)
		return;
	if (w->party != NULL)
		dequeue(w);
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	f->nwants--;
	free(w->name);
	free(w);
}

void
ups_want_settle(struct ups_follower *f, struct ups_id_want *w, enum alv_err err, struct alv_str name)
{
	w->err = err;
	if (!err && name.p != NULL && (w->name = strndup(name.p, name.n)) == NULL)
		w->err = ALV_E_NOMEM;
	if (w->party != NULL)
		dequeue(w);
	w->state = UPS_DONE;
	w->refs++;
	ups_unwant(f, w);
}

void
ups_wants_end(struct ups_follower *f)
{
	while (f->parties != NULL) {
		struct ups_id_party *p = f->parties;

		ALV_CHECK(p->ncalls == 0 && p->nqueued == 0);
		f->parties = p->next;
		free(p);
	}
	f->nparties = 0;
}
