/* `alcove init`: a folder that runs as it is, or no folder at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"

#include <dirent.h>

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

static char parent[FIX_PATH], dir[FIX_PATH + 8];

static int
setup(void **state)
{
	(void)state;
	fix_dir(parent);
	snprintf(dir, sizeof(dir), "%s/gw", parent);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fix_remove(parent);
	return 0;
}

static enum alv_err
init(const struct pol_init *i, char *out, char *err)
{
	struct alv_buf o, e;
	enum alv_err   r;

	alv_buf_init(&o, 8192);
	alv_buf_init(&e, 8192);
	r = pol_init_dir(i, &o, &e);
	snprintf(out, 8192, "%.*s", (int)o.n, o.p == NULL ? "" : (char *)o.p);
	snprintf(err, 8192, "%.*s", (int)e.n, e.p == NULL ? "" : (char *)e.p);
	alv_buf_fini(&o);
	alv_buf_fini(&e);
	return r;
}

static unsigned
entries(const char *path)
{
	DIR	*d = opendir(path);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static X509 *
certificate(const char *name)
{
	char  path[FIX_PATH + 64];
	FILE *f;
	X509 *x;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	assert_non_null(f);
	x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(x);
	return x;
}

static void
check_certificates(void)
{
	X509	       *ca = certificate("ca.pem"), *server = certificate("server.pem");
	X509_STORE     *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	assert_int_equal(X509_STORE_add_cert(store, ca), 1);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, server, NULL), 1);
	X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
	assert_int_equal(X509_verify_cert(ctx), 1);
	assert_int_equal(X509_check_host(server, "acme.alcove.localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(server, "b3-acme.alcove.localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(server, "alcove.localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(server, "localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(server, "kafka.example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(server, "x.wild.example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(server, "other.example.com", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(server, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(server, "::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(server, "10.1.2.3", 0), 1);
	assert_int_equal(X509_check_ip_asc(server, "10.1.2.4", 0), 0);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(ca);
	X509_free(server);
}

/* The token is in what the user sees, its hash is in the file, and it is in no file itself. */
static void
check_token(const char *out)
{
	const char   *at = strstr(out, "shown this once:\n  ");
	char	      token[64], hex[65] = "";
	unsigned char hash[32];
	char	     *tokens = fix_read(dir, "tokens"), *yaml = fix_read(dir, "alcove.yaml");

	assert_non_null(at);
	assert_int_equal(sscanf(at, "shown this once:\n %63s", token), 1);
	assert_int_equal(strlen(token), 7 + 43);
	assert_int_equal(strncmp(token, "alcove_", 7), 0);
	SHA256((unsigned char *)token, strlen(token), hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(hex + i * 2, 3, "%02x", hash[i]);
	assert_non_null(strstr(tokens, "\nplatform-admin:admin:"));
	assert_non_null(strstr(tokens, hex));
	assert_null(strstr(tokens, token));
	assert_null(strstr(yaml, token));
	free(tokens);
	free(yaml);
}

static void
check_modes(void)
{
	static const struct { const char *name; mode_t mode; } rows[] = {
		{ "alcove.yaml", 0644 }, { "ca.pem", 0644 }, { "server.pem", 0644 }, { "ca.key", 0600 }, { "server.key", 0600 },
		{ "state.key", 0600 }, { "tokens", 0600 }, { "state", 0700 },
	};

	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		char	    path[FIX_PATH + 64];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", dir, rows[i].name);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, rows[i].mode);
	}
	assert_int_equal(entries(dir), ALV_COUNT(rows));
}

static void
makes_all(void **state)
{
	static const char *const sans[] = { "kafka.example.com", "*.wild.example.com", "10.1.2.3" };
	struct pol_init		 i = { .dir = dir, .sans = sans, .nsans = 3 };
	char			 out[8192], err[8192], path[FIX_PATH + 64];
	struct pol_config	*c;
	struct alv_buf		 words;

	(void)state;
	assert_int_equal(init(&i, out, err), ALV_OK);
	assert_string_equal(err, "");
	assert_int_equal(entries(parent), 1);
	check_modes();
	check_certificates();
	check_token(out);
	snprintf(path, sizeof(path), "%s/alcove.yaml", dir);
	alv_buf_init(&words, 8192);
	assert_int_equal(pol_config_load(path, &c, &words), ALV_OK);
	assert_int_equal(c->nlisteners, 2);
	assert_string_equal(c->listeners[0].domain, "alcove.localhost");
	assert_int_equal(c->listeners[1].endpoint, POL_ENDPOINT_PORT);
	assert_string_equal(c->listeners[1].advertised_host, "127.0.0.1");
	assert_string_equal(c->upstream.bootstrap[0].host, "127.0.0.1");
	assert_int_equal(c->upstream.bootstrap[0].port, 9092);
	pol_config_free(c);
	alv_buf_fini(&words);
}

static void
overwrites_nothing(void **state)
{
	struct pol_init i = { .dir = dir };
	char		out[8192], err[8192], *before, *after;

	(void)state;
	assert_int_equal(init(&i, out, err), ALV_OK);
	before = fix_read(dir, "state.key");
	assert_int_equal(init(&i, out, err), ALV_E_EXISTS);
	assert_non_null(strstr(err, "expected an empty or new folder"));
	assert_string_equal(out, "");
	after = fix_read(dir, "state.key");
	assert_string_equal(before, after);
	assert_int_equal(entries(parent), 1);
	free(before);
	free(after);
}

static void
one_file_is_in_the_way(void **state)
{
	struct pol_init i = { .dir = dir };
	char		out[8192], err[8192];

	(void)state;
	fix_write(parent, "gw", "mine", 0644);
	assert_int_equal(init(&i, out, err), ALV_E_EXISTS);
	assert_int_equal(entries(parent), 1);
	free(fix_read(parent, "gw"));
}

static void
takes_an_empty_folder(void **state)
{
	char		slashes[FIX_PATH + 16], out[8192], err[8192];
	struct pol_init i = { .dir = slashes, .domain = "Kafka.Test", .bootstrap = "k1:9092,[::1]:9093" };

	(void)state;
	assert_int_equal(mkdir(dir, 0755), 0);
	snprintf(slashes, sizeof(slashes), "%s//", dir);
	assert_int_equal(init(&i, out, err), ALV_OK);
	assert_int_equal(entries(dir), 8);
}

static void
refused(void **state)
{
	static const char *const bad_san[] = { "a b" }, *const inject[] = { "x,IP:1.2.3.4" };
	char			 missing[FIX_PATH + 32];
	const struct { struct pol_init in; enum alv_err want; const char *error; } rows[] = {
		{ { .dir = dir, .domain = "a b" }, ALV_E_VALUE, "domain: found 'a b', expected a domain name" },
		{ { .dir = dir, .domain = "" }, ALV_E_VALUE, "domain" },
		{ { .dir = dir, .domain = "x\n  evil: 1" }, ALV_E_VALUE, "domain" },
		{ { .dir = dir, .bootstrap = "k1" }, ALV_E_VALUE, "bootstrap: found 'k1', expected host:port" },
		{ { .dir = dir, .bootstrap = "k1:9092," }, ALV_E_VALUE, "bootstrap" },
		{ { .dir = dir, .bootstrap = "k1:0" }, ALV_E_VALUE, "bootstrap" },
		{ { .dir = dir, .sans = bad_san, .nsans = 1 }, ALV_E_VALUE, "name: found 'a b'" },
		{ { .dir = dir, .sans = inject, .nsans = 1 }, ALV_E_VALUE, "name" },
		{ { .dir = "." }, ALV_E_VALUE, "folder" },
		{ { .dir = "/" }, ALV_E_VALUE, "folder" },
		{ { .dir = "" }, ALV_E_VALUE, "folder" },
		{ { .dir = missing }, ALV_E_SYSTEM, "cannot create a folder beside" },
	};
	char out[8192], err[8192];

	(void)state;
	snprintf(missing, sizeof(missing), "%s/no/such", parent);
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		assert_int_equal(init(&rows[i].in, out, err), rows[i].want);
		assert_non_null(strstr(err, rows[i].error));
		assert_string_equal(out, "");
		assert_int_equal(entries(parent), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(makes_all, setup, teardown),
		cmocka_unit_test_setup_teardown(overwrites_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(one_file_is_in_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_an_empty_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
