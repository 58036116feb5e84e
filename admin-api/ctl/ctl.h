/* alcovectl: the admin API from the command line. It speaks HTTP like anyone else and knows nothing of the server's
 * insides. Exit codes: 0 done, 1 refused by the server, 2 usage, 3 the server cannot be reached. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/err.h>

#include <jansson.h>

enum { CTL_OK, CTL_REFUSED, CTL_USAGE, CTL_UNREACHABLE };
enum { CTL_ARGS_MAX = 4 };

/* What stands before and behind the command's words. Views of argv and the environment. */
struct ctl_options {
	const char *url, *token_file, *ca, *output;			/* for every command */
	const char *display_name, *host_names, *password_file, *limit, *after, *if_match;	/* for some */
	const char *authorizer, *super_users, *groups, *everyone, *file;
	const char *iterations, *users, *prefix, *mechanism, *enabled, *in_group;		/* of users */
	const char *auto_create, *auto_partitions, *auto_replication;
	const char *resource_type, *resource_name, *pattern_type, *principal, *host, *operation, *permission, *topic, *transactional_id;	/* of ACLs */
	const char *user, *client_id, *group, *address, *key, *add_config, *delete_config;			/* of quotas */
	bool	    unattributed, whole_tenant, all, cluster;
	bool	    adopt_prefix, purge, generate, enable, disable, writable, read_only, help;
};

struct ctl_call {
	struct ctl_options  opt;
	const char	   *arg[CTL_ARGS_MAX];	/* the command's own words */
	const char	   *noun;		/* where help was asked for: of these commands alone; NULL: of all */
	char		   *token;		/* wiped at the end */
};

/* How an answer looks as text. */
struct ctl_column {
	const char *title, *field;
};

struct ctl_command {
	const char *noun, *verb;	/* verb "" for one word */
	const char *args;		/* "ID NAME" */
	const char *options;		/* names from option.def, separated by blanks */
	const char *help;
	const char *method;		/* NULL: answered without the server */
	const char *path;		/* %1 the first argument, percent-encoded */
	enum alv_err (*body)(const struct ctl_call *c, json_t **out);	/* NULL: none */
	const struct ctl_column *columns;	/* ends with a NULL title */
	const char *done;		/* instead of an empty answer: "tenant %1 deleted" */
};

extern const struct ctl_command ctl_commands[];
extern const size_t		ctl_ncommands;

/* ---- args.c ---- */
/* CTL_OK: *cmd and c are set. CTL_USAGE: told on stderr. *cmd NULL: help of more than one command was asked for. */
int ctl_args_parse(int argc, char **argv, struct ctl_call *c, const struct ctl_command **cmd) ALV_MUST;
int ctl_args_count(const char *args);

/* ---- help.c ---- */
void ctl_help_all(const char *noun);	/* NULL: every command */
void ctl_help_command(const struct ctl_command *cmd);
const char *ctl_option_value_name(const char *option);	/* NULL: a flag or unknown */

/* ---- secret.c ---- */
/* The first line of a file ("-": standard input), without its end. NULL: told on stderr. */
char *ctl_secret_read(const char *file, const char *what);
void  ctl_secret_free(char *s);
/* The token by --token-file, ALCOVE_TOKEN_FILE or ALCOVE_TOKEN. NULL: told on stderr. */
char *ctl_secret_token(const struct ctl_options *o);

/* ---- http.c ---- */
/* body NULL: none. Returns an exit code; the answer's JSON (may be NULL) and status are set when the server answered. */
int ctl_http(const struct ctl_call *c, const char *method, const char *path, const json_t *body, long *status, json_t **answer) ALV_MUST;

/* ---- acl.c ---- */
enum alv_err ctl_acl_body(const struct ctl_call *c, json_t **out);
/* The path with the options that say which ACLs are meant, malloc'ed. */
char	    *ctl_acl_filter(const struct ctl_call *c, const char *path);
enum alv_err ctl_acl_replace_body(const struct ctl_call *c, json_t **out);

/* An array, or an object that holds one under `name` or as `items` (what lists print with -o json): into o as `name`. */
enum alv_err ctl_list_from_file(const char *file, const char *name, json_t *o);

/* ---- quota.c ---- */
enum alv_err ctl_quota_body(const struct ctl_call *c, json_t **out);
enum alv_err ctl_quota_replace_body(const struct ctl_call *c, json_t **out);
/* The path with the options that say whose quotas are meant, malloc'ed. */
char	    *ctl_quota_filter(const struct ctl_call *c, const char *path);
/* Quotas as rows of text. */
json_t	    *ctl_quota_rows(const json_t *items);

/* ---- user.c ---- */
enum alv_err ctl_users_body(const struct ctl_call *c, json_t **out);

/* ---- import.c ---- */
enum alv_err ctl_import_body(const struct ctl_call *c, json_t **out);

/* ---- print.c ---- */
void ctl_print(const struct ctl_call *c, const struct ctl_command *cmd, const json_t *answer);
void ctl_print_problem(long status, const json_t *problem);
/* %1 to %4 replaced by arguments. malloc'ed. */
char *ctl_fill(const char *pattern, const struct ctl_call *c, bool encode);

#endif
