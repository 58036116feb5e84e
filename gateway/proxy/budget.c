/* The arithmetic of the budget and the tenants' cells. */
#include "proxy/budget.h"

#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <stdlib.h>

#include "proxy/admit.h"

enum { SHARE_PERCENT = 25, FLOOR = 1024 * 1024, AUTO_MAX = 1024 * 1024 * 1024, AUTO_MIN = 64 * 1024 * 1024 };

/* ---- sizes ------------------------------------------------------------------------------------ */

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Half of what there is, at most 1 GiB. */
static size_t
automatic(void)
{
	uint64_t limit = px_memory_limit();

	if (limit == 0 || limit / 2 > AUTO_MAX)
		return AUTO_MAX;
	return limit / 2 < AUTO_MIN ? AUTO_MIN : (size_t)(limit / 2);
}

uint32_t
px_budget_lowered(const struct px_budget *b, uint32_t configured)
{
	return configured < b->share ? configured : (uint32_t)b->share;
}

/* Who wrote memory.max.bytes was told when it was loaded. */
static void
tell_lowered(const struct px_budget *b, const char *option, uint32_t configured)
{
	if (configured > b->share)
		alv_log(ALV_LOG_WARN, "lowered to what one tenant may hold, as there is little memory", ALV_KV_Z("option", option),
		    ALV_KV_I("configured", configured), ALV_KV_I("bytes", b->share));
}

struct px_budget *
px_budget_new(const struct pol_limits *l)
{
	struct px_budget *b = calloc(1, sizeof(*b));
	uint32_t	  percent = l->memory_share_percent == 0 ? SHARE_PERCENT : l->memory_share_percent;

	if (b == NULL)
		return NULL;
	b->max = l->memory_max_bytes == 0 ? automatic() : (size_t)l->memory_max_bytes;
	b->aside = b->max / 4;
	b->share = least(b->max / 100 * percent + b->max % 100 * percent / 100, b->max - b->aside);
	b->floor = least(l->memory_floor_bytes == 0 ? FLOOR : l->memory_floor_bytes, b->share);
	tell_lowered(b, "limits.socket.request.max.bytes", l->frame_max_bytes);
	tell_lowered(b, "limits.response.max.bytes", l->response_max_bytes);
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void
px_budget_free(struct px_budget *b)
{
	if (b == NULL)
		return;
	ALV_CHECK(atomic_load(&b->used) == 0);
	ALV_CHECK(atomic_load(&b->waiting) == 0);
	for (size_t i = 0; i < PX_CELL_BUCKETS; i++)
		ALV_CHECK(b->bucket[i] == NULL);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* ---- cells -------------------------------------------------------------------------------------- */

static struct px_cell **
bucket_of(struct px_budget *b, const char *tenant)
{
	return &b->bucket[alv_hash(tenant, strlen(tenant), 0) % PX_CELL_BUCKETS];
}

struct px_cell *
px_cell_get(struct px_budget *b, const char *tenant)
{
	struct px_cell **at, *c;

	ALV_CHECK(strlen(tenant) < sizeof(c->tenant));
	pthread_mutex_lock(&b->lock);
	at = bucket_of(b, tenant);
	for (c = *at; c != NULL && strcmp(c->tenant, tenant) != 0; c = c->next)
		;
	if (c == NULL && (c = calloc(1, sizeof(*c))) != NULL) {
		memcpy(c->tenant, tenant, strlen(tenant) + 1);
		c->next = *at;
		*at = c;
	}
	if (c != NULL)
		c->refs++;
	pthread_mutex_unlock(&b->lock);
	return c;
}

void
px_cell_put(struct px_budget *b, struct px_cell *c)
{
	struct px_cell **at;

	if (c == NULL)
		return;
	pthread_mutex_lock(&b->lock);
	ALV_CHECK(c->refs > 0);
	if (--c->refs > 0) {
		pthread_mutex_unlock(&b->lock);
		return;
	}
	ALV_CHECK(atomic_load(&c->used) == 0 && c->first == NULL);
	for (at = bucket_of(b, c->tenant); *at != c; at = &(*at)->next)
		;
	*at = c->next;
	pthread_mutex_unlock(&b->lock);
	free(c);
}

/* ---- taking and giving ------------------------------------------------------------------------------ */

/* Adds n where the sum stays within the limit; *sum is it. */
static bool
add_within(_Atomic size_t *at, size_t n, size_t limit, size_t *sum)
{
	size_t old = atomic_load(at);

	do {
		if (old > limit || n > limit - old)
			return false;
	} while (!atomic_compare_exchange_weak(at, &old, old + n));
	*sum = old + n;
	return true;
}

static bool
take_within(struct px_budget *b, struct px_cell *c, size_t n, size_t share, size_t large, size_t small)
{
	size_t mine, all;

	if (!add_within(&c->used, n, share, &mine))
		return false;
	if (add_within(&b->used, n, mine <= b->floor ? small : large, &all))
		return true;
	atomic_fetch_sub(&c->used, n);
	return false;
}

bool
px_budget_claim(struct px_budget *b, struct px_cell *c, size_t n)
{
	return take_within(b, c, n, b->share, b->max - b->aside, b->max);
}

bool
px_budget_take(struct px_budget *b, struct px_cell *c, size_t n)
{
	if (atomic_load(&c->waiting) > 0)
		return false;
	if (atomic_load(&b->blocked) > 0 && !px_budget_small(b, c, n))
		return false;
	if (px_budget_claim(b, c, n))
		return true;
	/* For a moment we held what we did not get: somebody may have been told no because of it. */
	px_admit_waiters(b);
	return false;
}

bool
px_budget_grow(struct px_budget *b, struct px_cell *c, size_t n)
{
	size_t most = b->max + b->max / 8;

	return take_within(b, c, n, most, most, most);
}

void
px_budget_give(struct px_budget *b, struct px_cell *c, size_t n)
{
	ALV_CHECK(atomic_fetch_sub(&c->used, n) >= n);
	ALV_CHECK(atomic_fetch_sub(&b->used, n) >= n);
	px_admit_waiters(b);
}

bool
px_budget_small(const struct px_budget *b, const struct px_cell *c, size_t n)
{
	size_t used = atomic_load(&((struct px_cell *)(uintptr_t)c)->used);

	return n <= b->floor && used <= b->floor - n;
}

bool
px_budget_pressed(const struct px_budget *b, const struct px_cell *c)
{
	return atomic_load(&((struct px_budget *)(uintptr_t)b)->blocked) > 0 ||
	    (c != NULL && atomic_load(&((struct px_cell *)(uintptr_t)c)->waiting) > 0);
}
