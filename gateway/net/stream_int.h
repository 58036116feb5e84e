/* What the files of the stream share: states, the loop's shared buffers, and how plain and TLS read and write. */
#ifndef NET_STREAM_INT_H
#define NET_STREAM_INT_H

#include "net/record.h"
#include "net/stream.h"

enum {
	NET_ST_NEW,
	NET_ST_CONNECT,
	NET_ST_PROXY,		/* the PROXY header is still to come */
	NET_ST_HANDSHAKE,
	NET_ST_OPEN,
	NET_ST_CLOSING,		/* ours, flushing: reads no more */
	NET_ST_ENDED,		/* no descriptor any more; on_closed is due */
	NET_ST_REPORTED
};

enum {
	NET_F_OPENING = 1,	/* open, and on_open is due */
	NET_F_OUT = 2,		/* the socket is full or the turn's share is used up: waits for EPOLLOUT */
	NET_F_WAS_FULL = 4,	/* went above high water; on_drained is due below */
	NET_F_SNI = 8,		/* the SNI rule said no */
	NET_F_HEARD = 16,	/* the peer sent at least a byte, a PROXY header apart */
	NET_F_UNTRUSTED = 32,	/* it may not say whose connection it passes on */
	NET_F_OWN_AUTHORITY = 64	/* its certificate is held against the name's own authorities */
};

/* What one step of reading or writing came to. */
enum net_io { NET_IO_OK, NET_IO_BLOCKED, NET_IO_EOF, NET_IO_CUT, NET_IO_RESET, NET_IO_TLS, NET_IO_SNI, NET_IO_PROXY,
	NET_IO_NOMEM };

enum {
	NET_SHARED = ALV_BLOCK_MAX,
	NET_TLS_PLAIN = 16384,		/* plaintext of one record */
	NET_TLS_RECORD = NET_TLS_PLAIN + 512,
	NET_TLS_SLACK = 1024,		/* kept for what OpenSSL writes by itself: KeyUpdate, alerts */
	/* So much that what one read of the other side brought is one send here, with the records' overhead. */
	NET_SHARED_OUT = NET_SHARED + NET_TLS_RECORD + NET_TLS_SLACK,
	NET_WRITE_TURN = 1024 * 1024	/* a stream's share of a turn */
};

/* One stream's at a time, within one step; empty between steps. */
struct net_stream_shared {
	size_t	in_at, in_n, out_n;
	uint8_t in[NET_RECORD_MAX + NET_SHARED];	/* behind the part of a record that was kept, one read */
	uint8_t out[NET_SHARED_OUT];
	uint8_t scratch[NET_RECORD_MAX];
};

/* Registers an open stream's descriptor with the loop of its ctx; where that fails the stream ends. */
void net_stream_adopt(struct net_stream *s);

/* A place to receive into, at the end of `in`. */
struct net_room {
	struct alv_block *block;
	uint8_t		 *p;
	size_t		  n;
	bool		  fresh;
};
size_t net_in_room(const struct net_stream *s);
/* For `expect` more bytes; false: out of memory. Every get is followed by a take (of 0 bytes, too). */
bool   net_room_get(struct net_stream *s, size_t expect, struct net_room *r) ALV_MUST;
void   net_room_take(struct net_stream *s, struct net_room *r, size_t n);
/* n bytes from elsewhere, in as many places as they need. */
enum net_io net_room_copy(struct net_stream *s, const uint8_t *p, size_t n);

enum net_io net_plain_read(struct net_stream *s) ALV_MUST;
enum net_io net_plain_write(struct net_stream *s) ALV_MUST;

struct ssl_st *net_tls_server_ssl(const struct net_tls_server *t) ALV_MUST;
struct ssl_st *net_tls_client_ssl(const struct net_tls_client *t, const char *host) ALV_MUST;
/* Takes ssl also when it fails. */
enum alv_err net_tls_attach(struct net_stream *s, struct ssl_st *ssl) ALV_MUST;
enum net_io  net_tls_handshake(struct net_stream *s) ALV_MUST;
enum net_io  net_tls_read(struct net_stream *s) ALV_MUST;
enum net_io  net_tls_write(struct net_stream *s) ALV_MUST;
void	     net_tls_bye(struct net_stream *s);	/* close_notify, as far as the socket takes it */
void	     net_tls_opened(struct net_stream *s);	/* the owner knows; what only the handshake needed goes */
void	     net_tls_drop(struct net_stream *s);
static inline bool
net_tls_has(const struct net_stream *s)
{
	return s->ssl != NULL || s->record != NULL;
}

/* stream_record.c: what takes over from OpenSSL behind the handshake, where it can. Await: before the handshake; false: out of
 * memory. Begin: behind it; `record` tells whether it did. Drop: the end. */
bool	    net_record_await(struct net_stream *s) ALV_MUST;
void	    net_record_begin(struct net_stream *s);
void	    net_record_drop(struct net_stream *s);
/* What was kept of a record that is not whole, in bytes; and its way back to the front of shared.in. */
size_t	    net_record_kept(const struct net_stream *s);
void	    net_record_restore(struct net_stream *s);
enum net_io net_record_read(struct net_stream *s) ALV_MUST;	/* all that is in shared.in */
enum net_io net_record_write(struct net_stream *s) ALV_MUST;	/* one record from the front of `out` into shared.out */

/* stream_proxy.c. A step's OK: the header was there, and s->peer is the client's. */
enum alv_err net_proxy_attach(struct net_stream *s, const struct net_proxy_rule *rule) ALV_MUST;
enum net_io  net_proxy_step(struct net_stream *s) ALV_MUST;
void	     net_proxy_drop(struct net_stream *s);

/* The BIO under a stream's SSL, and what it collected. */
struct bio_st *net_bio_new(struct net_stream *s) ALV_MUST;
enum net_io    net_bio_flush(struct net_stream *s) ALV_MUST;
size_t	       net_pending(const struct net_stream *s);	/* bytes that the socket did not take yet */
void	       net_pending_drop(struct net_stream *s);

#endif
