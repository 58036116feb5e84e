/* The ops listener: is it alive, is it ready, what did it count. Nothing here waits for another thread. */
#include "admin-api/admin.h"

enum { METRICS_MAX = 32 * 1024 * 1024, REASONS_MAX = 16 * 1024 };

static void
answer(h2o_req_t *req, int status, const char *type, const struct alv_buf *body)
{
	req->res.status = status;
	req->res.reason = status == 200 ? "OK" : status == 404 ? "Not Found" : status == 405 ? "Method Not Allowed" : "Service Unavailable";
	h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type, strlen(type));
	h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CACHE_CONTROL, NULL, H2O_STRLIT("no-store"));
	req->res.content_length = body->n;
	h2o_send_inline(req, (const char *)body->p, body->n);
}

static void
answer_health(struct adm_server *s, h2o_req_t *req, struct alv_buf *b)
{
	bool ok = s->conf.healthy == NULL || s->conf.healthy(s->conf.ready_arg, b);

	if (ok)
		alv_buf_z(b, "ok\n");
	answer(req, ok ? 200 : 503, "text/plain; charset=utf-8", b);
}

static void
answer_ready(struct adm_server *s, h2o_req_t *req, struct alv_buf *b)
{
	bool ready = s->conf.ready != NULL ? s->conf.ready(s->conf.ready_arg, b) : con_ready(s->conf.control, b);

	if (ready) {
		b->n = 0;
		alv_buf_z(b, "ready\n");
	}
	answer(req, ready ? 200 : 503, "text/plain; charset=utf-8", b);
}

static void
answer_metrics(struct adm_server *s, h2o_req_t *req, struct alv_buf *b)
{
	met_render(s->conf.meters, s->conf.nmeters, b);
	if (b->err != ALV_OK) {
		b->err = ALV_OK;
		b->n = 0;
		alv_buf_z(b, "the metrics are too large or memory is short\n");
		answer(req, 503, "text/plain; charset=utf-8", b);
		return;
	}
	answer(req, 200, "text/plain; version=0.0.4; charset=utf-8", b);
}

static const struct {
	const char *path;
	size_t	    limit;
	void (*answer)(struct adm_server *s, h2o_req_t *req, struct alv_buf *b);
} pages[] = {
	{ "/healthz", 256, answer_health },
	{ "/readyz", REASONS_MAX, answer_ready },
	{ "/metrics", METRICS_MAX, answer_metrics },
};

void
adm_ops_request(void *server, h2o_req_t *req)
{
	size_t	       n = req->input.query_at != SIZE_MAX ? req->input.query_at : req->input.path.len;
	struct alv_str path = alv_str_make(req->input.path.base, n), method = alv_str_make(req->method.base, req->method.len);
	bool	       get = alv_str_eqz(method, "GET") || alv_str_eqz(method, "HEAD");
	struct alv_buf b;

	for (size_t i = 0; i < ALV_COUNT(pages); i++)
		if (get && alv_str_eqz(path, pages[i].path)) {
			alv_buf_init(&b, pages[i].limit);
			pages[i].answer(server, req, &b);
			alv_buf_fini(&b);
			return;
		}
	alv_buf_init(&b, 256);
	alv_buf_z(&b, get ? "there are /healthz, /readyz and /metrics\n" : "only GET is known here\n");
	if (!get)
		h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("allow"), 1, NULL, H2O_STRLIT("GET, HEAD"));
	answer(req, get ? 404 : 405, "text/plain; charset=utf-8", &b);
	alv_buf_fini(&b);
}
