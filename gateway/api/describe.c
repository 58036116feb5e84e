/* DescribeCluster, answered here, and DescribeTopicPartitions, which is paged.
 * Invariants: only brokers that this connection's clients can reach are named, with the same host and port everywhere;
 * a page ends inside the tenant's own topics, so no cursor ever names another's. */
#include <stdlib.h>

#include "api/kit.h"

/* ---- brokers ------------------------------------------------------------------------------------ */

void
api_put_brokers(struct api_call *c, struct kfk_tree *r, struct kfk_node *list, uint16_t node, uint16_t host, uint16_t port)
{
	for (size_t i = 0; i < c->view->nbrokers; i++) {
		struct alv_str	 h;
		int32_t		 p;
		struct kfk_node *e;

		if (!api_advertise(c->conn, &c->arena, c->view->brokers[i].id, &h, &p))
			continue;
		e = kfk_add(r, list);
		kfk_set_int(r, e, node, c->view->brokers[i].id);
		kfk_set_str(r, e, host, h);
		kfk_set_int(r, e, port, p);
	}
}

int32_t
api_some_broker(struct api_call *c, int64_t wanted)
{
	if (api_reachable(c->conn, wanted))
		return (int32_t)wanted;
	for (size_t i = 0; i < c->view->nbrokers; i++)
		if (api_reachable(c->conn, c->view->brokers[i].id))
			return c->view->brokers[i].id;
	return -1;
}

/* ---- DescribeCluster -------------------------------------------------------------------------------- */

#define R(f) KFK_DESCRIBE_CLUSTER_RESPONSE_##f

enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

/* Tenants see brokers only; before version 1 there was no word for anything else. */
static bool
asks_brokers(const struct kfk_tree *q)
{
	return q->version < 1 || kfk_get_int(q, &q->root, KFK_DESCRIBE_CLUSTER_REQUEST_ENDPOINT_TYPE) == ENDPOINT_BROKERS;
}

static enum api_result
refuse_endpoint(struct api_call *c, int64_t type)
{
	bool		known = type == ENDPOINT_CONTROLLERS;
	int16_t		code = known ? KFK_MISMATCHED_ENDPOINT_TYPE : KFK_UNSUPPORTED_ENDPOINT_TYPE;
	struct kfk_tree r;

	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, R(ERROR_CODE), code);
	kfk_set_str(&r, &r.root, R(ERROR_MESSAGE),
	    known ? ALV_STR("The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER")
		  : alv_arena_printf(&c->arena, "Unsupported endpoint type %d", (int)type));
	api_note(c, code);
	return api_answer(c, &r);
}

enum api_result
api_describe_cluster_request(struct api_call *c, struct kfk_tree *q)
{
	bool		ops = kfk_get_int(q, &q->root, KFK_DESCRIBE_CLUSTER_REQUEST_INCLUDE_CLUSTER_AUTHORIZED_OPERATIONS) != 0;
	struct kfk_tree r;

	if (!asks_brokers(q))
		return refuse_endpoint(c, kfk_get_int(q, &q->root, KFK_DESCRIBE_CLUSTER_REQUEST_ENDPOINT_TYPE));
	if (c->view == NULL)
		return api_close(c, MET_CLOSE_NO_BROKER);
	api_answer_begin(c, &r);
	kfk_set_str(&r, &r.root, R(CLUSTER_ID), alv_arena_str(&c->arena, alv_str_of(c->tenant->cluster_id)));
	kfk_set_int(&r, &r.root, R(CONTROLLER_ID), api_some_broker(c, c->view->controller_id));
	api_put_brokers(c, &r, kfk_set_empty(&r, &r.root, R(BROKERS)), R(BROKERS_BROKER_ID), R(BROKERS_HOST), R(BROKERS_PORT));
	api_put_racks(c, &r, kfk_get(&r.root, R(BROKERS)), R(BROKERS_BROKER_ID), R(BROKERS_RACK));
	if (ops)
		kfk_set_int(&r, &r.root, R(CLUSTER_AUTHORIZED_OPERATIONS), !api_may_cluster(c, POL_OP_DESCRIBE) ? 0
		    : api_operations(c, POL_CLUSTER, ALV_STR("kafka-cluster")));
	return api_answer(c, &r);
}
#undef R

/* ---- DescribeTopicPartitions: request ------------------------------------------------------------------
 * A broker answers named topics in order of their physical names, from the cursor on. "All" becomes the names that the
 * catalogue has: aliases are among them, and nothing has to be filtered out of a page. Names before the cursor are not
 * sent again, so a page costs by what is left; a cursor at a topic that went meanwhile begins with the next. */

#define Q(f) KFK_DESCRIBE_TOPIC_PARTITIONS_REQUEST_##f
#define R(f) KFK_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_##f

struct pages {
	struct api_call *c;
	struct kfk_tree *q;
	struct kfk_node *topics;
	struct alv_str	 from;	/* physical; null: the first page */
	bool		 found;	/* the cursor's topic is among them */
};

static bool
before_cursor(struct pages *p, struct alv_str phys)
{
	int order = p->from.p == NULL ? 1 : alv_str_cmp(phys, p->from);

	p->found |= p->from.p != NULL && order == 0;
	return order < 0;
}

static bool
page_topic(void *arg, struct alv_str phys, struct alv_str virt)
{
	struct pages *p = arg;

	if (!before_cursor(p, phys))
		kfk_set_str(p->q, kfk_add(p->q, p->topics), Q(TOPICS_NAME), virt);
	return !p->c->arena.failed;
}

/* Topics that the client named: what is refused, and what is before the cursor, is not sent. */
static void
page_named(struct pages *p)
{
	struct kfk_node	 *prev = NULL, *next;
	struct api_split *s = &api_memo(p->c)->split;

	for (struct kfk_node *e = p->topics->kids; e != NULL; e = next) {
		struct alv_str virt = kfk_get_str(p->q, e, Q(TOPICS_NAME)), phys = ALV_STR_NULL;
		int16_t	       code = api_judge_name(p->c, virt, POL_OP_DESCRIBE, 0);
		bool	       mapped = ten_map(&p->c->tenant->names, TEN_TOPIC, virt, &p->c->arena, &phys) == ALV_OK;
		bool	       past = mapped && before_cursor(p, phys);

		next = e->next;
		if (!past && code == 0) {
			prev = e;
			continue;
		}
		if (!past)
			(void)api_deny(p->c, s, virt, (struct alv_uuid){ { 0 } }, code);
		kfk_unlink(p->topics, prev, e);
	}
}

static bool
names_cursor(const struct pages *p, const struct kfk_node *topics, struct alv_str virt)
{
	for (const struct kfk_node *e = topics->kids; e != NULL; e = e->next)
		if (alv_str_eq(kfk_get_str(p->q, e, Q(TOPICS_NAME)), virt))
			return true;
	return false;
}

static enum api_result
refuse_pages(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topics)
{
	struct kfk_tree	 r;
	struct kfk_node *list;

	api_answer_begin(c, &r);
	list = kfk_set_empty(&r, &r.root, R(TOPICS));
	kfk_set_null(&r, &r.root, R(NEXT_CURSOR));
	for (const struct kfk_node *e = topics == NULL ? NULL : topics->kids; e != NULL; e = e->next) {
		struct kfk_node *t = kfk_add(&r, list);

		kfk_set_int(&r, t, R(TOPICS_ERROR_CODE), KFK_INVALID_REQUEST);
		kfk_set_str(&r, t, R(TOPICS_NAME), kfk_get_str(q, e, Q(TOPICS_NAME)));
	}
	api_note(c, KFK_INVALID_REQUEST);
	return api_answer(c, &r);
}

/* The client's cursor as a physical name. False: it is none that this request can have. */
static bool
read_cursor(struct pages *p, const struct kfk_node *topics, bool all)
{
	struct kfk_node *cursor = kfk_get(&p->q->root, Q(CURSOR));
	struct alv_str	 virt;

	if (cursor == NULL || cursor->v.is_null)
		return true;
	virt = kfk_get_str(p->q, cursor, Q(CURSOR_TOPIC_NAME));
	if (kfk_get_int(p->q, cursor, Q(CURSOR_PARTITION_INDEX)) < 0)
		return false;
	if (!all && !names_cursor(p, topics, virt))
		return false;
	return ten_map(&p->c->tenant->names, TEN_TOPIC, virt, &p->c->arena, &p->from) == ALV_OK;
}

static enum api_result
answer_no_pages(struct api_call *c)
{
	struct kfk_tree r;

	api_answer_begin(c, &r);
	return api_describe_topic_partitions_response(c, &r);
}

enum api_result
api_describe_topic_partitions_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *topics = kfk_get(&q->root, Q(TOPICS));
	bool		 all = topics == NULL || topics->n == 0;
	struct pages	 p = { .c = c, .q = q };

	if (!read_cursor(&p, topics, all))
		return refuse_pages(c, q, topics);
	api_memo(c)->all = all;
	api_memo(c)->topic_ops = api_memo(c)->shares = true;
	p.topics = all ? kfk_set_empty(q, &q->root, Q(TOPICS)) : topics;
	if (all)
		api_each_topic(c, page_topic, &p);
	else
		page_named(&p);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	/* To a broker an empty list means every topic of the cluster. */
	if (p.topics->n == 0)
		return answer_no_pages(c);
	if (!p.found)
		kfk_set_null(q, &q->root, Q(CURSOR));
	return api_forward(c, q);
}

/* ---- DescribeTopicPartitions: response ------------------------------------------------------------------ */

/* Where the next page would begin is not a place of this tenant's: then there is none. */
static void
check_cursor(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *cursor = kfk_get(&r->root, R(NEXT_CURSOR));
	struct alv_str	 virt;

	if (cursor == NULL || cursor->v.is_null)
		return;
	if (ten_unmap(&c->tenant->names, TEN_TOPIC, kfk_get_str(r, cursor, R(NEXT_CURSOR_TOPIC_NAME)), &virt))
		kfk_set_null(r, &r->root, R(NEXT_CURSOR));
}

static int
by_name(const void *a, const void *b)
{
	const struct kfk_node *const *x = a, *const *y = b;
	const struct kfk_node	     *nx = kfk_get(*x, R(TOPICS_NAME)), *ny = kfk_get(*y, R(TOPICS_NAME));

	return alv_str_cmp(nx == NULL ? ALV_STR("") : nx->v.s, ny == NULL ? ALV_STR("") : ny->v.s);
}

/* Kafka's answers are in order of the names; so are ours with what was refused among them. */
static void
sort_topics(struct api_call *c, struct kfk_node *topics)
{
	struct kfk_node **all = alv_arena_alloc(&c->arena, (topics->n + 1) * sizeof(struct kfk_node *));
	size_t		  n = 0;

	if (all == NULL || topics->n < 2)
		return;
	for (struct kfk_node *e = topics->kids; e != NULL; e = e->next)
		all[n++] = e;
	qsort(all, n, sizeof(struct kfk_node *), by_name);
	topics->kids = topics->last = NULL;
	topics->n = 0;
	for (size_t i = 0; i < n; i++)
		kfk_append(topics, all[i]);
}

static void
fix_page(struct api_call *c, struct kfk_tree *r, struct kfk_node *topics)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = topics->kids; e != NULL; e = next) {
		struct alv_str name = kfk_get_str(r, e, R(TOPICS_NAME));
		int64_t	       code = kfk_get_int(r, e, R(TOPICS_ERROR_CODE));

		next = e->next;
		if (api_memo(c)->all && code == KFK_UNKNOWN_TOPIC_OR_PARTITION) {
			kfk_unlink(topics, prev, e);
			continue;
		}
		kfk_set_int(r, e, R(TOPICS_IS_INTERNAL), api_internal_name(name));
		kfk_set_int(r, e, R(TOPICS_TOPIC_AUTHORIZED_OPERATIONS), api_operations(c, POL_TOPIC, name));
		prev = e;
	}
}

enum api_result
api_describe_topic_partitions_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *topics;
	enum api_result	 result;

	check_cursor(c, r);
	if (!api_unmap(c, r, &result))
		return result;
	topics = kfk_get(&r->root, R(TOPICS));
	if (topics == NULL)
		topics = kfk_set_empty(r, &r->root, R(TOPICS));
	fix_page(c, r, topics);
	for (const struct api_denied *d = api_memo(c)->split.first; d != NULL; d = d->next) {
		struct kfk_node *e = kfk_add(r, topics);

		kfk_set_int(r, e, R(TOPICS_ERROR_CODE), d->code);
		kfk_set_str(r, e, R(TOPICS_NAME), d->name);
		if (d->code == KFK_INVALID_TOPIC_EXCEPTION)
			kfk_set_int(r, e, R(TOPICS_TOPIC_AUTHORIZED_OPERATIONS), api_operations(c, POL_TOPIC, d->name));
	}
	sort_topics(c, topics);
	if (kfk_get(&r->root, R(NEXT_CURSOR)) == NULL)
		kfk_set_null(r, &r->root, R(NEXT_CURSOR));
	return api_answer(c, r);
}
