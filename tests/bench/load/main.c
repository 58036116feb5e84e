/* bench-load: options and modes. See load.h for how it talks. */
#include "tests/bench/load/load.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static const char usage[] =
    "usage: bench-load MODE --target HOST:PORT/TOPIC[/USER]... [OPTION...]\n"
    "Speaks Kafka's protocol to a broker or a relay before it. BENCH_PASSWORD is the password of every USER.\n"
    "modes:\n"
    "  produce    --bytes in batches; --kind small: --count requests of 100 bytes\n"
    "  fetch      --bytes\n"
    "  share      --bytes, by ShareFetch v1 with a session for each connection\n"
    "  latency    --count produce requests of 1 KiB at --rate a second, all connections together; time to the answer\n"
    "  stamp      the same against bench-broker: what the relay alone took, by the kernel's time stamps\n"
    "  handshake  --count full TLS handshakes\n"
    "  idle       --connections that produced and fetched once stay open\n"
    "  slow       a Fetch on each connection, read at 1 MB/s\n"
    "  first      tries until a login and Metadata are answered; says when that was\n"
    "options:\n"
    "  --ca FILE            TLS 1.3, AES-256-GCM; without it plain\n"
    "  --connections N      4\n"
    "  --inflight N         requests that wait for an answer, on each connection: 1\n"
    "  --old                Produce v7 and Fetch v11, by names; else Produce v13 and Fetch v17, by ids\n"
    "  --kind bulk|one|small|half   batch: 128 KiB, one record of 1 KiB, one of 100 bytes, 64 KiB\n"
    "  --partitions N       of a Fetch: 4\n"
    "  --partition-max N    bytes of each: 262144\n";

static const struct {
	const char *name;
	void (*run)(struct load *l);
} modes[] = {
	{ "produce", load_run_produce }, { "fetch", load_run_fetch }, { "share", load_run_share }, { "latency", load_run_latency },
	{ "stamp", load_run_stamp }, { "handshake", load_run_handshake }, { "idle", load_run_idle }, { "slow", load_run_slow },
	{ "first", load_run_first },
};

static const char *const kind_names[BENCH_KINDS] = { "bulk", "one", "small", "half" };

enum { O_TARGET = 1, O_CA, O_OLD, O_KIND, O_HELP, O_NUMBER = 16 };

static const struct option known[] = {
	{ "target", 1, NULL, O_TARGET }, { "ca", 1, NULL, O_CA }, { "old", 0, NULL, O_OLD }, { "kind", 1, NULL, O_KIND },
	{ "help", 0, NULL, O_HELP }, { "connections", 1, NULL, O_NUMBER }, { "inflight", 1, NULL, O_NUMBER + 1 },
	{ "bytes", 1, NULL, O_NUMBER + 2 }, { "count", 1, NULL, O_NUMBER + 3 }, { "rate", 1, NULL, O_NUMBER + 4 },
	{ "partitions", 1, NULL, O_NUMBER + 5 }, { "partition-max", 1, NULL, O_NUMBER + 6 }, { NULL, 0, NULL, 0 },
};

/* HOST:PORT/TOPIC[/USER], cut up in place. */
static void
add_target(struct load *l, char *text)
{
	struct load_target *t = &l->target[l->ntargets];
	char		   *port = strchr(text, ':'), *topic = port == NULL ? NULL : strchr(port, '/'), *user;

	if (topic == NULL || l->ntargets == LOAD_TARGETS_MAX || (size_t)(port - text) >= sizeof(t->host))
		bench_die("--target: found \"%s\", expected HOST:PORT/TOPIC[/USER], at most %d times", text, LOAD_TARGETS_MAX);
	*port = *topic = '\0';
	user = strchr(topic + 1, '/');
	if (user != NULL)
		*user++ = '\0';
	memcpy(t->host, text, (size_t)(port - text) + 1);
	t->port = (uint16_t)bench_number(port + 1, "--target's port");
	t->topic = topic + 1;
	t->user = user;
	l->ntargets++;
}

static enum bench_kind
kind_of(const char *name)
{
	for (size_t i = 0; i < BENCH_KINDS; i++) {
		if (strcmp(name, kind_names[i]) == 0)
			return (enum bench_kind)i;
	}
	bench_die("--kind: found \"%s\", expected bulk, one, small or half", name);
}

static void
options(int argc, char **argv, struct load *l)
{
	long *const numbers[] = { &l->connections, &l->inflight, &l->bytes, &l->count, &l->rate, &l->partitions,
		&l->partition_max };
	int	    o, at;

	while ((o = getopt_long(argc, argv, "", known, &at)) != -1) {
		if (o == O_TARGET)
			add_target(l, optarg);
		else if (o == O_CA)
			l->ca = optarg;
		else if (o == O_OLD)
			l->old = true;
		else if (o == O_KIND)
			l->kind = kind_of(optarg);
		else if (o >= O_NUMBER && o < O_NUMBER + (int)ALV_COUNT(numbers))
			*numbers[o - O_NUMBER] = bench_number(optarg, known[at].name);
		else {
			fputs(usage, o == O_HELP ? stdout : stderr);
			exit(o == O_HELP ? 0 : 2);
		}
	}
	if (l->ntargets == 0 || l->connections < 1 || l->connections > LOAD_CONNECTIONS_MAX || l->inflight < 1 ||
	    l->partitions < 1 || l->partitions > BENCH_PARTITIONS_MAX)
		bench_die("%s", usage);
}

static void
wait_for_line(void)
{
	for (int c = getchar(); c != '\n' && c != EOF; c = getchar())
		;
}

void
load_ready(void)
{
	puts("ready");
	fflush(stdout);
	wait_for_line();
}

void
load_done(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	fflush(stdout);
	wait_for_line();
}

int
main(int argc, char **argv)
{
	struct load   l = { .connections = 4, .inflight = 1, .partitions = 4, .partition_max = 256 * 1024, .rate = 500,
		  .password = getenv("BENCH_PASSWORD") };
	struct rlimit files;
	size_t	      i = 0;

	options(argc, argv, &l);
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	while (i < ALV_COUNT(modes) && (optind >= argc || strcmp(argv[optind], modes[i].name) != 0))
		i++;
	if (i == ALV_COUNT(modes))
		bench_die("%s", usage);
	if (l.ca != NULL)
		l.tls = bench_client_ctx(l.ca, l.connections <= 64);
	(void)bench_batch(l.kind);
	modes[i].run(&l);
	return 0;
}
