/* Any bytes as names, hosts and brokers' texts. What must hold: mapping and un-mapping are inverse of each other;
 * nothing is owned that does not un-map; a host has one spelling; another tenant's name does not come through a text. */
#include <alcove/str.h>
#include <alcove/tenant.h>

#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

static const struct ten_alias rows[] = {
	{ TEN_TOPIC, ALV_STR("a"), ALV_STR("b"), true },
	{ TEN_TOPIC, ALV_STR("p"), ALV_STR("globex.p"), false },
	{ TEN_GROUP, ALV_STR("g"), ALV_STR("G g"), true },
};
static const struct ten_alias *const phys[] = { &rows[0], &rows[1], &rows[2] };
static const struct ten_names	     acme = { .id = ALV_STR("acme"), .prefix = ALV_STR("acme."), .naliases = 3, .by_virt = rows,
	.by_phys = phys };

static void
names(struct alv_arena *a, struct alv_str s)
{
	for (int k = 0; k < TEN_KINDS; k++) {
		enum ten_kind  kind = (enum ten_kind)k;
		struct alv_str there, back;

		if (ten_map(&acme, kind, s, a, &there) == ALV_OK)
			MUST(ten_unmap(&acme, kind, there, &back) == ALV_OK && alv_str_eq(back, s));
		if (ten_unmap(&acme, kind, s, &back) == ALV_OK) {
			MUST(ten_map(&acme, kind, back, a, &there) == ALV_OK && alv_str_eq(there, s));
			MUST(ten_owns(&acme, kind, s, NULL));
		} else {
			MUST(!ten_owns(&acme, kind, s, NULL));
		}
	}
}

/* The names of hosts know no case. */
static void
same_host(struct alv_str a, struct alv_str b)
{
	MUST(a.n == b.n && strncasecmp(a.p, b.p, b.n) == 0);
}

static void
made_and_read(const struct ten_pattern *p, struct alv_arena *a, unsigned want, struct ten_endpoint *e)
{
	static const struct { const char *tenant; int32_t node; } some[] = { { "a", 0 }, { "9", 9 }, { "a-1", 12 }, { "1-a", 2147483647 } };

	for (size_t i = 0; i < ALV_COUNT(some); i++) {
		MUST(ten_pattern_read(p, ten_pattern_host(p, a, alv_str_of(some[i].tenant), some[i].node), e));
		MUST(!(want & TEN_TENANT) || alv_str_eqz(e->tenant, some[i].tenant));
		MUST(e->node == (want & TEN_NODE ? some[i].node : -1));
	}
}

static void
hosts(struct alv_arena *a, struct alv_str s)
{
	struct alv_str	    host = alv_arena_cat(a, s, ALV_STR(".k.x"));
	struct ten_endpoint e;
	struct ten_hosts    h;

	MUST(ten_hosts_below(&h, a, ALV_STR("k.x")) == ALV_OK);
	if (ten_host_parse(host, &h, &e) == ALV_OK)
		same_host(ten_host(a, e.tenant, e.node, &h), host);
	(void)!ten_host_parse(s, &h, &e);
}

/* Any text as a pattern, of its first line, and the second read by it. Patterns that are taken write what they read. */
static void
patterns(struct alv_arena *a, struct alv_str s)
{
	const char	  *end = memchr(s.p, '\n', s.n), *expected = NULL;
	struct alv_str	   text = alv_str_make(s.p, end == NULL ? s.n : (size_t)(end - s.p));
	struct alv_str	   host = end == NULL ? s : alv_str_make(end + 1, s.n - text.n - 1);
	struct ten_pattern p;

	for (unsigned want = 1; want <= (TEN_TENANT | TEN_NODE); want++) {
		struct ten_endpoint e = { .node = -1 }, again = { .node = -1 };

		if (ten_pattern_parse(text, want, &p, &expected)) {
			MUST(expected != NULL);
			continue;
		}
		if (ten_pattern_read(&p, host, &e))
			same_host(ten_pattern_host(&p, a, e.tenant, e.node), host);
		made_and_read(&p, a, want, &again);
	}
}

static void
texts(struct alv_arena *a, struct alv_str s)
{
	struct alv_str standard = ALV_STR("standard"), out;

	ten_clean_text(&acme, s, standard, a);
	/* Own words may hold anything, so a plant must not stand right behind one. */
	out = alv_arena_printf(a, "%.*s 'globex.zq7w' ", ALV_STR_ARG(s));
	out = alv_arena_cat(a, out, s);
	out = ten_clean_text(&acme, out, standard, a);
	if (memmem(s.p, s.n, "zq7w", 4) == NULL)
		MUST(memmem(out.p, out.n, "zq7w", 4) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct alv_arena a;
	struct alv_str	 s;

	alv_arena_init(&a, 16 << 20);
	s = alv_arena_str(&a, alv_str_make(n == 0 ? (const void *)"" : data, n));
	(void)!ten_id_check(s);
	names(&a, s);
	hosts(&a, s);
	patterns(&a, s);
	texts(&a, alv_str_make(s.p, n > 1024 ? 1024 : n));
	alv_arena_fini(&a);
	return 0;
}
