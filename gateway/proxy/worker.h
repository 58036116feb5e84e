/* A worker: one thread, one loop, its connections. It shares nothing that is written on the hot path. */
#ifndef PX_WORKER_H
#define PX_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/loop.h"
#include "net/stream.h"
#include "proxy/client.h"
#include "proxy/gateway.h"
#include "upstream/link.h"


struct px_worker {
	struct px_gateway    *gateway;
	unsigned	      number;
	pthread_t	      thread;
	_Atomic bool	      running;
	struct net_loop	     *loop;
	struct alv_pool	     *pool;
	struct net_stream_ctx net;
	struct ups_ctx	      ups;
	struct api_worker     api;
	int		      reader;		/* in the qsbr */
	struct px_client     *clients;		/* all of them, newest first */
	struct px_crowd	      crowd;		/* those that have not proved who they are */
	struct px_request    *spare;		/* for the next requests (request.c) */
	unsigned	      nspare;
	struct px_client     *sweep_at;		/* the next one to look at; NULL: no sweep is under way */
	bool		      sweep_anew;	/* something changed since it began */
	struct net_later      sweep;
	struct net_timer      second;		/* load figures, drain */
	struct px_mover	      mover;
	bool		      ending;
	struct {			/* drain.c */
		bool		  begun;
		struct net_timer  timer;
		struct px_client *at;		/* the next one to ask; NULL: the round is over */
		enum px_leave	  how;
		uint64_t	  from_us, grace_us;
		size_t		  n, asked;	/* connections at the beginning, and of them */
	} drain;
	unsigned	      next_broker;	/* bootstrap connections go round */
	_Atomic int	      doing;		/* for the watchdog: the api key at hand + 1; 0: none */
	/* read by the acceptor */
	_Atomic uint32_t      connections;
};

struct px_worker *px_worker_new(struct px_gateway *g, unsigned number) ALV_MUST;
enum alv_err	  px_worker_start(struct px_worker *w) ALV_MUST;
void		  px_worker_stop(struct px_worker *w);	/* joins */
void		  px_worker_free(struct px_worker *w);

/* For the watchdog, any thread: what a worker (arg) is at. */
const char *px_worker_doing(const void *arg);

/* The list of clients. Forget also takes it out of what goes through the list just now. */
void px_worker_add(struct px_worker *w, struct px_client *c);
void px_worker_forget(struct px_worker *w, struct px_client *c);
/* An ending worker whose last client is gone stops. */
void px_worker_perhaps_over(struct px_worker *w);

/* net_accept_fn of every port; arg is the struct px_port. On the acceptor's loop: gives the descriptor to the worker
 * with the least load. */
void px_worker_accept(void *arg, struct net_listener *l, int fd, const struct sockaddr_storage *peer);

/* Any thread: the worker looks at all its connections (PX_SWEEP), or begins to close them (PX_DRAIN, within so many
 * milliseconds), or ends (PX_END). */
enum px_order { PX_SWEEP, PX_DRAIN, PX_END };
void px_worker_order(struct px_worker *w, enum px_order what, uint32_t ms);

/* drain.c; worker's thread. */
void px_drain_begin(struct px_worker *w, uint32_t grace_ms);

#endif
