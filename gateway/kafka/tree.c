/* Messages as nodes in an arena: looking up, setting, taking out. Decoding and encoding are next door.
 * Invariants: a node's n is the number of its kids where it is an array; last is the end of kids, NULL when empty. */
#include <alcove/kafka.h>
#include <alcove/str.h>

#include "kafka/tree.h"

void
kfk_tree_init(struct kfk_tree *t, const struct kfk_schema *s, int16_t version, struct alv_arena *a)
{
	*t = (struct kfk_tree){ .schema = s, .version = version, .arena = a };
}

void
kfk_tree_fini(struct kfk_tree *t)
{
	for (struct kfk_held *h = t->held; h != NULL; h = h->next)
		alv_chain_clear(&h->chain);
	t->held = NULL;
}

struct kfk_node *
kfk_get(const struct kfk_node *parent, uint16_t id)
{
	if (parent == NULL || parent->v.is_null)
		return NULL;
	for (struct kfk_node *k = parent->kids; k != NULL; k = k->next)
		if (k->id == id)
			return k;
	return NULL;
}

static bool
default_null(const struct kfk_tree *t, uint16_t id)
{
	return t->schema->fields[id].dflt_null;
}

int64_t
kfk_get_int(const struct kfk_tree *t, const struct kfk_node *parent, uint16_t id)
{
	const struct kfk_node *n = kfk_get(parent, id);

	return n == NULL ? t->schema->fields[id].dflt : n->v.i;
}

double
kfk_get_float(const struct kfk_tree *t, const struct kfk_node *parent, uint16_t id)
{
	const struct kfk_node *n = kfk_get(parent, id);

	return n == NULL ? (double)t->schema->fields[id].dflt : n->v.d;
}

struct alv_str
kfk_get_str(const struct kfk_tree *t, const struct kfk_node *parent, uint16_t id)
{
	const struct kfk_node *n = kfk_get(parent, id);

	if (n == NULL)
		return default_null(t, id) ? ALV_STR_NULL : ALV_STR("");
	return n->v.is_null ? ALV_STR_NULL : n->v.s;
}

struct alv_uuid
kfk_get_uuid(const struct kfk_tree *t, const struct kfk_node *parent, uint16_t id)
{
	const struct kfk_node *n = kfk_get(parent, id);

	(void)t;
	return n == NULL ? (struct alv_uuid){ { 0 } } : n->v.id;
}

struct alv_str
kfk_node_bytes(const struct kfk_tree *t, const struct kfk_node *n)
{
	const struct alv_chain *c = n->v.bytes;
	uint8_t		       *p;

	if (n->v.is_null)
		return ALV_STR_NULL;
	if (c == NULL)
		return n->v.s;
	if (c->n == 0)
		return ALV_STR("");
	if (c->head->n == c->n)
		return alv_str_make(c->head->p, c->n);
	p = alv_arena_alloc(t->arena, c->n);
	if (p == NULL || !alv_chain_peek(c, 0, p, c->n))
		return ALV_STR_NULL;
	return alv_str_make(p, c->n);
}

struct alv_str
kfk_get_bytes(const struct kfk_tree *t, const struct kfk_node *parent, uint16_t id)
{
	const struct kfk_node *n = kfk_get(parent, id);

	if (n == NULL)
		return default_null(t, id) ? ALV_STR_NULL : ALV_STR("");
	return kfk_node_bytes(t, n);
}

void
kfk_node_link(struct kfk_node *parent, struct kfk_node *k)
{
	k->next = NULL;
	if (parent->last == NULL)
		parent->kids = k;
	else
		parent->last->next = k;
	parent->last = k;
}

struct kfk_node *
kfk_node_new(struct kfk_tree *t, struct kfk_node *parent, uint16_t id)
{
	struct kfk_node *k = alv_arena_alloc(t->arena, sizeof(*k));

	if (k == NULL) {
		/* Somewhere to write to; encode looks at the arena and refuses. */
		t->dead_end = (struct kfk_node){ .f = &t->schema->fields[id], .id = id };
		return &t->dead_end;
	}
	k->f = &t->schema->fields[id];
	k->id = id;
	kfk_node_link(parent, k);
	return k;
}

/* The field, made where absent, without a value. A null parent comes to life. */
static struct kfk_node *
fresh(struct kfk_tree *t, struct kfk_node *parent, uint16_t id)
{
	struct kfk_node *k;

	parent->v.is_null = false;
	k = kfk_get(parent, id);
	if (k == NULL)
		return kfk_node_new(t, parent, id);
	k->v = (struct kfk_value){ 0 };
	k->kids = k->last = NULL;
	k->n = 0;
	return k;
}

void
kfk_set_int(struct kfk_tree *t, struct kfk_node *parent, uint16_t id, int64_t v)
{
	fresh(t, parent, id)->v.i = v;
}

void
kfk_set_float(struct kfk_tree *t, struct kfk_node *parent, uint16_t id, double v)
{
	fresh(t, parent, id)->v.d = v;
}

void
kfk_set_str(struct kfk_tree *t, struct kfk_node *parent, uint16_t id, struct alv_str s)
{
	struct kfk_node *k = fresh(t, parent, id);

	k->v.s = s;
	k->v.is_null = s.p == NULL;
}

void
kfk_set_bytes(struct kfk_tree *t, struct kfk_node *parent, uint16_t id, struct alv_str s)
{
	kfk_set_str(t, parent, id, s);
}

void
kfk_set_uuid(struct kfk_tree *t, struct kfk_node *parent, uint16_t id, struct alv_uuid u)
{
	fresh(t, parent, id)->v.id = u;
}

void
kfk_set_null(struct kfk_tree *t, struct kfk_node *parent, uint16_t id)
{
	fresh(t, parent, id)->v.is_null = true;
}

struct kfk_node *
kfk_set_empty(struct kfk_tree *t, struct kfk_node *parent, uint16_t id)
{
	return fresh(t, parent, id);
}

struct kfk_node *
kfk_add(struct kfk_tree *t, struct kfk_node *array)
{
	struct kfk_node *k = kfk_node_new(t, array, array->id);

	if (k != &t->dead_end)
		array->n++;
	array->v.is_null = false;
	return k;
}

void
kfk_set_encoded(struct kfk_node *array, const struct alv_chain *c, size_t from, uint32_t n)
{
	if (array->v.bytes == NULL)
		array->v.i = (int64_t)from;
	array->v.bytes = c;
	array->v.s.n = c->n - (size_t)array->v.i;
	array->v.is_null = false;
	array->n += n;
}

void
kfk_unlink(struct kfk_node *parent, struct kfk_node *prev, struct kfk_node *child)
{
	if (prev == NULL)
		parent->kids = child->next;
	else
		prev->next = child->next;
	if (parent->last == child)
		parent->last = prev;
	child->next = NULL;
	if (parent->n > 0)
		parent->n--;
}

void
kfk_append(struct kfk_node *array, struct kfk_node *element)
{
	if (array->last == element)
		return;		/* only a dead end comes twice */
	kfk_node_link(array, element);
	array->n++;
	array->v.is_null = false;
}
