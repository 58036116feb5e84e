/* Who is it? SASL exchanges of both sides and SCRAM keys. No socket; what takes long (PBKDF2) is a function that the
 * caller runs in the crypto pool. */
#ifndef ALCOVE_AUTHN_H
#define ALCOVE_AUTHN_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/err.h>
#include <alcove/policy.h>

enum aut_mechanism { AUT_SCRAM_SHA_256, AUT_SCRAM_SHA_512, AUT_PLAIN, AUT_MECHANISMS };
const char *aut_mechanism_name(enum aut_mechanism m);		/* "SCRAM-SHA-256" */
bool	    aut_mechanism_find(struct alv_str name, enum aut_mechanism *m);

enum { AUT_ITERATIONS_MIN = 4096, AUT_ITERATIONS_MAX = 1000000, AUT_ITERATIONS_DEFAULT = 8192, AUT_TOKEN_MAX = 4096 };

/* Keys from a password. SASLprep is not applied, as in Kafka. Slow: crypto pool or start-up only. salt_n 0: random. */
enum alv_err aut_scram_make(enum pol_mechanism m, struct alv_str password, uint32_t iterations, struct pol_scram *out) ALV_MUST;

/* What the gateway knows of a login name. A name that is not known still gets keys: made from a secret of the
 * process' state, the same each time, so that nobody can tell; `known` is then false and every proof fails.
 * Copies: nothing of a snapshot is kept. */
struct aut_account {
	bool		 known;
	struct pol_scram scram[POL_MECHANISMS];
	char		 tenant[TEN_ID_MAX + 1];
	char		 user[256];
	uint64_t	 user_revision;
};
/* Fills *a for a login name (as the client sent it, unescaped). Must do the same work for known and unknown. */
typedef void (*aut_lookup_fn)(void *arg, struct alv_str login, struct aut_account *a);
/* Fake keys for a name that is not known: deterministic from secret, tenant, login, mechanism. */
void aut_account_fake(struct aut_account *a, struct alv_str secret, struct alv_str tenant, struct alv_str login,
    uint32_t iterations);

enum aut_step {
	AUT_CONTINUE,	/* send the token, wait for the next */
	AUT_WORK,	/* run aut_server_work off the loop, then aut_server_resume */
	AUT_OK,		/* send the token (may be empty); account says who it is */
	AUT_FAIL	/* one answer for every failure; the token is empty, reason is for our log */
};

/* Server side of one exchange; heap or embedded, fixed size. */
struct aut_server {
	enum aut_mechanism mechanism;
	int		   step;
	aut_lookup_fn	   lookup;
	void		  *lookup_arg;
	struct aut_account account;
	char		   nonce[128];
	struct alv_buf	   auth_message;	/* bounded by 3 * AUT_TOKEN_MAX */
	struct alv_buf	   password;		/* PLAIN only; wiped after the work */
	bool		   proof_ok;
	const char	  *reason;		/* static */
};
void	      aut_server_init(struct aut_server *s, enum aut_mechanism m, aut_lookup_fn lookup, void *arg);
enum aut_step aut_server_token(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out);
void	      aut_server_work(struct aut_server *s);	/* any thread, alone with s */
enum aut_step aut_server_resume(struct aut_server *s, struct alv_arena *a, struct alv_str *out);
void	      aut_server_fini(struct aut_server *s);	/* wipes */

/* Client side, towards brokers. The salted password is cached by (salt, iterations) in *cache, so that PBKDF2 runs
 * once: AUT_WORK asks for aut_client_work off the loop. */
struct aut_client {
	enum aut_mechanism mechanism;
	int		   step;
	struct alv_str	   user, password;	/* views: the configuration outlives it */
	char		   nonce[64];
	struct alv_buf	   auth_message;
	uint8_t		   salt[64], salted[64];
	uint8_t		   salt_n;
	uint32_t	   iterations;
	const char	  *reason;
};
void	      aut_client_init(struct aut_client *c, enum aut_mechanism m, struct alv_str user, struct alv_str password);
/* in is null for the first. AUT_OK: the server proved itself too (SCRAM). */
enum aut_step aut_client_token(struct aut_client *c, struct alv_str in, struct alv_arena *a, struct alv_str *out);
void	      aut_client_work(struct aut_client *c);
enum aut_step aut_client_resume(struct aut_client *c, struct alv_arena *a, struct alv_str *out);
void	      aut_client_fini(struct aut_client *c);

/* Bearer tokens of the admin API: a file of lines "role:name:sha256-hex-of-token"; compared in constant time. */

#endif
