/* Quotas as they are set: the keys, the entities, and which entry decides. See <alcove/quota_policy.h>.
 * A tenant's entries are sorted, so each candidate is one binary search; where no entry of the kind has the key, there is none. */
#include <alcove/check.h>
#include <alcove/cidr.h>
#include <alcove/policy.h>
#include <alcove/quota_list.h>
#include <alcove/str.h>

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>

/* ---- keys ---------------------------------------------------------------------------------------------------- */

enum { TENANT = 1 << POL_QUOTA_OF_TENANT, CLIENT = 1 << POL_QUOTA_OF_CLIENT, GROUP = 1 << POL_QUOTA_OF_GROUP,
	ADDRESS = 1 << POL_QUOTA_OF_ADDRESS };
enum { REAL, WHOLE };

static const struct pol_quota_key_info keys[POL_QUOTA_KEYS] = {
#define QUOTA(id, word, number, least, most, where, kept, usual, measure, text) \
	[POL_QUOTA_##id] = { .name = word, .unit = measure, .help = text, .whole = (number) == WHOLE, .min = least, .max = most, \
		.on = where, .enforced = kept, .standard = usual },
#include <alcove/tbl/quota.def>
#undef QUOTA
};
_Static_assert(POL_QUOTA_KEYS <= 32, "keys are bits of a uint32_t");

const struct pol_quota_key_info *
pol_quota_info(enum pol_quota_key key)
{
	ALV_CHECK((unsigned)key < POL_QUOTA_KEYS);
	return &keys[key];
}

enum pol_quota_key
pol_quota_key_of(struct alv_str name)
{
	int k = 0;

	while (k < POL_QUOTA_KEYS && !alv_str_eqz(name, keys[k].name))
		k++;
	return (enum pol_quota_key)k;
}

/* Doubles of 2^53 and more have no fractions. */
static bool
is_whole(double value)
{
	return value >= 9007199254740992.0 || value <= -9007199254740992.0 || value == (double)(int64_t)value;
}

/* What a value must be: fractions of REAL ones may be as small as they like, but nothing is no limit. */
enum alv_err
pol_quota_value_check(enum pol_quota_kind kind, enum pol_quota_key key, double value, const uint8_t *enforced, const char **expected)
{
	const struct pol_quota_key_info *k = pol_quota_info(key);

	*expected = NULL;
	if ((k->on & 1u << kind) == 0)
		*expected = "another entity: the key cannot be set on this one";
	else if (((enforced == NULL ? k->enforced : enforced[key]) & 1u << kind) == 0)
		*expected = "another key: this one is not enforced here, so it cannot be set";
	if (*expected != NULL)
		return ALV_E_UNSUPPORTED;
	if (!isfinite(value))
		*expected = "a finite number";
	else if (k->whole && !is_whole(value))
		*expected = "a whole number";
	if (*expected != NULL)
		return ALV_E_VALUE;
	if (value < k->min || (!k->whole && value <= k->min))
		*expected = k->min > 0 || !k->whole ? "a number greater than 0" : "a number of 0 or more";
	else if (value > k->max)
		*expected = "a smaller number";
	return *expected == NULL ? ALV_OK : ALV_E_RANGE;
}

/* ---- entities --------------------------------------------------------------------------------------------------- */

static int
compare(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int
part_cmp(const struct pol_quota_part *a, const struct pol_quota_part *b)
{
	int r = compare(a->match, b->match);

	return r != 0 || a->match != POL_QUOTA_NAMED ? r : alv_str_cmp(a->name, b->name);
}

int
pol_quota_entity_cmp(const struct pol_quota_entity *a, const struct pol_quota_entity *b)
{
	int r = compare(a->kind, b->kind);

	if (r == 0)
		r = part_cmp(&a->part[0], &b->part[0]);
	return r != 0 ? r : part_cmp(&a->part[1], &b->part[1]);
}

static bool
printable(struct alv_str s)
{
	if (s.p == NULL || !alv_str_utf8(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t b = (uint8_t)s.p[i];

		if (b < 0x20 || b == 0x7f || (b == 0xc2 && (uint8_t)s.p[i + 1] < 0xa0))
			return false;
	}
	return true;
}

/* An empty client id is one that clients have; nothing else is empty. */
static bool
good_part(const struct pol_quota_part *p, bool empty)
{
	if (p->match != POL_QUOTA_NAMED)
		return p->name.p == NULL;
	return printable(p->name) && !alv_str_eqz(p->name, POL_QUOTA_DEFAULT_WORD) && p->name.n <= POL_QUOTA_NAME_MAX && (empty || p->name.n > 0);
}

/* An address has one spelling here, so that it is found by that of a client. */
static bool
good_address(const struct pol_quota_part *p)
{
	char		text[INET6_ADDRSTRLEN];
	struct alv_cidr c;

	if (p->match != POL_QUOTA_NAMED)
		return p->match == POL_QUOTA_DEFAULT;
	return p->name.p != NULL && alv_cidr_parse(p->name, &c) == ALV_OK &&
	    inet_ntop(c.v4 ? AF_INET : AF_INET6, c.addr, text, sizeof(text)) != NULL && alv_str_eqz(p->name, text);
}

/* Are the parts those of the kind? */
static const char *
parts_of_kind(const struct pol_quota_entity *e)
{
	enum pol_quota_match a = e->part[0].match, b = e->part[1].match;

	switch (e->kind) {
	case POL_QUOTA_OF_TENANT:
		return a == POL_QUOTA_NO_PART && b == POL_QUOTA_NO_PART ? NULL : "the tenant without a name";
	case POL_QUOTA_OF_CLIENT:
		return a != POL_QUOTA_UNATTRIBUTED && b != POL_QUOTA_UNATTRIBUTED && (a != POL_QUOTA_NO_PART || b != POL_QUOTA_NO_PART) ? NULL :
		    "a user, a client id or both, each by name or the default";
	case POL_QUOTA_OF_GROUP:
		return a != POL_QUOTA_NO_PART && b == POL_QUOTA_NO_PART ? NULL : "a group by name, the default or unattributed";
	case POL_QUOTA_OF_ADDRESS:
		return good_address(&e->part[0]) && b == POL_QUOTA_NO_PART ? NULL : "an address in its short form (10.0.0.7, 2001:db8::7) or the default";
	default:
		return "a tenant, a client, a group or an address";
	}
}

enum alv_err
pol_quota_entity_check(const struct pol_quota_entity *e, const char **expected)
{
	*expected = parts_of_kind(e);
	if (*expected == NULL && (!good_part(&e->part[0], false) || !good_part(&e->part[1], true)))
		*expected = "names of 1 to 255 bytes of printable text in UTF-8, not <default> (a client id may be empty)";
	return *expected == NULL ? ALV_OK : ALV_E_VALUE;
}

/* ---- which entry decides ------------------------------------------------------------------------------------------ */

static int
order(const void *a, const void *b)
{
	return pol_quota_entity_cmp(&((const struct pol_quota *)a)->entity, &((const struct pol_quota *)b)->entity);
}

const struct pol_quota *
pol_quota_find(const struct pol_tenant *t, const struct pol_quota_entity *e)
{
	struct pol_quota key;

	if (t->nquotas == 0)
		return NULL;
	key.entity = *e;
	return bsearch(&key, t->quotas, t->nquotas, sizeof(*t->quotas), order);
}

static struct pol_quota_part
named(struct alv_str name)
{
	return (struct pol_quota_part){ POL_QUOTA_NAMED, name.p == NULL ? ALV_STR("") : name };
}

static const struct pol_quota_part by_default = { .match = POL_QUOTA_DEFAULT };

/* Kafka takes the name of whatever kind of principal. */
static struct alv_str
user_of(struct alv_str principal)
{
	const char *colon = principal.n == 0 ? NULL : memchr(principal.p, ':', principal.n);

	return colon == NULL ? principal : alv_str_make(colon + 1, principal.n - (size_t)(colon + 1 - principal.p));
}

size_t
pol_quota_client_candidates(struct alv_str principal, struct alv_str client_id, struct pol_quota_entity e[static POL_QUOTA_CANDIDATES])
{
	const struct pol_quota_part none = { .match = POL_QUOTA_NO_PART };
	const struct pol_quota_part user[] = { named(user_of(principal)), by_default, none };
	const struct pol_quota_part client[] = { named(client_id), by_default, none };
	size_t			    n = 0;

	for (size_t u = 0; u < ALV_COUNT(user); u++)
		for (size_t c = 0; c < ALV_COUNT(client) && n < POL_QUOTA_CANDIDATES; c++)
			e[n++] = (struct pol_quota_entity){ POL_QUOTA_OF_CLIENT, { user[u], client[c] } };
	return n;
}

size_t
pol_quota_group_candidates(struct alv_str group, struct pol_quota_entity e[static POL_QUOTA_CANDIDATES])
{
	struct pol_quota_part of = group.p == NULL ? (struct pol_quota_part){ .match = POL_QUOTA_UNATTRIBUTED } : named(group);

	e[0] = (struct pol_quota_entity){ POL_QUOTA_OF_GROUP, { of } };
	e[1] = (struct pol_quota_entity){ POL_QUOTA_OF_GROUP, { by_default } };
	return 2;
}

size_t
pol_quota_address_candidates(struct alv_str address, struct pol_quota_entity e[static POL_QUOTA_CANDIDATES])
{
	e[0] = (struct pol_quota_entity){ POL_QUOTA_OF_ADDRESS, { named(address) } };
	e[1] = (struct pol_quota_entity){ POL_QUOTA_OF_ADDRESS, { by_default } };
	return 2;
}

static bool
any_of(const struct pol_tenant *t, enum pol_quota_kind kind, enum pol_quota_key key)
{
	return (t->quota_keys[kind] & 1u << key) != 0;
}

/* The first that says something of the key. */
static bool
decide(const struct pol_tenant *t, enum pol_quota_key key, const struct pol_quota_entity *e, size_t n, struct pol_quota_cell *c)
{
	*c = (struct pol_quota_cell){ .quota = NULL };
	for (size_t i = 0; i < n; i++) {
		const struct pol_quota *q = pol_quota_find(t, &e[i]);

		if (q == NULL || (q->set & 1u << key) == 0)
			continue;
		c->quota = q;
		c->limit = q->value[key];
		return true;
	}
	return false;
}

bool
pol_quota_client(const struct pol_tenant *t, enum pol_quota_key key, struct alv_str principal, struct alv_str client_id,
    struct pol_quota_cell *c)
{
	struct pol_quota_entity e[POL_QUOTA_CANDIDATES];

	*c = (struct pol_quota_cell){ .quota = NULL };
	if (!any_of(t, POL_QUOTA_OF_CLIENT, key) || !decide(t, key, e, pol_quota_client_candidates(principal, client_id, e), c))
		return false;
	/* As in Kafka, a default gives each its own cell. */
	if (c->quota->entity.part[0].match != POL_QUOTA_NO_PART)
		c->part[0] = e[0].part[0].name;
	if (c->quota->entity.part[1].match != POL_QUOTA_NO_PART)
		c->part[1] = e[0].part[1].name;
	return true;
}

bool
pol_quota_group(const struct pol_tenant *t, enum pol_quota_key key, struct alv_str group, struct pol_quota_cell *c)
{
	struct pol_quota_entity e[POL_QUOTA_CANDIDATES];

	*c = (struct pol_quota_cell){ .quota = NULL };
	if (!any_of(t, POL_QUOTA_OF_GROUP, key) || !decide(t, key, e, pol_quota_group_candidates(group, e), c))
		return false;
	c->part[0] = group;
	return true;
}

bool
pol_quota_address(const struct pol_tenant *t, enum pol_quota_key key, struct alv_str address, struct pol_quota_cell *c)
{
	struct pol_quota_entity e[POL_QUOTA_CANDIDATES];

	*c = (struct pol_quota_cell){ .quota = NULL };
	if (!any_of(t, POL_QUOTA_OF_ADDRESS, key) || !decide(t, key, e, pol_quota_address_candidates(address, e), c))
		return false;
	c->part[0] = address;
	return true;
}

bool
pol_quota_tenant(const struct pol_tenant *t, enum pol_quota_key key, struct pol_quota_cell *c)
{
	static const struct pol_quota_entity all = { .kind = POL_QUOTA_OF_TENANT };

	*c = (struct pol_quota_cell){ .quota = NULL };
	if (any_of(t, POL_QUOTA_OF_TENANT, key))
		return decide(t, key, &all, 1, c);
	c->limit = keys[key].standard;
	return c->limit > 0;
}
