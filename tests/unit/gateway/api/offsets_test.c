/* ListOffsets and OffsetForLeaderEpoch: topics split and spliced, nobody reads as a follower. */
#include "stage.h"

static void
ask(struct kfk_tree *q, uint16_t list, uint16_t name, uint16_t parts, uint16_t index, const char *topic)
{
	struct kfk_node *l = kfk_get(&q->root, list), *e;

	if (l == NULL)
		l = kfk_set_empty(q, &q->root, list);
	e = kfk_add(q, l);
	kfk_set_str(q, e, name, alv_str_of(topic));
	e = kfk_add(q, kfk_set_empty(q, e, parts));
	kfk_set_int(q, e, index, 2);
}

/* The only difference between the two apis is where their fields are. */
struct where {
	int16_t	 key, lo, hi;
	uint16_t replica, q_list, q_name, q_parts, q_index, r_list, r_name, r_parts, r_index, r_code;
};

#define Q(f) KFK_LIST_OFFSETS_REQUEST_##f
#define R(f) KFK_LIST_OFFSETS_RESPONSE_##f
static const struct where list_offsets = { KFK_API_LIST_OFFSETS, 1, 11, Q(REPLICA_ID), Q(TOPICS), Q(TOPICS_NAME),
	Q(TOPICS_PARTITIONS), Q(TOPICS_PARTITIONS_PARTITION_INDEX), R(TOPICS), R(TOPICS_NAME), R(TOPICS_PARTITIONS),
	R(TOPICS_PARTITIONS_PARTITION_INDEX), R(TOPICS_PARTITIONS_ERROR_CODE) };
#undef Q
#undef R
#define Q(f) KFK_OFFSET_FOR_LEADER_EPOCH_REQUEST_##f
#define R(f) KFK_OFFSET_FOR_LEADER_EPOCH_RESPONSE_##f
static const struct where leader_epoch = { KFK_API_OFFSET_FOR_LEADER_EPOCH, 2, 4, Q(REPLICA_ID), Q(TOPICS), Q(TOPICS_TOPIC),
	Q(TOPICS_PARTITIONS), Q(TOPICS_PARTITIONS_PARTITION), R(TOPICS), R(TOPICS_TOPIC), R(TOPICS_PARTITIONS),
	R(TOPICS_PARTITIONS_PARTITION), R(TOPICS_PARTITIONS_ERROR_CODE) };
#undef Q
#undef R

static void
round_trip(const struct where *w, int16_t version)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE) };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	stage_open(&s, denies, 1);
	t = stage_begin(&s, w->key, version);
	kfk_set_int(t, &t->root, w->replica, 3);
	ask(t, w->q_list, w->q_name, w->q_parts, w->q_index, "orders");
	ask(t, w->q_list, w->q_name, w->q_parts, w->q_index, "secret");
	ask(t, w->q_list, w->q_name, w->q_parts, w->q_index, "a b");
	assert_int_equal(stage_send(&s), API_FORWARD);
	t = stage_upstream(&s);
	assert_int_equal(stage_count(&t->root, w->q_list), 1);
	stage_text(kfk_get_str(t, stage_at(&t->root, w->q_list, 0), w->q_name), "acme.orders");
	if (kfk_versions_has(t->schema->fields[w->replica].in, version))
		assert_int_equal(kfk_get_int(t, &t->root, w->replica), -1);

	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	ask(t, w->r_list, w->r_name, w->r_parts, w->r_index, "globex.orders");
	ask(t, w->r_list, w->r_name, w->r_parts, w->r_index, "acme.orders");
	assert_int_equal(stage_reply(&s), API_ANSWER);
	stage_clean(&s);
	t = stage_client(&s);
	assert_int_equal(stage_count(&t->root, w->r_list), 3);
	e = stage_named(t, &t->root, w->r_list, w->r_name, "secret");
	e = stage_at(e, w->r_parts, 0);
	assert_int_equal(kfk_get_int(t, e, w->r_index), 2);
	assert_int_equal(kfk_get_int(t, e, w->r_code), KFK_TOPIC_AUTHORIZATION_FAILED);
	e = stage_named(t, &t->root, w->r_list, w->r_name, "a b");
	assert_int_equal(kfk_get_int(t, stage_at(e, w->r_parts, 0), w->r_code), KFK_UNKNOWN_TOPIC_OR_PARTITION);
	assert_non_null(stage_named(t, &t->root, w->r_list, w->r_name, "orders"));
	stage_close(&s);
}

static void
each_version_of_both(void **state)
{
	static const struct where *const both[] = { &list_offsets, &leader_epoch };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(both); i++)
		for (int16_t v = both[i]->lo; v <= both[i]->hi; v++)
			round_trip(both[i], v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_version_of_both) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
