/* The tokens file. A token is compared by its SHA-256 over all lines, without an early end, so that time tells neither
 * whether nor where it was found. Tokens are random and long; hence no slow hash. */
#include "admin-api/auth.h"

#include <alcove/log.h>
#include <alcove/str.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 256 * 1024, ROLE_PARTS = 3, REFRESH_US = 1000 * 1000 };

struct token {
	struct adm_who who;
	uint8_t	       hash[SHA256_DIGEST_LENGTH];
};

struct adm_tokens {
	char	    *file;
	struct stat  seen;
	uint64_t     next_us;
	size_t	     n;
	struct token row[ADM_TOKENS_MAX];
};

static const char *const role_names[ADM_ROLES] = {
	[ADM_ROLE_ANYONE] = "anyone", [ADM_ROLE_VIEWER] = "viewer", [ADM_ROLE_ADMIN] = "platform-admin"
};

const char *
adm_role_name(enum adm_role r)
{
	return (unsigned)r < ADM_ROLES ? role_names[r] : "unknown";
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
parse_hash(struct alv_str s, uint8_t out[SHA256_DIGEST_LENGTH])
{
	if (s.n != SHA256_DIGEST_LENGTH * 2)
		return false;
	for (size_t i = 0; i < s.n; i += 2) {
		int high = digit(s.p[i]), low = digit(s.p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool
legal_name(struct alv_str s)
{
	if (s.n == 0 || s.n > ADM_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '!' || s.p[i] > '~')
			return false;
	return true;
}

/* NULL, or what was found and what was expected. */
static const char *
parse_line(struct alv_str line, struct token *out)
{
	struct alv_str part[ROLE_PARTS] = { { NULL, 0 } };
	enum adm_role  role = ADM_ROLE_ANYONE;

	for (int i = 0; i < ROLE_PARTS; i++) {
		const char *colon = memchr(line.p, ':', line.n);
		size_t	    n = colon == NULL ? line.n : (size_t)(colon - line.p);

		if ((colon == NULL) != (i == ROLE_PARTS - 1))
			return "found other than three parts, expected \"role:name:sha256 of the token in hex\"";
		part[i] = alv_str_make(line.p, n);
		line.p += n + (colon != NULL);
		line.n -= n + (colon != NULL);
	}
	for (int r = ADM_ROLE_VIEWER; r < ADM_ROLES; r++)
		if (alv_str_eqz(part[0], role_names[r]))
			role = (enum adm_role)r;
	if (role == ADM_ROLE_ANYONE)
		return "found an unknown role, expected platform-admin or viewer";
	if (!legal_name(part[1]))
		return "found an empty, long or unprintable name, expected 1 to 64 printable ASCII characters without ':' and blanks";
	if (!parse_hash(part[2], out->hash))
		return "found something else where the hash is, expected 64 hexadecimal digits (SHA-256 of the token)";
	out->who.role = role;
	memset(out->who.name, 0, sizeof(out->who.name));
	memcpy(out->who.name, part[1].p, part[1].n);
	return NULL;
}

static enum alv_err
parse(struct adm_tokens *t, struct alv_str text, struct alv_buf *err)
{
	unsigned number = 0;

	t->n = 0;
	while (text.n > 0) {
		const char    *lf = memchr(text.p, '\n', text.n);
		struct alv_str line = alv_str_make(text.p, lf == NULL ? text.n : (size_t)(lf - text.p));
		const char    *wrong;

		text.p += line.n + (lf != NULL);
		text.n -= line.n + (lf != NULL);
		number++;
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		wrong = t->n == ADM_TOKENS_MAX ? "found more than 1000 tokens" : parse_line(line, &t->row[t->n]);
		if (wrong != NULL) {
			alv_buf_printf(err, "%s:%u: %s\n", t->file, number, wrong);
			return ALV_E_SYNTAX;
		}
		t->n++;
	}
	if (t->n == 0) {
		alv_buf_printf(err, "%s: found no token, expected at least one line \"role:name:sha256 in hex\"\n", t->file);
		return ALV_E_MISSING;
	}
	return ALV_OK;
}

static enum alv_err
read_file(struct adm_tokens *t, char *text, size_t *n, struct alv_buf *err)
{
	int fd = open(t->file, O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;

	*n = 0;
	if (fd < 0 || fstat(fd, &t->seen) != 0) {
		alv_buf_printf(err, "%s: cannot be read: %s\n", t->file, strerror(errno));
		if (fd >= 0)
			close(fd);
		return ALV_E_SYSTEM;
	}
	while (*n < FILE_MAX && (got = read(fd, text + *n, FILE_MAX - *n)) > 0)
		*n += (size_t)got;
	close(fd);
	if (got < 0) {
		alv_buf_printf(err, "%s: cannot be read: %s\n", t->file, strerror(errno));
		return ALV_E_SYSTEM;
	}
	if (*n == FILE_MAX || (t->seen.st_mode & S_IWOTH) != 0) {
		alv_buf_printf(err, "%s: %s\n", t->file, *n == FILE_MAX ? "found more than 256 KiB" :
		    "found a file that anybody may write, expected mode 0640 or stricter");
		return ALV_E_VALUE;
	}
	return ALV_OK;
}

enum alv_err
adm_tokens_load(const char *file, struct adm_tokens **out, struct alv_buf *err)
{
	struct adm_tokens *t = calloc(1, sizeof(*t));
	char		  *text = malloc(FILE_MAX);
	size_t		   n = 0;
	enum alv_err	   e = ALV_E_NOMEM;

	*out = NULL;
	if (t != NULL && text != NULL && (t->file = strdup(file)) != NULL) {
		e = read_file(t, text, &n, err);
		if (e == ALV_OK)
			e = parse(t, alv_str_make(text, n), err);
	}
	free(text);
	if (e != ALV_OK) {
		adm_tokens_free(t);
		return e;
	}
	*out = t;
	return ALV_OK;
}

void
adm_tokens_free(struct adm_tokens *t)
{
	if (t == NULL)
		return;
	free(t->file);
	free(t);
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void
adm_tokens_refresh(struct adm_tokens *t, uint64_t now_us)
{
	struct adm_tokens *fresh;
	struct alv_buf	   err;
	struct stat	   st;

	if (now_us < t->next_us)
		return;
	t->next_us = now_us + REFRESH_US;
	if (stat(t->file, &st) != 0 || same_file(&st, &t->seen))
		return;
	alv_buf_init(&err, 4096);
	if (adm_tokens_load(t->file, &fresh, &err) == ALV_OK) {
		t->n = fresh->n;
		memcpy(t->row, fresh->row, fresh->n * sizeof(fresh->row[0]));
		t->seen = fresh->seen;
		adm_tokens_free(fresh);
		alv_log(ALV_LOG_INFO, "tokens read anew", ALV_KV_Z("file", t->file), ALV_KV_I("tokens", t->n));
	} else {
		t->seen = st;	/* tell once, not every second */
		alv_log(ALV_LOG_ERROR, "tokens not read anew", ALV_KV_S("error", alv_str_make(err.p, err.n > 0 ? err.n - 1 : 0)));
	}
	alv_buf_fini(&err);
}

enum alv_err
adm_tokens_find(const struct adm_tokens *t, struct alv_str token, struct adm_who *who)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	size_t	at = SIZE_MAX;

	if (token.n == 0)
		return ALV_E_AUTH;
	SHA256((const uint8_t *)token.p, token.n, hash);
	for (size_t i = 0; i < t->n; i++)
		if (CRYPTO_memcmp(hash, t->row[i].hash, sizeof(hash)) == 0)
			at = i;
	if (at == SIZE_MAX)
		return ALV_E_AUTH;
	*who = t->row[at].who;
	return ALV_OK;
}
