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
join_by(struct stage *s, int16_t version, const char *group, const struct joining *j)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_STREAMS_GROUP_HEARTBEAT, version);
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

static struct kfk_tree *
join(struct stage *s, const char *group, const struct joining *j)
{
	return join_by(s, 0, group, j);
}

static void
topologies_are_mapped_by(int16_t version)
{
	static const struct joining all = { "orders", "app-sum-repartition", "app-sum-repartition", "app-sum-changelog",
		"cleanup.policy", "compact", NULL };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *sub, *e;

	stage_open(&s, NULL, 0);
	(void)join_by(&s, version, "app", &all);
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
	kfk_set_int(t, &t->root, R(TOPOLOGY_DESCRIPTION_REQUIRED), version >= 1);
	kfk_set_int(t, &t->root, R(ACCEPTABLE_RECOVERY_LAG), 1000);
	t = stage_replied(&s);
	assert_int_equal(stage_int(t, R(TOPOLOGY_DESCRIPTION_REQUIRED)), version >= 1);
	assert_int_equal(stage_int(t, R(ACCEPTABLE_RECOVERY_LAG)), version >= 1 ? 1000 : -1);
	stage_text(kfk_get_str(t, stage_at(&t->root, R(STATUS), 0), R(STATUS_STATUS_DETAIL)), "Source topics orders are missing.");
	e = stage_at(&t->root, R(PARTITIONS_BY_USER_ENDPOINT), 0);
	assert_int_equal(stage_count(e, R(PARTITIONS_BY_USER_ENDPOINT_ACTIVE_PARTITIONS)), 1);
	e = stage_at(e, R(PARTITIONS_BY_USER_ENDPOINT_ACTIVE_PARTITIONS), 0);
	stage_text(kfk_get_str(t, e, R(PARTITIONS_BY_USER_ENDPOINT_ACTIVE_PARTITIONS_TOPIC)), "orders");

	/* Later heartbeats have no topology. */
	t = stage_begin(&s, KFK_API_STREAMS_GROUP_HEARTBEAT, version);
	stage_str(t, Q(GROUP_ID), "app");
	stage_str(t, Q(MEMBER_ID), "m1");
	kfk_set_int(t, &t->root, Q(MEMBER_EPOCH), 3);
	t = stage_forwarded(&s);
	assert_true(kfk_get(&t->root, Q(TOPOLOGY)) == NULL || kfk_get(&t->root, Q(TOPOLOGY))->v.is_null);
	stage_close(&s);
}

static void
topologies_are_mapped(void **state)
{
	int16_t lo, hi;

	(void)state;
	stage_versions(KFK_API_STREAMS_GROUP_HEARTBEAT, &lo, &hi);
	assert_int_equal(lo, 0);
	assert_int_equal(hi, 1);
	topologies_are_mapped_by(lo);
	topologies_are_mapped_by(hi);
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

/* A member that reads n topics. */
static struct kfk_tree *
join_many(struct stage *s, size_t n)
{
	static const struct joining none;
	struct kfk_tree *q = join_by(s, 1, "app", &none);
	struct kfk_node *sub = stage_at(kfk_get(&q->root, Q(TOPOLOGY)), Q(TOPOLOGY_SUBTOPOLOGIES), 0);
	struct kfk_node *list = kfk_set_empty(q, sub, T(SOURCE_TOPICS));
	char		 name[32];

	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "t%zu", i);
		kfk_add(q, list)->v.s = alv_arena_str(&s->arena, alv_str_of(name));
	}
	return q;
}

/* As many as there is memory for; more end the connection before anything goes upstream. */
static void
very_many_topics_are_mapped_or_refused(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *sub;

	(void)state;
	stage_open(&s, denies, DENIES);
	(void)join_many(&s, 10000);
	t = stage_forwarded(&s);
	sub = stage_at(kfk_get(&t->root, Q(TOPOLOGY)), Q(TOPOLOGY_SUBTOPOLOGIES), 0);
	assert_int_equal(stage_count(sub, T(SOURCE_TOPICS)), 10000);
	stage_text(stage_at(sub, T(SOURCE_TOPICS), 9999)->v.s, "acme.t9999");
	stage_close(&s);

	stage_open(&s, denies, DENIES);
	(void)join_many(&s, 100000);
	s.call.arena.limit = 1 << 22;
	assert_int_equal(stage_send(&s), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_MEMORY);
	assert_int_equal(s.call.out.n, 0);
	stage_close(&s);
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

/* The topics that a broker will create are charged, together; who is in debt is told to come again. */
static void
topics_of_a_topology_are_mutations(void **state)
{
	static const struct pol_quota limit = { .entity.kind = POL_QUOTA_OF_TENANT, .set = 1u << POL_QUOTA_CONTROLLER_MUTATION_RATE,
		.value[POL_QUOTA_CONTROLLER_MUTATION_RATE] = 0.1 };	/* one and a tenth at once */
	const struct joining j = { .source = "orders", .repartition = "app-repartition", .changelog = "app-changelog" };
	struct stage	     s;

	(void)state;
	stage_open(&s, NULL, 0);
	stage_limited(&s, &limit, 1);
	stage_tenant_at(&s, "acme", "acme-cluster-id-22char", POL_ACTIVE, NULL, 0, 2);
	(void)join(&s, "app", &j);
	(void)stage_forwarded(&s);
	(void)join(&s, "other", &j);
	assert_int_equal(stage_int(stage_refused(&s), KFK_STREAMS_GROUP_HEARTBEAT_RESPONSE_ERROR_CODE), KFK_COORDINATOR_LOAD_IN_PROGRESS);
	assert_true(s.call.throttle_until_us > s.worker.now_us);
	(void)join(&s, "third", &(struct joining){ .source = "orders" });	/* nothing is missing */
	(void)stage_forwarded(&s);
	stage_unlimited(&s);
	stage_close(&s);
}

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
	stage_text(kfk_get_str(t, g, R(GROUPS_ERROR_MESSAGE)), "The described group uses topics that the client is not authorized to describe.");
	assert_int_equal(stage_count(g, R(GROUPS_MEMBERS)), 0);
	g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "closed");
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
	stage_close(&s);
}

#define G(f) R(GROUPS_TOPOLOGY_DESCRIPTION_##f)

/* A node that reads one topic and writes to another; null: to none. */
static void
give_node(struct kfk_tree *r, struct kfk_node *part, const char *name, const char *source, const char *sink)
{
	struct kfk_node *n = stage_add(r, part, G(SUBTOPOLOGIES_NODES));

	kfk_set_str(r, n, G(SUBTOPOLOGIES_NODES_NAME), alv_str_of(name));
	stage_add_str(r, n, G(SUBTOPOLOGIES_NODES_SOURCE_TOPICS), source);
	kfk_set_str(r, n, G(SUBTOPOLOGIES_NODES_SINK_TOPIC), sink == NULL ? ALV_STR_NULL : alv_str_of(sink));
	stage_add_str(r, n, G(SUBTOPOLOGIES_NODES_STORES), "store");
}

static void
give_description(struct kfk_tree *r, struct kfk_node *group)
{
	struct kfk_node *d = kfk_set_empty(r, group, R(GROUPS_TOPOLOGY_DESCRIPTION)), *part = stage_add(r, d, G(SUBTOPOLOGIES)), *store;

	kfk_set_int(r, group, R(GROUPS_TOPOLOGY_DESCRIPTION_STATUS), 3);
	kfk_set_str(r, group, R(GROUPS_ASSIGNOR_NAME), ALV_STR("sticky"));
	give_node(r, part, "KSTREAM-SOURCE-0", "acme.orders", NULL);
	give_node(r, part, "KSTREAM-SINK-1", "globex.orders", "acme.sums");
	give_node(r, part, "another's", "acme.orders", "globex.sums");
	for (int i = 0; i < 2; i++) {
		store = stage_add(r, d, G(GLOBAL_STORES));
		stage_add_str(r, kfk_set_empty(r, store, G(GLOBAL_STORES_SOURCE)), G(GLOBAL_STORES_SOURCE_SOURCE_TOPICS), "legacy.shared");
		kfk_set_str(r, kfk_set_empty(r, store, G(GLOBAL_STORES_PROCESSOR)), G(GLOBAL_STORES_PROCESSOR_SINK_TOPIC),
		    i == 0 ? ALV_STR("acme.sums") : ALV_STR("globex.sums"));
	}
}

/* Of what another group of the same members said, only own names are told. */
static void
descriptions_are_told(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *g, *d, *part, *n;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = stage_begin(&s, KFK_API_STREAMS_GROUP_DESCRIBE, 1);
	stage_add_str(t, &t->root, Q(GROUP_IDS), "app");
	stage_add_str(t, &t->root, Q(GROUP_IDS), "hidden");
	kfk_set_int(t, &t->root, Q(INCLUDE_TOPOLOGY_DESCRIPTION), 1);
	t = stage_forwarded(&s);
	assert_int_equal(stage_int(t, Q(INCLUDE_TOPOLOGY_DESCRIPTION)), 1);
	t = stage_answers(&s);
	give_group(t, "acme.app", "acme.orders", "acme.app-sum-changelog");
	give_description(t, stage_at(&t->root, R(GROUPS), 0));
	give_group(t, "acme.hidden", "acme.orders", "acme.secret");
	give_description(t, stage_at(&t->root, R(GROUPS), 1));
	t = stage_replied(&s);
	g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "app");
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_TOPOLOGY_DESCRIPTION_STATUS)), 3);
	stage_text(kfk_get_str(t, g, R(GROUPS_ASSIGNOR_NAME)), "sticky");
	d = kfk_get(g, R(GROUPS_TOPOLOGY_DESCRIPTION));
	part = stage_at(d, G(SUBTOPOLOGIES), 0);
	assert_int_equal(stage_count(part, G(SUBTOPOLOGIES_NODES)), 2);
	n = stage_at(part, G(SUBTOPOLOGIES_NODES), 0);
	stage_text(stage_at(n, G(SUBTOPOLOGIES_NODES_SOURCE_TOPICS), 0)->v.s, "orders");
	assert_null(kfk_get_str(t, n, G(SUBTOPOLOGIES_NODES_SINK_TOPIC)).p);
	stage_text(stage_at(n, G(SUBTOPOLOGIES_NODES_STORES), 0)->v.s, "store");	/* the application's own */
	n = stage_at(part, G(SUBTOPOLOGIES_NODES), 1);
	assert_int_equal(stage_count(n, G(SUBTOPOLOGIES_NODES_SOURCE_TOPICS)), 0);
	stage_text(kfk_get_str(t, n, G(SUBTOPOLOGIES_NODES_SINK_TOPIC)), "sums");
	assert_int_equal(stage_count(d, G(GLOBAL_STORES)), 1);
	n = kfk_get(stage_at(d, G(GLOBAL_STORES), 0), G(GLOBAL_STORES_SOURCE));
	stage_text(stage_at(n, G(GLOBAL_STORES_SOURCE_SOURCE_TOPICS), 0)->v.s, "shared");
	n = kfk_get(stage_at(d, G(GLOBAL_STORES), 0), G(GLOBAL_STORES_PROCESSOR));
	stage_text(kfk_get_str(t, n, G(GLOBAL_STORES_PROCESSOR_SINK_TOPIC)), "sums");
	g = stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), "hidden");
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_ERROR_CODE)), KFK_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(kfk_get_int(t, g, R(GROUPS_TOPOLOGY_DESCRIPTION_STATUS)), 0);
	d = kfk_get(g, R(GROUPS_TOPOLOGY_DESCRIPTION));
	assert_true(d == NULL || d->v.is_null);
	stage_close(&s);
}
#undef Q
#undef R
#undef D
#undef G

/* ---- StreamsGroupTopologyDescriptionUpdate ------------------------------------------------------------------------ */

#define Q(f) KFK_STREAMS_GROUP_TOPOLOGY_DESCRIPTION_UPDATE_REQUEST_##f
#define T(f) Q(TOPOLOGY_DESCRIPTION_##f)
#define R(f) KFK_STREAMS_GROUP_TOPOLOGY_DESCRIPTION_UPDATE_RESPONSE_##f

struct graph {	/* NULL: none */
	const char *source, *sink, *global_source, *global_sink;
};

static void
describe(struct stage *s, const char *group, const struct graph *x)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_STREAMS_GROUP_TOPOLOGY_DESCRIPTION_UPDATE, 0);
	struct kfk_node *d, *n, *store;

	stage_str(q, Q(GROUP_ID), group);
	stage_str(q, Q(MEMBER_ID), "m1");
	kfk_set_int(q, &q->root, Q(TOPOLOGY_EPOCH), 7);
	d = kfk_set_empty(q, &q->root, Q(TOPOLOGY_DESCRIPTION));
	n = stage_add(q, stage_add(q, d, T(SUBTOPOLOGIES)), T(SUBTOPOLOGIES_NODES));
	kfk_set_str(q, n, T(SUBTOPOLOGIES_NODES_NAME), ALV_STR("orders"));
	if (x->source != NULL)
		stage_add_str(q, n, T(SUBTOPOLOGIES_NODES_SOURCE_TOPICS), x->source);
	if (x->sink != NULL)
		kfk_set_str(q, n, T(SUBTOPOLOGIES_NODES_SINK_TOPIC), alv_str_of(x->sink));
	store = stage_add(q, d, T(GLOBAL_STORES));
	n = kfk_set_empty(q, store, T(GLOBAL_STORES_SOURCE));
	if (x->global_source != NULL)
		stage_add_str(q, n, T(GLOBAL_STORES_SOURCE_SOURCE_TOPICS), x->global_source);
	n = kfk_set_empty(q, store, T(GLOBAL_STORES_PROCESSOR));
	if (x->global_sink != NULL)
		kfk_set_str(q, n, T(GLOBAL_STORES_PROCESSOR_SINK_TOPIC), alv_str_of(x->global_sink));
}

static void
descriptions_are_mapped(void **state)
{
	static const struct graph all = { "orders", "secret", "shared", "globex.orders" }, none = { NULL, NULL, NULL, NULL };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *d, *n;

	(void)state;
	stage_open(&s, denies, DENIES);
	describe(&s, "app", &all);
	t = stage_forwarded(&s);
	stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.app");
	assert_int_equal(stage_int(t, Q(TOPOLOGY_EPOCH)), 7);
	d = kfk_get(&t->root, Q(TOPOLOGY_DESCRIPTION));
	n = stage_at(stage_at(d, T(SUBTOPOLOGIES), 0), T(SUBTOPOLOGIES_NODES), 0);
	stage_text(kfk_get_str(t, n, T(SUBTOPOLOGIES_NODES_NAME)), "orders");	/* the application's own */
	stage_text(stage_at(n, T(SUBTOPOLOGIES_NODES_SOURCE_TOPICS), 0)->v.s, "acme.orders");
	stage_text(kfk_get_str(t, n, T(SUBTOPOLOGIES_NODES_SINK_TOPIC)), "acme.secret");
	n = stage_at(d, T(GLOBAL_STORES), 0);
	stage_text(stage_at(kfk_get(n, T(GLOBAL_STORES_SOURCE)), T(GLOBAL_STORES_SOURCE_SOURCE_TOPICS), 0)->v.s, "legacy.shared");
	stage_text(kfk_get_str(t, kfk_get(n, T(GLOBAL_STORES_PROCESSOR)), T(GLOBAL_STORES_PROCESSOR_SINK_TOPIC)), "acme.globex.orders");
	t = stage_answers(&s);
	kfk_set_int(t, &t->root, R(ERROR_CODE), KFK_STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED);
	stage_str(t, R(ERROR_MESSAGE), "no room for acme.orders");
	t = stage_replied(&s);
	assert_int_equal(stage_int(t, R(ERROR_CODE)), KFK_STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED);
	stage_text(kfk_get_str(t, &t->root, R(ERROR_MESSAGE)), "no room for orders");

	describe(&s, "app", &none);	/* found out while it runs */
	t = stage_forwarded(&s);
	d = kfk_get(&t->root, Q(TOPOLOGY_DESCRIPTION));
	n = stage_at(stage_at(d, T(SUBTOPOLOGIES), 0), T(SUBTOPOLOGIES_NODES), 0);
	assert_null(kfk_get_str(t, n, T(SUBTOPOLOGIES_NODES_SINK_TOPIC)).p);
	stage_close(&s);
}

static void
descriptions_are_refused(void **state)
{
	static const struct {
		const char  *group;
		struct graph x;
		int16_t	     code;
		const char  *text;
	} cases[] = {
		{ "closed", { .source = "orders" }, KFK_GROUP_AUTHORIZATION_FAILED, NULL },
		{ "", { .source = "orders" }, KFK_INVALID_REQUEST, "GroupId can't be empty." },
		{ "app", { .source = "a b" }, KFK_INVALID_REQUEST, "Topic names a b are not valid topic names." },
		{ "app", { .source = "orders", .sink = ".." }, KFK_INVALID_REQUEST, "Topic names .. are not valid topic names." },
		{ "app", { .sink = "" }, KFK_INVALID_REQUEST, "Topic names  are not valid topic names." },
		{ "app", { .global_source = "a/b" }, KFK_INVALID_REQUEST, "Topic names a/b are not valid topic names." },
		{ "app", { .global_sink = "a/b" }, KFK_INVALID_REQUEST, "Topic names a/b are not valid topic names." },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct stage	 s;
		struct kfk_tree *t;
		struct alv_str	 text;

		stage_open(&s, denies, DENIES);
		describe(&s, cases[i].group, &cases[i].x);
		t = stage_refused(&s);
		assert_int_equal(stage_int(t, R(ERROR_CODE)), cases[i].code);
		text = kfk_get_str(t, &t->root, R(ERROR_MESSAGE));
		if (cases[i].text == NULL)
			assert_null(text.p);
		else
			stage_text(text, cases[i].text);
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topologies_are_mapped),
		cmocka_unit_test(topics_of_a_topology_are_mutations),
		cmocka_unit_test(topologies_are_refused_as_a_whole),
		cmocka_unit_test(very_many_topics_are_mapped_or_refused),
		cmocka_unit_test(internal_topics_may_be_there_already),
		cmocka_unit_test(streams_groups_are_described),
		cmocka_unit_test(descriptions_are_told),
		cmocka_unit_test(descriptions_are_mapped),
		cmocka_unit_test(descriptions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
