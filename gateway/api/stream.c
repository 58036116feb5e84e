/* Responses that are walked instead of decoded: those with records, and those that hold the whole cluster's, of which a
 * tenant sees a part. What is dropped costs no memory, so nobody's answer depends on how much others have. */
#include "api/kit.h"

enum api_result
api_walk(struct api_call *c, uint64_t kinds, const struct kfk_visitor *visitor, void *arg, const struct alv_chain *body)
{
	const struct kfk_plan *plan = kfk_plan_get(kfk_schema_find(c->hdr.key, KFK_RESPONSE), c->up_version, kinds);
	struct kfk_walk	       w;
	enum alv_err	       err;

	if (plan == NULL)
		return api_fail(c, ALV_E_NOMEM);
	memset(&w, 0, sizeof(w));
	err = kfk_walk_init(&w, plan, visitor, arg, &c->out, &c->arena);
	if (err)
		return api_fail(c, err);
	err = kfk_walk_chain(&w, body);
	kfk_walk_fini(&w);
	met_dropped(c->conn->w->meter, w.dropped_tags, w.dropped_elements);
	if (!err)
		err = c->out.err;
	if (c->arena.failed || err == ALV_E_NOMEM || err == ALV_E_LIMIT)
		return api_close(c, MET_CLOSE_MEMORY);
	if (!err)
		return API_ANSWER;
	c->fault = alv_arena_alloc(&c->arena, sizeof(*c->fault));
	if (c->fault != NULL)
		*c->fault = w.fault;
	return api_close(c, MET_CLOSE_UPSTREAM_MALFORMED);
}
