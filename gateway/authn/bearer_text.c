/* What a client of OAUTHBEARER says first (RFC 7628, 3.1): "n,a=user,^Aauth=Bearer token^Aname=value^A^A". Names and values as
 * Kafka reads them: what it refuses is refused. */
#include <alcove/str.h>

#include "authn/bearer.h"
#include "authn/scram.h"

enum { SEPARATOR = 1 };

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_value(char c)
{
	return (c >= 0x20 && c <= 0x7e) || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_token(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* "n," or "y,", then nothing or "a=name", then ",^A". False: it is not so. */
static bool
read_head(struct alv_str *in, struct aut_bearer_said *out)
{
	const char    *end = in->p + in->n, *at = in->p + 2, *comma;
	struct alv_str name;
	size_t	       n = 0;

	if (in->n < 4 || (in->p[0] != 'n' && in->p[0] != 'y') || in->p[1] != ',')
		return false;
	comma = memchr(at, ',', (size_t)(end - at));
	if (comma == NULL || comma + 1 == end || comma[1] != SEPARATOR)
		return false;
	name = alv_str_make(at, (size_t)(comma - at));
	if (name.n > 0 && (!alv_str_starts(name, ALV_STR("a=")) || name.n == 2 ||
	    aut_saslname_read(alv_str_make(name.p + 2, name.n - 2), out->name, sizeof(out->name), &n)))
		return false;
	out->authzid = alv_str_make(out->name, n);
	*in = alv_str_make(comma + 2, (size_t)(end - comma) - 2);
	return alv_str_utf8(out->authzid);
}

/* The next "name=value^A"; false: it is malformed. */
static bool
read_pair(struct alv_str *in, struct aut_pair *out)
{
	const char *end = in->p + in->n, *eq = in->p, *stop;

	while (eq < end && is_letter(*eq))
		eq++;
	if (eq == in->p || eq == end || *eq != '=')
		return false;
	for (stop = eq + 1; stop < end && is_value(*stop);)
		stop++;
	if (stop == eq + 1 || stop == end || *stop != SEPARATOR)
		return false;
	*out = (struct aut_pair){ { in->p, (size_t)(eq - in->p) }, { eq + 1, (size_t)(stop - eq) - 1 } };
	*in = alv_str_make(stop + 1, (size_t)(end - stop) - 1);
	return true;
}

/* "Bearer", in any case, blanks, the token. */
static bool
read_auth(struct alv_str v, struct alv_str *token)
{
	static const char scheme[] = "bearer";
	size_t		  at = sizeof(scheme) - 1;

	if (v.n <= at || strncasecmp(v.p, scheme, at) != 0 || v.p[at] != ' ')
		return false;
	while (at < v.n && v.p[at] == ' ')
		at++;
	*token = alv_str_make(v.p + at, v.n - at);
	for (size_t i = 0; i < token->n; i++)
		if (!is_token(token->p[i]))
			return false;
	return token->n > 0;
}

static bool
is_there(const struct aut_bearer_said *s, struct alv_str name)
{
	for (size_t i = 0; i < s->nextensions; i++)
		if (alv_str_eq(s->extension[i].name, name))
			return true;
	return false;
}

const char *
aut_bearer_read(struct alv_str in, struct aut_bearer_said *out)
{
	struct aut_pair pair;
	size_t		bytes = 0;

	out->token = ALV_STR_NULL;
	out->nextensions = 0;
	if (!read_head(&in, out))
		return "a malformed head of the first message";
	while (in.n > 0 && in.p[0] != SEPARATOR) {
		if (!read_pair(&in, &pair))
			return "a malformed pair in the first message";
		if (alv_str_eqz(pair.name, "auth")) {
			if (out->token.p != NULL || !read_auth(pair.value, &out->token))
				return "a malformed bearer token";
			continue;
		}
		bytes += pair.name.n + pair.value.n;
		if (out->nextensions == AUT_EXTENSIONS_MAX || bytes > AUT_EXTENSIONS_BYTES || is_there(out, pair.name))
			return "too many or repeated extensions";
		out->extension[out->nextensions++] = pair;
	}
	if (in.n != 1)
		return "a first message that does not end as it should";
	return out->token.p == NULL ? "a first message without a token" : NULL;
}
