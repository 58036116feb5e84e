/* One row for each mechanism: what server.c and client.c dispatch by. */
#ifndef AUT_MECHANISM_H
#define AUT_MECHANISM_H

#include <alcove/authn.h>

struct aut_mechanism_row {
	const char *name;
	enum pol_mechanism keys;	/* SCRAM: which of an account's */
	enum aut_step (*server_token)(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out);
	void (*server_work)(struct aut_server *s);	/* NULL: never asks for work */
	enum aut_step (*server_resume)(struct aut_server *s, struct alv_arena *a, struct alv_str *out);	/* NULL: by proof_ok */
	size_t token_max;	/* 0: AUT_TOKEN_MAX */
	enum aut_step (*client_token)(struct aut_client *c, struct alv_str in, struct alv_arena *a, struct alv_str *out);
	void (*client_work)(struct aut_client *c);
	enum aut_step (*client_resume)(struct aut_client *c, struct alv_arena *a, struct alv_str *out);
};
const struct aut_mechanism_row *aut_mechanism_row(enum aut_mechanism m);

/* Steps of both sides. */
enum { AUT_AT_FIRST, AUT_AT_FINAL, AUT_AT_WORK, AUT_AT_PROOF, AUT_AT_END };

/* The reason stays with the exchange for our log; the peer learns nothing. */
enum aut_step aut_server_refuse(struct aut_server *s, const char *reason);
/* The account is not there, or this is not its password. */
enum aut_step aut_server_unproven(struct aut_server *s);
/* Who it says it is: fills s->account. */
void	      aut_server_ask(struct aut_server *s, struct alv_str login);
enum aut_step aut_client_refuse(struct aut_client *c, const char *reason);

enum aut_step aut_scram_server_token(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out);
enum aut_step aut_plain_server_token(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out);
void	      aut_plain_server_work(struct aut_server *s);
enum aut_step aut_bearer_server_token(struct aut_server *s, struct alv_str in, struct alv_arena *a, struct alv_str *out);
void	      aut_bearer_server_work(struct aut_server *s);
enum aut_step aut_bearer_server_resume(struct aut_server *s, struct alv_arena *a, struct alv_str *out);
enum aut_step aut_scram_client_token(struct aut_client *c, struct alv_str in, struct alv_arena *a, struct alv_str *out);
void	      aut_scram_client_work(struct aut_client *c);
enum aut_step aut_scram_client_resume(struct aut_client *c, struct alv_arena *a, struct alv_str *out);
enum aut_step aut_plain_client_token(struct aut_client *c, struct alv_str in, struct alv_arena *a, struct alv_str *out);

#endif
