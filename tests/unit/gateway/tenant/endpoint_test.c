/* Hosts: one reading only, for any tenant that may exist and any node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/buf.h>
#include <alcove/str.h>
#include <alcove/tenant.h>

static const struct alv_str suffix = ALV_STR("kafka.example.com");
static struct alv_arena	    texts;
static struct ten_hosts	    usual;

static int
setup(void **state)
{
	(void)state;
	alv_arena_init(&texts, 1 << 16);
	return ten_hosts_below(&usual, &texts, suffix) == ALV_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	alv_arena_fini(&texts);
	return 0;
}

static void
hosts(void **state)
{
	static const struct { const char *host, *tenant; int32_t node; } cases[] = {
		{ "acme.kafka.example.com", "acme", -1 },
		{ "acme.KAFKA.example.com", "acme", -1 },
		{ "b3-acme.kafka.example.com", "acme", 3 },
		{ "b0-acme.kafka.example.com", "acme", 0 },
		{ "b2147483647-a.kafka.example.com", "a", 2147483647 },
		{ "b3-x-b3.kafka.example.com", "x-b3", 3 },
		{ "x-b3.kafka.example.com", "x-b3", -1 },
		{ "b3x.kafka.example.com", "b3x", -1 },
		{ "b.kafka.example.com", "b", -1 },
		{ "b3.kafka.example.com", NULL, 0 },
		{ "b03-acme.kafka.example.com", NULL, 0 },
		{ "b00-acme.kafka.example.com", NULL, 0 },
		{ "b2147483648-acme.kafka.example.com", NULL, 0 },
		{ "b99999999999999999999-acme.kafka.example.com", NULL, 0 },
		{ "b3-.kafka.example.com", NULL, 0 },
		{ "b3-b4-x.kafka.example.com", NULL, 0 },
		{ "b3-admin.kafka.example.com", NULL, 0 },
		{ "admin.kafka.example.com", NULL, 0 },
		{ "b-3-acme.kafka.example.com", "b-3-acme", -1 },
		{ "acme.globex.kafka.example.com", NULL, 0 },
		{ ".kafka.example.com", NULL, 0 },
		{ "kafka.example.com", NULL, 0 },
		{ "acmekafka.example.com", NULL, 0 },
		{ "acme.kafka.example.org", NULL, 0 },
		{ "acme.kafka.example.com.", NULL, 0 },
		{ "", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct ten_endpoint e;
		enum alv_err	    err = ten_host_parse(alv_str_of(cases[i].host), &usual, &e);

		if (cases[i].tenant == NULL) {
			assert_int_equal(err, ALV_E_NOT_FOUND);
			assert_null(e.tenant.p);
			continue;
		}
		assert_int_equal(err, ALV_OK);
		assert_true(alv_str_eqz(e.tenant, cases[i].tenant));
		assert_int_equal(e.node, cases[i].node);
	}
	assert_int_equal(ten_host_parse(ALV_STR_NULL, &usual, &(struct ten_endpoint){ .node = 0 }), ALV_E_NOT_FOUND);
}

static uint64_t
rnd(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return *s >> 33;
}

static size_t
random_id(uint64_t *seed, char id[static 9])
{
	static const char digits[] = "bb33x-0a";
	size_t		  n = 1 + rnd(seed) % 8;

	for (size_t i = 0; i < n; i++)
		id[i] = digits[rnd(seed) % 8];
	return n;
}

/* Pairs of patterns as operators write them, and some that look for trouble. */
static const struct { const char *bootstrap, *node; } pairs[] = {
	{ "$(tenant).kafka.test", "b$(node)-$(tenant).kafka.test" },
	{ "$(tenant).kafka.test", "b$(node).$(tenant).kafka.test" },
	{ "$(tenant).kafka.test", "$(tenant)-$(node).kafka.test" },
	{ "$(tenant).kafka.test", "$(node)-$(tenant).kafka.test" },
	{ "$(tenant).kafka.test", "$(tenant).$(node).kafka.test" },
	{ "bootstrap.$(tenant).kafka.test", "$(node).$(tenant).kafka.test" },
	{ "$(tenant)-b.kafka.test", "$(tenant)-b$(node).kafka.test" },
	{ "$(tenant)0.kafka.test", "$(tenant)b$(node)0.kafka.test" },
	{ "b$(tenant)-x.kafka.test", "b$(node)-$(tenant).kafka.test" },
	{ "b$(tenant).kafka.test", "b$(node)x3$(tenant).kafka.test" },
	{ "a0b$(tenant).3.test", "a$(node)b$(tenant)3.3.test" },
	{ "$(tenant).a.test", "$(node)0.x$(tenant)b.a.test" },
};

static struct ten_hosts
hosts_of(size_t i)
{
	struct ten_hosts h;
	const char	*expected;

	assert_int_equal(ten_pattern_parse(alv_str_of(pairs[i].bootstrap), TEN_TENANT, &h.bootstrap, &expected), ALV_OK);
	assert_int_equal(ten_pattern_parse(alv_str_of(pairs[i].node), TEN_TENANT | TEN_NODE, &h.node, &expected), ALV_OK);
	return h;
}

/* Every host that is made for an id that may be is read as what it was made for; of two ids, no host is the same. */
static void
one_reading(void **state)
{
	uint64_t	 seed = 7;
	struct alv_arena a;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	for (size_t p = 0; p < ALV_COUNT(pairs); p++) {
		struct ten_hosts h = hosts_of(p);
		int		 legal = 0;

		for (int i = 0; i < 20000; i++) {
			char		    text[9];
			struct alv_str	    id = alv_str_make(text, random_id(&seed, text)), host;
			struct ten_endpoint e;
			int32_t		    node = (int32_t)(rnd(&seed) % 12) - 1;

			alv_arena_reset(&a);
			host = ten_host(&a, id, node, &h);
			if (ten_id_check(id) || !ten_hosts_fit(&h, id)) {	/* nobody has this id */
				if (ten_host_parse(host, &h, &e) == ALV_OK && ten_hosts_fit(&h, e.tenant))
					assert_false(alv_str_eq(e.tenant, id) && node < 0);
				continue;
			}
			legal++;
			assert_int_equal(ten_host_parse(host, &h, &e), ALV_OK);
			assert_true(alv_str_eq(e.tenant, id));
			assert_int_equal(e.node, node);
		}
		assert_true(legal > 2000);
	}
	alv_arena_fini(&a);
}

/* And from the other side: what parses is written back the same. */
static void
one_spelling(void **state)
{
	uint64_t	 seed = 9;
	struct alv_arena a;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	for (size_t p = 0; p < ALV_COUNT(pairs); p++) {
		struct ten_hosts h = hosts_of(p);
		struct alv_str	 domain = ten_pattern_domain(&h.bootstrap);
		int		 parsed = 0;

		for (int i = 0; i < 20000; i++) {
			char		    text[2][9];
			struct alv_str	    first = alv_str_make(text[0], random_id(&seed, text[0])), host;
			struct alv_str	    second = alv_str_make(text[1], random_id(&seed, text[1]));
			struct ten_endpoint e;

			alv_arena_reset(&a);
			host = i % 2 ? alv_arena_printf(&a, "%.*s.%.*s", ALV_STR_ARG(first), ALV_STR_ARG(domain)) :
			    alv_arena_printf(&a, "%.*s.%.*s.%.*s", ALV_STR_ARG(first), ALV_STR_ARG(second), ALV_STR_ARG(domain));
			if (ten_host_parse(host, &h, &e))
				continue;
			assert_true(alv_str_eq(host, ten_host(&a, e.tenant, e.node, &h)));
			parsed++;
		}
		assert_true(parsed > 20);
	}
	alv_arena_fini(&a);
}

/* Which ids a listener cannot have. */
static void
ids_that_fit(void **state)
{
	static const struct { size_t pair; const char *id; bool fits; } cases[] = {
		{ 0, "acme", true }, { 0, "b3x", true }, { 0, "x-b3", true },
		{ 1, "acme", true }, { 1, "acme-3", true },
		{ 2, "acme", true }, { 2, "acme-3", false }, { 2, "acme-03", true }, { 2, "3", true }, { 2, "a-3-4", false },
		{ 3, "acme", true }, { 3, "3-acme", false }, { 3, "acme-3", true }, { 3, "33-a", false }, { 3, "03-a", true },
		{ 4, "acme-3", true }, { 6, "acme", true }, { 6, "acme-b3", true }, { 8, "3", false }, { 8, "acme", true },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct ten_hosts h = hosts_of(cases[i].pair);

		assert_int_equal(ten_hosts_fit(&h, alv_str_of(cases[i].id)), cases[i].fits);
	}
}

static void
patterns(void **state)
{
	static const struct { const char *text; unsigned want; const char *expected; } cases[] = {
		{ "$(tenant).kafka.test", TEN_TENANT, NULL },
		{ "$(node).kafka.test", TEN_NODE, NULL },
		{ "b$(node)-$(tenant).test", TEN_TENANT | TEN_NODE, NULL },
		{ "", TEN_TENANT, "a host name with $(tenant)" },
		{ "kafka.test", TEN_TENANT, "a host name with $(tenant)" },
		{ "kafka.test", TEN_NODE, "a host name with $(node)" },
		{ "$(tenant).kafka.test", TEN_TENANT | TEN_NODE, "a host name with $(tenant) and $(node)" },
		{ "$(tenant).$(tenant).test", TEN_TENANT, "a host name with $(tenant)" },
		{ "$(tenant).$(node).test", TEN_TENANT, "a host name with $(tenant)" },
		{ "$(node)-$(node)-$(tenant).test", TEN_TENANT | TEN_NODE, "a host name with $(tenant) and $(node)" },
		{ "$(tenant)", TEN_TENANT, "a domain behind" },
		{ "kafka.$(tenant)", TEN_TENANT, "a domain behind" },
		{ "$(tenant).", TEN_TENANT, "a domain behind" },
		{ "$(tenant).Kafka.test", TEN_TENANT, "what makes host names" },
		{ "$(tenant)..test", TEN_TENANT, "what makes host names" },
		{ "-$(tenant).test", TEN_TENANT, "what makes host names" },
		{ "$(tenant)-.test", TEN_TENANT, "what makes host names" },
		{ "$(tenant).te st", TEN_TENANT, "what makes host names" },
		{ "$(tenant).test.", TEN_TENANT, "what makes host names" },
		{ "$(tenant).$(broker).test", TEN_TENANT, "what makes host names" },
		{ "$(tenant).te_st", TEN_TENANT, "what makes host names" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx$(tenant).test", TEN_TENANT, NULL },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx$(tenant).test", TEN_TENANT, "what makes host names" },
		{ "b$(node)$(tenant).test", TEN_TENANT | TEN_NODE, "between" },
		{ "$(tenant)$(node).test", TEN_TENANT | TEN_NODE, "between" },
		{ "b$(node)0-$(tenant).test", TEN_TENANT | TEN_NODE, "between" },
		{ "$(tenant)-0$(node).test", TEN_TENANT | TEN_NODE, "between" },
		{ "$(tenant)0-$(node).test", TEN_TENANT | TEN_NODE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct ten_pattern p;
		const char	  *expected;
		enum alv_err	   err = ten_pattern_parse(alv_str_of(cases[i].text), cases[i].want, &p, &expected);

		assert_int_equal(err, cases[i].expected == NULL ? ALV_OK : ALV_E_VALUE);
		if (err)
			assert_ptr_equal(strstr(expected, cases[i].expected), expected);
	}
}

/* What C takes for the end of a text is none. */
static void
no_nul(void **state)
{
	struct ten_pattern p;
	const char	  *expected;

	(void)state;
	assert_int_equal(ten_pattern_parse(alv_str_make("$(tenant).a\0.test", 18), TEN_TENANT, &p, &expected), ALV_E_VALUE);
	assert_int_equal(ten_pattern_parse(alv_str_make("\0$(tenant).test", 15), TEN_TENANT, &p, &expected), ALV_E_VALUE);
}

static void
domains_that_are_too_long(void **state)
{
	char		 domain[256];
	struct ten_hosts h;

	(void)state;
	for (size_t i = 0; i < sizeof(domain); i++)
		domain[i] = i % 50 == 49 ? '.' : 'x';
	assert_int_equal(ten_hosts_below(&h, &texts, alv_str_make(domain, 208)), ALV_OK);
	assert_int_equal(ten_hosts_below(&h, &texts, alv_str_make(domain, 209)), ALV_E_VALUE);
	assert_int_equal(ten_hosts_below(&h, &texts, ALV_STR("")), ALV_E_VALUE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(one_reading),
		cmocka_unit_test(one_spelling),
		cmocka_unit_test(ids_that_fit),
		cmocka_unit_test(patterns),
		cmocka_unit_test(no_nul),
		cmocka_unit_test(domains_that_are_too_long),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
