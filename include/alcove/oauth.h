/* Logins by bearer tokens that are JWTs (RFC 7519): the keys of issuers, and what a token has to be. No socket and no clock:
 * keys are brought by whoever fetches them, the time is told. */
#ifndef ALCOVE_OAUTH_H
#define ALCOVE_OAUTH_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/config.h>
#include <alcove/err.h>

enum {
	AUT_BEARER_MAX = 16 * 1024,	/* of a client's message, the token in it included */
	AUT_JWKS_MAX = 256 * 1024,
	AUT_KEYS_MAX = 64,		/* of one issuer */
	AUT_EXTENSIONS_MAX = 16, AUT_EXTENSIONS_BYTES = 2048	/* of one login, names and values together */
};

/* ---- keys: one JWKS (RFC 7517). Immutable, counted, any thread ------------------------------------------- */

struct aut_keys;
/* Keys that cannot verify a signature here, may not (another `use`), or are malformed are left out, as RFC 7517 wants it; one
 * at least must stay. SYNTAX: no JWKS; VALUE: none stays, or more than AUT_KEYS_MAX do; *why is static. */
enum alv_err	 aut_keys_parse(struct alv_str json, struct aut_keys **out, const char **why) ALV_MUST;
void		 aut_keys_put(struct aut_keys *k);	/* NULL is allowed, as below */
size_t		 aut_keys_count(const struct aut_keys *k);

/* ---- where an issuer's keys come from. Counted, any thread ----------------------------------------------- */

struct aut_source;
/* wanted: a token names a key that is not there; called on a thread of the crypto pool, and must not wait. */
struct aut_source *aut_source_new(void (*wanted)(void *arg), void *arg) ALV_MUST;
struct aut_source *aut_source_ref(struct aut_source *s);
void		   aut_source_put(struct aut_source *s);
/* Takes k; NULL: there are none any more. */
void		   aut_source_set(struct aut_source *s, struct aut_keys *k);
/* It was asked for its keys, whatever came of that: who waits for them goes on, on this thread. */
void		   aut_source_asked(struct aut_source *s);
/* Nobody wants anything of it from here on, and nobody waits. Returns only when `wanted` is not being called. */
void		   aut_source_mute(struct aut_source *s);

/* ---- issuers: of one configuration, which outlives every login that began with it ------------------------ */

struct aut_issuers;
/* source[i] is of conf->issuers[i]; each is taken a reference of. */
struct aut_issuers *aut_issuers_new(const struct pol_oauth *conf, struct aut_source *const *source) ALV_MUST;
struct aut_issuers *aut_issuers_ref(struct aut_issuers *i);
void		    aut_issuers_put(struct aut_issuers *i);	/* NULL is allowed */

/* The current ones. One per process, any thread. */
struct aut_oauth;
struct aut_oauth   *aut_oauth_new(void) ALV_MUST;
void		    aut_oauth_free(struct aut_oauth *o);	/* NULL is allowed */
void		    aut_oauth_set(struct aut_oauth *o, struct aut_issuers *i);	/* takes it; NULL: nobody's tokens are taken */
struct aut_issuers *aut_oauth_get(struct aut_oauth *o);	/* a reference, or NULL; o NULL: NULL */

/* ---- tokens ---------------------------------------------------------------------------------------------- */

/* What a login by a token is; one allocation, freed by aut_claims_free. */
struct aut_pair {
	struct alv_str name, value;
};
struct aut_claims {
	struct alv_arena       arena;
	struct alv_str	       user, tenant;	/* shorter than 256 bytes; a legal tenant id, whether it is there or not */
	uint64_t	       rest_ms;		/* how long the token is good from now on; never 0 */
	size_t		       ngroups;		/* at most POL_GROUPS_MAX, all good names */
	const struct alv_str  *groups;
	size_t		       nextensions;	/* KIP-342, as the client said them: nobody vouches for them */
	const struct aut_pair *extensions;
	struct aut_source     *lacks;		/* not verified for want of a key, which this one was asked for; else NULL */
	uint64_t	       lacks_since;
};
struct aut_claims *aut_claims_new(void) ALV_MUST;
void		   aut_claims_free(struct aut_claims *c);	/* NULL is allowed */

/* Is this token good now, for a login at this tenant's endpoint ("": at one that tenants share)? Slow: signatures. NULL: it is,
 * and c says for whom; else why not, for our log; static. now_ms: wall clock. */
const char *aut_jwt_verify(const struct aut_issuers *i, struct alv_str token, struct alv_str endpoint, uint64_t now_ms,
    struct aut_claims *c) ALV_MUST;

#endif
