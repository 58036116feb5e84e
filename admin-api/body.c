/* The tables of JSON bodies and the one reader for all of them. An error names the field, what was found and what was
 * expected; values are never repeated, because one may be a password. */
#include "admin-api/body.h"

#include "admin-api/change.h"

#include <alcove/check.h>

#include <stdio.h>

#define AT(member) offsetof(struct adm_change, member), sizeof(((struct adm_change *)NULL)->member)

#define HOST_NAMES(absent) \
	{ "hostNames", ADM_HOSTS, ADM_NULLABLE, AT(con.own), "Host names of the tenant's own beside the listeners': objects with " \
	    "bootstrap (\"kafka.acme.com\") and nodePattern (\"b$(node).kafka.acme.com\"); 8 at most. " absent }
#define ACCESS(absent) \
	{ "authorizer", ADM_STRING, 0, AT(kind), "Who decides what its users may do: \"acl\", its ACLs as in Kafka; \"none\": they may do " \
	    "all. " absent }, \
	{ "superUsers", ADM_SUPERS, ADM_NULLABLE, AT(con.supers), "Principals (\"User:alice\") that may do all where ACLs decide; 16 at " \
	    "most. " absent }, \
	{ "allowEveryoneIfNoAclFound", ADM_BOOL, 0, AT(con.everyone_if_no_acl), "Where ACLs decide: what no ACL is about is everybody's, " \
	    "as by Kafka's allow.everyone.if.no.acl.found. " absent }
#define AUTO_CREATE(absent) \
	{ "autoCreateTopics", ADM_BOOL, 0, AT(con.auto_create.on), "Whether topics come into being by being asked for, as by Kafka's " \
	    "auto.create.topics.enable. " absent }, \
	{ "autoCreatePartitions", ADM_INT, 0, AT(con.auto_create.partitions), "Partitions of such topics; -1: the cluster's default. " absent }, \
	{ "autoCreateReplicationFactor", ADM_INT, 0, AT(con.auto_create.replication_factor), "Replicas of such topics; -1: the cluster's " \
	    "default. " absent }
static const struct adm_field tenant_post[] = {
	{ "id", ADM_STRING, ADM_REQUIRED, AT(con.tenant), "1 to 32 of a-z, 0-9 and '-', neither first nor last a '-'; never changes." },
	{ "displayName", ADM_STRING, ADM_NULLABLE, AT(con.display_name), "For people; absent or empty: the id." },
	{ "adoptPrefix", ADM_BOOL, 0, AT(con.adopt_prefix), "Create although the cluster has names that begin with \"<id>.\": they become the tenant's." },
	HOST_NAMES("Absent: none."),
	ACCESS("Absent: none, nobody, false."),
	AUTO_CREATE("Absent: false, -1, -1."),
};
static const struct adm_field tenant_put[] = {
	{ "displayName", ADM_STRING, ADM_NULLABLE, AT(con.display_name), "For people; absent or empty: the id." },
	{ "adoptPrefix", ADM_BOOL, 0, AT(con.adopt_prefix), "When it creates: although the cluster has names that begin with \"<id>.\"." },
	HOST_NAMES("Absent: none."),
	ACCESS("Absent: stays; when it creates: none, nobody, false."),
	AUTO_CREATE("Absent: stays; when it creates: false, -1, -1."),
};
static const struct adm_field tenant_patch[] = {
	{ "displayName", ADM_STRING, ADM_NULLABLE, AT(con.display_name), "For people; null or empty: the id. Absent: stays." },
	HOST_NAMES("Null or empty: none. Absent: they stay."),
	ACCESS("Absent: stays."),
	AUTO_CREATE("Absent: stays."),
};
#define USER_FIELDS \
	{ "password", ADM_STRING, ADM_SECRET, AT(con.password), "Kept as SCRAM keys only." }, \
	{ "generate", ADM_BOOL, 0, AT(generate), "Make a password and tell it in the answer, once." }, \
	{ "iterations", ADM_INT, 0, AT(iterations), "With a password: PBKDF2 iterations of its keys, 4096 to 1000000. Absent: as configured." }, \
	{ "scram", ADM_SCRAM, ADM_SECRET, AT(con.credentials), "In the place of a password: SCRAM credentials from elsewhere, all that the " \
	    "user has then." }, \
	{ "enabled", ADM_BOOL, 0, AT(con.enabled), "A disabled user cannot log in, and open connections end." }, \
	{ "groups", ADM_GROUPS, 0, AT(con.groups), "Groups that the user is in, for ACLs of \"Group:<name>\"; 32 at most. Absent: stay. " \
	    "Open connections go on with them." }
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
static const struct adm_field acl_put[] = {
	{ "acls", ADM_ACLS, ADM_REQUIRED, AT(con.rules), "All that the tenant has then; none: []." },
};
static const struct adm_field acl_post[] = {
	{ "acls", ADM_ACLS, ADM_REQUIRED, AT(con.rules), "All are made, or none is. One that is there already is no error." },
};
static const struct adm_field credential_post[] = {
	{ "credentials", ADM_CREDENTIALS, ADM_REQUIRED | ADM_SECRET, AT(con.credentials), "Each in the place of what its user has for the " \
	    "mechanism; users that are not there are created. All are set, or none is." },
};

static const struct adm_field users_patch[] = {
	{ "users", ADM_USERS, ADM_REQUIRED | ADM_SECRET, AT(con.users), "Each by its name once: made, changed or deleted. All are, or none is." },
};
static const struct adm_field users_put[] = {
	{ "users", ADM_USERS_ALL, ADM_REQUIRED | ADM_SECRET, AT(con.users), "All that the tenant has from then on; who is there stays as it is in what is not "
	    "said of it, its password too. All is done, or nothing." },
};

static const struct adm_field quota_post[] = {
	{ "quotas", ADM_QUOTAS, ADM_REQUIRED, AT(con.quotas), "All are altered, or none is; 1000 at most. What a quota does not name stays; a limit of "
	    "null goes." },
};
static const struct adm_field quota_put[] = {
	{ "quotas", ADM_QUOTAS, ADM_REQUIRED, AT(con.quotas), "All that the tenant has from then on; 1000 at most." },
};

#define BODY(id, name, fields) [ADM_B_##id] = { name, fields, ALV_COUNT(fields) }
const struct adm_body adm_bodies[ADM_BODIES] = {
	BODY(TENANT_POST, "NewTenant", tenant_post),
	BODY(TENANT_PUT, "PutTenant", tenant_put),
	BODY(TENANT_PATCH, "PatchTenant", tenant_patch),
	BODY(USER_POST, "NewUser", user_post),
	BODY(USER_PUT, "PutUser", user_put),
	BODY(ALIAS_POST, "NewAlias", alias_post),
	BODY(ALIAS_PUT, "PutAlias", alias_put),
	BODY(ACL_POST, "NewAcls", acl_post),
	BODY(ACL_PUT, "PutAcls", acl_put),
	BODY(QUOTA_POST, "AlterQuotas", quota_post),
	BODY(QUOTA_PUT, "PutQuotas", quota_put),
	BODY(CREDENTIAL_POST, "NewCredentials", credential_post),
	BODY(USERS_PATCH, "AlterUsers", users_patch),
	BODY(USERS_PUT, "PutUsers", users_put),
};

const char *
adm_json_type(const json_t *v)
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
	char   known[384] = "", pointer[160];
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += (size_t)snprintf(known + n, n < sizeof(known) ? sizeof(known) - n : 0, "%s%s", i == 0 ? "" : ", ", b->fields[i].name);
	snprintf(pointer, sizeof(pointer), "/%.100s", name);
	adm_problem(r, ADM_P_INVALID, pointer, "found the unknown field \"%.100s\", expected only: %s", name, known);
}

static bool
is_string(const json_t *v)
{
	return json_is_string(v);
}

static bool
is_bool(const json_t *v)
{
	return json_is_boolean(v);
}

static bool
is_int(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= INT32_MIN && json_integer_value(v) <= INT32_MAX;
}

static bool
is_array(const json_t *v)
{
	return json_is_array(v);
}

static const struct {
	bool (*is)(const json_t *v);
	const char *name, *schema;
} types[] = {
	[ADM_STRING] = { is_string, "a string", "\"string\"" },
	[ADM_BOOL] = { is_bool, "a boolean", "\"boolean\"" },
	[ADM_INT] = { is_int, "a whole number of 32 bits", "\"integer\"" },
	[ADM_HOSTS] = { is_array, "an array", "\"array\"" },
	[ADM_SUPERS] = { is_array, "an array", "\"array\"" },
	[ADM_GROUPS] = { is_array, "an array", "\"array\"" },
	[ADM_ACLS] = { is_array, "an array", "\"array\"" },
	[ADM_QUOTAS] = { is_array, "an array", "\"array\"" },
	[ADM_SCRAM] = { is_array, "an array", "\"array\"" },
	[ADM_CREDENTIALS] = { is_array, "an array", "\"array\"" },
	[ADM_USERS] = { is_array, "an array", "\"array\"" },
	[ADM_USERS_ALL] = { is_array, "an array", "\"array\"" },
};

/* hostNames[i].<name>. False: answered. */
static bool
take_host(struct adm_req *r, size_t i, const char *name, const json_t *v, char out[static 256])
{
	char pointer[64];

	snprintf(pointer, sizeof(pointer), "/hostNames/%zu/%s", i, name);
	if (!json_is_string(v) || json_string_length(v) == 0 || json_string_length(v) > 255) {
		adm_problem(r, ADM_P_INVALID, pointer, "found %s, expected a string of 1 to 255 bytes", v == NULL ? "nothing" :
		    json_is_string(v) ? "another length" : adm_json_type(v));
		return false;
	}
	memcpy(out, json_string_value(v), json_string_length(v) + 1);
	return true;
}

/* What they must be like the control thread says. */
static bool
take_hosts(struct adm_req *r, struct adm_change *c, const json_t *list)
{
	char	pointer[64];
	size_t	i;
	json_t *o;

	if (json_array_size(list) > TEN_OWN_MAX) {
		adm_problem(r, ADM_P_INVALID, "/hostNames", "found %zu of them, expected at most %d", json_array_size(list), TEN_OWN_MAX);
		return false;
	}
	json_array_foreach(list, i, o) {
		snprintf(pointer, sizeof(pointer), "/hostNames/%zu", i);
		if (!json_is_object(o) || json_object_size(o) > 2) {
			adm_problem(r, ADM_P_INVALID, pointer, "expected an object with bootstrap and nodePattern, and nothing else");
			return false;
		}
		if (!take_host(r, i, "bootstrap", json_object_get(o, "bootstrap"), c->con.own[i].bootstrap) ||
		    !take_host(r, i, "nodePattern", json_object_get(o, "nodePattern"), c->con.own[i].node_pattern))
			return false;
	}
	c->con.nown = json_array_size(list);
	return true;
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
	if (!(*types[f->type].is)(v)) {
		adm_problem(r, ADM_P_INVALID, pointer, "found %s, expected %s", adm_json_type(v), types[f->type].name);
		return false;
	}
	c->seen |= 1u << (f - b->fields);
	if (f->type == ADM_HOSTS)
		return take_hosts(r, c, v);
	if (f->type == ADM_SUPERS)
		return adm_take_supers(r, c, v);
	if (f->type == ADM_GROUPS)
		return adm_take_groups(r, &c->con.groups, f->name, v);
	if (f->type == ADM_ACLS)
		return adm_take_acls(r, c, v);
	if (f->type == ADM_QUOTAS)
		return adm_take_quotas(r, c, v);
	if (f->type == ADM_SCRAM || f->type == ADM_CREDENTIALS)
		return adm_take_credentials(r, &c->con.credentials, f->name, v, f->type == ADM_CREDENTIALS);
	if (f->type == ADM_USERS || f->type == ADM_USERS_ALL)
		return adm_take_users(r, c, v, f->type == ADM_USERS_ALL);
	if (f->type == ADM_BOOL) {
		*(bool *)(void *)((char *)c + f->at) = json_is_true(v);
		return true;
	}
	if (f->type == ADM_INT) {
		*(int32_t *)(void *)((char *)c + f->at) = (int32_t)json_integer_value(v);
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

static bool
has_secret(const struct adm_body *b)
{
	for (size_t i = 0; i < b->n; i++)
		if ((b->fields[i].flags & ADM_SECRET) != 0)
			return true;
	return false;
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
		adm_problem(r, ADM_P_MALFORMED_BODY, "", "found %s, expected an object", adm_json_type(object));
	else
		good = bind_fields(r, c, r->route->body, object);
	json_decref(object);
	if (r->h2o->entity.len != 0 && has_secret(r->route->body))
		explicit_bzero(r->h2o->entity.base, r->h2o->entity.len);
	return good;
}

json_t *
adm_body_schema(const struct adm_body *b)
{
	json_t *properties = json_object(), *required = json_array();

	for (size_t i = 0; i < b->n; i++) {
		const struct adm_field *f = &b->fields[i];
		json_t		       *p = json_pack("{s:s}", "description", f->help);
		json_t		       *type = json_loads(types[f->type].schema, JSON_DECODE_ANY, NULL);

		if ((f->flags & ADM_NULLABLE) != 0)
			json_object_set_new(p, "type", json_pack("[o,s]", type, "null"));
		else
			json_object_set_new(p, "type", type);
		if (f->type == ADM_HOSTS) {
			json_object_set_new(p, "maxItems", json_integer(TEN_OWN_MAX));
			json_object_set_new(p, "items", json_pack("{s:s}", "$ref", "#/components/schemas/HostName"));
		}
		if (f->type == ADM_SUPERS || f->type == ADM_GROUPS) {
			json_object_set_new(p, "maxItems", json_integer(f->type == ADM_SUPERS ? POL_SUPERS_MAX : POL_GROUPS_MAX));
			json_object_set_new(p, "items", json_pack("{s:s}", "type", "string"));
		}
		if (f->type == ADM_ACLS)
			json_object_set_new(p, "items", json_pack("{s:s}", "$ref", "#/components/schemas/Acl"));
		if (f->type == ADM_QUOTAS)
			json_object_set_new(p, "items", json_pack("{s:s}", "$ref", "#/components/schemas/Quota"));
		if (f->type == ADM_SCRAM || f->type == ADM_CREDENTIALS)
			json_object_set_new(p, "items", json_pack("{s:s}", "$ref", f->type == ADM_SCRAM ? "#/components/schemas/ScramCredential" :
			    "#/components/schemas/UserScramCredential"));
		if (f->type == ADM_USERS || f->type == ADM_USERS_ALL)
			json_object_set_new(p, "items", json_pack("{s:s}", "$ref", f->type == ADM_USERS ? "#/components/schemas/UserChange" :
			    "#/components/schemas/UserState"));
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
