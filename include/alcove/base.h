/* The words every part of Alcove speaks: annotations, byte order, views, uuids.
 * Knows libc only. */
#ifndef ALCOVE_BASE_H
#define ALCOVE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The caller must look at the result: ignoring an error does not compile. */
#define ALV_MUST	 __attribute__((warn_unused_result))
#define ALV_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ALV_COUNT(a)	 (sizeof(a) / sizeof((a)[0]))

/* The struct that holds `member` at `ptr`. */
#define ALV_HOLDER(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Bytes that somebody else owns and keeps alive. Not NUL-terminated, may hold NULs.
 * p is NULL exactly where the field is null; an empty value has p != NULL and n == 0. */
struct alv_str {
	const char *p;
	size_t	    n;
};

#define ALV_STR(lit)	((struct alv_str){ "" lit, sizeof(lit) - 1 })
#define ALV_STR_NULL	((struct alv_str){ NULL, 0 })
/* For printf's "%.*s". */
#define ALV_STR_ARG(s)	(int)(s).n, (s).p == NULL ? "" : (s).p

/* A Kafka uuid: 16 bytes in network order. All zero means "none". */
struct alv_uuid {
	uint8_t b[16];
};

static inline uint16_t
alv_be16(const uint8_t *p)
{
	return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}

static inline uint32_t
alv_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t
alv_be64(const uint8_t *p)
{
	return (uint64_t)alv_be32(p) << 32 | alv_be32(p + 4);
}

static inline void
alv_put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
alv_put_be32(uint8_t *p, uint32_t v)
{
	alv_put_be16(p, (uint16_t)(v >> 16));
	alv_put_be16(p + 2, (uint16_t)v);
}

static inline void
alv_put_be64(uint8_t *p, uint64_t v)
{
	alv_put_be32(p, (uint32_t)(v >> 32));
	alv_put_be32(p + 4, (uint32_t)v);
}

#endif
