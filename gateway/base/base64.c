/* Base64. Strict: two different texts never give the same bytes, so nobody can vary what was signed. */
#include <alcove/base64.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
alv_base64_encode(const void *data, size_t n, char *out)
{
	const uint8_t *p = data;
	char	      *to = out;

	for (size_t i = 0; i < n; i += 3) {
		size_t	 have = n - i < 3 ? n - i : 3;
		uint32_t bits = (uint32_t)p[i] << 16;

		if (have > 1)
			bits |= (uint32_t)p[i + 1] << 8;
		if (have > 2)
			bits |= p[i + 2];
		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = '=';
		*to++ = '=';
		if (have > 1)
			to[-2] = digits[bits >> 6 & 63];
		if (have > 2)
			to[-1] = digits[bits & 63];
	}
	*to = '\0';
	return (size_t)(to - out);
}

/* Without a branch or a look-up by value: keys pass through here. -1: not a digit. */
static int
digit_value(uint8_t c)
{
	int v = -1;

	v += (int)(c >= 'A' && c <= 'Z') * (c - 'A' + 1);
	v += (int)(c >= 'a' && c <= 'z') * (c - 'a' + 27);
	v += (int)(c >= '0' && c <= '9') * (c - '0' + 53);
	v += (int)(c == '+') * 63;
	v += (int)(c == '/') * 64;
	return v;
}

static uint8_t
as_it_is(uint8_t c)
{
	return c;
}

/* The two digits that differ; what stands in their places is foreign. (No secret is written this way.) */
static uint8_t
of_url(uint8_t c)
{
	return c == '-' ? '+' : c == '_' ? '/' : c == '+' || c == '/' ? '!' : c;
}

/* chars digits, without padding. */
static enum alv_err
decode(const char *p, size_t chars, uint8_t (*plain)(uint8_t c), void *out, size_t cap, size_t *n)
{
	uint8_t *to = out;
	size_t	 bytes = chars / 4 * 3 + (chars % 4 == 0 ? 0 : chars % 4 - 1), have = 0;
	uint32_t bits = 0;

	if (bytes > cap)
		return ALV_E_LIMIT;
	for (size_t i = 0; i < chars; i++) {
		int v = digit_value(plain((uint8_t)p[i]));

		if (v < 0)
			return ALV_E_SYNTAX;
		bits = (bits << 6 | (uint32_t)v) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*to++ = (uint8_t)(bits >> have);
		}
	}
	if ((bits & ((1u << have) - 1)) != 0)
		return ALV_E_SYNTAX;
	*n = bytes;
	return ALV_OK;
}

enum alv_err
alv_base64_decode(struct alv_str s, void *out, size_t cap, size_t *n)
{
	size_t chars = s.n;

	*n = 0;
	if (s.n % 4 != 0)
		return ALV_E_SYNTAX;
	while (s.n - chars < 2 && chars > 0 && s.p[chars - 1] == '=')
		chars--;
	return decode(s.p, chars, as_it_is, out, cap, n);
}

enum alv_err
alv_base64url_decode(struct alv_str s, void *out, size_t cap, size_t *n)
{
	*n = 0;
	return s.n % 4 == 1 ? ALV_E_SYNTAX : decode(s.p, s.n, of_url, out, cap, n);
}
