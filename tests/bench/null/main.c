/* bench-null: a relay that does nothing. Ends clients' TLS and carries bytes to and from one broker, as plainly as it can be
 * written over epoll: one recv, one SSL_write or send, no queue, no timer, no protocol. What a relay's share of latency is
 * here, no relay has less of on the same machine in the same run. Not for bulk: where a socket is full, it waits.
 * Says on standard output which port it has ("port N"), and serves until it is ended. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum { THREADS_MAX = 16, EVENTS = 64, STEP = 64 * 1024 };

static const char usage[] = "usage: bench-null --certificate FILE --key FILE --broker PORT [--threads N]\n"
			    "A TLS relay on a free port of 127.0.0.1, before the broker on that port.\n";

struct half {
	struct pair *pair;
	bool	     client;
};

struct pair {
	struct half	  client, broker;
	struct bench_conn c;
	int		  fd;	/* to the broker */
	bool		  open;
};

struct relay {
	SSL_CTX *tls;
	uint16_t broker;
	int	 ep[THREADS_MAX];
};

static void
watch(int ep, int fd, struct half *h)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = h };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) != 0)
		bench_die("epoll_ctl: %s", strerror(errno));
}

/* Both ends go; the other half may have an event in the same batch, so its memory stays. */
static void
end(struct pair *p)
{
	if (p->fd < 0)
		return;
	SSL_free(p->c.ssl);
	close(p->c.fd);
	close(p->fd);
	p->fd = -1;
}

static bool
handshake(struct pair *p)
{
	p->open = SSL_accept(p->c.ssl) == 1;
	return p->open;
}

static bool
to_broker(struct pair *p, uint8_t *b)
{
	struct bench_conn out = { .fd = p->fd };

	if (!p->open && !handshake(p))
		return false;
	while (SSL_has_pending(p->c.ssl) || poll(&(struct pollfd){ .fd = p->c.fd, .events = POLLIN }, 1, 0) == 1) {
		int n = SSL_read(p->c.ssl, b, STEP);

		if (n <= 0 || !bench_try_send(&out, b, (size_t)n))
			return false;
	}
	return true;
}

static bool
to_client(struct pair *p, uint8_t *b)
{
	ssize_t n = recv(p->fd, b, STEP, 0);

	return n > 0 && bench_try_send(&p->c, b, (size_t)n);
}

static void *
run(void *arg)
{
	int		   ep = *(int *)arg;
	uint8_t		  *b = bench_alloc(STEP);
	struct epoll_event e[EVENTS];

	for (;;) {
		int n = epoll_wait(ep, e, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct half *h = e[i].data.ptr;

			if (h->pair->fd >= 0 && !(h->client ? to_broker(h->pair, b) : to_client(h->pair, b)))
				end(h->pair);
		}
	}
	return NULL;
}

static void
serve(struct relay *r, int ep, int fd)
{
	struct pair *p = bench_alloc(sizeof(*p));
	const int    on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*p = (struct pair){ .client = { p, true }, .broker = { p, false }, .c = { .fd = fd, .ssl = SSL_new(r->tls) },
		.fd = bench_connect("127.0.0.1", r->broker) };
	if (p->fd < 0 || p->c.ssl == NULL || SSL_set_fd(p->c.ssl, fd) != 1)
		bench_die("no way to the broker on port %u", r->broker);
	watch(ep, p->fd, &p->broker);
	watch(ep, fd, &p->client);
}

static long
options(int argc, char **argv, struct relay *r)
{
	static const struct option known[] = { { "certificate", 1, NULL, 'c' }, { "key", 1, NULL, 'k' }, { "broker", 1, NULL, 'b' },
		{ "threads", 1, NULL, 'n' }, { "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *certificate = NULL, *key = NULL;
	long	    threads = 2;
	int	    o;

	while ((o = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (o) {
		case 'c':
			certificate = optarg;
			break;
		case 'k':
			key = optarg;
			break;
		case 'b':
			r->broker = (uint16_t)bench_number(optarg, "--broker");
			break;
		case 'n':
			threads = bench_number(optarg, "--threads");
			break;
		default:
			fputs(usage, o == 'h' ? stdout : stderr);
			exit(o == 'h' ? 0 : 2);
		}
	}
	if (certificate == NULL || key == NULL || r->broker == 0 || threads < 1 || threads > THREADS_MAX)
		bench_die("%s", usage);
	r->tls = bench_server_ctx(certificate, key);
	return threads;
}

int
main(int argc, char **argv)
{
	static struct relay r;
	long		    n = options(argc, argv, &r);
	int		    fd = bench_listen(0);

	signal(SIGPIPE, SIG_IGN);
	for (long i = 0; i < n; i++) {
		pthread_t id;

		r.ep[i] = epoll_create1(EPOLL_CLOEXEC);
		if (r.ep[i] < 0 || pthread_create(&id, NULL, run, &r.ep[i]) != 0)
			bench_die("no thread");
	}
	printf("port %u\n", bench_port(fd));
	fflush(stdout);
	for (unsigned turn = 0;; turn++) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (c >= 0)
			serve(&r, r.ep[turn % (unsigned)n], c);
		else if (errno != EINTR && errno != ECONNABORTED)
			bench_die("accept: %s", strerror(errno));
	}
}
