/* Listening: any port, addresses that can't be, and a process that is out of descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <alcove/base.h>

#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

static struct net_loop	   *loop;
static struct net_listener *listener;
static int		    accepted[16], naccepted;
static uint64_t		    fake_us = 1;

static unsigned		    nrefused;

static uint64_t
fake_clock(void)
{
	return fake_us;
}

static void
on_accept(void *arg, struct net_listener *l, int fd, const struct sockaddr_storage *peer)
{
	int	  on = 0;
	socklen_t n = sizeof(on);

	assert_ptr_equal(arg, &naccepted);
	assert_ptr_equal(l, listener);
	assert_ptr_equal(net_listener_arg(l), &naccepted);
	if (fd < 0) {
		nrefused++;
		return;
	}
	assert_int_equal(peer->ss_family, AF_INET);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
	assert_int_not_equal(on, 0);
	accepted[naccepted++] = fd;
}

static int
setup(void **state)
{
	char err[200];

	(void)state;
	loop = net_loop_new();
	net_loop_clock(loop, fake_clock);
	naccepted = 0;
	assert_int_equal(net_listener_open(loop, "127.0.0.1", 0, on_accept, &naccepted, &listener, err, sizeof(err)), ALV_OK);
	assert_int_not_equal(net_listener_port(listener), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	net_listener_close(listener);
	while (naccepted > 0)
		close(accepted[--naccepted]);
	net_loop_free(loop);
	return 0;
}

static int
client(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(net_listener_port(listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
test_accepts(void **state)
{
	int fd[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		fd[i] = client();
	net_loop_turn(loop, 1000);
	assert_int_equal(naccepted, 3);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}

/* What is accepted has the listener's options. */
static void
test_dead_peers_are_looked_for(void **state)
{
	unsigned  ms = 0;
	int	  on = 0, idle = 0;
	socklen_t n = sizeof(int);
	int	  fd;

	(void)state;
	net_listener_dead_after(listener, 60000);
	fd = client();
	while (naccepted == 0)
		net_loop_turn(loop, 1);
	assert_int_equal(getsockopt(accepted[0], IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &n), 0);
	assert_int_equal(getsockopt(accepted[0], SOL_SOCKET, SO_KEEPALIVE, &on, &n), 0);
	assert_int_equal(getsockopt(accepted[0], IPPROTO_TCP, TCP_KEEPIDLE, &idle, &n), 0);
	assert_int_equal(ms, 60000);
	assert_int_not_equal(on, 0);
	assert_int_equal(idle, 30);
	close(fd);
}

static void
test_errors_name_address_and_reason(void **state)
{
	struct net_listener *l = NULL;
	char		     err[200];

	(void)state;
	assert_int_equal(net_listener_open(loop, "localhost", 1, on_accept, NULL, &l, err, sizeof(err)), ALV_E_SYNTAX);
	assert_non_null(strstr(err, "\"localhost\""));
	assert_int_equal(net_listener_open(loop, "127.0.0.1", net_listener_port(listener), on_accept, NULL, &l, err, sizeof(err)),
	    ALV_E_SYSTEM);
	assert_non_null(strstr(err, "127.0.0.1"));
	assert_non_null(strstr(err, strerror(EADDRINUSE)));
	assert_null(l);
}

/* Only the descriptors below the limit count: the highest one open is found, and nothing more allowed. */
static void
forbid_more(struct rlimit *old)
{
	struct rlimit now;
	int	      fd = open("/dev/null", O_RDONLY);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, old), 0);
	close(fd);
	now = *old;
	now.rlim_cur = (rlim_t)fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static void
test_out_of_descriptors_closes_and_pauses(void **state)
{
	struct rlimit old;
	struct pollfd p;
	int	      first = client(), second, other;
	char	      c;

	(void)state;
	other = client();
	forbid_more(&old);
	net_loop_turn(loop, 1000);
	assert_int_equal(naccepted, 0);
	assert_int_equal(net_listener_refused(listener), 2);
	assert_int_equal(nrefused, 2);
	p = (struct pollfd){ .fd = first, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_true(read(first, &c, 1) <= 0);	/* closed, not left hanging */
	close(other);
	/* Descriptors are there again, but the pause is not over: no spinning. */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	second = client();
	net_loop_turn(loop, 0);
	assert_int_equal(naccepted, 0);
	fake_us += 100 * 1000;
	net_loop_turn(loop, 0);	/* the timer */
	net_loop_turn(loop, 1000);
	assert_int_equal(naccepted, 1);
	close(first);
	close(second);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_accepts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_peers_are_looked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors_name_address_and_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_descriptors_closes_and_pauses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
