/* The budget's arithmetic: shares, floors, what may be exceeded, and that everything comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/budget.h"

#include <stdio.h>

#define MIB ((size_t)1024 * 1024)

/* max 64: share 16, the last 16 for those within 1. */
static const struct pol_limits limits = { .memory_max_bytes = 64 * MIB, .memory_share_percent = 25, .memory_floor_bytes = MIB,
	.frame_max_bytes = 8 * MIB, .response_max_bytes = 8 * MIB };

static void
a_tenant_has_its_share(void **state)
{
	struct px_budget *b = px_budget_new(&limits);
	struct px_cell	 *a, *z;

	(void)state;
	a = px_cell_get(b, "acme");
	z = px_cell_get(b, "zeta");
	assert_true(px_budget_take(b, a, 10 * MIB));
	assert_false(px_budget_take(b, a, b->share - 10 * MIB + 1));
	assert_true(px_budget_take(b, a, b->share - 10 * MIB));
	assert_false(px_budget_take(b, a, 1));
	assert_true(px_budget_take(b, z, b->share));
	assert_int_equal(atomic_load(&b->used), 2 * b->share);
	px_budget_give(b, a, b->share);
	assert_true(px_budget_take(b, a, 1));
	px_budget_give(b, a, 1);
	px_budget_give(b, z, b->share);
	px_cell_put(b, a);
	px_cell_put(b, z);
	px_budget_free(b);
}

static void
large_ones_leave_room_for_small_ones(void **state)
{
	struct px_budget *b = px_budget_new(&limits);
	struct px_cell	 *large[3], *small[20];
	char		  name[16];

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		large[i] = px_cell_get(b, name);
		assert_true(px_budget_take(b, large[i], b->share));
	}
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		small[i] = px_cell_get(b, name);
		/* All but a few bytes of 48 MiB are gone: nobody gets more than a floor, and those who want no more do. */
		assert_false(px_budget_take(b, small[i], MIB + 1));
		assert_int_equal(px_budget_take(b, small[i], MIB), i < 16);
	}
	assert_true(atomic_load(&b->used) <= b->max);
	for (int i = 0; i < 3; i++) {
		px_budget_give(b, large[i], b->share);
		px_cell_put(b, large[i]);
	}
	for (int i = 0; i < 20; i++) {
		if (i < 16)
			px_budget_give(b, small[i], MIB);
		px_cell_put(b, small[i]);
	}
	px_budget_free(b);
}

static void
sums_do_not_wrap(void **state)
{
	struct px_budget *b = px_budget_new(&limits);
	struct px_cell	 *a = px_cell_get(b, "acme");

	(void)state;
	assert_false(px_budget_take(b, a, SIZE_MAX));
	assert_true(px_budget_take(b, a, 5));
	assert_false(px_budget_take(b, a, SIZE_MAX));
	assert_false(px_budget_take(b, a, SIZE_MAX - 4));
	assert_false(px_budget_grow(b, a, SIZE_MAX - 4));
	assert_int_equal(atomic_load(&b->used), 5);
	px_budget_give(b, a, 5);
	px_cell_put(b, a);
	px_budget_free(b);
}

static void
what_turns_out_larger_has_an_eighth(void **state)
{
	struct px_budget *b = px_budget_new(&limits);
	struct px_cell	 *a = px_cell_get(b, "acme");
	size_t		  most = b->max + b->max / 8;

	(void)state;
	assert_true(px_budget_take(b, a, b->share));
	assert_true(px_budget_grow(b, a, most - b->share));
	assert_false(px_budget_grow(b, a, 1));
	assert_false(px_budget_take(b, a, 1));
	px_budget_give(b, a, most);
	px_cell_put(b, a);
	px_budget_free(b);
}

static void
a_cell_is_shared_by_its_name(void **state)
{
	struct px_budget *b = px_budget_new(&limits);
	struct px_cell	 *a = px_cell_get(b, "acme"), *again = px_cell_get(b, "acme"), *nobody = px_cell_get(b, "");

	(void)state;
	assert_ptr_equal(a, again);
	assert_ptr_not_equal(a, nobody);
	px_cell_put(b, a);
	assert_ptr_equal(px_cell_get(b, "acme"), again);
	px_cell_put(b, again);
	px_cell_put(b, again);
	px_cell_put(b, nobody);
	px_cell_put(b, NULL);
	px_budget_free(b);	/* checks that none is left */
}

/* Without a configured size there is one all the same, and what would not fit a share is lowered to it. */
static void
sizes_fit_each_other(void **state)
{
	struct pol_limits l = { .frame_max_bytes = UINT32_MAX, .response_max_bytes = UINT32_MAX };
	struct px_budget *b = px_budget_new(&l);

	(void)state;
	assert_true(b->max >= 64 * MIB && b->max <= 1024 * MIB);
	assert_true(px_memory_limit() == 0 || b->max <= 64 * MIB || b->max <= px_memory_limit() / 2);
	assert_true(b->share <= b->max - b->aside && b->floor <= b->share);
	assert_int_equal(px_budget_lowered(b, l.frame_max_bytes), b->share);
	assert_int_equal(px_budget_lowered(b, 1), 1);
	px_budget_free(b);
	l = limits;
	b = px_budget_new(&l);
	assert_int_equal(b->max, 64 * MIB);
	assert_int_equal(px_budget_lowered(b, l.frame_max_bytes), 8 * MIB);
	px_budget_free(b);
	l.memory_share_percent = 100;
	b = px_budget_new(&l);
	assert_int_equal(b->share, b->max - b->aside);
	px_budget_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tenant_has_its_share),
		cmocka_unit_test(large_ones_leave_room_for_small_ones),
		cmocka_unit_test(sums_do_not_wrap),
		cmocka_unit_test(what_turns_out_larger_has_an_eighth),
		cmocka_unit_test(a_cell_is_shared_by_its_name),
		cmocka_unit_test(sizes_fit_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
