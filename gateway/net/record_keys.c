/* Where the keys of records come from: OpenSSL tells the traffic secrets of a handshake as it does for a key log, and each key
 * follows from them (RFC 8446, 7.1 to 7.3). They stay in memory of the connection and are wiped with it. */
#include <alcove/check.h>

#include "net/record_int.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <pthread.h>

/* ---- what OpenSSL tells ------------------------------------------------------------------------------ */

static int	      watch_index = -1;
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

static void
make_index(void)
{
	watch_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* -> bytes; 0: it is no hexadecimal text of 1 to NET_RECORD_SECRET bytes */
static uint8_t
from_hex(const char *text, uint8_t out[static NET_RECORD_SECRET])
{
	size_t n = 0;

	return OPENSSL_hexstr2buf_ex(out, NET_RECORD_SECRET, &n, text, '\0') == 1 ? (uint8_t)n : 0;
}

/* A line of NSS's format: label, the client's random bytes, the secret. It comes when the secret comes into use. */
static void
on_secret(const SSL *ssl, const char *line)
{
	static const char   client[] = "CLIENT_TRAFFIC_SECRET_0 ", server[] = "SERVER_TRAFFIC_SECRET_0 ";
	struct net_secrets *x = watch_index < 0 ? NULL : SSL_get_ex_data(ssl, watch_index);
	const char	   *hex = strrchr(line, ' ');

	if (x == NULL || hex == NULL)
		return;
	if (strncmp(line, client, sizeof(client) - 1) == 0) {
		x->from_client.n = from_hex(hex + 1, x->from_client.secret);
		x->from_client.records = 0;
	} else if (strncmp(line, server, sizeof(server) - 1) == 0) {
		x->from_server.n = from_hex(hex + 1, x->from_server.secret);
		x->from_server.records = 0;
	}
}

/* Each record's header. A session ticket, which belongs to the handshake, goes under the new key already. */
static void
on_message(int ours, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
	struct net_secrets *x = arg;

	(void)version;
	(void)p;
	(void)n;
	if (type != SSL3_RT_HEADER)
		return;
	if ((ours != 0) == (SSL_is_server(ssl) != 0))
		x->from_server.records++;
	else
		x->from_client.records++;
}

void
net_record_watch_ctx(SSL_CTX *ctx)
{
	SSL_CTX_set_keylog_callback(ctx, on_secret);
}

bool
net_record_watch(SSL *ssl, struct net_secrets *x)
{
	pthread_once(&watch_once, make_index);
	if (watch_index < 0 || SSL_set_ex_data(ssl, watch_index, x) != 1)
		return false;
	SSL_set_msg_callback(ssl, on_message);
	SSL_set_msg_callback_arg(ssl, x);
	return true;
}

void
net_record_unwatch(SSL *ssl)
{
	SSL_set_msg_callback(ssl, NULL);
	(void)SSL_set_ex_data(ssl, watch_index, NULL);	/* of an index that is there already: nothing is allocated */
}

/* ---- suites ------------------------------------------------------------------------------------------ */

static struct net_record_suite suites[] = {
	{ NID_aes_256_gcm, NULL, 32 },
	{ NID_aes_128_gcm, NULL, 16 },
	{ NID_chacha20_poly1305, NULL, 32 },
};
static pthread_once_t suites_once = PTHREAD_ONCE_INIT;

/* Fetched once: by number OpenSSL would look for it each time. They live as long as the process. */
static void
fetch(void)
{
	for (size_t i = 0; i < ALV_COUNT(suites); i++)
		suites[i].cipher = EVP_CIPHER_fetch(NULL, OBJ_nid2sn(suites[i].nid), NULL);
}

const struct net_record_suite *
net_record_suite_of(const SSL *ssl)
{
	const SSL_CIPHER *c = SSL_get_current_cipher(ssl);
	int		  nid = c == NULL ? NID_undef : SSL_CIPHER_get_cipher_nid(c);

	pthread_once(&suites_once, fetch);
	for (size_t i = 0; i < ALV_COUNT(suites); i++)
		if (suites[i].nid == nid && suites[i].cipher != NULL)
			return &suites[i];
	return NULL;
}

/* ---- schedule ---------------------------------------------------------------------------------------- */

/* HKDF-Expand-Label without a context; what is wanted is never more than one block of the hash. */
static bool
expand(const EVP_MD *md, const uint8_t *secret, const char *label, uint8_t *out, size_t n)
{
	uint8_t	 info[32], block[EVP_MAX_MD_SIZE];
	size_t	 label_n = strlen(label), at = 0;
	unsigned size = 0;
	bool	 ok;

	ALV_CHECK(n <= (size_t)EVP_MD_get_size(md) && 3 + 6 + label_n + 2 <= sizeof(info));
	info[at++] = 0;
	info[at++] = (uint8_t)n;
	info[at++] = (uint8_t)(6 + label_n);
	memcpy(info + at, "tls13 ", 6);
	memcpy(info + at + 6, label, label_n);
	at += 6 + label_n;
	info[at++] = 0;
	info[at++] = 1;	/* the first block */
	ok = HMAC(md, secret, EVP_MD_get_size(md), info, at, block, &size) != NULL && size >= n;
	if (ok)
		memcpy(out, block, n);
	OPENSSL_cleanse(block, sizeof(block));
	return ok;
}

bool
net_record_key(struct net_record_way *way, const struct net_record_suite *s, const EVP_MD *md)
{
	uint8_t key[32];
	bool	ok = expand(md, way->secret, "key", key, (size_t)s->key_n) && expand(md, way->secret, "iv", way->iv, NET_RECORD_IV) &&
	    EVP_CipherInit_ex(way->ctx, s->cipher, NULL, key, NULL, way->seals) == 1;

	OPENSSL_cleanse(key, sizeof(key));
	way->seq = 0;
	return ok;
}

bool
net_record_next(struct net_record_way *way, const struct net_record_suite *s, const EVP_MD *md)
{
	uint8_t next[NET_RECORD_SECRET];
	size_t	n = (size_t)EVP_MD_get_size(md);
	bool	ok = expand(md, way->secret, "traffic upd", next, n);

	if (ok)
		memcpy(way->secret, next, n);
	OPENSSL_cleanse(next, sizeof(next));
	return ok && net_record_key(way, s, md);
}
