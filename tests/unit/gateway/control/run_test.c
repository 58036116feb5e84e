/* The control thread with a cluster by script: this file is the follower (it defines ups_*, so that the real one is
 * not linked). Scans, purges, questions, the order of changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "upstream/census.h"
#include "upstream/follower.h"
#include "upstream/groups.h"
#include "control/control_int.h"
#include "tests/unit/gateway/control/running.h"

/* ---- the follower by script. Answers come at the end of the turn, by `later`. ---------------------------------- */

struct answer {
	struct net_later later;
	struct answer	*next;
	ups_scan_fn	 scan;
	ups_purge_fn	 purge;
	void		*arg;
};

struct ups_follower {
	struct net_loop *loop;
	struct answer	*held;
};

static struct {
	pthread_mutex_t lock;
	const char     *names[64];	/* what the cluster has */
	size_t		n;
	int		purges_that_fail;
	bool		hold;		/* answers to scans are kept back until the end */
	int		learnt, published, created;
	void (*on_change)(void *arg);
	void	       *arg;
} script = { .lock = PTHREAD_MUTEX_INITIALIZER };

enum alv_err
ups_ctx_init(struct ups_ctx *c, const struct pol_upstream *conf, struct net_stream_ctx *net, const struct net_tls_client *tls,
    struct net_jobs *crypto, struct net_jobs *resolver)
{
	*c = (struct ups_ctx){ .conf = conf, .net = net, .tls = tls, .crypto = crypto, .resolver = resolver };
	return ALV_OK;
}

void
ups_ctx_configure(struct ups_ctx *c, const struct pol_upstream *conf)
{
	c->conf = conf;
}

void
ups_ctx_fini(struct ups_ctx *c)
{
	(void)c;
}

static void
tell_change(struct net_later *l)
{
	free(l);
	script.on_change(script.arg);
}

struct ups_follower *
ups_follower_new(struct net_loop *l, struct ups_ctx *c, struct clu_board *board, void (*on_change)(void *arg), void *arg)
{
	struct ups_follower *f = calloc(1, sizeof(*f));
	struct net_later    *later = calloc(1, sizeof(*later));

	(void)c;
	(void)board;
	f->loop = l;
	script.on_change = on_change;
	script.arg = arg;
	later->fn = tell_change;
	net_later(l, later);
	return f;
}

void
ups_follower_free(struct ups_follower *f)
{
	net_loop_turn(f->loop, 0);
	while (f->held != NULL) {
		struct answer *a = f->held;

		f->held = a->next;
		a->scan(a->arg, ALV_E_CLOSED, NULL);
		free(a);
	}
	free(f);
}

const char *
ups_words(const struct ups_follower *f)
{
	(void)f;
	return "";
}

bool
ups_reachable(const struct ups_follower *f)
{
	(void)f;
	return true;
}

void
ups_refresh(struct ups_follower *f)
{
	(void)f;
}

static void
answer_scan(struct net_later *l)
{
	struct answer	*a = ALV_HOLDER(l, struct answer, later);
	struct ups_found found = { .n = 0 };

	pthread_mutex_lock(&script.lock);
	for (size_t i = 0; i < script.n; i++) {
		found.kind[found.n] = TEN_GROUP;
		found.name[found.n++] = strdup(script.names[i]);
	}
	pthread_mutex_unlock(&script.lock);
	a->scan(a->arg, ALV_OK, &found);
	for (size_t i = 0; i < found.n; i++)
		free(found.name[i]);
	free(a);
}

void
ups_scan_prefix(struct ups_follower *f, struct alv_str prefix, ups_scan_fn done, void *arg)
{
	struct answer *a = calloc(1, sizeof(*a));

	assert_true(prefix.p[prefix.n - 1] == '.');
	a->scan = done;
	a->arg = arg;
	a->later.fn = answer_scan;
	pthread_mutex_lock(&script.lock);
	if (script.hold) {
		a->next = f->held;
		f->held = a;
	} else {
		net_later(f->loop, &a->later);
	}
	pthread_mutex_unlock(&script.lock);
}

static void
answer_purge(struct net_later *l)
{
	struct answer *a = ALV_HOLDER(l, struct answer, later);
	bool	       fails;

	pthread_mutex_lock(&script.lock);
	fails = script.purges_that_fail > 0;
	script.purges_that_fail -= fails;
	pthread_mutex_unlock(&script.lock);
	a->purge(a->arg, fails ? ALV_E_TIMEOUT : ALV_OK, fails ? "a group has members" : "");
	free(a);
}

void
ups_purge_prefix(struct ups_follower *f, struct alv_str prefix, ups_purge_fn done, void *arg)
{
	struct answer *a = calloc(1, sizeof(*a));

	(void)prefix;
	a->purge = done;
	a->arg = arg;
	a->later.fn = answer_purge;
	net_later(f->loop, &a->later);
}

void
ups_resolve_ids(struct ups_follower *f, uint64_t who, size_t n, const struct alv_uuid *id, ups_ids_fn done, void *arg)
{
	char *names[UPS_IDS_MAX] = { NULL };

	(void)f;
	(void)who;
	for (size_t i = 0; i < n; i++)
		names[i] = id[i].b[0] == 0 ? NULL : strdup("acme.orders");
	done(arg, ALV_OK, n, id, names);
}

/* A group of each type, as brokers write it, and one of none; and such as are nobody's. */
void
ups_census(struct ups_follower *f, unsigned what, const struct ups_census_fns *fns, void *arg)
{
	static const char *const types[] = { "", "classic", "consumer", "share", "streams" };

	(void)f;
	for (size_t i = 0; i < ALV_COUNT(types); i++) {
		char id[32];

		snprintf(id, sizeof(id), "acme.%s", types[i]);
		fns->group(arg, alv_str_of(id + 1), alv_str_of(types[i]));
		fns->group(arg, alv_str_of(id), alv_str_of(types[i]));
	}
	fns->done(arg, what, "");
}

/* Broker 7 cannot be asked. */

void
ups_list_groups(struct ups_follower *f, int32_t node, struct ups_groups_call *c)
{
	(void)f;
	assert_int_equal(c->since_us, 99);
	c->done(c, node != 7);
}

void
ups_learn(struct ups_follower *f, struct alv_str name, struct alv_uuid id, int32_t partitions, bool deleted)
{
	(void)f;
	(void)id;
	script.learnt += alv_str_eqz(name, "acme.new") && partitions == 3 && !deleted;
}

void
ups_create_topic(struct ups_follower *f, uint64_t who, struct alv_str name, int32_t partitions, int32_t replication_factor)
{
	(void)f;
	script.created += who == 7 && alv_str_eqz(name, "acme.wanted") && partitions == 4 && replication_factor == -1;
}

void
ups_publish(struct ups_follower *f)
{
	(void)f;
	script.published++;
}

static int
setup(void **state)
{
	script.n = 0;
	script.purges_that_fail = script.learnt = script.published = script.created = 0;
	script.hold = false;
	return running_setup(state);
}

static void
cluster_has(size_t n, const char *name)
{
	pthread_mutex_lock(&script.lock);
	script.n = n;
	for (size_t i = 0; i < n; i++)
		script.names[i] = name;
	pthread_mutex_unlock(&script.lock);
}

/* ---- tests ------------------------------------------------------------------------------------------------------------ */

static void
names_on_the_cluster_stop_a_creation(void **state)
{
	struct con_change c = kit_change(CON_TENANT_CREATE, "acme");

	cluster_has(25, "acme.legacy");
	c = running_do(*state, c);
	assert_int_equal(c.err, ALV_E_CONFLICT);
	assert_non_null(strstr(c.detail, "group \"acme.legacy\""));
	assert_non_null(strstr(c.detail, "and more"));
	c = kit_change(CON_TENANT_CREATE, "acme");
	c.adopt_prefix = true;
	c = running_do(*state, c);
	assert_int_equal(c.err, ALV_OK);
	cluster_has(0, NULL);
	c = running_do(*state, kit_change(CON_TENANT_CREATE, "globex"));
	assert_int_equal(c.err, ALV_OK);
	assert_true(running_has_user(*state, "globex", NULL));
}

/* Waits for the end of the purge without sleeping: each look is a change that goes through the thread. */
static void
await_free(struct running *r, const char *id)
{
	struct con_change c;

	do
		c = running_do(r, kit_change(CON_TENANT_CREATE, id));
	while (c.err == ALV_E_CONFLICT);
	assert_int_equal(c.err, ALV_OK);
}

/* What brokers list counts as what they say that it is, and as classic where they say nothing. */
static void
groups_count_by_their_type(void **state)
{
	static const uint64_t	     expected[] = { 2, 1, 1, 1 };
	const struct pol_quota_alter limit = { .quota = { .entity.kind = POL_QUOTA_OF_TENANT, .set = 1u << POL_QUOTA_CONSUMER_GROUPS,
		.value[POL_QUOTA_CONSUMER_GROUPS] = 5 } };
	struct running	 *r = *state;
	struct con_change c = kit_change(CON_QUOTA_ALTER, "acme");
	size_t		  n;

	assert_int_equal(running_do(r, kit_change(CON_TENANT_CREATE, "acme")).err, ALV_OK);
	c.quotas = pol_quota_list_new();
	assert_int_equal(pol_quota_list_add(c.quotas, &limit), ALV_OK);
	assert_int_equal(running_do(r, c).err, ALV_OK);
	pol_quota_list_free(c.quotas);
	do {	/* each look goes through the thread */
		(void)running_do(r, kit_change(CON_TENANT_CREATE, "acme"));
		n = 0;
		for (int k = TAL_GROUPS_CLASSIC; k <= TAL_GROUPS_STREAMS; k++)
			n += tal_count(r->tally, ALV_STR("acme"), (enum tal_kind)k);
	} while (n < 5);
	for (size_t i = 0; i < ALV_COUNT(expected); i++)
		assert_int_equal(tal_count(r->tally, ALV_STR("acme"), (enum tal_kind)(TAL_GROUPS_CLASSIC + (int)i)), expected[i]);
}

static void
a_purge_goes_on_until_nothing_is_left(void **state)
{
	struct running	 *r = *state;
	struct con_change c;

	assert_int_equal(running_do(r, kit_change(CON_TENANT_CREATE, "acme")).err, ALV_OK);
	pthread_mutex_lock(&script.lock);
	script.purges_that_fail = 1;
	pthread_mutex_unlock(&script.lock);
	c = kit_change(CON_TENANT_DELETE, "acme");
	c.purge = true;
	assert_int_equal(running_do(r, c).err, ALV_OK);
	c = running_do(r, kit_change(CON_TENANT_CREATE, "acme"));
	assert_int_equal(c.err, ALV_E_CONFLICT);
	await_free(r, "acme");
}

static void
a_purge_outlives_a_restart(void **state)
{
	struct running	 *r = *state;
	struct con_change c;

	assert_int_equal(running_do(r, kit_change(CON_TENANT_CREATE, "acme")).err, ALV_OK);
	cluster_has(1, "acme.txn");
	c = kit_change(CON_TENANT_DELETE, "acme");
	c.purge = true;
	assert_int_equal(running_do(r, c).err, ALV_OK);
	con_stop(r->control);
	cluster_has(0, NULL);
	running_must_start(r);
	await_free(r, "acme");
}

static void
changes_of_a_tenant_keep_their_order(void **state)
{
	enum { N = 30 };
	struct running *r = *state;
	struct waiting *w[N];
	int		order = 0, last = 0;

	assert_int_equal(running_do(r, kit_change(CON_TENANT_CREATE, "acme")).err, ALV_OK);
	/* Slow ones (keys) and quick ones by turns: without the queue the quick ones would be first. */
	for (int i = 0; i < N; i++)
		w[i] = waiting_submit(r, i % 2 == 0 ? kit_user(CON_USER_PUT, "acme", "alice", "correct horse") :
		    kit_user(CON_USER_DELETE, "acme", "alice", ""));
	for (int i = 0; i < N; i++) {
		struct con_change c = waiting_end(w[i], &order);

		assert_int_equal(c.err, ALV_OK);
		assert_true(order > last);
		last = order;
	}
	assert_false(running_has_user(r, "acme", "alice"));
}

static void
waiting_changes_are_bounded(void **state)
{
	enum { N = 80 };
	struct running *r = *state;
	struct waiting *w[N];
	int		refused = 0;

	pthread_mutex_lock(&script.lock);
	script.hold = true;
	pthread_mutex_unlock(&script.lock);
	for (int i = 0; i < N; i++)
		w[i] = waiting_submit(r, kit_change(CON_TENANT_CREATE, "acme"));
	con_stop(r->control);	/* the scan that hangs is answered now */
	r->control = NULL;
	for (int i = 0; i < N; i++) {
		enum alv_err err = waiting_end(w[i], NULL).err;

		assert_true(err == ALV_E_FULL || err == ALV_E_UNAVAILABLE);
		refused += err == ALV_E_FULL;
	}
	assert_true(refused <= N - 65);
}

/* Keeps the control thread in its mail until the test lets go. */
struct gate {
	struct net_mail mail;	/* first */
	pthread_mutex_t lock;
};

static void
pass_gate(struct net_loop *l, struct net_mail *m)
{
	struct gate *g = (struct gate *)m;

	(void)l;
	pthread_mutex_lock(&g->lock);
	pthread_mutex_unlock(&g->lock);
}

static struct waiting *
submit_native(struct running *r, const char *tenant)
{
	struct con_change c = kit_change(CON_TENANT_UPDATE, tenant);
	static int	  n;

	c.native = true;
	snprintf(c.display_name, sizeof(c.display_name), "name %d", n++);	/* or there is nothing to change */
	return waiting_submit(r, c);
}

/* However much one tenant's clients ask for: another's come in between, and who administers it is served at once. */
static void
tenants_take_turns(void **state)
{
	enum { N = 80 };
	struct running *r = *state;
	struct gate	g = { .mail.fn = pass_gate, .lock = PTHREAD_MUTEX_INITIALIZER };
	struct waiting *w[N], *other, *admin;
	int		order, first, last = 0, refused = 0;

	for (int i = 0; i < 2; i++)
		assert_int_equal(running_do(r, kit_change(CON_TENANT_CREATE, i == 0 ? "acme" : "globex")).err, ALV_OK);
	first = running_ends;
	pthread_mutex_lock(&g.lock);
	net_mail_must(r->control->loop, &g.mail);
	for (int i = 0; i < N; i++)
		w[i] = submit_native(r, "acme");
	other = submit_native(r, "globex");
	admin = waiting_submit(r, kit_change(CON_TENANT_SUSPEND, "globex"));
	pthread_mutex_unlock(&g.lock);
	assert_int_equal(waiting_end(admin, &order).err, ALV_OK);
	assert_true(order - first <= N - 64 + 4);	/* what is refused is refused at once */
	assert_int_equal(waiting_end(other, &order).err, ALV_OK);
	assert_true(order - first <= N - 64 + 8);
	for (int i = 0; i < N; i++) {
		struct con_change c = waiting_end(w[i], &order);

		refused += c.err == ALV_E_FULL;
		assert_true(c.err == ALV_E_FULL || (c.err == ALV_OK && order > last));
		last = c.err == ALV_OK ? order : last;
	}
	assert_true(refused > 0 && refused <= N - 64);
}

/* ---- questions of workers ------------------------------------------------------------------------------------------------ */

static bool answered;

static void
ids_done(struct con_ids *q)
{
	answered = true;
	(void)q;
}

static void
lesson_done(struct con_learning *q)
{
	answered = true;
	(void)q;
}

static void
workers_are_answered_on_their_loop(void **state)
{
	struct running	    *r = *state;
	struct net_loop	    *l = net_loop_new();
	struct con_ids	    *q = calloc(1, sizeof(*q));
	struct con_learning *lesson = calloc(1, sizeof(*lesson));
	struct con_creation *wanted = calloc(1, sizeof(*wanted) + sizeof(wanted->topic[0]));

	q->loop = lesson->loop = l;
	q->n = 2;
	q->id[1].b[0] = 1;
	q->done = ids_done;
	answered = false;
	assert_int_equal(con_resolve_ids(r->control, q), ALV_OK);
	while (!answered)
		net_loop_turn(l, 1000);
	assert_false(q->failed);
	assert_null(q->name[0]);
	assert_string_equal(q->name[1], "acme.orders");
	lesson->n = 1;
	lesson->topic[0].name = strdup("acme.new");
	lesson->topic[0].partitions = 3;
	lesson->done = lesson_done;
	answered = false;
	/* Nobody is told of topics that are made: it is done when what was sent behind it is answered. */
	wanted->who = 7;
	wanted->n = 1;
	memcpy(wanted->topic[0].name, "acme.wanted", sizeof("acme.wanted"));
	wanted->topic[0].partitions = 4;
	wanted->topic[0].replication_factor = -1;
	assert_int_equal(con_create_topics(r->control, wanted), ALV_OK);
	assert_int_equal(con_learn(r->control, lesson), ALV_OK);
	while (!answered)
		net_loop_turn(l, 1000);
	assert_int_equal(script.created, 1);
	assert_int_equal(script.learnt, 1);
	assert_int_equal(script.published, 1);
	free(lesson->topic[0].name);
	free(lesson);
	free(q->name[1]);
	free(q);
	net_loop_free(l);
}

static void
groups_listed(struct con_groups *q)
{
	(void)q;
	answered = true;
}

static void
lists_of_groups_are_asked_for(void **state)
{
	struct running	 *r = *state;
	struct net_loop	 *l = net_loop_new();
	struct con_groups q = { .loop = l, .since_us = 99, .done = groups_listed };

	for (q.node = 6; q.node <= 7; q.node++) {
		answered = false;
		assert_int_equal(con_list_groups(r->control, &q), ALV_OK);
		while (!answered)
			net_loop_turn(l, 1000);
		assert_int_equal(q.failed, q.node == 7);
	}
	net_loop_free(l);
}

static void
ready_when_all_is_there(void **state)
{
	struct running *r = *state;
	struct alv_buf	why;

	alv_buf_init(&why, 4096);
	while (atomic_load(&r->published) == 0)	/* the cluster's view is told to all after it was noted */
		running_do(r, kit_change(CON_TENANT_DELETE, "none"));
	assert_true(con_ready(r->control, &why));
	assert_int_equal(why.n, 0);
	alv_buf_fini(&why);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, running_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(names_on_the_cluster_stop_a_creation), T(groups_count_by_their_type), T(a_purge_goes_on_until_nothing_is_left), T(a_purge_outlives_a_restart),
		T(changes_of_a_tenant_keep_their_order), T(waiting_changes_are_bounded), T(tenants_take_turns), T(workers_are_answered_on_their_loop),
		T(lists_of_groups_are_asked_for), T(ready_when_all_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
