/* The host names of an sni listener: its two patterns from what the file says, checked so that nobody is read as another. */
#include "policies/option.h"

#include <alcove/str.h>

/* Ids as they are: if one of these cannot be had, hardly any can. */
static const char *const common_ids[] = { "a", "acme", "acme-prod", "team42", "x-y-z" };

/* NULL: *p is good. Else what would do, and *found says what is there. */
static const char *
make_pattern(struct pol_load *l, const char *text, unsigned want, struct ten_pattern *p, const char **found)
{
	struct alv_str lower = alv_arena_str(l->a, alv_str_of(text)), quoted;
	const char    *expected;
	char	      *c = (char *)(uintptr_t)lower.p;

	for (; c != NULL && *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	if (ten_pattern_parse(lower, want, p, &expected) == ALV_OK)
		return NULL;
	quoted = pol_diag_quote(l->a, alv_str_of(text));
	*found = quoted.p == NULL ? "a pattern" : quoted.p;
	return expected;
}

static const char *
make_both(struct pol_load *l, struct pol_listener *x, const char **key, const char **found)
{
	const char *expected = NULL;

	*key = "domain";
	if (x->domain[0] != '\0' && ten_hosts_below(&x->hosts, l->a, alv_str_of(x->domain))) {
		*found = "a domain so long that hosts below it would be over 253 characters";
		return "a shorter one";
	}
	if (x->domain[0] != '\0' && x->bootstrap_pattern != NULL && x->node_pattern != NULL) {
		*found = "a value";
		return "none where bootstrap.pattern and node.pattern say all";
	}
	*key = "bootstrap.pattern";
	if (x->bootstrap_pattern != NULL)
		expected = make_pattern(l, x->bootstrap_pattern, TEN_TENANT, &x->hosts.bootstrap, found);
	if (expected != NULL)
		return expected;
	*key = "node.pattern";
	return x->node_pattern == NULL ? NULL :
	    make_pattern(l, x->node_pattern, TEN_TENANT | TEN_NODE, &x->hosts.node, found);
}

const char *
pol_hosts_make(struct pol_load *l, struct pol_listener *x, const char **key, const char **found)
{
	const char *expected;

	if (x->domain[0] == '\0' && (x->bootstrap_pattern == NULL || x->node_pattern == NULL)) {
		*key = "domain";
		*found = "nothing";
		return "the domain of the tenants' host names, with endpoint sni";
	}
	expected = make_both(l, x, key, found);
	for (size_t i = 0; expected == NULL && i < ALV_COUNT(common_ids); i++)
		if (!ten_hosts_fit(&x->hosts, alv_str_of(common_ids[i]))) {
			*found = "a pattern by which tenants' bootstrap hosts are brokers' hosts as well";
			expected = "one that keeps them apart";
		}
	return expected;
}

/* Placeholders in the first label only. */
static bool
one_wildcard(const struct ten_pattern *p)
{
	for (unsigned i = 0; i < p->nholes; i++)
		if (memchr(p->part[i].p, '.', p->part[i].n) != NULL)
			return false;
	return true;
}

struct alv_str
pol_hosts_wildcard(const struct ten_pattern *p)
{
	return one_wildcard(p) ? ten_pattern_domain(p) : ALV_STR_NULL;
}
