/* The strict reading of request heads. */
#include "admin-api/raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
fine(void **state)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\nGET / HTTP/1.1\r\nHOST:a\r\nContent-Length: 12\r\n\r\nrest is not looked at\n",
		"GET / HTTP/1.0\r\nhost: a\r\nTransfer-Encoding:\tChunked \r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(heads); i++)
		assert_null(adm_raw_check(alv_str_of(heads[i])));
}

static void
refused(void **state)
{
	static const struct {
		const char *head, *words;
	} cases[] = {
		{ "", "request line" },
		{ "GET / HTTP/1.1\nHost: a\n\n", "request line" },
		{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1" },
		{ "GET / HTTP/1.1\r\n\r\n", "Host is missing" },
		{ "GET / HTTP/1.1\r\nHost: \r\n\r\n", "Host is empty" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "Host is there twice" },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "name: value" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "continued" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", "name: value" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "control character" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\r\n", "CRLF" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n", "Content-Length is there twice" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", "not a number" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", "not a number" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", "not a number" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "both there" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "not chunked" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "twice" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n", "does not end" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		const char *why = adm_raw_check(alv_str_of(cases[i].head));

		if (why == NULL || strstr(why, cases[i].words) == NULL)
			fail_msg("case %zu: found %s, expected %s", i, why == NULL ? "fine" : why, cases[i].words);
		assert_null(strpbrk(why, "\"\\"));	/* they go into JSON as they are */
	}
}

/* Every beginning of a good head is refused, none is read beyond its end. */
static void
cut_anywhere(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";

	(void)state;
	for (size_t n = 0; n < sizeof(head) - 1; n++) {
		char *copy = test_malloc(n + 1);

		memcpy(copy, head, n);
		assert_non_null(adm_raw_check(alv_str_make(copy, n)));
		test_free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(fine), cmocka_unit_test(refused), cmocka_unit_test(cut_anywhere) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
