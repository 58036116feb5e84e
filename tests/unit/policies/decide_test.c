/* Verdicts by the table tests/table/decide.txt. */
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

enum { COLUMNS = 7, RULES_MAX = 32, SUPERS_MAX = 4, USERS_MAX = 4 };

/* Groups of the users of a case, and of the login that asks. */
static struct pol_user	  users[USERS_MAX];
static struct alv_str	  members[USERS_MAX][POL_GROUPS_MAX];
static struct pol_groups *claimed;

static const char *const resources[] = { [POL_TOPIC] = "topic", [POL_GROUP] = "group", [POL_CLUSTER] = "cluster",
	[POL_TXN] = "txn", [POL_TOKEN] = "token", [POL_USER] = "user" };
static const char *const ops[] = { [POL_OP_ALL] = "all", [POL_OP_READ] = "read", [POL_OP_WRITE] = "write",
	[POL_OP_CREATE] = "create", [POL_OP_DELETE] = "delete", [POL_OP_ALTER] = "alter", [POL_OP_DESCRIBE] = "describe",
	[POL_OP_CLUSTER_ACTION] = "clusterAction", [POL_OP_DESCRIBE_CONFIGS] = "describeConfigs",
	[POL_OP_ALTER_CONFIGS] = "alterConfigs", [POL_OP_IDEMPOTENT_WRITE] = "idempotentWrite",
	[POL_OP_CREATE_TOKENS] = "createTokens", [POL_OP_DESCRIBE_TOKENS] = "describeTokens",
	[POL_OP_TWO_PHASE_COMMIT] = "twoPhaseCommit" };

static int
number(const char *const *names, size_t n, struct alv_str s)
{
	for (size_t i = 0; i < n; i++)
		if (names[i] != NULL && alv_str_eqz(s, names[i]))
			return (int)i;
	fail_msg("no such word: %s", s.p);
	return -1;
}

static struct pol_rule
parse_rule(const struct alv_str *col)
{
	return (struct pol_rule){
		.permission = alv_str_eqz(col[0], "deny") ? POL_DENY : POL_ALLOW,
		.resource = (enum pol_resource)number(resources, ALV_COUNT(resources), col[1]),
		.pattern = alv_str_eqz(col[2], "prefixed") ? POL_PREFIXED : POL_LITERAL,
		.name = col[3], .principal = col[4], .host = col[5],
		.op = (enum pol_op)number(ops, ALV_COUNT(ops), col[6]),
	};
}

static int32_t
parse_bits(struct alv_str s)
{
	int32_t bits = 0;

	while (s.n > 0 && s.p[0] != '-') {
		const char *blank = memchr(s.p, ' ', s.n);
		size_t	    n = blank == NULL ? s.n : (size_t)(blank - s.p);

		bits |= 1 << number(ops, ALV_COUNT(ops), alv_str_make(s.p, n));
		n += n < s.n;
		s = alv_str_make(s.p + n, s.n - n);
	}
	return bits;
}

static void
ask(const struct pol_tenant *t, const struct alv_str *col)
{
	struct pol_query q = { .resource = (enum pol_resource)number(resources, ALV_COUNT(resources), col[1]),
		.name = col[2], .principal = col[3], .host = col[4], .claimed = claimed };

	if (alv_str_eqz(col[0], "ops")) {
		assert_int_equal(pol_operations(t, &q), parse_bits(col[5]));
		return;
	}
	q.op = (enum pol_op)number(ops, ALV_COUNT(ops), col[5]);
	if (alv_str_eqz(col[0], "why")) {
		struct pol_reason why;

		pol_explain(t, &q, &why);
		assert_true(alv_str_eqz(col[6], pol_why_name(why.why)));
		assert_int_equal(why.allowed, pol_decide(t, &q));
		return;
	}
	if (alv_str_eqz(col[0], "any"))
		assert_int_equal(pol_decide_any(t, &q), alv_str_eqz(col[6], "yes"));
	else
		assert_int_equal(pol_decide(t, &q), alv_str_eqz(col[6], "yes"));
}

static size_t
words(struct alv_str s, struct alv_str *out)
{
	size_t n = 0;

	while (s.n > 0) {
		const char *blank = memchr(s.p, ' ', s.n);
		size_t	    k = blank == NULL ? s.n : (size_t)(blank - s.p);

		assert_true(n < POL_GROUPS_MAX);
		out[n++] = alv_str_make(s.p, k);
		k += k < s.n;
		s = alv_str_make(s.p + k, s.n - k);
	}
	return n;
}

static void
forget(struct pol_parts *p)
{
	p->users = users;
	p->nusers = 0;
	pol_groups_free(claimed);
	claimed = NULL;
}

static void
member(struct pol_parts *p, const struct alv_str *col)
{
	struct pol_user *u = &users[p->nusers];

	assert_true(p->nusers < USERS_MAX);
	*u = (struct pol_user){ .name = col[1], .groups = members[p->nusers] };
	u->ngroups = words(col[2], members[p->nusers++]);
}

static void
claims(struct alv_str list)
{
	struct alv_str name[POL_GROUPS_MAX];

	pol_groups_free(claimed);
	claimed = pol_groups_new(name, words(list, name));
}

/* What a tenant says beside its rules. False: the line is something else. */
static bool
setting(struct pol_parts *p, struct alv_str *supers, const struct alv_str *col)
{
	if (alv_str_eqz(col[0], "super"))
		supers[p->nsupers++] = col[1];
	else if (alv_str_eqz(col[0], "everyone"))
		p->everyone_if_no_acl = true;
	else if (alv_str_eqz(col[0], "none"))
		p->authorizer = POL_AUTHORIZER_NONE;
	else if (alv_str_eqz(col[0], "member"))
		member(p, col);
	else if (alv_str_eqz(col[0], "claims"))
		claims(col[1]);
	else
		return false;
	assert_true(p->nsupers < SUPERS_MAX);
	return true;
}

static size_t
columns(struct alv_arena *a, char *line, struct alv_str *col)
{
	size_t n = 0;
	char  *part;

	while (n < COLUMNS && (part = strsep(&line, "|")) != NULL) {
		struct alv_str s = alv_str_of(part);

		while (s.n > 0 && strchr(" \n", s.p[s.n - 1]) != NULL)
			s.n--;
		while (s.n > 0 && *s.p == ' ')
			s = alv_str_make(s.p + 1, s.n - 1);
		col[n++] = alv_arena_str(a, s);
	}
	return n;
}

static void
table(void **state)
{
	FILE		 *f = fopen("tests/table/decide.txt", "r");
	char		  line[512];
	struct alv_arena  a;
	struct pol_rule	  rules[RULES_MAX];
	struct alv_str	  supers[SUPERS_MAX];
	struct pol_parts  parts = { .id = ALV_STR("acme"), .rules = rules, .supers = supers };
	struct alv_str	  col[COLUMNS];
	int		  no = 0, cases = 0;

	(void)state;
	assert_non_null(f);
	alv_arena_init(&a, 1 << 20);
	while (fgets(line, sizeof(line), f) != NULL) {
		no++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		columns(&a, line, col);
		print_message("decide.txt:%d\n", no);
		if (alv_str_eqz(col[0], "rules")) {
			parts = (struct pol_parts){ .id = ALV_STR("acme"), .rules = rules, .supers = supers };
			forget(&parts);
		} else if (setting(&parts, supers, col)) {
			continue;
		} else if (alv_str_eqz(col[0], "allow") || alv_str_eqz(col[0], "deny")) {
			assert_true(parts.nrules < RULES_MAX);
			rules[parts.nrules++] = parse_rule(col);
		} else {
			struct pol_tenant *t = pol_build(&parts);

			ask(t, col);
			for (size_t i = 0; i < parts.nrules / 2; i++) {	/* and with the rules in the other order */
				struct pol_rule r = rules[i];

				rules[i] = rules[parts.nrules - 1 - i];
				rules[parts.nrules - 1 - i] = r;
			}
			pol_tenant_free(t);
			t = pol_build(&parts);
			ask(t, col);
			pol_tenant_free(t);
			cases++;
		}
	}
	assert_true(cases > 165);
	forget(&parts);
	alv_arena_fini(&a);
	fclose(f);
}

static void
questions_that_make_no_sense(void **state)
{
	struct pol_parts   parts = { .id = ALV_STR("acme") };
	struct pol_tenant *t;
	struct pol_query   q = { .principal = ALV_STR("User:a"), .host = ALV_STR("h"), .op = POL_OP_READ, .resource = POL_TOPIC,
		.name = ALV_STR("x") };
	struct pol_query   bad;

	(void)state;
	parts.rules = pol_rules_all(&parts.nrules);
	t = pol_build(&parts);
	assert_true(pol_decide(t, &q));
	assert_true(pol_decide_any(t, &q));
	bad = q, bad.principal = ALV_STR_NULL;
	assert_false(pol_decide(t, &bad));
	assert_false(pol_decide_any(t, &bad));
	bad = q, bad.name = ALV_STR_NULL;
	assert_false(pol_decide(t, &bad));
	bad = q, bad.op = (enum pol_op)99;
	assert_false(pol_decide(t, &bad));
	assert_false(pol_decide_any(t, &bad));
	bad = q, bad.resource = (enum pol_resource)99;
	assert_false(pol_decide(t, &bad));
	assert_int_equal(pol_operations(t, &bad), 0);
	pol_tenant_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(questions_that_make_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
