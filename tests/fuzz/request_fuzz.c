/* The request path: requests one after the other on one connection; brokers say next to nothing. */
#include "tests/fuzz/talk.h"

const struct talk_target talk_target = { .no_answers = true };
