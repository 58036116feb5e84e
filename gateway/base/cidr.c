/* Networks: parsing, and whether an address is in one. Addresses are compared in one form, 4 or 16 bytes, so that a client
 * is the same whichever socket took it. */
#include <alcove/cidr.h>
#include <alcove/str.h>

#include <arpa/inet.h>
#include <netinet/in.h>

static bool
mapped(const uint8_t a[static 16])
{
	static const uint8_t head[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(a, head, sizeof(head)) == 0;
}

static bool
parse_address(struct alv_str s, struct alv_cidr *c)
{
	char text[INET6_ADDRSTRLEN];

	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	c->v4 = inet_pton(AF_INET, text, c->addr) == 1;
	return c->v4 || inet_pton(AF_INET6, text, c->addr) == 1;
}

/* No bit is set from `bits` on. */
static bool
clean_behind(const struct alv_cidr *c, unsigned bits)
{
	for (unsigned i = bits; i < (c->v4 ? 32u : 128u); i++)
		if (c->addr[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

enum alv_err
alv_cidr_parse(struct alv_str s, struct alv_cidr *c)
{
	const char *slash = s.n == 0 ? NULL : memchr(s.p, '/', s.n);
	size_t	    n = slash == NULL ? s.n : (size_t)(slash - s.p);
	uint64_t    bits;

	*c = (struct alv_cidr){ .bits = 0 };
	if (!parse_address(alv_str_make(s.p, n), c))
		return ALV_E_SYNTAX;
	bits = c->v4 ? 32 : 128;
	if (slash != NULL && alv_str_u64(alv_str_make(slash + 1, s.n - n - 1), bits, &bits))
		return ALV_E_SYNTAX;
	if (!clean_behind(c, (unsigned)bits))
		return ALV_E_VALUE;
	if (!c->v4 && mapped(c->addr) && bits >= 96) {
		memmove(c->addr, c->addr + 12, 4);
		memset(c->addr + 4, 0, 12);
		bits -= 96;
		c->v4 = true;
	}
	c->bits = (uint8_t)bits;
	return ALV_OK;
}

/* The first bits of an address of the same family. */
static bool
begins(const struct alv_cidr *c, const uint8_t *p)
{
	unsigned whole = c->bits / 8, rest = c->bits % 8;

	if (memcmp(p, c->addr, whole) != 0)
		return false;
	return rest == 0 || (p[whole] ^ c->addr[whole]) >> (8 - rest) == 0;
}

bool
alv_cidr_in(const struct alv_cidr *outer, const struct alv_cidr *inner)
{
	return outer->v4 == inner->v4 && outer->bits <= inner->bits && begins(outer, inner->addr);
}

int
alv_cidr_cmp(const struct alv_cidr *a, const struct alv_cidr *b)
{
	int r = (a->v4 > b->v4) - (a->v4 < b->v4);

	if (r == 0)
		r = memcmp(a->addr, b->addr, sizeof(a->addr));
	if (r == 0)
		r = (a->bits > b->bits) - (a->bits < b->bits);
	return (r > 0) - (r < 0);
}

bool
alv_cidr_has(const struct alv_cidr *c, const struct sockaddr_storage *a)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
	const uint8_t		  *p;
	bool			   v4 = a->ss_family == AF_INET;

	if (v4) {
		p = (const uint8_t *)&((const struct sockaddr_in *)a)->sin_addr;
	} else if (a->ss_family == AF_INET6) {
		v4 = mapped(v6->sin6_addr.s6_addr);
		p = v6->sin6_addr.s6_addr + (v4 ? 12 : 0);
	} else {
		return false;
	}
	return v4 == c->v4 && begins(c, p);
}

struct alv_str
alv_cidr_client(struct alv_str host, struct alv_cidr *room)
{
	enum { OF_IPV4 = 4, OF_IPV6 = 8 };

	return alv_cidr_parse(host, room) ? host : alv_str_make((const char *)room->addr, room->v4 ? OF_IPV4 : OF_IPV6);
}

bool
alv_cidr_any(const struct alv_cidr *all, size_t n, const struct sockaddr_storage *a)
{
	for (size_t i = 0; i < n; i++)
		if (alv_cidr_has(&all[i], a))
			return true;
	return false;
}
