/* A client connection's life: accepted, served, ended. See client.h.
 *
 *            on_open             px_client_end            nothing in flight
 *   OPENING ─────────▶ SERVING ───────────────▶ ENDING ─────────────────────▶ CLOSED ──▶ freed
 *      │                  │                        │   px_client_close           ▲
 *      └──────────────────┴────────────────────────┴─────────────────────────────┘
 *
 * Invariants: the first reason stays; the object is freed only after both streams reported their end and nothing that
 * was sent away (a job, a question) still points here; it is freed at the end of a turn. */
#include "proxy/client.h"

#include <alcove/check.h>
#include <alcove/log.h>

#include <stdlib.h>
#include <unistd.h>

#include "proxy/endpoint.h"
#include "proxy/tap.h"
#include "proxy/worker.h"

enum { PX_CLIENT_MAGIC = 0x5078436c };

static const struct net_stream_ops stream_ops;

/* ---- end ------------------------------------------------------------------------------------------ */

static void
log_close(const struct px_client *c)
{
	const struct net_stream *s = &c->stream;
	uint64_t		 now = net_loop_now(c->worker->loop);

	alv_log(met_close_fault(c->why) == 0 ? ALV_LOG_DEBUG : ALV_LOG_INFO, "connection closed",
	    ALV_KV_Z("reason", met_close_text(c->why)), ALV_KV_Z("detail", c->words), ALV_KV_Z("tenant", c->conn.tenant),
	    ALV_KV_Z("user", c->conn.user), ALV_KV_Z("certificate", net_shown_subject(c->shown)), ALV_KV_Z("peer", c->conn.host),
	    ALV_KV_I("node", c->conn.node),
	    ALV_KV_I("age_ms", (now - c->opened_us) / 1000), ALV_KV_I("bytes_in", s->bytes_in),
	    ALV_KV_I("bytes_out", s->bytes_out));
}

static void
release(struct net_later *l)
{
	struct px_client *c = ALV_HOLDER(l, struct px_client, later);
	struct px_worker *w = c->worker;

	ALV_CHECK_OBJ(c, PX_CLIENT_MAGIC);
	if (c->current != NULL && c->current->call.no_response)
		px_req_free(c->current);
	px_inflight_clear(&c->inflight);
	px_hold_fini(c);
	api_conn_fini(&c->conn);
	net_timer_stop(&c->timer);
	net_timer_stop(&c->unmute);
	net_later_cancel(w->loop, &c->again);
	net_stream_fini(&c->stream);
	px_worker_forget(w, c);
	net_shown_drop(c->shown);
	c->magic = 0;
	free(c);
	atomic_fetch_sub_explicit(&w->connections, 1, memory_order_relaxed);
	atomic_fetch_sub(&w->gateway->connections, 1);
	met_connection(w->api.meter, -1);
	px_worker_perhaps_over(w);
}

void
px_client_gone(struct px_client *c)
{
	if (c->state == PX_CLOSED && c->stream_gone && c->away == 0 &&
	    (c->up_state == PX_UP_NONE || c->up_state == PX_UP_CLOSED))
		net_later(c->worker->loop, &c->later);
}

void
px_unaway(struct px_client *c)
{
	ALV_CHECK(c->away > 0);
	c->away--;
	px_client_gone(c);
}

static void
note_reason(struct px_client *c, enum met_close why)
{
	if (c->state == PX_ENDING || c->state == PX_CLOSED)
		return;
	c->why = why;
}

/* What of the next request is here already is not kept. */
static void
stop_reading(struct px_client *c)
{
	px_hold_cancel(c, &c->hold.in);
	c->stream.in_max = 0;
	alv_chain_clear(&c->stream.in);
}

void
px_client_close(struct px_client *c, enum met_close why, bool flush)
{
	if (c->state == PX_CLOSED)
		return;
	note_reason(c, why);
	c->state = PX_CLOSED;
	px_crowd_leave(c);
	px_late_drop(c);
	net_timer_stop(&c->timer);
	net_timer_stop(&c->unmute);
	stop_reading(c);
	px_hold_cancel(c, &c->hold.up);
	met_closed(c->worker->api.meter, c->why);
	log_close(c);
	px_up_close(c);
	if (!c->stream_gone)
		net_stream_close(&c->stream, flush);
	px_client_gone(c);
}

static void
close_when_answered(struct px_client *c)
{
	if (c->state == PX_ENDING && c->inflight.n == 0)
		px_client_close(c, c->why, true);
}

void
px_client_end(struct px_client *c, enum met_close why)
{
	if (c->state == PX_ENDING || c->state == PX_CLOSED)
		return;
	note_reason(c, why);
	c->state = PX_ENDING;
	px_late_drop(c);
	stop_reading(c);
	c->ending_us = net_loop_now(c->worker->loop);
	net_timer_set(&c->timer, c->ending_us + PX_ENDING_US);
	/* What was not sent yet never will be. */
	if (c->current != NULL) {
		if (!c->current->call.no_response)
			px_inflight_remove(&c->inflight, c->current);
		if (c->away == 0) {
			px_req_free(c->current);
			c->current = NULL;
		} else {
			c->current->call.no_response = true;	/* release frees it */
		}
	}
	close_when_answered(c);
}

/* ---- answers out --------------------------------------------------------------------------------------- */

void
px_client_send(struct px_client *c, struct px_request *r, size_t body_n)
{
	struct api_call *call = &r->call;
	struct alv_chain frame;

	if (r->headed && call->out.n == 0)
		return;
	alv_chain_init(&frame, c->worker->pool);
	if (call->framed) {
		;	/* with all that belongs in front */
	} else if (call->raw) {
		uint8_t size[4];

		alv_put_be32(size, (uint32_t)body_n);
		alv_chain_copy(&frame, size, sizeof(size));
	} else if (!r->headed) {
		kfk_rsp_header_write(&frame, call->hdr.key, call->hdr.version, call->hdr.correlation_id, body_n);
	}
	r->headed = true;
	alv_chain_move(&frame, &call->out);
	if (frame.err) {
		alv_chain_clear(&frame);
		px_client_close(c, MET_CLOSE_INTERNAL, false);
		return;
	}
	px_mover_count(c, frame.n, 0);
	px_tap(c, PX_TOLD, &frame);
	net_stream_send(&c->stream, &frame);
	if (c->out_pace.at_us == 0)
		px_pace_begin(&c->out_pace, net_loop_now(c->worker->loop), c->stream.sent, net_stream_left(&c->stream));
}

static void
write_answer(struct px_client *c, struct px_request *r)
{
	const struct api_call *call = &r->call;
	uint64_t	       now = net_loop_now(c->worker->loop);
	uint64_t	       brokers = r->answered_us > r->sent_us ? r->answered_us - r->sent_us : 0;

	met_request(c->worker->api.meter, &c->conn.meter, alv_str_of(c->conn.tenant), call->hdr.key, call->error_code,
	    now - call->begun_us - brokers);
	px_client_send(c, r, r->headed ? 0 : r->pass_n > 0 ? call->answer_n : call->out.n);
}

void
px_client_flush(struct px_client *c)
{
	struct px_request *r;

	while (c->state != PX_CLOSED && (r = px_inflight_take_done(&c->inflight)) != NULL) {
		bool	       close_after = r->call.close_after;
		enum met_close why = r->call.close;
		const char    *words = r->call.words;

		write_answer(c, r);
		px_req_free(r);
		if (close_after) {
			c->words = words;
			px_client_end(c, why);
		}
	}
	if (c->conn.auth == API_AUTH_DONE)
		px_crowd_leave(c);
	close_when_answered(c);
	px_hold_settle(c);
	if (c->state == PX_SERVING)
		px_client_watch(c);
}

/* ---- the stream's events ---------------------------------------------------------------------------------- */

/* What it showed may be revoked since the handshake looked: who changes the lists asks those that serve. False: it is closed. */
static bool
keep_shown(struct px_client *c)
{
	enum alv_err err = net_shown_keep(&c->stream, c->port->tls, &c->shown);

	if (err)
		c->words = err == ALV_E_LIMIT ? "the client's certificates are too large" : NULL;
	else if (net_shown_good(c->shown))
		return true;
	px_client_close(c, err == ALV_E_LIMIT ? MET_CLOSE_MEMORY : err ? MET_CLOSE_INTERNAL : MET_CLOSE_CERTIFICATE_REVOKED, false);
	return false;
}

/* False: it is closed. */
static bool
enter_by_certificate(struct px_client *c)
{
	static const enum net_named names[] = { [POL_NAMED_SUBJECT] = NET_NAMED_SUBJECT, [POL_NAMED_DNS] = NET_NAMED_DNS,
		[POL_NAMED_URI] = NET_NAMED_URI, [POL_NAMED_EMAIL] = NET_NAMED_EMAIL };
	const struct pol_listener *l = px_port_listener(c->port);
	bool			   own = net_stream_own_authority(&c->stream) || l->tenant[0] != '\0', good;
	struct alv_buf		   name;

	alv_buf_init(&name, 4096);
	good = net_stream_named(&c->stream, names[l->named], &name);
	good = api_certificate_login(&c->conn, l->principal_rules, alv_str_make(name.p, good ? name.n : 0), own, &c->words);
	alv_buf_fini(&name);
	if (good)
		px_crowd_leave(c);
	else
		px_client_close(c, MET_CLOSE_AUTH_FAILED, false);
	return good;
}

static void
on_open(struct net_stream *s)
{
	struct px_client *c = s->owner;

	ALV_CHECK_OBJ(c, PX_CLIENT_MAGIC);
	if (c->state != PX_OPENING)
		return;
	net_peer_text(&s->peer, c->conn.host);	/* a PROXY header may have said who it is */
	if (px_endpoint_resolve(c->port, s->sni == NULL ? "" : s->sni, &c->conn)) {
		px_client_close(c, MET_CLOSE_SNI_UNKNOWN, false);
		return;
	}
	if (!keep_shown(c))
		return;
	if (c->port->conf->tls && c->port->conf->login == POL_LOGIN_CERTIFICATE && !enter_by_certificate(c))
		return;
	c->state = PX_SERVING;
	px_client_pump(c);
}

static void
on_data(struct net_stream *s)
{
	struct px_client *c = s->owner;

	ALV_CHECK_OBJ(c, PX_CLIENT_MAGIC);
	px_client_pump(c);
}

static void
on_drained(struct net_stream *s)
{
	struct px_client *c = s->owner;

	ALV_CHECK_OBJ(c, PX_CLIENT_MAGIC);
	px_up_resume(c);
	px_client_pump(c);
}

/* What left needs no place any more. */
static void
on_wrote(struct net_stream *s)
{
	struct px_client *c = s->owner;

	ALV_CHECK_OBJ(c, PX_CLIENT_MAGIC);
	if (net_stream_left(s) == 0)
		c->out_pace.at_us = 0;
	px_hold_left(c);
}

static const enum met_close reason_of_end[] = {
	[NET_END_OURS] = MET_CLOSE_INTERNAL,	/* never the first reason: ours is noted before */
	[NET_END_EOF] = MET_CLOSE_CLIENT_EOF,
	[NET_END_RESET] = MET_CLOSE_CLIENT_RESET,
	[NET_END_TRUNCATED] = MET_CLOSE_TLS_TRUNCATED,
	[NET_END_TLS] = MET_CLOSE_TLS_RECORD,
	[NET_END_SNI] = MET_CLOSE_SNI_UNKNOWN,
	[NET_END_UNTRUSTED] = MET_CLOSE_PROXY_UNTRUSTED,
	[NET_END_PROXY] = MET_CLOSE_PROXY_HEADER,
	[NET_END_CONNECT] = MET_CLOSE_CLIENT_RESET,
	[NET_END_TIMEOUT] = MET_CLOSE_HANDSHAKE_TIMEOUT,
	[NET_END_NOMEM] = MET_CLOSE_INTERNAL,
};

static void
on_closed(struct net_stream *s, enum net_end end)
{
	struct px_client *c = s->owner;
	enum met_close	  why = reason_of_end[end];

	ALV_CHECK_OBJ(c, PX_CLIENT_MAGIC);
	if (end == NET_END_TLS && c->state == PX_OPENING)
		why = MET_CLOSE_TLS_HANDSHAKE;
	if (c->state == PX_OPENING)
		net_peer_text(&s->peer, c->conn.host);
	if (c->words == NULL && (end == NET_END_TLS || end == NET_END_PROXY))
		c->words = net_stream_tls_reason(s);
	c->stream_gone = true;
	px_client_close(c, why, false);
	px_client_gone(c);
}

static const struct net_stream_ops stream_ops = {
	.on_open = on_open,
	.on_data = on_data,
	.on_drained = on_drained,
	.on_closed = on_closed,
	.on_wrote = on_wrote,
};

/* ---- beginning, orders -------------------------------------------------------------------------------------- */

void
px_client_accept(struct px_worker *w, const struct px_port *port, int fd, const struct sockaddr_storage *peer)
{
	const struct pol_limits *l = &w->gateway->conf->limits;
	struct px_client	*c = calloc(1, sizeof(*c));

	met_connection(w->api.meter, 1);
	if (c == NULL || net_stream_accept_behind(&c->stream, &w->net, fd, px_port_proxy(port), port->tls, l->handshake_timeout_ms,
	    &stream_ops, c)) {
		if (c != NULL)
			net_stream_fini(&c->stream);
		else
			close(fd);	/* the stream's otherwise, also where it fails */
		free(c);
		atomic_fetch_sub_explicit(&w->connections, 1, memory_order_relaxed);
		atomic_fetch_sub(&w->gateway->connections, 1);
		met_connection(w->api.meter, -1);
		met_closed(w->api.meter, MET_CLOSE_INTERNAL);
		return;
	}
	c->magic = PX_CLIENT_MAGIC;
	c->worker = w;
	c->port = port;
	c->later.fn = release;
	c->again.fn = px_client_pump_again;
	c->opened_us = net_loop_now(w->loop);
	c->stream.high_water = l->out_max_bytes;
	api_conn_init(&c->conn, &w->api);
	c->stream.in_max = px_client_in_max(c);
	net_peer_text(peer, c->conn.host);
	c->conn.node = -1;	/* until the handshake says which: the log names none */
	net_timer_init(w->loop, &c->timer, px_client_overdue);
	net_timer_init(w->loop, &c->unmute, px_unmuted);
	px_worker_add(w, c);
	px_crowd_join(c);
}

void
px_client_enter(struct px_client *c, struct px_worker *w)
{
	c->worker = w;
	api_conn_enter(&c->conn, &w->api);
	c->timer.loop = c->unmute.loop = w->loop;
	net_stream_enter(&c->stream, &w->net);
	if (c->up_state == PX_UP_READY)
		ups_link_enter(&c->up, &w->ups);
	px_worker_add(w, c);
}

/* It changes something itself, perhaps its own user: it is told what came of it first, then looked at (change.c). */
static bool
awaits_change(const struct px_client *c)
{
	return c->current != NULL && c->current->state == PX_REQ_PARKED && c->current->call.wait == API_WAIT_CHANGE;
}

void
px_client_check(struct px_client *c)
{
	enum met_close why;

	if (c->state == PX_CLOSED || c->state == PX_OPENING || awaits_change(c))
		return;
	if (!api_conn_check(&c->conn, &why))
		px_client_close(c, why, true);
	else if (!net_shown_good(c->shown))
		px_client_close(c, MET_CLOSE_CERTIFICATE_REVOKED, true);
	else
		px_up_check(c);
	if (c->state == PX_SERVING && c->conn.quota.muted_until_us != 0) {
		api_conn_unmute(&c->conn, net_loop_now(c->worker->loop));
		px_mute(c);
	}
}

void
px_client_leave(struct px_client *c, enum px_leave how)
{
	if (c->state == PX_OPENING)
		px_client_end(c, MET_CLOSE_DRAIN);
	if (c->state != PX_SERVING || how <= c->leave)
		return;
	c->leave = how;
	px_unmute(c);
	px_client_pump(c);
}
