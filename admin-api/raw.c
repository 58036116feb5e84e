/* A second, strict reading of the request head. h2o takes the first of two Content-Lengths, lets Transfer-Encoding win
 * over Content-Length and does without Host: behind a proxy that reads them the other way, one request could smuggle
 * another. So everything that can be read in two ways is refused before a handler sees it. */
#include "admin-api/raw.h"

#include <strings.h>

struct seen {
	int host, length, coding;
};

static bool
is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* The next line without its CRLF; false where the line does not end so. */
static bool
next_line(struct alv_str *rest, struct alv_str *line)
{
	const char *lf = memchr(rest->p, '\n', rest->n);

	if (lf == NULL || lf == rest->p || lf[-1] != '\r')
		return false;
	*line = alv_str_make(rest->p, (size_t)(lf - 1 - rest->p));
	rest->n -= (size_t)(lf + 1 - rest->p);
	rest->p = lf + 1;
	return memchr(line->p, '\r', line->n) == NULL && memchr(line->p, '\0', line->n) == NULL;
}

static struct alv_str
trim(struct alv_str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static bool
is(struct alv_str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static const char *
check_field(struct alv_str line, struct seen *seen)
{
	size_t	       n = 0;
	struct alv_str name, value;
	uint64_t       length;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return "a header is continued on the next line, which HTTP no longer allows";
	while (n < line.n && is_token(line.p[n]))
		n++;
	if (n == 0 || n == line.n || line.p[n] != ':')
		return "a header is not of the form name: value";
	name = alv_str_make(line.p, n);
	value = trim(alv_str_make(line.p + n + 1, line.n - n - 1));
	if (is(name, "host")) {
		if (seen->host++ > 0)
			return "Host is there twice";
		if (value.n == 0)
			return "Host is empty";
	}
	if (is(name, "content-length")) {
		if (seen->length++ > 0)
			return "Content-Length is there twice";
		if (alv_str_u64(value, INT64_MAX, &length) != ALV_OK)
			return "Content-Length is not a number";
	}
	if (is(name, "transfer-encoding")) {
		if (seen->coding++ > 0)
			return "Transfer-Encoding is there twice";
		if (!is(value, "chunked"))
			return "Transfer-Encoding is not chunked";
	}
	return NULL;
}

const char *
adm_raw_check(struct alv_str head)
{
	struct seen    seen = { 0 };
	struct alv_str line;
	const char    *wrong;

	/* Empty lines before a request are to be skipped. */
	while (head.n >= 2 && memcmp(head.p, "\r\n", 2) == 0) {
		head.p += 2;
		head.n -= 2;
	}
	if (!next_line(&head, &line))
		return "the request line does not end with CRLF";
	if (!alv_str_ends(line, ALV_STR(" HTTP/1.1")) && !alv_str_ends(line, ALV_STR(" HTTP/1.0")))
		return "the request line does not end with HTTP/1.1";
	for (;;) {
		if (!next_line(&head, &line))
			return "a header does not end with CRLF, or holds a control character";
		if (line.n == 0)
			break;
		wrong = check_field(line, &seen);
		if (wrong != NULL)
			return wrong;
	}
	if (seen.host == 0)
		return "Host is missing";
	if (seen.length > 0 && seen.coding > 0)
		return "Content-Length and Transfer-Encoding are both there";
	return NULL;
}
