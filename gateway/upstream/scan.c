/* What begins with a prefix, asked of the cluster anew: topics of one broker (all know them all), groups and transactional
 * ids of every broker (each knows those it coordinates).
 * Invariant: a scan that succeeds has heard every live broker; if one cannot be asked, absence cannot be shown and the
 * whole scan fails. It ends only when none of its questions is under way, from a `later`. */
#include "upstream/follower_state.h"

#include <alcove/str.h>

#include <stdlib.h>

#include "kafka/gen/field_ids.h"

enum { LIST_GROUPS_VERSION = 4, LIST_GROUPS_TYPES_VERSION = 5, LIST_TRANSACTIONS_VERSION = 0, TRIES_MAX = 10, AGAIN_MS = 300 };

/* One list of one broker. */
struct ups_list {
	struct ups_scan	    *scan;
	int32_t		     node;
	enum ten_kind	     kind;
	struct ups_question  question;
	bool		     asking, again;
};

struct ups_scan {
	struct ups_scan	    *next;
	struct ups_follower *follower;
	ups_scan_fn	     done;
	void		    *arg;
	bool		     txns;
	struct alv_str	     prefix;	/* its own */
	struct ups_question  question;	/* Metadata */
	bool		     asking;
	size_t		     nlists;
	struct ups_list	    *lists;
	unsigned	     tries;
	enum alv_err	     err;
	struct net_timer     timer;	/* lists to ask again, or the end */
	struct ups_found     found;
};

static void step(struct net_timer *t);

static void
fail(struct ups_scan *s, enum alv_err err)
{
	if (!s->err)
		s->err = err;
}

static void
add(struct ups_scan *s, enum ten_kind kind, struct alv_str name)
{
	size_t n = s->found.n;

	if (!alv_str_starts(name, s->prefix))
		return;
	if (n == ALV_COUNT(s->found.name)) {
		s->found.more = true;
		return;
	}
	s->found.name[n] = malloc(name.n + 1);
	if (s->found.name[n] == NULL) {
		fail(s, ALV_E_NOMEM);
		return;
	}
	memcpy(s->found.name[n], name.p, name.n);
	s->found.name[n][name.n] = '\0';
	s->found.kind[n] = kind;
	s->found.n++;
}

/* Of one that is in no list any more. */
static void
tell_and_free(struct ups_scan *s)
{
	net_timer_stop(&s->timer);
	s->done(s->arg, s->err, &s->found);
	for (size_t i = 0; i < s->found.n; i++)
		free(s->found.name[i]);
	free(s->lists);
	free((void *)s->prefix.p);
	free(s);
}

static void
end_scan(struct ups_scan *s)
{
	struct ups_scan **at;

	for (at = &s->follower->scans; *at != s; at = &(*at)->next)
		;
	*at = s->next;
	tell_and_free(s);
}

/* Goes on in a moment: with the end when nothing is under way, or with what must be asked again. */
static void
step_later(struct ups_scan *s, uint32_t ms)
{
	net_timer_set(&s->timer, net_loop_now(s->follower->loop) + ms * 1000ull);
}

static bool
under_way(const struct ups_scan *s)
{
	for (size_t i = 0; i < s->nlists; i++) {
		if (s->lists[i].asking)
			return true;
	}
	return s->asking;
}

static bool
wants_again(const struct ups_scan *s)
{
	for (size_t i = 0; i < s->nlists; i++) {
		if (s->lists[i].again)
			return true;
	}
	return false;
}

static void
check_over(struct ups_scan *s)
{
	if (!under_way(s))
		step_later(s, !s->err && wants_again(s) ? AGAIN_MS : 0);
}

/* ---- groups and transactional ids --------------------------------------------------------------------- */

/* A list may be long: it is walked, and only what has the prefix is kept. */
struct reading {
	struct ups_scan *scan;
	enum ten_kind	 kind;
	uint16_t	 name_id, code_id;
	int16_t		 code;
};

static enum kfk_do
on_field(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct reading *r = arg;

	(void)f;
	if (id == r->name_id && !v->is_null)
		add(r->scan, r->kind, v->s);
	else if (id == r->code_id)
		r->code = (int16_t)v->i;
	return KFK_KEEP;
}

static enum alv_err
read_list(struct reading *r, int16_t key, int16_t version, const struct alv_chain *body)
{
	static const struct kfk_visitor visitor = { .field = on_field };
	const uint64_t		 kinds = 1ull << KFK_KIND_GROUP_ID | 1ull << KFK_KIND_TXN_ID | 1ull << KFK_KIND_ERROR_CODE;
	const struct kfk_plan	*plan = kfk_plan_get(kfk_schema_find(key, KFK_RESPONSE), version, kinds);
	struct alv_arena	 a;
	struct kfk_walk		 w;
	enum alv_err		 err;

	if (plan == NULL)
		return ALV_E_NOMEM;
	alv_arena_init(&a, UPS_SMALL_ARENA_MAX);
	err = kfk_walk_init(&w, plan, &visitor, r, NULL, &a);
	if (!err) {
		err = kfk_walk_chain(&w, body);
		kfk_walk_fini(&w);
	}
	alv_arena_fini(&a);
	return err;
}

static void
list_answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_list *l = q->owner;
	struct ups_scan *s = l->scan;
	struct reading	 r = { .scan = s, .kind = l->kind };

	(void)words;
	l->asking = false;
	r.name_id = l->kind == TEN_GROUP ? KFK_LIST_GROUPS_RESPONSE_GROUPS_GROUP_ID :
	    KFK_LIST_TRANSACTIONS_RESPONSE_TRANSACTION_STATES_TRANSACTIONAL_ID;
	r.code_id = l->kind == TEN_GROUP ? KFK_LIST_GROUPS_RESPONSE_ERROR_CODE : KFK_LIST_TRANSACTIONS_RESPONSE_ERROR_CODE;
	if (!err && !s->err)
		err = read_list(&r, q->key, q->version, body);
	if (err)
		fail(s, err);
	else if (r.code == KFK_COORDINATOR_LOAD_IN_PROGRESS || r.code == KFK_COORDINATOR_NOT_AVAILABLE)
		l->again = true;
	else if (r.code != 0)
		fail(s, ALV_E_UNAVAILABLE);
	check_over(s);
}

static void
ask_list(struct ups_list *l)
{
	struct ups_follower *f = l->scan->follower;
	struct ups_broker   *b = ups_broker_find(f, l->node);
	bool		     group = l->kind == TEN_GROUP;
	int16_t		     version = group ? LIST_GROUPS_VERSION : LIST_TRANSACTIONS_VERSION;
	struct alv_arena     a;
	struct kfk_tree	     t;

	l->again = false;
	if (b == NULL) {
		fail(l->scan, ALV_E_UNAVAILABLE);
		return;
	}
	if (group && b->known && b->apis[KFK_API_LIST_GROUPS].hi >= LIST_GROUPS_TYPES_VERSION)
		version = LIST_GROUPS_TYPES_VERSION;
	l->asking = true;
	l->question.owner = l;
	l->question.done = list_answered;
	alv_arena_init(&a, UPS_SMALL_ARENA_MAX);
	kfk_tree_init(&t, kfk_schema_find(group ? KFK_API_LIST_GROUPS : KFK_API_LIST_TRANSACTIONS, KFK_REQUEST), version, &a);
	ups_ask(b->asker, &l->question, &t, f->ctx->conf->request_timeout_ms);
	kfk_tree_fini(&t);
	alv_arena_fini(&a);
}

/* ---- Metadata ------------------------------------------------------------------------------------------ */

static enum alv_err
make_lists(struct ups_scan *s)
{
	struct ups_follower *f = s->follower;
	size_t		     per = s->txns ? 2 : 1;

	s->lists = calloc(f->nbrokers * per, sizeof(*s->lists));
	if (s->lists == NULL)
		return ALV_E_NOMEM;
	s->nlists = f->nbrokers * per;
	for (size_t i = 0; i < s->nlists; i++)
		s->lists[i] = (struct ups_list){ .scan = s, .node = f->brokers[i / per]->id,
			.kind = i % per == 0 ? TEN_GROUP : TEN_TXN, .again = true };
	return ALV_OK;
}

static void
metadata_answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_scan *s = q->owner;
	struct ups_meta	 m;

	(void)words;
	s->asking = false;
	if (!err) {
		err = ups_meta_read(&m, body);
		if (!err && !alv_str_eqz(m.cluster_id, s->follower->cluster_id))
			err = ALV_E_CONFLICT;
		if (!err)
			err = ups_brokers_sync(s->follower, &m);
		for (size_t i = 0; !err && i < m.ntopics; i++)
			add(s, TEN_TOPIC, m.topics[i].name);
		ups_meta_fini(&m);
	}
	if (!err)
		err = make_lists(s);
	if (err)
		fail(s, err);
	step_later(s, 0);
}

static void
ask_metadata(struct ups_scan *s)
{
	struct ups_asker *asker = ups_any_asker(s->follower);
	struct alv_arena  a;
	struct kfk_tree	  t;

	if (asker == NULL) {
		fail(s, ALV_E_UNAVAILABLE);
		step_later(s, 0);
		return;
	}
	s->asking = true;
	s->question.owner = s;
	s->question.done = metadata_answered;
	alv_arena_init(&a, UPS_SMALL_ARENA_MAX);
	ups_meta_ask(&t, &a, NULL, 0);
	ups_ask(asker, &s->question, &t, s->follower->ctx->conf->request_timeout_ms);
	kfk_tree_fini(&t);
	alv_arena_fini(&a);
}

/* The timer: ask what is to be asked, or end. */
static void
step(struct net_timer *t)
{
	struct ups_scan *s = ALV_HOLDER(t, struct ups_scan, timer);

	if (!s->err && wants_again(s) && ++s->tries > TRIES_MAX)
		fail(s, ALV_E_UNAVAILABLE);
	for (size_t i = 0; !s->err && i < s->nlists; i++) {
		if (s->lists[i].again)
			ask_list(&s->lists[i]);
	}
	if (!under_way(s))
		end_scan(s);
}

void
ups_scan_start(struct ups_follower *f, struct alv_str prefix, bool txns, ups_scan_fn done, void *arg)
{
	static const struct ups_found nothing;
	struct ups_scan		     *s = calloc(1, sizeof(*s));
	char			     *copy = malloc(prefix.n + 1);

	if (s == NULL || copy == NULL) {
		free(s);
		free(copy);
		done(arg, ALV_E_NOMEM, &nothing);
		return;
	}
	memcpy(copy, prefix.p, prefix.n);
	*s = (struct ups_scan){ .follower = f, .done = done, .arg = arg, .txns = txns, .prefix = alv_str_make(copy, prefix.n) };
	s->next = f->scans;
	f->scans = s;
	net_timer_init(f->loop, &s->timer, step);
	ask_metadata(s);
}

void
ups_scan_prefix(struct ups_follower *f, struct alv_str prefix, ups_scan_fn done, void *arg)
{
	ups_scan_start(f, prefix, true, done, arg);
}

void
ups_scans_end(struct ups_follower *f)
{
	struct ups_scan *s;

	while ((s = f->scans) != NULL) {
		f->scans = s->next;
		s->err = ALV_E_CLOSED;
		tell_and_free(s);
	}
}
