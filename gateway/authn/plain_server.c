/* PLAIN (RFC 4616), server side: the password is turned into SCRAM's stored key and compared with the account's. That
 * costs PBKDF2, so it happens off the loop, for known and unknown names alike. */
#include <openssl/crypto.h>

#include "authn/mechanism.h"
#include "authn/scram.h"

/* authzid NUL authcid NUL password: exactly two NULs. */
static bool
split(struct alv_str in, struct alv_str part[static 3])
{
	size_t at = 0;

	for (int i = 0; i < 3; i++) {
		const char *nul = memchr(in.p + at, '\0', in.n - at);
		size_t	    end = nul == NULL ? in.n : (size_t)(nul - in.p);

		if ((nul == NULL) != (i == 2))
			return false;
		part[i] = (struct alv_str){ in.p + at, end - at };
		at = end + (i == 2 ? 0 : 1);
	}
	return true;
}

enum aut_step
aut_plain_server_token(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	struct alv_str part[3];

	(void)a;
	(void)out;
	if (s->step != AUT_AT_FIRST)
		return aut_server_refuse(s, "a token where none was expected");
	if (!split(in, part))
		return aut_server_refuse(s, "a malformed PLAIN token");
	if (part[1].n == 0 || part[1].n > AUT_LOGIN_MAX || !alv_str_utf8(part[1]) || part[2].n == 0)
		return aut_server_refuse(s, "a malformed user name or an empty password");
	if (part[0].n != 0 && !alv_str_eq(part[0], part[1]))
		return aut_server_refuse(s, "an authorization identity was asked for");
	alv_buf_str(&s->password, part[2]);
	if (s->password.err)
		return aut_server_refuse(s, "out of memory");
	aut_server_ask(s, part[1]);
	s->step = AUT_AT_WORK;
	return AUT_WORK;
}

void
aut_plain_server_work(struct aut_server *s)
{
	enum pol_mechanism	m = s->account.plain;
	const struct pol_scram *k = &s->account.scram[m];
	uint8_t			salted[AUT_HASH_MAX], key[AUT_HASH_MAX], stored[AUT_HASH_MAX];
	bool			same = false;

	if (k->present && !aut_scram_salted(m, alv_str_make(s->password.p, s->password.n), k->salt, k->salt_n,
	    k->iterations, salted) && !aut_scram_client_key(m, salted, key) && !aut_scram_stored_key(m, key, stored))
		same = CRYPTO_memcmp(stored, k->stored_key, aut_scram_len(m)) == 0;
	s->proof_ok = same & s->account.known & !s->account.fake[m];
	alv_buf_wipe(&s->password);
	OPENSSL_cleanse(salted, sizeof(salted));
	OPENSSL_cleanse(key, sizeof(key));
}
