/* What the files of tally/ share: the book and its shelves. */
#ifndef TAL_BOOK_H
#define TAL_BOOK_H

#include <alcove/tally.h>

#include <pthread.h>
#include <stdatomic.h>

enum { TAL_BUCKETS = 1024 };

struct tal_slot {
	uint64_t key;		/* 0: nobody's */
	uint32_t seen_s;
	uint16_t more_s;	/* so much longer than others it is there without being seen */
};

struct tal_set {
	size_t		 n, slots;	/* slots: a power of two, or 0 */
	struct tal_slot *slot;
};

/* Topics that are being created by one request. */
struct tal_pending {
	uint64_t	ticket, key;	/* key: of its name; 0: it has none */
	struct tal_room room;
	uint32_t	until_s;
};

/* Of one tenant. */
struct tal_shelf {
	struct tal_shelf   *next;
	pthread_mutex_t	    lock;
	struct tal_set	    of[TAL_KINDS];
	uint64_t	    bytes, adding;
	uint64_t	    tickets;
	size_t		    npending;
	struct tal_pending *pending;	/* room.c */
	size_t		    name_n;
	char		    name[];
};

struct tal_book {
	uint64_t		  key[2];	/* of names' hashes */
	pthread_mutex_t		  lock;		/* of new shelves */
	struct tal_shelf *_Atomic bucket[TAL_BUCKETS];
};

uint64_t tal_key_of(const struct tal_book *b, struct tal_name x);	/* never 0 */
/* Locked; the caller unlocks s->lock. NULL: it has none, or there is no memory to make one. */
struct tal_shelf *tal_shelf_take(struct tal_book *b, struct alv_str tenant, bool make);

#endif
