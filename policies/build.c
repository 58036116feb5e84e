/* A tenant's snapshot from loose parts, in one allocation: the struct, then its arrays, then all text.
 * Invariant: what build() measures in its first pass is what it takes in the second. */
#include <alcove/check.h>
#include <alcove/policy.h>
#include <alcove/str.h>

#include <stdlib.h>

#include <openssl/crypto.h>

/* With base NULL it only measures. */
struct bump {
	char  *base;
	size_t n;
};

static void *
take(struct bump *b, size_t count, size_t size)
{
	void *p = b->base == NULL ? NULL : b->base + b->n;

	b->n += (count * size + 15) & ~(size_t)15;
	return p;
}

/* Text needs no alignment; null stays null. */
static struct alv_str
take_str(struct bump *b, struct alv_str s)
{
	char *p = b->base == NULL ? NULL : b->base + b->n;

	b->n += s.p == NULL ? 0 : s.n + 1;
	if (s.p == NULL || p == NULL)
		return ALV_STR_NULL;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return alv_str_make(p, s.n);
}

static int
order_users(const void *a, const void *b)
{
	return alv_str_cmp(((const struct pol_user *)a)->name, ((const struct pol_user *)b)->name);
}

static int
order_virt(const void *a, const void *b)
{
	return ten_alias_cmp_virt(a, b);
}

static int
order_phys(const void *a, const void *b)
{
	return ten_alias_cmp_phys(*(const struct ten_alias *const *)a, *(const struct ten_alias *const *)b);
}

static void
fill_users(const struct pol_parts *p, struct bump *b, struct pol_user *users)
{
	for (size_t i = 0; i < p->nusers; i++) {
		struct alv_str name = take_str(b, p->users[i].name);

		if (users == NULL)
			continue;
		users[i] = p->users[i];
		users[i].name = name;
	}
	if (users != NULL)
		qsort(users, p->nusers, sizeof(*users), order_users);
}

static void
fill_aliases(const struct pol_parts *p, struct bump *b, struct ten_alias *by_virt, const struct ten_alias **by_phys)
{
	for (size_t i = 0; i < p->naliases; i++) {
		struct ten_alias a = p->aliases[i];

		a.virt = take_str(b, a.virt);
		a.phys = take_str(b, a.phys);
		if (by_virt != NULL)
			by_virt[i] = a;
	}
	if (by_virt == NULL)
		return;
	qsort(by_virt, p->naliases, sizeof(*by_virt), order_virt);
	for (size_t i = 0; i < p->naliases; i++)
		by_phys[i] = &by_virt[i];
	qsort(by_phys, p->naliases, sizeof(const struct ten_alias *), order_phys);
}

static void
fill_rules(const struct pol_parts *p, struct bump *b, struct pol_rule *rules)
{
	for (size_t i = 0; i < p->nrules; i++) {
		struct pol_rule r = p->rules[i];

		r.name = take_str(b, r.name);
		r.principal = take_str(b, r.principal);
		r.host = take_str(b, r.host);
		if (rules != NULL)
			rules[i] = r;
	}
}

/* Views into the old text become views into the new one. */
static struct alv_str
moved(struct alv_str part, struct alv_str from, struct alv_str to)
{
	return alv_str_make(to.p + (part.p - from.p), part.n);
}

static void
fill_own(const struct pol_parts *p, struct bump *b, struct ten_own *own)
{
	for (size_t i = 0; i < p->nown; i++) {
		const struct ten_own *from = &p->own[i];
		struct ten_own	      o = *from;

		o.bootstrap = take_str(b, from->bootstrap);
		o.node_text = take_str(b, from->node_text);
		if (own == NULL)
			continue;
		for (unsigned k = 0; k <= o.node.nholes; k++)
			o.node.part[k] = moved(from->node.part[k], from->node_text, o.node_text);
		own[i] = o;
	}
}

static void
fill_head(const struct pol_parts *p, struct bump *b, struct pol_tenant *t)
{
	struct alv_str id = take_str(b, p->id), display = take_str(b, p->display_name), prefix;
	char	      *dot = take(b, p->id.n + 1, 1);

	if (t == NULL)
		return;
	if (p->id.n > 0)
		memcpy(dot, p->id.p, p->id.n);
	dot[p->id.n] = '.';
	prefix = alv_str_make(dot, p->id.n + 1);
	t->names = (struct ten_names){ .id = id, .prefix = prefix };
	t->display_name = display;
	t->state = p->state;
	t->revision = p->revision;
	if (p->cluster_id != NULL)
		memcpy(t->cluster_id, p->cluster_id, strnlen(p->cluster_id, sizeof(t->cluster_id) - 1));
}

static struct pol_tenant *
build(const struct pol_parts *p, struct bump *b)
{
	struct pol_tenant	*t = take(b, 1, sizeof(*t));
	struct pol_user		*users = take(b, p->nusers, sizeof(*users));
	struct pol_rule		*rules = take(b, p->nrules, sizeof(*rules));
	struct ten_alias	*by_virt = take(b, p->naliases, sizeof(*by_virt));
	const struct ten_alias **by_phys = take(b, p->naliases, sizeof(*by_phys));
	struct ten_own		*own = take(b, p->nown, sizeof(*own));

	fill_head(p, b, t);
	fill_users(p, b, users);
	fill_rules(p, b, rules);
	fill_aliases(p, b, by_virt, by_phys);
	fill_own(p, b, own);
	if (t == NULL)
		return NULL;
	t->nusers = p->nusers;
	t->users = users;
	t->nrules = p->nrules;
	t->rules = rules;
	t->nown = p->nown;
	t->own = own;
	t->names.naliases = p->naliases;
	t->names.by_virt = by_virt;
	t->names.by_phys = by_phys;
	return t;
}

struct pol_tenant *
pol_build(const struct pol_parts *p)
{
	struct bump	   measure = { NULL, 0 }, fill = { NULL, 0 };
	struct pol_tenant *t;

	ALV_CHECK(p->id.p != NULL && p->id.n <= TEN_ID_MAX);
	t = build(p, &measure);
	ALV_CHECK(t == NULL);
	fill.base = calloc(1, measure.n);
	if (fill.base == NULL)
		return NULL;
	t = build(p, &fill);
	ALV_CHECK(fill.n == measure.n);
	return t;
}

void
pol_tenant_free(struct pol_tenant *t)
{
	if (t == NULL)
		return;
	/* The users lie in this same allocation, which build() made writable. */
	if (t->nusers > 0)
		OPENSSL_cleanse((void *)(uintptr_t)t->users, t->nusers * sizeof(*t->users));
	free(t);
}

const struct pol_user *
pol_user_find(const struct pol_tenant *t, struct alv_str name)
{
	struct pol_user key = { .name = name };

	if (name.p == NULL || t->nusers == 0)
		return NULL;
	return bsearch(&key, t->users, t->nusers, sizeof(*t->users), order_users);
}
