/* One Kafka message over a stream, as the gateway's own client: encode and send, take a whole frame, decode. */
#ifndef UPS_MESSAGE_H
#define UPS_MESSAGE_H

#include <alcove/buf.h>
#include <alcove/err.h>
#include <alcove/kafka.h>

#include "net/stream.h"

/* Header and body as one frame to out; the client id is ours. */
enum alv_err ups_msg_encode(const struct kfk_tree *t, int32_t correlation_id, struct alv_chain *out) ALV_MUST;
/* Takes the next frame, without its size field, off s->in. MORE: it is not whole yet (in_max was raised so that it can
 * come). LIMIT: it announces more than max bytes, or a negative size. */
enum alv_err ups_msg_take(struct net_stream *s, uint32_t max, struct alv_chain *frame) ALV_MUST;
/* Drops the header, whose correlation id must be the one given (else VALUE); frame is the body then. */
enum alv_err ups_msg_body(struct alv_chain *frame, int16_t key, int16_t version, int32_t correlation_id) ALV_MUST;

#endif
