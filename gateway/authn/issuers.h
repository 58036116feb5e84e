/* Issuers with their keys. Internal to this folder. */
#ifndef AUT_ISSUERS_H
#define AUT_ISSUERS_H

#include <alcove/oauth.h>

#include <stdatomic.h>

struct aut_issuer {
	const struct pol_issuer *conf;
	struct aut_source	*source;
};

struct aut_issuers {
	atomic_uint	  refs;
	size_t		  n;
	struct aut_issuer at[];
};

#endif
