/* The generated arrays behind kfk_schema_find and kfk_schema_at; gen/schema_tables.c holds them.
 * Nobody outside schema.c needs this. */
#ifndef KAFKA_SCHEMA_H
#define KAFKA_SCHEMA_H

#include <alcove/kafka.h>

extern const struct kfk_schema kfk_schemas[];	/* by api key, each request right before its response */
extern const size_t	       kfk_schemas_n;
extern const int16_t	       kfk_schema_places[];	/* by api key: its request's place above, -1: none */
extern const size_t	       kfk_schema_places_n;

#endif
