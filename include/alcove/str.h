/* Views and what can be asked of them. Nothing here allocates. */
#ifndef ALCOVE_STR_H
#define ALCOVE_STR_H

#include <alcove/base.h>
#include <alcove/err.h>

/* A view of a NUL-terminated string; NULL gives a null view. */
static inline struct alv_str
alv_str_of(const char *z)
{
	return (struct alv_str){ z, z == NULL ? 0 : strlen(z) };
}

static inline struct alv_str
alv_str_make(const void *p, size_t n)
{
	return (struct alv_str){ (const char *)p, n };
}

/* Null equals only null. */
bool alv_str_eq(struct alv_str a, struct alv_str b);
bool alv_str_eqz(struct alv_str a, const char *z);
bool alv_str_starts(struct alv_str s, struct alv_str prefix);
bool alv_str_ends(struct alv_str s, struct alv_str suffix);
/* Order by bytes, shorter first: -1, 0, 1. */
int  alv_str_cmp(struct alv_str a, struct alv_str b);
/* Equal in time that depends on the lengths only. */
bool alv_str_eq_secret(struct alv_str a, struct alv_str b);
bool alv_str_utf8(struct alv_str s);
/* Decimal without sign or blanks, at most max. */
enum alv_err alv_str_u64(struct alv_str s, uint64_t max, uint64_t *out) ALV_MUST;
/* FNV-1a folded by a finisher: not where somebody may choose keys that have the same. A seed does not help, since keys can be made that
 * collide for one in a hundred of all seeds. */
uint64_t alv_hash(const void *p, size_t n, uint64_t seed);
/* SipHash-2-4, for those: with a key that nobody knows, nobody finds two alike. */
uint64_t alv_hash_keyed(const void *p, size_t n, const uint64_t key[static 2]);

static inline bool
alv_uuid_eq(struct alv_uuid a, struct alv_uuid b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

bool alv_uuid_zero(struct alv_uuid id);
/* Kafka's form: 22 characters of URL-safe base64 without padding. out has room for 23. */
void alv_uuid_text(struct alv_uuid id, char out[static 23]);

#endif
