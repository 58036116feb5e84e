/* Limits of this very process, changed and put back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "life/limits.h"

#include <sys/resource.h>

static void
test_the_least_counts(void **state)
{
	const char   *from;
	struct rlimit was, r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_DATA, &was), 0);
	assert_int_equal(lif_memory_limit(123456789, &from), 123456789);
	r = (struct rlimit){ .rlim_cur = UINT64_C(1) << 40, .rlim_max = was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_DATA, &r), 0);
	assert_int_equal(lif_memory_limit(UINT64_C(1) << 41, &from), UINT64_C(1) << 40);
	assert_string_equal(from, "RLIMIT_DATA");
	assert_int_equal(lif_memory_limit(0, &from), UINT64_C(1) << 40);
	assert_int_equal(setrlimit(RLIMIT_DATA, &was), 0);
}

static void
test_too_much_is_refused_with_words(void **state)
{
	struct alv_buf words;

	(void)state;
	alv_buf_init(&words, 1000);
	assert_true(lif_limits_memory(100 << 20, 100 << 20, &words));
	assert_int_equal(words.n, 0);
	assert_false(lif_limits_memory(101 << 20, 100 << 20, &words));
	alv_buf_byte(&words, 0);
	assert_non_null(strstr((const char *)words.p, "need 101 MiB of memory, the machine or the control group allows 100 MiB"));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_least_counts),
		cmocka_unit_test(test_too_much_is_refused_with_words),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
