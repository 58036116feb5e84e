/* The configuration and the files that it names, read anew while everything runs: on SIGHUP, and when a file changed. */
#ifndef ALCOVE_RELOAD_H
#define ALCOVE_RELOAD_H

#include <alcove/config.h>
#include <alcove/meter.h>

#include "admin-api/server.h"
#include "control/control.h"
#include "jwks/fetcher.h"
#include "net/watch.h"
#include "proxy/gateway.h"

enum { RELOAD_PARTS_MAX = 64 + 2, RELOAD_TOLD_MAX = 2048 };

/* What has certificates: a listener, the admin API, the connections to brokers. */
struct reload_part {
	uint8_t		       print[NET_DIGEST];	/* of the options and files that are in use */
	size_t		       ncerts;
	struct met_certificate *certs;
};

struct reload {
	/* set by main; all of it outlives this */
	struct pol_config     *first;	/* what the process began with */
	struct net_loop	      *loop;
	struct px_gateway     *gateway;
	struct con_control    *control;
	struct adm_server     *admin;
	struct net_tls_client *upstream_tls;	/* NULL: plaintext */
	struct jwk_fetcher    *jwks;
	bool (*fits)(const struct pol_config *conf, struct alv_buf *words);	/* what it asks for, into what the system gives */
	/* its own */
	struct pol_config  *running;
	struct reload_old  *old;	/* replaced ones, newest first */
	struct net_watch   *watch;
	struct net_timer    timer;	/* frees old ones */
	uint8_t		    seen[NET_DIGEST];	/* of the file that was read last, taken or not */
	struct reload_part *parts;	/* listeners, admin, upstream */
	char		    told[RELOAD_TOLD_MAX];	/* the last failure: it is told once */
};

/* Before anything is made of the files that r->first names, so that no change is missed; the rest is set before the loop runs. */
enum alv_err reload_start(struct reload *r) ALV_MUST;
/* Now, whether or not anything changed. */
void reload_now(struct reload *r);
/* Loops and threads have ended. */
void reload_end(struct reload *r);

#endif
