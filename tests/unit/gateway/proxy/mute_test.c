/* A client that is over a limit stands still for as long as it was told, and nobody else does. The clock is the test's. */
#include "bench.h"

#include "quota/table.h"

#define S UINT64_C(1000000)

static uint64_t now_us;

static uint64_t
clock_us(void)
{
	return now_us;
}

/* A tenant with so many requests a second; 0: as many as it likes. */
static void
publish(struct proxy *p, const char *id, double per_s)
{
	static uint64_t	 revision = 10;
	struct pol_quota q = { .entity = { .kind = POL_QUOTA_OF_TENANT }, .set = 1u << POL_QUOTA_REQUEST_RATE,
		.value = { [POL_QUOTA_REQUEST_RATE] = per_s } };
	struct pol_user	 user = { .name = ALV_STR("alice"), .revision = 7, .enabled = true };
	struct pol_parts parts = { .id = alv_str_of(id), .display_name = alv_str_of(id), .state = POL_ACTIVE, .revision = ++revision,
		.cluster_id = "acme-cluster-id-22char", .users = &user, .nusers = 1, .quotas = &q, .nquotas = per_s > 0 };

	parts.rules = pol_rules_all(&parts.nrules);
	assert_int_equal(pol_dir_publish(p->gateway.shared.dir, alv_str_of(id), pol_build(&parts)), ALV_OK);
}

static struct px_client *
begin(struct proxy *p, double per_s)
{
	proxy_open(p);
	now_us = 1000 * S;
	net_loop_clock(p->worker->loop, clock_us);
	p->gateway.shared.quotas = quo_table_new(100, 100);
	p->conf.quota.throttle_max_ms = 5000;
	publish(p, "acme", per_s);
	return proxy_client(p);
}

static void
end(struct proxy *p)
{
	struct quo_table *t = p->gateway.shared.quotas;

	proxy_close(p);
	quo_table_free(t);
}

static void
ask(struct proxy *p, int32_t number)
{
	proxy_send(p, KFK_API_METADATA, 12, number, NULL);
}

static void
later(struct proxy *p, uint64_t us)
{
	now_us += us;
	proxy_turns(p, 5);
}

/* The second one is over the limit: it is answered, and the third is not taken for two seconds. */
static struct px_client *
mute(struct proxy *p)
{
	struct px_client *c = begin(p, 0.5);

	/* Half a request is all the credit: the first one owes a second. */
	ask(p, 1);
	assert_int_equal(proxy_await(p), 1);
	later(p, S);
	ask(p, 2);
	ask(p, 3);
	assert_int_equal(proxy_await(p), 2);
	proxy_turns(p, 20);
	assert_int_equal(proxy_receive(p), -1);
	return c;
}

static void
it_waits_and_goes_on(void **state)
{
	struct proxy p;

	(void)state;
	(void)mute(&p);
	later(&p, 2 * S - 1);
	proxy_turns(&p, 20);
	assert_int_equal(proxy_receive(&p), -1);
	later(&p, 1);
	assert_int_equal(proxy_await(&p), 3);
	/* It owes two seconds again. */
	ask(&p, 4);
	proxy_turns(&p, 20);
	assert_int_equal(proxy_receive(&p), -1);
	later(&p, 2 * S);
	assert_int_equal(proxy_await(&p), 4);
	end(&p);
}

static void
others_do_not_wait(void **state)
{
	struct px_client *other;
	struct proxy	  p;
	int		  mine;

	(void)state;
	(void)mute(&p);
	publish(&p, "globex", 0);
	mine = p.client;
	other = proxy_accept(&p, &p.client);
	PROXY_UNTIL(&p, other->state == PX_SERVING);
	memcpy(other->conn.tenant, "globex", 7);
	memcpy(other->conn.user, "alice", 6);
	memcpy(other->conn.principal, "User:alice", 11);
	other->conn.slot = pol_dir_find(p.gateway.shared.dir, ALV_STR("globex"));
	other->conn.user_revision = 7;
	other->conn.auth = API_AUTH_DONE;
	px_client_flush(other);
	for (int i = 0; i < 10; i++) {
		ask(&p, i);
		assert_int_equal(proxy_await(&p), i);
	}
	close(p.client);
	p.client = mine;
	assert_int_equal(proxy_receive(&p), -1);
	later(&p, 2 * S);
	assert_int_equal(proxy_await(&p), 3);
	end(&p);
}

/* The rest of a frame that was half here when the mute began is nobody's fault. */
static void
half_a_frame_is_not_late(void **state)
{
	struct px_client *c;
	struct proxy	  p;
	uint8_t		  half[] = { 0, 0, 0, 30, 0, 3 };

	(void)state;
	c = begin(&p, 0.1);
	p.conf.limits.frame_timeout_ms = 1000;
	p.conf.limits.connections_max_idle_ms = 10000;
	ask(&p, 1);
	assert_int_equal(write(p.client, half, sizeof(half)), sizeof(half));
	assert_int_equal(proxy_await(&p), 1);
	proxy_turns(&p, 20);
	assert_int_equal(c->frame_begun_us, 0);
	for (int i = 0; i < 4; i++) {
		later(&p, S);
		assert_int_equal(c->state, PX_SERVING);
	}
	later(&p, S);	/* it is over, and the frame may be slow from now on */
	assert_int_equal(c->conn.quota.muted_until_us, 0);
	PROXY_UNTIL(&p, c->frame_begun_us == now_us);
	c->away++;
	later(&p, 2 * S);
	assert_int_equal(c->state, PX_CLOSED);
	assert_int_equal(c->why, MET_CLOSE_SLOW_SENDER);
	px_unaway(c);
	end(&p);
}

static void
silence_is_not_idleness(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = begin(&p, 0.1);
	p.conf.limits.connections_max_idle_ms = 1000;
	ask(&p, 1);
	assert_int_equal(proxy_await(&p), 1);
	for (int i = 0; i < 5; i++) {
		later(&p, S);
		assert_int_equal(c->state, PX_SERVING);
	}
	c->away++;
	later(&p, S);
	proxy_turns(&p, 5);
	assert_int_equal(c->state, PX_CLOSED);
	assert_int_equal(c->why, MET_CLOSE_IDLE);
	px_unaway(c);
	end(&p);
}

static void
who_leaves_is_served_to_the_end(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = mute(&p);
	px_client_leave(c, PX_LEAVES_QUIET);
	assert_int_equal(proxy_await(&p), 3);
	/* That one was over the limit, too, and the end does not wait for it. */
	assert_int_equal(proxy_await(&p), -2);
	end(&p);
}

static void
a_new_limit_ends_the_wait(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = mute(&p);
	publish(&p, "acme", 5);
	px_client_check(c);
	assert_int_equal(c->conn.quota.muted_until_us, now_us + S / 5);
	later(&p, S / 5);
	assert_int_equal(proxy_await(&p), 3);
	ask(&p, 4);
	later(&p, S / 10);
	assert_int_equal(proxy_receive(&p), -1);
	publish(&p, "acme", 0);
	px_client_check(c);
	assert_int_equal(c->conn.quota.muted_until_us, now_us);
	assert_int_equal(proxy_await(&p), 4);
	end(&p);
}

static void
it_may_go_away_meanwhile(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = mute(&p);
	c->away++;
	close(p.client);
	p.client = -1;
	proxy_turns(&p, 20);
	px_client_close(c, MET_CLOSE_DRAIN, false);
	later(&p, 10 * S);
	assert_false(c->unmute.armed);
	px_unaway(c);
	end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_waits_and_goes_on),
		cmocka_unit_test(others_do_not_wait),
		cmocka_unit_test(half_a_frame_is_not_late),
		cmocka_unit_test(silence_is_not_idleness),
		cmocka_unit_test(who_leaves_is_served_to_the_end),
		cmocka_unit_test(a_new_limit_ends_the_wait),
		cmocka_unit_test(it_may_go_away_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
