/* Fetch the short way: a full fetch by a consumer, every topic allowed. Its response is walked anyway (fetch.c).
 * See quick.h. */
#include "api/quick.h"

#define Q(f) KFK_FETCH_REQUEST_##f

struct pass {
	struct api_call	       *c;
	const struct api_shape *sh;
	int64_t			max;	/* bytes that one answer may have */
};

static enum kfk_do
put(struct kfk_value *v, int64_t i)
{
	if (v->i == i)
		return KFK_KEEP;
	v->i = i;
	return KFK_REPLACE;
}

static enum kfk_do
see(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct pass *p = arg;

	(void)id;
	switch (f->kind) {
	case KFK_KIND_TOPIC_NAME:
	case KFK_KIND_TOPIC_ID:
		return api_quick_topic(p->c, p->sh, f, v);
	case KFK_KIND_REPLICA_ID:
		return v->i >= 0 ? KFK_STOP : put(v, -1);
	case KFK_KIND_SESSION_ID:
		return put(v, 0);
	case KFK_KIND_SESSION_EPOCH:
		return v->i > 0 ? KFK_STOP : put(v, -1);
	case KFK_KIND_MAX_BYTES:
		return v->i > p->max ? put(v, p->max) : KFK_KEEP;
	case KFK_KIND_RACK:
		if (v->s.n == 0)
			return KFK_KEEP;
		v->s = ALV_STR("");
		return KFK_REPLACE;
	default:
		return KFK_STOP;	/* what consumers do not send */
	}
}

static enum kfk_do
list_begins(void *arg, uint16_t id, int32_t n)
{
	struct pass *p = arg;

	if (id == Q(TOPICS))
		return n >= 0 && api_asked_begin(p->c, (uint32_t)n) ? KFK_KEEP : KFK_STOP;
	return id == Q(FORGOTTEN_TOPICS_DATA) && n != 0 ? KFK_STOP : KFK_KEEP;
}

static enum kfk_do
struct_begins(void *arg, uint16_t id, bool is_null)
{
	(void)arg;
	(void)is_null;
	return id == Q(REPLICA_STATE) ? KFK_STOP : KFK_KEEP;
}

static bool
request(struct api_call *c, const struct alv_chain *body)
{
	static const struct kfk_visitor visitor = { .field = see, .array_begin = list_begins, .struct_begin = struct_begins };
	struct pass			p = { .c = c, .sh = api_shape(API_SHAPE_FETCH),
				    .max = c->conn->w->shared->conf->limits.fetch_max_bytes };
	bool				leaves = c->hdr.version >= 13;

	if (!api_quick_walk(c, KFK_REQUEST, API_SEE(TOPIC_NAME) | API_SEE(TOPIC_ID) | API_SEE(REPLICA_ID) | API_SEE(SESSION_ID) |
	    API_SEE(SESSION_EPOCH) | API_SEE(RACK) | API_SEE(CLUSTER_ID) | API_SEE(LOG_DIR) | API_SEE(FOLLOWER) |
	    (leaves ? 0 : API_SEE(MAX_BYTES)), &visitor, &p, body))
		return false;
	api_memo(c)->streams = leaves;
	return true;
}

const struct api_quick api_quick_fetch = { .request = request };
