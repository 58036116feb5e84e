/* See cell.h. */
#include "quota/cell.h"

#include <alcove/check.h>

enum { UNITS_BITS = 40 };

static const uint64_t units_mask = (UINT64_C(1) << UNITS_BITS) - 1;
static const uint64_t ticks_max = UINT64_C(1) << (63 - QUO_COST_BITS);	/* nine minutes */

static uint64_t
cost_of(double per_s)
{
	double cost = (double)(UINT64_C(1000000) << QUO_TICK_BITS) * (double)(1 << QUO_COST_BITS);

	if (per_s < 0)
		return 0;
	cost /= per_s < 0.001 ? 0.001 : per_s;
	return cost < 1 ? 1 : (uint64_t)cost;	/* rounded down: what is owed is rounded up */
}

void
quo_init(struct quo_cell *c, double per_s, uint64_t burst_us, uint64_t now_us, bool full)
{
	uint64_t now = now_us << QUO_TICK_BITS;

	/* Half of all the time that there was: no clock, if it is a turn behind, is so young that a charge had to look. */
	c->burst = burst_us < now_us / 2 ? burst_us << QUO_TICK_BITS : now / 2;
	atomic_store_explicit(&c->cost, cost_of(per_s), memory_order_relaxed);
	atomic_store_explicit(&c->due, full ? now - c->burst : now, memory_order_relaxed);
	atomic_store_explicit(&c->promised, 0, memory_order_relaxed);
	atomic_store_explicit(&c->used, 0, memory_order_relaxed);
}

/* The same units at another price. */
static uint64_t
repriced(uint64_t due, uint64_t now, uint64_t old_cost, uint64_t cost)
{
	const uint64_t	  most = QUO_DEBT_MAX_US << QUO_TICK_BITS;
	unsigned __int128 debt;

	if (due <= now || old_cost == 0 || cost == 0)
		return now;
	debt = (unsigned __int128)(due - now < most ? due - now : most) * cost / old_cost;
	return now + (debt < most ? (uint64_t)debt : most);
}

bool
quo_set(struct quo_cell *c, double per_s, uint64_t now_us)
{
	uint64_t cost = cost_of(per_s), old = atomic_exchange_explicit(&c->cost, cost, memory_order_relaxed);
	uint64_t due = atomic_load_explicit(&c->due, memory_order_relaxed);

	if (cost == old)
		return false;
	while (!atomic_compare_exchange_weak_explicit(&c->due, &due, repriced(due, now_us << QUO_TICK_BITS, old, cost),
	    memory_order_relaxed, memory_order_relaxed))
		;
	return true;
}

uint64_t
quo_within(const struct quo_cell *c, uint64_t us)
{
	uint64_t cost = atomic_load_explicit(&((struct quo_cell *)(uintptr_t)c)->cost, memory_order_relaxed), ticks = us << QUO_TICK_BITS;

	if (cost == 0)
		return UINT64_MAX;
	return ((ticks < ticks_max ? ticks : ticks_max) << QUO_COST_BITS) / cost;
}

uint64_t
quo_debt_us(const struct quo_cell *c, uint64_t now_us)
{
	uint64_t due = atomic_load_explicit(&((struct quo_cell *)(uintptr_t)c)->due, memory_order_relaxed), now = now_us << QUO_TICK_BITS;

	if (atomic_load_explicit(&((struct quo_cell *)(uintptr_t)c)->cost, memory_order_relaxed) == 0 || due <= now)
		return 0;
	return (due - now + (UINT64_C(1) << QUO_TICK_BITS) - 1) >> QUO_TICK_BITS;
}

bool
quo_idle(const struct quo_cell *c, uint64_t now_us)
{
	uint64_t now = now_us << QUO_TICK_BITS;

	return atomic_load_explicit(&((struct quo_cell *)(uintptr_t)c)->due, memory_order_relaxed) <= now - c->burst;
}

bool
quo_enter(struct quo_cell *c, uint64_t most)
{
	if (atomic_fetch_add(&c->used, 1) < most)
		return true;
	atomic_fetch_sub(&c->used, 1);
	return false;
}

void
quo_leave(struct quo_cell *c)
{
	ALV_CHECK(atomic_fetch_sub(&c->used, 1) > 0);
}

/* ---- promises ---------------------------------------------------------------------------------------- */

static uint64_t
slot_of(uint64_t us)
{
	return us >> QUO_SLOT_BITS & (UINT64_MAX >> UNITS_BITS);
}

static uint64_t
promised_in(uint64_t word, uint64_t now_us)
{
	return word >> UNITS_BITS == slot_of(now_us) ? word & units_mask : 0;
}

uint64_t
quo_affords(const struct quo_cell *c, uint64_t want, uint64_t least, uint64_t within_us, uint64_t now_us)
{
	struct quo_cell *x = (struct quo_cell *)(uintptr_t)c;
	uint64_t	 cost = atomic_load_explicit(&x->cost, memory_order_relaxed), now = now_us << QUO_TICK_BITS;
	uint64_t	 due = atomic_load_explicit(&x->due, memory_order_relaxed), credit = now - c->burst;
	uint64_t	 end = now + (within_us << QUO_TICK_BITS), told, n;

	if (cost == 0)
		return want;
	if (due < credit)
		due = credit;
	n = due >= end ? 0 : end - due < ticks_max ? end - due : ticks_max;
	n = (n << QUO_COST_BITS) / cost;
	told = promised_in(atomic_load_explicit(&x->promised, memory_order_relaxed), now_us);
	n = n > told ? n - told : 0;
	n = n < least ? least : n;
	return n < want ? n : want;
}

/* Moves what was promised in this slot by n, up or down. */
static void
move(struct quo_cell *c, uint64_t n, bool up, uint64_t now_us)
{
	uint64_t old = atomic_load_explicit(&c->promised, memory_order_relaxed), units;

	do {
		units = promised_in(old, now_us);
		if (up)
			units = n > units_mask - units ? units_mask : units + n;
		else
			units = n > units ? 0 : units - n;
	} while (!atomic_compare_exchange_weak_explicit(&c->promised, &old, slot_of(now_us) << UNITS_BITS | units,
	    memory_order_relaxed, memory_order_relaxed));
}

void
quo_promise(struct quo_cell *c, uint64_t units, uint64_t now_us)
{
	move(c, units, true, now_us);
}

void
quo_kept(struct quo_cell *c, uint64_t units, uint64_t promised_us, uint64_t now_us)
{
	if (slot_of(promised_us) == slot_of(now_us))
		move(c, units, false, now_us);
}
