/* Names inside the consumer protocol's bytes: mapped, left out, missing, cut and followed by more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kit.h"

#define W(lit) ALV_STR(lit)

static struct alv_arena arena;

/* "no..." is left out, "bad..." fails, all else gets "t." in front. */
static enum alv_err
map(void *arg, enum kfk_kind kind, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	(void)arg;
	assert_int_equal(kind, KFK_KIND_TOPIC_NAME);
	if (alv_str_starts(in, ALV_STR("no")))
		return ALV_E_NOT_FOUND;
	if (alv_str_starts(in, ALV_STR("bad")))
		return ALV_E_FOREIGN;
	*out = alv_arena_cat(a, ALV_STR("t."), in);
	return out->p == NULL ? ALV_E_NOMEM : ALV_OK;
}

struct one {
	struct alv_str in, out;
	enum alv_err   err;
};

static const struct one subscriptions[] = {
	{ ALV_STR_NULL, ALV_STR_NULL, ALV_OK },
	{ W(""), W(""), ALV_OK },
	{ W("\0\0" "\0\0\0\1" "\0\1a" "\xff\xff\xff\xff"), W("\0\0" "\0\0\0\1" "\0\3t.a" "\xff\xff\xff\xff"), ALV_OK },
	/* two topics, user data, owned partitions, generation, rack */
	{ W("\0\3" "\0\0\0\2" "\0\1a\0\2bc" "\0\0\0\2uu" "\0\0\0\1" "\0\1a" "\0\0\0\1\0\0\0\5" "\0\0\0\7" "\0\1r"),
	  W("\0\3" "\0\0\0\2" "\0\3t.a\0\4t.bc" "\0\0\0\2uu" "\0\0\0\1" "\0\3t.a" "\0\0\0\1\0\0\0\5" "\0\0\0\7" "\0\1r"), ALV_OK },
	/* left out, the rest of its element too */
	{ W("\0\1" "\0\0\0\3" "\0\2no\0\1a\0\3noo" "\0\0\0\0" "\0\0\0\2" "\0\2no\0\0\0\1\0\0\0\5" "\0\1a\0\0\0\0"),
	  W("\0\1" "\0\0\0\1" "\0\3t.a" "\0\0\0\0" "\0\0\0\1" "\0\3t.a\0\0\0\0"), ALV_OK },
	/* ends early: after the version, after the topics, after the user data */
	{ W("\0\3"), W("\0\3"), ALV_OK },
	{ W("\0\0" "\0\0\0\1" "\0\1a"), W("\0\0" "\0\0\0\1" "\0\3t.a"), ALV_OK },
	{ W("\0\3" "\0\0\0\0" "\xff\xff\xff\xff"), W("\0\3" "\0\0\0\0" "\xff\xff\xff\xff"), ALV_OK },
	/* a later version, and bytes behind */
	{ W("\0\x09" "\0\0\0\1" "\0\1a" "\0\0\0\0" "\0\0\0\0" "\0\0\0\1" "\xff\xff" "more"),
	  W("\0\x09" "\0\0\0\1" "\0\3t.a" "\0\0\0\0" "\0\0\0\0" "\0\0\0\1" "\xff\xff" "more"), ALV_OK },
	{ W("\0\0" "\0\0\0\0" "\0\0\0\0" "tail"), W("\0\0" "\0\0\0\0" "\0\0\0\0" "tail"), ALV_OK },
	{ W("\0"), ALV_STR_NULL, ALV_E_SHORT },
	{ W("\xff\xff" "\0\0\0\0"), ALV_STR_NULL, ALV_E_VALUE },
	{ W("\0\0" "\0\0\0"), ALV_STR_NULL, ALV_E_SHORT },
	{ W("\0\0" "\0\0\0\1"), ALV_STR_NULL, ALV_E_LENGTH },
	{ W("\0\0" "\0\0\0\1" "\0\2a"), ALV_STR_NULL, ALV_E_LENGTH },
	{ W("\0\0" "\0\0\0\1" "\xff\xff"), ALV_STR_NULL, ALV_E_NULL_VALUE },
	{ W("\0\0" "\x7f\xff\xff\xff" "\0\1a"), ALV_STR_NULL, ALV_E_LENGTH },
	{ W("\0\0" "\xff\xff\xff\xfe"), ALV_STR_NULL, ALV_E_LENGTH },
	{ W("\0\0" "\0\0\0\0" "\0\0\0\5abc"), ALV_STR_NULL, ALV_E_LENGTH },
	{ W("\0\0" "\0\0\0\1" "\0\3bad"), ALV_STR_NULL, ALV_E_FOREIGN },
};

static const struct one assignments[] = {
	{ W("\0\0" "\0\0\0\2" "\0\1a\0\0\0\2\0\0\0\1\0\0\0\2" "\0\2no\0\0\0\1\0\0\0\3" "\0\0\0\1x"),
	  W("\0\0" "\0\0\0\1" "\0\3t.a\0\0\0\2\0\0\0\1\0\0\0\2" "\0\0\0\1x"), ALV_OK },
	{ W("\0\3" "\0\0\0\0"), W("\0\3" "\0\0\0\0"), ALV_OK },
	{ W("\0\0" "\0\0\0\1" "\0\1a\0\0\0\2\0\0\0\1"), ALV_STR_NULL, ALV_E_SHORT },
};

static void
check(const struct kfk_schema *s, const struct one *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct alv_str out = ALV_STR_NULL;

		assert_int_equal(kfk_embedded_map(s, cases[i].in, map, NULL, &arena, &out), cases[i].err);
		if (!cases[i].err && !alv_str_eq(out, cases[i].out))
			fail_msg("%s, case %zu: %zu bytes", s->name, i, out.n);
	}
}

static void
subscriptions_are_mapped(void **state)
{
	(void)state;
	check(&kfk_consumer_subscription, subscriptions, ALV_COUNT(subscriptions));
}

static void
assignments_are_mapped(void **state)
{
	(void)state;
	check(&kfk_consumer_assignment, assignments, ALV_COUNT(assignments));
}

static void
memory_has_an_end(void **state)
{
	struct alv_str	 out;
	struct alv_arena small;

	(void)state;
	alv_arena_init(&small, 100);
	assert_int_equal(kfk_embedded_map(&kfk_consumer_subscription, subscriptions[3].in, map, NULL, &small, &out), ALV_E_NOMEM);
	alv_arena_fini(&small);
}

static int
begin(void **state)
{
	(void)state;
	alv_arena_init(&arena, 1 << 20);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	alv_arena_fini(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subscriptions_are_mapped),
		cmocka_unit_test(assignments_are_mapped),
		cmocka_unit_test(memory_has_an_end),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
