/* Between the files of control/: the thread's state. */
#ifndef CON_CONTROL_INT_H
#define CON_CONTROL_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "control/census.h"
#include "control/change.h"
#include "control/control.h"
#include "upstream/follower.h"

/* One change on its way; see run.c. */
struct con_work {
	struct net_mail	    mail;	/* first: how it comes */
	struct con_work	   *next;
	struct con_control *control;
	struct con_change  *change;
};

/* One tenant that is being purged; see purge.c. */
struct con_purge {
	struct con_purge   *next;
	struct con_control *control;
	struct net_timer    timer;
	uint32_t	    wait_ms;
	char		    id[TEN_ID_MAX + 1];
};

struct con_control {
	struct con_conf	       conf;
	struct con_core	       core;
	struct net_loop	      *loop;
	struct alv_pool	      *pool;
	struct net_stream_ctx  net;
	struct ups_ctx	       ups;
	struct ups_follower   *follower;
	struct net_timer       tick;
	struct con_census      census;
	struct net_mail	       stop;
	pthread_t	       thread;
	bool		       net_made, ups_made, stopping;
	struct con_work	      *running, *waiting;	/* at most one of a tenant runs; the others wait, in order */
	struct con_work	      *natives;		/* what tenants' clients ask for, in order; see run.c */
	struct net_later       native_turn;
	size_t		       jobs;		/* in the crypto pool */
	struct con_purge      *purges;
	atomic_size_t	       pending;		/* changes between con_submit and done */
	atomic_bool	       reached, store_bad;
	pthread_mutex_t	       why_lock;
	char		       why[512];	/* why the cluster is not reached; behind the lock */
	char		       store_why[512];	/* why the store cannot be written; behind the lock */
	uint64_t	       probe_at_us;
};

enum { CON_PENDING_MAX = 1024, CON_NATIVE_MAX = 768, CON_PER_TENANT_MAX = 64 };

/* Ends every change that waits or runs, with UNAVAILABLE. */
void con_run_end(struct con_control *k);
void con_purge_start(struct con_control *k, const char *id);	/* known ones are left alone */
void con_purge_resume(struct con_control *k);			/* all that the store says are under way */
void con_purge_end(struct con_control *k);
void con_note_store(struct con_control *k);	/* for con_ready: can it be written, and why not */

#endif
