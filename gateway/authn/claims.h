/* What a token says of who has it. Internal to this folder. */
#ifndef AUT_CLAIMS_H
#define AUT_CLAIMS_H

#include <alcove/oauth.h>

#include <jansson.h>

/* A claim by its name, or by a path of RFC 6901 where it lies in others: "/realm_access/roles". NULL: it is not there, or null. */
const json_t *aut_claim_find(const json_t *payload, const char *path);
/* Is it that text, one word of a text with blanks, one element of a list? true, false and whole numbers as JSON writes them. */
bool aut_claim_has(const json_t *claim, struct alv_str value);
/* The same, of a text only as a whole. */
bool aut_claim_is(const json_t *claim, struct alv_str value);

/* All that is not the signature: NULL, and c is filled; else why not. */
const char *aut_claims_check(const struct pol_issuer *i, const json_t *payload, struct alv_str endpoint, uint64_t now_ms,
    struct aut_claims *c) ALV_MUST;

#endif
