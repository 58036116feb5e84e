/* SCRAM, client side, towards brokers. The broker must prove that it knows the server key: AUT_OK is not reached
 * otherwise. Fewer iterations than Kafka itself allows are refused: a cheap salt would be a question for the password. */
#include <alcove/base64.h>

#include <openssl/crypto.h>

#include "authn/mechanism.h"
#include "authn/scram.h"

static enum aut_step
say_first(struct aut_client *c, struct alv_arena *a, struct alv_str *out)
{
	struct alv_str user = aut_saslname_write(c->user, a), bare;

	if (c->nonce[0] == '\0')
		return aut_client_refuse(c, "no randomness");
	bare = alv_arena_printf(a, "n=%.*s,r=%s", ALV_STR_ARG(user), c->nonce);
	*out = alv_arena_cat(a, ALV_STR("n,,"), bare);
	alv_buf_str(&c->auth_message, bare);
	alv_buf_byte(&c->auth_message, ',');
	if (a->failed || c->auth_message.err) {
		*out = ALV_STR("");
		return aut_client_refuse(c, "out of memory");
	}
	c->step = AUT_AT_FINAL;
	return AUT_CONTINUE;
}

/* "r=...,s=...,i=..." and what else the broker likes to say. NULL: good. */
static const char *
read_first(struct aut_client *c, struct alv_str in, struct alv_str *nonce, uint8_t salt[static 64], size_t *salt_n,
    uint32_t *iterations)
{
	struct aut_attrs at;
	struct aut_attr	 more;
	struct alv_str	 text, count;
	uint64_t	 n;

	aut_attrs_init(&at, in);
	if (!aut_attr_want(&at, "r", nonce) || !aut_attr_want(&at, "s", &text) || !aut_attr_want(&at, "i", &count))
		return "the broker's first message is malformed";
	while (aut_attr_next(&at, &more))
		;
	if (at.bad)
		return "the broker's first message is malformed";
	if (!alv_str_starts(*nonce, alv_str_of(c->nonce)) || nonce->n == strlen(c->nonce))
		return "the broker's nonce does not begin with ours";
	if (alv_base64_decode(text, salt, 64, salt_n) || *salt_n == 0)
		return "the broker's salt is malformed or longer than 64 bytes";
	if (alv_str_u64(count, AUT_ITERATIONS_MAX, &n) || n < AUT_ITERATIONS_MIN)
		return "the broker's iterations are not between 4096 and 1000000";
	*iterations = (uint32_t)n;
	return NULL;
}

static enum aut_step
say_final(struct aut_client *c, struct alv_arena *a, struct alv_str *out)
{
	enum pol_mechanism m = aut_mechanism_row(c->mechanism)->keys;
	uint8_t		   key[AUT_HASH_MAX], stored[AUT_HASH_MAX], proof[AUT_HASH_MAX], server[AUT_HASH_MAX];
	char		   text[ALV_BASE64_LEN(AUT_HASH_MAX) + 1];
	size_t		   n = aut_scram_len(m);
	const uint8_t	  *said = c->auth_message.p;
	bool		   ok;

	ok = !aut_scram_client_key(m, c->salted, key) && !aut_scram_stored_key(m, key, stored) &&
	    !aut_scram_hmac(m, stored, n, said, c->auth_message.n, proof) && !aut_scram_server_key(m, c->salted, server) &&
	    !aut_scram_hmac(m, server, n, said, c->auth_message.n, c->server_signature);
	for (size_t i = 0; ok && i < n; i++)
		proof[i] ^= key[i];
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(server, sizeof(server));
	if (!ok)
		return aut_client_refuse(c, "a cryptographic operation failed");
	alv_base64_encode(proof, n, text);
	*out = alv_arena_printf(a, "%.*s,p=%s", (int)(c->auth_message.n - c->final_at), (const char *)said + c->final_at,
	    text);
	if (out->p == NULL) {
		*out = ALV_STR("");
		return aut_client_refuse(c, "out of memory");
	}
	c->step = AUT_AT_PROOF;
	return AUT_CONTINUE;
}

static enum aut_step
hear_first(struct aut_client *c, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	uint8_t	       salt[64];
	size_t	       salt_n;
	uint32_t       iterations;
	struct alv_str nonce;
	const char    *wrong = read_first(c, in, &nonce, salt, &salt_n, &iterations);

	if (wrong != NULL)
		return aut_client_refuse(c, wrong);
	alv_buf_str(&c->auth_message, in);
	alv_buf_byte(&c->auth_message, ',');
	c->final_at = c->auth_message.n;
	alv_buf_z(&c->auth_message, "c=biws,r=");
	alv_buf_str(&c->auth_message, nonce);
	if (c->auth_message.err)
		return aut_client_refuse(c, "out of memory");
	if (c->iterations == iterations && c->salt_n == salt_n && memcmp(c->salt, salt, salt_n) == 0)
		return say_final(c, a, out);
	memcpy(c->salt, salt, salt_n);
	c->salt_n = (uint8_t)salt_n;
	c->iterations = iterations;
	c->step = AUT_AT_WORK;
	return AUT_WORK;
}

static enum aut_step
hear_final(struct aut_client *c, struct alv_str in)
{
	struct aut_attrs at;
	struct alv_str	 text;
	uint8_t		 signature[AUT_HASH_MAX];
	size_t		 n;
	size_t		 want = aut_scram_len(aut_mechanism_row(c->mechanism)->keys);

	if (alv_str_starts(in, ALV_STR("e=")))
		return aut_client_refuse(c, "the broker refused the proof");
	aut_attrs_init(&at, in);
	if (!aut_attr_want(&at, "v", &text) || alv_base64_decode(text, signature, sizeof(signature), &n) || n != want)
		return aut_client_refuse(c, "the broker's last message is malformed");
	if (CRYPTO_memcmp(signature, c->server_signature, n) != 0)
		return aut_client_refuse(c, "the broker does not know this user's keys: not the one that was meant");
	c->step = AUT_AT_END;
	return AUT_OK;
}

enum aut_step
aut_scram_client_token(struct aut_client *c, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	if (c->step == AUT_AT_FIRST)
		return say_first(c, a, out);
	if (c->step == AUT_AT_FINAL)
		return hear_first(c, in, a, out);
	return hear_final(c, in);
}

void
aut_scram_client_work(struct aut_client *c)
{
	enum pol_mechanism m = aut_mechanism_row(c->mechanism)->keys;

	if (aut_scram_salted(m, c->password, c->salt, c->salt_n, c->iterations, c->salted))
		c->iterations = 0;	/* no cache of what failed; resume sees it */
}

enum aut_step
aut_scram_client_resume(struct aut_client *c, struct alv_arena *a, struct alv_str *out)
{
	if (c->iterations == 0)
		return aut_client_refuse(c, "a cryptographic operation failed");
	return say_final(c, a, out);
}
