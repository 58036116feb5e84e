/* Streams groups (KIP-1071, KIP-1331): StreamsGroupHeartbeat, StreamsGroupDescribe, StreamsGroupTopologyDescriptionUpdate. A member
 * sends its topology when it joins, with the topics that it reads, and those that Kafka Streams has for itself: the broker creates
 * the latter where they are missing, as whoever asks it, which is the gateway. So all that Kafka asks of a creator is asked here,
 * before. A topology's description is for people: brokers keep it where a plugin of theirs does, and read nothing in it.
 * Invariants: the order of topics in a topology means something (co-partitioned ones are told by their place): nothing is taken
 * out, the whole is refused; a topic that the broker creates has the tenant's prefix, or was there before. */
#include "api/counts.h"
#include "api/groups.h"
#include "api/hosts.h"
#include "api/readers.h"

enum { CREATED_S = 30 };	/* within that a broker has made what a topology needs, and the catalogue knows */

#define Q(f) KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_##f
#define S(f) KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_TOPOLOGY_SUBTOPOLOGIES_##f
#define R(f) KFK_STREAMS_GROUP_DESCRIBE_RESPONSE_##f
#define D(f) KFK_STREAMS_GROUP_DESCRIBE_RESPONSE_GROUPS_TOPOLOGY_SUBTOPOLOGIES_##f

/* The lists of topics in a subtopology. */
struct list {
	uint16_t topics, name;			/* name: API_NO_FIELD, plain strings */
	uint16_t configs, key, value;		/* of topics that the broker creates; API_NO_FIELD: of others */
};
enum { LISTS = 4 };

static const struct list joined[LISTS] = {
	{ S(SOURCE_TOPICS), API_NO_FIELD, API_NO_FIELD, 0, 0 },
	{ S(REPARTITION_SINK_TOPICS), API_NO_FIELD, API_NO_FIELD, 0, 0 },
	{ S(REPARTITION_SOURCE_TOPICS), S(REPARTITION_SOURCE_TOPICS_NAME), S(REPARTITION_SOURCE_TOPICS_TOPIC_CONFIGS),
	  S(REPARTITION_SOURCE_TOPICS_TOPIC_CONFIGS_KEY), S(REPARTITION_SOURCE_TOPICS_TOPIC_CONFIGS_VALUE) },
	{ S(STATE_CHANGELOG_TOPICS), S(STATE_CHANGELOG_TOPICS_NAME), S(STATE_CHANGELOG_TOPICS_TOPIC_CONFIGS),
	  S(STATE_CHANGELOG_TOPICS_TOPIC_CONFIGS_KEY), S(STATE_CHANGELOG_TOPICS_TOPIC_CONFIGS_VALUE) },
};
static const struct list described[LISTS] = {
	{ D(SOURCE_TOPICS), API_NO_FIELD, API_NO_FIELD, 0, 0 },
	{ D(REPARTITION_SINK_TOPICS), API_NO_FIELD, API_NO_FIELD, 0, 0 },
	{ D(REPARTITION_SOURCE_TOPICS), D(REPARTITION_SOURCE_TOPICS_NAME), API_NO_FIELD, 0, 0 },
	{ D(STATE_CHANGELOG_TOPICS), D(STATE_CHANGELOG_TOPICS_NAME), API_NO_FIELD, 0, 0 },
};

/* One topic of a topology. */
struct named {
	struct api_call	      *c;
	const struct kfk_tree *t;
	const struct list     *l;
	const struct kfk_node *e;
	struct alv_str	       virt;
	struct alv_str	       text;	/* why not */
	uint64_t	       missing;	/* topics that the broker will create */
};
typedef int16_t (*judge_fn)(struct named *x);

/* The first answer that is not 0. */
static int16_t
each_of(struct named *x, const struct kfk_node *subtopology, judge_fn fn)
{
	const struct kfk_node *topics = kfk_get(subtopology, x->l->topics);

	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next) {
		int16_t code;

		x->e = e;
		x->virt = x->l->name == API_NO_FIELD ? e->v.s : kfk_get_str(x->t, e, x->l->name);
		code = fn(x);
		if (code != 0)
			return code;
	}
	return 0;
}

static int16_t
each_topic(struct named *x, const struct kfk_node *subtopologies, const struct list lists[LISTS], judge_fn fn)
{
	int16_t code = 0;

	for (const struct kfk_node *s = subtopologies == NULL ? NULL : subtopologies->kids; s != NULL && code == 0; s = s->next)
		for (size_t i = 0; i < LISTS && code == 0; i++) {
			x->l = &lists[i];
			code = each_of(x, s, fn);
		}
	return code;
}

/* ---- StreamsGroupHeartbeat: what is asked of a topology, in the order in which brokers ask ------------------------ */

static int16_t
not_kafkas_own(struct named *x)
{
	if (!api_internal_name(x->virt))
		return 0;
	x->text = alv_arena_printf(&x->c->arena, "Use of Kafka internal topics %.*s in a Kafka Streams topology is prohibited.",
	    (int)x->virt.n, x->virt.p);
	return KFK_STREAMS_INVALID_TOPOLOGY;
}

static int16_t
legal(struct named *x)
{
	struct alv_str phys;

	if (ten_map(&x->c->tenant->names, TEN_TOPIC, x->virt, &x->c->arena, &phys) == ALV_OK)
		return 0;
	x->text = alv_arena_printf(&x->c->arena, "Topic names %.*s are not valid topic names.", (int)x->virt.n,
	    x->virt.p == NULL ? "" : x->virt.p);
	return KFK_STREAMS_INVALID_TOPOLOGY;
}

static int16_t
may_describe(struct named *x)
{
	return api_enforce(x->c, POL_OP_DESCRIBE, POL_TOPIC, x->virt) ? 0 : KFK_TOPIC_AUTHORIZATION_FAILED;
}

static int16_t
judge_configs(struct named *x)
{
	const struct kfk_node *configs = kfk_get(x->e, x->l->configs);

	for (const struct kfk_node *e = configs == NULL ? NULL : configs->kids; e != NULL; e = e->next) {
		struct alv_str name = kfk_get_str(x->t, e, x->l->key), value = kfk_get_str(x->t, e, x->l->value), why = ALV_STR_NULL;

		if (api_config(x->c, API_RES_TOPIC, name, value, &why) == 0)
			continue;
		x->text = alv_arena_printf(&x->c->arena, "Topic %.*s cannot be created: %.*s", (int)x->virt.n, x->virt.p, (int)why.n,
		    why.p == NULL ? "" : why.p);
		return KFK_STREAMS_INVALID_TOPOLOGY;
	}
	return 0;
}

/* Where it is missing the broker creates it for the gateway, whose right that is: so the principal's is asked for first. Kafka
 * would let the member in and leave the topic missing, which ends the application later. */
static int16_t
may_come_into_being(struct named *x)
{
	const struct ten_names *names = &x->c->tenant->names;
	struct alv_str		phys;

	if (x->l->configs == API_NO_FIELD)
		return 0;
	if (ten_map(names, TEN_TOPIC, x->virt, &x->c->arena, &phys))
		return KFK_STREAMS_INVALID_TOPOLOGY;
	if (clu_topic_find(x->c->view, phys) == NULL) {
		if (!alv_str_starts(phys, names->prefix)) {
			x->text = alv_arena_printf(&x->c->arena, "Topic %.*s cannot be created: its name is an alias.", (int)x->virt.n, x->virt.p);
			return KFK_STREAMS_INVALID_TOPOLOGY;
		}
		if (!api_may_cluster(x->c, POL_OP_CREATE) && !api_enforce(x->c, POL_OP_CREATE, POL_TOPIC, x->virt)) {
			x->text = alv_arena_printf(&x->c->arena, "Unauthorized to CREATE on topic %.*s.", (int)x->virt.n, x->virt.p);
			return KFK_TOPIC_AUTHORIZATION_FAILED;
		}
		/* How many partitions it gets is the broker's to find out. */
		if (api_count_topics_soon(x->c, x->virt, 1, 1, CREATED_S, &x->text) != 0)
			return KFK_STREAMS_INVALID_TOPOLOGY;
		x->missing++;
	}
	return judge_configs(x);	/* also of one that is there: it may be gone when the broker looks */
}

/* Brokers match those against physical names, once they can: then somebody has to confine them first. */
static bool
has_patterns(const struct kfk_node *subtopologies)
{
	for (const struct kfk_node *s = subtopologies == NULL ? NULL : subtopologies->kids; s != NULL; s = s->next) {
		const struct kfk_node *list = kfk_get(s, S(SOURCE_TOPIC_REGEX));

		if (list != NULL && list->n > 0)
			return true;
	}
	return false;
}

static int16_t
judge_topology(struct api_call *c, const struct kfk_tree *q, struct alv_str *text)
{
	static const judge_fn	     questions[] = { not_kafkas_own, legal, may_describe, may_come_into_being };
	const struct kfk_node *topology = kfk_get(&q->root, Q(TOPOLOGY)), *subtopologies;
	struct named	       x = { .c = c, .t = q };
	int16_t		       code = 0;

	if (topology == NULL || topology->v.is_null)
		return 0;
	subtopologies = kfk_get(topology, Q(TOPOLOGY_SUBTOPOLOGIES));
	for (size_t i = 0; i < ALV_COUNT(questions) && code == 0; i++)
		code = each_topic(&x, subtopologies, joined, questions[i]);
	*text = x.text;
	if (code == 0 && has_patterns(subtopologies)) {
		*text = ALV_STR("Source topics by regular expression are not supported.");
		return KFK_STREAMS_INVALID_TOPOLOGY;
	}
	/* All of them or none: in parts they would never be together. Clients try this code again. */
	if (code == 0 && api_quota_mutates(c, x.missing, true) != 0) {
		*text = ALV_STR("More partitions are created than may be (controller_mutation_rate).");
		return KFK_COORDINATOR_LOAD_IN_PROGRESS;
	}
	return code;
}

enum api_result
api_streams_group_heartbeat_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str text = ALV_STR_NULL;
	int16_t	       code = api_judge_group(c, kfk_get_str(q, &q->root, Q(GROUP_ID)), POL_OP_READ);

	if (code == KFK_INVALID_GROUP_ID) {
		code = KFK_INVALID_REQUEST;
		text = ALV_STR("GroupId can't be empty.");
	}
	if (code == 0)
		code = judge_topology(c, q, &text);
	if (code == 0)
		code = api_count_heartbeat(c, q, &text);
	if (code != 0)
		return api_refuse_member(c, KFK_STREAMS_GROUP_HEARTBEAT_RESPONSE_ERROR_CODE, KFK_STREAMS_GROUP_HEARTBEAT_RESPONSE_ERROR_MESSAGE,
		    code, text);
	api_host_asks(c, q);
	api_reader_topology(c, q);
	if (kfk_get_int(q, &q->root, Q(MEMBER_EPOCH)) < 0)	/* it leaves */
		api_reader_leaves(c, kfk_get_str(q, &q->root, Q(GROUP_ID)), kfk_get_str(q, &q->root, Q(MEMBER_ID)));
	return api_forward(c, q);
}

/* ---- StreamsGroupDescribe ------------------------------------------------------------------------------------------ */

static const struct api_group_list streams_list = { .q_groups = KFK_STREAMS_GROUP_DESCRIBE_REQUEST_GROUP_IDS, .r_groups = R(GROUPS),
	.r_group = R(GROUPS_GROUP_ID), .r_error = R(GROUPS_ERROR_CODE), .op = POL_OP_DESCRIBE,
	.r_members = R(GROUPS_MEMBERS), .r_member = R(GROUPS_MEMBERS_MEMBER_ID), .r_host = R(GROUPS_MEMBERS_CLIENT_HOST) };

enum api_result
api_streams_group_describe_request(struct api_call *c, struct kfk_tree *q)
{
	api_memo(c)->group_ops =
	    kfk_get_int(q, &q->root, KFK_STREAMS_GROUP_DESCRIBE_REQUEST_INCLUDE_AUTHORIZED_OPERATIONS) != 0;
	return api_split_groups_forward(c, q, &streams_list);
}

enum api_result
api_streams_group_describe_response(struct api_call *c, struct kfk_tree *r)
{
	struct named	 x = { .c = c, .t = r };
	struct kfk_node *groups;
	enum api_result	 result;

	if (!api_unmap(c, r, &result))
		return result;
	groups = kfk_get(&r->root, R(GROUPS));
	for (struct kfk_node *g = groups == NULL ? NULL : groups->kids; g != NULL; g = g->next) {
		const struct kfk_node *topology = kfk_get(g, R(GROUPS_TOPOLOGY));

		if (topology != NULL && !topology->v.is_null &&
		    each_topic(&x, kfk_get(topology, R(GROUPS_TOPOLOGY_SUBTOPOLOGIES)), described, may_describe) != 0)
			api_hide_group(r, g, R(GROUPS_GROUP_ID), R(GROUPS_ERROR_CODE), R(GROUPS_ERROR_MESSAGE), API_HIDDEN_STREAMS);
	}
	api_host_tells(c, r, &streams_list);
	api_splice_groups(c, r, &streams_list);
	return api_answer(c, r);
}
#undef Q
#undef S
#undef R
#undef D

/* ---- StreamsGroupTopologyDescriptionUpdate ------------------------------------------------------------------------- */

#define Q(f) KFK_STREAMS_GROUP_TOPOLOGY_DESCRIPTION_UPDATE_REQUEST_##f
#define T(f) Q(TOPOLOGY_DESCRIPTION_##f)
#define R(f) KFK_STREAMS_GROUP_TOPOLOGY_DESCRIPTION_UPDATE_RESPONSE_##f

/* Where a node of the graph says what it reads and where it writes to. */
struct node_fields {
	uint16_t sources, sink;
};

/* What Kafka would keep as it is: a name that nobody can have has none here that a broker could be told. */
static int16_t
judge_node(struct named *x, const struct kfk_node *node, const struct node_fields *f)
{
	const struct kfk_node *sources = kfk_get(node, f->sources), *sink = kfk_get(node, f->sink);
	int16_t		       code = 0;

	for (const struct kfk_node *e = sources == NULL ? NULL : sources->kids; e != NULL && code == 0; e = e->next) {
		x->virt = e->v.s;
		code = legal(x);
	}
	if (code != 0 || sink == NULL || sink->v.is_null)
		return code;
	x->virt = sink->v.s;
	return legal(x);
}

static int16_t
judge_description(struct named *x, const struct kfk_node *description)
{
	static const struct node_fields inner = { T(SUBTOPOLOGIES_NODES_SOURCE_TOPICS), T(SUBTOPOLOGIES_NODES_SINK_TOPIC) },
		source = { T(GLOBAL_STORES_SOURCE_SOURCE_TOPICS), T(GLOBAL_STORES_SOURCE_SINK_TOPIC) },
		processor = { T(GLOBAL_STORES_PROCESSOR_SOURCE_TOPICS), T(GLOBAL_STORES_PROCESSOR_SINK_TOPIC) };
	const struct kfk_node *parts = kfk_get(description, T(SUBTOPOLOGIES)), *stores = kfk_get(description, T(GLOBAL_STORES));
	int16_t		       code = 0;

	for (const struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next) {
		const struct kfk_node *nodes = kfk_get(p, T(SUBTOPOLOGIES_NODES));

		for (const struct kfk_node *e = nodes == NULL ? NULL : nodes->kids; e != NULL && code == 0; e = e->next)
			code = judge_node(x, e, &inner);
	}
	for (const struct kfk_node *e = stores == NULL ? NULL : stores->kids; e != NULL && code == 0; e = e->next) {
		code = judge_node(x, kfk_get(e, T(GLOBAL_STORES_SOURCE)), &source);
		if (code == 0)
			code = judge_node(x, kfk_get(e, T(GLOBAL_STORES_PROCESSOR)), &processor);
	}
	return code;
}

/* Brokers ask for the right to read the group, and for none to the topics: what a member says of itself is only told again. */
enum api_result
api_streams_topology_description_request(struct api_call *c, struct kfk_tree *q)
{
	struct named x = { .c = c, .t = q };
	int16_t	     code = api_judge_group(c, kfk_get_str(q, &q->root, Q(GROUP_ID)), POL_OP_READ);

	if (code == KFK_INVALID_GROUP_ID) {
		code = KFK_INVALID_REQUEST;
		x.text = ALV_STR("GroupId can't be empty.");
	}
	if (code == 0 && judge_description(&x, kfk_get(&q->root, Q(TOPOLOGY_DESCRIPTION))) != 0)
		code = KFK_INVALID_REQUEST;
	return code == 0 ? api_forward(c, q) : api_refuse_member(c, R(ERROR_CODE), R(ERROR_MESSAGE), code, x.text);
}
