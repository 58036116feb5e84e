/* See names.h.
 *
 *   free --get--> ASKED --answer--> KNOWN --older than dns.cache.max.ms, or forgotten: get--> ASKED
 *                   |   (waiters hang on the entry until then)
 *                   +--failed--> KNOWN with the addresses of before, if the resolver is out of order; else free
 *
 * Invariants: an entry is ASKED exactly while its job is with the resolver, and stays where it is meanwhile; the context
 * waits for its jobs before the cache goes. A name server that does not answer does not take brokers away whose addresses
 * were known; one that says that a name is gone does. */
#include "upstream/names.h"
#include "upstream/link_state.h"

#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENTRIES = 64 };

struct ups_name {
	enum { NAME_FREE, NAME_ASKED, NAME_KNOWN } state;
	char		      host[256];
	struct ups_addresses  all;	/* n 0: none yet */
	uint64_t	      until_us;	/* KNOWN: good until then; 0: forgotten */
	uint64_t	      used;	/* order of last use */
	struct ups_name_wait *waiters;
};

struct ups_names {
	struct ups_name entry[ENTRIES];
	uint64_t	clock;
};

struct name_job {
	struct net_resolve r;
	struct ups_ctx	  *ctx;
	struct ups_name	  *name;
};

struct ups_names *
ups_names_new(void)
{
	return calloc(1, sizeof(struct ups_names));
}

void
ups_names_free(struct ups_names *n)
{
	for (size_t i = 0; n != NULL && i < ENTRIES; i++)
		ALV_CHECK(n->entry[i].state != NAME_ASKED && n->entry[i].waiters == NULL);
	free(n);
}

/* ---- entries --------------------------------------------------------------------------------------------- */

static struct ups_name *
find(struct ups_names *n, const char *host)
{
	for (size_t i = 0; i < ENTRIES; i++)
		if (n->entry[i].state != NAME_FREE && strcmp(n->entry[i].host, host) == 0)
			return &n->entry[i];
	return NULL;
}

/* A free entry, or the one that was not used for longest; NULL: all are being asked for. */
static struct ups_name *
spare(struct ups_names *n)
{
	struct ups_name *best = NULL;

	for (size_t i = 0; i < ENTRIES; i++) {
		struct ups_name *e = &n->entry[i];

		if (e->state != NAME_ASKED && e->waiters == NULL && (best == NULL || e->used < best->used))
			best = e;
	}
	if (best != NULL)
		*best = (struct ups_name){ .state = NAME_FREE };
	return best;
}

static void
take(struct ups_addresses *out, const struct ups_addresses *all, uint16_t port)
{
	*out = *all;
	for (size_t i = 0; i < out->n; i++) {
		if (out->a[i].ss_family == AF_INET6)
			((struct sockaddr_in6 *)&out->a[i])->sin6_port = htons(port);
		else
			((struct sockaddr_in *)&out->a[i])->sin_port = htons(port);
	}
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

/* A waiter's callback may cancel others: always begin at the list's head. */
static void
tell_waiters(struct ups_name *e, int gai_error)
{
	while (e->waiters != NULL) {
		struct ups_name_wait *w = e->waiters;
		struct ups_addresses  all;

		e->waiters = w->next;
		w->name = NULL;
		if (gai_error == 0)
			take(&all, &e->all, w->port);
		w->done(w, gai_error == 0 ? &all : NULL, gai_error);
	}
}

/* The resolver's own trouble, not an answer about the name. */
static bool
no_answer(int gai_error)
{
	return gai_error == EAI_AGAIN || gai_error == EAI_FAIL || gai_error == EAI_SYSTEM || gai_error == EAI_MEMORY;
}

static void
answered(struct net_job *j)
{
	struct name_job	      *x = ALV_HOLDER(j, struct name_job, r.job);
	struct ups_name	      *e = x->name;
	int		       gai_error = x->r.gai_error;

	x->ctx->own->jobs--;
	if (gai_error == 0) {
		e->all.n = x->r.n < UPS_ADDRESSES ? x->r.n : UPS_ADDRESSES;
		memcpy(e->all.a, x->r.addr, e->all.n * sizeof(e->all.a[0]));
		memcpy(e->all.len, x->r.len, e->all.n * sizeof(e->all.len[0]));
	} else if (no_answer(gai_error) && e->all.n > 0) {
		alv_log(ALV_LOG_WARN, "a name is not resolved, its last addresses are used", ALV_KV_Z("host", e->host),
		    ALV_KV_Z("error", gai_strerror(gai_error)));
		gai_error = 0;
	}
	e->state = gai_error == 0 ? NAME_KNOWN : NAME_FREE;
	e->until_us = net_loop_now(x->ctx->net->loop) + x->ctx->conf->dns_cache_ms * 1000ull;
	free(x);
	tell_waiters(e, gai_error);
}

static enum alv_err
ask(struct ups_ctx *c, struct ups_name *e)
{
	struct name_job *x = calloc(1, sizeof(*x));
	enum alv_err	 err;

	if (x == NULL)
		return ALV_E_NOMEM;
	x->ctx = c;
	x->name = e;
	net_resolve_init(&x->r, c->net->loop, e->host, 0, NULL, answered);
	if (c->lookup != NULL)
		x->r.lookup = c->lookup;
	x->r.job.fair_key = alv_hash(e->host, strlen(e->host), 0);
	err = net_jobs_submit(c->resolver, &x->r.job);
	if (err) {
		free(x);
		return err;
	}
	c->own->jobs++;
	e->state = NAME_ASKED;
	return ALV_OK;
}

/* ---- questions ---------------------------------------------------------------------------------------------- */

/* An address needs no resolver. */
static bool
take_literal(const char *host, struct ups_addresses *out)
{
	struct sockaddr_in  *v4 = (struct sockaddr_in *)&out->a[0];
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->a[0];

	*out = (struct ups_addresses){ .n = 1 };
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		out->len[0] = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	out->len[0] = sizeof(*v6);
	return true;
}

enum alv_err
ups_names_get(struct ups_ctx *c, const char *host, uint16_t port, struct ups_name_wait *w, struct ups_addresses *out)
{
	struct ups_names    *n = c->own->names;
	struct ups_name	    *e;
	struct ups_addresses one;
	enum alv_err	     err;

	if (take_literal(host, &one)) {
		take(out, &one, port);
		return ALV_OK;
	}
	e = find(n, host);
	if (e == NULL && (e = spare(n)) == NULL)
		return ALV_E_FULL;
	e->used = ++n->clock;
	if (e->state == NAME_KNOWN && e->until_us > net_loop_now(c->net->loop)) {
		take(out, &e->all, port);
		return ALV_OK;
	}
	if (e->state == NAME_FREE)
		snprintf(e->host, sizeof(e->host), "%s", host);
	if (e->state != NAME_ASKED && (err = ask(c, e)) != ALV_OK)
		return err;
	w->name = e;
	w->port = port;
	w->next = e->waiters;
	e->waiters = w;
	return ALV_E_AGAIN;
}

void
ups_names_cancel(struct ups_name_wait *w)
{
	struct ups_name_wait **at;

	if (w->name == NULL)
		return;
	for (at = &w->name->waiters; *at != NULL && *at != w; at = &(*at)->next)
		;
	if (*at == w)
		*at = w->next;
	w->name = NULL;
}

void
ups_names_forget(struct ups_ctx *c, const char *host)
{
	struct ups_name *e = find(c->own->names, host);

	if (e != NULL)
		e->until_us = 0;
}
