/* What the fetcher knows of one issuer's keys. Internal to this folder. */
#ifndef JWK_TARGET_H
#define JWK_TARGET_H

#include <alcove/oauth.h>

#include "jwks/fetch.h"

struct jwk_fetcher;

struct jwk_target {
	struct jwk_target  *next;
	struct jwk_fetcher *fetcher;
	struct aut_source  *source;	/* a reference */
	/* never changes: its issuer's name, and where they are */
	char		    name[64];
	char		   *url, *file, *ca_file;	/* file NULL: by url; ca_file NULL: none */
	struct alv_cidr	   *allowed;
	size_t		    nallowed;
	/* under the fetcher's lock; busy: the thread has it, and nobody frees it */
	uint32_t	    refresh_ms, stale_ms;
	bool		    busy, gone, tried, wanted, kept;
	uint64_t	    due_us;	/* when it is asked next */
	uint64_t	    asked_us, good_us;	/* when it was last, and last with success; 0: never */
	unsigned	    failures;	/* one after the other */
	uint64_t	    fetched, failed, good_s;
	size_t		    keys;
	/* the thread's own */
	uint8_t		    print[32];	/* of the JWKS that was taken last */
	char		    told[JWK_WHY];	/* the failure that was logged last */
};

/* NULL: out of memory. */
struct jwk_target *jwk_target_new(struct jwk_fetcher *f, const struct pol_issuer *i, void (*wanted)(void *arg)) ALV_MUST;
/* Not under the fetcher's lock: whoever wants keys of it at this moment waits for that one. NULL is allowed. */
void jwk_target_free(struct jwk_target *t);
/* Is that where its keys are? */
bool jwk_target_is(const struct jwk_target *t, const struct pol_issuer *i);

/* Asks once, and gives what was found to the source. True: good. news: they are others than before. The thread's, without the lock. */
bool jwk_target_ask(struct jwk_target *t, const atomic_bool *stop, bool *news, size_t *keys, char why[static JWK_WHY]) ALV_MUST;
/* When it is to be asked next, after `now`: it went well or not, and perhaps somebody has wanted a key since it began. Pure. */
uint64_t jwk_target_due(const struct jwk_target *t, uint64_t now);
/* A key was wanted that is not there: when it may be asked, at the earliest. */
uint64_t jwk_target_due_wanted(const struct jwk_target *t, uint64_t now);

#endif
