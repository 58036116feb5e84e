/* Metadata: which topics there are and who leads them.
 * Invariants: brokers are never asked for "all topics" (the names come from the catalogue) and never told that they may
 * create one: where a tenant's setting has topics come into being by being asked for, the gateway makes them under that
 * tenant's rules, and says meanwhile what a broker says; the brokers, the controller and the cluster id in the answer are the virtual ones; an id of another
 * tenant's topic is an unknown id. */
#include "api/counts.h"

#define Q(f) KFK_METADATA_REQUEST_##f
#define R(f) KFK_METADATA_RESPONSE_##f

enum {
	V_RACK = 1,	/* the first version that can say where a broker is */
	V_FLAG = 4,	/* the first version that can say "do not create" */
	V_BY_ID = 12,
	V_REBOOTSTRAP = 13	/* the first version that can send a client back to its bootstrap servers */
};

/* ---- request: all topics ------------------------------------------------------------------------ */

struct listing {
	struct kfk_tree *q;
	struct kfk_node *topics;
};

static bool
list_topic(void *arg, struct alv_str phys, struct alv_str virt)
{
	struct listing *l = arg;

	(void)phys;
	/* Virtual, as a client would have named it: mapping comes after. */
	kfk_set_str(l->q, kfk_add(l->q, l->topics), Q(TOPICS_NAME), virt);
	return !l->q->arena->failed;
}

static enum api_result
forward(struct api_call *c, struct kfk_tree *q)
{
	if (q->version < V_FLAG)
		q->version = V_FLAG;
	kfk_set_int(q, &q->root, Q(ALLOW_AUTO_TOPIC_CREATION), 0);
	kfk_set_int(q, &q->root, Q(INCLUDE_CLUSTER_AUTHORIZED_OPERATIONS), 0);
	kfk_set_int(q, &q->root, Q(INCLUDE_TOPIC_AUTHORIZED_OPERATIONS), 0);
	return api_forward(c, q);
}

static enum api_result
all_topics(struct api_call *c, struct kfk_tree *q)
{
	struct listing l = { .q = q, .topics = kfk_set_empty(q, &q->root, Q(TOPICS)) };

	api_memo(c)->all = api_memo(c)->shares = true;
	if (api_leaks(c))
		kfk_set_null(q, &q->root, Q(TOPICS));
	else
		api_each_topic(c, list_topic, &l);
	return forward(c, q);
}

/* ---- request: topics by name and by id ------------------------------------------------------------ */

/* Before ids could be used, one topic without a name or with an id spoils the whole request. */
static bool
premature_ids(const struct kfk_tree *q, const struct kfk_node *topics)
{
	if (q->version >= V_BY_ID)
		return false;
	for (const struct kfk_node *e = topics->kids; e != NULL; e = e->next)
		if (kfk_get_str(q, e, Q(TOPICS_NAME)).p == NULL || !alv_uuid_zero(kfk_get_uuid(q, e, Q(TOPICS_TOPIC_ID))))
			return true;
	return false;
}

static enum api_result
refuse_all(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topics, int16_t code)
{
	struct kfk_tree	 r;
	struct kfk_node *list;

	api_answer_begin(c, &r);
	list = kfk_set_empty(&r, &r.root, R(TOPICS));
	for (const struct kfk_node *e = topics->kids; e != NULL; e = e->next) {
		struct kfk_node *t = kfk_add(&r, list);
		struct alv_str	 name = kfk_get_str(q, e, Q(TOPICS_NAME));

		kfk_set_int(&r, t, R(TOPICS_ERROR_CODE), code);
		kfk_set_str(&r, t, R(TOPICS_NAME), name.p == NULL ? ALV_STR("") : name);
	}
	api_note(c, code);
	return api_answer(c, &r);
}

static bool
any_id(const struct kfk_tree *q, const struct kfk_node *topics)
{
	for (const struct kfk_node *e = topics->kids; e != NULL; e = e->next)
		if (!alv_uuid_zero(kfk_get_uuid(q, e, Q(TOPICS_TOPIC_ID))))
			return true;
	return false;
}

/* True: it stays in the request. */
static bool
judge_topic(struct api_call *c, const struct kfk_tree *q, struct kfk_node *e, bool ids)
{
	struct api_split *s = &api_memo(c)->split;
	struct alv_uuid	  id = kfk_get_uuid(q, e, Q(TOPICS_TOPIC_ID)), none = { { 0 } };
	struct alv_str	  name = kfk_get_str(q, e, Q(TOPICS_NAME)), virt;
	int16_t		  code;

	if (!ids) {
		code = api_judge_name(c, name, POL_OP_DESCRIBE, 0);
		if (code != 0)
			(void)api_deny(c, s, name.p == NULL ? ALV_STR("") : name, none, code);
		return code == 0;
	}
	if (alv_uuid_zero(id))
		return false;	/* as in Kafka: beside ids, names are not looked at */
	code = api_judge_id(c, id, POL_OP_DESCRIBE, 0, &virt);
	if (code == API_UNRESOLVED)
		s->waiting = true;
	else if (code != 0)
		(void)api_deny(c, s, ALV_STR_NULL, id, code);
	return code == 0 || code == API_UNRESOLVED;
}

static bool
may_create(const struct api_call *c, const struct kfk_tree *q)
{
	return c->tenant->auto_create.on && (q->version < V_FLAG || kfk_get_int(q, &q->root, Q(ALLOW_AUTO_TOPIC_CREATION)) != 0);
}

static enum api_result
some_topics(struct api_call *c, struct kfk_tree *q, struct kfk_node *topics)
{
	bool		 ids = any_id(q, topics);
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = topics->kids; e != NULL; e = next) {
		next = e->next;
		if (judge_topic(c, q, e, ids)) {
			if (ids)
				kfk_set_null(q, e, Q(TOPICS_NAME));
			prev = e;
		} else {
			kfk_unlink(topics, prev, e);
		}
	}
	if (api_memo(c)->split.waiting)
		return api_wait_ids(c);
	api_memo(c)->creates = !ids && may_create(c, q);
	return forward(c, q);
}

/* By then these addresses are somebody else's, who may know other brokers. */
static enum api_result
send_elsewhere(struct api_call *c)
{
	struct kfk_tree r;

	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, R(ERROR_CODE), KFK_REBOOTSTRAP_REQUIRED);
	api_note(c, KFK_REBOOTSTRAP_REQUIRED);
	return api_answer(c, &r);
}

enum api_result
api_metadata_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *topics = kfk_get(&q->root, Q(TOPICS));
	struct api_memo *memo = api_memo(c);
	bool		 null = topics == NULL || topics->v.is_null;

	if (atomic_load(&c->conn->w->shared->draining) && c->hdr.version >= V_REBOOTSTRAP)
		return send_elsewhere(c);
	memo->topic_ops = kfk_get_int(q, &q->root, Q(INCLUDE_TOPIC_AUTHORIZED_OPERATIONS)) != 0;
	memo->cluster_ops = kfk_get_int(q, &q->root, Q(INCLUDE_CLUSTER_AUTHORIZED_OPERATIONS)) != 0;
	if (null || (q->version == 0 && topics->n == 0))
		return all_topics(c, q);
	if (premature_ids(q, topics))
		return refuse_all(c, q, topics, KFK_INVALID_REQUEST);
	return some_topics(c, q, topics);
}

/* ---- response ---------------------------------------------------------------------------------------- */

/* A leader that clients cannot reach is no leader. */
static void
fix_partitions(struct kfk_tree *r, struct kfk_node *topic)
{
	struct kfk_node *parts = kfk_get(topic, R(TOPICS_PARTITIONS));

	for (struct kfk_node *e = parts == NULL ? NULL : parts->kids; e != NULL; e = e->next)
		if (kfk_get_int(r, e, R(TOPICS_PARTITIONS_LEADER_ID)) < 0 &&
		    kfk_get_int(r, e, R(TOPICS_PARTITIONS_ERROR_CODE)) == 0)
			kfk_set_int(r, e, R(TOPICS_PARTITIONS_ERROR_CODE), KFK_LEADER_NOT_AVAILABLE);
}

enum { AUTO_S = 10 };	/* a topic that is made behind the answer is there before, or never */

/* A topic of that name is made behind the answer. An alias leads to a topic that somebody else makes. False: a limit is reached. Who
 * creates too fast is told to wait, and asks again. */
static bool
create(struct api_call *c, struct alv_str virt)
{
	const struct pol_auto_create *a = &c->tenant->auto_create;
	const struct ten_names	     *names = &c->tenant->names;
	uint64_t		      partitions = a->partitions > 0 ? (uint64_t)a->partitions : 1;
	struct alv_str		      phys, text;

	if (c->create == NULL)
		c->create = alv_arena_alloc(&c->arena, API_CREATE_MAX * sizeof(*c->create));
	if (c->create == NULL || c->ncreate == API_CREATE_MAX || ten_topic_check(names, virt) ||
	    ten_map(names, TEN_TOPIC, virt, &c->arena, &phys) ||
	    !alv_str_eq(phys, alv_arena_cat(&c->arena, names->prefix, virt)))
		return true;	/* who needs it asks again */
	if (api_count_topics_soon(c, virt, 1, partitions, AUTO_S, &text) != 0)
		return false;
	if (api_quota_asked(c, phys, partitions) != 0)
		return true;
	c->create[c->ncreate++] = (struct api_create){ phys, a->partitions, a->replication_factor };
	return true;
}

/* The catalogue has it, this broker does not yet: it was created a moment ago. Not every client takes "unknown" for "soon". */
static bool
comes_soon(struct api_call *c, struct alv_str virt)
{
	struct alv_str phys;

	return virt.p != NULL && ten_map(&c->tenant->names, TEN_TOPIC, virt, &c->arena, &phys) == ALV_OK &&
	    clu_topic_find(c->view, phys) != NULL;
}

/* What a broker says that makes topics by itself: that there is none, until there is one; or that this principal may not. */
static int16_t
missing(struct api_call *c, struct alv_str virt)
{
	if (comes_soon(c, virt))
		return KFK_LEADER_NOT_AVAILABLE;
	if (!api_memo(c)->creates || virt.p == NULL || api_internal_name(virt))
		return KFK_UNKNOWN_TOPIC_OR_PARTITION;
	if (!api_may_cluster(c, POL_OP_CREATE) && !api_enforce(c, POL_OP_CREATE, POL_TOPIC, virt))
		return KFK_TOPIC_AUTHORIZATION_FAILED;
	if (!create(c, virt))
		return KFK_POLICY_VIOLATION;
	return KFK_UNKNOWN_TOPIC_OR_PARTITION;
}

static void
fix_topics(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *topics = kfk_get(&r->root, R(TOPICS)), *prev = NULL, *next;

	for (struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = next) {
		int64_t code = kfk_get_int(r, e, R(TOPICS_ERROR_CODE));

		next = e->next;
		/* Deleted since the catalogue was read: of all topics it simply is none. */
		if (api_memo(c)->all && code == KFK_UNKNOWN_TOPIC_OR_PARTITION) {
			kfk_unlink(topics, prev, e);
			continue;
		}
		if (code == KFK_UNKNOWN_TOPIC_OR_PARTITION)
			kfk_set_int(r, e, R(TOPICS_ERROR_CODE), missing(c, kfk_get_str(r, e, R(TOPICS_NAME))));
		kfk_set_int(r, e, R(TOPICS_IS_INTERNAL), api_internal_name(kfk_get_str(r, e, R(TOPICS_NAME))));
		fix_partitions(r, e);
		prev = e;
	}
}

/* What was refused: by name with its name, by id with its id and no name. */
static void
add_denied(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *topics = kfk_get(&r->root, R(TOPICS));

	if (topics == NULL)
		topics = kfk_set_empty(r, &r->root, R(TOPICS));
	for (const struct api_denied *d = api_memo(c)->split.first; d != NULL; d = d->next) {
		struct kfk_node *e = kfk_add(r, topics);

		kfk_set_int(r, e, R(TOPICS_ERROR_CODE), d->code);
		kfk_set_str(r, e, R(TOPICS_NAME), d->name);
		kfk_set_uuid(r, e, R(TOPICS_TOPIC_ID), d->id);
		if (api_memo(c)->topic_ops && d->code == KFK_INVALID_TOPIC_EXCEPTION)
			kfk_set_int(r, e, R(TOPICS_TOPIC_AUTHORIZED_OPERATIONS), api_operations(c, POL_TOPIC, d->name));
	}
}

enum api_result
api_metadata_response(struct api_call *c, struct kfk_tree *r)
{
	enum api_result result;

	api_put_brokers(c, r, kfk_set_empty(r, &r->root, R(BROKERS)), R(BROKERS_NODE_ID), R(BROKERS_HOST), R(BROKERS_PORT));
	kfk_set_int(r, &r->root, R(CONTROLLER_ID), api_some_broker(c, kfk_get_int(r, &r->root, R(CONTROLLER_ID))));
	if (!api_unmap(c, r, &result))
		return result;
	if (r->version >= V_RACK || c->hdr.version >= V_RACK)
		api_put_racks(c, r, kfk_get(&r->root, R(BROKERS)), R(BROKERS_NODE_ID), R(BROKERS_RACK));
	fix_topics(c, r);
	add_denied(c, r);
	return api_answer(c, r);
}
