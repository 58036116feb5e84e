/* The writer behind tree and walk: small things go side by side into blocks of its own, large ones by reference.
 * Slots are numbers written before they are known (counts, sizes), marks are places to cut back to.
 * The first failure stays in the chain's err; after it nothing is written. One thread; the chain is the caller's. */
#ifndef KAFKA_EMIT_H
#define KAFKA_EMIT_H

#include <alcove/buf.h>

struct kfk_emit {
	struct alv_chain *c;
	struct alv_block *b;	/* one reference of ours, so that nobody else fills it; NULL: none yet */
};

struct kfk_slot {
	struct alv_piece *piece;	/* a varint's own piece, whose length follows the value */
	uint8_t		 *at;		/* NULL: not reserved */
	bool		  compact;
};

struct kfk_emit_mark {
	struct alv_chain_mark c;
	struct alv_block     *b;
	uint32_t	      used;
};

enum { KFK_BY_REFERENCE = 256 };	/* from this size on a piece of its own is cheaper than a copy */

void kfk_emit_init(struct kfk_emit *e, struct alv_chain *c);
void kfk_emit_fini(struct kfk_emit *e);
void kfk_emit_copy(struct kfk_emit *e, const void *p, size_t n);
/* By reference where large enough; b may be NULL for memory that is in no block. */
void kfk_emit_pass(struct kfk_emit *e, struct alv_block *b, const uint8_t *p, size_t n);
/* Everything of src, in the same way; src stays as it is. */
void kfk_emit_chain(struct kfk_emit *e, const struct alv_chain *src);
/* n bytes of it, from there on. */
void kfk_emit_range(struct kfk_emit *e, const struct alv_chain *src, size_t from, size_t n);
void kfk_emit_be16(struct kfk_emit *e, uint16_t v);
void kfk_emit_be32(struct kfk_emit *e, uint32_t v);
void kfk_emit_be64(struct kfk_emit *e, uint64_t v);
void kfk_emit_uvarint(struct kfk_emit *e, uint32_t v);
/* Writes v so that kfk_emit_patch can change it later; as int32 or as a varint. */
struct kfk_slot kfk_emit_slot(struct kfk_emit *e, bool compact, uint32_t v);
void		kfk_emit_patch(struct kfk_emit *e, const struct kfk_slot *s, uint32_t v);
/* Cutting back also gives back the room behind the mark. Marks nest; slots before a mark survive. */
struct kfk_emit_mark kfk_emit_mark(const struct kfk_emit *e);
void		     kfk_emit_back(struct kfk_emit *e, struct kfk_emit_mark m);

#endif
