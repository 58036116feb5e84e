/* Topics that are created because somebody asked for them: once each, bounded, and in the catalogue as soon as they are there. */
#include "tests/unit/gateway/upstream/fake_cluster.h"

#include "upstream/follower_state.h"

struct set {
	struct bench	     b;
	struct fake_cluster  c;
	struct alv_qsbr	    *qsbr;
	struct clu_board    *board;
	struct ups_follower *f;
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
	fake_cluster_topic(&x->c, "acme.there", 1, 3);
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
until_idle(struct set *x)
{
	for (int i = 0; i < 3000 && (x->f->is_creating || x->f->creations != NULL); i++)
		net_loop_turn(x->b.loop, 5);
	assert_false(x->f->is_creating);
	assert_null(x->f->creations);
}

static void
what_is_created_is_known(void **state)
{
	struct set		*x = *state;
	const struct clu_topic	*t;

	for (int i = 0; i < 3; i++) {	/* who asks for the same waits for the same */
		ups_create_topic(x->f, 1, ALV_STR("acme.new"), 6, -1);
		ups_create_topic(x->f, 2, ALV_STR("globex.new"), -1, 3);
	}
	until_idle(x);
	assert_int_equal(x->c.created, 2);
	t = clu_topic_find(clu_board_load(x->board), ALV_STR("acme.new"));
	assert_non_null(t);
	assert_int_equal(t->partitions, 6);
	assert_false(alv_uuid_zero(t->id));
	assert_non_null(clu_topic_find(clu_board_load(x->board), ALV_STR("globex.new")));
}

static void
what_fails_is_forgotten(void **state)
{
	struct set *x = *state;

	x->c.code = KFK_INVALID_REPLICATION_FACTOR;
	x->c.codes = 1;
	ups_create_topic(x->f, 1, ALV_STR("acme.new"), 1, 99);
	until_idle(x);
	assert_null(clu_topic_find(clu_board_load(x->board), ALV_STR("acme.new")));
	ups_create_topic(x->f, 1, ALV_STR("acme.there"), 1, 1);	/* is there: nothing happens to it */
	ups_create_topic(x->f, 1, ALV_STR("acme.new"), 1, 1);	/* and may be asked for again */
	until_idle(x);
	assert_non_null(clu_topic_find(clu_board_load(x->board), ALV_STR("acme.new")));
	assert_int_equal(x->c.created, 3);
}

static size_t
waiting(const struct set *x)
{
	size_t n = 0;

	for (const struct ups_creation *c = x->f->creations; c != NULL; c = c->next)
		n++;
	return n;
}

/* One that asks for thousands takes nothing from the others. */
static void
each_has_its_share(void **state)
{
	struct set *x = *state;
	char	    name[64];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "acme.%d", i);
		ups_create_topic(x->f, 1, alv_str_of(name), 1, 1);
	}
	assert_int_equal(waiting(x), UPS_CREATE_WHO_MAX);
	ups_create_topic(x->f, 2, ALV_STR("globex.new"), 1, 1);
	assert_int_equal(waiting(x), UPS_CREATE_WHO_MAX + 1);
	until_idle(x);
	assert_non_null(clu_topic_find(clu_board_load(x->board), ALV_STR("globex.new")));
	assert_int_equal(x->c.created, UPS_CREATE_WHO_MAX + 1);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "t%d.new", i);
		ups_create_topic(x->f, (uint64_t)(10 + i), alv_str_of(name), 1, 1);
	}
	assert_int_equal(waiting(x), UPS_CREATE_MAX);
}

/* The gateway may stop while a broker thinks about it. */
static void
it_may_end_meanwhile(void **state)
{
	struct set *x = *state;

	x->c.mute_api = KFK_API_CREATE_TOPICS;
	ups_create_topic(x->f, 1, ALV_STR("acme.new"), 1, 1);
	for (int i = 0; i < 20; i++)
		net_loop_turn(x->b.loop, 5);
	assert_true(x->f->is_creating);
	ups_create_topic(x->f, 1, ALV_STR("acme.newer"), 1, 1);
	assert_int_equal(waiting(x), 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_created_is_known),
		T(what_fails_is_forgotten),
		T(each_has_its_share),
		T(it_may_end_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
