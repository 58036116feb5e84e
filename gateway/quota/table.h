/* The cells of all tenants, by what they limit and whom. One table for the process; any thread, under one lock that is taken when a
 * connection finds its cells, not when it charges them.
 *
 * A cell stays while somebody holds it, and until it has forgotten what was charged: who reconnects meets the debt that it left.
 * Bounded: a tenant's names beyond QUO_TENANT_MAX cells share one cell of each kind, so ever new client ids buy nothing, and neither
 * does filling the table.
 * Invariants: no two cells have the same key; a cell's rate is that of the newest build that it was got for. */
#ifndef QUOTA_TABLE_H
#define QUOTA_TABLE_H

#include "quota/cell.h"

enum { QUO_TENANT_MAX = 4096, QUO_CELLS_MAX = 262144, QUO_NAMES = 2 };

/* Names are views for the call; null and "" are two names. Of a name longer than 255 bytes its head counts. */
struct quo_key {
	struct alv_str tenant;
	uint8_t	       kind;	/* the caller's number for what is limited */
	struct alv_str name[QUO_NAMES];
};

struct quo_limit {
	double	 per_s;
	uint64_t burst_us;
	uint64_t build;		/* of the snapshot that says so: they grow */
};

struct quo_table;
struct quo_table *quo_table_new(size_t tenant_max, size_t max) ALV_MUST;	/* NULL: no memory */
void		  quo_table_free(struct quo_table *t);	/* every cell must be back; NULL is allowed */

/* The key's cell, with this limit from now on. `fresh`: one that is made anew has all its credit; false: none, where the limit is
 * what is new. NULL: no memory. */
struct quo_cell *quo_get(struct quo_table *t, const struct quo_key *k, const struct quo_limit *l, uint64_t now_us, bool fresh) ALV_MUST;
/* It is held once more. */
void		 quo_hold(struct quo_table *t, struct quo_cell *c);
void		 quo_put(struct quo_table *t, struct quo_cell *c, uint64_t now_us);	/* NULL is allowed */
/* How many there are; of them, those that nobody holds. */
size_t quo_count(struct quo_table *t, size_t *idle);

#endif
