/* See drain.h. Invariant: over is called once. */
#include "life/drain.h"

enum { LOOK_US = 20 * 1000 };

static void
move(struct lif_drain *d, enum lif_phase to)
{
	uint64_t now = net_loop_now(d->loop);

	d->phase = to;
	switch (to) {
	case LIF_LEAVING:
		d->until_us = now + d->delay_ms * 1000ull;
		net_timer_set(&d->timer, d->until_us);
		break;
	case LIF_DRAINING:
		d->until_us = now + d->grace_ms * 1000ull;
		net_timer_set(&d->timer, now + LOOK_US);
		d->close(d->arg, d->grace_ms);
		break;
	case LIF_OVER:
		net_timer_stop(&d->timer);
		d->over(d->arg);
		break;
	case LIF_SERVING:
		break;
	}
}

static void
on_timer(struct net_timer *t)
{
	struct lif_drain *d = ALV_HOLDER(t, struct lif_drain, timer);
	uint64_t	  now = net_loop_now(d->loop);

	if (d->phase == LIF_LEAVING)
		move(d, LIF_DRAINING);
	else if (d->left(d->arg) == 0 || now >= d->until_us)
		move(d, LIF_OVER);
	else
		net_timer_set(t, now + LOOK_US);
}

void
lif_drain_init(struct lif_drain *d)
{
	d->phase = LIF_SERVING;
	net_timer_init(d->loop, &d->timer, on_timer);
}

void
lif_drain_begin(struct lif_drain *d)
{
	if (d->phase == LIF_SERVING)
		move(d, d->delay_ms > 0 ? LIF_LEAVING : LIF_DRAINING);
	else if (d->phase != LIF_OVER)
		move(d, LIF_OVER);
}
