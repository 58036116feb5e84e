/* Links: every way to become ready, and every way not to, with a broker that is scripted by the test. */
#include "tests/unit/gateway/upstream/fake_broker.h"

#include <alcove/authn.h>

/* ---- the gateway's side ---- */

struct seen {
	struct ups_link link;
	bool		ready, closed;
	enum ups_end	end;
	char		words[512];
};

static void
on_ready(struct ups_link *l)
{
	((struct seen *)l->owner)->ready = true;
}

static void
on_data(struct ups_link *l)
{
	alv_chain_drop(&l->stream.in, l->stream.in.n);
}

static void
on_closed(struct ups_link *l, enum ups_end why, const char *words)
{
	struct seen *s = l->owner;

	assert_false(s->closed);
	s->closed = true;
	s->end = why;
	ups_link_fini(l);	/* words must survive that */
	snprintf(s->words, sizeof(s->words), "%s", words);
}

static const struct ups_link_ops ops = { .on_ready = on_ready, .on_data = on_data, .on_closed = on_closed };

static void
open_to(struct seen *s, struct bench *b, const char *host, uint16_t port)
{
	memset(s, 0, sizeof(*s));
	assert_int_equal(ups_link_open(&s->link, &b->ctx, host, port, &ops, s), ALV_OK);
	assert_false(s->ready || s->closed);
}

static void
expect_end(struct seen *s, struct bench *b, enum ups_end end, const char *words)
{
	turn_until(b, &s->closed);
	if (s->end != end || strstr(s->words, words) == NULL)
		fail_msg("ended with %d \"%s\", expected %d \"%s\"", s->end, s->words, end, words);
}

static void
close_ready(struct seen *s, struct bench *b)
{
	turn_until(b, &s->ready);
	assert_false(s->closed);
	ups_link_close(&s->link);
	assert_false(s->closed);
	expect_end(s, b, UPS_END_OURS, "closed by the gateway");
}

/* ---- the broker's side ---- */

struct script {
	enum {
		GOOD, NO_MECHANISM, WRONG_CORRELATION, HUGE, NEGATIVE, GARBAGE_BODY, SILENT, HANG_UP, REFUSE, TRAILING,
		ANSWER_TWICE, FEW_ITERATIONS, FORGED_PROOF, SPLIT
	} how;
	int64_t		 lifetime_ms;
	struct pol_scram keys[POL_MECHANISMS];
};

static void
end_exchange(struct fake_conn *c)
{
	if (c->arg != NULL)
		aut_server_fini(c->arg);
	free(c->arg);
	c->arg = NULL;
}

static void
lookup(void *arg, struct alv_str login, struct aut_account *a)
{
	struct script *s = arg;

	memset(a, 0, sizeof(*a));
	a->known = alv_str_eqz(login, "gateway");
	memcpy(a->scram, s->keys, sizeof(a->scram));
	snprintf(a->tenant, sizeof(a->tenant), "t");
	snprintf(a->user, sizeof(a->user), "gateway");
}

static void
answer_handshake(struct fake_conn *c, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a)
{
	struct script	  *s = c->fake->arg;
	struct kfk_tree	   r = fake_answer(h, a);
	struct kfk_node	  *list = kfk_set_empty(&r, &r.root, KFK_SASL_HANDSHAKE_RESPONSE_MECHANISMS);
	struct alv_str	   name = kfk_get_str(t, &t->root, KFK_SASL_HANDSHAKE_REQUEST_MECHANISM);
	enum aut_mechanism m;

	assert_int_equal(h->version, 1);
	assert_true(aut_mechanism_find(name, &m));
	kfk_add(&r, list)->v.s = ALV_STR("GSSAPI");
	if (s->how == NO_MECHANISM)
		kfk_set_int(&r, &r.root, KFK_SASL_HANDSHAKE_RESPONSE_ERROR_CODE, KFK_UNSUPPORTED_SASL_MECHANISM);
	end_exchange(c);
	c->arg = calloc(1, sizeof(struct aut_server));
	aut_server_init(c->arg, m, lookup, s);
	fake_reply_as(c, h, s->how == WRONG_CORRELATION ? h->correlation_id + 1 : h->correlation_id, &r);
}

static struct alv_str
edited(struct script *s, struct alv_str out, struct alv_arena *a)
{
	struct alv_str x = alv_arena_str(a, out);
	char	      *p = (char *)(uintptr_t)x.p;

	if (s->how == FEW_ITERATIONS && memmem(p, x.n, ",i=", 3) != NULL)
		return alv_arena_printf(a, "%.*s,i=1", (int)((char *)memmem(p, x.n, ",i=", 3) - p), p);
	if (s->how == FORGED_PROOF && x.n > 4 && p[0] == 'v')
		p[4] = p[4] == 'A' ? 'B' : 'A';
	return x;
}

static void
answer_token(struct fake_conn *c, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a)
{
	struct script  *s = c->fake->arg;
	struct kfk_tree r = fake_answer(h, a);
	struct alv_str	out = ALV_STR("");
	enum aut_step	what;

	assert_int_equal(h->version, 2);
	what = aut_server_token(c->arg, kfk_get_bytes(t, &t->root, KFK_SASL_AUTHENTICATE_REQUEST_AUTH_BYTES), a, &out);
	if (what == AUT_WORK) {
		aut_server_work(c->arg);
		what = aut_server_resume(c->arg, a, &out);
	}
	if (what == AUT_FAIL || s->how == REFUSE) {
		kfk_set_int(&r, &r.root, KFK_SASL_AUTHENTICATE_RESPONSE_ERROR_CODE, KFK_SASL_AUTHENTICATION_FAILED);
		kfk_set_str(&r, &r.root, KFK_SASL_AUTHENTICATE_RESPONSE_ERROR_MESSAGE, ALV_STR("Invalid credentials"));
		out = ALV_STR("");
	}
	kfk_set_bytes(&r, &r.root, KFK_SASL_AUTHENTICATE_RESPONSE_AUTH_BYTES, edited(s, out, a));
	if (what == AUT_OK)
		kfk_set_int(&r, &r.root, KFK_SASL_AUTHENTICATE_RESPONSE_SESSION_LIFETIME_MS, s->lifetime_ms);
	fake_reply(c, h, &r);
}

static void
play(struct fake_conn *c, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a)
{
	static const uint8_t huge[] = { 0x00, 0x01, 0x00, 0x01 }, negative[] = { 0xff, 0xff, 0xff, 0xff, 0 };
	static const uint8_t http[] = "HTTP/1.1 400 Bad Request\r\n";
	uint8_t		     garbage[] = { 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0x7f, 0xff, 0xff, 0xff };
	uint8_t		     trailing[] = { 0, 0, 0, 11, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9 };
	struct script	    *s = c->fake->arg;

	switch (s->how) {
	case HUGE:
		fake_raw(c, huge, sizeof(huge));
		return;
	case NEGATIVE:
		fake_raw(c, h->correlation_id == 1 ? http : negative, h->correlation_id == 1 ? sizeof(http) : sizeof(negative));
		return;
	case GARBAGE_BODY:
		fake_raw(c, garbage, sizeof(garbage));
		return;
	case TRAILING:
		fake_raw(c, trailing, sizeof(trailing));
		return;
	case SILENT:
		return;
	case HANG_UP:
		net_stream_close(&c->stream, false);
		return;
	default:
		break;
	}
	assert_true(h->key == KFK_API_SASL_HANDSHAKE || h->key == KFK_API_SASL_AUTHENTICATE);
	if (h->key == KFK_API_SASL_HANDSHAKE)
		answer_handshake(c, h, t, a);
	else
		answer_token(c, h, t, a);
	if (s->how == ANSWER_TWICE) {
		struct kfk_tree r = fake_answer(h, a);

		fake_reply(c, h, &r);
	}
}

struct set {
	struct bench  b;
	struct fake   f;
	struct script s;
};

static int
set_up(void **state)
{
	struct set *x = calloc(1, sizeof(*x));

	bench_init(&x->b);
	fake_open(&x->f, &x->b, play, &x->s);
	x->f.on_gone = end_exchange;
	for (int m = 0; m < POL_MECHANISMS; m++)
		assert_int_equal(aut_scram_make((enum pol_mechanism)m, ALV_STR("secret"), 4096, &x->s.keys[m]), ALV_OK);
	*state = x;
	return 0;
}

static int
tear_down(void **state)
{
	struct set *x = *state;

	fake_fini(&x->f);
	bench_fini(&x->b);
	free(x);
	return 0;
}

static void
use_sasl(struct set *x, enum aut_mechanism m)
{
	x->b.conf.sasl = true;
	x->b.conf.mechanism = (int)m;
}

/* ---- tests ---- */

static void
plaintext_is_ready_at_once(void **state)
{
	struct set *x = *state;
	struct seen s;

	open_to(&s, &x->b, "127.0.0.1", x->f.port);
	close_ready(&s, &x->b);
	assert_int_equal(x->f.requests[KFK_API_SASL_HANDSHAKE], 0);
	open_to(&s, &x->b, "localhost", x->f.port);	/* by the resolver; ::1 refuses, 127.0.0.1 is next */
	close_ready(&s, &x->b);
}

static void
every_mechanism_logs_in(void **state)
{
	struct set *x = *state;
	struct seen s;

	for (int m = 0; m < AUT_BY_PASSWORD; m++) {
		use_sasl(x, (enum aut_mechanism)m);
		open_to(&s, &x->b, "127.0.0.1", x->f.port);
		close_ready(&s, &x->b);
	}
	assert_int_equal(x->f.requests[KFK_API_SASL_HANDSHAKE], AUT_BY_PASSWORD);
}

static void
lifetime_sets_when_to_renew(void **state)
{
	struct set *x = *state;
	struct seen s;
	uint64_t    now;

	use_sasl(x, AUT_PLAIN);
	x->s.lifetime_ms = 1000000;
	open_to(&s, &x->b, "127.0.0.1", x->f.port);
	turn_until(&x->b, &s.ready);
	now = net_loop_now(x->b.loop);
	assert_in_range(s.link.reauth_at_us, now + 700000000, now + 910000000);
	close_ready(&s, &x->b);
	x->s.lifetime_ms = 0;
	open_to(&s, &x->b, "127.0.0.1", x->f.port);
	turn_until(&x->b, &s.ready);
	assert_int_equal(s.link.reauth_at_us, 0);
	close_ready(&s, &x->b);
}

static void
a_session_is_renewed_in_place(void **state)
{
	struct set *x = *state;
	struct seen s;

	for (int m = 0; m < AUT_BY_PASSWORD; m++) {
		use_sasl(x, (enum aut_mechanism)m);
		x->s.how = GOOD;
		x->s.lifetime_ms = 1000000;
		open_to(&s, &x->b, "127.0.0.1", x->f.port);
		turn_until(&x->b, &s.ready);
		for (int i = 0; i < 3; i++) {
			s.ready = false;
			s.link.reauth_at_us = 1;
			ups_link_renew(&s.link);
			assert_false(s.link.ready);
			turn_until(&x->b, &s.ready);
			assert_true(s.link.ready && s.link.reauth_at_us > 1);
		}
		assert_int_equal(x->f.requests[KFK_API_SASL_HANDSHAKE], 5 * (m + 1) - 1);
		x->s.how = REFUSE;
		ups_link_renew(&s.link);
		expect_end(&s, &x->b, UPS_END_AUTH, "refused the login");
	}
}

/* The pool takes one job of ours: were there two, a login would fail. */
static void
many_links_share_one_salted_password(void **state)
{
	enum { LINKS = 8 };
	struct set	*x = *state;
	struct net_jobs *one = net_jobs_new(1, 1, 1);
	struct seen	 s[LINKS];

	use_sasl(x, AUT_SCRAM_SHA_512);
	x->b.ctx.crypto = one;
	for (int i = 0; i < LINKS; i++)
		open_to(&s[i], &x->b, "127.0.0.1", x->f.port);
	ups_link_close(&s[0].link);
	expect_end(&s[0], &x->b, UPS_END_OURS, "");
	for (int i = 1; i < LINKS; i++)
		turn_until(&x->b, &s[i].ready);
	for (int i = 1; i < LINKS; i++)
		close_ready(&s[i], &x->b);
	x->b.ctx.crypto = NULL;	/* without a pool a login only works from what is known */
	open_to(&s[0], &x->b, "127.0.0.1", x->f.port);
	close_ready(&s[0], &x->b);
	x->b.ctx.crypto = one;
	x->s.keys[POL_SCRAM_SHA_512].salt_n = 0;	/* another salt is other work */
	assert_int_equal(aut_scram_make(POL_SCRAM_SHA_512, ALV_STR("secret"), 4096, &x->s.keys[POL_SCRAM_SHA_512]), ALV_OK);
	open_to(&s[0], &x->b, "127.0.0.1", x->f.port);
	close_ready(&s[0], &x->b);
	net_jobs_free(one);
	x->b.ctx.crypto = x->b.crypto;
}

static void
wrong_password_is_refused_with_the_brokers_words(void **state)
{
	struct set *x = *state;
	struct seen s;

	x->b.conf.password = ALV_STR("wrong");
	for (int m = 0; m < AUT_BY_PASSWORD; m++) {
		use_sasl(x, (enum aut_mechanism)m);
		open_to(&s, &x->b, "127.0.0.1", x->f.port);
		expect_end(&s, &x->b, UPS_END_AUTH, "Invalid credentials");
		assert_null(strstr(s.words, "wrong"));
		assert_false(s.ready);
	}
}

static void
bad_brokers_are_left_with_a_reason(void **state)
{
	static const struct { int how; enum ups_end end; const char *words; } cases[] = {
		{ NO_MECHANISM, UPS_END_AUTH, "GSSAPI" },
		{ WRONG_CORRELATION, UPS_END_MALFORMED, "not asked for" },
		{ HUGE, UPS_END_MALFORMED, "oversized" },
		{ NEGATIVE, UPS_END_MALFORMED, "oversized" },
		{ GARBAGE_BODY, UPS_END_MALFORMED, "malformed" },
		{ TRAILING, UPS_END_MALFORMED, "malformed" },
		{ HANG_UP, UPS_END_EOF, "during the login" },
		{ REFUSE, UPS_END_AUTH, "Invalid credentials" },
		{ FEW_ITERATIONS, UPS_END_AUTH, "iterations" },
		{ FORGED_PROOF, UPS_END_AUTH, "does not know" },
	};
	struct set *x = *state;
	struct seen s;

	use_sasl(x, AUT_SCRAM_SHA_256);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		x->s.how = cases[i].how;
		open_to(&s, &x->b, "127.0.0.1", x->f.port);
		expect_end(&s, &x->b, cases[i].end, cases[i].words);
		assert_false(s.ready);
	}
}

static void
answer_that_was_not_asked_for(void **state)
{
	struct set *x = *state;
	struct seen s;

	use_sasl(x, AUT_SCRAM_SHA_256);
	x->s.how = ANSWER_TWICE;
	open_to(&s, &x->b, "127.0.0.1", x->f.port);
	expect_end(&s, &x->b, UPS_END_MALFORMED, "");
}

static void
silence_ends_in_time(void **state)
{
	struct set *x = *state;
	struct seen s;

	use_sasl(x, AUT_PLAIN);
	x->b.conf.request_timeout_ms = 30;
	x->s.how = SILENT;
	open_to(&s, &x->b, "127.0.0.1", x->f.port);
	expect_end(&s, &x->b, UPS_END_TIMEOUT, "the login took too long");
}

static void
nobody_there(void **state)
{
	struct set *x = *state;
	struct seen s;
	uint16_t    port = x->f.port;

	net_listener_close(x->f.listener);
	x->f.listener = NULL;
	open_to(&s, &x->b, "127.0.0.1", port);
	expect_end(&s, &x->b, UPS_END_CONNECT, "cannot connect: Connection refused");
	open_to(&s, &x->b, "localhost", port);
	expect_end(&s, &x->b, UPS_END_CONNECT, "localhost");
	open_to(&s, &x->b, "no-such-host.invalid", port);
	expect_end(&s, &x->b, UPS_END_CONNECT, "no-such-host.invalid: ");
	assert_int_equal(ups_link_open(&s.link, &x->b.ctx, "", port, &ops, &s), ALV_E_VALUE);
	assert_int_equal(ups_link_open(&s.link, &x->b.ctx, "a", 0, &ops, &s), ALV_E_VALUE);
}

/* Closing at any point of the way is told once, later, and leaves nothing behind: orphaned jobs free themselves. */
static void
closing_at_every_step(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	struct set		*x = *state;
	struct seen		 s;

	use_sasl(x, AUT_SCRAM_SHA_256);
	for (size_t h = 0; h < ALV_COUNT(hosts); h++) {
		for (int turns = 0; turns < 14; turns++) {
			open_to(&s, &x->b, hosts[h], x->f.port);
			for (int i = 0; i < turns && !s.closed; i++)
				net_loop_turn(x->b.loop, 1);
			assert_false(s.closed);
			ups_link_close(&s.link);
			ups_link_close(&s.link);
			expect_end(&s, &x->b, UPS_END_OURS, "");
		}
	}
	open_to(&s, &x->b, "localhost", x->f.port);
	ups_link_close(&s.link);
	expect_end(&s, &x->b, UPS_END_OURS, "");	/* the resolver may still be at it: tear_down waits for it */
}

static void
broker_that_goes_away_later(void **state)
{
	struct set *x = *state;
	struct seen s;

	open_to(&s, &x->b, "127.0.0.1", x->f.port);
	turn_until(&x->b, &s.ready);
	for (int i = 0; i < 100 && x->f.conns == NULL; i++)
		net_loop_turn(x->b.loop, 5);
	fake_close_conns(&x->f);
	expect_end(&s, &x->b, UPS_END_EOF, "the broker closed the connection");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plaintext_is_ready_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_mechanism_logs_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lifetime_sets_when_to_renew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_session_is_renewed_in_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_links_share_one_salted_password, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_password_is_refused_with_the_brokers_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_brokers_are_left_with_a_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(answer_that_was_not_asked_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(silence_ends_in_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closing_at_every_step, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broker_that_goes_away_later, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
