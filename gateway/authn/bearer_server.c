/* OAUTHBEARER, server side. The token is verified off the loop. A token that is not good is answered as Kafka does: with
 * {"status":"invalid_token"}, on which the client says one byte, on which the login fails. It is the same whatever was wrong.
 *
 * A key that is not there is waited for, once, while its issuer is asked: else a new key would cost clients their logins.
 *
 *   FIRST --message--> WORK --work--> PROOF --resume--> END, it is good
 *                       ^--keys came----'
 *                                              `------> FINAL --^A, or anything--> END, failed */
#include <alcove/check.h>
#include <alcove/clock.h>
#include <alcove/str.h>

#include <stdlib.h>

#include "authn/bearer.h"
#include "authn/jws.h"
#include "authn/mechanism.h"

static const char invalid[] = "{\"status\":\"invalid_token\"}";

void
aut_bearer_free(struct aut_bearer *b)
{
	if (b == NULL)
		return;
	aut_issuers_put(b->issuers);
	aut_claims_free(b->claims);
	free(b->authzid);
	free(b);
}

enum alv_err
aut_server_bearer(struct aut_server *s, struct aut_oauth *o, struct alv_str endpoint, aut_lets_fn lets)
{
	struct aut_bearer *b = calloc(1, sizeof(*b));

	if (b == NULL || endpoint.n > TEN_ID_MAX) {
		free(b);
		return ALV_E_NOMEM;
	}
	b->oauth = o;
	b->lets = lets;
	memcpy(b->endpoint, endpoint.p, endpoint.n);
	s->bearer = b;
	return ALV_OK;
}

struct aut_claims *
aut_server_claims(struct aut_server *s)
{
	struct aut_claims *c = s->bearer == NULL ? NULL : s->bearer->claims;

	if (c != NULL)
		s->bearer->claims = NULL;
	return c;
}

/* Copies; the message goes. */
static bool
keep_extensions(struct aut_claims *c, const struct aut_bearer_said *said)
{
	struct aut_pair *all = alv_arena_alloc(&c->arena, (said->nextensions + 1) * sizeof(*all));

	if (all == NULL)
		return false;
	for (size_t i = 0; i < said->nextensions; i++) {
		all[i].name = alv_arena_str(&c->arena, said->extension[i].name);
		all[i].value = alv_arena_str(&c->arena, said->extension[i].value);
	}
	c->extensions = all;
	c->nextensions = said->nextensions;
	return !c->arena.failed;
}

static const char *
begin(struct aut_server *s, struct alv_str in)
{
	struct aut_bearer_said said;
	const char	      *why = aut_bearer_read(in, &said);

	if (why != NULL)
		return why;
	s->bearer->claims = aut_claims_new();
	if (s->bearer->claims == NULL || !keep_extensions(s->bearer->claims, &said))
		return "out of memory";
	if (said.authzid.n > 0 && (s->bearer->authzid = strndup(said.authzid.p, said.authzid.n)) == NULL)
		return "out of memory";
	alv_buf_str(&s->password, said.token);
	alv_buf_byte(&s->password, 0);
	return s->password.err ? "out of memory" : NULL;
}

enum aut_step
aut_bearer_server_token(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	enum alv_login_fault fault = s->fault;
	enum aut_step	     r;
	const char	    *why;

	(void)a;
	(void)out;
	if (s->step != AUT_AT_FIRST) {
		/* As it was when it was told. */
		s->told = invalid;
		r = aut_server_refuse(s, s->reason);
		s->fault = fault;
		return r;
	}
	if (s->bearer == NULL)
		return aut_server_refuse(s, "out of memory");
	why = begin(s, in);
	if (why != NULL)
		return aut_server_refuse(s, why);
	s->bearer->issuers = aut_oauth_get(s->bearer->oauth);
	s->step = AUT_AT_WORK;
	return AUT_WORK;
}

/* NULL: it is who it says it is. */
static const char *
verify(struct aut_server *s)
{
	struct aut_bearer *b = s->bearer;
	struct alv_str	   token = alv_str_make(s->password.p, s->password.n - 1);
	const char	  *why;

	if (b->issuers == NULL)
		return "no issuer of tokens is configured";
	why = aut_jwt_verify(b->issuers, token, alv_str_of(b->endpoint), alv_wall_ms(), b->claims);
	if (why == NULL && b->authzid != NULL && !alv_str_eqz(b->claims->user, b->authzid))
		why = "an authorization identity was asked for";
	return why;
}

static void
copy(char *out, size_t cap, struct alv_str s)
{
	size_t n = s.n < cap ? s.n : cap - 1;	/* it is shorter: aut_claims says so */

	memcpy(out, s.p, n);
	out[n] = '\0';
}

/* What only the work needs. */
static void
let_go(struct aut_server *s)
{
	aut_issuers_put(s->bearer->issuers);	/* their configuration may go now */
	s->bearer->issuers = NULL;
	alv_buf_wipe(&s->password);
}

bool
aut_server_lacks(const struct aut_server *s)
{
	const struct aut_bearer *b = s->bearer;

	return b != NULL && s->step == AUT_AT_PROOF && !s->proof_ok && !b->waited && b->claims != NULL && b->claims->lacks != NULL;
}

bool
aut_server_waits(struct aut_server *s, struct aut_wait *w)
{
	const struct aut_claims *c = s->bearer->claims;

	ALV_CHECK(aut_server_lacks(s));
	s->bearer->waited = true;
	s->step = AUT_AT_WORK;	/* before it may be called for */
	if (aut_source_wait(c->lacks, w, c->lacks_since))
		return true;
	s->step = AUT_AT_PROOF;
	return false;
}

void
aut_bearer_server_work(struct aut_server *s)
{
	const struct aut_claims *c = s->bearer->claims;
	const char		*why = verify(s);

	if (why == NULL || s->bearer->waited || c->lacks == NULL)
		let_go(s);
	if (why != NULL) {
		s->reason = why;
		s->fault = ALV_LOGIN_TOKEN;
		return;
	}
	s->account = (struct aut_account){ .known = true, .ends = true, .rest_ms = c->rest_ms };
	copy(s->account.tenant, sizeof(s->account.tenant), c->tenant);
	copy(s->account.user, sizeof(s->account.user), c->user);
	s->proof_ok = true;
}

enum aut_step
aut_bearer_server_resume(struct aut_server *s, struct alv_arena *a, struct alv_str *out)
{
	const struct aut_account *who = &s->account;

	(void)a;
	let_go(s);
	if (s->proof_ok && !s->bearer->lets(s->lookup_arg, alv_str_of(who->tenant), alv_str_of(who->user))) {
		s->proof_ok = false;
		s->reason = "a good token, but the tenant is not active or the user is disabled";
		s->fault = ALV_LOGIN_UNKNOWN;
	}
	if (s->proof_ok) {
		s->step = AUT_AT_END;
		return AUT_OK;
	}
	*out = alv_str_of(invalid);
	s->step = AUT_AT_FINAL;
	return AUT_CONTINUE;
}
