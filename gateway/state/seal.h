/* Secrets at rest: AES-256-GCM under a key from a file. A sealed value is bound to its place (table and row), so that
 * who can write the database cannot move one user's keys to another. */
#ifndef STO_SEAL_H
#define STO_SEAL_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/err.h>

enum { STO_KEY_BYTES = 32, STO_KEY_ID_CHARS = 16, STO_NONCE_BYTES = 12, STO_TAG_BYTES = 16 };
#define STO_SEALED_LEN(n) ((n) + STO_NONCE_BYTES + STO_TAG_BYTES)

struct sto_key {
	uint8_t bytes[STO_KEY_BYTES];
	char	id[STO_KEY_ID_CHARS + 1];	/* tells keys apart, says nothing about them */
};

/* The file holds 32 bytes in base64, blanks and line ends around them. words: file, what was found, what was expected. */
enum alv_err sto_key_load(const char *file, struct sto_key *k, struct alv_buf *words) ALV_MUST;
void	     sto_key_wipe(struct sto_key *k);

/* Where a value lives. Up to three parts of the row's identity; null where there are fewer. */
struct sto_place {
	const char    *table;
	struct alv_str part[3];
};
/* out has room for STO_SEALED_LEN(n). */
enum alv_err sto_seal(const struct sto_key *k, const struct sto_place *at, const void *p, size_t n, uint8_t *out) ALV_MUST;
/* out has room for n bytes. CRYPTO: another key, another place, or changed bytes. */
enum alv_err sto_unseal(const struct sto_key *k, const struct sto_place *at, const void *p, size_t n, uint8_t *out,
    size_t *out_n) ALV_MUST;

#endif
