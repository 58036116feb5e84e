/* Host names made of a pattern, and read by it. Invariant: what ten_pattern_parse lets through reads back in one way only,
 * because there is always something that tells where each value ends:
 *
 *   text $(..) text                     both texts have their fixed places
 *   $(a) .. '.' .. $(b)                 no value holds a dot
 *   $(node) x.. $(tenant)               x is no digit, so the number is all digits there are
 *   $(tenant) ..x $(node)               the same from the other end */
#include <alcove/str.h>
#include <alcove/tenant.h>

#include <inttypes.h>
#include <strings.h>

enum { LABEL_MAX = 63, HOST_MAX = 253 };

static const struct { const char *text; uint8_t hole; } holes[] = { { "$(tenant)", TEN_TENANT }, { "$(node)", TEN_NODE } };

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- parsing ---------------------------------------------------------------------------------- */

/* The placeholder at the front of s; 0: none. */
static uint8_t
hole_at(struct alv_str s, size_t *n)
{
	for (size_t i = 0; i < ALV_COUNT(holes); i++)
		if (alv_str_starts(s, alv_str_of(holes[i].text))) {
			*n = strlen(holes[i].text);
			return holes[i].hole;
		}
	return 0;
}

static bool
cut(struct alv_str text, unsigned want, struct ten_pattern *p)
{
	size_t	 from = 0, at = 0, n;
	unsigned seen = 0;

	while (at < text.n) {
		uint8_t hole = hole_at(alv_str_make(text.p + at, text.n - at), &n);

		if (hole == 0) {
			at++;
			continue;
		}
		if (seen & hole || !(want & hole))
			return false;
		seen |= hole;
		p->part[p->nholes] = alv_str_make(text.p + from, at - from);
		p->hole[p->nholes++] = hole;
		from = at += n;
	}
	p->part[p->nholes] = alv_str_make(text.p + from, at - from);
	return seen == want;
}

bool
ten_host_legal(struct alv_str s)
{
	size_t label = 0, labels = 1;

	if (s.n == 0 || s.n > HOST_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.') {
			if (label == 0 || s.p[i - 1] == '-')
				return false;
			labels++;
			label = 0;
			continue;
		}
		if (!(digit(c) || (c >= 'a' && c <= 'z') || (c == '-' && label > 0)) || ++label > LABEL_MAX)
			return false;
	}
	return label > 0 && s.p[s.n - 1] != '-' && labels > 1;
}

/* The shortest and the longest that may come of it. */
static bool
hosts_legal(const struct ten_pattern *p)
{
	static const struct { const char *tenant; int32_t node; } ends[] = { { "a", 0 },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", INT32_MAX } };

	for (size_t i = 0; i < ALV_COUNT(ends); i++) {
		struct alv_arena a;
		struct alv_str	 host;
		bool		 ok;

		alv_arena_init(&a, 8192);
		host = ten_pattern_host(p, &a, alv_str_of(ends[i].tenant), ends[i].node);
		ok = host.p != NULL && ten_host_legal(host);
		alv_arena_fini(&a);
		if (!ok)
			return false;
	}
	return true;
}

static bool
one_reading(const struct ten_pattern *p)
{
	struct alv_str between = p->part[1];

	if (p->nholes < 2 || memchr(between.p, '.', between.n) != NULL)
		return true;
	return between.n > 0 && !digit(p->hole[0] == TEN_NODE ? between.p[0] : between.p[between.n - 1]);
}

struct alv_str
ten_pattern_domain(const struct ten_pattern *p)
{
	struct alv_str behind = p->part[p->nholes];
	const char    *dot = behind.n == 0 ? NULL : memchr(behind.p, '.', behind.n);

	return dot == NULL ? ALV_STR("") : alv_str_make(dot + 1, behind.n - (size_t)(dot + 1 - behind.p));
}

enum alv_err
ten_pattern_parse(struct alv_str text, unsigned want, struct ten_pattern *p, const char **expected)
{
	*p = (struct ten_pattern){ .nholes = 0 };
	*expected = want == TEN_TENANT ? "a host name with $(tenant) in it, once" :
	    want == TEN_NODE ? "a host name with $(node) in it, once" : "a host name with $(tenant) and $(node) in it, each once";
	if (text.n == 0 || text.n > 2 * HOST_MAX || !cut(text, want, p))
		return ALV_E_VALUE;
	*expected = "a domain behind the label in which the last of $(tenant) and $(node) is";
	if (ten_pattern_domain(p).n == 0)
		return ALV_E_VALUE;
	*expected = "what makes host names in lower case for all ids (32 characters) and brokers (10 digits): labels up to 63, in all 253";
	if (!hosts_legal(p))
		return ALV_E_VALUE;
	*expected = "between $(tenant) and $(node) what tells where the number begins and ends, '-' or '.' for example";
	return one_reading(p) ? ALV_OK : ALV_E_VALUE;
}

/* ---- making and reading ------------------------------------------------------------------------- */

struct alv_str
ten_pattern_host(const struct ten_pattern *p, struct alv_arena *a, struct alv_str tenant, int32_t node)
{
	struct alv_str host = p->part[0];

	/* No text ends at a NUL here: what may not be must show in what is made. */
	for (unsigned i = 0; i < p->nholes && host.p != NULL; i++) {
		struct alv_str value = p->hole[i] == TEN_TENANT ? tenant : alv_arena_printf(a, "%" PRId32, node);

		host = value.p == NULL ? value : alv_arena_cat(a, host, value);
		if (host.p != NULL)
			host = alv_arena_cat(a, host, p->part[i + 1]);
	}
	return host;
}

size_t
ten_pattern_room(const struct ten_pattern *p, size_t tenant_n)
{
	size_t n = p->part[0].n;

	for (unsigned i = 0; i < p->nholes; i++)
		n += p->part[i + 1].n + (p->hole[i] == TEN_TENANT ? tenant_n : sizeof("2147483647") - 1);
	return n;
}

/* Digits, without leading zeros: a node has one spelling. */
static bool
read_node(struct alv_str s, int32_t *node)
{
	uint64_t v;

	if (s.n == 0 || (s.n > 1 && s.p[0] == '0') || alv_str_u64(s, INT32_MAX, &v))
		return false;
	*node = (int32_t)v;
	return true;
}

static bool
same_text(const char *at, struct alv_str text)
{
	return text.n == 0 || strncasecmp(at, text.p, text.n) == 0;
}

/* Where the text between two values begins, by what ends the first or begins the second; SIZE_MAX: nowhere. */
static size_t
find_between(const struct ten_pattern *p, struct alv_str s)
{
	struct alv_str between = p->part[1];
	const char    *dot = memchr(between.p, '.', between.n), *in = dot == NULL || s.n == 0 ? NULL : memchr(s.p, '.', s.n);
	size_t	       lead = dot == NULL ? 0 : (size_t)(dot - between.p), at = 0;

	if (dot != NULL)
		return in == NULL || (size_t)(in - s.p) < lead ? SIZE_MAX : (size_t)(in - s.p) - lead;
	if (p->hole[0] == TEN_NODE) {
		while (at < s.n && digit(s.p[at]))
			at++;
		return at;
	}
	at = s.n;
	while (at > 0 && digit(s.p[at - 1]))
		at--;
	return at < between.n ? SIZE_MAX : at - between.n;
}

static bool
take_value(uint8_t hole, struct alv_str s, struct ten_endpoint *e)
{
	if (hole == TEN_NODE)
		return read_node(s, &e->node);
	e->tenant = s;
	return ten_id_check(s) == ALV_OK;
}

bool
ten_pattern_read(const struct ten_pattern *p, struct alv_str host, struct ten_endpoint *e)
{
	struct alv_str	    head = p->part[0], tail = p->part[p->nholes], first, second;
	struct ten_endpoint found = { .node = -1 };
	size_t		    at;

	if (host.p == NULL || host.n < head.n + tail.n || !same_text(host.p, head) || !same_text(host.p + host.n - tail.n, tail))
		return false;
	first = alv_str_make(host.p + head.n, host.n - head.n - tail.n);
	if (p->nholes == 2) {
		at = find_between(p, first);
		if (at == SIZE_MAX || first.n - at < p->part[1].n || !same_text(first.p + at, p->part[1]))
			return false;
		second = alv_str_make(first.p + at + p->part[1].n, first.n - at - p->part[1].n);
		first.n = at;
		if (!take_value(p->hole[1], second, &found))
			return false;
	}
	if (!take_value(p->hole[0], first, &found))
		return false;
	*e = found;
	return true;
}
