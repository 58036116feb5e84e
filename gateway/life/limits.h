/* What the system lets this process have, against what is configured: found out at the start, not in the night. */
#ifndef LIFE_LIMITS_H
#define LIFE_LIMITS_H

#include <alcove/buf.h>

/* Raises the number of descriptors to what so many connections need. False: it cannot be, and words say what to do. */
bool lif_limits_files(uint32_t connections_max, struct alv_buf *words) ALV_MUST;
/* The least of RLIMIT_AS, RLIMIT_DATA and what the system allows (0: nobody knows); *from says which. UINT64_MAX: no
 * limit. */
uint64_t lif_memory_limit(uint64_t system, const char **from);
/* False: need_bytes do not fit, and words say so. */
bool lif_limits_memory(uint64_t need_bytes, uint64_t system, struct alv_buf *words) ALV_MUST;
/* No core dumps, and no other process of the user looks into our memory. */
void lif_limits_secrets(void);
/* What is freed after a burst goes back to the system. Before there are threads. */
void lif_limits_heap(void);

#endif
