/* Slots that change their width, marks that give room back, and who may fill a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kafka/emit.h"
#include "kit.h"

static struct kit	kit;
static struct alv_chain chain;
static struct kfk_emit	e;

static void
slots_grow_and_shrink_at_every_place_in_a_block(void **state)
{
	static const uint32_t values[] = { 0, 1, 127, 128, 300, 1u << 14, 1u << 21, UINT32_MAX };
	static const uint8_t  fill[ALV_BLOCK_SMALL];

	(void)state;
	for (size_t before = ALV_BLOCK_SMALL - 12; before <= ALV_BLOCK_SMALL; before++)
		for (size_t i = 0; i < ALV_COUNT(values) * ALV_COUNT(values) * 2; i++) {
			uint32_t	v = values[i % ALV_COUNT(values)], was = values[i / 2 / ALV_COUNT(values)];
			bool		compact = i & 1;
			struct kfk_emit want;
			struct alv_chain c;
			struct kfk_slot slot;
			uint8_t	       *flat;
			size_t		n;

			kfk_emit_init(&e, &chain);
			kfk_emit_copy(&e, fill, before);
			slot = kfk_emit_slot(&e, compact, was);
			kfk_emit_copy(&e, "behind", 6);
			kfk_emit_patch(&e, &slot, v);
			kfk_emit_fini(&e);

			alv_chain_init(&c, kit.pool);
			kfk_emit_init(&want, &c);
			kfk_emit_copy(&want, fill, before);
			if (compact)
				kfk_emit_uvarint(&want, v);
			else
				kfk_emit_be32(&want, v);
			kfk_emit_copy(&want, "behind", 6);
			kfk_emit_fini(&want);
			flat = kit_flat(&c, &n);
			assert_true(kit_same(&chain, flat, n));
			free(flat);
			alv_chain_clear(&c);
			alv_chain_clear(&chain);
		}
}

static void
cutting_back_gives_the_room_back(void **state)
{
	static const uint8_t junk[3000];
	size_t		     out;

	(void)state;
	kfk_emit_init(&e, &chain);
	kfk_emit_copy(&e, "kept", 4);
	out = alv_pool_out(kit.pool);
	for (int i = 0; i < 1000; i++) {
		struct kfk_emit_mark m = kfk_emit_mark(&e);

		kfk_emit_copy(&e, junk, sizeof(junk));
		kfk_emit_back(&e, m);
	}
	assert_int_equal(alv_pool_out(kit.pool), out);
	assert_true(kit_same(&chain, (const uint8_t *)"kept", 4));
	assert_ptr_equal(chain.head, chain.tail);
	kfk_emit_fini(&e);
	alv_chain_clear(&chain);
}

static void
small_is_copied_and_large_is_not(void **state)
{
	struct alv_block *b = alv_block_get(kit.pool, 1000);

	(void)state;
	assert_non_null(b);
	memset(b->data, 7, 1000);
	b->used = 1000;
	kfk_emit_init(&e, &chain);
	kfk_emit_pass(&e, b, b->data, KFK_BY_REFERENCE - 1);
	assert_int_equal(b->refs, 1);
	kfk_emit_pass(&e, b, b->data, KFK_BY_REFERENCE);
	assert_int_equal(b->refs, 2);
	kfk_emit_pass(&e, NULL, b->data, 1000);
	assert_int_equal(b->refs, 2);
	assert_int_equal(chain.n, 2 * KFK_BY_REFERENCE - 1 + 1000);
	kfk_emit_fini(&e);
	alv_chain_clear(&chain);
	alv_block_put(b);
}

static void
an_open_end_is_filled_on(void **state)
{
	(void)state;
	alv_chain_copy(&chain, "head", 4);
	kfk_emit_init(&e, &chain);
	kfk_emit_copy(&e, "body", 4);
	kfk_emit_fini(&e);
	alv_chain_copy(&chain, "tail", 4);
	assert_ptr_equal(chain.head, chain.tail);
	assert_true(kit_same(&chain, (const uint8_t *)"headbodytail", 12));
	alv_chain_clear(&chain);
}

static void
a_failed_chain_stays_as_it_is(void **state)
{
	struct kfk_slot s;

	(void)state;
	kfk_emit_init(&e, &chain);
	chain.err = ALV_E_NOMEM;
	kfk_emit_copy(&e, "x", 1);
	s = kfk_emit_slot(&e, true, 5);
	kfk_emit_patch(&e, &s, 6);
	assert_null(s.at);
	assert_int_equal(chain.n, 0);
	kfk_emit_fini(&e);
}

static int
begin(void **state)
{
	(void)state;
	kit_init(&kit);
	alv_chain_init(&chain, kit.pool);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	kit_fini(&kit);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(slots_grow_and_shrink_at_every_place_in_a_block), T(cutting_back_gives_the_room_back),
		T(small_is_copied_and_large_is_not), T(an_open_end_is_filled_on), T(a_failed_chain_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
