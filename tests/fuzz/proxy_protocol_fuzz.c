/* Any bytes as a PROXY header: the first byte says which versions are taken and where the rest is cut. What must hold: the
 * answer does not depend on the cut; it comes before the bound; what is DONE lies within the bytes. */
#include <alcove/base.h>

#include "net/proxy_protocol.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

/* In an allocation of just its size, so that reading beyond shows. */
static enum net_proxy_step
ask(const uint8_t *p, size_t n, unsigned versions, struct net_proxy_head *h)
{
	uint8_t		   *copy = malloc(n + (n == 0));
	enum net_proxy_step step;

	MUST(copy != NULL);
	if (n > 0)
		memcpy(copy, p, n);
	step = net_proxy_read(copy, n, versions, h);
	free(copy);
	MUST((step == NET_PROXY_BAD) == (h->why != NULL));
	MUST(step != NET_PROXY_DONE || (h->size > 0 && h->size <= n && h->size <= NET_PROXY_MAX));
	MUST(step == NET_PROXY_DONE || !h->known);
	MUST(step != NET_PROXY_MORE || n < NET_PROXY_MAX);
	MUST(!h->known || h->source.ss_family != 0);
	return step;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct net_proxy_head whole, part;
	enum net_proxy_step   step, at_cut;
	unsigned	      versions;
	size_t		      cut;

	if (n < 2)
		return 0;
	versions = data[0] & 3;
	cut = (size_t)(data[0] >> 2) + data[1];
	data += 2;
	n -= 2;
	step = ask(data, n, versions, &whole);
	at_cut = ask(data, cut < n ? cut : n, versions, &part);
	MUST(at_cut == NET_PROXY_MORE || (at_cut == step && part.size == whole.size && part.known == whole.known));
	MUST(step != NET_PROXY_DONE || (cut < whole.size) == (at_cut == NET_PROXY_MORE));
	return 0;
}
