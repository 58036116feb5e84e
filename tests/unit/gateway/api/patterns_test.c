/* Subscriptions by pattern: what a broker gets for one, when it gets another, and what a client sees of that. */
#include <alcove/regex.h>

#include "group_stage.h"

#define Q(f) KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_##f
#define R(f) KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_##f

static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE), STAGE_DENY(POL_GROUP, "closed", POL_OP_READ) };
enum { DENIES = ALV_COUNT(denies) };

/* acme has an alias for a topic, so names are given one by one; globex has none. */
static void
as_globex(struct stage *s)
{
	s->conn.slot = pol_dir_find(s->dir, ALV_STR("globex"));
	snprintf(s->conn.tenant, sizeof(s->conn.tenant), "globex");
}

static struct kfk_tree *
beat(struct stage *s, const char *member, int epoch, const char *regex)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_CONSUMER_GROUP_HEARTBEAT, 1);

	stage_str(q, Q(GROUP_ID), "billing");
	stage_str(q, Q(MEMBER_ID), member);
	kfk_set_int(q, &q->root, Q(MEMBER_EPOCH), epoch);
	kfk_set_null(q, &q->root, Q(SUBSCRIBED_TOPIC_NAMES));
	kfk_set_null(q, &q->root, Q(TOPIC_PARTITIONS));
	stage_str(q, Q(SUBSCRIBED_TOPIC_REGEX), regex);
	return q;
}

/* What goes upstream for it; the broker takes it. Null: nothing. */
static struct alv_str
sent(struct stage *s, const char *member, int epoch, const char *regex)
{
	struct kfk_tree *t;
	struct alv_str	 phys;

	(void)beat(s, member, epoch, regex);
	t = stage_forwarded(s);
	phys = alv_arena_str(&s->arena, kfk_get_str(t, &t->root, Q(SUBSCRIBED_TOPIC_REGEX)));
	(void)stage_answers(s);
	assert_int_equal(stage_reply(s), API_ANSWER);
	return phys;
}

static void
publish(struct stage *s, const char *const *names, size_t n, uint64_t generation)
{
	struct clu_topic topics[8];
	struct clu_view	 v = *clu_board_load(s->board);

	v.generation = generation;
	v.topics = topics;
	v.ntopics = n;
	for (size_t i = 0; i < n; i++)
		topics[i] = (struct clu_topic){ .name = alv_str_of(names[i]), .id = stage_id((char)('A' + i)), .partitions = 1 };
	clu_board_publish(s->board, clu_view_build(&v));
}

static void
a_pattern_goes_behind_the_prefix(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	as_globex(&s);
	stage_text(sent(&s, "m1", 0, "^ord.*"), "(?P<o5e6f72642e2a>)\\Qglobex.\\E(?:ord.*)");
	/* The same of another member, and again: the same text. */
	stage_text(sent(&s, "m2", 0, "^ord.*"), "(?P<o5e6f72642e2a>)\\Qglobex.\\E(?:ord.*)");
	stage_text(sent(&s, "m1", 3, "^ord.*"), "(?P<o5e6f72642e2a>)\\Qglobex.\\E(?:ord.*)");
	/* Silence is silence, whatever comes and goes: the broker finds new topics by itself. */
	stage_text(sent(&s, "m1", 4, NULL), NULL);
	publish(&s, (const char *const[]){ "globex.orders", "globex.ord2" }, 2, 9);
	stage_text(sent(&s, "m1", 4, NULL), NULL);
	stage_text(sent(&s, "stranger", 4, NULL), NULL);
	/* Nothing any more. */
	stage_text(sent(&s, "m1", 5, ""), "");
	stage_close(&s);
}

/* Where one does not know what is at the start of a name. */
static void
undecided_patterns_are_names(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	as_globex(&s);
	stage_text(sent(&s, "m1", 0, "a?^ord.*"), "(?P<o613f5e6f72642e2a>)(?:globex\\.(?:orders))");
	stage_close(&s);
}

static void
rights_and_aliases_are_names(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, denies, DENIES);
	stage_text(sent(&s, "m1", 0, ".*"), "(?P<o2e2a>)(?:legacy\\.shared|acme\\.(?:orders))");
	stage_text(sent(&s, "m1", 1, "s.*"), "(?P<o732e2a>)(?:legacy\\.shared)");
	stage_text(sent(&s, "m1", 2, "globex.*"), "(?P<o676c6f6265782e2a>)[^\\x00-\\x{10FFFF}]");
	stage_close(&s);
}

/* What is visible changes: the next heartbeat has a new list, once. */
static void
lists_are_renewed(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, denies, DENIES);
	stage_text(sent(&s, "m1", 0, "o.*"), "(?P<o6f2e2a>)(?:acme\\.(?:orders))");
	stage_text(sent(&s, "m1", 1, NULL), NULL);
	publish(&s, (const char *const[]){ "acme.orders", "acme.other", "acme.secret", "globex.ox" }, 4, 9);
	stage_text(sent(&s, "m1", 1, NULL), "(?P<o6f2e2a>)(?:acme\\.(?:orders|other))");
	stage_text(sent(&s, "m1", 1, NULL), NULL);
	/* Something else changed. */
	publish(&s, (const char *const[]){ "acme.orders", "acme.other", "globex.ox2" }, 3, 10);
	stage_text(sent(&s, "m1", 1, NULL), NULL);
	/* A right was taken away. */
	stage_tenant(&s, "acme", "acme-cluster-id-22-chr", POL_ACTIVE, (const struct pol_rule[]){ STAGE_DENY(POL_TOPIC, "orders", POL_OP_DESCRIBE) }, 1);
	publish(&s, (const char *const[]){ "acme.orders", "acme.other" }, 2, 11);
	stage_text(sent(&s, "m1", 1, NULL), "(?P<o6f2e2a>)(?:acme\\.(?:other))");
	stage_close(&s);
}

/* What a broker did not take is not remembered as sent. */
static void
a_refused_list_is_sent_again(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	stage_text(sent(&s, "m1", 0, "o.*"), "(?P<o6f2e2a>)(?:acme\\.(?:orders))");
	publish(&s, (const char *const[]){ "acme.o" }, 1, 9);
	(void)beat(&s, "m1", 1, NULL);
	t = stage_forwarded(&s);
	stage_text(kfk_get_str(t, &t->root, Q(SUBSCRIBED_TOPIC_REGEX)), "(?P<o6f2e2a>)(?:acme\\.(?:o))");
	t = stage_answers(&s);
	kfk_set_int(t, &t->root, R(ERROR_CODE), KFK_NOT_COORDINATOR);
	assert_int_equal(stage_reply(&s), API_ANSWER);
	stage_text(sent(&s, "m1", 1, NULL), "(?P<o6f2e2a>)(?:acme\\.(?:o))");
	stage_text(sent(&s, "m1", 1, NULL), NULL);
	stage_close(&s);
}

static int64_t
silent(struct stage *s, const char *member)
{
	(void)beat(s, member, 5, NULL);
	return stage_send(s) == API_FORWARD ? 0 : stage_int(stage_client(s), R(ERROR_CODE));
}

/* On a new connection a member's pattern is not known: it is asked once to say it again. */
static void
strangers_are_asked_once(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	char		 name[16];

	(void)state;
	stage_open(&s, denies, DENIES);
	assert_int_equal(silent(&s, "m1"), KFK_NOT_COORDINATOR);
	assert_int_equal(silent(&s, "m1"), 0);
	/* Who says names has none. */
	t = beat(&s, "m2", 5, NULL);
	stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), "orders");
	(void)stage_forwarded(&s);
	assert_int_equal(silent(&s, "m2"), 0);
	/* Who joins without one has none; who had one and joins again without, neither. */
	stage_text(sent(&s, "m3", 0, NULL), NULL);
	assert_int_equal(silent(&s, "m3"), 0);
	stage_text(sent(&s, "m4", 0, "o.*"), "(?P<o6f2e2a>)(?:acme\\.(?:orders))");
	stage_text(sent(&s, "m4", 0, NULL), NULL);
	publish(&s, (const char *const[]){ "acme.o" }, 1, 9);
	stage_text(sent(&s, "m4", 1, NULL), NULL);
	/* More of them than are remembered. */
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		stage_text(sent(&s, name, 0, "o"), "(?P<o6f>)(?:acme\\.(?:o))");
	}
	assert_int_equal(silent(&s, "m1"), KFK_NOT_COORDINATOR);
	assert_int_equal(silent(&s, "n19"), 0);
	stage_close(&s);
}

static void
old_members_have_no_pattern(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	for (int i = 0; i < 2; i++) {
		t = stage_begin(&s, KFK_API_CONSUMER_GROUP_HEARTBEAT, 0);
		stage_str(t, Q(GROUP_ID), "billing");
		stage_str(t, Q(MEMBER_ID), "m1");
		kfk_set_int(t, &t->root, Q(MEMBER_EPOCH), 4);
		kfk_set_null(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES));
		(void)stage_forwarded(&s);
	}
	stage_close(&s);
}

static void
what_is_no_pattern(void **state)
{
	static const char *const texts[] = { ")|(?:.*", "a)(?:b", "x\\E.*", "\\", "(?i", "[", "\\C*", "((a{1000}){1000}){10}", "\xff" };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int tenant = 0; tenant < 2; tenant++)
		for (size_t i = 0; i < ALV_COUNT(texts); i++) {
			stage_open(&s, NULL, 0);
			if (tenant == 1)
				as_globex(&s);
			(void)beat(&s, "m1", 0, texts[i]);
			t = stage_refused(&s);
			assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INVALID_REGULAR_EXPRESSION);
			assert_true(alv_str_starts(kfk_get_str(t, &t->root, R(ERROR_MESSAGE)), ALV_STR("SubscribedTopicRegex `")));
			assert_int_equal(stage_int(t, R(MEMBER_EPOCH)), 0);
			stage_close(&s);
		}
	/* Rights are asked for first. */
	stage_open(&s, denies, DENIES);
	t = beat(&s, "m1", 0, "(");
	stage_add_str(t, &t->root, Q(SUBSCRIBED_TOPIC_NAMES), "secret");
	assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
	t = beat(&s, "m1", 0, "(");
	stage_str(t, Q(GROUP_ID), "closed");
	assert_int_equal(stage_int(stage_refused(&s), R(ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
	stage_close(&s);
}

/* A broker that takes less than we do quotes what it was given; the member reads its own. */
static void
a_brokers_refusal_is_in_the_members_words(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	(void)beat(&s, "m1", 0, "o[ab]?");
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	kfk_set_int(t, &t->root, R(ERROR_CODE), KFK_INVALID_REGULAR_EXPRESSION);
	stage_str(t, R(ERROR_MESSAGE), "SubscribedTopicRegex `(?P<o6f>)acme.orders` is not a valid regular expression");
	t = stage_replied(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INVALID_REGULAR_EXPRESSION);
	stage_text(kfk_get_str(t, &t->root, R(ERROR_MESSAGE)),
	    "SubscribedTopicRegex `o[ab]?` is not a valid regular expression: the broker does not take it.");
	assert_int_equal(silent(&s, "m1"), KFK_NOT_COORDINATOR);	/* nothing is remembered of it */
	stage_close(&s);
}

/* More topics than fit. */
static void
too_many_names(void **state)
{
	enum { MANY = 3000 };
	struct clu_topic *topics;
	struct stage	 s;
	struct clu_view	 v;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	topics = alv_arena_alloc(&s.arena, MANY * sizeof(*topics));
	assert_non_null(topics);
	v = *clu_board_load(s.board);
	for (int i = 0; i < MANY; i++)
		topics[i] = (struct clu_topic){ .name = alv_arena_printf(&s.arena, "acme.a-long-name-%04d", i), .partitions = 1 };
	v.topics = topics;
	v.ntopics = MANY;
	clu_board_publish(s.board, clu_view_build(&v));
	(void)beat(&s, "m1", 0, ".*");
	t = stage_refused(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_INVALID_REGULAR_EXPRESSION);
	assert_true(sent(&s, "m1", 0, ".*-2.*").n > 15000);
	stage_close(&s);
}
#undef Q
#undef R

/* ---- ConsumerGroupDescribe --------------------------------------------------------------------------------- */

#define Q(f) KFK_CONSUMER_GROUP_DESCRIBE_REQUEST_##f
#define R(f) KFK_CONSUMER_GROUP_DESCRIBE_RESPONSE_##f

static void
descriptions_show_what_members_wrote(void **state)
{
	static const struct { const char *physical, *seen; } cases[] = {
		{ "(?P<o5e6f72642e2a>)\\Qacme.\\E(?:ord.*)", "^ord.*" },
		{ "(?P<o2e2a>)(?:legacy\\.shared|acme\\.(?:orders))", ".*" },
		{ "globex.*", NULL }, { "(?P<oxx>)acme.*", NULL }, { "", "" }, { NULL, NULL },
	};
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *g, *m;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, NULL, 0);
		t = stage_begin(&s, KFK_API_CONSUMER_GROUP_DESCRIBE, 1);
		stage_add_str(t, &t->root, Q(GROUP_IDS), "billing");
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		g = stage_add(t, &t->root, R(GROUPS));
		kfk_set_str(t, g, R(GROUPS_GROUP_ID), ALV_STR("acme.billing"));
		m = stage_add(t, g, R(GROUPS_MEMBERS));
		kfk_set_str(t, m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_REGEX),
		    cases[i].physical == NULL ? ALV_STR_NULL : alv_str_of(cases[i].physical));
		t = stage_replied(&s);
		m = stage_at(stage_at(&t->root, R(GROUPS), 0), R(GROUPS_MEMBERS), 0);
		stage_text(kfk_get_str(t, m, R(GROUPS_MEMBERS_SUBSCRIBED_TOPIC_REGEX)), cases[i].seen);
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_goes_behind_the_prefix),
		cmocka_unit_test(undecided_patterns_are_names),
		cmocka_unit_test(rights_and_aliases_are_names),
		cmocka_unit_test(lists_are_renewed),
		cmocka_unit_test(a_refused_list_is_sent_again),
		cmocka_unit_test(strangers_are_asked_once),
		cmocka_unit_test(old_members_have_no_pattern),
		cmocka_unit_test(what_is_no_pattern),
		cmocka_unit_test(a_brokers_refusal_is_in_the_members_words),
		cmocka_unit_test(too_many_names),
		cmocka_unit_test(descriptions_show_what_members_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
