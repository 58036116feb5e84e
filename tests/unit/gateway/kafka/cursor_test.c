/* Reading flat and in pieces, to the end and beyond; varints in their shortest form only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kafka/cursor.h"
#include "kafka/varint.h"
#include "kit.h"

static void
varints_are_shortest_or_refused(void **state)
{
	static const struct { uint8_t b[6]; size_t n; int used; uint32_t v; } cases[] = {
		{ { 0 }, 1, 1, 0 },
		{ { 0x7f }, 1, 1, 127 },
		{ { 0x80, 1 }, 2, 2, 128 },
		{ { 0xff, 0xff, 0xff, 0xff, 0x0f }, 5, 5, UINT32_MAX },
		{ { 0x80 }, 0, 0, 0 },
		{ { 0x80 }, 1, 0, 0 },
		{ { 0xff, 0xff, 0xff, 0xff }, 4, 0, 0 },
		{ { 0x80, 0 }, 2, -1, 0 },
		{ { 0x80, 0x80, 0x80, 0x80, 0 }, 5, -1, 0 },
		{ { 0xff, 0xff, 0xff, 0xff, 0x10 }, 5, -1, 0 },
		{ { 0xff, 0xff, 0xff, 0xff, 0x8f, 0 }, 6, -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		uint32_t v = 0;
		uint8_t	 back[KFK_VARINT_MAX];

		assert_int_equal(kfk_varint_read(cases[i].b, cases[i].n, &v), cases[i].used);
		if (cases[i].used <= 0)
			continue;
		assert_int_equal(v, cases[i].v);
		assert_int_equal(kfk_varint_write(back, v), cases[i].used);
		assert_memory_equal(back, cases[i].b, (size_t)cases[i].used);
	}
}

static void
pieces_read_as_one(void **state)
{
	static const char bytes[] = "\1\2" "\0\0\0\5" "\x80\1" "\0\2ab" "xyz";
	struct kit	  k;

	(void)state;
	kit_init(&k);
	for (size_t piece = 1; piece < sizeof(bytes); piece++) {
		struct alv_chain  in;
		struct kfk_cursor c;
		char		  rest[2];

		kit_chain(&k, &in, (const uint8_t *)bytes, sizeof(bytes) - 1, piece);
		kfk_cursor_chain(&c, &in);
		assert_int_equal(kfk_cursor_be16(&c), 0x102);
		assert_int_equal(kfk_cursor_be32(&c), 5);
		assert_int_equal(kfk_cursor_uvarint(&c), 128);
		assert_true(alv_str_eqz(kfk_cursor_str16(&c, &k.arena), "ab"));
		kfk_cursor_skip(&c, 1);
		kfk_cursor_copy(&c, rest, 2);
		assert_memory_equal(rest, "yz", 2);
		assert_int_equal(c.left, 0);
		assert_int_equal(c.err, ALV_OK);
		alv_chain_clear(&in);
	}
	kit_fini(&k);
}

static void
the_first_failure_stays(void **state)
{
	struct kfk_cursor c;
	struct alv_arena  a;

	(void)state;
	alv_arena_init(&a, 100);
	kfk_cursor_flat(&c, ALV_STR("\1\2\3"));
	assert_int_equal(kfk_cursor_be32(&c), 0);
	assert_int_equal(c.err, ALV_E_SHORT);
	assert_int_equal(kfk_cursor_be16(&c), 0);
	assert_int_equal(c.left, 3);
	kfk_cursor_flat(&c, ALV_STR("\0\5abc"));
	assert_null(kfk_cursor_str16(&c, &a).p);
	assert_int_equal(c.err, ALV_E_LENGTH);
	kfk_cursor_flat(&c, ALV_STR("\x80\0"));
	assert_int_equal(kfk_cursor_uvarint(&c), 0);
	assert_int_equal(c.err, ALV_E_VARINT);
	kfk_cursor_flat(&c, ALV_STR_NULL);
	kfk_cursor_skip(&c, 0);
	assert_int_equal(c.err, ALV_OK);
	alv_arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(varints_are_shortest_or_refused),
		cmocka_unit_test(pieces_read_as_one),
		cmocka_unit_test(the_first_failure_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
