/* A real server on free ports, a control thread that keeps tenants in memory, and a small HTTP client over sockets. */
#ifndef TESTS_ADMIN_API_FIXTURE_H
#define TESTS_ADMIN_API_FIXTURE_H

#include "admin-api/server.h"

#include <alcove/log.h>
#include <alcove/str.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/sha.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_control.h"

/* h2o 2.2.5 keeps recycled memory per thread and does not free a queue's head: once per server, none per request. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libh2o-evloop\n";
}

#define FX_ADMIN  "an-admin-token-for-tests-only"
#define FX_VIEWER "a-viewer-token-for-tests-only"

struct fx {
	char		   tmp[64];
	struct pol_config  config;
	struct alv_qsbr	  *qsbr;
	struct clu_board  *board;
	struct met_worker *meter;
	struct con_control control;
	struct adm_server *server;
	int		   log;	/* what was logged, a memory file */
	struct adm_conf	   conf;
};

static void
fx_set(struct fx *f, bool *what, bool v)
{
	pthread_mutex_lock(&f->control.lock);
	*what = v;
	pthread_cond_broadcast(&f->control.cond);
	pthread_mutex_unlock(&f->control.lock);
}

static void
fx_hash(const char *token, char out[static 65])
{
	uint8_t h[32];

	SHA256((const uint8_t *)token, strlen(token), h);
	for (int i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", h[i]);
}

static void
fx_tokens(struct fx *f)
{
	static char path[128];
	char	    a[65], v[65];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/tokens", f->tmp);
	file = fopen(path, "w");
	assert_non_null(file);
	fx_hash(FX_ADMIN, a);
	fx_hash(FX_VIEWER, v);
	fprintf(file, "# role:name:sha256\n\nplatform-admin:root:%s\nviewer:looker:%s\n", a, v);
	fclose(file);
	f->config.admin.tokens_file = path;
}

static struct fx *
fx_new(void)
{
	struct fx *f = calloc(1, sizeof(*f));

	snprintf(f->tmp, sizeof(f->tmp), "/tmp/alcove-admin-XXXXXX");
	assert_non_null(mkdtemp(f->tmp));
	f->log = memfd_create("log", MFD_CLOEXEC);
	alv_log_setup(f->log, ALV_LOG_DEBUG, ALV_LOG_TEXT);
	f->qsbr = alv_qsbr_new();
	f->board = clu_board_new(f->qsbr);
	f->meter = met_worker_new(8, 8);
	f->control.dir = pol_dir_new(f->qsbr);
	f->control.tail = &f->control.head;
	pthread_mutex_init(&f->control.lock, NULL);
	pthread_cond_init(&f->control.cond, NULL);
	assert_int_equal(pthread_create(&f->control.thread, NULL, fx_control, &f->control), 0);
	snprintf(f->config.admin.bind.host, sizeof(f->config.admin.bind.host), "127.0.0.1");
	snprintf(f->config.ops.host, sizeof(f->config.ops.host), "127.0.0.1");
	fx_tokens(f);
	f->conf = (struct adm_conf){ .config = &f->config, .control = &f->control, .dir = f->control.dir, .board = f->board,
		.qsbr = f->qsbr, .meters = &f->meter, .nmeters = 1, .version = "test" };
	return f;
}

static void
fx_start(struct fx *f)
{
	struct alv_buf err;

	alv_buf_init(&err, 4096);
	if (adm_start(&f->conf, &f->server, &err) != ALV_OK)
		fail_msg("%.*s", (int)err.n, (const char *)err.p);
	alv_buf_fini(&err);
}

static void
fx_free(struct fx *f)
{
	char path[160];

	adm_stop(f->server);
	fx_set(f, &f->control.hold, false);
	fx_set(f, &f->control.stop, true);
	pthread_join(f->control.thread, NULL);
	pol_dir_free(f->control.dir);
	for (size_t i = 0; i < f->control.ntenants; i++) {
		pol_rules_free(f->control.tenant[i].rules);
		pol_quota_list_free(f->control.tenant[i].quotas);
	}
	clu_board_free(f->board);
	alv_qsbr_free(f->qsbr);
	met_worker_free(f->meter);
	alv_log_setup(2, ALV_LOG_INFO, ALV_LOG_TEXT);
	close(f->log);
	for (const char *const *n = (const char *const[]){ "tokens", "cert.pem", "key.pem", NULL }; *n != NULL; n++) {
		snprintf(path, sizeof(path), "%s/%s", f->tmp, *n);
		unlink(path);
	}
	rmdir(f->tmp);
	free(f);
}

/* ---- client ---- */

struct fx_answer {
	int	status;
	char   *text;	/* everything */
	char   *body;	/* in text */
	json_t *json;	/* NULL: none */
};

static inline int
fx_connect(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int		   fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval	   tv = { .tv_sec = 30 };

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
fx_write(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w <= 0)
			return;	/* the server may close early */
		p += w;
		n -= (size_t)w;
	}
}

/* Reads to the end of the connection. */
static struct fx_answer
fx_read(int fd)
{
	struct fx_answer a = { 0 };
	size_t		 n = 0, room = 1 << 22;
	ssize_t		 got;

	a.text = calloc(1, room + 1);
	while (n < room && (got = recv(fd, a.text + n, room - n, 0)) > 0)
		n += (size_t)got;
	close(fd);
	if (sscanf(a.text, "HTTP/1.1 %d", &a.status) != 1)
		a.status = 0;
	a.body = strstr(a.text, "\r\n\r\n");
	a.body = a.body == NULL ? a.text + n : a.body + 4;
	a.json = json_loads(a.body, 0, NULL);
	return a;
}

static void
fx_done(struct fx_answer *a)
{
	json_decref(a->json);
	free(a->text);
}

static inline struct fx_answer
fx_raw(uint16_t port, const char *text)
{
	int fd = fx_connect(port);

	fx_write(fd, text, strlen(text));
	return fx_read(fd);
}

static int
fx_send(struct fx *f, const char *token, const char *method, const char *path, const char *headers, const char *body)
{
	int    fd = fx_connect(adm_port(f->server));
	size_t room = 4096 + (body == NULL ? 0 : strlen(body));
	char  *text = malloc(room);
	int    n = snprintf(text, room, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s", method, path, headers == NULL ? "" : headers);

	if (token != NULL)
		n += snprintf(text + n, room - (size_t)n, "Authorization: Bearer %s\r\n", token);
	if (body != NULL)
		n += snprintf(text + n, room - (size_t)n, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
	else
		n += snprintf(text + n, room - (size_t)n, "\r\n");
	fx_write(fd, text, (size_t)n);
	free(text);
	return fd;
}

static struct fx_answer
fx_as(struct fx *f, const char *token, const char *method, const char *path, const char *headers, const char *body)
{
	return fx_read(fx_send(f, token, method, path, headers, body));
}

static inline struct fx_answer
fx_do(struct fx *f, const char *method, const char *path, const char *body)
{
	return fx_as(f, FX_ADMIN, method, path, NULL, body);
}

/* Status only. */
static inline int
fx_try(struct fx *f, const char *method, const char *path, const char *headers, const char *body)
{
	struct fx_answer a = fx_as(f, FX_ADMIN, method, path, headers, body);
	int		 status = a.status;

	fx_done(&a);
	return status;
}

static inline const char *
fx_str(const struct fx_answer *a, const char *name)
{
	const char *s = json_string_value(json_object_get(a->json, name));

	return s == NULL ? "" : s;
}

static inline int64_t
fx_int(const struct fx_answer *a, const char *name)
{
	return json_integer_value(json_object_get(a->json, name));
}

static inline bool
fx_logged(struct fx *f, const char *what)
{
	off_t n = lseek(f->log, 0, SEEK_END);
	char *text = calloc(1, (size_t)n + 1);
	bool  found;

	if (pread(f->log, text, (size_t)n, 0) != n)
		abort();
	found = strstr(text, what) != NULL;
	free(text);
	return found;
}

/* A test's beginning and end, where there is the tenant acme. */
static inline int
fx_setup_acme(void **state)
{
	struct fx *f = fx_new();

	fx_start(f);
	fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL);
	*state = f;
	return 0;
}

static inline int
fx_teardown(void **state)
{
	fx_free(*state);
	return 0;
}

#endif
