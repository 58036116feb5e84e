/* What loop.c, timer.c and mail.c share; nobody else looks inside a loop. */
#ifndef NET_LOOP_INT_H
#define NET_LOOP_INT_H

#include "net/loop.h"

#include <pthread.h>
#include <sys/epoll.h>

enum { NET_READY_MAX = 256 };

struct net_mailbox {
	pthread_mutex_t	 lock;		/* over head, last, n */
	struct net_mail *head, **last;
	size_t		 n;
	struct net_mail *open;		/* taken out, not yet run: the loop's alone, as is what follows */
	bool		 woken;		/* the list is to be taken once `open` is through */
	struct net_fd	 wake;
};

/* New ones join `wait`; the batch at hand is `run`. Only the end of `wait` is also pointed to by last. */
struct net_queue {
	struct net_later *run, *wait, **last;
};

struct net_loop {
	int		   ep;
	bool		   stop, in_timers;
	uint64_t	   now, until;	/* until: when the work at hand has used its share of the turn */
	uint32_t	   budget_us;
	_Atomic uint64_t   pulse;
	uint64_t (*clock)(void);
	struct net_timer  *timers;	/* the root of the heap */
	struct net_queue   later, slow;
	struct net_mailbox box;
	void		  *hook_arg;
	void (*before_wait)(void *);
	void (*after_wait)(void *);
	void (*end)(void *);
	int		   at, nready;	/* of the batch of events at hand, the next and how many */
	struct epoll_event ready[NET_READY_MAX];
};

void	     net_timers_run(struct net_loop *l);
enum alv_err net_mail_init(struct net_loop *l) ALV_MUST;
void	     net_mail_fini(struct net_loop *l);
void	     net_mail_run(struct net_loop *l);
/* Begins the share of one kind of work: until the turn's budget is used up, and an eighth of it at least. */
void	     net_loop_share(struct net_loop *l);

#endif
