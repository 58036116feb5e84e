/* The way of a change: submit (admin thread) -> applied -> done (control thread) -> mail -> back (admin thread).
 * Invariant: from submit to back the control thread owns `con`; the rest is the admin thread's throughout. The request
 * may end earlier (client gone, 504, stop): then `req` is NULL and back only frees. */
#include "admin-api/change.h"

#include <alcove/log.h>

#include <stdio.h>

struct adm_change *
adm_change_new(struct adm_req *r, enum con_op op)
{
	struct adm_change *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		adm_answer_json(r, 500, NULL);
		return NULL;
	}
	c->server = r->server;
	c->req = r;
	c->con.op = op;
	snprintf(c->con.actor, sizeof(c->con.actor), "%s:%s", adm_role_name(r->who.role), r->who.name);
	snprintf(c->con.origin, sizeof(c->con.origin), "rest %s", r->peer);
	return c;
}

static void
drop_told(json_t *told)
{
	size_t	i;
	json_t *o;

	json_array_foreach(told, i, o) {
		json_t *v = json_object_get(o, "password");

		explicit_bzero((char *)(uintptr_t)json_string_value(v), json_string_length(v));
	}
	json_decref(told);
}

void
adm_change_free(struct adm_change *c)
{
	pol_rules_free(c->con.rules);
	pol_groups_free(c->con.groups);
	pol_quota_list_free(c->con.quotas);
	pol_credentials_free(c->con.credentials);
	pol_user_list_free(c->con.users);
	drop_told(c->told);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

bool
adm_change_copy(struct adm_change *c, char *dst, size_t size, struct alv_str s, const char *what)
{
	if (s.n >= size) {
		adm_problem(c->req, ADM_P_INVALID, NULL, "the %s has %zu bytes, expected %zu at most", what, s.n, size - 1);
		adm_change_free(c);
		return false;
	}
	memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return true;
}

struct adm_change *
adm_change_of_tenant(struct adm_req *r, enum con_op op)
{
	const struct pol_tenant *t = adm_tenant(r);
	struct adm_change	*c;

	if (t == NULL || !adm_if_match(r, true, t->revision) || (c = adm_change_new(r, op)) == NULL)
		return NULL;
	if (adm_if_match_given(r)) {
		c->con.if_revision = t->revision;
		c->named = true;
	}
	return adm_change_copy(c, c->con.tenant, sizeof(c->con.tenant), r->param[0], "tenant's id") ? c : NULL;
}

/* Nobody waits for it any more. */
static void
let_go(struct adm_change *c)
{
	if (h2o_timeout_is_linked(&c->patience))
		h2o_timeout_unlink(&c->patience);
	if (c->of_req != NULL)
		*c->of_req = NULL;
	c->of_req = NULL;
	c->req = NULL;
}

/* The request's pool goes: the client left, or was answered. */
static void
on_request_gone(void *p)
{
	struct adm_change *c = *(struct adm_change **)p;

	if (c != NULL)
		let_go(c);
}

static void
on_impatience(h2o_timeout_entry_t *e)
{
	struct adm_change *c = H2O_STRUCT_FROM_MEMBER(struct adm_change, patience, e);
	struct adm_req	  *r = c->req;

	let_go(c);
	adm_problem(r, ADM_P_TIMEOUT, NULL,
	    "the change was taken but is not finished yet; it may still take effect: look before you try again");
}

static void
unlist(struct adm_change *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		c->server->changes = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
}

static void
answer_error(struct adm_req *r, const struct adm_change *c)
{
	enum adm_problem p = adm_problem_of(c->con.err);

	if (c->con.err == ALV_E_EXISTS && c->named)
		p = ADM_P_PRECONDITION;		/* If-None-Match: * */
	if (c->con.err == ALV_E_STALE && !c->named) {
		adm_problem(r, ADM_P_CONFLICT, NULL, "somebody else changed this tenant at the same moment; try again");
		return;
	}
	adm_problem(r, p, NULL, "%s", c->con.detail[0] != '\0' ? c->con.detail : alv_err_text(c->con.err));
}

/* Admin thread. */
static void
on_back(struct adm_mail *m)
{
	struct adm_change *c = ALV_HOLDER(m, struct adm_change, mail);
	struct adm_server *s = c->server;
	struct adm_req	  *r = c->req;

	unlist(c);
	let_go(c);
	if (r != NULL) {
		alv_qsbr_quiet(s->conf.qsbr, s->reader);
		if (c->con.err != ALV_OK)
			answer_error(r, c);
		else
			c->reply(r, c);
		alv_qsbr_idle(s->conf.qsbr, s->reader);
	} else {
		alv_log(ALV_LOG_INFO, "a change ended after its request", ALV_KV_Z("tenant", c->con.tenant),
		    ALV_KV_Z("actor", c->con.actor), ALV_KV_Z("result", alv_err_name(c->con.err)));
	}
	adm_change_free(c);
}

/* Control thread. */
static void
on_done(struct con_change *con)
{
	struct adm_change *c = ALV_HOLDER(con, struct adm_change, con);

	c->mail.fn = on_back;
	adm_http_mail(c->server->http, &c->mail);
}

void
adm_change_submit(struct adm_change *c, void (*reply)(struct adm_req *r, struct adm_change *c))
{
	struct adm_server *s = c->server;
	struct adm_req	  *r = c->req;
	enum alv_err	   e;

	c->reply = reply;
	c->con.done = on_done;
	c->next = s->changes;
	if (s->changes != NULL)
		s->changes->prev = c;
	s->changes = c;
	e = con_submit(s->conf.control, &c->con);
	if (e != ALV_OK) {
		unlist(c);
		adm_change_free(c);
		adm_problem(r, adm_problem_of(e), NULL, "the change was not taken: %s; try again", alv_err_text(e));
		return;
	}
	c->of_req = h2o_mem_alloc_shared(&r->h2o->pool, sizeof(*c->of_req), on_request_gone);
	*c->of_req = c;
	c->patience.cb = on_impatience;
	h2o_timeout_link(r->h2o->conn->ctx->loop, &s->patience, &c->patience);
}

void
adm_change_abandon_all(struct adm_server *s)
{
	for (struct adm_change *c = s->changes; c != NULL; c = c->next) {
		struct adm_req *r = c->req;

		if (r == NULL)
			continue;
		let_go(c);
		r->h2o->http1_is_persistent = 0;
		adm_problem(r, ADM_P_UNAVAILABLE, NULL, "the gateway stops; the change may still take effect: look before you try again");
	}
}
