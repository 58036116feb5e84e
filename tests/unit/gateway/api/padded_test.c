/* What known clients say too much is overlooked, as brokers do; anything else behind the end of a message is malformed. */
#include "stage.h"

#define Q(f) KFK_METADATA_REQUEST_##f

/* As librdkafka sends it: a null list whose count has four bytes. */
static void
wide_null_list(void **state)
{
	static const uint8_t v12[] = { 0, 0, 0, 0, 1, 0, 0 }, v10[] = { 0, 0, 0, 0, 1, 0, 0, 0 }, other[] = { 0, 0, 0, 0, 1, 0, 0, 0 },
			     list[] = { 1, 0, 0, 0, 1, 0, 0 };
	struct stage	     s;

	(void)state;
	stage_open(&s, NULL, 0);
	stage_begin(&s, KFK_API_METADATA, 12);
	assert_int_equal(stage_send_bytes(&s, v12, sizeof(v12)), API_FORWARD);
	assert_int_equal(stage_count(&stage_upstream(&s)->root, Q(TOPICS)), 3);
	stage_begin(&s, KFK_API_METADATA, 10);
	assert_int_equal(stage_send_bytes(&s, v10, sizeof(v10)), API_FORWARD);
	assert_int_equal(stage_count(&stage_upstream(&s)->root, Q(TOPICS)), 3);
	stage_begin(&s, KFK_API_METADATA, 12);
	assert_int_equal(stage_send_bytes(&s, other, sizeof(other)), API_CLOSE);
	stage_begin(&s, KFK_API_METADATA, 12);
	assert_int_equal(stage_send_bytes(&s, list, sizeof(list)), API_CLOSE);
	stage_close(&s);
}

/* As librdkafka and kafka-go end some requests: with their tagged fields, none, twice. */
static void
tags_twice(void **state)
{
	static const struct {
		int16_t		version;
		size_t		n;
		uint8_t		behind[2];
		enum api_result want;
	} cases[] = {
		{ 12, 0, { 0 }, API_FORWARD }, { 12, 1, { 0 }, API_FORWARD }, { 12, 1, { 1 }, API_CLOSE }, { 12, 2, { 0, 0 }, API_CLOSE },
		{ 8, 0, { 0 }, API_FORWARD }, { 8, 1, { 0 }, API_CLOSE },
	};
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct kfk_tree *t = stage_begin(&s, KFK_API_METADATA, cases[i].version);
		struct alv_chain out;

		kfk_set_str(t, kfk_add(t, kfk_set_empty(t, &t->root, Q(TOPICS))), Q(TOPICS_NAME), ALV_STR("orders"));
		alv_chain_init(&out, s.worker.pool);
		assert_int_equal(kfk_tree_encode(t, &out), ALV_OK);
		alv_chain_copy(&out, cases[i].behind, cases[i].n);
		assert_int_equal(api_request(&s.call, &out), cases[i].want);
		if (cases[i].want == API_FORWARD)
			assert_int_equal(stage_count(&stage_upstream(&s)->root, Q(TOPICS)), 1);
		alv_chain_clear(&out);
	}
	stage_close(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(wide_null_list),
		cmocka_unit_test(tags_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
