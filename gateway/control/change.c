/* Changes. A row of `ops` says how a kind of change is judged and written; everything around it is the same for all:
 *
 *   con_judge: who, tenant, its state and revision, then ops[].judge	-> need
 *   con_apply: con_judge again, BEGIN, ops[].write (rows and audit), snapshot from the rows, COMMIT, publish
 *
 * The snapshot is built inside the transaction: what cannot be served is not committed. */
#include "control/change.h"

#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <stdio.h>

struct op_row {
	const char *name;
	bool	    makes;	/* the tenant must not be there; else it must, and not be deleted unless `deleted` */
	bool	    deleted;
	enum con_need (*judge)(struct con_core *k, struct con_change *c, const struct sto_tenant *t);
	enum alv_err (*write)(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys);
};

static enum con_need
end(struct con_change *c, enum alv_err err)
{
	c->err = err;
	return CON_NEED_END;
}

/* Nothing to change: done, with the revision there is. */
static enum con_need
unchanged(struct con_change *c, const struct sto_tenant *t)
{
	c->revision = t->revision;
	return end(c, ALV_OK);
}

static enum alv_err
store_failed(struct con_core *k, struct con_change *c)
{
	const char *words = sto_words(k->store);

	k->store_bad = true;
	alv_log(ALV_LOG_ERROR, "the store failed", ALV_KV_Z("error", words));
	return con_say(c, ALV_E_STORE, "%s", words[0] == '\0' ? alv_err_text(ALV_E_STORE) : words);
}

/* ---- host names of a tenant's own ----------------------------------------------------------------------- */

static enum alv_err
judge_own(struct con_core *k, struct con_change *c)
{
	struct ten_own own[TEN_OWN_MAX];
	enum alv_err   err = c->own_set ? con_check_own(k, c, own) : ALV_OK;

	return err == ALV_E_STORE ? store_failed(k, c) : err;
}

/* ---- tenants ------------------------------------------------------------------------------------------- */

static enum con_need
judge_create(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	char		 prefix[TEN_ID_MAX + 2];
	struct sto_alias a;
	enum alv_err	 err;

	(void)t;
	if (con_check_fits(k->conf, c) || con_check_display_name(c) || judge_own(k, c))
		return CON_NEED_END;
	if (c->adopt_prefix)
		return CON_NEED_NOTHING;
	snprintf(prefix, sizeof(prefix), "%.32s.", c->tenant);
	err = sto_alias_into(k->store, alv_str_of(c->tenant), alv_str_of(prefix), &a);
	if (err == ALV_E_NOT_FOUND)
		return CON_NEED_SCAN;
	if (err)
		return end(c, store_failed(k, c));
	return end(c, con_say(c, ALV_E_CONFLICT, "the %s alias \"%s\" of tenant %s leads to \"%s\", which would be the new "
	    "tenant's: remove it, or adopt the prefix", con_kind_name(a.kind), a.virt, a.tenant, a.phys));
}

/* Until ACLs can be edited: a tenant's users may do everything in it. */
static enum alv_err
add_rules(struct con_core *k, struct alv_str id)
{
	static const enum pol_resource resources[] = { POL_TOPIC, POL_GROUP, POL_CLUSTER, POL_TXN, POL_TOKEN, POL_USER };
	enum alv_err err = ALV_OK;

	for (size_t i = 0; !err && i < ALV_COUNT(resources); i++) {
		struct pol_rule r = { .resource = resources[i], .pattern = POL_LITERAL, .name = ALV_STR("*"),
			.principal = ALV_STR("User:*"), .host = ALV_STR("*"), .op = POL_OP_ALL, .permission = POL_ALLOW };

		err = sto_rule_add(k->store, id, &r);
	}
	return err;
}

static enum alv_err
write_create(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	struct ten_own own[TEN_OWN_MAX];
	enum alv_err   err;

	(void)keys;
	*t = (struct sto_tenant){ .state = POL_ACTIVE };
	snprintf(t->id, sizeof(t->id), "%.32s", c->tenant);
	snprintf(t->display_name, sizeof(t->display_name), "%s", c->display_name[0] == '\0' ? c->tenant : c->display_name);
	err = con_own_give(c, t, own);
	if (!err)
		err = sto_tenant_add(k->store, t);
	if (!err)
		err = add_rules(k, alv_str_of(t->id));
	c->created = true;
	c->revision = t->revision;
	return err;
}

static enum con_need
judge_update(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	bool same = c->keep_display_name || strcmp(c->display_name, t->display_name) == 0;

	if ((!c->keep_display_name && con_check_display_name(c)) || judge_own(k, c))
		return CON_NEED_END;
	return same && (!c->own_set || con_own_same(k, c)) ? unchanged(c, t) : CON_NEED_NOTHING;
}

static enum con_need
judge_suspend(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	(void)k;
	return t->state == POL_SUSPENDED ? unchanged(c, t) : CON_NEED_NOTHING;
}

static enum con_need
judge_resume(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	(void)k;
	return t->state == POL_ACTIVE ? unchanged(c, t) : CON_NEED_NOTHING;
}

static enum con_need
judge_delete(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	(void)k;
	return t->state == POL_DELETED && (t->purging || !c->purge) ? unchanged(c, t) : CON_NEED_NOTHING;
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
	enum alv_err   err = con_own_give(c, t, own);

	(void)keys;
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

/* ---- users --------------------------------------------------------------------------------------------- */

static enum con_need
judge_user_put(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	bool	     enabled = false;
	uint64_t     revision;
	enum alv_err err;

	if (con_check_user(c) || (c->password[0] != '\0' && con_check_password(c)))
		return CON_NEED_END;
	err = sto_user_get(k->store, alv_str_of(t->id), alv_str_of(c->user), &enabled, &revision);
	if (err && err != ALV_E_NOT_FOUND)
		return end(c, store_failed(k, c));
	c->created = err == ALV_E_NOT_FOUND;
	if (!c->created && c->if_absent)
		return end(c, con_say(c, ALV_E_EXISTS, "tenant %s has a user \"%s\" already", t->id, c->user));
	if (c->created && c->password[0] == '\0')
		return end(c, con_say(c, ALV_E_MISSING, "a new user needs a password"));
	if (!c->enabled_set)
		c->enabled = c->created || enabled;
	if (c->password[0] != '\0')
		return CON_NEED_KEYS;
	return c->enabled == enabled ? unchanged(c, t) : CON_NEED_NOTHING;
}

static enum alv_err
write_user_put(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	struct pol_user u = { .name = alv_str_of(c->user), .enabled = c->enabled };
	enum alv_err	err;

	for (int m = 0; keys != NULL && m < POL_MECHANISMS; m++)
		u.scram[m] = keys[m];
	err = sto_user_put(k->store, alv_str_of(t->id), &u);
	explicit_bzero(u.scram, sizeof(u.scram));
	c->revision = u.revision;
	return err;
}

static enum con_need
judge_user_delete(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	bool	     enabled;
	uint64_t     revision;
	enum alv_err err;

	err = sto_user_get(k->store, alv_str_of(t->id), alv_str_of(c->user), &enabled, &revision);
	if (err == ALV_E_NOT_FOUND)
		return end(c, con_say(c, err, "tenant %s has no such user", t->id));
	return err ? end(c, store_failed(k, c)) : CON_NEED_NOTHING;
}

static enum alv_err
write_user_delete(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	(void)keys;
	return sto_user_delete(k->store, alv_str_of(t->id), alv_str_of(c->user), &c->revision);
}

/* ---- aliases --------------------------------------------------------------------------------------------- */

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
		return end(c, store_failed(k, c));
	c->created = err == ALV_E_NOT_FOUND;
	if (!c->created && c->if_absent)
		return end(c, con_say(c, ALV_E_EXISTS, "tenant %s has the %s alias \"%s\" already, to \"%s\"", t->id,
		    con_kind_name(now.kind), now.virt, now.phys));
	if (!c->created && strcmp(now.phys, c->phys) == 0 && now.writable == c->writable)
		return unchanged(c, t);
	err = sto_alias_of(k->store, id, c->alias_kind, alv_str_of(c->phys), &same);
	if (err && err != ALV_E_NOT_FOUND)
		return end(c, store_failed(k, c));
	if (!err && strcmp(same.virt, c->virt) != 0)
		return end(c, con_say(c, ALV_E_CONFLICT, "\"%s\" is known to the tenant as \"%s\" already: one alias for each target",
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
		return end(c, con_say(c, err, "tenant %s has no such %s alias", t->id, con_kind_name(c->alias_kind)));
	return err ? end(c, store_failed(k, c)) : CON_NEED_NOTHING;
}

static enum alv_err
write_alias_delete(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	struct sto_alias a = alias_of(c, t);

	(void)keys;
	return sto_alias_delete(k->store, &a, &c->revision);
}

/* ---- the table -------------------------------------------------------------------------------------------- */

static const struct op_row ops[] = {
	[CON_TENANT_CREATE] = { "tenant.create", true, false, judge_create, write_create },
	[CON_TENANT_UPDATE] = { "tenant.update", false, false, judge_update, write_update },
	[CON_TENANT_SUSPEND] = { "tenant.suspend", false, false, judge_suspend, write_suspend },
	[CON_TENANT_RESUME] = { "tenant.resume", false, false, judge_resume, write_resume },
	[CON_TENANT_DELETE] = { "tenant.delete", false, true, judge_delete, write_delete },
	[CON_USER_PUT] = { "user.put", false, false, judge_user_put, write_user_put },
	[CON_USER_DELETE] = { "user.delete", false, false, judge_user_delete, write_user_delete },
	[CON_ALIAS_PUT] = { "alias.put", false, false, judge_alias_put, write_alias_put },
	[CON_ALIAS_DELETE] = { "alias.delete", false, true, judge_alias_delete, write_alias_delete },
};

/* The tenant must be there, or must not. */
static enum alv_err
judge_tenant(struct con_core *k, struct con_change *c, const struct op_row *op, struct sto_tenant *t)
{
	enum alv_err err;

	if (op->makes && con_check_id(c))
		return c->err;
	err = sto_tenant_get(k->store, alv_str_of(c->tenant), t);
	if (err == ALV_E_STORE)
		return store_failed(k, c);
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
	if (con_check_origin(c) || judge_tenant(k, c, &ops[c->op], t))
		return CON_NEED_END;
	return ops[c->op].judge(k, c, t);
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
	const struct sto_who who = { c->actor, c->origin };
	enum alv_err	     err = sto_begin(k->store, &who);

	if (err)
		return err;
	err = ops[c->op].write(k, c, t, keys);
	if (!err)
		err = snapshot(k, alv_str_of(c->tenant), snap);
	if (!err)
		return sto_commit(k->store);
	sto_rollback(k->store);
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
	ALV_CHECK(need != CON_NEED_KEYS || keys != NULL);
	err = write_all(k, c, &t, keys, &snap);
	if (!err) {
		k->store_bad = false;
		publish(k, alv_str_of(c->tenant), snap);
		alv_log(ALV_LOG_INFO, "changed", ALV_KV_Z("what", ops[c->op].name), ALV_KV_Z("tenant", c->tenant),
		    ALV_KV_Z("actor", c->actor), ALV_KV_Z("origin", c->origin), ALV_KV_I("revision", c->revision));
		return;
	}
	pol_tenant_free(snap);
	c->created = false;
	c->revision = 0;
	if (err == ALV_E_STORE)
		store_failed(k, c);
	else
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
	static const struct sto_who who = { "alcove", "purge complete" };
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
