/* What a running gateway may take from a changed file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"

#include "policies/option.h"

static char home[FIX_PATH];

static int
setup(void **state)
{
	char		path[FIX_LONG];
	struct pol_init i = { .dir = path, .domain = "kafka.test" };
	struct alv_buf	out, err;

	(void)state;
	fix_dir(home);
	snprintf(path, sizeof(path), "%.200s/a", home);
	alv_buf_init(&out, 8192);
	alv_buf_init(&err, 8192);
	assert_int_equal(pol_init_dir(&i, &out, &err), ALV_OK);
	alv_buf_fini(&out);
	alv_buf_fini(&err);
	fix_write(home, "password", "one\n", 0600);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fix_remove(home);
	return 0;
}

static const char base[] =
    "listeners:\n"
    "  - name: main\n"
    "    bind: 127.0.0.1:9093\n"
    "    domain: kafka.test\n"
    "    tls: { certificate.file: a/server.pem, key.file: a/server.key }\n"
    "upstream:\n"
    "  bootstrap.servers: [127.0.0.1:9092, 127.0.0.1:9094]\n"
    "  security.protocol: SASL_PLAINTEXT\n"
    "  sasl: { username: alcove, password.file: password }\n"
    "admin: { tokens.file: a/tokens }\n"
    "state: { file: x.db, key.file: a/state.key }\n"
    "limits: { connections.max: 10 }\n";

static struct pol_config *
load(const char *text)
{
	char		   path[FIX_LONG];
	struct pol_config *c;
	struct alv_buf	   err;

	fix_write(home, "t.yaml", text, 0600);
	snprintf(path, sizeof(path), "%s/t.yaml", home);
	alv_buf_init(&err, 8192);
	if (pol_config_load(path, &c, &err))
		fail_msg("%.*s", (int)err.n, (const char *)err.p);
	alv_buf_fini(&err);
	return c;
}

/* The base with the first `from` replaced. */
static struct pol_config *
edited(const char *from, const char *to)
{
	char	    text[4096];
	const char *at = strstr(base, from);

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - base), base, to, at + strlen(from));
	return load(text);
}

/* NULL: nothing needs a restart; else how its first line begins. */
static void
verdict(const char *from, const char *to, const char *key)
{
	struct pol_config *a = load(base), *b = edited(from, to);
	struct alv_buf	   out;

	alv_buf_init(&out, 8192);
	assert_int_equal(pol_config_needs_restart(a, b, &out), key != NULL);
	if (key != NULL)
		assert_memory_equal(out.p, key, strlen(key));
	else
		assert_int_equal(out.n, 0);
	alv_buf_fini(&out);
	pol_config_free(a);
	pol_config_free(b);
}

static void
test_what_needs_a_restart(void **state)
{
	(void)state;
	verdict("127.0.0.1:9093", "127.0.0.1:9095", "listeners[0].bind: found another value");
	verdict("name: main", "name: other", "listeners[0].name: ");
	verdict("domain: kafka.test", "domain: kafka.test\n    advertised.port: 9999", "listeners[0].advertised.port: ");
	verdict("upstream:\n", "  - { name: b, bind: 127.0.0.1:0, endpoint: port, node.ports: 19000-19001 }\nupstream:\n",
	    "listeners: found more or fewer");
	verdict("x.db", "x y.db", "state.file: ");
	verdict("a/tokens", "a/tokens, tls: { certificate.file: a/server.pem, key.file: a/server.key }", "admin.tls: ");
	verdict("limits:", "workers: 3\nlimits:", "workers: ");
	verdict("limits:", "ops: { bind: 127.0.0.1:1234 }\nlimits:", "ops.bind: ");
	verdict("SASL_PLAINTEXT", "SASL_SSL", "upstream.security.protocol: ");
}

static void
test_what_does_not(void **state)
{
	(void)state;
	verdict("connections.max: 10", "connections.max: 11", NULL);
	verdict("limits:", "log: { level: debug }\nlimits:", NULL);
	verdict("limits:", "workers: 0\nlimits:", NULL);	/* the default, written */
	verdict("limits:", "ops: { bind: \"127.0.0.1:9464\" }\nlimits:", NULL);
	verdict("127.0.0.1:9092, 127.0.0.1:9094", "127.0.0.1:9098", NULL);
	verdict("key.file: a/server.key }", "key.file: a/server.key, min.protocol: TLSv1.3 }", NULL);
	verdict("key.file: a/server.key }", "key.file: a/server.key, certificates: [ { certificate.file: a/server.pem, key.file: a/server.key } ] }", NULL);
}

/* Every option that may change while running is one that the table says so of: none is compared by accident. */
static void
test_same(void **state)
{
	struct pol_config *a = load(base), *b = edited("connections.max: 10 }", "connections.max:   10 }  # a comment"), *c;

	(void)state;
	assert_true(pol_config_same(a, b));
	c = edited("connections.max: 10", "connections.max: 11");
	assert_false(pol_config_same(a, c));
	pol_config_free(c);
	c = edited("limits:", "log: { level: debug }\nlimits:");
	assert_false(pol_config_same(a, c));
	assert_false(pol_config_same(c, a));
	pol_config_free(a);
	pol_config_free(b);
	pol_config_free(c);
}

static void
test_the_password_is_renewed(void **state)
{
	struct pol_config *a = load(base), *b, *c;
	struct alv_buf	   err;

	(void)state;
	alv_buf_init(&err, 1024);
	assert_int_equal(pol_config_renew_password(a, &b, &err), ALV_OK);
	assert_null(b);
	fix_write(home, "password", "two\n", 0600);
	assert_int_equal(pol_config_renew_password(a, &b, &err), ALV_OK);
	assert_true(alv_str_eqz(b->upstream.password, "two"));
	assert_true(alv_str_eqz(a->upstream.password, "one"));
	fix_write(home, "password", "three", 0600);
	assert_int_equal(pol_config_renew_password(b, &c, &err), ALV_OK);
	pol_config_free(a);	/* its strings live on under the copies */
	assert_string_equal(b->upstream.username, "alcove");
	pol_config_free(b);
	assert_string_equal(c->upstream.username, "alcove");
	assert_true(alv_str_eqz(c->upstream.password, "three"));
	fix_write(home, "password", "\n", 0600);
	assert_int_equal(pol_config_renew_password(c, &b, &err), ALV_E_VALUE);
	assert_null(b);
	assert_non_null(memmem(err.p, err.n, "upstream.sasl.password.file: found no password", 46));
	alv_buf_fini(&err);
	pol_config_free(c);
	fix_write(home, "password", "one\n", 0600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_needs_a_restart),
		cmocka_unit_test(test_what_does_not),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_the_password_is_renewed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
