/* Networks of addresses, as an operator writes them: "10.0.0.0/8", "2001:db8::/32", "::1". */
#ifndef ALCOVE_CIDR_H
#define ALCOVE_CIDR_H

#include <alcove/base.h>
#include <alcove/err.h>

#include <sys/socket.h>

/* IPv4 in its first four bytes. A mapped IPv4 network (::ffff:10.0.0.0/104) is the IPv4 one. */
struct alv_cidr {
	uint8_t addr[16];
	uint8_t bits;
	bool	v4;
};

/* Without "/bits" it is one address. SYNTAX: no address or no such prefix; VALUE: bits are set behind the prefix. */
enum alv_err alv_cidr_parse(struct alv_str s, struct alv_cidr *c) ALV_MUST;
/* Is one network in the other? An address is a network of its own. */
bool alv_cidr_in(const struct alv_cidr *outer, const struct alv_cidr *inner);
/* Some order: -1, 0, 1. */
int  alv_cidr_cmp(const struct alv_cidr *a, const struct alv_cidr *b);
/* An IPv4 address is in IPv4 networks only, also where an IPv6 socket shows it as ::ffff:a.b.c.d. */
bool alv_cidr_has(const struct alv_cidr *c, const struct sockaddr_storage *a);
bool alv_cidr_any(const struct alv_cidr *all, size_t n, const struct sockaddr_storage *a);
/* What tells the client at an address from others: the address, of IPv6 its first 64 bits, since whoever has one of those behind them
 * has all. Another text than an address is itself. A view of host or of *room. */
struct alv_str alv_cidr_client(struct alv_str host, struct alv_cidr *room);

#endif
