/* Reading the PROXY protocol. Invariants: nothing is read beyond n; a header says one thing only (one blank between words,
 * no leading zeros, no second spelling); what is not understood is refused, but for what the protocol says to skip. */
#include "net/proxy_protocol.h"

#include <alcove/str.h>

#include <arpa/inet.h>
#include <netinet/in.h>

static enum net_proxy_step
bad(struct net_proxy_head *h, const char *why)
{
	h->why = why;
	h->known = false;
	return NET_PROXY_BAD;
}

static void
set_source(struct net_proxy_head *h, int family, const void *addr, uint16_t port)
{
	struct sockaddr_in  *v4 = (struct sockaddr_in *)&h->source;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&h->source;

	h->known = true;
	h->source.ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		memcpy(&v4->sin_addr, addr, sizeof(v4->sin_addr));
		v4->sin_port = htons(port);
	} else {
		memcpy(&v6->sin6_addr, addr, sizeof(v6->sin6_addr));
		v6->sin6_port = htons(port);
	}
}

/* ---- version 1: "PROXY TCP4 192.0.2.1 198.51.100.1 56324 9092\r\n" --------------------------------- */

/* The word at the front of *rest, and the blank behind it; empty where there is none. */
static struct alv_str
next_word(struct alv_str *rest)
{
	const char    *blank = rest->n == 0 ? NULL : memchr(rest->p, ' ', rest->n);
	struct alv_str word = alv_str_make(rest->p, blank == NULL ? rest->n : (size_t)(blank - rest->p));

	*rest = blank == NULL ? ALV_STR("") : alv_str_make(blank + 1, rest->n - word.n - 1);
	return word;
}

static bool
read_address(struct alv_str word, int family, uint8_t out[static 16])
{
	char text[INET6_ADDRSTRLEN];

	if (word.n == 0 || word.n >= sizeof(text))
		return false;
	memcpy(text, word.p, word.n);
	text[word.n] = '\0';
	return inet_pton(family, text, out) == 1;
}

static bool
read_port(struct alv_str word, uint16_t *port)
{
	uint64_t v;

	if ((word.n > 1 && word.p[0] == '0') || alv_str_u64(word, UINT16_MAX, &v))
		return false;
	*port = (uint16_t)v;
	return true;
}

/* line: what stands between "PROXY " and the line's end. */
static enum net_proxy_step
read_line(struct alv_str line, struct net_proxy_head *h)
{
	struct alv_str family = next_word(&line), from, to, from_port, to_port;
	uint8_t	       source[16], unused[16];
	uint16_t       port, other;
	int	       af = alv_str_eqz(family, "TCP4") ? AF_INET : AF_INET6;

	if (alv_str_eqz(family, "UNKNOWN"))
		return NET_PROXY_DONE;
	if (af == AF_INET6 && !alv_str_eqz(family, "TCP6"))
		return bad(h, "PROXY v1: found another word than TCP4, TCP6 or UNKNOWN");
	from = next_word(&line);
	to = next_word(&line);
	from_port = next_word(&line);
	to_port = line;
	if (!read_address(from, af, source) || !read_address(to, af, unused))
		return bad(h, "PROXY v1: an address is not one");
	if (!read_port(from_port, &port) || !read_port(to_port, &other))
		return bad(h, "PROXY v1: a port is not one");
	set_source(h, af, source, port);
	return NET_PROXY_DONE;
}

static enum net_proxy_step
read_v1(const uint8_t *p, size_t n, struct net_proxy_head *h)
{
	static const char head[] = "PROXY ";
	size_t		  lead = sizeof(head) - 1, seen = n < NET_PROXY_V1_MAX ? n : NET_PROXY_V1_MAX;
	const uint8_t	 *end;

	if (memcmp(p, head, seen < lead ? seen : lead) != 0)
		return bad(h, "no PROXY header");
	end = memchr(p, '\n', seen);
	if (end == NULL)
		return seen == NET_PROXY_V1_MAX ? bad(h, "PROXY v1: no end of line within 107 bytes") : NET_PROXY_MORE;
	if (end[-1] != '\r')
		return bad(h, "PROXY v1: a line feed without carriage return");
	h->size = (size_t)(end - p) + 1;
	return read_line(alv_str_make(p + lead, h->size - lead - 2), h);
}

/* ---- version 2: binary ---------------------------------------------------------------------------- */

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21, V2_STREAM = 1, V2_DATAGRAM = 2, V2_CRC32C = 3 };

static const uint8_t v2_mark[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

/* Of the whole header, its own four bytes (at `hole`) counted as zero. Headers are short: no table. */
static uint32_t
crc32c(const uint8_t *p, size_t n, size_t hole)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= i - hole < 4 ? 0 : p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

/* The further fields: lengths must fit, a checksum must hold, the rest is skipped. */
static enum net_proxy_step
read_fields(const uint8_t *p, size_t at, size_t n, struct net_proxy_head *h)
{
	while (at < n) {
		size_t left = n - at, len = left < 3 ? 0 : alv_be16(p + at + 1);

		if (left < 3 + len)
			return bad(h, "PROXY v2: a field is longer than the header");
		if (p[at] == V2_CRC32C && (len != 4 || alv_be32(p + at + 3) != crc32c(p, n, at + 3)))
			return bad(h, "PROXY v2: the checksum does not hold");
		at += 3 + len;
	}
	return NET_PROXY_DONE;
}

static enum net_proxy_step
read_addresses(const uint8_t *p, struct net_proxy_head *h)
{
	static const struct { size_t bytes; int family; } kinds[] = { { 0, 0 }, { 12, AF_INET }, { 36, AF_INET6 }, { 216, 0 } };
	unsigned	     family = p[13] >> 4, transport = p[13] & 15;
	const uint8_t	    *body = p + NET_PROXY_V2_HEAD;
	size_t		     bytes;
	enum net_proxy_step  step;

	if (family >= ALV_COUNT(kinds) || transport > V2_DATAGRAM)
		return bad(h, "PROXY v2: an address family or transport that is not known");
	bytes = kinds[family].bytes;
	if (h->size - NET_PROXY_V2_HEAD < bytes)
		return bad(h, "PROXY v2: too short for its addresses");
	if (family == 0)
		return NET_PROXY_DONE;
	step = read_fields(p, NET_PROXY_V2_HEAD + bytes, h->size, h);
	if (step == NET_PROXY_DONE && kinds[family].family != 0 && transport == V2_STREAM)
		set_source(h, kinds[family].family, body, alv_be16(body + bytes - 4));
	return step;
}

static enum net_proxy_step
read_v2(const uint8_t *p, size_t n, struct net_proxy_head *h)
{
	size_t len;

	if (memcmp(p, v2_mark, n < sizeof(v2_mark) ? n : sizeof(v2_mark)) != 0)
		return bad(h, "no PROXY header");
	if (n > 12 && p[12] != V2_LOCAL && p[12] != V2_PROXY)
		return bad(h, "PROXY v2: a version or command that is not known");
	if (n < NET_PROXY_V2_HEAD)
		return NET_PROXY_MORE;
	len = alv_be16(p + 14);
	if (len > NET_PROXY_V2_BODY_MAX)
		return bad(h, "PROXY v2: a header of more than 1024 bytes");
	if (n < NET_PROXY_V2_HEAD + len)
		return NET_PROXY_MORE;
	h->size = NET_PROXY_V2_HEAD + len;
	return p[12] == V2_LOCAL ? NET_PROXY_DONE : read_addresses(p, h);
}

enum net_proxy_step
net_proxy_read(const uint8_t *p, size_t n, unsigned versions, struct net_proxy_head *h)
{
	*h = (struct net_proxy_head){ .size = 0 };
	if (n == 0)
		return NET_PROXY_MORE;
	if (p[0] == v2_mark[0] && versions & NET_PROXY_V2)
		return read_v2(p, n, h);
	if (p[0] == 'P' && versions & NET_PROXY_V1)
		return read_v1(p, n, h);
	return bad(h, "no PROXY header of a version that is taken here");
}
