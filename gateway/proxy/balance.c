/* Two rules. By load: from who has more to who has least, the connection that comes closest to making them equal, if it
 * does not overshoot by as much as it mends. By number: a busy worker's connections share what it has, so three on one
 * worker and one on another can show the same load; where both move the same, heavy ones are divided evenly.
 *
 * What keeps it still: a difference that is small, absolutely or for the one who has more, moves nothing; one move at
 * most takes half of the difference and a quarter; and whoever moved stays for a time that doubles (move.c). */
#include "proxy/balance.h"

enum { LEAST_DIFFERENCE = 2 * PX_HEAVY_BYTES, PART = 4 };

static unsigned
least_of(const struct px_load *all, unsigned n, unsigned self)
{
	unsigned best = self == 0 ? 1 : 0;

	for (unsigned i = 0; i < n; i++)
		if (i != self && all[i].bytes < all[best].bytes)
			best = i;
	return best;
}

static uint64_t
distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static int
by_load(uint64_t difference, const uint64_t *cost, size_t n)
{
	int best = -1;

	for (size_t i = 0; i < n; i++) {
		if (cost[i] < PX_HEAVY_BYTES / 2 || cost[i] > difference - difference / PART)
			continue;
		if (best < 0 || distance(difference, 2 * cost[i]) < distance(difference, 2 * cost[best]))
			best = (int)i;
	}
	return best;
}

static int
smallest(const uint64_t *cost, size_t n)
{
	int best = -1;

	for (size_t i = 0; i < n; i++)
		if (cost[i] >= PX_HEAVY_BYTES / 2 && (best < 0 || cost[i] < cost[best]))
			best = (int)i;
	return best;
}

/* The one with the fewest heavy ones among those that are not busier with them. */
static unsigned
fewest_of(const struct px_load *all, unsigned n, unsigned self)
{
	unsigned best = self;

	for (unsigned i = 0; i < n; i++)
		if (all[i].heavy < all[best].heavy)
			best = i;
	return best;
}

int
px_balance_choose(const struct px_load *all, unsigned nworkers, unsigned self, const uint64_t *cost, size_t n, unsigned *to)
{
	uint64_t own = all[self].bytes, difference;

	if (nworkers < 2 || n == 0)
		return -1;
	*to = least_of(all, nworkers, self);
	difference = own > all[*to].bytes ? own - all[*to].bytes : 0;
	if (difference >= LEAST_DIFFERENCE && difference >= own / PART) {
		int chosen = by_load(difference, cost, n);

		if (chosen >= 0)
			return chosen;
	}
	*to = fewest_of(all, nworkers, self);
	if (all[self].busy < PX_BUSY_PERMILLE || all[self].heavy < all[*to].heavy + 2)
		return -1;
	return smallest(cost, n);
}
