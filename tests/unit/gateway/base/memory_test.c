/* Arenas and growing buffers: ceilings hold, the first failure stays. */
#include <alcove/buf.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
an_arena_has_a_ceiling(void **state)
{
	struct alv_arena a;
	uint8_t		*p;

	(void)state;
	alv_arena_init(&a, 4096);
	p = alv_arena_alloc(&a, 100);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 16, 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_null(alv_arena_alloc(&a, 4096));
	assert_true(a.failed);
	assert_null(alv_arena_alloc(&a, SIZE_MAX));
	assert_null(alv_arena_alloc(&a, SIZE_MAX - 20));
	assert_non_null(alv_arena_alloc(&a, 3000));
	alv_arena_reset(&a);
	assert_false(a.failed);
	assert_int_equal(a.used, 0);
	assert_non_null(alv_arena_alloc(&a, 4096));
	alv_arena_fini(&a);
}

static void
strings_in_an_arena(void **state)
{
	struct alv_arena a;
	struct alv_str	 s;

	(void)state;
	alv_arena_init(&a, 4096);
	assert_null(alv_arena_str(&a, ALV_STR_NULL).p);
	s = alv_arena_str(&a, ALV_STR(""));
	assert_non_null(s.p);
	assert_int_equal(s.n, 0);
	s = alv_arena_cat(&a, ALV_STR("acme."), ALV_STR("orders"));
	assert_string_equal(s.p, "acme.orders");
	s = alv_arena_printf(&a, "b%d-%s", 3, "acme");
	assert_string_equal(s.p, "b3-acme");
	assert_int_equal(s.n, 7);
	alv_arena_fini(&a);
}

static void
a_buffer_keeps_its_first_failure(void **state)
{
	struct alv_buf b;

	(void)state;
	alv_buf_init(&b, 600);
	alv_buf_z(&b, "size ");
	alv_buf_printf(&b, "%d", 42);
	alv_buf_be16(&b, 0x0102);
	alv_buf_be32(&b, 0x03040506);
	alv_buf_byte(&b, 7);
	assert_int_equal(b.n, 14);
	assert_memory_equal(b.p, "size 42\1\2\3\4\5\6\7", 14);
	for (int i = 0; i < 100; i++)
		alv_buf_z(&b, "0123456789");
	assert_int_equal(b.err, ALV_E_LIMIT);
	assert_true(b.n <= 600);
	alv_buf_z(&b, "");
	assert_int_equal(b.err, ALV_E_LIMIT);
	alv_buf_wipe(&b);
	assert_null(b.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_arena_has_a_ceiling),
		cmocka_unit_test(strings_in_an_arena),
		cmocka_unit_test(a_buffer_keeps_its_first_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
