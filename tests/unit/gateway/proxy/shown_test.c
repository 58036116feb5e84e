/* Connections that showed a certificate, when other lists of what is revoked come: in service, and in the midst of the handshake. */
#include "tests/unit/gateway/net/certs.h"
#include "tests/unit/gateway/proxy/bench.h"

#include <openssl/ssl.h>

static struct certs certs;
static char	    crl[160];

struct tls_proxy {
	struct proxy		     p;
	struct pol_files	     pair;
	struct net_tls_server	    *tls[1];
};

struct visitor {
	struct px_client *c;
	SSL_CTX		 *ctx;
	SSL		 *ssl;
	int		  fd;
};

/* What the files say now. */
static struct net_tls_server_set *
prepare(struct tls_proxy *x)
{
	struct net_tls_server_set *set = NULL;
	struct alv_buf		   words;

	alv_buf_init(&words, 4096);
	if (px_tls_prepare(&x->p.gateway, &x->p.conf, 0, &set, &words))
		fail_msg("%.*s", (int)words.n, (const char *)words.p);
	alv_buf_fini(&words);
	return set;
}

static void
open_tls(struct tls_proxy *x)
{
	const struct net_tls_server_conf first = { .cert_file = certs.server.cert_file, .key_file = certs.server.key_file };
	struct net_tls_error		 err;
	struct pol_listener		*l = &x->p.listener;

	proxy_open(&x->p);
	x->pair = (struct pol_files){ .certificate_file = certs.server.cert_file, .key_file = certs.server.key_file };
	snprintf(l->tenant, sizeof(l->tenant), "acme");
	l->tls = true;
	l->npairs = 1;
	l->pairs = &x->pair;
	l->client_auth = POL_CLIENT_REQUIRED;
	l->client_ca_file = certs.ca.cert_file;
	l->client_crl_file = crl;
	l->login = POL_LOGIN_CERTIFICATE;
	l->principal_rules = "DEFAULT";
	x->p.conf.listeners = l;
	x->p.conf.nlisteners = 1;
	x->p.gateway.ports = &x->p.port;
	x->p.gateway.nports = 1;
	x->p.gateway.tls = x->tls;
	x->tls[0] = net_tls_server_new(&first, &err);
	assert_non_null(x->tls[0]);
	x->p.port.tls = x->tls[0];
	cert_revoke(&certs.ca, crl, NULL, -60, 3600);
	px_tls_use(&x->p.gateway, 0, prepare(x));
}

static void
close_tls(struct tls_proxy *x)
{
	proxy_close(&x->p);
	net_tls_server_free(x->tls[0]);
}

static void
come(struct tls_proxy *x, struct visitor *v, const struct cert_id *id)
{
	v->c = proxy_accept(&x->p, &v->fd);
	v->ctx = SSL_CTX_new(TLS_client_method());
	v->ssl = SSL_new(v->ctx);
	assert_int_equal(SSL_use_certificate_file(v->ssl, id->cert_file, SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_use_PrivateKey_file(v->ssl, id->key_file, SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_set_fd(v->ssl, v->fd), 1);
	SSL_set_connect_state(v->ssl);
}

static void
go(struct visitor *v)
{
	SSL_free(v->ssl);
	SSL_CTX_free(v->ctx);
	close(v->fd);
}

static void
take_back(struct tls_proxy *x, const struct cert_id *id)
{
	cert_revoke(&certs.ca, crl, id->cert, -60, 3600);
	px_tls_use(&x->p.gateway, 0, prepare(x));
	px_worker_order(x->p.worker, PX_SWEEP, 0);	/* its thread, were it running */
}

static void
who_is_revoked_ends(void **state)
{
	struct tls_proxy x;
	struct visitor	 gone, stays;

	(void)state;
	open_tls(&x);
	come(&x, &gone, &certs.client);
	PROXY_UNTIL(&x.p, SSL_do_handshake(gone.ssl) == 1 && gone.c->conn.auth == API_AUTH_DONE);
	come(&x, &stays, &certs.rsa);
	PROXY_UNTIL(&x.p, SSL_do_handshake(stays.ssl) == 1 && stays.c->conn.auth == API_AUTH_DONE);
	assert_string_equal(gone.c->conn.principal, "User:CN=client");
	px_worker_order(x.p.worker, PX_SWEEP, 0);
	proxy_turns(&x.p, 3);
	assert_int_equal(gone.c->state, PX_SERVING);
	gone.c->away++;	/* so that it can be looked at when it is closed */
	take_back(&x, &certs.client);
	PROXY_UNTIL(&x.p, gone.c->state == PX_CLOSED);
	assert_int_equal(gone.c->why, MET_CLOSE_CERTIFICATE_REVOKED);
	assert_int_equal(stays.c->state, PX_SERVING);
	px_unaway(gone.c);
	PROXY_UNTIL(&x.p, x.p.worker->clients == stays.c && stays.c->next == NULL);
	go(&gone);
	go(&stays);
	close_tls(&x);
}

/* The handshake went by the list of before, and nobody looks at those that do not serve yet. */
static void
who_is_revoked_in_the_handshake_is_not_let_in(void **state)
{
	struct tls_proxy x;
	struct visitor	 v;

	(void)state;
	open_tls(&x);
	come(&x, &v, &certs.client);
	(void)SSL_do_handshake(v.ssl);
	proxy_turns(&x.p, 3);	/* it has its hello, and the handshake its list */
	assert_int_equal(v.c->state, PX_OPENING);
	v.c->away++;
	take_back(&x, &certs.client);
	proxy_turns(&x.p, 3);
	assert_int_equal(v.c->state, PX_OPENING);
	PROXY_UNTIL(&x.p, SSL_do_handshake(v.ssl) == 1 && v.c->state == PX_CLOSED);
	assert_int_equal(v.c->why, MET_CLOSE_CERTIFICATE_REVOKED);
	assert_int_equal(v.c->conn.auth, API_AUTH_NONE);
	px_unaway(v.c);
	go(&v);
	close_tls(&x);
}

static int
setup_all(void **state)
{
	(void)state;
	certs_make(&certs);
	snprintf(crl, sizeof(crl), "%s/revoked.crl", certs.dir);
	return 0;
}

static int
teardown_all(void **state)
{
	(void)state;
	certs_drop(&certs);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(who_is_revoked_ends),
		cmocka_unit_test(who_is_revoked_in_the_handshake_is_not_let_in) };

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
