/* Aliases of a tenant. See op.h. */
#include "control/op.h"

#include <alcove/str.h>

#include <stdio.h>

/* A topic that the tenant made itself would be hidden behind the alias. */
static enum alv_err
check_not_hiding(struct con_core *k, struct con_change *c)
{
	const struct clu_view *v = clu_board_load(k->board);
	char		       name[sizeof(c->tenant) + sizeof(c->virt) + 1];

	if (c->alias_kind != TEN_TOPIC)
		return ALV_OK;
	if (v == NULL)
		return con_say(c, ALV_E_UNAVAILABLE, "the physical cluster was not reached yet, so nobody knows whether the tenant "
		    "has a topic \"%s\" of its own", c->virt);
	snprintf(name, sizeof(name), "%s.%s", c->tenant, c->virt);
	if (clu_topic_find(v, alv_str_of(name)) == NULL)
		return ALV_OK;
	return con_say(c, ALV_E_CONFLICT, "the tenant has a topic \"%s\" of its own (%s): the alias would hide it", c->virt, name);
}

static enum con_need
judge_alias_put(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	struct alv_str	 id = alv_str_of(t->id);
	struct sto_alias now, same;
	enum alv_err	 err;

	if (con_check_alias(c))
		return CON_NEED_END;
	err = sto_alias_get(k->store, id, c->alias_kind, alv_str_of(c->virt), &now);
	if (err && err != ALV_E_NOT_FOUND)
		return con_end(c, con_store_failed(k, c));
	c->created = err == ALV_E_NOT_FOUND;
	if (!c->created && c->if_absent)
		return con_end(c, con_say(c, ALV_E_EXISTS, "tenant %s has the %s alias \"%s\" already, to \"%s\"", t->id,
		    con_kind_name(now.kind), now.virt, now.phys));
	if (!c->created && strcmp(now.phys, c->phys) == 0 && now.writable == c->writable)
		return con_unchanged(c, t);
	err = sto_alias_of(k->store, id, c->alias_kind, alv_str_of(c->phys), &same);
	if (err && err != ALV_E_NOT_FOUND)
		return con_end(c, con_store_failed(k, c));
	if (!err && strcmp(same.virt, c->virt) != 0)
		return con_end(c, con_say(c, ALV_E_CONFLICT, "\"%s\" is known to the tenant as \"%s\" already: one alias for each target",
		    c->phys, same.virt));
	return c->created && check_not_hiding(k, c) ? CON_NEED_END : CON_NEED_NOTHING;
}

static struct sto_alias
alias_of(const struct con_change *c, const struct sto_tenant *t)
{
	struct sto_alias a = { .kind = c->alias_kind, .writable = c->writable };

	snprintf(a.tenant, sizeof(a.tenant), "%s", t->id);
	snprintf(a.virt, sizeof(a.virt), "%s", c->virt);
	snprintf(a.phys, sizeof(a.phys), "%s", c->phys);
	return a;
}

static enum alv_err
write_alias_put(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	struct sto_alias a = alias_of(c, t);

	(void)keys;
	return sto_alias_put(k->store, &a, &c->revision);
}

static enum con_need
judge_alias_delete(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	struct sto_alias a;
	enum alv_err	 err;

	err = sto_alias_get(k->store, alv_str_of(t->id), c->alias_kind, alv_str_of(c->virt), &a);
	if (err == ALV_E_NOT_FOUND)
		return con_end(c, con_say(c, err, "tenant %s has no such %s alias", t->id, con_kind_name(c->alias_kind)));
	return err ? con_end(c, con_store_failed(k, c)) : CON_NEED_NOTHING;
}

static enum alv_err
write_alias_delete(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	struct sto_alias a = alias_of(c, t);

	(void)keys;
	return sto_alias_delete(k->store, &a, &c->revision);
}

const struct con_row con_alias_put = {
	.name = "alias.put",
	.judge = judge_alias_put,
	.write = write_alias_put,
};

const struct con_row con_alias_delete = {
	.name = "alias.delete",
	.deleted = true,
	.judge = judge_alias_delete,
	.write = write_alias_delete,
};
