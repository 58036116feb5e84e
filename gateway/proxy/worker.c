/* Workers: threads, their mail, where a new connection goes. */
#include "proxy/worker.h"

#include <alcove/check.h>
#include <alcove/clock.h>
#include <alcove/log.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/endpoint.h"

enum { POOL_KEEP_BYTES = 16 * 1024 * 1024, METER_TENANTS = 1024, METER_ROWS = 16384, LOAD_STEP = 1024 * 1024 };

/* ---- the loop's hooks ------------------------------------------------------------------------ */

static void
before_wait(void *arg)
{
	struct px_worker *w = arg;

	alv_qsbr_idle(w->gateway->qsbr, w->reader);
}

static void
after_wait(void *arg)
{
	struct px_worker *w = arg;

	alv_qsbr_quiet(w->gateway->qsbr, w->reader);
}

static void
turn_end(void *arg)
{
	struct px_worker *w = arg;
	uint64_t	  took = alv_mono_us() - net_loop_now(w->loop);

	atomic_store_explicit(&w->doing, 0, memory_order_relaxed);
	met_turn(w->api.meter, took);
	w->mover.busy_us += took;
	alv_qsbr_quiet(w->gateway->qsbr, w->reader);
}

static void
every_second(struct net_timer *t)
{
	struct px_worker *w = ALV_HOLDER(t, struct px_worker, second);

	px_mover_second(w);
	alv_pool_trim(w->pool);
	net_timer_set(t, net_loop_now(w->loop) + 1000000);
}

static void sweep_on(struct net_later *l);

static void
count_waiting(void *arg, int delta)
{
	met_upstream_waiting(((struct px_worker *)arg)->api.meter, delta);
}

/* ---- life -------------------------------------------------------------------------------------- */

struct px_worker *
px_worker_new(struct px_gateway *g, unsigned number)
{
	struct px_worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->gateway = g;
	w->number = number;
	w->loop = net_loop_new();
	w->pool = alv_pool_new(POOL_KEEP_BYTES);
	w->reader = alv_qsbr_join(g->qsbr);
	w->api = (struct api_worker){ .shared = &g->shared, .pool = w->pool,
		.ids = clu_ids_new(g->conf->limits.topic_ids_max), .meter = met_worker_new(METER_TENANTS, METER_ROWS), .keep = api_keep_new(), .denials = api_denials_new() };
	if (w->loop == NULL || w->pool == NULL || w->reader < 0 || w->api.ids == NULL || w->api.meter == NULL || w->api.keep == NULL ||
	    net_stream_ctx_init(&w->net, w->loop, w->pool) ||
	    ups_ctx_init(&w->ups, &g->conf->upstream, &w->net, g->upstream_tls, g->crypto, g->resolver) ||
	    ups_ctx_gates(&w->ups, g->conf->workers > 0 ? g->conf->workers : 1, count_waiting, w)) {
		px_worker_free(w);
		return NULL;
	}
	net_loop_hooks(w->loop, w, before_wait, after_wait, turn_end);
	net_timer_init(w->loop, &w->second, every_second);
	w->sweep.fn = sweep_on;
	px_mover_init(w);
	alv_qsbr_idle(g->qsbr, w->reader);
	return w;
}

static void *
run(void *arg)
{
	struct px_worker *w = arg;

	pthread_setname_np(pthread_self(), "alcove-worker");
	after_wait(w);
	net_timer_set(&w->second, net_loop_now(w->loop) + 1000000);
	net_loop_run(w->loop);
	alv_qsbr_idle(w->gateway->qsbr, w->reader);
	return NULL;
}

enum alv_err
px_worker_start(struct px_worker *w)
{
	sigset_t all, old;
	int	 r;

	/* Signals belong to the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->running = r == 0;
	return r == 0 ? ALV_OK : ALV_E_SYSTEM;
}

void
px_worker_stop(struct px_worker *w)
{
	if (!w->running)
		return;
	px_worker_order(w, PX_END, 0);
	pthread_join(w->thread, NULL);
	w->running = false;
}

void
px_worker_free(struct px_worker *w)
{
	if (w == NULL)
		return;
	ALV_CHECK(w->clients == NULL);
	px_req_free_spare(w);
	if (w->ups.conf != NULL)
		ups_ctx_fini(&w->ups);
	if (w->net.loop != NULL)
		net_stream_ctx_fini(&w->net);
	clu_ids_free(w->api.ids);
	met_worker_free(w->api.meter);
	api_keep_free(w->api.keep);
	api_denials_free(w->api.denials);
	if (w->loop != NULL)
		net_loop_free(w->loop);
	alv_pool_free(w->pool);
	free(w);
}

const char *
px_worker_doing(const void *arg)
{
	int key = atomic_load_explicit(&((struct px_worker *)(uintptr_t)arg)->doing, memory_order_relaxed);

	return key == 0 ? "connections" : api_name((int16_t)(key - 1));
}

/* ---- new connections ---------------------------------------------------------------------------- */

struct arrival {
	struct net_mail		mail;
	struct px_worker       *worker;
	struct px_port	       *port;
	struct sockaddr_storage peer;
	int			fd;
	bool			passed_on;	/* once is enough */
};

/* To the worker where somebody of the crowd can go for it. */
static bool
pass_on(struct arrival *a)
{
	struct px_worker *from = a->worker, *to = a->passed_on ? from : px_crowd_place(from);

	if (to == from)
		return false;
	a->worker = to;
	a->passed_on = true;
	atomic_fetch_add_explicit(&to->connections, 1, memory_order_relaxed);
	if (net_mail_send(to->loop, &a->mail)) {
		atomic_fetch_sub_explicit(&to->connections, 1, memory_order_relaxed);
		a->worker = from;
		return false;
	}
	atomic_fetch_sub_explicit(&from->connections, 1, memory_order_relaxed);
	return true;
}

static void
arrived(struct net_loop *l, struct net_mail *m)
{
	struct arrival *a = ALV_HOLDER(m, struct arrival, mail);

	(void)l;
	if (a->worker->ending || a->worker->drain.begun) {	/* it was in the mail when the listener closed */
		close(a->fd);
		atomic_fetch_sub_explicit(&a->worker->connections, 1, memory_order_relaxed);
		atomic_fetch_sub(&a->worker->gateway->connections, 1);
	} else if (pass_on(a)) {
		return;
	} else {
		px_client_accept(a->worker, a->port, a->fd, &a->peer);
	}
	free(a);
}

/* Least bytes in the last second, in steps so that noise does not decide; then fewest connections. */
static struct px_worker *
least_loaded(struct px_gateway *g)
{
	struct px_worker *best = NULL;
	uint64_t	  best_load = 0;
	uint32_t	  best_n = 0;

	for (unsigned i = 0; i < g->nworkers; i++) {
		struct px_worker *w = g->workers[i];
		uint64_t	  load = atomic_load_explicit(&w->mover.load, memory_order_relaxed) / LOAD_STEP;
		uint32_t	  n = atomic_load_explicit(&w->connections, memory_order_relaxed);

		if (best == NULL || load < best_load || (load == best_load && n < best_n)) {
			best = w;
			best_load = load;
			best_n = n;
		}
	}
	return best;
}

/* Once a second it is told. */
static void
refused(struct px_gateway *g, enum met_process why, const char *words)
{
	uint64_t now = net_loop_now(g->acceptor);

	met_process_add(why, 1);
	g->refused++;
	if (g->refused_told_us != 0 && now < g->refused_told_us + 1000000)
		return;
	alv_log(ALV_LOG_WARN, "connections are refused", ALV_KV_Z("reason", words), ALV_KV_I("refused", g->refused),
	    ALV_KV_I("connections", px_gateway_connections(g)));
	g->refused_told_us = now;
	g->refused = 0;
}

/* One that is counted already. */
static void
refuse(struct px_gateway *g, int fd, enum met_process why, const char *words)
{
	atomic_fetch_sub(&g->connections, 1);
	close(fd);
	refused(g, why, words);
}

void
px_worker_accept(void *arg, struct net_listener *l, int fd, const struct sockaddr_storage *peer)
{
	struct px_port	  *port = arg;
	struct px_gateway *g = port->gateway;
	struct px_worker  *w = least_loaded(g);
	struct arrival	  *a;

	(void)l;
	if (fd < 0) {
		refused(g, MET_REFUSED_DESCRIPTORS, "no descriptor is left");
		return;
	}
	if (atomic_fetch_add(&g->connections, 1) >= g->conf->limits.connections_max) {
		refuse(g, fd, MET_REFUSED_LIMIT, "limits.connections.max is reached");
		return;
	}
	a = malloc(sizeof(*a));
	if (a == NULL) {
		refuse(g, fd, MET_REFUSED_MEMORY, "out of memory");
		return;
	}
	*a = (struct arrival){ .mail = { .fn = arrived }, .worker = w, .port = port, .peer = *peer, .fd = fd };
	atomic_fetch_add_explicit(&w->connections, 1, memory_order_relaxed);
	if (net_mail_send(w->loop, &a->mail)) {
		atomic_fetch_sub_explicit(&w->connections, 1, memory_order_relaxed);
		free(a);
		refuse(g, fd, MET_REFUSED_MEMORY, "a worker's mailbox is full");
	}
}

/* ---- the list of clients ----------------------------------------------------------------------------- */

void
px_worker_add(struct px_worker *w, struct px_client *c)
{
	c->next = w->clients;
	c->prev = &w->clients;
	if (c->next != NULL)
		c->next->prev = &c->next;
	w->clients = c;
}

void
px_worker_forget(struct px_worker *w, struct px_client *c)
{
	px_mover_forget(w, c);
	if (w->sweep_at == c)
		w->sweep_at = c->next;
	if (w->drain.at == c)
		w->drain.at = c->next;
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
}

/* Whoever came since it began logs in by what is published now. */
static void
begin_sweep(struct px_worker *w)
{
	if (w->sweep_at != NULL) {
		w->sweep_anew = true;
		return;
	}
	w->sweep_at = w->clients;
	w->sweep_anew = false;
	net_later(w->loop, &w->sweep);
}

static void
sweep_on(struct net_later *l)
{
	struct px_worker *w = ALV_HOLDER(l, struct px_worker, sweep);

	while (w->sweep_at != NULL) {
		struct px_client *c = w->sweep_at;

		w->sweep_at = c->next;
		px_client_check(c);
		if (net_loop_spent(w->loop)) {
			net_later(w->loop, &w->sweep);
			return;
		}
	}
	if (w->sweep_anew)
		begin_sweep(w);
}

/* ---- orders --------------------------------------------------------------------------------------- */

struct order {
	struct net_mail	  mail;
	struct px_worker *worker;
	enum px_order	  what;
	uint32_t	  ms;
};

static void
end(struct px_worker *w)
{
	w->ending = true;
	for (struct px_client *c = w->clients; c != NULL; c = c->next)
		px_client_close(c, MET_CLOSE_DRAIN, false);
	(void)px_mover_close(w);
	px_worker_perhaps_over(w);
}

void
px_worker_perhaps_over(struct px_worker *w)
{
	if (w->ending && w->clients == NULL && px_mover_close(w))
		net_loop_stop(w->loop);
}

static void
obey(struct net_loop *l, struct net_mail *m)
{
	struct order *o = ALV_HOLDER(m, struct order, mail);

	(void)l;
	if (o->what == PX_SWEEP)
		begin_sweep(o->worker);
	else if (o->what == PX_DRAIN)
		px_drain_begin(o->worker, o->ms);
	else
		end(o->worker);
	free(o);
}

void
px_worker_order(struct px_worker *w, enum px_order what, uint32_t ms)
{
	struct order *o = malloc(sizeof(*o));

	if (o == NULL) {
		alv_log(ALV_LOG_ERROR, "out of memory: a worker misses an order", ALV_KV_I("worker", w->number));
		return;
	}
	*o = (struct order){ .mail = { .fn = obey }, .worker = w, .what = what, .ms = ms };
	net_mail_must(w->loop, &o->mail);
}
