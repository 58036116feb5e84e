/* IncrementalAlterConfigs, and AlterConfigs made into it.
 * The old AlterConfigs replaces all settings by those that it lists. For a tenant that means all that are the tenant's: what
 * is listed is set, what else a tenant may set goes back to its default, and what is the platform's stays as it is.
 * Invariants: only topics and groups are altered upstream; each change passed the policy; AlterConfigs never goes upstream
 * as such. */
#include "api/configs.h"

enum { OP_SET, OP_DELETE, OP_APPEND, OP_SUBTRACT };

#define Q(f) KFK_INCREMENTAL_ALTER_CONFIGS_REQUEST_##f
#define R(f) KFK_INCREMENTAL_ALTER_CONFIGS_RESPONSE_##f

static const struct api_resource_fields fields = { R(RESPONSES), R(RESPONSES_RESOURCE_TYPE), R(RESPONSES_RESOURCE_NAME),
	R(RESPONSES_ERROR_CODE), R(RESPONSES_ERROR_MESSAGE) };

static void
add_answered(struct api_call *c, struct kfk_tree *r, const struct api_resource_fields *f)
{
	for (const struct api_resource *x = api_memo(c)->own; x != NULL; x = x->next)
		(void)api_resource_add(r, x, f);
}

static enum api_result
answer_here(struct api_call *c, const struct api_resource_fields *f)
{
	struct kfk_tree r;

	api_answer_begin(c, &r);
	add_answered(c, &r, f);
	return api_answer(c, &r);
}

/* Brokers, loggers and client metrics are the platform's, whatever a tenant's rules say. */
static int16_t
judge_resource(struct api_call *c, int64_t type, struct alv_str name)
{
	if (!api_resource_known(type))
		return KFK_INVALID_REQUEST;
	if (type != API_RES_TOPIC && type != API_RES_GROUP)
		return KFK_CLUSTER_AUTHORIZATION_FAILED;
	return api_resource_judge(c, type, name, POL_OP_ALTER_CONFIGS, API_WRITES);
}

/* A change; a value that is a name becomes the physical one. Lists can be added to and taken from: the policy bounds no
 * list, so whatever the result is, it is allowed. */
static int16_t
judge_change(struct api_call *c, struct kfk_tree *q, int64_t type, struct kfk_node *e, struct alv_str *text)
{
	struct alv_str name = kfk_get_str(q, e, Q(RESOURCES_CONFIGS_NAME));
	struct alv_str value = kfk_get_str(q, e, Q(RESOURCES_CONFIGS_VALUE));
	int64_t	       op = kfk_get_int(q, e, Q(RESOURCES_CONFIGS_CONFIG_OPERATION));
	int16_t	       code = api_config(c, type, name, op == OP_SET ? value : ALV_STR_NULL, text);

	if (op < OP_SET || op > OP_SUBTRACT)
		return KFK_INVALID_REQUEST;
	if (code != 0)
		return code;
	if (op >= OP_APPEND && api_config_know(type, name) != API_CONFIG_LIST) {
		*text = alv_arena_printf(&c->arena, "%.*s is not a list that can be appended to", ALV_STR_ARG(name));
		return KFK_INVALID_CONFIG;
	}
	if (api_config_in(c, type, name, &value))
		return KFK_INVALID_CONFIG;
	if (value.p != NULL)
		kfk_set_str(q, e, Q(RESOURCES_CONFIGS_VALUE), value);
	return 0;
}

static int16_t
judge(struct api_call *c, struct kfk_tree *q, struct kfk_node *resource, struct alv_str *text)
{
	int64_t		 type = kfk_get_int(q, resource, Q(RESOURCES_RESOURCE_TYPE));
	struct kfk_node *configs = kfk_get(resource, Q(RESOURCES_CONFIGS));
	int16_t		 code = judge_resource(c, type, kfk_get_str(q, resource, Q(RESOURCES_RESOURCE_NAME)));

	for (struct kfk_node *e = configs == NULL ? NULL : configs->kids; code == 0 && e != NULL; e = e->next)
		code = judge_change(c, q, type, e, text);
	return code;
}

/* Judges all of an incremental request; what is refused is answered here, with the fields of the client's own api. */
static enum api_result
alter(struct api_call *c, struct kfk_tree *q, const struct api_resource_fields *f)
{
	struct kfk_node *list = kfk_get(&q->root, Q(RESOURCES)), *prev = NULL, *next;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		struct alv_str text = ALV_STR_NULL;
		int16_t	       code = judge(c, q, e, &text);

		next = e->next;
		if (code == 0) {
			prev = e;
			continue;
		}
		(void)api_resource_answer(c, kfk_get_int(q, e, Q(RESOURCES_RESOURCE_TYPE)),
		    kfk_get_str(q, e, Q(RESOURCES_RESOURCE_NAME)), code, text);
		kfk_unlink(list, prev, e);
	}
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	return api_memo(c)->own != NULL && list != NULL && list->n == 0 ? answer_here(c, f) : api_forward(c, q);
}

enum api_result
api_incremental_alter_configs_request(struct api_call *c, struct kfk_tree *q)
{
	return alter(c, q, &fields);
}

enum api_result
api_incremental_alter_configs_response(struct api_call *c, struct kfk_tree *r)
{
	enum api_result result;

	api_resource_drop_others(c, r, &fields);
	if (!api_unmap(c, r, &result))
		return result;
	add_answered(c, r, &fields);
	return api_answer(c, r);
}

/* ---- AlterConfigs --------------------------------------------------------------------------------------- */

#define OLD_Q(f) KFK_ALTER_CONFIGS_REQUEST_##f
#define OLD_R(f) KFK_ALTER_CONFIGS_RESPONSE_##f

static const struct api_resource_fields old_fields = { OLD_R(RESPONSES), OLD_R(RESPONSES_RESOURCE_TYPE),
	OLD_R(RESPONSES_RESOURCE_NAME), OLD_R(RESPONSES_ERROR_CODE), OLD_R(RESPONSES_ERROR_MESSAGE) };

static void
change(struct kfk_tree *q, struct kfk_node *configs, struct alv_str name, int op, struct alv_str value)
{
	struct kfk_node *e = kfk_add(q, configs);

	kfk_set_str(q, e, Q(RESOURCES_CONFIGS_NAME), name);
	kfk_set_int(q, e, Q(RESOURCES_CONFIGS_CONFIG_OPERATION), op);
	if (value.p == NULL)
		kfk_set_null(q, e, Q(RESOURCES_CONFIGS_VALUE));
	else
		kfk_set_str(q, e, Q(RESOURCES_CONFIGS_VALUE), value);
}

static bool
listed(const struct kfk_tree *old, const struct kfk_node *configs, const char *name)
{
	for (const struct kfk_node *e = configs == NULL ? NULL : configs->kids; e != NULL; e = e->next)
		if (alv_str_eqz(kfk_get_str(old, e, OLD_Q(RESOURCES_CONFIGS_NAME)), name))
			return true;
	return false;
}

static void
replace(struct kfk_tree *q, struct kfk_node *resource, const struct kfk_tree *old, const struct kfk_node *was)
{
	const struct kfk_node *settings = kfk_get(was, OLD_Q(RESOURCES_CONFIGS));
	struct kfk_node	      *configs = kfk_set_empty(q, resource, Q(RESOURCES_CONFIGS));
	int64_t		       type = kfk_get_int(old, was, OLD_Q(RESOURCES_RESOURCE_TYPE));
	const char	      *name;

	kfk_set_int(q, resource, Q(RESOURCES_RESOURCE_TYPE), type);
	kfk_set_str(q, resource, Q(RESOURCES_RESOURCE_NAME), kfk_get_str(old, was, OLD_Q(RESOURCES_RESOURCE_NAME)));
	for (const struct kfk_node *e = settings == NULL ? NULL : settings->kids; e != NULL; e = e->next)
		change(q, configs, kfk_get_str(old, e, OLD_Q(RESOURCES_CONFIGS_NAME)), OP_SET,
		    kfk_get_str(old, e, OLD_Q(RESOURCES_CONFIGS_VALUE)));
	for (size_t i = 0; (name = api_config_open_at(type, &i)) != NULL;)
		if (!listed(old, settings, name))
			change(q, configs, alv_str_of(name), OP_DELETE, ALV_STR_NULL);
}

enum api_result
api_alter_configs_request(struct api_call *c, struct kfk_tree *old)
{
	const struct api_def  *incremental = api_def_find(KFK_API_INCREMENTAL_ALTER_CONFIGS);
	struct clu_range       upstream = api_offered(incremental, c->view);
	const struct kfk_node *resources = kfk_get(&old->root, OLD_Q(RESOURCES));
	struct kfk_tree	       q;
	struct kfk_node	      *list;

	if (upstream.lo > upstream.hi)
		return api_close(c, MET_CLOSE_API_REFUSED);
	kfk_tree_init(&q, kfk_schema_find(incremental->key, KFK_REQUEST), upstream.hi, &c->arena);
	kfk_set_int(&q, &q.root, Q(VALIDATE_ONLY), kfk_get_int(old, &old->root, OLD_Q(VALIDATE_ONLY)));
	list = kfk_set_empty(&q, &q.root, Q(RESOURCES));
	for (const struct kfk_node *e = resources == NULL ? NULL : resources->kids; e != NULL; e = e->next)
		replace(&q, kfk_add(&q, list), old, e);
	return alter(c, &q, &old_fields);
}

enum api_result
api_alter_configs_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *list;
	struct kfk_tree	 old;
	enum api_result	 result;

	api_resource_drop_others(c, r, &fields);
	if (!api_unmap(c, r, &result))
		return result;
	api_answer_begin(c, &old);
	kfk_set_int(&old, &old.root, OLD_R(THROTTLE_TIME_MS), kfk_get_int(r, &r->root, R(THROTTLE_TIME_MS)));
	list = kfk_get(&r->root, R(RESPONSES));
	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next) {
		struct api_resource x = { .type = kfk_get_int(r, e, R(RESPONSES_RESOURCE_TYPE)),
			.name = kfk_get_str(r, e, R(RESPONSES_RESOURCE_NAME)),
			.code = (int16_t)kfk_get_int(r, e, R(RESPONSES_ERROR_CODE)), .text = kfk_get_str(r, e, R(RESPONSES_ERROR_MESSAGE)) };

		(void)api_resource_add(&old, &x, &old_fields);
	}
	add_answered(c, &old, &old_fields);
	return api_answer(c, &old);
}
