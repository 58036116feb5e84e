/* Values by type: one row for each type of option.def. Text in, the member of a struct out; nothing else is decided. */
#include "policies/option.h"

#include <alcove/check.h>
#include <alcove/str.h>
#include <alcove/tenant.h>

#include <inttypes.h>

enum { NETS_MAX = 64, LIST_MAX = 64 };

typedef bool (*set_fn)(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also);

static void
put(char *at, const struct pol_option *o, const void *value, size_t n)
{
	ALV_CHECK(n == o->size);
	memcpy(at, value, n);
}

static bool
set_bool(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	bool yes = alv_str_eqz(s, "true");

	(void)l;
	(void)also;
	put(at, o, &yes, sizeof(yes));
	return yes || alv_str_eqz(s, "false");
}

static bool
set_number(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	uint64_t v;
	uint32_t n;

	(void)l;
	(void)also;
	if (alv_str_u64(s, o->hi, &v) || v < o->lo)
		return false;
	n = (uint32_t)v;
	if (o->size == sizeof(v))
		put(at, o, &v, sizeof(v));
	else
		put(at, o, &n, sizeof(n));
	return true;
}

static bool
port_of(const struct pol_option *o, struct alv_str s, uint16_t *port)
{
	uint64_t v;

	if (alv_str_u64(s, o->hi, &v) || v < o->lo)
		return false;
	*port = (uint16_t)v;
	return true;
}

static bool
set_port(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	uint16_t port;

	(void)l;
	(void)also;
	if (!port_of(o, s, &port))
		return false;
	put(at, o, &port, sizeof(port));
	return true;
}

static bool
set_ports(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	const char *dash = memchr(s.p, '-', s.n);
	uint16_t    first, last;

	(void)l;
	if (dash == NULL)
		dash = s.p + s.n;
	if (!port_of(o, alv_str_make(s.p, (size_t)(dash - s.p)), &first))
		return false;
	last = first;
	if (dash < s.p + s.n && !port_of(o, alv_str_make(dash + 1, s.n - (size_t)(dash - s.p) - 1), &last))
		return false;
	put(at, o, &first, sizeof(first));
	put(also, o, &last, sizeof(last));
	return first <= last;
}

static bool
set_bind(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	struct pol_bind b;

	(void)l;
	(void)also;
	if (!pol_bind_parse(s, o->lo, o->hi, &b))
		return false;
	put(at, o, &b, sizeof(b));
	return true;
}

/* One more at the end of the list; lists are short. */
static bool
add_bind(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	const struct pol_bind *old;
	struct pol_bind	      *all;
	size_t		       n;

	memcpy(&old, at, sizeof(old));
	memcpy(&n, also, sizeof(n));
	all = n >= 64 ? NULL : alv_arena_alloc(l->a, (n + 1) * sizeof(*all));
	if (all == NULL || !pol_bind_parse(s, o->lo, o->hi, &all[n]))
		return false;
	if (n > 0)
		memcpy(all, old, n * sizeof(*all));
	n++;
	put(at, o, &all, sizeof(all));
	memcpy(also, &n, sizeof(n));
	return true;
}

static bool
add_net(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	const struct alv_cidr *old;
	struct alv_cidr	      *all;
	size_t		       n;

	memcpy(&old, at, sizeof(old));
	memcpy(&n, also, sizeof(n));
	all = n >= NETS_MAX ? NULL : alv_arena_alloc(l->a, (n + 1) * sizeof(*all));
	if (all == NULL || alv_cidr_parse(s, &all[n]))
		return false;
	if (n > 0)
		memcpy(all, old, n * sizeof(*all));
	n++;
	put(at, o, &all, sizeof(all));
	memcpy(also, &n, sizeof(n));
	return true;
}

static bool
is_wildcard(const uint8_t *p, size_t n)
{
	static const uint8_t zero[16];

	return memcmp(p, zero, n) == 0;
}

/* An address of a machine, each once. */
static bool
add_address(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	uint8_t		   bytes[16], other[16];
	size_t		   n, size = pol_address_bytes(s, bytes);
	const char *const *old;
	const char	 **all;

	memcpy(&old, at, sizeof(old));
	memcpy(&n, also, sizeof(n));
	if (size == 0 || is_wildcard(bytes, size) || n >= 64)
		return false;
	for (size_t i = 0; i < n; i++)
		if (pol_address_bytes(alv_str_of(old[i]), other) == size && memcmp(bytes, other, size) == 0)
			return false;
	all = alv_arena_alloc(l->a, (n + 1) * sizeof(*all));
	if (all == NULL || (all[n] = alv_arena_str(l->a, s).p) == NULL)
		return false;
	if (n > 0)
		memcpy(all, old, n * sizeof(*all));
	n++;
	put(at, o, &all, sizeof(all));
	memcpy(also, &n, sizeof(n));
	return true;
}

/* "from=to"; neither side twice, so that it can be read both ways. */
static bool
add_rename(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	const char		*eq = memchr(s.p, '=', s.n);
	const struct pol_rename *old;
	struct pol_rename	*all;
	size_t			 n, k = eq == NULL ? 0 : (size_t)(eq - s.p);

	memcpy(&old, at, sizeof(old));
	memcpy(&n, also, sizeof(n));
	if (k == 0 || k + 1 == s.n || n >= 64)
		return false;
	all = alv_arena_alloc(l->a, (n + 1) * sizeof(*all));
	if (all == NULL)
		return false;
	all[n].phys = alv_arena_str(l->a, alv_str_make(s.p, k));
	all[n].virt = alv_arena_str(l->a, alv_str_make(eq + 1, s.n - k - 1));
	for (size_t i = 0; i < n; i++) {
		all[i] = old[i];
		if (alv_str_eq(all[n].phys, old[i].phys) || alv_str_eq(all[n].virt, old[i].virt))
			return false;
	}
	n++;
	put(at, o, &all, sizeof(all));
	memcpy(also, &n, sizeof(n));
	return all[n - 1].phys.p != NULL && all[n - 1].virt.p != NULL;
}

/* Into a char array. */
static bool
put_text(const struct pol_option *o, struct alv_str s, char *at)
{
	if (s.n == 0 || s.n >= o->size)
		return false;
	memcpy(at, s.p, s.n);
	at[s.n] = '\0';
	return true;
}

/* One more at the end of a list of texts. */
static bool
add_string(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	const char *const *old;
	const char	 **all;
	size_t		   n;

	memcpy(&old, at, sizeof(old));
	memcpy(&n, also, sizeof(n));
	all = n >= LIST_MAX || s.n == 0 ? NULL : alv_arena_alloc(l->a, (n + 1) * sizeof(*all));
	if (all == NULL || (all[n] = alv_arena_str(l->a, s).p) == NULL)
		return false;
	if (n > 0)
		memcpy(all, old, n * sizeof(*all));
	n++;
	put(at, o, &all, sizeof(all));
	memcpy(also, &n, sizeof(n));
	return true;
}

static bool
add_tenant(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	return ten_id_check(s) == ALV_OK && add_string(l, o, s, at, also);
}

/* "sub", "/realm_access/roles": no empty part. */
static bool
claim_legal(struct alv_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool part = s.p[0] == '/' && s.p[i] == '/';

		if ((uint8_t)s.p[i] <= 0x20 || (part && (i + 1 == s.n || s.p[i + 1] == '/')))
			return false;
	}
	return s.n > 0 && s.n <= 200;
}

static bool
add_claim(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	const char	       *eq = memchr(s.p, '=', s.n);
	const struct pol_claim *old;
	struct pol_claim       *all;
	size_t			n, k = eq == NULL ? s.n : (size_t)(eq - s.p);

	memcpy(&old, at, sizeof(old));
	memcpy(&n, also, sizeof(n));
	if (!claim_legal(alv_str_make(s.p, k)) || k + 1 == s.n || n >= LIST_MAX)
		return false;
	all = alv_arena_alloc(l->a, (n + 1) * sizeof(*all));
	if (all == NULL)
		return false;
	if (n > 0)
		memcpy(all, old, n * sizeof(*all));
	all[n].name = alv_arena_str(l->a, alv_str_make(s.p, k)).p;
	if (eq != NULL)
		all[n].value = alv_arena_str(l->a, alv_str_make(eq + 1, s.n - k - 1)).p;
	if (all[n].name == NULL || (eq != NULL && all[n].value == NULL))
		return false;
	n++;
	put(at, o, &all, sizeof(all));
	memcpy(also, &n, sizeof(n));
	return true;
}

static bool
set_name(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	(void)l;
	(void)also;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", s.p[i]) == NULL)
			return false;
	return put_text(o, s, at);
}

static bool
set_text(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	const char *p = alv_arena_str(l->a, s).p;

	(void)also;
	put(at, o, &p, sizeof(p));
	return p != NULL && s.n > 0;
}

static bool
set_claim(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	return claim_legal(s) && set_text(l, o, s, at, also);
}

static bool
set_url(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	return pol_url_legal(s) && set_text(l, o, s, at, also);
}

static bool
set_host(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	(void)l;
	(void)also;
	return pol_host_legal(s) && put_text(o, s, at);
}

/* Lower case: hosts from clients are compared with it. */
static bool
set_domain(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	(void)l;
	(void)also;
	if (!pol_domain_legal(s) || !put_text(o, s, at))
		return false;
	for (char *p = at; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return true;
}

static bool
set_tenant(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	(void)l;
	(void)also;
	return ten_id_check(s) == ALV_OK && put_text(o, s, at);
}

/* The number of a word in "a|b|c", -1: not among them. */
static int
word_number(const char *words, struct alv_str s)
{
	for (int i = 0;; i++) {
		size_t n = strcspn(words, "|");

		if (n == s.n && memcmp(words, s.p, n) == 0)
			return i;
		if (words[n] == '\0')
			return -1;
		words += n + 1;
	}
}

static bool
set_choice(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	int i = word_number(o->words, s);

	(void)l;
	(void)also;
	put(at, o, &i, sizeof(i));
	return i >= 0;
}

static bool
add_choice(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	int i = word_number(o->words, s);

	(void)l;
	(void)also;
	if (i < 0 || (size_t)i >= o->size)
		return false;
	((bool *)at)[i] = true;
	return true;
}

static bool
set_word(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	return word_number(o->words, s) >= 0 && set_text(l, o, s, at, also);
}

static bool
set_path(struct pol_load *l, const struct pol_option *o, struct alv_str s, char *at, char *also)
{
	const char *p = s.n == 0 ? NULL : pol_file_path(l, s);

	(void)also;
	put(at, o, &p, sizeof(p));
	return p != NULL;
}

static const struct {
	const char *name, *expected;	/* %s of ranges, units and words is added behind it */
	set_fn	    set;
	bool	    list, bare;		/* bare: must not be quoted */
	const char *(*look)(struct pol_load *l, const char *path);
} types[POL_TYPES] = {
	[POL_T_BOOL] = { "true or false", "true or false", set_bool, false, true, NULL },
	[POL_T_NUMBER] = { "number", "a number", set_number, false, true, NULL },
	[POL_T_PORT] = { "port", "a port", set_port, false, true, NULL },
	[POL_T_PORTS] = { "ports", "ports as first-last", set_ports, false, false, NULL },
	[POL_T_BIND] = { "host:port", "host:port", set_bind, false, false, NULL },
	[POL_T_BINDS] = { "list of host:port", "host:port", add_bind, true, false, NULL },
	[POL_T_ADDRESSES] = { "list of addresses", "an address of this machine (IPv4 or IPv6), each once", add_address, true, false, NULL },
	[POL_T_RENAMES] = { "list of from=to", "up to 64 pairs as from=to, neither side twice", add_rename, true, false, NULL },
	[POL_T_NAME] = { "name", "a name of letters, digits, '-' and '_'", set_name, false, false, NULL },
	[POL_T_TEXT] = { "text", "text", set_text, false, false, NULL },
	[POL_T_HOST] = { "host", "a host name or address", set_host, false, false, NULL },
	[POL_T_DOMAIN] = { "domain", "a domain name", set_domain, false, false, NULL },
	[POL_T_TENANT] = { "tenant id", "a tenant id that is not reserved", set_tenant, false, false, NULL },
	[POL_T_CHOICE] = { "one of", "one of", set_choice, false, false, NULL },
	[POL_T_CHOICES] = { "list of", "of", add_choice, true, false, NULL },
	[POL_T_WORD] = { "one of", "one of", set_word, false, false, NULL },
	[POL_T_CERTIFICATE] = { "file", "the path of a PEM file with certificates", set_path, false, false, pol_file_certificate },
	[POL_T_KEY] = { "secret file", "the path of a PEM file with a private key", set_path, false, false, pol_file_key },
	[POL_T_SECRET] = { "secret file", "the path of a file", set_path, false, false, pol_file_secret },
	[POL_T_NETS] = { "list of networks", "up to 64 networks as 10.0.0.0/8, fd00::/8 or single addresses, without bits behind the prefix",
	    add_net, true, false, NULL },
	[POL_T_TEXTS] = { "list of texts", "up to 64 texts", add_string, true, false, NULL },
	[POL_T_TENANTS] = { "list of tenant ids", "up to 64 tenant ids that are not reserved", add_tenant, true, false, NULL },
	[POL_T_URL] = { "URL", "https://host/path, http://host/path or file:path, without blanks, user and fragment", set_url, false, false, NULL },
	[POL_T_CLAIM] = { "claim", "a claim's name, or a path as /realm_access/roles", set_claim, false, false, NULL },
	[POL_T_CLAIMS] = { "list of claims", "up to 64 claims, as name or name=value", add_claim, true, false, NULL },
	[POL_T_NEW_FILE] = { "file", "the path of a file", set_path, false, false, pol_file_new },
	[POL_T_CRL] = { "file", "the path of a PEM file with certificate revocation lists", set_path, false, false, pol_file_crl },
	[POL_T_PART] = { "section", "a section", NULL, false, false, NULL },
};

const char *
pol_value_type(const struct pol_option *o)
{
	return types[o->type].name;
}

/* "a, b or c". */
static void
add_words(struct alv_buf *b, const char *words)
{
	for (;;) {
		size_t n = strcspn(words, "|");

		alv_buf_add(b, words, n);
		if (words[n] == '\0')
			return;
		words += n + 1;
		alv_buf_z(b, strchr(words, '|') == NULL ? " or " : ", ");
	}
}

struct alv_str
pol_value_expected(const struct pol_option *o, struct alv_arena *a)
{
	struct alv_buf b;
	struct alv_str s;

	alv_buf_init(&b, 1024);
	alv_buf_z(&b, types[o->type].expected);
	if (o->type == POL_T_CHOICE || o->type == POL_T_CHOICES || o->type == POL_T_WORD) {
		alv_buf_z(&b, " ");
		add_words(&b, o->words);
	} else if (o->hi > 0) {
		bool port = o->type == POL_T_BIND || o->type == POL_T_BINDS;

		alv_buf_printf(&b, "%s from %" PRIu64 " to %" PRIu64, port ? ", the port" : "", o->lo, o->hi);
		if (o->words != NULL && o->words[0] != '\0')
			alv_buf_printf(&b, " (%s)", o->words);
	}
	s = alv_arena_str(a, alv_str_make(b.p, b.n));
	alv_buf_fini(&b);
	return s.p == NULL ? ALV_STR("another value") : s;
}

static bool
refuse(struct pol_load *l, const struct pol_option *o, const struct pol_value *v, struct alv_str found)
{
	struct alv_str expected = pol_value_expected(o, l->a);

	pol_diag_at(l->d, v->line, v->key, "found %.*s, expected %.*s", ALV_STR_ARG(found), ALV_STR_ARG(expected));
	return false;
}

static bool
set_one(struct pol_load *l, const struct pol_option *o, const struct pol_value *v, struct alv_str s, bool quoted, void *holder)
{
	char	   *at = (char *)holder + o->at;
	const char *path, *why;

	if (s.p == NULL)
		return refuse(l, o, v, ALV_STR("nothing"));
	if (quoted && types[o->type].bare)
		return refuse(l, o, v, ALV_STR("text in quotes"));
	if (!types[o->type].set(l, o, s, at, (char *)holder + o->also))
		return refuse(l, o, v, pol_diag_quote(l->a, s));
	if (types[o->type].look == NULL)
		return true;
	memcpy(&path, at, sizeof(path));
	why = types[o->type].look(l, path);
	if (why != NULL)
		pol_diag_at(l->d, v->line, v->key, "%s", why);
	return why == NULL;
}

/* "a, b, c" as Kafka writes its lists, blanks dropped. */
static bool
set_split(struct pol_load *l, const struct pol_option *o, const struct pol_value *v, bool quoted, void *holder)
{
	struct alv_str rest = v->text;

	for (;;) {
		const char    *comma = memchr(rest.p, ',', rest.n);
		struct alv_str one = rest;

		if (comma != NULL)
			one.n = (size_t)(comma - rest.p);
		rest = alv_str_make(rest.p + one.n, rest.n - one.n);
		while (one.n > 0 && one.p[0] == ' ')
			one = alv_str_make(one.p + 1, one.n - 1);
		while (one.n > 0 && one.p[one.n - 1] == ' ')
			one.n--;
		if (!set_one(l, o, v, one, quoted, holder))
			return false;
		if (comma == NULL)
			return true;
		rest = alv_str_make(rest.p + 1, rest.n - 1);
	}
}

static bool
set_list(struct pol_load *l, const struct pol_option *o, const struct pol_value *v, void *holder)
{
	if (v->node->first == NULL)
		return refuse(l, o, v, ALV_STR("an empty list"));
	for (const struct pol_node *c = v->node->first; c != NULL; c = c->next) {
		struct pol_value one = { .node = c, .text = c->value, .line = c->line, .key = v->key };

		if (c->type != POL_SCALAR)
			return refuse(l, o, &one, ALV_STR("a list or section"));
		if (!set_one(l, o, &one, c->value, c->quoted, holder))
			return false;
	}
	return true;
}

bool
pol_value_set(struct pol_load *l, const struct pol_option *o, const struct pol_value *v, void *holder)
{
	bool quoted = v->node != NULL && v->node->quoted;

	if (v->node != NULL && v->node->type == POL_MAP)
		return refuse(l, o, v, ALV_STR("a section"));
	if (v->node != NULL && v->node->type == POL_LIST)
		return types[o->type].list ? set_list(l, o, v, holder) : refuse(l, o, v, ALV_STR("a list"));
	if (types[o->type].list && v->text.p != NULL)
		return set_split(l, o, v, quoted, holder);
	return set_one(l, o, v, v->text, quoted, holder);
}
