/* Frames between the gateway itself and a broker; see message.h. A frame is taken only when it is whole: what the
 * gateway asks for itself is small, or bounded by the caller's max. */
#include "upstream/message.h"

#include <alcove/str.h>

enum { SIZE_FIELD = 4, IN_MIN = 64 * 1024 };

enum alv_err
ups_msg_encode(const struct kfk_tree *t, int32_t correlation_id, struct alv_chain *out)
{
	struct kfk_req_header h = { .key = t->schema->key, .version = t->version, .correlation_id = correlation_id,
		.client_id = ALV_STR("alcove") };
	struct alv_chain body;
	enum alv_err	 err;

	alv_chain_init(&body, out->pool);
	err = kfk_tree_encode(t, &body);
	if (!err)
		kfk_req_header_write(out, &h, body.n);
	if (!err)
		err = body.err;
	alv_chain_move(out, &body);
	alv_chain_clear(&body);
	return err ? err : out->err;
}

enum alv_err
ups_msg_take(struct net_stream *s, uint32_t max, struct alv_chain *frame)
{
	uint32_t     size;
	enum alv_err err = kfk_frame_size(&s->in, max, &size);

	if (err)
		return err;
	if (s->in.n < SIZE_FIELD + (size_t)size) {
		s->in_max = SIZE_FIELD + (size_t)size;
		if (s->in_max < IN_MIN)
			s->in_max = IN_MIN;
		return ALV_E_MORE;
	}
	s->in_max = IN_MIN;
	alv_chain_drop(&s->in, SIZE_FIELD);
	alv_chain_cut(frame, &s->in, size);
	return frame->err;
}

enum alv_err
ups_msg_body(struct alv_chain *frame, int16_t key, int16_t version, int32_t correlation_id)
{
	int32_t	     got;
	size_t	     size;
	enum alv_err err = kfk_rsp_header_read(frame, key, version, &got, &size);

	if (err)
		return err;
	if (got != correlation_id)
		return ALV_E_VALUE;
	alv_chain_drop(frame, size);
	return ALV_OK;
}
