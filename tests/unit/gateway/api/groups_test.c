/* Groups of the classic protocol: coordinators, joining, synchronising, staying, leaving. */
#include "group_stage.h"

static const struct pol_rule no_read[] = { STAGE_DENY(POL_GROUP, "closed", POL_OP_READ) };

/* ---- FindCoordinator ------------------------------------------------------------------------------- */

#define Q(f) KFK_FIND_COORDINATOR_REQUEST_##f
#define R(f) KFK_FIND_COORDINATOR_RESPONSE_##f

static const struct pol_rule hidden[] = { STAGE_DENY(POL_GROUP, "closed", POL_OP_DESCRIBE),
	STAGE_DENY(POL_TXN, "closed", POL_OP_DESCRIBE) };

static struct kfk_tree *
ask_key(struct stage *s, int16_t version, const char *key, int type)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_FIND_COORDINATOR, version);

	if (version >= 1)
		kfk_set_int(q, &q->root, Q(KEY_TYPE), type);
	if (version >= 4)
		stage_add_str(q, &q->root, Q(COORDINATOR_KEYS), key);
	else
		stage_str(q, Q(KEY), key);
	return q;
}

static struct kfk_node *
coordinator(struct kfk_tree *t, const char *key)
{
	return stage_named(t, &t->root, R(COORDINATORS), R(COORDINATORS_KEY), key);
}

static void
give_coordinator(struct kfk_tree *r, const char *key, int node)
{
	struct kfk_node *e = &r->root;

	if (r->version >= 4) {
		e = stage_add(r, e, R(COORDINATORS));
		kfk_set_str(r, e, R(COORDINATORS_KEY), alv_str_of(key));
		kfk_set_int(r, e, R(COORDINATORS_NODE_ID), node);
		kfk_set_str(r, e, R(COORDINATORS_HOST), ALV_STR("real1.internal"));
		kfk_set_int(r, e, R(COORDINATORS_PORT), 9092);
		kfk_set_str(r, e, R(COORDINATORS_ERROR_MESSAGE), ALV_STR("globex.x is at real1"));
		return;
	}
	kfk_set_int(r, e, R(NODE_ID), node);
	kfk_set_str(r, e, R(HOST), ALV_STR("real1.internal"));
	kfk_set_int(r, e, R(PORT), 9092);
	if (r->version >= 1)
		kfk_set_str(r, e, R(ERROR_MESSAGE), ALV_STR("globex.x is at real1"));
}

static void
a_coordinator_is_one_of_the_tenants_brokers(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 6; v++)
		for (int type = 0; type <= (v >= 1); type++) {
			stage_open(&s, NULL, 0);
			(void)ask_key(&s, v, "billing", type);
			t = stage_forwarded(&s);
			stage_text(v >= 4 ? stage_at(&t->root, Q(COORDINATOR_KEYS), 0)->v.s : kfk_get_str(t, &t->root, Q(KEY)),
			    "acme.billing");
			t = stage_answers(&s);
			give_coordinator(t, "acme.billing", 2);
			if (v >= 4) {
				give_coordinator(t, "globex.billing", 2);
				give_coordinator(t, "acme", 2);
				give_coordinator(t, "acme.", 2);
			}
			t = stage_replied(&s);
			e = v >= 4 ? coordinator(t, "billing") : &t->root;
			assert_non_null(e);
			assert_int_equal(kfk_get_int(t, e, v >= 4 ? R(COORDINATORS_NODE_ID) : R(NODE_ID)), 2);
			stage_text(kfk_get_str(t, e, v >= 4 ? R(COORDINATORS_HOST) : R(HOST)), "b2-acme.kafka.test");
			assert_int_equal(kfk_get_int(t, e, v >= 4 ? R(COORDINATORS_PORT) : R(PORT)), 9093);
			assert_int_equal(stage_count(&t->root, R(COORDINATORS)), v >= 4 ? 1 : 0);
			stage_close(&s);
		}
}

/* A broker that clients have no address of: they ask again. */
static void
an_unreachable_coordinator_is_none_yet(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 6; v++) {
		stage_open(&s, NULL, 0);
		(void)ask_key(&s, v, "billing", 0);
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		give_coordinator(t, "acme.billing", 9);
		t = stage_replied(&s);
		e = v >= 4 ? coordinator(t, "billing") : &t->root;
		assert_non_null(e);
		assert_int_equal(kfk_get_int(t, e, v >= 4 ? R(COORDINATORS_NODE_ID) : R(NODE_ID)), -1);
		stage_text(kfk_get_str(t, e, v >= 4 ? R(COORDINATORS_HOST) : R(HOST)), "");
		assert_int_equal(kfk_get_int(t, e, v >= 4 ? R(COORDINATORS_PORT) : R(PORT)), -1);
		assert_int_equal(kfk_get_int(t, e, v >= 4 ? R(COORDINATORS_ERROR_CODE) : R(ERROR_CODE)),
		    KFK_COORDINATOR_NOT_AVAILABLE);
		stage_close(&s);
	}
}

static void
coordinators_of_others_are_refused(void **state)
{
	static const struct { const char *key; int type; int16_t code; } cases[] = {
		{ "closed", 0, KFK_GROUP_AUTHORIZATION_FAILED },
		{ "closed", 1, KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED },
		{ "", 0, KFK_INVALID_GROUP_ID }, { "", 1, KFK_INVALID_REQUEST },
		{ "a\xff", 0, KFK_INVALID_GROUP_ID }, { "a\xff", 1, KFK_INVALID_REQUEST },
		{ "globex.billing:idB:0", 2, KFK_INVALID_REQUEST }, { "x", 9, KFK_INVALID_REQUEST },
		{ "x", -1, KFK_INVALID_REQUEST },
	};
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 6; v++)
		for (size_t i = 0; i < ALV_COUNT(cases); i++) {
			int16_t want = v == 6 && cases[i].type == 2 ? KFK_CLUSTER_AUTHORIZATION_FAILED : cases[i].code;

			if (v == 0 && cases[i].type != 0)
				continue;
			stage_open(&s, hidden, 2);
			(void)ask_key(&s, v, cases[i].key, cases[i].type);
			assert_int_equal(stage_send(&s), API_ANSWER);
			assert_int_equal(s.call.error_code, want);
			t = stage_client(&s);
			e = v >= 4 ? coordinator(t, cases[i].key) : &t->root;
			assert_non_null(e);
			assert_int_equal(kfk_get_int(t, e, v >= 4 ? R(COORDINATORS_ERROR_CODE) : R(ERROR_CODE)), want);
			assert_int_equal(kfk_get_int(t, e, v >= 4 ? R(COORDINATORS_NODE_ID) : R(NODE_ID)), -1);
			assert_int_equal(kfk_get_int(t, e, v >= 4 ? R(COORDINATORS_PORT) : R(PORT)), -1);
			stage_text(kfk_get_str(t, e, v >= 4 ? R(COORDINATORS_HOST) : R(HOST)), "");
			stage_close(&s);
		}
}

static void
batched_keys_are_judged_one_by_one(void **state)
{
	static const char *const keys[] = { "closed", "a", "", "b:c/d", "a\xff", "closed", "watched" };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 4; v <= 6; v++) {
		stage_open(&s, hidden, 2);
		t = stage_begin(&s, KFK_API_FIND_COORDINATOR, v);
		for (size_t i = 0; i < ALV_COUNT(keys); i++)
			stage_add_str(t, &t->root, Q(COORDINATOR_KEYS), keys[i]);
		t = stage_forwarded(&s);
		assert_int_equal(stage_count(&t->root, Q(COORDINATOR_KEYS)), 3);
		stage_text(stage_at(&t->root, Q(COORDINATOR_KEYS), 2)->v.s, "legacy.watched");
		stage_text(stage_at(&t->root, Q(COORDINATOR_KEYS), 1)->v.s, "acme.b:c/d");
		t = stage_answers(&s);
		give_coordinator(t, "acme.a", 1);
		give_coordinator(t, "acme.b:c/d", 2);
		give_coordinator(t, "legacy.watched", 1);
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R(COORDINATORS)), ALV_COUNT(keys));
		assert_int_equal(kfk_get_int(t, coordinator(t, "a"), R(COORDINATORS_ERROR_CODE)), 0);
		assert_int_equal(kfk_get_int(t, coordinator(t, "b:c/d"), R(COORDINATORS_NODE_ID)), 2);
		e = coordinator(t, "closed");
		assert_int_equal(kfk_get_int(t, e, R(COORDINATORS_ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
		e = coordinator(t, "");
		assert_int_equal(kfk_get_int(t, e, R(COORDINATORS_ERROR_CODE)), KFK_INVALID_GROUP_ID);
		assert_int_equal(kfk_get_int(t, e, R(COORDINATORS_NODE_ID)), -1);
		stage_close(&s);
	}
}
#undef Q
#undef R

/* ---- JoinGroup ------------------------------------------------------------------------------------------- */

#define Q(f) KFK_JOIN_GROUP_REQUEST_##f
#define R(f) KFK_JOIN_GROUP_RESPONSE_##f

static struct kfk_node *
join(struct stage *s, int16_t version, const char *group, const char *type, struct alv_str metadata)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_JOIN_GROUP, version);
	struct kfk_node *e = stage_add(q, &q->root, Q(PROTOCOLS));

	stage_str(q, Q(GROUP_ID), group);
	stage_str(q, Q(PROTOCOL_TYPE), type);
	stage_str(q, Q(MEMBER_ID), "test-1");
	kfk_set_str(q, e, Q(PROTOCOLS_NAME), ALV_STR("range"));
	kfk_set_bytes(q, e, Q(PROTOCOLS_METADATA), metadata);
	return e;
}

static struct alv_str
sent_metadata(struct kfk_tree *t)
{
	return kfk_get_bytes(t, stage_at(&t->root, Q(PROTOCOLS), 0), Q(PROTOCOLS_METADATA));
}

/* The broker lets this member join; member m2 said `metadata`. */
static struct kfk_tree *
joined(struct stage *s, const char *type, struct alv_str metadata)
{
	struct kfk_tree *t = stage_answers(s);
	struct kfk_node *e = stage_add(t, &t->root, R(MEMBERS));

	if (t->version >= 7)
		stage_str(t, R(PROTOCOL_TYPE), type);
	stage_str(t, R(PROTOCOL_NAME), "range");
	stage_str(t, R(MEMBER_ID), "test-1");
	kfk_set_str(t, e, R(MEMBERS_MEMBER_ID), ALV_STR("m2"));
	kfk_set_bytes(t, e, R(MEMBERS_METADATA), metadata);
	return t;
}

static void
subscriptions_are_mapped_both_ways(void **state)
{
	struct stage	   s;
	struct kfk_tree   *t;
	struct stage_bytes in, want;

	(void)state;
	for (int16_t v = 0; v <= 9; v++)
		for (int sv = 0; sv <= 3; sv++) {
			stage_open(&s, NULL, 0);
			in = stage_subscription(sv, "orders", "shared", "orders", "r1");
			join(&s, v, "billing", "consumer", stage_of(&in));
			t = stage_forwarded(&s);
			stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.billing");
			want = stage_subscription(sv, "acme.orders", "legacy.shared", "acme.orders", "r1");
			stage_same(sent_metadata(t), &want);
			in = stage_subscription(sv, "globex.orders", "acme.orders", "__consumer_offsets", "r2");
			(void)joined(&s, "consumer", stage_of(&in));
			t = stage_replied(&s);
			want = stage_subscription(sv, "orders", NULL, NULL, "r2");	/* the members' own text */
			stage_same(kfk_get_bytes(t, stage_at(&t->root, R(MEMBERS), 0), R(MEMBERS_METADATA)), &want);
			stage_close(&s);
		}
}

/* A version nobody knows is read as the last known; what follows it goes along. */
static void
later_versions_and_what_follows(void **state)
{
	struct stage	   s;
	struct kfk_tree   *t;
	struct stage_bytes in, want;

	(void)state;
	stage_open(&s, NULL, 0);
	in = stage_subscription(77, "orders", NULL, "orders", NULL);
	stage_put(&in, "more", 4);
	join(&s, 9, "billing", "consumer", stage_of(&in));
	t = stage_forwarded(&s);
	want = stage_subscription(77, "acme.orders", NULL, "acme.orders", NULL);
	stage_put(&want, "more", 4);
	stage_same(sent_metadata(t), &want);
	/* Nothing behind the user data, in a version that has more: old clients do that. */
	in = stage_subscription(0, "orders", NULL, NULL, NULL);
	in.b[1] = 3;
	join(&s, 9, "billing", "consumer", stage_of(&in));
	t = stage_forwarded(&s);
	want = stage_subscription(0, "acme.orders", NULL, NULL, NULL);
	want.b[1] = 3;
	stage_same(sent_metadata(t), &want);
	join(&s, 9, "billing", "consumer", ALV_STR(""));
	t = stage_forwarded(&s);
	assert_int_equal(sent_metadata(t).n, 0);
	stage_close(&s);
}

static void
unreadable_subscriptions_do_not_fit(void **state)
{
	static char	   longest[250];
	static const char *const illegal[] = { "", ".", "..", "a b", "a/b", longest };
	struct stage	   s;
	struct stage_bytes in;
	struct kfk_tree   *t;
	int16_t		   lo, hi;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	stage_versions(KFK_API_JOIN_GROUP, &lo, &hi);
	for (int16_t v = lo; v <= hi; v++) {
		stage_open(&s, NULL, 0);
		in = stage_subscription(3, "orders", "shared", "orders", NULL);
		/* Cut where the first list or its user data is open: 2 + 4 + 8 + 8 + 6 bytes. */
		for (size_t cut = 1; cut < 28; cut++) {
			if (cut == 2)
				continue;	/* a version alone names nothing */
			if (cut == 22)
				continue;	/* the list is whole, what follows is missing: as old clients do */
			join(&s, v, "billing", "consumer", alv_str_make(in.b, cut));
			t = stage_refused(&s);
			assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INCONSISTENT_GROUP_PROTOCOL);
		}
		for (size_t i = 0; i < ALV_COUNT(illegal); i++) {
			in = stage_subscription(0, "orders", illegal[i], NULL, NULL);
			join(&s, v, "billing", "consumer", stage_of(&in));
			t = stage_refused(&s);
			assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INCONSISTENT_GROUP_PROTOCOL);
		}
		in = stage_subscription(-1, "orders", NULL, NULL, NULL);
		join(&s, v, "billing", "consumer", stage_of(&in));
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INCONSISTENT_GROUP_PROTOCOL);
		/* A list of 2^31 - 1 names. */
		join(&s, v, "billing", "consumer", ALV_STR("\0\1\x7f\xff\xff\xff\0\1a"));
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INCONSISTENT_GROUP_PROTOCOL);
		stage_close(&s);
	}
}

/* What brokers themselves send is no reason to end anything, but nobody sees it. */
static void
unreadable_bytes_of_a_broker_become_empty(void **state)
{
	struct stage	   s;
	struct stage_bytes in = stage_subscription(1, "acme.orders", "globex.orders", NULL, NULL);
	struct kfk_tree   *t;

	(void)state;
	stage_open(&s, NULL, 0);
	join(&s, 9, "billing", "consumer", ALV_STR(""));
	(void)stage_forwarded(&s);
	(void)joined(&s, "consumer", alv_str_make(in.b, 25));
	t = stage_replied(&s);
	assert_int_equal(kfk_get_bytes(t, stage_at(&t->root, R(MEMBERS), 0), R(MEMBERS_METADATA)).n, 0);
	stage_close(&s);
}

static void
other_protocol_types_are_left_alone(void **state)
{
	struct stage	   s;
	struct stage_bytes in = stage_subscription(0, "orders", NULL, NULL, NULL);
	struct kfk_tree   *t;

	(void)state;
	stage_open(&s, NULL, 0);
	join(&s, 9, "workers", "connect", stage_of(&in));
	t = stage_forwarded(&s);
	stage_same(sent_metadata(t), &in);
	(void)joined(&s, "connect", stage_of(&in));
	t = stage_replied(&s);
	stage_same(kfk_get_bytes(t, stage_at(&t->root, R(MEMBERS), 0), R(MEMBERS_METADATA)), &in);
	join(&s, 9, "workers", "connect", ALV_STR("\xff\xff\xff"));
	t = stage_forwarded(&s);
	assert_int_equal(sent_metadata(t).n, 3);
	stage_close(&s);
}
#undef Q
#undef R

/* ---- SyncGroup ------------------------------------------------------------------------------------------------ */

#define Q(f) KFK_SYNC_GROUP_REQUEST_##f
#define R(f) KFK_SYNC_GROUP_RESPONSE_##f

static struct kfk_tree *
sync(struct stage *s, int16_t version, const char *group, const char *type, struct alv_str assignment)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_SYNC_GROUP, version);
	struct kfk_node *e = stage_add(q, &q->root, Q(ASSIGNMENTS));

	stage_str(q, Q(GROUP_ID), group);
	stage_str(q, Q(MEMBER_ID), "test-1");
	if (version >= 5) {
		stage_str(q, Q(PROTOCOL_TYPE), type);
		stage_str(q, Q(PROTOCOL_NAME), type == NULL ? NULL : "range");
	}
	kfk_set_str(q, e, Q(ASSIGNMENTS_MEMBER_ID), ALV_STR("m2"));
	kfk_set_bytes(q, e, Q(ASSIGNMENTS_ASSIGNMENT), assignment);
	return q;
}

static struct alv_str
sent_assignment(struct kfk_tree *t)
{
	return kfk_get_bytes(t, stage_at(&t->root, Q(ASSIGNMENTS), 0), Q(ASSIGNMENTS_ASSIGNMENT));
}

/* A whole join on this connection, as a member of protocol type `type`. */
static void
joins(struct stage *s, const char *group, const char *type)
{
	(void)join(s, 5, group, type, ALV_STR(""));
	(void)stage_forwarded(s);
	(void)joined(s, type, ALV_STR(""));
	(void)stage_replied(s);
}

static void
assignments_are_mapped_both_ways(void **state)
{
	struct stage	   s;
	struct kfk_tree   *t;
	struct stage_bytes in, want;

	(void)state;
	for (int16_t v = 0; v <= 5; v++)
		for (int av = 0; av <= 4; av++) {
			stage_open(&s, NULL, 0);
			joins(&s, "billing", "consumer");
			in = stage_assignment(av, "orders", "globex.orders");
			(void)sync(&s, v, "billing", "consumer", stage_of(&in));
			t = stage_forwarded(&s);
			stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.billing");
			want = stage_assignment(av, "acme.orders", "acme.globex.orders");
			stage_same(sent_assignment(t), &want);
			t = stage_answers(&s);
			in = stage_assignment(av, "globex.orders", "acme.orders");
			kfk_set_bytes(t, &t->root, R(ASSIGNMENT), stage_of(&in));
			t = stage_replied(&s);
			want = stage_assignment(av, "orders", NULL);
			stage_same(kfk_get_bytes(t, &t->root, R(ASSIGNMENT)), &want);
			stage_close(&s);
		}
}

static void
empty_and_unreadable_assignments(void **state)
{
	struct stage	   s;
	struct kfk_tree   *t;
	struct stage_bytes in = stage_assignment(1, "orders", NULL);

	(void)state;
	for (int16_t v = 0; v <= 5; v++) {
		stage_open(&s, NULL, 0);
		joins(&s, "billing", "consumer");
		(void)sync(&s, v, "billing", "consumer", ALV_STR(""));
		t = stage_forwarded(&s);
		assert_int_equal(sent_assignment(t).n, 0);
		(void)stage_answers(&s);
		t = stage_replied(&s);
		assert_int_equal(kfk_get_bytes(t, &t->root, R(ASSIGNMENT)).n, 0);
		for (size_t cut = 7; cut < 22; cut++) {
			(void)sync(&s, v, "billing", "consumer", alv_str_make(in.b, cut));
			t = stage_refused(&s);
			assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INCONSISTENT_GROUP_PROTOCOL);
		}
		stage_close(&s);
	}
}

static void
old_syncs_need_a_join_of_the_same_connection(void **state)
{
	struct stage	   s;
	struct kfk_tree   *t;
	struct stage_bytes in = stage_assignment(1, "orders", NULL), want = stage_assignment(1, "acme.orders", NULL);

	(void)state;
	for (int16_t v = 0; v < 5; v++) {
		stage_open(&s, NULL, 0);
		(void)sync(&s, v, "billing", NULL, stage_of(&in));
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_REBALANCE_IN_PROGRESS);
		joins(&s, "workers", "connect");
		joins(&s, "billing", "consumer");
		(void)sync(&s, v, "workers", NULL, stage_of(&in));
		t = stage_forwarded(&s);
		stage_same(sent_assignment(t), &in);
		/* The broker compares with what the group is by now. */
		assert_int_equal(s.call.up_version, 5);
		stage_text(kfk_get_str(t, &t->root, Q(PROTOCOL_TYPE)), "connect");
		stage_text(kfk_get_str(t, &t->root, Q(PROTOCOL_NAME)), "range");
		t = stage_answers(&s);
		kfk_set_int(t, &t->root, R(ERROR_CODE), KFK_INCONSISTENT_GROUP_PROTOCOL);
		t = stage_replied(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INCONSISTENT_GROUP_PROTOCOL);
		(void)sync(&s, v, "billing", NULL, stage_of(&in));
		t = stage_forwarded(&s);
		stage_same(sent_assignment(t), &want);
		/* Only so many are remembered; the oldest has to join again. */
		for (int i = 0; i < 16; i++) {
			char name[16];

			snprintf(name, sizeof(name), "g%d", i);
			joins(&s, name, "consumer");
		}
		(void)sync(&s, v, "billing", NULL, stage_of(&in));
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_REBALANCE_IN_PROGRESS);
		stage_close(&s);
	}
}

/* What is longer than any protocol's name is not remembered, and takes the place of what was. */
static void
long_protocol_names_are_not_remembered(void **state)
{
	static char	 longest[65];
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	memset(longest, 'p', 64);
	stage_open(&s, NULL, 0);
	joins(&s, "billing", "consumer");
	joins(&s, "billing", longest);
	(void)sync(&s, 4, "billing", NULL, ALV_STR(""));
	t = stage_refused(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_REBALANCE_IN_PROGRESS);
	longest[63] = '\0';
	joins(&s, "billing", longest);
	(void)sync(&s, 4, "billing", NULL, ALV_STR(""));
	t = stage_forwarded(&s);
	stage_text(kfk_get_str(t, &t->root, Q(PROTOCOL_TYPE)), longest);
	stage_close(&s);
}

/* The type that the broker agreed to counts, not one that a client tried: else names would pass unmapped. */
static void
a_refused_join_changes_nothing(void **state)
{
	struct stage	   s;
	struct kfk_tree   *t;
	struct stage_bytes in = stage_assignment(1, "globex.orders", NULL), want = stage_assignment(1, "acme.globex.orders", NULL);

	(void)state;
	stage_open(&s, NULL, 0);
	joins(&s, "billing", "consumer");
	(void)join(&s, 5, "billing", "connect", ALV_STR(""));
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	kfk_set_int(t, &t->root, KFK_JOIN_GROUP_RESPONSE_ERROR_CODE, KFK_INCONSISTENT_GROUP_PROTOCOL);
	(void)stage_replied(&s);
	(void)sync(&s, 3, "billing", NULL, stage_of(&in));
	t = stage_forwarded(&s);
	stage_same(sent_assignment(t), &want);
	/* Nor does one that never was a member's. */
	(void)join(&s, 5, "other", "connect", ALV_STR(""));
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	kfk_set_int(t, &t->root, KFK_JOIN_GROUP_RESPONSE_ERROR_CODE, KFK_INCONSISTENT_GROUP_PROTOCOL);
	(void)stage_replied(&s);
	(void)sync(&s, 3, "other", NULL, stage_of(&in));
	t = stage_refused(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_REBALANCE_IN_PROGRESS);
	stage_close(&s);
}

static void
new_syncs_say_their_type(void **state)
{
	struct stage	   s;
	struct kfk_tree   *t;
	struct stage_bytes in = stage_assignment(1, "orders", NULL);

	(void)state;
	stage_open(&s, NULL, 0);
	(void)sync(&s, 5, "billing", NULL, stage_of(&in));
	t = stage_refused(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INCONSISTENT_GROUP_PROTOCOL);
	joins(&s, "billing", "consumer");
	(void)sync(&s, 5, "billing", NULL, stage_of(&in));
	t = stage_refused(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INCONSISTENT_GROUP_PROTOCOL);
	(void)sync(&s, 5, "billing", "connect", stage_of(&in));	/* the broker compares */
	t = stage_forwarded(&s);
	stage_same(sent_assignment(t), &in);
	stage_text(kfk_get_str(t, &t->root, Q(PROTOCOL_TYPE)), "connect");
	stage_close(&s);
}
#undef Q
#undef R

/* ---- what all of them judge: the group --------------------------------------------------------------------- */

static const struct family {
	int16_t	 key;
	uint16_t q_group, r_error;
} families[] = {
	{ KFK_API_JOIN_GROUP, KFK_JOIN_GROUP_REQUEST_GROUP_ID, KFK_JOIN_GROUP_RESPONSE_ERROR_CODE },
	{ KFK_API_SYNC_GROUP, KFK_SYNC_GROUP_REQUEST_GROUP_ID, KFK_SYNC_GROUP_RESPONSE_ERROR_CODE },
	{ KFK_API_HEARTBEAT, KFK_HEARTBEAT_REQUEST_GROUP_ID, KFK_HEARTBEAT_RESPONSE_ERROR_CODE },
	{ KFK_API_LEAVE_GROUP, KFK_LEAVE_GROUP_REQUEST_GROUP_ID, KFK_LEAVE_GROUP_RESPONSE_ERROR_CODE },
};

static void
groups_are_judged_at_the_top(void **state)
{
	static const struct { const char *group; int16_t code; } cases[] = {
		{ "closed", KFK_GROUP_AUTHORIZATION_FAILED }, { "", KFK_INVALID_GROUP_ID }, { "a\xff", KFK_INVALID_GROUP_ID },
		{ "watched", KFK_GROUP_AUTHORIZATION_FAILED },	/* an alias to look at only */
	};
	struct stage	 s;
	struct kfk_tree *t;
	int16_t		 lo, hi;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(families); i++) {
		stage_versions(families[i].key, &lo, &hi);
		for (int16_t v = lo; v <= hi; v++)
			for (size_t k = 0; k < ALV_COUNT(cases); k++) {
				stage_open(&s, no_read, 1);
				t = stage_begin(&s, families[i].key, v);
				stage_str(t, families[i].q_group, cases[k].group);
				t = stage_refused(&s);
				assert_int_equal(stage_int(t, families[i].r_error), cases[k].code);
				assert_int_equal(s.call.error_code, cases[k].code);
				if (families[i].key == KFK_API_JOIN_GROUP)	/* no protocol, which is null where it can be */
					assert_int_equal(kfk_get(&t->root, KFK_JOIN_GROUP_RESPONSE_PROTOCOL_NAME)->v.is_null, v >= 7);
				stage_close(&s);
			}
	}
}

static void
staying_and_leaving_name_the_own_group(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	int16_t		 lo, hi;

	(void)state;
	for (size_t i = 2; i < ALV_COUNT(families); i++) {
		stage_versions(families[i].key, &lo, &hi);
		for (int16_t v = lo; v <= hi; v++) {
			stage_open(&s, NULL, 0);
			t = stage_begin(&s, families[i].key, v);
			stage_str(t, families[i].q_group, v % 2 ? "globex.billing" : "taken");
			t = stage_forwarded(&s);
			stage_text(kfk_get_str(t, &t->root, families[i].q_group), v % 2 ? "acme.globex.billing" : "legacy.taken");
			t = stage_answers(&s);
			kfk_set_int(t, &t->root, families[i].r_error, KFK_UNKNOWN_MEMBER_ID);
			t = stage_replied(&s);
			assert_int_equal(stage_int(t, families[i].r_error), KFK_UNKNOWN_MEMBER_ID);
			stage_close(&s);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_coordinator_is_one_of_the_tenants_brokers),
		cmocka_unit_test(an_unreachable_coordinator_is_none_yet),
		cmocka_unit_test(coordinators_of_others_are_refused),
		cmocka_unit_test(batched_keys_are_judged_one_by_one),
		cmocka_unit_test(subscriptions_are_mapped_both_ways),
		cmocka_unit_test(later_versions_and_what_follows),
		cmocka_unit_test(unreadable_subscriptions_do_not_fit),
		cmocka_unit_test(unreadable_bytes_of_a_broker_become_empty),
		cmocka_unit_test(other_protocol_types_are_left_alone),
		cmocka_unit_test(assignments_are_mapped_both_ways),
		cmocka_unit_test(empty_and_unreadable_assignments),
		cmocka_unit_test(old_syncs_need_a_join_of_the_same_connection),
		cmocka_unit_test(long_protocol_names_are_not_remembered),
		cmocka_unit_test(a_refused_join_changes_nothing),
		cmocka_unit_test(new_syncs_say_their_type),
		cmocka_unit_test(groups_are_judged_at_the_top),
		cmocka_unit_test(staying_and_leaving_name_the_own_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
