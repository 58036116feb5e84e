/* A stream's life. Who moves it:
 *
 *   NEW -> CONNECT      net_stream_connect
 *   NEW -> PROXY        net_stream_accept_behind with a rule
 *   NEW, CONNECT, PROXY -> HANDSHAKE   net_stream_accept, connected, read_head     (TLS)
 *   NEW, CONNECT, PROXY, HANDSHAKE -> OPEN   those, net_tls_handshake
 *   OPEN -> CLOSING     net_stream_close with flush
 *   any -> ENDED        finish: the descriptor is gone
 *   ENDED -> REPORTED   on_later: on_closed, once
 *
 * Invariants: the owner is called from the loop only (on_ready, on_later, on_timer), never from a call of its own; only
 * on_closed may free the stream, so it is there for the whole of any other step. */
#include <alcove/clock.h>
#include <alcove/check.h>

#include "net/stream_int.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { COPY_BELOW = 2048 };

size_t
net_stream_left(const struct net_stream *s)
{
	return s->out.n + net_pending(s);
}

static bool
reads(const struct net_stream *s)
{
	return s->state == NET_ST_PROXY || (s->state == NET_ST_HANDSHAKE && s->shake.queue == NULL) ||
	    (s->state == NET_ST_OPEN && !s->in_eof && net_in_room(s) > 0);
}

static bool
lives(const struct net_stream *s)
{
	return s->state > NET_ST_NEW && s->state < NET_ST_ENDED;
}

static void
set_events(struct net_stream *s)
{
	uint32_t e = 0;

	if (!lives(s))
		return;
	if (reads(s))
		e |= EPOLLIN;
	if (s->state == NET_ST_CONNECT || s->flags & NET_F_OUT || net_pending(s) > 0)
		e |= EPOLLOUT;
	net_fd_want(&s->fd, e);
}

/* ---- ends --------------------------------------------------------------------------------- */

/* Our last bytes are followed by a FIN; what the peer sent meanwhile is read away, because closing over unread bytes
 * would send a reset that can overtake and destroy them at the peer. */
static void
leave_politely(struct net_stream *s)
{
	if (shutdown(s->fd.fd, SHUT_WR) != 0)
		return;
	if (recv(s->fd.fd, s->ctx->shared->in, NET_SHARED, MSG_DONTWAIT) < 0)
		return;	/* nothing there, which is as good */
}

static void
drop_name(struct net_stream *s)
{
	free(s->sni);
	s->sni = NULL;
}

static void
finish(struct net_stream *s, enum net_end why)
{
	if (!lives(s))
		return;
	if (s->state != NET_ST_CONNECT && why != NET_END_RESET)
		leave_politely(s);
	s->state = NET_ST_ENDED;
	s->end = (uint8_t)why;
	net_timer_stop(&s->timer);
	net_later_cancel(s->ctx->loop, &s->shake);
	net_fd_close(&s->fd);
	alv_chain_clear(&s->out);
	net_pending_drop(s);
	net_proxy_drop(s);
	net_tls_drop(s);
	drop_name(s);
	net_later(s->ctx->loop, &s->later);
}

/* Why it ends when it is the owner who ends it. */
static enum net_end
our_end(const struct net_stream *s)
{
	if (!s->in_eof)
		return NET_END_OURS;
	return s->in_cut && s->in.n > 0 ? NET_END_TRUNCATED : NET_END_EOF;
}

static void
say_bye(struct net_stream *s)
{
	if (net_tls_has(s))
		net_tls_bye(s);
	finish(s, our_end(s));
}

static enum net_end
end_of(const struct net_stream *s, enum net_io io)
{
	switch (io) {
	case NET_IO_EOF:
	case NET_IO_CUT:
		return s->flags & NET_F_HEARD ? NET_END_TRUNCATED : NET_END_EOF;
	case NET_IO_TLS:
		return NET_END_TLS;
	case NET_IO_SNI:
		return NET_END_SNI;
	case NET_IO_PROXY:
		return NET_END_PROXY;
	case NET_IO_NOMEM:
		return NET_END_NOMEM;
	default:
		return NET_END_RESET;
	}
}

/* ---- steps -------------------------------------------------------------------------------- */

static void
announce(struct net_stream *s)
{
	if (!(s->flags & NET_F_OPENING) || s->state != NET_ST_OPEN)
		return;
	s->flags &= ~(uint32_t)NET_F_OPENING;
	net_timer_stop(&s->timer);
	s->ops->on_open(s);
	net_tls_opened(s);
	drop_name(s);
	if (s->state == NET_ST_OPEN && net_stream_left(s) > 0)
		net_later(s->ctx->loop, &s->later);
}

/* Open at once, or after the TLS handshake whose first step this is. */
static void
begin(struct net_stream *s)
{
	enum net_io io;

	if (s->ssl == NULL) {
		s->state = NET_ST_OPEN;
		s->flags |= NET_F_OPENING;
		net_later(s->ctx->loop, &s->later);
		return;
	}
	s->state = NET_ST_HANDSHAKE;
	if (SSL_is_server(s->ssl))
		return;
	io = net_tls_handshake(s);
	if (io != NET_IO_OK)
		finish(s, end_of(s, io));
}

static void
read_head(struct net_stream *s)
{
	enum net_io io = net_proxy_step(s);

	if (io == NET_IO_OK) {
		net_proxy_drop(s);
		begin(s);
	} else if (io != NET_IO_BLOCKED) {
		finish(s, end_of(s, io));
	}
}

static void
read_step(struct net_stream *s)
{
	size_t	    before = s->in.n;
	enum net_io io = net_tls_has(s) ? net_tls_read(s) : net_plain_read(s);
	bool	    eof = io == NET_IO_EOF && s->state == NET_ST_OPEN;

	s->in_eof = s->in_eof || eof;
	announce(s);
	if (s->state == NET_ST_OPEN && (s->in.n > before || eof))
		s->ops->on_data(s);
	if (io != NET_IO_OK && io != NET_IO_BLOCKED && !eof)
		finish(s, end_of(s, io));
}

/* The peer takes no more. What it said before it went, an alert for one, is heard first. */
static void
broken(struct net_stream *s)
{
	int e = s->sys_errno;

	alv_chain_clear(&s->out);
	if (reads(s))
		read_step(s);
	s->sys_errno = e;
	finish(s, NET_END_RESET);
}

static void
after_write(struct net_stream *s)
{
	if (s->state == NET_ST_HANDSHAKE)
		return;	/* what waits in `out` waits for the handshake, not for the socket */
	if (net_stream_left(s) > 0)
		s->flags |= NET_F_OUT;
	else
		s->flags &= ~(uint32_t)NET_F_OUT;
	if (s->state == NET_ST_CLOSING && net_stream_left(s) == 0) {
		say_bye(s);
	} else if (s->flags & NET_F_WAS_FULL && net_stream_left(s) <= s->high_water / 2) {
		s->flags &= ~(uint32_t)NET_F_WAS_FULL;
		if (s->state == NET_ST_OPEN)
			s->ops->on_drained(s);
	}
}

static void
write_step(struct net_stream *s)
{
	uint64_t    before = s->sent;
	enum net_io io;

	if (!net_tls_has(s))
		io = net_plain_write(s);
	else if (s->state == NET_ST_HANDSHAKE)
		io = net_bio_flush(s);
	else
		io = net_tls_write(s);
	if (io == NET_IO_RESET)
		broken(s);
	else if (io != NET_IO_OK && io != NET_IO_BLOCKED)
		finish(s, end_of(s, io));
	else
		after_write(s);
	if (s->sent != before && s->state == NET_ST_OPEN && s->ops->on_wrote != NULL)
		s->ops->on_wrote(s);
}

static void
connected(struct net_stream *s)
{
	socklen_t n = sizeof(s->sys_errno);

	if (getsockopt(s->fd.fd, SOL_SOCKET, SO_ERROR, &s->sys_errno, &n) != 0)
		s->sys_errno = errno;
	if (s->sys_errno == 0 && net_dial_itself(s->fd.fd, &s->peer))
		s->sys_errno = ECONNREFUSED;	/* nobody listens there */
	if (s->sys_errno != 0)
		finish(s, NET_END_CONNECT);
	else
		begin(s);
}

/* Signatures take a hundred times as long as anything else here. */
static void
on_shake(struct net_later *l)
{
	struct net_stream *s = ALV_HOLDER(l, struct net_stream, shake);

	read_step(s);
	set_events(s);
}

static void
ready(struct net_stream *s, uint32_t events)
{
	if (s->state == NET_ST_CONNECT) {
		connected(s);
	} else if (s->state == NET_ST_HANDSHAKE && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		/* Mostly it runs in this very turn: epoll hears of it only when it is told of the same bytes again. */
		if (s->shake.queue == NULL) {
			net_slow(s->ctx->loop, &s->shake);
			return;
		}
	} else {
		announce(s);
		if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && s->state == NET_ST_PROXY)
			read_head(s);
		else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && reads(s))
			read_step(s);
		else if (events & (EPOLLHUP | EPOLLERR) && lives(s))
			finish(s, NET_END_RESET);
		if (events & EPOLLOUT && s->state != NET_ST_CONNECT && lives(s))
			write_step(s);
	}
	set_events(s);
}

/* Time is read only where somebody wants to know what an event took. The owner is there until its own later. */
static void
on_ready(struct net_fd *f, uint32_t events)
{
	struct net_stream *s = ALV_HOLDER(f, struct net_stream, fd);
	uint64_t	  *worked = s->worked_us, begun = worked == NULL ? 0 : alv_mono_us();

	ready(s, events);
	if (worked != NULL)
		*worked += alv_mono_us() - begun;
}

static void
send_queued(struct net_stream *s)
{
	announce(s);
	if ((s->state == NET_ST_OPEN && net_stream_left(s) > 0) || s->state == NET_ST_CLOSING)
		if (!(s->flags & NET_F_OUT))
			write_step(s);
	set_events(s);
}

static void
on_later(struct net_later *l)
{
	struct net_stream *s = ALV_HOLDER(l, struct net_stream, later);
	uint64_t	  *worked = s->worked_us, begun = worked == NULL ? 0 : alv_mono_us();

	if (s->state == NET_ST_ENDED) {
		s->state = NET_ST_REPORTED;
		s->ops->on_closed(s, (enum net_end)s->end);
		return;
	}
	send_queued(s);
	if (worked != NULL)
		*worked += alv_mono_us() - begun;
}

static void
on_timer(struct net_timer *t)
{
	struct net_stream *s = ALV_HOLDER(t, struct net_stream, timer);

	finish(s, s->state == NET_ST_CLOSING ? our_end(s) : NET_END_TIMEOUT);
}

/* ---- the owner's calls --------------------------------------------------------------------- */

static void
init(struct net_stream *s, struct net_stream_ctx *c, const struct net_stream_ops *ops, void *owner)
{
	*s = (struct net_stream){ .ops = ops, .owner = owner, .ctx = c, .in_max = NET_IN_MAX, .high_water = NET_HIGH_WATER };
	s->fd.fd = -1;
	s->later.fn = on_later;
	s->shake.fn = on_shake;
	s->last_in_us = s->last_out_us = net_loop_now(c->loop);
	alv_chain_init(&s->in, c->pool);
	alv_chain_init(&s->out, c->pool);
	net_timer_init(c->loop, &s->timer, on_timer);
}

/* Registers fd and arms the timer; closes fd where that fails. */
static enum alv_err
adopt(struct net_stream *s, int fd, uint32_t events, uint32_t wait_ms)
{
	enum alv_err err = net_fd_open(s->ctx->loop, &s->fd, fd, events, on_ready);

	if (err) {
		s->sys_errno = errno;
		close(fd);
		net_tls_drop(s);
		return err;
	}
	net_timer_set(&s->timer, net_loop_now(s->ctx->loop) + (uint64_t)wait_ms * 1000);
	return ALV_OK;
}

void
net_stream_adopt(struct net_stream *s)
{
	int fd = s->fd.fd;

	if (net_fd_open(s->ctx->loop, &s->fd, fd, reads(s) ? EPOLLIN : 0, on_ready)) {
		s->sys_errno = errno;
		s->fd = (struct net_fd){ .fd = fd, .loop = s->ctx->loop };
		finish(s, NET_END_NOMEM);
	}
}

enum alv_err
net_stream_accept(struct net_stream *s, struct net_stream_ctx *c, int fd, const struct net_tls_server *tls,
    uint32_t handshake_ms, const struct net_stream_ops *ops, void *owner)
{
	return net_stream_accept_behind(s, c, fd, NULL, tls, handshake_ms, ops, owner);
}

/* Who may not say whose connection it is does not get to say anything. */
static void
begin_behind(struct net_stream *s)
{
	s->state = NET_ST_PROXY;
	if (s->flags & NET_F_UNTRUSTED)
		finish(s, NET_END_UNTRUSTED);
}

enum alv_err
net_stream_accept_behind(struct net_stream *s, struct net_stream_ctx *c, int fd, const struct net_proxy_rule *rule,
    const struct net_tls_server *tls, uint32_t handshake_ms, const struct net_stream_ops *ops, void *owner)
{
	enum alv_err err = ALV_OK;
	socklen_t    n = sizeof(s->peer);

	init(s, c, ops, owner);
	if (getpeername(fd, (struct sockaddr *)&s->peer, &n) != 0)
		s->peer.ss_family = AF_UNSPEC;	/* gone already; reading will tell */
	if (tls != NULL)
		err = net_tls_attach(s, net_tls_server_ssl(tls));
	if (!err && rule != NULL)
		err = net_proxy_attach(s, rule);
	if (err) {
		close(fd);
		net_tls_drop(s);
		return err;
	}
	net_dead_after(fd, c->dead_in_ms);
	err = adopt(s, fd, EPOLLIN, handshake_ms);
	if (err)
		net_proxy_drop(s);
	else if (rule != NULL)
		begin_behind(s);
	else
		begin(s);
	return err;
}

enum alv_err
net_stream_connect(struct net_stream *s, struct net_stream_ctx *c, const struct sockaddr *addr, socklen_t n,
    const struct net_tls_client *tls, const char *host, uint32_t connect_ms, const struct net_stream_ops *ops, void *owner)
{
	enum alv_err err;
	int	     fd, e;

	init(s, c, ops, owner);
	if (n > sizeof(s->peer))
		return ALV_E_VALUE;
	memcpy(&s->peer, addr, n);
	if (tls != NULL && (err = net_tls_attach(s, net_tls_client_ssl(tls, host))))
		return err;
	fd = net_dial(c->sources, addr, n, &e);
	s->sys_errno = e;
	if (fd < 0) {
		net_tls_drop(s);
		return ALV_E_SYSTEM;
	}
	net_dead_after(fd, c->dead_out_ms);
	err = adopt(s, fd, EPOLLOUT, connect_ms);
	if (err)
		return err;
	s->state = NET_ST_CONNECT;
	if (s->sys_errno != 0)
		finish(s, NET_END_CONNECT);
	return ALV_OK;
}

/* Small ones are copied together: many of them would keep a block each. */
static void
append(struct net_stream *s, struct alv_chain *data)
{
	if (data->err || data->n > COPY_BELOW) {
		alv_chain_move(&s->out, data);
		return;
	}
	for (const struct alv_piece *x = data->head; x != NULL; x = x->next)
		alv_chain_copy(&s->out, x->p, x->n);
	alv_chain_clear(data);
}

void
net_stream_send(struct net_stream *s, struct alv_chain *data)
{
	if (!lives(s) || s->state == NET_ST_CLOSING) {
		alv_chain_clear(data);
		return;
	}
	append(s, data);
	if (s->out.err) {
		finish(s, NET_END_NOMEM);
		return;
	}
	if (net_stream_full(s))
		s->flags |= NET_F_WAS_FULL;
	if (s->state == NET_ST_OPEN && !(s->flags & NET_F_OUT))
		net_later(s->ctx->loop, &s->later);
}

bool
net_stream_full(const struct net_stream *s)
{
	return net_stream_left(s) > s->high_water;
}

void
net_stream_more(struct net_stream *s)
{
	set_events(s);
}

bool
net_stream_waiting(const struct net_stream *s)
{
	uint8_t first;

	return lives(s) && recv(s->fd.fd, &first, sizeof(first), MSG_PEEK | MSG_DONTWAIT) > 0;
}

void
net_stream_close(struct net_stream *s, bool flush)
{
	if (s->state == NET_ST_OPEN && flush) {
		s->state = NET_ST_CLOSING;
		net_timer_set(&s->timer, net_loop_now(s->ctx->loop) + NET_CLOSE_MS * UINT64_C(1000));
		net_later(s->ctx->loop, &s->later);
		set_events(s);
	} else if (s->state == NET_ST_OPEN) {
		say_bye(s);
	} else if (s->state != NET_ST_CLOSING || !flush) {
		finish(s, our_end(s));
	}
}

void
net_stream_fini(struct net_stream *s)
{
	ALV_CHECK(!lives(s) && s->state != NET_ST_ENDED);
	net_later_cancel(s->ctx->loop, &s->later);
	alv_chain_clear(&s->in);
	alv_chain_clear(&s->out);
	s->state = NET_ST_NEW;
}
