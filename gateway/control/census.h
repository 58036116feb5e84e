/* Keeps the book of what tenants have (alcove/tally.h) in step with what brokers list. Control thread only. */
#ifndef CON_CENSUS_H
#define CON_CENSUS_H

#include <alcove/policy.h>
#include <alcove/tally.h>

#include <stdatomic.h>

#include "net/loop.h"

struct ups_follower;

struct con_census {
	/* the caller's, before con_census_init */
	struct net_loop	    *loop;
	struct ups_follower *follower;
	struct pol_dir	    *dir;
	struct tal_book	    *book;
	/* its own */
	_Atomic uint32_t     interval_ms;
	struct net_timer     timer;
	unsigned	     asked;	/* UPS_CENSUS_*: of the one under way */
	uint32_t	     began_s;
	unsigned	     unknown;	/* of the last one: told once */
};

/* The first one begins as soon as the cluster is reached. */
void con_census_init(struct con_census *c, uint32_t interval_ms);
void con_census_configure(struct con_census *c, uint32_t interval_ms);	/* from the next one on; any thread */
/* After the follower's end. */
void con_census_stop(struct con_census *c);

#endif
