/* The built-in policy over configs of topics and groups: what a tenant may set, until policies can be configured; and the
 * configs whose values are names.
 * Invariant: a config without a row is refused, and so is a value that cannot be read. */
#include <ctype.h>

#include "api/kit.h"

enum rule { FREE, LIST, NUMBER, FRAME, NAME, CLOSED };

static const struct config {
	const char *name;
	int	    type;
	enum rule   rule;
	int64_t	    lo, hi;
} configs[] = {
#define TOPIC(name, rule, lo, hi) { name, API_RES_TOPIC, rule, lo, hi },
#define GROUP(name, rule, lo, hi) { name, API_RES_GROUP, rule, lo, hi },
#include "api/config_policy.def"
#undef TOPIC
#undef GROUP
};

static const struct config *
find(int64_t type, struct alv_str name)
{
	for (size_t i = 0; i < ALV_COUNT(configs); i++)
		if (configs[i].type == type && alv_str_eqz(name, configs[i].name))
			return &configs[i];
	return NULL;
}

enum api_config_know
api_config_know(int64_t type, struct alv_str name)
{
	const struct config *f = find(type, name);

	if (f == NULL)
		return API_CONFIG_UNKNOWN;
	return f->rule == CLOSED ? API_CONFIG_CLOSED : f->rule == LIST ? API_CONFIG_LIST : API_CONFIG_OPEN;
}

const char *
api_config_open_at(int64_t type, size_t *i)
{
	for (; *i < ALV_COUNT(configs); (*i)++)
		if (configs[*i].type == type && configs[*i].rule != CLOSED)
			return configs[(*i)++].name;
	return NULL;
}

/* As brokers read numbers: blanks around it, a sign, decimal. */
static bool
read_number(struct alv_str s, int64_t *out)
{
	bool	 minus;
	uint64_t v;

	while (s.n > 0 && isspace((unsigned char)s.p[0]))
		s = alv_str_make(s.p + 1, s.n - 1);
	while (s.n > 0 && isspace((unsigned char)s.p[s.n - 1]))
		s.n--;
	minus = s.n > 0 && s.p[0] == '-';
	if (s.n > 0 && (minus || s.p[0] == '+'))
		s = alv_str_make(s.p + 1, s.n - 1);
	if (s.n == 0 || alv_str_u64(s, INT64_MAX, &v))
		return false;
	*out = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

static int16_t
check_number(struct api_call *c, const struct config *f, struct alv_str value, struct alv_str *text)
{
	int64_t hi = f->hi, v;

	if (f->rule == FRAME)
		hi = c->conn->w->shared->conf->limits.frame_max_bytes;
	if (!read_number(value, &v)) {
		*text = alv_arena_printf(&c->arena, "Invalid value for configuration %s: expected a number", f->name);
		return KFK_INVALID_CONFIG;
	}
	if (v >= f->lo && v <= hi)
		return 0;
	*text = alv_arena_printf(&c->arena, "Policy: %s must be between %lld and %lld", f->name, (long long)f->lo,
	    (long long)hi);
	return KFK_POLICY_VIOLATION;
}

/* A topic of the tenant's own, there or not, that may be written: brokers will do so without asking again. */
static int16_t
check_name(struct api_call *c, const struct config *f, struct alv_str value, struct alv_str *text)
{
	const struct ten_names *names = &c->tenant->names;
	struct alv_str		phys;
	bool			writable = false;

	if (value.n == 0)
		return 0;
	if (!ten_topic_check(names, value) && !alv_str_starts(value, ALV_STR("__")) &&
	    !ten_map(names, TEN_TOPIC, value, &c->arena, &phys) && ten_owns(names, TEN_TOPIC, phys, &writable) && writable)
		return 0;
	*text = alv_arena_printf(&c->arena, "Invalid value for configuration %s: expected the name of a topic that may be written",
	    f->name);
	return KFK_INVALID_CONFIG;
}

int16_t
api_config(struct api_call *c, int64_t type, struct alv_str name, struct alv_str value, struct alv_str *text)
{
	const struct config *f = find(type, name);

	if (f == NULL) {
		*text = alv_arena_printf(&c->arena, "There is no %s config %.*s", type == API_RES_GROUP ? "group" : "topic",
		    ALV_STR_ARG(name));
		return KFK_INVALID_CONFIG;
	}
	if (f->rule == CLOSED) {
		*text = alv_arena_printf(&c->arena, "Policy: %s is set by the platform", f->name);
		return KFK_POLICY_VIOLATION;
	}
	if (value.p == NULL)
		return 0;
	switch (f->rule) {
	case NUMBER:
	case FRAME:
		return check_number(c, f, value, text);
	case NAME:
		return check_name(c, f, value, text);
	default:
		return 0;
	}
}

/* ---- values that are names ------------------------------------------------------------------------------ */

enum alv_err
api_config_in(struct api_call *c, int64_t type, struct alv_str name, struct alv_str *value)
{
	const struct config *f = find(type, name);

	if (f == NULL || f->rule != NAME || value->n == 0)
		return ALV_OK;
	return ten_map(&c->tenant->names, TEN_TOPIC, *value, &c->arena, value);
}

void
api_config_out(const struct api_call *c, int64_t type, struct alv_str name, struct alv_str *value)
{
	const struct config *f = find(type, name);
	struct alv_str	     virt;

	if (f == NULL || f->rule != NAME || value->n == 0)
		return;
	*value = ten_unmap(&c->tenant->names, TEN_TOPIC, *value, &virt) ? ALV_STR("") : virt;
}

int64_t
api_config_source(int64_t source)
{
	enum { DYNAMIC_BROKER = 2, STATIC_BROKER = 4, DEFAULT = 5 };

	return source >= DYNAMIC_BROKER && source <= STATIC_BROKER ? DEFAULT : source;
}
