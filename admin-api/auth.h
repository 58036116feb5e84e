/* Who may use the admin API: bearer tokens, by their hashes in a file. */
#ifndef ADMIN_API_AUTH_H
#define ADMIN_API_AUTH_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/err.h>

/* In order of what they may do. */
enum adm_role { ADM_ROLE_ANYONE, ADM_ROLE_VIEWER, ADM_ROLE_ADMIN, ADM_ROLES };
const char *adm_role_name(enum adm_role r);	/* "platform-admin" */

enum { ADM_NAME_MAX = 64, ADM_TOKENS_MAX = 1000 };

struct adm_who {
	enum adm_role role;
	char	      name[ADM_NAME_MAX + 1];
};

/* Lines "role:name:sha256 of the token in hex"; empty lines and lines that begin with '#' are skipped. */
struct adm_tokens;
/* On failure err holds lines "file:line: found ..., expected ...". Hashes are not shown. */
enum alv_err adm_tokens_load(const char *file, struct adm_tokens **t, struct alv_buf *err) ALV_MUST;
void	     adm_tokens_free(struct adm_tokens *t);
/* Reads the file anew when it changed, at most once a second; a bad file is logged and changes nothing. */
void	     adm_tokens_refresh(struct adm_tokens *t, uint64_t now_us);
/* AUTH: nobody's token. Takes the same time whichever line fits. */
enum alv_err adm_tokens_find(const struct adm_tokens *t, struct alv_str token, struct adm_who *who) ALV_MUST;

#endif
