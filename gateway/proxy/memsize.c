/* How much memory the process may use: what a budget that nobody set is made from. Files that are not there, or say
 * nothing we know, count as no limit. */
#include "proxy/budget.h"

#include <alcove/str.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096 };

/* A file that begins with a number; UINT64_MAX: it does not ("max"), or cannot be read. */
static uint64_t
number_in(const char *path)
{
	char	 line[64];
	FILE	*f = fopen(path, "re");
	uint64_t v = UINT64_MAX;

	if (f == NULL)
		return v;
	if (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (alv_str_u64(alv_str_of(line), UINT64_MAX, &v))
			v = UINT64_MAX;
	}
	fclose(f);
	return v;
}

/* The group's own limit and those of the groups around it: "0::/a/b" stands for /sys/fs/cgroup/a/b, and /a, and /. */
static uint64_t
of_groups(void)
{
	char	 line[PATH_MAX_BYTES], path[PATH_MAX_BYTES + 64];
	FILE	*f = fopen("/proc/self/cgroup", "re");
	uint64_t least = number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes");	/* version 1 */

	if (f == NULL)
		return least;
	while (fgets(line, sizeof(line), f) != NULL) {
		char *own = line + 3;

		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		for (;;) {
			char	*slash = strrchr(own, '/');
			uint64_t v;

			snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", own);
			v = number_in(path);
			least = v < least ? v : least;
			if (slash == NULL)
				break;
			*slash = '\0';
		}
	}
	fclose(f);
	return least;
}

uint64_t
px_memory_limit(void)
{
	long	 pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t machine = pages <= 0 || size <= 0 ? UINT64_MAX : (uint64_t)pages * (uint64_t)size;
	uint64_t groups = of_groups();
	uint64_t least = groups < machine ? groups : machine;

	return least == UINT64_MAX ? 0 : least;
}
