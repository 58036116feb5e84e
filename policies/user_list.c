/* Lists of users, and what they are filtered by. */
#include <alcove/check.h>
#include <alcove/err.h>
#include <alcove/str.h>
#include <alcove/user_list.h>

#include <openssl/crypto.h>
#include <stdlib.h>

struct pol_user_list *
pol_user_list_new(void)
{
	return calloc(1, sizeof(struct pol_user_list));
}

void
pol_user_item_forget(struct pol_user_item *x)
{
	if (x->password != NULL)
		OPENSSL_cleanse(x->password, strlen(x->password));
	free(x->password);
	x->password = NULL;
}

void
pol_user_list_free(struct pol_user_list *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++) {
		pol_user_item_forget(&l->item[i]);
		pol_groups_free(l->item[i].groups);
		pol_credentials_free(l->item[i].credentials);
	}
	free(l->item);
	free(l);
}

struct pol_user_item *
pol_user_list_add(struct pol_user_list *l)
{
	size_t		      room = l->room == 0 ? 4 : l->room * 2;
	struct pol_user_item *item;

	if (l->n == POL_USERS_MAX)
		return NULL;
	if (l->n == l->room) {
		item = realloc(l->item, room * sizeof(*item));	/* no secret is in it, but behind it */
		if (item == NULL)
			return NULL;
		l->item = item;
		l->room = room;
	}
	item = &l->item[l->n++];
	*item = (struct pol_user_item){ .name = "" };
	return item;
}

struct pol_user_item *
pol_user_list_password(const struct pol_user_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->item[i].password != NULL)
			return &l->item[i];
	return NULL;
}

static bool
in_group(const struct pol_user *u, struct alv_str group)
{
	for (size_t i = 0; i < u->ngroups; i++)
		if (alv_str_eq(u->groups[i], group))
			return true;
	return false;
}

bool
pol_user_fits(const struct pol_user_filter *f, const struct pol_user *u)
{
	bool any = false;

	for (int m = 0; m < POL_MECHANISMS; m++)
		any |= u->scram[m].present;
	return (f->prefix.p == NULL || alv_str_starts(u->name, f->prefix)) && (f->group.p == NULL || in_group(u, f->group)) &&
	    (f->enabled < 0 || u->enabled == (f->enabled != 0)) &&
	    (f->mechanism < 0 || (f->mechanism == POL_MECHANISMS ? !any : u->scram[f->mechanism].present));
}
