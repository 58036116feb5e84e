/* What ShareFetch's request leaves for its response, and what it shares with ShareAcknowledge. Internal to gateway/api. */
#ifndef API_SHARE_H
#define API_SHARE_H

#include "api/groups.h"
#include "api/share_session.h"

/* One topic that the request names, or that its session holds. */
struct api_share_verdict {
	struct alv_uuid id;
	struct alv_str	virt;	/* arena; where code is 0 */
	int16_t		code;	/* 0, 29, 100 */
};

/* A partition that the broker is not asked for. */
struct api_share_refusal {
	struct api_share_refusal *next;
	struct alv_uuid		  id;
	int32_t			  index;
	int16_t			  code, acknowledge;	/* 0: not of that */
};

/* Memo's `own`. */
struct api_share_turn {
	uint64_t		  serial;	/* of the session */
	uint32_t		  n;
	struct api_share_verdict *topic;	/* by id, each once */
	struct api_share_refusal *first, **tail;
};

/* 0, 42, 30: of the group and the member that a request speaks of. */
int16_t api_share_judge(struct api_call *c, struct alv_str group, struct alv_str member);
/* As api_forward, for a request with a share session's epoch: clients and brokers count the same. */
enum api_result api_share_forward(struct api_call *c, struct kfk_tree *q, uint16_t epoch) ALV_MUST;
/* The first half of that: true: go on with api_send. */
bool api_share_mapped(struct api_call *c, struct kfk_tree *q, uint16_t epoch, enum api_result *result) ALV_MUST;
/* By id; NULL: nobody spoke of it. */
const struct api_share_verdict *api_share_verdict(const struct api_share_turn *t, struct alv_uuid id);
/* The broker's answer says that the session is not what it was taken for. */
bool api_share_lost(int64_t code);

#endif
