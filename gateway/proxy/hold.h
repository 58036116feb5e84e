/* What one connection keeps in memory, and its place in the budget for that.
 *
 * Counted is what stays between two turns: bytes received and not yet taken, the rest of frames that were admitted,
 * requests in flight with what they were decoded to, answers that wait, bytes that the sockets did not take. PX_FREE of it
 * needs no place: small frames always go on. For all beyond that `reserved` stands in the budget. A frame is admitted
 * before its body is read; what it turned into afterwards is settled, up or down, at the end of each step.
 * Invariant: after px_hold_settle reserved is what the connection keeps beyond PX_FREE. */
#ifndef PX_HOLD_H
#define PX_HOLD_H

#include "proxy/admit.h"

struct px_client;

enum {
	PX_FREE = 128 * 1024,
	/* Who sends large frames sends several: one read then takes what is there of the next ones along, where there is
	 * room for so much at once. Two reads less for each batch of 128 KiB. */
	PX_AHEAD = 256 * 1024
};

/* A side's next frame. */
struct px_intake {
	size_t		size;		/* of the frame that is to come, its four bytes of length included; 0: unknown */
	size_t		room;		/* admitted: so much may be here */
	bool		admitted;
	struct px_wait *wait;
	uint64_t	wait_us;	/* since when */
};

struct px_hold {
	struct px_cell	*cell;		/* NULL until the first reservation */
	size_t		 reserved;
	struct px_intake in, up;	/* requests, responses */
	bool		 in_own, up_own;	/* a side waits until other bytes of this connection have left */
};

/* May the frame be read or taken, now? Asked again for the same frame it says the same. False: not yet; the side is
 * pumped again when it may, or the connection was ended. */
bool px_hold_request(struct px_client *c, size_t size) ALV_MUST;
bool px_hold_response(struct px_client *c, size_t size) ALV_MUST;
/* It was taken: what it has become is counted where it is now. */
void px_hold_taken(struct px_intake *i);
/* How much may be read now of a response that leaves while it comes: `want`, or less where memory is short; 0: nothing
 * before some of what is here has left, the side is pumped again then. Ends with px_hold_taken. */
size_t px_hold_window(struct px_client *c, size_t want) ALV_MUST;
/* n bytes of the window came and went on: they are counted where they are now. */
void px_hold_passed(struct px_client *c, size_t n);
void px_hold_settle(struct px_client *c);
/* Bytes left through a socket: settles, and goes on with what waited for that. */
void px_hold_left(struct px_client *c);
/* No request will be read any more; no response either. */
void px_hold_cancel(struct px_client *c, struct px_intake *i);
void px_hold_fini(struct px_client *c);

#endif
