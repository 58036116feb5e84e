/* One epoll loop per thread: descriptors, timers, work for later in the turn, and a mailbox for other threads.
 * A turn: wait; read the clock; run the timers that are due; run what is ready; open the mail; run `later`; run what is
 * slow; call the end hook. Each of these stops when the turn's budget is used up (after one item at least, and an eighth of the budget); the
 * rest is the next turn's, before anything new of its kind. So a turn is as long as its budget and the longest single
 * item. All functions belong to the loop's thread but for net_mail_*. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <alcove/base.h>
#include <alcove/err.h>

#include <stdatomic.h>

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

/* Embedded, and a node of the loop's heap: arming and disarming are O(log n) (amortised) and never fail. */
struct net_timer {
	uint64_t	  at_us;	/* monotonic; meaningless while not armed */
	net_timer_fn	  fn;
	struct net_loop	 *loop;
	struct net_timer *child, *next, *prev;	/* the loop's */
	bool		  armed;
};

/* Embedded. Runs once, at the end of this turn (or of a next one: when queued by a later, or when the turn was full), in the
 * order of queueing: for frees and retries. */
struct net_later {
	struct net_later  *next, **link;
	struct net_queue  *queue;	/* where it waits; NULL: nowhere */
	void (*fn)(struct net_later *l);
};

struct net_loop *net_loop_new(void) ALV_MUST;
/* Mail that is still there is delivered first, so that its owners can free it: whoever sends must have ended. */
void		 net_loop_free(struct net_loop *l);
/* Runs until net_loop_stop. */
void		 net_loop_run(struct net_loop *l);
void		 net_loop_stop(struct net_loop *l);
/* One turn that waits at most wait_ms (-1: until something happens); for tests. */
void		 net_loop_turn(struct net_loop *l, int wait_ms);
/* Monotonic microseconds, as read when this turn's wait ended. */
uint64_t	 net_loop_now(const struct net_loop *l);
enum { NET_TURN_US = 1000 };	/* what a new loop's turn may take */
void		 net_loop_budget(struct net_loop *l, uint32_t us);
/* The work at hand has used its share of this turn: whoever goes on in a loop of its own queues itself as a later. Reads
 * the clock. */
bool		 net_loop_spent(const struct net_loop *l);
/* Another clock than alv_mono_us, for tests. */
void		 net_loop_clock(struct net_loop *l, uint64_t (*now_us)(void));
/* Hooks, each may be NULL: before the loop sleeps, and after it woke (not around a poll that does not wait); `end`
 * runs at the end of every turn (the quiet point). */
void		 net_loop_hooks(struct net_loop *l, void *arg, void (*before_wait)(void *), void (*after_wait)(void *),
		     void (*end)(void *));

/* SYSTEM: errno tells; f->fd is -1 then and the descriptor still the caller's. */
enum alv_err net_fd_open(struct net_loop *l, struct net_fd *f, int fd, uint32_t events, net_fd_fn fn) ALV_MUST;
void	     net_fd_want(struct net_fd *f, uint32_t events);
void	     net_fd_close(struct net_fd *f);	/* closes the descriptor; no event of it comes after */
void	     net_fd_leave(struct net_fd *f);	/* the loop forgets it; the descriptor stays open and in f->fd */

/* For a watchdog, any thread: odd while a turn runs, another number in each; even while the loop sleeps. */
const _Atomic uint64_t *net_loop_pulse(const struct net_loop *l);

void net_timer_init(struct net_loop *l, struct net_timer *t, net_timer_fn fn);
/* Also moves an armed one. Set from a timer's own function it runs in a later turn, never in the same. */
void net_timer_set(struct net_timer *t, uint64_t at_us);
void net_timer_stop(struct net_timer *t);

/* x->fn is set; x is zero where it never was queued. Queued twice it runs once. */
void net_later(struct net_loop *l, struct net_later *x);
void net_later_cancel(struct net_loop *l, struct net_later *x);
/* The same for work that takes long and may wait, as handshakes: it comes last in a turn, so that a storm of it delays
 * nobody else by more than one item a turn. Cancelled by net_later_cancel, too. */
void net_slow(struct net_loop *l, struct net_later *x);

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
