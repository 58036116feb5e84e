/* A real handshake between two ends of OpenSSL's, and records made by hand under its secrets: by OpenSSL's own key derivation and
 * with any content, so that nothing of record.c is measured by itself. */
#ifndef TESTS_NET_RECORD_KIT_H
#define TESTS_NET_RECORD_KIT_H

#include "net/record.h"

#include "tests/unit/gateway/net/certs.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>

struct shaken {
	SSL_CTX		  *client_ctx, *server_ctx;
	SSL		  *client, *server;
	struct net_secrets at_client, at_server;
};

static inline void
record_must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "records: %s failed\n", what);
		abort();
	}
}

/* suites: NULL: OpenSSL's choice. */
static inline void
shake(struct shaken *x, const struct cert_id *id, const char *suites, int version)
{
	BIO *a, *b;
	int  c = 0, s = 0;
	char byte;

	memset(x, 0, sizeof(*x));
	x->client_ctx = SSL_CTX_new(TLS_client_method());
	x->server_ctx = SSL_CTX_new(TLS_server_method());
	net_record_watch_ctx(x->client_ctx);
	net_record_watch_ctx(x->server_ctx);
	record_must(SSL_CTX_use_certificate_file(x->server_ctx, id->cert_file, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_use_PrivateKey_file(x->server_ctx, id->key_file, SSL_FILETYPE_PEM) == 1, "the certificate");
	record_must(suites == NULL || SSL_CTX_set_ciphersuites(x->client_ctx, suites) == 1, suites);
	record_must(suites == NULL || SSL_CTX_set_ciphersuites(x->server_ctx, suites) == 1, suites);
	x->client = SSL_new(x->client_ctx);
	x->server = SSL_new(x->server_ctx);
	record_must(net_record_watch(x->client, &x->at_client) && net_record_watch(x->server, &x->at_server), "watching");
	SSL_set_max_proto_version(x->client, version);
	BIO_new_bio_pair(&a, 0, &b, 0);
	SSL_set_bio(x->client, a, a);
	SSL_set_bio(x->server, b, b);
	SSL_set_connect_state(x->client);
	SSL_set_accept_state(x->server);
	for (int i = 0; i < 10 && (c != 1 || s != 1); i++) {
		c = SSL_do_handshake(x->client);
		s = SSL_do_handshake(x->server);
	}
	record_must(c == 1 && s == 1, "the handshake");
	record_must(SSL_peek(x->client, &byte, 1) < 0 && !SSL_has_pending(x->client), "reading tickets");
}

static inline void
shaken_free(struct shaken *x)
{
	SSL_free(x->client);
	SSL_free(x->server);
	SSL_CTX_free(x->client_ctx);
	SSL_CTX_free(x->server_ctx);
}

/* Seals for one direction. */
struct sealer {
	const SSL *ssl;
	uint8_t	   secret[48], key[32], iv[12];
	uint64_t   seq;
};

static inline void
sealer_expand(struct sealer *x, const char *label, uint8_t *out, size_t n)
{
	const EVP_MD *md = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(x->ssl));
	EVP_KDF	     *kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
	EVP_KDF_CTX  *ctx = EVP_KDF_CTX_new(kdf);
	int	      mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM    p[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)EVP_MD_get0_name(md), 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, x->secret, (size_t)EVP_MD_get_size(md)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (char[]){ "tls13 " }, 6),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (char *)(uintptr_t)label, strlen(label)),
		OSSL_PARAM_construct_end(),
	};

	record_must(EVP_KDF_derive(ctx, out, n, p) == 1, "the key derivation");
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static inline void
sealer_key(struct sealer *x)
{
	sealer_expand(x, "key", x->key, (size_t)EVP_CIPHER_get_key_length(EVP_get_cipherbynid(SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(x->ssl)))));
	sealer_expand(x, "iv", x->iv, sizeof(x->iv));
	x->seq = 0;
}

static inline void
sealer_next(struct sealer *x)
{
	uint8_t next[48];

	sealer_expand(x, "traffic upd", next, (size_t)EVP_MD_get_size(SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(x->ssl))));
	memcpy(x->secret, next, sizeof(next));
	sealer_key(x);
}

/* As the client, or the server, at the place where its handshake left off. */
static inline void
sealer_init(struct sealer *x, const struct shaken *by, bool client)
{
	memset(x, 0, sizeof(*x));
	x->ssl = by->client;
	memcpy(x->secret, client ? by->at_client.from_client.secret : by->at_client.from_server.secret, sizeof(x->secret));
	sealer_key(x);
	x->seq = client ? by->at_server.from_client.records : by->at_server.from_server.records;
}

/* inner: all that is encrypted, its type and padding included; any length. -> bytes at out */
static inline size_t
sealer_seal(struct sealer *x, const uint8_t *inner, size_t n, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t		nonce[12];
	int		done;

	out[0] = 23;
	out[1] = out[2] = 3;
	out[3] = (uint8_t)((n + 16) >> 8);
	out[4] = (uint8_t)(n + 16);
	memcpy(nonce, x->iv, sizeof(nonce));
	for (int i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(x->seq >> 8 * i);
	x->seq++;
	record_must(EVP_EncryptInit_ex(ctx, EVP_get_cipherbynid(SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(x->ssl))), NULL, x->key, nonce) == 1 &&
	    EVP_EncryptUpdate(ctx, NULL, &done, out, 5) == 1 && EVP_EncryptUpdate(ctx, out + 5, &done, inner, (int)n) == 1 &&
	    EVP_EncryptFinal_ex(ctx, out + 5 + n, &done) == 1 && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + 5 + n) == 1, "sealing");
	EVP_CIPHER_CTX_free(ctx);
	return 5 + n + 16;
}

#endif
