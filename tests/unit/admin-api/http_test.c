/* What has to do with time, TLS, starting and stopping. */
#include "fixture.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <time.h>

static struct fx *
begin(uint32_t change_ms, uint32_t request_ms)
{
	struct fx *f = fx_new();

	f->conf.change_timeout_ms = change_ms;
	f->conf.request_timeout_ms = request_ms;
	return f;
}

static void
wait_queued(struct fx *f, size_t n)
{
	for (bool there = false; !there;) {
		pthread_mutex_lock(&f->control.lock);
		there = f->control.queued >= n;
		pthread_mutex_unlock(&f->control.lock);
		sched_yield();
	}
}

/* A change that takes too long: 504, and the late end of it finds nobody and frees. */
static void
slow_change(void **state)
{
	struct fx	*f = begin(50, 5000);
	struct fx_answer a;

	(void)state;
	fx_start(f);
	fx_set(f, &f->control.hold, true);
	a = fx_do(f, "PUT", "/v1/tenants/acme", NULL);
	assert_int_equal(a.status, 504);
	assert_non_null(strstr(fx_str(&a, "detail"), "may still take effect"));
	fx_done(&a);
	fx_set(f, &f->control.hold, false);
	while (!fx_logged(f, "a change ended after its request"))	/* one that comes before would meet it: 409 */
		sched_yield();
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/acme", NULL, NULL), 200);
	fx_free(f);
}

/* Slow head, slow body: the connection ends by itself. */
static void
slow_client(void **state)
{
	static const char *const beginnings[] = {
		"", "GET /v1/whoami HT", "POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
		"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
	};
	struct fx *f = begin(0, 100);

	(void)state;
	fx_start(f);
	for (size_t i = 0; i < ALV_COUNT(beginnings); i++) {
		struct fx_answer a = fx_raw(adm_port(f->server), beginnings[i]);

		assert_true(a.status == 0 || a.status == 408);
		fx_done(&a);
	}
	fx_free(f);
}

struct releaser {
	struct fx *f;
	int	   fd;
};

/* Who waits is answered while the server stops; only then does the control thread go on. */
static void *
release(void *arg)
{
	struct releaser *r = arg;
	struct fx_answer a = fx_read(r->fd);

	assert_int_equal(a.status, 503);
	fx_done(&a);
	fx_set(r->f, &r->f->control.hold, false);
	return NULL;
}

static void
stop_with_work_out(void **state)
{
	struct fx	*f = begin(0, 0);
	struct releaser	 r = { .f = f };
	pthread_t	 t;
	int		 idle;
	struct fx_answer a;

	(void)state;
	fx_start(f);
	idle = fx_connect(adm_port(f->server));
	fx_set(f, &f->control.hold, true);
	r.fd = fx_send(f, FX_ADMIN, "PUT", "/v1/tenants/acme", NULL, NULL);
	wait_queued(f, 1);
	assert_int_equal(pthread_create(&t, NULL, release, &r), 0);
	adm_stop(f->server);
	f->server = NULL;
	pthread_join(t, NULL);
	a = fx_read(idle);
	assert_int_equal(a.status, 0);
	fx_done(&a);
	assert_int_equal(f->control.ntenants, 1);
	fx_free(f);
}

static void
keep_alive(void **state)
{
	struct fx	*f = begin(0, 0);
	int		 fd;
	struct fx_answer a;
	const char	*text = "DELETE /v1/tenants/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " FX_ADMIN "\r\n\r\n"
			    "GET /v1/whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " FX_ADMIN "\r\nConnection: close\r\n\r\n";

	(void)state;
	fx_start(f);
	assert_int_equal(fx_try(f, "PUT", "/v1/tenants/a", NULL, NULL), 201);
	fd = fx_connect(adm_port(f->server));
	fx_write(fd, text, strlen(text));
	a = fx_read(fd);
	assert_int_equal(a.status, 204);
	assert_null(strstr(a.text, "chunked"));
	assert_non_null(strstr(a.text, "\"role\":\"platform-admin\""));
	fx_done(&a);
	fx_free(f);
}

static void
too_many_connections(void **state)
{
	struct fx	*f = begin(0, 0);
	int		 fd[260];
	size_t		 closed = 0;
	struct fx_answer a;

	(void)state;
	fx_start(f);
	for (size_t i = 0; i < ALV_COUNT(fd); i++)
		fd[i] = fx_connect(adm_port(f->server));
	for (size_t i = 256; i < ALV_COUNT(fd); i++) {
		char c;

		closed += recv(fd[i], &c, 1, 0) <= 0;
	}
	assert_int_equal(closed, 4);
	for (size_t i = 0; i < ALV_COUNT(fd); i++)
		close(fd[i]);
	/* The other listener did not notice. */
	a = fx_raw(adm_ops_port(f->server), "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(a.status, 200);
	fx_done(&a);
	fx_free(f);
}

/* ---- TLS ---- */

static void
make_certificate(struct fx *f)
{
	static char cert[128], key[128];
	EVP_PKEY   *k = EVP_EC_gen("P-256");
	X509	   *x = X509_new();
	FILE	   *file;

	snprintf(cert, sizeof(cert), "%s/cert.pem", f->tmp);
	snprintf(key, sizeof(key), "%s/key.pem", f->tmp);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, k);
	assert_true(X509_sign(x, k, EVP_sha256()) > 0);
	file = fopen(cert, "w");
	PEM_write_X509(file, x);
	fclose(file);
	file = fopen(key, "w");
	PEM_write_PrivateKey(file, k, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	X509_free(x);
	EVP_PKEY_free(k);
	f->config.admin.tls = true;
	f->config.admin.certificate_file = cert;
	f->config.admin.key_file = key;
}

static void
tls(void **state)
{
	static const unsigned char both[] = "\x02h2\x08http/1.1";
	static const char	   ask[] = "GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct fx		  *f = begin(0, 0);
	SSL_CTX			  *ctx = SSL_CTX_new(TLS_client_method());
	const unsigned char	  *chosen;
	unsigned		   n;
	char			   text[16] = "";

	(void)state;
	make_certificate(f);
	fx_start(f);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		int  fd = fx_connect(adm_port(f->server));
		SSL *ssl = SSL_new(ctx);

		SSL_set_max_proto_version(ssl, version);
		SSL_set_alpn_protos(ssl, both, sizeof(both) - 1);
		SSL_set_fd(ssl, fd);
		assert_int_equal(SSL_connect(ssl), 1);
		SSL_get0_alpn_selected(ssl, &chosen, &n);
		assert_int_equal(n, 8);
		assert_memory_equal(chosen, "http/1.1", 8);
		assert_int_equal(SSL_write(ssl, ask, sizeof(ask) - 1), sizeof(ask) - 1);
		assert_true(SSL_read(ssl, text, 15) == 15);
		assert_string_equal(text, "HTTP/1.1 200 OK");
		SSL_free(ssl);
		close(fd);
	}
	SSL_CTX_free(ctx);
	fx_free(f);
}

static void
bad_start(void **state)
{
	struct fx     *f = begin(0, 0), *g;
	struct alv_buf err;

	(void)state;
	alv_buf_init(&err, 4096);
	make_certificate(f);
	f->config.admin.key_file = f->config.admin.certificate_file;
	assert_int_equal(adm_start(&f->conf, &f->server, &err), ALV_E_TLS);
	assert_null(f->server);
	f->config.admin.tls = false;
	f->config.admin.tokens_file = "/nonexistent/tokens";
	assert_int_equal(adm_start(&f->conf, &f->server, &err), ALV_E_SYSTEM);
	fx_tokens(f);
	fx_start(f);
	g = begin(0, 0);
	g->config.ops.port = adm_ops_port(f->server);
	assert_int_equal(adm_start(&g->conf, &g->server, &err), ALV_E_SYSTEM);
	alv_buf_byte(&err, 0);
	assert_non_null(strstr((char *)err.p, "the key cannot be used"));
	assert_non_null(strstr((char *)err.p, "/nonexistent/tokens: cannot be read"));
	assert_non_null(strstr((char *)err.p, "ops: cannot listen on 127.0.0.1"));
	alv_buf_fini(&err);
	fx_free(g);
	fx_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_change), cmocka_unit_test(slow_client), cmocka_unit_test(stop_with_work_out),
		cmocka_unit_test(keep_alive), cmocka_unit_test(too_many_connections), cmocka_unit_test(tls), cmocka_unit_test(bad_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
