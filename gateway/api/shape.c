/* Topics with partitions: judging each, keeping what is refused out of the request, and splicing it into the response
 * with its error, so that the client sees one answer for all it asked.
 * Invariant: every topic of a request is either forwarded or in the split's list, never both, never neither. */
#include "api/kit.h"

static const struct api_shape shapes[] = {
#define SHAPE(name, ...) [API_SHAPE_##name] = { __VA_ARGS__ },
#include "api/shape.def"
#undef SHAPE
};

const struct api_shape *
api_shape(enum api_shape_id id)
{
	return &shapes[id];
}

struct api_denied *
api_deny(struct api_call *c, struct api_split *s, struct alv_str name, struct alv_uuid id, int16_t code)
{
	struct api_denied *d = alv_arena_alloc(&c->arena, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->name = name;
	d->id = id;
	d->code = code;
	if (s->tail == NULL)
		s->tail = &s->first;
	*s->tail = d;
	s->tail = &d->next;
	api_note(c, code);
	return d;
}

/* The partitions of a refused topic, out of the request. */
static void
copy_parts(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topic, const struct api_shape *sh,
    struct api_denied *d)
{
	const struct kfk_node *parts = kfk_get(topic, sh->q_parts);

	if (parts == NULL || parts->n == 0)
		return;
	d->parts = alv_arena_alloc(&c->arena, parts->n * sizeof(*d->parts));
	if (d->parts == NULL)
		return;
	for (const struct kfk_node *e = parts->kids; e != NULL; e = e->next)
		d->parts[d->nparts++] =
		    (int32_t)(sh->q_index == API_NO_FIELD ? e->v.i : kfk_get_int(q, e, sh->q_index));
}

static bool
by_id(const struct kfk_tree *q, const struct api_shape *sh)
{
	return sh->q_id != API_NO_FIELD && kfk_versions_has(q->schema->fields[sh->q_id].in, q->version);
}

static int16_t
judge(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *topic, const struct api_shape *sh)
{
	struct alv_str virt;
	int16_t	       code;

	if (by_id(q, sh))
		return api_judge_id(c, kfk_get_uuid(q, topic, sh->q_id), sh->op, sh->flags, &virt);
	code = api_judge_name(c, kfk_get_str(q, topic, sh->q_name), sh->op, sh->flags);
	if (code == KFK_INVALID_TOPIC_EXCEPTION)
		return sh->illegal != 0 ? sh->illegal : KFK_UNKNOWN_TOPIC_OR_PARTITION;
	return code;
}

/* Each topic is judged; all not 0: all are refused with it. */
static void
split(struct api_call *c, struct kfk_tree *q, struct kfk_node *parent, const struct api_shape *sh,
    struct api_split *s, int16_t all)
{
	struct kfk_node *topics = kfk_get(parent, sh->q_topics), *prev = NULL, *next;

	if (topics == NULL)
		return;
	for (struct kfk_node *e = topics->kids; e != NULL; e = next) {
		int16_t		   code = all != 0 ? all : judge(c, q, e, sh);
		struct api_denied *d;

		next = e->next;
		if (code == 0 || code == API_UNRESOLVED) {
			s->waiting |= code != 0;
			s->kept++;
			prev = e;
			continue;
		}
		d = by_id(q, sh) ? api_deny(c, s, ALV_STR_NULL, kfk_get_uuid(q, e, sh->q_id), code)
				 : api_deny(c, s, kfk_get_str(q, e, sh->q_name), (struct alv_uuid){ { 0 } }, code);
		if (d != NULL)
			copy_parts(c, q, e, sh, d);
		kfk_unlink(topics, prev, e);
	}
}

void
api_split(struct api_call *c, struct kfk_tree *q, struct kfk_node *parent, const struct api_shape *sh, struct api_split *s)
{
	split(c, q, parent, sh, s, 0);
}

void
api_split_all(struct api_call *c, struct kfk_tree *q, struct kfk_node *parent, const struct api_shape *sh,
    struct api_split *s, int16_t code)
{
	split(c, q, parent, sh, s, code);
}

static void
add_part(struct kfk_tree *r, struct kfk_node *parts, const struct api_shape *sh, int32_t index, int16_t code)
{
	struct kfk_node *e = kfk_add(r, parts);

	kfk_set_int(r, e, sh->r_index, index);
	kfk_set_int(r, e, sh->r_error, code);
	for (size_t i = 0; i < ALV_COUNT(sh->dflt) && sh->dflt[i].field != API_NO_FIELD; i++)
		kfk_set_int(r, e, sh->dflt[i].field, sh->dflt[i].value);
}

void
api_splice_one(struct kfk_tree *r, struct kfk_node *topics, const struct api_shape *sh, const struct api_denied *d)
{
	struct kfk_node *e = kfk_add(r, topics), *parts;

	if (d->name.p != NULL)
		kfk_set_str(r, e, sh->r_name, d->name);
	if (sh->r_id != API_NO_FIELD)
		kfk_set_uuid(r, e, sh->r_id, d->id);
	parts = kfk_set_empty(r, e, sh->r_parts);
	for (uint32_t i = 0; i < d->nparts; i++)
		add_part(r, parts, sh, d->parts[i], d->code);
}

void
api_splice(struct api_call *c, struct kfk_tree *r, struct kfk_node *parent, const struct api_shape *sh,
    const struct api_split *s)
{
	struct kfk_node *topics;

	(void)c;
	if (s->first == NULL)
		return;
	topics = kfk_get(parent, sh->r_topics);
	if (topics == NULL)
		topics = kfk_set_empty(r, parent, sh->r_topics);
	for (const struct api_denied *d = s->first; d != NULL; d = d->next)
		api_splice_one(r, topics, sh, d);
}

enum api_result
api_answer_denied(struct api_call *c, const struct api_shape *sh)
{
	struct kfk_tree r;

	api_answer_begin(c, &r);
	api_splice(c, &r, &r.root, sh, &api_memo(c)->split);
	return api_answer(c, &r);
}

enum api_result
api_split_forward(struct api_call *c, struct kfk_tree *q, const struct api_shape *sh)
{
	struct api_split *s = &api_memo(c)->split;

	api_split(c, q, &q->root, sh, s);
	if (s->waiting)
		return api_wait_ids(c);
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	return s->kept == 0 && s->first != NULL ? api_answer_denied(c, sh) : api_forward(c, q);
}

enum api_result
api_splice_answer(struct api_call *c, struct kfk_tree *r, const struct api_shape *sh)
{
	enum api_result result;

	if (!api_unmap(c, r, &result))
		return result;
	api_splice(c, r, &r->root, sh, &api_memo(c)->split);
	return api_answer(c, r);
}

/* ---- results that have a name and nothing below --------------------------------------------------- */

void
api_add_results(struct api_call *c, struct kfk_tree *r, const struct api_result_fields *f)
{
	struct kfk_node *list = kfk_get(&r->root, f->list);

	if (list == NULL)
		list = kfk_set_empty(r, &r->root, f->list);
	for (const struct api_denied *d = api_memo(c)->split.first; d != NULL; d = d->next) {
		struct kfk_node *e = kfk_add(r, list);

		kfk_set_str(r, e, f->name, d->name);
		if (f->id != API_NO_FIELD)
			kfk_set_uuid(r, e, f->id, d->id);
		kfk_set_int(r, e, f->code, d->code);
		kfk_set_str(r, e, f->text, d->text.p == NULL ? alv_str_of(kfk_code_text(d->code)) : d->text);
	}
}

void
api_drop_field(struct kfk_node *parent, uint16_t id)
{
	struct kfk_node *prev = NULL;

	for (struct kfk_node *k = parent->kids; k != NULL; prev = k, k = k->next) {
		if (k->id != id)
			continue;
		kfk_unlink(parent, prev, k);
		return;
	}
}
