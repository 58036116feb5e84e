/* Watches loops: a thread of its own sees that each of them still turns.
 *
 *   moves --no turn ends for warn_ms--> stuck --for abort_ms--> hopeless: abort()
 *     ^                                   |
 *     +-------------- a turn ends --------+
 *
 * Time is counted in the watchdog's own steps, not by the clock: a process that was stopped as a whole and goes on, or a
 * machine that slept, is no stall. */
#ifndef LIFE_WATCHDOG_H
#define LIFE_WATCHDOG_H

#include <alcove/buf.h>
#include <alcove/err.h>

#include <stdatomic.h>

enum { LIF_WATCHED_MAX = 72 };

/* One loop. The caller sets the first group; all of it outlives the watchdog. */
struct lif_watched {
	const char	       *name;	/* "worker" */
	unsigned		number;
	const _Atomic uint64_t *pulse;	/* net_loop_pulse */
	const char *(*doing)(const void *arg);	/* what it is at, in a word; watchdog's thread. NULL: unknown */
	const void	       *arg;
	/* the watchdog's own */
	uint64_t		seen;
	uint32_t		still_ms;
};

enum lif_verdict { LIF_FINE, LIF_STUCK, LIF_STILL_STUCK, LIF_FREED, LIF_HOPELESS };
/* One look, step_ms after the last. STUCK and FREED are said once. abort_ms 0: never hopeless. */
enum lif_verdict lif_watch(struct lif_watched *w, uint64_t pulse, uint32_t step_ms, uint32_t warn_ms, uint32_t abort_ms);

struct lif_watchdog;
/* Takes a copy of `watched`. Says WATCHDOG=1 to systemd, if that wants it, for as long as nothing is stuck. */
enum alv_err lif_watchdog_start(const struct lif_watched *watched, size_t n, uint32_t warn_ms, uint32_t abort_ms,
    struct lif_watchdog **out) ALV_MUST;
/* Does everything turn? Else lines of text. Any thread; NULL (not started) is fine. */
bool lif_watchdog_fine(struct lif_watchdog *d, struct alv_buf *why);
void lif_watchdog_stop(struct lif_watchdog *d);	/* joins; NULL is allowed */

#endif
