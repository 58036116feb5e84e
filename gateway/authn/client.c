/* The client side of an exchange, towards brokers, whatever the mechanism; and PLAIN's, which is one token.
 *
 *   FIRST --null--> FINAL --salt--> [WORK --work--> PROOF --resume-->] PROOF --signature--> END	SCRAM
 *   FIRST --null--> FINAL --anything--> END							PLAIN */
#include <alcove/check.h>

#include <openssl/crypto.h>

#include "authn/mechanism.h"
#include "authn/scram.h"

void
aut_client_init(struct aut_client *c, enum aut_mechanism m, struct alv_str user, struct alv_str password)
{
	memset(c, 0, sizeof(*c));
	c->mechanism = m;
	c->step = AUT_AT_FIRST;
	c->user = user;
	c->password = password;
	c->reason = "";
	alv_buf_init(&c->auth_message, 3 * AUT_TOKEN_MAX);
	aut_scram_nonce(c->nonce, sizeof(c->nonce));
}

enum aut_step
aut_client_refuse(struct aut_client *c, const char *reason)
{
	c->step = AUT_AT_END;
	c->reason = reason;
	return AUT_FAIL;
}

enum aut_step
aut_client_token(struct aut_client *c, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	*out = ALV_STR("");
	if (in.n > AUT_TOKEN_MAX)
		return aut_client_refuse(c, "the broker's token is too long");
	if (c->step == AUT_AT_END || c->step == AUT_AT_WORK)
		return aut_client_refuse(c, "a token where none was expected");
	return aut_mechanism_row(c->mechanism)->client_token(c, in, a, out);
}

void
aut_client_work(struct aut_client *c)
{
	ALV_CHECK(c->step == AUT_AT_WORK);
	aut_mechanism_row(c->mechanism)->client_work(c);
}

enum aut_step
aut_client_resume(struct aut_client *c, struct alv_arena *a, struct alv_str *out)
{
	*out = ALV_STR("");
	ALV_CHECK(c->step == AUT_AT_WORK);
	return aut_mechanism_row(c->mechanism)->client_resume(c, a, out);
}

void
aut_client_fini(struct aut_client *c)
{
	alv_buf_wipe(&c->auth_message);
	OPENSSL_cleanse(c, sizeof(*c));
	c->step = AUT_AT_END;
	c->reason = "";
}

enum aut_step
aut_plain_client_token(struct aut_client *c, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	char *p;

	(void)in;
	if (c->step == AUT_AT_FINAL) {
		c->step = AUT_AT_END;
		return AUT_OK;
	}
	p = alv_arena_alloc(a, c->user.n + c->password.n + 2);
	if (p == NULL)
		return aut_client_refuse(c, "out of memory");
	if (c->user.n > 0)
		memcpy(p + 1, c->user.p, c->user.n);
	if (c->password.n > 0)
		memcpy(p + c->user.n + 2, c->password.p, c->password.n);
	*out = (struct alv_str){ p, c->user.n + c->password.n + 2 };
	c->step = AUT_AT_FINAL;
	return AUT_CONTINUE;
}
