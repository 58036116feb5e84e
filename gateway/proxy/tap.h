/* What test builds write down: each frame of a client and each part of an answer, so that tests can search all that any client
 * was told, whatever library it is made of. Release builds know no such thing. */
#ifndef PX_TAP_H
#define PX_TAP_H

#include <alcove/buf.h>

struct px_client;

enum px_way { PX_SAID = 'i', PX_TOLD = 'o' };

#ifdef ALV_PARANOID
/* Worker's thread. Appended to a file of the connection's own in the directory ALCOVE_TEST_TAP; nothing where it is not set. */
void px_tap(const struct px_client *c, enum px_way way, const struct alv_chain *frame);
#else
static inline void
px_tap(const struct px_client *c, enum px_way way, const struct alv_chain *frame)
{
	(void)c;
	(void)way;
	(void)frame;
}
#endif

#endif
