/* Views: comparing, numbers, UTF-8, uuids. */
#include <alcove/str.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
null_and_empty_differ(void **state)
{
	(void)state;
	assert_false(alv_str_eq(ALV_STR_NULL, ALV_STR("")));
	assert_true(alv_str_eq(ALV_STR_NULL, ALV_STR_NULL));
	assert_true(alv_str_eqz(ALV_STR("a"), "a"));
	assert_false(alv_str_eq_secret(ALV_STR_NULL, ALV_STR_NULL));
	assert_true(alv_str_eq_secret(ALV_STR("k"), ALV_STR("k")));
	assert_false(alv_str_eq_secret(ALV_STR("k"), ALV_STR("kk")));
	assert_true(alv_str_starts(ALV_STR("acme.x"), ALV_STR("acme.")));
	assert_false(alv_str_starts(ALV_STR("acme"), ALV_STR("acme.")));
	assert_true(alv_str_ends(ALV_STR("acme.x"), ALV_STR(".x")));
	assert_int_equal(alv_str_cmp(ALV_STR("a"), ALV_STR("ab")), -1);
	assert_int_equal(alv_str_cmp(ALV_STR("b"), ALV_STR("ab")), 1);
	assert_int_equal(alv_str_cmp(ALV_STR(""), ALV_STR_NULL), 0);
}

static void
numbers(void **state)
{
	static const struct {
		const char *in;
		uint64_t    max, out;
		enum alv_err err;
	} cases[] = {
		{ "0", 10, 0, ALV_OK }, { "10", 10, 10, ALV_OK }, { "11", 10, 0, ALV_E_RANGE }, { "", 10, 0, ALV_E_SYNTAX },
		{ "-1", 10, 0, ALV_E_SYNTAX }, { " 1", 10, 0, ALV_E_SYNTAX }, { "1x", 10, 0, ALV_E_SYNTAX }, { "7", 5, 0, ALV_E_RANGE },
		{ "18446744073709551615", UINT64_MAX, UINT64_MAX, ALV_OK },
		{ "18446744073709551616", UINT64_MAX, 0, ALV_E_RANGE }, { "99999999999999999999999", UINT64_MAX, 0, ALV_E_RANGE },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		uint64_t v = 0;

		assert_int_equal(alv_str_u64(alv_str_of(cases[i].in), cases[i].max, &v), cases[i].err);
		if (!cases[i].err)
			assert_true(v == cases[i].out);
	}
}

static void
utf8(void **state)
{
	static const char *const good[] = { "", "plain", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xe2\x82" };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(good); i++)
		assert_true(alv_str_utf8(alv_str_of(good[i])));
	for (size_t i = 0; i < ALV_COUNT(bad); i++)
		assert_false(alv_str_utf8(alv_str_of(bad[i])));
	assert_false(alv_str_utf8(ALV_STR_NULL));
}

/* As in the paper of Aumasson and Bernstein: the key is 00..0f, the messages are 00, 00 01, .. */
static void
keyed_hashes(void **state)
{
	static const struct { size_t n; uint64_t hash; } good[] = { { 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu },
		{ 7, 0xab0200f58b01d137u }, { 8, 0x93f5f5799a932462u }, { 15, 0xa129ca6149be45e5u } };
	static const uint64_t key[] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	uint8_t		      bytes[15];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < ALV_COUNT(good); i++)
		assert_true(alv_hash_keyed(bytes, good[i].n, key) == good[i].hash);
	assert_true(alv_hash_keyed(NULL, 0, key) == good[0].hash);
}

static void
uuids(void **state)
{
	struct alv_uuid id = { { 0 } };
	char		text[23];

	(void)state;
	assert_true(alv_uuid_zero(id));
	alv_uuid_text(id, text);
	assert_string_equal(text, "AAAAAAAAAAAAAAAAAAAAAA");
	for (int i = 0; i < 16; i++)
		id.b[i] = (uint8_t)(0xff - i);
	alv_uuid_text(id, text);
	assert_string_equal(text, "__79_Pv6-fj39vX08_Lx8A");
	assert_false(alv_uuid_zero(id));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_and_empty_differ),
		cmocka_unit_test(numbers),
		cmocka_unit_test(utf8),
		cmocka_unit_test(keyed_hashes),
		cmocka_unit_test(uuids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
