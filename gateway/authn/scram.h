/* SCRAM's arithmetic and its "a=value,b=value" texts (RFC 5802, RFC 7677): what server and client share. */
#ifndef AUT_SCRAM_H
#define AUT_SCRAM_H

#include <alcove/authn.h>
#include <alcove/str.h>

enum {
	AUT_HASH_MAX = 64,	/* SHA-512 */
	AUT_SALT_BYTES = 24,	/* of our keys, real or fake: one length, or it would tell */
	AUT_NONCE_BYTES = 18,	/* random bytes of our nonce; a multiple of 3, so its base64 has no '=' */
	AUT_NONCE_CHARS = 24,
	AUT_LOGIN_MAX = 512
};

/* 32 or 64 bytes. */
size_t	     aut_scram_len(enum pol_mechanism m);
enum alv_err aut_scram_hmac(enum pol_mechanism m, const uint8_t *key, size_t key_n, const void *p, size_t n,
    uint8_t out[static AUT_HASH_MAX]) ALV_MUST;
/* PBKDF2: slow. */
enum alv_err aut_scram_salted(enum pol_mechanism m, struct alv_str password, const uint8_t *salt, size_t salt_n,
    uint32_t iterations, uint8_t out[static AUT_HASH_MAX]) ALV_MUST;
enum alv_err aut_scram_client_key(enum pol_mechanism m, const uint8_t *salted, uint8_t out[static AUT_HASH_MAX]) ALV_MUST;
enum alv_err aut_scram_stored_key(enum pol_mechanism m, const uint8_t *client_key, uint8_t out[static AUT_HASH_MAX]) ALV_MUST;
enum alv_err aut_scram_server_key(enum pol_mechanism m, const uint8_t *salted, uint8_t out[static AUT_HASH_MAX]) ALV_MUST;
/* AUT_NONCE_CHARS characters and a NUL; "" when there is no randomness. */
void	     aut_scram_nonce(char *out, size_t cap);

/* A cursor over attributes. An attribute is a name of letters, '=', and a value of at least one byte that holds
 * neither ',' nor NUL. */
struct aut_attrs {
	const char *p, *end;
	bool	    bad;	/* something else was found; sticky */
	bool	    comma;	/* a comma was passed, so another must follow */
};
struct aut_attr {
	struct alv_str name, value;
	const char    *start;	/* of the name */
};
void aut_attrs_init(struct aut_attrs *c, struct alv_str text);
/* False: the end, or bad. */
bool aut_attr_next(struct aut_attrs *c, struct aut_attr *a);
/* The next attribute has this name: else bad. */
bool aut_attr_want(struct aut_attrs *c, const char *name, struct alv_str *value);

/* "=2C" and "=3D" to what they stand for; SYNTAX for another '='; LIMIT. */
enum alv_err   aut_saslname_read(struct alv_str s, char *out, size_t cap, size_t *n) ALV_MUST;
struct alv_str aut_saslname_write(struct alv_str s, struct alv_arena *a);

#endif
