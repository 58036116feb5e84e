/* What stands in front of every body: the size, then one of two request headers or two response headers.
 * A message's own version decides which: flexible ones have tagged fields behind. Exceptions, both Kafka's:
 * the client id is never compact, and an ApiVersions response always has the plain header, because whoever
 * reads it does not know yet what the other side speaks. */
#include <alcove/kafka.h>

#include "kafka/cursor.h"

enum { API_VERSIONS = 18, REQ_FIXED = 8, SIZE_FIELD = 4 };

enum alv_err
kfk_frame_size(const struct alv_chain *in, uint32_t max, uint32_t *size)
{
	uint8_t b[SIZE_FIELD];

	if (!alv_chain_peek(in, 0, b, sizeof(b)))
		return ALV_E_MORE;
	*size = alv_be32(b);
	if (*size > INT32_MAX || *size > max)
		return ALV_E_LIMIT;
	return ALV_OK;
}

enum alv_err
kfk_req_header_read(const struct alv_chain *frame, struct alv_arena *a, struct kfk_req_header *h)
{
	const struct kfk_schema *s;
	struct kfk_cursor	 c;

	*h = (struct kfk_req_header){ 0 };
	kfk_cursor_chain(&c, frame);
	h->key = (int16_t)kfk_cursor_be16(&c);
	h->version = (int16_t)kfk_cursor_be16(&c);
	h->correlation_id = (int32_t)kfk_cursor_be32(&c);
	if (c.err)
		return c.err;
	s = kfk_schema_find(h->key, KFK_REQUEST);
	if (s == NULL)
		return ALV_E_UNKNOWN_API;
	if (!kfk_versions_has(s->versions, h->version))
		return ALV_E_UNKNOWN_VERSION;
	h->client_id = kfk_cursor_str16(&c, a);
	if (h->version >= s->flexible)
		(void)kfk_cursor_tags(&c);
	h->size = frame->n - c.left;
	return c.err;
}

void
kfk_req_header_write(struct alv_chain *out, const struct kfk_req_header *h, size_t body_n)
{
	static const uint8_t	 no_tags[1];
	const struct kfk_schema *s = kfk_schema_find(h->key, KFK_REQUEST);
	size_t			 tags = s != NULL && h->version >= s->flexible ? sizeof(no_tags) : 0;
	size_t			 n = REQ_FIXED + 2 + h->client_id.n + tags + body_n;
	uint8_t			 fixed[SIZE_FIELD + REQ_FIXED + 2];

	if (h->client_id.n > INT16_MAX || n > INT32_MAX) {
		if (!out->err)
			out->err = ALV_E_LIMIT;
		return;
	}
	alv_put_be32(fixed, (uint32_t)n);
	alv_put_be16(fixed + 4, (uint16_t)h->key);
	alv_put_be16(fixed + 6, (uint16_t)h->version);
	alv_put_be32(fixed + 8, (uint32_t)h->correlation_id);
	alv_put_be16(fixed + SIZE_FIELD + REQ_FIXED, h->client_id.p == NULL ? UINT16_MAX : (uint16_t)h->client_id.n);
	alv_chain_copy(out, fixed, sizeof(fixed));
	alv_chain_copy(out, h->client_id.p, h->client_id.n);
	alv_chain_copy(out, no_tags, tags);
}

static bool
rsp_has_tags(int16_t key, int16_t version)
{
	const struct kfk_schema *s = kfk_schema_find(key, KFK_RESPONSE);

	return key != API_VERSIONS && s != NULL && version >= s->flexible;
}

void
kfk_rsp_header_write(struct alv_chain *out, int16_t key, int16_t version, int32_t correlation_id, size_t body_n)
{
	uint8_t b[SIZE_FIELD + 4 + 1];
	size_t	n = SIZE_FIELD + 4;

	alv_put_be32(b + SIZE_FIELD, (uint32_t)correlation_id);
	if (rsp_has_tags(key, version))
		b[n++] = 0;
	if (n - SIZE_FIELD + body_n > INT32_MAX) {
		if (!out->err)
			out->err = ALV_E_LIMIT;
		return;
	}
	alv_put_be32(b, (uint32_t)(n - SIZE_FIELD + body_n));
	alv_chain_copy(out, b, n);
}

enum alv_err
kfk_rsp_header_read(const struct alv_chain *frame, int16_t key, int16_t version, int32_t *correlation_id, size_t *size)
{
	struct kfk_cursor c;

	kfk_cursor_chain(&c, frame);
	*correlation_id = (int32_t)kfk_cursor_be32(&c);
	if (rsp_has_tags(key, version))
		(void)kfk_cursor_tags(&c);
	*size = frame->n - c.left;
	return c.err;
}
