/* Answers that wait for a time: those to logins where logins had failed before. A timer holds them, and nothing else: no worker, no
 * thread of the crypto pool. Their connections count among those that have not proved who they are, and where these are too many
 * they are closed like any other that has had its time: so this is no errand, and client->away does not count it. */
#include "proxy/client.h"
#include "proxy/worker.h"

#include <stdlib.h>

struct px_late {
	struct net_timer  timer;
	struct px_client *client;
};

static void
due(struct net_timer *t)
{
	struct px_late	 *l = ALV_HOLDER(t, struct px_late, timer);
	struct px_client *c = l->client;

	px_late_drop(c);
	px_judge_resume(c, c->current);
}

bool
px_late_wait(struct px_client *c, uint64_t due_us)
{
	struct px_late *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return false;
	l->client = c;
	net_timer_init(c->worker->loop, &l->timer, due);
	net_timer_set(&l->timer, due_us);
	c->late = l;
	return true;
}

void
px_late_drop(struct px_client *c)
{
	if (c->late == NULL)
		return;
	net_timer_stop(&c->late->timer);
	free(c->late);
	c->late = NULL;
}
