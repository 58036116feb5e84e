/* route.def as a table: method and path to handler, and what a handler may rely on. */
#ifndef ADMIN_API_ROUTE_H
#define ADMIN_API_ROUTE_H

#include "admin-api/auth.h"

#include <alcove/base.h>
#include <alcove/str.h>

struct adm_req;
struct adm_body;

enum { ADM_PARAMS_MAX = 3 };

enum adm_query {
#define QUERY(id, name, schema, help) ADM_Q_##id,
#include <alcove/tbl/query.def>
#undef QUERY
	ADM_QUERIES
};

enum adm_shape {
	ADM_SHAPE_NONE,
#define SHAPE(id, name, properties) ADM_SHAPE_##id,
#include <alcove/tbl/shape.def>
#undef SHAPE
	ADM_SHAPES
};

struct adm_route {
	const char	      *method, *path;
	void (*handler)(struct adm_req *r);
	enum adm_role	       role;
	const struct adm_body *body;	/* NULL: none is read, one that is sent is refused */
	unsigned	       queries;	/* 1 << enum adm_query */
	enum adm_shape	       answer;
	const char	      *statuses;
	int		       pre;
	const char	      *summary;
};

extern const struct adm_route adm_routes[];
extern const size_t	      adm_nroutes;

/* Finds the row for a path without query, still percent-encoded; HEAD counts as GET. params: views into path, one for
 * each {x}. NULL: no row; then *allow holds the methods the path knows ("GET, POST"; empty: no such path). */
const struct adm_route *adm_route_find(struct alv_str method, struct alv_str path, struct alv_str params[ADM_PARAMS_MAX],
    char allow[static 64]);
const char *adm_query_name(enum adm_query q);

/* The handlers. */
#define ROUTE(method, path, handler, role, body, query, answer, statuses, pre, summary) void handler(struct adm_req *r);
#include <alcove/tbl/route.def>
#undef ROUTE

#endif
