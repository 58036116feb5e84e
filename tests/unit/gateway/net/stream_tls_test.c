/* TLS streams: between two of ours, and against a peer that is OpenSSL's own client or server and does what ours never
 * would. */
#include "tests/unit/gateway/net/certs.h"
#include "tests/unit/gateway/net/kit.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static struct certs	      certs;
static struct kit	      k;
static struct net_tls_server *server;
static struct net_tls_client *client;
static char		      asked_name[256];
static int		      tenant;

/* Serves *.kafka.test, localhost and clients without SNI. */
static bool
judge(void *arg, const char *name, void **result)
{
	size_t n = strlen(name);

	assert_ptr_equal(arg, &certs);
	snprintf(asked_name, sizeof(asked_name), "%s", name);
	*result = &tenant;
	return name[0] == '\0' || strcmp(name, "localhost") == 0 || (n > 11 && strcmp(name + n - 11, ".kafka.test") == 0);
}

static int
setup_all(void **state)
{
	(void)state;
	certs_make(&certs);
	return 0;
}

static int
teardown_all(void **state)
{
	(void)state;
	certs_drop(&certs);
	return 0;
}

static struct net_tls_server *
new_server(const struct cert_id *id)
{
	const struct net_tls_server_conf c = { .cert_file = id->cert_file, .key_file = id->key_file, .sni = judge, .sni_arg = &certs };
	struct net_tls_error		 err = { "" };
	struct net_tls_server		*t = net_tls_server_new(&c, &err);

	assert_string_equal(err.text, "");
	assert_non_null(t);
	return t;
}

static struct net_tls_client *
new_client(const struct cert_id *identity)
{
	struct net_tls_client_conf c = { .ca_file = certs.ca.cert_file, .verify_host = true };
	struct net_tls_error	   err = { "" };
	struct net_tls_client	  *t;

	if (identity != NULL) {
		c.cert_file = identity->cert_file;
		c.key_file = identity->key_file;
	}
	t = net_tls_client_new(&c, &err);
	assert_string_equal(err.text, "");
	assert_non_null(t);
	return t;
}

static int
setup(void **state)
{
	(void)state;
	kit_open(&k);
	server = new_server(&certs.server);
	client = new_client(NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	net_tls_server_free(server);
	net_tls_client_free(client);
	kit_close(&k);
	return 0;
}

/* Our client and our server, connected; version 0: as they like. */
static void
ours_begin(struct side *c, struct side *s, const char *host, int version)
{
	int fd;

	side_connect(&k, c, client, host, &fd);
	if (version != 0)
		assert_int_equal(SSL_set_max_proto_version(c->s.ssl, version), 1);
	side_accept(&k, s, fd, server, 5000);
}

static void
ours(struct side *c, struct side *s, const char *host, int version)
{
	ours_begin(c, s, host, version);
	TURN_UNTIL(&k, c->opened && s->opened);
	if (version != 0)
		assert_int_equal(SSL_version(c->s.ssl), version);
}

static void
ours_end(struct side *c, struct side *s)
{
	side_end(&k, c);
	side_end(&k, s);
}

/* ---- a peer of OpenSSL's own, over memory BIOs, so that a test decides when which byte goes ---- */

struct peer {
	SSL_CTX *ctx;
	SSL	*ssl;
	BIO	*in, *out;
	int	 fd;
	size_t	 drip;		/* sends so many bytes per pump; 0: all */
	bool	 deaf;		/* takes nothing from the socket */
	bool	 eof;
	int	 done;		/* of the handshake */
	int	 reason;	/* OpenSSL's, of a failed handshake or read */
	char	 heard[256];	/* the first of it */
	size_t	 nheard;
};

static void
peer_open(struct peer *p, int fd, bool as_server, const struct cert_id *id)
{
	memset(p, 0, sizeof(*p));
	p->fd = fd;
	p->ctx = SSL_CTX_new(as_server ? TLS_server_method() : TLS_client_method());
	if (id != NULL) {
		assert_int_equal(SSL_CTX_use_certificate_file(p->ctx, id->cert_file, SSL_FILETYPE_PEM), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(p->ctx, id->key_file, SSL_FILETYPE_PEM), 1);
	}
	p->ssl = SSL_new(p->ctx);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	SSL_set_bio(p->ssl, p->in, p->out);
	if (as_server)
		SSL_set_accept_state(p->ssl);
	else
		SSL_set_connect_state(p->ssl);
}

static void
peer_flush(struct peer *p)
{
	char *bytes;
	long  have = BIO_get_mem_data(p->out, &bytes);
	size_t n = p->drip > 0 && (size_t)have > p->drip ? p->drip : (size_t)have;
	ssize_t sent = n == 0 ? 0 : send(p->fd, bytes, n, MSG_NOSIGNAL);
	char   sink[65536];

	while (sent > 0)
		sent -= BIO_read(p->out, sink, sent < (ssize_t)sizeof(sink) ? (int)sent : (int)sizeof(sink));
}

static void
peer_pump(struct peer *p)
{
	char	bytes[4096];
	ssize_t n;
	int	r;

	while (!p->deaf && (n = read(p->fd, bytes, sizeof(bytes))) >= 0) {
		if (n == 0) {
			p->eof = true;
			break;
		}
		assert_int_equal(BIO_write(p->in, bytes, (int)n), n);
	}
	ERR_clear_error();
	if (p->done != 1 && p->reason == 0)
		p->done = SSL_do_handshake(p->ssl);
	while (p->done == 1 && p->reason == 0 && (r = SSL_read(p->ssl, bytes, sizeof(bytes))) > 0) {
		if (p->nheard + (size_t)r <= sizeof(p->heard))
			memcpy(p->heard + p->nheard, bytes, (size_t)r);
		p->nheard += (size_t)r;
	}
	if (ERR_peek_error() != 0 && p->reason == 0)
		p->reason = ERR_GET_REASON(ERR_peek_error());
	peer_flush(p);
}

#define PUMP_UNTIL(p, cond) \
	do { \
		int pumps_ = 0; \
		while (!(cond)) { \
			assert_true(pumps_++ < 20000); \
			peer_pump(p); \
			net_loop_turn(k.loop, 1); \
		} \
	} while (0)

static void
peer_say(struct peer *p, const char *z)
{
	assert_int_equal(SSL_write(p->ssl, z, (int)strlen(z)), strlen(z));
	peer_flush(p);
}

static void
peer_close(struct peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	if (p->fd >= 0)
		close(p->fd);
}

/* OpenSSL's client at our server. */
static void
peer_at_ours(struct peer *p, struct side *s, const char *host)
{
	int fd[2];

	kit_pair(fd, false);
	side_accept(&k, s, fd[0], server, 5000);
	peer_open(p, fd[1], false, NULL);
	if (host != NULL)
		assert_int_equal(SSL_set_tlsext_host_name(p->ssl, host), 1);
}

/* Our client at OpenSSL's server. */
static void
ours_at_peer(struct side *c, struct peer *p, const char *host, const struct cert_id *id)
{
	int fd;

	side_connect(&k, c, client, host, &fd);
	peer_open(p, fd, true, id);
}

/* ---- data ---------------------------------------------------------------------------------- */

static void
talk_tls(int version, uint64_t total)
{
	struct talk *t = calloc(2, sizeof(*t));

	assert_non_null(t);
	ours(&t[0].x, &t[1].x, "localhost", version);
	talk_run(&k, &t[0], &t[1], total);
	for (int i = 0; i < 2; i++)
		assert_true(t[i].most_out <= NET_HIGH_WATER + 70000);
	ours_end(&t[0].x, &t[1].x);
	free(t);
}

static void
test_twenty_megabytes_each_way_13(void **state)
{
	(void)state;
	talk_tls(TLS1_3_VERSION, 20 * 1024 * 1024);
}

static void
test_twenty_megabytes_each_way_12(void **state)
{
	(void)state;
	talk_tls(TLS1_2_VERSION, 20 * 1024 * 1024);
}

static void
test_rsa(void **state)
{
	(void)state;
	net_tls_server_free(server);
	server = new_server(&certs.rsa);
	talk_tls(TLS1_3_VERSION, 10000);
	talk_tls(TLS1_2_VERSION, 10000);
}

/* New keys every 64 KiB, both ways, among traffic. */
static void
test_keys_are_renewed(void **state)
{
	(void)state;
	k.ctx.rekey_bytes = 64 * 1024;
	talk_tls(TLS1_3_VERSION, 4 * 1024 * 1024);
	talk_tls(TLS1_2_VERSION, 1024 * 1024);	/* has none; goes on */
}

/* A whole megabyte is there to be read, but no more than in_max and a record is taken, and all of it arrives in the end. */
static void
test_back_pressure_is_exact(void **state)
{
	static uint8_t bytes[1024 * 1024];
	struct side    c, s;
	size_t	       total = 0;

	(void)state;
	ours(&c, &s, "localhost", 0);
	s.s.in_max = 1000;
	side_say(&k, &c, bytes, sizeof(bytes));
	while (total < sizeof(bytes)) {
		TURN_UNTIL(&k, s.s.in.n >= s.s.in_max || total + s.s.in.n == sizeof(bytes));
		for (int i = 0; i < 3; i++)
			net_loop_turn(k.loop, 0);
		assert_true(s.s.in.n <= s.s.in_max + 16384);
		assert_true(alv_pool_out(k.pool) <= 3 * sizeof(bytes));
		total += s.s.in.n;
		alv_chain_drop(&s.s.in, s.s.in.n);
		net_stream_more(&s.s);
	}
	assert_int_equal(total, sizeof(bytes));
	assert_true(c.drained == 1);
	ours_end(&c, &s);
}

/* A frame that lacks one byte has room for one byte; the record that brings it is not fetched byte by byte. */
static void
test_little_room_takes_a_whole_record(void **state)
{
	static uint8_t bytes[16384];
	struct side    c, s;

	(void)state;
	ours(&c, &s, "localhost", 0);
	s.s.in_max = 1;
	side_say(&k, &c, bytes, sizeof(bytes));
	for (int i = 0; i < 6; i++)
		net_loop_turn(k.loop, 10);
	assert_int_equal(s.s.in.n, sizeof(bytes));
	ours_end(&c, &s);
}

static void
test_an_idle_stream_holds_no_block(void **state)
{
	struct side c, s;

	(void)state;
	ours(&c, &s, "localhost", 0);
	side_say(&k, &c, "hello", 5);
	TURN_UNTIL(&k, s.s.in.n == 5);
	assert_int_equal(alv_pool_out(k.pool), ALV_BLOCK_SMALL);
	alv_chain_drop(&s.s.in, 5);
	assert_int_equal(alv_pool_out(k.pool), 0);
	ours_end(&c, &s);
}

static void
test_one_byte_at_a_time(void **state)
{
	struct peer p;
	struct side s;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	p.drip = 1;
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	for (int i = 0; i < 20; i++)
		peer_say(&p, "0123456789");
	PUMP_UNTIL(&p, s.s.in.n == 200);
	side_say(&k, &s, "back", 4);
	PUMP_UNTIL(&p, p.nheard == 4);
	side_end(&k, &s);
	peer_close(&p);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void
test_close_notify_and_half_close(void **state)
{
	struct peer p;
	struct side s;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	peer_say(&p, "ask");
	SSL_shutdown(p.ssl);
	peer_flush(&p);
	shutdown(p.fd, SHUT_WR);
	PUMP_UNTIL(&p, s.s.in_eof);
	assert_false(s.s.in_cut);
	assert_int_equal(s.s.in.n, 3);
	side_say(&k, &s, "answer", 6);
	net_stream_close(&s.s, true);
	PUMP_UNTIL(&p, s.closed && p.eof);
	peer_pump(&p);
	assert_int_equal(s.why, NET_END_EOF);
	assert_memory_equal(p.heard, "answer", 6);
	assert_true(SSL_get_shutdown(p.ssl) & SSL_RECEIVED_SHUTDOWN);	/* ours was orderly, too */
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_fin_without_close_notify(void **state)
{
	for (int halfway = 0; halfway < 2; halfway++) {
		struct peer p;
		struct side s;

		(void)state;
		peer_at_ours(&p, &s, "acme.kafka.test");
		PUMP_UNTIL(&p, s.opened && p.done == 1);
		peer_say(&p, "half a frame");
		PUMP_UNTIL(&p, s.s.in.n > 0);
		shutdown(p.fd, SHUT_WR);
		PUMP_UNTIL(&p, s.s.in_eof);
		assert_true(s.s.in_cut);
		if (!halfway)
			alv_chain_drop(&s.s.in, s.s.in.n);	/* nothing was lost: ended between frames */
		net_stream_close(&s.s, true);
		PUMP_UNTIL(&p, s.closed);
		assert_int_equal(s.why, halfway ? NET_END_TRUNCATED : NET_END_EOF);
		side_end(&k, &s);
		peer_close(&p);
	}
}

static void
test_fin_inside_a_record(void **state)
{
	struct peer p;
	struct side s;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	p.drip = 10;
	peer_say(&p, "never complete");
	shutdown(p.fd, SHUT_WR);
	TURN_UNTIL(&k, s.closed);
	assert_int_equal(s.why, NET_END_TRUNCATED);
	assert_int_equal(s.s.in.n, 0);
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_a_changed_record(void **state)
{
	struct peer p;
	struct side s;
	char	   *bytes;
	long	    n;

	(void)state;
	peer_at_ours(&p, &s, "acme.kafka.test");
	PUMP_UNTIL(&p, s.opened && p.done == 1);
	peer_say(&p, "good");
	PUMP_UNTIL(&p, s.s.in.n == 4);
	assert_int_equal(SSL_write(p.ssl, "evil", 4), 4);
	n = BIO_get_mem_data(p.out, &bytes);
	bytes[n - 1] ^= 1;
	PUMP_UNTIL(&p, s.closed);
	assert_int_equal(s.why, NET_END_TLS);
	assert_string_not_equal(net_stream_tls_reason(&s.s), "");
	assert_int_equal(s.s.in.n, 4);
	PUMP_UNTIL(&p, p.reason == SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
	side_end(&k, &s);
	peer_close(&p);
}

static void
test_garbage_instead_of_tls(void **state)
{
	const struct alv_str said[] = {
		ALV_STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		ALV_STR("\x16\x03\x01\x02\x00\xff\xff\xff\xff garbage garbage"),
		ALV_STR("\0\0\0\x1a\0\x12\0\3\0\0\0\1"),
		ALV_STR("\x16\x03\x01\xff\xff too long"),
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(said); i++) {
		struct side s;
		int	    fd[2];
		char	    sink[64];

		kit_pair(fd, false);
		side_accept(&k, &s, fd[0], server, 5000);
		assert_int_equal(write(fd[1], said[i].p, said[i].n), said[i].n);
		shutdown(fd[1], SHUT_WR);
		TURN_UNTIL(&k, s.closed);
		assert_int_equal(s.opened, 0);
		assert_true(s.why == NET_END_TLS || s.why == NET_END_TRUNCATED);
		while (read(fd[1], sink, sizeof(sink)) > 0)
			;
		side_end(&k, &s);
		close(fd[1]);
	}
}

/* Closing over what was not read would be a reset, which takes the alert away from the peer. */
static void
test_the_alert_survives_much_garbage(void **state)
{
	static uint8_t bytes[150 * 1024];
	struct side    s;
	uint8_t	       alert[7];
	int	       fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &s, fd[0], server, 5000);
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "\x16\x03\x01\x10\x00", 5);	/* a handshake record; what is in it isn't any */
	assert_int_equal(write(fd[1], bytes, sizeof(bytes)), sizeof(bytes));
	TURN_UNTIL(&k, s.closed);
	assert_int_equal(s.why, NET_END_TLS);
	assert_int_equal(read(fd[1], alert, sizeof(alert)), 7);
	assert_int_equal(alert[0], 21);
	assert_int_equal(read(fd[1], alert, sizeof(alert)), 0);
	side_end(&k, &s);
	close(fd[1]);
}

/* A port scan: connects and goes. */
static void
test_closed_before_a_byte(void **state)
{
	struct side s;
	int	    fd[2];

	(void)state;
	kit_pair(fd, false);
	side_accept(&k, &s, fd[0], server, 5000);
	close(fd[1]);
	TURN_UNTIL(&k, s.closed);
	assert_int_equal(s.why, NET_END_EOF);
	side_end(&k, &s);
}

static uint64_t fake_us;

static uint64_t
fake_clock(void)
{
	return fake_us;
}

static void
test_slow_handshake_times_out(void **state)
{
	static const uint8_t hello[9] = { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc };

	struct side s;
	int	    fd[2];

	(void)state;
	fake_us = 1;
	net_loop_clock(k.loop, fake_clock);
	kit_pair(fd, false);
	side_accept(&k, &s, fd[0], server, 100);
	for (size_t i = 0; i < sizeof(hello); i++) {
		assert_int_equal(write(fd[1], &hello[i], 1), 1);
		fake_us += 10 * 1000;	/* trickling does not buy time */
		net_loop_turn(k.loop, 0);
		assert_int_equal(s.closed, 0);
	}
	fake_us += 10 * 1000;
	TURN_UNTIL(&k, s.closed);
	assert_int_equal(s.why, NET_END_TIMEOUT);
	side_end(&k, &s);
	close(fd[1]);
}

static void
test_an_open_stream_has_no_timer(void **state)
{
	struct side c, s;

	(void)state;
	fake_us = 1;
	net_loop_clock(k.loop, fake_clock);
	ours(&c, &s, "localhost", 0);
	fake_us += UINT64_C(3600) * 1000 * 1000;
	net_loop_turn(k.loop, 0);
	net_loop_turn(k.loop, 0);
	assert_int_equal(c.closed + s.closed, 0);
	ours_end(&c, &s);
}

/* ---- names ---------------------------------------------------------------------------------- */

static void
test_sni_is_lowered_and_judged(void **state)
{
	struct side c, s;

	(void)state;
	ours(&c, &s, "B3-Acme.Kafka.TEST", 0);
	assert_string_equal(asked_name, "b3-acme.kafka.test");
	assert_string_equal(s.s.sni, "b3-acme.kafka.test");
	assert_ptr_equal(s.s.sni_result, &tenant);
	ours_end(&c, &s);
	ours(&c, &s, "127.0.0.1", 0);	/* by IP SAN, without SNI */
	assert_string_equal(s.s.sni, "");
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
	assert_string_equal(s.s.sni, host);
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
		T(test_twenty_megabytes_each_way_13),
		T(test_twenty_megabytes_each_way_12),
		T(test_rsa),
		T(test_keys_are_renewed),
		T(test_back_pressure_is_exact),
		T(test_little_room_takes_a_whole_record),
		T(test_an_idle_stream_holds_no_block),
		T(test_one_byte_at_a_time),
		T(test_close_notify_and_half_close),
		T(test_fin_without_close_notify),
		T(test_fin_inside_a_record),
		T(test_a_changed_record),
		T(test_garbage_instead_of_tls),
		T(test_the_alert_survives_much_garbage),
		T(test_closed_before_a_byte),
		T(test_slow_handshake_times_out),
		T(test_an_open_stream_has_no_timer),
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
