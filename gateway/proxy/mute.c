/* A client that is over a limit is not read for as long as it was told to wait (api/quota.c says how long). Nobody else waits: it is
 * one timer of the loop, and what is owed is the cells' business, so a timer that is late costs nothing.
 * Invariants: while conn.quota.muted_until_us is not 0 no frame is taken, `unmute` is armed or the step at hand still comes by
 * px_client_pump; standing still then is not the sender's doing, so neither its pace nor its idleness counts; who leaves is served
 * to the end as everybody is. */
#include <alcove/clock.h>

#include "proxy/client.h"
#include "proxy/worker.h"

void
px_mute(struct px_client *c)
{
	uint64_t until = c->conn.quota.muted_until_us;

	if (c->leave != PX_STAYS) {
		px_unmute(c);
		return;
	}
	c->frame_begun_us = 0;
	c->in_pace.at_us = 0;
	c->stream.in_max = 0;
	if (!c->unmute.armed || c->unmute.at_us != until)
		net_timer_set(&c->unmute, until);
}

void
px_unmute(struct px_client *c)
{
	if (c->conn.quota.muted_until_us == 0)
		return;
	c->conn.quota.muted_until_us = 0;
	c->unmuted_us = net_loop_now(c->worker->loop);
	net_timer_stop(&c->unmute);
	if (c->state == PX_SERVING && c->hold.in.wait == NULL && !c->hold.in_own)
		c->stream.in_max = px_client_in_max(c);
}

/* ---- the worker's time ------------------------------------------------------------------------- */

uint64_t
px_work_begins(const struct px_client *c)
{
	return api_conn_timed(&c->conn) ? alv_mono_us() : 0;
}

void
px_work_ends(struct px_client *c, uint64_t begun_us)
{
	if (begun_us != 0)
		c->conn.quota.worked_us += alv_mono_us() - begun_us;
}

void
px_work_watch(struct px_client *c)
{
	uint64_t *to = api_conn_timed(&c->conn) ? &c->conn.quota.worked_us : NULL;

	c->stream.worked_us = to;
	if (c->up_state == PX_UP_READY)
		c->up.stream.worked_us = to;
}

/* ---- the end of a wait --------------------------------------------------------------------------- */

void
px_unmuted(struct net_timer *t)
{
	struct px_client *c = ALV_HOLDER(t, struct px_client, unmute);
	uint64_t	  begun = px_work_begins(c);

	/* An answer may have moved it on a moment ago. */
	if (c->conn.quota.muted_until_us <= net_loop_now(c->worker->loop))
		px_unmute(c);
	px_client_pump(c);
	px_work_ends(c, begun);
}
