/* Is a signature good? RS and ES by libjwt, PS and EdDSA by OpenSSL. By the time libjwt sees a token its header has been read
 * and its algorithm held against the key: libjwt itself would take a public key for a secret of HMAC, and no key for no question. */
#include <alcove/base64.h>
#include <alcove/check.h>
#include <alcove/str.h>

#include <jwt.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "authn/jws.h"

enum { SIGNATURE_MAX = 1024 };

static const struct {
	jwt_alg_t libjwt;	/* NONE: by OpenSSL */
	const char *digest;	/* NULL: part of the scheme */
} schemes[AUT_ALGS] = {
	[AUT_RS256] = { JWT_ALG_RS256, NULL }, [AUT_RS384] = { JWT_ALG_RS384, NULL }, [AUT_RS512] = { JWT_ALG_RS512, NULL },
	[AUT_ES256] = { JWT_ALG_ES256, NULL }, [AUT_ES384] = { JWT_ALG_ES384, NULL }, [AUT_ES512] = { JWT_ALG_ES512, NULL },
	[AUT_PS256] = { JWT_ALG_NONE, "SHA256" }, [AUT_PS384] = { JWT_ALG_NONE, "SHA384" }, [AUT_PS512] = { JWT_ALG_NONE, "SHA512" },
	[AUT_EDDSA] = { JWT_ALG_NONE, NULL },
};

static bool
by_libjwt(const struct aut_key *key, enum aut_alg a, struct alv_str token)
{
	jwt_t *jwt = NULL;
	bool   good;

	ALV_CHECK(key->pem != NULL && schemes[a].libjwt != JWT_ALG_NONE);
	good = jwt_decode(&jwt, token.p, (const unsigned char *)key->pem, (int)strlen(key->pem)) == 0 &&
	    jwt_get_alg(jwt) == schemes[a].libjwt;
	jwt_free(jwt);
	return good;
}

/* RFC 7518, 3.5: MGF1 with the same digest, and a salt as long as that. */
static bool
set_pss(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static bool
by_openssl(const struct aut_key *key, enum aut_alg a, struct alv_str token, size_t signed_n)
{
	EVP_MD_CTX    *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX  *ctx = NULL;
	struct alv_str text = alv_str_make(token.p + signed_n + 1, token.n - signed_n - 1);
	uint8_t	       sig[SIGNATURE_MAX];
	size_t	       n;
	bool	       good;

	good = md != NULL && alv_base64url_decode(text, sig, sizeof(sig), &n) == ALV_OK &&
	    EVP_DigestVerifyInit_ex(md, &ctx, schemes[a].digest, NULL, NULL, key->pkey, NULL) == 1 &&
	    (a == AUT_EDDSA || set_pss(ctx)) &&
	    EVP_DigestVerify(md, sig, n, (const uint8_t *)token.p, signed_n) == 1;
	EVP_MD_CTX_free(md);
	return good;
}

bool
aut_jws_good(const struct aut_key *key, enum aut_alg a, struct alv_str token, size_t signed_n)
{
	bool good;

	ALV_CHECK(signed_n < token.n && token.p[signed_n] == '.' && token.p[token.n] == '\0');
	if ((key->algs & 1u << a) == 0)
		return false;
	good = schemes[a].libjwt != JWT_ALG_NONE ? by_libjwt(key, a, token) : by_openssl(key, a, token, signed_n);
	ERR_clear_error();
	return good;
}
