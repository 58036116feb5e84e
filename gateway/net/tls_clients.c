/* Whom a server believes that clients are who they say: authorities and what they have revoked, of a listener, and of names that have
 * their own in place of those. Made with a set (tls_server.c) and gone with it: there are no sessions where clients are asked, so none
 * outlives a change of these. What was shown to an earlier one is held against a later one by shown.c. */
#include "net/tls_int.h"

#include <alcove/str.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>

struct trust {
	char		    *whose;	/* NULL: the listener's */
	X509_STORE	    *store;	/* NULL: nobody is believed */
	STACK_OF(X509_NAME) *names;	/* what the client is told */
};

struct net_clients {
	_Atomic unsigned users;
	uint64_t	 number;	/* another one each time, from 1 */
	enum net_tls_ask ask;
	struct trust	 common;
	size_t		 n;
	struct trust	 own[];
};

/* ---- revocation ------------------------------------------------------------------------------------------ */

/* Of an authority between root and client nobody need have heard anything; of the client's own there must be a list. */
static int
on_verify(int ok, X509_STORE_CTX *x)
{
	if (ok == 1 || X509_STORE_CTX_get_error(x) != X509_V_ERR_UNABLE_TO_GET_CRL || X509_STORE_CTX_get_error_depth(x) == 0)
		return ok;
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

static bool
load_revoked(X509_STORE *store, const char *file, struct net_tls_error *err)
{
	BIO	 *b = BIO_new_file(file, "re");
	X509_CRL *crl;
	size_t	  n = 0;
	bool	  good = b != NULL;

	if (!good)
		net_tls_fail(err, "CRL file \"%s\": cannot be read", file);
	while (good && (crl = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL)) != NULL) {
		good = X509_STORE_add_crl(store, crl) == 1;
		X509_CRL_free(crl);
		n++;
	}
	if (good && (n == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
		good = false;
	if (b != NULL && !good)
		net_tls_fail(err, "CRL file \"%s\": %s; expected certificate revocation lists in PEM", file, net_tls_why());
	ERR_clear_error();
	BIO_free(b);
	return good && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1;
}

/* ---- authorities --------------------------------------------------------------------------------------------- */

static bool
make(struct trust *t, const struct net_tls_authority *a, struct net_tls_error *err)
{
	if (!net_tls_readable(a->ca_file, "CA", err))
		return false;
	t->whose = a->whose == NULL ? NULL : strdup(a->whose);
	t->store = X509_STORE_new();
	if ((a->whose != NULL && t->whose == NULL) || t->store == NULL) {
		net_tls_fail(err, "out of memory");
		return false;
	}
	ERR_clear_error();
	if (X509_STORE_load_file(t->store, a->ca_file) == 1)
		t->names = SSL_load_client_CA_file(a->ca_file);
	if (t->names == NULL) {
		net_tls_fail(err, "CA file \"%s\": %s; expected certificates in PEM", a->ca_file, net_tls_why());
		return false;
	}
	return a->crl_file == NULL || load_revoked(t->store, a->crl_file, err);
}

static bool
make_all(struct net_clients *x, const struct net_tls_server_conf *c, struct net_tls_error *err)
{
	const struct net_tls_authority common = { NULL, c->client_ca_file, c->client_crl_file };

	if (c->client_auth == NET_TLS_ASK_NONE)
		return true;
	if (c->client_ca_file == NULL && c->nauthorities == 0) {
		net_tls_fail(err, "clients' certificates are asked for: expected a file with their authorities");
		return false;
	}
	if (c->client_ca_file != NULL && !make(&x->common, &common, err))
		return false;
	for (size_t i = 0; i < c->nauthorities; i++) {
		x->n++;
		if (!make(&x->own[i], &c->authorities[i], err))
			return false;
	}
	return true;
}

bool
net_clients_new(const struct net_tls_server_conf *c, struct net_clients **out, struct net_tls_error *err)
{
	static _Atomic uint64_t number;
	struct net_clients     *x = calloc(1, sizeof(*x) + c->nauthorities * sizeof(x->own[0]));

	*out = x;
	if (x == NULL) {
		net_tls_fail(err, "out of memory");
		return false;
	}
	x->users = 1;
	x->number = atomic_fetch_add(&number, 1) + 1;
	x->ask = c->client_auth;
	return make_all(x, c, err);
}

static void
drop(struct trust *t)
{
	free(t->whose);
	X509_STORE_free(t->store);
	sk_X509_NAME_pop_free(t->names, X509_NAME_free);
}

void
net_clients_free(struct net_clients *x)
{
	if (x == NULL || atomic_fetch_sub(&x->users, 1) > 1)
		return;
	drop(&x->common);
	for (size_t i = 0; i < x->n; i++)
		drop(&x->own[i]);
	free(x);
}

void
net_clients_hold(struct net_clients *x)
{
	atomic_fetch_add(&x->users, 1);
}

uint64_t
net_clients_number(const struct net_clients *x)
{
	return x->number;
}

/* ---- in the handshake ------------------------------------------------------------------------------------------- */

bool
net_clients_ask(const struct net_clients *x, SSL_CTX *ctx, struct net_tls_error *err)
{
	STACK_OF(X509_NAME) *names;

	if (x->ask == NET_TLS_ASK_NONE)
		return true;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (x->ask == NET_TLS_ASK_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), on_verify);
	if (x->common.store == NULL)
		return true;	/* nobody is believed but by names' own */
	names = SSL_dup_CA_list(x->common.names);
	if (names == NULL) {
		net_tls_fail(err, "out of memory");
		return false;
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set1_cert_store(ctx, x->common.store);
	return true;
}

/* The name's own, or the listener's. */
static const struct trust *
trust_of(const struct net_clients *x, struct alv_str whose)
{
	for (size_t i = 0; i < x->n; i++)
		if (alv_str_eqz(whose, x->own[i].whose))
			return &x->own[i];
	return &x->common;
}

bool
net_clients_use(const struct net_clients *x, SSL *ssl, struct alv_str whose, bool *own)
{
	const struct trust  *t = trust_of(x, whose);
	STACK_OF(X509_NAME) *names;

	*own = t != &x->common;
	if (!*own)
		return true;	/* the context's */
	names = SSL_dup_CA_list(t->names);
	if (names == NULL || SSL_set1_verify_cert_store(ssl, t->store) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return false;
	}
	SSL_set_client_CA_list(ssl, names);
	return true;
}

/* ---- later -------------------------------------------------------------------------------------------------------- */

bool
net_clients_believe(const struct net_clients *x, struct alv_str whose, bool own, X509 *cert, STACK_OF(X509) *chain)
{
	const struct trust *t = trust_of(x, whose);
	X509_STORE_CTX	   *v;
	bool		    good;

	if (x->ask == NET_TLS_ASK_NONE)
		return true;
	if (t->store == NULL || own != (t != &x->common))
		return false;
	v = X509_STORE_CTX_new();
	good = v != NULL && X509_STORE_CTX_init(v, t->store, cert, chain) == 1 && X509_STORE_CTX_set_default(v, "ssl_client") == 1;
	if (good) {
		X509_STORE_CTX_set_verify_cb(v, on_verify);
		X509_STORE_CTX_set_flags(v, X509_V_FLAG_NO_CHECK_TIME);
		good = X509_verify_cert(v) == 1;
	}
	X509_STORE_CTX_free(v);
	ERR_clear_error();
	return good;
}

/* ---- who is it? -------------------------------------------------------------------------------------------------- */

X509 *
net_verified(const struct net_stream *s)
{
	return s->ssl == NULL || SSL_get_verify_result(s->ssl) != X509_V_OK ? NULL : SSL_get0_peer_certificate(s->ssl);
}

void
net_stream_subject(const struct net_stream *s, char *out, size_t n)
{
	X509 *cert = net_verified(s);
	BIO  *b = cert == NULL ? NULL : BIO_new(BIO_s_mem());
	int   got = 0;

	ALV_CHECK(n > 0);
	if (b != NULL && X509_NAME_print_ex(b, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0)
		got = BIO_read(b, out, (int)n - 1);
	out[got > 0 ? got : 0] = '\0';
	BIO_free(b);
	ERR_clear_error();
}

static bool
write_subject(const X509 *cert, struct alv_buf *out)
{
	BIO	   *b = BIO_new(BIO_s_mem());
	const char *p = NULL;
	long	    n = 0;

	/* As Java writes it: RFC 2253, but letters beyond ASCII are themselves. */
	if (b != NULL && X509_NAME_print_ex(b, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_get_mem_data(b, &p);
	if (n > 0)
		alv_buf_add(out, p, (size_t)n);
	BIO_free(b);
	return n > 0;
}

/* The first of its kind. */
static bool
write_alternative(const X509 *cert, int type, struct alv_buf *out)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool	       found = false;

	for (int i = 0; !found && i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

		if (g->type != type)
			continue;
		alv_buf_add(out, ASN1_STRING_get0_data(g->d.ia5), (size_t)ASN1_STRING_length(g->d.ia5));
		found = true;
	}
	GENERAL_NAMES_free(all);
	return found;
}

bool
net_stream_named(const struct net_stream *s, enum net_named by, struct alv_buf *out)
{
	static const int types[] = { [NET_NAMED_DNS] = GEN_DNS, [NET_NAMED_URI] = GEN_URI, [NET_NAMED_EMAIL] = GEN_EMAIL };
	const X509	*cert = net_verified(s);
	bool		 found = cert != NULL;

	if (found)
		found = by == NET_NAMED_SUBJECT ? write_subject(cert, out) : write_alternative(cert, types[by], out);
	ERR_clear_error();
	return found && !out->err;
}

bool
net_stream_own_authority(const struct net_stream *s)
{
	return (s->flags & NET_F_OWN_AUTHORITY) != 0;
}
