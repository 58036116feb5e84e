/* Keeps issuers' keys current: a thread of its own that asks their URLs, and looks at their files. */
#ifndef JWK_FETCHER_H
#define JWK_FETCHER_H

#include <alcove/config.h>
#include <alcove/oauth.h>

struct jwk_fetcher;

/* Begins with nothing to do. o outlives it. NULL: out of memory, or no thread. Main's thread, as all but the thread's own. */
struct jwk_fetcher *jwk_fetcher_new(struct aut_oauth *o) ALV_MUST;
/* The issuers of this configuration are the current ones from here on, with the keys of those that were there before and are
 * where they were. conf outlives every login that began with it. NOMEM: nothing changed. */
enum alv_err jwk_fetcher_configure(struct jwk_fetcher *f, const struct pol_oauth *conf) ALV_MUST;
/* Waits until each issuer was asked once, or so long. */
void jwk_fetcher_settle(struct jwk_fetcher *f, unsigned max_ms);
/* Gives up what it is doing. Nobody's tokens are taken then. NULL is allowed. */
void jwk_fetcher_free(struct jwk_fetcher *f);

#endif
