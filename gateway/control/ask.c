/* Questions of workers. The mail that brought the question takes the answer back, so answering needs no memory. */
#include <alcove/str.h>

#include <stdlib.h>

#include "control/control_int.h"
#include "upstream/groups.h"

/* ---- topic ids ----------------------------------------------------------------------------------------------- */

struct ids_mail {
	struct net_mail mail;	/* first */
	struct con_ids *q;
};

static void
ids_back(struct net_loop *l, struct net_mail *m)
{
	struct con_ids *q = ((struct ids_mail *)m)->q;

	(void)l;
	free(m);
	q->done(q);
}

static void
ids_answered(void *arg, enum alv_err err, size_t n, const struct alv_uuid *id, char **names)
{
	struct ids_mail *m = arg;
	struct con_ids	*q = m->q;

	q->failed = err != ALV_OK;
	for (size_t i = 0; names != NULL && i < n; i++) {
		if (q->failed || i >= q->n || !alv_uuid_eq(id[i], q->id[i]))
			free(names[i]);
		else
			q->name[i] = names[i];
	}
	m->mail.fn = ids_back;
	net_mail_must(q->loop, &m->mail);
}

static void
ids_arrived(struct net_loop *l, struct net_mail *mail)
{
	struct ids_mail	   *m = (struct ids_mail *)mail;
	struct con_control *k = m->q->control;

	(void)l;
	memset(m->q->name, 0, sizeof(m->q->name));
	if (k->stopping || m->q->n > UPS_IDS_MAX)
		ids_answered(m, ALV_E_UNAVAILABLE, 0, NULL, NULL);
	else
		ups_resolve_ids(k->follower, m->q->who, m->q->n, m->q->id, ids_answered, m);
}

enum alv_err
con_resolve_ids(struct con_control *k, struct con_ids *q)
{
	struct ids_mail *m = calloc(1, sizeof(*m));
	enum alv_err	 err;

	if (m == NULL)
		return ALV_E_NOMEM;
	q->control = k;
	m->mail.fn = ids_arrived;
	m->q = q;
	err = net_mail_send(k->loop, &m->mail);
	if (err)
		free(m);
	return err;
}

/* ---- what passed through workers --------------------------------------------------------------------------------- */

struct lesson_mail {
	struct net_mail	     mail;	/* first */
	struct con_learning *q;
};

static void
lesson_back(struct net_loop *l, struct net_mail *m)
{
	struct con_learning *q = ((struct lesson_mail *)m)->q;

	(void)l;
	free(m);
	q->done(q);
}

static void
lesson_arrived(struct net_loop *l, struct net_mail *mail)
{
	struct lesson_mail  *m = (struct lesson_mail *)mail;
	struct con_learning *q = m->q;
	struct con_control  *k = q->control;

	(void)l;
	for (size_t i = 0; !k->stopping && i < q->n && i < ALV_COUNT(q->topic); i++)
		ups_learn(k->follower, alv_str_of(q->topic[i].name), q->topic[i].id, q->topic[i].partitions, q->topic[i].deleted);
	if (!k->stopping)
		ups_publish(k->follower);
	m->mail.fn = lesson_back;
	net_mail_must(q->loop, &m->mail);
}

enum alv_err
con_learn(struct con_control *k, struct con_learning *q)
{
	struct lesson_mail *m = calloc(1, sizeof(*m));
	enum alv_err	    err;

	if (m == NULL)
		return ALV_E_NOMEM;
	q->control = k;
	m->mail.fn = lesson_arrived;
	m->q = q;
	err = net_mail_send(k->loop, &m->mail);
	if (err)
		free(m);
	return err;
}

/* ---- topics to be created -------------------------------------------------------------------------------------------- */

struct creation_mail {
	struct net_mail	     mail;	/* first */
	struct con_creation *q;
};

static void
creation_arrived(struct net_loop *l, struct net_mail *mail)
{
	struct creation_mail *m = (struct creation_mail *)mail;
	struct con_creation  *q = m->q;

	(void)l;
	for (size_t i = 0; !q->control->stopping && i < q->n; i++)
		ups_create_topic(q->control->follower, q->who, alv_str_of(q->topic[i].name), q->topic[i].partitions,
		    q->topic[i].replication_factor);
	free(q);
	free(m);
}

enum alv_err
con_create_topics(struct con_control *k, struct con_creation *q)
{
	struct creation_mail *m = calloc(1, sizeof(*m));
	enum alv_err	      err;

	if (m == NULL)
		return ALV_E_NOMEM;
	q->control = k;
	m->mail.fn = creation_arrived;
	m->q = q;
	err = net_mail_send(k->loop, &m->mail);
	if (err)
		free(m);
	return err;
}

/* ---- groups -------------------------------------------------------------------------------------------------------- */

struct groups_mail {
	struct net_mail	       mail;	/* first */
	struct ups_groups_call call;
	struct con_groups     *q;
};

static void
groups_back(struct net_loop *l, struct net_mail *m)
{
	struct con_groups *q = ((struct groups_mail *)m)->q;

	(void)l;
	free(m);
	q->done(q);
}

static void
groups_listed(struct ups_groups_call *c, bool listed)
{
	struct groups_mail *m = ALV_HOLDER(c, struct groups_mail, call);

	m->q->failed = !listed;
	m->mail.fn = groups_back;
	net_mail_must(m->q->loop, &m->mail);
}

static void
groups_arrived(struct net_loop *l, struct net_mail *mail)
{
	struct groups_mail *m = (struct groups_mail *)mail;
	struct con_control *k = m->q->control;

	(void)l;
	m->call.since_us = m->q->since_us;
	m->call.done = groups_listed;
	if (k->stopping)
		groups_listed(&m->call, false);
	else
		ups_list_groups(k->follower, m->q->node, &m->call);
}

enum alv_err
con_list_groups(struct con_control *k, struct con_groups *q)
{
	struct groups_mail *m = calloc(1, sizeof(*m));
	enum alv_err	    err;

	if (m == NULL)
		return ALV_E_NOMEM;
	q->control = k;
	m->mail.fn = groups_arrived;
	m->q = q;
	err = net_mail_send(k->loop, &m->mail);
	if (err)
		free(m);
	return err;
}
