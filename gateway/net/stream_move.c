/* A stream goes from one loop to another, whole: descriptor, TLS, and what was received and not yet consumed.
 * Invariant: between leave and enter nothing of either loop points to it, and it points to nothing of either but by ctx,
 * which nobody follows; so it may travel as a message. */
#include <alcove/check.h>

#include "net/stream_int.h"

bool
net_stream_quiet(const struct net_stream *s)
{
	return s->state == NET_ST_OPEN && (s->flags & ~(uint32_t)NET_F_HEARD) == 0 && s->out.n == 0 && s->pending == NULL &&
	    !s->in_eof && !s->timer.armed && s->later.queue == NULL && s->shake.queue == NULL && s->proxy == NULL && !s->in.err;
}

bool
net_stream_leave(struct net_stream *s)
{
	ALV_CHECK(net_stream_quiet(s));
	if (!alv_chain_leave(&s->in))
		return false;
	net_fd_leave(&s->fd);
	s->out.pool = NULL;
	return true;
}

void
net_stream_enter(struct net_stream *s, struct net_stream_ctx *c)
{
	s->ctx = c;
	alv_chain_enter(&s->in, c->pool);
	s->out.pool = c->pool;
	s->timer.loop = c->loop;
	net_stream_adopt(s);
}
