/* SCRAM credentials, many at once: imported, or by Kafka's AlterUserScramCredentials. All or nothing, or, where c->some_may_fail, each
 * for itself. Whoever has none yet becomes a user by the first one. With the last one a user goes, unless it is disabled: else who
 * may alter credentials could undo that. */
#include "control/op.h"

#include <alcove/authn.h>
#include <alcove/str.h>

#include <stdio.h>

static const struct pol_user *
find(const struct con_core *k, const struct con_change *c, const char *name)
{
	const struct pol_tenant *t = con_snapshot(k, c);

	return t == NULL ? NULL : pol_user_find(t, alv_str_of(name));
}

enum alv_err
con_check_keys(struct con_change *c, const char *user, const struct pol_scram *k)
{
	if (k->iterations < AUT_ITERATIONS_MIN || k->iterations > AUT_ITERATIONS_MAX)
		return con_say(c, ALV_E_RANGE, "user \"%s\": found %u iterations, expected %d to %d", user, k->iterations, AUT_ITERATIONS_MIN,
		    AUT_ITERATIONS_MAX);
	if (k->salt_n == 0 || k->salt_n > sizeof(k->salt))
		return con_say(c, ALV_E_LENGTH, "user \"%s\": found a salt of %u bytes, expected 1 to %zu", user, k->salt_n, sizeof(k->salt));
	return ALV_OK;
}

/* One of them, as far as it can be judged by itself. */
static enum alv_err
check(const struct con_core *k, struct con_change *c, const struct pol_credential *x)
{
	const struct pol_user *u;

	if ((unsigned)x->mechanism >= POL_MECHANISMS || memchr(x->user, '\0', sizeof(x->user)) == NULL)
		return con_say(c, ALV_E_VALUE, "a credential without a mechanism, or a name without an end");
	snprintf(c->user, sizeof(c->user), "%s", x->user);
	if (!x->remove)
		return con_check_user(c) ? c->err : con_check_keys(c, x->user, &x->keys);
	u = find(k, c, x->user);
	if (u == NULL || !u->scram[x->mechanism].present)
		return con_say(c, ALV_E_NOT_FOUND, "user \"%s\" has no credential for %s", x->user, pol_mechanism_name(x->mechanism));
	return ALV_OK;
}

static enum con_need
judge_credentials(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	size_t good = 0;
	bool   salted = false;

	c->changed = 0;
	if (c->credentials == NULL || c->credentials->n > POL_CREDENTIALS_MAX)
		return con_end(c, con_say(c, ALV_E_LENGTH, "expected at most %d credentials", POL_CREDENTIALS_MAX));
	for (size_t i = 0; i < c->credentials->n; i++) {
		struct pol_credential *x = &c->credentials->item[i];

		x->err = check(k, c, x);
		if (x->err && !c->some_may_fail)
			return con_end(c, x->err);
		good += x->err == ALV_OK;
		salted |= x->err == ALV_OK && x->salted_set;
	}
	c->err = ALV_OK;
	c->user[0] = '\0';	/* was only borrowed */
	if (good == 0)
		return con_unchanged(c, t);
	return salted ? CON_NEED_KEYS : CON_NEED_NOTHING;
}

static enum alv_err
put(struct con_core *k, struct con_change *c, const struct sto_tenant *t, const struct pol_credential *x)
{
	struct pol_user u = { .name = alv_str_of(x->user), .enabled = true };
	uint64_t	revision;
	enum alv_err	err = sto_user_get(k->store, alv_str_of(t->id), u.name, &u.enabled, &revision);

	if (err == ALV_E_NOT_FOUND) {
		c->created = true;
		err = ALV_OK;
	}
	u.scram[x->mechanism] = x->keys;
	u.scram[x->mechanism].present = true;
	if (!err)
		err = sto_user_put(k->store, alv_str_of(t->id), &u);
	explicit_bzero(u.scram, sizeof(u.scram));
	c->revision = u.revision;
	return err;
}

static enum alv_err
take_away(struct con_core *k, struct con_change *c, const struct sto_tenant *t, const struct pol_credential *x)
{
	struct alv_str name = alv_str_of(x->user);
	uint64_t       revision;
	bool	       enabled = false;
	size_t	       left;
	enum alv_err   err = sto_user_drop_keys(k->store, alv_str_of(t->id), name, x->mechanism, &left, &c->revision);

	if (!err)
		err = sto_user_get(k->store, alv_str_of(t->id), name, &enabled, &revision);
	return err || left > 0 || !enabled ? err : sto_user_delete(k->store, alv_str_of(t->id), name, &c->revision);
}

enum alv_err
con_check_users(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	size_t	     n = 0;
	enum alv_err err = sto_user_count(k->store, alv_str_of(t->id), &n);

	if (!err && n > POL_USERS_MAX)
		return con_say(c, ALV_E_LIMIT, "tenant %s would have %zu users, expected at most %d; nothing was changed", t->id, n,
		    POL_USERS_MAX);
	return err;
}

static enum alv_err
write_credentials(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	enum alv_err err = ALV_OK;

	(void)keys;
	c->changed = 0;
	for (size_t i = 0; !err && i < c->credentials->n; i++) {
		const struct pol_credential *x = &c->credentials->item[i];

		if (x->err != ALV_OK)
			continue;
		err = x->remove ? take_away(k, c, t, x) : put(k, c, t, x);
		c->changed++;
	}
	return err ? err : con_check_users(k, c, t);
}

const struct con_row con_user_credentials = {
	.name = "user.credentials",
	.judge = judge_credentials,
	.write = write_credentials,
};
