/* Log lines. A line is built in one bounded buffer and written by one write(2), so lines of several
 * threads do not mix; what does not fit is cut, never the line's end. */
#include <alcove/buf.h>
#include <alcove/clock.h>
#include <alcove/log.h>

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, VALUE_MAX_BYTES = 512 };

static _Atomic int		   log_fd = 2;
static _Atomic enum alv_log_level  log_lowest = ALV_LOG_INFO;
static _Atomic enum alv_log_format log_format = ALV_LOG_TEXT;

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void
alv_log_setup(int fd, enum alv_log_level lowest, enum alv_log_format format)
{
	log_fd = fd;
	log_lowest = lowest;
	log_format = format;
}

struct line {
	char		    p[LINE_MAX_BYTES];
	size_t		    n;
	enum alv_log_format format;	/* of this line: it may change meanwhile */
};

static void
put(struct line *l, const char *p, size_t n)
{
	size_t room = sizeof(l->p) - 2 - l->n;	/* the closing brace and the newline always fit */

	if (n > room)
		n = room;
	memcpy(l->p + l->n, p, n);
	l->n += n;
}

static void
putz(struct line *l, const char *z)
{
	put(l, z, strlen(z));
}

/* Quoted, with everything escaped that could end the quotes, the line or the terminal's mode. */
static void
put_quoted(struct line *l, struct alv_str s)
{
	bool	utf8 = alv_str_utf8(s);
	size_t	n = s.n < VALUE_MAX_BYTES ? s.n : VALUE_MAX_BYTES;

	while (utf8 && n < s.n && n > 0 && ((uint8_t)s.p[n] & 0xc0) == 0x80)
		n--;	/* not in the middle of a character */
	putz(l, "\"");
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s.p[i];
		char	esc[8];

		if (c == '"' || c == '\\') {
			esc[0] = '\\';
			esc[1] = (char)c;
			put(l, esc, 2);
		} else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
			put(l, esc, (size_t)snprintf(esc, sizeof(esc), "\\u%04x", c));
		} else {
			put(l, s.p + i, 1);
		}
	}
	putz(l, "\"");
}

static void
put_time(struct line *l)
{
	uint64_t  ms = alv_wall_ms();
	time_t	  t = (time_t)(ms / 1000);
	struct tm tm;
	char	  s[40];

	gmtime_r(&t, &tm);
	putz(l, strftime(s, sizeof(s), "%Y-%m-%dT%H:%M:%S", &tm) > 0 ? s : "-");
	put(l, s, (size_t)snprintf(s, sizeof(s), ".%03uZ", (unsigned)(ms % 1000)));
}

static void
put_head(struct line *l, enum alv_log_level level, const char *event)
{
	if (l->format == ALV_LOG_JSON) {
		putz(l, "{\"time\":\"");
		put_time(l);
		putz(l, "\",\"level\":\"");
		putz(l, level_names[level]);
		putz(l, "\",\"event\":");
		put_quoted(l, alv_str_of(event));
	} else {
		put_time(l);
		putz(l, " ");
		putz(l, level_names[level]);
		putz(l, " ");
		putz(l, event);
	}
}

static void
put_kv(struct line *l, const struct alv_kv *kv)
{
	char s[24];

	if (l->format == ALV_LOG_JSON) {
		putz(l, ",\"");
		putz(l, kv->key);
		putz(l, "\":");
	} else {
		putz(l, " ");
		putz(l, kv->key);
		putz(l, "=");
	}
	if (kv->type == ALV_KV_INT)
		put(l, s, (size_t)snprintf(s, sizeof(s), "%lld", (long long)kv->i));
	else if (kv->s.p == NULL)
		putz(l, l->format == ALV_LOG_JSON ? "null" : "-");
	else
		put_quoted(l, kv->s);
}

void
alv_log_kv(enum alv_log_level level, const char *event, const struct alv_kv *kv, size_t n)
{
	struct line l = { .n = 0, .format = log_format };

	if (level < log_lowest)
		return;
	put_head(&l, level, event);
	for (size_t i = 0; i < n; i++)
		if (kv[i].key != NULL)
			put_kv(&l, &kv[i]);
	if (l.format == ALV_LOG_JSON)
		l.p[l.n++] = '}';
	l.p[l.n++] = '\n';
	/* Nothing can be done about a log that cannot be written. */
	if (write(log_fd, l.p, l.n) < 0)
		return;
}
