/* Fetching: which addresses may be connected to, and every way in which an issuer's answer can be none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/clock.h>
#include <alcove/oauth.h>
#include <alcove/str.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jwks/fetch.h"

/* ---- addresses ------------------------------------------------------------------------------------------ */

static bool
may(const char *text, const char *allowed)
{
	struct sockaddr_storage a = { .ss_family = strchr(text, ':') == NULL ? AF_INET : AF_INET6 };
	struct alv_cidr		net;
	bool			v4 = a.ss_family == AF_INET;
	void *to = v4 ? (void *)&((struct sockaddr_in *)&a)->sin_addr : (void *)&((struct sockaddr_in6 *)&a)->sin6_addr;

	assert_int_equal(inet_pton(a.ss_family, text, to), 1);
	if (allowed != NULL)
		assert_int_equal(alv_cidr_parse(alv_str_of(allowed), &net), ALV_OK);
	return jwk_address_may((const struct sockaddr *)&a, v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6), &net,
	    allowed == NULL ? 0 : 1);
}

static void
addresses(void **state)
{
	static const char *const others[] = {
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9",
		"224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1",
		"::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::1", "2001::1", "2001:db8::1",
		"2002:7f00:1::1", "3fff::1", "::7f00:1", "100::1", "4000::1", "5f00::1",
	};
	static const char *const internet[] = {
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.0", "126.1.1.1", "128.0.0.1", "169.253.1.1",
		"172.15.1.1", "172.32.0.1", "192.0.1.1", "192.167.1.1", "192.169.1.1", "198.17.1.1", "198.20.0.1", "223.255.255.255",
		"2606:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "::ffff:8.8.8.8",
	};
	struct sockaddr unix_socket = { .sa_family = AF_UNIX };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(others); i++)
		assert_false(may(others[i], NULL));
	for (size_t i = 0; i < ALV_COUNT(internet); i++)
		assert_true(may(internet[i], NULL));
	assert_true(may("10.1.2.3", "10.0.0.0/8") && may("::1", "::1") && may("::ffff:10.1.2.3", "10.0.0.0/8"));
	assert_false(may("10.1.2.3", "10.0.0.0/16") || may("127.0.0.1", "10.0.0.0/8"));
	assert_true(may("8.8.8.8", "10.0.0.0/8"));
	assert_false(jwk_address_may(&unix_socket, sizeof(unix_socket), NULL, 0));
}

/* ---- a server that says one thing -------------------------------------------------------------------------- */

struct server {
	pthread_t   thread;
	int	    fd;
	uint16_t    port;
	const char *says;
	size_t	    body;		/* bytes of 'x' behind it */
	bool	    hangs;		/* says no more, and stays */
	int	    asked;
};

static void *
serve(void *arg)
{
	struct server *s = arg;
	char	       in[4096], x[4096];
	size_t	       left = s->body;
	int	       c = accept(s->fd, NULL, NULL);

	memset(x, 'x', sizeof(x));
	if (c < 0)
		return NULL;
	s->asked++;
	(void)!recv(c, in, sizeof(in), 0);
	(void)!send(c, s->says, strlen(s->says), MSG_NOSIGNAL);
	while (left > 0 && send(c, x, left < sizeof(x) ? left : sizeof(x), MSG_NOSIGNAL) > 0)
		left -= left < sizeof(x) ? left : sizeof(x);
	while (s->hangs && recv(c, in, sizeof(in), 0) > 0)
		;
	close(c);
	return NULL;
}

static void
begin(struct server *s, const char *says)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t	   n = sizeof(a);

	*s = (struct server){ .fd = socket(AF_INET, SOCK_STREAM, 0), .says = says };
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->fd, 4), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
}

static void
end(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

/* "": it is good. */
static void
ask(struct server *s, const char *allowed, bool stop, char why[static JWK_WHY], struct alv_buf *out)
{
	struct alv_cidr net;
	atomic_bool	stops = stop;
	bool		good;
	char		url[64];
	struct jwk_ask	a = { .url = url, .allowed = &net, .nallowed = allowed == NULL ? 0 : 1, .connect_ms = 500, .all_ms = 500,
		.stop = &stops };

	if (allowed != NULL)
		assert_int_equal(alv_cidr_parse(alv_str_of(allowed), &net), ALV_OK);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/keys", s->port);
	why[0] = '\0';
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	good = jwk_fetch(&a, out, why);
	end(s);
	assert_int_equal(good, why[0] == '\0');
}

static void
answers(void **state)
{
	static const struct { const char *says; size_t body; const char *why; } cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0, NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 262144\r\n\r\n", 262144, NULL },
		{ "HTTP/1.1 200 OK\r\n\r\n", 1000, NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n", 262145, "more than 262144" },
		{ "HTTP/1.1 200 OK\r\n\r\n", 300000, "more than 262144" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", 0, "" },
		{ "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0, "status 404" },
		{ "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 0, "status 302" },
		{ "HTTP/1.1 204 No Content\r\n\r\n", 0, "status 204" },
		{ "garbage\r\n\r\n", 0, "" },
		{ "", 0, "" },
	};
	char	       why[JWK_WHY];
	struct server  s;
	struct alv_buf out;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		begin(&s, cases[i].says);
		s.body = cases[i].body;
		ask(&s, "127.0.0.1", false, why, &out);
		assert_int_equal(s.asked, 1);
		if (cases[i].why == NULL)
			assert_string_equal(why, "");
		else
			assert_true(why[0] != '\0' && strstr(why, cases[i].why) != NULL);
		if (cases[i].why == NULL)
			assert_int_equal(out.n, cases[i].body == 0 ? 2 : cases[i].body);
		alv_buf_fini(&out);
	}
}

static void
bounded_in_time(void **state)
{
	static const char *const says[] = { "", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{" };
	char		   why[JWK_WHY];
	struct server	   s;
	struct alv_buf	   out;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(says); i++) {
		uint64_t began = alv_mono_us();

		begin(&s, says[i]);
		s.hangs = true;
		ask(&s, "127.0.0.1", false, why, &out);
		assert_non_null(strstr(why, "imeout"));
		assert_true(alv_mono_us() - began >= 450000);
		alv_buf_fini(&out);
	}
	/* Told to stop, it waits for nothing. */
	begin(&s, "");
	s.hangs = true;
	ask(&s, "127.0.0.1", true, why, &out);
	assert_null(strstr(why, "imeout"));
	alv_buf_fini(&out);
}

/* A resolver that does not answer, in the place of libc's: for as long as somebody waits for it, 10 s at most. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t	changed;
	bool		asked, go, answered;
} resolver = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, false };

static void
hang(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&resolver.lock);
	resolver.asked = true;
	while (!resolver.go && pthread_cond_timedwait(&resolver.changed, &resolver.lock, &until) == 0)
		;
	resolver.answered = true;
	pthread_cond_broadcast(&resolver.changed);
	pthread_mutex_unlock(&resolver.lock);
}

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
	    (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");

	if (host == NULL || strcmp(host, "slow.test") != 0)
		return real(host, service, hints, out);
	hang();
	return EAI_AGAIN;
}

/* One thread asks for all issuers' keys: whoever has the DNS of one must not hold it longer than an answer may take. */
static void
nobody_waits_for_a_resolver(void **state)
{
	atomic_bool    stop = false;
	struct jwk_ask a = { .url = "https://slow.test/", .connect_ms = 200, .all_ms = 200, .stop = &stop };
	char	       why[JWK_WHY] = "";
	struct alv_buf out;
	bool	       answered;

	(void)state;
	assert_false(jwk_fetch(&a, &out, why));
	alv_buf_fini(&out);
	pthread_mutex_lock(&resolver.lock);
	answered = resolver.answered;
	resolver.go = true;
	pthread_cond_broadcast(&resolver.changed);
	while (resolver.asked && !resolver.answered)
		pthread_cond_wait(&resolver.changed, &resolver.lock);
	pthread_mutex_unlock(&resolver.lock);
	assert_true(resolver.asked);
	assert_false(answered);
	assert_non_null(strstr(why, "imeout"));
}

static void
a_refused_address_is_not_connected_to(void **state)
{
	char	       why[JWK_WHY];
	struct server  s;
	struct alv_buf out;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);	/* nor asked for by another */
	begin(&s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
	ask(&s, NULL, false, why, &out);
	assert_int_equal(s.asked, 0);
	assert_non_null(strstr(why, "neither the Internet's"));
	alv_buf_fini(&out);
	begin(&s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
	ask(&s, "127.0.0.0/8", false, why, &out);
	assert_string_equal(why, "");
	alv_buf_fini(&out);
	unsetenv("http_proxy");
}

static void
only_the_scheme_that_was_said(void **state)
{
	static const char *const urls[] = { "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "https://127.0.0.1:1/" };
	struct alv_cidr	   net;
	atomic_bool	   stop = false;

	(void)state;
	assert_int_equal(alv_cidr_parse(ALV_STR("127.0.0.0/8"), &net), ALV_OK);
	for (size_t i = 0; i < ALV_COUNT(urls); i++) {
		struct jwk_ask a = { .url = urls[i], .allowed = &net, .nallowed = 1, .connect_ms = 500, .all_ms = 500, .stop = &stop };
		char	       why[JWK_WHY] = "";
		struct alv_buf out;

		assert_false(jwk_fetch(&a, &out, why));
		assert_true(why[0] != '\0');
		assert_int_equal(out.n, 0);
		alv_buf_fini(&out);
	}
}

static void
files(void **state)
{
	char	       path[] = "/tmp/alcove-jwks.XXXXXX", why[JWK_WHY] = "";
	int	       fd = mkstemp(path);
	struct alv_buf out;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{}", 2), 2);
	assert_true(jwk_read(path, &out, why));
	assert_int_equal(out.n, 2);
	alv_buf_fini(&out);
	assert_int_equal(ftruncate(fd, AUT_JWKS_MAX + 1), 0);
	assert_false(jwk_read(path, &out, why));
	assert_non_null(strstr(why, "more than"));
	alv_buf_fini(&out);
	close(fd);
	unlink(path);
	assert_false(jwk_read(path, &out, why));
	assert_non_null(strstr(why, "No such file"));
	alv_buf_fini(&out);
	assert_false(jwk_read("/tmp", &out, why));
	assert_non_null(strstr(why, "no regular file"));
	alv_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(answers),
		cmocka_unit_test(bounded_in_time),
		cmocka_unit_test(nobody_waits_for_a_resolver),
		cmocka_unit_test(a_refused_address_is_not_connected_to),
		cmocka_unit_test(only_the_scheme_that_was_said),
		cmocka_unit_test(files),
	};
	int r;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return r;
}
