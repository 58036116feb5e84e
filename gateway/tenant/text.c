/* Free text from brokers, made fit for a tenant.
 * A broker's text speaks of physical names. This file does not know the other tenants, so it does not look for
 * them: it passes a text only when every word of it is plain, a known word with dots, or one of this tenant's own
 * names. All else is replaced whole. Losing a helpful text is a nuisance; a leak is a breach. */
#include <alcove/str.h>
#include <alcove/tenant.h>

#include <ctype.h>
#include <strings.h>

enum { TEXT_MAX = 2048, UUID_TEXT = 22 };

/* Words with dots inside that Kafka's own messages use. Anything else with a dot could be another's name. */
static const char *const dotted_words[] = {
#define WORD(w) w,
#define PHRASE(p)
#include "tenant/words.def"
#undef WORD
#undef PHRASE
};

/* What stands between its words' marks as it is. */
static const char *const phrases[] = {
#define WORD(w)
#define PHRASE(p) p,
#include "tenant/words.def"
#undef WORD
#undef PHRASE
};

/* Beside topics' characters all of UTF-8's: groups may be called anything. */
static bool
name_char(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

static bool
all_digits(struct alv_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isdigit((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

static bool
is_number(struct alv_str w)
{
	const char *dot;

	if (w.n > 0 && w.p[0] == '-')
		w = alv_str_make(w.p + 1, w.n - 1);
	dot = memchr(w.p, '.', w.n);
	if (dot == NULL)
		return all_digits(w);
	return all_digits(alv_str_make(w.p, (size_t)(dot - w.p))) &&
	    all_digits(alv_str_make(dot + 1, w.n - (size_t)(dot - w.p) - 1));
}

static bool
is_dotted_word(struct alv_str w)
{
	for (size_t i = 0; i < ALV_COUNT(dotted_words); i++)
		if (alv_str_eqz(w, dotted_words[i]))
			return true;
	return false;
}

/* A word that did not begin with the tenant's own prefix; trailing dots are off. */
static bool
word_harmless(struct alv_str w)
{
	if (is_dotted_word(w))
		return true;
	if (alv_str_starts(w, ALV_STR("__")) || w.n == UUID_TEXT)
		return false;	/* Kafka's own topics; ids of topics and of the cluster */
	return memchr(w.p, '.', w.n) == NULL || is_number(w);
}

/* "3", " 3", "Id=3", "s: [3": the number of a machine? */
static bool
number_follows(const char *p, const char *end)
{
	while (p < end && isalpha((unsigned char)*p))
		p++;
	while (p < end && strchr(" =:#-_([)", *p) != NULL && *p != '\0')
		p++;
	return p < end && isdigit((unsigned char)*p);
}

static bool
names_machine(struct alv_str text, const char *at)
{
	static const char *const words[] = { "broker", "node", "controller", "leader", "replica", "voter", "observer" };
	size_t			 left = (size_t)(text.p + text.n - at);

	for (size_t i = 0; i < ALV_COUNT(words); i++) {
		size_t n = strlen(words[i]);

		if (left > n && strncasecmp(at, words[i], n) == 0 && number_follows(at + n, at + left))
			return true;
	}
	return false;
}

/* A dot behind a word ends a sentence only before the end, a closing mark, or a blank and a capital. */
static bool
ends_sentence(const char *p, const char *end)
{
	while (p < end && strchr("'\")]", *p) != NULL && *p != '\0')
		p++;
	if (p == end)
		return true;
	if (*p != ' ' && *p != '\n')
		return false;
	while (p < end && (*p == ' ' || *p == '\n'))
		p++;
	return p == end || isupper((unsigned char)*p);
}

/* Marks between words that occur in addresses, paths, principals and distinguished names. */
static bool
mark_harmless(const char *p, const char *end)
{
	if (*p == '/' || *p == '\\' || *p == '@' || *p == '=' || *p == '$')
		return false;
	if (*p == ':')
		return p + 1 == end || p[1] == ' ' || p[1] == '\n';
	return (unsigned char)*p >= 0x20 || *p == '\n' || *p == '\t';
}

/* The word cut down to what the tenant calls it, where it is one of its own names. */
static bool
own_word(const struct ten_names *t, struct alv_str w, struct alv_buf *out)
{
	struct alv_str name = w, virt;

	if (w.n > t->prefix.n && alv_str_starts(w, t->prefix)) {
		alv_buf_add(out, w.p + t->prefix.n, w.n - t->prefix.n);
		return true;
	}
	while (name.n > 0 && isdigit((unsigned char)name.p[name.n - 1]))
		name.n--;
	/* A topic's partition: "orders-3". */
	name.n = name.n > 0 && name.n < w.n && name.p[name.n - 1] == '-' ? name.n - 1 : w.n;
	for (int kind = 0; kind < TEN_KINDS; kind++) {
		const struct ten_alias *whole = ten_alias_of_phys(t, (enum ten_kind)kind, w);
		const struct ten_alias *part = ten_alias_of_phys(t, (enum ten_kind)kind, name);
		size_t			n = whole != NULL ? w.n : name.n;

		if (whole == NULL && part == NULL)
			continue;
		virt = whole != NULL ? whole->virt : part->virt;
		alv_buf_str(out, virt);
		alv_buf_add(out, w.p + n, w.n - n);
		return true;
	}
	return false;
}

/* One run of name characters, at *at. False: it could be somebody else's. */
static bool
take_word(const struct ten_names *t, struct alv_str text, size_t *at, struct alv_buf *out)
{
	const char    *end = text.p + text.n;
	struct alv_str w = { text.p + *at, 0 };
	size_t	       n;

	while (w.p + w.n < end && name_char(w.p[w.n]))
		w.n++;
	n = w.n;
	while (w.n > 0 && w.p[w.n - 1] == '.')
		w.n--;
	if (n > w.n && !ends_sentence(w.p + n, end))
		return false;
	if (!own_word(t, w, out)) {
		if (!word_harmless(w) || names_machine(text, w.p))
			return false;
		alv_buf_str(out, w);
	}
	alv_buf_add(out, w.p + w.n, n - w.n);
	*at += n;
	return true;
}

/* Names of groups may hold blanks and marks, so an alias' target is also looked for across words. */
static bool
holds_target(const struct ten_names *t, const struct alv_buf *out)
{
	for (size_t i = 0; i < t->naliases; i++) {
		const struct ten_alias *a = &t->by_virt[i];

		if (alv_str_eq(a->virt, a->phys) || out->n == 0)
			continue;
		if (memmem(out->p, out->n, a->phys.p, a->phys.n) != NULL)
			return true;
	}
	return false;
}

/* How long the known phrase at p is; 0: there is none. */
static size_t
phrase_at(const char *p, const char *end)
{
	for (size_t i = 0; i < ALV_COUNT(phrases); i++) {
		size_t n = strlen(phrases[i]);

		if ((size_t)(end - p) >= n && memcmp(p, phrases[i], n) == 0)
			return n;
	}
	return 0;
}

static bool
clean(const struct ten_names *t, struct alv_str text, struct alv_buf *out)
{
	size_t at = 0, n;

	if (text.n > TEXT_MAX || !alv_str_utf8(text))
		return false;
	while (at < text.n) {
		if (name_char(text.p[at])) {
			if (!take_word(t, text, &at, out))
				return false;
			continue;
		}
		n = phrase_at(text.p + at, text.p + text.n);
		if (n > 0) {
			alv_buf_add(out, text.p + at, n);
			at += n;
			continue;
		}
		if (!mark_harmless(text.p + at, text.p + text.n))
			return false;
		alv_buf_byte(out, (uint8_t)text.p[at++]);
	}
	return !out->err && !holds_target(t, out);
}

struct alv_str
ten_clean_text(const struct ten_names *t, struct alv_str text, struct alv_str standard, struct alv_arena *a)
{
	struct alv_buf out;
	struct alv_str done = standard;

	if (text.p == NULL || text.n == 0 || alv_str_eq(text, standard))
		return text;
	alv_buf_init(&out, TEXT_MAX * 2);
	if (clean(t, text, &out)) {
		done = alv_arena_str(a, alv_str_make(out.p, out.n));
		if (done.p == NULL)
			done = standard;
	}
	alv_buf_fini(&out);
	return done;
}
