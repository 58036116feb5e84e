/* JSON bodies by tables: which fields there are, of which type, how long, and where they go. Strict: everything that
 * the table does not know is refused by name. */
#ifndef ADMIN_API_BODY_H
#define ADMIN_API_BODY_H

#include <alcove/base.h>

#include <jansson.h>

struct adm_req;
struct adm_change;
struct pol_credentials;
struct pol_groups;

enum adm_type { ADM_STRING, ADM_BOOL, ADM_INT /* int32_t; whose range the control thread knows */, ADM_HOSTS /* [{"bootstrap", "nodePattern"}] */, ADM_SUPERS /* ["User:a"] */,
	ADM_GROUPS /* ["developers"] */, ADM_ACLS, ADM_QUOTAS, ADM_SCRAM /* one user's */, ADM_CREDENTIALS /* of many */,
	ADM_USERS /* some */, ADM_USERS_ALL };

enum { ADM_REQUIRED = 1, ADM_SECRET = 2, ADM_NULLABLE = 4 /* null: as if it were not there */ };

struct adm_field {
	const char   *name;
	enum adm_type type;
	unsigned      flags;
	size_t	      at, size;	/* in struct adm_change; size counts the NUL */
	const char   *help;
};

struct adm_body {
	const char	       *name;
	const struct adm_field *fields;
	size_t			n;
};

extern const struct adm_body adm_bodies[];
enum adm_body_id { ADM_B_TENANT_POST, ADM_B_TENANT_PUT, ADM_B_TENANT_PATCH, ADM_B_USER_POST, ADM_B_USER_PUT, ADM_B_ALIAS_POST,
	ADM_B_ALIAS_PUT, ADM_B_ACL_POST, ADM_B_ACL_PUT, ADM_B_CREDENTIAL_POST, ADM_B_USERS_PATCH, ADM_B_USERS_PUT, ADM_B_QUOTA_POST, ADM_B_QUOTA_PUT, ADM_BODIES };
#define ADM_BODY_NONE	      NULL
#define ADM_BODY_TENANT_POST  &adm_bodies[ADM_B_TENANT_POST]
#define ADM_BODY_TENANT_PUT   &adm_bodies[ADM_B_TENANT_PUT]
#define ADM_BODY_TENANT_PATCH &adm_bodies[ADM_B_TENANT_PATCH]
#define ADM_BODY_USER_POST    &adm_bodies[ADM_B_USER_POST]
#define ADM_BODY_USER_PUT     &adm_bodies[ADM_B_USER_PUT]
#define ADM_BODY_ALIAS_POST   &adm_bodies[ADM_B_ALIAS_POST]
#define ADM_BODY_ALIAS_PUT    &adm_bodies[ADM_B_ALIAS_PUT]
#define ADM_BODY_ACL_POST     &adm_bodies[ADM_B_ACL_POST]
#define ADM_BODY_ACL_PUT      &adm_bodies[ADM_B_ACL_PUT]
#define ADM_BODY_QUOTA_POST   &adm_bodies[ADM_B_QUOTA_POST]
#define ADM_BODY_QUOTA_PUT    &adm_bodies[ADM_B_QUOTA_PUT]
#define ADM_BODY_USERS_PATCH  &adm_bodies[ADM_B_USERS_PATCH]
#define ADM_BODY_USERS_PUT    &adm_bodies[ADM_B_USERS_PUT]
#define ADM_BODY_CREDENTIAL_POST &adm_bodies[ADM_B_CREDENTIAL_POST]

/* Reads the request's body by its route's table into c and sets the bits of c->seen by the field's place in the table;
 * an absent body counts as {}. False: answered. Wipes the body where it held a secret. */
bool adm_body_read(struct adm_req *r, struct adm_change *c) ALV_MUST;
/* Was the field (by name) there? */
bool adm_body_has(const struct adm_change *c, const struct adm_body *b, const char *name);
/* Lists, each into its place in c. False: answered. */
bool adm_take_supers(struct adm_req *r, struct adm_change *c, const json_t *list) ALV_MUST;
/* of_many: each with its user. at: where it stands in the body, "scram". Wipes what it read. */
bool adm_take_credentials(struct adm_req *r, struct pol_credentials **out, const char *at, json_t *items, bool of_many) ALV_MUST;
bool adm_take_groups(struct adm_req *r, struct pol_groups **out, const char *at, const json_t *list) ALV_MUST;
/* all: nobody but these. Wipes passwords. */
bool adm_take_users(struct adm_req *r, struct adm_change *c, const json_t *list, bool all) ALV_MUST;
bool adm_take_acls(struct adm_req *r, struct adm_change *c, const json_t *list) ALV_MUST;
bool adm_take_quotas(struct adm_req *r, struct adm_change *c, const json_t *list) ALV_MUST;
const char *adm_json_type(const json_t *v);	/* "a string" */
/* The JSON Schema of a body. */
json_t *adm_body_schema(const struct adm_body *b);

#endif
