/* TLS streams: names, certificates, and what the protocol offers an attacker. */
#include "tests/unit/gateway/net/tls_kit.h"

static void
test_sni_is_lowered_and_judged(void **state)
{
	struct side c, s;

	(void)state;
	ours(&c, &s, "B3-Acme.Kafka.TEST", 0);
	assert_string_equal(asked_name, "b3-acme.kafka.test");
	assert_string_equal(s.sni, "b3-acme.kafka.test");
	assert_ptr_equal(s.s.sni_result, &tenant);
	ours_end(&c, &s);
	ours(&c, &s, "127.0.0.1", 0);	/* by IP SAN, without SNI */
	assert_string_equal(s.sni, "");
	ours_end(&c, &s);
}

static void
test_a_refused_name_gets_its_alert(void **state)
{
	static const char *const names[] = { "acme.elsewhere.test", "*.kafka.test", "acme kafka.test" };

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(names) * 2; i++) {
		struct peer p;
		struct side s;

		peer_at_ours(&p, &s, names[i / 2]);
		SSL_set_max_proto_version(p.ssl, i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
		PUMP_UNTIL(&p, s.closed && p.reason != 0);
		assert_int_equal(p.reason, SSL_R_TLSV1_UNRECOGNIZED_NAME);
		assert_int_equal(s.why, NET_END_SNI);
		assert_int_equal(s.opened, 0);
		side_end(&k, &s);
		peer_close(&p);
	}
}

static void
refused_by_client(const char *host, int version, const char *reason)
{
	struct side c, s;

	ours_begin(&c, &s, host, version);
	TURN_UNTIL(&k, c.closed && s.closed);
	assert_int_equal(c.opened, 0);
	assert_int_equal(c.why, NET_END_TLS);
	assert_string_equal(net_stream_tls_reason(&c.s), reason);
	assert_int_equal(s.why, NET_END_TLS);	/* the server heard the alert */
	ours_end(&c, &s);
}

static void
test_wrong_host_is_refused(void **state)
{
	(void)state;
	net_tls_server_free(server);
	server = new_server(&certs.stranger);
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++)
		refused_by_client("localhost", v, "unable to get local issuer certificate");
	net_tls_server_free(server);
	server = new_server(&certs.client);	/* of our CA, but without any name in its SAN */
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		refused_by_client("localhost", v, "hostname mismatch");
		refused_by_client("127.0.0.1", v, "IP address mismatch");
	}
}

static void
test_wildcard_covers_one_label(void **state)
{
	(void)state;
	refused_by_client("a.b.kafka.test", 0, "hostname mismatch");
}

static void
test_expired_server_is_refused(void **state)
{
	struct side c;
	struct peer p;

	(void)state;
	ours_at_peer(&c, &p, "localhost", &certs.expired);
	PUMP_UNTIL(&p, c.closed);
	assert_int_equal(c.why, NET_END_TLS);
	assert_string_equal(net_stream_tls_reason(&c.s), "certificate has expired");
	side_end(&k, &c);
	peer_close(&p);
}

static void
test_a_host_that_is_no_name(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct side	   c = { 0 };

	(void)state;
	assert_int_equal(net_stream_connect(&c.s, &k.ctx, (struct sockaddr *)&a, sizeof(a), client, "", 10, &side_ops, &c), ALV_E_TLS);
	net_stream_fini(&c.s);
}

/* ---- mTLS ------------------------------------------------------------------------------------ */

static void
demand_certificate(struct peer *p)
{
	assert_int_equal(SSL_CTX_load_verify_file(p->ctx, certs.ca.cert_file), 1);
	SSL_set_verify(p->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static void
test_mtls(void **state)
{
	(void)state;
	net_tls_client_free(client);
	client = new_client(&certs.client);
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		struct side c;
		struct peer p;

		ours_at_peer(&c, &p, "localhost", &certs.server);
		SSL_set_max_proto_version(p.ssl, v);
		demand_certificate(&p);
		PUMP_UNTIL(&p, c.opened && p.done == 1);
		assert_int_equal(X509_cmp(SSL_get0_peer_certificate(p.ssl), certs.client.cert), 0);
		side_end(&k, &c);
		peer_close(&p);
	}
}

/* With TLS 1.3 the client is through with its handshake when the server says no: the reason must be heard all the same. */
static void
test_mtls_without_a_certificate(void **state)
{
	(void)state;
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		struct side c;
		struct peer p;

		ours_at_peer(&c, &p, "localhost", &certs.server);
		SSL_set_max_proto_version(p.ssl, v);
		demand_certificate(&p);
		side_say(&k, &c, "data on the way", 15);
		PUMP_UNTIL(&p, c.closed);
		assert_int_equal(c.why, NET_END_TLS);
		assert_non_null(strstr(net_stream_tls_reason(&c.s), v == TLS1_3_VERSION ? "certificate required" : "handshake failure"));
		side_end(&k, &c);
		peer_close(&p);
	}
}

/* ---- what TLS can do besides ------------------------------------------------------------------- */

static void
test_renegotiation_is_refused(void **state)
{
	struct peer p;
	struct side s;
	SSL_SESSION *before;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	SSL_set_max_proto_version(p.ssl, TLS1_2_VERSION);
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	before = SSL_get1_session(p.ssl);
	assert_int_equal(SSL_renegotiate(p.ssl), 1);
	(void)SSL_do_handshake(p.ssl);
	peer_flush(&p);
	for (int i = 0; i < 20; i++) {
		peer_pump(&p);
		net_loop_turn(k.loop, 1);
	}
	/* Refused by a warning or by closing; never done. */
	assert_true(p.reason == SSL_R_NO_RENEGOTIATION || s.closed);
	assert_ptr_equal(SSL_get0_session(p.ssl), before);
	SSL_SESSION_free(before);
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_key_update_of_the_peer(void **state)
{
	struct peer p;
	struct side s;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(SSL_key_update(p.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		peer_say(&p, "after");
		PUMP_UNTIL(&p, s.s.in.n == (size_t)i * 5);
		side_say(&k, &s, "too", 3);
		PUMP_UNTIL(&p, p.nheard == (size_t)i * 3);
	}
	side_end(&k, &s);
	peer_close(&p);
}

/* Our answers to the peer's KeyUpdates are written while a megabyte of ours is stuck: their place is behind what is
 * pending, which has partly left by then. One byte out of order and the peer's next record does not decrypt. */
static void
test_key_update_while_output_is_stuck(void **state)
{
	static uint8_t bytes[1024 * 1024];
	struct peer    p;
	struct side    s;
	int	       fd[2];

	(void)state;
	kit_pair(fd, true);
	side_accept(&k, &s, fd[0], server, 5000);
	peer_open(&p, fd[1], false, NULL);
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	side_say(&k, &s, bytes, sizeof(bytes));
	for (int round = 0; round < 40; round++) {
		char taste[1500];
		ssize_t n;

		net_loop_turn(k.loop, 1);
		assert_int_equal(SSL_key_update(p.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		peer_say(&p, "ping");
		net_loop_turn(k.loop, 1);
		assert_non_null(s.s.pending);
		n = read(p.fd, taste, sizeof(taste));
		if (n > 0)
			assert_int_equal(BIO_write(p.in, taste, (int)n), n);
	}
	PUMP_UNTIL(&p, p.nheard == sizeof(bytes) || p.reason != 0);
	assert_int_equal(p.reason, 0);
	assert_int_equal(s.s.in.n, 160);
	assert_int_equal(s.closed, 0);
	side_end(&k, &s);
	peer_close(&p);
}

/* Asks for new keys again and again and reads none of the answers: memory stays bounded, and it ends. */
static void
test_key_update_flood(void **state)
{
	struct peer p;
	struct side s;
	int	    fd[2];

	(void)state;
	kit_pair(fd, true);
	side_accept(&k, &s, fd[0], server, 5000);
	peer_open(&p, fd[1], false, NULL);
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	p.deaf = true;
	for (int i = 0; i < 100000 && !s.closed; i++) {
		if (BIO_ctrl_pending(p.out) == 0) {
			assert_int_equal(SSL_key_update(p.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
			assert_int_equal(SSL_do_handshake(p.ssl), 1);
		}
		peer_flush(&p);
		net_loop_turn(k.loop, 0);
		assert_true(alv_pool_out(k.pool) <= 2 * ALV_BLOCK_MAX);
	}
	TURN_UNTIL(&k, s.closed);
	assert_int_equal(s.why, NET_END_TLS);
	side_end(&k, &s);
	peer_close(&p);
}

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

static bool
resumed(const char *host, int version)
{
	struct peer p;
	struct side s;
	bool	    yes;

	peer_at_ours(&p, &s, host);
	SSL_set_max_proto_version(p.ssl, version);
	/* Not in the context's own cache: what is in there is spoilt when the context is freed. */
	SSL_CTX_set_session_cache_mode(p.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(p.ctx, on_ticket);
	if (ticket != NULL)
		assert_int_equal(SSL_set_session(p.ssl, ticket), 1);
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	assert_string_equal(s.sni, host);
	side_say(&k, &s, "x", 1);
	PUMP_UNTIL(&p, p.nheard == 1);
	yes = SSL_session_reused(p.ssl);
	SSL_shutdown(p.ssl);
	side_end(&k, &s);
	peer_close(&p);
	return yes;
}

/* A ticket of one name is worth nothing under another; and there is one per handshake. */
static void
test_tickets_are_bound_to_the_name(void **state)
{
	(void)state;
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		ntickets = 0;
		assert_false(resumed("acme.kafka.test", v));
		assert_int_equal(ntickets, 1);
		assert_true(resumed("acme.kafka.test", v));
		assert_false(resumed("globex.kafka.test", v));
		SSL_SESSION_free(ticket);
		ticket = NULL;
	}
}

static void
test_no_early_data(void **state)
{
	(void)state;
	assert_false(resumed("acme.kafka.test", TLS1_3_VERSION));
	assert_int_equal(SSL_SESSION_get_max_early_data(ticket), 0);
	SSL_SESSION_free(ticket);
	ticket = NULL;
}

static void
test_old_versions_are_refused(void **state)
{
	struct peer p;
	struct side s;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	SSL_set_security_level(p.ssl, 0);
	SSL_set_min_proto_version(p.ssl, TLS1_VERSION);
	SSL_set_max_proto_version(p.ssl, TLS1_1_VERSION);
	PUMP_UNTIL(&p, s.closed && p.reason != 0);
	assert_int_equal(s.why, NET_END_TLS);
	assert_int_equal(p.reason, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
	side_end(&k, &s);
	peer_close(&p);
}

/* Certificates are changed while a handshake is under way and a stream is open. */
static void
test_the_context_may_go_before_its_streams(void **state)
{
	struct side c, s, c2, s2;

	(void)state;
	ours(&c, &s, "localhost", 0);
	ours_begin(&c2, &s2, "acme.kafka.test", 0);
	net_tls_server_free(server);
	server = NULL;
	TURN_UNTIL(&k, s2.opened && c2.opened);
	side_say(&k, &c, "still", 5);
	TURN_UNTIL(&k, s.s.in.n == 5);
	ours_end(&c, &s);
	ours_end(&c2, &s2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_sni_is_lowered_and_judged),
		T(test_a_refused_name_gets_its_alert),
		T(test_wrong_host_is_refused),
		T(test_wildcard_covers_one_label),
		T(test_expired_server_is_refused),
		T(test_a_host_that_is_no_name),
		T(test_mtls),
		T(test_mtls_without_a_certificate),
		T(test_renegotiation_is_refused),
		T(test_key_update_of_the_peer),
		T(test_key_update_while_output_is_stuck),
		T(test_key_update_flood),
		T(test_tickets_are_bound_to_the_name),
		T(test_no_early_data),
		T(test_old_versions_are_refused),
		T(test_the_context_may_go_before_its_streams),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
