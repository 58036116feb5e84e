/* One epoll loop per thread: descriptors, timers, work for later in the turn, and a mailbox for other threads.
 * A turn: read the clock once; run what is due; wait; run what is ready; run `later`; call the turn hooks. All
 * functions belong to the loop's thread but for net_mail_*. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <alcove/base.h>
#include <alcove/err.h>

struct net_loop;
struct net_fd;
struct net_timer;

typedef void (*net_fd_fn)(struct net_fd *f, uint32_t epoll_events);
typedef void (*net_timer_fn)(struct net_timer *t);

/* Embedded in whatever owns the descriptor. Level-triggered. */
struct net_fd {
	int	       fd;		/* -1: none */
	uint32_t       events;		/* what is asked for now */
	net_fd_fn      fn;
	struct net_loop *loop;
};

/* Embedded. In a wheel or heap of the loop: arming and disarming are O(log n) at most and never fail. */
struct net_timer {
	uint64_t	 at_us;		/* monotonic; meaningless while not armed */
	net_timer_fn	 fn;
	struct net_loop *loop;
	size_t		 slot;		/* the loop's; 0: not armed */
};

/* Embedded. Runs once, at the end of this turn (or of the next, when queued by a later): for frees and retries. */
struct net_later {
	struct net_later *next;
	void (*fn)(struct net_later *l);
	bool queued;
};

struct net_loop *net_loop_new(void) ALV_MUST;
void		 net_loop_free(struct net_loop *l);
/* Runs until net_loop_stop. */
void		 net_loop_run(struct net_loop *l);
void		 net_loop_stop(struct net_loop *l);
/* One turn that waits at most wait_ms; for tests. */
void		 net_loop_turn(struct net_loop *l, int wait_ms);
/* Monotonic microseconds, as read at the start of the turn. */
uint64_t	 net_loop_now(const struct net_loop *l);
/* Hooks: before the loop sleeps, and after it woke; `end` runs at the end of every turn (the quiet point). */
void		 net_loop_hooks(struct net_loop *l, void *arg, void (*before_wait)(void *), void (*after_wait)(void *),
		     void (*end)(void *));

enum alv_err net_fd_open(struct net_loop *l, struct net_fd *f, int fd, uint32_t events, net_fd_fn fn) ALV_MUST;
void	     net_fd_want(struct net_fd *f, uint32_t events);
void	     net_fd_close(struct net_fd *f);	/* closes the descriptor; no event of it comes after */

void net_timer_init(struct net_loop *l, struct net_timer *t, net_timer_fn fn);
void net_timer_set(struct net_timer *t, uint64_t at_us);	/* also moves an armed one */
void net_timer_stop(struct net_timer *t);

void net_later(struct net_loop *l, struct net_later *x);

/* Mailbox: messages by value from any thread to this loop's, bounded. A message is one heap object that begins with
 * struct net_mail; the handler owns it. Order per sender is kept. */
struct net_mail {
	struct net_mail *next;
	void (*fn)(struct net_loop *l, struct net_mail *m);	/* runs on the loop's thread; frees m */
};
enum { NET_MAIL_MAX = 65536 };
/* FULL: the caller keeps m. Any thread; wakes the loop. */
enum alv_err net_mail_send(struct net_loop *l, struct net_mail *m) ALV_MUST;
/* For messages that must arrive (answers to what this loop itself asked for, so bounded by what it asked). */
void net_mail_must(struct net_loop *l, struct net_mail *m);

#endif
