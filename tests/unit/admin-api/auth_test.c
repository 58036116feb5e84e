/* The tokens file. */
#include "admin-api/auth.h"

#include <alcove/str.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* SHA-256 of "abc". */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char dir[64], path[96];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/alcove-auth-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/tokens", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void
put(const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

static void
finds_by_hash(void **state)
{
	struct adm_tokens *t;
	struct adm_who	   who;
	struct alv_buf	   err;

	(void)state;
	alv_buf_init(&err, 1000);
	put("# a comment\n\nviewer:v:" ABC "\r\nplatform-admin:nobody:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AE");
	assert_int_equal(adm_tokens_load(path, &t, &err), ALV_OK);
	assert_int_equal(adm_tokens_find(t, ALV_STR("abc"), &who), ALV_OK);
	assert_string_equal(who.name, "v");
	assert_int_equal(who.role, ADM_ROLE_VIEWER);
	assert_int_equal(adm_tokens_find(t, ALV_STR("abd"), &who), ALV_E_AUTH);
	assert_int_equal(adm_tokens_find(t, ALV_STR(""), &who), ALV_E_AUTH);
	assert_int_equal(adm_tokens_find(t, ALV_STR_NULL, &who), ALV_E_AUTH);
	adm_tokens_free(t);
	alv_buf_fini(&err);
}

static void
bad_files(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "found no token" },
		{ "# only\n", "found no token" },
		{ "viewer:v\n", ":1: found other than three parts" },
		{ "\nviewer:v:" ABC ":x\n", ":2: found other than three parts" },
		{ "root:v:" ABC "\n", ":1: found an unknown role" },
		{ "anyone:v:" ABC "\n", ":1: found an unknown role" },
		{ "viewer::" ABC "\n", ":1: found an empty" },
		{ "viewer:a b:" ABC "\n", ":1: found an empty" },
		{ "viewer:v:abc\n", "expected 64 hexadecimal digits" },
		{ "viewer:v:\x10" "a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n", "expected 64 hexadecimal digits" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct adm_tokens *t;
		struct alv_buf	   err;

		alv_buf_init(&err, 1000);
		put(cases[i].text);
		assert_int_not_equal(adm_tokens_load(path, &t, &err), ALV_OK);
		assert_null(t);
		alv_buf_byte(&err, 0);
		if (strstr((char *)err.p, cases[i].words) == NULL || strstr((char *)err.p, path) == NULL)
			fail_msg("found %s, expected %s", (char *)err.p, cases[i].words);
		assert_null(strstr((char *)err.p, "7816bf8f"));
		alv_buf_fini(&err);
	}
}

static void
not_for_everybody_to_write(void **state)
{
	struct adm_tokens *t;
	struct alv_buf	   err;

	(void)state;
	alv_buf_init(&err, 1000);
	put("viewer:v:" ABC "\n");
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(adm_tokens_load(path, &t, &err), ALV_E_VALUE);
	assert_int_equal(adm_tokens_load("/nonexistent/tokens", &t, &err), ALV_E_SYSTEM);
	alv_buf_fini(&err);
}

/* A bad new file changes nothing. */
static void
refreshes(void **state)
{
	struct adm_tokens *t;
	struct adm_who	   who;
	struct alv_buf	   err;

	(void)state;
	alv_buf_init(&err, 1000);
	put("viewer:v:" ABC "\n");
	assert_int_equal(adm_tokens_load(path, &t, &err), ALV_OK);
	adm_tokens_refresh(t, 1);
	put("nonsense that is longer than before, so that the size differs: no hash");
	adm_tokens_refresh(t, 2);	/* too early to look */
	adm_tokens_refresh(t, 2000000);
	assert_int_equal(adm_tokens_find(t, ALV_STR("abc"), &who), ALV_OK);
	assert_string_equal(who.name, "v");
	put("platform-admin:somebody:" ABC "\n");
	adm_tokens_refresh(t, 4000000);
	assert_int_equal(adm_tokens_find(t, ALV_STR("abc"), &who), ALV_OK);
	assert_string_equal(who.name, "somebody");
	unlink(path);
	adm_tokens_refresh(t, 6000000);
	assert_int_equal(adm_tokens_find(t, ALV_STR("abc"), &who), ALV_OK);
	put("viewer:v:" ABC "\n");
	adm_tokens_free(t);
	alv_buf_fini(&err);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(finds_by_hash), T(bad_files), T(not_for_everybody_to_write), T(refreshes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
