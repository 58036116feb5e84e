/* Sealing. Layout: nonce (12, random), ciphertext, tag (16). The place goes in as additional data, each part with its
 * length in front: ("a", "bc") and ("ab", "c") are two places. */
#include "state/seal.h"

#include <alcove/base64.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

enum { PLACE_MAX = 4096, FILE_MAX_BYTES = 256 };

/* ---- the key -------------------------------------------------------------------------------------- */

static struct alv_str
trim(struct alv_str s)
{
	static const char blanks[] = " \t\r\n";

	while (s.n > 0 && memchr(blanks, s.p[s.n - 1], 4) != NULL)
		s.n--;
	while (s.n > 0 && memchr(blanks, s.p[0], 4) != NULL) {
		s.p++;
		s.n--;
	}
	return s;
}

static void
name_key(struct sto_key *k)
{
	static const char label[] = "alcove state key id";
	uint8_t text[sizeof(label) + STO_KEY_BYTES], digest[EVP_MAX_MD_SIZE] = { 0 };

	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), k->bytes, STO_KEY_BYTES);
	if (EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha256(), NULL) != 1)
		memset(digest, 0, sizeof(digest));
	for (int i = 0; i < STO_KEY_ID_CHARS / 2; i++)
		snprintf(k->id + 2 * i, 3, "%02x", digest[i]);
	OPENSSL_cleanse(text, sizeof(text));
}

static ssize_t
read_small(const char *file, char *out, size_t cap, struct alv_buf *words)
{
	struct stat st;
	ssize_t	    n;
	int	    fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		alv_buf_printf(words, "%s: cannot be read: %s\n", file, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		alv_log(ALV_LOG_WARN, "the state key can be read by every user of the machine", ALV_KV_Z("file", file));
	n = read(fd, out, cap);
	if (n < 0)
		alv_buf_printf(words, "%s: cannot be read: %s\n", file, strerror(errno));
	close(fd);
	return n;
}

enum alv_err
sto_key_load(const char *file, struct sto_key *k, struct alv_buf *words)
{
	char	     text[FILE_MAX_BYTES];
	uint8_t	     bytes[STO_KEY_BYTES];
	size_t	     n = 0;
	ssize_t	     got = read_small(file, text, sizeof(text), words);
	enum alv_err err;

	if (got < 0)
		return ALV_E_SYSTEM;
	err = alv_base64_decode(trim(alv_str_make(text, (size_t)got)), bytes, sizeof(bytes), &n);
	if (!err && n != sizeof(bytes))
		err = ALV_E_LENGTH;
	if (err) {
		alv_buf_printf(words, "%s: found %s, expected a key of 32 bytes in base64 (44 characters)\n", file,
		    err == ALV_E_SYNTAX ? "what is not base64" : err == ALV_E_LIMIT ? "more than 32 bytes" : "fewer than 32 bytes");
	} else {
		memcpy(k->bytes, bytes, sizeof(bytes));
		name_key(k);
	}
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return err;
}

void
sto_key_wipe(struct sto_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

/* ---- values ----------------------------------------------------------------------------------------- */

static void
place_bytes(const struct sto_place *at, struct alv_buf *b)
{
	alv_buf_init(b, PLACE_MAX);
	alv_buf_be32(b, (uint32_t)strlen(at->table));
	alv_buf_z(b, at->table);
	for (size_t i = 0; i < ALV_COUNT(at->part); i++) {
		alv_buf_be32(b, (uint32_t)at->part[i].n);
		alv_buf_str(b, at->part[i]);
	}
}

static bool
begin(EVP_CIPHER_CTX *c, const struct sto_key *k, const struct sto_place *at, const uint8_t *nonce, int enc)
{
	struct alv_buf place;
	int	       len;
	bool	       ok;

	place_bytes(at, &place);
	ok = !place.err && c != NULL && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, k->bytes, nonce, enc) == 1 &&
	    EVP_CipherUpdate(c, NULL, &len, place.p, (int)place.n) == 1;
	alv_buf_fini(&place);
	return ok;
}

enum alv_err
sto_seal(const struct sto_key *k, const struct sto_place *at, const void *p, size_t n, uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t	       *text = out + STO_NONCE_BYTES;
	int		len, tail;
	bool		ok;

	ok = RAND_bytes(out, STO_NONCE_BYTES) == 1 && begin(c, k, at, out, 1) &&
	    EVP_EncryptUpdate(c, text, &len, p, (int)n) == 1 && EVP_EncryptFinal_ex(c, text + len, &tail) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, STO_TAG_BYTES, text + n) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok ? ALV_OK : ALV_E_CRYPTO;
}

enum alv_err
sto_unseal(const struct sto_key *k, const struct sto_place *at, const void *p, size_t n, uint8_t *out, size_t *out_n)
{
	const uint8_t  *nonce = p, *text = nonce + STO_NONCE_BYTES;
	EVP_CIPHER_CTX *c;
	uint8_t		tag[STO_TAG_BYTES];
	int		len, tail;
	bool		ok;

	*out_n = 0;
	if (p == NULL || n < STO_SEALED_LEN(0))
		return ALV_E_CRYPTO;
	n -= STO_SEALED_LEN(0);
	memcpy(tag, text + n, sizeof(tag));
	c = EVP_CIPHER_CTX_new();
	ok = begin(c, k, at, nonce, 0) && EVP_DecryptUpdate(c, out, &len, text, (int)n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, STO_TAG_BYTES, tag) == 1 &&
	    EVP_DecryptFinal_ex(c, out + len, &tail) == 1;
	EVP_CIPHER_CTX_free(c);
	if (!ok) {
		OPENSSL_cleanse(out, n);
		return ALV_E_CRYPTO;
	}
	*out_n = n;
	return ALV_OK;
}
