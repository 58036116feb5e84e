/* Whether a principal may do something to each resource of a type, also to those that do not exist yet. Kafka never asks that; who
 * gives a broker a pattern instead of names does. In doubt no: it must not be yes where one resource could be refused. */
#include <alcove/acl.h>
#include <alcove/str.h>

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
		if (pol_stands_for(t, q, t->supers[i]))
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
		if (!alv_str_eqz(r->principal, "User:*") && !pol_stands_for(t, q, r->principal))
			continue;
		if (r->permission != POL_ALLOW && (r->op == POL_OP_ALL || r->op == q->op))
			return false;
		allowed |= r->permission == POL_ALLOW && of_all(r) && implies(r->op, q->op);
	}
	return allowed || (!any && t->everyone_if_no_acl);
}
