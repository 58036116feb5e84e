/* Runs a plan over chunks that may end at any byte; what each instruction does is in walk_value.c, walk_nest.c and
 * walk_tags.c, how it gets its bytes in walk_item.h, what goes out in walk_out.c. */
#include "kafka/walk_item.h"

static enum alv_err
step(struct kfk_walk_state *s, const struct kfk_op *op)
{
	switch ((enum kfk_opcode)op->code) {
	case KFK_OP_SKIP:
		s->pc++;
		return kfk_walk_pass_quiet(s, op->n);
	case KFK_OP_SKIP_BYTES:
		return kfk_walk_do_skip_bytes(s, op);
	case KFK_OP_SKIP_ARRAY:
		return kfk_walk_do_skip_array(s, op);
	case KFK_OP_FIXED:
		return kfk_walk_do_fixed(s, op);
	case KFK_OP_STRING:
		return kfk_walk_do_string(s, op);
	case KFK_OP_BYTES:
		return kfk_walk_do_bytes(s, op);
	case KFK_OP_ARRAY:
		return kfk_walk_do_array(s, op);
	case KFK_OP_NEXT:
		return kfk_walk_do_next(s, op);
	case KFK_OP_STRUCT:
		return kfk_walk_do_struct(s, op);
	case KFK_OP_STRUCT_END:
		s->pc++;
		if (s->v->struct_end != NULL && kfk_walk_seen(s, op))
			s->v->struct_end(s->arg, op->id);
		return ALV_OK;
	case KFK_OP_TAGS:
		/* Nearly always there are none. */
		if (s->held == 0 && s->p < s->end && *s->p == 0 && !kfk_walk_has_tail(s, op)) {
			s->p++;
			s->pc = op->to;
			return ALV_OK;
		}
		return kfk_walk_do_tags(s, op);
	case KFK_OP_TAG:
		return kfk_walk_do_tag(s, op);
	case KFK_OP_TAG_END:
		return kfk_walk_do_tag_end(s, op);
	case KFK_OP_END:
		break;
	}
	return ALV_OK;
}

static enum alv_err
run(struct kfk_walk_state *s)
{
	const struct kfk_op *ops = s->plan->ops;
	enum alv_err	     err = s->pass > 0 ? kfk_walk_pass(s) : ALV_OK;

	while (!err && ops[s->pc].code != KFK_OP_END)
		err = step(s, &ops[s->pc]);
	if (!err && s->p != s->end)
		err = ALV_E_TRAILING;
	return err;
}

static void
blame(struct kfk_walk_state *s, enum alv_err err)
{
	/* While bytes are passed the next instruction is set already. */
	const struct kfk_op *op = &s->plan->ops[s->pc - (s->pass > 0 && s->pc > 0)];
	bool		     tags = op->code == KFK_OP_TAGS || op->code == KFK_OP_TAG;

	s->walk->fault = (struct kfk_fault){ .message = s->plan->schema->name,
		.field = tags ? "tagged fields" : op->f != NULL ? op->f->name : "end",
		.version = s->plan->version, .at = kfk_walk_offset(s), .err = err };
}

enum alv_err
kfk_walk_init(struct kfk_walk *w, const struct kfk_plan *plan, const struct kfk_visitor *v, void *arg,
    struct alv_chain *out, struct alv_arena *a)
{
	static const struct kfk_visitor nobody;
	struct kfk_walk_state	       *s = alv_arena_alloc(a, sizeof(*s));

	*w = (struct kfk_walk){ .state = s };
	if (s == NULL)
		return ALV_E_NOMEM;
	s->frames = alv_arena_alloc(a, (plan->depth + 1) * sizeof(*s->frames));
	if (s->frames == NULL) {
		w->state = NULL;
		return ALV_E_NOMEM;
	}
	s->plan = plan;
	s->v = v == NULL ? &nobody : v;
	s->arg = arg;
	s->arena = a;
	s->walk = w;
	s->limit = s->body_end = SIZE_MAX;
	s->hold = s->hold_first;
	s->hold_cap = sizeof(s->hold_first);
	s->result = ALV_E_MORE;
	s->mute = out == NULL;
	s->changeable = out != NULL &&
	    (s->v->field != NULL || s->v->array_begin != NULL || s->v->array_end != NULL || s->v->struct_begin != NULL);
	if (out != NULL)
		kfk_emit_init(&s->out, out);
	return ALV_OK;
}

void
kfk_walk_fini(struct kfk_walk *w)
{
	if (w->state != NULL)
		kfk_emit_fini(&w->state->out);
	w->state = NULL;
}

void
kfk_walk_expect(struct kfk_walk *w, size_t body_n)
{
	w->state->limit = w->state->body_end = body_n;
}

size_t
kfk_walk_at(const struct kfk_walk *w)
{
	return w->state->base;
}

enum alv_err
kfk_walk_feed(struct kfk_walk *w, struct alv_block *b, const uint8_t *p, size_t n)
{
	static const uint8_t   nothing[1];
	struct kfk_walk_state *s = w->state;
	enum alv_err	       err;

	if (s->result != ALV_E_MORE)
		return s->result == ALV_OK && n > 0 ? ALV_E_TRAILING : s->result;
	s->block = b;
	s->begin = s->p = s->run = p == NULL ? nothing : p;
	s->end = s->begin + n;
	err = n > s->body_end - s->base ? ALV_E_TRAILING : run(s);
	if (err == ALV_E_MORE || err == ALV_OK)
		kfk_walk_flush(s, s->p);
	if (err == ALV_E_MORE && s->base + n == s->body_end)
		err = ALV_E_SHORT;
	if (err == ALV_OK && s->body_end != SIZE_MAX && s->base + n < s->body_end)
		err = ALV_E_TRAILING;
	if (s->out.c != NULL && s->out.c->err && (err == ALV_E_MORE || err == ALV_OK))
		err = s->out.c->err;
	if (err != ALV_E_MORE && err != ALV_OK)
		blame(s, err);
	s->base += n;
	s->begin = s->p = s->end = s->run = nothing;
	s->result = err;
	return err;
}

enum alv_err
kfk_walk_chain(struct kfk_walk *w, const struct alv_chain *body)
{
	enum alv_err err = ALV_E_MORE;

	kfk_walk_expect(w, body->n);
	if (body->head == NULL)
		return kfk_walk_feed(w, NULL, NULL, 0);
	for (const struct alv_piece *x = body->head; x != NULL && err == ALV_E_MORE; x = x->next)
		err = kfk_walk_feed(w, x->block, x->p, x->n);
	return err;
}
