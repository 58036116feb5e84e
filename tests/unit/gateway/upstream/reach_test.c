/* The way to a broker: names that move, several addresses, a name server out of order, gates; with a name server and a clock
 * of the test's own. */
#include "tests/unit/gateway/upstream/fake_broker.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>

#include <alcove/clock.h>

#include "upstream/link_state.h"

static uint64_t ahead_us;

static uint64_t
clock_us(void)
{
	return alv_mono_us() + ahead_us;
}

/* ---- a name server: every name is these addresses ------------------------------------------------------ */

static pthread_mutex_t zone_lock = PTHREAD_MUTEX_INITIALIZER;
static const char     *zone[4];
static int	       zone_error, zone_questions;

static int
look_up(struct net_resolve *r)
{
	int e;

	pthread_mutex_lock(&zone_lock);
	zone_questions++;
	e = zone_error;
	for (size_t i = 0; e == 0 && i < ALV_COUNT(zone) && zone[i] != NULL; i++) {
		struct sockaddr_in  *v4 = (struct sockaddr_in *)&r->addr[r->n];
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&r->addr[r->n];

		if (inet_pton(AF_INET6, zone[i], &v6->sin6_addr) == 1) {
			v6->sin6_family = AF_INET6;
			r->len[r->n++] = sizeof(*v6);
		} else {
			assert_int_equal(inet_pton(AF_INET, zone[i], &v4->sin_addr), 1);
			v4->sin_family = AF_INET;
			r->len[r->n++] = sizeof(*v4);
		}
	}
	pthread_mutex_unlock(&zone_lock);
	return e;
}

static void
zone_is(int e, const char *a, const char *b, const char *c)
{
	pthread_mutex_lock(&zone_lock);
	zone_error = e;
	zone[0] = a;
	zone[1] = a == NULL ? NULL : b;
	zone[2] = b == NULL ? NULL : c;
	pthread_mutex_unlock(&zone_lock);
}

static int
asked(void)
{
	int n;

	pthread_mutex_lock(&zone_lock);
	n = zone_questions;
	pthread_mutex_unlock(&zone_lock);
	return n;
}

/* ---- links -------------------------------------------------------------------------------------------------- */

struct seen {
	struct ups_link link;
	bool		ready, closed;
	enum ups_end	end;
	char		words[512];
	bool		turned_away;
};

static void
on_ready(struct ups_link *l)
{
	((struct seen *)l->owner)->ready = true;
}

static void
on_data(struct ups_link *l)
{
	alv_chain_drop(&l->stream.in, l->stream.in.n);
}

static void
on_closed(struct ups_link *l, enum ups_end why, const char *words)
{
	struct seen *s = l->owner;

	s->closed = true;
	s->end = why;
	s->turned_away = l->turned_away;
	snprintf(s->words, sizeof(s->words), "%s", words);
	ups_link_fini(l);
}

static const struct ups_link_ops ops = { .on_ready = on_ready, .on_data = on_data, .on_closed = on_closed };

struct set {
	struct bench b;
	struct fake  f;
};

static void
no_request(struct fake_conn *c, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a)
{
	(void)c;
	(void)h;
	(void)t;
	(void)a;
}

static int
set_up(void **state)
{
	struct set *x = calloc(1, sizeof(*x));

	ahead_us = 0;
	bench_init(&x->b);
	net_loop_clock(x->b.loop, clock_us);
	net_loop_turn(x->b.loop, 0);
	fake_open(&x->f, &x->b, no_request, x);
	x->b.ctx.lookup = look_up;
	x->b.conf.dns_cache_ms = 5000;
	zone_questions = 0;
	zone_is(0, "127.0.0.1", NULL, NULL);
	*state = x;
	return 0;
}

static int
tear_down(void **state)
{
	struct set *x = *state;

	fake_fini(&x->f);
	bench_fini(&x->b);
	free(x);
	return 0;
}

static void
pass_time(struct set *x, uint64_t us)
{
	ahead_us += us;
	net_loop_turn(x->b.loop, 0);
}

static void
open_to(struct seen *s, struct set *x, const char *host)
{
	memset(s, 0, sizeof(*s));
	assert_int_equal(ups_link_open(&s->link, &x->b.ctx, host, x->f.port, &ops, s), ALV_OK);
}

static void
expect_end(struct seen *s, struct set *x, enum ups_end end, const char *words)
{
	turn_until(&x->b, &s->closed);
	if (s->end != end || strstr(s->words, words) == NULL)
		fail_msg("ended with %d \"%s\", expected %d \"%s\"", s->end, s->words, end, words);
}

/* Opens, and closes what became ready. */
static void
reaches(struct set *x, const char *host)
{
	struct seen s;

	open_to(&s, x, host);
	for (int i = 0; i < 3000 && !s.ready && !s.closed; i++)
		net_loop_turn(x->b.loop, 5);
	if (!s.ready)
		fail_msg("%s is not reached: %s", host, s.words);
	ups_link_close(&s.link);
	expect_end(&s, x, UPS_END_OURS, "");
}

static void
fails(struct set *x, const char *host, const char *words)
{
	struct seen s;

	open_to(&s, x, host);
	expect_end(&s, x, UPS_END_CONNECT, words);
}

/* ---- names ---------------------------------------------------------------------------------------------------- */

static void
a_name_is_asked_for_once_in_a_while(void **state)
{
	struct set *x = *state;
	struct seen s[8];

	for (int i = 0; i < 8; i++)
		open_to(&s[i], x, "kafka-1");
	for (int i = 0; i < 8; i++) {
		turn_until(&x->b, &s[i].ready);
		ups_link_close(&s[i].link);
		expect_end(&s[i], x, UPS_END_OURS, "");
	}
	assert_int_equal(asked(), 1);	/* together */
	reaches(x, "kafka-1");
	assert_int_equal(asked(), 1);	/* remembered */
	reaches(x, "kafka-2");
	assert_int_equal(asked(), 2);
	pass_time(x, 5001000);
	reaches(x, "kafka-1");
	assert_int_equal(asked(), 3);
	x->b.conf.dns_cache_ms = 0;
	pass_time(x, 5001000);
	reaches(x, "kafka-1");
	reaches(x, "kafka-1");
	assert_int_equal(asked(), 5);	/* no memory at all */
	reaches(x, "127.0.0.1");
	assert_int_equal(asked(), 5);	/* no question */
}

static void
a_name_that_moved_is_followed(void **state)
{
	struct set *x = *state;

	reaches(x, "kafka-1");
	zone_is(0, "127.0.0.9", NULL, NULL);
	reaches(x, "kafka-1");		/* until the memory is over */
	pass_time(x, 5001000);
	fails(x, "kafka-1", "Connection refused");	/* nobody there: not remembered */
	zone_is(0, "127.0.0.1", NULL, NULL);
	reaches(x, "kafka-1");
	assert_int_equal(asked(), 3);
}

static void
every_address_is_tried(void **state)
{
	struct set *x = *state;

	zone_is(0, "::1", "127.0.0.9", "127.0.0.1");
	reaches(x, "kafka-1");
	assert_int_equal(asked(), 1);
	zone_is(0, "127.0.0.9", "::1", "127.0.0.8");
	fails(x, "kafka-2", "cannot connect: Connection refused");
}

static void
a_silent_name_server_takes_nothing_away(void **state)
{
	struct set *x = *state;

	reaches(x, "kafka-1");
	pass_time(x, 5001000);
	zone_is(EAI_AGAIN, NULL, NULL, NULL);
	reaches(x, "kafka-1");
	assert_int_equal(asked(), 2);
	fails(x, "kafka-2", "kafka-2: Temporary failure");
	pass_time(x, 5001000);
	zone_is(EAI_NONAME, NULL, NULL, NULL);	/* but what it says counts */
	fails(x, "kafka-1", "kafka-1: Name or service not known");
	zone_is(EAI_AGAIN, NULL, NULL, NULL);
	fails(x, "kafka-1", "kafka-1: Temporary failure");
}

static void
many_names_fit_in_little(void **state)
{
	struct set *x = *state;
	struct seen s;
	char	    host[32];

	for (int i = 0; i < 200; i++) {
		snprintf(host, sizeof(host), "kafka-%d", i);
		reaches(x, host);
	}
	assert_int_equal(asked(), 200);
	reaches(x, "kafka-199");
	reaches(x, "kafka-150");
	assert_int_equal(asked(), 200);
	reaches(x, "kafka-1");
	assert_int_equal(asked(), 201);
	open_to(&s, x, "kafka-7");	/* closed while the question is under way */
	ups_link_close(&s.link);
	expect_end(&s, x, UPS_END_OURS, "");
}

/* Addresses that never answer share the time: none of it is waited for twice. */
static void
time_is_for_all_addresses_together(void **state)
{
	struct set *x = *state;
	struct seen s;

	x->b.conf.connect_timeout_ms = 600000;
	zone_is(0, "192.0.2.1", "192.0.2.2", NULL);	/* for documentation: nobody is there */
	open_to(&s, x, "kafka-1");
	for (int i = 0; i < 3000 && !s.closed && s.link.state->reach->next < 1; i++)
		net_loop_turn(x->b.loop, 5);
	for (size_t tried = 1; tried <= 2; tried++) {
		if (s.closed)
			break;	/* this network says at once that there is no way */
		assert_int_equal(s.link.state->reach->next, tried);
		pass_time(x, 300100000);
		for (int i = 0; i < 5; i++)
			net_loop_turn(x->b.loop, 5);
	}
	assert_true(s.closed);
	assert_true(s.end == UPS_END_TIMEOUT || s.end == UPS_END_CONNECT);
}

/* ---- gates ------------------------------------------------------------------------------------------------------ */

static int waiting;

static void
count(void *arg, int delta)
{
	(void)arg;
	waiting += delta;
}

static void
links_wait_for_their_turn(void **state)
{
	enum { LINKS = 50 };
	struct set *x = *state;
	struct seen s[LINKS];
	int	    ready = 0;

	x->b.conf.connect_rate = 10;
	x->b.conf.connect_timeout_ms = 10000;
	assert_int_equal(ups_ctx_gates(&x->b.ctx, 1, count, NULL), ALV_OK);
	for (int i = 0; i < LINKS; i++)
		open_to(&s[i], x, "127.0.0.1");
	assert_in_range(waiting, LINKS - 3, LINKS - 1);
	for (int i = 0; i < 5000 && ready < LINKS; i++) {
		ahead_us += 2000;
		net_loop_turn(x->b.loop, 1);
		ready = 0;
		for (int k = 0; k < LINKS; k++) {
			assert_false(s[k].closed);
			ready += s[k].ready;
		}
	}
	assert_int_equal(ready, LINKS);
	assert_int_equal(waiting, 0);
	for (int i = 0; i < LINKS; i++) {
		ups_link_close(&s[i].link);
		expect_end(&s[i], x, UPS_END_OURS, "");
	}
}

static void
a_dead_broker_turns_away_at_once(void **state)
{
	struct set *x = *state;
	struct seen s[4];
	uint16_t    port = x->f.port;

	x->b.conf.connect_rate = 10;
	assert_int_equal(ups_ctx_gates(&x->b.ctx, 1, count, NULL), ALV_OK);
	net_listener_close(x->f.listener);
	x->f.listener = NULL;
	for (int i = 0; i < 4; i++)
		open_to(&s[i], x, "127.0.0.1");
	assert_true(waiting > 0);
	for (int i = 0; i < 4; i++) {
		expect_end(&s[i], x, UPS_END_CONNECT, "Connection refused");
		assert_int_equal(s[i].turned_away, i > 0);
	}
	assert_int_equal(waiting, 0);
	open_to(&s[0], x, "127.0.0.1");
	expect_end(&s[0], x, UPS_END_CONNECT, "Connection refused");
	assert_true(s[0].turned_away);
	assert_int_equal(port, x->f.port);
	pass_time(x, 110000);
	open_to(&s[0], x, "127.0.0.1");
	open_to(&s[1], x, "127.0.0.1");
	ups_link_close(&s[1].link);	/* while it waits for the other's attempt */
	expect_end(&s[1], x, UPS_END_OURS, "");
	expect_end(&s[0], x, UPS_END_CONNECT, "Connection refused");
	assert_false(s[0].turned_away);
}

/* No port or address of ours is left: that is not the broker's doing, and shuts nothing. */
static void
our_own_trouble_shuts_no_gate(void **state)
{
	static const char *const nowhere[] = { "192.0.2.9" };
	struct set		*x = *state;
	struct net_sources	 sources;
	struct seen		 s;

	assert_int_equal(ups_ctx_gates(&x->b.ctx, 1, NULL, NULL), ALV_OK);
	assert_true(net_sources_parse(&sources, nowhere, 1));
	x->b.net.sources = &sources;
	for (int i = 0; i < 2; i++) {
		open_to(&s, x, "127.0.0.1");
		expect_end(&s, x, UPS_END_CONNECT, "Cannot assign requested address");
		assert_false(s.turned_away);
	}
	x->b.net.sources = NULL;
	reaches(x, "127.0.0.1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_is_asked_for_once_in_a_while, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_moved_is_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_address_is_tried, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_silent_name_server_takes_nothing_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_names_fit_in_little, set_up, tear_down),
		cmocka_unit_test_setup_teardown(time_is_for_all_addresses_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(links_wait_for_their_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_dead_broker_turns_away_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(our_own_trouble_shuts_no_gate, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
