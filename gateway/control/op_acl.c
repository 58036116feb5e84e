/* A tenant's ACLs: many at once, all or nothing. What is there already is no error, so that a list can be sent again. */
#include "control/op.h"

#include <alcove/str.h>

#include <stdlib.h>

static enum alv_err
check_rule(struct con_change *c, size_t i)
{
	const char  *field, *expected;
	enum alv_err err = pol_rule_check(&c->rules->rule[i], &field, &expected);

	return err ? con_say(c, err, "acls[%zu].%s: expected %s", i, field, expected) : ALV_OK;
}

/* Is there one that the snapshot has not? The snapshot is what the store says. */
static bool
any_new(const struct con_core *k, const struct con_change *c)
{
	const struct pol_tenant *t = con_snapshot(k, c);

	for (size_t i = 0; i < c->rules->n; i++)
		if (t == NULL || !pol_rule_find(t, &c->rules->rule[i]))
			return true;
	return false;
}

static enum con_need
judge_create(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	c->changed = 0;
	if (c->rules == NULL || c->rules->n > POL_RULES_MAX)
		return con_end(c, con_say(c, ALV_E_LENGTH, "found %zu ACLs, expected at most %d", c->rules == NULL ? 0 : c->rules->n,
		    POL_RULES_MAX));
	for (size_t i = 0; i < c->rules->n; i++)
		if (check_rule(c, i))
			return CON_NEED_END;
	return any_new(k, c) ? CON_NEED_NOTHING : con_unchanged(c, t);
}

static enum alv_err
add_rules(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	size_t	     n = 0;
	enum alv_err err = ALV_OK;

	for (size_t i = 0; !err && i < c->rules->n; i++) {
		bool added;

		err = sto_rule_add(k->store, alv_str_of(t->id), &c->rules->rule[i], &added, &c->revision);
		c->changed += !err && added;
	}
	if (!err)
		err = sto_rule_count(k->store, alv_str_of(t->id), &n);
	if (!err && n > POL_RULES_MAX)
		err = con_say(c, ALV_E_LIMIT, "tenant %s would have %zu ACLs, expected at most %d; nothing was changed", t->id, n,
		    POL_RULES_MAX);
	return err;
}

static enum alv_err
write_create(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	(void)keys;
	c->changed = 0;
	c->revision = t->revision;
	return add_rules(k, c, t);
}

/* ---- deleting: what a filter fits is deleted, and told ------------------------------------------------------ */

/* Filters times ACLs, at most: what one change may make this thread compare, and the one that answers it. Judged here, where it is known
 * how many there are by now: what waits before it may bring thousands. */
enum { COMPARISONS_MAX = 1 << 20 };

static size_t
fits(const struct con_change *c, const struct pol_rule *r)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nfilters; i++)
		n += pol_filter_fits(&c->filters[i], r);
	return n;
}

static enum con_need
judge_delete(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	const struct pol_tenant *now = con_snapshot(k, c);
	size_t			 told = 0;

	c->changed = 0;
	if (c->rules == NULL || c->rules->n > 0 || c->nfilters == 0)
		return con_end(c, con_say(c, ALV_E_VALUE, "a filter and room for what it fits are expected"));
	if (now != NULL && c->nfilters > 1 && c->nfilters * now->nrules > COMPARISONS_MAX)
		return con_end(c, con_say(c, ALV_E_LENGTH, "found %zu filters, expected no more than can be compared with %zu ACLs at once",
		    c->nfilters, now->nrules));
	for (size_t i = 0; now != NULL && i < now->nrules; i++)
		told += fits(c, &now->rules[i]);
	/* As a broker: each filter is told what it fits, and that has an end. */
	if (told > POL_RULES_MAX)
		return con_end(c, con_say(c, ALV_E_LIMIT, "the filters fit %zu ACLs, one that several fit counted for each, expected at most %d; "
		    "nothing was deleted", told, POL_RULES_MAX));
	return told > 0 || now == NULL ? CON_NEED_NOTHING : con_unchanged(c, t);
}

static enum alv_err
collect(void *arg, const struct pol_rule *r)
{
	struct con_change *c = arg;

	return fits(c, r) > 0 ? pol_rules_add(c->rules, r) : ALV_OK;
}

static enum alv_err
write_delete(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	enum alv_err err = sto_rule_each(k->store, alv_str_of(t->id), c, collect);

	(void)keys;
	c->revision = t->revision;
	for (size_t i = 0; !err && i < c->rules->n; i++)
		err = sto_rule_delete(k->store, alv_str_of(t->id), &c->rules->rule[i], &c->revision);
	c->changed = c->rules->n;
	return err;
}

/* ---- replacing: what is not in the list goes, what is new comes --------------------------------------------- */

static bool
same_rules(const struct con_core *k, const struct con_change *c)
{
	const struct pol_tenant *t = con_snapshot(k, c);

	return t != NULL && t->nrules == c->rules->n && !any_new(k, c);
}

static enum con_need
judge_replace(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	c->changed = c->removed = 0;
	if (c->rules == NULL || c->rules->n > POL_RULES_MAX)
		return con_end(c, con_say(c, ALV_E_LENGTH, "found %zu ACLs, expected at most %d", c->rules == NULL ? 0 : c->rules->n,
		    POL_RULES_MAX));
	for (size_t i = 0; i < c->rules->n; i++)
		if (check_rule(c, i))
			return CON_NEED_END;
	pol_rules_sort(c->rules);
	return same_rules(k, c) ? con_unchanged(c, t) : CON_NEED_NOTHING;
}

struct leftover {
	const struct pol_rules *wanted;
	struct pol_rules       *gone;
};

static int
order(const void *a, const void *b)
{
	return pol_rule_cmp(a, b);
}

static enum alv_err
collect_leftover(void *arg, const struct pol_rule *r)
{
	const struct leftover *x = arg;

	return x->wanted->n > 0 && bsearch(r, x->wanted->rule, x->wanted->n, sizeof(*r), order) != NULL ? ALV_OK : pol_rules_add(x->gone, r);
}

static enum alv_err
write_replace(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	struct leftover x = { c->rules, pol_rules_new() };
	enum alv_err	err = x.gone == NULL ? ALV_E_NOMEM : sto_rule_each(k->store, alv_str_of(t->id), &x, collect_leftover);

	(void)keys;
	c->changed = c->removed = 0;
	c->revision = t->revision;
	for (size_t i = 0; !err && i < x.gone->n; i++) {
		err = sto_rule_delete(k->store, alv_str_of(t->id), &x.gone->rule[i], &c->revision);
		c->removed += !err;
	}
	pol_rules_free(x.gone);
	return err ? err : add_rules(k, c, t);
}

const struct con_row con_acl_create = {
	.name = "acl.create",
	.judge = judge_create,
	.write = write_create,
};

const struct con_row con_acl_delete = {
	.name = "acl.delete",
	.judge = judge_delete,
	.write = write_delete,
};

const struct con_row con_acl_replace = {
	.name = "acl.replace",
	.judge = judge_replace,
	.write = write_replace,
};
