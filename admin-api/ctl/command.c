/* The commands, as one table. */
#include "admin-api/ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum alv_err
add_str(json_t *o, const char *name, const char *value)
{
	if (value == NULL)
		return ALV_OK;
	if (json_object_set_new(o, name, json_string(value)) == 0)
		return ALV_OK;
	fprintf(stderr, "alcovectl: %s: not valid UTF-8\n", name);
	return ALV_E_UTF8;
}

/* "kafka.acme.com=b$(node).kafka.acme.com,..." */
static enum alv_err
add_host_names(json_t *o, const char *list)
{
	json_t *all = json_array();

	while (list != NULL && *list != '\0') {
		size_t	    n = strcspn(list, ",");
		const char *eq = memchr(list, '=', n);
		json_t	   *one = eq == NULL ? NULL : json_pack("{s:s%, s:s%}", "bootstrap", list, (size_t)(eq - list), "nodePattern", eq + 1,
		    n - (size_t)(eq + 1 - list));

		if (one == NULL) {
			fprintf(stderr, "alcovectl: --host-names: found \"%.*s\", expected bootstrap=node-pattern\n", (int)n, list);
			json_decref(all);
			return ALV_E_VALUE;
		}
		json_array_append_new(all, one);
		list += n;
		list += *list == ',';
	}
	json_object_set_new(o, "hostNames", all);
	return ALV_OK;
}

/* "User:alice,User:bob" */
static void
add_list(json_t *o, const char *name, const char *list)
{
	json_t *all = json_array();

	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		json_array_append_new(all, json_stringn(list, n));
		list += n;
		list += *list == ',';
	}
	json_object_set_new(o, name, all);
}

static enum alv_err
add_yes_no(json_t *o, const char *name, const char *option, const char *value)
{
	if (value == NULL)
		return ALV_OK;
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
		fprintf(stderr, "alcovectl: --%s: found \"%.20s\", expected yes or no\n", option, value);
		return ALV_E_VALUE;
	}
	json_object_set_new(o, name, json_boolean(strcmp(value, "yes") == 0));
	return ALV_OK;
}

static enum alv_err
add_number(json_t *o, const char *name, const char *option, const char *value)
{
	char *end;
	long  n;

	if (value == NULL)
		return ALV_OK;
	errno = 0;
	n = strtol(value, &end, 10);
	if (*value == '\0' || *end != '\0' || errno != 0) {
		fprintf(stderr, "alcovectl: --%s: found \"%.20s\", expected a number\n", option, value);
		return ALV_E_VALUE;
	}
	json_object_set_new(o, name, json_integer(n));
	return ALV_OK;
}

static enum alv_err
add_auto_create(const struct ctl_call *c, json_t *o)
{
	enum alv_err e = add_yes_no(o, "autoCreateTopics", "auto-create-topics", c->opt.auto_create);

	if (e == ALV_OK)
		e = add_number(o, "autoCreatePartitions", "auto-create-partitions", c->opt.auto_partitions);
	return e != ALV_OK ? e : add_number(o, "autoCreateReplicationFactor", "auto-create-replication-factor", c->opt.auto_replication);
}

static enum alv_err
add_access(const struct ctl_call *c, json_t *o)
{
	enum alv_err e = add_yes_no(o, "allowEveryoneIfNoAclFound", "allow-everyone-if-no-acl-found", c->opt.everyone);

	if (c->opt.super_users != NULL)
		add_list(o, "superUsers", c->opt.super_users);
	if (e == ALV_OK)
		e = add_auto_create(c, o);
	return e != ALV_OK ? e : add_str(o, "authorizer", c->opt.authorizer);
}

static enum alv_err
tenant_body_of(const struct ctl_call *c, json_t *o)
{
	enum alv_err e = c->opt.host_names == NULL ? ALV_OK : add_host_names(o, c->opt.host_names);

	if (e == ALV_OK)
		e = add_access(c, o);
	return e != ALV_OK ? e : add_str(o, "displayName", c->opt.display_name);
}

static enum alv_err
tenant_body(const struct ctl_call *c, json_t **out)
{
	*out = json_object();
	if (c->opt.adopt_prefix)
		json_object_set_new(*out, "adoptPrefix", json_true());
	return tenant_body_of(c, *out);
}

static enum alv_err
new_tenant_body(const struct ctl_call *c, json_t **out)
{
	enum alv_err e = tenant_body(c, out);

	return e != ALV_OK ? e : add_str(*out, "id", c->arg[0]);
}

static enum alv_err
change_tenant_body(const struct ctl_call *c, json_t **out)
{
	enum alv_err e;

	*out = json_object();
	e = tenant_body_of(c, *out);
	if (e != ALV_OK || json_object_size(*out) > 0)
		return e;
	fprintf(stderr, "alcovectl: expected --display-name, --host-names, --authorizer, --super-users, --allow-everyone-if-no-acl-found or one of --auto-create-...\n");
	return ALV_E_MISSING;
}

/* Password by file, standard input or the server; never by an argument, which everybody on the machine can read. */
static enum alv_err
password_body(const struct ctl_call *c, json_t **out)
{
	char	    *password;
	enum alv_err e;

	*out = json_object();
	e = add_number(*out, "iterations", "iterations", c->opt.iterations);
	if (e != ALV_OK)
		return e;
	if (c->opt.generate && c->opt.password_file == NULL) {
		json_object_set_new(*out, "generate", json_true());
		return ALV_OK;
	}
	if (c->opt.generate) {
		fprintf(stderr, "alcovectl: found --generate and --password-file, expected one of them\n");
		return ALV_E_CONFLICT;
	}
	password = ctl_secret_read(c->opt.password_file == NULL ? "-" : c->opt.password_file, "password");
	if (password == NULL)
		return ALV_E_SYSTEM;
	e = add_str(*out, "password", password);
	ctl_secret_free(password);
	return e;
}

static enum alv_err
new_user_body(const struct ctl_call *c, json_t **out)
{
	enum alv_err e = password_body(c, out);

	if (c->opt.disable)
		json_object_set_new(*out, "enabled", json_false());
	if (c->opt.groups != NULL)
		add_list(*out, "groups", c->opt.groups);
	return e != ALV_OK ? e : add_str(*out, "name", c->arg[1]);
}

static enum alv_err
enabled_body(const struct ctl_call *c, json_t **out)
{
	*out = json_object();
	if (c->opt.enable == c->opt.disable && (c->opt.enable || c->opt.groups == NULL)) {
		fprintf(stderr, "alcovectl: expected one of --enable and --disable, or --groups\n");
		return ALV_E_MISSING;
	}
	if (c->opt.enable != c->opt.disable)
		json_object_set_new(*out, "enabled", json_boolean(c->opt.enable));
	if (c->opt.groups != NULL)
		add_list(*out, "groups", c->opt.groups);
	return ALV_OK;
}

static enum alv_err
alias_body(const struct ctl_call *c, json_t **out)
{
	enum alv_err e;

	*out = json_object();
	json_object_set_new(*out, "writable", json_boolean(c->opt.writable));
	e = add_str(*out, "kind", c->arg[1]);
	if (e == ALV_OK)
		e = add_str(*out, "name", c->arg[2]);
	return e != ALV_OK ? e : add_str(*out, "target", c->arg[3]);
}

static const struct ctl_column tenant_columns[] = {
	{ "ID", "id" }, { "STATE", "state" }, { "USERS", "users" }, { "ALIASES", "aliases" }, { "HOST NAMES", "hostNames" }, { "AUTHORIZER", "authorizer" }, { "REVISION", "revision" },
	{ "DISPLAY NAME", "displayName" }, { NULL, NULL }
};
static const struct ctl_column user_columns[] = {
	{ "NAME", "name" }, { "ENABLED", "enabled" }, { "MECHANISMS", "mechanisms" }, { "GROUPS", "groups" }, { "REVISION", "revision" },
	{ "PASSWORD", "password" }, { NULL, NULL }
};
static const struct ctl_column set_columns[] = { { "CREDENTIALS", "credentials" }, { "USERS", "users" }, { NULL, NULL } };
static const struct ctl_column altered_columns[] = {
	{ "CREATED", "created" }, { "CHANGED", "changed" }, { "DELETED", "deleted" }, { NULL, NULL }
};
static const struct ctl_column name_columns[] = { { "NAME", "name" }, { NULL, NULL } };
static const struct ctl_column alias_columns[] = {
	{ "KIND", "kind" }, { "NAME", "name" }, { "TARGET", "target" }, { "WRITABLE", "writable" }, { NULL, NULL }
};
static const struct ctl_column acl_columns[] = {
	{ "TYPE", "resourceType" }, { "NAME", "resourceName" }, { "PATTERN", "patternType" }, { "PRINCIPAL", "principal" }, { "HOST", "host" },
	{ "OPERATION", "operation" }, { "PERMISSION", "permission" }, { NULL, NULL }
};
static const struct ctl_column quota_columns[] = { { "ENTITY", "entity" }, { "LIMITS", "limits" }, { NULL, NULL } };
static const struct ctl_column changed_columns[] = { { "CHANGED", "changed" }, { NULL, NULL } };
static const struct ctl_column ruling_columns[] = {
	{ "KEY", "key" }, { "LEVEL", "level" }, { "LIMIT", "limit" }, { "UNIT", "unit" }, { "FOR", "for" }, { "REASON", "reason" }, { NULL, NULL }
};
static const struct ctl_column replaced_columns[] = {
	{ "CREATED", "created" }, { "DELETED", "deleted" }, { "EXISTING", "existing" }, { NULL, NULL }
};
static const struct ctl_column created_columns[] = { { "CREATED", "created" }, { "EXISTING", "existing" }, { NULL, NULL } };
static const struct ctl_column who_columns[] = { { "NAME", "name" }, { "ROLE", "role" }, { NULL, NULL } };
static const struct ctl_column cluster_columns[] = {
	{ "CLUSTER", "clusterId" }, { "REACHABLE", "reachable" }, { "READY", "ready" }, { "TOPICS", "topics" },
	{ "BROKERS", "brokers" }, { "REASONS", "reasons" }, { NULL, NULL }
};

const struct ctl_command ctl_commands[] = {
	{ "tenant", "create", "ID", "display-name host-names authorizer super-users allow-everyone-if-no-acl-found auto-create-topics auto-create-partitions auto-create-replication-factor adopt-prefix", "create a tenant", "POST", "/v1/tenants", new_tenant_body, tenant_columns, NULL },
	{ "tenant", "get", "ID", "", "show a tenant", "GET", "/v1/tenants/%1", NULL, tenant_columns, NULL },
	{ "tenant", "list", "", "limit after", "list tenants", "GET", "/v1/tenants", NULL, tenant_columns, NULL },
	{ "tenant", "update", "ID", "display-name host-names authorizer super-users allow-everyone-if-no-acl-found auto-create-topics auto-create-partitions auto-create-replication-factor if-match", "change a tenant's display name, host names or authorizer", "PATCH", "/v1/tenants/%1", change_tenant_body, tenant_columns, NULL },
	{ "tenant", "delete", "ID", "purge if-match", "delete a tenant", "DELETE", "/v1/tenants/%1", NULL, tenant_columns, "tenant %1 deleted" },
	{ "tenant", "suspend", "ID", "if-match", "refuse a tenant's clients", "POST", "/v1/tenants/%1/suspend", NULL, tenant_columns, NULL },
	{ "tenant", "resume", "ID", "if-match", "let a tenant's clients in again", "POST", "/v1/tenants/%1/resume", NULL, tenant_columns, NULL },
	{ "user", "create", "TENANT NAME", "password-file generate iterations disable groups", "create a user; the password comes from standard input, a file or the server", "POST",
	    "/v1/tenants/%1/users", new_user_body, user_columns, NULL },
	{ "user", "set-password", "TENANT NAME", "password-file generate iterations if-match", "give a user another password", "PATCH", "/v1/tenants/%1/users/%2",
	    password_body, user_columns, NULL },
	{ "user", "set", "TENANT NAME", "enable disable groups if-match", "enable or disable a user, or put it into other groups", "PATCH", "/v1/tenants/%1/users/%2", enabled_body, user_columns, NULL },
	{ "user", "get", "TENANT NAME", "", "show a user", "GET", "/v1/tenants/%1/users/%2", NULL, user_columns, NULL },
	{ "user", "import", "TENANT", "file users if-match", "set SCRAM credentials of another Kafka's users: they keep their passwords", "POST",
	    "/v1/tenants/%1/scram-credentials", ctl_import_body, set_columns, NULL },
	{ "user", "list", "TENANT", "prefix mechanism enabled in-group limit after", "list a tenant's users", "GET", "/v1/tenants/%1/users", NULL, user_columns, NULL },
	{ "user", "delete", "TENANT NAME", "if-match", "delete a user", "DELETE", "/v1/tenants/%1/users/%2", NULL, user_columns, "user %2 of %1 deleted" },
	{ "user", "apply", "TENANT", "file if-match", "create, change and delete the users of a file, all or none", "PATCH", "/v1/tenants/%1/users",
	    ctl_users_body, altered_columns, NULL },
	{ "user", "replace", "TENANT", "file if-match", "replace all of a tenant's users by those in a file", "PUT", "/v1/tenants/%1/users", ctl_users_body,
	    altered_columns, NULL },
	{ "user", "delete-matching", "TENANT", "prefix mechanism enabled in-group all if-match", "delete the users that fit, and list them", "DELETE",
	    "/v1/tenants/%1/users", NULL, name_columns, NULL },
	{ "alias", "create", "TENANT KIND NAME TARGET", "writable", "let a tenant see a name of the cluster under another; KIND: topic, group, transactionalId",
	    "POST", "/v1/tenants/%1/aliases", alias_body, alias_columns, NULL },
	{ "alias", "list", "TENANT", "limit after", "list a tenant's aliases", "GET", "/v1/tenants/%1/aliases", NULL, alias_columns, NULL },
	{ "alias", "delete", "TENANT KIND NAME", "if-match", "delete an alias", "DELETE", "/v1/tenants/%1/aliases/%2/%3", NULL, alias_columns, "alias %3 of %1 deleted" },
	{ "acl", "create", "TENANT", "resource-type resource-name topic group transactional-id cluster pattern-type principal host operation permission file if-match", "create an ACL, or all in a file",
	    "POST", "/v1/tenants/%1/acls", ctl_acl_body, created_columns, NULL },
	{ "acl", "list", "TENANT", "resource-type resource-name topic group transactional-id cluster pattern-type principal host operation permission limit after", "list a tenant's ACLs",
	    "GET", "/v1/tenants/%1/acls", NULL, acl_columns, NULL },
	{ "acl", "delete", "TENANT", "resource-type resource-name topic group transactional-id cluster pattern-type principal host operation permission if-match",
	    "delete the ACLs that fit, and list them; --resource-type any: all", "DELETE", "/v1/tenants/%1/acls", NULL, acl_columns, NULL },
	{ "acl", "replace", "TENANT", "file if-match", "replace all of a tenant's ACLs by those in a file", "PUT", "/v1/tenants/%1/acls",
	    ctl_acl_replace_body, replaced_columns, NULL },
	{ "acl", "explain", "TENANT", "principal host operation resource-type resource-name topic group transactional-id cluster groups",
	    "which rule decides whether somebody may do something, and why", "GET", "/v1/tenants/%1/acls/explain", NULL, NULL, NULL },
	{ "quota", "list", "TENANT", "user client-id group address unattributed whole-tenant key limit after", "list a tenant's quotas", "GET",
	    "/v1/tenants/%1/quotas", NULL, quota_columns, NULL },
	{ "quota", "set", "TENANT", "user client-id group address unattributed whole-tenant add-config delete-config file if-match",
	    "set and remove limits of an entity, or of all in a file", "POST", "/v1/tenants/%1/quotas", ctl_quota_body, changed_columns, NULL },
	{ "quota", "replace", "TENANT", "file if-match", "replace all of a tenant's quotas by those in a file", "PUT", "/v1/tenants/%1/quotas",
	    ctl_quota_replace_body, changed_columns, NULL },
	{ "quota", "delete", "TENANT", "user client-id group address unattributed whole-tenant all key if-match",
	    "delete the quotas that fit, and list them", "DELETE", "/v1/tenants/%1/quotas", NULL, quota_columns, NULL },
	{ "quota", "explain", "TENANT", "principal client-id group address unattributed key", "which quota decides for somebody, and why", "GET",
	    "/v1/tenants/%1/quotas/explain", NULL, ruling_columns, NULL },
	{ "cluster", "", "", "", "show the physical cluster", "GET", "/v1/cluster", NULL, cluster_columns, NULL },
	{ "whoami", "", "", "", "show whose token this is", "GET", "/v1/whoami", NULL, who_columns, NULL },
	{ "version", "", "", "", "print the version", NULL, NULL, NULL, NULL, NULL },
	{ "help", "", "", "", "print all commands; help COMMAND: those that begin so", NULL, NULL, NULL, NULL, NULL },
};
const size_t ctl_ncommands = ALV_COUNT(ctl_commands);
