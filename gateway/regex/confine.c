/* Tenants' patterns: compiled for matching here, and made into what brokers may match. See alcove/regex.h. */
#include <alcove/regex.h>
#include <alcove/str.h>

#include "regex/re2.h"
#include "regex/spell.h"

/* Of a compiled pattern; what it says beyond that would cost brokers as much. Some 5,000 steps: \pL takes 1,200 of them. */
enum { PATTERN_MEM = 512 * 1024, WHY_MAX = 160 };

#define HEAD "(?P<o"	/* hex, then: */
#define NECK ">)"

static enum alv_err
compile_spelled(const struct alv_buf *b, struct alv_arena *a, struct reg **r, struct alv_str *why)
{
	char words[WHY_MAX];

	*r = reg_re2_new(b->n == 0 ? "" : (const char *)b->p, b->n, PATTERN_MEM, words, sizeof(words));
	if (*r != NULL)
		return ALV_OK;
	*why = words[0] == '\0' ? ALV_STR_NULL : alv_arena_str(a, alv_str_of(words));
	return why->p == NULL ? ALV_E_NOMEM : ALV_E_VALUE;
}

enum alv_err
reg_compile(struct alv_str text, struct alv_arena *a, struct reg **r, struct alv_str *why)
{
	const char    *words = NULL;
	struct alv_buf b;
	enum alv_err   err;

	*r = NULL;
	*why = ALV_STR_NULL;
	if (text.n > REG_TEXT_MAX) {
		*why = ALV_STR("it is longer than 4096 bytes");
		return ALV_E_VALUE;
	}
	if (!alv_str_utf8(text)) {
		*why = ALV_STR("invalid UTF-8");
		return ALV_E_VALUE;
	}
	alv_buf_init(&b, REG_PHYS_MAX);
	err = reg_spell(text, false, &b, &words);
	if (!err)
		err = compile_spelled(&b, a, r, why);
	else if (words != NULL)
		*why = alv_str_of(words);
	alv_buf_fini(&b);
	return err == ALV_OK || err == ALV_E_VALUE ? err : ALV_E_NOMEM;
}

void
reg_free(struct reg *r)
{
	reg_re2_free(r);
}

bool
reg_matches(const struct reg *r, struct alv_str name)
{
	return name.p != NULL && reg_re2_full(r, name.p, name.n);
}

/* ---- what goes to brokers ------------------------------------------------------------------------------------ */

static void
head(struct alv_buf *b, struct alv_str text)
{
	alv_buf_z(b, HEAD);
	for (size_t i = 0; i < text.n; i++)
		alv_buf_printf(b, "%02x", (unsigned char)text.p[i]);
	alv_buf_z(b, NECK);
}

/* The same text for the same pattern, always: members of a group compare them. */
static enum alv_err
finish(struct alv_buf *b, enum alv_err err, struct alv_arena *a, struct alv_str *phys)
{
	if (!err)
		err = b->err;
	*phys = err ? ALV_STR_NULL : alv_arena_str(a, alv_str_make(b->p, b->n));
	alv_buf_fini(b);
	if (!err && phys->p == NULL)
		err = ALV_E_NOMEM;
	return err;
}

/* As a broker is going to have it: brackets and all. */
static enum alv_err
affordable(const struct alv_buf *b)
{
	char	    words[WHY_MAX];
	struct reg *r = reg_re2_new((const char *)b->p, b->n, PATTERN_MEM, words, sizeof(words));

	if (r == NULL)
		return words[0] == '\0' ? ALV_E_NOMEM : ALV_E_LIMIT;
	reg_re2_free(r);
	return ALV_OK;
}

enum alv_err
reg_confine(struct alv_str text, struct alv_str prefix, struct alv_arena *a, struct alv_str *phys)
{
	const char    *words;
	struct alv_buf b;
	enum alv_err   err;

	alv_buf_init(&b, REG_PHYS_MAX);
	head(&b, text);
	alv_buf_z(&b, "\\Q");
	alv_buf_str(&b, prefix);
	alv_buf_z(&b, "\\E(?:");
	err = reg_spell(text, true, &b, &words);
	alv_buf_z(&b, ")");
	if (!err && b.err == ALV_OK)
		err = affordable(&b);
	return finish(&b, err, a, phys);
}

/* One branch; names of topics need no more than their dots escaped. */
static void
branch(struct alv_buf *b, struct alv_str name, bool *first)
{
	if (!*first)
		alv_buf_byte(b, '|');
	*first = false;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '-')
			alv_buf_byte(b, '-');
		else
			reg_spell_literal(b, name.p[i]);
	}
}

static void
branches(struct alv_buf *b, struct alv_str prefix, const struct alv_str *names, size_t n)
{
	bool   first = true, inner = true;
	size_t below = 0;

	for (size_t i = 0; i < n; i++) {
		if (alv_str_starts(names[i], prefix))
			below++;
		else
			branch(b, names[i], &first);
	}
	if (below == 0)
		return;
	branch(b, prefix, &first);
	alv_buf_z(b, "(?:");
	for (size_t i = 0; i < n; i++)
		if (alv_str_starts(names[i], prefix))
			branch(b, alv_str_make(names[i].p + prefix.n, names[i].n - prefix.n), &inner);
	alv_buf_z(b, ")");
}

enum alv_err
reg_exact(struct alv_str text, struct alv_str prefix, const struct alv_str *names, size_t n, struct alv_arena *a,
    struct alv_str *phys)
{
	struct alv_buf b;

	alv_buf_init(&b, REG_PHYS_MAX);
	head(&b, text);
	if (n == 0) {
		alv_buf_z(&b, "[^\\x00-\\x{10FFFF}]");
	} else {
		alv_buf_z(&b, "(?:");
		branches(&b, prefix, names, n);
		alv_buf_z(&b, ")");
	}
	return finish(&b, ALV_OK, a, phys);
}

/* ---- and back -------------------------------------------------------------------------------------------------- */

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
reg_original(struct alv_str phys, struct alv_arena *a, struct alv_str *text)
{
	const char *at = phys.p + sizeof(HEAD) - 1, *end;
	size_t	    n;
	char	   *out;

	if (phys.p == NULL || !alv_str_starts(phys, ALV_STR(HEAD)))
		return false;
	end = memmem(at, phys.n - (sizeof(HEAD) - 1), NECK, sizeof(NECK) - 1);
	n = end == NULL ? 1 : (size_t)(end - at);
	out = n % 2 != 0 ? NULL : alv_arena_alloc(a, n / 2 + 1);
	if (out == NULL)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		if (hex(at[i]) < 0 || hex(at[i + 1]) < 0)
			return false;
		out[i / 2] = (char)(hex(at[i]) << 4 | hex(at[i + 1]));
	}
	*text = alv_str_make(out, n / 2);
	return alv_str_utf8(*text);
}
