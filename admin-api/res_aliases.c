/* /v1/tenants/{id}/aliases. Aliases have no revision of their own: their ETag is the tenant's. */
#include "admin-api/body.h"
#include "admin-api/change.h"

#include <stdio.h>

static const char *const kinds[TEN_KINDS] = { [TEN_TOPIC] = "topic", [TEN_GROUP] = "group", [TEN_TXN] = "transactionalId" };

static bool
kind_of(struct alv_str s, enum ten_kind *kind)
{
	for (int k = 0; k < TEN_KINDS; k++)
		if (alv_str_eqz(s, kinds[k])) {
			*kind = (enum ten_kind)k;
			return true;
		}
	return false;
}

static json_t *
alias_json(const struct ten_alias *a)
{
	return json_pack("{s:s, s:o, s:o, s:b}", "kind", kinds[a->kind], "name", adm_json_str(a->virt), "target",
	    adm_json_str(a->phys), "writable", a->writable);
}

static const struct ten_alias *
find(const struct pol_tenant *t, enum ten_kind kind, struct alv_str virt)
{
	for (size_t i = 0; t != NULL && i < t->names.naliases; i++)
		if (t->names.by_virt[i].kind == kind && alv_str_eq(t->names.by_virt[i].virt, virt))
			return &t->names.by_virt[i];
	return NULL;
}

/* Is the alias at or before "<kind>/<name>", the form of `after`? */
static bool
passed(const struct ten_alias *a, enum ten_kind kind, struct alv_str name)
{
	return a->kind < kind || (a->kind == kind && alv_str_cmp(a->virt, name) <= 0);
}

static bool
read_after(struct adm_req *r, enum ten_kind *kind, struct alv_str *name)
{
	struct alv_str after = r->query[ADM_Q_AFTER];
	const char    *slash = after.p == NULL ? NULL : memchr(after.p, '/', after.n);

	if (slash != NULL && kind_of(alv_str_make(after.p, (size_t)(slash - after.p)), kind)) {
		*name = alv_str_make(slash + 1, after.n - (size_t)(slash + 1 - after.p));
		return true;
	}
	adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "after: found \"%.*s\", expected <kind>/<name>", ALV_STR_ARG(after));
	return false;
}

static json_t *
next_json(const struct ten_alias *last)
{
	return json_sprintf("%s/%.*s", kinds[last->kind], ALV_STR_ARG(last->virt));
}

void
adm_alias_list(struct adm_req *r)
{
	size_t			 limit = adm_limit(r), i = 0, n = 0;
	const struct pol_tenant *t = limit == 0 ? NULL : adm_tenant(r);
	enum ten_kind		 kind = TEN_TOPIC;
	struct alv_str		 name = ALV_STR_NULL;
	json_t			*items, *next;

	if (t == NULL || (r->query[ADM_Q_AFTER].p != NULL && !read_after(r, &kind, &name)))
		return;
	items = json_array();
	while (i < t->names.naliases && name.p != NULL && passed(&t->names.by_virt[i], kind, name))
		i++;
	for (; i < t->names.naliases && n < limit; i++, n++)
		json_array_append_new(items, alias_json(&t->names.by_virt[i]));
	next = i < t->names.naliases ? next_json(&t->names.by_virt[i - 1]) : json_null();
	adm_answer_json(r, 200, json_pack("{s:o, s:o}", "items", items, "next", next));
}

/* The tenant of {id} and the kind of {kind}. False: answered. */
static bool
look(struct adm_req *r, const struct pol_tenant **t, enum ten_kind *kind)
{
	*t = adm_tenant(r);
	if (*t == NULL)
		return false;
	if (kind_of(r->param[1], kind))
		return true;
	adm_problem(r, ADM_P_NOT_FOUND, NULL, "found the kind \"%.*s\", expected topic, group or transactionalId", ALV_STR_ARG(r->param[1]));
	return false;
}

static void
not_there(struct adm_req *r)
{
	adm_problem(r, ADM_P_NOT_FOUND, NULL, "the tenant has no alias \"%.*s\" of this kind", ALV_STR_ARG(r->param[2]));
}

void
adm_alias_get(struct adm_req *r)
{
	const struct pol_tenant *t;
	const struct ten_alias	*a;
	enum ten_kind		 kind;

	if (!look(r, &t, &kind))
		return;
	a = find(t, kind, r->param[2]);
	if (a == NULL) {
		not_there(r);
		return;
	}
	if (adm_not_modified(r, t->revision))
		return;
	adm_set_etag(r, t->revision);
	adm_answer_json(r, 200, alias_json(a));
}

static void
reply_alias(struct adm_req *r, struct adm_change *c)
{
	struct alv_str path[4] = { alv_str_of(c->con.tenant), ALV_STR("aliases"), alv_str_of(kinds[c->con.alias_kind]),
		alv_str_of(c->con.virt) };
	const struct pol_tenant *t = adm_tenant_peek(r, path[0]);
	const struct ten_alias	*a = find(t, c->con.alias_kind, path[3]);
	const struct ten_alias	 asked = { c->con.alias_kind, path[3], alv_str_of(c->con.phys), c->con.writable };

	if (c->con.if_absent)	/* else it were not OK */
		c->con.created = true;
	if (c->con.created)
		adm_set_location(r, path, 4);
	if (a != NULL)
		adm_set_etag(r, t->revision);
	adm_answer_json(r, c->con.created ? 201 : 200, alias_json(a != NULL ? a : &asked));
}

static void
reply_gone(struct adm_req *r, struct adm_change *c)
{
	(void)c;
	adm_answer_empty(r, 204);
}

void
adm_alias_post(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant(r);
	struct adm_change	*c = t == NULL ? NULL : adm_change_new(r, CON_ALIAS_PUT);

	if (c == NULL || !adm_change_copy(c, c->con.tenant, sizeof(c->con.tenant), r->param[0], "tenant's id"))
		return;
	if (!adm_body_read(r, c)) {
		adm_change_free(c);
		return;
	}
	if (!kind_of(alv_str_of(c->kind), &c->con.alias_kind)) {
		adm_problem(r, ADM_P_INVALID, "/kind", "found \"%s\", expected topic, group or transactionalId", c->kind);
		adm_change_free(c);
		return;
	}
	c->con.if_absent = true;
	adm_change_submit(c, reply_alias);
}

/* A change of the alias in {kind}/{name}, with the client's conditions. NULL: answered. */
static struct adm_change *
change_of(struct adm_req *r, enum con_op op, const struct pol_tenant *t, enum ten_kind kind, bool exists)
{
	struct adm_change *c;

	if (!adm_if_match(r, exists, t->revision) || (c = adm_change_new(r, op)) == NULL)
		return NULL;
	c->con.alias_kind = kind;
	if (adm_if_match_given(r)) {
		c->con.if_revision = t->revision;
		c->named = true;
	}
	if (!adm_change_copy(c, c->con.tenant, sizeof(c->con.tenant), r->param[0], "tenant's id") ||
	    !adm_change_copy(c, c->con.virt, sizeof(c->con.virt), r->param[2], "alias's name"))
		return NULL;
	return c;
}

void
adm_alias_put(struct adm_req *r)
{
	const struct pol_tenant *t;
	struct adm_change	*c;
	enum ten_kind		 kind;
	bool			 exists;

	if (!look(r, &t, &kind))
		return;
	exists = find(t, kind, r->param[2]) != NULL;
	if (exists && adm_only_create(r)) {
		adm_problem(r, ADM_P_PRECONDITION, NULL, "the alias exists already, but If-None-Match: * was given");
		return;
	}
	c = change_of(r, CON_ALIAS_PUT, t, kind, exists);
	if (c == NULL)
		return;
	if (!adm_body_read(r, c)) {
		adm_change_free(c);
		return;
	}
	if (adm_only_create(r))
		c->con.if_absent = c->named = true;
	adm_change_submit(c, reply_alias);
}

void
adm_alias_delete(struct adm_req *r)
{
	const struct pol_tenant *t;
	struct adm_change	*c;
	enum ten_kind		 kind;

	if (!look(r, &t, &kind))
		return;
	if (find(t, kind, r->param[2]) == NULL) {
		not_there(r);
		return;
	}
	c = change_of(r, CON_ALIAS_DELETE, t, kind, true);
	if (c != NULL)
		adm_change_submit(c, reply_gone);
}
