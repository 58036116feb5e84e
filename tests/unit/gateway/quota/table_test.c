/* Who shares a cell with whom, how long it stays, and that nobody's names fill the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quota/table.h"

#include <alcove/str.h>

#include <pthread.h>
#include <stdio.h>

#define S UINT64_C(1000000)
#define T0 (1000 * S)

static struct quo_cell *
get(struct quo_table *t, const char *tenant, int kind, const char *user, const char *client, double per_s, uint64_t build, uint64_t now)
{
	const struct quo_key   k = { alv_str_of(tenant), (uint8_t)kind, { alv_str_of(user), alv_str_of(client) } };
	const struct quo_limit l = { per_s, S, build };
	struct quo_cell	      *c = quo_get(t, &k, &l, now, true);

	assert_non_null(c);
	return c;
}

static size_t
idle(struct quo_table *t)
{
	size_t n;

	(void)quo_count(t, &n);
	return n;
}

static size_t
count(struct quo_table *t)
{
	size_t n;

	return quo_count(t, &n);
}

static void
one_name_one_cell(void **state)
{
	static const char *const names[][2] = { { NULL, NULL }, { "", NULL }, { NULL, "" }, { "", "" }, { "a", NULL }, { NULL, "a" }, { "a", "" }, { "ab", "c" },
		{ "a", "bc" }, { "abc", "" } };
	enum { N = sizeof(names) / sizeof(names[0]) };
	struct quo_table *t = quo_table_new(100, 1000);
	struct quo_cell	 *c[3 * N];
	size_t		  n = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		c[n++] = get(t, "acme", 1, names[i][0], names[i][1], 1000, 1, T0);
		c[n++] = get(t, "acme", 2, names[i][0], names[i][1], 1000, 1, T0);
		c[n++] = get(t, "zeta", 1, names[i][0], names[i][1], 1000, 1, T0);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(c[i], c[j]);
	for (size_t i = 0; i < N; i++) {
		assert_ptr_equal(c[3 * i], get(t, "acme", 1, names[i][0], names[i][1], 1000, 1, T0));
		quo_put(t, c[3 * i], T0);
	}
	assert_int_equal(count(t), n);
	for (size_t i = 0; i < n; i++)
		quo_put(t, c[i], T0);
	assert_int_equal(count(t), 0);
	quo_put(t, NULL, T0);
	quo_table_free(t);
}

static void
debts_outlive_connections(void **state)
{
	struct quo_table *t = quo_table_new(100, 1000);
	struct quo_cell	 *c = get(t, "acme", 1, "alice", NULL, 1000, 1, T0), *again;

	(void)state;
	(void)quo_charge(c, 10000, T0);
	quo_put(t, c, T0);
	assert_int_equal(count(t), 1);
	assert_int_equal(idle(t), 1);
	again = get(t, "acme", 1, "alice", NULL, 1000, 1, T0 + S);
	assert_ptr_equal(c, again);
	assert_int_equal(quo_debt_us(again, T0 + S), 8 * S);	/* a second of credit had been there */
	quo_put(t, again, T0 + 9 * S);	/* paid, but it has no credit again yet: then it would be a new one */
	assert_int_equal(count(t), 1);
	/* In time it goes by itself, as others come. */
	for (int i = 0; i < 3000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "u%d", i);
		quo_put(t, get(t, "acme", 1, name, NULL, 1000, 1, T0 + 20 * S), T0 + 20 * S);
	}
	assert_int_equal(count(t), 0);
	quo_table_free(t);
}

static void
the_newest_limit_counts(void **state)
{
	struct quo_table *t = quo_table_new(100, 1000);
	struct quo_cell	 *c = get(t, "acme", 1, "alice", NULL, 1000, 5, T0), *x;

	(void)state;
	(void)quo_charge(c, 3000, T0);
	assert_int_equal(quo_debt_us(c, T0), 2 * S);
	x = get(t, "acme", 1, "alice", NULL, 2000, 6, T0);
	assert_int_equal(quo_debt_us(c, T0), S);
	quo_put(t, x, T0);
	x = get(t, "acme", 1, "alice", NULL, 1000, 5, T0);	/* who has not seen it yet does not bring the old one back */
	assert_int_equal(quo_debt_us(c, T0), S);
	quo_put(t, x, T0);
	quo_put(t, c, T0);
	quo_table_free(t);
}

static void
ever_new_names_share_one(void **state)
{
	struct quo_table *t = quo_table_new(10, 40);
	struct quo_cell	 *c[100], *z[60], *first;
	char		  name[300];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "client-%d", i);
		c[i] = get(t, "acme", 1, NULL, name, 1000, 1, T0);
	}
	assert_int_equal(count(t), 11);
	assert_ptr_equal(c[10], c[99]);
	assert_ptr_not_equal(c[9], c[10]);
	(void)quo_charge(c[10], 1000, T0);
	/* The table is full for names, never for a tenant's shared one. */
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		z[i] = get(t, name, 1, NULL, "x", 1000, 1, T0);
	}
	assert_int_equal(count(t), 11 + 60);
	for (int i = 0; i < 100; i++)
		quo_put(t, c[i], T0);
	for (int i = 0; i < 60; i++)
		quo_put(t, z[i], T0 + 5 * S);
	/* Places are free again, where what was charged is forgotten. */
	first = get(t, "acme", 1, NULL, "another", 1000, 1, T0 + 5 * S);
	assert_int_equal(count(t), 2);	/* the one that many shared goes when somebody comes by */
	(void)quo_charge(first, 1000, T0 + 5 * S);
	c[0] = get(t, "acme", 1, NULL, "one more", 1000, 1, T0 + 5 * S);
	assert_ptr_not_equal(c[0], first);
	quo_put(t, c[0], T0 + 5 * S);
	quo_put(t, first, T0 + 5 * S);
	/* Of what is too long the head counts. */
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	c[0] = get(t, "acme", 1, NULL, name, 1000, 1, T0 + 5 * S);
	name[298] = 'y';
	c[1] = get(t, "acme", 1, NULL, name, 1000, 1, T0 + 5 * S);
	assert_ptr_equal(c[0], c[1]);
	quo_put(t, c[0], T0 + 5 * S);
	quo_put(t, c[1], T0 + 5 * S);
	quo_table_free(t);
}

static struct quo_table *common;

static void *
come_and_go(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3000; i++) {
		char		 name[16];
		struct quo_cell *a, *b;

		snprintf(name, sizeof(name), "u%d", i % 17);
		a = get(common, "acme", 1, name, NULL, 1000 + i % 3, (uint64_t)i + 1, T0);
		b = get(common, "acme", 1, NULL, NULL, 1000, 1, T0);
		(void)quo_charge(a, 1, T0);
		(void)quo_charge(b, 1, T0);
		quo_put(common, a, T0 + 10 * S);
		quo_put(common, b, T0);
	}
	return NULL;
}

static void
many_threads(void **state)
{
	pthread_t	 th[4];
	struct quo_cell *c;

	(void)state;
	common = quo_table_new(100, 1000);
	c = get(common, "acme", 1, NULL, NULL, 1000, 1, T0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&th[i], NULL, come_and_go, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	assert_int_equal(quo_debt_us(c, T0), 11 * S);
	quo_put(common, c, T0);
	quo_table_free(common);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_name_one_cell),
		cmocka_unit_test(debts_outlive_connections),
		cmocka_unit_test(the_newest_limit_counts),
		cmocka_unit_test(ever_new_names_share_one),
		cmocka_unit_test(many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
