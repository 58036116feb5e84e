/* Subscriptions by pattern. Internal to gateway/api. */
#ifndef API_PATTERNS_H
#define API_PATTERNS_H

#include "api/kit.h"

/* Of a ConsumerGroupHeartbeat that is going to be forwarded: replaces its pattern by one that a broker may match, or adds one
 * where what a member may see has changed. 0, or the code to refuse it with; *text (arena) is null where the code says it all. */
int16_t api_pattern_request(struct api_call *c, struct kfk_tree *q, struct alv_str *text);
/* What the broker said to that: it is remembered, or explained in the tenant's words. False: out of memory. */
bool api_pattern_response(struct api_call *c, struct kfk_tree *r) ALV_MUST;

/* What was made for its members is made anew: their principal may do something else than before. NULL is allowed. */
void api_patterns_doubt(struct api_patterns *p);
void api_patterns_free(struct api_patterns *p);

#endif
