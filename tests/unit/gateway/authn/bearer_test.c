/* OAUTHBEARER's texts and the exchange: what is read, what is refused, and that every refusal of a token is the same. */
#include "issuer.h"

#include <alcove/clock.h>

#include "authn/bearer.h"
#include "authn/jws.h"

#define A "\x01"

/* ---- texts ------------------------------------------------------------------------------------------ */

static void
well_formed(void **state)
{
	static const struct { const char *text, *authzid, *token; size_t n; const char *last; } cases[] = {
		{ "n,," A "auth=Bearer a.b.c" A A, "", "a.b.c", 0, NULL },
		{ "y,," A "auth=bearer   a-b_c.d" A A, "", "a-b_c.d", 0, NULL },
		{ "n,a=ann," A "auth=BEARER x" A A, "ann", "x", 0, NULL },
		{ "n,a=a=2Cb=3Dc," A "auth=Bearer x" A A, "a,b=c", "x", 0, NULL },
		{ "n,," A "auth=Bearer x" A "job=nightly" A "Trace=1 2\t3" A A, "", "x", 2, "1 2\t3" },
		{ "n,," A "job=nightly" A "auth=Bearer x" A A, "", "x", 1, "nightly" },
		{ "n,," A "host=server.example.com" A "port=143" A "auth=Bearer x" A A, "", "x", 2, "143" },
	};
	struct aut_bearer_said s;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		assert_null(aut_bearer_read(alv_str_of(cases[i].text), &s));
		assert_true(alv_str_eqz(s.authzid, cases[i].authzid) && alv_str_eqz(s.token, cases[i].token));
		assert_int_equal(s.nextensions, cases[i].n);
		if (cases[i].n > 0)
			assert_true(alv_str_eqz(s.extension[cases[i].n - 1].value, cases[i].last));
	}
}

static void
malformed(void **state)
{
	static const char *const texts[] = {
		"", "n", "n,,", "n,," A, "n,," A A, "n,," A "auth=Bearer x", "n,," A "auth=Bearer x" A, "p=tls,," A "auth=Bearer x" A A,
		"n,auth=Bearer x" A A, "n,a=," A "auth=Bearer x" A A, "n,b=x," A "auth=Bearer x" A A, "n,a=x=2," A "auth=Bearer x" A A,
		"n,," A "auth=Bearer x" A A A, "n,," A "auth=Bearer x" A A "more", "n,," A "auth=Basic x" A A, "n,," A "auth=Bearer" A A,
		"n,," A "auth=Bearer " A A, "n,," A "auth=Bearer x y" A A, "n,," A "auth=Bearer a+b/c=" A A, "n,," A "auth=Bearerx" A A,
		"n,," A "auth=Bearer x" A "auth=Bearer x" A A, "n,," A "auth=Bearer x" A "job=a" A "job=b" A A, "n,," A "auth=Bearer x" A "j0b=a" A A,
		"n,," A "auth=Bearer x" A "job=" A A, "n,," A "auth=Bearer x" A "=a" A A, "n,," A "auth=Bearer x" A "job=\x7f" A A,
		"n,," A "auth=Bearer x" A "job=\x02" A A, "n,," A "job=a" A A, "n,a=\xff," A "auth=Bearer x" A A,
	};
	struct aut_bearer_said s;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(texts); i++)
		assert_non_null(aut_bearer_read(alv_str_of(texts[i]), &s));
	assert_non_null(aut_bearer_read(alv_str_make("n,," A "auth=Bearer x\0y" A A, 22), &s));
}

static void
bounded(void **state)
{
	struct aut_bearer_said s;
	struct alv_buf	       b;

	(void)state;
	for (int n = AUT_EXTENSIONS_MAX; n <= AUT_EXTENSIONS_MAX + 1; n++) {
		alv_buf_init(&b, 1 << 16);
		alv_buf_z(&b, "n,," A "auth=Bearer x" A);
		for (int i = 0; i < n; i++)
			alv_buf_printf(&b, "%c=1" A, 'a' + i);
		alv_buf_z(&b, A);
		assert_int_equal(aut_bearer_read(alv_str_make(b.p, b.n), &s) == NULL, n == AUT_EXTENSIONS_MAX);
		alv_buf_fini(&b);
	}
	for (int n = AUT_EXTENSIONS_BYTES - 1; n <= AUT_EXTENSIONS_BYTES; n++) {
		alv_buf_init(&b, 1 << 16);
		alv_buf_printf(&b, "n,," A "auth=Bearer x" A "a=%0*d" A A, n, 0);
		assert_int_equal(aut_bearer_read(alv_str_make(b.p, b.n), &s) == NULL, n < AUT_EXTENSIONS_BYTES);
		alv_buf_fini(&b);
	}
}

/* ---- the exchange --------------------------------------------------------------------------------------- */

struct world {
	EVP_PKEY	   *key;
	struct pol_issuer   conf;
	struct pol_oauth    oauth;
	struct aut_source  *source, *late;
	int		    wanted;
	struct aut_oauth   *known;
	bool		    lets;
	int		    asked;
};
static struct world w;

static void
nobody(void *arg, struct alv_str login, struct aut_account *a)
{
	(void)arg;
	(void)login;
	(void)a;
	fail_msg("tokens have no account");
}

static bool
lets(void *arg, struct alv_str tenant, struct alv_str user)
{
	struct world *x = arg;

	x->asked++;
	assert_true(alv_str_eqz(tenant, "acme") && alv_str_eqz(user, "ann"));
	return x->lets;
}

static int
set_up(void **state)
{
	static const char *const audience[] = { "kafka" }, *const tenant[] = { "acme" };
	struct alv_buf		 b;
	struct aut_keys		*k;
	const char		*why;

	(void)state;
	w = (struct world){ .key = make_key("EC", "P-256"), .lets = true };
	w.conf = (struct pol_issuer){ .issuer = "https://id.test", .naudiences = 1, .audiences = audience, .user_claim = "sub",
		.ntenants = 1, .tenants = tenant };
	w.oauth = (struct pol_oauth){ 1, &w.conf };
	w.source = aut_source_new(NULL, NULL);
	alv_buf_init(&b, 4096);
	alv_buf_z(&b, "{\"keys\":[");
	add_jwk(&b, w.key, ",\"kid\":\"k\"");
	alv_buf_z(&b, "]}");
	assert_int_equal(aut_keys_parse(alv_str_make(b.p, b.n), &k, &why), ALV_OK);
	aut_source_set(w.source, k);
	alv_buf_fini(&b);
	w.known = aut_oauth_new();
	aut_oauth_set(w.known, aut_issuers_new(&w.oauth, &w.source));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	aut_oauth_free(w.known);
	aut_source_put(w.source);
	EVP_PKEY_free(w.key);
	return 0;
}

/* head, a token that is good for `seconds`, tail. */
static void
message(struct alv_buf *b, const char *head, int64_t seconds, const char *tail)
{
	struct alv_buf t;
	char	       claims[256];

	snprintf(claims, sizeof(claims), "{\"iss\":\"https://id.test\",\"aud\":\"kafka\",\"sub\":\"ann\",\"exp\":%lld}",
	    (long long)(alv_wall_ms() / 1000) + (long long)seconds);
	make_token(&t, "{\"alg\":\"ES256\",\"kid\":\"k\"}", claims, w.key, "ES256");
	alv_buf_init(b, 1 << 16);
	alv_buf_printf(b, "%s" A "auth=Bearer %s%s", head, (const char *)t.p, tail);
	alv_buf_fini(&t);
}

/* Up to what comes after the work. */
static enum aut_step
exchange(struct aut_server *s, const struct alv_buf *b, const char *endpoint, struct alv_arena *a, struct alv_str *out)
{
	aut_server_init(s, AUT_OAUTHBEARER, nobody, &w);
	assert_int_equal(aut_server_bearer(s, w.known, alv_str_of(endpoint), lets), ALV_OK);
	assert_int_equal(aut_server_token(s, alv_str_make(b->p, b->n), a, out), AUT_WORK);
	assert_int_equal(out->n, 0);
	aut_server_work(s);
	assert_int_equal(s->password.n, 0);	/* the token is gone */
	return aut_server_resume(s, a, out);
}

static void
a_good_token(void **state)
{
	struct aut_server  s;
	struct aut_claims *c;
	struct alv_arena   a;
	struct alv_buf	   b;
	struct alv_str	   out;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	message(&b, "n,a=ann,", 100, A "job=nightly" A A);
	assert_int_equal(exchange(&s, &b, "", &a, &out), AUT_OK);
	assert_int_equal(out.n, 0);
	assert_string_equal(s.account.tenant, "acme");
	assert_string_equal(s.account.user, "ann");
	assert_true(s.account.known && s.account.ends && s.account.rest_ms > 90000 && s.account.rest_ms <= 100000);
	c = aut_server_claims(&s);
	assert_int_equal(c->nextensions, 1);
	assert_true(alv_str_eqz(c->extensions[0].name, "job") && alv_str_eqz(c->extensions[0].value, "nightly"));
	assert_null(aut_server_claims(&s));
	aut_server_fini(&s);
	alv_buf_fini(&b);
	assert_true(alv_str_eqz(c->user, "ann"));	/* it outlives the exchange */
	aut_claims_free(c);
	alv_arena_fini(&a);
}

/* Whatever is wrong: Kafka's words, then one more message of any kind, then the end, with the same words. */
static void
every_refusal_is_the_same(void **state)
{
	static const char words[] = "{\"status\":\"invalid_token\"}";
	static const struct { const char *head; int64_t seconds; const char *endpoint; bool lets, known; const char *reply, *reason; } cases[] = {
		{ "n,,", -100, "acme", true, true, "\x01", "expired" },
		{ "n,,", 100, "globex", true, true, "\x01", "not this tenant's" },
		{ "n,,", 100, "acme", false, true, "\x01", "not active" },
		{ "n,a=bob,", 100, "acme", true, true, "\x01", "authorization identity" },
		{ "n,,", 100, "acme", true, false, "\x01", "no issuer" },
		{ "n,,", -100, "acme", true, true, "n,," A "auth=Bearer x" A A, "expired" },
	};
	struct aut_oauth   *all = w.known;
	struct aut_server   s;
	struct alv_arena    a;
	struct alv_buf	    b;
	struct alv_str	    out;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		w.lets = cases[i].lets;
		w.known = cases[i].known ? all : NULL;
		message(&b, cases[i].head, cases[i].seconds, A A);
		assert_int_equal(exchange(&s, &b, cases[i].endpoint, &a, &out), AUT_CONTINUE);
		assert_true(alv_str_eqz(out, words));
		assert_int_equal(aut_server_token(&s, alv_str_of(cases[i].reply), &a, &out), AUT_FAIL);
		assert_int_equal(out.n, 0);
		assert_string_equal(s.told, words);
		assert_non_null(strstr(s.reason, cases[i].reason));
		assert_int_equal(s.fault, cases[i].lets ? ALV_LOGIN_TOKEN : ALV_LOGIN_UNKNOWN);
		assert_int_equal(aut_server_token(&s, alv_str_of(cases[i].reply), &a, &out), AUT_FAIL);
		aut_server_fini(&s);
		alv_buf_fini(&b);
	}
	w.lets = true;
	w.known = all;
	alv_arena_fini(&a);
}

static void
what_is_no_message_fails_at_once(void **state)
{
	static const struct { const char *text; size_t n; } cases[] = { { "", 0 }, { "\x01", 1 }, { "n,," A A, 5 }, { "\0ann\0x", 6 } };
	struct aut_server s;
	struct alv_arena  a;
	struct alv_buf	  b;
	struct alv_str	  out;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		aut_server_init(&s, AUT_OAUTHBEARER, nobody, &w);
		assert_int_equal(aut_server_bearer(&s, NULL, ALV_STR("acme"), lets), ALV_OK);
		assert_int_equal(aut_server_token(&s, alv_str_make(cases[i].text, cases[i].n), &a, &out), AUT_FAIL);
		assert_int_equal(out.n, 0);
		assert_null(s.told);
		aut_server_fini(&s);
	}
	/* As long as may be, and longer; longer than passwords may be in any case. */
	for (int n = AUT_BEARER_MAX; n <= AUT_BEARER_MAX + 1; n++) {
		alv_buf_init(&b, 1 << 16);
		alv_buf_printf(&b, "n,," A "auth=Bearer %0*d" A A, n - 18, 0);
		assert_int_equal(b.n, n);
		aut_server_init(&s, AUT_OAUTHBEARER, nobody, &w);
		assert_int_equal(aut_server_bearer(&s, NULL, ALV_STR("acme"), lets), ALV_OK);
		assert_int_equal(aut_server_token(&s, alv_str_make(b.p, b.n), &a, &out), n <= AUT_BEARER_MAX ? AUT_WORK : AUT_FAIL);
		aut_server_fini(&s);
		alv_buf_fini(&b);
	}
	alv_arena_fini(&a);
}

/* ---- keys that come late ---------------------------------------------------------------------------------- */

struct waiter {
	struct aut_wait wait;
	int		done;
};

static void
on_done(struct aut_wait *x)
{
	ALV_HOLDER(x, struct waiter, wait)->done++;
}

static void
on_wanted(void *arg)
{
	struct world *x = arg;

	x->wanted++;
}

/* The issuer has this key only, under that name. */
static void
show_key(const char *more)
{
	struct alv_buf	 b;
	struct aut_keys *k;
	const char	*why;

	alv_buf_init(&b, 4096);
	alv_buf_z(&b, "{\"keys\":[");
	add_jwk(&b, w.key, more);
	alv_buf_z(&b, "]}");
	assert_int_equal(aut_keys_parse(alv_str_make(b.p, b.n), &k, &why), ALV_OK);
	aut_source_set(w.late, k);
	alv_buf_fini(&b);
}

static void
begin_late(struct aut_server *s, struct alv_arena *a, struct alv_str *out)
{
	struct alv_buf b;

	message(&b, "n,,", 100, A A);
	aut_server_init(s, AUT_OAUTHBEARER, nobody, &w);
	assert_int_equal(aut_server_bearer(s, w.known, ALV_STR("acme"), lets), ALV_OK);
	assert_int_equal(aut_server_token(s, alv_str_make(b.p, b.n), a, out), AUT_WORK);
	alv_buf_fini(&b);
	aut_server_work(s);
}

static void
a_key_that_is_not_there_is_waited_for(void **state)
{
	struct waiter	  x = { .wait.done = on_done };
	struct aut_oauth *before = w.known;
	struct aut_server s;
	struct alv_arena  a;
	struct alv_str	  out;

	(void)state;
	alv_arena_init(&a, 1 << 16);
	w.late = aut_source_new(on_wanted, &w);
	w.known = aut_oauth_new();
	aut_oauth_set(w.known, aut_issuers_new(&w.oauth, &w.late));
	/* It comes. */
	begin_late(&s, &a, &out);
	assert_int_equal(w.wanted, 1);
	assert_true(aut_server_lacks(&s));
	assert_true(aut_server_waits(&s, &x.wait));
	assert_int_equal(x.done, 0);
	show_key(",\"kid\":\"k\"");
	aut_source_asked(w.late);
	assert_int_equal(x.done, 1);
	aut_server_work(&s);
	assert_false(aut_server_lacks(&s));
	assert_int_equal(s.password.n, 0);
	assert_int_equal(aut_server_resume(&s, &a, &out), AUT_OK);
	aut_server_fini(&s);
	/* It does not: nobody waits twice. */
	show_key(",\"kid\":\"other\"");
	begin_late(&s, &a, &out);
	assert_true(aut_server_lacks(&s) && aut_server_waits(&s, &x.wait));
	aut_source_asked(w.late);
	assert_int_equal(x.done, 2);
	aut_server_work(&s);
	assert_false(aut_server_lacks(&s));
	assert_int_equal(s.password.n, 0);
	assert_int_equal(aut_server_resume(&s, &a, &out), AUT_CONTINUE);
	aut_server_fini(&s);
	/* It came between the work and the wait. */
	begin_late(&s, &a, &out);
	show_key(",\"kid\":\"k\"");
	aut_source_asked(w.late);
	assert_true(aut_server_lacks(&s) && aut_server_waits(&s, &x.wait));
	assert_int_equal(x.done, 3);
	aut_server_work(&s);
	assert_int_equal(aut_server_resume(&s, &a, &out), AUT_OK);
	aut_server_fini(&s);
	/* Nobody will ask. */
	show_key(",\"kid\":\"other\"");
	begin_late(&s, &a, &out);
	aut_source_mute(w.late);
	assert_false(aut_server_waits(&s, &x.wait));
	assert_int_equal(aut_server_resume(&s, &a, &out), AUT_CONTINUE);
	assert_int_equal(s.password.n, 0);
	aut_server_fini(&s);
	assert_int_equal(x.done, 3);
	aut_oauth_free(w.known);
	aut_source_put(w.late);
	w.known = before;
	alv_arena_fini(&a);
}

static void
few_wait(void **state)
{
	enum { MAX = 64 };
	struct waiter	   x[MAX + 1];
	struct aut_source *s = aut_source_new(on_wanted, &w);

	(void)state;
	for (size_t i = 0; i <= MAX; i++) {
		x[i] = (struct waiter){ .wait.done = on_done };
		assert_int_equal(aut_source_wait(s, &x[i].wait, 0), i < MAX);
	}
	aut_source_mute(s);
	for (size_t i = 0; i <= MAX; i++)
		assert_int_equal(x[i].done, i < MAX);
	aut_source_put(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed),
		cmocka_unit_test(malformed),
		cmocka_unit_test(bounded),
		cmocka_unit_test(a_good_token),
		cmocka_unit_test(every_refusal_is_the_same),
		cmocka_unit_test(what_is_no_message_fails_at_once),
		cmocka_unit_test(a_key_that_is_not_there_is_waited_for),
		cmocka_unit_test(few_wait),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
