/* Quotas in JSON. See quotas.h. */
#include "admin-api/quotas.h"

#include "admin-api/body.h"
#include "admin-api/change.h"

#include <stdio.h>

/* ---- out ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *type;
	enum pol_quota_kind kind;
	const char *part[2];	/* fields */
} types[] = {
	{ "tenant", POL_QUOTA_OF_TENANT, { NULL, NULL } },
	{ "client", POL_QUOTA_OF_CLIENT, { "user", "clientId" } },
	{ "group", POL_QUOTA_OF_GROUP, { "group", NULL } },
	{ "unattributed", POL_QUOTA_OF_GROUP, { NULL, NULL } },
	{ "address", POL_QUOTA_OF_ADDRESS, { "address", NULL } },
};
#define TYPES "tenant, client, group, unattributed, address"

json_t *
adm_quota_entity_json(const struct pol_quota_entity *e)
{
	json_t *o = json_pack("{s:s}", "type", pol_quota_type(e));
	size_t	t = 0;

	while (strcmp(types[t].type, pol_quota_type(e)) != 0)
		t++;
	for (size_t i = 0; i < ALV_COUNT(e->part); i++)
		if (types[t].part[i] != NULL && e->part[i].match != POL_QUOTA_NO_PART)
			json_object_set_new(o, types[t].part[i], e->part[i].match == POL_QUOTA_DEFAULT ? json_null() : adm_json_str(e->part[i].name));
	return o;
}

json_t *
adm_quota_number(double value)
{
	bool whole = value < 9007199254740992.0 && value > -9007199254740992.0 && value == (double)(int64_t)value;

	return whole ? json_integer((json_int_t)value) : json_real(value);
}

json_t *
adm_quota_json(const struct pol_quota *q)
{
	json_t *o = adm_quota_entity_json(&q->entity), *limits = json_object();

	for (int k = 0; k < POL_QUOTA_KEYS; k++)
		if ((q->set & 1u << k) != 0)
			json_object_set_new(limits, pol_quota_info((enum pol_quota_key)k)->name, adm_quota_number(q->value[k]));
	json_object_set_new(o, "limits", limits);
	return o;
}

/* ---- in ------------------------------------------------------------------------------------------------------- */

static bool ALV_PRINTF(4, 5)
bad(struct adm_req *r, size_t i, const char *field, const char *fmt, ...)
{
	char	pointer[96], words[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	snprintf(pointer, sizeof(pointer), "/quotas/%zu%s%.60s", i, field[0] == '\0' ? "" : "/", field);
	adm_problem(r, ADM_P_INVALID, pointer, "quotas[%zu]%s%.60s: %s", i, field[0] == '\0' ? "" : ".", field, words);
	return false;
}

static const char *
found(const json_t *v)
{
	return v == NULL ? "nothing" : adm_json_type(v);
}

/* The row of its type; ALV_COUNT(types): answered. */
static size_t
type_of(struct adm_req *r, size_t i, const json_t *o)
{
	const json_t *v = json_object_get(o, "type");
	const char   *type = json_string_value(v);
	size_t	      t = 0;

	while (t < ALV_COUNT(types) && (type == NULL || strcmp(types[t].type, type) != 0))
		t++;
	if (t == ALV_COUNT(types) && type != NULL)
		bad(r, i, "type", "found \"%.60s\", expected one of " TYPES, type);
	else if (t == ALV_COUNT(types))
		bad(r, i, "type", "found %s, expected one of " TYPES, found(v));
	return t;
}

/* "clientId" of an address is a mistake, not something to look over. */
static bool
known_fields(struct adm_req *r, size_t i, size_t t, json_t *o)
{
	const char *name;
	json_t	   *v;

	json_object_foreach(o, name, v) {
		bool known = strcmp(name, "type") == 0 || strcmp(name, "limits") == 0;

		for (size_t k = 0; k < ALV_COUNT(types[t].part); k++)
			known |= types[t].part[k] != NULL && strcmp(types[t].part[k], name) == 0;
		if (!known)
			return bad(r, i, name, "found a field that the type %s has not", types[t].type);
	}
	return true;
}

/* Views into the JSON. */
static bool
read_entity(struct adm_req *r, size_t i, json_t *o, struct pol_quota_entity *e)
{
	size_t	    t = type_of(r, i, o);
	const char *expected;

	if (t == ALV_COUNT(types) || !known_fields(r, i, t, o))
		return false;
	*e = (struct pol_quota_entity){ .kind = types[t].kind };
	if (strcmp(types[t].type, "unattributed") == 0)
		e->part[0].match = POL_QUOTA_UNATTRIBUTED;
	for (size_t k = 0; k < ALV_COUNT(e->part); k++) {
		const json_t *v = types[t].part[k] == NULL ? NULL : json_object_get(o, types[t].part[k]);

		if (v != NULL && !json_is_string(v) && !json_is_null(v))
			return bad(r, i, types[t].part[k], "found %s, expected a string, or null for the default", found(v));
		if (v != NULL)
			e->part[k] = (struct pol_quota_part){ json_is_null(v) ? POL_QUOTA_DEFAULT : POL_QUOTA_NAMED,
				json_is_null(v) ? ALV_STR_NULL : alv_str_make(json_string_value(v), json_string_length(v)) };
	}
	return pol_quota_entity_check(e, &expected) == ALV_OK || bad(r, i, "", "expected %s", expected);
}

static bool
read_limit(struct adm_req *r, size_t i, const char *name, const json_t *v, struct pol_quota_alter *a)
{
	enum pol_quota_key key = pol_quota_key_of(alv_str_of(name));
	char		   field[64];

	snprintf(field, sizeof(field), "limits/%.50s", name);
	if (key == POL_QUOTA_KEYS)
		return bad(r, i, field, "found a limit that there is none of; docs/quotas.md lists all");
	if (json_is_null(v)) {
		a->unset |= 1u << key;
		return true;
	}
	if (!json_is_number(v))
		return bad(r, i, field, "found %s, expected a number, or null for no limit", found(v));
	a->quota.set |= 1u << key;
	a->quota.value[key] = json_number_value(v);
	return true;
}

static bool
read_item(struct adm_req *r, size_t i, json_t *o, struct pol_quota_alter *a)
{
	json_t	   *limits = json_object_get(o, "limits"), *v;
	const char *name;

	*a = (struct pol_quota_alter){ .unset = 0 };
	if (!json_is_object(o))
		return bad(r, i, "", "found %s, expected an object", found(o));
	if (!read_entity(r, i, o, &a->quota.entity))
		return false;
	if (!json_is_object(limits))
		return bad(r, i, "limits", "found %s, expected an object", found(limits));
	json_object_foreach(limits, name, v)
		if (!read_limit(r, i, name, v, a))
			return false;
	return true;
}

/* Values, and what is enforced, are the control thread's to judge. */
bool
adm_take_quotas(struct adm_req *r, struct adm_change *c, const json_t *list)
{
	size_t	i;
	json_t *o;

	if (json_array_size(list) > POL_QUOTA_ALTER_MAX) {
		adm_problem(r, ADM_P_INVALID, "/quotas", "found %zu of them, expected at most %d", json_array_size(list), POL_QUOTA_ALTER_MAX);
		return false;
	}
	json_array_foreach(list, i, o) {
		struct pol_quota_alter a;

		if (!read_item(r, i, o, &a))
			return false;
		if (pol_quota_list_add(c->con.quotas, &a) != ALV_OK) {
			adm_problem(r, ADM_P_INTERNAL, NULL, "out of memory");
			return false;
		}
	}
	return true;
}
