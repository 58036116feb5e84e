/* TLS contexts. OpenSSL, TLS 1.2 and 1.3, no renegotiation, no early data, one ticket, ECDSA and RSA. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <alcove/buf.h>
#include <alcove/err.h>

struct net_tls_server;
struct net_tls_client;
struct net_stream;

/* Record buffers are kept by each thread for the next record (tls_mem.c). For the whole process, before anything else is asked
 * of OpenSSL; later it changes nothing. */
void net_tls_memory(void);

/* What failed, in words that name the file; for operators. */
struct net_tls_error {
	char text[512];
};

struct net_tls_pair {
	const char *cert_file, *key_file;	/* PEM; chain allowed */
};
/* Of a client's certificate; crl_file NULL: nobody asks what was revoked. With one, each authority that signed a client's must
 * have a list in it that is not out of date. */
struct net_tls_authority {
	const char *whose, *ca_file, *crl_file;
};
/* ssl.client.auth: whether clients are asked for a certificate; one that is shown must be good. */
enum net_tls_ask { NET_TLS_ASK_NONE, NET_TLS_ASK_REQUESTED, NET_TLS_ASK_REQUIRED };

struct net_tls_server_conf {
	const char *cert_file, *key_file;	/* the first pair; NULL: only those of `pairs` */
	/* More of them. A handshake takes the first of those whose names fit SNI best (a full name before a wildcard), else
	 * the first. Pairs for the very same names may differ in the kind of key (RSA, ECDSA): then the client chooses. */
	const struct net_tls_pair *pairs;
	size_t			   npairs;
	const char *min_protocol;		/* "TLSv1.2" or "TLSv1.3" */
	const char *ciphers;			/* TLS 1.2 list, NULL: ours */
	const char *ciphersuites;		/* TLS 1.3, NULL: OpenSSL's */
	enum net_tls_ask client_auth;		/* not NONE: no tickets */
	const char *client_ca_file;		/* PEM; required where they are asked, unless there are authorities */
	const char *client_crl_file;		/* PEM: what these have revoked; NULL: nobody asks */
	/* Of names that have their own, in place of those two. whose: of which of them a name is, after `sni` and with its result;
	 * null: of none. NULL where there are none. */
	const struct net_tls_authority *authorities;
	size_t			       nauthorities;
	struct alv_str (*whose)(void *arg, const char *name, void *result);
	/* Judges a lower-case SNI name ("" when the client sent none). False: the handshake ends with
	 * unrecognized_name. *result goes to the stream's sni_result. Runs on the stream's loop. */
	bool (*sni)(void *arg, const char *name, void **result);
	/* What stands behind the name now: a session is resumed only while this is the same. NULL: nothing ever changes. After
	 * `sni` said yes, with its result. */
	uint64_t (*trust)(void *arg, const char *name, void *result);
	void *sni_arg;
	uint64_t (*clock_us)(void);		/* for the keys of tickets; NULL: alv_mono_us */
};
/* NULL: *err says why, naming file and reason (also: key does not belong to the certificate, expired). */
struct net_tls_server *net_tls_server_new(const struct net_tls_server_conf *c, struct net_tls_error *err) ALV_MUST;
void		       net_tls_server_free(struct net_tls_server *t);	/* running streams keep what they need */

/* Another configuration for a server in use, in two steps, so that several can change together or not at all: made aside
 * and checked whole, then put in place. Handshakes that begin from then on go by it, nothing that runs is touched; tickets
 * of before mean a full handshake. False: *err says why. Any thread. */
struct net_tls_server_set;
bool net_tls_server_prepare(const struct net_tls_server_conf *c, struct net_tls_server_set **out, struct net_tls_error *err) ALV_MUST;
/* The first one of a new server. NULL: out of memory, and set is freed. */
struct net_tls_server *net_tls_server_new_of(struct net_tls_server_set *set) ALV_MUST;
void net_tls_server_use(struct net_tls_server *t, struct net_tls_server_set *set);	/* takes set */
void net_tls_server_set_free(struct net_tls_server_set *set);				/* one that was not used; NULL is allowed */

struct net_tls_client_conf {
	const char *ca_file;		/* NULL: the system's */
	const char *cert_file, *key_file;	/* mTLS; both or none */
	const char *min_protocol;
	bool	    verify_host;	/* the certificate must be for the host we connect to (name or address) */
};
struct net_tls_client *net_tls_client_new(const struct net_tls_client_conf *c, struct net_tls_error *err) ALV_MUST;
void		       net_tls_client_free(struct net_tls_client *t);
/* The same two steps as a server's. */
struct net_tls_client_set;
bool net_tls_client_prepare(const struct net_tls_client_conf *c, struct net_tls_client_set **out, struct net_tls_error *err) ALV_MUST;
void net_tls_client_use(struct net_tls_client *t, struct net_tls_client_set *set);
void net_tls_client_set_free(struct net_tls_client_set *set);

#endif
