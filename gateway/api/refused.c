/* What is the platform's alone: leaders, replicas, directories, features, quorum, brokers, markers of transactions. Tenants' tools see that the
 * cluster has these apis, as any broker does, and are told that they may not (31), in the form that each has for it.
 * Invariant: nothing of these goes upstream, whatever a tenant's rules say: who may alter the virtual cluster may not
 * alter the physical one. */
#include "api/kit.h"

enum texts { THEIRS, NULL_TEXT };

static const struct refused {
	int16_t	 key;
	uint16_t error, text;
	enum texts texts;
	uint16_t q_outer, q_outer_id, q_topics, q_name, q_parts, q_index;
	uint16_t r_outer, r_outer_id, r_topics, r_name, r_parts, r_index, r_error, r_text;
} forms[] = {
#define REFUSED(name, ...) { KFK_API_##name, __VA_ARGS__ },
#include "api/refused.def"
#undef REFUSED
};

static const struct refused *
form(int16_t key)
{
	for (size_t i = 0; i < ALV_COUNT(forms); i++)
		if (forms[i].key == key)
			return &forms[i];
	return NULL;
}

static void
say(struct kfk_tree *r, struct kfk_node *parent, const struct refused *f, uint16_t text)
{
	if (text == API_NO_FIELD)
		return;
	if (f->texts == NULL_TEXT)
		kfk_set_null(r, parent, text);
	else
		kfk_set_str(r, parent, text, alv_str_of(kfk_code_text(KFK_CLUSTER_AUTHORIZATION_FAILED)));
}

static void
refuse_part(struct kfk_tree *r, struct kfk_node *parts, const struct refused *f, int64_t index)
{
	struct kfk_node *e = kfk_add(r, parts);

	kfk_set_int(r, e, f->r_index, index);
	kfk_set_int(r, e, f->r_error, KFK_CLUSTER_AUTHORIZATION_FAILED);
	say(r, e, f, f->r_text);
}

/* The topics below `parent` of the request, into those below `into`. */
static void
refuse_topics(const struct kfk_tree *q, const struct kfk_node *parent, struct kfk_tree *r, struct kfk_node *into,
    const struct refused *f)
{
	const struct kfk_node *topics = kfk_get(parent, f->q_topics);
	struct kfk_node	      *list = kfk_get(into, f->r_topics);

	if (list == NULL)
		list = kfk_set_empty(r, into, f->r_topics);
	for (const struct kfk_node *t = topics == NULL ? NULL : topics->kids; t != NULL; t = t->next) {
		const struct kfk_node *parts = kfk_get(t, f->q_parts);
		struct kfk_node	      *e = kfk_add(r, list), *out = kfk_set_empty(r, e, f->r_parts);

		kfk_set_str(r, e, f->r_name, kfk_get_str(q, t, f->q_name));
		for (const struct kfk_node *p = parts == NULL ? NULL : parts->kids; p != NULL; p = p->next)
			refuse_part(r, out, f, f->q_index == API_NO_FIELD ? p->v.i : kfk_get_int(q, p, f->q_index));
	}
}

static void
refuse_outer(const struct kfk_tree *q, struct kfk_tree *r, const struct refused *f)
{
	const struct kfk_node *outer = kfk_get(&q->root, f->q_outer);
	struct kfk_node	      *list = f->r_outer == API_NO_FIELD ? NULL : kfk_set_empty(r, &r->root, f->r_outer);

	for (const struct kfk_node *e = outer == NULL ? NULL : outer->kids; e != NULL; e = e->next) {
		struct kfk_node *into = list == NULL ? &r->root : kfk_add(r, list);

		if (list != NULL)
			kfk_set_int(r, into, f->r_outer_id, kfk_get_int(q, e, f->q_outer_id));
		refuse_topics(q, e, r, into, f);
	}
}

enum api_result
api_refused_request(struct api_call *c, struct kfk_tree *q)
{
	const struct refused *f = form(c->hdr.key);
	struct kfk_tree	      r;

	if (f == NULL)
		return api_close(c, MET_CLOSE_API_REFUSED);
	api_answer_begin(c, &r);
	if (f->error != API_NO_FIELD)
		kfk_set_int(&r, &r.root, f->error, KFK_CLUSTER_AUTHORIZATION_FAILED);
	say(&r, &r.root, f, f->text);
	if (f->q_outer != API_NO_FIELD)
		refuse_outer(q, &r, f);
	else if (f->q_topics != API_NO_FIELD)
		refuse_topics(q, &q->root, &r, &r.root, f);
	api_note(c, KFK_CLUSTER_AUTHORIZATION_FAILED);
	return api_answer(c, &r);
}
