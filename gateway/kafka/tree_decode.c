/* From bytes to nodes: a walk that looks at everything and writes nothing down but the tree, so that there is
 * one reader of hostile bytes and not two. `up` is the way from the root to the node that is being filled. */
#include <alcove/str.h>

#include "kafka/tree.h"

enum { LEVELS = 24 };	/* arrays and structs inside each other; the deepest message has 8 */

struct decoder {
	struct kfk_tree	 *tree;
	struct alv_pool	 *pool;
	struct kfk_node	 *up[LEVELS];
	size_t		  depth;
	struct alv_chain *bytes;	/* of the bytes field that is passing */
};

/* A node below the innermost one. NULL: no memory. */
static struct kfk_node *
child(struct decoder *d, uint16_t id)
{
	struct kfk_node *parent = d->up[d->depth - 1], *k = kfk_node_new(d->tree, parent, id);

	if (k == &d->tree->dead_end)
		return NULL;
	if (parent->id == id && parent->f != NULL)
		parent->n++;		/* an element has the id of its array */
	return k;
}

static bool
enter(struct decoder *d, struct kfk_node *n)
{
	if (n == NULL || d->depth >= LEVELS - 1)	/* one is left for an element */
		return false;
	d->up[d->depth++] = n;
	return true;
}

static bool
keep_value(struct decoder *d, struct kfk_node *n, const struct kfk_field *f, const struct kfk_value *v)
{
	struct kfk_held *h;

	n->v = *v;
	if (v->is_null)
		return true;
	if (f->type == KFK_STRING) {
		n->v.s = alv_arena_str(d->tree->arena, v->s);
		return n->v.s.p != NULL;
	}
	if (f->type != KFK_BYTES && f->type != KFK_RECORDS)
		return true;
	h = alv_arena_alloc(d->tree->arena, sizeof(*h));
	if (h == NULL)
		return false;
	alv_chain_init(&h->chain, d->pool);
	h->next = d->tree->held;
	d->tree->held = h;
	n->v.bytes = d->bytes = &h->chain;
	return true;
}

static enum kfk_do
on_field(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct decoder	*d = arg;
	struct kfk_node *n = child(d, id);

	if (n != NULL && keep_value(d, n, f, v))
		return KFK_KEEP;
	v->i = ALV_E_NOMEM;
	return KFK_STOP;
}

static enum alv_err
on_piece(void *arg, uint16_t id, struct alv_block *b, const uint8_t *p, size_t n)
{
	struct decoder *d = arg;

	(void)id;
	alv_chain_ref(d->bytes, b, p, n);
	return d->bytes->err;
}

static enum kfk_do
on_array(void *arg, uint16_t id, int32_t count)
{
	struct decoder	*d = arg;
	struct kfk_node *n = child(d, id);

	if (n != NULL && count < 0) {
		n->v.is_null = true;
		return KFK_KEEP;
	}
	return enter(d, n) ? KFK_KEEP : KFK_STOP;
}

static uint32_t
on_array_end(void *arg, uint16_t id, struct alv_chain *out)
{
	(void)id;
	(void)out;
	((struct decoder *)arg)->depth--;
	return 0;
}

/* Cannot stop the walk: without memory the dead end is filled, and the next field stops it. */
static void
on_element(void *arg, uint16_t id, int32_t index)
{
	struct decoder	*d = arg;
	struct kfk_node *n = child(d, id);

	(void)index;
	d->up[d->depth++] = n == NULL ? &d->tree->dead_end : n;
}

static void
on_element_end(void *arg, uint16_t id, bool dropped)
{
	(void)id;
	(void)dropped;
	((struct decoder *)arg)->depth--;
}

static enum kfk_do
on_struct(void *arg, uint16_t id, bool is_null)
{
	return on_array(arg, id, is_null ? -1 : 0);
}

static void
on_struct_end(void *arg, uint16_t id)
{
	(void)id;
	((struct decoder *)arg)->depth--;
}

static const struct kfk_visitor collector = {
	.field = on_field,
	.piece = on_piece,
	.array_begin = on_array,
	.array_end = on_array_end,
	.element = on_element,
	.element_end = on_element_end,
	.struct_begin = on_struct,
	.struct_end = on_struct_end,
};

enum alv_err
kfk_tree_decode(struct kfk_tree *t, const struct kfk_schema *s, int16_t version, const struct alv_chain *body,
    struct alv_arena *a)
{
	struct decoder	       d = { .tree = t, .pool = body->pool, .up = { &t->root }, .depth = 1 };
	const struct kfk_plan *plan;
	struct kfk_walk	       w;
	enum alv_err	       err;

	kfk_tree_init(t, s, version, a);
	if (!kfk_versions_has(s->versions, version))
		return ALV_E_UNKNOWN_VERSION;
	plan = kfk_plan_get(s, version, UINT64_MAX);
	if (plan == NULL)
		return ALV_E_NOMEM;
	err = kfk_walk_init(&w, plan, &collector, &d, NULL, a);
	if (err)
		return err;
	err = kfk_walk_chain(&w, body);
	if (err && (t->fault = alv_arena_alloc(a, sizeof(*t->fault))) != NULL)
		*t->fault = w.fault;
	t->dropped_tags = w.dropped_tags;
	kfk_walk_fini(&w);
	if (a->failed)		/* an array can only say that it stops, not why */
		err = ALV_E_NOMEM;
	if (err)
		kfk_tree_fini(t);
	return err;
}
