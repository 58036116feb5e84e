/* The store: one SQLite file with what the gateway must remember. Nobody else speaks SQL.
 *
 * One thread at a time uses it (the control thread), one process per file. A change is one transaction: sto_begin, writes,
 * sto_commit; every write adds its audit row, so no change can be without. Whatever fails (disk full, read-only, corrupt)
 * answers STORE with words, and the state is what it was before sto_begin.
 * Revisions come from one counter of the store: no two changes have the same, also not over a purge. */
#ifndef STO_STORE_H
#define STO_STORE_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/err.h>
#include <alcove/policy.h>

struct sto_store;

/* Creates the file (mode 0600) or migrates it. Refused, with words that name the file: another program's database, one of
 * a newer Alcove, a corrupt one, one that another process has open, one on a network file system, a key that does not fit. */
enum alv_err sto_open(const char *file, const char *key_file, struct sto_store **s, struct alv_buf *words) ALV_MUST;
void	     sto_close(struct sto_store *s);	/* NULL is allowed */
/* What failed last, for a person; "" when nothing did. */
const char  *sto_words(const struct sto_store *s);
/* 32 bytes, made with the file: what fake accounts are derived from. */
struct alv_str sto_fake_secret(const struct sto_store *s);
/* Can something be written? A small transaction. */
enum alv_err sto_probe(struct sto_store *s) ALV_MUST;

/* ---- transactions -------------------------------------------------------------------------------- */

struct sto_who {
	const char *actor, *origin;	/* "platform:ops", "rest 10.0.0.1" */
	bool	    native;		/* a tenant's client: its rows of the audit are bounded, nobody else's */
};
/* who outlives the transaction. */
enum alv_err sto_begin(struct sto_store *s, const struct sto_who *who) ALV_MUST;
/* On failure everything was rolled back. */
enum alv_err sto_commit(struct sto_store *s) ALV_MUST;
void	     sto_rollback(struct sto_store *s);
/* At the end of a native transaction about one tenant: where more than max (0: any number) of its native rows are in the audit, the
 * oldest go, at least as many as were written; *dropped says how many. Where there are far too many (max was lowered) it takes several
 * transactions, so that none is long. */
enum alv_err sto_audit_trim(struct sto_store *s, struct alv_str tenant, size_t max, size_t *dropped) ALV_MUST;

/* ---- tenants --------------------------------------------------------------------------------------- */

struct sto_tenant {
	char		      id[TEN_ID_MAX + 1];
	char		      display_name[256];
	enum pol_tenant_state state;
	bool		      purging;		/* deleted, and being purged */
	char		      cluster_id[23];
	uint64_t	      revision;
	enum pol_authorizer   authorizer;
	bool		      everyone_if_no_acl;
	struct pol_auto_create auto_create;
	/* To write only: super users in the place of those it has, where supers_set. */
	bool		      supers_set;
	size_t		      nsupers;
	const struct alv_str *supers;		/* each once */
	/* To write only: host names of its own in the place of those it has, where own_set. What reads gives none. */
	bool		      own_set;
	size_t		      nown;
	const struct ten_own *own;
};
enum alv_err sto_tenant_get(struct sto_store *s, struct alv_str id, struct sto_tenant *t) ALV_MUST;	/* NOT_FOUND */
/* The first with an id after `after`; NOT_FOUND: no more. */
enum alv_err sto_tenant_next(struct sto_store *s, struct alv_str after, struct sto_tenant *t) ALV_MUST;
/* Sets cluster_id and revision. EXISTS. */
enum alv_err sto_tenant_add(struct sto_store *s, struct sto_tenant *t) ALV_MUST;
/* Writes display name, state, purging, authorizer, creation of topics, super users, own host names; sets revision. what: "tenant.suspend". */
enum alv_err sto_tenant_set(struct sto_store *s, struct sto_tenant *t, const char *what) ALV_MUST;
/* Every host name of other tenants than `except`, until each() says true (OK). NOT_FOUND: it never did. */
enum alv_err sto_own_others(struct sto_store *s, struct alv_str except, void *arg,
    bool (*each)(void *arg, struct alv_str tenant, const struct ten_own *o)) ALV_MUST;
/* With users, aliases, rules; the audit stays. */
enum alv_err sto_tenant_remove(struct sto_store *s, struct alv_str id, const char *what) ALV_MUST;

/* ---- what belongs to a tenant; each write gives the tenant a new revision ------------------------------ */

enum alv_err sto_user_get(struct sto_store *s, struct alv_str tenant, struct alv_str name, bool *enabled,
    uint64_t *revision) ALV_MUST;	/* NOT_FOUND */
/* Creates or changes; keys that are not present stay as they are. Sets u->revision. */
enum alv_err sto_user_put(struct sto_store *s, struct alv_str tenant, struct pol_user *u) ALV_MUST;
/* Takes the keys for one mechanism away; *left: how many the user still has. NOT_FOUND. */
enum alv_err sto_user_drop_keys(struct sto_store *s, struct alv_str tenant, struct alv_str name, enum pol_mechanism m, size_t *left,
    uint64_t *revision) ALV_MUST;
enum alv_err sto_user_count(struct sto_store *s, struct alv_str tenant, size_t *n) ALV_MUST;
/* These groups in the place of those it has; its connections go on. *revision: the tenant's. */
enum alv_err sto_user_groups(struct sto_store *s, struct alv_str tenant, struct alv_str name, const struct pol_groups *g, uint64_t *revision)
    ALV_MUST;
enum alv_err sto_user_delete(struct sto_store *s, struct alv_str tenant, struct alv_str name, uint64_t *revision) ALV_MUST;

struct sto_alias {
	char	      tenant[TEN_ID_MAX + 1];
	enum ten_kind kind;
	char	      virt[512], phys[512];
	bool	      writable;
};
enum alv_err sto_alias_get(struct sto_store *s, struct alv_str tenant, enum ten_kind kind, struct alv_str virt,
    struct sto_alias *a) ALV_MUST;	/* NOT_FOUND */
/* The tenant's alias that stands for a physical name. */
enum alv_err sto_alias_of(struct sto_store *s, struct alv_str tenant, enum ten_kind kind, struct alv_str phys,
    struct sto_alias *a) ALV_MUST;
/* Any alias of another tenant than `except` whose target begins with prefix. */
enum alv_err sto_alias_into(struct sto_store *s, struct alv_str except, struct alv_str prefix, struct sto_alias *a) ALV_MUST;
enum alv_err sto_alias_put(struct sto_store *s, const struct sto_alias *a, uint64_t *revision) ALV_MUST;
enum alv_err sto_alias_delete(struct sto_store *s, const struct sto_alias *a, uint64_t *revision) ALV_MUST;

/* *added false: it was there already, and nothing was changed. The tenant gets its new revision with the first that is. */
enum alv_err sto_rule_add(struct sto_store *s, struct alv_str tenant, const struct pol_rule *r, bool *added, uint64_t *revision) ALV_MUST;
enum alv_err sto_rule_delete(struct sto_store *s, struct alv_str tenant, const struct pol_rule *r, uint64_t *revision) ALV_MUST; /* NOT_FOUND */
enum alv_err sto_rule_count(struct sto_store *s, struct alv_str tenant, size_t *n) ALV_MUST;
/* Every rule of the tenant; its texts live until each() returns. each() must not use the store; what it answers but OK
 * ends it. */
enum alv_err sto_rule_each(struct sto_store *s, struct alv_str tenant, void *arg,
    enum alv_err (*each)(void *arg, const struct pol_rule *r)) ALV_MUST;

/* The entity's limits are just these from now on; none (set 0): it has no row any more. */
enum alv_err sto_quota_put(struct sto_store *s, struct alv_str tenant, const struct pol_quota *q, uint64_t *revision) ALV_MUST;
enum alv_err sto_quota_count(struct sto_store *s, struct alv_str tenant, size_t *n) ALV_MUST;	/* entities */

/* ---- everything of one tenant, for pol_build ------------------------------------------------------------ */

struct sto_parts {
	struct pol_parts  parts;
	struct sto_tenant tenant;
	struct alv_arena  text;
};
/* Inside or outside a transaction. NOT_FOUND. On failure nothing is left to free. */
enum alv_err sto_parts_load(struct sto_store *s, struct alv_str id, struct sto_parts *p) ALV_MUST;
void	     sto_parts_fini(struct sto_parts *p);	/* wipes keys */

#endif
