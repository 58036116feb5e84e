/* Compiling tables into plans, and the table of plans that were compiled.
 * The compiler folds neighbours that have a fixed size and that nobody looks at into one skip; a skip never
 * reaches over a place that is jumped to, because every such place is asked for by here(), which ends it.
 * Found without a lock: buckets are lists that only grow, at their head, each plan whole before it is linked. */
#include "kafka/plan.h"
#include "kafka/value.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BUCKETS = 512, FIRST_OPS = 32 };

struct compiler {
	const struct kfk_schema *schema;
	int16_t			 version;
	uint64_t		 kinds;
	struct kfk_op		*ops;
	size_t			 nops, cap;
	struct kfk_plan_tag	*tags;
	size_t			 ntags;
	uint32_t		 depth, deepest;
	uint32_t		 skip;		/* bytes not yet in an instruction */
	const struct kfk_field	*skip_from;
	bool			 failed;
};

static void compile_fields(struct compiler *c, const struct kfk_field *owner, uint16_t first, uint16_t count);
static void compile_field(struct compiler *c, const struct kfk_field *f);

static uint16_t
id_of(const struct compiler *c, const struct kfk_field *f)
{
	return f == NULL ? 0 : (uint16_t)(f - c->schema->fields);
}

static bool
flexible(const struct compiler *c)
{
	return c->version >= c->schema->flexible;
}

static bool
present(const struct compiler *c, const struct kfk_field *f)
{
	return kfk_versions_has(f->in, c->version);
}

static bool
tagged(const struct compiler *c, const struct kfk_field *f)
{
	return kfk_versions_has(f->tagged, c->version);
}

static bool
visible(const struct compiler *c, const struct kfk_field *f)
{
	if (c->kinds >> f->kind & 1)
		return true;
	if (f->type != KFK_STRUCT)
		return false;
	for (uint16_t i = f->first; i < f->first + f->count; i++) {
		const struct kfk_field *kid = &c->schema->fields[i];

		if (present(c, kid) && visible(c, kid))
			return true;
	}
	return false;
}

/* Least bytes of a value, or of an element; *fixed: it never has more. */
static uint32_t
least_size(const struct compiler *c, const struct kfk_field *f, bool element, bool *fixed)
{
	bool	 compact = kfk_versions_has(f->flexible, c->version);
	uint32_t n = 0;

	if (f->array && !element) {
		*fixed = false;
		return compact ? 1 : 4;
	}
	if (f->type != KFK_STRUCT) {
		n = (uint32_t)kfk_type_size(f->type);
		if (n > 0)
			return n;
		*fixed = false;
		return compact ? 1 : kfk_type_wide(f->type) ? 4 : 2;
	}
	if (!element && kfk_versions_has(f->nullable, c->version)) {
		*fixed = false;
		return 1;
	}
	if (flexible(c)) {
		*fixed = false;
		n = 1;
	}
	for (uint16_t i = f->first; i < f->first + f->count; i++)
		if (present(c, &c->schema->fields[i]) && !tagged(c, &c->schema->fields[i]))
			n += least_size(c, &c->schema->fields[i], false, fixed);
	return n;
}

static void
add(struct compiler *c, struct kfk_op op)
{
	if (c->nops == c->cap) {
		size_t	       cap = c->cap == 0 ? FIRST_OPS : c->cap * 2;
		struct kfk_op *ops = realloc(c->ops, cap * sizeof(*ops));

		if (ops == NULL) {
			c->failed = true;
			c->nops = 0;	/* goes on in what there is; the result is thrown away */
			if (c->ops == NULL)
				return;
		} else {
			c->ops = ops;
			c->cap = cap;
		}
	}
	c->ops[c->nops++] = op;
}

/* The number of the next instruction, as a place to jump to. */
static uint32_t
here(struct compiler *c)
{
	if (c->skip > 0) {
		uint32_t n = c->skip;

		c->skip = 0;
		add(c, (struct kfk_op){ .code = KFK_OP_SKIP, .id = id_of(c, c->skip_from), .n = n, .f = c->skip_from });
	}
	return (uint32_t)c->nops;
}

static uint32_t
emit(struct compiler *c, enum kfk_opcode code, const struct kfk_field *f, uint32_t n)
{
	uint32_t      at = here(c);
	struct kfk_op op = { .code = (uint8_t)code, .id = id_of(c, f), .n = n, .f = f };

	if (f != NULL) {
		op.flags = (uint8_t)((kfk_versions_has(f->flexible, c->version) ? KFK_COMPACT : 0) |
		    (kfk_versions_has(f->nullable, c->version) ? KFK_NULLABLE : 0) | (visible(c, f) ? KFK_VISIBLE : 0) |
		    (f->array || kfk_type_wide(f->type) ? KFK_WIDE : 0) | (f->array && f->type == KFK_STRUCT ? KFK_STRUCTS : 0));
	}
	add(c, op);
	return at;
}

static void
patch(struct compiler *c, uint32_t at, uint32_t to)
{
	if (!c->failed)
		c->ops[at].to = to;
}

static void
compile_struct(struct compiler *c, const struct kfk_field *f)
{
	bool	 seen = visible(c, f), boxed = seen || kfk_versions_has(f->nullable, c->version);
	uint32_t begin = boxed ? emit(c, KFK_OP_STRUCT, f, 0) : 0;

	compile_fields(c, f, f->first, f->count);
	if (seen)
		(void)emit(c, KFK_OP_STRUCT_END, f, 0);
	if (boxed)
		patch(c, begin, here(c));
}

/* A value that is no struct: a field, or the element of an array of them. */
static void
compile_scalar(struct compiler *c, const struct kfk_field *f)
{
	uint32_t	n = (uint32_t)kfk_type_size(f->type);
	enum kfk_opcode code = f->type == KFK_STRING ? KFK_OP_STRING : KFK_OP_BYTES;
	uint32_t	at;

	if (n > 0 && !visible(c, f)) {
		if (c->skip == 0)
			c->skip_from = f;
		c->skip += n;
		return;
	}
	if (n > 0)
		code = KFK_OP_FIXED;
	else if (!visible(c, f))
		code = KFK_OP_SKIP_BYTES;
	at = emit(c, code, f, n);
	if (f->array && !c->failed) {		/* null is said of the array, not of its elements */
		c->ops[at].flags &= (uint8_t)~(KFK_NULLABLE | KFK_WIDE);
		c->ops[at].flags |= kfk_type_wide(f->type) ? KFK_WIDE : 0;
	}
}

static void
compile_array(struct compiler *c, const struct kfk_field *f)
{
	bool	 fixed = true;
	uint32_t least = least_size(c, f, true, &fixed), begin;

	if (fixed && least > 0 && !visible(c, f)) {
		(void)emit(c, KFK_OP_SKIP_ARRAY, f, least);
		return;
	}
	begin = emit(c, KFK_OP_ARRAY, f, least > 0 ? least : 1);
	if (++c->depth > c->deepest)
		c->deepest = c->depth;
	if (f->type == KFK_STRUCT)
		compile_fields(c, f, f->first, f->count);
	else
		compile_scalar(c, f);
	patch(c, emit(c, KFK_OP_NEXT, f, 0), begin + 1);
	patch(c, begin, here(c));
	c->depth--;
}

static void
compile_field(struct compiler *c, const struct kfk_field *f)
{
	if (f->array)
		compile_array(c, f);
	else if (f->type == KFK_STRUCT)
		compile_struct(c, f);
	else
		compile_scalar(c, f);
}

/* A section: TAGS, TAG, then what each known tag holds. */
static void
compile_tags(struct compiler *c, const struct kfk_field *owner, uint16_t first, uint16_t count)
{
	uint32_t begin = emit(c, KFK_OP_TAGS, owner, 0), loop = emit(c, KFK_OP_TAG, owner, 0), n = 0;
	size_t	 mine = c->ntags, k;

	for (uint16_t i = first; i < first + count; i++)
		n += tagged(c, &c->schema->fields[i]);
	c->ntags += n;
	if (n > 0) {
		struct kfk_plan_tag *tags = realloc(c->tags, c->ntags * sizeof(*tags));

		if (tags == NULL) {
			c->failed = true;
			return;
		}
		c->tags = tags;
	}
	if (++c->depth > c->deepest)
		c->deepest = c->depth;
	k = mine;
	for (uint16_t i = first; i < first + count; i++) {
		const struct kfk_field *f = &c->schema->fields[i];

		if (!tagged(c, f))
			continue;
		c->tags[k++] = (struct kfk_plan_tag){ (uint32_t)f->tag, here(c) };
		compile_field(c, f);
		patch(c, emit(c, KFK_OP_TAG_END, f, 0), loop);
		if (c->failed)
			return;
	}
	c->depth--;
	patch(c, begin, here(c));
	patch(c, loop, here(c));
	if (!c->failed) {
		c->ops[begin].n = c->ops[loop].n = n;
		c->ops[begin].first = c->ops[loop].first = (uint16_t)mine;
	}
}

static void
compile_fields(struct compiler *c, const struct kfk_field *owner, uint16_t first, uint16_t count)
{
	for (uint16_t i = first; i < first + count && !c->failed; i++) {
		const struct kfk_field *f = &c->schema->fields[i];

		if (present(c, f) && !tagged(c, f))
			compile_field(c, f);
	}
	if (flexible(c) && !c->failed)
		compile_tags(c, owner, first, count);
}

static struct kfk_plan *
compile(const struct kfk_schema *s, int16_t version, uint64_t kinds)
{
	struct compiler	 c = { .schema = s, .version = version, .kinds = kinds };
	struct kfk_plan *p = calloc(1, sizeof(*p));

	compile_fields(&c, NULL, 0, s->top);
	(void)emit(&c, KFK_OP_END, NULL, 0);
	if (p == NULL || c.failed) {
		free(c.ops);
		free(c.tags);
		free(p);
		return NULL;
	}
	*p = (struct kfk_plan){ .schema = s, .version = version, .kinds = kinds, .depth = c.deepest, .ops = c.ops, .tags = c.tags };
	return p;
}

/* ---- the table ---- */

static _Atomic(const struct kfk_plan *) buckets[BUCKETS];
static pthread_mutex_t			adding = PTHREAD_MUTEX_INITIALIZER;

static size_t
bucket_of(const struct kfk_schema *s, int16_t version, uint64_t kinds)
{
	uint64_t h = (uint64_t)(uintptr_t)s / sizeof(*s) * 31 + (uint64_t)version;

	h = (h ^ kinds * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	return (size_t)(h >> 40) % BUCKETS;
}

static const struct kfk_plan *
find(size_t bucket, const struct kfk_schema *s, int16_t version, uint64_t kinds)
{
	const struct kfk_plan *p = atomic_load_explicit(&buckets[bucket], memory_order_acquire);

	while (p != NULL && (p->schema != s || p->version != version || p->kinds != kinds))
		p = p->next;
	return p;
}

const struct kfk_plan *
kfk_plan_get(const struct kfk_schema *s, int16_t version, uint64_t kinds)
{
	size_t		       bucket = bucket_of(s, version, kinds);
	const struct kfk_plan *p = find(bucket, s, version, kinds);
	struct kfk_plan	      *made;

	if (p != NULL || !kfk_versions_has(s->versions, version))
		return p;
	pthread_mutex_lock(&adding);
	p = find(bucket, s, version, kinds);
	if (p == NULL && (made = compile(s, version, kinds)) != NULL) {
		made->next = atomic_load_explicit(&buckets[bucket], memory_order_relaxed);
		atomic_store_explicit(&buckets[bucket], made, memory_order_release);
		p = made;
	}
	pthread_mutex_unlock(&adding);
	return p;
}
