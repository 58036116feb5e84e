/* Streams groups: what is asked of a topology before a broker sees it, and how a group is described. */
#include "group_stage.h"

#define Q(f) KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_##f
#define T(f) KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_TOPOLOGY_SUBTOPOLOGIES_##f
#define R(f) KFK_STREAMS_GROUP_HEARTBEAT_RESPONSE_##f

static const struct pol_rule denies[] = { STAGE_DENY(POL_GROUP, "closed", POL_OP_READ), STAGE_DENY(POL_GROUP, "closed", POL_OP_DESCRIBE),
	STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE), STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_CREATE),
	STAGE_DENY(POL_TOPIC, "forbidden", POL_OP_CREATE) };
enum { DENIES = ALV_COUNT(denies) };

struct joining {	/* NULL: none of it */
	const char *source, *sink, *repartition, *changelog, *config, *value, *pattern;
};

static void
internal(struct kfk_tree *q, struct kfk_node *sub, uint16_t list, uint16_t name, uint16_t configs, uint16_t key, uint16_t value,
    const char *topic, const struct joining *j)
{
	struct kfk_node *e = stage_add(q, sub, list), *c;

	kfk_set_str(q, e, name, alv_str_of(topic));
	if (j->config == NULL)
		return;
	c = stage_add(q, e, configs);
	kfk_set_str(q, c, key, alv_str_of(j->config));
	kfk_set_str(q, c, value, alv_str_of(j->value));
}

static struct kfk_tree *
join(struct stage *s, const char *group, const struct joining *j)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_STREAMS_GROUP_HEARTBEAT, 0);
	struct kfk_node *sub;

	stage_str(q, Q(GROUP_ID), group);
	stage_str(q, Q(MEMBER_ID), "m1");
	stage_str(q, Q(PROCESS_ID), "acme.p1");
	sub = stage_add(q, kfk_set_empty(q, &q->root, Q(TOPOLOGY)), Q(TOPOLOGY_SUBTOPOLOGIES));
	kfk_set_str(q, sub, T(SUBTOPOLOGY_ID), ALV_STR("0"));
	if (j->source != NULL)
		stage_add_str(q, sub, T(SOURCE_TOPICS), j->source);
	if (j->sink != NULL)
		stage_add_str(q, sub, T(REPARTITION_SINK_TOPICS), j->sink);
	if (j->pattern != NULL)
		stage_add_str(q, sub, T(SOURCE_TOPIC_REGEX), j->pattern);
	if (j->repartition != NULL)
		internal(q, sub, T(REPARTITION_SOURCE_TOPICS), T(REPARTITION_SOURCE_TOPICS_NAME), T(REPARTITION_SOURCE_TOPICS_TOPIC_CONFIGS),
		    T(REPARTITION_SOURCE_TOPICS_TOPIC_CONFIGS_KEY), T(REPARTITION_SOURCE_TOPICS_TOPIC_CONFIGS_VALUE), j->repartition, j);
	if (j->changelog != NULL)
		internal(q, sub, T(STATE_CHANGELOG_TOPICS), T(STATE_CHANGELOG_TOPICS_NAME), T(STATE_CHANGELOG_TOPICS_TOPIC_CONFIGS),
		    T(STATE_CHANGELOG_TOPICS_TOPIC_CONFIGS_KEY), T(STATE_CHANGELOG_TOPICS_TOPIC_CONFIGS_VALUE), j->changelog, j);
	return q;
}

static void
topologies_are_mapped(void **state)
{
	static const struct joining all = { "orders", "app-sum-repartition", "app-sum-repartition", "app-sum-changelog",
		"cleanup.policy", "compact", NULL };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *sub, *e;

	(void)state;
	stage_open(&s, NULL, 0);
	(void)join(&s, "app", &all);
	t = stage_forwarded(&s);
	stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.app");
	stage_text(kfk_get_str(t, &t->root, Q(PROCESS_ID)), "acme.p1");	/* the application's own */
	sub = stage_at(kfk_get(&t->root, Q(TOPOLOGY)), Q(TOPOLOGY_SUBTOPOLOGIES), 0);
	stage_text(stage_at(sub, T(SOURCE_TOPICS), 0)->v.s, "acme.orders");
	stage_text(stage_at(sub, T(REPARTITION_SINK_TOPICS), 0)->v.s, "acme.app-sum-repartition");
	e = stage_at(sub, T(REPARTITION_SOURCE_TOPICS), 0);
	stage_text(kfk_get_str(t, e, T(REPARTITION_SOURCE_TOPICS_NAME)), "acme.app-sum-repartition");
	e = stage_at(sub, T(STATE_CHANGELOG_TOPICS), 0);
	stage_text(kfk_get_str(t, e, T(STATE_CHANGELOG_TOPICS_NAME)), "acme.app-sum-changelog");
	e = stage_at(e, T(STATE_CHANGELOG_TOPICS_TOPIC_CONFIGS), 0);
	stage_text(kfk_get_str(t, e, T(STATE_CHANGELOG_TOPICS_TOPIC_CONFIGS_KEY)), "cleanup.policy");

	t = stage_answers(&s);
	stage_str(t, R(MEMBER_ID), "m1");
	e = stage_add(t, &t->root, R(STATUS));
	kfk_set_str(t, e, R(STATUS_STATUS_DETAIL), ALV_STR("Source topics acme.orders are missing."));
	e = stage_add(t, &t->root, R(STATUS));
	kfk_set_str(t, e, R(STATUS_STATUS_DETAIL), ALV_STR("Source topics globex.orders are missing."));
	e = stage_add(t, &t->root, R(PARTITIONS_BY_USER_ENDPOINT));
	for (int i = 0; i < 2; i++)
		kfk_set_str(t, stage_add(t, e, R(PARTITIONS_BY_USER_ENDPOINT_ACTIVE_PARTITIONS)),
		    R(PARTITIONS_BY_USER_ENDPOINT_ACTIVE_PARTITIONS_TOPIC), i ? ALV_STR("globex.orders") : ALV_STR("acme.orders"));
	t = stage_replied(&s);
	stage_text(kfk_get_str(t, stage_at(&t->root, R(STATUS), 0), R(STATUS_STATUS_DETAIL)), "Source topics orders are missing.");
	e = stage_at(&t->root, R(PARTITIONS_BY_USER_ENDPOINT), 0);
	assert_int_equal(stage_count(e, R(PARTITIONS_BY_USER_ENDPOINT_ACTIVE_PARTITIONS)), 1);
	e = stage_at(e, R(PARTITIONS_BY_USER_ENDPOINT_ACTIVE_PARTITIONS), 0);
	stage_text(kfk_get_str(t, e, R(PARTITIONS_BY_USER_ENDPOINT_ACTIVE_PARTITIONS_TOPIC)), "orders");

	/* Later heartbeats have no topology. */
	t = stage_begin(&s, KFK_API_STREAMS_GROUP_HEARTBEAT, 0);
	stage_str(t, Q(GROUP_ID), "app");
	stage_str(t, Q(MEMBER_ID), "m1");
	kfk_set_int(t, &t->root, Q(MEMBER_EPOCH), 3);
	t = stage_forwarded(&s);
	assert_true(kfk_get(&t->root, Q(TOPOLOGY)) == NULL || kfk_get(&t->root, Q(TOPOLOGY))->v.is_null);
	stage_close(&s);
}

static void
topologies_are_refused_as_a_whole(void **state)
{
	static const struct {
		const char    *group;
		struct joining j;
		int16_t	       code;
		const char    *text;
	} cases[] = {
		{ "closed", { .source = "orders" }, KFK_GROUP_AUTHORIZATION_FAILED, NULL },
		{ "", { .source = "orders" }, KFK_INVALID_REQUEST, "GroupId can't be empty." },
		{ "app", { .source = "__transaction_state" }, KFK_STREAMS_INVALID_TOPOLOGY,
		  "Use of Kafka internal topics __transaction_state in a Kafka Streams topology is prohibited." },
		{ "app", { .source = "secret", .changelog = "__consumer_offsets" }, KFK_STREAMS_INVALID_TOPOLOGY,
		  "Use of Kafka internal topics __consumer_offsets in a Kafka Streams topology is prohibited." },
		{ "app", { .source = "a b" }, KFK_STREAMS_INVALID_TOPOLOGY, "Topic names a b are not valid topic names." },
		{ "app", { .source = "orders", .repartition = ".." }, KFK_STREAMS_INVALID_TOPOLOGY, "Topic names .. are not valid topic names." },
		{ "app", { .source = "secret" }, KFK_TOPIC_AUTHORIZATION_FAILED, NULL },
		{ "app", { .source = "orders", .sink = "secret" }, KFK_TOPIC_AUTHORIZATION_FAILED, NULL },
		{ "app", { .source = "orders", .changelog = "forbidden" }, KFK_TOPIC_AUTHORIZATION_FAILED,
		  "Unauthorized to CREATE on topic forbidden." },
		{ "app", { .source = "orders", .changelog = "allowed", .config = "remote.storage.enable", .value = "true" },
		  KFK_STREAMS_INVALID_TOPOLOGY, "Topic allowed cannot be created: " },
		{ "app", { .source = "orders", .repartition = "orders", .config = "never.heard.of", .value = "1" },
		  KFK_STREAMS_INVALID_TOPOLOGY, "Topic orders cannot be created: " },
		{ "app", { .source = "orders", .pattern = ".*" }, KFK_STREAMS_INVALID_TOPOLOGY,
		  "Source topics by regular expression are not supported." },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct alv_str text;

		stage_open(&s, denies, DENIES);
		(void)join(&s, cases[i].group, &cases[i].j);
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), cases[i].code);
		text = kfk_get_str(t, &t->root, R(ERROR_MESSAGE));
		if (cases[i].text == NULL)
			assert_null(text.p);
		else
			assert_true(alv_str_starts(text, alv_str_of(cases[i].text)));
		stage_close(&s);
	}
}

/* Who may not create may use what is there, and what is an alias for it; not bring an alias's target into being. */
static void
internal_topics_may_be_there_already(void **state)
{
	static const struct joining there = { .source = "shared", .repartition = "orders", .changelog = "shared" };
	struct stage		    s;
	struct kfk_tree		   *t;
	struct clu_view		    none;

	(void)state;
	stage_open(&s, denies, DENIES);
	(void)join(&s, "app", &there);
	t = stage_forwarded(&s);
	t = kfk_get(&t->root, Q(TOPOLOGY)) == NULL ? NULL : t;
	assert_non_null(t);
	stage_close(&s);

	stage_open(&s, NULL, 0);
	none = *clu_board_load(s.shared.board);
	none.ntopics = 0;
	none.generation++;
	clu_board_publish(s.shared.board, clu_view_build(&none));
	(void)join(&s, "app", &there);
	t = stage_refused(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_STREAMS_INVALID_TOPOLOGY);
	stage_text(kfk_get_str(t, &t->root, R(ERROR_MESSAGE)), "Topic shared cannot be created: its name is an alias.");
	stage_close(&s);
}
#undef Q
#undef T
#undef R

/* ---- StreamsGroupDescribe ---------------------------------------------------------------------------------- */

#define Q(f) KFK_STREAMS_GROUP_DESCRIBE_REQUEST_##f
#define R(f) KFK_STREAMS_GROUP_DESCRIBE_RESPONSE_##f
#define D(f) KFK_STREAMS_GROUP_DESCRIBE_RESPONSE_GROUPS_TOPOLOGY_SUBTOPOLOGIES##f

static void
give_group(struct kfk_tree *r, const char *name, const char *source, const char *changelog)
{
	struct kfk_node *g = stage_add(r, &r->root, R(GROUPS)), *sub, *m;

	kfk_set_str(r, g, R(GROUPS_GROUP_ID), alv_str_of(name));
	kfk_set_str(r, g, R(GROUPS_GROUP_STATE), ALV_STR("Stable"));
	kfk_set_int(r, g, R(GROUPS_AUTHORIZED_OPERATIONS), 0x7fff);
	sub = stage_add(r, kfk_set_empty(r, g, R(GROUPS_TOPOLOGY)), D());
	stage_add_str(r, sub, D(_SOURCE_TOPICS), source);
	kfk_set_str(r, stage_add(r, sub, D(_STATE_CHANGELOG_TOPICS)), D(_STATE_CHANGELOG_TOPICS_NAME), alv_str_of(changelog));
	m = stage_add(r, g, R(GROUPS_MEMBERS));
	kfk_set_str(r, m, R(GROUPS_MEMBERS_CLIENT_HOST), ALV_STR("/real1.internal"));
	kfk_set_empty(r, m, R(GROUPS_MEMBERS_ASSIGNMENT));
	kfk_set_empty(r, m, R(GROUPS_MEMBERS_TARGET_ASSIGNMENT));
}

static void
streams_groups_are_described(void **state)
{
	static const char *const asked[] = { "app", "closed", "", "hidden" };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *g, *sub;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = stage_begin(&s, KFK_API_STREAMS_GROUP_DESCRIBE, 0);
	for (size_t i = 0; i < ALV_COUNT(asked); i++)
		stage_add_str(t, &t->root, Q(GROUP_IDS), asked[i]);
	kfk_set_int(t, &t->root, Q(INCLUDE_AUTHORIZED_OPERATIONS), 1);
	t = stage_forwarded(&s);
	assert_int_equal(stage_count(&t->root, Q(GROUP_IDS)), 2);
	t = stage_answers(&s);
	give_group(t, "acme.app", "acme.orders", "acme.app-sum-changelog");
	give_group(t, "acme.hidden", "acme.orders", "acme.secret");
	give_group(t, "globex.app", "globex.orders", "globex.app-sum-changelog");
	t = stage_replied(&s);
	assert_int_equal(stage_count(&t->root, R(GROUPS)), 4);
	g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "app");
	sub = stage_at(kfk_get(g, R(GROUPS_TOPOLOGY)), D(), 0);
	stage_text(stage_at(sub, D(_SOURCE_TOPICS), 0)->v.s, "orders");
	stage_text(kfk_get_str(t, stage_at(sub, D(_STATE_CHANGELOG_TOPICS), 0), D(_STATE_CHANGELOG_TOPICS_NAME)), "app-sum-changelog");
	stage_text(kfk_get_str(t, stage_at(g, R(GROUPS_MEMBERS), 0), R(GROUPS_MEMBERS_CLIENT_HOST)), "/0.0.0.0");
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_AUTHORIZED_OPERATIONS)), 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11);
	g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "hidden");
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(stage_count(g, R(GROUPS_MEMBERS)), 0);
	g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "closed");
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topologies_are_mapped),
		cmocka_unit_test(topologies_are_refused_as_a_whole),
		cmocka_unit_test(internal_topics_may_be_there_already),
		cmocka_unit_test(streams_groups_are_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
