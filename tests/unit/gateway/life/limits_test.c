/* Limits are read from a made-up system below a folder, and from this very process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "life/limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/alcove-limits-XXXXXX";

static void
put(const char *path, const char *text)
{
	char  file[512];
	FILE *f;

	snprintf(file, sizeof(file), "%s/%s", root, path);
	for (char *p = file + sizeof(root); (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		(void)mkdir(file, 0700);
	}
	f = fopen(file, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void
test_the_least_of_a_group_and_all_above_it(void **state)
{
	const char *from;

	(void)state;
	put("proc/self/cgroup", "1:name=systemd:/x\n0::/system.slice/alcove.service\n");
	assert_true(lif_memory_limit(root, &from) == UINT64_MAX);
	put("sys/fs/cgroup/system.slice/alcove.service/memory.max", "max\n");
	put("sys/fs/cgroup/system.slice/memory.max", "300000000\n");
	assert_int_equal(lif_memory_limit(root, &from), 300000000);
	assert_string_equal(from, "the cgroup's memory.max");
	put("sys/fs/cgroup/system.slice/alcove.service/memory.max", "200000000\n");
	assert_int_equal(lif_memory_limit(root, &from), 200000000);
	put("sys/fs/cgroup/memory.max", "100000000\n");
	assert_int_equal(lif_memory_limit(root, &from), 100000000);
}

/* In a container the group is the root of what it sees. */
static void
test_a_group_without_a_name(void **state)
{
	const char *from;

	(void)state;
	put("proc/self/cgroup", "0::/\n");
	put("sys/fs/cgroup/memory.max", "123456789\n");
	assert_int_equal(lif_memory_limit(root, &from), 123456789);
	put("sys/fs/cgroup/memory.max", "12x\n");
	assert_true(lif_memory_limit(root, &from) == UINT64_MAX);
}

static void
test_too_much_is_refused_with_words(void **state)
{
	struct alv_buf words;

	(void)state;
	alv_buf_init(&words, 1000);
	assert_true(lif_limits_memory(1, &words));
	assert_int_equal(words.n, 0);
	alv_buf_fini(&words);
}

static void
test_descriptors(void **state)
{
	struct rlimit  was, r;
	struct alv_buf words;

	(void)state;
	alv_buf_init(&words, 1000);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	r = (struct rlimit){ .rlim_cur = 64, .rlim_max = was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	assert_true(lif_limits_files(10, &words));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	assert_int_equal(r.rlim_cur, 10 * 2 + 128);
	assert_false(lif_limits_files(2000000000, &words));	/* more than the kernel has */
	alv_buf_byte(&words, 0);
	assert_non_null(strstr((const char *)words.p, "limits.connections.max of 2000000000 needs 4000000128"));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	alv_buf_fini(&words);
}

static int
make_root(void **state)
{
	(void)state;
	return mkdtemp(root) == NULL;
}

static int
remove_root(void **state)
{
	static const char *const made[] = { "proc/self/cgroup", "proc/self", "proc", "sys/fs/cgroup/system.slice/alcove.service/memory.max",
		"sys/fs/cgroup/system.slice/alcove.service", "sys/fs/cgroup/system.slice/memory.max", "sys/fs/cgroup/system.slice",
		"sys/fs/cgroup/memory.max", "sys/fs/cgroup", "sys/fs", "sys", "" };
	char path[512];

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(made); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, made[i]);
		if (remove(path) != 0)
			return -1;
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_least_of_a_group_and_all_above_it),
		cmocka_unit_test(test_a_group_without_a_name),
		cmocka_unit_test(test_too_much_is_refused_with_words),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
