/* Blocks and chains: references are counted, cuts and marks lose nothing, ceilings of pools hold. */
#include <alcove/buf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct alv_pool *pool;

static int
setup(void **state)
{
	(void)state;
	pool = alv_pool_new(64 * 1024);
	return pool == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(alv_pool_out(pool), 0);	/* every reference was given back */
	alv_pool_free(pool);
	return 0;
}

static void
expect(const struct alv_chain *c, const char *want)
{
	char   got[256];
	size_t n = strlen(want);

	assert_int_equal(c->n, n);
	assert_true(alv_chain_peek(c, 0, got, n));
	assert_memory_equal(got, want, n);
	assert_false(alv_chain_peek(c, 1, got, n));
}

static void
blocks_have_four_sizes(void **state)
{
	static const size_t want[][2] = { { 1, 4096 }, { 4096, 4096 }, { 4097, 16384 }, { 65536, 65536 }, { 65537, 262144 },
		{ 1 << 24, 262144 } };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(want); i++) {
		struct alv_block *b = alv_block_get(pool, want[i][0]);

		assert_int_equal(b->cap, want[i][1]);
		assert_int_equal(alv_pool_out(pool), want[i][1]);
		alv_block_put(b);
	}
	alv_block_put(NULL);
}

static void
copies_join_and_views_share(void **state)
{
	struct alv_chain  c, d;
	struct alv_block *b = alv_block_get(pool, 10);

	(void)state;
	memcpy(b->data, "0123456789", 10);
	b->used = 10;
	alv_chain_init(&c, pool);
	alv_chain_init(&d, pool);
	alv_chain_copy(&c, "ab", 2);
	alv_chain_copy(&c, "cd", 2);
	assert_ptr_equal(c.head, c.tail);	/* one piece */
	alv_chain_ref(&c, b, b->data, 4);
	alv_chain_ref(&c, b, b->data + 4, 2);
	assert_ptr_equal(c.head->next, c.tail);	/* contiguous views too */
	alv_chain_copy(&c, "!", 1);
	expect(&c, "abcd012345!");
	alv_block_put(b);
	alv_chain_cut(&d, &c, 6);
	expect(&d, "abcd01");
	expect(&c, "2345!");
	alv_chain_move(&d, &c);
	expect(&d, "abcd012345!");
	assert_int_equal(c.n, 0);
	alv_chain_drop(&d, 5);
	expect(&d, "12345!");
	alv_chain_clear(&d);
}

/* A copy must not be written behind a view of a block that somebody else still fills or holds. */
static void
a_copy_spares_shared_blocks(void **state)
{
	struct alv_chain  c;
	struct alv_block *b = alv_block_get(pool, 10);

	(void)state;
	memcpy(b->data, "xy", 2);
	b->used = 2;
	alv_chain_init(&c, pool);
	alv_chain_ref(&c, b, b->data, 2);
	alv_chain_copy(&c, "z", 1);
	assert_int_equal(b->used, 2);
	expect(&c, "xyz");
	alv_chain_clear(&c);
	alv_block_put(b);
}

static void
marks_nest(void **state)
{
	struct alv_chain      c;
	struct alv_chain_mark empty, first, second;

	(void)state;
	alv_chain_init(&c, pool);
	empty = alv_chain_mark(&c);
	alv_chain_copy(&c, "one", 3);
	first = alv_chain_mark(&c);
	alv_chain_copy(&c, "two", 3);
	second = alv_chain_mark(&c);
	alv_chain_copy(&c, "three", 5);
	alv_chain_back(&c, second);
	expect(&c, "onetwo");
	alv_chain_back(&c, first);
	expect(&c, "one");
	alv_chain_copy(&c, "!", 1);
	expect(&c, "one!");
	alv_chain_back(&c, empty);
	assert_int_equal(c.n, 0);
	assert_null(c.head);
}

static void
random_cuts_lose_nothing(void **state)
{
	static uint8_t	 data[100000];
	struct alv_chain c, d;
	unsigned	 seed = 7;
	uint8_t		*got = malloc(sizeof(data));

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	alv_chain_init(&c, pool);
	alv_chain_init(&d, pool);
	for (size_t at = 0; at < sizeof(data);) {
		size_t n = (seed = seed * 1103515245u + 12345u) % 5000 + 1;

		n = n < sizeof(data) - at ? n : sizeof(data) - at;
		alv_chain_copy(&c, data + at, n);
		at += n;
	}
	while (c.n > 0) {
		size_t n = (seed = seed * 1103515245u + 12345u) % 7000 + 1;

		alv_chain_cut(&d, &c, n < c.n ? n : c.n);
	}
	assert_int_equal(d.n, sizeof(data));
	assert_true(alv_chain_peek(&d, 0, got, sizeof(data)));
	assert_memory_equal(got, data, sizeof(data));
	free(got);
	alv_chain_clear(&d);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* A few bytes of a large block, and some more of another; the blocks go, the bytes stay. */
static void
packing_lets_large_blocks_go(void **state)
{
	struct alv_block *b = alv_block_get(pool, ALV_BLOCK_MAX);
	struct alv_chain  c, dense;

	(void)state;
	memset(b->data, 'x', b->cap);
	memcpy(b->data + 100, "first", 5);
	memcpy(b->data + 200, "second", 6);
	b->used = b->cap;
	alv_chain_init(&c, pool);
	alv_chain_ref(&c, b, b->data + 100, 5);
	alv_chain_ref(&c, b, b->data + 200, 6);
	alv_chain_pack(&c);
	expect(&c, "firstsecond");
	assert_int_equal(b->refs, 1);
	assert_int_equal(alv_pool_out(pool), ALV_BLOCK_MAX + ALV_BLOCK_SMALL);
	alv_chain_pack(&c);	/* nothing to gain */
	assert_int_equal(alv_pool_out(pool), ALV_BLOCK_MAX + ALV_BLOCK_SMALL);
	/* What fills most of its block stays where it is. */
	alv_chain_init(&dense, pool);
	alv_chain_ref(&dense, b, b->data, b->cap / 2);
	alv_chain_pack(&dense);
	assert_int_equal(b->refs, 2);
	alv_chain_clear(&dense);
	alv_chain_clear(&c);
	alv_block_put(b);
	alv_chain_pack(&c);
	assert_int_equal(c.n, 0);
}

/* Three were in use at once since the last time, then one: two go, and after a time without any the last one, too. */
static void
trimming_frees_what_is_kept_in_vain(void **state)
{
	struct alv_pool	 *p = alv_pool_new(1 << 20);
	struct alv_block *b[3], *again;

	(void)state;
	for (int i = 0; i < 3; i++)
		b[i] = alv_block_get(p, ALV_BLOCK_SMALL);
	for (int i = 0; i < 3; i++)
		alv_block_put(b[i]);
	assert_int_equal(alv_pool_kept(p), 3 * ALV_BLOCK_SMALL);
	alv_pool_trim(p);
	assert_int_equal(alv_pool_kept(p), 3 * ALV_BLOCK_SMALL);
	again = alv_block_get(p, 1);
	assert_int_equal(alv_pool_kept(p), 2 * ALV_BLOCK_SMALL);
	alv_block_put(again);
	alv_pool_trim(p);
	assert_int_equal(alv_pool_kept(p), ALV_BLOCK_SMALL);
	alv_pool_trim(p);
	assert_int_equal(alv_pool_kept(p), 0);
	alv_pool_free(p);
}

static void
blocks_are_aligned(void **state)
{
	struct alv_block *b = alv_block_get(pool, 1);

	(void)state;
	assert_int_equal((uintptr_t)b->data % 16, 0);
	alv_block_put(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(blocks_have_four_sizes),
		T(copies_join_and_views_share),
		T(a_copy_spares_shared_blocks),
		T(marks_nest),
		T(random_cuts_lose_nothing),
		T(packing_lets_large_blocks_go),
		T(trimming_frees_what_is_kept_in_vain),
		T(blocks_are_aligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
