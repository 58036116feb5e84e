/* Collecting what is wrong, and guessing what was meant. */
#include "policies/diag.h"

#include <alcove/str.h>

#include <stdarg.h>
#include <stdio.h>

enum { SHOWN_MAX = 60, NAME_MAX_LEN = 64, KEY_MAX = 200 };

/* What came from the file must not forge lines or move a terminal's cursor. */
static void
tame(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

void
pol_diag_at(struct pol_diag *d, unsigned line, const char *key, const char *fmt, ...)
{
	char	text[768];
	int	n;
	va_list ap;

	d->n++;
	if (d->n == POL_DIAG_MAX + 1)
		alv_buf_printf(d->out, "%s: there is more; mend these first\n", d->file);
	if (d->n > POL_DIAG_MAX)
		return;
	n = snprintf(text, sizeof(text), "%.*s%s", KEY_MAX, key, key[0] != '\0' ? ": " : "");
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	tame(text);
	if (line == 0)
		alv_buf_printf(d->out, "%s: %s\n", d->file, text);
	else
		alv_buf_printf(d->out, "%s:%u: %s\n", d->file, line, text);
}

struct alv_str
pol_diag_quote(struct alv_arena *a, struct alv_str s)
{
	size_t n = s.n < SHOWN_MAX ? s.n : SHOWN_MAX;
	char  *p = alv_arena_alloc(a, n + 6);
	size_t at = 0;

	if (p == NULL)
		return ALV_STR("a value");
	p[at++] = '\'';
	for (size_t i = 0; i < n; i++)
		p[at++] = s.p[i];
	p[at++] = '\'';
	if (n < s.n) {
		memcpy(p + at, "...", 3);
		at += 3;
	}
	return alv_str_make(p, at);
}

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Levenshtein's, one row at a time. */
unsigned
pol_diag_distance(struct alv_str a, struct alv_str b)
{
	unsigned row[NAME_MAX_LEN + 1];

	if (a.n > NAME_MAX_LEN || b.n > NAME_MAX_LEN)
		return 99;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned up = row[j];

			row[j] = min3(up + 1, row[j - 1] + 1, corner + (a.p[i - 1] != b.p[j - 1]));
			corner = up;
		}
	}
	return row[b.n];
}
