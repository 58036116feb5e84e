/* The response path: a byte says what was asked, all others what the broker answers. */
#include "tests/fuzz/talk.h"

const struct talk_target talk_target = { .plain_requests = true };
