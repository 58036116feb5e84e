/* Scanning and purging a prefix: what is found, that a purge ends only when nothing is left, and how it gives up. */
#include "tests/unit/gateway/upstream/fake_cluster.h"

#include "upstream/follower_state.h"

struct set {
	struct bench	     b;
	struct fake_cluster  c;
	struct alv_qsbr	    *qsbr;
	struct clu_board    *board;
	struct ups_follower *f;
	bool		     done;
	enum alv_err	     err;
	size_t		     n[TEN_KINDS];
	bool		     more;
	char		     first[TEN_KINDS][64];
	char		     words[512];
};

static void
changed(void *arg)
{
	(void)arg;
}

static int
set_up(void **state)
{
	struct set *x = calloc(1, sizeof(*x));

	bench_init(&x->b);
	fake_cluster_open(&x->c, &x->b);
	fake_cluster_topic(&x->c, "acme.orders", 1, 3);
	fake_cluster_topic(&x->c, "globex.orders", 2, 1);
	fake_cluster_topic(&x->c, "acme.bills", 3, 1);
	fake_cluster_topic(&x->c, "acmes.orders", 4, 1);
	x->c.group[0] = "acme.billing";
	x->c.group[1] = "globex.billing";
	x->c.txn[0] = "acme.tx";
	x->c.txn[1] = "acm";
	x->b.bootstrap[0].port = x->c.fake.port;
	x->b.conf.metadata_refresh_ms = 100000;
	snprintf(x->b.bootstrap[0].host, sizeof(x->b.bootstrap[0].host), "127.0.0.1");
	x->qsbr = alv_qsbr_new();
	x->board = clu_board_new(x->qsbr);
	x->f = ups_follower_new(x->b.loop, &x->b.ctx, x->board, changed, x);
	for (int i = 0; i < 3000 && !ups_reachable(x->f); i++)
		net_loop_turn(x->b.loop, 5);
	*state = x;
	return !ups_reachable(x->f);
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

static void
scanned(void *arg, enum alv_err err, const struct ups_found *found)
{
	struct set *x = arg;

	assert_false(x->done);
	x->done = true;
	x->err = err;
	x->more = found->more;
	memset(x->n, 0, sizeof(x->n));
	for (size_t i = 0; i < found->n; i++) {
		if (x->n[found->kind[i]]++ == 0)
			snprintf(x->first[found->kind[i]], sizeof(x->first[0]), "%s", found->name[i]);
	}
}

static enum alv_err
scan(struct set *x, const char *prefix)
{
	x->done = false;
	ups_scan_prefix(x->f, alv_str_of(prefix), scanned, x);
	assert_false(x->done);
	turn_until(&x->b, &x->done);
	return x->err;
}

static void
purged(void *arg, enum alv_err err, const char *words)
{
	struct set *x = arg;

	assert_false(x->done);
	x->done = true;
	x->err = err;
	snprintf(x->words, sizeof(x->words), "%s", words);
}

static enum alv_err
purge(struct set *x, const char *prefix)
{
	x->done = false;
	ups_purge_prefix(x->f, alv_str_of(prefix), purged, x);
	assert_false(x->done);
	turn_until(&x->b, &x->done);
	return x->err;
}

static void
scan_finds_every_kind(void **state)
{
	struct set *x = *state;

	assert_int_equal(scan(x, "acme."), ALV_OK);
	assert_int_equal(x->n[TEN_TOPIC], 2);
	assert_int_equal(x->n[TEN_GROUP], 1);
	assert_int_equal(x->n[TEN_TXN], 1);
	assert_string_equal(x->first[TEN_GROUP], "acme.billing");
	assert_string_equal(x->first[TEN_TXN], "acme.tx");
	assert_false(x->more);
	assert_int_equal(scan(x, "initech."), ALV_OK);
	assert_int_equal(x->n[TEN_TOPIC] + x->n[TEN_GROUP] + x->n[TEN_TXN], 0);
	fake_cluster_topic(&x->c, "initech.fresh", 9, 1);	/* not in the view yet: a scan asks anew */
	assert_int_equal(scan(x, "initech."), ALV_OK);
	assert_int_equal(x->n[TEN_TOPIC], 1);
}

static void
scan_says_when_there_is_more(void **state)
{
	struct set *x = *state;
	char	    name[64];

	for (unsigned i = 0; i < 1100; i++) {
		snprintf(name, sizeof(name), "big.%u", i);
		fake_cluster_topic(&x->c, name, 9, 1);
	}
	assert_int_equal(scan(x, "big."), ALV_OK);
	assert_int_equal(x->n[TEN_TOPIC], 1024);
	assert_true(x->more);
}

static void
scan_without_an_answer_fails(void **state)
{
	struct set *x = *state;

	x->c.code = KFK_COORDINATOR_LOAD_IN_PROGRESS;
	x->c.codes = 2;
	assert_int_equal(scan(x, "acme."), ALV_OK);	/* asked again until it was loaded */
	assert_int_equal(x->n[TEN_GROUP], 1);
	x->c.code = KFK_CLUSTER_AUTHORIZATION_FAILED;
	x->c.codes = 1;
	assert_int_equal(scan(x, "acme."), ALV_E_UNAVAILABLE);
	x->c.codes = 0;
	x->b.conf.request_timeout_ms = 40;
	x->c.mute_api = KFK_API_LIST_TRANSACTIONS;
	assert_int_equal(scan(x, "acme."), ALV_E_TIMEOUT);
	x->c.mute_api = -1;
	assert_int_equal(scan(x, "acme."), ALV_OK);
}

static void
purge_leaves_nothing_of_the_prefix(void **state)
{
	struct set *x = *state;

	assert_int_equal(purge(x, "acme."), ALV_OK);
	assert_true(x->c.topic[0].gone);
	assert_true(x->c.topic[2].gone);
	assert_false(x->c.topic[1].gone || x->c.topic[3].gone);
	assert_null(x->c.group[0]);
	assert_non_null(x->c.group[1]);
	assert_non_null(x->c.txn[0]);
	assert_null(clu_topic_find(clu_board_load(x->board), ALV_STR("acme.orders")));	/* at once, without a round */
	assert_int_equal(purge(x, "acme."), ALV_OK);
	assert_int_equal(purge(x, "nobody."), ALV_OK);
}

/* A broker that cannot be asked may hold what is looked for. */
static void
every_broker_is_asked(void **state)
{
	struct set	   *x = *state;
	struct fake_cluster peer = { 0 };
	uint16_t	    port;

	fake_cluster_peer(&x->c, &peer, &x->b);
	peer.group[0] = "acme.elsewhere";
	peer.txn[0] = "acme.tx2";
	assert_int_equal(scan(x, "acme."), ALV_OK);
	assert_int_equal(x->n[TEN_TOPIC], 2);
	assert_int_equal(x->n[TEN_GROUP], 2);
	assert_int_equal(x->n[TEN_TXN], 2);
	port = peer.port;
	peer.port = 1;
	assert_int_equal(scan(x, "acme."), ALV_E_UNAVAILABLE);
	peer.port = port;
	assert_int_equal(purge(x, "acme."), ALV_OK);
	assert_null(x->c.group[0]);
	assert_null(peer.group[0]);
	assert_int_equal(peer.fake.requests[KFK_API_DELETE_GROUPS], 1);
	ups_follower_free(x->f);
	x->f = NULL;
	fake_fini(&peer.fake);
}

static void
purge_tries_again(void **state)
{
	struct set *x = *state;

	x->c.code = KFK_NOT_CONTROLLER;
	x->c.codes = 2;
	x->c.group[0] = NULL;
	assert_int_equal(purge(x, "acme."), ALV_OK);
	assert_true(x->c.topic[0].gone && x->c.topic[2].gone);
}

static void
purge_gives_up_with_a_reason(void **state)
{
	struct set *x = *state;

	x->f->purge_ms = 700;
	x->c.group_code = KFK_NON_EMPTY_GROUP;
	assert_int_equal(purge(x, "acme."), ALV_E_CONFLICT);
	assert_string_equal(x->words, "group acme.billing: NON_EMPTY_GROUP");
	assert_true(x->c.topic[0].gone && x->c.topic[2].gone);
	x->c.code = KFK_COORDINATOR_LOAD_IN_PROGRESS;
	x->c.codes = 1000000;
	assert_int_equal(purge(x, "acme."), ALV_E_UNAVAILABLE);
	assert_non_null(strstr(x->words, "cannot be listed"));
	x->done = false;
	ups_purge_prefix(x->f, ALV_STR(""), purged, x);	/* a prefix of everything is no prefix */
	assert_true(x->done);
	assert_int_equal(x->err, ALV_E_VALUE);
}

static void
follower_ends_under_a_purge_and_a_scan(void **state)
{
	for (int turns = 0; turns < 40; turns += 3) {
		struct set *x = *state;

		x->done = false;
		ups_purge_prefix(x->f, ALV_STR("globex."), purged, x);
		for (int i = 0; i < turns && !x->done; i++)
			net_loop_turn(x->b.loop, 1);
		ups_follower_free(x->f);
		assert_true(x->done);
		assert_int_equal(x->err, ALV_E_CLOSED);
		x->f = ups_follower_new(x->b.loop, &x->b.ctx, x->board, changed, x);
		for (int i = 0; i < 3000 && !ups_reachable(x->f); i++)
			net_loop_turn(x->b.loop, 5);
		x->done = false;
		ups_scan_prefix(x->f, ALV_STR("globex."), scanned, x);
		for (int i = 0; i < turns / 6 && !x->done; i++)
			net_loop_turn(x->b.loop, 1);
		ups_follower_free(x->f);
		assert_true(x->done);
		x->c.topic[1].gone = false;
		x->c.group[1] = "globex.billing";
		x->f = ups_follower_new(x->b.loop, &x->b.ctx, x->board, changed, x);
		for (int i = 0; i < 3000 && !ups_reachable(x->f); i++)
			net_loop_turn(x->b.loop, 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(scan_finds_every_kind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(scan_says_when_there_is_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(scan_without_an_answer_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(purge_leaves_nothing_of_the_prefix, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_broker_is_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(purge_tries_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(purge_gives_up_with_a_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follower_ends_under_a_purge_and_a_scan, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
