/* Patterns of the operator's own, with groups that a replacement names: rules by which names of certificates become users. See
 * alcove/regex.h. */
#include <alcove/regex.h>
#include <alcove/str.h>

#include "regex/re2.h"

enum { MEMORY = 1 << 18, WORDS = 128 };

enum alv_err
reg_compile_groups(struct alv_str text, struct alv_arena *a, struct reg **r, struct alv_str *why)
{
	char words[WORDS];

	*r = NULL;
	if (text.n > REG_TEXT_MAX || !alv_str_utf8(text)) {
		*why = ALV_STR("longer than 4096 bytes, or not UTF-8");
		return ALV_E_VALUE;
	}
	*r = reg_re2_new_groups(text.p, text.n, MEMORY, words, sizeof(words));
	if (*r != NULL)
		return ALV_OK;
	*why = alv_arena_str(a, alv_str_of(words));
	return words[0] == '\0' || why->p == NULL ? ALV_E_NOMEM : ALV_E_VALUE;
}

/* "$1" to "$9" are groups, where there are so many; "\x" is x; all else is itself. */
static void
put(const char *in, const struct reg_part part[static REG_GROUPS + 1], size_t groups, struct alv_str replacement, struct alv_buf *out)
{
	for (size_t i = 0; i < replacement.n; i++) {
		char   c = replacement.p[i], next = i + 1 < replacement.n ? replacement.p[i + 1] : '\0';
		size_t group = next >= '0' && next <= '9' ? (size_t)(next - '0') : groups + 1;

		if (c == '$' && group <= groups) {
			alv_buf_add(out, in + part[group].at, part[group].n);
			i++;
		} else if (c == '\\' && i + 1 < replacement.n) {
			alv_buf_byte(out, (uint8_t)next);
			i++;
		} else {
			alv_buf_byte(out, (uint8_t)c);
		}
	}
}

bool
reg_replace(const struct reg *r, struct alv_str in, struct alv_str replacement, struct alv_buf *out)
{
	struct reg_part part[REG_GROUPS + 1];
	size_t		groups = reg_re2_groups(r);

	if (groups > REG_GROUPS)
		groups = REG_GROUPS;
	if (!reg_re2_parts(r, in.p, in.n, part, groups + 1))
		return false;
	put(in.p, part, groups, replacement, out);
	return true;
}
