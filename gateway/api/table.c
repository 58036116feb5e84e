/* The table of apis: what was decided on each key, and for those that are offered in which versions, by which functions.
 * What is offered is so as far as the schema tables and every live broker have it.
 * Invariant: gate and ApiVersions ask the same function (api_offered), so nothing is served that was not announced. */
#include "api/quick.h"

/* A key that is named twice is an error of its own (-Woverride-init), one that is missing is found below. */
static const struct api_def rows[] = {
#define API(name, dec, low, high, fl, req, rsp, str, qck, may, by) \
	[KFK_API_##name] = { .key = KFK_API_##name, .decision = API_##dec, .lo = low, .hi = high, .flags = fl, .request = req, \
	  .response = rsp, .stream = str, .quick = qck, .permission = may, .tested = by },
#define NONE(name, dec) [KFK_API_##name] = { .key = KFK_API_##name, .decision = API_##dec, .lo = 0, .hi = -1 },
#include "api/api.def"
#undef API
#undef NONE
};

enum {
#define API(name, ...) DECIDED_##name,
#define NONE(name, ...) DECIDED_##name,
#include "api/api.def"
#undef API
#undef NONE
	DECIDED
};
enum {
#define KAPI(key, name, text, who) KEY_##name,
#include <alcove/tbl/kafka_api.def>
#undef KAPI
	KEYS
};
_Static_assert((int)DECIDED == (int)KEYS && ALV_COUNT(rows) == KEYS, "api.def has each key of kafka_api.def once");

static const uint8_t offered[] = {
#define API(name, ...) KFK_API_##name,
#define NONE(name, ...)
#include "api/api.def"
#undef API
#undef NONE
};

const struct api_def *
api_def_at(size_t i)
{
	return i < ALV_COUNT(offered) ? &rows[offered[i]] : NULL;
}

const struct api_def *
api_def_row(int16_t key)
{
	return key >= 0 && (size_t)key < ALV_COUNT(rows) ? &rows[key] : NULL;
}

const struct api_def *
api_def_find(int16_t key)
{
	const struct api_def *d = api_def_row(key);

	return d == NULL || d->request == NULL ? NULL : d;
}

static void
cut(struct clu_range *r, int lo, int hi)
{
	if (r->lo < lo)
		r->lo = (int16_t)lo;
	if (r->hi > hi)
		r->hi = (int16_t)hi;
}

struct clu_range
api_offered(const struct api_def *d, const struct clu_view *v)
{
	static const enum kfk_dir dirs[] = { KFK_REQUEST, KFK_RESPONSE };
	struct clu_range	  r = { d->lo, d->hi };

	for (size_t i = 0; i < ALV_COUNT(dirs); i++) {
		const struct kfk_schema *s = kfk_schema_find(d->key, dirs[i]);

		if (s == NULL)
			return (struct clu_range){ 0, -1 };
		cut(&r, s->versions.lo, s->versions.hi);
		cut(&r, 0, s->unstable - 1);
	}
	/* Never reached a broker: what is announced may prove too much, but then nothing can be forwarded anyway. */
	if (v != NULL && d->decision != API_LOCAL)
		cut(&r, v->apis[d->key].lo, v->apis[d->key].hi);
	return r;
}

const char *
api_name(int16_t key)
{
	switch (key) {
#define KAPI(k, name, text, who) \
	case k: \
		return text;
#include <alcove/tbl/kafka_api.def>
#undef KAPI
	default:
		return "unknown";
	}
}
