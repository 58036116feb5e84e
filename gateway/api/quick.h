/* The short way of the requests that are most of the traffic: Produce and Fetch whose topics are all allowed are walked
 * once and rewritten as they pass, instead of becoming a tree that is encoded again. Only the usual case is known here;
 * whatever else a message holds, the long way decides, from the start: nothing is refused, spliced or closed on the short
 * way. Both must give the same bytes where the short one gives any (tests/unit/gateway/api/quick_test.c holds them
 * against each other).
 * Invariant: a short way that says no has left nothing behind but used memory of the arena. */
#ifndef API_QUICK_H
#define API_QUICK_H

#include "api/kit.h"

struct api_quick {
	bool (*request)(struct api_call *c, const struct alv_chain *body);	/* true: FORWARD, `out` is made */
	bool (*response)(struct api_call *c, const struct alv_chain *body);	/* true: ANSWER; NULL: there is none */
};
extern const struct api_quick api_quick_produce, api_quick_fetch;

#define API_SEE(kind) (UINT64_C(1) << KFK_KIND_##kind)

/* Walks the body into c->out. */
bool api_quick_walk(struct api_call *c, enum kfk_dir dir, uint64_t kinds, const struct kfk_visitor *v, void *arg,
    const struct alv_chain *body) ALV_MUST;
/* A topic of a request, by id or by name: where it is allowed it is noted in c->memo. REPLACE: v holds the physical name. */
enum kfk_do api_quick_topic(struct api_call *c, const struct api_shape *sh, const struct kfk_field *f, struct kfk_value *v)
    ALV_MUST;

/* ---- what was asked for: a request's topics, for its response (memo's asked) ---------------------- */

struct api_wanted {
	struct alv_uuid id;
	struct alv_str	phys, virt;
	uint64_t	bytes;		/* Produce: its records */
};

/* Room for n topics. False: no memory. */
bool api_asked_begin(struct api_call *c, uint32_t n) ALV_MUST;
/* The next one; the strings are copied. NULL: no room. */
struct api_wanted *api_asked_add(struct api_call *c, struct alv_uuid id, struct alv_str phys, struct alv_str virt);
/* By id, or by physical name where id is NULL. NULL: that was not asked for. */
const struct api_wanted *api_asked_find(const struct api_call *c, const struct alv_uuid *id, struct alv_str phys);

#endif
