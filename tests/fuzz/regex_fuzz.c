/* Any text as a tenant's pattern, up to the first line's end; the lines behind it are names. Whatever is taken: the pattern that goes
 * to brokers matches no name without the prefix, and with it those names that the tenant's pattern matches. Spelled anew a
 * pattern means what it meant. */
#include <alcove/regex.h>
#include <alcove/str.h>

#include "regex/re2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

enum { NAMES_MAX = 24, NAME_MAX_N = 249, TEXT_MAX = 512, MEM = 8 << 20 };

static const struct alv_str prefix = { "acme.", 5 };

static bool
takes_part(const struct reg *r, struct alv_str s)
{
	return reg_re2_full(r, s.p, s.n);
}

static size_t
take_names(struct alv_str rest, struct alv_str *names)
{
	static const struct alv_str always[] = { ALV_STR(""), ALV_STR("a"), ALV_STR("orders"), ALV_STR("globex.orders"),
		ALV_STR("__consumer_offsets"), ALV_STR("acme"), ALV_STR("(a)|b"), ALV_STR("acme.orders") };
	size_t n = 0;

	for (size_t i = 0; i < ALV_COUNT(always); i++)
		names[n++] = always[i];
	while (rest.n > 0 && n < NAMES_MAX) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t	    len = end == NULL ? rest.n : (size_t)(end - rest.p);

		names[n++] = alv_str_make(rest.p, len < NAME_MAX_N ? len : NAME_MAX_N);
		rest = end == NULL ? ALV_STR("") : alv_str_make(end + 1, rest.n - len - 1);
	}
	return n;
}

/* A name with and without the prefix, and with what is like it. */
static void
confined(const struct reg *broker, const struct reg *own, struct alv_str name, struct alv_arena *a)
{
	static const struct alv_str others[] = { ALV_STR(""), ALV_STR("globex."), ALV_STR("Acme."), ALV_STR("xacme."), ALV_STR("acme"),
		ALV_STR("acme-2."), ALV_STR("\n"), ALV_STR("_") };

	MUST(takes_part(broker, alv_arena_cat(a, prefix, name)) == reg_matches(own, name));
	for (size_t i = 0; i < ALV_COUNT(others); i++) {
		struct alv_str s = alv_arena_cat(a, others[i], name);

		MUST(alv_str_starts(s, prefix) || !takes_part(broker, s));
	}
}

static void
exact(struct alv_str text, const struct reg *own, const struct alv_str *names, size_t n, struct alv_arena *a)
{
	struct alv_str phys, listed[NAMES_MAX];
	size_t	       k = 0;
	char	       why[100];
	struct reg    *broker;

	for (size_t i = 0; i < n; i++)
		if (alv_str_utf8(names[i]) && reg_matches(own, names[i]))
			listed[k++] = alv_arena_cat(a, prefix, names[i]);
	MUST(reg_exact(text, prefix, listed, k, a, &phys) == ALV_OK);
	broker = reg_re2_new(phys.p, phys.n, MEM, why, sizeof(why));
	MUST(broker != NULL);
	for (size_t i = 0; i < n; i++) {
		struct alv_str s = alv_arena_cat(a, prefix, names[i]);

		if (alv_str_utf8(s))
			MUST(takes_part(broker, s) == reg_matches(own, names[i]));
		MUST(alv_str_starts(names[i], prefix) || !takes_part(broker, names[i]));
	}
	reg_re2_free(broker);
}

/* What libre2 makes of the text as it came. It knows no (?<name>, and names of groups are no concern of ours. */
static void
same_meaning(struct alv_str text, const struct reg *own, const struct alv_str *names, size_t n)
{
	char	    why[100];
	struct reg *plain = reg_re2_new(text.p, text.n, MEM, why, sizeof(why));

	if (plain == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		MUST(takes_part(plain, names[i]) == reg_matches(own, names[i]));
	reg_re2_free(plain);
}

static void
pattern(struct alv_str text, const struct alv_str *names, size_t n, struct alv_arena *a)
{
	struct alv_str phys, why, back;
	char	       words[100];
	struct reg    *own, *broker;
	enum alv_err   err = reg_compile(text, a, &own, &why);

	if (err) {
		MUST(own == NULL && err == ALV_E_VALUE && why.n > 0);
		return;
	}
	same_meaning(text, own, names, n);
	err = reg_confine(text, prefix, a, &phys);
	MUST(err == ALV_OK || err == ALV_E_UNSUPPORTED || err == ALV_E_LIMIT);
	if (err == ALV_OK) {
		MUST(reg_original(phys, a, &back) && alv_str_eq(back, text));
		broker = reg_re2_new(phys.p, phys.n, MEM, words, sizeof(words));
		MUST(broker != NULL);
		for (size_t i = 0; i < n; i++)
			confined(broker, own, names[i], a);
		reg_re2_free(broker);
	}
	exact(text, own, names, n, a);
	reg_free(own);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t	*end = n == 0 ? NULL : memchr(data, '\n', n);
	size_t		 len = end == NULL ? n : (size_t)(end - data);
	struct alv_str	 names[NAMES_MAX], back;
	struct alv_arena a;
	struct alv_str	 text;

	alv_arena_init(&a, 16 << 20);
	text = alv_arena_str(&a, alv_str_make(n == 0 ? (const void *)"" : data, len < TEXT_MAX ? len : TEXT_MAX));
	n = take_names(end == NULL ? ALV_STR("") : alv_str_make(end + 1, n - len - 1), names);
	pattern(text, names, n, &a);
	(void)reg_original(text, &a, &back);
	alv_arena_fini(&a);
	return 0;
}
