/* A client connection as a whole: order, errands, ends, and what one client can make the gateway keep. */
#include <alcove/clock.h>

#include "bench.h"

#include <alcove/listing.h>

static uint64_t ahead_us;

static uint64_t
clock_us(void)
{
	return alv_mono_us() + ahead_us;
}

static struct px_client *
begin(struct proxy *p)
{
	proxy_open(p);
	ahead_us = 0;
	net_loop_clock(p->worker->loop, clock_us);
	return proxy_client(p);
}

/* ---- order ----------------------------------------------------------------------------------------- */

static void
no_acks(struct kfk_tree *q)
{
	struct kfk_node *e = kfk_add(q, kfk_set_empty(q, &q->root, KFK_PRODUCE_REQUEST_TOPIC_DATA));

	kfk_set_int(q, &q->root, KFK_PRODUCE_REQUEST_ACKS, 0);
	kfk_set_str(q, e, KFK_PRODUCE_REQUEST_TOPIC_DATA_NAME, ALV_STR("orders"));
	kfk_add(q, kfk_set_empty(q, e, KFK_PRODUCE_REQUEST_TOPIC_DATA_PARTITION_DATA));
}

static void
no_broker_answer_for_no_acks(struct fake_conn *c, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a)
{
	if (h->key != KFK_API_PRODUCE)
		proxy_broker(c, h, t, a);
}

static void
answers_leave_in_the_order_of_the_questions(void **state)
{
	struct proxy p;

	(void)state;
	(void)begin(&p);
	p.broker.on_request = no_broker_answer_for_no_acks;
	proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
	proxy_send(&p, KFK_API_DESCRIBE_CLUSTER, 0, 2, NULL);	/* answered here, but in its place */
	proxy_send(&p, KFK_API_PRODUCE, 9, 3, no_acks);		/* no answer at all */
	proxy_send(&p, KFK_API_METADATA, 9, 4, NULL);
	proxy_send(&p, KFK_API_DESCRIBE_CLUSTER, 0, 5, NULL);
	assert_int_equal(proxy_await(&p), 1);
	assert_int_equal(proxy_await(&p), 2);
	assert_int_equal(proxy_await(&p), 4);
	assert_int_equal(proxy_await(&p), 5);
	assert_int_equal(p.broker.requests[KFK_API_PRODUCE], 1);
	assert_int_equal(p.broker.accepted, 1);
	proxy_close(&p);
}

/* Nobody waits for an answer, so the client may go as soon as it has spoken. */
static void
the_last_words_without_acks_arrive(void **state)
{
	struct proxy p;

	(void)state;
	for (int fresh = 0; fresh < 2; fresh++) {
		(void)begin(&p);
		p.broker.on_request = no_broker_answer_for_no_acks;
		if (!fresh) {
			proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
			assert_int_equal(proxy_await(&p), 1);
		}
		for (int i = 0; i < 5; i++)
			proxy_send(&p, KFK_API_PRODUCE, 9, 3 + i, no_acks);
		shutdown(p.client, SHUT_WR);
		PROXY_UNTIL(&p, p.worker->clients == NULL);
		proxy_turns(&p, 5);
		assert_int_equal(p.broker.requests[KFK_API_PRODUCE], 5);
		proxy_close(&p);
	}
}

static void
another_answer_than_the_one_owed(struct fake_conn *c, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a)
{
	struct kfk_tree r = fake_answer(h, a);

	(void)t;
	fake_reply_as(c, h, h->correlation_id + 1, &r);
}

static void
a_broker_out_of_step_ends_it(void **state)
{
	struct proxy p;

	(void)state;
	(void)begin(&p);
	p.broker.on_request = another_answer_than_the_one_owed;
	proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
	assert_int_equal(proxy_await(&p), -2);
	PROXY_UNTIL(&p, p.worker->clients == NULL);
	proxy_close(&p);
}

/* ---- errands ------------------------------------------------------------------------------------------ */

static void
by_unknown_id(struct kfk_tree *q)
{
	struct kfk_node *e = kfk_add(q, kfk_set_empty(q, &q->root, KFK_METADATA_REQUEST_TOPICS));

	kfk_set_null(q, e, KFK_METADATA_REQUEST_TOPICS_NAME);
	kfk_set_uuid(q, e, KFK_METADATA_REQUEST_TOPICS_TOPIC_ID, proxy_id('n'));
}

static void
answer_question(struct proxy *p, const char *name)
{
	struct con_ids *q = p->question;

	p->question = NULL;
	for (size_t i = 0; i < q->n; i++)
		q->name[i] = name == NULL ? NULL : strdup(name);
	q->done(q);
}

static void
requests_wait_for_ids(void **state)
{
	struct proxy p;

	(void)state;
	(void)begin(&p);
	proxy_send(&p, KFK_API_METADATA, 12, 1, by_unknown_id);
	proxy_send(&p, KFK_API_DESCRIBE_CLUSTER, 0, 2, NULL);
	PROXY_UNTIL(&p, p.question != NULL);
	proxy_turns(&p, 5);
	assert_int_equal(proxy_receive(&p), -1);
	answer_question(&p, "acme.new");
	assert_int_equal(proxy_await(&p), 1);
	assert_int_equal(proxy_await(&p), 2);
	assert_int_equal(p.broker.requests[KFK_API_METADATA], 1);
	proxy_close(&p);
}

/* Whoever waits may be gone when the answer comes: by its own will, or by ours. */
static void
answers_may_come_too_late(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	for (int how = 0; how < 3; how++) {
		c = begin(&p);
		proxy_send(&p, KFK_API_METADATA, 12, 1, by_unknown_id);
		PROXY_UNTIL(&p, p.question != NULL);
		if (how == 0) {
			close(p.client);
			p.client = -1;
			ahead_us += 6000000;
			proxy_turns(&p, 5);
		} else if (how == 1) {
			px_client_end(c, MET_CLOSE_DRAIN);
		} else {
			px_client_close(c, MET_CLOSE_DRAIN, false);
		}
		proxy_turns(&p, 5);
		assert_non_null(p.worker->clients);	/* the errand holds it */
		answer_question(&p, "acme.new");
		PROXY_UNTIL(&p, p.worker->clients == NULL);
		proxy_close(&p);
	}
}

static void
answer_listing(struct proxy *p, bool failed)
{
	struct con_groups *q = p->listing;

	assert_int_equal(q->node, 1);
	p->listing = NULL;
	q->failed = failed;
	q->done(q);
}

/* A list of groups is asked for elsewhere; a bootstrap connection gets its broker by that, and keeps it. */
static void
requests_wait_for_groups(void **state)
{
	struct clu_group  group = { .id = ALV_STR("acme.billing") };
	struct clu_groups parts = { .node = 1, .asked_us = UINT64_MAX, .n = 1, .groups = &group };
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	for (int how = 0; how < 3; how++) {
		c = begin(&p);
		p.conf.upstream.listing_max_age_ms = 1000;
		proxy_send(&p, KFK_API_LIST_GROUPS, 5, 1, NULL);
		PROXY_UNTIL(&p, p.listing != NULL);
		assert_int_equal(c->conn.broker, 1);
		if (how == 0) {
			assert_int_equal(clu_board_put_groups(p.gateway.shared.board, clu_groups_build(&parts)), ALV_OK);
			answer_listing(&p, false);
			assert_int_equal(proxy_await(&p), 1);
			assert_int_equal(p.broker.accepted, 0);
		} else if (how == 1) {
			answer_listing(&p, true);	/* the broker itself is asked */
			assert_int_equal(proxy_await(&p), 1);
			assert_int_equal(p.broker.requests[KFK_API_LIST_GROUPS], 1);
		} else {
			px_client_close(c, MET_CLOSE_DRAIN, false);
			proxy_turns(&p, 5);
			assert_non_null(p.worker->clients);	/* the errand holds it */
			answer_listing(&p, false);
			PROXY_UNTIL(&p, p.worker->clients == NULL);
		}
		proxy_close(&p);
	}
}

static void
delete_one(struct kfk_tree *q)
{
	struct kfk_node *e = kfk_add(q, kfk_set_empty(q, &q->root, KFK_DELETE_TOPICS_REQUEST_TOPICS));

	kfk_set_str(q, e, KFK_DELETE_TOPICS_REQUEST_TOPICS_NAME, ALV_STR("orders"));
}

static void
deleted_and_more(struct proxy *p, struct kfk_tree *r)
{
	struct kfk_node *list, *e;

	(void)p;
	if (r->schema->key != KFK_API_DELETE_TOPICS)
		return;
	list = kfk_set_empty(r, &r->root, KFK_DELETE_TOPICS_RESPONSE_RESPONSES);
	e = kfk_add(r, list);
	kfk_set_str(r, e, KFK_DELETE_TOPICS_RESPONSE_RESPONSES_NAME, ALV_STR("acme.orders"));
	kfk_set_uuid(r, e, KFK_DELETE_TOPICS_RESPONSE_RESPONSES_TOPIC_ID, proxy_id('o'));
	e = kfk_add(r, list);
	kfk_set_null(r, e, KFK_DELETE_TOPICS_RESPONSE_RESPONSES_NAME);
	kfk_set_uuid(r, e, KFK_DELETE_TOPICS_RESPONSE_RESPONSES_TOPIC_ID, proxy_id('z'));
}

/* A response that had to ask for ids has something to teach as well: once away is enough. */
static void
a_response_asks_and_then_teaches(void **state)
{
	struct proxy p;

	(void)state;
	(void)begin(&p);
	p.answer = deleted_and_more;
	proxy_send(&p, KFK_API_DELETE_TOPICS, 6, 1, delete_one);
	PROXY_UNTIL(&p, p.question != NULL);
	answer_question(&p, NULL);
	if (p.lesson != NULL) {
		for (size_t i = 0; i < p.lesson->n; i++)
			free(p.lesson->topic[i].name), p.lesson->topic[i].name = NULL;
		p.lesson->done(p.lesson);
	}
	assert_int_equal(proxy_await(&p), 1);
	proxy_close(&p);
}

static void
create_acl(struct kfk_tree *q)
{
	struct kfk_node *e = kfk_add(q, kfk_set_empty(q, &q->root, KFK_CREATE_ACLS_REQUEST_CREATIONS));

	kfk_set_int(q, e, KFK_CREATE_ACLS_REQUEST_CREATIONS_RESOURCE_TYPE, POL_TOPIC);
	kfk_set_str(q, e, KFK_CREATE_ACLS_REQUEST_CREATIONS_RESOURCE_NAME, ALV_STR("orders"));
	kfk_set_int(q, e, KFK_CREATE_ACLS_REQUEST_CREATIONS_RESOURCE_PATTERN_TYPE, POL_LITERAL);
	kfk_set_str(q, e, KFK_CREATE_ACLS_REQUEST_CREATIONS_PRINCIPAL, ALV_STR("User:bob"));
	kfk_set_str(q, e, KFK_CREATE_ACLS_REQUEST_CREATIONS_HOST, ALV_STR("*"));
	kfk_set_int(q, e, KFK_CREATE_ACLS_REQUEST_CREATIONS_OPERATION, POL_OP_READ);
	kfk_set_int(q, e, KFK_CREATE_ACLS_REQUEST_CREATIONS_PERMISSION_TYPE, POL_ALLOW);
}

static struct con_change *
take_change(struct proxy *p)
{
	struct con_change *ch;

	PROXY_UNTIL(p, p->change != NULL);
	ch = p->change;
	p->change = NULL;
	return ch;
}

/* The errand goes to the control thread and comes back; who asks next waits for its answer; who left is not waited for. */
static void
requests_wait_for_changes(void **state)
{
	struct px_client  *c;
	struct con_change *ch;
	struct proxy	   p;

	(void)state;
	for (int how = 0; how < 4; how++) {
		c = begin(&p);
		if (how == 3)
			p.no_change = ALV_E_FULL;	/* the client is told, and the connection goes on */
		proxy_send(&p, KFK_API_CREATE_ACLS, 3, 1, create_acl);
		proxy_send(&p, KFK_API_DESCRIBE_CLUSTER, 0, 2, NULL);
		ch = how == 3 ? NULL : take_change(&p);
		proxy_turns(&p, 5);
		if (how < 2) {
			assert_true(ch->native && ch->op == CON_ACL_CREATE && ch->rules->n == 1);
			assert_string_equal(ch->actor, "User:alice");
			assert_string_equal(ch->tenant, "acme");
			assert_int_equal(proxy_receive(&p), -1);
			ch->err = how == 0 ? ALV_OK : ALV_E_STORE;
			ch->done(ch);
		} else if (how == 2) {
			px_client_close(c, MET_CLOSE_DRAIN, false);
			proxy_turns(&p, 5);
			assert_non_null(p.worker->clients);	/* the errand holds it */
			ch->done(ch);
			PROXY_UNTIL(&p, p.worker->clients == NULL);
		}
		if (how != 2) {
			assert_int_equal(proxy_await(&p), 1);
			assert_int_equal(proxy_await(&p), 2);
		}
		proxy_close(&p);
	}
}

/* The control thread may be done with a change while the worker still hands it over: what it says counts. */
static void
a_change_may_fail_at_once(void **state)
{
	enum { CODE_AT = 4 + 4 + 1 + 4 + 1 };	/* size, correlation id, tags; throttle time, how many results */
	uint8_t	     answer[CODE_AT + 2];
	struct proxy p;

	(void)state;
	begin(&p);
	p.soon = ALV_E_STORE;
	proxy_send(&p, KFK_API_CREATE_ACLS, 3, 1, create_acl);
	PROXY_UNTIL(&p, recv(p.client, answer, sizeof(answer), MSG_PEEK) == sizeof(answer));
	assert_int_equal((int16_t)(answer[CODE_AT] << 8 | answer[CODE_AT + 1]), KFK_UNKNOWN_SERVER_ERROR);
	assert_int_equal(proxy_await(&p), 1);
	proxy_close(&p);
}

static void
ask_absent(struct kfk_tree *q)
{
	struct kfk_node *e = kfk_add(q, kfk_set_empty(q, &q->root, KFK_METADATA_REQUEST_TOPICS));

	kfk_set_str(q, e, KFK_METADATA_REQUEST_TOPICS_NAME, ALV_STR("absent"));
	kfk_set_int(q, &q->root, KFK_METADATA_REQUEST_ALLOW_AUTO_TOPIC_CREATION, 1);
}

static void
absent(struct proxy *p, struct kfk_tree *r)
{
	struct kfk_node *e;

	(void)p;
	if (r->schema->key != KFK_API_METADATA)
		return;
	e = kfk_add(r, kfk_set_empty(r, &r->root, KFK_METADATA_RESPONSE_TOPICS));
	kfk_set_str(r, e, KFK_METADATA_RESPONSE_TOPICS_NAME, ALV_STR("acme.absent"));
	kfk_set_int(r, e, KFK_METADATA_RESPONSE_TOPICS_ERROR_CODE, KFK_UNKNOWN_TOPIC_OR_PARTITION);
}

/* Nobody waits for a topic that is made because it was asked for: the answer leaves, and it is ordered. */
static void
a_missing_topic_is_ordered(void **state)
{
	struct proxy p;

	(void)state;
	(void)begin(&p);
	p.answer = absent;
	proxy_send(&p, KFK_API_METADATA, 9, 1, ask_absent);
	assert_int_equal(proxy_await(&p), 1);
	assert_non_null(p.wanted);
	assert_int_equal(p.wanted->n, 1);
	assert_string_equal(p.wanted->topic[0].name, "acme.absent");
	assert_int_equal(p.wanted->topic[0].partitions, 4);
	assert_int_equal(p.wanted->topic[0].replication_factor, -1);
	free(p.wanted);
	proxy_close(&p);
}

/* ---- ends --------------------------------------------------------------------------------------------- */

/* Who hung up is not kept for the sake of an answer that a broker owes for days. */
static void
a_client_that_hung_up_goes_soon(void **state)
{
	struct proxy p;

	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		(void)begin(&p);
		p.mute = true;
		proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
		PROXY_UNTIL(&p, p.broker.requests[KFK_API_METADATA] == 1);
		if (whole) {
			close(p.client);
			p.client = -1;
		} else {
			shutdown(p.client, SHUT_WR);
		}
		proxy_turns(&p, 5);
		assert_true(whole || p.worker->clients != NULL);
		ahead_us += 6000000;
		PROXY_UNTIL(&p, p.worker->clients == NULL);
		PROXY_UNTIL(&p, p.broker.conns == NULL);
		proxy_close(&p);
	}
}

static void
who_only_stops_talking_is_still_answered(void **state)
{
	struct proxy p;

	(void)state;
	(void)begin(&p);
	proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
	proxy_send(&p, KFK_API_METADATA, 9, 2, NULL);
	shutdown(p.client, SHUT_WR);
	assert_int_equal(proxy_await(&p), 1);
	assert_int_equal(proxy_await(&p), 2);
	assert_int_equal(proxy_await(&p), -2);
	proxy_close(&p);
}

/* Suspended, or the user changed, in the middle of everything. */
static void
what_is_revoked_ends_at_once(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = begin(&p);
	p.mute = true;
	proxy_send(&p, KFK_API_METADATA, 9, 1, NULL);
	proxy_send(&p, KFK_API_METADATA, 12, 2, by_unknown_id);
	PROXY_UNTIL(&p, p.question != NULL && p.broker.requests[KFK_API_METADATA] == 1);
	c->conn.user_revision = 6;
	px_client_check(c);
	assert_int_equal(c->state, PX_CLOSED);
	assert_int_equal(c->why, MET_CLOSE_USER_CHANGED);
	assert_int_equal(proxy_await(&p), -2);
	answer_question(&p, NULL);
	PROXY_UNTIL(&p, p.worker->clients == NULL);
	proxy_close(&p);
}

/* ---- what it can make the gateway keep -------------------------------------------------------------------- */

static void
many_names(struct kfk_tree *q)
{
	struct kfk_node *list = kfk_set_empty(q, &q->root, KFK_METADATA_REQUEST_TOPICS);

	for (int i = 0; i < 1000; i++)
		kfk_set_str(q, kfk_add(q, list), KFK_METADATA_REQUEST_TOPICS_NAME, ALV_STR("orders"));
}

static size_t
kept(const struct px_client *c)
{
	size_t n = 0;

	for (const struct px_request *r = c->inflight.head; r != NULL; r = r->next)
		n += r->call.arena.used + r->call.out.n;
	return n;
}

/* The broker is busy with the first; the others are not all taken apart meanwhile. */
static void
requests_ahead_are_few_when_they_are_large(void **state)
{
	enum { MANY = 12 };	/* few enough for the socket's own buffers */
	struct px_client *c;
	struct proxy	  p;
	size_t		  limit;

	(void)state;
	c = begin(&p);
	limit = p.conf.limits.arena_max_bytes;
	p.mute = true;
	for (int i = 0; i < MANY; i++)
		proxy_send(&p, KFK_API_METADATA, 9, i, many_names);
	proxy_turns(&p, 200);
	assert_int_equal(c->state, PX_SERVING);
	assert_true(c->inflight.n > 0 && c->inflight.n < MANY);
	assert_true(kept(c) <= 2 * limit);
	/* Not its fault: nobody calls it slow meanwhile. */
	ahead_us += p.conf.limits.frame_timeout_ms * 1000ull + 1;
	proxy_turns(&p, 20);
	assert_int_equal(c->state, PX_SERVING);
	proxy_close(&p);
}

static void
large_requests_are_all_answered(void **state)
{
	enum { MANY = 40 };
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = begin(&p);
	for (int i = 0; i < MANY; i++)
		proxy_send(&p, KFK_API_METADATA, 9, i, many_names);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(proxy_await(&p), i);
	assert_int_equal(c->inflight.n, 0);
	assert_int_equal(kept(c), 0);
	proxy_close(&p);
}

/* Small ones go ahead as many as they may. */
static void
small_requests_go_ahead(void **state)
{
	struct px_client *c;
	struct proxy	  p;

	(void)state;
	c = begin(&p);
	p.mute = true;
	for (int i = 0; i < 150; i++)
		proxy_send(&p, KFK_API_METADATA, 9, i, NULL);
	PROXY_UNTIL(&p, c->inflight.n == p.conf.limits.in_flight_max);
	proxy_close(&p);
}

/* ---- answers that wait for their time -------------------------------------------------------------------------- */

static void
plain_handshake(struct kfk_tree *q)
{
	kfk_set_str(q, &q->root, KFK_SASL_HANDSHAKE_REQUEST_MECHANISM, ALV_STR("PLAIN"));
}

static void
wrong_password(struct kfk_tree *q)
{
	kfk_set_bytes(q, &q->root, KFK_SASL_AUTHENTICATE_REQUEST_AUTH_BYTES, ALV_STR("\0alice\0wrong"));
}

/* A stranger whose password was found wrong; its answer waits. */
static struct px_client *
begin_late(struct proxy *p)
{
	struct px_client *c;

	proxy_open(p);
	ahead_us = 0;
	net_loop_clock(p->worker->loop, clock_us);
	p->conf.mechanisms[AUT_PLAIN] = true;
	p->conf.scram_iterations = AUT_ITERATIONS_MIN;
	p->conf.failed_delay_ms = p->conf.failed_delay_max_ms = 20000;
	p->gateway.shared.fake_secret = ALV_STR("secret");
	p->gateway.shared.delays = aut_delays_new();
	assert_non_null(p->gateway.shared.delays);
	c = proxy_accept(p, &p->client);
	proxy_send(p, KFK_API_SASL_HANDSHAKE, 1, 1, plain_handshake);
	assert_int_equal(proxy_await(p), 1);
	proxy_send(p, KFK_API_SASL_AUTHENTICATE, 2, 2, wrong_password);
	PROXY_UNTIL(p, c->late != NULL);
	return c;
}

static void
end_late(struct proxy *p)
{
	struct aut_delays *d = p->gateway.shared.delays;

	proxy_close(p);
	aut_delays_free(d);
}

/* Nothing is held for it: no errand is under way, and the pool takes other logins. */
static void
a_failed_login_is_answered_late(void **state)
{
	struct proxy	  p;
	struct px_client *c = begin_late(&p);

	(void)state;
	assert_int_equal(c->away, 0);
	assert_int_equal(c->state, PX_SERVING);
	assert_true(c->place.in);	/* a stranger still */
	assert_int_equal(p.gateway.strangers, 1);
	ahead_us += 19 * 1000 * 1000;
	proxy_turns(&p, 20);
	assert_int_equal(proxy_receive(&p), -1);
	ahead_us += 1000 * 1000;
	assert_int_equal(proxy_await(&p), 2);
	assert_int_equal(proxy_await(&p), -2);
	assert_int_equal(p.gateway.strangers, 0);
	end_late(&p);
}

/* It may go before its answer: hung up, out of time, or because it is one stranger too many. */
static void
who_waits_for_a_late_answer_may_go(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct proxy	  p;
		struct px_client *c = begin_late(&p);
		int		  other = -1;

		if (how == 0) {
			px_client_close(c, MET_CLOSE_CLIENT_RESET, false);
		} else if (how == 1) {
			p.conf.limits.authentication_timeout_ms = 15000;
			px_client_watch(c);
			ahead_us += 16 * 1000 * 1000;
		} else {
			p.conf.limits.connections_unauthenticated_max = 1;
			ahead_us += 3 * 1000 * 1000;
			proxy_turns(&p, 1);
			(void)proxy_accept(&p, &other);
		}
		assert_int_equal(proxy_await(&p), -2);
		ahead_us += 60 * 1000 * 1000;
		proxy_turns(&p, 20);
		if (other >= 0)
			close(other);
		end_late(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_login_is_answered_late),
		cmocka_unit_test(who_waits_for_a_late_answer_may_go),
		cmocka_unit_test(answers_leave_in_the_order_of_the_questions),
		cmocka_unit_test(the_last_words_without_acks_arrive),
		cmocka_unit_test(a_broker_out_of_step_ends_it),
		cmocka_unit_test(requests_wait_for_ids),
		cmocka_unit_test(answers_may_come_too_late),
		cmocka_unit_test(requests_wait_for_groups),
		cmocka_unit_test(requests_wait_for_changes),
		cmocka_unit_test(a_change_may_fail_at_once),
		cmocka_unit_test(a_missing_topic_is_ordered),
		cmocka_unit_test(a_response_asks_and_then_teaches),
		cmocka_unit_test(a_client_that_hung_up_goes_soon),
		cmocka_unit_test(who_only_stops_talking_is_still_answered),
		cmocka_unit_test(what_is_revoked_ends_at_once),
		cmocka_unit_test(requests_ahead_are_few_when_they_are_large),
		cmocka_unit_test(large_requests_are_all_answered),
		cmocka_unit_test(small_requests_go_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
