/* Certificates for development: an authority of one's own and a server certificate from it (ECDSA P-256). */
#ifndef ALCOVE_POLICIES_CERT_H
#define ALCOVE_POLICIES_CERT_H

#include <alcove/buf.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct pol_pair {
	EVP_PKEY *key;
	X509	 *cert;
};

/* names: DNS names (also "*.x") and addresses, checked by the caller. False: *out is empty. */
bool pol_cert_ca(struct pol_pair *out, const char *name) ALV_MUST;
bool pol_cert_server(struct pol_pair *out, const struct pol_pair *ca, const char *name, const struct alv_str *names,
    size_t n) ALV_MUST;
void pol_cert_fini(struct pol_pair *p);
/* PEM, added to out. The key's is a secret. */
bool pol_cert_pem(const X509 *cert, struct alv_buf *out) ALV_MUST;
bool pol_key_pem(const EVP_PKEY *key, struct alv_buf *out) ALV_MUST;

#endif
