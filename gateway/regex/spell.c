/* Spells a pattern of RE2's syntax anew, token by token: what groups is "(?:", "|" and ")", and nothing else holds one of these
 * unescaped. It judges only what it must to find the tokens; whether the rest is a pattern is libre2's to say, of the result.
 *
 * Invariant: in the result brackets are balanced at every level and classes are closed, by this file's count alone.
 *
 * Anchors behind a prefix: where nothing can have been matched yet (the beginning, the beginning of a branch, of a group that
 * stands there) ^ and \A always hold in a full match, and are left out. A repetition of one, or of a group with one, is undecided. */
#include "regex/spell.h"

enum { DEPTH_MAX = 200 };

struct level {
	bool start;	/* the group stands where a name begins */
	bool anchor;	/* one was left out in it */
};

struct spell {
	const char     *at, *end;
	struct alv_buf *out;
	const char     *why;
	bool		inside, undecided;
	bool		start;		/* nothing can have been matched yet */
	unsigned	depth;
	struct level	levels[DEPTH_MAX + 1];
};

static bool
wordy(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static void
take(struct spell *s, size_t n)
{
	alv_buf_add(s->out, s->at, n);
	s->at += n;
}

static enum alv_err
wrong(struct spell *s, const char *why)
{
	s->why = why;
	return ALV_E_VALUE;
}

static bool
next_is(const struct spell *s, const char *z)
{
	size_t n = strlen(z);

	return (size_t)(s->end - s->at) >= n && memcmp(s->at, z, n) == 0;
}

static bool
repeated(const struct spell *s)
{
	return s->at < s->end && one_of(*s->at, "*+?{");
}

void
reg_spell_literal(struct alv_buf *out, char c)
{
	if ((unsigned char)c > ' ' && (unsigned char)c < 0x7f && !wordy(c))
		alv_buf_byte(out, '\\');
	alv_buf_byte(out, (uint8_t)c);
}

/* ---- anchors and groups -------------------------------------------------------------------------------------- */

static enum alv_err
anchor(struct spell *s, size_t n)
{
	if (!s->inside) {
		take(s, n);
		return ALV_OK;
	}
	s->at += n;
	if (!s->start || repeated(s))
		s->undecided = true;
	s->levels[s->depth].anchor = true;
	return ALV_OK;
}

static enum alv_err
open_level(struct spell *s)
{
	if (s->depth == DEPTH_MAX)
		return wrong(s, "groups are nested too deeply");
	s->levels[++s->depth] = (struct level){ .start = s->start };
	return ALV_OK;
}

static enum alv_err
plain_group(struct spell *s)
{
	alv_buf_z(s->out, "(?:");
	return open_level(s);
}

/* Behind "(?P<" or "(?<": names mean nothing to who only matches. */
static enum alv_err
named_group(struct spell *s, size_t n)
{
	const char *from;

	s->at += n;
	from = s->at;
	while (s->at < s->end && wordy(*s->at))
		s->at++;
	if (s->at == from || s->at == s->end || *s->at++ != '>')
		return wrong(s, "invalid named group");
	return plain_group(s);
}

/* (?flags) stays in force up to the end of the group around it; (?flags:...) is a group, (?:...) one without. */
static enum alv_err
flags(struct spell *s)
{
	size_t n = 2, left = (size_t)(s->end - s->at);

	while (n < left && one_of(s->at[n], "imsU-"))
		n++;
	if (n == left || (s->at[n] != ':' && s->at[n] != ')'))
		return wrong(s, "invalid group");
	take(s, n + 1);
	return s->at[-1] == ':' ? open_level(s) : ALV_OK;
}

static enum alv_err
open_group(struct spell *s)
{
	if (next_is(s, "(?P<"))
		return named_group(s, 4);
	if (next_is(s, "(?<"))
		return named_group(s, 3);
	if (next_is(s, "(?"))
		return flags(s);
	s->at++;
	return plain_group(s);
}

static enum alv_err
close_group(struct spell *s)
{
	struct level *l = &s->levels[s->depth];

	if (s->depth == 0)
		return wrong(s, "unexpected )");
	take(s, 1);
	s->depth--;
	if (l->anchor && repeated(s))
		s->undecided = true;
	s->levels[s->depth].anchor |= l->anchor;
	s->start = false;
	return ALV_OK;
}

/* ---- escapes and quotations ------------------------------------------------------------------------------------ */

/* \p{Greek}, \x{2f}, \pN: up to where it ends. */
static enum alv_err
escape(struct spell *s)
{
	const char *close;

	if (s->end - s->at < 2)
		return wrong(s, "trailing \\ at end");
	if (s->at[1] == 'C')
		return wrong(s, "\\C is not supported");	/* brokers know no bytes */
	close = s->end - s->at > 2 && s->at[2] == '{' && one_of(s->at[1], "pPx")
	    ? memchr(s->at, '}', (size_t)(s->end - s->at)) : s->at + 1;
	if (close == NULL)
		return wrong(s, "missing }");
	for (const char *p = s->at + 3; p < close; p++)
		if (!wordy(*p) && *p != '^')
			return wrong(s, "invalid character between { and }");
	take(s, (size_t)(close + 1 - s->at));
	return ALV_OK;
}

/* \Q...\E, or up to the end. Its first character stands alone: it must not go on with an escape or a count in front of it. */
static enum alv_err
quotation(struct spell *s)
{
	const char *from = s->at += 2, *close = memmem(s->at, (size_t)(s->end - s->at), "\\E", 2);
	const char *stop = close == NULL ? s->end : close;

	for (; s->at < stop; s->at++) {
		if (s->at == from && wordy(*s->at))
			alv_buf_printf(s->out, "[%c]", *s->at);
		else
			reg_spell_literal(s->out, *s->at);
	}
	if (close != NULL)
		s->at += 2;
	if (stop > from)
		s->start = false;
	else if (repeated(s))
		return wrong(s, "no argument for repetition operator");
	else
		alv_buf_z(s->out, "(?:)");
	return ALV_OK;
}

static enum alv_err
backslash(struct spell *s)
{
	if (next_is(s, "\\Q"))
		return quotation(s);
	if (next_is(s, "\\A"))
		return anchor(s, 2);
	s->start = false;
	return escape(s);
}

/* ---- classes ------------------------------------------------------------------------------------------------------ */

/* [:alpha:]. Where a class is named, libre2 and brokers both look for its end beyond that of the class around it. */
static enum alv_err
named_class(struct spell *s)
{
	const char *close = memmem(s->at + 2, (size_t)(s->end - s->at - 2), ":]", 2);

	if (close == NULL) {
		reg_spell_literal(s->out, *s->at++);
		return ALV_OK;
	}
	for (const char *p = s->at + 2; p < close; p++)
		if (!wordy(*p) && *p != '^')
			return wrong(s, "invalid character class range");
	take(s, (size_t)(close + 2 - s->at));
	return ALV_OK;
}

static enum alv_err
class_item(struct spell *s)
{
	if (*s->at == '\\')
		return escape(s);
	if (next_is(s, "[:"))
		return named_class(s);
	if (one_of(*s->at, "()[]{}|^$*+?."))
		reg_spell_literal(s->out, *s->at++);
	else
		take(s, 1);
	return ALV_OK;
}

static enum alv_err
char_class(struct spell *s)
{
	enum alv_err err;

	take(s, 1);
	if (s->at < s->end && *s->at == '^')
		take(s, 1);
	/* The first one may be a ]. */
	for (const char *from = s->at; s->at < s->end && (s->at == from || *s->at != ']');) {
		err = class_item(s);
		if (err)
			return err;
	}
	if (s->at == s->end)
		return wrong(s, "missing ]");
	take(s, 1);
	s->start = false;
	return ALV_OK;
}

/* ---- tokens -------------------------------------------------------------------------------------------------------- */

static enum alv_err
token(struct spell *s)
{
	switch (*s->at) {
	case '(':
		return open_group(s);
	case ')':
		return close_group(s);
	case '[':
		return char_class(s);
	case '\\':
		return backslash(s);
	case '^':
		return anchor(s, 1);
	case '|':
		take(s, 1);
		s->start = s->levels[s->depth].start;
		return ALV_OK;
	default:
		take(s, 1);
		s->start = false;
		return ALV_OK;
	}
}

enum alv_err
reg_spell(struct alv_str text, bool inside, struct alv_buf *out, const char **why)
{
	struct spell s = { .at = text.p, .end = text.p + text.n, .out = out, .inside = inside, .start = true };
	enum alv_err err = ALV_OK;

	s.levels[0].start = true;
	while (!err && s.at < s.end)
		err = token(&s);
	if (!err && s.depth > 0)
		err = wrong(&s, "missing )");
	*why = s.why;
	if (!err && s.undecided)
		err = ALV_E_UNSUPPORTED;
	return err ? err : out->err;
}
