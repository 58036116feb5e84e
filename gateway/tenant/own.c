/* Host names of a tenant's own: a bootstrap, and a pattern for its brokers. Invariant: $(node) stands in the first label
 * between no digits, so that the number in a host is always one whole run of digits; by that a host is found with a few
 * questions to a table (ten_own_key), and whether two patterns share a host can be told. */
#include <alcove/str.h>
#include <alcove/tenant.h>

#include <stdio.h>

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* How many digits s begins with. */
static size_t
run(struct alv_str s)
{
	size_t n = 0;

	while (n < s.n && digit(s.p[n]))
		n++;
	return n;
}

/* Digits that are somebody's number: its one spelling. */
static bool
number(struct alv_str s)
{
	uint64_t v;

	return s.n > 0 && (s.n == 1 || s.p[0] != '0') && alv_str_u64(s, INT32_MAX, &v) == ALV_OK;
}

static struct alv_str
behind(struct alv_str s, size_t n)
{
	return alv_str_make(s.p + n, s.n - n);
}

/* An address would pass for a name of digits. */
static bool
name_legal(struct alv_str host)
{
	const char *dot = memrchr(host.p, '.', host.n);

	return ten_host_legal(host) && dot != NULL && run(behind(host, (size_t)(dot + 1 - host.p))) < host.n - (size_t)(dot + 1 - host.p);
}

enum alv_err
ten_own_parse(struct alv_str bootstrap, struct alv_str node_pattern, struct ten_own *o, const char **field,
    const char **expected)
{
	struct alv_str	    head, tail;
	struct ten_endpoint e;

	*o = (struct ten_own){ .bootstrap = bootstrap, .node_text = node_pattern };
	*field = "bootstrap";
	*expected = "a host name of at least two labels, in lower case";
	if (bootstrap.n == 0 || !name_legal(bootstrap))
		return ALV_E_VALUE;
	*field = "nodePattern";
	if (ten_pattern_parse(node_pattern, TEN_NODE, &o->node, expected))
		return ALV_E_VALUE;
	head = o->node.part[0];
	tail = o->node.part[1];
	*expected = "$(node) in the first label, with no digit right before or behind it";
	if (memchr(head.p, '.', head.n) != NULL || (head.n > 0 && digit(head.p[head.n - 1])) || digit(tail.p[0]))
		return ALV_E_VALUE;
	*expected = "a name that is no address";
	if (!name_legal(ten_pattern_domain(&o->node)) && run(ten_pattern_domain(&o->node)) == ten_pattern_domain(&o->node).n)
		return ALV_E_VALUE;
	*expected = "names of brokers that the bootstrap is not one of";
	return ten_pattern_read(&o->node, bootstrap, &e) ? ALV_E_VALUE : ALV_OK;
}

/* Has `a` its number in front of where `b` has its own, in some host of both? Then b's text holds a's number, and the
 * other way round. */
static bool
shared(const struct ten_pattern *a, const struct ten_pattern *b)
{
	struct alv_str a1 = a->part[0], a2 = a->part[1], b1 = b->part[0], b2 = b->part[1], rest;
	size_t	       n;

	if (a1.n >= b1.n || !alv_str_starts(b1, a1))
		return false;
	rest = behind(b1, a1.n);
	n = run(rest);
	if (!number(alv_str_make(rest.p, n)))
		return false;
	rest = behind(rest, n);
	if (a2.n <= rest.n + b2.n || !alv_str_starts(a2, rest) || !alv_str_ends(a2, b2))
		return false;
	return number(alv_str_make(a2.p + rest.n, a2.n - rest.n - b2.n));
}

bool
ten_own_overlap(const struct ten_own *a, const struct ten_own *b)
{
	struct ten_endpoint e;

	return alv_str_eq(a->bootstrap, b->bootstrap) || alv_str_eq(a->node_text, b->node_text) ||
	    ten_pattern_read(&a->node, b->bootstrap, &e) || ten_pattern_read(&b->node, a->bootstrap, &e) ||
	    shared(&a->node, &b->node) || shared(&b->node, &a->node);
}

bool
ten_own_read(const struct ten_own *o, struct alv_str host, int32_t *node)
{
	struct ten_endpoint e;

	*node = -1;
	if (alv_str_eq(o->bootstrap, host))
		return true;
	if (!ten_pattern_read(&o->node, host, &e))
		return false;
	*node = e.node;
	return true;
}

size_t
ten_own_key(struct alv_str host, unsigned i, char out[static TEN_OWN_KEY])
{
	static const char hole[] = "$(node)";
	size_t		  at = 0, n = 0;
	int		  w;

	if (host.p == NULL || host.n > TEN_OWN_KEY - sizeof(hole))
		return 0;
	for (unsigned k = 0; k < i; k++) {	/* the i-th run of digits in the first label */
		at += n;
		while (at < host.n && host.p[at] != '.' && !digit(host.p[at]))
			at++;
		n = run(behind(host, at));
		if (n == 0)
			return 0;
	}
	if (i == 0)
		w = snprintf(out, TEN_OWN_KEY, "%.*s", ALV_STR_ARG(host));
	else
		w = snprintf(out, TEN_OWN_KEY, "%.*s%s%.*s", (int)at, host.p, hole, (int)(host.n - at - n), host.p + at + n);
	return w < 0 || w >= TEN_OWN_KEY ? 0 : (size_t)w;
}

bool
ten_own_below(const struct ten_own *o, struct alv_str domain)
{
	const struct alv_str both[] = { o->bootstrap, o->node_text };

	for (size_t i = 0; i < ALV_COUNT(both); i++) {
		if (domain.n > 0 && alv_str_eq(both[i], domain))
			return true;
		if (domain.n > 0 && both[i].n > domain.n && both[i].p[both[i].n - domain.n - 1] == '.' && alv_str_ends(both[i], domain))
			return true;
	}
	return false;
}
