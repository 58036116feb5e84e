/* Tokens: every algorithm, keys that decide which, forgeries, and what a token has to say and when. */
#include "issuer.h"

#include <alcove/policy.h>

#include <pthread.h>

#define NOW 1700000000000ull	/* ms */
#define CLAIMS "{\"iss\":\"https://id.test\",\"aud\":\"kafka\",\"sub\":\"ann\",\"tenant\":\"acme\",\"exp\":1700000060}"

static const char *const audiences[] = { "kafka", "alcove" };

/* One issuer with keys of every kind. */
struct world {
	EVP_PKEY	  *rsa, *p256, *p384, *p521, *ed, *other;
	struct pol_issuer  conf;
	struct pol_oauth   oauth;
	struct aut_source *source;
	struct aut_issuers *issuers;
	int		   wanted;
};
static struct world w;

static void
on_wanted(void *arg)
{
	struct world *x = arg;

	x->wanted++;
}

static void
use_keys(const char *json)
{
	struct aut_keys *k;
	const char	*why;

	assert_int_equal(aut_keys_parse(alv_str_of(json), &k, &why), ALV_OK);
	aut_source_set(w.source, k);
}

static void
add_all(struct alv_buf *b)
{
	alv_buf_z(b, "{\"keys\":[");
	add_jwk(b, w.rsa, ",\"kid\":\"rsa\"");
	alv_buf_z(b, ",");
	add_jwk(b, w.p256, ",\"kid\":\"p256\",\"use\":\"sig\",\"alg\":\"ES256\"");
	alv_buf_z(b, ",");
	add_jwk(b, w.p384, ",\"kid\":\"p384\",\"key_ops\":[\"verify\"]");
	alv_buf_z(b, ",");
	add_jwk(b, w.p521, ",\"kid\":\"p521\"");
	alv_buf_z(b, ",");
	add_jwk(b, w.ed, ",\"kid\":\"ed\"");
	alv_buf_z(b, "]}");
	alv_buf_byte(b, 0);
}

static int
set_up(void **state)
{
	struct alv_buf b;

	(void)state;
	w = (struct world){ .rsa = make_key("RSA", "2048"), .p256 = make_key("EC", "P-256"), .p384 = make_key("EC", "P-384"),
		.p521 = make_key("EC", "P-521"), .ed = make_key("ED", ""), .other = make_key("RSA", "2048") };
	w.conf = (struct pol_issuer){ .name = "test", .issuer = "https://id.test", .naudiences = 2, .audiences = audiences,
		.user_claim = "sub", .tenant_claim = "tenant", .skew_s = 30 };
	w.oauth = (struct pol_oauth){ 1, &w.conf };
	w.source = aut_source_new(on_wanted, &w);
	w.issuers = aut_issuers_new(&w.oauth, &w.source);
	alv_buf_init(&b, 64 * 1024);
	add_all(&b);
	use_keys((const char *)b.p);
	alv_buf_fini(&b);
	return 0;
}

static int
tear_down(void **state)
{
	EVP_PKEY *all[] = { w.rsa, w.p256, w.p384, w.p521, w.ed, w.other };

	(void)state;
	aut_issuers_put(w.issuers);
	aut_source_put(w.source);
	for (size_t i = 0; i < ALV_COUNT(all); i++)
		EVP_PKEY_free(all[i]);
	return 0;
}

static const char *
verify(const struct alv_buf *b, const char *endpoint, uint64_t now, struct aut_claims *c)
{
	return aut_jwt_verify(w.issuers, token_of(b), alv_str_of(endpoint), now, c);
}

/* NULL: it is good. */
static const char *
judge(struct alv_buf *b)
{
	struct aut_claims *c = aut_claims_new();
	const char	  *why = verify(b, "acme", NOW, c);

	assert_true(why != NULL || (alv_str_eqz(c->user, "ann") && alv_str_eqz(c->tenant, "acme")));
	aut_claims_free(c);
	alv_buf_fini(b);
	return why;
}

static void
refused(struct alv_buf *b, const char *words)
{
	const char *why = judge(b);

	assert_non_null(why);
	assert_non_null(strstr(why, words));
}

/* ---- algorithms and keys -------------------------------------------------------------------------------- */

static const struct { const char *alg, *kid; EVP_PKEY *const *key; } kinds[] = {
	{ "RS256", "rsa", &w.rsa }, { "RS384", "rsa", &w.rsa }, { "RS512", "rsa", &w.rsa }, { "PS256", "rsa", &w.rsa },
	{ "PS384", "rsa", &w.rsa }, { "PS512", "rsa", &w.rsa }, { "ES256", "p256", &w.p256 }, { "ES384", "p384", &w.p384 },
	{ "ES512", "p521", &w.p521 }, { "EdDSA", "ed", &w.ed },
};

static void
header_of(char out[static 128], const char *alg, const char *kid)
{
	snprintf(out, 128, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}", alg, kid);
}

static void
every_algorithm(void **state)
{
	char	       header[128];
	struct alv_buf b;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(kinds); i++) {
		header_of(header, kinds[i].alg, kinds[i].kid);
		make_token(&b, header, CLAIMS, *kinds[i].key, kinds[i].alg);
		assert_null(judge(&b));
		/* One bit of what was signed, of the signature, another's signature. */
		make_token(&b, header, CLAIMS, *kinds[i].key, kinds[i].alg);
		b.p[60] = b.p[60] == 'A' ? 'B' : 'A';
		assert_non_null(judge(&b));
		make_token(&b, header, CLAIMS, *kinds[i].key, kinds[i].alg);
		b.p[b.n - 20] = b.p[b.n - 20] == 'A' ? 'B' : 'A';
		refused(&b, "signature is wrong");
	}
	header_of(header, "RS256", "rsa");
	make_token(&b, header, CLAIMS, w.other, "RS256");
	refused(&b, "signature is wrong");
}

/* Signed by the right key: the header's word for it counts only where the key allows it. */
static void
the_key_decides_the_algorithm(void **state)
{
	char	       header[128];
	struct alv_buf b;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(kinds); i++) {
		for (size_t k = 0; k < ALV_COUNT(kinds); k++) {
			if (strcmp(kinds[i].kid, kinds[k].kid) == 0)
				continue;
			header_of(header, kinds[i].alg, kinds[k].kid);
			make_token(&b, header, CLAIMS, *kinds[i].key, kinds[i].alg);
			refused(&b, "not its key's");
		}
	}
	/* Within one key what was signed otherwise than the header says. */
	header_of(header, "PS256", "rsa");
	make_token(&b, header, CLAIMS, w.rsa, "RS256");
	refused(&b, "signature is wrong");
}

static void
no_algorithm_and_hmac(void **state)
{
	static const char *const algs[] = { "none", "None", "nOnE", "", "HS256", "HS384", "HS512", "RS1", "ES256K", "rs256", "RS256 " };
	BIO		  *bio = BIO_new(BIO_s_mem());
	char		   header[128], *pem;
	uint8_t		   mac[64];
	unsigned	   mac_n;
	long		   pem_n;
	struct alv_buf	   b;

	(void)state;
	assert_int_equal(PEM_write_bio_PUBKEY(bio, w.rsa), 1);
	pem_n = BIO_get_mem_data(bio, &pem);
	for (size_t i = 0; i < ALV_COUNT(algs); i++) {
		header_of(header, algs[i], "rsa");
		begin_token(&b, header, CLAIMS);
		end_token(&b, "", 0);
		refused(&b, "not taken");
		/* The public key, which everybody has, as HMAC's secret. */
		begin_token(&b, header, CLAIMS);
		HMAC(EVP_sha256(), pem, (int)pem_n, b.p, b.n, mac, &mac_n);
		end_token(&b, mac, mac_n);
		refused(&b, "not taken");
	}
	header_of(header, "RS256", "rsa");
	begin_token(&b, header, CLAIMS);
	end_token(&b, "", 0);	/* the right word and no signature */
	refused(&b, "signature is wrong");
	BIO_free(bio);
}

/* A token that brings its own key, or names where to find it. */
static void
headers_that_lead_elsewhere(void **state)
{
	static const char *const ignored[] = {
		"\"jku\":\"https://evil.test/keys\"", "\"x5u\":\"https://evil.test/cert\"", "\"x5c\":[\"MIIB\"]", "\"x5t\":\"AA\"",
		"\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}",
	};
	static const char *const crit[] = { "\"crit\":[\"b64\"],\"b64\":false", "\"crit\":[]", "\"crit\":null", "\"crit\":[\"exp\"]" };
	char		   header[256];
	struct alv_buf	   b, own;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(ignored); i++) {
		snprintf(header, sizeof(header), "{\"alg\":\"RS256\",\"kid\":\"rsa\",%s}", ignored[i]);
		make_token(&b, header, CLAIMS, w.rsa, "RS256");
		assert_null(judge(&b));
		make_token(&b, header, CLAIMS, w.other, "RS256");
		refused(&b, "signature is wrong");
	}
	for (size_t i = 0; i < ALV_COUNT(crit); i++) {
		snprintf(header, sizeof(header), "{\"alg\":\"RS256\",\"kid\":\"rsa\",%s}", crit[i]);
		make_token(&b, header, CLAIMS, w.rsa, "RS256");
		refused(&b, "crit");
	}
	alv_buf_init(&own, 4096);
	alv_buf_z(&own, "{\"alg\":\"RS256\",\"kid\":\"mine\",\"jwk\":");
	add_jwk(&own, w.other, ",\"kid\":\"mine\"");
	alv_buf_z(&own, "}");
	alv_buf_byte(&own, 0);
	make_token(&b, (const char *)own.p, CLAIMS, w.other, "RS256");
	refused(&b, "does not have");
	alv_buf_fini(&own);
}

static void
unknown_keys_are_asked_for(void **state)
{
	struct alv_buf b, jwks;
	int	       before = w.wanted;

	(void)state;
	make_token(&b, "{\"alg\":\"RS256\",\"kid\":\"new\"}", CLAIMS, w.rsa, "RS256");
	refused(&b, "does not have");
	assert_int_equal(w.wanted, before + 1);
	make_token(&b, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS, w.other, "RS256");
	refused(&b, "signature is wrong");
	assert_int_equal(w.wanted, before + 1);	/* that one is known */
	/* Without a name the key must be the only one that it can be. */
	make_token(&b, "{\"alg\":\"RS256\"}", CLAIMS, w.rsa, "RS256");
	assert_null(judge(&b));
	alv_buf_init(&jwks, 64 * 1024);
	alv_buf_z(&jwks, "{\"keys\":[");
	add_jwk(&jwks, w.rsa, ",\"kid\":\"a\"");
	alv_buf_z(&jwks, ",");
	add_jwk(&jwks, w.other, ",\"kid\":\"b\"");
	alv_buf_z(&jwks, "]}");
	alv_buf_byte(&jwks, 0);
	use_keys((const char *)jwks.p);
	make_token(&b, "{\"alg\":\"RS256\"}", CLAIMS, w.rsa, "RS256");
	refused(&b, "not its key's");
	/* The issuer has others now: what its old ones signed is refused, and asked for. */
	make_token(&b, "{\"alg\":\"ES256\",\"kid\":\"p256\"}", CLAIMS, w.p256, "ES256");
	refused(&b, "does not have");
	assert_int_equal(w.wanted, before + 2);
	aut_source_set(w.source, NULL);
	make_token(&b, "{\"alg\":\"RS256\",\"kid\":\"a\"}", CLAIMS, w.rsa, "RS256");
	refused(&b, "no keys");
	assert_int_equal(w.wanted, before + 3);
	alv_buf_fini(&jwks);
	alv_buf_init(&jwks, 64 * 1024);
	add_all(&jwks);
	use_keys((const char *)jwks.p);
	alv_buf_fini(&jwks);
}

static void
sets_of_keys(void **state)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[]", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
		"{\"keys\":[1,null,\"x\",{}]}", "{\"keys\":[],\"keys\":[]}",
		"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",	/* 17 bits */
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}]}",
		"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}]}",
	};
	static const struct { const char *more; size_t stays; } kinds_of[] = {
		{ "", 1 }, { ",\"use\":\"sig\"", 1 }, { ",\"use\":\"enc\"", 0 }, { ",\"use\":1", 0 }, { ",\"key_ops\":[\"sign\"]", 0 },
		{ ",\"key_ops\":[\"sign\",\"verify\"]", 1 }, { ",\"alg\":\"RS256\"", 1 }, { ",\"alg\":\"HS256\"", 0 }, { ",\"alg\":\"none\"", 0 },
		{ ",\"alg\":\"ES256\"", 0 }, { ",\"alg\":\"RSA-OAEP\"", 0 }, { ",\"kid\":7", 0 }, { ",\"alg\":null", 0 },
		{ ",\"d\":\"AAAA\",\"x5c\":[\"AA\"]", 1 },
	};
	struct aut_keys *k;
	const char	*why;
	struct alv_buf	 b;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		assert_int_not_equal(aut_keys_parse(alv_str_of(bad[i]), &k, &why), ALV_OK);
		assert_null(k);
		assert_true(why[0] != '\0');
	}
	for (size_t i = 0; i < ALV_COUNT(kinds_of); i++) {
		alv_buf_init(&b, 64 * 1024);
		alv_buf_z(&b, "{\"keys\":[");
		add_jwk(&b, w.rsa, kinds_of[i].more);
		alv_buf_z(&b, "]}");
		assert_int_equal(aut_keys_parse(alv_str_make(b.p, b.n), &k, &why), kinds_of[i].stays ? ALV_OK : ALV_E_VALUE);
		assert_int_equal(aut_keys_count(k), kinds_of[i].stays);
		aut_keys_put(k);
		alv_buf_fini(&b);
	}
	/* One bad one beside a good one is left out; too many are too many. */
	alv_buf_init(&b, 1 << 20);
	alv_buf_z(&b, "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"!\",\"e\":\"AQAB\"},");
	add_jwk(&b, w.ed, "");
	for (int i = 1; i < AUT_KEYS_MAX; i++) {
		alv_buf_z(&b, ",");
		add_jwk(&b, w.ed, "");
	}
	alv_buf_z(&b, "]}");
	assert_int_equal(aut_keys_parse(alv_str_make(b.p, b.n), &k, &why), ALV_OK);
	assert_int_equal(aut_keys_count(k), AUT_KEYS_MAX);
	aut_keys_put(k);
	b.n -= 2;
	alv_buf_z(&b, ",");
	add_jwk(&b, w.ed, "");
	alv_buf_z(&b, "]}");
	assert_int_equal(aut_keys_parse(alv_str_make(b.p, b.n), &k, &why), ALV_E_VALUE);
	alv_buf_fini(&b);
}

/* ---- the form --------------------------------------------------------------------------------------------- */

static void
malformed(void **state)
{
	static const char *const texts[] = {
		"", ".", "..", "...", "a.b", "e30.e30", "e30.e30.", "e30.e30.e30", "e30.e30.e30.e30", "e30.e30.e30.e30.e30", "W10.W10.AA",
		"eyJhbGciOiJub25lIn0.e30.", "e30=.e30=.AA", "e3 0.e30.AA", "e31.e30.AA",
	};
	static const char *const headers[] = {
		"{}", "{\"alg\":256}", "{\"alg\":\"RS256\",\"alg\":\"RS256\",\"kid\":\"rsa\"}", "[]", "{\"alg\":\"RS256\",\"kid\":\"\"}",
		"{\"alg\":\"RS256\",\"kid\":7}", "{\"alg\":\"RS256\",\"kid\":\"rsa\"} ", "{\"alg\":\"RS256\",\"kid\":\"rsa\"",
		"{\"alg\":\"RS256\",\"kid\":\"rsa\\u0000\"}",
	};
	static const char *const claims[] = { "[]", "null", "{", "{\"iss\":\"https://id.test\",\"iss\":\"https://id.test\"}" };
	struct aut_claims *c = aut_claims_new();
	struct alv_buf	   b;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(texts); i++)
		assert_non_null(aut_jwt_verify(w.issuers, alv_str_of(texts[i]), ALV_STR("acme"), NOW, c));
	for (size_t i = 0; i < ALV_COUNT(headers); i++) {
		make_token(&b, headers[i], CLAIMS, w.rsa, "RS256");
		if (headers[i][strlen(headers[i]) - 1] == ' ')
			assert_null(judge(&b));	/* blanks are JSON's own */
		else
			assert_non_null(judge(&b));
	}
	for (size_t i = 0; i < ALV_COUNT(claims); i++) {
		make_token(&b, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", claims[i], w.rsa, "RS256");
		refused(&b, "no JSON object");
	}
	aut_claims_free(c);
}

/* ---- claims ------------------------------------------------------------------------------------------------- */

/* NULL: good. c is filled, and the caller's. */
static const char *
say(const char *claims, const char *endpoint, uint64_t now, struct aut_claims *c)
{
	struct alv_buf b;
	const char    *why;

	make_token(&b, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", claims, w.ed, "EdDSA");
	why = verify(&b, endpoint, now, c);
	alv_buf_fini(&b);
	return why;
}

static void
says(const char *claims, const char *endpoint, uint64_t now, const char *words)
{
	struct aut_claims *c = aut_claims_new();
	const char	  *why = say(claims, endpoint, now, c);

	if (words == NULL)
		assert_string_equal(why == NULL ? "good" : why, "good");
	else
		assert_non_null(strstr(why == NULL ? "good" : why, words));
	aut_claims_free(c);
}

#define IDS "\"iss\":\"https://id.test\",\"aud\":\"kafka\",\"sub\":\"ann\",\"tenant\":\"acme\""

static void
times(void **state)
{
	static const struct { const char *claims; uint64_t now; const char *words; } cases[] = {
		{ "{" IDS ",\"exp\":1700000000}", 1699999999000, NULL },
		{ "{" IDS ",\"exp\":1700000000}", 1700000000000, NULL },	/* within the skew */
		{ "{" IDS ",\"exp\":1700000000}", 1700000029999, NULL },
		{ "{" IDS ",\"exp\":1700000000}", 1700000030000, "expired" },
		{ "{" IDS ",\"exp\":1700000000.5}", 1700000030400, NULL },
		{ "{" IDS "}", NOW, "without an end" },
		{ "{" IDS ",\"exp\":\"1700000060\"}", NOW, "no numbers" },
		{ "{" IDS ",\"exp\":null}", NOW, "no numbers" },
		{ "{" IDS ",\"exp\":-1}", NOW, "no numbers" },
		{ "{" IDS ",\"exp\":1e30}", NOW, "no numbers" },
		{ "{" IDS ",\"exp\":1e11}", NOW, NULL },
		{ "{" IDS ",\"exp\":1700000060,\"nbf\":1700000030}", NOW, NULL },
		{ "{" IDS ",\"exp\":1700000060,\"nbf\":1700000031}", NOW, "not good yet" },
		{ "{" IDS ",\"exp\":1700000060,\"nbf\":true}", NOW, "no numbers" },
		{ "{" IDS ",\"exp\":1700000060,\"iat\":1700000030}", NOW, NULL },
		{ "{" IDS ",\"exp\":1700000060,\"iat\":1700000031}", NOW, "from the future" },
	};
	struct aut_claims *c;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++)
		says(cases[i].claims, "acme", cases[i].now, cases[i].words);
	c = aut_claims_new();
	assert_null(say("{" IDS ",\"exp\":1700000060}", "acme", NOW, c));
	assert_int_equal(c->rest_ms, 60000);
	assert_null(say("{" IDS ",\"exp\":1700000000}", "acme", NOW + 10000, c));
	assert_int_equal(c->rest_ms, 20000);	/* the rest of the skew: never nothing */
	aut_claims_free(c);
}

#define TIMES ",\"exp\":1700000060}"

static void
issuers_and_audiences(void **state)
{
	static const struct { const char *claims; const char *words; } cases[] = {
		{ "{\"iss\":\"https://id.test/\",\"aud\":\"kafka\",\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, "not known" },
		{ "{\"iss\":\"HTTPS://id.test\",\"aud\":\"kafka\",\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, "not known" },
		{ "{\"iss\":[\"https://id.test\"],\"aud\":\"kafka\",\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, "not known" },
		{ "{\"aud\":\"kafka\",\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, "not known" },
		{ "{\"iss\":\"https://id.test\",\"aud\":\"alcove\",\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, NULL },
		{ "{\"iss\":\"https://id.test\",\"aud\":[\"x\",\"alcove\"],\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, NULL },
		{ "{\"iss\":\"https://id.test\",\"aud\":[\"x\",[\"kafka\"]],\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, "aud" },
		{ "{\"iss\":\"https://id.test\",\"aud\":\"x kafka\",\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, "aud" },
		{ "{\"iss\":\"https://id.test\",\"aud\":[],\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, "aud" },
		{ "{\"iss\":\"https://id.test\",\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, "aud" },
		{ "{\"iss\":\"https://id.test\",\"aud\":\"kafka2\",\"sub\":\"ann\",\"tenant\":\"acme\"" TIMES, "aud" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++)
		says(cases[i].claims, "acme", NOW, cases[i].words);
}

#define HEAD "{\"iss\":\"https://id.test\",\"aud\":\"kafka\",\"sub\":\"ann\""

static void
a_tenants_own(void **state)
{
	static const char *const two[] = { "acme", "globex" }, *const one[] = { "acme" };
	static const struct { const char *more, *endpoint, *words; } claimed[] = {
		{ ",\"tenant\":\"acme\"", "acme", NULL }, { ",\"tenant\":\"acme\"", "globex", "another tenant" }, { "", "acme", "another tenant" },
		{ ",\"tenant\":[\"globex\",\"acme\"]", "acme", NULL }, { ",\"tenant\":[\"globex\"]", "acme", "another tenant" },
		{ ",\"tenant\":\"acme globex\"", "acme", "another tenant" }, { ",\"tenant\":{\"acme\":1}", "acme", "another tenant" },
		{ ",\"tenant\":\"acme\"", "", NULL }, { ",\"tenant\":[\"acme\"]", "", NULL }, { "", "", "does not say" },
		{ ",\"tenant\":[\"acme\",\"globex\"]", "", "does not say" }, { ",\"tenant\":\"\"", "", "does not say" },
		{ ",\"tenant\":\"ACME\"", "", "does not say" }, { ",\"tenant\":\"admin\"", "", "does not say" }, { ",\"tenant\":7", "", "does not say" },
	};
	char claims[512];

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(claimed); i++) {
		snprintf(claims, sizeof(claims), HEAD "%s" TIMES, claimed[i].more);
		says(claims, claimed[i].endpoint, NOW, claimed[i].words);
	}
	/* The issuer is only for some. */
	w.conf.tenants = one;
	w.conf.ntenants = 1;
	says(HEAD ",\"tenant\":\"globex\"" TIMES, "globex", NOW, "not this tenant's");
	says(HEAD ",\"tenant\":\"acme\"" TIMES, "acme", NOW, NULL);
	/* Without a claim. */
	w.conf.tenant_claim = NULL;
	says(HEAD TIMES, "acme", NOW, NULL);
	says(HEAD TIMES, "", NOW, NULL);
	says(HEAD TIMES, "globex", NOW, "not this tenant's");
	w.conf.tenants = two;
	w.conf.ntenants = 2;
	says(HEAD TIMES, "globex", NOW, NULL);
	says(HEAD TIMES, "", NOW, "does not say");
	w.conf.tenant_claim = "tenant";
	w.conf.tenants = NULL;
	w.conf.ntenants = 0;
}

static void
required_claims(void **state)
{
	static const struct pol_claim all[] = { { "scope", "kafka" }, { "env", NULL }, { "verified", "true" }, { "/a/b~1c", "7" } };
	static const struct { const char *more, *words; } cases[] = {
		{ ",\"scope\":\"kafka\",\"env\":\"x\",\"verified\":true,\"a\":{\"b/c\":7}", NULL },
		{ ",\"scope\":\"a kafka b\",\"env\":{},\"verified\":\"true\",\"a\":{\"b/c\":\"7\"}", NULL },
		{ ",\"scope\":[\"a\",\"kafka\"],\"env\":0,\"verified\":true,\"a\":{\"b/c\":[\"7\"]}", NULL },
		{ ",\"scope\":\"kafka2\",\"env\":\"x\",\"verified\":true,\"a\":{\"b/c\":7}", "required" },
		{ ",\"scope\":[\"a kafka\"],\"env\":\"x\",\"verified\":true,\"a\":{\"b/c\":7}", "required" },
		{ ",\"scope\":\"kafka\",\"env\":null,\"verified\":true,\"a\":{\"b/c\":7}", "required" },
		{ ",\"scope\":\"kafka\",\"verified\":true,\"a\":{\"b/c\":7}", "required" },
		{ ",\"scope\":\"kafka\",\"env\":\"x\",\"verified\":false,\"a\":{\"b/c\":7}", "required" },
		{ ",\"scope\":\"kafka\",\"env\":\"x\",\"verified\":true,\"a\":{\"b/c\":7.0}", "required" },
		{ ",\"scope\":\"kafka\",\"env\":\"x\",\"verified\":true,\"a\":{\"b\":{\"c\":7}}", "required" },
	};
	char claims[512];

	(void)state;
	w.conf.required = all;
	w.conf.nrequired = ALV_COUNT(all);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		snprintf(claims, sizeof(claims), HEAD ",\"tenant\":\"acme\"%s" TIMES, cases[i].more);
		says(claims, "acme", NOW, cases[i].words);
	}
	w.conf.required = NULL;
	w.conf.nrequired = 0;
}

static void
users_and_groups(void **state)
{
	struct aut_claims *c = aut_claims_new();
	struct alv_buf	   b;

	(void)state;
	w.conf.user_claim = "/user/name";
	w.conf.groups_claim = "/realm_access/roles";
	assert_null(say(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"z\u00fcri\"},\"realm_access\":{\"roles\":[\"ops\",\"dev team\"]}" TIMES, "acme",
	    NOW, c));
	assert_true(alv_str_eqz(c->user, "z\u00fcri"));
	assert_int_equal(c->ngroups, 2);
	assert_true(alv_str_eqz(c->groups[0], "ops") && alv_str_eqz(c->groups[1], "dev team"));
	aut_claims_free(c);
	c = aut_claims_new();
	assert_null(say(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"x\"},\"realm_access\":{\"roles\":\" ops  dev\"}" TIMES, "acme", NOW, c));
	assert_int_equal(c->ngroups, 2);
	assert_true(alv_str_eqz(c->groups[1], "dev"));
	aut_claims_free(c);
	says(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"x\"}" TIMES, "acme", NOW, NULL);	/* groups need not be */
	says(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"x\"},\"realm_access\":{\"roles\":{}}" TIMES, "acme", NOW, "neither a list");
	says(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"x\"},\"realm_access\":{\"roles\":[1]}" TIMES, "acme", NOW, "no name");
	says(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"x\"},\"realm_access\":{\"roles\":[\"\"]}" TIMES, "acme", NOW, "no name");
	says(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"a\\nb\"}" TIMES, "acme", NOW, "control characters");
	says(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"a\xc2\x85-b\"}" TIMES, "acme", NOW, "control characters");
	says(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"*\"}" TIMES, "acme", NOW, "whose user");	/* everybody */
	says(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"\"}" TIMES, "acme", NOW, "whose user");
	says(HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":7}" TIMES, "acme", NOW, "whose user");
	says(HEAD ",\"tenant\":\"acme\",\"user\":\"name\"" TIMES, "acme", NOW, "whose user");
	alv_buf_init(&b, 16 * 1024);
	for (int n = POL_GROUPS_MAX; n <= POL_GROUPS_MAX + 1; n++) {
		b.n = 0;
		alv_buf_printf(&b, HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"x\"},\"realm_access\":{\"roles\":[\"g0\"");
		for (int i = 1; i < n; i++)
			alv_buf_printf(&b, ",\"g%d\"", i);
		alv_buf_z(&b, "]}" TIMES);
		alv_buf_byte(&b, 0);
		says((const char *)b.p, "acme", NOW, n <= POL_GROUPS_MAX ? NULL : "more than 32");
	}
	for (int n = 255; n <= 256; n++) {
		b.n = 0;
		alv_buf_printf(&b, HEAD ",\"tenant\":\"acme\",\"user\":{\"name\":\"%0*d\"}" TIMES, n, 7);
		alv_buf_byte(&b, 0);
		says((const char *)b.p, "acme", NOW, n <= 255 ? NULL : "longer than 255");
	}
	alv_buf_fini(&b);
	w.conf.user_claim = "sub";
	w.conf.groups_claim = NULL;
}

/* ---- threads ---------------------------------------------------------------------------------------------------- */

static void *
verify_on(void *arg)
{
	struct aut_claims *c = aut_claims_new();
	struct alv_buf	   b;

	(void)arg;
	make_token(&b, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", CLAIMS, w.ed, "EdDSA");
	for (int i = 0; i < 200; i++)
		if (verify(&b, "acme", NOW, c) != NULL)
			arg = NULL;
	alv_buf_fini(&b);
	aut_claims_free(c);
	return arg;
}

/* Keys that change while others verify by them. */
static void
keys_change_under_way(void **state)
{
	pthread_t	 t[2];
	void		*well;
	struct alv_buf	 b;
	struct aut_keys *k;
	const char	*why;

	(void)state;
	alv_buf_init(&b, 4096);
	alv_buf_z(&b, "{\"keys\":[");
	add_jwk(&b, w.ed, ",\"kid\":\"ed\"");
	alv_buf_z(&b, "]}");
	for (size_t i = 0; i < ALV_COUNT(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, verify_on, &w), 0);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(aut_keys_parse(alv_str_make(b.p, b.n), &k, &why), ALV_OK);
		aut_source_set(w.source, k);
	}
	for (size_t i = 0; i < ALV_COUNT(t); i++) {
		assert_int_equal(pthread_join(t[i], &well), 0);
		assert_non_null(well);
	}
	alv_buf_fini(&b);
}

static void
the_current_issuers(void **state)
{
	struct aut_oauth   *o = aut_oauth_new();
	struct aut_issuers *i;

	(void)state;
	assert_null(aut_oauth_get(NULL));
	assert_null(aut_oauth_get(o));
	aut_oauth_set(o, aut_issuers_ref(w.issuers));
	i = aut_oauth_get(o);
	assert_ptr_equal(i, w.issuers);
	aut_oauth_set(o, NULL);
	assert_null(aut_oauth_get(o));
	aut_issuers_put(i);
	aut_oauth_free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_algorithm),
		cmocka_unit_test(the_key_decides_the_algorithm),
		cmocka_unit_test(no_algorithm_and_hmac),
		cmocka_unit_test(headers_that_lead_elsewhere),
		cmocka_unit_test(unknown_keys_are_asked_for),
		cmocka_unit_test(sets_of_keys),
		cmocka_unit_test(malformed),
		cmocka_unit_test(times),
		cmocka_unit_test(issuers_and_audiences),
		cmocka_unit_test(a_tenants_own),
		cmocka_unit_test(required_claims),
		cmocka_unit_test(users_and_groups),
		cmocka_unit_test(keys_change_under_way),
		cmocka_unit_test(the_current_issuers),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
