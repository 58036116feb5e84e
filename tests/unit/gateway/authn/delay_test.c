/* How late failed logins are answered, by a clock of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/authn.h>
#include <alcove/str.h>

enum { MS = 1000, MINUTE = 60 * 1000 * MS };

static struct aut_delays *D;
static uint64_t		  now;

static int
set_up(void **state)
{
	(void)state;
	D = aut_delays_new();
	now = 5 * (uint64_t)MINUTE;
	return D == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	aut_delays_free(D);
	return 0;
}

static uint64_t
note(const char *tenant, const char *user, const char *host, bool passed)
{
	const struct aut_attempt a = { alv_str_of(tenant), alv_str_of(user), alv_str_of(host), now, 100 * MS, 5000 * MS };

	return aut_delays_note(D, &a, passed) / MS;
}

static void
each_failure_is_twice_as_late(void **state)
{
	static const uint64_t want[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000 };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(want); i++)
		assert_int_equal(note("acme", "alice", "10.0.0.1", false), want[i]);
	for (int i = 0; i < 10000; i++)	/* no number wraps */
		assert_int_equal(note("acme", "alice", "10.0.0.1", false), 5000);
}

static void
by_tenant_user_and_address(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		note("acme", "alice", "10.0.0.1", false);
	assert_int_equal(note("acme", "alice", "10.0.0.2", false), 100);
	assert_int_equal(note("acme", "bob", "10.0.0.1", false), 100);
	assert_int_equal(note("globex", "alice", "10.0.0.1", false), 100);
	assert_int_equal(note("", "acmealice", "10.0.0.1", false), 100);
	assert_int_equal(note("acmea", "lice", "10.0.0.1", false), 100);
	assert_int_equal(note("acme", "alice1", "0.0.0.1", false), 100);
	assert_int_equal(note("acme", "alice", "10.0.0.1", false), 3200);
}

/* An answer at once must not tell that a guess was right. */
static void
a_right_one_waits_as_long_where_none_was_right_before(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		note("acme", "alice", "10.0.0.1", false);
	assert_int_equal(note("acme", "alice", "10.0.0.1", true), 800);
	assert_int_equal(note("acme", "alice", "10.0.0.1", true), 0);
	assert_int_equal(note("acme", "alice", "10.0.0.1", false), 100);
}

static void
an_address_that_was_right_before_does_not_wait(void **state)
{
	(void)state;
	assert_int_equal(note("acme", "alice", "10.0.0.1", true), 0);
	for (int i = 0; i < 9; i++)
		note("acme", "alice", "10.0.0.1", false);
	assert_int_equal(note("acme", "alice", "10.0.0.1", true), 0);
	for (int i = 0; i < 9; i++)
		note("acme", "alice", "10.0.0.1", false);
	now += 3600ull * 1000 * MS;
	assert_int_equal(note("acme", "alice", "10.0.0.1", true), 0);
}

static void
forgotten_after_ten_quiet_minutes(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		note("acme", "alice", "10.0.0.1", false);
	now += 10ull * MINUTE - 1;
	assert_int_equal(note("acme", "alice", "10.0.0.1", false), 1600);
	now += 10ull * MINUTE;
	assert_int_equal(note("acme", "alice", "10.0.0.1", false), 100);
}

/* Workers' clocks are those of their turns: the one that notes later may have the earlier time. */
static void
a_clock_that_is_behind_forgets_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		note("acme", "alice", "10.0.0.1", false);
	now--;
	assert_int_equal(note("acme", "alice", "10.0.0.1", false), 800);
	now -= 3 * MS;
	assert_int_equal(note("acme", "alice", "10.0.0.1", true), 1600);
}

/* Whoever has one address of IPv6 has the 2^64 beside it. */
static void
of_ipv6_it_is_the_network(void **state)
{
	(void)state;
	assert_int_equal(note("acme", "alice", "2a00:1450:1:2::1", false), 100);
	assert_int_equal(note("acme", "alice", "2a00:1450:1:2:ffff:ffff:ffff:ffff", false), 200);
	assert_int_equal(note("acme", "alice", "2a00:1450:1:2::", false), 400);
	assert_int_equal(note("acme", "alice", "2a00:1450:1:3::1", false), 100);
	/* One of IPv4 is itself, however it is written. */
	assert_int_equal(note("acme", "alice", "10.0.0.1", false), 100);
	assert_int_equal(note("acme", "alice", "::ffff:10.0.0.1", false), 200);
	assert_int_equal(note("acme", "alice", "::ffff:10.0.0.2", false), 100);
}

static void
zero_means_never(void **state)
{
	const struct aut_attempt a = { ALV_STR("acme"), ALV_STR("alice"), ALV_STR("::1"), 1, 0, 5000 * MS };

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(aut_delays_note(D, &a, false), 0);
	assert_int_equal(aut_delays_note(NULL, &a, false), 0);
}

/* Whoever makes up names fills the table and no more; who failed just now is still known beside few others. */
static void
a_table_of_fixed_size(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		assert_int_equal(note("acme", name, "10.0.0.1", false), 100);
		now += MS;
	}
	for (int i = 0; i < 3; i++)
		note("acme", "alice", "10.0.0.1", false);
	snprintf(name, sizeof(name), "another");
	note("acme", name, "10.0.0.1", false);
	assert_int_equal(note("acme", "alice", "10.0.0.1", false), 800);
}

/* Sixteen names that FNV-1a takes for one under one seed in 256, whatever the rest of the seed is: who could make such names would push
 * somebody's failures out of the table with eight of its own. */
static void
names_that_are_made_to_meet_do_not(void **state)
{
	static const char *const halves[] = { "30j3uzajaicsxd8th7exxyfsamo3xaan", "64ftdcwb21kb0uqjdjnhg6v5yncpoyc5" };
	char			 name[4 * 32 + 1];

	(void)state;
	for (int table = 0; table < 2000; table++) {
		uint64_t late = 0;

		aut_delays_free(D);
		D = aut_delays_new();
		assert_non_null(D);
		for (int i = 0; i < 16; i++) {
			snprintf(name, sizeof(name), "%s%s%s%s", halves[i & 1], halves[i >> 1 & 1], halves[i >> 2 & 1], halves[i >> 3]);
			now += MS;
			assert_int_equal(note("acme", name, "10.0.0.1", false), 100);
		}
		for (int i = 0; i < 16; i++) {
			snprintf(name, sizeof(name), "%s%s%s%s", halves[i & 1], halves[i >> 1 & 1], halves[i >> 2 & 1], halves[i >> 3]);
			now += MS;
			late += note("acme", name, "10.0.0.1", false);
		}
		assert_int_equal(late, 16 * 200);	/* each is still there */
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_failure_is_twice_as_late),
		TEST(by_tenant_user_and_address),
		TEST(a_right_one_waits_as_long_where_none_was_right_before),
		TEST(an_address_that_was_right_before_does_not_wait),
		TEST(forgotten_after_ten_quiet_minutes),
		TEST(a_clock_that_is_behind_forgets_nothing),
		TEST(of_ipv6_it_is_the_network),
		TEST(names_that_are_made_to_meet_do_not),
		TEST(zero_means_never),
		TEST(a_table_of_fixed_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
