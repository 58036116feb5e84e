/* A byte stream over a socket, plain or TLS, on one loop: what the proxy and the cluster links speak through.
 * No Kafka in here.
 *
 * Reading: bytes arrive in `in`; the owner consumes from its front (alv_chain_cut, alv_chain_drop) in on_data. The
 * stream reads only while in.n < in_max; the owner raises in_max when it admitted a larger frame, and calls
 * net_stream_more after it consumed outside on_data. in_max 0 is back-pressure: nothing is read.
 * Writing: net_stream_send takes a chain; what the socket does not take waits in `out`. on_drained comes when out fell
 * to low water after it was above high water. Several sends in one turn leave as one write (at the end of the turn).
 * An idle stream holds no block and, with TLS, no OpenSSL buffers (SSL_MODE_RELEASE_BUFFERS).
 * Closing: net_stream_close ends it from our side (flushes what is queued first where `flush`), reported through
 * on_closed once, always, from a later point of the turn, never from inside a call of the owner. After on_closed the
 * owner frees it (net_stream_fini).
 *
 * TLS goes through a BIO of ours over the worker's shared buffers (256 KiB in, 256 KiB out per loop): many records
 * are one recv or one send. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <alcove/buf.h>
#include <alcove/err.h>

#include <sys/socket.h>

#include "net/loop.h"

struct net_stream;
struct net_tls_server;	/* a listener's certificates and SNI rule; see tls.h */
struct net_tls_client;

/* Why a stream ended, for the row of close.def that the owner picks. */
enum net_end {
	NET_END_OURS,		/* net_stream_close */
	NET_END_EOF,		/* the peer closed in order */
	NET_END_RESET,		/* connection reset, broken pipe and their kin */
	NET_END_TRUNCATED,	/* TLS: closed without close_notify in the middle of something */
	NET_END_TLS,		/* handshake or record failure; tls_reason() has OpenSSL's words */
	NET_END_SNI,		/* the SNI rule refused the name (an alert was sent) */
	NET_END_CONNECT,	/* connect failed: sys_errno */
	NET_END_TIMEOUT,	/* a timer of the stream: handshake or connect */
	NET_END_NOMEM
};

struct net_stream_ops {
	void (*on_open)(struct net_stream *s);		/* connected and, with TLS, handshake done */
	void (*on_data)(struct net_stream *s);		/* `in` grew; or eof came (in_eof) */
	void (*on_drained)(struct net_stream *s);
	void (*on_closed)(struct net_stream *s, enum net_end why);
};

struct net_stream_ctx {		/* one per loop: shared buffers and pool; owner: the worker */
	struct net_loop *loop;
	struct alv_pool *pool;
	struct net_stream_shared *shared;
};
enum alv_err net_stream_ctx_init(struct net_stream_ctx *c, struct net_loop *l, struct alv_pool *pool) ALV_MUST;
void	     net_stream_ctx_fini(struct net_stream_ctx *c);

struct net_stream {
	const struct net_stream_ops *ops;
	void		       *owner;
	struct alv_chain	in;		/* received, not yet consumed */
	struct alv_chain	out;		/* to send */
	size_t			in_max;		/* stop reading at this many bytes in `in` */
	size_t			high_water;	/* net_stream_full() above this */
	bool			in_eof;
	uint64_t		bytes_in, bytes_out;	/* of the payload, not of TLS */
	uint64_t		last_in_us, last_out_us;	/* monotonic, last progress */
	int			sys_errno;
	struct sockaddr_storage peer;		/* of accepted ones; PROXY protocol may replace it later */
	/* the stream's own */
	struct net_fd		fd;
	struct net_timer	timer;
	struct net_later	later;
	struct net_stream_ctx  *ctx;
	struct ssl_st	       *ssl;
	struct net_stream_pending *pending;	/* ciphertext the socket did not take; bounded by one shared buffer */
	uint32_t		flags;
	char			sni[256];	/* lower case, "" when none; set before on_open on servers */
	void		       *sni_result;	/* what the SNI rule found; the owner's */
};

/* Server side of an accepted descriptor (nonblocking; owned by the stream from here on, also on error).
 * tls NULL: plain. on_open comes later; handshake_ms bounds the wait for it. */
enum alv_err net_stream_accept(struct net_stream *s, struct net_stream_ctx *c, int fd, const struct net_tls_server *tls,
    uint32_t handshake_ms, const struct net_stream_ops *ops, void *owner) ALV_MUST;
/* Client side; addr was resolved before (net/resolve.h). host: for SNI and verification. */
enum alv_err net_stream_connect(struct net_stream *s, struct net_stream_ctx *c, const struct sockaddr *addr, socklen_t n,
    const struct net_tls_client *tls, const char *host, uint32_t connect_ms, const struct net_stream_ops *ops,
    void *owner) ALV_MUST;
/* Takes everything out of data. */
void net_stream_send(struct net_stream *s, struct alv_chain *data);
bool net_stream_full(const struct net_stream *s);
/* The owner consumed or raised in_max: go on reading. on_data may follow at the end of the turn. */
void net_stream_more(struct net_stream *s);
void net_stream_close(struct net_stream *s, bool flush);
void net_stream_fini(struct net_stream *s);	/* only after on_closed, or when accept/connect failed */
/* OpenSSL's words for NET_END_TLS, or ""; static or the stream's memory. */
const char *net_stream_tls_reason(const struct net_stream *s);
/* Address of the peer as text without port; out has room for INET6_ADDRSTRLEN. */
void net_peer_text(const struct sockaddr_storage *a, char out[static 46]);

#endif
