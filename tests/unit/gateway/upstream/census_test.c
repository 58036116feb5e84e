/* What a census hears: every broker's groups, transactional ids and bytes, or which of them it does not know. */
#include "tests/unit/gateway/upstream/fake_cluster.h"

#include "upstream/census.h"
#include "upstream/follower_state.h"

struct set {
	struct bench	     b;
	struct fake_cluster  c, peer;
	struct alv_qsbr	    *qsbr;
	struct clu_board    *board;
	struct ups_follower *f;
	char		     heard[2048];	/* a line for each thing */
	char		     words[256];
	unsigned	     whole;
	bool		     done;
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
	fake_cluster_peer(&x->c, &x->peer, &x->b);
	fake_cluster_topic(&x->c, "acme.orders", 1, 1);
	fake_cluster_topic(&x->c, "acme.empty", 2, 1);
	x->c.size[0] = 1000;
	fake_cluster_topic(&x->peer, "acme.orders", 1, 1);
	x->peer.size[0] = 990;	/* a replica that is behind */
	x->c.group[0] = "acme.billing";
	x->peer.group[3] = "globex.billing";
	x->c.txn[0] = "acme.payer";
	x->b.bootstrap[0].port = x->c.fake.port;
	x->b.conf.metadata_refresh_ms = 100000;
	snprintf(x->b.bootstrap[0].host, sizeof(x->b.bootstrap[0].host), "127.0.0.1");
	x->qsbr = alv_qsbr_new();
	x->board = clu_board_new(x->qsbr);
	x->f = ups_follower_new(x->b.loop, &x->b.ctx, x->board, changed, x);
	for (int i = 0; i < 3000 && !(ups_reachable(x->f) && x->f->nbrokers == 2 && x->f->phase == UPS_WAITING); i++)
		net_loop_turn(x->b.loop, 5);
	*state = x;
	return x->f->nbrokers != 2;
}

static int
tear_down(void **state)
{
	struct set *x = *state;

	ups_follower_free(x->f);
	fake_fini(&x->c.fake);
	fake_fini(&x->peer.fake);
	clu_board_free(x->board);
	alv_qsbr_free(x->qsbr);
	bench_fini(&x->b);
	free(x);
	return 0;
}

static void
line(struct set *x, const char *what, struct alv_str name, const char *more)
{
	size_t n = strlen(x->heard);

	snprintf(x->heard + n, sizeof(x->heard) - n, "%s %.*s%s\n", what, ALV_STR_ARG(name), more);
}

static void
on_group(void *arg, struct alv_str id, struct alv_str type)
{
	assert_int_equal(type.n, 0);	/* the fake cluster does not say */
	line(arg, "group", id, "");
}

static void
on_txn(void *arg, struct alv_str id, struct alv_str state)
{
	(void)state;
	line(arg, "txn", id, "");
}

static void
on_bytes(void *arg, struct alv_str topic, uint64_t bytes)
{
	char more[32];

	snprintf(more, sizeof(more), " %llu", (unsigned long long)bytes);
	line(arg, "bytes", topic, more);
}

static void
on_done(void *arg, unsigned what, const char *words)
{
	struct set *x = arg;

	assert_false(x->done);
	x->done = true;
	x->whole = what;
	snprintf(x->words, sizeof(x->words), "%s", words);
}

static const struct ups_census_fns fns = { on_group, on_txn, on_bytes, on_done };

static void
count(struct set *x, unsigned what)
{
	x->heard[0] = '\0';
	x->done = false;
	ups_census(x->f, what, &fns, x);
	turn_until(&x->b, &x->done);
}

static void
all_of_every_broker(void **state)
{
	struct set *x = *state;

	count(x, UPS_CENSUS_ALL);
	assert_int_equal(x->whole, UPS_CENSUS_ALL);
	assert_string_equal(x->words, "");
	/* Brokers are asked in the order of their ids. */
	assert_string_equal(x->heard, "group globex.billing\nbytes acme.orders 990\n"
	    "group acme.billing\ntxn acme.payer\nbytes acme.orders 1000\n");
}

static void
only_what_is_asked_for(void **state)
{
	struct set *x = *state;

	count(x, UPS_CENSUS_TXNS);
	assert_int_equal(x->whole, UPS_CENSUS_TXNS);
	assert_string_equal(x->heard, "txn acme.payer\n");
	assert_int_equal(x->c.fake.requests[KFK_API_LIST_GROUPS] + x->c.fake.requests[KFK_API_DESCRIBE_LOG_DIRS], 0);
}

/* What one broker does not say is unknown; the rest is not. */
static void
an_error_leaves_its_kind_unknown(void **state)
{
	struct set *x = *state;

	x->peer.code = KFK_KAFKA_STORAGE_ERROR;
	x->peer.codes = 1;
	count(x, UPS_CENSUS_TXNS | UPS_CENSUS_BYTES);
	assert_int_equal(x->whole, UPS_CENSUS_TXNS);
	assert_string_equal(x->words, "KAFKA_STORAGE_ERROR");
	x->peer.code = KFK_COORDINATOR_LOAD_IN_PROGRESS;
	x->peer.codes = 1;
	count(x, UPS_CENSUS_ALL);
	assert_int_equal(x->whole, UPS_CENSUS_TXNS | UPS_CENSUS_BYTES);
	assert_string_equal(x->words, "a broker does not list its groups");
}

static void
a_broker_that_does_not_answer(void **state)
{
	struct set *x = *state;

	x->b.conf.request_timeout_ms = 200;
	x->peer.mute_api = KFK_API_LIST_TRANSACTIONS;
	count(x, UPS_CENSUS_TXNS);
	assert_int_equal(x->whole, 0);
	assert_string_not_equal(x->words, "");
}

static void
the_end_comes_meanwhile(void **state)
{
	struct set *x = *state;

	x->c.mute_api = x->peer.mute_api = KFK_API_LIST_GROUPS;
	ups_census(x->f, UPS_CENSUS_ALL, &fns, x);
	for (int i = 0; i < 200 && x->peer.fake.requests[KFK_API_LIST_GROUPS] == 0; i++)
		net_loop_turn(x->b.loop, 5);
	assert_false(x->done);
	ups_follower_free(x->f);
	assert_true(x->done);
	assert_int_equal(x->whole, 0);
	x->f = NULL;
}

static void
nobody_is_reached(void **state)
{
	struct set *x = *state;

	x->f->reachable = false;
	ups_census(x->f, UPS_CENSUS_ALL, &fns, x);
	assert_true(x->done);
	assert_int_equal(x->whole, 0);
	assert_string_equal(x->words, "the cluster is not reached");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(all_of_every_broker),
		CASE(only_what_is_asked_for),
		CASE(an_error_leaves_its_kind_unknown),
		CASE(a_broker_that_does_not_answer),
		CASE(the_end_comes_meanwhile),
		CASE(nobody_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
