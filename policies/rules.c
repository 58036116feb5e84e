/* ACLs on their way in and out: Kafka's words, what is good, filters, lists. */
#include <alcove/acl.h>
#include <alcove/credential.h>
#include <alcove/str.h>

#include <stdlib.h>

/* ---- words ------------------------------------------------------------------------------------------------ */

struct word {
	enum pol_word kind;
	int	      number;
	const char   *text;
};

static const struct word words[] = {
#define RESOURCE(name, number)	 { POL_WORD_RESOURCE, number, #name },
#define PATTERN(name, number)	 { POL_WORD_PATTERN, number, #name },
#define OPERATION(name, number)	 { POL_WORD_OPERATION, number, #name },
#define PERMISSION(name, number) { POL_WORD_PERMISSION, number, #name },
#include <alcove/tbl/acl.def>
#undef RESOURCE
#undef PATTERN
#undef OPERATION
#undef PERMISSION
};

const char *
pol_word(enum pol_word kind, int number)
{
	for (size_t i = 0; i < ALV_COUNT(words); i++)
		if (words[i].kind == kind && words[i].number == number)
			return words[i].text;
	return NULL;
}

int
pol_word_number(enum pol_word kind, struct alv_str word)
{
	for (size_t i = 0; i < ALV_COUNT(words); i++)
		if (words[i].kind == kind && alv_str_eqz(word, words[i].text))
			return words[i].number;
	return 0;
}

#define RESOURCES  "TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, DELEGATION_TOKEN, USER"
#define PATTERNS   "LITERAL, PREFIXED"
#define OPERATIONS "ALL, READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, " \
		   "IDEMPOTENT_WRITE, CREATE_TOKENS, DESCRIBE_TOKENS, TWO_PHASE_COMMIT"

const char *
pol_word_list(enum pol_word kind, bool filter)
{
	static const char *const lists[POL_WORDS][2] = {
		[POL_WORD_RESOURCE] = { RESOURCES, "ANY, " RESOURCES },
		[POL_WORD_PATTERN] = { PATTERNS, "ANY, MATCH, " PATTERNS },
		[POL_WORD_OPERATION] = { OPERATIONS, "ANY, " OPERATIONS },
		[POL_WORD_PERMISSION] = { "ALLOW, DENY", "ANY, ALLOW, DENY" },
	};

	return lists[kind][filter];
}

/* ---- one rule ---------------------------------------------------------------------------------------------- */

bool
pol_printable(struct alv_str s)
{
	if (s.p == NULL || !alv_str_utf8(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t b = (uint8_t)s.p[i];

		if (b < 0x20 || b == 0x7f || (b == 0xc2 && (uint8_t)s.p[i + 1] < 0xa0))
			return false;
	}
	return true;
}

bool
pol_user_good(struct alv_str name)
{
	return name.n > 0 && name.n <= POL_USER_NAME_MAX && pol_printable(name) && !alv_str_eqz(name, "*");
}

bool
pol_principal_good(struct alv_str p, bool star)
{
	static const struct alv_str group = ALV_STR("Group:"), user = ALV_STR("User:");

	if (!pol_printable(p) || p.n > POL_PRINCIPAL_MAX)
		return false;
	if (alv_str_starts(p, group))
		return pol_group_good(alv_str_make(p.p + group.n, p.n - group.n));
	return p.n > user.n && alv_str_starts(p, user) && (star || !alv_str_eqz(p, "User:*"));
}

static bool
good_host(struct alv_str host)
{
	struct alv_cidr c;

	return host.p != NULL && (alv_str_eqz(host, "*") || alv_cidr_parse(host, &c) == ALV_OK);
}

static bool
has_word(enum pol_word kind, int number, int first)
{
	return number >= first && pol_word(kind, number) != NULL;
}

enum alv_err
pol_rule_check(const struct pol_rule *r, const char **field, const char **expected)
{
	const struct {
		bool	    good;
		const char *field, *expected;
	} checks[] = {
		{ has_word(POL_WORD_RESOURCE, r->resource, POL_TOPIC), "resourceType", pol_word_list(POL_WORD_RESOURCE, false) },
		{ has_word(POL_WORD_PATTERN, r->pattern, POL_LITERAL), "patternType", pol_word_list(POL_WORD_PATTERN, false) },
		{ r->name.n > 0 && r->name.n <= POL_NAME_MAX && pol_printable(r->name), "resourceName",
		    "1 to 1024 bytes of printable text in UTF-8" },
		{ r->resource != POL_CLUSTER || alv_str_eqz(r->name, "kafka-cluster"), "resourceName",
		    "kafka-cluster, the only name of the resource type CLUSTER" },
		{ pol_principal_good(r->principal, true), "principal", "User:<name>, User:* or Group:<name>, at most 260 bytes of printable text" },
		{ good_host(r->host), "host", "*, an address, or a network as 10.0.0.0/8" },
		{ has_word(POL_WORD_OPERATION, r->op, POL_OP_ALL), "operation", pol_word_list(POL_WORD_OPERATION, false) },
		{ has_word(POL_WORD_PERMISSION, r->permission, POL_DENY), "permission", pol_word_list(POL_WORD_PERMISSION, false) },
	};

	for (size_t i = 0; i < ALV_COUNT(checks); i++)
		if (!checks[i].good) {
			*field = checks[i].field;
			*expected = checks[i].expected;
			return ALV_E_VALUE;
		}
	return ALV_OK;
}

/* ---- filters ------------------------------------------------------------------------------------------------- */

static bool
number_fits(int filter, int number)
{
	return filter <= POL_ANY || filter == number;
}

static bool
text_fits(struct alv_str filter, struct alv_str text)
{
	return filter.p == NULL || alv_str_eq(filter, text);
}

bool
pol_filter_fits(const struct pol_filter *f, const struct pol_rule *r)
{
	bool match = f->pattern == POL_PATTERN_MATCH;

	if (!number_fits(f->resource, r->resource) || (!match && !number_fits(f->pattern, r->pattern)))
		return false;
	if (!number_fits(f->op, r->op) || !number_fits(f->permission, r->permission))
		return false;
	if (!text_fits(f->principal, r->principal) || !text_fits(f->host, r->host))
		return false;
	if (!match || f->name.p == NULL)
		return text_fits(f->name, r->name);
	if (r->pattern == POL_PREFIXED)
		return alv_str_starts(f->name, r->name);
	return alv_str_eq(f->name, r->name) || alv_str_eqz(r->name, "*");
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

enum { TEXT_LIMIT = 64 * 1024 * 1024, FIRST = 16 };

struct pol_rules *
pol_rules_new(void)
{
	struct pol_rules *l = calloc(1, sizeof(*l));

	if (l != NULL)
		alv_arena_init(&l->text, TEXT_LIMIT);
	return l;
}

enum alv_err
pol_rules_add(struct pol_rules *l, const struct pol_rule *r)
{
	struct pol_rule copy = *r;

	if (l->n == l->cap) {
		size_t		 cap = l->cap == 0 ? FIRST : 2 * l->cap;
		struct pol_rule *more = reallocarray(l->rule, cap, sizeof(*more));

		if (more == NULL)
			return ALV_E_NOMEM;
		l->rule = more;
		l->cap = cap;
	}
	copy.name = alv_arena_str(&l->text, r->name);
	copy.principal = alv_arena_str(&l->text, r->principal);
	copy.host = alv_arena_str(&l->text, r->host);
	if (l->text.failed)
		return ALV_E_NOMEM;
	l->rule[l->n++] = copy;
	return ALV_OK;
}

void
pol_rules_free(struct pol_rules *l)
{
	if (l == NULL)
		return;
	free(l->rule);
	alv_arena_fini(&l->text);
	free(l);
}

static int
order(const void *a, const void *b)
{
	return pol_rule_cmp(a, b);
}

void
pol_rules_sort(struct pol_rules *l)
{
	size_t n = 0;

	if (l->n == 0)
		return;
	qsort(l->rule, l->n, sizeof(*l->rule), order);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || order(&l->rule[n - 1], &l->rule[i]) != 0)
			l->rule[n++] = l->rule[i];
	l->n = n;
}

bool
pol_rule_find(const struct pol_tenant *t, const struct pol_rule *r)
{
	return t->nrules > 0 && bsearch(r, t->rules, t->nrules, sizeof(*r), order) != NULL;
}
