/* See watchdog.h. Invariant: everything in `watched` but the pulses belongs to the watchdog's thread; others read
 * `stuck` only. */
#include "life/watchdog.h"

#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/meter.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "life/notify.h"

enum { STEP_MAX_MS = 1000, STEP_MIN_MS = 50 };

struct lif_watchdog {
	pthread_t	   thread;
	pthread_mutex_t	   lock;
	pthread_cond_t	   wake;
	bool		   ending;
	uint32_t	   step_ms, warn_ms, abort_ms;
	bool		   notify;
	_Atomic unsigned   stuck;
	size_t		   n;
	struct lif_watched watched[LIF_WATCHED_MAX];
};

/* An even pulse is a loop that sleeps. */
enum lif_verdict
lif_watch(struct lif_watched *w, uint64_t pulse, uint32_t step_ms, uint32_t warn_ms, uint32_t abort_ms)
{
	bool was_stuck = w->still_ms >= warn_ms;

	if (pulse != w->seen || pulse % 2 == 0) {
		w->seen = pulse;
		w->still_ms = 0;
		return was_stuck ? LIF_FREED : LIF_FINE;
	}
	w->still_ms += step_ms;
	if (abort_ms != 0 && w->still_ms >= abort_ms)
		return LIF_HOPELESS;
	if (w->still_ms < warn_ms)
		return LIF_FINE;
	return was_stuck ? LIF_STILL_STUCK : LIF_STUCK;
}

static void
tell(const struct lif_watched *w, enum alv_log_level level, const char *words)
{
	const char *doing = w->doing == NULL ? NULL : w->doing(w->arg);

	alv_log(level, words, ALV_KV_Z("thread", w->name), ALV_KV_I("number", w->number),
	    ALV_KV_Z("doing", doing == NULL ? "unknown" : doing), ALV_KV_I("for_ms", w->still_ms));
}

static void
look_at(struct lif_watchdog *d, struct lif_watched *w)
{
	switch (lif_watch(w, atomic_load_explicit(w->pulse, memory_order_relaxed), d->step_ms, d->warn_ms, d->abort_ms)) {
	case LIF_FINE:
	case LIF_STILL_STUCK:
		break;
	case LIF_STUCK:
		atomic_fetch_add(&d->stuck, 1);
		met_process_add(MET_STALLS, 1);
		met_process_add(MET_STUCK, 1);
		tell(w, ALV_LOG_ERROR, "a thread is stuck: its loop does not turn");
		break;
	case LIF_FREED:
		atomic_fetch_sub(&d->stuck, 1);
		met_process_add(MET_STUCK, -1);
		tell(w, ALV_LOG_WARN, "a thread that was stuck goes on");
		break;
	case LIF_HOPELESS:
		tell(w, ALV_LOG_ERROR, "a thread is stuck for good: the process ends itself, to be started anew");
		abort();
	}
}

static void
sleep_step(struct lif_watchdog *d)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += (long)(d->step_ms % 1000) * 1000000;
	t.tv_sec += d->step_ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	(void)pthread_cond_timedwait(&d->wake, &d->lock, &t);
}

static void *
run(void *arg)
{
	struct lif_watchdog *d = arg;

	pthread_mutex_lock(&d->lock);
	while (!d->ending) {
		for (size_t i = 0; i < d->n; i++)
			look_at(d, &d->watched[i]);
		if (d->notify && atomic_load(&d->stuck) == 0)
			(void)lif_notify("WATCHDOG=1");
		sleep_step(d);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static uint32_t
step_for(uint32_t warn_ms, uint64_t watchdog_us)
{
	uint64_t step = warn_ms / 5;

	if (watchdog_us != 0 && watchdog_us / 3000 < step)
		step = watchdog_us / 3000;
	if (step > STEP_MAX_MS)
		step = STEP_MAX_MS;
	return step < STEP_MIN_MS ? STEP_MIN_MS : (uint32_t)step;
}

static bool
start_thread(struct lif_watchdog *d)
{
	pthread_condattr_t a;
	sigset_t	   all, old;
	bool		   ok;

	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&d->wake, &a);
	pthread_condattr_destroy(&a);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ok = pthread_create(&d->thread, NULL, run, d) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

enum alv_err
lif_watchdog_start(const struct lif_watched *watched, size_t n, uint32_t warn_ms, uint32_t abort_ms, struct lif_watchdog **out)
{
	struct lif_watchdog *d = calloc(1, sizeof(*d));

	*out = NULL;
	if (d == NULL)
		return ALV_E_NOMEM;
	ALV_CHECK(n <= LIF_WATCHED_MAX && warn_ms > 0);
	memcpy(d->watched, watched, n * sizeof(*watched));
	d->n = n;
	d->notify = lif_notify_watchdog_us() != 0;
	d->step_ms = step_for(warn_ms, lif_notify_watchdog_us());
	d->warn_ms = warn_ms;
	d->abort_ms = abort_ms;
	if (!start_thread(d)) {
		free(d);
		return ALV_E_SYSTEM;
	}
	*out = d;
	return ALV_OK;
}

bool
lif_watchdog_fine(struct lif_watchdog *d, struct alv_buf *why)
{
	unsigned n = d == NULL ? 0 : atomic_load(&d->stuck);

	if (n > 0)
		alv_buf_printf(why, "%u threads are stuck; the log names them\n", n);
	return n == 0;
}

void
lif_watchdog_stop(struct lif_watchdog *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->ending = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
