/* Denials by operation and resource type; see denied.h. */
#include "meter/denied.h"

#include <inttypes.h>
#include <stdlib.h>

#include "meter/worker.h"

struct met_denied {
	uint64_t n[MET_RESOURCES][MET_OPERATIONS];
};

static const char *const resource_names[MET_RESOURCES] = {
#define RESOURCE(name, number) [number] = #name,
#define PATTERN(name, number)
#define OPERATION(name, number)
#define PERMISSION(name, number)
#include <alcove/tbl/acl.def>
#undef RESOURCE
#undef OPERATION
};

static const char *const operation_names[MET_OPERATIONS] = {
#define RESOURCE(name, number)
#define OPERATION(name, number) [number] = #name,
#include <alcove/tbl/acl.def>
#undef RESOURCE
#undef PATTERN
#undef OPERATION
#undef PERMISSION
};

struct met_denied *
met_denied_of(const struct met_entry *e)
{
	const struct met_denials *d = atomic_load_explicit(&e->denials, memory_order_acquire);
	struct met_denied	 *sum = d == NULL ? NULL : calloc(1, sizeof(*sum));

	for (int k = 0; sum != NULL && k < MET_RESOURCES; k++)
		for (int op = 0; op < MET_OPERATIONS; op++)
			sum->n[k][op] = met_read(&d->n[k][op]);
	return sum;
}

void
met_denied_add(struct met_denied **to, struct met_denied *from)
{
	if (*to == NULL) {
		*to = from;
		return;
	}
	for (int k = 0; from != NULL && k < MET_RESOURCES; k++)
		for (int op = 0; op < MET_OPERATIONS; op++)
			(*to)->n[k][op] += from->n[k][op];
	free(from);
}

void
met_denied_render(const struct met_denied *d, const char *name, struct alv_str tenant, void (*label)(struct alv_buf *out, struct alv_str v),
    struct alv_buf *out)
{
	for (int k = 0; k < MET_RESOURCES; k++)
		for (int op = 0; op < MET_OPERATIONS; op++) {
			if (d->n[k][op] == 0 || resource_names[k] == NULL || operation_names[op] == NULL)
				continue;
			alv_buf_printf(out, "%s{tenant=\"", name);
			label(out, tenant);
			alv_buf_printf(out, "\",operation=\"%s\",resource=\"%s\"} %" PRIu64 "\n", operation_names[op], resource_names[k], d->n[k][op]);
		}
}
