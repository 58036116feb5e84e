/* One request from its last byte's arrival to its last byte's departure.
 *
 *            px_req_new            px_req_judged (FORWARD)        px_up_send
 *   frame ──────────────▶ JUDGING ────────────────────────▶ READY ───────────▶ SENT
 *                        │   │ ▲                                                │ px_up_answer
 *              (ANSWER)  │   │ │ resumed                          (WAIT learn)  │
 *                        │   ▼ │                                  ┌─────────────┤
 *                        │  PARKED ◀──────────────────────────────┘             │
 *                        ▼   │                                                  ▼
 *                       DONE ◀──────────────────────────────────────────────────┘
 *                        │ px_inflight_flush: in the order of arrival
 *                        ▼
 *                      freed
 *
 * An answer that leaves while it comes (pass.c) is SENT until its last byte was fed.
 *
 * Invariants: every request but a forwarded acks=0 produce is a link of its client's in-flight list from px_req_new
 * on; only px_req_move changes a state; at most one request of a client is JUDGING, PARKED before its judgement, or
 * READY at any time (it is client->current), so at most one is parsed ahead of what was forwarded. */
#ifndef PX_REQUEST_H
#define PX_REQUEST_H

#include "api/call.h"

struct px_client;
struct px_worker;

enum px_req_state { PX_REQ_JUDGING, PX_REQ_PARKED, PX_REQ_READY, PX_REQ_SENT, PX_REQ_DONE, PX_REQ_STATES };

struct px_request {
	uint32_t	   magic;
	enum px_req_state  state;
	struct px_client  *client;
	struct px_request *next;	/* in flight, oldest first */
	struct api_call	   call;
	struct alv_chain   body;	/* views into the receive buffers, until the request left */
	uint64_t	   sent_us, answered_us;	/* what lies between them is the broker's */
	size_t		   weight;	/* its share of the list's */
	struct pol_slot	  *counted;	/* among whose requests in flight it is; NULL: nobody counts */
	size_t		   pass_n;	/* of an answer that leaves while it comes: the broker's body */
	bool		   headed;	/* the head of its answer was sent */
};

struct px_inflight {
	struct px_request *head, *tail;
	unsigned	   n;
	size_t		   weight;	/* bytes that they keep: arenas and answers that wait */
};

struct px_request *px_req_new(struct px_client *c) ALV_MUST;
void		   px_req_free(struct px_request *r);
void		   px_req_free_spare(struct px_worker *w);	/* at the worker's end */
void		   px_req_move(struct px_request *r, enum px_req_state to);

/* Bytes that it keeps: itself, its arena, and its frame or what that became. */
size_t px_req_weight(const struct px_request *r);

void px_inflight_add(struct px_inflight *q, struct px_request *r);
/* Weighs one of the list anew: after whatever made it larger or smaller. */
void px_inflight_weigh(struct px_inflight *q, struct px_request *r);
/* The oldest one whose answer a broker owes us; NULL: none. */
struct px_request *px_inflight_expected(const struct px_inflight *q);
/* Takes the oldest out when it is DONE; NULL otherwise. */
struct px_request *px_inflight_take_done(struct px_inflight *q);
void px_inflight_remove(struct px_inflight *q, struct px_request *r);
void px_inflight_clear(struct px_inflight *q);

#endif
