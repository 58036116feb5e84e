/* The flat form of one message in one version for one set of kinds, and what its instructions mean to walk.c.
 * Immutable once it can be found, so that all threads may run it. */
#ifndef KAFKA_PLAN_H
#define KAFKA_PLAN_H

#include <alcove/kafka.h>

enum kfk_opcode {
	KFK_OP_SKIP,		/* n bytes of fields that nobody looks at */
	KFK_OP_SKIP_BYTES,	/* a string, bytes or records, by its length */
	KFK_OP_SKIP_ARRAY,	/* elements of n bytes each */
	KFK_OP_FIXED,		/* a visible number, bool or uuid of n bytes */
	KFK_OP_STRING,		/* visible */
	KFK_OP_BYTES,		/* visible bytes or records */
	KFK_OP_ARRAY,		/* elements of n bytes at least follow, up to NEXT; to: behind it */
	KFK_OP_NEXT,		/* to: the first instruction of an element */
	KFK_OP_STRUCT,		/* begins one that may be null or is visible; to: behind it */
	KFK_OP_STRUCT_END,	/* of a visible one */
	KFK_OP_TAGS,		/* a tag section: n known tags from plan->tags[first]; to: behind it */
	KFK_OP_TAG,		/* one tag or the section's end; the TAGS is right before it */
	KFK_OP_TAG_END,		/* to: the TAG */
	KFK_OP_END
};

enum {
	KFK_COMPACT = 1 << 0,
	KFK_NULLABLE = 1 << 1,
	KFK_VISIBLE = 1 << 2,
	KFK_WIDE = 1 << 3,	/* the old length is an int32, not an int16 */
	KFK_STRUCTS = 1 << 4	/* elements are structs */
};

struct kfk_op {
	uint8_t			code, flags;
	uint16_t		id, first;
	uint32_t		n, to;
	const struct kfk_field *f;	/* NULL: tagged fields of the message itself, or its end */
};

struct kfk_plan_tag {
	uint32_t tag, pc;
};

struct kfk_plan {
	const struct kfk_plan	*next;		/* in its bucket */
	const struct kfk_schema *schema;
	int16_t			 version;
	uint64_t		 kinds;
	uint32_t		 depth;		/* arrays and tag sections inside each other, at most */
	struct kfk_op		*ops;
	struct kfk_plan_tag	*tags;
};

#endif
