/* Hosts: one reading only, for any tenant that may exist and any node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/str.h>
#include <alcove/tenant.h>

static const struct alv_str suffix = ALV_STR("kafka.example.com");

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
		enum alv_err	    err = ten_host_parse(alv_str_of(cases[i].host), suffix, &e);

		if (cases[i].tenant == NULL) {
			assert_int_equal(err, ALV_E_NOT_FOUND);
			assert_null(e.tenant.p);
			continue;
		}
		assert_int_equal(err, ALV_OK);
		assert_true(alv_str_eqz(e.tenant, cases[i].tenant));
		assert_int_equal(e.node, cases[i].node);
	}
	assert_int_equal(ten_host_parse(ALV_STR_NULL, suffix, &(struct ten_endpoint){ .node = 0 }), ALV_E_NOT_FOUND);
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

static void
one_reading(void **state)
{
	uint64_t	 seed = 7;
	struct alv_arena a;
	int		 legal = 0, reserved = 0;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	for (int i = 0; i < 50000; i++) {
		char		    text[9];
		struct alv_str	    id = alv_str_make(text, random_id(&seed, text)), host;
		struct ten_endpoint e;
		int32_t		    node = (int32_t)(rnd(&seed) % 12) - 1;
		enum alv_err	    err = ten_id_check(id);

		alv_arena_reset(&a);
		host = ten_host(&a, id, node, suffix);
		if (err) {	/* a host of an id that cannot exist is nobody's, or a broker's of another tenant */
			reserved += err == ALV_E_EXISTS;
			if (ten_host_parse(host, suffix, &e) == ALV_OK)
				assert_false(alv_str_eq(e.tenant, id));
			continue;
		}
		legal++;
		assert_int_equal(ten_host_parse(host, suffix, &e), ALV_OK);
		assert_true(alv_str_eq(e.tenant, id));
		assert_int_equal(e.node, node);
	}
	assert_true(legal > 10000);
	assert_true(reserved > 1000);
	alv_arena_fini(&a);
}

/* And from the other side: what parses is written back the same. */
static void
one_spelling(void **state)
{
	uint64_t	 seed = 9;
	struct alv_arena a;
	int		 parsed = 0;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	for (int i = 0; i < 50000; i++) {
		char		    text[9];
		struct alv_str	    label = alv_str_make(text, random_id(&seed, text)), host, again;
		struct ten_endpoint e;

		alv_arena_reset(&a);
		host = alv_arena_printf(&a, "%.*s.%.*s", ALV_STR_ARG(label), ALV_STR_ARG(suffix));
		if (ten_host_parse(host, suffix, &e))
			continue;
		again = ten_host(&a, e.tenant, e.node, suffix);
		assert_true(alv_str_eq(host, again));
		parsed++;
	}
	assert_true(parsed > 10000);
	alv_arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(one_reading),
		cmocka_unit_test(one_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
