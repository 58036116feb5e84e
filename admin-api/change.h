/* A change on its way: to the control thread and back, while its request may end or give up. */
#ifndef ADMIN_API_CHANGE_H
#define ADMIN_API_CHANGE_H

#include "admin-api/admin.h"

#include <alcove/control.h>

enum { ADM_GENERATED = 33 /* bytes of a password that is made, with its NUL */ };

struct adm_change {
	struct con_change   con;
	struct adm_mail	    mail;		/* brings it back */
	struct adm_change  *prev, *next;	/* in the server's list */
	struct adm_server  *server;
	struct adm_req	   *req;		/* NULL: nobody waits any more */
	struct adm_change **of_req;		/* in the request's pool: its end clears `req` */
	h2o_timeout_entry_t patience;
	void (*reply)(struct adm_req *r, struct adm_change *c);	/* con.err == OK */
	uint32_t	    seen;		/* fields of the body */
	struct pol_filter   filter;		/* con.filters, where there is one */
	int32_t		    iterations;		/* of a password; 0: not said */
	bool		    generate, named;	/* make a password; the client named a revision or If-None-Match */
	char		    kind[32];
	char		    password[ADM_GENERATED];	/* the generated one */
	json_t		   *told;		/* those of many users, to be told; NULL: none */
	char		    prefix[256], group[256];	/* of con.user_filter */
};

/* With tenant, actor and origin filled in. NULL: out of memory, answered. */
struct adm_change *adm_change_new(struct adm_req *r, enum con_op op);
/* For one that was never submitted. */
void adm_change_free(struct adm_change *c);
/* Hands it over; answers by reply(), with the problem of con.err, or with 504 when it takes too long. Owns c. */
void adm_change_submit(struct adm_change *c, void (*reply)(struct adm_req *r, struct adm_change *c));
/* Copies a path parameter. False: too long, answered and c is freed. */
bool adm_change_copy(struct adm_change *c, char *dst, size_t size, struct alv_str s, const char *what) ALV_MUST;
/* Of what the tenant in {id} has, with the client's condition on the tenant's revision. NULL: answered. */
struct adm_change *adm_change_of_tenant(struct adm_req *r, enum con_op op);
/* Stopping: everybody who waits gets 503. */
void adm_change_abandon_all(struct adm_server *s);

/* res_users.c: a password. False: there are no random numbers. */
bool adm_user_generate(char out[static ADM_GENERATED]) ALV_MUST;
/* res_users_many.c: views of the request's query. False: answered. */
bool adm_user_filter(struct adm_req *r, struct pol_user_filter *f) ALV_MUST;

/* An ACL as REST tells it (res_acls.c). */
struct pol_rule;
json_t *adm_acl_json(const struct pol_rule *a);

#endif
