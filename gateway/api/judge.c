/* Who may do what to which topic: the questions that all handlers ask, on virtual names and on topic ids.
 * Invariants: what is foreign and what does not exist cannot be told apart (3 by name, 100 by id); 29 is said of own
 * topics only; an id is looked up once, by its physical name, and never guessed. */
#include "api/kit.h"

/* The connection's principal, looked up anew when the snapshot is another. */
static struct pol_who *
who(const struct api_call *c)
{
	struct api_conn *conn = c->conn;

	if (conn->who.build != c->tenant->build)
		pol_who_set(&conn->who, c->tenant, alv_str_of(conn->principal), alv_str_of(conn->host), conn->claimed);
	return &conn->who;
}

bool
api_may(const struct api_call *c, enum pol_op op, enum pol_resource res, struct alv_str virt)
{
	return pol_may(c->tenant, who(c), op, res, virt);
}

bool
api_may_cluster(const struct api_call *c, enum pol_op op)
{
	return api_may(c, op, POL_CLUSTER, ALV_STR("kafka-cluster"));
}

bool
api_enforce(struct api_call *c, enum pol_op op, enum pol_resource res, struct alv_str virt)
{
	if (api_may(c, op, res, virt))
		return true;
	api_want(c, op, res, virt);
	return false;
}

bool
api_enforce_cluster(struct api_call *c, enum pol_op op)
{
	return api_enforce(c, op, POL_CLUSTER, ALV_STR("kafka-cluster"));
}

bool
api_may_any(const struct api_call *c, enum pol_op op, enum pol_resource res)
{
	return pol_may_any(c->tenant, who(c), op, res);
}

bool
api_may_all(const struct api_call *c, enum pol_op op, enum pol_resource res)
{
	struct pol_query q = { .principal = alv_str_of(c->conn->principal), .host = alv_str_of(c->conn->host), .op = op,
		.resource = res, .name = ALV_STR_NULL, .claimed = c->conn->claimed };

	return pol_decide_all(c->tenant, &q);
}

int32_t
api_operations(const struct api_call *c, enum pol_resource res, struct alv_str virt)
{
	int32_t bits = pol_may_what(c->tenant, who(c), res, virt);

	/* What brokers do among themselves is nobody's here, whatever a tenant's rules say. */
	return res == POL_CLUSTER ? bits & ~(1 << POL_OP_CLUSTER_ACTION) : bits;
}

bool
api_internal_name(struct alv_str virt)
{
	static const char *const names[] = { "__consumer_offsets", "__transaction_state", "__share_group_state" };

	for (size_t i = 0; i < ALV_COUNT(names); i++)
		if (alv_str_eqz(virt, names[i]))
			return true;
	return false;
}

static bool
permitted(struct api_call *c, struct alv_str virt, enum pol_op op, int flags)
{
	if ((flags & API_OR_CLUSTER) && api_may_cluster(c, op))
		return true;
	return flags & API_QUIET ? api_may(c, op, POL_TOPIC, virt) : api_enforce(c, op, POL_TOPIC, virt);
}

/* An own topic. */
static int16_t
judge_own(struct api_call *c, struct alv_str virt, bool writable, enum pol_op op, int flags)
{
	if (!permitted(c, virt, op, flags))
		return KFK_TOPIC_AUTHORIZATION_FAILED;
	return (flags & API_WRITES) && !writable ? KFK_TOPIC_AUTHORIZATION_FAILED : 0;
}

int16_t
api_judge_topic(struct api_call *c, struct alv_str virt, enum pol_op op, int flags, struct alv_str *phys)
{
	const struct ten_names *names = &c->tenant->names;
	bool			writable;

	if (virt.p == NULL)
		return KFK_INVALID_TOPIC_EXCEPTION;
	if (ten_map(names, TEN_TOPIC, virt, &c->arena, phys) == ALV_OK && ten_owns(names, TEN_TOPIC, *phys, &writable))
		return judge_own(c, virt, writable, op, flags);
	/* A principal that may not even describe it learns nothing of why it cannot be. */
	if (!permitted(c, virt, op, flags))
		return KFK_TOPIC_AUTHORIZATION_FAILED;
	return ten_topic_check(names, virt) ? KFK_INVALID_TOPIC_EXCEPTION : KFK_UNKNOWN_TOPIC_OR_PARTITION;
}

int16_t
api_judge_name(struct api_call *c, struct alv_str virt, enum pol_op op, int flags)
{
	struct alv_str phys;

	return api_judge_topic(c, virt, op, flags, &phys);
}

int16_t
api_judge_other(struct api_call *c, enum ten_kind kind, struct alv_str virt, enum pol_op op, int16_t illegal, int16_t denied)
{
	const struct ten_names *names = &c->tenant->names;
	bool			writable = false;
	struct alv_str		phys;

	if (virt.p == NULL || virt.n == 0 || ten_map(names, kind, virt, &c->arena, &phys))
		return illegal;
	if (!api_enforce(c, op, kind == TEN_GROUP ? POL_GROUP : POL_TXN, virt) || !ten_owns(names, kind, phys, &writable))
		return denied;
	return writable || op == POL_OP_DESCRIBE || op == POL_OP_DESCRIBE_CONFIGS ? 0 : denied;
}

static bool
want_id(struct api_call *c, struct alv_uuid id)
{
	if (c->ids_asked)
		return false;
	if (c->ids == NULL)
		c->ids = alv_arena_alloc(&c->arena, API_WAIT_IDS_MAX * sizeof(*c->ids));
	if (c->ids == NULL)
		return false;
	for (size_t i = 0; i < c->nids; i++)
		if (alv_uuid_eq(c->ids[i], id))
			return true;
	if (c->nids == API_WAIT_IDS_MAX)
		return false;
	c->ids[c->nids++] = id;
	return true;
}

/* Whose name an id stands for, as far as is known here. */
static enum alv_err
name_of(struct api_call *c, struct alv_uuid id, struct alv_str *phys)
{
	struct api_worker *w = c->conn->w;
	enum alv_err	   err = clu_ids_find(w->ids, c->view, id, w->now_us, phys);

	return err == ALV_E_AGAIN && !want_id(c, id) ? ALV_E_NOT_FOUND : err;
}

enum alv_err
api_own_id(struct api_call *c, struct alv_uuid id, struct alv_str *phys)
{
	enum alv_err err = name_of(c, id, phys);

	return err || ten_owns_id(&c->tenant->names, id, *phys) ? err : ALV_E_NOT_FOUND;
}

int16_t
api_judge_id(struct api_call *c, struct alv_uuid id, enum pol_op op, int flags, struct alv_str *virt)
{
	struct alv_str phys;
	enum alv_err   err = name_of(c, id, &phys);
	bool	       writable;

	*virt = ALV_STR_NULL;
	if (err == ALV_E_AGAIN)
		return API_UNRESOLVED;
	if (err || !ten_owned_id(&c->tenant->names, id, phys, virt, &writable))
		return KFK_UNKNOWN_TOPIC_ID;
	*virt = alv_arena_str(&c->arena, *virt);	/* the cache's text may go with the next that is learnt */
	return judge_own(c, *virt, writable, op, flags);
}

/* ---- the catalogue --------------------------------------------------------------------------------- */

/* Calls fn if the principal may know of it. False: stop. */
static bool
offer(struct api_call *c, const struct clu_topic *t, bool judged, api_topic_fn fn, void *arg)
{
	struct alv_str virt;

	if (ten_unmap(&c->tenant->names, TEN_TOPIC, t->name, &virt) || (judged && !api_may(c, POL_OP_DESCRIBE, POL_TOPIC, virt)))
		return true;
	return fn(arg, t->name, virt);
}

static void
each_topic(struct api_call *c, bool judged, api_topic_fn fn, void *arg)
{
	const struct ten_names *names = &c->tenant->names;
	const struct clu_topic *t;
	size_t			n = clu_topic_range(c->view, names->prefix, &t);

	for (size_t i = 0; i < n; i++)
		if (!offer(c, &t[i], judged, fn, arg))
			return;
	for (size_t i = 0; i < names->naliases; i++) {
		const struct ten_alias *a = &names->by_virt[i];

		/* Those below the own prefix came by above. */
		if (a->kind != TEN_TOPIC || alv_str_starts(a->phys, names->prefix))
			continue;
		t = clu_topic_find(c->view, a->phys);
		if (t != NULL && !offer(c, t, judged, fn, arg))
			return;
	}
}

void
api_each_topic(struct api_call *c, api_topic_fn fn, void *arg)
{
	each_topic(c, true, fn, arg);
}

void
api_each_own_topic(struct api_call *c, api_topic_fn fn, void *arg)
{
	each_topic(c, false, fn, arg);
}

void
api_learn_id(struct api_call *c, struct alv_uuid id, struct alv_str phys)
{
	struct api_worker *w = c->conn->w;
	struct alv_str	   known;

	/* Most ids that pass are known already: a lookup is cheaper than making the entry anew. */
	if (!alv_uuid_zero(id) && clu_ids_find(w->ids, c->view, id, w->now_us, &known))
		clu_ids_learn(w->ids, id, phys, w->now_us);
}

void
api_learn(struct api_call *c, struct alv_str phys, struct alv_uuid id, int32_t partitions, bool deleted)
{
	if (c->learnt == NULL)
		c->learnt = alv_arena_alloc(&c->arena, API_LEARN_MAX * sizeof(*c->learnt));
	if (c->learnt == NULL || c->nlearnt == API_LEARN_MAX)
		return;		/* the catalogue finds the rest by itself, a little later */
	c->learnt[c->nlearnt++] = (struct api_learnt){ alv_arena_str(&c->arena, phys), id, partitions, deleted };
}

enum api_result
api_learnt_or_answer(struct api_call *c, enum api_result answered)
{
	if (answered != API_ANSWER || c->nlearnt == 0)
		return answered;
	c->wait = API_WAIT_LEARN;
	return API_WAIT;
}
