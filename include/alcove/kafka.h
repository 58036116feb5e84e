/* The protocol engine's contract. Kafka's message schemas as tables, a resumable walker over any
 * message of any version, a tree for what is built or changed as a whole, and the two headers.
 * No socket, no tenant, no policy: what a value means is its kind, what to do with it is the caller's.
 *
 * Source of the tables: the message schemas of the pinned kafka-clients jar (see `make schema`).
 * Everything here is safe on hostile bytes: lengths and counts are checked against what is left. */
#ifndef ALCOVE_KAFKA_H
#define ALCOVE_KAFKA_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/err.h>

/* ---- schema tables ------------------------------------------------------------------------ */

enum kfk_type {
	KFK_BOOL, KFK_INT8, KFK_INT16, KFK_UINT16, KFK_INT32, KFK_UINT32, KFK_INT64, KFK_FLOAT64,
	KFK_UUID, KFK_STRING, KFK_BYTES, KFK_RECORDS, KFK_STRUCT
};

/* What a value means to the gateway; every string, bytes, uuid and records field has one. */
enum kfk_kind {
#define KIND(name, text) KFK_KIND_##name,
#include <alcove/tbl/kind.def>
#undef KIND
	KFK_KIND_COUNT
};

enum kfk_dir { KFK_REQUEST, KFK_RESPONSE };

/* Versions lo..hi, both included; lo > hi: never. */
struct kfk_versions {
	int8_t lo, hi;
};

struct kfk_field {
	const char	   *name;	/* Kafka's, e.g. "TopicId" */
	uint8_t		    type;	/* enum kfk_type; of the element where `array` */
	uint8_t		    kind;	/* enum kfk_kind */
	bool		    array;
	int8_t		    tag;	/* tag number where `tagged` holds, else -1 */
	struct kfk_versions in;		/* versions that have the field at all */
	struct kfk_versions nullable;
	struct kfk_versions tagged;
	struct kfk_versions flexible;	/* compact encoding; follows the message but for a few header fields */
	uint16_t	    first, count;	/* of a struct: its fields, in the message's `fields` */
	int64_t		    dflt;	/* default of numbers and bools */
	bool		    dflt_null;	/* default of strings, bytes, arrays and structs: null, else empty */
};

/* One message. `fields` holds all levels, each struct's fields side by side in wire order;
 * the message's own are fields[0..top). A field's number in `fields` is its id in tree and walk:
 * gen/field_ids.h names them, e.g. KFK_METADATA_RESPONSE_TOPICS_NAME. */
struct kfk_schema {
	const char	       *name;		/* "MetadataRequest" */
	int16_t			key;		/* -1: a header or an embedded message */
	enum kfk_dir		dir;
	struct kfk_versions	versions;	/* that the tables know */
	int8_t			flexible;	/* first flexible version, 127: none */
	int8_t			unstable;	/* first version not yet stable, 127: none */
	bool			broker;		/* a broker listener serves it */
	uint16_t		top, nfields;
	const struct kfk_field *fields;
};

/* Every api key there is or was: KFK_API_METADATA and so on. Only those a broker serves have tables. */
enum kfk_api {
#define KAPI(key, name, text, who) KFK_API_##name = key,
#include <alcove/tbl/kafka_api.def>
#undef KAPI
};

/* NULL where the tables have no such api (unknown or negative keys included). */
const struct kfk_schema *kfk_schema_find(int32_t key, enum kfk_dir dir);
/* All of them, for tests and generated documents: i from 0, NULL past the end. */
const struct kfk_schema *kfk_schema_at(size_t i);
extern const struct kfk_schema kfk_request_header, kfk_response_header;
extern const struct kfk_schema kfk_consumer_subscription, kfk_consumer_assignment;

static inline bool
kfk_versions_has(struct kfk_versions v, int version)
{
	return version >= v.lo && version <= v.hi;
}

/* ---- values ------------------------------------------------------------------------------- */

struct kfk_value {
	bool	is_null;
	int64_t i;		/* bools and integers */
	double	d;		/* KFK_FLOAT64 */
	struct alv_str s;	/* KFK_STRING; KFK_BYTES that the walker was asked to show whole */
	struct alv_uuid id;	/* KFK_UUID */
	const struct alv_chain *bytes;	/* KFK_BYTES, KFK_RECORDS in trees: views into the input's blocks; arrays: kfk_set_encoded */
};

/* ---- tree: a whole message in an arena ------------------------------------------------------
 * For what is changed as a whole, answered here, or asked by the gateway itself.
 * A message or struct node has one child per field that is present; a field that is absent is
 * encoded with its default. An array node has one child per element. */
struct kfk_node {
	const struct kfk_field *f;	/* NULL at the root */
	uint16_t		id;	/* of f; an element has its array's */
	struct kfk_node	       *next;	/* next sibling */
	struct kfk_node	       *kids, *last;
	struct kfk_value	v;	/* of scalars; is_null also of arrays and structs */
	uint32_t		n;	/* elements of an array */
};

struct kfk_tree {
	const struct kfk_schema *schema;
	int16_t			 version;
	struct alv_arena	*arena;
	struct kfk_node		 root;
	uint32_t		 dropped_tags;	/* unknown tagged fields that were left out */
	struct kfk_fault	*fault;		/* where decoding failed; arena memory */
	struct kfk_held		*held;		/* chains of views that nodes point to */
	struct kfk_node		 dead_end;	/* what a failed addition gives back */
};

/* Where a message was malformed, for one log line. */
struct kfk_fault {
	const char *message, *field;	/* static texts */
	int16_t	    version;
	size_t	    at;			/* offset in the body */
	enum alv_err err;
};

/* An empty message: encodes as all defaults. */
void kfk_tree_init(struct kfk_tree *t, const struct kfk_schema *s, int16_t version, struct alv_arena *a);
/* Decodes a body (without its header). Strings are copied into the arena, bytes and records stay views
 * into the blocks of `body`, referenced by chains that the tree owns (kfk_tree_fini lets them go).
 * The whole body must be consumed (TRAILING). Nodes cost arena memory: the arena's limit bounds them. */
enum alv_err kfk_tree_decode(struct kfk_tree *t, const struct kfk_schema *s, int16_t version,
    const struct alv_chain *body, struct alv_arena *a) ALV_MUST;
/* Appends the body to out. Records and bytes go by reference. Fields outside the version are skipped
 * (they were `ignorable` or have no meaning there). out->err also tells. */
enum alv_err kfk_tree_encode(const struct kfk_tree *t, struct alv_chain *out) ALV_MUST;
/* Lets go of the views; the nodes are the arena's. A tree of kfk_tree_init alone needs none. */
void kfk_tree_fini(struct kfk_tree *t);

/* Field `id` of a struct node (root, element, struct field): NULL when absent. For a null parent NULL. */
struct kfk_node *kfk_get(const struct kfk_node *parent, uint16_t id);
/* Its value, or the default where absent. */
int64_t		kfk_get_int(const struct kfk_tree *t, const struct kfk_node *parent, uint16_t id);
struct alv_str	kfk_get_str(const struct kfk_tree *t, const struct kfk_node *parent, uint16_t id);
struct alv_uuid kfk_get_uuid(const struct kfk_tree *t, const struct kfk_node *parent, uint16_t id);
/* Bytes in one piece: views over several blocks are copied into the arena. Null where null, absent with such a
 * default, or out of memory (t->arena->failed). */
struct alv_str	kfk_get_bytes(const struct kfk_tree *t, const struct kfk_node *parent, uint16_t id);
/* The same for an element of an array. */
struct alv_str	kfk_node_bytes(const struct kfk_tree *t, const struct kfk_node *n);
/* The value of a float64 field. */
double		kfk_get_float(const struct kfk_tree *t, const struct kfk_node *parent, uint16_t id);
/* Sets, adding the field where absent. Out of memory stays in t->arena->failed, which encode reports.
 * Strings are not copied: they live in the arena or longer. */
void kfk_set_int(struct kfk_tree *t, struct kfk_node *parent, uint16_t id, int64_t v);
void kfk_set_str(struct kfk_tree *t, struct kfk_node *parent, uint16_t id, struct alv_str s);
void kfk_set_bytes(struct kfk_tree *t, struct kfk_node *parent, uint16_t id, struct alv_str s);
void kfk_set_uuid(struct kfk_tree *t, struct kfk_node *parent, uint16_t id, struct alv_uuid u);
void kfk_set_float(struct kfk_tree *t, struct kfk_node *parent, uint16_t id, double v);
void kfk_set_null(struct kfk_tree *t, struct kfk_node *parent, uint16_t id);
/* Makes the array (or struct) field present and empty; returns its node, never NULL (a dead end on failure). */
struct kfk_node *kfk_set_empty(struct kfk_tree *t, struct kfk_node *parent, uint16_t id);
/* A new element at the end; for arrays of scalars its v is the caller's to set. Never NULL. */
struct kfk_node *kfk_add(struct kfk_tree *t, struct kfk_node *array);
/* n elements more of an array that has no nodes for them: they are encoded, and all of the chain from there on. The chain is there, and
 * grows only by such elements of this array, until the tree is encoded or another array has its own behind them. */
void kfk_set_encoded(struct kfk_node *array, const struct alv_chain *c, size_t from, uint32_t n);
/* Unlinks an element or field; prev is the one before it, NULL for the first. O(1). */
void kfk_unlink(struct kfk_node *parent, struct kfk_node *prev, struct kfk_node *child);
/* Moves an unlinked element behind an array of the same field. */
void kfk_append(struct kfk_node *array, struct kfk_node *element);

/* ---- walk: resumable pass over a body, looking, rewriting, filtering ------------------------ */

/* A plan: one (message, version, interest) compiled flat; runs of fields nobody looks at are one skip.
 * Immutable, shared by all threads, lives as long as the process. */
struct kfk_plan;
/* `kinds` is a bit set of 1 << enum kfk_kind that the visitor wants to see (fields of array and struct
 * type are shown by begin and end where they hold such a field). NULL: no memory or unknown version. */
const struct kfk_plan *kfk_plan_get(const struct kfk_schema *s, int16_t version, uint64_t kinds);

enum kfk_do {
	KFK_KEEP,	/* goes out as it came */
	KFK_REPLACE,	/* *v was changed and goes out instead (bytes: v->s or v->bytes); its memory must last until
			 * kfk_walk_feed returns. Null only where the version allows it (NULL_VALUE) */
	KFK_DROP,	/* the innermost array element around this field disappears, counts follow; UNSUPPORTED
			 * where no array is around it */
	KFK_STOP	/* ends the walk with `v->i`, set by the visitor, as enum alv_err (DENIED where that is none,
			 * or there is no v) */
};

/* What a walk meets. Ids are field ids. Any callback may be NULL. Bytes and records are shown by length
 * only (v->i), but for kinds named in `whole`. What is shown lives until the callback returns; nothing is shown of
 * the rest of an element that is being dropped but its end. `field` is called for each element of an array of
 * scalars, `element` only for structs. */
struct kfk_visitor {
	enum kfk_do (*field)(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v);
	/* n < 0: null. KFK_DROP here drops the element around the array; KFK_KEEP goes on. */
	enum kfk_do (*array_begin)(void *arg, uint16_t id, int32_t n);
	/* After the last element of an array that is not null: may append encoded elements to out, a chain of its
	 * own (see kfk_emit_element; NULL: the walk only looks), and returns how many. */
	uint32_t (*array_end)(void *arg, uint16_t id, struct alv_chain *out);
	void (*element)(void *arg, uint16_t id, int32_t index);		/* before each struct element */
	void (*element_end)(void *arg, uint16_t id, bool dropped);
	/* A piece of a records field, in order, as it passes; for reading batch headers. May be cut anywhere. */
	enum alv_err (*records)(void *arg, uint16_t id, const uint8_t *p, size_t n);
	/* The same for bytes and records that are not `whole`, with the block that holds it (NULL: none does).
	 * Only fields of a visible kind, and neither what was replaced nor what was dropped. */
	enum alv_err (*piece)(void *arg, uint16_t id, struct alv_block *b, const uint8_t *p, size_t n);
	/* A struct that is no element: around its fields, with the answers of array_begin; nothing follows a null one. */
	enum kfk_do (*struct_begin)(void *arg, uint16_t id, bool is_null);
	void (*struct_end)(void *arg, uint16_t id);
	/* How many elements array_end is going to append, asked after array_begin where the array is not null: the
	 * count then goes out right at once. array_end must keep the promise. */
	uint32_t (*array_more)(void *arg, uint16_t id, int32_t n);
	/* Kinds of bytes fields that are shown with their content in v->s, which may be replaced; those that come in
	 * several pieces are put together in the arena. */
	uint64_t whole;
	/* Behind the message's own tagged fields, in flexible versions: may append more of them, encoded, with tags above
	 * those that the tables know, and returns how many. By then all else is in the walk's out. */
	uint32_t (*tail)(void *arg, struct alv_chain *out);
	/* Outside tagged fields nothing is dropped and array_end only does what array_more said: what is out is final,
	 * but for tagged fields, and kfk_walk_take may send it on while the walk goes on. There KFK_DROP fails with
	 * UNSUPPORTED. */
	bool fixed;
	/* But for the elements of this array, outside tagged fields: they may be dropped all the same, and what is out is final
	 * before its count and behind its end only. 0: there is none. */
	uint16_t loose;
};

struct kfk_walk {
	uint32_t	  dropped_tags;
	uint32_t	  dropped_elements;
	struct kfk_fault  fault;
	struct kfk_walk_state *state;
};

/* out == NULL: only look. Otherwise everything that is kept is appended to out, large runs by reference
 * to the blocks fed, small ones copied. Scratch memory comes from the arena, which must outlive the walk. */
enum alv_err kfk_walk_init(struct kfk_walk *w, const struct kfk_plan *plan, const struct kfk_visitor *v,
    void *arg, struct alv_chain *out, struct alv_arena *a) ALV_MUST;
/* Takes the next bytes, cut anywhere. MORE: the message is not complete; OK: it is and all n bytes were
 * used; anything else: malformed (fault says where) or stopped; the walk is over then. */
enum alv_err kfk_walk_feed(struct kfk_walk *w, struct alv_block *b, const uint8_t *p, size_t n) ALV_MUST;
/* Right after init: the body has so many bytes. Lengths and counts beyond that fail at once (LENGTH), and a body
 * that is not complete after so many is SHORT, one that ends before TRAILING. Without it only what really arrives is counted on. */
void kfk_walk_expect(struct kfk_walk *w, size_t body_n);
/* Bytes used so far. */
size_t kfk_walk_at(const struct kfk_walk *w);
/* Moves to dst what is final at the front of the walk's out; between two feeds, most useful with `fixed`. */
void kfk_walk_take(struct kfk_walk *w, struct alv_chain *dst);
/* Feeds a whole body; MORE becomes SHORT. */
enum alv_err kfk_walk_chain(struct kfk_walk *w, const struct alv_chain *body) ALV_MUST;
void kfk_walk_fini(struct kfk_walk *w);

/* Encodes one element of array field `id` (a node made by kfk_add on a tree of the same schema and version). */
enum alv_err kfk_emit_element(const struct kfk_tree *t, const struct kfk_node *element, struct alv_chain *out) ALV_MUST;

/* ---- frames and headers --------------------------------------------------------------------- */

struct kfk_req_header {
	int16_t	       key, version;
	int32_t	       correlation_id;
	struct alv_str client_id;	/* null allowed; arena */
	size_t	       size;		/* bytes of the header: the body begins here */
};

/* The size field in front of a frame. MORE: fewer than 4 bytes; LIMIT: negative or above max. */
enum alv_err kfk_frame_size(const struct alv_chain *in, uint32_t max, uint32_t *size) ALV_MUST;
/* Key, version and correlation id only: UNKNOWN_API / UNKNOWN_VERSION where the tables have no schema, with
 * those three set all the same (ApiVersions has its soft fallback). Frame without its size field. */
enum alv_err kfk_req_header_read(const struct alv_chain *frame, struct alv_arena *a, struct kfk_req_header *h) ALV_MUST;
/* Appends size, header; body_n bytes of body must follow. */
void kfk_req_header_write(struct alv_chain *out, const struct kfk_req_header *h, size_t body_n);
void kfk_rsp_header_write(struct alv_chain *out, int16_t key, int16_t version, int32_t correlation_id, size_t body_n);
/* Reads the correlation id and skips the header (tags of flexible ones included); *size as above. */
enum alv_err kfk_rsp_header_read(const struct alv_chain *frame, int16_t key, int16_t version, int32_t *correlation_id,
    size_t *size) ALV_MUST;

/* ---- records: only the fixed front of each v2 batch is read --------------------------------- */

struct kfk_batches {		/* feed with the `records` callback or whole */
	uint8_t	 front[61];
	uint32_t have;		/* bytes of front that are here */
	uint64_t skip;		/* bytes of the batch still to pass */
	uint32_t count;		/* batches seen */
	bool	 transactional, control;	/* any of them */
	int64_t	 first_offset, last_offset;	/* base of the first batch seen; last record of the last */
};
/* VALUE: not magic 2 or an impossible length. */
enum alv_err kfk_batches_feed(struct kfk_batches *b, const uint8_t *p, size_t n) ALV_MUST;

/* ---- names inside bytes: the classic consumer protocol --------------------------------------
 * Subscription and Assignment of protocol type "consumer": old encoding, a version in front, later fields may
 * be missing, trailing bytes are kept as they are; a version above the last known is read as that one. Null and
 * zero-length values stay what they are. `map` is asked for topic names, group ids and transactional ids only. */
typedef enum alv_err (*kfk_map_fn)(void *arg, enum kfk_kind kind, struct alv_str in, struct alv_arena *a,
    struct alv_str *out);	/* OK; NOT_FOUND: leave the entry out; else the whole fails */
enum alv_err kfk_embedded_map(const struct kfk_schema *s, struct alv_str in, kfk_map_fn map, void *arg,
    struct alv_arena *a, struct alv_str *out) ALV_MUST;

/* ---- Kafka's own error codes: names and standard messages ----------------------------------- */
enum kfk_code {
#define KCODE(code, name, text) KFK_##name = code,
#include <alcove/tbl/kafka_err.def>
#undef KCODE
};
const char *kfk_code_name(int16_t code);	/* "UNKNOWN_TOPIC_OR_PARTITION"; "UNKNOWN" for codes outside the table */
const char *kfk_code_text(int16_t code);

#endif
