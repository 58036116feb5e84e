/* Users in JSON bodies, many at once ("users"). What one says is what PATCH of one user takes, and its name. See body.h. */
#include "admin-api/body.h"
#include "admin-api/change.h"

#include <alcove/authn.h>

#include <stdio.h>
#include <stdlib.h>

enum part { PART_NAME, PART_PASSWORD, PART_GENERATE, PART_ITERATIONS, PART_SCRAM, PART_ENABLED, PART_GROUPS, PART_CREATE, PART_DELETE, PARTS };
static const char *const parts[PARTS] = { "name", "password", "generate", "iterations", "scram", "enabled", "groups", "create", "delete" };
enum { PASSWORD_MAX = sizeof(((struct con_change *)NULL)->password) - 1 };

/* One of them: users[i]. */
struct place {
	struct adm_req	  *r;
	struct adm_change *c;
	size_t		   i;
	json_t		  *part[PARTS];	/* NULL: not said */
};

static bool
bad(const struct place *at, const char *part, const char *expected)
{
	char pointer[64];

	snprintf(pointer, sizeof(pointer), "/users/%zu%s%.30s", at->i, part[0] == '\0' ? "" : "/", part);
	adm_problem(at->r, ADM_P_INVALID, pointer, "users[%zu]%s%.60s: expected %s", at->i, part[0] == '\0' ? "" : ".", part, expected);
	return false;
}

static bool
no_memory(const struct place *at)
{
	adm_problem(at->r, ADM_P_INTERNAL, NULL, "out of memory");
	return false;
}

/* Which parts there are. False: answered. */
static bool
read_parts(struct place *at, json_t *o, bool all)
{
	const char *name;
	json_t	   *v;

	if (!json_is_object(o))
		return bad(at, "", "an object");
	json_object_foreach(o, name, v) {
		int p = 0, n = all ? PART_CREATE : PARTS;	/* where they are all, others go by not being there */

		while (p < n && strcmp(parts[p], name) != 0)
			p++;
		if (p == n)
			return bad(at, name, all ? "only name, password, generate, iterations, scram, enabled and groups" :
			    "only name, password, generate, iterations, scram, enabled, groups, create and delete");
		at->part[p] = v;
	}
	return true;
}

static bool
take_flag(const struct place *at, enum part p, bool *out)
{
	*out = json_is_true(at->part[p]);
	return at->part[p] == NULL || json_is_boolean(at->part[p]) || bad(at, parts[p], "true or false");
}

/* Said once more in the answer. */
static bool
tell_password(const struct place *at, const struct pol_user_item *x)
{
	if (at->c->told == NULL)
		at->c->told = json_array();
	return at->c->told != NULL &&
	    json_array_append_new(at->c->told, json_pack("{s:s, s:s}", "name", x->name, "password", x->password)) == 0;
}

static bool
take_password(const struct place *at, struct pol_user_item *x)
{
	json_t	   *v = at->part[PART_PASSWORD];
	const char *text = json_string_value(v);
	size_t	    n = json_string_length(v);
	bool	    generate;

	if (!take_flag(at, PART_GENERATE, &generate))
		return false;
	if ((v != NULL) + generate + (at->part[PART_SCRAM] != NULL) > 1)
		return bad(at, at->part[PART_SCRAM] != NULL ? "scram" : "generate", "one of password, generate and scram, not more");
	if (v != NULL && (text == NULL || n == 0 || n > PASSWORD_MAX))
		return bad(at, "password", "a string of 1 to 1023 bytes");
	if (v != NULL) {
		x->password = strdup(text);
		explicit_bzero((char *)(uintptr_t)text, n);
		return x->password != NULL || no_memory(at);
	}
	if (!generate)
		return true;
	x->password = calloc(1, ADM_GENERATED);
	if (x->password == NULL || !adm_user_generate(x->password) || !tell_password(at, x))
		return no_memory(at);
	return true;
}

static bool
take_iterations(const struct place *at, struct pol_user_item *x)
{
	json_t	  *v = at->part[PART_ITERATIONS];
	json_int_t n = json_integer_value(v);

	if (v == NULL)
		return true;
	if (x->password == NULL)
		return bad(at, "iterations", "a password, or generate, that they could be for");
	x->iterations = (uint32_t)n;
	return (json_is_integer(v) && n >= AUT_ITERATIONS_MIN && n <= AUT_ITERATIONS_MAX) || bad(at, "iterations", "a number of 4096 to 1000000");
}

static bool
take_lists(const struct place *at, struct pol_user_item *x)
{
	json_t *scram = at->part[PART_SCRAM], *groups = at->part[PART_GROUPS];
	char	name[48];

	if (scram != NULL && !json_is_array(scram))
		return bad(at, "scram", "an array");
	if (groups != NULL && !json_is_array(groups))
		return bad(at, "groups", "an array");
	snprintf(name, sizeof(name), "users/%zu/scram", at->i);
	if (scram != NULL && !adm_take_credentials(at->r, &x->credentials, name, scram, false))
		return false;
	snprintf(name, sizeof(name), "users/%zu/groups", at->i);
	return groups == NULL || adm_take_groups(at->r, &x->groups, name, groups);
}

/* Who is deleted is only named. */
static bool
take_delete(const struct place *at, const struct pol_user_item *x)
{
	for (int p = PART_NAME + 1; x->remove && p < PART_DELETE; p++)
		if (at->part[p] != NULL)
			return bad(at, parts[p], "nothing beside name and delete");
	return true;
}

static bool
take_one(const struct place *at, struct pol_user_item *x)
{
	json_t *name = at->part[PART_NAME];

	if (!json_is_string(name) || json_string_length(name) == 0 || json_string_length(name) > POL_USER_NAME_MAX)
		return bad(at, "name", "a string of 1 to 255 bytes");
	memcpy(x->name, json_string_value(name), json_string_length(name) + 1);
	x->enabled_set = at->part[PART_ENABLED] != NULL;
	return take_flag(at, PART_ENABLED, &x->enabled) && take_flag(at, PART_CREATE, &x->only_new) && take_flag(at, PART_DELETE, &x->remove) &&
	    take_delete(at, x) && take_password(at, x) && take_iterations(at, x) && take_lists(at, x);
}

bool
adm_take_users(struct adm_req *r, struct adm_change *c, const json_t *list, bool all)
{
	size_t	i;
	json_t *o;

	if (json_array_size(list) > POL_USERS_MAX) {
		adm_problem(r, ADM_P_INVALID, "/users", "found %zu of them, expected at most %d", json_array_size(list), POL_USERS_MAX);
		return false;
	}
	c->con.users_all = all;
	json_array_foreach(list, i, o) {
		struct place	      at = { .r = r, .c = c, .i = i };
		struct pol_user_item *x = pol_user_list_add(c->con.users);

		if (x == NULL)
			return no_memory(&at);
		if (!read_parts(&at, o, all) || !take_one(&at, x))
			return false;
	}
	return true;
}
