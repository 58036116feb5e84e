/* DescribeLogDirs: how much a tenant's own partitions take on a broker, and nothing of its disks.
 * Invariants: "all" is never asked of a broker; paths become numbers, sizes of the disk are unknown to tenants. */
#include "api/kit.h"

#define Q(f) KFK_DESCRIBE_LOG_DIRS_REQUEST_##f
#define R(f) KFK_DESCRIBE_LOG_DIRS_RESPONSE_##f

enum { V_TOP_ERROR = 3 };

/* ---- request ------------------------------------------------------------------------------------------- */

struct own {
	struct api_call *c;
	struct kfk_tree *q;
	struct kfk_node *list;
};

static bool
ask_for(void *arg, struct alv_str phys, struct alv_str virt)
{
	struct own	       *o = arg;
	const struct clu_topic *t = clu_topic_find(o->c->view, phys);
	struct kfk_node	       *e, *parts;

	if (t == NULL)
		return true;
	e = kfk_add(o->q, o->list);
	kfk_set_str(o->q, e, Q(TOPICS_TOPIC), alv_arena_str(&o->c->arena, virt));
	parts = kfk_set_empty(o->q, e, Q(TOPICS_PARTITIONS));
	for (int32_t i = 0; i < t->partitions; i++)
		kfk_add(o->q, parts)->v.i = i;
	return !o->c->arena.failed;
}

/* What cannot be named here is on no broker. */
static void
drop_unnameable(struct api_call *c, const struct kfk_tree *q, struct kfk_node *list)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = list->kids; e != NULL; e = next) {
		struct alv_str phys;

		next = e->next;
		if (ten_map(&c->tenant->names, TEN_TOPIC, kfk_get_str(q, e, Q(TOPICS_TOPIC)), &c->arena, &phys) == ALV_OK)
			prev = e;
		else
			kfk_unlink(list, prev, e);
	}
}

enum api_result
api_describe_log_dirs_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *list = kfk_get(&q->root, Q(TOPICS));
	struct own	 o = { .c = c, .q = q };
	struct kfk_tree	 r;

	if (!api_enforce_cluster(c, POL_OP_DESCRIBE)) {
		api_answer_begin(c, &r);
		if (q->version >= V_TOP_ERROR)
			kfk_set_int(&r, &r.root, R(ERROR_CODE), KFK_CLUSTER_AUTHORIZATION_FAILED);
		api_note(c, KFK_CLUSTER_AUTHORIZATION_FAILED);
		return api_answer(c, &r);
	}
	if (list == NULL || list->v.is_null) {
		o.list = kfk_set_empty(q, &q->root, Q(TOPICS));
		api_each_own_topic(c, ask_for, &o);
	} else {
		drop_unnameable(c, q, list);
	}
	return c->arena.failed ? api_fail(c, ALV_E_LIMIT) : api_forward(c, q);
}

/* ---- response ------------------------------------------------------------------------------------------- */

/* Its place among the broker's directories by their paths: the same each time, and says nothing else. */
static uint32_t
rank(const struct kfk_tree *r, const struct kfk_node *list, const struct kfk_node *of)
{
	struct alv_str path = kfk_get_str(r, of, R(RESULTS_LOG_DIR));
	uint32_t       n = 1;

	for (const struct kfk_node *e = list->kids; e != NULL; e = e->next)
		n += alv_str_cmp(kfk_get_str(r, e, R(RESULTS_LOG_DIR)), path) < 0;
	return n;
}

enum api_result
api_describe_log_dirs_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *list = kfk_get(&r->root, R(RESULTS)), *e;
	uint32_t	*ranks = alv_arena_alloc(&c->arena, (list == NULL ? 0 : list->n) * sizeof(*ranks) + 1);
	size_t		 i = 0;
	enum api_result	 result;

	if (ranks == NULL)
		return api_fail(c, ALV_E_LIMIT);
	for (e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		ranks[i++] = rank(r, list, e);
	if (!api_unmap(c, r, &result))
		return result;
	i = 0;
	for (e = list == NULL ? NULL : list->kids; e != NULL; e = e->next) {
		kfk_set_str(r, e, R(RESULTS_LOG_DIR), alv_arena_printf(&c->arena, "/logs/%u", ranks[i++]));
		kfk_set_int(r, e, R(RESULTS_TOTAL_BYTES), -1);
		kfk_set_int(r, e, R(RESULTS_USABLE_BYTES), -1);
		kfk_set_int(r, e, R(RESULTS_IS_CORDONED), 0);
	}
	return api_answer(c, r);
}
