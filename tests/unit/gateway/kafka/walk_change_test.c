/* What a walk takes out and puts in, held against the same done to a tree, for every golden frame: elements dropped
 * by chance, elements appended to every array, promised beforehand or not, with output taken while it goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "frames.h"

enum { MOST_FIELDS = 256, ROUNDS = 6 };

/* Decides by a count of what was met, so that walk and tree come to the same decisions. */
struct dice {
	const struct kfk_schema *schema;
	uint64_t		 seed, met;
	uint8_t			 arrays[MOST_FIELDS];	/* around each field, itself included */
	uint32_t		 dropped;
	uint16_t		 loose;		/* 0: none */
};

static void
count_arrays(struct dice *d, const struct frame *frame, uint16_t first, uint16_t count, uint8_t around, bool counts)
{
	for (uint16_t i = first; i < first + count; i++) {
		const struct kfk_field *f = &d->schema->fields[i];
		bool			here = counts || kfk_versions_has(f->tagged, frame->version) || (d->loose != 0 && i == d->loose);

		d->arrays[i] = (uint8_t)(around + (f->array && here));
		if (f->type == KFK_STRUCT)
			count_arrays(d, frame, f->first, f->count, d->arrays[i], here);
	}
}

/* in_tags: only what is inside tagged fields is dropped, or inside the loose array. */
static struct dice
dice_of(const struct frame *f, uint64_t seed, bool in_tags, uint16_t loose)
{
	struct dice d = { .schema = f->schema, .seed = seed, .loose = loose };

	EXPECT(f->schema->nfields <= MOST_FIELDS);
	count_arrays(&d, f, 0, f->schema->top, 0, !in_tags);
	return d;
}

static bool
roll(struct dice *d)
{
	uint64_t x = (d->seed + ++d->met) * 0x9e3779b97f4a7c15u;

	return kit_random(&x) % (3 + d->seed % 20) == 0;
}

/* ---- dropping ---- */

static enum kfk_do
drop_field(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct dice *d = arg;

	(void)f;
	(void)v;
	return d->arrays[id] > 0 && roll(d) ? KFK_DROP : KFK_KEEP;
}

static enum kfk_do
drop_array(void *arg, uint16_t id, int32_t n)
{
	struct dice *d = arg;

	(void)n;
	return d->arrays[id] > 1 && roll(d) ? KFK_DROP : KFK_KEEP;
}

/* True: the element around has to go. */
static bool
drop_node(struct dice *d, struct kfk_node *n, bool element)
{
	struct kfk_node *prev = NULL, *next;
	bool		 array = n->f != NULL && n->f->array && !element;

	if (n->f != NULL && !array && n->f->type != KFK_STRUCT)
		return d->arrays[n->id] > 0 && roll(d);
	if (array && d->arrays[n->id] > 1 && roll(d))
		return true;
	for (struct kfk_node *k = n->kids; k != NULL; k = next) {
		next = k->next;
		if (!drop_node(d, k, array)) {
			prev = k;
			continue;
		}
		if (!array)
			return true;
		kfk_unlink(n, prev, k);
		d->dropped++;
	}
	return false;
}

/* ---- appending ---- */

struct adder {
	const struct frame *f;
	struct kfk_tree	    scratch;
};

static uint32_t
append_one(void *arg, uint16_t id, struct alv_chain *out)
{
	struct adder	*a = arg;
	struct kfk_node *array = kfk_set_empty(&a->scratch, &a->scratch.root, id);

	assert_int_equal(kfk_emit_element(&a->scratch, kfk_add(&a->scratch, array), out), ALV_OK);
	return 1;
}

static uint32_t
promise_one(void *arg, uint16_t id, int32_t n)
{
	(void)arg;
	(void)id;
	(void)n;
	return 1;
}

/* A tagged field of nobody's: what is in front of it must be as without it. */
static uint32_t
append_tag(void *arg, struct alv_chain *out)
{
	static const uint8_t tag[] = { 100, 3, 'a', 'b', 'c' };

	(void)arg;
	alv_chain_copy(out, tag, sizeof(tag));
	return 1;
}

static void
append_nodes(struct kfk_tree *t, struct kfk_node *n, bool element)
{
	bool array = n->f != NULL && n->f->array && !element;

	if (n->v.is_null)
		return;
	for (struct kfk_node *k = n->kids; k != NULL; k = k->next)
		append_nodes(t, k, array);
	if (array)
		(void)kfk_add(t, n);
}

/* ---- comparing ---- */

/* Encoded once more from a tree: tagged fields that became empty are left out by a tree, not by a walk. */
static void
expect_tree_of(const struct frame *f, const struct alv_chain *got, struct kfk_tree *want)
{
	struct kfk_tree	 t;
	struct alv_chain a, b;
	size_t		 n;
	uint8_t		*flat;

	alv_chain_init(&a, kit.pool);
	alv_chain_init(&b, kit.pool);
	EXPECT(kfk_tree_decode(&t, f->schema, f->version, got, &kit.arena) == ALV_OK);
	EXPECT(kfk_tree_encode(&t, &a) == ALV_OK);
	EXPECT(kfk_tree_encode(want, &b) == ALV_OK);
	flat = kit_flat(&b, &n);
	EXPECT(kit_same(&a, flat, n));
	free(flat);
	alv_chain_clear(&a);
	alv_chain_clear(&b);
	kfk_tree_fini(&t);
}

/* Walks in some pieces; what is final is taken after each of them. */
static void
walk_taking(const struct frame *f, const struct kfk_visitor *v, void *arg, int pieces, struct alv_chain *got,
    struct kfk_walk *w)
{
	const struct kfk_plan *plan = kfk_plan_get(f->schema, f->version, UINT64_MAX);
	struct alv_chain       out;
	size_t		       at = 0, step = f->body_n / (size_t)pieces + 1;
	enum alv_err	       err = ALV_E_MORE;

	alv_chain_init(&out, kit.pool);
	alv_chain_init(got, kit.pool);
	EXPECT(kfk_walk_init(w, plan, v, arg, &out, &kit.arena) == ALV_OK);
	while (err == ALV_E_MORE) {
		size_t n = f->body_n - at < step ? f->body_n - at : step;

		err = kit_feed(&kit, w, f->body + at, n);
		at += n;
		kfk_walk_take(w, got);
		EXPECT(err == ALV_OK || n > 0);
	}
	EXPECT(err == ALV_OK && at == f->body_n && out.n == 0);
	kfk_walk_fini(w);
	alv_chain_clear(&out);
}

static struct kfk_tree
tree_of(const struct frame *f)
{
	struct alv_chain in;
	struct kfk_tree	 t;

	kit_chain(&kit, &in, f->body, f->body_n, 0);
	EXPECT(kfk_tree_decode(&t, f->schema, f->version, &in, &kit.arena) == ALV_OK);
	alv_chain_clear(&in);
	return t;
}

/* The last array of the message itself that is no tagged field. 0: it has none, or it is its very first field. */
static uint16_t
last_array(const struct frame *f)
{
	uint16_t last = 0;

	for (uint16_t i = 1; i < f->schema->top; i++)
		if (f->schema->fields[i].array && !kfk_versions_has(f->schema->fields[i].tagged, f->version))
			last = i;
	return last;
}

static void
check_drops(const struct frame *f)
{
	const struct kfk_visitor droppers[] = {
		{ .field = drop_field, .array_begin = drop_array },
		{ .field = drop_field, .array_begin = drop_array, .fixed = true },
		{ .field = drop_field, .array_begin = drop_array, .fixed = true, .loose = last_array(f) },
	};

	for (int k = 0; k < 3 * ROUNDS; k++) {
		int		 kind = k / ROUNDS;
		struct dice	 walking = dice_of(f, (uint64_t)k * 7 + f->body_n, kind > 0, droppers[kind].loose), treading = walking;
		struct kfk_tree	 t = tree_of(f);
		struct alv_chain got;
		struct kfk_walk	 w;

		walk_taking(f, &droppers[kind], &walking, k % ROUNDS == 0 ? 1 : k * k * 3, &got, &w);
		(void)drop_node(&treading, &t.root, false);
		EXPECT(walking.met == treading.met && w.dropped_elements == treading.dropped);
		expect_tree_of(f, &got, &t);
		alv_chain_clear(&got);
		kfk_tree_fini(&t);
		alv_arena_reset(&kit.arena);
	}
}

static void
check_additions(const struct frame *f)
{
	static const struct kfk_visitor kinds[] = {
		{ .array_end = append_one },
		{ .array_end = append_one, .array_more = promise_one },
		{ .array_end = append_one, .array_more = promise_one, .fixed = true },
		{ .array_end = append_one, .array_more = promise_one, .tail = append_tag },
		{ .array_end = append_one, .array_more = promise_one, .tail = append_tag, .fixed = true },
	};
	static const uint8_t tag[] = { 100, 3, 'a', 'b', 'c' };

	for (int k = 0; k < 2 * 5; k++) {
		const struct kfk_visitor *v = &kinds[k % 5];
		struct adder	 a = { .f = f };
		struct kfk_tree	 t = tree_of(f);
		struct alv_chain got;
		struct kfk_walk	 w;

		kfk_tree_init(&a.scratch, f->schema, f->version, &kit.arena);
		walk_taking(f, v, &a, k < 5 ? 1 : k * 5, &got, &w);
		if (v->tail != NULL && f->version >= f->schema->flexible) {
			uint8_t last[sizeof(tag)];

			EXPECT(alv_chain_peek(&got, got.n - sizeof(tag), last, sizeof(tag)));
			EXPECT(memcmp(last, tag, sizeof(tag)) == 0);
		}
		append_nodes(&t, &t.root, false);
		expect_tree_of(f, &got, &t);
		alv_chain_clear(&got);
		kfk_tree_fini(&t);
		alv_arena_reset(&kit.arena);
	}
}

static void
drops_are_as_by_tree(void **state)
{
	(void)state;
	each_frame(check_drops);
}

static void
additions_are_as_by_tree(void **state)
{
	(void)state;
	each_frame(check_additions);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_are_as_by_tree),
		cmocka_unit_test(additions_are_as_by_tree),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
