/* Tenants, made and changed. See op.h. */
#include "control/op.h"

#include <alcove/str.h>

#include <stdio.h>

static enum alv_err
judge_own(struct con_core *k, struct con_change *c)
{
	struct ten_own own[TEN_OWN_MAX];
	enum alv_err   err = c->own_set ? con_check_own(k, c, own) : ALV_OK;

	return err == ALV_E_STORE ? con_store_failed(k, c) : err;
}

static enum con_need
judge_create(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	char		 prefix[TEN_ID_MAX + 2];
	struct sto_alias a;
	enum alv_err	 err;

	(void)t;
	if (con_check_fits(k->conf, c) || con_check_display_name(c) || con_check_supers(c) || con_check_auto_create(c) || judge_own(k, c))
		return CON_NEED_END;
	if (c->adopt_prefix)
		return CON_NEED_NOTHING;
	snprintf(prefix, sizeof(prefix), "%.32s.", c->tenant);
	err = sto_alias_into(k->store, alv_str_of(c->tenant), alv_str_of(prefix), &a);
	if (err == ALV_E_NOT_FOUND)
		return CON_NEED_SCAN;
	if (err)
		return con_end(c, con_store_failed(k, c));
	return con_end(c, con_say(c, ALV_E_CONFLICT, "the %s alias \"%s\" of tenant %s leads to \"%s\", which would be the new "
	    "tenant's: remove it, or adopt the prefix", con_kind_name(a.kind), a.virt, a.tenant, a.phys));
}

static enum alv_err
write_create(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	struct ten_own own[TEN_OWN_MAX];
	struct alv_str supers[POL_SUPERS_MAX];
	enum alv_err   err;

	(void)keys;
	*t = (struct sto_tenant){ .state = POL_ACTIVE, .authorizer = POL_AUTHORIZER_NONE, .auto_create = { false, -1, -1 } };
	con_access_give(c, t, supers);
	snprintf(t->id, sizeof(t->id), "%.32s", c->tenant);
	snprintf(t->display_name, sizeof(t->display_name), "%s", c->display_name[0] == '\0' ? c->tenant : c->display_name);
	err = con_own_give(c, t, own);
	if (!err)
		err = sto_tenant_add(k->store, t);
	c->created = true;
	c->revision = t->revision;
	return err;
}

static enum con_need
judge_update(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	bool same = c->keep_display_name || strcmp(c->display_name, t->display_name) == 0;

	if ((!c->keep_display_name && con_check_display_name(c)) || con_check_supers(c) || con_check_auto_create(c) || judge_own(k, c))
		return CON_NEED_END;
	return same && con_access_same(k, c, t) && (!c->own_set || con_own_same(k, c)) ? con_unchanged(c, t) : CON_NEED_NOTHING;
}

static enum con_need
judge_suspend(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	(void)k;
	return t->state == POL_SUSPENDED ? con_unchanged(c, t) : CON_NEED_NOTHING;
}

static enum con_need
judge_resume(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	(void)k;
	return t->state == POL_ACTIVE ? con_unchanged(c, t) : CON_NEED_NOTHING;
}

static enum con_need
judge_delete(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	(void)k;
	return t->state == POL_DELETED && (t->purging || !c->purge) ? con_unchanged(c, t) : CON_NEED_NOTHING;
}

static enum alv_err
write_tenant(struct con_core *k, struct con_change *c, struct sto_tenant *t, const char *what)
{
	enum alv_err err = sto_tenant_set(k->store, t, what);

	c->revision = t->revision;
	return err;
}

static enum alv_err
write_update(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	struct ten_own own[TEN_OWN_MAX];
	struct alv_str supers[POL_SUPERS_MAX];
	enum alv_err   err = con_own_give(c, t, own);

	(void)keys;
	con_access_give(c, t, supers);
	if (!c->keep_display_name)
		snprintf(t->display_name, sizeof(t->display_name), "%s", c->display_name[0] == '\0' ? t->id : c->display_name);
	return err ? err : write_tenant(k, c, t, "tenant.update");
}

static enum alv_err
write_suspend(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	(void)keys;
	t->state = POL_SUSPENDED;
	return write_tenant(k, c, t, "tenant.suspend");
}

static enum alv_err
write_resume(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	(void)keys;
	t->state = POL_ACTIVE;
	return write_tenant(k, c, t, "tenant.resume");
}

static enum alv_err
write_delete(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	(void)keys;
	t->state = POL_DELETED;
	t->own_set = true;	/* its host names are free for others */
	t->nown = 0;
	t->purging = c->purge;
	return write_tenant(k, c, t, c->purge ? "tenant.purge" : "tenant.delete");
}

const struct con_row con_tenant_create = {
	.name = "tenant.create",
	.makes = true,
	.judge = judge_create,
	.write = write_create,
};

const struct con_row con_tenant_update = {
	.name = "tenant.update",
	.judge = judge_update,
	.write = write_update,
};

const struct con_row con_tenant_suspend = {
	.name = "tenant.suspend",
	.judge = judge_suspend,
	.write = write_suspend,
};

const struct con_row con_tenant_resume = {
	.name = "tenant.resume",
	.judge = judge_resume,
	.write = write_resume,
};

const struct con_row con_tenant_delete = {
	.name = "tenant.delete",
	.deleted = true,
	.judge = judge_delete,
	.write = write_delete,
};
