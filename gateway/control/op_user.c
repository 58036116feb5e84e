/* Users of a tenant. See op.h. */
#include "control/op.h"

#include <alcove/str.h>

#include <string.h>

/* In the place of a password: each mechanism once at most, and one at least. */
static enum alv_err
check_credentials(struct con_change *c)
{
	const struct pol_credentials *l = c->credentials;
	bool			      seen[POL_MECHANISMS] = { false };

	if (l->n == 0 || c->password[0] != '\0')
		return con_say(c, ALV_E_VALUE, l->n == 0 ? "expected one credential at least" : "found credentials beside a password, expected one of them");
	for (size_t i = 0; i < l->n; i++) {
		const struct pol_credential *x = &l->item[i];

		if ((unsigned)x->mechanism >= POL_MECHANISMS || x->remove || x->salted_set || seen[x->mechanism])
			return con_say(c, ALV_E_VALUE, "found a mechanism twice, or one that is not known");
		seen[x->mechanism] = true;
		if (con_check_keys(c, c->user, &x->keys))
			return c->err;
	}
	return ALV_OK;
}

/* Keys that the list does not name go. */
static enum alv_err
drop_others(struct con_core *k, const struct con_change *c, const struct sto_tenant *t, struct pol_user *u)
{
	enum alv_err err = ALV_OK;
	size_t	     left;

	for (int m = 0; !err && c->credentials != NULL && m < POL_MECHANISMS; m++) {
		if (u->scram[m].present)
			continue;
		err = sto_user_drop_keys(k->store, alv_str_of(t->id), u->name, (enum pol_mechanism)m, &left, &u->revision);
		err = err == ALV_E_NOT_FOUND ? ALV_OK : err;
	}
	return err;
}

/* The snapshot is what the store says. */
static bool
same_groups(const struct con_core *k, const struct con_change *c)
{
	const struct pol_tenant *t = con_snapshot(k, c);
	const struct pol_user	*u = t == NULL ? NULL : pol_user_find(t, alv_str_of(c->user));

	if (c->groups == NULL)
		return true;
	if (u == NULL || u->ngroups != c->groups->n)
		return u == NULL && c->groups->n == 0;
	for (size_t i = 0; i < u->ngroups; i++)
		if (!alv_str_eq(u->groups[i], c->groups->name[i]))
			return false;
	return true;
}

static enum con_need
judge_user_put(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	bool	     enabled = false;
	uint64_t     revision;
	enum alv_err err;

	if (con_check_user(c) || (c->password[0] != '\0' && con_check_password(c)) || (c->credentials != NULL && check_credentials(c)))
		return CON_NEED_END;
	err = sto_user_get(k->store, alv_str_of(t->id), alv_str_of(c->user), &enabled, &revision);
	if (err && err != ALV_E_NOT_FOUND)
		return con_end(c, con_store_failed(k, c));
	c->created = err == ALV_E_NOT_FOUND;
	if (!c->created && c->if_absent)
		return con_end(c, con_say(c, ALV_E_EXISTS, "tenant %s has a user \"%s\" already", t->id, c->user));
	if (c->created && c->password[0] == '\0' && c->credentials == NULL)
		return con_end(c, con_say(c, ALV_E_MISSING, "a new user needs a password, or SCRAM credentials"));
	if (!c->enabled_set)
		c->enabled = c->created || enabled;
	if (c->password[0] != '\0')
		return CON_NEED_KEYS;
	return c->enabled == enabled && c->credentials == NULL && same_groups(k, c) ? con_unchanged(c, t) : CON_NEED_NOTHING;
}

/* The user and its keys. */
static enum alv_err
write_user(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	struct pol_user u = { .name = alv_str_of(c->user), .enabled = c->enabled };
	enum alv_err	err;

	for (int m = 0; keys != NULL && m < POL_MECHANISMS; m++)
		u.scram[m] = keys[m];
	for (size_t i = 0; c->credentials != NULL && i < c->credentials->n; i++) {
		u.scram[c->credentials->item[i].mechanism] = c->credentials->item[i].keys;
		u.scram[c->credentials->item[i].mechanism].present = true;
	}
	err = sto_user_put(k->store, alv_str_of(t->id), &u);
	if (!err)
		err = drop_others(k, c, t, &u);
	explicit_bzero(u.scram, sizeof(u.scram));
	c->revision = u.revision;
	return err;
}

enum alv_err
con_user_write(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	uint64_t     revision;
	bool	     enabled = false;
	enum alv_err err = sto_user_get(k->store, alv_str_of(t->id), alv_str_of(c->user), &enabled, &revision);

	if (err && err != ALV_E_NOT_FOUND)
		return err;
	c->created = err == ALV_E_NOT_FOUND;
	if (!c->enabled_set)
		c->enabled = c->created || enabled;
	/* What is said of groups alone leaves the user's connections alone. */
	if (c->created || keys != NULL || c->credentials != NULL || enabled != c->enabled)
		err = write_user(k, c, t, keys);
	return err || same_groups(k, c) ? err : sto_user_groups(k->store, alv_str_of(t->id), alv_str_of(c->user), c->groups, &c->revision);
}

static enum alv_err
write_user_put(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	enum alv_err err = con_user_write(k, c, t, keys);

	return err ? err : con_check_users(k, c, t);
}

static enum con_need
judge_user_delete(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	bool	     enabled;
	uint64_t     revision;
	enum alv_err err;

	err = sto_user_get(k->store, alv_str_of(t->id), alv_str_of(c->user), &enabled, &revision);
	if (err == ALV_E_NOT_FOUND)
		return con_end(c, con_say(c, err, "tenant %s has no such user", t->id));
	return err ? con_end(c, con_store_failed(k, c)) : CON_NEED_NOTHING;
}

static enum alv_err
write_user_delete(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	(void)keys;
	return sto_user_delete(k->store, alv_str_of(t->id), alv_str_of(c->user), &c->revision);
}

const struct con_row con_user_put = {
	.name = "user.put",
	.judge = judge_user_put,
	.write = write_user_put,
};

const struct con_row con_user_delete = {
	.name = "user.delete",
	.judge = judge_user_delete,
	.write = write_user_delete,
};
