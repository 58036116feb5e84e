/* Whether a principal may do something to each resource of a type, also to those that do not exist yet. Kafka never asks that; who
 * gives a broker a pattern instead of names does. In doubt no: it must not be yes where one resource could be refused. */
#include <alcove/policy.h>
#include <alcove/str.h>

/* Does the text stand for who asks: the principal itself, or one of its groups? */
static bool
is_one(const struct pol_tenant *t, const struct pol_query *q, struct alv_str text)
{
	static const struct alv_str group = ALV_STR("Group:"), user = ALV_STR("User:");
	struct alv_str		    name;
	const struct pol_user	   *u;

	if (alv_str_eq(text, q->principal))
		return true;
	if (!alv_str_starts(text, group))
		return false;
	name = alv_str_make(text.p + group.n, text.n - group.n);
	for (size_t i = 0; q->claimed != NULL && i < q->claimed->n; i++)
		if (alv_str_eq(q->claimed->name[i], name))
			return true;
	u = alv_str_starts(q->principal, user) ? pol_user_find(t, alv_str_make(q->principal.p + user.n, q->principal.n - user.n)) : NULL;
	for (size_t i = 0; u != NULL && i < u->ngroups; i++)
		if (alv_str_eq(u->groups[i], name))
			return true;
	return false;
}

static bool
implies(enum pol_op allowed, enum pol_op op)
{
	if (allowed == POL_OP_ALL || allowed == op)
		return true;
	return op == POL_OP_DESCRIBE && (allowed == POL_OP_READ || allowed == POL_OP_WRITE || allowed == POL_OP_DELETE || allowed == POL_OP_ALTER);
}

static bool
of_all(const struct pol_rule *r)
{
	return r->pattern == POL_LITERAL && alv_str_eqz(r->name, "*") && alv_str_eqz(r->host, "*");
}

static bool
super(const struct pol_tenant *t, const struct pol_query *q)
{
	for (size_t i = 0; i < t->nsupers; i++)
		if (is_one(t, q, t->supers[i]))
			return true;
	return false;
}

bool
pol_decide_all(const struct pol_tenant *t, const struct pol_query *q)
{
	bool allowed = false, any = false;

	if (q->principal.p == NULL)
		return false;
	if (t->authorizer == POL_AUTHORIZER_NONE || super(t, q))
		return true;
	for (size_t i = 0; i < t->nrules; i++) {
		const struct pol_rule *r = &t->rules[i];

		if (r->resource != q->resource)
			continue;
		any = true;
		if (!alv_str_eqz(r->principal, "User:*") && !is_one(t, q, r->principal))
			continue;
		if (r->permission != POL_ALLOW && (r->op == POL_OP_ALL || r->op == q->op))
			return false;
		allowed |= r->permission == POL_ALLOW && of_all(r) && implies(r->op, q->op);
	}
	return allowed || (!any && t->everyone_if_no_acl);
}
