/* Tenants' patterns by the table tests/table/regex.txt: verdict, what they match here, and what the form for brokers matches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/regex.h>
#include <alcove/str.h>

#include "regex/re2.h"

enum { COLUMNS = 4, NAMES_MAX = 16, MEM = 8 << 20 };

static const struct alv_str prefix = { "acme.", 5 };
static struct alv_arena	    arena;

static struct alv_str
repeat(char c, size_t n)
{
	char *p = alv_arena_alloc(&arena, n + 1);

	assert_non_null(p);
	memset(p, c, n);
	return alv_str_make(p, n);
}

/* The pattern column; see the table's head. */
static struct alv_str
pattern(const char *z)
{
	size_t n = strlen(z);

	if (strcmp(z, "<empty>") == 0)
		return ALV_STR("");
	if (strcmp(z, "<ff>") == 0)
		return ALV_STR("\xff");
	if (n > 4 && z[0] == '<' && z[2] == '*' && z[n - 1] == '>')
		return repeat(z[1], strtoul(z + 3, NULL, 10));
	return alv_str_of(z);
}

static bool
broker_matches(struct alv_str phys, struct alv_str name)
{
	char	    why[100];
	struct reg *r = reg_re2_new(phys.p, phys.n, MEM, why, sizeof(why));
	bool	    yes;

	if (r == NULL)
		fail_msg("%.*s: %s", ALV_STR_ARG(phys), why);
	yes = reg_re2_full(r, name.p, name.n);
	reg_re2_free(r);
	return yes;
}

/* Whatever it is: never a name without the prefix. */
static void
no_stranger(struct alv_str phys, struct alv_str name)
{
	static const char *const others[] = { "", "globex.", "xacme.", "acme", "ACME.", "acme-2.", "acmex", "\n", "acme\n." };

	for (size_t i = 0; i < ALV_COUNT(others); i++) {
		struct alv_str full = alv_arena_cat(&arena, alv_str_of(others[i]), name);

		if (!alv_str_starts(full, prefix) && broker_matches(phys, full))
			fail_msg("%.*s matches %.*s", ALV_STR_ARG(phys), ALV_STR_ARG(full));
	}
}

static void
same_text(struct alv_str phys, struct alv_str text)
{
	struct alv_str found;

	assert_true(reg_original(phys, &arena, &found));
	assert_true(alv_str_eq(found, text));
}

static size_t
words(char *column, struct alv_str *out)
{
	size_t n = 0;
	char  *at;

	for (char *rest = column; (at = strsep(&rest, " ")) != NULL;)
		if (*at != '\0') {
			assert_true(n < NAMES_MAX);
			out[n++] = alv_str_of(at);
		}
	return n;
}

static void
confined(struct alv_str text, const struct alv_str *yes, size_t nyes, const struct alv_str *no, size_t nno)
{
	struct alv_str phys;

	assert_int_equal(reg_confine(text, prefix, &arena, &phys), ALV_OK);
	same_text(phys, text);
	for (size_t i = 0; i < nyes; i++) {
		if (!broker_matches(phys, alv_arena_cat(&arena, prefix, yes[i])))
			fail_msg("%.*s does not match %s", ALV_STR_ARG(phys), yes[i].p);
		no_stranger(phys, yes[i]);
	}
	for (size_t i = 0; i < nno; i++) {
		if (broker_matches(phys, alv_arena_cat(&arena, prefix, no[i])))
			fail_msg("%.*s matches %s", ALV_STR_ARG(phys), no[i].p);
		no_stranger(phys, no[i]);
	}
}

static void
exact(struct alv_str text, const struct alv_str *yes, size_t nyes, const struct alv_str *no, size_t nno)
{
	struct alv_str phys, names[NAMES_MAX + 1];

	for (size_t i = 0; i < nyes; i++)
		names[i] = alv_arena_cat(&arena, prefix, yes[i]);
	names[nyes] = ALV_STR("legacy.a-b_c");
	assert_int_equal(reg_exact(text, prefix, names, nyes + 1, &arena, &phys), ALV_OK);
	same_text(phys, text);
	for (size_t i = 0; i <= nyes; i++)
		assert_true(broker_matches(phys, names[i]));
	for (size_t i = 0; i < nno; i++)
		assert_false(broker_matches(phys, alv_arena_cat(&arena, prefix, no[i])));
	for (size_t i = 0; i < nyes; i++)
		no_stranger(phys, yes[i]);
	assert_false(broker_matches(phys, ALV_STR("legacyxa-b_c")));
}

static void
row(int no, char **col)
{
	struct alv_str text = pattern(col[0]), yes[NAMES_MAX], not[NAMES_MAX], why, phys;
	size_t	       nyes = words(col[2], yes), nnot = words(col[3], not);
	struct reg    *r;
	enum alv_err   err = reg_compile(text, &arena, &r, &why);

	print_message("regex.txt:%d: %.60s\n", no, col[0]);
	if (strcmp(col[1], "no") == 0) {
		assert_int_equal(err, ALV_E_VALUE);
		assert_null(r);
		assert_true(why.n > 5);
		return;
	}
	assert_int_equal(err, ALV_OK);
	for (size_t i = 0; i < nyes; i++)
		if (!reg_matches(r, yes[i]))
			fail_msg("%s does not match %s", col[0], yes[i].p);
	for (size_t i = 0; i < nnot; i++)
		if (reg_matches(r, not[i]))
			fail_msg("%s matches %s", col[0], not[i].p);
	reg_free(r);
	if (strcmp(col[1], "exact") == 0)
		assert_int_equal(reg_confine(text, prefix, &arena, &phys), ALV_E_UNSUPPORTED);
	else
		confined(text, yes, nyes, not, nnot);
	exact(text, yes, nyes, not, nnot);
}

static void
table(void **state)
{
	FILE *f = fopen("tests/table/regex.txt", "r");
	char  line[512];
	int   no = 0, cases = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *col[COLUMNS], *rest = line, none[1] = "";

		no++;
		if (strncmp(line, "# ", 2) == 0 || strncmp(line, "#\t", 2) == 0 || line[0] == '\n' || strcmp(line, "#\n") == 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		for (int i = 0; i < COLUMNS; i++)
			col[i] = rest == NULL ? none : strsep(&rest, "\t");
		if (strcmp(col[1], "confine") != 0 && strcmp(col[1], "exact") != 0 && strcmp(col[1], "no") != 0)
			fail_msg("regex.txt:%d: verdict '%s'", no, col[1]);
		row(no, col);
		cases++;
	}
	assert_true(cases > 120);
	fclose(f);
}

/* The same pattern is the same text, whoever sends it; another one never is. */
static void
texts_are_compared(void **state)
{
	struct alv_str a, b, c;

	(void)state;
	assert_int_equal(reg_confine(ALV_STR("ord.*"), prefix, &arena, &a), ALV_OK);
	assert_int_equal(reg_confine(ALV_STR("ord.*"), prefix, &arena, &b), ALV_OK);
	assert_int_equal(reg_confine(ALV_STR("(?:ord.*)"), prefix, &arena, &c), ALV_OK);
	assert_true(alv_str_eq(a, b));
	assert_false(alv_str_eq(a, c));
	assert_true(alv_str_eqz(a, "(?P<o6f72642e2a>)\\Qacme.\\E(?:ord.*)"));
}

static void
no_name_is_no_name(void **state)
{
	struct alv_str phys;

	(void)state;
	assert_int_equal(reg_exact(ALV_STR("x.*"), prefix, NULL, 0, &arena, &phys), ALV_OK);
	same_text(phys, ALV_STR("x.*"));
	assert_false(broker_matches(phys, ALV_STR("")));
	assert_false(broker_matches(phys, ALV_STR("acme.")));
	assert_false(broker_matches(phys, ALV_STR("acme.x")));
}

static void
what_was_not_made_here(void **state)
{
	static const char *const texts[] = { "", "orders", "(?P<o", "(?P<o6", "(?P<o6>)x", "(?P<o6g>)x", "(?P<off>)x", "(?P<n>)x", "(?P<o6A>)" };
	struct alv_str found;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(texts); i++)
		assert_false(reg_original(alv_str_of(texts[i]), &arena, &found));
	assert_false(reg_original(ALV_STR_NULL, &arena, &found));
	assert_true(reg_original(ALV_STR("(?P<o>)(?:)"), &arena, &found));
	assert_true(found.p != NULL && found.n == 0);
}

/* Bounded on all sides. */
static void
too_much(void **state)
{
	struct alv_str names[2000], phys, why;
	struct alv_arena small;
	struct reg    *r;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(names); i++)
		names[i] = alv_arena_printf(&arena, "acme.a-name-of-a-topic-%zu", i);
	assert_int_equal(reg_exact(ALV_STR(".*"), prefix, names, ALV_COUNT(names), &arena, &phys), ALV_E_LIMIT);
	assert_null(phys.p);
	assert_int_equal(reg_exact(ALV_STR(".*"), prefix, names, 1000, &arena, &phys), ALV_OK);
	assert_true(phys.n <= REG_PHYS_MAX);
	assert_true(broker_matches(phys, names[999]));
	assert_false(broker_matches(phys, names[1000]));
	assert_int_equal(reg_compile(repeat('a', REG_TEXT_MAX), &arena, &r, &why), ALV_OK);
	reg_free(r);
	alv_arena_init(&small, 8);
	assert_int_equal(reg_confine(ALV_STR("a"), prefix, &small, &phys), ALV_E_NOMEM);
	alv_arena_fini(&small);
	reg_free(NULL);
	assert_int_equal(reg_compile(ALV_STR("a"), &arena, &r, &why), ALV_OK);
	assert_false(reg_matches(r, ALV_STR_NULL));
	reg_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(texts_are_compared),
		cmocka_unit_test(no_name_is_no_name),
		cmocka_unit_test(what_was_not_made_here),
		cmocka_unit_test(too_much),
	};
	int failed;

	alv_arena_init(&arena, 64 << 20);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	alv_arena_fini(&arena);
	return failed;
}
