/* YAML as a tree: lines are right, and what hides meaning is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/str.h>

#include "policies/doc.h"

struct parsed {
	struct alv_arena a;
	struct alv_buf	 err;
	struct pol_node *root;
};

static struct parsed
parse_n(const char *text, size_t n)
{
	struct parsed	p;
	struct pol_diag d = { .file = "f.yaml", .out = &p.err };

	alv_arena_init(&p.a, 4 << 20);
	alv_buf_init(&p.err, 1 << 16);
	p.root = pol_doc_parse(alv_str_make(text, n), &p.a, &d);
	assert_int_equal(p.root == NULL, d.n > 0);
	alv_buf_byte(&p.err, '\0');
	return p;
}

static void
done(struct parsed *p)
{
	alv_arena_fini(&p->a);
	alv_buf_fini(&p->err);
}

static void
tree_with_lines(void **state)
{
	static const char text[] =
	    "# a comment\n"
	    "a: 1\n"
	    "b.c:\n"
	    "  - x\n"
	    "  - \"2\"\n"
	    "d: { e: ~, f: 'null', g: }\n";
	struct parsed	 p = parse_n(text, sizeof(text) - 1);
	struct pol_node *n;

	(void)state;
	assert_string_equal((char *)p.err.p, "");
	assert_non_null(p.root);
	n = pol_doc_get(p.root, ALV_STR("a"));
	assert_int_equal(n->line, 2);
	assert_true(alv_str_eqz(n->value, "1"));
	assert_false(n->quoted);
	n = pol_doc_get(p.root, ALV_STR("b.c"));
	assert_int_equal(n->line, 3);
	assert_int_equal(n->type, POL_LIST);
	assert_int_equal(n->first->line, 4);
	assert_true(n->first->next->quoted);
	assert_null(n->first->next->next);
	n = pol_doc_find(p.root, "d/e");
	assert_int_equal(n->line, 6);
	assert_null(n->value.p);
	assert_true(alv_str_eqz(pol_doc_find(p.root, "d/f")->value, "null"));
	assert_null(pol_doc_find(p.root, "d/g")->value.p);
	assert_null(pol_doc_find(p.root, "d/h"));
	assert_null(pol_doc_find(p.root, "a/h"));
	assert_null(pol_doc_find(NULL, "a"));
	done(&p);
}

static void
nothing_is_an_empty_map(void **state)
{
	static const char *const texts[] = { "", "# only words\n", "---\n", "{}", "~" };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(texts); i++) {
		struct parsed p = parse_n(texts[i], strlen(texts[i]));

		assert_non_null(p.root);
		assert_int_equal(p.root->type, POL_MAP);
		assert_null(p.root->first);
		done(&p);
	}
}

static void
refused(void **state)
{
	static const struct { const char *text, *error; } cases[] = {
		{ "a: &x 1\n", "f.yaml:1: found an anchor (&)" },
		{ "a: &x [1]\n", "f.yaml:1: found an anchor (&)" },
		{ "a: &x {b: 1}\n", "found an anchor (&)" },
		{ "&k a: 1\n", "found an anchor (&)" },
		{ "a: 1\nb: *x\n", "f.yaml:2: " },
		{ "a: !!int 1\n", "found a tag (!)" },
		{ "a: !x [1]\n", "found a tag (!)" },
		{ "a: 1\n---\nb: 2\n", "f.yaml:2: found a second document" },
		{ "a: 1\nb: 2\na: 3\n", "f.yaml:3: found the key 'a' twice, expected it once (first on line 1)" },
		{ "x: { a: 1, a: 1 }\n", "found the key 'a' twice" },
		{ "? [a]\n: 1\n", "found a key that is no text" },
		{ "a: [1\n", "not valid YAML" },
		{ "a: 1\n b: 2\n", "f.yaml:2: not valid YAML" },
		{ "\ta: 1\n", "not valid YAML" },
		{ "a: \"\\0\"\n", "found a NUL" },
		{ "a: \xff\n", "not valid YAML" },
		{ "a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", "found more than 16 levels" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct parsed p = parse_n(cases[i].text, strlen(cases[i].text));

		if (p.root != NULL || strstr((char *)p.err.p, cases[i].error) == NULL)
			fail_msg("%s\n-> %s", cases[i].text, (char *)p.err.p);
		done(&p);
	}
}

static void
bounded(void **state)
{
	struct alv_buf b;
	struct parsed  p;

	(void)state;
	alv_buf_init(&b, 8 << 20);
	for (int i = 0; i < 600; i++)
		alv_buf_printf(&b, "k%d: 1\n", i);
	p = parse_n((char *)b.p, b.n);
	assert_non_null(strstr((char *)p.err.p, "found too many keys"));
	done(&p);
	alv_buf_fini(&b);
	alv_buf_init(&b, 8 << 20);
	for (int i = 0; i < POL_DOC_NODES_MAX + 10; i++)
		alv_buf_z(&b, "- 1\n");
	p = parse_n((char *)b.p, b.n);
	assert_non_null(strstr((char *)p.err.p, "found too many values"));
	done(&p);
	while (b.n <= POL_DOC_BYTES_MAX)
		alv_buf_z(&b, "# words and more words\n");
	p = parse_n((char *)b.p, b.n);
	assert_non_null(strstr((char *)p.err.p, "expected at most 1048576"));
	done(&p);
	alv_buf_fini(&b);
}

/* Any cut of a good file is good or refused; nothing crashes. */
static void
cut_anywhere(void **state)
{
	static const char text[] = "a: {b: [1, \"x\\n\", {c: 'd'}]}\ne:\n  - f: |\n      g\n  - &h *i\n---\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct parsed p = parse_n(text, n);

		done(&p);
	}
}

static void
distances(void **state)
{
	(void)state;
	assert_int_equal(pol_diag_distance(ALV_STR("bind"), ALV_STR("bind")), 0);
	assert_int_equal(pol_diag_distance(ALV_STR("bnd"), ALV_STR("bind")), 1);
	assert_int_equal(pol_diag_distance(ALV_STR(""), ALV_STR("bind")), 4);
	assert_int_equal(pol_diag_distance(ALV_STR("connections_max"), ALV_STR("connections.max")), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_with_lines),
		cmocka_unit_test(nothing_is_an_empty_map),
		cmocka_unit_test(refused),
		cmocka_unit_test(bounded),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
