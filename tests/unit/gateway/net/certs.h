/* Certificates for tests, made on the spot in a directory of their own: nothing expires in the repository. */
#ifndef TESTS_NET_CERTS_H
#define TESTS_NET_CERTS_H

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cert_id {
	EVP_PKEY *key;
	X509	 *cert;
	char	  cert_file[128], key_file[128];
};

struct certs {
	char	       dir[64];
	struct cert_id ca;	/* signs the others; its file is what they are verified with */
	struct cert_id server;	/* DNS:localhost, DNS:*.kafka.test, IP:127.0.0.1 */
	struct cert_id client;
	struct cert_id expired;	/* like server, until yesterday */
	struct cert_id rsa;	/* like server, RSA */
	struct cert_id other_ca, stranger;	/* a CA that nobody trusts, and a server of its */
};

static inline void
cert_must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "certs: %s failed\n", what);
		abort();
	}
}

static inline void
cert_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX	ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	cert_must(e != NULL && X509_add_ext(x, e, -1) == 1, value);
	X509_EXTENSION_free(e);
}

static inline void
cert_save(const struct certs *c, struct cert_id *id, const char *name)
{
	FILE *f;

	snprintf(id->cert_file, sizeof(id->cert_file), "%s/%s.crt", c->dir, name);
	snprintf(id->key_file, sizeof(id->key_file), "%s/%s.key", c->dir, name);
	f = fopen(id->cert_file, "w");
	cert_must(f != NULL && PEM_write_X509(f, id->cert) == 1 && fclose(f) == 0, "writing a certificate");
	f = fopen(id->key_file, "w");
	cert_must(f != NULL && PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0, "writing a key");
}

/* By a key that is there. issuer NULL: it signs itself. authority: it may sign others. */
static inline void
cert_issue(const struct certs *c, struct cert_id *id, const char *name, const struct cert_id *issuer, const char *san, int until,
    bool authority)
{
	static long	      serial = 1000;
	const struct cert_id *by = issuer == NULL ? id : issuer;
	X509		     *x = X509_new();

	id->cert = x;
	cert_must(x != NULL && id->key != NULL, "a key");
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), -10L * 86400);
	X509_gmtime_adj(X509_getm_notAfter(x), until * 86400L);
	X509_set_pubkey(x, id->key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(by->cert));
	cert_extension(x, by->cert, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (san != NULL)
		cert_extension(x, by->cert, NID_subject_alt_name, san);
	cert_must(X509_sign(x, by->key, EVP_sha256()) > 0, "signing");
	cert_save(c, id, name);
}

/* issuer NULL: a CA that signs itself. san NULL: none. until: days from now. */
static inline void
cert_make(const struct certs *c, struct cert_id *id, const char *name, const struct cert_id *issuer, const char *san,
    int until, bool rsa)
{
	id->key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	cert_issue(c, id, name, issuer, san, until, issuer == NULL);
}

/* A list of what ca has revoked: one, or, where that is NULL, nothing. */
static inline void
cert_revoke(const struct cert_id *ca, const char *file, const X509 *revoked, long from_s, long until_s)
{
	X509_CRL     *crl = X509_CRL_new();
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME    *last = X509_gmtime_adj(NULL, from_s), *next = X509_gmtime_adj(NULL, until_s);
	FILE	     *f = fopen(file, "w");

	cert_must(crl != NULL && r != NULL && last != NULL && next != NULL && f != NULL && X509_CRL_set_version(crl, 1) == 1, "a list");
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, last);
	X509_CRL_set1_nextUpdate(crl, next);
	if (revoked != NULL) {
		X509_REVOKED_set_serialNumber(r, (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(revoked));
		X509_REVOKED_set_revocationDate(r, last);
		X509_CRL_add0_revoked(crl, r);
	} else {
		X509_REVOKED_free(r);
	}
	cert_must(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0 && PEM_write_X509_CRL(f, crl) == 1 && fclose(f) == 0, "signing a list");
	ASN1_TIME_free(last);
	ASN1_TIME_free(next);
	X509_CRL_free(crl);
}

static inline void
certs_make(struct certs *c)
{
	static const char san[] = "DNS:localhost,DNS:*.kafka.test,IP:127.0.0.1";

	memset(c, 0, sizeof(*c));
	snprintf(c->dir, sizeof(c->dir), "/tmp/alcove-certs-XXXXXX");
	cert_must(mkdtemp(c->dir) != NULL, "mkdtemp");
	cert_make(c, &c->ca, "ca", NULL, NULL, 30, false);
	cert_make(c, &c->server, "server", &c->ca, san, 30, false);
	cert_make(c, &c->client, "client", &c->ca, NULL, 30, false);
	cert_make(c, &c->expired, "expired", &c->ca, san, -1, false);
	cert_make(c, &c->rsa, "rsa", &c->ca, san, 30, true);
	cert_make(c, &c->other_ca, "other-ca", NULL, NULL, 30, false);
	cert_make(c, &c->stranger, "stranger", &c->other_ca, san, 30, false);
}

static inline void
cert_drop(struct cert_id *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
}

static inline void
certs_drop(struct certs *c)
{
	DIR	      *d = opendir(c->dir);
	struct dirent *e;
	char	       path[400];

	cert_drop(&c->ca);
	cert_drop(&c->server);
	cert_drop(&c->client);
	cert_drop(&c->expired);
	cert_drop(&c->rsa);
	cert_drop(&c->other_ca);
	cert_drop(&c->stranger);
	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", c->dir, e->d_name);
		(void)unlink(path);
	}
	if (d != NULL)
		closedir(d);
	(void)rmdir(c->dir);
}

#endif
