/* Bound ports and the SNI rule. A port listener with nodes opens one port per possible broker, so that brokers may come
 * without a restart; one without a broker behind it refuses at login time. */
#include "proxy/endpoint.h"

#include <alcove/check.h>
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>

#include "proxy/worker.h"

/* What a host name stands for at this port. The listener's own names come first: whatever tenants are given, they stay what
 * they are. NOT_FOUND: nothing. *own: the tenant's name, NULL: it is the listener's. */
static enum alv_err
look_up(const struct px_port *port, const char *host, struct ten_endpoint *e, struct pol_slot **slot, const struct ten_own **own)
{
	const struct pol_dir *dir = port->gateway->shared.dir;

	*own = NULL;
	*slot = NULL;
	if (ten_host_parse(alv_str_of(host), &port->conf->hosts, e) == ALV_OK) {
		*slot = pol_dir_find(dir, e->tenant);
		return ALV_OK;
	}
	if (!pol_dir_find_host(dir, alv_str_of(host), slot, own, &e->node))
		return ALV_E_NOT_FOUND;
	e->tenant = pol_slot_id(*slot);
	return ALV_OK;
}

enum alv_err
px_endpoint_resolve(const struct px_port *port, const char *sni, struct api_conn *conn)
{
	const struct pol_listener *l = port->conf;
	struct ten_endpoint	   e = { .tenant = alv_str_of(l->tenant), .node = port->node };
	const struct ten_own	  *own = NULL;
	enum alv_err		   err = ALV_OK;

	conn->listener = l;
	conn->listener_port = port->bound;
	conn->tls = port->tls != NULL;
	if (l->endpoint == POL_ENDPOINT_SNI)
		err = look_up(port, sni, &e, &conn->slot, &own);
	else
		conn->slot = e.tenant.n == 0 ? NULL : pol_dir_find(port->gateway->shared.dir, e.tenant);
	if (err)
		return err;
	conn->node = e.node;
	snprintf(conn->tenant, sizeof(conn->tenant), "%.*s", ALV_STR_ARG(e.tenant));
	return own == NULL ? ALV_OK : api_conn_own(conn, own);
}

/* A name is served when it is an endpoint of an active tenant: one that is suspended answers like one that never was. Runs on the worker's loop, in the handshake.
 * *result is the tenant's slot; NULL where the login says which tenant. */
static bool
sni_served(void *arg, const char *name, void **result)
{
	const struct px_port	*port = arg;
	struct ten_endpoint	 e;
	const struct ten_own	*own;
	struct pol_slot		*slot;
	const struct pol_tenant *t;

	*result = port->conf->tenant[0] == '\0' ? NULL : pol_dir_find(port->gateway->shared.dir, alv_str_of(port->conf->tenant));
	if (port->conf->endpoint != POL_ENDPOINT_SNI)
		return true;
	if (look_up(port, name, &e, &slot, &own))
		return false;
	t = slot == NULL ? NULL : pol_slot_load(slot);
	*result = slot;
	return t != NULL && t->state == POL_ACTIVE;
}

/* The same in the configuration as it is now: listeners neither come nor go. */
const struct pol_listener *
px_port_listener(const struct px_port *port)
{
	const struct pol_config *conf = port->gateway->conf;

	for (size_t i = 0; i < conf->nlisteners; i++)
		if (strcmp(conf->listeners[i].name, port->conf->name) == 0)
			return &conf->listeners[i];
	return port->conf;
}

const struct net_proxy_rule *
px_port_proxy(const struct px_port *port)
{
	return port->proxy.versions == 0 ? NULL : &port->proxy;
}

static struct net_proxy_rule
proxy_rule(const struct pol_listener *l)
{
	static const unsigned versions[] = { [POL_PROXY_OFF] = 0, [POL_PROXY_V1] = NET_PROXY_V1, [POL_PROXY_V2] = NET_PROXY_V2,
		[POL_PROXY_ANY] = NET_PROXY_V1 | NET_PROXY_V2 };

	return (struct net_proxy_rule){ .versions = versions[l->proxy_protocol], .trusted = l->trusted, .ntrusted = l->ntrusted };
}

/* A suspended tenant's sessions are not taken up again, nor those of one that had the id, or the name, before. */
static uint64_t
sni_trust(void *arg, const char *name, void *result)
{
	struct alv_str id = result == NULL ? ALV_STR_NULL : pol_slot_id(result);

	(void)arg;
	(void)name;
	return result == NULL ? 0 : alv_hash(id.p, id.n, pol_slot_trust(result));
}

/* Whose authorities a name's clients have. */
static struct alv_str
sni_whose(void *arg, const char *name, void *result)
{
	(void)arg;
	(void)name;
	return result == NULL ? ALV_STR_NULL : pol_slot_id(result);
}

static size_t
ports_of(const struct pol_listener *l)
{
	if (l->endpoint == POL_ENDPOINT_SNI || l->node_port_last == 0)
		return 1;
	return 1 + (size_t)(l->node_port_last - l->node_port_first) + 1;
}

static enum alv_err
open_port(struct px_port *p, uint16_t number, struct alv_buf *err)
{
	char	     words[256] = "";
	enum alv_err e;

	e = net_listener_open(p->gateway->acceptor, p->conf->bind.host, number, px_worker_accept, p, &p->listener, words,
	    sizeof(words));
	if (e) {
		alv_buf_printf(err, "listener %s: cannot listen on %s:%u: %s\n", p->conf->name, p->conf->bind.host,
		    (unsigned)number, words);
		return e;
	}
	net_listener_dead_after(p->listener, p->gateway->conf->limits.dead_peer_ms);
	p->bound = net_listener_port(p->listener);
	return ALV_OK;
}

enum alv_err
px_listener_check(const struct pol_listener *l, struct alv_buf *err)
{
	struct alv_buf words;
	bool	       good;

	alv_buf_init(&words, 8192);
	good = !l->tls || api_certificate_rules(l->principal_rules, &words);
	if (!good)
		alv_buf_printf(err, "listener %s: tls.principal.mapping.rules: %.*s\n", l->name, (int)words.n, (const char *)words.p);
	alv_buf_fini(&words);
	return good ? ALV_OK : ALV_E_VALUE;
}

/* l: what to go by, which may be newer than the port's own. */
static enum alv_err
prepare_tls(struct px_port *first, const struct pol_listener *l, struct net_tls_server_set **out, struct alv_buf *err)
{
	struct net_tls_pair	   pairs[POL_PAIRS_MAX];
	struct net_tls_authority  *own = calloc(l->nauthorities + 1, sizeof(*own));
	struct net_tls_server_conf c = { .pairs = pairs, .npairs = l->npairs, .min_protocol = l->min_protocol,
		.client_auth = (enum net_tls_ask)l->client_auth, .client_ca_file = l->client_ca_file, .client_crl_file = l->client_crl_file,
		.authorities = own, .nauthorities = l->nauthorities, .whose = sni_whose, .sni = sni_served,
		.trust = sni_trust, .sni_arg = first };
	struct net_tls_error	   words = { "" };
	bool			   good;

	if (own == NULL)
		return ALV_E_NOMEM;
	if (px_listener_check(l, err)) {
		free(own);
		return ALV_E_VALUE;
	}
	ALV_CHECK(l->npairs <= POL_PAIRS_MAX);
	for (size_t i = 0; i < l->npairs; i++)
		pairs[i] = (struct net_tls_pair){ l->pairs[i].certificate_file, l->pairs[i].key_file };
	for (size_t i = 0; i < l->nauthorities; i++)
		own[i] = (struct net_tls_authority){ l->authorities[i].tenant, l->authorities[i].ca_file, l->authorities[i].crl_file };
	good = net_tls_server_prepare(&c, out, &words);
	free(own);
	if (good)
		return ALV_OK;
	alv_buf_printf(err, "listener %s: %s\n", l->name, words.text);
	return ALV_E_TLS;
}

static enum alv_err
make_tls(struct px_port *first, struct net_tls_server **out, struct alv_buf *err)
{
	struct net_tls_server_set *set;
	enum alv_err		   e;

	*out = NULL;
	if (!first->conf->tls)
		return ALV_OK;
	e = prepare_tls(first, first->conf, &set, err);
	if (!e)
		*out = net_tls_server_new_of(set);
	return e ? e : *out == NULL ? ALV_E_NOMEM : ALV_OK;
}

enum alv_err
px_tls_prepare(struct px_gateway *g, const struct pol_config *conf, size_t i, struct net_tls_server_set **out, struct alv_buf *err)
{
	const struct pol_listener *l = &conf->listeners[i];

	*out = NULL;
	for (size_t k = 0; k < g->nports; k++)
		if (g->ports[k].tls == g->tls[i] && g->tls[i] != NULL)
			return prepare_tls(&g->ports[k], l, out, err);
	return ALV_OK;
}

void
px_tls_use(struct px_gateway *g, size_t i, struct net_tls_server_set *set)
{
	if (set == NULL)
		return;
	net_tls_server_use(g->tls[i], set);
	px_gateway_published(g);	/* whoever showed a certificate is held against it */
}

/* Opens the ports of one listener into p[0..]; *n grows by what was opened. */
static enum alv_err
open_listener(struct px_gateway *g, size_t i, struct alv_buf *err)
{
	const struct pol_listener *l = &g->conf->listeners[i];
	struct px_port		  *first = &g->ports[g->nports];
	enum alv_err		   e;

	for (size_t k = 0; k < ports_of(l); k++)
		first[k] = (struct px_port){ .gateway = g, .conf = l, .node = -1, .proxy = proxy_rule(l) };
	e = make_tls(first, &g->tls[i], err);
	for (size_t k = 0; !e && k < ports_of(l); k++) {
		uint16_t number = k == 0 ? l->bind.port : (uint16_t)(l->node_port_first + k - 1);

		first[k].tls = g->tls[i];
		first[k].node = k == 0 ? -1 : l->node_id_first + (int32_t)k - 1;
		e = open_port(&first[k], number, err);
		if (!e)
			g->nports++;
	}
	return e;
}

enum alv_err
px_ports_open(struct px_gateway *g, struct alv_buf *err)
{
	size_t	     n = 0;
	enum alv_err e = ALV_OK;

	for (size_t i = 0; i < g->conf->nlisteners; i++)
		n += ports_of(&g->conf->listeners[i]);
	g->ports = calloc(n, sizeof(*g->ports));
	g->tls = calloc(g->conf->nlisteners, sizeof(struct net_tls_server *));
	if (g->ports == NULL || g->tls == NULL)
		return ALV_E_NOMEM;
	for (size_t i = 0; !e && i < g->conf->nlisteners; i++)
		e = open_listener(g, i, err);
	if (e)
		px_ports_close(g);
	return e;
}

void
px_ports_close(struct px_gateway *g)
{
	for (size_t i = 0; i < g->nports; i++) {
		if (g->ports[i].listener != NULL)
			net_listener_close(g->ports[i].listener);
		g->ports[i].listener = NULL;
	}
}

void
px_gateway_ports(const struct px_gateway *g, struct alv_buf *out)
{
	for (size_t i = 0; i < g->nports; i++) {
		const struct px_port *p = &g->ports[i];

		if (p->node < 0)
			alv_buf_printf(out, "%s bootstrap %u\n", p->conf->name, (unsigned)p->bound);
		else
			alv_buf_printf(out, "%s %d %u\n", p->conf->name, (int)p->node, (unsigned)p->bound);
	}
}
