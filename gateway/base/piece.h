/* The pieces of chains, lent by the pool of their thread: most live for one turn, and there are many. */
#ifndef BASE_PIECE_H
#define BASE_PIECE_H

#include <alcove/buf.h>

/* Not zeroed. NULL: out of memory. pool NULL: of no pool, for a chain that is under way between two threads. */
struct alv_piece *alv_piece_get(struct alv_pool *pool) ALV_MUST;
void		  alv_piece_put(struct alv_pool *pool, struct alv_piece *x);

#endif
