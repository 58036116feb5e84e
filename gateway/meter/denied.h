/* What a tenant's clients were denied, summed for those who read it. */
#ifndef METER_DENIED_H
#define METER_DENIED_H

#include <alcove/buf.h>

#include "meter/table.h"

struct met_denied;
/* Of one worker. NULL: nothing, or no memory to say it. free() it. */
struct met_denied *met_denied_of(const struct met_entry *e);
/* Takes `from`. */
void met_denied_add(struct met_denied **to, struct met_denied *from);
/* A line for each operation and type of which anything was denied: few of all that there could be. */
void met_denied_render(const struct met_denied *d, const char *name, struct alv_str tenant, void (*label)(struct alv_buf *out, struct alv_str v),
    struct alv_buf *out);

#endif
