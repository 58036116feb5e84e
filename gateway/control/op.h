/* Kinds of changes: how each is judged and written. One file for each thing that is changed; change.c does what is around it. */
#ifndef CON_OP_H
#define CON_OP_H

#include "control/change.h"

struct con_row {
	const char *name;	/* in the log */
	bool	    makes;	/* the tenant must not be there; else it must */
	bool	    deleted;	/* also of a tenant that is deleted */
	/* c->op is this one, its tenant is there as t says (`makes`: t is not filled). END: c has the words, or the revision. */
	enum con_need (*judge)(struct con_core *k, struct con_change *c, const struct sto_tenant *t);
	/* Inside the transaction, judged a moment ago: the rows and their audit. keys: where the judge needed them, else NULL. */
	enum alv_err (*write)(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys);
};

extern const struct con_row con_tenant_create, con_tenant_update, con_tenant_suspend, con_tenant_resume, con_tenant_delete;
extern const struct con_row con_user_put, con_user_delete, con_user_credentials, con_users_alter, con_users_delete;
extern const struct con_row con_alias_put, con_alias_delete;
extern const struct con_row con_acl_create, con_acl_delete, con_acl_replace;
extern const struct con_row con_quota_alter, con_quota_delete;

enum con_need con_end(struct con_change *c, enum alv_err err);
/* Nothing to change: done, with the revision there is. */
enum con_need con_unchanged(struct con_change *c, const struct sto_tenant *t);
/* One user's keys from elsewhere, but for their bytes. */
enum alv_err con_check_keys(struct con_change *c, const char *user, const struct pol_scram *k) ALV_MUST;
/* The write of con_user_put, but that nobody counts users. c->created: it was not there. */
enum alv_err con_user_write(struct con_core *k, struct con_change *c, struct sto_tenant *t, const struct pol_scram *keys) ALV_MUST;
/* Inside a transaction: are there not too many now? */
enum alv_err con_check_users(struct con_core *k, struct con_change *c, const struct sto_tenant *t) ALV_MUST;
/* STORE, with the store's words, which are logged. */
enum alv_err con_store_failed(struct con_core *k, struct con_change *c);

#endif
