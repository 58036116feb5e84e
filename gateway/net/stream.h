/* A byte stream over a socket, plain or TLS, on one loop: what the proxy and the cluster links speak through.
 * No Kafka in here.
 *
 * Reading: bytes arrive in `in`; the owner consumes from its front (alv_chain_cut, alv_chain_drop) in on_data. The
 * stream reads only while in.n < in_max, so in.n never passes in_max by more than one TLS record; the owner raises
 * in_max when it admitted a larger frame, and calls net_stream_more after it consumed outside on_data. in_max 0 is
 * back-pressure: nothing is read (a reset is noticed all the same).
 * in_eof: the peer sends no more; on_data tells it. The stream stays open for writing until the owner closes it.
 * Writing: net_stream_send takes a chain; what the socket does not take waits in `out`. on_drained comes when out fell
 * to low water after it was above high water. Several sends in one turn leave as one write (at the end of the turn).
 * An idle stream holds no block and, with TLS, no OpenSSL buffers (SSL_MODE_RELEASE_BUFFERS); with TLS 1.3 nothing of OpenSSL's but
 * two ciphers (record.h).
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

#include "net/dial.h"
#include "net/loop.h"
#include "net/proxy_protocol.h"

struct net_stream;
struct net_tls_server;	/* a listener's certificates and SNI rule; see tls.h */
struct net_tls_client;
struct net_secrets;
struct net_record;

/* Why a stream ended, for the row of close.def that the owner picks. */
enum net_end {
	NET_END_OURS,		/* net_stream_close */
	NET_END_EOF,		/* the peer closed first (net_stream_close after in_eof), or before it said anything */
	NET_END_RESET,		/* connection reset, broken pipe and their kin: sys_errno */
	NET_END_TRUNCATED,	/* closed inside a handshake or TLS record, or without close_notify while `in` holds bytes */
	NET_END_TLS,		/* handshake or record failure; net_stream_tls_reason has OpenSSL's words */
	NET_END_SNI,		/* the SNI rule refused the name (an alert was sent) */
	NET_END_UNTRUSTED,	/* a PROXY header is wanted, and the peer is nobody whose word counts */
	NET_END_PROXY,		/* no PROXY header, or a malformed one; net_stream_tls_reason says more */
	NET_END_CONNECT,	/* connect failed: sys_errno */
	NET_END_TIMEOUT,	/* a timer of the stream: handshake or connect */
	NET_END_NOMEM
};

/* None of them is called from inside a net_stream_* call. on_closed may come without on_open. Within on_open, on_data
 * and on_drained the owner may send and close, but not fini. */
struct net_stream_ops {
	void (*on_open)(struct net_stream *s);		/* connected and, with TLS, handshake done */
	void (*on_data)(struct net_stream *s);		/* `in` grew; or eof came (in_eof) */
	void (*on_drained)(struct net_stream *s);
	void (*on_closed)(struct net_stream *s, enum net_end why);
	void (*on_wrote)(struct net_stream *s);		/* NULL: nobody asks. The socket took some of what was to be sent */
};

struct net_stream_ctx {		/* one per loop: shared buffers and pool; owner: the worker */
	struct net_loop *loop;
	struct alv_pool *pool;
	struct net_stream_shared *shared;
	struct net_sources *sources;	/* of what is dialled; NULL: as the system picks */
	uint32_t dead_in_ms, dead_out_ms;	/* net_dead_after, of what is accepted and dialled; in 0: the listener saw to it */
	uint32_t rekey_records;	/* TLS 1.3: a KeyUpdate after so many records sent under one key. AES-GCM's limit lies at 2^24.5
				 * (RFC 8446, 5.5), and OpenSSL does not look after it; init sets 2^24 */
};
enum { NET_IN_MAX = 64 * 1024, NET_HIGH_WATER = 256 * 1024 };	/* what a new stream starts with */
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
	bool			in_cut;		/* TLS: that eof was no close_notify */
	uint64_t		bytes_in, bytes_out;	/* of the payload, not of TLS */
	uint64_t		sent;			/* bytes that the socket took, of TLS where there is TLS */
	uint64_t		last_in_us, last_out_us;	/* monotonic, last progress */
	int			sys_errno;
	struct sockaddr_storage peer;		/* of accepted ones; with PROXY protocol the client's, from on_open on */
	uint64_t	       *worked_us;	/* the owner's: what its events take is added to it; NULL: nobody asks */
	/* the stream's own */
	struct net_fd		fd;
	struct net_timer	timer;
	struct net_later	later, shake;	/* shake: a handshake's step waits for its turn */
	struct net_stream_ctx  *ctx;
	struct ssl_st	       *ssl;		/* of TLS 1.3 only until on_open has returned */
	struct net_secrets     *secrets;	/* while the handshake lasts */
	struct net_record      *record;		/* TLS 1.3 behind its handshake */
	struct net_stream_part *part;		/* of a record that is not whole yet */
	struct net_stream_proxy *proxy;		/* while its header is awaited */
	struct net_stream_pending *pending;	/* ciphertext the socket did not take; bounded by one shared buffer */
	uint32_t		flags;
	uint8_t			state, end;
	uint32_t		tls_need;	/* ciphertext bytes that complete the record at hand */
	uint32_t		rx_last;	/* what the last read brought: the next one's measure */
	uint32_t		under_key;	/* records sent since the last KeyUpdate of ours */
	const char	       *tls_why;
	char		       *sni;		/* lower case, NULL when none; on servers, until on_open has returned */
	void		       *sni_result;	/* what the SNI rule found; the owner's */
};

/* Server side of an accepted descriptor (nonblocking; owned by the stream from here on, also on error).
 * tls NULL: plain. on_open comes later; handshake_ms bounds the wait for it. *s is set whole; the owner may then change
 * peer, in_max and high_water. Fails only for want of memory or descriptors; then nothing is called, and only fini may be. */
enum alv_err net_stream_accept(struct net_stream *s, struct net_stream_ctx *c, int fd, const struct net_tls_server *tls,
    uint32_t handshake_ms, const struct net_stream_ops *ops, void *owner) ALV_MUST;
/* The same behind a load balancer: a PROXY header comes first, within handshake_ms too. rule NULL: none does. */
enum alv_err net_stream_accept_behind(struct net_stream *s, struct net_stream_ctx *c, int fd, const struct net_proxy_rule *rule,
    const struct net_tls_server *tls, uint32_t handshake_ms, const struct net_stream_ops *ops, void *owner) ALV_MUST;
/* Client side; addr was resolved before (net/job.h). host: for SNI and verification. connect_ms bounds the way to
 * on_open, TLS included. A refused connect is told by on_closed. TLS: the
 * host is empty or no possible name. */
enum alv_err net_stream_connect(struct net_stream *s, struct net_stream_ctx *c, const struct sockaddr *addr, socklen_t n,
    const struct net_tls_client *tls, const char *host, uint32_t connect_ms, const struct net_stream_ops *ops,
    void *owner) ALV_MUST;
/* Takes everything out of data (of the same pool). After close, and after the end, it is dropped. */
void net_stream_send(struct net_stream *s, struct alv_chain *data);
bool net_stream_full(const struct net_stream *s);
/* Bytes that were given to net_stream_send and that the socket did not take yet, in whatever form they wait. */
size_t net_stream_left(const struct net_stream *s);
/* The owner consumed or raised in_max: go on reading. on_data comes when there are new bytes, not for the old ones. */
void net_stream_more(struct net_stream *s);
/* Bytes that were not read yet wait in the socket. */
bool net_stream_waiting(const struct net_stream *s);
/* To another loop. Quiet: open, nothing to send, nothing under way; it may hold received bytes. Leave, on the old loop's
 * thread and not from inside a callback of the stream; false: it stays as it is. Enter, on the new one's; where that
 * fails the stream ends, told by on_closed as always. In between only its owner knows it, and calls nothing. */
bool net_stream_quiet(const struct net_stream *s);
bool net_stream_leave(struct net_stream *s) ALV_MUST;
void net_stream_enter(struct net_stream *s, struct net_stream_ctx *c);
/* flush: what is queued goes out first, for NET_CLOSE_MS at most. A second call without flush ends that wait. */
enum { NET_CLOSE_MS = 5000 };
void net_stream_close(struct net_stream *s, bool flush);
void net_stream_fini(struct net_stream *s);	/* only after on_closed, or when accept/connect failed */
/* Why it ended, for labels and logs: "eof", "reset". Static. */
const char *net_end_name(enum net_end e);
/* OpenSSL's words for NET_END_TLS, ours for NET_END_PROXY, or ""; static. */
const char *net_stream_tls_reason(const struct net_stream *s);
/* The subject of the certificate that the peer showed and that was verified, as in RFC 2253, cut where it does not fit; ""
 * where it showed none. Within on_open only. */
void net_stream_subject(const struct net_stream *s, char *out, size_t n);
/* The whole of it, or the first of its alternative names of a kind: bytes as they stand there, to be checked. False: there is none,
 * or it does not fit into out. Within on_open only. */
enum net_named { NET_NAMED_SUBJECT, NET_NAMED_DNS, NET_NAMED_URI, NET_NAMED_EMAIL };
bool net_stream_named(const struct net_stream *s, enum net_named by, struct alv_buf *out) ALV_MUST;
/* Was it verified by an authority of that name's own? */
bool net_stream_own_authority(const struct net_stream *s);
/* Address of the peer as text without port; out has room for INET6_ADDRSTRLEN. */
void net_peer_text(const struct sockaddr_storage *a, char out[static 46]);

#endif
