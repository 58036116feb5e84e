/* Looking at groups: classic descriptions, KIP-848 descriptions. */
#include "group_stage.h"

static const struct pol_rule denies[] = { STAGE_DENY(POL_GROUP, "closed", POL_OP_DESCRIBE),
	STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_DESCRIBE), STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE) };
enum { DENIES = ALV_COUNT(denies) };

/* ---- DescribeGroups ---------------------------------------------------------------------------------------- */

#define Q(f) KFK_DESCRIBE_GROUPS_REQUEST_##f
#define R(f) KFK_DESCRIBE_GROUPS_RESPONSE_##f

static struct kfk_node *
described(struct kfk_tree *r, const char *group, const char *type, struct alv_str metadata, struct alv_str assignment)
{
	struct kfk_node *g = stage_add(r, &r->root, R(GROUPS)), *m = stage_add(r, g, R(GROUPS_MEMBERS));

	kfk_set_str(r, g, R(GROUPS_GROUP_ID), alv_str_of(group));
	kfk_set_str(r, g, R(GROUPS_GROUP_STATE), ALV_STR("Stable"));
	kfk_set_str(r, g, R(GROUPS_PROTOCOL_TYPE), alv_str_of(type));
	kfk_set_str(r, m, R(GROUPS_MEMBERS_MEMBER_ID), ALV_STR("m1"));
	kfk_set_str(r, m, R(GROUPS_MEMBERS_CLIENT_HOST), ALV_STR("/real1.internal"));
	kfk_set_bytes(r, m, R(GROUPS_MEMBERS_MEMBER_METADATA), metadata);
	kfk_set_bytes(r, m, R(GROUPS_MEMBERS_MEMBER_ASSIGNMENT), assignment);
	if (r->version >= 3)
		kfk_set_int(r, g, R(GROUPS_AUTHORIZED_OPERATIONS), 0x7fff);
	if (r->version >= 6)
		kfk_set_str(r, g, R(GROUPS_ERROR_MESSAGE), ALV_STR("Group acme.x is not a classic group; see globex.y"));
	return g;
}

static struct kfk_node *
group(struct kfk_tree *t, const char *name)
{
	return stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), name);
}

static struct alv_str
member_bytes(struct kfk_tree *t, const char *name, uint16_t field)
{
	return kfk_get_bytes(t, stage_at(group(t, name), R(GROUPS_MEMBERS), 0), field);
}

static void
ask_groups(struct stage *s, int16_t version, bool ops)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_DESCRIBE_GROUPS, version);

	stage_add_str(t, &t->root, Q(GROUPS), "billing");
	stage_add_str(t, &t->root, Q(GROUPS), "closed");
	stage_add_str(t, &t->root, Q(GROUPS), "workers");
	stage_add_str(t, &t->root, Q(GROUPS), "a\xff");
	stage_add_str(t, &t->root, Q(GROUPS), "empty");
	if (version >= 3)
		kfk_set_int(t, &t->root, Q(INCLUDE_AUTHORIZED_OPERATIONS), ops);
}

static void
members_speak_of_virtual_topics(void **state)
{
	struct stage_bytes sub = stage_subscription(1, "acme.orders", "globex.orders", "acme.orders", NULL),
	    sub_want = stage_subscription(1, "orders", NULL, "orders", NULL),
	    ass = stage_assignment(1, "__consumer_offsets", "legacy.shared"), ass_want = stage_assignment(1, "shared", NULL),
	    theirs = stage_subscription(0, "plain", NULL, NULL, NULL);
	struct stage	   s;
	struct kfk_tree   *t;
	struct kfk_node   *e;

	(void)state;
	for (int16_t v = 0; v <= 6; v++) {
		stage_open(&s, denies, DENIES);
		ask_groups(&s, v, true);
		t = stage_forwarded(&s);
		assert_int_equal(stage_count(&t->root, Q(GROUPS)), 3);
		stage_text(stage_at(&t->root, Q(GROUPS), 1)->v.s, "acme.workers");
		t = stage_answers(&s);
		(void)described(t, "acme.workers", "connect", stage_of(&theirs), ALV_STR("\xff"));
		(void)described(t, "globex.billing", "consumer", stage_of(&sub), stage_of(&ass));
		(void)described(t, "acme.billing", "consumer", stage_of(&sub), stage_of(&ass));
		/* What cannot be read is not shown. */
		(void)described(t, "acme.empty", "consumer", alv_str_make(sub.b, 12), ALV_STR(""));
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R(GROUPS)), 5);
		stage_same(member_bytes(t, "billing", R(GROUPS_MEMBERS_MEMBER_METADATA)), &sub_want);
		stage_same(member_bytes(t, "billing", R(GROUPS_MEMBERS_MEMBER_ASSIGNMENT)), &ass_want);
		stage_same(member_bytes(t, "workers", R(GROUPS_MEMBERS_MEMBER_METADATA)), &theirs);
		assert_int_equal(member_bytes(t, "workers", R(GROUPS_MEMBERS_MEMBER_ASSIGNMENT)).n, 1);
		assert_int_equal(member_bytes(t, "empty", R(GROUPS_MEMBERS_MEMBER_METADATA)).n, 0);
		e = stage_at(group(t, "billing"), R(GROUPS_MEMBERS), 0);
		stage_text(kfk_get_str(t, e, R(GROUPS_MEMBERS_CLIENT_HOST)), "/0.0.0.0");
		if (v >= 3)	/* READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS */
			assert_int_equal(kfk_get_int(t, group(t, "billing"), R(GROUPS_AUTHORIZED_OPERATIONS)),
			    1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11);
		assert_int_equal(kfk_get_int(t, group(t, "closed"), R(GROUPS_ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
		assert_int_equal(stage_count(group(t, "closed"), R(GROUPS_MEMBERS)), 0);
		assert_int_equal(kfk_get_int(t, group(t, "closed"), R(GROUPS_AUTHORIZED_OPERATIONS)), INT32_MIN);
		assert_int_equal(kfk_get_int(t, group(t, "a\xff"), R(GROUPS_ERROR_CODE)), KFK_INVALID_GROUP_ID);
		stage_close(&s);
	}
}

static void
operations_only_when_asked_for(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 3; v <= 6; v++) {
		stage_open(&s, denies, DENIES);
		ask_groups(&s, v, false);
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		(void)described(t, "acme.billing", "", ALV_STR(""), ALV_STR(""));
		t = stage_replied(&s);
		assert_int_equal(kfk_get_int(t, group(t, "billing"), R(GROUPS_AUTHORIZED_OPERATIONS)), INT32_MIN);
		stage_close(&s);
	}
}

static void
only_refused_groups_are_answered_here(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 6; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_DESCRIBE_GROUPS, v);
		stage_add_str(t, &t->root, Q(GROUPS), "closed");
		t = stage_refused(&s);
		assert_int_equal(kfk_get_int(t, group(t, "closed"), R(GROUPS_ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
		t = stage_begin(&s, KFK_API_DESCRIBE_GROUPS, v);
		t = stage_forwarded(&s);	/* none at all: the broker's to answer */
		assert_int_equal(stage_count(&t->root, Q(GROUPS)), 0);
		stage_close(&s);
	}
}
#undef Q
#undef R

/* ---- ConsumerGroupDescribe ------------------------------------------------------------------------------------ */

#define Q(f) KFK_CONSUMER_GROUP_DESCRIBE_REQUEST_##f
#define R(f) KFK_CONSUMER_GROUP_DESCRIBE_RESPONSE_##f
#define A(f) KFK_CONSUMER_GROUP_DESCRIBE_RESPONSE_GROUPS_MEMBERS_ASSIGNMENT_TOPIC_PARTITIONS##f
#define T(f) KFK_CONSUMER_GROUP_DESCRIBE_RESPONSE_GROUPS_MEMBERS_TARGET_ASSIGNMENT_TOPIC_PARTITIONS##f

static struct kfk_node *
member(struct kfk_tree *r, struct kfk_node *g)
{
	struct kfk_node *m = stage_add(r, g, R(GROUPS_MEMBERS));

	kfk_set_str(r, m, R(GROUPS_MEMBERS_MEMBER_ID), ALV_STR("m1"));
	kfk_set_str(r, m, R(GROUPS_MEMBERS_CLIENT_HOST), ALV_STR("/real1.internal"));
	kfk_set_str(r, m, R(GROUPS_MEMBERS_RACK_ID), ALV_STR("real1"));
	kfk_set_str(r, m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_REGEX), ALV_STR("\\Qacme.\\E(?:.*)"));
	stage_add_str(r, m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_NAMES), "globex.orders");
	stage_add_str(r, m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_NAMES), "acme.orders");
	kfk_set_empty(r, m, R(GROUPS_MEMBERS_ASSIGNMENT));
	kfk_set_empty(r, m, R(GROUPS_MEMBERS_TARGET_ASSIGNMENT));
	return m;
}

static void
assign(struct kfk_tree *r, struct kfk_node *m, bool target, const char *name, char id)
{
	struct kfk_node *e = stage_add(r, kfk_get(m, target ? R(GROUPS_MEMBERS_TARGET_ASSIGNMENT) : R(GROUPS_MEMBERS_ASSIGNMENT)),
	    target ? T() : A());

	kfk_set_str(r, e, target ? T(_TOPIC_NAME) : A(_TOPIC_NAME), alv_str_of(name));
	kfk_set_uuid(r, e, target ? T(_TOPIC_ID) : A(_TOPIC_ID), stage_id(id));
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
new_groups_are_described(void **state)
{
	static const char *const asked[] = { "billing", "closed", "", "hidden", "aimed" };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *g, *m;

	(void)state;
	for (int16_t v = 0; v <= 1; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_CONSUMER_GROUP_DESCRIBE, v);
		for (size_t i = 0; i < ALV_COUNT(asked); i++)
			stage_add_str(t, &t->root, Q(GROUP_IDS), asked[i]);
		kfk_set_int(t, &t->root, Q(INCLUDE_AUTHORIZED_OPERATIONS), 1);
		t = stage_forwarded(&s);
		assert_int_equal(stage_count(&t->root, Q(GROUP_IDS)), 3);
		stage_text(stage_at(&t->root, Q(GROUP_IDS), 1)->v.s, "acme.hidden");
		t = stage_answers(&s);
		m = member(t, give_group(t, "acme.billing"));
		assign(t, m, false, "acme.orders", 'o');
		assign(t, m, false, "globex.orders", 'g');
		assign(t, m, true, "__consumer_offsets", 'c');
		assign(t, m, true, "legacy.shared", 'l');
		assign(t, m, true, "acme.fresh", 'f');
		m = member(t, give_group(t, "acme.hidden"));
		assign(t, m, false, "acme.secret", 's');
		g = give_group(t, "acme.aimed");
		(void)member(t, g);
		m = member(t, g);
		assign(t, m, true, "acme.orders", 'o');
		assign(t, m, true, "acme.secret", 's');
		(void)member(t, give_group(t, "globex.billing"));
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R(GROUPS)), 5);
		g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "billing");
		m = stage_at(g, R(GROUPS_MEMBERS), 0);
		stage_text(kfk_get_str(t, m, R(GROUPS_MEMBERS_CLIENT_HOST)), "/0.0.0.0");
		stage_text(kfk_get_str(t, m, R(GROUPS_MEMBERS_RACK_ID)), NULL);
		stage_text(kfk_get_str(t, m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_REGEX)), NULL);
		assert_int_equal(stage_count(m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_NAMES)), 1);
		stage_text(stage_at(m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_NAMES), 0)->v.s, "orders");
		assert_int_equal(stage_count(kfk_get(m, R(GROUPS_MEMBERS_ASSIGNMENT)), A()), 1);
		assert_int_equal(stage_count(kfk_get(m, R(GROUPS_MEMBERS_TARGET_ASSIGNMENT)), T()), 2);
		assert_int_equal(kfk_get_int(t, g, R(GROUPS_AUTHORIZED_OPERATIONS)),
		    1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11);
		for (size_t i = 3; i < ALV_COUNT(asked); i++) {
			g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), asked[i]);
			assert_int_equal(kfk_get_int(t, g, R(GROUPS_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
			assert_int_equal(stage_count(g, R(GROUPS_MEMBERS)), 0);
			stage_text(kfk_get_str(t, g, R(GROUPS_GROUP_STATE)), "");
			assert_int_equal(kfk_get_int(t, g, R(GROUPS_AUTHORIZED_OPERATIONS)), INT32_MIN);
		}
		g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "closed");
		assert_int_equal(kfk_get_int(t, g, R(GROUPS_ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
		g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "");
		assert_int_equal(kfk_get_int(t, g, R(GROUPS_ERROR_CODE)), KFK_INVALID_GROUP_ID);
		stage_close(&s);
	}
}

/* An own name beside the id of another's topic: the broker lies, and what is known of the id stays known. */
static void
a_name_does_not_give_away_an_id(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *m;
	struct alv_str	 name;

	(void)state;
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_CONSUMER_GROUP_DESCRIBE, 0);
	stage_add_str(t, &t->root, Q(GROUP_IDS), "billing");
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	m = member(t, give_group(t, "acme.billing"));
	assign(t, m, false, "acme.orders", 'g');
	t = stage_replied(&s);
	m = stage_at(stage_at(&t->root, R(GROUPS), 0), R(GROUPS_MEMBERS), 0);
	assert_int_equal(stage_count(kfk_get(m, R(GROUPS_MEMBERS_ASSIGNMENT)), A()), 0);
	assert_int_equal(clu_ids_find(s.worker.ids, clu_board_load(s.board), stage_id('g'), s.worker.now_us, &name), ALV_OK);
	stage_text(name, "globex.orders");
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_speak_of_virtual_topics),
		cmocka_unit_test(operations_only_when_asked_for),
		cmocka_unit_test(only_refused_groups_are_answered_here),
		cmocka_unit_test(new_groups_are_described),
		cmocka_unit_test(a_name_does_not_give_away_an_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
