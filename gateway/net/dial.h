/* Sockets towards somebody: from which address, and how long a silent peer is believed to live. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <alcove/base.h>

#include <sys/socket.h>

enum { NET_SOURCES_MAX = 64 };

/* Where connections come from: one address has some 28,000 ports towards one broker (net.ipv4.ip_local_port_range). One
 * for each loop: `next` is not shared. */
struct net_sources {
	size_t			n, next;
	struct sockaddr_storage addr[NET_SOURCES_MAX];
};

/* Texts of addresses, IPv4 or IPv6. False: one is none, or there are too many. */
bool net_sources_parse(struct net_sources *s, const char *const *text, size_t n) ALV_MUST;
/* The first that this machine does not have, or that is too many; NULL: all will do. */
const char *net_sources_missing(const char *const *text, size_t n) ALV_MUST;

/* A socket on its way to `to`, from the next source of that family that has a port left; a family without a source is left
 * to the system. s may be NULL. -1: there is no socket. *e: why connecting failed already, 0: it goes on. */
int net_dial(struct net_sources *s, const struct sockaddr *to, socklen_t n, int *e) ALV_MUST;

/* Is the connected fd its own peer? A port that nobody listens at and that the system gives to clients may be given to the
 * very socket that is on its way to it, and TCP lets it meet itself: it would hear its own words as answers, and hold the
 * port against whoever ought to listen there. true: closing it resets it, so that the port is free at once. */
bool net_dial_itself(int fd, const struct sockaddr_storage *to) ALV_MUST;

/* A peer from which nothing is heard for so long is gone: what we sent is not acknowledged (TCP_USER_TIMEOUT; also if it
 * takes nothing any more), or, where nothing is said, it does not answer the kernel's questions (keepalive). 0: as the
 * system does it. Sockets that are no TCP are left alone. */
void net_dead_after(int fd, uint32_t ms);

#endif
