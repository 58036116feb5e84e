/* Certificates of connections that are open; see shown.h.
 *
 * What was shown is found by a digest of the listener, of whose name it was shown at, and of the certificates that the handshake
 * was decided by: the client's and, of those that led from it to an authority, the ones that it brought along. What the authorities' file
 * gave is not kept: it has to be there the next time, too.
 * Invariant: `verdict` is what the clients of that number say, of which there is one. Two threads may come to it at once. */
#include "net/shown.h"

#include <alcove/str.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "net/tls_int.h"

enum { BUCKETS = 1024, DIGEST = 32, SUBJECT_MAX = 256 };

struct net_shown {
	struct net_shown	    *next;
	size_t			     users;	/* under the lock */
	const struct net_tls_server *server;
	_Atomic uint64_t	     verdict;	/* number * 2 + good */
	bool			     own;
	uint8_t			     digest[DIGEST];
	char			    *subject;
	size_t			     nwhose, n;
	uint8_t			     bytes[];	/* whose, then certificates */
};

static struct {
	pthread_mutex_t	  lock;
	struct net_shown *bucket[BUCKETS];
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- what is kept --------------------------------------------------------------------------------- */

static bool
add_certificate(struct alv_buf *b, X509 *cert)
{
	uint8_t *der = NULL;
	int	 n = i2d_X509(cert, &der);

	if (n > 0)
		alv_buf_add(b, der, (size_t)n);
	OPENSSL_free(der);
	return n > 0;
}

static bool
brought(const struct net_stream *s, const X509 *cert)
{
	const STACK_OF(X509) *sent = SSL_get_peer_cert_chain(s->ssl);

	for (int i = 0; i < sk_X509_num(sent); i++)
		if (X509_cmp(sk_X509_value(sent, i), cert) == 0)
			return true;
	return false;
}

static enum alv_err
encode(const struct net_stream *s, struct alv_buf *b)
{
	const STACK_OF(X509) *chain = SSL_get0_verified_chain(s->ssl);
	bool		      ok = add_certificate(b, net_verified(s));

	for (int i = 1; ok && i < sk_X509_num(chain); i++)
		if (brought(s, sk_X509_value(chain, i)))
			ok = add_certificate(b, sk_X509_value(chain, i));
	return b->err ? ALV_E_LIMIT : ok ? ALV_OK : ALV_E_NOMEM;
}

static bool
make_digest(const struct net_shown *x, uint8_t out[static DIGEST])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool	    ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(md, &x->server, sizeof(x->server)) == 1 && EVP_DigestUpdate(md, &x->own, sizeof(x->own)) == 1 &&
	    EVP_DigestUpdate(md, &x->nwhose, sizeof(x->nwhose)) == 1 && EVP_DigestUpdate(md, x->bytes, x->nwhose + x->n) == 1 &&
	    EVP_DigestFinal_ex(md, out, NULL) == 1;

	EVP_MD_CTX_free(md);
	return ok;
}

static void
free_one(struct net_shown *x)
{
	if (x != NULL)
		free(x->subject);
	free(x);
}

static struct net_shown *
make(const struct net_stream *s, const struct net_tls_server *t, const struct alv_buf *certs)
{
	struct alv_str	  whose = net_tls_whose(s);
	struct net_shown *x = calloc(1, sizeof(*x) + whose.n + certs->n);
	char		  subject[SUBJECT_MAX];

	if (x == NULL)
		return NULL;
	net_stream_subject(s, subject, sizeof(subject));
	x->users = 1;
	x->server = t;
	x->verdict = net_clients_number(net_tls_clients_of(s->ssl)) * 2 + 1;	/* the handshake's */
	x->own = net_stream_own_authority(s);
	x->subject = strdup(subject);
	x->nwhose = whose.n;
	x->n = certs->n;
	if (whose.n > 0)
		memcpy(x->bytes, whose.p, whose.n);
	memcpy(x->bytes + whose.n, certs->p, certs->n);
	if (x->subject != NULL && make_digest(x, x->digest))
		return x;
	free_one(x);
	return NULL;
}

/* ---- one for all ------------------------------------------------------------------------------------ */

static struct net_shown **
place(const uint8_t digest[static DIGEST])
{
	struct net_shown **at = &all.bucket[alv_be32(digest) % BUCKETS];

	while (*at != NULL && memcmp((*at)->digest, digest, DIGEST) != 0)
		at = &(*at)->next;
	return at;
}

enum alv_err
net_shown_keep(const struct net_stream *s, const struct net_tls_server *t, struct net_shown **out)
{
	struct net_shown *x, **at;
	struct alv_buf	  certs;
	enum alv_err	  err;

	*out = NULL;
	if (net_verified(s) == NULL)
		return ALV_OK;
	alv_buf_init(&certs, NET_SHOWN_MAX);
	err = encode(s, &certs);
	x = err ? NULL : make(s, t, &certs);
	alv_buf_fini(&certs);
	ERR_clear_error();
	if (x == NULL)
		return err ? err : ALV_E_NOMEM;
	pthread_mutex_lock(&all.lock);
	at = place(x->digest);
	*out = *at;
	if (*at == NULL)
		*out = *at = x;
	else
		(*at)->users++;
	pthread_mutex_unlock(&all.lock);
	if (*out != x)
		free_one(x);
	return ALV_OK;
}

void
net_shown_drop(struct net_shown *x)
{
	bool last = false;

	if (x == NULL)
		return;
	pthread_mutex_lock(&all.lock);
	if (--x->users == 0) {
		*place(x->digest) = x->next;
		last = true;
	}
	pthread_mutex_unlock(&all.lock);
	if (last)
		free_one(x);
}

const char *
net_shown_subject(const struct net_shown *x)
{
	return x == NULL ? "" : x->subject;
}

/* ---- held against what is believed now --------------------------------------------------------------- */

static bool
ask(const struct net_shown *x, const struct net_clients *now)
{
	const uint8_t  *p = x->bytes + x->nwhose, *end = p + x->n;
	X509	       *cert = d2i_X509(NULL, &p, (long)x->n);
	STACK_OF(X509) *chain = sk_X509_new_null();
	bool		ok = cert != NULL && chain != NULL;

	while (ok && p < end) {
		X509 *next = d2i_X509(NULL, &p, end - p);

		ok = next != NULL && sk_X509_push(chain, next) > 0;
		if (!ok)
			X509_free(next);
	}
	ok = ok && net_clients_believe(now, alv_str_make(x->bytes, x->nwhose), x->own, cert, chain);
	sk_X509_pop_free(chain, X509_free);
	X509_free(cert);
	ERR_clear_error();
	return ok;
}

bool
net_shown_good(struct net_shown *x)
{
	struct net_clients *now = x == NULL ? NULL : net_tls_server_clients(x->server);
	uint64_t	    was;
	bool		    good;

	if (x == NULL)
		return true;
	was = atomic_load(&x->verdict);
	good = (was & 1) != 0;
	if (was / 2 != net_clients_number(now)) {
		good = ask(x, now);
		atomic_store(&x->verdict, net_clients_number(now) * 2 + good);
	}
	net_clients_free(now);
	return good;
}
