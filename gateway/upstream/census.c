/* One question after the other, so that a census is a trickle to brokers however many there are:
 *
 *   for each broker: ListGroups (groups.c: the same list that clients share), ListTransactions, DescribeLogDirs
 *
 * Invariant: what is said to be whole was told by every broker that was known at the beginning; one that has gone since, does not
 * answer or answers with an error leaves that kind unknown, and nothing may be taken for gone. */
#include "upstream/census.h"

#include <alcove/check.h>
#include <alcove/clock.h>
#include <alcove/listing.h>
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>

#include "kafka/gen/field_ids.h"
#include "upstream/follower_state.h"
#include "upstream/groups.h"

enum { LIST_TRANSACTIONS_VERSION = 0, DESCRIBE_LOG_DIRS_VERSION = 3, ASK_MS = 10000, PARTS = 3, NAME_MAX_BYTES = 32767 };

struct ups_census {
	struct ups_follower	    *follower;
	const struct ups_census_fns *fns;
	void			    *arg;
	unsigned		     what, whole;
	char			     words[256];	/* the first failure */
	struct ups_groups_call	     groups;
	struct ups_question	     question;
	struct net_timer	     timer;	/* the next step, from a turn of its own */
	size_t			     at, nnodes;	/* at: of nnodes * PARTS */
	int32_t			     node[];
};

static unsigned
part(const struct ups_census *c)
{
	return 1u << c->at % PARTS;
}

static int32_t
node(const struct ups_census *c)
{
	return c->node[c->at / PARTS];
}

static void
next(struct ups_census *c)
{
	c->at++;
	net_timer_set(&c->timer, net_loop_now(c->follower->loop));
}

static void
failed(struct ups_census *c, const char *words)
{
	c->whole &= ~part(c);
	if (c->words[0] == '\0')
		snprintf(c->words, sizeof(c->words), "%s", words);
	next(c);
}

/* ---- groups ------------------------------------------------------------------------------------------- */

static void
groups_listed(struct ups_groups_call *call, bool listed)
{
	struct ups_census	*c = ALV_HOLDER(call, struct ups_census, groups);
	const struct clu_groups *g = listed ? clu_board_groups(c->follower->board, node(c)) : NULL;

	for (size_t i = 0; g != NULL && i < g->n; i++)
		c->fns->group(c->arg, g->groups[i].id, g->groups[i].type);
	if (g == NULL)
		failed(c, "a broker does not list its groups");
	else
		next(c);
}

/* ---- transactional ids, log directories: walked, since they may be long ------------------------------- */

struct reading {
	struct ups_census *census;
	int16_t		   code;
	struct alv_buf	   name;	/* of what the next number is about; as long as Kafka lets it be */
};

static void
keep(struct reading *r, const struct kfk_value *v)
{
	r->name.n = 0;
	alv_buf_add(&r->name, v->s.p, v->is_null ? 0 : v->s.n);
}

static struct alv_str
kept(const struct reading *r)
{
	return alv_str_make(r->name.p, r->name.n);
}

#define T(f) KFK_LIST_TRANSACTIONS_RESPONSE_##f
#define D(f) KFK_DESCRIBE_LOG_DIRS_RESPONSE_##f

static enum kfk_do
on_txn(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct reading *r = arg;

	(void)f;
	if (id == T(ERROR_CODE))
		r->code = (int16_t)v->i;
	else if (id == T(TRANSACTION_STATES_TRANSACTIONAL_ID))
		keep(r, v);
	else if (id == T(TRANSACTION_STATES_TRANSACTION_STATE) && r->name.n > 0)
		r->census->fns->txn(r->census->arg, kept(r), v->s);
	return KFK_KEEP;
}

static enum kfk_do
on_dir(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct reading *r = arg;

	(void)f;
	if ((id == D(ERROR_CODE) || id == D(RESULTS_ERROR_CODE)) && v->i != 0)
		r->code = (int16_t)v->i;
	else if (id == D(RESULTS_TOPICS_NAME))
		keep(r, v);
	else if (id == D(RESULTS_TOPICS_PARTITIONS_PARTITION_SIZE) && r->name.n > 0 && v->i > 0)
		r->census->fns->bytes(r->census->arg, kept(r), (uint64_t)v->i);
	return KFK_KEEP;
}

static enum alv_err
read_answer(struct reading *r, const struct ups_question *q, const struct alv_chain *body)
{
	static const struct kfk_visitor txns = { .field = on_txn }, dirs = { .field = on_dir };
	const uint64_t		 kinds = UINT64_MAX;
	const struct kfk_plan	*plan = kfk_plan_get(kfk_schema_find(q->key, KFK_RESPONSE), q->version, kinds);
	struct alv_arena	 a;
	struct kfk_walk		 w;
	enum alv_err		 err;

	if (plan == NULL)
		return ALV_E_NOMEM;
	alv_arena_init(&a, UPS_SMALL_ARENA_MAX);
	err = kfk_walk_init(&w, plan, q->key == KFK_API_LIST_TRANSACTIONS ? &txns : &dirs, r, NULL, &a);
	if (!err) {
		err = kfk_walk_chain(&w, body);
		kfk_walk_fini(&w);
	}
	alv_arena_fini(&a);
	return err;
}

static void
answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_census *c = q->owner;
	struct reading	   r = { .census = c };

	alv_buf_init(&r.name, NAME_MAX_BYTES);
	if (!err) {
		err = read_answer(&r, q, body);
		if (!err)
			err = r.name.err;
		words = alv_err_text(err);
	}
	alv_buf_fini(&r.name);
	if (!err && r.code == 0)
		next(c);
	else
		failed(c, err ? words : kfk_code_name(r.code));
}

static void
ask(struct ups_census *c, int16_t key, int16_t version)
{
	struct ups_broker *b = ups_broker_find(c->follower, node(c));
	struct alv_arena   a;
	struct kfk_tree	   t;

	if (b == NULL) {
		failed(c, "a broker is gone");
		return;
	}
	c->question.owner = c;
	c->question.done = answered;
	alv_arena_init(&a, UPS_SMALL_ARENA_MAX);
	kfk_tree_init(&t, kfk_schema_find(key, KFK_REQUEST), version, &a);
	if (key == KFK_API_DESCRIBE_LOG_DIRS)
		kfk_set_null(&t, &t.root, KFK_DESCRIBE_LOG_DIRS_REQUEST_TOPICS);	/* all */
	ups_ask(b->asker, &c->question, &t, ups_patience_ms(c->follower, ASK_MS));
	kfk_tree_fini(&t);
	alv_arena_fini(&a);
}

/* ---- steps --------------------------------------------------------------------------------------------------- */

static void
end(struct ups_census *c)
{
	net_timer_stop(&c->timer);
	c->follower->census = NULL;
	c->fns->done(c->arg, c->whole, c->words);
	free(c);
}

static void
step(struct net_timer *t)
{
	struct ups_census *c = ALV_HOLDER(t, struct ups_census, timer);

	while (c->at < c->nnodes * PARTS && (c->what & part(c)) == 0)
		c->at++;
	if (c->at == c->nnodes * PARTS) {
		end(c);
	} else if (part(c) == UPS_CENSUS_GROUPS) {
		c->groups = (struct ups_groups_call){ .since_us = alv_mono_us(), .done = groups_listed };
		ups_list_groups(c->follower, node(c), &c->groups);
	} else if (part(c) == UPS_CENSUS_TXNS) {
		ask(c, KFK_API_LIST_TRANSACTIONS, LIST_TRANSACTIONS_VERSION);
	} else {
		ask(c, KFK_API_DESCRIBE_LOG_DIRS, DESCRIBE_LOG_DIRS_VERSION);
	}
}

void
ups_census(struct ups_follower *f, unsigned what, const struct ups_census_fns *fns, void *arg)
{
	struct ups_census *c = NULL;

	ALV_CHECK(f->census == NULL);
	if (f->reachable && !f->ending && f->nbrokers > 0)
		c = calloc(1, sizeof(*c) + f->nbrokers * sizeof(c->node[0]));
	if (c == NULL) {
		fns->done(arg, 0, "the cluster is not reached");
		return;
	}
	c->follower = f;
	c->fns = fns;
	c->arg = arg;
	c->what = c->whole = what;
	for (c->nnodes = 0; c->nnodes < f->nbrokers; c->nnodes++)
		c->node[c->nnodes] = f->brokers[c->nnodes]->id;
	net_timer_init(f->loop, &c->timer, step);
	net_timer_set(&c->timer, net_loop_now(f->loop));
	f->census = c;
}

void
ups_census_end(struct ups_follower *f)
{
	if (f->census == NULL)
		return;
	f->census->whole = 0;
	end(f->census);
}
