/* Mapping by kind: what no rule lets pass, and ids that stand alone in a response. */
#include "stage.h"

/* A request that a handler judged but that holds a field of a kind without a rule. */
static void
a_kind_without_a_rule_is_refused(void **state)
{
	static const struct { int16_t key; uint16_t field; } cases[] = {
		{ KFK_API_SASL_HANDSHAKE, KFK_SASL_HANDSHAKE_REQUEST_MECHANISM },
		{ KFK_API_CREATE_DELEGATION_TOKEN, KFK_CREATE_DELEGATION_TOKEN_REQUEST_OWNER_PRINCIPAL_NAME },
	};
	struct stage	s;
	struct kfk_tree t;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		const struct kfk_schema *schema = kfk_schema_find(cases[i].key, KFK_REQUEST);

		(void)stage_begin(&s, cases[i].key, schema->versions.hi);
		s.call.tenant = pol_slot_load(s.conn.slot);
		s.call.view = clu_board_load(s.board);
		kfk_tree_init(&t, schema, schema->versions.hi, &s.arena);
		kfk_set_str(&t, &t.root, cases[i].field, ALV_STR("x"));
		assert_int_equal(api_map_in(&s.call, &t), ALV_E_DENIED);
	}
	stage_close(&s);
}

#define Q(f) KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_##f
#define R(f) KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_##f

static void
assign(struct kfk_tree *r, char id)
{
	struct kfk_node *a = kfk_get(&r->root, R(ASSIGNMENT)), *list;

	if (a == NULL)
		a = kfk_set_empty(r, &r->root, R(ASSIGNMENT));
	list = kfk_get(a, R(ASSIGNMENT_TOPIC_PARTITIONS));
	if (list == NULL)
		list = kfk_set_empty(r, a, R(ASSIGNMENT_TOPIC_PARTITIONS));
	kfk_set_uuid(r, kfk_add(r, list), R(ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_ID), stage_id(id));
}

static void
an_assignment_may_wait_for_ids(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *a;

	(void)state;
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_CONSUMER_GROUP_HEARTBEAT, 0);
	kfk_set_str(t, &t->root, Q(GROUP_ID), ALV_STR("billing"));
	kfk_set_str(t, &t->root, Q(MEMBER_ID), ALV_STR("m1"));
	assert_int_equal(stage_send(&s), API_FORWARD);
	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	assign(t, 'o');
	assign(t, 'g');
	assign(t, 'n');		/* created elsewhere a moment ago */
	assign(t, 'u');		/* of nobody knows whom */
	assert_int_equal(stage_reply(&s), API_WAIT);
	assert_int_equal(s.call.wait, API_WAIT_IDS);
	assert_int_equal(s.call.nids, 2);
	alv_chain_clear(&s.body);	/* the proxy need not keep the response */
	clu_ids_learn(s.worker.ids, stage_id('n'), ALV_STR("acme.new"), s.worker.now_us);
	s.call.ids_asked = true;
	assert_int_equal(api_resume(&s.call), API_ANSWER);
	t = stage_client(&s);
	a = kfk_get(&t->root, R(ASSIGNMENT));
	assert_int_equal(stage_count(a, R(ASSIGNMENT_TOPIC_PARTITIONS)), 2);
	assert_true(alv_uuid_eq(kfk_get_uuid(t, stage_at(a, R(ASSIGNMENT_TOPIC_PARTITIONS), 1),
	    R(ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_ID)), stage_id('n')));
	stage_close(&s);
}
#undef Q
#undef R

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_without_a_rule_is_refused),
		cmocka_unit_test(an_assignment_may_wait_for_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
