/* Fronts of record batches, whole and cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/kafka.h>

enum { FRONT = 61, ROOM = 1024 };

struct bytes {
	uint8_t p[ROOM];
	size_t	n;
};

static void
add_batch(struct bytes *b, int64_t base, int32_t delta, uint16_t attributes, size_t payload)
{
	uint8_t *p = b->p + b->n;

	memset(p, 0, FRONT);
	alv_put_be64(p, (uint64_t)base);
	alv_put_be32(p + 8, (uint32_t)(FRONT - 12 + payload));
	p[16] = 2;
	alv_put_be16(p + 21, attributes);
	alv_put_be32(p + 23, (uint32_t)delta);
	memset(p + FRONT, 0xee, payload);
	b->n += FRONT + payload;
}

static void
batches_are_counted_at_every_cut(void **state)
{
	struct bytes b = { .n = 0 };

	(void)state;
	add_batch(&b, 100, 9, 0, 40);
	add_batch(&b, 110, 0, 1 << 4, 0);
	add_batch(&b, 111, 4, 1 << 3, 3);
	for (size_t cut = 0; cut <= b.n; cut++) {
		struct kfk_batches k = { .count = 0 };

		assert_int_equal(kfk_batches_feed(&k, b.p, cut), ALV_OK);
		assert_int_equal(kfk_batches_feed(&k, b.p + cut, b.n - cut), ALV_OK);
		assert_int_equal(k.count, 3);
		assert_int_equal(k.first_offset, 100);
		assert_int_equal(k.last_offset, 115);
		assert_true(k.transactional);
		assert_false(k.control);
		assert_true(k.have == 0 && k.skip == 0);
	}
}

static void
a_cut_end_is_seen(void **state)
{
	struct kfk_batches k = { .count = 0 };
	struct bytes	   b = { .n = 0 };

	(void)state;
	add_batch(&b, 0, 0, 1 << 5, 10);
	assert_int_equal(kfk_batches_feed(&k, b.p, 60), ALV_OK);
	assert_int_equal(k.have, 60);
	assert_int_equal(k.count, 0);
	assert_int_equal(kfk_batches_feed(&k, b.p + 60, 4), ALV_OK);
	assert_int_equal(k.skip, 7);
	assert_true(k.control);
}

static void
the_impossible_is_refused(void **state)
{
	static const struct { size_t at; uint8_t v; } bad[] = {
		{ 16, 0 }, { 16, 1 }, { 16, 3 },	/* magic */
		{ 8, 0x80 },				/* a negative length */
		{ 11, 48 },				/* one that the front does not fit in */
		{ 23, 0x80 },				/* a negative delta */
		{ 0, 0x80 },				/* a negative base */
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		struct kfk_batches k = { .count = 0 };
		struct bytes	   b = { .n = 0 };

		add_batch(&b, 5, 1, 0, 0);
		b.p[bad[i].at] = bad[i].v;
		assert_int_equal(kfk_batches_feed(&k, b.p, b.n), ALV_E_VALUE);
		assert_int_equal(k.count, 0);
	}
}

static void
offsets_do_not_overflow(void **state)
{
	struct kfk_batches k = { .count = 0 };
	struct bytes	   b = { .n = 0 };

	(void)state;
	add_batch(&b, INT64_MAX, 0, 0, 0);
	assert_int_equal(kfk_batches_feed(&k, b.p, b.n), ALV_OK);
	b.n = 0;
	add_batch(&b, INT64_MAX, 1, 0, 0);
	assert_int_equal(kfk_batches_feed(&k, b.p, b.n), ALV_E_VALUE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_are_counted_at_every_cut),
		cmocka_unit_test(a_cut_end_is_seen),
		cmocka_unit_test(the_impossible_is_refused),
		cmocka_unit_test(offsets_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
