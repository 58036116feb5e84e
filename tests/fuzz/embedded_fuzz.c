/* Names inside bytes: the consumer protocol's subscriptions and assignments, in both directions. */
#include "tests/fuzz/talk.h"

static const uint8_t keys[] = { KFK_API_JOIN_GROUP, KFK_API_SYNC_GROUP, KFK_API_DESCRIBE_GROUPS };

const struct talk_target talk_target = { .keys = keys, .nkeys = ALV_COUNT(keys) };
