/* The one way in which state changes: judged, written with its audit, published. No thread, no socket: what has to be
 * asked of others (keys, the cluster) is done between con_judge and con_apply by whoever runs the change. */
#ifndef CON_CHANGE_H
#define CON_CHANGE_H

#include <alcove/cluster.h>
#include <alcove/config.h>
#include <alcove/control.h>

#include "state/store.h"

struct con_core {
	struct sto_store       *store;
	struct pol_dir	       *dir;
	const struct clu_board *board;
	const struct pol_config *_Atomic conf;	/* for the listeners' host names; NULL: there are none. A reload sets it */
	_Atomic uint32_t	iterations;	/* of new SCRAM keys */
	_Atomic uint32_t	audit_native_rows;	/* as the configuration says */
	const uint8_t	       *quotas;		/* what is enforced, as pol_quota_value_check takes it */
	void (*on_publish)(void *arg);
	void		       *arg;
	bool			store_bad;	/* the last write failed */
	bool			unpublished;	/* something is in the store that could not be published */
};

enum con_need {
	CON_NEED_NOTHING,	/* con_apply at once */
	CON_NEED_KEYS,		/* make SCRAM keys from the password first */
	CON_NEED_SCAN,		/* ask the cluster for names with the tenant's prefix first */
	CON_NEED_END		/* refused, or nothing is to be done: c says */
};

/* Looks at everything that can be judged here and now. */
enum con_need con_judge(struct con_core *k, struct con_change *c);
/* Judges anew (something else may have happened meanwhile), then all or nothing: rows and audit in one transaction,
 * the snapshot, published. keys: POL_MECHANISMS of them where the password is new, else NULL. Fills c->err, detail,
 * created, revision. */
void con_apply(struct con_core *k, struct con_change *c, const struct pol_scram *keys);
/* A deleted tenant of which nothing is left on the cluster: its rows go, and aliases of others into it, so that the id
 * can be given to somebody else. */
enum alv_err con_purged(struct con_core *k, struct alv_str id) ALV_MUST;
/* Every tenant's snapshot anew: at start, and after con_core.unpublished. */
enum alv_err con_publish_all(struct con_core *k) ALV_MUST;

/* The change's tenant as it is served, which is what the store says of it; NULL: nothing. */
const struct pol_tenant *con_snapshot(const struct con_core *k, const struct con_change *c);
/* Sets err and the text for a person; answers err. */
enum alv_err con_say(struct con_change *c, enum alv_err err, const char *fmt, ...) ALV_PRINTF(3, 4);

/* ---- check.c: one question each; on failure c has the words ------------------------------------------ */
enum alv_err con_check_id(struct con_change *c) ALV_MUST;
enum alv_err con_check_display_name(struct con_change *c) ALV_MUST;
enum alv_err con_check_user(struct con_change *c) ALV_MUST;
enum alv_err con_check_password(struct con_change *c) ALV_MUST;
enum alv_err con_check_alias(struct con_change *c) ALV_MUST;	/* spelling only */
enum alv_err con_check_origin(struct con_change *c) ALV_MUST;
enum alv_err con_check_fits(const struct pol_config *conf, struct con_change *c) ALV_MUST;	/* the id, at the listeners */
/* own: TEN_OWN_MAX of them, views into c. CONFLICT: a host is below a listener's domain, or another tenant has it. */
enum alv_err con_check_own(struct con_core *k, struct con_change *c, struct ten_own *own) ALV_MUST;
/* What was judged good, for the store; own outlives t's writing. */
enum alv_err con_own_give(struct con_change *c, struct sto_tenant *t, struct ten_own own[static TEN_OWN_MAX]) ALV_MUST;
/* Has the tenant just these? The snapshot is what the store says. */
bool	     con_own_same(const struct con_core *k, const struct con_change *c);
/* Super users: spelt well, each once. */
enum alv_err con_check_supers(struct con_change *c) ALV_MUST;
enum alv_err con_check_auto_create(struct con_change *c) ALV_MUST;
/* Authorizer and super users, what was judged good, for the store; supers outlives t's writing. */
void	     con_access_give(const struct con_change *c, struct sto_tenant *t, struct alv_str supers[static POL_SUPERS_MAX]);
/* Does the change leave them as they are? */
bool	     con_access_same(const struct con_core *k, const struct con_change *c, const struct sto_tenant *t);
const char  *con_kind_name(enum ten_kind kind);

#endif
