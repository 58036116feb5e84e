/* X.509 by OpenSSL's calls: what `alcove init` needs and no more. */
#include "policies/cert.h"

#include <alcove/str.h>

#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum { CA_DAYS = 3650, SERVER_DAYS = 825, SERIAL_BYTES = 16, DAY_S = 86400, HOUR_S = 3600 };

void
pol_cert_fini(struct pol_pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	*p = (struct pol_pair){ NULL, NULL };
}

static bool
set_serial(X509 *x)
{
	uint8_t bytes[SERIAL_BYTES];
	BIGNUM *n;
	bool	ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);	/* positive, of full length */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
	BN_free(n);
	return ok;
}

static bool
add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX	ctx;
	X509_EXTENSION *e;
	bool		ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e != NULL && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

/* Everything but extensions and signature. */
static bool
begin(struct pol_pair *p, const struct pol_pair *issuer, const char *name, long days)
{
	X509_NAME *subject;

	p->key = EVP_EC_gen("P-256");
	p->cert = X509_new();
	if (p->key == NULL || p->cert == NULL || !X509_set_version(p->cert, 2) || !set_serial(p->cert))
		return false;
	/* An hour back: clocks of machines differ. */
	if (X509_gmtime_adj(X509_getm_notBefore(p->cert), -HOUR_S) == NULL ||
	    X509_gmtime_adj(X509_getm_notAfter(p->cert), days * DAY_S) == NULL)
		return false;
	subject = X509_get_subject_name(p->cert);
	if (!X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0))
		return false;
	return X509_set_issuer_name(p->cert, X509_get_subject_name(issuer->cert)) == 1 && X509_set_pubkey(p->cert, p->key) == 1;
}

static bool
finish(struct pol_pair *p, const struct pol_pair *issuer, bool ok)
{
	ok = ok && X509_sign(p->cert, issuer->key, EVP_sha256()) > 0;
	if (!ok)
		pol_cert_fini(p);
	ERR_clear_error();
	return ok;
}

bool
pol_cert_ca(struct pol_pair *out, const char *name)
{
	bool ok;

	*out = (struct pol_pair){ NULL, NULL };
	ok = begin(out, out, name, CA_DAYS) &&
	    add_ext(out->cert, out->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    add_ext(out->cert, out->cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    add_ext(out->cert, out->cert, NID_subject_key_identifier, "hash");
	return finish(out, out, ok);
}

static bool
is_address(struct alv_str s)
{
	char	text[64];
	uint8_t out[16];

	if (s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET, text, out) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

static bool
add_names(X509 *x, X509 *issuer, const struct alv_str *names, size_t n)
{
	struct alv_buf b;
	bool	       ok;

	alv_buf_init(&b, 64 * 1024);
	for (size_t i = 0; i < n; i++)
		alv_buf_printf(&b, "%s%s:%.*s", i == 0 ? "" : ",", is_address(names[i]) ? "IP" : "DNS", ALV_STR_ARG(names[i]));
	alv_buf_byte(&b, '\0');
	ok = !b.err && add_ext(x, issuer, NID_subject_alt_name, (const char *)b.p);
	alv_buf_fini(&b);
	return ok;
}

bool
pol_cert_server(struct pol_pair *out, const struct pol_pair *ca, const char *name, const struct alv_str *names, size_t n)
{
	bool ok;

	*out = (struct pol_pair){ NULL, NULL };
	ok = begin(out, ca, name, SERVER_DAYS) &&
	    add_ext(out->cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_ext(out->cert, ca->cert, NID_key_usage, "critical,digitalSignature") &&
	    add_ext(out->cert, ca->cert, NID_ext_key_usage, "serverAuth") &&
	    add_ext(out->cert, ca->cert, NID_subject_key_identifier, "hash") &&
	    add_ext(out->cert, ca->cert, NID_authority_key_identifier, "keyid") &&
	    add_names(out->cert, ca->cert, names, n);
	return finish(out, ca, ok);
}

/* What was written into a memory BIO, moved into the buffer. Secrets too: the BIO's memory is wiped by OpenSSL. */
static bool
drain(BIO *bio, bool ok, struct alv_buf *out)
{
	char *p = NULL;
	long  n = ok ? BIO_get_mem_data(bio, &p) : 0;

	if (n > 0)
		alv_buf_add(out, p, (size_t)n);
	BIO_free(bio);
	return n > 0 && !out->err;
}

bool
pol_cert_pem(const X509 *cert, struct alv_buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return drain(bio, bio != NULL && PEM_write_bio_X509(bio, cert) == 1, out);
}

bool
pol_key_pem(const EVP_PKEY *key, struct alv_buf *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());

	return drain(bio, bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, out);
}
