/* Two clocks: monotonic for timers, quotas and latency; wall for tokens, sessions and audit.
 * Loops read them once a turn and pass the value on; nobody else should ask. */
#ifndef ALCOVE_CLOCK_H
#define ALCOVE_CLOCK_H

#include <stdint.h>

uint64_t alv_mono_us(void);	/* microseconds since some fixed point; never backwards */
uint64_t alv_wall_ms(void);	/* milliseconds since 1970 UTC */

#endif
