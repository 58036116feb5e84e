/* Building, asking and changing messages as trees. Every message's bytes are golden_test.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kafka/gen/field_ids.h"
#include "kit.h"

enum { PRODUCE = 0, FETCH = 1, METADATA = 3, SASL_AUTHENTICATE = 36, DESCRIBE_TOPIC_PARTITIONS = 75 };

#define NAMES	   KFK_METADATA_REQUEST_TOPICS
#define NAME	   KFK_METADATA_REQUEST_TOPICS_NAME
#define AUTO	   KFK_METADATA_REQUEST_ALLOW_AUTO_TOPIC_CREATION

static struct kit kit;

static struct kfk_tree
tree(int key, enum kfk_dir dir, int16_t version)
{
	struct kfk_tree t;

	kfk_tree_init(&t, kfk_schema_find(key, dir), version, &kit.arena);
	return t;
}

static void
expect_bytes(const struct kfk_tree *t, struct alv_str want)
{
	struct alv_chain out;

	alv_chain_init(&out, kit.pool);
	assert_int_equal(kfk_tree_encode(t, &out), ALV_OK);
	assert_true(kit_same(&out, (const uint8_t *)want.p, want.n));
	alv_chain_clear(&out);
}

static void
expect_error(const struct kfk_tree *t, enum alv_err err)
{
	struct alv_chain out;

	alv_chain_init(&out, kit.pool);
	assert_int_equal(kfk_tree_encode(t, &out), err);
	assert_int_equal(out.err, err);
	alv_chain_clear(&out);
}

static void
what_is_absent_has_its_default(void **state)
{
	struct kfk_tree t = tree(METADATA, KFK_REQUEST, 9);

	(void)state;
	assert_null(kfk_get(&t.root, NAMES));
	assert_null(kfk_get(NULL, NAMES));
	assert_int_equal(kfk_get_int(&t, &t.root, AUTO), 1);
	assert_int_equal(kfk_get_str(&t, &t.root, NAME).n, 0);
	assert_true(alv_uuid_zero(kfk_get_uuid(&t, &t.root, KFK_METADATA_REQUEST_TOPICS_TOPIC_ID)));
	expect_bytes(&t, ALV_STR("\1" "\1" "\0" "\0" "\0"));
	t.version = 1;
	expect_bytes(&t, ALV_STR("\0\0\0\0"));
	t.version = 99;
	expect_error(&t, ALV_E_UNKNOWN_VERSION);
}

static void
what_is_set_is_there(void **state)
{
	struct kfk_tree	 t = tree(METADATA, KFK_REQUEST, 9);
	struct kfk_node *names = kfk_set_empty(&t, &t.root, NAMES), *e;

	(void)state;
	e = kfk_add(&t, names);
	kfk_set_str(&t, e, NAME, ALV_STR("once"));
	kfk_set_str(&t, e, NAME, ALV_STR("a"));		/* again: replaces */
	e = kfk_add(&t, names);
	kfk_set_str(&t, e, NAME, ALV_STR("bc"));
	kfk_set_int(&t, &t.root, AUTO, 0);
	assert_int_equal(names->n, 2);
	assert_true(alv_str_eqz(kfk_get_str(&t, names->kids, NAME), "a"));
	assert_int_equal(kfk_get_int(&t, &t.root, AUTO), 0);
	expect_bytes(&t, ALV_STR("\3" "\2a" "\0" "\3bc" "\0" "\0" "\0" "\0" "\0"));
	kfk_set_null(&t, &t.root, NAMES);
	expect_bytes(&t, ALV_STR("\0" "\0" "\0" "\0" "\0"));
	t.version = 0;
	expect_error(&t, ALV_E_NULL_VALUE);
}

static void
elements_are_unlinked_and_moved(void **state)
{
	struct kfk_tree	 t = tree(METADATA, KFK_REQUEST, 1), other = t;
	struct kfk_node *names = kfk_set_empty(&t, &t.root, NAMES), *there = kfk_set_empty(&other, &other.root, NAMES), *e[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		static const char *const text[] = { "a", "b", "c" };

		e[i] = kfk_add(&t, names);
		kfk_set_str(&t, e[i], NAME, alv_str_of(text[i]));
	}
	kfk_unlink(names, e[1], e[2]);
	kfk_append(there, e[2]);
	expect_bytes(&t, ALV_STR("\0\0\0\2" "\0\1a" "\0\1b"));
	kfk_unlink(names, NULL, e[0]);
	kfk_append(there, e[0]);
	expect_bytes(&t, ALV_STR("\0\0\0\1" "\0\1b"));
	expect_bytes(&other, ALV_STR("\0\0\0\2" "\0\1c" "\0\1a"));
	kfk_unlink(names, NULL, e[1]);
	assert_null(names->last);
	kfk_append(names, e[1]);
	expect_bytes(&t, ALV_STR("\0\0\0\1" "\0\1b"));
}

/* Fetch v12: ClusterId is tag 0, its default null; and later fields are left out in earlier versions. */
static void
tagged_fields_go_out_unless_default(void **state)
{
	static const char front[] = "\xff\xff\xff\xff" "\0\0\0\0" "\0\0\0\0" "\x7f\xff\xff\xff" "\0" "\0\0\0\0" "\xff\xff\xff\xff" "\1" "\1" "\1";
	struct kfk_tree t = tree(FETCH, KFK_REQUEST, 12);
	struct alv_chain out;

	(void)state;
	alv_chain_init(&out, kit.pool);
	assert_int_equal(kfk_tree_encode(&t, &out), ALV_OK);
	assert_int_equal(out.n, sizeof(front) - 1 + 1);
	alv_chain_clear(&out);
	kfk_set_str(&t, &t.root, KFK_FETCH_REQUEST_CLUSTER_ID, ALV_STR("ab"));
	assert_int_equal(kfk_tree_encode(&t, &out), ALV_OK);
	assert_int_equal(out.n, sizeof(front) - 1 + 1 + 2 + 3);
	alv_chain_clear(&out);
	kfk_set_null(&t, &t.root, KFK_FETCH_REQUEST_CLUSTER_ID);
	assert_int_equal(kfk_tree_encode(&t, &out), ALV_OK);
	assert_int_equal(out.n, sizeof(front) - 1 + 1);
	alv_chain_clear(&out);
}

static void
bytes_come_in_one_piece(void **state)
{
	static const char body[] = "\0\0\0\5hello";
	const uint16_t	  id = KFK_SASL_AUTHENTICATE_REQUEST_AUTH_BYTES;

	(void)state;
	for (size_t piece = 1; piece < 10; piece++) {
		struct alv_chain in;
		struct kfk_tree	 t;

		kit_chain(&kit, &in, (const uint8_t *)body, sizeof(body) - 1, piece);
		assert_int_equal(kfk_tree_decode(&t, kfk_schema_find(SASL_AUTHENTICATE, KFK_REQUEST), 0, &in, &kit.arena), ALV_OK);
		alv_chain_clear(&in);
		assert_true(alv_str_eqz(kfk_get_bytes(&t, &t.root, id), "hello"));
		expect_bytes(&t, alv_str_make(body, sizeof(body) - 1));
		kfk_set_bytes(&t, &t.root, id, ALV_STR("bye"));
		assert_true(alv_str_eqz(kfk_get_bytes(&t, &t.root, id), "bye"));
		kfk_tree_fini(&t);
		assert_int_equal(alv_pool_out(kit.pool), 0);
	}
}

static void
failures_are_told_and_leave_nothing(void **state)
{
	static const char *const bodies[] = { "", "\0\0\0\6hello", "\0\0\0\4hello", "\xff\xff\xff\xff", "\x80\0\0\0" };
	static const size_t	 sizes[] = { 0, 9, 9, 4, 4 };
	static const enum alv_err errs[] = { ALV_E_SHORT, ALV_E_LENGTH, ALV_E_TRAILING, ALV_E_NULL_VALUE, ALV_E_LENGTH };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(errs); i++) {
		struct alv_chain in;
		struct kfk_tree	 t;

		kit_chain(&kit, &in, (const uint8_t *)bodies[i], sizes[i], 0);
		assert_int_equal(kfk_tree_decode(&t, kfk_schema_find(SASL_AUTHENTICATE, KFK_REQUEST), 0, &in, &kit.arena), errs[i]);
		assert_non_null(t.fault);
		assert_string_equal(t.fault->message, "SaslAuthenticateRequest");
		alv_chain_clear(&in);
		kfk_tree_fini(&t);
		assert_int_equal(alv_pool_out(kit.pool), 0);
	}
}

static void
memory_has_an_end(void **state)
{
	static uint8_t	 body[4 + 3 * 5000];
	struct alv_arena small;
	struct alv_chain in, out;
	struct kfk_tree	 t;
	struct kfk_node *names;

	(void)state;
	alv_put_be32(body, 5000);
	for (size_t i = 0; i < 5000; i++)
		memcpy(body + 4 + 3 * i, "\0\1a", 3);
	alv_arena_init(&small, 4096);
	kit_chain(&kit, &in, body, sizeof(body), 0);
	assert_int_equal(kfk_tree_decode(&t, kfk_schema_find(METADATA, KFK_REQUEST), 1, &in, &small), ALV_E_NOMEM);
	alv_chain_clear(&in);
	alv_arena_fini(&small);

	alv_arena_init(&small, 1000);
	kfk_tree_init(&t, kfk_schema_find(METADATA, KFK_REQUEST), 1, &small);
	names = kfk_set_empty(&t, &t.root, NAMES);
	for (int i = 0; i < 100; i++)
		kfk_set_str(&t, kfk_add(&t, names), NAME, ALV_STR("a"));
	alv_chain_init(&out, kit.pool);
	assert_int_equal(kfk_tree_encode(&t, &out), ALV_E_NOMEM);
	alv_chain_clear(&out);
	alv_arena_fini(&small);
}

static void
too_long_a_string_is_refused(void **state)
{
	static char	text[INT16_MAX + 1];
	struct kfk_tree t = tree(METADATA, KFK_REQUEST, 9);

	(void)state;
	kfk_set_str(&t, kfk_add(&t, kfk_set_empty(&t, &t.root, NAMES)), NAME, alv_str_make(text, sizeof(text)));
	expect_error(&t, ALV_E_LENGTH);
}

/* Elements that were encoded before, in two goes, behind one that is a node: the same bytes. */
static void
encoded_elements_are_elements(void **state)
{
	static const struct alv_str names[] = { ALV_STR("orders"), ALV_STR("b"), ALV_STR("payments") };
	struct kfk_tree		    nodes = tree(METADATA, KFK_REQUEST, 9), mixed = tree(METADATA, KFK_REQUEST, 9), part = mixed;
	struct kfk_node		   *all = kfk_set_empty(&nodes, &nodes.root, NAMES), *some = kfk_set_empty(&mixed, &mixed.root, NAMES);
	struct kfk_node		   *list = kfk_set_empty(&part, &part.root, NAMES);
	struct alv_chain	    ready, out;
	uint8_t			    want[64];

	(void)state;
	alv_chain_init(&ready, kit.pool);
	alv_chain_init(&out, kit.pool);
	alv_chain_copy(&ready, "before", 6);
	for (size_t i = 0; i < ALV_COUNT(names); i++) {
		kfk_set_str(&nodes, kfk_add(&nodes, all), NAME, names[i]);
		if (i == 0) {
			kfk_set_str(&mixed, kfk_add(&mixed, some), NAME, names[i]);
		} else {
			struct kfk_node *e = kfk_add(&part, list);
			size_t		 from = ready.n;

			kfk_set_str(&part, e, NAME, names[i]);
			assert_int_equal(kfk_emit_element(&part, e, &ready), ALV_OK);
			kfk_set_encoded(some, &ready, from, 1);
		}
	}
	assert_int_equal(kfk_tree_encode(&nodes, &out), ALV_OK);
	assert_true(out.n <= sizeof(want) && alv_chain_peek(&out, 0, want, out.n));
	expect_bytes(&mixed, alv_str_make((char *)want, out.n));
	alv_chain_clear(&ready);
	ready.err = ALV_E_NOMEM;	/* what could not be encoded is not left out */
	expect_error(&mixed, ALV_E_NOMEM);
	alv_chain_clear(&out);
}

static int
begin(void **state)
{
	(void)state;
	kit_init(&kit);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	kit_fini(&kit);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_absent_has_its_default), T(what_is_set_is_there), T(elements_are_unlinked_and_moved),
		T(tagged_fields_go_out_unless_default), T(bytes_come_in_one_piece), T(failures_are_told_and_leave_nothing),
		T(memory_has_an_end), T(too_long_a_string_is_refused), T(encoded_elements_are_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
