/* SCRAM, server side. A proof against fake keys is checked like any other and then fails: who asks cannot tell by
 * bytes, operations or time whether a name exists. */
#include <alcove/base64.h>

#include <openssl/crypto.h>

#include "authn/mechanism.h"
#include "authn/scram.h"

static bool
is_nonce(struct alv_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n > 0;
}

/* "n,," or "y,,": no channel binding, no other authorization identity. */
static bool
read_gs2(struct aut_server *s, struct alv_str *in)
{
	if (!alv_str_starts(*in, ALV_STR("n,,")) && !alv_str_starts(*in, ALV_STR("y,,")))
		return false;
	memcpy(s->gs2, in->p, 3);
	in->p += 3;
	in->n -= 3;
	return true;
}

/* What else the client says. Kafka's delegation tokens are users of another kind: not taken for ours. */
static const char *
read_extensions(struct aut_attrs *c)
{
	struct aut_attr a;

	while (aut_attr_next(c, &a)) {
		if (alv_str_eqz(a.name, "tokenauth"))
			return "delegation tokens are not supported";
		if (alv_str_eqz(a.name, "m"))
			return "a mandatory extension";
	}
	return c->bad ? "malformed extensions" : NULL;
}

static enum aut_step
answer_first(struct aut_server *s, const struct pol_scram *k, struct alv_arena *a, struct alv_str *out)
{
	char	       salt[ALV_BASE64_LEN(sizeof(k->salt)) + 1];
	struct alv_str answer;

	alv_base64_encode(k->salt, k->salt_n, salt);
	answer = alv_arena_printf(a, "r=%s,s=%s,i=%u", s->nonce, salt, k->iterations);
	alv_buf_str(&s->auth_message, answer);
	alv_buf_byte(&s->auth_message, ',');
	if (answer.p == NULL || s->auth_message.err)
		return aut_server_refuse(s, "out of memory");
	*out = answer;
	s->step = AUT_AT_FINAL;
	return AUT_CONTINUE;
}

static enum aut_step
first(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	enum pol_mechanism m = aut_mechanism_row(s->mechanism)->keys;
	struct aut_attrs   c;
	struct alv_str	   name, nonce;
	char		   login[AUT_LOGIN_MAX];
	size_t		   login_n;
	const char	  *wrong;

	if (!read_gs2(s, &in))
		return aut_server_refuse(s, "channel binding or an authorization identity was asked for");
	aut_attrs_init(&c, in);
	if (!aut_attr_want(&c, "n", &name) || !aut_attr_want(&c, "r", &nonce) || !is_nonce(nonce))
		return aut_server_refuse(s, "a malformed first message");
	if ((wrong = read_extensions(&c)) != NULL)
		return aut_server_refuse(s, wrong);
	if (aut_saslname_read(name, login, sizeof(login), &login_n) || !alv_str_utf8(alv_str_make(login, login_n)))
		return aut_server_refuse(s, "a malformed user name");
	if (s->nonce[0] == '\0' || nonce.n >= sizeof(s->nonce) - strlen(s->nonce))
		return aut_server_refuse(s, "a nonce that is too long, or no randomness");
	memmove(s->nonce + nonce.n, s->nonce, strlen(s->nonce) + 1);
	memcpy(s->nonce, nonce.p, nonce.n);
	alv_buf_str(&s->auth_message, in);
	alv_buf_byte(&s->auth_message, ',');
	aut_server_ask(s, alv_str_make(login, login_n));
	if (!s->account.scram[m].present)
		return aut_server_refuse(s, "no keys for this mechanism");
	return answer_first(s, &s->account.scram[m], a, out);
}

/* c=, r=, what the client likes, and p= at the end. False: malformed. *without_proof ends before ",p=". */
static bool
read_final(struct alv_str in, struct alv_str *binding, struct alv_str *nonce, struct alv_str *proof,
    struct alv_str *without_proof)
{
	struct aut_attrs c;
	struct aut_attr	 last = { .start = NULL };

	aut_attrs_init(&c, in);
	if (!aut_attr_want(&c, "c", binding) || !aut_attr_want(&c, "r", nonce))
		return false;
	while (aut_attr_next(&c, &last))
		if (alv_str_eqz(last.name, "p"))
			break;
	if (c.bad || last.start == NULL || !alv_str_eqz(last.name, "p") || c.p != c.end || c.comma)
		return false;
	*proof = last.value;
	*without_proof = (struct alv_str){ in.p, (size_t)(last.start - 1 - in.p) };
	return true;
}

static bool
check_proof(struct aut_server *s, enum pol_mechanism m, const uint8_t *proof)
{
	const struct pol_scram *k = &s->account.scram[m];
	uint8_t	     signature[AUT_HASH_MAX], key[AUT_HASH_MAX], stored[AUT_HASH_MAX];
	size_t	     n = aut_scram_len(m);
	bool	     same = false;

	if (!aut_scram_hmac(m, k->stored_key, n, s->auth_message.p, s->auth_message.n, signature)) {
		for (size_t i = 0; i < n; i++)
			key[i] = signature[i] ^ proof[i];
		if (!aut_scram_stored_key(m, key, stored))
			same = CRYPTO_memcmp(stored, k->stored_key, n) == 0;
	}
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(signature, sizeof(signature));
	return same & s->account.known & !s->account.fake[m];
}

static enum aut_step
answer_final(struct aut_server *s, enum pol_mechanism m, struct alv_arena *a, struct alv_str *out)
{
	uint8_t signature[AUT_HASH_MAX];
	char	text[ALV_BASE64_LEN(AUT_HASH_MAX) + 1];
	size_t	n = aut_scram_len(m);

	if (aut_scram_hmac(m, s->account.scram[m].server_key, n, s->auth_message.p, s->auth_message.n, signature))
		return aut_server_refuse(s, "a cryptographic operation failed");
	alv_base64_encode(signature, n, text);
	*out = alv_arena_printf(a, "v=%s", text);
	if (out->p == NULL) {
		*out = ALV_STR("");
		return aut_server_refuse(s, "out of memory");
	}
	s->step = AUT_AT_END;
	return AUT_OK;
}

static enum aut_step
final(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	enum pol_mechanism m = aut_mechanism_row(s->mechanism)->keys;
	struct alv_str	   binding, nonce, text, without_proof;
	uint8_t		   proof[AUT_HASH_MAX];
	char		   want[8];
	size_t		   n;

	if (!read_final(in, &binding, &nonce, &text, &without_proof))
		return aut_server_refuse(s, "a malformed final message");
	alv_base64_encode(s->gs2, 3, want);
	if (!alv_str_eqz(binding, want))
		return aut_server_refuse(s, "channel binding differs from the first message");
	/* librdkafka before 2.2 puts its own nonce in front once more; brokers look at the end only, and so do we: the proof
	 * is over the message as it was sent. */
	if (!alv_str_ends(nonce, alv_str_of(s->nonce)))
		return aut_server_refuse(s, "a foreign nonce");
	if (alv_base64_decode(text, proof, sizeof(proof), &n) || n != aut_scram_len(m))
		return aut_server_refuse(s, "a malformed proof");
	alv_buf_str(&s->auth_message, without_proof);
	if (s->auth_message.err)
		return aut_server_refuse(s, "out of memory");
	s->proof_ok = check_proof(s, m, proof);
	if (!s->proof_ok)
		return aut_server_unproven(s);
	return answer_final(s, m, a, out);
}

enum aut_step
aut_scram_server_token(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	return s->step == AUT_AT_FIRST ? first(s, in, a, out) : final(s, in, a, out);
}
