/* What single values cannot say: which options go together, which exclude each other, which must not collide.
 * Runs only after every value by itself is good. */
#include "policies/option.h"

#include <alcove/str.h>

#include <inttypes.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { NODE_PORTS_MAX = 1024, STATE_KEY_TEXT = 44, STATE_KEY_BYTES = 32, PASSWORD_MAX = 1024 };

/* Of the value at path, else of the section it would be in; 0: neither is there. */
static unsigned
line_at(const struct pol_node *root, const char *path)
{
	char		       head[64];
	const struct pol_node *n = pol_doc_find(root, path);
	const char	      *slash = strrchr(path, '/');

	if (n != NULL)
		return n->line;
	if (slash == NULL || (size_t)(slash - path) >= sizeof(head))
		return root == NULL || root->key.p == NULL ? 0 : root->line;
	memcpy(head, path, (size_t)(slash - path));
	head[slash - path] = '\0';
	return line_at(root, head);
}

/* ---- one listener ----------------------------------------------------------------------------- */

struct look {
	struct pol_load	      *l;
	const struct pol_node *node;	/* of the listener */
	size_t		       i;
};

static void
say(const struct look *k, const char *key, const char *found, const char *expected)
{
	struct alv_str	       shown = alv_arena_printf(k->l->a, "listeners[%zu].%s", k->i, key);
	const struct pol_node *n = pol_doc_find(k->node, key);

	pol_diag_at(k->l->d, n == NULL ? k->node->line : n->line, shown.p == NULL ? key : shown.p, "found %s, expected %s", found,
	    expected);
}

/* Options that one kind of endpoint has no use for: left in, somebody would believe that they do something. */
static void
check_unused(const struct look *k, const struct pol_listener *x)
{
	static const struct { const char *key; enum pol_endpoint only; } rows[] = {
		{ "domain", POL_ENDPOINT_SNI }, { "advertised.port", POL_ENDPOINT_SNI },
		{ "bootstrap.pattern", POL_ENDPOINT_SNI }, { "node.pattern", POL_ENDPOINT_SNI },
		{ "advertised.host", POL_ENDPOINT_PORT }, { "node.ports", POL_ENDPOINT_PORT },
		{ "node.id.first", POL_ENDPOINT_PORT }, { "tenant", POL_ENDPOINT_PORT },
	};

	for (size_t i = 0; i < ALV_COUNT(rows); i++)
		if (rows[i].only != x->endpoint && pol_doc_find(k->node, rows[i].key) != NULL)
			say(k, rows[i].key, "a value", rows[i].only == POL_ENDPOINT_SNI ? "none with endpoint port" :
			    "none with endpoint sni");
}

static void
check_sni(const struct look *k, struct pol_listener *x)
{
	const char *key, *found, *expected = pol_hosts_make(k->l, x, &key, &found);

	if (expected != NULL)
		say(k, key, found, expected);
	if (!x->tls)
		say(k, "tls", "nothing", "a certificate and key: endpoint sni needs TLS");
}

static void
check_ports(const struct look *k, struct pol_listener *x)
{
	uint32_t n = (uint32_t)x->node_port_last - x->node_port_first + 1;

	if (x->node_port_first == 0)
		say(k, "node.ports", "nothing", "one port for each broker as first-last, with endpoint port");
	if (n > NODE_PORTS_MAX)
		say(k, "node.ports", "more than 1024 ports", "fewer");
	if ((uint32_t)x->node_id_first > (uint32_t)INT32_MAX - n)
		say(k, "node.id.first", "an id so large that those after it do not fit", "a smaller one");
	if (x->advertised_host[0] != '\0')
		return;
	if (pol_host_wildcard(x->bind.host))
		say(k, "advertised.host", "nothing", "the host that clients are told, as bind is a wildcard address");
	memcpy(x->advertised_host, x->bind.host, sizeof(x->advertised_host));
}

/* At the end of the option's path, or the listener's line. */
static void
say_tls(const struct look *k, const char *path, const char *key, const char *why)
{
	struct alv_str shown = alv_arena_printf(k->l->a, "listeners[%zu].tls.%s", k->i, key);

	pol_diag_at(k->l->d, line_at(k->node, path), shown.p == NULL ? key : shown.p, "%s", why);
}

/* With endpoint sni one certificate must be good for all tenants' names, where a wildcard can be. */
static void
check_covered(const struct look *k, const struct pol_listener *x)
{
	const struct ten_pattern *both[] = { &x->hosts.bootstrap, &x->hosts.node };

	for (size_t n = 0; n < ALV_COUNT(both); n++) {
		const char *domain = alv_arena_str(k->l->a, pol_hosts_wildcard(both[n])).p;
		bool	    covered = domain == NULL || domain[0] == '\0';

		for (size_t i = 0; i < x->npairs && !covered; i++)
			covered = pol_file_covers(x->pairs[i].certificate_file, domain);
		if (covered)
			continue;
		say_tls(k, "tls", "certificate.file", alv_arena_printf(k->l->a, "found no certificate for '*.%s', expected one with that "
		    "subject alternative name", domain).p);
		return;
	}
}

/* Each pair for itself. */
static void
check_pairs(const struct look *k, const struct pol_listener *x)
{
	size_t listed = x->npairs - (x->certificate_file != NULL || x->key_file != NULL);

	if ((x->certificate_file == NULL) != (x->key_file == NULL)) {
		say_tls(k, "tls", x->key_file == NULL ? "key.file" : "certificate.file", "found nothing, expected both certificate.file and key.file");
		return;
	}
	for (size_t i = 0; i < x->npairs; i++) {
		const char    *why = pol_file_pair(k->l, x->pairs[i].certificate_file, x->pairs[i].key_file);
		struct alv_str key = i + listed < x->npairs ? ALV_STR("key.file") :
		    alv_arena_printf(k->l->a, "certificates[%zu].key.file", i + listed - x->npairs);

		if (why != NULL)
			say_tls(k, i + listed < x->npairs ? "tls/key.file" : "tls/certificates", key.p == NULL ? "" : key.p, why);
	}
	if (x->npairs == 0)
		say_tls(k, "tls", "certificate.file", "found nothing, expected the path of a PEM file with certificates, or certificates");
	else if (x->endpoint == POL_ENDPOINT_SNI)
		check_covered(k, x);
}

static void
check_proxy(const struct look *k, const struct pol_listener *x)
{
	if (x->proxy_protocol != POL_PROXY_OFF && x->ntrusted == 0)
		say(k, "proxy.protocol.trusted", "nothing", "the load balancers' networks, with proxy.protocol");
	if (x->proxy_protocol == POL_PROXY_OFF && x->ntrusted > 0)
		say(k, "proxy.protocol.trusted", "networks", "none without proxy.protocol");
}

static void
check_authorities(const struct look *k, const struct pol_listener *x)
{
	if (x->nauthorities > 0 && x->endpoint != POL_ENDPOINT_SNI)
		say_tls(k, "tls/tenants", "tenants", "found tenants, expected none with endpoint port: a listener of one tenant has client.ca.file");
	for (size_t i = 0; i < x->nauthorities; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(x->authorities[i].tenant, x->authorities[j].tenant) == 0)
				say_tls(k, "tls/tenants", alv_arena_printf(k->l->a, "tenants[%zu].tenant", i).p, "found a tenant that is there twice");
}

/* Whose certificates are taken, and what for. */
static void
check_clients(const struct look *k, const struct pol_listener *x)
{
	bool asked = x->client_auth != POL_CLIENT_NONE;

	if (asked && x->client_ca_file == NULL && x->nauthorities == 0)
		say_tls(k, "tls/client.auth", "client.ca.file", "found nothing, expected the authorities of clients, with this client.auth");
	if (!asked && x->client_ca_file != NULL)
		say_tls(k, "tls/client.ca.file", "client.ca.file", "found a file, expected none with client.auth none");
	if (!asked && x->nauthorities > 0)
		say_tls(k, "tls/tenants", "tenants", "found tenants, expected none with client.auth none");
	if (x->client_crl_file != NULL && x->client_ca_file == NULL)
		say_tls(k, "tls/client.crl.file", "client.crl.file", "found a file, expected none without client.ca.file");
	if (x->login == POL_LOGIN_CERTIFICATE && x->client_auth != POL_CLIENT_REQUIRED)
		say_tls(k, "tls/authentication", "authentication", "found certificate, expected sasl unless client.auth is required");
	check_authorities(k, x);
}

static void
check_tls(const struct look *k, const struct pol_config *c, const struct pol_listener *x)
{
	if (x->tls) {
		check_pairs(k, x);
		check_clients(k, x);
	}
	if (!x->tls && c->mechanisms[POL_SASL_OAUTHBEARER] && !pol_host_loopback(x->bind.host))
		say(k, "tls", "nothing, while authentication.sasl.mechanisms offers OAUTHBEARER, which sends tokens as they are",
		    "TLS, a loopback address in bind, or no OAUTHBEARER");
	if (!x->tls && c->mechanisms[POL_SASL_PLAIN] && !pol_host_loopback(x->bind.host))
		say(k, "tls", "nothing, while authentication.sasl.mechanisms offers PLAIN, which sends passwords as they are",
		    "TLS, a loopback address in bind, or no PLAIN");
}

static void
check_listeners(struct pol_load *l, const struct pol_node *root, const struct pol_config *c)
{
	const struct pol_node *node = pol_doc_find(root, "listeners")->first;
	/* bind.c made the array and nobody has seen it yet. */
	struct pol_listener *all = (struct pol_listener *)(uintptr_t)c->listeners;

	for (size_t i = 0; i < c->nlisteners; i++, node = node->next) {
		struct look k = { l, node, i };

		for (size_t j = 0; j < i; j++)
			if (strcmp(all[i].name, all[j].name) == 0)
				say(&k, "name", "a name that another listener has", "one of its own");
		check_unused(&k, &all[i]);
		if (all[i].endpoint == POL_ENDPOINT_SNI)
			check_sni(&k, &all[i]);
		else
			check_ports(&k, &all[i]);
		check_proxy(&k, &all[i]);
		check_tls(&k, c, &all[i]);
	}
}

/* ---- ports that collide ------------------------------------------------------------------------ */

struct range {
	const char *host, *key;
	unsigned    first, last, line;
};

static bool
overlap(const struct range *a, const struct range *b)
{
	if (a->first == 0 || b->first == 0 || a->first > b->last || b->first > a->last)
		return false;
	return pol_host_overlap(a->host, b->host);
}

static void
add_range(struct pol_load *l, struct range *all, size_t *n, struct range r)
{
	for (size_t i = 0; i < *n; i++)
		if (overlap(&all[i], &r))
			pol_diag_at(l->d, r.line, r.key, "found port %u, which %s has as well, expected ports that do not overlap",
			    r.first > all[i].first ? r.first : all[i].first, all[i].key);
	all[(*n)++] = r;
}

static void
check_overlaps(struct pol_load *l, const struct pol_node *root, const struct pol_config *c)
{
	struct range	      *all = alv_arena_alloc(l->a, (c->nlisteners * 2 + 2) * sizeof(*all));
	const struct pol_node *node = pol_doc_find(root, "listeners")->first;
	size_t		       n = 0;

	if (all == NULL)
		return;
	for (size_t i = 0; i < c->nlisteners; i++, node = node->next) {
		const struct pol_listener *x = &c->listeners[i];
		const char		  *bind = alv_arena_printf(l->a, "listeners[%zu].bind", i).p;
		const char		  *ports = alv_arena_printf(l->a, "listeners[%zu].node.ports", i).p;

		if (bind == NULL || ports == NULL)
			return;
		add_range(l, all, &n, (struct range){ x->bind.host, bind, x->bind.port, x->bind.port, line_at(node, "bind") });
		add_range(l, all, &n, (struct range){ x->bind.host, ports, x->node_port_first, x->node_port_last,
		    line_at(node, "node.ports") });
	}
	add_range(l, all, &n, (struct range){ c->admin.bind.host, "admin.bind", c->admin.bind.port, c->admin.bind.port,
	    line_at(root, "admin/bind") });
	add_range(l, all, &n, (struct range){ c->ops.host, "ops.bind", c->ops.port, c->ops.port, line_at(root, "ops/bind") });
}

/* ---- the other sections ------------------------------------------------------------------------- */

static void
tell(struct pol_load *l, const struct pol_node *root, const char *path, const char *key, const char *text)
{
	pol_diag_at(l->d, line_at(root, path), key, "%s", text);
}

/* One line end at the end does not count: editors and echo leave it. */
const char *
pol_config_password(const struct pol_upstream *u, struct alv_str *out)
{
	const char    *why = NULL;
	struct alv_buf b;
	char	      *copy = NULL;

	*out = ALV_STR_NULL;
	if (pol_file_read(u->password_file, PASSWORD_MAX, &b)) {
		why = "found a file that cannot be read or is too long, expected a password of at most 1024 bytes";
	} else {
		if (b.n > 0 && b.p[b.n - 1] == '\n')
			b.n--;
		if (b.n > 0 && b.p[b.n - 1] == '\r')
			b.n--;
		if (b.n == 0 || memchr(b.p, '\0', b.n) != NULL)
			why = "found no password in the file, expected one line of text";
		else if ((copy = malloc(b.n + 1)) == NULL)
			why = "out of memory";
	}
	if (copy != NULL) {
		memcpy(copy, b.p, b.n);
		copy[b.n] = '\0';
		*out = alv_str_make(copy, b.n);
	}
	alv_buf_wipe(&b);
	return why;
}

static void
read_password(struct pol_load *l, const struct pol_node *root, struct pol_upstream *u)
{
	const char *why = pol_config_password(u, &u->password);

	if (why != NULL)
		tell(l, root, "upstream/sasl/password.file", "upstream.sasl.password.file", why);
}

static void
check_upstream(struct pol_load *l, const struct pol_node *root, struct pol_upstream *u)
{
	bool	    tls = u->security == POL_SSL || u->security == POL_SASL_SSL;
	bool	    sasl = u->security == POL_SASL_PLAINTEXT || u->security == POL_SASL_SSL;
	const char *why;

	if (u->tls && !tls)
		tell(l, root, "upstream/ssl", "upstream.ssl",
		    "found a section, expected none unless security.protocol is SSL or SASL_SSL");
	if (u->sasl && !sasl)
		tell(l, root, "upstream/sasl", "upstream.sasl",
		    "found a section, expected none unless security.protocol is SASL_PLAINTEXT or SASL_SSL");
	if (!u->sasl && sasl)
		tell(l, root, "upstream/security.protocol", "upstream.sasl",
		    "found nothing, expected username and password.file with this security.protocol");
	if ((u->certificate_file == NULL) != (u->key_file == NULL))
		tell(l, root, "upstream/ssl", "upstream.ssl", "found one of certificate.file and key.file, expected both or neither");
	else if (u->key_file != NULL && (why = pol_file_pair(l, u->certificate_file, u->key_file)) != NULL)
		tell(l, root, "upstream/ssl/key.file", "upstream.ssl.key.file", why);
	if (u->sasl && sasl)
		read_password(l, root, u);
	u->tls = tls;
	u->sasl = sasl;
}

static void
check_admin(struct pol_load *l, const struct pol_node *root, const struct pol_config *c)
{
	const char *why = NULL;

	if (!c->admin.tls && !pol_host_loopback(c->admin.bind.host))
		tell(l, root, "admin/bind", "admin.tls", "found nothing, expected a certificate and key, as bind is not a loopback address");
	if (c->admin.tls)
		why = pol_file_pair(l, c->admin.certificate_file, c->admin.key_file);
	if (why != NULL)
		tell(l, root, "admin/tls/key.file", "admin.tls.key.file", why);
}

static bool
is_state_key(struct alv_buf *b)
{
	uint8_t key[STATE_KEY_TEXT];
	int	n;

	while (b->n > 0 && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r'))
		b->n--;
	if (b->n != STATE_KEY_TEXT || b->p[STATE_KEY_TEXT - 1] != '=' || b->p[STATE_KEY_TEXT - 2] == '=')
		return false;
	n = EVP_DecodeBlock(key, b->p, STATE_KEY_TEXT);
	OPENSSL_cleanse(key, sizeof(key));
	return n == STATE_KEY_BYTES + 1;	/* it counts the padding */
}

static void
check_state(struct pol_load *l, const struct pol_node *root, const struct pol_config *c)
{
	struct alv_buf b;
	bool	       good = pol_file_read(c->state.key_file, 256, &b) == ALV_OK && is_state_key(&b);

	alv_buf_wipe(&b);
	if (!good)
		tell(l, root, "state/key.file", "state.key.file", "found no key in the file, expected 32 bytes in base64 (44 characters)");
}

/* Unless what there is decides: then whatever is too large is lowered when the process starts. */
static void
check_memory(struct pol_load *l, const struct pol_node *root, const struct pol_limits *m)
{
	uint64_t share = m->memory_max_bytes / 100 * m->memory_share_percent + m->memory_max_bytes % 100 * m->memory_share_percent / 100;
	const struct { const char *path, *key; uint32_t has; } rows[] = {
		{ "limits/socket.request.max.bytes", "limits.socket.request.max.bytes", m->frame_max_bytes },
		{ "limits/response.max.bytes", "limits.response.max.bytes", m->response_max_bytes },
		{ "limits/memory.tenant.floor.bytes", "limits.memory.tenant.floor.bytes", m->memory_floor_bytes },
	};

	if (m->memory_max_bytes == 0)
		return;
	for (size_t i = 0; i < ALV_COUNT(rows); i++)
		if (rows[i].has > share)
			pol_diag_at(l->d, line_at(root, rows[i].path), rows[i].key, "found %" PRIu32 ", expected at most %" PRIu64
			    ": what one tenant may hold, memory.tenant.share.percent of memory.max.bytes", rows[i].has, share);
}

static void
check_limits(struct pol_load *l, const struct pol_node *root, const struct pol_limits *m)
{
	if (m->frame_max_bytes_unauthenticated > m->frame_max_bytes)
		tell(l, root, "limits/unauthenticated.request.max.bytes", "limits.unauthenticated.request.max.bytes",
		    "found more than socket.request.max.bytes, expected at most that");
	if (m->connections_unauthenticated_max > m->connections_max)
		tell(l, root, "limits/connections.unauthenticated.max", "limits.connections.unauthenticated.max",
		    "found more than connections.max, expected at most that");
	if (m->fetch_max_bytes > m->response_max_bytes / 2)
		tell(l, root, "limits/fetch.max.bytes", "limits.fetch.max.bytes",
		    "found more than half of response.max.bytes, expected at most that: brokers may answer with more than was asked for");
	if (m->authentication_timeout_ms > m->connections_max_idle_ms)
		tell(l, root, "limits/authentication.timeout.ms", "limits.authentication.timeout.ms",
		    "found more than connections.max.idle.ms, expected at most that");
}

void
pol_config_check(struct pol_load *l, const struct pol_node *root, struct pol_config *c)
{
	check_listeners(l, root, c);
	check_overlaps(l, root, c);
	check_upstream(l, root, &c->upstream);
	check_admin(l, root, c);
	check_state(l, root, c);
	check_limits(l, root, &c->limits);
	pol_config_check_oauth(l, root, c);
	check_memory(l, root, &c->limits);
	if (l->a->failed)
		tell(l, root, "", "", "out of memory");
}
