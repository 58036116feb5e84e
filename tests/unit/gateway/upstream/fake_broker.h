/* A broker on loopback, on the same loop as what it tests: accepts connections, takes requests apart and hands them to
 * the test, which answers with trees, raw bytes, silence or a closed connection. */
#ifndef FAKE_BROKER_H
#define FAKE_BROKER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <alcove/kafka.h>
#include <alcove/str.h>
#include "kafka/gen/field_ids.h"
#include "net/job.h"
#include "net/listener.h"
#include "net/stream.h"
#include "upstream/link.h"

struct fake;

struct fake_conn {
	struct net_stream stream;
	struct fake	 *fake;
	struct fake_conn *next;
	void		 *arg;	/* the test's */
};

struct fake {
	struct net_loop	      *loop;
	struct net_stream_ctx *net;
	struct net_listener   *listener;
	struct fake_conn      *conns;
	uint16_t	       port;
	unsigned	       accepted, requests[128];
	/* t is the request; whatever is not answered stays unanswered. */
	void (*on_request)(struct fake_conn *c, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a);
	void (*on_gone)(struct fake_conn *c);
	void *arg;
};

/* What all tests need: a loop, a pool, streams and the two job pools, and the gateway's side of a link. */
struct bench {
	struct net_loop	     *loop;
	struct alv_pool	     *pool;
	struct net_stream_ctx net;
	struct net_jobs	     *crypto, *resolver;
	struct pol_bind	      bootstrap[2];
	struct pol_upstream   conf;
	struct ups_ctx	      ctx;
};

static inline void
bench_init(struct bench *b)
{
	*b = (struct bench){ .loop = net_loop_new(), .pool = alv_pool_new(1 << 20) };
	assert_int_equal(net_stream_ctx_init(&b->net, b->loop, b->pool), ALV_OK);
	b->crypto = net_jobs_new(1, 64, 64);
	b->resolver = net_jobs_new(1, 64, 64);
	b->conf = (struct pol_upstream){ .nbootstrap = 1, .bootstrap = b->bootstrap, .username = "gateway",
		.password = ALV_STR("secret"), .connect_timeout_ms = 2000, .request_timeout_ms = 2000,
		.metadata_refresh_ms = 20 };
	assert_int_equal(ups_ctx_init(&b->ctx, &b->conf, &b->net, NULL, b->crypto, b->resolver), ALV_OK);
}

static inline void
bench_fini(struct bench *b)
{
	ups_ctx_fini(&b->ctx);
	net_jobs_free(b->crypto);
	net_jobs_free(b->resolver);
	for (int i = 0; i < 5; i++)
		net_loop_turn(b->loop, 0);
	net_stream_ctx_fini(&b->net);
	net_loop_free(b->loop);
	assert_int_equal(alv_pool_out(b->pool), 0);
	alv_pool_free(b->pool);
}

/* Turns the loop until *flag holds; a test that waits in vain fails. */
static inline void
turn_until(struct bench *b, const bool *flag)
{
	for (int i = 0; i < 3000 && !*flag; i++)
		net_loop_turn(b->loop, 5);
	assert_true(*flag);
}

/* ---- the broker's side ---- */

static inline void
fake_conn_closed(struct net_stream *s, enum net_end why)
{
	struct fake_conn *c = s->owner, **at;

	(void)why;
	for (at = &c->fake->conns; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	if (c->fake->on_gone != NULL)
		c->fake->on_gone(c);
	net_stream_fini(s);
	free(c);
}

static inline void
fake_request(struct fake_conn *c, struct alv_chain *frame)
{
	struct kfk_req_header h;
	struct alv_arena      a;
	struct kfk_tree	      t;

	alv_arena_init(&a, 64 << 20);
	assert_int_equal(kfk_req_header_read(frame, &a, &h), ALV_OK);
	assert_true(h.client_id.n > 0);
	alv_chain_drop(frame, h.size);
	assert_int_equal(kfk_tree_decode(&t, kfk_schema_find(h.key, KFK_REQUEST), h.version, frame, &a), ALV_OK);
	c->fake->requests[h.key]++;
	c->fake->on_request(c, &h, &t, &a);
	kfk_tree_fini(&t);
	alv_arena_fini(&a);
}

static inline void
fake_conn_data(struct net_stream *s)
{
	struct fake_conn *c = s->owner;
	struct alv_chain  frame;
	uint32_t	  size;

	alv_chain_init(&frame, c->fake->net->pool);
	while (!kfk_frame_size(&s->in, 1 << 20, &size) && s->in.n >= 4 + (size_t)size) {
		alv_chain_drop(&s->in, 4);
		alv_chain_cut(&frame, &s->in, size);
		fake_request(c, &frame);
		alv_chain_clear(&frame);
	}
	if (s->in_eof)
		net_stream_close(s, false);
}

static inline void
fake_nothing(struct net_stream *s)
{
	(void)s;
}

static inline void
fake_accept(void *arg, struct net_listener *l, int fd, const struct sockaddr_storage *peer)
{
	static const struct net_stream_ops ops = { .on_open = fake_nothing, .on_data = fake_conn_data, .on_drained = fake_nothing, .on_closed = fake_conn_closed };
	struct fake			  *f = arg;
	struct fake_conn		  *c = calloc(1, sizeof(*c));

	(void)l;
	(void)peer;
	c->fake = f;
	f->accepted++;
	assert_int_equal(net_stream_accept(&c->stream, f->net, fd, NULL, 1000, &ops, c), ALV_OK);
	c->stream.in_max = 1 << 20;
	c->next = f->conns;
	f->conns = c;
}

static inline void
fake_open(struct fake *f, struct bench *b, void (*on_request)(struct fake_conn *, const struct kfk_req_header *,
    const struct kfk_tree *, struct alv_arena *), void *arg)
{
	char err[256];

	*f = (struct fake){ .loop = b->loop, .net = &b->net, .on_request = on_request, .arg = arg };
	assert_int_equal(net_listener_open(b->loop, "127.0.0.1", 0, fake_accept, f, &f->listener, err, sizeof(err)), ALV_OK);
	f->port = net_listener_port(f->listener);
}

static inline void
fake_close_conns(struct fake *f)
{
	for (struct fake_conn *c = f->conns; c != NULL; c = c->next)
		net_stream_close(&c->stream, false);
}

static inline void
fake_fini(struct fake *f)
{
	if (f->listener != NULL)
		net_listener_close(f->listener);
	f->listener = NULL;
	fake_close_conns(f);
	for (int i = 0; i < 100 && f->conns != NULL; i++)
		net_loop_turn(f->loop, 1);
	assert_null(f->conns);
}

static inline void
fake_raw(struct fake_conn *c, const void *p, size_t n)
{
	struct alv_chain out;

	alv_chain_init(&out, c->fake->net->pool);
	alv_chain_copy(&out, p, n);
	net_stream_send(&c->stream, &out);
	alv_chain_clear(&out);
}

/* An empty answer to h, to be filled. */
static inline struct kfk_tree
fake_answer(const struct kfk_req_header *h, struct alv_arena *a)
{
	struct kfk_tree t;

	kfk_tree_init(&t, kfk_schema_find(h->key, KFK_RESPONSE), h->version, a);
	return t;
}

static inline void
fake_reply_as(struct fake_conn *c, const struct kfk_req_header *h, int32_t correlation_id, struct kfk_tree *t)
{
	struct alv_chain body, out;

	alv_chain_init(&body, c->fake->net->pool);
	alv_chain_init(&out, c->fake->net->pool);
	assert_int_equal(kfk_tree_encode(t, &body), ALV_OK);
	kfk_rsp_header_write(&out, h->key, h->version, correlation_id, body.n);
	alv_chain_move(&out, &body);
	net_stream_send(&c->stream, &out);
	alv_chain_clear(&out);
	alv_chain_clear(&body);
	kfk_tree_fini(t);
}

static inline void
fake_reply(struct fake_conn *c, const struct kfk_req_header *h, struct kfk_tree *t)
{
	fake_reply_as(c, h, h->correlation_id, t);
}

#endif
