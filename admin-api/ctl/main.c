/* alcovectl: words to one request (a list without --limit: to as many as it has pages), the answer to text. */
#include "admin-api/ctl/ctl.h"
#include "version.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static char *
page_path(const struct ctl_call *c, const char *base, const char *after)
{
	struct ctl_call args = { .arg = { base, c->opt.limit == NULL ? "500" : c->opt.limit, after } };
	char	       *query, *out;

	query = ctl_fill(after == NULL ? "?limit=%2" : "?limit=%2&after=%3", &args, true);
	args.arg[1] = query;
	out = query == NULL ? NULL : ctl_fill("%1%2", &args, false);
	free(query);
	return out;
}

/* One page of a list, or the one thing there is. malloc'ed. */
static char *
path_of(const struct ctl_call *c, const struct ctl_command *cmd, const char *base, const char *after)
{
	bool  list = strcmp(cmd->verb, "list") == 0;
	char *path = list ? page_path(c, base, after) :
	    c->opt.purge ? ctl_fill("%1?purge=true", &(struct ctl_call){ .arg = { base } }, false) : strdup(base), *filtered;
	bool  acl = strcmp(cmd->noun, "acl") == 0 || strcmp(cmd->noun, "user") == 0;

	if (path == NULL || cmd->body != NULL || (!acl && strcmp(cmd->noun, "quota") != 0))
		return path;
	filtered = acl ? ctl_acl_filter(c, path) : ctl_quota_filter(c, path);
	free(path);
	return filtered;
}

/* The server's answer, whole. For lists *answer gets all items. */
static int
ask(const struct ctl_call *c, const struct ctl_command *cmd, const json_t *body, json_t **answer)
{
	char	   *base = ctl_fill(cmd->path, c, true), *path, *after = c->opt.after == NULL ? NULL : strdup(c->opt.after);
	bool	    list = strcmp(cmd->verb, "list") == 0, more;
	json_t	   *page = NULL, *all = NULL;
	const char *next;
	long	    status = 0;
	int	    r;

	do {
		path = base == NULL ? NULL : path_of(c, cmd, base, after);
		r = path == NULL ? CTL_USAGE : ctl_http(c, cmd->method, path, body, &status, &page);
		free(path);
		if (r == CTL_OK && (status < 200 || status > 299)) {
			ctl_print_problem(status, page);
			r = CTL_REFUSED;
		}
		next = json_string_value(json_object_get(page, "next"));
		more = r == CTL_OK && list && next != NULL && c->opt.limit == NULL;
		free(after);
		after = more ? strdup(next) : NULL;
		if (all == NULL) {
			all = page;
		} else {
			json_array_extend(json_object_get(all, "items"), json_object_get(page, "items"));
			json_object_set(all, "next", json_object_get(page, "next"));
			json_decref(page);
		}
		page = NULL;
	} while (more && after != NULL);
	free(after);
	free(base);
	*answer = all;
	return r;
}

static int
run(struct ctl_call *c, const struct ctl_command *cmd)
{
	json_t *body = NULL, *answer = NULL;
	int	r = CTL_USAGE;

	c->token = ctl_secret_token(&c->opt);
	if (c->token == NULL)
		return CTL_USAGE;
	if (cmd->body == NULL || cmd->body(c, &body) == ALV_OK) {
		r = ask(c, cmd, body, &answer);
		if (r == CTL_OK)
			ctl_print(c, cmd, answer);
	}
	json_decref(body);
	json_decref(answer);
	ctl_secret_free(c->token);
	return r;
}

int
main(int argc, char **argv)
{
	const struct ctl_command *cmd;
	struct ctl_call		  c;
	int			  r = ctl_args_parse(argc, argv, &c, &cmd);

	if (r != CTL_OK)
		return r;
	if (cmd == NULL || (cmd->method == NULL && strcmp(cmd->noun, "help") == 0)) {
		ctl_help_all(c.noun);
		return CTL_OK;
	}
	if (c.opt.help) {
		ctl_help_command(cmd);
		return CTL_OK;
	}
	if (cmd->method == NULL) {
		printf("alcovectl %s\n", ALCOVE_VERSION);
		return CTL_OK;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	r = run(&c, cmd);
	curl_global_cleanup();
	return r;
}
