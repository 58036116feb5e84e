/* SCRAM's key derivations. A password enters here and only stored and server key leave; what lies between is wiped. */
#include <alcove/base64.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "authn/scram.h"

static const EVP_MD *
digest_of(enum pol_mechanism m)
{
	return m == POL_SCRAM_SHA_256 ? EVP_sha256() : EVP_sha512();
}

size_t
aut_scram_len(enum pol_mechanism m)
{
	return m == POL_SCRAM_SHA_256 ? 32 : 64;
}

static enum alv_err
hash(enum pol_mechanism m, const uint8_t *p, size_t n, uint8_t out[static AUT_HASH_MAX])
{
	return EVP_Digest(p, n, out, NULL, digest_of(m), NULL) == 1 ? ALV_OK : ALV_E_CRYPTO;
}

enum alv_err
aut_scram_hmac(enum pol_mechanism m, const uint8_t *key, size_t key_n, const void *p, size_t n,
    uint8_t out[static AUT_HASH_MAX])
{
	unsigned len;

	return HMAC(digest_of(m), key, (int)key_n, p, n, out, &len) != NULL ? ALV_OK : ALV_E_CRYPTO;
}

enum alv_err
aut_scram_salted(enum pol_mechanism m, struct alv_str password, const uint8_t *salt, size_t salt_n, uint32_t iterations,
    uint8_t out[static AUT_HASH_MAX])
{
	if (password.n > AUT_TOKEN_MAX || iterations < 1 || iterations > AUT_ITERATIONS_MAX)
		return ALV_E_RANGE;
	return PKCS5_PBKDF2_HMAC(password.p, (int)password.n, salt, (int)salt_n, (int)iterations, digest_of(m),
	    (int)aut_scram_len(m), out) == 1 ? ALV_OK : ALV_E_CRYPTO;
}

enum alv_err
aut_scram_client_key(enum pol_mechanism m, const uint8_t *salted, uint8_t out[static AUT_HASH_MAX])
{
	return aut_scram_hmac(m, salted, aut_scram_len(m), "Client Key", 10, out);
}

enum alv_err
aut_scram_stored_key(enum pol_mechanism m, const uint8_t *client_key, uint8_t out[static AUT_HASH_MAX])
{
	return hash(m, client_key, aut_scram_len(m), out);
}

enum alv_err
aut_scram_server_key(enum pol_mechanism m, const uint8_t *salted, uint8_t out[static AUT_HASH_MAX])
{
	return aut_scram_hmac(m, salted, aut_scram_len(m), "Server Key", 10, out);
}

void
aut_scram_nonce(char *out, size_t cap)
{
	uint8_t random[AUT_NONCE_BYTES];

	out[0] = '\0';
	if (cap > AUT_NONCE_CHARS && RAND_bytes(random, sizeof(random)) == 1)
		alv_base64_encode(random, sizeof(random), out);
}

enum alv_err
aut_scram_of_salted(enum pol_mechanism m, const uint8_t *salted, struct pol_scram *k)
{
	uint8_t	     client[AUT_HASH_MAX];
	enum alv_err err = aut_scram_client_key(m, salted, client);

	if (!err)
		err = aut_scram_stored_key(m, client, k->stored_key);
	if (!err)
		err = aut_scram_server_key(m, salted, k->server_key);
	OPENSSL_cleanse(client, sizeof(client));
	return err;
}

static enum alv_err
derive(enum pol_mechanism m, struct alv_str password, struct pol_scram *k)
{
	uint8_t	     salted[AUT_HASH_MAX];
	enum alv_err err = aut_scram_salted(m, password, k->salt, k->salt_n, k->iterations, salted);

	if (!err)
		err = aut_scram_of_salted(m, salted, k);
	OPENSSL_cleanse(salted, sizeof(salted));
	return err;
}

enum alv_err
aut_scram_make(enum pol_mechanism m, struct alv_str password, uint32_t iterations, struct pol_scram *out)
{
	struct pol_scram k = { .present = true, .iterations = iterations, .salt_n = out->salt_n };
	enum alv_err	 err;

	if (iterations < AUT_ITERATIONS_MIN || iterations > AUT_ITERATIONS_MAX)
		return ALV_E_RANGE;
	if (password.n == 0 || k.salt_n > sizeof(k.salt))
		return ALV_E_VALUE;
	memcpy(k.salt, out->salt, k.salt_n);
	if (k.salt_n == 0) {
		k.salt_n = AUT_SALT_BYTES;
		if (RAND_bytes(k.salt, k.salt_n) != 1)
			return ALV_E_CRYPTO;
	}
	err = derive(m, password, &k);
	if (!err)
		*out = k;
	OPENSSL_cleanse(&k, sizeof(k));
	return err;
}
