/* (tenant, node) <-> the host a client dials, by a listener's two patterns. Invariant: a host has one reading. What reads
 * as a broker's host is a broker's; ids whose bootstrap would read so are not given to anybody (ten_hosts_fit). */
#include <alcove/str.h>
#include <alcove/tenant.h>

enum alv_err
ten_hosts_below(struct ten_hosts *h, struct alv_arena *a, struct alv_str domain)
{
	struct alv_str boot = alv_arena_cat(a, ALV_STR("$(tenant)."), domain);
	struct alv_str node = alv_arena_cat(a, ALV_STR("b$(node)-$(tenant)."), domain);
	const char    *expected;
	enum alv_err   err;

	if (boot.p == NULL || node.p == NULL)
		return ALV_E_NOMEM;
	err = ten_pattern_parse(boot, TEN_TENANT, &h->bootstrap, &expected);
	return err ? err : ten_pattern_parse(node, TEN_TENANT | TEN_NODE, &h->node, &expected);
}

enum alv_err
ten_host_parse(struct alv_str host, const struct ten_hosts *h, struct ten_endpoint *e)
{
	*e = (struct ten_endpoint){ .node = -1 };
	return ten_pattern_read(&h->node, host, e) || ten_pattern_read(&h->bootstrap, host, e) ? ALV_OK : ALV_E_NOT_FOUND;
}

struct alv_str
ten_host(struct alv_arena *a, struct alv_str tenant, int32_t node, const struct ten_hosts *h)
{
	return ten_pattern_host(node < 0 ? &h->bootstrap : &h->node, a, tenant, node);
}

bool
ten_hosts_fit(const struct ten_hosts *h, struct alv_str id)
{
	struct alv_arena    a;
	struct ten_endpoint e;
	struct alv_str	    host;
	bool		    fits;

	alv_arena_init(&a, 8192);
	host = ten_host(&a, id, -1, h);
	fits = host.p != NULL && !ten_pattern_read(&h->node, host, &e);
	alv_arena_fini(&a);
	return fits;
}
