/* Consumers that assign partitions themselves: claims by commits, where they count, and that they take nothing away from anybody. */
#include "reader_stage.h"

/* ---- the table ---------------------------------------------------------------------------------------- */

static void
claims_count_where_nothing_was_given(void **state)
{
	struct api_readers   *r = api_readers_new(1 << 20);
	struct api_reader_key k = client(r, "acme", "User:a", "rdkafka", "192.0.2.1"), other = client(r, "acme", "User:b", "rdkafka", "192.0.2.1");
	uint64_t	      version;

	(void)state;
	claim(r, k, "billing", "o0 o1", NOW);
	version = api_readers_version(r, k);
	found(r, k, "o0", NOW, "billing");
	found(r, k, "o1 o0", NOW, "billing");
	found(r, k, "o0 o2", NOW, NULL);
	found(r, other, "o0", NOW, NULL);
	claim(r, k, "billing", "o1", NOW);
	assert_int_equal(api_readers_version(r, k), version);	/* nothing new: nobody need ask anew */
	claim(r, k, "billing", "o2", NOW);
	assert_int_not_equal(api_readers_version(r, k), version);
	found(r, k, "o0 o2", NOW, "billing");
	/* A member was given one of them: no claim speaks of it, alone or among others. */
	set(r, k, "mail", "m1", "o0", NOW);
	found(r, k, "o0", NOW, "mail");
	found(r, k, "o0 o1", NOW, NULL);
	found(r, k, "o1", NOW, "billing");
	claim(r, k, "mail", "o0 o1", NOW);
	found(r, k, "o0 o1", NOW, NULL);
	found(r, k, "o1", NOW, NULL);	/* two claims */
	found(r, k, "o2", NOW, "billing");
	set(r, k, "other", "m2", "o0", NOW);
	found(r, k, "o0", NOW, NULL);	/* two members: what is claimed does not choose between them */
	api_readers_gone(r, k, ALV_STR("mail"), ALV_STR("m1"));
	api_readers_gone(r, k, ALV_STR("other"), ALV_STR("m2"));
	found(r, k, "o0", NOW, NULL);
	api_readers_free(r);
}

/* What was not committed anew ends between one and two spans later, each partition by itself. */
static void
claims_end(void **state)
{
	enum { SPAN = API_READERS_CLAIM_S, BEGIN = 10 * SPAN };
	struct api_readers   *r = api_readers_new(1 << 20);
	struct api_reader_key k = client(r, "acme", "User:a", "rdkafka", "192.0.2.1");

	(void)state;
	claim(r, k, "billing", "o0", BEGIN);
	claim(r, k, "mail", "o1", BEGIN);
	claim(r, k, "mail", "o0", BEGIN + SPAN - 1);
	found(r, k, "o0", BEGIN + SPAN, NULL);
	found(r, k, "o0", BEGIN + SPAN + 1, "mail");
	claim(r, k, "mail", "o0", BEGIN + SPAN + 5);
	claim(r, k, "mail", "o2", BEGIN + SPAN + 5);
	found(r, k, "o1 o0", BEGIN + 2 * SPAN - 1, "mail");	/* what was committed with something else ends with that */
	found(r, k, "o1", BEGIN + 2 * SPAN, NULL);
	for (uint32_t at = BEGIN + 2 * SPAN; at < BEGIN + 4 * SPAN; at += 5)
		claim(r, k, "mail", "o0", at);
	found(r, k, "o2", BEGIN + 4 * SPAN, NULL);
	found(r, k, "o0", BEGIN + 5 * SPAN - 5, "mail");
	found(r, k, "o0", BEGIN + 5 * SPAN - 4, NULL);
	api_readers_free(r);
}

/* A claim without room might have been another one: none of this client's is believed then, and its members are known all the same. */
static void
claims_without_room(void **state)
{
	enum { LATER = 2 * API_READERS_CLAIM_S };
	struct api_readers   *r = api_readers_new(1 << 20);
	struct api_reader_key k = client(r, "acme", "User:a", "rdkafka", "192.0.2.1");
	uint64_t	      many[API_READER_PARTS_MAX];
	char		      name[16];

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		claim(r, k, name, i == 0 ? "o0" : "s0", NOW);
	}
	found(r, k, "o0", NOW, NULL);
	set(r, k, "mail", "m1", "s1", NOW);
	found(r, k, "s1", NOW, "mail");
	api_readers_gone(r, k, ALV_STR("mail"), ALV_STR("m1"));
	found(r, k, "o0", NOW, NULL);
	claim(r, k, "billing", "o0", NOW + LATER + 1);
	found(r, k, "o0", NOW + LATER + 1, "billing");
	/* More partitions than are kept. */
	for (size_t i = 0; i < ALV_COUNT(many); i++)
		many[i] = i;
	api_readers_claim(r, k, ALV_STR("billing"), many, ALV_COUNT(many) - 1, false, NOW + LATER + 1);
	found(r, k, "o0", NOW + LATER + 1, "billing");
	api_readers_claim(r, k, ALV_STR("billing"), many, ALV_COUNT(many), false, NOW + LATER + 1);
	found(r, k, "o0", NOW + LATER + 1, NULL);
	claim(r, k, "billing", "o0", NOW + 2 * LATER + 2);
	found(r, k, "o0", NOW + 2 * LATER + 2, "billing");
	api_readers_claim(r, k, ALV_STR("billing"), many, 1, true, NOW + 2 * LATER + 2);
	found(r, k, "o0", NOW + 2 * LATER + 2, NULL);
	api_readers_free(r);
}

/* However much is claimed, half of what a tenant may have is its members'. */
static void
claims_leave_room_for_members(void **state)
{
	struct api_readers   *r = api_readers_new(1 << 20);
	struct api_reader_key k = client(r, "acme", "User:a", "member", "h");
	char		      name[16];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		claim(r, client(r, "acme", "User:a", name, "h"), name, "o0", NOW);
	}
	found(r, client(r, "acme", "User:a", "c0", "h"), "o0", NOW, "c0");
	found(r, client(r, "acme", "User:a", "c99999", "h"), "o0", NOW, NULL);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		set(r, k, "mail", name, "o0 o1", NOW);
	}
	set(r, k, "mail", "m", "o2", NOW);
	found(r, k, "o2", NOW, "mail");
	api_readers_free(r);
}

/* Groups that all have nearly all of it: what is not found out within so many steps is nobody's. */
static void
a_question_is_bounded(void **state)
{
	enum { PARTS = 1000, GROUPS = 200 };
	struct api_readers   *r = api_readers_new(1 << 26);
	struct api_reader_key k = client(r, "acme", "User:a", "rdkafka", "h");
	uint64_t	      part[PARTS + 1];
	struct alv_arena      a;
	char		      name[16];

	(void)state;
	alv_arena_init(&a, 1 << 16);
	for (int i = 0; i < GROUPS; i++) {
		for (size_t j = 0; j <= PARTS; j++)
			part[j] = j;
		snprintf(name, sizeof(name), "g%d", i);
		api_readers_set(r, k, alv_str_of(name), ALV_STR("m"), part, i == GROUPS - 1 ? PARTS + 1 : PARTS, NOW);
	}
	assert_null(api_readers_find(r, k, part, PARTS + 1, NOW, &a).p);
	for (int i = 20; i < GROUPS - 1; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		api_readers_gone(r, k, alv_str_of(name), ALV_STR("m"));
	}
	stage_text(api_readers_find(r, k, part, PARTS + 1, NOW, &a), "g199");
	alv_arena_fini(&a);
	api_readers_free(r);
}

/* ---- as clients do it -------------------------------------------------------------------------------------- */

#define Q(f) KFK_OFFSET_COMMIT_REQUEST_##f
#define R(f) KFK_OFFSET_COMMIT_RESPONSE_##f

/* Of both partitions of orders; `taken`: so many the broker takes, the others with `code`. */
static void
commit(struct stage *s, int16_t version, const char *group, int64_t generation, int taken, int64_t code)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_OFFSET_COMMIT, version), *r;
	struct kfk_node *e = stage_add(q, &q->root, Q(TOPICS)), *p;

	stage_str(q, Q(GROUP_ID), group);
	kfk_set_int(q, &q->root, Q(GENERATION_ID_OR_MEMBER_EPOCH), generation);
	if (version < 10)
		kfk_set_str(q, e, Q(TOPICS_NAME), ALV_STR("orders"));
	else
		kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), stage_id('o'));
	for (int i = 0; i < 2; i++)
		kfk_set_int(q, stage_add(q, e, Q(TOPICS_PARTITIONS)), Q(TOPICS_PARTITIONS_PARTITION_INDEX), i);
	(void)stage_forwarded(s);
	r = stage_broker(s);
	e = stage_add(r, &r->root, R(TOPICS));
	if (version < 10)
		kfk_set_str(r, e, R(TOPICS_NAME), ALV_STR("acme.orders"));
	else
		kfk_set_uuid(r, e, R(TOPICS_TOPIC_ID), stage_id('o'));
	for (int i = 0; i < 2; i++) {
		p = stage_add(r, e, R(TOPICS_PARTITIONS));
		kfk_set_int(r, p, R(TOPICS_PARTITIONS_PARTITION_INDEX), i);
		kfk_set_int(r, p, R(TOPICS_PARTITIONS_ERROR_CODE), i < taken ? 0 : code);
	}
	assert_int_equal(stage_reply(s), API_ANSWER);
}

static void
what_a_broker_took_is_a_claim(void **state)
{
	static const int16_t versions[] = { 2, 7, 9, 10 };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(versions); i++) {
		struct stage s;

		open_with(&s);
		commit(&s, versions[i], "slow", -1, 0, KFK_UNKNOWN_MEMBER_ID);	/* it has members */
		assert_int_equal(charged(&s, 17, 1, false), NOBODYS);
		commit(&s, versions[i], "slow", 5, 2, 0);	/* a member's, who is known by what it was given */
		assert_int_equal(charged(&s, 17, 1, false), NOBODYS);
		commit(&s, versions[i], "slow", -1, 1, KFK_OFFSET_METADATA_TOO_LARGE);
		assert_int_equal(charged(&s, 17, 1, false), SLOW);
		assert_int_equal(charged(&s, 17, 2, false), NOBODYS);
		commit(&s, versions[i], "slow", -1, 2, 0);
		assert_int_equal(charged(&s, 17, 2, false), SLOW);
		assert_int_equal(charged(&s, 11, 2, true), SLOW);
		assert_int_equal(charged_as(&s, "other", 17, 2, false), NOBODYS);
		commit(&s, versions[i], "fast", -1, 2, 0);
		assert_int_equal(charged(&s, 17, 2, false), NOBODYS);
		shut(&s);
	}
}

/* A member of the slow group says that it were of the fast one. */
static void
no_claim_gets_out_of_a_group(void **state)
{
	struct stage s;

	(void)state;
	open_with(&s);
	sync(&s, 5, "slow", "m1", "acme.orders", 0);
	commit(&s, 9, "fast", -1, 2, 0);
	assert_int_equal(charged(&s, 17, 1, false), SLOW);
	assert_int_equal(charged(&s, 17, 2, false), SLOW);
	shut(&s);
}

/* Who asks what was committed says nothing of what it reads. */
static void
asking_is_no_claim(void **state)
{
	struct stage	 s;
	struct kfk_tree *q;
	struct kfk_node *e;

	(void)state;
	open_with(&s);
	q = stage_begin(&s, KFK_API_OFFSET_FETCH, 7);
	stage_str(q, KFK_OFFSET_FETCH_REQUEST_GROUP_ID, "fast");
	e = stage_add(q, &q->root, KFK_OFFSET_FETCH_REQUEST_TOPICS);
	kfk_set_str(q, e, KFK_OFFSET_FETCH_REQUEST_TOPICS_NAME, ALV_STR("orders"));
	kfk_add(q, kfk_set_empty(q, e, KFK_OFFSET_FETCH_REQUEST_TOPICS_PARTITION_INDEXES))->v.i = 0;
	(void)stage_forwarded(&s);
	q = stage_broker(&s);
	e = stage_add(q, &q->root, KFK_OFFSET_FETCH_RESPONSE_TOPICS);
	kfk_set_str(q, e, KFK_OFFSET_FETCH_RESPONSE_TOPICS_NAME, ALV_STR("acme.orders"));
	(void)stage_add(q, e, KFK_OFFSET_FETCH_RESPONSE_TOPICS_PARTITIONS);
	assert_int_equal(stage_reply(&s), API_ANSWER);
	assert_int_equal(charged(&s, 17, 1, false), NOBODYS);
	shut(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_count_where_nothing_was_given),
		cmocka_unit_test(claims_end),
		cmocka_unit_test(claims_without_room),
		cmocka_unit_test(claims_leave_room_for_members),
		cmocka_unit_test(a_question_is_bounded),
		cmocka_unit_test(what_a_broker_took_is_a_claim),
		cmocka_unit_test(no_claim_gets_out_of_a_group),
		cmocka_unit_test(asking_is_no_claim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
