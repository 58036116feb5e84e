/* One key of a JWKS (RFC 7517, 7518 section 6, 8037 section 2) into OpenSSL's form. Only public parts are looked at. */
#include <alcove/base64.h>
#include <alcove/str.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "authn/jws.h"

enum { RSA_MIN = 256, RSA_MAX = 1024, EXPONENT_MAX = 8, NUMBER_MAX = 1024 };	/* bytes */

static const struct {
	const char *name;
	uint32_t    algs;
} all[] = {
	{ "RS256", 1u << AUT_RS256 }, { "RS384", 1u << AUT_RS384 }, { "RS512", 1u << AUT_RS512 },
	{ "PS256", 1u << AUT_PS256 }, { "PS384", 1u << AUT_PS384 }, { "PS512", 1u << AUT_PS512 },
	{ "ES256", 1u << AUT_ES256 }, { "ES384", 1u << AUT_ES384 }, { "ES512", 1u << AUT_ES512 },
	{ "EdDSA", 1u << AUT_EDDSA },
};
enum { OF_RSA = 1u << AUT_RS256 | 1u << AUT_RS384 | 1u << AUT_RS512 | 1u << AUT_PS256 | 1u << AUT_PS384 | 1u << AUT_PS512 };

static const struct curve {
	const char *name, *openssl;
	size_t	    bytes;
	uint32_t    algs;
} curves[] = {
	{ "P-256", "prime256v1", 32, 1u << AUT_ES256 },
	{ "P-384", "secp384r1", 48, 1u << AUT_ES384 },
	{ "P-521", "secp521r1", 66, 1u << AUT_ES512 },
};

bool
aut_alg_find(struct alv_str name, enum aut_alg *a)
{
	for (size_t i = 0; i < ALV_COUNT(all); i++) {
		if (alv_str_eqz(name, all[i].name)) {
			*a = (enum aut_alg)i;
			return true;
		}
	}
	return false;
}

/* Null: it is not there, or no text. */
static struct alv_str
text_of(const json_t *jwk, const char *name)
{
	const json_t *v = json_object_get(jwk, name);

	return json_is_string(v) ? alv_str_make(json_string_value(v), json_string_length(v)) : ALV_STR_NULL;
}

/* Bytes of a member; 0: it is not there, malformed or too long. */
static size_t
number_of(const json_t *jwk, const char *name, uint8_t out[static NUMBER_MAX])
{
	struct alv_str s = text_of(jwk, name);
	size_t	       n;

	return s.p == NULL || alv_base64url_decode(s, out, NUMBER_MAX, &n) ? 0 : n;
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *b)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM   *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY     *k = NULL;

	if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &k, EVP_PKEY_PUBLIC_KEY, params) != 1)
		k = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return k;
}

static EVP_PKEY *
rsa_key(const json_t *jwk)
{
	uint8_t		n[NUMBER_MAX], e[NUMBER_MAX];
	size_t		n_len = number_of(jwk, "n", n), e_len = number_of(jwk, "e", e);
	BIGNUM	       *bn = n_len < RSA_MIN || n_len > RSA_MAX ? NULL : BN_bin2bn(n, (int)n_len, NULL);
	BIGNUM	       *be = e_len == 0 || e_len > EXPONENT_MAX ? NULL : BN_bin2bn(e, (int)e_len, NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY       *k = NULL;

	if (b != NULL && bn != NULL && be != NULL && BN_num_bits(bn) >= RSA_MIN * 8 && BN_is_odd(bn) && BN_is_odd(be) && !BN_is_one(be) &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) == 1 && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be) == 1)
		k = from_params("RSA", b);
	OSSL_PARAM_BLD_free(b);
	BN_free(bn);
	BN_free(be);
	return k;
}

static EVP_PKEY *
ec_key(const json_t *jwk, const struct curve *c)
{
	uint8_t		x[NUMBER_MAX], y[NUMBER_MAX], point[1 + 2 * 66];
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY       *k = NULL;

	/* Of the whole length each, as RFC 7518 says. */
	if (b != NULL && number_of(jwk, "x", x) == c->bytes && number_of(jwk, "y", y) == c->bytes) {
		point[0] = 4;
		memcpy(point + 1, x, c->bytes);
		memcpy(point + 1 + c->bytes, y, c->bytes);
		if (OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, c->openssl, 0) == 1 &&
		    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * c->bytes) == 1)
			k = from_params("EC", b);
	}
	OSSL_PARAM_BLD_free(b);
	return k;
}

static EVP_PKEY *
ed_key(const json_t *jwk)
{
	uint8_t x[NUMBER_MAX];

	return number_of(jwk, "x", x) == 32 ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, 32) : NULL;
}

/* By kty and crv: what the key can do, and the key. NOT_FOUND: nothing that is used here. */
static enum alv_err
read_type(const json_t *jwk, struct aut_key *key)
{
	struct alv_str kty = text_of(jwk, "kty"), crv = text_of(jwk, "crv");

	if (alv_str_eqz(kty, "RSA")) {
		key->algs = OF_RSA;
		key->pkey = rsa_key(jwk);
	} else if (alv_str_eqz(kty, "OKP") && alv_str_eqz(crv, "Ed25519")) {
		key->algs = 1u << AUT_EDDSA;
		key->pkey = ed_key(jwk);
	} else if (alv_str_eqz(kty, "EC")) {
		for (size_t i = 0; i < ALV_COUNT(curves); i++) {
			if (!alv_str_eqz(crv, curves[i].name))
				continue;
			key->algs = curves[i].algs;
			key->pkey = ec_key(jwk, &curves[i]);
		}
	}
	if (key->algs == 0)
		return ALV_E_NOT_FOUND;
	return key->pkey == NULL || EVP_PKEY_get_bits(key->pkey) <= 0 ? ALV_E_VALUE : ALV_OK;
}

/* What it may be used for by its own words: `use`, `key_ops`. */
static bool
may_verify(const json_t *jwk)
{
	const json_t *ops = json_object_get(jwk, "key_ops"), *use = json_object_get(jwk, "use"), *op;
	size_t	      i;

	if (use != NULL && !alv_str_eqz(text_of(jwk, "use"), "sig"))
		return false;
	json_array_foreach(ops, i, op)
		if (json_is_string(op) && strcmp(json_string_value(op), "verify") == 0)
			return true;
	return ops == NULL;
}

static char *
pem_of(EVP_PKEY *k)
{
	BIO  *bio = BIO_new(BIO_s_mem());
	char *p, *copy = NULL;
	long  n;

	if (bio != NULL && PEM_write_bio_PUBKEY(bio, k) == 1 && (n = BIO_get_mem_data(bio, &p)) > 0)
		copy = strndup(p, (size_t)n);
	BIO_free(bio);
	return copy;
}

enum alv_err
aut_jwk_read(json_t *jwk, struct aut_key *key)
{
	const json_t  *alg = json_object_get(jwk, "alg"), *kid = json_object_get(jwk, "kid");
	struct alv_str name = text_of(jwk, "kid");
	enum aut_alg   a = (enum aut_alg)0;	/* said only where `alg` is */
	enum alv_err   err;

	*key = (struct aut_key){ .pkey = NULL };
	if (!json_is_object(jwk) || (kid != NULL && name.p == NULL) || name.n > AUT_KID_MAX)
		return ALV_E_VALUE;
	if (!may_verify(jwk) || (alg != NULL && !aut_alg_find(text_of(jwk, "alg"), &a)))
		return ALV_E_NOT_FOUND;
	err = read_type(jwk, key);
	if (!err && alg != NULL)
		key->algs &= 1u << a;
	if (!err && key->algs == 0)
		err = ALV_E_VALUE;	/* `alg` is of another `kty` */
	if (!err && (key->pem = pem_of(key->pkey)) == NULL)
		err = ALV_E_NOMEM;
	if (name.n > 0)
		memcpy(key->kid, name.p, name.n);
	if (err)
		aut_jwk_fini(key);
	ERR_clear_error();
	return err;
}

void
aut_jwk_fini(struct aut_key *key)
{
	EVP_PKEY_free(key->pkey);
	free(key->pem);
	*key = (struct aut_key){ .pkey = NULL };
}
