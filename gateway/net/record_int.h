/* What the files of records share: one direction's keys. */
#ifndef NET_RECORD_INT_H
#define NET_RECORD_INT_H

#include "net/record.h"

#include <openssl/evp.h>

enum { NET_RECORD_IV = 12, NET_RECORD_TAG = 16 };

struct net_record_way {
	EVP_CIPHER_CTX *ctx;		/* holds the key */
	bool		seals;		/* or opens */
	uint64_t	seq;		/* records under this key */
	uint8_t		iv[NET_RECORD_IV];
	uint8_t		secret[NET_RECORD_SECRET];
};

/* One cipher suite. */
struct net_record_suite {
	int		  nid;
	const EVP_CIPHER *cipher;
	int		  key_n;
};

/* NULL: none of ours. */
const struct net_record_suite *net_record_suite_of(const SSL *ssl);

/* The key and the iv that follow from way->secret; the count begins anew. */
bool net_record_key(struct net_record_way *way, const struct net_record_suite *s, const EVP_MD *md) ALV_MUST;
/* The next generation (7.2). */
bool net_record_next(struct net_record_way *way, const struct net_record_suite *s, const EVP_MD *md) ALV_MUST;

#endif
