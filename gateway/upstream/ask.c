/* One broker's connection for the gateway's own questions.
 *
 *   NONE --ups_ask--> OPENING --on_ready--> READY --failure, deadline--> CLOSING --on_closed--> NONE
 *
 * Invariants: the queue holds sent questions first, in the order of their correlation ids, then those not yet sent;
 * an answer belongs to its head or the connection is closed. A question leaves the queue before its done runs, so done may
 * ask again or end the asker. An asker is freed only from its own `later`, when no link is left. */
#include "upstream/ask.h"

#include <alcove/check.h>
#include <alcove/meter.h>
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>

#include "upstream/link_state.h"
#include "upstream/message.h"

enum state { NONE, OPENING, READY, CLOSING };

struct ups_asker {
	struct ups_ctx	    *ctx;
	char		     host[256];
	uint16_t	     port;
	enum state	     state;
	struct ups_link	     link;
	struct ups_question *head, **last;	/* unanswered */
	struct ups_question *failed, **failed_last;	/* to be told */
	size_t		     n;
	int32_t		     correlation_id;
	struct net_timer     timer;	/* the earliest deadline */
	struct net_later     later;
	bool		     ending;
	size_t		    *alive;
	uint64_t	     renew_at_us;	/* of this connection's SASL session; 0: never */
	char		     words[512];	/* of the last failure */
};

static void run_later(struct net_later *x);
static void deadline(struct net_timer *t);

struct ups_asker *
ups_asker_new(struct ups_ctx *c, struct alv_str host, uint16_t port, size_t *alive)
{
	struct ups_asker *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	ALV_CHECK(host.n < sizeof(a->host));
	a->ctx = c;
	memcpy(a->host, host.p, host.n);
	a->port = port;
	a->last = &a->head;
	a->failed_last = &a->failed;
	a->later.fn = run_later;
	a->alive = alive;
	net_timer_init(c->net->loop, &a->timer, deadline);
	++*alive;
	return a;
}

bool
ups_asker_is(const struct ups_asker *a, struct alv_str host, uint16_t port)
{
	return a->port == port && alv_str_eqz(host, a->host);
}

static void
wake(struct ups_asker *a)
{
	net_later(a->ctx->net->loop, &a->later);
}

static void
set_timer(struct ups_asker *a)
{
	uint64_t first = UINT64_MAX;

	for (struct ups_question *q = a->head; q != NULL; q = q->next) {
		if (q->deadline_us < first)
			first = q->deadline_us;
	}
	if (first == UINT64_MAX)
		net_timer_stop(&a->timer);
	else if (!a->timer.armed || a->timer.at_us != first)
		net_timer_set(&a->timer, first);
}

static struct ups_question *
pop(struct ups_asker *a)
{
	struct ups_question *q = a->head;

	a->head = q->next;
	if (a->head == NULL)
		a->last = &a->head;
	a->n--;
	return q;
}

static void
add_failed(struct ups_asker *a, struct ups_question *q, enum alv_err err)
{
	alv_chain_clear(&q->frame);
	q->err = err;
	q->next = NULL;
	*a->failed_last = q;
	a->failed_last = &q->next;
	wake(a);
}

static void
fail_all(struct ups_asker *a, enum alv_err err)
{
	while (a->head != NULL)
		add_failed(a, pop(a), err);
	net_timer_stop(&a->timer);
}

/* ---- the link's events --------------------------------------------------------------------------- */

static void
send_waiting(struct ups_asker *a)
{
	for (struct ups_question *q = a->head; q != NULL; q = q->next) {
		if (q->sent)
			continue;
		q->sent = true;
		net_stream_send(&a->link.stream, &q->frame);
	}
}

static void
on_ready(struct ups_link *l)
{
	struct ups_asker *a = l->owner;

	a->state = READY;
	a->renew_at_us = l->reauth_at_us;
	send_waiting(a);
}

/* One answer. False: nothing more to read now. */
static bool
take_answer(struct ups_asker *a)
{
	struct ups_question *q = a->head;
	struct alv_chain     frame;
	enum alv_err	     err;

	alv_chain_init(&frame, a->ctx->net->pool);
	err = ups_msg_take(&a->link.stream, UPS_ANSWER_MAX, &frame);
	if (err == ALV_E_MORE)
		return false;
	if (q != NULL)
		met_own_answered(q->key, frame.n + 4);
	if (!err && (q == NULL || !q->sent))
		err = ALV_E_VALUE;
	if (!err)
		err = ups_msg_body(&frame, q->key, q->version, q->correlation_id);
	if (err) {
		ups_link_fail(&a->link, UPS_END_MALFORMED, "%s port %u: a malformed answer: %s", a->host, (unsigned)a->port,
		    err == ALV_E_VALUE ? "not to our question" : alv_err_text(err));
	} else {
		(void)pop(a);
		set_timer(a);
		q->done(q, ALV_OK, "", &frame);
	}
	alv_chain_clear(&frame);
	return !err;
}

static void
on_data(struct ups_link *l)
{
	struct ups_asker *a = l->owner;

	while (l->ready && take_answer(a))
		;
}

static void
on_closed(struct ups_link *l, enum ups_end why, const char *words)
{
	static const enum alv_err errors[] = {
		[UPS_END_CONNECT] = ALV_E_UNAVAILABLE,
		[UPS_END_TLS] = ALV_E_TLS,
		[UPS_END_AUTH] = ALV_E_AUTH,
		[UPS_END_EOF] = ALV_E_CLOSED,
		[UPS_END_MALFORMED] = ALV_E_SYNTAX,
		[UPS_END_TIMEOUT] = ALV_E_TIMEOUT,
		[UPS_END_OURS] = ALV_E_CLOSED,
	};
	struct ups_asker *a = l->owner;

	a->state = NONE;
	ups_link_fini(l);
	snprintf(a->words, sizeof(a->words), "%s", words);
	if (why == UPS_END_OURS && !a->ending)
		wake(a);	/* only renewed: what was asked meanwhile goes on */
	else
		fail_all(a, errors[why]);
	wake(a);
}

static const struct ups_link_ops link_ops = { .on_ready = on_ready, .on_data = on_data, .on_closed = on_closed };

static void
deadline(struct net_timer *t)
{
	struct ups_asker *a = ALV_HOLDER(t, struct ups_asker, timer);

	if (a->state == NONE || a->state == CLOSING)
		return;
	a->state = CLOSING;
	ups_link_fail(&a->link, UPS_END_TIMEOUT, "%s port %u: no answer in time", a->host, (unsigned)a->port);
}

static void
open_link(struct ups_asker *a)
{
	enum alv_err err = ups_link_open(&a->link, a->ctx, a->host, a->port, &link_ops, a);

	if (!err) {
		a->state = OPENING;
		set_timer(a);
		return;
	}
	ups_link_fini(&a->link);
	snprintf(a->words, sizeof(a->words), "%s port %u: %s", a->host, (unsigned)a->port, alv_err_text(err));
	fail_all(a, err);
}

/* ---- asking ---------------------------------------------------------------------------------------- */

static void
tell_failed(struct ups_asker *a)
{
	while (a->failed != NULL) {
		struct ups_question *q = a->failed;

		a->failed = q->next;
		if (a->failed == NULL)
			a->failed_last = &a->failed;
		q->done(q, q->err, a->words, NULL);
	}
}

static void
run_later(struct net_later *x)
{
	struct ups_asker *a = ALV_HOLDER(x, struct ups_asker, later);

	tell_failed(a);
	if (a->ending && a->state == NONE && a->head == NULL && a->failed == NULL) {
		net_timer_stop(&a->timer);
		net_later_cancel(a->ctx->net->loop, &a->later);
		--*a->alive;
		free(a);
		return;
	}
	if (a->state == NONE && a->head != NULL)
		open_link(a);
}

/* A SASL session that is about to end is renewed by a new connection while nothing is under way. */
static void
renew(struct ups_asker *a)
{
	uint64_t now = net_loop_now(a->ctx->net->loop);

	if (a->state != READY || a->head != NULL || a->renew_at_us == 0 || now < a->renew_at_us)
		return;
	a->state = CLOSING;
	ups_link_close(&a->link);
}

void
ups_asker_renew_at(struct ups_asker *a, uint64_t at_us)
{
	a->renew_at_us = at_us;
}

void
ups_ask(struct ups_asker *a, struct ups_question *q, const struct kfk_tree *message, uint32_t timeout_ms)
{
	enum alv_err err;

	renew(a);
	q->key = message->schema->key;
	q->version = message->version;
	q->correlation_id = ++a->correlation_id & INT32_MAX;
	q->sent = false;
	q->next = NULL;
	q->deadline_us = net_loop_now(a->ctx->net->loop) + timeout_ms * 1000ull;
	alv_chain_init(&q->frame, a->ctx->net->pool);
	err = ups_msg_encode(message, q->correlation_id, &q->frame);
	if (err || a->ending || a->n >= UPS_ASK_MAX) {
		snprintf(a->words, sizeof(a->words), "%s port %u: the question cannot be sent", a->host, (unsigned)a->port);
		add_failed(a, q, err ? err : a->ending ? ALV_E_CLOSED : ALV_E_FULL);
		return;
	}
	*a->last = q;
	a->last = &q->next;
	a->n++;
	set_timer(a);
	if (a->state == READY)
		send_waiting(a);
	else if (a->state == NONE)
		wake(a);
}

static void
forget_all(struct ups_asker *a)
{
	while (a->head != NULL)
		alv_chain_clear(&pop(a)->frame);
	a->failed = NULL;
	a->failed_last = &a->failed;
	net_timer_stop(&a->timer);
}

void
ups_asker_end(struct ups_asker *a, bool silent)
{
	if (a == NULL)
		return;
	a->ending = true;
	if (silent)
		forget_all(a);
	else
		fail_all(a, ALV_E_CLOSED);
	if (a->state == OPENING || a->state == READY) {
		a->state = CLOSING;
		ups_link_close(&a->link);
	}
	wake(a);
}
