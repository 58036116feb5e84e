/* Questions to one broker: order, bounds, deadlines, answers that are nobody's, and the end in the middle of it all. */
#include "tests/unit/gateway/upstream/fake_broker.h"

#include "upstream/ask.h"

enum { MANY = UPS_ASK_MAX + 10 };

struct set;

struct asked {
	struct ups_question q;
	struct set	   *set;
	int		    answered;
	unsigned	    at;		/* the how-manieth answer of all */
	enum alv_err	    err;
	char		    words[512];
	bool		    again;	/* ask once more from inside the answer */
};

struct set {
	struct bench	  b;
	struct fake	  f;
	size_t		  alive;
	struct ups_asker *a;
	unsigned	  answers;
	bool		  done;		/* want answers came */
	unsigned	  want;
	struct asked	  asked[MANY];
	enum { ANSWER, MUTE, HUGE, UNASKED, HALF_THEN_CLOSE, CLOSE } how;
};

static void
play(struct fake_conn *c, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a)
{
	static const uint8_t huge[] = { 0x04, 0x00, 0x00, 0x01 }, half[] = { 0, 0, 0, 9, 0, 0 };
	static const uint8_t stray[] = { 0, 0, 0, 4, 0, 0, 0, 77 };
	struct set	    *x = c->fake->arg;
	struct kfk_tree	     r = fake_answer(h, a);

	(void)t;
	if (x->how == HUGE)
		fake_raw(c, huge, sizeof(huge));
	if (x->how == HALF_THEN_CLOSE)
		fake_raw(c, half, sizeof(half));
	if (x->how == HALF_THEN_CLOSE || x->how == CLOSE)
		net_stream_close(&c->stream, true);
	if (x->how == ANSWER || x->how == UNASKED)
		fake_reply(c, h, &r);
	if (x->how == UNASKED)
		fake_raw(c, stray, sizeof(stray));
}

static int
set_up(void **state)
{
	struct set *x = calloc(1, sizeof(*x));

	bench_init(&x->b);
	fake_open(&x->f, &x->b, play, x);
	x->a = ups_asker_new(&x->b.ctx, ALV_STR("127.0.0.1"), x->f.port, &x->alive);
	*state = x;
	return 0;
}

static int
tear_down(void **state)
{
	struct set *x = *state;

	ups_asker_end(x->a, true);
	for (int i = 0; i < 100 && x->alive > 0; i++)
		net_loop_turn(x->b.loop, 1);
	assert_int_equal(x->alive, 0);
	fake_fini(&x->f);
	bench_fini(&x->b);
	free(x);
	return 0;
}

static void answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body);

static void
ask(struct set *x, size_t i, uint32_t timeout_ms)
{
	struct alv_arena a;
	struct kfk_tree	 t;

	x->asked[i].set = x;
	x->asked[i].q.owner = &x->asked[i];
	x->asked[i].q.done = answered;
	alv_arena_init(&a, 1 << 16);
	kfk_tree_init(&t, kfk_schema_find(KFK_API_LIST_GROUPS, KFK_REQUEST), 4, &a);
	ups_ask(x->a, &x->asked[i].q, &t, timeout_ms);
	kfk_tree_fini(&t);
	alv_arena_fini(&a);
}

static void
answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct asked *k = q->owner;
	struct set   *x = k->set;

	assert_int_equal(err == ALV_OK, body != NULL);
	k->answered++;
	k->err = err;
	k->at = x->answers++;
	snprintf(k->words, sizeof(k->words), "%s", words);
	x->done = x->answers >= x->want;
	if (k->again) {
		k->again = false;
		ask(x, (size_t)(k - x->asked), 2000);
	}
}

static void
wait_for(struct set *x, unsigned n)
{
	x->want = n;
	x->done = x->answers >= n;
	turn_until(&x->b, &x->done);
	assert_int_equal(x->answers, n);
}

static void
in_order_over_one_connection(void **state)
{
	struct set *x = *state;

	for (size_t i = 0; i < 100; i++)
		ask(x, i, 2000);
	assert_int_equal(x->answers, 0);
	wait_for(x, 100);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(x->asked[i].err, ALV_OK);
		assert_int_equal(x->asked[i].at, i);
	}
	x->asked[0].again = true;
	ask(x, 0, 2000);
	wait_for(x, 102);
	assert_int_equal(x->f.accepted, 1);
}

static void
too_many_are_refused(void **state)
{
	struct set *x = *state;

	x->how = MUTE;
	for (size_t i = 0; i < MANY; i++)
		ask(x, i, 100000);
	assert_int_equal(x->answers, 0);	/* also refusals come later */
	wait_for(x, MANY - UPS_ASK_MAX);
	assert_int_equal(x->asked[MANY - 1].err, ALV_E_FULL);
	assert_int_equal(x->asked[UPS_ASK_MAX - 1].answered, 0);
	ups_asker_end(x->a, false);
	x->a = NULL;
	wait_for(x, MANY);
	assert_int_equal(x->asked[0].err, ALV_E_CLOSED);
}

static void
bad_answers_fail_what_is_asked(void **state)
{
	static const struct { int how; enum alv_err err; const char *words; } cases[] = {
		{ HUGE, ALV_E_SYNTAX, "limit" }, { HALF_THEN_CLOSE, ALV_E_CLOSED, "closed" }, { CLOSE, ALV_E_CLOSED, "closed" },
	};
	struct set *x = *state;

	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		x->how = cases[i].how;
		ask(x, i, 2000);
		wait_for(x, (unsigned)i + 1);
		assert_int_equal(x->asked[i].err, cases[i].err);
		if (strstr(x->asked[i].words, cases[i].words) == NULL)
			fail_msg("\"%s\" has no \"%s\"", x->asked[i].words, cases[i].words);
	}
	x->how = UNASKED;
	ask(x, 10, 2000);
	wait_for(x, 4);
	assert_int_equal(x->asked[10].err, ALV_OK);
	x->how = ANSWER;
	ask(x, 11, 2000);	/* the connection went with the stray answer: this one, or the next, is on a new one */
	wait_for(x, 5);
	ask(x, 12, 2000);
	wait_for(x, 6);
	assert_int_equal(x->asked[12].err, ALV_OK);
	assert_true(x->f.accepted >= 5);
}

static void
deadlines(void **state)
{
	struct set *x = *state;

	x->how = MUTE;
	ask(x, 0, 30);
	wait_for(x, 1);
	assert_int_equal(x->asked[0].err, ALV_E_TIMEOUT);
	assert_non_null(strstr(x->asked[0].words, "no answer in time"));
	x->how = ANSWER;
	ask(x, 1, 2000);
	wait_for(x, 2);
	assert_int_equal(x->asked[1].err, ALV_OK);
}

static void
session_is_renewed_between_questions(void **state)
{
	struct set *x = *state;

	ask(x, 0, 2000);
	wait_for(x, 1);
	ups_asker_renew_at(x->a, 1);
	ask(x, 1, 2000);
	ask(x, 2, 2000);
	wait_for(x, 3);
	assert_int_equal(x->asked[1].err, ALV_OK);
	assert_int_equal(x->asked[2].err, ALV_OK);
	assert_int_equal(x->f.accepted, 2);
}

static void
silent_end_forgets(void **state)
{
	struct set *x = *state;

	ask(x, 0, 2000);
	ask(x, 1, 2000);
	ups_asker_end(x->a, true);
	x->a = NULL;
	memset(x->asked, 0xee, sizeof(x->asked));	/* its memory may go at once */
	for (int i = 0; i < 100 && x->alive > 0; i++)
		net_loop_turn(x->b.loop, 2);
	assert_int_equal(x->alive, 0);
	assert_int_equal(x->answers, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_order_over_one_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_answers_fail_what_is_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deadlines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(session_is_renewed_between_questions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(silent_end_forgets, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
