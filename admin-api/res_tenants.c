/* /v1/tenants. Reads come from the snapshots; changes go to the control thread and are answered with what the
 * snapshots say then. The ETag is the tenant's revision. */
#include "admin-api/body.h"
#include "admin-api/change.h"

#include <stdlib.h>

static json_t *
tenant_json(const struct pol_tenant *t)
{
	static const char *const states[] = { [POL_ACTIVE] = "active", [POL_SUSPENDED] = "suspended", [POL_DELETED] = "deleted" };

	json_t *hosts = json_array(), *supers = json_array();

	for (size_t i = 0; i < t->nsupers; i++)
		json_array_append_new(supers, adm_json_str(t->supers[i]));
	for (size_t i = 0; i < t->nown; i++)
		json_array_append_new(hosts, json_pack("{s:o, s:o}", "bootstrap", adm_json_str(t->own[i].bootstrap), "nodePattern",
		    adm_json_str(t->own[i].node_text)));
	return json_pack("{s:o, s:o, s:s, s:s, s:I, s:I, s:o, s:s, s:o, s:b, s:b, s:i, s:i, s:I, s:I, s:I}", "id", adm_json_str(t->names.id), "displayName",
	    adm_json_str(t->display_name), "state", states[t->state], "clusterId", t->cluster_id, "users", (json_int_t)t->nusers,
	    "aliases", (json_int_t)t->names.naliases, "hostNames", hosts, "authorizer",
	    t->authorizer == POL_AUTHORIZER_NONE ? "none" : "acl", "superUsers", supers, "allowEveryoneIfNoAclFound",
	    t->everyone_if_no_acl, "autoCreateTopics", t->auto_create.on, "autoCreatePartitions", t->auto_create.partitions,
	    "autoCreateReplicationFactor", t->auto_create.replication_factor, "acls", (json_int_t)t->nrules, "quotas", (json_int_t)t->nquotas, "revision", (json_int_t)t->revision);
}

void
adm_tenant_list(struct adm_req *r)
{
	const struct pol_tenant *page[501];
	size_t			 limit = adm_limit(r), n;
	json_t			*items;

	if (limit == 0)
		return;
	n = pol_dir_list(r->server->conf.dir, r->query[ADM_Q_AFTER], page, limit + 1);
	items = json_array();
	for (size_t i = 0; i < n && i < limit; i++)
		json_array_append_new(items, tenant_json(page[i]));
	adm_answer_json(r, 200, json_pack("{s:o, s:o}", "items", items, "next",
	    n > limit ? adm_json_str(page[limit - 1]->names.id) : json_null()));
}

void
adm_tenant_get(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant(r);

	if (t == NULL || adm_not_modified(r, t->revision))
		return;
	adm_set_etag(r, t->revision);
	adm_answer_json(r, 200, tenant_json(t));
}

/* What the snapshots say after the change. It may be gone again already: then what is known of it. */
static void
reply_tenant(struct adm_req *r, struct adm_change *c)
{
	struct alv_str		 id = alv_str_of(c->con.tenant);
	const struct pol_tenant *t = adm_tenant_peek(r, id);

	if (c->con.created)
		adm_set_location(r, &id, 1);
	adm_set_etag(r, t != NULL ? t->revision : c->con.revision);
	adm_answer_json(r, c->con.created ? 201 : 200, t != NULL ? tenant_json(t) :
	    json_pack("{s:o, s:I}", "id", adm_json_str(id), "revision", (json_int_t)c->con.revision));
}

static void
reply_post(struct adm_req *r, struct adm_change *c)
{
	c->con.created = true;
	reply_tenant(r, c);
}

/* What the body says of who decides, and of topics that are asked for. False: answered, c is freed. */
static bool
read_access(struct adm_req *r, struct adm_change *c)
{
	c->con.authorizer_set = adm_body_has(c, r->route->body, "authorizer");
	c->con.supers_set = adm_body_has(c, r->route->body, "superUsers");
	c->con.everyone_set = adm_body_has(c, r->route->body, "allowEveryoneIfNoAclFound");
	c->con.auto_set = adm_body_has(c, r->route->body, "autoCreateTopics");
	c->con.auto_partitions_set = adm_body_has(c, r->route->body, "autoCreatePartitions");
	c->con.auto_replication_set = adm_body_has(c, r->route->body, "autoCreateReplicationFactor");
	c->con.authorizer = strcmp(c->kind, "none") == 0 ? POL_AUTHORIZER_NONE : POL_AUTHORIZER_ACL;
	if (!c->con.authorizer_set || strcmp(c->kind, "none") == 0 || strcmp(c->kind, "acl") == 0)
		return true;
	adm_problem(r, ADM_P_INVALID, "/authorizer", "found \"%s\", expected acl or none", c->kind);
	adm_change_free(c);
	return false;
}

void
adm_tenant_post(struct adm_req *r)
{
	struct adm_change *c = adm_change_new(r, CON_TENANT_CREATE);

	if (c == NULL)
		return;
	if (!adm_body_read(r, c)) {
		adm_change_free(c);
		return;
	}
	c->con.own_set = true;
	if (read_access(r, c))
		adm_change_submit(c, reply_post);
}

/* A change of the tenant in {id}, with the client's conditions. NULL: answered. */
static struct adm_change *
change_of(struct adm_req *r, enum con_op op, const struct pol_tenant *t)
{
	struct adm_change *c;

	if (!adm_if_match(r, t != NULL, t != NULL ? t->revision : 0) || (c = adm_change_new(r, op)) == NULL)
		return NULL;
	if (t != NULL && adm_if_match_given(r)) {
		c->con.if_revision = t->revision;
		c->named = true;
	}
	if (!adm_change_copy(c, c->con.tenant, sizeof(c->con.tenant), r->param[0], "tenant's id"))
		return NULL;
	if (r->route->body != NULL && !adm_body_read(r, c)) {
		adm_change_free(c);
		return NULL;
	}
	return c;
}

void
adm_tenant_put(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant_peek(r, r->param[0]);
	bool			 there = t != NULL && t->state != POL_DELETED;
	struct adm_change	*c;

	if (there && adm_only_create(r)) {
		adm_problem(r, ADM_P_PRECONDITION, NULL, "the tenant exists already, but If-None-Match: * was given");
		return;
	}
	c = change_of(r, there ? CON_TENANT_UPDATE : CON_TENANT_CREATE, t);
	if (c == NULL)
		return;
	/* PUT says all; but that users may do all must be said in so many words. */
	c->con.own_set = true;
	if (!read_access(r, c))
		return;
	if (adm_only_create(r))
		c->con.if_absent = c->named = true;
	adm_change_submit(c, there ? reply_tenant : reply_post);
}

static void
change_existing(struct adm_req *r, enum con_op op)
{
	const struct pol_tenant *t = adm_tenant(r);
	struct adm_change	*c = t == NULL ? NULL : change_of(r, op, t);

	if (c != NULL)
		adm_change_submit(c, reply_tenant);
}

void
adm_tenant_patch(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant(r);
	struct adm_change	*c = t == NULL ? NULL : change_of(r, CON_TENANT_UPDATE, t);

	if (c == NULL)
		return;
	c->con.keep_display_name = !adm_body_has(c, r->route->body, "displayName");
	c->con.own_set = adm_body_has(c, r->route->body, "hostNames");
	if (c->seen == 0) {
		adm_problem(r, ADM_P_INVALID, "", "found no field, expected displayName, hostNames, authorizer, superUsers or "
		    "allowEveryoneIfNoAclFound");
		adm_change_free(c);
		return;
	}
	if (!read_access(r, c))
		return;
	adm_change_submit(c, reply_tenant);
}

void
adm_tenant_suspend(struct adm_req *r)
{
	change_existing(r, CON_TENANT_SUSPEND);
}

void
adm_tenant_resume(struct adm_req *r)
{
	change_existing(r, CON_TENANT_RESUME);
}

/* Its id stays reserved until what it had in the cluster is gone. */
static void
reply_deleted(struct adm_req *r, struct adm_change *c)
{
	const struct pol_tenant *t = adm_tenant_peek(r, alv_str_of(c->con.tenant));

	if (t != NULL)
		adm_answer_json(r, 202, tenant_json(t));
	else
		adm_answer_empty(r, 204);
}

void
adm_tenant_delete(struct adm_req *r)
{
	struct alv_str		 purge = r->query[ADM_Q_PURGE];
	const struct pol_tenant *t;
	struct adm_change	*c;

	if (purge.p != NULL && !alv_str_eqz(purge, "true") && !alv_str_eqz(purge, "false")) {
		adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "purge: found \"%.*s\", expected true or false", ALV_STR_ARG(purge));
		return;
	}
	t = adm_tenant(r);
	c = t == NULL ? NULL : change_of(r, CON_TENANT_DELETE, t);
	if (c == NULL)
		return;
	c->con.purge = purge.p != NULL && alv_str_eqz(purge, "true");
	adm_change_submit(c, reply_deleted);
}
