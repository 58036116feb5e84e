/* Starting and stopping: certificate, tokens, two listeners, two threads. */
#include "admin-api/change.h"

#include <stdlib.h>

enum { CHANGE_TIMEOUT_MS = 30 * 1000, REQUEST_TIMEOUT_MS = 10 * 1000 };

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
	struct adm_http_conf admin = { .name = "admin", .bind = s->conf.config->admin.bind, .request_timeout_ms = ms, .arg = s,
		 .on_start = on_start, .on_end = on_end, .on_request = adm_request, .on_stop = on_stop, .busy = busy };
	struct adm_http_conf ops = { .name = "ops", .bind = s->conf.config->ops, .request_timeout_ms = ms, .arg = s,
		.on_request = adm_ops_request };
	enum alv_err	     e = adm_tls_make(s->conf.config, &admin.tls, err);

	if (e == ALV_OK) {
		e = adm_http_open(&admin, &s->http, err);
		if (e != ALV_OK)
			SSL_CTX_free(admin.tls);
	}
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
	adm_tokens_free(s->tokens);
	free(s->openapi);
	free(s);
}
