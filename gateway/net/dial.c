/* See dial.h. Invariants: a socket is bound to an address but not to a port (IP_BIND_ADDRESS_NO_PORT), so that the kernel
 * picks the port knowing the peer, and one port serves for several brokers; a source without a free port is passed over,
 * never waited for. */
#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static socklen_t
size_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

bool
net_sources_parse(struct net_sources *s, const char *const *text, size_t n)
{
	*s = (struct net_sources){ .n = 0 };
	for (; s->n < n; s->n++) {
		struct sockaddr_storage *a = &s->addr[s->n];
		struct sockaddr_in6	*v6 = (struct sockaddr_in6 *)a;

		if (s->n == NET_SOURCES_MAX)
			return false;
		a->ss_family = AF_INET;
		if (inet_pton(AF_INET, text[s->n], &((struct sockaddr_in *)a)->sin_addr) == 1)
			continue;
		a->ss_family = AF_INET6;
		if (inet_pton(AF_INET6, text[s->n], &v6->sin6_addr) != 1)
			return false;
	}
	return true;
}

static bool
is_here(const struct sockaddr_storage *a)
{
	int  fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool here = fd >= 0 && bind(fd, (const struct sockaddr *)a, size_of(a)) == 0;

	if (fd >= 0)
		close(fd);
	return here;
}

const char *
net_sources_missing(const char *const *text, size_t n)
{
	struct net_sources s;

	if (n == 0)
		return NULL;
	if (!net_sources_parse(&s, text, n))
		return text[s.n];
	for (size_t i = 0; i < n; i++)
		if (!is_here(&s.addr[i]))
			return text[i];
	return NULL;
}

void
net_dead_after(int fd, uint32_t ms)
{
	const int on = 1, probes = 3;
	int	  idle = (int)(ms / 2000), between = (int)(ms / 6000);

	if (ms == 0)
		return;
	idle = idle < 1 ? 1 : idle;
	between = between < 1 ? 1 : between;
	/* None of them can fail on TCP, and elsewhere there is nothing to watch. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof(between));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

/* The next source of the family; NULL: there is none. Those of the other family stay in turn. */
static const struct sockaddr_storage *
next_source(struct net_sources *s, sa_family_t family)
{
	for (size_t i = 0; s != NULL && i < s->n; i++) {
		const struct sockaddr_storage *a = &s->addr[s->next++ % s->n];

		if (a->ss_family == family)
			return a;
	}
	return NULL;
}

/* -1 with errno: this source will not do. */
static int
open_from(const struct sockaddr_storage *from, sa_family_t family)
{
	const int on = 1;
	int	  fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), e;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (from == NULL)
		return fd;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)from, size_of(from)) == 0)
		return fd;
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

static bool
same_end(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in  *a4 = (const struct sockaddr_in *)a, *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a, *b6 = (const struct sockaddr_in6 *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

bool
net_dial_itself(int fd, const struct sockaddr_storage *to)
{
	const struct linger	none = { .l_onoff = 1, .l_linger = 0 };
	struct sockaddr_storage own;
	socklen_t		n = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &n) != 0 || !same_end(&own, to))
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));	/* no TIME_WAIT at that port */
	return true;
}

int
net_dial(struct net_sources *s, const struct sockaddr *to, socklen_t n, int *e)
{
	size_t tries = s == NULL || s->n == 0 ? 1 : s->n;
	int    fd = -1;

	for (size_t i = 0; i < tries; i++) {
		if (fd >= 0)
			close(fd);
		*e = 0;
		fd = open_from(next_source(s, to->sa_family), to->sa_family);
		if (fd < 0 || (connect(fd, to, n) != 0 && errno != EINPROGRESS))
			*e = errno;
		if (*e != EADDRNOTAVAIL)
			break;
	}
	return fd;
}
