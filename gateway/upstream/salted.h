/* SCRAM's salted passwords, so that PBKDF2 runs once for each salt however many links log in at the same time. */
#ifndef UPS_SALTED_H
#define UPS_SALTED_H

#include "upstream/link.h"

/* Embedded in who waits for a password. */
struct ups_salt_wait {
	struct ups_salt_wait *next;
	/* salted NULL: the work failed. Runs on the loop, never from inside ups_salted_get. */
	void (*done)(struct ups_salt_wait *w, const uint8_t *salted);
	struct ups_salted_entry *entry;	/* the cache's; NULL: not waiting */
};

struct ups_salted *ups_salted_new(void) ALV_MUST;
/* Wipes; nobody may wait any more and no work be under way. */
void ups_salted_free(struct ups_salted *s);
/* For client's mechanism, salt and iterations. OK: client->salted was filled. AGAIN: w->done will tell. FULL: the crypto
 * pool's queue, or too many different salts under way. */
enum alv_err ups_salted_get(struct ups_ctx *c, struct aut_client *client, struct ups_salt_wait *w) ALV_MUST;
void	     ups_salted_cancel(struct ups_salt_wait *w);	/* w->done will not run */

#endif
