/* Rounds: what do limits ask for? Brokers are asked for that much, and what nobody saw since is taken for gone.
 *
 * Invariants: a kind that no tenant has a limit of costs nothing; a kind that a broker did not tell of is not swept, so an outage
 * frees no places; names count for the tenant whose prefix they have, and for nobody else. */
#include "control/census.h"

#include <alcove/clock.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <strings.h>

#include "tally/keys.h"
#include "upstream/census.h"
#include "upstream/follower.h"

/* SOON_MS: until the cluster is reached. A request that was admitted is with its broker long before LATE_S. */
enum { SOON_MS = 1000, LATE_S = 10, PAGE = 64 };

static uint32_t
now_s(const struct con_census *c)
{
	return (uint32_t)(net_loop_now(c->loop) / 1000000);
}

static void
again(struct con_census *c, uint32_t ms)
{
	net_timer_set(&c->timer, net_loop_now(c->loop) + ms * 1000ull);
}

/* ---- what is asked for ------------------------------------------------------------------------------------ */

static void
add_kinds(struct con_census *c, const struct pol_tenant *t)
{
	struct pol_quota_cell cell;
	unsigned	      what = pol_quota_tenant(t, POL_QUOTA_STORED_BYTES, &cell) ? UPS_CENSUS_BYTES : 0;

	for (int k = TAL_GROUPS_CLASSIC; k <= TAL_GROUPS_STREAMS; k++)
		if (pol_quota_tenant(t, tal_key((enum tal_kind)k), &cell))
			what |= UPS_CENSUS_GROUPS;
	for (int k = TAL_TRANSACTIONAL_IDS; k <= TAL_OPEN_TRANSACTIONS; k++)
		if (pol_quota_tenant(t, tal_key((enum tal_kind)k), &cell))
			what |= UPS_CENSUS_TXNS;
	c->asked |= what;
}

static void
each_tenant(const struct pol_dir *dir, void (*fn)(struct con_census *c, const struct pol_tenant *t), struct con_census *c)
{
	const struct pol_tenant *page[PAGE];
	struct alv_str		 after = ALV_STR_NULL;
	size_t			 n;

	while ((n = pol_dir_list(dir, after, page, PAGE)) > 0) {
		for (size_t i = 0; i < n; i++)
			fn(c, page[i]);
		after = page[n - 1]->names.id;
	}
}

/* ---- what is heard ------------------------------------------------------------------------------------------ */

/* Whose name it is; *name is its own. False: nobody's. */
static bool
owner(const struct con_census *c, struct alv_str phys, struct alv_str *tenant, struct alv_str *name)
{
	const char	      *dot = phys.n == 0 ? NULL : memchr(phys.p, '.', phys.n);
	const struct pol_slot *slot;

	if (dot == NULL)
		return false;
	*tenant = alv_str_make(phys.p, (size_t)(dot - phys.p));
	slot = pol_dir_find(c->dir, *tenant);
	if (slot == NULL)
		return false;
	*tenant = pol_slot_id(slot);
	*name = alv_str_make(dot + 1, phys.n - tenant->n - 1);
	return true;
}

static void
note(struct con_census *c, enum tal_kind k, struct alv_str phys)
{
	struct alv_str tenant, name;

	if (owner(c, phys, &tenant, &name))
		tal_note(c->book, tenant, k, (struct tal_name){ ALV_STR_NULL, name }, now_s(c));
}

static void
on_group(void *arg, struct alv_str id, struct alv_str type)
{
	static const struct {
		const char   *type;
		enum tal_kind kind;
	} kinds[] = { { "consumer", TAL_GROUPS_CONSUMER }, { "share", TAL_GROUPS_SHARE }, { "streams", TAL_GROUPS_STREAMS } };
	enum tal_kind kind = TAL_GROUPS_CLASSIC;	/* also where the broker is too old to say */

	/* As Kafka's clients read it: brokers write it small, its documents do not. */
	for (size_t i = 0; i < ALV_COUNT(kinds); i++)
		if (type.n == strlen(kinds[i].type) && strncasecmp(type.p, kinds[i].type, type.n) == 0)
			kind = kinds[i].kind;
	note(arg, kind, id);
}

static void
on_txn(void *arg, struct alv_str id, struct alv_str state)
{
	note(arg, TAL_TRANSACTIONAL_IDS, id);
	if (alv_str_eqz(state, "Ongoing"))
		note(arg, TAL_OPEN_TRANSACTIONS, id);
}

static void
on_bytes(void *arg, struct alv_str topic, uint64_t bytes)
{
	struct con_census *c = arg;
	struct alv_str	   tenant, name;

	if (owner(c, topic, &tenant, &name))
		tal_bytes_add(c->book, tenant, bytes);
}

/* ---- the end of one --------------------------------------------------------------------------------------------- */

static void
tell(struct con_census *c, unsigned unknown, const char *words)
{
	if (unknown != 0 && unknown != c->unknown)
		alv_log(ALV_LOG_WARN, "what tenants have cannot be counted", ALV_KV_Z("because", words),
		    ALV_KV_Z("detail", "limits on groups, transactions and stored bytes go by what was counted before"));
	else if (unknown == 0 && c->unknown != 0)
		alv_log(ALV_LOG_INFO, "what tenants have can be counted again");
	c->unknown = unknown;
}

static void
judge_full(struct con_census *c, const struct pol_tenant *t)
{
	struct pol_slot	     *slot = pol_dir_find(c->dir, t->names.id);
	struct pol_quota_cell cell;
	bool		      full = pol_quota_tenant(t, POL_QUOTA_STORED_BYTES, &cell) &&
		     (double)tal_bytes(c->book, t->names.id) > cell.limit;

	if (slot == NULL || pol_slot_full(slot) == full)
		return;
	alv_log(full ? ALV_LOG_WARN : ALV_LOG_INFO, full ? "a tenant stores more than it may: nothing more is produced" :
	    "a tenant stores no more than it may again", ALV_KV_S("tenant", t->names.id),
	    ALV_KV_I("bytes", tal_bytes(c->book, t->names.id)), ALV_KV_I("limit", full ? (uint64_t)cell.limit : 0));
	pol_slot_set_full(slot, full);
}

static void
on_done(void *arg, unsigned whole, const char *words)
{
	struct con_census *c = arg;
	uint32_t	   before_s = c->began_s > LATE_S ? c->began_s - LATE_S : 0;

	if ((whole & UPS_CENSUS_GROUPS) != 0)
		for (int k = TAL_GROUPS_CLASSIC; k <= TAL_GROUPS_STREAMS; k++)
			tal_sweep(c->book, (enum tal_kind)k, before_s);
	if ((whole & UPS_CENSUS_TXNS) != 0)
		for (int k = TAL_TRANSACTIONAL_IDS; k <= TAL_OPEN_TRANSACTIONS; k++)
			tal_sweep(c->book, (enum tal_kind)k, before_s);
	if ((c->asked & UPS_CENSUS_BYTES) != 0)
		tal_bytes_end(c->book, (whole & UPS_CENSUS_BYTES) != 0);
	each_tenant(c->dir, judge_full, c);
	tell(c, c->asked & ~whole, words);
	again(c, whole == 0 ? SOON_MS : c->interval_ms);
}

/* ---- rounds ------------------------------------------------------------------------------------------------------- */

static void
begin(struct net_timer *t)
{
	static const struct ups_census_fns fns = { on_group, on_txn, on_bytes, on_done };
	struct con_census		  *c = ALV_HOLDER(t, struct con_census, timer);

	c->began_s = now_s(c);
	for (int k = TAL_MEMBERS_CLASSIC; k <= TAL_MEMBERS_STREAMS; k++)
		tal_sweep(c->book, (enum tal_kind)k, c->began_s > TAL_MEMBER_S ? c->began_s - TAL_MEMBER_S : 0);
	c->asked = 0;
	each_tenant(c->dir, add_kinds, c);
	if (c->asked == 0) {
		each_tenant(c->dir, judge_full, c);	/* the last limit may be gone */
		again(c, c->interval_ms);
	} else if (!ups_reachable(c->follower)) {
		again(c, SOON_MS);
	} else {
		ups_census(c->follower, c->asked, &fns, c);
	}
}

void
con_census_init(struct con_census *c, uint32_t interval_ms)
{
	c->interval_ms = interval_ms;
	c->asked = c->unknown = 0;
	net_timer_init(c->loop, &c->timer, begin);
	again(c, SOON_MS);
}

void
con_census_configure(struct con_census *c, uint32_t interval_ms)
{
	c->interval_ms = interval_ms;
}

void
con_census_stop(struct con_census *c)
{
	net_timer_stop(&c->timer);
}
