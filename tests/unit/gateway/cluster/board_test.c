/* The board: nothing at first, then the newest view; an old one stays readable until the reader was quiet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <alcove/cluster.h>

static struct clu_view *
view(uint64_t generation)
{
	struct clu_view parts = { .generation = generation };

	return clu_view_build(&parts);
}

static void
newest_view_hangs_there(void **state)
{
	struct alv_qsbr	 *q = alv_qsbr_new();
	struct clu_board *b = clu_board_new(q);

	(void)state;
	assert_null(clu_board_load(b));
	clu_board_publish(b, view(1));
	assert_int_equal(clu_board_load(b)->generation, 1);
	clu_board_publish(b, view(2));
	assert_int_equal(clu_board_load(b)->generation, 2);
	clu_board_free(b);
	alv_qsbr_free(q);
	clu_board_free(NULL);
}

static void
reader_keeps_the_old_one(void **state)
{
	struct alv_qsbr	      *q = alv_qsbr_new();
	struct clu_board      *b = clu_board_new(q);
	int		       reader = alv_qsbr_join(q);
	const struct clu_view *old;

	(void)state;
	clu_board_publish(b, view(1));
	alv_qsbr_quiet(q, reader);
	old = clu_board_load(b);
	clu_board_publish(b, view(2));
	alv_qsbr_reclaim(q);
	assert_int_equal(old->generation, 1);	/* the address sanitizer is the judge */
	alv_qsbr_quiet(q, reader);
	alv_qsbr_reclaim(q);
	clu_board_free(b);
	alv_qsbr_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_view_hangs_there),
		cmocka_unit_test(reader_keeps_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
