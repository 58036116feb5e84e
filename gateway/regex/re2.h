/* libre2 for C: it has no such interface of its own. Nothing thrown comes through. Internal to gateway/regex. */
#ifndef REGEX_RE2_H
#define REGEX_RE2_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reg;

/* Takes at most some multiple of mem bytes for good. NULL: out of memory (why is empty), or not a pattern (why says what is
 * wrong, NUL-terminated, cut to why_n). */
struct reg *reg_re2_new(const char *p, size_t n, size_t mem, char *why, size_t why_n);
void	    reg_re2_free(struct reg *r);
/* The same, with groups that can be asked for. */
struct reg *reg_re2_new_groups(const char *p, size_t n, size_t mem, char *why, size_t why_n);
size_t	    reg_re2_groups(const struct reg *r);
struct reg_part {
	size_t at, n;
};
/* The whole of it, and what each group matched of it (0: all; one that took no part: nothing), of n, one more than groups at most, ten
 * at most. False also where memory ran out. */
bool	    reg_re2_parts(const struct reg *r, const char *p, size_t len, struct reg_part *part, size_t n);
/* The whole of it? False also where memory ran out. */
bool	    reg_re2_full(const struct reg *r, const char *p, size_t n);

#ifdef __cplusplus
}
#endif

#endif
