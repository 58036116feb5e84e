/* Topic ids that nobody knows yet, asked of a broker. Guessed ids come from clients, so three bounds stand here: ids per
 * second (a bucket), ids known about at once, questions under way; and an id is asked for once, however many wait.
 *
 *   want: QUEUED --batch--> ASKED --answer--> DONE; freed with the last call that waits for it
 *
 * Invariant: a call ends when none of its wants is QUEUED or ASKED; ends are told from `ids_later` only. */
#include "upstream/follower_state.h"

#include <alcove/str.h>

#include <stdlib.h>

enum { CALLS_MAX = 1024, WANTS_MAX = 2048, BATCHES_MAX = 4, BURST = 2000 };
#define ID_COST_US 5000ull	/* 200 a second */

struct ups_id_want {
	struct ups_id_want *next;
	struct alv_uuid	    id;
	enum { QUEUED, ASKED, DONE } state;
	unsigned      refs;
	enum alv_err  err;
	char	     *name;
};

struct ups_ids_call {
	struct ups_ids_call *next;
	ups_ids_fn	     done;
	void		    *arg;
	enum alv_err	     err;
	size_t		     n;
	struct alv_uuid	     id[UPS_IDS_MAX];
	char		    *name[UPS_IDS_MAX];
	struct ups_id_want  *want[UPS_IDS_MAX];	/* NULL: settled without asking */
};

struct ups_id_batch {
	struct ups_id_batch *next;
	struct ups_follower *follower;
	struct ups_question  question;
	size_t		     n;
	struct ups_id_want  *want[UPS_IDS_MAX];
};

static bool
take_token(struct ups_follower *f)
{
	uint64_t now = net_loop_now(f->loop);

	if (f->tokens_at_us < now)
		f->tokens_at_us = now;
	if (f->tokens_at_us - now > (BURST - 1) * ID_COST_US)
		return false;
	f->tokens_at_us += ID_COST_US;
	return true;
}

static char *
copy_of(struct alv_str s)
{
	char *p = malloc(s.n + 1);

	if (p == NULL)
		return NULL;
	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

/* ---- wants ------------------------------------------------------------------------------------------- */

static enum alv_err
want_id(struct ups_follower *f, struct alv_uuid id, struct ups_id_want **out)
{
	struct ups_id_want *w;

	for (w = f->wants; w != NULL && !alv_uuid_eq(w->id, id); w = w->next)
		;
	if (w == NULL) {
		if (f->nwants >= WANTS_MAX || !take_token(f))
			return ALV_E_AGAIN;
		w = calloc(1, sizeof(*w));
		if (w == NULL)
			return ALV_E_NOMEM;
		w->id = id;
		w->next = f->wants;
		f->wants = w;
		f->nwants++;
	}
	w->refs++;
	*out = w;
	return ALV_OK;
}

static void
unwant(struct ups_follower *f, struct ups_id_want *w)
{
	struct ups_id_want **at = &f->wants;

	/* One that is asked for is left to its batch. */
	if (--w->refs > 0 || w->state == ASKED)
		return;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	f->nwants--;
	free(w->name);
	free(w);
}

static void
settle(struct ups_follower *f, struct ups_id_want *w, enum alv_err err, struct alv_str name)
{
	w->err = err;
	if (!err && name.p != NULL && (w->name = copy_of(name)) == NULL)
		w->err = ALV_E_NOMEM;
	w->state = DONE;
	w->refs++;
	unwant(f, w);
}

/* ---- answers ----------------------------------------------------------------------------------------- */

/* What the answer says of one id. */
static enum alv_err
read_topic(const struct ups_meta *m, struct alv_uuid id, struct alv_str *name)
{
	*name = ALV_STR_NULL;
	for (size_t i = 0; i < m->ntopics; i++) {
		if (!alv_uuid_eq(m->topics[i].id, id))
			continue;
		if (m->codes[i] == KFK_UNKNOWN_TOPIC_ID || m->codes[i] == KFK_UNKNOWN_TOPIC_OR_PARTITION ||
		    m->codes[i] == KFK_TOPIC_AUTHORIZATION_FAILED)
			return ALV_OK;
		*name = m->topics[i].name;
		return name->n > 0 ? ALV_OK : ALV_E_UNAVAILABLE;
	}
	return ALV_E_UNAVAILABLE;
}

static void
batch_answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_id_batch  *b = q->owner, **at;
	struct ups_follower  *f = b->follower;
	struct ups_meta	      m;
	bool		      read = err == ALV_OK;

	(void)words;
	if (read)
		err = ups_meta_read(&m, body);
	for (size_t i = 0; i < b->n; i++) {
		struct alv_str name = ALV_STR_NULL;
		enum alv_err   one = err ? ALV_E_UNAVAILABLE : read_topic(&m, b->want[i]->id, &name);

		settle(f, b->want[i], one, name);
	}
	if (read)
		ups_meta_fini(&m);
	for (at = &f->batches; *at != b; at = &(*at)->next)
		;
	*at = b->next;
	f->nbatches--;
	free(b);
	net_later(f->loop, &f->ids_later);
}

/* ---- questions ----------------------------------------------------------------------------------------- */

static void
ask_batch(struct ups_follower *f, struct ups_asker *a, struct ups_id_batch *b)
{
	struct alv_uuid	 id[UPS_IDS_MAX];
	struct alv_arena arena;
	struct kfk_tree	 t;

	for (size_t i = 0; i < b->n; i++) {
		id[i] = b->want[i]->id;
		b->want[i]->state = ASKED;
	}
	b->follower = f;
	b->question.owner = b;
	b->question.done = batch_answered;
	b->next = f->batches;
	f->batches = b;
	f->nbatches++;
	alv_arena_init(&arena, UPS_SMALL_ARENA_MAX);
	ups_meta_ask(&t, &arena, id, b->n);
	ups_ask(a, &b->question, &t, f->ctx->conf->request_timeout_ms);
	kfk_tree_fini(&t);
	alv_arena_fini(&arena);
}

static void
ask_queued(struct ups_follower *f)
{
	struct ups_asker    *a = ups_any_asker(f);
	struct ups_id_batch *b;

	while (f->nbatches < BATCHES_MAX) {
		b = calloc(1, sizeof(*b));
		for (struct ups_id_want *w = f->wants, *next; w != NULL; w = next) {
			next = w->next;
			if (w->state != QUEUED)
				continue;
			if (a == NULL || b == NULL)
				settle(f, w, ALV_E_UNAVAILABLE, ALV_STR_NULL);
			else if (b->n < UPS_IDS_MAX)
				b->want[b->n++] = w;
		}
		if (b == NULL || b->n == 0) {
			free(b);
			return;
		}
		ask_batch(f, a, b);
	}
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static bool
is_over(const struct ups_ids_call *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->want[i] != NULL && c->want[i]->state != DONE)
			return c->err != ALV_OK;
	}
	return true;
}

/* Takes what its wants came to and lets them go. */
static void
collect(struct ups_follower *f, struct ups_ids_call *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct ups_id_want *w = c->want[i];

		if (w == NULL)
			continue;
		if (!c->err && w->err)
			c->err = w->err;
		if (!c->err && w->name != NULL && (c->name[i] = copy_of(alv_str_of(w->name))) == NULL)
			c->err = ALV_E_NOMEM;
		unwant(f, w);
	}
	for (size_t i = 0; c->err && i < c->n; i++) {
		free(c->name[i]);
		c->name[i] = NULL;
	}
}

static void
tell_one(struct ups_follower *f, struct ups_ids_call **at)
{
	struct ups_ids_call *c = *at;

	*at = c->next;
	f->ncalls--;
	collect(f, c);
	c->done(c->arg, c->err, c->n, c->id, c->name);
	free(c);
}

/* A done may ask again: that only adds at the front of the list, and wakes us again; `at` stays good. */
static void
ids_due(struct net_later *x)
{
	struct ups_follower  *f = ALV_HOLDER(x, struct ups_follower, ids_later);
	struct ups_ids_call **at;

	ask_queued(f);
	for (at = &f->calls; *at != NULL;) {
		if (!is_over(*at)) {
			at = &(*at)->next;
			continue;
		}
		tell_one(f, at);
	}
}

void
ups_ids_init(struct ups_follower *f)
{
	f->ids_later.fn = ids_due;
}

void
ups_ids_end(struct ups_follower *f)
{
	net_later_cancel(f->loop, &f->ids_later);
	for (struct ups_id_batch *b = f->batches, *next; b != NULL; b = next) {
		next = b->next;
		for (size_t i = 0; i < b->n; i++)
			settle(f, b->want[i], ALV_E_CLOSED, ALV_STR_NULL);
		free(b);
	}
	f->batches = NULL;
	while (f->calls != NULL) {
		f->calls->err = ALV_E_CLOSED;
		tell_one(f, &f->calls);
	}
}

/* An id that the newest view has needs no question. */
static enum alv_err
begin_one(struct ups_follower *f, const struct clu_view *v, struct ups_ids_call *c, size_t i)
{
	const struct clu_topic *t = v == NULL ? NULL : clu_topic_by_id(v, c->id[i]);

	if (alv_uuid_zero(c->id[i]))
		return ALV_OK;
	if (t == NULL)
		return want_id(f, c->id[i], &c->want[i]);
	c->name[i] = copy_of(t->name);
	return c->name[i] == NULL ? ALV_E_NOMEM : ALV_OK;
}

void
ups_resolve_ids(struct ups_follower *f, size_t n, const struct alv_uuid *id, ups_ids_fn done, void *arg)
{
	const struct clu_view *v = clu_board_load(f->board);
	struct ups_ids_call   *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		done(arg, ALV_E_NOMEM, 0, id, NULL);
		return;
	}
	c->done = done;
	c->arg = arg;
	c->err = n > UPS_IDS_MAX ? ALV_E_LIMIT : f->ncalls >= CALLS_MAX ? ALV_E_AGAIN : ALV_OK;
	c->n = c->err == ALV_E_LIMIT ? 0 : n;
	for (size_t i = 0; i < c->n; i++) {
		c->id[i] = id[i];
		if (!c->err)
			c->err = begin_one(f, v, c, i);
	}
	c->next = f->calls;
	f->calls = c;
	f->ncalls++;
	net_later(f->loop, &f->ids_later);
}
