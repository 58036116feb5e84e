/* The PROXY header in front of an accepted stream. Invariant: nothing behind the header is taken from the socket here;
 * TLS or the owner find their first byte where they expect it. */
#include <alcove/check.h>

#include "net/stream_int.h"

#include <errno.h>
#include <stdlib.h>

struct net_stream_proxy {
	unsigned versions;
	size_t	 n;
	uint8_t	 bytes[NET_PROXY_MAX];
};

enum alv_err
net_proxy_attach(struct net_stream *s, const struct net_proxy_rule *rule)
{
	if (!alv_cidr_any(rule->trusted, rule->ntrusted, &s->peer))
		s->flags |= NET_F_UNTRUSTED;
	s->proxy = malloc(sizeof(*s->proxy));
	if (s->proxy == NULL)
		return ALV_E_NOMEM;
	s->proxy->versions = rule->versions;
	s->proxy->n = 0;
	return ALV_OK;
}

void
net_proxy_drop(struct net_stream *s)
{
	free(s->proxy);
	s->proxy = NULL;
}

/* What was looked at and belongs to the header leaves the socket. */
static bool
take(struct net_stream *s, size_t n)
{
	struct net_stream_proxy *x = s->proxy;

	if (recv(s->fd.fd, x->bytes + x->n, n, MSG_DONTWAIT) != (ssize_t)n)
		return false;
	x->n += n;
	return true;
}

static enum net_io
refuse(struct net_stream *s, const char *why)
{
	s->tls_why = why;
	return NET_IO_PROXY;
}

enum net_io
net_proxy_step(struct net_stream *s)
{
	struct net_stream_proxy *x = s->proxy;
	struct net_proxy_head	 h;
	ssize_t			 seen = recv(s->fd.fd, x->bytes + x->n, sizeof(x->bytes) - x->n, MSG_DONTWAIT | MSG_PEEK);
	enum net_proxy_step	 step;

	if (seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return NET_IO_BLOCKED;
	if (seen < 0) {
		s->sys_errno = errno;
		return NET_IO_RESET;
	}
	if (seen == 0)	/* a load balancer that only looks whether we are there says nothing at all */
		return x->n == 0 ? NET_IO_EOF : refuse(s, "the connection ends inside the PROXY header");
	step = net_proxy_read(x->bytes, x->n + (size_t)seen, x->versions, &h);
	if (step == NET_PROXY_BAD)
		return refuse(s, h.why);
	if (!take(s, step == NET_PROXY_DONE ? h.size - x->n : (size_t)seen))
		return NET_IO_RESET;
	if (step == NET_PROXY_MORE)
		return NET_IO_BLOCKED;
	if (h.known)
		s->peer = h.source;
	return NET_IO_OK;
}
