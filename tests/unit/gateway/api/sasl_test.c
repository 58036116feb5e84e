/* Logins: who gets in, and that all who do not get the same bytes. */
#include "stage.h"

#include <alcove/clock.h>

#include "../authn/issuer.h"

static void
log_out(struct stage *s)
{
	s->conn.auth = API_AUTH_NONE;
	s->conn.user[0] = s->conn.principal[0] = '\0';
	s->conn.user_revision = 0;
}

static enum api_result
handshake(struct stage *s, int16_t version, const char *mechanism)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_SASL_HANDSHAKE, version);

	kfk_set_str(t, &t->root, KFK_SASL_HANDSHAKE_REQUEST_MECHANISM, alv_str_of(mechanism));
	return stage_send(s);
}

static int64_t
handshake_code(struct stage *s)
{
	struct kfk_tree *t = stage_client(s);

	return kfk_get_int(t, &t->root, KFK_SASL_HANDSHAKE_RESPONSE_ERROR_CODE);
}

/* Sends a PLAIN token and does the work that the crypto pool would do. */
static enum api_result
plain(struct stage *s, const char *user, const char *password)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_SASL_AUTHENTICATE, 1);
	char		 token[256];
	size_t		 n = 0;
	enum api_result	 r;

	token[n++] = '\0';
	memcpy(token + n, user, strlen(user) + 1);
	n += strlen(user) + 1;
	memcpy(token + n, password, strlen(password));
	n += strlen(password);
	kfk_set_bytes(t, &t->root, KFK_SASL_AUTHENTICATE_REQUEST_AUTH_BYTES, alv_str_make(token, n));
	r = stage_send(s);
	if (r != API_WAIT)
		return r;
	assert_int_equal(s->call.wait, API_WAIT_WORK);
	aut_server_work(s->conn.sasl);
	return api_resume(&s->call);
}

static int64_t
login_code(struct stage *s)
{
	struct kfk_tree *t = stage_client(s);

	return kfk_get_int(t, &t->root, KFK_SASL_AUTHENTICATE_RESPONSE_ERROR_CODE);
}

static void
a_login_by_plain(void **state)
{
	struct stage   s;
	enum met_close why;

	(void)state;
	stage_open(&s, NULL, 0);
	log_out(&s);
	assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
	assert_int_equal(handshake_code(&s), 0);
	assert_int_equal(s.conn.auth, API_AUTH_HANDSHAKE);
	assert_int_equal(plain(&s, "alice", STAGE_PASSWORD), API_ANSWER);
	assert_int_equal(login_code(&s), 0);
	assert_false(s.call.close_after);
	assert_int_equal(s.conn.auth, API_AUTH_DONE);
	assert_string_equal(s.conn.principal, "User:alice");
	assert_true(api_conn_check(&s.conn, &why));
	stage_close(&s);
}

/* The same answer, whatever was wrong. */
static void
failures_are_one_answer(void **state)
{
	static const struct { const char *user, *password; } cases[] = {
		{ "alice", "wrong" }, { "nobody", STAGE_PASSWORD }, { "acme/alice", STAGE_PASSWORD }, { "", STAGE_PASSWORD },
		{ "globex/alice", STAGE_PASSWORD },
	};
	char	     first[256], bytes[256];
	size_t	     n = 0;
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, NULL, 0);
		log_out(&s);
		assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
		assert_int_equal(plain(&s, cases[i].user, cases[i].password), API_ANSWER);
		assert_true(s.call.close_after);
		assert_int_equal(s.call.close, MET_CLOSE_AUTH_FAILED);
		assert_int_not_equal(s.conn.auth, API_AUTH_DONE);
		assert_true(s.call.out.n < sizeof(bytes) && alv_chain_peek(&s.call.out, 0, bytes, s.call.out.n));
		if (i == 0) {
			n = s.call.out.n;
			memcpy(first, bytes, n);
		}
		assert_int_equal(s.call.out.n, n);
		assert_memory_equal(bytes, first, n);
		assert_int_equal(login_code(&s), KFK_SASL_AUTHENTICATION_FAILED);
		stage_close(&s);
	}
}

static void
a_suspended_tenant_logs_nobody_in(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	log_out(&s);
	stage_tenant(&s, "acme", "acme-cluster-id-22char", POL_SUSPENDED, NULL, 0);
	assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
	assert_int_equal(plain(&s, "alice", STAGE_PASSWORD), API_ANSWER);
	assert_int_equal(login_code(&s), KFK_SASL_AUTHENTICATION_FAILED);
	stage_close(&s);
}

static void
mechanisms_that_are_off(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	log_out(&s);
	assert_int_equal(handshake(&s, 1, "SCRAM-SHA-256"), API_ANSWER);
	assert_true(s.call.close_after);
	assert_int_equal(handshake_code(&s), KFK_UNSUPPORTED_SASL_MECHANISM);
	t = stage_client(&s);
	assert_int_equal(stage_count(&t->root, KFK_SASL_HANDSHAKE_RESPONSE_MECHANISMS), 2);
	stage_close(&s);
}

static void
order_is_kept(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	log_out(&s);
	assert_int_equal(plain(&s, "alice", STAGE_PASSWORD), API_ANSWER);	/* no handshake */
	assert_int_equal(login_code(&s), KFK_ILLEGAL_SASL_STATE);
	assert_true(s.call.close_after);
	t = stage_begin(&s, KFK_API_METADATA, 9);
	assert_int_equal(stage_send(&s), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_AUTH_REQUIRED);
	assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
	assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
	assert_int_equal(handshake_code(&s), KFK_ILLEGAL_SASL_STATE);
	(void)t;
	stage_close(&s);
}

static void
bare_tokens_after_an_old_handshake(void **state)
{
	static const char good[] = "\0alice\0" STAGE_PASSWORD, bad[] = "\0alice\0wrong";
	static const struct { const char *token; size_t n; bool in; } cases[] = {
		{ good, sizeof(good) - 1, true }, { bad, sizeof(bad) - 1, false },
	};
	struct stage	s;
	enum api_result r;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, NULL, 0);
		log_out(&s);
		assert_int_equal(handshake(&s, 0, "PLAIN"), API_ANSWER);
		assert_true(s.conn.raw_sasl);
		(void)stage_begin(&s, 0, 0);
		r = api_raw_token(&s.call, alv_str_make(cases[i].token, cases[i].n));
		if (r == API_WAIT) {
			aut_server_work(s.conn.sasl);
			r = api_resume(&s.call);
		}
		assert_int_equal(r, cases[i].in ? API_ANSWER : API_CLOSE);
		assert_int_equal(s.conn.auth == API_AUTH_DONE, cases[i].in);
		assert_int_equal(s.conn.raw_sasl, !cases[i].in);
		if (cases[i].in)
			assert_true(s.call.raw);
		else
			assert_int_equal(s.call.close, MET_CLOSE_AUTH_FAILED);
		stage_close(&s);
	}
}

/* alice logged in by PLAIN, for ten seconds. */
static void
open_for_a_while(struct stage *s)
{
	stage_open(s, NULL, 0);
	s->conf.reauth_max_ms = 10000;
	s->conn.mechanism = AUT_PLAIN;
	s->conn.expires_us = s->worker.now_us + 10000 * 1000;
}

static void
a_new_login_keeps_the_identity(void **state)
{
	static const struct { const char *user, *password; bool ok; } cases[] = {
		{ "alice", STAGE_PASSWORD, true }, { "alice", "wrong", false }, { "nobody", STAGE_PASSWORD, false },
	};
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		open_for_a_while(&s);
		assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
		assert_int_equal(plain(&s, cases[i].user, cases[i].password), API_ANSWER);
		assert_int_equal(s.call.close_after, !cases[i].ok);
		assert_int_equal(login_code(&s), cases[i].ok ? 0 : KFK_SASL_AUTHENTICATION_FAILED);
		assert_string_equal(s.conn.user, "alice");
		stage_close(&s);
	}
	/* Another user of the same tenant with the right password is still not the same principal. */
	open_for_a_while(&s);
	snprintf(s.conn.user, sizeof(s.conn.user), "bob");
	assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
	assert_int_equal(plain(&s, "alice", STAGE_PASSWORD), API_ANSWER);
	assert_true(s.call.close_after);
	assert_int_equal(login_code(&s), KFK_SASL_AUTHENTICATION_FAILED);
	stage_close(&s);
}

static void
a_shared_port_takes_the_tenant_from_the_login(void **state)
{
	static const struct { const char *login, *tenant; } cases[] = {
		{ "globex/alice", "globex" }, { "acme/alice", "acme" }, { "alice", NULL }, { "nobody/alice", NULL },
		{ "/alice", NULL },
	};
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, NULL, 0);
		log_out(&s);
		s.listener.endpoint = POL_ENDPOINT_PORT;
		s.conn.tenant[0] = '\0';
		s.conn.slot = NULL;
		assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
		assert_int_equal(plain(&s, cases[i].login, STAGE_PASSWORD), API_ANSWER);
		if (cases[i].tenant == NULL) {
			assert_int_equal(login_code(&s), KFK_SASL_AUTHENTICATION_FAILED);
		} else {
			assert_int_equal(login_code(&s), 0);
			assert_string_equal(s.conn.tenant, cases[i].tenant);
			assert_string_equal(s.conn.principal, "User:alice");
			assert_ptr_equal(s.conn.slot, pol_dir_find(s.dir, alv_str_of(cases[i].tenant)));
		}
		stage_close(&s);
	}
}

static uint32_t
iterations_shown(struct stage *s, const char *login)
{
	struct aut_account a;

	log_out(s);
	assert_int_equal(handshake(s, 1, "SCRAM-SHA-512"), API_ANSWER);
	s->conn.sasl->lookup(s->conn.sasl->lookup_arg, alv_str_of(login), &a);
	api_sasl_forget(&s->conn);
	return a.scram[POL_SCRAM_SHA_512].iterations;
}

/* At a shared port a tenant that is nowhere shows users of the form that some tenant's have: else the form would tell which are there. */
static void
a_tenant_that_is_nowhere_looks_like_one(void **state)
{
	struct stage s;
	char	     login[32];
	size_t	     as_new = 0;

	(void)state;
	stage_open(&s, NULL, 0);
	s.listener.endpoint = POL_ENDPOINT_PORT;
	s.conn.tenant[0] = '\0';
	s.conf.scram_iterations = 9000;
	assert_int_equal(iterations_shown(&s, "acme/alice"), 4096);
	assert_int_equal(iterations_shown(&s, "acme/nobody"), 4096);
	for (int i = 0; i < 50; i++) {
		snprintf(login, sizeof(login), "t%d/alice", i);
		assert_int_equal(iterations_shown(&s, login), 4096);
	}
	assert_int_equal(iterations_shown(&s, "alice"), 4096);
	/* Of several it is one, and always the same. */
	assert_int_equal(pol_dir_publish(s.dir, ALV_STR("new"), pol_build(&(struct pol_parts){ .id = ALV_STR("new"), .state = POL_ACTIVE,
	    .cluster_id = "new-cluster-id-22chars" })), ALV_OK);
	for (int i = 0; i < 50; i++) {
		uint32_t shown;

		snprintf(login, sizeof(login), "t%d/alice", i);
		shown = iterations_shown(&s, login);
		assert_true(shown == 4096 || shown == 9000);
		assert_int_equal(iterations_shown(&s, login), shown);
		as_new += shown == 9000;
	}
	assert_in_range(as_new, 1, 49);
	stage_close(&s);
}

/* The key of alice's work in the pool, and its part. */
static uint64_t
share(struct stage *s, const char *login, const char *host, uint64_t *part)
{
	uint64_t key;

	log_out(s);
	snprintf(s->conn.host, sizeof(s->conn.host), "%s", host);
	assert_int_equal(handshake(s, 1, "PLAIN"), API_ANSWER);
	stage_begin(s, KFK_API_SASL_AUTHENTICATE, 1);
	s->conn.sasl->lookup(s->conn.sasl->lookup_arg, alv_str_of(login), &s->conn.sasl->account);
	s->conn.sasl->asked = true;
	api_login_share(&s->conn, &key, part);
	api_sasl_forget(&s->conn);
	return key;
}

/* A tenant whose users log in in crowds delays none that is at another host, nor most of those at a shared port; and whoever makes up
 * tenants there has no more turns than somebody who names one. */
static void
work_is_shared_by_tenant_and_address(void **state)
{
	uint64_t     acme, part[3], seen[100], key;
	size_t	     n = 0;
	char	     login[32];
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	acme = share(&s, "alice", "10.0.0.1", &part[0]);
	assert_int_equal(share(&s, "globex/alice", "10.0.0.2", &part[1]), acme);	/* the host says it */
	assert_int_not_equal(part[0], part[1]);
	snprintf(s.conn.tenant, sizeof(s.conn.tenant), "globex");
	assert_int_not_equal(share(&s, "alice", "10.0.0.1", &part[2]), acme);
	assert_int_equal(part[2], part[0]);
	s.listener.endpoint = POL_ENDPOINT_PORT;
	s.conn.tenant[0] = '\0';
	acme = share(&s, "acme/alice", "2a00::1", &part[0]);
	assert_int_equal(share(&s, "acme/nobody", "2a00::2", &part[1]), acme);
	assert_int_equal(part[0], part[1]);
	assert_int_not_equal(share(&s, "globex/alice", "2a00:0:0:1::1", &part[1]), acme);
	assert_int_not_equal(part[0], part[1]);
	for (int i = 0; i < 5000; i++) {
		size_t k = 0;

		snprintf(login, sizeof(login), "t%d/u", i);
		key = share(&s, login, "10.0.0.1", &part[0]);
		assert_int_not_equal(key, 0);	/* the gateway's own logins at brokers */
		while (k < n && seen[k] != key)
			k++;
		seen[k] = key;
		n += k == n;
		assert_true(n < ALV_COUNT(seen));
	}
	assert_in_range(n, 32, 64);
	stage_close(&s);
}

/* Answers to failed logins wait, by who and from where; the bytes are those of one that did not. */
static void
failures_are_answered_late(void **state)
{
	static const uint64_t want_ms[] = { 100, 200, 300, 300 };
	char	     first[256], bytes[256];
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	s.conf.failed_delay_ms = 100;
	s.conf.failed_delay_max_ms = 300;
	log_out(&s);
	assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
	assert_int_equal(plain(&s, "alice", "wrong"), API_ANSWER);	/* no table: never late */
	assert_true(s.call.out.n < sizeof(first) && alv_chain_peek(&s.call.out, 0, first, s.call.out.n));
	s.shared.delays = aut_delays_new();
	assert_non_null(s.shared.delays);
	for (size_t i = 0; i <= ALV_COUNT(want_ms); i++) {
		bool last = i == ALV_COUNT(want_ms);

		log_out(&s);
		assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
		assert_int_equal(plain(&s, "alice", last ? STAGE_PASSWORD : "wrong"), API_WAIT);
		assert_int_equal(s.call.wait, API_WAIT_TIME);
		assert_int_equal(s.call.due_us, s.worker.now_us + (last ? 300 : want_ms[i]) * 1000);
		assert_int_not_equal(s.conn.auth, API_AUTH_DONE);
		assert_int_equal(api_resume(&s.call), API_ANSWER);
		assert_true(s.call.out.n < sizeof(bytes) && alv_chain_peek(&s.call.out, 0, bytes, s.call.out.n));
		if (!last)
			assert_memory_equal(bytes, first, s.call.out.n);
		assert_int_equal(s.conn.auth == API_AUTH_DONE, last);
	}
	/* Somebody came in from here: the next one who does does not wait, however often others fail. */
	log_out(&s);
	assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
	assert_int_equal(plain(&s, "alice", "wrong"), API_WAIT);
	assert_int_equal(api_resume(&s.call), API_ANSWER);
	log_out(&s);
	assert_int_equal(handshake(&s, 1, "PLAIN"), API_ANSWER);
	assert_int_equal(plain(&s, "alice", STAGE_PASSWORD), API_ANSWER);
	assert_int_equal(login_code(&s), 0);
	aut_delays_free(s.shared.delays);
	stage_close(&s);
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

struct tokens {
	EVP_PKEY	  *key;
	struct pol_issuer  conf;
	struct pol_oauth   oauth;
	struct aut_source *source;
};

/* An issuer whose tokens are taken at the stage. */
static void
issue(struct stage *s, struct tokens *t)
{
	static const char *const audience[] = { "kafka" };
	struct alv_buf		 b;
	struct aut_keys		*k;
	const char		*why;

	*t = (struct tokens){ .key = make_key("EC", "P-256"), .source = aut_source_new(NULL, NULL) };
	t->conf = (struct pol_issuer){ .issuer = "https://id.test", .naudiences = 1, .audiences = audience, .user_claim = "sub",
		.groups_claim = "groups", .tenant_claim = "tenant" };
	t->oauth = (struct pol_oauth){ 1, &t->conf };
	alv_buf_init(&b, 4096);
	alv_buf_z(&b, "{\"keys\":[");
	add_jwk(&b, t->key, "");
	alv_buf_z(&b, "]}");
	assert_int_equal(aut_keys_parse(alv_str_make(b.p, b.n), &k, &why), ALV_OK);
	aut_source_set(t->source, k);
	alv_buf_fini(&b);
	s->conf.mechanisms[AUT_OAUTHBEARER] = true;
	s->shared.oauth = aut_oauth_new();
	aut_oauth_set(s->shared.oauth, aut_issuers_new(&t->oauth, &t->source));
}

static void
issue_no_more(struct stage *s, struct tokens *t)
{
	aut_oauth_free(s->shared.oauth);
	aut_source_put(t->source);
	EVP_PKEY_free(t->key);
}

static enum api_result
say(struct stage *s, const char *text)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_SASL_AUTHENTICATE, 2);
	enum api_result	 r;

	kfk_set_bytes(t, &t->root, KFK_SASL_AUTHENTICATE_REQUEST_AUTH_BYTES, alv_str_of(text));
	r = stage_send(s);
	if (r != API_WAIT)
		return r;
	aut_server_work(s->conn.sasl);
	return api_resume(&s->call);
}

/* -> the code of the last answer. */
static int64_t
by_token(struct stage *s, const struct tokens *t, const char *user, const char *tenant, const char *groups)
{
	char	       claims[256], text[2048];
	int64_t	       code;
	struct alv_buf b;

	snprintf(claims, sizeof(claims), "{\"iss\":\"https://id.test\",\"aud\":\"kafka\",\"sub\":\"%s\",\"tenant\":\"%s\",\"groups\":\"%s\",\"exp\":%llu}",
	    user, tenant, groups, (unsigned long long)(alv_wall_ms() / 1000 + 100));
	make_token(&b, "{\"alg\":\"ES256\"}", claims, t->key, "ES256");
	snprintf(text, sizeof(text), "n,,\x01" "auth=Bearer %s\x01job=nightly\x01\x01", (const char *)b.p);
	alv_buf_fini(&b);
	assert_int_equal(handshake(s, 1, "OAUTHBEARER"), API_ANSWER);
	assert_int_equal(handshake_code(s), 0);
	assert_int_equal(say(s, text), API_ANSWER);
	code = login_code(s);
	if (s->conn.sasl == NULL)
		return code;
	assert_int_equal(code, 0);
	assert_int_equal(say(s, "\x01"), API_ANSWER);
	assert_true(s->call.close_after);
	return login_code(s);
}

static bool
may_write_orders(struct stage *s)
{
	s->call.tenant = pol_slot_load(s->conn.slot);
	return api_may(&s->call, POL_OP_WRITE, POL_TOPIC, ALV_STR("orders"));
}

static void
a_tokens_user_need_not_be_there(void **state)
{
	static const struct pol_rule no[] = { { .resource = POL_TOPIC, .pattern = POL_LITERAL, .name = ALV_STR("orders"),
		.principal = ALV_STR("Group:interns"), .host = ALV_STR("*"), .op = POL_OP_WRITE, .permission = POL_DENY } };
	struct stage   s;
	struct tokens  t;
	enum met_close why;

	(void)state;
	stage_open(&s, no, 1);
	issue(&s, &t);
	log_out(&s);
	assert_int_equal(by_token(&s, &t, "ann", "acme", "ops interns"), 0);
	assert_string_equal(s.conn.principal, "User:ann");
	assert_true(api_conn_check(&s.conn, &why));
	assert_int_equal(s.conn.token->nextensions, 1);
	assert_true(s.conn.expires_us > s.worker.now_us + 90 * 1000000ull && s.conn.expires_us <= s.worker.now_us + 100 * 1000000ull);
	assert_false(may_write_orders(&s));
	/* Renewed by a token that says less of it: what was decided before counts no more. */
	assert_int_equal(by_token(&s, &t, "ann", "acme", "ops"), 0);
	assert_true(may_write_orders(&s));
	s.worker.now_us += 2000000;
	assert_int_equal(by_token(&s, &t, "bob", "acme", "ops"), KFK_SASL_AUTHENTICATION_FAILED);	/* another one's */
	issue_no_more(&s, &t);
	stage_close(&s);
}

static void
who_is_no_users_is_still_its_tenants(void **state)
{
	static const struct { const char *user, *tenant; enum pol_tenant_state state; int64_t code; } cases[] = {
		{ "ann", "acme", POL_ACTIVE, 0 }, { "alice", "acme", POL_ACTIVE, 0 }, { "ann", "globex", POL_ACTIVE, KFK_SASL_AUTHENTICATION_FAILED },
		{ "ann", "acme", POL_SUSPENDED, KFK_SASL_AUTHENTICATION_FAILED }, { "ann", "nowhere", POL_ACTIVE, KFK_SASL_AUTHENTICATION_FAILED },
		{ "ann", "acme", POL_DELETED, KFK_SASL_AUTHENTICATION_FAILED },
	};
	struct stage  s;
	struct tokens t;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		stage_open(&s, NULL, 0);
		issue(&s, &t);
		log_out(&s);
		stage_tenant(&s, "acme", "acme-cluster-id-22char", cases[i].state, NULL, 0);
		assert_int_equal(by_token(&s, &t, cases[i].user, cases[i].tenant, ""), cases[i].code);
		assert_int_equal(s.conn.auth == API_AUTH_DONE, cases[i].code == 0);
		issue_no_more(&s, &t);
		stage_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_are_answered_late),
		cmocka_unit_test(a_login_by_plain),
		cmocka_unit_test(failures_are_one_answer),
		cmocka_unit_test(a_suspended_tenant_logs_nobody_in),
		cmocka_unit_test(mechanisms_that_are_off),
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(bare_tokens_after_an_old_handshake),
		cmocka_unit_test(a_new_login_keeps_the_identity),
		cmocka_unit_test(a_shared_port_takes_the_tenant_from_the_login),
		cmocka_unit_test(a_tenant_that_is_nowhere_looks_like_one),
		cmocka_unit_test(work_is_shared_by_tenant_and_address),
		cmocka_unit_test(a_tokens_user_need_not_be_there),
		cmocka_unit_test(who_is_no_users_is_still_its_tenants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
