/* A thread of the fake broker: epoll over blocking sockets. Invariants: a connection belongs to one thread; it holds a
 * receive buffer only while it has bytes of a frame, so that thousands of idle ones cost nothing. Writing blocks: a
 * client that does not read stops its thread, which is what a bench of slow readers has to know. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/broker/broker.h"

enum { EVENTS = 64, RX_CAP = 512 * 1024, RESPONSES = 8, RESPONSE_MAX = 128 * 1024 * 1024 };

struct conn {
	struct bench_conn c;
	struct bench_rx	  rx;
	uint16_t	  port;
	bool		  tls, open, stamp;
	uint64_t	  received_ns;	/* with stamp: when the kernel got the last bytes */
	struct alv_buf	  shared;	/* what each ShareFetch of its session gets */
};

struct response {	/* of one Fetch, made once */
	int16_t	       version;
	uint8_t	      *ask;
	size_t	       ask_n;
	struct alv_buf out;
};

struct broker_thread {
	const struct broker *broker;
	int		     ep;
	uint8_t		    *spare[EVENTS];	/* receive buffers */
	size_t		     nspare;
	struct alv_buf	     out;
	struct response	     fetched[RESPONSES];
	size_t		     turn;
};

/* ---- receive buffers ---------------------------------------------------------------------------- */

static void
lend(struct broker_thread *t, struct conn *c)
{
	if (c->rx.p != NULL)
		return;
	c->rx = (struct bench_rx){ .cap = RX_CAP };
	c->rx.p = t->nspare > 0 ? t->spare[--t->nspare] : bench_alloc(RX_CAP);
}

static void
give_back(struct broker_thread *t, struct conn *c)
{
	if (c->rx.p != NULL && c->rx.cap == RX_CAP && t->nspare < EVENTS)
		t->spare[t->nspare++] = c->rx.p;
	else
		free(c->rx.p);
	c->rx = (struct bench_rx){ .p = NULL };
}

/* ---- answers -------------------------------------------------------------------------------------- */

static bool
produced(struct broker_thread *t, struct conn *c, const struct bench_head *h, struct bench_in *body)
{
	struct bench_ask ask = bench_get_produce(body, h->version);
	struct bench_ack ack = { .received_ns = UINT64_MAX };

	for (uint32_t i = 0; i < ask.n; i++) {
		const struct bench_batch *b = bench_batch_of(ask.records[i].n);

		if (b == NULL || bench_batch_check(b, ask.records[i].p, ask.records[i].n, false) != 1)
			ack.error = 2;	/* CORRUPT_MESSAGE */
	}
	if (c->stamp) {
		ack.received_ns = c->received_ns;
		ack.sending_ns = bench_wall_ns();
	}
	bench_put_produced(&t->out, h, &ask, &ack);
	return ask.acks == 0 || bench_try_send(&c->c, t->out.p, t->out.n);
}

static struct response *
response_of(struct broker_thread *t, const struct bench_head *h, struct bench_in body)
{
	struct response	*r;
	struct bench_ask ask;

	for (size_t i = 0; i < RESPONSES; i++) {
		r = &t->fetched[i];
		if (r->ask != NULL && r->version == h->version && r->ask_n == body.n && memcmp(r->ask, body.p, body.n) == 0)
			return r;
	}
	r = &t->fetched[t->turn++ % RESPONSES];
	free(r->ask);
	alv_buf_fini(&r->out);
	alv_buf_init(&r->out, RESPONSE_MAX);
	*r = (struct response){ .version = h->version, .ask = bench_alloc(body.n), .ask_n = body.n, .out = r->out };
	memcpy(r->ask, body.p, body.n);
	ask = bench_get_fetch(&body, h->version);
	bench_put_fetched(&r->out, h, &ask, bench_batch(BENCH_BULK));
	return r;
}

static bool
fetched(struct broker_thread *t, struct conn *c, const struct bench_head *h, struct bench_in *body)
{
	struct response *r = response_of(t, h, *body);

	alv_put_be32(r->out.p + 4, (uint32_t)h->correlation_id);
	return bench_try_send(&c->c, r->out.p, r->out.n);
}

static bool
shared(struct conn *c, const struct bench_head *h, struct bench_in *body)
{
	struct bench_ask ask = bench_get_share(body);

	if (ask.n > 0) {
		alv_buf_fini(&c->shared);
		alv_buf_init(&c->shared, RESPONSE_MAX);
		bench_put_shared(&c->shared, h, &ask, bench_batch(BENCH_BULK));
	}
	if (c->shared.n == 0)
		bench_die("a share session that goes on and never began");
	alv_put_be32(c->shared.p + 4, (uint32_t)h->correlation_id);
	return bench_try_send(&c->c, c->shared.p, c->shared.n);
}

/* A client that calls itself so wants to know when things came and went. */
static void
look_for_stamp(struct conn *c, struct alv_str client_id)
{
	const int on = 1;

	if (c->stamp || client_id.n != 5 || memcmp(client_id.p, "stamp", 5) != 0)
		return;
	c->stamp = setsockopt(c->c.fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0;
}

static bool
answer(struct broker_thread *t, struct conn *c, struct bench_in body)
{
	struct bench_head h = bench_get_head(&body);

	look_for_stamp(c, h.client_id);
	switch (h.key) {
	case BENCH_PRODUCE:
		return produced(t, c, &h, &body);
	case BENCH_FETCH:
		return fetched(t, c, &h, &body);
	case BENCH_SHARE:
		return shared(c, &h, &body);
	default:
		return broker_answer(t->broker, c->port, &h, body, &t->out) && bench_try_send(&c->c, t->out.p, t->out.n);
	}
}

/* ---- connections ------------------------------------------------------------------------------------ */

static ssize_t
receive_plain(struct conn *c)
{
	union {
		struct cmsghdr h;
		uint8_t	       room[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec	 v = { .iov_base = c->rx.p + c->rx.n, .iov_len = c->rx.cap - c->rx.n };
	struct msghdr	 m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control) };
	struct cmsghdr	*h;
	struct timespec	 at;
	ssize_t		 n;

	if (!c->stamp)
		return recv(c->c.fd, v.iov_base, v.iov_len, MSG_DONTWAIT);
	n = recvmsg(c->c.fd, &m, MSG_DONTWAIT);
	for (h = n < 0 ? NULL : CMSG_FIRSTHDR(&m); h != NULL; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(h), sizeof(at));
		c->received_ns = (uint64_t)at.tv_sec * UINT64_C(1000000000) + (uint64_t)at.tv_nsec;
	}
	return n;
}

static ssize_t
receive(struct conn *c)
{
	bench_rx_room(&c->rx);
	return c->c.ssl != NULL ? SSL_read(c->c.ssl, c->rx.p + c->rx.n, (int)(c->rx.cap - c->rx.n)) : receive_plain(c);
}

static void
end(struct broker_thread *t, struct conn *c)
{
	give_back(t, c);
	SSL_free(c->c.ssl);
	close(c->c.fd);
	alv_buf_fini(&c->shared);
	free(c);
}

/* False: it is over. */
static bool
open_tls(struct broker_thread *t, struct conn *c)
{
	c->open = true;
	if (!c->tls)
		return true;
	c->c.ssl = SSL_new(t->broker->tls);
	return c->c.ssl != NULL && SSL_set_fd(c->c.ssl, c->c.fd) == 1 && SSL_accept(c->c.ssl) == 1;
}

static bool
serve(struct broker_thread *t, struct conn *c)
{
	bool more;

	if (!c->open) {
		if (!open_tls(t, c))
			return false;
		if (c->tls && !SSL_has_pending(c->c.ssl))
			return true;
	}
	do {
		ssize_t n;

		lend(t, c);
		n = receive(c);
		if (n <= 0)
			return n < 0 && c->c.ssl == NULL && (errno == EAGAIN || errno == EINTR);
		c->rx.n += (size_t)n;
		while (bench_rx_has(&c->rx)) {
			if (!answer(t, c, bench_rx_take(&c->rx)))
				return false;
		}
		more = c->c.ssl != NULL && SSL_has_pending(c->c.ssl);
	} while (more);
	if (c->rx.at == c->rx.n)
		give_back(t, c);
	return true;
}

static void *
run(void *arg)
{
	struct broker_thread *t = arg;
	struct epoll_event    e[EVENTS];

	for (;;) {
		int n = epoll_wait(t->ep, e, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (!serve(t, e[i].data.ptr))
				end(t, e[i].data.ptr);
		}
	}
	return NULL;
}

struct broker_thread *
broker_thread_new(const struct broker *b)
{
	struct broker_thread *t = bench_alloc(sizeof(*t));
	pthread_t	      id;

	t->broker = b;
	t->ep = epoll_create1(EPOLL_CLOEXEC);
	alv_buf_init(&t->out, 1024 * 1024);
	if (t->ep < 0 || pthread_create(&id, NULL, run, t) != 0)
		bench_die("no thread");
	return t;
}

void
broker_thread_add(struct broker_thread *t, int fd, uint16_t port, bool tls)
{
	struct conn	  *c = bench_alloc(sizeof(*c));
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	*c = (struct conn){ .c = { .fd = fd }, .port = port, .tls = tls };
	alv_buf_init(&c->shared, 0);
	if (epoll_ctl(t->ep, EPOLL_CTL_ADD, fd, &e) != 0)
		bench_die("epoll_ctl: %s", strerror(errno));
}
