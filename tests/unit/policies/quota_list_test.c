/* Quotas on their way: alterations, filters, words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>

#include <alcove/quota_list.h>
#include <alcove/str.h>

#define NAMED(n)  { POL_QUOTA_NAMED, ALV_STR(n) }
#define BY_DEFAULT { .match = POL_QUOTA_DEFAULT }

static void
lists_copy(void **state)
{
	struct pol_quota_list *l = pol_quota_list_new();
	char		       name[] = "alice";

	(void)state;
	assert_non_null(l);
	for (int i = 0; i < 40; i++) {
		struct pol_quota_alter a = { .quota = { .entity = { POL_QUOTA_OF_CLIENT, { { POL_QUOTA_NAMED, alv_str_of(name) } } } } };

		name[0] = (char)('A' + i);
		assert_int_equal(pol_quota_list_add(l, &a), ALV_OK);
	}
	memset(name, 'x', sizeof(name));
	assert_int_equal(l->n, 40);
	assert_true(alv_str_eqz(l->item[2].quota.entity.part[0].name, "Clice"));
	assert_int_equal(pol_quota_list_find(l, &l->item[39].quota.entity), 39);
	assert_int_equal(pol_quota_list_find(l, &(struct pol_quota_entity){ .kind = POL_QUOTA_OF_TENANT }), 40);
	pol_quota_list_free(l);
	pol_quota_list_free(NULL);
}

static void
alterations(void **state)
{
	static const struct { uint32_t had, set, unset; bool only; uint32_t want; bool other; } cases[] = {
		{ 0, 1, 0, false, 1, true }, { 1, 1, 0, false, 1, false }, { 3, 1, 0, false, 3, false }, { 3, 1, 0, true, 1, true },
		{ 3, 0, 1, false, 2, true }, { 0, 0, 1, false, 0, false }, { 1, 4, 1, false, 4, true }, { 3, 0, 0, true, 0, true },
		{ 0, 0, 0, true, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct pol_quota       now = { .set = cases[i].had }, out;
		struct pol_quota_alter a = { .quota = { .set = cases[i].set }, .unset = cases[i].unset, .only = cases[i].only };

		for (int k = 0; k < 3; k++) {
			now.value[k] = (cases[i].had & 1u << k) != 0 ? 5 : 0;
			a.quota.value[k] = (cases[i].set & 1u << k) != 0 ? 5 : 0;
		}
		assert_int_equal(pol_quota_altered(cases[i].had == 0 ? NULL : &now, &a, &out), cases[i].other);
		assert_int_equal(out.set, cases[i].want);
		for (int k = 0; k < POL_QUOTA_KEYS; k++)
			assert_true(out.value[k] == ((cases[i].want & 1u << k) != 0 ? 5 : 0));
		if ((cases[i].set & 1u) != 0) {
			a.quota.value[0] = 6;
			assert_true(pol_quota_altered(&now, &a, &out) && out.value[0] == 6);
		}
	}
}

static void
filters(void **state)
{
	static const struct pol_quota q[] = {
		{ .entity = { .kind = POL_QUOTA_OF_TENANT }, .set = 1 },
		{ .entity = { POL_QUOTA_OF_CLIENT, { NAMED("al"), NAMED("app") } }, .set = 1 },
		{ .entity = { POL_QUOTA_OF_CLIENT, { NAMED("al") } }, .set = 2 },
		{ .entity = { POL_QUOTA_OF_CLIENT, { BY_DEFAULT, BY_DEFAULT } }, .set = 3 },
		{ .entity = { POL_QUOTA_OF_CLIENT, { { .match = POL_QUOTA_NO_PART }, NAMED("app") } }, .set = 1 },
		{ .entity = { POL_QUOTA_OF_GROUP, { NAMED("al") } }, .set = 2 },
		{ .entity = { POL_QUOTA_OF_GROUP, { { .match = POL_QUOTA_UNATTRIBUTED } } }, .set = 2 },
	};
	enum { ALL = 15, CLIENTS = 1 << POL_QUOTA_OF_CLIENT, GROUPS = 1 << POL_QUOTA_OF_GROUP };
	static const struct { struct pol_quota_filter f; unsigned want; } cases[] = {	/* want: 1 << place in q */
		{ { .kinds = ALL }, 0x7f },
		{ { .kinds = 0 }, 0 },
		{ { .kinds = CLIENTS }, 0x1e },
		{ { .kinds = CLIENTS, .part = { { POL_QUOTA_FIT_NAME, ALV_STR("al") } } }, 0x06 },
		{ { .kinds = CLIENTS, .part = { { POL_QUOTA_FIT_NAME, ALV_STR("al") }, { .fit = POL_QUOTA_FIT_NONE } } }, 0x04 },
		{ { .kinds = CLIENTS, .part = { { .fit = POL_QUOTA_FIT_DEFAULT } } }, 0x08 },
		{ { .kinds = CLIENTS, .part = { { .fit = POL_QUOTA_FIT_SOME }, { .fit = POL_QUOTA_FIT_SOME } } }, 0x0a },
		{ { .kinds = CLIENTS, .part = { { .fit = POL_QUOTA_FIT_NONE } } }, 0x10 },
		{ { .kinds = GROUPS, .part = { { POL_QUOTA_FIT_NAME, ALV_STR("al") } } }, 0x20 },
		{ { .kinds = GROUPS, .unattributed = true }, 0x40 },
		{ { .kinds = ALL, .keys = 2 }, 0x6c },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++)
		for (size_t k = 0; k < ALV_COUNT(q); k++)
			if (pol_quota_filter_fits(&cases[i].f, &q[k]) != ((cases[i].want & 1u << k) != 0))
				fail_msg("filter %zu, quota %zu", i, k);
}

static void
words(void **state)
{
	static const struct { struct pol_quota_entity e; const char *type, *text; } cases[] = {
		{ { .kind = POL_QUOTA_OF_TENANT }, "tenant", "the tenant" },
		{ { POL_QUOTA_OF_CLIENT, { NAMED("al"), BY_DEFAULT } }, "client", "user al, client id <default>" },
		{ { POL_QUOTA_OF_CLIENT, { { .match = POL_QUOTA_NO_PART }, NAMED("") } }, "client", "client id " },
		{ { POL_QUOTA_OF_GROUP, { BY_DEFAULT } }, "group", "group <default>" },
		{ { POL_QUOTA_OF_GROUP, { { .match = POL_QUOTA_UNATTRIBUTED } } }, "unattributed", "unattributed fetches" },
		{ { POL_QUOTA_OF_ADDRESS, { NAMED("::1") } }, "address", "address ::1" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct alv_buf b;

		alv_buf_init(&b, 1000);
		pol_quota_entity_text(&cases[i].e, &b);
		assert_true(alv_str_eqz(alv_str_make(b.p, b.n), cases[i].text));
		assert_string_equal(pol_quota_type(&cases[i].e), cases[i].type);
		alv_buf_fini(&b);
	}
}

/* One row for each limit that is enforced, none for another. */
static void
a_page_of_limits(void **state)
{
	struct alv_buf b;

	(void)state;
	alv_buf_init(&b, 1 << 16);
	pol_quota_doc(&b);
	alv_buf_byte(&b, '\0');
	assert_int_equal(b.err, ALV_OK);
	for (int k = 0; k < POL_QUOTA_KEYS; k++) {
		const struct pol_quota_key_info *info = pol_quota_info((enum pol_quota_key)k);
		char				 row[100];

		snprintf(row, sizeof(row), "\n| `%s` | ", info->name);
		assert_int_equal(strstr((const char *)b.p, row) != NULL, info->enforced != 0);
	}
	assert_non_null(strstr((const char *)b.p, "| `producer_byte_rate` | bytes of Produce requests | bytes per second | 1 or more, whole | tenant, client | no limit |\n"));
	alv_buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_copy),
		cmocka_unit_test(alterations),
		cmocka_unit_test(filters),
		cmocka_unit_test(words),
		cmocka_unit_test(a_page_of_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
