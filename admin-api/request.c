/* From h2o's request to a handler: who asks, what path, what query, may they. A request that fails a step is answered
 * there and goes no further. */
#include "admin-api/admin.h"

#include "admin-api/body.h"

#include <alcove/clock.h>

#include <stdio.h>

static struct alv_str
of(h2o_iovec_t v)
{
	return alv_str_make(v.base, v.len);
}

struct alv_str
adm_header(const struct adm_req *r, const char *name)
{
	ssize_t at = h2o_find_header_by_str(&r->h2o->headers, name, strlen(name), -1);

	return at == -1 ? ALV_STR_NULL : of(r->h2o->headers.entries[at].value);
}

static void
name_peer(struct adm_req *r)
{
	union {
		struct sockaddr		sa;
		struct sockaddr_storage room;
	} a;
	char	  host[NI_MAXHOST] = "";
	socklen_t n = r->h2o->conn->callbacks->get_peername(r->h2o->conn, &a.sa);
	size_t	  len = n == 0 ? SIZE_MAX : h2o_socket_getnumerichost(&a.sa, n, host);
	const char *text = host;

	if (len == SIZE_MAX || len >= sizeof(r->peer))
		len = 0;
	/* One that came over IPv4 is shown so, whichever socket took it. */
	if (len > 7 && memcmp(host, "::ffff:", 7) == 0 && memchr(host, '.', len) != NULL) {
		text += 7;
		len -= 7;
	}
	memcpy(r->peer, text, len);
	r->peer[len] = '\0';
}

/* ---- percent-encoding ---- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A copy in the pool. False: not well-formed, a NUL, or not UTF-8. */
static bool
decode(struct adm_req *r, struct alv_str in, struct alv_str *out)
{
	char  *p = h2o_mem_alloc_pool(&r->h2o->pool, in.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		int high, low;

		if (in.p[i] != '%') {
			p[n++] = in.p[i];
			continue;
		}
		if (in.n - i < 3)
			return false;
		high = hex(in.p[i + 1]);
		low = hex(in.p[i + 2]);
		if (high < 0 || low < 0)
			return false;
		p[n++] = (char)(high << 4 | low);
		i += 2;
	}
	p[n] = '\0';
	*out = alv_str_make(p, n);
	return memchr(p, '\0', n) == NULL && alv_str_utf8(*out);
}

/* ---- the steps ---- */

static bool
identify(struct adm_req *r)
{
	struct alv_str h = adm_header(r, "authorization");
	bool	       bearer = h.n > 7 && strncasecmp(h.p, "Bearer ", 7) == 0;

	adm_tokens_refresh(r->server->tokens, r->begun_us);
	if (bearer && adm_tokens_find(r->server->tokens, alv_str_make(h.p + 7, h.n - 7), &r->who) == ALV_OK)
		return true;
	adm_set_header(r, "www-authenticate", bearer ? "Bearer realm=\"alcove\", error=\"invalid_token\"" : "Bearer realm=\"alcove\"");
	adm_problem(r, ADM_P_UNAUTHENTICATED, NULL, "%s", bearer ? "the bearer token is not known here" :
	    h.p == NULL ? "found no Authorization header, expected \"Authorization: Bearer <token>\"" :
	    "found another Authorization header, expected \"Authorization: Bearer <token>\"");
	return false;
}

static bool
read_query(struct adm_req *r, struct alv_str rest)
{
	while (rest.n > 0) {
		const char    *amp = memchr(rest.p, '&', rest.n), *eq;
		struct alv_str pair = alv_str_make(rest.p, amp == NULL ? rest.n : (size_t)(amp - rest.p)), name, value = ALV_STR("");
		int	       q = 0;

		rest.p += pair.n + (amp != NULL);
		rest.n -= pair.n + (amp != NULL);
		eq = memchr(pair.p, '=', pair.n);
		name = alv_str_make(pair.p, eq == NULL ? pair.n : (size_t)(eq - pair.p));
		while (q < ADM_QUERIES && ((r->route->queries & 1u << q) == 0 || !alv_str_eqz(name, adm_query_name((enum adm_query)q))))
			q++;
		if (q == ADM_QUERIES || r->query[q].p != NULL) {
			adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "the query parameter \"%.*s\" is %s", ALV_STR_ARG(name),
			    q == ADM_QUERIES ? "not known here" : "there twice");
			return false;
		}
		if (eq != NULL)
			value = alv_str_make(eq + 1, pair.n - name.n - 1);
		if (!decode(r, value, &r->query[q])) {
			adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "the query parameter \"%.*s\" is not percent-encoded UTF-8",
			    ALV_STR_ARG(name));
			return false;
		}
	}
	return true;
}

static bool
dispatch(struct adm_req *r)
{
	h2o_req_t     *req = r->h2o;
	bool	       has_query = req->input.query_at != SIZE_MAX;
	struct alv_str path = alv_str_make(req->input.path.base, has_query ? req->input.query_at : req->input.path.len);
	struct alv_str raw[ADM_PARAMS_MAX] = { { NULL, 0 } };
	char	       allow[64];

	r->route = adm_route_find(of(req->method), path, raw, allow);
	if ((r->route == NULL || r->route->role != ADM_ROLE_ANYONE) && !identify(r))
		return false;
	if (r->route == NULL && allow[0] != '\0') {
		adm_set_header(r, "allow", allow);
		adm_problem(r, ADM_P_METHOD, NULL, "found %.*s, expected one of %s", ALV_STR_ARG(of(req->method)), allow);
		return false;
	}
	if (r->route == NULL) {
		adm_problem(r, ADM_P_NOT_FOUND, NULL, "no such path; GET /openapi.json lists all there are");
		return false;
	}
	if (r->who.role < r->route->role) {
		adm_problem(r, ADM_P_FORBIDDEN, NULL, "the token \"%s\" has the role %s, this needs %s", r->who.name,
		    adm_role_name(r->who.role), adm_role_name(r->route->role));
		return false;
	}
	for (int i = 0; i < ADM_PARAMS_MAX && raw[i].p != NULL; i++)
		if (!decode(r, raw[i], &r->param[i])) {
			adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "the path is not percent-encoded UTF-8");
			return false;
		}
	return !has_query || read_query(r, alv_str_make(path.p + path.n + 1, req->input.path.len - path.n - 1));
}

/* A body is JSON where one is expected, and not there elsewhere. */
static bool
check_entity(struct adm_req *r)
{
	struct alv_str type = adm_header(r, "content-type");
	size_t	       n = type.n;
	const char    *end;

	if (r->h2o->entity.len == 0)
		return true;
	if (r->route->body == NULL) {
		adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "found a body of %zu bytes, expected none", r->h2o->entity.len);
		return false;
	}
	end = n == 0 ? NULL : memchr(type.p, ';', n);
	if (end != NULL)
		n = (size_t)(end - type.p);
	while (n > 0 && type.p[n - 1] == ' ')
		n--;
	if ((n == 16 && strncasecmp(type.p, "application/json", n) == 0) ||
	    (n == 28 && strncasecmp(type.p, "application/merge-patch+json", n) == 0))
		return true;
	adm_problem(r, ADM_P_MEDIA_TYPE, NULL, "found Content-Type \"%.*s\", expected application/json", ALV_STR_ARG(type));
	return false;
}

void
adm_request(void *server, h2o_req_t *req)
{
	struct adm_server *s = server;
	struct adm_req	  *r = h2o_mem_alloc_pool(&req->pool, sizeof(*r));

	memset(r, 0, sizeof(*r));
	r->server = s;
	r->h2o = req;
	r->begun_us = alv_mono_us();
	name_peer(r);
	if (!dispatch(r) || !check_entity(r))
		return;
	/* Snapshots are only looked at in here, so the thread need not count as a reader while it sleeps. */
	alv_qsbr_quiet(s->conf.qsbr, s->reader);
	r->route->handler(r);
	alv_qsbr_idle(s->conf.qsbr, s->reader);
}
