/* CreateTopics, DeleteTopics, CreatePartitions.
 * Invariants: virtual names are validated before they are mapped; where a topic's partitions lie is the platform's;
 * what was created or deleted is in the catalogue before the client hears of it. */
#include "api/counts.h"

static const struct alv_uuid no_id;

/* From these on clients know that they may be refused for being too fast. */
enum { V_CREATE_STRICT = 6, V_DELETE_STRICT = 5, V_GROW_STRICT = 3 };

static void
deny(struct api_call *c, struct alv_str name, int16_t code, struct alv_str text)
{
	struct api_denied *d = api_deny(c, &api_memo(c)->split, name, no_id, code);

	if (d != NULL)
		d->text = text;
}

static struct alv_str
physical(struct api_call *c, struct alv_str virt)
{
	struct alv_str phys;

	return ten_map(&c->tenant->names, TEN_TOPIC, virt, &c->arena, &phys) ? ALV_STR_NULL : phys;
}

/* ---- how fast (KIP-599) ------------------------------------------------------------------------------- */

#define THROTTLED_TEXT "The throttling quota has been exceeded."

static uint64_t
partitions_of(struct api_call *c, struct alv_str phys)
{
	const struct clu_topic *t = phys.p == NULL ? NULL : clu_topic_find(c->view, phys);

	return t == NULL || t->partitions < 0 ? 0 : (uint64_t)t->partitions;
}

/* ---- CreateTopics ---------------------------------------------------------------------------------- */

#define Q(f) KFK_CREATE_TOPICS_REQUEST_##f
#define R(f) KFK_CREATE_TOPICS_RESPONSE_##f

static const struct api_result_fields create_fields = { R(TOPICS), R(TOPICS_NAME), R(TOPICS_TOPIC_ID), R(TOPICS_ERROR_CODE),
	R(TOPICS_ERROR_MESSAGE) };

static int16_t
judge_new_name(struct api_call *c, struct alv_str name, struct alv_str *text)
{
	const struct ten_names *names = &c->tenant->names;
	struct alv_str		phys;
	int16_t			code = api_judge_name(c, name, POL_OP_CREATE, API_OR_CLUSTER);

	if (code == KFK_TOPIC_AUTHORIZATION_FAILED) {
		*text = ALV_STR("Authorization failed.");
		return code;
	}
	if (alv_str_eqz(name, "__cluster_metadata")) {
		*text = ALV_STR("The topic __cluster_metadata is not one that can be created.");
		return KFK_INVALID_REQUEST;
	}
	if (ten_topic_check(names, name)) {
		*text = alv_arena_printf(&c->arena, "A topic's name has 1 to %zu characters of a-z, A-Z, 0-9, '.', '_' and "
		    "'-', and is not '.' or '..'", TEN_TOPIC_MAX - names->prefix.n);
		return KFK_INVALID_TOPIC_EXCEPTION;
	}
	/* An alias is a topic that is there; one that cannot be mapped lies below an alias. */
	phys = physical(c, name);
	if (phys.p == NULL || !alv_str_eq(phys, alv_arena_cat(&c->arena, names->prefix, name))) {
		*text = alv_arena_printf(&c->arena, "Topic '%.*s' already exists.", ALV_STR_ARG(name));
		return KFK_TOPIC_ALREADY_EXISTS;
	}
	return code;
}

/* More replicas in sync than there are replicas: nobody could ever write with acks=all. Where the factor is the cluster's
 * default, it is not known here. */
static int16_t
judge_in_sync(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topic, struct alv_str value, struct alv_str *text)
{
	int64_t	 replicas = kfk_get_int(q, topic, Q(TOPICS_REPLICATION_FACTOR));
	uint64_t n;

	if (replicas < 1 || value.p == NULL || alv_str_u64(value, INT64_MAX, &n) || n <= (uint64_t)replicas)
		return 0;
	*text = alv_arena_printf(&c->arena, "Policy: min.insync.replicas must be at most the replication factor, %lld", (long long)replicas);
	return KFK_POLICY_VIOLATION;
}

static int16_t
judge_new_configs(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topic, struct alv_str *text)
{
	const struct kfk_node *configs = kfk_get(topic, Q(TOPICS_CONFIGS));

	for (const struct kfk_node *e = configs == NULL ? NULL : configs->kids; e != NULL; e = e->next) {
		struct alv_str name = kfk_get_str(q, e, Q(TOPICS_CONFIGS_NAME)), value = kfk_get_str(q, e, Q(TOPICS_CONFIGS_VALUE));
		int16_t	       code = api_config(c, API_RES_TOPIC, name, value, text);

		if (code == 0 && alv_str_eqz(name, "min.insync.replicas"))
			code = judge_in_sync(c, q, topic, value, text);
		if (code != 0)
			return code;
	}
	return 0;
}

static int16_t
judge_new(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topic, struct alv_str *text)
{
	const struct kfk_node *places = kfk_get(topic, Q(TOPICS_ASSIGNMENTS));
	int16_t		       code = judge_new_name(c, kfk_get_str(q, topic, Q(TOPICS_NAME)), text);

	if (code != 0)
		return code;
	if (places != NULL && places->n > 0) {
		*text = ALV_STR("Replicas cannot be assigned to brokers by hand.");
		return KFK_INVALID_REQUEST;
	}
	return judge_new_configs(c, q, topic, text);
}

/* All of them together: which of them a limit would leave out is nobody's to choose. What is there already will not be made anew,
 * and a topic with as many partitions as the cluster's default counts as one until it is there. */
static int16_t
count_new(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topics, struct alv_str *text)
{
	uint64_t n = 0, parts = 0;

	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next) {
		int64_t	       wanted = kfk_get_int(q, e, Q(TOPICS_NUM_PARTITIONS));
		struct alv_str phys = physical(c, kfk_get_str(q, e, Q(TOPICS_NAME)));

		if (phys.p != NULL && clu_topic_find(c->view, phys) != NULL)
			continue;
		n++;
		parts += wanted > 0 ? (uint64_t)wanted : 1;
	}
	return n == 0 ? 0 : api_count_topics(c, n, parts, text);
}

static enum api_result
refuse_creation(struct api_call *c, struct kfk_tree *q, const struct kfk_node *topics, int16_t code, struct alv_str text)
{
	struct kfk_tree r;

	for (const struct kfk_node *e = topics->kids; e != NULL; e = e->next)
		deny(c, kfk_get_str(q, e, Q(TOPICS_NAME)), code, text);
	api_answer_begin(c, &r);
	api_add_results(c, &r, &create_fields);
	return api_answer(c, &r);
}

/* One topic after the other, as brokers do: what is left is created. */
static void
throttle_new(struct api_call *c, const struct kfk_tree *q, struct kfk_node *topics)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = next) {
		struct alv_str name = kfk_get_str(q, e, Q(TOPICS_NAME));
		int64_t	       wanted = kfk_get_int(q, e, Q(TOPICS_NUM_PARTITIONS));
		bool	       is_there = partitions_of(c, physical(c, name)) > 0;
		int16_t	       code = is_there ? 0 : api_quota_mutates(c, wanted > 0 ? (uint64_t)wanted : 1, c->hdr.version >= V_CREATE_STRICT);

		next = e->next;
		if (code == 0) {
			prev = e;
			continue;
		}
		deny(c, name, code, ALV_STR(THROTTLED_TEXT));
		kfk_unlink(topics, prev, e);
	}
}

enum api_result
api_create_topics_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node	*topics = kfk_get(&q->root, Q(TOPICS)), *prev = NULL, *next;
	struct clu_range upstream = api_offered(c->def, c->view);
	struct alv_str	 text;
	struct kfk_tree	 r;
	int16_t		 code;

	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = next) {
		text = ALV_STR_NULL;
		code = judge_new(c, q, e, &text);
		next = e->next;
		if (code == 0) {
			prev = e;
			continue;
		}
		deny(c, kfk_get_str(q, e, Q(TOPICS_NAME)), code, text);
		kfk_unlink(topics, prev, e);
	}
	throttle_new(c, q, topics);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	if (api_memo(c)->split.first != NULL && topics != NULL && topics->n == 0) {
		api_answer_begin(c, &r);
		api_add_results(c, &r, &create_fields);
		return api_answer(c, &r);
	}
	code = count_new(c, q, topics, &text);
	if (code != 0)
		return refuse_creation(c, q, topics, code, text);
	api_memo(c)->validate_only = kfk_get_int(q, &q->root, Q(VALIDATE_ONLY)) != 0;
	/* The newest version says the new topic's id, which the catalogue wants. */
	q->version = upstream.hi;
	return api_forward(c, q);
}

/* Room that was taken is given back once the catalogue has what came of it: now, or after the wait. */
static enum api_result
made(struct api_call *c, enum api_result result)
{
	if (result != API_WAIT)
		api_count_made(c);
	return result;
}

/* How the topic came out is for those who may read configs. */
static void
hide_configs(struct kfk_tree *r, struct kfk_node *e)
{
	kfk_set_int(r, e, R(TOPICS_NUM_PARTITIONS), -1);
	kfk_set_int(r, e, R(TOPICS_REPLICATION_FACTOR), -1);
	kfk_set_null(r, e, R(TOPICS_CONFIGS));
	kfk_set_int(r, e, R(TOPICS_TOPIC_CONFIG_ERROR_CODE), KFK_TOPIC_AUTHORIZATION_FAILED);
}

static void
fix_created(struct api_call *c, struct kfk_tree *r, struct kfk_node *e)
{
	struct alv_str	 virt = kfk_get_str(r, e, R(TOPICS_NAME));
	struct kfk_node *configs = kfk_get(e, R(TOPICS_CONFIGS));

	if (kfk_get_int(r, e, R(TOPICS_ERROR_CODE)) != 0)
		return;
	if (!api_memo(c)->validate_only)
		api_learn(c, physical(c, virt), kfk_get_uuid(r, e, R(TOPICS_TOPIC_ID)),
		    (int32_t)kfk_get_int(r, e, R(TOPICS_NUM_PARTITIONS)), false);
	for (struct kfk_node *k = configs == NULL ? NULL : configs->kids; k != NULL; k = k->next)
		kfk_set_int(r, k, R(TOPICS_CONFIGS_CONFIG_SOURCE),
		    api_config_source(kfk_get_int(r, k, R(TOPICS_CONFIGS_CONFIG_SOURCE))));
	if (!api_may(c, POL_OP_DESCRIBE_CONFIGS, POL_TOPIC, virt))
		hide_configs(r, e);
}

enum api_result
api_create_topics_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *topics;
	enum api_result	 result;

	if (!api_unmap(c, r, &result))
		return result;
	topics = kfk_get(&r->root, R(TOPICS));
	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next)
		fix_created(c, r, e);
	api_add_results(c, r, &create_fields);
	return made(c, api_learnt_or_answer(c, api_answer(c, r)));
}
#undef Q
#undef R

/* ---- DeleteTopics -------------------------------------------------------------------------------------- */

#define Q(f) KFK_DELETE_TOPICS_REQUEST_##f
#define R(f) KFK_DELETE_TOPICS_RESPONSE_##f

static const struct api_result_fields delete_fields = { R(RESPONSES), R(RESPONSES_NAME), R(RESPONSES_TOPIC_ID),
	R(RESPONSES_ERROR_CODE), R(RESPONSES_ERROR_MESSAGE) };

enum { DELETES = API_WRITES | API_OR_CLUSTER, V_BY_ID = 6 };

/* By name. Who may not describe it is not told whether it is there; who may is told that before what it may not. */
static int16_t
judge_delete_name(struct api_call *c, struct alv_str name)
{
	struct alv_str phys;
	int16_t	       code = api_judge_topic(c, name, POL_OP_DELETE, DELETES, &phys);

	if (!api_may_cluster(c, POL_OP_DELETE) && !api_may(c, POL_OP_DESCRIBE, POL_TOPIC, name))
		return KFK_TOPIC_AUTHORIZATION_FAILED;
	if (code == KFK_INVALID_TOPIC_EXCEPTION)	/* of a topic that is not there */
		return KFK_UNKNOWN_TOPIC_OR_PARTITION;
	phys = code == 0 ? ALV_STR_NULL : physical(c, name);
	if (code == KFK_TOPIC_AUTHORIZATION_FAILED && (phys.p == NULL || clu_topic_find(c->view, phys) == NULL))
		return KFK_UNKNOWN_TOPIC_OR_PARTITION;
	return code;
}

/* Before version 6: a list of plain names. */
static void
judge_names(struct api_call *c, struct kfk_node *names)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = names == NULL ? NULL : names->kids; e != NULL; e = next) {
		int16_t code = judge_delete_name(c, e->v.s);

		next = e->next;
		if (code == 0) {
			prev = e;
			continue;
		}
		deny(c, e->v.s, code, ALV_STR_NULL);
		kfk_unlink(names, prev, e);
	}
}

/* By id. What is denied keeps its name to itself, unless the principal may describe it. */
static int16_t
judge_delete_id(struct api_call *c, struct alv_uuid id, struct alv_str *name)
{
	int16_t code = api_judge_id(c, id, POL_OP_DELETE, DELETES, name);

	if (code != KFK_TOPIC_AUTHORIZATION_FAILED || !api_may(c, POL_OP_DESCRIBE, POL_TOPIC, *name))
		*name = ALV_STR_NULL;
	return code;
}

/* True: it stays. */
static bool
judge_delete(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *e)
{
	struct alv_str	   name = kfk_get_str(q, e, Q(TOPICS_NAME));
	struct alv_uuid	   id = kfk_get_uuid(q, e, Q(TOPICS_TOPIC_ID));
	struct api_denied *d;
	int16_t		   code;

	if ((name.p == NULL) == alv_uuid_zero(id))
		code = KFK_INVALID_REQUEST;	/* both or neither */
	else if (name.p == NULL)
		code = judge_delete_id(c, id, &name);
	else
		code = judge_delete_name(c, name);
	if (code == API_UNRESOLVED)
		api_memo(c)->split.waiting = true;
	if (code == 0 || code == API_UNRESOLVED)
		return true;
	d = api_deny(c, &api_memo(c)->split, name, id, code);
	if (d != NULL && code == KFK_INVALID_REQUEST)
		d->text = ALV_STR("A topic is named by its name or by its id.");
	return false;
}

static void
judge_deletes(struct api_call *c, const struct kfk_tree *q, struct kfk_node *topics)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = next) {
		next = e->next;
		if (judge_delete(c, q, e))
			prev = e;
		else
			kfk_unlink(topics, prev, e);
	}
}

/* Where the topic is named: an element of either version's list. */
static uint64_t
partitions_deleted(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *e)
{
	struct alv_str name = q->version >= V_BY_ID ? kfk_get_str(q, e, Q(TOPICS_NAME)) : e->v.s, phys;

	if (name.p == NULL && api_own_id(c, kfk_get_uuid(q, e, Q(TOPICS_TOPIC_ID)), &phys))
		return 0;
	return partitions_of(c, name.p == NULL ? phys : physical(c, name));
}

static void
throttle_deletes(struct api_call *c, const struct kfk_tree *q, struct kfk_node *list)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		struct api_denied *d;
		int16_t		   code = api_quota_mutates(c, partitions_deleted(c, q, e), q->version >= V_DELETE_STRICT);

		next = e->next;
		if (code == 0) {
			prev = e;
			continue;
		}
		d = q->version >= V_BY_ID ? api_deny(c, &api_memo(c)->split, kfk_get_str(q, e, Q(TOPICS_NAME)), kfk_get_uuid(q, e, Q(TOPICS_TOPIC_ID)), code)
					  : api_deny(c, &api_memo(c)->split, e->v.s, no_id, code);
		if (d != NULL)
			d->text = ALV_STR(THROTTLED_TEXT);
		kfk_unlink(list, prev, e);
	}
}

enum api_result
api_delete_topics_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *list = kfk_get(&q->root, q->version >= V_BY_ID ? Q(TOPICS) : Q(TOPIC_NAMES));
	struct kfk_tree	 r;

	if (q->version >= V_BY_ID)
		judge_deletes(c, q, list);
	else
		judge_names(c, list);
	if (api_memo(c)->split.waiting)
		return api_wait_ids(c);
	throttle_deletes(c, q, list);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	if (api_memo(c)->split.first == NULL || list->n > 0)
		return api_forward(c, q);
	api_answer_begin(c, &r);
	api_add_results(c, &r, &delete_fields);
	return api_answer(c, &r);
}

enum api_result
api_delete_topics_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *list;
	enum api_result	 result;

	if (!api_unmap(c, r, &result))
		return result;
	list = kfk_get(&r->root, R(RESPONSES));
	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next) {
		struct alv_str virt = kfk_get_str(r, e, R(RESPONSES_NAME));

		if (virt.p != NULL && kfk_get_int(r, e, R(RESPONSES_ERROR_CODE)) == 0)
			api_learn(c, physical(c, virt), kfk_get_uuid(r, e, R(RESPONSES_TOPIC_ID)), 0, true);
	}
	api_add_results(c, r, &delete_fields);
	return api_learnt_or_answer(c, api_answer(c, r));
}
#undef Q
#undef R

/* ---- CreatePartitions ------------------------------------------------------------------------------------ */

#define Q(f) KFK_CREATE_PARTITIONS_REQUEST_##f
#define R(f) KFK_CREATE_PARTITIONS_RESPONSE_##f

static const struct api_result_fields grow_fields = { R(RESULTS), R(RESULTS_NAME), API_NO_FIELD, R(RESULTS_ERROR_CODE),
	R(RESULTS_ERROR_MESSAGE) };

/* How many partitions were asked for, by virtual name, until the answer says which came true. */
struct growth {
	struct growth *next;
	struct alv_str name;
	int32_t	       count;
};

static int16_t
judge_growth(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *e, struct alv_str *text)
{
	const struct kfk_node *places = kfk_get(e, Q(TOPICS_ASSIGNMENTS));
	int16_t		       code = api_judge_name(c, kfk_get_str(q, e, Q(TOPICS_NAME)), POL_OP_ALTER, API_WRITES);

	if (code == KFK_INVALID_TOPIC_EXCEPTION)
		return KFK_UNKNOWN_TOPIC_OR_PARTITION;
	if (code != 0 || places == NULL || places->v.is_null)
		return code;
	*text = ALV_STR("Replicas cannot be assigned to brokers by hand.");
	return KFK_INVALID_REQUEST;
}

static int16_t
throttle_growth(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *e, struct alv_str *text)
{
	uint64_t have = partitions_of(c, physical(c, kfk_get_str(q, e, Q(TOPICS_NAME))));
	int64_t	 wanted = kfk_get_int(q, e, Q(TOPICS_COUNT));
	int16_t	 code = have == 0 || wanted <= (int64_t)have ? 0 : api_quota_mutates(c, (uint64_t)wanted - have, q->version >= V_GROW_STRICT);

	if (code != 0)
		*text = ALV_STR(THROTTLED_TEXT);
	return code;
}

static void
note_growth(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *e)
{
	struct growth *g = alv_arena_alloc(&c->arena, sizeof(*g));

	if (g == NULL)
		return;
	*g = (struct growth){ .next = api_memo(c)->own, .name = kfk_get_str(q, e, Q(TOPICS_NAME)),
		.count = (int32_t)kfk_get_int(q, e, Q(TOPICS_COUNT)) };
	api_memo(c)->own = g;
}

static int16_t
count_growth(struct api_call *c, struct alv_str *text)
{
	uint64_t more = 0;

	for (const struct growth *g = api_memo(c)->own; g != NULL; g = g->next) {
		struct alv_str		phys = physical(c, g->name);
		const struct clu_topic *t = phys.p == NULL ? NULL : clu_topic_find(c->view, phys);
		int32_t			have = t == NULL ? 0 : t->partitions;

		more += g->count > have ? (uint64_t)(g->count - have) : 0;
	}
	return more == 0 ? 0 : api_count_topics(c, 0, more, text);
}

enum api_result
api_create_partitions_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *topics = kfk_get(&q->root, Q(TOPICS)), *prev = NULL, *next;
	struct alv_str	 text;
	struct kfk_tree	 r;
	int16_t		 code;

	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = next) {
		text = ALV_STR_NULL;
		code = judge_growth(c, q, e, &text);
		if (code == 0)
			code = throttle_growth(c, q, e, &text);
		next = e->next;
		if (code == 0) {
			note_growth(c, q, e);
			prev = e;
			continue;
		}
		deny(c, kfk_get_str(q, e, Q(TOPICS_NAME)), code, text);
		kfk_unlink(topics, prev, e);
	}
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	api_memo(c)->validate_only = kfk_get_int(q, &q->root, Q(VALIDATE_ONLY)) != 0;
	code = topics == NULL ? 0 : count_growth(c, &text);
	for (struct kfk_node *e = code == 0 ? NULL : topics->kids; e != NULL; e = e->next)
		deny(c, kfk_get_str(q, e, Q(TOPICS_NAME)), code, text);
	if (code == 0 && (api_memo(c)->split.first == NULL || topics == NULL || topics->n > 0))
		return api_forward(c, q);
	api_answer_begin(c, &r);
	api_add_results(c, &r, &grow_fields);
	return api_answer(c, &r);
}

static void
learn_growth(struct api_call *c, struct alv_str virt)
{
	struct alv_str		phys = physical(c, virt);
	const struct clu_topic *t = phys.p == NULL ? NULL : clu_topic_find(c->view, phys);

	for (const struct growth *g = api_memo(c)->own; t != NULL && g != NULL; g = g->next)
		if (alv_str_eq(g->name, virt))
			api_learn(c, phys, t->id, g->count, false);
}

enum api_result
api_create_partitions_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *list;
	enum api_result	 result;

	if (!api_unmap(c, r, &result))
		return result;
	list = kfk_get(&r->root, R(RESULTS));
	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		if (!api_memo(c)->validate_only && kfk_get_int(r, e, R(RESULTS_ERROR_CODE)) == 0)
			learn_growth(c, kfk_get_str(r, e, R(RESULTS_NAME)));
	api_add_results(c, r, &grow_fields);
	return made(c, api_learnt_or_answer(c, api_answer(c, r)));
}
