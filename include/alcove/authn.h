/* Who is it? SASL exchanges of both sides and SCRAM keys. No socket; what takes long (PBKDF2) is a function that the
 * caller runs in the crypto pool. */
#ifndef ALCOVE_AUTHN_H
#define ALCOVE_AUTHN_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/err.h>
#include <alcove/login.h>
#include <alcove/oauth.h>
#include <alcove/policy.h>

/* Those by passwords come first; the gateway itself logs in by these alone. */
enum aut_mechanism {
	AUT_SCRAM_SHA_256, AUT_SCRAM_SHA_512, AUT_PLAIN, AUT_BY_PASSWORD, AUT_OAUTHBEARER = AUT_BY_PASSWORD, AUT_MECHANISMS
};
const char *aut_mechanism_name(enum aut_mechanism m);		/* "SCRAM-SHA-256" */
bool	    aut_mechanism_find(struct alv_str name, enum aut_mechanism *m);

enum { AUT_ITERATIONS_MIN = 4096, AUT_ITERATIONS_MAX = 1000000, AUT_ITERATIONS_DEFAULT = 8192, AUT_TOKEN_MAX = 4096 };

/* Keys from a password. SASLprep is not applied, as in Kafka. Slow: crypto pool or start-up only. salt_n 0: random. */
enum alv_err aut_scram_make(enum pol_mechanism m, struct alv_str password, uint32_t iterations, struct pol_scram *out) ALV_MUST;

/* Stored key and server key into *k, of RFC 5802's SaltedPassword for its salt and iterations (32 or 64 bytes). */
enum alv_err aut_scram_of_salted(enum pol_mechanism m, const uint8_t *salted, struct pol_scram *k) ALV_MUST;

/* What the gateway knows of a login name. A name that is not known still gets keys: made from a secret of the
 * process' state, the same each time, so that nobody can tell; `known` is then false and every proof fails, as for one that may not.
 * Copies: nothing of a snapshot is kept. */
struct aut_account {
	bool		 known;
	bool		 fake[POL_MECHANISMS];	/* these keys belong to no password: proofs against them fail */
	enum pol_mechanism plain;		/* PLAIN's password is held against these: SHA-512's where there are such */
	struct pol_scram scram[POL_MECHANISMS];
	char		 tenant[TEN_ID_MAX + 1];
	char		 user[256];
	uint64_t	 user_revision;
	bool		 ends;			/* what was proved ends by itself, in rest_ms from when it was */
	uint64_t	 rest_ms;
};
/* Fills *a for a login name (as the client sent it, unescaped). Must do the same work for known and unknown. */
typedef void (*aut_lookup_fn)(void *arg, struct alv_str login, struct aut_account *a);
/* What a lookup should call: user `name` of a tenant's snapshot. Nobody gives a fake account; a disabled user, and one of a tenant that
 * is not active, is not known, but shows what it showed before. A user without keys for a mechanism gets fake ones for it. The
 * fakes are made in every case, so that the work is the same; they are deterministic (of secret, tenant, login and mechanism), so
 * the same after a restart and on every replica, and look like the keys of one of the tenant's users: its shape.
 * iterations: of new passwords, where nothing else is known. */
void aut_account_fill(struct aut_account *a, const struct pol_tenant *t, struct alv_str tenant_id, struct alv_str name,
    struct alv_str secret, uint32_t iterations);
/* For a tenant that is not there (tenant_id: what the endpoint or the login said): as somebody whom a tenant that is (`like`; NULL:
 * none is) does not have. */
void aut_account_nobody(struct aut_account *a, const struct pol_tenant *like, struct alv_str tenant_id, struct alv_str name,
    struct alv_str secret, uint32_t iterations);

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
	char		   nonce[128];		/* ours; the client's and ours after its first token */
	char		   gs2[4];		/* SCRAM: the header that the last token must repeat */
	struct alv_buf	   auth_message;	/* bounded by 3 * AUT_TOKEN_MAX */
	struct alv_buf	   password;		/* PLAIN's, or a token; wiped after the work */
	struct aut_bearer *bearer;		/* OAUTHBEARER only */
	bool		   proof_ok;
	const char	  *reason;		/* static */
	enum alv_login_fault fault;		/* the same, as it is counted */
	bool		   asked;		/* somebody was looked up: account says who, known or not */
	const char	  *told;		/* AUT_FAIL: what the client is told of it; static; NULL: nothing */
};
/* After AUT_OK and AUT_FAIL only aut_server_fini is left. On AUT_OK account.tenant and account.user say who it is. A
 * token over AUT_TOKEN_MAX fails. The token that is answered lives in the arena. */
void	      aut_server_init(struct aut_server *s, enum aut_mechanism m, aut_lookup_fn lookup, void *arg);
enum aut_step aut_server_token(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out);
void	      aut_server_work(struct aut_server *s);	/* any thread, alone with s */
enum aut_step aut_server_resume(struct aut_server *s, struct alv_arena *a, struct alv_str *out);
void	      aut_server_fini(struct aut_server *s);	/* wipes */

/* How late the answers to failed logins leave; see delay.c. Any thread, one table for all. */
struct aut_delays;
struct aut_delays *aut_delays_new(void) ALV_MUST;
void		   aut_delays_free(struct aut_delays *d);	/* NULL is allowed */
struct aut_attempt {
	struct alv_str tenant, user, host;	/* as they were said, whether they are there or not; host: the client's address, of IPv6 its network counts */
	uint64_t       now_us;			/* monotonic; the caller's may be behind another's */
	uint64_t       first_us, max_us;	/* of the first failure; of any. first_us 0: nothing is ever late */
};
/* Counts what became of an attempt; microseconds that its answer has to wait, 0: none. d NULL: none. */
uint64_t aut_delays_note(struct aut_delays *d, const struct aut_attempt *a, bool passed);
/* For OAUTHBEARER, between init and the first token. o outlives it; NULL: every token is refused. endpoint: the tenant whose
 * it is, "" where tenants share it. lets: may this user of that tenant, whose token was good, come in? Asked by resume. */
typedef bool (*aut_lets_fn)(void *arg, struct alv_str tenant, struct alv_str user);
enum alv_err aut_server_bearer(struct aut_server *s, struct aut_oauth *o, struct alv_str endpoint, aut_lets_fn lets) ALV_MUST;
/* After aut_server_work: was it for want of a key that may come yet? Then whoever resumes may wait first, once: done is called when
 * the issuer was asked, on any thread, perhaps before this returns; after it aut_server_work is due again. False: there is no waiting,
 * and resume says what it says. The wait is the caller's, until done. */
struct aut_wait {
	struct aut_wait *next;
	void (*done)(struct aut_wait *w);
};
bool aut_server_lacks(const struct aut_server *s) ALV_MUST;
bool aut_server_waits(struct aut_server *s, struct aut_wait *w) ALV_MUST;
/* After AUT_OK: what the token said, the caller's from here on; NULL: it was no token. */
struct aut_claims *aut_server_claims(struct aut_server *s) ALV_MUST;

/* Client side, towards brokers. AUT_WORK asks for aut_client_work off the loop: PBKDF2. Whoever connects often keeps
 * salt, salt_n, iterations and salted of an exchange that ended well and sets them between init and the first token
 * of the next one: where the broker names the same salt and iterations, there is no AUT_WORK. */
struct aut_client {
	enum aut_mechanism mechanism;
	int		   step;
	struct alv_str	   user, password;	/* views: the configuration outlives it */
	char		   nonce[64];
	struct alv_buf	   auth_message;
	uint8_t		   salt[64], salted[64];
	uint8_t		   salt_n;
	uint32_t	   iterations;
	uint8_t		   server_signature[64];	/* what the broker must prove */
	size_t		   final_at;		/* where our last message begins in auth_message */
	const char	  *reason;
};
void	      aut_client_init(struct aut_client *c, enum aut_mechanism m, struct alv_str user, struct alv_str password);
/* in is null for the first. AUT_OK: nothing more is to be sent and the server proved itself too (SCRAM). */
enum aut_step aut_client_token(struct aut_client *c, struct alv_str in, struct alv_arena *a, struct alv_str *out);
void	      aut_client_work(struct aut_client *c);
enum aut_step aut_client_resume(struct aut_client *c, struct alv_arena *a, struct alv_str *out);
void	      aut_client_fini(struct aut_client *c);

#endif
