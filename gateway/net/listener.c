/* Listening sockets. Invariants: at most ACCEPT_TURN clients are taken per turn, so one listener can't hold up the
 * others; while descriptors have run out nothing is asked of epoll, else a level-triggered loop would spin. */
#include <alcove/check.h>

#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/dial.h"

enum { ACCEPT_TURN = 64, BACKLOG = 4096, PAUSE_US = 100 * 1000 };

struct net_listener {
	struct net_fd	 fd;
	struct net_timer pause;
	int		 spare;		/* /dev/null, given up for a moment to accept and close; -1: gone */
	uint16_t	 port;
	uint64_t	 refused;
	net_accept_fn	 fn;
	void		*arg;
};

static int
open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
pause_accepting(struct net_listener *l)
{
	net_fd_want(&l->fd, 0);
	net_timer_set(&l->pause, net_loop_now(l->fd.loop) + PAUSE_US);
}

static void
on_pause_over(struct net_timer *t)
{
	struct net_listener *l = ALV_HOLDER(t, struct net_listener, pause);

	if (l->spare < 0)
		l->spare = open_spare();
	net_fd_want(&l->fd, EPOLLIN);
}

/* Closes clients that wait, by the one descriptor that was kept for it: they learn at once that they can't be served. */
static void
turn_away(struct net_listener *l)
{
	for (int i = 0; i < ACCEPT_TURN && l->spare >= 0; i++) {
		int fd;

		close(l->spare);
		fd = accept4(l->fd.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			close(fd);
			l->refused++;
			l->fn(l->arg, l, -1, NULL);
		}
		l->spare = open_spare();	/* another thread may have been faster; then the next pause tries again */
		if (fd < 0)
			return;
	}
}

/* True: go on accepting. */
static bool
accept_failed(struct net_listener *l, int e)
{
	switch (e) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
		turn_away(l);
		pause_accepting(l);
		return false;
	case ENOBUFS:
	case ENOMEM:
		pause_accepting(l);
		return false;
	default:	/* the client's own trouble: gone already, refused by a firewall */
		return true;
	}
}

static void
on_ready(struct net_fd *f, uint32_t events)
{
	struct net_listener *l = ALV_HOLDER(f, struct net_listener, fd);

	(void)events;
	for (int i = 0; i < ACCEPT_TURN; i++) {
		struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
		socklen_t		n = sizeof(peer);
		int			fd = accept4(f->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (!accept_failed(l, errno))
				return;
			continue;
		}
		l->fn(l->arg, l, fd, &peer);
	}
}

/* ---- opening ------------------------------------------------------------------------------ */

static bool
parse_address(const char *text, uint16_t port, struct sockaddr_storage *a, socklen_t *n)
{
	struct sockaddr_in  *v4 = (struct sockaddr_in *)a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)a;

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*n = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*n = sizeof(*v6);
		return true;
	}
	return false;
}

/* -1: *step says which call failed, errno why. */
static int
open_socket(const struct sockaddr_storage *a, socklen_t n, const char **step)
{
	const int on = 1, off = 0;
	int	  fd, e;

	*step = "socket";
	fd = socket(a->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));	/* Linux gives it to what is accepted */
	if (a->ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	*step = "bind";
	if (bind(fd, (const struct sockaddr *)a, n) == 0) {
		*step = "listen";
		if (listen(fd, BACKLOG) == 0)
			return fd;
	}
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

static uint16_t
bound_port(int fd)
{
	union {
		struct sockaddr	    sa;
		struct sockaddr_in  in;
		struct sockaddr_in6 in6;
	} a;
	socklen_t n = sizeof(a);

	memset(&a, 0, sizeof(a));
	ALV_CHECK(getsockname(fd, &a.sa, &n) == 0);
	return ntohs(a.sa.sa_family == AF_INET6 ? a.in6.sin6_port : a.in.sin_port);
}

enum alv_err
net_listener_open(struct net_loop *loop, const char *address, uint16_t port, net_accept_fn fn, void *arg,
    struct net_listener **out, char *err, size_t err_n)
{
	struct sockaddr_storage a;
	struct net_listener    *l;
	const char	       *step;
	socklen_t		n;
	int			fd;

	if (!parse_address(address, port, &a, &n)) {
		snprintf(err, err_n, "\"%s\" is not an IPv4 or IPv6 address to listen on", address);
		return ALV_E_SYNTAX;
	}
	fd = open_socket(&a, n, &step);
	if (fd < 0) {
		snprintf(err, err_n, "cannot listen on %s port %u: %s: %s", address, (unsigned)port, step, strerror(errno));
		return ALV_E_SYSTEM;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL || net_fd_open(loop, &l->fd, fd, EPOLLIN, on_ready)) {
		snprintf(err, err_n, "cannot listen on %s port %u: out of memory", address, (unsigned)port);
		free(l);
		close(fd);
		return ALV_E_NOMEM;
	}
	l->fn = fn;
	l->arg = arg;
	l->port = bound_port(fd);
	l->spare = open_spare();
	net_timer_init(loop, &l->pause, on_pause_over);
	*out = l;
	return ALV_OK;
}

void
net_listener_dead_after(struct net_listener *l, uint32_t ms)
{
	net_dead_after(l->fd.fd, ms);
}

uint16_t
net_listener_port(const struct net_listener *l)
{
	return l->port;
}

void *
net_listener_arg(const struct net_listener *l)
{
	return l->arg;
}

uint64_t
net_listener_refused(const struct net_listener *l)
{
	return l->refused;
}

void
net_listener_close(struct net_listener *l)
{
	if (l == NULL)
		return;
	net_timer_stop(&l->pause);
	net_fd_close(&l->fd);
	if (l->spare >= 0)
		close(l->spare);
	free(l);
}
