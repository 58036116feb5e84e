/* What clients showed, held against the lists and authorities of later. */
#include "tests/unit/gateway/net/tls_kit.h"

#include <alcove/str.h>

#include "net/shown.h"

enum { REFUSED = 0, GOOD = 1 };

/* Of names: "acme.kafka.test" is acme's. */
static struct alv_str
whose(void *arg, const char *name, void *result)
{
	(void)arg;
	(void)result;
	return strncmp(name, "acme.", 5) == 0 ? ALV_STR("acme") : ALV_STR("globex");
}

static char crl[160];

static struct net_tls_server_conf
conf(void)
{
	return (struct net_tls_server_conf){ .cert_file = certs.server.cert_file, .key_file = certs.server.key_file, .sni = judge, .sni_arg = &certs,
		.client_auth = NET_TLS_ASK_REQUIRED, .client_ca_file = certs.ca.cert_file, .whose = whose };
}

/* What counts from here on. */
static void
reload(const struct net_tls_server_conf *c)
{
	struct net_tls_server_set *set;
	struct net_tls_error	   err = { "" };

	if (!net_tls_server_prepare(c, &set, &err))
		fail_msg("%s", err.text);
	net_tls_server_use(server, set);
}

/* One that is let in and stays. */
struct visit {
	struct peer	      p;
	struct side	      s;
	struct net_shown     *shown;
	struct net_stream_ops ops;
	enum alv_err	      err;
};
static struct visit *visitor;

static void
on_open(struct net_stream *s)
{
	visitor->err = net_shown_keep(s, server, &visitor->shown);
	side_on_open(s);
}

/* id NULL: shows nothing. between: one that it brings along; NULL: none. */
static void
visit(struct visit *v, const char *host, const struct cert_id *id, const struct cert_id *between, int version)
{
	visitor = v;
	peer_at_ours(&v->p, &v->s, host);
	v->ops = *v->s.s.ops;
	v->ops.on_open = on_open;
	v->s.s.ops = &v->ops;
	v->shown = NULL;
	SSL_set_max_proto_version(v->p.ssl, version);
	if (id != NULL) {
		assert_int_equal(SSL_use_certificate_file(v->p.ssl, id->cert_file, SSL_FILETYPE_PEM), 1);
		assert_int_equal(SSL_use_PrivateKey_file(v->p.ssl, id->key_file, SSL_FILETYPE_PEM), 1);
	}
	if (between != NULL)
		assert_int_equal(SSL_add1_chain_cert(v->p.ssl, between->cert), 1);
	PUMP_UNTIL(&v->p, v->s.opened && v->p.done == 1);
}

static void
leave(struct visit *v)
{
	net_shown_drop(v->shown);
	side_end(&k, &v->s);
	peer_close(&v->p);
}

#define COMES(v, host, id) \
	do { \
		visit((v), (host), (id), NULL, TLS1_3_VERSION); \
		assert_int_equal((v)->err, ALV_OK); \
		assert_int_equal(net_shown_good((v)->shown), GOOD); \
	} while (0)

/* ---- */

static void
who_shows_the_same_shares_it(void **state)
{
	struct net_tls_server_conf c = conf();
	struct visit		   a, b, other, elsewhere, none;

	(void)state;
	c.client_auth = NET_TLS_ASK_REQUESTED;
	reload(&c);
	COMES(&a, "globex.kafka.test", &certs.client);
	COMES(&b, "globex.kafka.test", &certs.client);
	COMES(&other, "globex.kafka.test", &certs.server);
	COMES(&elsewhere, "acme.kafka.test", &certs.client);	/* may have other authorities one day */
	COMES(&none, "globex.kafka.test", NULL);
	assert_ptr_equal(a.shown, b.shown);
	assert_ptr_not_equal(a.shown, other.shown);
	assert_ptr_not_equal(a.shown, elsewhere.shown);
	assert_null(none.shown);
	assert_string_equal(net_shown_subject(a.shown), "CN=client");
	assert_string_equal(net_shown_subject(NULL), "");
	leave(&a);
	assert_string_equal(net_shown_subject(b.shown), "CN=client");
	leave(&b);
	leave(&other);
	leave(&elsewhere);
	leave(&none);
}

static void
a_later_list_revokes(void **state)
{
	(void)state;
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		struct net_tls_server_conf c = conf();
		struct visit		   gone, stays;

		c.client_crl_file = crl;
		cert_revoke(&certs.ca, crl, NULL, -60, 3600);
		reload(&c);
		visit(&gone, "acme.kafka.test", &certs.client, NULL, v);
		visit(&stays, "acme.kafka.test", &certs.server, NULL, v);
		cert_revoke(&certs.ca, crl, certs.client.cert, -60, 3600);
		assert_int_equal(net_shown_good(gone.shown), GOOD);	/* nobody has read it yet */
		reload(&c);
		assert_int_equal(net_shown_good(gone.shown), REFUSED);
		assert_int_equal(net_shown_good(gone.shown), REFUSED);	/* by memory */
		assert_int_equal(net_shown_good(stays.shown), GOOD);
		/* Time that goes by ends none, nor does it forgive. */
		cert_revoke(&certs.ca, crl, certs.client.cert, -3600, -60);
		reload(&c);
		assert_int_equal(net_shown_good(gone.shown), REFUSED);
		assert_int_equal(net_shown_good(stays.shown), GOOD);
		cert_revoke(&certs.other_ca, crl, NULL, -60, 3600);	/* of another authority: nobody knows any more */
		reload(&c);
		assert_int_equal(net_shown_good(stays.shown), REFUSED);
		leave(&gone);
		leave(&stays);
	}
}

static void
an_authority_is_none_any_more(void **state)
{
	struct net_tls_server_conf c = conf();
	struct visit		   v;

	(void)state;
	reload(&c);
	COMES(&v, "acme.kafka.test", &certs.client);
	c.client_ca_file = certs.other_ca.cert_file;
	reload(&c);
	assert_int_equal(net_shown_good(v.shown), REFUSED);
	c = conf();
	c.client_auth = NET_TLS_ASK_NONE;	/* who would be let in without one may go on with it */
	reload(&c);
	assert_int_equal(net_shown_good(v.shown), GOOD);
	leave(&v);
}

/* The same name and key, another certificate: what it signed is good by it. */
static void
an_authority_is_renewed(void **state)
{
	struct net_tls_server_conf c = conf();
	struct cert_id		   anew = { .key = certs.ca.key };
	struct visit		   v;

	(void)state;
	reload(&c);
	COMES(&v, "acme.kafka.test", &certs.client);
	cert_issue(&certs, &anew, "ca", NULL, NULL, 60, true);	/* into the same file */
	assert_int_not_equal(X509_cmp(anew.cert, certs.ca.cert), 0);
	reload(&c);
	assert_int_equal(net_shown_good(v.shown), GOOD);
	cert_save(&certs, &certs.ca, "ca");
	X509_free(anew.cert);
	leave(&v);
}

/* Whoever was believed by a tenant's own is not the same by the listener's: what becomes of names is another thing. */
static void
a_name_gets_and_loses_its_own(void **state)
{
	const struct net_tls_authority own[] = { { "acme", certs.ca.cert_file, NULL } };
	struct net_tls_server_conf     both = conf(), common = conf();
	struct visit		       acme, globex;

	(void)state;
	both.authorities = own;
	both.nauthorities = 1;
	reload(&both);
	COMES(&acme, "acme.kafka.test", &certs.client);
	COMES(&globex, "globex.kafka.test", &certs.client);
	reload(&common);
	assert_int_equal(net_shown_good(acme.shown), REFUSED);
	assert_int_equal(net_shown_good(globex.shown), GOOD);
	leave(&acme);
	COMES(&acme, "acme.kafka.test", &certs.client);
	both.client_ca_file = NULL;
	reload(&both);
	assert_int_equal(net_shown_good(acme.shown), REFUSED);
	assert_int_equal(net_shown_good(globex.shown), REFUSED);
	leave(&acme);
	leave(&globex);
}

/* One between the client and the authority: brought along, or in the authorities' file. */
static void
what_is_between(void **state)
{
	struct net_tls_server_conf c = conf();
	struct cert_id		   between = { .key = EVP_EC_gen("P-256") }, id = { NULL, NULL, "", "" };
	struct visit		   brings, does_not;
	char			   both[160];
	FILE			  *f;

	(void)state;
	snprintf(both, sizeof(both), "%s/both.crt", certs.dir);
	cert_issue(&certs, &between, "between", &certs.ca, NULL, 30, true);
	cert_make(&certs, &id, "far", &between, NULL, 30, false);
	f = fopen(both, "w");
	assert_true(f != NULL && PEM_write_X509(f, certs.ca.cert) == 1 && PEM_write_X509(f, between.cert) == 1 && fclose(f) == 0);
	c.client_ca_file = both;
	reload(&c);
	visit(&brings, "acme.kafka.test", &id, &between, TLS1_3_VERSION);
	visit(&does_not, "acme.kafka.test", &id, NULL, TLS1_3_VERSION);
	c.client_ca_file = certs.ca.cert_file;
	reload(&c);
	assert_int_equal(net_shown_good(brings.shown), GOOD);
	assert_int_equal(net_shown_good(does_not.shown), REFUSED);
	leave(&brings);
	leave(&does_not);
	X509_free(between.cert);
	EVP_PKEY_free(between.key);
	cert_drop(&id);
}

/* A tenant's own authority signs what the tenant likes. */
static void
what_is_too_much_is_not_kept(void **state)
{
	struct net_tls_server_conf c = conf();
	struct cert_id		   id = { NULL, NULL, "", "" };
	struct visit		   v;
	static char		   san[20000];

	(void)state;
	memset(san, 'x', sizeof(san) - 1);
	memcpy(san, "URI:a:", 6);
	cert_make(&certs, &id, "much", &certs.ca, san, 30, false);
	reload(&c);
	visit(&v, "acme.kafka.test", &id, NULL, TLS1_3_VERSION);
	assert_int_equal(v.err, ALV_E_LIMIT);
	assert_null(v.shown);
	leave(&v);
	cert_drop(&id);
}

static int
setup_lists(void **state)
{
	(void)setup(state);
	snprintf(crl, sizeof(crl), "%s/revoked.crl", certs.dir);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_lists, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(who_shows_the_same_shares_it), T(a_later_list_revokes), T(an_authority_is_none_any_more),
		T(an_authority_is_renewed), T(a_name_gets_and_loses_its_own), T(what_is_between), T(what_is_too_much_is_not_kept) };

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
