/* The admin API's certificate, also anew while it runs: made on the caller's thread, put in place on the loop's. */
#include "admin-api/admin.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdlib.h>

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
enum alv_err
adm_tls_make(const struct pol_config *c, SSL_CTX **out, struct alv_buf *err)
{
	SSL_CTX *ctx;

	*out = NULL;
	if (!c->admin.tls)
		return ALV_OK;
	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL)
		return ALV_E_NOMEM;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, c->admin.certificate_file) != 1) {
		tls_words(err, "the certificate cannot be used:", c->admin.certificate_file);
		SSL_CTX_free(ctx);
		return ALV_E_TLS;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, c->admin.key_file, SSL_FILETYPE_PEM) != 1) {
		tls_words(err, "the key cannot be used, or is another certificate's:", c->admin.key_file);
		SSL_CTX_free(ctx);
		return ALV_E_TLS;
	}
	*out = ctx;
	return ALV_OK;
}

struct adm_tls {
	struct adm_mail	   mail;
	struct adm_server *server;
	SSL_CTX		  *ctx;
};

enum alv_err
adm_tls_prepare(struct adm_server *s, const struct pol_config *config, struct adm_tls **out, struct alv_buf *err)
{
	SSL_CTX	       *ctx;
	enum alv_err	e = adm_tls_make(config, &ctx, err);
	struct adm_tls *t;

	*out = NULL;
	if (e != ALV_OK || ctx == NULL)
		return e;
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		SSL_CTX_free(ctx);
		return ALV_E_NOMEM;
	}
	*t = (struct adm_tls){ .server = s, .ctx = ctx };
	*out = t;
	return ALV_OK;
}

static void
arrived(struct adm_mail *m)
{
	struct adm_tls *t = ALV_HOLDER(m, struct adm_tls, mail);

	adm_http_tls(t->server->http, t->ctx);
	free(t);
}

void
adm_tls_use(struct adm_tls *t)
{
	if (t == NULL)
		return;
	t->mail.fn = arrived;
	adm_http_mail(t->server->http, &t->mail);
}

void
adm_tls_free(struct adm_tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}
