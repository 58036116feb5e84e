/* The shortest way, of the most frequent request: a Produce of one batch to one partition, said again. Producers send the
 * same bytes before and behind the records each time; what was decided on them once is remembered by the connection, and
 * holds for as long as the tenant's snapshot and the view of the cluster are the very ones that it was decided by.
 *
 *   said    the request from its header to the records' length, but for the correlation id; behind the records: `tail`
 *           bytes that are 0
 *   sent    what went to the broker for it: size, header, body up to the same place
 *   acked   how the body of the broker's answer begins when all is well, up to the offsets
 *   acks    the same for the client, with size and header
 *
 * Only the records are looked at anew. Whatever is not the same, byte for byte, goes the way that everything goes, so
 * nothing is refused here, and nothing passes that did not pass before.
 * Invariants: of a snapshot, a view or a frame copies are kept, and addresses that are only compared; what is in
 * flight holds its repeat, whatever the connection forgets meanwhile. */
#ifndef API_REPEAT_H
#define API_REPEAT_H

#include "api/quick.h"

/* What a Produce on the short way was found to be; `topic` is the only one, with one partition. */
struct api_learnt_produce {
	const struct api_wanted *topic;
	const uint8_t		*at;		/* the first byte of its records, in the body; NULL: none */
	size_t			 records;	/* how many */
};
/* Remembers the request that has just been made into c->out; or does not, if it is not of the kind. */
void api_repeat_learn(struct api_call *c, const struct alv_chain *body, const struct api_learnt_produce *p);
/* c has its tenant and view. True: FORWARD, `out` is the whole frame, and `frame` is empty. */
bool api_repeat_request(struct api_call *c, struct alv_chain *frame) ALV_MUST;
/* True: ANSWER. False: the answer is not the usual one. */
bool api_repeat_response(struct api_call *c, const struct alv_chain *body) ALV_MUST;
/* Makes the memo that the other ways would have left for the response. False: no memory. */
bool api_repeat_recall(struct api_call *c) ALV_MUST;
struct met_hint *api_repeat_meter(struct api_repeat *r);	/* where its bytes are counted */
void api_repeat_put(struct api_repeat *r);	/* NULL is allowed */
void api_repeats_forget(struct api_conn *c);

#endif
