/* Starting and stopping: certificate, tokens, two listeners, two threads. */
#include "admin-api/change.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdlib.h>

enum { CHANGE_TIMEOUT_MS = 30 * 1000, REQUEST_TIMEOUT_MS = 10 * 1000 };

static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;	/* never ask on the terminal */
}

static void
tls_words(struct alv_buf *err, const char *what, const char *file)
{
	char text[256];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	alv_buf_printf(err, "admin: %s %s: %s\n", what, file, text);
}

/* A context of its own: no session of another listener is ever resumed here. */
static enum alv_err
make_tls(const struct pol_config *c, SSL_CTX **out, struct alv_buf *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	*out = ctx;
	if (ctx == NULL)
		return ALV_E_NOMEM;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, c->admin.certificate_file) != 1) {
		tls_words(err, "the certificate cannot be used:", c->admin.certificate_file);
		return ALV_E_TLS;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, c->admin.key_file, SSL_FILETYPE_PEM) != 1) {
		tls_words(err, "the key cannot be used, or is another certificate's:", c->admin.key_file);
		return ALV_E_TLS;
	}
	return ALV_OK;
}

static void
on_start(void *arg, h2o_loop_t *loop)
{
	struct adm_server *s = arg;

	h2o_timeout_init(loop, &s->patience, s->conf.change_timeout_ms);
}

static void
on_end(void *arg, h2o_loop_t *loop)
{
	struct adm_server *s = arg;

	h2o_timeout_dispose(loop, &s->patience);
}

static void
on_stop(void *arg)
{
	adm_change_abandon_all(arg);
}

static bool
busy(void *arg)
{
	const struct adm_server *s = arg;

	return s->changes != NULL;
}

static enum alv_err
open_all(struct adm_server *s, struct alv_buf *err)
{
	uint32_t	     ms = s->conf.request_timeout_ms;
	struct adm_http_conf admin = { .name = "admin", .bind = s->conf.config->admin.bind, .tls = s->tls, .request_timeout_ms = ms,
		.arg = s, .on_start = on_start, .on_end = on_end, .on_request = adm_request, .on_stop = on_stop, .busy = busy };
	struct adm_http_conf ops = { .name = "ops", .bind = s->conf.config->ops, .request_timeout_ms = ms, .arg = s,
		.on_request = adm_ops_request };
	enum alv_err	     e = adm_http_open(&admin, &s->http, err);

	if (e != ALV_OK)
		return e;
	e = adm_http_open(&ops, &s->ops, err);
	if (e != ALV_OK)
		return e;
	s->reader = alv_qsbr_join(s->conf.qsbr);
	if (s->reader < 0) {
		alv_buf_z(err, "admin: too many reader threads\n");
		return ALV_E_LIMIT;
	}
	alv_qsbr_idle(s->conf.qsbr, s->reader);
	e = adm_http_run(s->ops);
	if (e == ALV_OK)
		e = adm_http_run(s->http);
	if (e != ALV_OK)
		alv_buf_z(err, "admin: a thread cannot be started\n");
	return e;
}

enum alv_err
adm_start(const struct adm_conf *c, struct adm_server **out, struct alv_buf *err)
{
	struct adm_server *s = calloc(1, sizeof(*s));
	enum alv_err	   e = ALV_E_NOMEM;

	*out = NULL;
	if (s == NULL)
		return ALV_E_NOMEM;
	s->conf = *c;
	if (s->conf.change_timeout_ms == 0)
		s->conf.change_timeout_ms = CHANGE_TIMEOUT_MS;
	if (s->conf.request_timeout_ms == 0)
		s->conf.request_timeout_ms = REQUEST_TIMEOUT_MS;
	s->openapi = adm_openapi(c->version);
	if (s->openapi != NULL)
		e = adm_tokens_load(c->config->admin.tokens_file, &s->tokens, err);
	if (e == ALV_OK && c->config->admin.tls)
		e = make_tls(c->config, &s->tls, err);
	if (e == ALV_OK)
		e = open_all(s, err);
	if (e != ALV_OK) {
		adm_stop(s);
		return e;
	}
	*out = s;
	return ALV_OK;
}

uint16_t
adm_port(const struct adm_server *s)
{
	return adm_http_port(s->http);
}

uint16_t
adm_ops_port(const struct adm_server *s)
{
	return adm_http_port(s->ops);
}

/* The last one whose changes did not all come back. */
static struct adm_server *kept;

void
adm_stop(struct adm_server *s)
{
	bool admin_done, ops_done;

	if (s == NULL)
		return;
	admin_done = s->http == NULL || adm_http_stop(s->http);
	ops_done = s->ops == NULL || adm_http_stop(s->ops);
	/* A change that never came back still points to the server: it stays, for the little time the process has. */
	if (!admin_done || !ops_done) {
		kept = s;
		return;
	}
	adm_http_free(s->http);
	adm_http_free(s->ops);
	SSL_CTX_free(s->tls);
	adm_tokens_free(s->tokens);
	free(s->openapi);
	free(s);
}
