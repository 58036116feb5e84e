/* The way of a link from opened to connected: its turn at the broker's gate, the addresses of its name, one after the
 * other. link.c draws the whole. Invariant: st->reach is there from the opening to the first READY or to the end, and only
 * that long its gate may hold the link for one under way. */
#include "upstream/link_state.h"

#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>

enum { ADDRESS_MIN_MS = 250 };

static void
later(struct ups_link *l)
{
	net_later(l->ctx->net->loop, &l->state->later);
}

/* ---- addresses --------------------------------------------------------------------------------- */

/* Each has an equal part of the time that is left. */
static uint32_t
time_for_one(const struct ups_link *l)
{
	const struct ups_reach *r = l->state->reach;
	uint64_t		now = net_loop_now(l->ctx->net->loop);
	uint64_t		ms = r->deadline_us > now ? (r->deadline_us - now) / 1000 / (r->all.n - r->next) : 0;

	return ms < ADDRESS_MIN_MS ? ADDRESS_MIN_MS : (uint32_t)ms;
}

/* What failed for want of something here says nothing about the broker. */
static bool
our_trouble(int e)
{
	return e == EADDRNOTAVAIL || e == EMFILE || e == ENFILE || e == ENOMEM || e == ENOBUFS || e == EADDRINUSE;
}

/* Connects to the next address; the last failure ends the link. */
void
ups_reach_next(struct ups_link *l)
{
	struct ups_link_state *st = l->state;
	struct ups_reach      *r = st->reach;
	enum alv_err	       err = ALV_E_NOT_FOUND;
	int		       e = 0;

	if (st->have_stream)
		net_stream_fini(&l->stream);
	st->have_stream = false;
	while (err && r->next < r->all.n) {
		uint32_t ms = time_for_one(l);
		size_t	 i = r->next++;

		st->step = UPS_CONNECTING;
		err = net_stream_connect(&l->stream, l->ctx->net, (const struct sockaddr *)&r->all.a[i], r->all.len[i],
		    l->ctx->tls, st->host, ms, &ups_stream_ops, l);
		if (!err)
			break;
		e = l->stream.sys_errno;
		net_stream_fini(&l->stream);
	}
	if (err) {
		r->ours = true;
		ups_link_fail(l, UPS_END_CONNECT, "%s port %u: cannot connect: %s", st->host, (unsigned)st->port,
		    e == 0 ? alv_err_text(err) : strerrordesc_np(e));
		return;
	}
	st->have_stream = st->streaming = true;
	l->stream.in_max = UPS_LOGIN_FRAME_MAX;
}

/* An address that does not answer is no reason to give up while there are others; a broker that answered wrongly is. */
bool
ups_reach_again(struct ups_link *l, enum net_end why)
{
	struct ups_link_state *st = l->state;
	struct ups_reach      *r = st->reach;

	if (st->step != UPS_CONNECTING)
		return false;
	r->ours = why == NET_END_NOMEM || (why == NET_END_CONNECT && our_trouble(l->stream.sys_errno));
	if (why != NET_END_CONNECT && why != NET_END_TIMEOUT && why != NET_END_RESET && why != NET_END_EOF)
		return false;
	if (r->next < r->all.n) {
		later(l);
		return true;
	}
	if (!r->ours)
		ups_names_forget(l->ctx, st->host);
	return false;
}

static void
named(struct ups_name_wait *w, const struct ups_addresses *all, int gai_error)
{
	struct ups_reach *r = ALV_HOLDER(w, struct ups_reach, name);
	struct ups_link	 *l = r->link;

	if (all == NULL) {
		ups_link_fail(l, UPS_END_CONNECT, "%s: %s", l->state->host, gai_strerror(gai_error));
		return;
	}
	r->all = *all;
	ups_reach_next(l);
}

static void
resolve(struct ups_link *l)
{
	struct ups_link_state *st = l->state;
	struct ups_reach      *r = st->reach;
	enum alv_err	       err = ups_names_get(l->ctx, st->host, st->port, &r->name, &r->all);

	st->step = UPS_RESOLVING;
	if (err == ALV_OK) {
		later(l);
	} else if (err != ALV_E_AGAIN) {
		r->ours = true;
		ups_link_fail(l, UPS_END_CONNECT, "%s: cannot be resolved now: %s", st->host, alv_err_text(err));
	}
}

/* ---- the gate ------------------------------------------------------------------------------------- */

static void
go(struct ups_gate_pass *p)
{
	resolve(ALV_HOLDER(p, struct ups_reach, pass)->link);
}

static void
refused(struct ups_gate_pass *p, enum ups_end end, const char *words)
{
	struct ups_link *l = ALV_HOLDER(p, struct ups_reach, pass)->link;

	l->turned_away = true;
	ups_link_fail(l, end, "%s", words);
}

void
ups_reach_start(struct ups_link *l)
{
	struct ups_link_state *st = l->state;
	struct ups_reach      *r = st->reach;
	struct ups_gates      *g = l->ctx->own->gates;
	enum ups_end	       end = UPS_END_CONNECT;
	const char	      *words = "out of memory";
	enum alv_err	       err;

	r->link = l;
	r->name.done = named;
	r->pass.who = l->who;
	r->pass.go = go;
	r->pass.refused = refused;
	r->deadline_us = net_loop_now(l->ctx->net->loop) + l->ctx->conf->connect_timeout_ms * 1000ull;
	net_timer_set(&st->timer, r->deadline_us);
	st->step = UPS_GATE;
	err = g == NULL ? ALV_OK : ups_gate_enter(g, st->host, st->port, l->ctx->conf->connect_timeout_ms, &r->pass,
	    &end, &words);
	if (err == ALV_OK)
		resolve(l);
	else if (err != ALV_E_AGAIN)
		refused(&r->pass, end, words);
}

/* Nothing of it may call any more; the gate is told at the end, when it is known why. */
void
ups_reach_stop(struct ups_link *l)
{
	struct ups_reach *r = l->state->reach;

	if (r == NULL)
		return;
	ups_names_cancel(&r->name);
	if (r->pass.lane != NULL)
		ups_gate_left(&r->pass);
}

void
ups_reach_end(struct ups_link *l, bool reached)
{
	struct ups_link_state *st = l->state;
	struct ups_reach      *r = st->reach;

	if (r == NULL)
		return;
	ups_reach_stop(l);
	st->reach = NULL;
	if (reached)
		ups_gate_reached(&r->pass);
	else if (r->ours || st->end == UPS_END_OURS)
		ups_gate_left(&r->pass);
	else
		ups_gate_failed(&r->pass, st->end, st->words);
	free(r);
}
