/* The table of apis: which there are, in which versions, by which functions. Whatever is not in api.def is not offered;
 * what is, is offered as far as the schema tables and every live broker have it.
 * Invariant: gate and ApiVersions ask the same function (api_offered), so nothing is served that was not announced. */
#include "api/quick.h"

static const struct api_def defs[] = {
#define API(name, low, high, fl, req, rsp, str, qck) \
	{ .key = KFK_API_##name, .lo = low, .hi = high, .flags = fl, .request = req, .response = rsp, .stream = str, \
	  .quick = qck },
#include "api/api.def"
#undef API
};

const struct api_def *
api_def_at(size_t i)
{
	return i < ALV_COUNT(defs) ? &defs[i] : NULL;
}

const struct api_def *
api_def_find(int16_t key)
{
	for (size_t i = 0; i < ALV_COUNT(defs); i++)
		if (defs[i].key == key)
			return &defs[i];
	return NULL;
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
	if (v != NULL && !(d->flags & API_LOCAL))
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
