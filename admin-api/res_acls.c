/* /v1/tenants/{id}/acls. ACLs have no names: they are listed and deleted by filters, as by Kafka's own tools. Their ETag is
 * the tenant's. */
#include "admin-api/body.h"
#include "admin-api/change.h"

#include <alcove/acl.h>

#include <stdio.h>

json_t *
adm_acl_json(const struct pol_rule *a)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:s, s:s}", "resourceType", pol_word(POL_WORD_RESOURCE, a->resource),
	    "resourceName", adm_json_str(a->name), "patternType", pol_word(POL_WORD_PATTERN, a->pattern), "principal",
	    adm_json_str(a->principal), "host", adm_json_str(a->host), "operation", pol_word(POL_WORD_OPERATION, a->op),
	    "permission", pol_word(POL_WORD_PERMISSION, a->permission));
}

/* ---- filters ------------------------------------------------------------------------------------------------ */

static bool
read_word(struct adm_req *r, enum adm_query q, enum pol_word kind, int *number)
{
	struct alv_str s = r->query[q];

	*number = s.p == NULL ? POL_ANY : pol_word_number(kind, s);
	if (*number != 0)
		return true;
	adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "%s: found \"%.*s\", expected one of %s", adm_query_name(q), ALV_STR_ARG(s),
	    pol_word_list(kind, true));
	return false;
}

/* Views of the request's query. False: answered. */
static bool
read_filter(struct adm_req *r, struct pol_filter *f)
{
	*f = (struct pol_filter){ .name = r->query[ADM_Q_RESOURCE_NAME], .principal = r->query[ADM_Q_PRINCIPAL],
		.host = r->query[ADM_Q_HOST] };
	return read_word(r, ADM_Q_RESOURCE_TYPE, POL_WORD_RESOURCE, &f->resource) &&
	    read_word(r, ADM_Q_PATTERN_TYPE, POL_WORD_PATTERN, &f->pattern) &&
	    read_word(r, ADM_Q_OPERATION, POL_WORD_OPERATION, &f->op) &&
	    read_word(r, ADM_Q_PERMISSION, POL_WORD_PERMISSION, &f->permission);
}

static bool
any_filter(const struct adm_req *r)
{
	static const enum adm_query all[] = { ADM_Q_RESOURCE_TYPE, ADM_Q_RESOURCE_NAME, ADM_Q_PATTERN_TYPE, ADM_Q_PRINCIPAL, ADM_Q_HOST,
		ADM_Q_OPERATION, ADM_Q_PERMISSION };

	for (size_t i = 0; i < ALV_COUNT(all); i++)
		if (r->query[all[i]].p != NULL)
			return true;
	return false;
}

/* ---- pages: `next` is the last one of a page, in words; names and principals may hold anything, so they come last ----- */

static json_t *
next_json(const struct pol_rule *a)
{
	return json_sprintf("%s,%s,%s,%s,%.*s,%zu,%.*s%.*s", pol_word(POL_WORD_RESOURCE, a->resource), pol_word(POL_WORD_PATTERN, a->pattern),
	    pol_word(POL_WORD_OPERATION, a->op), pol_word(POL_WORD_PERMISSION, a->permission), ALV_STR_ARG(a->host), a->principal.n,
	    ALV_STR_ARG(a->principal), ALV_STR_ARG(a->name));
}

static struct alv_str
next_part(struct alv_str *rest)
{
	const char    *comma = rest->n == 0 ? NULL : memchr(rest->p, ',', rest->n);
	struct alv_str part = alv_str_make(rest->p, comma == NULL ? rest->n : (size_t)(comma - rest->p));

	rest->p += part.n + (comma != NULL);
	rest->n -= part.n + (comma != NULL);
	return part;
}

/* False: answered. a->name null: from the start. */
static bool
read_after(struct adm_req *r, struct pol_rule *a)
{
	struct alv_str rest = r->query[ADM_Q_AFTER];
	uint64_t       n = 0;
	int	       word[POL_WORDS];

	*a = (struct pol_rule){ .name = ALV_STR_NULL };
	if (rest.p == NULL)
		return true;
	for (int k = 0; k < POL_WORDS; k++)
		word[k] = pol_word_number((enum pol_word)k, next_part(&rest));
	a->host = next_part(&rest);
	if (word[0] == 0 || word[1] == 0 || word[2] == 0 || word[3] == 0 || alv_str_u64(next_part(&rest), rest.n, &n) != ALV_OK ||
	    n > rest.n) {
		adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "after: found \"%.*s\", expected `next` of a page of ACLs",
		    ALV_STR_ARG(r->query[ADM_Q_AFTER]));
		return false;
	}
	a->resource = (enum pol_resource)word[POL_WORD_RESOURCE];
	a->pattern = (enum pol_pattern)word[POL_WORD_PATTERN];
	a->op = (enum pol_op)word[POL_WORD_OPERATION];
	a->permission = (enum pol_permission)word[POL_WORD_PERMISSION];
	a->principal = alv_str_make(rest.p, n);
	a->name = alv_str_make(rest.p + n, rest.n - n);
	return true;
}

static json_t *
page(const struct pol_tenant *t, const struct pol_filter *f, const struct pol_rule *after, size_t limit)
{
	json_t	*items = json_array(), *next = json_null();
	size_t	 n = 0, last = 0;

	for (size_t i = 0; i < t->nrules; i++) {
		if ((after->name.p != NULL && pol_rule_cmp(&t->rules[i], after) <= 0) || !pol_filter_fits(f, &t->rules[i]))
			continue;
		if (n == limit) {
			next = next_json(&t->rules[last]);
			break;
		}
		json_array_append_new(items, adm_acl_json(&t->rules[i]));
		last = i;
		n++;
	}
	return json_pack("{s:o, s:o}", "items", items, "next", next);
}

void
adm_acl_list(struct adm_req *r)
{
	size_t			 limit = adm_limit(r);
	const struct pol_tenant *t = limit == 0 ? NULL : adm_tenant(r);
	struct pol_filter	 f;
	struct pol_rule		 after;

	if (t == NULL || !read_filter(r, &f) || !read_after(r, &after) || adm_not_modified(r, t->revision))
		return;
	adm_set_etag(r, t->revision);
	adm_answer_json(r, 200, page(t, &f, &after, limit));
}

/* ---- changes -------------------------------------------------------------------------------------------------- */

/* For the tenant in {id}, with the client's condition and room for ACLs. NULL: answered. */
static struct adm_change *
change_of(struct adm_req *r, enum con_op op)
{
	struct adm_change *c = adm_change_of_tenant(r, op);

	if (c == NULL)
		return NULL;
	c->con.rules = pol_rules_new();
	if (c->con.rules == NULL) {
		adm_problem(r, ADM_P_INTERNAL, NULL, "out of memory");
		adm_change_free(c);
		return NULL;
	}
	return c;
}

static void
reply_created(struct adm_req *r, struct adm_change *c)
{
	adm_set_etag(r, c->con.revision);
	adm_answer_json(r, c->con.changed > 0 ? 201 : 200, json_pack("{s:I, s:I}", "created", (json_int_t)c->con.changed, "existing",
	    (json_int_t)(c->con.rules->n - c->con.changed)));
}

void
adm_acl_post(struct adm_req *r)
{
	struct adm_change *c = change_of(r, CON_ACL_CREATE);

	if (c == NULL)
		return;
	if (!adm_body_read(r, c)) {
		adm_change_free(c);
		return;
	}
	adm_change_submit(c, reply_created);
}

static void
reply_replaced(struct adm_req *r, struct adm_change *c)
{
	adm_set_etag(r, c->con.revision);
	adm_answer_json(r, 200, json_pack("{s:I, s:I, s:I}", "created", (json_int_t)c->con.changed, "deleted", (json_int_t)c->con.removed,
	    "existing", (json_int_t)(c->con.rules->n - c->con.changed)));
}

void
adm_acl_put(struct adm_req *r)
{
	struct adm_change *c = change_of(r, CON_ACL_REPLACE);

	if (c == NULL)
		return;
	if (!adm_body_read(r, c)) {
		adm_change_free(c);
		return;
	}
	adm_change_submit(c, reply_replaced);
}

static void
reply_deleted(struct adm_req *r, struct adm_change *c)
{
	json_t *items = json_array();

	for (size_t i = 0; i < c->con.rules->n; i++)
		json_array_append_new(items, adm_acl_json(&c->con.rules->rule[i]));
	adm_set_etag(r, c->con.revision);
	adm_answer_json(r, 200, json_pack("{s:I, s:o}", "deleted", (json_int_t)c->con.rules->n, "items", items));
}

/* The request may be gone before the change is made. */
static bool
keep_filter(struct adm_change *c, const struct pol_filter *f)
{
	struct alv_arena *a = &c->con.rules->text;

	c->filter = *f;
	c->filter.name = alv_arena_str(a, f->name);
	c->filter.principal = alv_arena_str(a, f->principal);
	c->filter.host = alv_arena_str(a, f->host);
	c->con.filters = &c->filter;
	c->con.nfilters = 1;
	return !a->failed;
}

void
adm_acl_delete(struct adm_req *r)
{
	struct adm_change *c;
	struct pol_filter  f;

	if (!any_filter(r)) {
		adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "found no filter, expected one at least; resourceType=ANY fits every ACL");
		return;
	}
	if (!read_filter(r, &f) || (c = change_of(r, CON_ACL_DELETE)) == NULL)
		return;
	if (keep_filter(c, &f)) {
		adm_change_submit(c, reply_deleted);
		return;
	}
	adm_problem(r, ADM_P_INTERNAL, NULL, "out of memory");
	adm_change_free(c);
}
