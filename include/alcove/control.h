/* The way into the control thread: the only writer of state. A change is one heap object that travels there, is applied
 * whole or not at all (store, audit, snapshot), and comes back through `done`. */
#ifndef ALCOVE_CONTROL_H
#define ALCOVE_CONTROL_H

#include <alcove/acl.h>
#include <alcove/base.h>
#include <alcove/credential.h>
#include <alcove/err.h>
#include <alcove/policy.h>
#include <alcove/quota_list.h>
#include <alcove/user_list.h>

struct con_control;

enum con_op {
	CON_TENANT_CREATE, CON_TENANT_UPDATE, CON_TENANT_SUSPEND, CON_TENANT_RESUME, CON_TENANT_DELETE,
	CON_USER_PUT, CON_USER_DELETE, CON_USER_CREDENTIALS, CON_USERS_ALTER, CON_USERS_DELETE, CON_ALIAS_PUT, CON_ALIAS_DELETE,
	CON_ACL_CREATE, CON_ACL_DELETE, CON_ACL_REPLACE, CON_QUOTA_ALTER, CON_QUOTA_DELETE
};

/* Host names of a tenant's own, as somebody wrote them. */
struct con_own {
	char bootstrap[256], node_pattern[256];
};

/* Embedded strings: bounded, NUL-terminated, validated by con_submit's side again. */
struct con_change {
	void	   *next;
	enum con_op op;
	bool	    native;		/* a tenant's client asks: it waits for its turn among tenants, behind who administers them */
	char	    actor[POL_PRINCIPAL_MAX + 12], origin[128];	/* for the audit: who ("platform:ops", "User:alice"), and by what (rest, kafka; address) */
	char	    tenant[64];
	char	    display_name[256];
	bool	    keep_display_name;	/* update: it is not said */
	bool	    own_set;		/* create, update: these in the place of what there is */
	size_t	    nown;
	struct con_own own[TEN_OWN_MAX];
	/* create, update: where not set, create takes the first of each (none, no, nobody), update keeps what there is */
	bool	    authorizer_set, everyone_set, supers_set;
	enum pol_authorizer authorizer;
	bool	    everyone_if_no_acl;
	size_t	    nsupers;
	char	    supers[POL_SUPERS_MAX][POL_PRINCIPAL_MAX + 1];
	bool	    auto_set, auto_partitions_set, auto_replication_set;	/* the same: no, -1, -1 */
	struct pol_auto_create auto_create;
	bool	    adopt_prefix;	/* create although the cluster has names with the prefix */
	bool	    purge;		/* delete: topics, groups, transactional ids as well */
	uint64_t    if_revision;	/* 0: any; else STALE when the tenant's revision differs */
	bool	    if_absent;		/* PUT only creates: EXISTS otherwise */
	char	    user[256];
	bool	    enabled, enabled_set;
	char	    password[1024];	/* "" on update: keep; wiped after use */
	struct pol_groups *groups;	/* users: in the place of those it has; NULL: keep. The submitter's, to be freed after done */
	uint32_t    iterations;		/* 0: the configured */
	/* The submitter's, to be freed after done. Credentials to set or take away; with USER_PUT: all that the user has, in the
	 * place of a password. Keys that are to be made are made in here. */
	struct pol_credentials *credentials;
	bool	    some_may_fail;	/* credentials: each tells by its err; else all or nothing */
	/* The submitter's as well. Users to alter, whose passwords become keys in here; or empty, for the names of those that were deleted. */
	struct pol_user_list *users;
	bool	    users_all;		/* alter: the tenant has no others from then on */
	struct pol_user_filter user_filter;	/* to delete; its texts as those of `filters` */
	enum ten_kind alias_kind;
	char	    virt[512], phys[512];
	bool	    writable;
	size_t	    nfilters;		/* ACLs to delete: what any of them fits; theirs and their texts' memory is the submitter's until done */
	const struct pol_filter *filters;
	/* The submitter's, to be freed after done. ACLs to create; those to have then (they are sorted on the way); or empty, for those that were deleted. */
	struct pol_rules *rules;
	/* The submitter's as well. Quotas to alter, an entity once; or empty, for those that were deleted (their limits in `quota`). */
	struct pol_quota_list *quotas;
	bool	     quotas_all;	/* alter: the tenant has no others from then on */
	struct pol_quota_filter quota_filter;	/* to delete; its texts as those of `filter` */
	/* what came of it */
	enum alv_err err;
	char	     detail[2048];	/* for a person: what was found, what was expected */
	bool	     created;
	size_t	     removed;		/* ACLs that were deleted by replacing them; users that were deleted among many */
	size_t	     made;		/* users, among many */
	/* ACLs that were made or deleted; entities whose quotas are others now; credentials that were set or taken away; users that are
	 * others now, among many, those that were made apart */
	size_t	     changed;
	uint64_t     revision;
	void (*done)(struct con_change *c);	/* on the control thread; owns c again */
	void	    *arg;
};

/* Any thread. Changes of one tenant are made in the order in which they came, native ones among themselves: one in each turn of the
 * thread, tenant by tenant. FULL, NOMEM: the caller keeps c.
 * What comes back in err: NAME, VALUE, LENGTH, RANGE, MISSING (the request is wrong), NOT_FOUND, EXISTS, CONFLICT,
 * STALE, DENIED (an alias to what is never a target), UNAVAILABLE (the cluster must be asked and cannot, or the gateway
 * stops), FULL, STORE (nothing was written; detail has the store's words), CRYPTO, NOMEM.
 * A delete with purge is done when it is on record; the purge itself goes on behind it, over restarts, and ends with the
 * tenant's row. Until then the id stays reserved. What changes nothing (suspending a suspended tenant) is OK and leaves
 * the revision. An if_revision is the tenant's also where a user or an alias is changed. */
enum alv_err con_submit(struct con_control *c, struct con_change *change) ALV_MUST;
/* Is the store writable and was the cluster reached? For /readyz: text lines, true when ready. Any thread. */
struct alv_buf;
bool con_ready(struct con_control *c, struct alv_buf *why);

/* Questions of workers; answers come back to the asking loop. */
struct net_loop;
struct con_ids {	/* heap; the asker owns it again in done (on its own loop) */
	void		*next;
	struct con_control *control;
	struct net_loop *loop;
	uint64_t	 who;		/* tells tenants apart: each has its own rate and turn */
	size_t		 n;
	struct alv_uuid	 id[64];
	char		*name[64];	/* malloc'ed physical name; NULL: does not exist */
	bool		 failed;	/* the cluster could not be asked */
	void (*done)(struct con_ids *q);
	void		*arg;
};
enum alv_err con_resolve_ids(struct con_control *c, struct con_ids *q) ALV_MUST;

/* Topics that a client just created or deleted through us: the catalogue follows at once. done: it is published. */
struct con_learning {
	void		*next;
	struct con_control *control;
	struct net_loop *loop;
	size_t		 n;
	struct {
		char	       *name;	/* malloc'ed physical name */
		struct alv_uuid id;	/* zero where unknown */
		int32_t		partitions;
		bool		deleted;
	} topic[1024];
	void (*done)(struct con_learning *q);
	void		*arg;
};
enum alv_err con_learn(struct con_control *c, struct con_learning *q) ALV_MUST;

/* Topics that a client asked for and that are to be made, in the background. What fails is asked for again by whoever needs it. */
struct con_creation {	/* heap; the control's from con_create_topics on */
	struct con_control *control;
	uint64_t	    who;	/* tells tenants apart: each has its share of what waits */
	size_t		    n;
	struct {
		char	name[TEN_TOPIC_MAX + 1];	/* physical */
		int32_t partitions, replication_factor;	/* -1: the cluster's default */
	} topic[];
};
/* Any thread. On failure the caller keeps q. */
enum alv_err con_create_topics(struct con_control *c, struct con_creation *q) ALV_MUST;

/* A list of one broker's groups on the board (listing.h) that was asked for no earlier than since_us (monotonic). */
struct con_groups {
	struct con_control *control;
	struct net_loop *loop;
	int32_t		 node;
	uint64_t	 since_us;
	bool		 failed;	/* it could not be had: the broker itself has to be asked */
	void (*done)(struct con_groups *q);
};
enum alv_err con_list_groups(struct con_control *c, struct con_groups *q) ALV_MUST;

#endif
