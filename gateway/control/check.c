/* What names and values must look like. The admin API checks too, for better words; here is where it counts. */
#include <alcove/acl.h>
#include <alcove/authn.h>
#include <alcove/str.h>

#include <stdarg.h>
#include <stdio.h>

#include "control/change.h"

enum { PASSWORD_MIN = 8, USER_MAX = 255 };

enum alv_err
con_say(struct con_change *c, enum alv_err err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->detail, sizeof(c->detail), fmt, ap);
	va_end(ap);
	c->err = err;
	return err;
}

const char *
con_kind_name(enum ten_kind kind)
{
	static const char *const names[TEN_KINDS] = { "topic", "group", "transactional id" };

	return (unsigned)kind < TEN_KINDS ? names[kind] : "unknown kind";
}

/* The fields end with a NUL, or the submitter is at fault: nothing is read beyond them. */
static struct alv_str
field(const char *p, size_t cap)
{
	return (struct alv_str){ p, strnlen(p, cap) };
}
#define FIELD(f) field((f), sizeof(f))
#define ENDS(f)	 (memchr((f), '\0', sizeof(f)) != NULL)

enum alv_err
con_check_id(struct con_change *c)
{
	struct alv_str id = FIELD(c->tenant);
	enum alv_err   err = ten_id_check(id);

	if (err == ALV_E_EXISTS)
		return con_say(c, ALV_E_NAME, "the tenant id \"%s\" is reserved: it could be read as one of the gateway's own "
		    "host names (admin, alcove, localhost, b<number>, b<number>-..., xn--...)", c->tenant);
	if (err)
		return con_say(c, ALV_E_NAME, "found the tenant id \"%.*s\", expected 1 to 32 characters of a-z, 0-9 and '-', "
		    "the first and the last a letter or digit", pol_printable(id) ? (int)id.n : 0, id.p);
	return ALV_OK;
}

enum alv_err
con_check_fits(const struct pol_config *conf, struct con_change *c)
{
	for (size_t i = 0; conf != NULL && i < conf->nlisteners; i++) {
		const struct pol_listener *l = &conf->listeners[i];

		if (l->endpoint == POL_ENDPOINT_SNI && !ten_hosts_fit(&l->hosts, FIELD(c->tenant)))
			return con_say(c, ALV_E_NAME, "the tenant id \"%s\" is reserved: at the listener %s its bootstrap host would be the "
			    "host of another tenant's broker", c->tenant, l->name);
	}
	return ALV_OK;
}

enum alv_err
con_check_display_name(struct con_change *c)
{
	struct alv_str name = FIELD(c->display_name);

	if (name.n < sizeof(c->display_name) && pol_printable(name))
		return ALV_OK;
	return con_say(c, ALV_E_VALUE, "the display name is not printable text of at most 255 bytes in UTF-8");
}

enum alv_err
con_check_user(struct con_change *c)
{
	struct alv_str name = FIELD(c->user);

	if (name.n == 0 || name.n > USER_MAX || !pol_printable(name))
		return con_say(c, ALV_E_NAME, "found a user name of %zu bytes, expected 1 to 255 bytes of printable text in UTF-8",
		    name.n);
	if (memchr(name.p, '/', name.n) != NULL)
		return con_say(c, ALV_E_NAME, "the user name \"%s\" contains '/', which separates tenant and user on shared ports",
		    c->user);
	if (alv_str_eqz(name, "*"))
		return con_say(c, ALV_E_NAME, "the user name \"*\" would stand for every user");
	return ALV_OK;
}

enum alv_err
con_check_password(struct con_change *c)
{
	size_t n = strnlen(c->password, sizeof(c->password));

	if (n < PASSWORD_MIN || n == sizeof(c->password))
		return con_say(c, ALV_E_LENGTH, "the password has %zu bytes, expected %d to %zu", n, PASSWORD_MIN,
		    sizeof(c->password) - 1);
	if (c->iterations != 0 && (c->iterations < AUT_ITERATIONS_MIN || c->iterations > AUT_ITERATIONS_MAX))
		return con_say(c, ALV_E_RANGE, "found %u iterations, expected %d to %d", c->iterations, AUT_ITERATIONS_MIN,
		    AUT_ITERATIONS_MAX);
	return ALV_OK;
}

enum alv_err
con_check_alias(struct con_change *c)
{
	struct alv_str	 virt = FIELD(c->virt), phys = FIELD(c->phys);
	struct ten_alias a = { c->alias_kind, virt, phys, c->writable };

	if ((unsigned)c->alias_kind >= TEN_KINDS)
		return con_say(c, ALV_E_VALUE, "found no kind of alias, expected topic, group or transactional id");
	if (virt.n == sizeof(c->virt) || phys.n == sizeof(c->phys) || !pol_printable(virt) || !pol_printable(phys))
		return con_say(c, ALV_E_NAME, "an alias' name and target are printable text in UTF-8 of at most 511 bytes");
	switch (ten_alias_check(FIELD(c->tenant), &a)) {
	case ALV_OK:
		return ALV_OK;
	case ALV_E_DENIED:
		return con_say(c, ALV_E_DENIED, "the target \"%s\" is Kafka's or Alcove's own: names that begin with '_' or "
		    "\"alcove.\" are never targets", c->phys);
	case ALV_E_CONFLICT:
		return con_say(c, ALV_E_CONFLICT, "the target \"%s\" is the tenant's own already, as \"%s\"", c->phys,
		    c->phys + strlen(c->tenant) + 1);
	default:
		return con_say(c, ALV_E_NAME, "\"%s\" or its target \"%s\" is no legal name of a %s", c->virt, c->phys,
		    con_kind_name(c->alias_kind));
	}
}

enum alv_err
con_check_origin(struct con_change *c)
{
	const bool ends[] = { ENDS(c->actor), ENDS(c->origin), ENDS(c->tenant), ENDS(c->display_name), ENDS(c->user),
		ENDS(c->password), ENDS(c->virt), ENDS(c->phys) };

	for (size_t i = 0; i < ALV_COUNT(ends); i++)
		if (!ends[i])
			return con_say(c, ALV_E_LENGTH, "a text without an end");
	if (c->actor[0] == '\0' || !pol_printable(FIELD(c->actor)) || !pol_printable(FIELD(c->origin)))
		return con_say(c, ALV_E_MISSING, "a change without an actor that the audit could name");
	return ALV_OK;
}
