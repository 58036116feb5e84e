/* What the api layer wants done with a request or a response, and the errands it sends us on: resolving topic ids,
 * teaching the catalogue, lists of groups (logins: login.c; changes of state: change.c). An errand holds a pointer to the client: client->away counts them. */
#include <alcove/check.h>
#include <alcove/log.h>

#include <stdlib.h>

#include "proxy/client.h"
#include "proxy/worker.h"

/* ---- errand: topic ids ------------------------------------------------------------------------------ */

/* A request waits before its judgement, or its response before it leaves; both may need ids that nobody here knows. */
struct question {
	struct con_ids	   q;	/* first */
	struct px_client  *client;
	struct px_request *request;
};

/* Else it begins anew, with what was learnt. */
static bool
goes_on(enum api_wait wait)
{
	return wait == API_WAIT_WORK || wait == API_WAIT_TIME || wait == API_WAIT_CHANGE;
}

void
px_judge_resume(struct px_client *c, struct px_request *r)
{
	c->worker->api.now_us = net_loop_now(c->worker->loop);
	if (r != c->current) {
		px_judge_response(r, api_resume(&r->call));
		px_client_flush(c);
		px_up_resume(c);	/* an answer may have waited for this one's place */
	} else if (c->state == PX_SERVING) {
		px_req_move(r, PX_REQ_JUDGING);
		px_judge(c, goes_on(r->call.wait) ? api_resume(&r->call) : api_request(&r->call, &r->body));
	}
	px_client_pump(c);
}

static void
ids_resolved(struct con_ids *q)
{
	struct question	  *x = ALV_HOLDER(q, struct question, q);
	struct px_client  *c = x->client;
	struct px_request *r = x->request;

	for (size_t i = 0; i < q->n; i++) {
		if (!q->failed)
			clu_ids_learn(c->worker->api.ids, q->id[i], alv_str_of(q->name[i]), net_loop_now(c->worker->loop));
		free(q->name[i]);
	}
	free(x);
	/* It is still there: a request whose client waits for an errand is freed with the client, and not before. */
	if (c->state != PX_CLOSED) {
		r->call.ids_asked = true;
		px_judge_resume(c, r);
	}
	px_unaway(c);
}

static bool
ask_for_ids(struct px_client *c, struct px_request *r)
{
	struct question *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return false;
	ALV_CHECK(r->call.nids > 0 && r->call.nids <= ALV_COUNT(x->q.id));
	x->client = c;
	x->request = r;
	x->q.control = c->worker->gateway->control;
	x->q.loop = c->worker->loop;
	x->q.who = alv_hash(c->conn.tenant, strlen(c->conn.tenant), 0);
	x->q.n = r->call.nids;
	memcpy(x->q.id, r->call.ids, r->call.nids * sizeof(x->q.id[0]));
	x->q.done = ids_resolved;
	if (con_resolve_ids(x->q.control, &x->q)) {
		free(x);
		return false;
	}
	c->away++;
	return true;
}

/* ---- errand: teaching the catalogue ----------------------------------------------------------------------- */

struct lesson {
	struct con_learning q;	/* first */
	struct px_client   *client;
	struct px_request  *request;
};

static void
lesson_done(struct con_learning *q)
{
	struct lesson	  *x = ALV_HOLDER(q, struct lesson, q);
	struct px_client  *c = x->client;
	struct px_request *r = x->request;

	for (size_t i = 0; i < q->n; i++)
		free(q->topic[i].name);
	free(x);
	if (c->state != PX_CLOSED)
		px_judge_resume(c, r);
	px_unaway(c);
}

static bool
copy_lesson(struct con_learning *q, const struct api_call *call)
{
	q->n = call->nlearnt < ALV_COUNT(q->topic) ? call->nlearnt : ALV_COUNT(q->topic);
	for (size_t i = 0; i < q->n; i++) {
		q->topic[i].name = strndup(call->learnt[i].name.p, call->learnt[i].name.n);
		if (q->topic[i].name == NULL)
			return false;
		q->topic[i].id = call->learnt[i].id;
		q->topic[i].partitions = call->learnt[i].partitions;
		q->topic[i].deleted = call->learnt[i].deleted;
	}
	return true;
}

static bool
teach(struct px_request *r)
{
	struct px_client *c = r->client;
	struct lesson	 *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return false;
	x->client = c;
	x->request = r;
	x->q.control = c->worker->gateway->control;
	x->q.loop = c->worker->loop;
	x->q.done = lesson_done;
	if (!copy_lesson(&x->q, &r->call) || con_learn(x->q.control, &x->q)) {
		for (size_t i = 0; i < x->q.n; i++)
			free(x->q.topic[i].name);
		free(x);
		return false;
	}
	c->away++;
	return true;
}

/* ---- errand: a broker's groups ------------------------------------------------------------------------------- */

struct listing {
	struct con_groups  q;	/* first */
	struct px_client  *client;
	struct px_request *request;
};

static void
groups_listed(struct con_groups *q)
{
	struct listing	  *x = ALV_HOLDER(q, struct listing, q);
	struct px_client  *c = x->client;
	struct px_request *r = x->request;

	free(x);
	if (c->state != PX_CLOSED) {
		r->call.groups_asked = true;
		px_judge_resume(c, r);
	}
	px_unaway(c);
}

static bool
ask_for_groups(struct px_client *c, struct px_request *r)
{
	struct listing *x = px_up_choose(c) ? calloc(1, sizeof(*x)) : NULL;

	if (x == NULL)
		return false;
	x->client = c;
	x->request = r;
	x->q.loop = c->worker->loop;
	x->q.node = c->conn.broker;
	x->q.since_us = r->call.groups_since_us;
	x->q.done = groups_listed;
	if (con_list_groups(c->worker->gateway->control, &x->q)) {
		free(x);
		return false;
	}
	c->away++;
	return true;
}

/* ---- topics to be created -------------------------------------------------------------------------------- */

/* Nobody waits for it: the client asks again until the topic is there. */
static void
create_topics(struct px_request *r)
{
	struct px_client    *c = r->client;
	struct con_creation *x = calloc(1, sizeof(*x) + r->call.ncreate * sizeof(x->topic[0]));

	if (x == NULL)
		return;
	x->who = alv_hash(c->conn.tenant, strlen(c->conn.tenant), 0);
	for (size_t i = 0; i < r->call.ncreate; i++) {
		const struct api_create *a = &r->call.create[i];

		if (a->name.n >= sizeof(x->topic[0].name))
			continue;
		memcpy(x->topic[x->n].name, a->name.p, a->name.n);
		x->topic[x->n].partitions = a->partitions;
		x->topic[x->n++].replication_factor = a->replication_factor;
	}
	r->call.ncreate = 0;
	if (con_create_topics(c->worker->gateway->control, x))
		free(x);
}

/* ---- judgements ---------------------------------------------------------------------------------------------- */

static void
log_fault(const struct px_client *c, const struct api_call *call, const char *who)
{
	const struct kfk_fault *f = call->fault;

	if (f == NULL)
		return;
	alv_log(ALV_LOG_WARN, "malformed message", ALV_KV_Z("from", who), ALV_KV_Z("tenant", c->conn.tenant),
	    ALV_KV_Z("user", c->conn.user), ALV_KV_Z("peer", c->conn.host), ALV_KV_Z("message", f->message),
	    ALV_KV_I("version", f->version), ALV_KV_Z("field", f->field), ALV_KV_I("offset", f->at),
	    ALV_KV_Z("found", alv_err_text(f->err)));
}

static void
park(struct px_client *c, struct px_request *r)
{
	bool sent = false;

	px_req_move(r, PX_REQ_PARKED);
	if (r->call.wait == API_WAIT_IDS)
		sent = !r->call.ids_asked && ask_for_ids(c, r);
	else if (r->call.wait == API_WAIT_WORK)
		sent = px_login_send(c);
	else if (r->call.wait == API_WAIT_TIME) {
		px_inflight_weigh(&c->inflight, r);	/* what there is of a long answer */
		sent = px_late_wait(c, r->call.due_us);
	}
	else if (r->call.wait == API_WAIT_GROUPS)
		sent = !r->call.groups_asked && ask_for_groups(c, r);
	else if (r->call.wait == API_WAIT_CHANGE)
		sent = px_change_send(c, r);
	if (sent)
		return;
	if (r->call.wait == API_WAIT_CHANGE) {	/* the client is told */
		px_req_move(r, PX_REQ_JUDGING);
		px_judge(c, api_resume(&r->call));
		return;
	}
	if ((r->call.wait == API_WAIT_IDS && !r->call.ids_asked) || (r->call.wait == API_WAIT_GROUPS && !r->call.groups_asked)) {
		/* Nobody can be asked: judged with what is known, which means unknown, which clients retry. */
		r->call.ids_asked = r->call.wait == API_WAIT_IDS;
		r->call.groups_asked = r->call.wait == API_WAIT_GROUPS;
		px_req_move(r, PX_REQ_JUDGING);
		px_judge(c, api_request(&r->call, &r->body));
		return;
	}
	c->words = "too much to do at once";
	px_client_end(c, MET_CLOSE_INTERNAL);
}

static void
answered(struct px_client *c, struct px_request *r)
{
	px_req_move(r, PX_REQ_DONE);
	alv_chain_clear(&r->body);
	alv_chain_pack(&r->call.out);
	px_inflight_weigh(&c->inflight, r);
	if (c->current == r)
		c->current = NULL;
	px_client_flush(c);
}

void
px_judge(struct px_client *c, enum api_result result)
{
	struct px_request *r = c->current;

	switch (result) {
	case API_ANSWER:
		answered(c, r);
		break;
	case API_FORWARD:
		px_req_move(r, PX_REQ_READY);
		if (r->call.no_response)
			px_inflight_remove(&c->inflight, r);
		else
			px_inflight_weigh(&c->inflight, r);
		px_up_send(c);
		break;
	case API_WAIT:
		park(c, r);
		break;
	case API_MORE:		/* of responses only */
	case API_CLOSE:
		log_fault(c, &r->call, "client");
		c->words = r->call.words;
		px_client_end(c, r->call.close);
		break;
	}
}

/* Sends the errand that a response waits for. False: it cannot be sent, or was already. */
static bool
park_response(struct px_request *r)
{
	px_req_move(r, PX_REQ_PARKED);
	if (r->call.wait == API_WAIT_LEARN)
		return teach(r);	/* if not: the catalogue finds out by itself within metadata.refresh.ms */
	return r->call.wait == API_WAIT_IDS && !r->call.ids_asked && ask_for_ids(r->client, r);
}

void
px_judge_response(struct px_request *r, enum api_result result)
{
	struct px_client *c = r->client;

	if (result == API_WAIT && r->state == PX_REQ_SENT) {
		if (park_response(r))
			return;
		r->call.ids_asked = true;
		result = api_resume(&r->call);
	}
	/* It was away for ids already: the catalogue finds out by itself. */
	if (result == API_WAIT && r->call.wait == API_WAIT_LEARN)
		result = api_resume(&r->call);
	if (result == API_ANSWER) {
		if (r->call.ncreate > 0)
			create_topics(r);
		px_req_move(r, PX_REQ_DONE);
		alv_chain_pack(&r->call.out);
		px_inflight_weigh(&c->inflight, r);
		return;
	}
	log_fault(c, &r->call, "broker");
	px_client_close(c, result == API_CLOSE ? r->call.close : MET_CLOSE_INTERNAL, true);
}
