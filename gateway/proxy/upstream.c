/* The upstream half of a client connection: opened late, by the first request that a broker must answer; one broker;
 * closed with the client. */
#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include "proxy/client.h"
#include "proxy/worker.h"

enum { UP_IN_MAX_BYTES = 64 * 1024, UP_HEAD_BYTES = 4096, UP_TRIES_MAX = 8 };

static const struct ups_link_ops link_ops;

/* ---- opening --------------------------------------------------------------------------------------- */

/* The endpoint's broker, or for a bootstrap connection the next one in turn; once chosen it stays. */
static const struct clu_broker *
pick_broker(struct px_client *c, const struct clu_view *v)
{
	int32_t			 node = c->conn.node >= 0 ? c->conn.node : c->conn.broker;
	const struct clu_broker *b = v == NULL || node < 0 ? NULL : clu_broker_find(v, node);

	if (b == NULL && v != NULL && v->nbrokers > 0 && c->conn.node < 0)
		b = &v->brokers[c->worker->next_broker++ % v->nbrokers];
	c->conn.broker = b == NULL ? -1 : b->id;
	return b;
}

bool
px_up_choose(struct px_client *c)
{
	return c->conn.broker >= 0 || pick_broker(c, clu_board_load(c->worker->gateway->shared.board)) != NULL;
}

static void
open_link(struct px_client *c)
{
	struct px_worker	*w = c->worker;
	const struct clu_broker *b = pick_broker(c, clu_board_load(w->gateway->shared.board));
	uint64_t		 who = alv_hash(c->conn.tenant, strlen(c->conn.tenant), 0);
	char			 host[256];

	if (b == NULL || b->host.n >= sizeof(host)) {
		px_client_end(c, MET_CLOSE_NO_BROKER);
		return;
	}
	memcpy(host, b->host.p, b->host.n);
	host[b->host.n] = '\0';
	c->up_state = PX_UP_OPENING;
	c->up_tries++;
	if (ups_link_open_for(&c->up, &w->ups, host, b->port, who, &link_ops, c)) {
		c->up_state = PX_UP_NONE;
		px_client_end(c, MET_CLOSE_INTERNAL);
		return;
	}
	met_upstream(w->api.meter, 1);
}

/* A bootstrap connection may land on a broker that died a moment ago. Nothing was said yet, so another one will do, once
 * around: as a client goes through its bootstrap servers. */
static bool
goes_on_elsewhere(const struct px_client *c, enum ups_end end)
{
	const struct clu_view *v = clu_board_load(c->worker->gateway->shared.board);

	return c->conn.node < 0 && c->state == PX_SERVING && c->up_tries > 0 && end != UPS_END_OURS && v != NULL &&
	    c->up_tries < v->nbrokers && c->up_tries < UP_TRIES_MAX;
}

/* ---- requests out -------------------------------------------------------------------------------------- */

static void
write_request(struct px_client *c, struct px_request *r)
{
	struct api_call	     *call = &r->call;
	struct kfk_req_header h = call->hdr;
	struct alv_chain      frame;

	h.key = call->up_key;
	h.version = call->up_version;
	h.client_id = call->up_client_id;
	alv_chain_init(&frame, c->worker->pool);
	if (!call->framed)
		kfk_req_header_write(&frame, &h, call->out.n);
	alv_chain_move(&frame, &call->out);
	alv_chain_clear(&r->body);
	if (frame.err) {
		alv_chain_clear(&frame);
		px_client_close(c, MET_CLOSE_INTERNAL, false);
		return;
	}
	net_stream_send(&c->up.stream, &frame);
}

/* The session at the broker ends soon, or did while nothing was sent: the login comes first, and before it what the broker
 * still owes. True: it is not the request's turn yet. */
static bool
renews(struct px_client *c)
{
	if (c->up.reauth_at_us == 0 || net_loop_now(c->worker->loop) < c->up.reauth_at_us)
		return false;
	if (px_inflight_expected(&c->inflight) == NULL) {
		c->up_state = PX_UP_OPENING;
		ups_link_renew(&c->up);
	}
	return true;
}

void
px_up_send(struct px_client *c)
{
	struct px_request *r = c->current;

	if (r == NULL || r->state != PX_REQ_READY || c->state != PX_SERVING)
		return;
	if (c->up_state == PX_UP_NONE)
		open_link(c);
	if (c->up_state != PX_UP_READY || net_stream_full(&c->up.stream) || renews(c))
		return;
	c->current = NULL;
	r->sent_us = net_loop_now(c->worker->loop);
	px_req_move(r, PX_REQ_SENT);
	write_request(c, r);
	if (r->call.no_response)
		px_req_free(r);
}

/* ---- responses in ---------------------------------------------------------------------------------------- */

/* While a broker's gate is shut, the log has said why, once; the clients that meet it are many. */
static void
fail(struct px_client *c, enum met_close why, const char *words)
{
	alv_log(c->up.turned_away ? ALV_LOG_DEBUG : ALV_LOG_WARN, "broker connection failed", ALV_KV_Z("reason", met_close_text(why)), ALV_KV_Z("detail", words),
	    ALV_KV_I("node", c->conn.node), ALV_KV_Z("tenant", c->conn.tenant));
	px_client_close(c, why, true);
}

bool
px_up_header(struct px_client *c, const struct px_request *r, const struct alv_chain *in, size_t *n)
{
	int32_t	     correlation;
	enum alv_err err = kfk_rsp_header_read(in, r->call.up_key, r->call.up_version, &correlation, n);

	if (err)
		fail(c, MET_CLOSE_UPSTREAM_MALFORMED, alv_err_text(err));
	else if (correlation != r->call.hdr.correlation_id)
		fail(c, MET_CLOSE_UPSTREAM_ORDER, "another correlation id");
	else
		return true;
	return false;
}

static void
take_answer(struct px_client *c, struct px_request *r, struct alv_chain *frame)
{
	size_t size;

	if (r == NULL) {
		fail(c, MET_CLOSE_UPSTREAM_ORDER, "a response nobody waits for");
		return;
	}
	if (!px_up_header(c, r, frame, &size))
		return;
	met_answered(c->worker->api.meter, r->call.up_key, frame->n + 4);
	r->answered_us = net_loop_now(c->worker->loop);
	c->worker->api.now_us = r->answered_us;
	alv_chain_drop(frame, size);
	atomic_store_explicit(&c->worker->doing, r->call.hdr.key + 1, memory_order_relaxed);
	px_judge_response(r, api_response(&r->call, frame));
	if (c->state != PX_CLOSED)
		px_client_flush(c);
}

/* What is read of a response before its size is known, and admitted: little when the client has not taken the last one, so
 * that both together are not more than PX_FREE. */
static size_t
unasked_max(const struct px_client *c)
{
	return net_stream_left(&c->stream) > PX_FREE - UP_IN_MAX_BYTES ? UP_HEAD_BYTES : UP_IN_MAX_BYTES;
}

static uint32_t
response_max(const struct px_client *c)
{
	const struct px_gateway *g = c->worker->gateway;

	return px_budget_lowered(g->budget, g->conf->limits.response_max_bytes);
}

/* One response out of `in`, if it is whole; or what there is of one that need not be. */
static bool
take_frame(struct px_client *c)
{
	struct px_request *r = px_inflight_expected(&c->inflight);
	struct net_stream *s = &c->up.stream;
	uint32_t	   size;
	struct alv_chain   frame;
	enum alv_err	   err;

	if (c->passing != NULL)
		return px_pass_part(c);
	err = kfk_frame_size(&s->in, r != NULL && api_streams(&r->call) ? INT32_MAX : response_max(c), &size);
	if (!err && r != NULL && px_pass_suits(r, size))
		return px_pass_begin(c, r, size);

	if (err == ALV_E_LIMIT) {
		fail(c, MET_CLOSE_UPSTREAM_MALFORMED, "a response over limits response.max.bytes");
		return false;
	}
	if (err == ALV_OK && !px_hold_response(c, size + (size_t)4)) {
		s->in_max = 0;
		return false;
	}
	if (err == ALV_E_MORE || s->in.n - 4 < size) {
		s->in_max = unasked_max(c);
		if (err == ALV_OK && size + (size_t)4 > s->in_max)
			s->in_max = size + (size_t)4;
		return false;
	}
	px_hold_taken(&c->hold.up);
	alv_chain_init(&frame, c->worker->pool);
	alv_chain_drop(&s->in, 4);
	alv_chain_cut(&frame, &s->in, size);
	px_mover_count(c, size, 0);
	take_answer(c, r, &frame);
	alv_chain_clear(&frame);
	return true;
}

static void
read_answers(struct px_client *c)
{
	while (c->state != PX_CLOSED && c->up_state == PX_UP_READY && !net_stream_full(&c->stream))
		if (!take_frame(c))
			break;
	if (c->state == PX_CLOSED || c->up_state != PX_UP_READY)
		return;
	/* The client does not read: neither do we. */
	c->up_paused = net_stream_full(&c->stream) || c->pass_waits;
	if (c->up_paused)
		c->up.stream.in_max = 0;
	px_up_send(c);	/* what waited for the last answer before a new login */
	if (net_loop_spent(c->worker->loop)) {	/* a large answer was enough for this turn */
		px_hold_settle(c);
		net_later(c->worker->loop, &c->again);
		return;
	}
	px_client_pump(c);
}

void
px_up_resume(struct px_client *c)
{
	if (!c->up_paused || c->up_state != PX_UP_READY)
		return;
	c->up_paused = c->pass_waits = false;
	c->up.stream.in_max = UP_IN_MAX_BYTES;
	read_answers(c);
	if (c->up_state == PX_UP_READY)
		net_stream_more(&c->up.stream);
}

void
px_up_admitted(struct px_client *c)
{
	if (c->up_state != PX_UP_READY || c->up_paused) {
		px_hold_settle(c);
		return;
	}
	read_answers(c);
	if (c->up_state == PX_UP_READY)
		net_stream_more(&c->up.stream);
}

/* ---- the link's events -------------------------------------------------------------------------------------- */

static void
on_ready(struct ups_link *l)
{
	struct px_client *c = l->owner;

	if (c->up_state != PX_UP_OPENING)
		return;
	c->up_state = PX_UP_READY;
	c->up_tries = 0;
	l->stream.in_max = UP_IN_MAX_BYTES;
	l->stream.high_water = c->worker->gateway->conf->limits.out_max_bytes;
	px_up_send(c);
	px_client_pump(c);
}

static void
on_data(struct ups_link *l)
{
	read_answers(l->owner);
}

static void
on_drained(struct ups_link *l)
{
	struct px_client *c = l->owner;

	px_up_send(c);
	px_client_pump(c);
}

static void
on_wrote(struct ups_link *l)
{
	struct px_client *c = l->owner;

	px_hold_left(c);
}

static const enum met_close reason_of_end[] = {
	[UPS_END_CONNECT] = MET_CLOSE_UPSTREAM_CONNECT,
	[UPS_END_TLS] = MET_CLOSE_UPSTREAM_CONNECT,
	[UPS_END_AUTH] = MET_CLOSE_UPSTREAM_AUTH,
	[UPS_END_EOF] = MET_CLOSE_UPSTREAM_EOF,
	[UPS_END_MALFORMED] = MET_CLOSE_UPSTREAM_MALFORMED,
	[UPS_END_TIMEOUT] = MET_CLOSE_UPSTREAM_CONNECT,
	[UPS_END_OURS] = MET_CLOSE_UPSTREAM_EOF,
};

static void
on_closed(struct ups_link *l, enum ups_end end, const char *words)
{
	struct px_client *c = l->owner;
	bool		  turned_away;

	c->up_state = PX_UP_CLOSED;
	met_upstream(c->worker->api.meter, -1);
	turned_away = l->turned_away;
	ups_link_fini(l);
	if (goes_on_elsewhere(c, end)) {
		alv_log(ALV_LOG_DEBUG, "another broker is tried", ALV_KV_Z("detail", words), ALV_KV_Z("tenant", c->conn.tenant));
		c->up_state = PX_UP_NONE;
		c->conn.broker = -1;
		px_up_send(c);
		return;
	}
	c->up.turned_away = turned_away;
	if (c->state != PX_CLOSED)
		fail(c, reason_of_end[end], words);
	else
		px_client_gone(c);
}

static const struct ups_link_ops link_ops = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_drained = on_drained,
	.on_closed = on_closed,
	.on_wrote = on_wrote,
};

void
px_up_close(struct px_client *c)
{
	if (c->up_state != PX_UP_OPENING && c->up_state != PX_UP_READY)
		return;
	/* A client that left of its own will may have spoken without waiting for an answer. */
	if (c->why == MET_CLOSE_CLIENT_EOF)
		ups_link_finish(&c->up);
	else
		ups_link_close(&c->up);
}

/* A broker that left the cluster takes its connections along, as when it stops; so do all, when what answers at their
 * addresses is another cluster. */
void
px_up_check(struct px_client *c)
{
	const struct clu_view *v = clu_board_load(c->worker->gateway->shared.board);

	if (v != NULL && v->nbrokers == 0 && c->up_state != PX_UP_NONE)
		px_client_close(c, MET_CLOSE_NO_BROKER, true);
	else if (c->conn.node >= 0 && c->conn.auth == API_AUTH_DONE && v != NULL && clu_broker_find(v, c->conn.node) == NULL)
		px_client_close(c, MET_CLOSE_NO_BROKER, true);
}
