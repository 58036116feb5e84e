/* Users of a tenant. See op.h. */
#include "control/op.h"

#include <alcove/str.h>

#include <string.h>

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
		return con_end(c, con_store_failed(k, c));
	c->created = err == ALV_E_NOT_FOUND;
	if (!c->created && c->if_absent)
		return con_end(c, con_say(c, ALV_E_EXISTS, "tenant %s has a user \"%s\" already", t->id, c->user));
	if (c->created && c->password[0] == '\0')
		return con_end(c, con_say(c, ALV_E_MISSING, "a new user needs a password"));
	if (!c->enabled_set)
		c->enabled = c->created || enabled;
	if (c->password[0] != '\0')
		return CON_NEED_KEYS;
	return c->enabled == enabled ? con_unchanged(c, t) : CON_NEED_NOTHING;
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
