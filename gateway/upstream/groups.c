/* ListGroups of each broker, once for all tenants together: what one asks for serves everybody whose question is not newer.
 *
 *   IDLE --somebody waits--> ASKING --answer--> on the board; those who waited are told
 *     ^                         |                 |
 *     `---- GAP_MS, while nobody waits: KEEP_MS --'  then the list goes, and this with it
 *
 * Invariants: one question to a broker at a time, and no two within GAP_MS, whatever tenants do; a caller is only told of a
 * list that was asked for after its since_us. A broker that answers with an error is not listed: callers go their own way. */
#include "upstream/groups.h"

#include <alcove/clock.h>
#include <alcove/listing.h>
#include <alcove/str.h>

#include <stdlib.h>

#include "kafka/gen/field_ids.h"
#include "upstream/follower_state.h"

enum { LIST_GROUPS_VERSION = 4, LIST_GROUPS_TYPES_VERSION = 5, GAP_MS = 100, KEEP_MS = 60000, ASK_MS = 10000,
	GROUPS_MAX = 1000000, TEXTS_MAX = UPS_ANSWER_MAX };

struct ups_lister {
	struct ups_lister      *next;
	struct ups_follower    *follower;
	int32_t			node;
	struct ups_question	question;
	bool			asking;
	uint64_t		asked_us;	/* the last question */
	uint64_t		have_us;	/* that of the list on the board; 0: none */
	struct ups_groups_call *calls;
	struct net_timer	timer;		/* when it may ask again; when nobody asked for long */
};

#define R(f) KFK_LIST_GROUPS_RESPONSE_##f

/* ---- an answer -------------------------------------------------------------------------------------------- */

struct reading {
	struct alv_arena  texts;
	struct clu_group *all;
	size_t		  n, cap;
	int16_t		  code;
	enum alv_err	  err;
};

static void
on_element(void *arg, uint16_t id, int32_t index)
{
	struct reading	 *r = arg;
	struct clu_group *more;

	(void)index;
	if (id != R(GROUPS) || r->err)
		return;
	if (r->n == r->cap) {
		size_t cap = r->cap == 0 ? 64 : r->cap * 2;

		more = r->n >= GROUPS_MAX ? NULL : reallocarray(r->all, cap, sizeof(*more));
		if (more == NULL) {
			r->err = ALV_E_LIMIT;
			return;
		}
		r->all = more;
		r->cap = cap;
	}
	r->all[r->n++] = (struct clu_group){ .id = ALV_STR_NULL };
}

/* Most groups say the same of these as the one before. */
static struct alv_str
keep(struct reading *r, const struct kfk_value *v, struct alv_str before)
{
	if (v->is_null)
		return ALV_STR_NULL;
	return alv_str_eq(v->s, before) ? before : alv_arena_str(&r->texts, v->s);
}

static enum kfk_do
on_field(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	static const struct clu_group nothing;
	struct reading		     *r = arg;
	struct clu_group	     *g = r->n == 0 ? NULL : &r->all[r->n - 1];
	const struct clu_group	     *before = r->n < 2 ? &nothing : g - 1;

	(void)f;
	if (id == R(ERROR_CODE))
		r->code = (int16_t)v->i;
	else if (g == NULL || r->err)
		;
	else if (id == R(GROUPS_GROUP_ID))
		g->id = keep(r, v, ALV_STR_NULL);
	else if (id == R(GROUPS_PROTOCOL_TYPE))
		g->protocol = keep(r, v, before->protocol);
	else if (id == R(GROUPS_GROUP_STATE))
		g->state = keep(r, v, before->state);
	else if (id == R(GROUPS_GROUP_TYPE))
		g->type = keep(r, v, before->type);
	if (!r->err && !r->texts.failed)
		return KFK_KEEP;
	v->i = ALV_E_LIMIT;
	return KFK_STOP;
}

static enum alv_err
read_answer(struct reading *r, int16_t version, const struct alv_chain *body)
{
	static const struct kfk_visitor visitor = { .field = on_field, .element = on_element };
	const uint64_t	       kinds = UINT64_MAX;
	const struct kfk_plan *plan = kfk_plan_get(kfk_schema_find(KFK_API_LIST_GROUPS, KFK_RESPONSE), version, kinds);
	struct alv_arena       scratch;
	struct kfk_walk	       w;
	enum alv_err	       err;

	if (plan == NULL)
		return ALV_E_NOMEM;
	alv_arena_init(&scratch, UPS_SMALL_ARENA_MAX);
	err = kfk_walk_init(&w, plan, &visitor, r, NULL, &scratch);
	if (!err) {
		err = kfk_walk_chain(&w, body);
		kfk_walk_fini(&w);
	}
	alv_arena_fini(&scratch);
	return err ? err : r->err;
}

/* False: nothing that could hang on the board. */
static bool
take_answer(struct ups_lister *l, const struct alv_chain *body)
{
	struct reading	   r = { .n = 0 };
	struct clu_groups *g = NULL;
	bool		   ok;

	alv_arena_init(&r.texts, TEXTS_MAX);
	ok = read_answer(&r, l->question.version, body) == ALV_OK && r.code == 0;
	if (ok) {
		struct clu_groups parts = { .node = l->node, .asked_us = l->asked_us, .n = r.n, .groups = r.all };

		g = clu_groups_build(&parts);
		ok = g != NULL && clu_board_put_groups(l->follower->board, g) == ALV_OK;
	}
	if (!ok)
		clu_groups_free(g);
	free(r.all);
	alv_arena_fini(&r.texts);
	return ok;
}

/* ---- who waits ------------------------------------------------------------------------------------------------ */

static void go_on(struct ups_lister *l);

/* Those that `have_us` is good enough for, or all of them. A done may ask again. */
static void
tell(struct ups_lister *l, bool listed)
{
	struct ups_groups_call *all = l->calls, *c;

	l->calls = NULL;
	while ((c = all) != NULL) {
		all = c->next;
		if (listed && l->have_us < c->since_us) {
			c->next = l->calls;
			l->calls = c;
		} else {
			c->done(c, listed);
		}
	}
}

static void
answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_lister *l = q->owner;
	bool		   ok = err == ALV_OK && take_answer(l, body);

	(void)words;
	l->asking = false;
	if (ok)
		l->have_us = l->asked_us;
	tell(l, ok);
	go_on(l);
}

static void
ask(struct ups_lister *l, struct ups_broker *b)
{
	struct alv_arena a;
	struct kfk_tree	 t;
	int16_t		 version = LIST_GROUPS_VERSION;

	if (b->known && b->apis[KFK_API_LIST_GROUPS].hi >= LIST_GROUPS_TYPES_VERSION)
		version = LIST_GROUPS_TYPES_VERSION;
	l->asking = true;
	l->asked_us = alv_mono_us();	/* the turn's clock may be behind a caller's */
	l->question.owner = l;
	l->question.done = answered;
	alv_arena_init(&a, UPS_SMALL_ARENA_MAX);
	kfk_tree_init(&t, kfk_schema_find(KFK_API_LIST_GROUPS, KFK_REQUEST), version, &a);
	ups_ask(b->asker, &l->question, &t, ups_patience_ms(l->follower, ASK_MS));
	kfk_tree_fini(&t);
	alv_arena_fini(&a);
}

static void
go_on(struct ups_lister *l)
{
	struct ups_broker *b;
	uint64_t	   free_us = l->asked_us + GAP_MS * 1000ull, now = net_loop_now(l->follower->loop);

	if (l->asking)
		return;
	if (l->calls == NULL) {
		net_timer_set(&l->timer, now + KEEP_MS * 1000ull);
	} else if (l->asked_us > 0 && now < free_us) {
		net_timer_set(&l->timer, free_us);
	} else if ((b = ups_broker_find(l->follower, l->node)) == NULL) {
		tell(l, false);
		net_timer_set(&l->timer, now + KEEP_MS * 1000ull);
	} else {
		ask(l, b);
	}
}

/* ---- listers --------------------------------------------------------------------------------------------------- */

static void
let_go(struct ups_lister *l)
{
	struct ups_lister **at;

	for (at = &l->follower->listers; *at != l; at = &(*at)->next)
		;
	*at = l->next;
	clu_board_drop_groups(l->follower->board, l->node);
	free(l);
}

static void
timer_due(struct net_timer *t)
{
	struct ups_lister *l = ALV_HOLDER(t, struct ups_lister, timer);

	if (l->calls != NULL)
		go_on(l);
	else if (!l->asking)
		let_go(l);
}

static struct ups_lister *
lister_of(struct ups_follower *f, int32_t node)
{
	struct ups_lister *l;

	for (l = f->listers; l != NULL; l = l->next)
		if (l->node == node)
			return l;
	l = ups_broker_find(f, node) == NULL ? NULL : calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->follower = f;
	l->node = node;
	net_timer_init(f->loop, &l->timer, timer_due);
	l->next = f->listers;
	f->listers = l;
	return l;
}

void
ups_list_groups(struct ups_follower *f, int32_t node, struct ups_groups_call *c)
{
	struct ups_lister *l = f->ending ? NULL : lister_of(f, node);

	if (l == NULL || (l->have_us > 0 && l->have_us >= c->since_us)) {
		c->done(c, l != NULL);
		return;
	}
	c->next = l->calls;
	l->calls = c;
	go_on(l);
}

/* After the brokers' askers forgot their questions. */
void
ups_groups_end(struct ups_follower *f)
{
	struct ups_lister *l;

	while ((l = f->listers) != NULL) {
		f->listers = l->next;
		net_timer_stop(&l->timer);
		tell(l, false);
		free(l);
	}
}
