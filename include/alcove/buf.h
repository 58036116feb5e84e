/* Memory that moves bytes: arena (per request), buf (one growing piece with a ceiling),
 * block and chain (what sockets read into and write from). One thread at a time each. */
#ifndef ALCOVE_BUF_H
#define ALCOVE_BUF_H

#include <alcove/base.h>
#include <alcove/err.h>

/* ---- arena: allocations that end together -------------------------------------------------
 * Bounded: past `limit` bytes, alloc answers NULL and `failed` stays set. */
struct alv_arena {
	struct alv_arena_chunk *head;
	size_t			used, limit;
	bool			failed;
};

void  alv_arena_init(struct alv_arena *a, size_t limit);
void  alv_arena_fini(struct alv_arena *a);
/* Keeps at most one small chunk for the next use. */
void  alv_arena_reset(struct alv_arena *a);
/* Zeroed, aligned for any type. NULL when over the limit or out of memory. */
void *alv_arena_alloc(struct alv_arena *a, size_t n) ALV_MUST;
/* A copy with a NUL behind it (not counted in n). Null stays null. On failure p == NULL and a->failed. */
struct alv_str alv_arena_str(struct alv_arena *a, struct alv_str s);
/* head followed by tail. */
struct alv_str alv_arena_cat(struct alv_arena *a, struct alv_str head, struct alv_str tail);
struct alv_str alv_arena_printf(struct alv_arena *a, const char *fmt, ...) ALV_PRINTF(2, 3);

/* ---- buf: one piece that grows up to its ceiling -------------------------------------------
 * Writers are never asked one by one: the first failure stays in `err`, later writes do nothing. */
struct alv_buf {
	uint8_t	    *p;
	size_t	     n, cap, limit;
	enum alv_err err;
};

void alv_buf_init(struct alv_buf *b, size_t limit);
void alv_buf_fini(struct alv_buf *b);
/* For what held a secret: overwrites before freeing. */
void alv_buf_wipe(struct alv_buf *b);
void alv_buf_add(struct alv_buf *b, const void *p, size_t n);
void alv_buf_str(struct alv_buf *b, struct alv_str s);
void alv_buf_z(struct alv_buf *b, const char *z);
void alv_buf_byte(struct alv_buf *b, uint8_t v);
void alv_buf_be16(struct alv_buf *b, uint16_t v);
void alv_buf_be32(struct alv_buf *b, uint32_t v);
void alv_buf_printf(struct alv_buf *b, const char *fmt, ...) ALV_PRINTF(2, 3);

/* ---- blocks: counted pieces of memory, from a pool per thread ------------------------------ */
struct alv_pool;	/* one per thread; counts bytes that are out */

struct alv_block {
	struct alv_pool *pool;
	uint32_t	 refs;	/* not atomic: a block stays on its thread */
	uint32_t	 cap;	/* bytes in data */
	uint32_t	 used;	/* bytes filled from the front; only the one who fills it writes this */
	_Alignas(16) uint8_t data[];
};

enum { ALV_BLOCK_SMALL = 4096, ALV_BLOCK_MAX = 256 * 1024 };

struct alv_pool *alv_pool_new(size_t keep_bytes) ALV_MUST;	/* keeps at most so many free bytes */
void		 alv_pool_free(struct alv_pool *p);		/* every block must be back */
/* Frees what was kept and not needed since the last time. */
void		 alv_pool_trim(struct alv_pool *p);
size_t		 alv_pool_out(const struct alv_pool *p);	/* bytes in blocks that are out */
/* A block of nobody else's goes to another pool; NULL: to none, for a while. Thread of the pool it has, or is given. */
void		 alv_block_rehome(struct alv_block *b, struct alv_pool *p);
size_t		 alv_pool_kept(const struct alv_pool *p);	/* bytes in blocks that wait for their next use */
/* At least `want` bytes of room up to ALV_BLOCK_MAX (4, 16, 64 or 256 KiB); one reference. NULL: out of memory. */
struct alv_block *alv_block_get(struct alv_pool *p, size_t want) ALV_MUST;
void		  alv_block_ref(struct alv_block *b);
void		  alv_block_put(struct alv_block *b);	/* NULL is allowed */

/* ---- chain: bytes in order, each piece a view into a counted block ------------------------- */
struct alv_piece {
	struct alv_piece *next;
	struct alv_block *block;	/* holds one reference */
	const uint8_t	 *p;
	size_t		  n;
};

struct alv_chain {
	struct alv_pool	 *pool;		/* pieces and copies come from here */
	struct alv_piece *head, *tail;
	size_t		  n;		/* bytes in all */
	enum alv_err	  err;		/* first failure; later additions do nothing */
};

void alv_chain_init(struct alv_chain *c, struct alv_pool *pool);
void alv_chain_clear(struct alv_chain *c);
/* Adds a view; takes a reference of its own on the block. Joins onto the last piece where contiguous. */
void alv_chain_ref(struct alv_chain *c, struct alv_block *b, const uint8_t *p, size_t n);
/* Adds a copy, into the unused end of the last copy's block where there is room. */
void alv_chain_copy(struct alv_chain *c, const void *p, size_t n);
/* Moves everything of src behind dst; src is empty then. Same pool. */
void alv_chain_move(struct alv_chain *dst, struct alv_chain *src);
/* Moves the first n bytes of src behind dst (n <= src->n), splitting a piece by reference. */
void alv_chain_cut(struct alv_chain *dst, struct alv_chain *src, size_t n);
/* Drops n bytes from the front (n <= c->n). */
void alv_chain_drop(struct alv_chain *c, size_t n);
/* A few bytes that keep large blocks alive are copied into small ones. Out of memory changes nothing. */
void alv_chain_pack(struct alv_chain *c);
/* Copies n bytes from offset at into out without consuming; false when there are fewer. */
bool alv_chain_peek(const struct alv_chain *c, size_t at, void *out, size_t n) ALV_MUST;

/* For a chain that goes to another thread with all its blocks. Leave: its pool does not count them any more; false: somebody
 * else has a share of one of them, or it has failed, and nothing was changed. Enter: the other thread's pool takes them. */
bool alv_chain_leave(struct alv_chain *c) ALV_MUST;
void alv_chain_enter(struct alv_chain *c, struct alv_pool *pool);

/* A place to cut back to: everything added after the mark disappears. Marks nest (last in, first out). */
struct alv_chain_mark {
	struct alv_piece *tail;
	size_t		  tail_n, n;
};
struct alv_chain_mark alv_chain_mark(const struct alv_chain *c);
void		      alv_chain_back(struct alv_chain *c, struct alv_chain_mark m);

#endif
