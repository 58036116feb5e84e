/* Who may connect to which broker when. One set per loop, so nothing here is shared between workers. */
#ifndef UPS_GATE_H
#define UPS_GATE_H

#include "upstream/link.h"

struct ups_gates;
struct ups_gate;
struct ups_gate_lane;

/* Embedded in who wants to connect; zero before its first use. */
struct ups_gate_pass {
	struct ups_gate	     *gate;	/* NULL: has no business with one */
	uint64_t	      who;	/* the caller's: tells tenants apart */
	struct ups_gate_lane *lane;	/* it waits there; NULL: it does not wait */
	struct ups_gate_pass *next, *prev;
	uint32_t	      round;	/* of the gate, when it was let through */
	/* One of them, once, when ups_gate_enter said AGAIN; never from inside it. May not free the pass. */
	void (*go)(struct ups_gate_pass *p);
	void (*refused)(struct ups_gate_pass *p, enum ups_end end, const char *words);
};

struct ups_gates_conf {
	uint32_t per_second, shares;	/* this loop may have one of `shares` equal parts; per_second 0: no limit */
	void (*on_waiting)(void *arg, int delta);	/* may be NULL */
	void *arg;
};
struct ups_gates *ups_gates_new(struct net_loop *l, const struct ups_gates_conf *c) ALV_MUST;
/* Nobody waits or is under way any more. */
void ups_gates_free(struct ups_gates *g);

/* Whoever waits does so in order among its own, who take turns. Nobody queues who would have to wait longer than wait_ms,
 * unless there is one of a longer queue whose place it can have. OK: connect, and say how it went. AGAIN: p->go or p->refused will be called. UNAVAILABLE: refused, *end and *words say
 * why, valid for the moment. NOMEM. */
enum alv_err ups_gate_enter(struct ups_gates *g, const char *host, uint16_t port, uint32_t wait_ms, struct ups_gate_pass *p,
    enum ups_end *end, const char **words) ALV_MUST;
/* One of them for each pass that was let through; all do nothing for one that has no gate. */
void ups_gate_reached(struct ups_gate_pass *p);
void ups_gate_failed(struct ups_gate_pass *p, enum ups_end end, const char *words);
/* Not the broker's doing: the owner gave up, also while waiting, or we had no memory, descriptor or port. */
void ups_gate_left(struct ups_gate_pass *p);

#endif
