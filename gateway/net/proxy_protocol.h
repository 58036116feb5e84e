/* The PROXY protocol, versions 1 and 2: a load balancer's words on whose connection it passes on, before the client's
 * first byte. A pure function over the bytes that came so far; whoever has more asks again with all of them. */
#ifndef NET_PROXY_PROTOCOL_H
#define NET_PROXY_PROTOCOL_H

#include <alcove/cidr.h>

enum { NET_PROXY_V1 = 1, NET_PROXY_V2 = 2 };

/* Version 1 is one line of text; version 2 has 16 bytes in front of addresses and further fields, of which so many are
 * taken (65,535 would be possible). */
enum { NET_PROXY_V1_MAX = 107, NET_PROXY_V2_HEAD = 16, NET_PROXY_V2_BODY_MAX = 1024,
	NET_PROXY_MAX = NET_PROXY_V2_HEAD + NET_PROXY_V2_BODY_MAX };

/* What a listener wants in front of everything else, and from whom. */
struct net_proxy_rule {
	unsigned	       versions;	/* NET_PROXY_V1 | NET_PROXY_V2 */
	const struct alv_cidr *trusted;
	size_t		       ntrusted;
};

enum net_proxy_step { NET_PROXY_MORE, NET_PROXY_DONE, NET_PROXY_BAD };

struct net_proxy_head {
	size_t			size;	/* DONE: what belongs to the header; behind it the client begins */
	bool			known;	/* false (LOCAL, UNKNOWN, no address of TCP): the connection's own address counts */
	struct sockaddr_storage source;	/* the client's, where it is known */
	const char	       *why;	/* BAD: static words */
};

/* p: the n bytes since the connection began; more of the client's may follow. MORE never comes for NET_PROXY_MAX bytes.
 * What was BAD stays BAD, and what is DONE stays the same, however many bytes follow. */
enum net_proxy_step net_proxy_read(const uint8_t *p, size_t n, unsigned versions, struct net_proxy_head *h) ALV_MUST;

#endif
