/* Records of TLS 1.3 (RFC 8446, section 5) once the handshake, which is OpenSSL's, is over: what is sent is encrypted from where
 * it lies into what is sent, what is received from there into where it stays. OpenSSL's own record layer copies all twice
 * on either way, and keeps 13 KiB for each connection. TLS 1.2 stays with OpenSSL. See ../INTERNALS.md.
 *
 * No sockets in here. One thread at a time. Whatever the peer sent is checked; what is decrypted counts for nothing before its
 * tag was found good. */
#ifndef NET_RECORD_H
#define NET_RECORD_H

#include <alcove/buf.h>

#include <openssl/ssl.h>

enum {
	NET_RECORD_HEAD = 5,
	NET_RECORD_PLAIN = 16384,	/* at most, of one record */
	NET_RECORD_MORE = NET_RECORD_HEAD + 1 + 16,	/* what sealing adds */
	NET_RECORD_MAX = NET_RECORD_HEAD + NET_RECORD_PLAIN + 256,
	NET_RECORD_SECRET = 48		/* bytes, at most */
};

/* The traffic secrets of a connection and how many records have gone under each; filled while the handshake runs. */
struct net_secrets {
	struct {
		uint8_t	 secret[NET_RECORD_SECRET];
		uint8_t	 n;		/* 0: not there yet */
		uint64_t records;
	} from_client, from_server;
};
/* Lets an SSL of either side, before its handshake, fill *x. Where the context was told (net_record_watch_ctx). */
void net_record_watch_ctx(SSL_CTX *ctx);
bool net_record_watch(SSL *ssl, struct net_secrets *x) ALV_MUST;
/* Nothing is filled from here on. */
void net_record_unwatch(SSL *ssl);

struct net_record;

/* For a handshake that is done. NULL: it stays with OpenSSL (TLS 1.2, a cipher that is not known here, bytes that OpenSSL has
 * taken already), or memory is out. */
struct net_record *net_record_new(const SSL *ssl, const struct net_secrets *x) ALV_MUST;
void		   net_record_free(struct net_record *r);	/* wipes; NULL is allowed */

/* ---- sending ----------------------------------------------------------------------------------------- */

/* One record with the first n bytes of `from` (1 to NET_RECORD_PLAIN), which are not taken out. To `out`, which has room for n +
 * NET_RECORD_MORE. False: OpenSSL failed. */
bool net_record_seal(struct net_record *r, const struct alv_chain *from, size_t n, uint8_t *out) ALV_MUST;
/* The peer is told of new keys for what follows, which are then in use. -> bytes at `out`, NET_RECORD_SMALL at most; 0: OpenSSL failed */
enum { NET_RECORD_SMALL = 64 };
size_t net_record_renew(struct net_record *r, uint8_t *out) ALV_MUST;
/* The peer asked for new keys and has not got them. */
bool   net_record_owes(const struct net_record *r);
/* close_notify, or the alert that belongs to what net_record_open found. -> bytes at `out`, NET_RECORD_SMALL at most; 0: OpenSSL failed */
size_t net_record_bye(struct net_record *r, uint8_t *out) ALV_MUST;

/* ---- receiving --------------------------------------------------------------------------------------- */

enum net_record_is {
	NET_RECORD_DATA,	/* *got bytes of payload, perhaps none */
	NET_RECORD_END,		/* close_notify: the peer sends no more */
	NET_RECORD_BAD		/* net_record_why; nothing of it counts */
};
/* Bytes of the whole record that begins with this header; 0: no header of one that may come now (net_record_why). */
size_t net_record_size(struct net_record *r, const uint8_t head[static NET_RECORD_HEAD]);
/* One whole record of n bytes. `out` has room for net_record_room(n) bytes, which may be overwritten whatever the result is. */
enum net_record_is net_record_open(struct net_record *r, const uint8_t *p, size_t n, uint8_t *out, size_t *got) ALV_MUST;
static inline size_t
net_record_room(size_t n)
{
	return n > NET_RECORD_MORE ? n - NET_RECORD_MORE : 0;
}
/* What was wrong; OpenSSL's words; static. */
const char *net_record_why(const struct net_record *r);

#endif
