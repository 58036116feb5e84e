/* Contexts: every way a certificate, key or CA file can be wrong is refused with words that name it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <alcove/base.h>

#include "net/tls.h"

#include "tests/unit/gateway/net/certs.h"

static struct certs certs;
static char	    absent[128], garbage[128], locked[128];

static int
setup(void **state)
{
	FILE *f;

	(void)state;
	certs_make(&certs);
	snprintf(absent, sizeof(absent), "%s/absent.pem", certs.dir);
	snprintf(garbage, sizeof(garbage), "%s/garbage.pem", certs.dir);
	snprintf(locked, sizeof(locked), "%s/locked.key", certs.dir);
	f = fopen(garbage, "w");
	cert_must(f != NULL && fputs("this is no PEM\n", f) >= 0 && fclose(f) == 0, "writing");
	f = fopen(locked, "w");
	cert_must(f != NULL && PEM_write_PKCS8PrivateKey(f, certs.server.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL) == 1 &&
	    fclose(f) == 0, "writing");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	certs_drop(&certs);
	return 0;
}

struct wrong {
	const char *cert, *key, *min_protocol, *ciphers, *ciphersuites;
	const char *names, *says;	/* what the error must hold */
};

static void
server_refuses(const struct wrong *w)
{
	const struct net_tls_server_conf c = { .cert_file = w->cert, .key_file = w->key, .min_protocol = w->min_protocol,
		.ciphers = w->ciphers, .ciphersuites = w->ciphersuites };
	struct net_tls_error err = { "" };

	assert_null(net_tls_server_new(&c, &err));
	assert_non_null(strstr(err.text, w->names));
	assert_non_null(strstr(err.text, w->says));
}

static void
test_server_errors(void **state)
{
	const char	  *cert = certs.server.cert_file, *key = certs.server.key_file;
	const struct wrong all[] = {
		{ absent, key, NULL, NULL, NULL, absent, "No such file or directory" },
		{ cert, absent, NULL, NULL, NULL, absent, "No such file or directory" },
		{ garbage, key, NULL, NULL, NULL, garbage, "no start line" },
		{ cert, garbage, NULL, NULL, NULL, garbage, "expected a private key in PEM" },
		{ cert, locked, NULL, NULL, NULL, locked, "the key is encrypted" },
		{ cert, certs.client.key_file, NULL, NULL, NULL, certs.client.key_file, "does not belong to the certificate" },
		{ cert, certs.rsa.key_file, NULL, NULL, NULL, certs.rsa.key_file, "does not belong to the certificate" },
		{ certs.expired.cert_file, certs.expired.key_file, NULL, NULL, NULL, certs.expired.cert_file, "expired (notAfter 20" },
		{ cert, key, "TLSv1.1", NULL, NULL, "\"TLSv1.1\"", "expected \"TLSv1.2\" or \"TLSv1.3\"" },
		{ cert, key, NULL, "NO-SUCH-CIPHER", NULL, "NO-SUCH-CIPHER", "no cipher match" },
		{ cert, key, NULL, NULL, "NO_SUCH_SUITE", "NO_SUCH_SUITE", "cipher suites" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(all); i++)
		server_refuses(&all[i]);
}

static void
test_client_errors(void **state)
{
	const struct {
		struct net_tls_client_conf c;
		const char		  *names, *says;
	} all[] = {
		{ { .ca_file = absent }, absent, "No such file" },
		{ { .ca_file = garbage }, garbage, "expected certificates in PEM" },
		{ { .cert_file = certs.client.cert_file }, "key file is missing", "expected both" },
		{ { .key_file = certs.client.key_file }, "certificate file is missing", "expected both" },
		{ { .cert_file = certs.client.cert_file, .key_file = certs.server.key_file }, certs.server.key_file, "does not belong" },
		{ { .min_protocol = "SSLv3" }, "SSLv3", "expected" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(all); i++) {
		struct net_tls_error err = { "" };

		assert_null(net_tls_client_new(&all[i].c, &err));
		assert_non_null(strstr(err.text, all[i].names));
		assert_non_null(strstr(err.text, all[i].says));
	}
}

static void
test_good_ones_load(void **state)
{
	const struct cert_id *const ids[] = { &certs.server, &certs.rsa };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(ids); i++) {
		const struct net_tls_server_conf s = { .cert_file = ids[i]->cert_file, .key_file = ids[i]->key_file,
			.min_protocol = "TLSv1.3", .ciphersuites = "TLS_AES_256_GCM_SHA384" };
		const struct net_tls_client_conf c = { .cert_file = ids[i]->cert_file, .key_file = ids[i]->key_file };
		struct net_tls_error		 err = { "" };
		struct net_tls_server		*server = net_tls_server_new(&s, &err);
		struct net_tls_client		*client = net_tls_client_new(&c, &err);

		assert_string_equal(err.text, "");
		assert_non_null(server);
		assert_non_null(client);
		net_tls_server_free(server);
		net_tls_client_free(client);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_errors),
		cmocka_unit_test(test_client_errors),
		cmocka_unit_test(test_good_ones_load),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
