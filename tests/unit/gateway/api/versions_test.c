/* ApiVersions: what is announced is what is served. */
#include "stage.h"

#define Q(f) KFK_API_VERSIONS_REQUEST_##f
#define R(f) KFK_API_VERSIONS_RESPONSE_##f

static struct kfk_tree *
ask(struct stage *s, int16_t version)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_API_VERSIONS, version);

	kfk_set_str(t, &t->root, Q(CLIENT_SOFTWARE_NAME), ALV_STR("test-client"));
	kfk_set_str(t, &t->root, Q(CLIENT_SOFTWARE_VERSION), ALV_STR("1.2.3"));
	kfk_set_null(t, &t->root, Q(CLUSTER_ID));
	return t;
}

static struct kfk_node *
key_of(struct kfk_tree *t, int16_t key)
{
	for (struct kfk_node *e = kfk_get(&t->root, R(API_KEYS))->kids; e != NULL; e = e->next)
		if (kfk_get_int(t, e, R(API_KEYS_API_KEY)) == key)
			return e;
	return NULL;
}

static void
announces_what_is_served(void **state)
{
	static const struct { int16_t key; int lo, hi; } want[] = {
		{ KFK_API_PRODUCE, 0, 13 }, { KFK_API_FETCH, 4, 18 }, { KFK_API_METADATA, 0, 13 }, { KFK_API_API_VERSIONS, 0, 5 },
		{ KFK_API_INIT_PRODUCER_ID, 0, 5 }, { KFK_API_ADD_PARTITIONS_TO_TXN, 0, 3 },
	};
	static const int16_t never[] = { KFK_API_ENVELOPE, KFK_API_VOTE, KFK_API_ALLOCATE_PRODUCER_IDS, KFK_API_CONTROLLER_REGISTRATION,
		KFK_API_WRITE_SHARE_GROUP_STATE, KFK_API_FETCH_SNAPSHOT, KFK_API_UPDATE_METADATA };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 5; v++) {
		stage_open(&s, NULL, 0);
		s.conn.auth = v % 2 == 0 ? API_AUTH_NONE : API_AUTH_DONE;
		(void)ask(&s, v);
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, &t->root, R(ERROR_CODE)), 0);
		for (size_t i = 0; i < ALV_COUNT(want); i++) {
			struct kfk_node *e = key_of(t, want[i].key);

			assert_non_null(e);
			assert_int_equal(kfk_get_int(t, e, R(API_KEYS_MIN_VERSION)), want[i].lo);
			assert_int_equal(kfk_get_int(t, e, R(API_KEYS_MAX_VERSION)), want[i].hi);
		}
		for (size_t i = 0; i < ALV_COUNT(never); i++)
			assert_null(key_of(t, never[i]));
		stage_close(&s);
	}
}

static void
features_are_few_and_true(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	stage_open(&s, NULL, 0);
	(void)ask(&s, 4);
	assert_int_equal(stage_send(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(stage_count(&t->root, R(FINALIZED_FEATURES)), 1);
	e = stage_at(&t->root, R(FINALIZED_FEATURES), 0);
	stage_text(kfk_get_str(t, e, R(FINALIZED_FEATURES_NAME)), "transaction.version");
	assert_int_equal(kfk_get_int(t, e, R(FINALIZED_FEATURES_MAX_VERSION_LEVEL)), 2);
	assert_int_equal(kfk_get_int(t, &t->root, R(FINALIZED_FEATURES_EPOCH)), 5);
	stage_close(&s);
}

/* Brokers that end transactions the old way: clients must not count on the new one. */
static void
a_cap_lowers_the_feature(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct clu_view	 v;

	(void)state;
	stage_open(&s, NULL, 0);
	v = *clu_board_load(s.board);
	v.apis[KFK_API_END_TXN].hi = 4;
	v.apis[KFK_API_FETCH].hi = 15;
	v.apis[KFK_API_LIST_GROUPS] = (struct clu_range){ 0, -1 };
	clu_board_publish(s.board, clu_view_build(&v));
	(void)ask(&s, 4);
	assert_int_equal(stage_send(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(kfk_get_int(t, stage_at(&t->root, R(FINALIZED_FEATURES), 0), R(FINALIZED_FEATURES_MAX_VERSION_LEVEL)), 1);
	assert_int_equal(kfk_get_int(t, key_of(t, KFK_API_FETCH), R(API_KEYS_MAX_VERSION)), 15);
	assert_null(key_of(t, KFK_API_LIST_GROUPS));
	stage_close(&s);
}

static void
unknown_versions_are_answered(void **state)
{
	static const int16_t versions[] = { 6, 99, -1, INT16_MAX };
	struct stage	     s;
	struct kfk_tree	    *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(versions); i++) {
		stage_open(&s, NULL, 0);
		s.conn.auth = i % 2 == 0 ? API_AUTH_NONE : API_AUTH_DONE;
		(void)stage_begin(&s, KFK_API_API_VERSIONS, versions[i]);
		assert_int_equal(stage_send_bytes(&s, "whatever", 8), API_ANSWER);
		t = stage_decode(&s, KFK_RESPONSE, 0);
		assert_int_equal(kfk_get_int(t, &t->root, R(ERROR_CODE)), KFK_UNSUPPORTED_VERSION);
		assert_int_equal(stage_count(&t->root, R(API_KEYS)), 1);
		assert_int_equal(kfk_get_int(t, key_of(t, KFK_API_API_VERSIONS), R(API_KEYS_MAX_VERSION)), 5);
		stage_close(&s);
	}
}

static void
software_names_are_checked(void **state)
{
	static const char *const bad[] = { "", "-x", "x-", "a b", "a\n", "(x)" };
	struct stage		 s;
	struct kfk_tree		*t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		stage_open(&s, NULL, 0);
		t = ask(&s, 3);
		kfk_set_str(t, &t->root, Q(CLIENT_SOFTWARE_NAME), alv_str_of(bad[i]));
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, &t->root, R(ERROR_CODE)), KFK_INVALID_REQUEST);
		stage_close(&s);
	}
}

static void
whom_the_client_thinks_it_talks_to(void **state)
{
	static const struct { const char *cluster; int node; int32_t here; int16_t code; } cases[] = {
		{ NULL, -1, -1, 0 }, { "acme-cluster-id-22char", -1, -1, 0 }, { "acme-cluster-id-22char", 2, 2, 0 },
		{ "physical-cluster-idxxx", -1, -1, KFK_REBOOTSTRAP_REQUIRED },
		{ "globex-cluster-id-22ch", -1, -1, KFK_REBOOTSTRAP_REQUIRED },
		{ NULL, 1, 2, KFK_REBOOTSTRAP_REQUIRED }, { NULL, 1, -1, KFK_REBOOTSTRAP_REQUIRED },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, NULL, 0);
		s.conn.node = cases[i].here;
		t = ask(&s, 5);
		kfk_set_str(t, &t->root, Q(CLUSTER_ID), alv_str_of(cases[i].cluster));
		kfk_set_int(t, &t->root, Q(NODE_ID), cases[i].node);
		assert_int_equal(stage_send(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, &t->root, R(ERROR_CODE)), cases[i].code);
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(announces_what_is_served),
		cmocka_unit_test(features_are_few_and_true),
		cmocka_unit_test(a_cap_lowers_the_feature),
		cmocka_unit_test(unknown_versions_are_answered),
		cmocka_unit_test(software_names_are_checked),
		cmocka_unit_test(whom_the_client_thinks_it_talks_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
