/* Changes. A row of `ops` says how a kind of change is judged and written; everything around it is the same for all:
 *
 *   con_judge: who, tenant, its state and revision, then ops[]->judge	-> need
 *   con_apply: con_judge again, BEGIN, ops[]->write (rows and audit), snapshot from the rows, COMMIT, publish
 *
 * The snapshot is built inside the transaction: what cannot be served is not committed. */
#include "control/op.h"

#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/meter.h>
#include <alcove/str.h>

#include <stdio.h>

enum con_need
con_end(struct con_change *c, enum alv_err err)
{
	c->err = err;
	return CON_NEED_END;
}

enum con_need
con_unchanged(struct con_change *c, const struct sto_tenant *t)
{
	c->revision = t->revision;
	return con_end(c, ALV_OK);
}

const struct pol_tenant *
con_snapshot(const struct con_core *k, const struct con_change *c)
{
	const struct pol_slot *slot = pol_dir_find(k->dir, alv_str_of(c->tenant));

	return slot == NULL ? NULL : pol_slot_load(slot);
}

enum alv_err
con_store_failed(struct con_core *k, struct con_change *c)
{
	const char *words = sto_words(k->store);

	k->store_bad = true;
	alv_log(ALV_LOG_ERROR, "the store failed", ALV_KV_Z("error", words));
	return con_say(c, ALV_E_STORE, "%s", words[0] == '\0' ? alv_err_text(ALV_E_STORE) : words);
}

/* ---- judging ------------------------------------------------------------------------------------------------ */

static const struct con_row *const ops[] = {
	[CON_TENANT_CREATE] = &con_tenant_create,
	[CON_TENANT_UPDATE] = &con_tenant_update,
	[CON_TENANT_SUSPEND] = &con_tenant_suspend,
	[CON_TENANT_RESUME] = &con_tenant_resume,
	[CON_TENANT_DELETE] = &con_tenant_delete,
	[CON_USER_PUT] = &con_user_put,
	[CON_USER_DELETE] = &con_user_delete,
	[CON_USER_CREDENTIALS] = &con_user_credentials,
	[CON_USERS_ALTER] = &con_users_alter,
	[CON_USERS_DELETE] = &con_users_delete,
	[CON_ALIAS_PUT] = &con_alias_put,
	[CON_ALIAS_DELETE] = &con_alias_delete,
	[CON_ACL_CREATE] = &con_acl_create,
	[CON_ACL_DELETE] = &con_acl_delete,
	[CON_ACL_REPLACE] = &con_acl_replace,
	[CON_QUOTA_ALTER] = &con_quota_alter,
	[CON_QUOTA_DELETE] = &con_quota_delete,
};

/* The tenant must be there, or must not. */
static enum alv_err
judge_tenant(struct con_core *k, struct con_change *c, const struct con_row *op, struct sto_tenant *t)
{
	enum alv_err err;

	if (op->makes && con_check_id(c))
		return c->err;
	err = sto_tenant_get(k->store, alv_str_of(c->tenant), t);
	if (err == ALV_E_STORE)
		return con_store_failed(k, c);
	if (op->makes && err == ALV_OK)
		return t->state != POL_DELETED ? con_say(c, ALV_E_EXISTS, "there is a tenant %s already", t->id) :
		    con_say(c, ALV_E_CONFLICT, "the id %s is reserved until its purge is complete: %s", t->id,
		    t->purging ? "the purge is under way" : "the tenant was deleted and its data kept; delete it with purge to free the id");
	if (op->makes)
		return ALV_OK;
	if (err)
		return con_say(c, ALV_E_NOT_FOUND, "there is no such tenant");
	if (t->state == POL_DELETED && !op->deleted)
		return con_say(c, ALV_E_CONFLICT, "tenant %s is deleted", t->id);
	if (c->if_revision != 0 && c->if_revision != t->revision)
		return con_say(c, ALV_E_STALE, "tenant %s has revision %llu, expected %llu", t->id, (unsigned long long)t->revision,
		    (unsigned long long)c->if_revision);
	return ALV_OK;
}

static enum con_need
judge(struct con_core *k, struct con_change *c, struct sto_tenant *t)
{
	c->err = ALV_OK;
	c->detail[0] = '\0';
	c->created = false;
	if ((unsigned)c->op >= ALV_COUNT(ops)) {
		con_say(c, ALV_E_UNSUPPORTED, "no such change");
		return CON_NEED_END;
	}
	if (con_check_origin(c) || judge_tenant(k, c, ops[c->op], t))
		return CON_NEED_END;
	return ops[c->op]->judge(k, c, t);
}

enum con_need
con_judge(struct con_core *k, struct con_change *c)
{
	struct sto_tenant t;

	return judge(k, c, &t);
}

/* ---- writing and publishing ---------------------------------------------------------------------------------- */

static enum alv_err
snapshot(struct con_core *k, struct alv_str id, struct pol_tenant **out)
{
	struct sto_parts p;
	enum alv_err	 err = sto_parts_load(k->store, id, &p);

	if (err)
		return err;
	*out = pol_build(&p.parts);
	sto_parts_fini(&p);
	return *out == NULL ? ALV_E_NOMEM : ALV_OK;
}

/* What was committed must be seen. If there is no memory for it now, the control's timer tries again. */
static void
publish(struct con_core *k, struct alv_str id, struct pol_tenant *t)
{
	if (pol_dir_publish(k->dir, id, t)) {
		k->unpublished = true;
		pol_tenant_free(t);
		return;
	}
	k->on_publish(k->arg);
}

static enum alv_err
write_all(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys,
    struct pol_tenant **snap)
{
	const struct sto_who who = { c->actor, c->origin, c->native };
	size_t		     dropped = 0;
	enum alv_err	     err = sto_begin(k->store, &who);

	if (err)
		return err;
	err = ops[c->op]->write(k, c, t, keys);
	if (!err && c->native)
		err = sto_audit_trim(k->store, alv_str_of(c->tenant), k->audit_native_rows, &dropped);
	if (!err)
		err = snapshot(k, alv_str_of(c->tenant), snap);
	if (err) {
		sto_rollback(k->store);
		return err;
	}
	err = sto_commit(k->store);
	if (!err)
		met_process_add(MET_AUDIT_DROPPED, (int64_t)dropped);
	return err;
}

void
con_apply(struct con_core *k, struct con_change *c, const struct pol_scram *keys)
{
	struct sto_tenant  t;
	struct pol_tenant *snap = NULL;
	enum con_need	   need = judge(k, c, &t);
	enum alv_err	   err;

	if (need == CON_NEED_END)
		return;
	ALV_CHECK(need != CON_NEED_KEYS || keys != NULL || c->credentials != NULL);
	err = write_all(k, c, &t, keys, &snap);
	if (!err) {
		k->store_bad = false;
		publish(k, alv_str_of(c->tenant), snap);
		alv_log(ALV_LOG_INFO, "changed", ALV_KV_Z("what", ops[c->op]->name), ALV_KV_Z("tenant", c->tenant),
		    ALV_KV_Z("actor", c->actor), ALV_KV_Z("origin", c->origin), ALV_KV_I("revision", c->revision));
		return;
	}
	pol_tenant_free(snap);
	c->created = false;
	c->revision = 0;
	c->changed = c->removed = c->made = 0;
	if (err == ALV_E_STORE)
		con_store_failed(k, c);
	else if (c->err != err)		/* who wrote has said nothing of it */
		con_say(c, err, "nothing was changed: %s", alv_err_text(err));
}

/* ---- the end of a purge ----------------------------------------------------------------------------------------- */

/* By the same way as any other change: with audit and snapshot. */
static enum alv_err
drop_alias(struct con_core *k, const struct sto_alias *a)
{
	struct con_change c = { .op = CON_ALIAS_DELETE, .alias_kind = a->kind };

	snprintf(c.actor, sizeof(c.actor), "alcove");
	snprintf(c.origin, sizeof(c.origin), "purge of the target's tenant");
	snprintf(c.tenant, sizeof(c.tenant), "%s", a->tenant);
	snprintf(c.virt, sizeof(c.virt), "%s", a->virt);
	con_apply(k, &c, NULL);
	return c.err;
}

static enum alv_err
remove_tenant(struct con_core *k, struct alv_str id)
{
	static const struct sto_who who = { .actor = "alcove", .origin = "purge complete" };
	enum alv_err err = sto_begin(k->store, &who);

	if (err)
		return err;
	err = sto_tenant_remove(k->store, id, "tenant.purged");
	if (!err)
		return sto_commit(k->store);
	sto_rollback(k->store);
	return err;
}

enum alv_err
con_purged(struct con_core *k, struct alv_str id)
{
	char		 prefix[TEN_ID_MAX + 2];
	struct sto_alias a;
	enum alv_err	 err;

	snprintf(prefix, sizeof(prefix), "%.*s.", ALV_STR_ARG(id));
	while ((err = sto_alias_into(k->store, id, alv_str_of(prefix), &a)) == ALV_OK)
		if ((err = drop_alias(k, &a)) != ALV_OK)
			return err;
	if (err == ALV_E_NOT_FOUND)
		err = remove_tenant(k, id);
	if (err) {
		k->store_bad = err == ALV_E_STORE;
		return err;
	}
	publish(k, id, NULL);
	return ALV_OK;
}

enum alv_err
con_publish_all(struct con_core *k)
{
	struct sto_tenant  t = { .id = "" };
	struct pol_tenant *snap;
	enum alv_err	   err;

	k->unpublished = false;
	while ((err = sto_tenant_next(k->store, alv_str_of(t.id), &t)) == ALV_OK) {
		snap = NULL;
		err = snapshot(k, alv_str_of(t.id), &snap);
		if (err)
			break;
		publish(k, alv_str_of(t.id), snap);
	}
	if (err == ALV_E_NOT_FOUND)
		return k->unpublished ? ALV_E_NOMEM : ALV_OK;
	k->unpublished = true;
	return err;
}
