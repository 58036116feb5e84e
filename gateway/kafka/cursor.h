/* A reader over flat bytes or a chain that remembers its first failure, for the small and the oddly shaped:
 * headers and embedded messages. After a failure every read gives zeros and nothing moves. */
#ifndef KAFKA_CURSOR_H
#define KAFKA_CURSOR_H

#include <alcove/buf.h>
#include <alcove/err.h>
#include <alcove/str.h>

struct kfk_cursor {
	const struct alv_piece *next;	/* where bytes go on behind `end`; NULL: nowhere */
	const uint8_t	       *p, *end;
	size_t			left;	/* bytes in all that can still be read */
	enum alv_err		err;
};

void kfk_cursor_flat(struct kfk_cursor *c, struct alv_str s);
void kfk_cursor_chain(struct kfk_cursor *c, const struct alv_chain *in);
/* SHORT where fewer than n are left. */
void kfk_cursor_copy(struct kfk_cursor *c, void *out, size_t n);
void kfk_cursor_skip(struct kfk_cursor *c, size_t n);
uint16_t kfk_cursor_be16(struct kfk_cursor *c);
uint32_t kfk_cursor_be32(struct kfk_cursor *c);
/* At most 5 bytes and 32 bits, no longer than needed; else VARINT. */
uint32_t kfk_cursor_uvarint(struct kfk_cursor *c);
/* A string with an int16 length in front, copied into the arena; null where the length is -1. */
struct alv_str kfk_cursor_str16(struct kfk_cursor *c, struct alv_arena *a);
/* Passes a section of tagged fields, all unknown: counts them. Order and lengths are checked. */
uint32_t kfk_cursor_tags(struct kfk_cursor *c);

#endif
