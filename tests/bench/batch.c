/* Record batches (format v2). The values come from a fixed seed, so that the two ends of a relay make the same bytes
 * and each can tell whether what arrived is what was sent. */
#include "bench.h"

enum { AT_LENGTH = 8, AT_MAGIC = 16, AT_CRC = 17, AT_ATTRIBUTES = 21, LOOK_EVERY = 512, LOOK = 8 };

static uint32_t
crc32c(const uint8_t *p, size_t n)
{
	uint32_t c = UINT32_MAX;

	while (n-- > 0) {
		c ^= *p++;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
	}
	return ~c;
}

static void
put_varint(struct alv_buf *b, int32_t v)
{
	bench_put_uvarint(b, (uint32_t)v << 1 ^ (uint32_t)(v >> 31));
}

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void
put_record(struct alv_buf *b, uint32_t index, size_t value_n, uint64_t *seed)
{
	struct alv_buf body;

	alv_buf_init(&body, value_n + 64);
	alv_buf_byte(&body, 0);
	put_varint(&body, 0);
	put_varint(&body, (int32_t)index);
	put_varint(&body, -1);
	put_varint(&body, (int32_t)value_n);
	for (size_t left = value_n; left > 0;) {
		uint64_t r = next(seed);
		size_t	 part = left < sizeof(r) ? left : sizeof(r);

		alv_buf_add(&body, &r, part);
		left -= part;
	}
	put_varint(&body, 0);
	put_varint(b, (int32_t)body.n);
	alv_buf_add(b, body.p, body.n);
	alv_buf_fini(&body);
}

static struct bench_batch
make(size_t limit, size_t value_n)
{
	struct alv_buf b;
	uint64_t       seed = UINT64_C(0x9e3779b97f4a7c15), now_ms = bench_wall_ns() / 1000000;
	uint32_t       n = 0;
	static const uint8_t head[BENCH_BATCH_HEAD];

	alv_buf_init(&b, limit + value_n + 256);
	alv_buf_add(&b, head, sizeof(head));
	do {
		put_record(&b, n++, value_n, &seed);
	} while (b.n + value_n + 16 <= limit);
	if (b.err)
		bench_die("no memory for a batch");
	alv_put_be32(b.p + AT_LENGTH, (uint32_t)(b.n - 12));
	b.p[AT_MAGIC] = 2;
	alv_put_be32(b.p + AT_ATTRIBUTES + 2, n - 1);
	alv_put_be64(b.p + 27, now_ms);
	alv_put_be64(b.p + 35, now_ms);
	memset(b.p + 43, 0xff, 14);	/* no producer id, epoch, sequence */
	alv_put_be32(b.p + 57, n);
	alv_put_be32(b.p + AT_CRC, crc32c(b.p + AT_ATTRIBUTES, b.n - AT_ATTRIBUTES));
	return (struct bench_batch){ .p = b.p, .n = b.n, .records = n };
}

static const struct {
	size_t limit, value_n;
} kinds[BENCH_KINDS] = {
	[BENCH_BULK] = { 128 * 1024, 1024 },
	[BENCH_ONE] = { 0, 1024 },
	[BENCH_SMALL] = { 0, 100 },
	[BENCH_HALF] = { 64 * 1024, 1024 },
};

const struct bench_batch *
bench_batch(enum bench_kind k)
{
	static struct bench_batch made[BENCH_KINDS];

	for (size_t i = 0; made[k].p == NULL && i < BENCH_KINDS; i++)
		made[i] = make(kinds[i].limit, kinds[i].value_n);
	return &made[k];
}

const struct bench_batch *
bench_batch_of(size_t n)
{
	for (enum bench_kind k = 0; k < BENCH_KINDS; k++) {
		if (bench_batch(k)->n == n)
			return bench_batch(k);
	}
	return NULL;
}

static bool
looks_equal(const struct bench_batch *b, const uint8_t *p, size_t n)
{
	if (n > AT_CRC && (alv_be32(p + AT_LENGTH) != b->n - 12 || p[AT_MAGIC] != 2))
		return false;
	for (size_t at = BENCH_BATCH_HEAD; at + LOOK <= n; at += LOOK_EVERY) {
		if (memcmp(p + at, b->p + at, LOOK) != 0)
			return false;
	}
	return n < b->n || memcmp(p + b->n - LOOK, b->p + b->n - LOOK, LOOK) == 0;
}

uint32_t
bench_batch_check(const struct bench_batch *b, const uint8_t *p, size_t n, bool cut)
{
	uint32_t found = 0;

	while (n > 0) {
		size_t part = n < b->n ? n : b->n;

		if (!looks_equal(b, p, part) || (part < b->n && !cut))
			return 0;
		found += part == b->n;
		p += part;
		n -= part;
	}
	return found;
}
