/* The built-in policy over topic configs: what a tenant may set, until policies can be configured.
 * Invariant: a config without a row is refused, and so is a value that cannot be read. */
#include <ctype.h>

#include "api/kit.h"

enum rule { FREE, LIST, NUMBER, FRAME, CLOSED };

static const struct config {
	const char *name;
	enum rule   rule;
	int64_t	    lo, hi;
} configs[] = {
#define CONFIG(name, rule, lo, hi) { name, rule, lo, hi },
#include "api/config_policy.def"
#undef CONFIG
};

static const struct config *
find(struct alv_str name)
{
	for (size_t i = 0; i < ALV_COUNT(configs); i++)
		if (alv_str_eqz(name, configs[i].name))
			return &configs[i];
	return NULL;
}

bool
api_topic_config_is_list(struct alv_str name)
{
	const struct config *f = find(name);

	return f != NULL && f->rule == LIST;
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

int16_t
api_topic_config(struct api_call *c, struct alv_str name, struct alv_str value, struct alv_str *text)
{
	const struct config *f = find(name);

	if (f == NULL) {
		*text = alv_arena_printf(&c->arena, "There is no topic config %.*s", ALV_STR_ARG(name));
		return KFK_INVALID_CONFIG;
	}
	switch (f->rule) {
	case CLOSED:
		*text = alv_arena_printf(&c->arena, "Policy: %s is set by the platform", f->name);
		return KFK_POLICY_VIOLATION;
	case NUMBER:
	case FRAME:
		return value.p == NULL ? 0 : check_number(c, f, value, text);
	default:
		return 0;
	}
}

int64_t
api_config_source(int64_t source)
{
	enum { DYNAMIC_BROKER = 2, STATIC_BROKER = 4, DEFAULT = 5 };

	return source >= DYNAMIC_BROKER && source <= STATIC_BROKER ? DEFAULT : source;
}
