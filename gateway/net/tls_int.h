/* What the files about TLS contexts share. */
#ifndef NET_TLS_INT_H
#define NET_TLS_INT_H

#include <alcove/check.h>

#include "net/stream_int.h"
#include "net/tls.h"

#include <openssl/ssl.h>

void net_tls_fail(struct net_tls_error *err, const char *fmt, ...) ALV_PRINTF(2, 3);
/* OpenSSL's words for what failed last; static. */
const char *net_tls_why(void);
/* What every context is told. NULL: *err says why. */
SSL_CTX *net_tls_ctx(const SSL_METHOD *method, const char *min_protocol, struct net_tls_error *err) ALV_MUST;
bool	 net_tls_load_pair(SSL_CTX *ctx, const char *cert, const char *key, struct net_tls_error *err) ALV_MUST;
/* Whom to believe; NULL: the system's authorities. */
bool	 net_tls_readable(const char *file, const char *what, struct net_tls_error *err) ALV_MUST;
bool	 net_tls_trust(SSL_CTX *ctx, const char *ca_file, struct net_tls_error *err) ALV_MUST;

/* ---- tls_clients.c: whose certificates clients may have ------------------------------------------------- */
struct net_clients;	/* immutable, counted, any thread */
/* *out is to be freed also where it fails. */
bool	 net_clients_new(const struct net_tls_server_conf *c, struct net_clients **out, struct net_tls_error *err) ALV_MUST;
void	 net_clients_free(struct net_clients *x);	/* one user less; NULL is allowed */
void	 net_clients_hold(struct net_clients *x);	/* one more */
uint64_t net_clients_number(const struct net_clients *x);	/* no two have the same; not 0 */
/* What a context is told of it. */
bool net_clients_ask(const struct net_clients *x, SSL_CTX *ctx, struct net_tls_error *err) ALV_MUST;
/* In the handshake, when the context is chosen. *own: the name has its own. False: out of memory. */
bool net_clients_use(const struct net_clients *x, SSL *ssl, struct alv_str whose, bool *own) ALV_MUST;
/* Would they let in now what was believed before, by a name's own or not? What only time brings is not looked at: the ends of
 * certificates and lists. chain: what the client sent besides. */
bool net_clients_believe(const struct net_clients *x, struct alv_str whose, bool own, X509 *cert, STACK_OF(X509) *chain) ALV_MUST;
/* The certificate that a stream's peer showed and that was verified; NULL: none. Within on_open only; the stream's. */
X509 *net_verified(const struct net_stream *s);

/* ---- of a server, for those who ask later (tls_server.c) ------------------------------------------------ */
/* Whom it believes now, with a user more; free it. */
struct net_clients *net_tls_server_clients(const struct net_tls_server *t) ALV_MUST;
/* Whom the handshake of this SSL went by; whose name it was by what `whose` says. */
const struct net_clients *net_tls_clients_of(const SSL *ssl);
struct alv_str		  net_tls_whose(const struct net_stream *s);

/* ---- tls_ticket.c: keys of session tickets ------------------------------------------------------------ */
struct net_tickets;
struct net_tickets *net_tickets_new(uint64_t (*clock_us)(void)) ALV_MUST;
void		    net_tickets_free(struct net_tickets *t);	/* wipes */
/* OpenSSL's callback (SSL_CTX_set_tlsext_ticket_key_evp_cb) less its first argument. Any thread. */
int net_tickets_key(struct net_tickets *t, uint8_t name[static 16], uint8_t iv[static 16], EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
    int seal);

/* ---- tls_names.c: which certificate is good for which name --------------------------------------------- */
struct net_names {	/* the DNS names of a certificate, lower case, sorted */
	size_t n;
	char **name;
};
bool net_names_of(const X509 *cert, struct net_names *out) ALV_MUST;	/* false: out of memory */
void net_names_free(struct net_names *x);
bool net_names_equal(const struct net_names *a, const struct net_names *b);
/* 2: by its full name, 1: by a wildcard, 0: not. */
int  net_names_match(const struct net_names *x, const char *name);

#endif
