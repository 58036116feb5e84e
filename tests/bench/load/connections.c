/* What connections cost: their handshakes, their memory when they are idle, when they do not read, and the first one. */
#include "tests/bench/load/load.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SLOW_PART = 20 * 1000, SLOW_EVERY_NS = 20 * 1000 * 1000,	/* 1 MB/s */
	SLOW_RCVBUF = 128 * 1024,	/* so that what is not read stands in the relay, not in our kernel */
	FIRST_TRIES = 20000
};

static void
pause_ns(long ns)
{
	struct timespec t = { .tv_nsec = ns };

	nanosleep(&t, NULL);
}

/* ---- handshakes ------------------------------------------------------------------------------------ */

struct shake {
	pthread_t	   thread;
	const struct load *load;
	long		   count, index;
};

/* To the end that the server makes: what it sends behind the handshake, session tickets, is part of it. */
static void
shake_once(const struct load *l, const struct load_target *t)
{
	struct bench_conn c = { .fd = bench_connect(t->host, t->port) };
	uint8_t		  byte;

	if (c.fd < 0)
		bench_die("%s:%u refuses connections", t->host, t->port);
	load_tls(l, &c, t->host);
	(void)SSL_shutdown(c.ssl);
	while (SSL_read(c.ssl, &byte, 1) > 0)
		;
	SSL_free(c.ssl);
	close(c.fd);
}

static void *
shake(void *arg)
{
	const struct shake *s = arg;

	for (long i = 0; i < s->count; i++)
		shake_once(s->load, &s->load->target[s->index % (long)s->load->ntargets]);
	return NULL;
}

void
load_run_handshake(struct load *l)
{
	struct shake *s = bench_alloc((size_t)l->connections * sizeof(*s));
	uint64_t      begun;

	if (l->tls == NULL)
		bench_die("handshake: --ca is missing");
	SSL_CTX_set_verify(l->tls, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(l->tls, SSL_SESS_CACHE_OFF);
	for (int warm = 0; warm < 20; warm++)
		shake_once(l, &l->target[0]);
	load_ready();
	begun = bench_mono_ns();
	for (long i = 0; i < l->connections; i++) {
		s[i] = (struct shake){ .load = l, .count = l->count / l->connections, .index = i };
		if (pthread_create(&s[i].thread, NULL, shake, &s[i]) != 0)
			bench_die("no thread");
	}
	for (long i = 0; i < l->connections; i++)
		pthread_join(s[i].thread, NULL);
	load_done("{\"handshakes\": %ld, \"seconds\": %.6f}\n", l->count / l->connections * l->connections,
	    (double)(bench_mono_ns() - begun) / 1e9);
}

/* ---- idle ---------------------------------------------------------------------------------------------- */

void
load_run_idle(struct load *l)
{
	struct load_client *all = bench_alloc((size_t)l->connections * sizeof(*all));
	struct bench_rx	    rx = { .p = NULL };
	struct alv_buf	    request = { .limit = 0 };

	l->kind = BENCH_ONE;
	for (long i = 0; i < l->connections; i++) {
		all[i] = (struct load_client){ .rx = rx, .request = request };
		load_open(l, (size_t)i, &all[i]);
		(void)load_produce(l, &all[i]);
		(void)load_fetch(l, &all[i]);
		rx = all[i].rx;		/* one after the other: one pair of buffers */
		request = all[i].request;
	}
	load_ready();
	for (long i = 0; i < l->connections; i += 97) {	/* they are really open */
		all[i].rx = rx;
		all[i].request = request;
		(void)load_produce(l, &all[i]);
		rx = all[i].rx;
		request = all[i].request;
	}
	load_done("{\"connections\": %ld}\n", l->connections);
}

/* ---- slow readers ------------------------------------------------------------------------------------- */

struct slow {
	pthread_t	   thread;
	const struct load *load;
	struct load_client client;
	_Atomic uint64_t   bytes;
	uint32_t	   announced;
};

static _Atomic bool slow_stop;

static void
slow_read(struct slow *s, uint8_t *to, size_t n)
{
	struct bench_conn *c = &s->client.c;

	for (size_t at = 0; at < n;) {
		ssize_t r = c->ssl != NULL ? SSL_read(c->ssl, to + at, (int)(n - at)) : recv(c->fd, to + at, n - at, 0);

		if (r <= 0)
			bench_die("the connection of a slow reader ended after %lu bytes", (unsigned long)s->bytes);
		at += (size_t)r;
		s->bytes += (uint64_t)r;
	}
}

static void *
slow(void *arg)
{
	struct slow *s = arg;
	uint8_t	     part[SLOW_PART];

	slow_read(s, part, sizeof(part));
	s->announced = alv_be32(part);
	while (!slow_stop && s->bytes + sizeof(part) <= s->announced) {
		pause_ns(SLOW_EVERY_NS);
		slow_read(s, part, sizeof(part));
	}
	return NULL;
}

void
load_run_slow(struct load *l)
{
	struct slow *s = bench_alloc((size_t)l->connections * sizeof(*s));
	const int    room = SLOW_RCVBUF;
	uint64_t     bytes = 0, begun;

	l->tls = l->ca == NULL ? NULL : bench_client_ctx(l->ca, false);
	for (long i = 0; i < l->connections; i++) {
		struct load_client *c = &s[i].client;
		struct bench_head   h;

		s[i].load = l;
		load_open(l, (size_t)i, c);
		(void)setsockopt(c->c.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
		h = load_head(c, l, BENCH_FETCH);
		bench_put_fetch(&c->request, &h, &c->topic, (uint32_t)l->partitions, (uint32_t)l->partition_max);
	}
	load_ready();
	begun = bench_mono_ns();
	for (long i = 0; i < l->connections; i++) {
		bench_send(&s[i].client.c, s[i].client.request.p, s[i].client.request.n);
		if (pthread_create(&s[i].thread, NULL, slow, &s[i]) != 0)
			bench_die("no thread");
	}
	load_ready();
	slow_stop = true;
	for (long i = 0; i < l->connections; i++) {
		pthread_join(s[i].thread, NULL);
		bytes += s[i].bytes;
	}
	load_done("{\"announced\": %u, \"bytes\": %lu, \"seconds\": %.3f}\n", s[0].announced, bytes,
	    (double)(bench_mono_ns() - begun) / 1e9);
}

/* ---- the first answer ----------------------------------------------------------------------------------- */

/* Each try is a process of its own, because whatever goes wrong ends it. */
static bool
try_first(struct load *l)
{
	struct load_client c = { .target = NULL };
	int		   status;
	pid_t		   child = fork();

	if (child == 0) {
		fclose(stderr);
		load_open(l, 0, &c);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void
load_run_first(struct load *l)
{
	uint64_t open_ns = 0;

	load_ready();
	for (int i = 0; i < FIRST_TRIES; i++) {
		int fd = bench_connect(l->target[0].host, l->target[0].port);

		if (fd >= 0) {
			close(fd);
			if (open_ns == 0)
				open_ns = bench_mono_ns();
			if (try_first(l)) {
				load_done("{\"listening_ns\": %lu, \"answered_ns\": %lu}\n", open_ns, bench_mono_ns());
				return;
			}
		}
		pause_ns(500 * 1000);
	}
	bench_die("no answer");
}
