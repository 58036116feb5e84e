/* Limits on how many members and groups: what is one too many is refused with its code before a broker hears of it; who did not get in, or has
 * left, gives its place back, and nobody else does. */
#include "counts_stage.h"

/* ---- members -------------------------------------------------------------------------------------------- */

/* code: of the whole; its: of the member. */
static void
leaves_as(struct stage *s, int16_t version, const char *group, const char *member, int16_t code, int16_t its)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_LEAVE_GROUP, version), *r;
	struct kfk_node *e;

	stage_str(t, KFK_LEAVE_GROUP_REQUEST_GROUP_ID, group);
	if (version < 3)
		stage_str(t, KFK_LEAVE_GROUP_REQUEST_MEMBER_ID, member);
	else
		kfk_set_str(t, stage_add(t, &t->root, KFK_LEAVE_GROUP_REQUEST_MEMBERS), KFK_LEAVE_GROUP_REQUEST_MEMBERS_MEMBER_ID, alv_str_of(member));
	(void)stage_forwarded(s);
	r = stage_answers(s);
	kfk_set_int(r, &r->root, KFK_LEAVE_GROUP_RESPONSE_ERROR_CODE, code);
	if (version >= 3 && code == 0) {
		e = stage_add(r, &r->root, KFK_LEAVE_GROUP_RESPONSE_MEMBERS);
		kfk_set_str(r, e, KFK_LEAVE_GROUP_RESPONSE_MEMBERS_MEMBER_ID, alv_str_of(member));
		kfk_set_int(r, e, KFK_LEAVE_GROUP_RESPONSE_MEMBERS_ERROR_CODE, its);
	}
	(void)stage_replied(s);
}

static void
leave(struct stage *s, const char *group, const char *member, int16_t code)
{
	leaves_as(s, 4, group, member, code, 0);
}

static void
classic_members(void **state)
{
	struct stage s;

	(void)state;
	limit(POL_QUOTA_CLASSIC_MEMBERS, 2);
	open_limited(&s);
	joins(&s, "billing", "", KFK_MEMBER_ID_REQUIRED, "m1");	/* as brokers answer first: nobody has joined yet */
	assert_int_equal(count(&s, TAL_MEMBERS_CLASSIC), 0);
	joins(&s, "billing", "m1", 0, "m1");
	joins(&s, "billing", "m1", 0, "m1");		/* a rebalance */
	joins(&s, "other", "", 0, "m2");		/* old clients join at once */
	assert_int_equal(count(&s, TAL_MEMBERS_CLASSIC), 2);
	does_not_join(&s, "billing", "m3", KFK_GROUP_MAX_SIZE_REACHED);
	does_not_join(&s, "billing", "", KFK_GROUP_MAX_SIZE_REACHED);
	joins(&s, "billing", "m1", 0, "m1");		/* who is in stays in */
	leave(&s, "billing", "m1", KFK_GROUP_AUTHORIZATION_FAILED);	/* refused: it is still there */
	does_not_join(&s, "billing", "m3", KFK_GROUP_MAX_SIZE_REACHED);
	leave(&s, "billing", "m1", 0);
	joins(&s, "billing", "m3", KFK_INCONSISTENT_GROUP_PROTOCOL, "");	/* nothing came of it */
	assert_int_equal(count(&s, TAL_MEMBERS_CLASSIC), 1);
	joins(&s, "billing", "m4", 0, "m4");
	assert_int_equal(count(&s, TAL_MEMBERS_CLASSIC), 2);
	stage_close(&s);
}

/* Who names a member with an instance that it is not is told so of that member alone, and it stays. */
static void
a_member_that_does_not_leave(void **state)
{
	struct stage s;

	(void)state;
	limit(POL_QUOTA_CLASSIC_MEMBERS, 1);
	open_limited(&s);
	joins(&s, "billing", "m1", 0, "m1");
	leaves_as(&s, 4, "billing", "m1", 0, KFK_UNKNOWN_MEMBER_ID);
	does_not_join(&s, "billing", "m2", KFK_GROUP_MAX_SIZE_REACHED);
	leaves_as(&s, 1, "billing", "m1", KFK_UNKNOWN_MEMBER_ID, 0);
	does_not_join(&s, "billing", "m2", KFK_GROUP_MAX_SIZE_REACHED);
	leaves_as(&s, 1, "billing", "m1", 0, 0);
	joins(&s, "billing", "m2", 0, "m2");
	stage_close(&s);
}

/* A member is there as long as it may be silent, by what it said when it joined. */
static void
a_member_that_says_little(void **state)
{
	struct kfk_tree *t;
	struct stage	 s;

	(void)state;
	limit(POL_QUOTA_CLASSIC_MEMBERS, 1);
	open_limited(&s);
	s.worker.now_us = UINT64_C(1000000000);
	join(&s, 5, "billing", "m1");
	kfk_set_int(&s.tree, &s.tree.root, KFK_JOIN_GROUP_REQUEST_SESSION_TIMEOUT_MS, 1800000);
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	stage_str(t, KFK_JOIN_GROUP_RESPONSE_MEMBER_ID, "m1");
	stage_str(t, KFK_JOIN_GROUP_RESPONSE_PROTOCOL_NAME, "");
	(void)stage_replied(&s);
	tal_sweep(s.shared.tally, TAL_MEMBERS_CLASSIC, 2800 - TAL_MEMBER_S);
	assert_int_equal(count(&s, TAL_MEMBERS_CLASSIC), 1);
	tal_sweep(s.shared.tally, TAL_MEMBERS_CLASSIC, 2801 - TAL_MEMBER_S);
	assert_int_equal(count(&s, TAL_MEMBERS_CLASSIC), 0);
	stage_close(&s);
}

/* What cannot be sent on is nobody's. */
static void
a_join_that_no_broker_hears_of(void **state)
{
	struct kfk_tree *q;
	struct kfk_node *e;
	struct stage	 s;

	(void)state;
	limit(POL_QUOTA_CLASSIC_MEMBERS, 1);
	open_limited(&s);
	join(&s, 5, "billing", "m1");
	q = &s.tree;
	stage_str(q, KFK_JOIN_GROUP_REQUEST_PROTOCOL_TYPE, "consumer");
	e = stage_add(q, &q->root, KFK_JOIN_GROUP_REQUEST_PROTOCOLS);
	kfk_set_str(q, e, KFK_JOIN_GROUP_REQUEST_PROTOCOLS_NAME, ALV_STR("range"));
	kfk_set_bytes(q, e, KFK_JOIN_GROUP_REQUEST_PROTOCOLS_METADATA, ALV_STR("unreadable"));
	assert_int_equal(stage_int(stage_refused(&s), KFK_JOIN_GROUP_RESPONSE_ERROR_CODE), KFK_INCONSISTENT_GROUP_PROTOCOL);
	assert_int_equal(count(&s, TAL_MEMBERS_CLASSIC), 0);
	stage_close(&s);
}

/* Two without a name, on their way at once with one correlation id. */
static void
members_without_a_name(void **state)
{
	struct stage s;

	(void)state;
	limit(POL_QUOTA_CLASSIC_MEMBERS, 1);
	open_limited(&s);
	join(&s, 3, "billing", "");
	(void)stage_forwarded(&s);
	s.worker.now_us++;
	join(&s, 3, "billing", "");
	assert_int_equal(stage_int(stage_refused(&s), KFK_JOIN_GROUP_RESPONSE_ERROR_CODE), KFK_GROUP_MAX_SIZE_REACHED);
	stage_close(&s);
}

static void
a_member_that_says_it_is_there(void **state)
{
	struct kfk_tree *t;
	struct stage	 s;

	(void)state;
	limit(POL_QUOTA_CLASSIC_MEMBERS, 1);
	open_limited(&s);
	for (int code = KFK_UNKNOWN_MEMBER_ID; code >= 0; code -= KFK_UNKNOWN_MEMBER_ID) {
		t = stage_begin(&s, KFK_API_HEARTBEAT, 4);
		stage_str(t, KFK_HEARTBEAT_REQUEST_GROUP_ID, "billing");
		stage_str(t, KFK_HEARTBEAT_REQUEST_MEMBER_ID, "m1");
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		kfk_set_int(t, &t->root, KFK_HEARTBEAT_RESPONSE_ERROR_CODE, code);
		(void)stage_replied(&s);
		assert_int_equal(count(&s, TAL_MEMBERS_CLASSIC), code == 0);
	}
	does_not_join(&s, "billing", "m2", KFK_GROUP_MAX_SIZE_REACHED);
	stage_close(&s);
}

/* The three newer protocols: what their fields are called. */
static const struct beats {
	int16_t	      key, version;
	uint16_t      group, member, epoch, error, text;
	enum tal_kind groups, members;
} beats[] = {
#define BEATS(api, version, type) { KFK_API_##api, version, KFK_##api##_REQUEST_GROUP_ID, KFK_##api##_REQUEST_MEMBER_ID, \
	KFK_##api##_REQUEST_MEMBER_EPOCH, KFK_##api##_RESPONSE_ERROR_CODE, KFK_##api##_RESPONSE_ERROR_MESSAGE, TAL_GROUPS_##type, TAL_MEMBERS_##type }
	BEATS(CONSUMER_GROUP_HEARTBEAT, 1, CONSUMER),
	BEATS(SHARE_GROUP_HEARTBEAT, 1, SHARE),
	BEATS(STREAMS_GROUP_HEARTBEAT, 0, STREAMS),
};

static void
beat(struct stage *s, const struct beats *b, const char *group, const char *member, int64_t epoch)
{
	struct kfk_tree *q = stage_begin(s, b->key, b->version);

	stage_str(q, b->group, group);
	stage_str(q, b->member, member);
	kfk_set_int(q, &q->root, b->epoch, epoch);
}

static void
beats_well(struct stage *s, const struct beats *b, const char *group, const char *member, int64_t epoch, int16_t code)
{
	struct kfk_tree *r;

	beat(s, b, group, member, epoch);
	(void)stage_forwarded(s);
	r = stage_answers(s);
	kfk_set_int(r, &r->root, b->error, code);
	(void)stage_replied(s);
}

static void
beats_refused(struct stage *s, const struct beats *b, const char *group, const char *member, int16_t code, const char *words)
{
	struct kfk_tree *r;

	beat(s, b, group, member, 0);
	r = stage_refused(s);
	assert_int_equal(stage_int(r, b->error), code);
	stage_text(kfk_get_str(r, &r->root, b->text), words);
}

static void
members_of_the_newer_protocols(void **state)
{
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(beats); i++) {
		const struct beats *b = &beats[i];
		char		    words[160];

		limit(tal_key(b->members), 1);
		open_limited(&s);
		beats_well(&s, b, "g", "m1", 0, KFK_INVALID_REQUEST);
		assert_int_equal(count(&s, b->members), 0);
		beats_well(&s, b, "g", "m1", 0, 0);
		beats_well(&s, b, "g", "m1", 5, 0);
		snprintf(words, sizeof(words), "Quota: this cluster may have at most 1 members (%s); a platform administrator can raise it.",
		    pol_quota_info(tal_key(b->members))->name);
		beats_refused(&s, b, "g", "m2", KFK_GROUP_MAX_SIZE_REACHED, words);
		beats_well(&s, b, "g", "m1", -1, KFK_UNKNOWN_MEMBER_ID);
		assert_int_equal(count(&s, b->members), 1);
		beats_well(&s, b, "g", "m1", -1, 0);
		assert_int_equal(count(&s, b->members), 0);
		beats_well(&s, b, "g", "m2", 0, 0);
		stage_close(&s);
	}
}

static int16_t
beats_by_instance(struct stage *s, const char *member, const char *instance, int64_t epoch, int16_t code)
{
	struct kfk_tree *t;

	beat(s, &beats[0], "g", member, epoch);
	stage_str(&s->tree, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_INSTANCE_ID, instance);
	if (stage_send(s) == API_ANSWER)
		return (int16_t)stage_int(stage_client(s), KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_ERROR_CODE);
	t = stage_answers(s);
	kfk_set_int(t, &t->root, KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_ERROR_CODE, code);
	(void)stage_replied(s);
	return code;
}

/* A static member that goes for a moment is still one: its place is for whoever comes by its instance's id, and for nobody else. */
static void
an_instance_that_is_away(void **state)
{
	struct stage s;

	(void)state;
	limit(POL_QUOTA_CONSUMER_MEMBERS, 1);
	open_limited(&s);
	assert_int_equal(beats_by_instance(&s, "m1", "machine", 0, 0), 0);
	assert_int_equal(beats_by_instance(&s, "m1", "machine", -2, 0), 0);
	assert_int_equal(count(&s, TAL_MEMBERS_CONSUMER), 1);
	assert_int_equal(beats_by_instance(&s, "m2", NULL, 0, 0), KFK_GROUP_MAX_SIZE_REACHED);
	assert_int_equal(beats_by_instance(&s, "m2", "other", 0, 0), KFK_GROUP_MAX_SIZE_REACHED);
	assert_int_equal(beats_by_instance(&s, "m2", "machine", 0, KFK_UNRELEASED_INSTANCE_ID), KFK_UNRELEASED_INSTANCE_ID);
	assert_int_equal(beats_by_instance(&s, "m3", "other", 0, 0), KFK_GROUP_MAX_SIZE_REACHED);
	assert_int_equal(beats_by_instance(&s, "m2", "machine", 0, 0), 0);
	assert_int_equal(count(&s, TAL_MEMBERS_CONSUMER), 1);
	assert_int_equal(beats_by_instance(&s, "m2", "machine", -2, KFK_UNKNOWN_MEMBER_ID), KFK_UNKNOWN_MEMBER_ID);
	assert_int_equal(count(&s, TAL_MEMBERS_CONSUMER), 1);
	assert_int_equal(beats_by_instance(&s, "m2", "machine", -1, 0), 0);
	assert_int_equal(count(&s, TAL_MEMBERS_CONSUMER), 0);
	stage_close(&s);
}

/* ---- groups ------------------------------------------------------------------------------------------------- */

static void
groups_by_type(void **state)
{
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(beats); i++) {
		const struct beats *b = &beats[i];
		char		    words[160];

		limit(tal_key(b->groups), 1);
		open_limited(&s);
		beats_well(&s, b, "g1", "m1", 0, 0);
		beats_well(&s, b, "g1", "m2", 0, 0);
		snprintf(words, sizeof(words), "Quota: this cluster may have at most 1 groups (%s); a platform administrator can raise it.",
		    pol_quota_info(tal_key(b->groups))->name);
		beats_refused(&s, b, "g2", "m1", KFK_POLICY_VIOLATION, words);
		joins(&s, "g2", "m1", 0, "m1");	/* another type has no limit */
		assert_int_equal(count(&s, b->groups), 1);
		stage_close(&s);
	}
}

/* A group that is there may change its type, whatever the limit of the new one is. */
static void
a_known_group_may_become_another(void **state)
{
	struct stage s;

	(void)state;
	limit(POL_QUOTA_CLASSIC_GROUPS, 5);
	limit(POL_QUOTA_CONSUMER_GROUPS, 0);
	open_limited(&s);
	joins(&s, "billing", "m1", 0, "m1");
	beats_well(&s, &beats[0], "billing", "m2", 0, 0);
	beats_refused(&s, &beats[0], "other", "m2", KFK_POLICY_VIOLATION,
	    "Quota: this cluster may have at most 0 groups (consumer_groups); a platform administrator can raise it.");
	stage_close(&s);
}

static void
commit(struct stage *s, const char *group, int64_t generation)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_OFFSET_COMMIT, 7);
	struct kfk_node *topic = stage_add(q, &q->root, KFK_OFFSET_COMMIT_REQUEST_TOPICS);

	stage_str(q, KFK_OFFSET_COMMIT_REQUEST_GROUP_ID, group);
	kfk_set_int(q, &q->root, KFK_OFFSET_COMMIT_REQUEST_GENERATION_ID_OR_MEMBER_EPOCH, generation);
	kfk_set_str(q, topic, KFK_OFFSET_COMMIT_REQUEST_TOPICS_NAME, ALV_STR("orders"));
	(void)stage_add(q, topic, KFK_OFFSET_COMMIT_REQUEST_TOPICS_PARTITIONS);
}

static void
offsets_of_nobody_make_a_group(void **state)
{
	struct kfk_tree *r;
	struct kfk_node *topic;
	struct stage	 s;

	(void)state;
	limit(POL_QUOTA_CLASSIC_GROUPS, 1);
	open_limited(&s);
	commit(&s, "g1", -1);
	(void)stage_forwarded(&s);
	commit(&s, "g1", -1);
	(void)stage_forwarded(&s);
	commit(&s, "g2", 7);	/* a member's: its group is there */
	(void)stage_forwarded(&s);
	commit(&s, "g2", -1);
	r = stage_refused(&s);
	topic = kfk_get(&r->root, KFK_OFFSET_COMMIT_RESPONSE_TOPICS)->kids;
	assert_int_equal(kfk_get_int(r, kfk_get(topic, KFK_OFFSET_COMMIT_RESPONSE_TOPICS_PARTITIONS)->kids,
	    KFK_OFFSET_COMMIT_RESPONSE_TOPICS_PARTITIONS_ERROR_CODE), KFK_POLICY_VIOLATION);
	stage_close(&s);
}

static void
offsets_that_are_set_make_a_share_group(void **state)
{
	struct kfk_tree *q;
	struct stage	 s;

	(void)state;
	limit(POL_QUOTA_SHARE_GROUPS, 1);
	open_limited(&s);
	for (int i = 0; i < 2; i++) {
		q = stage_begin(&s, KFK_API_ALTER_SHARE_GROUP_OFFSETS, 0);
		stage_str(q, KFK_ALTER_SHARE_GROUP_OFFSETS_REQUEST_GROUP_ID, i == 0 ? "g1" : "g2");
		kfk_set_str(q, stage_add(q, &q->root, KFK_ALTER_SHARE_GROUP_OFFSETS_REQUEST_TOPICS),
		    KFK_ALTER_SHARE_GROUP_OFFSETS_REQUEST_TOPICS_TOPIC_NAME, ALV_STR("orders"));
		if (i == 0)
			(void)stage_forwarded(&s);
	}
	q = stage_refused(&s);
	assert_int_equal(stage_int(q, KFK_ALTER_SHARE_GROUP_OFFSETS_RESPONSE_ERROR_CODE), KFK_POLICY_VIOLATION);
	stage_text(kfk_get_str(q, &q->root, KFK_ALTER_SHARE_GROUP_OFFSETS_RESPONSE_ERROR_MESSAGE),
	    "Quota: this cluster may have at most 1 groups (share_groups); a platform administrator can raise it.");
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classic_members),
		cmocka_unit_test(a_member_that_does_not_leave),
		cmocka_unit_test(a_member_that_says_little),
		cmocka_unit_test(a_join_that_no_broker_hears_of),
		cmocka_unit_test(members_without_a_name),
		cmocka_unit_test(a_member_that_says_it_is_there),
		cmocka_unit_test(members_of_the_newer_protocols),
		cmocka_unit_test(an_instance_that_is_away),
		cmocka_unit_test(groups_by_type),
		cmocka_unit_test(a_known_group_may_become_another),
		cmocka_unit_test(offsets_of_nobody_make_a_group),
		cmocka_unit_test(offsets_that_are_set_make_a_share_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
