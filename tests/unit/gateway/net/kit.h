/* What the stream tests share: a loop, a pool, streams that count what is said to them, and peers made of bare sockets. */
#ifndef TESTS_NET_KIT_H
#define TESTS_NET_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <alcove/base.h>
#include <alcove/buf.h>

#include "net/stream.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct kit {
	struct net_loop	     *loop;
	struct alv_pool	     *pool;
	struct net_stream_ctx ctx;
};

static inline void
kit_open(struct kit *k)
{
	k->loop = net_loop_new();
	k->pool = alv_pool_new(1024 * 1024);
	assert_non_null(k->loop);
	assert_non_null(k->pool);
	assert_int_equal(net_stream_ctx_init(&k->ctx, k->loop, k->pool), ALV_OK);
}

/* Every block must be back: alv_pool_free checks that. */
static inline void
kit_close(struct kit *k)
{
	net_stream_ctx_fini(&k->ctx);
	net_loop_free(k->loop);
	alv_pool_free(k->pool);
}

/* A stream and what was said to its owner. */
struct side {
	struct net_stream s;
	int		  opened, closed, drained, data, wrote;
	enum net_end	  why;
	char		  sni[256];	/* as it was on_open */
	char		  subject[64];
	char		  begun[4];	/* the same, where there is no room for more */
	bool		  slow;		/* leaves `in` as it is */
	void (*on_data)(struct side *x);
};

static inline void
side_on_open(struct net_stream *s)
{
	struct side *x = s->owner;

	assert_int_equal(x->opened + x->closed, 0);
	x->opened++;
	snprintf(x->sni, sizeof(x->sni), "%s", s->sni == NULL ? "" : s->sni);
	net_stream_subject(s, x->subject, sizeof(x->subject));
	net_stream_subject(s, x->begun, sizeof(x->begun));
}

static inline void
side_on_data(struct net_stream *s)
{
	struct side *x = s->owner;

	assert_int_equal(x->opened, 1);
	assert_int_equal(x->closed, 0);
	x->data++;
	if (x->on_data != NULL)
		x->on_data(x);
}

static inline void
side_on_drained(struct net_stream *s)
{
	struct side *x = s->owner;

	assert_int_equal(x->closed, 0);
	assert_false(net_stream_full(s));
	x->drained++;
}

static inline void
side_on_wrote(struct net_stream *s)
{
	struct side *x = s->owner;

	assert_int_equal(x->closed, 0);
	x->wrote++;
}

static inline void
side_on_closed(struct net_stream *s, enum net_end why)
{
	struct side *x = s->owner;

	assert_int_equal(x->closed, 0);
	x->closed++;
	x->why = why;
}

static const struct net_stream_ops side_ops = {
	.on_open = side_on_open,
	.on_data = side_on_data,
	.on_drained = side_on_drained,
	.on_closed = side_on_closed,
	.on_wrote = side_on_wrote,
};

/* Turns until cond holds; fails rather than hangs. */
#define TURN_UNTIL(k, cond) \
	do { \
		int turns_ = 0; \
		while (!(cond)) { \
			assert_true(turns_++ < 20000); \
			net_loop_turn((k)->loop, 5); \
		} \
	} while (0)

static inline void
kit_listen(int *listener, struct sockaddr_in *a)
{
	socklen_t n = sizeof(*a);

	*a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	*listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(*listener, (struct sockaddr *)a, sizeof(*a)), 0);
	assert_int_equal(listen(*listener, 16), 0);
	assert_int_equal(getsockname(*listener, (struct sockaddr *)a, &n), 0);
}

/* fd[0] connected to fd[1] over loopback; both nonblocking. small: tiny kernel buffers. */
static inline void
kit_pair(int fd[2], bool small)
{
	struct sockaddr_in a;
	int		   l, size = 4096;

	kit_listen(&l, &a);
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (small) {
		assert_int_equal(setsockopt(fd[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
		assert_int_equal(setsockopt(l, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	}
	assert_int_equal(connect(fd[0], (struct sockaddr *)&a, sizeof(a)), 0);
	fd[1] = accept(l, NULL, NULL);
	assert_true(fd[1] >= 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fcntl(fd[i], F_SETFL, O_NONBLOCK), 0);
		if (small)
			assert_int_equal(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	}
	close(l);
}

static inline void
side_accept(struct kit *k, struct side *x, int fd, const struct net_tls_server *tls, uint32_t ms)
{
	memset(x, 0, sizeof(*x));
	assert_int_equal(net_stream_accept(&x->s, &k->ctx, fd, tls, ms, &side_ops, x), ALV_OK);
}

/* The server's side of the pair is returned through *server_fd. */
static inline void
side_connect(struct kit *k, struct side *x, const struct net_tls_client *tls, const char *host, int *server_fd)
{
	struct sockaddr_in a;
	int		   l;

	memset(x, 0, sizeof(*x));
	kit_listen(&l, &a);
	assert_int_equal(net_stream_connect(&x->s, &k->ctx, (struct sockaddr *)&a, sizeof(a), tls, host, 5000, &side_ops, x), ALV_OK);
	*server_fd = accept(l, NULL, NULL);
	assert_true(*server_fd >= 0);
	assert_int_equal(fcntl(*server_fd, F_SETFL, O_NONBLOCK), 0);
	close(l);
}

/* Closes where that has not happened, and frees. */
static inline void
side_end(struct kit *k, struct side *x)
{
	if (x->closed == 0)
		net_stream_close(&x->s, false);
	TURN_UNTIL(k, x->closed == 1);
	net_loop_turn(k->loop, 0);
	assert_int_equal(x->closed, 1);
	net_stream_fini(&x->s);
}

static inline void
side_say(struct kit *k, struct side *x, const void *p, size_t n)
{
	struct alv_chain c;

	alv_chain_init(&c, k->pool);
	alv_chain_copy(&c, p, n);
	assert_int_equal(c.err, 0);
	net_stream_send(&x->s, &c);
	assert_int_equal(c.n, 0);
}

/* ---- the long conversation: both sides send `total` pseudo-random bytes and check what they hear ---- */

struct talk {
	struct side x;
	uint64_t    said, heard, total;
	uint32_t    say_seed, hear_seed, chunk_seed;
	size_t	    most_in, most_out;
};

static inline uint32_t
talk_dice(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static inline void
talk_say(struct kit *k, struct talk *t)
{
	static uint8_t	 buf[70000];
	struct alv_chain c;

	alv_chain_init(&c, k->pool);
	while (t->said < t->total && t->x.s.out.n + c.n <= t->x.s.high_water) {
		/* from one byte to several records, most of them odd */
		size_t n = (size_t)1 << talk_dice(&t->chunk_seed) % 17;

		n += talk_dice(&t->chunk_seed) % 3001;
		n = n > t->total - t->said ? (size_t)(t->total - t->said) : n;
		for (size_t i = 0; i < n; i++)
			buf[i] = (uint8_t)talk_dice(&t->say_seed);
		alv_chain_copy(&c, buf, n);
		t->said += n;
	}
	if (c.n > 0)
		net_stream_send(&t->x.s, &c);
}

static inline void
talk_hear(struct talk *t)
{
	static uint8_t	  buf[4099];
	struct alv_chain *in = &t->x.s.in;

	while (in->n > 0) {
		size_t n = in->n < sizeof(buf) ? in->n : sizeof(buf);

		assert_true(alv_chain_peek(in, 0, buf, n));
		for (size_t i = 0; i < n; i++)
			assert_int_equal(buf[i], (uint8_t)talk_dice(&t->hear_seed));
		alv_chain_drop(in, n);
		t->heard += n;
	}
	net_stream_more(&t->x.s);
}

static inline void
talk_watch(struct talk *t)
{
	size_t out = t->x.s.out.n;

	if (t->x.s.in.n > t->most_in)
		t->most_in = t->x.s.in.n;
	if (out > t->most_out)
		t->most_out = out;
}

/* a and b are connected streams. Each hears only every few turns; in_max changes from time to time. */
static inline void
talk_run(struct kit *k, struct talk *a, struct talk *b, uint64_t total)
{
	struct talk *both[2] = { a, b };
	uint32_t     seed = 99;

	a->total = b->total = total;
	a->say_seed = b->hear_seed = 1;
	b->say_seed = a->hear_seed = 2;
	a->chunk_seed = 3;
	b->chunk_seed = 4;
	for (int turns = 0; a->heard < total || b->heard < total; turns++) {
		assert_true(turns < 2000000);
		net_loop_turn(k->loop, 2);
		for (int i = 0; i < 2; i++) {
			struct talk *t = both[i];

			assert_int_equal(t->x.closed, 0);
			talk_watch(t);
			assert_true(t->x.s.in.n <= t->x.s.in_max + 16384);
			if (talk_dice(&seed) % 3 == 0) {
				talk_hear(t);
				t->x.s.in_max = (size_t)1 << (10 + talk_dice(&seed) % 10);
				net_stream_more(&t->x.s);
			}
			if (t->x.opened && talk_dice(&seed) % 2 == 0)
				talk_say(k, t);
		}
	}
	assert_int_equal(a->x.s.bytes_in, total);
	assert_int_equal(a->x.s.bytes_out, total);
}

#endif
