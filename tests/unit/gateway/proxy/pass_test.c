/* Answers that go on while they come: when their bytes leave, in which order, what the gateway keeps of them meanwhile, and
 * how they end when the broker or the client does not play along. */
#include <alcove/clock.h>

#include "bench.h"

#define Q(f) KFK_FETCH_REQUEST_##f
#define R(f) KFK_FETCH_RESPONSE_##f

enum { VERSION = 16, BIG = 700 * 1000, HUGE_PARTS = 24 };

/* The broker's side: answers to Fetch are made, and leave when the test says. */
struct script {
	struct proxy	 p;
	struct fake_conn *conn;
	int		  parts;	/* partitions of BIG bytes in each answer */
	char		  id;		/* of the topic in it */
	struct alv_chain  frame;	/* what was asked for, not sent yet */
	int		  asked;
};

static struct script *the_script;

static void
fetch_one(struct kfk_tree *q)
{
	struct kfk_node *e = kfk_add(q, kfk_set_empty(q, &q->root, Q(TOPICS)));

	kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), proxy_id('o'));
	kfk_add(q, kfk_set_empty(q, e, Q(TOPICS_PARTITIONS)));
}

static void
on_request(struct fake_conn *c, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a)
{
	static char	 records[BIG];
	struct script	*s = the_script;
	struct alv_chain body;
	struct kfk_tree	 r;
	struct kfk_node *e, *parts;

	s->conn = c;
	if (h->key != KFK_API_FETCH) {
		proxy_broker(c, h, t, a);
		return;
	}
	memset(records, 'r', sizeof(records));
	r = fake_answer(h, a);
	e = kfk_add(&r, kfk_set_empty(&r, &r.root, R(RESPONSES)));
	kfk_set_uuid(&r, e, R(RESPONSES_TOPIC_ID), proxy_id(s->id));
	parts = kfk_set_empty(&r, e, R(RESPONSES_PARTITIONS));
	for (int i = 0; i < s->parts; i++)
		kfk_set_bytes(&r, kfk_add(&r, parts), R(RESPONSES_PARTITIONS_RECORDS), alv_str_make(records, sizeof(records)));
	alv_chain_init(&body, c->fake->net->pool);
	assert_int_equal(kfk_tree_encode(&r, &body), ALV_OK);
	kfk_rsp_header_write(&s->frame, h->key, h->version, h->correlation_id, body.n);
	alv_chain_move(&s->frame, &body);
	s->asked++;
}

static struct px_client *
begin(struct script *s, int parts)
{
	struct px_client *c;

	memset(s, 0, sizeof(*s));
	the_script = s;
	s->parts = parts;
	s->id = 'o';
	proxy_open(&s->p);
	s->p.conf.limits.response_max_bytes = 1 << 20;	/* of those that are gathered */
	s->p.conf.limits.out_max_bytes = 1 << 18;
	s->p.broker.on_request = on_request;
	c = proxy_client(&s->p);
	alv_chain_init(&s->frame, s->p.b.pool);
	return c;
}

static void
end(struct script *s)
{
	alv_chain_clear(&s->frame);
	proxy_close(&s->p);
}

/* The broker sends the next n bytes. */
static void
release(struct script *s, size_t n)
{
	struct alv_chain part;

	alv_chain_init(&part, s->p.b.pool);
	alv_chain_cut(&part, &s->frame, n);
	net_stream_send(&s->conn->stream, &part);
}

/* Reads what is there; adds to *got. False: the connection ended. */
static bool
drink(struct script *s, size_t *got)
{
	char	bytes[65536];
	ssize_t n;

	while ((n = read(s->p.client, bytes, sizeof(bytes))) > 0)
		*got += (size_t)n;
	return n != 0;
}

static void
drink_until(struct script *s, size_t *got, size_t want)
{
	for (int i = 0; i < 20000 && *got < want; i++) {
		proxy_turns(&s->p, 1);
		assert_true(drink(s, got));
	}
	assert_true(*got >= want);
}

static void
bytes_leave_before_the_last_has_come(void **state)
{
	struct px_client *c;
	struct script	  s;
	size_t		  got = 0, all;

	(void)state;
	c = begin(&s, 1);
	proxy_send(&s.p, KFK_API_FETCH, VERSION, 1, fetch_one);
	proxy_send(&s.p, KFK_API_FETCH, VERSION, 2, fetch_one);
	PROXY_UNTIL(&s.p, s.asked == 2);
	all = s.frame.n;
	release(&s, 100000);
	drink_until(&s, &got, 99000);
	proxy_turns(&s.p, 20);
	assert_non_null(c->passing);
	assert_int_equal(c->inflight.n, 2);
	release(&s, all / 2 + 50000 - 100000);	/* into the second one */
	drink_until(&s, &got, all / 2 + 49000);
	assert_int_equal(c->inflight.n, 1);
	release(&s, s.frame.n);
	/* Each is some bytes longer than the broker's: room for addresses. */
	drink_until(&s, &got, all);
	PROXY_UNTIL(&s.p, c->inflight.n == 0);
	proxy_turns(&s.p, 5);
	assert_true(drink(&s, &got));
	assert_in_range(got, all, all + 200);
	assert_null(c->passing);
	end(&s);
}

static void
small_ones_are_gathered(void **state)
{
	struct script s;
	size_t	      n;

	(void)state;
	(void)begin(&s, 0);
	proxy_send(&s.p, KFK_API_FETCH, VERSION, 1, fetch_one);
	PROXY_UNTIL(&s.p, s.asked == 1);
	n = s.frame.n;
	release(&s, n - 1);
	proxy_turns(&s.p, 20);
	assert_int_equal(proxy_receive(&s.p), -1);
	release(&s, 1);
	assert_int_equal(proxy_await(&s.p), 1);
	end(&s);
}

/* Far more than the limit of gathered responses, and the client does not read. */
static void
what_is_not_read_is_not_kept(void **state)
{
	struct px_client *c;
	struct script	  s;
	size_t		  got = 0, all;

	(void)state;
	c = begin(&s, HUGE_PARTS);
	proxy_send(&s.p, KFK_API_FETCH, VERSION, 1, fetch_one);
	PROXY_UNTIL(&s.p, s.asked == 1);
	all = s.frame.n;
	assert_true(all > 16000000);
	release(&s, all);
	PROXY_UNTIL(&s.p, c->up_paused);
	for (int i = 0; i < 200; i++) {
		proxy_turns(&s.p, 1);
		assert_true(alv_pool_out(s.p.worker->pool) <= 1 << 20);
	}
	assert_int_equal(c->up.stream.in_max, 0);
	while (got < all) {
		char	bytes[10000];
		ssize_t n = read(s.p.client, bytes, sizeof(bytes));

		assert_true(n != 0);
		got += n > 0 ? (size_t)n : 0;
		proxy_turns(&s.p, 1);
		assert_true(alv_pool_out(s.p.worker->pool) <= 1 << 20);
	}
	PROXY_UNTIL(&s.p, c->inflight.n == 0);
	assert_int_equal(c->state, PX_SERVING);
	end(&s);
}

static void
a_broker_that_ends_in_the_middle_ends_it(void **state)
{
	struct px_client *c;
	struct script	  s;
	size_t		  got = 0;

	(void)state;
	c = begin(&s, 1);
	proxy_send(&s.p, KFK_API_FETCH, VERSION, 1, fetch_one);
	PROXY_UNTIL(&s.p, s.asked == 1);
	release(&s, 300000);
	drink_until(&s, &got, 290000);
	c->away++;	/* to look at it afterwards */
	net_stream_close(&s.conn->stream, true);
	PROXY_UNTIL(&s.p, c->state == PX_CLOSED);
	assert_int_equal(c->why, MET_CLOSE_UPSTREAM_EOF);
	PROXY_UNTIL(&s.p, !drink(&s, &got));
	assert_in_range(got, 290000, 300000);
	px_unaway(c);
	PROXY_UNTIL(&s.p, s.p.worker->clients == NULL);
	end(&s);
}

static void
what_was_not_asked_for_ends_it(void **state)
{
	struct px_client *c;
	struct script	  s;
	size_t		  got = 0;

	(void)state;
	c = begin(&s, 1);
	s.id = 'x';
	proxy_send(&s.p, KFK_API_FETCH, VERSION, 1, fetch_one);
	PROXY_UNTIL(&s.p, s.asked == 1);
	c->away++;
	release(&s, s.frame.n);
	PROXY_UNTIL(&s.p, c->state == PX_CLOSED);
	assert_int_equal(c->why, MET_CLOSE_UPSTREAM_FOREIGN);
	PROXY_UNTIL(&s.p, !drink(&s, &got));
	assert_in_range(got, 0, 40);	/* what stands in front of the topic */
	px_unaway(c);
	PROXY_UNTIL(&s.p, s.p.worker->clients == NULL);
	end(&s);
}

static void
another_answer_than_the_one_owed(void **state)
{
	struct px_client *c;
	struct script	  s;
	uint8_t		  head[8];

	(void)state;
	c = begin(&s, 1);
	proxy_send(&s.p, KFK_API_FETCH, VERSION, 1, fetch_one);
	PROXY_UNTIL(&s.p, s.asked == 1);
	assert_true(alv_chain_peek(&s.frame, 0, head, sizeof(head)));
	alv_put_be32(head + 4, 77);
	fake_raw(s.conn, head, sizeof(head));
	alv_chain_drop(&s.frame, sizeof(head));
	c->away++;
	release(&s, s.frame.n);
	PROXY_UNTIL(&s.p, c->state == PX_CLOSED);
	assert_int_equal(c->why, MET_CLOSE_UPSTREAM_ORDER);
	assert_int_equal(proxy_await(&s.p), -2);
	px_unaway(c);
	PROXY_UNTIL(&s.p, s.p.worker->clients == NULL);
	end(&s);
}

/* ---- in its turn ------------------------------------------------------------------------------------------ */

static void
delete_one(struct kfk_tree *q)
{
	struct kfk_node *e = kfk_add(q, kfk_set_empty(q, &q->root, KFK_DELETE_TOPICS_REQUEST_TOPICS));

	kfk_set_str(q, e, KFK_DELETE_TOPICS_REQUEST_TOPICS_NAME, ALV_STR("orders"));
}

static void
deleted(struct proxy *p, struct kfk_tree *r)
{
	struct kfk_node *e = kfk_add(r, kfk_set_empty(r, &r->root, KFK_DELETE_TOPICS_RESPONSE_RESPONSES));

	(void)p;
	kfk_set_str(r, e, KFK_DELETE_TOPICS_RESPONSE_RESPONSES_NAME, ALV_STR("acme.orders"));
	kfk_set_uuid(r, e, KFK_DELETE_TOPICS_RESPONSE_RESPONSES_TOPIC_ID, proxy_id('o'));
}

/* The answer before it waits for an errand: nothing overtakes it. */
static void
it_waits_for_its_turn(void **state)
{
	struct con_learning *lesson;
	struct px_client    *c;
	struct script	     s;
	size_t		     got = 0;

	(void)state;
	c = begin(&s, 1);
	s.p.answer = deleted;
	proxy_send(&s.p, KFK_API_DELETE_TOPICS, 6, 1, delete_one);
	proxy_send(&s.p, KFK_API_FETCH, VERSION, 2, fetch_one);
	PROXY_UNTIL(&s.p, s.p.lesson != NULL && s.asked == 1);
	release(&s, s.frame.n);
	PROXY_UNTIL(&s.p, c->up_paused);
	proxy_turns(&s.p, 20);
	assert_null(c->passing);
	assert_int_equal(proxy_receive(&s.p), -1);
	lesson = s.p.lesson;
	for (size_t i = 0; i < lesson->n; i++)
		free(lesson->topic[i].name), lesson->topic[i].name = NULL;
	lesson->done(lesson);
	assert_int_equal(proxy_await(&s.p), 1);
	drink_until(&s, &got, BIG);
	PROXY_UNTIL(&s.p, c->inflight.n == 0);
	assert_int_equal(c->state, PX_SERVING);
	end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_leave_before_the_last_has_come),
		cmocka_unit_test(small_ones_are_gathered),
		cmocka_unit_test(what_is_not_read_is_not_kept),
		cmocka_unit_test(a_broker_that_ends_in_the_middle_ends_it),
		cmocka_unit_test(what_was_not_asked_for_ends_it),
		cmocka_unit_test(another_answer_than_the_one_owed),
		cmocka_unit_test(it_waits_for_its_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
