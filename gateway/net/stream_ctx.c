/* What streams of one loop have in common, and the texts. */
#include "net/stream_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

enum alv_err
net_stream_ctx_init(struct net_stream_ctx *c, struct net_loop *l, struct alv_pool *pool)
{
	*c = (struct net_stream_ctx){ .loop = l, .pool = pool, .rekey_records = 1 << 24 };
	c->shared = malloc(sizeof(*c->shared));
	if (c->shared == NULL)
		return ALV_E_NOMEM;
	c->shared->in_at = c->shared->in_n = c->shared->out_n = 0;
	return ALV_OK;
}

void
net_stream_ctx_fini(struct net_stream_ctx *c)
{
	free(c->shared);
	c->shared = NULL;
}

const char *
net_end_name(enum net_end e)
{
	static const char *const names[] = {
		[NET_END_OURS] = "ours",
		[NET_END_EOF] = "eof",
		[NET_END_RESET] = "reset",
		[NET_END_TRUNCATED] = "truncated",
		[NET_END_TLS] = "tls",
		[NET_END_SNI] = "sni",
		[NET_END_UNTRUSTED] = "untrusted",
		[NET_END_PROXY] = "proxy",
		[NET_END_CONNECT] = "connect",
		[NET_END_TIMEOUT] = "timeout",
		[NET_END_NOMEM] = "nomem",
	};

	return (size_t)e < ALV_COUNT(names) ? names[e] : "unknown";
}

const char *
net_stream_tls_reason(const struct net_stream *s)
{
	return s->tls_why == NULL ? "" : s->tls_why;
}

void
net_peer_text(const struct sockaddr_storage *a, char out[static 46])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
	const void		  *p = NULL;
	int			   family = a->ss_family;

	if (family == AF_INET) {
		p = &((const struct sockaddr_in *)a)->sin_addr;
	} else if (family == AF_INET6) {
		p = &v6->sin6_addr;
		/* A client of ours over IPv4 is the same client whichever socket took it: ACLs name its address. */
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
			p = &v6->sin6_addr.s6_addr[12];
			family = AF_INET;
		}
	}
	if (p == NULL || inet_ntop(family, p, out, 46) == NULL)
		memcpy(out, "unknown", 8);
}
