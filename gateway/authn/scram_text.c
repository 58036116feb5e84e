/* SCRAM's texts. They come from strangers: one grammar, one reading, nothing skipped over. */
#include "authn/scram.h"

void
aut_attrs_init(struct aut_attrs *c, struct alv_str text)
{
	*c = (struct aut_attrs){ .p = text.p, .end = text.p + text.n, .bad = text.p == NULL || text.n == 0 };
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
aut_attr_next(struct aut_attrs *c, struct aut_attr *a)
{
	const char *p = c->p, *eq, *stop;

	if (c->bad || (p == c->end && !c->comma))
		return false;
	c->bad = true;
	while (p < c->end && is_letter(*p))
		p++;
	if (p == c->p || p == c->end || *p != '=')
		return false;
	eq = p++;
	for (stop = p; stop < c->end && *stop != ','; stop++)
		if (*stop == '\0')
			return false;
	if (stop == p)
		return false;
	*a = (struct aut_attr){ { c->p, (size_t)(eq - c->p) }, { p, (size_t)(stop - p) }, c->p };
	c->comma = stop < c->end;
	c->p = stop + (c->comma ? 1 : 0);
	c->bad = false;
	return true;
}

bool
aut_attr_want(struct aut_attrs *c, const char *name, struct alv_str *value)
{
	struct aut_attr a;

	if (!aut_attr_next(c, &a) || !alv_str_eqz(a.name, name)) {
		c->bad = true;
		return false;
	}
	*value = a.value;
	return true;
}

enum alv_err
aut_saslname_read(struct alv_str s, char *out, size_t cap, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (*n == cap)
			return ALV_E_LIMIT;
		if (c == '=') {
			if (s.n - i >= 3 && memcmp(s.p + i, "=2C", 3) == 0)
				c = ',';
			else if (s.n - i < 3 || memcmp(s.p + i, "=3D", 3) != 0)
				return ALV_E_SYNTAX;
			i += 2;
		}
		out[(*n)++] = c;
	}
	return ALV_OK;
}

struct alv_str
aut_saslname_write(struct alv_str s, struct alv_arena *a)
{
	char  *out = alv_arena_alloc(a, s.n * 3 + 1);
	size_t n = 0;

	if (out == NULL)
		return ALV_STR_NULL;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ',' || s.p[i] == '=') {
			memcpy(out + n, s.p[i] == ',' ? "=2C" : "=3D", 3);
			n += 3;
		} else {
			out[n++] = s.p[i];
		}
	}
	return (struct alv_str){ out, n };
}
