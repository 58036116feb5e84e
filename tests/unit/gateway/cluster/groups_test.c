/* Lists of brokers' groups: a tenant's part is a range, others' are not looked at; on the board the newest of each broker,
 * and since when a tenant's own changes count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <alcove/listing.h>
#include <alcove/str.h>

static struct clu_groups *
list(int32_t node, uint64_t asked_us, size_t n, const char *const *ids)
{
	static struct clu_group all[16];
	struct clu_groups	parts = { .node = node, .asked_us = asked_us, .n = n, .groups = all };

	for (size_t i = 0; i < n; i++)
		all[i] = (struct clu_group){ .id = alv_str_of(ids[i]), .protocol = ALV_STR("consumer"), .state = ALV_STR("Stable") };
	return clu_groups_build(&parts);
}

static void
a_prefix_is_a_range(void **state)
{
	static const char *const ids[] = { "globex.a", "acme.b", "acme", "acme.", "acmf", "acme-2.a", "acme.a", "", "acme.b" };
	struct clu_groups	*g = list(3, 5, ALV_COUNT(ids), ids);
	const struct clu_group	*first;

	(void)state;
	assert_int_equal(g->n, 8);	/* one of the two that are equal */
	assert_int_equal(clu_groups_range(g, ALV_STR("acme."), &first), 3);
	assert_true(alv_str_eqz(first[0].id, "acme."));
	assert_true(alv_str_eqz(first[1].id, "acme.a"));
	assert_true(alv_str_eqz(first[2].id, "acme.b"));
	assert_true(alv_str_eqz(first[2].state, "Stable"));
	assert_null(first[2].type.p);
	assert_int_equal(clu_groups_range(g, ALV_STR("globex."), &first), 1);
	assert_int_equal(clu_groups_range(g, ALV_STR("zz."), &first), 0);
	assert_int_equal(clu_groups_range(g, ALV_STR("acme.b.x"), &first), 0);
	assert_non_null(clu_groups_find(g, ALV_STR("acmf")));
	assert_null(clu_groups_find(g, ALV_STR("acme.c")));
	assert_null(clu_groups_find(g, ALV_STR_NULL));
	clu_groups_free(g);
}

static void
none_is_a_list_too(void **state)
{
	struct clu_groups      *g = list(1, 1, 0, NULL);
	const struct clu_group *first;

	(void)state;
	assert_int_equal(clu_groups_range(g, ALV_STR("acme."), &first), 0);
	assert_null(clu_groups_find(g, ALV_STR("a")));
	clu_groups_free(g);
	clu_groups_free(NULL);
}

static void
the_board_has_the_newest_of_each_broker(void **state)
{
	static const char *const ids[] = { "acme.a", "acme.b" };
	struct alv_qsbr		*q = alv_qsbr_new();
	struct clu_board	*b = clu_board_new(q);
	int			 reader = alv_qsbr_join(q);
	const struct clu_groups *old;

	(void)state;
	alv_qsbr_quiet(q, reader);
	assert_null(clu_board_groups(b, 1));
	clu_board_drop_groups(b, 1);
	assert_int_equal(clu_board_put_groups(b, list(1, 10, 1, ids)), ALV_OK);
	assert_int_equal(clu_board_put_groups(b, list(2, 11, 2, ids)), ALV_OK);
	old = clu_board_groups(b, 1);
	assert_int_equal(clu_board_put_groups(b, list(1, 12, 2, ids)), ALV_OK);
	alv_qsbr_reclaim(q);
	assert_int_equal(old->asked_us, 10);	/* the address sanitizer is the judge */
	assert_int_equal(clu_board_groups(b, 1)->asked_us, 12);
	assert_int_equal(clu_board_groups(b, 2)->asked_us, 11);
	alv_qsbr_quiet(q, reader);
	clu_board_drop_groups(b, 1);
	assert_null(clu_board_groups(b, 1));
	assert_int_equal(clu_board_groups(b, 2)->n, 2);
	alv_qsbr_quiet(q, reader);
	clu_board_free(b);
	alv_qsbr_free(q);
}

static void
news_only_grow(void **state)
{
	struct alv_qsbr	 *q = alv_qsbr_new();
	struct clu_board *b = clu_board_new(q);

	(void)state;
	assert_int_equal(clu_board_noted(b, CLU_NEWS_GROUPS, ALV_STR("acme")), 0);
	clu_board_note(b, CLU_NEWS_GROUPS, ALV_STR("acme"), 7);
	clu_board_note(b, CLU_NEWS_GROUPS, ALV_STR("acme"), 5);	/* another worker, a moment behind */
	assert_int_equal(clu_board_noted(b, CLU_NEWS_GROUPS, ALV_STR("acme")), 7);
	assert_int_equal(clu_board_noted(b, CLU_NEWS_TOPICS, ALV_STR("acme")), 0);
	assert_int_equal(clu_board_noted(b, CLU_NEWS_GROUPS, ALV_STR("globex")), 0);
	clu_board_free(b);
	alv_qsbr_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_is_a_range),
		cmocka_unit_test(none_is_a_list_too),
		cmocka_unit_test(the_board_has_the_newest_of_each_broker),
		cmocka_unit_test(news_only_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
