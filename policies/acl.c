/* Making the index of a tenant's ACLs; see acl.h. Everything is sorted once, aside, so that the index itself is filled
 * from front to back into memory that was measured before. */
#include "policies/acl.h"

#include <alcove/check.h>
#include <alcove/str.h>

#include <stdlib.h>

/* ---- orders -------------------------------------------------------------------------------------------- */

static int
compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Of two rules on the same pattern nothing but the rest differs. */
static int
order_pattern(const struct pol_rule *a, const struct pol_rule *b)
{
	int r = compare(a->resource, b->resource);

	if (r == 0)
		r = alv_str_cmp(a->name, b->name);
	return r != 0 ? r : compare(b->pattern, a->pattern);
}

int
pol_rule_cmp(const struct pol_rule *a, const struct pol_rule *b)
{
	int r = order_pattern(a, b);

	if (r == 0)
		r = alv_str_cmp(a->principal, b->principal);
	if (r == 0)
		r = alv_str_cmp(a->host, b->host);
	if (r == 0)
		r = compare(a->op, b->op);
	return r != 0 ? r : compare(a->permission, b->permission);
}

static int
order_items(const void *a, const void *b)
{
	return pol_rule_cmp(&((const struct acl_item *)a)->rule, &((const struct acl_item *)b)->rule);
}

static int
order_hosts(const struct acl_host *a, const struct acl_host *b)
{
	int r = compare(a->kind, b->kind);

	if (r == 0)
		r = alv_cidr_cmp(&a->net, &b->net);
	return r != 0 ? r : alv_str_cmp(a->text, b->text);
}

/* Places of items; qsort_r's context has the items. */
static int
by_principal(const void *a, const void *b, void *items)
{
	const struct acl_item *all = items;

	return alv_str_cmp(all[*(const uint32_t *)a].rule.principal, all[*(const uint32_t *)b].rule.principal);
}

static int
by_host(const void *a, const void *b, void *items)
{
	const struct acl_item *all = items;

	return order_hosts(&all[*(const uint32_t *)a].host, &all[*(const uint32_t *)b].host);
}

/* ---- the draft ------------------------------------------------------------------------------------------ */

static struct acl_host
host_of(struct alv_str text)
{
	struct acl_host h = { .text = text, .kind = ACL_IS_ANY };

	if (alv_str_eqz(text, "*"))
		return h;
	if (alv_cidr_parse(text, &h.net))
		return (struct acl_host){ .text = text, .kind = ACL_IS_UNREADABLE };
	h.kind = h.net.bits == (h.net.v4 ? 32 : 128) ? ACL_IS_ADDRESS : ACL_IS_NETWORK;
	return h;
}

/* Sorts places of items and gives each item the number of its kind (at its member `at`); equal ones have the same. Returns
 * how many kinds there are. */
static uint32_t
number(struct acl_draft *d, uint32_t *place, int (*order)(const void *, const void *, void *), size_t at)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n; i++)
		place[i] = i;
	qsort_r(place, d->n, sizeof(*place), order, d->items);
	for (size_t i = 0; i < d->n; i++) {
		n += i == 0 || order(&place[i - 1], &place[i], d->items) != 0;
		*(uint32_t *)(void *)((char *)&d->items[place[i]] + at) = n - 1;
	}
	return n;
}

static bool
same_entry(const struct acl_item *a, const struct acl_item *b)
{
	return order_pattern(&a->rule, &b->rule) == 0 && a->principal == b->principal && a->at_host == b->at_host;
}

/* What Kafka does not know is no rule. */
static bool
sane(const struct pol_rule *r)
{
	return r->resource >= POL_TOPIC && r->resource <= POL_USER && (r->pattern == POL_LITERAL || r->pattern == POL_PREFIXED) &&
	    r->op >= POL_OP_ALL && r->op <= POL_OP_TWO_PHASE_COMMIT && (r->permission == POL_ALLOW || r->permission == POL_DENY) &&
	    r->name.p != NULL && r->principal.p != NULL && r->host.p != NULL;
}

bool
pol_acl_draft_make(const struct pol_rule *rules, size_t n, struct acl_draft *d)
{
	size_t kept = 0;

	*d = (struct acl_draft){ .n = 0 };
	if (n == 0)
		return true;
	d->items = calloc(n, sizeof(*d->items));
	d->by_principal = calloc(n, sizeof(*d->by_principal));
	d->by_host = calloc(n, sizeof(*d->by_host));
	if (d->items == NULL || d->by_principal == NULL || d->by_host == NULL || n >= ACL_HOST_NETWORK) {
		pol_acl_draft_free(d);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (sane(&rules[i]))
			d->items[d->n++] = (struct acl_item){ .rule = rules[i], .host = host_of(rules[i].host) };
	qsort(d->items, d->n, sizeof(*d->items), order_items);
	for (size_t i = 0; i < d->n; i++)
		if (kept == 0 || order_items(&d->items[kept - 1], &d->items[i]) != 0)
			d->items[kept++] = d->items[i];
	d->n = kept;
	d->nprincipals = number(d, d->by_principal, by_principal, offsetof(struct acl_item, principal));
	d->nhosts = number(d, d->by_host, by_host, offsetof(struct acl_item, at_host));
	for (size_t i = 0; i < d->n; i++) {
		d->npatterns += i == 0 || order_pattern(&d->items[i - 1].rule, &d->items[i].rule) != 0;
		d->nentries += i == 0 || !same_entry(&d->items[i - 1], &d->items[i]);
	}
	return true;
}

void
pol_acl_draft_free(struct acl_draft *d)
{
	free(d->items);
	free(d->by_principal);
	free(d->by_host);
	*d = (struct acl_draft){ .n = 0 };
}

/* ---- filling -------------------------------------------------------------------------------------------- */

/* Texts of principals and hosts, each once. */
static void
fill_tables(const struct acl_draft *d, struct bump *b, struct alv_str *principals, struct acl_host *hosts)
{
	uint32_t np = 0, nh = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct acl_item *p = &d->items[d->by_principal[i]], *h = &d->items[d->by_host[i]];

		if (p->principal == np) {
			struct alv_str text = take_str(b, p->rule.principal);

			if (principals != NULL)
				principals[np] = text;
			np++;
		}
		if (h->at_host == nh) {
			struct alv_str text = take_str(b, h->rule.host);

			if (hosts != NULL)
				hosts[nh] = (struct acl_host){ text, h->host.net, h->host.kind };
			nh++;
		}
	}
}

/* One address may have been written in two ways: its number is that of the first. */
static uint32_t
host_number(const struct acl_host *hosts, uint32_t at)
{
	switch (hosts[at].kind) {
	case ACL_IS_ANY:
		return ACL_HOST_ANY;
	case ACL_IS_UNREADABLE:
		return ACL_HOST_NEVER;
	default:
		while (at > 0 && hosts[at - 1].kind == hosts[at].kind && alv_cidr_cmp(&hosts[at - 1].net, &hosts[at].net) == 0)
			at--;
		return hosts[at].kind == ACL_IS_NETWORK ? (at + 1) | ACL_HOST_NETWORK : at + 1;
	}
}

struct filling {
	struct alv_str	   *principals;
	struct acl_host	   *hosts;
	struct acl_pattern *patterns;
	struct acl_entry   *entries;
	struct pol_rule	   *rules;
};

/* The patterns' names, and with them the rules, whose texts are in the tables by now. */
static void
fill_patterns(const struct acl_draft *d, struct bump *b, const struct filling *f)
{
	struct alv_str name = ALV_STR_NULL;
	uint32_t       np = 0, ne = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct acl_item *x = &d->items[i];
		bool		       new_pattern = i == 0 || order_pattern(&x[-1].rule, &x->rule) != 0;
		bool		       new_entry = i == 0 || !same_entry(&x[-1], x);

		if (new_pattern) {
			name = take_str(b, x->rule.name);
			np++;
		}
		ne += new_entry;
		if (f->patterns == NULL)
			continue;
		if (new_pattern)
			f->patterns[np - 1] = (struct acl_pattern){ .name = name, .first = ne - 1, .parent = ACL_NONE,
				.prefixed = x->rule.pattern == POL_PREFIXED };
		if (new_entry)
			f->entries[ne - 1] = (struct acl_entry){ .principal = x->principal, .host = host_number(f->hosts, x->at_host) };
		f->patterns[np - 1].n = ne - f->patterns[np - 1].first;
		*(x->rule.permission == POL_ALLOW ? &f->entries[ne - 1].allow : &f->entries[ne - 1].deny) |=
		    (uint16_t)(1u << x->rule.op);
		f->rules[i] = x->rule;
		f->rules[i].name = name;
		f->rules[i].principal = f->principals[x->principal];
		f->rules[i].host = f->hosts[x->at_host].text;
	}
}

/* What covers a pattern lies before it, and what lies between covers neither or is covered itself: so a stack will do, and
 * it is the way up from the pattern before. */
static void
link_patterns(struct acl_pattern *p, uint32_t from, uint32_t to)
{
	uint32_t up = ACL_NONE;

	for (uint32_t i = from; i < to; i++) {
		while (up != ACL_NONE && !acl_covers(&p[up], p[i].name))
			up = p[up].parent;
		p[i].parent = up;
		if (p[i].prefixed)
			up = i;
	}
}

static void
find_sections(const struct acl_draft *d, struct pol_acls *a, struct acl_pattern *patterns)
{
	uint32_t at = 0;

	for (int r = 0; r < ACL_RESOURCES; r++)
		a->of[r].all = ACL_NONE;
	for (size_t i = 0; i < d->n; i++) {
		const struct pol_rule *rule = &d->items[i].rule;

		if (i > 0 && order_pattern(&d->items[i - 1].rule, rule) == 0)
			continue;
		if (a->of[rule->resource].to == 0)
			a->of[rule->resource].from = at;
		if (rule->pattern == POL_LITERAL && alv_str_eqz(rule->name, "*"))
			a->of[rule->resource].all = at;
		a->of[rule->resource].to = ++at;
	}
	for (int r = 0; r < ACL_RESOURCES; r++)
		link_patterns(patterns, a->of[r].from, a->of[r].to);
}

struct pol_acls *
pol_acl_fill(const struct acl_draft *d, struct bump *b, struct pol_rule *rules)
{
	struct pol_acls *a = take(b, 1, sizeof(*a));
	struct filling	 f = { .rules = rules };

	f.principals = take(b, d->nprincipals, sizeof(*f.principals));
	f.hosts = take(b, d->nhosts, sizeof(*f.hosts));
	f.patterns = take(b, d->npatterns, sizeof(*f.patterns));
	f.entries = take(b, d->nentries, sizeof(*f.entries));
	fill_tables(d, b, f.principals, f.hosts);
	fill_patterns(d, b, &f);
	if (a == NULL)
		return NULL;
	*a = (struct pol_acls){ .principals = f.principals, .hosts = f.hosts, .patterns = f.patterns, .entries = f.entries,
		.nprincipals = d->nprincipals, .nhosts = d->nhosts, .npatterns = d->npatterns, .nentries = d->nentries,
		.everyone = ACL_NONE };
	for (uint32_t i = 0; i < a->nprincipals; i++)
		if (alv_str_eqz(f.principals[i], "User:*"))
			a->everyone = i;
	while (a->naddresses < a->nhosts && f.hosts[a->naddresses].kind == ACL_IS_ADDRESS)
		a->naddresses++;
	find_sections(d, a, f.patterns);
	return a;
}
