/* ListGroups: from a broker's answer as it comes, and from the list that all tenants share; what makes that too old. */
#include "group_stage.h"

#include <alcove/clock.h>
#include <alcove/listing.h>

static const struct pol_rule denies[] = { STAGE_DENY(POL_GROUP, "closed", POL_OP_DESCRIBE),
	STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_DESCRIBE) };
enum { DENIES = ALV_COUNT(denies) };

/* ---- from the broker ----------------------------------------------------------------------------------- */

#define Q(f) KFK_LIST_GROUPS_REQUEST_##f
#define R(f) KFK_LIST_GROUPS_RESPONSE_##f

static struct kfk_tree *
listed(struct stage *s, int16_t version)
{
	static const char *const names[] = { "globex.billing", "acme.billing", "acme", "acme.", "acme.closed", "other",
		"acmeX.a", "acme-2.a", "ACME.a", "" };
	struct kfk_tree *t = stage_begin(s, KFK_API_LIST_GROUPS, version);
	struct kfk_node *e;

	if (version >= 4)
		stage_add_str(t, &t->root, Q(STATES_FILTER), "Stable");
	if (version >= 5)
		stage_add_str(t, &t->root, Q(TYPES_FILTER), "classic");
	t = stage_forwarded(s);
	if (version >= 4)
		stage_text(stage_at(&t->root, Q(STATES_FILTER), 0)->v.s, "Stable");
	if (version >= 5)
		stage_text(stage_at(&t->root, Q(TYPES_FILTER), 0)->v.s, "classic");
	t = stage_answers(s);
	for (size_t i = 0; i < ALV_COUNT(names); i++) {
		e = stage_add(t, &t->root, R(GROUPS));
		kfk_set_str(t, e, R(GROUPS_GROUP_ID), alv_str_of(names[i]));
		kfk_set_str(t, e, R(GROUPS_PROTOCOL_TYPE), ALV_STR("consumer"));
	}
	return stage_replied(s);
}

static void
lists_hold_own_groups(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 5; v++) {
		stage_open(&s, denies, DENIES);
		t = listed(&s, v);
		assert_int_equal(stage_count(&t->root, R(GROUPS)), 1);
		assert_non_null(stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "billing"));
		stage_close(&s);
		/* Who may describe the cluster sees all of it: the virtual one. */
		stage_open(&s, denies, 1);
		t = listed(&s, v);
		assert_int_equal(stage_count(&t->root, R(GROUPS)), 2);
		assert_non_null(stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "closed"));
		stage_close(&s);
	}
}

/* Others have more groups than one answer may hold decoded: that is not this tenant's concern. */
static void
others_groups_cost_nothing(void **state)
{
	enum { MANY = 30000 };
	struct alv_arena other;
	struct stage	 s;
	struct kfk_tree	*t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 5; v += 5) {
		stage_open(&s, denies, DENIES);
		(void)stage_begin(&s, KFK_API_LIST_GROUPS, v);
		(void)stage_forwarded(&s);
		s.call.arena.limit = 1 << 20;
		t = stage_answers(&s);
		alv_arena_init(&other, 256 << 20);
		t->arena = &other;
		for (int i = 0; i < MANY; i++) {
			e = stage_add(t, &t->root, R(GROUPS));
			kfk_set_str(t, e, R(GROUPS_GROUP_ID), i == MANY / 2 ? ALV_STR("acme.billing") : ALV_STR("globex.billing"));
		}
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R(GROUPS)), 1);
		assert_non_null(stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "billing"));
		alv_arena_fini(&other);
		stage_close(&s);
	}
}

/* ---- from the shared list --------------------------------------------------------------------------------- */

enum { NODE = 2, MAX_AGE_MS = 1000 };

static void
share(struct stage *s, uint64_t asked_us)
{
	static const struct clu_group all[] = {
		{ ALV_STR("acme.billing"), ALV_STR("consumer"), ALV_STR("Stable"), ALV_STR("Classic") },
		{ ALV_STR("acme.closed"), ALV_STR("consumer"), ALV_STR("Empty"), ALV_STR("Consumer") },
		{ ALV_STR("acme.shared"), ALV_STR("share"), ALV_STR("Empty"), ALV_STR("Share") },
		{ ALV_STR("acme.taken"), ALV_STR("consumer"), ALV_STR("Stable"), ALV_STR("Classic") },
		{ ALV_STR("legacy.watched"), ALV_STR(""), ALV_STR("Empty"), ALV_STR("Classic") },
		{ ALV_STR("legacy.other"), ALV_STR(""), ALV_STR("Empty"), ALV_STR("Classic") },
		{ ALV_STR("globex.billing"), ALV_STR("consumer"), ALV_STR("Stable"), ALV_STR("Classic") },
		{ ALV_STR("acme"), ALV_STR("consumer"), ALV_STR("Stable"), ALV_STR("Classic") },
		{ ALV_STR("acme-2.a"), ALV_STR("consumer"), ALV_STR("Stable"), ALV_STR("Classic") },
		{ ALV_STR("acme."), ALV_STR("consumer"), ALV_STR("Stable"), ALV_STR("Classic") },
	};
	struct clu_groups parts = { .node = NODE, .asked_us = asked_us, .n = ALV_COUNT(all), .groups = all };

	s->conf.upstream.listing_max_age_ms = MAX_AGE_MS;
	s->conn.node = NODE;
	assert_int_equal(clu_board_put_groups(s->board, clu_groups_build(&parts)), ALV_OK);
}

static void
ask(struct stage *s, int16_t version, const char *filter_state, const char *type)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_LIST_GROUPS, version);

	if (filter_state != NULL)
		stage_add_str(t, &t->root, Q(STATES_FILTER), filter_state);
	if (type != NULL)
		stage_add_str(t, &t->root, Q(TYPES_FILTER), type);
}

static size_t
found(struct stage *s, int16_t version, const char *filter_state, const char *type)
{
	ask(s, version, filter_state, type);
	return stage_count(&stage_refused(s)->root, R(GROUPS));
}

static void
a_list_is_cut_to_the_tenant(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 5; v++) {
		stage_open(&s, denies, DENIES);
		share(&s, s.worker.now_us);
		ask(&s, v, NULL, NULL);
		t = stage_refused(&s);
		assert_int_equal(stage_count(&t->root, R(GROUPS)), 3);	/* "taken" stands for another group than its own name's */
		assert_non_null(stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "billing"));
		assert_non_null(stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "shared"));
		assert_non_null(stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "watched"));
		stage_text(kfk_get_str(t, stage_at(&t->root, R(GROUPS), 0), R(GROUPS_PROTOCOL_TYPE)), "consumer");
		if (v >= 4)
			stage_text(kfk_get_str(t, stage_at(&t->root, R(GROUPS), 0), R(GROUPS_GROUP_STATE)), "Stable");
		if (v >= 5)
			stage_text(kfk_get_str(t, stage_at(&t->root, R(GROUPS), 0), R(GROUPS_GROUP_TYPE)), "Classic");
		stage_close(&s);
		stage_open(&s, denies, 1);
		share(&s, s.worker.now_us);
		assert_int_equal(found(&s, v, NULL, NULL), 4);	/* who may describe the cluster sees "closed" too */
		stage_close(&s);
	}
}

static void
filters_are_a_brokers(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	share(&s, s.worker.now_us);
	assert_int_equal(found(&s, 4, "stable", NULL), 1);
	assert_int_equal(found(&s, 4, " EMPTY ", NULL), 3);
	assert_int_equal(found(&s, 4, "Dead", NULL), 0);
	assert_int_equal(found(&s, 4, "", NULL), 0);
	assert_int_equal(found(&s, 5, NULL, "SHARE"), 1);
	assert_int_equal(found(&s, 5, "Empty", "consumer"), 1);
	assert_int_equal(found(&s, 5, NULL, "Unknown"), 0);
	stage_close(&s);
}

static void
what_is_too_old_is_waited_for(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	s.worker.now_us = 10000000;
	share(&s, s.worker.now_us - MAX_AGE_MS * 1000 - 1);
	ask(&s, 5, NULL, NULL);
	assert_int_equal(stage_send(&s), API_WAIT);
	assert_int_equal(s.call.wait, API_WAIT_GROUPS);
	assert_int_equal(s.call.groups_since_us, s.worker.now_us - MAX_AGE_MS * 1000);
	/* It came, and time went by meanwhile. */
	share(&s, s.call.groups_since_us);
	s.worker.now_us += 700000;
	s.call.groups_asked = true;
	assert_int_equal(stage_send(&s), API_ANSWER);
	assert_int_equal(stage_count(&stage_client(&s)->root, R(GROUPS)), 4);
	/* It did not come: the broker is asked as if there were no lists. */
	ask(&s, 5, "Stable", NULL);
	s.worker.now_us += 10000000;
	assert_int_equal(stage_send(&s), API_WAIT);
	s.call.groups_asked = true;
	stage_text(stage_at(&stage_forwarded(&s)->root, Q(STATES_FILTER), 0)->v.s, "Stable");
	/* A bootstrap connection has no broker yet: whoever sends the errand chooses one. */
	s.conn.node = -1;
	ask(&s, 5, NULL, NULL);
	assert_int_equal(stage_send(&s), API_WAIT);
	s.conn.broker = NODE;
	share(&s, s.worker.now_us);
	assert_int_equal(stage_send(&s), API_ANSWER);
	s.conf.upstream.listing_max_age_ms = 0;
	ask(&s, 5, NULL, NULL);
	assert_int_equal(stage_send(&s), API_FORWARD);
	stage_close(&s);
}

/* ---- what makes it too old --------------------------------------------------------------------------------------- */

static bool
noted(struct stage *s, enum clu_news what)
{
	static uint64_t last[CLU_NEWS];
	uint64_t	now = clu_board_noted(s->board, what, ALV_STR("acme"));
	bool		more = now > last[what];

	assert_int_equal(clu_board_noted(s->board, what, ALV_STR("globex")), 0);
	last[what] = now;
	return more;
}

static void
own_changes_count_at_once(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_JOIN_GROUP, 5);
	stage_str(t, KFK_JOIN_GROUP_REQUEST_GROUP_ID, "billing");
	stage_str(t, KFK_JOIN_GROUP_REQUEST_PROTOCOL_TYPE, "other");
	(void)stage_forwarded(&s);
	assert_false(noted(&s, CLU_NEWS_GROUPS));	/* nothing happened yet */
	(void)stage_answers(&s);
	(void)stage_replied(&s);
	assert_true(noted(&s, CLU_NEWS_GROUPS));
	assert_false(noted(&s, CLU_NEWS_TOPICS));
	/* As a client sees it: the list from before counts no more, one from after does. */
	s.worker.now_us = alv_mono_us();
	share(&s, clu_board_noted(s.board, CLU_NEWS_GROUPS, ALV_STR("acme")) - 1);
	ask(&s, 5, NULL, NULL);
	assert_int_equal(stage_send(&s), API_WAIT);
	share(&s, clu_board_noted(s.board, CLU_NEWS_GROUPS, ALV_STR("acme")));
	assert_int_equal(found(&s, 5, NULL, NULL), 4);
	stage_close(&s);
}

static void
being_alive_is_no_news(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	for (int member = 0; member < 2; member++) {
		t = stage_begin(&s, KFK_API_OFFSET_COMMIT, 8);
		stage_str(t, KFK_OFFSET_COMMIT_REQUEST_GROUP_ID, "billing");
		kfk_set_int(t, &t->root, KFK_OFFSET_COMMIT_REQUEST_GENERATION_ID_OR_MEMBER_EPOCH, member ? 4 : -1);
		t = kfk_add(t, kfk_set_empty(t, &t->root, KFK_OFFSET_COMMIT_REQUEST_TOPICS)) == NULL ? NULL : t;
		kfk_set_str(t, stage_at(&t->root, KFK_OFFSET_COMMIT_REQUEST_TOPICS, 0), KFK_OFFSET_COMMIT_REQUEST_TOPICS_NAME, ALV_STR("orders"));
		(void)stage_forwarded(&s);
		(void)stage_answers(&s);
		(void)stage_replied(&s);
		assert_int_equal(noted(&s, CLU_NEWS_GROUPS), !member);
	}
	for (int64_t epoch = -1; epoch <= 5; epoch += 3) {
		t = stage_begin(&s, KFK_API_CONSUMER_GROUP_HEARTBEAT, 0);
		stage_str(t, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_GROUP_ID, "billing");
		kfk_set_null(t, &t->root, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_TOPIC_PARTITIONS);
		kfk_set_int(t, &t->root, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_MEMBER_EPOCH, epoch);
		(void)stage_forwarded(&s);
		(void)stage_answers(&s);
		(void)stage_replied(&s);
		assert_int_equal(noted(&s, CLU_NEWS_GROUPS), epoch <= 0);
	}
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_hold_own_groups),
		cmocka_unit_test(others_groups_cost_nothing),
		cmocka_unit_test(a_list_is_cut_to_the_tenant),
		cmocka_unit_test(filters_are_a_brokers),
		cmocka_unit_test(what_is_too_old_is_waited_for),
		cmocka_unit_test(own_changes_count_at_once),
		cmocka_unit_test(being_alive_is_no_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
