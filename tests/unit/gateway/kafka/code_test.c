/* The table of error codes has no gap, and asking outside it is safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/kafka.h>

static void
rows_stand_where_their_codes_say(void **state)
{
	int next = -1;

	(void)state;
#define KCODE(code, name, text) \
	assert_int_equal(code, next); \
	assert_string_equal(kfk_code_name(code), #name); \
	assert_string_equal(kfk_code_text(code), text); \
	next++;
#include <alcove/tbl/kafka_err.def>
#undef KCODE
	assert_true(next > 130);
	assert_string_equal(kfk_code_name((int16_t)next), "UNKNOWN");
}

static void
strange_codes_have_a_name(void **state)
{
	static const int16_t codes[] = { -2, INT16_MIN, INT16_MAX, 1000 };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(codes); i++) {
		assert_string_equal(kfk_code_name(codes[i]), "UNKNOWN");
		assert_non_null(kfk_code_text(codes[i]));
	}
	assert_string_equal(kfk_code_name(KFK_UNKNOWN_TOPIC_ID), "UNKNOWN_TOPIC_ID");
	assert_int_equal(KFK_REBOOTSTRAP_REQUIRED, 129);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_stand_where_their_codes_say),
		cmocka_unit_test(strange_codes_have_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
