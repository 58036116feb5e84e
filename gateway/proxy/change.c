/* The errand of a request that changes its tenant's state: to the control thread and back.
 *
 *   px_change_send --con_submit--> applied and published --done--> mail --> back --> api_resume
 *
 * Invariants: from px_change_send until `back` the change and what it points to are the control thread's; the client is not
 * freed meanwhile (client->away), and with it neither is the request. Who left misses the answer, not the change. Whether the client
 * itself may go on after it is asked behind the answer. */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/client.h"
#include "proxy/worker.h"

struct errand {
	struct net_mail	   mail;	/* first */
	struct net_loop	  *loop;
	struct px_client  *client;
	struct px_request *request;
};

static void
back(struct net_loop *l, struct net_mail *m)
{
	struct errand	  *e = (struct errand *)m;
	struct px_client  *c = e->client;
	struct px_request *r = e->request;

	(void)l;
	free(e);
	if (c->state != PX_CLOSED)
		px_judge_resume(c, r);
	px_client_check(c);
	px_unaway(c);
}

/* On the control thread. */
static void
done(struct con_change *ch)
{
	struct errand *e = ch->arg;

	net_mail_must(e->loop, &e->mail);
}

bool
px_change_send(struct px_client *c, struct px_request *r)
{
	struct con_change *ch = r->call.change;
	struct errand	  *e = calloc(1, sizeof(*e));
	enum alv_err	   err = ALV_E_NOMEM;

	if (e != NULL) {
		*e = (struct errand){ .mail.fn = back, .loop = c->worker->loop, .client = c, .request = r };
		ch->done = done;
		ch->arg = e;
		err = con_submit(c->worker->gateway->control, ch);
	}
	if (!err) {	/* ch->err is the control thread's by now */
		c->away++;
		return true;
	}
	ch->err = err;
	snprintf(ch->detail, sizeof(ch->detail), "too many changes are waiting already");
	free(e);
	return false;
}
