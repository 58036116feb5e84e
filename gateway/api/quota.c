/* What a connection's requests are charged to, and how long its client has to wait for it.
 *
 * A request is charged as it comes, by the size of its frame; what Fetch and ShareFetch bring is charged as soon as its size is known,
 * before the first byte of the answer leaves. Each charge says when it is paid for. As Kafka does it (KIP-124, KIP-219): the request
 * is served all the same, its answer tells how long to wait, and for so long nothing is taken of the connection (muted_until_us, which
 * the proxy keeps). What is not paid by the end of the longest wait stays a debt.
 *
 * A broker that finds a fetch over its quota throws away what it read and answers without records. Here that would cost the broker
 * and the link twice, so what comes is passed on and charged, and what may come is lowered beforehand (api_quota_fetch_max) to what
 * the cells can pay within WITHIN_US. Were that the longest wait, one answer could be a sixth of what passes in half a minute.
 *
 * Invariants: a call is charged once in each direction; cells are found when the snapshot or the client id is another one, and are
 * this connection's until then, so a charge looks nothing up. */
#include "api/readers.h"

#include <stdlib.h>

#include "quota/table.h"

enum {
	CLIENT_MAX = 255,		/* longer ids count by their head; see quota/table.h */
	LEAST_US = 1000,		/* clients are told milliseconds: less waits for the next charge */
	SLACK_US = LEAST_US / 2,	/* small requests are charged together, before they owe more than this */
	WITHIN_US = 500000,
	ASKED_US = 10000000,		/* within that a topic is there, or is asked for anew */
	FETCH_LEAST = 64 * 1024
};

static const struct {
	enum pol_quota_key key;
	uint32_t	   burst_us;	/* see quota/cell.h */
	double		   units;	/* that are charged, of one of the limit's */
} rows[API_CHARGES] = {
	[API_Q_PRODUCE] = { POL_QUOTA_PRODUCER_BYTE_RATE, 1000000, 1 },
	[API_Q_FETCH] = { POL_QUOTA_CONSUMER_BYTE_RATE, 1000000, 1 },
	[API_Q_REQUESTS] = { POL_QUOTA_REQUEST_RATE, 1000000, 1 },
	[API_Q_TIME] = { POL_QUOTA_REQUEST_PERCENTAGE, 1000000, 1e4 },	/* microseconds of a percent */
	[API_Q_MUTATIONS] = { POL_QUOTA_CONTROLLER_MUTATION_RATE, 11000000, 1 },	/* Kafka's bucket: controller.quota.window.num */
};

/* ---- finding cells --------------------------------------------------------------------------------------- */

struct finding {
	const struct api_conn	*conn;
	const struct pol_tenant *tenant;
	struct alv_str		 client_id, group;	/* group null: it is nobody's */
	uint64_t		 now_us;
	bool			 fresh, group_known;
};

static bool
limit(const struct finding *f, enum api_charge what, int level, struct pol_quota_cell *c)
{
	if (level == API_Q_GROUP)
		return what == API_Q_FETCH && f->group_known && pol_quota_group(f->tenant, rows[what].key, f->group, c);
	if (level == API_Q_TENANT)
		return pol_quota_tenant(f->tenant, rows[what].key, c);
	return pol_quota_client(f->tenant, rows[what].key, alv_str_of(f->conn->principal), f->client_id, c);
}

/* False: no memory. */
static bool
find(const struct finding *f, enum api_charge what, int level, struct quo_cell **cell)
{
	struct pol_quota_cell c;
	struct quo_key	      k = { .tenant = alv_str_of(f->conn->tenant), .kind = (uint8_t)(what * API_Q_LEVELS + level) };
	struct quo_limit      l = { .burst_us = rows[what].burst_us, .build = f->tenant->build };

	*cell = NULL;
	if (!limit(f, what, level, &c))
		return true;
	l.per_s = c.limit * rows[what].units;
	if (level != API_Q_TENANT) {
		k.name[0] = c.part[0];
		k.name[1] = c.part[1];
	}
	*cell = quo_get(f->conn->w->shared->quotas, &k, &l, f->now_us, f->fresh);
	return *cell != NULL;
}

/* What every cell that there is can do without. */
static uint64_t
slack_of(struct quo_cell *const cell[API_Q_LEVELS])
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < API_Q_GROUP; i++) {
		uint64_t n = cell[i] == NULL ? UINT64_MAX : quo_within(cell[i], SLACK_US);

		least = n < least ? n : least;
	}
	return least;
}

/* The last small ones, which nobody is told of. */
static void
charge_pending(struct api_quota *q, uint64_t now_us)
{
	for (int i = 0; i < API_CHARGES; i++) {
		for (int j = 0; j < API_Q_GROUP && q->pending[i] > 0; j++)
			if (q->cell[i][j] != NULL)
				(void)quo_charge(q->cell[i][j], q->pending[i], now_us);
		q->pending[i] = 0;
	}
}

static void
let_go(struct api_conn *c, struct quo_cell *cells[API_CHARGES][API_Q_LEVELS], uint64_t now_us)
{
	for (int i = 0; i < API_CHARGES; i++)
		for (int j = 0; j < API_Q_LEVELS; j++)
			quo_put(c->w->shared->quotas, cells[i][j], now_us);
}

static bool
same_client(const struct api_quota *q, struct alv_str id)
{
	return q->client_n == id.n && memcmp(q->client_id, id.p == NULL ? "" : id.p, id.n < CLIENT_MAX ? id.n : CLIENT_MAX) == 0;
}

static bool
remember_client(struct api_quota *q, struct alv_str id)
{
	size_t n = id.n < CLIENT_MAX ? id.n : CLIENT_MAX;
	char  *p;

	if (q->client_id != NULL && same_client(q, id))
		return true;
	p = malloc(n + 1);
	if (p == NULL)
		return false;
	if (n > 0)
		memcpy(p, id.p, n);
	free(q->client_id);
	q->client_id = p;
	q->client_n = id.n;
	return true;
}

/* Cells by this snapshot for this client id; those that stay keep what was charged to them. Without memory there are some that
 * are missing until the next request. */
static void
settle(struct api_conn *c, const struct pol_tenant *t, struct alv_str client_id, uint64_t now_us)
{
	struct api_quota *q = &c->quota;
	struct finding	  f = { .conn = c, .tenant = t, .client_id = client_id, .now_us = now_us, .fresh = q->build == 0 || q->build == t->build };
	struct quo_cell	 *old[API_CHARGES][API_Q_LEVELS];
	bool		  all = remember_client(q, client_id);

	charge_pending(q, now_us);
	memcpy(old, q->cell, sizeof(old));
	q->limited = 0;
	for (int i = 0; i < API_CHARGES; i++) {
		for (int j = 0; j < API_Q_LEVELS; j++) {
			all = find(&f, i, j, &q->cell[i][j]) && all;
			q->limited |= (uint8_t)((q->cell[i][j] != NULL) << i);
		}
		q->slack[i] = slack_of(q->cell[i]);
	}
	if (t->quota_keys[POL_QUOTA_OF_GROUP] >> POL_QUOTA_CONSUMER_BYTE_RATE & 1)
		q->limited |= 1 << API_Q_FETCH;
	c->fetcher.known = false;	/* the next fetch finds its group's */
	q->by_client = t->quota_keys[POL_QUOTA_OF_CLIENT] != 0;
	q->build = all ? t->build : 0;
	let_go(c, old, now_us);
}

static bool
limited(struct api_call *c)
{
	struct api_quota *q = &c->conn->quota;

	if (c->conn->w->shared->quotas == NULL || c->conn->auth != API_AUTH_DONE || c->tenant == NULL)
		return false;
	if (q->build != c->tenant->build || (q->by_client && !same_client(q, c->hdr.client_id)))
		settle(c->conn, c->tenant, c->hdr.client_id, c->conn->w->now_us);
	return q->limited != 0;
}

void
api_quota_fini(struct api_conn *c)
{
	/* Also what its last requests took: else who comes anew for each one has them for nothing. */
	if (c->quota.limited & 1 << API_Q_TIME)
		c->quota.pending[API_Q_TIME] += c->quota.worked_us;
	if (c->quota.limited != 0)
		charge_pending(&c->quota, c->w->now_us);
	if (c->quota.limited != 0)
		let_go(c, c->quota.cell, c->w->now_us);
	free(c->quota.client_id);
	c->quota = (struct api_quota){ 0 };
}

/* ---- charging ----------------------------------------------------------------------------------------------- */

static uint64_t
longest_us(const struct api_conn *c)
{
	return c->w->shared->conf->quota.throttle_max_ms * UINT64_C(1000);
}

static void
throttle(struct api_call *c, enum api_charge what, uint64_t wait_us, uint64_t bytes)
{
	struct api_quota *q = &c->conn->quota;
	uint64_t	  most = longest_us(c->conn), until;

	if (wait_us < LEAST_US)
		return;
	wait_us = wait_us < most ? wait_us : most;
	until = c->conn->w->now_us + wait_us;
	if (until > c->throttle_until_us)
		c->throttle_until_us = until;
	if (until > q->muted_until_us)
		q->muted_until_us = until;
	met_throttled(c->conn->w->meter, &c->conn->meter, alv_str_of(c->conn->tenant), (enum met_quota)what, wait_us, bytes);
}

static void
pay(struct api_call *c, enum api_charge what, uint64_t units)
{
	struct api_quota       *q = &c->conn->quota;
	struct quo_cell *const *cell = q->cell[what];
	uint64_t		now = c->conn->w->now_us, wait = 0;

	q->pending[what] = 0;
	for (int i = 0; i < API_Q_GROUP; i++) {
		uint64_t w = cell[i] == NULL ? 0 : quo_charge(cell[i], units, now);

		wait = w > wait ? w : wait;
	}
	q->paid_us[what] = now + wait;
	if (wait >= LEAST_US)
		throttle(c, what, wait, what <= API_Q_FETCH ? units : 0);
}

/* Cells of the tenant and of the client. Small ones wait for others while nothing is owed. */
static inline void
charge(struct api_call *c, enum api_charge what, uint64_t units)
{
	struct api_quota *q = &c->conn->quota;

	units += q->pending[what];
	if (units <= q->slack[what] && c->conn->w->now_us >= q->paid_us[what])
		q->pending[what] = units;
	else
		pay(c, what, units);
}

void
api_quota_request(struct api_call *c)
{
	if (c->counted || !limited(c))
		return;
	c->counted = true;
	if (c->conn->quota.limited & 1 << API_Q_TIME) {	/* what went before took so long */
		charge(c, API_Q_TIME, c->conn->quota.worked_us);
		c->conn->quota.worked_us = 0;
	}
	if (c->conn->quota.limited & 1 << API_Q_REQUESTS)
		charge(c, API_Q_REQUESTS, 1);
	if (c->conn->quota.limited & 1 << API_Q_PRODUCE && c->hdr.key == KFK_API_PRODUCE)
		charge(c, API_Q_PRODUCE, c->request_bytes);
}

void
api_quota_response(struct api_call *c, uint64_t bytes)
{
	struct quo_cell *const *cell = c->conn->quota.cell[API_Q_FETCH];

	if ((c->hdr.key != KFK_API_FETCH && c->hdr.key != KFK_API_SHARE_FETCH) || !limited(c))
		return;
	for (int i = 0; i < API_Q_LEVELS; i++)
		if (c->promised > 0 && cell[i] != NULL)
			quo_kept(cell[i], (uint64_t)c->promised, c->promised_us, c->conn->w->now_us);
	c->promised = 0;
	charge(c, API_Q_FETCH, bytes);
	if (c->group != NULL)
		throttle(c, API_Q_FETCH, quo_charge(c->group, bytes, c->conn->w->now_us), bytes);
	api_quota_over(c);
}

void
api_quota_over(struct api_call *c)
{
	if (c->group != NULL)
		quo_put(c->conn->w->shared->quotas, c->group, c->conn->w->now_us);
	c->group = NULL;
}

bool
api_conn_timed(const struct api_conn *c)
{
	return c->quota.limited >> API_Q_TIME & 1;
}

/* KIP-599: who is in debt is refused by versions that know the code for that; the others only wait, and so does who refuses. */
int16_t
api_quota_mutates(struct api_call *c, uint64_t partitions, bool strict)
{
	struct quo_cell *const *cell = c->conn->quota.cell[API_Q_MUTATIONS];
	uint64_t		owed = 0;

	if (!api_quota_limits(c, API_Q_MUTATIONS) || partitions == 0)
		return 0;
	for (int i = 0; strict && i < API_Q_GROUP; i++) {
		uint64_t o = cell[i] == NULL ? 0 : quo_debt_us(cell[i], c->conn->w->now_us);

		owed = o > owed ? o : owed;
	}
	if (owed > 0) {
		throttle(c, API_Q_MUTATIONS, owed < LEAST_US ? LEAST_US : owed, 0);
		return KFK_THROTTLING_QUOTA_EXCEEDED;
	}
	for (int i = 0; i < API_Q_GROUP; i++) {
		uint64_t o = cell[i] == NULL ? 0 : quo_charge(cell[i], partitions, c->conn->w->now_us);

		owed = o > owed ? o : owed;
	}
	if (!strict)
		throttle(c, API_Q_MUTATIONS, owed, 0);
	return 0;
}

int16_t
api_quota_asked(struct api_call *c, struct alv_str phys, uint64_t partitions)
{
	struct api_worker    *w = c->conn->w;
	const uint64_t	      key[] = { (uintptr_t)w, API_Q_MUTATIONS };
	uint64_t	      name = alv_hash_keyed(phys.p, phys.n, key);
	struct api_asked_for *x = &w->asked[name % API_ASKED_FOR];
	int16_t		      code;

	if (!api_quota_limits(c, API_Q_MUTATIONS) || (x->name == name && w->now_us < x->until_us))
		return 0;
	code = api_quota_mutates(c, partitions, true);
	if (code == 0)
		*x = (struct api_asked_for){ name, w->now_us + ASKED_US };
	return code;
}

/* ---- fetches, beforehand --------------------------------------------------------------------------------- */

bool
api_quota_limits(const struct api_call *c, enum api_charge what)
{
	return c->conn->quota.limited >> what & 1;
}

int64_t
api_quota_fetch_max(struct api_call *c, int64_t want)
{
	struct quo_cell *const *cell = c->conn->quota.cell[API_Q_FETCH];

	if (!api_quota_limits(c, API_Q_FETCH) || want <= FETCH_LEAST)
		return want;
	for (int i = 0; i < API_Q_LEVELS; i++)
		if (cell[i] != NULL)
			want = (int64_t)quo_affords(cell[i], (uint64_t)want, FETCH_LEAST, WITHIN_US, c->conn->w->now_us);
	c->promised = want;
	return want;
}

/* The group's cell, of the connection until the next fetch is another's; the call holds its own, since others may pass it. */
static void
find_group(struct api_call *c)
{
	struct quo_cell **cell = &c->conn->quota.cell[API_Q_FETCH][API_Q_GROUP], *old = *cell;
	struct finding	  f = { c->conn, c->tenant, .now_us = c->conn->w->now_us, .fresh = true, .group_known = true };

	if (api_reader_group(c, &f.group)) {
		(void)find(&f, API_Q_FETCH, API_Q_GROUP, cell);
		quo_put(c->conn->w->shared->quotas, old, f.now_us);
	}
	if (*cell != NULL)
		quo_hold(c->conn->w->shared->quotas, *cell);
	c->group = *cell;
}

void
api_quota_forwarded(struct api_call *c)
{
	struct quo_cell *const *cell = c->conn->quota.cell[API_Q_FETCH];

	api_quota_over(c);
	if ((c->hdr.key == KFK_API_FETCH || c->hdr.key == KFK_API_SHARE_FETCH) && api_reader_wanted(c) && c->conn->quota.limited != 0)
		find_group(c);
	c->promised_us = c->conn->w->now_us;
	for (int i = 0; i < API_Q_LEVELS; i++)
		if (c->promised > 0 && cell[i] != NULL)
			quo_promise(cell[i], (uint64_t)c->promised, c->promised_us);
}

/* ---- telling ------------------------------------------------------------------------------------------------- */

int64_t
api_throttle_ms(const struct api_call *c)
{
	uint64_t now = c->conn->w->now_us;

	return c->throttle_until_us > now ? (int64_t)((c->throttle_until_us - now + 999) / 1000) : 0;
}

void
api_quota_tell(const struct api_call *c, struct kfk_tree *r)
{
	int64_t ms = c->throttle_until_us == 0 ? 0 : api_throttle_ms(c);

	for (uint16_t i = 0; ms > 0 && i < r->schema->top; i++)
		if (r->schema->fields[i].kind == KFK_KIND_THROTTLE_MS && kfk_get_int(r, &r->root, i) < ms)
			kfk_set_int(r, &r->root, i, ms);
}

/* The snapshot may say less than it did when the connection was muted, so it owes less; never for longer. */
void
api_conn_unmute(struct api_conn *c, uint64_t now_us)
{
	const struct pol_tenant *t = c->slot == NULL ? NULL : pol_slot_load(c->slot);
	struct api_quota	*q = &c->quota;
	uint64_t		 owed = 0;

	if (q->muted_until_us == 0 || t == NULL || q->build == t->build)
		return;
	settle(c, t, alv_str_make(q->client_id, q->client_n < CLIENT_MAX ? q->client_n : CLIENT_MAX), now_us);
	for (int i = 0; i < API_CHARGES; i++) {
		for (int j = 0; j < API_Q_LEVELS; j++) {
			uint64_t o = q->cell[i][j] == NULL ? 0 : quo_debt_us(q->cell[i][j], now_us);

			owed = o > owed ? o : owed;
		}
	}
	if (now_us + owed < q->muted_until_us)
		q->muted_until_us = now_us + owed;
}
