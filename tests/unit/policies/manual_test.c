/* docs/configuration.md is what the table says. `make docs` writes it anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"

#include "policies/option.h"

static void
page_is_the_table(void **state)
{
	struct alv_buf page;
	char	      *committed = fix_read("docs", "configuration.md");

	(void)state;
	alv_buf_init(&page, 1 << 17);
	pol_config_doc(&page);
	alv_buf_byte(&page, '\0');
	assert_int_equal(page.err, ALV_OK);
	assert_string_equal((char *)page.p, committed);
	alv_buf_fini(&page);
	free(committed);
}

static void
rows_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < pol_noptions; i++) {
		const struct pol_option *o = &pol_options[i];

		assert_true(strlen(o->help) > 3);
		assert_true(o->lo <= o->hi);
		assert_true(strlen(o->path) < 64);
		assert_non_null(pol_value_type(o));
		/* A range or words, where the type needs them. */
		if (o->type == POL_T_NUMBER)
			assert_true(o->hi > 0 && o->words != NULL &&
			    (o->size == sizeof(uint64_t) || (o->size == sizeof(uint32_t) && o->hi <= UINT32_MAX)));
		if (o->type == POL_T_CHOICE)
			assert_true(o->words != NULL && o->size == sizeof(int));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(o->path, pol_options[k].path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_is_the_table),
		cmocka_unit_test(rows_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
