/* (tenant, node) <-> the host a client dials. Invariant: a host has one reading. A broker's host begins with
 * b<digits>-, and no tenant id does; node numbers have one spelling, without leading zeros. */
#include <alcove/str.h>
#include <alcove/tenant.h>

#include <inttypes.h>
#include <strings.h>

/* "b3-acme": 3, and how many bytes are in front of the id. 0: not of that form. */
static size_t
broker_head(struct alv_str label, int32_t *node)
{
	uint64_t v;
	size_t	 i = 1;

	if (label.n < 2 || label.p[0] != 'b')
		return 0;
	while (i < label.n && label.p[i] >= '0' && label.p[i] <= '9')
		i++;
	if (i == 1 || i == label.n || label.p[i] != '-' || (label.p[1] == '0' && i > 2))
		return 0;
	if (alv_str_u64(alv_str_make(label.p + 1, i - 1), INT32_MAX, &v))
		return 0;
	*node = (int32_t)v;
	return i + 1;
}

enum alv_err
ten_host_parse(struct alv_str host, struct alv_str suffix, struct ten_endpoint *e)
{
	struct alv_str label;
	int32_t	       node = -1;
	size_t	       head;

	*e = (struct ten_endpoint){ .node = -1 };
	if (host.p == NULL || suffix.p == NULL || host.n < suffix.n + 2 || host.p[host.n - suffix.n - 1] != '.')
		return ALV_E_NOT_FOUND;
	if (strncasecmp(host.p + host.n - suffix.n, suffix.p, suffix.n) != 0)
		return ALV_E_NOT_FOUND;
	label = alv_str_make(host.p, host.n - suffix.n - 1);
	head = broker_head(label, &node);
	label = alv_str_make(label.p + head, label.n - head);
	if (ten_id_check(label) != ALV_OK)
		return ALV_E_NOT_FOUND;
	e->tenant = label;
	e->node = node;
	return ALV_OK;
}

struct alv_str
ten_host(struct alv_arena *a, struct alv_str tenant, int32_t node, struct alv_str suffix)
{
	if (node < 0)
		return alv_arena_printf(a, "%.*s.%.*s", ALV_STR_ARG(tenant), ALV_STR_ARG(suffix));
	return alv_arena_printf(a, "b%" PRId32 "-%.*s.%.*s", node, ALV_STR_ARG(tenant), ALV_STR_ARG(suffix));
}
