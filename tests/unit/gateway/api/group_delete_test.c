/* What ends with a group: its committed offsets, topic by topic, and the group itself. */
#include "group_stage.h"

static const struct pol_rule denies[] = { STAGE_DENY(POL_GROUP, "closed", POL_OP_DELETE),
	STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ) };
enum { DENIES = ALV_COUNT(denies) };

/* ---- OffsetDelete ------------------------------------------------------------------------------------- */

#define Q(f) KFK_OFFSET_DELETE_REQUEST_##f
#define R(f) KFK_OFFSET_DELETE_RESPONSE_##f

static void
ask_offsets(struct stage *s, const char *group, const char *const *topics, size_t n)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_OFFSET_DELETE, 0);

	stage_str(q, Q(GROUP_ID), group);
	for (size_t i = 0; i < n; i++) {
		struct kfk_node *e = stage_add(q, &q->root, Q(TOPICS));

		kfk_set_str(q, e, Q(TOPICS_NAME), alv_str_of(topics[i]));
		kfk_set_int(q, stage_add(q, e, Q(TOPICS_PARTITIONS)), Q(TOPICS_PARTITIONS_PARTITION_INDEX), 3);
	}
}

static void
give_offset(struct kfk_tree *r, const char *topic, int16_t code)
{
	struct kfk_node *e = stage_add(r, &r->root, R(TOPICS)), *p;

	kfk_set_str(r, e, R(TOPICS_NAME), alv_str_of(topic));
	p = stage_add(r, e, R(TOPICS_PARTITIONS));
	kfk_set_int(r, p, R(TOPICS_PARTITIONS_PARTITION_INDEX), 3);
	kfk_set_int(r, p, R(TOPICS_PARTITIONS_ERROR_CODE), code);
}

static int64_t
code_of(struct kfk_tree *t, const char *topic)
{
	struct kfk_node *e = stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), topic), *p;

	assert_non_null(e);
	assert_int_equal(stage_count(e, R(TOPICS_PARTITIONS)), 1);
	p = stage_at(e, R(TOPICS_PARTITIONS), 0);
	assert_int_equal(kfk_get_int(t, p, R(TOPICS_PARTITIONS_PARTITION_INDEX)), 3);
	return kfk_get_int(t, p, R(TOPICS_PARTITIONS_ERROR_CODE));
}

static const char *const topics[] = { "orders", "secret", "a b", "shared", "none" };

static void
offsets_are_deleted_topic_by_topic(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	ask_offsets(&s, "billing", topics, ALV_COUNT(topics));
	t = stage_forwarded(&s);
	stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.billing");
	assert_int_equal(stage_count(&t->root, Q(TOPICS)), 3);
	assert_non_null(stage_named(t, &t->root, Q(TOPICS), Q(TOPICS_NAME), "legacy.shared"));
	t = stage_answers(&s);
	give_offset(t, "acme.orders", KFK_GROUP_SUBSCRIBED_TO_TOPIC);
	give_offset(t, "legacy.shared", 0);
	give_offset(t, "acme.none", 0);
	give_offset(t, "globex.orders", 0);
	t = stage_replied(&s);
	assert_int_equal(stage_count(&t->root, R(TOPICS)), ALV_COUNT(topics));
	assert_int_equal(code_of(t, "orders"), KFK_GROUP_SUBSCRIBED_TO_TOPIC);
	assert_int_equal(code_of(t, "shared"), 0);
	assert_int_equal(code_of(t, "none"), 0);
	assert_int_equal(code_of(t, "secret"), KFK_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(code_of(t, "a b"), KFK_UNKNOWN_TOPIC_OR_PARTITION);
	stage_close(&s);
}

/* What is wrong with the group is said once, and of no topic. */
static void
an_error_of_the_group_is_the_whole_answer(void **state)
{
	static const struct { const char *group; int16_t code; } cases[] = { { "closed", KFK_GROUP_AUTHORIZATION_FAILED },
		{ "watched", KFK_GROUP_AUTHORIZATION_FAILED }, { "", KFK_INVALID_GROUP_ID }, { "a\xff", KFK_INVALID_GROUP_ID } };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, denies, DENIES);
		ask_offsets(&s, cases[i].group, topics, ALV_COUNT(topics));
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), cases[i].code);
		assert_int_equal(stage_count(&t->root, R(TOPICS)), 0);
		stage_close(&s);
	}
	stage_open(&s, denies, DENIES);
	ask_offsets(&s, "billing", topics, ALV_COUNT(topics));
	(void)stage_forwarded(&s);
	kfk_set_int(stage_answers(&s), &s.tree.root, R(ERROR_CODE), KFK_GROUP_ID_NOT_FOUND);
	t = stage_replied(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_GROUP_ID_NOT_FOUND);
	assert_int_equal(stage_count(&t->root, R(TOPICS)), 0);
	stage_close(&s);
}

static void
no_topic_is_left_to_forward(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	ask_offsets(&s, "billing", topics + 1, 2);
	t = stage_refused(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), 0);
	assert_int_equal(code_of(t, "secret"), KFK_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(code_of(t, "a b"), KFK_UNKNOWN_TOPIC_OR_PARTITION);
	stage_close(&s);
}
#undef Q
#undef R

/* ---- DeleteGroups --------------------------------------------------------------------------------------- */

#define Q(f) KFK_DELETE_GROUPS_REQUEST_##f
#define R(f) KFK_DELETE_GROUPS_RESPONSE_##f

static void
give_group(struct kfk_tree *r, const char *group, int16_t code)
{
	struct kfk_node *e = stage_add(r, &r->root, R(RESULTS));

	kfk_set_str(r, e, R(RESULTS_GROUP_ID), alv_str_of(group));
	kfk_set_int(r, e, R(RESULTS_ERROR_CODE), code);
	if (r->version >= 3)
		kfk_set_str(r, e, R(RESULTS_ERROR_MESSAGE), ALV_STR("Group acme.billing is like globex.billing"));
}

static int64_t
deleted(struct kfk_tree *t, const char *group)
{
	struct kfk_node *e = stage_named(t, &t->root, R(RESULTS), R(RESULTS_GROUP_ID), group);

	assert_non_null(e);
	return kfk_get_int(t, e, R(RESULTS_ERROR_CODE));
}

static void
groups_are_deleted_one_by_one(void **state)
{
	static const char *const names[] = { "billing", "closed", "rival.billing", "taken", "watched", "" };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 3; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_DELETE_GROUPS, v);
		for (size_t i = 0; i < ALV_COUNT(names); i++)
			stage_add_str(t, &t->root, Q(GROUPS_NAMES), names[i]);
		t = stage_forwarded(&s);
		assert_int_equal(stage_count(&t->root, Q(GROUPS_NAMES)), 3);
		stage_text(stage_at(&t->root, Q(GROUPS_NAMES), 0)->v.s, "acme.billing");
		stage_text(stage_at(&t->root, Q(GROUPS_NAMES), 1)->v.s, "acme.rival.billing");
		stage_text(stage_at(&t->root, Q(GROUPS_NAMES), 2)->v.s, "legacy.taken");
		t = stage_answers(&s);
		give_group(t, "acme.billing", KFK_NON_EMPTY_GROUP);
		give_group(t, "acme.rival.billing", KFK_GROUP_ID_NOT_FOUND);
		give_group(t, "legacy.taken", 0);
		give_group(t, "globex.billing", 0);
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R(RESULTS)), ALV_COUNT(names));
		assert_int_equal(deleted(t, "billing"), KFK_NON_EMPTY_GROUP);
		assert_int_equal(deleted(t, "rival.billing"), KFK_GROUP_ID_NOT_FOUND);
		assert_int_equal(deleted(t, "taken"), 0);
		assert_int_equal(deleted(t, "closed"), KFK_GROUP_AUTHORIZATION_FAILED);
		assert_int_equal(deleted(t, "watched"), KFK_GROUP_AUTHORIZATION_FAILED);	/* to look at only */
		assert_int_equal(deleted(t, ""), KFK_GROUP_ID_NOT_FOUND);
		stage_close(&s);
	}
}

static void
no_group_is_left_to_forward(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 3; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_DELETE_GROUPS, v);
		stage_add_str(t, &t->root, Q(GROUPS_NAMES), "closed");
		t = stage_refused(&s);
		assert_int_equal(deleted(t, "closed"), KFK_GROUP_AUTHORIZATION_FAILED);
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_deleted_topic_by_topic),
		cmocka_unit_test(an_error_of_the_group_is_the_whole_answer),
		cmocka_unit_test(no_topic_is_left_to_forward),
		cmocka_unit_test(groups_are_deleted_one_by_one),
		cmocka_unit_test(no_group_is_left_to_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
