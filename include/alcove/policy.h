/* What the gateway knows of its tenants: immutable snapshots, one per tenant, swapped whole.
 * Writers: the control thread only. Readers: workers and the admin thread, between quiet points. */
#ifndef ALCOVE_POLICY_H
#define ALCOVE_POLICY_H

#include <alcove/base.h>
#include <alcove/cidr.h>
#include <alcove/qsbr.h>
#include <alcove/quota_policy.h>
#include <alcove/tenant.h>

enum pol_tenant_state { POL_ACTIVE, POL_SUSPENDED, POL_DELETED /* id reserved until purged */ };

enum pol_mechanism { POL_SCRAM_SHA_256, POL_SCRAM_SHA_512, POL_MECHANISMS };

/* SCRAM keys of one user for one mechanism (RFC 5802): never a password. PLAIN is checked against SHA-512's. */
struct pol_scram {
	bool	 present;
	uint32_t iterations;
	uint8_t	 salt[64];
	uint8_t	 salt_n;
	uint8_t	 stored_key[64], server_key[64];	/* 32 bytes used for SHA-256 */
};

struct pol_user {
	struct alv_str	 name;		/* "alice"; the principal is "User:alice" */
	struct pol_scram scram[POL_MECHANISMS];
	uint64_t	 revision;	/* changes with every change of the user that ends its connections */
	uint64_t	 version;	/* the same, or larger: also its groups were changed by then */
	bool		 enabled;
	size_t		 ngroups;
	const struct alv_str *groups;	/* sorted; "developers": the principal is "Group:developers" */
};

/* Groups that a login brought along (claims of a token), which count beside those of the tenant's user: a bounded list, one
 * allocation. */
enum { POL_GROUPS_MAX = 32, POL_GROUP_MAX = 254 };	/* of a user; bytes of one's name */
struct pol_groups {
	size_t	       n;
	struct alv_str name[POL_GROUPS_MAX];	/* sorted, no two alike */
};
/* Copies; what is no good name is left out, and what is more than POL_GROUPS_MAX. NULL: out of memory. */
struct pol_groups *pol_groups_new(const struct alv_str *names, size_t n) ALV_MUST;
void		   pol_groups_free(struct pol_groups *g);	/* NULL is allowed */
bool		   pol_group_good(struct alv_str name);		/* 1 to POL_GROUP_MAX bytes of printable text, not "*" */

/* What a login shows of somebody's keys before anything is proved: so what names that are nobody's have to show as well. */
struct pol_shape {
	uint32_t iterations[POL_MECHANISMS];	/* 0: no keys for it */
	uint8_t	 salt_n[POL_MECHANISMS];
	bool	 salt_text[POL_MECHANISMS];	/* a salt as Kafka makes them: a number of 130 bits in base 36 (and salt_n is 0) */
};
enum { POL_SHAPES_MAX = 8 };
struct pol_shape pol_shape_of(const struct pol_user *u);

/* Kafka's ACL model; numbers are the wire's (AclOperation, ResourceType, PatternType, AclPermissionType). */
enum pol_op {
	POL_OP_ALL = 2, POL_OP_READ, POL_OP_WRITE, POL_OP_CREATE, POL_OP_DELETE, POL_OP_ALTER, POL_OP_DESCRIBE,
	POL_OP_CLUSTER_ACTION, POL_OP_DESCRIBE_CONFIGS, POL_OP_ALTER_CONFIGS, POL_OP_IDEMPOTENT_WRITE,
	POL_OP_CREATE_TOKENS, POL_OP_DESCRIBE_TOKENS, POL_OP_TWO_PHASE_COMMIT
};
enum pol_resource { POL_TOPIC = 2, POL_GROUP = 3, POL_CLUSTER = 4, POL_TXN = 5, POL_TOKEN = 6, POL_USER = 7 };
enum pol_pattern { POL_LITERAL = 3, POL_PREFIXED = 4 };
enum pol_permission { POL_DENY = 2, POL_ALLOW = 3 };

struct pol_rule {
	enum pol_resource   resource;
	enum pol_pattern    pattern;
	struct alv_str	    name;	/* virtual; "*" literal: all; cluster is "kafka-cluster" */
	struct alv_str	    principal;	/* "User:alice", "User:*", "Group:developers" */
	struct alv_str	    host;	/* "*", an address, a network: "10.0.0.0/8" */
	enum pol_op	    op;
	enum pol_permission permission;
};

/* Who decides in a tenant: its ACLs, as Kafka's StandardAuthorizer would; or nobody, and its users may do all. */
enum pol_authorizer { POL_AUTHORIZER_ACL, POL_AUTHORIZER_NONE };

/* Do topics come into being by being asked for? Numbers of -1: as the cluster does it by itself. */
struct pol_auto_create {
	bool	on;
	int32_t partitions, replication_factor;
};
enum { POL_AUTO_PARTITIONS_MAX = 10000, POL_AUTO_REPLICATION_MAX = 32767 };

enum { POL_RULES_MAX = 10000, POL_SUPERS_MAX = 16 };	/* of a tenant; the store's bounds */
enum { POL_RULES_ALTER_MAX = 1000 };	/* ACLs to make, or filters, in one request of a client: what may hold up the control thread */

/* One tenant's snapshot. One allocation's life: never changed after it was published. */
struct pol_tenant {
	struct ten_names      names;
	enum pol_tenant_state state;
	uint64_t	      revision;		/* of this tenant; grows by every change */
	struct alv_str	      display_name;
	char		      cluster_id[23];	/* the virtual cluster's id: 22 characters, stable for the tenant's life */
	size_t		      nusers;
	const struct pol_user *users;		/* sorted by name */
	size_t		      nshapes;
	struct pol_shape      shape[POL_SHAPES_MAX];	/* of the users' keys, no two alike; further ones are not here */
	enum pol_authorizer   authorizer;
	bool		      everyone_if_no_acl;	/* Kafka's allow.everyone.if.no.acl.found */
	size_t		      nsupers;
	const struct alv_str *supers;		/* principals, sorted: they may do all */
	struct pol_auto_create auto_create;
	size_t		      nrules;
	const struct pol_rule *rules;		/* sorted by pol_rule_cmp, no two alike */
	const struct pol_acls *acls;		/* the same, as they are asked */
	uint64_t	      build;		/* no two snapshots of a process have the same */
	size_t		      nown;		/* at most TEN_OWN_MAX */
	const struct ten_own *own;		/* host names of its own */
	size_t		      nquotas;
	const struct pol_quota *quotas;		/* sorted by pol_quota_entity_cmp, an entity once */
	uint32_t	      quota_keys[POL_QUOTA_KINDS];	/* keys that any entry of the kind has, 1 << enum pol_quota_key */
};

const struct pol_user *pol_user_find(const struct pol_tenant *t, struct alv_str name);

/* The question every API asks wherever Kafka authorizes, on virtual names: may this principal, at this address, do that?
 * Pure: no lock, no allocation, no time. Super users may; a deny wins; then an allow; else denied, or, where no ACL is about
 * the resource, what the tenant says of that. ACLs of the principal's groups are its own, as those of "User:*" are.
 *
 * Who asks is looked up once for a snapshot, then asked for as often as it takes; the last verdicts are remembered, since
 * clients ask for the same few names. A pol_who keeps nothing of the snapshot; it holds while `build` is that of the
 * tenant's. One thread at a time. */
enum { POL_SEEN = 8, POL_SEEN_NAME = 57 };
struct pol_seen {
	uint32_t ops;		/* what is allowed, 1 << enum pol_op */
	uint8_t	 resource, n;	/* 0: empty */
	char	 name[POL_SEEN_NAME];
};
struct pol_who {
	uint64_t	build;
	bool		nobody, all, has_address;
	uint32_t	principal, host;
	uint8_t		ngroups;
	uint16_t	group[2 * POL_GROUPS_MAX];	/* those that some ACL is for */
	struct alv_cidr address;
	struct pol_seen seen[POL_SEEN];
};
/* principal "User:alice"; null may nothing. What is no address is in no network. claimed: beside the groups that the tenant's user
 * of that name has; NULL: none. */
void	pol_who_set(struct pol_who *w, const struct pol_tenant *t, struct alv_str principal, struct alv_str host,
	    const struct pol_groups *claimed);
bool	pol_may(const struct pol_tenant *t, struct pol_who *w, enum pol_op op, enum pol_resource r, struct alv_str name) ALV_MUST;
/* Is `op` allowed on any resource of this type? (Kafka's authorizeByResourceType) */
bool	pol_may_any(const struct pol_tenant *t, struct pol_who *w, enum pol_op op, enum pol_resource r) ALV_MUST;
/* Kafka's authorized-operations bit field for one resource: OR of 1 << op over what its type supports. */
int32_t pol_may_what(const struct pol_tenant *t, struct pol_who *w, enum pol_resource r, struct alv_str name);

/* The same for who asks once. */
struct pol_query {
	struct alv_str	  principal;	/* "User:alice" */
	struct alv_str	  host;
	enum pol_op	  op;
	enum pol_resource resource;
	struct alv_str	  name;
	const struct pol_groups *claimed;	/* as pol_who_set */
};
bool pol_decide(const struct pol_tenant *t, const struct pol_query *q) ALV_MUST;
bool pol_decide_any(const struct pol_tenant *t, const struct pol_query *q) ALV_MUST;
int32_t pol_operations(const struct pol_tenant *t, const struct pol_query *q);
/* Is `op` allowed on every resource of this type, also on those that are yet to come? The query's name is not looked at. True only
 * where that is certain. */
bool pol_decide_all(const struct pol_tenant *t, const struct pol_query *q) ALV_MUST;

/* Order of two rules: by resource, name, pattern (prefixed first), principal, host, operation, permission. -1, 0, 1. */
int pol_rule_cmp(const struct pol_rule *a, const struct pol_rule *b);
/* Rules by which every user may do all: for tests and benches that add to them. Static. */
const struct pol_rule *pol_rules_all(size_t *n);

/* ---- directory: tenant id -> current snapshot ---------------------------------------------------
 * A slot's address is stable while the process lives (ids come back only after purge), so a connection keeps the slot
 * and loads the snapshot anew at each step. What a reader loaded is valid until its next quiet point; so is what find
 * and list look at: call them as a reader between quiet points, or on the control thread. */
struct pol_dir;
struct pol_slot;

/* Readers join `q` and pass quiet points as qsbr.h says; q outlives the directory. */
struct pol_dir *pol_dir_new(struct alv_qsbr *q) ALV_MUST;
void		pol_dir_free(struct pol_dir *d);
/* NULL: no such tenant. */
struct pol_slot		*pol_dir_find(const struct pol_dir *d, struct alv_str id);
/* By a host name of a tenant's own, in lower case. False: it is nobody's, or the tenant is not active. *own belongs to the
 * snapshot; *node is -1 for the bootstrap. */
bool pol_dir_find_host(const struct pol_dir *d, struct alv_str host, struct pol_slot **slot, const struct ten_own **own,
    int32_t *node);
/* NULL: the tenant is gone. */
const struct pol_tenant *pol_slot_load(const struct pol_slot *s);
/* Another number when the tenant was suspended, resumed, deleted or made anew: what was granted before counts no more. */
uint64_t		 pol_slot_trust(const struct pol_slot *s);
struct alv_str		 pol_slot_id(const struct pol_slot *s);
/* Does the tenant store more than it may (POL_QUOTA_STORED_BYTES)? Then nothing more is produced. Set by whoever counts. */
bool pol_slot_full(const struct pol_slot *s);
void pol_slot_set_full(struct pol_slot *s, bool full);
/* Requests of the tenant's connections that wait for their answers, on all threads; only where there is a limit on them: else it is
 * false, and nothing is to be given back by pol_slot_land. */
bool pol_slot_take_off(struct pol_slot *s, uint64_t bytes) ALV_MUST;
void pol_slot_land(struct pol_slot *s, uint64_t bytes);
/* Are there as many as there may be (POL_QUOTA_IN_FLIGHT_REQUESTS, _BYTES)? */
bool pol_slot_crowded(const struct pol_slot *s);
/* All current tenants in order of id, from `after` (exclusive; null: from the start), at most n. Returns how many. */
size_t pol_dir_list(const struct pol_dir *d, struct alv_str after, const struct pol_tenant **out, size_t n);
/* Grows whenever anything was published: a loop that sees it unchanged has nothing to look at. */
uint64_t pol_dir_generation(const struct pol_dir *d);

/* Control thread only. Takes the snapshot (made by pol_build, for this id); the old one is freed when every reader
 * passed. NULL snapshot removes the tenant. NOMEM: nothing changed, and the caller keeps t. */
enum alv_err pol_dir_publish(struct pol_dir *d, struct alv_str id, struct pol_tenant *t) ALV_MUST;

/* A snapshot from loose parts; copies everything, sorts users and aliases. NULL: out of memory.
 * Names of users, and both names of aliases by kind, are unique (the store sees to it). */
struct pol_parts {
	struct alv_str		 id, display_name;
	enum pol_tenant_state	 state;
	uint64_t		 revision;
	const char		*cluster_id;
	const struct pol_user	*users;
	size_t			 nusers;
	const struct ten_alias	*aliases;
	size_t			 naliases;
	enum pol_authorizer	 authorizer;
	bool			 everyone_if_no_acl;
	struct pol_auto_create	 auto_create;
	const struct alv_str	*supers;
	size_t			 nsupers;
	const struct pol_rule	*rules;	/* in any order; what is there twice is there once */
	size_t			 nrules;
	const struct ten_own	*own;	/* as ten_own_parse made them */
	size_t			 nown;
	const struct pol_quota	*quotas;	/* in any order, an entity once */
	size_t			 nquotas;
};
struct pol_tenant *pol_build(const struct pol_parts *p) ALV_MUST;
void		   pol_tenant_free(struct pol_tenant *t);	/* wipes the users' keys; NULL is allowed */

#endif
