/* OAUTHBEARER (RFC 7628), server side. Internal to this folder. */
#ifndef AUT_BEARER_H
#define AUT_BEARER_H

#include <alcove/authn.h>

/* A client's first message; views into it. */
struct aut_bearer_said {
	struct alv_str	authzid, token;	/* authzid: unescaped, in `name`; "": none */
	size_t		nextensions;
	struct aut_pair extension[AUT_EXTENSIONS_MAX];
	char		name[AUT_EXTENSIONS_BYTES];
};
/* NULL: well formed; else what is wrong, static. */
const char *aut_bearer_read(struct alv_str in, struct aut_bearer_said *out) ALV_MUST;

/* What the exchange keeps. */
struct aut_bearer {
	struct aut_oauth   *oauth;
	struct aut_issuers *issuers;	/* until the work is done: those that were current when the token came; NULL: none */
	bool		    waited;	/* for keys; it is not done twice */
	char		    endpoint[TEN_ID_MAX + 1];
	aut_lets_fn	    lets;
	char		   *authzid;	/* NULL: none was asked for */
	struct aut_claims  *claims;
};
void aut_bearer_free(struct aut_bearer *b);	/* NULL is allowed */

#endif
