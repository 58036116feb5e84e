/* Answers: JSON, problems (RFC 9457), headers, and one log line for each. */
#include "admin-api/admin.h"

#include <alcove/clock.h>
#include <alcove/log.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

enum { DETAIL_MAX = 4096, LOGGED_PATH_MAX = 512 };

static const struct {
	const char *slug, *title;
	int	    status;
} problems[ADM_PROBLEMS] = {
#define PROBLEM(id, slug, status, title) [ADM_P_##id] = { slug, title, status },
#include <alcove/tbl/problem.def>
#undef PROBLEM
};

/* What the other parts say, in the words of HTTP. What is not here is a failure of ours. */
static const enum adm_problem of_error[ALV_E_COUNT] = {
	[ALV_E_EXISTS] = ADM_P_EXISTS,
	[ALV_E_CONFLICT] = ADM_P_CONFLICT,
	[ALV_E_NOT_FOUND] = ADM_P_NOT_FOUND,
	[ALV_E_FOREIGN] = ADM_P_NOT_FOUND,
	[ALV_E_STALE] = ADM_P_PRECONDITION,
	[ALV_E_DENIED] = ADM_P_INVALID,	/* by a rule for everybody; roles are checked before */
	[ALV_E_NAME] = ADM_P_INVALID,
	[ALV_E_VALUE] = ADM_P_INVALID,
	[ALV_E_RANGE] = ADM_P_INVALID,
	[ALV_E_UTF8] = ADM_P_INVALID,
	[ALV_E_LENGTH] = ADM_P_INVALID,
	[ALV_E_LIMIT] = ADM_P_INVALID,
	[ALV_E_MISSING] = ADM_P_INVALID,
	[ALV_E_UNSUPPORTED] = ADM_P_INVALID,
	[ALV_E_UNAVAILABLE] = ADM_P_UNAVAILABLE,
	[ALV_E_FULL] = ADM_P_UNAVAILABLE,
	[ALV_E_AGAIN] = ADM_P_UNAVAILABLE,
	[ALV_E_TIMEOUT] = ADM_P_UNAVAILABLE,
	[ALV_E_CLOSED] = ADM_P_UNAVAILABLE,
	[ALV_E_STORE] = ADM_P_UNAVAILABLE,
};

enum adm_problem
adm_problem_of(enum alv_err e)
{
	enum adm_problem p = (unsigned)e < ALV_E_COUNT ? of_error[e] : ADM_P_INTERNAL;

	return p == 0 ? ADM_P_INTERNAL : p;	/* 0 is MALFORMED_REQUEST, which no error of ours means */
}

int
adm_problem_status(enum adm_problem p)
{
	return problems[p].status;
}

json_t *
adm_json_str(struct alv_str s)
{
	json_t *j = json_stringn(s.p == NULL ? "" : s.p, s.n);

	return j != NULL ? j : json_string("(not UTF-8)");
}

void
adm_set_header(struct adm_req *r, const char *name, const char *value)
{
	h2o_iovec_t v = h2o_strdup(&r->h2o->pool, value, SIZE_MAX);

	h2o_add_header_by_str(&r->h2o->pool, &r->h2o->res.headers, name, strlen(name), 1, NULL, v.base, v.len);
}

void
adm_set_etag(struct adm_req *r, uint64_t revision)
{
	char text[32];

	snprintf(text, sizeof(text), "\"%llu\"", (unsigned long long)revision);
	adm_set_header(r, "etag", text);
}

void
adm_set_location(struct adm_req *r, const struct alv_str *segments, size_t n)
{
	struct alv_buf b;

	alv_buf_init(&b, 8192);
	alv_buf_z(&b, "/v1/tenants");
	for (size_t i = 0; i < n; i++) {
		alv_buf_byte(&b, '/');
		for (size_t k = 0; k < segments[i].n; k++) {
			uint8_t c = (uint8_t)segments[i].p[k];

			if (c < 0x80 && (isalnum(c) || (c != 0 && strchr("-._~", c) != NULL)))
				alv_buf_byte(&b, c);
			else
				alv_buf_printf(&b, "%%%02X", c);
		}
	}
	alv_buf_byte(&b, '\0');
	if (b.err == ALV_OK)
		adm_set_header(r, "location", (const char *)b.p);
	alv_buf_fini(&b);
}

static const char *
reason(int status)
{
	static const struct {
		int	    status;
		const char *text;
	} known[] = { { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 304, "Not Modified" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 409, "Conflict" }, { 412, "Precondition Failed" },
		{ 415, "Unsupported Media Type" }, { 422, "Unprocessable Content" }, { 500, "Internal Server Error" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" } };

	for (size_t i = 0; i < ALV_COUNT(known); i++)
		if (known[i].status == status)
			return known[i].text;
	return "Other";
}

static void
log_answer(const struct adm_req *r, int status, size_t bytes)
{
	struct alv_str path = alv_str_make(r->h2o->input.path.base, r->h2o->input.path.len);

	if (path.n > LOGGED_PATH_MAX)
		path.n = LOGGED_PATH_MAX;
	alv_log(ALV_LOG_INFO, "admin request", ALV_KV_Z("actor", r->who.name[0] == '\0' ? "-" : r->who.name),
	    ALV_KV_Z("peer", r->peer), ALV_KV_S("method", alv_str_make(r->h2o->method.base, r->h2o->method.len)),
	    ALV_KV_S("path", path), ALV_KV_I("status", status), ALV_KV_I("bytes", bytes),
	    ALV_KV_I("us", alv_mono_us() - r->begun_us));
}

void
adm_answer_text(struct adm_req *r, int status, const char *type, struct alv_str body)
{
	h2o_req_t *req = r->h2o;

	req->res.status = status;
	req->res.reason = reason(status);
	if (type != NULL)
		adm_set_header(r, "content-type", type);
	adm_set_header(r, "cache-control", "no-store");
	adm_set_header(r, "x-content-type-options", "nosniff");
	if (status != 204 && status != 304)
		req->res.content_length = body.n;	/* else chunks */
	log_answer(r, status, body.n);
	h2o_send_inline(req, body.p, body.n);	/* copies */
}

void
adm_answer_empty(struct adm_req *r, int status)
{
	adm_answer_text(r, status, NULL, ALV_STR(""));
}

static void
answer_as(struct adm_req *r, int status, const char *type, json_t *body)
{
	char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);

	json_decref(body);
	if (text == NULL) {
		adm_answer_text(r, 500, "application/problem+json",
		    ALV_STR("{\"type\":\"urn:alcove:problem:internal\",\"title\":\"The gateway failed\",\"status\":500,"
			    "\"detail\":\"out of memory\"}"));
		return;
	}
	adm_answer_text(r, status, type, alv_str_of(text));
	explicit_bzero(text, strlen(text));	/* may be the one answer with a generated password */
	free(text);
}

void
adm_answer_json(struct adm_req *r, int status, json_t *body)
{
	answer_as(r, status, "application/json", body);
}

void
adm_problem(struct adm_req *r, enum adm_problem p, const char *pointer, const char *fmt, ...)
{
	char	     type[64], detail[DETAIL_MAX];
	va_list	     ap;
	h2o_iovec_t  path = r->h2o->input.path;
	size_t	     n = path.len < r->h2o->input.query_at ? path.len : r->h2o->input.query_at;
	json_t	    *body;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	snprintf(type, sizeof(type), "urn:alcove:problem:%s", problems[p].slug);
	body = json_pack("{s:s, s:s, s:i, s:o, s:o}", "type", type, "title", problems[p].title, "status", problems[p].status,
	    "detail", adm_json_str(alv_str_of(detail)), "instance", adm_json_str(alv_str_make(path.base, n)));
	if (body != NULL && pointer != NULL)
		json_object_set_new(body, "pointer", adm_json_str(alv_str_of(pointer)));
	if (problems[p].status == 503)
		adm_set_header(r, "retry-after", "2");
	answer_as(r, problems[p].status, "application/problem+json", body);
}
