/* Deleting everything that begins with a prefix. Asking a broker to delete is no proof: only a scan that finds no topic and
 * no group any more is, so the purge goes round until then.
 *
 *   SCAN --found--> TOPICS (batches) --> COORDINATORS (batches) --> GROUPS (by node) --> wait --> SCAN
 *     +--- nothing left: done OK         no progress for purge_ms: done with the last error
 *
 * Invariants: one question under way at a time; names are copies in the purge's arena, which is reset by the next scan;
 * nothing that does not begin with the prefix is ever named in a delete. */
#include "upstream/follower_state.h"

#include <alcove/check.h>
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>

#include "kafka/gen/field_ids.h"

enum { DELETE_TOPICS_VERSION = 6, FIND_COORDINATOR_VERSION = 4, DELETE_GROUPS_VERSION = 2 };
enum { BATCH = 100, NAMES_MAX = 1024, WAIT_MS = 300, ARENA_MAX = 4 * 1024 * 1024 };

struct target {
	enum ten_kind  kind;
	struct alv_str name;
	int32_t	       node;	/* a group's coordinator; -1: not known */
	bool	       asked;	/* in this round */
};

struct ups_purge {
	struct ups_purge    *next;
	struct ups_follower *follower;
	ups_purge_fn	     done;
	void		    *arg;
	struct alv_str	     prefix;	/* its own */
	struct alv_arena     arena;
	size_t		     n;
	struct target	     target[NAMES_MAX];
	struct ups_question  question;
	struct net_timer     timer;
	uint64_t	     give_up_us;
	bool		     progress;	/* something was deleted in this round */
	enum alv_err	     err;	/* the last failure */
	char		     words[512];
};

static void next_step(struct ups_purge *p);

static void
note(struct ups_purge *p, enum alv_err err, const char *what, struct alv_str name, const char *why)
{
	p->err = err;
	snprintf(p->words, sizeof(p->words), "%s %.*s: %s", what, ALV_STR_ARG(name), why);
}

/* Of one that is in no list any more. */
static void
tell_and_free(struct ups_purge *p, enum alv_err err)
{
	net_timer_stop(&p->timer);
	p->done(p->arg, err, err ? p->words : "");
	alv_arena_fini(&p->arena);
	free((void *)p->prefix.p);
	free(p);
}

static void
end_purge(struct ups_purge *p, enum alv_err err)
{
	struct ups_purge **at;

	for (at = &p->follower->purges; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	tell_and_free(p, err);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static struct kfk_tree
begin(int16_t key, int16_t version, struct alv_arena *a)
{
	struct kfk_tree t;

	alv_arena_init(a, UPS_SMALL_ARENA_MAX);
	kfk_tree_init(&t, kfk_schema_find(key, KFK_REQUEST), version, a);
	return t;
}

static void
ask(struct ups_purge *p, struct ups_asker *asker, struct kfk_tree *t, ups_answer_fn done, uint32_t more_ms)
{
	p->question.owner = p;
	p->question.done = done;
	ups_ask(asker, &p->question, t, p->follower->ctx->conf->request_timeout_ms + more_ms);
	kfk_tree_fini(t);
	alv_arena_fini(t->arena);
}

/* Decodes an answer; false: noted, and the round goes on to its end. */
static bool
read_answer(struct ups_purge *p, struct kfk_tree *t, struct alv_arena *a, enum alv_err err, const char *words,
    const struct alv_chain *body)
{
	alv_arena_init(a, UPS_SMALL_ARENA_MAX);
	if (!err)
		err = kfk_tree_decode(t, kfk_schema_find(p->question.key, KFK_RESPONSE), p->question.version, body, a);
	if (!err)
		return true;
	alv_arena_fini(a);
	p->err = err;
	snprintf(p->words, sizeof(p->words), "%s", words[0] == '\0' ? alv_err_text(err) : words);
	return false;
}

static struct target *
find_target(struct ups_purge *p, enum ten_kind kind, struct alv_str name)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->target[i].kind == kind && alv_str_eq(p->target[i].name, name))
			return &p->target[i];
	}
	return NULL;
}

/* One result of a delete. */
static void
take_result(struct ups_purge *p, const char *what, struct alv_str name, int16_t code, int16_t absent)
{
	if (code == 0)
		p->progress = true;
	else if (code != absent)
		note(p, code == KFK_NON_EMPTY_GROUP ? ALV_E_CONFLICT : ALV_E_UNAVAILABLE, what, name, kfk_code_name(code));
}

/* ---- topics ---------------------------------------------------------------------------------------------- */

static void
topics_answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_purge *p = q->owner;
	struct alv_arena  a;
	struct kfk_tree	  t;

	if (read_answer(p, &t, &a, err, words, body)) {
		const struct kfk_node *all = kfk_get(&t.root, KFK_DELETE_TOPICS_RESPONSE_RESPONSES);

		for (const struct kfk_node *e = all == NULL ? NULL : all->kids; e != NULL; e = e->next) {
			struct alv_str name = kfk_get_str(&t, e, KFK_DELETE_TOPICS_RESPONSE_RESPONSES_NAME);
			int16_t	       code = (int16_t)kfk_get_int(&t, e, KFK_DELETE_TOPICS_RESPONSE_RESPONSES_ERROR_CODE);

			take_result(p, "topic", name, code, KFK_UNKNOWN_TOPIC_OR_PARTITION);
			if (code == 0 && find_target(p, TEN_TOPIC, name) != NULL)
				ups_learn(p->follower, name, (struct alv_uuid){ { 0 } }, 0, true);
		}
		kfk_tree_fini(&t);
		alv_arena_fini(&a);
		ups_publish(p->follower);
	}
	next_step(p);
}

static bool
ask_topics(struct ups_purge *p, struct ups_asker *any)
{
	uint32_t	 ms = p->follower->ctx->conf->request_timeout_ms;
	struct alv_arena a;
	struct kfk_tree	 t = begin(KFK_API_DELETE_TOPICS, DELETE_TOPICS_VERSION, &a);
	struct kfk_node *list = kfk_set_empty(&t, &t.root, KFK_DELETE_TOPICS_REQUEST_TOPICS);
	size_t		 n = 0;

	for (size_t i = 0; i < p->n && n < BATCH; i++) {
		struct kfk_node *e;

		if (p->target[i].kind != TEN_TOPIC || p->target[i].asked)
			continue;
		p->target[i].asked = true;
		e = kfk_add(&t, list);
		kfk_set_str(&t, e, KFK_DELETE_TOPICS_REQUEST_TOPICS_NAME, p->target[i].name);
		n++;
	}
	if (n == 0) {
		alv_arena_fini(&a);
		return false;
	}
	kfk_set_int(&t, &t.root, KFK_DELETE_TOPICS_REQUEST_TIMEOUT_MS, ms);
	ask(p, any, &t, topics_answered, ms);
	return true;
}

/* ---- groups ------------------------------------------------------------------------------------------------ */

static void
coordinators_answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_purge *p = q->owner;
	struct alv_arena  a;
	struct kfk_tree	  t;

	if (read_answer(p, &t, &a, err, words, body)) {
		const struct kfk_node *all = kfk_get(&t.root, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS);

		for (const struct kfk_node *e = all == NULL ? NULL : all->kids; e != NULL; e = e->next) {
			struct alv_str name = kfk_get_str(&t, e, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS_KEY);
			int16_t code = (int16_t)kfk_get_int(&t, e, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS_ERROR_CODE);
			struct target *x = find_target(p, TEN_GROUP, name);

			if (code != 0)
				note(p, ALV_E_UNAVAILABLE, "coordinator of group", name, kfk_code_name(code));
			else if (x != NULL) {
				x->node = (int32_t)kfk_get_int(&t, e, KFK_FIND_COORDINATOR_RESPONSE_COORDINATORS_NODE_ID);
				x->asked = false;
			}
		}
		kfk_tree_fini(&t);
		alv_arena_fini(&a);
	}
	next_step(p);
}

/* Groups whose coordinator is not known; `asked` until it is, so that each is asked about once a round. */
static bool
ask_coordinators(struct ups_purge *p, struct ups_asker *any)
{
	struct alv_arena a;
	struct kfk_tree	 t = begin(KFK_API_FIND_COORDINATOR, FIND_COORDINATOR_VERSION, &a);
	struct kfk_node *list = kfk_set_empty(&t, &t.root, KFK_FIND_COORDINATOR_REQUEST_COORDINATOR_KEYS);
	size_t		 n = 0;

	for (size_t i = 0; i < p->n && n < BATCH; i++) {
		if (p->target[i].kind != TEN_GROUP || p->target[i].asked || p->target[i].node >= 0)
			continue;
		p->target[i].asked = true;
		kfk_add(&t, list)->v.s = p->target[i].name;
		n++;
	}
	if (n == 0) {
		alv_arena_fini(&a);
		return false;
	}
	ask(p, any, &t, coordinators_answered, 0);
	return true;
}

static void
groups_answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_purge *p = q->owner;
	struct alv_arena  a;
	struct kfk_tree	  t;

	if (read_answer(p, &t, &a, err, words, body)) {
		const struct kfk_node *all = kfk_get(&t.root, KFK_DELETE_GROUPS_RESPONSE_RESULTS);

		for (const struct kfk_node *e = all == NULL ? NULL : all->kids; e != NULL; e = e->next)
			take_result(p, "group", kfk_get_str(&t, e, KFK_DELETE_GROUPS_RESPONSE_RESULTS_GROUP_ID),
			    (int16_t)kfk_get_int(&t, e, KFK_DELETE_GROUPS_RESPONSE_RESULTS_ERROR_CODE), KFK_GROUP_ID_NOT_FOUND);
		kfk_tree_fini(&t);
		alv_arena_fini(&a);
	}
	next_step(p);
}

/* Groups of one coordinator. */
static bool
ask_groups(struct ups_purge *p)
{
	struct alv_arena   a;
	struct kfk_tree	   t = begin(KFK_API_DELETE_GROUPS, DELETE_GROUPS_VERSION, &a);
	struct kfk_node	  *list = kfk_set_empty(&t, &t.root, KFK_DELETE_GROUPS_REQUEST_GROUPS_NAMES);
	struct ups_broker *b = NULL;
	int32_t		   node = -1;
	size_t		   n = 0;

	for (size_t i = 0; i < p->n && n < BATCH; i++) {
		struct target *x = &p->target[i];

		if (x->kind != TEN_GROUP || x->asked || x->node < 0 || (node >= 0 && x->node != node))
			continue;
		x->asked = true;
		b = ups_broker_find(p->follower, x->node);
		if (b == NULL) {
			note(p, ALV_E_UNAVAILABLE, "coordinator of group", x->name, "is not a broker of the cluster");
			continue;
		}
		node = x->node;
		kfk_add(&t, list)->v.s = x->name;
		n++;
	}
	if (n == 0) {
		alv_arena_fini(&a);
		return false;
	}
	ask(p, ups_broker_find(p->follower, node)->asker, &t, groups_answered, 0);
	return true;
}

/* ---- rounds -------------------------------------------------------------------------------------------------- */

static void
wait(struct ups_purge *p)
{
	uint64_t now = net_loop_now(p->follower->loop);

	if (p->progress)
		p->give_up_us = now + p->follower->purge_ms * 1000ull;
	net_timer_set(&p->timer, now + WAIT_MS * 1000ull);
}

static void
next_step(struct ups_purge *p)
{
	struct ups_asker *any = ups_any_asker(p->follower);

	if (any == NULL) {
		p->err = ALV_E_UNAVAILABLE;
		snprintf(p->words, sizeof(p->words), "the cluster cannot be reached");
		wait(p);
		return;
	}
	if (!ask_topics(p, any) && !ask_coordinators(p, any) && !ask_groups(p))
		wait(p);
}

static void
take_found(struct ups_purge *p, const struct ups_found *found)
{
	alv_arena_reset(&p->arena);
	p->n = 0;
	for (size_t i = 0; i < found->n && p->n < NAMES_MAX; i++) {
		struct target *x = &p->target[p->n];

		*x = (struct target){ .kind = found->kind[i], .name = alv_arena_str(&p->arena, alv_str_of(found->name[i])),
			.node = -1 };
		if (x->name.p != NULL && x->kind != TEN_TXN)
			p->n++;
	}
}

static void
scanned(void *arg, enum alv_err err, const struct ups_found *found)
{
	struct ups_purge *p = arg;

	if (p->follower->ending)
		return;	/* ups_purges_end is next */
	p->progress = false;
	if (err) {
		p->err = err;
		snprintf(p->words, sizeof(p->words), "what is there cannot be listed: %s", alv_err_text(err));
		wait(p);
		return;
	}
	take_found(p, found);
	if (p->n == 0 && !found->more && !p->arena.failed)
		end_purge(p, ALV_OK);
	else
		next_step(p);
}

static void
scan_due(struct net_timer *t)
{
	struct ups_purge *p = ALV_HOLDER(t, struct ups_purge, timer);

	if (net_loop_now(p->follower->loop) >= p->give_up_us) {
		if (!p->err)
			note(p, ALV_E_TIMEOUT, "prefix", p->prefix, "not everything was gone in time");
		end_purge(p, p->err);
		return;
	}
	ups_scan_start(p->follower, p->prefix, false, scanned, p);
}

void
ups_purge_prefix(struct ups_follower *f, struct alv_str prefix, ups_purge_fn done, void *arg)
{
	struct ups_purge *p = calloc(1, sizeof(*p));
	char		 *copy = malloc(prefix.n + 1);

	if (p == NULL || copy == NULL || prefix.n == 0) {
		free(p);
		free(copy);
		done(arg, prefix.n == 0 ? ALV_E_VALUE : ALV_E_NOMEM, "a purge needs a prefix and memory");
		return;
	}
	memcpy(copy, prefix.p, prefix.n);
	p->follower = f;
	p->done = done;
	p->arg = arg;
	p->prefix = alv_str_make(copy, prefix.n);
	p->give_up_us = net_loop_now(f->loop) + f->purge_ms * 1000ull;
	alv_arena_init(&p->arena, ARENA_MAX);
	net_timer_init(f->loop, &p->timer, scan_due);
	net_timer_set(&p->timer, net_loop_now(f->loop));
	p->next = f->purges;
	f->purges = p;
}

void
ups_purges_end(struct ups_follower *f)
{
	struct ups_purge *p;

	while ((p = f->purges) != NULL) {
		f->purges = p->next;
		snprintf(p->words, sizeof(p->words), "the gateway stops");
		tell_and_free(p, ALV_E_CLOSED);
	}
}
