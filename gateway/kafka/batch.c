/* Reading the front of each record batch while the bytes pass. State: either inside the front (have of 61 bytes
 * are here) or inside what follows it (skip bytes still to pass); both 0 exactly between two batches.
 * A broker may cut the last batch of a fetch short, so ending inside one is the caller's to judge. */
#include <alcove/kafka.h>

enum {
	LENGTH_AT = 8,		/* int32: bytes behind this field */
	LENGTH_END = 12,
	MAGIC_AT = 16,
	ATTRIBUTES_AT = 21,	/* int16 */
	LAST_DELTA_AT = 23,	/* int32 */
	FRONT = sizeof(((struct kfk_batches *)0)->front),
	MAGIC = 2,
	TRANSACTIONAL = 1 << 4,
	CONTROL = 1 << 5
};

static enum alv_err
read_front(struct kfk_batches *b, const uint8_t *p)
{
	int32_t	 length = (int32_t)alv_be32(p + LENGTH_AT), delta = (int32_t)alv_be32(p + LAST_DELTA_AT);
	uint16_t attributes = alv_be16(p + ATTRIBUTES_AT);
	int64_t	 base = (int64_t)alv_be64(p);

	if (p[MAGIC_AT] != MAGIC || length < FRONT - LENGTH_END || delta < 0 || base < 0 || base > INT64_MAX - delta)
		return ALV_E_VALUE;
	b->skip = (uint64_t)length - (FRONT - LENGTH_END);
	if (b->count == 0)
		b->first_offset = base;
	b->last_offset = base + delta;
	if (b->count < UINT32_MAX)
		b->count++;
	b->transactional |= (attributes & TRANSACTIONAL) != 0;
	b->control |= (attributes & CONTROL) != 0;
	return ALV_OK;
}

/* Takes what the front still lacks out of p; bytes taken. */
static size_t
fill_front(struct kfk_batches *b, const uint8_t *p, size_t n)
{
	size_t part = FRONT - b->have < n ? FRONT - b->have : n;

	memcpy(b->front + b->have, p, part);
	b->have += (uint32_t)part;
	return part;
}

enum alv_err
kfk_batches_feed(struct kfk_batches *b, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t	     part;
		enum alv_err err = ALV_OK;

		if (b->skip > 0) {
			part = b->skip < n ? (size_t)b->skip : n;
			b->skip -= part;
		} else if (b->have == 0 && n >= FRONT) {
			part = FRONT;
			err = read_front(b, p);
		} else {
			part = fill_front(b, p, n);
			if (b->have == FRONT) {
				b->have = 0;
				err = read_front(b, b->front);
			}
		}
		if (err)
			return err;
		p += part;
		n -= part;
	}
	return ALV_OK;
}
