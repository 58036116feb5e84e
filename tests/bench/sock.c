/* Blocking sockets and TLS 1.3 with AES-256-GCM, the cipher that every relay of a run is told to use. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_AHEAD = 256 * 1024 };

void
bench_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("bench: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	ERR_print_errors_fp(stderr);
	_exit(1);
}

void *
bench_alloc(size_t n)
{
	void *p = calloc(1, n);

	if (p == NULL)
		bench_die("no memory for %zu bytes", n);
	return p;
}

static uint64_t
clock_ns(clockid_t c)
{
	struct timespec t;

	clock_gettime(c, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

uint64_t
bench_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t
bench_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

long
bench_number(const char *text, const char *what)
{
	char *end;
	long  v = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || v < 0)
		bench_die("%s: found \"%s\", expected a number", what, text);
	return v;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static struct sockaddr_in
address(const char *host, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		bench_die("%s is no IPv4 address", host);
	return a;
}

int
bench_connect(const char *host, uint16_t port)
{
	struct sockaddr_in a = address(host, port);
	const int	   on = 1;
	int		   fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_die("socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		close(fd);
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int
bench_listen(uint16_t port)
{
	struct sockaddr_in a = address("127.0.0.1", port);
	const int	   on = 1;
	int		   fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 4096) != 0)
		bench_die("cannot listen on port %u: %s", port, strerror(errno));
	return fd;
}

uint16_t
bench_port(int fd)
{
	struct sockaddr_in a;
	socklen_t	   n = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		bench_die("getsockname: %s", strerror(errno));
	return ntohs(a.sin_port);
}

/* ---- TLS --------------------------------------------------------------------------------------- */

static SSL_CTX *
context(const SSL_METHOD *method, bool read_ahead)
{
	SSL_CTX *x = SSL_CTX_new(method);

	if (x == NULL || SSL_CTX_set_min_proto_version(x, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(x, "TLS_AES_256_GCM_SHA384") != 1)
		bench_die("no TLS");
	if (read_ahead) {
		SSL_CTX_set_read_ahead(x, 1);
		SSL_CTX_set_default_read_buffer_len(x, READ_AHEAD);
	} else {
		SSL_CTX_set_mode(x, SSL_MODE_RELEASE_BUFFERS);
	}
	return x;
}

SSL_CTX *
bench_client_ctx(const char *ca, bool read_ahead)
{
	SSL_CTX *x = context(TLS_client_method(), read_ahead);

	if (SSL_CTX_load_verify_locations(x, ca, NULL) != 1)
		bench_die("cannot read %s", ca);
	SSL_CTX_set_verify(x, SSL_VERIFY_PEER, NULL);
	return x;
}

SSL_CTX *
bench_server_ctx(const char *certificate, const char *key)
{
	SSL_CTX *x = context(TLS_server_method(), true);

	if (SSL_CTX_use_certificate_chain_file(x, certificate) != 1 || SSL_CTX_use_PrivateKey_file(x, key, SSL_FILETYPE_PEM) != 1)
		bench_die("cannot read %s and %s", certificate, key);
	return x;
}

/* ---- frames -------------------------------------------------------------------------------------- */

void
bench_rx_init(struct bench_rx *rx, size_t cap)
{
	*rx = (struct bench_rx){ .p = bench_alloc(cap), .cap = cap };
}

bool
bench_try_send(struct bench_conn *c, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n > 0) {
		ssize_t r = c->ssl != NULL ? SSL_write(c->ssl, at, n > INT32_MAX ? INT32_MAX : (int)n)
					   : send(c->fd, at, n, MSG_NOSIGNAL);

		if (r < 0 && c->ssl == NULL && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		at += r;
		n -= (size_t)r;
	}
	return true;
}

void
bench_send(struct bench_conn *c, const void *p, size_t n)
{
	if (!bench_try_send(c, p, n))
		bench_die("cannot send: %s", strerror(errno));
}

bool
bench_rx_has(const struct bench_rx *rx)
{
	return rx->n - rx->at >= 4 && rx->n - rx->at - 4 >= alv_be32(rx->p + rx->at);
}

void
bench_rx_room(struct bench_rx *rx)
{
	size_t have = rx->n - rx->at, need = have < 4 ? 4096 : 4 + (size_t)alv_be32(rx->p + rx->at);

	if (have == 0)
		rx->at = rx->n = 0;
	if (rx->at + need <= rx->cap && rx->n < rx->cap)
		return;
	memmove(rx->p, rx->p + rx->at, have);
	rx->at = 0;
	rx->n = have;
	if (need <= rx->cap)
		return;
	rx->p = realloc(rx->p, need);
	if (rx->p == NULL)
		bench_die("no memory for a frame of %zu bytes", need);
	rx->cap = need;
}

struct bench_in
bench_rx_take(struct bench_rx *rx)
{
	struct bench_in in = { .p = rx->p + rx->at + 4, .n = alv_be32(rx->p + rx->at) };

	rx->at += 4 + in.n;
	return in;
}

struct bench_in
bench_receive(struct bench_conn *c, struct bench_rx *rx)
{
	while (!bench_rx_has(rx)) {
		ssize_t r;

		bench_rx_room(rx);
		r = c->ssl != NULL ? SSL_read(c->ssl, rx->p + rx->n, (int)(rx->cap - rx->n))
				   : recv(c->fd, rx->p + rx->n, rx->cap - rx->n, 0);
		if (r < 0 && c->ssl == NULL && errno == EINTR)
			continue;
		if (r <= 0)
			bench_die("the connection ended: %s", r == 0 ? "end of file" : strerror(errno));
		rx->n += (size_t)r;
	}
	return bench_rx_take(rx);
}
