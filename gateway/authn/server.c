/* The server side of an exchange, whatever the mechanism.
 *
 *   FIRST --token--> FINAL --token--> END	SCRAM
 *   FIRST --token--> WORK --work--> PROOF --resume--> END	PLAIN; OAUTHBEARER, which says more where it fails
 *
 * Every way of failing gives the same: AUT_FAIL and no token. */
#include <alcove/check.h>

#include <openssl/crypto.h>

#include "authn/bearer.h"
#include "authn/mechanism.h"
#include "authn/scram.h"

static size_t
token_max(enum aut_mechanism m)
{
	size_t own = aut_mechanism_row(m)->token_max;

	return own == 0 ? AUT_TOKEN_MAX : own;
}

void
aut_server_init(struct aut_server *s, enum aut_mechanism m, aut_lookup_fn lookup, void *arg)
{
	memset(s, 0, sizeof(*s));
	s->mechanism = m;
	s->step = AUT_AT_FIRST;
	s->lookup = lookup;
	s->lookup_arg = arg;
	s->reason = "";
	alv_buf_init(&s->auth_message, 3 * AUT_TOKEN_MAX);
	alv_buf_init(&s->password, token_max(m));
	aut_scram_nonce(s->nonce, sizeof(s->nonce));
}

enum aut_step
aut_server_refuse(struct aut_server *s, const char *reason)
{
	s->step = AUT_AT_END;
	s->reason = reason;
	s->fault = ALV_LOGIN_MALFORMED;
	s->proof_ok = false;
	return AUT_FAIL;
}

enum aut_step
aut_server_unproven(struct aut_server *s)
{
	enum aut_step r = aut_server_refuse(s, s->account.known ? "wrong password" : "unknown or disabled user");

	s->fault = s->account.known ? ALV_LOGIN_PASSWORD : ALV_LOGIN_UNKNOWN;
	return r;
}

void
aut_server_ask(struct aut_server *s, struct alv_str login)
{
	s->lookup(s->lookup_arg, login, &s->account);
	s->asked = true;
}

enum aut_step
aut_server_token(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	*out = ALV_STR("");
	if (s->step != AUT_AT_FIRST && s->step != AUT_AT_FINAL)
		return aut_server_refuse(s, "a token where none was expected");
	if (in.p == NULL || in.n == 0)
		return aut_server_refuse(s, "an empty token");
	if (in.n > token_max(s->mechanism))
		return aut_server_refuse(s, "a token that is too long");
	return aut_mechanism_row(s->mechanism)->server_token(s, in, a, out);
}

void
aut_server_work(struct aut_server *s)
{
	ALV_CHECK(s->step == AUT_AT_WORK);
	s->step = AUT_AT_PROOF;
	aut_mechanism_row(s->mechanism)->server_work(s);
}

enum aut_step
aut_server_resume(struct aut_server *s, struct alv_arena *a, struct alv_str *out)
{
	const struct aut_mechanism_row *row = aut_mechanism_row(s->mechanism);

	*out = ALV_STR("");
	ALV_CHECK(s->step == AUT_AT_PROOF);
	if (row->server_resume != NULL)
		return row->server_resume(s, a, out);
	if (!s->proof_ok)
		return aut_server_unproven(s);
	s->step = AUT_AT_END;
	return AUT_OK;
}

void
aut_server_fini(struct aut_server *s)
{
	alv_buf_wipe(&s->auth_message);
	alv_buf_wipe(&s->password);
	aut_bearer_free(s->bearer);
	OPENSSL_cleanse(s, sizeof(*s));
	s->step = AUT_AT_END;
	s->reason = "";
}
