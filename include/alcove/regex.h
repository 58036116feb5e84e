/* Patterns that tenants write and brokers match: RE2's syntax, always a full match. Brokers use RE2/J, here it is libre2; they
 * differ in corners, so nothing of a tenant's spelling goes on as it came.
 *
 *   text -- reg_compile --> checked, compiled, matches here
 *     |
 *     |---- reg_confine --> (?P<o HEX OF TEXT >)\Qacme.\E(?: text spelled anew )     one pattern for all own names
 *     `---- reg_exact  ---> (?P<o HEX OF TEXT >)(?: ... names, each quoted ... )      names that were matched here
 *                                     |
 *   text <---------- reg_original ----'
 *
 * Spelled anew: brackets and bars stand only where they group and part; everything else that could be taken for one is
 * escaped, groups have no names, quotations are undone. So the group around it cannot be closed from inside, whatever a parser thinks
 * of the rest. The text is a name of an empty group in front: brokers keep it with the group, and nobody here has to.
 * Invariant: what reg_confine made matches no name that does not begin with the prefix (tests/fuzz/regex_fuzz.c). */
#ifndef ALCOVE_REGEX_H
#define ALCOVE_REGEX_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/err.h>

enum {
	REG_TEXT_MAX = 4096,	/* bytes of a tenant's pattern */
	REG_PHYS_MAX = 32767	/* bytes that go to a broker: what a string may have */
};

/* A compiled pattern: immutable, any thread, bounded in memory. */
struct reg;

/* VALUE: not a pattern, or one that takes too much; *why is static or in the arena, for the tenant's eyes. NOMEM. Empty
 * texts are patterns, too: what they mean is the caller's. */
enum alv_err reg_compile(struct alv_str text, struct alv_arena *a, struct reg **r, struct alv_str *why) ALV_MUST;
void	     reg_free(struct reg *r);	/* NULL is allowed */
bool	     reg_matches(const struct reg *r, struct alv_str name);

/* For a text that reg_compile took, and a prefix that no name is without. UNSUPPORTED: where it asks for a name's start cannot be
 * told apart here; LIMIT: it gets too long or too large. Both times reg_exact may do. NOMEM. */
enum alv_err reg_confine(struct alv_str text, struct alv_str prefix, struct alv_arena *a, struct alv_str *phys) ALV_MUST;
/* These names and no others; none: it matches nothing. The prefix, which most names have, is written once. LIMIT, NOMEM. */
enum alv_err reg_exact(struct alv_str text, struct alv_str prefix, const struct alv_str *names, size_t n, struct alv_arena *a,
    struct alv_str *phys) ALV_MUST;
/* The text that one of these was made from, in the arena. False: it was not made here. */
bool reg_original(struct alv_str phys, struct alv_arena *a, struct alv_str *text);

/* ---- of the operator's own: not for brokers, so nothing is spelled anew; RE2's syntax and bounds ------------- */
enum { REG_GROUPS = 9 };	/* that a replacement can name */
/* As reg_compile. */
enum alv_err reg_compile_groups(struct alv_str text, struct alv_arena *a, struct reg **r, struct alv_str *why) ALV_MUST;
/* Where the whole of `in` matches: the replacement, with "$1" to "$9" (and "$0", all of it) as what these groups matched, goes to out
 * and true comes back. "\\x" stands for x, a "$" without such a group for itself. */
bool	     reg_replace(const struct reg *r, struct alv_str in, struct alv_str replacement, struct alv_buf *out) ALV_MUST;

#endif
