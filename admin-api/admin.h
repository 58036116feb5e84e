/* What the files of the admin API share: the server, one request, and how it is answered. Admin thread only. */
#ifndef ADMIN_API_ADMIN_H
#define ADMIN_API_ADMIN_H

#include "admin-api/auth.h"
#include "admin-api/http.h"
#include "admin-api/route.h"
#include "admin-api/server.h"

#include <jansson.h>

struct adm_change;

struct adm_server {
	struct adm_conf	   conf;
	struct adm_http	  *http, *ops;
	struct adm_tokens *tokens;
	char		  *openapi;	/* the document, made at start */
	int		   reader;	/* in conf.qsbr */
	h2o_timeout_t	   patience;	/* for changes */
	struct adm_change *changes;	/* whose answer is still to come */
};

/* In the request's pool: gone when the client is. */
struct adm_req {
	struct adm_server      *server;
	h2o_req_t	       *h2o;
	const struct adm_route *route;		/* NULL before dispatch */
	struct adm_who		who;
	struct alv_str		param[ADM_PARAMS_MAX];	/* decoded, NUL-terminated, UTF-8 */
	struct alv_str		query[ADM_QUERIES];	/* the same; null: not given */
	char			peer[64];
	uint64_t		begun_us;
};

/* tls.c. NULL and OK where config says nothing of TLS. */
enum alv_err adm_tls_make(const struct pol_config *config, SSL_CTX **out, struct alv_buf *err) ALV_MUST;

enum adm_problem {
#define PROBLEM(id, slug, status, title) ADM_P_##id,
#include <alcove/tbl/problem.def>
#undef PROBLEM
	ADM_PROBLEMS
};

/* ---- request.c: from h2o's request to a handler ---- */
void	       adm_request(void *server, h2o_req_t *req);
struct alv_str adm_header(const struct adm_req *r, const char *lower_case_name);	/* null: not there */

/* ---- answer.c: each request gets exactly one of these ---- */
void adm_answer_json(struct adm_req *r, int status, json_t *body);	/* takes body; NULL: out of memory, 500 */
void adm_answer_text(struct adm_req *r, int status, const char *type, struct alv_str body);
void adm_answer_empty(struct adm_req *r, int status);
/* detail: what was found, what was expected. pointer: which field of the body ("/id"), or NULL. */
void adm_problem(struct adm_req *r, enum adm_problem p, const char *pointer, const char *fmt, ...) ALV_PRINTF(4, 5);
/* The problem for an error of the gateway's other parts. */
enum adm_problem adm_problem_of(enum alv_err e);
int		 adm_problem_status(enum adm_problem p);
/* Headers of the answer to come. */
void adm_set_header(struct adm_req *r, const char *lower_case_name, const char *value);
void adm_set_etag(struct adm_req *r, uint64_t revision);
void adm_set_location(struct adm_req *r, const struct alv_str *segments, size_t n);	/* /v1/tenants/<each, encoded> */
/* A string for JSON; what is not UTF-8 is said to be so. */
json_t *adm_json_str(struct alv_str s);

/* ---- look.c: reading snapshots, and the conditions of HTTP ---- */
const struct pol_tenant *adm_tenant(struct adm_req *r);	/* the one of {id}; NULL: none, answered with 404 */
const struct pol_tenant *adm_tenant_peek(const struct adm_req *r, struct alv_str id);	/* NULL: none, nothing answered */
/* limit, or 0 when it is wrong: answered. */
size_t adm_limit(struct adm_req *r);
/* GET: true when If-None-Match says that the client has it: answered with 304. */
bool adm_not_modified(struct adm_req *r, uint64_t revision);
/* If-Match against what is there (exists: revision). False: answered with 412. */
bool adm_if_match(struct adm_req *r, bool exists, uint64_t revision);
bool adm_if_match_given(const struct adm_req *r);
/* If-None-Match: *. */
bool adm_only_create(const struct adm_req *r);

char *adm_openapi(const char *version);	/* malloc'ed; NULL: out of memory */

/* The ops listener's requests. */
void adm_ops_request(void *server, h2o_req_t *req);

#endif
