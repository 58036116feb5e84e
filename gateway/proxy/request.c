/* Requests and the list of those in flight. See request.h for the states. */
#include "proxy/request.h"

#include <alcove/check.h>

#include <stdlib.h>

#include "proxy/client.h"
#include "proxy/worker.h"

enum {
	PX_REQ_MAGIC = 0x50785271,
	ARENA_LEAST = 1024,
	SPARE_MAX = 64		/* requests that a worker keeps for the next ones */
};

/* Which states may follow which: bit sets of 1 << state. */
static const uint8_t may_follow[PX_REQ_STATES] = {
	[PX_REQ_JUDGING] = 1 << PX_REQ_PARKED | 1 << PX_REQ_READY | 1 << PX_REQ_DONE,
	[PX_REQ_PARKED] = 1 << PX_REQ_JUDGING | 1 << PX_REQ_DONE,
	[PX_REQ_READY] = 1 << PX_REQ_SENT,
	[PX_REQ_SENT] = 1 << PX_REQ_PARKED | 1 << PX_REQ_DONE,
	[PX_REQ_DONE] = 0,
};

struct px_request *
px_req_new(struct px_client *c)
{
	struct px_worker  *w = c->worker;
	struct px_request *r = w->spare;

	if (r != NULL) {
		w->spare = r->next;
		w->nspare--;
		r->next = NULL;
	} else {
		r = calloc(1, sizeof(*r));
	}
	if (r == NULL)
		return NULL;
	r->magic = PX_REQ_MAGIC;
	r->client = c;
	r->state = PX_REQ_JUDGING;
	r->call.conn = &c->conn;
	r->call.begun_us = net_loop_now(w->loop);
	r->call.arena.limit = w->gateway->conf->limits.arena_max_bytes;
	alv_chain_init(&r->call.out, w->pool);
	alv_chain_init(&r->body, w->pool);
	return r;
}

/* Kept for the next request, with a piece of memory for what that will need: most are small. Not where what is used after
 * it was freed is to be seen. */
static bool
spared(struct px_worker *w, struct px_request *r)
{
#ifdef ALV_PARANOID
	return false;
#endif
	if (w->nspare == SPARE_MAX)
		return false;
	api_call_reset(&r->call);
	r->magic = 0;
	r->next = w->spare;
	r->sent_us = r->answered_us = 0;
	r->weight = r->pass_n = 0;
	r->headed = false;
	w->spare = r;
	w->nspare++;
	return true;
}

void
px_req_free(struct px_request *r)
{
	ALV_CHECK_OBJ(r, PX_REQ_MAGIC);
	alv_chain_clear(&r->body);
	if (spared(r->client->worker, r))
		return;
	api_call_fini(&r->call);
	r->magic = 0;
	free(r);
}

void
px_req_free_spare(struct px_worker *w)
{
	struct px_request *r;

	while ((r = w->spare) != NULL) {
		w->spare = r->next;
		api_call_fini(&r->call);
		free(r);
	}
}

void
px_req_move(struct px_request *r, enum px_req_state to)
{
	ALV_CHECK_OBJ(r, PX_REQ_MAGIC);
	ALV_CHECK(may_follow[r->state] & 1 << to);
	r->state = to;
}

size_t
px_req_weight(const struct px_request *r)
{
	size_t out = r->call.out.n, n = sizeof(*r) + r->call.arena.used + r->call.kept.n;

	if (r->call.arena.head != NULL)
		n += ARENA_LEAST;
	/* What goes to the broker mostly views the frame. An answer, however small, has a block. */
	if (out > 0 && out < ALV_BLOCK_SMALL)
		out = ALV_BLOCK_SMALL;
	return n + (out > r->body.n ? out : r->body.n);
}

void
px_inflight_add(struct px_inflight *q, struct px_request *r)
{
	const struct api_conn *conn = r->call.conn;

	ALV_CHECK_OBJ(r, PX_REQ_MAGIC);
	r->next = NULL;
	if (q->tail == NULL)
		q->head = r;
	else
		q->tail->next = r;
	q->tail = r;
	q->n++;
	if (conn->auth == API_AUTH_DONE && pol_slot_take_off(conn->slot, r->call.request_bytes))
		r->counted = conn->slot;
}

void
px_inflight_weigh(struct px_inflight *q, struct px_request *r)
{
	q->weight -= r->weight;
	r->weight = px_req_weight(r);
	q->weight += r->weight;
}

struct px_request *
px_inflight_expected(const struct px_inflight *q)
{
	struct px_request *r = q->head;

	while (r != NULL && r->state != PX_REQ_SENT)
		r = r->next;
	return r;
}

void
px_inflight_remove(struct px_inflight *q, struct px_request *r)
{
	struct px_request *prev = NULL, *x = q->head;

	while (x != NULL && x != r) {
		prev = x;
		x = x->next;
	}
	ALV_CHECK(x == r);
	if (prev == NULL)
		q->head = r->next;
	else
		prev->next = r->next;
	if (q->tail == r)
		q->tail = prev;
	q->n--;
	q->weight -= r->weight;
	r->weight = 0;
	if (r->counted != NULL)
		pol_slot_land(r->counted, r->call.request_bytes);
	r->counted = NULL;
}

struct px_request *
px_inflight_take_done(struct px_inflight *q)
{
	struct px_request *r = q->head;

	if (r == NULL || r->state != PX_REQ_DONE)
		return NULL;
	px_inflight_remove(q, r);
	return r;
}

void
px_inflight_clear(struct px_inflight *q)
{
	while (q->head != NULL) {
		struct px_request *r = q->head;

		px_inflight_remove(q, r);
		px_req_free(r);
	}
}
