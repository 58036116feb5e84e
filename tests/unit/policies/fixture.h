/* Folders with configurations in them, for the tests of policies/. Include after cmocka.h. */
#ifndef ALCOVE_TESTS_POLICIES_FIXTURE_H
#define ALCOVE_TESTS_POLICIES_FIXTURE_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <alcove/config.h>
#include <alcove/str.h>

enum { FIX_PATH = 512, FIX_LONG = 4 * FIX_PATH };

static inline void
fix_write(const char *dir, const char *name, const char *text, mode_t mode)
{
	char  path[FIX_LONG];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fwrite(text, 1, strlen(text), f) == strlen(text));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Whole, NUL-terminated; the caller frees. */
static inline char *
fix_read(const char *dir, const char *name)
{
	char   path[FIX_LONG], *text = calloc(1, 1 << 17);
	FILE  *f;
	size_t n;

	snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] == '\0' ? "" : "/", name);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, (1 << 17) - 1, f);
	assert_true(n < (1 << 17) - 1);
	fclose(f);
	return text;
}

static inline int
fix_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void
fix_remove(const char *dir)
{
	nftw(dir, fix_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void
fix_dir(char dir[static FIX_PATH])
{
	snprintf(dir, FIX_PATH, "/tmp/alcove-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
}

#endif
