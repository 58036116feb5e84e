/* The OpenAPI 3.1 document, from the same rows that dispatch and check: route.def, query.def, shape.def, problem.def and
 * the bodies' tables. So it cannot say what the server does not do. */
#include "admin-api/admin.h"

#include "admin-api/body.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *name, *properties;
} shapes[ADM_SHAPES] = {
#define SHAPE(id, name, properties) [ADM_SHAPE_##id] = { name, properties },
#include <alcove/tbl/shape.def>
#undef SHAPE
};

static const struct {
	const char *schema, *help;
} queries[ADM_QUERIES] = {
#define QUERY(id, name, schema, help) [ADM_Q_##id] = { schema, help },
#include <alcove/tbl/query.def>
#undef QUERY
};

static json_t *
ref(const char *kind, const char *name)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", kind, name));
}

static json_t *
content(const char *type, const char *schema)
{
	return json_pack("{s:{s:o}}", type, "schema", ref("schemas", schema));
}

static json_t *
parameter(const char *in, const char *name, bool required, const char *help, json_t *schema)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:o}", "in", in, "name", name, "required", required, "description", help, "schema", schema);
}

static json_t *
string_schema(void)
{
	return json_pack("{s:s}", "type", "string");
}

static json_t *
parameters(const struct adm_route *row)
{
	json_t	   *all = json_array();
	const char *p = row->path;

	while ((p = strchr(p, '{')) != NULL) {
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p + 1, "}"), p + 1);
		json_array_append_new(all, parameter("path", name, true, "Percent-encoded.", string_schema()));
		p++;
	}
	for (int q = 0; q < ADM_QUERIES; q++)
		if ((row->queries & 1u << q) != 0)
			json_array_append_new(all, parameter("query", adm_query_name((enum adm_query)q), false, queries[q].help,
			    json_loads(queries[q].schema, 0, NULL)));
	if (row->pre >= 1)
		json_array_append_new(all, parameter("header", "If-Match", false, "Only if its ETag is this one; else 412.", string_schema()));
	if (row->pre >= 2)
		json_array_append_new(all, parameter("header", "If-None-Match", false, "\"*\": only create; else 412.", string_schema()));
	if (strstr(row->statuses, "304") != NULL)
		json_array_append_new(all, parameter("header", "If-None-Match", false, "304 if its ETag is this one.", string_schema()));
	return all;
}

static json_t *
responses(const struct adm_route *row)
{
	json_t	   *all = json_object();
	const char *p = row->statuses;

	for (; *p != '\0'; p += *p == ' ') {
		char	status[4];
		json_t *one = json_pack("{s:s}", "description", "Done.");

		snprintf(status, sizeof(status), "%.3s", p);
		p += 3;
		if (strcmp(status, "204") != 0 && strcmp(status, "304") != 0)
			json_object_set_new(one, "content", content("application/json", shapes[row->answer].name));
		json_object_set_new(all, status, one);
	}
	json_object_set_new(all, "default", ref("responses", "Problem"));
	return all;
}

static json_t *
operation(const struct adm_route *row, const char *id)
{
	json_t *op = json_pack("{s:s, s:s, s:o, s:o}", "operationId", id, "summary", row->summary, "parameters", parameters(row), "responses",
	    responses(row));

	if (row->body != NULL) {
		bool required = false;

		for (size_t i = 0; i < row->body->n; i++)
			required |= (row->body->fields[i].flags & ADM_REQUIRED) != 0;
		json_object_set_new(op, "requestBody", json_pack("{s:b, s:o}", "required", required, "content",
		    content("application/json", row->body->name)));
	}
	if (row->role == ADM_ROLE_ANYONE)
		json_object_set_new(op, "security", json_array());
	else
		json_object_set_new(op, "description", json_sprintf("Needs the role %s.", adm_role_name(row->role)));
	return op;
}

static json_t *
paths(void)
{
	static const char *const handlers[] = {
#define ROUTE(method, path, handler, role, body, query, answer, statuses, pre, summary) #handler,
#include <alcove/tbl/route.def>
#undef ROUTE
	};
	json_t *all = json_object();

	for (size_t i = 0; i < adm_nroutes; i++) {
		const struct adm_route *row = &adm_routes[i];
		json_t		       *path = json_object_get(all, row->path);
		char			method[8];
		size_t			n = 0;

		if (path == NULL) {
			path = json_object();
			json_object_set_new(all, row->path, path);
		}
		for (; row->method[n] != '\0' && n + 1 < sizeof(method); n++)
			method[n] = (char)tolower((unsigned char)row->method[n]);
		method[n] = '\0';
		json_object_set_new(path, method, operation(row, handlers[i] + strlen("adm_")));
	}
	return all;
}

static json_t *
schemas(void)
{
	json_t *all = json_object();

	for (int i = ADM_SHAPE_NONE + 1; i < ADM_SHAPES; i++)
		json_object_set_new(all, shapes[i].name, json_pack("{s:s, s:o}", "type", "object", "properties",
		    json_loads(shapes[i].properties, 0, NULL)));
	for (int i = 0; i < ADM_BODIES; i++)
		json_object_set_new(all, adm_bodies[i].name, adm_body_schema(&adm_bodies[i]));
	return all;
}

static json_t *
problem_help(void)
{
	return json_string("An error (RFC 9457). type is one of:"
#define PROBLEM(id, slug, status, title) " urn:alcove:problem:" slug " (" #status ")"
#include <alcove/tbl/problem.def>
#undef PROBLEM
	);
}

char *
adm_openapi(const char *version)
{
	json_t *problem = json_pack("{s:o, s:o}", "description", problem_help(), "content", content("application/problem+json", "Problem"));
	json_t *doc = json_pack("{s:s, s:{s:s, s:s}, s:[{s:[]}], s:o, s:{s:{s:{s:s, s:s}}, s:{s:o}, s:o}}", "openapi", "3.1.0", "info", "title",
	    "Alcove admin API", "version", version == NULL ? "0" : version, "security", "token", "paths", paths(), "components",
	    "securitySchemes", "token", "type", "http", "scheme", "bearer", "responses", "Problem", problem, "schemas", schemas());
	char *text = doc == NULL ? NULL : json_dumps(doc, JSON_INDENT(1));

	json_decref(doc);
	return text;
}
