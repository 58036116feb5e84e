/* Whose topic ids are asked for next, and how many: a tenant that floods slows down nobody but itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/wants.h"

#include <alcove/str.h>

#include <stdlib.h>

enum { MANY = 4096 };

static uint64_t clock_us_now;

static uint64_t
clock_us(void)
{
	return clock_us_now;
}

struct set {
	struct ups_follower  f;
	struct ups_id_want  *want[MANY];
	size_t		     n;
};

static void
pass_time(struct set *s, uint64_t us)
{
	clock_us_now += us;
	net_loop_turn(s->f.loop, 0);
}

static int
set_up(void **state)
{
	struct set *s = calloc(1, sizeof(*s));

	clock_us_now = 1000000;
	s->f.loop = net_loop_new();
	net_loop_clock(s->f.loop, clock_us);
	pass_time(s, 1000000000);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct set *s = *state;

	for (size_t i = 0; i < s->n; i++) {
		if (s->want[i]->state == UPS_ASKED)
			ups_want_settle(&s->f, s->want[i], ALV_OK, ALV_STR_NULL);
		ups_unwant(&s->f, s->want[i]);
	}
	assert_int_equal(s->f.nwants, 0);
	assert_null(s->f.wants);
	ups_wants_end(&s->f);
	net_loop_free(s->f.loop);
	free(s);
	return 0;
}

static struct alv_uuid
id_of(unsigned who, unsigned i)
{
	struct alv_uuid id = { { 1 } };

	alv_put_be32(id.b + 4, who);
	alv_put_be32(id.b + 8, i);
	return id;
}

/* Wants ids of its own until it is refused, or n. -> how many. */
static unsigned
flood(struct set *s, unsigned who, unsigned from, unsigned n)
{
	struct ups_id_party *p = ups_party_begin(&s->f, who);
	unsigned	     i;

	assert_non_null(p);
	for (i = 0; i < n && s->n < MANY; i++)
		if (ups_want(&s->f, p, id_of(who, from + i), &s->want[s->n]) == ALV_OK)
			s->n++;
		else
			break;
	ups_party_end(p);
	return i;
}

/* Who is asked for next. 0: nobody. */
static unsigned
next(struct set *s)
{
	uint64_t	    wait_us;
	struct ups_id_want *w = ups_want_next(&s->f, &wait_us);

	return w == NULL ? 0 : alv_be32(w->id.b + 4);
}

static void
turns_are_taken(void **state)
{
	struct set *s = *state;
	unsigned    first = 0, served[4] = { 0 };

	assert_int_equal(flood(s, 1, 0, 1000), 1000);
	assert_int_equal(flood(s, 2, 0, 3), 3);
	assert_int_equal(flood(s, 3, 0, 3), 3);
	for (int i = 0; i < 9; i++) {
		unsigned who = next(s);

		first = i == 0 ? who : first;
		served[who]++;
	}
	assert_int_equal(served[1], 3);
	assert_int_equal(served[2], 3);
	assert_int_equal(served[3], 3);
	assert_int_equal(next(s), 1);
	assert_true(first != 0);
}

static void
each_has_a_bucket_of_its_own(void **state)
{
	struct set *s = *state;

	assert_int_equal(flood(s, 1, 0, 3000), 2000);
	assert_int_equal(flood(s, 1, 3000, 1), 0);
	assert_int_equal(flood(s, 2, 0, 40), 40);
	pass_time(s, 50000);
	assert_int_equal(flood(s, 2, 100, 1), 1);
}

/* The room for all is full with one tenant's ids: another's finds its place, the flood loses its newest. */
static void
a_flood_drowns_itself(void **state)
{
	struct set	   *s = *state;
	struct ups_id_want *newest;

	assert_int_equal(flood(s, 1, 0, 2000), 2000);
	newest = s->want[s->n - 1];
	assert_int_equal(flood(s, 2, 0, 500), 500);
	assert_in_range(s->f.nwants, 2048, 2048 + 500);	/* those that were dropped are told, then freed */
	assert_int_equal(newest->state, UPS_DONE);
	assert_int_equal(newest->err, ALV_E_AGAIN);
	assert_int_equal(s->want[0]->state, UPS_QUEUED);
	for (unsigned who = 3; who < 20; who++)
		assert_int_equal(flood(s, who, 0, 64), 64);
	for (size_t i = 2000; i < s->n; i++)
		assert_true(s->want[i]->state == UPS_QUEUED || i < 2500);
}

static void
what_is_asked_is_shared_what_waits_is_not(void **state)
{
	struct set	    *s = *state;
	struct ups_id_party *a = ups_party_begin(&s->f, 1), *b = ups_party_begin(&s->f, 2);
	struct alv_uuid	     id = id_of(1, 7);

	for (int i = 0; i < 2; i++)
		assert_int_equal(ups_want(&s->f, a, id, &s->want[s->n++]), ALV_OK);
	assert_ptr_equal(s->want[0], s->want[1]);
	assert_int_equal(ups_want(&s->f, b, id, &s->want[s->n++]), ALV_OK);
	assert_ptr_not_equal(s->want[0], s->want[2]);
	assert_int_equal(next(s) + next(s), 2);
	assert_int_equal(ups_want(&s->f, b, id, &s->want[s->n++]), ALV_OK);
	assert_int_equal(s->want[3]->state, UPS_ASKED);
	assert_int_equal(next(s), 0);
	ups_party_end(a);
	ups_party_end(b);
}

static void
brokers_are_asked_at_a_rate(void **state)
{
	struct set *s = *state;
	uint64_t    wait_us;
	unsigned    n = 0;

	for (unsigned who = 1; who <= 40; who++)
		assert_int_equal(flood(s, who, 0, 51), 51);
	while (next(s) != 0)
		n++;
	assert_int_equal(n, 2000);
	assert_null(ups_want_next(&s->f, &wait_us));
	assert_int_equal(wait_us, 500);
	pass_time(s, wait_us);
	assert_int_not_equal(next(s), 0);
	assert_int_equal(next(s), 0);
	pass_time(s, 10000);
	for (n = 0; next(s) != 0; n++)
		;
	assert_int_equal(n, 20);
}

static void
tenants_without_questions_are_forgotten(void **state)
{
	struct set	    *s = *state;
	struct ups_id_party *p = NULL;

	for (unsigned who = 1; who <= 1000; who++) {
		p = ups_party_begin(&s->f, who);
		ups_party_end(p);
	}
	assert_in_range(s->f.nparties, 1, 64);
	for (int i = 0; i < 256; i++)
		assert_non_null(p = ups_party_begin(&s->f, 1));
	assert_null(ups_party_begin(&s->f, 1));	/* calls have a bound, too, each tenant its own */
	ups_party_end(ups_party_begin(&s->f, 2));
	for (int i = 0; i < 256; i++)
		ups_party_end(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(turns_are_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_has_a_bucket_of_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_flood_drowns_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_asked_is_shared_what_waits_is_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(brokers_are_asked_at_a_rate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tenants_without_questions_are_forgotten, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
