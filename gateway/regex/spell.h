/* A pattern's text spelled anew; see alcove/regex.h for what that is good for. Internal to gateway/regex. */
#ifndef REGEX_SPELL_H
#define REGEX_SPELL_H

#include <alcove/regex.h>

/* Appends to out, at most three bytes for each of text. `inside`: it is going to stand behind a prefix, where ^ and \A never hold: those
 * at the start of a name are left out. VALUE: *why (static) says what is wrong; UNSUPPORTED: `inside`, and it cannot be told whether
 * one of these is at the start. */
enum alv_err reg_spell(struct alv_str text, bool inside, struct alv_buf *out, const char **why) ALV_MUST;
/* One byte that means itself. */
void reg_spell_literal(struct alv_buf *out, char c);

#endif
