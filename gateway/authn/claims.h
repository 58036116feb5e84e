/* What a token says of who has it. Internal to this folder. */
#ifndef AUT_CLAIMS_H
#define AUT_CLAIMS_H

#include <alcove/oauth.h>

#include <jansson.h>

/* Is it that text, or one element of a list? */
bool aut_claim_is(const json_t *claim, struct alv_str value);

/* All that is not the signature: NULL, and c is filled; else why not. */
const char *aut_claims_check(const struct pol_issuer *i, const json_t *payload, struct alv_str endpoint, uint64_t now_ms,
    struct aut_claims *c) ALV_MUST;

#endif
