/* Hosts, domains and "host:port" as an operator writes them. Nothing is looked up. */
#include "policies/option.h"

#include <alcove/str.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

enum { LABEL_MAX = 63, DOMAIN_MAX = 253 };

static bool
letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
label_legal(struct alv_str s)
{
	if (s.n == 0 || s.n > LABEL_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!letter_or_digit(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

static bool
is_address(struct alv_str s, int family)
{
	char	text[64];
	uint8_t out[16];

	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(family, text, out) == 1;
}

bool
pol_domain_legal(struct alv_str s)
{
	if (s.n == 0 || s.n > DOMAIN_MAX || is_address(s, AF_INET))
		return false;
	for (;;) {
		const char *dot = memchr(s.p, '.', s.n);
		size_t	    n = dot == NULL ? s.n : (size_t)(dot - s.p);

		if (!label_legal(alv_str_make(s.p, n)))
			return false;
		if (dot == NULL)
			return true;
		s = alv_str_make(dot + 1, s.n - n - 1);
	}
}

/* Names made of digits and dots alone would be addresses with a slip of the pen. */
bool
pol_host_legal(struct alv_str s)
{
	size_t numeric = 0;

	while (numeric < s.n && ((s.p[numeric] >= '0' && s.p[numeric] <= '9') || s.p[numeric] == '.'))
		numeric++;
	if (numeric == s.n)
		return is_address(s, AF_INET);
	return is_address(s, AF_INET6) || pol_domain_legal(s);
}

size_t
pol_address_bytes(struct alv_str s, uint8_t out[static 16])
{
	char text[64];

	if (s.n == 0 || s.n >= sizeof(text))
		return 0;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET, text, out) == 1 ? 4 : inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

bool
pol_bind_parse(struct alv_str s, uint64_t lo, uint64_t hi, struct pol_bind *out)
{
	const char    *colon = memrchr(s.p, ':', s.n);
	struct alv_str host, port;
	uint64_t       v;

	*out = (struct pol_bind){ .port = 0 };
	if (colon == NULL)
		return false;
	host = alv_str_make(s.p, (size_t)(colon - s.p));
	port = alv_str_make(colon + 1, s.n - host.n - 1);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		host = alv_str_make(host.p + 1, host.n - 2);
		if (!is_address(host, AF_INET6))
			return false;
	} else if (memchr(host.p, ':', host.n) != NULL || !pol_host_legal(host)) {
		return false;
	}
	if (host.n >= sizeof(out->host) || alv_str_u64(port, hi, &v) || v < lo)
		return false;
	memcpy(out->host, host.p, host.n);
	out->port = (uint16_t)v;
	return true;
}

bool
pol_host_loopback(const char *host)
{
	struct in6_addr v6;
	struct in_addr	v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcasecmp(host, "localhost") == 0;
}

bool
pol_host_wildcard(const char *host)
{
	struct in6_addr v6;
	struct in_addr	v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return v4.s_addr == INADDR_ANY;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6);
}

/* 4 or 6, and 16 bytes in one spelling; 0: a name. */
static int
address_of(const char *host, uint8_t out[static 16])
{
	memset(out, 0, 16);
	return inet_pton(AF_INET, host, out) == 1 ? 4 : inet_pton(AF_INET6, host, out) == 1 ? 6 : 0;
}

bool
pol_host_overlap(const char *a, const char *b)
{
	static const uint8_t none[16];
	uint8_t		     x[16], y[16];
	int		     fx = address_of(a, x), fy = address_of(b, y);
	bool		     wild_x = fx != 0 && memcmp(x, none, 16) == 0, wild_y = fy != 0 && memcmp(y, none, 16) == 0;

	if (fx == 0 || fy == 0)
		return wild_x || wild_y || strcasecmp(a, b) == 0;
	if ((wild_x && fx == 6) || (wild_y && fy == 6))
		return true;
	return fx == fy && (wild_x || wild_y || memcmp(x, y, 16) == 0);
}
