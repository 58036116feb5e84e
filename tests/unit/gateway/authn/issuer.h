/* An issuer for tests: keys of every kind, the JWKS that shows them, and tokens signed with them, good ones and others. */
#ifndef ISSUER_H
#define ISSUER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/base64.h>
#include <alcove/oauth.h>
#include <alcove/str.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

enum { TOKEN_MAX = 16 * 1024 };

/* ---- base64url -------------------------------------------------------------------------------------- */

static inline void
add64(struct alv_buf *b, const void *p, size_t n)
{
	char text[ALV_BASE64_LEN(TOKEN_MAX) + 1];

	assert_true(n <= TOKEN_MAX);
	(void)alv_base64_encode(p, n, text);
	for (char *c = text; *c != '\0' && *c != '='; c++)
		alv_buf_byte(b, (uint8_t)(*c == '+' ? '-' : *c == '/' ? '_' : *c));
}

/* ---- keys ------------------------------------------------------------------------------------------- */

static inline EVP_PKEY *
make_key(const char *type, const char *more)
{
	EVP_PKEY *k = strcmp(type, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(more, NULL, 10)) :
	    strcmp(type, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", more) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	assert_non_null(k);
	return k;
}

static inline void
add_number(struct alv_buf *b, const char *name, EVP_PKEY *k, const char *param, int width)
{
	BIGNUM *v = NULL;
	uint8_t bytes[1024];
	int	n;

	assert_int_equal(EVP_PKEY_get_bn_param(k, param, &v), 1);
	n = width > 0 ? width : BN_num_bytes(v);
	assert_int_equal(BN_bn2binpad(v, bytes, n), n);
	alv_buf_printf(b, ",\"%s\":\"", name);
	add64(b, bytes, (size_t)n);
	alv_buf_z(b, "\"");
	BN_free(v);
}

/* One JWK; more: further members, as ",\"use\":\"sig\"". */
static inline void
add_jwk(struct alv_buf *b, EVP_PKEY *k, const char *more)
{
	uint8_t raw[32];
	size_t	n = sizeof(raw);
	int	bits = EVP_PKEY_get_bits(k), width = (bits + 7) / 8;

	if (EVP_PKEY_get_base_id(k) == EVP_PKEY_RSA) {
		alv_buf_z(b, "{\"kty\":\"RSA\"");
		add_number(b, "n", k, OSSL_PKEY_PARAM_RSA_N, 0);
		add_number(b, "e", k, OSSL_PKEY_PARAM_RSA_E, 0);
	} else if (EVP_PKEY_get_base_id(k) == EVP_PKEY_EC) {
		alv_buf_printf(b, "{\"kty\":\"EC\",\"crv\":\"P-%d\"", bits);
		add_number(b, "x", k, OSSL_PKEY_PARAM_EC_PUB_X, width);
		add_number(b, "y", k, OSSL_PKEY_PARAM_EC_PUB_Y, width);
	} else {
		assert_int_equal(EVP_PKEY_get_raw_public_key(k, raw, &n), 1);
		alv_buf_z(b, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
		add64(b, raw, n);
		alv_buf_z(b, "\"");
	}
	alv_buf_printf(b, "%s}", more);
}

/* ---- signatures --------------------------------------------------------------------------------------- */

/* OpenSSL's DER as the two numbers of RFC 7518. */
static inline size_t
raw_ecdsa(EVP_PKEY *k, const uint8_t *der, size_t n, uint8_t *out)
{
	int	   width = (EVP_PKEY_get_bits(k) + 7) / 8;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)n);

	assert_non_null(s);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(s), out, width), width);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(s), out + width, width), width);
	ECDSA_SIG_free(s);
	return (size_t)width * 2;
}

static inline size_t
sign(EVP_PKEY *k, const char *alg, const void *p, size_t n, uint8_t out[static 1024])
{
	EVP_MD_CTX   *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	char	      digest[8];
	uint8_t	      sig[1024];
	size_t	      len = sizeof(sig);
	bool	      ed = strcmp(alg, "EdDSA") == 0;

	snprintf(digest, sizeof(digest), "SHA%.3s", ed ? "" : alg + 2);
	assert_int_equal(EVP_DigestSignInit_ex(md, &ctx, ed ? NULL : digest, NULL, NULL, k, NULL), 1);
	if (alg[0] == 'P') {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST), 1);
	}
	assert_int_equal(EVP_DigestSign(md, sig, &len, p, n), 1);
	EVP_MD_CTX_free(md);
	if (EVP_PKEY_get_base_id(k) == EVP_PKEY_EC)
		return raw_ecdsa(k, sig, len, out);
	memcpy(out, sig, len);
	return len;
}

/* ---- tokens ------------------------------------------------------------------------------------------- */

/* header.claims. into b; the caller frees it. */
static inline void
begin_token(struct alv_buf *b, const char *header, const char *claims)
{
	alv_buf_init(b, TOKEN_MAX * 2);
	add64(b, header, strlen(header));
	alv_buf_byte(b, '.');
	add64(b, claims, strlen(claims));
}

static inline void
end_token(struct alv_buf *b, const void *sig, size_t n)
{
	alv_buf_byte(b, '.');
	add64(b, sig, n);
	alv_buf_byte(b, 0);
	assert_int_equal(b->err, 0);
}

/* Signed by k with alg, whatever the header says. */
static inline void
make_token(struct alv_buf *b, const char *header, const char *claims, EVP_PKEY *k, const char *alg)
{
	uint8_t sig[1024];

	begin_token(b, header, claims);
	end_token(b, sig, sign(k, alg, b->p, b->n, sig));
}

static inline struct alv_str
token_of(const struct alv_buf *b)
{
	return alv_str_make(b->p, b->n - 1);
}

#endif
