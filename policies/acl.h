/* A tenant's ACLs as they are asked: an index that is part of the tenant's snapshot. Internal to this folder.
 *
 * Patterns are sorted by (resource, name, prefixed before literal). Each knows its parent: the longest prefixed pattern
 * that covers it. Whatever covers a name lies on the way up from the last pattern that is not behind the name: a prefix of
 * the name sorts before it, and what sorts between a prefix and the name begins with that prefix too. So one binary search
 * finds all patterns of a name; only the literal "*" stands apart.
 *
 * A pattern's entries are sorted by principal: one for each (principal, host), with its operations as bits. Principals and
 * hosts are numbers here; who asks is looked up once (pol_who_set) and then compared by number. */
#ifndef POLICIES_ACL_H
#define POLICIES_ACL_H

#include <alcove/cidr.h>
#include <alcove/policy.h>

#include "policies/bump.h"

#define ACL_NONE UINT32_MAX

/* Where an entry holds: anywhere, at the n-th host (an address), in the n-th host (a network), nowhere. */
#define ACL_HOST_ANY	 0
#define ACL_HOST_NETWORK UINT32_C(0x80000000)
#define ACL_HOST_NEVER	 UINT32_MAX

/* In this order they lie in hosts[]. What cannot be read as a host is nobody's. */
enum acl_host_kind { ACL_IS_ADDRESS, ACL_IS_NETWORK, ACL_IS_ANY, ACL_IS_UNREADABLE };

struct acl_host {
	struct alv_str	   text;	/* as it was written */
	struct alv_cidr	   net;
	enum acl_host_kind kind;
};

struct acl_pattern {
	struct alv_str name;
	uint32_t       first, n;	/* entries */
	uint32_t       parent;		/* ACL_NONE: none */
	bool	       prefixed;
};

struct acl_entry {
	uint32_t principal;	/* in principals[] */
	uint32_t host;		/* ACL_HOST_ANY, ..; else 1 + its place in hosts[] */
	uint16_t allow, deny;	/* 1 << enum pol_op, as they were written */
};

enum { ACL_RESOURCES = POL_USER + 1 };

struct pol_acls {
	const struct alv_str	 *principals;	/* sorted */
	const struct acl_host	 *hosts;	/* sorted by kind, then by number */
	const struct acl_pattern *patterns;
	const struct acl_entry	 *entries;
	uint32_t		  nprincipals, nhosts, naddresses, npatterns, nentries;
	uint32_t		  everyone;	/* "User:*" among the principals */
	struct {
		uint32_t from, to;		/* its patterns */
		uint32_t all;			/* the literal "*" */
	} of[ACL_RESOURCES];
};

/* Between the passes of pol_build: the rules in order, and how many different things there are in them. */
struct acl_item {
	struct pol_rule rule;
	struct acl_host host;
	uint32_t	principal, at_host;	/* places in the tables to come */
};

struct acl_draft {
	size_t		 n;
	struct acl_item *items;		/* sorted as the index is; no two alike */
	uint32_t	*by_principal, *by_host;	/* places in items, sorted by that */
	uint32_t	 nprincipals, nhosts, npatterns, nentries;
};

/* False: no memory, and nothing to free. */
bool pol_acl_draft_make(const struct pol_rule *rules, size_t n, struct acl_draft *d) ALV_MUST;
void pol_acl_draft_free(struct acl_draft *d);
/* Takes its place in b; fills it and the rules (in order) in the second pass. */
struct pol_acls *pol_acl_fill(const struct acl_draft *d, struct bump *b, struct pol_rule *rules);

/* The last pattern of the resource that is not behind `name`; ACL_NONE: all are. Whatever else covers the name is up from
 * there. */
uint32_t pol_acl_find(const struct pol_acls *a, enum pol_resource r, struct alv_str name);
/* Does the pattern cover the name? Not asked of "*". */
static inline bool
acl_covers(const struct acl_pattern *p, struct alv_str name)
{
	return p->name.n <= name.n && (p->prefixed || p->name.n == name.n) && memcmp(p->name.p, name.p, p->name.n) == 0;
}

#endif
