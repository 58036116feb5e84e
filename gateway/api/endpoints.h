/* Brokers and their addresses in an answer that is walked (stream.h): who walks hands on the values of these kinds. */
#ifndef API_ENDPOINTS_H
#define API_ENDPOINTS_H

#include "api/quick.h"

#define API_SEE_ENDPOINTS (API_SEE(BROKER_ID) | API_SEE(HOST) | API_SEE(PORT) | API_SEE(RACK))

/* Zero but for what is marked. */
struct api_endpoints {
	uint16_t       node;		/* set: the field that begins an endpoint; every other node is one that is only named */
	bool	       bounded;		/* set: hosts and racks take no more than `room` */
	size_t	       room;		/* set: bytes; what is left of them */
	struct alv_str host, rack;	/* of the endpoint under way; arena */
	int32_t	       port;
};
/* A broker that this connection's clients cannot reach, or whose address has no room, is dropped as an endpoint, and is none
 * (-1) where it is only named. */
enum kfk_do api_endpoints_see(struct api_endpoints *e, struct api_call *c, uint16_t id, const struct kfk_field *f,
    struct kfk_value *v) ALV_MUST;

#endif
