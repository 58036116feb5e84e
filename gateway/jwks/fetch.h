/* One question for an issuer's keys: by https, or a file. Internal to this folder; the fetcher's thread. */
#ifndef JWK_FETCH_H
#define JWK_FETCH_H

#include <alcove/buf.h>
#include <alcove/cidr.h>

#include <stdatomic.h>
#include <sys/socket.h>

struct jwk_ask {
	const char	      *url, *ca_file;	/* ca_file NULL: the system's authorities */
	const struct alv_cidr *allowed;		/* besides the Internet's addresses */
	size_t		       nallowed;
	long		       connect_ms, all_ms;
	const atomic_bool     *stop;		/* true: gives up at once */
};
enum { JWK_WHY = 200 };
/* Bounded in time and in size. False: why says what was wrong; nothing of an answer is in it. */
bool jwk_fetch(const struct jwk_ask *a, struct alv_buf *out, char why[static JWK_WHY]) ALV_MUST;
bool jwk_read(const char *file, struct alv_buf *out, char why[static JWK_WHY]) ALV_MUST;

/* address.c: may it be connected to? What is nobody's on the Internet (loopback, link-local, private, of documents, multicast,
 * and IPv6 that stands for such an IPv4) only where it is in allowed. */
bool jwk_address_may(const struct sockaddr *a, socklen_t n, const struct alv_cidr *allowed, size_t nallowed);

#endif
