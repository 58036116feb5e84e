/* Who may do what: Kafka's ACL model over one tenant's rules. Pure functions of the snapshot and the question.
 * A deny that matches ends it; else any allow that matches; else no. Some operations come with others (reading a topic
 * implies describing it), but only by an allow: who is denied reading may still describe. */
#include <alcove/policy.h>
#include <alcove/str.h>

#define OP(x) (UINT32_C(1) << POL_OP_##x)

/* Which operations an allow may name to cover the one asked for, beside ALL. */
static uint32_t
covered_by(enum pol_op op)
{
	switch (op) {
	case POL_OP_DESCRIBE:
		return OP(DESCRIBE) | OP(READ) | OP(WRITE) | OP(DELETE) | OP(ALTER);
	case POL_OP_DESCRIBE_CONFIGS:
		return OP(DESCRIBE_CONFIGS) | OP(ALTER_CONFIGS);
	default:
		return UINT32_C(1) << op;
	}
}

/* What a resource type knows, for the bit field of authorized operations. */
static const uint32_t supported[] = {
	[POL_TOPIC] = OP(READ) | OP(WRITE) | OP(CREATE) | OP(DESCRIBE) | OP(DELETE) | OP(ALTER) | OP(DESCRIBE_CONFIGS) |
	    OP(ALTER_CONFIGS),
	[POL_GROUP] = OP(READ) | OP(DESCRIBE) | OP(DELETE) | OP(DESCRIBE_CONFIGS) | OP(ALTER_CONFIGS),
	[POL_CLUSTER] = OP(CREATE) | OP(CLUSTER_ACTION) | OP(DESCRIBE_CONFIGS) | OP(ALTER_CONFIGS) | OP(IDEMPOTENT_WRITE) |
	    OP(ALTER) | OP(DESCRIBE),
	[POL_TXN] = OP(DESCRIBE) | OP(WRITE) | OP(TWO_PHASE_COMMIT),
	[POL_TOKEN] = OP(DESCRIBE),
	[POL_USER] = OP(CREATE_TOKENS) | OP(DESCRIBE_TOKENS),
};

static bool
op_matches(const struct pol_rule *r, enum pol_op op)
{
	if (r->op == POL_OP_ALL)
		return true;
	if (r->permission == POL_ALLOW)
		return (covered_by(op) & UINT32_C(1) << r->op) != 0;
	return r->op == op;
}

/* Everything but the resource's name. */
static bool
rule_applies(const struct pol_rule *r, const struct pol_query *q)
{
	if (r->resource != q->resource || (unsigned)r->op > POL_OP_TWO_PHASE_COMMIT || !op_matches(r, q->op))
		return false;
	if (!alv_str_eq(r->principal, q->principal) && !alv_str_eqz(r->principal, "User:*"))
		return false;
	return alv_str_eq(r->host, q->host) || alv_str_eqz(r->host, "*");
}

static bool
is_wildcard(const struct pol_rule *r)
{
	return r->pattern == POL_LITERAL && alv_str_eqz(r->name, "*");
}

static bool
name_matches(const struct pol_rule *r, struct alv_str name)
{
	if (r->pattern == POL_PREFIXED)
		return alv_str_starts(name, r->name);
	return is_wildcard(r) || alv_str_eq(r->name, name);
}

bool
pol_decide(const struct pol_tenant *t, const struct pol_query *q)
{
	bool allowed = false;

	if (q->principal.p == NULL || q->name.p == NULL || (unsigned)q->op > POL_OP_TWO_PHASE_COMMIT)
		return false;
	for (size_t i = 0; i < t->nrules; i++) {
		const struct pol_rule *r = &t->rules[i];

		if (!rule_applies(r, q) || !name_matches(r, q->name))
			continue;
		if (r->permission != POL_ALLOW)
			return false;
		allowed = true;
	}
	return allowed;
}

/* Is all that `allow` gives taken away by one deny? */
static bool
dominated(const struct pol_tenant *t, const struct pol_query *q, const struct pol_rule *allow)
{
	for (size_t i = 0; i < t->nrules; i++) {
		const struct pol_rule *r = &t->rules[i];

		if (r->permission == POL_ALLOW || !rule_applies(r, q))
			continue;
		if (is_wildcard(r))
			return true;
		if (is_wildcard(allow))
			continue;
		if (r->pattern == POL_PREFIXED && alv_str_starts(allow->name, r->name))
			return true;
		if (r->pattern == POL_LITERAL && allow->pattern == POL_LITERAL && alv_str_eq(r->name, allow->name))
			return true;
	}
	return false;
}

bool
pol_decide_any(const struct pol_tenant *t, const struct pol_query *q)
{
	if (q->principal.p == NULL || (unsigned)q->op > POL_OP_TWO_PHASE_COMMIT)
		return false;
	for (size_t i = 0; i < t->nrules; i++) {
		const struct pol_rule *r = &t->rules[i];

		if (r->permission == POL_ALLOW && rule_applies(r, q) && !dominated(t, q, r))
			return true;
	}
	return false;
}

int32_t
pol_operations(const struct pol_tenant *t, const struct pol_query *q)
{
	struct pol_query one = *q;
	uint32_t	 bits = 0;

	if ((size_t)q->resource >= ALV_COUNT(supported))
		return 0;
	for (int op = POL_OP_ALL + 1; op <= POL_OP_TWO_PHASE_COMMIT; op++) {
		one.op = (enum pol_op)op;
		if ((supported[q->resource] & UINT32_C(1) << op) != 0 && pol_decide(t, &one))
			bits |= UINT32_C(1) << op;
	}
	return (int32_t)bits;
}

#define ALL_ON(type) \
	{ .resource = (type), .pattern = POL_LITERAL, .name = ALV_STR("*"), .principal = ALV_STR("User:*"), \
	  .host = ALV_STR("*"), .op = POL_OP_ALL, .permission = POL_ALLOW }

static const struct pol_rule rules_all[] = {
	ALL_ON(POL_TOPIC), ALL_ON(POL_GROUP), ALL_ON(POL_CLUSTER), ALL_ON(POL_TXN), ALL_ON(POL_TOKEN), ALL_ON(POL_USER),
};

const struct pol_rule *
pol_rules_all(size_t *n)
{
	*n = ALV_COUNT(rules_all);
	return rules_all;
}
