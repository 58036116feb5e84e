/* One list of a broker's groups for everybody: who waits for the same question, who needs a newer one, and what is done when
 * the broker does not say. */
#include "tests/unit/gateway/upstream/fake_cluster.h"

#include <alcove/clock.h>
#include <alcove/listing.h>

#include "upstream/follower_state.h"
#include "upstream/groups.h"

struct set {
	struct bench	     b;
	struct fake_cluster  c;
	struct alv_qsbr	    *qsbr;
	struct clu_board    *board;
	struct ups_follower *f;
};

struct caller {
	struct ups_groups_call call;
	bool		       done, listed;
	struct set	      *again;	/* asks once more from inside its done */
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
	fake_cluster_topic(&x->c, "acme.orders", 1, 1);
	x->c.group[0] = "globex.billing";
	x->c.group[1] = "acme.billing";
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
listed(struct ups_groups_call *call, bool ok)
{
	struct caller *c = ALV_HOLDER(call, struct caller, call);
	struct set    *again = c->again;

	assert_false(c->done);
	c->done = again == NULL;
	c->listed = ok;
	c->again = NULL;
	if (again != NULL) {
		c->call.since_us = alv_mono_us() + 1;
		ups_list_groups(again->f, again->c.node_id, call);
	}
}

static void
ask(struct set *x, struct caller *c, int32_t node, uint64_t since_us)
{
	*c = (struct caller){ .call = { .since_us = since_us, .done = listed }, .again = c->again };
	ups_list_groups(x->f, node, &c->call);
}

static unsigned
questions(const struct set *x)
{
	return x->c.fake.requests[KFK_API_LIST_GROUPS];
}

static void
one_question_serves_all(void **state)
{
	struct set	       *x = *state;
	struct caller		all[20] = { { .done = false } };
	const struct clu_group *first;
	uint64_t		since = alv_mono_us();

	for (size_t i = 0; i < 20; i++)
		ask(x, &all[i], x->c.node_id, since);
	turn_until(&x->b, &all[19].done);
	for (size_t i = 0; i < 20; i++)
		assert_true(all[i].done && all[i].listed);
	assert_int_equal(questions(x), 1);
	assert_int_equal(clu_board_groups(x->board, x->c.node_id)->n, 2);
	assert_int_equal(clu_groups_range(clu_board_groups(x->board, x->c.node_id), ALV_STR("acme."), &first), 1);
	ask(x, &all[0], x->c.node_id, since);	/* it is there: told at once */
	assert_true(all[0].done && all[0].listed);
	assert_int_equal(questions(x), 1);
}

static void
what_is_too_old_is_asked_anew_but_not_faster(void **state)
{
	struct set   *x = *state;
	struct caller c = { .done = false };
	uint64_t      began = alv_mono_us();

	for (unsigned i = 1; i <= 3; i++) {
		ask(x, &c, x->c.node_id, alv_mono_us());
		turn_until(&x->b, &c.done);
		assert_true(c.listed);
		assert_int_equal(questions(x), i);
		assert_true(clu_board_groups(x->board, x->c.node_id)->asked_us >= c.call.since_us);
	}
	assert_true(alv_mono_us() - began >= 200000);	/* two gaps */
}

/* Somebody changed something after the question had left. */
static void
a_newer_need_waits_for_the_next_question(void **state)
{
	struct set   *x = *state;
	struct caller a = { .done = false }, b = { .done = false };

	ask(x, &a, x->c.node_id, alv_mono_us());
	x->c.group[2] = "acme.fresh";
	ask(x, &b, x->c.node_id, alv_mono_us() + 1);
	turn_until(&x->b, &a.done);
	assert_false(b.done);
	turn_until(&x->b, &b.done);
	assert_true(b.listed);
	assert_int_equal(questions(x), 2);
	assert_non_null(clu_groups_find(clu_board_groups(x->board, x->c.node_id), ALV_STR("acme.fresh")));
}

static void
who_asks_again_from_within_is_served(void **state)
{
	struct set   *x = *state;
	struct caller c = { .again = x };

	ask(x, &c, x->c.node_id, alv_mono_us());
	turn_until(&x->b, &c.done);
	assert_true(c.listed);
	assert_int_equal(questions(x), 2);
}

static void
no_answer_is_no_list(void **state)
{
	struct set   *x = *state;
	struct caller c = { .done = false };

	ask(x, &c, 77, 1);
	assert_true(c.done && !c.listed);	/* no such broker */
	x->c.code = KFK_COORDINATOR_LOAD_IN_PROGRESS;
	x->c.codes = 1;
	ask(x, &c, x->c.node_id, 1);
	turn_until(&x->b, &c.done);
	assert_false(c.listed);
	assert_null(clu_board_groups(x->board, x->c.node_id));
	ask(x, &c, x->c.node_id, 1);
	turn_until(&x->b, &c.done);
	assert_true(c.listed);
	x->c.mute_api = KFK_API_LIST_GROUPS;
	x->b.conf.request_timeout_ms = 40;
	ask(x, &c, x->c.node_id, UINT64_MAX);
	turn_until(&x->b, &c.done);
	assert_false(c.listed);
	assert_non_null(clu_board_groups(x->board, x->c.node_id));	/* the last one stays: how old it is, it says itself */
}

static void
the_end_comes_under_a_question(void **state)
{
	struct set   *x = *state;
	struct caller c = { .done = false };

	x->c.mute_api = KFK_API_LIST_GROUPS;
	ask(x, &c, x->c.node_id, alv_mono_us());
	for (int i = 0; i < 20; i++)
		net_loop_turn(x->b.loop, 1);
	ups_follower_free(x->f);
	x->f = NULL;
	assert_true(c.done && !c.listed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_question_serves_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_too_old_is_asked_anew_but_not_faster, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_newer_need_waits_for_the_next_question, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_asks_again_from_within_is_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_answer_is_no_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_end_comes_under_a_question, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
