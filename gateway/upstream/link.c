/* A connection to one broker, made ready.
 *
 *                                                              +------- ups_link_renew -------+
 *                                                              v                              |
 *   GATE --> RESOLVING --addresses--> CONNECTING --opened--> HANDSHAKE --> TOKENS --> READY --+
 *    |    (reach.c) |                  |  ^ next address       (login.c)               |
 *    +--------------+-- failed, closed +--+-------------------------+------------------+--> CLOSING --> CLOSED (on_closed)
 *
 * Invariants: on_closed runs once, never from inside a call of the owner, and nothing of the link is touched after it.
 * Until READY the owner sees no byte, and no frame over UPS_LOGIN_FRAME_MAX is taken. From GATE to READY the first time is
 * connect.timeout.ms at most. */
#include "upstream/link_state.h"

#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum alv_err
ups_ctx_init(struct ups_ctx *c, const struct pol_upstream *conf, struct net_stream_ctx *net,
    const struct net_tls_client *tls, struct net_jobs *crypto, struct net_jobs *resolver)
{
	*c = (struct ups_ctx){ .conf = conf, .net = net, .tls = tls, .crypto = crypto, .resolver = resolver };
	c->own = calloc(1, sizeof(*c->own));
	if (c->own == NULL)
		return ALV_E_NOMEM;
	net->dead_out_ms = conf->dead_peer_ms;
	if (conf->nsources > 0 && net_sources_parse(&c->own->sources, conf->source, conf->nsources))
		net->sources = &c->own->sources;
	c->own->salted = ups_salted_new();
	c->own->names = ups_names_new();
	if (c->own->salted != NULL && c->own->names != NULL)
		return ALV_OK;
	ups_ctx_fini(c);
	return ALV_E_NOMEM;
}

enum alv_err
ups_ctx_gates(struct ups_ctx *c, uint32_t shares, void (*on_waiting)(void *arg, int delta), void *arg)
{
	const struct ups_gates_conf conf = { .per_second = c->conf->connect_rate, .shares = shares, .on_waiting = on_waiting,
		.arg = arg };

	c->own->gates = ups_gates_new(c->net->loop, &conf);
	return c->own->gates == NULL ? ALV_E_NOMEM : ALV_OK;
}

void
ups_ctx_configure(struct ups_ctx *c, const struct pol_upstream *conf)
{
	c->conf = conf;
}

void
ups_ctx_fini(struct ups_ctx *c)
{
	if (c->own == NULL)
		return;
	while (c->own->jobs > 0)
		net_loop_turn(c->net->loop, 10);
	c->net->sources = NULL;
	ups_gates_free(c->own->gates);
	ups_names_free(c->own->names);
	ups_salted_free(c->own->salted);
	free(c->own);
	c->own = NULL;
}

static void
end_link(struct ups_link *l)
{
	struct ups_link_state *st = l->state;
	char		       words[sizeof(st->words)];	/* outlives an ups_link_fini inside on_closed */

	net_timer_stop(&st->timer);
	ups_login_fini(l);
	st->step = UPS_CLOSED;
	l->ready = false;
	ups_reach_end(l, false);
	memcpy(words, st->words, sizeof(words));
	l->ops->on_closed(l, st->end, words);
}

/* From now on only the way out is left. */
static void
begin_end(struct ups_link *l, bool flush)
{
	struct ups_link_state *st = l->state;

	st->step = UPS_CLOSING;
	l->ready = false;
	ups_reach_stop(l);
	net_timer_stop(&st->timer);
	ups_login_fini(l);
	if (st->streaming) {
		net_stream_close(&l->stream, flush);
		return;
	}
	net_later(l->ctx->net->loop, &st->later);
}

void
ups_link_fail(struct ups_link *l, enum ups_end end, const char *fmt, ...)
{
	struct ups_link_state *st = l->state;
	va_list		       ap;

	if (st->step >= UPS_CLOSING)
		return;
	st->end = end;
	va_start(ap, fmt);
	vsnprintf(st->words, sizeof(st->words), fmt, ap);
	va_end(ap);
	begin_end(l, false);
}

bool
ups_link_quiet(const struct ups_link *l)
{
	const struct ups_link_state *st = l->state;

	return st->step == UPS_READY && l->ready && st->reach == NULL && !st->logging_in && !st->timer.armed &&
	    st->later.queue == NULL && l->stream.in.n == 0 && net_stream_quiet(&l->stream);
}

bool
ups_link_leave(struct ups_link *l)
{
	ALV_CHECK(ups_link_quiet(l));
	return net_stream_leave(&l->stream);
}

void
ups_link_enter(struct ups_link *l, struct ups_ctx *c)
{
	l->ctx = c;
	l->state->timer.loop = c->net->loop;
	net_stream_enter(&l->stream, c->net);
}

void
ups_link_close(struct ups_link *l)
{
	ups_link_fail(l, UPS_END_OURS, "closed by the gateway");
}

void
ups_link_finish(struct ups_link *l)
{
	struct ups_link_state *st = l->state;

	if (st->step != UPS_READY) {
		ups_link_close(l);
		return;
	}
	st->end = UPS_END_OURS;
	snprintf(st->words, sizeof(st->words), "closed by the gateway");
	begin_end(l, true);
}

void
ups_link_fini(struct ups_link *l)
{
	if (l->state == NULL)
		return;
	ALV_CHECK(l->state->step == UPS_CLOSED);
	if (l->state->have_stream)
		net_stream_fini(&l->stream);
	ALV_CHECK(l->state->reach == NULL);
	free(l->state);
	*l = (struct ups_link){ 0 };
}

void
ups_link_enter_ready(struct ups_link *l)
{
	net_timer_stop(&l->state->timer);
	ups_login_fini(l);
	ups_reach_end(l, true);
	l->state->step = UPS_READY;
	l->ready = true;
	l->ops->on_ready(l);
}

/* ---- the stream's events --------------------------------------------------------------------- */

static void
begin_login(struct ups_link *l)
{
	l->state->step = UPS_HANDSHAKE;
	l->state->proven = false;
	ups_login_start(l);
}

static void
stream_open(struct net_stream *s)
{
	struct ups_link *l = s->owner;

	if (l->state->step != UPS_CONNECTING)
		return;
	if (!l->ctx->conf->sasl) {
		ups_link_enter_ready(l);
		return;
	}
	begin_login(l);
}

void
ups_link_renew(struct ups_link *l)
{
	ALV_CHECK(l->state->step == UPS_READY);
	alv_log(ALV_LOG_DEBUG, "a session at a broker is renewed", ALV_KV_Z("host", l->state->host), ALV_KV_I("port", l->state->port));
	l->ready = false;
	l->reauth_at_us = 0;
	l->stream.in_max = UPS_LOGIN_FRAME_MAX;
	net_timer_set(&l->state->timer, net_loop_now(l->ctx->net->loop) + l->ctx->conf->request_timeout_ms * 1000ull);
	begin_login(l);
}

static void
stream_data(struct net_stream *s)
{
	struct ups_link *l = s->owner;

	if (l->state->step == UPS_HANDSHAKE || l->state->step == UPS_TOKENS)
		ups_login_data(l);
	if (l->state->step != UPS_READY)
		return;
	l->ops->on_data(l);
	if (s->in_eof)
		ups_link_fail(l, UPS_END_EOF, "%s port %u: the broker closed the connection", l->state->host,
		    (unsigned)l->state->port);
}

static void
stream_drained(struct net_stream *s)
{
	struct ups_link *l = s->owner;

	if (l->state->step == UPS_READY && l->ops->on_drained != NULL)
		l->ops->on_drained(l);
}

static void
stream_wrote(struct net_stream *s)
{
	struct ups_link *l = s->owner;

	if (l->state->step == UPS_READY && l->ops->on_wrote != NULL)
		l->ops->on_wrote(l);
}

static void
set_end(struct ups_link_state *st, enum ups_end end, const char *what, const char *detail)
{
	if (detail == NULL)	/* an errno that libc has no words for */
		detail = "";
	st->end = end;
	snprintf(st->words, sizeof(st->words), "%s port %u: %s%s%s", st->host, (unsigned)st->port, what,
	    detail[0] == '\0' ? "" : ": ", detail);
}

/* Why the stream ended by itself, in the link's words. */
static void
take_end(struct ups_link *l, enum net_end why)
{
	struct ups_link_state *st = l->state;
	const char	      *login = st->step == UPS_HANDSHAKE || st->step == UPS_TOKENS ? " during the login" : "";
	char		       text[64];

	switch (why) {
	case NET_END_EOF:
	case NET_END_RESET:
	case NET_END_TRUNCATED:
		snprintf(text, sizeof(text), "the broker closed the connection%s", login);
		set_end(st, UPS_END_EOF, text, "");
		break;
	case NET_END_TLS:
	case NET_END_SNI:
	case NET_END_UNTRUSTED:
	case NET_END_PROXY:
		set_end(st, UPS_END_TLS, "TLS failed", net_stream_tls_reason(&l->stream));
		break;
	case NET_END_TIMEOUT:
		set_end(st, UPS_END_TIMEOUT, "no connection in time", "");
		break;
	case NET_END_NOMEM:
		set_end(st, UPS_END_CONNECT, "out of memory", "");
		break;
	case NET_END_CONNECT:
	case NET_END_OURS:
		set_end(st, UPS_END_CONNECT, "cannot connect",
		    l->stream.sys_errno == 0 ? "" : strerrordesc_np(l->stream.sys_errno));
		break;
	}
}

static void
stream_closed(struct net_stream *s, enum net_end why)
{
	struct ups_link	      *l = s->owner;
	struct ups_link_state *st = l->state;

	st->streaming = false;
	if (st->step < UPS_CLOSING)
		take_end(l, why);
	if (!ups_reach_again(l, why))
		end_link(l);
}

const struct net_stream_ops ups_stream_ops = {
	.on_open = stream_open,
	.on_data = stream_data,
	.on_drained = stream_drained,
	.on_closed = stream_closed,
	.on_wrote = stream_wrote,
};

/* ---- opening ------------------------------------------------------------------------------------- */

static void
later_due(struct net_later *x)
{
	struct ups_link *l = ALV_HOLDER(x, struct ups_link_state, later)->link;

	if (l->state->step == UPS_CLOSING)
		end_link(l);
	else
		ups_reach_next(l);
}

static void
too_late(struct net_timer *t)
{
	struct ups_link	      *l = ALV_HOLDER(t, struct ups_link_state, timer)->link;
	struct ups_link_state *st = l->state;

	ups_link_fail(l, UPS_END_TIMEOUT, "%s port %u: %s", st->host, (unsigned)st->port,
	    st->step == UPS_GATE ? "its turn did not come in time" :
	    st->step == UPS_RESOLVING ? "the name was not resolved in time" :
	    st->step == UPS_CONNECTING ? "no connection in time" : "the login took too long");
}

enum alv_err
ups_link_open(struct ups_link *l, struct ups_ctx *c, const char *host, uint16_t port, const struct ups_link_ops *ops,
    void *owner)
{
	return ups_link_open_for(l, c, host, port, 0, ops, owner);
}

enum alv_err
ups_link_open_for(struct ups_link *l, struct ups_ctx *c, const char *host, uint16_t port, uint64_t who,
    const struct ups_link_ops *ops, void *owner)
{
	struct ups_link_state *st;

	*l = (struct ups_link){ .ops = ops, .owner = owner, .ctx = c, .who = who };
	if (host[0] == '\0' || strlen(host) >= sizeof(st->host) || port == 0)
		return ALV_E_VALUE;
	st = calloc(1, sizeof(*st));
	if (st == NULL || (st->reach = calloc(1, sizeof(*st->reach))) == NULL) {
		free(st);
		return ALV_E_NOMEM;
	}
	l->state = st;
	st->link = l;
	st->port = port;
	memcpy(st->host, host, strlen(host) + 1);
	st->later.fn = later_due;
	net_timer_init(c->net->loop, &st->timer, too_late);
	ups_reach_start(l);
	return ALV_OK;
}
