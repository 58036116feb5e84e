/* Any bytes as a frame's front, as record batches and as embedded consumer protocol. What must hold: no crash; a
 * request header that was read and written again reads the same; batches in one piece are as batches by bytes; an
 * embedded value that nothing is changed in comes out as it was. */
#include "tests/unit/gateway/kafka/kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

static void
headers(struct kit *k, const uint8_t *p, size_t n)
{
	struct alv_chain      in, out;
	struct kfk_req_header h, again;
	uint32_t	      size;
	int32_t		      id;
	size_t		      at;
	enum alv_err	      err;

	kit_chain(k, &in, p, n, 3);
	alv_chain_init(&out, k->pool);
	err = kfk_frame_size(&in, 1 << 20, &size);
	MUST((err == ALV_E_MORE) == (n < 4) && (err || size <= 1 << 20));
	err = kfk_req_header_read(&in, &k->arena, &h);
	if (err == ALV_OK) {
		MUST(h.size <= n);
		kfk_req_header_write(&out, &h, 0);
		MUST(!out.err && kfk_frame_size(&out, UINT32_MAX, &size) == ALV_OK && size == out.n - 4);
		alv_chain_drop(&out, 4);
		MUST(kfk_req_header_read(&out, &k->arena, &again) == ALV_OK && again.size == out.n);
		MUST(again.key == h.key && again.version == h.version && again.correlation_id == h.correlation_id);
		MUST(alv_str_eq(again.client_id, h.client_id));
		err = kfk_rsp_header_read(&in, h.key, h.version, &id, &at);
		MUST(err || at <= n);
	}
	alv_chain_clear(&in);
	alv_chain_clear(&out);
}

static void
batches(const uint8_t *p, size_t n)
{
	struct kfk_batches whole = { .count = 0 }, bytes = { .count = 0 };
	enum alv_err	   a = kfk_batches_feed(&whole, p, n), b = ALV_OK;

	for (size_t i = 0; i < n && !b; i++)
		b = kfk_batches_feed(&bytes, p + i, 1);
	MUST(a == b && whole.count == bytes.count && whole.have == bytes.have && whole.skip == bytes.skip);
	MUST(whole.first_offset == bytes.first_offset && whole.last_offset == bytes.last_offset);
}

static enum alv_err
keep(void *arg, enum kfk_kind kind, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	(void)kind;
	(void)a;
	*out = in;
	return in.n > 0 && (in.p[0] & 3) == *(int *)arg ? ALV_E_NOT_FOUND : ALV_OK;
}

static void
embedded(struct kit *k, const struct kfk_schema *s, const uint8_t *p, size_t n)
{
	int	       none = -1, some = 1;
	struct alv_str in = alv_str_make(p, n), out, less, again;

	if (kfk_embedded_map(s, in, keep, &none, &k->arena, &out))
		return;
	MUST(alv_str_eq(in, out));
	MUST(kfk_embedded_map(s, in, keep, &some, &k->arena, &less) == ALV_OK && less.n <= n);
	MUST(kfk_embedded_map(s, less, keep, &some, &k->arena, &again) == ALV_OK && alv_str_eq(less, again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kit k;

	kit_init(&k);
	headers(&k, data, n);
	batches(data, n);
	embedded(&k, &kfk_consumer_subscription, data, n);
	embedded(&k, &kfk_consumer_assignment, data, n);
	kit_fini(&k);
	return 0;
}
