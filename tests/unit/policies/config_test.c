/* alcove.yaml: what is good is bound, what is bad is named with its line, its key, what was found and what was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"

#include <dirent.h>

#include <alcove/authn.h>

#include "policies/option.h"

/* One folder with all the files that configurations name; made once, as keys take time. */
static char home[FIX_PATH], other[FIX_PATH];

static void
init(const char *parent, const char *name)
{
	char		path[FIX_LONG];
	static const char *const sans[] = { "*.kafka.test", "*.kafka.example.com" };
	struct pol_init i = { .dir = path, .sans = sans, .nsans = ALV_COUNT(sans) };
	struct alv_buf	out, err;

	snprintf(path, sizeof(path), "%.200s/%s", parent, name);
	alv_buf_init(&out, 8192);
	alv_buf_init(&err, 8192);
	assert_int_equal(pol_init_dir(&i, &out, &err), ALV_OK);
	alv_buf_fini(&out);
	alv_buf_fini(&err);
}

static void
copy(const char *from, const char *name, const char *to, const char *as)
{
	char *text = fix_read(from, name);

	fix_write(to, as, text, 0600);
	free(text);
}

static int
setup(void **state)
{
	char path[FIX_LONG];

	(void)state;
	fix_dir(home);
	init(home, "a");
	init(home, "b");
	snprintf(other, sizeof(other), "%.200s/b", home);
	snprintf(path, sizeof(path), "%s/tls", home);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/secrets", home);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/state", home);
	assert_int_equal(mkdir(path, 0755), 0);
	copy(home, "a/server.pem", home, "tls/server.pem");
	copy(home, "a/server.key", home, "tls/server.key");
	copy(home, "a/ca.pem", home, "tls/kafka-ca.pem");
	copy(home, "b/server.key", home, "tls/other.key");
	copy(home, "a/state.key", home, "secrets/state.key");
	copy(home, "a/tokens", home, "secrets/tokens");
	fix_write(home, "secrets/kafka-password", "hunter2-secret\n", 0640);
	fix_write(home, "secrets/open", "hunter2-secret\n", 0604);
	fix_write(home, "secrets/empty", "", 0600);
	fix_write(home, "secrets/blank", "\n", 0600);
	fix_write(home, "secrets/short.key", "c2hvcnQ=\n", 0600);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fix_remove(home);
	return 0;
}

static enum alv_err
load(const char *text, struct pol_config **c, char *err, size_t cap)
{
	char	       path[FIX_LONG];
	struct alv_buf b;
	enum alv_err   e;

	fix_write(home, "t.yaml", text, 0644);
	snprintf(path, sizeof(path), "%s/t.yaml", home);
	alv_buf_init(&b, 1 << 16);
	e = pol_config_load(path, c, &b);
	snprintf(err, cap, "%.*s", (int)b.n, b.p == NULL ? "" : (char *)b.p);
	alv_buf_fini(&b);
	assert_int_equal(e == ALV_OK, *c != NULL);
	assert_int_equal(e == ALV_OK, err[0] == '\0');
	return e;
}

/* ---- examples --------------------------------------------------------------------------------- */

static void
examples(void **state)
{
	DIR	      *d = opendir("policies/examples");
	struct dirent *e;
	int	       n = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		char		   err[4096], *text;
		struct pol_config *c;

		if (e->d_name[0] == '.')
			continue;
		print_message("%s\n", e->d_name);
		text = fix_read("policies/examples", e->d_name);
		load(text, &c, err, sizeof(err));
		assert_string_equal(err, "");
		pol_config_free(c);
		free(text);
		n++;
	}
	closedir(d);
	assert_int_equal(n, 3);
}

static void
production_is_bound(void **state)
{
	char		  *text = fix_read("policies/examples", "production.yaml"), err[4096], want[FIX_LONG];
	struct pol_config *c;

	(void)state;
	assert_int_equal(load(text, &c, err, sizeof(err)), ALV_OK);
	free(text);
	assert_int_equal(c->workers, 8);
	assert_int_equal(c->nlisteners, 2);
	assert_string_equal(c->listeners[0].name, "main");
	assert_string_equal(c->listeners[0].bind.host, "::");
	assert_int_equal(c->listeners[0].bind.port, 9092);
	assert_int_equal(c->listeners[0].endpoint, POL_ENDPOINT_SNI);
	assert_true(c->listeners[0].tls);
	snprintf(want, sizeof(want), "%s/tls/server.pem", home);
	assert_string_equal(c->listeners[0].certificate_file, want);
	assert_string_equal(c->listeners[1].min_protocol, "TLSv1.3");
	assert_int_equal(c->listeners[1].node_port_first, 9193);
	assert_int_equal(c->listeners[1].node_port_last, 9199);
	assert_int_equal(c->listeners[1].node_id_first, 1);
	assert_string_equal(c->listeners[1].tenant, "globex");
	assert_string_equal(c->listeners[1].advertised_host, "globex-kafka.example.com");
	assert_int_equal(c->upstream.nbootstrap, 3);
	assert_string_equal(c->upstream.bootstrap[2].host, "kafka-3.internal");
	assert_true(c->upstream.tls && c->upstream.sasl && c->upstream.verify_host);
	assert_int_equal(c->upstream.mechanism, AUT_SCRAM_SHA_512);
	assert_string_equal(c->upstream.username, "alcove");
	assert_true(alv_str_eqz(c->upstream.password, "hunter2-secret"));
	assert_null(c->upstream.key_file);
	assert_true(c->mechanisms[AUT_SCRAM_SHA_512] && c->mechanisms[AUT_SCRAM_SHA_256] && !c->mechanisms[AUT_PLAIN]);
	assert_int_equal(c->scram_iterations, 16384);
	assert_int_equal(c->reauth_max_ms, 3600000);
	assert_int_equal(c->oauth.nissuers, 1);
	assert_string_equal(c->oauth.issuers[0].name, "corp");
	assert_string_equal(c->oauth.issuers[0].audiences[0], "kafka");
	assert_string_equal(c->oauth.issuers[0].user_claim, "sub");
	assert_string_equal(c->oauth.issuers[0].groups_claim, "/realm_access/roles");
	assert_string_equal(c->oauth.issuers[0].required[0].name, "scope");
	assert_string_equal(c->oauth.issuers[0].required[0].value, "kafka");
	assert_int_equal(c->oauth.issuers[0].skew_s, 30);
	assert_int_equal(c->oauth.issuers[0].ntenants, 0);
	assert_null(c->oauth.issuers[0].jwks_file);
	assert_true(c->admin.tls);
	assert_int_equal(c->ops.port, 9464);
	assert_int_equal(c->limits.connections_max, 50000);
	assert_int_equal(c->limits.frame_max_bytes, 52428800);
	assert_int_equal(c->log.format, ALV_LOG_JSON);
	pol_config_free(c);
}

static void
minimal_has_defaults(void **state)
{
	char		  *text = fix_read("policies/examples", "minimal.yaml"), err[4096];
	struct pol_config *c;

	(void)state;
	assert_int_equal(load(text, &c, err, sizeof(err)), ALV_OK);
	free(text);
	assert_true(c->workers >= 1);
	assert_string_equal(c->listeners[0].min_protocol, "TLSv1.2");
	assert_int_equal(c->listeners[0].advertised_port, 0);
	assert_string_equal(c->listeners[0].tenant, "");
	assert_false(c->upstream.tls || c->upstream.sasl);
	assert_null(c->upstream.password.p);
	assert_int_equal(c->upstream.metadata_refresh_ms, 5000);
	assert_string_equal(c->admin.bind.host, "127.0.0.1");
	assert_int_equal(c->admin.bind.port, 8443);
	assert_false(c->admin.tls);
	assert_true(c->mechanisms[AUT_PLAIN]);
	assert_int_equal(c->scram_iterations, AUT_ITERATIONS_DEFAULT);
	assert_int_equal(c->limits.fetch_max_bytes, 8388608);
	assert_int_equal(c->limits.frame_max_bytes_unauthenticated, 16384);
	assert_int_equal(c->log.level, ALV_LOG_INFO);
	pol_config_free(c);
	/* The numbers that config.h gives without knowing authn. */
	assert_int_equal(POL_SASL_SCRAM_SHA_256, AUT_SCRAM_SHA_256);
	assert_int_equal(POL_SASL_SCRAM_SHA_512, AUT_SCRAM_SHA_512);
	assert_int_equal(POL_SASL_PLAIN, AUT_PLAIN);
	assert_int_equal(POL_SASL_OAUTHBEARER, AUT_OAUTHBEARER);
}

/* ---- refused ---------------------------------------------------------------------------------- */

/* A good file; each case below replaces one of its lines (found by its beginning) or adds at the end. */
static const char base[] =
    "listeners:\n"
    "  - name: main\n"
    "    bind: 127.0.0.1:9093\n"
    "    domain: kafka.test\n"
    "    tls: { certificate.file: tls/server.pem, key.file: tls/server.key }\n"
    "  - name: local\n"
    "    bind: 127.0.0.1:0\n"
    "    endpoint: port\n"
    "    node.ports: 19093-19102\n"
    "upstream:\n"
    "  bootstrap.servers: [127.0.0.1:9092]\n"
    "  security.protocol: SASL_SSL\n"
    "  sasl: { username: alcove, password.file: secrets/kafka-password }\n"
    "  ssl: { ca.file: tls/kafka-ca.pem }\n"
    "admin: { tokens.file: secrets/tokens }\n"
    "ops: { bind: 127.0.0.1:9464 }\n"
    "state: { file: state/x.db, key.file: secrets/state.key }\n"
    "limits:\n"
    "  connections.max: 10\n"
    "workers: 0\n";

/* Lines 21 on: an issuer; it needs a URL and whose it is. */
#define ISSUER(more) "authentication: { sasl.mechanisms: [SCRAM-SHA-512, OAUTHBEARER] }\noauth:\n  issuers:\n  - name: corp\n" \
	"    sasl.oauthbearer.expected.issuer: https://id.test\n    sasl.oauthbearer.expected.audience: kafka\n" more
#define URL(url) "    sasl.oauthbearer.jwks.endpoint.url: \"" url "\"\n"
#define OURS "    tenants: acme, globex\n"

struct edit {
	const char *line;	/* NULL: add at the end */
	const char *with;
	const char *error;	/* "LINE: key: text"; NULL: good */
};

static const struct edit edits[] = {
	{ NULL, "", NULL },
	/* keys */
	{ NULL, "bogus: 1\n", ":21: bogus: found an unknown key, expected one of workers, listeners, upstream, authentication, oauth, admin" },
	{ NULL, "worker: 1\n", ":21: worker: found an unknown key, expected perhaps 'workers'" },
	{ "  connections.max", "  connections_max: 10", ":19: limits.connections_max: found an unknown key, expected perhaps 'connections.max'" },
	{ "  connections.max", "  max: 10", ":19: limits.max: found an unknown key, expected one of connections.max, " },
	{ "    domain", "    domian: kafka.test", ":4: listeners[0].domian: found an unknown key, expected perhaps 'domain'" },
	{ "    tls", "    tls: { certificate: {file: x}, key.file: tls/server.key }", "listeners[0].tls.certificate: found an unknown key, expected perhaps 'certificate.file'" },
	{ "  sasl", "  sasl: { username: a, password: hunter2-secret }", ":13: upstream.sasl.password: found an unknown key, expected perhaps 'password.file'" },
	{ NULL, "\"a/b\": 1\n", "found an unknown key" },
	{ NULL, "upstream/sasl: 1\n", "found an unknown key" },
	{ NULL, "\"x\\ny\": 1\n", ":21: x?y: found an unknown key" },
	{ "    tls", "    tls: { certificate.file: \"a\\nb\", key.file: tls/server.key }", "a?b', expected a readable file" },
	{ "workers", "workers: 1\nworkers: 2", ":21: found the key 'workers' twice" },
	/* types */
	{ "workers", "workers: many", ":20: workers: found 'many', expected a number from 0 to 64 (threads)" },
	{ "workers", "workers: \"2\"", "workers: found text in quotes, expected a number" },
	{ "workers", "workers: 2.5", "workers: found '2.5', expected a number" },
	{ "workers", "workers: -1", "workers: found '-1', expected a number from 0" },
	{ "workers", "workers: 65", "workers: found '65', expected a number from 0 to 64" },
	{ "workers", "workers: 99999999999999999999", "workers: found '99999999999999999999'" },
	{ "workers", "workers: 0x10", "workers: found '0x10'" },
	{ "workers", "workers:", ":20: workers: found nothing, expected a number" },
	{ "workers", "workers: [1]", "workers: found a list, expected a number" },
	{ "workers", "workers: {a: 1}", "workers: found a section, expected a number" },
	{ "  ssl", "  ssl: { verify.host: yes }", "upstream.ssl.verify.host: found 'yes', expected true or false" },
	{ "  ssl", "  ssl: { verify.host: \"true\" }", "upstream.ssl.verify.host: found text in quotes" },
	{ "  ssl", "  ssl: true", "upstream.ssl: found a value, expected a section" },
	{ "  ssl", "  ssl:", "upstream.ssl: found nothing, expected a section" },
	{ "ops", "ops: [1]", "ops: found a list, expected a section" },
	{ "  security", "  security.protocol: sasl_ssl", "found 'sasl_ssl', expected one of PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL" },
	{ "  bootstrap", "  bootstrap.servers: []", "upstream.bootstrap.servers: found an empty list" },
	{ "  bootstrap", "  bootstrap.servers: [a:1, b]", "upstream.bootstrap.servers: found 'b', expected host:port, the port from 1 to 65535" },
	{ "  bootstrap", "  bootstrap.servers: a:1, b:2", NULL },
	{ "  bootstrap", "  bootstrap.servers: a:1, b:0", "found 'b:0'" },
	{ "  bootstrap", "  bootstrap.servers: [[a:1]]", "found a list or section" },
	{ "  bootstrap", "  bootstrap.serverz: a:1", "upstream.bootstrap.servers: found nothing, expected host:port" },
	{ NULL, "authentication: { sasl.mechanisms: [PLAIN, GSSAPI] }\n", "found 'GSSAPI', expected of SCRAM-SHA-256, SCRAM-SHA-512, PLAIN or OAUTHBEARER" },
	{ NULL, "authentication: { scram.iterations: 4095 }\n", "expected a number from 4096 to 1000000" },
	{ NULL, "log: { level: verbose }\n", "log.level: found 'verbose', expected one of debug, info, warn or error" },
	{ "ops", "ops: { bind: 127.0.0.1 }", "ops.bind: found '127.0.0.1', expected host:port, the port from 0 to 65535" },
	{ "ops", "ops: { bind: \"a\\nb:1\" }", "ops.bind: found 'a?b:1'" },
	/* issuers of tokens */
	{ NULL, ISSUER(URL("https://id.test/keys") OURS), NULL },
	{ NULL, ISSUER(URL("https://[2001:db8::1]:8443/keys?a=b") "    tenant.claim.name: /kafka/tenant\n"), NULL },
	{ NULL, ISSUER(URL("file:secrets/tokens") OURS), NULL },
	{ NULL, ISSUER(URL("http://127.0.0.1:80/keys") OURS "    jwks.endpoint.networks: 127.0.0.0/8\n"), NULL },
	{ NULL, ISSUER(URL("https://id.test/keys") OURS "    required.claims: scope=kafka, scope=x=y, /a/b\n    groups.claim.name: groups\n"), NULL },
	{ NULL, ISSUER(URL("https://id.test/keys")), ":24: oauth.issuers[0].tenants: found nothing, expected tenants, or tenant.claim.name" },
	{ NULL, ISSUER(OURS), ":24: oauth.issuers[0].sasl.oauthbearer.jwks.endpoint.url: found nothing, expected https://host/path" },
	{ NULL, ISSUER(URL("ftp://id.test/keys") OURS), ":27: oauth.issuers[0].sasl.oauthbearer.jwks.endpoint.url: found 'ftp://id.test/keys'" },
	{ NULL, ISSUER(URL("https://") OURS), "found 'https://'" },
	{ NULL, ISSUER(URL("https://a:b@id.test/") OURS), "found 'https://a:b@id.test/'" },
	{ NULL, ISSUER(URL("https://id.test:0/") OURS), "found 'https://id.test:0/'" },
	{ NULL, ISSUER(URL("https://id.test:99999/") OURS), "found 'https://id.test:99999/'" },
	{ NULL, ISSUER(URL("https://id.test/#x") OURS), "found 'https://id.test/#x'" },
	{ NULL, ISSUER(URL("https://id .test/") OURS), "found 'https://id .test/'" },
	{ NULL, ISSUER(URL("https://300.1.1.1/") OURS), "found 'https://300.1.1.1/'" },
	{ NULL, ISSUER(URL("http://id.test/keys") OURS), ":27: oauth.issuers[0].sasl.oauthbearer.jwks.endpoint.url: found http, expected https" },
	{ NULL, ISSUER(URL("http://127.0.0.1/keys") OURS), "found http, expected https" },
	{ NULL, ISSUER(URL("http://10.0.0.1/keys") OURS "    jwks.endpoint.networks: 10.0.0.0/8\n"), "found http, expected https" },
	{ NULL, ISSUER(URL("file:nowhere.json") OURS), "jwks.endpoint.url: found no file '" },
	{ NULL, ISSUER(URL("file:secrets/tokens") OURS "    jwks.endpoint.networks: ::1\n"), "jwks.endpoint.networks: found networks, expected none" },
	{ NULL, ISSUER(URL("file:secrets/tokens") OURS "    jwks.endpoint.ca.file: tls/server.pem\n"), "jwks.endpoint.ca.file: found a file, expected none" },
	{ NULL, ISSUER(URL("https://id.test/") "    tenants: Acme\n"), "tenants: found 'Acme', expected up to 64 tenant ids" },
	{ NULL, ISSUER(URL("https://id.test/") OURS "    groups.claim.name: /a//b\n"), "groups.claim.name: found '/a//b', expected a claim's name" },
	{ NULL, ISSUER(URL("https://id.test/") OURS "    groups.claim.name: /a/\n"), "found '/a/'" },
	{ NULL, ISSUER(URL("https://id.test/") OURS "    required.claims: [\"=x\"]\n"), "found '=x', expected up to 64 claims" },
	{ NULL, ISSUER(URL("https://id.test/") OURS "    required.claims: scope=\n"), "found 'scope='" },
	{ NULL, ISSUER(URL("https://id.test/") OURS "    sasl.oauthbearer.clock.skew.seconds: 601\n"), "expected a number from 0 to 600 (seconds)" },
	{ NULL, ISSUER(URL("https://id.test/") OURS "    audience: x\n"), "oauth.issuers[0].audience: found an unknown key" },
	{ NULL, ISSUER(URL("https://id.test/") OURS "  - name: corp\n    sasl.oauthbearer.expected.issuer: x\n    sasl.oauthbearer.expected.audience: y\n"
	    URL("https://x.test/") OURS), ":29: oauth.issuers[1].name: found a name that another issuer has" },
	{ NULL, ISSUER(URL("https://id.test/") OURS "  - name: b\n    sasl.oauthbearer.expected.issuer: https://id.test\n    sasl.oauthbearer.expected.audience: y\n"
	    URL("https://x.test/") OURS), ":30: oauth.issuers[1].sasl.oauthbearer.expected.issuer: found what another issuer has" },
	{ NULL, "authentication: { sasl.mechanisms: OAUTHBEARER }\n", ":21: authentication.sasl.mechanisms: found OAUTHBEARER, expected oauth.issuers" },
	{ NULL, "oauth:\n  issuers:\n  - name: corp\n    sasl.oauthbearer.expected.issuer: i\n    sasl.oauthbearer.expected.audience: k\n"
	    URL("https://id.test/") OURS, ":22: oauth.issuers: found issuers, expected OAUTHBEARER" },
	{ NULL, "oauth: { issuers: [] }\n", "oauth.issuers: found an empty list, expected a list of issuers" },
	{ NULL, "oauth: { issuers: x }\n", "oauth.issuers: found a value, expected a list of issuers" },
	/* listeners */
	{ "    bind: 127.0.0.1:9093", "    bnd: x", "listeners[0].bind: found nothing, expected host:port" },
	{ "  - name: local", "  - name: main", ":6: listeners[1].name: found a name that another listener has" },
	{ "  - name: local", "  - name: a b", "listeners[1].name: found 'a b', expected a name" },
	{ "    domain", "    domain: -x.test", "listeners[0].domain: found '-x.test', expected a domain name" },
	{ "    domain", "    domain: 10.0.0.1", "listeners[0].domain: found '10.0.0.1'" },
	{ "    domain", "    endpoint: sni", "listeners[0].domain: found nothing, expected the domain" },
	{ "    tls", "    advertised.port: 9092", ":2: listeners[0].tls: found nothing, expected a certificate" },
	{ "    tls", "    tls: {}", ":5: listeners[0].tls.certificate.file: found nothing, expected the path" },
	{ "    tls", "    tls: { certificate.file: tls/none.pem, key.file: tls/server.key }", "certificate.file: found no file '" },
	{ "    tls", "    tls: { certificate.file: tls, key.file: tls/server.key }", "certificate.file: found no regular file" },
	{ "    tls", "    tls: { certificate.file: tls/server.key, key.file: tls/server.key }", "found no certificate at the beginning of" },
	{ "    tls", "    tls: { certificate.file: tls/server.pem, key.file: secrets/tokens }", "key.file: found no private key in" },
	{ "    tls", "    tls: { certificate.file: tls/server.pem, key.file: tls/other.key }", ":5: listeners[0].tls.key.file: found the key of another certificate" },
	{ "    tls", "    tls: { certificate.file: tls/server.pem, key.file: secrets/open }", "key.file: found a secret that everyone may open" },
	{ "    domain", "    domain: kafka.test\n    node.pattern: \"$(tenant)-$(node).kafka.test\"", NULL },
	{ "    domain", "    bootstrap.pattern: $(tenant).kafka.test\n    node.pattern: $(Tenant)-B$(node).kafka.test", NULL },
	{ "    domain", "    bootstrap.pattern: $(tenant).kafka.test", "listeners[0].domain: found nothing, expected the domain" },
	{ "    domain", "    domain: kafka.test\n    bootstrap.pattern: $(tenant).kafka.test\n    node.pattern: $(tenant)-b$(node).kafka.test",
	    ":4: listeners[0].domain: found a value, expected none where bootstrap.pattern and node.pattern" },
	{ "    domain", "    domain: kafka.test\n    node.pattern: b$(node).kafka.test",
	    ":5: listeners[0].node.pattern: found 'b$(node).kafka.test', expected a host name with $(tenant) and $(node)" },
	{ "    domain", "    domain: kafka.test\n    node.pattern: b$(node)$(tenant).kafka.test", "node.pattern: found 'b$(node)$(tenant).kafka.test', expected between" },
	{ "    domain", "    domain: kafka.test\n    bootstrap.pattern: b3-$(tenant).kafka.test", "found a pattern by which tenants' bootstrap hosts are brokers' hosts as well" },
	{ "    domain", "    domain: kafka.test\n    node.pattern: b$(node)-$(tenant).other.test", "found no certificate for '*.other.test'" },
	{ "    domain", "    domain: kafka.test\n    node.pattern: b$(node).$(tenant).other.test", NULL },
	{ "    node.ports", "    node.ports: 19093-19102\n    node.pattern: $(tenant)-$(node).x.test", "listeners[1].node.pattern: found a value, expected none with endpoint port" },
	{ "    domain", "    domain: elsewhere.test", ":5: listeners[0].tls.certificate.file: found no certificate for '*.elsewhere.test', expected one" },
	{ "    tls", "    tls: { key.file: tls/server.key }", "listeners[0].tls.certificate.file: found nothing, expected both" },
	{ "    tls", "    tls: { certificate.file: tls/server.pem }", "listeners[0].tls.key.file: found nothing, expected both" },
	{ "    tls", "    tls: { certificates: [ { certificate.file: tls/server.pem, key.file: tls/server.key } ] }", NULL },
	{ "    tls", "    tls: { certificate.file: tls/server.pem, key.file: tls/server.key, certificates: [ { certificate.file: tls/server.pem, key.file: tls/server.key } ] }", NULL },
	{ "    tls", "    tls: { certificates: [] }", "listeners[0].tls.certificates: found an empty list, expected a list of pairs" },
	{ "    tls", "    tls: { certificates: x }", "listeners[0].tls.certificates: found a value, expected a list of pairs" },
	{ "    tls", "    tls: { certificates: [ x ] }", "listeners[0].tls.certificates[0]: found a value or list, expected a section" },
	{ "    tls", "    tls: { certificates: [ { certificate.file: tls/server.pem } ] }", "listeners[0].tls.certificates[0].key.file: found nothing, expected the path" },
	{ "    tls", "    tls: { certificates: [ { certificate.file: tls/server.pem, key.fil: a } ] }", "listeners[0].tls.certificates[0].key.fil: found an unknown key, expected perhaps 'key.file'" },
	{ "    tls", "    tls: { certificates: [ { certificate.file: tls/server.pem, key.file: tls/other.key } ] }", ":5: listeners[0].tls.certificates[0].key.file: found the key of another certificate" },
	{ "    tls", "    tls: { certificate.file: tls/server.pem, key.file: tls/server.key, client.auth: required }", "listeners[0].tls.client.ca.file: found nothing, expected the authorities" },
	{ "    tls", "    tls: { certificate.file: tls/server.pem, key.file: tls/server.key, client.auth: must }", "client.auth: found 'must', expected one of none, requested or required" },
	{ "    tls", "    tls: { certificate.file: tls/server.pem, key.file: tls/server.key, client.ca.file: tls/kafka-ca.pem }", "client.ca.file: found a file, expected none" },
	{ "    tls", "    tls: { certificate.file: tls/server.pem, key.file: tls/server.key, client.auth: requested, client.ca.file: tls/kafka-ca.pem }", NULL },
	{ "    endpoint", "    endpoint: sni", "listeners[1].domain: found nothing" },
	{ "    endpoint", "    endpoint: ports", "listeners[1].endpoint: found 'ports', expected one of sni or port" },
	{ "    node.ports", "    tenant: acme", "listeners[1].node.ports: found nothing, expected one port for each broker" },
	{ "    node.ports", "    node.ports: 19102-19093", "found '19102-19093', expected ports as first-last" },
	{ "    node.ports", "    node.ports: 0-9", "found '0-9', expected ports as first-last from 1 to 65535" },
	{ "    node.ports", "    node.ports: 1000-9000", "found more than 1024 ports" },
	{ "    node.ports", "    node.ports: 19093", NULL },
	{ "    node.ports", "    node.ports: 9090-9100", ":9: listeners[1].node.ports: found port 9093, which listeners[0].bind has as well" },
	{ "    node.ports", "    node.ports: 9460-9470", ":16: ops.bind: found port 9464, which listeners[1].node.ports has as well" },
	{ "    node.ports", "    node.ports: 19093-19102\n    tenant: b3", "listeners[1].tenant: found 'b3', expected a tenant id that is not reserved" },
	{ "    node.ports", "    node.ports: 19093-19102\n    domain: x.test", "listeners[1].domain: found a value, expected none with endpoint port" },
	{ "    node.ports", "    node.ports: 19093-19102\n    node.id.first: 2147483647", "listeners[1].node.id.first: found an id so large" },
	{ "    domain", "    domain: kafka.test\n    tenant: acme", ":5: listeners[0].tenant: found a value, expected none with endpoint sni" },
	{ "    bind: 127.0.0.1:0", "    bind: 0.0.0.0:0", "listeners[1].advertised.host: found nothing" },
	{ "    bind: 127.0.0.1:0", "    bind: 10.0.0.1:0", ":6: listeners[1].tls: found nothing, while authentication.sasl.mechanisms offers PLAIN" },
	{ "    bind: 127.0.0.1:0", "    bind: 127.0.0.1:9093", ":7: listeners[1].bind: found port 9093, which listeners[0].bind has as well" },
	{ "    bind: 127.0.0.1:0", "    bind: 127.0.0.2:9093", NULL },
	{ "ops", "ops: { bind: 0.0.0.0:9093 }", "ops.bind: found port 9093" },
	{ "    bind: 127.0.0.1:0", "    bind: \"[::1]:9093\"", NULL },
	{ "ops", "ops: { bind: \"[::]:9093\" }", "ops.bind: found port 9093" },
	{ "    node.ports", "    node.ports: 19093-19102\n    proxy.protocol: v2", "listeners[1].proxy.protocol.trusted: found nothing, expected the load" },
	{ "    node.ports", "    node.ports: 19093-19102\n    proxy.protocol: v3\n    proxy.protocol.trusted: 10.0.0.0/8",
	    ":10: listeners[1].proxy.protocol: found 'v3', expected one of off, v1, v2 or any" },
	{ "    node.ports", "    node.ports: 19093-19102\n    proxy.protocol: off\n    proxy.protocol.trusted: 10.0.0.0/8",
	    ":11: listeners[1].proxy.protocol.trusted: found networks, expected none without proxy.protocol" },
	{ "    node.ports", "    node.ports: 19093-19102\n    proxy.protocol: any\n    proxy.protocol.trusted: [10.0.0.0/8, 10.0.0.1/8]",
	    "found '10.0.0.1/8', expected up to 64 networks" },
	{ "    node.ports", "    node.ports: 19093-19102\n    proxy.protocol: any\n    proxy.protocol.trusted: kafka.test", "found 'kafka.test', expected up to 64" },
	{ "    node.ports", "    node.ports: 19093-19102\n    proxy.protocol: any\n    proxy.protocol.trusted: 10.0.0.0/8, ::1", NULL },
	/* upstream */
	{ "  sasl", "  connect.timeout.ms: 5000", "upstream.sasl: found nothing, expected username and password.file" },
	{ "  security", "  security.protocol: PLAINTEXT", ":13: upstream.sasl: found a section, expected none" },
	{ "  security", "  security.protocol: SASL_PLAINTEXT", ":14: upstream.ssl: found a section, expected none" },
	{ "  security", "  security.protocol: SASL_SSL\n  source.addresses: [127.0.0.2, '::1', 127.0.0.3]", NULL },
	{ "  security", "  security.protocol: SASL_SSL\n  source.addresses: 127.0.0.2, 127.0.0.2", ":13: upstream.source.addresses: found '127.0.0.2', expected an address of this machine (IPv4 or IPv6), each once" },
	{ "  security", "  security.protocol: SASL_SSL\n  source.addresses: ['::1', '0:0::1']", "upstream.source.addresses: found '0:0::1'" },
	{ "  security", "  security.protocol: SASL_SSL\n  source.addresses: 0.0.0.0", "upstream.source.addresses: found '0.0.0.0'" },
	{ "  security", "  security.protocol: SASL_SSL\n  source.addresses: localhost", "upstream.source.addresses: found 'localhost'" },
	{ "  security", "  security.protocol: SASL_SSL\n  racks: hide\n  rack.names: [use1-az1=a, 'use1-az2=b=c']", NULL },
	{ "  security", "  security.protocol: SASL_SSL\n  racks: some", ":13: upstream.racks: found 'some', expected one of hide or expose" },
	{ "  security", "  security.protocol: SASL_SSL\n  rack.names: a=b, a=c", ":13: upstream.rack.names: found 'a=c', expected up to 64 pairs as from=to, neither side twice" },
	{ "  security", "  security.protocol: SASL_SSL\n  rack.names: [a=c, b=c]", "upstream.rack.names: found 'b=c'" },
	{ "  security", "  security.protocol: SASL_SSL\n  rack.names: ['=c']", "upstream.rack.names: found '=c'" },
	{ "  security", "  security.protocol: SASL_SSL\n  rack.names: [c=]", "upstream.rack.names: found 'c='" },
	{ "  security", "  security.protocol: SASL_SSL\n  rack.names: c", "upstream.rack.names: found 'c'" },
	{ "  ssl", "  ssl: { certificate.file: tls/server.pem }", "upstream.ssl: found one of certificate.file and key.file" },
	{ "  ssl", "  ssl: { certificate.file: tls/server.pem, key.file: tls/server.key }", NULL },
	{ "  ssl", "  ssl: { certificate.file: tls/server.pem, key.file: tls/other.key }", "upstream.ssl.key.file: found the key of another" },
	{ "  sasl", "  sasl: { username: a }", ":13: upstream.sasl.password.file: found nothing" },
	{ "  sasl", "  sasl: { username: \"\", password.file: secrets/kafka-password }", "upstream.sasl.username: found ''" },
	{ "  sasl", "  sasl: { username: a, password.file: secrets/open }", "password.file: found a secret that everyone may open" },
	{ "  sasl", "  sasl: { username: a, password.file: secrets/empty }", "password.file: found an empty file" },
	{ "  sasl", "  sasl: { username: a, password.file: secrets/blank }", "password.file: found no password in the file" },
	{ "  sasl", "  sasl: { username: a, password.file: secrets }", "password.file: found no regular file" },
	/* the others */
	{ "admin", "admin: { bind: 0.0.0.0:8443, tokens.file: secrets/tokens }", ":15: admin.tls: found nothing, expected a certificate and key" },
	{ "admin", "admin: { tokens.file: secrets/tokens, tls: { certificate.file: tls/server.pem, key.file: tls/other.key } }", "admin.tls.key.file: found the key of another" },
	{ "admin", "admin: {}", ":15: admin.tokens.file: found nothing" },
	{ "admin", "# none", ": admin.tokens.file: found nothing" },
	{ "state", "state: { file: nowhere/x.db, key.file: secrets/state.key }", "state.file: found no folder for" },
	{ "state", "state: { file: state, key.file: secrets/state.key }", "state.file: found no regular file" },
	{ "state", "state: { file: state/x.db, key.file: secrets/short.key }", ":17: state.key.file: found no key in the file, expected 32 bytes" },
	{ "  connections.max", "  unauthenticated.request.max.bytes: 1048576\n  socket.request.max.bytes: 65536", "found more than socket.request.max.bytes" },
	{ "  connections.max", "  memory.max.bytes: 419430400", ":18: limits.response.max.bytes: found 134217728, expected at most 104857600: what one tenant may hold" },
	{ "  connections.max", "  memory.max.bytes: 536870912", NULL },
	{ "  connections.max", "  memory.max.bytes: 17179869184\n  socket.request.max.bytes: 1073741824", NULL },
	{ "  connections.max", "  memory.max.bytes: 536870912\n  memory.tenant.share.percent: 20\n  response.max.bytes: 67108864\n  memory.tenant.floor.bytes: 107374183", ":22: limits.memory.tenant.floor.bytes: found 107374183, expected at most 107374182" },
	{ "  connections.max", "  memory.max.bytes: 1099511627777", "limits.memory.max.bytes: found '1099511627777', expected a number from 0 to 1099511627776" },
	{ "  connections.max", "  connections.max: 10\n  connections.unauthenticated.max: 11", "found more than connections.max, expected at most" },
	{ "  connections.max", "  fetch.max.bytes: 104857600", "found more than half of response.max.bytes" },
};

/* The base with one line replaced. */
static void
apply(const struct edit *e, char *out, size_t cap)
{
	const char *at = e->line == NULL ? base + strlen(base) : base;
	const char *end;
	size_t	    n = e->line == NULL ? 0 : strlen(e->line);

	while (n > 0 && strncmp(at, e->line, n) != 0) {
		at = strchr(at, '\n');
		assert_non_null(at);
		at++;
		assert_true(*at != '\0');
	}
	end = n == 0 ? at : strchr(at, '\n');
	snprintf(out, cap, "%.*s%s%s", (int)(at - base), base, e->with, end);
}

static void
one_edit_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALV_COUNT(edits); i++) {
		char		   text[4096], err[8192];
		struct pol_config *c;

		apply(&edits[i], text, sizeof(text));
		load(text, &c, err, sizeof(err));
		pol_config_free(c);
		if (edits[i].error == NULL ? err[0] != '\0' : strstr(err, edits[i].error) == NULL)
			fail_msg("%s\nwanted: %s\ngot: %s", edits[i].with, edits[i].error == NULL ? "(good)" : edits[i].error, err);
		assert_null(strstr(err, "hunter2"));
	}
}

/* Passwords in the clear never leave the machine; keys derived from them may. */
static void
plain_needs_cover(void **state)
{
	static const struct edit far = { "    bind: 127.0.0.1:0", "    bind: 10.0.0.1:0", NULL };
	char			 text[4096], err[8192];
	struct pol_config	*c;

	(void)state;
	apply(&far, text, sizeof(text));
	strncat(text, "authentication: { sasl.mechanisms: SCRAM-SHA-512 }\n", sizeof(text) - strlen(text) - 1);
	assert_int_equal(load(text, &c, err, sizeof(err)), ALV_OK);
	assert_false(c->mechanisms[AUT_PLAIN] || c->mechanisms[AUT_SCRAM_SHA_256]);
	pol_config_free(c);
	apply(&far, text, sizeof(text));
	assert_int_equal(load(text, &c, err, sizeof(err)), ALV_E_VALUE);
}

static void
all_errors_at_once(void **state)
{
	static const char text[] =
	    "listeners: []\nupstream: { bootstrap.servers: x, sasl: 1 }\nworkers: no\nlog: { level: 1, format: 2 }\n";
	char		  err[8192];
	struct pol_config *c;

	(void)state;
	load(text, &c, err, sizeof(err));
	assert_non_null(strstr(err, ":1: listeners: found an empty list"));
	assert_non_null(strstr(err, ":2: upstream.bootstrap.servers: found 'x'"));
	assert_non_null(strstr(err, ":2: upstream.sasl: found a value, expected a section"));
	assert_non_null(strstr(err, ":3: workers: found 'no'"));
	assert_non_null(strstr(err, ":4: log.level: found '1'"));
	assert_non_null(strstr(err, ":4: log.format: found '2'"));
	assert_non_null(strstr(err, "t.yaml: state.key.file: found nothing"));
	/* Not once more what a wrong section has inside. */
	assert_null(strstr(err, "username"));
}

static void
at_most_twenty(void **state)
{
	struct alv_buf	   b;
	char		   err[8192], *at;
	struct pol_config *c;
	int		   lines = 0;

	(void)state;
	alv_buf_init(&b, 8192);
	for (int i = 0; i < 50; i++)
		alv_buf_printf(&b, "unknown-key-%d: 1\n", i);
	alv_buf_byte(&b, '\0');
	load((char *)b.p, &c, err, sizeof(err));
	for (at = err; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, 21);
	assert_non_null(strstr(err, "there is more"));
	alv_buf_fini(&b);
}

static void
shapes_that_are_none(void **state)
{
	static const struct { const char *text, *error; } rows[] = {
		{ "", ": listeners: found nothing, expected a list of listeners" },
		{ "hello\n", ":1: found a value or list, expected sections" },
		{ "- a\n", ":1: found a value or list, expected sections" },
		{ "listeners: 1\n", ":1: listeners: found a value, expected a list" },
		{ "listeners: {name: x}\n", ":1: listeners: found a section, expected a list" },
		{ "listeners: [x]\n", ":1: listeners[0]: found a value or list, expected a section" },
		{ "a: [\n", "not valid YAML" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		char		   err[8192];
		struct pol_config *c;

		load(rows[i].text, &c, err, sizeof(err));
		if (strstr(err, rows[i].error) == NULL)
			fail_msg("%s\n%s", rows[i].text, err);
	}
}

static void
no_such_file(void **state)
{
	struct alv_buf	   b;
	struct pol_config *c;

	(void)state;
	alv_buf_init(&b, 1024);
	assert_int_equal(pol_config_load("/nonexistent/alcove.yaml", &c, &b), ALV_E_SYSTEM);
	assert_null(c);
	alv_buf_byte(&b, '\0');
	assert_string_equal((char *)b.p,
	    "/nonexistent/alcove.yaml: found no file that can be read (No such file or directory), expected the configuration\n");
	alv_buf_fini(&b);
	pol_config_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples),
		cmocka_unit_test(production_is_bound),
		cmocka_unit_test(minimal_has_defaults),
		cmocka_unit_test(one_edit_each),
		cmocka_unit_test(plain_needs_cover),
		cmocka_unit_test(all_errors_at_once),
		cmocka_unit_test(at_most_twenty),
		cmocka_unit_test(shapes_that_are_none),
		cmocka_unit_test(no_such_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
