/* Starting and stopping the control thread: the one that owns the store, follows the physical cluster and makes every
 * snapshot. What may be asked of it is in <alcove/control.h>. */
#ifndef CON_CONTROL_H
#define CON_CONTROL_H

#include <alcove/buf.h>
#include <alcove/cluster.h>
#include <alcove/config.h>
#include <alcove/control.h>
#include <alcove/qsbr.h>

#include "net/job.h"
#include "net/tls.h"

/* All of it outlives the control. */
struct con_conf {
	const struct pol_config	    *conf;
	struct alv_qsbr		    *qsbr;
	struct pol_dir		    *dir;
	struct clu_board	    *board;
	struct net_jobs		    *crypto, *resolver;
	struct tal_book		    *tally;
	const struct net_tls_client *upstream_tls;	/* NULL: plaintext */
	/* A tenant's snapshot or the cluster's view changed: wake whoever should look. On the control thread. */
	void (*on_publish)(void *arg);
	void *arg;
};

/* Opens the store (creating or migrating it), publishes every tenant's snapshot into conf->dir, then starts the thread:
 * when this returns OK, clients may come. The cluster need not be there. On failure *c is NULL and words say which file
 * and why. */
enum alv_err con_start(const struct con_conf *conf, struct con_control **c, struct alv_buf *words) ALV_MUST;
/* From here on the values of conf count; see px_gateway_configure. Any thread. */
void con_configure(struct con_control *c, const struct pol_config *conf);
/* Ends the thread, answers what is pending with UNAVAILABLE, closes the store, frees. Nobody may call con_* any more,
 * and the job pools must still be there: it waits for its own jobs. NULL is allowed. */
void con_stop(struct con_control *c);

/* What fake accounts are made of (aut_account_fill, aut_account_nobody): 32 bytes from the store, the same after a restart. Constant while
 * the control lives, any thread. */
struct alv_str con_fake_secret(const struct con_control *c);

#endif
