/* Connections that have not proved who they are. They are bounded apart from the others, so that a crowd of half-open ones
 * does not take the places of all. Each worker has a list of its own; they are counted together. */
#ifndef PX_CROWD_H
#define PX_CROWD_H

#include <alcove/base.h>

#include <stdatomic.h>

struct px_client;
struct px_worker;

/* The worker's thread alone, but for what the others look at. */
struct px_crowd {
	struct px_client *first, *last;
	uint32_t	  n;
	_Atomic uint64_t  first_us;	/* any thread: when the first one came; 0: there is none */
};

struct px_crowd_place {
	struct px_client *next, *prev;
	bool		  in;
};

/* Where a connection that is coming to w is to be accepted: w; or, where the bound is reached and nobody of w's has had its
 * time, a worker that has such a one. A guess: that one may be gone, or wait for us. w's thread. */
struct px_worker *px_crowd_place(struct px_worker *w);
/* A new one, in its worker's list already. Where limits.connections.unauthenticated.max is reached, one of its worker's crowd
 * that has had its time is closed for it, and if there is none, it is closed itself. */
void px_crowd_join(struct px_client *c);
/* It has proved who it is, or it is closed. Whoever is not in is left alone. */
void px_crowd_leave(struct px_client *c);
/* How many there may be in all. */
uint32_t px_crowd_max(uint32_t unauthenticated_max, uint32_t connections_max);

#endif
