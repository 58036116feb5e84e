/* Racks, told as they are, under other names, or not at all: where brokers are named, and where clients say where they are. */
#include "group_stage.h"

enum how { HIDDEN, TOLD, RENAMED, HOWS };

static const struct pol_rename names[] = { { ALV_STR("r1"), ALV_STR("zone-a") }, { ALV_STR("r9"), ALV_STR("r7") } };

/* Broker 1 is in r1, broker 2 in none. */
static void
open_stage(struct stage *s, enum how how)
{
	stage_open(s, NULL, 0);
	s->conf.upstream.racks = how == HIDDEN ? POL_RACKS_HIDE : POL_RACKS_EXPOSE;
	s->conf.upstream.rack_names = names;
	s->conf.upstream.nrack_names = how == RENAMED ? ALV_COUNT(names) : 0;
}

static const char *
wanted(enum how how)
{
	return how == HIDDEN ? NULL : how == TOLD ? "r1" : "zone-a";
}

/* "" and null are the same here: which of them a field may be, its schema says. */
static void
rack_is(struct alv_str found, const char *want)
{
	if (want == NULL || want[0] == '\0')
		assert_int_equal(found.n, 0);
	else
		stage_text(found, want);
}

#define R(f) KFK_METADATA_RESPONSE_##f

static void
brokers_are_somewhere(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (enum how how = HIDDEN; how < HOWS; how++) {
		open_stage(&s, how);
		t = stage_begin(&s, KFK_API_METADATA, 12);
		(void)kfk_set_empty(t, &t->root, KFK_METADATA_REQUEST_TOPICS);
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		kfk_set_str(t, stage_add(t, &t->root, R(BROKERS)), R(BROKERS_RACK), ALV_STR("globex-rack"));
		t = stage_replied(&s);
		rack_is(kfk_get_str(t, stage_at(&t->root, R(BROKERS), 0), R(BROKERS_RACK)), wanted(how));
		rack_is(kfk_get_str(t, stage_at(&t->root, R(BROKERS), 1), R(BROKERS_RACK)), NULL);
		for (int16_t v = 0; v <= 2; v++) {
			(void)stage_begin(&s, KFK_API_DESCRIBE_CLUSTER, v);
			t = stage_refused(&s);
			rack_is(kfk_get_str(t, stage_at(&t->root, KFK_DESCRIBE_CLUSTER_RESPONSE_BROKERS, 0),
			    KFK_DESCRIBE_CLUSTER_RESPONSE_BROKERS_RACK), wanted(how));
		}
		(void)stage_begin(&s, KFK_API_METADATA, 0);	/* knows no racks */
		(void)stage_forwarded(&s);
		(void)stage_answers(&s);
		(void)stage_replied(&s);
		stage_close(&s);
	}
}
#undef R

/* ---- new leaders, with where they are ----------------------------------------------------------------------- */

#define Q(f) KFK_FETCH_REQUEST_##f
#define R(f) KFK_FETCH_RESPONSE_##f

static void
ask_fetch(struct stage *s, const char *rack)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_FETCH, 16);
	struct kfk_node *e = stage_add(t, &t->root, Q(TOPICS));

	kfk_set_uuid(t, e, Q(TOPICS_TOPIC_ID), stage_id('o'));
	(void)stage_add(t, e, Q(TOPICS_PARTITIONS));
	kfk_set_int(t, &t->root, Q(SESSION_EPOCH), -1);
	kfk_set_str(t, &t->root, Q(RACK_ID), alv_str_of(rack));
}

static void
answer_fetch(struct stage *s)
{
	struct kfk_tree *t = stage_answers(s);
	struct kfk_node *e = stage_add(t, &t->root, R(RESPONSES)), *p;

	kfk_set_uuid(t, e, R(RESPONSES_TOPIC_ID), stage_id('o'));
	p = stage_add(t, e, R(RESPONSES_PARTITIONS));
	kfk_set_int(t, p, R(RESPONSES_PARTITIONS_PREFERRED_READ_REPLICA), 2);
	for (int node = 1; node <= 3; node++) {
		e = stage_add(t, &t->root, R(NODE_ENDPOINTS));
		kfk_set_int(t, e, R(NODE_ENDPOINTS_NODE_ID), node);
		kfk_set_str(t, e, R(NODE_ENDPOINTS_HOST), ALV_STR("real1.internal"));
		kfk_set_int(t, e, R(NODE_ENDPOINTS_PORT), 9092);
		kfk_set_str(t, e, R(NODE_ENDPOINTS_RACK), node == 2 ? ALV_STR_NULL : ALV_STR("real1"));
	}
}

static void
endpoints_are_where_metadata_says(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *p;

	(void)state;
	for (enum how how = HIDDEN; how < HOWS; how++) {
		open_stage(&s, how);
		ask_fetch(&s, "");
		(void)stage_forwarded(&s);
		answer_fetch(&s);
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R(NODE_ENDPOINTS)), 2);
		rack_is(kfk_get_str(t, stage_at(&t->root, R(NODE_ENDPOINTS), 0), R(NODE_ENDPOINTS_RACK)), wanted(how));
		rack_is(kfk_get_str(t, stage_at(&t->root, R(NODE_ENDPOINTS), 1), R(NODE_ENDPOINTS_RACK)), NULL);
		p = stage_at(stage_at(&t->root, R(RESPONSES), 0), R(RESPONSES_PARTITIONS), 0);
		assert_int_equal(kfk_get_int(t, p, R(RESPONSES_PARTITIONS_PREFERRED_READ_REPLICA)), 2);
		stage_close(&s);
	}
}

/* The same answer as it comes in pieces: there the length was told before the racks are known. */
static void
pieces_come_out_the_same(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (enum how how = HIDDEN; how < HOWS; how++) {
		struct alv_chain whole, part, all;
		enum api_result	 result = API_MORE;
		size_t		 n;

		open_stage(&s, how);
		ask_fetch(&s, "");
		(void)stage_forwarded(&s);
		answer_fetch(&s);
		alv_chain_init(&whole, s.worker.pool);
		alv_chain_init(&part, s.worker.pool);
		alv_chain_init(&all, s.worker.pool);
		assert_int_equal(kfk_tree_encode(&s.tree, &whole), ALV_OK);
		assert_true(api_streams(&s.call));
		n = whole.n;
		while (result == API_MORE) {
			alv_chain_cut(&part, &whole, 1);
			result = api_stream(&s.call, n, &part);
			alv_chain_clear(&part);
			alv_chain_move(&all, &s.call.out);
		}
		assert_int_equal(result, API_ANSWER);
		assert_int_equal(all.n, s.call.answer_n);
		alv_chain_move(&s.call.out, &all);
		stage_clean(&s);
		t = stage_client(&s);
		rack_is(kfk_get_str(t, stage_at(&t->root, R(NODE_ENDPOINTS), 0), R(NODE_ENDPOINTS_RACK)), wanted(how));
		alv_chain_clear(&whole);
		stage_close(&s);
	}
}

/* ---- where clients are --------------------------------------------------------------------------------------- */

static void
clients_say_where_they_are(void **state)
{
	/* said by the client; what the broker hears where racks are told, and where they have other names */
	static const char *const cases[][3] = { { "r1", "r1", "" }, { "zone-a", "zone-a", "r1" }, { "elsewhere", "elsewhere", "elsewhere" },
		{ "r7", "r7", "r9" }, { "r9", "r9", "" }, { "", "", "" } };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		for (enum how how = HIDDEN; how < HOWS; how++) {
			const char *hears = how == HIDDEN ? "" : cases[i][how];

			open_stage(&s, how);
			ask_fetch(&s, cases[i][0]);
			t = stage_forwarded(&s);
			rack_is(kfk_get_str(t, &t->root, Q(RACK_ID)), hears);
			t = stage_begin(&s, KFK_API_CONSUMER_GROUP_HEARTBEAT, 0);
			stage_str(t, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_GROUP_ID, "billing");
			stage_str(t, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_RACK_ID, cases[i][0]);
			t = stage_forwarded(&s);
			rack_is(kfk_get_str(t, &t->root, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_RACK_ID), hears);
			stage_close(&s);
		}
	}
}
#undef Q
#undef R

#define R(f) KFK_CONSUMER_GROUP_DESCRIBE_RESPONSE_##f

static void
members_are_where_they_said(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *g;

	(void)state;
	for (enum how how = HIDDEN; how < HOWS; how++) {
		open_stage(&s, how);
		t = stage_begin(&s, KFK_API_CONSUMER_GROUP_DESCRIBE, 0);
		stage_add_str(t, &t->root, KFK_CONSUMER_GROUP_DESCRIBE_REQUEST_GROUP_IDS, "billing");
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		g = stage_add(t, &t->root, R(GROUPS));
		kfk_set_str(t, g, R(GROUPS_GROUP_ID), ALV_STR("acme.billing"));
		kfk_set_str(t, stage_add(t, g, R(GROUPS_MEMBERS)), R(GROUPS_MEMBERS_RACK_ID), ALV_STR("r1"));
		t = stage_replied(&s);
		g = stage_at(&t->root, R(GROUPS), 0);
		rack_is(kfk_get_str(t, stage_at(g, R(GROUPS_MEMBERS), 0), R(GROUPS_MEMBERS_RACK_ID)), wanted(how));
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(brokers_are_somewhere),
		cmocka_unit_test(endpoints_are_where_metadata_says),
		cmocka_unit_test(pieces_come_out_the_same),
		cmocka_unit_test(clients_say_where_they_are),
		cmocka_unit_test(members_are_where_they_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
