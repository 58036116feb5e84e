/* What happens to the process and not on one worker. Rare, so shared and atomic. */
#include <alcove/check.h>
#include "meter/worker.h"

#include <stdatomic.h>

static _Atomic int64_t counts[MET_PROCESS_COUNTS];

void
met_process_add(enum met_process what, int64_t n)
{
	ALV_CHECK((unsigned)what < MET_PROCESS_COUNTS);
	atomic_fetch_add_explicit(&counts[what], n, memory_order_relaxed);
}

int64_t
met_process_read(enum met_process what)
{
	ALV_CHECK((unsigned)what < MET_PROCESS_COUNTS);
	return atomic_load_explicit(&counts[what], memory_order_relaxed);
}

static _Atomic uint64_t own_answers[MET_API_KEYS + 1], own_bytes[MET_API_KEYS + 1];

void
met_own_answered(int16_t api_key, uint64_t bytes)
{
	atomic_fetch_add_explicit(&own_answers[met_api(api_key)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&own_bytes[met_api(api_key)], bytes, memory_order_relaxed);
}

struct met_own
met_own_read(size_t api_key)
{
	return (struct met_own){ met_read(&own_answers[api_key]), met_read(&own_bytes[api_key]) };
}
