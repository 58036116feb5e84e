/* OpenSSL's BIO over the loop's shared buffers: many records are one recv and one send.
 * Invariants: shared.in and shared.out belong to one stream during one step and are empty between steps; what the socket
 * did not take is the stream's `pending`, older than anything in shared.out, and never more than that holds. */
#include <alcove/check.h>

#include "net/stream_int.h"

#include <errno.h>
#include <openssl/bio.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct net_stream_pending {
	size_t	at, n;	/* from at to n is still to go */
	uint8_t data[];
};

static int
bio_read(BIO *b, char *to, int n)
{
	struct net_stream	 *s = BIO_get_data(b);
	struct net_stream_shared *sh = s->ctx->shared;
	size_t			  part = sh->in_n - sh->in_at;

	BIO_clear_retry_flags(b);
	if (n <= 0)
		return 0;
	if (part > (size_t)n)
		part = (size_t)n;
	/* OpenSSL asks for a record's header or for the rest of it, exactly: what it lacks now completes that. */
	s->tls_need = (uint32_t)((size_t)n - part);
	if (part == 0) {
		BIO_set_retry_read(b);
		return -1;
	}
	memcpy(to, sh->in + sh->in_at, part);
	sh->in_at += part;
	return (int)part;
}

static int
bio_write(BIO *b, const char *from, int n)
{
	struct net_stream	 *s = BIO_get_data(b);
	struct net_stream_shared *sh = s->ctx->shared;
	size_t			  part = NET_SHARED_OUT - sh->out_n;

	BIO_clear_retry_flags(b);
	if (n <= 0)
		return 0;
	if (part == 0) {
		BIO_set_retry_write(b);
		return -1;
	}
	if (part > (size_t)n)
		part = (size_t)n;
	memcpy(sh->out + sh->out_n, from, part);
	sh->out_n += part;
	return (int)part;
}

static long
bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;	/* leaves when the step ends */
}

static BIO_METHOD    *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void
make_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "alcove");

	if (m == NULL)
		return;
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_ctrl(m, bio_ctrl);
	method = m;
}

BIO *
net_bio_new(struct net_stream *s)
{
	BIO *b;

	pthread_once(&method_once, make_method);
	b = method == NULL ? NULL : BIO_new(method);
	if (b != NULL) {
		BIO_set_data(b, s);
		BIO_set_init(b, 1);
	}
	return b;
}

size_t
net_pending(const struct net_stream *s)
{
	return s->pending == NULL ? 0 : s->pending->n - s->pending->at;
}

void
net_pending_drop(struct net_stream *s)
{
	free(s->pending);
	s->pending = NULL;
}

/* As much of p as the socket takes; *took tells. */
static enum net_io
send_some(struct net_stream *s, const uint8_t *p, size_t n, size_t *took)
{
	*took = 0;
	while (*took < n) {
		ssize_t r = send(s->fd.fd, p + *took, n - *took, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return NET_IO_BLOCKED;
		if (r < 0) {
			s->sys_errno = errno;
			return NET_IO_RESET;
		}
		*took += (size_t)r;
		s->sent += (size_t)r;
		s->last_out_us = net_loop_now(s->ctx->loop);
	}
	return NET_IO_OK;
}

static enum net_io
send_pending(struct net_stream *s)
{
	enum net_io io;
	size_t	    took;

	io = send_some(s, s->pending->data + s->pending->at, net_pending(s), &took);
	s->pending->at += took;
	if (io == NET_IO_OK)
		net_pending_drop(s);
	return io;
}

/* Keeps n bytes behind what is pending. TLS: more than one buffer, which a peer gets to only by making OpenSSL answer
 * again and again without reading the answers. */
static enum net_io
keep(struct net_stream *s, const uint8_t *p, size_t n)
{
	struct net_stream_pending *k;
	size_t			   old = net_pending(s);

	if (n == 0)
		return NET_IO_BLOCKED;
	if (old + n > NET_SHARED_OUT) {
		s->tls_why = "the peer does not read what it asks for";
		return NET_IO_TLS;
	}
	k = malloc(sizeof(*k) + old + n);
	if (k == NULL)
		return NET_IO_NOMEM;
	k->at = 0;
	k->n = old + n;
	if (old > 0)
		memcpy(k->data, s->pending->data + s->pending->at, old);
	memcpy(k->data + old, p, n);
	net_pending_drop(s);
	s->pending = k;
	return NET_IO_BLOCKED;
}

enum net_io
net_bio_flush(struct net_stream *s)
{
	struct net_stream_shared *sh = s->ctx->shared;
	enum net_io		  io = NET_IO_OK;
	size_t			  took = 0, n = sh->out_n;

	sh->out_n = 0;
	if (s->pending != NULL)
		io = send_pending(s);
	if (io == NET_IO_OK && n > 0)
		io = send_some(s, sh->out, n, &took);
	if (io == NET_IO_BLOCKED)
		io = keep(s, sh->out + took, n - took);
	return io;
}
