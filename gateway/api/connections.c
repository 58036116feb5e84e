/* How many connections a tenant has, and how fast it gets new ones; the same for one address of its clients'. Judged at the end of a login,
 * which is the first moment at which it is known whose a connection is.
 *
 * Too fast: the answer to the login waits for its time. Who would wait longer than clients do is closed at once, and not charged,
 * so that those that come again and again take nothing from those that wait. Too many: it is closed. A failed login would be
 * an error that clients do not try again.
 * Invariant: what is counted is held by the connection, and counted off when it ends. */
#include "api/kit.h"
#include "quota/table.h"

enum { OF_TENANT, OF_ADDRESS, WHO };
enum { KIND_RATE = 64, KIND_COUNT = KIND_RATE + WHO };	/* beyond those of quota.c */
enum { BURST_US = 10000000 };				/* Kafka's window */

static bool
limit_of(const struct api_conn *c, const struct pol_tenant *t, enum pol_quota_key key, int who, struct pol_quota_cell *cell)
{
	return who == OF_TENANT ? pol_quota_tenant(t, key, cell) : pol_quota_address(t, key, alv_str_of(c->host), cell);
}

static struct quo_cell *
cell_of(const struct api_conn *c, const struct pol_tenant *t, int kind, int who, double per_s)
{
	const struct quo_key   k = { .tenant = t->names.id, .kind = (uint8_t)(kind + who),
		.name = { who == OF_TENANT ? ALV_STR_NULL : alv_str_of(c->host) } };
	const struct quo_limit l = { .per_s = per_s, .burst_us = per_s < 0 ? 0 : BURST_US, .build = t->build };

	return quo_get(c->w->shared->quotas, &k, &l, c->w->now_us, true);
}

uint64_t
api_connection_wait(const struct api_conn *c, struct alv_str tenant)
{
	struct quo_table	*q = c->w->shared->quotas;
	const struct pol_slot	*slot = q == NULL || c->auth == API_AUTH_DONE ? NULL : pol_dir_find(c->w->shared->dir, tenant);
	const struct pol_tenant *t = slot == NULL ? NULL : pol_slot_load(slot);
	struct quo_cell		*cell[WHO] = { NULL };
	struct pol_quota_cell	 limit;
	uint64_t		 most = c->w->shared->conf->quota.throttle_max_ms * UINT64_C(1000), wait = 0;

	for (int i = 0; t != NULL && i < WHO; i++) {
		if (!limit_of(c, t, POL_QUOTA_CONNECTION_CREATION_RATE, i, &limit))
			continue;
		cell[i] = cell_of(c, t, KIND_RATE, i, limit.limit);
		if (cell[i] != NULL && quo_debt_us(cell[i], c->w->now_us) >= most)
			wait = API_CONNECTION_REFUSED;
	}
	for (int i = 0; i < WHO; i++) {
		uint64_t w = cell[i] == NULL || wait == API_CONNECTION_REFUSED ? 0 : quo_charge(cell[i], 1, c->w->now_us);

		wait = w > wait ? w : wait;
		if (cell[i] != NULL)
			quo_put(q, cell[i], c->w->now_us);
	}
	return wait;
}

/* An address is counted where there is a limit of addresses only: they would take the places of other cells. */
static bool
enters(struct api_conn *c, const struct pol_tenant *t, int who)
{
	struct pol_quota_cell limit;
	bool		      limited = limit_of(c, t, POL_QUOTA_CONNECTIONS, who, &limit);
	struct quo_cell	     *cell = who == OF_ADDRESS && !limited ? NULL : cell_of(c, t, KIND_COUNT, who, -1);

	if (cell == NULL)
		return true;
	if (!quo_enter(cell, limited ? (uint64_t)limit.limit : UINT64_MAX)) {
		quo_put(c->w->shared->quotas, cell, c->w->now_us);
		return false;
	}
	c->counted[who] = cell;
	return true;
}

bool
api_connection_enters(struct api_conn *c)
{
	const struct pol_tenant *t = c->slot == NULL || c->w->shared->quotas == NULL ? NULL : pol_slot_load(c->slot);

	if (t == NULL || c->counted[OF_TENANT] != NULL)
		return true;
	return enters(c, t, OF_TENANT) && enters(c, t, OF_ADDRESS);
}

void
api_connection_leaves(struct api_conn *c)
{
	for (int i = 0; i < WHO; i++) {
		if (c->counted[i] == NULL)
			continue;
		quo_leave(c->counted[i]);
		quo_put(c->w->shared->quotas, c->counted[i], c->w->now_us);
		c->counted[i] = NULL;
	}
}
