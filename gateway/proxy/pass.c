/* Answers that go on to the client while they come from the broker. Only large ones: a small one is here at once, and
 * whole it can be rewritten without a trace.
 *
 *   px_pass_begin: the frame's head is here, and it is this request's turn   c->passing = request
 *   px_pass_part:  what has come goes through api_stream and on its way      until c->passing_left is 0
 *
 * Invariants: the request that passes is the oldest in flight, SENT, so that nobody's bytes come between its own; while
 * the client does not read, nothing is fed, so that a connection never keeps more than the stream's high water and one
 * read, and of that no more than it found room for (hold.h); a frame that went wrong is never completed: the connection ends inside it. */
#include "proxy/client.h"
#include "proxy/worker.h"

enum {
	PASS_FROM = 64 * 1024,		/* smaller frames are gathered */
	PASS_HEAD = 256			/* a response header that does not end within so much is none */
};

bool
px_pass_suits(const struct px_request *r, uint32_t size)
{
	return api_streams(&r->call) && size > PASS_FROM;
}

bool
px_pass_begin(struct px_client *c, struct px_request *r, uint32_t size)
{
	struct net_stream *s = &c->up.stream;
	size_t		   head;

	c->pass_waits = r != c->inflight.head;
	if (c->pass_waits || s->in.n < 4 + PASS_HEAD)
		return false;
	alv_chain_drop(&s->in, 4);
	if (!px_up_header(c, r, &s->in, &head))
		return false;
	alv_chain_drop(&s->in, head);
	c->passing = r;
	c->passing_left = r->pass_n = size - head;
	met_answered(c->worker->api.meter, r->call.up_key, size + (uint64_t)4);
	return true;
}

static void
done(struct px_client *c, struct px_request *r)
{
	c->passing = NULL;
	px_hold_taken(&c->hold.up);
	met_streamed(c->worker->api.meter);
	px_judge_response(r, API_ANSWER);
	px_client_flush(c);
}

bool
px_pass_part(struct px_client *c)
{
	struct net_stream *s = &c->up.stream;
	struct px_request *r = c->passing;
	size_t		   n = s->in.n < c->passing_left ? s->in.n : c->passing_left;
	struct alv_chain   in;
	enum api_result	   result;

	if (n == 0) {
		s->in_max = px_hold_window(c, c->passing_left < PX_PASS_IN_BYTES ? PASS_FROM : PX_PASS_IN_BYTES);
		return false;
	}
	alv_chain_init(&in, c->worker->pool);
	alv_chain_cut(&in, &s->in, n);
	c->passing_left -= n;
	px_hold_passed(c, n);
	px_mover_count(c, n, 0);
	r->answered_us = c->worker->api.now_us = net_loop_now(c->worker->loop);
	result = in.err ? API_CLOSE : api_stream(&r->call, r->pass_n, &in);
	alv_chain_clear(&in);
	if (result == API_MORE && r->call.out.n > 0)
		px_client_send(c, r, r->call.answer_n);
	else if (result == API_ANSWER)
		done(c, r);
	else if (result != API_MORE)
		px_judge_response(r, result);
	return c->state != PX_CLOSED;
}
