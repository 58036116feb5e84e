/* Whose certificates clients may have: authorities of a name's own, what they revoked, and which name says who it is. */
#include "tests/unit/gateway/net/tls_kit.h"

#include <alcove/str.h>

#include <openssl/x509.h>

/* The name's own: "acme.kafka.test" -> "acme", as the tenant's slot would say. */
static char at[64];

static struct alv_str
whose(void *arg, const char *name, void *result)
{
	(void)arg;
	(void)result;
	snprintf(at, sizeof(at), "%.*s", (int)strcspn(name, "."), name);
	return alv_str_of(at);
}

static void
serve(const struct net_tls_server_conf *c)
{
	struct net_tls_error err = { "" };

	net_tls_server_free(server);
	server = net_tls_server_new(c, &err);
	assert_string_equal(err.text, "");
}

/* reason 0: let in, by the name's own authorities or the listener's; else the alert that it hears. */
static void
comes(const char *host, const struct cert_id *id, int version, int reason, bool own)
{
	struct peer p;
	struct side s;

	peer_at_ours(&p, &s, host);
	SSL_set_max_proto_version(p.ssl, version);
	assert_int_equal(SSL_use_certificate_file(p.ssl, id->cert_file, SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_use_PrivateKey_file(p.ssl, id->key_file, SSL_FILETYPE_PEM), 1);
	if (reason == 0) {
		PUMP_UNTIL(&p, s.opened && p.done == 1);
		assert_int_equal(net_stream_own_authority(&s.s), own);
	} else {
		PUMP_UNTIL(&p, s.closed && p.reason != 0);
		assert_int_equal(p.reason, reason);
		assert_int_equal(s.opened, 0);
	}
	side_end(&k, &s);
	peer_close(&p);
}

static void
names_have_authorities_of_their_own(void **state)
{
	const struct net_tls_authority own[] = { { "acme", certs.other_ca.cert_file, NULL } };
	struct net_tls_server_conf     c = { .cert_file = certs.server.cert_file, .key_file = certs.server.key_file, .sni = judge, .sni_arg = &certs,
		    .client_auth = NET_TLS_ASK_REQUIRED, .client_ca_file = certs.ca.cert_file, .authorities = own, .nauthorities = 1, .whose = whose };

	(void)state;
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		c.client_ca_file = certs.ca.cert_file;
		serve(&c);
		comes("acme.kafka.test", &certs.stranger, v, 0, true);
		comes("acme.kafka.test", &certs.client, v, SSL_R_TLSV1_ALERT_UNKNOWN_CA, false);
		comes("globex.kafka.test", &certs.client, v, 0, false);
		comes("globex.kafka.test", &certs.stranger, v, SSL_R_TLSV1_ALERT_UNKNOWN_CA, false);
		c.client_ca_file = NULL;	/* nobody else is believed */
		serve(&c);
		comes("acme.kafka.test", &certs.stranger, v, 0, true);
		comes("globex.kafka.test", &certs.client, v, SSL_R_TLSV1_ALERT_UNKNOWN_CA, false);
	}
}

static void
lists_revoke(void **state)
{
	char			   mine[160], theirs[160];
	struct net_tls_authority   own[] = { { "acme", certs.other_ca.cert_file, theirs } };
	struct net_tls_server_conf c = { .cert_file = certs.server.cert_file, .key_file = certs.server.key_file, .sni = judge, .sni_arg = &certs,
		.client_auth = NET_TLS_ASK_REQUIRED, .client_ca_file = certs.ca.cert_file, .client_crl_file = mine, .authorities = own,
		.nauthorities = 1, .whose = whose };
	struct net_tls_error	   err = { "" };
	FILE			  *f;

	(void)state;
	snprintf(mine, sizeof(mine), "%s/mine.crl", certs.dir);
	snprintf(theirs, sizeof(theirs), "%s/theirs.crl", certs.dir);
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		cert_revoke(&certs.ca, mine, NULL, -60, 3600);
		cert_revoke(&certs.other_ca, theirs, certs.stranger.cert, -60, 3600);
		serve(&c);
		comes("globex.kafka.test", &certs.client, v, 0, false);
		comes("acme.kafka.test", &certs.stranger, v, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, true);
		cert_revoke(&certs.ca, mine, certs.client.cert, -60, 3600);
		cert_revoke(&certs.other_ca, theirs, NULL, -3600, -60);	/* out of date: nobody knows any more */
		serve(&c);
		comes("globex.kafka.test", &certs.client, v, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, false);
		comes("acme.kafka.test", &certs.stranger, v, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, true);
		cert_revoke(&certs.other_ca, mine, NULL, -60, 3600);	/* another authority's: nobody knows either */
		cert_revoke(&certs.other_ca, theirs, NULL, -60, 3600);
		serve(&c);
		comes("globex.kafka.test", &certs.client, v, SSL_R_TLSV1_ALERT_UNKNOWN_CA, false);
		comes("acme.kafka.test", &certs.stranger, v, 0, true);
	}
	f = fopen(mine, "w");
	assert_non_null(f);
	fputs("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", f);
	fclose(f);
	assert_null(net_tls_server_new(&c, &err));
	assert_non_null(strstr(err.text, "mine.crl"));
	c.client_crl_file = certs.ca.cert_file;	/* no list at all */
	assert_null(net_tls_server_new(&c, &err));
	assert_non_null(strstr(err.text, "revocation lists"));
}

/* ---- which name ------------------------------------------------------------------------------------------------- */

static char names[4][128];

static void
note_names(struct net_stream *s)
{
	for (int by = 0; by < 4; by++) {
		struct alv_buf b;

		alv_buf_init(&b, 100);
		names[by][0] = '\0';
		if (net_stream_named(s, (enum net_named)by, &b))
			snprintf(names[by], sizeof(names[by]), "%.*s", (int)b.n, (const char *)b.p);
		alv_buf_fini(&b);
	}
	side_on_open(s);
}

static void
shows(const char *cn, const char *san, const char *want)
{
	static int		   n;
	struct net_tls_server_conf c = { .cert_file = certs.server.cert_file, .key_file = certs.server.key_file, .sni = judge, .sni_arg = &certs,
		.client_auth = NET_TLS_ASK_REQUIRED, .client_ca_file = certs.ca.cert_file };
	struct net_stream_ops	   ops;
	struct cert_id		   id = { NULL, NULL, "", "" };
	struct peer		   p;
	struct side		   s;
	char			   got[512], name[32];

	snprintf(name, sizeof(name), "shown-%d", n++);
	cert_make(&certs, &id, cn, &certs.ca, san, 30, false);
	cert_save(&certs, &id, name);
	serve(&c);
	peer_at_ours(&p, &s, "acme.kafka.test");
	ops = *s.s.ops;
	ops.on_open = note_names;
	s.s.ops = &ops;
	assert_int_equal(SSL_use_certificate_file(p.ssl, id.cert_file, SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_use_PrivateKey_file(p.ssl, id.key_file, SSL_FILETYPE_PEM), 1);
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	snprintf(got, sizeof(got), "%s|%s|%s|%s", names[NET_NAMED_SUBJECT], names[NET_NAMED_DNS], names[NET_NAMED_URI], names[NET_NAMED_EMAIL]);
	assert_string_equal(got, want);
	side_end(&k, &s);
	peer_close(&p);
	cert_drop(&id);
}

static void
names_of_a_certificate(void **state)
{
	(void)state;
	shows("alice", NULL, "CN=alice|||");
	shows("a,b", "DNS:one.test,DNS:two.test,URI:spiffe://acme/x,email:a@b.test", "CN=a\\,b|one.test|spiffe://acme/x|a@b.test");
	shows("alice", "email:a@b.test,IP:127.0.0.1", "CN=alice|||a@b.test");
	/* What does not fit is not cut. */
	shows("alice", "URI:spiffe://acme/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "CN=alice|||");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(names_have_authorities_of_their_own), T(lists_revoke), T(names_of_a_certificate) };

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
