/* SCRAM by the examples of RFC 7677 and by Python's hashlib (SHA-512), server against client, and what strangers send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/base64.h>

#include "authn/scram.h"

struct world {
	struct pol_scram keys[POL_MECHANISMS];
	bool		 known;
	int		 lookups;
	char		 asked[AUT_LOGIN_MAX + 1];
};

static void
look(void *arg, struct alv_str login, struct aut_account *a)
{
	struct world *w = arg;

	w->lookups++;
	memcpy(w->asked, login.p, login.n);
	w->asked[login.n] = '\0';
	aut_account_nobody(a, NULL, ALV_STR("acme"), login, ALV_STR("secret"), 4096);
	if (!w->known)
		return;
	for (int m = 0; m < POL_MECHANISMS; m++) {
		if (w->keys[m].present) {
			a->scram[m] = w->keys[m];
			a->fake[m] = false;
		}
	}
	a->known = true;
}

static struct pol_scram
keys_of(enum pol_mechanism m, const char *password, const char *salt_text)
{
	struct pol_scram k = { .salt_n = 0 };
	size_t		 n;

	assert_int_equal(alv_base64_decode(alv_str_of(salt_text), k.salt, sizeof(k.salt), &n), ALV_OK);
	k.salt_n = (uint8_t)n;
	assert_int_equal(aut_scram_make(m, alv_str_of(password), 4096, &k), ALV_OK);
	return k;
}

struct example {
	enum aut_mechanism mechanism;
	const char *user, *salt, *client_nonce, *server_nonce;
	const char *client_first, *server_first, *client_final, *server_final;
};
static const struct example examples[] = {
	{ AUT_SCRAM_SHA_256, "user", "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
	{ AUT_SCRAM_SHA_512, "us,er", "MDEyMzQ1Njc4OWFiY2RlZg==", "abcdefgh", "ABCDEFGH",
	    "n,,n=us=2Cer,r=abcdefgh",
	    "r=abcdefghABCDEFGH,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096",
	    "c=biws,r=abcdefghABCDEFGH,p=dnujEX4FsrLe+hoSDsa2fv99EF4OMz0MWk5eU2e7Ewj+VVIYnvu7IJMZHbOblibgE7UW8YcuuxfLKzEt"
	    "ypGqpQ==",
	    "v=+mXpuVkE4Z83Dc7bFVjehEFuGGIBV3ZsND30sF8yfimFxwXgqvA8lLQstUrZTAh+q7HqhdxFeAWH/KfZ9XIIsg==" },
};

static void
assert_text(struct alv_str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void
server_gives_the_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALV_COUNT(examples); i++) {
		const struct example *e = &examples[i];
		struct world	  w = { .known = true };
		struct aut_server s;
		struct alv_arena  a;
		struct alv_str	  out;

		w.keys[e->mechanism] = keys_of((enum pol_mechanism)e->mechanism, "pencil", e->salt);
		alv_arena_init(&a, 65536);
		aut_server_init(&s, e->mechanism, look, &w);
		snprintf(s.nonce, sizeof(s.nonce), "%s", e->server_nonce);
		assert_int_equal(aut_server_token(&s, alv_str_of(e->client_first), &a, &out), AUT_CONTINUE);
		assert_text(out, e->server_first);
		assert_string_equal(w.asked, e->user);
		assert_int_equal(aut_server_token(&s, alv_str_of(e->client_final), &a, &out), AUT_OK);
		assert_text(out, e->server_final);
		assert_int_equal(aut_server_token(&s, alv_str_of(e->client_final), &a, &out), AUT_FAIL);
		aut_server_fini(&s);
		alv_arena_fini(&a);
	}
}

static void
client_gives_the_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALV_COUNT(examples) * 2; i++) {
		const struct example *e = &examples[i / 2];
		struct aut_client c;
		struct alv_arena  a;
		struct alv_str	  out;
		char		  wrong[128];

		alv_arena_init(&a, 65536);
		aut_client_init(&c, e->mechanism, alv_str_of(e->user), ALV_STR("pencil"));
		snprintf(c.nonce, sizeof(c.nonce), "%s", e->client_nonce);
		assert_int_equal(aut_client_token(&c, ALV_STR_NULL, &a, &out), AUT_CONTINUE);
		assert_text(out, e->client_first);
		assert_int_equal(aut_client_token(&c, alv_str_of(e->server_first), &a, &out), AUT_WORK);
		aut_client_work(&c);
		assert_int_equal(aut_client_resume(&c, &a, &out), AUT_CONTINUE);
		assert_text(out, e->client_final);
		snprintf(wrong, sizeof(wrong), "%s", e->server_final);
		if (i % 2 == 1)
			wrong[3] = wrong[3] == 'A' ? 'B' : 'A';
		assert_int_equal(aut_client_token(&c, alv_str_of(wrong), &a, &out), i % 2 == 1 ? AUT_FAIL : AUT_OK);
		aut_client_fini(&c);
		alv_arena_fini(&a);
	}
}

/* A whole exchange; what the server said last is in *said. */
static enum aut_step
exchange(struct world *w, enum aut_mechanism m, struct aut_client *c, struct alv_arena *a, struct alv_str *said)
{
	struct aut_server s;
	struct alv_str	  t;
	enum aut_step	  r, k;

	aut_server_init(&s, m, look, w);
	k = aut_client_token(c, ALV_STR_NULL, a, &t);
	assert_int_equal(k, AUT_CONTINUE);
	r = aut_server_token(&s, t, a, said);
	if (r == AUT_WORK) {
		aut_server_work(&s);
		r = aut_server_resume(&s, a, said);
	}
	while (r == AUT_CONTINUE) {
		k = aut_client_token(c, *said, a, &t);
		if (k == AUT_WORK) {
			aut_client_work(c);
			k = aut_client_resume(c, a, &t);
		}
		assert_int_equal(k, AUT_CONTINUE);
		r = aut_server_token(&s, t, a, said);
	}
	if (r == AUT_OK)
		assert_int_equal(aut_client_token(c, *said, a, &t), AUT_OK);
	aut_server_fini(&s);
	return r;
}

static void
server_and_client_agree(void **state)
{
	static const struct { const char *user, *login, *password; bool known; enum aut_step want; } cases[] = {
		{ "alice", "alice", "correct horse", true, AUT_OK },
		{ "a=,b", "a=,b", "correct horse", true, AUT_OK },
		{ "alice", "alice", "wrong", true, AUT_FAIL },
		{ "alice", "alice", "correct horse", false, AUT_FAIL },
		{ "\xc3\xa4=2C", "\xc3\xa4=2C", "correct horse", true, AUT_OK },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases) * AUT_BY_PASSWORD; i++) {
		enum aut_mechanism m = (enum aut_mechanism)(i % AUT_BY_PASSWORD);
		size_t		   k = i / AUT_BY_PASSWORD;
		struct world	   w = { .known = cases[k].known };
		struct aut_client  c;
		struct alv_arena   a;
		struct alv_str	   said;

		for (int j = 0; j < POL_MECHANISMS; j++)
			assert_int_equal(aut_scram_make((enum pol_mechanism)j, ALV_STR("correct horse"), 4096, &w.keys[j]), ALV_OK);
		alv_arena_init(&a, 65536);
		aut_client_init(&c, m, alv_str_of(cases[k].user), alv_str_of(cases[k].password));
		assert_int_equal(exchange(&w, m, &c, &a, &said), cases[k].want);
		assert_string_equal(w.asked, cases[k].login);
		if (cases[k].want == AUT_FAIL)
			assert_int_equal(said.n, 0);
		aut_client_fini(&c);
		alv_arena_fini(&a);
	}
}

static void
client_keeps_the_salted_password(void **state)
{
	struct world	  w = { .known = true };
	struct aut_client c, again;
	struct alv_arena  a;
	struct alv_str	  said, t;

	(void)state;
	assert_int_equal(aut_scram_make(POL_SCRAM_SHA_256, ALV_STR("correct horse"), 4096, &w.keys[0]), ALV_OK);
	alv_arena_init(&a, 65536);
	aut_client_init(&c, AUT_SCRAM_SHA_256, ALV_STR("alice"), ALV_STR("correct horse"));
	assert_int_equal(exchange(&w, AUT_SCRAM_SHA_256, &c, &a, &said), AUT_OK);
	for (int fresh = 0; fresh < 2; fresh++) {
		struct aut_server s;

		aut_client_init(&again, AUT_SCRAM_SHA_256, ALV_STR("alice"), ALV_STR("correct horse"));
		memcpy(again.salt, c.salt, sizeof(c.salt));
		memcpy(again.salted, c.salted, sizeof(c.salted));
		again.salt_n = c.salt_n;
		again.iterations = c.iterations + (uint32_t)fresh;
		aut_server_init(&s, AUT_SCRAM_SHA_256, look, &w);
		assert_int_equal(aut_client_token(&again, ALV_STR_NULL, &a, &t), AUT_CONTINUE);
		assert_int_equal(aut_server_token(&s, t, &a, &said), AUT_CONTINUE);
		assert_int_equal(aut_client_token(&again, said, &a, &t), fresh ? AUT_WORK : AUT_CONTINUE);
		if (!fresh)
			assert_int_equal(aut_server_token(&s, t, &a, &said), AUT_OK);
		aut_server_fini(&s);
		aut_client_fini(&again);
	}
	aut_client_fini(&c);
	alv_arena_fini(&a);
}

static void
first_messages_of_strangers_fail(void **state)
{
	static const char *const bad[] = {
		"n", "n,", "n,,", "x,,n=a,r=b", "p=tls-unique,,n=a,r=b", "n,a=a,n=a,r=b", ",,n=a,r=b", "N,,n=a,r=b", "n,,n=a",
		"n,,n=,r=b", "n,,n=a,r=", "n,,r=b,n=a", "n,,n=a,r=b,", "n,,n=a,,r=b", "n,,m=x,n=a,r=b", "n,,n=a,r=b,m=x",
		"n,,n=a=b,r=c", "n,,n=a=2c,r=c", "n,,n=a=2,r=c", "n,,n=a=,r=c", "n,,n=a=3,r=c", "n,,n=a,r=b c", "n,,n=a,r=b\x7f",
		"n,,n=a,r=b,tokenauth=true", "n,,n=a,r=\xc3\xa4", "n,,n=\xff,r=b", "n,,n=a,r=b,x", "n,,n=a,r=b,=y", "n,,n=a,r=b,1=y",
		"n,,n=a,r=b,x=", "n=a,r=b", "n,, n=a,r=b"
	};
	struct world	 w = { .known = false };
	struct alv_arena a;

	(void)state;
	alv_arena_init(&a, 65536);
	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		struct aut_server s;
		struct alv_str	  out;

		aut_server_init(&s, AUT_SCRAM_SHA_256, look, &w);
		assert_int_equal(aut_server_token(&s, alv_str_of(bad[i]), &a, &out), AUT_FAIL);
		assert_int_equal(out.n, 0);
		assert_true(s.reason[0] != '\0');
		aut_server_fini(&s);
	}
	assert_int_equal(w.lookups, 0);
	alv_arena_fini(&a);
}

static void
lengths_and_nuls_are_bounded(void **state)
{
	static const char nul[] = "n,,n=a\0b,r=c", nul2[] = "n,,n=a,r=b\0";
	static const size_t nonces[] = { 1, 100, 103, 104, 4000, 5000 };
	struct world	 w = { .known = false };
	struct alv_arena a;
	struct aut_server s;
	struct alv_str	 out;
	char		 text[6000];

	(void)state;
	alv_arena_init(&a, 65536);
	for (size_t i = 0; i < ALV_COUNT(nonces); i++) {
		memcpy(text, "n,,n=a,r=", 9);
		memset(text + 9, 'x', nonces[i]);
		aut_server_init(&s, AUT_SCRAM_SHA_256, look, &w);
		assert_int_equal(aut_server_token(&s, alv_str_make(text, 9 + nonces[i]), &a, &out),
		    nonces[i] <= 103 ? AUT_CONTINUE : AUT_FAIL);
		aut_server_fini(&s);
	}
	for (size_t n = 511; n < 514; n++) {
		memcpy(text, "n,,n=", 5);
		memset(text + 5, 'x', n);
		memcpy(text + 5 + n, ",r=b", 4);
		aut_server_init(&s, AUT_SCRAM_SHA_256, look, &w);
		assert_int_equal(aut_server_token(&s, alv_str_make(text, 9 + n), &a, &out), n <= 512 ? AUT_CONTINUE : AUT_FAIL);
		aut_server_fini(&s);
	}
	for (int i = 0; i < 3; i++) {
		aut_server_init(&s, AUT_SCRAM_SHA_256, look, &w);
		assert_int_equal(aut_server_token(&s, i == 0 ? alv_str_make(nul, sizeof(nul) - 1) :
		    i == 1 ? alv_str_make(nul2, sizeof(nul2) - 1) : ALV_STR_NULL, &a, &out), AUT_FAIL);
		aut_server_fini(&s);
	}
	alv_arena_fini(&a);
}

/* Each is wrong in one thing only; the first of them is right. */
static void
final_messages_of_strangers_fail(void **state)
{
	static const char *const finals[] = {
		"c=biws,r=%s,p=%s", "c=eSws,r=%s,p=%s", "c=biws,r=%sx,p=%s", "c=biws,r=%s,p=%s,", "c=biws,r=%s,p=%s,x=y",
		"r=%s,c=biws,p=%s", "c=biws,r=%s,p=A%s", "c=biws,r=%s,q=%s", "c=,r=%s,p=%s", "c=biws,r=%s,,p=%s", " c=biws,r=%s,p=%s",
		"c=biws,r=%s,p=%s\n"
	};
	struct alv_arena a;

	(void)state;
	alv_arena_init(&a, 65536);
	for (size_t i = 0; i < ALV_COUNT(finals); i++) {
		const struct example *e = &examples[0];
		struct world	  w = { .known = true };
		struct aut_server s;
		struct alv_str	  out;
		char		  text[256];

		w.keys[0] = keys_of(POL_SCRAM_SHA_256, "pencil", e->salt);
		aut_server_init(&s, AUT_SCRAM_SHA_256, look, &w);
		snprintf(s.nonce, sizeof(s.nonce), "%s", e->server_nonce);
		assert_int_equal(aut_server_token(&s, alv_str_of(e->client_first), &a, &out), AUT_CONTINUE);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), finals[i], "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		    "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
#pragma GCC diagnostic pop
		if (i == 5)	/* the two were given in the order of the text */
			snprintf(text, sizeof(text), "r=%s,c=biws,p=AAAA", s.nonce);
		assert_int_equal(aut_server_token(&s, alv_str_of(text), &a, &out), i == 0 ? AUT_OK : AUT_FAIL);
		if (i > 0)
			assert_int_equal(out.n, 0);
		aut_server_fini(&s);
	}
	alv_arena_fini(&a);
}

/* "y,,": the client could bind to a channel and thinks that we cannot: c= must repeat it. */
static void
other_gs2_header_works(void **state)
{
	struct world	  w = { .known = true };
	struct aut_server s;
	struct alv_arena  a;
	struct alv_str	  out;

	(void)state;
	w.keys[0] = keys_of(POL_SCRAM_SHA_256, "pencil", examples[0].salt);
	alv_arena_init(&a, 65536);
	for (int right = 0; right < 2; right++) {
		char	text[256], proof_text[64];
		uint8_t salted[64], key[64], stored[64], sig[64];
		size_t	n;

		aut_server_init(&s, AUT_SCRAM_SHA_256, look, &w);
		assert_int_equal(aut_server_token(&s, ALV_STR("y,,n=user,r=abc,ext=1"), &a, &out), AUT_CONTINUE);
		n = (size_t)snprintf(text, sizeof(text), "n=user,r=abc,ext=1,%.*s,c=%s,r=%s,z=1", ALV_STR_ARG(out),
		    right ? "eSws" : "biws", s.nonce);
		assert_int_equal(aut_scram_salted(POL_SCRAM_SHA_256, ALV_STR("pencil"), w.keys[0].salt, w.keys[0].salt_n, 4096,
		    salted), ALV_OK);
		assert_int_equal(aut_scram_client_key(POL_SCRAM_SHA_256, salted, key), ALV_OK);
		assert_int_equal(aut_scram_stored_key(POL_SCRAM_SHA_256, key, stored), ALV_OK);
		assert_int_equal(aut_scram_hmac(POL_SCRAM_SHA_256, stored, 32, text, n, sig), ALV_OK);
		for (int i = 0; i < 32; i++)
			sig[i] ^= key[i];
		alv_base64_encode(sig, 32, proof_text);
		snprintf(text, sizeof(text), "c=%s,r=%s,z=1,p=%s", right ? "eSws" : "biws", s.nonce, proof_text);
		assert_int_equal(aut_server_token(&s, alv_str_of(text), &a, &out), right ? AUT_OK : AUT_FAIL);
		aut_server_fini(&s);
	}
	alv_arena_fini(&a);
}

#define A22 "AAAAAAAAAAAAAAAAAAAAAA"
#define SALT_OF_66 A22 A22 A22 A22	/* 88 characters of base64 */

static void
client_refuses_bad_brokers(void **state)
{
	static const char *const bad[] = {
		"", "r=abc", "r=abc,s=AAAA,i=4096", "r=mineX,s=AAAA,i=4095", "r=mineX,s=AAAA,i=1000001", "r=mineX,s=AAAA,i=", "e=other",
		"r=mineX,s=,i=4096", "r=mineX,s=A,i=4096", "r=mine,s=AAAA,i=4096", "m=x,r=mineX,s=AAAA,i=4096", "r=mineX,s=AAAA,i=+4096",
		"r=mineX,s=AAAA,i=4096,", ("r=mineX,s=" SALT_OF_66 ",i=4096")
	};
	struct alv_arena a;

	(void)state;
	alv_arena_init(&a, 65536);
	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		struct aut_client c;
		struct alv_str	  out;

		aut_client_init(&c, AUT_SCRAM_SHA_512, ALV_STR("u"), ALV_STR("p"));
		snprintf(c.nonce, sizeof(c.nonce), "mine");
		assert_int_equal(aut_client_token(&c, ALV_STR_NULL, &a, &out), AUT_CONTINUE);
		assert_int_equal(aut_client_token(&c, alv_str_of(bad[i]), &a, &out), AUT_FAIL);
		assert_true(c.reason[0] != '\0');
		aut_client_fini(&c);
	}
	alv_arena_fini(&a);
}

static void
keys_are_made_within_bounds(void **state)
{
	struct pol_scram k = { .salt_n = 0 };
	uint8_t		 salt[32];

	(void)state;
	assert_int_equal(aut_scram_make(POL_SCRAM_SHA_512, ALV_STR("x"), 4095, &k), ALV_E_RANGE);
	assert_int_equal(aut_scram_make(POL_SCRAM_SHA_512, ALV_STR("x"), 1000001, &k), ALV_E_RANGE);
	assert_int_equal(aut_scram_make(POL_SCRAM_SHA_512, ALV_STR(""), 4096, &k), ALV_E_VALUE);
	assert_false(k.present);
	assert_int_equal(aut_scram_make(POL_SCRAM_SHA_512, ALV_STR("x"), 4096, &k), ALV_OK);
	assert_true(k.present);
	assert_int_equal(k.salt_n, AUT_SALT_BYTES);
	memcpy(salt, k.salt, sizeof(salt));
	k.salt_n = 0;
	assert_int_equal(aut_scram_make(POL_SCRAM_SHA_512, ALV_STR("x"), 4096, &k), ALV_OK);
	assert_memory_not_equal(salt, k.salt, AUT_SALT_BYTES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_gives_the_examples),
		cmocka_unit_test(client_gives_the_examples),
		cmocka_unit_test(server_and_client_agree),
		cmocka_unit_test(client_keeps_the_salted_password),
		cmocka_unit_test(first_messages_of_strangers_fail),
		cmocka_unit_test(lengths_and_nuls_are_bounded),
		cmocka_unit_test(final_messages_of_strangers_fail),
		cmocka_unit_test(other_gs2_header_works),
		cmocka_unit_test(client_refuses_bad_brokers),
		cmocka_unit_test(keys_are_made_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
