/* What issuers of tokens must be together, and with the rest of the file. */
#include "policies/option.h"

#include <alcove/str.h>

/* ---- URLs ------------------------------------------------------------------------------------------ */

/* What is behind "https://" or "http://"; null: it is neither. */
static struct alv_str
behind_scheme(struct alv_str s)
{
	static const struct alv_str schemes[] = { { "https://", 8 }, { "http://", 7 } };

	for (size_t i = 0; i < ALV_COUNT(schemes); i++)
		if (alv_str_starts(s, schemes[i]))
			return alv_str_make(s.p + schemes[i].n, s.n - schemes[i].n);
	return ALV_STR_NULL;
}

/* "host", "host:port", "[::1]:port" of a URL. */
static struct alv_str
authority(struct alv_str s)
{
	struct alv_str rest = behind_scheme(s);
	size_t	       n = 0;

	while (n < rest.n && strchr("/?", rest.p[n]) == NULL)
		n++;
	return alv_str_make(rest.p, n);
}

struct alv_str
pol_url_host(struct alv_str s)
{
	struct alv_str a = authority(s);
	const char    *end = a.n == 0 ? NULL : memchr(a.p, a.p[0] == '[' ? ']' : ':', a.n);
	size_t	       n = end == NULL ? a.n : (size_t)(end - a.p);

	return n > 0 && a.p[0] == '[' ? alv_str_make(a.p + 1, n - 1) : alv_str_make(a.p, n);
}

static bool
port_legal(struct alv_str a, struct alv_str host)
{
	size_t	 n = host.n + (a.p[0] == '[' ? 2 : 0);
	uint64_t port;

	if (n == a.n)
		return true;
	return n < a.n && a.p[n] == ':' && alv_str_u64(alv_str_make(a.p + n + 1, a.n - n - 1), 65535, &port) == ALV_OK && port > 0;
}

bool
pol_url_legal(struct alv_str s)
{
	struct alv_str a = authority(s), host = pol_url_host(s);

	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] <= 0x20 || (uint8_t)s.p[i] >= 0x7f || strchr("#\\\"<>^`{|}", s.p[i]) != NULL)
			return false;
	if (alv_str_starts(s, ALV_STR("file:")))
		return s.n > 5 && !alv_str_ends(s, ALV_STR("/"));
	return a.n > 0 && memchr(a.p, '@', a.n) == NULL && pol_host_legal(host) && port_legal(a, host);
}

/* ---- issuers ----------------------------------------------------------------------------------------- */

struct look {
	struct pol_load	      *l;
	const struct pol_node *node;	/* of the issuer */
	size_t		       i;
};

static void
say(const struct look *k, const char *key, const char *words)
{
	struct alv_str	       shown = alv_arena_printf(k->l->a, "oauth.issuers[%zu].%s", k->i, key);
	const struct pol_node *n = pol_doc_get(k->node, alv_str_of(key));

	pol_diag_at(k->l->d, n == NULL ? k->node->line : n->line, shown.p == NULL ? key : shown.p, "%s", words);
}

static bool
is_allowed(const struct pol_issuer *x, struct alv_str host)
{
	struct alv_cidr address;
	bool		is = alv_cidr_parse(host, &address) == ALV_OK, in = false;

	for (size_t i = 0; is && i < x->nallowed; i++)
		in = in || alv_cidr_in(&x->allowed[i], &address);
	return in;
}

static void
check_url(const struct look *k, struct pol_issuer *x)
{
	static const char key[] = "sasl.oauthbearer.jwks.endpoint.url";
	struct alv_str	  url = alv_str_of(x->jwks_url), host = pol_url_host(url);
	const char	 *name = alv_arena_str(k->l->a, host).p, *why;

	if (alv_str_starts(url, ALV_STR("file:"))) {
		struct alv_str path = alv_str_make(url.p + 5, url.n - 5);

		if (alv_str_starts(path, ALV_STR("///")))
			path = alv_str_make(path.p + 2, path.n - 2);
		x->jwks_file = pol_file_path(k->l, path);
		why = x->jwks_file == NULL ? NULL : pol_file_plain(k->l, x->jwks_file);
		if (why != NULL)
			say(k, key, why);
		if (x->ca_file != NULL)
			say(k, "jwks.endpoint.ca.file", "found a file, expected none where the keys are a file");
		if (x->nallowed > 0)
			say(k, "jwks.endpoint.networks", "found networks, expected none where the keys are a file");
	} else if (alv_str_starts(url, ALV_STR("http://")) && (name == NULL || !pol_host_loopback(name) || !is_allowed(x, host))) {
		say(k, key, "found http, expected https: http only to a loopback address that jwks.endpoint.networks has");
	}
}

static void
check_issuer(const struct look *k, struct pol_issuer *all)
{
	struct pol_issuer *x = &all[k->i];

	for (size_t j = 0; j < k->i; j++) {
		if (strcmp(x->name, all[j].name) == 0)
			say(k, "name", "found a name that another issuer has, expected one of its own");
		if (strcmp(x->issuer, all[j].issuer) == 0)
			say(k, "sasl.oauthbearer.expected.issuer", "found what another issuer has, expected each once");
	}
	if (x->tenant_claim == NULL && x->ntenants == 0)
		say(k, "tenants", "found nothing, expected tenants, or tenant.claim.name");
	check_url(k, x);
}

void
pol_config_check_oauth(struct pol_load *l, const struct pol_node *root, struct pol_config *c)
{
	const struct pol_node *list = pol_doc_find(root, "oauth/issuers");
	const struct pol_node *mechanisms = pol_doc_find(root, "authentication/sasl.mechanisms");
	struct look	       k = { l, list == NULL ? NULL : list->first, 0 };

	for (; k.i < c->oauth.nissuers; k.i++, k.node = k.node->next)
		check_issuer(&k, (struct pol_issuer *)(uintptr_t)c->oauth.issuers);	/* bind.c made it and nobody has seen it yet */
	if (c->mechanisms[POL_SASL_OAUTHBEARER] && c->oauth.nissuers == 0)
		pol_diag_at(l->d, mechanisms == NULL ? 0 : mechanisms->line, "authentication.sasl.mechanisms",
		    "found OAUTHBEARER, expected oauth.issuers with it");
	if (!c->mechanisms[POL_SASL_OAUTHBEARER] && c->oauth.nissuers > 0)
		pol_diag_at(l->d, list->line, "oauth.issuers", "found issuers, expected OAUTHBEARER in authentication.sasl.mechanisms");
}
