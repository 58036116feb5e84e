/* Where connections come from, and how a peer that vanished is noticed. */
#include "tests/unit/gateway/net/kit.h"

#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

static const char *const three[] = { "127.0.0.2", "127.0.0.3", "127.0.0.4" };

static int
listen_here(struct sockaddr_in *a)
{
	int fd;

	kit_listen(&fd, a);
	return fd;
}

/* The address that the accepted connection comes from. */
static int
accepted(int listener, char from[static 46])
{
	struct sockaddr_storage peer;
	socklen_t		n = sizeof(peer);
	int			fd = accept(listener, (struct sockaddr *)&peer, &n);

	assert_true(fd >= 0);
	net_peer_text(&peer, from);
	return fd;
}

static void
sources_take_turns(void **state)
{
	struct net_sources s;
	struct sockaddr_in a;
	char		   from[46];
	int		   listener = listen_here(&a), e;

	(void)state;
	assert_true(net_sources_parse(&s, three, 3));
	assert_null(net_sources_missing(three, 3));
	assert_null(net_sources_missing(NULL, 0));
	for (int i = 0; i < 7; i++) {
		int fd = net_dial(&s, (struct sockaddr *)&a, sizeof(a), &e), on = 0;
		socklen_t n = sizeof(on);

		assert_true(fd >= 0 && e == 0);
		assert_int_equal(getsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, &n), 0);
		assert_int_equal(on, 1);
		close(accepted(listener, from));
		assert_string_equal(from, three[i % 3]);
		close(fd);
	}
	close(listener);
}

static void
what_is_no_source(void **state)
{
	static const char *const words[] = { "127.0.0.1", "localhost" }, *const foreign[] = { "127.0.0.2", "192.0.2.7", "::1" };
	struct net_sources	 s;
	struct sockaddr_in	 a;
	char			 from[46];
	int			 listener = listen_here(&a), e;

	(void)state;
	assert_false(net_sources_parse(&s, words, 2));
	assert_true(net_sources_parse(&s, foreign, 3));
	assert_ptr_equal(net_sources_missing(foreign, 3), foreign[1]);
	assert_ptr_equal(net_sources_missing(words, 2), words[1]);
	/* One that is not there, or of another family, is passed over. */
	for (int i = 0; i < 4; i++) {
		int fd = net_dial(&s, (struct sockaddr *)&a, sizeof(a), &e);

		assert_true(fd >= 0 && e == 0);
		close(accepted(listener, from));
		assert_string_equal(from, "127.0.0.2");
		close(fd);
	}
	/* None of the family: as the system picks. */
	assert_true(net_sources_parse(&s, foreign + 2, 1));
	close(net_dial(&s, (struct sockaddr *)&a, sizeof(a), &e));
	close(accepted(listener, from));
	assert_string_equal(from, "127.0.0.1");
	assert_true(net_sources_parse(&s, foreign + 1, 1));
	close(net_dial(&s, (struct sockaddr *)&a, sizeof(a), &e));
	assert_int_equal(e, EADDRNOTAVAIL);
	close(listener);
}

/* ---- ports run out ----------------------------------------------------------------------------------- */

/* In a network of its own with ten ports: 0 good, 1 not, 77 no such network to be had. */
static int
ten_ports_each(void)
{
	struct ifreq	   lo = { .ifr_flags = IFF_UP };
	struct net_sources s;
	struct sockaddr_in a;
	int		   listener, e, n, ctl = socket(AF_INET, SOCK_DGRAM, 0);
	FILE		  *f;

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return 77;
	close(ctl);
	ctl = socket(AF_INET, SOCK_DGRAM, 0);
	memcpy(lo.ifr_name, "lo", 3);
	f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "w");
	if (ioctl(ctl, SIOCSIFFLAGS, &lo) != 0 || f == NULL || fputs("40000 40009\n", f) < 0 || fclose(f) != 0)
		return 77;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(9092), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 64) != 0 || !net_sources_parse(&s, three, 3))
		return 1;
	for (n = 0; n < 40; n++) {
		if (net_dial(&s, (struct sockaddr *)&a, sizeof(a), &e) < 0 || e != 0)
			break;
	}
	return n == 30 && e == EADDRNOTAVAIL ? 0 : 1;
}

static void
a_source_without_ports_is_passed_over(void **state)
{
	int   status;
	pid_t child;

	(void)state;
	child = fork();
	if (child == 0)
		_exit(ten_ports_each());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("no network of one's own is to be had here: not tried\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- dead peers ------------------------------------------------------------------------------------------ */

/* Made to meet itself by a source with a port, where the kernel does it by chance. */
static void
a_connection_to_itself_is_refused(void **state)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in  four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int	    on = 1;
	struct kit	    k;

	(void)state;
	kit_open(&k);
	for (int v6 = 0; v6 < 2; v6++) {
		struct sockaddr	  *a = v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four;
		socklen_t	   n = v6 ? sizeof(six) : sizeof(four);
		struct net_sources s = { .n = 1 };
		struct side	   x = { .opened = 0 };
		int		   fd = socket(a->sa_family, SOCK_STREAM, 0);

		if (bind(fd, a, n) != 0) {
			assert_true(v6 && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT));	/* a machine without IPv6 */
			close(fd);
			continue;
		}
		assert_int_equal(getsockname(fd, a, &n), 0);
		close(fd);
		memcpy(&s.addr[0], a, n);
		k.ctx.sources = &s;
		assert_int_equal(net_stream_connect(&x.s, &k.ctx, a, n, NULL, "", 1000, &side_ops, &x), ALV_OK);
		TURN_UNTIL(&k, x.closed);
		assert_int_equal(x.opened, 0);
		assert_int_equal(x.why, NET_END_CONNECT);
		assert_int_equal(x.s.sys_errno, ECONNREFUSED);
		net_stream_fini(&x.s);
		/* The port is for whoever ought to listen there, at once. */
		fd = socket(a->sa_family, SOCK_STREAM, 0);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
		assert_int_equal(bind(fd, a, n), 0);
		assert_int_equal(listen(fd, 1), 0);
		close(fd);
	}
	kit_close(&k);
}

/* Nothing that arrives reaches this socket: to the other side its host has vanished. */
static void
vanish(int fd)
{
	struct sock_filter drop = { .code = BPF_RET | BPF_K, .k = 0 };
	struct sock_fprog  all = { .len = 1, .filter = &drop };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof(all)), 0);
}

/* The kernel's clock cannot be faked: half a second where something was sent, two where not. */
static void
a_peer_that_vanished_is_noticed(void **state)
{
	struct sockaddr_in a;
	struct kit	   k;
	char		   from[46];
	int		   listener = listen_here(&a);

	(void)state;
	kit_open(&k);
	k.ctx.dead_out_ms = k.ctx.dead_in_ms = 400;
	for (int speaks = 0; speaks < 2; speaks++) {
		struct side	 out = { .opened = 0 }, in = { .opened = 0 };
		struct alv_chain data;
		int		 far, dialled = socket(AF_INET, SOCK_STREAM, 0), peer;

		alv_chain_init(&data, k.pool);
		assert_int_equal(net_stream_connect(&out.s, &k.ctx, (struct sockaddr *)&a, sizeof(a), NULL, "", 1000, &side_ops, &out), ALV_OK);
		TURN_UNTIL(&k, out.opened);
		far = accepted(listener, from);
		assert_int_equal(connect(dialled, (struct sockaddr *)&a, sizeof(a)), 0);
		peer = accepted(listener, from);
		assert_int_equal(net_stream_accept(&in.s, &k.ctx, peer, NULL, 1000, &side_ops, &in), ALV_OK);
		TURN_UNTIL(&k, in.opened);
		vanish(far);
		vanish(dialled);
		for (int i = 0; speaks && i < 2; i++) {
			alv_chain_copy(&data, "anybody?", 8);
			net_stream_send(i == 0 ? &out.s : &in.s, &data);
		}
		TURN_UNTIL(&k, out.closed && in.closed);
		assert_int_equal(out.why, NET_END_RESET);
		assert_int_equal(in.why, NET_END_RESET);
		assert_int_equal(out.s.sys_errno, ETIMEDOUT);
		net_stream_fini(&out.s);
		net_stream_fini(&in.s);
		close(far);
		close(dialled);
	}
	close(listener);
	kit_close(&k);
}

static void
only_where_it_is_wanted(void **state)
{
	struct sockaddr_in a;
	int		   listener = listen_here(&a), fd, on;
	unsigned	   ms;
	socklen_t	   n;

	(void)state;
	for (unsigned want = 0; want <= 60000; want += 60000) {
		int e, idle, between, count;

		fd = net_dial(NULL, (struct sockaddr *)&a, sizeof(a), &e);
		net_dead_after(fd, want);
		n = sizeof(on);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &n), 0);
		assert_int_equal(on, want != 0);
		n = sizeof(ms);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &n), 0);
		assert_int_equal(ms, want);
		n = sizeof(int);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &n), 0);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, &n), 0);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, &n), 0);
		if (want != 0)
			assert_int_equal(idle + between * count, want / 1000);
		close(fd);
	}
	close(listener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_take_turns),
		cmocka_unit_test(what_is_no_source),
		cmocka_unit_test(a_source_without_ports_is_passed_over),
		cmocka_unit_test(a_connection_to_itself_is_refused),
		cmocka_unit_test(a_peer_that_vanished_is_noticed),
		cmocka_unit_test(only_where_it_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
