/* ListConfigResources: what has configs. Topics come from the catalogue, brokers are the virtual ones, groups that have configs are
 * asked of a broker, which answers with everybody's.
 * Invariant: no other type than groups goes upstream; there are neither client metrics nor loggers. */
#include "api/configs.h"

#define Q(f) KFK_LIST_CONFIG_RESOURCES_REQUEST_##f
#define R(f) KFK_LIST_CONFIG_RESOURCES_RESPONSE_##f

enum { V_TYPES = 1 };

/* What was asked for, until the answer is made. */
struct listing {
	bool topics, brokers, groups;
};

static bool
note_type(struct listing *l, int64_t type)
{
	l->topics |= type == API_RES_TOPIC;
	l->brokers |= type == API_RES_BROKER;
	l->groups |= type == API_RES_GROUP;
	return api_resource_known(type);
}

/* ---- what is known here --------------------------------------------------------------------------------- */

static void
add(struct kfk_tree *r, int type, struct alv_str name)
{
	struct kfk_node *list = kfk_get(&r->root, R(CONFIG_RESOURCES)), *e;

	if (list == NULL)
		list = kfk_set_empty(r, &r->root, R(CONFIG_RESOURCES));
	e = kfk_add(r, list);
	kfk_set_str(r, e, R(CONFIG_RESOURCES_RESOURCE_NAME), name);
	kfk_set_int(r, e, R(CONFIG_RESOURCES_RESOURCE_TYPE), type);
}

static bool
add_topic(void *arg, struct alv_str phys, struct alv_str virt)
{
	struct kfk_tree *r = arg;

	(void)phys;
	add(r, API_RES_TOPIC, alv_arena_str(r->arena, virt));
	return !r->arena->failed;
}

static void
add_known(struct api_call *c, struct kfk_tree *r, const struct listing *l)
{
	if (l->topics)
		api_each_own_topic(c, add_topic, r);
	for (size_t i = 0; l->brokers && i < c->view->nbrokers; i++)
		if (api_reachable(c->conn, c->view->brokers[i].id))
			add(r, API_RES_BROKER, alv_arena_printf(&c->arena, "%d", c->view->brokers[i].id));
}

/* ---- handlers -------------------------------------------------------------------------------------------- */

enum api_result
api_list_config_resources_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *types = kfk_get(&q->root, Q(RESOURCE_TYPES));
	struct listing	*l = alv_arena_alloc(&c->arena, sizeof(*l));
	struct kfk_tree	 r;

	if (l == NULL)
		return api_fail(c, ALV_E_LIMIT);
	if (!api_enforce_cluster(c, POL_OP_DESCRIBE_CONFIGS))
		return api_answer_code(c, R(ERROR_CODE), KFK_CLUSTER_AUTHORIZATION_FAILED);
	for (const struct kfk_node *e = types == NULL ? NULL : types->kids; e != NULL; e = e->next)
		if (!note_type(l, e->v.i))
			return api_answer_code(c, R(ERROR_CODE), KFK_UNSUPPORTED_VERSION);
	if (q->version >= V_TYPES && (types == NULL || types->n == 0))
		*l = (struct listing){ true, true, true };
	if (l->groups) {
		api_memo(c)->own = l;
		kfk_add(q, kfk_set_empty(q, &q->root, Q(RESOURCE_TYPES)))->v.i = API_RES_GROUP;
		return api_forward(c, q);
	}
	api_answer_begin(c, &r);
	add_known(c, &r, l);
	return api_answer(c, &r);
}

static void
drop_others(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *list = kfk_get(&r->root, R(CONFIG_RESOURCES)), *prev = NULL, *next;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		next = e->next;
		if (kfk_get_int(r, e, R(CONFIG_RESOURCES_RESOURCE_TYPE)) == API_RES_GROUP) {
			prev = e;
			continue;
		}
		kfk_unlink(list, prev, e);
		met_dropped(c->conn->w->meter, 0, 1);
	}
}

enum api_result
api_list_config_resources_response(struct api_call *c, struct kfk_tree *r)
{
	enum api_result result;

	drop_others(c, r);
	if (!api_unmap(c, r, &result))
		return result;
	if (kfk_get_int(r, &r->root, R(ERROR_CODE)) == 0)
		add_known(c, r, api_memo(c)->own);
	return api_answer(c, r);
}
