/* How the process goes: not ready any more, then no new connections, then the old ones end, then it ends.
 *
 *   SERVING --begin--> LEAVING --delay--> DRAINING --nothing left, or grace--> OVER
 *                         |                   |                                  ^
 *                         +----- begin -------+----------------------------------+
 *
 * LEAVING is for those who send us clients: they see readiness and need a moment to learn of it. */
#ifndef LIFE_DRAIN_H
#define LIFE_DRAIN_H

#include "net/loop.h"

enum lif_phase { LIF_SERVING, LIF_LEAVING, LIF_DRAINING, LIF_OVER };

struct lif_drain {
	/* set by the caller */
	struct net_loop *loop;
	uint32_t	 delay_ms, grace_ms;
	void (*close)(void *arg, uint32_t grace_ms);	/* listen no more, end what is there within grace_ms */
	uint32_t (*left)(void *arg);	/* connections */
	void (*over)(void *arg);	/* end: at once */
	void		*arg;
	/* its own */
	struct net_timer timer;
	enum lif_phase	 phase;
	uint64_t	 until_us;
};

void lif_drain_init(struct lif_drain *d);
/* A second time: over now. */
void lif_drain_begin(struct lif_drain *d);

#endif
