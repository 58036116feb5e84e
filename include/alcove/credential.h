/* SCRAM credentials that are set or taken away, many at once: what is imported by REST, and what Kafka's AlterUserScramCredentials
 * asks for. Keys of users: wiped with the list. One thread at a time. */
#ifndef ALCOVE_CREDENTIAL_H
#define ALCOVE_CREDENTIAL_H

#include <alcove/policy.h>

enum { POL_CREDENTIALS_MAX = 10000, POL_USERS_MAX = 10000 /* of a tenant */, POL_USER_NAME_MAX = 255 };
enum { POL_USERS_ALTER_MAX = 1000 };	/* users that one request of a client may name: what may hold up its worker, and the control thread */

struct pol_credential {
	char		   user[POL_USER_NAME_MAX + 1];
	enum pol_mechanism mechanism;
	bool		   remove;		/* keys are not looked at */
	bool		   salted_set;		/* the keys are still to be made, of `salted`: SaltedPassword of RFC 5802 */
	uint8_t		   salted[64];
	struct pol_scram   keys;
	enum alv_err	   err;			/* what became of it, where some may fail */
};

struct pol_credentials {
	size_t		       n, room;
	struct pol_credential *item;
};
struct pol_credentials *pol_credentials_new(void) ALV_MUST;	/* empty; NULL: out of memory */
void			pol_credentials_free(struct pol_credentials *c);	/* wipes; NULL is allowed */
/* One more, all zero; NULL: out of memory, or there are POL_CREDENTIALS_MAX. Items move with it. */
struct pol_credential  *pol_credentials_add(struct pol_credentials *c) ALV_MUST;

/* "SCRAM-SHA-256", or as Kafka's records number it ("1"). False: neither. */
bool pol_mechanism_find(struct alv_str name, enum pol_mechanism *m);
const char *pol_mechanism_name(enum pol_mechanism m);
/* Bytes of a stored key and of a server key. */
size_t pol_mechanism_bytes(enum pol_mechanism m);

#endif
