/* A tenant's snapshot from loose parts, in one allocation: the struct, then its arrays, then all text.
 * Invariant: what build() measures in its first pass is what it takes in the second. */
#include "policies/acl.h"

#include <alcove/check.h>
#include <alcove/str.h>

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/crypto.h>

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

static int
order_text(const void *a, const void *b)
{
	return alv_str_cmp(*(const struct alv_str *)a, *(const struct alv_str *)b);
}

static void
fill_groups(const struct pol_user *u, struct bump *b, struct alv_str *groups)
{
	for (size_t i = 0; i < u->ngroups; i++) {
		struct alv_str text = take_str(b, u->groups[i]);

		if (groups != NULL)
			groups[i] = text;
	}
	if (groups != NULL)
		qsort(groups, u->ngroups, sizeof(*groups), order_text);
}

static size_t
count_groups(const struct pol_parts *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->nusers; i++)
		n += p->users[i].ngroups;
	return n;
}

static void
fill_users(const struct pol_parts *p, struct bump *b, struct pol_user *users, struct alv_str *groups)
{
	for (size_t i = 0; i < p->nusers; i++) {
		struct alv_str name = take_str(b, p->users[i].name);

		fill_groups(&p->users[i], b, groups);
		if (users == NULL)
			continue;
		users[i] = p->users[i];
		users[i].name = name;
		users[i].groups = groups;
		groups += users[i].ngroups;
		if (users[i].version < users[i].revision)
			users[i].version = users[i].revision;
	}
	if (users != NULL)
		qsort(users, p->nusers, sizeof(*users), order_users);
}

static bool
is_kafkas_salt(const struct pol_scram *k)
{
	for (size_t i = 0; i < k->salt_n; i++)
		if (!(k->salt[i] >= '0' && k->salt[i] <= '9') && !(k->salt[i] >= 'a' && k->salt[i] <= 'z'))
			return false;
	return k->salt_n >= 20 && k->salt_n <= 26;
}

struct pol_shape
pol_shape_of(const struct pol_user *u)
{
	struct pol_shape s;

	memset(&s, 0, sizeof(s));	/* padding, too: shapes are compared as bytes */
	for (int m = 0; m < POL_MECHANISMS; m++) {
		const struct pol_scram *k = &u->scram[m];

		if (!k->present)
			continue;
		s.iterations[m] = k->iterations;
		s.salt_text[m] = is_kafkas_salt(k);
		s.salt_n[m] = s.salt_text[m] ? 0 : k->salt_n;
	}
	return s;
}

static void
fill_shapes(struct pol_tenant *t)
{
	for (size_t i = 0; i < t->nusers && t->nshapes < POL_SHAPES_MAX; i++) {
		struct pol_shape s = pol_shape_of(&t->users[i]);
		size_t		 k = 0;

		while (k < t->nshapes && memcmp(&t->shape[k], &s, sizeof(s)) != 0)
			k++;
		memcpy(&t->shape[k], &s, sizeof(s));
		t->nshapes += k == t->nshapes;
	}
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
fill_supers(const struct pol_parts *p, struct bump *b, struct alv_str *supers)
{
	for (size_t i = 0; i < p->nsupers; i++) {
		struct alv_str text = take_str(b, p->supers[i]);

		if (supers != NULL)
			supers[i] = text;
	}
	if (supers != NULL)
		qsort(supers, p->nsupers, sizeof(*supers), order_text);
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

static int
order_quotas(const void *a, const void *b)
{
	return pol_quota_entity_cmp(&((const struct pol_quota *)a)->entity, &((const struct pol_quota *)b)->entity);
}

static void
fill_quotas(const struct pol_parts *p, struct bump *b, struct pol_quota *quotas)
{
	for (size_t i = 0; i < p->nquotas; i++) {
		struct pol_quota q = p->quotas[i];

		for (size_t k = 0; k < ALV_COUNT(q.entity.part); k++)
			q.entity.part[k].name = take_str(b, q.entity.part[k].name);
		if (quotas != NULL)
			quotas[i] = q;
	}
	if (quotas != NULL)
		qsort(quotas, p->nquotas, sizeof(*quotas), order_quotas);
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
build(const struct pol_parts *p, const struct acl_draft *d, struct bump *b)
{
	struct pol_tenant	*t = take(b, 1, sizeof(*t));
	struct pol_user		*users = take(b, p->nusers, sizeof(*users));
	struct alv_str		*groups = take(b, count_groups(p), sizeof(*groups));
	struct pol_rule		*rules = take(b, d->n, sizeof(*rules));
	struct alv_str		*supers = take(b, p->nsupers, sizeof(*supers));
	struct ten_alias	*by_virt = take(b, p->naliases, sizeof(*by_virt));
	const struct ten_alias **by_phys = take(b, p->naliases, sizeof(*by_phys));
	struct ten_own		*own = take(b, p->nown, sizeof(*own));
	struct pol_quota	*quotas = take(b, p->nquotas, sizeof(*quotas));
	struct pol_acls		*acls = pol_acl_fill(d, b, rules);

	fill_head(p, b, t);
	fill_users(p, b, users, groups);
	fill_supers(p, b, supers);
	fill_aliases(p, b, by_virt, by_phys);
	fill_own(p, b, own);
	fill_quotas(p, b, quotas);
	if (t == NULL)
		return NULL;
	t->nquotas = p->nquotas;
	t->quotas = quotas;
	for (size_t i = 0; i < p->nquotas; i++)
		t->quota_keys[quotas[i].entity.kind] |= quotas[i].set;
	t->nusers = p->nusers;
	t->users = users;
	fill_shapes(t);
	t->authorizer = p->authorizer;
	t->everyone_if_no_acl = p->everyone_if_no_acl;
	t->auto_create = p->auto_create;
	t->nsupers = p->nsupers;
	t->supers = supers;
	t->nrules = d->n;
	t->rules = rules;
	t->acls = acls;
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
	static _Atomic uint64_t builds;
	struct bump		measure = { NULL, 0 }, fill = { NULL, 0 };
	struct acl_draft	d;
	struct pol_tenant      *t;

	ALV_CHECK(p->id.p != NULL && p->id.n <= TEN_ID_MAX);
	if (!pol_acl_draft_make(p->rules, p->nrules, &d))
		return NULL;
	t = build(p, &d, &measure);
	ALV_CHECK(t == NULL);
	fill.base = calloc(1, measure.n);
	if (fill.base != NULL) {
		t = build(p, &d, &fill);
		ALV_CHECK(fill.n == measure.n);
		t->build = ++builds;
	}
	pol_acl_draft_free(&d);
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
