/* The data path as a whole: listeners, workers, drain. Started and stopped by main. */
#ifndef PX_GATEWAY_H
#define PX_GATEWAY_H

#include <alcove/config.h>
#include <alcove/control.h>

#include <stdatomic.h>

#include "api/call.h"
#include "net/job.h"
#include "net/listener.h"
#include "net/tls.h"

struct px_worker;
struct px_port;
struct px_budget;

struct px_gateway {
	/* set by main before px_gateway_start, and kept alive until px_gateway_free */
	const struct pol_config *_Atomic conf;	/* the current one; see px_gateway_configure */
	struct con_control	    *control;
	struct alv_qsbr		    *qsbr;
	struct net_jobs		    *crypto, *resolver;
	const struct net_tls_client *upstream_tls;	/* NULL: plaintext */
	struct api_shared	     shared;
	struct net_loop		    *acceptor;		/* main's loop */
	/* the gateway's own */
	struct px_budget	    *budget;		/* memory, of all workers */
	unsigned		     nworkers;
	struct px_worker	   **workers;
	struct met_worker	   **meters;		/* one per worker, for the ops listener */
	size_t			     nports;
	struct px_port		    *ports;
	struct net_tls_server	   **tls;		/* one per listener; NULL: plaintext */
	_Atomic uint32_t	     connections;
	_Atomic uint32_t	     strangers;		/* of these, not logged in yet: crowd.c's */
	uint64_t		     refused, refused_told_us;	/* the acceptor's: since it was told, and when that was */
};

/* Creates the workers, so that meters exist; nothing is accepted yet. */
enum alv_err px_gateway_init(struct px_gateway *g) ALV_MUST;
/* Opens every listener and starts the workers. On failure nothing listens and err says what was wrong. */
enum alv_err px_gateway_start(struct px_gateway *g, struct alv_buf *err) ALV_MUST;
/* From here on the values of `conf` count: one that pol_config_needs_restart has passed. What it replaces must live as long as
 * anything that was begun under it, and the first one as long as the gateway. Any thread. */
void px_gateway_configure(struct px_gateway *g, const struct pol_config *conf);
/* TLS of listener i anew, in two steps (net/tls.h): by what conf says of it now, or from changed files. *out is NULL where
 * it has no TLS. Main's thread. */
enum alv_err px_tls_prepare(struct px_gateway *g, const struct pol_config *conf, size_t i, struct net_tls_server_set **out,
    struct alv_buf *err) ALV_MUST;
void	     px_tls_use(struct px_gateway *g, size_t i, struct net_tls_server_set *set);	/* takes set; NULL is allowed */
/* One line per bound port, for the log and for `--ready-file`: "<listener> <bootstrap|node id> <port>". */
void px_gateway_ports(const struct px_gateway *g, struct alv_buf *out);
/* Something was published (a tenant, the cluster's view, whose certificates are believed): every worker looks at its connections. Any thread. */
void px_gateway_published(struct px_gateway *g);
/* Closes the listeners; connections close between two requests. px_gateway_connections tells how many are left. */
void	 px_gateway_drain(struct px_gateway *g, uint32_t grace_ms);
uint32_t px_gateway_connections(const struct px_gateway *g);
/* Closes what is left and joins the workers. Their errands (topic ids, logins) must still be answered meanwhile. */
void px_gateway_end(struct px_gateway *g);
/* After the job pools ended: an orphaned answer may still have been in the mail. */
void px_gateway_free(struct px_gateway *g);

#endif
