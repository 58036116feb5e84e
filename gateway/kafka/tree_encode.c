/* From nodes to bytes, by the table. What is absent goes out as its default; a tagged field that equals its
 * default is not written, as Kafka's own code does, so that frames compare byte for byte. */
#include <alcove/str.h>

#include "kafka/emit.h"
#include "kafka/tree.h"
#include "kafka/value.h"

struct enc {
	struct kfk_emit		 out;
	const struct kfk_schema *schema;
	int16_t			 version;
	enum alv_err		 err;
};

static void put_fields(struct enc *e, uint16_t first, uint16_t count, const struct kfk_node *n);

static void
fail(struct enc *e, enum alv_err err)
{
	if (!e->err)
		e->err = err;
}

/* Kids mostly stand in the order of the table: *hint is the one to try first. */
static const struct kfk_node *
find(const struct kfk_node *parent, uint16_t id, const struct kfk_node **hint)
{
	const struct kfk_node *k = *hint;

	if (k == NULL || k->id != id)
		k = kfk_get(parent, id);
	if (k != NULL)
		*hint = k->next;
	return k;
}

static bool
is_null(const struct kfk_field *f, const struct kfk_node *n)
{
	return n == NULL ? f->dflt_null : n->v.is_null;
}

static size_t
value_size(const struct kfk_node *n)
{
	if (n == NULL)
		return 0;
	return n->v.bytes != NULL ? n->v.bytes->n : n->v.s.n;
}

static bool all_default(const struct enc *e, const struct kfk_node *n);

static bool
is_default(const struct enc *e, const struct kfk_field *f, const struct kfk_node *n)
{
	if (n == NULL)
		return true;
	if (f->array || f->type == KFK_STRUCT || f->type == KFK_STRING || f->type == KFK_BYTES || f->type == KFK_RECORDS) {
		if (n->v.is_null || f->dflt_null)
			return n->v.is_null && f->dflt_null;
		if (f->array)
			return n->n == 0;
		return f->type == KFK_STRUCT ? all_default(e, n) : value_size(n) == 0;
	}
	switch ((enum kfk_type)f->type) {
	case KFK_UUID:
		return alv_uuid_zero(n->v.id);
	case KFK_FLOAT64:
		return n->v.d >= (double)f->dflt && n->v.d <= (double)f->dflt;
	case KFK_BOOL:
		return (n->v.i != 0) == (f->dflt != 0);
	default:
		return n->v.i == f->dflt;
	}
}

static bool
all_default(const struct enc *e, const struct kfk_node *n)
{
	for (const struct kfk_node *k = n->kids; k != NULL; k = k->next)
		if (kfk_versions_has(k->f->in, e->version) && !is_default(e, k->f, k))
			return false;
	return true;
}

static void
put_length(struct enc *e, bool compact, int64_t n)
{
	fail(e, kfk_length_write(&e->out, compact, true, n));
}

/* Null goes out only where the version allows it. */
static bool
check_null(struct enc *e, const struct kfk_field *f)
{
	if (kfk_versions_has(f->nullable, e->version))
		return true;
	fail(e, ALV_E_NULL_VALUE);
	return false;
}

static void
put_struct(struct enc *e, const struct kfk_field *f, const struct kfk_node *n)
{
	static const uint8_t present = 1, null = 0xff;
	bool		     nullable = kfk_versions_has(f->nullable, e->version) && !f->array;

	if (is_null(f, n) && !f->array) {
		if (check_null(e, f))
			kfk_emit_copy(&e->out, &null, 1);
		return;
	}
	if (nullable)
		kfk_emit_copy(&e->out, &present, 1);
	put_fields(e, f->first, f->count, n);
}

/* One value: a field that is no array, or an element of one. */
static void
put_value(struct enc *e, const struct kfk_field *f, const struct kfk_node *n)
{
	struct kfk_value dflt;

	if (f->type == KFK_STRUCT) {
		put_struct(e, f, n);
		return;
	}
	if (n == NULL)
		dflt = (struct kfk_value){ .is_null = f->dflt_null, .i = f->dflt, .d = (double)f->dflt, .s = ALV_STR("") };
	fail(e, kfk_value_write(&e->out, f, e->version, n == NULL ? &dflt : &n->v));
}

static void
put_field(struct enc *e, const struct kfk_field *f, const struct kfk_node *n)
{
	bool compact = kfk_versions_has(f->flexible, e->version);

	if (!f->array) {
		put_value(e, f, n);
		return;
	}
	if (is_null(f, n)) {
		if (check_null(e, f))
			put_length(e, compact, -1);
		return;
	}
	put_length(e, compact, n == NULL ? 0 : n->n);
	for (const struct kfk_node *k = n == NULL ? NULL : n->kids; k != NULL && !e->err; k = k->next)
		put_value(e, f, k);
	if (n != NULL && n->v.bytes != NULL)
		kfk_emit_range(&e->out, n->v.bytes, (size_t)n->v.i, n->v.s.n);
}

/* The tagged field with the smallest tag above `before` that has to be written; NULL: no more. */
static const struct kfk_field *
next_tag(const struct enc *e, uint16_t first, uint16_t count, const struct kfk_node *parent, int before)
{
	const struct kfk_field *best = NULL;

	for (uint16_t id = first; id < first + count; id++) {
		const struct kfk_field *f = &e->schema->fields[id];

		if (!kfk_versions_has(f->tagged, e->version) || f->tag <= before || (best != NULL && f->tag > best->tag))
			continue;
		if (!is_default(e, f, kfk_get(parent, id)))
			best = f;
	}
	return best;
}

static void
put_tags(struct enc *e, uint16_t first, uint16_t count, const struct kfk_node *parent)
{
	const struct kfk_field *f;
	uint32_t		n = 0;

	for (int tag = -1; (f = next_tag(e, first, count, parent, tag)) != NULL; tag = f->tag)
		n++;
	kfk_emit_uvarint(&e->out, n);
	if (n == 0)
		return;
	for (int tag = -1; (f = next_tag(e, first, count, parent, tag)) != NULL; tag = f->tag) {
		struct kfk_slot size;
		size_t		before;

		kfk_emit_uvarint(&e->out, (uint32_t)f->tag);
		size = kfk_emit_slot(&e->out, true, 0);
		before = e->out.c->n;
		put_field(e, f, kfk_get(parent, (uint16_t)(f - e->schema->fields)));
		kfk_emit_patch(&e->out, &size, (uint32_t)(e->out.c->n - before));
	}
}

static void
put_fields(struct enc *e, uint16_t first, uint16_t count, const struct kfk_node *parent)
{
	const struct kfk_node *hint = parent == NULL ? NULL : parent->kids;

	for (uint16_t id = first; id < first + count && !e->err; id++) {
		const struct kfk_field *f = &e->schema->fields[id];

		if (kfk_versions_has(f->in, e->version) && !kfk_versions_has(f->tagged, e->version))
			put_field(e, f, find(parent, id, &hint));
	}
	if (e->version >= e->schema->flexible && !e->err)
		put_tags(e, first, count, parent);
}

static enum alv_err
begin(struct enc *e, const struct kfk_tree *t, struct alv_chain *out)
{
	*e = (struct enc){ .schema = t->schema, .version = t->version };
	if (t->arena->failed)
		fail(e, ALV_E_NOMEM);
	else if (!kfk_versions_has(t->schema->versions, t->version))
		fail(e, ALV_E_UNKNOWN_VERSION);
	kfk_emit_init(&e->out, out);
	return e->err;
}

static enum alv_err
end(struct enc *e, struct alv_chain *out)
{
	kfk_emit_fini(&e->out);
	if (e->err && !out->err)
		out->err = e->err;
	return out->err;
}

enum alv_err
kfk_tree_encode(const struct kfk_tree *t, struct alv_chain *out)
{
	struct enc e;

	if (!begin(&e, t, out))
		put_fields(&e, 0, t->schema->top, &t->root);
	return end(&e, out);
}

enum alv_err
kfk_emit_element(const struct kfk_tree *t, const struct kfk_node *element, struct alv_chain *out)
{
	struct enc e;

	if (!begin(&e, t, out))
		put_value(&e, element->f, element);
	return end(&e, out);
}
