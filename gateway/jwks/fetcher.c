/* The thread that keeps issuers' keys current; what it does is target.c, here is when, and with whom it shares.
 *
 *   configured --> asked at once --good--> asked again after refresh.ms, or when a token names a key that is not there
 *                               `-failed-> asked again soon, later each time; its last keys are used for stale.max.ms
 *
 * Invariants: the lock is never held while something is asked, nor while a source is called (who waits there goes on on our thread); a target that the thread has
 * (`busy`) is freed by the thread. A source's lock may be held when ours is taken, never the other way round. */
#include "jwks/fetcher.h"

#include <alcove/check.h>
#include <alcove/clock.h>
#include <alcove/log.h>
#include <alcove/meter.h>
#include <alcove/str.h>

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "jwks/target.h"

struct jwk_fetcher {
	pthread_t	   thread;
	pthread_mutex_t	   lock;
	pthread_cond_t	   changed;	/* something is due, was tried, or it ends */
	atomic_bool	   stop;
	struct aut_oauth  *oauth;
	struct jwk_target *first;	/* in the order of the configuration */
};

/* ---- what is told --------------------------------------------------------------------------------------- */

/* Under the lock. */
static void
publish(const struct jwk_fetcher *f)
{
	struct met_issuer *all;
	size_t		   n = 0;

	for (const struct jwk_target *t = f->first; t != NULL; t = t->next)
		n++;
	all = calloc(n + 1, sizeof(*all));
	if (all == NULL)
		return;
	n = 0;
	for (const struct jwk_target *t = f->first; t != NULL; t = t->next, n++) {
		all[n] = (struct met_issuer){ .fetched = t->fetched, .failed = t->failed, .keys = t->keys, .good_s = t->good_s };
		snprintf(all[n].name, sizeof(all[n].name), "%s", t->name);
	}
	met_issuers(all, n);
	free(all);
}

/* A failure that was told stays true until another one, or a success. */
static void
tell(struct jwk_target *t, bool good, bool news, size_t keys, const char *why)
{
	if (good && (news || t->told[0] != '\0'))
		alv_log(ALV_LOG_INFO, "an issuer's keys are current", ALV_KV_Z("issuer", t->name), ALV_KV_I("keys", keys));
	if (!good && strcmp(t->told, why) != 0)
		alv_log(ALV_LOG_WARN, "an issuer's keys cannot be had: the last ones are used", ALV_KV_Z("issuer", t->name),
		    ALV_KV_Z("from", t->file != NULL ? t->file : t->url), ALV_KV_Z("error", why));
	snprintf(t->told, sizeof(t->told), "%s", good ? "" : why);
}

/* ---- the thread ------------------------------------------------------------------------------------------ */

/* What became of it. Under the lock; true: its keys are too old by now. */
static bool
note(struct jwk_target *t, bool good, bool news, size_t keys)
{
	uint64_t now = alv_mono_us();
	bool	 old;

	t->asked_us = now;
	t->tried = true;
	if (good) {
		t->failures = 0;
		t->fetched += t->file == NULL || news;	/* of a file only what changes is told */
		t->good_us = now;
		t->good_s = alv_wall_ms() / 1000;
		t->keys = keys;
	} else {
		t->failures++;
		t->failed += t->file == NULL || t->failures == 1;
	}
	t->due_us = jwk_target_due(t, now);
	old = t->keys > 0 && now - t->good_us > t->stale_ms * 1000ull;
	if (old)
		t->keys = 0;
	return old;
}

/* Has the lock, and gives it up meanwhile. */
static void
serve(struct jwk_fetcher *f, struct jwk_target *t)
{
	char   why[JWK_WHY] = "";
	size_t keys = t->keys;
	bool   good, news, old;

	t->busy = true;
	t->wanted = false;
	pthread_mutex_unlock(&f->lock);
	good = jwk_target_ask(t, &f->stop, &news, &keys, why);
	aut_source_asked(t->source);
	if (!atomic_load(&f->stop))
		tell(t, good, news, keys, why);
	pthread_mutex_lock(&f->lock);
	old = note(t, good, news, keys);
	publish(f);
	pthread_cond_broadcast(&f->changed);
	if (old) {
		pthread_mutex_unlock(&f->lock);
		alv_log(ALV_LOG_WARN, "an issuer's last keys are too old: its tokens are refused", ALV_KV_Z("issuer", t->name));
		memset(t->print, 0, sizeof(t->print));
		aut_source_set(t->source, NULL);
		pthread_mutex_lock(&f->lock);
	}
	t->busy = false;
	if (t->gone) {
		pthread_mutex_unlock(&f->lock);
		jwk_target_free(t);
		pthread_mutex_lock(&f->lock);
	}
}

/* The one that is due first; NULL: there is none at all. */
static struct jwk_target *
next_due(const struct jwk_fetcher *f)
{
	struct jwk_target *best = NULL;

	for (struct jwk_target *t = f->first; t != NULL; t = t->next)
		if (best == NULL || t->due_us < best->due_us)
			best = t;
	return best;
}

static void
wait_until(struct jwk_fetcher *f, uint64_t us)
{
	struct timespec ts = { .tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000 * 1000) };

	(void)pthread_cond_timedwait(&f->changed, &f->lock, &ts);
}

static void *
run(void *arg)
{
	struct jwk_fetcher *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!atomic_load(&f->stop)) {
		struct jwk_target *t = next_due(f);

		if (t == NULL)
			(void)pthread_cond_wait(&f->changed, &f->lock);
		else if (t->due_us > alv_mono_us())
			wait_until(f, t->due_us);
		else
			serve(f, t);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* On a thread of the crypto pool, with the source's lock. */
static void
on_wanted(void *arg)
{
	struct jwk_target  *t = arg;
	struct jwk_fetcher *f = t->fetcher;

	pthread_mutex_lock(&f->lock);
	if (!t->wanted && t->file == NULL) {
		t->wanted = true;
		t->due_us = jwk_target_due_wanted(t, alv_mono_us());
		pthread_cond_broadcast(&f->changed);
	}
	pthread_mutex_unlock(&f->lock);
}

/* ---- from outside ------------------------------------------------------------------------------------------- */

struct jwk_fetcher *
jwk_fetcher_new(struct aut_oauth *o)
{
	struct jwk_fetcher *f = calloc(1, sizeof(*f));
	pthread_condattr_t  by_monotonic;

	if (f == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		free(f);
		return NULL;
	}
	f->oauth = o;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&by_monotonic);
	pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&f->changed, &by_monotonic);
	pthread_condattr_destroy(&by_monotonic);
	if (pthread_create(&f->thread, NULL, run, f) == 0)
		return f;
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	curl_global_cleanup();
	free(f);
	return NULL;
}

/* One for each issuer: those that are there already, and new ones. False: out of memory. */
static bool
choose(struct jwk_fetcher *f, const struct pol_oauth *conf, struct jwk_target **all)
{
	for (size_t i = 0; i < conf->nissuers; i++) {
		for (struct jwk_target *t = f->first; t != NULL && all[i] == NULL; t = t->next)
			if (jwk_target_is(t, &conf->issuers[i]))
				all[i] = t;
		if (all[i] == NULL && (all[i] = jwk_target_new(f, &conf->issuers[i], on_wanted)) == NULL)
			return false;
	}
	return true;
}

static bool
is_old(const struct jwk_fetcher *f, const struct jwk_target *x)
{
	for (const struct jwk_target *t = f->first; t != NULL; t = t->next)
		if (t == x)
			return true;
	return false;
}

static struct aut_issuers *
make_issuers(const struct pol_oauth *conf, struct jwk_target *const *all)
{
	struct aut_source  **sources = calloc(conf->nissuers + 1, sizeof(*sources));
	struct aut_issuers  *i = NULL;

	for (size_t k = 0; sources != NULL && k < conf->nissuers; k++)
		sources[k] = all[k]->source;
	if (sources != NULL)
		i = aut_issuers_new(conf, sources);
	free(sources);
	return i;
}

/* They are what there is from here on. -> those that are not wanted any more, but for one that the thread has. */
static struct jwk_target *
use(struct jwk_fetcher *f, const struct pol_oauth *conf, struct jwk_target *const *all)
{
	struct jwk_target *old, *next, *gone = NULL, **tail = &f->first;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < conf->nissuers; i++) {
		all[i]->kept = true;
		all[i]->refresh_ms = conf->issuers[i].refresh_ms;
		all[i]->stale_ms = conf->issuers[i].stale_ms;
		if (all[i]->tried && all[i]->failures == 0)
			all[i]->due_us = jwk_target_due(all[i], all[i]->asked_us);
	}
	for (old = f->first; old != NULL; old = next) {
		next = old->next;
		if (old->kept)
			continue;
		old->gone = true;
		if (old->busy)
			continue;
		old->next = gone;
		gone = old;
	}
	for (size_t i = 0; i < conf->nissuers; i++) {
		all[i]->kept = false;
		*tail = all[i];
		tail = &all[i]->next;
	}
	*tail = NULL;
	publish(f);
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return gone;
}

static void
free_all(struct jwk_target *t)
{
	struct jwk_target *next;

	for (; t != NULL; t = next) {
		next = t->next;
		jwk_target_free(t);
	}
}

enum alv_err
jwk_fetcher_configure(struct jwk_fetcher *f, const struct pol_oauth *conf)
{
	struct jwk_target **all = calloc(conf->nissuers + 1, sizeof(struct jwk_target *));
	struct aut_issuers *issuers = all != NULL && choose(f, conf, all) ? make_issuers(conf, all) : NULL;

	if (issuers == NULL) {
		for (size_t i = 0; all != NULL && i < conf->nissuers; i++)
			if (all[i] != NULL && !is_old(f, all[i]))
				jwk_target_free(all[i]);
		free(all);
		return ALV_E_NOMEM;
	}
	free_all(use(f, conf, all));
	aut_oauth_set(f->oauth, issuers);
	free(all);
	return ALV_OK;
}

static bool
settled(const struct jwk_fetcher *f)
{
	for (const struct jwk_target *t = f->first; t != NULL; t = t->next)
		if (!t->tried)
			return false;
	return true;
}

void
jwk_fetcher_settle(struct jwk_fetcher *f, unsigned max_ms)
{
	uint64_t until = alv_mono_us() + max_ms * 1000ull;

	pthread_mutex_lock(&f->lock);
	while (!settled(f) && alv_mono_us() < until)
		wait_until(f, until);
	pthread_mutex_unlock(&f->lock);
}

void
jwk_fetcher_free(struct jwk_fetcher *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	atomic_store(&f->stop, true);
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	aut_oauth_set(f->oauth, NULL);
	free_all(f->first);
	met_issuers(NULL, 0);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	curl_global_cleanup();
	free(f);
}
