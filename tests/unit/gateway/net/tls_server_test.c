/* The server's side of TLS: which certificate, whose session, which client; and all of it anew while streams run. */
#include "tests/unit/gateway/net/tls_kit.h"

#include <pthread.h>

static uint64_t now_us, trust_now;
static struct cert_id acme, acme_rsa, wild2;

static uint64_t
clock_us(void)
{
	return now_us;
}

static uint64_t
trust(void *arg, const char *name, void *result)
{
	assert_ptr_equal(arg, &certs);
	assert_ptr_equal(result, &tenant);
	assert_non_null(name);
	return trust_now;
}

static struct net_tls_server_conf
conf_of(const struct cert_id *id)
{
	return (struct net_tls_server_conf){ .cert_file = id->cert_file, .key_file = id->key_file, .sni = judge, .trust = trust,
		.sni_arg = &certs, .clock_us = clock_us };
}

static void
replace(const struct net_tls_server_conf *c)
{
	struct net_tls_error err = { "" };

	net_tls_server_free(server);
	server = net_tls_server_new(c, &err);
	assert_string_equal(err.text, "");
}

static void
renew(const struct net_tls_server_conf *c)
{
	struct net_tls_error	   err = { "" };
	struct net_tls_server_set *set;

	assert_true(net_tls_server_prepare(c, &set, &err));
	net_tls_server_use(server, set);
}

static int
setup_more(void **state)
{
	setup_all(state);
	cert_make(&certs, &acme, "acme", &certs.ca, "DNS:acme.kafka.test", 30, false);
	cert_make(&certs, &acme_rsa, "acme-rsa", &certs.ca, "DNS:acme.kafka.test", 30, true);
	cert_make(&certs, &wild2, "wild2", &certs.ca, "DNS:*.other.kafka.test", 30, false);
	return 0;
}

static int
teardown_more(void **state)
{
	cert_drop(&acme);
	cert_drop(&acme_rsa);
	cert_drop(&wild2);
	return teardown_all(state);
}

/* ---- which certificate ------------------------------------------------------------------------- */

/* What the server shows under the name, to a client with these signature algorithms (NULL: all). */
static void
shows(const char *name, const char *algorithms, int version, const struct cert_id *id)
{
	struct peer p;
	struct side s;

	peer_at_ours(&p, &s, name);
	SSL_set_max_proto_version(p.ssl, version);
	if (algorithms != NULL)
		assert_int_equal(SSL_set1_sigalgs_list(p.ssl, algorithms), 1);
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	assert_int_equal(X509_cmp(SSL_get0_peer_certificate(p.ssl), id->cert), 0);
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_certificates_by_name(void **state)
{
	const struct net_tls_pair pairs[] = { { wild2.cert_file, wild2.key_file }, { acme.cert_file, acme.key_file } };
	struct net_tls_server_conf c = conf_of(&certs.server);

	(void)state;
	c.pairs = pairs;
	c.npairs = 2;
	replace(&c);
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		shows("globex.kafka.test", NULL, v, &certs.server);
		shows("ACME.kafka.test", NULL, v, &acme);
		shows("b1.other.kafka.test", NULL, v, &wild2);
		shows("localhost", NULL, v, &certs.server);
		shows(NULL, NULL, v, &certs.server);
		shows("a.b.kafka.test", NULL, v, &certs.server);	/* of none: the first */
	}
}

static void
test_both_kinds_of_key(void **state)
{
	const struct net_tls_pair pairs[] = { { acme_rsa.cert_file, acme_rsa.key_file }, { acme.cert_file, acme.key_file },
		{ certs.rsa.cert_file, certs.rsa.key_file } };
	struct net_tls_server_conf c = conf_of(&certs.server);

	(void)state;
	c.pairs = pairs;
	c.npairs = 3;
	replace(&c);
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		shows("acme.kafka.test", "ECDSA+SHA256:RSA-PSS+SHA256", v, &acme);
		shows("acme.kafka.test", "RSA-PSS+SHA256", v, &acme_rsa);
		shows("globex.kafka.test", "ECDSA+SHA256", v, &certs.server);
		shows("globex.kafka.test", "RSA-PSS+SHA256", v, &certs.rsa);
	}
}

/* ---- whose session -------------------------------------------------------------------------------- */

static SSL_SESSION *ticket;
static int	    ntickets;

static int
on_ticket(SSL *ssl, SSL_SESSION *x)
{
	(void)ssl;
	ntickets++;
	SSL_SESSION_free(ticket);
	ticket = x;
	return 1;
}

static void
forget(void)
{
	SSL_SESSION_free(ticket);
	ticket = NULL;
	ntickets = 0;
}

static bool
resumed(const char *host, int version)
{
	struct peer p;
	struct side s;
	bool	    yes;

	peer_at_ours(&p, &s, host);
	SSL_set_max_proto_version(p.ssl, version);
	SSL_CTX_set_session_cache_mode(p.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(p.ctx, on_ticket);
	if (ticket != NULL)
		assert_int_equal(SSL_set_session(p.ssl, ticket), 1);
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	side_say(&k, &s, "x", 1);
	PUMP_UNTIL(&p, p.nheard == 1);
	yes = SSL_session_reused(p.ssl);
	SSL_shutdown(p.ssl);
	side_end(&k, &s);
	peer_close(&p);
	return yes;
}

static void
test_sessions_go_with_trust(void **state)
{
	struct net_tls_server_conf c = conf_of(&certs.server);

	(void)state;
	replace(&c);
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		forget();
		trust_now = 1;
		assert_false(resumed("acme.kafka.test", v));
		assert_true(resumed("acme.kafka.test", v));
		trust_now = 2;
		assert_false(resumed("acme.kafka.test", v));
		assert_true(resumed("acme.kafka.test", v));
		assert_false(resumed("globex.kafka.test", v));
		trust_now = 1;
		assert_false(resumed("globex.kafka.test", v));
	}
	forget();
}

static void
test_sessions_between_certificates(void **state)
{
	const struct net_tls_pair pairs[] = { { acme.cert_file, acme.key_file } };
	struct net_tls_server_conf c = conf_of(&certs.server);

	(void)state;
	c.pairs = pairs;
	c.npairs = 1;
	replace(&c);
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		forget();
		assert_false(resumed("acme.kafka.test", v));
		assert_true(resumed("acme.kafka.test", v));	/* under the second context, too */
		assert_false(resumed("globex.kafka.test", v));
	}
	forget();
}

static void
test_keys_of_tickets_rotate(void **state)
{
	const uint64_t		   hour = 3600ull * 1000 * 1000;
	struct net_tls_server_conf c = conf_of(&certs.server);

	(void)state;
	now_us = 0;
	replace(&c);
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		SSL_SESSION *old;

		forget();
		assert_false(resumed("acme.kafka.test", v));
		old = ticket;
		SSL_SESSION_up_ref(old);
		now_us += 13 * hour;
		assert_true(resumed("acme.kafka.test", v));	/* by the key before */
		if (v == TLS1_3_VERSION)	/* with TLS 1.2 OpenSSL's client does not tell of one that comes on top */
			assert_int_equal(ntickets, 2);
		now_us += 12 * hour;
		SSL_SESSION_free(ticket);
		ticket = old;
		assert_false(resumed("acme.kafka.test", v));
	}
	forget();
}

static void
test_new_certificates_end_sessions(void **state)
{
	struct net_tls_server_conf c = conf_of(&certs.server);

	(void)state;
	replace(&c);
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		forget();
		assert_false(resumed("acme.kafka.test", v));
		renew(&c);
		assert_false(resumed("acme.kafka.test", v));
		assert_true(resumed("acme.kafka.test", v));
	}
	forget();
}

/* ---- which client ----------------------------------------------------------------------------------- */

static struct net_tls_server_conf
asking(enum net_tls_ask how)
{
	struct net_tls_server_conf c = conf_of(&certs.server);

	c.client_auth = how;
	c.client_ca_file = certs.ca.cert_file;
	return c;
}

static void
peer_shows(struct peer *p, const struct cert_id *id)
{
	assert_int_equal(SSL_use_certificate_file(p->ssl, id->cert_file, SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_use_PrivateKey_file(p->ssl, id->key_file, SSL_FILETYPE_PEM), 1);
}

/* id NULL: shows none. reason 0: let in, as `subject`; else the alert that it hears. */
static void
client_comes(const struct cert_id *id, int version, int reason, const char *subject)
{
	struct peer p;
	struct side s;

	peer_at_ours(&p, &s, "acme.kafka.test");
	SSL_set_max_proto_version(p.ssl, version);
	SSL_CTX_set_session_cache_mode(p.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(p.ctx, on_ticket);
	if (id != NULL)
		peer_shows(&p, id);
	if (reason == 0) {
		PUMP_UNTIL(&p, s.opened && p.done == 1);
		side_say(&k, &s, "x", 1);
		PUMP_UNTIL(&p, p.nheard == 1);
		assert_string_equal(s.subject, subject);
	} else {
		PUMP_UNTIL(&p, s.closed && p.reason != 0);
		assert_int_equal(p.reason, reason);
		assert_int_equal(s.why, NET_END_TLS);
		assert_int_equal(s.opened, 0);
		assert_true(strlen(net_stream_tls_reason(&s.s)) > 0);
	}
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_clients_certificates(void **state)
{
	struct net_tls_server_conf c = asking(NET_TLS_ASK_REQUIRED);

	(void)state;
	forget();
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		c.client_auth = NET_TLS_ASK_REQUIRED;
		replace(&c);
		client_comes(&certs.client, v, 0, "CN=client");
		client_comes(NULL, v, v == TLS1_3_VERSION ? SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED : SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, NULL);
		client_comes(&certs.stranger, v, SSL_R_TLSV1_ALERT_UNKNOWN_CA, NULL);
		client_comes(&certs.expired, v, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, NULL);
		c.client_auth = NET_TLS_ASK_REQUESTED;
		replace(&c);
		client_comes(&certs.client, v, 0, "CN=client");
		client_comes(NULL, v, 0, "");
		client_comes(&certs.stranger, v, SSL_R_TLSV1_ALERT_UNKNOWN_CA, NULL);
	}
	assert_int_equal(ntickets, 0);	/* a session would not say again who the client is */
}

static void
test_the_subject_is_cut_where_it_ends(void **state)
{
	struct net_tls_server_conf c = asking(NET_TLS_ASK_REQUIRED);
	struct peer		   p;
	struct side		   s;

	(void)state;
	replace(&c);
	peer_at_ours(&p, &s, "acme.kafka.test");
	peer_shows(&p, &certs.client);
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	assert_string_equal(s.begun, "CN=");
	side_end(&k, &s);
	peer_close(&p);
}

/* ---- refusals that a client can read ------------------------------------------------------------------ */

static void
test_no_shared_cipher(void **state)
{
	struct peer p;
	struct side s;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	SSL_set_max_proto_version(p.ssl, TLS1_2_VERSION);
	assert_int_equal(SSL_set_cipher_list(p.ssl, "AES128-SHA"), 1);
	PUMP_UNTIL(&p, s.closed && p.reason != 0);
	assert_int_equal(p.reason, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
	assert_int_equal(s.why, NET_END_TLS);
	assert_string_equal(net_stream_tls_reason(&s.s), "no shared cipher");
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_min_protocol(void **state)
{
	struct net_tls_server_conf c = conf_of(&certs.server);
	struct peer		   p;
	struct side		   s;

	(void)state;
	c.min_protocol = "TLSv1.3";
	replace(&c);
	peer_at_ours(&p, &s, "acme.kafka.test");
	SSL_set_max_proto_version(p.ssl, TLS1_2_VERSION);
	PUMP_UNTIL(&p, s.closed && p.reason != 0);
	assert_int_equal(p.reason, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
	side_end(&k, &s);
	peer_close(&p);
}

/* ---- anew ------------------------------------------------------------------------------------------------ */

static void
test_renewed_while_streams_run(void **state)
{
	struct net_tls_server_conf c = conf_of(&certs.server);
	struct peer		   p;
	struct side		   s;

	(void)state;
	replace(&c);
	peer_at_ours(&p, &s, "acme.kafka.test");
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	c = conf_of(&acme);
	renew(&c);
	shows("acme.kafka.test", NULL, TLS1_3_VERSION, &acme);
	peer_say(&p, "still here");
	PUMP_UNTIL(&p, s.s.in.n == 10);
	assert_int_equal(SSL_key_update(p.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	side_say(&k, &s, "so am I", 7);
	PUMP_UNTIL(&p, p.nheard == 7);
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_a_bad_pair_changes_nothing(void **state)
{
	const struct net_tls_pair  pairs[] = { { acme.cert_file, certs.server.key_file } };
	struct net_tls_server_conf c = conf_of(&certs.server), ca = asking(NET_TLS_ASK_REQUIRED);
	struct net_tls_server_set *set;
	struct net_tls_error	   err = { "" };

	(void)state;
	replace(&c);
	c.pairs = pairs;
	c.npairs = 1;
	assert_false(net_tls_server_prepare(&c, &set, &err));
	assert_null(set);
	assert_non_null(strstr(err.text, certs.server.key_file));
	c = (struct net_tls_server_conf){ .npairs = 0 };
	assert_false(net_tls_server_prepare(&c, &set, &err));
	assert_non_null(strstr(err.text, "no certificate"));
	ca.client_ca_file = certs.server.key_file;
	assert_false(net_tls_server_prepare(&ca, &set, &err));
	assert_non_null(strstr(err.text, certs.server.key_file));
	shows("acme.kafka.test", NULL, TLS1_3_VERSION, &certs.server);
}

/* Sets change on one thread while another makes handshakes: what ThreadSanitizer looks at. */
static _Atomic bool done;

static void *
renewing(void *arg)
{
	(void)arg;
	while (!done) {
		const struct net_tls_server_conf  s = conf_of(&certs.server);
		const struct net_tls_client_conf  c = { .ca_file = certs.ca.cert_file, .verify_host = true };
		struct net_tls_server_set	 *set;
		struct net_tls_client_set	 *cset;
		struct net_tls_error		  err;

		assert_true(net_tls_server_prepare(&s, &set, &err));
		net_tls_server_use(server, set);
		assert_true(net_tls_client_prepare(&c, &cset, &err));
		net_tls_client_use(client, cset);
	}
	return NULL;
}

static void
test_renewed_from_another_thread(void **state)
{
	struct net_tls_server_conf c = conf_of(&certs.server);
	pthread_t		   t;

	(void)state;
	replace(&c);
	done = false;
	assert_int_equal(pthread_create(&t, NULL, renewing, NULL), 0);
	for (int i = 0; i < 30; i++) {
		struct side a, b;

		ours(&a, &b, "acme.kafka.test", 0);
		side_say(&k, &a, "hello", 5);
		TURN_UNTIL(&k, b.s.in.n == 5);
		ours_end(&a, &b);
	}
	done = true;
	assert_int_equal(pthread_join(t, NULL), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_certificates_by_name),
		T(test_both_kinds_of_key),
		T(test_sessions_go_with_trust),
		T(test_sessions_between_certificates),
		T(test_keys_of_tickets_rotate),
		T(test_new_certificates_end_sessions),
		T(test_clients_certificates),
		T(test_the_subject_is_cut_where_it_ends),
		T(test_no_shared_cipher),
		T(test_min_protocol),
		T(test_renewed_while_streams_run),
		T(test_a_bad_pair_changes_nothing),
		T(test_renewed_from_another_thread),
	};

	return cmocka_run_group_tests(tests, setup_more, teardown_more);
}
