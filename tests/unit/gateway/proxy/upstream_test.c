/* Which broker a connection comes to, and what happens when that one is not there. */
#include "bench.h"

#include <netinet/in.h>

/* A port where nobody listens, nor ever will: it stays bound until the test program ends. */
static uint16_t
dead_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t	   n = sizeof(a);
	int		   fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

/* Brokers 1 to n; only number `alive` is the one that answers. */
static void
publish(struct proxy *p, int n, int alive)
{
	struct clu_broker b[12];
	struct clu_topic  topic = { .name = ALV_STR("acme.orders"), .id = proxy_id('o'), .partitions = 1 };
	struct clu_view	  v = { .generation = 2, .cluster_id = ALV_STR("c"), .controller_id = 1, .nbrokers = (size_t)n, .brokers = b,
		   .ntopics = 1, .topics = &topic };

	for (int i = 0; i < n; i++)
		b[i] = (struct clu_broker){ .id = i + 1, .host = ALV_STR("127.0.0.1"), .port = i + 1 == alive ? p->broker.port : dead_port() };
	for (size_t i = 0; i < CLU_API_KEYS; i++)
		v.apis[i] = (struct clu_range){ 0, 100 };
	clu_board_publish(p->gateway.shared.board, clu_view_build(&v));
}

static void
bootstrap_goes_on_to_the_next_broker(void **state)
{
	struct proxy p;

	(void)state;
	for (int n = 1; n <= 4; n++) {
		for (int alive = 1; alive <= n; alive++) {
			proxy_open(&p);
			publish(&p, n, alive);
			(void)proxy_client(&p);
			proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
			proxy_send(&p, KFK_API_METADATA, 9, 2, NULL);
			assert_int_equal(proxy_await(&p), 1);
			assert_int_equal(proxy_await(&p), 2);
			assert_int_equal(p.broker.accepted, 1);
			proxy_close(&p);
		}
	}
}

static void
once_around_and_no_further(void **state)
{
	struct proxy p;

	(void)state;
	for (int n = 1; n <= 12; n += 11) {
		struct px_client *c;

		proxy_open(&p);
		publish(&p, n, 0);
		c = proxy_client(&p);
		proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
		PROXY_UNTIL(&p, p.worker->clients == NULL || c->state == PX_CLOSED);
		assert_int_equal(proxy_await(&p), -2);
		assert_int_equal(p.worker->next_broker, n == 1 ? 1 : 8);
		proxy_close(&p);
	}
}

/* A connection to one virtual broker is to that broker, and ends as one to a dead broker would. */
static void
a_broker_of_its_own_is_not_replaced(void **state)
{
	struct proxy	  p;
	struct px_client *c;

	(void)state;
	proxy_open(&p);
	publish(&p, 3, 2);
	p.port.node = 1;
	c = proxy_client(&p);
	c->conn.node = 1;
	proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
	assert_int_equal(proxy_await(&p), -2);
	assert_int_equal(p.broker.accepted, 0);
	proxy_close(&p);
}

/* What a broker had heard already is not said to another one. */
static void
nothing_is_said_twice(void **state)
{
	struct proxy p;

	(void)state;
	proxy_open(&p);
	publish(&p, 2, 1);
	p.mute = true;
	(void)proxy_client(&p);
	p.worker->next_broker = 0;
	proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
	PROXY_UNTIL(&p, p.broker.requests[KFK_API_METADATA] == 1);
	fake_close_conns(&p.broker);
	assert_int_equal(proxy_await(&p), -2);
	assert_int_equal(p.broker.accepted, 1);
	proxy_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bootstrap_goes_on_to_the_next_broker),
		cmocka_unit_test(once_around_and_no_further),
		cmocka_unit_test(a_broker_of_its_own_is_not_replaced),
		cmocka_unit_test(nothing_is_said_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
