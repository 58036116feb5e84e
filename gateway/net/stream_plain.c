/* Where received bytes go, for both kinds of streams, and reading and writing without TLS.
 * Invariant: a block that `in` ends with is filled further by this stream alone, whoever else views what is in it. */
#include <alcove/check.h>

#include "net/stream_int.h"

#include <errno.h>
#include <sys/uio.h>

enum {
	PIECES = 64,			/* of one writev */
	DIRECT_FROM = 32 * 1024,	/* a stream whose last read brought so much reads into blocks at once */
	OPEN_END_MIN = 256		/* less at the end of a block is left unused */
};

size_t
net_in_room(const struct net_stream *s)
{
	return s->in_max > s->in.n ? s->in_max - s->in.n : 0;
}

/* At most half of what a block holds stays unused. */
static size_t
block_for(size_t expect)
{
	size_t size = ALV_BLOCK_MAX;

	while (size > ALV_BLOCK_SMALL && expect <= size / 2)
		size /= 4;
	return size;
}

static bool
open_end(const struct net_stream *s, struct net_room *r)
{
	const struct alv_piece *x = s->in.tail;
	struct alv_block       *b;

	if (x == NULL)
		return false;
	b = x->block;
	if (x->p + x->n != b->data + b->used || b->cap - b->used < OPEN_END_MIN)
		return false;
	*r = (struct net_room){ .block = b, .p = b->data + b->used, .n = b->cap - b->used };
	return true;
}

static bool
fresh_room(struct net_stream *s, size_t expect, struct net_room *r)
{
	struct alv_block *b = alv_block_get(s->ctx->pool, block_for(expect));

	if (b == NULL)
		return false;
	*r = (struct net_room){ .block = b, .p = b->data, .n = b->cap, .fresh = true };
	return true;
}

bool
net_room_get(struct net_stream *s, size_t expect, struct net_room *r)
{
	return open_end(s, r) || fresh_room(s, expect, r);
}

void
net_room_take(struct net_stream *s, struct net_room *r, size_t n)
{
	ALV_CHECK(n <= r->n);
	if (n > 0) {
		r->block->used += (uint32_t)n;
		alv_chain_ref(&s->in, r->block, r->p, n);
		s->bytes_in += n;
	}
	if (r->fresh)
		alv_block_put(r->block);
}

/* ---- reading ------------------------------------------------------------------------------ */

enum net_io
net_room_copy(struct net_stream *s, const uint8_t *p, size_t n)
{
	while (n > 0) {
		struct net_room r;
		size_t		part;

		if (!net_room_get(s, n, &r))
			return NET_IO_NOMEM;
		part = r.n < n ? r.n : n;
		memcpy(r.p, p, part);
		net_room_take(s, &r, part);
		p += part;
		n -= part;
	}
	return s->in.err ? NET_IO_NOMEM : NET_IO_OK;
}

static enum net_io
read_result(struct net_stream *s, ssize_t got)
{
	if (got == 0)
		return NET_IO_EOF;
	if (got < 0) {
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
			return NET_IO_BLOCKED;
		s->sys_errno = errno;
		return NET_IO_RESET;
	}
	s->rx_last = (uint32_t)got;
	s->flags |= NET_F_HEARD;
	s->last_in_us = net_loop_now(s->ctx->loop);
	return NET_IO_OK;
}

/* Small frames: by the shared buffer, so that they take small blocks. */
static enum net_io
read_small(struct net_stream *s, size_t most)
{
	uint8_t	   *buf = s->ctx->shared->in;
	ssize_t	    got = recv(s->fd.fd, buf, most < NET_IN_MAX ? most : NET_IN_MAX, MSG_DONTWAIT);
	enum net_io io = read_result(s, got);

	return io == NET_IO_OK ? net_room_copy(s, buf, (size_t)got) : io;
}

/* Bulk: into the end of the last block and a large fresh one, without a copy; a fresh one that stayed nearly empty is
 * exchanged for a small one. */
static enum net_io
read_direct(struct net_stream *s, size_t most)
{
	struct net_room end = { .n = 0 }, more;
	struct iovec	v[2];
	ssize_t		got;
	size_t		first;
	enum net_io	io;

	(void)open_end(s, &end);
	first = end.n < most ? end.n : most;
	if (!fresh_room(s, most - first, &more))
		return NET_IO_NOMEM;
	v[0] = (struct iovec){ .iov_base = end.p, .iov_len = first };
	v[1] = (struct iovec){ .iov_base = more.p, .iov_len = most - first < more.n ? most - first : more.n };
	got = readv(s->fd.fd, v, 2);
	io = read_result(s, got);
	if (io != NET_IO_OK || (size_t)got <= first) {
		if (io == NET_IO_OK)
			net_room_take(s, &end, (size_t)got);
		net_room_take(s, &more, 0);
		return io;
	}
	if (first > 0)
		net_room_take(s, &end, first);
	if ((size_t)got - first >= more.n / 4) {
		net_room_take(s, &more, (size_t)got - first);
	} else {
		io = net_room_copy(s, more.p, (size_t)got - first);
		net_room_take(s, &more, 0);
	}
	return s->in.err ? NET_IO_NOMEM : io;
}

enum net_io
net_plain_read(struct net_stream *s)
{
	size_t most = net_in_room(s);

	if (most > ALV_BLOCK_MAX)
		most = ALV_BLOCK_MAX;
	return s->rx_last >= DIRECT_FROM && most >= DIRECT_FROM ? read_direct(s, most) : read_small(s, most);
}

/* ---- writing ------------------------------------------------------------------------------ */

static ssize_t
send_pieces(struct net_stream *s)
{
	struct iovec  v[PIECES];
	struct msghdr h = { .msg_iov = v };

	for (const struct alv_piece *x = s->out.head; x != NULL && h.msg_iovlen < PIECES; x = x->next)
		v[h.msg_iovlen++] = (struct iovec){ .iov_base = (void *)(uintptr_t)x->p, .iov_len = x->n };
	return sendmsg(s->fd.fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

enum net_io
net_plain_write(struct net_stream *s)
{
	size_t done = 0;

	while (s->out.n > 0 && done < NET_WRITE_TURN) {
		ssize_t n = send_pieces(s);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return NET_IO_BLOCKED;
		if (n < 0) {
			s->sys_errno = errno;
			return NET_IO_RESET;
		}
		alv_chain_drop(&s->out, (size_t)n);
		s->bytes_out += (size_t)n;
		s->sent += (size_t)n;
		s->last_out_us = net_loop_now(s->ctx->loop);
		done += (size_t)n;
	}
	return NET_IO_OK;
}
