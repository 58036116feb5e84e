/* Patterns with groups that a replacement names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/regex.h>
#include <alcove/str.h>

static void
groups_are_put_in(void **state)
{
	static const struct { const char *pattern, *in, *replacement, *out; } rows[] = {
		{ "a(.)c", "abc", "[$1]", "[b]" }, { "a(.)c", "abcd", "x", NULL }, { "a(.)c", "xabc", "x", NULL },
		{ "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "abcdefghij", "$9$8$1$0", "ihaabcdefghij" },
		{ "(a)|(b)", "b", "$1-$2", "-b" }, { "(?:a)b", "ab", "$1", "$1" }, { ".*", "", "empty", "empty" },
		{ "(?i)CN=(\\w+)", "cn=Bob", "$1", "Bob" }, { "(.*)", "\xc3\xbc", "<$1>", "<\xc3\xbc>" }, { "x", "x", "\\$1\\\\", "$1\\" },
		{ "x", "x", "a\\", "a\\" }, { "x", "x", "", "" }, { "(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", "x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		struct alv_arena a;
		struct alv_buf	 out;
		struct alv_str	 why;
		struct reg	*r;
		bool		 fits;

		alv_arena_init(&a, 4096);
		alv_buf_init(&out, 256);
		assert_int_equal(reg_compile_groups(alv_str_of(rows[i].pattern), &a, &r, &why), ALV_OK);
		fits = reg_replace(r, alv_str_of(rows[i].in), alv_str_of(rows[i].replacement), &out);
		alv_buf_byte(&out, 0);
		if (fits != (rows[i].out != NULL) || (fits && strcmp((const char *)out.p, rows[i].out) != 0))
			fail_msg("%s, %s: %s", rows[i].pattern, rows[i].in, fits ? (const char *)out.p : "no match");
		reg_free(r);
		alv_buf_fini(&out);
		alv_arena_fini(&a);
	}
}

static void
what_is_no_pattern_is_told(void **state)
{
	static const char *const bad[] = { "(", "a{2,1}", "(?=x)", "\\1", "[z-a]", "\xff", "((((x{100}){100}){100}){100})" };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		struct alv_arena a;
		struct alv_str	 why = ALV_STR_NULL;
		struct reg	*r;

		alv_arena_init(&a, 4096);
		assert_int_equal(reg_compile_groups(alv_str_of(bad[i]), &a, &r, &why), ALV_E_VALUE);
		assert_null(r);
		assert_true(why.n > 0);
		alv_arena_fini(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(groups_are_put_in), cmocka_unit_test(what_is_no_pattern_is_told) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
