/* Unsigned varints of at most 32 bits, as compact lengths, counts and tags have them. Only the shortest form is
 * read: two spellings of one value would let bytes pass that a comparison of frames does not see. */
#ifndef KAFKA_VARINT_H
#define KAFKA_VARINT_H

#include <alcove/base.h>

enum { KFK_VARINT_MAX = 5 };

/* Bytes used; 0: the n bytes do not end it; -1: longer than needed, or beyond 32 bits. */
static inline int
kfk_varint_read(const uint8_t *p, size_t n, uint32_t *out)
{
	uint32_t v = 0;

	for (int i = 0; i < KFK_VARINT_MAX; i++) {
		uint8_t b;

		if ((size_t)i == n)
			return 0;
		b = p[i];
		if (i == KFK_VARINT_MAX - 1 && b > 0x0f)
			return -1;
		v |= (uint32_t)(b & 0x7f) << 7 * i;
		if (b < 0x80) {
			*out = v;
			return b == 0 && i > 0 ? -1 : i + 1;
		}
	}
	return -1;
}

/* Bytes written: 1 to KFK_VARINT_MAX. */
static inline int
kfk_varint_write(uint8_t p[static KFK_VARINT_MAX], uint32_t v)
{
	int i = 0;

	for (; v >= 0x80; v >>= 7)
		p[i++] = (uint8_t)(v | 0x80);
	p[i++] = (uint8_t)v;
	return i;
}

#endif
