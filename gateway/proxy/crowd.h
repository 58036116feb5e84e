/* Connections of a worker that have not proved who they are. They are bounded apart from the others, so that a crowd of
 * half-open ones does not take the places of all. */
#ifndef PX_CROWD_H
#define PX_CROWD_H

#include <alcove/base.h>

struct px_client;
struct px_worker;

/* The worker's thread alone. */
struct px_crowd {
	struct px_client *first, *last;
	uint32_t	  n;
};

struct px_crowd_place {
	struct px_client *next, *prev;
	bool		  in;
};

/* A new one, in its worker's list already. Where limits.connections.unauthenticated.max is reached, one of the crowd that
 * has had its time is closed for it, and if there is none, it is closed itself. */
void px_crowd_join(struct px_client *c);
/* It has proved who it is, or it is closed. Whoever is not in is left alone. */
void px_crowd_leave(struct px_client *c);
/* How many one worker may have: its equal part, rounded up. */
uint32_t px_crowd_share(uint32_t unauthenticated_max, uint32_t connections_max, unsigned nworkers);

#endif
