/* Single values on the wire, for walk and tree alike. */
#ifndef KAFKA_VALUE_H
#define KAFKA_VALUE_H

#include <alcove/kafka.h>

#include "kafka/emit.h"

/* Bytes of a type that always has as many; 0: strings, bytes, records, structs. */
size_t kfk_type_size(uint8_t type);
/* Strings have an int16 in front in the old encoding, all else an int32. */
static inline bool
kfk_type_wide(uint8_t type)
{
	return type != KFK_STRING;
}

/* Reads a value of fixed size from its bytes into i, d or id. */
void kfk_value_read(uint8_t type, const uint8_t *p, struct kfk_value *v);
/* Writes any value but structs. LENGTH: too long for its encoding; NULL_VALUE: null where the version has none. */
enum alv_err kfk_value_write(struct kfk_emit *e, const struct kfk_field *f, int16_t version, const struct kfk_value *v) ALV_MUST;
/* The length or count in front; n < 0: null. */
enum alv_err kfk_length_write(struct kfk_emit *e, bool compact, bool wide, int64_t n) ALV_MUST;

#endif
