/* Whole conversations with the api layer: who, requests, answers, and which allocation fails. */
#include "tests/fuzz/talk.h"

const struct talk_target talk_target = { .fails = true };
