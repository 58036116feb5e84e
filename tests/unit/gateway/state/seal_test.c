/* Sealing: back only with the same key, at the same place, unchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "state/seal.h"

static const struct sto_key key = { .bytes = { 1, 2, 3 }, .id = "0" };

static void
opens_only_where_it_was_sealed(void **state)
{
	const struct sto_place at = { .table = "t", .part = { ALV_STR("a"), ALV_STR("bc") } };
	const struct sto_place others[] = {
		{ .table = "t", .part = { ALV_STR("ab"), ALV_STR("c") } }, { .table = "u", .part = { ALV_STR("a"), ALV_STR("bc") } },
		{ .table = "t", .part = { ALV_STR("a"), ALV_STR("bc"), ALV_STR("d") } }, { .table = "t", .part = { ALV_STR("a") } },
	};
	struct sto_key other = key;
	uint8_t	       sealed[STO_SEALED_LEN(5)], again[STO_SEALED_LEN(5)], out[5];
	size_t	       n;

	(void)state;
	other.bytes[31] = 1;
	assert_int_equal(sto_seal(&key, &at, "hello", 5, sealed), ALV_OK);
	assert_int_equal(sto_seal(&key, &at, "hello", 5, again), ALV_OK);
	assert_memory_not_equal(sealed, again, sizeof(sealed));
	assert_int_equal(sto_unseal(&key, &at, sealed, sizeof(sealed), out, &n), ALV_OK);
	assert_int_equal(n, 5);
	assert_memory_equal(out, "hello", 5);
	for (size_t i = 0; i < ALV_COUNT(others); i++)
		assert_int_equal(sto_unseal(&key, &others[i], sealed, sizeof(sealed), out, &n), ALV_E_CRYPTO);
	assert_int_equal(sto_unseal(&other, &at, sealed, sizeof(sealed), out, &n), ALV_E_CRYPTO);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		assert_int_equal(sto_unseal(&key, &at, sealed, sizeof(sealed), out, &n), ALV_E_CRYPTO);
		sealed[i] ^= 1;
		assert_int_equal(sto_unseal(&key, &at, sealed, i, out, &n), ALV_E_CRYPTO);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_only_where_it_was_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
