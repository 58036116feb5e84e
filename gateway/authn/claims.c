/* What a token has to say, and what is taken from it. Everything here comes out of JSON that an issuer signed: issuers are
 * trusted to say who somebody is, not to keep to our limits. */
#include "authn/claims.h"

#include <alcove/acl.h>
#include <alcove/policy.h>
#include <alcove/str.h>
#include <alcove/tenant.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PART_MAX = 256 };

/* ---- finding ------------------------------------------------------------------------------------------ */

/* One part of a path, "~1" and "~0" undone; false: too long. */
static bool
read_part(const char *from, size_t n, char out[static PART_MAX + 1])
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (k == PART_MAX)
			return false;
		if (from[i] == '~' && i + 1 < n && (from[i + 1] == '0' || from[i + 1] == '1'))
			out[k++] = from[++i] == '0' ? '~' : '/';
		else
			out[k++] = from[i];
	}
	out[k] = '\0';
	return true;
}

/* A claim by its name, or by a path of RFC 6901 where it lies in others: "/realm_access/roles". NULL: it is not there, or null. */
static const json_t *
find_claim(const json_t *payload, const char *path)
{
	const json_t *v = payload;
	char	      part[PART_MAX + 1];

	if (path[0] != '/')
		v = json_object_get(payload, path);
	while (*path == '/') {
		size_t n = strcspn(++path, "/");

		v = read_part(path, n, part) ? json_object_get(v, part) : NULL;
		path += n;
	}
	return json_is_null(v) ? NULL : v;
}

static struct alv_str
text_of(const json_t *v)
{
	return json_is_string(v) ? alv_str_make(json_string_value(v), json_string_length(v)) : ALV_STR_NULL;
}

/* The next word of *rest; null: there is none. */
static struct alv_str
next_word(struct alv_str *rest)
{
	struct alv_str w;

	while (rest->n > 0 && rest->p[0] == ' ')
		*rest = alv_str_make(rest->p + 1, rest->n - 1);
	for (w = alv_str_make(rest->p, 0); w.n < rest->n && w.p[w.n] != ' ';)
		w.n++;
	*rest = alv_str_make(rest->p + w.n, rest->n - w.n);
	return w.n == 0 ? ALV_STR_NULL : w;
}

bool
aut_claim_is(const json_t *claim, struct alv_str value)
{
	const json_t *x;
	size_t	      i;

	if (json_is_string(claim))
		return alv_str_eq(text_of(claim), value);
	json_array_foreach(claim, i, x)
		if (json_is_string(x) && alv_str_eq(text_of(x), value))
			return true;
	return false;
}

static bool
is_plain(const json_t *claim, struct alv_str value)
{
	char text[32];

	if (json_is_boolean(claim))
		return alv_str_eqz(value, json_is_true(claim) ? "true" : "false");
	if (!json_is_integer(claim))
		return false;
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(claim));
	return alv_str_eqz(value, text);
}

/* Also one word of a text with blanks; true, false and whole numbers as JSON writes them. */
static bool
has(const json_t *claim, struct alv_str value)
{
	struct alv_str rest = text_of(claim), w;

	if (aut_claim_is(claim, value) || is_plain(claim, value))
		return true;
	while (rest.p != NULL && (w = next_word(&rest)).p != NULL)
		if (alv_str_eq(w, value))
			return true;
	return false;
}

/* ---- times -------------------------------------------------------------------------------------------- */

/* Seconds since 1970, perhaps with a fraction. False: it is there and no such number. */
static bool
read_time(const json_t *payload, const char *name, bool *there, uint64_t *ms)
{
	const json_t *v = json_object_get(payload, name);
	double	      s = json_number_value(v);

	*there = v != NULL;
	*ms = 0;
	if (v == NULL)
		return true;
	if (!json_is_number(v) || !isfinite(s) || s < 0 || s > 1e12)
		return false;
	*ms = (uint64_t)(s * 1000);
	return true;
}

static const char *
check_times(const struct pol_issuer *i, const json_t *payload, uint64_t now, struct aut_claims *c)
{
	uint64_t skew = (uint64_t)i->skew_s * 1000, exp, nbf, iat;
	bool	 has_exp, has_nbf, has_iat;

	if (!read_time(payload, "exp", &has_exp, &exp) || !read_time(payload, "nbf", &has_nbf, &nbf) ||
	    !read_time(payload, "iat", &has_iat, &iat))
		return "a token whose times are no numbers";
	if (!has_exp)
		return "a token without an end (exp)";
	if (now >= exp + skew)
		return "an expired token";
	if (has_nbf && nbf > now + skew)
		return "a token that is not good yet (nbf)";
	if (has_iat && iat > now + skew)
		return "a token from the future (iat)";
	/* Behind its end it is good only because clocks differ, and then for as long as that. */
	c->rest_ms = exp > now ? exp - now : exp + skew - now;
	return NULL;
}

/* ---- who ---------------------------------------------------------------------------------------------- */

static const char *
take_user(const struct pol_issuer *i, const json_t *payload, struct aut_claims *c)
{
	struct alv_str s = text_of(find_claim(payload, i->user_claim));

	if (!pol_user_good(s))
		return "a token whose user is missing, no text, longer than 255 bytes, everybody (*), or has control characters";
	c->user = alv_arena_str(&c->arena, s);
	return c->user.p == NULL ? "out of memory" : NULL;
}

static bool
add_group(struct aut_claims *c, struct alv_str *all, struct alv_str s)
{
	if (c->ngroups == POL_GROUPS_MAX || !pol_group_good(s))
		return false;
	all[c->ngroups] = alv_arena_str(&c->arena, s);
	return all[c->ngroups++].p != NULL;
}

/* Too many are refused and not cut: what is left out could be what denies. */
static const char *
take_groups(const struct pol_issuer *i, const json_t *payload, struct aut_claims *c)
{
	const json_t  *claim = i->groups_claim == NULL ? NULL : find_claim(payload, i->groups_claim), *x;
	struct alv_str rest = text_of(claim), w, *all;
	size_t	       k;
	bool	       good = true;

	if (claim == NULL)
		return NULL;
	if (!json_is_array(claim) && !json_is_string(claim))
		return "a token whose groups are neither a list nor a text";
	all = alv_arena_alloc(&c->arena, POL_GROUPS_MAX * sizeof(*all));
	if (all == NULL)
		return "out of memory";
	json_array_foreach(claim, k, x)
		good = good && add_group(c, all, text_of(x));
	while (good && rest.p != NULL && (w = next_word(&rest)).p != NULL)
		good = add_group(c, all, w);
	c->groups = all;
	return good ? NULL : "a token with more than 32 groups, or one that is no name";
}

static bool
listed(const struct pol_issuer *i, struct alv_str tenant)
{
	for (size_t k = 0; k < i->ntenants; k++)
		if (alv_str_eqz(tenant, i->tenants[k]))
			return true;
	return i->ntenants == 0;
}

/* Whose login it is where the endpoint does not say: the one tenant that the claim, or else the issuer, is for. */
static struct alv_str
only_tenant(const struct pol_issuer *i, const json_t *claim)
{
	if (i->tenant_claim == NULL)
		return i->ntenants == 1 ? alv_str_of(i->tenants[0]) : ALV_STR_NULL;
	return text_of(json_is_array(claim) && json_array_size(claim) == 1 ? json_array_get(claim, 0) : claim);
}

static const char *
take_tenant(const struct pol_issuer *i, const json_t *payload, struct alv_str endpoint, struct aut_claims *c)
{
	const json_t  *claim = i->tenant_claim == NULL ? NULL : find_claim(payload, i->tenant_claim);
	struct alv_str tenant = endpoint.n > 0 ? endpoint : only_tenant(i, claim);

	if (tenant.p == NULL || ten_id_check(tenant))
		return "a token that does not say of which tenant it is";
	if (i->tenant_claim != NULL && !aut_claim_is(claim, tenant))
		return "a token of another tenant";
	if (!listed(i, tenant))
		return "a token of an issuer that is not this tenant's";
	c->tenant = alv_arena_str(&c->arena, tenant);
	return c->tenant.p == NULL ? "out of memory" : NULL;
}

static bool
for_us(const struct pol_issuer *i, const json_t *payload)
{
	const json_t *aud = json_object_get(payload, "aud");

	for (size_t k = 0; k < i->naudiences; k++)
		if (aut_claim_is(aud, alv_str_of(i->audiences[k])))
			return true;
	return false;
}

const char *
aut_claims_check(const struct pol_issuer *i, const json_t *payload, struct alv_str endpoint, uint64_t now_ms, struct aut_claims *c)
{
	const char *why = check_times(i, payload, now_ms, c);

	if (why != NULL)
		return why;
	if (!for_us(i, payload))
		return "a token for somebody else (aud)";
	for (size_t k = 0; k < i->nrequired; k++) {
		const json_t *claim = find_claim(payload, i->required[k].name);

		if (claim == NULL || (i->required[k].value != NULL && !has(claim, alv_str_of(i->required[k].value))))
			return "a token without a claim that is required";
	}
	if ((why = take_user(i, payload, c)) != NULL || (why = take_tenant(i, payload, endpoint, c)) != NULL)
		return why;
	return take_groups(i, payload, c);
}
