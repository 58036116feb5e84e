/* /v1/tenants/{id}/users, many at once: altered, replaced, deleted by filter. All or nothing, and under the tenant's ETag, as ACLs are. */
#include "admin-api/body.h"
#include "admin-api/change.h"

#include <alcove/str.h>

#include <stdlib.h>

bool
adm_user_filter(struct adm_req *r, struct pol_user_filter *f)
{
	struct alv_str	   enabled = r->query[ADM_Q_ENABLED], name = r->query[ADM_Q_MECHANISM];
	enum pol_mechanism m;

	*f = (struct pol_user_filter){ r->query[ADM_Q_PREFIX], r->query[ADM_Q_GROUP], -1, -1 };
	if (enabled.p != NULL && !alv_str_eqz(enabled, "true") && !alv_str_eqz(enabled, "false")) {
		adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "enabled: found \"%.*s\", expected true or false", ALV_STR_ARG(enabled));
		return false;
	}
	if (enabled.p != NULL)
		f->enabled = alv_str_eqz(enabled, "true");
	if (name.p == NULL)
		return true;
	f->mechanism = alv_str_eqz(name, "none") ? (int)POL_MECHANISMS : pol_mechanism_find(name, &m) ? (int)m : -1;
	if (f->mechanism >= 0)
		return true;
	adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "mechanism: found \"%.*s\", expected SCRAM-SHA-256, SCRAM-SHA-512 or none",
	    ALV_STR_ARG(name));
	return false;
}

/* For the tenant in {id}, with the client's condition and room for users. NULL: answered. */
static struct adm_change *
change_of(struct adm_req *r, enum con_op op)
{
	struct adm_change *c = adm_change_of_tenant(r, op);

	if (c == NULL)
		return NULL;
	c->con.users = pol_user_list_new();
	if (c->con.users != NULL)
		return c;
	adm_problem(r, ADM_P_INTERNAL, NULL, "out of memory");
	adm_change_free(c);
	return NULL;
}

static void
reply_altered(struct adm_req *r, struct adm_change *c)
{
	json_t *told = c->told == NULL ? json_array() : json_incref(c->told);

	adm_set_etag(r, c->con.revision);
	adm_answer_json(r, 200, json_pack("{s:I, s:I, s:I, s:o}", "created", (json_int_t)c->con.made, "changed", (json_int_t)c->con.changed,
	    "deleted", (json_int_t)c->con.removed, "passwords", told));
}

/* What the list is, the route's body says. */
static void
alter(struct adm_req *r)
{
	struct adm_change *c = change_of(r, CON_USERS_ALTER);

	if (c == NULL)
		return;
	if (adm_body_read(r, c))
		adm_change_submit(c, reply_altered);
	else
		adm_change_free(c);
}

void
adm_users_patch(struct adm_req *r)
{
	alter(r);
}

void
adm_users_put(struct adm_req *r)
{
	alter(r);
}

static void
reply_deleted(struct adm_req *r, struct adm_change *c)
{
	json_t *items = json_array();

	for (size_t i = 0; i < c->con.users->n; i++)
		json_array_append_new(items, json_pack("{s:s}", "name", c->con.users->item[i].name));
	adm_set_etag(r, c->con.revision);
	adm_answer_json(r, 200, json_pack("{s:I, s:o}", "deleted", (json_int_t)c->con.users->n, "items", items));
}

/* The request may be gone before the change is made: copies, which are the change's. False: answered, c is freed. */
static bool
keep_filter(struct adm_change *c, const struct pol_user_filter *f)
{
	if ((f->prefix.p != NULL && !adm_change_copy(c, c->prefix, sizeof(c->prefix), f->prefix, "prefix")) ||
	    (f->group.p != NULL && !adm_change_copy(c, c->group, sizeof(c->group), f->group, "group's name")))
		return false;
	c->con.user_filter = *f;
	if (f->prefix.p != NULL)
		c->con.user_filter.prefix = alv_str_of(c->prefix);
	if (f->group.p != NULL)
		c->con.user_filter.group = alv_str_of(c->group);
	return true;
}

void
adm_users_delete(struct adm_req *r)
{
	static const enum adm_query all[] = { ADM_Q_PREFIX, ADM_Q_ENABLED, ADM_Q_MECHANISM, ADM_Q_GROUP };
	struct pol_user_filter	    f;
	struct adm_change	   *c;
	bool			    any = false;

	for (size_t i = 0; i < ALV_COUNT(all); i++)
		any |= r->query[all[i]].p != NULL;
	if (!any) {
		adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "found no filter, expected one at least; an empty prefix fits every user");
		return;
	}
	if (!adm_user_filter(r, &f) || (c = change_of(r, CON_USERS_DELETE)) == NULL)
		return;
	if (keep_filter(c, &f))
		adm_change_submit(c, reply_deleted);
}
