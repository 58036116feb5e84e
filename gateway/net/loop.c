/* The turn of a loop. Each kind of work has a share of the turn's time; what is left of a batch when that is used up goes
 * first in the next turn, so nobody waits for more than one round of the others, and a storm of one kind holds up none
 * of the others.
 * Invariants: an event is delivered only to a net_fd that was not closed meanwhile (closing takes its events out of the
 * batch at hand); no new events are asked for while some of the last batch are left; a later is linked in at most one
 * list; the loop sleeps only when nothing waits to be run; each share lets one item through at least. */
#include <alcove/check.h>
#include <alcove/clock.h>

#include "net/loop_int.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct net_loop *
net_loop_new(void)
{
	struct net_loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->clock = alv_mono_us;
	l->now = l->clock();
	l->budget_us = NET_TURN_US;
	l->later.last = &l->later.wait;
	l->slow.last = &l->slow.wait;
	l->ep = epoll_create1(EPOLL_CLOEXEC);
	if (l->ep < 0 || net_mail_init(l)) {
		if (l->ep >= 0)
			close(l->ep);
		free(l);
		return NULL;
	}
	return l;
}

void
net_loop_free(struct net_loop *l)
{
	if (l == NULL)
		return;
	net_mail_fini(l);
	close(l->ep);
	free(l);
}

uint64_t
net_loop_now(const struct net_loop *l)
{
	return l->now;
}

void
net_loop_clock(struct net_loop *l, uint64_t (*now_us)(void))
{
	l->clock = now_us;
	l->now = now_us();
}

void
net_loop_budget(struct net_loop *l, uint32_t us)
{
	l->budget_us = us;
}

void
net_loop_share(struct net_loop *l)
{
	uint64_t now = l->clock(), least = now + l->budget_us / 8;

	l->until = l->now + l->budget_us;
	if (l->until < least)
		l->until = least;
}

bool
net_loop_spent(const struct net_loop *l)
{
	return l->clock() >= l->until;
}

const _Atomic uint64_t *
net_loop_pulse(const struct net_loop *l)
{
	return &l->pulse;
}

void
net_loop_hooks(struct net_loop *l, void *arg, void (*before_wait)(void *), void (*after_wait)(void *), void (*end)(void *))
{
	l->hook_arg = arg;
	l->before_wait = before_wait;
	l->after_wait = after_wait;
	l->end = end;
}

/* ---- descriptors -------------------------------------------------------------------------- */

enum alv_err
net_fd_open(struct net_loop *l, struct net_fd *f, int fd, uint32_t events, net_fd_fn fn)
{
	struct epoll_event e = { .events = events, .data.ptr = f };

	*f = (struct net_fd){ .fd = -1, .events = events, .fn = fn, .loop = l };
	if (epoll_ctl(l->ep, EPOLL_CTL_ADD, fd, &e) != 0)
		return ALV_E_SYSTEM;
	f->fd = fd;
	return ALV_OK;
}

void
net_fd_want(struct net_fd *f, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = f };

	if (f->fd < 0 || f->events == events)
		return;
	/* Cannot fail for a descriptor that is registered: it allocates nothing. */
	ALV_CHECK(epoll_ctl(f->loop->ep, EPOLL_CTL_MOD, f->fd, &e) == 0);
	f->events = events;
}

void
net_fd_leave(struct net_fd *f)
{
	struct net_loop *l = f->loop;

	for (int i = l->at; i < l->nready; i++)
		if (l->ready[i].data.ptr == f)
			l->ready[i].data.ptr = NULL;
	/* Explicit: a copy of the descriptor in a forked child would keep it registered. */
	(void)epoll_ctl(l->ep, EPOLL_CTL_DEL, f->fd, NULL);
	f->loop = NULL;
}

void
net_fd_close(struct net_fd *f)
{
	if (f->loop == NULL || f->fd < 0)
		return;
	net_fd_leave(f);
	close(f->fd);
	f->fd = -1;
}

/* ---- later -------------------------------------------------------------------------------- */

static void
join(struct net_queue *q, struct net_later *x)
{
	if (x->queue != NULL)
		return;
	x->queue = q;
	x->next = NULL;
	x->link = q->last;
	*x->link = x;
	q->last = &x->next;
}

void
net_later(struct net_loop *l, struct net_later *x)
{
	join(&l->later, x);
}

void
net_slow(struct net_loop *l, struct net_later *x)
{
	join(&l->slow, x);
}

void
net_later_cancel(struct net_loop *l, struct net_later *x)
{
	(void)l;
	if (x->queue == NULL)
		return;
	*x->link = x->next;
	if (x->next != NULL)
		x->next->link = x->link;
	else if (x->queue->last == &x->next)
		x->queue->last = x->link;
	x->queue = NULL;
}

static void
run_batch(struct net_loop *l, struct net_queue *q)
{
	while (q->run != NULL) {
		struct net_later *x = q->run;

		net_later_cancel(l, x);
		x->fn(x);
		if (net_loop_spent(l))
			return;
	}
}

/* What the last turn left, then what was queued until now. */
static void
run_queue(struct net_loop *l, struct net_queue *q)
{
	run_batch(l, q);
	if (q->run != NULL || q->wait == NULL)
		return;
	q->run = q->wait;
	q->run->link = &q->run;
	q->wait = NULL;
	q->last = &q->wait;
	run_batch(l, q);
}

static void
run_later(struct net_loop *l)
{
	run_queue(l, &l->later);
}

static void
run_slow(struct net_loop *l)
{
	run_queue(l, &l->slow);
}

static bool
waits(const struct net_queue *q)
{
	return q->run != NULL || q->wait != NULL;
}

/* ---- turns -------------------------------------------------------------------------------- */

/* Milliseconds to wait, rounded up so that a timer is due when the wait ends. */
static int
sleep_ms(struct net_loop *l, int most)
{
	uint64_t now, ms;

	if (l->stop || waits(&l->later) || waits(&l->slow) || l->box.open != NULL || l->box.woken)
		return 0;
	if (l->timers == NULL || most == 0)
		return most;
	now = l->clock();
	if (l->timers->at_us <= now)
		return 0;
	ms = (l->timers->at_us - now + 999) / 1000;
	if (ms > INT_MAX)
		ms = INT_MAX;
	return most >= 0 && (uint64_t)most < ms ? most : (int)ms;
}

static void
beat(struct net_loop *l, bool awake)
{
	uint64_t p = atomic_load_explicit(&l->pulse, memory_order_relaxed);

	atomic_store_explicit(&l->pulse, awake ? (p + 1) | 1 : (p | 1) + 1, memory_order_relaxed);
}

static void
wait_ready(struct net_loop *l, int ms)
{
	if (ms != 0)
		beat(l, false);
	if (ms != 0 && l->before_wait != NULL)
		l->before_wait(l->hook_arg);
	l->at = 0;
	l->nready = epoll_wait(l->ep, l->ready, NET_READY_MAX, ms);
	if (l->nready < 0) {
		ALV_CHECK(errno == EINTR);
		l->nready = 0;
	}
	if (ms != 0 && l->after_wait != NULL)
		l->after_wait(l->hook_arg);
}

static void
run_ready(struct net_loop *l)
{
	while (l->at < l->nready) {
		struct epoll_event *e = &l->ready[l->at++];
		struct net_fd	   *f = e->data.ptr;

		if (f == NULL)
			continue;
		f->fn(f, e->events);
		if (net_loop_spent(l))
			return;
	}
}

/* One lane of a turn. The clock is only read for one in which there is something to do. */
static void
run_lane(struct net_loop *l, bool any, void (*run)(struct net_loop *))
{
	if (!any)
		return;
	net_loop_share(l);
	run(l);
}

void
net_loop_turn(struct net_loop *l, int wait_ms)
{

	if (l->at == l->nready)
		wait_ready(l, sleep_ms(l, wait_ms));
	beat(l, true);
	l->now = l->clock();
	run_lane(l, l->timers != NULL && l->timers->at_us <= l->now, net_timers_run);
	run_lane(l, l->at < l->nready, run_ready);
	run_lane(l, l->box.open != NULL || l->box.woken, net_mail_run);
	run_lane(l, waits(&l->later), run_later);
	run_lane(l, waits(&l->slow), run_slow);
	if (l->end != NULL)
		l->end(l->hook_arg);
}

void
net_loop_run(struct net_loop *l)
{
	while (!l->stop)
		net_loop_turn(l, -1);
	l->stop = false;
}

void
net_loop_stop(struct net_loop *l)
{
	l->stop = true;
}
