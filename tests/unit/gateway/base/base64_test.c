/* Base64: RFC 4648's examples both ways, and every text that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/base64.h>
#include <alcove/str.h>

static void
knows_the_examples(void **state)
{
	static const struct { const char *plain, *text; } cases[] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xff\xef\xbe\xfb", "/+++" "+w==" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		char   text[32], back[32];
		size_t n;

		assert_int_equal(alv_base64_encode(cases[i].plain, strlen(cases[i].plain), text), strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
		assert_int_equal(alv_base64_decode(alv_str_of(text), back, sizeof(back), &n), ALV_OK);
		assert_int_equal(n, strlen(cases[i].plain));
		assert_memory_equal(back, cases[i].plain, n);
	}
}

static void
refuses_all_else(void **state)
{
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zg===", "====", "=Zg=", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zm-_", "Zg==Zg==", "A===", "Z=g="
	};
	char   out[32];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(bad); i++)
		assert_int_equal(alv_base64_decode(alv_str_of(bad[i]), out, sizeof(out), &n), ALV_E_SYNTAX);
	assert_int_equal(alv_base64_decode(ALV_STR("Zm9v"), out, 2, &n), ALV_E_LIMIT);
	assert_int_equal(alv_base64_decode(ALV_STR("Zm9v"), out, 3, &n), ALV_OK);
}

static void
the_form_of_urls(void **state)
{
	static const struct { const char *text, *plain; } good[] = {
		{ "", "" }, { "Zg", "f" }, { "Zm8", "fo" }, { "Zm9v", "foo" }, { "Zm9vYg", "foob" }, { "_--_", "\xff\xef\xbf" },
	};
	static const char *const bad[] = { "Z", "Zg==", "Zm8=", "Zh", "Zm9", "Zm9vY", "Zm+v", "Zm/v", "Zm 9", "Zm9v\n" };
	char	     out[32];
	size_t	     n;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(good); i++) {
		assert_int_equal(alv_base64url_decode(alv_str_of(good[i].text), out, sizeof(out), &n), ALV_OK);
		assert_int_equal(n, strlen(good[i].plain));
		assert_memory_equal(out, good[i].plain, n);
	}
	for (size_t i = 0; i < ALV_COUNT(bad); i++)
		assert_int_equal(alv_base64url_decode(alv_str_of(bad[i]), out, sizeof(out), &n), ALV_E_SYNTAX);
	assert_int_equal(alv_base64url_decode(ALV_STR("Zm9v"), out, 2, &n), ALV_E_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_examples),
		cmocka_unit_test(refuses_all_else),
		cmocka_unit_test(the_form_of_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
