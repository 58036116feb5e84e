/* TLS contexts. OpenSSL, TLS 1.2 and 1.3, no renegotiation, no early data, one ticket, ECDSA and RSA. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <alcove/buf.h>
#include <alcove/err.h>

struct net_tls_server;
struct net_tls_client;
struct net_stream;

/* What failed, in words that name the file; for operators. */
struct net_tls_error {
	char text[512];
};

struct net_tls_server_conf {
	const char *cert_file, *key_file;	/* PEM; chain allowed */
	const char *min_protocol;		/* "TLSv1.2" or "TLSv1.3" */
	const char *ciphers;			/* TLS 1.2 list, NULL: ours */
	const char *ciphersuites;		/* TLS 1.3, NULL: OpenSSL's */
	/* Judges a lower-case SNI name ("" when the client sent none). False: the handshake ends with
	 * unrecognized_name. *result goes to the stream's sni_result. Runs on the stream's loop. */
	bool (*sni)(void *arg, const char *name, void **result);
	void *sni_arg;
};
/* NULL: *err says why, naming file and reason (also: key does not belong to the certificate, expired). */
struct net_tls_server *net_tls_server_new(const struct net_tls_server_conf *c, struct net_tls_error *err) ALV_MUST;
void		       net_tls_server_free(struct net_tls_server *t);	/* running streams keep what they need */

struct net_tls_client_conf {
	const char *ca_file;		/* NULL: the system's */
	const char *cert_file, *key_file;	/* mTLS; both or none */
	const char *min_protocol;
	bool	    verify_host;	/* the certificate must be for the host we connect to (name or address) */
};
struct net_tls_client *net_tls_client_new(const struct net_tls_client_conf *c, struct net_tls_error *err) ALV_MUST;
void		       net_tls_client_free(struct net_tls_client *t);

#endif
