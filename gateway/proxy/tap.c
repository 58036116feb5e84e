/* See tap.h. A file holds pieces: the way (a byte), the tenant as it is known then (its length in a byte, and it), the length of what
 * follows (4 bytes, big endian), and that. Of a long one both ends, which hold what is not records. */
#include "proxy/tap.h"

#ifdef ALV_PARANOID
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/client.h"

enum { END = 128 * 1024 };

static void
put(FILE *f, const struct alv_chain *c, size_t from, size_t to)
{
	size_t at = 0;

	for (const struct alv_piece *x = c->head; x != NULL && at < to; at += x->n, x = x->next) {
		size_t a = from > at ? from - at : 0, b = to - at < x->n ? to - at : x->n;

		if (a < b)
			fwrite(x->p + a, 1, b - a, f);
	}
}

void
px_tap(const struct px_client *c, enum px_way way, const struct alv_chain *frame)
{
	const char *dir = getenv("ALCOVE_TEST_TAP");
	size_t	    n = frame->n > 2 * END ? 2 * (size_t)END : frame->n;
	uint8_t	    head[6] = { (uint8_t)way, (uint8_t)strlen(c->conn.tenant) }, size[4];
	char	    path[512];
	FILE	   *f;

	if (dir == NULL)
		return;
	snprintf(path, sizeof(path), "%s/%p-%" PRIu64, dir, (const void *)c, c->opened_us);
	f = fopen(path, "ae");
	if (f == NULL)
		return;	/* a test without descriptors */
	fwrite(head, 1, 2, f);
	fwrite(c->conn.tenant, 1, head[1], f);
	alv_put_be32(size, (uint32_t)n);
	fwrite(size, 1, sizeof(size), f);
	put(f, frame, 0, n < 2 * (size_t)END ? n : END);
	if (n == 2 * (size_t)END)
		put(f, frame, frame->n - END, frame->n);
	fclose(f);
}
#endif
