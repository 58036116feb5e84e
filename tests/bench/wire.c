/* Kafka's primitive types, and the two headers. */
#include "bench.h"

uint64_t
bench_get(struct bench_in *r, size_t bytes)
{
	const uint8_t *p = bench_get_bytes(r, bytes);
	uint64_t       v = 0;

	for (size_t i = 0; p != NULL && i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

uint32_t
bench_get_uvarint(struct bench_in *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint64_t b = bench_get(r, 1);

		v |= (b & 127) << shift;
		if (b < 128)
			return (uint32_t)v;
	}
	r->bad = true;
	return 0;
}

const uint8_t *
bench_get_bytes(struct bench_in *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->n -= n;
	return p;
}

static size_t
length_of(struct bench_in *r, bool compact, size_t bytes, bool *null)
{
	uint32_t v = compact ? bench_get_uvarint(r) : (uint32_t)bench_get(r, bytes);

	*null = compact ? v == 0 : v == (bytes == 2 ? UINT16_MAX : UINT32_MAX);
	if (*null)
		return 0;
	return compact ? v - 1 : v;
}

struct alv_str
bench_get_str(struct bench_in *r, bool compact)
{
	bool   null;
	size_t n = length_of(r, compact, 2, &null);

	return null ? ALV_STR_NULL : (struct alv_str){ (const char *)bench_get_bytes(r, n), n };
}

uint32_t
bench_get_count(struct bench_in *r, bool compact)
{
	bool null;

	return (uint32_t)length_of(r, compact, 4, &null);
}

struct bench_in
bench_get_blob(struct bench_in *r, bool compact)
{
	bool   null;
	size_t n = length_of(r, compact, 4, &null);

	return (struct bench_in){ .p = bench_get_bytes(r, n), .n = r->bad ? 0 : n, .bad = r->bad };
}

void
bench_get_tags(struct bench_in *r, bool flexible)
{
	uint32_t n = flexible ? bench_get_uvarint(r) : 0;

	for (; n > 0 && !r->bad; n--) {
		(void)bench_get_uvarint(r);
		(void)bench_get_bytes(r, bench_get_uvarint(r));
	}
}

/* ---- writing -------------------------------------------------------------------------------- */

void
bench_put_be64(struct alv_buf *b, uint64_t v)
{
	alv_buf_be32(b, (uint32_t)(v >> 32));
	alv_buf_be32(b, (uint32_t)v);
}

void
bench_put_uvarint(struct alv_buf *b, uint32_t v)
{
	for (; v >= 128; v >>= 7)
		alv_buf_byte(b, (uint8_t)(v | 128));
	alv_buf_byte(b, (uint8_t)v);
}

void
bench_put_str(struct alv_buf *b, bool compact, struct alv_str s)
{
	if (compact)
		bench_put_uvarint(b, s.p == NULL ? 0 : (uint32_t)s.n + 1);
	else
		alv_buf_be16(b, s.p == NULL ? UINT16_MAX : (uint16_t)s.n);
	alv_buf_str(b, s);
}

void
bench_put_count(struct alv_buf *b, bool compact, uint32_t n)
{
	if (compact)
		bench_put_uvarint(b, n + 1);
	else
		alv_buf_be32(b, n);
}

void
bench_put_blob(struct alv_buf *b, bool compact, size_t n)
{
	bench_put_count(b, compact, (uint32_t)n);
}

void
bench_put_tags(struct alv_buf *b, bool flexible)
{
	if (flexible)
		alv_buf_byte(b, 0);
}

/* ---- headers ---------------------------------------------------------------------------------- */

/* Of the apis that are written by hand here. */
bool
bench_flexible(int key, int version)
{
	switch (key) {
	case 0:
		return version >= 9;
	case 1:
		return version >= 12;
	case 3:
		return version >= 9;
	case 18:
		return version >= 3;
	case 78:
		return true;
	default:
		return false;
	}
}

struct bench_head
bench_get_head(struct bench_in *r)
{
	struct bench_head h;

	h.key = (int16_t)bench_get(r, 2);
	h.version = (int16_t)bench_get(r, 2);
	h.correlation_id = (int32_t)bench_get(r, 4);
	h.client_id = bench_get_str(r, false);
	return h;
}

void
bench_put_request(struct alv_buf *b, const struct bench_head *h)
{
	alv_buf_be32(b, 0);
	alv_buf_be16(b, (uint16_t)h->key);
	alv_buf_be16(b, (uint16_t)h->version);
	alv_buf_be32(b, (uint32_t)h->correlation_id);
	bench_put_str(b, false, h->client_id);
	bench_put_tags(b, bench_flexible(h->key, h->version));
}

void
bench_put_response(struct alv_buf *b, const struct bench_head *h)
{
	alv_buf_be32(b, 0);
	alv_buf_be32(b, (uint32_t)h->correlation_id);
	bench_put_tags(b, bench_flexible(h->key, h->version) && h->key != 18);
}

void
bench_put_end(struct alv_buf *b)
{
	if (b->err)
		bench_die("a message over its ceiling of %zu bytes", b->limit);
	alv_put_be32(b->p, (uint32_t)(b->n - 4));
}
