/* A token from its text to a verdict: its form, its issuer, the key, the signature, the claims, in that order. Of its header
 * `alg`, `kid` and `crit` are read; `jku`, `jwk`, `x5u` and `x5c` would let it bring its own key, and are as if they were not there.
 * Bounded: what it decodes to is shorter than itself, and that is AUT_BEARER_MAX at most. */
#include <alcove/base64.h>
#include <alcove/str.h>

#include <stdlib.h>

#include "authn/claims.h"
#include "authn/issuers.h"
#include "authn/jws.h"

enum { ARENA_MAX = 64 * 1024 };

struct aut_claims *
aut_claims_new(void)
{
	struct aut_claims *c = calloc(1, sizeof(*c));

	if (c != NULL)
		alv_arena_init(&c->arena, ARENA_MAX);
	return c;
}

void
aut_claims_free(struct aut_claims *c)
{
	if (c == NULL)
		return;
	aut_source_put(c->lacks);
	alv_arena_fini(&c->arena);
	free(c);
}

struct jwt {
	struct alv_str text;		/* the whole, with a NUL behind it */
	size_t	       signed_n;
	json_t	      *header, *payload;
};

/* NULL: no object. The decoded bytes are not kept. */
static json_t *
read_object(struct alv_str text)
{
	uint8_t *bytes = malloc(text.n + 1);
	size_t	 n;
	json_t	*v = NULL;

	if (bytes != NULL && alv_base64url_decode(text, bytes, text.n, &n) == ALV_OK)
		v = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, NULL);
	free(bytes);
	if (json_is_object(v))
		return v;
	json_decref(v);
	return NULL;
}

static const char *
read_form(struct jwt *j)
{
	const char *p = j->text.p, *end = p + j->text.n;
	const char *first = memchr(p, '.', j->text.n);
	const char *second = first == NULL ? NULL : memchr(first + 1, '.', (size_t)(end - first - 1));

	if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
		return "a token that has not three parts";
	j->signed_n = (size_t)(second - p);
	j->header = read_object(alv_str_make(p, (size_t)(first - p)));
	j->payload = read_object(alv_str_make(first + 1, (size_t)(second - first - 1)));
	return j->header == NULL || j->payload == NULL ? "a token whose header or claims are no JSON object" : NULL;
}

static const struct aut_issuer *
find_issuer(const struct aut_issuers *all, const json_t *payload)
{
	const json_t *iss = json_object_get(payload, "iss");

	for (size_t i = 0; json_is_string(iss) && i < all->n; i++)
		if (aut_claim_is(iss, alv_str_of(all->at[i].conf->issuer)))
			return &all->at[i];
	return NULL;
}

static const char *
check_key(const struct jwt *j, const struct aut_keys *keys, struct alv_str kid, enum aut_alg a, bool *unknown)
{
	const struct aut_key *key = aut_keys_find(keys, kid, a, unknown);

	if (*unknown)
		return keys == NULL ? "no keys of the token's issuer are here" : "a token by a key that its issuer does not have";
	if (key == NULL)
		return "a token by an algorithm that is not its key's";
	return aut_jws_good(key, a, j->text, j->signed_n) ? NULL : "a token whose signature is wrong";
}

static const char *
check_signature(const struct jwt *j, const struct aut_issuer *i, struct aut_claims *c)
{
	const json_t	*alg = json_object_get(j->header, "alg"), *kid = json_object_get(j->header, "kid");
	struct aut_keys *keys;
	const char	*why;
	bool		 unknown;
	enum aut_alg	 a;

	if (json_object_get(j->header, "crit") != NULL)
		return "a token with critical parts (crit)";
	if (!json_is_string(alg) || !aut_alg_find(alv_str_of(json_string_value(alg)), &a))
		return "a token by an algorithm that is not taken";
	if (kid != NULL && (!json_is_string(kid) || json_string_length(kid) == 0 || json_string_length(kid) > AUT_KID_MAX))
		return "a token whose key has no name that could be one";
	keys = aut_source_keys(i->source, &c->lacks_since);
	why = check_key(j, keys, kid == NULL ? ALV_STR("") : alv_str_make(json_string_value(kid), json_string_length(kid)), a, &unknown);
	aut_keys_put(keys);
	if (unknown) {
		c->lacks = aut_source_ref(i->source);
		aut_source_want(i->source);
	}
	return why;
}

const char *
aut_jwt_verify(const struct aut_issuers *all, struct alv_str token, struct alv_str endpoint, uint64_t now_ms, struct aut_claims *c)
{
	struct jwt		 j = { .text = token };
	const struct aut_issuer *i = NULL;
	const char		*why = read_form(&j);

	aut_source_put(c->lacks);
	c->lacks = NULL;
	if (why == NULL && (i = find_issuer(all, j.payload)) == NULL)
		why = "a token of an issuer that is not known";
	if (why == NULL)
		why = check_signature(&j, i, c);
	if (why == NULL)
		why = aut_claims_check(i->conf, j.payload, endpoint, now_ms, c);
	json_decref(j.header);
	json_decref(j.payload);
	return why;
}
