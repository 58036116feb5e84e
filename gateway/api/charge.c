/* The one place where bytes are attributed. A handler that knows topics says what each had (api_charge_topic); the rest
 * of the frame is charged here to no topic. Each direction of a call is charged once.
 * Invariant: what one call charges in a direction is what its frame holds, as clients see it. */
#include "api/repeat.h"

static void
charge(const struct api_call *c, enum met_direction d, struct alv_str topic, uint64_t bytes)
{
	struct api_conn *conn = c->conn;
	struct met_hint *hint = c->repeat == NULL ? &conn->meter : api_repeat_meter(c->repeat);
	struct met_bytes b;

	/* Before login there is nobody to attribute it to but the endpoint's tenant. */
	if (bytes == 0 || conn->tenant[0] == '\0')
		return;
	if (c->repeat != NULL && met_charge_again(hint, topic.n > 0, d, bytes))
		return;
	b = (struct met_bytes){ .hint = hint, .tenant = alv_str_of(conn->tenant), .principal = alv_str_of(conn->principal),
		.client_id = c->hdr.client_id, .topic = topic, .direction = d, .bytes = bytes };
	met_charge(conn->w->meter, &b);
}

void
api_charge_topic(struct api_call *c, enum met_direction d, struct alv_str topic, uint64_t bytes)
{
	charge(c, d, topic, bytes);
	c->charged += bytes;
}

void
api_charge_request(struct api_call *c)
{
	charge(c, MET_OTHER_IN, ALV_STR_NULL, c->request_bytes > c->charged ? c->request_bytes - c->charged : 0);
	c->charged = 0;
}

void
api_charge_response(struct api_call *c, uint64_t bytes)
{
	charge(c, MET_OTHER_OUT, ALV_STR_NULL, bytes > c->charged ? bytes - c->charged : 0);
	c->charged = 0;
}
