/* The view: sorted, whole after its parts are gone, and its lookups at both ends and in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/cluster.h>
#include <alcove/str.h>

static struct alv_uuid
uuid(uint8_t first)
{
	return (struct alv_uuid){ { first, 1 } };
}

/* Parts in memory that is overwritten after the build. */
static struct clu_view *
build_sample(void)
{
	char		  names[][16] = { "acme.orders", "acme.", "globex.orders", "acme", "acmf", "zebra", "acme.a\xff" };
	struct clu_topic  topics[ALV_COUNT(names)];
	char		  host[] = "kafka-2", rack[] = "r";
	struct clu_broker brokers[] = {
		{ .id = 7, .host = ALV_STR("kafka-7"), .port = 9092 },
		{ .id = -3, .host = alv_str_of(host), .port = 65535, .rack = alv_str_of(rack) },
		{ .id = INT32_MAX, .host = ALV_STR(""), .port = 1, .rack = ALV_STR("") },
	};
	struct clu_view parts = { .generation = 9, .cluster_id = ALV_STR("c1"), .controller_id = 7, .nbrokers = 3,
		.brokers = brokers, .ntopics = ALV_COUNT(names), .topics = topics, .apis[3] = { 1, 12 }, .nfeatures = 1,
		.features[0] = { "metadata.version", 1, 30 } };
	struct clu_view *v;

	for (size_t i = 0; i < ALV_COUNT(names); i++)
		topics[i] = (struct clu_topic){ .name = alv_str_of(names[i]), .id = uuid((uint8_t)(200 - 20 * i)),
			.partitions = (int32_t)i, .internal = i == 3 };
	topics[5].id = (struct alv_uuid){ { 0 } };	/* zebra has no id */
	v = clu_view_build(&parts);
	memset(names, 'x', sizeof(names));
	memset(host, 'x', sizeof(host));
	memset(rack, 'x', sizeof(rack));
	return v;
}

static void
holds_everything_sorted(void **state)
{
	struct clu_view *v = build_sample();

	(void)state;
	assert_non_null(v);
	assert_int_equal(v->generation, 9);
	assert_true(alv_str_eqz(v->cluster_id, "c1"));
	assert_int_equal(v->apis[3].hi, 12);
	assert_string_equal(v->features[0].name, "metadata.version");
	assert_int_equal(v->brokers[0].id, -3);
	assert_true(alv_str_eqz(v->brokers[0].host, "kafka-2"));
	assert_true(alv_str_eqz(v->brokers[0].rack, "r"));
	assert_null(v->brokers[1].rack.p);
	assert_non_null(v->brokers[2].rack.p);
	assert_int_equal(v->brokers[2].rack.n, 0);
	for (size_t i = 1; i < v->ntopics; i++) {
		assert_true(alv_str_cmp(v->topics[i - 1].name, v->topics[i].name) < 0);
		assert_true(memcmp(v->by_id[i - 1]->id.b, v->by_id[i]->id.b, 16) < 0);
	}
	clu_view_free(v);
}

static void
finds_by_name_id_and_number(void **state)
{
	struct clu_view *v = build_sample();

	(void)state;
	assert_int_equal(clu_topic_find(v, ALV_STR("globex.orders"))->partitions, 2);
	assert_int_equal(clu_topic_find(v, ALV_STR("acme"))->internal, true);
	assert_null(clu_topic_find(v, ALV_STR("acme.order")));
	assert_null(clu_topic_find(v, ALV_STR("")));
	assert_null(clu_topic_find(v, ALV_STR_NULL));
	assert_true(alv_str_eqz(clu_topic_by_id(v, uuid(160))->name, "globex.orders"));
	assert_null(clu_topic_by_id(v, uuid(161)));
	assert_null(clu_topic_by_id(v, (struct alv_uuid){ { 0 } }));
	assert_int_equal(clu_broker_find(v, INT32_MAX)->port, 1);
	assert_int_equal(clu_broker_find(v, -3)->port, 65535);
	assert_null(clu_broker_find(v, 0));
	clu_view_free(v);
}

static void
prefix_is_a_range(void **state)
{
	static const struct { const char *prefix, *first; size_t n; } cases[] = {
		{ "acme.", "acme.", 3 }, { "acme", "acme", 4 }, { "acme.orders", "acme.orders", 1 }, { "", "acme", 7 },
		{ "acme.orders1", NULL, 0 }, { "a", "acme", 5 }, { "zebra", "zebra", 1 }, { "zz", NULL, 0 }, { "A", NULL, 0 },
	};
	struct clu_view *v = build_sample();

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		const struct clu_topic *first;

		assert_int_equal(clu_topic_range(v, alv_str_of(cases[i].prefix), &first), cases[i].n);
		if (cases[i].n > 0)
			assert_true(alv_str_eqz(first->name, cases[i].first));
	}
	clu_view_free(v);
}

static void
empty_view_answers(void **state)
{
	struct clu_view		parts = { .controller_id = -1 };
	struct clu_view	       *v = clu_view_build(&parts);
	const struct clu_topic *first;

	(void)state;
	assert_non_null(v);
	assert_null(clu_topic_find(v, ALV_STR("a")));
	assert_null(clu_topic_by_id(v, uuid(1)));
	assert_null(clu_broker_find(v, 0));
	assert_int_equal(clu_topic_range(v, ALV_STR(""), &first), 0);
	clu_view_free(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_everything_sorted),
		cmocka_unit_test(finds_by_name_id_and_number),
		cmocka_unit_test(prefix_is_a_range),
		cmocka_unit_test(empty_view_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
