/* What the short ways of produce_quick.c and fetch_quick.c share. See quick.h. */
#include "api/quick.h"

bool
api_quick_walk(struct api_call *c, enum kfk_dir dir, uint64_t kinds, const struct kfk_visitor *v, void *arg,
    const struct alv_chain *body)
{
	int16_t		       version = dir == KFK_REQUEST ? c->hdr.version : c->up_version;
	const struct kfk_plan *plan = kfk_plan_get(kfk_schema_find(c->hdr.key, dir), version, kinds);
	struct kfk_walk	       w;
	enum alv_err	       err;

	if (plan == NULL || kfk_walk_init(&w, plan, v, arg, &c->out, &c->arena))
		return false;
	err = kfk_walk_chain(&w, body);
	kfk_walk_fini(&w);
	if (err || c->out.err || c->arena.failed) {
		alv_chain_clear(&c->out);
		c->nids = 0;
		return false;
	}
	met_dropped(c->conn->w->meter, w.dropped_tags, w.dropped_elements);
	return true;
}

enum kfk_do
api_quick_topic(struct api_call *c, const struct api_shape *sh, const struct kfk_field *f, struct kfk_value *v)
{
	const struct api_wanted *w = NULL;
	struct alv_str		 phys, virt;

	if (f->kind == KFK_KIND_TOPIC_ID) {
		if (api_judge_id(c, v->id, sh->op, sh->flags, &virt) == 0)
			w = api_asked_add(c, v->id, ALV_STR_NULL, virt);
		return w == NULL ? KFK_STOP : KFK_KEEP;
	}
	if (api_judge_topic(c, v->s, sh->op, sh->flags, &phys) == 0)
		w = api_asked_add(c, (struct alv_uuid){ { 0 } }, phys, alv_arena_str(&c->arena, v->s));
	if (w == NULL)
		return KFK_STOP;
	v->s = w->phys;
	return KFK_REPLACE;
}

/* ---- what was asked for -------------------------------------------------------------------------- */

bool
api_asked_begin(struct api_call *c, uint32_t n)
{
	struct api_asked *a = &api_memo(c)->asked;

	*a = (struct api_asked){ .max = n };
	if (n > 0)
		a->topic = alv_arena_alloc(&c->arena, n * sizeof(*a->topic));
	return n == 0 || a->topic != NULL;
}

struct api_wanted *
api_asked_add(struct api_call *c, struct alv_uuid id, struct alv_str phys, struct alv_str virt)
{
	struct api_asked  *a = &api_memo(c)->asked;
	struct api_wanted *w;

	if (a->n == a->max)
		return NULL;
	w = &a->topic[a->n++];
	*w = (struct api_wanted){ .id = id, .phys = phys, .virt = virt };
	return w;
}

const struct api_wanted *
api_asked_find(const struct api_call *c, const struct alv_uuid *id, struct alv_str phys)
{
	struct api_asked *a = &api_memo(c)->asked;

	for (uint32_t i = 0; i < a->n; i++) {
		const struct api_wanted *w = &a->topic[a->next];

		if (id != NULL ? alv_uuid_eq(*id, w->id) : alv_str_eq(phys, w->phys))
			return w;	/* `next` stays: a topic may come in two parts */
		a->next = a->next + 1 < a->n ? a->next + 1 : 0;
	}
	return NULL;
}
