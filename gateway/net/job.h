/* Work that may not run on a loop: PBKDF2 and signatures (crypto pool), name resolution. A bounded queue per kind,
 * fair by tenant (round robin over keys), a few threads. The answer comes back to the asking loop by mailbox. */
#ifndef NET_JOB_H
#define NET_JOB_H

#include "net/loop.h"

#include <sys/socket.h>

struct net_jobs;

/* Embedded as the first member of a heap object. `work` runs on a pool thread and touches only the object; `done` runs
 * on `loop`'s thread and owns the object again. A job is never cancelled: its owner marks it as orphaned and frees it in done. */
struct net_job {
	struct net_mail	 mail;
	struct net_loop *loop;
	uint64_t	 fair_key;	/* e.g. hash of the tenant id */
	uint64_t	 part_key;	/* within that, e.g. of a client's address; 0: it is no part */
	void (*work)(struct net_job *j);
	void (*done)(struct net_job *j);
	struct net_job	*next;
};

struct net_jobs *net_jobs_new(unsigned threads, size_t queue_max, size_t per_key_max) ALV_MUST;
/* Waits for what runs; queued ones are run. The loops that asked must still be there: their done comes by mail. */
void		 net_jobs_free(struct net_jobs *p);
/* FULL: the queue, or this key's share of it, is full, or this part of the key has as much of that share as it leaves to others; the
 * caller keeps the job. Any thread. */
enum alv_err net_jobs_submit(struct net_jobs *p, struct net_job *j) ALV_MUST;

/* getaddrinfo as a job; r->job.fair_key may be set after init. A host that is an address needs no DNS. The caller
 * submits &r->job. */
struct net_resolve;
/* On a thread of the pool: fills addr, len, n (at least 1) and answers 0, or one of getaddrinfo's errors. */
typedef int net_lookup_fn(struct net_resolve *r);
struct net_resolve {
	struct net_job		job;
	char			host[256];
	uint16_t		port;
	int			gai_error;	/* 0: ok */
	net_lookup_fn	       *lookup;		/* set after init for another than getaddrinfo */
	size_t			n;
	struct sockaddr_storage addr[8];
	socklen_t		len[8];
	void		       *owner;
};
void net_resolve_init(struct net_resolve *r, struct net_loop *loop, const char *host, uint16_t port, void *owner,
    void (*done)(struct net_job *j));

#endif
