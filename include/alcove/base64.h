/* Base64 as SASL and key files use it (RFC 4648, section 4): padded, without blanks or line ends. */
#ifndef ALCOVE_BASE64_H
#define ALCOVE_BASE64_H

#include <alcove/base.h>
#include <alcove/err.h>

/* Characters that n bytes become, without the NUL. */
#define ALV_BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* out has room for ALV_BASE64_LEN(n) + 1; ends with a NUL. Returns the length without it. */
size_t alv_base64_encode(const void *p, size_t n, char *out);
/* One reading only: SYNTAX for a foreign character, wrong padding, or bits behind the last byte that are not zero;
 * LIMIT when the bytes do not fit into cap. Nothing to decode gives no bytes. */
enum alv_err alv_base64_decode(struct alv_str s, void *out, size_t cap, size_t *n) ALV_MUST;
/* The same for the URL-safe form without padding (section 5), as tokens and their keys use it. */
enum alv_err alv_base64url_decode(struct alv_str s, void *out, size_t cap, size_t *n) ALV_MUST;

#endif
