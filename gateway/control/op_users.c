/* Users, many at once: made, changed and deleted, all or none; or those that a filter fits deleted, and told. Each is judged and written
 * as a change of one user is (op_user.c), of which the change has the fields borrowed meanwhile. */
#include "control/op.h"

#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>

/* What PBKDF2 may be asked for at once, for all passwords: some seconds of a thread's time. Keys from elsewhere cost nothing. */
enum { ITERATIONS_MAX = 2000000 };

/* ---- one of them ---------------------------------------------------------------------------------------- */

static void
borrow(struct con_change *c, const struct pol_user_item *x)
{
	memcpy(c->user, x->name, sizeof(c->user));
	c->if_absent = x->only_new;
	c->enabled = x->enabled;
	c->enabled_set = x->enabled_set;
	c->iterations = x->iterations;
	c->groups = x->groups;
	c->credentials = x->credentials;
	if (x->password != NULL)
		snprintf(c->password, sizeof(c->password), "%s", x->password);
}

static void
give_back(struct con_change *c)
{
	explicit_bzero(c->password, sizeof(c->password));
	c->user[0] = '\0';
	c->groups = NULL;
	c->credentials = NULL;
	c->if_absent = c->enabled = c->enabled_set = c->created = false;
	c->iterations = 0;
}

/* Which one it is, in front of what is wrong with it. */
static enum con_need
blame(struct con_change *c, size_t i)
{
	char words[sizeof(c->detail)];

	snprintf(words, sizeof(words), "%s", c->detail);
	(void)con_say(c, c->err, "users[%zu] (\"%s\"): %.1600s; nothing was changed", i, c->user, words);
	give_back(c);
	return CON_NEED_END;
}

/* ---- in the order of their names ------------------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
	const struct pol_user_item *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Pointers to the items, for free(); NULL: out of memory. */
static const struct pol_user_item **
sorted(const struct pol_user_list *l)
{
	const struct pol_user_item **all = calloc(l->n + 1, sizeof(struct pol_user_item *));

	for (size_t i = 0; all != NULL && i < l->n; i++)
		all[i] = &l->item[i];
	if (all != NULL)
		qsort(all, l->n, sizeof(struct pol_user_item *), by_name);
	return all;
}

static bool
named(const struct pol_user_item *const *all, size_t n, struct alv_str name)
{
	struct pol_user_item key, *at = &key;

	if (name.n >= sizeof(key.name))
		return false;
	memcpy(key.name, name.p, name.n);
	key.name[name.n] = '\0';
	return bsearch(&at, all, n, sizeof(struct pol_user_item *), by_name) != NULL;
}

/* ---- altering --------------------------------------------------------------------------------------------- */

static enum alv_err
check_list(struct con_change *c)
{
	const struct pol_user_item **all;

	if (c->users == NULL || c->users->n > POL_USERS_MAX)
		return con_say(c, ALV_E_LENGTH, "expected at most %d users", POL_USERS_MAX);
	for (size_t i = 0; i < c->users->n; i++)
		if (memchr(c->users->item[i].name, '\0', sizeof(c->users->item[i].name)) == NULL)
			return con_say(c, ALV_E_NAME, "users[%zu]: a name without an end", i);
	all = sorted(c->users);
	if (all == NULL)
		return con_say(c, ALV_E_NOMEM, "out of memory");
	for (size_t i = 1; i < c->users->n && c->err == ALV_OK; i++)
		if (by_name(&all[i - 1], &all[i]) == 0)
			(void)con_say(c, ALV_E_VALUE, "users[%zu] and users[%zu] are both \"%s\", expected a name once", (size_t)(all[i - 1] - c->users->item),
			    (size_t)(all[i] - c->users->item), all[i]->name);
	free(all);
	return c->err;
}

/* Somebody who is not in the list, where the list is all. */
static bool
any_left_over(const struct con_core *k, const struct con_change *c)
{
	const struct pol_tenant	    *t = con_snapshot(k, c);
	const struct pol_user_item **all = c->users_all && t != NULL ? sorted(c->users) : NULL;
	bool			     found = false;

	for (size_t i = 0; all != NULL && !found && i < t->nusers; i++)
		found = !named(all, c->users->n, t->users[i].name);
	free(all);
	return found;
}

static enum con_need
judge_alter(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	enum con_need all = CON_NEED_END;
	uint64_t      work = 0;

	c->changed = c->removed = c->made = 0;
	if (check_list(c))
		return CON_NEED_END;
	for (size_t i = 0; i < c->users->n; i++) {
		struct pol_user_item *x = &c->users->item[i];
		enum con_need	      need;

		borrow(c, x);
		need = x->remove ? con_user_delete.judge(k, c, t) : con_user_put.judge(k, c, t);
		if (c->err)
			return blame(c, i);
		x->changes = need != CON_NEED_END;
		if (need == CON_NEED_KEYS)
			work += 2 * (uint64_t)(x->iterations != 0 ? x->iterations : k->iterations);
		if (x->changes && all != CON_NEED_KEYS)
			all = need;
		give_back(c);
	}
	if (work > ITERATIONS_MAX)
		return con_end(c, con_say(c, ALV_E_LIMIT, "found passwords whose keys take %llu iterations in all, expected at most %d: send fewer at once, "
		    "or SCRAM credentials", (unsigned long long)work, ITERATIONS_MAX));
	if (all == CON_NEED_END && any_left_over(k, c))
		all = CON_NEED_NOTHING;
	return all == CON_NEED_END ? con_unchanged(c, t) : all;
}

static enum alv_err
remove_one(struct con_core *k, struct con_change *c, struct sto_tenant *t, struct alv_str name)
{
	enum alv_err err;

	snprintf(c->user, sizeof(c->user), "%.*s", ALV_STR_ARG(name));
	err = con_user_delete.write(k, c, t, NULL);
	c->removed += !err;
	c->user[0] = '\0';
	return err;
}

static enum alv_err
remove_left_over(struct con_core *k, struct con_change *c, struct sto_tenant *t)
{
	const struct pol_tenant	    *now = con_snapshot(k, c);
	const struct pol_user_item **all = sorted(c->users);
	enum alv_err		     err = all == NULL ? ALV_E_NOMEM : ALV_OK;

	for (size_t i = 0; !err && now != NULL && i < now->nusers; i++)
		if (!named(all, c->users->n, now->users[i].name))
			err = remove_one(k, c, t, now->users[i].name);
	free(all);
	return err;
}

static enum alv_err
put_one(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_user_item *x)
{
	enum alv_err err;

	borrow(c, x);
	err = con_user_write(k, c, t, NULL);
	c->made += c->created;
	c->changed += !c->created;
	give_back(c);
	return err;
}

/* First those that go: the list may be as long as may be. */
static enum alv_err
write_alter(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	enum alv_err err = ALV_OK;

	(void)keys;
	c->changed = c->removed = c->made = 0;
	c->revision = t->revision;
	if (c->users_all)
		err = remove_left_over(k, c, t);
	for (size_t i = 0; !err && i < c->users->n; i++)
		if (c->users->item[i].remove)
			err = remove_one(k, c, t, alv_str_of(c->users->item[i].name));
	for (size_t i = 0; !err && i < c->users->n; i++)
		if (c->users->item[i].changes && !c->users->item[i].remove)
			err = put_one(k, c, t, &c->users->item[i]);
	return err ? err : con_check_users(k, c, t);
}

/* ---- deleting ----------------------------------------------------------------------------------------------- */

static enum con_need
judge_delete(struct con_core *k, struct con_change *c, const struct sto_tenant *t)
{
	const struct pol_tenant *now = con_snapshot(k, c);

	c->changed = c->removed = c->made = 0;
	if (c->users == NULL || c->users->n > 0)
		return con_end(c, con_say(c, ALV_E_VALUE, "a filter and room for what it fits are expected"));
	for (size_t i = 0; now != NULL && i < now->nusers; i++)
		if (pol_user_fits(&c->user_filter, &now->users[i]))
			return CON_NEED_NOTHING;
	return con_unchanged(c, t);
}

static enum alv_err
write_delete(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys)
{
	const struct pol_tenant *now = con_snapshot(k, c);
	enum alv_err		 err = ALV_OK;

	(void)keys;
	c->revision = t->revision;
	for (size_t i = 0; !err && now != NULL && i < now->nusers; i++) {
		struct pol_user_item *x;

		if (!pol_user_fits(&c->user_filter, &now->users[i]))
			continue;
		x = pol_user_list_add(c->users);
		if (x == NULL)
			return ALV_E_NOMEM;
		snprintf(x->name, sizeof(x->name), "%.*s", ALV_STR_ARG(now->users[i].name));
		err = remove_one(k, c, t, now->users[i].name);
	}
	return err;
}

const struct con_row con_users_alter = {
	.name = "users.alter",
	.judge = judge_alter,
	.write = write_alter,
};

const struct con_row con_users_delete = {
	.name = "users.delete",
	.judge = judge_delete,
	.write = write_delete,
};
