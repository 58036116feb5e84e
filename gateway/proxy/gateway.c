/* The data path as a whole. */
#include "proxy/gateway.h"

#include <alcove/log.h>

#include <stdlib.h>

#include "proxy/budget.h"
#include "proxy/endpoint.h"
#include "proxy/worker.h"
#include "quota/table.h"

enum { READERS_MAX_BYTES = 64 * 1024 * 1024 };

enum alv_err
px_gateway_init(struct px_gateway *g)
{
	g->workers = calloc(g->conf->workers, sizeof(struct px_worker *));
	g->meters = calloc(g->conf->workers, sizeof(struct met_worker *));
	g->budget = px_budget_new(&g->conf->limits);
	g->shared.hosts = api_hosts_new();
	g->shared.delays = aut_delays_new();
	g->shared.readers = api_readers_new(READERS_MAX_BYTES);
	g->shared.quotas = quo_table_new(QUO_TENANT_MAX, QUO_CELLS_MAX);
	if (g->workers == NULL || g->meters == NULL || g->budget == NULL || g->shared.hosts == NULL || g->shared.delays == NULL ||
	    g->shared.quotas == NULL || g->shared.readers == NULL)
		return ALV_E_NOMEM;
	for (unsigned i = 0; i < g->conf->workers; i++) {
		g->workers[i] = px_worker_new(g, i);
		if (g->workers[i] == NULL)
			return ALV_E_NOMEM;
		g->meters[i] = g->workers[i]->api.meter;
		g->nworkers++;
	}
	met_budget(g->meters[0], g->budget->max);
	return ALV_OK;
}

enum alv_err
px_gateway_start(struct px_gateway *g, struct alv_buf *err)
{
	enum alv_err e = px_ports_open(g, err);

	for (unsigned i = 0; !e && i < g->nworkers; i++) {
		e = px_worker_start(g->workers[i]);
		if (e)
			alv_buf_printf(err, "worker %u: cannot start a thread\n", i);
	}
	return e;
}

static void
order_all(struct px_gateway *g, enum px_order what, uint32_t ms)
{
	for (unsigned i = 0; i < g->nworkers; i++)
		if (g->workers[i]->running)
			px_worker_order(g->workers[i], what, ms);
}

void
px_gateway_published(struct px_gateway *g)
{
	order_all(g, PX_SWEEP, 0);
}

void
px_gateway_drain(struct px_gateway *g, uint32_t grace_ms)
{
	if (atomic_exchange(&g->shared.draining, true))
		return;
	px_ports_close(g);
	order_all(g, PX_DRAIN, grace_ms);
}

void
px_gateway_configure(struct px_gateway *g, const struct pol_config *conf)
{
	g->conf = conf;
	g->shared.conf = conf;
	for (unsigned i = 0; i < g->nworkers; i++)
		ups_ctx_configure(&g->workers[i]->ups, &conf->upstream);
}

uint32_t
px_gateway_connections(const struct px_gateway *g)
{
	return atomic_load(&((struct px_gateway *)(uintptr_t)g)->connections);
}

void
px_gateway_end(struct px_gateway *g)
{
	px_ports_close(g);
	for (unsigned i = 0; i < g->nworkers; i++)
		px_worker_stop(g->workers[i]);
}

void
px_gateway_free(struct px_gateway *g)
{
	for (unsigned i = 0; i < g->nworkers; i++)
		px_worker_free(g->workers[i]);
	px_budget_free(g->budget);
	api_hosts_free(g->shared.hosts);
	aut_delays_free(g->shared.delays);
	quo_table_free(g->shared.quotas);
	api_readers_free(g->shared.readers);
	for (size_t i = 0; g->tls != NULL && i < g->conf->nlisteners; i++)
		net_tls_server_free(g->tls[i]);
	free(g->tls);
	free(g->ports);
	free(g->workers);
	free(g->meters);
}
