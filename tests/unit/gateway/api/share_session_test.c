/* The table of share sessions: whose they are, how many, what one holds. */
#include "stage.h"

#include "api/share_session.h"

static const struct alv_str G = { "billing", 7 }, M = { "m1", 2 };

static void
sessions_are_found_by_group_and_member(void **state)
{
	struct api_conn	  c = { 0 }, other = { 0 };
	struct api_share *a, *b;

	(void)state;
	assert_null(api_share_find(&c, G, M));
	a = api_share_open(&c, G, M);
	assert_non_null(a);
	assert_ptr_equal(api_share_find(&c, G, M), a);
	assert_null(api_share_find(&other, G, M));
	/* Where one ends and the other begins counts. */
	assert_null(api_share_find(&c, ALV_STR("billingm"), ALV_STR("1")));
	b = api_share_open(&c, ALV_STR("billingm"), ALV_STR("1"));
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	api_share_close(&c, a->serial);
	assert_null(api_share_find(&c, G, M));
	assert_ptr_equal(api_share_find(&c, ALV_STR("billingm"), ALV_STR("1")), b);
	api_share_close(&c, 999);
	api_share_close(&other, 1);
	api_shares_fini(&c);
	api_shares_fini(&other);
	assert_null(api_share_find(&c, ALV_STR("billingm"), ALV_STR("1")));
}

/* An answer that comes late must not end the session that was opened meanwhile. */
static void
opened_anew_it_is_another_one(void **state)
{
	struct api_conn	  c = { 0 };
	struct api_share *s = api_share_open(&c, G, M);
	uint64_t	  old;

	(void)state;
	assert_non_null(s);
	assert_true(api_share_name(s, stage_id('o'), 1));
	api_share_sort(s);
	old = s->serial;
	s = api_share_open(&c, G, M);
	assert_non_null(s);
	assert_int_equal(s->n, 0);
	assert_true(s->serial != old);
	api_share_close(&c, old);
	assert_ptr_equal(api_share_find(&c, G, M), s);
	api_shares_fini(&c);
}

static void
there_are_only_so_many(void **state)
{
	struct api_conn c = { 0 };
	char		name[16];

	(void)state;
	for (int i = 0; i < API_SHARES_MAX; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		assert_non_null(api_share_open(&c, G, alv_str_of(name)));
	}
	assert_null(api_share_open(&c, G, ALV_STR("more")));
	/* Each of them can be opened anew, and one that ends makes room. */
	assert_non_null(api_share_open(&c, G, ALV_STR("m3")));
	api_share_close(&c, api_share_find(&c, G, ALV_STR("m4"))->serial);
	assert_non_null(api_share_open(&c, G, ALV_STR("more")));
	api_shares_fini(&c);
}

static void
partitions_are_there_once_and_in_order(void **state)
{
	struct api_conn	  c = { 0 };
	struct api_share *s = api_share_open(&c, G, M);

	(void)state;
	assert_non_null(s);
	for (int i = 0; i < 3; i++)
		for (int32_t p = 20; p > 0; p--) {
			assert_true(api_share_name(s, stage_id('o'), p));
			assert_true(api_share_name(s, stage_id('a'), p));
		}
	api_share_sort(s);
	assert_int_equal(s->n, 40);
	assert_true(alv_uuid_eq(s->part[0].id, stage_id('a')) && s->part[0].index == 1);
	assert_true(alv_uuid_eq(s->part[39].id, stage_id('o')) && s->part[39].index == 20);
	for (uint32_t i = 0; i < s->n; i++)
		assert_true(s->part[i].named && !s->part[i].up && !s->part[i].gone);
	api_share_settle(&c, s);
	/* What is there already is only marked, and keeps what is known of it. */
	api_share_part(s, stage_id('o'), 7)->up = true;
	assert_true(api_share_name(s, stage_id('o'), 7));
	assert_true(api_share_name(s, stage_id('b'), 0));
	api_share_sort(s);
	assert_int_equal(s->n, 41);
	assert_true(api_share_part(s, stage_id('o'), 7)->up && api_share_part(s, stage_id('o'), 7)->named);
	assert_false(api_share_part(s, stage_id('o'), 8)->named);
	api_share_part(s, stage_id('o'), 7)->gone = true;
	api_share_part(s, stage_id('b'), 0)->gone = true;
	api_share_settle(&c, s);
	assert_int_equal(s->n, 39);
	assert_null(api_share_part(s, stage_id('o'), 7));
	assert_null(api_share_part(s, stage_id('b'), 0));
	assert_null(api_share_part(s, stage_id('o'), 21));
	assert_non_null(api_share_part(s, stage_id('o'), 8));
	api_shares_fini(&c);
}

/* It counts in the connection's memory, and can be given up for it. */
static void
they_weigh_something(void **state)
{
	struct api_conn	  c = { 0 };
	struct api_share *s = api_share_open(&c, G, M);
	size_t		  n;

	(void)state;
	assert_non_null(s);
	for (int32_t i = 0; i < 1000; i++)
		assert_true(api_share_name(s, stage_id('o'), i));
	api_share_sort(s);
	api_share_settle(&c, s);
	n = c.kept;
	assert_true(n >= 1000 * sizeof(struct api_share_part));
	assert_int_equal(api_conn_release(&c), n);
	assert_int_equal(c.kept, 0);
	assert_null(api_share_find(&c, G, M));
	s = api_share_open(&c, G, M);
	assert_non_null(s);
	api_share_settle(&c, s);
	assert_true(c.kept > 0);
	api_share_close(&c, s->serial);
	assert_int_equal(c.kept, 0);
	api_shares_fini(&c);
}

static void
a_session_holds_so_many_partitions(void **state)
{
	struct api_conn	  c = { 0 };
	struct api_share *s = api_share_open(&c, G, M);

	(void)state;
	assert_non_null(s);
	for (int32_t i = 0; i < API_SHARE_PARTS_MAX; i++)
		assert_true(api_share_name(s, stage_id('o'), i));
	assert_false(api_share_name(s, stage_id('o'), API_SHARE_PARTS_MAX));
	api_share_sort(s);
	/* Full, it can still be spoken of. */
	for (int32_t i = 0; i < 100; i++)
		assert_true(api_share_name(s, stage_id('o'), i));
	assert_false(api_share_name(s, stage_id('a'), 0));
	api_shares_fini(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_are_found_by_group_and_member),
		cmocka_unit_test(opened_anew_it_is_another_one),
		cmocka_unit_test(there_are_only_so_many),
		cmocka_unit_test(partitions_are_there_once_and_in_order),
		cmocka_unit_test(they_weigh_something),
		cmocka_unit_test(a_session_holds_so_many_partitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
