/* Purges: a deleted tenant's topics and groups are deleted on the cluster until a scan finds nothing with its prefix;
 * only then its rows go and the id is free. A purge outlives restarts (tenant.purging in the store) and every failure:
 * it waits and tries again. Transactional ids cannot be deleted; they go when the brokers let them expire. */
#include <alcove/log.h>
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>

#include "control/control_int.h"

enum { WAIT_MIN_MS = 1000, WAIT_MAX_MS = 300 * 1000 };

static struct alv_str
prefix_of(const struct con_purge *p, char out[static TEN_ID_MAX + 2])
{
	snprintf(out, TEN_ID_MAX + 2, "%s.", p->id);
	return alv_str_of(out);
}

static void
drop(struct con_purge *p)
{
	struct con_purge **at = &p->control->purges;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	net_timer_stop(&p->timer);
	free(p);
}

static void
put_off(struct con_purge *p, const char *why)
{
	if (p->control->stopping)
		return;
	alv_log(ALV_LOG_INFO, "a purge goes on later", ALV_KV_Z("tenant", p->id), ALV_KV_Z("because", why),
	    ALV_KV_I("wait_ms", p->wait_ms));
	net_timer_set(&p->timer, net_loop_now(p->control->loop) + (uint64_t)p->wait_ms * 1000);
	p->wait_ms = p->wait_ms > WAIT_MAX_MS / 2 ? WAIT_MAX_MS : p->wait_ms * 2;
}

static void
scanned(void *arg, enum alv_err err, const struct ups_found *found)
{
	struct con_purge   *p = arg;
	struct con_control *k = p->control;
	char		    left[160];

	if (err || k->stopping) {
		put_off(p, alv_err_text(err));
		return;
	}
	if (found->n > 0) {
		snprintf(left, sizeof(left), "%s %.100s is still there", con_kind_name(found->kind[0]), found->name[0]);
		put_off(p, left);
		return;
	}
	err = con_purged(&k->core, alv_str_of(p->id));
	if (err) {
		put_off(p, err == ALV_E_STORE ? sto_words(k->core.store) : alv_err_text(err));
		return;
	}
	alv_log(ALV_LOG_INFO, "a purge is complete", ALV_KV_Z("tenant", p->id));
	drop(p);
}

static void
purged(void *arg, enum alv_err err, const char *words)
{
	struct con_purge   *p = arg;
	struct con_control *k = p->control;
	char		    prefix[TEN_ID_MAX + 2];

	if (err || k->stopping)
		put_off(p, words == NULL || words[0] == '\0' ? alv_err_text(err) : words);
	else
		ups_scan_prefix(k->follower, prefix_of(p, prefix), scanned, p);
}

static void
go_on(struct net_timer *t)
{
	struct con_purge   *p = ALV_HOLDER(t, struct con_purge, timer);
	struct con_control *k = p->control;
	char		    prefix[TEN_ID_MAX + 2];

	if (k->stopping)
		return;		/* the follower is going */
	if (!ups_reachable(k->follower))
		put_off(p, "the cluster is not reached");
	else
		ups_purge_prefix(k->follower, prefix_of(p, prefix), purged, p);
}

void
con_purge_start(struct con_control *k, const char *id)
{
	struct con_purge *p;

	for (p = k->purges; p != NULL; p = p->next)
		if (strcmp(p->id, id) == 0)
			return;
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		alv_log(ALV_LOG_ERROR, "no memory to purge; it is done after a restart", ALV_KV_Z("tenant", id));
		return;
	}
	p->control = k;
	p->wait_ms = WAIT_MIN_MS;
	snprintf(p->id, sizeof(p->id), "%s", id);
	net_timer_init(k->loop, &p->timer, go_on);
	net_timer_set(&p->timer, net_loop_now(k->loop));
	p->next = k->purges;
	k->purges = p;
}

void
con_purge_resume(struct con_control *k)
{
	struct sto_tenant t = { .id = "" };

	while (sto_tenant_next(k->core.store, alv_str_of(t.id), &t) == ALV_OK)
		if (t.state == POL_DELETED && t.purging)
			con_purge_start(k, t.id);
}

/* The follower has answered all by now. */
void
con_purge_end(struct con_control *k)
{
	struct con_purge *p;

	while ((p = k->purges) != NULL) {
		k->purges = p->next;
		net_timer_stop(&p->timer);
		free(p);
	}
}
