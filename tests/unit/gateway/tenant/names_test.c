/* Names by the table tests/table/names.txt, and what must hold for any two tenants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <alcove/str.h>
#include <alcove/tenant.h>

enum { COLUMNS = 5, MAX_ALIASES = 16 };

static struct alv_arena	       table_arena = { .limit = 16 << 20 };	/* the aliases outlive the table */
static struct ten_alias	       aliases[MAX_ALIASES];
static const struct ten_alias *by_phys[MAX_ALIASES];
static struct ten_names	       acme = { .id = ALV_STR("acme"), .prefix = ALV_STR("acme."), .by_virt = aliases, .by_phys = by_phys };

static int
order_virt(const void *a, const void *b)
{
	return ten_alias_cmp_virt(a, b);
}

static int
order_phys(const void *a, const void *b)
{
	return ten_alias_cmp_phys(*(const struct ten_alias *const *)a, *(const struct ten_alias *const *)b);
}

static void
sort_aliases(struct ten_names *t)
{
	qsort(aliases, t->naliases, sizeof(*aliases), order_virt);
	for (size_t i = 0; i < t->naliases; i++)
		by_phys[i] = &aliases[i];
	qsort(by_phys, t->naliases, sizeof(struct ten_alias *), order_phys);
}

/* Blanks off both ends, escapes resolved. */
static struct alv_str
value(struct alv_arena *a, char *s)
{
	struct alv_buf b;
	struct alv_str out;
	char	      *mark, c;
	int	       n;

	s += strspn(s, " \t");
	for (size_t l = strlen(s); l > 0 && strchr(" \t\n", s[l - 1]) != NULL; l--)
		s[l - 1] = '\0';
	alv_buf_init(&b, 40000);
	while ((mark = strchr(s, '<')) != NULL) {
		alv_buf_add(&b, s, (size_t)(mark - s));
		if (sscanf(mark, "<%c*%d>", &c, &n) == 2)
			while (n-- > 0)
				alv_buf_byte(&b, (uint8_t)c);
		else if (strncmp(mark, "<ff>", 4) == 0)
			alv_buf_byte(&b, 0xff);
		else
			assert_true(strncmp(mark, "<empty>", 7) == 0);
		s = strchr(mark, '>') + 1;
	}
	alv_buf_z(&b, s);
	out = alv_arena_cat(a, alv_str_make(b.p == NULL ? (const void *)"" : b.p, b.n), ALV_STR(""));
	alv_buf_fini(&b);
	return out;
}

static enum ten_kind
kind_of(struct alv_str s)
{
	if (alv_str_eqz(s, "topic"))
		return TEN_TOPIC;
	if (alv_str_eqz(s, "group"))
		return TEN_GROUP;
	assert_true(alv_str_eqz(s, "txn"));
	return TEN_TXN;
}

static void
check_map(struct alv_arena *a, const struct alv_str *col)
{
	enum ten_kind  kind = kind_of(col[1]);
	struct alv_str phys, back;
	enum alv_err   err = ten_map(&acme, kind, col[2], a, &phys);

	assert_string_equal(alv_err_name(err), col[4].p);
	if (err) {
		assert_null(phys.p);
		return;
	}
	assert_true(alv_str_eq(phys, col[3]));
	assert_int_equal(ten_unmap(&acme, kind, phys, &back), ALV_OK);
	assert_true(alv_str_eq(back, col[2]));
}

static void
check_unmap(struct alv_arena *a, const struct alv_str *col)
{
	enum ten_kind  kind = kind_of(col[1]);
	struct alv_str virt, again;
	bool	       writable, owned = ten_owns(&acme, kind, col[2], &writable);
	enum alv_err   err = ten_unmap(&acme, kind, col[2], &virt);

	assert_int_equal(owned, err == ALV_OK);
	assert_string_equal(err ? alv_err_name(err) : writable ? "ok" : "ro", col[4].p);
	if (err) {
		assert_null(virt.p);
		assert_false(writable);
		return;
	}
	assert_true(alv_str_eq(virt, col[3]));
	assert_int_equal(ten_map(&acme, kind, virt, a, &again), ALV_OK);
	assert_true(alv_str_eq(again, col[2]));
}

static void
add_alias(const struct alv_str *col)
{
	assert_true(acme.naliases < MAX_ALIASES);
	aliases[acme.naliases++] = (struct ten_alias){ .kind = kind_of(col[1]), .virt = col[2], .phys = col[3],
		.writable = alv_str_eqz(col[4], "rw") };
	sort_aliases(&acme);
}

static void
table(void **state)
{
	FILE *f = fopen("tests/table/names.txt", "r");
	char  line[512];
	int   no = 0, cases = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		struct alv_str col[COLUMNS];
		char	      *rest = line;

		no++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		for (int i = 0; i < COLUMNS; i++) {
			char *part = strsep(&rest, "|");

			if (part == NULL)
				fail_msg("names.txt:%d: %d columns", no, i);
			col[i] = value(&table_arena, part);
		}
		print_message("names.txt:%d: %s %s %.40s\n", no, col[0].p, col[1].p, col[2].p);
		if (alv_str_eqz(col[0], "alias"))
			add_alias(col);
		else if (alv_str_eqz(col[0], "map"))
			check_map(&table_arena, col);
		else if (alv_str_eqz(col[0], "unmap"))
			check_unmap(&table_arena, col);
		else
			assert_string_equal(alv_err_name(ten_id_check(col[1])), col[4].p);
		cases++;
	}
	assert_true(cases > 90);
	fclose(f);
}

/* What an alias took is not to be had under another name. */
static void
alias_target_has_one_name(void **state)
{
	static const struct ten_alias	     one = { TEN_TOPIC, ALV_STR("pub"), ALV_STR("acme.orders"), false };
	static const struct ten_alias *const phys[] = { &one };
	struct ten_names t = { .id = ALV_STR("acme"), .prefix = ALV_STR("acme."), .naliases = 1, .by_virt = &one, .by_phys = phys };
	struct alv_arena a;
	struct alv_str	 s;
	bool		 writable = true;

	(void)state;
	alv_arena_init(&a, 4096);
	assert_int_equal(ten_map(&t, TEN_TOPIC, ALV_STR("orders"), &a, &s), ALV_E_NAME);
	assert_int_equal(ten_unmap(&t, TEN_TOPIC, ALV_STR("acme.orders"), &s), ALV_OK);
	assert_true(alv_str_eqz(s, "pub"));
	assert_true(ten_owns(&t, TEN_TOPIC, ALV_STR("acme.orders"), &writable));
	assert_false(writable);
	alv_arena_fini(&a);
}

static void
ids_of_topics(void **state)
{
	struct alv_uuid zero = { { 0 } }, meta = { { [15] = 1 } }, some = { { 7, 7 } };

	(void)state;
	assert_false(ten_owns_id(&acme, zero, ALV_STR("acme.x")));
	assert_false(ten_owns_id(&acme, meta, ALV_STR("acme.x")));
	assert_false(ten_owns_id(&acme, some, ALV_STR_NULL));
	assert_false(ten_owns_id(&acme, some, ALV_STR("globex.x")));
	assert_true(ten_owns_id(&acme, some, ALV_STR("acme.x")));
	assert_true(ten_owns_id(&acme, some, ALV_STR("globex.prices")));
}

static void
aliases_that_may_be(void **state)
{
	static const struct { enum ten_kind kind; const char *virt, *phys; enum alv_err want; } cases[] = {
		{ TEN_TOPIC, "a", "legacy", ALV_OK }, { TEN_TOPIC, "a", "globex.x", ALV_OK },
		{ TEN_TOPIC, "a b", "legacy", ALV_E_NAME }, { TEN_TOPIC, "a", "leg acy", ALV_E_NAME },
		{ TEN_TOPIC, "", "x", ALV_E_NAME }, { TEN_GROUP, "g", "", ALV_E_NAME },
		{ TEN_GROUP, "g h", "Team X", ALV_OK }, { TEN_TOPIC, "a", "_schemas", ALV_E_DENIED },
		{ TEN_TOPIC, "a", "__consumer_offsets", ALV_E_DENIED }, { TEN_TOPIC, "a", "alcove.state", ALV_E_DENIED },
		{ TEN_TOPIC, "a", "acme.x", ALV_E_CONFLICT }, { TEN_TOPIC, "a", "acmex", ALV_OK },
		{ TEN_TXN, "a", "_t", ALV_E_DENIED },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct ten_alias al = { cases[i].kind, alv_str_of(cases[i].virt), alv_str_of(cases[i].phys), true };

		assert_int_equal(ten_alias_check(ALV_STR("acme"), &al), cases[i].want);
	}
}

/* A bounded arena that is full is an error, never a cut name. */
static void
full_arena(void **state)
{
	struct alv_arena a;
	struct alv_str	 s;

	(void)state;
	alv_arena_init(&a, 8);
	assert_int_equal(ten_map(&acme, TEN_TOPIC, ALV_STR("orders"), &a, &s), ALV_E_NOMEM);
	assert_null(s.p);
	alv_arena_fini(&a);
}

static uint64_t
rnd(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return *s >> 33;
}

/* No prefix is a prefix of another's, also where '.' and '_' are the same. */
static void
prefixes_are_free(void **state)
{
	static const char digits[] = "ab3-x";	/* few letters: collisions are what we look for */
	uint64_t	  seed = 42;
	int		  pairs = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char   id[2][9];
		size_t n[2];

		for (int k = 0; k < 2; k++) {
			n[k] = 1 + rnd(&seed) % 6;
			for (size_t c = 0; c < n[k]; c++)
				id[k][c] = digits[rnd(&seed) % 5];
		}
		if (ten_id_check(alv_str_make(id[0], n[0])) == ALV_E_NAME || ten_id_check(alv_str_make(id[1], n[1])) == ALV_E_NAME)
			continue;
		if (alv_str_eq(alv_str_make(id[0], n[0]), alv_str_make(id[1], n[1])))
			continue;
		pairs++;
		/* As Kafka compares them: '.' became '_', which an id cannot hold. */
		id[0][n[0]] = id[1][n[1]] = '_';
		assert_false(alv_str_starts(alv_str_make(id[0], n[0] + 1), alv_str_make(id[1], n[1] + 1)));
		assert_false(alv_str_starts(alv_str_make(id[1], n[1] + 1), alv_str_make(id[0], n[0] + 1)));
	}
	assert_true(pairs > 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(alias_target_has_one_name),
		cmocka_unit_test(ids_of_topics),
		cmocka_unit_test(aliases_that_may_be),
		cmocka_unit_test(full_arena),
		cmocka_unit_test(prefixes_are_free),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	alv_arena_fini(&table_arena);
	return failed;
}
