/* /v1/tenants/{id}/acls/explain: which rule decides whether somebody may do something, and why. It asks the snapshot that workers
 * ask. */
#include "admin-api/body.h"
#include "admin-api/change.h"

#include <alcove/acl.h>

#include <stdio.h>

/* False: answered. */
static bool
read_word(struct adm_req *r, enum adm_query at, enum pol_word kind, int *number)
{
	struct alv_str s = r->query[at];

	*number = s.p == NULL ? 0 : pol_word_number(kind, s);
	if (*number > POL_ANY)
		return true;
	adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "%s: found \"%.*s\", expected one of %s", adm_query_name(at), ALV_STR_ARG(s),
	    pol_word_list(kind, false));
	return false;
}

static bool
read_text(struct adm_req *r, enum adm_query at, const char *expected, struct alv_str *out)
{
	*out = r->query[at];
	if (out->n > 0)
		return true;
	adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "%s: found nothing, expected %s", adm_query_name(at), expected);
	return false;
}

/* "dev,ops", as a token would claim them. False: answered. */
static bool
read_groups(struct adm_req *r, struct pol_groups **out)
{
	struct alv_str rest = r->query[ADM_Q_GROUPS], name[POL_GROUPS_MAX];
	size_t	       n = 0;

	*out = NULL;
	while (rest.n > 0 && n < POL_GROUPS_MAX) {
		const char *comma = memchr(rest.p, ',', rest.n);
		size_t	    len = comma == NULL ? rest.n : (size_t)(comma - rest.p);

		name[n++] = alv_str_make(rest.p, len);
		len += comma != NULL;
		rest = alv_str_make(rest.p + len, rest.n - len);
	}
	if (n == 0)
		return true;
	*out = pol_groups_new(name, n);
	if (*out == NULL)
		adm_problem(r, ADM_P_INTERNAL, NULL, "out of memory");
	return *out != NULL;
}

static bool
read_query(struct adm_req *r, struct pol_query *q)
{
	int operation, resource;

	*q = (struct pol_query){ .host = r->query[ADM_Q_HOST] };
	if (!read_word(r, ADM_Q_OPERATION, POL_WORD_OPERATION, &operation) ||
	    !read_word(r, ADM_Q_RESOURCE_TYPE, POL_WORD_RESOURCE, &resource) ||
	    !read_text(r, ADM_Q_PRINCIPAL, "User:<name>", &q->principal))
		return false;
	q->op = (enum pol_op)operation;
	q->resource = (enum pol_resource)resource;
	q->name = ALV_STR("kafka-cluster");
	return (q->resource == POL_CLUSTER && r->query[ADM_Q_RESOURCE_NAME].p == NULL) ||
	    read_text(r, ADM_Q_RESOURCE_NAME, "the name of the resource", &q->name);
}

/* What else keeps somebody out, or may be another answer than was meant. */
static json_t *
notes(const struct pol_tenant *t, const struct pol_query *q)
{
	json_t		      *list = json_array();
	const struct pol_user *u = NULL;

	if (t->state == POL_SUSPENDED)
		json_array_append_new(list, json_string("the tenant is suspended: none of its clients is served"));
	if (t->state == POL_DELETED)
		json_array_append_new(list, json_string("the tenant is deleted: none of its clients is served"));
	if (alv_str_starts(q->principal, ALV_STR("User:")))
		u = pol_user_find(t, alv_str_make(q->principal.p + 5, q->principal.n - 5));
	if (u == NULL)
		json_array_append_new(list, json_string("the tenant has no such user: only a token or a certificate could bring this principal"));
	else if (!u->enabled)
		json_array_append_new(list, json_string("the user is disabled: it cannot log in"));
	if (q->host.p == NULL)
		json_array_append_new(list, json_string("no host was given: ACLs for certain hosts were left out"));
	return list;
}

static json_t *
reason_json(const struct pol_tenant *t, const struct pol_query *q)
{
	struct pol_reason why;
	struct alv_buf	  text;
	json_t		 *o, *supers = json_array();

	alv_buf_init(&text, 64 * 1024);
	pol_explain(t, q, &why);
	pol_reason_text(&text, t, q, &why);
	for (size_t i = 0; i < t->nsupers; i++)
		json_array_append_new(supers, adm_json_str(t->supers[i]));
	o = json_pack("{s:b, s:s, s:o, s:o, s:o, s:o}", "allowed", why.allowed, "reason", pol_why_name(why.why), "text",
	    adm_json_str(alv_str_make(text.p, text.n)), "acl", why.rule == NULL ? json_null() : adm_acl_json(why.rule), "superUsers", supers,
	    "notes", notes(t, q));
	alv_buf_fini(&text);
	return o;
}

void
adm_acl_explain(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant(r);
	struct pol_groups	*claimed;
	struct pol_query	 q;

	if (t == NULL || !read_query(r, &q) || !read_groups(r, &claimed))
		return;
	q.claimed = claimed;
	adm_answer_json(r, 200, reason_json(t, &q));
	pol_groups_free(claimed);
}
