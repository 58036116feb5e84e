/* The follower against a scripted cluster: what gets onto the board, what does not, and what happens when it is lost. */
#include "tests/unit/gateway/upstream/fake_cluster.h"

#include "upstream/follower_state.h"

struct set {
	struct bench	     b;
	struct fake_cluster  c;
	struct alv_qsbr	    *qsbr;
	struct clu_board    *board;
	struct ups_follower *f;
	unsigned	     changes;
};

static void
changed(void *arg)
{
	((struct set *)arg)->changes++;
}

static int
set_up(void **state)
{
	struct set *x = calloc(1, sizeof(*x));

	bench_init(&x->b);
	fake_cluster_open(&x->c, &x->b);
	fake_cluster_topic(&x->c, "acme.orders", 1, 3);
	fake_cluster_topic(&x->c, "globex.orders", 2, 1);
	x->b.bootstrap[0].port = x->c.fake.port;
	snprintf(x->b.bootstrap[0].host, sizeof(x->b.bootstrap[0].host), "127.0.0.1");
	x->qsbr = alv_qsbr_new();
	x->board = clu_board_new(x->qsbr);
	x->f = ups_follower_new(x->b.loop, &x->b.ctx, x->board, changed, x);
	*state = x;
	return 0;
}

static int
tear_down(void **state)
{
	struct set *x = *state;

	ups_follower_free(x->f);
	fake_fini(&x->c.fake);
	clu_board_free(x->board);
	alv_qsbr_free(x->qsbr);
	bench_fini(&x->b);
	free(x);
	return 0;
}

#define TURN_WHILE(x, cond) \
	do { \
		for (int turn_ = 0; turn_ < 3000 && (cond); turn_++) \
			net_loop_turn((x)->b.loop, 5); \
		assert_false(cond); \
	} while (0)

static const struct clu_view *
view(struct set *x)
{
	return clu_board_load(x->board);
}

static bool
has(struct set *x, const char *name)
{
	return view(x) != NULL && clu_topic_find(view(x), alv_str_of(name)) != NULL;
}

static void
reach(struct set *x)
{
	TURN_WHILE(x, !ups_reachable(x->f));
}

/* ---- rounds ---- */

static void
first_round_publishes_everything(void **state)
{
	struct set	      *x = *state;
	const struct clu_view *v;

	assert_null(view(x));
	reach(x);
	v = view(x);
	assert_string_equal(ups_words(x->f), "");
	assert_true(alv_str_eqz(v->cluster_id, "cluster-1"));
	assert_int_equal(v->nbrokers, 1);
	assert_int_equal(clu_broker_find(v, 3)->port, x->c.fake.port);
	assert_int_equal(v->ntopics, 2);
	assert_int_equal(clu_topic_find(v, ALV_STR("acme.orders"))->partitions, 3);
	assert_true(alv_str_eqz(clu_topic_by_id(v, fake_uuid(2))->name, "globex.orders"));
	assert_int_equal(v->apis[KFK_API_FETCH].lo, 4);
	assert_int_equal(v->apis[KFK_API_FETCH].hi, 17);
	assert_true(v->apis[KFK_API_METADATA].lo > v->apis[KFK_API_METADATA].hi);	/* the script does not offer it */
	assert_int_equal(v->nfeatures, 1);
	assert_string_equal(v->features[0].name, "group.version");
	assert_int_equal(v->features_epoch, 5);
}

static void
only_news_are_published(void **state)
{
	struct set *x = *state;
	unsigned    rounds, changes;
	uint64_t    generation;

	reach(x);
	generation = view(x)->generation;
	changes = x->changes;
	rounds = x->c.fake.requests[KFK_API_METADATA];
	TURN_WHILE(x, x->c.fake.requests[KFK_API_METADATA] < rounds + 3);
	assert_int_equal(view(x)->generation, generation);
	assert_int_equal(x->changes, changes);
	fake_cluster_topic(&x->c, "acme.new", 9, 1);
	TURN_WHILE(x, !has(x, "acme.new"));
	assert_int_equal(view(x)->generation, generation + 1);
	assert_int_equal(x->changes, changes + 1);
	x->c.topic[0].gone = true;
	TURN_WHILE(x, has(x, "acme.orders"));
	x->c.fetch_hi = 12;
	TURN_WHILE(x, view(x)->apis[KFK_API_FETCH].hi != 12);
	assert_true(x->c.fake.accepted <= 3);	/* connections are kept */
}

static void
lost_and_found_again(void **state)
{
	struct set	      *x = *state;
	uint16_t	       port = x->c.fake.port;
	char		       err[256];
	unsigned	       changes;

	reach(x);
	changes = x->changes;
	net_listener_close(x->c.fake.listener);
	fake_close_conns(&x->c.fake);
	TURN_WHILE(x, ups_reachable(x->f));
	assert_int_equal(x->changes, changes + 1);
	assert_non_null(view(x));	/* the last view stays */
	assert_int_equal(net_listener_open(x->b.loop, "127.0.0.1", port, fake_accept, &x->c.fake, &x->c.fake.listener, err,
	    sizeof(err)), ALV_OK);
	fake_cluster_topic(&x->c, "acme.later", 8, 1);
	reach(x);
	assert_true(has(x, "acme.later"));
}

static void
another_cluster_is_not_followed(void **state)
{
	struct set *x = *state;

	reach(x);
	x->c.cluster_id = "cluster-2";
	fake_cluster_topic(&x->c, "acme.foreign", 8, 1);
	TURN_WHILE(x, ups_reachable(x->f));
	assert_false(has(x, "acme.foreign"));
	assert_int_equal(view(x)->nbrokers, 0);	/* what is at their addresses now is not ours */
	assert_true(has(x, "acme.orders"));
	assert_non_null(strstr(ups_words(x->f), "found cluster-2, expected cluster-1"));
	x->c.cluster_id = "cluster-1";
	x->c.topic[2].gone = true;
	reach(x);
	assert_int_equal(view(x)->nbrokers, 1);
}

static void
only_the_configured_cluster_is_followed(void **state)
{
	struct set *x = *state;

	x->b.conf.cluster_id = "cluster-9";
	TURN_WHILE(x, x->c.fake.requests[KFK_API_METADATA] < 3);
	assert_false(ups_reachable(x->f));
	assert_null(view(x));
	assert_non_null(strstr(ups_words(x->f), "found cluster-1, expected cluster-9"));
	x->c.cluster_id = "cluster-9";
	reach(x);
}

/* One broker's end is not the cluster's: the next one is asked at once, and nobody is told of a loss. */
static void
the_next_broker_is_asked_at_once(void **state)
{
	struct set	   *x = *state;
	struct fake_cluster peer = { 0 };
	unsigned	    changes, asked;

	fake_cluster_peer(&x->c, &peer, &x->b);
	peer.fetch_hi = 17;
	x->b.conf.request_timeout_ms = 150;
	reach(x);
	TURN_WHILE(x, view(x)->nbrokers != 2);
	x->b.bootstrap[0].port = 1;
	for (int i = 0; i < 3; i++) {
		struct fake_cluster *one = x->f->main == 3 ? &x->c : &peer, *other = one == &peer ? &x->c : &peer;

		changes = x->changes;
		asked = other->fake.requests[KFK_API_METADATA];
		one->mute_api = KFK_API_METADATA;
		fake_close_conns(&one->fake);
		TURN_WHILE(x, other->fake.requests[KFK_API_METADATA] < asked + 2);
		assert_true(ups_reachable(x->f));
		assert_int_equal(x->changes, changes);
		one->mute_api = -1;
	}
	ups_follower_free(x->f);
	x->f = NULL;
	fake_fini(&peer.fake);
}

static void
second_bootstrap_server_helps(void **state)
{
	struct set *x = *state;
	struct fake mute;

	fake_open(&mute, &x->b, fake_cluster_play, &x->c);
	x->b.bootstrap[1] = x->b.bootstrap[0];
	x->b.bootstrap[0].port = mute.port;
	net_listener_close(mute.listener);
	mute.listener = NULL;
	x->b.conf.nbootstrap = 2;
	reach(x);
	fake_fini(&mute);
}

static void
impossible_answers_change_nothing(void **state)
{
	struct set *x = *state;
	size_t	    topics;

	reach(x);
	topics = view(x)->ntopics;
	x->c.twice = true;
	TURN_WHILE(x, ups_reachable(x->f));
	x->c.twice = false;
	reach(x);
	x->c.wrong_correlation = true;
	TURN_WHILE(x, ups_reachable(x->f));
	x->c.wrong_correlation = false;
	reach(x);
	x->c.node_id = -1;
	TURN_WHILE(x, ups_reachable(x->f));
	x->c.node_id = 3;
	reach(x);
	x->b.conf.request_timeout_ms = 30;
	x->c.mute_api = KFK_API_METADATA;
	TURN_WHILE(x, ups_reachable(x->f));
	x->c.mute_api = -1;
	reach(x);
	x->c.cluster_id = "";
	TURN_WHILE(x, ups_reachable(x->f));
	assert_int_equal(view(x)->ntopics, topics);
}

static void
broker_that_nobody_reaches_is_no_cluster(void **state)
{
	struct set *x = *state;
	unsigned    rounds;

	x->c.port = 1;	/* advertised where nobody listens */
	TURN_WHILE(x, x->c.fake.requests[KFK_API_METADATA] < 2);
	assert_false(ups_reachable(x->f));
	assert_non_null(strstr(ups_words(x->f), "127.0.0.1 port 1: cannot connect"));
	assert_null(view(x));
	x->c.port = 0;
	reach(x);
	rounds = x->c.fake.requests[KFK_API_METADATA];
	x->c.node_id = 4;	/* the same address under another id */
	TURN_WHILE(x, x->c.fake.requests[KFK_API_METADATA] < rounds + 2 || view(x)->brokers[0].id != 4);
	assert_int_equal(view(x)->nbrokers, 1);
}

/* Versions are what both brokers offer; one that left is not in the view, nor does it bound anything. */
static void
brokers_come_and_go(void **state)
{
	struct set	   *x = *state;
	struct fake_cluster peer = { 0 };

	fake_cluster_peer(&x->c, &peer, &x->b);
	peer.fetch_hi = 13;
	reach(x);
	assert_int_equal(view(x)->nbrokers, 2);
	assert_int_equal(view(x)->brokers[0].id, 1);
	assert_int_equal(view(x)->apis[KFK_API_FETCH].hi, 13);
	fake_cluster_topic(&x->c, "acme.new", 9, 1);
	TURN_WHILE(x, !has(x, "acme.new"));
	x->c.peer_listed = false;
	fake_close_conns(&peer.fake);
	TURN_WHILE(x, !ups_reachable(x->f) || view(x)->nbrokers != 1);
	assert_int_equal(view(x)->brokers[0].id, 3);
	TURN_WHILE(x, view(x)->apis[KFK_API_FETCH].hi != 17);
	x->c.peer_listed = true;
	TURN_WHILE(x, view(x)->nbrokers != 2 || view(x)->apis[KFK_API_FETCH].hi != 13);
	peer.mute_api = KFK_API_API_VERSIONS;	/* hangs: the view goes on without it after a while */
	fake_cluster_topic(&x->c, "acme.newer", 10, 1);
	TURN_WHILE(x, !has(x, "acme.newer"));
	ups_follower_free(x->f);
	x->f = NULL;
	fake_fini(&peer.fake);
}

/* Brokers are looked at in each round, all topics only as often as their size allows, or when somebody has a reason. */
static void
many_topics_are_asked_for_seldom(void **state)
{
	enum { RATE = 256 * 1024 };
	struct set	   *x = *state;
	struct fake_cluster peer = { 0 };
	char		    name[64];
	uint64_t	    began;
	unsigned	    rounds, asked;

	for (unsigned i = 0; i < 1100; i++) {
		snprintf(name, sizeof(name), "globex.with-a-name-that-takes-its-place-%u", i);
		fake_cluster_topic(&x->c, name, 0, 3);
	}
	fake_cluster_peer(&x->c, &peer, &x->b);
	x->c.peer_listed = false;
	began = net_loop_now(x->b.loop);
	reach(x);
	assert_int_equal(view(x)->ntopics, 1102);
	assert_true(x->f->meta_bytes > 100000);
	asked = x->c.all_asked;
	rounds = x->c.fake.requests[KFK_API_METADATA];
	TURN_WHILE(x, x->c.fake.requests[KFK_API_METADATA] < rounds + 10);
	assert_true(x->c.all_asked - asked <= (net_loop_now(x->b.loop) - began) * RATE / 1000000 / 100000);
	assert_int_equal(view(x)->ntopics, 1102);
	/* A broker comes: known before the topics are looked at again. */
	x->f->topics_due_us = UINT64_MAX;
	asked = x->c.all_asked;
	x->c.peer_listed = true;
	TURN_WHILE(x, view(x)->nbrokers != 2);
	assert_int_equal(view(x)->ntopics, 1102);
	x->c.topic[0].gone = true;
	ups_learn(x->f, ALV_STR("acme.through-us"), fake_uuid(77), 1, false);
	ups_publish(x->f);
	rounds = x->c.fake.requests[KFK_API_METADATA] + peer.fake.requests[KFK_API_METADATA];
	TURN_WHILE(x, x->c.fake.requests[KFK_API_METADATA] + peer.fake.requests[KFK_API_METADATA] < rounds + 3);
	assert_true(has(x, "acme.through-us") && has(x, "acme.orders"));
	assert_int_equal(x->c.all_asked, asked);
	ups_refresh(x->f);
	TURN_WHILE(x, has(x, "acme.orders"));
	assert_true(x->c.all_asked > asked);
	ups_follower_free(x->f);
	x->f = NULL;
	fake_fini(&peer.fake);
}

/* ---- learning ---- */

static void
what_was_learnt_shows_before_brokers_say_so(void **state)
{
	struct set *x = *state;
	unsigned    rounds;

	reach(x);
	ups_learn(x->f, ALV_STR("acme.made"), fake_uuid(50), 6, false);
	ups_learn(x->f, ALV_STR("globex.orders"), (struct alv_uuid){ { 0 } }, 0, true);
	assert_false(has(x, "acme.made"));
	ups_publish(x->f);
	assert_true(has(x, "acme.made"));
	assert_int_equal(clu_topic_by_id(view(x), fake_uuid(50))->partitions, 6);
	assert_false(has(x, "globex.orders"));
	rounds = x->c.fake.requests[KFK_API_METADATA];
	TURN_WHILE(x, x->c.fake.requests[KFK_API_METADATA] < rounds + 3);	/* brokers that lag do not undo it */
	assert_true(has(x, "acme.made"));
	assert_false(has(x, "globex.orders"));
	fake_cluster_topic(&x->c, "acme.made", 50, 6);
	x->c.topic[1].gone = true;
	rounds = x->c.fake.requests[KFK_API_METADATA];
	TURN_WHILE(x, x->c.fake.requests[KFK_API_METADATA] < rounds + 3);
	x->c.topic[2].gone = true;	/* deleted by somebody else: the entry is settled and does not hold it */
	TURN_WHILE(x, has(x, "acme.made"));
	fake_cluster_topic(&x->c, "globex.orders", 77, 2);	/* created anew by somebody else */
	TURN_WHILE(x, !has(x, "globex.orders"));
}

/* ---- ids ---- */

struct answer {
	bool	     done;
	unsigned     times;
	enum alv_err err;
	size_t	     n;
	char	    *name[UPS_IDS_MAX];
};

static void
take_names(void *arg, enum alv_err err, size_t n, const struct alv_uuid *id, char **names)
{
	struct answer *a = arg;

	(void)id;
	a->done = true;
	a->times++;
	a->err = err;
	a->n = n;
	for (size_t i = 0; i < n; i++) {
		free(a->name[i]);
		a->name[i] = names[i];
	}
}

static void
free_names(struct answer *a)
{
	for (size_t i = 0; i < UPS_IDS_MAX; i++)
		free(a->name[i]);
	memset(a, 0, sizeof(*a));
}

static void
ids_become_names(void **state)
{
	struct set    *x = *state;
	struct answer  a = { 0 }, b = { 0 };
	struct alv_uuid ids[] = { fake_uuid(9), fake_uuid(200), { { 0 } }, fake_uuid(1) };

	ups_resolve_ids(x->f, 1, 4, ids, take_names, &a);
	assert_false(a.done);
	turn_until(&x->b, &a.done);
	assert_int_equal(a.err, ALV_E_UNAVAILABLE);	/* nobody was reached yet */
	free_names(&a);
	reach(x);
	x->b.conf.metadata_refresh_ms = 1000000;
	for (int i = 0; i < 20; i++)
		net_loop_turn(x->b.loop, 2);
	fake_cluster_topic(&x->c, "acme.new", 9, 1);
	ups_resolve_ids(x->f, 1, 4, ids, take_names, &a);
	ups_resolve_ids(x->f, 1, 4, ids, take_names, &b);
	assert_false(a.done || b.done);
	turn_until(&x->b, &a.done);
	turn_until(&x->b, &b.done);
	assert_int_equal(a.err, ALV_OK);
	assert_int_equal(b.err, ALV_OK);
	assert_string_equal(a.name[0], "acme.new");
	assert_string_equal(b.name[0], "acme.new");
	assert_null(a.name[1]);
	assert_null(a.name[2]);
	assert_string_equal(a.name[3], "acme.orders");
	/* asked once for both, the zero id and the one in the view never */
	assert_int_equal(x->c.ids_asked, 2);
	assert_int_equal(a.times + b.times, 2);
	free_names(&a);
	free_names(&b);
}

static void
guessed_ids_meet_a_bound(void **state)
{
	struct set    *x = *state;
	struct answer  a = { 0 };
	struct alv_uuid ids[UPS_IDS_MAX + 1];
	unsigned       good = 0, later = 0;

	reach(x);
	ups_resolve_ids(x->f, 1, UPS_IDS_MAX + 1, ids, take_names, &a);
	turn_until(&x->b, &a.done);
	assert_int_equal(a.err, ALV_E_LIMIT);
	for (unsigned call = 0; call < 40; call++) {
		for (unsigned i = 0; i < UPS_IDS_MAX; i++) {
			ids[i] = (struct alv_uuid){ { 250 } };
			alv_put_be32(ids[i].b + 8, call * 1000 + i);
		}
		a.done = false;
		ups_resolve_ids(x->f, 1, UPS_IDS_MAX, ids, take_names, &a);
		turn_until(&x->b, &a.done);
		good += a.err == ALV_OK;
		later += a.err == ALV_E_AGAIN;
	}
	assert_in_range(good, 31, 38);	/* 2000 at once, and a few for the time that went by */
	assert_true(later >= 2);
	free_names(&a);
}

static void
ids_of_a_silent_broker_fail(void **state)
{
	struct set    *x = *state;
	struct answer  a = { 0 }, b = { 0 };
	struct alv_uuid id = fake_uuid(40);

	reach(x);
	x->b.conf.request_timeout_ms = 40;
	x->c.mute_api = KFK_API_METADATA;
	ups_resolve_ids(x->f, 1, 1, &id, take_names, &a);
	turn_until(&x->b, &a.done);
	assert_int_equal(a.err, ALV_E_UNAVAILABLE);
	reach((x->c.mute_api = -1, x));
	x->c.mute_api = KFK_API_METADATA;
	x->b.conf.request_timeout_ms = 100000;
	ups_resolve_ids(x->f, 1, 1, &id, take_names, &b);
	for (int i = 0; i < 5; i++)
		net_loop_turn(x->b.loop, 2);
	ups_follower_free(x->f);	/* with a question under way */
	x->f = NULL;
	assert_int_equal(b.err, ALV_E_CLOSED);
	assert_int_equal(b.times, 1);
}

/* The broker that is asked for an id dies under the question: another one is asked. */
static void
ids_outlive_a_broker(void **state)
{
	struct set	   *x = *state;
	struct fake_cluster peer = { 0 }, *one;
	struct answer	    a = { 0 };
	struct alv_uuid	    id = fake_uuid(9);

	fake_cluster_peer(&x->c, &peer, &x->b);
	peer.fetch_hi = 17;
	reach(x);
	TURN_WHILE(x, view(x)->nbrokers != 2);
	x->b.conf.metadata_refresh_ms = 1000000;
	for (int i = 0; i < 20; i++)
		net_loop_turn(x->b.loop, 2);
	fake_cluster_topic(&x->c, "acme.new", 9, 1);
	one = x->f->main == 3 ? &x->c : &peer;
	one->mute_api = KFK_API_METADATA;
	ups_resolve_ids(x->f, 1, 1, &id, take_names, &a);
	for (int i = 0; i < 10; i++)
		net_loop_turn(x->b.loop, 2);
	assert_false(a.done);
	fake_close_conns(&one->fake);
	turn_until(&x->b, &a.done);
	assert_int_equal(a.err, ALV_OK);
	assert_string_equal(a.name[0], "acme.new");
	free_names(&a);
	ups_follower_free(x->f);
	x->f = NULL;
	fake_fini(&peer.fake);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_round_publishes_everything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_news_are_published, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lost_and_found_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_cluster_is_not_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_the_configured_cluster_is_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_next_broker_is_asked_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ids_outlive_a_broker, set_up, tear_down),
		cmocka_unit_test_setup_teardown(second_bootstrap_server_helps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(impossible_answers_change_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broker_that_nobody_reaches_is_no_cluster, set_up, tear_down),
		cmocka_unit_test_setup_teardown(brokers_come_and_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_topics_are_asked_for_seldom, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_learnt_shows_before_brokers_say_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ids_become_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(guessed_ids_meet_a_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ids_of_a_silent_broker_fail, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
