/* The api layer's part of a client connection: whether it may go on, and which addresses its clients are told.
 * Invariant: of a snapshot only copies are kept here; the slot is loaded anew each time. */
#include "api/fetch_session.h"
#include "api/patterns.h"
#include "api/repeat.h"
#include "api/share_session.h"

#include <stdlib.h>

/* The host name by which a connection came in, and text's two parts behind it. */
struct api_own {
	struct ten_own name;
	char	       text[];
};

enum alv_err
api_conn_own(struct api_conn *c, const struct ten_own *own)
{
	size_t	       n = own->bootstrap.n, m = own->node_text.n;
	struct api_own *x = malloc(sizeof(*x) + n + m);
	const char     *field, *expected;

	if (x == NULL)
		return ALV_E_NOMEM;
	memcpy(x->text, own->bootstrap.p, n);
	memcpy(x->text + n, own->node_text.p, m);
	/* As it was read before: this only makes the views ours. */
	if (ten_own_parse(alv_str_make(x->text, n), alv_str_make(x->text + n, m), &x->name, &field, &expected)) {
		free(x);
		return ALV_E_VALUE;
	}
	free(c->own);
	c->own = x;
	return ALV_OK;
}

static bool
host_is_given_away(const struct api_conn *c, const struct pol_tenant *t)
{
	if (c->own == NULL)
		return false;
	for (size_t i = 0; i < t->nown; i++)
		if (alv_str_eq(t->own[i].bootstrap, c->own->name.bootstrap) && alv_str_eq(t->own[i].node_text, c->own->name.node_text))
			return false;
	return true;
}

void
api_conn_init(struct api_conn *c, struct api_worker *w)
{
	c->w = w;
	c->broker = -1;
	c->auth = API_AUTH_NONE;
}

/* The rows where its bytes were counted are the other worker's: that one alone writes them. */
void
api_conn_enter(struct api_conn *c, struct api_worker *w)
{
	c->w = w;
	c->meter = (struct met_hint){ 0 };
	api_repeats_forget(c);	/* they know rows, too */
}

void
api_conn_weigh(struct api_conn *c)
{
	c->kept = api_sessions_weight(c) + api_shares_weight(c);
}

size_t
api_conn_release(struct api_conn *c)
{
	size_t before = c->kept;

	api_sessions_release(c);
	api_shares_fini(c);
	api_conn_weigh(c);
	return before - c->kept;
}

void
api_conn_fini(struct api_conn *c)
{
	api_sasl_forget(c);
	api_repeats_forget(c);
	aut_claims_free(c->token);
	c->token = NULL;
	free(c->groups);
	c->groups = NULL;
	pol_groups_free(c->claimed);
	c->claimed = NULL;
	api_sessions_fini(c);
	api_patterns_free(c->patterns);
	c->patterns = NULL;
	api_shares_fini(c);
	api_quota_fini(c);
	api_connection_leaves(c);
	free(c->own);
	c->own = NULL;
}

enum alv_err
api_conn_claim(struct api_conn *c, const struct alv_str *groups, size_t n)
{
	struct pol_groups *g = n == 0 ? NULL : pol_groups_new(groups, n);

	if (n > 0 && g == NULL)
		return ALV_E_NOMEM;
	pol_groups_free(c->claimed);
	c->claimed = g;
	c->who = (struct pol_who){ .build = 0 };
	api_repeats_forget(c);	/* they were decided for who it was */
	return ALV_OK;
}

bool
api_user_disabled(const struct pol_tenant *t, struct alv_str name)
{
	const struct pol_user *u = pol_user_find(t, name);

	return u != NULL && !u->enabled;
}

bool
api_conn_check(struct api_conn *c, enum met_close *why)
{
	const struct pol_tenant *t = c->slot == NULL ? NULL : pol_slot_load(c->slot);
	const struct pol_user	*u;

	*why = MET_CLOSE_HOST_GONE;
	if (t != NULL && t->state == POL_ACTIVE && host_is_given_away(c, t))
		return false;
	if (c->auth != API_AUTH_DONE)
		return true;	/* the login will ask for itself */
	*why = MET_CLOSE_TENANT_GONE;
	if (t == NULL || t->state == POL_DELETED)
		return false;
	*why = MET_CLOSE_TENANT_SUSPENDED;
	if (t->state != POL_ACTIVE)
		return false;
	*why = MET_CLOSE_USER_CHANGED;
	if (c->token != NULL || c->certified)
		return !api_user_disabled(t, alv_str_of(c->user));
	u = pol_user_find(t, alv_str_of(c->user));
	return u != NULL && u->enabled && u->revision == c->user_revision;
}

/* A port per broker, beside the bootstrap's. */
static bool
node_port(const struct api_conn *c, int32_t node, int32_t *port)
{
	const struct pol_listener *l = c->listener;
	int64_t			   p;

	if (node < 0) {
		*port = l->advertised_port != 0 ? l->advertised_port : c->node < 0 ? c->listener_port : l->bind.port;
		return true;
	}
	p = (int64_t)l->node_port_first + node - l->node_id_first;
	if (l->node_port_first == 0 || p < l->node_port_first || p > l->node_port_last)
		return false;
	*port = (int32_t)p;
	return true;
}

bool
api_reachable(const struct api_conn *c, int64_t node)
{
	const struct clu_view *v = clu_board_load(c->w->shared->board);
	int32_t		       port;

	if (node < 0 || node > INT32_MAX || v == NULL || clu_broker_find(v, (int32_t)node) == NULL)
		return false;
	return c->listener->endpoint != POL_ENDPOINT_PORT || node_port(c, (int32_t)node, &port);
}

size_t
api_endpoints_room(const struct api_call *c)
{
	enum { NODES_MAX = 64 };
	const struct ten_pattern  *node = c->conn->own == NULL ? &c->conn->listener->hosts.node : &c->conn->own->name.node;
	const struct pol_listener *l = c->conn->listener;
	size_t			   n = c->view->nbrokers < NODES_MAX ? c->view->nbrokers : NODES_MAX;
	size_t			   each = api_racks_room(c) + 2;	/* two for longer lengths */

	if (l->endpoint == POL_ENDPOINT_PORT)
		return n * (strlen(l->advertised_host) + each);
	return n * (ten_pattern_room(node, strlen(c->conn->tenant)) + each);
}

bool
api_advertise(const struct api_conn *c, struct alv_arena *a, int32_t node, struct alv_str *host, int32_t *port)
{
	const struct pol_listener *l = c->listener;

	if (node >= 0 && !api_reachable(c, node))
		return false;
	if (l->endpoint == POL_ENDPOINT_PORT) {
		*host = alv_arena_str(a, alv_str_of(l->advertised_host));
		return node_port(c, node, port) && host->p != NULL;
	}
	if (c->own == NULL)
		*host = ten_host(a, alv_str_of(c->tenant), node, &l->hosts);
	else if (node < 0)
		*host = alv_arena_str(a, c->own->name.bootstrap);
	else
		*host = ten_pattern_host(&c->own->name.node, a, ALV_STR(""), node);
	*port = l->advertised_port != 0 ? l->advertised_port : c->listener_port;
	return host->p != NULL;
}
