/* Host names of tenants' own: spelt well, apart from each other, from the listeners' and from other tenants'. */
#include <alcove/str.h>

#include "control/change.h"

static void
lower(char *p)
{
	for (; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
}

static enum alv_err
spelling(struct con_change *c, size_t i, struct ten_own *o)
{
	struct con_own *x = &c->own[i];
	const char     *field, *expected;

	if (memchr(x->bootstrap, '\0', sizeof(x->bootstrap)) == NULL || memchr(x->node_pattern, '\0', sizeof(x->node_pattern)) == NULL)
		return con_say(c, ALV_E_LENGTH, "a text without an end");
	lower(x->bootstrap);
	lower(x->node_pattern);
	if (ten_own_parse(alv_str_of(x->bootstrap), alv_str_of(x->node_pattern), o, &field, &expected) == ALV_OK)
		return ALV_OK;
	return con_say(c, ALV_E_VALUE, "hostNames[%zu].%s: expected %s", i, field, expected);
}

/* A listener's hosts are for all tenants: whoever has them all cannot have one of them. */
static enum alv_err
check_listeners(const struct pol_config *conf, struct con_change *c, const struct ten_own *o)
{
	for (size_t i = 0; conf != NULL && i < conf->nlisteners; i++) {
		const struct pol_listener *l = &conf->listeners[i];
		const struct ten_pattern  *both[] = { &l->hosts.bootstrap, &l->hosts.node };

		for (size_t k = 0; k < ALV_COUNT(both) && l->endpoint == POL_ENDPOINT_SNI; k++)
			if (ten_own_below(o, ten_pattern_domain(both[k])))
				return con_say(c, ALV_E_CONFLICT, "the host names \"%.*s\" and \"%.*s\" are not the tenant's own: one of them is "
				    "below \"%.*s\", a domain of the listener %s", ALV_STR_ARG(o->bootstrap), ALV_STR_ARG(o->node_text),
				    ALV_STR_ARG(ten_pattern_domain(both[k])), l->name);
	}
	return ALV_OK;
}

struct search {
	struct con_change    *c;
	const struct ten_own *own;
	size_t		      n;
};

static bool
clashes(void *arg, struct alv_str tenant, const struct ten_own *other)
{
	struct search *s = arg;

	for (size_t i = 0; i < s->n; i++)
		if (ten_own_overlap(&s->own[i], other)) {
			con_say(s->c, ALV_E_CONFLICT, "the host names \"%.*s\" and \"%.*s\" have a host in common with those of tenant %.*s, "
			    "\"%.*s\" and \"%.*s\"", ALV_STR_ARG(s->own[i].bootstrap), ALV_STR_ARG(s->own[i].node_text), ALV_STR_ARG(tenant),
			    ALV_STR_ARG(other->bootstrap), ALV_STR_ARG(other->node_text));
			return true;
		}
	return false;
}

enum alv_err
con_check_own(struct con_core *k, struct con_change *c, struct ten_own *own)
{
	struct search s = { c, own, c->nown };
	enum alv_err  err;

	if (c->nown > TEN_OWN_MAX)
		return con_say(c, ALV_E_LENGTH, "found %zu host names, expected at most %d", c->nown, TEN_OWN_MAX);
	for (size_t i = 0; i < c->nown; i++) {
		if (spelling(c, i, &own[i]) || check_listeners(k->conf, c, &own[i]))
			return c->err;
		for (size_t j = 0; j < i; j++)
			if (ten_own_overlap(&own[i], &own[j]))
				return con_say(c, ALV_E_VALUE, "hostNames[%zu] and hostNames[%zu] have a host in common", j, i);
	}
	if (c->nown == 0)
		return ALV_OK;
	err = sto_own_others(k->store, alv_str_of(c->tenant), &s, clashes);
	if (err == ALV_E_STORE)
		return con_say(c, err, "%s", sto_words(k->store));
	return err == ALV_OK ? c->err : ALV_OK;
}

/* ---- what was judged, on its way to the store --------------------------------------------------------- */

enum alv_err
con_own_give(struct con_change *c, struct sto_tenant *t, struct ten_own own[static TEN_OWN_MAX])
{
	const char  *field, *expected;
	enum alv_err err = ALV_OK;

	t->own_set = c->own_set;
	t->nown = c->nown;
	t->own = own;
	for (size_t i = 0; !err && c->own_set && i < c->nown; i++)
		err = ten_own_parse(alv_str_of(c->own[i].bootstrap), alv_str_of(c->own[i].node_pattern), &own[i], &field, &expected);
	return err;
}

bool
con_own_same(const struct con_core *k, const struct con_change *c)
{
	const struct pol_tenant *t = con_snapshot(k, c);

	if (t == NULL || t->nown != c->nown)
		return false;
	for (size_t i = 0; i < c->nown; i++)
		if (!alv_str_eqz(t->own[i].bootstrap, c->own[i].bootstrap) || !alv_str_eqz(t->own[i].node_text, c->own[i].node_pattern))
			return false;
	return true;
}
