/* Publishing immutable things to threads that read without locks: a writer swaps a pointer and retires the old
 * object; it is freed when every reader has passed a quiet point since. */
#ifndef ALCOVE_QSBR_H
#define ALCOVE_QSBR_H

#include <alcove/base.h>

enum { ALV_READERS_MAX = 80 };

struct alv_qsbr;

struct alv_qsbr *alv_qsbr_new(void) ALV_MUST;
void		 alv_qsbr_free(struct alv_qsbr *q);	/* frees what is still retired; no reader may be left */
/* A reader's number, -1: too many. Any thread, before it reads. */
int  alv_qsbr_join(struct alv_qsbr *q) ALV_MUST;
/* The reader holds nothing that it read before. End of each loop turn. */
void alv_qsbr_quiet(struct alv_qsbr *q, int reader);
/* The reader sleeps and holds nothing; the next quiet makes it count again (call it right after waking). */
void alv_qsbr_idle(struct alv_qsbr *q, int reader);
/* Writers (any thread, serialised inside). Never fails: without memory it waits for the readers. */
void alv_qsbr_retire(struct alv_qsbr *q, void *p, void (*free_fn)(void *p));
void alv_qsbr_reclaim(struct alv_qsbr *q);

#endif
