/* SASL towards a broker: one SaslHandshake, then SaslAuthenticate until both sides are satisfied. Brokers since 3.9 speak
 * the versions used here, so none is negotiated.
 * Invariant: at most one request is unanswered; an answer to anything else is malformed. The password and what is
 * made of it never reach a log: words hold the broker's text and our own constants only. */
#include "upstream/link_state.h"
#include "upstream/message.h"

#include <alcove/kafka.h>
#include <alcove/str.h>

#include "kafka/gen/field_ids.h"

enum { HANDSHAKE_VERSION = 1, AUTHENTICATE_VERSION = 2, LOGIN_ARENA_MAX = 1024 * 1024 };

static void
malformed(struct ups_link *l, const char *what)
{
	ups_link_fail(l, UPS_END_MALFORMED, "%s port %u: %s", l->state->host, (unsigned)l->state->port, what);
}

static void
refused(struct ups_link *l, const char *what, struct alv_str words)
{
	ups_link_fail(l, UPS_END_AUTH, "%s port %u: %s%s%.*s", l->state->host, (unsigned)l->state->port, what,
	    words.n == 0 ? "" : ": ", words.n > 160 ? 160 : (int)words.n, words.n == 0 ? "" : words.p);
}

/* Nothing that speaks against the broker. */
static void
our_trouble(struct ups_link *l, const char *what, enum alv_err err)
{
	if (l->state->reach != NULL)
		l->state->reach->ours = true;
	ups_link_fail(l, UPS_END_CONNECT, "%s: %s", what, alv_err_text(err));
}

static void
send_request(struct ups_link *l, const struct kfk_tree *t)
{
	struct alv_chain out;
	enum alv_err	 err;

	alv_chain_init(&out, l->ctx->net->pool);
	err = ups_msg_encode(t, ++l->state->correlation_id, &out);
	if (err)
		our_trouble(l, "the login cannot be sent", err);
	else
		net_stream_send(&l->stream, &out);
	alv_chain_clear(&out);
}

static void
send_token(struct ups_link *l, struct alv_str token, struct alv_arena *a)
{
	struct kfk_tree t;

	kfk_tree_init(&t, kfk_schema_find(KFK_API_SASL_AUTHENTICATE, KFK_REQUEST), AUTHENTICATE_VERSION, a);
	kfk_set_bytes(&t, &t.root, KFK_SASL_AUTHENTICATE_REQUEST_AUTH_BYTES, token);
	send_request(l, &t);
	kfk_tree_fini(&t);
}

void
ups_login_start(struct ups_link *l)
{
	const struct pol_upstream *conf = l->ctx->conf;
	struct alv_arena	   a;
	struct kfk_tree		   t;

	aut_client_init(&l->state->client, (enum aut_mechanism)conf->mechanism, alv_str_of(conf->username), conf->password);
	l->state->logging_in = true;
	alv_arena_init(&a, LOGIN_ARENA_MAX);
	kfk_tree_init(&t, kfk_schema_find(KFK_API_SASL_HANDSHAKE, KFK_REQUEST), HANDSHAKE_VERSION, &a);
	kfk_set_str(&t, &t.root, KFK_SASL_HANDSHAKE_REQUEST_MECHANISM,
	    alv_str_of(aut_mechanism_name((enum aut_mechanism)conf->mechanism)));
	send_request(l, &t);
	kfk_tree_fini(&t);
	alv_arena_fini(&a);
}

void
ups_login_fini(struct ups_link *l)
{
	if (!l->state->logging_in)
		return;
	l->state->logging_in = false;
	ups_salted_cancel(&l->state->salt);
	aut_client_fini(&l->state->client);
}

static void step(struct ups_link *l, enum aut_step what, struct alv_str token, struct alv_arena *a);

static void
salted(struct ups_salt_wait *w, const uint8_t *key)
{
	struct ups_link_state *st = ALV_HOLDER(w, struct ups_link_state, salt);
	struct alv_arena       a;
	struct alv_str	       token = ALV_STR_NULL;
	enum aut_step	       what;

	if (key != NULL)
		memcpy(st->client.salted, key, sizeof(st->client.salted));
	else
		st->client.iterations = 0;	/* resume refuses then */
	alv_arena_init(&a, LOGIN_ARENA_MAX);
	what = aut_client_resume(&st->client, &a, &token);
	step(st->link, what, token, &a);
	alv_arena_fini(&a);
}

/* The salted password is needed: it is known, being made, or now begun. */
static void
need_salted(struct ups_link *l, struct alv_arena *a)
{
	struct ups_link_state *st = l->state;
	struct alv_str	       token = ALV_STR_NULL;
	enum aut_step	       what;
	enum alv_err	       err;

	st->salt.done = salted;
	err = ups_salted_get(l->ctx, &st->client, &st->salt);
	if (err == ALV_E_AGAIN)
		return;
	if (err) {
		our_trouble(l, "the login waits for too much", err);
		return;
	}
	what = aut_client_resume(&st->client, a, &token);
	step(l, what, token, a);
}

/* What our side of the exchange said to do. */
static void
step(struct ups_link *l, enum aut_step what, struct alv_str token, struct alv_arena *a)
{
	switch (what) {
	case AUT_CONTINUE:
		send_token(l, token, a);
		break;
	case AUT_WORK:
		need_salted(l, a);
		break;
	case AUT_OK:
		l->state->proven = true;
		if (token.n > 0)
			send_token(l, token, a);
		else
			ups_link_enter_ready(l);
		break;
	case AUT_FAIL:
		refused(l, "the broker's part of the login is wrong",
		    alv_str_of(l->state->client.reason == NULL ? "" : l->state->client.reason));
		break;
	}
}

/* A session ends at the broker's time, also for what is on its way then: re-authentication is due well before, and not
 * for all links at once. */
static void
note_lifetime(struct ups_link *l, int64_t lifetime_ms)
{
	uint64_t now = net_loop_now(l->ctx->net->loop), percent;

	if (lifetime_ms <= 0)
		return;
	percent = 75 + alv_hash(&l, sizeof(l), now) % 15;
	l->reauth_at_us = now + (uint64_t)lifetime_ms * 10 * percent;
}

static void
handshake_answer(struct ups_link *l, const struct kfk_tree *t, struct alv_arena *a)
{
	int16_t		       code = (int16_t)kfk_get_int(t, &t->root, KFK_SASL_HANDSHAKE_RESPONSE_ERROR_CODE);
	const struct kfk_node *all = kfk_get(&t->root, KFK_SASL_HANDSHAKE_RESPONSE_MECHANISMS);
	struct alv_str	       offered = ALV_STR(""), token = ALV_STR_NULL;
	enum aut_step	       what;

	if (code == KFK_UNSUPPORTED_SASL_MECHANISM) {
		for (const struct kfk_node *m = all == NULL ? NULL : all->kids; m != NULL && offered.n < 100; m = m->next)
			offered = alv_arena_printf(a, "%.*s %.*s", ALV_STR_ARG(offered), ALV_STR_ARG(m->v.s));
		refused(l, "the broker does not take our SASL mechanism, it offers", offered);
		return;
	}
	if (code != 0) {
		refused(l, "the broker refused the SASL handshake", alv_str_of(kfk_code_name(code)));
		return;
	}
	l->state->step = UPS_TOKENS;
	what = aut_client_token(&l->state->client, ALV_STR_NULL, a, &token);
	step(l, what, token, a);
}

static void
token_answer(struct ups_link *l, const struct kfk_tree *t, struct alv_arena *a)
{
	int16_t	       code = (int16_t)kfk_get_int(t, &t->root, KFK_SASL_AUTHENTICATE_RESPONSE_ERROR_CODE);
	struct alv_str in, out = ALV_STR_NULL;
	enum aut_step  what;

	if (code != 0) {
		in = kfk_get_str(t, &t->root, KFK_SASL_AUTHENTICATE_RESPONSE_ERROR_MESSAGE);
		refused(l, "the broker refused the login", in.n > 0 ? in : alv_str_of(kfk_code_name(code)));
		return;
	}
	note_lifetime(l, kfk_get_int(t, &t->root, KFK_SASL_AUTHENTICATE_RESPONSE_SESSION_LIFETIME_MS));
	if (l->state->proven) {
		ups_link_enter_ready(l);
		return;
	}
	in = kfk_get_bytes(t, &t->root, KFK_SASL_AUTHENTICATE_RESPONSE_AUTH_BYTES);
	what = aut_client_token(&l->state->client, in, a, &out);
	step(l, what, out, a);
}

static void
answer(struct ups_link *l, struct alv_chain *frame)
{
	bool		 first = l->state->step == UPS_HANDSHAKE;
	int16_t		 key = first ? KFK_API_SASL_HANDSHAKE : KFK_API_SASL_AUTHENTICATE;
	int16_t		 version = first ? HANDSHAKE_VERSION : AUTHENTICATE_VERSION;
	struct alv_arena a;
	struct kfk_tree	 t;

	alv_arena_init(&a, LOGIN_ARENA_MAX);
	if (ups_msg_body(frame, key, version, l->state->correlation_id))
		malformed(l, "an answer to the login that was not asked for");
	else if (kfk_tree_decode(&t, kfk_schema_find(key, KFK_RESPONSE), version, frame, &a))
		malformed(l, "a malformed answer to the login");
	else {
		if (first)
			handshake_answer(l, &t, &a);
		else
			token_answer(l, &t, &a);
		kfk_tree_fini(&t);
	}
	alv_arena_fini(&a);
}

void
ups_login_data(struct ups_link *l)
{
	struct alv_chain frame;
	enum alv_err	 err;

	alv_chain_init(&frame, l->ctx->net->pool);
	err = ups_msg_take(&l->stream, UPS_LOGIN_FRAME_MAX, &frame);
	if (err == ALV_E_MORE && l->stream.in_eof)
		ups_link_fail(l, UPS_END_EOF, "%s port %u: the broker closed the connection during the login",
		    l->state->host, (unsigned)l->state->port);
	else if (err == ALV_E_LIMIT)
		malformed(l, "an oversized answer to the login: is this a Kafka broker's SASL port?");
	else if (err && err != ALV_E_MORE)
		our_trouble(l, "the login failed", err);
	else if (!err && l->state->salt.entry != NULL)
		malformed(l, "an answer to the login that was not asked for");
	else if (!err)
		answer(l, &frame);
	alv_chain_clear(&frame);
}
