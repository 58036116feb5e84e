/* Waiting for a place in the budget: who is next, who may pass whom, and that nobody is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/admit.h"

#include <stdlib.h>
#include <unistd.h>

#define MIB ((size_t)1024 * 1024)

/* max 64: share 16, 48 for anybody, the last 16 for those within 1. */
static const struct pol_limits limits = { .memory_max_bytes = 64 * MIB, .memory_share_percent = 25, .memory_floor_bytes = MIB,
	.frame_max_bytes = 8 * MIB, .response_max_bytes = 8 * MIB };

static struct net_loop	*loop;
static struct px_budget *budget;
static struct px_cell	*cell[4];
static char		 told[64];	/* names of those who were granted, in order */

struct visitor {
	char		name;
	struct px_cell *cell;
	size_t		n;
	struct px_wait *wait;
	bool		in;
};

static void
on_granted(void *owner, size_t n)
{
	struct visitor *v = owner;
	size_t		at = strlen(told);

	assert_int_equal(n, v->n);
	assert_false(v->in);
	v->in = true;
	v->wait = NULL;
	told[at] = v->name;
	told[at + 1] = '\0';
}

static struct visitor
comes(char name, struct px_cell *c, size_t n)
{
	return (struct visitor){ .name = name, .cell = c, .n = n };
}

static void
queue(struct visitor *v)
{
	v->wait = px_admit_wait(budget, v->cell, v->n, loop, on_granted, v);
	assert_non_null(v->wait);
}

static void
leaves(struct visitor *v)
{
	assert_true(v->in);
	v->in = false;
	px_budget_give(budget, v->cell, v->n);
}

static void
mail(void)
{
	for (int i = 0; i < 4; i++)
		net_loop_turn(loop, 0);
}

static int
open_all(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	(void)state;
	told[0] = '\0';
	loop = net_loop_new();
	budget = px_budget_new(&limits);
	for (size_t i = 0; i < 4; i++)
		cell[i] = px_cell_get(budget, names[i]);
	return loop == NULL || budget == NULL;
}

static int
close_all(void **state)
{
	(void)state;
	mail();
	for (size_t i = 0; i < 4; i++)
		px_cell_put(budget, cell[i]);
	px_budget_free(budget);	/* checks that all is back */
	net_loop_free(loop);
	return 0;
}

/* ---- order ----------------------------------------------------------------------------------------- */

static void
first_come_first_served_within_a_tenant(void **state)
{
	struct visitor v[4];

	(void)state;
	assert_true(px_budget_take(budget, cell[0], 16 * MIB));
	for (int i = 0; i < 4; i++) {
		v[i] = comes((char)('1' + i), cell[0], i == 0 ? 8 * MIB : MIB);
		queue(&v[i]);
	}
	mail();
	assert_string_equal(told, "");
	px_budget_give(budget, cell[0], 4 * MIB);
	mail();
	assert_string_equal(told, "");	/* the small ones do not overtake the large one */
	assert_false(px_budget_take(budget, cell[0], 1));
	px_budget_give(budget, cell[0], 4 * MIB);
	mail();
	assert_string_equal(told, "1");
	px_budget_give(budget, cell[0], 8 * MIB);
	mail();
	assert_string_equal(told, "1234");
	for (int i = 0; i < 4; i++)
		leaves(&v[i]);
}

static void
tenants_take_turns(void **state)
{
	struct visitor	      v[6];
	struct px_cell *const whose[] = { cell[0], cell[0], cell[0], cell[0], cell[1], cell[2] };

	(void)state;
	/* Everything is full: of 48 nothing is left. */
	for (int i = 0; i < 3; i++)
		assert_true(px_budget_take(budget, cell[i], 14 * MIB));
	assert_true(px_budget_take(budget, cell[3], 6 * MIB));
	for (int i = 0; i < 6; i++) {
		v[i] = comes((char)('1' + i), whose[i], MIB / 2);
		queue(&v[i]);
	}
	mail();
	assert_string_equal(told, "");
	for (int i = 0; i < 6; i++) {
		px_budget_give(budget, cell[3], MIB / 2);
		mail();
	}
	assert_string_equal(told, "156234");
	for (int i = 0; i < 6; i++)
		leaves(&v[i]);
	for (int i = 0; i < 3; i++)
		px_budget_give(budget, cell[i], 14 * MIB);
	px_budget_give(budget, cell[3], 3 * MIB);
}

static void
a_full_tenant_is_in_nobodys_way(void **state)
{
	struct visitor v = comes('a', cell[0], 8 * MIB);

	(void)state;
	assert_true(px_budget_take(budget, cell[0], 16 * MIB));
	queue(&v);
	mail();
	assert_true(px_budget_pressed(budget, cell[0]));
	assert_false(px_budget_pressed(budget, cell[1]));
	assert_true(px_budget_take(budget, cell[1], 16 * MIB));
	px_budget_give(budget, cell[1], 16 * MIB);
	px_budget_give(budget, cell[0], 16 * MIB);
	mail();
	assert_string_equal(told, "a");
	leaves(&v);
}

/* Else a stream of small ones would keep a large one waiting for ever. */
static void
large_ones_do_not_starve(void **state)
{
	struct visitor large = comes('L', cell[3], 8 * MIB), small = comes('s', cell[0], MIB / 2), floored;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(px_budget_take(budget, cell[i], 15 * MIB));
	queue(&large);
	mail();
	assert_true(px_budget_pressed(budget, cell[1]));	/* others' memory is what it waits for */
	assert_false(px_budget_take(budget, cell[0], MIB / 2));	/* though there would be room */
	queue(&small);
	mail();
	assert_string_equal(told, "");
	px_budget_give(budget, cell[1], 15 * MIB);
	mail();
	assert_string_equal(told, "Ls");
	assert_true(px_budget_take(budget, cell[1], 8 * MIB));
	/* Somebody within the floor passes them all. */
	leaves(&large);
	large = comes('M', cell[1], 8 * MIB);
	assert_true(px_budget_take(budget, cell[2], 1 * MIB));
	assert_true(px_budget_take(budget, cell[3], MIB / 2 + 8 * MIB));
	queue(&large);
	mail();
	assert_false(large.in);
	px_budget_give(budget, cell[3], MIB / 2 + 8 * MIB);
	floored = comes('f', cell[3], MIB);
	mail();
	assert_string_equal(told, "LsM");
	queue(&floored);
	mail();
	assert_string_equal(told, "LsMf");
	leaves(&large);
	leaves(&floored);
	leaves(&small);
	px_budget_give(budget, cell[0], 15 * MIB);
	px_budget_give(budget, cell[1], 8 * MIB);
	px_budget_give(budget, cell[2], 16 * MIB);
}

/* ---- going away ---------------------------------------------------------------------------------------- */

static void
who_gives_up_is_forgotten(void **state)
{
	struct visitor v[3];

	(void)state;
	assert_true(px_budget_take(budget, cell[0], 16 * MIB));
	for (int i = 0; i < 3; i++) {
		v[i] = comes((char)('1' + i), cell[0], i == 0 ? 16 * MIB : 4 * MIB);
		queue(&v[i]);
	}
	px_budget_give(budget, cell[0], 8 * MIB);
	mail();
	assert_string_equal(told, "");
	px_admit_cancel(v[0].wait);	/* those behind it had room all the time */
	mail();
	assert_string_equal(told, "23");
	leaves(&v[1]);
	leaves(&v[2]);
	px_budget_give(budget, cell[0], 8 * MIB);
}

static void
a_grant_that_comes_too_late_goes_back(void **state)
{
	struct visitor v[2] = { comes('1', cell[0], 16 * MIB), comes('2', cell[0], 16 * MIB) };

	(void)state;
	assert_true(px_budget_take(budget, cell[0], 16 * MIB));
	queue(&v[0]);
	queue(&v[1]);
	px_budget_give(budget, cell[0], 16 * MIB);
	px_admit_cancel(v[0].wait);	/* its mail is on its way */
	mail();
	mail();
	assert_string_equal(told, "2");
	leaves(&v[1]);
}

static void
what_is_in_the_mail_at_the_end_goes_back(void **state)
{
	struct visitor v = comes('1', cell[0], MIB);

	(void)state;
	queue(&v);
	px_admit_cancel(v.wait);
	assert_int_equal(atomic_load(&budget->used), MIB);
	net_loop_free(loop);
	assert_int_equal(atomic_load(&budget->used), 0);
	loop = net_loop_new();
}

/* ---- several workers ------------------------------------------------------------------------------------- */

enum { WORKERS = 4, GUESTS = 6, ROUNDS = 400 };

struct guest {
	struct worker  *worker;
	struct px_cell *cell;
	struct px_wait *wait;
	struct net_later stay;
	size_t		n;
	int		rounds;
};

struct worker {
	struct net_loop *loop;
	struct guest	 guest[GUESTS];
	int		 left, waits, cancelled;
	unsigned	 seed;
	pthread_t	 thread;
};

static void come_in(struct guest *g);

static void
go(struct net_later *l)
{
	struct guest *g = ALV_HOLDER(l, struct guest, stay);

	px_budget_give(budget, g->cell, g->n);
	if (--g->rounds > 0)
		come_in(g);
	else if (--g->worker->left == 0)
		net_loop_stop(g->worker->loop);
}

static void
seated(void *owner, size_t n)
{
	struct guest *g = owner;

	assert_int_equal(n, g->n);
	g->wait = NULL;
	net_later(g->worker->loop, &g->stay);
}

static void
come_in(struct guest *g)
{
	struct worker *w = g->worker;

	g->n = (size_t)(rand_r(&w->seed) % 16 + 1) * MIB;
	if (px_budget_take(budget, g->cell, g->n)) {
		net_later(w->loop, &g->stay);
		return;
	}
	w->waits++;
	g->wait = px_admit_wait(budget, g->cell, g->n, w->loop, seated, g);
	if (rand_r(&w->seed) % 8 == 0) {	/* changes its mind, and comes again */
		px_admit_cancel(g->wait);
		w->cancelled++;
		g->wait = px_admit_wait(budget, g->cell, g->n, w->loop, seated, g);
	}
}

static void *
serve_guests(void *arg)
{
	struct worker *w = arg;

	for (size_t i = 0; i < GUESTS; i++)
		come_in(&w->guest[i]);
	net_loop_run(w->loop);
	return NULL;
}

/* A wake-up that is lost would leave a worker asleep for ever. */
static void
nobody_is_forgotten_across_workers(void **state)
{
	static struct worker w[WORKERS];
	int		     waits = 0, cancelled = 0;

	(void)state;
	memset(w, 0, sizeof(w));
	alarm(120);
	for (int i = 0; i < WORKERS; i++) {
		w[i] = (struct worker){ .loop = net_loop_new(), .left = GUESTS, .seed = (unsigned)i + 1 };
		for (int j = 0; j < GUESTS; j++)
			w[i].guest[j] = (struct guest){ .worker = &w[i], .cell = cell[j % 4], .rounds = ROUNDS, .stay = { .fn = go } };
	}
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&w[i].thread, NULL, serve_guests, &w[i]), 0);
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(w[i].thread, NULL);
		waits += w[i].waits;
		cancelled += w[i].cancelled;
	}
	for (int i = 0; i < WORKERS; i++)
		net_loop_free(w[i].loop);	/* cancelled grants are in the mail still */
	alarm(0);
	assert_true(waits > 0 && cancelled > 0);
	assert_int_equal(atomic_load(&budget->used), 0);
	assert_int_equal(atomic_load(&budget->waiting), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(atomic_load(&cell[i]->used), 0);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
	const struct CMUnitTest tests[] = {
		CASE(first_come_first_served_within_a_tenant),
		CASE(tenants_take_turns),
		CASE(a_full_tenant_is_in_nobodys_way),
		CASE(large_ones_do_not_starve),
		CASE(who_gives_up_is_forgotten),
		CASE(a_grant_that_comes_too_late_goes_back),
		CASE(what_is_in_the_mail_at_the_end_goes_back),
		CASE(nobody_is_forgotten_across_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
