/* Topic ids that nobody knows yet, asked of a broker: calls, and the questions made of what they want (wants.c). An id is
 * asked for once, however many wait; a question that its broker did not answer is put to another one, once.
 * Invariant: a call ends when none of its wants is QUEUED or ASKED; ends are told from `ids_later` only. */
#include "upstream/wants.h"

#include <alcove/str.h>

#include <stdlib.h>

enum { BATCHES_MAX = 4, ASK_MS = 5000 };

struct ups_ids_call {
	struct ups_ids_call *next;
	struct ups_id_party *party;	/* NULL: it was refused */
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
	struct ups_asker    *asked;	/* only to be told from others: it may be gone */
	bool		     again;	/* asked for the second time */
	size_t		     n;
	struct ups_id_want  *want[UPS_IDS_MAX];
};

static bool ask_another(struct ups_id_batch *b);

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
free_batch(struct ups_id_batch *b)
{
	struct ups_follower  *f = b->follower;
	struct ups_id_batch **at;

	for (at = &f->batches; *at != b; at = &(*at)->next)
		;
	*at = b->next;
	f->nbatches--;
	free(b);
}

static void
batch_answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_id_batch *b = q->owner;
	struct ups_follower *f = b->follower;
	struct ups_meta	     m;
	bool		     read = err == ALV_OK;

	(void)words;
	if (read)
		err = ups_meta_read(&m, body);
	if (err && !b->again && ask_another(b))
		return;
	for (size_t i = 0; i < b->n; i++) {
		struct alv_str name = ALV_STR_NULL;
		enum alv_err   one = err ? ALV_E_UNAVAILABLE : read_topic(&m, b->want[i]->id, &name);

		ups_want_settle(f, b->want[i], one, name);
	}
	if (read)
		ups_meta_fini(&m);
	free_batch(b);
	net_later(f->loop, &f->ids_later);
}

/* ---- questions ----------------------------------------------------------------------------------------- */

static void
ask_batch(struct ups_asker *a, struct ups_id_batch *b)
{
	struct alv_uuid	 id[UPS_IDS_MAX];
	struct alv_arena arena;
	struct kfk_tree	 t;

	for (size_t i = 0; i < b->n; i++)
		id[i] = b->want[i]->id;
	b->asked = a;
	b->question.owner = b;
	b->question.done = batch_answered;
	alv_arena_init(&arena, UPS_SMALL_ARENA_MAX);
	ups_meta_ask(&t, &arena, id, b->n);
	ups_ask(a, &b->question, &t, ups_patience_ms(b->follower, ASK_MS));
	kfk_tree_fini(&t);
	alv_arena_fini(&arena);
}

/* Its broker died under the question: another one knows as much. False: there is none. */
static bool
ask_another(struct ups_id_batch *b)
{
	struct ups_asker *a = ups_other_asker(b->follower, b->asked);

	b->again = true;
	if (a != NULL)
		ask_batch(a, b);
	return a != NULL;
}

/* The next batch, filled; NULL: nothing is to be asked now. */
static struct ups_id_batch *
next_batch(struct ups_follower *f)
{
	struct ups_id_batch *b = calloc(1, sizeof(*b));
	struct ups_id_want  *w;
	uint64_t	     wait_us = 0;

	if (b == NULL)
		return NULL;
	while (b->n < UPS_IDS_MAX && (w = ups_want_next(f, &wait_us)) != NULL)
		b->want[b->n++] = w;
	if (wait_us > 0)
		net_timer_set(&f->ids_timer, net_loop_now(f->loop) + wait_us);
	if (b->n == 0) {
		free(b);
		return NULL;
	}
	b->follower = f;
	b->next = f->batches;
	f->batches = b;
	f->nbatches++;
	return b;
}

static void
ask_queued(struct ups_follower *f)
{
	struct ups_asker    *a = ups_any_asker(f);
	struct ups_id_batch *b;

	while (f->nbatches < BATCHES_MAX && (b = next_batch(f)) != NULL) {
		if (a != NULL) {
			ask_batch(a, b);
			continue;
		}
		for (size_t i = 0; i < b->n; i++)
			ups_want_settle(f, b->want[i], ALV_E_UNAVAILABLE, ALV_STR_NULL);
		free_batch(b);
	}
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static bool
is_over(const struct ups_ids_call *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->want[i] != NULL && c->want[i]->state != UPS_DONE)
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
		if (!c->err && w->name != NULL && (c->name[i] = strdup(w->name)) == NULL)
			c->err = ALV_E_NOMEM;
		ups_unwant(f, w);
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
	if (c->party != NULL)
		ups_party_end(c->party);
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

static void
ids_time(struct net_timer *t)
{
	struct ups_follower *f = ALV_HOLDER(t, struct ups_follower, ids_timer);

	net_later(f->loop, &f->ids_later);
}

void
ups_ids_init(struct ups_follower *f)
{
	f->ids_later.fn = ids_due;
	net_timer_init(f->loop, &f->ids_timer, ids_time);
}

void
ups_ids_end(struct ups_follower *f)
{
	net_timer_stop(&f->ids_timer);
	net_later_cancel(f->loop, &f->ids_later);
	for (struct ups_id_batch *b = f->batches, *next; b != NULL; b = next) {
		next = b->next;
		for (size_t i = 0; i < b->n; i++)
			ups_want_settle(f, b->want[i], ALV_E_CLOSED, ALV_STR_NULL);
		free(b);
	}
	f->batches = NULL;
	while (f->calls != NULL) {
		f->calls->err = ALV_E_CLOSED;
		tell_one(f, &f->calls);
	}
	ups_wants_end(f);
}

/* An id that the newest view has needs no question. */
static enum alv_err
begin_one(struct ups_follower *f, const struct clu_view *v, struct ups_ids_call *c, size_t i)
{
	const struct clu_topic *t = v == NULL ? NULL : clu_topic_by_id(v, c->id[i]);

	if (alv_uuid_zero(c->id[i]))
		return ALV_OK;
	if (t == NULL)
		return ups_want(f, c->party, c->id[i], &c->want[i]);
	c->name[i] = strndup(t->name.p, t->name.n);
	return c->name[i] == NULL ? ALV_E_NOMEM : ALV_OK;
}

void
ups_resolve_ids(struct ups_follower *f, uint64_t who, size_t n, const struct alv_uuid *id, ups_ids_fn done, void *arg)
{
	const struct clu_view *v = clu_board_load(f->board);
	struct ups_ids_call   *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		done(arg, ALV_E_NOMEM, 0, id, NULL);
		return;
	}
	c->done = done;
	c->arg = arg;
	c->party = n > UPS_IDS_MAX ? NULL : ups_party_begin(f, who);
	c->err = n > UPS_IDS_MAX ? ALV_E_LIMIT : c->party == NULL ? ALV_E_AGAIN : ALV_OK;
	c->n = c->err == ALV_E_LIMIT ? 0 : n;
	for (size_t i = 0; i < c->n; i++) {
		c->id[i] = id[i];
		if (!c->err)
			c->err = begin_one(f, v, c, i);
	}
	c->next = f->calls;
	f->calls = c;
	net_later(f->loop, &f->ids_later);
}
