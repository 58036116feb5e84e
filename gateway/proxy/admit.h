/* Waiting for a place in the budget: first come first served within a tenant, tenants in turn.
 *
 *   px_admit_wait ──▶ WAITING ──serve──▶ GRANTED ──mail──▶ granted() on the waiter's loop, and freed
 *                        │                  │
 *                        └── px_admit_cancel ┴─▶ freed; what was granted goes back
 *
 * Bytes are taken on behalf of the waiter before it is told, by whoever gave them back: only those wake up who can go
 * on, and none is forgotten, because who comes counts itself as waiting before it tries for the last time, and who gives
 * looks for waiters after it gave. A tenant that waits for its own share stands in nobody's way; the first that waits for
 * others' bytes is overtaken only by those within their floor. */
#ifndef PX_ADMIT_H
#define PX_ADMIT_H

#include "net/loop.h"
#include "proxy/budget.h"

/* On the waiter's loop; the n bytes are the owner's from here on. */
typedef void (*px_granted_fn)(void *owner, size_t n);

/* NULL: out of memory. n is at most the share. */
struct px_wait *px_admit_wait(struct px_budget *b, struct px_cell *c, size_t n, struct net_loop *loop, px_granted_fn granted,
    void *owner) ALV_MUST;
/* On the waiter's loop, before granted() came. */
void px_admit_cancel(struct px_wait *w);
/* Something was given back. */
void px_admit_waiters(struct px_budget *b);

/* budget.c's, for admit.c: without regard to who waits. */
bool px_budget_claim(struct px_budget *b, struct px_cell *c, size_t n) ALV_MUST;
/* Would n more still be within the cell's floor? */
bool px_budget_small(const struct px_budget *b, const struct px_cell *c, size_t n) ALV_MUST;

#endif
