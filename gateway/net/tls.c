/* TLS contexts: what OpenSSL is told once, on both sides, and the client's side of it. Everything a running stream needs
 * hangs on its SSL_CTX, which each SSL holds, so a context can be replaced (certificates changed) while its streams go on. */
#include "net/tls_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct net_tls_client_set {
	SSL_CTX *ctx;
	bool	 verify_host;
};

struct net_tls_client {
	pthread_mutex_t		   lock;	/* over what follows; held for an instant, once in a handshake */
	struct net_tls_client_set *set;
};

void
net_tls_fail(struct net_tls_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
}

/* The newest of OpenSSL's reasons is the most general, the oldest names the cause. */
const char *
net_tls_why(void)
{
	unsigned long e = ERR_get_error();
	const char   *text = e == 0 ? NULL : ERR_reason_error_string(e);

	ERR_clear_error();
	return text == NULL ? "OpenSSL gives no reason" : text;
}

/* ---- both sides ---------------------------------------------------------------------------- */

bool
net_tls_readable(const char *file, const char *what, struct net_tls_error *err)
{
	FILE *f = fopen(file, "re");

	if (f == NULL) {
		net_tls_fail(err, "%s file \"%s\": %s", what, file, strerror(errno));
		return false;
	}
	fclose(f);
	return true;
}

static bool
set_min_protocol(SSL_CTX *ctx, const char *name, struct net_tls_error *err)
{
	int v = TLS1_2_VERSION;

	if (name != NULL && strcmp(name, "TLSv1.3") == 0) {
		v = TLS1_3_VERSION;
	} else if (name != NULL && strcmp(name, "TLSv1.2") != 0) {
		net_tls_fail(err, "lowest TLS protocol \"%s\": expected \"TLSv1.2\" or \"TLSv1.3\"", name);
		return false;
	}
	if (SSL_CTX_set_min_proto_version(ctx, v) == 1)
		return true;
	net_tls_fail(err, "lowest TLS protocol: %s", net_tls_why());
	return false;
}

/* Nobody is asked for a passphrase: a daemon has no terminal. */
static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	bool *asked = arg;

	(void)buf;
	(void)size;
	(void)rwflag;
	*asked = true;
	return -1;
}

bool
net_tls_load_pair(SSL_CTX *ctx, const char *cert, const char *key, struct net_tls_error *err)
{
	bool asked = false, ok;

	if (!net_tls_readable(cert, "certificate", err) || !net_tls_readable(key, "key", err))
		return false;
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
		net_tls_fail(err, "certificate file \"%s\": %s; expected a certificate in PEM, its chain may follow", cert, net_tls_why());
		return false;
	}
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
	ok = SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1;
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, NULL);
	if (!ok && asked)
		net_tls_fail(err, "key file \"%s\": the key is encrypted; expected one without a passphrase", key);
	else if (!ok && ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH)
		net_tls_fail(err, "key file \"%s\": %s; expected a private key in PEM", key, net_tls_why());
	else if (!ok || SSL_CTX_check_private_key(ctx) != 1)
		net_tls_fail(err, "key file \"%s\": the key does not belong to the certificate in \"%s\"", key, cert);
	else
		return true;
	ERR_clear_error();
	return false;
}

SSL_CTX *
net_tls_ctx(const SSL_METHOD *method, const char *min_protocol, struct net_tls_error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL) {
		net_tls_fail(err, "out of memory");
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	net_record_watch_ctx(ctx);
	if (!set_min_protocol(ctx, min_protocol, err)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

bool
net_tls_trust(SSL_CTX *ctx, const char *ca_file, struct net_tls_error *err)
{
	ERR_clear_error();
	if (ca_file == NULL) {
		if (SSL_CTX_set_default_verify_paths(ctx) == 1)
			return true;
		net_tls_fail(err, "the system's CA certificates: %s", net_tls_why());
		return false;
	}
	if (!net_tls_readable(ca_file, "CA", err))
		return false;
	if (SSL_CTX_load_verify_file(ctx, ca_file) == 1)
		return true;
	net_tls_fail(err, "CA file \"%s\": %s; expected certificates in PEM", ca_file, net_tls_why());
	return false;
}

/* ---- client -------------------------------------------------------------------------------- */

static bool
set_identity(SSL_CTX *ctx, const struct net_tls_client_conf *c, struct net_tls_error *err)
{
	if (c->cert_file == NULL && c->key_file == NULL)
		return true;
	if (c->cert_file != NULL && c->key_file != NULL)
		return net_tls_load_pair(ctx, c->cert_file, c->key_file, err);
	net_tls_fail(err, "client certificate: the %s file is missing; expected both certificate and key, or neither",
	    c->cert_file == NULL ? "certificate" : "key");
	return false;
}

bool
net_tls_client_prepare(const struct net_tls_client_conf *c, struct net_tls_client_set **out, struct net_tls_error *err)
{
	struct net_tls_client_set *set = malloc(sizeof(*set));
	SSL_CTX			  *ctx = net_tls_ctx(TLS_client_method(), c->min_protocol, err);

	*out = NULL;
	if (set == NULL)
		net_tls_fail(err, "out of memory");
	if (set == NULL || ctx == NULL || !net_tls_trust(ctx, c->ca_file, err) || !set_identity(ctx, c, err)) {
		SSL_CTX_free(ctx);
		free(set);
		return false;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	*set = (struct net_tls_client_set){ .ctx = ctx, .verify_host = c->verify_host };
	*out = set;
	return true;
}

void
net_tls_client_set_free(struct net_tls_client_set *set)
{
	if (set != NULL)
		SSL_CTX_free(set->ctx);
	free(set);
}

void
net_tls_client_use(struct net_tls_client *t, struct net_tls_client_set *set)
{
	struct net_tls_client_set *old;

	pthread_mutex_lock(&t->lock);
	old = t->set;
	t->set = set;
	pthread_mutex_unlock(&t->lock);
	net_tls_client_set_free(old);
}

struct net_tls_client *
net_tls_client_new(const struct net_tls_client_conf *c, struct net_tls_error *err)
{
	struct net_tls_client *t = malloc(sizeof(*t));

	if (t == NULL) {
		net_tls_fail(err, "out of memory");
		return NULL;
	}
	if (!net_tls_client_prepare(c, &t->set, err)) {
		free(t);
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void
net_tls_client_free(struct net_tls_client *t)
{
	if (t == NULL)
		return;
	net_tls_client_set_free(t->set);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* The name goes into the verification itself, so no protocol version can leave it out. */
static bool
set_host(SSL *ssl, const char *host, bool verify)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
	uint8_t		   bin[16];
	bool		   address = inet_pton(AF_INET, host, bin) == 1 || inet_pton(AF_INET6, host, bin) == 1;

	if (host[0] == '\0')
		return false;	/* OpenSSL would take an empty name for no check at all */
	if (!address && SSL_set_tlsext_host_name(ssl, host) != 1)
		return false;
	if (!verify)
		return true;
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (address)
		return X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1;
	return X509_VERIFY_PARAM_set1_host(p, host, 0) == 1;
}

SSL *
net_tls_client_ssl(const struct net_tls_client *client, const char *host)
{
	struct net_tls_client *t = (struct net_tls_client *)(uintptr_t)client;
	SSL		      *ssl;
	bool		       verify;

	pthread_mutex_lock(&t->lock);
	ssl = SSL_new(t->set->ctx);
	verify = t->set->verify_host;
	pthread_mutex_unlock(&t->lock);
	if (ssl == NULL)
		return NULL;
	SSL_set_connect_state(ssl);
	if (set_host(ssl, host, verify))
		return ssl;
	SSL_free(ssl);
	return NULL;
}
