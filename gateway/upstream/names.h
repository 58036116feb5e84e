/* Addresses of brokers' names, remembered for a moment: many connections at once are one question, and a name that moved
 * is noticed by the next connection after that. One cache per loop. */
#ifndef UPS_NAMES_H
#define UPS_NAMES_H

#include "upstream/link.h"

enum { UPS_ADDRESSES = 8 };

struct ups_addresses {
	size_t			n;
	struct sockaddr_storage a[UPS_ADDRESSES];	/* in the resolver's order, the port set */
	socklen_t		len[UPS_ADDRESSES];
};

struct ups_names;
struct ups_name;

/* Embedded in who asks; zero before its first use. */
struct ups_name_wait {
	struct ups_name	     *name;	/* NULL: not waiting */
	struct ups_name_wait *next;
	uint16_t	      port;
	/* all NULL: gai_error (of getaddrinfo) says why. Never from inside ups_names_get. */
	void (*done)(struct ups_name_wait *w, const struct ups_addresses *all, int gai_error);
};

struct ups_names *ups_names_new(void) ALV_MUST;
void		  ups_names_free(struct ups_names *n);	/* no question is under way, nobody waits */
/* OK: *out is filled; a host that is an address always is. AGAIN: w->done will tell. FULL, NOMEM: not now. */
enum alv_err ups_names_get(struct ups_ctx *c, const char *host, uint16_t port, struct ups_name_wait *w, struct ups_addresses *out) ALV_MUST;
void	     ups_names_cancel(struct ups_name_wait *w);	/* w->done will not run */
/* None of its addresses answered: the next one asks anew. */
void ups_names_forget(struct ups_ctx *c, const char *host);

#endif
