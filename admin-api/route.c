/* Dispatch over the rows of route.def. Few rows: a walk over all of them is cheaper than what would avoid it. */
#include "admin-api/route.h"

#include "admin-api/body.h"

#include <stdio.h>

#define Q(id)	  (1u << ADM_Q_##id)
#define BODY_NONE NULL
#define USER_FILTER (Q(PREFIX) | Q(ENABLED) | Q(MECHANISM) | Q(GROUP))
#define ACL_FILTER (Q(RESOURCE_TYPE) | Q(RESOURCE_NAME) | Q(PATTERN_TYPE) | Q(PRINCIPAL) | Q(HOST) | Q(OPERATION) | Q(PERMISSION))
#define QUOTA_FILTER (Q(TYPE) | Q(USER) | Q(CLIENT_ID) | Q(GROUP) | Q(ADDRESS) | Q(KEY))
const struct adm_route adm_routes[] = {
#define ROUTE(method, path, handler, role, body, query, answer, statuses, pre, summary) \
	{ #method, path, handler, ADM_ROLE_##role, ADM_BODY_##body, query, ADM_SHAPE_##answer, statuses, pre, summary },
#include <alcove/tbl/route.def>
#undef ROUTE
};
const size_t adm_nroutes = ALV_COUNT(adm_routes);

static const char *const query_names[ADM_QUERIES] = {
#define QUERY(id, name, schema, help) [ADM_Q_##id] = name,
#include <alcove/tbl/query.def>
#undef QUERY
};

const char *
adm_query_name(enum adm_query q)
{
	return query_names[q];
}

/* Cuts the segment behind the next '/'; false at the end. */
static bool
segment(struct alv_str *rest, struct alv_str *seg)
{
	const char *slash;

	if (rest->n == 0 || rest->p[0] != '/')
		return false;
	rest->p++;
	rest->n--;
	slash = memchr(rest->p, '/', rest->n);
	*seg = alv_str_make(rest->p, slash == NULL ? rest->n : (size_t)(slash - rest->p));
	rest->p += seg->n;
	rest->n -= seg->n;
	return true;
}

static bool
match(const char *pattern, struct alv_str path, struct alv_str params[ADM_PARAMS_MAX])
{
	struct alv_str want = alv_str_of(pattern), a, b;
	int	       n = 0;

	while (segment(&want, &a)) {
		if (!segment(&path, &b))
			return false;
		if (a.n > 0 && a.p[0] == '{') {
			if (b.n == 0 || n == ADM_PARAMS_MAX)
				return false;
			params[n++] = b;
		} else if (!alv_str_eq(a, b)) {
			return false;
		}
	}
	return path.n == 0;
}

const struct adm_route *
adm_route_find(struct alv_str method, struct alv_str path, struct alv_str params[ADM_PARAMS_MAX], char allow[static 64])
{
	size_t n = 0;

	allow[0] = '\0';
	if (alv_str_eqz(method, "HEAD"))
		method = ALV_STR("GET");
	for (size_t i = 0; i < adm_nroutes; i++) {
		const struct adm_route *row = &adm_routes[i];

		if (!match(row->path, path, params))
			continue;
		if (alv_str_eqz(method, row->method))
			return row;
		n += (size_t)snprintf(allow + n, n < 64 ? 64 - n : 0, "%s%s%s", n == 0 ? "" : ", ", row->method,
		    strcmp(row->method, "GET") == 0 ? ", HEAD" : "");
	}
	return NULL;
}
