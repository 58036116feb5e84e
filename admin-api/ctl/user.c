/* Many users on the command line: out of a file. */
#include "admin-api/ctl/ctl.h"

#include <stdio.h>

/* What lists print with -o json is taken as well: without what is only told. Keys are not told, so SCRAM without them says nothing. */
static void
drop_what_is_only_told(json_t *user)
{
	json_object_del(user, "mechanisms");
	json_object_del(user, "revision");
	if (json_object_get(json_array_get(json_object_get(user, "scram"), 0), "storedKey") == NULL)
		json_object_del(user, "scram");
}

enum alv_err
ctl_users_body(const struct ctl_call *c, json_t **out)
{
	enum alv_err e;
	json_t	    *user;
	size_t	     i;

	*out = json_object();
	if (c->opt.file == NULL) {
		fprintf(stderr, "alcovectl: expected --file: users as JSON\n");
		return ALV_E_MISSING;
	}
	e = ctl_list_from_file(c->opt.file, "users", *out);
	json_array_foreach(json_object_get(*out, "users"), i, user)
		drop_what_is_only_told(user);
	return e;
}
