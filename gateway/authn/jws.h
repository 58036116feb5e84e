/* Signatures of tokens (RFC 7515, 7518, 8037). Internal to this folder. The algorithm is the key's: what a token's header says
 * only picks among those that its key allows. */
#ifndef AUT_JWS_H
#define AUT_JWS_H

#include <alcove/oauth.h>

#include <openssl/evp.h>

enum aut_alg {
	AUT_RS256, AUT_RS384, AUT_RS512, AUT_PS256, AUT_PS384, AUT_PS512, AUT_ES256, AUT_ES384, AUT_ES512, AUT_EDDSA, AUT_ALGS
};
/* False: none of these: "none", HMAC, and what nobody knows. */
bool aut_alg_find(struct alv_str name, enum aut_alg *a);

enum { AUT_KID_MAX = 256 };

struct aut_key {
	char	  kid[AUT_KID_MAX + 1];	/* "": it has none */
	uint32_t  algs;			/* 1 << enum aut_alg */
	EVP_PKEY *pkey;
	char	 *pem;			/* the same, as libjwt reads it */
};

/* NULL: no one key is meant: the kid is not there, or there is none and several fit; *unknown: others may have come since.
 * kid "": the token names none. */
const struct aut_key *aut_keys_find(const struct aut_keys *k, struct alv_str kid, enum aut_alg a, bool *unknown);

/* A reference; NULL: there are none. *asked: how often it had been asked by then. */
struct aut_keys *aut_source_keys(struct aut_source *s, uint64_t *asked);
void		 aut_source_want(struct aut_source *s);	/* others are needed than there are */
/* Waits until it was asked once more than that. False: nobody asks it, or too many wait. */
struct aut_wait;
bool aut_source_wait(struct aut_source *s, struct aut_wait *w, uint64_t asked) ALV_MUST;

/* One key of a set; jwk.c. OK: *key is filled; NOT_FOUND: none that verifies here; VALUE: malformed, or it contradicts itself. */
struct json_t;
enum alv_err aut_jwk_read(struct json_t *jwk, struct aut_key *key) ALV_MUST;
void	     aut_jwk_fini(struct aut_key *key);

/* token: whole, with a NUL behind it; signed_n: its bytes up to the last dot. */
bool aut_jws_good(const struct aut_key *key, enum aut_alg a, struct alv_str token, size_t signed_n) ALV_MUST;

#endif
