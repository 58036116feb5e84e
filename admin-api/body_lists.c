/* Lists in JSON bodies: ACLs and principals. See body.h. */
#include "admin-api/body.h"
#include "admin-api/change.h"

#include <alcove/acl.h>

#include <stdio.h>

/* ---- superUsers --------------------------------------------------------------------------------------------- */

/* What they must be like the control thread says. */
bool
adm_take_supers(struct adm_req *r, struct adm_change *c, const json_t *list)
{
	char	pointer[64];
	size_t	i;
	json_t *v;

	if (json_array_size(list) > POL_SUPERS_MAX) {
		adm_problem(r, ADM_P_INVALID, "/superUsers", "found %zu of them, expected at most %d", json_array_size(list), POL_SUPERS_MAX);
		return false;
	}
	json_array_foreach(list, i, v) {
		if (!json_is_string(v) || json_string_length(v) > POL_PRINCIPAL_MAX) {
			snprintf(pointer, sizeof(pointer), "/superUsers/%zu", i);
			adm_problem(r, ADM_P_INVALID, pointer, "found %s, expected a string of at most %d bytes: User:<name>",
			    json_is_string(v) ? "a longer one" : adm_json_type(v), POL_PRINCIPAL_MAX);
			return false;
		}
		memcpy(c->con.supers[i], json_string_value(v), json_string_length(v) + 1);
	}
	c->con.nsupers = json_array_size(list);
	return true;
}

/* ---- groups --------------------------------------------------------------------------------------------------- */

bool
adm_take_groups(struct adm_req *r, struct pol_groups **out, const char *at, const json_t *list)
{
	struct alv_str name[POL_GROUPS_MAX];
	char	       pointer[64];
	size_t	       i;
	json_t	      *v;

	if (json_array_size(list) > POL_GROUPS_MAX) {
		snprintf(pointer, sizeof(pointer), "/%.40s", at);
		adm_problem(r, ADM_P_INVALID, pointer, "found %zu of them, expected at most %d", json_array_size(list), POL_GROUPS_MAX);
		return false;
	}
	json_array_foreach(list, i, v) {
		name[i] = json_is_string(v) ? alv_str_make(json_string_value(v), json_string_length(v)) : ALV_STR_NULL;
		if (pol_group_good(name[i]))
			continue;
		snprintf(pointer, sizeof(pointer), "/%.40s/%zu", at, i);
		adm_problem(r, ADM_P_INVALID, pointer, "found %s, expected a name of 1 to %d bytes of printable text, not \"*\"",
		    json_is_string(v) ? "another string" : adm_json_type(v), POL_GROUP_MAX);
		return false;
	}
	*out = pol_groups_new(name, json_array_size(list));
	if (*out == NULL)
		adm_problem(r, ADM_P_INTERNAL, NULL, "out of memory");
	return *out != NULL;
}

/* ---- acls ---------------------------------------------------------------------------------------------------- */

enum part { PART_RESOURCE, PART_NAME, PART_PATTERN, PART_PRINCIPAL, PART_HOST, PART_OPERATION, PART_PERMISSION, PARTS };

static const struct {
	const char   *name, *absent;	/* absent NULL: required */
	enum pol_word words;		/* POL_WORDS: text */
} parts[PARTS] = {
	[PART_RESOURCE] = { "resourceType", NULL, POL_WORD_RESOURCE },
	[PART_NAME] = { "resourceName", NULL, POL_WORDS },
	[PART_PATTERN] = { "patternType", "LITERAL", POL_WORD_PATTERN },
	[PART_PRINCIPAL] = { "principal", NULL, POL_WORDS },
	[PART_HOST] = { "host", "*", POL_WORDS },
	[PART_OPERATION] = { "operation", NULL, POL_WORD_OPERATION },
	[PART_PERMISSION] = { "permission", "ALLOW", POL_WORD_PERMISSION },
};

static bool
bad_part(struct adm_req *r, size_t i, const char *field, const json_t *found, const char *expected)
{
	char pointer[64];

	snprintf(pointer, sizeof(pointer), "/acls/%zu/%.30s", i, field);
	if (json_is_string(found))
		adm_problem(r, ADM_P_INVALID, pointer, "acls[%zu].%s: found \"%.100s\", expected %s", i, field, json_string_value(found),
		    expected);
	else
		adm_problem(r, ADM_P_INVALID, pointer, "acls[%zu].%s: found %s, expected %s", i, field,
		    found == NULL ? "nothing" : adm_json_type(found), expected);
	return false;
}

static bool
known_parts(struct adm_req *r, size_t i, json_t *o)
{
	const char *name;
	json_t	   *v;

	json_object_foreach(o, name, v) {
		int p = 0;

		while (p < PARTS && strcmp(parts[p].name, name) != 0)
			p++;
		if (p == PARTS) {
			char pointer[64];

			snprintf(pointer, sizeof(pointer), "/acls/%zu/%.30s", i, name);
			adm_problem(r, ADM_P_INVALID, pointer, "acls[%zu]: found the unknown field \"%.100s\", expected only: resourceType, "
			    "resourceName, patternType, principal, host, operation, permission", i, name);
			return false;
		}
	}
	return true;
}

/* The rule's parts; views into the JSON. False: answered. */
static bool
read_acl(struct adm_req *r, size_t i, json_t *o, struct pol_rule *rule)
{
	struct alv_str text[PARTS];
	int	       word[PARTS] = { 0 };
	const char    *field, *expected;

	if (!json_is_object(o)) {
		char pointer[32];

		snprintf(pointer, sizeof(pointer), "/acls/%zu", i);
		adm_problem(r, ADM_P_INVALID, pointer, "acls[%zu]: found %s, expected an object", i, adm_json_type(o));
		return false;
	}
	if (!known_parts(r, i, o))
		return false;
	for (int p = 0; p < PARTS; p++) {
		const json_t *v = json_object_get(o, parts[p].name);

		if (v == NULL ? parts[p].absent == NULL : !json_is_string(v))
			return bad_part(r, i, parts[p].name, v, "a string");
		text[p] = v == NULL ? alv_str_of(parts[p].absent) : alv_str_make(json_string_value(v), json_string_length(v));
		if (parts[p].words == POL_WORDS)
			continue;
		word[p] = pol_word_number(parts[p].words, text[p]);
		if (word[p] == 0)
			return bad_part(r, i, parts[p].name, v, pol_word_list(parts[p].words, false));
	}
	*rule = (struct pol_rule){ (enum pol_resource)word[PART_RESOURCE], (enum pol_pattern)word[PART_PATTERN], text[PART_NAME],
		text[PART_PRINCIPAL], text[PART_HOST], (enum pol_op)word[PART_OPERATION], (enum pol_permission)word[PART_PERMISSION] };
	return pol_rule_check(rule, &field, &expected) == ALV_OK || bad_part(r, i, field, json_object_get(o, field), expected);
}

bool
adm_take_acls(struct adm_req *r, struct adm_change *c, const json_t *list)
{
	size_t	i;
	json_t *o;

	if (json_array_size(list) > POL_RULES_MAX) {
		adm_problem(r, ADM_P_INVALID, "/acls", "found %zu of them, expected at most %d", json_array_size(list), POL_RULES_MAX);
		return false;
	}
	json_array_foreach(list, i, o) {
		struct pol_rule rule;

		if (!read_acl(r, i, o, &rule))
			return false;
		if (pol_rules_add(c->con.rules, &rule) != ALV_OK) {
			adm_problem(r, ADM_P_INTERNAL, NULL, "out of memory");
			return false;
		}
	}
	return true;
}
