/* What files must be to be taken: there, readable, of the right kind, and secrets not open to everyone.
 * Nothing of a file's content is ever put into a message. */
#include "policies/option.h"

#include <alcove/str.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum { PEM_MAX = 1 << 20 };

const char *
pol_file_path(struct pol_load *l, struct alv_str s)
{
	if (s.p[0] == '/' || l->dir[0] == '\0')
		return alv_arena_str(l->a, s).p;
	return alv_arena_printf(l->a, "%s/%.*s", l->dir, ALV_STR_ARG(s)).p;
}

static const char *
say(struct pol_load *l, const char *found, const char *path, const char *expected)
{
	const char *p = alv_arena_printf(l->a, "found %s '%s', expected %s", found, path, expected).p;

	return p == NULL ? "found a file, but no memory to look at it" : p;
}

enum alv_err
pol_file_read(const char *path, size_t max, struct alv_buf *out)
{
	int	     fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	uint8_t	     part[4096];
	ssize_t	     n;
	enum alv_err err = ALV_OK;

	alv_buf_init(out, max + 1);
	if (fd < 0)
		return ALV_E_SYSTEM;
	while ((n = read(fd, part, sizeof(part))) > 0 && !out->err)
		alv_buf_add(out, part, (size_t)n);
	OPENSSL_cleanse(part, sizeof(part));
	if (n < 0)
		err = ALV_E_SYSTEM;
	else if (out->err == ALV_E_LIMIT || out->n > max)
		err = ALV_E_LIMIT;
	else
		err = out->err;
	close(fd);
	return err;
}

/* There, a file, and readable by us. */
static const char *
look(struct pol_load *l, const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return say(l, errno == ENOENT || errno == ENOTDIR ? "no file" : errno == EACCES ? "a file that may not be read," :
		    "a file that cannot be opened,", path, "a readable file");
	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) {
		close(fd);
		return say(l, "no regular file", path, "a readable file");
	}
	close(fd);
	return NULL;
}

const char *
pol_file_plain(struct pol_load *l, const char *path)
{
	struct stat st;

	return look(l, path, &st);
}

const char *
pol_file_secret(struct pol_load *l, const char *path)
{
	struct stat st;
	const char *why = look(l, path, &st);

	if (why == NULL && (st.st_mode & 07) != 0)
		why = say(l, "a secret that everyone may open,", path, "no rights for others (chmod o= FILE)");
	if (why == NULL && st.st_size == 0)
		why = say(l, "an empty file", path, "a secret in it");
	return why;
}

static BIO *
open_pem(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || st.st_size > PEM_MAX)
		return NULL;
	return BIO_new_file(path, "r");
}

static X509 *
read_certificate(const char *path)
{
	BIO  *bio = open_pem(path);
	X509 *x = bio == NULL ? NULL : PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);

	BIO_free(bio);
	ERR_clear_error();
	return x;
}

/* An encrypted key must not make anyone ask at a terminal. */
static int
no_passphrase(char *buf, int n, int writing, void *arg)
{
	(void)buf;
	(void)n;
	(void)writing;
	(void)arg;
	return -1;
}

static EVP_PKEY *
read_key(const char *path)
{
	BIO	 *bio = open_pem(path);
	EVP_PKEY *k = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

	BIO_free(bio);
	ERR_clear_error();
	return k;
}

const char *
pol_file_certificate(struct pol_load *l, const char *path)
{
	struct stat st;
	const char *why = look(l, path, &st);
	X509	   *x;

	if (why != NULL)
		return why;
	x = read_certificate(path);
	if (x == NULL)
		return say(l, "no certificate at the beginning of", path, "PEM (-----BEGIN CERTIFICATE-----)");
	X509_free(x);
	return NULL;
}

const char *
pol_file_crl(struct pol_load *l, const char *path)
{
	struct stat st;
	const char *why = look(l, path, &st);
	BIO	   *b;
	X509_CRL   *crl;

	if (why != NULL)
		return why;
	b = BIO_new_file(path, "re");
	crl = b == NULL ? NULL : PEM_read_bio_X509_CRL(b, NULL, NULL, NULL);
	BIO_free(b);
	ERR_clear_error();
	if (crl == NULL)
		return say(l, "no revocation list at the beginning of", path, "PEM (-----BEGIN X509 CRL-----)");
	X509_CRL_free(crl);
	return NULL;
}

const char *
pol_file_key(struct pol_load *l, const char *path)
{
	const char *why = pol_file_secret(l, path);
	EVP_PKEY   *k;

	if (why != NULL)
		return why;
	k = read_key(path);
	if (k == NULL)
		return say(l, "no private key in", path, "PEM, not encrypted (-----BEGIN PRIVATE KEY-----)");
	EVP_PKEY_free(k);
	return NULL;
}

const char *
pol_file_pair(struct pol_load *l, const char *certificate, const char *key)
{
	X509	 *x = read_certificate(certificate);
	EVP_PKEY *k = read_key(key);
	bool	  match = x != NULL && k != NULL && X509_check_private_key(x, k) == 1;

	X509_free(x);
	EVP_PKEY_free(k);
	ERR_clear_error();
	return match ? NULL : say(l, "the key of another certificate in", key, "the key of the certificate");
}

int64_t
pol_certificate_end(const char *file)
{
	X509	 *x = read_certificate(file);
	struct tm tm;
	int64_t	  end = 0;

	if (x != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
		end = timegm(&tm);
	X509_free(x);
	ERR_clear_error();
	return end;
}

bool
pol_file_covers(const char *certificate, const char *domain)
{
	X509 *x = read_certificate(certificate);
	char  any[300];
	bool  yes;

	/* No certificate has this name but by a wildcard. */
	snprintf(any, sizeof(any), "any-tenant.%s", domain);
	yes = x != NULL && X509_check_host(x, any, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
	X509_free(x);
	ERR_clear_error();
	return yes;
}

const char *
pol_file_new(struct pol_load *l, const char *path)
{
	const char    *slash = strrchr(path, '/');
	size_t	       n = slash == NULL ? 0 : (size_t)(slash - path);
	struct alv_str dir = slash == NULL ? ALV_STR(".") : n == 0 ? ALV_STR("/") : alv_str_make(path, n);
	const char    *folder = alv_arena_str(l->a, dir).p;
	struct stat    st;

	if (slash != NULL && slash[1] == '\0')
		return say(l, "a folder", path, "a file's name");
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return say(l, "no regular file", path, "a file, or none yet");
	if (folder == NULL || stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
		return say(l, "no folder for", path, "the folder to be there");
	return NULL;
}
