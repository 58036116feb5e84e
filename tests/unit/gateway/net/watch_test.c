/* Files that change, in every way that they do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PERIOD_MS = 2000 };

static struct net_loop	*loop;
static struct net_watch *watch;
static uint64_t		 fake_us;
static int		 told;
static char		 dir[64];

static uint64_t
fake_clock(void)
{
	return fake_us;
}

static void
changed(void *arg)
{
	assert_ptr_equal(arg, dir);
	told++;
}

/* Periods pass; returns how often it told. */
static int
periods(int n)
{
	told = 0;
	for (int i = 0; i < n; i++) {
		fake_us += PERIOD_MS * 1000;
		net_loop_turn(loop, 0);
	}
	return told;
}

static const char *
at(const char *name)
{
	static char path[4][160];
	static int  next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[0]), "%s/%s", dir, name);
	return path[next];
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/alcove-watch-XXXXXX");
	assert_non_null(mkdtemp(dir));
	fake_us = 1000000;
	loop = net_loop_new();
	net_loop_clock(loop, fake_clock);
	watch = net_watch_new(loop, PERIOD_MS, changed, dir);
	assert_non_null(watch);
	return 0;
}

static int
teardown(void **state)
{

	(void)state;
	net_watch_free(watch);
	net_loop_free(loop);
	for (const char *const *x = (const char *const[]){ "a", "b", "new", "..data", "v1/a", "v2/a", "v1", "v2", NULL }; *x != NULL; x++)
		(void)(unlink(at(*x)) != 0 && rmdir(at(*x)));
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static void
test_contents(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	(void)state;
	put("a", "one");
	put("b", "uno");
	utimensat(AT_FDCWD, at("a"), old, 0);
	assert_int_equal(net_watch_files(watch, (const char *const[]){ at("a"), at("b") }, 2), ALV_OK);
	assert_int_equal(periods(3), 0);
	put("a", "two");	/* of the same size, in place, with the same times */
	utimensat(AT_FDCWD, at("a"), old, 0);
	assert_int_equal(periods(1), 0);	/* more may follow */
	assert_int_equal(periods(1), 1);
	assert_int_equal(periods(3), 0);
	put("a", "two");	/* written anew, the same */
	assert_int_equal(periods(3), 0);
	put("new", "three");
	assert_int_equal(rename(at("new"), at("a")), 0);
	assert_int_equal(periods(2), 1);
	assert_int_equal(unlink(at("b")), 0);
	assert_int_equal(periods(2), 1);
	put("b", "dos");
	assert_int_equal(periods(3), 1);
}

/* A pair that is written over several periods is told of once, when it is over. */
static void
test_one_after_the_other(void **state)
{
	(void)state;
	put("a", "certificate");
	put("b", "key");
	assert_int_equal(net_watch_files(watch, (const char *const[]){ at("a"), at("b") }, 2), ALV_OK);
	put("a", "certificate 2");
	assert_int_equal(periods(1), 0);
	put("b", "key 2");
	assert_int_equal(periods(1), 0);
	assert_int_equal(periods(3), 1);
}

/* As a Kubernetes Secret is mounted: a -> ..data/a, ..data -> v1, and then ..data -> v2 by a rename. */
static void
test_swapped_links(void **state)
{
	(void)state;
	assert_int_equal(mkdir(at("v1"), 0700), 0);
	assert_int_equal(mkdir(at("v2"), 0700), 0);
	put("v1/a", "one");
	put("v2/a", "two");
	assert_int_equal(symlink("v1", at("..data")), 0);
	assert_int_equal(symlink("..data/a", at("a")), 0);
	assert_int_equal(net_watch_files(watch, (const char *const[]){ at("a") }, 1), ALV_OK);
	assert_int_equal(periods(2), 0);
	assert_int_equal(symlink("v2", at("new")), 0);
	assert_int_equal(rename(at("new"), at("..data")), 0);
	assert_int_equal(periods(2), 1);
	assert_int_equal(periods(2), 0);
}

/* Other files from now on; what changed before is still told. */
static void
test_other_files(void **state)
{
	(void)state;
	put("a", "one");
	put("b", "one");
	assert_int_equal(net_watch_files(watch, (const char *const[]){ at("a") }, 1), ALV_OK);
	put("a", "two");
	put("b", "two");
	assert_int_equal(net_watch_files(watch, (const char *const[]){ at("b"), at("a") }, 2), ALV_OK);
	assert_int_equal(periods(2), 1);
	assert_int_equal(net_watch_files(watch, (const char *const[]){ at("b") }, 1), ALV_OK);
	put("a", "three");
	assert_int_equal(periods(3), 0);
	assert_int_equal(net_watch_files(watch, NULL, 0), ALV_OK);
	put("b", "three");
	assert_int_equal(periods(3), 0);
}

static void
test_digest(void **state)
{
	uint8_t a[NET_DIGEST], b[NET_DIGEST];

	(void)state;
	net_file_digest(NULL, a);
	net_file_digest(at("absent"), b);
	assert_memory_equal(a, b, sizeof(a));
	put("a", "");
	net_file_digest(at("a"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	net_file_digest(dir, a);	/* a folder */
	assert_memory_not_equal(a, b, sizeof(a));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_contents), T(test_one_after_the_other), T(test_swapped_links), T(test_other_files), T(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
