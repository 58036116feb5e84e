/* What a virtual broker shows of itself in DescribeConfigs: little, and nothing of a real one's. Consoles, Schema Registry
 * and Connect ask for it before they do anything else; the real answer would name listeners, directories and keystores.
 * Invariant: nothing here is asked of a broker. */
#include "api/configs.h"

#define R(f) KFK_DESCRIBE_CONFIGS_RESPONSE_##f

enum { BOOLEAN = 1, INT = 3, LIST = 7 };	/* Kafka's types of configs */
enum { SOURCE_DEFAULT = 5 };

static struct alv_str
number(struct api_call *c, uint64_t n)
{
	return alv_arena_printf(&c->arena, "%llu", (unsigned long long)n);
}

/* Empty where the cluster's own default holds, which is not told. */
static struct alv_str
known(struct api_call *c, int32_t n)
{
	return n < 0 ? ALV_STR("") : number(c, (uint64_t)n);
}

static struct alv_str
truth(bool b)
{
	return b ? ALV_STR("true") : ALV_STR("false");
}

int16_t
api_broker_judge(struct api_call *c, struct alv_str name, struct alv_str *text)
{
	uint64_t node;

	if (name.n == 0)
		return 0;
	if (alv_str_u64(name, INT32_MAX, &node)) {
		*text = ALV_STR("A broker's name is its id, or empty");
		return KFK_INVALID_REQUEST;
	}
	if (api_reachable(c->conn, (int64_t)node))
		return 0;
	*text = alv_arena_printf(&c->arena, "There is no broker %llu", (unsigned long long)node);
	return KFK_INVALID_REQUEST;
}

static bool
wanted(const struct api_resource *x, const char *name)
{
	if (x->keys == NULL)
		return true;
	for (const struct kfk_node *k = x->keys->kids; k != NULL; k = k->next)
		if (alv_str_eqz(k->v.s, name))
			return true;
	return false;
}

static void
add(struct kfk_tree *r, struct kfk_node *list, const char *name, int type, struct alv_str value, const char *what)
{
	struct kfk_node *e = kfk_add(r, list);

	kfk_set_str(r, e, R(RESULTS_CONFIGS_NAME), alv_str_of(name));
	kfk_set_str(r, e, R(RESULTS_CONFIGS_VALUE), value);
	kfk_set_int(r, e, R(RESULTS_CONFIGS_READ_ONLY), 1);
	kfk_set_int(r, e, R(RESULTS_CONFIGS_CONFIG_SOURCE), SOURCE_DEFAULT);
	kfk_set_int(r, e, R(RESULTS_CONFIGS_CONFIG_TYPE), type);
	kfk_set_str(r, e, R(RESULTS_CONFIGS_DOCUMENTATION), alv_str_of(what));
}

void
api_broker_configs(struct api_call *c, struct kfk_tree *r, struct kfk_node *e, const struct api_resource *x)
{
	struct kfk_node *list = kfk_set_empty(r, e, R(RESULTS_CONFIGS));
	struct alv_str	 node = x->name, value;

#define BROKER_CONFIG(name, type, expression, what) \
	value = wanted(x, name) ? (expression) : ALV_STR(""); \
	if (value.n > 0) \
		add(r, list, name, type, value, what);
#include "api/broker_configs.def"
#undef BROKER_CONFIG
}
