/* Finding a message's table. The tables themselves are generated (gen/schema_tables.c); only this file
 * knows how they are laid out. Keys come from the wire: anything outside the table is "no such api". */
#include "kafka/schema.h"

const struct kfk_schema *
kfk_schema_find(int32_t key, enum kfk_dir dir)
{
	int16_t place;

	if (key < 0 || (size_t)key >= kfk_schema_places_n)
		return NULL;
	place = kfk_schema_places[key];
	if (place < 0)
		return NULL;
	return &kfk_schemas[place + (dir == KFK_RESPONSE)];
}

const struct kfk_schema *
kfk_schema_at(size_t i)
{
	static const struct kfk_schema *const without_key[] = {
		&kfk_request_header, &kfk_response_header, &kfk_consumer_subscription, &kfk_consumer_assignment,
	};

	if (i < kfk_schemas_n)
		return &kfk_schemas[i];
	i -= kfk_schemas_n;
	return i < sizeof(without_key) / sizeof(*without_key) ? without_key[i] : NULL;
}
