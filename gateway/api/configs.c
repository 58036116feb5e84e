/* DescribeConfigs and IncrementalAlterConfigs, for topics. Every other type of resource is refused: brokers' configs
 * show the platform, and changes to them or to client metrics would be everybody's.
 * Invariants: no resource of another type goes upstream; each change passed the policy; what the platform set for a
 * broker is a default to tenants. */
#include "api/kit.h"

enum { TOPIC = 2, BROKER = 4, BROKER_LOGGER = 8, CLIENT_METRICS = 16, GROUP = 32 };
enum { OP_SET, OP_DELETE, OP_APPEND, OP_SUBTRACT };

struct refused {
	struct refused *next;
	int64_t		type;
	struct alv_str	name, text;
	int16_t		code;
};

static void
refuse(struct api_call *c, int64_t type, struct alv_str name, int16_t code, struct alv_str text)
{
	struct refused *x = alv_arena_alloc(&c->arena, sizeof(*x));

	if (x == NULL)
		return;
	*x = (struct refused){ .next = api_memo(c)->own, .type = type, .name = name, .code = code,
		.text = text.p != NULL ? text : alv_str_of(kfk_code_text(code)) };
	api_memo(c)->own = x;
	api_note(c, code);
}

/* 0: a topic that may be asked about; -1: no resource that Kafka knows. */
static int16_t
judge(struct api_call *c, int64_t type, struct alv_str name, enum pol_op op, int flags)
{
	switch (type) {
	case TOPIC:
		return api_judge_name(c, name, op, flags);
	case BROKER:
	case BROKER_LOGGER:
	case CLIENT_METRICS:
		return KFK_CLUSTER_AUTHORIZATION_FAILED;
	case GROUP:
		return KFK_GROUP_AUTHORIZATION_FAILED;
	default:
		return KFK_UNKNOWN_SERVER_ERROR;
	}
}

/* The two responses have the same fields under different numbers. */
struct fields {
	uint16_t list, type, name, code, text;
};

static void
add_refused(struct api_call *c, struct kfk_tree *r, const struct fields *f)
{
	struct kfk_node *list = kfk_get(&r->root, f->list);

	if (list == NULL)
		list = kfk_set_empty(r, &r->root, f->list);
	for (const struct refused *x = api_memo(c)->own; x != NULL; x = x->next) {
		struct kfk_node *e = kfk_add(r, list);

		kfk_set_int(r, e, f->type, x->type);
		kfk_set_str(r, e, f->name, x->name);
		kfk_set_int(r, e, f->code, x->code);
		kfk_set_str(r, e, f->text, x->text);
	}
}

static enum api_result
answer_refused(struct api_call *c, const struct fields *f)
{
	struct kfk_tree r;

	api_answer_begin(c, &r);
	add_refused(c, &r, f);
	return api_answer(c, &r);
}

/* ---- DescribeConfigs ------------------------------------------------------------------------------------ */

#define Q(f) KFK_DESCRIBE_CONFIGS_REQUEST_##f
#define R(f) KFK_DESCRIBE_CONFIGS_RESPONSE_##f

static const struct fields describe_fields = { R(RESULTS), R(RESULTS_RESOURCE_TYPE), R(RESULTS_RESOURCE_NAME),
	R(RESULTS_ERROR_CODE), R(RESULTS_ERROR_MESSAGE) };

/* A type that Kafka has not spoils the whole request. */
static enum api_result
refuse_describe(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *list)
{
	api_memo(c)->own = NULL;
	for (const struct kfk_node *e = list->kids; e != NULL; e = e->next)
		refuse(c, kfk_get_int(q, e, Q(RESOURCES_RESOURCE_TYPE)), kfk_get_str(q, e, Q(RESOURCES_RESOURCE_NAME)),
		    KFK_INVALID_REQUEST, ALV_STR_NULL);
	return answer_refused(c, &describe_fields);
}

static bool
known_type(int64_t type)
{
	return type == TOPIC || type == BROKER || type == BROKER_LOGGER || type == CLIENT_METRICS || type == GROUP;
}

enum api_result
api_describe_configs_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *list = kfk_get(&q->root, Q(RESOURCES)), *prev = NULL, *next;

	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		if (!known_type(kfk_get_int(q, e, Q(RESOURCES_RESOURCE_TYPE))))
			return refuse_describe(c, q, list);
	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		int64_t	       type = kfk_get_int(q, e, Q(RESOURCES_RESOURCE_TYPE));
		struct alv_str name = kfk_get_str(q, e, Q(RESOURCES_RESOURCE_NAME));
		int16_t	       code = judge(c, type, name, POL_OP_DESCRIBE_CONFIGS, 0);

		next = e->next;
		if (code == 0) {
			prev = e;
			continue;
		}
		refuse(c, type, name, code, ALV_STR_NULL);
		kfk_unlink(list, prev, e);
	}
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	return api_memo(c)->own != NULL && list != NULL && list->n == 0 ? answer_refused(c, &describe_fields) : api_forward(c, q);
}

/* Synonyms are where a value could come from: the platform's are left out. */
static void
filter_synonyms(struct kfk_tree *r, struct kfk_node *list)
{
	struct kfk_node *prev = NULL, *next;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		int64_t source = kfk_get_int(r, e, R(RESULTS_CONFIGS_SYNONYMS_SOURCE));

		next = e->next;
		if (api_config_source(source) == source)
			prev = e;
		else
			kfk_unlink(list, prev, e);
	}
}

static void
fix_configs(struct api_call *c, struct kfk_tree *r, struct kfk_node *list)
{
	struct alv_str text;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next) {
		int64_t source = kfk_get_int(r, e, R(RESULTS_CONFIGS_CONFIG_SOURCE));

		kfk_set_int(r, e, R(RESULTS_CONFIGS_CONFIG_SOURCE), api_config_source(source));
		filter_synonyms(r, kfk_get(e, R(RESULTS_CONFIGS_SYNONYMS)));
		if (api_topic_config(c, kfk_get_str(r, e, R(RESULTS_CONFIGS_NAME)), ALV_STR_NULL, &text) != 0)
			kfk_set_int(r, e, R(RESULTS_CONFIGS_READ_ONLY), 1);
	}
}

/* A resource of a type that was not asked for is not passed on. */
static void
drop_others(struct api_call *c, struct kfk_tree *r, const struct fields *f)
{
	struct kfk_node *list = kfk_get(&r->root, f->list), *prev = NULL, *next;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		next = e->next;
		if (kfk_get_int(r, e, f->type) == TOPIC) {
			prev = e;
			continue;
		}
		kfk_unlink(list, prev, e);
		met_dropped(c->conn->w->meter, 0, 1);
	}
}

enum api_result
api_describe_configs_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *list;
	enum api_result	 result;

	drop_others(c, r, &describe_fields);
	if (!api_unmap(c, r, &result))
		return result;
	list = kfk_get(&r->root, R(RESULTS));
	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		fix_configs(c, r, kfk_get(e, R(RESULTS_CONFIGS)));
	add_refused(c, r, &describe_fields);
	return api_answer(c, r);
}
#undef Q
#undef R

/* ---- IncrementalAlterConfigs --------------------------------------------------------------------------- */

#define Q(f) KFK_INCREMENTAL_ALTER_CONFIGS_REQUEST_##f
#define R(f) KFK_INCREMENTAL_ALTER_CONFIGS_RESPONSE_##f

static const struct fields alter_fields = { R(RESPONSES), R(RESPONSES_RESOURCE_TYPE), R(RESPONSES_RESOURCE_NAME),
	R(RESPONSES_ERROR_CODE), R(RESPONSES_ERROR_MESSAGE) };

/* Parts of a list can be added and taken away; the policy bounds no list, so the result need not be known. */
static int16_t
judge_change(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *e, struct alv_str *text)
{
	struct alv_str name = kfk_get_str(q, e, Q(RESOURCES_CONFIGS_NAME));
	struct alv_str value = kfk_get_str(q, e, Q(RESOURCES_CONFIGS_VALUE));
	int64_t	       op = kfk_get_int(q, e, Q(RESOURCES_CONFIGS_CONFIG_OPERATION));

	switch (op) {
	case OP_SET:
		return api_topic_config(c, name, value, text);
	case OP_DELETE:
		return api_topic_config(c, name, ALV_STR_NULL, text);
	case OP_APPEND:
	case OP_SUBTRACT:
		if (api_topic_config_is_list(name))
			return 0;
		*text = alv_arena_printf(&c->arena, "%.*s is not a list that can be appended to", ALV_STR_ARG(name));
		return KFK_INVALID_CONFIG;
	default:
		return KFK_INVALID_REQUEST;
	}
}

static int16_t
judge_alter(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *resource, struct alv_str *text)
{
	int64_t		       type = kfk_get_int(q, resource, Q(RESOURCES_RESOURCE_TYPE));
	const struct kfk_node *configs = kfk_get(resource, Q(RESOURCES_CONFIGS));
	int16_t code = judge(c, type, kfk_get_str(q, resource, Q(RESOURCES_RESOURCE_NAME)), POL_OP_ALTER_CONFIGS, API_WRITES);

	if (!known_type(type))
		return KFK_INVALID_REQUEST;
	for (const struct kfk_node *e = configs == NULL ? NULL : configs->kids; code == 0 && e != NULL; e = e->next)
		code = judge_change(c, q, e, text);
	return code;
}

enum api_result
api_alter_configs_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_node *list = kfk_get(&q->root, Q(RESOURCES)), *prev = NULL, *next;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = next) {
		struct alv_str text = ALV_STR_NULL;
		int16_t	       code = judge_alter(c, q, e, &text);

		next = e->next;
		if (code == 0) {
			prev = e;
			continue;
		}
		refuse(c, kfk_get_int(q, e, Q(RESOURCES_RESOURCE_TYPE)), kfk_get_str(q, e, Q(RESOURCES_RESOURCE_NAME)), code, text);
		kfk_unlink(list, prev, e);
	}
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	return api_memo(c)->own != NULL && list != NULL && list->n == 0 ? answer_refused(c, &alter_fields) : api_forward(c, q);
}

enum api_result
api_alter_configs_response(struct api_call *c, struct kfk_tree *r)
{
	enum api_result result;

	drop_others(c, r, &alter_fields);
	if (!api_unmap(c, r, &result))
		return result;
	add_refused(c, r, &alter_fields);
	return api_answer(c, r);
}
