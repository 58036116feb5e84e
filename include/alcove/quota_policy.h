/* Quotas as they are set: what may be limited, on whom, and which one number holds for a client, a group, an address or the
 * tenant. What charges and keeps them is gateway/quota/.
 *
 * All functions here: any thread, no lock, no allocation. Snapshots are as <alcove/policy.h> says. */
#ifndef ALCOVE_QUOTA_POLICY_H
#define ALCOVE_QUOTA_POLICY_H

#include <alcove/base.h>
#include <alcove/err.h>

struct pol_tenant;

/* ---- what can be limited: <alcove/tbl/quota.def> --------------------------------------------------------- */

enum pol_quota_key {
#define QUOTA(id, name, number, min, max, on, enforced, standard, unit, help) POL_QUOTA_##id,
#include <alcove/tbl/quota.def>
#undef QUOTA
	POL_QUOTA_KEYS	/* at most 32: they are bits */
};

enum pol_quota_kind {
	POL_QUOTA_OF_TENANT,	/* the whole virtual cluster; by platform admins only */
	POL_QUOTA_OF_CLIENT,	/* part[0] the user, part[1] the client id, one of them or both */
	POL_QUOTA_OF_GROUP,	/* part[0] */
	POL_QUOTA_OF_ADDRESS,	/* part[0]: an address of clients, as alv_cidr writes it */
	POL_QUOTA_KINDS
};

struct pol_quota_key_info {
	const char *name, *unit, *help;
	bool	    whole;		/* no fractions */
	double	    min, max;		/* REAL ones are more than min */
	uint8_t	    on, enforced;	/* 1 << enum pol_quota_kind */
	double	    standard;		/* a tenant's where none is set; 0: no limit */
};
const struct pol_quota_key_info *pol_quota_info(enum pol_quota_key key);
/* POL_QUOTA_KEYS: no such key. */
enum pol_quota_key pol_quota_key_of(struct alv_str name);

/* ---- on whom ----------------------------------------------------------------------------------------------- */

/* Numbers are the store's. */
enum pol_quota_match {
	POL_QUOTA_NO_PART,	/* the entity has no such part */
	POL_QUOTA_DEFAULT,	/* each that has no entry of its own: a number for each, not for all together */
	POL_QUOTA_NAMED,
	POL_QUOTA_UNATTRIBUTED	/* of groups: all fetches together of which it is not known whose they are */
};
struct pol_quota_part {
	enum pol_quota_match match;
	struct alv_str	     name;	/* NAMED: "alice" (no "User:"), a client id (may be empty), a group, an address; else null */
};
struct pol_quota_entity {
	enum pol_quota_kind   kind;
	struct pol_quota_part part[2];
};
/* Some order: by kind, then the parts; -1, 0, 1. */
int pol_quota_entity_cmp(const struct pol_quota_entity *a, const struct pol_quota_entity *b);

enum { POL_QUOTA_NAME_MAX = 255 };		/* bytes of a name */
enum { POL_QUOTAS_MAX = 2000 };		/* entities of a tenant: what one answer to DescribeClientQuotas may hold up a worker with */

/* Every limit of one entity. */
struct pol_quota {
	struct pol_quota_entity entity;
	uint32_t		set;			/* 1 << enum pol_quota_key */
	double			value[POL_QUOTA_KEYS];	/* 0 where not set */
};
/* NULL: the tenant has none of this entity. */
const struct pol_quota *pol_quota_find(const struct pol_tenant *t, const struct pol_quota_entity *e);

/* Can such an entity be? Else *expected, static. */
enum alv_err pol_quota_entity_check(const struct pol_quota_entity *e, const char **expected) ALV_MUST;
/* Can this value be set? VALUE, RANGE: it is not as *expected (static) says; UNSUPPORTED: the key is none of such an entity, or
 * nothing enforces it there. enforced: POL_QUOTA_KEYS masks of kinds that are enforced, NULL: the table's. */
enum alv_err pol_quota_value_check(enum pol_quota_kind kind, enum pol_quota_key key, double value, const uint8_t *enforced,
    const char **expected) ALV_MUST;

/* ---- which number holds ------------------------------------------------------------------------------------- */

/* What a limit is charged to. Two with equal parts are one cell: of the key, the kind and what is not null here. */
struct pol_quota_cell {
	const struct pol_quota *quota;	/* which entry decides; part of the snapshot. NULL: none (a tenant's standard) */
	double			limit;	/* in the key's unit; only where there is one */
	struct alv_str		part[2];/* views of what was asked: user and client id; the group, null where unattributed; the address */
};

/* Each answers whether there is a limit, and fills *c (where not, with a NULL quota). The limits of the tenant, of the
 * client and of the group hold beside each other: all are charged. `key` counts by itself: an entry that says nothing of it
 * is passed over. */

/* By Kafka's precedence: (user, client id), (user, default client id), user, (default user, client id), (default user,
 * default client id), default user, client id, default client id. principal: "User:alice"; a null client id is the empty one. */
bool pol_quota_client(const struct pol_tenant *t, enum pol_quota_key key, struct alv_str principal, struct alv_str client_id,
    struct pol_quota_cell *c);
/* The group's, else the default group's. Null: unattributed, which has one cell: its own limit, else the default group's. */
bool pol_quota_group(const struct pol_tenant *t, enum pol_quota_key key, struct alv_str group, struct pol_quota_cell *c);
/* The address', else the default address'. */
bool pol_quota_address(const struct pol_tenant *t, enum pol_quota_key key, struct alv_str address, struct pol_quota_cell *c);
/* The tenant's, else the table's standard. */
bool pol_quota_tenant(const struct pol_tenant *t, enum pol_quota_key key, struct pol_quota_cell *c);

/* Entities that may decide, first come first: what the four above go through. Views of the arguments. Returns how many. */
enum { POL_QUOTA_CANDIDATES = 8 };
size_t pol_quota_client_candidates(struct alv_str principal, struct alv_str client_id, struct pol_quota_entity e[static POL_QUOTA_CANDIDATES]);
size_t pol_quota_group_candidates(struct alv_str group, struct pol_quota_entity e[static POL_QUOTA_CANDIDATES]);
size_t pol_quota_address_candidates(struct alv_str address, struct pol_quota_entity e[static POL_QUOTA_CANDIDATES]);

#endif
