/* Resolution without a name server: addresses, and what is no name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <alcove/base.h>

#include "net/job.h"
#include "net/stream.h"

#include <netinet/in.h>

static struct net_loop *loop;

static void
done(struct net_job *j)
{
	(void)j;
	net_loop_stop(loop);
}

static void
resolve(struct net_resolve *r, const char *host)
{
	struct net_jobs *pool = net_jobs_new(1, 4, 4);

	loop = net_loop_new();
	net_resolve_init(r, loop, host, 9092, r, done);
	assert_int_equal(net_jobs_submit(pool, &r->job), ALV_OK);
	net_loop_run(loop);
	net_jobs_free(pool);
	net_loop_free(loop);
}

static void
test_addresses(void **state)
{
	struct net_resolve r;
	char		   text[46];

	(void)state;
	resolve(&r, "127.0.0.1");
	assert_int_equal(r.gai_error, 0);
	assert_int_equal(r.n, 1);
	net_peer_text(&r.addr[0], text);
	assert_string_equal(text, "127.0.0.1");
	assert_int_equal(ntohs(((struct sockaddr_in *)&r.addr[0])->sin_port), 9092);
	resolve(&r, "::1");
	assert_int_equal(r.n, 1);
	net_peer_text(&r.addr[0], text);
	assert_string_equal(text, "::1");
}

static void
test_no_name(void **state)
{
	struct net_resolve r;
	char		   longer[400];

	(void)state;
	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	resolve(&r, longer);
	assert_int_not_equal(r.gai_error, 0);
	assert_int_equal(r.n, 0);
	resolve(&r, "not a name");
	assert_int_not_equal(r.gai_error, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
