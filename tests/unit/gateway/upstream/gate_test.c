/* Gates before brokers, by a clock of the test's own: rates, queues, and what happens while a broker does not answer. */
#include "tests/unit/gateway/upstream/fake_broker.h"

#include "upstream/gate.h"

enum { MANY = 3000 };

static uint64_t clock_us_now;

static uint64_t
clock_us(void)
{
	return clock_us_now;
}

struct caller {
	struct ups_gate_pass pass;
	int		     gone, refused;
	uint64_t	     at_us;
	enum ups_end	     end;
	char		     words[64];
	struct set	    *set;
};

struct set {
	struct net_loop	 *loop;
	struct ups_gates *gates;
	int		  waiting, order;
	uint32_t	  wait_ms;
	struct caller	  c[MANY];
};

static void
on_waiting(void *arg, int delta)
{
	((struct set *)arg)->waiting += delta;
}

static void
go(struct ups_gate_pass *p)
{
	struct caller *c = ALV_HOLDER(p, struct caller, pass);

	assert_int_equal(c->gone + c->refused, 0);
	c->gone = ++c->set->order;
	c->at_us = clock_us_now;
}

static void
refused(struct ups_gate_pass *p, enum ups_end end, const char *words)
{
	struct caller *c = ALV_HOLDER(p, struct caller, pass);

	assert_int_equal(c->gone + c->refused, 0);
	c->refused = ++c->set->order;
	c->end = end;
	snprintf(c->words, sizeof(c->words), "%s", words);
}

static struct set *
begin(uint32_t per_second, uint32_t shares)
{
	struct set	     *s = calloc(1, sizeof(*s));
	struct ups_gates_conf conf = { .per_second = per_second, .shares = shares, .on_waiting = on_waiting, .arg = s };

	clock_us_now = 1000000000;
	s->loop = net_loop_new();
	net_loop_clock(s->loop, clock_us);
	net_loop_turn(s->loop, 0);
	s->gates = ups_gates_new(s->loop, &conf);
	assert_non_null(s->gates);
	s->wait_ms = 10000;
	for (int i = 0; i < MANY; i++) {
		s->c[i].set = s;
		s->c[i].pass.go = go;
		s->c[i].pass.refused = refused;
	}
	return s;
}

static void
end(struct set *s)
{
	for (int i = 0; i < MANY; i++)
		ups_gate_left(&s->c[i].pass);
	assert_int_equal(s->waiting, 0);
	ups_gates_free(s->gates);
	net_loop_free(s->loop);
	free(s);
}

static void
pass_time(struct set *s, uint64_t us)
{
	for (uint64_t until = clock_us_now + us; clock_us_now < until;) {
		clock_us_now += until - clock_us_now < 500 ? until - clock_us_now : 500;
		net_loop_turn(s->loop, 0);
	}
}

static enum alv_err
enter_at(struct set *s, int i, const char *host)
{
	struct caller *c = &s->c[i];
	const char    *words = "";
	enum alv_err   err = ups_gate_enter(s->gates, host, 9092, s->wait_ms, &c->pass, &c->end, &words);

	(void)words;
	if (err == ALV_OK) {
		c->gone = ++s->order;
		c->at_us = clock_us_now;
	}
	return err;
}

static enum alv_err
enter(struct set *s, int i)
{
	return enter_at(s, i, "b1");
}

static int
count_gone(const struct set *s, int n)
{
	int gone = 0;

	for (int i = 0; i < n; i++)
		gone += s->c[i].gone > 0;
	return gone;
}

/* ---- the rate ------------------------------------------------------------------------------------------- */

static void
the_rate_holds_in_order_and_by_broker(void **state)
{
	struct set *s = begin(200, 2);	/* 100 a second here */
	int	    last = 0;

	(void)state;
	for (int i = 0; i < 500; i++) {
		enum alv_err err = enter(s, i);

		assert_int_equal(err, i < s->order ? ALV_OK : ALV_E_AGAIN);
	}
	assert_in_range(count_gone(s, 500), 5, 20);	/* a tenth of a second's worth at once */
	assert_int_equal(s->waiting, 500 - count_gone(s, 500));
	assert_int_equal(enter_at(s, 500, "b2"), ALV_OK);	/* another broker has a gate of its own */
	pass_time(s, 2000000);
	assert_in_range(count_gone(s, 500), 190, 240);
	pass_time(s, 4000000);
	assert_int_equal(count_gone(s, 500), 500);
	for (int i = 0; i < 500; i++) {
		if (s->c[i].gone <= last && i != 500)
			fail_msg("%d went out of turn", i);
		last = s->c[i].gone;
	}
	end(s);
}

/* Spread: the time between two is not always the same. */
static void
there_is_jitter(void **state)
{
	struct set *s = begin(100, 1);
	uint64_t    shortest = UINT64_MAX, longest = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		(void)!enter(s, i);
	pass_time(s, 4000000);
	for (int i = 50; i < 200; i++) {
		uint64_t between = s->c[i].at_us - s->c[i - 1].at_us;

		shortest = between < shortest ? between : shortest;
		longest = between > longest ? between : longest;
	}
	assert_in_range(shortest, 4500, 7500);
	assert_in_range(longest, 12500, 16000);
	end(s);
}

static void
no_limit_is_no_limit(void **state)
{
	struct set *s = begin(0, 2);

	(void)state;
	for (int i = 0; i < MANY; i++)
		assert_int_equal(enter(s, i), ALV_OK);
	end(s);
}

static void
the_queue_has_an_end(void **state)
{
	struct set *s = begin(100, 1);
	int	    n;

	(void)state;
	for (n = 0; n < MANY && enter(s, n) != ALV_E_UNAVAILABLE; n++)
		;
	assert_in_range(n, 1000, 1025);	/* 100 a second for ten seconds, and the burst */
	assert_null(s->c[n].pass.gate);
	assert_int_equal(s->c[n].end, UPS_END_CONNECT);
	for (int i = 0; i < n; i++)
		ups_gate_left(&s->c[i].pass);	/* waiting or not: they may go at any time */
	pass_time(s, 200000);
	assert_int_equal(enter(s, n), ALV_OK);
	end(s);
}

/* One tenant's thousand do not keep another's few waiting, nor take all places. */
static void
tenants_take_turns(void **state)
{
	struct set *s = begin(100, 1);
	int	    n, last;

	(void)state;
	for (n = 0; n < MANY && enter(s, n) != ALV_E_UNAVAILABLE; n++)
		;
	for (int i = n + 1; i < n + 41; i++) {
		s->c[i].pass.who = 1 + (uint64_t)i % 2;
		assert_int_equal(enter(s, i), ALV_E_AGAIN);
	}
	for (int i = n - 40; i < n; i++)
		assert_true(s->c[i].refused > 0);	/* the newest of the many gave their places */
	assert_int_equal(s->c[n - 41].refused, 0);
	last = s->order;
	pass_time(s, 800000);	/* two of three turns are theirs */
	for (int i = n + 1; i < n + 41; i++) {
		assert_true(s->c[i].gone > last);
		assert_true(s->c[i].gone < last + 70);
	}
	assert_true(s->c[n - 41].gone == 0);
	end(s);
}

/* ---- a broker that does not answer --------------------------------------------------------------------------- */

static void
a_failure_shuts_it_and_one_tries(void **state)
{
	struct set *s = begin(100, 1);
	int	    i;

	(void)state;
	for (i = 0; i < 100; i++)
		(void)!enter(s, i);
	assert_true(s->waiting > 0);
	ups_gate_failed(&s->c[0].pass, UPS_END_AUTH, "not you");
	assert_int_equal(s->waiting, 0);
	assert_int_equal(s->c[99].refused > 0, 1);
	assert_int_equal(s->c[99].end, UPS_END_AUTH);
	assert_string_equal(s->c[99].words, "not you");
	assert_int_equal(enter(s, 100), ALV_E_UNAVAILABLE);
	assert_int_equal(s->c[100].end, UPS_END_AUTH);
	assert_int_equal(enter_at(s, 101, "b2"), ALV_OK);
	/* The others that were under way fail as well: that is no news, and makes nothing longer. */
	for (i = 1; s->c[i].gone; i++)
		ups_gate_failed(&s->c[i].pass, UPS_END_CONNECT, "late");
	pass_time(s, 110000);
	assert_int_equal(enter(s, 110), ALV_OK);
	for (i = 111; i < 120; i++)
		assert_int_equal(enter(s, i), ALV_E_AGAIN);
	/* It is reached: those who wait come one by one, not at once. */
	ups_gate_reached(&s->c[110].pass);
	assert_int_equal(count_gone(s, 120) - count_gone(s, 110), 1);
	pass_time(s, 45000);
	assert_in_range(s->waiting, 1, 7);
	pass_time(s, 200000);
	assert_int_equal(s->waiting, 0);
	assert_true(s->c[119].gone > s->c[118].gone);
	end(s);
}

static void
each_failure_waits_longer_up_to_a_bound(void **state)
{
	struct set *s = begin(100, 1);
	uint64_t    first = 0, longest = 0;

	(void)state;
	for (int i = 0; i < 12; i++) {
		uint64_t from = clock_us_now;

		assert_int_equal(enter(s, i), ALV_OK);
		ups_gate_failed(&s->c[i].pass, UPS_END_CONNECT, "refused");
		while (enter(s, MANY - 1) != ALV_OK) {
			s->c[MANY - 1].refused = 0;
			pass_time(s, 1000);
		}
		ups_gate_left(&s->c[MANY - 1].pass);
		s->c[MANY - 1].gone = 0;
		first = i == 0 ? clock_us_now - from : first;
		longest = clock_us_now - from > longest ? clock_us_now - from : longest;
	}
	assert_in_range(first, 50000, 102000);
	assert_in_range(longest, 1000000, 2002000);
	assert_int_equal(enter(s, 20), ALV_OK);
	ups_gate_reached(&s->c[20].pass);
	pass_time(s, 1000000);
	assert_int_equal(enter(s, 21), ALV_OK);
	ups_gate_failed(&s->c[21].pass, UPS_END_CONNECT, "refused");	/* short again */
	pass_time(s, 102000);
	assert_int_equal(enter(s, 22), ALV_OK);
	end(s);
}

/* A host that vanished: the attempt takes as long as it takes, but nobody else waits for it longer than a second. */
static void
a_slow_attempt_holds_nobody_up(void **state)
{
	struct set *s = begin(100, 1);

	(void)state;
	assert_int_equal(enter(s, 0), ALV_OK);
	ups_gate_failed(&s->c[0].pass, UPS_END_TIMEOUT, "no connection in time");
	pass_time(s, 110000);
	assert_int_equal(enter(s, 1), ALV_OK);
	assert_int_equal(enter(s, 2), ALV_E_AGAIN);
	pass_time(s, 1001000);
	assert_int_equal(s->c[2].refused > 0, 1);
	assert_int_equal(s->c[2].end, UPS_END_TIMEOUT);
	assert_int_equal(enter(s, 3), ALV_E_UNAVAILABLE);
	ups_gate_reached(&s->c[1].pass);
	pass_time(s, 20000);
	assert_int_equal(enter(s, 4), ALV_OK);
	end(s);
}

/* The one that tried was closed by its client: the next one takes over; or the next who comes. */
static void
an_attempt_that_is_given_up_is_handed_on(void **state)
{
	struct set *s = begin(100, 1);

	(void)state;
	assert_int_equal(enter(s, 0), ALV_OK);
	ups_gate_failed(&s->c[0].pass, UPS_END_CONNECT, "refused");
	pass_time(s, 110000);
	for (int i = 1; i < 4; i++)
		assert_int_equal(enter(s, i), i == 1 ? ALV_OK : ALV_E_AGAIN);
	ups_gate_left(&s->c[2].pass);
	ups_gate_left(&s->c[1].pass);
	assert_int_equal(s->c[3].gone > 0, 1);
	ups_gate_left(&s->c[3].pass);
	assert_int_equal(enter(s, 4), ALV_OK);
	assert_int_equal(enter(s, 5), ALV_E_AGAIN);
	ups_gate_failed(&s->c[4].pass, UPS_END_CONNECT, "refused");
	assert_int_equal(s->c[5].refused > 0, 1);
	end(s);
}

/* Brokers that come and go by address do not fill memory; one that is shut or busy is kept. */
static void
old_gates_are_thrown_away(void **state)
{
	struct set *s = begin(100, 1);
	char	    host[32];

	(void)state;
	assert_int_equal(enter(s, 0), ALV_OK);
	for (int i = 1; i < 1000; i++) {
		snprintf(host, sizeof(host), "h%d", i);
		assert_int_equal(enter_at(s, i, host), ALV_OK);
		ups_gate_reached(&s->c[i].pass);
		pass_time(s, 20000);
	}
	ups_gate_failed(&s->c[0].pass, UPS_END_CONNECT, "refused");	/* its gate is still the one that is asked */
	assert_int_equal(enter(s, 1000), ALV_E_UNAVAILABLE);
	end(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_holds_in_order_and_by_broker),
		cmocka_unit_test(there_is_jitter),
		cmocka_unit_test(no_limit_is_no_limit),
		cmocka_unit_test(the_queue_has_an_end),
		cmocka_unit_test(tenants_take_turns),
		cmocka_unit_test(a_failure_shuts_it_and_one_tries),
		cmocka_unit_test(each_failure_waits_longer_up_to_a_bound),
		cmocka_unit_test(a_slow_attempt_holds_nobody_up),
		cmocka_unit_test(an_attempt_that_is_given_up_is_handed_on),
		cmocka_unit_test(old_gates_are_thrown_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
