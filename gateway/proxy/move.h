/* Connections go from a busy worker to another one. Worker's thread but where said. */
#ifndef PX_MOVE_H
#define PX_MOVE_H

#include "net/loop.h"
#include "proxy/balance.h"

#include <stdatomic.h>

struct px_client;
struct px_worker;

/* In a worker. */
struct px_mover {
	uint32_t	  second;	/* number of the current one */
	uint64_t	  bytes, busy_us;	/* in it */
	unsigned	  nheavy, told_heavy;
	struct px_client *heavy[PX_HEAVY_MAX];	/* who made PX_HEAVY_BYTES in it */
	struct px_client *held;		/* is to go, and waits for a quiet moment; NULL: none */
	unsigned	  to;
	uint64_t	  until_us, rest_until_us;
	struct net_timer  timer;
	/* read and adjusted by others */
	_Atomic uint64_t  load;
	_Atomic unsigned  heavies, busy;
	_Atomic bool	  closed;	/* nobody may come any more */
	_Atomic unsigned  coming;	/* are in the mail */
};

/* In a client. */
struct px_moving {
	uint32_t second;	/* in which cost was made */
	uint16_t in_a_row;	/* seconds in which it was heavy */
	uint8_t	 times;		/* it moved */
	bool	 held;		/* takes no request: it is to go */
	uint64_t cost;
	uint64_t stays_until_us;
};

void px_mover_init(struct px_worker *w);
/* So many bytes, and requests, were moved for c. */
void px_mover_count(struct px_client *c, uint64_t bytes, unsigned requests);
/* Once a second: publishes the load, and perhaps picks a connection. */
void px_mover_second(struct px_worker *w);
/* c is about to leave the worker's list. */
void px_mover_forget(struct px_worker *w, const struct px_client *c);
/* Ends: nobody leaves and nobody comes any more. True: nobody is in the mail either. */
bool px_mover_close(struct px_worker *w);

#endif
