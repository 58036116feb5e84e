/* How long a login lasts, by a clock that only the test moves, and what a renewal leaves behind. */
#include "session_stage.h"

enum { SECOND = 1000 * 1000 };

static enum api_result
handshake(struct stage *s, const char *mechanism)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_SASL_HANDSHAKE, 1);

	kfk_set_str(t, &t->root, KFK_SASL_HANDSHAKE_REQUEST_MECHANISM, alv_str_of(mechanism));
	return stage_send(s);
}

static int64_t
handshake_code(struct stage *s)
{
	struct kfk_tree *t = stage_client(s);

	return kfk_get_int(t, &t->root, KFK_SASL_HANDSHAKE_RESPONSE_ERROR_CODE);
}

static enum api_result
authenticate(struct stage *s, int16_t version)
{
	static const char token[] = "\0alice\0" STAGE_PASSWORD;
	struct kfk_tree	 *t = stage_begin(s, KFK_API_SASL_AUTHENTICATE, version);
	enum api_result	  r;

	kfk_set_bytes(t, &t->root, KFK_SASL_AUTHENTICATE_REQUEST_AUTH_BYTES, alv_str_make(token, sizeof(token) - 1));
	r = stage_send(s);
	if (r != API_WAIT)
		return r;
	aut_server_work(s->conn.sasl);
	return api_resume(&s->call);
}

static int64_t
authenticated(struct stage *s, uint16_t field)
{
	struct kfk_tree *t = stage_client(s);

	return kfk_get_int(t, &t->root, field);
}

static int64_t
life(struct stage *s, int16_t version)
{
	assert_int_equal(authenticate(s, version), API_ANSWER);
	assert_int_equal(authenticated(s, KFK_SASL_AUTHENTICATE_RESPONSE_ERROR_CODE), 0);
	assert_int_equal(s->conn.auth, API_AUTH_DONE);
	return version == 0 ? 0 : authenticated(s, KFK_SASL_AUTHENTICATE_RESPONSE_SESSION_LIFETIME_MS);
}

static enum api_result
anything_else(struct stage *s)
{
	(void)stage_begin(s, KFK_API_METADATA, 9);
	return stage_send(s);
}

/* A first login by PLAIN where sessions last so long. */
static void
log_in(struct stage *s, uint32_t max_ms)
{
	stage_open(s, NULL, 0);
	s->conf.reauth_max_ms = max_ms;
	s->conn.auth = API_AUTH_NONE;
	s->conn.user[0] = '\0';
	assert_int_equal(handshake(s, "PLAIN"), API_ANSWER);
	assert_int_equal(life(s, 2), max_ms);
}

static void
without_an_end_there_is_nothing_to_renew(void **state)
{
	struct stage s;

	(void)state;
	log_in(&s, 0);
	s.worker.now_us += 1000ull * 3600 * SECOND;
	assert_int_equal(anything_else(&s), API_FORWARD);
	assert_int_equal(handshake(&s, "PLAIN"), API_ANSWER);
	assert_int_equal(handshake_code(&s), KFK_ILLEGAL_SASL_STATE);
	assert_false(s.call.close_after);
	assert_int_equal(authenticate(&s, 2), API_ANSWER);
	assert_int_equal(authenticated(&s, KFK_SASL_AUTHENTICATE_RESPONSE_ERROR_CODE), KFK_ILLEGAL_SASL_STATE);
	assert_false(s.call.close_after);
	assert_int_equal(anything_else(&s), API_FORWARD);
	stage_close(&s);
}

static void
the_first_request_after_the_end_closes(void **state)
{
	struct stage s;

	(void)state;
	log_in(&s, 10000);
	s.worker.now_us += 10 * SECOND - 1;
	assert_int_equal(anything_else(&s), API_FORWARD);
	s.worker.now_us += 1;
	assert_int_equal(anything_else(&s), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_SESSION_EXPIRED);
	assert_int_equal(authenticate(&s, 2), API_CLOSE);	/* no handshake before it */
	assert_int_equal(s.call.close, MET_CLOSE_SESSION_EXPIRED);
	/* It is not too late for a renewal. */
	assert_int_equal(handshake(&s, "PLAIN"), API_ANSWER);
	assert_int_equal(handshake_code(&s), 0);
	assert_int_equal(life(&s, 2), 10000);
	assert_int_equal(anything_else(&s), API_FORWARD);
	stage_close(&s);
}

static void
not_twice_within_a_second(void **state)
{
	struct stage s;

	(void)state;
	log_in(&s, 10000);
	assert_int_equal(handshake(&s, "PLAIN"), API_ANSWER);	/* right after the first login, as brokers allow */
	assert_int_equal(life(&s, 1), 10000);
	s.worker.now_us += SECOND - 1;
	assert_int_equal(handshake(&s, "PLAIN"), API_ANSWER);
	assert_int_equal(handshake_code(&s), KFK_ILLEGAL_SASL_STATE);
	assert_false(s.call.close_after);
	assert_int_equal(anything_else(&s), API_FORWARD);
	s.worker.now_us += 1;
	assert_int_equal(handshake(&s, "PLAIN"), API_ANSWER);
	assert_int_equal(handshake_code(&s), 0);
	assert_int_equal(life(&s, 0), 0);	/* the oldest form cannot tell, and it counts all the same */
	s.worker.now_us += 10 * SECOND;
	assert_int_equal(anything_else(&s), API_CLOSE);
	stage_close(&s);
	/* Too soon, and over: there is nothing left that could go on. */
	log_in(&s, 500);
	assert_int_equal(handshake(&s, "PLAIN"), API_ANSWER);
	assert_int_equal(life(&s, 1), 500);
	s.worker.now_us += SECOND / 2;
	assert_int_equal(handshake(&s, "PLAIN"), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_SESSION_EXPIRED);
	stage_close(&s);
}

static void
nothing_between_handshake_and_token(void **state)
{
	struct stage s;

	(void)state;
	log_in(&s, 10000);
	assert_int_equal(handshake(&s, "PLAIN"), API_ANSWER);
	assert_int_equal(anything_else(&s), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_AUTH_REQUIRED);
	assert_int_equal(handshake(&s, "PLAIN"), API_ANSWER);	/* a second one */
	assert_int_equal(handshake_code(&s), KFK_ILLEGAL_SASL_STATE);
	assert_true(s.call.close_after);
	stage_close(&s);
}

static void
by_the_same_mechanism(void **state)
{
	struct stage s;

	(void)state;
	log_in(&s, 10000);
	s.conn.mechanism = AUT_SCRAM_SHA_512;
	assert_int_equal(handshake(&s, "PLAIN"), API_ANSWER);
	assert_int_equal(handshake_code(&s), 0);
	assert_int_equal(authenticate(&s, 2), API_ANSWER);
	assert_int_equal(authenticated(&s, KFK_SASL_AUTHENTICATE_RESPONSE_ERROR_CODE), KFK_SASL_AUTHENTICATION_FAILED);
	assert_true(s.call.close_after);
	stage_close(&s);
}

/* What is left of a credential, and the option: the shorter one. */
static void
the_shorter_life_counts(void **state)
{
	static const struct { uint32_t max_ms; bool ends; uint64_t rest_ms; int64_t told; } cases[] = {
		{ 0, false, 0, 0 }, { 5000, false, 0, 5000 }, { 0, true, 7000, 7000 }, { 5000, true, 7000, 5000 },
		{ 9000, true, 7000, 7000 },
		{ 0, true, 253402300799000, 3155760000000 },	/* "for good", as issuers write it: 9999-12-31 */
		{ 5000, true, 253402300799000, 5000 }, { 0, true, 0, 0 },
	};
	struct stage	   s;
	struct aut_account a = { .known = true };
	enum met_close	   why;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		s.conf.reauth_max_ms = cases[i].max_ms;
		a.ends = cases[i].ends;
		a.rest_ms = cases[i].rest_ms;
		assert_int_equal(api_reauth_done(&s.conn, &a), cases[i].told);
		if (cases[i].told == 0 && !cases[i].ends)
			assert_int_equal(s.conn.expires_us, 0);
		else
			assert_int_equal(s.conn.expires_us, s.worker.now_us + (uint64_t)cases[i].told * 1000);
	}
	/* A credential that has just ended is no endless one. */
	assert_false(api_reauth_lets(&s.conn, KFK_API_METADATA, &why));
	assert_int_equal(why, MET_CLOSE_SESSION_EXPIRED);
	stage_close(&s);
}

/* Whose rights were told by the login before them are asked for anew: also where no snapshot changed. */
static void
no_verdict_outlives_the_login(void **state)
{
	struct stage s;
	int64_t	     id;

	(void)state;
	log_in(&s, 10000);
	id = open_one(&s, BY_ID, UP);
	(void)ask(&s, BY_ID, id, 1);
	(void)goes(&s, UP, 1, 0, 0);
	assert_int_equal(answered(&s, UP, 0), id);
	assert_true(s.conn.who.build != 0);
	assert_true(s.conn.sessions != NULL);
	assert_int_equal(api_session_find(&s.conn, id)->revision, 1);
	assert_int_equal(handshake(&s, "PLAIN"), API_ANSWER);
	assert_int_equal(life(&s, 2), 10000);
	assert_int_equal(s.conn.who.build, 0);
	assert_true(api_session_find(&s.conn, id)->revision != 1);
	(void)ask(&s, BY_ID, id, 2);
	(void)goes(&s, UP, 2, 0, 0);	/* judged anew, and still allowed */
	assert_int_equal(api_session_find(&s.conn, id)->revision, 1);
	assert_int_equal(answered(&s, UP, 0), id);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_end_there_is_nothing_to_renew),
		cmocka_unit_test(the_first_request_after_the_end_closes),
		cmocka_unit_test(not_twice_within_a_second),
		cmocka_unit_test(nothing_between_handshake_and_token),
		cmocka_unit_test(by_the_same_mechanism),
		cmocka_unit_test(the_shorter_life_counts),
		cmocka_unit_test(no_verdict_outlives_the_login),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
