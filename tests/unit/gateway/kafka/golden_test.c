/* Frames made by Kafka's own classes against the engine: read, written back, mapped and mapped back, byte for byte,
 * whole and cut. tests/wire/README.md describes the file and what holds for each of its records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "frames.h"

/* Sanitizers make this ten times slower; they get every third place. */
#ifdef ALV_PARANOID
enum { EVERY_CUT = 600, STEP = 3, RANDOM_CUTS = 12 };
#else
enum { EVERY_CUT = 600, STEP = 1, RANDOM_CUTS = 40 };
#endif

/* ---- walks ---- */

static const struct kfk_visitor looker = { .whole = 0 };

/* Walks the body cut before each of the places, which ascend. */
static enum alv_err
walk_cut(const struct kfk_plan *plan, const struct kfk_visitor *v, void *arg, const uint8_t *p, size_t n,
    const size_t *cuts, size_t ncuts, bool expect, struct alv_chain *out, struct kfk_walk *w)
{
	size_t	     at = 0;
	enum alv_err err;

	alv_chain_init(out, kit.pool);
	if (kfk_walk_init(w, plan, v, arg, out, &kit.arena))
		return ALV_E_NOMEM;
	if (expect)
		kfk_walk_expect(w, n);
	err = ALV_E_MORE;
	for (size_t i = 0; i <= ncuts && (err == ALV_E_MORE || (err == ALV_OK && i == ncuts)); i++) {
		size_t to = i == ncuts ? n : cuts[i];

		err = kit_feed(&kit, w, p + at, to - at);
		at = to;
	}
	kfk_walk_fini(w);
	return err;
}

static void
expect_same(const struct frame *f, const struct kfk_plan *plan, const size_t *cuts, size_t ncuts, bool expect)
{
	struct alv_chain out;
	struct kfk_walk	 w;

	EXPECT(walk_cut(plan, &looker, NULL, f->body, f->body_n, cuts, ncuts, expect, &out, &w) == ALV_OK);
	EXPECT(w.dropped_tags == f->unknown);
	if (f->unknown == 0)
		EXPECT(kit_same(&out, f->body, f->body_n));
	else
		EXPECT(out.n < f->body_n);
	alv_chain_clear(&out);
	alv_arena_reset(&kit.arena);
}

static void
check_identity(const struct frame *f)
{
	const struct kfk_plan *plans[] = { kfk_plan_get(f->schema, f->version, 0),
		kfk_plan_get(f->schema, f->version, UINT64_MAX) };
	uint64_t	       seed = 0x9e3779b97f4a7c15u ^ f->body_n;
	size_t		       cuts[EVERY_CUT];

	EXPECT(plans[0] != NULL && plans[1] != NULL);
	for (size_t i = 0; i < ALV_COUNT(plans); i++) {
		expect_same(f, plans[i], NULL, 0, true);
		if (f->body_n <= EVERY_CUT) {
			for (size_t cut = 1 + f->body_n % STEP; cut < f->body_n; cut += STEP)
				expect_same(f, plans[i], &cut, 1, cut & 1);
			for (size_t cut = 1; cut < f->body_n; cut++)
				cuts[cut - 1] = cut;
			expect_same(f, plans[i], cuts, f->body_n > 0 ? f->body_n - 1 : 0, true);
			continue;
		}
		for (int k = 0; k < RANDOM_CUTS; k++) {
			size_t n = 0, at = 0, step = 1 + f->body_n / (1 + kit_random(&seed) % 30);

			while (n < EVERY_CUT && (at += 1 + kit_random(&seed) % step) < f->body_n)
				cuts[n++] = at;
			expect_same(f, plans[i], cuts, n, k & 1);
		}
	}
}

static void
check_ends(const struct frame *f)
{
	const struct kfk_plan *plan = kfk_plan_get(f->schema, f->version, UINT64_MAX);
	size_t		       step = f->body_n <= EVERY_CUT ? STEP : f->body_n / 50;
	uint8_t		      *more = malloc(f->body_n + 1);
	struct alv_chain       out;
	struct kfk_walk	       w;

	assert_non_null(more);
	if (f->body_n > 0)
		memcpy(more, f->body, f->body_n);
	more[f->body_n] = 0;
	for (size_t n = 0; n < f->body_n; n += step) {
		enum alv_err err = walk_cut(plan, &looker, NULL, f->body, n, NULL, 0, true, &out, &w);

		EXPECT(err == ALV_E_SHORT || err == ALV_E_LENGTH);
		EXPECT(w.fault.message != NULL && w.fault.field != NULL && w.fault.at <= n);
		alv_chain_clear(&out);
		EXPECT(walk_cut(plan, &looker, NULL, f->body, n, NULL, 0, false, &out, &w) == ALV_E_MORE);
		alv_chain_clear(&out);
		alv_arena_reset(&kit.arena);
	}
	EXPECT(walk_cut(plan, &looker, NULL, more, f->body_n + 1, NULL, 0, true, &out, &w) == ALV_E_TRAILING);
	alv_chain_clear(&out);
	free(more);
}

/* Maps or unmaps by the walk, whole and in pieces. */
static void
expect_mapped(const struct frame *f, bool off, const uint8_t *from, size_t from_n, const uint8_t *to, size_t to_n)
{
	static const struct kfk_visitor mapper = { .field = kit_map_field };
	const struct kfk_plan	       *plan = kfk_plan_get(f->schema, f->version, KIT_NAMES);
	uint64_t			seed = 88172645463325252u + from_n;
	struct kit_map			m = { "acme.", off, &kit.arena };

	for (int k = 0; k < 12; k++) {
		size_t		 cuts[64], n = 0, at = 0;
		struct alv_chain out;
		struct kfk_walk	 w;

		while (k > 0 && n < ALV_COUNT(cuts) && (at += 1 + kit_random(&seed) % (from_n / k + 2)) < from_n)
			cuts[n++] = at;
		EXPECT(walk_cut(plan, &mapper, &m, from, from_n, cuts, n, k & 1, &out, &w) == ALV_OK);
		EXPECT(kit_same(&out, to, to_n));
		alv_chain_clear(&out);
		alv_arena_reset(&kit.arena);
	}
}

static void
check_mapping(const struct frame *f)
{
	expect_mapped(f, false, f->body, f->body_n, f->mapped, f->mapped_n);
	if (f->unknown == 0)
		expect_mapped(f, true, f->mapped, f->mapped_n, f->body, f->body_n);
}

/* ---- trees ---- */

static void
expect_tree(const struct frame *f, const uint8_t *p, size_t n, size_t piece, const struct kit_map *m, const uint8_t *to,
    size_t to_n, uint32_t unknown)
{
	struct alv_chain in, out;
	struct kfk_tree	 t;

	kit_chain(&kit, &in, p, n, piece);
	alv_chain_init(&out, kit.pool);
	EXPECT(kfk_tree_decode(&t, f->schema, f->version, &in, &kit.arena) == ALV_OK);
	alv_chain_clear(&in);
	EXPECT(t.dropped_tags == unknown);
	if (m != NULL)
		kit_map_tree(m, &t.root);
	EXPECT(kfk_tree_encode(&t, &out) == ALV_OK);
	EXPECT(kit_same(&out, to, to_n));
	alv_chain_clear(&out);
	kfk_tree_fini(&t);
	alv_arena_reset(&kit.arena);
}

static void
check_tree(const struct frame *f)
{
	struct kit_map on = { "acme.", false, &kit.arena }, off = { "acme.", true, &kit.arena };

	if (f->unknown == 0) {
		expect_tree(f, f->body, f->body_n, 0, NULL, f->body, f->body_n, 0);
		expect_tree(f, f->body, f->body_n, 37, NULL, f->body, f->body_n, 0);
		expect_tree(f, f->mapped, f->mapped_n, 0, &off, f->body, f->body_n, 0);
	}
	expect_tree(f, f->body, f->body_n, 0, &on, f->mapped, f->mapped_n, f->unknown);
}

static void
walks_are_the_identity(void **state)
{
	(void)state;
	each_frame(check_identity);
}

static void
ends_are_noticed(void **state)
{
	(void)state;
	each_frame(check_ends);
}

static void
walks_map_and_unmap(void **state)
{
	(void)state;
	each_frame(check_mapping);
}

static void
trees_map_and_unmap(void **state)
{
	(void)state;
	each_frame(check_tree);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_map_and_unmap),
		cmocka_unit_test(walks_map_and_unmap),
		cmocka_unit_test(ends_are_noticed),
		cmocka_unit_test(walks_are_the_identity),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
