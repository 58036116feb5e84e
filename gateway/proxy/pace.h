/* How long a connection may take for what it does: handshakes and logins, requests that arrive, answers that it takes. */
#ifndef PX_PACE_H
#define PX_PACE_H

#include <alcove/base.h>

struct px_client;
struct net_timer;

/* One direction, looked at window by window. */
struct px_pace {
	uint64_t at_us;		/* the window's beginning; 0: nothing is under way */
	uint64_t moved;		/* bytes of the direction until then */
	uint64_t owed;		/* and how many were to come */
	uint64_t slow_us;	/* the beginning of the first window in a row that was too slow; 0: the last was not */
};

void px_pace_begin(struct px_pace *p, uint64_t now_us, uint64_t moved, uint64_t owed);
/* Closes the window if it is over. */
void px_pace_roll(struct px_pace *p, uint64_t now_us, uint64_t window_us, uint32_t rate, uint64_t moved, uint64_t owed);

/* Arms the connection's timer for what is due first. */
void px_client_watch(struct px_client *c);
/* The timer's function: closes what is overdue. */
void px_client_overdue(struct net_timer *t);

#endif
