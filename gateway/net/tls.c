/* TLS contexts: what OpenSSL is told once. Everything a running stream needs hangs on its SSL_CTX, which each SSL holds,
 * so a context can be freed (certificates changed) while its streams go on. */
#include <alcove/check.h>

#include "net/stream_int.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct net_tls_server {
	SSL_CTX *ctx;
};

struct net_tls_client {
	SSL_CTX *ctx;
	bool	 verify_host;
};

/* Lives as long as its SSL_CTX. */
struct sni_rule {
	bool (*judge)(void *arg, const char *name, void **result);
	void *arg;
};

static ALV_PRINTF(2, 3) void
fail(struct net_tls_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
}

/* The newest of OpenSSL's reasons is the most general, the oldest names the cause. */
static const char *
reason(void)
{
	unsigned long e = ERR_get_error();
	const char   *text = e == 0 ? NULL : ERR_reason_error_string(e);

	ERR_clear_error();
	return text == NULL ? "OpenSSL gives no reason" : text;
}

/* ---- both sides ---------------------------------------------------------------------------- */

static bool
readable(const char *file, const char *what, struct net_tls_error *err)
{
	FILE *f = fopen(file, "re");

	if (f == NULL) {
		fail(err, "%s file \"%s\": %s", what, file, strerror(errno));
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
		fail(err, "lowest TLS protocol \"%s\": expected \"TLSv1.2\" or \"TLSv1.3\"", name);
		return false;
	}
	if (SSL_CTX_set_min_proto_version(ctx, v) == 1)
		return true;
	fail(err, "lowest TLS protocol: %s", reason());
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

static bool
load_pair(SSL_CTX *ctx, const char *cert, const char *key, struct net_tls_error *err)
{
	bool asked = false, ok;

	if (!readable(cert, "certificate", err) || !readable(key, "key", err))
		return false;
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
		fail(err, "certificate file \"%s\": %s; expected a certificate in PEM, its chain may follow", cert, reason());
		return false;
	}
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
	ok = SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1;
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, NULL);
	if (!ok && asked)
		fail(err, "key file \"%s\": the key is encrypted; expected one without a passphrase", key);
	else if (!ok && ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH)
		fail(err, "key file \"%s\": %s; expected a private key in PEM", key, reason());
	else if (!ok || SSL_CTX_check_private_key(ctx) != 1)
		fail(err, "key file \"%s\": the key does not belong to the certificate in \"%s\"", key, cert);
	else
		return true;
	ERR_clear_error();
	return false;
}

static SSL_CTX *
new_ctx(const SSL_METHOD *method, const char *min_protocol, struct net_tls_error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL) {
		fail(err, "out of memory");
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (!set_min_protocol(ctx, min_protocol, err)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* ---- server -------------------------------------------------------------------------------- */

static void
free_rule(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	free(ptr);
}

static int	      rule_index = -1;
static pthread_once_t rule_once = PTHREAD_ONCE_INIT;

static void
make_rule_index(void)
{
	rule_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_rule);
}

/* The one host name of a server_name extension (RFC 6066, 3), lowered, into out; false: malformed, or bytes that no
 * host name has. */
static bool
read_sni(const uint8_t *p, size_t n, char out[static 256])
{
	size_t len;

	if (n < 5 || alv_be16(p) != n - 2 || p[2] != TLSEXT_NAMETYPE_host_name)
		return false;
	len = alv_be16(p + 3);
	if (len == 0 || len > 255 || len != n - 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = (char)p[5 + i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
			return false;
		out[i] = c;
	}
	out[len] = '\0';
	return true;
}

/* Sessions are resumed only under the name they were made for: a name is a tenant. */
static bool
bind_sessions(SSL *ssl, const char *name)
{
	uint8_t	     id[32];
	unsigned int n = 0;

	return EVP_Digest(name, strlen(name), id, &n, EVP_sha256(), NULL) == 1 && SSL_set_session_id_context(ssl, id, n) == 1;
}

/* Runs on the raw ClientHello, before any session is looked at. */
static int
on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct net_stream     *s = SSL_get_app_data(ssl);
	const struct sni_rule *rule = arg;
	const uint8_t	      *p;
	size_t		       n;
	bool		       ok = true;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) == 1)
		ok = read_sni(p, n, s->sni);
	if (!ok)
		s->sni[0] = '\0';
	if (ok && rule->judge != NULL)
		ok = rule->judge(rule->arg, s->sni, &s->sni_result);
	if (!ok) {
		s->flags |= NET_F_SNI;
		s->tls_why = "the name in SNI is not served here";
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_CLIENT_HELLO_ERROR;
	}
	if (!bind_sessions(ssl, s->sni)) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_CLIENT_HELLO_ERROR;
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

static bool
set_rule(SSL_CTX *ctx, const struct net_tls_server_conf *c, struct net_tls_error *err)
{
	struct sni_rule *rule = malloc(sizeof(*rule));

	pthread_once(&rule_once, make_rule_index);
	if (rule == NULL || rule_index < 0 || SSL_CTX_set_ex_data(ctx, rule_index, rule) != 1) {
		free(rule);
		fail(err, "out of memory");
		return false;
	}
	*rule = (struct sni_rule){ .judge = c->sni, .arg = c->sni_arg };
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, rule);
	return true;
}

static bool
set_ciphers(SSL_CTX *ctx, const struct net_tls_server_conf *c, struct net_tls_error *err)
{
	const char *list = c->ciphers == NULL ? "ECDHE+AESGCM:ECDHE+CHACHA20" : c->ciphers;

	ERR_clear_error();
	if (SSL_CTX_set_cipher_list(ctx, list) != 1) {
		fail(err, "TLS 1.2 ciphers \"%s\": %s", list, reason());
		return false;
	}
	if (c->ciphersuites != NULL && SSL_CTX_set_ciphersuites(ctx, c->ciphersuites) != 1) {
		fail(err, "TLS 1.3 cipher suites \"%s\": %s", c->ciphersuites, reason());
		return false;
	}
	return true;
}

static bool
still_valid(SSL_CTX *ctx, const char *file, struct net_tls_error *err)
{
	const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(ctx));
	char		 text[32] = "an unreadable date";
	struct tm	 tm;

	if (X509_cmp_current_time(end) > 0)
		return true;
	if (ASN1_TIME_to_tm(end, &tm) == 1)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fail(err, "certificate file \"%s\": the certificate expired (notAfter %s)", file, text);
	return false;
}

struct net_tls_server *
net_tls_server_new(const struct net_tls_server_conf *c, struct net_tls_error *err)
{
	struct net_tls_server *t = malloc(sizeof(*t));
	SSL_CTX		      *ctx = new_ctx(TLS_server_method(), c->min_protocol, err);

	if (t == NULL)
		fail(err, "out of memory");
	if (t == NULL || ctx == NULL || !set_ciphers(ctx, c, err) || !load_pair(ctx, c->cert_file, c->key_file, err) ||
	    !still_valid(ctx, c->cert_file, err) || !set_rule(ctx, c, err)) {
		SSL_CTX_free(ctx);
		free(t);
		return NULL;
	}
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_timeout(ctx, 3600);
	t->ctx = ctx;
	return t;
}

void
net_tls_server_free(struct net_tls_server *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

SSL *
net_tls_server_ssl(const struct net_tls_server *t)
{
	SSL *ssl = SSL_new(t->ctx);

	if (ssl != NULL)
		SSL_set_accept_state(ssl);
	return ssl;
}

/* ---- client -------------------------------------------------------------------------------- */

static bool
set_trust(SSL_CTX *ctx, const char *ca_file, struct net_tls_error *err)
{
	ERR_clear_error();
	if (ca_file == NULL) {
		if (SSL_CTX_set_default_verify_paths(ctx) == 1)
			return true;
		fail(err, "the system's CA certificates: %s", reason());
		return false;
	}
	if (!readable(ca_file, "CA", err))
		return false;
	if (SSL_CTX_load_verify_file(ctx, ca_file) == 1)
		return true;
	fail(err, "CA file \"%s\": %s; expected certificates in PEM", ca_file, reason());
	return false;
}

static bool
set_identity(SSL_CTX *ctx, const struct net_tls_client_conf *c, struct net_tls_error *err)
{
	if (c->cert_file == NULL && c->key_file == NULL)
		return true;
	if (c->cert_file != NULL && c->key_file != NULL)
		return load_pair(ctx, c->cert_file, c->key_file, err);
	fail(err, "client certificate: the %s file is missing; expected both certificate and key, or neither",
	    c->cert_file == NULL ? "certificate" : "key");
	return false;
}

struct net_tls_client *
net_tls_client_new(const struct net_tls_client_conf *c, struct net_tls_error *err)
{
	struct net_tls_client *t = malloc(sizeof(*t));
	SSL_CTX		      *ctx = new_ctx(TLS_client_method(), c->min_protocol, err);

	if (t == NULL)
		fail(err, "out of memory");
	if (t == NULL || ctx == NULL || !set_trust(ctx, c->ca_file, err) || !set_identity(ctx, c, err)) {
		SSL_CTX_free(ctx);
		free(t);
		return NULL;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	*t = (struct net_tls_client){ .ctx = ctx, .verify_host = c->verify_host };
	return t;
}

void
net_tls_client_free(struct net_tls_client *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
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
net_tls_client_ssl(const struct net_tls_client *t, const char *host)
{
	SSL *ssl = SSL_new(t->ctx);

	if (ssl == NULL)
		return NULL;
	SSL_set_connect_state(ssl);
	if (set_host(ssl, host, t->verify_host))
		return ssl;
	SSL_free(ssl);
	return NULL;
}
