/* Plans: every message compiles, what nobody looks at is folded, and threads that ask at once get the same one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>

#include "kafka/plan.h"

enum { THREADS = 4, ROUNDS = 40, METADATA = 3, OFFSET_FETCH = 9 };

static size_t
count_ops(const struct kfk_plan *p)
{
	size_t n = 0;

	while (p->ops[n].code != KFK_OP_END)
		n++;
	return n;
}

static void
every_message_compiles(void **state)
{
	const struct kfk_schema *s;

	(void)state;
	for (size_t i = 0; (s = kfk_schema_at(i)) != NULL; i++) {
		for (int16_t v = s->versions.lo; v <= s->versions.hi; v++) {
			const struct kfk_plan *all = kfk_plan_get(s, v, UINT64_MAX), *none = kfk_plan_get(s, v, 0);

			assert_non_null(all);
			assert_non_null(none);
			assert_true(all != none && count_ops(none) <= count_ops(all));
			assert_ptr_equal(kfk_plan_get(s, v, 0), none);
		}
		assert_null(kfk_plan_get(s, (int16_t)(s->versions.hi + 1), 0));
		assert_null(kfk_plan_get(s, (int16_t)(s->versions.lo - 1), 0));
		assert_null(kfk_plan_get(s, INT16_MAX, 0));
	}
}

static void
runs_are_one_skip(void **state)
{
	const struct kfk_plan *p = kfk_plan_get(kfk_schema_find(METADATA, KFK_REQUEST), 8, 0);

	(void)state;	/* an array of strings in structs, then three bools */
	assert_int_equal(p->ops[0].code, KFK_OP_ARRAY);
	assert_int_equal(p->ops[1].code, KFK_OP_SKIP_BYTES);
	assert_int_equal(p->ops[2].code, KFK_OP_NEXT);
	assert_int_equal(p->ops[3].code, KFK_OP_SKIP);
	assert_int_equal(p->ops[3].n, 3);
	assert_int_equal(p->ops[4].code, KFK_OP_END);
}

static void
fixed_elements_are_one_skip(void **state)
{
	const struct kfk_plan *p = kfk_plan_get(kfk_schema_find(OFFSET_FETCH, KFK_REQUEST), 1, 1ull << KFK_KIND_TOPIC_NAME);

	(void)state;	/* group, topics of name and partition numbers */
	assert_int_equal(p->ops[0].code, KFK_OP_SKIP_BYTES);
	assert_int_equal(p->ops[1].code, KFK_OP_ARRAY);
	assert_int_equal(p->ops[2].code, KFK_OP_STRING);
	assert_int_equal(p->ops[3].code, KFK_OP_SKIP_ARRAY);
	assert_int_equal(p->ops[3].n, 4);
}

static void *
ask(void *arg)
{
	const struct kfk_plan **got = arg;

	for (int i = 0; i < ROUNDS; i++)
		got[i] = kfk_plan_get(kfk_schema_find(i, KFK_RESPONSE) == NULL ? &kfk_request_header : kfk_schema_find(i, KFK_RESPONSE),
		    2, 1ull << 40);
	return NULL;
}

static void
threads_get_the_same(void **state)
{
	static const struct kfk_plan *got[THREADS][ROUNDS];
	pthread_t		      t[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, ask, got[i]), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	for (int i = 1; i < THREADS; i++)
		assert_memory_equal(got[i], got[0], sizeof(got[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_compiles),
		cmocka_unit_test(runs_are_one_skip),
		cmocka_unit_test(fixed_elements_are_one_skip),
		cmocka_unit_test(threads_get_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
