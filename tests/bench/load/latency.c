/* Produce requests of one record at a fixed rate, sent whether or not the ones before were answered.
 *
 *   latency: from before the send to the answer's arrival here.
 *   stamp:   what a relay took of that. The fake broker tells when the kernel had the request for it and when it began
 *            to send the answer; here the kernel tells when the answer's first byte came:
 *
 *      client ──send──▶ relay ──▶ broker          request share = broker's arrival - our time before the send
 *      client ◀── relay ◀──send── broker          answer share  = our arrival - the broker's time before its send
 *
 *            So each share also holds one send through the loopback, and the waking of the relay, but neither the
 *            waking of the broker nor ours. */
#include "tests/bench/load/load.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

enum { WAYS = 3 };	/* request, answer, both; a latency is in `both` */

struct pace {
	pthread_t	   thread;
	const struct load *load;
	struct load_client client;
	bool		   stamp;
	long		   count;
	uint64_t	   first_ns, every_ns;
	uint64_t	  *sent_ns;
	uint32_t	  *took_ns[WAYS];
};

static uint32_t
between(uint64_t from, uint64_t to)
{
	uint64_t d = to > from ? to - from : 0;

	return d > UINT32_MAX ? UINT32_MAX : (uint32_t)d;
}

/* When the kernel got the next byte that nobody has read yet. */
static uint64_t
arrival(const struct load_client *c)
{
	union {
		struct cmsghdr h;
		uint8_t	       room[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	uint8_t		one;
	struct iovec	v = { .iov_base = &one, .iov_len = 1 };
	struct msghdr	m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control) };
	struct timespec at;

	if (recvmsg(c->c.fd, &m, MSG_PEEK) != 1)
		bench_die("the connection ended");
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h != NULL; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&at, CMSG_DATA(h), sizeof(at));
			return (uint64_t)at.tv_sec * UINT64_C(1000000000) + (uint64_t)at.tv_nsec;
		}
	}
	return bench_wall_ns();
}

static void
receive_one(struct pace *p, long i, uint64_t arrived_ns)
{
	struct bench_head h = load_head(&p->client, p->load, BENCH_PRODUCE);
	struct bench_in	  in = bench_receive(&p->client.c, &p->client.rx);
	struct bench_ack  ack;

	(void)bench_get(&in, 4);
	ack = bench_get_produced(&in, h.version);
	if (!p->stamp) {
		p->took_ns[2][i] = between(p->sent_ns[i], bench_wall_ns());
		return;
	}
	p->took_ns[0][i] = between(p->sent_ns[i], ack.received_ns);
	p->took_ns[1][i] = between(ack.sending_ns, arrived_ns);
	p->took_ns[2][i] = p->took_ns[0][i] + p->took_ns[1][i];
}

static long
receive_all(struct pace *p, long i)
{
	uint64_t arrived_ns = p->stamp ? arrival(&p->client) : 0;

	/* What TLS has read ahead makes no descriptor readable any more. */
	do {
		receive_one(p, i++, arrived_ns);
	} while (bench_rx_has(&p->client.rx) || (p->client.c.ssl != NULL && SSL_has_pending(p->client.c.ssl)));
	return i;
}

static void
wait_readable(const struct load_client *c, uint64_t until_ns)
{
	struct pollfd	p = { .fd = c->c.fd, .events = POLLIN };
	uint64_t	now = bench_mono_ns(), left = until_ns > now ? until_ns - now : 0;
	struct timespec t = { .tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000) };

	(void)ppoll(&p, 1, &t, NULL);
}

static void *
run(void *arg)
{
	struct pace	   *p = arg;
	struct load_client *c = &p->client;
	struct bench_head   h = load_head(c, p->load, BENCH_PRODUCE);
	long		    sent = 0, answered = 0;

	if (p->stamp)
		h.client_id = ALV_STR("stamp");
	bench_put_produce(&c->request, &h, &c->topic, 3, bench_batch(BENCH_ONE));
	(void)prctl(PR_SET_TIMERSLACK, 1000UL);
	while (answered < p->count) {
		uint64_t due = sent < p->count ? p->first_ns + (uint64_t)sent * p->every_ns : UINT64_MAX;
		struct pollfd f = { .fd = c->c.fd, .events = POLLIN };

		if (bench_mono_ns() >= due) {
			alv_put_be32(c->request.p + 8, (uint32_t)c->c.correlation_id++);
			p->sent_ns[sent++] = bench_wall_ns();
			bench_send(&c->c, c->request.p, c->request.n);
		} else if (poll(&f, 1, 0) == 1) {
			answered = receive_all(p, answered);
		} else {
			wait_readable(c, due == UINT64_MAX ? bench_mono_ns() + 100000000 : due);
		}
	}
	return NULL;
}

/* ---- summary ----------------------------------------------------------------------------------------- */

static int
order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double
quantile_us(const uint32_t *sorted, size_t n, double q)
{
	size_t i = (size_t)(q * (double)n);

	return (double)sorted[i < n ? i : n - 1] / 1000;
}

/* {"p50": ...} of one way, all connections together. */
static void
summarize(const struct load *l, struct pace *paces, int way, char *out, size_t cap)
{
	size_t	  each = (size_t)paces[0].count, n = each * (size_t)l->connections;
	uint32_t *all = bench_alloc(n * sizeof(*all));

	for (long i = 0; i < l->connections; i++)
		memcpy(all + (size_t)i * each, paces[i].took_ns[way], each * sizeof(*all));
	qsort(all, n, sizeof(*all), order);
	snprintf(out, cap, "{\"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}", quantile_us(all, n, 0.5),
	    quantile_us(all, n, 0.99), quantile_us(all, n, 0.999), quantile_us(all, n, 1));
	free(all);
}

static void
open_one(struct load *l, struct pace *p, long i, bool stamp)
{
	const int on = 1;

	*p = (struct pace){ .load = l, .stamp = stamp, .count = l->count / l->connections };
	p->every_ns = UINT64_C(1000000000) * (uint64_t)l->connections / (uint64_t)l->rate;
	p->sent_ns = bench_alloc((size_t)p->count * sizeof(*p->sent_ns));
	for (int w = 0; w < WAYS; w++)
		p->took_ns[w] = bench_alloc((size_t)p->count * sizeof(*p->took_ns[w]));
	load_open(l, (size_t)i, &p->client);
	if (stamp && setsockopt(p->client.c.fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0)
		bench_die("no time stamps: %s", strerror(errno));
	for (int warm = 0; warm < 20; warm++)
		(void)load_produce(l, &p->client);
}

static void
run_all(struct load *l, bool stamp)
{
	struct pace *paces = bench_alloc((size_t)l->connections * sizeof(*paces));
	char	     text[WAYS][128];

	l->kind = BENCH_ONE;
	for (long i = 0; i < l->connections; i++)
		open_one(l, &paces[i], i, stamp);
	load_ready();
	for (long i = 0; i < l->connections; i++) {
		paces[i].first_ns = bench_mono_ns() + 1000000 + (uint64_t)i * paces[i].every_ns / (uint64_t)l->connections;
		if (pthread_create(&paces[i].thread, NULL, run, &paces[i]) != 0)
			bench_die("no thread");
	}
	for (long i = 0; i < l->connections; i++)
		pthread_join(paces[i].thread, NULL);
	for (int w = 0; w < WAYS; w++)
		summarize(l, paces, w, text[w], sizeof(text[w]));
	if (stamp)
		load_done("{\"request\": %s, \"answer\": %s, \"both\": %s}\n", text[0], text[1], text[2]);
	else
		load_done("%s\n", text[2]);
}

void
load_run_latency(struct load *l)
{
	run_all(l, false);
}

void
load_run_stamp(struct load *l)
{
	run_all(l, true);
}
