/* Logins by a client's certificate: a name of it becomes a user by rules in the manner of Kafka's ssl.principal.mapping.rules.
 *
 *   rules   = rule *( "," rule )        rule = "DEFAULT" / "RULE:" pattern "/" replacement "/" [ "L" / "U" ]
 *
 * A "/" within a part is written "\/". The first rule whose pattern is the whole name counts. Patterns are libre2's, whose work is bounded by
 * what it reads. Invariant: where the certificate's authority may speak for several tenants, what comes out names the tenant, and it is the
 * one of the endpoint: "acme/alice". */
#include <stdio.h>

#include <alcove/acl.h>
#include <alcove/regex.h>

#include "api/kit.h"

enum { NAME_MAX_BYTES = 4096 };

/* ---- rules -------------------------------------------------------------------------------------------------- */

struct rule {
	struct alv_str pattern, replacement;	/* pattern null: DEFAULT */
	char	       letters;			/* 'L', 'U', or 0 */
};

static void
skip(struct alv_str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static void
skip_blanks(struct alv_str *s)
{
	while (s->n > 0 && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		skip(s, 1);
}

/* Up to a "/" that nothing escapes, which is passed. */
static bool
take_part(struct alv_str *s, struct alv_str *part)
{
	size_t n = 0;

	while (n < s->n && s->p[n] != '/')
		n += s->p[n] == '\\' && n + 1 < s->n ? 2 : 1;
	if (n >= s->n)
		return false;
	*part = alv_str_make(s->p, n);
	skip(s, n + 1);
	return true;
}

static bool
take_rule(struct alv_str *s, struct rule *r)
{
	*r = (struct rule){ .pattern = ALV_STR_NULL };
	if (alv_str_starts(*s, ALV_STR("DEFAULT"))) {
		skip(s, strlen("DEFAULT"));
		return true;
	}
	if (!alv_str_starts(*s, ALV_STR("RULE:")))
		return false;
	skip(s, strlen("RULE:"));
	if (!take_part(s, &r->pattern) || !take_part(s, &r->replacement))
		return false;
	if (s->n > 0 && (*s->p == 'L' || *s->p == 'U')) {
		r->letters = *s->p;
		skip(s, 1);
	}
	return true;
}

/* The next rule; false: there is none, and *rest is empty, or it is none, and *rest is not. */
static bool
next_rule(struct alv_str *rest, struct rule *r)
{
	struct alv_str at = *rest;

	skip_blanks(&at);
	if (at.n == 0) {
		*rest = at;
		return false;
	}
	if (!take_rule(&at, r))
		return false;
	skip_blanks(&at);
	if (at.n > 0 && *at.p != ',')
		return false;
	if (at.n > 0)
		skip(&at, 1);
	*rest = at;
	return true;
}

static void
fold(struct alv_buf *b, char letters)
{
	for (size_t i = 0; i < b->n; i++) {
		if (letters == 'L' && b->p[i] >= 'A' && b->p[i] <= 'Z')
			b->p[i] = (uint8_t)(b->p[i] - 'A' + 'a');
		else if (letters == 'U' && b->p[i] >= 'a' && b->p[i] <= 'z')
			b->p[i] = (uint8_t)(b->p[i] - 'a' + 'A');
	}
}

/* False: it is not this rule's. */
static bool
apply(const struct rule *r, struct alv_str name, struct alv_buf *out)
{
	struct alv_arena a;
	struct reg	*re = NULL;
	struct alv_str	 why;
	bool		 fits;

	if (r->pattern.p == NULL) {
		alv_buf_str(out, name);
		return true;
	}
	alv_arena_init(&a, 4096);
	fits = reg_compile_groups(r->pattern, &a, &re, &why) == ALV_OK && reg_replace(re, name, r->replacement, out);
	reg_free(re);
	alv_arena_fini(&a);
	if (fits)
		fold(out, r->letters);
	return fits;
}

bool
api_certificate_rules(const char *rules, struct alv_buf *err)
{
	struct alv_str	 rest = alv_str_of(rules), why = ALV_STR_NULL;
	struct alv_arena a;
	struct rule	 r;
	unsigned	 n = 0;
	bool		 good = true;

	alv_arena_init(&a, 65536);
	for (; good && next_rule(&rest, &r); n++) {
		struct reg *re = NULL;

		if (r.pattern.p == NULL)
			continue;
		good = reg_compile_groups(r.pattern, &a, &re, &why) == ALV_OK;
		reg_free(re);
		if (!good)
			alv_buf_printf(err, "rule %u: the pattern \"%.*s\" is not taken: %.*s", n + 1, ALV_STR_ARG(r.pattern), ALV_STR_ARG(why));
	}
	if (good && (rest.n > 0 || n == 0)) {
		alv_buf_printf(err, "found \"%.*s\", expected DEFAULT or RULE:pattern/replacement/ with commas between", ALV_STR_ARG(rest));
		good = false;
	}
	alv_arena_fini(&a);
	return good;
}

/* ---- logins -------------------------------------------------------------------------------------------------- */

static bool
refuse(struct api_conn *c, enum alv_login_fault fault, const char **why, const char *words)
{
	met_login(c->w->meter, ALV_BY_CERTIFICATE, fault);
	*why = words;
	return false;
}

/* "acme/alice" into its parts, where that has to be. */
static bool
split(const struct api_conn *c, struct alv_str mapped, bool own, struct alv_str *tenant, struct alv_str *user)
{
	const char *slash = mapped.n == 0 ? NULL : memchr(mapped.p, '/', mapped.n);

	*tenant = alv_str_of(c->tenant);
	*user = mapped;
	if (own)
		return true;
	if (slash == NULL)
		return false;
	*tenant = alv_str_make(mapped.p, (size_t)(slash - mapped.p));
	*user = alv_str_make(slash + 1, mapped.n - tenant->n - 1);
	return tenant->n > 0 && tenant->n < sizeof(c->tenant) && (c->tenant[0] == '\0' || alv_str_eqz(*tenant, c->tenant));
}

static bool
enter(struct api_conn *c, struct alv_str mapped, bool own, const char **why)
{
	struct alv_str		 tenant, user;
	struct pol_slot		*slot;
	const struct pol_tenant *t;
	enum met_close		 closed;

	if (!split(c, mapped, own, &tenant, &user))
		return refuse(c, ALV_LOGIN_IDENTITY, why, "the certificate is not for this tenant, or its authority is not one tenant's alone and "
		    "no rule says whose it is");
	if (!pol_user_good(user))
		return refuse(c, ALV_LOGIN_UNMAPPED, why, "what the rules make of the certificate's name is no user's");
	slot = pol_dir_find(c->w->shared->dir, tenant);
	t = slot == NULL ? NULL : pol_slot_load(slot);
	if (t == NULL || api_user_disabled(t, user))
		return refuse(c, ALV_LOGIN_UNKNOWN, why, "unknown tenant, or a disabled user");
	if (c->tenant[0] == '\0')	/* else it is that one already, perhaps these very bytes */
		snprintf(c->tenant, sizeof(c->tenant), "%.*s", ALV_STR_ARG(tenant));
	snprintf(c->user, sizeof(c->user), "%.*s", ALV_STR_ARG(user));
	snprintf(c->principal, sizeof(c->principal), "User:%.*s", ALV_STR_ARG(user));
	c->slot = slot;
	c->certified = true;
	c->auth = API_AUTH_DONE;
	if (api_conn_check(c, &closed)) {
		met_login(c->w->meter, ALV_BY_CERTIFICATE, ALV_LOGIN_OK);
		return true;
	}
	c->auth = API_AUTH_NONE;
	return refuse(c, ALV_LOGIN_UNKNOWN, why, "a tenant that is not active");
}

bool
api_certificate_login(struct api_conn *c, const char *rules, struct alv_str name, bool own, const char **why)
{
	struct alv_str rest = alv_str_of(rules);
	struct alv_buf mapped;
	struct rule    r;
	bool	       fits = false, good;

	alv_buf_init(&mapped, NAME_MAX_BYTES);
	while (!fits && name.n > 0 && name.n <= NAME_MAX_BYTES && next_rule(&rest, &r))
		fits = apply(&r, name, &mapped);
	good = fits && !mapped.err ? enter(c, alv_str_make(mapped.p, mapped.n), own, why) :
	    refuse(c, ALV_LOGIN_UNMAPPED, why, "no rule makes a user of the certificate's name");
	alv_buf_fini(&mapped);
	return good;
}
