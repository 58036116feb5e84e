/* Any bytes as a tenant's ACLs, users in groups, super users, questions and filters. What must hold: what decides a question in the index
 * is what a walk over all rules finds, and says why; a bit field is its single questions; what may be done to everything may be done to
 * each; an order is an order; a rule that is said to be good is kept and found; a filter fits what its words say. */
#include <alcove/acl.h>
#include <alcove/str.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

enum { RULES = 24, QUESTIONS = 8 };

struct in {
	const uint8_t *p, *end;
};

static uint8_t
u8(struct in *in)
{
	return in->p == in->end ? 0 : *in->p++;
}

/* From the list, so that rules and questions meet; or any bytes. */
static struct alv_str
text(struct in *in, const struct alv_str *list, size_t n)
{
	uint8_t	       x = u8(in);
	size_t	       want = x & 0x1f, left = (size_t)(in->end - in->p);
	struct alv_str s;

	if (x < 0xe0)
		return list[x % n];
	s = alv_str_make(left == 0 ? (const uint8_t *)"" : in->p, want < left ? want : left);
	in->p += s.n;
	return s;
}
#define TEXT(in, list) text((in), (list), ALV_COUNT(list))

static const struct alv_str names[] = { ALV_STR("*"), ALV_STR("a"), ALV_STR("a."), ALV_STR("a.b"), ALV_STR("ab"), ALV_STR("b"), ALV_STR(""),
	ALV_STR("kafka-cluster") };
static const struct alv_str principals[] = { ALV_STR("User:*"), ALV_STR("User:a"), ALV_STR("User:b"), ALV_STR("User:c"), ALV_STR("Group:g"),
	ALV_STR("Group:h"), ALV_STR("User:"), ALV_STR("a") };
static const struct alv_str hosts[] = { ALV_STR("*"), ALV_STR("10.0.0.1"), ALV_STR("10.0.0.0/8"), ALV_STR("::1"), ALV_STR("::/0"), ALV_STR("here") };
static const struct alv_str groups[] = { ALV_STR("g"), ALV_STR("h") };

static struct pol_rule
rule(struct in *in)
{
	return (struct pol_rule){ .resource = (enum pol_resource)(u8(in) % 10), .pattern = (enum pol_pattern)(2 + u8(in) % 4), .name = TEXT(in, names),
		.principal = TEXT(in, principals), .host = TEXT(in, hosts), .op = (enum pol_op)(u8(in) % 18), .permission = (enum pol_permission)(1 + u8(in) % 3) };
}

static void
check_rule(const struct pol_tenant *t, const struct pol_rule *r)
{
	const char *field, *expected;

	if (pol_rule_check(r, &field, &expected) == ALV_OK)
		MUST(pol_rule_find(t, r) && pol_word(POL_WORD_RESOURCE, r->resource) != NULL && pol_word(POL_WORD_OPERATION, r->op) != NULL);
	else
		MUST(field != NULL && expected != NULL);
}

static void
check_filter(const struct pol_tenant *t, struct in *in)
{
	struct pol_filter f = { .resource = u8(in) % 9, .pattern = u8(in) % 6, .op = u8(in) % 17, .permission = u8(in) % 5,
		.name = u8(in) & 1 ? TEXT(in, names) : ALV_STR_NULL, .principal = u8(in) & 1 ? TEXT(in, principals) : ALV_STR_NULL };
	struct pol_filter any = { .resource = POL_ANY, .pattern = POL_ANY, .op = POL_ANY, .permission = POL_ANY };

	for (size_t i = 0; i < t->nrules; i++) {
		const struct pol_rule *r = &t->rules[i];

		MUST(pol_filter_fits(&any, r));
		if (!pol_filter_fits(&f, r))
			continue;
		MUST((f.resource <= POL_ANY || f.resource == (int)r->resource) && (f.op <= POL_ANY || f.op == (int)r->op));
		MUST(f.principal.p == NULL || alv_str_eq(f.principal, r->principal));
		if (f.pattern == POL_PATTERN_MATCH && f.name.p != NULL)
			MUST(r->pattern == POL_PREFIXED ? alv_str_starts(f.name, r->name) : alv_str_eq(f.name, r->name) || alv_str_eqz(r->name, "*"));
		else
			MUST(f.name.p == NULL || alv_str_eq(f.name, r->name));
	}
}

static void
ask(const struct pol_tenant *t, struct in *in, const struct pol_groups *claimed)
{
	struct pol_query  q = { .principal = TEXT(in, principals), .host = TEXT(in, hosts), .op = (enum pol_op)(u8(in) % 18),
		 .resource = (enum pol_resource)(u8(in) % 10), .name = TEXT(in, names), .claimed = u8(in) & 1 ? claimed : NULL };
	struct pol_reason why;
	struct alv_buf	  b;
	struct pol_who	  w;
	bool		  may = pol_decide(t, &q);

	pol_explain(t, &q, &why);
	MUST(why.allowed == may && (why.rule == NULL || (why.rule->permission == POL_ALLOW) == may));
	alv_buf_init(&b, 1 << 16);
	pol_reason_text(&b, t, &q, &why);
	MUST(b.n > 0 && (b.err != ALV_OK || memcmp(b.p, may ? "allowed: " : "denied: ", 8) == 0));
	alv_buf_fini(&b);
	pol_who_set(&w, t, q.principal, q.host, q.claimed);
	for (int i = 0; i < 2; i++)	/* also what is remembered */
		MUST(pol_may(t, &w, q.op, q.resource, q.name) == may);
	if (q.op >= POL_OP_ALL && q.op <= POL_OP_TWO_PHASE_COMMIT && (pol_may_what(t, &w, q.resource, q.name) & 1 << q.op) != 0)
		MUST(may);
	if (why.why != POL_WHY_NONSENSE && q.name.n > 0 && pol_decide_all(t, &q))
		MUST(may);
	if (may && q.name.n > 0 && why.why == POL_WHY_SUPER)
		MUST(pol_decide_any(t, &q));
}

static void
fill(struct pol_parts *p, struct pol_rule *rules, struct pol_user *users, struct alv_str *super, struct in *in)
{
	uint8_t flags = u8(in);

	p->authorizer = (flags & 7) == 7 ? POL_AUTHORIZER_NONE : POL_AUTHORIZER_ACL;
	p->everyone_if_no_acl = flags & 8;
	*super = TEXT(in, principals);
	p->nsupers = (flags & 0x30) == 0x30;
	users[0] = (struct pol_user){ .name = ALV_STR("a"), .ngroups = flags >> 6 & 1, .groups = groups };
	users[1] = (struct pol_user){ .name = ALV_STR("b"), .ngroups = (flags >> 7 & 1) * 2, .groups = groups };
	p->nrules = u8(in) % (RULES + 1);
	for (size_t i = 0; i < p->nrules; i++)
		rules[i] = rule(in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct in	   in = { data, data + n };
	struct pol_rule	   rules[RULES];
	struct pol_user	   users[2];
	struct alv_str	   super, claims[2];
	struct pol_parts   p = { .id = ALV_STR("acme"), .display_name = ALV_STR("acme"), .rules = rules, .users = users, .nusers = 2, .supers = &super };
	struct pol_groups *claimed;
	struct pol_tenant *t;

	fill(&p, rules, users, &super, &in);
	claims[0] = TEXT(&in, groups);
	claims[1] = TEXT(&in, groups);
	claimed = pol_groups_new(claims, 2);
	MUST(claimed != NULL && claimed->n <= 2);
	t = pol_build(&p);
	MUST(t != NULL && t->nrules <= p.nrules);
	for (size_t i = 1; i < t->nrules; i++)
		MUST(pol_rule_cmp(&t->rules[i - 1], &t->rules[i]) < 0 && pol_rule_cmp(&t->rules[i], &t->rules[i - 1]) > 0);
	for (size_t i = 0; i < p.nrules; i++)
		check_rule(t, &rules[i]);
	for (int i = 0; i < QUESTIONS; i++) {
		ask(t, &in, claimed);
		check_filter(t, &in);
	}
	pol_tenant_free(t);
	pol_groups_free(claimed);
	return 0;
}
