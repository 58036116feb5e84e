/* The cache of topic ids: what it answers in which order, how long a "no" holds, and that it stays within its bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/cluster.h>
#include <alcove/str.h>

static struct alv_uuid
uuid(uint32_t n)
{
	struct alv_uuid id = { { 0xaa } };

	alv_put_be32(id.b + 12, n);
	return id;
}

static void
learns_and_forgets(void **state)
{
	struct clu_ids *c = clu_ids_new(8);
	struct alv_str	name;

	(void)state;
	assert_int_equal(clu_ids_find(c, NULL, uuid(1), 0, &name), ALV_E_AGAIN);
	clu_ids_learn(c, uuid(1), ALV_STR("acme.orders"), 0);
	assert_int_equal(clu_ids_find(c, NULL, uuid(1), 0, &name), ALV_OK);
	assert_true(alv_str_eqz(name, "acme.orders"));
	clu_ids_learn(c, uuid(1), name, 0);	/* its own memory as the argument */
	assert_int_equal(clu_ids_find(c, NULL, uuid(1), UINT64_MAX, &name), ALV_OK);
	assert_true(alv_str_eqz(name, "acme.orders"));
	clu_ids_forget(c, uuid(1));
	clu_ids_forget(c, uuid(2));
	assert_int_equal(clu_ids_find(c, NULL, uuid(1), 0, &name), ALV_E_AGAIN);
	clu_ids_free(c);
	clu_ids_free(NULL);
}

static void
negative_entries_end(void **state)
{
	struct clu_ids *c = clu_ids_new(8);
	struct alv_str	name;
	uint64_t	t = 5000000, life = (uint64_t)CLU_ID_NEGATIVE_MS * 1000;

	(void)state;
	clu_ids_learn(c, uuid(1), ALV_STR_NULL, t);
	assert_int_equal(clu_ids_find(c, NULL, uuid(1), t + life - 1, &name), ALV_E_NOT_FOUND);
	assert_int_equal(clu_ids_find(c, NULL, uuid(1), t + life, &name), ALV_E_AGAIN);
	assert_int_equal(clu_ids_find(c, NULL, uuid(1), t, &name), ALV_E_AGAIN);	/* it is gone, not only old */
	clu_ids_free(c);
}

static void
view_overrules_a_no(void **state)
{
	struct clu_topic topic = { .name = ALV_STR("new"), .id = uuid(4) };
	struct clu_view	 parts = { .ntopics = 1, .topics = &topic };
	struct clu_view *v = clu_view_build(&parts);
	struct clu_ids	*c = clu_ids_new(8);
	struct alv_str	 name;

	(void)state;
	clu_ids_learn(c, uuid(4), ALV_STR_NULL, 0);
	clu_ids_learn(c, uuid(5), ALV_STR_NULL, 0);
	assert_int_equal(clu_ids_find(c, v, uuid(4), 0, &name), ALV_OK);
	assert_true(alv_str_eqz(name, "new"));
	assert_int_equal(clu_ids_find(c, v, uuid(5), 0, &name), ALV_E_NOT_FOUND);
	assert_int_equal(clu_ids_find(c, v, uuid(6), 0, &name), ALV_E_AGAIN);
	clu_ids_free(c);
	clu_view_free(v);
}

static void
zero_and_oversized_are_never_stored(void **state)
{
	struct clu_ids *c = clu_ids_new(8);
	struct alv_uuid zero = { { 0 } };
	char		big[250];
	struct alv_str	name;

	(void)state;
	memset(big, 'a', sizeof(big));
	clu_ids_learn(c, zero, ALV_STR("x"), 0);
	assert_int_equal(clu_ids_find(c, NULL, zero, 0, &name), ALV_E_NOT_FOUND);
	clu_ids_learn(c, uuid(1), alv_str_make(big, 250), 0);
	assert_int_equal(clu_ids_find(c, NULL, uuid(1), 0, &name), ALV_E_AGAIN);
	clu_ids_learn(c, uuid(1), alv_str_make(big, 249), 0);
	assert_int_equal(clu_ids_find(c, NULL, uuid(1), 0, &name), ALV_OK);
	assert_int_equal(name.n, 249);
	clu_ids_free(c);
}

/* Real ids in use survive a flood of guessed ones that is far larger than the cache. */
static void
flood_of_guesses_leaves_used_entries(void **state)
{
	enum { CACHE = 256, USED = 64, FLOOD = 20000 };
	struct clu_ids *c = clu_ids_new(CACHE);
	struct alv_str	name;
	char		text[16];

	(void)state;
	for (uint32_t i = 0; i < USED; i++) {
		int n = snprintf(text, sizeof(text), "t%u", i);

		clu_ids_learn(c, uuid(i), alv_str_make(text, (size_t)n), 0);
	}
	for (uint32_t i = 0; i < FLOOD; i++) {
		clu_ids_learn(c, uuid(100000 + i), ALV_STR_NULL, 0);
		assert_int_equal(clu_ids_find(c, NULL, uuid(i % USED), 0, &name), ALV_OK);
	}
	for (uint32_t i = 0; i < USED; i++) {
		snprintf(text, sizeof(text), "t%u", i);
		assert_int_equal(clu_ids_find(c, NULL, uuid(i), 0, &name), ALV_OK);
		assert_true(alv_str_eqz(name, text));
	}
	clu_ids_free(c);
}

static void
bound_holds(void **state)
{
	enum { CACHE = 100, MANY = 5000 };
	struct clu_ids *c = clu_ids_new(CACHE);
	struct alv_str	name;
	size_t		found = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		clu_ids_learn(c, uuid(i), ALV_STR("name"), 0);
		if (i % 3 == 0)
			clu_ids_forget(c, uuid(i / 2));
		assert_int_equal(clu_ids_find(c, NULL, uuid(i), 0, &name), i == 0 ? ALV_E_AGAIN : ALV_OK);
	}
	for (uint32_t i = 0; i < MANY; i++)
		found += clu_ids_find(c, NULL, uuid(i), 0, &name) == ALV_OK;
	assert_true(found > 0 && found <= CACHE);
	clu_ids_free(c);
}

static void
one_entry_is_enough(void **state)
{
	struct clu_ids *c = clu_ids_new(0);
	struct alv_str	name;

	(void)state;
	clu_ids_learn(c, uuid(1), ALV_STR("a"), 0);
	clu_ids_learn(c, uuid(2), ALV_STR("b"), 0);
	assert_int_equal(clu_ids_find(c, NULL, uuid(1), 0, &name), ALV_E_AGAIN);
	assert_int_equal(clu_ids_find(c, NULL, uuid(2), 0, &name), ALV_OK);
	clu_ids_learn(c, uuid(3), ALV_STR("c"), 0);
	assert_int_equal(clu_ids_find(c, NULL, uuid(3), 0, &name), ALV_OK);
	clu_ids_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learns_and_forgets),
		cmocka_unit_test(negative_entries_end),
		cmocka_unit_test(view_overrules_a_no),
		cmocka_unit_test(zero_and_oversized_are_never_stored),
		cmocka_unit_test(flood_of_guesses_leaves_used_entries),
		cmocka_unit_test(bound_holds),
		cmocka_unit_test(one_entry_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
