/* Users that are to be made, changed or deleted, many at once, and which ones a filter means. Passwords and keys: wiped with the list.
 * One thread at a time. */
#ifndef ALCOVE_USER_LIST_H
#define ALCOVE_USER_LIST_H

#include <alcove/credential.h>

struct pol_user_item {
	char			name[POL_USER_NAME_MAX + 1];
	bool			remove;		/* the rest is not looked at */
	bool			only_new;	/* there must be none of that name */
	bool			enabled, enabled_set;
	bool			changes;	/* the control thread's: it is not so already */
	char		       *password;	/* malloc'ed; NULL: none is said, or its keys are made */
	uint32_t		iterations;	/* of it; 0: as configured */
	struct pol_groups      *groups;		/* in the place of those it has; NULL: keep */
	struct pol_credentials *credentials;	/* all that it has then; NULL: keep */
};

struct pol_user_list {
	size_t		      n, room;
	struct pol_user_item *item;
};
struct pol_user_list *pol_user_list_new(void) ALV_MUST;		/* empty; NULL: out of memory */
void		      pol_user_list_free(struct pol_user_list *l);	/* wipes; NULL is allowed */
/* One more, all zero; NULL: out of memory, or there are POL_USERS_MAX. Items move with it. */
struct pol_user_item *pol_user_list_add(struct pol_user_list *l) ALV_MUST;
/* The first whose password waits to become keys; NULL: none. */
struct pol_user_item *pol_user_list_password(const struct pol_user_list *l);
/* Wipes. */
void pol_user_item_forget(struct pol_user_item *x);

struct pol_user_filter {
	struct alv_str prefix, group;	/* null: any */
	int	       enabled;		/* -1: either */
	int	       mechanism;	/* -1: any; POL_MECHANISMS: who has no credential */
};
bool pol_user_fits(const struct pol_user_filter *f, const struct pol_user *u);

#endif
