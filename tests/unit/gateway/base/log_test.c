/* Log lines: one line whatever the values hold, JSON that parses by eye, levels, ceilings. */
#include <alcove/log.h>

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static int fds[2];

static int
setup(void **state)
{
	(void)state;
	return pipe(fds);
}

static int
teardown(void **state)
{
	(void)state;
	alv_log_setup(2, ALV_LOG_INFO, ALV_LOG_TEXT);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static const char *
logged(void)
{
	static char line[8192];
	ssize_t	    n = read(fds[0], line, sizeof(line) - 1);

	assert_true(n > 0);
	line[n] = '\0';
	return line;
}

static void
text_cannot_forge_a_line(void **state)
{
	const char *line;

	(void)state;
	alv_log_setup(fds[1], ALV_LOG_INFO, ALV_LOG_TEXT);
	alv_log(ALV_LOG_WARN, "event", ALV_KV_S("user", ALV_STR("a\nb\"c\\\x1b[0m\x7f\xff")), ALV_KV_I("n", -3),
	    ALV_KV_S("none", ALV_STR_NULL));
	line = logged();
	assert_non_null(strstr(line, " warn event user=\"a\\u000ab\\\"c\\\\\\u001b[0m\\u007f\\u00ff\" n=-3 none=-\n"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void
json_lines(void **state)
{
	const char *line;

	(void)state;
	alv_log_setup(fds[1], ALV_LOG_INFO, ALV_LOG_JSON);
	alv_log(ALV_LOG_INFO, "it happened", ALV_KV_S("who", ALV_STR("\xc3\xa4")), ALV_KV_S("none", ALV_STR_NULL), ALV_KV_I("n", 7));
	line = logged();
	assert_memory_equal(line, "{\"time\":\"", 9);
	assert_non_null(strstr(line, "\",\"level\":\"info\",\"event\":\"it happened\",\"who\":\"\xc3\xa4\",\"none\":null,\"n\":7}\n"));
}

static void
long_values_are_cut_and_the_line_ends(void **state)
{
	static char big[20000];
	const char *line;

	(void)state;
	memset(big, 'x', sizeof(big));
	alv_log_setup(fds[1], ALV_LOG_INFO, ALV_LOG_JSON);
	alv_log(ALV_LOG_INFO, "e", ALV_KV_S("a", alv_str_make(big, sizeof(big))), ALV_KV_I("n", 1));
	line = logged();
	assert_true(strlen(line) <= 4096);
	assert_string_equal(line + strlen(line) - 8, ",\"n\":1}\n");
}

static void
lower_levels_are_silent(void **state)
{
	(void)state;
	alv_log_setup(fds[1], ALV_LOG_WARN, ALV_LOG_TEXT);
	alv_log(ALV_LOG_INFO, "quiet");
	alv_log(ALV_LOG_ERROR, "loud");
	assert_non_null(strstr(logged(), " error loud\n"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(text_cannot_forge_a_line),
		T(json_lines),
		T(long_values_are_cut_and_the_line_ends),
		T(lower_levels_are_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
