/* Sessions of Fetch and of ShareFetch, and what is walked: answers come in pieces. */
#include "tests/fuzz/talk.h"

static const uint8_t keys[] = { KFK_API_FETCH, KFK_API_SHARE_FETCH, KFK_API_SHARE_ACKNOWLEDGE, KFK_API_LIST_GROUPS,
	KFK_API_LIST_TRANSACTIONS };

const struct talk_target talk_target = { .keys = keys, .nkeys = ALV_COUNT(keys), .pieces = true };
