/* Which connection should go to which worker. Pure: numbers in, a choice out. */
#ifndef PX_BALANCE_H
#define PX_BALANCE_H

#include <alcove/base.h>

enum {
	PX_HEAVY_MAX = 64,			/* connections of one worker that are candidates */
	PX_HEAVY_BYTES = 1024 * 1024,		/* what makes one of a connection, in a second */
	PX_REQUEST_BYTES = 20 * 1024,		/* a request costs as much as so many bytes */
	PX_BUSY_PERMILLE = 700			/* of its time: such a worker shows less than what is wanted of it */
};

/* A worker in its last second. */
struct px_load {
	uint64_t bytes;	/* payload both ways, and PX_REQUEST_BYTES for each request */
	unsigned heavy;	/* connections that made a good part of it */
	unsigned busy;	/* permille of the time that its loop worked */
};

/* Of worker `self`'s own candidates, whose loads are in cost[0..n), which one should go, and *to which worker; -1: none.
 * A cost of 0 is one that may not go. */
int px_balance_choose(const struct px_load *all, unsigned nworkers, unsigned self, const uint64_t *cost, size_t n,
    unsigned *to);

#endif
