/* bench-broker: the fake broker of `make bench`. Listens on two free ports of 127.0.0.1, plain and TLS, says on standard
 * output which ("plain PORT tls PORT"), and serves until it is ended. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/bench/broker/broker.h"

enum { THREADS_MAX = 16 };

static const char usage[] =
    "usage: bench-broker --certificate FILE --key FILE --topic NAME... [--threads N]\n"
    "A broker without a disk: node 1, with these topics of 4 partitions each. Serves on two free ports of 127.0.0.1.\n";

static void
add_topic(struct broker *b, const char *name)
{
	struct bench_topic *t = &b->topic[b->ntopics];

	if (b->ntopics == BROKER_TOPICS_MAX)
		bench_die("more than %d topics", BROKER_TOPICS_MAX);
	t->name = (struct alv_str){ name, strlen(name) };
	memcpy(t->id.b, "bench-topic-id-", 15);
	t->id.b[15] = (uint8_t)('a' + b->ntopics++);
}

/* Every connection that waits there goes to the next thread. */
static void
accept_all(struct broker_thread **threads, long n, int fd, bool tls)
{
	static unsigned turn;
	const int	on = 1;
	int		c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (c < 0) {
		if (errno == EMFILE)
			bench_die("out of descriptors");
		return;
	}
	(void)setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	broker_thread_add(threads[turn++ % (unsigned)n], c, bench_port(fd), tls);
}

static long
options(int argc, char **argv, struct broker *b)
{
	static const struct option known[] = { { "certificate", 1, NULL, 'c' }, { "key", 1, NULL, 'k' }, { "topic", 1, NULL, 't' },
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
		case 't':
			add_topic(b, optarg);
			break;
		case 'n':
			threads = bench_number(optarg, "--threads");
			break;
		default:
			fputs(usage, o == 'h' ? stdout : stderr);
			exit(o == 'h' ? 0 : 2);
		}
	}
	if (certificate == NULL || key == NULL || threads < 1 || threads > THREADS_MAX)
		bench_die("%s", usage);
	b->tls = bench_server_ctx(certificate, key);
	return threads;
}

int
main(int argc, char **argv)
{
	static struct broker	     b;
	static struct broker_thread *threads[THREADS_MAX];
	struct rlimit		     files;
	struct pollfd		     p[2];
	long			     n = options(argc, argv, &b);

	signal(SIGPIPE, SIG_IGN);
	mallopt(M_MMAP_THRESHOLD, 1 << 30);	/* buffers that come and go stay ours */
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)bench_batch(BENCH_BULK);
	for (long i = 0; i < n; i++)
		threads[i] = broker_thread_new(&b);
	for (int i = 0; i < 2; i++)
		p[i] = (struct pollfd){ .fd = bench_listen(0), .events = POLLIN };
	printf("plain %u tls %u\n", bench_port(p[0].fd), bench_port(p[1].fd));
	fflush(stdout);
	for (;;) {
		if (poll(p, 2, -1) <= 0)
			continue;
		for (int i = 0; i < 2; i++) {
			if (p[i].revents & POLLIN)
				accept_all(threads, n, p[i].fd, i == 1);
		}
	}
}
