/* A tenant's quotas: many at once, all or nothing. What is so already is no change. What nothing enforces is refused. */
#include "control/op.h"

#include <alcove/str.h>

#include <stdlib.h>

static const struct pol_quota *
now_of(const struct pol_tenant *t, const struct pol_quota_entity *e)
{
	return t == NULL ? NULL : pol_quota_find(t, e);
}

static enum alv_err
check_item(const struct con_core *k, struct con_change *c, size_t i)
{
	const struct pol_quota_alter *a = &c->quotas->item[i];
	const char		     *expected;
	enum alv_err		      err = pol_quota_entity_check(&a->quota.entity, &expected);

	if (err)
		return con_say(c, err, "quotas[%zu]: expected %s", i, expected);
	/* What is the platform's no client changes, whatever its handler made of its request. */
	if (c->native && (c->quotas_all || (a->quota.entity.kind != POL_QUOTA_OF_CLIENT && a->quota.entity.kind != POL_QUOTA_OF_ADDRESS)))
		return con_say(c, ALV_E_DENIED, "quotas[%zu]: expected a user, a client id or an address: others are the platform's", i);
	for (int key = 0; key < POL_QUOTA_KEYS; key++) {
		if ((a->quota.set & 1u << key) == 0)
			continue;
		err = pol_quota_value_check(a->quota.entity.kind, (enum pol_quota_key)key, a->quota.value[key], k->quotas, &expected);
		if (err)
			return con_say(c, err, "quotas[%zu].limits.%s: expected %s", i, pol_quota_info((enum pol_quota_key)key)->name, expected);
	}
	return ALV_OK;
}

static int
order(const void *a, const void *b)
{
	return pol_quota_entity_cmp(*(const struct pol_quota_entity *const *)a, *(const struct pol_quota_entity *const *)b);
}

/* Two for one entity: which would hold? */
static enum alv_err
check_once(struct con_change *c)
{
	const struct pol_quota_entity **all = reallocarray(NULL, c->quotas->n + 1, sizeof(*all));
	bool				twice = false;

	if (all == NULL)
		return con_say(c, ALV_E_NOMEM, "out of memory");
	for (size_t i = 0; i < c->quotas->n; i++)
		all[i] = &c->quotas->item[i].quota.entity;
	qsort(all, c->quotas->n, sizeof(const struct pol_quota_entity *), order);
	for (size_t i = 1; i < c->quotas->n; i++)
		twice |= order(&all[i - 1], &all[i]) == 0;
	free(all);
	return twice ? con_say(c, ALV_E_VALUE, "found an entity twice, expected each once") : ALV_OK;
}

/* Is it one that a list which is to be all leaves out? */
static bool
goes(const struct con_change *c, const struct pol_quota *q)
{
	return c->quotas_all && pol_quota_list_find(c->quotas, &q->entity) == c->quotas->n;
}

static bool
any_altered(const struct con_core *k, const struct con_change *c)
{
	const struct pol_tenant *t = con_snapshot(k, c);
	struct pol_quota	 q;

	for (size_t i = 0; i < c->quotas->n; i++)
		if (pol_quota_altered(now_of(t, &c->quotas->item[i].quota.entity), &c->quotas->item[i], &q))
			return true;
	for (size_t i = 0; t != NULL && i < t->nquotas; i++)
		if (goes(c, &t->quotas[i]))
			return true;
	return false;
}

static enum con_need
judge_alter(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	c->changed = 0;
	if (c->quotas == NULL || c->quotas->n > POL_QUOTA_ALTER_MAX)
		return con_end(c, con_say(c, ALV_E_LENGTH, "found quotas of %zu entities, expected %d at most at once", c->quotas == NULL ? 0 :
		    c->quotas->n, POL_QUOTA_ALTER_MAX));
	for (size_t i = 0; i < c->quotas->n; i++)
		if (check_item(k, c, i))
			return CON_NEED_END;
	if (check_once(c))
		return CON_NEED_END;
	return any_altered(k, c) ? CON_NEED_NOTHING : con_unchanged(c, t);
}

static enum alv_err
put(struct con_core *k, struct con_change *c, const struct sto_tenant *t, const struct pol_quota *q)
{
	enum alv_err err = sto_quota_put(k->store, alv_str_of(t->id), q, &c->revision);

	c->changed += !err;
	return err;
}

static enum alv_err
put_altered(struct con_core *k, struct con_change *c, const struct sto_tenant *t, const struct pol_tenant *now)
{
	enum alv_err err = ALV_OK;

	for (size_t i = 0; !err && i < c->quotas->n; i++) {
		struct pol_quota_alter *a = &c->quotas->item[i];
		struct pol_quota	q;

		a->only |= c->quotas_all;
		if (pol_quota_altered(now_of(now, &a->quota.entity), a, &q))
			err = put(k, c, t, &q);
	}
	return err;
}

/* The snapshot is what the store says, and only this thread changes either. */
static enum alv_err
write_alter(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	const struct pol_tenant *now = con_snapshot(k, c);
	size_t			 n = 0;
	enum alv_err		 err;

	(void)keys;
	c->changed = 0;
	c->revision = t->revision;
	err = put_altered(k, c, t, now);
	for (size_t i = 0; !err && now != NULL && i < now->nquotas; i++)
		if (goes(c, &now->quotas[i]))
			err = put(k, c, t, &(struct pol_quota){ .entity = now->quotas[i].entity });
	if (!err)
		err = sto_quota_count(k->store, alv_str_of(t->id), &n);
	if (!err && n > POL_QUOTAS_MAX)
		err = con_say(c, ALV_E_LIMIT, "tenant %s would have quotas of %zu entities, expected at most %d; nothing was changed", t->id, n,
		    POL_QUOTAS_MAX);
	return err;
}

/* ---- deleting: what a filter fits is deleted, and told ------------------------------------------------------- */

static enum con_need
judge_delete(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	const struct pol_tenant *now = con_snapshot(k, c);

	c->changed = 0;
	if (c->quotas == NULL || c->quotas->n > 0 || c->native)
		return con_end(c, con_say(c, ALV_E_VALUE, "a filter and room for what it fits are expected"));
	for (size_t i = 0; now != NULL && i < now->nquotas; i++)
		if (pol_quota_filter_fits(&c->quota_filter, &now->quotas[i]))
			return CON_NEED_NOTHING;
	return con_unchanged(c, t);
}

static enum alv_err
write_delete(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	const struct pol_tenant *now = con_snapshot(k, c);
	enum alv_err		 err = ALV_OK;

	(void)keys;
	c->changed = 0;
	c->revision = t->revision;
	for (size_t i = 0; !err && now != NULL && i < now->nquotas; i++) {
		struct pol_quota_alter gone = { .quota = now->quotas[i] };

		if (!pol_quota_filter_fits(&c->quota_filter, &now->quotas[i]))
			continue;
		err = pol_quota_list_add(c->quotas, &gone);
		if (!err)
			err = put(k, c, t, &(struct pol_quota){ .entity = now->quotas[i].entity });
	}
	return err;
}

const struct con_row con_quota_alter = {
	.name = "quota.alter",
	.judge = judge_alter,
	.write = write_alter,
};

const struct con_row con_quota_delete = {
	.name = "quota.delete",
	.judge = judge_delete,
	.write = write_delete,
};
