/* What is wrong with a configuration, collected: lines "file:line: key: found ..., expected ...".
 * One collector per load, one thread. */
#ifndef ALCOVE_POLICIES_DIAG_H
#define ALCOVE_POLICIES_DIAG_H

#include <alcove/buf.h>

enum { POL_DIAG_MAX = 20 };

struct pol_diag {
	const char     *file;
	struct alv_buf *out;
	unsigned	n;	/* all of them, also those not written */
};

/* key "" for what concerns the file. Past POL_DIAG_MAX only counts. */
void pol_diag_at(struct pol_diag *d, unsigned line, const char *key, const char *fmt, ...) ALV_PRINTF(4, 5);
/* A value as it may be shown: quoted and cut. Control characters pol_diag_at makes '?' in all it is given. */
struct alv_str pol_diag_quote(struct alv_arena *a, struct alv_str s);
/* Edits between two names; over 99 counts as 99. */
unsigned pol_diag_distance(struct alv_str a, struct alv_str b);

#endif
