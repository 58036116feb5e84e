/* Limits of the process. A limit that cannot be read is none: it is the system's to enforce, ours only to foresee. */
#include "life/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { FILES_PER_CONNECTION = 2, FILES_APART = 128, LINE_BYTES = 4096, DEPTH_MAX = 32 };

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

/* The first line that begins with `start`, without it and without its end; false: there is none. */
static bool
line_of(const char *file, const char *start, char *out, size_t n)
{
	FILE  *f = fopen(file, "re");
	size_t skip = strlen(start);
	bool   found = false;
	char   line[LINE_BYTES];

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, start, skip) == 0 && strlen(line + skip) < n;
		if (found)
			memcpy(out, line + skip, strlen(line + skip) + 1);
	}
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static uint64_t
bytes_in(const char *file)
{
	char		   text[64], *end;
	unsigned long long v;

	if (!line_of(file, "", text, sizeof(text)) || *text < '0' || *text > '9')
		return UINT64_MAX;	/* "max" */
	errno = 0;
	v = strtoull(text, &end, 10);
	return errno != 0 || *end != '\0' ? UINT64_MAX : v;
}

/* Of our group and of all above it. */
static uint64_t
cgroup_limit(const char *root)
{
	char	 file[LINE_BYTES + 512], path[LINE_BYTES];
	uint64_t least = UINT64_MAX;

	snprintf(file, sizeof(file), "%s/proc/self/cgroup", root);
	if (!line_of(file, "0::/", path, sizeof(path)))
		return least;
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		char	*slash = strrchr(path, '/');
		uint64_t v;

		snprintf(file, sizeof(file), "%s/sys/fs/cgroup/%s/memory.max", root, path);
		v = bytes_in(file);
		least = v < least ? v : least;
		if (*path == '\0')
			break;
		*(slash == NULL ? path : slash) = '\0';
	}
	return least;
}

uint64_t
lif_memory_limit(const char *root, const char **from)
{
	const struct {
		uint64_t    bytes;
		const char *name;
	} all[] = { { rlimit_of(RLIMIT_AS), "RLIMIT_AS" }, { rlimit_of(RLIMIT_DATA), "RLIMIT_DATA" },
		{ cgroup_limit(root), "the cgroup's memory.max" } };
	size_t best = 0;

	for (size_t i = 1; i < ALV_COUNT(all); i++)
		best = all[i].bytes < all[best].bytes ? i : best;
	*from = all[best].name;
	return all[best].bytes;
}

bool
lif_limits_memory(uint64_t need_bytes, struct alv_buf *words)
{
	const char *from;
	uint64_t    has = lif_memory_limit("", &from);

	if (has >= need_bytes)
		return true;
	alv_buf_printf(words, "the configured limits need %llu MiB of memory, %s allows %llu MiB: raise it, or lower limits\n",
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
