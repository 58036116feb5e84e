/* What the tests of TLS streams share: two ends of ours, and a peer that is OpenSSL's own client or server and does what ours
 * never would. Everything is static: each test program has its own. */
#ifndef TESTS_NET_TLS_KIT_H
#define TESTS_NET_TLS_KIT_H

#include "tests/unit/gateway/net/certs.h"
#include "tests/unit/gateway/net/kit.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

__attribute__((unused)) static struct certs	      certs;
__attribute__((unused)) static struct kit	      k;
__attribute__((unused)) static struct net_tls_server *server;
__attribute__((unused)) static struct net_tls_client *client;
__attribute__((unused)) static char		      asked_name[256];
__attribute__((unused)) static int		      tenant;

/* Serves *.kafka.test, localhost and clients without SNI. */
__attribute__((unused)) static bool
judge(void *arg, const char *name, void **result)
{
	size_t n = strlen(name);

	assert_ptr_equal(arg, &certs);
	snprintf(asked_name, sizeof(asked_name), "%s", name);
	*result = &tenant;
	return name[0] == '\0' || strcmp(name, "localhost") == 0 || (n > 11 && strcmp(name + n - 11, ".kafka.test") == 0);
}

__attribute__((unused)) static int
setup_all(void **state)
{
	(void)state;
	certs_make(&certs);
	return 0;
}

__attribute__((unused)) static int
teardown_all(void **state)
{
	(void)state;
	certs_drop(&certs);
	return 0;
}

__attribute__((unused)) static struct net_tls_server *
new_server(const struct cert_id *id)
{
	const struct net_tls_server_conf c = { .cert_file = id->cert_file, .key_file = id->key_file, .sni = judge, .sni_arg = &certs };
	struct net_tls_error		 err = { "" };
	struct net_tls_server		*t = net_tls_server_new(&c, &err);

	assert_string_equal(err.text, "");
	assert_non_null(t);
	return t;
}

__attribute__((unused)) static struct net_tls_client *
new_client(const struct cert_id *identity)
{
	struct net_tls_client_conf c = { .ca_file = certs.ca.cert_file, .verify_host = true };
	struct net_tls_error	   err = { "" };
	struct net_tls_client	  *t;

	if (identity != NULL) {
		c.cert_file = identity->cert_file;
		c.key_file = identity->key_file;
	}
	t = net_tls_client_new(&c, &err);
	assert_string_equal(err.text, "");
	assert_non_null(t);
	return t;
}

__attribute__((unused)) static int
setup(void **state)
{
	(void)state;
	kit_open(&k);
	server = new_server(&certs.server);
	client = new_client(NULL);
	return 0;
}

__attribute__((unused)) static int
teardown(void **state)
{
	(void)state;
	net_tls_server_free(server);
	net_tls_client_free(client);
	kit_close(&k);
	return 0;
}

/* Our client and our server, connected; version 0: as they like. */
__attribute__((unused)) static void
ours_begin(struct side *c, struct side *s, const char *host, int version)
{
	int fd;

	side_connect(&k, c, client, host, &fd);
	if (version != 0)
		assert_int_equal(SSL_set_max_proto_version(c->s.ssl, version), 1);
	side_accept(&k, s, fd, server, 5000);
}

__attribute__((unused)) static void
ours(struct side *c, struct side *s, const char *host, int version)
{
	ours_begin(c, s, host, version);
	TURN_UNTIL(&k, c->opened && s->opened);
	/* Behind the handshake of TLS 1.3 nothing is OpenSSL's. */
	if (version == TLS1_2_VERSION)
		assert_int_equal(SSL_version(c->s.ssl), version);
	else
		assert_true(c->s.ssl == NULL && c->s.record != NULL && s->s.ssl == NULL && s->s.record != NULL);
}

__attribute__((unused)) static void
ours_end(struct side *c, struct side *s)
{
	side_end(&k, c);
	side_end(&k, s);
}

/* ---- a peer of OpenSSL's own, over memory BIOs, so that a test decides when which byte goes ---- */

struct peer {
	SSL_CTX *ctx;
	SSL	*ssl;
	BIO	*in, *out;
	int	 fd;
	size_t	 drip;		/* sends so many bytes per pump; 0: all */
	bool	 deaf;		/* takes nothing from the socket */
	bool	 eof;
	int	 done;		/* of the handshake */
	int	 reason;	/* OpenSSL's, of a failed handshake or read */
	char	 heard[256];	/* the first of it */
	size_t	 nheard;
};

__attribute__((unused)) static void
peer_open(struct peer *p, int fd, bool as_server, const struct cert_id *id)
{
	memset(p, 0, sizeof(*p));
	p->fd = fd;
	p->ctx = SSL_CTX_new(as_server ? TLS_server_method() : TLS_client_method());
	if (id != NULL) {
		assert_int_equal(SSL_CTX_use_certificate_file(p->ctx, id->cert_file, SSL_FILETYPE_PEM), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(p->ctx, id->key_file, SSL_FILETYPE_PEM), 1);
	}
	p->ssl = SSL_new(p->ctx);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	SSL_set_bio(p->ssl, p->in, p->out);
	if (as_server)
		SSL_set_accept_state(p->ssl);
	else
		SSL_set_connect_state(p->ssl);
}

__attribute__((unused)) static void
peer_flush(struct peer *p)
{
	char *bytes;
	long  have = BIO_get_mem_data(p->out, &bytes);
	size_t n = p->drip > 0 && (size_t)have > p->drip ? p->drip : (size_t)have;
	ssize_t sent = n == 0 ? 0 : send(p->fd, bytes, n, MSG_NOSIGNAL);
	char   sink[65536];

	while (sent > 0)
		sent -= BIO_read(p->out, sink, sent < (ssize_t)sizeof(sink) ? (int)sent : (int)sizeof(sink));
}

__attribute__((unused)) static void
peer_pump(struct peer *p)
{
	char	bytes[4096];
	ssize_t n;
	int	r;

	while (!p->deaf && (n = read(p->fd, bytes, sizeof(bytes))) >= 0) {
		if (n == 0) {
			p->eof = true;
			break;
		}
		assert_int_equal(BIO_write(p->in, bytes, (int)n), n);
	}
	ERR_clear_error();
	if (p->done != 1 && p->reason == 0)
		p->done = SSL_do_handshake(p->ssl);
	while (p->done == 1 && p->reason == 0 && (r = SSL_read(p->ssl, bytes, sizeof(bytes))) > 0) {
		if (p->nheard + (size_t)r <= sizeof(p->heard))
			memcpy(p->heard + p->nheard, bytes, (size_t)r);
		p->nheard += (size_t)r;
	}
	if (ERR_peek_error() != 0 && p->reason == 0)
		p->reason = ERR_GET_REASON(ERR_peek_error());
	peer_flush(p);
}

#define PUMP_UNTIL(p, cond) \
	do { \
		int pumps_ = 0; \
		while (!(cond)) { \
			assert_true(pumps_++ < 20000); \
			peer_pump(p); \
			net_loop_turn(k.loop, 1); \
		} \
	} while (0)

__attribute__((unused)) static void
peer_say(struct peer *p, const char *z)
{
	assert_int_equal(SSL_write(p->ssl, z, (int)strlen(z)), strlen(z));
	peer_flush(p);
}

__attribute__((unused)) static void
peer_close(struct peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	if (p->fd >= 0)
		close(p->fd);
}

/* OpenSSL's client at our server. */
__attribute__((unused)) static void
peer_at_ours(struct peer *p, struct side *s, const char *host)
{
	int fd[2];

	kit_pair(fd, false);
	side_accept(&k, s, fd[0], server, 5000);
	peer_open(p, fd[1], false, NULL);
	if (host != NULL)
		assert_int_equal(SSL_set_tlsext_host_name(p->ssl, host), 1);
}

/* Our client at OpenSSL's server. */
__attribute__((unused)) static void
ours_at_peer(struct side *c, struct peer *p, const char *host, const struct cert_id *id)
{
	int fd;

	side_connect(&k, c, client, host, &fd);
	peer_open(p, fd, true, id);
}

/* ---- data ---------------------------------------------------------------------------------- */

#endif
