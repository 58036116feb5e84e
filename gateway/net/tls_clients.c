/* Whom a server believes that clients are who they say: authorities and what they have revoked, of a listener, and of names that have
 * their own in place of those. Made with a set (tls_server.c) and gone with it: there are no sessions where clients are asked, so none
 * outlives a change of these. */
#include "net/tls_int.h"

#include <alcove/str.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct net_clients {
	size_t n;
	struct own {
		char		    *whose;
		X509_STORE	    *store;
		STACK_OF(X509_NAME) *names;	/* what the client is told */
	} own[];
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

/* ---- of the listener ---------------------------------------------------------------------------------------- */

static STACK_OF(X509_NAME) *
load_names(const char *file, struct net_tls_error *err)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);

	if (names == NULL)
		net_tls_fail(err, "CA file \"%s\": %s; expected certificates in PEM", file, net_tls_why());
	return names;
}

bool
net_clients_ask(SSL_CTX *ctx, const struct net_tls_server_conf *c, struct net_tls_error *err)
{
	STACK_OF(X509_NAME) *names;

	if (c->client_auth == NET_TLS_ASK_NONE)
		return true;
	if (c->client_ca_file == NULL && c->nauthorities == 0) {
		net_tls_fail(err, "clients' certificates are asked for: expected a file with their authorities");
		return false;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (c->client_auth == NET_TLS_ASK_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), on_verify);
	if (c->client_ca_file == NULL)
		return true;	/* nobody is believed but by names' own */
	if (!net_tls_trust(ctx, c->client_ca_file, err) || (names = load_names(c->client_ca_file, err)) == NULL)
		return false;
	SSL_CTX_set_client_CA_list(ctx, names);
	return c->client_crl_file == NULL || load_revoked(SSL_CTX_get_cert_store(ctx), c->client_crl_file, err);
}

/* ---- of names ------------------------------------------------------------------------------------------------- */

static bool
make_own(struct own *o, const struct net_tls_authority *a, struct net_tls_error *err)
{
	o->whose = strdup(a->whose);
	o->store = X509_STORE_new();
	if (o->whose == NULL || o->store == NULL) {
		net_tls_fail(err, "out of memory");
		return false;
	}
	ERR_clear_error();
	if (X509_STORE_load_file(o->store, a->ca_file) != 1) {
		net_tls_fail(err, "CA file \"%s\": %s; expected certificates in PEM", a->ca_file, net_tls_why());
		return false;
	}
	o->names = load_names(a->ca_file, err);
	return o->names != NULL && (a->crl_file == NULL || load_revoked(o->store, a->crl_file, err));
}

bool
net_clients_new(const struct net_tls_server_conf *c, struct net_clients **out, struct net_tls_error *err)
{
	struct net_clients *x = calloc(1, sizeof(*x) + c->nauthorities * sizeof(x->own[0]));

	*out = x;
	if (x == NULL) {
		net_tls_fail(err, "out of memory");
		return false;
	}
	for (size_t i = 0; i < c->nauthorities; i++) {
		x->n++;
		if (!make_own(&x->own[i], &c->authorities[i], err))
			return false;
	}
	return true;
}

void
net_clients_free(struct net_clients *x)
{
	for (size_t i = 0; x != NULL && i < x->n; i++) {
		free(x->own[i].whose);
		X509_STORE_free(x->own[i].store);
		sk_X509_NAME_pop_free(x->own[i].names, X509_NAME_free);
	}
	free(x);
}

bool
net_clients_use(const struct net_clients *x, SSL *ssl, struct alv_str whose, bool *own)
{
	STACK_OF(X509_NAME) *names;

	*own = false;
	for (size_t i = 0; i < x->n; i++) {
		if (!alv_str_eqz(whose, x->own[i].whose))
			continue;
		names = SSL_dup_CA_list(x->own[i].names);
		if (names == NULL || SSL_set1_verify_cert_store(ssl, x->own[i].store) != 1) {
			sk_X509_NAME_pop_free(names, X509_NAME_free);
			return false;
		}
		SSL_set_client_CA_list(ssl, names);
		*own = true;
		return true;
	}
	return true;
}

/* ---- who is it? -------------------------------------------------------------------------------------------------- */

static const X509 *
verified(const struct net_stream *s)
{
	return s->ssl == NULL || SSL_get_verify_result(s->ssl) != X509_V_OK ? NULL : SSL_get0_peer_certificate(s->ssl);
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
	const X509	*cert = verified(s);
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
