/* Logins: SaslHandshake, SaslAuthenticate, and bare tokens after an old handshake.
 *
 *   NONE --handshake--> HANDSHAKE --tokens--> DONE --handshake, tokens--> DONE (the same principal, or close; reauth.c says when)
 *
 * Invariants: every failure of a login is one answer, the same bytes whatever the reason; a login never changes the
 * tenant or the principal of a connection that has one; of a snapshot only copies are kept. */
#include <alcove/cidr.h>

#include <stdio.h>
#include <stdlib.h>

#include "api/kit.h"

#define FAILED_TEXT "Authentication failed"

/* ---- who is it? --------------------------------------------------------------------------------- */

/* On a port shared by all the login says the tenant: "<tenant>/<user>". */
static void
split_login(const struct api_conn *conn, struct alv_str login, struct alv_str *tenant, struct alv_str *user)
{
	const char *slash;

	*tenant = alv_str_of(conn->tenant);
	*user = login;
	if (conn->listener->tenant[0] != '\0' || conn->listener->endpoint == POL_ENDPOINT_SNI)
		return;
	slash = login.n == 0 ? NULL : memchr(login.p, '/', login.n);
	if (slash == NULL) {
		*tenant = ALV_STR("");
		return;
	}
	*tenant = alv_str_make(login.p, (size_t)(slash - login.p));
	*user = alv_str_make(slash + 1, login.n - tenant->n - 1);
}

/* Whom a tenant that is not there looks like: the same one each time, for as long as that one is there and none comes between. */
static const struct pol_tenant *
stand_in(const struct api_shared *sh, struct alv_str tenant)
{
	static const char	 digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	struct alv_str		 secret = sh->fake_secret;
	const uint64_t		 key[] = { alv_hash(secret.p, secret.n, 0), alv_hash(secret.p, secret.n, 1) };
	uint64_t		 place = alv_hash_keyed(tenant.p, tenant.n, key);
	const struct pol_tenant *t = NULL;
	char			 before[8];	/* a place among ids */

	for (size_t i = 0; i < sizeof(before); i++, place /= 36)
		before[i] = digits[place % 36];
	if (pol_dir_list(sh->dir, alv_str_make(before, sizeof(before)), &t, 1) == 0)
		(void)pol_dir_list(sh->dir, ALV_STR_NULL, &t, 1);
	return t;
}

static void
lookup(void *arg, struct alv_str login, struct aut_account *a)
{
	const struct api_conn	*conn = arg;
	const struct api_shared *sh = conn->w->shared;
	struct alv_str		 tenant, user;
	const struct pol_tenant *t, *like;
	const struct pol_slot	*slot;

	split_login(conn, login, &tenant, &user);
	slot = pol_dir_find(sh->dir, tenant);
	t = slot == NULL ? NULL : pol_slot_load(slot);
	like = stand_in(sh, tenant);	/* in either case: nobody is to be quicker */
	if (t == NULL)
		aut_account_nobody(a, like, tenant, user, sh->fake_secret, sh->conf->scram_iterations);
	else
		aut_account_fill(a, t, tenant, user, sh->fake_secret, sh->conf->scram_iterations);
}

static const enum alv_login_by bys[AUT_MECHANISMS] = {
	[AUT_SCRAM_SHA_256] = ALV_BY_SCRAM_SHA_256,
	[AUT_SCRAM_SHA_512] = ALV_BY_SCRAM_SHA_512,
	[AUT_PLAIN] = ALV_BY_PLAIN,
	[AUT_OAUTHBEARER] = ALV_BY_OAUTHBEARER,
};

/* Whoever has a good token need not be a user of the store; one that is there and disabled stays outside. */
static bool
lets(void *arg, struct alv_str tenant, struct alv_str user)
{
	const struct api_conn	*conn = arg;
	const struct pol_slot	*slot = pol_dir_find(conn->w->shared->dir, tenant);
	const struct pol_tenant *t = slot == NULL ? NULL : pol_slot_load(slot);

	return t != NULL && t->state == POL_ACTIVE && !api_user_disabled(t, user);
}

static enum alv_err
begin_exchange(struct api_conn *conn, enum aut_mechanism m)
{
	aut_server_init(conn->sasl, m, lookup, conn);
	if (m != AUT_OAUTHBEARER)
		return ALV_OK;
	return aut_server_bearer(conn->sasl, conn->w->shared->oauth, alv_str_of(conn->tenant), lets);
}

/* ---- handshake ------------------------------------------------------------------------------------- */

static enum api_result
answer_mechanisms(struct api_call *c, int16_t code)
{
	const struct pol_config *conf = c->conn->w->shared->conf;
	struct kfk_tree		 r;
	struct kfk_node		*list;

	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, KFK_SASL_HANDSHAKE_RESPONSE_ERROR_CODE, code);
	list = kfk_set_empty(&r, &r.root, KFK_SASL_HANDSHAKE_RESPONSE_MECHANISMS);
	for (int m = 0; m < AUT_MECHANISMS && code != KFK_ILLEGAL_SASL_STATE; m++)
		if (conf->mechanisms[m])
			kfk_add(&r, list)->v.s = alv_str_of(aut_mechanism_name((enum aut_mechanism)m));
	api_note(c, code);
	return api_answer(c, &r);
}

void
api_sasl_forget(struct api_conn *conn)
{
	if (conn->sasl != NULL)
		aut_server_fini(conn->sasl);
	free(conn->sasl);
	conn->sasl = NULL;
}

enum api_result
api_sasl_handshake_request(struct api_call *c, struct kfk_tree *q)
{
	struct api_conn	  *conn = c->conn;
	enum aut_mechanism m;
	enum api_again	   again;

	if (conn->auth == API_AUTH_HANDSHAKE || conn->sasl != NULL) {
		c->close_after = true;
		c->close = MET_CLOSE_AUTH_FAILED;
		return answer_mechanisms(c, KFK_ILLEGAL_SASL_STATE);
	}
	again = conn->auth == API_AUTH_DONE ? api_reauth_begin(conn) : API_AGAIN_BEGINS;
	if (again == API_AGAIN_OVER)
		return api_close(c, MET_CLOSE_SESSION_EXPIRED);
	if (again == API_AGAIN_NOT)
		return answer_mechanisms(c, KFK_ILLEGAL_SASL_STATE);
	if (!aut_mechanism_find(kfk_get_str(q, &q->root, KFK_SASL_HANDSHAKE_REQUEST_MECHANISM), &m) ||
	    !conn->w->shared->conf->mechanisms[m] || (conn->auth == API_AUTH_DONE && c->hdr.version == 0)) {
		c->close_after = true;
		c->close = MET_CLOSE_AUTH_FAILED;
		met_login(conn->w->meter, ALV_BY_OTHER, ALV_LOGIN_MECHANISM);
		return answer_mechanisms(c, KFK_UNSUPPORTED_SASL_MECHANISM);
	}
	api_sasl_forget(conn);
	conn->sasl = malloc(sizeof(*conn->sasl));
	if (conn->sasl == NULL || begin_exchange(conn, m))
		return api_fail(c, ALV_E_NOMEM);
	conn->raw_sasl = c->hdr.version == 0;
	if (conn->auth == API_AUTH_NONE)
		conn->auth = API_AUTH_HANDSHAKE;
	return answer_mechanisms(c, KFK_NONE);
}

/* ---- tokens ------------------------------------------------------------------------------------------ */

/* One form for tokens inside SaslAuthenticate and for bare ones, which cannot tell how long a login lasts. */
static enum api_result
answer_token(struct api_call *c, struct alv_str token, int64_t life_ms)
{
	struct kfk_tree r;

	if (c->raw) {
		alv_chain_copy(&c->out, token.p, token.n);
		return c->out.err ? api_fail(c, c->out.err) : API_ANSWER;
	}
	api_answer_begin(c, &r);
	kfk_set_bytes(&r, &r.root, KFK_SASL_AUTHENTICATE_RESPONSE_AUTH_BYTES, token.p == NULL ? ALV_STR("") : token);
	if (c->hdr.version >= 1)
		kfk_set_int(&r, &r.root, KFK_SASL_AUTHENTICATE_RESPONSE_SESSION_LIFETIME_MS, life_ms);
	return api_answer(c, &r);
}

static enum api_result
answer_error(struct api_call *c, int16_t code, struct alv_str text)
{
	struct kfk_tree r;

	c->close_after = true;
	c->close = MET_CLOSE_AUTH_FAILED;
	if (c->raw)
		return api_close(c, MET_CLOSE_AUTH_FAILED);	/* bare tokens have no error form */
	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, KFK_SASL_AUTHENTICATE_RESPONSE_ERROR_CODE, code);
	kfk_set_str(&r, &r.root, KFK_SASL_AUTHENTICATE_RESPONSE_ERROR_MESSAGE, text);
	api_note(c, code);
	return api_answer(c, &r);
}

static void
count(const struct api_conn *conn, enum alv_login_fault fault)
{
	met_login(conn->w->meter, bys[conn->sasl->mechanism], fault);
	if (conn->again_us != 0)
		met_reauthentication(conn->w->meter, fault == ALV_LOGIN_OK);
}

static enum api_result
failed(struct api_call *c)
{
	const struct aut_server *s = c->conn->sasl;
	const char		*told = s->told == NULL ? FAILED_TEXT : s->told;

	count(c->conn, s->fault == ALV_LOGIN_OK ? ALV_LOGIN_IDENTITY : s->fault);
	c->words = s->fault == ALV_LOGIN_OK ? "proved to be somebody else, or changed meanwhile" : s->reason;
	api_sasl_forget(c->conn);
	return answer_error(c, KFK_SASL_AUTHENTICATION_FAILED, alv_str_of(told));
}

/* False: out of memory. */
static bool
take_token(struct api_conn *conn)
{
	aut_claims_free(conn->token);
	conn->token = aut_server_claims(conn->sasl);
	return conn->token == NULL || !api_conn_claim(conn, conn->token->groups, conn->token->ngroups);
}

static bool
same_identity(const struct api_conn *conn)
{
	const struct aut_account *a = &conn->sasl->account;

	return conn->mechanism == conn->sasl->mechanism && strcmp(conn->tenant, a->tenant) == 0 && strcmp(conn->user, a->user) == 0;
}

/* Takes what the exchange proved. False: it is not who the connection was before, or the account went meanwhile. */
static bool
take_identity(struct api_conn *conn)
{
	const struct aut_account *a = &conn->sasl->account;
	enum met_close		  why;

	if (conn->auth == API_AUTH_DONE)
		return same_identity(conn) && take_token(conn);
	if (conn->tenant[0] != '\0' && strcmp(conn->tenant, a->tenant) != 0)
		return false;
	snprintf(conn->tenant, sizeof(conn->tenant), "%s", a->tenant);
	snprintf(conn->user, sizeof(conn->user), "%s", a->user);
	snprintf(conn->principal, sizeof(conn->principal), "User:%s", a->user);
	conn->slot = pol_dir_find(conn->w->shared->dir, alv_str_of(conn->tenant));
	conn->user_revision = a->user_revision;
	if (!take_token(conn))
		return false;
	conn->auth = API_AUTH_DONE;
	/* A change between the lookup and now: the directory's generation may have been looked at already. */
	if (api_conn_check(conn, &why))
		return true;
	conn->auth = API_AUTH_HANDSHAKE;
	return false;
}

static enum api_result
proven(struct api_call *c, struct alv_str token)
{
	struct api_conn *conn = c->conn;
	int64_t		 life_ms;

	if (!take_identity(conn))
		return failed(c);
	if (!api_connection_enters(conn))
		return api_close(c, MET_CLOSE_CONNECTIONS_LIMIT);
	conn->user_revision = conn->sasl->account.user_revision;
	conn->mechanism = conn->sasl->mechanism;
	life_ms = api_reauth_done(conn, &conn->sasl->account);
	conn->raw_sasl = false;
	count(conn, ALV_LOGIN_OK);
	api_sasl_forget(conn);
	return answer_token(c, token, life_ms);
}

/* At a shared port anybody says any tenant: these have so many keys together, which of them is whose nobody knows, and whether there
 * is such a tenant makes no difference. */
void
api_login_share(const struct api_conn *c, uint64_t *key, uint64_t *part)
{
	enum { SHARED = 64 };
	struct alv_str	secret = c->w->shared->fake_secret, tenant = alv_str_of(c->tenant), client;
	struct alv_cidr room;

	if (tenant.n == 0) {
		tenant = alv_str_of(c->sasl == NULL || !c->sasl->asked ? "" : c->sasl->account.tenant);
		*key = 1 + alv_hash(tenant.p, tenant.n, alv_hash(secret.p, secret.n, 0)) % SHARED;	/* 0: the gateway's own */
	} else {
		*key = alv_hash(tenant.p, tenant.n, 0);
	}
	client = alv_cidr_client(alv_str_of(c->host), &room);
	*part = alv_hash(client.p, client.n, 1) | 1;
}

/* The end of an exchange whose answer waits. */
struct held {
	bool	       proven;
	struct alv_str token;	/* arena */
};

static uint64_t
lateness(const struct api_conn *conn, bool proven)
{
	const struct pol_config *conf = conn->w->shared->conf;
	const struct aut_server *s = conn->sasl;
	const struct aut_attempt a = { .tenant = alv_str_of(s->asked ? s->account.tenant : conn->tenant),
		.user = alv_str_of(s->asked ? s->account.user : ""), .host = alv_str_of(conn->host), .now_us = conn->w->now_us,
		.first_us = conf->failed_delay_ms * 1000ull, .max_us = conf->failed_delay_max_ms * 1000ull };

	return aut_delays_note(conn->w->shared->delays, &a, proven);
}

/* An exchange is over: answered now, or when it has waited. */
static enum api_result
ended(struct api_call *c, bool ok, struct alv_str token)
{
	/* A good token was not guessed, and a failure says so before it is over: nothing is learnt from a late one. */
	bool	     at_once = ok && c->conn->sasl->mechanism == AUT_OAUTHBEARER;
	uint64_t     late = at_once ? 0 : lateness(c->conn, ok);
	uint64_t     wait = ok ? api_connection_wait(c->conn, alv_str_of(c->conn->sasl->account.tenant)) : 0;
	struct held *h;

	if (wait == API_CONNECTION_REFUSED)
		return api_close(c, MET_CLOSE_CONNECTIONS_RATE);
	late = wait > late ? wait : late;
	h = late == 0 ? NULL : alv_arena_alloc(&c->arena, sizeof(*h));
	if (late == 0)
		return ok ? proven(c, token) : failed(c);
	if (h == NULL)
		return api_fail(c, ALV_E_NOMEM);
	*h = (struct held){ ok, token };
	c->memo = h;
	c->due_us = c->conn->w->now_us + late;
	c->wait = API_WAIT_TIME;
	met_login_late(c->conn->w->meter);
	return API_WAIT;
}

static enum api_result
step(struct api_call *c, enum aut_step s, struct alv_str token)
{
	switch (s) {
	case AUT_CONTINUE:
		return answer_token(c, token, 0);
	case AUT_WORK:
		c->wait = API_WAIT_WORK;
		return API_WAIT;
	default:
		return ended(c, s == AUT_OK, token);
	}
}

enum api_result
api_sasl_authenticate_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str in = kfk_get_bytes(q, &q->root, KFK_SASL_AUTHENTICATE_REQUEST_AUTH_BYTES), out;
	enum api_result result;
	enum aut_step  s;

	if (in.p == NULL)
		return api_fail(c, ALV_E_LIMIT);
	if (c->conn->sasl == NULL || c->conn->raw_sasl) {
		result = answer_error(c, KFK_ILLEGAL_SASL_STATE, alv_str_of(kfk_code_text(KFK_ILLEGAL_SASL_STATE)));
		c->close_after = c->conn->auth != API_AUTH_DONE;	/* as brokers do: who is in stays in */
		return result;
	}
	s = aut_server_token(c->conn->sasl, in, &c->arena, &out);
	return step(c, s, out);
}

enum api_result
api_raw_token(struct api_call *c, struct alv_str token)
{
	struct alv_str out;
	enum aut_step  s;

	c->out.pool = c->conn->w->pool;
	c->raw = true;
	c->wait = API_WAIT_NONE;
	if (c->conn->sasl == NULL || !c->conn->raw_sasl)
		return api_close(c, MET_CLOSE_AUTH_REQUIRED);
	s = aut_server_token(c->conn->sasl, token, &c->arena, &out);
	return step(c, s, out);
}

enum api_result
api_sasl_resume(struct api_call *c)
{
	const struct held *h = c->wait == API_WAIT_TIME ? c->memo : NULL;
	struct alv_str	   out;
	enum aut_step	   s;

	c->wait = API_WAIT_NONE;
	if (c->conn->sasl == NULL)
		return api_close(c, MET_CLOSE_INTERNAL);
	if (h != NULL)
		return h->proven ? proven(c, h->token) : failed(c);
	s = aut_server_resume(c->conn->sasl, &c->arena, &out);
	return step(c, s, out);
}
