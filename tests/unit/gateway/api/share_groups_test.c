/* Share groups at their coordinator: what a member subscribes to and is given, how a group is described, where it begins. */
#include "group_stage.h"

static const struct pol_rule denies[] = { STAGE_DENY(POL_GROUP, "closed", POL_OP_READ), STAGE_DENY(POL_GROUP, "closed", POL_OP_DESCRIBE),
	STAGE_DENY(POL_GROUP, "closed", POL_OP_DELETE), STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE),
	STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ) };
enum { DENIES = ALV_COUNT(denies) };

/* ---- ShareGroupHeartbeat ------------------------------------------------------------------------------- */

#define Q(f) KFK_SHARE_GROUP_HEARTBEAT_REQUEST_##f
#define R(f) KFK_SHARE_GROUP_HEARTBEAT_RESPONSE_##f

static struct kfk_tree *
beat(struct stage *s, const char *group, const char *member)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_SHARE_GROUP_HEARTBEAT, 1);

	stage_str(q, Q(GROUP_ID), group);
	stage_str(q, Q(MEMBER_ID), member);
	kfk_set_null(q, &q->root, Q(SUBSCRIBED_TOPIC_NAMES));
	return q;
}

static void
subscriptions_and_assignments_are_mapped(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *a, *e;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = beat(&s, "billing", "m1");
	stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), "orders");
	stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), "globex.orders");
	stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), "shared");
	stage_str(t, Q(RACK_ID), "r1");
	t = stage_forwarded(&s);
	stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.billing");
	stage_text(kfk_get_str(t, &t->root, Q(MEMBER_ID)), "m1");
	stage_text(stage_at(&t->root, Q(SUBSCRIBED_TOPIC_NAMES), 0)->v.s, "acme.orders");
	stage_text(stage_at(&t->root, Q(SUBSCRIBED_TOPIC_NAMES), 1)->v.s, "acme.globex.orders");
	stage_text(stage_at(&t->root, Q(SUBSCRIBED_TOPIC_NAMES), 2)->v.s, "legacy.shared");
	stage_text(kfk_get_str(t, &t->root, Q(RACK_ID)), NULL);
	t = stage_answers(&s);
	stage_str(t, R(ERROR_MESSAGE), "Group acme.billing is at real1 beside globex.x");
	stage_str(t, R(MEMBER_ID), "m1");
	a = kfk_set_empty(t, &t->root, R(ASSIGNMENT));
	for (const char *ids = "ogcl"; *ids != '\0'; ids++) {
		e = stage_add(t, a, R(ASSIGNMENT_TOPIC_PARTITIONS));
		kfk_set_uuid(t, e, R(ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_ID), stage_id(*ids));
	}
	t = stage_replied(&s);
	a = kfk_get(&t->root, R(ASSIGNMENT));
	assert_int_equal(stage_count(a, R(ASSIGNMENT_TOPIC_PARTITIONS)), 2);
	e = stage_at(a, R(ASSIGNMENT_TOPIC_PARTITIONS), 1);
	assert_true(alv_uuid_eq(kfk_get_uuid(t, e, R(ASSIGNMENT_TOPIC_PARTITIONS_TOPIC_ID)), stage_id('l')));
	/* Null is "unchanged" and stays null. */
	(void)beat(&s, "billing", "m1");
	t = stage_forwarded(&s);
	e = kfk_get(&t->root, Q(SUBSCRIBED_TOPIC_NAMES));
	assert_true(e == NULL || e->v.is_null);
	stage_close(&s);
}

static void
heartbeats_are_refused_as_a_whole(void **state)
{
	static const struct { const char *group, *member, *topic; int16_t code; } cases[] = {
		{ "closed", "m1", "orders", KFK_GROUP_AUTHORIZATION_FAILED },
		{ "closed", "", "secret", KFK_GROUP_AUTHORIZATION_FAILED },
		{ "watched", "m1", "orders", KFK_GROUP_AUTHORIZATION_FAILED },
		{ "", "m1", "orders", KFK_INVALID_REQUEST },
		{ "a\xff", "m1", "orders", KFK_INVALID_REQUEST },
		{ "billing", "", "secret", KFK_INVALID_REQUEST },
		{ "billing", "0123456789012345678901234567890123456", "orders", KFK_INVALID_REQUEST },
		{ "billing", "m1", "secret", KFK_TOPIC_AUTHORIZATION_FAILED },
		{ "billing", "m1", "a b", KFK_INVALID_TOPIC_EXCEPTION },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, denies, DENIES);
		t = beat(&s, cases[i].group, cases[i].member);
		stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), "orders");
		stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), cases[i].topic);
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), cases[i].code);
		assert_int_equal(s.call.error_code, cases[i].code);
		if (cases[i].group[0] == '\0')
			stage_text(kfk_get_str(t, &t->root, R(ERROR_MESSAGE)), "GroupId can't be empty.");
		stage_close(&s);
	}
}

/* 36 characters are legal, however many bytes they have. */
static void
member_ids_are_counted_in_characters(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	(void)beat(&s, "billing", "012345678901234567890123456789012345");
	(void)stage_forwarded(&s);
	(void)beat(&s, "billing", "\xc3\xa4" "12345678901234567890123456789012345");
	(void)stage_forwarded(&s);
	stage_close(&s);
}
#undef Q
#undef R

/* ---- ShareGroupDescribe ---------------------------------------------------------------------------------- */

#define Q(f) KFK_SHARE_GROUP_DESCRIBE_REQUEST_##f
#define R(f) KFK_SHARE_GROUP_DESCRIBE_RESPONSE_##f
#define A(f) KFK_SHARE_GROUP_DESCRIBE_RESPONSE_GROUPS_MEMBERS_ASSIGNMENT_TOPIC_PARTITIONS##f

static struct kfk_node *
member(struct kfk_tree *r, struct kfk_node *g)
{
	struct kfk_node *m = stage_add(r, g, R(GROUPS_MEMBERS));

	kfk_set_str(r, m, R(GROUPS_MEMBERS_MEMBER_ID), ALV_STR("m1"));
	kfk_set_str(r, m, R(GROUPS_MEMBERS_CLIENT_HOST), ALV_STR("/real1.internal"));
	kfk_set_str(r, m, R(GROUPS_MEMBERS_RACK_ID), ALV_STR("real1"));
	stage_add_str(r, m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_NAMES), "globex.orders");
	stage_add_str(r, m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_NAMES), "acme.orders");
	kfk_set_empty(r, m, R(GROUPS_MEMBERS_ASSIGNMENT));
	return m;
}

static void
assign(struct kfk_tree *r, struct kfk_node *m, const char *name, char id)
{
	struct kfk_node *e = stage_add(r, kfk_get(m, R(GROUPS_MEMBERS_ASSIGNMENT)), A());

	kfk_set_str(r, e, A(_TOPIC_NAME), alv_str_of(name));
	kfk_set_uuid(r, e, A(_TOPIC_ID), stage_id(id));
}

static struct kfk_node *
give_group(struct kfk_tree *r, const char *name)
{
	struct kfk_node *g = stage_add(r, &r->root, R(GROUPS));

	kfk_set_str(r, g, R(GROUPS_GROUP_ID), alv_str_of(name));
	kfk_set_str(r, g, R(GROUPS_GROUP_STATE), ALV_STR("Stable"));
	kfk_set_int(r, g, R(GROUPS_AUTHORIZED_OPERATIONS), 0x7fff);
	kfk_set_str(r, g, R(GROUPS_ERROR_MESSAGE), ALV_STR("Group acme.billing on real1 and globex.x"));
	return g;
}

static void
share_groups_are_described(void **state)
{
	static const char *const asked[] = { "billing", "closed", "", "hidden" };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *g, *m;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = stage_begin(&s, KFK_API_SHARE_GROUP_DESCRIBE, 1);
	for (size_t i = 0; i < ALV_COUNT(asked); i++)
		stage_add_str(t, &t->root, Q(GROUP_IDS), asked[i]);
	kfk_set_int(t, &t->root, Q(INCLUDE_AUTHORIZED_OPERATIONS), 1);
	t = stage_forwarded(&s);
	assert_int_equal(stage_count(&t->root, Q(GROUP_IDS)), 2);
	stage_text(stage_at(&t->root, Q(GROUP_IDS), 1)->v.s, "acme.hidden");
	t = stage_answers(&s);
	m = member(t, give_group(t, "acme.billing"));
	assign(t, m, "acme.orders", 'o');
	assign(t, m, "globex.orders", 'g');
	assign(t, m, "legacy.shared", 'l');
	m = member(t, give_group(t, "acme.hidden"));
	assign(t, m, "acme.orders", 'o');
	assign(t, m, "acme.secret", 's');
	(void)member(t, give_group(t, "globex.billing"));
	t = stage_replied(&s);
	assert_int_equal(stage_count(&t->root, R(GROUPS)), 4);
	g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "billing");
	m = stage_at(g, R(GROUPS_MEMBERS), 0);
	stage_text(kfk_get_str(t, m, R(GROUPS_MEMBERS_CLIENT_HOST)), "/0.0.0.0");
	stage_text(kfk_get_str(t, m, R(GROUPS_MEMBERS_RACK_ID)), NULL);
	assert_int_equal(stage_count(m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_NAMES)), 1);
	stage_text(stage_at(m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_NAMES), 0)->v.s, "orders");
	assert_int_equal(stage_count(kfk_get(m, R(GROUPS_MEMBERS_ASSIGNMENT)), A()), 2);
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_AUTHORIZED_OPERATIONS)), 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11);
	g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "hidden");
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(stage_count(g, R(GROUPS_MEMBERS)), 0);
	stage_text(kfk_get_str(t, g, R(GROUPS_GROUP_STATE)), "");
	g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "closed");
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
	g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "");
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_ERROR_CODE)), KFK_INVALID_GROUP_ID);
	stage_close(&s);
}
#undef Q
#undef R

/* ---- DescribeShareGroupOffsets ------------------------------------------------------------------------------ */

#define Q(f) KFK_DESCRIBE_SHARE_GROUP_OFFSETS_REQUEST_GROUPS##f
#define R(f) KFK_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_GROUPS##f

static struct kfk_node *
ask(struct kfk_tree *q, const char *group)
{
	struct kfk_node *g = stage_add(q, &q->root, Q());

	kfk_set_str(q, g, Q(_GROUP_ID), alv_str_of(group));
	kfk_set_null(q, g, Q(_TOPICS));
	return g;
}

static void
ask_topic(struct kfk_tree *q, struct kfk_node *g, const char *name)
{
	struct kfk_node *e;

	if (kfk_get(g, Q(_TOPICS))->v.is_null)
		kfk_set_empty(q, g, Q(_TOPICS));
	e = stage_add(q, g, Q(_TOPICS));
	kfk_set_str(q, e, Q(_TOPICS_TOPIC_NAME), alv_str_of(name));
	kfk_add(q, kfk_set_empty(q, e, Q(_TOPICS_PARTITIONS)))->v.i = 3;
}

static struct kfk_node *
give_offsets(struct kfk_tree *r, const char *group)
{
	struct kfk_node *g = stage_add(r, &r->root, R());

	kfk_set_str(r, g, R(_GROUP_ID), alv_str_of(group));
	return g;
}

static void
give_topic(struct kfk_tree *r, struct kfk_node *g, const char *name, char id)
{
	struct kfk_node *e = stage_add(r, g, R(_TOPICS)), *p;

	kfk_set_str(r, e, R(_TOPICS_TOPIC_NAME), alv_str_of(name));
	kfk_set_uuid(r, e, R(_TOPICS_TOPIC_ID), stage_id(id));
	p = stage_add(r, e, R(_TOPICS_PARTITIONS));
	kfk_set_int(r, p, R(_TOPICS_PARTITIONS_PARTITION_INDEX), 3);
	kfk_set_int(r, p, R(_TOPICS_PARTITIONS_START_OFFSET), 7);
}

static struct kfk_node *
offsets_of(struct kfk_tree *t, const char *group)
{
	return stage_named(t, &t->root, R(), R(_GROUP_ID), group);
}

static void
starts_are_described(void **state)
{
	struct alv_uuid	 zero = { { 0 } };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *g, *e, *p;

	(void)state;
	for (int16_t v = 0; v <= 1; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_DESCRIBE_SHARE_GROUP_OFFSETS, v);
		(void)ask(t, "everything");
		(void)ask(t, "closed");
		g = ask(t, "billing");
		ask_topic(t, g, "orders");
		ask_topic(t, g, "secret");
		ask_topic(t, g, "a b");
		ask_topic(t, ask(t, "nothing-left"), "secret");
		t = stage_forwarded(&s);
		assert_int_equal(stage_count(&t->root, Q()), 3);
		stage_text(kfk_get_str(t, stage_at(&t->root, Q(), 1), Q(_GROUP_ID)), "acme.billing");
		assert_int_equal(stage_count(stage_at(&t->root, Q(), 1), Q(_TOPICS)), 1);
		/* An empty list asks for none; null would ask for all. */
		e = kfk_get(stage_at(&t->root, Q(), 2), Q(_TOPICS));
		assert_true(e != NULL && !e->v.is_null && e->n == 0);
		t = stage_answers(&s);
		g = give_offsets(t, "acme.everything");
		give_topic(t, g, "acme.orders", 'o');
		give_topic(t, g, "acme.secret", 's');
		give_topic(t, g, "globex.orders", 'g');
		give_topic(t, give_offsets(t, "acme.billing"), "acme.orders", 'o');
		(void)give_offsets(t, "acme.nothing-left");
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R()), 4);
		g = offsets_of(t, "everything");
		assert_int_equal(stage_count(g, R(_TOPICS)), 1);
		g = offsets_of(t, "closed");
		assert_int_equal(kfk_get_int(t, g, R(_ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
		g = offsets_of(t, "billing");
		assert_int_equal(stage_count(g, R(_TOPICS)), 3);
		e = stage_named(t, g, R(_TOPICS), R(_TOPICS_TOPIC_NAME), "orders");
		assert_int_equal(kfk_get_int(t, stage_at(e, R(_TOPICS_PARTITIONS), 0), R(_TOPICS_PARTITIONS_START_OFFSET)), 7);
		e = stage_named(t, g, R(_TOPICS), R(_TOPICS_TOPIC_NAME), "secret");
		assert_true(alv_uuid_eq(kfk_get_uuid(t, e, R(_TOPICS_TOPIC_ID)), zero));
		p = stage_at(e, R(_TOPICS_PARTITIONS), 0);
		assert_int_equal(kfk_get_int(t, p, R(_TOPICS_PARTITIONS_PARTITION_INDEX)), 3);
		assert_int_equal(kfk_get_int(t, p, R(_TOPICS_PARTITIONS_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
		assert_int_equal(kfk_get_int(t, p, R(_TOPICS_PARTITIONS_START_OFFSET)), -1);
		e = stage_named(t, g, R(_TOPICS), R(_TOPICS_TOPIC_NAME), "a b");
		assert_int_equal(kfk_get_int(t, stage_at(e, R(_TOPICS_PARTITIONS), 0), R(_TOPICS_PARTITIONS_ERROR_CODE)),
		    KFK_UNKNOWN_TOPIC_OR_PARTITION);
		stage_close(&s);
	}
}

/* The empty id is a group without offsets to brokers, who fail at topics that are named in it; it never goes there. */
static void
the_nameless_group_begins_nowhere(void **state)
{
	static const struct pol_rule none[] = { STAGE_DENY(POL_GROUP, "*", POL_OP_DESCRIBE) };
	static const struct { const char *topic; int16_t code; size_t topics; } cases[] = { { NULL, 0, 0 }, { "secret", 0, 1 },
		{ "orders", KFK_UNKNOWN_SERVER_ERROR, 0 } };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *g;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_DESCRIBE_SHARE_GROUP_OFFSETS, 1);
		g = ask(t, "");
		if (cases[i].topic != NULL)
			ask_topic(t, g, cases[i].topic);
		t = stage_refused(&s);
		assert_int_equal(stage_count(&t->root, R()), 1);
		g = offsets_of(t, "");
		assert_int_equal(kfk_get_int(t, g, R(_ERROR_CODE)), cases[i].code);
		assert_int_equal(stage_count(g, R(_TOPICS)), cases[i].topics);
		stage_close(&s);
	}
	stage_open(&s, denies, DENIES);
	t = stage_begin(&s, KFK_API_DESCRIBE_SHARE_GROUP_OFFSETS, 0);
	(void)ask(t, "");
	(void)ask(t, "billing");
	t = stage_forwarded(&s);
	assert_int_equal(stage_count(&t->root, Q()), 1);
	t = stage_answers(&s);
	(void)give_offsets(t, "acme.billing");
	t = stage_replied(&s);
	assert_int_equal(stage_count(&t->root, R()), 2);
	assert_int_equal(kfk_get_int(t, offsets_of(t, ""), R(_ERROR_CODE)), 0);
	stage_close(&s);
	stage_open(&s, none, 1);
	(void)ask(stage_begin(&s, KFK_API_DESCRIBE_SHARE_GROUP_OFFSETS, 1), "");
	t = stage_refused(&s);
	assert_int_equal(kfk_get_int(t, offsets_of(t, ""), R(_ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
	stage_close(&s);
}

/* Whoever answers about a group that nobody asked for is not believed in anything. */
static void
answers_about_other_groups_end_it(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int again = 0; again < 2; again++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_DESCRIBE_SHARE_GROUP_OFFSETS, 1);
		(void)ask(t, "billing");
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		(void)give_offsets(t, "acme.billing");
		(void)give_offsets(t, again ? "acme.billing" : "acme.other");
		assert_int_equal(stage_reply(&s), API_CLOSE);
		assert_int_equal(s.call.close, MET_CLOSE_UPSTREAM_FOREIGN);
		stage_close(&s);
	}
}
#undef Q
#undef R

/* ---- AlterShareGroupOffsets, DeleteShareGroupOffsets --------------------------------------------------------- */

#define Q(f) KFK_ALTER_SHARE_GROUP_OFFSETS_REQUEST_##f
#define R(f) KFK_ALTER_SHARE_GROUP_OFFSETS_RESPONSE_##f
#define DQ(f) KFK_DELETE_SHARE_GROUP_OFFSETS_REQUEST_##f
#define DR(f) KFK_DELETE_SHARE_GROUP_OFFSETS_RESPONSE_##f

static struct kfk_tree *
alter(struct stage *s, const char *group, const char *const *topics)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_ALTER_SHARE_GROUP_OFFSETS, 0);
	struct kfk_node *e, *p;

	stage_str(q, Q(GROUP_ID), group);
	for (; *topics != NULL; topics++) {
		e = stage_add(q, &q->root, Q(TOPICS));
		kfk_set_str(q, e, Q(TOPICS_TOPIC_NAME), alv_str_of(*topics));
		p = stage_add(q, e, Q(TOPICS_PARTITIONS));
		kfk_set_int(q, p, Q(TOPICS_PARTITIONS_PARTITION_INDEX), 3);
		kfk_set_int(q, p, Q(TOPICS_PARTITIONS_START_OFFSET), 9);
	}
	return q;
}

static struct kfk_tree *
forget(struct stage *s, const char *group, const char *const *topics)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_DELETE_SHARE_GROUP_OFFSETS, 0);

	stage_str(q, DQ(GROUP_ID), group);
	for (; *topics != NULL; topics++)
		kfk_set_str(q, stage_add(q, &q->root, DQ(TOPICS)), DQ(TOPICS_TOPIC_NAME), alv_str_of(*topics));
	return q;
}

static void
starts_are_altered(void **state)
{
	static const char *const topics[] = { "secret", "orders", "..", NULL };
	struct stage		 s;
	struct kfk_tree		*t;
	struct kfk_node		*e;

	(void)state;
	stage_open(&s, denies, DENIES);
	(void)alter(&s, "billing", topics);
	t = stage_forwarded(&s);
	stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.billing");
	assert_int_equal(stage_count(&t->root, Q(TOPICS)), 1);
	stage_text(kfk_get_str(t, stage_at(&t->root, Q(TOPICS), 0), Q(TOPICS_TOPIC_NAME)), "acme.orders");
	t = stage_answers(&s);
	e = stage_add(t, &t->root, R(RESPONSES));
	kfk_set_str(t, e, R(RESPONSES_TOPIC_NAME), ALV_STR("acme.orders"));
	kfk_set_uuid(t, e, R(RESPONSES_TOPIC_ID), stage_id('o'));
	t = stage_replied(&s);
	assert_int_equal(stage_count(&t->root, R(RESPONSES)), 3);
	e = stage_named(t, &t->root, R(RESPONSES), R(RESPONSES_TOPIC_NAME), "secret");
	e = stage_at(e, R(RESPONSES_PARTITIONS), 0);
	assert_int_equal(kfk_get_int(t, e, R(RESPONSES_PARTITIONS_PARTITION_INDEX)), 3);
	assert_int_equal(kfk_get_int(t, e, R(RESPONSES_PARTITIONS_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
	e = stage_at(stage_named(t, &t->root, R(RESPONSES), R(RESPONSES_TOPIC_NAME), ".."), R(RESPONSES_PARTITIONS), 0);
	assert_int_equal(kfk_get_int(t, e, R(RESPONSES_PARTITIONS_ERROR_CODE)), KFK_UNKNOWN_TOPIC_OR_PARTITION);
	/* What is wrong with the group is wrong with all of it. */
	(void)alter(&s, "billing", topics);
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	kfk_set_int(t, &t->root, R(ERROR_CODE), KFK_NON_EMPTY_GROUP);
	t = stage_replied(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_NON_EMPTY_GROUP);
	assert_int_equal(stage_count(&t->root, R(RESPONSES)), 0);
	stage_close(&s);
}

static void
starts_are_deleted(void **state)
{
	static const char *const topics[] = { "secret", "orders", "..", NULL }, *const refused[] = { "secret", NULL };
	struct alv_uuid		 zero = { { 0 } };
	struct stage		 s;
	struct kfk_tree		*t;
	struct kfk_node		*e;

	(void)state;
	stage_open(&s, denies, DENIES);
	(void)forget(&s, "billing", topics);
	t = stage_forwarded(&s);
	stage_text(kfk_get_str(t, &t->root, DQ(GROUP_ID)), "acme.billing");
	assert_int_equal(stage_count(&t->root, DQ(TOPICS)), 1);
	t = stage_answers(&s);
	for (const char *ids = "og"; *ids != '\0'; ids++) {
		e = stage_add(t, &t->root, DR(RESPONSES));
		kfk_set_str(t, e, DR(RESPONSES_TOPIC_NAME), *ids == 'o' ? ALV_STR("acme.orders") : ALV_STR("globex.orders"));
		kfk_set_uuid(t, e, DR(RESPONSES_TOPIC_ID), stage_id(*ids));
	}
	t = stage_replied(&s);
	assert_int_equal(stage_count(&t->root, DR(RESPONSES)), 3);
	e = stage_named(t, &t->root, DR(RESPONSES), DR(RESPONSES_TOPIC_NAME), "secret");
	assert_int_equal(kfk_get_int(t, e, DR(RESPONSES_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
	assert_true(alv_uuid_eq(kfk_get_uuid(t, e, DR(RESPONSES_TOPIC_ID)), zero));
	e = stage_named(t, &t->root, DR(RESPONSES), DR(RESPONSES_TOPIC_NAME), "..");
	assert_int_equal(kfk_get_int(t, e, DR(RESPONSES_ERROR_CODE)), KFK_UNKNOWN_TOPIC_OR_PARTITION);
	(void)forget(&s, "billing", topics);
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	kfk_set_int(t, &t->root, DR(ERROR_CODE), KFK_NON_EMPTY_GROUP);
	t = stage_replied(&s);
	assert_int_equal(stage_count(&t->root, DR(RESPONSES)), 0);
	/* Without topics the group's own error is still the broker's to say. */
	(void)forget(&s, "billing", refused);
	t = stage_forwarded(&s);
	assert_int_equal(stage_count(&t->root, DQ(TOPICS)), 0);
	(void)stage_answers(&s);
	t = stage_replied(&s);
	assert_int_equal(stage_count(&t->root, DR(RESPONSES)), 1);
	assert_int_equal(kfk_get_int(t, stage_at(&t->root, DR(RESPONSES), 0), DR(RESPONSES_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
	stage_close(&s);
}

static void
a_refused_group_has_no_starts(void **state)
{
	static const struct { const char *group; int16_t code; } cases[] = { { "closed", KFK_GROUP_AUTHORIZATION_FAILED },
		{ "watched", KFK_GROUP_AUTHORIZATION_FAILED }, { "", KFK_INVALID_GROUP_ID } };
	static const char *const topics[] = { "orders", NULL };
	struct stage		 s;
	struct kfk_tree		*t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, denies, DENIES);
		(void)alter(&s, cases[i].group, topics);
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), cases[i].code);
		(void)forget(&s, cases[i].group, topics);
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, DR(ERROR_CODE)), cases[i].code);
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subscriptions_and_assignments_are_mapped),
		cmocka_unit_test(heartbeats_are_refused_as_a_whole),
		cmocka_unit_test(member_ids_are_counted_in_characters),
		cmocka_unit_test(share_groups_are_described),
		cmocka_unit_test(starts_are_described),
		cmocka_unit_test(the_nameless_group_begins_nowhere),
		cmocka_unit_test(answers_about_other_groups_end_it),
		cmocka_unit_test(starts_are_altered),
		cmocka_unit_test(starts_are_deleted),
		cmocka_unit_test(a_refused_group_has_no_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
