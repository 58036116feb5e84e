/* The index against a plain reading of all rules, over many small random tenants; and that it fits its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <alcove/acl.h>
#include <alcove/str.h>

static uint64_t seed = 1;
static unsigned reasons[POL_WHY_NO_ACL + 1];

static unsigned
below(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % n;
}

/* Few words, so that rules meet. */
static const char *const names[] = { "*", "a", "a.", "a.b", "a.b.c", "ab", "b", "b.a", "abc", "a*", "kafka-cluster" };
static const char *const principals[] = { "User:*", "User:a", "User:b", "User:c", "Group:a", "Group:g", "Group:h", "User:" };
static const struct alv_str groups[] = { ALV_STR("a"), ALV_STR("g"), ALV_STR("h") };
static const struct pol_user users[] = {	/* c is nobody's, as those who come with a token alone */
	{ .name = ALV_STR("a"), .ngroups = 2, .groups = groups },
	{ .name = ALV_STR("b"), .ngroups = 1, .groups = groups + 1 },
};
static const char *const rule_hosts[] = { "*", "10.0.0.1", "10.0.0.0/8", "10.0.0.2", "::1", "0.0.0.0/0", "nowhere" };
static const char *const hosts[] = { "10.0.0.1", "10.0.0.2", "10.9.9.9", "11.0.0.1", "::1", "nowhere" };
#define ONE_OF(table) alv_str_of((table)[below(ALV_COUNT(table))])

static struct pol_rule
random_rule(void)
{
	return (struct pol_rule){ .resource = (enum pol_resource)(POL_TOPIC + below(2)),
		.pattern = below(2) ? POL_LITERAL : POL_PREFIXED, .name = ONE_OF(names), .principal = ONE_OF(principals),
		.host = ONE_OF(rule_hosts), .op = (enum pol_op)(POL_OP_ALL + (int)below(14)),
		.permission = below(3) ? POL_ALLOW : POL_DENY };
}

/* ---- Kafka's rules, read one by one ---------------------------------------------------------------------- */

static bool
host_fits(struct alv_str rule, struct alv_str host)
{
	struct alv_cidr net, at;

	if (alv_str_eqz(rule, "*"))
		return true;
	return alv_cidr_parse(rule, &net) == ALV_OK && alv_cidr_parse(host, &at) == ALV_OK && alv_cidr_in(&net, &at);
}

static bool
name_fits(const struct pol_rule *r, struct alv_str name)
{
	if (r->pattern == POL_PREFIXED)
		return alv_str_starts(name, r->name);
	return alv_str_eqz(r->name, "*") || alv_str_eq(r->name, name);
}

static bool
has_group(const struct alv_str *list, size_t n, struct alv_str principal)
{
	for (size_t i = 0; i < n; i++)
		if (alv_str_starts(principal, ALV_STR("Group:")) && alv_str_eq(list[i], alv_str_make(principal.p + 6, principal.n - 6)))
			return true;
	return false;
}

static bool
stands_for(struct alv_str principal, const struct pol_query *q)
{
	if (alv_str_eq(principal, q->principal) || (q->claimed != NULL && has_group(q->claimed->name, q->claimed->n, principal)))
		return true;
	for (size_t i = 0; i < ALV_COUNT(users); i++)
		if (alv_str_starts(q->principal, ALV_STR("User:")) && alv_str_eq(users[i].name, alv_str_make(q->principal.p + 5, q->principal.n - 5)))
			return has_group(users[i].groups, users[i].ngroups, principal);
	return false;
}

static bool
who_fits(const struct pol_rule *r, const struct pol_query *q)
{
	return (stands_for(r->principal, q) || alv_str_eqz(r->principal, "User:*")) && host_fits(r->host, q->host);
}

static bool
op_fits(const struct pol_rule *r, enum pol_op op)
{
	if (r->op == POL_OP_ALL || r->op == op)
		return true;
	if (r->permission == POL_DENY)
		return false;
	if (op == POL_OP_DESCRIBE)
		return r->op == POL_OP_READ || r->op == POL_OP_WRITE || r->op == POL_OP_DELETE || r->op == POL_OP_ALTER;
	return op == POL_OP_DESCRIBE_CONFIGS && r->op == POL_OP_ALTER_CONFIGS;
}

static bool
plain_decide(const struct pol_parts *p, const struct pol_query *q)
{
	bool allowed = false, found = false;

	for (size_t i = 0; i < p->nsupers; i++)
		if (stands_for(p->supers[i], q))
			return true;
	for (size_t i = 0; i < p->nrules; i++) {
		const struct pol_rule *r = &p->rules[i];

		if (r->resource != q->resource || !name_fits(r, q->name))
			continue;
		found = true;
		if (!who_fits(r, q) || !op_fits(r, q->op))
			continue;
		if (r->permission == POL_DENY)
			return false;
		allowed = true;
	}
	return found ? allowed : p->everyone_if_no_acl;
}

static bool
counts_for_any(const struct pol_rule *r, const struct pol_query *q)
{
	return r->resource == q->resource && who_fits(r, q) && (r->op == q->op || r->op == POL_OP_ALL);
}

static bool
plain_dominated(const struct pol_parts *p, const struct pol_query *q, const struct pol_rule *allow)
{
	for (size_t i = 0; i < p->nrules; i++) {
		const struct pol_rule *r = &p->rules[i];

		if (r->permission != POL_DENY || !counts_for_any(r, q))
			continue;
		if (r->pattern == POL_PREFIXED ? alv_str_starts(allow->name, r->name)
					       : allow->pattern == POL_LITERAL && alv_str_eq(r->name, allow->name))
			return true;
	}
	return false;
}

static bool
plain_any(const struct pol_parts *p, struct pol_query q)
{
	bool wild = false;

	q.name = ALV_STR("hardcode");
	if (plain_decide(p, &q))
		return true;
	for (size_t i = 0; i < p->nrules; i++) {
		const struct pol_rule *r = &p->rules[i];

		if (r->pattern != POL_LITERAL || !alv_str_eqz(r->name, "*") || !counts_for_any(r, &q))
			continue;
		if (r->permission == POL_DENY)
			return false;
		wild = true;
	}
	for (size_t i = 0; !wild && i < p->nrules; i++)
		wild = p->rules[i].permission == POL_ALLOW && counts_for_any(&p->rules[i], &q) && !plain_dominated(p, &q, &p->rules[i]);
	return wild;
}

/* ---- the comparison ----------------------------------------------------------------------------------------- */

/* What explains a verdict explains that one, by a rule that is about the question. */
static void
compare_reason(const struct pol_tenant *t, const struct pol_query *q, bool verdict)
{
	struct pol_reason why;

	pol_explain(t, q, &why);
	assert_int_equal(why.allowed, verdict);
	reasons[why.why]++;
	if (why.why != POL_WHY_DENY && why.why != POL_WHY_ALLOW && why.why != POL_WHY_IMPLIED)
		return;
	assert_true(why.rule->resource == q->resource && name_fits(why.rule, q->name) && who_fits(why.rule, q) && op_fits(why.rule, q->op));
	assert_int_equal(why.rule->permission == POL_ALLOW, verdict);
	assert_int_equal(why.why == POL_WHY_IMPLIED, why.rule->op != q->op && why.rule->op != POL_OP_ALL);
}

static void
compare_one(const struct pol_tenant *t, const struct pol_parts *p, const struct pol_query *q)
{
	bool one = plain_decide(p, q), any = plain_any(p, *q);

	compare_reason(t, q, one);
	if (pol_decide(t, q) == one && pol_decide_any(t, q) == any)
		return;
	for (size_t i = 0; i < p->nrules; i++)
		print_message("%s %d %s %.*s %.*s %.*s op %d\n", p->rules[i].permission == POL_DENY ? "deny" : "allow",
		    p->rules[i].resource, p->rules[i].pattern == POL_PREFIXED ? "prefixed" : "literal", ALV_STR_ARG(p->rules[i].name),
		    ALV_STR_ARG(p->rules[i].principal), ALV_STR_ARG(p->rules[i].host), p->rules[i].op);
	fail_msg("%.*s at %.*s, op %d on %d %.*s: expected %d and any %d", ALV_STR_ARG(q->principal), ALV_STR_ARG(q->host), q->op,
	    q->resource, ALV_STR_ARG(q->name), one, any);
}

static void
as_a_plain_reading(void **state)
{
	enum { TENANTS = 4000, QUESTIONS = 40, RULES = 12 };
	struct pol_rule	   rules[RULES];
	struct pol_groups *claims[] = { NULL, pol_groups_new(groups + 1, 2), pol_groups_new(groups, 1) };

	(void)state;
	for (int n = 0; n < TENANTS; n++) {
		struct alv_str	   super = ONE_OF(principals);
		struct pol_parts   p = { .id = ALV_STR("acme"), .rules = rules, .nrules = below(RULES + 1), .everyone_if_no_acl = below(2),
			  .users = users, .nusers = ALV_COUNT(users), .supers = &super, .nsupers = below(8) == 0 };
		struct pol_tenant *t;

		for (size_t i = 0; i < p.nrules; i++)
			rules[i] = random_rule();
		t = pol_build(&p);
		for (int i = 0; i < QUESTIONS; i++) {
			struct pol_query q = { .principal = ONE_OF(principals), .host = ONE_OF(hosts), .name = ONE_OF(names),
				.op = (enum pol_op)(POL_OP_ALL + (int)below(14)), .resource = (enum pol_resource)(POL_TOPIC + below(2)),
				.claimed = claims[below(ALV_COUNT(claims))] };

			compare_one(t, &p, &q);
		}
		pol_tenant_free(t);
	}
	for (size_t i = 0; i < ALV_COUNT(claims); i++)
		pol_groups_free(claims[i]);
	for (size_t i = POL_WHY_SUPER; i < ALV_COUNT(reasons); i++)
		assert_true(reasons[i] > 100);
}

static void
says(const struct pol_tenant *t, struct pol_query q, enum pol_op op, const char *name, const char *expected)
{
	struct pol_reason why;
	struct alv_buf	  b;
	char		  found[512];

	q.op = op;
	q.name = alv_str_of(name);
	alv_buf_init(&b, 512);
	pol_explain(t, &q, &why);
	pol_reason_text(&b, t, &q, &why);
	snprintf(found, sizeof(found), "%.*s", (int)b.n, (const char *)b.p);
	assert_string_equal(found, expected);
	alv_buf_fini(&b);
}

static void
reasons_in_words(void **state)
{
	const struct pol_rule rules[] = {
		{ POL_TOPIC, POL_LITERAL, ALV_STR("orders"), ALV_STR("User:bob"), ALV_STR("*"), POL_OP_READ, POL_ALLOW },
		{ POL_TOPIC, POL_PREFIXED, ALV_STR("pay"), ALV_STR("Group:g"), ALV_STR("10.0.0.0/8"), POL_OP_ALL, POL_DENY },
		{ POL_TOPIC, POL_LITERAL, ALV_STR("c"), ALV_STR("User:*"), ALV_STR("*"), POL_OP_ALTER_CONFIGS, POL_ALLOW },
	};
	const struct alv_str super[] = { ALV_STR("Group:h"), ALV_STR("User:alice") };
	struct pol_groups   *claims = pol_groups_new(groups + 1, 1), *more = pol_groups_new(groups + 2, 1);
	struct pol_parts     p = { .id = ALV_STR("acme"), .rules = rules, .nrules = ALV_COUNT(rules), .supers = super, .nsupers = 2 };
	struct pol_tenant   *t = pol_build(&p);
	struct pol_query     q = { .principal = ALV_STR("User:bob"), .host = ALV_STR("10.1.1.1"), .resource = POL_TOPIC };

	(void)state;
	says(t, q, POL_OP_WRITE, "orders", "denied: no ACL allows Write on topic orders for User:bob; super users: Group:h, User:alice");
	says(t, q, POL_OP_READ, "orders", "allowed: by the ACL \"allow Read on topic orders for User:bob from *\"");
	says(t, q, POL_OP_DESCRIBE, "orders", "allowed: by the ACL \"allow Read on topic orders for User:bob from *\", which implies Describe");
	says(t, q, POL_OP_DESCRIBE_CONFIGS, "c", "allowed: by the ACL \"allow AlterConfigs on topic c for User:* from *\", which implies DescribeConfigs");
	says(t, q, POL_OP_READ, "x", "denied: no ACL is about topic x, so none allows Read for User:bob; super users: Group:h, User:alice");
	q.claimed = claims;
	says(t, q, POL_OP_READ, "payments", "denied: by the ACL \"deny All on topic pay (prefix) for Group:g from 10.0.0.0/8\"");
	q.claimed = more;
	says(t, q, POL_OP_READ, "payments", "allowed: Group:h is a super user, and User:bob is in that group");
	q.claimed = NULL;
	q.principal = ALV_STR("User:alice");
	says(t, q, POL_OP_READ, "payments", "allowed: User:alice is a super user");
	q.principal = ALV_STR_NULL;
	says(t, q, POL_OP_READ, "payments", "denied: nobody, or nothing that there is, was asked for");
	pol_tenant_free(t);
	p.everyone_if_no_acl = true;
	p.nsupers = 0;
	t = pol_build(&p);
	q.principal = ALV_STR("User:bob");
	q.resource = POL_TXN;
	says(t, q, POL_OP_WRITE, "x", "allowed: no ACL is about transactional id x, and what no ACL is about is everybody's (allowEveryoneIfNoAclFound)");
	q.resource = POL_TOPIC;
	says(t, q, POL_OP_DELETE, "orders", "denied: no ACL allows Delete on topic orders for User:bob; super users: none");
	pol_tenant_free(t);
	p.authorizer = POL_AUTHORIZER_NONE;
	t = pol_build(&p);
	q.resource = POL_CLUSTER;
	says(t, q, POL_OP_ALTER, "kafka-cluster", "allowed: the tenant has no authorizer, its users may do everything in it");
	pol_tenant_free(t);
	pol_groups_free(claims);
	pol_groups_free(more);
}

/* Hostile claims: what is no name, what comes twice, too many. */
static void
lists_of_groups_are_bounded(void **state)
{
	struct alv_str	   many[POL_GROUPS_MAX + 20], odd[] = { ALV_STR("b"), ALV_STR(""), ALV_STR("*"), ALV_STR("a\n"), ALV_STR("\xff"),
		    ALV_STR("a"), ALV_STR("b"), ALV_STR_NULL };
	char		   text[ALV_COUNT(many)][8], longest[POL_GROUP_MAX + 1];
	struct pol_groups *g = pol_groups_new(odd, ALV_COUNT(odd));

	(void)state;
	assert_int_equal(g->n, 2);
	assert_true(alv_str_eqz(g->name[0], "a") && alv_str_eqz(g->name[1], "b"));
	pol_groups_free(g);
	for (size_t i = 0; i < ALV_COUNT(many); i++) {
		snprintf(text[i], sizeof(text[i]), "g%zu", i);
		many[i] = alv_str_of(text[i]);
	}
	g = pol_groups_new(many, ALV_COUNT(many));
	assert_int_equal(g->n, POL_GROUPS_MAX);
	pol_groups_free(g);
	memset(longest, 'x', sizeof(longest));
	assert_true(pol_group_good(alv_str_make(longest, POL_GROUP_MAX)));
	assert_false(pol_group_good(alv_str_make(longest, POL_GROUP_MAX + 1)));
}

/* As the list of a tenant's ACLs is read page by page. */
static void
rules_are_in_order(void **state)
{
	enum { RULES = 200 };
	struct pol_rule	   rules[RULES];
	struct pol_parts   p = { .id = ALV_STR("acme"), .rules = rules, .nrules = RULES };
	struct pol_tenant *t;

	(void)state;
	for (size_t i = 0; i < RULES; i++)
		rules[i] = random_rule();
	t = pol_build(&p);
	assert_true(t->nrules > 100 && t->nrules <= RULES);
	for (size_t i = 1; i < t->nrules; i++)
		assert_int_equal(pol_rule_cmp(&t->rules[i - 1], &t->rules[i]), -1);
	for (size_t i = 0; i < RULES; i++) {
		size_t same = 0;

		for (size_t k = 0; k < t->nrules; k++)
			same += pol_rule_cmp(&t->rules[k], &rules[i]) == 0;
		assert_int_equal(same, 1);
	}
	pol_tenant_free(t);
}

/* What Kafka does not know is left out; where there is nothing, nothing is found. */
static void
rules_that_are_none(void **state)
{
	struct pol_rule good = { POL_TOPIC, POL_LITERAL, ALV_STR("x"), ALV_STR("User:a"), ALV_STR("*"), POL_OP_READ, POL_ALLOW };
	struct pol_rule rules[8];
	struct pol_parts   p = { .id = ALV_STR("acme"), .rules = rules, .nrules = ALV_COUNT(rules) };
	struct pol_query   q = { .principal = ALV_STR("User:a"), .host = ALV_STR("::1"), .op = POL_OP_READ, .resource = POL_TOPIC,
		  .name = ALV_STR("x") };
	struct pol_tenant *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(rules); i++)
		rules[i] = good;
	rules[0].resource = (enum pol_resource)1;
	rules[1].resource = (enum pol_resource)8;
	rules[2].pattern = (enum pol_pattern)1;
	rules[3].op = (enum pol_op)1;
	rules[4].op = (enum pol_op)16;
	rules[5].permission = (enum pol_permission)1;
	rules[6].name = ALV_STR_NULL;
	rules[7].host = ALV_STR_NULL;
	t = pol_build(&p);
	assert_int_equal(t->nrules, 0);
	assert_false(pol_decide(t, &q));
	assert_false(pol_decide_any(t, &q));
	pol_tenant_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_a_plain_reading),
		cmocka_unit_test(lists_of_groups_are_bounded),
		cmocka_unit_test(reasons_in_words),
		cmocka_unit_test(rules_are_in_order),
		cmocka_unit_test(rules_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
