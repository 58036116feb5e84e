/* Views: comparing, checking, reading numbers. */
#include <alcove/str.h>

#include <openssl/crypto.h>

bool
alv_str_eq(struct alv_str a, struct alv_str b)
{
	if (a.p == NULL || b.p == NULL)
		return a.p == b.p;
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

bool
alv_str_eqz(struct alv_str a, const char *z)
{
	return alv_str_eq(a, alv_str_of(z));
}

bool
alv_str_starts(struct alv_str s, struct alv_str prefix)
{
	if (s.p == NULL || prefix.p == NULL)
		return false;
	return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

bool
alv_str_ends(struct alv_str s, struct alv_str suffix)
{
	if (s.p == NULL || suffix.p == NULL)
		return false;
	return s.n >= suffix.n && memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0;
}

int
alv_str_cmp(struct alv_str a, struct alv_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (r == 0)
		r = (a.n > b.n) - (a.n < b.n);
	return (r > 0) - (r < 0);
}

bool
alv_str_eq_secret(struct alv_str a, struct alv_str b)
{
	return a.p != NULL && b.p != NULL && a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

/* Bytes that follow a first byte c, and the smallest code point so many bytes may hold; -1: never first. */
static int
utf8_tail(uint8_t c, uint32_t *low)
{
	if (c < 0x80) {
		*low = 0;
		return 0;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		*low = 0x80;
		return 1;
	}
	if ((c & 0xf0) == 0xe0) {
		*low = 0x800;
		return 2;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		*low = 0x10000;
		return 3;
	}
	return -1;
}

bool
alv_str_utf8(struct alv_str s)
{
	const uint8_t *p = (const uint8_t *)s.p, *end = p + s.n;

	if (p == NULL)
		return false;
	while (p < end) {
		uint32_t low, cp;
		uint8_t	 c = *p++;
		int	 tail = utf8_tail(c, &low);

		if (tail < 0 || end - p < tail)
			return false;
		cp = tail == 0 ? c : c & (0x3fu >> tail);
		for (; tail > 0; tail--) {
			if ((*p & 0xc0) != 0x80)
				return false;
			cp = cp << 6 | (*p++ & 0x3f);
		}
		if (cp < low || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
			return false;
	}
	return true;
}

enum alv_err
alv_str_u64(struct alv_str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.p == NULL || s.n == 0)
		return ALV_E_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t d = (uint64_t)(unsigned char)s.p[i] - '0';

		if (d > 9)
			return ALV_E_SYNTAX;
		if (v > (max - d) / 10 || d > max)
			return ALV_E_RANGE;
		v = v * 10 + d;
	}
	*out = v;
	return ALV_OK;
}

uint64_t
alv_hash(const void *data, size_t n, uint64_t seed)
{
	const uint8_t *p = data;
	uint64_t       h = 0xcbf29ce484222325u ^ seed;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	return h ^ h >> 33;
}

static uint64_t
left_by(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[1] = left_by(v[1], 13) ^ v[0];
	v[0] = left_by(v[0], 32);
	v[2] += v[3];
	v[3] = left_by(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = left_by(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = left_by(v[1], 17) ^ v[2];
	v[2] = left_by(v[2], 32);
}

static void
sip_word(uint64_t v[static 4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

static uint64_t
little_endian(const uint8_t *p, size_t n)
{
	uint64_t x = 0;

	while (n-- > 0)
		x = x << 8 | p[n];
	return x;
}

uint64_t
alv_hash_keyed(const void *data, size_t n, const uint64_t key[static 2])
{
	const uint8_t *p = data;
	uint64_t       v[] = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
		key[1] ^ 0x7465646279746573u };
	size_t	       left = n;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(v, little_endian(p, 8));
	sip_word(v, (uint64_t)n << 56 | little_endian(p, left));
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

bool
alv_uuid_zero(struct alv_uuid id)
{
	static const struct alv_uuid none;

	return alv_uuid_eq(id, none);
}

void
alv_uuid_text(struct alv_uuid id, char out[static 23])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t	  bits = 0;
	int		  have = 0, n = 0;

	for (int i = 0; i < 16; i++) {
		bits = bits << 8 | id.b[i];
		for (have += 8; have >= 6; have -= 6)
			out[n++] = digits[bits >> (have - 6) & 63];
	}
	out[n++] = digits[bits << (6 - have) & 63];
	out[n] = '\0';
}
