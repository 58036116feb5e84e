/* Which addresses an issuer's URL may lead to. Asked of the address that is about to be connected to, so that no name, however it is
 * resolved this time, leads to what only this machine or this network can reach. */
#include "jwks/fetch.h"

#include <alcove/str.h>

#include <arpa/inet.h>
#include <netinet/in.h>

/* RFC 6890 and what came after it. */
static const char *const private_v4[] = {
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
};
/* Of IPv6 only 2000::/3 is given to anybody; in it: tunnels that name an IPv4 address, documents, protocols' own. */
static const char *const private_v6[] = { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" };

static bool
in_any(const char *const *list, size_t n, const struct sockaddr_storage *a)
{
	for (size_t i = 0; i < n; i++) {
		struct alv_cidr net;

		if (alv_cidr_parse(alv_str_of(list[i]), &net) || alv_cidr_has(&net, a))
			return true;
	}
	return false;
}

static bool
is_public(const struct sockaddr_storage *a)
{
	static const char *const global = "2000::/3";
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	if (a->ss_family == AF_INET || (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)))
		return !in_any(private_v4, ALV_COUNT(private_v4), a);
	return a->ss_family == AF_INET6 && in_any(&global, 1, a) && !in_any(private_v6, ALV_COUNT(private_v6), a);
}

bool
jwk_address_may(const struct sockaddr *a, socklen_t n, const struct alv_cidr *allowed, size_t nallowed)
{
	struct sockaddr_storage s = { .ss_family = AF_UNSPEC };

	if (n > sizeof(s))
		return false;
	memcpy(&s, a, n);
	if (s.ss_family != AF_INET && s.ss_family != AF_INET6)
		return false;
	return alv_cidr_any(allowed, nallowed, &s) || is_public(&s);
}
