/* Limits of the process. A limit that cannot be read is none: it is the system's to enforce, ours only to foresee. */
#include "life/limits.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { FILES_PER_CONNECTION = 2, FILES_APART = 128 };

bool
lif_limits_files(uint32_t connections_max, struct alv_buf *words)
{
	rlim_t	      need = (rlim_t)connections_max * FILES_PER_CONNECTION + FILES_APART;
	struct rlimit has, want;

	if (getrlimit(RLIMIT_NOFILE, &has) != 0 || has.rlim_cur >= need)
		return true;
	want = (struct rlimit){ .rlim_cur = need, .rlim_max = has.rlim_max < need ? need : has.rlim_max };	/* root may */
	if (setrlimit(RLIMIT_NOFILE, &want) == 0)
		return true;
	alv_buf_printf(words,
	    "limits.connections.max of %u needs %llu file descriptors, the limit is %llu: raise it "
	    "(LimitNOFILE=, ulimit -n) or lower limits.connections.max\n",
	    connections_max, (unsigned long long)need, (unsigned long long)has.rlim_max);
	return false;
}

/* ---- memory ------------------------------------------------------------------------------- */

static uint64_t
rlimit_of(int which)
{
	struct rlimit r;

	return getrlimit((__rlimit_resource_t)which, &r) != 0 || r.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)r.rlim_cur;
}

uint64_t
lif_memory_limit(uint64_t system, const char **from)
{
	const struct {
		uint64_t    bytes;
		const char *name;
	} all[] = { { rlimit_of(RLIMIT_AS), "RLIMIT_AS" }, { rlimit_of(RLIMIT_DATA), "RLIMIT_DATA" },
		{ system == 0 ? UINT64_MAX : system, "the machine or the control group" } };
	size_t best = 0;

	for (size_t i = 1; i < ALV_COUNT(all); i++)
		best = all[i].bytes < all[best].bytes ? i : best;
	*from = all[best].name;
	return all[best].bytes;
}

bool
lif_limits_memory(uint64_t need_bytes, uint64_t system, struct alv_buf *words)
{
	const char *from;
	uint64_t    has = lif_memory_limit(system, &from);

	if (has >= need_bytes)
		return true;
	alv_buf_printf(words,
	    "limits.memory.max.bytes and limits.connections.max together need %llu MiB of memory, %s allows %llu MiB: raise it, "
	    "or lower them\n",
	    (unsigned long long)(need_bytes >> 20), from, (unsigned long long)(has >> 20));
	return false;
}

void
lif_limits_secrets(void)
{
	static const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

void
lif_limits_heap(void)
{
	/* By itself the threshold grows to the size of what was freed, and large blocks end up in heaps that never shrink. */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}
