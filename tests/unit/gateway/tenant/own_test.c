/* Host names of tenants' own: what is taken, which share a host, and how a host is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/buf.h>
#include <alcove/str.h>
#include <alcove/tenant.h>

static struct ten_own
own(const char *bootstrap, const char *pattern)
{
	const char    *field, *expected;
	struct ten_own o;

	assert_int_equal(ten_own_parse(alv_str_of(bootstrap), alv_str_of(pattern), &o, &field, &expected), ALV_OK);
	return o;
}

static void
spellings(void **state)
{
	static const struct { const char *bootstrap, *pattern, *field; } cases[] = {
		{ "kafka.acme.com", "b$(node).kafka.acme.com", NULL },
		{ "kafka.acme.com", "b$(node)-kafka.acme.com", NULL },
		{ "kafka.3m.com", "$(node)-kafka2.3m.com", NULL },
		{ "k2.acme.com", "k$(node)x.acme.com", NULL },
		{ "", "b$(node).acme.com", "bootstrap" }, { "kafka", "b$(node).acme.com", "bootstrap" },
		{ "Kafka.acme.com", "b$(node).acme.com", "bootstrap" }, { "10.0.0.1", "b$(node).acme.com", "bootstrap" },
		{ "kafka.acme.com.", "b$(node).acme.com", "bootstrap" }, { "*.acme.com", "b$(node).acme.com", "bootstrap" },
		{ "kafka.acme.com", "b.acme.com", "nodePattern" }, { "kafka.acme.com", "", "nodePattern" },
		{ "kafka.acme.com", "b$(tenant)$(node).acme.com", "nodePattern" },
		{ "kafka.acme.com", "b.$(node).acme.com", "nodePattern" }, { "kafka.acme.com", "$(node)", "nodePattern" },
		{ "kafka.acme.com", "b1$(node).acme.com", "nodePattern" }, { "kafka.acme.com", "b$(node)1.acme.com", "nodePattern" },
		{ "kafka.acme.com", "b$(node).7", "nodePattern" },
		{ "b7.acme.com", "b$(node).acme.com", "nodePattern" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct ten_own o;
		const char    *field, *expected;
		enum alv_err   err = ten_own_parse(alv_str_of(cases[i].bootstrap), alv_str_of(cases[i].pattern), &o, &field, &expected);

		assert_int_equal(err, cases[i].field == NULL ? ALV_OK : ALV_E_VALUE);
		if (err)
			assert_string_equal(field, cases[i].field);
	}
}

static void
reading(void **state)
{
	struct ten_own o = own("kafka.acme.com", "b$(node)-k8.acme.com");
	static const struct { const char *host; int32_t node; bool is; } cases[] = {
		{ "kafka.acme.com", -1, true }, { "b0-k8.acme.com", 0, true }, { "b12-k8.acme.com", 12, true },
		{ "b012-k8.acme.com", 0, false }, { "b-k8.acme.com", 0, false }, { "b2147483648-k8.acme.com", 0, false },
		{ "x.kafka.acme.com", 0, false }, { "b1-k9.acme.com", 0, false }, { "", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		int32_t node;

		assert_int_equal(ten_own_read(&o, alv_str_of(cases[i].host), &node), cases[i].is);
		if (cases[i].is)
			assert_int_equal(node, cases[i].node);
	}
}

/* Each host that a name has is found by one of its keys, and keys come to an end. */
static void
keys(void **state)
{
	static const struct { const char *host; const char *all; } cases[] = {
		{ "kafka.acme.com", "kafka.acme.com " },
		{ "b3.k8.acme.com", "b3.k8.acme.com b$(node).k8.acme.com " },
		{ "b3-k08.acme.com", "b3-k08.acme.com b$(node)-k08.acme.com b3-k$(node).acme.com " },
		{ "1.2.3", "1.2.3 $(node).2.3 " }, { "", " " }, { "12", "12 $(node) " },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		char   all[600] = "", key[TEN_OWN_KEY];
		size_t n, at = 0;

		for (unsigned k = 0; (n = ten_own_key(alv_str_of(cases[i].host), k, key)) > 0 || k == 0; k++) {
			memcpy(all + at, key, n);
			all[at + n] = ' ';
			at += n + 1;
		}
		assert_string_equal(all, cases[i].all);
	}
}

static void
overlaps(void **state)
{
	static const struct { const char *boot[2], *node[2]; bool both; } cases[] = {
		{ { "a.test.x", "a.test.x" }, { "b$(node).a.x", "b$(node).b.x" }, true },
		{ { "a.test.x", "b.test.x" }, { "b$(node).a.x", "b$(node).a.x" }, true },
		{ { "a.test.x", "b.test.x" }, { "b$(node).a.x", "b$(node).b.x" }, false },
		{ { "a.test.x", "b3.a.x" }, { "b$(node).a.x", "b$(node).b.x" }, true },
		{ { "a.test.x", "b03.a.x" }, { "b$(node).a.x", "b$(node).b.x" }, false },
		{ { "a.test.x", "b.test.x" }, { "b$(node)-1.a.x", "b1-$(node).a.x" }, true },
		{ { "a.test.x", "b.test.x" }, { "b$(node)-1.a.x", "b2-$(node).a.x" }, true },
		{ { "a.test.x", "b.test.x" }, { "b$(node)-01.a.x", "b2-$(node).a.x" }, false },
		{ { "a.test.x", "b.test.x" }, { "b$(node)-1.a.x", "b02-$(node).a.x" }, false },
		{ { "a.test.x", "b.test.x" }, { "b$(node)-1.a.x", "c2-$(node).a.x" }, false },
		{ { "a.test.x", "b.test.x" }, { "b$(node)-1.a.x", "b2-$(node).b.x" }, false },
		{ { "a.test.x", "b.test.x" }, { "b$(node)-1.a.x", "b2-$(node)-3.a.x" }, false },
		{ { "a.test.x", "b.test.x" }, { "b$(node)-1-3.a.x", "b2-$(node)-3.a.x" }, true },
		{ { "a.test.x", "b.test.x" }, { "$(node)-9999999999.a.x", "1-$(node).a.x" }, false },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct ten_own a = own(cases[i].boot[0], cases[i].node[0]), b = own(cases[i].boot[1], cases[i].node[1]);

		assert_int_equal(ten_own_overlap(&a, &b), cases[i].both);
		assert_int_equal(ten_own_overlap(&b, &a), cases[i].both);
		assert_true(ten_own_overlap(&a, &a));
	}
}

static uint32_t
dice(uint64_t *s, uint32_t n)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*s >> 33) % n;
}

static void
random_pattern(uint64_t *seed, char out[static 40])
{
	static const char *const bits[] = { "a", "1", "-", "2", "b" };
	unsigned before = dice(seed, 4), after = dice(seed, 4);

	out[0] = '\0';
	for (unsigned i = 0; i < before + after + 1; i++) {
		const char *add = i == before ? "$(node)" : bits[dice(seed, 5)];

		memcpy(out + strlen(out), add, strlen(add) + 1);
	}
	memcpy(out + strlen(out), ".x.y", 5);
}

/* Two patterns that do not overlap have no host in common, tried; and each host leads by its keys to its own pattern. */
static void
no_host_has_two_owners(void **state)
{
	uint64_t seed = 5;
	int	 tried = 0, apart = 0;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		char		 text[2][40], key[TEN_OWN_KEY];
		struct ten_own	 o[2];
		const char	*field, *expected;
		struct alv_arena a;
		struct alv_str	 host;
		int32_t		 node = (int32_t)dice(&seed, 23), back;
		bool		 found = false;
		size_t		 n;

		random_pattern(&seed, text[0]);
		random_pattern(&seed, text[1]);
		if (ten_own_parse(ALV_STR("m.x.z"), alv_str_of(text[0]), &o[0], &field, &expected) ||
		    ten_own_parse(ALV_STR("n.x.z"), alv_str_of(text[1]), &o[1], &field, &expected))
			continue;
		tried++;
		alv_arena_init(&a, 4096);
		host = ten_pattern_host(&o[0].node, &a, ALV_STR(""), node);
		assert_true(ten_own_read(&o[0], host, &back) && back == node);
		if (!ten_own_overlap(&o[0], &o[1])) {
			apart++;
			assert_false(ten_own_read(&o[1], host, &back));
		}
		for (unsigned k = 0; (n = ten_own_key(host, k, key)) > 0; k++)
			found = found || alv_str_eq(alv_str_make(key, n), o[0].node_text);
		assert_true(found);
		alv_arena_fini(&a);
	}
	assert_true(tried > 3000);
	assert_true(apart > 1000);
}

static void
below(void **state)
{
	struct ten_own o = own("kafka.acme.com", "b$(node).brokers.acme.com");

	(void)state;
	assert_true(ten_own_below(&o, ALV_STR("acme.com")));
	assert_true(ten_own_below(&o, ALV_STR("brokers.acme.com")));
	assert_true(ten_own_below(&o, ALV_STR("kafka.acme.com")));
	assert_false(ten_own_below(&o, ALV_STR("me.com")));
	assert_false(ten_own_below(&o, ALV_STR("x.kafka.acme.com")));
	assert_false(ten_own_below(&o, ALV_STR("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spellings),
		cmocka_unit_test(reading),
		cmocka_unit_test(keys),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(no_host_has_two_owners),
		cmocka_unit_test(below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
