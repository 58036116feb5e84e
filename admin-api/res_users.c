/* /v1/tenants/{id}/users. A user's ETag is its own revision; the control thread compares tenants' revisions, so a
 * condition that holds for the user in this snapshot is passed on as a condition on this snapshot. */
#include "admin-api/body.h"
#include "admin-api/change.h"

#include <alcove/authn.h>
#include <alcove/credential.h>

#include <sys/random.h>

static json_t *
user_json(const struct pol_user *u)
{
	json_t *mechanisms = json_array(), *scram = json_array(), *groups = json_array();

	for (size_t i = 0; i < u->ngroups; i++)
		json_array_append_new(groups, adm_json_str(u->groups[i]));
	for (int m = 0; m < POL_MECHANISMS; m++) {
		if (!u->scram[m].present)
			continue;
		json_array_append_new(mechanisms, json_string(pol_mechanism_name((enum pol_mechanism)m)));
		json_array_append_new(scram, json_pack("{s:s, s:I}", "mechanism", pol_mechanism_name((enum pol_mechanism)m), "iterations",
		    (json_int_t)u->scram[m].iterations));
	}
	if (json_array_size(scram) > 0)	/* PLAIN is checked against these keys */
		json_array_append_new(mechanisms, json_string(aut_mechanism_name(AUT_PLAIN)));
	return json_pack("{s:o, s:b, s:o, s:o, s:o, s:I}", "name", adm_json_str(u->name), "enabled", u->enabled, "mechanisms", mechanisms,
	    "scram", scram, "groups", groups, "revision", (json_int_t)u->version);
}

void
adm_user_list(struct adm_req *r)
{
	size_t			 limit = adm_limit(r), n = 0, last = 0;
	const struct pol_tenant *t = limit == 0 ? NULL : adm_tenant(r);
	struct alv_str		 after = r->query[ADM_Q_AFTER];
	json_t			*items, *next = NULL;
	struct pol_user_filter	 f;

	if (t == NULL || !adm_user_filter(r, &f) || adm_not_modified(r, t->revision))
		return;
	adm_set_etag(r, t->revision);
	items = json_array();
	for (size_t i = 0; i < t->nusers && next == NULL; i++) {
		if ((after.p != NULL && alv_str_cmp(t->users[i].name, after) <= 0) || !pol_user_fits(&f, &t->users[i]))
			continue;
		if (n == limit) {
			next = adm_json_str(t->users[last].name);
			break;
		}
		json_array_append_new(items, user_json(&t->users[i]));
		last = i;
		n++;
	}
	if (next == NULL)
		next = json_null();
	adm_answer_json(r, 200, json_pack("{s:o, s:o}", "items", items, "next", next));
}

void
adm_user_get(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant(r);
	const struct pol_user	*u;

	if (t == NULL)
		return;
	u = pol_user_find(t, r->param[1]);
	if (u == NULL) {
		adm_problem(r, ADM_P_NOT_FOUND, NULL, "the tenant has no user \"%.*s\"", ALV_STR_ARG(r->param[1]));
		return;
	}
	if (adm_not_modified(r, u->version))
		return;
	adm_set_etag(r, u->version);
	adm_answer_json(r, 200, user_json(u));
}

static void
reply_user(struct adm_req *r, struct adm_change *c)
{
	struct alv_str		 path[3] = { alv_str_of(c->con.tenant), ALV_STR("users"), alv_str_of(c->con.user) };
	const struct pol_tenant *t = adm_tenant_peek(r, path[0]);
	const struct pol_user	*u = t == NULL ? NULL : pol_user_find(t, path[2]);
	json_t			*body;

	if (c->con.if_absent)	/* else it were not OK */
		c->con.created = true;
	if (c->con.created)
		adm_set_location(r, path, 3);
	if (u != NULL)
		adm_set_etag(r, u->version);
	body = u != NULL ? user_json(u) : json_pack("{s:o}", "name", adm_json_str(path[2]));
	if (body != NULL && c->generate)
		json_object_set_new(body, "password", json_string(c->password));
	adm_answer_json(r, c->con.created ? 201 : 200, body);
}

static void
reply_gone(struct adm_req *r, struct adm_change *c)
{
	(void)c;
	adm_answer_empty(r, 204);
}

/* 192 random bits as 32 characters that need quoting nowhere. */
bool
adm_user_generate(char out[static ADM_GENERATED])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t		  bits[ADM_GENERATED - 1];

	if (getrandom(bits, sizeof(bits), 0) != sizeof(bits))
		return false;
	for (size_t i = 0; i < sizeof(bits); i++)
		out[i] = digits[bits[i] & 63];
	out[sizeof(bits)] = '\0';
	explicit_bzero(bits, sizeof(bits));
	return true;
}

/* Fills in what the body said. False: answered, c is freed. */
static bool
read_user(struct adm_req *r, struct adm_change *c, bool creates)
{
	if (!adm_body_read(r, c)) {
		adm_change_free(c);
		return false;
	}
	c->con.enabled_set = adm_body_has(c, r->route->body, "enabled");
	if (creates && !c->con.enabled_set)
		c->con.enabled = true;
	c->con.iterations = (uint32_t)c->iterations;
	if ((c->generate && c->con.password[0] != '\0') || (c->con.credentials != NULL && (c->generate || c->con.password[0] != '\0')))
		adm_problem(r, ADM_P_INVALID, c->con.credentials != NULL ? "/scram" : "/generate",
		    "found more than one of password, generate and scram, expected one of them");
	else if (adm_body_has(c, r->route->body, "iterations") && !c->generate && c->con.password[0] == '\0')
		adm_problem(r, ADM_P_INVALID, "/iterations", "found iterations without a password that they could be for");
	else if (adm_body_has(c, r->route->body, "iterations") && (c->iterations < AUT_ITERATIONS_MIN || c->iterations > AUT_ITERATIONS_MAX))
		adm_problem(r, ADM_P_INVALID, "/iterations", "found %d, expected %d to %d", c->iterations, AUT_ITERATIONS_MIN, AUT_ITERATIONS_MAX);
	else if (creates && !c->generate && c->con.password[0] == '\0' && c->con.credentials == NULL)
		adm_problem(r, ADM_P_INVALID, "/password", "the field \"password\" is missing (or \"generate\": true, or \"scram\")");
	else if (c->generate && !adm_user_generate(c->password))
		adm_problem(r, ADM_P_INTERNAL, NULL, "no random numbers");
	else {
		if (c->generate)
			memcpy(c->con.password, c->password, sizeof(c->password));
		return true;
	}
	adm_change_free(c);
	return false;
}

void
adm_user_post(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant(r);
	struct adm_change	*c = t == NULL ? NULL : adm_change_new(r, CON_USER_PUT);

	if (c == NULL || !adm_change_copy(c, c->con.tenant, sizeof(c->con.tenant), r->param[0], "tenant's id") || !read_user(r, c, true))
		return;
	c->con.if_absent = true;
	adm_change_submit(c, reply_user);
}

/* A change of the user in {name}, with the client's conditions. NULL: answered. */
static struct adm_change *
change_of(struct adm_req *r, enum con_op op, const struct pol_tenant *t, const struct pol_user *u)
{
	struct adm_change *c;

	if (!adm_if_match(r, u != NULL, u != NULL ? u->version : 0) || (c = adm_change_new(r, op)) == NULL)
		return NULL;
	if (adm_if_match_given(r)) {
		c->con.if_revision = t->revision;
		c->named = true;
	}
	if (!adm_change_copy(c, c->con.tenant, sizeof(c->con.tenant), r->param[0], "tenant's id") ||
	    !adm_change_copy(c, c->con.user, sizeof(c->con.user), r->param[1], "user's name"))
		return NULL;
	return c;
}

void
adm_user_put(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant(r);
	const struct pol_user	*u = t == NULL ? NULL : pol_user_find(t, r->param[1]);
	struct adm_change	*c;

	if (t == NULL)
		return;
	if (u != NULL && adm_only_create(r)) {
		adm_problem(r, ADM_P_PRECONDITION, NULL, "the user exists already, but If-None-Match: * was given");
		return;
	}
	c = change_of(r, CON_USER_PUT, t, u);
	if (c == NULL || !read_user(r, c, u == NULL))
		return;
	if (adm_only_create(r))
		c->con.if_absent = c->named = true;
	adm_change_submit(c, reply_user);
}

/* Looks the user up; NULL: answered. */
static const struct pol_user *
existing(struct adm_req *r, const struct pol_tenant *t)
{
	const struct pol_user *u = pol_user_find(t, r->param[1]);

	if (u == NULL)
		adm_problem(r, ADM_P_NOT_FOUND, NULL, "the tenant has no user \"%.*s\"", ALV_STR_ARG(r->param[1]));
	return u;
}

void
adm_user_patch(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant(r);
	const struct pol_user	*u = t == NULL ? NULL : existing(r, t);
	struct adm_change	*c = u == NULL ? NULL : change_of(r, CON_USER_PUT, t, u);

	if (c == NULL || !read_user(r, c, false))
		return;
	/* A user that is deleted meanwhile must not come back by this. */
	c->con.if_revision = t->revision;
	adm_change_submit(c, reply_user);
}

void
adm_user_delete(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant(r);
	const struct pol_user	*u = t == NULL ? NULL : existing(r, t);
	struct adm_change	*c = u == NULL ? NULL : change_of(r, CON_USER_DELETE, t, u);

	if (c != NULL)
		adm_change_submit(c, reply_gone);
}

/* ---- credentials of many ------------------------------------------------------------------------------------- */

static void
reply_set(struct adm_req *r, struct adm_change *c)
{
	const struct pol_tenant *t = adm_tenant_peek(r, alv_str_of(c->con.tenant));

	adm_set_etag(r, c->con.revision);
	adm_answer_json(r, 200, json_pack("{s:I, s:I}", "credentials", (json_int_t)c->con.changed, "users", (json_int_t)(t == NULL ? 0 : t->nusers)));
}

void
adm_credential_post(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant(r);
	struct adm_change	*c;

	if (t == NULL || !adm_if_match(r, true, t->revision) || (c = adm_change_new(r, CON_USER_CREDENTIALS)) == NULL)
		return;
	if (adm_if_match_given(r)) {
		c->con.if_revision = t->revision;
		c->named = true;
	}
	if (!adm_change_copy(c, c->con.tenant, sizeof(c->con.tenant), r->param[0], "tenant's id"))
		return;
	if (adm_body_read(r, c))
		adm_change_submit(c, reply_set);
	else
		adm_change_free(c);
}
