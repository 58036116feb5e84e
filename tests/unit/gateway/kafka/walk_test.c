/* What a walk shows, what visitors may answer, and how it fails; small bodies by hand. Byte-for-byte behaviour over
 * every message is golden_test.c's and walk_change_test.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>

#include "kafka/gen/field_ids.h"
#include "kit.h"

enum { METADATA = 3, PRODUCE = 0, FETCH = 1, JOIN_GROUP = 11 };

static struct kit kit;

/* ---- what is shown, as text ---- */

struct tale {
	char   text[2000];
	size_t n;
	enum kfk_do drop_name;		/* the answer for the name "x" */
};

static void ALV_PRINTF(2, 3)
tell(struct tale *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->n += (size_t)vsnprintf(t->text + t->n, sizeof(t->text) - t->n, fmt, ap);
	va_end(ap);
	assert_true(t->n < sizeof(t->text));
}

static enum kfk_do
on_field(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct tale *t = arg;

	(void)id;
	if (v->is_null)
		tell(t, "%s=null ", f->name);
	else if (f->type == KFK_STRING)
		tell(t, "%s=%.*s ", f->name, ALV_STR_ARG(v->s));
	else
		tell(t, "%s=%lld ", f->name, (long long)v->i);
	return f->type == KFK_STRING && alv_str_eqz(v->s, "x") ? t->drop_name : KFK_KEEP;
}

static enum kfk_do
on_array(void *arg, uint16_t id, int32_t n)
{
	(void)id;
	tell(arg, "[%d ", (int)n);
	return KFK_KEEP;
}

static uint32_t
on_array_end(void *arg, uint16_t id, struct alv_chain *out)
{
	(void)id;
	(void)out;
	tell(arg, "] ");
	return 0;
}

static void
on_element(void *arg, uint16_t id, int32_t i)
{
	(void)id;
	tell(arg, "%d{ ", (int)i);
}

static void
on_element_end(void *arg, uint16_t id, bool dropped)
{
	(void)id;
	tell(arg, dropped ? "}- " : "} ");
}

static enum alv_err
on_records(void *arg, uint16_t id, const uint8_t *p, size_t n)
{
	(void)id;
	tell(arg, "(%.*s) ", (int)n, (const char *)p);
	return ALV_OK;
}

static const struct kfk_visitor teller = { .field = on_field, .array_begin = on_array, .array_end = on_array_end,
	.element = on_element, .element_end = on_element_end, .records = on_records };

#define ALL UINT64_MAX
#define BIT(kind) (1ull << KFK_KIND_##kind)

/* Walks s in two chunks, cut at `cut`; out may be NULL. */
static enum alv_err
walk(int key, int16_t version, uint64_t kinds, const struct kfk_visitor *v, void *arg, struct alv_str s, size_t cut,
    struct alv_chain *out, struct kfk_walk *w)
{
	const struct kfk_plan *plan = kfk_plan_get(kfk_schema_find(key, KFK_REQUEST), version, kinds);
	const uint8_t	      *p = (const uint8_t *)s.p;
	enum alv_err	       err;

	assert_non_null(plan);
	assert_int_equal(kfk_walk_init(w, plan, v, arg, out, &kit.arena), ALV_OK);
	kfk_walk_expect(w, s.n);
	err = cut > 0 ? kit_feed(&kit, w, p, cut) : ALV_E_MORE;
	if (err == ALV_E_MORE)
		err = kit_feed(&kit, w, p + cut, s.n - cut);
	kfk_walk_fini(w);
	return err;
}

/* Produce v9: transactional id, acks, timeout, one topic "t" with partition 5 and records "abc". */
#define PRODUCE_BODY ALV_STR("\0" "\xff\xff" "\0\0\0\x1e" "\2" "\2t" "\2" "\0\0\0\5" "\4abc" "\0" "\0" "\0")

static void
shows_what_was_asked_for(void **state)
{
	static const struct { uint64_t kinds; const char *text; } cases[] = {
		{ ALL, "TransactionalId=null Acks=-1 TimeoutMs=30 [1 0{ Name=t [1 0{ Index=5 Records=3 (abc) } ] } ] " },
		{ BIT(TOPIC_NAME), "[1 0{ Name=t } ] " },
		{ BIT(RECORDS), "[1 0{ [1 0{ Records=3 (abc) } ] } ] " },
		{ BIT(HOST), "" },
		{ 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct tale	t = { .n = 0 };
		struct kfk_walk w;

		assert_int_equal(walk(PRODUCE, 9, cases[i].kinds, &teller, &t, PRODUCE_BODY, 0, NULL, &w), ALV_OK);
		assert_string_equal(t.text, cases[i].text);
	}
}

/* Metadata v1: names; a null array means all. */
static void
drops_scalars_and_counts(void **state)
{
	struct alv_str in = ALV_STR("\0\0\0\4" "\0\1x" "\0\1a" "\0\1x" "\0\1b");
	struct alv_str want = ALV_STR("\0\0\0\2" "\0\1a" "\0\1b");

	(void)state;
	for (size_t cut = 0; cut < in.n; cut++) {
		struct tale	 t = { .drop_name = KFK_DROP };
		struct alv_chain out;
		struct kfk_walk	 w;

		/* in v1 an element is a struct of one name */
		alv_chain_init(&out, kit.pool);
		assert_int_equal(walk(METADATA, 1, BIT(TOPIC_NAME), &teller, &t, in, cut, &out, &w), ALV_OK);
		assert_true(kit_same(&out, (const uint8_t *)want.p, want.n));
		assert_string_equal(t.text, "[4 0{ Name=x }- 1{ Name=a } 2{ Name=x }- 3{ Name=b } ] ");
		assert_int_equal(w.dropped_elements, 2);
		alv_chain_clear(&out);
	}
}

static void
dropping_without_an_array_fails(void **state)
{
	struct alv_str	 in = ALV_STR("\2x" "\xff\xff" "\0\0\0\x1e" "\1" "\0");
	struct tale	 t = { .drop_name = KFK_DROP };
	struct alv_chain out;
	struct kfk_walk	 w;

	(void)state;
	alv_chain_init(&out, kit.pool);
	assert_int_equal(walk(PRODUCE, 9, ALL, &teller, &t, in, 0, &out, &w), ALV_E_UNSUPPORTED);
	assert_string_equal(w.fault.field, "TransactionalId");
	assert_string_equal(w.fault.message, "ProduceRequest");
	alv_chain_clear(&out);
}

static void
stops_with_its_reason(void **state)
{
	struct tale	t = { .drop_name = KFK_STOP };
	struct kfk_walk w;

	(void)state;
	assert_int_equal(walk(METADATA, 1, ALL, &teller, &t, ALV_STR("\0\0\0\1" "\0\1x"), 0, NULL, &w), ALV_E_DENIED);
}

/* ---- replacing ---- */

static enum kfk_do
nullify(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	(void)id;
	if (f->kind != *(enum kfk_kind *)arg)
		return KFK_KEEP;
	v->is_null = true;
	return KFK_REPLACE;
}

static void
null_goes_only_where_it_may(void **state)
{
	static const struct kfk_visitor v = { .field = nullify };
	struct alv_str			want = ALV_STR("\0" "\xff\xff" "\0\0\0\x1e" "\2" "\2t" "\2" "\0\0\0\5" "\0" "\0" "\0" "\0");
	enum kfk_kind			records = KFK_KIND_RECORDS, name = KFK_KIND_TOPIC_NAME;

	(void)state;
	for (size_t cut = 0; cut < PRODUCE_BODY.n; cut++) {
		struct alv_chain out;
		struct kfk_walk	 w;

		alv_chain_init(&out, kit.pool);
		assert_int_equal(walk(PRODUCE, 9, ALL, &v, &records, PRODUCE_BODY, cut, &out, &w), ALV_OK);
		assert_true(kit_same(&out, (const uint8_t *)want.p, want.n));
		alv_chain_clear(&out);
		assert_int_equal(walk(PRODUCE, 9, ALL, &v, &name, PRODUCE_BODY, cut, &out, &w), ALV_E_NULL_VALUE);
		alv_chain_clear(&out);
	}
}

/* JoinGroup v0: the metadata of each protocol, shown whole. */
static enum kfk_do
enlarge(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	(void)id;
	if (f->type != KFK_BYTES)
		return KFK_KEEP;
	assert_int_equal(v->s.n, 3);
	assert_memory_equal(v->s.p, "mno", 3);
	v->s = *(struct alv_str *)arg;
	return KFK_REPLACE;
}

static void
whole_bytes_are_shown_and_replaced(void **state)
{
	static const struct kfk_visitor v = { .field = enlarge, .whole = BIT(SUBSCRIPTION) };
	struct alv_str in = ALV_STR("\0\1g" "\0\0\0\1" "\0\0\0\2" "\0\0" "\0\1c" "\0\0\0\1" "\0\1r" "\0\0\0\3mno"), new = ALV_STR("12345");
	struct alv_str want =
	    ALV_STR("\0\1g" "\0\0\0\1" "\0\0\0\2" "\0\0" "\0\1c" "\0\0\0\1" "\0\1r" "\0\0\0\5" "12345");

	(void)state;
	for (size_t cut = 0; cut < in.n; cut++) {
		struct alv_chain out;
		struct kfk_walk	 w;

		alv_chain_init(&out, kit.pool);
		assert_int_equal(walk(JOIN_GROUP, 2, BIT(SUBSCRIPTION), &v, &new, in, cut, &out, &w), ALV_OK);
		assert_true(kit_same(&out, (const uint8_t *)want.p, want.n));
		alv_chain_clear(&out);
	}
}

/* ---- hostile bytes ---- */

static void
hostile_bytes_are_refused(void **state)
{
	static const struct { int key; int16_t version; struct alv_str in; enum alv_err err; const char *field; } cases[] = {
		{ METADATA, 1, ALV_STR("\x7f\xff\xff\xff"), ALV_E_LENGTH, "Topics" },
		{ METADATA, 1, ALV_STR("\xff\xff\xff\xfe"), ALV_E_LENGTH, "Topics" },
		{ METADATA, 1, ALV_STR("\0\0\0\2" "\0\1a"), ALV_E_LENGTH, "Topics" },
		{ METADATA, 1, ALV_STR("\0\0\0\1" "\0\2a"), ALV_E_LENGTH, "Name" },
		{ METADATA, 1, ALV_STR("\0\0\0\1" "\xff\xff"), ALV_E_NULL_VALUE, "Name" },
		{ METADATA, 1, ALV_STR("\0\0\0\1" "\xff\xfe"), ALV_E_LENGTH, "Name" },
		{ METADATA, 1, ALV_STR("\0\0\0"), ALV_E_SHORT, "Topics" },
		{ METADATA, 1, ALV_STR("\0\0\0\0\0"), ALV_E_TRAILING, "end" },
		/* compact: a count of 2^32 - 1, a varint of six bytes, one longer than needed */
		{ METADATA, 9, ALV_STR("\xff\xff\xff\xff\x0f"), ALV_E_LENGTH, "Topics" },
		{ METADATA, 9, ALV_STR("\x81\x80\x80\x80\x80\1"), ALV_E_VARINT, "Topics" },
		{ METADATA, 9, ALV_STR("\x81\0\0\0\0\0\0\0\0"), ALV_E_VARINT, "Topics" },
		{ METADATA, 9, ALV_STR("\x81\0"), ALV_E_VARINT, "Topics" },
		/* tags: count, order, twice, size, a known one that is shorter or longer than its size (Fetch v12: ClusterId) */
		{ METADATA, 9, ALV_STR("\0\0\0\0\5"), ALV_E_LENGTH, "tagged fields" },
		{ METADATA, 9, ALV_STR("\0\0\0\0\2\5\0\4\0"), ALV_E_TAG, "tagged fields" },
		{ METADATA, 9, ALV_STR("\0\0\0\0\2\5\0\5\0"), ALV_E_TAG, "tagged fields" },
		{ METADATA, 9, ALV_STR("\0\0\0\0\1\5\2x"), ALV_E_LENGTH, "tagged fields" },
		{ METADATA, 9, ALV_STR("\0\0\0\0\1\5\1"), ALV_E_LENGTH, "tagged fields" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++)
		for (size_t cut = 0; cut < cases[i].in.n; cut++) {
			struct tale	t = { .n = 0 };
			struct kfk_walk w;
			enum alv_err	err = walk(cases[i].key, cases[i].version, ALL, &teller, &t, cases[i].in, cut, NULL, &w);

			if (err != cases[i].err || strcmp(w.fault.field, cases[i].field) != 0)
				fail_msg("case %zu cut %zu: %s at %s", i, cut, alv_err_name(err), w.fault.field);
			assert_int_equal(w.fault.err, err);
		}
}

/* Fetch v12 up to its tag section; then ClusterId by tag 0. */
#define FETCH_FRONT "\xff\xff\xff\xff" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0" "\0\0\0\0" "\0\0\0\0" "\1" "\1" "\1"

static void
known_tags_fill_their_size(void **state)
{
	static const struct { struct alv_str in; enum alv_err err; } cases[] = {
		{ ALV_STR(FETCH_FRONT "\1\0\3\3ab"), ALV_OK },
		{ ALV_STR(FETCH_FRONT "\1\0\4\3ab."), ALV_E_TRAILING },
		{ ALV_STR(FETCH_FRONT "\1\0\2\3ab"), ALV_E_LENGTH },
		{ ALV_STR(FETCH_FRONT "\1\0\1\0"), ALV_OK },
		{ ALV_STR(FETCH_FRONT "\1\0\0"), ALV_E_SHORT },
		{ ALV_STR(FETCH_FRONT "\1\0\0x"), ALV_E_LENGTH },
		{ ALV_STR(FETCH_FRONT "\1\x63\2zz"), ALV_OK },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct tale	t = { .n = 0 };
		struct kfk_walk w;
		enum alv_err	err = walk(FETCH, 12, ALL, &teller, &t, cases[i].in, 0, NULL, &w);

		if (err != cases[i].err)
			fail_msg("case %zu: %s", i, alv_err_name(err));
		assert_int_equal(w.dropped_tags, i == 6);
	}
}

/* What is announced costs nothing before it comes. */
static void
announced_lengths_cost_nothing(void **state)
{
	const struct kfk_plan *plan = kfk_plan_get(kfk_schema_find(JOIN_GROUP, KFK_REQUEST), 2, ALL);
	static const struct kfk_visitor v = { .whole = ALL };
	static const char front[] = "\0\1g" "\0\0\0\1" "\0\0\0\2" "\0\0" "\0\1c" "\x7f\0\0\0" "\0\1r" "\x7f\0\0\0mno";
	struct alv_arena a;
	struct kfk_walk	 w;

	(void)state;
	alv_arena_init(&a, 8192);
	assert_int_equal(kfk_walk_init(&w, plan, &v, NULL, NULL, &a), ALV_OK);
	assert_int_equal(kit_feed(&kit, &w, (const uint8_t *)front, sizeof(front) - 1), ALV_E_MORE);
	assert_false(a.failed);
	kfk_walk_fini(&w);
	alv_arena_fini(&a);
}

static void
large_runs_go_by_reference(void **state)
{
	struct kfk_node	      *e, *p;
	struct kfk_tree	       t;
	struct alv_chain       in, out;
	struct kfk_walk	       w;
	static uint8_t	       records[100000];

	(void)state;
	kfk_tree_init(&t, kfk_schema_find(PRODUCE, KFK_REQUEST), 9, &kit.arena);
	e = kfk_add(&t, kfk_set_empty(&t, &t.root, KFK_PRODUCE_REQUEST_TOPIC_DATA));
	p = kfk_add(&t, kfk_set_empty(&t, e, KFK_PRODUCE_REQUEST_TOPIC_DATA_PARTITION_DATA));
	kfk_set_str(&t, e, KFK_PRODUCE_REQUEST_TOPIC_DATA_NAME, ALV_STR("orders"));
	kfk_set_bytes(&t, p, KFK_PRODUCE_REQUEST_TOPIC_DATA_PARTITION_DATA_RECORDS, alv_str_make(records, sizeof(records)));
	alv_chain_init(&in, kit.pool);
	alv_chain_init(&out, kit.pool);
	assert_int_equal(kfk_tree_encode(&t, &in), ALV_OK);
	assert_int_equal(kfk_walk_init(&w, kfk_plan_get(t.schema, 9, 0), NULL, NULL, &out, &kit.arena), ALV_OK);
	assert_int_equal(kfk_walk_chain(&w, &in), ALV_OK);
	kfk_walk_fini(&w);
	assert_int_equal(out.n, in.n);
	for (struct alv_piece *x = out.head, *y = in.head; x != NULL && y != NULL; x = x->next, y = y->next)
		assert_ptr_equal(x->n >= 256 ? x->p : NULL, x->n >= 256 ? y->p : NULL);
	alv_chain_clear(&in);
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
		T(shows_what_was_asked_for), T(drops_scalars_and_counts), T(dropping_without_an_array_fails),
		T(stops_with_its_reason), T(null_goes_only_where_it_may), T(whole_bytes_are_shown_and_replaced),
		T(hostile_bytes_are_refused), T(known_tags_fill_their_size), T(announced_lengths_cost_nothing),
		T(large_runs_go_by_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
