/* Any bytes as what logins by tokens are made of; the first byte says what: a client's message, a JWKS, a token, the claims of
 * one whose signature was good, an exchange whose messages end with a zero byte. What must hold: no crash, nobody gets in by a
 * token (nobody here can sign), what is taken from claims is within its bounds. */
#include <alcove/acl.h>
#include <alcove/str.h>
#include <alcove/tenant.h>

#include "authn/bearer.h"
#include "authn/claims.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

#define NOW 1700000000000ull

static const char *const audiences[] = { "kafka", "alcove" }, *const tenants[] = { "acme", "globex" };
static const struct pol_claim required[] = { { "scope", "kafka" }, { "/a/b", NULL } };
static struct pol_issuer conf[] = {
	{ .name = "claim", .issuer = "https://id.test", .naudiences = 2, .audiences = audiences, .user_claim = "sub",
	  .groups_claim = "groups", .tenant_claim = "tenant", .skew_s = 30 },
	{ .name = "list", .issuer = "https://list.test", .naudiences = 1, .audiences = audiences, .user_claim = "/user/name",
	  .groups_claim = "/realm_access/roles", .ntenants = 2, .tenants = tenants, .nrequired = 2, .required = required },
};
static const struct pol_oauth oauth = { 2, conf };
static const char jwks[] =
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"},"
    "{\"kty\":\"RSA\",\"kid\":\"rsa\",\"e\":\"AQAB\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\"}]}";

static struct aut_oauth *
world(void)
{
	static struct aut_oauth *o;
	struct aut_source	*s;
	struct aut_keys		*k;
	const char		*why;

	if (o != NULL)
		return o;
	o = aut_oauth_new();
	s = aut_source_new(NULL, NULL);
	MUST(o != NULL && s != NULL && aut_keys_parse(alv_str_of(jwks), &k, &why) == ALV_OK && aut_keys_count(k) == 3);
	aut_source_set(s, k);
	aut_oauth_set(o, aut_issuers_new(&oauth, (struct aut_source *[]){ s, s }));
	aut_source_put(s);
	return o;
}

static void
message(const uint8_t *p, size_t n)
{
	struct aut_bearer_said s;
	size_t		       bytes = 0;

	if (aut_bearer_read(alv_str_make(p, n), &s) != NULL)
		return;
	MUST(s.token.n > 0 && s.nextensions <= AUT_EXTENSIONS_MAX && alv_str_utf8(s.authzid));
	for (size_t i = 0; i < s.nextensions; i++) {
		MUST(s.extension[i].name.n > 0 && s.extension[i].value.n > 0 && !alv_str_eqz(s.extension[i].name, "auth"));
		bytes += s.extension[i].name.n + s.extension[i].value.n;
	}
	MUST(bytes <= AUT_EXTENSIONS_BYTES);
}

static void
keys(const uint8_t *p, size_t n)
{
	struct aut_keys *k;
	const char	*why;

	if (aut_keys_parse(alv_str_make(p, n), &k, &why) == ALV_OK)
		MUST(aut_keys_count(k) > 0 && aut_keys_count(k) <= AUT_KEYS_MAX);
	else
		MUST(k == NULL && why[0] != '\0');
	aut_keys_put(k);
}

static void
token(const uint8_t *p, size_t n, struct alv_arena *a)
{
	struct aut_issuers *all = aut_oauth_get(world());
	struct aut_claims  *c = aut_claims_new();
	struct alv_str	    text = alv_arena_str(a, alv_str_make(p, n));

	MUST(c != NULL && text.p != NULL);
	MUST(aut_jwt_verify(all, text, ALV_STR("acme"), NOW, c) != NULL);
	aut_claims_free(c);
	aut_issuers_put(all);
}

static void
claims(const uint8_t *p, size_t n)
{
	struct alv_str	   endpoint = n > 0 && p[0] & 1 ? ALV_STR("acme") : ALV_STR("");
	struct pol_issuer *i = &conf[n > 0 && p[0] & 2 ? 1 : 0];
	json_t		  *v = n == 0 ? NULL : json_loadb((const char *)p + 1, n - 1, JSON_REJECT_DUPLICATES, NULL);
	struct aut_claims *c = aut_claims_new();

	MUST(c != NULL);
	if (json_is_object(v) && aut_claims_check(i, v, endpoint, NOW, c) == NULL) {
		MUST(pol_user_good(c->user) && c->rest_ms > 0 && c->ngroups <= POL_GROUPS_MAX);
		MUST(ten_id_check(c->tenant) == ALV_OK && (endpoint.n == 0 || alv_str_eq(c->tenant, endpoint)));
		for (size_t k = 0; k < c->ngroups; k++)
			MUST(pol_group_good(c->groups[k]));
	}
	aut_claims_free(c);
	json_decref(v);
}

static bool
lets(void *arg, struct alv_str tenant, struct alv_str user)
{
	(void)arg;
	(void)tenant;
	(void)user;
	__builtin_trap();	/* no token here is good */
}

static void
exchange(const uint8_t *p, size_t n, struct alv_arena *a)
{
	struct aut_server s;
	struct alv_str	  out;
	enum aut_step	  r = AUT_CONTINUE;

	aut_server_init(&s, AUT_OAUTHBEARER, NULL, NULL);
	MUST(aut_server_bearer(&s, world(), ALV_STR("acme"), lets) == ALV_OK);
	for (const uint8_t *end = p + n; r == AUT_CONTINUE && p < end;) {
		const uint8_t *stop = memchr(p, 0, (size_t)(end - p));

		r = aut_server_token(&s, alv_str_make(p, (size_t)((stop == NULL ? end : stop) - p)), a, &out);
		if (r == AUT_WORK) {
			aut_server_work(&s);
			r = aut_server_resume(&s, a, &out);
			MUST(r == AUT_CONTINUE && alv_str_eqz(out, "{\"status\":\"invalid_token\"}"));
		}
		MUST(r == AUT_CONTINUE || (r == AUT_FAIL && s.reason[0] != '\0'));
		p = stop == NULL ? end : stop + 1;
	}
	aut_server_fini(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct alv_arena a;

	if (n < 1 || n > AUT_JWKS_MAX)
		return 0;
	alv_arena_init(&a, 1 << 20);
	switch (data[0] % 5) {
	case 0: message(data + 1, n - 1); break;
	case 1: keys(data + 1, n - 1); break;
	case 2: token(data + 1, n - 1, &a); break;
	case 3: claims(data + 1, n - 1); break;
	default: exchange(data + 1, n - 1, &a); break;
	}
	alv_arena_fini(&a);
	return 0;
}
