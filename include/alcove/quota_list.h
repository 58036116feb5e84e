/* Quotas on their way in and out: what is to be altered, filters, words for people. What holds is <alcove/quota_policy.h>. */
#ifndef ALCOVE_QUOTA_LIST_H
#define ALCOVE_QUOTA_LIST_H

#include <alcove/buf.h>
#include <alcove/policy.h>

/* How people and tools write the default; no entity has it as its name. */
#define POL_QUOTA_DEFAULT_WORD "<default>"

/* "tenant", "client", "group", "unattributed", "address": what REST calls an entity's type. */
const char *pol_quota_type(const struct pol_quota_entity *e);
/* "user alice, client id <default>"; text of names as it is. */
void pol_quota_entity_text(const struct pol_quota_entity *e, struct alv_buf *out);

/* The limits that are enforced, as Markdown: docs/limits.md. */
void pol_quota_doc(struct alv_buf *out);

/* ---- what is to be altered --------------------------------------------------------------------------------- */

struct pol_quota_alter {
	struct pol_quota quota;		/* what is to be set on its entity */
	uint32_t	 unset;		/* keys that go, 1 << enum pol_quota_key; none that is set */
	bool		 only;		/* every key that is not set goes */
};

enum { POL_QUOTA_ALTER_MAX = 1000 };	/* entities that are altered at once */

/* Owned by whoever made it; copies what it is given. */
struct pol_quota_list {
	size_t			n, cap;
	struct pol_quota_alter *item;
	struct alv_arena	text;
};
struct pol_quota_list *pol_quota_list_new(void) ALV_MUST;
enum alv_err	       pol_quota_list_add(struct pol_quota_list *l, const struct pol_quota_alter *a) ALV_MUST;
void		       pol_quota_list_free(struct pol_quota_list *l);	/* NULL is allowed */
/* Its place; l->n: the entity is not in the list. */
size_t		       pol_quota_list_find(const struct pol_quota_list *l, const struct pol_quota_entity *e);

/* What becomes of an entity's limits; now NULL: it has none. True: that is another than before. out->entity is a's. */
bool pol_quota_altered(const struct pol_quota *now, const struct pol_quota_alter *a, struct pol_quota *out);

/* ---- filters ------------------------------------------------------------------------------------------------ */

enum pol_quota_fit {
	POL_QUOTA_FIT_ALL,	/* whatever it is, also nothing */
	POL_QUOTA_FIT_NAME,	/* this name */
	POL_QUOTA_FIT_DEFAULT,
	POL_QUOTA_FIT_SOME,	/* a name or the default */
	POL_QUOTA_FIT_NONE	/* the entity has no such part */
};
struct pol_quota_filter {
	unsigned kinds;		/* 1 << enum pol_quota_kind */
	struct {
		enum pol_quota_fit fit;
		struct alv_str	   name;
	} part[2];
	bool	 unattributed;	/* only these */
	uint32_t keys;		/* with any of these; 0: with any at all */
};
bool pol_quota_filter_fits(const struct pol_quota_filter *f, const struct pol_quota *q);

#endif
