/* A login's work off the loop: PBKDF2, signatures. It holds a pointer to the client, and client->away counts it.
 *
 *   park --> crypto pool --> login_done --> api_resume
 *                 ^              `--the key of a token may come yet--> the fetcher asks --> on_keys, keys_came --.
 *                 `----------------------------------------------------------------------------------------------' */
#include <alcove/check.h>

#include <stdlib.h>

#include "proxy/client.h"
#include "proxy/worker.h"

struct login_job {
	struct net_job	  job;	/* first */
	struct px_client *client;
};

struct key_wait {
	struct net_mail	  mail;	/* first */
	struct aut_wait	  wait;
	struct net_loop	 *loop;
	struct px_client *client;
};

/* On the client's thread again. */
static void
keys_came(struct net_loop *l, struct net_mail *m)
{
	struct key_wait	 *k = ALV_HOLDER(m, struct key_wait, mail);
	struct px_client *c = k->client;

	(void)l;
	free(k);
	if (c->state == PX_SERVING && !px_login_send(c)) {
		c->words = "too much to do at once";
		px_client_end(c, MET_CLOSE_INTERNAL);
	}
	px_unaway(c);
}

/* On any thread. */
static void
on_keys(struct aut_wait *w)
{
	struct key_wait *k = ALV_HOLDER(w, struct key_wait, wait);

	net_mail_must(k->loop, &k->mail);
}

static bool
wait_for_keys(struct px_client *c)
{
	struct key_wait *k = aut_server_lacks(c->conn.sasl) ? calloc(1, sizeof(*k)) : NULL;

	if (k == NULL)
		return false;
	*k = (struct key_wait){ .wait.done = on_keys, .mail.fn = keys_came, .loop = c->worker->loop, .client = c };
	c->away++;
	if (aut_server_waits(c->conn.sasl, &k->wait))
		return true;
	c->away--;
	free(k);
	return false;
}

static void
login_work(struct net_job *j)
{
	struct login_job *l = ALV_HOLDER(j, struct login_job, job);

	/* The client waits for us: nobody else touches its exchange meanwhile, and it is not freed. */
	aut_server_work(l->client->conn.sasl);
}

static void
login_done(struct net_job *j)
{
	struct login_job *l = ALV_HOLDER(j, struct login_job, job);
	struct px_client *c = l->client;

	free(l);
	if (c->state == PX_SERVING && !wait_for_keys(c))
		px_judge_resume(c, c->current);
	px_unaway(c);
}

bool
px_login_send(struct px_client *c)
{
	struct login_job *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return false;
	l->job.loop = c->worker->loop;
	api_login_share(&c->conn, &l->job.fair_key, &l->job.part_key);
	l->job.work = login_work;
	l->job.done = login_done;
	l->client = c;
	if (net_jobs_submit(c->worker->gateway->crypto, &l->job)) {
		free(l);
		return false;
	}
	c->away++;
	return true;
}
