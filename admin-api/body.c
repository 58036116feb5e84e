/* The tables of JSON bodies and the one reader for all of them. An error names the field, what was found and what was
 * expected; values are never repeated, because one may be a password. */
#include "admin-api/body.h"

#include "admin-api/change.h"

#include <alcove/check.h>

#include <stdio.h>

#define AT(member) offsetof(struct adm_change, member), sizeof(((struct adm_change *)NULL)->member)

static const struct adm_field tenant_post[] = {
	{ "id", ADM_STRING, ADM_REQUIRED, AT(con.tenant), "1 to 32 of a-z, 0-9 and '-', neither first nor last a '-'; never changes." },
	{ "displayName", ADM_STRING, ADM_NULLABLE, AT(con.display_name), "For people; absent or empty: the id." },
	{ "adoptPrefix", ADM_BOOL, 0, AT(con.adopt_prefix), "Create although the cluster has names that begin with \"<id>.\": they become the tenant's." },
};
static const struct adm_field tenant_put[] = {
	{ "displayName", ADM_STRING, ADM_NULLABLE, AT(con.display_name), "For people; absent or empty: the id." },
	{ "adoptPrefix", ADM_BOOL, 0, AT(con.adopt_prefix), "When it creates: although the cluster has names that begin with \"<id>.\"." },
};
static const struct adm_field tenant_patch[] = {
	{ "displayName", ADM_STRING, ADM_REQUIRED | ADM_NULLABLE, AT(con.display_name), "For people; null or empty: the id." },
};
#define USER_FIELDS \
	{ "password", ADM_STRING, ADM_SECRET, AT(con.password), "Kept as SCRAM keys only." }, \
	{ "generate", ADM_BOOL, 0, AT(generate), "Make a password and tell it in the answer, once." }, \
	{ "enabled", ADM_BOOL, 0, AT(con.enabled), "A disabled user cannot log in, and open connections end." }
static const struct adm_field user_post[] = {
	{ "name", ADM_STRING, ADM_REQUIRED, AT(con.user), "The principal is \"User:<name>\"." },
	USER_FIELDS,
};
static const struct adm_field user_put[] = { USER_FIELDS };
#define ALIAS_FIELDS \
	{ "target", ADM_STRING, ADM_REQUIRED, AT(con.phys), "The name in the physical cluster." }, \
	{ "writable", ADM_BOOL, 0, AT(con.writable), "False (the default): the tenant may only read." }
static const struct adm_field alias_post[] = {
	{ "kind", ADM_STRING, ADM_REQUIRED, AT(kind), "topic, group or transactionalId." },
	{ "name", ADM_STRING, ADM_REQUIRED, AT(con.virt), "The name the tenant sees." },
	ALIAS_FIELDS,
};
static const struct adm_field alias_put[] = { ALIAS_FIELDS };

#define BODY(id, name, fields) [ADM_B_##id] = { name, fields, ALV_COUNT(fields) }
const struct adm_body adm_bodies[ADM_BODIES] = {
	BODY(TENANT_POST, "NewTenant", tenant_post),
	BODY(TENANT_PUT, "PutTenant", tenant_put),
	BODY(TENANT_PATCH, "PatchTenant", tenant_patch),
	BODY(USER_POST, "NewUser", user_post),
	BODY(USER_PUT, "PutUser", user_put),
	BODY(ALIAS_POST, "NewAlias", alias_post),
	BODY(ALIAS_PUT, "PutAlias", alias_put),
};

static const char *
type_name(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	default:
		return "null";
	}
}

/* jansson's own words quote the text near the error; that may be a secret. */
static const char *
syntax_name(enum json_error_code e)
{
	switch (e) {
	case json_error_premature_end_of_input:
		return "the JSON text ends too early";
	case json_error_duplicate_key:
		return "a field is there twice";
	case json_error_invalid_utf8:
		return "found what is not UTF-8";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "found a NUL in a string";
	case json_error_numeric_overflow:
		return "found a number that is too large";
	case json_error_end_of_input_expected:
		return "found something behind the object";
	case json_error_stack_overflow:
		return "found too many levels of nesting";
	default:
		return "found what is not JSON";
	}
}

static const struct adm_field *
field_find(const struct adm_body *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->fields[i].name, name) == 0)
			return &b->fields[i];
	return NULL;
}

bool
adm_body_has(const struct adm_change *c, const struct adm_body *b, const char *name)
{
	const struct adm_field *f = field_find(b, name);

	ALV_CHECK(f != NULL);
	return (c->seen & 1u << (f - b->fields)) != 0;
}

static void
unknown_field(struct adm_req *r, const struct adm_body *b, const char *name)
{
	char   known[256] = "", pointer[160];
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += (size_t)snprintf(known + n, n < sizeof(known) ? sizeof(known) - n : 0, "%s%s", i == 0 ? "" : ", ", b->fields[i].name);
	snprintf(pointer, sizeof(pointer), "/%.100s", name);
	adm_problem(r, ADM_P_INVALID, pointer, "found the unknown field \"%.100s\", expected only: %s", name, known);
}

/* One field into its place. False: answered. */
static bool
take(struct adm_req *r, struct adm_change *c, const struct adm_body *b, const char *name, json_t *v)
{
	const struct adm_field *f = field_find(b, name);
	char			pointer[64];
	size_t			n;

	if (f == NULL) {
		unknown_field(r, b, name);
		return false;
	}
	snprintf(pointer, sizeof(pointer), "/%s", f->name);
	if (json_is_null(v) && (f->flags & ADM_NULLABLE) != 0) {
		c->seen |= 1u << (f - b->fields);
		return true;
	}
	if (f->type == ADM_STRING ? !json_is_string(v) : !json_is_boolean(v)) {
		adm_problem(r, ADM_P_INVALID, pointer, "found %s, expected %s", type_name(v), f->type == ADM_STRING ? "a string" : "a boolean");
		return false;
	}
	c->seen |= 1u << (f - b->fields);
	if (f->type == ADM_BOOL) {
		*(bool *)(void *)((char *)c + f->at) = json_is_true(v);
		return true;
	}
	n = json_string_length(v);
	if (n >= f->size || ((f->flags & (ADM_REQUIRED | ADM_SECRET)) != 0 && n == 0 && (f->flags & ADM_NULLABLE) == 0)) {
		adm_problem(r, ADM_P_INVALID, pointer, "found %zu bytes, expected 1 to %zu", n, f->size - 1);
		return false;
	}
	memcpy((char *)c + f->at, json_string_value(v), n + 1);
	if ((f->flags & ADM_SECRET) != 0)
		explicit_bzero((char *)(uintptr_t)json_string_value(v), n);
	return true;
}

static bool
bind_fields(struct adm_req *r, struct adm_change *c, const struct adm_body *b, json_t *object)
{
	const char *name;
	json_t	   *v;

	json_object_foreach(object, name, v)
		if (!take(r, c, b, name, v))
			return false;
	for (size_t i = 0; i < b->n; i++)
		if ((b->fields[i].flags & ADM_REQUIRED) != 0 && (c->seen & 1u << i) == 0) {
			char pointer[64];

			snprintf(pointer, sizeof(pointer), "/%s", b->fields[i].name);
			adm_problem(r, ADM_P_INVALID, pointer, "the field \"%s\" is missing", b->fields[i].name);
			return false;
		}
	return true;
}

bool
adm_body_read(struct adm_req *r, struct adm_change *c)
{
	h2o_iovec_t  text = r->h2o->entity;
	json_error_t e;
	json_t	    *object;
	bool	     good = false;

	if (text.len == 0)
		text = h2o_iovec_init("{}", 2);
	object = json_loadb(text.base, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (object == NULL)
		adm_problem(r, ADM_P_MALFORMED_BODY, NULL, "line %d, column %d: %s", e.line, e.column, syntax_name(json_error_code(&e)));
	else if (!json_is_object(object))
		adm_problem(r, ADM_P_MALFORMED_BODY, "", "found %s, expected an object", type_name(object));
	else
		good = bind_fields(r, c, r->route->body, object);
	json_decref(object);
	if (r->h2o->entity.len != 0 && field_find(r->route->body, "password") != NULL)
		explicit_bzero(r->h2o->entity.base, r->h2o->entity.len);
	return good;
}

json_t *
adm_body_schema(const struct adm_body *b)
{
	json_t *properties = json_object(), *required = json_array();

	for (size_t i = 0; i < b->n; i++) {
		const struct adm_field *f = &b->fields[i];
		const char	       *type = f->type == ADM_STRING ? "string" : "boolean";
		json_t		       *p = json_pack("{s:s}", "description", f->help);

		if ((f->flags & ADM_NULLABLE) != 0)
			json_object_set_new(p, "type", json_pack("[s,s]", type, "null"));
		else
			json_object_set_new(p, "type", json_string(type));
		if (f->type == ADM_STRING)
			json_object_set_new(p, "maxLength", json_integer((json_int_t)f->size - 1));
		if ((f->flags & ADM_SECRET) != 0)
			json_object_set_new(p, "writeOnly", json_true());
		json_object_set_new(properties, f->name, p);
		if ((f->flags & ADM_REQUIRED) != 0)
			json_array_append_new(required, json_string(f->name));
	}
	return json_pack("{s:s, s:b, s:o, s:o}", "type", "object", "additionalProperties", 0, "properties", properties, "required", required);
}
