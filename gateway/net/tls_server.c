/* The server's side of TLS: certificates by name, the SNI rule, what binds a session ticket.
 *
 * A set is everything that a handshake needs: a context for each pair of files, the names that each is good for, the rule,
 * the keys of tickets. It is made aside, checked whole, and then put in the place of another; it lives while a stream
 * that began with it lives (it hangs on its first context, which each SSL holds). The keys of tickets are the set's own,
 * so no ticket outlives a change of certificates or of whom clients are believed by.
 * Invariant: a session is resumed only under the very name it was made for, and while that name's trust is the same. */
#include "net/tls_int.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { SESSION_S = 3600 };

struct pair {
	SSL_CTX		*ctx;
	struct net_names names;
};

struct net_tls_server_set {
	bool (*judge)(void *arg, const char *name, void **result);
	uint64_t (*trust)(void *arg, const char *name, void *result);
	void		   *arg;
	struct alv_str (*whose)(void *arg, const char *name, void *result);
	struct net_clients *clients;	/* of names that believe others than the listener does */
	struct net_tickets *tickets;	/* NULL: none are given out */
	size_t		    npairs;
	struct pair	    pair[];
};

struct net_tls_server {
	pthread_mutex_t		   lock;	/* over what follows; held for an instant, once in a handshake */
	struct net_tls_server_set *set;
};

static int	      set_index = -1;
static EVP_MD	     *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- callbacks: in the handshake, on the stream's loop ------------------------------------------- */

/* The one host name of a server_name extension (RFC 6066, 3), lowered, into out; false: malformed, or bytes that no
 * host name has. */
static bool
read_sni(const uint8_t *p, size_t n, char out[static 256])
{
	size_t len;

	if (n < 5 || alv_be16(p) != n - 2 || p[2] != TLSEXT_NAMETYPE_host_name)
		return false;
	len = alv_be16(p + 3);
	if (len == 0 || len > 255 || len != n - 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = (char)p[5 + i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
			return false;
		out[i] = c;
	}
	out[len] = '\0';
	return true;
}

/* Sessions are resumed only under the name they were made for: a name is a tenant. */
static bool
bind_sessions(SSL *ssl, const char *name, uint64_t trust)
{
	uint8_t	     text[8 + 256], id[EVP_MAX_MD_SIZE];
	size_t	     n = strlen(name);
	unsigned int idn = 0;

	memcpy(text, &trust, 8);
	memcpy(text + 8, name, n);
	return EVP_Digest(text, 8 + n, id, &idn, sha256, NULL) == 1 && SSL_set_session_id_context(ssl, id, idn) == 1;
}

/* The first of those that fit best; none fits: the first. */
static const struct pair *
choose(const struct net_tls_server_set *set, const char *name)
{
	const struct pair *best = &set->pair[0];
	int		   rank = 0;

	for (size_t i = 0; i < set->npairs && set->npairs > 1 && rank < 2; i++) {
		int r = net_names_match(&set->pair[i].names, name);

		if (r > rank) {
			rank = r;
			best = &set->pair[i];
		}
	}
	return best;
}

static int
refuse(struct net_stream *s, int *alert)
{
	s->flags |= NET_F_SNI;
	s->tls_why = "the name in SNI is not served here";
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_CLIENT_HELLO_ERROR;
}

/* A second hello, after HelloRetryRequest, says it again. */
static bool
keep_name(struct net_stream *s, const char *name)
{
	free(s->sni);
	s->sni = name[0] == '\0' ? NULL : strdup(name);
	return name[0] == '\0' || s->sni != NULL;
}

static struct alv_str
whose_of(const struct net_tls_server_set *set, const char *name, const struct net_stream *s)
{
	return set->whose == NULL ? ALV_STR_NULL : set->whose(set->arg, name, s->sni_result);
}

/* Behind the choice of a context, which has its own. A second hello is about the same name. */
static bool
choose_authority(const struct net_tls_server_set *set, SSL *ssl, struct net_stream *s, const char *name)
{
	struct alv_str whose = whose_of(set, name, s);
	bool	       own;

	s->flags &= ~(uint32_t)NET_F_OWN_AUTHORITY;
	if (!net_clients_use(set->clients, ssl, whose, &own))
		return false;
	s->flags |= own ? NET_F_OWN_AUTHORITY : 0;
	return true;
}

/* Runs on the raw ClientHello, before any session is looked at. */
static int
on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct net_stream	  *s = SSL_get_app_data(ssl);
	struct net_tls_server_set *set = arg;
	const struct pair	  *pair;
	const uint8_t		  *p;
	char			   name[256] = "";
	size_t			   n;
	uint64_t		   trust;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) == 1 && !read_sni(p, n, name))
		return refuse(s, alert);
	if (set->judge != NULL && !set->judge(set->arg, name, &s->sni_result))
		return refuse(s, alert);
	trust = set->trust == NULL ? 0 : set->trust(set->arg, name, s->sni_result);
	pair = choose(set, name);
	if ((pair != &set->pair[0] && SSL_set_SSL_CTX(ssl, pair->ctx) == NULL) || !bind_sessions(ssl, name, trust) ||
	    !choose_authority(set, ssl, s, name) || !keep_name(s, name)) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_CLIENT_HELLO_ERROR;
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	struct net_tls_server_set *set = SSL_get_ex_data(ssl, set_index);

	return net_tickets_key(set->tickets, name, iv, cipher, mac, seal);
}

/* ---- making a set ---------------------------------------------------------------------------------- */

static void
free_set(struct net_tls_server_set *set)
{
	for (size_t i = 0; i < set->npairs; i++) {
		net_names_free(&set->pair[i].names);
		if (i > 0)
			SSL_CTX_free(set->pair[i].ctx);
	}
	net_tickets_free(set->tickets);
	net_clients_free(set->clients);
	free(set);
}

/* With the first context's last user. */
static void
on_ctx_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	if (ptr != NULL)
		free_set(ptr);
}

static int ctx_index = -1;

static void
make_indexes(void)
{
	ctx_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_ctx_free);
	set_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static bool
set_ciphers(SSL_CTX *ctx, const struct net_tls_server_conf *c, struct net_tls_error *err)
{
	const char *list = c->ciphers == NULL ? "ECDHE+AESGCM:ECDHE+CHACHA20" : c->ciphers;

	ERR_clear_error();
	if (SSL_CTX_set_cipher_list(ctx, list) != 1) {
		net_tls_fail(err, "TLS 1.2 ciphers \"%s\": %s", list, net_tls_why());
		return false;
	}
	if (c->ciphersuites != NULL && SSL_CTX_set_ciphersuites(ctx, c->ciphersuites) != 1) {
		net_tls_fail(err, "TLS 1.3 cipher suites \"%s\": %s", c->ciphersuites, net_tls_why());
		return false;
	}
	return true;
}

static bool
still_valid(SSL_CTX *ctx, const char *file, struct net_tls_error *err)
{
	const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(ctx));
	char		 text[32] = "an unreadable date";
	struct tm	 tm;

	if (X509_cmp_current_time(end) > 0)
		return true;
	if (ASN1_TIME_to_tm(end, &tm) == 1)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	net_tls_fail(err, "certificate file \"%s\": the certificate expired (notAfter %s)", file, text);
	return false;
}

static SSL_CTX *
make_ctx(const struct net_tls_server_conf *c, const struct net_tls_pair *files, const struct net_clients *clients,
    struct net_tls_error *err)
{
	SSL_CTX *ctx = net_tls_ctx(TLS_server_method(), c->min_protocol, err);

	if (ctx == NULL)
		return NULL;
	if (!set_ciphers(ctx, c, err) || !net_tls_load_pair(ctx, files->cert_file, files->key_file, err) ||
	    !still_valid(ctx, files->cert_file, err) || !net_clients_ask(clients, ctx, err)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_timeout(ctx, SESSION_S);
	/* A session does not say again who the client is. */
	SSL_CTX_set_num_tickets(ctx, c->client_auth == NET_TLS_ASK_NONE ? 1 : 0);
	if (c->client_auth != NET_TLS_ASK_NONE)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	return ctx;
}

static bool
add_pair(struct net_tls_server_set *set, const struct net_tls_server_conf *c, const struct net_tls_pair *files,
    struct net_tls_error *err)
{
	struct pair *p = &set->pair[set->npairs];

	p->ctx = make_ctx(c, files, set->clients, err);
	if (p->ctx == NULL)
		return false;
	set->npairs++;
	if (net_names_of(SSL_CTX_get0_certificate(p->ctx), &p->names))
		return true;
	net_tls_fail(err, "out of memory");
	return false;
}

/* A certificate for the same names with another kind of key goes into the same context: the client's algorithms decide. */
static bool
join_pairs(struct net_tls_server_set *set, struct net_tls_error *err)
{
	for (size_t i = 0; i < set->npairs; i++) {
		X509 *own = SSL_CTX_get0_certificate(set->pair[i].ctx);

		for (size_t k = i + 1; k < set->npairs; k++) {
			SSL_CTX		*other = set->pair[k].ctx;
			X509		*cert = SSL_CTX_get0_certificate(other);
			STACK_OF(X509)	*chain = NULL;

			if (EVP_PKEY_get_base_id(X509_get0_pubkey(own)) == EVP_PKEY_get_base_id(X509_get0_pubkey(cert)) ||
			    !net_names_equal(&set->pair[i].names, &set->pair[k].names))
				continue;
			SSL_CTX_get0_chain_certs(other, &chain);
			if (SSL_CTX_use_cert_and_key(set->pair[i].ctx, cert, SSL_CTX_get0_privatekey(other), chain, 0) == 1 ||
			    ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_NOT_REPLACING_CERTIFICATE) {
				ERR_clear_error();
				continue;
			}
			net_tls_fail(err, "certificates for the same names: %s", net_tls_why());
			return false;
		}
	}
	return true;
}

static bool
add_pairs(struct net_tls_server_set *set, const struct net_tls_server_conf *c, struct net_tls_error *err)
{
	const struct net_tls_pair single = { c->cert_file, c->key_file };

	if (c->cert_file != NULL && !add_pair(set, c, &single, err))
		return false;
	for (size_t i = 0; i < c->npairs; i++)
		if (!add_pair(set, c, &c->pairs[i], err))
			return false;
	if (set->npairs > 0)
		return join_pairs(set, err);
	net_tls_fail(err, "no certificate: expected one at least");
	return false;
}

/* From here on the set belongs to its first context. */
static bool
hang_up(struct net_tls_server_set *set)
{
	SSL_CTX *ctx = set->pair[0].ctx;

	if (ctx_index < 0 || set_index < 0 || sha256 == NULL || SSL_CTX_set_ex_data(ctx, ctx_index, set) != 1)
		return false;
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, set);
	if (set->tickets != NULL)
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	return true;
}

bool
net_tls_server_prepare(const struct net_tls_server_conf *c, struct net_tls_server_set **out, struct net_tls_error *err)
{
	size_t			   n = c->npairs + 1;
	struct net_tls_server_set *set = calloc(1, sizeof(*set) + n * sizeof(set->pair[0]));
	bool			   tickets = c->client_auth == NET_TLS_ASK_NONE;
	SSL_CTX			  *first;

	*out = NULL;
	pthread_once(&once, make_indexes);
	if (set != NULL) {
		set->judge = c->sni;
		set->trust = c->trust;
		set->arg = c->sni_arg;
		set->whose = c->whose;
		set->tickets = tickets ? net_tickets_new(c->clock_us) : NULL;
	}
	if (set == NULL || (tickets && set->tickets == NULL)) {
		net_tls_fail(err, "out of memory");
		free(set);
		return false;
	}
	if (net_clients_new(c, &set->clients, err) && add_pairs(set, c, err)) {
		if (hang_up(set)) {
			*out = set;
			return true;
		}
		net_tls_fail(err, "out of memory");
	}
	first = set->npairs > 0 ? set->pair[0].ctx : NULL;
	free_set(set);
	SSL_CTX_free(first);
	return false;
}

void
net_tls_server_set_free(struct net_tls_server_set *set)
{
	if (set != NULL)
		SSL_CTX_free(set->pair[0].ctx);
}

/* ---- the one in use ----------------------------------------------------------------------------------- */

void
net_tls_server_use(struct net_tls_server *t, struct net_tls_server_set *set)
{
	struct net_tls_server_set *old;

	pthread_mutex_lock(&t->lock);
	old = t->set;
	t->set = set;
	pthread_mutex_unlock(&t->lock);
	net_tls_server_set_free(old);
}

struct net_tls_server *
net_tls_server_new_of(struct net_tls_server_set *set)
{
	struct net_tls_server *t = malloc(sizeof(*t));

	if (t == NULL) {
		net_tls_server_set_free(set);
		return NULL;
	}
	t->set = set;
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

struct net_tls_server *
net_tls_server_new(const struct net_tls_server_conf *c, struct net_tls_error *err)
{
	struct net_tls_server_set *set;
	struct net_tls_server	  *t;

	if (!net_tls_server_prepare(c, &set, err))
		return NULL;
	t = net_tls_server_new_of(set);
	if (t == NULL)
		net_tls_fail(err, "out of memory");
	return t;
}

void
net_tls_server_free(struct net_tls_server *t)
{
	if (t == NULL)
		return;
	net_tls_server_set_free(t->set);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

SSL *
net_tls_server_ssl(const struct net_tls_server *server)
{
	struct net_tls_server	  *t = (struct net_tls_server *)(uintptr_t)server;
	struct net_tls_server_set *set;
	SSL			  *ssl;

	pthread_mutex_lock(&t->lock);
	set = t->set;
	ssl = SSL_new(set->pair[0].ctx);
	pthread_mutex_unlock(&t->lock);
	if (ssl == NULL)
		return NULL;
	SSL_set_accept_state(ssl);
	if (SSL_set_ex_data(ssl, set_index, set) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

/* ---- for shown.c -------------------------------------------------------------------------------------- */

struct net_clients *
net_tls_server_clients(const struct net_tls_server *server)
{
	struct net_tls_server *t = (struct net_tls_server *)(uintptr_t)server;
	struct net_clients    *x;

	pthread_mutex_lock(&t->lock);
	x = t->set->clients;
	net_clients_hold(x);
	pthread_mutex_unlock(&t->lock);
	return x;
}

const struct net_clients *
net_tls_clients_of(const SSL *ssl)
{
	return ((const struct net_tls_server_set *)SSL_get_ex_data(ssl, set_index))->clients;
}

struct alv_str
net_tls_whose(const struct net_stream *s)
{
	return whose_of(SSL_get_ex_data(s->ssl, set_index), s->sni == NULL ? "" : s->sni, s);
}
