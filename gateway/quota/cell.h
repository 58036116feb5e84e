/* One limit's account: so many units a second (bytes, requests, microseconds of work), charged by any thread.
 *
 * GCRA: `due` is the moment at which all that was charged is paid for. A charge moves it on by what it costs; what lies behind now
 * is credit, of `burst` at most, and what lies before it is debt. So one 64-bit number is all of the state: no lock, no timer, and
 * who charges learns at once how long it takes to pay.
 *
 *	 credit              debt
 *	   ◀───────── now ──────────▶ due
 *
 * Over any span of t seconds at most rate * (t + burst) passes, and while there is demand all the time exactly rate * t. Kafka counts
 * in windows of a second (quota.window.size.seconds) and lets pass in one what was left in those before it; a burst of one such window
 * is never more than 3.4 % of half a minute, and one of all eleven would be a third of it.
 *
 * Invariants: due is never more than QUO_DEBT_MAX_US ahead of a charger's clock, so a mistake is forgiven after an hour; it never
 * goes back but by quo_set. Clocks of several threads may differ by a turn: whose is behind sees a debt that is larger by that. */
#ifndef QUOTA_CELL_H
#define QUOTA_CELL_H

#include <alcove/base.h>

#include <stdatomic.h>

#define QUO_DEBT_MAX_US UINT64_C(3600000000)

enum {
	QUO_TICK_BITS = 14,	/* of a microsecond: 2^64 of them are 35 years */
	QUO_COST_BITS = 20,	/* of a tick */
	QUO_SLOT_BITS = 18	/* promises are forgotten after so many microseconds: a quarter of a second */
};

struct quo_cell {
	_Atomic uint64_t due;		/* in ticks of the monotonic clock */
	_Atomic uint64_t cost;		/* of a unit, in ticks << QUO_COST_BITS; 0: there is no limit */
	_Atomic uint64_t promised;	/* what quo_promise told others lately: slot << 40 | units */
	_Atomic uint64_t used;		/* quo_enter's: how many there are, of something that is counted */
	uint64_t	 burst;		/* in ticks, less than its first moment; never changes */
};

/* A cell with all its credit, or with none. per_s: units a second; less than 0.001 is 0.001, negative: no limit. */
void quo_init(struct quo_cell *c, double per_s, uint64_t burst_us, uint64_t now_us, bool full);
/* Another rate: debts stay, counted in units; what credit there was does not, so that the new rate shows at once. One thread at a
 * time; a charge that comes in between may be counted at either rate. True: it was another one. */
bool quo_set(struct quo_cell *c, double per_s, uint64_t now_us);

/* What units cost, in ticks; the largest debt at most. cost: of one. */
static inline uint64_t
quo_price(uint64_t units, uint64_t cost)
{
	unsigned __int128 ticks = (unsigned __int128)units * cost;

	/* Two comparisons are less than clamping all of it: one of them is always the same. */
	if ((uint64_t)(ticks >> 64) >> QUO_COST_BITS != 0 || (uint64_t)(ticks >> QUO_COST_BITS) > QUO_DEBT_MAX_US << QUO_TICK_BITS)
		return QUO_DEBT_MAX_US << QUO_TICK_BITS;
	return (uint64_t)(ticks >> QUO_COST_BITS);
}

/* Charges units; any thread, no lock. How many microseconds from now it is paid for; 0: at once. */
static inline uint64_t
quo_charge(struct quo_cell *c, uint64_t units, uint64_t now_us)
{
	uint64_t cost = atomic_load_explicit(&c->cost, memory_order_relaxed);
	uint64_t now, old, least, price, due;

	if (cost == 0)
		return 0;
	now = now_us << QUO_TICK_BITS;
	least = now - c->burst;
	price = quo_price(units, cost);
	old = atomic_load_explicit(&c->due, memory_order_relaxed);
	do {
		due = (old < least ? least : old) + price;	/* neither is far enough from now to overflow */
		if (due > now + (QUO_DEBT_MAX_US << QUO_TICK_BITS))
			due = now + (QUO_DEBT_MAX_US << QUO_TICK_BITS);
	} while (!atomic_compare_exchange_weak_explicit(&c->due, &old, due, memory_order_relaxed, memory_order_relaxed));
	return due > now ? (due - now + (UINT64_C(1) << QUO_TICK_BITS) - 1) >> QUO_TICK_BITS : 0;
}

/* So many units cost less than that, together. */
uint64_t quo_within(const struct quo_cell *c, uint64_t us);
/* The debt, without charging. */
uint64_t quo_debt_us(const struct quo_cell *c, uint64_t now_us);
/* No debt, and all the credit that there can be: it remembers nothing. */
bool quo_idle(const struct quo_cell *c, uint64_t now_us);

/* Who is going to charge something of an unknown size asks how much it may be: what will be paid within_us from now, less what was
 * promised to others a moment ago, at least `least`, at most `want`. A promise is no charge, and is forgotten by itself. */
uint64_t quo_affords(const struct quo_cell *c, uint64_t want, uint64_t least, uint64_t within_us, uint64_t now_us);
void	 quo_promise(struct quo_cell *c, uint64_t units, uint64_t now_us);
/* What it was for has come, and is charged now. promised_us: when it was promised. */
void quo_kept(struct quo_cell *c, uint64_t units, uint64_t promised_us, uint64_t now_us);

/* One more of what is counted; false: there are as many as there may be. One less. */
bool quo_enter(struct quo_cell *c, uint64_t most) ALV_MUST;
void quo_leave(struct quo_cell *c);

#endif
