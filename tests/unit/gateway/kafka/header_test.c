/* The fronts of frames: both request headers, both response headers, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kit.h"

enum { PRODUCE = 0, METADATA = 3, API_VERSIONS = 18 };

static struct kit kit;

static struct alv_chain
chain_of(const void *p, size_t n)
{
	struct alv_chain c;

	kit_chain(&kit, &c, p, n, 3);
	return c;
}

static void
sizes_have_a_ceiling(void **state)
{
	static const struct { uint8_t b[5]; size_t n; uint32_t max; enum alv_err err; } cases[] = {
		{ { 0 }, 0, 100, ALV_E_MORE },
		{ { 0, 0, 0 }, 3, 100, ALV_E_MORE },
		{ { 0, 0, 0, 0 }, 4, 100, ALV_OK },
		{ { 0, 0, 0, 100 }, 4, 100, ALV_OK },
		{ { 0, 0, 0, 101 }, 4, 100, ALV_E_LIMIT },
		{ { 0x80, 0, 0, 0 }, 4, UINT32_MAX, ALV_E_LIMIT },
		{ { 0xff, 0xff, 0xff, 0xff }, 4, UINT32_MAX, ALV_E_LIMIT },
		{ { 0, 0, 1, 0, 9 }, 5, 1000, ALV_OK },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct alv_chain c = chain_of(cases[i].b, cases[i].n);
		uint32_t	 size = 7;

		assert_int_equal(kfk_frame_size(&c, cases[i].max, &size), cases[i].err);
		if (!cases[i].err)
			assert_int_equal(size, alv_be32(cases[i].b));
		alv_chain_clear(&c);
	}
}

static void
requests_read_and_write(void **state)
{
	static const struct { int16_t key, version; const char *id; const char *wire; size_t n; } cases[] = {
		{ METADATA, 8, "abc", "\0\0\0\0" "\0\3\0\10\0\0\0\7\0\3" "abc", 17 },
		{ METADATA, 9, "abc", "\0\0\0\0" "\0\3\0\11\0\0\0\7\0\3" "abc" "\0", 18 },
		{ METADATA, 9, "", "\0\0\0\0" "\0\3\0\11\0\0\0\7\0\0" "\0", 15 },
		{ METADATA, 9, NULL, "\0\0\0\0" "\0\3\0\11\0\0\0\7\xff\xff" "\0", 15 },
		{ API_VERSIONS, 3, NULL, "\0\0\0\0" "\0\22\0\3\0\0\0\7\xff\xff" "\0", 15 },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct kfk_req_header h = { .key = cases[i].key, .version = cases[i].version, .correlation_id = 7,
			.client_id = alv_str_of(cases[i].id) }, r;
		struct alv_chain c;

		alv_chain_init(&c, kit.pool);
		kfk_req_header_write(&c, &h, 2);
		assert_int_equal(c.n, cases[i].n);
		assert_int_equal(c.head->p[3], cases[i].n - 4 + 2);
		alv_chain_drop(&c, 4);
		assert_true(kit_same(&c, (const uint8_t *)cases[i].wire + 4, cases[i].n - 4));
		assert_int_equal(kfk_req_header_read(&c, &kit.arena, &r), ALV_OK);
		assert_int_equal(r.key, h.key);
		assert_int_equal(r.version, h.version);
		assert_int_equal(r.correlation_id, 7);
		assert_true(alv_str_eq(r.client_id, h.client_id));
		assert_int_equal(r.size, cases[i].n - 4);
		alv_chain_clear(&c);
	}
}

static void
the_size_counts_the_body(void **state)
{
	struct kfk_req_header h = { .key = METADATA, .version = 8 };
	struct alv_chain      c;
	uint32_t	      n = 0;

	(void)state;
	alv_chain_init(&c, kit.pool);
	kfk_req_header_write(&c, &h, 1000);
	assert_int_equal(kfk_frame_size(&c, 5000, &n), ALV_OK);
	assert_int_equal(n, c.n - 4 + 1000);
	kfk_rsp_header_write(&c, METADATA, 8, 1, SIZE_MAX / 2);
	assert_int_equal(c.err, ALV_E_LIMIT);
	alv_chain_clear(&c);
}

static void
bad_requests_are_refused(void **state)
{
	static const struct { const char *wire; size_t n; enum alv_err err; int16_t key, version; } cases[] = {
		{ "", 0, ALV_E_SHORT, 0, 0 },
		{ "\0\3\0\11\0\0\0", 7, ALV_E_SHORT, 3, 9 },
		{ "\0\7\0\0\0\0\0\7\0\0", 10, ALV_E_UNKNOWN_API, 7, 0 },
		{ "\x7f\xff\0\0\0\0\0\7", 8, ALV_E_UNKNOWN_API, 0x7fff, 0 },
		{ "\xff\xff\0\0\0\0\0\7", 8, ALV_E_UNKNOWN_API, -1, 0 },
		{ "\0\22\0\x7f\0\0\0\7", 8, ALV_E_UNKNOWN_VERSION, 18, 127 },
		{ "\0\3\xff\xff\0\0\0\7", 8, ALV_E_UNKNOWN_VERSION, 3, -1 },
		{ "\0\3\0\11\0\0\0\7\0", 9, ALV_E_SHORT, 3, 9 },
		{ "\0\3\0\11\0\0\0\7\0\2a", 11, ALV_E_LENGTH, 3, 9 },
		{ "\0\3\0\11\0\0\0\7\xff\xfe", 10, ALV_E_LENGTH, 3, 9 },
		{ "\0\3\0\11\0\0\0\7\xff\xff", 10, ALV_E_SHORT, 3, 9 },
		{ "\0\3\0\11\0\0\0\7\xff\xff\1\0\5a", 14, ALV_E_LENGTH, 3, 9 },
		{ "\0\3\0\11\0\0\0\7\xff\xff\2\1\0\1\0", 15, ALV_E_TAG, 3, 9 },
		{ "\0\3\0\11\0\0\0\7\xff\xff\2\2\0\1\0", 15, ALV_E_TAG, 3, 9 },
		{ "\0\3\0\11\0\0\0\7\xff\xff\x80\0", 12, ALV_E_VARINT, 3, 9 },
		{ "\0\3\0\11\0\0\0\7\xff\xff\xff\xff\xff\xff\x1f", 15, ALV_E_VARINT, 3, 9 },
		{ "\0\3\0\11\0\0\0\7\xff\xff\2\1\1x\5\0", 16, ALV_OK, 3, 9 },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct alv_chain      c = chain_of(cases[i].wire, cases[i].n);
		struct kfk_req_header h;

		assert_int_equal(kfk_req_header_read(&c, &kit.arena, &h), cases[i].err);
		if (cases[i].n >= 8) {
			assert_int_equal(h.key, cases[i].key);
			assert_int_equal(h.version, cases[i].version);
			assert_int_equal(h.correlation_id, 7);
		}
		if (cases[i].err == ALV_OK)
			assert_int_equal(h.size, cases[i].n);
		alv_chain_clear(&c);
	}
}

static void
responses_read_and_write(void **state)
{
	static const struct { int16_t key, version; size_t header; } cases[] = {
		{ METADATA, 8, 4 }, { METADATA, 9, 5 }, { PRODUCE, 8, 4 }, { PRODUCE, 9, 5 },
		{ API_VERSIONS, 0, 4 }, { API_VERSIONS, 3, 4 }, { API_VERSIONS, 4, 4 }, { 999, 3, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct alv_chain c;
		uint32_t	 n;
		int32_t		 id;
		size_t		 at;

		alv_chain_init(&c, kit.pool);
		kfk_rsp_header_write(&c, cases[i].key, cases[i].version, -5, 11);
		assert_int_equal(c.n, 4 + cases[i].header);
		assert_int_equal(kfk_frame_size(&c, 100, &n), ALV_OK);
		assert_int_equal(n, cases[i].header + 11);
		alv_chain_drop(&c, 4);
		assert_int_equal(kfk_rsp_header_read(&c, cases[i].key, cases[i].version, &id, &at), ALV_OK);
		assert_int_equal(id, -5);
		assert_int_equal(at, cases[i].header);
		alv_chain_clear(&c);
	}
}

static void
tags_of_responses_are_passed(void **state)
{
	struct alv_chain c = chain_of("\0\0\0\1\1\3\2xybody", 13), cut = chain_of("\0\0\0\1\1\3\2x", 8);
	int32_t		 id;
	size_t		 at;

	(void)state;
	assert_int_equal(kfk_rsp_header_read(&c, METADATA, 9, &id, &at), ALV_OK);
	assert_int_equal(at, 9);
	assert_int_equal(kfk_rsp_header_read(&cut, METADATA, 9, &id, &at), ALV_E_LENGTH);
	alv_chain_clear(&c);
	alv_chain_clear(&cut);
}

static int
begin(void **state)
{
	(void)state;
	kit_init(&kit);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	kit_fini(&kit);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sizes_have_a_ceiling, begin, end),
		cmocka_unit_test_setup_teardown(requests_read_and_write, begin, end),
		cmocka_unit_test_setup_teardown(the_size_counts_the_body, begin, end),
		cmocka_unit_test_setup_teardown(bad_requests_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(responses_read_and_write, begin, end),
		cmocka_unit_test_setup_teardown(tags_of_responses_are_passed, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
