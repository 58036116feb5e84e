/* The control thread: start, its clockwork, stop.
 * Everything but what is atomic in con_control belongs to the thread between con_start's end and con_stop. */
#include <alcove/check.h>
#include <alcove/clock.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>

#include "control/control_int.h"

enum { POOL_KEEP = 1 << 20, TICK_US = 1000 * 1000, PROBE_US = 5 * 1000 * 1000 };

/* ---- clockwork ------------------------------------------------------------------------------------------ */

/* For con_ready, which other threads call. */
static void
note_why(struct con_control *k)
{
	pthread_mutex_lock(&k->why_lock);
	snprintf(k->why, sizeof(k->why), "%s", ups_words(k->follower));
	pthread_mutex_unlock(&k->why_lock);
}

void
con_note_store(struct con_control *k)
{
	const char *words = sto_words(k->core.store);

	pthread_mutex_lock(&k->why_lock);
	if (k->core.store_bad && words[0] != '\0')
		snprintf(k->store_why, sizeof(k->store_why), "%s", words);
	pthread_mutex_unlock(&k->why_lock);
	atomic_store(&k->store_bad, k->core.store_bad);
}

/* Once a second: what is retired and waits for readers; what failed and may work now. */
static void
tick(struct net_timer *t)
{
	struct con_control *k = ALV_HOLDER(t, struct con_control, tick);
	uint64_t	    now = net_loop_now(k->loop);

	alv_qsbr_reclaim(k->conf.qsbr);
	if (k->core.unpublished && con_publish_all(&k->core))
		alv_log(ALV_LOG_ERROR, "tenants could not be published", ALV_KV_Z("error", sto_words(k->core.store)));
	if (k->core.store_bad && now >= k->probe_at_us) {
		k->probe_at_us = now + PROBE_US;
		k->core.store_bad = sto_probe(k->core.store) != ALV_OK;
		if (!k->core.store_bad)
			alv_log(ALV_LOG_INFO, "the store can be written again");
	}
	con_note_store(k);
	note_why(k);
	net_timer_set(t, now + TICK_US);
}

static void
on_cluster(void *arg)
{
	struct con_control *k = arg;

	note_why(k);
	atomic_store(&k->reached, ups_reachable(k->follower));
	k->conf.on_publish(k->conf.arg);
}

static void *
thread_main(void *arg)
{
	struct con_control *k = arg;

	net_loop_run(k->loop);
	return NULL;
}

/* ---- start ------------------------------------------------------------------------------------------------ */

static void
no_one(void *arg)
{
	(void)arg;
}

static enum alv_err
make_loop(struct con_control *k)
{
	const struct con_conf *c = &k->conf;
	enum alv_err	       err;

	k->loop = net_loop_new();
	k->pool = alv_pool_new(POOL_KEEP);
	if (k->loop == NULL || k->pool == NULL)
		return ALV_E_NOMEM;
	err = net_stream_ctx_init(&k->net, k->loop, k->pool);
	if (err)
		return err;
	k->net_made = true;
	err = ups_ctx_init(&k->ups, &c->conf->upstream, &k->net, c->upstream_tls, c->crypto, c->resolver);
	if (err)
		return err;
	k->ups_made = true;
	k->follower = ups_follower_new(k->loop, &k->ups, c->board, on_cluster, k);
	if (k->follower == NULL)
		return ALV_E_NOMEM;
	k->census.loop = k->loop;
	k->census.follower = k->follower;
	k->census.dir = c->dir;
	k->census.book = c->tally;
	con_census_init(&k->census, c->conf->upstream.census_interval_ms);
	net_timer_init(k->loop, &k->tick, tick);
	net_timer_set(&k->tick, net_loop_now(k->loop) + TICK_US);
	return ALV_OK;
}

/* Listeners may have other patterns than when the tenant was made. What reads as a broker's host is the broker's: nobody
 * gets at another's cluster, but such a tenant's clients do not get to theirs either. */
static void
warn_misfits(struct con_core *k)
{
	struct sto_tenant t = { .id = "" };

	while (sto_tenant_next(k->store, alv_str_of(t.id), &t) == ALV_OK) {
		struct con_change c = { .op = CON_TENANT_CREATE };

		snprintf(c.tenant, sizeof(c.tenant), "%s", t.id);
		if (t.state != POL_DELETED && con_check_fits(k->conf, &c))
			alv_log(ALV_LOG_WARN, "a tenant's host cannot be told from a broker's", ALV_KV_Z("tenant", t.id), ALV_KV_Z("detail", c.detail));
	}
}

static enum alv_err
open_state(struct con_control *k, struct alv_buf *words)
{
	const struct con_conf *c = &k->conf;
	enum alv_err	       err = sto_open(c->conf->state.file, c->conf->state.key_file, &k->core.store, words);

	if (err)
		return err;
	k->core.dir = c->dir;
	k->core.board = c->board;
	k->core.conf = c->conf;
	k->core.iterations = c->conf->scram_iterations;
	k->core.audit_native_rows = c->conf->limits.audit_native_rows;
	k->core.on_publish = c->on_publish;
	k->core.arg = c->arg;
	err = con_publish_all(&k->core);
	if (!err)
		warn_misfits(&k->core);
	if (err)
		alv_buf_printf(words, "%s\n", err == ALV_E_STORE ? sto_words(k->core.store) : alv_err_text(err));
	return err;
}

static void
free_all(struct con_control *k)
{
	ups_follower_free(k->follower);
	if (k->loop != NULL)
		net_loop_turn(k->loop, 0);	/* questions that came meanwhile are answered: not now */
	con_run_end(k);
	while (k->jobs > 0)
		net_loop_turn(k->loop, 10);
	con_purge_end(k);
	if (k->loop != NULL && k->tick.loop != NULL)
		net_timer_stop(&k->tick);
	if (k->census.loop != NULL)
		con_census_stop(&k->census);
	if (k->ups_made)
		ups_ctx_fini(&k->ups);
	if (k->net_made)
		net_stream_ctx_fini(&k->net);
	if (k->loop != NULL)
		net_loop_free(k->loop);
	if (k->pool != NULL)
		alv_pool_free(k->pool);
	sto_close(k->core.store);
	pthread_mutex_destroy(&k->why_lock);
	free(k);
}

enum alv_err
con_start(const struct con_conf *conf, struct con_control **out, struct alv_buf *words)
{
	struct con_control *k = calloc(1, sizeof(*k));
	enum alv_err	    err;

	*out = NULL;
	if (k == NULL)
		return ALV_E_NOMEM;
	k->conf = *conf;
	pthread_mutex_init(&k->why_lock, NULL);
	if (k->conf.on_publish == NULL)
		k->conf.on_publish = no_one;
	err = open_state(k, words);
	if (!err && (err = make_loop(k)) != ALV_OK)
		alv_buf_printf(words, "the control thread cannot start: %s\n", alv_err_text(err));
	if (!err) {
		con_purge_resume(k);
		if (pthread_create(&k->thread, NULL, thread_main, k) != 0) {
			alv_buf_z(words, "the control thread cannot start\n");
			err = ALV_E_SYSTEM;
		}
	}
	if (err) {
		k->stopping = true;
		free_all(k);
		return err;
	}
	pthread_setname_np(k->thread, "alcove-control");
	*out = k;
	return ALV_OK;
}

void
con_configure(struct con_control *k, const struct pol_config *conf)
{
	k->core.iterations = conf->scram_iterations;
	k->core.audit_native_rows = conf->limits.audit_native_rows;
	k->core.conf = conf;
	ups_ctx_configure(&k->ups, &conf->upstream);
	con_census_configure(&k->census, conf->upstream.census_interval_ms);
}

/* ---- stop ---------------------------------------------------------------------------------------------------- */

static void
stop_mail(struct net_loop *l, struct net_mail *m)
{
	ALV_HOLDER(m, struct con_control, stop)->stopping = true;
	net_loop_stop(l);
}

void
con_stop(struct con_control *k)
{
	if (k == NULL)
		return;
	k->stop.fn = stop_mail;
	net_mail_must(k->loop, &k->stop);
	pthread_join(k->thread, NULL);
	free_all(k);
}

/* ---- from any thread -------------------------------------------------------------------------------------------- */

struct alv_str
con_fake_secret(const struct con_control *k)
{
	return sto_fake_secret(k->core.store);
}

bool
con_ready(struct con_control *k, struct alv_buf *why)
{
	bool reached = atomic_load(&k->reached), bad = atomic_load(&k->store_bad);

	pthread_mutex_lock(&k->why_lock);
	if (!reached)
		alv_buf_printf(why, "the physical cluster is not reached%s%s\n", k->why[0] == '\0' ? "" : ": ", k->why);
	if (bad)
		alv_buf_printf(why, "the store cannot be written, changes are refused%s%s\n", k->store_why[0] == '\0' ? "" : ": ",
		    k->store_why);
	pthread_mutex_unlock(&k->why_lock);
	return reached && !bad;
}
