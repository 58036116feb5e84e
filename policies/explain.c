/* Why a verdict is what it is: the same question as pol_decide, read rule by rule, for people and logs. Not for the way of
 * requests: it looks at every rule. */
#include <alcove/acl.h>
#include <alcove/str.h>

#include <ctype.h>

#include "policies/acl.h"

/* ---- who asks ----------------------------------------------------------------------------------------------- */

static const struct alv_str of_user = ALV_STR("User:"), of_group = ALV_STR("Group:");

static struct alv_str
behind(struct alv_str s, struct alv_str prefix)
{
	return alv_str_make(s.p + prefix.n, s.n - prefix.n);
}

static bool
among(const struct alv_str *list, size_t n, struct alv_str s)
{
	for (size_t i = 0; i < n; i++)
		if (alv_str_eq(list[i], s))
			return true;
	return false;
}

bool
pol_stands_for(const struct pol_tenant *t, const struct pol_query *q, struct alv_str principal)
{
	const struct pol_user *u;
	struct alv_str	       group;

	if (alv_str_eq(principal, q->principal))
		return true;
	if (!alv_str_starts(principal, of_group))
		return false;
	group = behind(principal, of_group);
	if (q->claimed != NULL && among(q->claimed->name, q->claimed->n, group))
		return true;
	u = alv_str_starts(q->principal, of_user) ? pol_user_find(t, behind(q->principal, of_user)) : NULL;
	return u != NULL && among(u->groups, u->ngroups, group);
}

/* ---- which rules --------------------------------------------------------------------------------------------- */

static bool
about(const struct pol_rule *r, const struct pol_query *q)
{
	if (r->resource != q->resource)
		return false;
	if (r->pattern == POL_PREFIXED)
		return alv_str_starts(q->name, r->name);
	return alv_str_eq(r->name, q->name) || alv_str_eqz(r->name, "*");
}

static bool
host_fits(const struct pol_rule *r, const struct pol_query *q)
{
	struct alv_cidr net, at;

	return alv_str_eqz(r->host, "*") || (alv_cidr_parse(r->host, &net) == ALV_OK && alv_cidr_parse(q->host, &at) == ALV_OK &&
	    alv_cidr_in(&net, &at));
}

static bool
implies(enum pol_op allowed, enum pol_op op)
{
	if (op == POL_OP_DESCRIBE)
		return allowed == POL_OP_READ || allowed == POL_OP_WRITE || allowed == POL_OP_DELETE || allowed == POL_OP_ALTER;
	return op == POL_OP_DESCRIBE_CONFIGS && allowed == POL_OP_ALTER_CONFIGS;
}

/* The verdict by rules; false: none of them decides. */
static bool
by_rules(const struct pol_tenant *t, const struct pol_query *q, struct pol_reason *out, bool *any)
{
	const struct pol_rule *direct = NULL, *implied = NULL;

	for (size_t i = 0; i < t->nrules; i++) {
		const struct pol_rule *r = &t->rules[i];
		bool		       says = r->op == POL_OP_ALL || r->op == q->op;

		if (!about(r, q))
			continue;
		*any = true;
		if ((!alv_str_eqz(r->principal, "User:*") && !pol_stands_for(t, q, r->principal)) || !host_fits(r, q))
			continue;
		if (r->permission == POL_DENY && says) {
			*out = (struct pol_reason){ .allowed = false, .why = POL_WHY_DENY, .rule = r };
			return true;
		}
		if (r->permission == POL_ALLOW && says && direct == NULL)
			direct = r;
		if (r->permission == POL_ALLOW && implies(r->op, q->op) && implied == NULL)
			implied = r;
	}
	*out = (struct pol_reason){ .allowed = true, .why = direct != NULL ? POL_WHY_ALLOW : POL_WHY_IMPLIED,
		.rule = direct != NULL ? direct : implied };
	return out->rule != NULL;
}

void
pol_explain(const struct pol_tenant *t, const struct pol_query *q, struct pol_reason *out)
{
	bool any = false;

	*out = (struct pol_reason){ .allowed = false, .why = POL_WHY_NONSENSE };
	if (q->principal.p == NULL || q->name.p == NULL || q->resource < POL_TOPIC || q->resource > POL_USER || q->op < POL_OP_ALL ||
	    q->op > POL_OP_TWO_PHASE_COMMIT)
		return;
	*out = (struct pol_reason){ .allowed = true, .why = POL_WHY_NO_AUTHORIZER };
	if (t->authorizer == POL_AUTHORIZER_NONE)
		return;
	for (size_t i = 0; i < t->nsupers; i++)
		if (pol_stands_for(t, q, t->supers[i])) {
			*out = (struct pol_reason){ .allowed = true, .why = POL_WHY_SUPER, .super = t->supers[i] };
			return;
		}
	if (by_rules(t, q, out, &any))
		return;
	*out = (struct pol_reason){ .allowed = !any && t->everyone_if_no_acl, .why = POL_WHY_NO_ACL };
	if (any)
		out->why = POL_WHY_NO_ALLOW;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

const char *
pol_why_name(enum pol_why why)
{
	static const char *const names[] = {
#define WHY(name, text) #name,
#include <alcove/tbl/why.def>
#undef WHY
	};

	return (size_t)why < ALV_COUNT(names) ? names[why] : "UNKNOWN";
}

/* As Kafka's tools write it: "DescribeConfigs". */
static void
add_op(struct alv_buf *b, enum pol_op op)
{
	const char *word = pol_word(POL_WORD_OPERATION, (int)op);
	bool	    first = true;

	for (; word != NULL && *word != '\0'; word++) {
		if (*word != '_')
			alv_buf_byte(b, (uint8_t)(first ? *word : tolower((unsigned char)*word)));
		first = *word == '_';
	}
}

/* "topic orders", "transactional id x" */
static void
add_resource(struct alv_buf *b, enum pol_resource resource, struct alv_str name)
{
	const char *word = pol_word(POL_WORD_RESOURCE, (int)resource);

	for (; word != NULL && *word != '\0'; word++)
		alv_buf_byte(b, (uint8_t)(*word == '_' ? ' ' : tolower((unsigned char)*word)));
	if (resource != POL_CLUSTER)
		alv_buf_printf(b, " %.*s", ALV_STR_ARG(name));
}

void
pol_rule_text(struct alv_buf *b, const struct pol_rule *r)
{
	alv_buf_z(b, r->permission == POL_DENY ? "deny " : "allow ");
	add_op(b, r->op);
	alv_buf_z(b, " on ");
	add_resource(b, r->resource, r->name);
	alv_buf_z(b, r->pattern == POL_PREFIXED ? " (prefix)" : "");
	alv_buf_printf(b, " for %.*s from %.*s", ALV_STR_ARG(r->principal), ALV_STR_ARG(r->host));
}

static void
add_supers(struct alv_buf *b, const struct pol_tenant *t)
{
	alv_buf_z(b, "; super users: ");
	for (size_t i = 0; i < t->nsupers; i++)
		alv_buf_printf(b, "%s%.*s", i == 0 ? "" : ", ", ALV_STR_ARG(t->supers[i]));
	if (t->nsupers == 0)
		alv_buf_z(b, "none");
}

/* What is asked: "Write on topic orders". */
static void
add_question(struct alv_buf *b, const struct pol_query *q)
{
	add_op(b, q->op);
	alv_buf_z(b, " on ");
	add_resource(b, q->resource, q->name);
}

static void
add_rule(struct alv_buf *b, const struct pol_query *q, const struct pol_reason *why)
{
	alv_buf_z(b, "by the ACL \"");
	pol_rule_text(b, why->rule);
	alv_buf_byte(b, '"');
	if (why->why == POL_WHY_IMPLIED) {
		alv_buf_z(b, ", which implies ");
		add_op(b, q->op);
	}
}

void
pol_reason_text(struct alv_buf *b, const struct pol_tenant *t, const struct pol_query *q, const struct pol_reason *why)
{
	alv_buf_z(b, why->allowed ? "allowed: " : "denied: ");
	switch (why->why) {
	case POL_WHY_NONSENSE:
		alv_buf_z(b, "nobody, or nothing that there is, was asked for");
		break;
	case POL_WHY_NO_AUTHORIZER:
		alv_buf_z(b, "the tenant has no authorizer, its users may do everything in it");
		break;
	case POL_WHY_SUPER:
		alv_buf_printf(b, "%.*s is a super user", ALV_STR_ARG(why->super));
		if (!alv_str_eq(why->super, q->principal))
			alv_buf_printf(b, ", and %.*s is in that group", ALV_STR_ARG(q->principal));
		break;
	case POL_WHY_DENY:
	case POL_WHY_ALLOW:
	case POL_WHY_IMPLIED:
		add_rule(b, q, why);
		break;
	case POL_WHY_NO_ALLOW:
		alv_buf_z(b, "no ACL allows ");
		add_question(b, q);
		alv_buf_printf(b, " for %.*s", ALV_STR_ARG(q->principal));
		add_supers(b, t);
		break;
	case POL_WHY_NO_ACL:
		alv_buf_z(b, "no ACL is about ");
		add_resource(b, q->resource, q->name);
		alv_buf_z(b, why->allowed ? ", and what no ACL is about is everybody's (allowEveryoneIfNoAclFound)" : ", so none allows ");
		if (!why->allowed) {
			add_op(b, q->op);
			alv_buf_printf(b, " for %.*s", ALV_STR_ARG(q->principal));
			add_supers(b, t);
		}
		break;
	}
}
