/* Memory for what is on its way between clients and brokers: bytes that somebody reserved before they were read. One
 * budget for the process, a share of it at most for each tenant. Any thread; the quick ways are atomics only.
 *
 *     0                                          max - aside            max      max + max/8
 *     |------------- anybody, up to its share -------|-- floors ---------|-- grow --|
 *
 * Who would hold no more than `floor` afterwards may use the last part, too: so a tenant that is within its floor finds
 * room whatever the large ones do. Invariants: `used` is the sum of the cells' `used`, and each of these is the sum of
 * what its connections and waiters hold, whenever nobody is inside a function of ours; taking never brings a cell above
 * `share` nor the whole above max. Who waits is served in admit.c. */
#ifndef PX_BUDGET_H
#define PX_BUDGET_H

#include <alcove/config.h>

#include <pthread.h>
#include <stdatomic.h>

struct px_wait;

/* A tenant's part. Counted; found by name. */
struct px_cell {
	struct px_cell	*next;		/* in its bucket */
	unsigned	 refs;		/* under the budget's lock */
	char		 tenant[33];
	_Atomic size_t	 used;
	_Atomic unsigned waiting;
	/* under the budget's lock */
	struct px_cell	*ring_next, *ring_prev;	/* of cells that somebody waits for */
	struct px_wait	*first, *last;
};

enum { PX_CELL_BUCKETS = 256 };

struct px_budget {
	size_t		 max, share, floor, aside;
	_Atomic size_t	 used;
	_Atomic unsigned waiting;	/* who waits, of all cells */
	_Atomic unsigned blocked;	/* 1: the first of them waits for others' bytes, so nobody may overtake it with large ones */
	pthread_mutex_t	 lock;
	struct px_cell	*bucket[PX_CELL_BUCKETS];
	struct px_cell	*ring;		/* whose turn it is first */
};

struct px_budget *px_budget_new(const struct pol_limits *l) ALV_MUST;
/* Every byte and every cell must be back. */
void px_budget_free(struct px_budget *b);

/* The largest frame that may come where `configured` is: the share, if that is less. */
uint32_t px_budget_lowered(const struct px_budget *b, uint32_t configured);

/* NULL: out of memory. "" is the cell of those who have not said who they are. */
struct px_cell *px_cell_get(struct px_budget *b, const char *tenant) ALV_MUST;
void		px_cell_put(struct px_budget *b, struct px_cell *c);	/* NULL is allowed */

/* False: there is no room now, or others were here first. */
bool px_budget_take(struct px_budget *b, struct px_cell *c, size_t n) ALV_MUST;
/* For what turned out larger than was known: past share and max, by an eighth of max for all together. */
bool px_budget_grow(struct px_budget *b, struct px_cell *c, size_t n) ALV_MUST;
void px_budget_give(struct px_budget *b, struct px_cell *c, size_t n);
/* Somebody waits for what this cell holds. */
bool px_budget_pressed(const struct px_budget *b, const struct px_cell *c);

/* What the process may use: the least of the machine's memory and the limits of its control groups; 0: nobody knows. */
uint64_t px_memory_limit(void);

#endif
