/* DescribeConfigs, by the type of the resource: of topics and groups from a broker; of brokers a small virtual set
 * (broker_configs.c), since the real ones show the platform; of client metrics none, since a subscription would be
 * everybody's; of loggers nothing.
 * Invariants: no resource of another type than topic and group goes upstream; a config that the policy does not know is
 * not shown; what the platform set for a broker is a default to tenants. */
#include "api/configs.h"

#define Q(f) KFK_DESCRIBE_CONFIGS_REQUEST_##f
#define R(f) KFK_DESCRIBE_CONFIGS_RESPONSE_##f

static const struct api_resource_fields fields = { R(RESULTS), R(RESULTS_RESOURCE_TYPE), R(RESULTS_RESOURCE_NAME),
	R(RESULTS_ERROR_CODE), R(RESULTS_ERROR_MESSAGE) };

/* ---- resources ---------------------------------------------------------------------------------------- */

bool
api_resource_known(int64_t type)
{
	return type == API_RES_TOPIC || type == API_RES_BROKER || type == API_RES_BROKER_LOGGER ||
	    type == API_RES_CLIENT_METRICS || type == API_RES_GROUP;
}

int16_t
api_resource_judge(struct api_call *c, int64_t type, struct alv_str name, enum pol_op op, int flags)
{
	switch (type) {
	case API_RES_TOPIC:
		return api_judge_name(c, name, op, flags);
	case API_RES_GROUP:
		return api_judge_other(c, TEN_GROUP, name, op, KFK_INVALID_REQUEST, KFK_GROUP_AUTHORIZATION_FAILED);
	default:
		return api_enforce_cluster(c, op) ? 0 : KFK_CLUSTER_AUTHORIZATION_FAILED;
	}
}

struct api_resource *
api_resource_answer(struct api_call *c, int64_t type, struct alv_str name, int16_t code, struct alv_str text)
{
	struct api_resource *x = alv_arena_alloc(&c->arena, sizeof(*x));

	if (x == NULL)
		return NULL;
	*x = (struct api_resource){ .next = api_memo(c)->own, .type = type, .name = name, .code = code,
		.text = text.p != NULL || code == 0 ? text : alv_str_of(kfk_code_text(code)) };
	api_memo(c)->own = x;
	api_note(c, code);
	return x;
}

struct kfk_node *
api_resource_add(struct kfk_tree *r, const struct api_resource *x, const struct api_resource_fields *f)
{
	struct kfk_node *list = kfk_get(&r->root, f->list), *e;

	if (list == NULL)
		list = kfk_set_empty(r, &r->root, f->list);
	e = kfk_add(r, list);
	kfk_set_int(r, e, f->type, x->type);
	kfk_set_str(r, e, f->name, x->name);
	kfk_set_int(r, e, f->code, x->code);
	if (x->text.p == NULL)
		kfk_set_null(r, e, f->text);
	else
		kfk_set_str(r, e, f->text, x->text);
	return e;
}

void
api_resource_drop_others(struct api_call *c, struct kfk_tree *r, const struct api_resource_fields *f)
{
	struct kfk_node *list = kfk_get(&r->root, f->list), *prev = NULL, *next;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		int64_t type = kfk_get_int(r, e, f->type);

		next = e->next;
		if (type == API_RES_TOPIC || type == API_RES_GROUP) {
			prev = e;
			continue;
		}
		kfk_unlink(list, prev, e);
		met_dropped(c->conn->w->meter, 0, 1);
	}
}

/* ---- DescribeConfigs: the request --------------------------------------------------------------------- */

static void
add_answered(struct api_call *c, struct kfk_tree *r)
{
	for (const struct api_resource *x = api_memo(c)->own; x != NULL; x = x->next) {
		struct kfk_node *e = api_resource_add(r, x, &fields);

		if (x->type == API_RES_BROKER && x->code == 0)
			api_broker_configs(c, r, e, x);
	}
}

static enum api_result
answer_here(struct api_call *c)
{
	struct kfk_tree r;

	api_answer_begin(c, &r);
	add_answered(c, &r);
	return api_answer(c, &r);
}

/* A type that Kafka has not spoils the whole request. */
static enum api_result
refuse_all(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *list)
{
	api_memo(c)->own = NULL;
	for (const struct kfk_node *e = list->kids; e != NULL; e = e->next)
		(void)api_resource_answer(c, kfk_get_int(q, e, Q(RESOURCES_RESOURCE_TYPE)),
		    kfk_get_str(q, e, Q(RESOURCES_RESOURCE_NAME)), KFK_INVALID_REQUEST, ALV_STR_NULL);
	return answer_here(c);
}

static int16_t
judge(struct api_call *c, int64_t type, struct alv_str name, struct alv_str *text)
{
	int16_t code = api_resource_judge(c, type, name, POL_OP_DESCRIBE_CONFIGS, 0);

	if (code != 0)
		return code;
	switch (type) {
	case API_RES_BROKER:
		return api_broker_judge(c, name, text);
	case API_RES_BROKER_LOGGER:
		return KFK_CLUSTER_AUTHORIZATION_FAILED;
	case API_RES_CLIENT_METRICS:
		return name.n == 0 ? KFK_INVALID_REQUEST : 0;
	default:
		return 0;
	}
}

/* False: it stays in the request. */
static bool
answered(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *e)
{
	int64_t		       type = kfk_get_int(q, e, Q(RESOURCES_RESOURCE_TYPE));
	struct alv_str	       name = kfk_get_str(q, e, Q(RESOURCES_RESOURCE_NAME)), text = ALV_STR_NULL;
	const struct kfk_node *keys = kfk_get(e, Q(RESOURCES_CONFIGURATION_KEYS));
	int16_t		       code = judge(c, type, name, &text);
	struct api_resource   *x;

	if (code == 0 && (type == API_RES_TOPIC || type == API_RES_GROUP))
		return false;
	x = api_resource_answer(c, type, name, code, text);
	if (x != NULL && keys != NULL && !keys->v.is_null)
		x->keys = keys;
	return true;
}

enum api_result
api_describe_configs_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *list = kfk_get(&q->root, Q(RESOURCES)), *prev = NULL, *next;

	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		if (!api_resource_known(kfk_get_int(q, e, Q(RESOURCES_RESOURCE_TYPE))))
			return refuse_all(c, q, list);
	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		next = e->next;
		if (answered(c, q, e))
			kfk_unlink(list, prev, e);
		else
			prev = e;
	}
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	return api_memo(c)->own != NULL && list != NULL && list->n == 0 ? answer_here(c) : api_forward(c, q);
}

/* ---- DescribeConfigs: the response --------------------------------------------------------------------- */

/* Synonyms are where a value could come from: the platform's are left out. */
static void
filter_synonyms(struct api_call *c, struct kfk_tree *r, int64_t type, struct kfk_node *list)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		int64_t	       source = kfk_get_int(r, e, R(RESULTS_CONFIGS_SYNONYMS_SOURCE));
		struct alv_str value = kfk_get_str(r, e, R(RESULTS_CONFIGS_SYNONYMS_VALUE));

		next = e->next;
		if (api_config_source(source) != source) {
			kfk_unlink(list, prev, e);
			continue;
		}
		prev = e;
		api_config_out(c, type, kfk_get_str(r, e, R(RESULTS_CONFIGS_SYNONYMS_NAME)), &value);
		if (value.p != NULL)
			kfk_set_str(r, e, R(RESULTS_CONFIGS_SYNONYMS_VALUE), value);
	}
}

static void
fix_config(struct api_call *c, struct kfk_tree *r, int64_t type, struct kfk_node *e)
{
	int64_t	       source = kfk_get_int(r, e, R(RESULTS_CONFIGS_CONFIG_SOURCE));
	struct alv_str name = kfk_get_str(r, e, R(RESULTS_CONFIGS_NAME));
	struct alv_str value = kfk_get_str(r, e, R(RESULTS_CONFIGS_VALUE));

	kfk_set_int(r, e, R(RESULTS_CONFIGS_CONFIG_SOURCE), api_config_source(source));
	filter_synonyms(c, r, type, kfk_get(e, R(RESULTS_CONFIGS_SYNONYMS)));
	api_config_out(c, type, name, &value);
	if (value.p != NULL)
		kfk_set_str(r, e, R(RESULTS_CONFIGS_VALUE), value);
	if (api_config_know(type, name) == API_CONFIG_CLOSED)
		kfk_set_int(r, e, R(RESULTS_CONFIGS_READ_ONLY), 1);
}

static void
fix_configs(struct api_call *c, struct kfk_tree *r, int64_t type, struct kfk_node *list)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		next = e->next;
		if (api_config_know(type, kfk_get_str(r, e, R(RESULTS_CONFIGS_NAME))) == API_CONFIG_UNKNOWN) {
			kfk_unlink(list, prev, e);
			continue;
		}
		prev = e;
		fix_config(c, r, type, e);
	}
}

enum api_result
api_describe_configs_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *list;
	enum api_result	 result;

	api_resource_drop_others(c, r, &fields);
	if (!api_unmap(c, r, &result))
		return result;
	list = kfk_get(&r->root, R(RESULTS));
	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		fix_configs(c, r, kfk_get_int(r, e, R(RESULTS_RESOURCE_TYPE)), kfk_get(e, R(RESULTS_CONFIGS)));
	add_answered(c, r);
	return api_answer(c, r);
}
