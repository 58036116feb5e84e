/* What happens to the process and not on one worker. Rare, so shared and atomic. */
#include <alcove/check.h>
#include <alcove/meter.h>

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
