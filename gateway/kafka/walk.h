/* The state of a walk, shared by its two halves: walk.c reads and decides, walk_out.c writes.
 *
 * Bytes that are kept are not written one by one: [run, p) is what was kept and not yet written. While nothing
 * changes, a whole chunk of input leaves as one reference. Only where something is about to change, or the chunk
 * ends, is the run written (flush), and only then do the counts, sizes and elements that are open get their places
 * in the output (settle): before that they are just addresses in the run.
 *
 * Invariants:
 * - frames[0..settled) have their places; the others' addresses lie in the run, in the order of the frames.
 * - held > 0 only inside the item of the current instruction; those bytes are in hold, not in the run.
 * - between two feeds nothing points into the input: the run is empty and settled == depth.
 * - while mute nothing is written; frames made then are plain, and gone before mute ends. */
#ifndef KAFKA_WALK_H
#define KAFKA_WALK_H

#include "kafka/emit.h"
#include "kafka/plan.h"

struct kfk_frame {
	bool		     tags;		/* a tag section, else an array */
	bool		     loose;		/* the visitor's loose array */
	bool		     plain;		/* nothing in it can change: never gets places */
	bool		     compact;
	bool		     count_out;		/* `count` is its place */
	bool		     part_open;		/* inside an element or a tag */
	bool		     part_out;		/* `mark` or `size` is its place */
	uint8_t		     count_len, part_len;	/* bytes of the numbers at count_at, part_at */
	uint32_t	     left;		/* elements or tags to come, the current one included */
	uint32_t	     orig, kept;	/* as written so far; as it is to be */
	int32_t		     index;		/* of the current element */
	const uint8_t	    *count_at;
	const uint8_t	    *part_at;		/* the element's first byte; the tag's size */
	struct kfk_slot	     count;
	size_t		     count_n;		/* bytes in the chain before the count */
	struct kfk_emit_mark mark;		/* of arrays: where the element begins */
	/* of tag sections */
	struct kfk_slot	     size;
	size_t		     size_n;		/* bytes in the chain behind the size */
	uint32_t	     tag_size;		/* as it came */
	int64_t		     last_tag;
	size_t		     tag_end, outer_limit;
};

enum { KFK_HOLD_FIRST = 64 };

struct kfk_walk_state {
	const struct kfk_plan	 *plan;
	const struct kfk_visitor *v;
	void			 *arg;
	struct alv_arena	 *arena;
	struct kfk_walk		 *walk;
	struct kfk_emit		  out;		/* out.c NULL: only look */
	bool			  changeable;	/* counts may change */

	struct alv_block *block;		/* of the chunk */
	const uint8_t	 *begin, *p, *end, *run;
	size_t		  base;			/* offset of begin in the body */
	size_t		  limit;		/* end of the tag or body around, SIZE_MAX: unknown */
	size_t		  body_end;
	uint32_t	  pc;

	uint8_t *hold;				/* an item that was cut, from its first byte */
	size_t	 held, hold_cap;
	size_t	 pass;				/* bytes to pass before the next instruction */
	bool	 pass_keep, pass_show;
	uint16_t pass_id;

	struct kfk_frame *frames;
	uint32_t	  depth, settled;
	uint32_t	  drop;			/* depth of the array whose element disappears; 0: none does */
	bool		  mute;
	enum alv_err	  result;		/* MORE while the walk goes on */
	uint8_t		  hold_first[KFK_HOLD_FIRST];
};

/* Writes the run up to `to`, after giving every open frame its place. */
void kfk_walk_flush(struct kfk_walk_state *s, const uint8_t *to);
/* Ends the item of n bytes: kept, or left out. */
void kfk_walk_used(struct kfk_walk_state *s, size_t n, bool keep);
/* A frame on top. It begins with an item of n bytes that says `count`; `more` are promised to follow. */
struct kfk_frame *kfk_walk_push(struct kfk_walk_state *s, const struct kfk_op *op, size_t n, uint32_t count, uint32_t more);
void		  kfk_walk_pop(struct kfk_walk_state *s);
/* The next element begins at p. */
void kfk_walk_element(struct kfk_walk_state *s, struct kfk_frame *f);
/* A known tag: its item has a tag of tag_n and a size of size_n bytes. And its end. */
void kfk_walk_tag(struct kfk_walk_state *s, struct kfk_frame *f, size_t tag_n, size_t size_n);
void kfk_walk_tag_end(struct kfk_walk_state *s, struct kfk_frame *f);
/* The innermost element disappears. UNSUPPORTED: there is none, or the visitor said `fixed`. */
enum alv_err kfk_walk_drop(struct kfk_walk_state *s) ALV_MUST;
/* The element that disappears has ended. */
void kfk_walk_undrop(struct kfk_walk_state *s, struct kfk_frame *f);
/* Lets the count say what was kept. */
void kfk_walk_recount(struct kfk_walk_state *s, struct kfk_frame *f);

#endif
